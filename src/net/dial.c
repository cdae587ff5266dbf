/* SPDX-License-Identifier: Apache-2.0 */
/* dial.c -- from a name to a connection, by the idea of RFC 8305: addresses of both families in turn, each tried when the one
 * before has had a quarter of a second, or has failed; the first that answers wins. */
#include "net/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    ADDRS_MAX = 16,
    HOST_BYTES_MAX = 256,
    ATTEMPTS_MAX = 6, /* at a time: with a quarter of a second between them the first has had long enough */
    STAGGER_MS = 250, /* RFC 8305, section 5 */
    RETRY_MS = 10,    /* when a Unix listener has no room */
    CONNECT_MS = 10000,
};

typedef struct attempt {
    mk_watch_t      watch; /* fd -1: free */
    struct mk_dial *dial;
} attempt_t;

struct mk_dial {
    mk_stream_t  *stream;
    mk_loop_t    *loop;
    mk_lookup_t  *lookup;
    mk_deferred_t soon;
    mk_timer_t    next_try;
    mk_addr_t     addr[ADDRS_MAX];
    size_t        addrs, next;
    attempt_t     attempt[ATTEMPTS_MAX];
    unsigned      running;
    mk_err_t      err; /* of the last that failed */
    uint16_t      port;
};

static void dial_free(struct mk_dial *dial) {
    mk_loop_t *loop = dial->loop;
    if (dial->lookup != NULL) mk_lookup_cancel(dial->lookup);
    mk_deferred_cancel(&dial->soon);
    mk_wheel_cancel(&loop->wheel, &dial->next_try);
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        if (dial->attempt[i].watch.fd < 0) continue;
        mk_watch_forget(loop, &dial->attempt[i].watch);
        mk_sock_close(dial->attempt[i].watch.fd);
    }
    mk_free(dial);
}

void mk_dial_cancel(mk_stream_t *stream) {
    struct mk_dial *dial = stream->dial;
    stream->dial = NULL;
    dial_free(dial);
}

static void give_up(struct mk_dial *dial, const char *why) { mk_stream_fail(dial->stream, dial->err, why); }

static void give_up_connecting(struct mk_dial *dial) {
    char text[MK_ADDR_TEXT_BYTES], why[MK_ADDR_TEXT_BYTES + 64];
    mk_addr_format(&dial->addr[dial->addrs - 1], text, sizeof text);
    snprintf(why, sizeof why, "no connection to %s%s", text, dial->addrs > 1 ? " nor its other addresses" : "");
    give_up(dial, why);
}

/* ---- attempts ---------------------------------------------------------------------------------------------------------- */

static void try_next(struct mk_dial *dial);

static void won(struct mk_dial *dial, attempt_t *attempt) {
    mk_stream_t *stream = dial->stream;
    int          fd = attempt->watch.fd;
    attempt->watch.fd = -1; /* the stream's watch takes its place in the poller */
    stream->dial = NULL;
    dial_free(dial);
    mk_stream_connected(stream, fd);
}

static void on_ready(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    attempt_t      *attempt = mk_container_of(watch, attempt_t, watch);
    struct mk_dial *dial = attempt->dial;
    mk_err_t        err = mk_sock_outcome(watch->fd);
    (void)events;
    if (err == MK_OK) {
        won(dial, attempt);
        return;
    }
    mk_watch_forget(loop, watch);
    mk_sock_close(watch->fd);
    watch->fd = -1;
    dial->running--;
    dial->err = err;
    try_next(dial);
}

static mk_err_t begin_attempt(struct mk_dial *dial, const mk_addr_t *addr) {
    mk_loop_t *loop = dial->loop;
    attempt_t *attempt = dial->attempt;
    while (attempt->watch.fd >= 0) attempt++;
    mk_err_t err = mk_sock_connect(addr, &attempt->watch.fd);
    if (err == MK_OK && (err = mk_watch_set(loop, &attempt->watch, MK_POLL_OUT)) != MK_OK)
        mk_sock_close(attempt->watch.fd);
    if (err != MK_OK) attempt->watch.fd = -1;
    else dial->running++;
    return err;
}

static void try_after(struct mk_dial *dial, uint32_t ms) {
    mk_loop_t *loop = dial->loop;
    mk_wheel_arm(&loop->wheel, &dial->next_try, mk_loop_after_ms(loop, ms));
}

/* Goes on to the next address that does not fail at once. The last call when none is left. */
static void try_next(struct mk_dial *dial) {
    mk_wheel_cancel(&dial->loop->wheel, &dial->next_try);
    while (dial->next < dial->addrs && dial->running < ATTEMPTS_MAX) {
        mk_err_t err = begin_attempt(dial, &dial->addr[dial->next]);
        if (err == MK_ERR_BUSY) {
            try_after(dial, RETRY_MS);
            return;
        }
        dial->next++;
        if (err == MK_OK) {
            if (dial->next < dial->addrs) try_after(dial, STAGGER_MS);
            return;
        }
        dial->err = err;
    }
    if (dial->running == 0) give_up_connecting(dial);
}

static void on_next_try(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    try_next(mk_container_of(timer, struct mk_dial, next_try));
}

/* ---- addresses ---------------------------------------------------------------------------------------------------------- */

/* RFC 8305, section 4: the families in turn, beginning with the one that the system prefers. */
static void take_addresses(struct mk_dial *dial, const mk_addr_t *addrs, size_t n) {
    bool   taken[ADDRS_MAX] = {false};
    int    family = addrs[0].family;
    size_t total = n < ADDRS_MAX ? n : (size_t)ADDRS_MAX;
    while (dial->addrs < total) {
        size_t at = 0, any = total;
        for (; at < total && (taken[at] || addrs[at].family != family); at++)
            if (!taken[at] && any == total) any = at;
        if (at == total) at = any;
        taken[at] = true;
        dial->addr[dial->addrs] = addrs[at];
        dial->addr[dial->addrs++].port = dial->port;
        family = addrs[at].family == MK_FAMILY_IPV6 ? MK_FAMILY_IPV4 : MK_FAMILY_IPV6;
    }
}

static void on_addresses(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    struct mk_dial *dial = arg;
    dial->lookup = NULL;
    dial->err = err;
    if (err == MK_OK) {
        take_addresses(dial, addrs, n);
        try_next(dial);
    } else if (err == MK_ERR_NOTFOUND) {
        give_up(dial, "no such host");
    } else {
        give_up(dial, "the host's name could not be looked up");
    }
}

static void on_soon(mk_loop_t *loop, mk_deferred_t *deferred) {
    (void)loop;
    try_next(mk_container_of(deferred, struct mk_dial, soon));
}

/* ---- dialling ----------------------------------------------------------------------------------------------------------- */

/* An address in digits may have brackets around it; certificates and SNI know none. */
static size_t strip_brackets(const char **host) {
    size_t length = strlen(*host);
    if (length < 2 || (*host)[0] != '[' || (*host)[length - 1] != ']') return length;
    ++*host;
    return length - 2;
}

static mk_err_t find_addresses(mk_net_t *net, struct mk_dial *dial, const mk_dial_options_t *options, uint32_t ms) {
    mk_addr_t *addr = &dial->addr[0];
    if (options->path == NULL) {
        mk_err_t err = mk_lookup_start(net, options->host, ms, on_addresses, dial, &dial->lookup);
        return err == MK_ERR_TOOLONG ? MK_ERR_INVALID : err;
    }
    size_t length = strlen(options->path);
    if (length == 0 || length >= sizeof addr->path) return MK_ERR_INVALID;
    addr->family = MK_FAMILY_UNIX;
    memcpy(addr->path, options->path, length + 1);
    dial->addrs = 1;
    mk_loop_again(net->loop, &dial->soon, on_soon);
    return MK_OK;
}

/* The session is made now, so that it holds its context from the first moment on. */
static mk_err_t attach_tls(mk_stream_t *stream, const mk_dial_options_t *options) {
    char        host[HOST_BYTES_MAX], peer[HOST_BYTES_MAX + sizeof ":65535"];
    const char *name = options->tls_host != NULL ? options->tls_host : options->host;
    if (options->engine == NULL) return MK_ERR_INVALID;
    size_t length = name != NULL ? strip_brackets(&name) : 0;
    if (length >= sizeof host) return MK_ERR_INVALID;
    memcpy(host, name != NULL ? name : "", length);
    host[length] = '\0';
    snprintf(peer, sizeof peer, "%s:%u", host, options->port);
    return mk_stream_tls_attach(stream, options->engine, options->tls, name != NULL ? host : NULL,
                                name != NULL ? peer : options->path);
}

static struct mk_dial *dial_create(mk_stream_t *stream, uint16_t port) {
    struct mk_dial *dial = mk_calloc(1, sizeof *dial);
    if (dial == NULL) return NULL;
    dial->stream = stream;
    dial->loop = stream->net->loop;
    dial->port = port;
    dial->next_try.fn = on_next_try;
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        dial->attempt[i] = (attempt_t){.watch = {.fd = -1, .fn = on_ready}, .dial = dial};
    return dial;
}

mk_err_t mk_stream_dial(mk_net_t *net, mk_stream_t *stream, const mk_stream_kind_t *kind,
                        const mk_dial_options_t *options) {
    uint32_t ms = kind->limits.connect_ms != 0 ? kind->limits.connect_ms : (uint32_t)CONNECT_MS;
    if ((options->host == NULL) == (options->path == NULL)) return MK_ERR_INVALID;
    mk_stream_begin(net, stream, kind);
    stream->dial = dial_create(stream, options->port);
    mk_err_t err = stream->dial != NULL ? MK_OK : MK_ERR_NOMEM;
    if (err == MK_OK && options->tls != NULL) err = attach_tls(stream, options);
    if (err == MK_OK) err = find_addresses(net, stream->dial, options, ms);
    if (err != MK_OK) mk_stream_close(stream);
    else mk_stream_arm(stream, ms, ms);
    return err;
}
