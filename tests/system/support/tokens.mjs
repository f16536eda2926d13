// JSON web tokens and certificates for tests.

import { createHmac } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/// A token signed with HS256.
export function sign(claims, secret, header = {}) {
  const body = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(claims)}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

export const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

/// A folder that is removed after the test.
export function temporaryFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), 'troupe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function secretFile(t, secret) {
  const file = path.join(temporaryFolder(t), 'secret');
  writeFileSync(file, `${secret}\n`);
  return file;
}

const keyOf = {
  ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['rsa:2048'],
};

/// A self-signed certificate for localhost: {cert, key}, files in `folder`. `kind`: of its key.
export function makeCertificate(folder, name = 'localhost', kind = 'ec') {
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      'req', '-x509', '-newkey', ...keyOf[kind], '-nodes', '-days',
      '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout', key, '-out', cert,
    ],
    { stdio: 'ignore' },
  );
  return { cert, key };
}

/// The file of a certificate for a key of `makeCertificate` that has expired yesterday.
export function makeExpired(folder, { key }) {
  const [request, cert] = [path.join(folder, 'request.pem'), path.join(folder, 'expired.pem')];
  const run = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
  run('req', '-new', '-key', key, '-subj', '/CN=localhost', '-out', request);
  run('x509', '-req', '-in', request, '-signkey', key, '-days', '-1', '-out', cert);
  return cert;
}
