// SPDX-License-Identifier: Apache-2.0
// A relying party and a verifier made of libraries that are not ours: jose and @auth0/cose.
//
//   peer.mjs verify jwt|cwt PUBLIC.pem ALG < token     -> {"header", "claims"} as JSON
//   peer.mjs sign   jwt|cwt PRIVATE.pem ALG < claims   -> the token; claims as JSON, in CBOR's labels
//                                                         where it is a CWT (see cborOf)
import { createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

import { Sign1, Headers, ProtectedHeaders, Algorithms } from "@auth0/cose";
import { Decoder, Encoder } from "cbor-x";
import { compactVerify, CompactSign } from "jose";

const OPTIONS = { mapsAsObjects: false, useRecords: false, variableMapSize: true, tagUint8Array: false };
const encoder = new Encoder(OPTIONS);
const decoder = new Decoder(OPTIONS);

// Objects are maps whose keys are numbers where they look like numbers; {"hex": "…"} is bytes.
function cborOf(value) {
  if (Array.isArray(value)) return value.map(cborOf);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.hex === "string") return Buffer.from(value.hex, "hex");
  return new Map(Object.entries(value).map(([key, v]) => [/^-?\d+$/.test(key) ? Number(key) : key, cborOf(v)]));
}

function jsonOf(value) {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [String(k), jsonOf(v)]));
  return value;
}

const commands = {
  async "verify jwt"(token, key, alg) {
    const { payload, protectedHeader } = await compactVerify(token.toString(), key, { algorithms: [alg] });
    return JSON.stringify({ header: protectedHeader, claims: JSON.parse(Buffer.from(payload).toString()) });
  },
  async "verify cwt"(token, key, alg) {
    const message = Sign1.decode(token);
    await message.verify(key, { algorithms: [Algorithms[alg]] });
    return JSON.stringify({
      header: jsonOf(new Map(message.protectedHeaders)),
      claims: jsonOf(decoder.decode(message.payload)),
    });
  },
  async "sign jwt"(claims, key, alg) {
    return new CompactSign(claims).setProtectedHeader({ alg, typ: "JWT", kid: "peer" }).sign(key);
  },
  async "sign cwt"(claims, key, alg) {
    const payload = encoder.encode(cborOf(JSON.parse(claims.toString())));
    const headers = ProtectedHeaders.from([[Headers.Algorithm, Algorithms[alg]]]);
    const message = await Sign1.sign(headers, undefined, payload, key);
    return message.encode();
  },
};

const [verb, form, keyFile, alg] = process.argv.slice(2);
const pem = readFileSync(keyFile);
const key = verb === "sign" ? createPrivateKey(pem) : createPublicKey(pem);
writeFileSync(1, await commands[`${verb} ${form}`](readFileSync(0), key, alg));
