// SPDX-License-Identifier: Apache-2.0
//! Where this node answers what concerns other nodes (tools/mk/desk.h). A question is a message; the answer is waited for here,
//! and what comes in between is dealt with as ever.

use crate::abi::{self, ActorId, Received, Wait};
use crate::report;
use crate::session::Session;

const NAME: &[u8] = b"/node/local/desk";

pub const NODES: u32 = 16;
pub const SPAWN: u32 = 17;
pub const STOP: u32 = 18;
const WATCH: u32 = 19;
const UNWATCH: u32 = 20;
pub const RELOAD: u32 = 21;
const REMEMBER: u32 = 22;
const RECALL: u32 = 23;
pub const MODULES: u32 = 24;

const SAID: u32 = 32;
const MORE: u32 = 33;
const FAILED: u32 = 34;
const DOWN: u32 = 35;
const HISTORY: u32 = 36;
const NEWS: u32 = 37;

/// What to do with a message while waiting.
pub enum Heard {
    Answer,
    More,
    Nothing,
}

/// Sends `payload` and waits up to `wait_ms`; each message is shown to `hear` first. What is not about the answer is printed as
/// unasked for. False: none came, which was said.
pub fn ask(
    session: &mut Session,
    command: &str,
    to: ActorId,
    question: (u32, &[u8]),
    wait_ms: u64,
    hear: &mut dyn FnMut(&mut Session, &Received) -> Heard,
) -> bool {
    let inbox = match session.inbox.take() {
        Some(inbox) => inbox,
        None => return false,
    };
    let heard = if session.catch_up(inbox) {
        session.out.text(command).text(": interrupted\n");
        false
    } else if abi::send(to, question.0, question.1) {
        wait(session, inbox, command, to, wait_ms, hear)
    } else {
        session.complain(command, "cannot be asked for now");
        false
    };
    session.inbox = Some(inbox);
    heard
}

fn wait(
    session: &mut Session,
    inbox: &mut [u8],
    command: &str,
    from: ActorId,
    wait_ms: u64,
    hear: &mut dyn FnMut(&mut Session, &Received) -> Heard,
) -> bool {
    let mut deadline = abi::now_ms() + wait_ms;
    session.out.flush();
    loop {
        let left = deadline.saturating_sub(abi::now_ms());
        match abi::receive(inbox, left as u32) {
            Wait::Message(message) if session.is_interrupt(&message) => {
                session.out.text(command).text(": interrupted\n");
                return false;
            }
            Wait::Message(message) => {
                let heard = if message.source == from { hear(session, &message) } else { Heard::Nothing };
                match heard {
                    Heard::Answer => return true,
                    Heard::More => deadline = abi::now_ms() + wait_ms,
                    Heard::Nothing => report::unasked(session, &message),
                }
                session.out.flush();
                if session.ending {
                    return false;
                }
            }
            Wait::TimedOut => {
                session.out.text(command).text(": no answer within ").number(wait_ms / 1000).text(" s\n");
                return false;
            }
            Wait::Failed => {
                session.complain(command, "cannot wait for the answer");
                return false;
            }
        }
    }
}

/// Longer than other nodes take to answer, or to be given up.
const DESK_WAIT_MS: u64 = 35_000;

/// A question to the desk whose answer is a text to be shown.
pub fn inquire(session: &mut Session, command: &str, kind: u32, payload: &[u8]) {
    match abi::lookup(NAME) {
        Some(desk) => {
            ask(session, command, desk, (kind, payload), DESK_WAIT_MS, &mut |session, message| {
                show(session, command, message)
            });
        }
        None => {
            session.out.text(command).text(": this shell knows nothing of other nodes\n");
        }
    }
}

fn show(session: &mut Session, command: &str, message: &Received) -> Heard {
    match message.kind {
        SAID | MORE => {
            session.out.bytes(message.payload);
            if message.kind == SAID {
                Heard::Answer
            } else {
                Heard::More
            }
        }
        FAILED => {
            session.out.text(command).text(": ").bytes(message.payload).text("\n");
            Heard::Answer
        }
        _ => Heard::Nothing,
    }
}

/// The news of an actor of another node while it is talked to; nothing for one of this node.
pub struct Watch {
    desk: ActorId,
    id: ActorId,
}

impl Watch {
    pub fn start(id: ActorId) -> Watch {
        let desk = if is_remote(id) { abi::lookup(NAME).unwrap_or(0) } else { 0 };
        if desk != 0 {
            abi::send(desk, WATCH, &id.to_le_bytes());
        }
        Watch { desk, id }
    }

    /// What has happened to it, if this message says that.
    pub fn fate<'a>(&self, message: &Received<'a>) -> Option<&'a [u8]> {
        if self.desk == 0 || message.source != self.desk || message.kind != DOWN {
            return None;
        }
        match message.payload.get(..8) {
            Some(id) if id == &self.id.to_le_bytes()[..] => Some(&message.payload[8..]),
            _ => None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.desk != 0 {
            abi::send(self.desk, UNWATCH, &[]);
        }
    }
}

/// The lines typed so far, for the next shell of this node; not before what an earlier one has left has come.
pub fn remember(session: &Session) {
    if let Some(desk) = abi::lookup(NAME).filter(|_| session.remembers) {
        abi::send(desk, REMEMBER, session.history.text());
    }
}

/// What an earlier shell has left comes in a moment, if this node keeps anything.
pub fn recall() {
    if let Some(desk) = abi::lookup(NAME) {
        abi::send(desk, RECALL, &[]);
    }
}

/// What the desk says unasked. False: this is something else.
pub fn heard(session: &mut Session, message: &Received) -> bool {
    if (message.kind != HISTORY && message.kind != NEWS) || abi::lookup(NAME) != Some(message.source) {
        return false;
    }
    if message.kind == NEWS {
        session.out.bytes(message.payload);
    } else {
        session.history.begin_with(message.payload);
        session.show_history();
        session.remembers = true;
        remember(session);
    }
    true
}

/// A DOWN that came too late to matter.
pub fn is_stale(message: &Received) -> bool {
    message.kind == DOWN && abi::lookup(NAME) == Some(message.source)
}

/// Of another node; node 0 is none.
pub fn is_remote(id: ActorId) -> bool {
    id >> 32 != 0 && id >> 32 != abi::self_id() >> 32
}
