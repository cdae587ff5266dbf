/* SPDX-License-Identifier: Apache-2.0 */
/* actor_close.c -- the one call that ends whatever an actor has of HTTP: an exchange, a fetch, an event stream, a WebSocket. Each
 * record knows what that means for it. Sockets have ids of the same kind and calls of their own: a mix-up closes nothing. */
#include "microkernel/http.h"
#include "socket/sockets.h"

void actor_http_close(runtime_t *rt, http_conn_id_t id) {
    mk_socket_t *socket = mk_socket_find(rt, id, NULL);
    if (socket != NULL && socket->ops->of_http) mk_socket_leave(socket);
}
