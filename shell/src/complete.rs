// SPDX-License-Identifier: Apache-2.0
//! Completion: from the text left of the cursor to the words its last word may become.

use crate::abi;
use crate::commands::{self, Argument};
use crate::session::Session;
use crate::words;

/// What a screen can usefully show; the rest is left out.
const CANDIDATES_BYTES: usize = 2048;

/// Sends the console the candidates for `text`, newline separated; always an answer, because it waits for one.
pub fn answer(session: &mut Session, text: &[u8]) {
    let mut found = Candidates { text: [0; CANDIDATES_BYTES], len: 0 };
    gather(session, text, &mut found);
    session.tell_console(abi::MSG_CONSOLE_CANDIDATES, &found.text[..found.len]);
}

fn gather(session: &mut Session, text: &[u8], found: &mut Candidates) {
    let (first, rest) = words::split(text);
    let word_ended = text.last().map_or(false, |&b| words::is_blank(b));
    if rest.is_empty() && !word_ended {
        return command_names(first, found);
    }
    let (argument, beyond) = words::split(rest);
    if !beyond.is_empty() || (!argument.is_empty() && word_ended) {
        return; // only the first argument is ever a name
    }
    match commands::find(first).map(|command| command.argument) {
        Some(Argument::Actor) => {
            actor_names(session, argument, found);
            paths(session, argument, found);
        }
        Some(Argument::Path) => paths(session, argument, found),
        Some(Argument::Node) => node_names(session, argument, found),
        Some(Argument::Command) => command_names(argument, found),
        Some(Argument::Word(word)) => found.offer(word.as_bytes(), argument),
        _ => {}
    }
}

fn command_names(start: &[u8], found: &mut Candidates) {
    for command in commands::all() {
        found.offer(command.name.as_bytes(), start);
    }
}

fn actor_names(session: &mut Session, start: &[u8], found: &mut Candidates) {
    let mut name = [0u8; 256];
    if let Some(ids) = abi::list(&mut session.ids) {
        for &id in ids.iter() {
            found.offer(abi::name_of(id, &mut name), start);
        }
    }
}

/// What is known of other nodes, too.
fn paths(session: &mut Session, start: &[u8], found: &mut Candidates) {
    list(session, start, |path| found.offer(path, start));
}

fn node_names(session: &mut Session, start: &[u8], found: &mut Candidates) {
    const ABOVE: &[u8] = b"/node/";
    list(session, ABOVE, |path| {
        let name = path[ABOVE.len()..].split(|&b| b == b'/').next().unwrap_or(b"");
        if path.len() > ABOVE.len() + name.len() {
            found.offer(name, start);
        }
    });
}

fn list(session: &mut Session, prefix: &[u8], mut each: impl FnMut(&[u8])) {
    if let Some(inbox) = session.inbox.take() {
        let lines = abi::names(prefix, inbox).unwrap_or(b"");
        for (path, _) in lines.split(|&b| b == b'\n').filter_map(words::path_and_id) {
            each(path);
        }
        session.inbox = Some(inbox);
    }
}

struct Candidates {
    text: [u8; CANDIDATES_BYTES],
    len: usize,
}

impl Candidates {
    fn has(&self, word: &[u8]) -> bool {
        self.text[..self.len].split(|&b| b == b'\n').any(|known| known == word)
    }

    fn offer(&mut self, word: &[u8], start: &[u8]) {
        let typeable = !word.is_empty() && word.iter().all(|&b| b > b' ' && b != 0x7F);
        let separator = usize::from(self.len > 0);
        if !typeable || !word.starts_with(start) || self.has(word) || CANDIDATES_BYTES - self.len < separator + word.len() {
            return;
        }
        if separator == 1 {
            self.text[self.len] = b'\n';
        }
        let at = self.len + separator;
        self.text[at..at + word.len()].copy_from_slice(word);
        self.len = at + word.len();
    }
}
