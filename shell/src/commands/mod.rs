// SPDX-License-Identifier: Apache-2.0
//! The command table. Commands are data: dispatch, help, usage errors and completion are all made from it, so none of
//! them can drift. A new command is one entry in its family's file; a new family is one line in `FAMILIES`.

use crate::abi::{self, ActorId};
use crate::session::Session;
use crate::words;

mod actors;
mod messages;
mod names;
mod nodes;
mod shell;
mod storage;

pub use actors::LISTED_MAX;

/// What the first argument is, for usage errors and for completion.
#[derive(Clone, Copy)]
pub enum Argument {
    Nothing,
    Text,
    Actor,
    Node,
    Path,
    Command,
    Word(&'static str),
}

pub struct Command {
    pub name: &'static str,
    pub usage: &'static str,
    pub help: &'static str,
    pub argument: Argument,
    pub required: usize, // words without which the command makes no sense
    pub run: fn(&mut Session, &[u8]),
}

const FAMILIES: [&[Command]; 6] =
    [shell::COMMANDS, actors::COMMANDS, messages::COMMANDS, names::COMMANDS, nodes::COMMANDS, storage::COMMANDS];

pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

pub fn find(name: &[u8]) -> Option<&'static Command> {
    all().find(|command| command.name.as_bytes() == name)
}

pub fn run(session: &mut Session, line: &[u8]) {
    let (name, arguments) = words::split(line);
    match find(name) {
        Some(command) if well_formed(command, arguments) => (command.run)(session, arguments),
        Some(command) => {
            session.out.text("usage: ").text(command.usage).text("\n");
        }
        None => {
            session.out.text("Unknown command ").quoted(name).text("; 'help' lists what there is.\n");
        }
    }
}

fn well_formed(command: &Command, arguments: &[u8]) -> bool {
    let mut rest = arguments;
    for _ in 0..command.required {
        let (word, beyond) = words::split(rest);
        if word.is_empty() {
            return false;
        }
        rest = beyond;
    }
    !matches!(command.argument, Argument::Nothing) || arguments.is_empty()
}

/// The actor a word means: an id if it is a number, else a name. Complains when there is none.
fn actor(session: &mut Session, command: &str, word: &[u8]) -> Option<ActorId> {
    let found = match words::number(word) {
        Some(0) => None,
        Some(id) => Some(id),
        None => abi::lookup(word),
    };
    if found.is_none() {
        session.out.text(command).text(": there is no actor ").quoted(word).text("\n");
    }
    found
}
