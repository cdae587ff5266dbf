// SPDX-License-Identifier: Apache-2.0
//! The shell: an ordinary guest that was granted everything. It gets lines from its console, answers with text, and
//! owns one 64 KiB page of memory in all: no allocator, every buffer has its place below.
//!
//! Reading order: `session` (what happens to a message), `commands` (the table), one family after the other.

#![no_std]

mod abi;
mod commands;
mod complete;
mod desk;
mod guests;
mod history;
mod report;
mod session;
mod words;
mod writer;

use core::cell::UnsafeCell;
use session::Session;

/// The longest line is 4,096 bytes (console.h); an unasked-for message may be larger, up to this. A larger one is
/// dropped by the node, which counts and logs it.
const PAYLOAD_BYTES: usize = 16 * 1024;
/// What `call` shows of an answer.
const INBOX_BYTES: usize = 8 * 1024;

/// A guest has one thread and handle_message is never entered twice, so nobody else is ever looking.
struct Single<T>(UnsafeCell<T>);
unsafe impl<T> Sync for Single<T> {}

static PAYLOAD: Single<[u64; PAYLOAD_BYTES / 8]> = Single(UnsafeCell::new([0; PAYLOAD_BYTES / 8]));
static INBOX: Single<[u8; INBOX_BYTES]> = Single(UnsafeCell::new([0; INBOX_BYTES]));
static SESSION: Single<Session> = Single(UnsafeCell::new(Session::FRESH));

/// Where the node puts a payload; 0: it does not fit.
#[no_mangle]
pub extern "C" fn mk_alloc(size: usize) -> usize {
    if size <= PAYLOAD_BYTES {
        PAYLOAD.0.get() as usize
    } else {
        0
    }
}

#[no_mangle]
pub extern "C" fn mk_free(_: usize) {}

#[no_mangle]
pub extern "C" fn handle_message(kind: u32, source: u64, payload: *const u8, size: usize) -> i32 {
    let payload: &[u8] = if size == 0 { &[] } else { unsafe { core::slice::from_raw_parts(payload, size) } };
    let session = unsafe { &mut *SESSION.0.get() };
    if session.inbox.is_none() {
        session.inbox = Some(unsafe { &mut *INBOX.0.get() });
    }
    let message = abi::Received { kind, source, size: size as u32, payload };
    i32::from(session.handle(&message))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
