/* SPDX-License-Identifier: Apache-2.0 */
/* actor_close.c -- the one call that ends whatever an actor has: an exchange, a fetch, an event stream, a WebSocket. Each record
 * knows what that means for it. */
#include "microkernel/http.h"
#include "socket/sockets.h"

void actor_http_close(runtime_t *rt, http_conn_id_t id) {
    mk_socket_t *socket = mk_socket_find(rt, id, NULL);
    if (socket != NULL) mk_socket_leave(socket);
}
