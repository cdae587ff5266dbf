/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c -- names for actors. The record keeps the answer until it has been told. */
#include "base/assert.h"
#include "microkernel/services.h"
#include "socket/sockets.h"

typedef struct resolve {
    mk_socket_t        socket;
    mk_lookup_t       *lookup; /* NULL: answered */
    resolved_payload_t answer;
} resolve_t;

static resolve_t *resolve_of(mk_socket_t *socket) { return mk_container_of(socket, resolve_t, socket); }

static void on_answer(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    resolve_t *r = arg;
    r->lookup = NULL;
    r->answer.id = r->socket.id;
    r->answer.error = (int32_t)err;
    for (; err == MK_OK && r->answer.n < n && r->answer.n < RESOLVED_ADDRS_MAX; r->answer.n++)
        r->answer.addrs[r->answer.n] = mk_socket_addr_of(&addrs[r->answer.n]);
    mk_socket_tell(&r->socket, MK_OWED_LAST);
}

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    (void)owed;
    return mk_socket_message(socket, MSG_RESOLVED, &resolve_of(socket)->answer, sizeof(resolved_payload_t));
}

static void destroy(mk_socket_t *socket) {
    resolve_t *r = resolve_of(socket);
    if (r->lookup != NULL) mk_lookup_cancel(r->lookup);
    mk_socket_free(socket);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    (void)msg;
    destroy(socket);
}

const mk_socket_ops_t mk_resolve_ops = {.news = news, .handled = handled, .abandon = destroy, .destroy = destroy};

mk_err_t actor_resolve_within(runtime_t *rt, const char *host, uint32_t deadline_ms, socket_id_t *out) {
    mk_sockets_t *room;
    mk_assert(mk_runtime_running(rt) != NULL);
    if (mk_runtime_payload_max(rt) < sizeof(resolved_payload_t)) return MK_ERR_TOOLONG; /* it could not be told */
    mk_err_t err = mk_sockets_open(rt, &room);
    if (err != MK_OK) return err;
    resolve_t *r = mk_socket_create(room, mk_runtime_running(rt), &mk_resolve_ops, sizeof *r);
    if (r == NULL) return MK_ERR_NOMEM;
    if ((err = mk_lookup_start(room->net, host, deadline_ms, on_answer, r, &r->lookup)) != MK_OK) {
        r->lookup = NULL;
        destroy(&r->socket);
        return err;
    }
    *out = r->socket.id;
    return MK_OK;
}

socket_id_t actor_resolve(runtime_t *rt, const char *host) {
    socket_id_t id;
    mk_err_t    err = actor_resolve_within(rt, host, 0, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_WARN, "looking up %s: %s", host, mk_err_text(err));
    return SOCKET_ID_INVALID;
}
