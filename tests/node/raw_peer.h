/* SPDX-License-Identifier: Apache-2.0 */
/* raw_peer.h -- somebody who speaks to a node byte by byte on the fake network, rightly or not, and hears what it says. */
#ifndef MK_TESTS_NODE_RAW_PEER_H
#define MK_TESTS_NODE_RAW_PEER_H

#include <stdlib.h>
#include <string.h>

#include "microkernel/runtime.h"
#include "node/wire.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/rig.h"

enum { RAW_HOST = 30, RAW_HEARD_MAX = 1 << 20, RAW_SAY_MAX = 1 << 20 };

typedef struct raw_peer {
    int      fd;     /* -1: closed by the other end, or never opened                          */
    bool     polite; /* answers pings, welcomes whoever says hello, gives credit              */
    bool     deaf;   /* reads nothing                                                          */
    uint8_t *heard;  /* frames not looked at yet                                               */
    size_t   heard_n;
    uint8_t *saying; /* what the socket has not taken yet                                      */
    size_t   saying_n;
    uint64_t heard_bytes, taken_bytes, taken_messages; /* of DATA, FRAGMENT, SIGNAL            */
    uint64_t said_bytes, granted;                                  /* of such: what it said, and what the node has taken */
    unsigned count[MK_WIRE_KINDS];
    uint8_t  reason; /* of the last REFUSE or BYE                                              */
    mk_wire_hello_t hello;
} raw_peer_t;

static inline mk_addr_t raw_at(unsigned last, uint16_t port) {
    char text[24];
    snprintf(text, sizeof text, "10.0.0.%u", last);
    return mk_fake_addr(text, port);
}

static inline void raw_open(raw_peer_t *p, const mk_addr_t *to) {
    *p = (raw_peer_t){.fd = -1, .heard = malloc(RAW_HEARD_MAX), .saying = malloc(RAW_SAY_MAX)};
    unsigned before = mk_fake_host();
    mk_fake_use_host(RAW_HOST);
    CHECK_EQ(mk_sock_connect(to, &p->fd), MK_OK);
    mk_fake_use_host(before);
}

static inline void raw_close(raw_peer_t *p) {
    if (p->fd >= 0) mk_sock_close(p->fd);
    free(p->heard);
    free(p->saying);
    *p = (raw_peer_t){.fd = -1};
}

static inline void raw_flush(raw_peer_t *p) {
    while (p->fd >= 0 && p->saying_n != 0) {
        mk_slice_t all = {p->saying, p->saying_n};
        ptrdiff_t  n = mk_sock_write(p->fd, &all, 1);
        if (n <= 0) return;
        memmove(p->saying, p->saying + n, p->saying_n - (size_t)n);
        p->saying_n -= (size_t)n;
    }
}

static inline void raw_say(raw_peer_t *p, const void *bytes, size_t size) {
    CHECK(p->saying_n + size <= RAW_SAY_MAX);
    memcpy(p->saying + p->saying_n, bytes, size);
    p->saying_n += size;
    raw_flush(p);
}

static inline mk_wire_hello_t raw_hello(const char *identity, uint32_t node) {
    mk_wire_hello_t hello = {.version_min = 1,
                             .version_max = 1,
                             .node = node,
                             .incarnation = 1,
                             .generation = 1,
                             .features = 0x0f,
                             .credit = 1 << 20,
                             .message_max = 1 << 20,
                             .heartbeat_ms = 1000};
    snprintf(hello.identity, sizeof hello.identity, "%s", identity);
    for (const char *at = identity; *at != '\0'; at++) hello.incarnation = hello.incarnation * 31 + (uint8_t)*at;
    return hello;
}

static inline void raw_say_hello(raw_peer_t *p, const mk_wire_hello_t *hello) {
    uint8_t frame[MK_WIRE_HELLO_BYTES_MAX];
    raw_say(p, frame, mk_wire_put_hello(frame, hello));
}

static inline void raw_say_welcome(raw_peer_t *p) {
    uint8_t           frame[MK_WIRE_WELCOME_BYTES];
    mk_wire_welcome_t welcome = {.version = 1, .may = 0xff};
    raw_say(p, frame, mk_wire_put_welcome(frame, &welcome));
}

static inline void raw_say_signal(raw_peer_t *p, const mk_signal_t *signal) {
    uint8_t frame[MK_WIRE_SIGNAL_BYTES_MAX];
    size_t  size = mk_wire_put_signal(frame, signal);
    p->said_bytes += size;
    raw_say(p, frame, size);
}

/* Whether `size` more bytes of DATA, FRAGMENT, SIGNAL are within what the node has granted. */
static inline bool raw_may_say(const raw_peer_t *p, size_t size) {
    return p->said_bytes + size <= p->granted + p->hello.credit && p->saying_n + size < RAW_SAY_MAX / 2;
}

static inline void raw_say_data(raw_peer_t *p, uint32_t dest, uint32_t type, const void *payload, size_t size) {
    static uint8_t frame[MK_WIRE_FRAME_BYTES_MAX];
    mk_wire_data_t data = {.source = 7, .dest = dest, .type = type, .payload = {payload, size}};
    size_t         whole = mk_wire_put_data(frame, &data);
    p->said_bytes += whole;
    raw_say(p, frame, whole);
}

static inline void raw_politely(raw_peer_t *p, const mk_wire_frame_t *frame) {
    uint8_t          out[64];
    uint64_t         stamp;
    mk_wire_credit_t credit = {p->taken_bytes, p->taken_messages};
    switch (frame->kind) {
    case MK_WIRE_HELLO: raw_say_welcome(p); break;
    case MK_WIRE_PING:
        CHECK(mk_wire_get_stamp(frame, &stamp));
        raw_say(p, out, mk_wire_put_stamp(out, MK_WIRE_PONG, stamp));
        break;
    case MK_WIRE_DATA:
    case MK_WIRE_FRAGMENT:
    case MK_WIRE_SIGNAL: raw_say(p, out, mk_wire_put_credit(out, &credit)); break;
    default: break;
    }
}

/* What a test does with each frame beside counting it; NULL: nothing. */
typedef void raw_frame_fn(raw_peer_t *p, const mk_wire_frame_t *frame);

static inline void raw_take(raw_peer_t *p, raw_frame_fn *fn) {
    mk_wire_frame_t frame;
    size_t          at = 0, size;
    while ((size = mk_wire_next(p->heard + at, p->heard_n - at, &frame)) != 0) {
        mk_wire_end_t end;
        CHECK(size != MK_WIRE_BROKEN); /* whatever it was told, a node speaks rightly */
        p->count[frame.kind]++;
        if (frame.kind == MK_WIRE_DATA || frame.kind == MK_WIRE_FRAGMENT || frame.kind == MK_WIRE_SIGNAL) p->taken_bytes += size;
        if (frame.kind == MK_WIRE_DATA) p->taken_messages++;
        mk_wire_credit_t credit;
        if (frame.kind == MK_WIRE_CREDIT && mk_wire_get_credit(&frame, &credit)) p->granted = credit.bytes;
        if (frame.kind == MK_WIRE_HELLO) CHECK(mk_wire_get_hello(&frame, &p->hello));
        if (frame.kind == MK_WIRE_REFUSE || frame.kind == MK_WIRE_BYE) {
            CHECK(mk_wire_get_end(&frame, &end));
            p->reason = end.reason;
        }
        if (p->polite) raw_politely(p, &frame);
        if (fn != NULL) fn(p, &frame);
        at += size;
    }
    memmove(p->heard, p->heard + at, p->heard_n - at);
    p->heard_n -= at;
}

static inline void raw_hear(raw_peer_t *p, raw_frame_fn *fn) {
    raw_flush(p);
    while (p->fd >= 0 && !p->deaf) {
        CHECK(p->heard_n < RAW_HEARD_MAX);
        ptrdiff_t n = mk_sock_read(p->fd, p->heard + p->heard_n, RAW_HEARD_MAX - p->heard_n);
        if (n == MK_IO_WAIT) return;
        if (n > 0) {
            p->heard_n += (size_t)n;
            p->heard_bytes += (uint64_t)n;
            raw_take(p, fn);
            continue;
        }
        mk_sock_close(p->fd);
        p->fd = -1;
    }
}

#endif
