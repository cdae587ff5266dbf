// SPDX-License-Identifier: Apache-2.0
//! Who is who: this shell, this node, names.

use super::{Argument, Command};
use crate::abi;
use crate::session::Session;
use crate::words;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "ls",
        usage: "ls [prefix]",
        help: "the names of all nodes, or those that begin so",
        argument: Argument::Path,
        required: 0,
        run: ls,
    },
    Command {
        name: "self",
        usage: "self",
        help: "the id of this shell",
        argument: Argument::Nothing,
        required: 0,
        run: self_id,
    },
    Command {
        name: "whoami",
        usage: "whoami",
        help: "this shell and the node it runs on",
        argument: Argument::Nothing,
        required: 0,
        run: whoami,
    },
    Command {
        name: "register",
        usage: "register <name>",
        help: "give this shell a name, so that actors can send to it",
        argument: Argument::Text,
        required: 1,
        run: register,
    },
    Command {
        name: "lookup",
        usage: "lookup <name>",
        help: "the id of the actor with that name",
        argument: Argument::Actor,
        required: 1,
        run: lookup,
    },
];

fn ls(session: &mut Session, prefix: &[u8]) {
    if let Some(inbox) = session.inbox.take() {
        match abi::names(prefix, inbox) {
            Some(lines) => print_names(session, lines),
            None => session.complain("ls", "cannot list the names"),
        }
        session.inbox = Some(inbox);
    }
}

fn print_names(session: &mut Session, lines: &[u8]) {
    let entries = || lines.split(|&b| b == b'\n').filter_map(words::path_and_id);
    let width = entries().map(|(_, id)| id.len()).max().unwrap_or(0).max(ID_WIDTH);
    session.out.padded("ID", width).text("  NAME\n");
    for (path, id) in entries() {
        session.out.bytes(id);
        for _ in id.len()..width + 2 {
            session.out.byte(b' ');
        }
        session.out.bytes(path).text("\n");
    }
    if lines.ends_with(b"...\n") {
        session.out.text("(and more: 'ls' with a longer prefix tells)\n");
    }
}

/// That of a small node's ids, as in `list`.
const ID_WIDTH: usize = 10;

fn self_id(session: &mut Session, _: &[u8]) {
    session.out.number(abi::self_id()).text("\n");
}

fn whoami(session: &mut Session, _: &[u8]) {
    let mut buf = [0u8; 256];
    let me = abi::self_id();
    let out = &mut session.out;
    out.text("actor ").number(me);
    let name = abi::name_of(me, &mut buf);
    if !name.is_empty() {
        out.text(" '").bytes(name).text("'");
    }
    out.text(" on node ").number(me >> 32);
    let node = abi::node_name(&mut buf);
    if !node.is_empty() {
        out.text(" '").bytes(node).text("'");
    }
    out.text("\n");
}

fn register(session: &mut Session, name: &[u8]) {
    if abi::register(name) {
        session.out.text("Registered actor ").number(abi::self_id()).text(" as '").bytes(name).text("'\n");
    } else {
        session.complain("register", "not registered");
    }
}

fn lookup(session: &mut Session, name: &[u8]) {
    match abi::lookup(name) {
        Some(id) => session.out.bytes(name).text(" is actor ").number(id).text("\n"),
        None => session.out.text("lookup: there is no actor ").quoted(name).text("\n"),
    };
}
