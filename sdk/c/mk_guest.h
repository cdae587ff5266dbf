/* SPDX-License-Identifier: Apache-2.0 */
/* mk_guest.h -- what a guest written in C imports from its node.
 *
 * One header, no library. A guest is a WebAssembly module that exports handle_message(); the node
 * calls it once per message:
 *
 *     clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Isdk/c -o echo.wasm echo.c
 *
 * Every pointer and length given to an import is checked by the node against this guest's memory; a
 * bad one makes the call fail, it never stops the node. An import the guest was not granted fails the
 * same way. mk_last_error() tells which it was. */
#ifndef MK_GUEST_H
#define MK_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MK_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define MK_EXPORT(name) __attribute__((export_name(#name)))

#ifdef __cplusplus
extern "C" {
#endif

/* Node in the upper 32 bits, sequence in the lower. Never reused; 0 is nobody. */
typedef uint64_t mk_actor_t;

enum {
    MK_NOBODY = 0,
    MK_STOP = 0, /* message type: the node asks this actor to end; also handle_message's "end"  */
    MK_STAY = 1, /* handle_message's "keep me"                                                  */
    MK_OK = 0,
    MK_FAILED = -1,
    MK_TIMED_OUT = -2,  /* mk_recv_timeout() alone */
    MK_NAME_BYTES = 256 /* room for the longest name a node accepts by default */
};

/* Message types from here on belong to the system; a guest may receive them, not define them. */
#define MK_TYPE_SYSTEM 0xFF000000u

/* To the one that spawned it: an actor has ended. mk_child_end() reads the payload. */
#define MK_TYPE_CHILD_EXIT 0xFF000004u

/* Why an actor ended. A program's own reasons begin at MK_EXIT_USER. */
enum {
    MK_EXIT_NORMAL = 0,
    MK_EXIT_KILLED = 1,
    MK_EXIT_SHUTDOWN = 2,
    MK_EXIT_TRAPPED = 3,
    MK_EXIT_OUT_OF_BUDGET = 4,
    MK_EXIT_OUT_OF_MEMORY = 5,
    MK_EXIT_FAILED = 8,
    MK_EXIT_RESTART_LIMIT = 9,
    MK_EXIT_USER = 64
};

enum { MK_LOG_DEBUG = 0, MK_LOG_INFO = 1, MK_LOG_WARN = 2, MK_LOG_ERROR = 3 };

/* The guest's own: one message. Returns MK_STAY, or MK_STOP to end normally. `payload` is valid until
 * the return and may be written to. May block in the imports marked "waits"; while it does, no other
 * message is delivered to it. */
MK_EXPORT(handle_message)
int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size);

/* ---- messages ---- */

/* Copies `size` bytes to the mailbox of `dest`. 1: accepted; 0: refused (unknown, dead, full). */
MK_IMPORT(mk_send)
int32_t mk_send(mk_actor_t dest, uint32_t type, const void *data, uint32_t size);

/* The same with four bytes, least significant first, as payload. */
MK_IMPORT(mk_send_u32) int32_t mk_send_u32(mk_actor_t dest, uint32_t type, uint32_t value);

/* Waits for the next message. Up to `cap` bytes land in `buf`; *size is the size of the whole payload,
 * so *size > cap tells that the rest was cut off. MK_OK or MK_FAILED. A stop request (type MK_STOP)
 * arrives here too: leave the loop and return MK_STOP. */
MK_IMPORT(mk_recv) int32_t mk_recv(uint32_t *type, void *buf, uint32_t cap, uint32_t *size);

/* The same, with the sender. */
MK_IMPORT(mk_recv_full)
int32_t mk_recv_full(uint32_t *type, void *buf, uint32_t cap, uint32_t *size, mk_actor_t *source);

/* The same, waiting at most `ms`: MK_TIMED_OUT when nothing came, and nothing was written. */
MK_IMPORT(mk_recv_timeout)
int32_t mk_recv_timeout(uint32_t *type, void *buf, uint32_t cap, uint32_t *size, mk_actor_t *source, uint32_t ms);

/* ---- itself and time ---- */

MK_IMPORT(mk_self) mk_actor_t mk_self(void);

/* Milliseconds on a clock that never goes back and has no meaning outside this node. */
MK_IMPORT(mk_time_ms) int64_t mk_time_ms(void);

/* Waits; other actors run meanwhile. MK_FAILED if this guest was started without the means to wait. */
MK_IMPORT(mk_sleep_ms) int32_t mk_sleep_ms(uint32_t ms);

/* One line for the node's log, without a newline. */
MK_IMPORT(mk_log) void mk_log(int32_t level, const char *text, uint32_t len);

/* Text for whoever sits at the console, newlines included. */
MK_IMPORT(mk_print) void mk_print(const char *text, uint32_t len);

/* Why this guest's most recent import failed: text without a terminator, its length returned; 0 when
 * none has. */
MK_IMPORT(mk_last_error) int32_t mk_last_error(char *buf, uint32_t cap);

/* ---- other actors ---- */

/* Starts the module in `data`; waits for that if it is a large one. Its id, or MK_NOBODY. */
MK_IMPORT(mk_spawn_wasm) mk_actor_t mk_spawn_wasm(const void *data, uint32_t size);

/* Reads, loads and starts a file on the node and, unless name_len is 0, registers the new actor as
 * `name`, all or nothing; waits for that. Its id, or MK_NOBODY. *file_size (may be NULL) is set once the file is read. For a guest
 * that may read every file "sha256:" and hexadecimal digits mean the module that is loaded and whose hash begins so. */
MK_IMPORT(mk_spawn_file)
mk_actor_t mk_spawn_file(const char *path, uint32_t path_len, const char *name, uint32_t name_len, uint32_t *file_size);

/* Ends an actor. Harmless when it is already gone. MK_OK, or MK_FAILED without the grant. */
MK_IMPORT(mk_stop) int32_t mk_stop(mk_actor_t actor);

/* Up to `max` ids; *count is how many were written. */
MK_IMPORT(mk_list_actors) int32_t mk_list_actors(mk_actor_t *ids, uint32_t max, uint32_t *count);

/* How a guest of this node fares: "on probation, 2 reloads", "waiting", ... Text without a terminator, at most `cap` bytes; its length,
 * 0: there is nothing to say, or it is no guest. MK_FAILED without the grant. */
MK_IMPORT(mk_actor_status) int32_t mk_actor_status(mk_actor_t actor, char *buf, uint32_t cap);

/* ---- names ---- */

/* Registers this actor. MK_FAILED when the name is taken or not a name. */
MK_IMPORT(mk_register) int32_t mk_register(const char *name, uint32_t len);

/* The actor with that name, or MK_NOBODY. */
MK_IMPORT(mk_lookup) mk_actor_t mk_lookup(const char *name, uint32_t len);

/* The first name of `actor`: its length, 0 when it has none. No terminator is written. */
MK_IMPORT(mk_reverse_lookup) int32_t mk_reverse_lookup(mk_actor_t actor, char *buf, uint32_t cap);

/* `path=id` lines of the names of all nodes that begin with the prefix (length 0: all), whole lines, as many as fit; "..." is the
 * last when there are more. *size is what was written, at most 64 KiB. */
MK_IMPORT(mk_ns_list)
int32_t mk_ns_list(const char *prefix, uint32_t len, char *buf, uint32_t cap, uint32_t *size);

/* The name of this node: its length. */
MK_IMPORT(mk_node_name) int32_t mk_node_name(char *buf, uint32_t cap);

/* ---- files ---- */

/* Reads a whole file of the node. MK_FAILED, with *size set if it was known, when `cap` is too small. */
MK_IMPORT(mk_read_file)
int32_t mk_read_file(const char *path, uint32_t len, void *buf, uint32_t cap, uint32_t *size);

/* ---- state: values that are there again after a restart, under this actor's first name ---- */

/* MK_OK: it is on the disk. MK_FAILED: no name, no such grant, too long, the disk is full (mk_last_error() tells). Waits. */
MK_IMPORT(mk_save_state) int32_t mk_save_state(const char *key, uint32_t len, const void *data, uint32_t size);

/* Bytes of the value; MK_FAILED: there is none, or it is longer than `cap`. */
MK_IMPORT(mk_load_state) int32_t mk_load_state(const char *key, uint32_t len, void *buf, uint32_t cap);

/* ---- HTTP ---- */

/* Waits for the whole answer: its body in `buf`, *status (200, 404, ...), *size the body's bytes. MK_FAILED: no answer, not
 * granted, or more than `cap` bytes (then *size says how many, if that is known). */
MK_IMPORT(mk_http_get)
int32_t mk_http_get(const char *url, uint32_t len, void *buf, uint32_t cap, uint32_t *status, uint32_t *size);

/* Sends a request and waits for the head of its answer. `headers` are "Name: value" lines, each ended by a newline. Returns its
 * handle, or MK_FAILED. Up to 16 may be open at a time; give each back with mk_http_close(). */
MK_IMPORT(mk_http_open)
int32_t mk_http_open(const char *method, uint32_t method_len, const char *url, uint32_t url_len, const char *headers,
                     uint32_t headers_len, const void *body, uint32_t body_len);

MK_IMPORT(mk_http_status) int32_t mk_http_status(int32_t handle);

/* The value of the answer's first header of that name: its length, of which up to `cap` bytes land in `buf`. MK_FAILED: none. */
MK_IMPORT(mk_http_header)
int32_t mk_http_header(int32_t handle, const char *name, uint32_t len, char *buf, uint32_t cap);

/* Waits for the next piece of the body: its size, 0 at the end, MK_FAILED when it was cut off. */
MK_IMPORT(mk_http_read) int32_t mk_http_read(int32_t handle, void *buf, uint32_t cap);

/* For bodies larger than a guest: the node collects it (up to 64 MiB). Waits up to `wait_ms`; 1: it has all, 0: not yet,
 * MK_FAILED. *received and *total are in bytes; *total is UINT64_MAX while it is not known. */
MK_IMPORT(mk_http_collect)
int32_t mk_http_collect(int32_t handle, uint32_t wait_ms, uint64_t *received, uint64_t *total);

/* Starts the module that was collected, as mk_spawn_file() does; the body is used up by it. Its id, or MK_NOBODY. */
MK_IMPORT(mk_http_spawn) mk_actor_t mk_http_spawn(int32_t handle, const char *name, uint32_t name_len);

/* Ends a request, whole or not. */
MK_IMPORT(mk_http_close) int32_t mk_http_close(int32_t handle);

/* ---- conveniences ---- */

/* A message received by waiting; the caller owns the buffer. */
typedef struct {
    uint32_t   type;
    uint32_t   size; /* of the bytes in the buffer */
    mk_actor_t source;
    bool       cut; /* the payload was larger than the buffer; the rest is lost */
} mk_message_t;

/* Waits for one message, without limit when wait_ms is negative. MK_OK, MK_FAILED or MK_TIMED_OUT. */
static inline int32_t mk_next(mk_message_t *msg, void *buf, uint32_t cap, int32_t wait_ms) {
    uint32_t   type = 0, size = 0;
    mk_actor_t source = MK_NOBODY;
    int32_t    got = wait_ms < 0 ? mk_recv_full(&type, buf, cap, &size, &source)
                                 : mk_recv_timeout(&type, buf, cap, &size, &source, (uint32_t)wait_ms);
    if (got != MK_OK) return got;
    msg->type = type;
    msg->size = size < cap ? size : cap;
    msg->source = source;
    msg->cut = size > cap;
    return MK_OK;
}

/* How an actor ended that this one had spawned. */
typedef struct {
    mk_actor_t  child;
    uint32_t    reason;
    const char *text; /* the trap's, say; lies in the payload and has no terminator */
    uint32_t    text_len;
} mk_child_end_t;

/* Reads the payload of MK_TYPE_CHILD_EXIT: the id in eight bytes, the reason in one, seven of padding, the text. False:
 * it is none. */
static inline bool mk_child_end(const void *payload, uint32_t size, mk_child_end_t *out) {
    const unsigned char *bytes = (const unsigned char *)payload;
    enum { REASON_AT = 8, TEXT_AT = 16 };
    if (size < TEXT_AT) return false;
    out->child = 0;
    for (uint32_t i = REASON_AT; i > 0; i--) out->child = out->child << 8 | bytes[i - 1];
    out->reason = bytes[REASON_AT];
    out->text = (const char *)bytes + TEXT_AT;
    out->text_len = size - TEXT_AT;
    return true;
}

static inline uint32_t mk_text_len(const char *text) {
    uint32_t len = 0;
    while (text[len] != '\0') len++;
    return len;
}

/* The forms for text that ends in a zero byte. */
static inline void       mk_print_text(const char *text) { mk_print(text, mk_text_len(text)); }
static inline void       mk_log_text(int32_t level, const char *text) { mk_log(level, text, mk_text_len(text)); }
static inline mk_actor_t mk_lookup_text(const char *name) { return mk_lookup(name, mk_text_len(name)); }
static inline int32_t    mk_register_text(const char *name) { return mk_register(name, mk_text_len(name)); }
static inline int32_t    mk_send_text(mk_actor_t dest, uint32_t type, const char *text) {
       return mk_send(dest, type, text, mk_text_len(text));
}

/* Where the node puts a payload: a guest that exports an allocator is asked for the room, one that
 * exports none gets memory from the node behind its own. Put this at file scope to decide for yourself:
 * payloads of up to `bytes` go to one static buffer, larger ones are dropped by the node and counted.
 * One buffer is enough, because handle_message is never entered a second time before it returned. */
/* clang-format off */
#define MK_PAYLOAD_BUFFER(bytes)                                                                           \
    static unsigned char mk_payload_buffer[(bytes)] __attribute__((aligned(16)));                          \
    MK_EXPORT(mk_alloc) void *mk_alloc(uint32_t size);                                                     \
    void *mk_alloc(uint32_t size) { return size <= sizeof mk_payload_buffer ? mk_payload_buffer : NULL; }  \
    MK_EXPORT(mk_free) void mk_free(void *data);                                                           \
    void mk_free(void *data) { (void)data; }                                                               \
    void mk_free(void *data)
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
