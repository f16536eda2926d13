// Runs protocol_mutations and checks its verdict on each text against JSON.parse:
// node check_mutants.mjs <program> [its arguments]
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';

const [program, ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
const exited = new Promise((resolve) => child.on('close', resolve));
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const parse = (base64) => JSON.parse(decoder.decode(Buffer.from(base64, 'base64')));

let accepted = 0;
let refused = 0;
let faults = 0;
const fault = (what, line) => {
  faults += 1;
  console.error(`not so: ${what}: ${line}`);
};

const judge_accepted = (line, text, back) => {
  accepted += 1;
  try {
    const message = parse(text);
    if (typeof message.type !== 'string') fault('it has a type', line);
    if (!isDeepStrictEqual(message, parse(back)))
      fault('it is the same by way of MessagePack', line);
  } catch {
    fault('JSON.parse takes it', line);
  }
};

const judge_refused = (line, text) => {
  refused += 1;
  try {
    parse(text);
  } catch {
    return;
  }
  fault('JSON.parse refuses it', line);
};

for await (const line of createInterface({ input: child.stdout })) {
  const [verdict, text, back] = line.split(' ');
  if (verdict === '+') judge_accepted(line, text, back);
  else judge_refused(line, text);
}

const code = await exited;
console.log(
  `${accepted} accepted and ${refused} refused texts judged, ${faults} faults, exit code ${code}`,
);
process.exitCode = faults === 0 && accepted > 0 && code === 0 ? 0 : 1;
