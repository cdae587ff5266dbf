/* SPDX-License-Identifier: Apache-2.0 */
/* client_answer.c -- an answer from its first byte to its last: head, 1xx, redirects, body, and what the end of the connection
 * means in each of these (RFC 9112 sections 6.3, 8, 9). */
#include "base/assert.h"
#include "http/client_parts.h"
#include "http/codec/message.h"

enum {
    INTERIMS_MAX = 8,
    REDIRECT_BODY_BYTES_MAX = 65536, /* worth reading to keep the connection */
};

/* ---- ends -------------------------------------------------------------------------------------------------------- */

/* The connection has done its work; the next may have it if nothing of this request or its answer is left on it. */
static void part(mk_fetch_t *fetch, bool surplus) {
    mk_conn_t *conn = fetch->conn;
    if (conn == NULL) return;
    bool unsent = mk_stream_queued(&conn->stream) != 0 || (fetch->streams && !fetch->sent_all);
    if (surplus || unsent || fetch->ended || !fetch->keep_alive || conn->origin->apart) {
        mk_conn_close(conn);
        return;
    }
    fetch->conn = NULL;
    mk_pool_keep(conn);
}

static void follow(mk_fetch_t *fetch, bool surplus) {
    const char *why = "";
    part(fetch, surplus);
    bool same = mk_url_same_origin(&fetch->url, &fetch->target);
    mk_request_redirect(fetch, fetch->status, same);
    mk_url_fini(&fetch->url);
    fetch->url = fetch->target;
    fetch->target = (mk_url_t){0};
    fetch->redirects_left--;
    fetch->retried = false;
    fetch->state = MK_FETCH_CONNECTING;
    mk_err_t err = mk_fetch_begin(fetch, &why);
    if (err != MK_OK) mk_fetch_fail(fetch, err, "redirected to %s: %s", fetch->url.authority, why);
}

/* The answer is whole. `surplus`: something may be behind it. */
static void complete(mk_fetch_t *fetch, bool surplus) {
    if (fetch->state == MK_FETCH_REDIRECT) {
        follow(fetch, surplus);
        return;
    }
    const mk_fetch_ops_t *ops = fetch->ops;
    void                 *arg = fetch->arg;
    part(fetch, surplus);
    mk_fetch_free(fetch);
    ops->end(arg);
}

/* Methods that may be said twice (RFC 9110 section 9.2.2). */
static bool is_idempotent(mk_http_method_t method) {
    return method != MK_HTTP_POST && method != MK_HTTP_PATCH && method != MK_HTTP_CONNECT && method != MK_HTTP_OTHER;
}

/* A connection that was kept and broke without a byte of an answer: the server had closed it, most probably, before our request
 * came. */
static bool try_again(mk_fetch_t *fetch) {
    bool lost = fetch->streams && fetch->sent_any;
    if (!fetch->conn->used || fetch->answered || fetch->retried || lost || !is_idempotent(fetch->method)) return false;
    mk_conn_close(fetch->conn);
    fetch->retried = true;
    fetch->state = MK_FETCH_CONNECTING;
    if (mk_pool_join(fetch) != MK_OK) mk_fetch_fail(fetch, MK_ERR_NOMEM, "%s", mk_err_text(MK_ERR_NOMEM));
    else mk_fetch_arm(fetch, fetch->connect_ms);
    return true;
}

static void fail_at_head(mk_fetch_t *fetch, mk_err_t why, const char *text) {
    if (try_again(fetch)) return;
    mk_fetch_fail(fetch, why, "%s: %s %s", fetch->url.authority, text,
                  fetch->answered ? "in the middle of the answer's head" : "before an answer");
}

/* The body ends with the connection, or is cut off by it. */
static void end_by_closing(mk_fetch_t *fetch) {
    if (!mk_http_body_end(&fetch->answer) || mk_stream_was_cut(&fetch->conn->stream))
        mk_fetch_fail(fetch, MK_ERR_IO, "%s: the connection ended in the middle of the answer", fetch->url.authority);
    else complete(fetch, true);
}

void mk_answer_end(mk_fetch_t *fetch) {
    fetch->ended = true;
    if (fetch->state == MK_FETCH_HEAD) fail_at_head(fetch, MK_ERR_IO, "the connection ended");
    else if (fetch->state == MK_FETCH_REDIRECT) complete(fetch, true);
    else if (!fetch->paused) end_by_closing(fetch);
}

void mk_answer_broken(mk_fetch_t *fetch, mk_err_t why, const char *text) {
    if (fetch->state == MK_FETCH_HEAD) fail_at_head(fetch, why, text);
    else if (fetch->state == MK_FETCH_REDIRECT) complete(fetch, true);
    else if (fetch->answer.done && fetch->pending == 0) mk_conn_close(fetch->conn); /* all of it is here */
    else mk_fetch_fail(fetch, why, "%s: %s in the middle of the answer", fetch->url.authority, text);
}

void mk_answer_turn(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_fetch_t *fetch = mk_container_of(deferred, mk_fetch_t, turn);
    (void)loop;
    if (fetch->state != MK_FETCH_BODY || fetch->paused) return;
    if (fetch->answer.done && fetch->pending == 0) complete(fetch, true);
    else if (fetch->ended && !fetch->left) end_by_closing(fetch);
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static bool is_redirect(const mk_fetch_t *fetch, const mk_http_response_t *response) {
    bool post = fetch->method == MK_HTTP_POST;
    bool twice; /* the body would have to be sent again */
    switch (response->status) {
    case 301:
    case 302: twice = !post; break;
    case 303: twice = false; break;
    case 307:
    case 308: twice = true; break;
    default: return false;
    }
    return fetch->follows && !(twice && fetch->streams);
}

static void redirect(mk_fetch_t *fetch, const mk_http_response_t *response, mk_http_text_t location) {
    if (fetch->redirects_left == 0) {
        mk_fetch_fail(fetch, MK_ERR_LIMIT, "too many redirects");
        return;
    }
    mk_err_t err = mk_url_resolve(&fetch->url, location.at, location.size, &fetch->target);
    if (err == MK_OK && fetch->target.scheme != MK_URL_HTTP && fetch->target.scheme != MK_URL_HTTPS)
        err = MK_ERR_INVALID;
    if (err != MK_OK) {
        mk_fetch_fail(fetch, err, "redirected to what is no http address");
        return;
    }
    fetch->status = response->status;
    fetch->state = MK_FETCH_REDIRECT;
    bool long_body = response->framing == MK_HTTP_LENGTH && response->length > REDIRECT_BODY_BYTES_MAX;
    if (long_body || !response->keep_alive) complete(fetch, true);
}

static void begin_body(mk_fetch_t *fetch, const mk_http_response_t *response) {
    if (fetch->body_bytes_max != 0 && response->framing == MK_HTTP_LENGTH && response->length > fetch->body_bytes_max) {
        mk_fetch_fail(fetch, MK_ERR_TOOLONG, "the answer has %llu bytes, which is more than allowed",
                      (unsigned long long)response->length);
        return;
    }
    fetch->state = MK_FETCH_BODY;
    fetch->ops->head(fetch->arg, response);
}

static void upgrade(mk_fetch_t *fetch, const mk_http_response_t *response) {
    mk_wheel_t *wheel = &fetch->client->loop->wheel;
    if (fetch->upgrade == NULL || !response->upgrade) {
        mk_fetch_fail(fetch, MK_ERR_PROTO, "%s: a change of protocols that nobody asked for", fetch->url.authority);
        return;
    }
    mk_wheel_cancel(wheel, &fetch->deadline);
    mk_wheel_cancel(wheel, &fetch->total);
    fetch->state = MK_FETCH_UPGRADED;
    fetch->conn->state = MK_CONN_UPGRADED;
    fetch->upgrade->upgraded(fetch->arg, response, &fetch->conn->stream);
}

static void final_head(mk_fetch_t *fetch, const mk_http_response_t *response) {
    mk_http_text_t location = mk_http_fields_get(&response->fields, "Location");
    fetch->keep_alive = response->keep_alive;
    mk_http_body_init(&fetch->answer, response->framing, response->length);
    fetch->moved_ms = fetch->client->loop->now_us / 1000;
    if (fetch->no_body_deadline) mk_wheel_cancel(&fetch->client->loop->wheel, &fetch->deadline);
    else mk_fetch_arm(fetch, fetch->body_ms);
    if (location.at != NULL && is_redirect(fetch, response)) redirect(fetch, response, location);
    else begin_body(fetch, response);
}

/* How many bytes were taken; 0: more are needed, or the fetch is gone. */
static size_t take_head(mk_fetch_t *fetch, const uint8_t *bytes, size_t size) {
    mk_client_t       *client = fetch->client;
    mk_http_response_t response = {.fields = {client->fields, 0, MK_HTTP_FIELDS}};
    mk_http_wrong_t    wrong;
    size_t             used = 0;
    switch (mk_http_response_parse(bytes, size, NULL, fetch->method, &fetch->conn->scanned, &response, &used, &wrong)) {
    case MK_HTTP_MORE: return 0;
    case MK_HTTP_WRONG:
        mk_fetch_fail(fetch, MK_ERR_PROTO, "%s: not HTTP: %s", fetch->url.authority, wrong.why);
        return 0;
    case MK_HTTP_DONE: break;
    }
    fetch->conn->scanned = 0;
    if (response.status == 101) upgrade(fetch, &response);
    else if (response.status >= 200) final_head(fetch, &response);
    else if (++fetch->interims > INTERIMS_MAX)
        mk_fetch_fail(fetch, MK_ERR_LIMIT, "%s does not come to its answer", fetch->url.authority);
    return used;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

/* Offers content to the user. What is not taken is offered again, and all of it is in `bytes` of the next call then. */
static size_t offer(mk_fetch_t *fetch, const uint8_t *bytes, size_t size, bool *gone) {
    size_t taken = size;
    if (fetch->state == MK_FETCH_BODY) taken = fetch->ops->data(fetch->arg, bytes, size);
    if (*gone) return size;
    mk_assert(taken <= size);
    fetch->pending = size - taken;
    if (taken < size) mk_fetch_pause(fetch);
    return taken;
}

static bool is_too_long(mk_fetch_t *fetch) {
    if (fetch->state == MK_FETCH_BODY && fetch->body_bytes_max != 0 && fetch->answer.received > fetch->body_bytes_max) {
        mk_fetch_fail(fetch, MK_ERR_TOOLONG, "the answer has more than %llu bytes",
                      (unsigned long long)fetch->body_bytes_max);
        return true;
    }
    if (fetch->state == MK_FETCH_REDIRECT && fetch->answer.received > REDIRECT_BODY_BYTES_MAX) {
        complete(fetch, true);
        return true;
    }
    return false;
}

/* How many bytes are done with, at least 1 unless it pauses. */
static size_t take_body(mk_fetch_t *fetch, const uint8_t *bytes, size_t size, bool *gone) {
    mk_http_text_t data;
    size_t         used;
    if (fetch->pending != 0) return offer(fetch, bytes, fetch->pending < size ? fetch->pending : size, gone);
    if (mk_http_body_take(&fetch->answer, bytes, size, &used, &data) == MK_HTTP_WRONG) {
        if (fetch->state == MK_FETCH_REDIRECT) complete(fetch, true);
        else mk_fetch_fail(fetch, MK_ERR_PROTO, "%s: not HTTP: %s", fetch->url.authority, fetch->answer.why);
        return size;
    }
    if (is_too_long(fetch) || data.size == 0) return used;
    return used - data.size + offer(fetch, bytes + used - data.size, data.size, gone); /* content comes last */
}

static bool is_at_end(const mk_fetch_t *fetch) {
    bool body = fetch->state == MK_FETCH_REDIRECT || (fetch->state == MK_FETCH_BODY && !fetch->paused);
    return body && fetch->answer.done && fetch->pending == 0;
}

size_t mk_answer_data(mk_fetch_t *fetch, const uint8_t *bytes, size_t size) {
    bool   gone = false;
    size_t at = 0;
    fetch->gone = &gone;
    fetch->answered = true;
    fetch->moved_ms = fetch->client->loop->now_us / 1000;
    while (at < size) {
        mk_fetch_state_t state = fetch->state;
        size_t           n;
        if (state == MK_FETCH_BODY && (fetch->paused || is_at_end(fetch))) break;
        if (state == MK_FETCH_HEAD) n = take_head(fetch, bytes + at, size - at);
        else if (state == MK_FETCH_UPGRADED) n = fetch->upgrade->data(fetch->arg, bytes + at, size - at);
        else n = take_body(fetch, bytes + at, size - at, &gone);
        at += n;
        if (gone) return at;
        if (fetch->conn == NULL || is_at_end(fetch) || n == 0 || state == MK_FETCH_UPGRADED) break;
    }
    fetch->gone = NULL;
    if (fetch->conn == NULL) return at; /* it goes on elsewhere */
    fetch->left = at < size;
    if (is_at_end(fetch)) complete(fetch, at < size);
    else if (fetch->state == MK_FETCH_BODY && fetch->paused) mk_stream_pause(&fetch->conn->stream);
    else if (fetch->state == MK_FETCH_BODY && fetch->ended && !fetch->left) end_by_closing(fetch);
    return at;
}
