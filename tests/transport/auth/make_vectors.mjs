// Writes tokens for the verifier's tests, made by another implementation: the `jsonwebtoken` of the
// original server.
//
//   npm install jsonwebtoken@9.0.3 && node make_vectors.mjs
//
// Keys and tokens are new on each run; signed_elsewhere.hpp holds the output of one.
import crypto from 'node:crypto';
import jwt from 'jsonwebtoken';

const pem = { type: 'spki', format: 'pem' };
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const payload = { sub: '김철수', rooms: ['arena:*', 'lobby'], iat: 1700000000, exp: 1700003600 };
const long = 'k'.repeat(64);

const show = (name, text) => console.log(`${name}\n${text.trim()}\n`);
show('seed', jwt.sign({ username: 'kim', iat: 1700000000 }, 'your-secret-key'));
for (const algorithm of ['HS256', 'HS384', 'HS512'])
  show(algorithm, jwt.sign(payload, long, { algorithm }));
show('rsa_public', rsa.publicKey.export(pem));
show(
  'RS256',
  jwt.sign(payload, rsa.privateKey, {
    algorithm: 'RS256', keyid: 'rsa-1', issuer: 'https://id.example', audience: ['chat', 'game'],
  }),
);
show('ec_public', ec.publicKey.export(pem));
show(
  'ES256',
  jwt.sign(payload, ec.privateKey, {
    algorithm: 'ES256', keyid: 'ec-1', issuer: 'https://id.example', audience: 'chat',
  }),
);
