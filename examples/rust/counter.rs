// SPDX-License-Identifier: Apache-2.0
//! Counts messages, in a plain loop that waits for each.
//!
//! The first message starts the loop; from then on `handle_message` does not return until the actor is
//! asked to stop, and the count is a local variable. 100 counts; 110 is answered with 111 and the count
//! in decimal; anything else is ignored.
#![no_std]
#![no_main]

#[path = "../../sdk/rust/mk.rs"]
mod mk;

const COUNT: u32 = 100;
const QUERY: u32 = 110;
const TOTAL: u32 = 111;

const DECIMAL_BYTES_MAX: usize = 20;

/// A message larger than this still counts: its bytes are not needed.
const PAYLOAD_BYTES: usize = 16;

fn reply(msg: &mk::Message, mut count: u64) {
    let mut digits = [0u8; DECIMAL_BYTES_MAX];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (count % 10) as u8;
        count /= 10;
        if count == 0 {
            break;
        }
    }
    let _ = msg.reply(TOTAL, &digits[at..]);
}

fn count_until_stopped(first: mk::Message) {
    let mut buf = [0u8; PAYLOAD_BYTES];
    let mut count = 0u64;
    let mut next = Ok(first);
    while let Ok(msg) = next {
        match msg.kind {
            mk::STOP => return,
            COUNT => count += 1,
            QUERY => reply(&msg, count),
            _ => {}
        }
        next = mk::recv(&mut buf);
    }
    mk::log(mk::Level::Error, "counter: cannot wait here");
}

#[no_mangle]
pub extern "C" fn handle_message(kind: i32, source: i64, payload: *const u8, size: i32) -> i32 {
    count_until_stopped(unsafe { mk::Message::new(kind, source, payload, size) });
    mk::END
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    mk::abort()
}
