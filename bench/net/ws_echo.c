/* SPDX-License-Identifier: Apache-2.0 */
/* ws_echo.c -- sends every WebSocket message back. Those that a slow reader has no room for wait, in order, for the word that it
 * has. */
#include <stdlib.h>

#include "bench.h"
#include "kit.h"
#include "serve.h"

enum { MESSAGES_MAX = 1 << 16 }; /* that wait; more of them close their connection */

typedef struct waiting {
    struct waiting *next;
    message_t      *msg;
} waiting_t;

static waiting_t *head, **tail = &head;
static size_t     waiting_n;

static http_conn_id_t id_of(const message_t *msg) { return ((const ws_message_payload_t *)msg->payload)->conn_id; }

static mk_err_t echo(runtime_t *rt, const message_t *msg) {
    const ws_message_payload_t *message = msg->payload;
    return actor_ws_try_send(rt, message->conn_id, message->is_binary, ws_message_data(message), message->data_size);
}

static bool waits(http_conn_id_t id) {
    for (const waiting_t *each = head; each != NULL; each = each->next)
        if (id_of(each->msg) == id) return true;
    return false;
}

static void keep(runtime_t *rt, message_t *msg) {
    waiting_t *waiting = waiting_n < MESSAGES_MAX ? malloc(sizeof *waiting) : NULL;
    if (waiting == NULL) {
        actor_http_close(rt, id_of(msg));
        return;
    }
    *waiting = (waiting_t){NULL, message_take(rt, msg)};
    *tail = waiting;
    tail = &waiting->next;
    waiting_n++;
}

/* Sends what waits for `id`, as far as there is room; without `send` it is thrown away. */
static void settle(runtime_t *rt, http_conn_id_t id, bool send) {
    for (waiting_t **at = &head, *each; (each = *at) != NULL;) {
        if (id_of(each->msg) != id) {
            at = &each->next;
            continue;
        }
        if (send && echo(rt, each->msg) == MK_ERR_FULL) return; /* told again when there is room */
        *at = each->next;
        if (each->next == NULL) tail = at;
        message_release(rt, each->msg);
        free(each);
        waiting_n--;
    }
}

static void handle(runtime_t *rt, message_t *msg) {
    switch (msg->type) {
    case MSG_HTTP_REQUEST: {
        http_conn_id_t id = ((const http_request_payload_t *)msg->payload)->conn_id;
        if (!actor_ws_accept(rt, id)) (void)actor_http_respond(rt, id, 426, NULL, 0, "WebSocket only\n", 15);
        return;
    }
    case MSG_WS_MESSAGE:
        if ((head != NULL && waits(id_of(msg))) || echo(rt, msg) == MK_ERR_FULL) keep(rt, msg);
        return;
    case MSG_HTTP_DRAINED: settle(rt, ((const http_conn_payload_t *)msg->payload)->conn_id, true); return;
    case MSG_WS_CLOSED: settle(rt, ((const ws_status_payload_t *)msg->payload)->conn_id, false); return;
    default: return;
    }
}

int main(int argc, char **argv) {
    serve((uint16_t)kit_number(argc, argv, 1, UINT16_MAX, SERVE_PORT, "[PORT]"), NULL, handle);
}
