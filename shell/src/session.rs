// SPDX-License-Identifier: Apache-2.0
//! One conversation: what the shell remembers between lines, and what it does with each message.

use crate::abi::{self, ActorId, Received, Wait};
use crate::commands::{self, LISTED_MAX};
use crate::complete;
use crate::desk;
use crate::guests::Guests;
use crate::history::History;
use crate::report;
use crate::words;
use crate::writer::{Line, Writer};

/// The console must hear of READY or it never shows a prompt again; when others have filled its mailbox, asking again
/// for this long outlasts them.
const CONSOLE_TRIES_MAX: u32 = 500;
const CONSOLE_RETRY_MS: u32 = 10;

pub struct Session {
    pub out: Writer,
    pub history: History,
    pub guests: Guests,
    pub console: ActorId, // 0: none has introduced itself yet
    pub remembers: bool,  // what is typed is kept for the next shell
    pub ending: bool,     // the node or the user wants this shell to end
    pub inbox: Option<&'static mut [u8]>, // taken by whoever waits for messages, and put back
    pub ids: [ActorId; LISTED_MAX],
}

impl Session {
    /// All zero, so that it costs the module file nothing.
    pub const FRESH: Session = Session {
        out: Writer::new(),
        history: History::new(),
        guests: Guests::new(),
        console: 0,
        remembers: false,
        ending: false,
        inbox: None,
        ids: [0; LISTED_MAX],
    };

    /// Handles one message. False: the shell ends.
    pub fn handle(&mut self, message: &Received) -> bool {
        if self.console == 0 && message.kind == abi::MSG_CONSOLE_ATTACH {
            self.console = message.source;
            desk::recall();
        } else if self.console == message.source && self.console != 0 {
            self.obey(message);
        } else {
            report::unasked(self, message);
        }
        self.out.flush();
        !self.ending
    }

    /// What the console wants. This shell may do anything, so nobody else gives it orders.
    fn obey(&mut self, message: &Received) {
        match message.kind {
            abi::MSG_CONSOLE_LINE => self.on_line(message.payload),
            abi::MSG_CONSOLE_EXIT => self.leave(),
            abi::MSG_CONSOLE_COMPLETE => complete::answer(self, message.payload),
            abi::MSG_CONSOLE_INTERRUPT => {} // too late: nothing is under way any more
            _ => report::unasked(self, message),
        }
    }

    /// Says goodbye and tells the console to close.
    pub fn leave(&mut self) {
        self.out.text("Goodbye.\n").flush();
        self.ending = true;
        self.tell_console(abi::MSG_CONSOLE_EXIT, &[]);
    }

    /// "<command>: <what is wrong>" with the node's own words for it, if it has any.
    pub fn complain(&mut self, command: &str, what: &str) {
        let mut text = [0u8; 256];
        let reason = words::without_import(abi::last_error(&mut text));
        self.out.text(command).text(": ").text(what);
        if !reason.is_empty() {
            self.out.text(": ").bytes(reason);
        }
        self.out.text("\n");
    }

    /// Ctrl-C while a line is being handled.
    pub fn is_interrupt(&self, message: &Received) -> bool {
        message.kind == abi::MSG_CONSOLE_INTERRUPT && message.source == self.console
    }

    /// Deals with all messages that have come meanwhile. True: the user has thought better of what he asked for.
    pub fn catch_up(&mut self, inbox: &mut [u8]) -> bool {
        while let Wait::Message(message) = abi::receive(inbox, 0) {
            if self.is_interrupt(&message) {
                return true;
            }
            report::unasked(self, &message);
        }
        self.ending
    }

    /// The same for who has no inbox at hand.
    pub fn interrupted(&mut self) -> bool {
        match self.inbox.take() {
            Some(inbox) => {
                let interrupted = self.catch_up(inbox);
                self.inbox = Some(inbox);
                self.out.flush();
                interrupted
            }
            None => false,
        }
    }

    /// A line about a download that takes long; the console shows it only where it can take it away again.
    pub fn show_progress(&mut self, received: u64, total: Option<u64>) {
        const KIB: u64 = 1024;
        let mut line = Line::new();
        line.text("Downloading ").number(received / KIB);
        match total {
            Some(total) if total > 0 => {
                line.text(" of ").number(total / KIB).text(" KiB, ").number(received * 100 / total).text(" %");
            }
            _ => {
                line.text(" KiB");
            }
        }
        abi::send(self.console, abi::MSG_CONSOLE_STATUS, line.shown()); // refused: the next one tells more
    }

    /// What the cursor keys walk through.
    pub fn show_history(&mut self) {
        for _ in 0..CONSOLE_TRIES_MAX {
            if abi::send(self.console, abi::MSG_CONSOLE_HISTORY, self.history.text()) || !abi::sleep_ms(CONSOLE_RETRY_MS) {
                return;
            }
        }
    }

    pub fn tell_console(&mut self, kind: u32, payload: &[u8]) {
        for _ in 0..CONSOLE_TRIES_MAX {
            if abi::send(self.console, kind, payload) || !abi::sleep_ms(CONSOLE_RETRY_MS) {
                return;
            }
        }
    }

    fn on_line(&mut self, line: &[u8]) {
        let line = words::trim(line);
        if !line.is_empty() {
            self.history.push(line);
            commands::run(self, line);
            desk::remember(self);
        }
        self.out.flush();
        if !self.ending {
            self.tell_console(abi::MSG_CONSOLE_READY, &[]);
        }
    }
}
