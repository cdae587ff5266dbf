// SPDX-License-Identifier: Apache-2.0
//! What a guest written in Zig imports from its node. Put it beside the guest and import it:
//!
//!     const mk = @import("mk.zig");
//!
//!     zig build-exe -target wasm32-freestanding -fno-entry -rdynamic -O ReleaseSmall echo.zig   (0.12 and newer)
//!     zig build-lib -target wasm32-freestanding -dynamic -rdynamic -O ReleaseSmall echo.zig     (0.10, 0.11)
//!
//! A guest exports `handle_message`; see examples/zig/echo.zig. Every pointer and length is checked by the node
//! against this guest's memory, and an import that was not granted fails like any other call: `lastError` tells why.
//!
//! Written without casts and other builtins that changed between releases, so that one file serves all of them.

/// The imports as they are, for those who need what the functions below do not offer.
pub const raw = struct {
    pub extern "env" fn mk_send(dest: u64, kind: u32, data: [*]const u8, size: usize) i32;
    pub extern "env" fn mk_send_u32(dest: u64, kind: u32, value: u32) i32;
    pub extern "env" fn mk_self() u64;
    pub extern "env" fn mk_time_ms() i64;
    pub extern "env" fn mk_log(level: i32, text: [*]const u8, len: usize) void;
    pub extern "env" fn mk_print(text: [*]const u8, len: usize) void;
    pub extern "env" fn mk_sleep_ms(ms: u32) i32;
    pub extern "env" fn mk_recv(kind: *u32, buf: [*]u8, cap: usize, size: *usize) i32;
    pub extern "env" fn mk_recv_full(kind: *u32, buf: [*]u8, cap: usize, size: *usize, source: *u64) i32;
    pub extern "env" fn mk_recv_timeout(kind: *u32, buf: [*]u8, cap: usize, size: *usize, source: *u64, ms: u32) i32;
    pub extern "env" fn mk_spawn_wasm(data: [*]const u8, size: usize) u64;
    pub extern "env" fn mk_spawn_file(path: [*]const u8, path_len: usize, name: [*]const u8, name_len: usize, file_size: *u32) u64;
    pub extern "env" fn mk_stop(actor: u64) i32;
    pub extern "env" fn mk_list_actors(ids: [*]u64, max: usize, count: *usize) i32;
    pub extern "env" fn mk_actor_status(actor: u64, buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_register(name: [*]const u8, len: usize) i32;
    pub extern "env" fn mk_lookup(name: [*]const u8, len: usize) u64;
    pub extern "env" fn mk_reverse_lookup(actor: u64, buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_ns_list(prefix: [*]const u8, len: usize, buf: [*]u8, cap: usize, size: *usize) i32;
    pub extern "env" fn mk_node_name(buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_save_state(key: [*]const u8, len: usize, value: [*]const u8, size: usize) i32;
    pub extern "env" fn mk_load_state(key: [*]const u8, len: usize, buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_read_file(path: [*]const u8, len: usize, buf: [*]u8, cap: usize, size: *usize) i32;
    pub extern "env" fn mk_last_error(buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_http_get(url: [*]const u8, len: usize, buf: [*]u8, cap: usize, status: *u32, size: *usize) i32;
    pub extern "env" fn mk_http_open(method: [*]const u8, method_len: usize, url: [*]const u8, url_len: usize, headers: [*]const u8, headers_len: usize, body: [*]const u8, body_len: usize) i32;
    pub extern "env" fn mk_http_status(handle: i32) i32;
    pub extern "env" fn mk_http_header(handle: i32, name: [*]const u8, len: usize, buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_http_read(handle: i32, buf: [*]u8, cap: usize) i32;
    pub extern "env" fn mk_http_close(handle: i32) i32;
};

/// The message type by which the node asks this actor to end.
pub const stop_request: u32 = 0;
/// Message types from here on belong to the system: a guest may receive them, not define them.
pub const system_types: u32 = 0xFF000000;
/// To the one that spawned it: an actor has ended. `Message.childEnd` reads it.
pub const child_exit: u32 = 0xFF000004;

/// What `handle_message` returns to be called again.
pub const stay: i32 = 1;
/// What `handle_message` returns to end normally.
pub const end: i32 = 0;

/// An actor: its node in the upper 32 bits, a sequence in the lower. Never reused.
pub const Actor = u64;

pub const Level = struct {
    pub const debug: i32 = 0;
    pub const info: i32 = 1;
    pub const warn: i32 = 2;
    pub const err: i32 = 3;
};

/// The node said no; `lastError` has its words.
pub const Refused = error{Refused};
/// Why no message came. Failed: this guest cannot wait.
pub const NoMessage = error{ TimedOut, Failed };

/// One message; `payload` lives as long as the buffer it was put in.
pub const Message = struct {
    kind: u32,
    source: Actor,
    payload: []const u8,
    /// The payload was larger than the buffer it was received into; the rest is lost.
    cut: bool = false,

    /// Sends a message back to whom this one came from.
    pub fn reply(to: Message, kind: u32, payload: []const u8) Refused!void {
        return send(to.source, kind, payload);
    }

    /// What a message of type `child_exit` says; null for any other. Its payload: the id in eight bytes, the reason in
    /// one, seven of padding, the text.
    pub fn childEnd(of: Message) ?ChildEnd {
        if (of.kind != child_exit or of.payload.len < 16) return null;
        var id: Actor = 0;
        var at: usize = 8;
        while (at > 0) : (at -= 1) id = id * 256 + of.payload[at - 1];
        return ChildEnd{ .child = id, .reason = of.payload[8], .text = of.payload[16..] };
    }
};

/// How an actor ended that this one had spawned; `reason` is one of `Reason`, `text` the trap's, say.
pub const ChildEnd = struct {
    child: Actor,
    reason: u8,
    text: []const u8,
};

/// Why an actor ended. A program's own reasons begin at `user`.
pub const Reason = struct {
    pub const normal: u8 = 0;
    pub const killed: u8 = 1;
    pub const shutdown: u8 = 2;
    pub const trapped: u8 = 3;
    pub const out_of_budget: u8 = 4;
    pub const out_of_memory: u8 = 5;
    pub const failed: u8 = 8;
    pub const restart_limit: u8 = 9;
    pub const user: u8 = 64;
};

/// Wraps the arguments of `handle_message`.
pub fn message(kind: u32, source: Actor, payload: [*]const u8, size: usize) Message {
    return Message{ .kind = kind, .source = source, .payload = payload[0..size] };
}

/// Copies `payload` into the mailbox of `dest`; refused when it is unknown, dead or full.
pub fn send(dest: Actor, kind: u32, payload: []const u8) Refused!void {
    if (raw.mk_send(dest, kind, payload.ptr, payload.len) != 1) return error.Refused;
}

/// Sends four bytes, least significant first.
pub fn sendU32(dest: Actor, kind: u32, value: u32) Refused!void {
    if (raw.mk_send_u32(dest, kind, value) != 1) return error.Refused;
}

/// Waits for the next message; what does not fit `buf` is cut off and marked so. A request to stop arrives here as
/// well, as type `stop_request`: leave the loop and return `end`.
pub fn recv(buf: []u8) NoMessage!Message {
    var kind: u32 = 0;
    var size: usize = 0;
    var source: Actor = 0;
    const got = raw.mk_recv_full(&kind, buf.ptr, buf.len, &size, &source);
    return received(got, kind, source, buf, size);
}

/// The same, for at most `ms` milliseconds.
pub fn recvTimeout(buf: []u8, ms: u32) NoMessage!Message {
    var kind: u32 = 0;
    var size: usize = 0;
    var source: Actor = 0;
    const got = raw.mk_recv_timeout(&kind, buf.ptr, buf.len, &size, &source, ms);
    return received(got, kind, source, buf, size);
}

fn received(got: i32, kind: u32, source: Actor, buf: []u8, size: usize) NoMessage!Message {
    if (got == -2) return error.TimedOut;
    if (got != 0) return error.Failed;
    const kept = if (size < buf.len) size else buf.len;
    return Message{ .kind = kind, .source = source, .payload = buf[0..kept], .cut = size > buf.len };
}

/// Waits; other actors run meanwhile.
pub fn sleepMs(ms: u32) Refused!void {
    return done(raw.mk_sleep_ms(ms));
}

/// This actor.
pub fn self() Actor {
    return raw.mk_self();
}

/// Milliseconds on a clock that never goes back and means nothing outside this node.
pub fn timeMs() i64 {
    return raw.mk_time_ms();
}

/// One line for the node's log, without a newline. `level` is one of `Level`.
pub fn log(level: i32, text: []const u8) void {
    raw.mk_log(level, text.ptr, text.len);
}

/// Text for whoever sits at the console, newlines included.
pub fn print(text: []const u8) void {
    raw.mk_print(text.ptr, text.len);
}

/// Starts the module in `data`.
pub fn spawnWasm(data: []const u8) ?Actor {
    return some(raw.mk_spawn_wasm(data.ptr, data.len));
}

/// Reads, loads and starts a file of the node and, unless `name` is empty, registers the new actor under it; all or
/// nothing.
pub fn spawnFile(path: []const u8, name: []const u8) ?Actor {
    var size: u32 = 0;
    return some(raw.mk_spawn_file(path.ptr, path.len, name.ptr, name.len, &size));
}

/// Ends an actor; harmless when it is already gone.
pub fn stop(actor: Actor) Refused!void {
    return done(raw.mk_stop(actor));
}

/// Fills `ids` with actors of this node and returns the filled part.
pub fn listActors(ids: []Actor) Refused![]Actor {
    var count: usize = 0;
    try done(raw.mk_list_actors(ids.ptr, ids.len, &count));
    return ids[0..(if (count < ids.len) count else ids.len)];
}

/// How a guest of this node fares ("on probation, waiting"), empty when there is nothing to say or it is no guest.
pub fn actorStatus(actor: Actor, buf: []u8) []const u8 {
    return filled(buf, raw.mk_actor_status(actor, buf.ptr, buf.len));
}

/// Registers this actor; refused when the name is taken or not a name.
pub fn register(name: []const u8) Refused!void {
    return done(raw.mk_register(name.ptr, name.len));
}

/// The actor with that name.
pub fn lookup(name: []const u8) ?Actor {
    return some(raw.mk_lookup(name.ptr, name.len));
}

/// The first name of `actor`, empty when it has none.
pub fn reverseLookup(actor: Actor, buf: []u8) []const u8 {
    return filled(buf, raw.mk_reverse_lookup(actor, buf.ptr, buf.len));
}

/// `path=id` lines of the names of all nodes that begin with `prefix`, as many as fit; `...` is the last when there are more.
pub fn names(prefix: []const u8, buf: []u8) Refused![]const u8 {
    var size: usize = 0;
    try done(raw.mk_ns_list(prefix.ptr, prefix.len, buf.ptr, buf.len, &size));
    return buf[0..(if (size < buf.len) size else buf.len)];
}

/// The name of this node.
pub fn nodeName(buf: []u8) []const u8 {
    return filled(buf, raw.mk_node_name(buf.ptr, buf.len));
}

/// Keeps a value under this actor's first name; it is on the disk when this returns. Waits.
pub fn saveState(key: []const u8, value: []const u8) Refused!void {
    try done(raw.mk_save_state(key.ptr, key.len, value.ptr, value.len));
}

/// What was saved, also by an earlier life of this actor; refused when there is nothing, or `buf` is too small.
pub fn loadState(key: []const u8, buf: []u8) Refused![]const u8 {
    const size = raw.mk_load_state(key.ptr, key.len, buf.ptr, buf.len);
    if (size < 0) try done(size);
    return filled(buf, size);
}

/// Reads a whole file of the node; refused when it is missing, not granted or larger than `buf`.
pub fn readFile(path: []const u8, buf: []u8) Refused![]const u8 {
    var size: usize = 0;
    try done(raw.mk_read_file(path.ptr, path.len, buf.ptr, buf.len, &size));
    return buf[0..(if (size < buf.len) size else buf.len)];
}

pub const Answer = struct { status: u32, body: []const u8 };

/// Waits for the whole answer. Refused when there is none, when it is not granted, or when the body is larger than `buf`.
pub fn httpGet(url: []const u8, buf: []u8) Refused!Answer {
    var status: u32 = 0;
    var size: usize = 0;
    try done(raw.mk_http_get(url.ptr, url.len, buf.ptr, buf.len, &status, &size));
    return Answer{ .status = status, .body = buf[0..(if (size < buf.len) size else buf.len)] };
}

/// A request whose answer's head has come; `close` it.
pub const Http = struct {
    handle: i32,

    /// Sends a request and waits for the head of its answer. `headers`: lines of "Name: value", each ended by a newline.
    pub fn open(method: []const u8, url: []const u8, headers: []const u8, body: []const u8) Refused!Http {
        const handle = raw.mk_http_open(method.ptr, method.len, url.ptr, url.len, headers.ptr, headers.len, body.ptr, body.len);
        return if (handle > 0) Http{ .handle = handle } else error.Refused;
    }

    pub fn status(http: Http) u32 {
        return @bitCast(u32, raw.mk_http_status(http.handle));
    }

    /// The value of the answer's first header of that name, as much of it as `buf` holds.
    pub fn header(http: Http, name: []const u8, buf: []u8) ?[]const u8 {
        const len = raw.mk_http_header(http.handle, name.ptr, name.len, buf.ptr, buf.len);
        return if (len >= 0) filled(buf, len) else null;
    }

    /// Waits for the next piece of the body; empty at its end. Refused when it was cut off.
    pub fn read(http: Http, buf: []u8) Refused![]const u8 {
        const len = raw.mk_http_read(http.handle, buf.ptr, buf.len);
        return if (len >= 0) filled(buf, len) else error.Refused;
    }

    pub fn close(http: Http) void {
        _ = raw.mk_http_close(http.handle);
    }
};

/// Why this guest's most recent import failed, empty when none has.
pub fn lastError(buf: []u8) []const u8 {
    return filled(buf, raw.mk_last_error(buf.ptr, buf.len));
}

/// Payloads of up to `bytes` go to one static buffer of the guest; the node drops and counts larger ones. Without it
/// (and without another allocator exported) the node puts payloads into memory of its own behind the guest's. One
/// buffer is enough: `handle_message` is never entered a second time before it returned. Use it as
///
///     const payload = mk.PayloadBuffer(4096);
///     export fn mk_alloc(size: usize) ?[*]u8 {
///         return payload.alloc(size);
///     }
pub fn PayloadBuffer(comptime bytes: usize) type {
    return struct {
        var buffer: [bytes]u8 align(16) = undefined;

        pub fn alloc(size: usize) ?[*]u8 {
            return if (size <= bytes) &buffer else null;
        }
    };
}

fn done(result: i32) Refused!void {
    if (result != 0) return error.Refused;
}

fn some(id: u64) ?Actor {
    return if (id == 0) null else id;
}

/// The part of `buf` that the node says it filled. Counted, because the cast has had two spellings.
fn filled(buf: []u8, len: i32) []const u8 {
    var kept: usize = 0;
    var left = len;
    while (left > 0 and kept < buf.len) : (left -= 1) kept += 1;
    return buf[0..kept];
}
