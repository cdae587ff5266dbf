// SPDX-License-Identifier: Apache-2.0
//! How messages look on the console.

use crate::abi::{self, ActorId, Received};
use crate::desk;
use crate::session::Session;
use crate::writer::Writer;

/// child_exit_payload_t of include/microkernel/supervision.h: the id, the reason, padding to the size of an id; the text
/// of the end, if there is one, follows.
const EXIT_REASON_AT: usize = 8;
const EXIT_TEXT_AT: usize = 16;

/// A line for a message nobody was waiting for.
pub fn unasked(session: &mut Session, message: &Received) {
    if desk::heard(session, message) {
        return;
    }
    match (message.kind, ended_child(message.payload)) {
        (abi::MSG_STOP, _) if may_stop(session, message.source) => session.ending = true,
        _ if desk::is_stale(message) => {}
        (abi::MSG_CHILD_EXIT, Some(id)) if message.payload.len() > EXIT_REASON_AT => {
            child_exit(session, id, message.payload)
        }
        _ => line(&mut session.out, "[message]", message),
    }
}

/// The node and the console may end this shell; what it loaded may not.
fn may_stop(session: &Session, source: ActorId) -> bool {
    source == 0 || source == session.console || source == abi::self_id()
}

/// `[reply] type=201 from=4294967299 size=5 "hello"`
pub fn line(out: &mut Writer, tag: &str, message: &Received) {
    out.text(tag).text(" type=").number(message.kind as u64).text(" from=").number(message.source);
    out.text(" size=").number(message.size as u64).text(" ").quoted(message.payload);
    if message.size as usize > message.payload.len() {
        out.text(" (the first ").number(message.payload.len() as u64).text(" bytes)");
    }
    out.text("\n");
}

/// Whether this message says that the child `id` has ended.
pub fn ends(message: &Received, id: ActorId) -> bool {
    message.kind == abi::MSG_CHILD_EXIT && ended_child(message.payload) == Some(id)
}

fn ended_child(payload: &[u8]) -> Option<ActorId> {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(payload.get(..8)?);
    Some(ActorId::from_le_bytes(bytes))
}

/// `[exit] echo (4294967299) trapped: unreachable`
fn child_exit(session: &mut Session, id: ActorId, payload: &[u8]) {
    let guest = session.guests.remove(id);
    let out = &mut session.out;
    match &guest {
        Some(guest) if guest.was_stopped() => return, // by this shell, which has said so
        Some(guest) => out.text("[exit] ").bytes(guest.name()).text(" (").number(id).text(")"),
        None => out.text("[exit] ").number(id),
    };
    out.text(" ").text(exit_text(payload[EXIT_REASON_AT]));
    let text = payload.get(EXIT_TEXT_AT..).unwrap_or(&[]);
    let text = text.split(|&b| b == b'\n').next().unwrap_or(text); // its first line says what happened
    if !text.is_empty() {
        out.text(": ").bytes(text);
    }
    out.text("\n");
}

/// The reasons of include/microkernel/supervision.h as the end of a sentence.
fn exit_text(reason: u8) -> &'static str {
    match reason {
        0 => "ended",
        1 => "was killed",
        2 => "was shut down",
        3 => "trapped",
        4 => "ran out of its time budget",
        5 => "ran out of memory",
        6 => "is on a node that is gone",
        7 => "does not exist",
        8 => "failed",
        9 => "gave up: too many restarts",
        10 => "is not for this node to reach",
        _ => "ended for an unknown reason",
    }
}
