// SPDX-License-Identifier: Apache-2.0
// Asks an agent through the published SDK and prints what came, as JSON, for test_sdk.py.
// usage: node ask.mjs ENDPOINT REPORT_DATA_HEX
import { keccak_256 } from '@noble/hashes/sha3';
import { ed25519 } from '@noble/curves/ed25519';
import { secp256k1 } from '@noble/curves/secp256k1';
import { DstackClient } from '@phala/dstack-sdk';

const [endpoint, reportData] = process.argv.slice(2);
const client = new DstackClient(endpoint);
const hex = (bytes) => Buffer.from(bytes).toString('hex');

// The key that made a recoverable signature (r, s, recovery id) over a message.
function signer(signature, message) {
  const compact = secp256k1.Signature.fromCompact(signature.slice(0, 64));
  return compact.addRecoveryBit(signature[64]).recoverPublicKey(keccak_256(message)).toRawBytes(true);
}

const { app_id: appId, ...info } = await client.info();

// The chain of a key: signed by the app's key, which the KMS signed.
async function key(path, purpose, algorithm) {
  const got = await client.getKey(path, purpose, algorithm);
  const curve = algorithm === 'ed25519' ? ed25519 : secp256k1;
  const app = signer(got.signature_chain[0],
    Buffer.from(`${purpose}:${hex(curve.getPublicKey(got.key))}`));
  const kms = signer(got.signature_chain[1],
    Buffer.concat([Buffer.from('dstack-kms-issued:'), Buffer.from(appId, 'hex'), app]));
  return { key: hex(got.key), chain: got.signature_chain.map(hex), app: hex(app), kms: hex(kms) };
}

async function refusal(path, request) {
  const reply = await fetch(new URL(path, endpoint), { method: 'POST', body: JSON.stringify(request) });
  return reply.status === 400 ? (await reply.json()).error : `status ${reply.status}`;
}

const tls = await client.getTlsKey({ subject: 'probe', altNames: ['probe.test'] });
const nameless = await client.getTlsKey();
const quote = await client.getQuote(Buffer.from(reportData, 'hex'));
const attested = await client.attest(Buffer.from(reportData, 'hex'));
console.log(JSON.stringify({
  reachable: await client.isReachable(),
  version: await client.version(),
  keys: {
    one: await key('wallet', 'signing', 'secp256k1'),
    again: await key('wallet', 'another purpose', 'secp256k1'),
    two: await key('wallet/2', 'signing', 'secp256k1'),
    ed25519: await key('wallet', 'signing', 'ed25519'),
  },
  tls: { key: tls.key, certificate_chain: tls.certificate_chain },
  nameless: nameless.certificate_chain[0],
  quote: { ...quote, rtmr3: quote.quote.slice(2 * (48 + 472), 2 * (48 + 520)) },
  attestation: attested.attestation,
  info: { app_id: appId, ...info },
  refused: await refusal('/GetKey', { path: 'wallet', algorithm: 'rot13' }),
}));
