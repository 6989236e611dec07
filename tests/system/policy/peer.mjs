// SPDX-License-Identifier: Apache-2.0
// Judges documents by a JSON Schema with a library that is not ours: [schema, [text, ...]] in, a list of
// true and false out. A text that is no JSON is false.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const Ajv2020 = createRequire(import.meta.url)("ajv/dist/2020.js").default;
const [schema, texts] = JSON.parse(readFileSync(0, "utf8"));
// strict: a misspelt keyword is an error; the rules of several keys speak of members that they do not require.
const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, keywords: ["x-absent", "x-code", "x-compared"] });
const validate = ajv.compile(schema);
process.stdout.write(JSON.stringify(texts.map((text) => {
  try {
    return validate(JSON.parse(text));
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    return false;
  }
})));
