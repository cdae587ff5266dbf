// SPDX-License-Identifier: Apache-2.0
//! Talking to actors: send, and call, which waits for the answer.

use super::{actor, Argument, Command};
use crate::abi::{self, ActorId, Wait};
use crate::desk::{self, Watch};
use crate::report;
use crate::session::Session;
use crate::words;

/// How long `call` waits.
const REPLY_WAIT_MS: u64 = 5000;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "send",
        usage: "send <name-or-id> <type> [payload]",
        help: "send a message; the payload is the rest of the line",
        argument: Argument::Actor,
        required: 2,
        run: send,
    },
    Command {
        name: "call",
        usage: "call <name-or-id> <type> [payload]",
        help: "send a message and wait up to 5 s for the answer",
        argument: Argument::Actor,
        required: 2,
        run: call,
    },
];

fn send(session: &mut Session, arguments: &[u8]) {
    if let Some(request) = Request::parse(session, "send", arguments) {
        if request.send(session, "send") {
            let out = &mut session.out;
            out.text("Sent type=").number(request.kind as u64).text(" size=").number(request.payload.len() as u64);
            out.text(" to ").number(request.dest).text("\n");
        }
    }
}

fn call(session: &mut Session, arguments: &[u8]) {
    let request = match Request::parse(session, "call", arguments) {
        Some(request) => request,
        None => return,
    };
    if let Some(inbox) = session.inbox.take() {
        // What came before the question cannot be its answer.
        if session.catch_up(inbox) {
            session.out.text("call: interrupted\n");
        } else {
            let watch = Watch::start(request.dest);
            if request.send(session, "call") {
                await_reply(session, inbox, request.dest, &watch);
            }
        }
        session.inbox = Some(inbox);
    }
}

fn await_reply(session: &mut Session, inbox: &mut [u8], dest: ActorId, watch: &Watch) {
    let deadline = abi::now_ms() + REPLY_WAIT_MS;
    session.out.flush();
    loop {
        let left = deadline.saturating_sub(abi::now_ms());
        match abi::receive(inbox, left as u32) {
            Wait::Message(message) if message.source == dest && message.kind != abi::MSG_CHILD_EXIT => {
                return report::line(&mut session.out, "[reply]", &message);
            }
            Wait::Message(message) if session.is_interrupt(&message) => {
                session.out.text("call: interrupted\n");
                return;
            }
            Wait::Message(message) => {
                if let Some(fate) = watch.fate(&message) {
                    session.out.text("call: ").bytes(fate).text("\n");
                    return;
                }
                let over = report::ends(&message, dest);
                report::unasked(session, &message);
                session.out.flush();
                if over {
                    session.out.text("call: the actor ended before it answered\n");
                }
                if over || session.ending {
                    return;
                }
            }
            Wait::TimedOut => {
                session.out.text("call: no reply within 5 s\n");
                return;
            }
            Wait::Failed => return session.complain("call", "cannot wait for the reply"),
        }
    }
}

/// Whether the send that was just refused had nowhere to go.
fn is_unlinked(dest: ActorId) -> bool {
    let mut text = [0u8; 64];
    let reason = words::without_import(abi::last_error(&mut text));
    desk::is_remote(dest) && (reason == b"not found" || reason == b"closed")
}

struct Request<'a> {
    dest: ActorId,
    kind: u32,
    payload: &'a [u8],
}

impl<'a> Request<'a> {
    /// `<name-or-id> <type> [payload]`; complains about what it cannot read.
    fn parse(session: &mut Session, command: &str, arguments: &'a [u8]) -> Option<Request<'a>> {
        let (target, rest) = words::split(arguments);
        let (kind, payload) = words::split(rest);
        let dest = actor(session, command, target)?;
        match words::message_type(kind) {
            Some(kind) => Some(Request { dest, kind, payload }),
            None => {
                session.out.text(command).text(": ").quoted(kind);
                session.out.text(" is not a message type: a number of 32 bits, decimal or 0x...\n");
                None
            }
        }
    }

    fn send(&self, session: &mut Session, command: &str) -> bool {
        let accepted = abi::send(self.dest, self.kind, self.payload);
        if !accepted && is_unlinked(self.dest) {
            session.out.text(command).text(": the node of that actor is not linked\n");
        } else if !accepted {
            session.complain(command, "the message was refused");
        }
        accepted
    }
}
