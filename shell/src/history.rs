// SPDX-License-Identifier: Apache-2.0
//! The last lines typed, newest last. Bounded by bytes: a new line pushes out as many old ones as it needs.

const HISTORY_BYTES: usize = 4096;

pub struct History {
    text: [u8; HISTORY_BYTES], // every line ends in a newline
    len: usize,
    forgotten: u64, // lines pushed out, so that numbers stay with their lines
}

impl History {
    pub const fn new() -> History {
        History { text: [0; HISTORY_BYTES], len: 0, forgotten: 0 }
    }

    /// A line that could never fit is not kept.
    pub fn push(&mut self, line: &[u8]) {
        let needed = line.len() + 1;
        if needed > HISTORY_BYTES {
            return;
        }
        while HISTORY_BYTES - self.len < needed {
            self.drop_oldest();
        }
        self.text[self.len..self.len + line.len()].copy_from_slice(line);
        self.len += needed;
        self.text[self.len - 1] = b'\n';
    }

    /// Older lines, from before this shell: in front of what it has.
    pub fn begin_with(&mut self, older: &[u8]) {
        let mut newer = [0u8; HISTORY_BYTES];
        newer[..self.len].copy_from_slice(&self.text[..self.len]);
        let newer = &newer[..self.len];
        self.clear();
        for line in older.split(|&b| b == b'\n').chain(newer.split(|&b| b == b'\n')).filter(|line| !line.is_empty()) {
            self.push(line);
        }
    }

    /// All of it, each line with its end.
    pub fn text(&self) -> &[u8] {
        &self.text[..self.len]
    }

    pub fn clear(&mut self) {
        self.len = 0;
        self.forgotten = 0;
    }

    /// The lines with their numbers, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let held = if self.len == 0 { &self.text[..0] } else { &self.text[..self.len - 1] };
        let none = if self.len == 0 { 0 } else { usize::MAX };
        (self.forgotten + 1..).zip(held.split(|&b| b == b'\n').take(none))
    }

    fn drop_oldest(&mut self) {
        let end = self.text[..self.len].iter().position(|&b| b == b'\n').map_or(self.len, |at| at + 1);
        self.text.copy_within(end..self.len, 0);
        self.len -= end;
        self.forgotten += 1;
    }
}
