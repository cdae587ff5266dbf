// SPDX-License-Identifier: Apache-2.0
//! As echo, but takes 100 ms over each reply while everybody else keeps running.
#![no_std]
#![no_main]

#[path = "../../sdk/rust/mk.rs"]
mod mk;

const NAP_MS: u32 = 100;

#[no_mangle]
pub extern "C" fn handle_message(kind: i32, source: i64, payload: *const u8, size: i32) -> i32 {
    let msg = unsafe { mk::Message::new(kind, source, payload, size) };
    if msg.kind == mk::STOP {
        return mk::END;
    }
    if msg.kind < mk::SYSTEM {
        if mk::sleep_ms(NAP_MS).is_err() {
            mk::log(mk::Level::Warn, "sleeper: cannot sleep here");
        }
        let _ = msg.reply(msg.kind + 1, msg.payload);
    }
    mk::STAY
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    mk::abort()
}
