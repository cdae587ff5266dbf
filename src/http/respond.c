/* SPDX-License-Identifier: Apache-2.0 */
/* respond.c -- answers as actors give them. */
#include "http/server_parts.h"
#include "microkernel/services.h"

static mk_err_t find(runtime_t *rt, http_conn_id_t id, mk_http_exchange_t **out) {
    mk_socket_t *socket = mk_socket_find(rt, id, &mk_http_exchange_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    *out = mk_container_of(socket, mk_http_exchange_t, socket);
    return (*out)->conn != NULL ? MK_OK : MK_ERR_CLOSED;
}

bool actor_http_respond(runtime_t *rt, http_conn_id_t id, int status, const char *const *headers, size_t n,
                        const void *body, size_t size) {
    mk_http_exchange_t *ex;
    mk_err_t            err = find(rt, id, &ex);
    if (err == MK_OK) err = mk_http_exchange_respond(ex, status, headers, n, body, size);
    if (err == MK_OK) return true;
    int level = err == MK_ERR_CLOSED || err == MK_ERR_NOTFOUND ? MK_LOG_DEBUG : MK_LOG_WARN;
    actor_log(rt, level, "actor_http_respond: request %u: %s", (unsigned)id, mk_err_text(err));
    return false;
}

mk_err_t actor_http_respond_buffer(runtime_t *rt, http_conn_id_t id, int status, const char *const *headers, size_t n,
                                   message_buffer_t *body) {
    mk_http_exchange_t *ex;
    mk_err_t            err = find(rt, id, &ex);
    return err == MK_OK ? mk_http_exchange_respond_buffer(ex, status, headers, n, body) : err;
}

mk_err_t actor_http_respond_begin(runtime_t *rt, http_conn_id_t id, int status, const char *const *headers, size_t n,
                                  int64_t length) {
    mk_http_exchange_t *ex;
    mk_err_t            err = find(rt, id, &ex);
    return err == MK_OK ? mk_http_exchange_begin(ex, status, headers, n, length) : err;
}

mk_err_t actor_http_respond_write(runtime_t *rt, http_conn_id_t id, const void *data, size_t size) {
    mk_http_exchange_t *ex;
    mk_err_t            err = find(rt, id, &ex);
    return err == MK_OK ? mk_http_exchange_write(ex, data, size) : err;
}

mk_err_t actor_http_respond_end(runtime_t *rt, http_conn_id_t id) {
    mk_http_exchange_t *ex;
    mk_err_t            err = find(rt, id, &ex);
    if (err != MK_OK) return err;
    if (ex->answer != MK_ANSWER_BEGUN) return MK_ERR_CLOSED;
    mk_http_exchange_end(ex);
    return MK_OK;
}
