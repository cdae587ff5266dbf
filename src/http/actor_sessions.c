/* SPDX-License-Identifier: Apache-2.0 */
/* actor_sessions.c -- see actor_sessions.h. */
#include "http/actor_sessions.h"

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/services.h"

static void fini(runtime_t *rt, mk_room_t *room) {
    mk_sessions_t *sessions = mk_container_of(room, mk_sessions_t, room);
    (void)rt;
    mk_websocket_kind_fini(&sessions->websockets);
    mk_sse_push_kind_fini(&sessions->pushes);
    mk_free(sessions);
}

static const mk_room_ops_t room_ops = {"http sessions", fini, NULL};

mk_err_t mk_sessions_open(runtime_t *rt, mk_sessions_t **out) {
    mk_sockets_t *sockets;
    mk_room_t    *room = mk_room_find(rt, &room_ops);
    if (room != NULL) {
        *out = mk_container_of(room, mk_sessions_t, room);
        return MK_OK;
    }
    mk_err_t err = mk_sockets_open(rt, &sockets);
    if (err != MK_OK) return err;
    mk_sessions_t *sessions = mk_calloc(1, sizeof *sessions);
    if (sessions == NULL) return MK_ERR_NOMEM;
    if ((err = mk_room_attach(rt, &sessions->room, &room_ops)) != MK_OK) {
        mk_free(sessions);
        return err;
    }
    sessions->sockets = sockets;
    mk_websocket_kind_init(&sessions->websockets, &mk_actor_ws_ops);
    mk_sse_push_kind_init(&sessions->pushes, &mk_actor_push_ops);
    *out = sessions;
    return MK_OK;
}

bool mk_session_logged(runtime_t *rt, const char *call, http_conn_id_t id, mk_err_t err) {
    if (err == MK_OK) return true;
    int level = err == MK_ERR_FULL || err == MK_ERR_CLOSED ? MK_LOG_DEBUG : MK_LOG_WARN;
    actor_log(rt, level, "%s: %u: %s", call, (unsigned)id, mk_err_text(err));
    return false;
}
