/* SPDX-License-Identifier: Apache-2.0 */
/* stream_channel.c -- frames over TCP and Unix sockets, plain or TLS.
 *
 * The stream's own queue is kept short: what waits should wait with the link, where a frame of control may still overtake it. So
 * a row of frames is handed over in pieces, until one is not sent at once and the queue has passed its mark.
 *
 * Invariant: the user is told nothing before `open` but `closed`, and nothing after `closed`. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/channels.h"
#include "node/wire.h"

enum {
    QUEUE_HIGH_BYTES = 64 * 1024, /* and one piece more at most */
    QUEUE_LOW_BYTES = 16 * 1024,
    PIECE_BYTES = 64 * 1024,
    CONNECT_MS = 5000, /* who calls tries again by itself */
    HANDSHAKE_MS = 5000,
    LINGER_MS = 1000,
};

_Static_assert((int)PIECE_BYTES >= (int)MK_WIRE_FRAME_BYTES_MAX, "a piece holds any frame");

typedef struct stream_channel {
    mk_channel_t  channel;
    mk_stream_t   stream;
    mk_keyring_t *keys;  /* NULL: plain                                                    */
    mk_deferred_t later; /* what cannot be told at once, because an operation is under way */
    bool          told, no_memory;
} stream_channel_t;

static stream_channel_t *of_stream(mk_stream_t *stream) { return mk_container_of(stream, stream_channel_t, stream); }

static stream_channel_t *of_channel(mk_channel_t *channel) {
    return mk_container_of(channel, stream_channel_t, channel);
}

static void channel_free(stream_channel_t *c) {
    mk_deferred_cancel(&c->later);
    mk_keyring_release(c->keys);
    mk_free(c);
}

/* ---- what the user is told ------------------------------------------------------------------------------------------- */

/* The user may close the channel in it, or later. */
static void tell_closed(stream_channel_t *c, mk_err_t err, const char *why) {
    if (c->told) return;
    c->told = true;
    mk_deferred_cancel(&c->later);
    mk_stream_pause(&c->stream);
    c->channel.user->closed(&c->channel, err, why);
}

static const char *describe(mk_err_t err) {
    switch (err) {
    case MK_ERR_CLOSED: return "the peer has ended the connection";
    case MK_ERR_IO: return "the connection was refused, reset or cut";
    case MK_ERR_TIMEOUT: return "the peer does not answer";
    case MK_ERR_NOTFOUND: return "no such host";
    default: return mk_err_text(err);
    }
}

static void on_later(mk_loop_t *loop, mk_deferred_t *deferred) {
    stream_channel_t *c = mk_container_of(deferred, stream_channel_t, later);
    (void)loop;
    mk_assert(c->channel.user != NULL); /* see channels.h: set in the round in which the channel was made */
    if (c->no_memory) {
        tell_closed(c, MK_ERR_NOMEM, describe(MK_ERR_NOMEM));
        return;
    }
    mk_stream_resume(&c->stream);
    c->channel.user->open(&c->channel);
}

static void tell_later(stream_channel_t *c) { mk_loop_again(mk_net_loop(c->stream.net), &c->later, on_later); }

/* Finds out what the peer may do here. False: nothing. */
static bool judge(stream_channel_t *c) {
    mk_tls_info_t info;
    _Static_assert(sizeof c->channel.proved == 32, "as mk_keyring_judge() takes it");
    if (c->keys == NULL) return true;
    if (mk_stream_tls_info(&c->stream, &info)) c->channel.may = mk_keyring_judge(c->keys, &info, c->channel.proved);
    return c->channel.may != 0;
}

/* An accepted plain stream opens inside of its adoption, when the channel has no user yet. */
static void on_open(mk_stream_t *stream) {
    stream_channel_t *c = of_stream(stream);
    if (c->channel.user == NULL) {
        mk_stream_pause(stream);
        tell_later(c);
    } else if (judge(c)) {
        c->channel.user->open(&c->channel);
    } else {
        tell_closed(c, MK_ERR_DENIED, "what the peer has proved gives it no role here");
    }
}

static size_t on_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    stream_channel_t *c = of_stream(stream);
    return c->channel.user->bytes(&c->channel, bytes, size);
}

/* A peer that says no more is gone: there are no half-closed links. */
static void on_end(mk_stream_t *stream) { tell_closed(of_stream(stream), MK_ERR_CLOSED, describe(MK_ERR_CLOSED)); }

static void on_drained(mk_stream_t *stream) {
    stream_channel_t *c = of_stream(stream);
    if (!c->told) c->channel.user->room(&c->channel);
}

static void on_closed(mk_stream_t *stream, mk_err_t err) {
    stream_channel_t *c = of_stream(stream);
    const char       *why = mk_stream_why(stream);
    if (err == MK_OK) err = MK_ERR_CLOSED;
    if (c->channel.user == NULL) channel_free(c); /* who has left */
    else tell_closed(c, err, why[0] != '\0' ? why : describe(err));
}

static const mk_stream_kind_t kind = {
    .ops = &(const mk_stream_ops_t){on_open, on_data, on_end, on_drained, on_closed},
    .limits = {.connect_ms = CONNECT_MS,
               .handshake_ms = HANDSHAKE_MS,
               .queue_high = QUEUE_HIGH_BYTES,
               .queue_low = QUEUE_LOW_BYTES},
};

/* ---- what it does for the user ------------------------------------------------------------------------------------------ */

/* How many bytes of a row of frames make a piece. */
static size_t next_piece(const uint8_t *bytes, size_t size) {
    size_t piece = 0;
    if (size <= PIECE_BYTES) return size;
    for (;;) {
        size_t frame = (size_t)(bytes[piece] | bytes[piece + 1] << 8);
        mk_assert(frame >= MK_WIRE_HEADER_BYTES);
        if (piece + frame > PIECE_BYTES) return piece;
        piece += frame;
    }
}

static size_t channel_write(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    stream_channel_t *c = of_channel(channel);
    size_t            taken = 0;
    if (c->told || c->no_memory) return 0;
    while (taken < size && !mk_stream_is_full(&c->stream)) {
        size_t   piece = next_piece(bytes + taken, size - taken);
        mk_err_t err = mk_stream_write(&c->stream, bytes + taken, piece);
        if (err == MK_ERR_NOMEM) {
            c->no_memory = true;
            tell_later(c);
        }
        if (err != MK_OK) break; /* MK_ERR_CLOSED: it is broken, which is told when what had come was read */
        taken += piece;
    }
    return taken;
}

static void channel_close(mk_channel_t *channel, bool flush) {
    stream_channel_t *c = of_channel(channel);
    channel->user = NULL;
    mk_deferred_cancel(&c->later);
    if (flush && mk_stream_is_open(&c->stream)) {
        mk_stream_leave(&c->stream, LINGER_MS);
        return;
    }
    mk_stream_close(&c->stream);
    channel_free(c);
}

static const mk_channel_ops_t channel_ops = {channel_write, channel_close};

/* ---- making one -------------------------------------------------------------------------------------------------------------- */

static void say_where(mk_channel_t *channel, const mk_stream_channel_options_t *options) {
    char *where = channel->where;
    if (options->path != NULL) {
        snprintf(where, sizeof channel->where, "unix:%s", options->path);
    } else if (options->host != NULL) {
        bool bare = strchr(options->host, ':') != NULL && options->host[0] != '['; /* IPv6 */
        snprintf(where, sizeof channel->where, bare ? "tcp:[%s]:%u" : "tcp:%s:%u", options->host, options->port);
    }
}

static void say_where_from(mk_channel_t *channel, int fd) {
    mk_addr_t peer;
    char      text[MK_ADDR_TEXT_BYTES];
    if (!mk_sock_peer(fd, &peer) || peer.family == MK_FAMILY_UNIX) {
        memcpy(channel->where, "unix:", sizeof "unix:"); /* who calls has no name there */
        return;
    }
    mk_addr_format(&peer, text, sizeof text);
    snprintf(channel->where, sizeof channel->where, "tcp:%.*s", (int)sizeof channel->where - 5, text);
}

static stream_channel_t *channel_create(const mk_stream_channel_options_t *options) {
    stream_channel_t *c = mk_calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->channel.ops = &channel_ops;
    c->channel.frame_bytes_max = MK_WIRE_FRAME_BYTES_MAX;
    c->channel.may = options->keys == NULL ? options->may : 0;
    c->channel.encrypted = options->keys != NULL;
    if (options->keys != NULL) c->keys = mk_keyring_retain(options->keys);
    say_where(&c->channel, options);
    return c;
}

mk_err_t mk_stream_channel_dial(mk_net_t *net, const mk_stream_channel_options_t *options, mk_channel_t **out) {
    /* No name is asked for: a secret and a certificate of a cluster belong to nodes, not to hosts. */
    mk_dial_options_t to = {.host = options->host, .port = options->port, .path = options->path, .tls_host = ""};
    if (options->keys != NULL) {
        to.engine = mk_keyring_engine(options->keys);
        to.tls = mk_keyring_client(options->keys);
        if (to.tls == NULL) return MK_ERR_DENIED; /* never in the clear instead */
    }
    stream_channel_t *c = channel_create(options);
    if (c == NULL) return MK_ERR_NOMEM;
    c->channel.dialled = true;
    mk_err_t err = mk_stream_dial(net, &c->stream, &kind, &to);
    if (err == MK_OK) *out = &c->channel;
    else channel_free(c);
    return err;
}

mk_err_t mk_stream_channel_accept(mk_net_t *net, int fd, const mk_stream_channel_options_t *options,
                                  mk_channel_t **out) {
    mk_tls_context_t *tls = options->keys != NULL ? mk_keyring_server(options->keys) : NULL;
    stream_channel_t *c = options->keys != NULL && tls == NULL ? NULL : channel_create(options);
    if (c == NULL) {
        mk_sock_close(fd);
        return options->keys != NULL && tls == NULL ? MK_ERR_DENIED : MK_ERR_NOMEM;
    }
    if (options->path == NULL) say_where_from(&c->channel, fd);
    mk_err_t err =
        mk_stream_adopt(net, &c->stream, &kind, fd, tls != NULL ? mk_keyring_engine(options->keys) : NULL, tls);
    if (err == MK_OK) *out = &c->channel;
    else channel_free(c);
    return err;
}
