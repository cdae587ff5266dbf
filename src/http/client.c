/* SPDX-License-Identifier: Apache-2.0 */
/* client.c -- a client's beginning, end and configuration. */
#include <stdlib.h>

#include "base/mem.h"
#include "http/client_parts.h"
#include "microkernel/http.h"
#include "microkernel/services.h"

enum { PER_HOST_MAX = 6, IDLE_MAX = 32, IDLE_MS = 60000 };

static const char *environment(const char *name) { return getenv(name); }

void mk_client_pool(mk_client_t *client, uint32_t per_host_max, uint32_t idle_max, uint32_t idle_ms) {
    client->per_host_max = per_host_max != 0 ? per_host_max : PER_HOST_MAX;
    client->idle_max = idle_max != 0 ? idle_max : IDLE_MAX;
    client->idle_ms = idle_ms != 0 ? idle_ms : IDLE_MS;
    for (mk_node_t *node = client->origins; node != NULL; node = node->next)
        mk_pool_look_at(mk_container_of(node, mk_origin_t, all));
}

void mk_client_set_env(mk_client_t *client, mk_client_env_fn *env) { client->env = env != NULL ? env : environment; }

mk_err_t mk_client_create(mk_net_t *net, mk_client_t **out) {
    mk_client_t *client = mk_calloc(1, sizeof *client);
    if (client == NULL) return MK_ERR_NOMEM;
    client->net = net;
    client->loop = mk_net_loop(net);
    client->env = environment;
    mk_client_pool(client, 0, 0, 0);
    if ((client->apart = mk_pool_origin(client, "", 0, true)) == NULL) {
        mk_free(client);
        return MK_ERR_NOMEM;
    }
    *out = client;
    return MK_OK;
}

void mk_client_destroy(mk_client_t *client) {
    while (client->fetches != NULL) mk_fetch_free(mk_container_of(client->fetches, mk_fetch_t, all));
    while (client->conns != NULL) mk_conn_close(mk_container_of(client->conns, mk_conn_t, all));
    while (client->origins != NULL) {
        mk_origin_t *origin = mk_container_of(client->origins, mk_origin_t, all);
        origin->apart = false;
        mk_pool_drop_origin(origin);
    }
    mk_deferred_cancel(&client->pump);
    mk_trust_forget(client);
    socket_tls_release(client->trust);
    mk_buffer_free(&client->scratch);
    mk_free(client);
}

void mk_client_info(const mk_client_t *client, mk_client_info_t *out) {
    *out = (mk_client_info_t){.fetches = client->fetches_n, .idle = client->idle_n};
    for (const mk_node_t *node = client->fetches; node != NULL; node = node->next)
        if (mk_container_of(node, mk_fetch_t, all)->state == MK_FETCH_IN_LINE) out->waiting++;
    for (const mk_node_t *node = client->conns; node != NULL; node = node->next) {
        const mk_conn_t *conn = mk_container_of(node, mk_conn_t, all);
        if (conn->origin->apart) out->apart++;
        else if (conn->state != MK_CONN_IDLE) out->busy++;
    }
}

/* ---- a runtime's own --------------------------------------------------------------------------------------------- */

static void fini(runtime_t *rt, mk_room_t *room) {
    (void)rt;
    mk_client_destroy(mk_container_of(room, mk_client_t, room));
}

static const mk_room_ops_t room_ops = {"http client", fini, NULL};

mk_err_t mk_client_of(runtime_t *rt, mk_client_t **out) {
    mk_sockets_t *sockets;
    mk_room_t    *room = mk_room_find(rt, &room_ops);
    if (room != NULL) {
        *out = mk_container_of(room, mk_client_t, room);
        return MK_OK;
    }
    mk_client_t *client;
    mk_err_t     err = mk_sockets_open(rt, &sockets); /* attached first, it goes last */
    if (err == MK_OK) err = mk_client_create(sockets->net, &client);
    if (err != MK_OK) return err;
    if ((err = mk_room_attach(rt, &client->room, &room_ops)) != MK_OK) {
        mk_client_destroy(client);
        return err;
    }
    *out = client;
    return MK_OK;
}

void http_client_pool(runtime_t *rt, uint32_t per_host_max, uint32_t idle_max) {
    mk_client_t *client;
    mk_err_t     err = mk_client_of(rt, &client);
    if (err != MK_OK) actor_log(rt, MK_LOG_WARN, "http_client_pool: %s", mk_err_text(err));
    else mk_client_pool(client, per_host_max, idle_max, 0);
}
