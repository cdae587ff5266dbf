// SPDX-License-Identifier: Apache-2.0
//! All output goes through one writer: commands say what to print, the writer gathers it so that the console gets few,
//! whole pieces. Calls chain: `out.text("Stopped actor ").number(id).text("\n")`.

use crate::abi;

/// A few lines. What one command prints at most is thereby a bounded number of messages to the console, see
/// `LISTED_MAX` in commands/actors.rs.
const GATHER_BYTES: usize = 2048;

pub struct Writer {
    held: [u8; GATHER_BYTES],
    len: usize,
}

impl Writer {
    pub const fn new() -> Writer {
        Writer { held: [0; GATHER_BYTES], len: 0 }
    }

    pub fn flush(&mut self) {
        if self.len > 0 {
            abi::print(&self.held[..self.len]);
            self.len = 0;
        }
    }

    pub fn byte(&mut self, byte: u8) -> &mut Writer {
        if self.len == GATHER_BYTES {
            self.flush();
        }
        self.held[self.len] = byte;
        self.len += 1;
        self
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Writer {
        for &byte in bytes {
            self.byte(byte);
        }
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Writer {
        self.bytes(text.as_bytes())
    }

    pub fn number(&mut self, number: u64) -> &mut Writer {
        let mut digits = Digits::new();
        let shown = digits.of(number);
        for &digit in shown {
            self.byte(digit);
        }
        self
    }

    /// `text`, then spaces up to `width` characters.
    pub fn padded(&mut self, text: &str, width: usize) -> &mut Writer {
        self.text(text).blanks(text.len(), width)
    }

    /// Spaces from one column to another; none when that is not further to the right.
    pub fn blanks(&mut self, from: usize, to: usize) -> &mut Writer {
        for _ in from..to {
            self.byte(b' ');
        }
        self
    }

    /// In double quotes: UTF-8 text as it is, everything else escaped, so that no payload can pass for something else
    /// or move the cursor.
    pub fn quoted(&mut self, mut bytes: &[u8]) -> &mut Writer {
        self.byte(b'"');
        while let Some(&first) = bytes.first() {
            let taken = match first {
                b'"' | b'\\' => {
                    self.byte(b'\\').byte(first);
                    1
                }
                b'\n' => {
                    self.text("\\n");
                    1
                }
                b'\r' => {
                    self.text("\\r");
                    1
                }
                b'\t' => {
                    self.text("\\t");
                    1
                }
                b' '..=b'~' => {
                    self.byte(first);
                    1
                }
                _ => match printable_sequence(bytes) {
                    0 => {
                        self.text("\\x").byte(hex(first >> 4)).byte(hex(first & 15));
                        1
                    }
                    length => {
                        self.bytes(&bytes[..length]);
                        length
                    }
                },
            };
            bytes = &bytes[taken..];
        }
        self.byte(b'"')
    }
}

/// A short text that is no output; what does not fit is left out.
pub struct Line {
    held: [u8; 80],
    len: usize,
}

impl Line {
    pub const fn new() -> Line {
        Line { held: [0; 80], len: 0 }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Line {
        for &byte in bytes.iter().take(self.held.len() - self.len) {
            self.held[self.len] = byte;
            self.len += 1;
        }
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Line {
        self.bytes(text.as_bytes())
    }

    pub fn number(&mut self, number: u64) -> &mut Line {
        let mut digits = Digits::new();
        let shown = digits.of(number);
        self.bytes(shown)
    }

    pub fn shown(&self) -> &[u8] {
        &self.held[..self.len]
    }
}

/// Decimal digits of a number, without the formatting machinery of `core` (which would be half of this program).
pub struct Digits([u8; 20]);

impl Digits {
    pub const fn new() -> Digits {
        Digits([0; 20])
    }

    pub fn of(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[at..];
            }
        }
    }
}

fn hex(nibble: u8) -> u8 {
    b"0123456789abcdef"[nibble as usize]
}

/// Length of the UTF-8 sequence (2 to 4 bytes) that `bytes` starts with; 0 when it is malformed or a control character.
fn printable_sequence(bytes: &[u8]) -> usize {
    let length = match bytes[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return 0,
    };
    if bytes.len() < length {
        return 0;
    }
    match core::str::from_utf8(&bytes[..length]) {
        Ok(text) => match text.chars().next() {
            Some(one) if !one.is_control() && !changes_direction(one) => length,
            _ => 0,
        },
        Err(_) => 0,
    }
}

/// Characters that show nothing themselves and rearrange the rest of the line, which is what a forger wants.
fn changes_direction(one: char) -> bool {
    matches!(one, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
