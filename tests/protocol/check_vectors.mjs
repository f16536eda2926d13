// Checks the vectors against JSON.parse: node check_vectors.mjs <folder of the vectors>
import { readFileSync } from 'node:fs';
import { deepStrictEqual } from 'node:assert';
import { join } from 'node:path';

const folder = process.argv[2];
const load = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const faults = [];
const expect = (fact, what) => { if (!fact) faults.push(what); };

const parses = (text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const is_text = (bytes) => {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
};

const invalid = load('invalid_json.json');
expect(invalid.texts.length >= 300, 'at least 300 invalid texts');
expect(new Set(invalid.texts).size === invalid.texts.length, 'no invalid text twice');
for (const text of invalid.texts) expect(!parses(text), `JSON.parse refuses ${text}`);
for (const encoded of invalid.base64) {
  const bytes = Buffer.from(encoded, 'base64');
  expect(!is_text(bytes) || !parses(decoder.decode(bytes)), `a browser refuses ${encoded}`);
}

// Numbers are compared as JavaScript sees them: beyond 2^53 two spellings may mean the same double.
for (const { name, json, jsonAlso = [] } of load('payloads.json').payloads) {
  expect(parses(json), `JSON.parse takes payload ${name}`);
  for (const other of jsonAlso) {
    try {
      deepStrictEqual(JSON.parse(other), JSON.parse(json));
    } catch {
      faults.push(`payload ${name}: ${other}`);
    }
  }
}
for (const { name, json } of load('valid_messages.json').messages)
  expect(parses(json), `JSON.parse takes message ${name}`);
for (const { name, json, code } of load('rejected.json').messages) {
  // A malformed message is JSON to others only if it nests too deeply.
  if (json !== undefined && code !== 'malformed')
    expect(parses(json), `JSON.parse takes refused message ${name}`);
}
for (const { name, json, plain } of load('events.json').events) {
  for (const text of [json, plain]) {
    if (text === null) continue;
    expect(parses(text), `JSON.parse takes event ${name}`);
    expect(Object.keys(JSON.parse(text))[0] === 'type', `type comes first in event ${name}`);
  }
}

for (const fault of faults) console.error(`not so: ${fault}`);
console.log(
  `${invalid.texts.length + invalid.base64.length} invalid texts, ${faults.length} faults`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
