// SPDX-License-Identifier: Apache-2.0
//! The node's imports, as this guest wants to see them: slices in, options out. The only file that deals in
//! pointers, and the only one with `unsafe` besides `lib.rs`.

pub type ActorId = u64;

/// The node asks this actor to end.
pub const MSG_STOP: u32 = 0;
/// A child ended: its id (8 bytes), the reason (1 byte, padded to 8), then a text if there is one.
pub const MSG_CHILD_EXIT: u32 = 0xFF00_0004;
/// The name-space actor and the one for capabilities; include/microkernel/namespace.h and services.h.
pub const MSG_NS_MOUNT: u32 = 0xFF00_0013;
pub const MSG_NS_UNMOUNT: u32 = 0xFF00_0019;
pub const MSG_NS_REPLY: u32 = 0xFF00_001A;
pub const MSG_CAPS_REQUEST: u32 = 0xFF00_0014;
pub const MSG_CAPS_REPLY: u32 = 0xFF00_0015;
/// The console's conversation with its shell; include/microkernel/console.h has the contract.
pub const MSG_CONSOLE_LINE: u32 = 0xFF00_0100;
pub const MSG_CONSOLE_READY: u32 = 0xFF00_0101;
pub const MSG_CONSOLE_EXIT: u32 = 0xFF00_0102;
pub const MSG_CONSOLE_COMPLETE: u32 = 0xFF00_0104;
pub const MSG_CONSOLE_CANDIDATES: u32 = 0xFF00_0105;
pub const MSG_CONSOLE_INTERRUPT: u32 = 0xFF00_0106;
pub const MSG_CONSOLE_HISTORY: u32 = 0xFF00_0107;
pub const MSG_CONSOLE_ATTACH: u32 = 0xFF00_0108;
pub const MSG_CONSOLE_STATUS: u32 = 0xFF00_010B;

mod env {
    #[link(wasm_import_module = "env")]
    extern "C" {
        pub fn mk_send(dest: u64, kind: u32, payload: *const u8, size: usize) -> i32;
        pub fn mk_self() -> u64;
        pub fn mk_time_ms() -> u64;
        pub fn mk_sleep_ms(ms: u32) -> i32;
        pub fn mk_print(text: *const u8, size: usize);
        pub fn mk_recv_timeout(
            kind: *mut u32,
            buf: *mut u8,
            cap: usize,
            size: *mut u32,
            source: *mut u64,
            ms: u32,
        ) -> i32;
        pub fn mk_stop(id: u64) -> i32;
        pub fn mk_list_actors(ids: *mut u64, max: usize, count: *mut u32) -> i32;
        pub fn mk_actor_status(id: u64, buf: *mut u8, cap: usize) -> i32;
        pub fn mk_register(name: *const u8, size: usize) -> i32;
        pub fn mk_lookup(name: *const u8, size: usize) -> u64;
        pub fn mk_reverse_lookup(id: u64, buf: *mut u8, cap: usize) -> i32;
        pub fn mk_ns_list(prefix: *const u8, prefix_size: usize, buf: *mut u8, cap: usize, size: *mut u32) -> i32;
        pub fn mk_node_name(buf: *mut u8, cap: usize) -> i32;
        pub fn mk_last_error(buf: *mut u8, cap: usize) -> i32;
        pub fn mk_spawn_file(
            path: *const u8,
            path_size: usize,
            name: *const u8,
            name_size: usize,
            file_size: *mut u32,
        ) -> u64;
        pub fn mk_http_open(
            method: *const u8,
            method_size: usize,
            url: *const u8,
            url_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
        ) -> i32;
        pub fn mk_http_status(handle: i32) -> i32;
        pub fn mk_http_collect(handle: i32, wait_ms: u32, received: *mut u64, total: *mut u64) -> i32;
        pub fn mk_http_spawn(handle: i32, name: *const u8, name_size: usize) -> u64;
        pub fn mk_http_close(handle: i32) -> i32;
    }
}

/// One message taken out of the mailbox while waiting. `size` is that of the whole payload; only what fitted the
/// buffer is in `payload`.
pub struct Received<'a> {
    pub kind: u32,
    pub source: ActorId,
    pub size: u32,
    pub payload: &'a [u8],
}

pub enum Wait<'a> {
    Message(Received<'a>),
    TimedOut,
    Failed,
}

pub fn send(dest: ActorId, kind: u32, payload: &[u8]) -> bool {
    unsafe { env::mk_send(dest, kind, payload.as_ptr(), payload.len()) == 1 }
}

pub fn self_id() -> ActorId {
    unsafe { env::mk_self() }
}

pub fn now_ms() -> u64 {
    unsafe { env::mk_time_ms() }
}

/// False when this guest was started without the means to wait.
pub fn sleep_ms(ms: u32) -> bool {
    unsafe { env::mk_sleep_ms(ms) == 0 }
}

pub fn print(text: &[u8]) {
    unsafe { env::mk_print(text.as_ptr(), text.len()) }
}

pub fn receive(buf: &mut [u8], wait_ms: u32) -> Wait<'_> {
    let (mut kind, mut size, mut source) = (0u32, 0u32, 0u64);
    let got = unsafe { env::mk_recv_timeout(&mut kind, buf.as_mut_ptr(), buf.len(), &mut size, &mut source, wait_ms) };
    match got {
        0 => {
            let held = buf.len().min(size as usize);
            Wait::Message(Received { kind, source, size, payload: &buf[..held] })
        }
        -2 => Wait::TimedOut,
        _ => Wait::Failed,
    }
}

pub fn stop(id: ActorId) -> bool {
    unsafe { env::mk_stop(id) == 0 }
}

pub fn register(name: &[u8]) -> bool {
    unsafe { env::mk_register(name.as_ptr(), name.len()) == 0 }
}

pub fn lookup(name: &[u8]) -> Option<ActorId> {
    match unsafe { env::mk_lookup(name.as_ptr(), name.len()) } {
        0 => None,
        id => Some(id),
    }
}

/// The living actors, as many as `ids` holds.
pub fn list(ids: &mut [ActorId]) -> Option<&mut [ActorId]> {
    let mut count = 0u32;
    if unsafe { env::mk_list_actors(ids.as_mut_ptr(), ids.len(), &mut count) } != 0 {
        return None;
    }
    let held = ids.len().min(count as usize);
    Some(&mut ids[..held])
}

pub fn name_of(id: ActorId, buf: &mut [u8]) -> &[u8] {
    let got = unsafe { env::mk_reverse_lookup(id, buf.as_mut_ptr(), buf.len()) };
    written(buf, got)
}

/// How a guest fares; empty when there is nothing to say.
pub fn status_of(id: ActorId, buf: &mut [u8]) -> &[u8] {
    let got = unsafe { env::mk_actor_status(id, buf.as_mut_ptr(), buf.len()) };
    written(buf, got)
}

/// `path=id` lines of the names that begin with `prefix`; `...` as the last one when there are more.
pub fn names<'a>(prefix: &[u8], buf: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut size = 0u32;
    let got = unsafe { env::mk_ns_list(prefix.as_ptr(), prefix.len(), buf.as_mut_ptr(), buf.len(), &mut size) };
    if got != 0 {
        return None;
    }
    let held = buf.len().min(size as usize);
    Some(&buf[..held])
}

pub fn node_name(buf: &mut [u8]) -> &[u8] {
    let got = unsafe { env::mk_node_name(buf.as_mut_ptr(), buf.len()) };
    written(buf, got)
}

/// Why the most recent import or spawn failed; empty when the node does not say.
pub fn last_error(buf: &mut [u8]) -> &[u8] {
    let got = unsafe { env::mk_last_error(buf.as_mut_ptr(), buf.len()) };
    written(buf, got)
}

pub fn spawn_file(path: &[u8], name: &[u8]) -> Option<ActorId> {
    let id = unsafe {
        env::mk_spawn_file(path.as_ptr(), path.len(), name.as_ptr(), name.len(), core::ptr::null_mut())
    };
    if id == 0 {
        None
    } else {
        Some(id)
    }
}

/// A GET whose answer's head has come; the node holds the body, which may be larger than this guest. Dropping it ends it.
pub struct Download(i32);

pub enum Progress {
    Done(u64),
    Going { received: u64, total: Option<u64> },
    Failed,
}

impl Download {
    pub fn start(url: &[u8]) -> Option<Download> {
        const METHOD: &[u8] = b"GET";
        let none = METHOD.as_ptr();
        let handle =
            unsafe { env::mk_http_open(METHOD.as_ptr(), METHOD.len(), url.as_ptr(), url.len(), none, 0, none, 0) };
        if handle > 0 {
            Some(Download(handle))
        } else {
            None
        }
    }

    pub fn status(&self) -> u32 {
        unsafe { env::mk_http_status(self.0) as u32 }
    }

    /// Waits until it is whole, but not longer than that.
    pub fn wait(&self, wait_ms: u32) -> Progress {
        let (mut received, mut total) = (0u64, 0u64);
        match unsafe { env::mk_http_collect(self.0, wait_ms, &mut received, &mut total) } {
            1 => Progress::Done(received),
            0 => Progress::Going { received, total: if total == u64::MAX { None } else { Some(total) } },
            _ => Progress::Failed,
        }
    }

    pub fn spawn(&self, name: &[u8]) -> Option<ActorId> {
        match unsafe { env::mk_http_spawn(self.0, name.as_ptr(), name.len()) } {
            0 => None,
            id => Some(id),
        }
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        unsafe { env::mk_http_close(self.0) };
    }
}

fn written(buf: &[u8], got: i32) -> &[u8] {
    let held = if got > 0 { buf.len().min(got as usize) } else { 0 };
    &buf[..held]
}
