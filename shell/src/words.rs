// SPDX-License-Identifier: Apache-2.0
//! Lines taken apart: words between blanks, and numbers. The last argument of a command is the rest of its line as it
//! was typed, so payloads and paths need no quoting.

pub fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let [rest @ .., last] = text {
        if !is_blank(*last) {
            break;
        }
        text = rest;
    }
    text
}

/// The first word and what follows it, without the blanks between them. Both are empty at the end.
pub fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let text = trim_start(text);
    let end = text.iter().position(|&b| is_blank(b)).unwrap_or(text.len());
    (&text[..end], trim_start(&text[end..]))
}

/// The words with one blank between them; None when they do not fit.
pub fn single_spaced<'a>(mut text: &[u8], buf: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut len = 0;
    loop {
        let (word, rest) = split(text);
        if word.is_empty() {
            return Some(&buf[..len]);
        }
        let parts: [&[u8]; 2] = [if len > 0 { b" " } else { b"" }, word];
        len += join(&parts, &mut buf[len..])?.len();
        text = rest;
    }
}

/// One behind the other; None when they do not fit.
pub fn join<'a>(parts: &[&[u8]], buf: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut len = 0;
    for part in parts {
        buf.get_mut(len..len + part.len())?.copy_from_slice(part);
        len += part.len();
    }
    Some(&buf[..len])
}

/// One line of a list of names: the name, and whose it is.
pub fn path_and_id(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().rposition(|&b| b == b'=')?;
    Some((&line[..at], &line[at + 1..]))
}

/// Decimal, or hexadecimal behind `0x`; None when it is anything else or does not fit.
pub fn number(word: &[u8]) -> Option<u64> {
    let (digits, base) = match word {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        _ => (word, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &digit in digits {
        let digit = (digit as char).to_digit(base)?;
        value = value.checked_mul(base as u64)?.checked_add(digit as u64)?;
    }
    Some(value)
}

/// A message type: 32 bits, which may be written with a sign.
pub fn message_type(word: &[u8]) -> Option<u32> {
    match word {
        [b'-', digits @ ..] => {
            let value = number(digits)?;
            if value > 1 << 31 {
                return None;
            }
            Some((value as u32).wrapping_neg())
        }
        _ => {
            let value = number(word)?;
            if value > u32::MAX as u64 {
                return None;
            }
            Some(value as u32)
        }
    }
}

/// The node's errors begin with the import that failed ("mk_send: not found"), which says nothing to a user.
pub fn without_import(reason: &[u8]) -> &[u8] {
    let end = reason.windows(2).position(|pair| pair == b": ");
    match end {
        Some(at) if reason.starts_with(b"mk_") => &reason[at + 2..],
        _ => reason,
    }
}

pub fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_blank(*first) {
            break;
        }
        text = rest;
    }
    text
}
