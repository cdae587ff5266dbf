/* SPDX-License-Identifier: Apache-2.0 */
/* stream_tls.c -- TLS on a stream. An engine turns bytes into bytes; here is where they come from and go to. One read of the
 * socket brings as much as there is, however small the pieces in which the engine asks for it, and everything that one go
 * encrypts leaves in one write. The two buffers for that belong to the net: what one stream could not use of the first or send
 * of the second is copied to where it can wait, which is rare. */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    RECORD_BYTES_MAX = 16384, /* of plain text: RFC 8446, section 5.1             */
    RECORD_EXTRA_MAX = 512,   /* what encrypting adds, with room to spare         */
    CIPHER_OUT_BYTES = 4 * (RECORD_BYTES_MAX + RECORD_EXTRA_MAX),
    CIPHER_IN_BYTES = 65536,
};

struct mk_cipher {
    mk_stream_t *reader, *writer; /* whose bytes these are; NULL: there are none */
    size_t       in_at, in_n, out_n;
    uint8_t      in[CIPHER_IN_BYTES];
    uint8_t      out[CIPHER_OUT_BYTES];
    uint8_t      plain[RECORD_BYTES_MAX]; /* small pieces on their way into one record */
};

struct mk_stream_tls {
    const mk_tls_engine_t *engine;
    mk_tls_session_t      *session;
    mk_buffer_t            ahead;  /* encrypted, read, not asked for yet          */
    mk_buffer_t            unsent; /* encrypted, not taken by the socket          */
    size_t                 retry;  /* length of a write that has to be repeated   */
    bool                   dry;    /* the socket was read in this go              */
    bool                   cut, failed;
};

void mk_cipher_free(struct mk_cipher *cipher) { mk_free(cipher); }

/* ---- where the engine reads and writes ------------------------------------------------------------------------------- */

static ptrdiff_t refill(mk_stream_t *s, struct mk_cipher *cipher) {
    struct mk_stream_tls *tls = s->tls;
    if (tls->dry) return MK_IO_WAIT;
    tls->dry = true; /* what is left makes another event */
    ptrdiff_t n = mk_sock_read(s->watch.fd, cipher->in, CIPHER_IN_BYTES);
    if (n == 0) tls->cut = true;
    if (n == MK_IO_FAILED) tls->failed = true;
    cipher->in_at = 0;
    cipher->in_n = n > 0 ? (size_t)n : 0;
    return n;
}

static ptrdiff_t io_read(void *arg, void *buf, size_t size) {
    mk_stream_t      *s = arg;
    struct mk_cipher *cipher = s->net->cipher;
    if (cipher->reader != s) return MK_IO_WAIT;
    if (cipher->in_at == cipher->in_n) {
        ptrdiff_t n = refill(s, cipher);
        if (n <= 0) return n;
    }
    size_t n = cipher->in_n - cipher->in_at;
    if (n > size) n = size;
    memcpy(buf, cipher->in + cipher->in_at, n);
    cipher->in_at += n;
    return (ptrdiff_t)n;
}

/* Only as much as waits already is ever there, so a peer that does not read cannot make it grow. */
static ptrdiff_t io_write(void *arg, const void *data, size_t size) {
    mk_stream_t      *s = arg;
    struct mk_cipher *cipher = s->net->cipher;
    mk_assert(cipher->writer == NULL || cipher->writer == s);
    size_t room = CIPHER_OUT_BYTES - cipher->out_n;
    if (room == 0) return MK_IO_WAIT;
    if (size > room) size = room;
    memcpy(cipher->out + cipher->out_n, data, size);
    cipher->out_n += size;
    cipher->writer = s;
    return (ptrdiff_t)size;
}

/* ---- between the engine and the socket --------------------------------------------------------------------------------- */

static mk_sent_t send_unsent(mk_stream_t *s) {
    mk_buffer_t *unsent = &s->tls->unsent;
    if (unsent->size == 0) return MK_SENT_ALL;
    ptrdiff_t n = mk_sock_write(s->watch.fd, &(mk_slice_t){unsent->bytes, unsent->size}, 1);
    if (n == MK_IO_FAILED) return MK_SENT_FAILED;
    if (n > 0) mk_buffer_consume(unsent, (size_t)n);
    if (unsent->size != 0) return MK_SENT_PART;
    mk_buffer_free(unsent);
    return MK_SENT_ALL;
}

/* Sends what the engine has written, and keeps what the socket does not take. */
static mk_sent_t push(mk_stream_t *s) {
    struct mk_cipher *cipher = s->net->cipher;
    mk_sent_t         sent = send_unsent(s);
    if (cipher->out_n == 0 || cipher->writer != s) return sent;
    size_t n = cipher->out_n, taken = 0;
    cipher->out_n = 0;
    cipher->writer = NULL;
    if (sent == MK_SENT_ALL) {
        ptrdiff_t wrote = mk_sock_write(s->watch.fd, &(mk_slice_t){cipher->out, n}, 1);
        if (wrote == MK_IO_FAILED) sent = MK_SENT_FAILED;
        if (wrote > 0) taken = (size_t)wrote;
    }
    if (sent == MK_SENT_FAILED || taken == n) return sent;
    return mk_buffer_append(&s->tls->unsent, cipher->out + taken, n - taken) ? MK_SENT_PART : MK_SENT_FAILED;
}

static void begin_reading(mk_stream_t *s) {
    struct mk_cipher *cipher = s->net->cipher;
    mk_buffer_t      *ahead = &s->tls->ahead;
    mk_assert(cipher->reader == NULL && ahead->size <= CIPHER_IN_BYTES);
    s->tls->dry = false;
    cipher->reader = s;
    cipher->in_at = 0;
    cipher->in_n = ahead->size;
    if (ahead->size == 0) return;
    memcpy(cipher->in, ahead->bytes, ahead->size);
    mk_buffer_free(ahead);
}

/* What the engine did not ask for waits with the stream. False: there is no memory for it. */
static bool end_reading(mk_stream_t *s) {
    struct mk_cipher *cipher = s->net->cipher;
    size_t            left = cipher->in_n - cipher->in_at;
    cipher->reader = NULL;
    return left == 0 || mk_buffer_append(&s->tls->ahead, cipher->in + cipher->in_at, left);
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

mk_err_t mk_stream_tls_attach(mk_stream_t *s, const mk_tls_engine_t *engine, mk_tls_context_t *context,
                              const char *host, const char *peer) {
    mk_net_t *net = s->net;
    if (net->cipher == NULL) {
        net->cipher = mk_alloc(sizeof *net->cipher);
        if (net->cipher == NULL) return MK_ERR_NOMEM;
        net->cipher->reader = net->cipher->writer = NULL;
        net->cipher->in_at = net->cipher->in_n = net->cipher->out_n = 0;
    }
    struct mk_stream_tls *tls = mk_calloc(1, sizeof *tls);
    if (tls == NULL) return MK_ERR_NOMEM;
    tls->engine = engine;
    mk_err_t err = engine->session_create(context, host, peer, &(mk_tls_io_t){s, io_read, io_write}, &tls->session);
    if (err != MK_OK) {
        mk_free(tls);
        return err;
    }
    s->tls = tls;
    return MK_OK;
}

void mk_stream_tls_detach(mk_stream_t *s) {
    struct mk_stream_tls *tls = s->tls;
    struct mk_cipher     *cipher = s->net->cipher;
    s->tls = NULL;
    tls->engine->session_destroy(tls->session);
    if (cipher->reader == s) cipher->reader = NULL;
    if (cipher->writer == s) {
        cipher->writer = NULL;
        cipher->out_n = 0;
    }
    mk_buffer_free(&tls->ahead);
    mk_buffer_free(&tls->unsent);
    mk_free(tls);
}

/* Why the engine gave up: the connection, or what the peer said. */
static void fail(mk_stream_t *s, mk_err_t otherwise) {
    struct mk_stream_tls *tls = s->tls;
    if (tls->failed) mk_stream_fail(s, MK_ERR_IO, NULL);
    else if (tls->cut) mk_stream_fail(s, MK_ERR_IO, "the peer closed the connection in the TLS handshake");
    else mk_stream_fail(s, otherwise, tls->engine->why(tls->session));
}

void mk_stream_tls_shake(mk_stream_t *s) {
    struct mk_stream_tls *tls = s->tls;
    if ((s->flags & MK_S_STUCK) != 0 && send_unsent(s) == MK_SENT_PART) return;
    begin_reading(s);
    mk_tls_status_t status = tls->engine->handshake(tls->session);
    bool            kept = end_reading(s);
    mk_sent_t       sent = push(s); /* an alert as well */
    if (!kept) {
        mk_stream_fail(s, MK_ERR_NOMEM, NULL);
        return;
    }
    if (status == MK_TLS_FAILED || status == MK_TLS_END || sent == MK_SENT_FAILED) {
        if (sent == MK_SENT_FAILED && status != MK_TLS_FAILED) tls->failed = true;
        fail(s, MK_ERR_PROTO);
        return;
    }
    if (sent == MK_SENT_PART) mk_stream_stuck(s, true);
    else mk_stream_unstuck(s);
    if (status == MK_TLS_WANT_WRITE && sent == MK_SENT_ALL) mk_stream_due(s, MK_S_SHAKE);
    if (status != MK_TLS_OK) return;
    if (mk_stream_tls_pending(s)) mk_stream_due(s, MK_S_OFFER);
    mk_stream_opened(s);
}

/* ---- receiving ----------------------------------------------------------------------------------------------------------- */

bool mk_stream_tls_pending(const mk_stream_t *s) {
    const struct mk_cipher *cipher = s->net->cipher;
    bool                    in_hand = cipher->reader == s && cipher->in_at != cipher->in_n;
    return in_hand || s->tls->ahead.size != 0 || s->tls->engine->pending(s->tls->session);
}

/* As many records as there are, up to what the scratch buffer holds; *n: their bytes. */
static mk_tls_status_t read_records(mk_stream_t *s, size_t *n) {
    struct mk_stream_tls *tls = s->tls;
    mk_tls_status_t       status = MK_TLS_OK;
    *n = 0;
    begin_reading(s);
    while (status == MK_TLS_OK && *n < MK_SCRATCH_BYTES) {
        size_t got = 0;
        status = tls->engine->read(tls->session, s->net->scratch + *n, MK_SCRATCH_BYTES - *n, &got);
        if (status == MK_TLS_OK) *n += got;
    }
    return status;
}

static void on_status(mk_stream_t *s, mk_tls_status_t status) {
    struct mk_stream_tls *tls = s->tls;
    switch (status) {
    case MK_TLS_OK: /* the scratch buffer was full: the rest in the next round */
    case MK_TLS_WANT_READ:
    case MK_TLS_WANT_WRITE:
        if (mk_stream_reads(s) && status == MK_TLS_OK) mk_stream_due(s, MK_S_OFFER);
        return;
    case MK_TLS_END: mk_stream_ended(s); return;
    case MK_TLS_FAILED: break;
    }
    if (tls->cut || tls->engine->was_cut(tls->session)) mk_stream_ended(s);
    else fail(s, MK_ERR_PROTO);
}

void mk_stream_tls_read(mk_stream_t *s) {
    const struct mk_stream_tls *tls = s->tls;
    size_t                      n;
    mk_tls_status_t             status = read_records(s, &n);
    bool                        kept = end_reading(s);
    mk_sent_t                   sent = push(s); /* an answer of the engine's own: a new key, an alert */
    if (!kept) {
        mk_stream_fail(s, MK_ERR_NOMEM, NULL);
        return;
    }
    if (sent == MK_SENT_PART) mk_stream_stuck(s, true);
    if (n != 0) {
        bool gone = false, *outer = s->gone;
        s->gone = &gone;
        bool there = mk_stream_deliver(s, s->net->scratch, n);
        if (!there || gone) {
            if (outer != NULL) *outer = true;
            return;
        }
        s->gone = outer;
    }
    if (s->tls == tls) on_status(s, status);
}

/* ---- sending --------------------------------------------------------------------------------------------------------------- */

typedef struct cursor {
    const mk_slice_t *slice;
    int               n;
    size_t            at; /* in the first */
} cursor_t;

static void advance(cursor_t *cursor, size_t by) {
    while (cursor->n != 0 && by >= cursor->slice->size - cursor->at) {
        by -= cursor->slice->size - cursor->at;
        cursor->slice++;
        cursor->n--;
        cursor->at = 0;
    }
    cursor->at += by;
}

/* The next record: where the bytes lie if there are enough in one place, else small pieces put together. */
static mk_slice_t next_record(mk_stream_t *s, cursor_t cursor) {
    const uint8_t *data = (const uint8_t *)cursor.slice->data + cursor.at;
    size_t         size = cursor.slice->size - cursor.at;
    if (size >= RECORD_BYTES_MAX || cursor.n == 1)
        return (mk_slice_t){data, size < RECORD_BYTES_MAX ? size : (size_t)RECORD_BYTES_MAX};
    uint8_t *plain = s->net->cipher->plain;
    size_t   filled = 0;
    for (; cursor.n != 0 && filled < RECORD_BYTES_MAX; cursor.n--, cursor.slice++, cursor.at = 0) {
        size_t more = cursor.slice->size - cursor.at;
        if (more > RECORD_BYTES_MAX - filled) more = RECORD_BYTES_MAX - filled;
        if (more != 0) memcpy(plain + filled, (const uint8_t *)cursor.slice->data + cursor.at, more);
        filled += more;
    }
    return (mk_slice_t){plain, filled};
}

/* A write that has to be repeated is repeated with the same length: engines take that literally. */
static mk_sent_t encrypt(mk_stream_t *s, const mk_slice_t *slices, int n, size_t *taken) {
    struct mk_stream_tls *tls = s->tls;
    struct mk_cipher     *cipher = s->net->cipher;
    cursor_t              cursor = {slices, n, 0};
    mk_sent_t             sent;
    *taken = 0;
    advance(&cursor, 0);
    while (cursor.n != 0) {
        if (CIPHER_OUT_BYTES - cipher->out_n < RECORD_BYTES_MAX + RECORD_EXTRA_MAX && (sent = push(s)) != MK_SENT_ALL)
            return sent;
        size_t     wrote = 0;
        mk_slice_t record = next_record(s, cursor);
        if (tls->retry != 0 && tls->retry < record.size) record.size = tls->retry;
        mk_tls_status_t status = tls->engine->write(tls->session, record.data, record.size, &wrote);
        if (status == MK_TLS_WANT_WRITE && cipher->out_n != 0) {
            tls->retry = record.size;
            if ((sent = push(s)) != MK_SENT_ALL) return sent;
            continue;
        }
        if (status != MK_TLS_OK) return MK_SENT_FAILED;
        tls->retry = 0;
        *taken += wrote;
        advance(&cursor, wrote);
    }
    return push(s);
}

mk_sent_t mk_stream_tls_send(mk_stream_t *s) {
    mk_sent_t sent = send_unsent(s);
    while (sent == MK_SENT_ALL && s->out != NULL) {
        mk_slice_t slices[MK_SOCK_SLICES_MAX];
        size_t     offered, taken;
        int        n = mk_queue_slices(s, slices, MK_SOCK_SLICES_MAX, &offered);
        sent = encrypt(s, slices, n, &taken);
        if (sent != MK_SENT_FAILED) mk_queue_consume(s, taken);
    }
    return sent;
}

mk_sent_t mk_stream_tls_send_slices(mk_stream_t *s, const mk_slice_t *slices, int n, size_t *taken) {
    *taken = 0;
    mk_sent_t sent = mk_stream_tls_send(s);
    return sent == MK_SENT_ALL ? encrypt(s, slices, n, taken) : sent;
}

mk_sent_t mk_stream_tls_finish(mk_stream_t *s) {
    mk_tls_status_t status = s->tls->engine->finish(s->tls->session);
    mk_sent_t       sent = push(s);
    return status == MK_TLS_FAILED ? MK_SENT_FAILED : sent;
}

bool mk_stream_tls_is_empty(const mk_stream_t *s) { return s->tls->unsent.size == 0; }

bool mk_stream_tls_info(const mk_stream_t *s, mk_tls_info_t *out) {
    if ((s->flags & MK_S_OPEN) == 0 || s->tls == NULL) return false;
    s->tls->engine->info(s->tls->session, out);
    return true;
}

bool mk_stream_was_cut(const mk_stream_t *s) {
    enum { ENDED = MK_S_LIVE | MK_S_ENDED };
    if ((s->flags & ENDED) != ENDED || s->tls == NULL) return false;
    return s->tls->cut || s->tls->engine->was_cut(s->tls->session);
}
