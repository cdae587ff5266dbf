/* SPDX-License-Identifier: Apache-2.0 */
/* wasi.c -- as much of wasi_snapshot_preview1 as language runtimes need to start: standard Go, TinyGo, wasi-libc. There
 * are no arguments, no environment and no files; text goes to the console and the log. All of it needs one grant, but
 * proc_exit and sched_yield, which give a guest nothing it does not have. */
#include <stdio.h>
#include <string.h>

#include "microkernel/services.h"
#include "port/port.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

/* The standard's numbers. */
enum {
    ERRNO_SUCCESS = 0,
    ERRNO_BADF = 8,
    ERRNO_FAULT = 21,
    ERRNO_INVAL = 28,
    ERRNO_IO = 29,
    ERRNO_SPIPE = 70,
    ERRNO_NOTCAPABLE = 76
};
enum { CLOCK_REALTIME_ID = 0, CLOCK_MONOTONIC_ID = 1, CLOCK_IDS = 4 };
enum { FD_STDOUT = 1, FD_STDERR = 2, FILETYPE_CHARACTER_DEVICE = 2 };
enum { SUBSCRIPTION_BYTES = 48, EVENT_BYTES = 32, EVENT_CLOCK = 0, CLOCK_ABSOLUTE = 1 };

/* The system gives entropy at some 400 MB/s: this is the longest a guest may hold up the node with one call. */
enum { RANDOM_BYTES_MAX = 1024 * 1024, RANDOM_NS_EACH = 3 };

static bool granted(mk_guest_t *guest, const char *import, uint64_t *result) {
    *result = ERRNO_NOTCAPABLE;
    return mk_guest_granted(guest, WASM_GRANT_WASI, import, "wasi");
}

static uint64_t load(const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    while (bytes-- > 0) value = value << 8 | at[bytes];
    return value;
}

static void store(uint8_t *at, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++, value >>= 8) at[i] = (uint8_t)value;
}

/* ---- arguments and environment: none ------------------------------------------------------------------------------- */

mk_host_end_t mk_wasi_sizes_get(void *host, const uint64_t *args, uint64_t *result) {
    if (!granted(host, "args_sizes_get", result)) return MK_HOST_DONE;
    uint8_t *count = mk_guest_span(host, args[0], 4), *bytes = mk_guest_span(host, args[1], 4);
    *result = ERRNO_FAULT;
    if (count == NULL || bytes == NULL) return MK_HOST_DONE;
    store(count, 0, 4);
    store(bytes, 0, 4);
    *result = ERRNO_SUCCESS;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_list_get(void *host, const uint64_t *args, uint64_t *result) {
    (void)args;
    if (granted(host, "args_get", result)) *result = ERRNO_SUCCESS;
    return MK_HOST_DONE;
}

/* ---- clocks and entropy --------------------------------------------------------------------------------------------- */

static uint64_t clock_ns(uint64_t id) {
    return id == CLOCK_REALTIME_ID ? mk_port_wall_ms() * 1000000 : mk_port_now_us() * 1000;
}

mk_host_end_t mk_wasi_clock_time_get(void *host, const uint64_t *args, uint64_t *result) {
    if (!granted(host, "clock_time_get", result)) return MK_HOST_DONE;
    uint8_t *to = mk_guest_span(host, args[2], 8);
    if (to == NULL) *result = ERRNO_FAULT;
    else if ((uint32_t)args[0] >= CLOCK_IDS) *result = ERRNO_INVAL;
    else {
        store(to, clock_ns((uint32_t)args[0]), 8);
        *result = ERRNO_SUCCESS;
    }
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_random_get(void *host, const uint64_t *args, uint64_t *result) {
    if (!granted(host, "random_get", result)) return MK_HOST_DONE;
    uint32_t size = (uint32_t)args[1];
    uint8_t *to = mk_guest_span(host, args[0], size);
    if (to == NULL) *result = ERRNO_FAULT;
    else if (size > RANDOM_BYTES_MAX) *result = ERRNO_INVAL;
    else *result = mk_port_entropy(to, size) == MK_OK ? ERRNO_SUCCESS : ERRNO_IO;
    return MK_HOST_DONE;
}

/* ---- descriptors: 1 is the console, 2 the log ------------------------------------------------------------------------- */

static void log_line(mk_guest_t *guest, const char *text, size_t size) {
    if (size > 0) mk_guest_log(guest, MK_LOG_WARN, text, size);
}

/* Language runtimes write their last words in many small pieces; the log gets them line by line, or without memory for that
 * as they come. */
static void write_log(mk_guest_t *guest, const uint8_t *text, size_t size) {
    mk_guest_texts_t *texts = mk_guest_texts(guest);
    if (texts == NULL) log_line(guest, (const char *)text, size);
    for (size_t i = 0; texts != NULL && i < size; i++) {
        if (text[i] != '\n') texts->line[texts->line_size++] = (char)text[i];
        if (text[i] != '\n' && texts->line_size < sizeof texts->line) continue;
        log_line(guest, texts->line, texts->line_size);
        texts->line_size = 0;
    }
}

/* Adds up what the vectors hold. False: one of them lies outside. */
static bool vectors_check(mk_guest_t *guest, const uint8_t *vectors, uint32_t count, uint64_t *total) {
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size = load(vectors + i * 8 + 4, 4);
        if (mk_guest_span(guest, load(vectors + i * 8, 4), size) == NULL) return false;
        *total += size;
    }
    return true;
}

mk_host_end_t mk_wasi_fd_write(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    fd = (uint32_t)args[0], count = (uint32_t)args[2];
    uint64_t    total;
    if (!granted(guest, "fd_write", result)) return MK_HOST_DONE;
    *result = ERRNO_BADF;
    if (fd != FD_STDOUT && fd != FD_STDERR) return MK_HOST_DONE;
    if (fd == FD_STDOUT && mk_guest_prints_too_fast(guest) && mk_guest_defer(guest, mk_wasi_fd_write, args, 4, 1))
        return MK_HOST_BLOCKED;
    uint8_t *vectors = mk_guest_span(guest, args[1], (uint64_t)count * 8), *written = mk_guest_span(guest, args[3], 4);
    *result = ERRNO_FAULT;
    if (vectors == NULL || written == NULL || !vectors_check(guest, vectors, count, &total)) return MK_HOST_DONE;
    *result = ERRNO_INVAL;
    if (total > guest->config.message_bytes_max) return MK_HOST_DONE;
    for (uint32_t i = 0; i < count; i++) {
        size_t         size = (size_t)load(vectors + i * 8 + 4, 4);
        const uint8_t *text = mk_guest_span(guest, load(vectors + i * 8, 4), size);
        if (fd == FD_STDOUT) mk_guest_print(guest, text, size);
        else write_log(guest, text, size);
    }
    store(written, total, 4);
    *result = ERRNO_SUCCESS;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_fd_close(void *host, const uint64_t *args, uint64_t *result) {
    (void)args;
    if (granted(host, "fd_close", result)) *result = ERRNO_BADF;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_fd_seek(void *host, const uint64_t *args, uint64_t *result) {
    if (granted(host, "fd_seek", result)) *result = (uint32_t)args[0] <= FD_STDERR ? ERRNO_SPIPE : ERRNO_BADF;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_fd_fdstat_get(void *host, const uint64_t *args, uint64_t *result) {
    if (!granted(host, "fd_fdstat_get", result)) return MK_HOST_DONE;
    *result = ERRNO_BADF;
    if ((uint32_t)args[0] > FD_STDERR) return MK_HOST_DONE;
    uint8_t *stat = mk_guest_span(host, args[1], 24);
    *result = ERRNO_FAULT;
    if (stat == NULL) return MK_HOST_DONE;
    memset(stat, 0, 24);
    stat[0] = FILETYPE_CHARACTER_DEVICE;
    *result = ERRNO_SUCCESS;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_fd_fdstat_set_flags(void *host, const uint64_t *args, uint64_t *result) {
    if (granted(host, "fd_fdstat_set_flags", result))
        *result = (uint32_t)args[0] <= FD_STDERR ? ERRNO_SUCCESS : ERRNO_BADF;
    return MK_HOST_DONE;
}

/* "No folder was opened for you": runtimes stop asking. */
mk_host_end_t mk_wasi_fd_prestat_get(void *host, const uint64_t *args, uint64_t *result) {
    (void)args;
    if (granted(host, "fd_prestat_get", result)) *result = ERRNO_BADF;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_fd_prestat_dir_name(void *host, const uint64_t *args, uint64_t *result) {
    return mk_wasi_fd_prestat_get(host, args, result);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

/* How long a clock subscription has to wait from now, in milliseconds, rounded up. */
static uint64_t clock_wait_ms(const uint8_t *subscription) {
    uint64_t ns = load(subscription + 24, 8);
    if (load(subscription + 40, 2) & CLOCK_ABSOLUTE) {
        uint64_t now_ns = clock_ns(load(subscription + 16, 4));
        ns = ns > now_ns ? ns - now_ns : 0;
    }
    uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);
    return ms < UINT32_MAX ? ms : UINT32_MAX;
}

static void event_store(uint8_t *event, uint64_t userdata, uint16_t error, uint8_t type) {
    memset(event, 0, EVENT_BYTES);
    store(event, userdata, 8);
    store(event + 8, error, 2);
    event[10] = type;
}

/* Descriptors cannot be waited for: each that is asked about is answered at once. Returns how many. */
static uint32_t answer_descriptors(const uint8_t *subscriptions, uint32_t count, uint8_t *events) {
    uint32_t answered = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *subscription = subscriptions + (size_t)i * SUBSCRIPTION_BYTES;
        if (subscription[8] == EVENT_CLOCK) continue;
        event_store(events + (size_t)answered++ * EVENT_BYTES, load(subscription, 8), ERRNO_BADF, subscription[8]);
    }
    return answered;
}

mk_host_end_t mk_wasi_poll_oneoff(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    count = (uint32_t)args[2];
    if (!granted(guest, "poll_oneoff", result)) return MK_HOST_DONE;
    uint8_t *subscriptions = mk_guest_span(guest, args[0], (uint64_t)count * SUBSCRIPTION_BYTES);
    uint8_t *events = mk_guest_span(guest, args[1], (uint64_t)count * EVENT_BYTES);
    uint8_t *happened = mk_guest_span(guest, args[3], 4);
    *result = ERRNO_FAULT;
    if (subscriptions == NULL || events == NULL || happened == NULL) return MK_HOST_DONE;
    *result = ERRNO_INVAL;
    if (count == 0) return MK_HOST_DONE;

    uint32_t answered = answer_descriptors(subscriptions, count, events);
    *result = ERRNO_SUCCESS;
    if (answered > 0) {
        store(happened, answered, 4);
        return MK_HOST_DONE;
    }
    uint32_t first = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (clock_wait_ms(subscriptions + (size_t)i * SUBSCRIPTION_BYTES) <
            clock_wait_ms(subscriptions + (size_t)first * SUBSCRIPTION_BYTES))
            first = i;
    }
    const uint8_t *soonest = subscriptions + (size_t)first * SUBSCRIPTION_BYTES;
    guest->wait_userdata = load(soonest, 8);
    guest->wait_buf = (uint32_t)args[1];
    guest->wait_size = (uint32_t)args[3];
    if (mk_guest_wait(guest, MK_WAIT_POLL, false, (int64_t)clock_wait_ms(soonest))) return MK_HOST_BLOCKED;
    *result = mk_poll_deliver(guest); /* one that cannot wait is told that the time has passed: runtimes insist */
    return MK_HOST_DONE;
}

uint32_t mk_poll_deliver(mk_guest_t *guest) {
    uint8_t *event = mk_guest_span(guest, guest->wait_buf, EVENT_BYTES);
    uint8_t *happened = mk_guest_span(guest, guest->wait_size, 4);
    if (event == NULL || happened == NULL) return ERRNO_FAULT;
    event_store(event, guest->wait_userdata, ERRNO_SUCCESS, EVENT_CLOCK);
    store(happened, 1, 4);
    return ERRNO_SUCCESS;
}

mk_host_end_t mk_wasi_sched_yield(void *host, const uint64_t *args, uint64_t *result) {
    (void)host, (void)args;
    *result = ERRNO_SUCCESS;
    return MK_HOST_DONE;
}

mk_host_end_t mk_wasi_proc_exit(void *host, const uint64_t *args, uint64_t *result) {
    (void)result;
    mk_guest_t *guest = host;
    if (guest->texts != NULL) write_log(guest, (const uint8_t *)"\n", 1);
    guest->exited = true;
    guest->exit_code = (int32_t)(uint32_t)args[0];
    return MK_HOST_EXIT;
}
