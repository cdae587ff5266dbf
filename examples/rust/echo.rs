// SPDX-License-Identifier: Apache-2.0
//! Answers every message with the same payload and the type plus one.
#![no_std]
#![no_main]

#[path = "../../sdk/rust/mk.rs"]
mod mk;

#[no_mangle]
pub extern "C" fn handle_message(kind: i32, source: i64, payload: *const u8, size: i32) -> i32 {
    let msg = unsafe { mk::Message::new(kind, source, payload, size) };
    if msg.kind == mk::STOP {
        return mk::END;
    }
    if msg.kind < mk::SYSTEM {
        // Refused means the asker is gone: nobody is left to tell.
        let _ = msg.reply(msg.kind + 1, msg.payload);
    }
    mk::STAY
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    mk::abort()
}
