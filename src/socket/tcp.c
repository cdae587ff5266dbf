/* SPDX-License-Identifier: Apache-2.0 */
/* tcp.c -- connections of actors. What was read lies in the owner's mailbox, a window's worth at most: reading pauses there and
 * goes on when half of it has been handled. Nothing is read before MSG_TCP_OPEN was. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/services.h"
#include "socket/sockets.h"

enum { WINDOW_BYTES = 65536, WINDOW_MESSAGES = 64 };

typedef struct tcp {
    mk_socket_t      socket;
    mk_stream_t      stream;
    mk_stream_kind_t kind;
    socket_tls_t    *tls;
    mk_addr_t        peer;
    socket_id_t      listener;
    bool             known;  /* its owner has handled MSG_TCP_OPEN                      */
    bool             opened; /* the stream has been                                     */
    bool             held;   /* its owner wants no more for now                         */
    bool             left;   /* the stream keeps bytes that there was no room for       */
    bool             ended;  /* the peer has; told when none are left                   */
    bool             over;   /* the stream is closed, `why` and `text` say how          */
    mk_err_t         why;
    char            *text; /* NULL: nothing to add                                    */
    size_t           window_bytes;
    uint32_t         window_messages, idle_ms;
    uint64_t         active_ms; /* when something came or was sent                        */
    mk_timer_t       idle;
} tcp_t;

static tcp_t *tcp_of(mk_stream_t *stream) { return mk_container_of(stream, tcp_t, stream); }

static tcp_t *tcp(mk_socket_t *socket) { return mk_container_of(socket, tcp_t, socket); }

static mk_loop_t *loop_of(const tcp_t *t) { return mk_runtime_loop(t->socket.room->rt); }

/* ---- messages ------------------------------------------------------------------------------------------------------ */

static message_t *closed_message(tcp_t *t) {
    tcp_closed_payload_t payload = {.id = t->socket.id, .error = (int32_t)t->why};
    if (t->text != NULL) memcpy(payload.text, t->text, strlen(t->text) + 1);
    return mk_socket_message(&t->socket, MSG_TCP_CLOSED, &payload, sizeof payload);
}

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    tcp_t             *t = tcp(socket);
    socket_payload_t   plain = {socket->id};
    tcp_open_payload_t open = {socket->id, t->listener, mk_socket_addr_of(&t->peer)};
    switch (owed) {
    case MK_OWED_OPEN: return mk_socket_message(socket, MSG_TCP_OPEN, &open, sizeof open);
    case MK_OWED_ENDED: return mk_socket_message(socket, MSG_TCP_ENDED, &plain, sizeof plain);
    case MK_OWED_DRAINED: return mk_socket_message(socket, MSG_TCP_DRAINED, &plain, sizeof plain);
    default: return closed_message(t);
    }
}

static void resume_if_half_empty(tcp_t *t) {
    if (t->known && !t->held && t->socket.waiting_bytes <= t->window_bytes / 2 &&
        t->socket.waiting <= t->window_messages / 2)
        mk_stream_resume(&t->stream);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    tcp_t *t = tcp(socket);
    if (msg->type == MSG_TCP_CLOSED) {
        socket->ops->destroy(socket);
        return;
    }
    if (msg->type == MSG_TCP_DATA) socket->waiting_bytes -= ((const tcp_data_payload_t *)msg->payload)->size;
    if (msg->type == MSG_TCP_OPEN) t->known = true;
    resume_if_half_empty(t);
}

static void go_on(mk_socket_t *socket) { resume_if_half_empty(tcp(socket)); }

/* ---- the stream's calls ---------------------------------------------------------------------------------------------- */

static void on_open(mk_stream_t *stream) {
    tcp_t *t = tcp_of(stream);
    t->opened = true;
    t->active_ms = loop_of(t)->now_us / 1000;
    mk_stream_pause(stream);
    (void)mk_stream_peer(stream, &t->peer);
    if (t->idle_ms != 0) mk_wheel_arm(&loop_of(t)->wheel, &t->idle, mk_loop_after_ms(loop_of(t), t->idle_ms));
    mk_socket_tell(&t->socket, MK_OWED_OPEN);
}

static bool window_is_full(const tcp_t *t) {
    return t->socket.waiting_bytes >= t->window_bytes || t->socket.waiting >= t->window_messages;
}

static bool tell_data(tcp_t *t, const uint8_t *bytes, size_t size) {
    tcp_data_payload_t head = {t->socket.id, (uint32_t)size};
    return mk_socket_send_data(&t->socket, MSG_TCP_DATA, &head, sizeof head, bytes, size);
}

static size_t on_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    tcp_t *t = tcp_of(stream);
    size_t used = 0, most = mk_runtime_payload_max(t->socket.room->rt) - sizeof(tcp_data_payload_t);
    t->active_ms = loop_of(t)->now_us / 1000;
    while (used < size && !window_is_full(t)) {
        size_t piece = size - used, room = t->window_bytes - t->socket.waiting_bytes;
        if (piece > room) piece = room;
        if (piece > most) piece = most;
        if (!tell_data(t, bytes + used, piece)) {
            mk_stream_pause(stream);
            mk_socket_starve(&t->socket);
            break;
        }
        used += piece;
    }
    if (window_is_full(t)) mk_stream_pause(stream);
    t->left = used < size;
    if (t->ended && !t->left) mk_socket_tell(&t->socket, MK_OWED_ENDED);
    return used;
}

static void on_end(mk_stream_t *stream) {
    tcp_t *t = tcp_of(stream);
    t->ended = true;
    if (!t->left) mk_socket_tell(&t->socket, MK_OWED_ENDED);
}

static void on_drained(mk_stream_t *stream) {
    tcp_t *t = tcp_of(stream);
    if (t->socket.owner != NULL) mk_socket_tell(&t->socket, MK_OWED_DRAINED);
}

/* The stream is over. An accepted one that never opened is nobody's concern. */
static void finish(tcp_t *t, mk_err_t why, const char *text) {
    mk_wheel_cancel(&loop_of(t)->wheel, &t->idle);
    if (t->socket.owner == NULL || (!t->opened && t->listener != SOCKET_ID_INVALID)) {
        t->socket.ops->destroy(&t->socket);
        return;
    }
    t->over = true;
    t->why = why;
    if (text[0] != '\0') t->text = mk_strndup(text, strnlen(text, SOCKET_TLS_WHY_BYTES - 1));
    t->socket.owed &= ~(uint32_t)MK_OWED_DRAINED;
    mk_socket_tell(&t->socket, MK_OWED_LAST);
}

static void on_closed(mk_stream_t *stream, mk_err_t why) { finish(tcp_of(stream), why, mk_stream_why(stream)); }

static const mk_stream_ops_t stream_ops = {on_open, on_data, on_end, on_drained, on_closed};

/* An actor that has not handled what came, or wants no more, is slow, not its peer. */
static void on_idle(mk_wheel_t *wheel, mk_timer_t *timer) {
    tcp_t   *t = mk_container_of(timer, tcp_t, idle);
    uint64_t due_ms = t->active_ms + t->idle_ms, now_ms = loop_of(t)->now_us / 1000;
    if (t->socket.waiting != 0 || t->held) due_ms = now_ms + t->idle_ms;
    if (due_ms > now_ms) {
        mk_wheel_arm(wheel, timer, due_ms);
        return;
    }
    mk_stream_close(&t->stream);
    finish(t, MK_ERR_TIMEOUT, "nothing came and nothing was sent");
}

/* ---- their life ---------------------------------------------------------------------------------------------------------- */

/* What was queued still goes out, and a peer that goes on sending does not make it lost. */
static void abandon(mk_socket_t *socket) {
    tcp_t *t = tcp(socket);
    mk_wheel_cancel(&loop_of(t)->wheel, &t->idle);
    if (t->over || !mk_stream_is_open(&t->stream)) socket->ops->destroy(socket);
    else mk_stream_finish_discarding(&t->stream);
}

static void destroy(mk_socket_t *socket) {
    tcp_t *t = tcp(socket);
    mk_wheel_cancel(&loop_of(t)->wheel, &t->idle);
    mk_stream_close(&t->stream);
    if (t->listener != SOCKET_ID_INVALID) mk_socket_listener_release(socket->room, t->listener);
    socket_tls_release(t->tls);
    mk_free(t->text);
    mk_socket_free(socket);
}

const mk_socket_ops_t mk_tcp_ops = {
    .news = news, .handled = handled, .go_on = go_on, .abandon = abandon, .destroy = destroy};

static tcp_t *create(mk_sockets_t *room, actor_t *owner, const tcp_limits_t *limits, socket_tls_t *tls) {
    tcp_t *t = mk_socket_create(room, owner, &mk_tcp_ops, sizeof *t);
    if (t == NULL) return NULL;
    t->kind = (mk_stream_kind_t){&stream_ops,
                                 {.connect_ms = limits->connect_ms,
                                  .handshake_ms = limits->handshake_ms,
                                  .write_ms = limits->write_ms,
                                  .finish_ms = limits->finish_ms,
                                  .queue_high = limits->queue_bytes}};
    t->window_bytes = limits->window_bytes != 0 ? limits->window_bytes : WINDOW_BYTES;
    t->window_messages = limits->window_messages != 0 ? limits->window_messages : WINDOW_MESSAGES;
    t->idle_ms = limits->idle_ms;
    t->idle.fn = on_idle;
    t->tls = mk_socket_tls_retain(tls);
    return t;
}

mk_err_t mk_tcp_accept(mk_sockets_t *room, actor_t *owner, socket_id_t listener, int fd, const mk_addr_t *peer,
                       const tcp_limits_t *limits, socket_tls_t *tls) {
    tcp_t *t = create(room, owner, limits, tls);
    if (t == NULL) {
        mk_sock_close(fd);
        return MK_ERR_NOMEM;
    }
    t->peer = *peer;
    t->listener = listener;
    mk_err_t err = mk_stream_adopt(room->net, &t->stream, &t->kind, fd, tls != NULL ? tls->engine : NULL,
                                   tls != NULL ? tls->context : NULL);
    if (err == MK_OK) return MK_OK;
    t->listener = SOCKET_ID_INVALID; /* the caller counts it out */
    destroy(&t->socket);
    return err;
}

mk_err_t actor_tcp_connect_opts(runtime_t *rt, const tcp_connect_options_t *options, socket_id_t *out) {
    mk_sockets_t *room;
    socket_tls_t *tls = options->tls;
    mk_assert(mk_runtime_running(rt) != NULL);
    if (tls != NULL && tls->server) return MK_ERR_INVALID;
    if (mk_runtime_payload_max(rt) <= sizeof(tcp_closed_payload_t)) return MK_ERR_TOOLONG; /* it could not be told */
    mk_err_t err = mk_sockets_open(rt, &room);
    if (err != MK_OK) return err;
    tcp_t *t = create(room, mk_runtime_running(rt), &options->limits, tls);
    if (t == NULL) return MK_ERR_NOMEM;
    mk_dial_options_t dial = {
        .host = options->host != NULL || options->path != NULL ? options->host : "127.0.0.1",
        .port = options->port,
        .path = options->path,
        .engine = tls != NULL ? tls->engine : NULL,
        .tls = tls != NULL ? tls->context : NULL,
        .tls_host = options->tls_host,
    };
    if ((err = mk_stream_dial(room->net, &t->stream, &t->kind, &dial)) != MK_OK) {
        destroy(&t->socket);
        return err;
    }
    *out = t->socket.id;
    return MK_OK;
}

socket_id_t actor_tcp_connect(runtime_t *rt, const char *host, uint16_t port) {
    tcp_connect_options_t options = {.host = host, .port = port};
    socket_id_t           id;
    mk_err_t              err = actor_tcp_connect_opts(rt, &options, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_WARN, "connecting to %s: %s", host != NULL ? host : "127.0.0.1", mk_err_text(err));
    return SOCKET_ID_INVALID;
}

/* ---- for their owners ---------------------------------------------------------------------------------------------------- */

static tcp_t *find(runtime_t *rt, socket_id_t id) {
    mk_socket_t *socket = mk_socket_find(rt, id, &mk_tcp_ops);
    return socket != NULL ? tcp(socket) : NULL;
}

static void was_active(tcp_t *t) {
    if (t->idle_ms != 0) t->active_ms = mk_loop_read_clock(loop_of(t)) / 1000;
}

mk_err_t actor_tcp_send(runtime_t *rt, socket_id_t id, const void *data, size_t size) {
    tcp_t *t = find(rt, id);
    if (t == NULL) return MK_ERR_NOTFOUND;
    was_active(t);
    return mk_stream_write(&t->stream, data, size);
}

static void release_buffer(void *owner) { message_buffer_release(owner); }

mk_err_t actor_tcp_send_buffer(runtime_t *rt, socket_id_t id, message_buffer_t *buf) {
    tcp_t *t = find(rt, id);
    if (t == NULL) return MK_ERR_NOTFOUND;
    was_active(t);
    return mk_stream_write_shared(&t->stream, message_buffer_data(buf), message_buffer_size(buf), release_buffer, buf);
}

mk_err_t actor_tcp_finish(runtime_t *rt, socket_id_t id) {
    tcp_t *t = find(rt, id);
    if (t == NULL) return MK_ERR_NOTFOUND;
    if (!mk_stream_is_open(&t->stream)) return MK_ERR_CLOSED;
    mk_stream_finish(&t->stream);
    return MK_OK;
}

mk_err_t actor_tcp_pause(runtime_t *rt, socket_id_t id, bool pause) {
    tcp_t *t = find(rt, id);
    if (t == NULL) return MK_ERR_NOTFOUND;
    if (!t->opened || t->over) return MK_ERR_CLOSED;
    t->held = pause;
    if (pause) mk_stream_pause(&t->stream);
    else resume_if_half_empty(t);
    return MK_OK;
}

mk_err_t actor_tcp_close(runtime_t *rt, socket_id_t id) {
    mk_socket_t *socket = mk_socket_find(rt, id, &mk_tcp_ops);
    if (socket == NULL) socket = mk_socket_find(rt, id, &mk_listener_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    mk_socket_leave(socket);
    return MK_OK;
}

mk_err_t actor_tcp_reset(runtime_t *rt, socket_id_t id) {
    tcp_t *t = find(rt, id);
    if (t == NULL) return MK_ERR_NOTFOUND;
    mk_stream_reset(&t->stream);
    t->over = true;
    mk_socket_leave(&t->socket);
    return MK_OK;
}

mk_err_t actor_tcp_give(runtime_t *rt, socket_id_t id, actor_id_t to) {
    tcp_t   *t = find(rt, id);
    actor_t *heir = mk_runtime_actor(rt, to);
    if (t == NULL || heir == NULL) return MK_ERR_NOTFOUND;
    if (!t->known || t->over) return MK_ERR_CLOSED;
    if (t->socket.waiting != 0 || t->socket.owed != 0) return MK_ERR_BUSY;
    mk_stream_pause(&t->stream);
    t->known = t->held = false;
    mk_socket_move(&t->socket, heir);
    mk_socket_tell(&t->socket, t->ended && !t->left ? MK_OWED_OPEN | MK_OWED_ENDED : MK_OWED_OPEN);
    return MK_OK;
}

/* ---- about them ------------------------------------------------------------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *text) {
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

bool mk_tcp_info(mk_socket_t *socket, socket_info_t *out) {
    tcp_t        *t = tcp(socket);
    mk_addr_t     local;
    mk_tls_info_t tls;
    if (t->over) return false;
    if (mk_stream_local(&t->stream, &local)) out->local = mk_socket_addr_of(&local);
    out->peer = mk_socket_addr_of(&t->peer);
    out->queued_bytes = mk_stream_queued(&t->stream);
    if (!t->opened || !mk_stream_tls_info(&t->stream, &tls)) return true;
    copy_text(out->tls_version, sizeof out->tls_version, tls.version);
    copy_text(out->tls_cipher, sizeof out->tls_cipher, tls.cipher);
    copy_text(out->tls_alpn, sizeof out->tls_alpn, tls.alpn);
    copy_text(out->tls_psk_name, sizeof out->tls_psk_name, tls.psk_name);
    copy_text(out->tls_peer, sizeof out->tls_peer, tls.peer_subject);
    return true;
}
