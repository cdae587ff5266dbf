// SPDX-License-Identifier: Apache-2.0
//! Actors: what runs, starting and stopping it.

use super::{actor, Argument, Command};
use crate::abi::{self, ActorId, Download, Progress};
use crate::desk;
use crate::session::Session;
use crate::words;
use crate::writer::Digits;

/// A list longer than this is cut, and says so: nobody reads more, and what is printed in one go has to fit the
/// console's mailbox (1,024 lines of at most 280 bytes are 140 pieces of 2 KiB).
pub const LISTED_MAX: usize = 1024;

/// `echo`, `echo_1`, ... `echo_9999`
const NAME_TRIES_MAX: u64 = 10_000;
const NAME_BYTES: usize = 256;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "list",
        usage: "list",
        help: "the actors of this node, with their names",
        argument: Argument::Nothing,
        required: 0,
        run: list,
    },
    Command {
        name: "load",
        usage: "load <path-or-url>",
        help: "start a .wasm file as an actor named after it; sha256:<digits> is one that is loaded",
        argument: Argument::Text,
        required: 1,
        run: load,
    },
    Command {
        name: "reload",
        usage: "reload <name> <path-or-url>",
        help: "give a guest that runs another module",
        argument: Argument::Actor,
        required: 2,
        run: reload,
    },
    Command {
        name: "modules",
        usage: "modules [name-or-id]",
        help: "the modules that are loaded, or the one of a guest",
        argument: Argument::Actor,
        required: 0,
        run: modules,
    },
    Command {
        name: "stop",
        usage: "stop <name-or-id>",
        help: "end an actor",
        argument: Argument::Actor,
        required: 1,
        run: stop,
    },
];

fn list(session: &mut Session, _: &[u8]) {
    let out = &mut session.out;
    let ids = match abi::list(&mut session.ids) {
        Some(ids) => ids,
        None => return session.complain("list", "cannot list the actors"),
    };
    let cut = ids.len() == LISTED_MAX;
    ids.sort_unstable();
    let largest = ids.last().map_or(0, |&id| Digits::new().of(id).len());
    let id_width = largest.max(ID_WIDTH);
    out.padded("ID", id_width).text("  NAME\n");
    let (mut name, mut status) = ([0u8; NAME_BYTES], [0u8; STATUS_BYTES]);
    for &id in ids.iter() {
        let mut digits = Digits::new();
        let shown = digits.of(id);
        let name = abi::name_of(id, &mut name);
        let status = abi::status_of(id, &mut status);
        out.bytes(shown);
        if !name.is_empty() || !status.is_empty() {
            out.blanks(shown.len(), id_width).text("  ").bytes(name);
        }
        if !status.is_empty() {
            out.blanks(name.len(), NAME_WIDTH).text("  ").bytes(status);
        }
        out.text("\n");
    }
    if cut {
        out.text("(only the first ").number(LISTED_MAX as u64).text(")\n");
    }
}

/// An id of a node with a small number; the column is as wide as the largest there is. A name that is wider than its
/// own pushes what is behind it to the right.
const ID_WIDTH: usize = 10;
const NAME_WIDTH: usize = 20;
const STATUS_BYTES: usize = 128;

fn load(session: &mut Session, path: &[u8]) {
    let download = if is_url(path) {
        match download(session, path) {
            None => return,
            some => some,
        }
    } else {
        None
    };
    let mut buf = [0u8; NAME_BYTES];
    let name = match free_name(without_query(path), &mut buf) {
        Some(name) => name,
        None => {
            session.out.text("load: no name is free for ").quoted(path).text("\n");
            return;
        }
    };
    session.out.text("Loading...\n").flush(); // a large module takes a while
    let spawned = match &download {
        Some(download) => download.spawn(name),
        None => abi::spawn_file(path, name),
    };
    match spawned {
        Some(id) => {
            session.guests.add(id, name);
            session.out.text("Spawned actor ").number(id).text(" as '").bytes(name).text("'\n");
        }
        None => session.complain("load", "not loaded"),
    }
}

/// How often the line about a long download changes.
const PROGRESS_MS: u32 = 250;

/// Fetches what a URL names; says how it goes where that can be seen, and what went wrong.
fn download(session: &mut Session, url: &[u8]) -> Option<Download> {
    session.out.flush();
    let download = match Download::start(url) {
        Some(download) => download,
        None => {
            session.complain("load", "not downloaded");
            return None;
        }
    };
    if download.status() != 200 {
        session.out.text("load: not downloaded: the server answers ").number(download.status() as u64).text("\n");
        return None;
    }
    loop {
        if session.interrupted() {
            session.out.text("load: interrupted\n");
            return None;
        }
        match download.wait(PROGRESS_MS) {
            Progress::Going { received, total } => session.show_progress(received, total),
            Progress::Done(size) => {
                session.out.text("Downloaded ").number(size).text(" bytes\n");
                return Some(download);
            }
            Progress::Failed => {
                session.complain("load", "not downloaded");
                return None;
            }
        }
    }
}

/// The node keeps the old module until the new one has shown that it works, and says how that went.
fn reload(session: &mut Session, arguments: &[u8]) {
    let (target, path) = words::split(arguments);
    let mut request = [0u8; 4096];
    if let Some(id) = actor(session, "reload", target) {
        if refuse_own(session, "reload", id) {
            return;
        }
        let parts: [&[u8]; 2] = [&id.to_le_bytes(), path];
        match words::join(&parts, &mut request) {
            Some(request) => desk::inquire(session, "reload", desk::RELOAD, request),
            None => {
                session.out.text("reload: the path is too long\n");
            }
        }
    }
}

/// Who stops the shell he is typing at, or gives it another module, has nobody left who hears him.
fn refuse_own(session: &mut Session, command: &str, id: ActorId) -> bool {
    let own = id == abi::self_id() || id == session.console;
    if own {
        session.out.text(command).text(": this shell and its console end with 'exit'\n");
    }
    own
}

fn modules(session: &mut Session, target: &[u8]) {
    if target.is_empty() {
        desk::inquire(session, "modules", desk::MODULES, &[]);
    } else if let Some(id) = actor(session, "modules", target) {
        desk::inquire(session, "modules", desk::MODULES, &id.to_le_bytes());
    }
}

fn stop(session: &mut Session, target: &[u8]) {
    let id = match actor(session, "stop", target) {
        Some(id) => id,
        None => return,
    };
    if refuse_own(session, "stop", id) {
        return;
    }
    if desk::is_remote(id) {
        desk::inquire(session, "stop", desk::STOP, &id.to_le_bytes());
    } else if !is_alive(session, id) {
        session.out.text("stop: there is no actor ").number(id).text("\n");
    } else {
        session.guests.mark_stopping(id);
        if abi::stop(id) {
            session.out.text("Stopped actor ").number(id).text("\n");
        } else {
            session.complain("stop", "not stopped");
        }
    }
}

/// A list that is cut proves nothing; then the node is simply asked to stop it.
fn is_alive(session: &mut Session, id: ActorId) -> bool {
    match abi::list(&mut session.ids) {
        Some(ids) => ids.len() == LISTED_MAX || ids.contains(&id),
        None => true,
    }
}

/// A URL's name is its path's; of a file's nothing is cut but `?` and what follows in a URL.
fn without_query(path: &[u8]) -> &[u8] {
    if !is_url(path) {
        return path;
    }
    let end = path.iter().position(|&b| b == b'?' || b == b'#').unwrap_or(path.len());
    &path[..end]
}

fn is_url(path: &[u8]) -> bool {
    path.starts_with(b"http://") || path.starts_with(b"https://")
}

/// The file's name without folder and extension, made one that is not taken.
fn free_name<'a>(path: &[u8], buf: &'a mut [u8; NAME_BYTES]) -> Option<&'a [u8]> {
    let mut path = path; // a folder, which is no module: the host says so
    while let Some((b'/', rest)) = path.split_last() {
        path = rest;
    }
    let file = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let stem = match file.strip_suffix(b".wasm") {
        Some(stem) if !stem.is_empty() => stem,
        _ => file,
    };
    if stem.is_empty() || stem.len() > NAME_BYTES {
        return None;
    }
    for (to, &from) in buf.iter_mut().zip(stem) {
        *to = if from <= b' ' || from == 0x7F { b'_' } else { from }; // so that it can be typed
    }
    let mut len = stem.len();
    for number in 1..NAME_TRIES_MAX {
        if abi::lookup(&buf[..len]).is_none() {
            return Some(&buf[..len]);
        }
        let mut digits = Digits::new();
        let digits = digits.of(number);
        len = stem.len() + 1 + digits.len();
        if len > NAME_BYTES {
            return None;
        }
        buf[stem.len()] = b'_';
        buf[stem.len() + 1..len].copy_from_slice(digits);
    }
    None
}
