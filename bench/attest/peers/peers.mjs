// SPDX-License-Identifier: Apache-2.0
// Verifiers of Intel quotes that are not ours: npm's dcap-qvl in JavaScript and dcap-qvl-web in WebAssembly.
//
//   peers.mjs < rows    rows: JSON, a list of {name, quote (hex), collateral (object), now_s, seconds}
//                       -> a JSON line a row and peer: {row, peer, status, advisories} or {row, peer, refused},
//                          with the median seconds of a verification where the row's seconds are spent on it
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import dcapQvl from "@phala/dcap-qvl";
import { initSync, js_verify } from "@phala/dcap-qvl-web";

const wasm = createRequire(import.meta.url).resolve("@phala/dcap-qvl-web/dcap-qvl-web_bg.wasm");
initSync({ module: readFileSync(wasm) });

const peers = {
  "dcap-qvl": (row) => dcapQvl.verify(row.bytes, row.collateral, row.now_s),
  "dcap-qvl-web": (row) => js_verify(row.bytes, row.collateral, BigInt(row.now_s)),
};

function medianSeconds(run, seconds) {
  const times = [];
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    const start = performance.now();
    run();
    times.push((performance.now() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1];
}

for (const row of JSON.parse(readFileSync(0))) {
  row.bytes = new Uint8Array(Buffer.from(row.quote, "hex"));
  for (const [peer, verify] of Object.entries(peers)) {
    const line = { row: row.name, peer };
    try {
      const report = verify(row);
      line.status = report.status;
      line.advisories = report.advisory_ids;
      if (row.seconds > 0) line.median_s = medianSeconds(() => verify(row), row.seconds);
    } catch (e) {
      line.refused = String(e.message ?? e);
    }
    console.log(JSON.stringify(line));
  }
}
