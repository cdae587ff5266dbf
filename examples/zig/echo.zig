// SPDX-License-Identifier: Apache-2.0
//! Answers every message with the same payload and the type plus one.
const mk = @import("mk.zig");

export fn handle_message(kind: u32, source: u64, payload: [*]const u8, size: usize) i32 {
    const msg = mk.message(kind, source, payload, size);
    if (msg.kind == mk.stop_request) return mk.end;
    // Refused means the asker is gone: nobody is left to tell.
    if (msg.kind < mk.system_types) msg.reply(msg.kind + 1, msg.payload) catch {};
    return mk.stay;
}
