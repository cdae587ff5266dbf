// SPDX-License-Identifier: Apache-2.0
//! Counts messages, in a plain loop that waits for each.
//!
//! The first message starts the loop; from then on `handle_message` does not return until the actor is asked to
//! stop, and the count is a local variable. 100 counts; 110 is answered with 111 and the count in decimal; anything
//! else is ignored.
const mk = @import("mk.zig");

const count_one = 100;
const query = 110;
const total = 111;

const decimal_bytes_max = 10;

/// A message larger than this still counts: its bytes are not needed.
const payload_bytes = 16;

fn reply(msg: mk.Message, count: u32) void {
    const figures = "0123456789";
    var digits: [decimal_bytes_max]u8 = undefined;
    var at: usize = digits.len;
    var rest = count;
    while (true) {
        at -= 1;
        digits[at] = figures[rest % 10];
        rest /= 10;
        if (rest == 0) break;
    }
    msg.reply(total, digits[at..]) catch {};
}

export fn handle_message(kind: u32, source: u64, payload: [*]const u8, size: usize) i32 {
    var buf: [payload_bytes]u8 = undefined;
    var msg = mk.message(kind, source, payload, size);
    var count: u32 = 0;

    while (msg.kind != mk.stop_request) {
        if (msg.kind == count_one) count += 1;
        if (msg.kind == query) reply(msg, count);
        msg = mk.recv(&buf) catch {
            mk.log(mk.Level.err, "counter: cannot wait here");
            break;
        };
    }
    return mk.end;
}
