// SPDX-License-Identifier: Apache-2.0
//! Other nodes: who is linked, mounting, what a node can do, starting actors there.

use super::{Argument, Command};
use crate::abi::{self, ActorId};
use crate::desk::{self, Heard};
use crate::session::Session;
use crate::words;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "mount",
        usage: "mount <host>[:<port>]",
        help: "be linked with another node; also udp:<host>:<port>, unix:<path>",
        argument: Argument::Text,
        required: 1,
        run: mount,
    },
    Command {
        name: "umount",
        usage: "umount <node-or-host>",
        help: "end the link with a node",
        argument: Argument::Node,
        required: 1,
        run: umount,
    },
    Command {
        name: "nodes",
        usage: "nodes",
        help: "the nodes this one is linked with",
        argument: Argument::Nothing,
        required: 0,
        run: nodes,
    },
    Command {
        name: "caps",
        usage: "caps [node-or-actor]",
        help: "what a node is and can do; without a name: this one",
        argument: Argument::Node,
        required: 0,
        run: caps,
    },
    Command {
        name: "spawn",
        usage: "spawn <node> <module> [name]",
        help: "start a guest of another node's modules there",
        argument: Argument::Node,
        required: 2,
        run: spawn,
    },
];

/// Mounting gives up after 10 s by itself; this is for when even that is not said.
const MOUNT_WAIT_MS: u64 = 15_000;
const CAPS_WAIT_MS: u64 = 5_000;

fn mount(session: &mut Session, place: &[u8]) {
    request(session, "mount", (abi::MSG_NS_MOUNT, ": not mounted: "), place, &mut |session, identity| {
        session.out.text("Mounted /node/").bytes(identity).text("\n");
    });
}

fn umount(session: &mut Session, place: &[u8]) {
    request(session, "umount", (abi::MSG_NS_UNMOUNT, ": not unmounted: "), place, &mut |session, _| {
        session.out.text("Unmounted ").bytes(place).text("\n");
    });
}

/// ns_reply_payload_t of include/microkernel/namespace.h: the error, the length of the text, the text.
const REPLY_TEXT_AT: usize = 8;

/// What a node says that is to call another machine and has nothing to prove itself with.
const NOT_PERMITTED: &[u8] = b"not permitted";

/// Asks the name-space actor and shows why not, or what `done` makes of its answer.
fn request(
    session: &mut Session,
    command: &str,
    (kind, failed): (u32, &str),
    place: &[u8],
    done: &mut dyn FnMut(&mut Session, &[u8]),
) {
    let ns = match abi::lookup(b"ns") {
        Some(ns) => ns,
        None => {
            session.out.text(command).text(": this node has no name-space actor\n");
            return;
        }
    };
    desk::ask(session, command, ns, (kind, place), MOUNT_WAIT_MS, &mut |session, message| {
        if message.kind != abi::MSG_NS_REPLY || message.payload.len() < REPLY_TEXT_AT {
            return Heard::Nothing;
        }
        let (head, text) = message.payload.split_at(REPLY_TEXT_AT);
        if head[..4] == [0; 4] {
            done(session, text);
        } else {
            let hint = if text == NOT_PERMITTED { ": off this machine it takes a secret (mk shell --secret)" } else { "" };
            session.out.text(command).text(failed).bytes(text).text(hint).text("\n");
        }
        Heard::Answer
    });
}

fn nodes(session: &mut Session, _: &[u8]) {
    desk::inquire(session, "nodes", desk::NODES, &[]);
}

fn spawn(session: &mut Session, arguments: &[u8]) {
    let mut line = [0u8; 256];
    match words::single_spaced(arguments, &mut line) {
        Some(line) => desk::inquire(session, "spawn", desk::SPAWN, line),
        None => {
            session.out.text("spawn: the line is too long\n");
        }
    }
}

fn caps(session: &mut Session, target: &[u8]) {
    let found = caps_of(target).or_else(|| words::number(target).filter(|&id| id != 0)).or_else(|| abi::lookup(target));
    if found.is_none() {
        session.out.text("caps: there is no node or actor ").quoted(target).text("\n");
    }
    if let Some(id) = found {
        desk::ask(session, "caps", id, (abi::MSG_CAPS_REQUEST, &[]), CAPS_WAIT_MS, &mut |session, message| {
            if message.kind != abi::MSG_CAPS_REPLY {
                return Heard::Nothing;
            }
            session.out.bytes(message.payload);
            if message.payload.last() != Some(&b'\n') {
                session.out.text("\n");
            }
            Heard::Answer
        });
    }
}

/// The actor that tells: of this node, or of the one with that name.
fn caps_of(target: &[u8]) -> Option<ActorId> {
    if target.is_empty() {
        return abi::lookup(b"/node/local/caps");
    }
    let mut path = [0u8; 64];
    let parts: [&[u8]; 3] = [b"/node/", target, b"/caps"];
    abi::lookup(words::join(&parts, &mut path)?)
}
