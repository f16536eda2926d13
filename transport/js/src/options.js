import { json } from './json.js';

const defaults = {
  codec: 'json',
  timeout: 10_000,
  pingAfter: 3_000,
  pongTimeout: 3_000,
  queueTimeout: 60_000,
  queueLimit: 1_000,
  queueBytes: 1 << 20,
  queuePolicy: 'reject',
  reconnectInterval: 500,
  maxReconnectInterval: 30_000,
  maxReconnectAttempts: Infinity,
};
const queuePolicies = ['reject', 'drop-oldest'];
const storageMethods = ['getItem', 'setItem', 'removeItem'];

/// Checks a client's options and adds the defaults. Throws a TypeError.
export function completeOptions(url, options) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const all = { ...defaults, ...Object.fromEntries(given), url: webSocketUrl(url) };
  if (all.codec === 'json') all.codec = json;
  if (typeof all.codec?.decoder !== 'function') {
    throw new TypeError("codec is 'json', or msgpack of 'troupe-client/msgpack'");
  }
  const { storage } = all;
  if (storage && !storageMethods.every((name) => typeof storage[name] === 'function'))
    throw new TypeError(`storage has the methods ${storageMethods.join(', ')}`);
  if (!queuePolicies.includes(all.queuePolicy))
    throw new TypeError(`queuePolicy is one of: ${queuePolicies.join(', ')}`);
  return all;
}

/// In a page the URL may be relative, or have an http scheme.
function webSocketUrl(url) {
  const parsed = new URL(url, globalThis.location?.href);
  if (parsed.protocol.startsWith('http')) parsed.protocol = parsed.protocol.replace('http', 'ws');
  if (!/^wss?:$/.test(parsed.protocol)) throw new TypeError(`${url} is no address of a WebSocket`);
  parsed.hash = '';
  return parsed.href;
}
