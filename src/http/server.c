/* SPDX-License-Identifier: Apache-2.0 */
/* server.c -- listeners of HTTP: what they are told, their routes, and how they stop. A server lives until its last connection
 * has ended; its actor's end is its own, too. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/server_parts.h"
#include "microkernel/services.h"

/* ---- the room ------------------------------------------------------------------------------------------------------ */

static void destroy_server(mk_http_server_t *server);

static void fini(runtime_t *rt, mk_room_t *room) {
    mk_http_servers_t *servers = mk_container_of(room, mk_http_servers_t, room);
    mk_node_t         *node;
    (void)rt;
    while ((node = servers->all) != NULL) {
        mk_http_server_t *server = mk_container_of(node, mk_http_server_t, all);
        server->stopping = false; /* so that it is not freed with its last connection */
        while ((node = server->conns) != NULL) mk_http_conn_destroy(mk_container_of(node, mk_http_conn_t, all));
        destroy_server(server);
    }
    mk_buffer_free(&servers->head);
    mk_buffer_free(&servers->path);
    mk_buffer_free(&servers->allow);
    mk_free(servers);
}

static bool admit(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    (void)rt;
    return mk_http_request_admit(mk_container_of(room, mk_http_servers_t, room), actor, msg, tag);
}

static const mk_room_ops_t room_ops = {"http-server", fini, admit};

static mk_err_t open_room(runtime_t *rt, mk_http_servers_t **out) {
    mk_room_t *found = mk_room_find(rt, &room_ops);
    if (found != NULL) {
        *out = mk_container_of(found, mk_http_servers_t, room);
        return MK_OK;
    }
    mk_sockets_t *sockets; /* comes first, so that it goes last */
    mk_err_t      err = mk_sockets_open(rt, &sockets);
    if (err != MK_OK) return err;
    mk_http_servers_t *room = mk_calloc(1, sizeof *room);
    if (room == NULL) return MK_ERR_NOMEM;
    if ((err = mk_room_attach(rt, &room->room, &room_ops)) != MK_OK) {
        mk_free(room);
        return err;
    }
    room->rt = rt;
    room->sockets = sockets;
    *out = room;
    return MK_OK;
}

/* ---- servers --------------------------------------------------------------------------------------------------------- */

static mk_http_server_t *server_of(mk_socket_t *socket) { return mk_container_of(socket, mk_http_server_t, socket); }

static void destroy_server(mk_http_server_t *server) {
    mk_listener_close(&server->listener);
    mk_list_remove(&server->all);
    mk_http_router_fini(&server->router);
    socket_tls_release(server->options.tls);
    mk_socket_free(&server->socket);
}

void mk_http_server_release(mk_http_server_t *server) {
    if (server->conns_n-- == server->options.limits.connections_max) mk_listener_resume(&server->listener);
    if (server->stopping && server->conns_n == 0) destroy_server(server);
}

/* Connections may end in it, the last one with the server. */
static void stop(mk_http_server_t *server) {
    if (server->stopping) return;
    mk_listener_close(&server->listener);
    server->stopping = true;
    server->conns_n++; /* ours */
    for (mk_node_t *node = server->conns, *next; node != NULL; node = next) {
        next = node->next;
        mk_http_conn_stop(mk_container_of(node, mk_http_conn_t, all));
    }
    mk_http_server_release(server);
}

static void abandon(mk_socket_t *socket) { stop(server_of(socket)); }

static void destroy(mk_socket_t *socket) { destroy_server(server_of(socket)); }

static const mk_socket_ops_t server_ops = {.abandon = abandon, .destroy = destroy};

static void on_accept(mk_listener_t *listener, int fd, const mk_addr_t *peer) {
    (void)peer;
    mk_http_conn_accept(mk_container_of(listener, mk_http_server_t, listener), fd);
}

/* ---- listening --------------------------------------------------------------------------------------------------------- */

static void or_else(uint32_t *value, uint32_t otherwise) {
    if (*value == 0) *value = otherwise;
}

static void complete(http_limits_t *limits) {
    or_else(&limits->connections_max, 1024);
    or_else(&limits->header_bytes_max, MK_HTTP_HEAD_BYTES);
    or_else(&limits->headers_max, MK_HTTP_FIELDS);
    or_else(&limits->target_bytes_max, MK_HTTP_TARGET_BYTES);
    if (limits->body_bytes_max == 0) limits->body_bytes_max = 1048576;
    or_else(&limits->pipeline_max, 32);
    if (limits->pipeline_max > UINT16_MAX) limits->pipeline_max = UINT16_MAX;
    or_else(&limits->header_ms, 10000);
    or_else(&limits->idle_ms, 60000);
    or_else(&limits->body_ms, 30000);
    or_else(&limits->write_ms, 30000);
    or_else(&limits->handshake_ms, 10000);
    or_else(&limits->respond_ms, 60000);
    or_else(&limits->queue_bytes, 262144);
    or_else(&limits->ws_message_bytes_max, 1048576);
}

static void configure(mk_http_server_t *server, mk_http_servers_t *room, const http_listen_options_t *options,
                      const http_limits_t *limits) {
    server->room = room;
    server->options = *options;
    server->options.limits = *limits;
    server->options.host = server->options.path = NULL;
    mk_socket_tls_retain(options->tls);
    server->head_limits = (mk_http_limits_t){.head_bytes_max = limits->header_bytes_max,
                                             .fields_max = limits->headers_max,
                                             .target_bytes_max = limits->target_bytes_max};
    server->kind = (mk_stream_kind_t){
        &mk_http_conn_ops,
        {.handshake_ms = limits->handshake_ms, .write_ms = limits->write_ms, .queue_high = limits->queue_bytes}};
}

mk_err_t actor_http_listen_opts(runtime_t *rt, const http_listen_options_t *options, uint16_t *port_out) {
    mk_http_servers_t *room;
    mk_addr_t          at;
    http_limits_t      limits = options->limits;
    mk_assert(mk_runtime_running(rt) != NULL);
    complete(&limits);
    if (options->tls != NULL && !options->tls->server) return MK_ERR_INVALID;
    if (mk_runtime_payload_max(rt) <= sizeof(http_error_payload_t)) return MK_ERR_TOOLONG; /* nothing could be told */
    mk_err_t err = mk_socket_place(options->host, options->port, options->path, &at);
    if (err != MK_OK || (err = open_room(rt, &room)) != MK_OK) return err;
    mk_http_server_t *server = mk_socket_create(room->sockets, mk_runtime_running(rt), &server_ops,
                                                sizeof *server + limits.headers_max * sizeof(mk_http_field_t));
    if (server == NULL) return MK_ERR_NOMEM;
    configure(server, room, options, &limits);
    if ((err = mk_listener_open(room->sockets->net, &server->listener, &at, on_accept)) != MK_OK) {
        destroy_server(server);
        return err;
    }
    mk_sock_await_bytes(server->listener.watch.fd);
    mk_list_push(&room->all, &server->all);
    server->port = server->listener.at.port;
    if (port_out != NULL) *port_out = server->port;
    return MK_OK;
}

bool actor_http_listen(runtime_t *rt, uint16_t port) {
    http_listen_options_t options = {.port = port};
    mk_err_t              err = actor_http_listen_opts(rt, &options, NULL);
    if (err == MK_OK) return true;
    actor_log(rt, MK_LOG_WARN, "listening for HTTP at port %u: %s", (unsigned)port, mk_err_text(err));
    return false;
}

static mk_http_server_t *find(runtime_t *rt, uint16_t port) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    actor_t   *running = mk_runtime_running(rt);
    if (room == NULL || running == NULL) return NULL;
    for (mk_node_t *node = mk_container_of(room, mk_http_servers_t, room)->all; node != NULL; node = node->next) {
        mk_http_server_t *server = mk_container_of(node, mk_http_server_t, all);
        if (server->socket.owner == running && server->port == port && !server->stopping) return server;
    }
    return NULL;
}

bool actor_http_unlisten(runtime_t *rt, uint16_t port) {
    mk_http_server_t *server = find(rt, port);
    if (server != NULL) stop(server);
    return server != NULL;
}

mk_err_t actor_http_listen_tls(runtime_t *rt, uint16_t port, socket_tls_t *tls) {
    mk_http_server_t *server = find(rt, port);
    if (server == NULL) return MK_ERR_NOTFOUND;
    if (tls == NULL || !tls->server) return MK_ERR_INVALID;
    socket_tls_t *before = server->options.tls;
    server->options.tls = mk_socket_tls_retain(tls);
    socket_tls_release(before);
    return MK_OK;
}

/* ---- routes -------------------------------------------------------------------------------------------------------------- */

static mk_err_t add_route(runtime_t *rt, uint16_t port, const char *method, const char *pattern,
                          const mk_http_target_t *target) {
    mk_http_server_t *server = find(rt, port);
    return server != NULL ? mk_http_router_add(&server->router, method, pattern, target) : MK_ERR_NOTFOUND;
}

mk_err_t actor_http_route(runtime_t *rt, uint16_t port, const char *method, const char *pattern,
                          const char *actor_name) {
    return add_route(rt, port, method, pattern, &(mk_http_target_t){.actor = actor_name});
}

mk_err_t actor_http_route_handler(runtime_t *rt, uint16_t port, const char *method, const char *pattern,
                                  http_handler_fn handler, void *arg) {
    return add_route(rt, port, method, pattern, &(mk_http_target_t){.handler = handler, .arg = arg});
}

mk_err_t mk_http_route_service(runtime_t *rt, uint16_t port, const char *method, const char *pattern,
                               mk_http_serve_fn *serve, void (*release)(void *arg), void *arg) {
    return add_route(rt, port, method, pattern, &(mk_http_target_t){.serve = serve, .release = release, .arg = arg});
}
