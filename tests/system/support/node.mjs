// Starts the built nodes and looks at them from outside: output, exit code, HTTP, metrics, /proc.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { freePorts } from './ports.mjs';
import { until, within } from './wait.mjs';

export const binaries =
  process.env.TROUPE_BIN ?? fileURLToPath(new URL('../../../build/dev/bin', import.meta.url));
export const loops = process.env.TROUPE_LOOPS ?? '1';
export const longRun = process.env.TROUPE_LONG === '1';

/// Nodes ask for huge pages, which would round up what tests measure.
const smallPages = { MALLOC_CONF: 'thp:default' };
/// For `startNode`: what is free goes back at once as well, so that only what is in use counts.
export const nothingSpare = { MALLOC_CONF: 'dirty_decay_ms:0,muzzy_decay_ms:0,thp:default' };

export function binary(name) {
  const file = path.join(binaries, name);
  if (!existsSync(file))
    throw new Error(`${file} is not built (TROUPE_BIN names the folder of the nodes)`);
  return file;
}

/// Runs a node that is expected to end by itself, and returns {code, signal, stdout, stderr}.
export async function runToEnd(name, args) {
  const child = spawn(binary(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes) => (output.stdout += bytes));
  child.stderr.on('data', (bytes) => (output.stderr += bytes));
  try {
    const [code, signal] = await within(once(child, 'close'), `${name} ${args.join(' ')} to end`);
    return { code, signal, ...output };
  } finally {
    child.kill('SIGKILL');
  }
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = net
      .connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)))
      .on('error', () => resolve(false));
  });

/// Starts a node on a free port, or on `port`, and returns it once it listens.
/// `t`: the test (or suite) after which it is ended. `descriptors`: bound of open files. `env`: more
/// variables of its environment.
/// `onceItAccepts(child)` is called as soon as `port` accepts connections, before the node says so.
export async function startNode(
  t, name, args = [], { descriptors, env = {}, port = 0, onceItAccepts } = {},
) {
  const how = { stdio: ['ignore', 'pipe', 'pipe'], env: { ...smallPages, ...process.env, ...env } };
  const all = ['--port', String(port), '--loops', loops, ...args];
  const child = descriptors
    ? spawn('bash', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, binary(name), ...all], how)
    : spawn(binary(name), all, how);
  const node = new Node(name, child);
  const end = () => node.end();
  if (t?.after) t.after(end);
  if (onceItAccepts) {
    while (!node.exit && !(await accepts(port)));
    onceItAccepts(child);
  }
  await node.listening;
  return node;
}

/// The same for a node whose port nobody else gets before it is started again.
export async function startLastingNode(t, name, args = [], options = {}) {
  const [port] = await freePorts(1);
  return startNode(t, name, args, { ...options, port });
}

class Node {
  constructor(name, child) {
    this.name = name;
    this.child = child;
    this.pid = child.pid;
    this.log = '';
    this.agent = new http.Agent({ keepAlive: false });
    child.stderr.on('data', (bytes) => (this.log += bytes));
    this.exited = once(child, 'close').then(([code, signal]) => (this.exit = { code, signal }));
    this.listening = this.#firstLine();
  }

  async #firstLine() {
    const lines = createInterface({ input: this.child.stdout });
    const found = new Promise((resolve) => {
      lines.on('line', (line) => {
        this.log += line + '\n';
        const match = line.match(/^(\S+) is listening on https?:\/\/127\.0\.0\.1:(\d+)/);
        if (match) resolve(Number(match[2]));
      });
    });
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`${this.name} ended with ${signal ?? code} before it listened:\n${this.log}`);
    });
    ended.catch(() => {});
    this.port = await within(
      Promise.race([found, ended]),
      () => `${this.name} to listen; it said:\n${this.log}`,
    );
    return this;
  }

  url(path = '/', host = '127.0.0.1') {
    return `ws://${host}:${this.port}${path}`;
  }

  signal(name) {
    process.kill(this.pid, name);
  }

  /// Waits for the process to end and returns {code, signal}.
  ended(ms) {
    return within(this.exited, () => `${this.name} to end; it said:\n${this.log}`, ms);
  }

  /// Kills the process; fails if it had already failed by itself or a sanitizer has complained.
  async end() {
    const crashed = this.exit && this.exit.code !== 0 && !this.expectedEnd;
    if (!this.exit) {
      this.child.kill('SIGKILL');
      await this.exited;
    }
    if (crashed || /Sanitizer|runtime error:/.test(this.log))
      throw new Error(
        `${this.name} ended with ${this.exit.signal ?? this.exit.code}; it said:\n${this.log}`,
      );
  }

  /// Sends one HTTP request on a connection of its own, unless an agent is given.
  /// Returns {status, headers, body}.
  async http(path, { method = 'GET', headers = {}, agent = this.agent, host = '127.0.0.1' } = {}) {
    const request = http.request({ host, port: this.port, path, method, headers, agent });
    request.end();
    const [response] = await within(once(request, 'response'), `an answer to ${method} ${path}`);
    response.setEncoding('utf8');
    let body = '';
    response.on('data', (text) => (body += text));
    await within(once(response, 'end'), `the end of the answer to ${method} ${path}`);
    return { status: response.statusCode, headers: response.headers, body };
  }

  /// All samples of /metrics: name with labels -> number.
  async metrics() {
    const { status, body } = await this.http('/metrics');
    if (status !== 200) throw new Error(`/metrics answered ${status}`);
    const samples = new Map();
    for (const line of body.split('\n')) {
      const match = line.match(/^([a-zA-Z_:][^\s{]*(?:\{.*\})?)\s+(\S+)$/);
      if (match && !line.startsWith('#')) samples.set(match[1], Number(match[2]));
    }
    return samples;
  }

  /// The sum of all samples of one metric whose labels hold `label`.
  async metric(name, label = '') {
    let sum = 0;
    for (const [key, value] of await this.metrics())
      if ((key === name || key.startsWith(name + '{')) && key.includes(label)) sum += value;
    return sum;
  }

  untilMetric(name, label, holds, ms) {
    return until(
      async () => holds(await this.metric(name, label)),
      `${name}{${label}} to satisfy ${holds}`,
      ms,
    );
  }

  /// A line of /proc/PID/status in KiB, such as VmRSS or VmHWM.
  kib(line) {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(status.match(new RegExp(`^${line}:\\s+(\\d+) kB`, 'm'))[1]);
  }

  /// User and system time so far, in milliseconds.
  cpuMs() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  openDescriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }
}
