// SPDX-License-Identifier: Apache-2.0
// The verification library as WebAssembly, its cryptography from node: what examples/verify/verify.c
// does, with the same options and the same output.
//
//     node attest.mjs MODULE --interface
//     node attest.mjs MODULE [--at SECONDS] [--custom-root SHA256] [--simulated-root SHA256] [--policy FILE]
//                     [--report-data HEX] EVIDENCE [COLLATERAL...]

import { constants, createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

// src/base/err.h, crypto/hash.h, crypto/verify.h
const OK = 0, FORMAT = -6, UNSUPPORTED = -8, UNTRUSTED = -9, CRYPTO = -15;
const HASHES = ["sha1", "sha256", "sha384", "sha512"];
const CURVES = { 32: { crv: "P-256", name: "prime256v1", hash: "sha256" }, 48: { crv: "P-384", name: "secp384r1", hash: "sha384" } };
const RSA_PSS = 2;
const DENIED = -7; // include/dstack/attest.h

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
let memory;

const bytes = (p, len) => Buffer.from(memory.buffer, p, len);
const u32 = (p) => new DataView(memory.buffer).getUint32(p, true);
const span = (p) => bytes(u32(p), u32(p + 4));
const text = (p) => bytes(p, memory.buffer.byteLength - p).subarray(0, bytes(p, memory.buffer.byteLength - p).indexOf(0)).toString();

// Neither node nor a browser verifies ECDSA over a digest that is given. All digests that the library
// verifies are its own, so the message is found by its digest.
const messages = new Map();

function hash(alg, out, parts) {
  const message = Buffer.concat(parts);
  const digest = createHash(HASHES[alg]).update(message).digest();
  messages.set(digest.toString("hex"), message);
  bytes(out, digest.length).set(digest);
  return OK;
}

function ecdsa(length, xy, digest, sig) {
  const curve = CURVES[length];
  const message = messages.get(bytes(digest, length).toString("hex"));
  let key;
  if (message === undefined)
    return CRYPTO;
  try {
    const point = bytes(xy, 2 * length);
    key = createPublicKey({ format: "jwk", key: { kty: "EC", crv: curve.crv, x: point.subarray(0, length).toString("base64url"),
                                                  y: point.subarray(length).toString("base64url") } });
  } catch {
    return FORMAT;
  }
  return verify(curve.hash, message, { key, dsaEncoding: "ieee-p1363" }, bytes(sig, 2 * length)) ? OK : UNTRUSTED;
}

function spkiKey(spki) {
  try {
    return createPublicKey({ format: "der", type: "spki", key: spki });
  } catch {
    return null;
  }
}

const isOfCurve = (key, length) => key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails.namedCurve === CURVES[length].name;

function spkiVerify(alg, spki, message, sig) {
  const key = spkiKey(span(spki));
  if (key === null)
    return FORMAT;
  if (alg === RSA_PSS) {
    if (key.asymmetricKeyType !== "rsa")
      return UNSUPPORTED;
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
    return verify("sha384", span(message), pss, span(sig)) ? OK : UNTRUSTED;
  }
  const length = alg === 0 ? 32 : 48;
  if (!isOfCurve(key, length))
    return UNSUPPORTED;
  return verify(CURVES[length].hash, span(message), key, span(sig)) ? OK : UNTRUSTED;
}

function pointOf(length, out, spki) {
  const key = spkiKey(span(spki));
  if (key === null || !isOfCurve(key, length))
    return key === null ? FORMAT : UNSUPPORTED;
  const jwk = key.export({ format: "jwk" });
  bytes(out, 2 * length).set(Buffer.concat([Buffer.from(jwk.x, "base64url"), Buffer.from(jwk.y, "base64url")]));
  return OK;
}

const env = {
  ds_hash: (alg, out, input) => hash(alg, out, [span(input)]),
  ds_hash_v: (alg, out, parts, n) => hash(alg, out, Array.from({ length: n }, (_, i) => span(parts + 8 * i))),
  ds_hash_extend: (alg, mr, digest) => {
    const length = createHash(HASHES[alg]).digest().length;
    return hash(alg, mr, [Buffer.from(bytes(mr, length)), bytes(digest, length)]);
  },
  ds_p256_verify: (xy, digest, sig) => ecdsa(32, xy, digest, sig),
  ds_p384_verify: (xy, digest, sig) => ecdsa(48, xy, digest, sig),
  ds_spki_verify: spkiVerify,
  ds_p256_of_spki: (out, spki) => pointOf(32, out, spki),
  ds_p384_of_spki: (out, spki) => pointOf(48, out, spki),
};

if (process.argv[3] === "--interface") {
  const names = (list) => list.map((each) => `${each.kind} ${each.module ?? ""}${each.module ? "." : ""}${each.name}`);
  console.log(JSON.stringify({ imports: names(WebAssembly.Module.imports(module)), exports: names(WebAssembly.Module.exports(module)) }));
  process.exit(0);
}

const lib = new WebAssembly.Instance(module, { env }).exports;
memory = lib.memory;

// Memory behind the module's own, 16-aligned, never given back.
let top = lib.__heap_base.value;
function room(length) {
  const p = (top + 15) & ~15;
  top = p + length;
  const lacking = top - memory.buffer.byteLength;
  if (lacking > 0)
    memory.grow(Math.ceil(lacking / 65536));
  return p;
}

function put(data) {
  const p = room(data.length);
  bytes(p, data.length).set(data);
  return p;
}

function pairs(list) {
  const p = room(8 * list.length);
  list.forEach((data, i) => {
    const at = put(data);
    const view = new DataView(memory.buffer);
    view.setUint32(p + 8 * i, at, true);
    view.setUint32(p + 8 * i + 4, data.length, true);
  });
  return p;
}

const verifier = lib.ds_attest_init(room(lib.ds_attest_size()), lib.ds_attest_size());
lib.ds_attest_trust_hardware(verifier, 0);

const [names, now] = [[...process.argv.slice(3)], { s: BigInt(Math.floor(Date.now() / 1000)) }];
const NOTHING = Buffer.alloc(0), SESSION_NONE = 0, SESSION_NONCE = 1;
let policy = null, expected = NOTHING;
while (names.length > 0 && names[0].startsWith("--")) {
  const [option, value] = names.splice(0, 2);
  if (option === "--at")
    now.s = BigInt(value);
  else if (option === "--policy")
    policy = readFileSync(value);
  else if (option === "--report-data")
    expected = Buffer.from(value, "hex");
  else
    lib[option === "--custom-root" ? "ds_attest_trust_custom" : "ds_attest_trust_simulated"](
      verifier, put(Buffer.from(option + "\0")), put(Buffer.from(value, "hex")));
}
const files = names.map((name) => readFileSync(name));
let result = lib.ds_attest_verify(verifier, pairs(files.slice(0, 1)), pairs(files.slice(1)), files.length - 1, now.s);
if (result === OK && policy !== null)
  result = lib.ds_attest_check(verifier, pairs([policy]), expected.length > 0 ? SESSION_NONCE : SESSION_NONE, pairs([expected]));

const SHAPES = { 1: (c, id, i) => (lib.ds_attest_claim_bytes(pair, c, id, i), span(pair).toString("hex")),
                 2: (c, id, i) => BigInt.asUintN(64, lib.ds_attest_claim_number(c, id, i)).toString(),
                 3: (c, id, i) => text(lib.ds_attest_claim_text(c, id, i)) };
const pair = room(8);
const claims = lib.ds_attest_claims(verifier);
if (result === OK)
  for (let id = 1; lib.ds_attest_claim_name(id) !== 0; id++)
    for (let i = 0; i < lib.ds_attest_claim_count(claims, id); i++)
      console.log(`${text(lib.ds_attest_claim_name(id))} ${SHAPES[lib.ds_attest_claim_shape(id)](claims, id, i)}`);

const reason = room(28);
for (let i = 0; i < lib.ds_attest_n_reasons(verifier); i++) {
  lib.ds_attest_reason(reason, verifier, i);
  const [code, what, claim, expected, got, anchor, fix] = [0, 1, 2, 3, 4, 5, 6].map((k) => text(u32(reason + 4 * k)));
  console.log(`${code}: ${what}\n  claim     ${claim}\n  expected  ${expected}\n  got       ${got}\n  anchor    ${anchor}\n  fix       ${fix}`);
}
if (lib.ds_attest_n_reasons_dropped(verifier) > 0)
  console.log(`and ${lib.ds_attest_n_reasons_dropped(verifier)} more`);
process.exit(result === OK ? 0 : result === DENIED ? 3 : 4);
