// SPDX-License-Identifier: Apache-2.0
//! As echo, but takes 100 ms over each reply while everybody else keeps running.
const mk = @import("mk.zig");

const nap_ms = 100;

export fn handle_message(kind: u32, source: u64, payload: [*]const u8, size: usize) i32 {
    const msg = mk.message(kind, source, payload, size);
    if (msg.kind == mk.stop_request) return mk.end;
    if (msg.kind >= mk.system_types) return mk.stay;
    mk.sleepMs(nap_ms) catch mk.log(mk.Level.warn, "sleeper: cannot sleep here");
    msg.reply(msg.kind + 1, msg.payload) catch {};
    return mk.stay;
}
