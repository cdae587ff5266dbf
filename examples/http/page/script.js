// SPDX-License-Identifier: Apache-2.0
// The page of the example, and its own test: once everything has been seen to work, <html data-check="passed">.
"use strict";

const at = (id) => document.getElementById(id);
const missing = new Set(["clock", "chat", "hello", "status", "numbers"]);

function seen(what) {
  missing.delete(what);
  at("missing").textContent = [...missing].join(", ");
  if (missing.size === 0) {
    at("check").textContent = "Everything on this page works.";
    document.documentElement.dataset.check = "passed";
  }
}

const clock = new EventSource("clock");
clock.addEventListener("tick", (event) => {
  at("clock").textContent = event.data;
  if (/^\d\d:\d\d:\d\d UTC$/.test(event.data)) seen("clock");
});

const greeting = "A browser is here, tr\u00e8s bien";
const chat = new WebSocket(location.href.replace(/^http/, "ws").replace(/[^/]*$/, "chat"));
chat.onopen = () => chat.send(greeting);
chat.onclose = (event) => line("(the chat is over: " + event.code + ")");
chat.onmessage = (event) => {
  line(event.data);
  if (event.data === greeting) seen("chat");
};

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  at("chat").append(item);
  item.scrollIntoView({ block: "nearest" });
}

at("say").onsubmit = (event) => {
  event.preventDefault();
  chat.send(at("text").value);
  at("text").value = "";
};

async function route(name, path, show, well) {
  const answer = await (await fetch(path)).text();
  at(name).textContent = show(answer);
  if (well(answer)) seen(name);
}

route("hello", "hello/Ada", (text) => text, (text) => text === "Hello, Ada!\n");
route("status", "status", (text) => text, (text) => JSON.parse(text).actors >= 5);
route("numbers", "numbers/100000", (text) => text.length + " bytes", (text) => text.endsWith("\n100000\n"));
