/* SPDX-License-Identifier: Apache-2.0 */
/* server_conn.c -- a connection of a server: what comes is cut into heads and bodies, deadlines, and how it ends. Behind a
 * request that is wrong, or the last one, nothing is taken for a request any more: the connection is deaf. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/server_parts.h"

static mk_http_conn_t *conn_of(mk_stream_t *stream) { return mk_container_of(stream, mk_http_conn_t, stream); }

/* ---- deadlines ----------------------------------------------------------------------------------------------------- */

static uint64_t min_of(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* When it is too late for the actor; UINT64_MAX: nothing is asked of one. As long as a body is coming it need not answer. */
static uint64_t answer_due_ms(const mk_http_conn_t *conn, const mk_http_exchange_t *ex) {
    if (ex->answer != MK_ANSWER_NONE || ex->socket.owner == NULL) return UINT64_MAX;
    return (ex == conn->reading ? conn->since_ms : ex->asked_ms) + conn->server->options.limits.respond_ms;
}

/* When the earliest of its deadlines is; UINT64_MAX: it has none. Whoever is made to wait by us is not late. */
static uint64_t due_ms(const mk_http_conn_t *conn) {
    const http_limits_t *limits = &conn->server->options.limits;
    uint64_t             due = UINT64_MAX;
    if (conn->session != NULL || conn->finishing) return due;
    if (conn->pauses == 0 && conn->in_head) due = conn->since_ms + limits->header_ms;
    else if (conn->pauses == 0 && conn->reading != NULL) due = conn->since_ms + limits->body_ms;
    else if (conn->pauses == 0 && conn->first == NULL) due = conn->since_ms + limits->idle_ms;
    for (const mk_http_exchange_t *ex = conn->first; ex != NULL; ex = ex->next)
        due = min_of(due, answer_due_ms(conn, ex));
    return min_of(due, mk_http_conn_probe_due_ms(conn));
}

void mk_http_conn_watch(mk_http_conn_t *conn, uint32_t ms) {
    mk_loop_t *loop = mk_http_loop(conn);
    uint64_t   due = mk_loop_after_ms(loop, ms);
    if (!mk_timer_is_armed(&conn->timer) || conn->timer.due_ms > due) mk_wheel_arm(&loop->wheel, &conn->timer, due);
}

static void watch_again(mk_http_conn_t *conn) {
    uint64_t due = due_ms(conn);
    if (due != UINT64_MAX) mk_wheel_arm(&mk_http_loop(conn)->wheel, &conn->timer, due);
}

/* Actors that have not answered in time. The connection may go on, so others of the line may be gone after each. */
static void refuse_late_ones(mk_http_conn_t *conn, uint64_t now_ms) {
    mk_http_exchange_t *ex = conn->first;
    while (ex != NULL) {
        bool late = answer_due_ms(conn, ex) <= now_ms;
        if (late) mk_socket_leave(&ex->socket);
        ex = late ? conn->first : ex->next;
    }
}

static void enter(mk_http_conn_t *conn) { conn->depth++; }

/* Its server lives as long as one of its connections does. */
static void let_go(mk_http_conn_t *conn) {
    mk_http_server_t *server = conn->server;
    mk_pool_free(mk_runtime_pool(server->room->rt), conn);
    mk_http_server_release(server);
}

static void leave(mk_http_conn_t *conn) {
    if (--conn->depth == 0 && conn->dead) let_go(conn);
}

static void on_timer(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_http_conn_t      *conn = mk_container_of(timer, mk_http_conn_t, timer);
    const http_limits_t *limits = &conn->server->options.limits;
    uint64_t             now_ms = mk_http_now_ms(conn);
    (void)wheel;
    if (due_ms(conn) > now_ms) {
        watch_again(conn);
        return;
    }
    enter(conn);
    bool reads = conn->pauses == 0;
    if (reads && conn->in_head && conn->since_ms + limits->header_ms <= now_ms)
        mk_http_conn_refuse(conn, 408, "the head of the request took too long");
    else if (reads && conn->reading != NULL && conn->since_ms + limits->body_ms <= now_ms) {
        if (mk_http_request_abort(conn)) mk_http_conn_refuse(conn, 408, "the body of the request took too long");
    } else if (reads && conn->first == NULL && conn->since_ms + limits->idle_ms <= now_ms) mk_http_conn_finish(conn);
    if (!conn->dead) refuse_late_ones(conn, now_ms);
    if (!conn->dead && !conn->finishing && mk_http_conn_probe_due_ms(conn) <= now_ms) mk_http_conn_probe(conn);
    if (!conn->dead && !mk_timer_is_armed(&conn->timer)) watch_again(conn);
    leave(conn);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

void mk_http_conn_pause(mk_http_conn_t *conn, uint8_t why) {
    conn->pauses |= why;
    mk_stream_pause(&conn->stream);
}

void mk_http_conn_resume(mk_http_conn_t *conn, uint8_t why) {
    if ((conn->pauses & why) == 0) return;
    conn->pauses &= (uint8_t)~why;
    if (conn->pauses != 0) return;
    conn->since_ms = mk_http_now_ms(conn); /* the time that we let it wait is not its own */
    if (!conn->finishing) watch_again(conn);
    mk_stream_resume(&conn->stream);
}

/* The field array is one for all: a head is used up before the next is read. */
static size_t take_head(mk_http_conn_t *conn, const uint8_t *bytes, size_t size) {
    mk_http_server_t *server = conn->server;
    mk_http_request_t request;
    mk_http_wrong_t   wrong;
    size_t            used;
    if (conn->line >= server->options.limits.pipeline_max) { /* the body of the last one would still be read */
        mk_http_conn_pause(conn, MK_PAUSE_LINE);
        return 0;
    }
    request.fields = (mk_http_fields_t){.at = server->fields, .cap = server->options.limits.headers_max};
    mk_http_step_t step =
        mk_http_request_parse(bytes, size, &server->head_limits, &conn->scanned, &request, &used, &wrong);
    if (step == MK_HTTP_WRONG) {
        mk_http_conn_refuse(conn, wrong.status, wrong.why);
        return size;
    }
    if (step == MK_HTTP_MORE) {
        if (conn->in_head) return 0;
        conn->in_head = true;
        conn->since_ms = mk_http_now_ms(conn);
        mk_http_conn_watch(conn, server->options.limits.header_ms);
        return 0;
    }
    conn->scanned = 0;
    conn->in_head = false;
    if (conn->first != NULL && mk_ws_is_asked_for(&request)) { /* comes again when it is alone */
        mk_http_conn_pause(conn, MK_PAUSE_ALONE);
        return 0;
    }
    mk_http_request_begin(conn, &request);
    return used;
}

static size_t on_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    mk_http_conn_t *conn = conn_of(stream);
    size_t          used = 0;
    if (conn->session != NULL) return conn->session->ops->data(conn->session, bytes, size);
    enter(conn);
    while (used < size && !conn->dead && (conn->pauses == 0 || conn->deaf)) {
        size_t n;
        if (conn->reading != NULL) n = mk_http_request_body(conn, bytes + used, size - used);
        else if (!conn->deaf) n = take_head(conn, bytes + used, size - used);
        else n = size - used, conn->curt = false;
        if (n == 0) break;
        used += n;
    }
    leave(conn);
    return used;
}

/* Its end has come: when to ask whether it is still there. */
static void probe_later(mk_http_conn_t *conn) {
    uint64_t now_ms = mk_http_now_ms(conn), due;
    conn->probing = true;
    due = mk_http_conn_probe_due_ms(conn);
    if (due <= now_ms) mk_http_conn_probe(conn);
    else if (due != UINT64_MAX) mk_http_conn_watch(conn, (uint32_t)(due - now_ms));
}

/* Whoever has sent whole requests and then its end still gets the answers, unless it shows to be gone. */
static void on_end(mk_stream_t *stream) {
    mk_http_conn_t *conn = conn_of(stream);
    if (conn->session != NULL) {
        conn->session->ops->end(conn->session);
        return;
    }
    enter(conn);
    conn->deaf = conn->curt = true;
    conn->in_head = false;
    if (conn->reading == NULL || mk_http_request_abort(conn)) {
        if (conn->first == NULL) mk_http_conn_advance(conn);
        else probe_later(conn);
    }
    leave(conn);
}

static void on_drained(mk_stream_t *stream) {
    mk_http_conn_t *conn = conn_of(stream);
    if (conn->session != NULL) {
        conn->session->ops->drained(conn->session);
        return;
    }
    enter(conn);
    mk_http_conn_resume(conn, MK_PAUSE_FULL);
    mk_http_conn_advance(conn);
    leave(conn);
}

static void on_open(mk_stream_t *stream) {
    mk_http_conn_t *conn = conn_of(stream);
    conn->since_ms = mk_http_now_ms(conn);
    mk_http_conn_watch(conn, conn->server->options.limits.idle_ms);
}

static void on_closed(mk_stream_t *stream, mk_err_t why) {
    mk_http_conn_t *conn = conn_of(stream);
    if (conn->session != NULL) conn->session->ops->closed(conn->session, why);
    else mk_http_conn_over(conn);
}

const mk_stream_ops_t mk_http_conn_ops = {on_open, on_data, on_end, on_drained, on_closed};

/* ---- beginning and end -------------------------------------------------------------------------------------------------- */

void mk_http_conn_accept(mk_http_server_t *server, int fd) {
    mk_http_conn_t *conn = mk_pool_alloc(mk_runtime_pool(server->room->rt), sizeof *conn);
    if (conn == NULL) {
        mk_sock_close(fd);
        return;
    }
    memset(conn, 0, sizeof *conn);
    conn->server = server;
    conn->tls = mk_socket_tls_retain(server->options.tls);
    conn->timer.fn = on_timer;
    mk_list_push(&server->conns, &conn->all);
    server->conns_n++;
    if (server->conns_n >= server->options.limits.connections_max) mk_listener_pause(&server->listener);
    mk_err_t err =
        mk_stream_adopt(server->room->sockets->net, &conn->stream, &server->kind, fd,
                        conn->tls != NULL ? conn->tls->engine : NULL, conn->tls != NULL ? conn->tls->context : NULL);
    if (err != MK_OK) mk_http_conn_over(conn);
}

/* Out of its server, and freed when nobody needs it any more. */
static void end(mk_http_conn_t *conn) {
    mk_wheel_cancel(&mk_http_loop(conn)->wheel, &conn->timer);
    mk_list_remove(&conn->all);
    socket_tls_release(conn->tls);
    conn->tls = NULL;
    conn->dead = true;
    if (conn->depth == 0) let_go(conn);
}

static void orphan_all(mk_http_conn_t *conn) {
    mk_http_exchange_t *ex;
    conn->reading = NULL;
    while ((ex = conn->first) != NULL) {
        conn->first = ex->next;
        mk_http_exchange_orphan(ex);
    }
    conn->last = NULL;
    conn->line = 0;
}

void mk_http_conn_over(mk_http_conn_t *conn) {
    if (conn->dead) return;
    orphan_all(conn);
    end(conn);
}

void mk_http_conn_destroy(mk_http_conn_t *conn) {
    mk_http_session_t *session = conn->session;
    mk_stream_close(&conn->stream);
    conn->session = NULL;
    mk_http_conn_over(conn);
    if (session != NULL) {
        session->conn = NULL;
        session->ops->destroy(session);
    }
}

/* A peer that has asked for its answer to be the last sends no more, and is not waited for. */
void mk_http_conn_finish(mk_http_conn_t *conn) {
    if (conn->finishing) return;
    conn->finishing = conn->deaf = true;
    if (conn->curt) mk_stream_finish_closing(&conn->stream);
    else mk_stream_finish_discarding(&conn->stream);
}

void mk_http_conn_cut(mk_http_conn_t *conn, bool hard) {
    conn->finishing = conn->deaf = true;
    orphan_all(conn);
    if (hard) {
        mk_stream_reset(&conn->stream);
        mk_http_conn_over(conn);
    } else {
        mk_stream_finish_closing(&conn->stream);
    }
}

void mk_http_conn_refuse(mk_http_conn_t *conn, int status, const char *why) {
    if (conn->finishing || conn->wrong.status != 0) return;
    conn->wrong = (mk_http_wrong_t){status, why};
    conn->deaf = true;
    conn->in_head = false;
    if (conn->first == NULL) mk_http_conn_advance(conn);
}

void mk_http_conn_stop(mk_http_conn_t *conn) {
    if (conn->session != NULL) {
        conn->session->ops->stop(conn->session);
        return;
    }
    if (!mk_stream_is_open(&conn->stream)) { /* in its handshake: nothing was asked */
        mk_stream_close(&conn->stream);
        mk_http_conn_over(conn);
        return;
    }
    if (conn->in_head || conn->reading != NULL) return; /* what has begun to come is answered */
    conn->deaf = true;
    if (conn->first == NULL) mk_http_conn_finish(conn);
}

/* ---- sessions --------------------------------------------------------------------------------------------------------------- */

mk_err_t mk_http_exchange_upgrade(mk_http_exchange_t *ex, const void *head, size_t size, mk_socket_t *heir,
                                  mk_http_session_t *session, const mk_http_session_ops_t *ops) {
    mk_http_conn_t *conn = ex->conn;
    if (conn == NULL || conn->first != ex || ex->next != NULL || conn->reading == ex || conn->finishing ||
        ex->answer != MK_ANSWER_NONE)
        return MK_ERR_CLOSED;
    mk_err_t err = mk_stream_write(&conn->stream, head, size);
    if (err != MK_OK) return err == MK_ERR_FULL ? MK_ERR_NOMEM : err;
    mk_socket_inherit(heir, &ex->socket);
    *session = (mk_http_session_t){ops, conn, &conn->stream};
    conn->session = session;
    mk_wheel_cancel(&mk_http_loop(conn)->wheel, &conn->timer);
    mk_http_exchange_destroy(ex);
    conn->pauses = 0;
    mk_stream_resume(&conn->stream);
    return MK_OK;
}

void mk_http_session_over(mk_http_session_t *session) {
    mk_http_conn_t *conn = session->conn;
    if (conn == NULL) return;
    session->conn = NULL;
    session->stream = NULL;
    conn->session = NULL;
    mk_stream_close(&conn->stream);
    mk_http_conn_over(conn);
}
