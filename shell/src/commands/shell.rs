// SPDX-License-Identifier: Apache-2.0
//! The shell itself: help, history, leaving.

use super::{all, find, Argument, Command};
use crate::abi;
use crate::session::Session;
use crate::words;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        usage: "help [command]",
        help: "what there is, or how one command is used",
        argument: Argument::Command,
        required: 0,
        run: help,
    },
    Command {
        name: "history",
        usage: "history [clear]",
        help: "the lines typed so far, or forget them",
        argument: Argument::Word("clear"),
        required: 0,
        run: history,
    },
    Command {
        name: "exit",
        usage: "exit",
        help: "leave the shell; Ctrl-D does the same",
        argument: Argument::Nothing,
        required: 0,
        run: exit,
    },
];

fn help(session: &mut Session, arguments: &[u8]) {
    let out = &mut session.out;
    let (name, _) = words::split(arguments);
    if name.is_empty() {
        let width = all().map(|command| command.usage.len()).max().unwrap_or(0);
        for command in all() {
            out.padded(command.usage, width).text("  ").text(command.help).text("\n");
        }
        return;
    }
    match find(name) {
        Some(command) => out.text(command.usage).text("\n    ").text(command.help).text("\n"),
        None => out.text("help: there is no command ").quoted(name).text("\n"),
    };
}

fn history(session: &mut Session, arguments: &[u8]) {
    match arguments {
        b"" => {
            for (number, line) in session.history.lines() {
                for _ in 0..4usize.saturating_sub(digits(number)) {
                    session.out.byte(b' ');
                }
                session.out.number(number).text("  ").bytes(line).text("\n");
            }
        }
        b"clear" => {
            session.history.clear();
            session.tell_console(abi::MSG_CONSOLE_HISTORY, &[]);
        }
        _ => {
            session.out.text("usage: history [clear]\n");
        }
    }
}

fn digits(number: u64) -> usize {
    crate::writer::Digits::new().of(number).len()
}

fn exit(session: &mut Session, _: &[u8]) {
    session.leave();
}
