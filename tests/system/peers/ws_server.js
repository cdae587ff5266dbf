// SPDX-License-Identifier: Apache-2.0
// Node's WebSockets as a server that sends everything back. usage: node ws_server.js [deflate]; prints its port, then how each
// connection ended. "close CODE" and "vanish" are orders, "protocol" asks for the subprotocol.
"use strict";
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1", port: 0,
  perMessageDeflate: process.argv[2] === "deflate" ? { threshold: 0 } : false,
  handleProtocols: (offered) => (offered.has("second") ? "second" : false),
});
server.on("listening", () => console.log("port " + server.address().port));
server.on("connection", (socket) => {
  socket.ping("are you there");
  socket.on("pong", (data) => console.log("pong " + data));
  socket.on("close", (code, reason) => console.log("closed " + code + " " + reason));
  socket.on("message", (data, binary) => {
    const order = binary || data.length > 20 ? "" : data.toString();
    if (order.startsWith("close ")) socket.close(+order.slice(6), "as you wish");
    else if (order === "vanish") socket.terminate();
    else if (order === "protocol") socket.send(socket.protocol + "; " + socket.extensions);
    else socket.send(data, { binary });
  });
});
