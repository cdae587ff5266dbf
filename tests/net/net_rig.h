/* SPDX-License-Identifier: Apache-2.0 */
/* net_rig.h -- a loop with a net on it, streams that note what they are told, and one that does something in one of its calls. */
#ifndef MK_TESTS_NET_RIG_H
#define MK_TESTS_NET_RIG_H

#include "base/assert.h"
#include "base/mem.h"
#include "net/stream.h"
#include "rig/rig.h"

static mk_loop_t loop;
static mk_net_t *net;

static inline void open_net(void) {
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
    CHECK_EQ(mk_net_create(&loop, &net), MK_OK);
}

static inline void close_net(void) {
    mk_net_destroy(net);
    mk_loop_fini(&loop);
}

typedef struct peer peer_t;

typedef enum { IN_NONE, IN_OPEN, IN_DATA, IN_END, IN_DRAINED, IN_CLOSED } moment_t;

struct peer {
    mk_stream_t stream;
    mk_buffer_t got;
    size_t      take_max;  /* bytes taken in one call; 0: all */
    unsigned    opens, datas, ends, drains, closes;
    mk_err_t    why;
    char        text[MK_TLS_WHY_BYTES];
    moment_t    at;
    void      (*act)(peer_t *peer); /* at this moment */
    size_t      offered;   /* by the last `data`      */
};

static inline peer_t *peer_of(mk_stream_t *stream) { return mk_container_of(stream, peer_t, stream); }

/* The peer may be gone afterwards. */
static inline void moment(peer_t *peer, moment_t at) {
    if (peer->at == at && peer->act != NULL) peer->act(peer);
}

static inline void peer_open(mk_stream_t *stream) {
    peer_of(stream)->opens++;
    moment(peer_of(stream), IN_OPEN);
}

static inline size_t peer_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    peer_t *peer = peer_of(stream);
    size_t  taken = peer->take_max != 0 && size > peer->take_max ? peer->take_max : size;
    peer->datas++;
    peer->offered = size;
    CHECK(mk_buffer_append(&peer->got, bytes, taken));
    moment(peer, IN_DATA);
    return taken;
}

static inline void peer_end(mk_stream_t *stream) {
    peer_of(stream)->ends++;
    moment(peer_of(stream), IN_END);
}

static inline void peer_drained(mk_stream_t *stream) {
    peer_of(stream)->drains++;
    moment(peer_of(stream), IN_DRAINED);
}

static inline void peer_closed(mk_stream_t *stream, mk_err_t why) {
    peer_t *peer = peer_of(stream);
    peer->closes++;
    peer->why = why;
    snprintf(peer->text, sizeof peer->text, "%s", mk_stream_why(stream));
    moment(peer, IN_CLOSED);
}

static const mk_stream_ops_t peer_ops = {peer_open, peer_data, peer_end, peer_drained, peer_closed};
static mk_stream_kind_t      peer_kind = {&peer_ops, {0}};

static inline bool got_is(const peer_t *peer, const char *text) {
    return peer->got.size == strlen(text) && memcmp(peer->got.bytes, text, peer->got.size) == 0;
}

static inline void peer_free(peer_t *peer) {
    mk_stream_close(&peer->stream);
    mk_buffer_free(&peer->got);
}

static inline mk_addr_t loopback(uint16_t port) {
    mk_addr_t addr;
    CHECK(mk_addr_parse("127.0.0.1", port, &addr));
    return addr;
}

/* Runs until `cond`, for a bounded number of rounds; never waits longer than a step. */
#define RUN_UNTIL(cond)                                                            \
    do {                                                                           \
        for (int rig_i = 0; rig_i < 20000 && !(cond); rig_i++) mk_loop_run(&loop, 100000); \
        CHECK(cond);                                                               \
    } while (0)

/* A pair of connected peers; `b` was accepted. */
typedef struct pair {
    peer_t        a, b;
    mk_listener_t listener;
} pair_t;

static inline void pair_accept(mk_listener_t *listener, int fd, const mk_addr_t *from) {
    pair_t *pair = mk_container_of(listener, pair_t, listener);
    (void)from;
    CHECK_EQ(mk_stream_adopt(net, &pair->b.stream, &peer_kind, fd, NULL, NULL), MK_OK);
}

static inline void pair_open(pair_t *pair, const mk_addr_t *at) {
    CHECK_EQ(mk_listener_open(net, &pair->listener, at, pair_accept), MK_OK);
    const mk_addr_t  *bound = &pair->listener.at;
    mk_dial_options_t options = {.host = at->family == MK_FAMILY_IPV6 ? "::1" : "127.0.0.1", .port = bound->port};
    if (at->family == MK_FAMILY_UNIX) options = (mk_dial_options_t){.path = bound->path};
    CHECK_EQ(mk_stream_dial(net, &pair->a.stream, &peer_kind, &options), MK_OK);
    RUN_UNTIL(pair->a.opens == 1 && pair->b.opens == 1);
}

static inline void pair_close(pair_t *pair) {
    peer_free(&pair->a);
    peer_free(&pair->b);
    mk_listener_close(&pair->listener);
}

#endif
