/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c -- see stream.h. What a stream wants from the poller is changed only when that shows to be needed: pausing and
 * resuming between two events costs nothing, nor does an end after which the stream is closed. Writing happens before the loop
 * waits (flush), what is due without an event in its next round (have_turn). Invariant: a stream is STUCK if and only if its
 * descriptor is watched for writing; only then does the write deadline run. Behind the peer's end there is nothing to read, but a
 * reset may still come, so that is watched for: who only writes now and then hears of it at once. */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    CONNECT_MS = 10000, /* see mk_stream_limits_t */
    HANDSHAKE_MS = 10000,
    WRITE_MS = 30000,
    FINISH_MS = 5000,
    QUEUE_HIGH_BYTES = 256 * 1024,
    QUEUE_LOW_PART = 4,
    DIRECT_BYTES_MIN = 4096, /* from here on copying costs more than a call that may find no room */
    READS_MAX = 16,          /* of a broken stream in one go: what the peer said before it went */
};

static void flush_deferred(mk_loop_t *loop, mk_deferred_t *deferred);
static void turn_deferred(mk_loop_t *loop, mk_deferred_t *deferred);
static bool offer_again(mk_stream_t *s);

static uint32_t or_else(uint32_t value, uint32_t otherwise) { return value != 0 ? value : otherwise; }

static uint32_t queue_high(const mk_stream_t *s) { return or_else(s->kind->limits.queue_high, QUEUE_HIGH_BYTES); }

static uint32_t queue_low(const mk_stream_t *s) {
    return or_else(s->kind->limits.queue_low, queue_high(s) / QUEUE_LOW_PART);
}

/* ---- watching, waiting --------------------------------------------------------------------------------------------- */

/* The user has seen all there was, and there will be no more of it. */
static bool is_read_out(const mk_stream_t *s) {
    bool unseen = s->kept != NULL && (s->flags & (MK_S_PAUSED | MK_S_OFFER)) != 0;
    return (s->flags & MK_S_ENDED) != 0 && !unseen;
}

static uint32_t wanted(const mk_stream_t *s) {
    uint32_t events = mk_stream_reads(s) || (s->flags & MK_S_SHAKING) != 0 ? MK_POLL_IN : 0;
    if (is_read_out(s)) events = MK_POLL_HUP;
    return (s->flags & MK_S_STUCK) != 0 ? events | MK_POLL_OUT : events;
}

static mk_err_t ask(mk_stream_t *s, uint32_t events) {
    if (s->asked == events) return MK_OK;
    mk_err_t err = mk_watch_set(s->net->loop, &s->watch, events);
    if (err == MK_OK) s->asked = events;
    return err;
}

/* Has it asked for at least what is wanted. What cannot be watched is as good as broken. */
static void ask_for_more(mk_stream_t *s) {
    if ((wanted(s) & ~s->asked) != 0 && ask(s, s->asked | wanted(s)) != MK_OK) mk_stream_due(s, MK_S_BROKEN);
}

void mk_stream_arm(mk_stream_t *s, uint32_t ms, uint32_t otherwise_ms) {
    mk_loop_t *loop = s->net->loop;
    if ((s->flags & MK_S_LEFT) != 0) return;
    mk_wheel_arm(&loop->wheel, &s->deadline, mk_loop_after_ms(loop, or_else(ms, otherwise_ms)));
}

static void stop_deadline(mk_stream_t *s) {
    if ((s->flags & MK_S_LEFT) == 0) mk_wheel_cancel(&s->net->loop->wheel, &s->deadline);
}

static void on_deadline(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_stream_t *s = mk_container_of(timer, mk_stream_t, deadline);
    const char  *why = "the peer does not end the connection";
    (void)wheel;
    if (s->dial != NULL) why = "connecting took too long";
    else if ((s->flags & MK_S_SHAKING) != 0) why = "the TLS handshake took too long";
    else if ((s->flags & MK_S_STUCK) != 0) why = "the peer does not read";
    mk_stream_fail(s, MK_ERR_TIMEOUT, why);
}

static bool flush_is_due(const mk_stream_t *s) { return s->flush.node.at != NULL && s->flush.fn == flush_deferred; }

/* One node serves both: flushing comes first and looks afterwards whether a turn is due. */
void mk_stream_due(mk_stream_t *s, uint32_t why) {
    s->flags |= why;
    if (!flush_is_due(s)) mk_loop_again(s->net->loop, &s->flush, turn_deferred);
}

static void flush_later(mk_stream_t *s) {
    if ((s->flags & (MK_S_OPEN | MK_S_STUCK | MK_S_BROKEN)) == MK_S_OPEN)
        mk_loop_defer(s->net->loop, &s->flush, flush_deferred);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------ */

/* Calls the user; false: the stream is gone. */
static bool call(mk_stream_t *s, void (*fn)(mk_stream_t *stream)) {
    bool gone = false, *outer = s->gone;
    s->gone = &gone;
    fn(s);
    if (gone) {
        if (outer != NULL) *outer = true;
        return false;
    }
    s->gone = outer;
    return true;
}

/* Nothing of the record is touched after its descriptor is gone; whoever lent bytes is told last. */
static void end_life(mk_stream_t *s, bool reset) {
    mk_net_t   *net = s->net;
    mk_chunk_t *unsent = s->out;
    if (s->gone != NULL) *s->gone = true;
    s->flags = 0;
    s->gone = NULL;
    s->out = s->out_last = NULL;
    s->out_bytes = 0;
    mk_list_remove(&s->all);
    stop_deadline(s);
    mk_deferred_cancel(&s->flush);
    if (s->dial != NULL) mk_dial_cancel(s);
    if (s->tls != NULL) mk_stream_tls_detach(s);
    if (s->kept != NULL) {
        mk_buffer_free(s->kept);
        mk_free(s->kept);
        s->kept = NULL;
    }
    if (s->watch.fd >= 0) {
        mk_watch_forget(net->loop, &s->watch);
        if (reset) mk_sock_reset(s->watch.fd);
        else mk_sock_close(s->watch.fd);
        s->watch.fd = -1;
    }
    mk_queue_drop(net, unsent);
}

void mk_stream_close(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) != 0) end_life(s, false);
}

void mk_stream_reset(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) != 0) end_life(s, true);
}

void mk_stream_fail(mk_stream_t *s, mk_err_t err, const char *why) {
    mk_net_t *net = s->net;
    size_t    length = why != NULL ? strlen(why) : 0;
    if (length >= sizeof net->why) length = sizeof net->why - 1;
    const mk_stream_ops_t *ops = s->kind->ops;
    if (length != 0) memmove(net->why, why, length); /* it may lie in the engine, which goes now */
    net->why[length] = '\0';
    end_life(s, false);
    ops->closed(s, err);
}

const char *mk_stream_why(const mk_stream_t *s) { return s->net != NULL && s->flags == 0 ? s->net->why : ""; }

/* Both sides have ended, and the user has seen all there was. */
static bool end_if_over(mk_stream_t *s) {
    if ((s->flags & MK_S_FINISHED) == 0 || !is_read_out(s)) return false;
    mk_stream_fail(s, MK_OK, NULL);
    return true;
}

/* ---- sending ----------------------------------------------------------------------------------------------------------- */

static mk_sent_t send_queue(mk_stream_t *s) {
    if (s->tls != NULL) return mk_stream_tls_send(s);
    while (s->out != NULL) {
        mk_slice_t slices[MK_SOCK_SLICES_MAX];
        size_t     offered;
        int        n = mk_queue_slices(s, slices, MK_SOCK_SLICES_MAX, &offered);
        ptrdiff_t  taken = mk_sock_write(s->watch.fd, slices, n);
        if (taken == MK_IO_WAIT) return MK_SENT_PART;
        if (taken < 0) return MK_SENT_FAILED;
        mk_queue_consume(s, (size_t)taken);
        if ((size_t)taken < offered) return MK_SENT_PART;
    }
    return MK_SENT_ALL;
}

/* Nothing can be sent any more. What the peer said before may still be read, in the next round; a user who does not read is
 * told at once. */
static void break_off(mk_stream_t *s) {
    mk_chunk_t *unsent = s->out;
    s->out = s->out_last = NULL;
    s->out_bytes = 0;
    s->flags &= ~(uint32_t)(MK_S_STUCK | MK_S_FULL);
    stop_deadline(s);
    mk_stream_due(s, MK_S_BROKEN);
    mk_queue_drop(s->net, unsent);
}

void mk_stream_stuck(mk_stream_t *s, bool progress) {
    bool was = (s->flags & MK_S_STUCK) != 0;
    s->flags |= MK_S_STUCK;
    if ((progress || !was) && (s->flags & MK_S_SHAKING) == 0) mk_stream_arm(s, s->kind->limits.write_ms, WRITE_MS);
    ask_for_more(s);
}

void mk_stream_unstuck(mk_stream_t *s) {
    if ((s->flags & MK_S_STUCK) == 0) return;
    s->flags &= ~(uint32_t)MK_S_STUCK;
    if ((s->flags & MK_S_SHAKING) == 0) stop_deadline(s);
    if (ask(s, s->asked & ~(uint32_t)MK_POLL_OUT) != MK_OK) mk_stream_due(s, MK_S_BROKEN);
}

/* The queue is empty, and nothing more will come into it. False: the stream is gone. */
static bool finish_now(mk_stream_t *s) {
    if (s->tls != NULL && (s->flags & MK_S_NOTIFIED) == 0) {
        s->flags |= MK_S_NOTIFIED;
        mk_sent_t sent = mk_stream_tls_finish(s);
        if (sent == MK_SENT_FAILED) break_off(s);
        if (sent == MK_SENT_PART) mk_stream_stuck(s, true); /* then this is asked again */
        if (sent != MK_SENT_ALL) return true;
    }
    if ((s->flags & MK_S_CLOSING) != 0) {
        mk_stream_fail(s, MK_OK, NULL);
        return false;
    }
    mk_sock_finish(s->watch.fd);
    s->flags |= MK_S_FINISHED;
    mk_stream_arm(s, s->kind->limits.finish_ms, FINISH_MS);
    return !end_if_over(s);
}

static void note_drained(mk_stream_t *s) {
    if ((s->flags & MK_S_FULL) == 0 || s->out_bytes > queue_low(s)) return;
    s->flags &= ~(uint32_t)MK_S_FULL;
    mk_stream_due(s, MK_S_DRAINED);
}

/* Sends what can be sent. False: the stream is gone. */
static bool flush(mk_stream_t *s) {
    size_t before = s->out_bytes;
    if ((s->flags & MK_S_BROKEN) != 0) return true;
    mk_sent_t sent = send_queue(s);
    if (sent == MK_SENT_FAILED) {
        break_off(s);
        return true;
    }
    note_drained(s);
    if (sent == MK_SENT_PART) {
        mk_stream_stuck(s, s->out_bytes != before);
        return true;
    }
    mk_stream_unstuck(s);
    return (s->flags & (MK_S_FINISHING | MK_S_FINISHED)) != MK_S_FINISHING || finish_now(s);
}

static void flush_deferred(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_stream_t *s = mk_container_of(deferred, mk_stream_t, flush);
    (void)loop;
    if ((s->flags & MK_S_STUCK) == 0 && !flush(s)) return;
    if ((s->flags & MK_S_DUE) != 0) mk_stream_due(s, 0);
    else ask_for_more(s);
}

/* ---- receiving --------------------------------------------------------------------------------------------------------- */

static bool keep(mk_stream_t *s, const uint8_t *bytes, size_t size) {
    if (s->kept == NULL) s->kept = mk_calloc(1, sizeof *s->kept);
    if (s->kept != NULL && mk_buffer_append(s->kept, bytes, size)) return true;
    mk_stream_fail(s, MK_ERR_NOMEM, NULL);
    return false;
}

static void drop_kept(mk_stream_t *s) {
    if (s->kept == NULL) return;
    mk_buffer_free(s->kept);
    mk_free(s->kept);
    s->kept = NULL;
}

/* How many bytes the user took; false: the stream is gone. Whoever throws away what comes takes it all. */
static bool offer(mk_stream_t *s, const uint8_t *bytes, size_t size, size_t *used) {
    bool gone = false, *outer = s->gone;
    *used = size;
    if ((s->flags & MK_S_DISCARD) != 0) return true;
    s->gone = &gone;
    size_t taken = s->kind->ops->data(s, bytes, size);
    if (gone) {
        if (outer != NULL) *outer = true;
        return false;
    }
    s->gone = outer;
    mk_assert(taken <= size);
    if ((s->flags & MK_S_DISCARD) == 0) *used = taken;
    return true;
}

/* What is left after TLS was put on the stream came in the clear: nothing that a peer could have meant. */
static bool is_out_of_place(mk_stream_t *s, const struct mk_stream_tls *before) {
    if (s->tls == before) return false;
    mk_stream_fail(s, MK_ERR_PROTO, "bytes in the clear where TLS begins");
    return true;
}

static bool offer_kept(mk_stream_t *s) {
    const struct mk_stream_tls *tls = s->tls;
    size_t                      used, size = s->kept->size;
    if (!offer(s, s->kept->bytes, size, &used)) return false;
    if (used < size && is_out_of_place(s, tls)) return false;
    mk_buffer_consume(s->kept, used);
    if (s->kept->size == 0) drop_kept(s);
    return true;
}

bool mk_stream_deliver(mk_stream_t *s, const uint8_t *bytes, size_t size) {
    if ((s->flags & (MK_S_FINISHED | MK_S_DISCARD)) == MK_S_FINISHED)
        mk_stream_arm(s, s->kind->limits.finish_ms, FINISH_MS); /* it has more to say */
    const struct mk_stream_tls *tls = s->tls;
    if (s->kept != NULL) return keep(s, bytes, size) && offer_kept(s);
    size_t used;
    if (!offer(s, bytes, size, &used)) return false;
    if (used == size) return true;
    return !is_out_of_place(s, tls) && keep(s, bytes + used, size - used);
}

bool mk_stream_ended(mk_stream_t *s) {
    if ((s->flags & MK_S_ENDED) != 0) return true;
    s->flags |= MK_S_ENDED;
    if ((s->flags & MK_S_DISCARD) == 0 && !call(s, s->kind->ops->end)) return false;
    return !end_if_over(s);
}

/* One read an event: what is left makes another, and others have their turn before. */
static void read_plain(mk_stream_t *s) {
    ptrdiff_t n = mk_sock_read(s->watch.fd, s->net->scratch, MK_SCRATCH_BYTES);
    if (n > 0) mk_stream_deliver(s, s->net->scratch, (size_t)n);
    else if (n == 0) mk_stream_ended(s);
    else if (n == MK_IO_FAILED) mk_stream_fail(s, MK_ERR_IO, NULL);
}

static void on_ready(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    mk_stream_t *s = mk_container_of(watch, mk_stream_t, watch);
    (void)loop;
    if ((s->flags & MK_S_SHAKING) != 0) {
        mk_stream_tls_shake(s);
        return;
    }
    if ((s->flags & MK_S_STUCK) != 0 && (events & (MK_POLL_OUT | MK_POLL_ERR | MK_POLL_HUP)) != 0 && !flush(s)) return;
    if ((events & (MK_POLL_IN | MK_POLL_ERR | MK_POLL_HUP)) == 0 || (s->flags & MK_S_BROKEN) != 0) return;
    /* What a paused user left comes first. Else it would grow by a read with each time he pauses. */
    if (s->kept != NULL && (s->flags & MK_S_OFFER) != 0 && !offer_again(s)) return;
    if (is_read_out(s) && (events & (MK_POLL_ERR | MK_POLL_HUP)) != 0) {
        mk_stream_fail(s, MK_ERR_IO, NULL);
    } else if (!mk_stream_reads(s)) {
        if (ask(s, wanted(s)) != MK_OK) mk_stream_due(s, MK_S_BROKEN);
    } else if (s->tls != NULL) {
        mk_stream_tls_read(s);
    } else {
        read_plain(s);
    }
}

/* ---- turns ----------------------------------------------------------------------------------------------------------------- */

/* Reads what there is, for a while; then the stream is over. */
static void read_last_words(mk_stream_t *s) {
    bool gone = false;
    s->gone = &gone;
    for (int i = 0; i < READS_MAX && mk_stream_reads(s); i++) {
        ptrdiff_t n = s->tls == NULL ? mk_sock_read(s->watch.fd, s->net->scratch, MK_SCRATCH_BYTES) : MK_IO_WAIT;
        if (s->tls != NULL) mk_stream_tls_read(s);
        if (n > 0) mk_stream_deliver(s, s->net->scratch, (size_t)n);
        if (gone) return;
        if (n <= 0) break;
    }
    mk_stream_fail(s, MK_ERR_IO, NULL);
}

/* Offers what the user may have had no time for. False: the stream is gone. */
static bool offer_again(mk_stream_t *s) {
    s->flags &= ~(uint32_t)MK_S_OFFER;
    if ((s->flags & MK_S_PAUSED) != 0) return true;
    if (s->kept != NULL && !offer_kept(s)) return false;
    if (end_if_over(s)) return false;
    if (s->tls == NULL || !mk_stream_reads(s) || !mk_stream_tls_pending(s)) return true;
    bool gone = false, *outer = s->gone;
    s->gone = &gone;
    mk_stream_tls_read(s);
    if (!gone) s->gone = outer;
    return !gone;
}

/* The first bytes of an accepted connection are mostly there before it is. Who answers them and closes is never watched. */
static void read_first(mk_stream_t *s) {
    bool gone = false;
    s->flags &= ~(uint32_t)MK_S_FRESH;
    s->gone = &gone;
    if (mk_stream_reads(s)) read_plain(s);
    if (gone) return;
    s->gone = NULL;
    mk_loop_defer(s->net->loop, &s->flush, flush_deferred);
}

static void have_turn(mk_stream_t *s) {
    if ((s->flags & MK_S_FRESH) != 0) {
        read_first(s);
        return;
    }
    if ((s->flags & MK_S_SHAKE) != 0) {
        s->flags &= ~(uint32_t)MK_S_SHAKE;
        mk_stream_tls_shake(s);
        return;
    }
    if ((s->flags & MK_S_BROKEN) != 0) {
        read_last_words(s);
        return;
    }
    if ((s->flags & MK_S_DRAINED) != 0) {
        s->flags &= ~(uint32_t)MK_S_DRAINED;
        if (!call(s, s->kind->ops->drained)) return;
    }
    if ((s->flags & MK_S_OFFER) != 0) (void)offer_again(s);
}

static void turn_deferred(mk_loop_t *loop, mk_deferred_t *deferred) {
    (void)loop;
    have_turn(mk_container_of(deferred, mk_stream_t, flush));
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

void mk_stream_begin(mk_net_t *net, mk_stream_t *s, const mk_stream_kind_t *kind) {
    *s = (mk_stream_t){.net = net, .kind = kind, .flags = MK_S_LIVE};
    s->watch = (mk_watch_t){.fd = -1, .fn = on_ready};
    s->deadline.fn = on_deadline;
    mk_list_push(&net->streams, &s->all);
}

void mk_stream_opened(mk_stream_t *s) {
    s->flags = (s->flags | MK_S_OPEN) & ~(uint32_t)MK_S_SHAKING;
    stop_deadline(s);
    if ((s->flags & MK_S_STUCK) != 0) mk_stream_stuck(s, true); /* the last of the handshake */
    if (call(s, s->kind->ops->open) && (s->flags & MK_S_FINISHING) != 0) flush_later(s);
}

static void begin_handshake(mk_stream_t *s) {
    s->flags = (s->flags | MK_S_SHAKING) & ~(uint32_t)(MK_S_OPEN | MK_S_FRESH);
    mk_stream_arm(s, s->kind->limits.handshake_ms, HANDSHAKE_MS);
    mk_stream_due(s, MK_S_SHAKE);
    ask_for_more(s);
}

static mk_err_t take_descriptor(mk_stream_t *s, int fd) {
    s->watch.fd = fd;
    mk_err_t err = ask(s, MK_POLL_IN);
    if (err == MK_OK && s->tls != NULL) begin_handshake(s);
    return err;
}

void mk_stream_connected(mk_stream_t *s, int fd) {
    mk_err_t err = take_descriptor(s, fd);
    if (err != MK_OK) mk_stream_fail(s, err, NULL);
    else if (s->tls == NULL) mk_stream_opened(s);
}

mk_err_t mk_stream_adopt(mk_net_t *net, mk_stream_t *s, const mk_stream_kind_t *kind, int fd,
                         const mk_tls_engine_t *engine, mk_tls_context_t *tls) {
    mk_stream_begin(net, s, kind);
    if (tls == NULL) {
        s->watch.fd = fd;
        mk_stream_due(s, MK_S_FRESH);
        mk_stream_opened(s);
        return MK_OK;
    }
    mk_err_t err = mk_stream_tls_attach(s, engine, tls, NULL, NULL);
    if (err != MK_OK) mk_sock_close(fd);
    else err = take_descriptor(s, fd);
    if (err != MK_OK) mk_stream_close(s);
    return err;
}

mk_err_t mk_stream_start_tls(mk_stream_t *s, const mk_tls_engine_t *engine, mk_tls_context_t *tls, const char *host) {
    enum { NOT_NOW = MK_S_FINISHING | MK_S_BROKEN | MK_S_ENDED };
    if ((s->flags & MK_S_OPEN) == 0 || (s->flags & NOT_NOW) != 0) return MK_ERR_CLOSED;
    if (s->tls != NULL || s->out != NULL) return MK_ERR_INVALID;
    mk_err_t err = mk_stream_tls_attach(s, engine, tls, host, host);
    if (err == MK_OK) begin_handshake(s);
    return err;
}

/* ---- for the user -------------------------------------------------------------------------------------------------------------- */

static mk_err_t admit(mk_stream_t *s) {
    if ((s->flags & (MK_S_OPEN | MK_S_FINISHING | MK_S_BROKEN)) != MK_S_OPEN) return MK_ERR_CLOSED;
    return mk_stream_is_full(s) ? MK_ERR_FULL : MK_OK;
}

/* The queue and the slices in one call if they are few enough; else nothing is sent, as if there had been no time for it.
 * *taken: of the slices. */
static mk_sent_t send_directly(mk_stream_t *s, const mk_slice_t *slices, int n, size_t *taken) {
    mk_slice_t all[MK_SOCK_SLICES_MAX];
    size_t     queued;
    int        before = mk_queue_slices(s, all, MK_SOCK_SLICES_MAX, &queued);
    *taken = 0;
    if (queued != s->out_bytes || n > MK_SOCK_SLICES_MAX - before) return MK_SENT_ALL;
    memcpy(all + before, slices, (size_t)n * sizeof *slices);
    ptrdiff_t sent = mk_sock_write(s->watch.fd, all, before + n);
    if (sent < 0) return sent == MK_IO_FAILED ? MK_SENT_FAILED : MK_SENT_PART;
    size_t of_queue = (size_t)sent < queued ? (size_t)sent : queued;
    mk_queue_consume(s, of_queue);
    *taken = (size_t)sent - of_queue;
    return MK_SENT_PART;
}

static mk_err_t write_directly(mk_stream_t *s, const mk_slice_t *slices, int n) {
    size_t    taken;
    mk_sent_t sent =
        s->tls != NULL ? mk_stream_tls_send_slices(s, slices, n, &taken) : send_directly(s, slices, n, &taken);
    if (sent == MK_SENT_FAILED) {
        break_off(s);
        return MK_OK; /* as if it had failed a moment later */
    }
    bool kept = mk_queue_append(s, slices, n, taken);
    if (!kept && taken != 0) break_off(s);
    bool encrypted = s->tls != NULL && !mk_stream_tls_is_empty(s);
    if (s->out == NULL && !encrypted) return kept ? MK_OK : MK_ERR_NOMEM;
    if (sent == MK_SENT_PART) mk_stream_stuck(s, true);
    else flush_later(s);
    return kept ? MK_OK : MK_ERR_NOMEM;
}

mk_err_t mk_stream_write_slices(mk_stream_t *s, const mk_slice_t *slices, int n) {
    size_t   total = 0;
    mk_err_t err = admit(s);
    if (err != MK_OK) return err;
    for (int i = 0; i < n; i++) total += slices[i].size;
    if (total >= DIRECT_BYTES_MIN && (s->flags & MK_S_STUCK) == 0) return write_directly(s, slices, n);
    if (!mk_queue_append(s, slices, n, 0)) return MK_ERR_NOMEM;
    flush_later(s);
    return MK_OK;
}

mk_err_t mk_stream_write(mk_stream_t *s, const void *data, size_t size) {
    return mk_stream_write_slices(s, &(mk_slice_t){data, size}, 1);
}

mk_err_t mk_stream_write_shared(mk_stream_t *s, const void *data, size_t size, mk_stream_release_fn *release,
                                void *owner) {
    mk_err_t err = admit(s);
    if (err != MK_OK) return err;
    if (size == 0) {
        release(owner);
        return MK_OK;
    }
    if (!mk_queue_share(s, data, size, release, owner)) return MK_ERR_NOMEM;
    flush_later(s);
    return MK_OK;
}

size_t mk_stream_queued(const mk_stream_t *s) { return s->out_bytes; }

bool mk_stream_is_full(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) == 0 || s->out_bytes < queue_high(s)) return false;
    s->flags |= MK_S_FULL;
    return true;
}

void mk_stream_pause(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) != 0) s->flags |= MK_S_PAUSED;
}

void mk_stream_resume(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) == 0) return;
    s->flags &= ~(uint32_t)MK_S_PAUSED;
    if ((s->flags & MK_S_OPEN) == 0) return;
    if (s->kept != NULL || (s->tls != NULL && mk_stream_tls_pending(s))) mk_stream_due(s, MK_S_OFFER);
    ask_for_more(s);
}

void mk_stream_finish(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) == 0 || (s->flags & MK_S_FINISHING) != 0) return;
    s->flags |= MK_S_FINISHING;
    flush_later(s);
}

void mk_stream_finish_discarding(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) == 0) return;
    s->flags |= MK_S_DISCARD;
    mk_stream_finish(s);
    mk_stream_resume(s); /* kept bytes are thrown away as well, and the end is looked for */
}

void mk_stream_finish_closing(mk_stream_t *s) {
    if ((s->flags & MK_S_LIVE) == 0) return;
    s->flags |= MK_S_CLOSING;
    mk_stream_finish(s);
}

/* Sent at once if it can be: there may be no next round. */
void mk_stream_leave(mk_stream_t *s, uint32_t ms) {
    mk_assert((s->flags & MK_S_LIVE) != 0);
    mk_stream_arm(s, ms, ms);
    s->flags = (s->flags | MK_S_LEFT | MK_S_DISCARD) & ~(uint32_t)(MK_S_FULL | MK_S_DRAINED);
    if ((s->flags & MK_S_OPEN) == 0) {
        mk_stream_fail(s, MK_ERR_CLOSED, NULL);
        return;
    }
    bool gone = false, *outer = s->gone;
    s->gone = &gone;
    mk_stream_finish(s);
    if ((s->flags & MK_S_STUCK) == 0) (void)flush(s);
    if (gone) {
        if (outer != NULL) *outer = true;
        return;
    }
    s->gone = outer;
    mk_stream_resume(s); /* what was kept is thrown away as well, and the end is looked for */
}

bool mk_stream_is_open(const mk_stream_t *s) { return (s->flags & MK_S_OPEN) != 0; }

bool mk_stream_peer(const mk_stream_t *s, mk_addr_t *out) {
    return (s->flags & MK_S_LIVE) != 0 && s->watch.fd >= 0 && mk_sock_peer(s->watch.fd, out);
}

bool mk_stream_local(const mk_stream_t *s, mk_addr_t *out) {
    return (s->flags & MK_S_LIVE) != 0 && s->watch.fd >= 0 && mk_sock_local(s->watch.fd, out);
}
