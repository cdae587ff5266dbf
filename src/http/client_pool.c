/* SPDX-License-Identifier: Apache-2.0 */
/* client_pool.c -- origins with their lines and idle connections, and the pump that brings both together. */
#include <string.h>

#include "base/mem.h"
#include "http/client_parts.h"

/* ---- origins ----------------------------------------------------------------------------------------------------- */

mk_origin_t *mk_pool_origin(mk_client_t *client, const char *key, size_t key_size, bool apart) {
    for (mk_node_t *node = client->origins; node != NULL; node = node->next) {
        mk_origin_t *origin = mk_container_of(node, mk_origin_t, all);
        if (origin->apart == apart && origin->key_size == key_size && memcmp(origin->key, key, key_size) == 0)
            return origin;
    }
    mk_origin_t *origin = mk_calloc(1, sizeof *origin + key_size);
    if (origin == NULL) return NULL;
    origin->client = client;
    origin->apart = apart;
    origin->key_size = key_size;
    if (key_size != 0) memcpy(origin->key, key, key_size);
    mk_list_push(&client->origins, &origin->all);
    return origin;
}

void mk_pool_drop_origin(mk_origin_t *origin) {
    if (origin->apart || origin->conns != 0 || origin->first != NULL) return;
    mk_list_remove(&origin->hungry);
    mk_list_remove(&origin->all);
    mk_free(origin);
}

/* Connections are interchangeable when they lead to the same place, the same way, with the same trust. */
static mk_origin_t *origin_of(mk_fetch_t *fetch) {
    mk_client_t *client = fetch->client;
    mk_buffer_t *key = &client->scratch;
    if (fetch->apart) return client->apart;
    mk_buffer_clear(key);
    mk_buffer_printf(key, "%d %d %p ", (int)fetch->route, fetch->url.secure, (void *)fetch->tls);
    mk_buffer_printf(key, "%s:%u ", fetch->url.host, fetch->url.port);
    if (fetch->route != MK_ROUTE_DIRECT) {
        mk_buffer_printf(key, "%s:%u ", fetch->proxy.host, fetch->proxy.port);
        if (fetch->proxy.user != NULL) mk_buffer_append(key, fetch->proxy.user, fetch->proxy.user_size);
    }
    return key->failed ? NULL : mk_pool_origin(client, (const char *)key->bytes, key->size, false);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

mk_err_t mk_pool_join(mk_fetch_t *fetch) {
    mk_origin_t *origin = origin_of(fetch);
    if (origin == NULL) return MK_ERR_NOMEM;
    fetch->origin = origin;
    fetch->state = MK_FETCH_IN_LINE;
    fetch->next = NULL;
    fetch->prev = origin->last;
    if (origin->last != NULL) origin->last->next = fetch;
    else origin->first = fetch;
    origin->last = fetch;
    mk_pool_look_at(origin);
    return MK_OK;
}

void mk_pool_leave_line(mk_fetch_t *fetch) {
    mk_origin_t *origin = fetch->origin;
    if (fetch->prev != NULL) fetch->prev->next = fetch->next;
    else origin->first = fetch->next;
    if (fetch->next != NULL) fetch->next->prev = fetch->prev;
    else origin->last = fetch->prev;
    fetch->prev = fetch->next = NULL;
}

/* ---- the pump ---------------------------------------------------------------------------------------------------- */

static mk_conn_t *idle_one(const mk_origin_t *origin) {
    return origin->idle != NULL ? mk_container_of(origin->idle, mk_conn_t, idle) : NULL;
}

/* Serves the first in line. False: nobody is, or there is no connection for it now. */
static bool serve_one(mk_origin_t *origin) {
    mk_fetch_t *fetch = origin->first;
    if (fetch == NULL) return false;
    mk_conn_t *conn = fetch->retried ? NULL : idle_one(origin);
    uint32_t   max = origin->client->per_host_max;
    if (conn == NULL && !origin->apart && origin->conns >= max) {
        /* A second attempt wants a new connection, and an idle one is in its place. */
        if (idle_one(origin) == NULL) return false;
        mk_conn_close(idle_one(origin));
    }
    mk_pool_leave_line(fetch);
    if (conn != NULL) mk_conn_use(conn, fetch);
    else mk_conn_open(fetch);
    return true;
}

static void pump(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_client_t *client = mk_container_of(deferred, mk_client_t, pump);
    (void)loop;
    while (client->hungry != NULL) { /* serving calls users, who may do anything */
        mk_origin_t *origin = mk_container_of(client->hungry, mk_origin_t, hungry);
        mk_list_remove(&origin->hungry);
        if (serve_one(origin)) mk_pool_look_at(origin);
        else mk_pool_drop_origin(origin);
    }
}

void mk_pool_look_at(mk_origin_t *origin) {
    if (origin->hungry.at == NULL) mk_list_push(&origin->client->hungry, &origin->hungry);
    mk_loop_defer(origin->client->loop, &origin->client->pump, pump);
}

/* ---- idle connections -------------------------------------------------------------------------------------------- */

static void on_idle_for_too_long(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    mk_conn_close(mk_container_of(timer, mk_conn_t, timer));
}

static void close_oldest(mk_client_t *client) {
    mk_conn_t *oldest = NULL;
    for (mk_node_t *node = client->conns; node != NULL; node = node->next) {
        mk_conn_t *conn = mk_container_of(node, mk_conn_t, all);
        if (conn->state == MK_CONN_IDLE && (oldest == NULL || conn->idle_us <= oldest->idle_us)) oldest = conn;
    }
    if (oldest != NULL) mk_conn_close(oldest);
}

void mk_pool_keep(mk_conn_t *conn) {
    mk_client_t *client = conn->client;
    conn->fetch = NULL;
    conn->state = MK_CONN_IDLE;
    conn->used = true;
    conn->scanned = 0;
    conn->idle_us = client->loop->now_us;
    conn->timer.fn = on_idle_for_too_long;
    mk_list_push(&conn->origin->idle, &conn->idle);
    client->idle_n++;
    mk_wheel_arm(&client->loop->wheel, &conn->timer, mk_loop_after_ms(client->loop, client->idle_ms));
    mk_pool_look_at(conn->origin);
    while (client->idle_n > client->idle_max) close_oldest(client);
}

void mk_pool_not_idle(mk_conn_t *conn) {
    mk_list_remove(&conn->idle);
    conn->client->idle_n--;
    mk_wheel_cancel(&conn->client->loop->wheel, &conn->timer);
}
