/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c -- connections of the fake network: two ends, and a line of segments in each direction.
 *
 * Both ends lie in one record, which lives until both are closed and nothing of it is on its way. A segment's bytes lie in the
 * receiving end's queue from the moment they are written; when the segment arrives they become readable. So segments never
 * overtake each other: one that finds its link cut is tried again, and the others wait behind it. */
#include <string.h>

#include "base/assert.h"
#include "port/fake/network.h"

/* Between two tries to get something through; what a piece of a slow stream is; how often a full listener is asked. */
enum { RETRY_US = 200000, SEGMENT_BYTES = 1460, SYN_RETRY_US = 1000000 };

typedef struct segment {
    struct segment *next;
    uint64_t        due_us;
    size_t          size; /* 0: the end */
} segment_t;

typedef enum { CONNECTING, OPEN, FAILED, CLOSED } state_t;

typedef struct conn conn_t;

typedef struct stream_end {
    mk_fake_sock_t     sock;
    conn_t            *conn;
    state_t            state;
    mk_err_t           why;      /* FAILED, or about to be once what came is read */
    bool               finished; /* its end was sent                              */
    bool               ended;    /* its peer's end has arrived                    */
    uint8_t           *bytes;    /* on their way to it, and not read yet          */
    size_t             at, size, room;
    size_t             arrived;       /* of these                                      */
    segment_t         *first, **last; /* on their way to it                       */
    uint64_t           busy_us;       /* until when the line to it is                  */
    uint64_t           stuck_us;      /* since when nothing gets through; 0: it does   */
    uint64_t           gone_us;       /* since when it is mute                         */
    struct listener   *listener;      /* where it waits to be accepted                 */
    struct stream_end *waiting;       /* there                                         */
} stream_end_t;

struct conn {
    mk_node_t    node;
    stream_end_t end[2]; /* who connected, who listened */
    unsigned     events; /* that will speak of it       */
    uint64_t     began_us;
};

typedef struct listener {
    mk_fake_sock_t sock;
    unsigned       backlog, queued;
    stream_end_t  *first, **last;
} listener_t;

static mk_node_t *conns;

static stream_end_t *end_of(mk_fake_sock_t *sock) { return mk_container_of(sock, stream_end_t, sock); }

static stream_end_t *peer_of(const stream_end_t *end) { return &end->conn->end[end == &end->conn->end[0]]; }

static stream_end_t *stream_of(int fd) {
    mk_fake_sock_t *sock = mk_fake_sock(fd);
    mk_assert(sock != NULL && sock->kind == STREAM);
    return end_of(sock);
}

/* ---- what they are ready for ---------------------------------------------------------------------------------------- */

static uint32_t events_of(const stream_end_t *end) {
    uint32_t events = 0;
    if (end->sock.mute || end->state == CONNECTING) return 0;
    if (end->state == FAILED) return MK_POLL_IN | MK_POLL_OUT | MK_POLL_ERR | MK_POLL_HUP;
    if (end->arrived != 0 || end->ended) events |= MK_POLL_IN;
    if (end->finished || peer_of(end)->size < mk_fake_config.stream_bytes) events |= MK_POLL_OUT;
    if (end->finished && end->ended) events |= MK_POLL_HUP;
    return events;
}

static void refresh(const stream_end_t *end) {
    if (end->sock.fd >= 0) mk_fake_ready(end->sock.fd, events_of(end));
}

static void listener_refresh(const listener_t *l) {
    if (l->sock.fd >= 0) mk_fake_ready(l->sock.fd, l->queued != 0 && !l->sock.mute ? MK_POLL_IN : 0);
}

/* ---- their life -------------------------------------------------------------------------------------------------------- */

static void drop_segments(stream_end_t *to) {
    while (to->first != NULL) {
        segment_t *segment = to->first;
        to->first = segment->next;
        mk_fake_free(segment);
    }
    to->last = &to->first;
    to->size = to->arrived;
}

static void end_init(conn_t *conn, unsigned side, unsigned host, const mk_addr_t *local, const mk_addr_t *peer) {
    stream_end_t *end = &conn->end[side];
    end->sock = (mk_fake_sock_t){.kind = STREAM, .fd = -1, .host = host, .local = *local, .peer = *peer};
    end->conn = conn;
    end->last = &end->first;
}

static void conn_check(conn_t *conn) {
    if (conn->events != 0 || conn->end[0].state != CLOSED || conn->end[1].state != CLOSED) return;
    for (int i = 0; i < 2; i++) {
        drop_segments(&conn->end[i]);
        mk_fake_free(conn->end[i].bytes);
    }
    mk_list_remove(&conn->node);
    mk_fake_free(conn);
}

/* An event that speaks of an end, and keeps its record. */
static void later(stream_end_t *end, uint64_t at_us, mk_fake_event_fn *fn) {
    end->conn->events++;
    mk_fake_later(at_us, fn, end);
}

static void happened(stream_end_t *end) {
    end->conn->events--;
    conn_check(end->conn);
}

static void fail(stream_end_t *end, mk_err_t why) {
    if (end->state != CONNECTING && end->state != OPEN) return;
    if (mk_fake_config.reset_discards) end->arrived = 0;
    drop_segments(end);
    end->state = FAILED;
    end->why = why;
    refresh(end);
    refresh(peer_of(end));
}

/* ---- what gets through ------------------------------------------------------------------------------------------------ */

/* An end that is mute says nothing until its machine is up again; then that says that it knows nothing. */
static bool is_silent(const stream_end_t *end) {
    return end->sock.mute && (end->gone_us != 0 || mk_fake_host_is_down(end->sock.host));
}

static bool gets_through(const stream_end_t *to) {
    return !is_silent(to) && mk_fake_cut_since(&to->sock.peer, &to->sock.local) == UINT64_MAX;
}

static void reset_arrives(void *arg, uint64_t at_us) {
    stream_end_t *end = arg;
    (void)at_us;
    if (!end->sock.mute && gets_through(end)) fail(end, MK_ERR_IO); /* a lost reset is not sent again */
    happened(end);
}

static void send_reset(stream_end_t *to, uint64_t now_us) {
    if (peer_of(to)->sock.mute && is_silent(peer_of(to))) return;
    later(to, now_us + mk_fake_latency(mk_fake_link_of(&to->sock.peer, &to->sock.local)), reset_arrives);
}

static void segment_arrives(void *arg, uint64_t at_us);

/* The first of the segments under way to `to` is the one that an event is due for. */
static void await_first(stream_end_t *to, uint64_t now_us) {
    if (to->first != NULL) later(to, to->first->due_us > now_us ? to->first->due_us : now_us, segment_arrives);
}

static void take_in(stream_end_t *to, uint64_t at_us) {
    segment_t *segment = to->first;
    if ((to->first = segment->next) == NULL) to->last = &to->first;
    if (to->state == CLOSED || to->state == FAILED || to->sock.mute) { /* what nobody reads any more */
        to->size -= segment->size;
        if (segment->size != 0) send_reset(peer_of(to), at_us);
    } else if (segment->size != 0) {
        to->arrived += segment->size;
    } else {
        to->ended = true;
    }
    mk_fake_free(segment);
    refresh(to);
    refresh(peer_of(to));
}

static void segment_arrives(void *arg, uint64_t at_us) {
    stream_end_t *to = arg, *from = peer_of(to);
    if (to->first == NULL || to->first->due_us > at_us) {
        /* Dropped meanwhile, and what came after it has an event of its own. */
    } else if (gets_through(to)) {
        to->stuck_us = 0;
        take_in(to, at_us);
        await_first(to, at_us);
    } else {
        if (to->stuck_us == 0) to->stuck_us = at_us;
        if (at_us - to->stuck_us < mk_fake_config.give_up_us) {
            to->first->due_us = at_us + RETRY_US;
            await_first(to, at_us);
        } else {
            drop_segments(to);
            fail(from, MK_ERR_TIMEOUT);
        }
    }
    happened(to);
}

static void send_segment(stream_end_t *to, size_t size) {
    const mk_fake_link_t *link = mk_fake_link_of(&to->sock.peer, &to->sock.local);
    segment_t            *segment = mk_fake_alloc(sizeof *segment);
    uint64_t              now_us = mk_fake.now_us, start_us = now_us;
    if (link->bytes_per_s != 0) {
        if (to->busy_us > start_us) start_us = to->busy_us;
        to->busy_us = start_us += (size + 40) * 1000000 / link->bytes_per_s;
    }
    segment->due_us = start_us + mk_fake_latency(link);
    segment->size = size;
    bool is_first = to->first == NULL;
    *to->last = segment;
    to->last = &segment->next;
    if (is_first) await_first(to, now_us);
}

/* ---- connecting ------------------------------------------------------------------------------------------------------------ */

static void connected(void *arg, uint64_t at_us) {
    stream_end_t *end = arg;
    if (end->state == CONNECTING && gets_through(end)) {
        end->state = OPEN;
        refresh(end);
    } else if (end->state == CLOSED) {
        send_reset(peer_of(end), at_us); /* gave up meanwhile */
    }
    happened(end);
}

static void refused(void *arg, uint64_t at_us) {
    stream_end_t *end = arg;
    (void)at_us;
    if (end->state == CONNECTING) fail(end, MK_ERR_IO);
    happened(end);
}

static void enqueue(listener_t *l, stream_end_t *end) {
    end->state = OPEN;
    end->listener = l;
    *l->last = end;
    l->last = &end->waiting;
    l->queued++;
    listener_refresh(l);
}

static void call_arrives(void *arg, uint64_t at_us) {
    stream_end_t         *to = arg, *from = peer_of(to);
    unsigned              host = to->sock.host;
    const mk_fake_link_t *back = mk_fake_link_of(&to->sock.local, &from->sock.local);
    const mk_fake_link_t *link = mk_fake_link_of(&from->sock.local, &to->sock.local);
    mk_fake_sock_t       *sock = mk_fake_bound(LISTENER, host, &to->sock.local);
    listener_t           *l = sock != NULL ? mk_container_of(sock, listener_t, sock) : NULL;
    bool                  lost = link->cut || back->cut || mk_fake_host_is_down(host) || is_silent(from);
    uint64_t              answer_us = at_us + mk_fake_latency(back);
    if (from->state != CONNECTING) {
        to->state = CLOSED; /* gave up before it arrived */
    } else if (!lost && (link->refused || l == NULL)) {
        to->state = CLOSED;
        later(from, answer_us, refused);
    } else if (!lost && l->queued < l->backlog) {
        enqueue(l, to);
        later(from, answer_us, connected);
    } else if (at_us - to->conn->began_us < mk_fake_config.give_up_us) {
        later(to, at_us + SYN_RETRY_US, call_arrives);
    } else {
        to->state = CLOSED;
        fail(from, MK_ERR_TIMEOUT);
    }
    happened(to);
}

/* To a path, as Linux does it: decided at once. */
static mk_err_t connect_path(conn_t *conn, const mk_addr_t *to) {
    mk_fake_sock_t *sock = mk_fake_bound(LISTENER, conn->end[0].sock.host, to);
    listener_t     *l = sock != NULL ? mk_container_of(sock, listener_t, sock) : NULL;
    if (l == NULL || mk_fake_link_of(&conn->end[0].sock.local, to)->refused) return MK_ERR_IO;
    if (l->queued == l->backlog) return MK_ERR_BUSY;
    mk_err_t err = mk_fake_open(&conn->end[0].sock);
    if (err != MK_OK) return err;
    enqueue(l, &conn->end[1]);
    conn->end[0].state = OPEN;
    refresh(&conn->end[0]);
    return MK_OK;
}

static mk_err_t connect_ip(conn_t *conn, const mk_addr_t *to) {
    stream_end_t *end = &conn->end[0];
    mk_err_t      err = mk_fake_open(&end->sock);
    if (err != MK_OK) return err;
    conn->end[1].state = CONNECTING;
    later(&conn->end[1], mk_fake.now_us + mk_fake_latency(mk_fake_link_of(&end->sock.local, to)), call_arrives);
    return MK_OK;
}

mk_err_t mk_sock_connect(const mk_addr_t *to, int *fd) {
    mk_addr_t local;
    unsigned  host = mk_fake_host();
    mk_fake_net_run();
    bool is_path = to->family == MK_FAMILY_UNIX;
    if (!is_path && to->family != MK_FAMILY_IPV4 && to->family != MK_FAMILY_IPV6) return MK_ERR_INVALID;
    if (is_path && to->path[0] == '\0') return MK_ERR_INVALID;
    if (mk_fake_host_is_down(host) || !mk_fake_source(host, to, &local)) return MK_ERR_IO; /* no way there */
    if (!is_path) local.port = mk_fake_next_port();
    conn_t *conn = mk_fake_alloc(sizeof *conn);
    conn->began_us = mk_fake.now_us;
    end_init(conn, 0, host, &local, to);
    end_init(conn, 1, mk_fake_host_of(to, host), to, &local);
    mk_err_t err = is_path ? connect_path(conn, to) : connect_ip(conn, to);
    if (err != MK_OK) {
        mk_fake_free(conn);
        return err;
    }
    mk_list_push(&conns, &conn->node);
    *fd = conn->end[0].sock.fd;
    return MK_OK;
}

mk_err_t mk_sock_outcome(int fd) {
    mk_fake_net_run();
    const stream_end_t *end = stream_of(fd);
    mk_assert(end->state != CONNECTING); /* asked before the descriptor was writable */
    return end->state == FAILED ? end->why : MK_OK;
}

/* ---- listening ------------------------------------------------------------------------------------------------------------- */

mk_err_t mk_sock_listen(const mk_addr_t *at, int backlog, int *fd, mk_addr_t *bound) {
    mk_fake_net_run();
    listener_t *l = mk_fake_alloc(sizeof *l);
    mk_err_t    err = mk_fake_bind(&l->sock, LISTENER, at);
    if (err != MK_OK) {
        mk_fake_free(l);
        return err;
    }
    l->backlog = backlog > 0 ? (unsigned)backlog : 1;
    l->last = &l->first;
    *fd = l->sock.fd;
    if (bound != NULL) *bound = l->sock.local;
    return MK_OK;
}

static stream_end_t *dequeue(listener_t *l) {
    stream_end_t *end = l->first;
    if (end == NULL) return NULL;
    if ((l->first = end->waiting) == NULL) l->last = &l->first;
    end->waiting = NULL;
    end->listener = NULL;
    l->queued--;
    listener_refresh(l);
    return end;
}

static void close_end(stream_end_t *end, bool reset);

mk_err_t mk_sock_accept(int fd, int *out, mk_addr_t *peer) {
    mk_fake_net_run();
    mk_fake_sock_t *sock = mk_fake_sock(fd);
    mk_assert(sock != NULL && sock->kind == LISTENER);
    listener_t *l = mk_container_of(sock, listener_t, sock);
    if (sock->mute) return MK_ERR_NOTFOUND;
    while (l->first != NULL && l->first->state == FAILED) close_end(dequeue(l), false); /* gave up */
    stream_end_t *end = l->first;
    if (end == NULL) return MK_ERR_NOTFOUND;
    mk_err_t err = mk_fake_should_fail(MK_FAKE_ACCEPT) ? MK_ERR_LIMIT : mk_fake_open(&end->sock);
    if (err != MK_OK) return err;
    dequeue(l);
    refresh(end);
    *out = end->sock.fd;
    if (peer != NULL) *peer = end->sock.peer;
    return MK_OK;
}

void mk_fake_listener_close(mk_fake_sock_t *sock) {
    listener_t   *l = mk_container_of(sock, listener_t, sock);
    stream_end_t *end;
    mk_list_remove(&sock->bound);
    mk_fake_shut(sock);
    while ((end = dequeue(l)) != NULL) close_end(end, true);
    mk_fake_free(l);
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------------- */

ptrdiff_t mk_sock_read(int fd, void *buf, size_t size) {
    mk_fake_net_run();
    stream_end_t *end = stream_of(fd);
    if (end->sock.mute || end->state == CONNECTING) return MK_IO_WAIT;
    size_t n = end->arrived < size ? end->arrived : size;
    if (n > mk_fake_config.read_max) n = mk_fake_config.read_max;
    if (n == 0) {
        if (end->state == FAILED) return MK_IO_FAILED;
        return end->ended || size == 0 ? 0 : MK_IO_WAIT;
    }
    memcpy(buf, end->bytes + end->at, n);
    end->at += n;
    end->size -= n;
    end->arrived -= n;
    if (end->size == 0) end->at = 0;
    refresh(end);
    refresh(peer_of(end));
    return (ptrdiff_t)n;
}

/* Room for `more` bytes behind those that are there. */
static uint8_t *reserve(stream_end_t *to, size_t more) {
    if (to->at + to->size + more > to->room) {
        size_t   room = to->size + more > 256 ? 2 * (to->size + more) : 512;
        uint8_t *bytes = mk_fake_alloc(room);
        if (to->size != 0) memcpy(bytes, to->bytes + to->at, to->size);
        mk_fake_free(to->bytes);
        to->bytes = bytes;
        to->room = room;
        to->at = 0;
    }
    return to->bytes + to->at + to->size;
}

static size_t put(stream_end_t *to, const mk_slice_t *slices, int n, size_t most) {
    size_t taken = 0;
    for (int i = 0; i < n && taken < most; i++) {
        size_t size = slices[i].size < most - taken ? slices[i].size : most - taken;
        if (size == 0) continue;
        memcpy(reserve(to, size), slices[i].data, size);
        to->size += size;
        taken += size;
    }
    return taken;
}

ptrdiff_t mk_sock_write(int fd, const mk_slice_t *slices, int n) {
    mk_fake_net_run();
    mk_assert(n <= MK_SOCK_SLICES_MAX);
    stream_end_t *end = stream_of(fd), *to = peer_of(end);
    size_t        room = to->size < mk_fake_config.stream_bytes ? mk_fake_config.stream_bytes - to->size : 0;
    if (end->state == FAILED || end->finished) return MK_IO_FAILED;
    if (end->state == CONNECTING || room == 0) return MK_IO_WAIT;
    if (room > mk_fake_config.write_max) room = mk_fake_config.write_max;
    size_t taken = put(to, slices, n, room);
    if (end->sock.mute) {
        to->size -= taken;
        return (ptrdiff_t)taken;
    }
    bool   is_slow = mk_fake_link_of(&end->sock.local, &to->sock.local)->bytes_per_s != 0;
    size_t piece = is_slow ? SEGMENT_BYTES : SIZE_MAX;
    for (size_t left = taken; left != 0;) {
        size_t size = left < piece ? left : piece;
        send_segment(to, size);
        left -= size;
    }
    refresh(end);
    return (ptrdiff_t)taken;
}

static void finish(stream_end_t *end) {
    if (end->state != OPEN || end->finished) return;
    end->finished = true;
    if (!end->sock.mute) send_segment(peer_of(end), 0);
    refresh(end);
}

void mk_sock_finish(int fd) {
    mk_fake_net_run();
    finish(stream_of(fd));
}

void mk_sock_tune(int fd) { (void)fd; } /* there is no Nagle, and a peer that vanished is noticed in any case */
void mk_sock_await_bytes(int listener) { (void)listener; }

/* ---- their end ------------------------------------------------------------------------------------------------------------- */

/* Whoever closes with unread bytes before him resets the connection. */
static void close_end(stream_end_t *end, bool reset) {
    stream_end_t *to = peer_of(end);
    if (end->sock.fd >= 0) mk_fake_shut(&end->sock);
    if (end->state == OPEN && !end->sock.mute) {
        if (reset) drop_segments(to);
        if (reset || end->arrived != 0) send_reset(to, mk_fake.now_us);
        else finish(end);
    }
    end->state = CLOSED;
    end->size -= end->arrived;
    end->arrived = 0;
    refresh(to);
    conn_check(end->conn);
}

void mk_fake_stream_close(mk_fake_sock_t *sock, bool reset) { close_end(end_of(sock), reset); }

void mk_fake_stream_break(mk_fake_sock_t *sock) {
    stream_end_t *end = end_of(sock);
    fail(end, MK_ERR_IO);
    fail(peer_of(end), MK_ERR_IO);
}

static void vanish(stream_end_t *end) {
    if (end->sock.mute) return;
    end->sock.mute = true;
    drop_segments(peer_of(end)); /* what it had sent is lost on the way */
    refresh(end);
}

void mk_fake_stream_vanish(mk_fake_sock_t *sock) {
    if (sock->kind == STREAM) {
        vanish(end_of(sock));
        /* A single end never comes back; a machine's may (mk_fake_restart). */
        if (!mk_fake_host_is_down(sock->host)) end_of(sock)->gone_us = mk_fake.now_us;
        return;
    }
    listener_t *l = mk_container_of(sock, listener_t, sock);
    for (stream_end_t *end = l->first; end != NULL; end = end->waiting) vanish(end);
}

void mk_fake_streams_reset(void) { conns = NULL; }

void mk_fake_streams_refresh(void) {
    for (mk_node_t *node = conns; node != NULL; node = node->next) {
        const conn_t *conn = mk_container_of(node, conn_t, node);
        for (int i = 0; i < 2; i++) refresh(&conn->end[i]);
    }
}

/* ---- whether the peer is still there -------------------------------------------------------------------------------------- */

static bool answers(const stream_end_t *end) {
    const stream_end_t *peer = peer_of(end);
    return gets_through(end) && gets_through(peer);
}

static void doubt_ends(void *arg, uint64_t at_us) {
    stream_end_t *end = arg;
    (void)at_us;
    if (end->state == OPEN && !end->sock.mute) {
        if (!answers(end)) fail(end, MK_ERR_TIMEOUT);
        else if (peer_of(end)->sock.mute) fail(end, MK_ERR_IO); /* it is up again and knows nothing of us */
    }
    happened(end);
}

/* After as long as a segment would be tried. What was cut is given up even if it healed and was cut again in between. */
void mk_fake_streams_doubt(void) {
    for (mk_node_t *node = conns; node != NULL; node = node->next) {
        conn_t *conn = mk_container_of(node, conn_t, node);
        for (int i = 0; i < 2; i++) {
            stream_end_t *end = &conn->end[i];
            if (end->state == OPEN && !end->sock.mute && !answers(end))
                later(end, mk_fake.now_us + mk_fake_config.give_up_us, doubt_ends);
        }
    }
}
