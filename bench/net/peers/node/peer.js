// SPDX-License-Identifier: Apache-2.0
// The peer Node: what the Go program beside it does, with Node's own http and with ws.
//   node peer.js http PORT BYTES [CERT KEY] | ws PORT
'use strict';
const fs = require('fs');
const [mode, port, bytes, cert, key] = process.argv.slice(2);

if (mode === 'http') {
  const body = Buffer.from(bytes === '2' ? 'ok' : 'x'.repeat(Number(bytes)));
  const head = {'Content-Type': 'text/plain', 'Content-Length': body.length};
  const answer = (request, response) => {
    response.writeHead(200, head);
    response.end(body);
  };
  const server = cert
    ? require('https').createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key)}, answer)
    : require('http').createServer(answer);
  server.keepAliveTimeout = 300000;
  server.listen({port: Number(port), host: '127.0.0.1', backlog: 4096});
} else if (mode === 'ws') {
  const {WebSocketServer} = require('ws');
  new WebSocketServer({port: Number(port), host: '127.0.0.1', backlog: 4096, perMessageDeflate: false})
    .on('connection', socket => socket.on('message', (data, isBinary) => socket.send(data, {binary: isBinary})));
} else {
  console.error('usage: node peer.js http PORT BYTES [CERT KEY] | ws PORT');
  process.exit(2);
}
