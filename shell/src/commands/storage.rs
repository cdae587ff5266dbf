// SPDX-License-Identifier: Apache-2.0
//! What the node keeps and whom it can ask: values, a database, a queue, a model. Each is an actor that takes lines
//! `name=value`; include/microkernel/service_messages.h has the contract.

use super::{Argument, Command};
use crate::abi::{self, Received};
use crate::desk::{self, Heard};
use crate::session::Session;
use crate::words;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "put",
        usage: "put <key> <value>",
        help: "keep a value, the rest of the line",
        argument: Argument::Text,
        required: 2,
        run: put,
    },
    Command {
        name: "get",
        usage: "get <key>",
        help: "a value that was kept",
        argument: Argument::Text,
        required: 1,
        run: get,
    },
    Command {
        name: "del",
        usage: "del <key>",
        help: "forget a value",
        argument: Argument::Text,
        required: 1,
        run: delete,
    },
    Command {
        name: "keys",
        usage: "keys [prefix]",
        help: "the keys of what is kept",
        argument: Argument::Text,
        required: 0,
        run: keys,
    },
    Command {
        name: "sql",
        usage: "sql <query>",
        help: "ask the node's database",
        argument: Argument::Text,
        required: 1,
        run: sql,
    },
    Command {
        name: "queue",
        usage: "queue <message>",
        help: "push a message to the queue",
        argument: Argument::Text,
        required: 1,
        run: queue,
    },
    Command {
        name: "ai",
        usage: "ai <prompt>",
        help: "ask the model",
        argument: Argument::Text,
        required: 1,
        run: ai,
    },
    Command {
        name: "embed",
        usage: "embed <text>",
        help: "what the model makes of a text, in numbers",
        argument: Argument::Text,
        required: 1,
        run: embed,
    },
];

const KV_PUT: u32 = 300;
const KV_GET: u32 = 301;
const KV_DELETE: u32 = 302;
const KV_LIST: u32 = 303;
const DB_QUERY: u32 = 304;
const DB_EXEC: u32 = 305;
const QUEUE_PUSH: u32 = 306;
const AI_INFER: u32 = 307;
const AI_EMBED: u32 = 308;

const OK: u32 = 310;
const NOT_FOUND: u32 = 315;
const ERROR: u32 = 316;

/// A disk may be slow, a model is.
const WAIT_MS: u64 = 15_000;
const MODEL_WAIT_MS: u64 = 125_000;

/// The console's longest line and the names of two fields.
const REQUEST_BYTES: usize = 4096 + 64;

struct Service {
    path: &'static [u8],
    missing: &'static str,
    wait_ms: u64,
}

const KV: Service = Service { path: b"/node/storage/kv", missing: "no node here keeps values (mk shell --data DIR)", wait_ms: WAIT_MS };
const DB: Service = Service { path: b"/node/storage/db", missing: "no node here has a database (mk shell --data DIR)", wait_ms: WAIT_MS };
const QUEUE: Service =
    Service { path: b"/node/queue/default", missing: "no node here has a queue (mk shell --data DIR)", wait_ms: WAIT_MS };
const INFER: Service = Service { path: b"/node/ai/infer", missing: "no node here has a model (MK_AI_URL)", wait_ms: MODEL_WAIT_MS };
const EMBED: Service = Service { path: b"/node/ai/embed", missing: "no node here has a model (MK_AI_URL)", wait_ms: MODEL_WAIT_MS };

fn put(session: &mut Session, arguments: &[u8]) {
    let (key, value) = words::split(arguments);
    ask(session, "put", &KV, KV_PUT, &[b"key=", key, b"\nvalue=", value]);
}

fn get(session: &mut Session, key: &[u8]) {
    ask(session, "get", &KV, KV_GET, &[b"key=", key]);
}

fn delete(session: &mut Session, key: &[u8]) {
    ask(session, "del", &KV, KV_DELETE, &[b"key=", key]);
}

fn keys(session: &mut Session, prefix: &[u8]) {
    ask(session, "keys", &KV, KV_LIST, &[b"limit=100\nprefix=", prefix]);
}

fn sql(session: &mut Session, query: &[u8]) {
    let kind = if reads(query) { DB_QUERY } else { DB_EXEC };
    ask(session, "sql", &DB, kind, &[b"sql=", query]);
}

fn queue(session: &mut Session, body: &[u8]) {
    ask(session, "queue", &QUEUE, QUEUE_PUSH, &[b"body=", body]);
}

fn ai(session: &mut Session, prompt: &[u8]) {
    ask(session, "ai", &INFER, AI_INFER, &[b"prompt=", prompt]);
}

fn embed(session: &mut Session, text: &[u8]) {
    ask(session, "embed", &EMBED, AI_EMBED, &[b"text=", text]);
}

/// Whether a statement gives rows; the database itself sees to it that it does no more.
fn reads(query: &[u8]) -> bool {
    let (first, _) = words::split(query);
    [&b"select"[..], b"with", b"values", b"explain"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

fn ask(session: &mut Session, command: &str, service: &Service, kind: u32, parts: &[&[u8]]) {
    let mut request = [0u8; REQUEST_BYTES];
    match (abi::lookup(service.path), words::join(parts, &mut request)) {
        (None, _) => {
            session.out.text(command).text(": ").text(service.missing).text("\n");
        }
        (_, None) => {
            session.out.text(command).text(": the line is too long\n");
        }
        (Some(actor), Some(request)) => {
            desk::ask(session, command, actor, (kind, request), service.wait_ms, &mut |session, message| {
                show(session, command, message)
            });
        }
    }
}

fn show(session: &mut Session, command: &str, message: &Received) -> Heard {
    let out = &mut session.out;
    match message.kind {
        OK => out.text("OK\n"),
        NOT_FOUND => out.text(command).text(": not found\n"),
        ERROR => out.text(command).text(": ").bytes(message.payload).text("\n"),
        OK..=ERROR => {
            out.bytes(message.payload);
            if message.size as usize > message.payload.len() {
                out.text("\n(the first ").number(message.payload.len() as u64).text(" of ").number(message.size as u64).text(" bytes)");
            }
            if message.payload.last() != Some(&b'\n') && !(message.payload.is_empty() && message.kind == 313) {
                out.text("\n");
            }
            out
        }
        _ => return Heard::Nothing,
    };
    Heard::Answer
}
