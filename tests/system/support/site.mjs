// A node that serves the files of a folder, and clients that read no more of them than they want.

import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startNode } from './node.mjs';
import { makeCertificate, temporaryFolder } from './tokens.mjs';
import { within } from './wait.mjs';

export const MiB = 1024 * 1024;

/// A node that serves `files`, {name: content}, and the path of their folder.
export async function serve(t, files, { secure = false, args = [], env } = {}) {
  const top = temporaryFolder(t);
  const folder = path.join(top, 'site');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files))
    writeFileSync(path.join(folder, name), content);
  const certificate = secure && makeCertificate(top);
  const node = await startNode(t, 'site_node', [
    '--folder', folder, ...args,
    ...(secure ? ['--tls-cert', certificate.cert, '--tls-key', certificate.key] : []),
  ], { env });
  return { node, folder, file: (name) => path.join(folder, name), secure };
}

/// A file of zeros that takes no place on the disk.
export function sparse(name, bytes) {
  const file = openSync(name, 'w');
  ftruncateSync(file, bytes);
  closeSync(file);
}

/// A connection of a client that reads only what it is asked to.
export async function connection({ node, secure }) {
  const to = { host: '127.0.0.1', port: node.port };
  const socket = secure ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
  socket.on('error', () => {});
  await within(once(socket, secure ? 'secureConnect' : 'connect'), 'a connection');
  return socket;
}

export const requestOf = (name, headers = '') =>
  `GET /${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
