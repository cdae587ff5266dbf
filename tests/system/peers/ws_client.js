// SPDX-License-Identifier: Apache-2.0
// Node's fetch and WebSockets as clients of our server. usage: node ws_client.js CASE URL; prints JSON.
"use strict";
const WebSocket = require("ws");
const { once } = require("node:events");

const [, , name, url] = process.argv;
const opened = async (options) => {
  const socket = new WebSocket(url, options);
  await once(socket, "open");
  return socket;
};
const closed = async (socket, ...how) => {
  socket.close(...how);
  const [code, reason] = await once(socket, "close");
  return { code, reason: reason.toString() };
};

// Text and binary of several sizes there and back; `same` are those that came back as they were sent.
async function echo(perMessageDeflate) {
  const socket = await opened({ perMessageDeflate });
  const same = [];
  for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20]) {
    const text = "a line of text, repeated; ".repeat(size / 26 + 1).slice(0, size);
    const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * i * 31) >> 3));
    for (const sent of [text, bytes]) {
      socket.send(sent);
      const [data, binary] = await once(socket, "message");
      if (binary === (sent === bytes) && data.equals(Buffer.from(sent))) same.push((binary ? "b" : "t") + size);
    }
  }
  return { extensions: socket.extensions, same, end: await closed(socket, 1000, "done") };
}

const cases = {
  echo_plain: () => echo(false),
  echo_deflate: () => echo(true),
  async fragments() {
    const socket = await opened({ perMessageDeflate: false });
    socket.send("gr\u00fc", { fin: false });
    socket.ping("between");
    socket.send("\u00dfe", { fin: true });
    const pong = once(socket, "pong");
    const [data] = await once(socket, "message");
    return { text: data.toString(), pong: (await pong)[0].toString(), end: await closed(socket, 4321, "over") };
  },
  async ping() {
    const socket = await opened();
    socket.ping(Buffer.alloc(125, 7));
    const [data] = await once(socket, "pong");
    return { size: data.length, end: await closed(socket) };
  },
  async many() { // without waiting for one before the next is sent
    const socket = await opened();
    const got = [];
    const all = new Promise((resolve) => socket.on("message", (data) => got.push(+data) === 500 && resolve()));
    for (let i = 0; i < 500; i++) socket.send(String(i));
    await all;
    return { ordered: got.every((value, i) => value === i), end: await closed(socket, 1001) };
  },
  async too_long() {
    const socket = await opened({ perMessageDeflate: false });
    socket.on("error", () => {});
    socket.send(Buffer.alloc((1 << 20) + 1));
    return { code: (await once(socket, "close"))[0] };
  },
  async fetches() {
    const hello = await fetch(new URL("/hello/Grace%20Hopper", url));
    const body = new ReadableStream({
      start(control) {
        for (let i = 0; i < 100; i++) control.enqueue(Buffer.alloc(10000, i));
        control.close();
      },
    });
    const echoed = await (await fetch(new URL("/echo", url), { method: "POST", body, duplex: "half" })).arrayBuffer();
    const numbers = await (await fetch(new URL("/numbers/300000", url))).text();
    const missing = await fetch(new URL("/missing", url));
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => fetch(new URL("/hello/" + i, url))));
    const texts = await Promise.all(all.map((each) => each.text()));
    return {
      hello: await hello.text(), type: hello.headers.get("content-type"), missing: missing.status,
      echoed: echoed.byteLength === 1000000 && new Uint8Array(echoed).every((value, i) => value === Math.floor(i / 10000)),
      numbers: numbers.length, together: texts.every((text, i) => text === `Hello, ${i}!\n`),
    };
  },
};

cases[name]().then((result) => {
  console.log(JSON.stringify(result));
  process.exit(0);
});
