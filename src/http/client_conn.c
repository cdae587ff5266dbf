/* SPDX-License-Identifier: Apache-2.0 */
/* client_conn.c -- a connection from its dialling to its end: what its stream says goes to the fetch it serves. */
#include "base/assert.h"
#include "base/mem.h"
#include "http/client_parts.h"
#include "http/codec/message.h"

enum { INTERIMS_MAX = 8 };

static mk_conn_t *conn_of(mk_stream_t *stream) { return mk_container_of(stream, mk_conn_t, stream); }

/* Whom it is connected to, or was to be. */
static const mk_url_t *where(const mk_fetch_t *fetch) {
    return fetch->route == MK_ROUTE_DIRECT ? &fetch->url : &fetch->proxy;
}

void mk_conn_close(mk_conn_t *conn) {
    if (conn->state == MK_CONN_IDLE) mk_pool_not_idle(conn);
    if (conn->fetch != NULL) conn->fetch->conn = NULL;
    mk_list_remove(&conn->all);
    conn->origin->conns--;
    mk_pool_look_at(conn->origin);
    mk_stream_close(&conn->stream);
    socket_tls_release(conn->tls);
    mk_free(conn);
}

/* ---- ready, by way of a proxy maybe ------------------------------------------------------------------------------ */

static void ready(mk_conn_t *conn) {
    conn->state = MK_CONN_BUSY;
    (void)mk_request_write(conn->fetch);
}

static void on_open(mk_stream_t *stream) {
    mk_conn_t  *conn = conn_of(stream);
    mk_fetch_t *fetch = conn->fetch;
    if (conn->state != MK_CONN_DIAL || fetch->route != MK_ROUTE_TUNNEL) {
        ready(conn);
        return;
    }
    conn->state = MK_CONN_TUNNEL;
    mk_err_t err = mk_request_tunnel(fetch);
    if (err == MK_ERR_NOMEM) mk_fetch_fail(fetch, err, "%s", mk_err_text(err)); /* else `closed` follows */
}

static void tunnel_stands(mk_conn_t *conn) {
    mk_fetch_t *fetch = conn->fetch;
    conn->scanned = 0;
    if (!fetch->url.secure) {
        ready(conn);
        return;
    }
    conn->state = MK_CONN_SHAKE;
    mk_err_t err = mk_stream_start_tls(&conn->stream, conn->tls->engine, conn->tls->context, fetch->url.host);
    if (err != MK_OK) mk_fetch_fail(fetch, err, "%s: %s", fetch->url.authority, mk_err_text(err));
}

/* The proxy's answer to CONNECT. What comes behind it, before we have said anything, is not from where we want to go. */
static size_t tunnel_data(mk_conn_t *conn, const uint8_t *bytes, size_t size) {
    mk_fetch_t        *fetch = conn->fetch;
    mk_http_response_t response = {.fields = {conn->client->fields, 0, MK_HTTP_FIELDS}};
    mk_http_wrong_t    wrong;
    size_t             used = 0, at = 0;
    do {
        at += used;
        if (at == size) return size;
        response.fields.n = 0;
        switch (mk_http_response_parse(bytes + at, size - at, NULL, MK_HTTP_CONNECT, &conn->scanned, &response, &used,
                                       &wrong)) {
        case MK_HTTP_MORE: return at;
        case MK_HTTP_WRONG: mk_fetch_fail(fetch, MK_ERR_PROTO, "the proxy's answer: %s", wrong.why); return size;
        case MK_HTTP_DONE: break;
        }
        conn->scanned = 0;
        if (response.status < 200 && ++fetch->interims > INTERIMS_MAX) {
            mk_fetch_fail(fetch, MK_ERR_LIMIT, "the proxy does not come to its answer");
            return size;
        }
    } while (response.status < 200);
    if (response.status > 299)
        mk_fetch_fail(fetch, MK_ERR_DENIED, "the proxy answers %u %s", response.status,
                      mk_http_reason(response.status));
    else if (at + used != size) mk_fetch_fail(fetch, MK_ERR_PROTO, "the proxy sends bytes of its own");
    else tunnel_stands(conn);
    return size;
}

/* ---- the stream's calls ------------------------------------------------------------------------------------------ */

static size_t on_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    mk_conn_t *conn = conn_of(stream);
    switch (conn->state) {
    case MK_CONN_TUNNEL: return tunnel_data(conn, bytes, size);
    case MK_CONN_BUSY: return mk_answer_data(conn->fetch, bytes, size);
    case MK_CONN_UPGRADED: return conn->fetch->upgrade->data(conn->fetch->arg, bytes, size);
    default: mk_conn_close(conn); return size; /* nobody asked for anything */
    }
}

static void on_end(mk_stream_t *stream) {
    mk_conn_t *conn = conn_of(stream);
    switch (conn->state) {
    case MK_CONN_TUNNEL: mk_fetch_fail(conn->fetch, MK_ERR_IO, "the proxy has closed the connection"); break;
    case MK_CONN_BUSY: mk_answer_end(conn->fetch); break;
    case MK_CONN_UPGRADED: conn->fetch->upgrade->end(conn->fetch->arg); break;
    default: mk_conn_close(conn); break;
    }
}

static void on_drained(mk_stream_t *stream) {
    mk_fetch_t *fetch = conn_of(stream)->fetch;
    if (fetch == NULL) return;
    if (fetch->state == MK_FETCH_UPGRADED) {
        fetch->upgrade->drained(fetch->arg);
    } else if (fetch->full) {
        fetch->full = false;
        fetch->ops->drained(fetch->arg);
    }
}

static void upgrade_closed(mk_fetch_t *fetch, mk_err_t why) {
    bool gone = false;
    fetch->gone = &gone;
    fetch->upgrade->closed(fetch->arg, why);
    if (!gone) mk_fetch_free(fetch);
}

static void on_closed(mk_stream_t *stream, mk_err_t why) {
    mk_conn_t  *conn = conn_of(stream);
    mk_fetch_t *fetch = conn->fetch;
    const char *text = mk_stream_why(stream);
    if (text[0] == '\0') text = mk_err_text(why);
    switch (conn->state) {
    case MK_CONN_IDLE: mk_conn_close(conn); break;
    case MK_CONN_BUSY: mk_answer_broken(fetch, why, text); break;
    case MK_CONN_UPGRADED: upgrade_closed(fetch, why); break;
    case MK_CONN_SHAKE: mk_fetch_fail(fetch, why, "%s: %s", fetch->url.authority, text); break;
    default: mk_fetch_fail(fetch, why, "%s: %s", where(fetch)->authority, text); break;
    }
}

static const mk_stream_ops_t stream_ops = {on_open, on_data, on_end, on_drained, on_closed};

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static void dial(mk_conn_t *conn) {
    mk_fetch_t       *fetch = conn->fetch;
    const mk_url_t   *to = where(fetch);
    mk_dial_options_t options = {.host = to->host, .port = to->port};
    if (conn->tls != NULL && fetch->route == MK_ROUTE_DIRECT) {
        options.engine = conn->tls->engine;
        options.tls = conn->tls->context;
    }
    conn->state = MK_CONN_DIAL;
    mk_err_t err = mk_stream_dial(conn->client->net, &conn->stream, &conn->kind, &options);
    if (err != MK_OK) mk_fetch_fail(fetch, err, "%s: %s", to->authority, mk_err_text(err));
}

static void trust_or_dial(mk_conn_t *conn) {
    mk_fetch_t *fetch = conn->fetch;
    conn->state = MK_CONN_TRUST;
    if (fetch->url.secure) {
        conn->tls = mk_socket_tls_retain(fetch->tls != NULL ? fetch->tls : conn->client->trust);
        if (conn->tls == NULL) {
            mk_err_t err = mk_trust_ask(conn->client);
            if (err != MK_OK) mk_fetch_fail(fetch, err, "%s", mk_err_text(err));
            return;
        }
    }
    dial(conn);
}

void mk_conn_open(mk_fetch_t *fetch) {
    mk_client_t *client = fetch->client;
    mk_conn_t   *conn = mk_calloc(1, sizeof *conn);
    if (conn == NULL) {
        mk_fetch_fail(fetch, MK_ERR_NOMEM, "%s", mk_err_text(MK_ERR_NOMEM));
        return;
    }
    conn->client = client;
    conn->origin = fetch->origin;
    conn->origin->conns++;
    conn->fetch = fetch;
    conn->kind.ops = &stream_ops;
    conn->kind.limits = (mk_stream_limits_t){.connect_ms = fetch->connect_ms, .handshake_ms = fetch->connect_ms};
    mk_list_push(&client->conns, &conn->all);
    fetch->conn = conn;
    fetch->state = MK_FETCH_CONNECTING;
    trust_or_dial(conn);
}

void mk_conn_use(mk_conn_t *conn, mk_fetch_t *fetch) {
    mk_pool_not_idle(conn);
    conn->fetch = fetch;
    fetch->conn = conn;
    ready(conn);
}

static mk_conn_t *next_distrustful(mk_client_t *client) {
    for (mk_node_t *node = client->conns; node != NULL; node = node->next) {
        mk_conn_t *conn = mk_container_of(node, mk_conn_t, all);
        if (conn->state == MK_CONN_TRUST) return conn;
    }
    return NULL;
}

void mk_conn_trusted(mk_client_t *client, mk_err_t err, const char *why) {
    for (mk_conn_t *conn; (conn = next_distrustful(client)) != NULL;) {
        if (err != MK_OK) {
            mk_fetch_fail(conn->fetch, err, "the system's certificates: %s", why[0] != '\0' ? why : mk_err_text(err));
            continue;
        }
        conn->tls = mk_socket_tls_retain(client->trust);
        dial(conn);
    }
}
