// nginx and haproxy with the configurations of the transport's README.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePorts } from './ports.mjs';
import { makeCertificate, temporaryFolder } from './tokens.mjs';
import { fetched, findFile, findProgram } from './tools.mjs';
import { until } from './wait.mjs';

const readme = readFileSync(new URL('../../../transport/README.md', import.meta.url), 'utf8');

/// The blocks of code of one language, in order.
const blocks = (language) =>
  [...readme.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)]
    .filter(([, of]) => of === language)
    .map(([, , text]) => text);

const [nginxSite] = blocks('nginx');
const [nginxStream] = blocks('nginx-stream');
const [haproxyHttp, haproxyTcp] = blocks('haproxy');

const programs = { nginx: findProgram('nginx', '-v'), haproxy: findProgram('haproxy', '-v') };
const streamModule = findFile(
  fetched('ngx_stream_module.so'), '/usr/lib/nginx/modules/ngx_stream_module.so',
);

/// Why tests of a program are left out, or false.
const leftOut = (name, found) => !found && `left out: there is no ${name} (.ci/setup.sh fetches it)`;
const withoutNginx = leftOut('nginx', programs.nginx && streamModule);
export const withoutHaproxy = leftOut('haproxy', programs.haproxy);

/// Replaces what the README says by what this machine has; each must occur.
function adapt(text, replacements) {
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`the README's configuration has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/// Runs a proxy until the test ends; resolves once it listens on `port`.
async function run(t, command, args, port) {
  const child = spawn(programs[command], args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stdout.on('data', (bytes) => (log += bytes));
  child.stderr.on('data', (bytes) => (log += bytes));
  const ended = once(child, 'close').then(() => (child.hasEnded = true));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  await until(() => {
    if (child.hasEnded) throw new Error(`${command} has ended: ${log}`);
    return accepts(port);
  }, `${command} to listen; it said: ${log}`);
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });

async function nginx(t, { http = '', stream = '' }, port) {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, 'tmp'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/tmp/${name};`)
    .join(' ');
  const root = process.getuid() === 0 ? 'user root;' : '';
  const file = path.join(folder, 'nginx.conf');
  writeFileSync(file, `
${root} daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr warn;
${stream && `load_module ${streamModule};`}
events { worker_connections 512; }
http { access_log off; ${temporary}
${http} }
stream { ${stream} }
`.replace(stream ? '' : 'stream {  }\n', ''));
  await run(t, 'nginx', ['-c', file, '-e', 'stderr'], port);
}

async function haproxy(t, text, port) {
  const file = path.join(temporaryFolder(t), 'haproxy.cfg');
  writeFileSync(file, text);
  await run(t, 'haproxy', ['-db', '-f', file], port);
}

/// The ways to a node: each starts a proxy and returns its port. `secure`: clients speak TLS to it.
/// `args`: what the node needs beside `--trusted-proxy 127.0.0.1`.
export const ways = [
  {
    name: 'nginx', secure: true, leftOut: withoutNginx, args: [],
    async start(t, node) {
      const [port] = await freePorts(1);
      const { cert, key } = makeCertificate(temporaryFolder(t));
      const site = adapt(nginxSite, [
        ['listen 443 ', `listen 127.0.0.1:${port} `], ['127.0.0.1:8080', `127.0.0.1:${node.port}`],
        ['/etc/ssl/chat.crt', cert], ['/etc/ssl/chat.key', key],
      ]);
      await nginx(t, { http: site }, port);
      return { port, ca: readFileSync(cert) };
    },
  },
  {
    name: 'nginx with PROXY v1', secure: false, leftOut: withoutNginx, args: ['--proxy-protocol'],
    async start(t, node) {
      const [port] = await freePorts(1);
      const stream = adapt(nginxStream, [
        ['listen 443;', `listen 127.0.0.1:${port};`],
        ['127.0.0.1:8080', `127.0.0.1:${node.port}`],
      ]);
      await nginx(t, { stream }, port);
      return { port };
    },
  },
  {
    name: 'haproxy', secure: true, leftOut: withoutHaproxy, args: [],
    async start(t, node, check = 'option httpchk GET /readyz') {
      const [port] = await freePorts(1);
      const { cert, key } = makeCertificate(temporaryFolder(t));
      const pem = path.join(temporaryFolder(t), 'both.pem');
      writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
      await haproxy(t, adapt(haproxyHttp, [
        ['bind :443 ', `bind 127.0.0.1:${port} `], ['/etc/ssl/chat.pem', pem],
        ['127.0.0.1:8080', `127.0.0.1:${node.port}`], ['inter 1s', 'inter 100ms'],
        ['option httpchk GET /readyz', check],
      ]), port);
      return { port, ca: readFileSync(cert) };
    },
  },
  {
    name: 'haproxy with PROXY v2', secure: false, leftOut: withoutHaproxy,
    args: ['--proxy-protocol'],
    async start(t, node) {
      const [port] = await freePorts(1);
      await haproxy(t, adapt(haproxyTcp, [
        ['bind :443', `bind 127.0.0.1:${port}`], ['127.0.0.1:8080', `127.0.0.1:${node.port}`],
        ['inter 1s', 'inter 100ms'],
      ]), port);
      return { port };
    },
  },
];
