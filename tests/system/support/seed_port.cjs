// `node --require`: what connects to port 8080 is connected to the port of TROUPE_SEED_PORT.
// URL and Host header stay as they are.

const net = require('node:net');

const { connect } = net;
const port = Number(process.env.TROUPE_SEED_PORT);
net.connect = (options) => connect(Number(options.port) === 8080 ? { ...options, port } : options);
