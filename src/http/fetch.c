/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.c -- fetches: what is asked for, their deadlines, their end. */
#include "http/fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "http/client_parts.h"

enum { REDIRECTS_MAX = 5, CONNECT_MS = 10000, RESPONSE_MS = 30000, BODY_MS = 30000 };

static uint32_t or_else(uint32_t value, uint32_t otherwise) { return value != 0 ? value : otherwise; }

/* ---- ends -------------------------------------------------------------------------------------------------------- */

void mk_fetch_free(mk_fetch_t *fetch) {
    mk_wheel_t *wheel = &fetch->client->loop->wheel;
    if (fetch->gone != NULL) *fetch->gone = true;
    if (fetch->state == MK_FETCH_IN_LINE) {
        mk_pool_leave_line(fetch);
        mk_pool_look_at(fetch->origin);
    }
    if (fetch->conn != NULL) mk_conn_close(fetch->conn);
    mk_list_remove(&fetch->all);
    fetch->client->fetches_n--;
    mk_wheel_cancel(wheel, &fetch->deadline);
    mk_wheel_cancel(wheel, &fetch->total);
    mk_deferred_cancel(&fetch->turn);
    mk_url_fini(&fetch->url);
    mk_url_fini(&fetch->proxy);
    mk_url_fini(&fetch->target);
    mk_free(fetch->method_text);
    mk_free(fetch->proxy_given);
    mk_buffer_free(&fetch->credentials);
    mk_buffer_free(&fetch->fields);
    mk_buffer_free(&fetch->lines);
    mk_buffer_free(&fetch->body);
    socket_tls_release(fetch->tls);
    mk_free(fetch);
}

void mk_fetch_cancel(mk_fetch_t *fetch) { mk_fetch_free(fetch); }

void mk_fetch_fail(mk_fetch_t *fetch, mk_err_t why, const char *format, ...) {
    const mk_fetch_ops_t *ops = fetch->ops;
    void                 *arg = fetch->arg;
    char                  text[MK_FETCH_TEXT_BYTES];
    va_list               args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mk_fetch_free(fetch);
    ops->failed(arg, why, text);
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

void mk_fetch_arm(mk_fetch_t *fetch, uint32_t ms) {
    mk_loop_t *loop = fetch->client->loop;
    mk_wheel_arm(&loop->wheel, &fetch->deadline, mk_loop_after_ms(loop, ms));
}

/* Pieces of a body do not move the timer; it looks when the last one came. */
static bool body_goes_on(mk_fetch_t *fetch) {
    uint64_t now_ms = fetch->client->loop->now_us / 1000;
    if (fetch->paused) fetch->moved_ms = now_ms;
    uint64_t due_ms = fetch->moved_ms + fetch->body_ms;
    if (due_ms <= now_ms) return false;
    mk_fetch_arm(fetch, (uint32_t)(due_ms - now_ms));
    return true;
}

static void on_deadline(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_fetch_t *fetch = mk_container_of(timer, mk_fetch_t, deadline);
    const char *host = fetch->url.authority;
    (void)wheel;
    switch (fetch->state) {
    case MK_FETCH_IN_LINE: mk_fetch_fail(fetch, MK_ERR_TIMEOUT, "%s: no connection became free in time", host); break;
    case MK_FETCH_CONNECTING: mk_fetch_fail(fetch, MK_ERR_TIMEOUT, "%s: connecting took too long", host); break;
    case MK_FETCH_HEAD:
        if (mk_stream_queued(&fetch->conn->stream) != 0) mk_fetch_arm(fetch, fetch->response_ms); /* write_ms counts */
        else mk_fetch_fail(fetch, MK_ERR_TIMEOUT, "%s: no answer in time", host);
        break;
    default:
        if (!body_goes_on(fetch)) mk_fetch_fail(fetch, MK_ERR_TIMEOUT, "%s: the answer stopped in its middle", host);
        break;
    }
}

static void on_total(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_fetch_t *fetch = mk_container_of(timer, mk_fetch_t, total);
    (void)wheel;
    mk_fetch_fail(fetch, MK_ERR_TIMEOUT, "%s: it took too long in all", fetch->url.authority);
}

/* ---- beginnings -------------------------------------------------------------------------------------------------- */

static mk_err_t refuse(const char **why, mk_err_t err, const char *text) {
    *why = text;
    return err;
}

mk_err_t mk_fetch_begin(mk_fetch_t *fetch, const char **why) {
    if (fetch->url.secure && fetch->tls == NULL && mk_tls_engine(NULL) == NULL)
        return refuse(why, MK_ERR_NOSYS, "this build has no TLS");
    mk_err_t err = mk_proxy_route(fetch);
    if (err == MK_ERR_INVALID) return refuse(why, err, "the proxy's address is none");
    if (err == MK_OK) err = mk_pool_join(fetch);
    if (err != MK_OK) return refuse(why, err, mk_err_text(err));
    mk_fetch_arm(fetch, fetch->connect_ms);
    return MK_OK;
}

static mk_err_t take_method(mk_fetch_t *fetch, const char *method, const char **why) {
    mk_http_text_t text = mk_http_text(method != NULL ? method : "GET");
    if (!mk_http_is_token(text) || text.size > MK_HTTP_TARGET_BYTES) return refuse(why, MK_ERR_INVALID, "not a method");
    fetch->method = mk_http_method_of(text);
    if (fetch->method == MK_HTTP_CONNECT) return refuse(why, MK_ERR_INVALID, "CONNECT is for proxies");
    fetch->method_text = mk_calloc(1, text.size + sizeof "GET"); /* which a redirect may make of it */
    if (fetch->method_text == NULL) return refuse(why, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    memcpy(fetch->method_text, text.at, text.size);
    return MK_OK;
}

static mk_err_t take_url(mk_fetch_t *fetch, const char *text, const char **why) {
    mk_err_t err = text != NULL ? mk_url_parse(text, strlen(text), &fetch->url) : MK_ERR_INVALID;
    if (err != MK_OK) return refuse(why, err, err == MK_ERR_INVALID ? "not an address" : mk_err_text(err));
    bool http = fetch->url.scheme == MK_URL_HTTP || fetch->url.scheme == MK_URL_HTTPS;
    if (!http && fetch->upgrade == NULL) return refuse(why, MK_ERR_INVALID, "not an http address");
    if (fetch->url.user != NULL && !mk_request_basic(&fetch->credentials, &fetch->url))
        return refuse(why, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    return MK_OK;
}

static mk_err_t take_body(mk_fetch_t *fetch, const mk_fetch_options_t *options, const char **why) {
    fetch->streams = options->stream_body;
    fetch->chunked = options->stream_body && options->stream_bytes < 0;
    if (fetch->streams && !fetch->chunked) fetch->stream_bytes = fetch->stream_left = (uint64_t)options->stream_bytes;
    if (fetch->streams && options->body.size != 0) return refuse(why, MK_ERR_INVALID, "two bodies");
    bool ok = options->body.size == 0 || mk_buffer_append(&fetch->body, options->body.data, options->body.size);
    if (options->lines.size != 0) ok = mk_buffer_append(&fetch->lines, options->lines.data, options->lines.size) && ok;
    if (options->proxy != NULL) {
        fetch->proxy_given = mk_strndup(options->proxy, strlen(options->proxy));
        ok = ok && fetch->proxy_given != NULL;
    }
    return ok ? MK_OK : refuse(why, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
}

static mk_err_t take(mk_fetch_t *fetch, const mk_fetch_options_t *options, const char **why) {
    mk_err_t err;
    if ((err = take_method(fetch, options->method, why)) != MK_OK) return err;
    if ((err = take_url(fetch, options->url, why)) != MK_OK) return err;
    if ((err = mk_request_fields(&fetch->fields, options->headers, options->headers_n)) != MK_OK)
        return refuse(why, err, err == MK_ERR_INVALID ? "not a header, or one that is ours" : mk_err_text(err));
    if ((err = take_body(fetch, options, why)) != MK_OK) return err;
    return mk_fetch_begin(fetch, why);
}

static mk_fetch_t *create(mk_client_t *client, const mk_fetch_options_t *options) {
    mk_fetch_t *fetch = mk_calloc(1, sizeof *fetch);
    if (fetch == NULL) return NULL;
    fetch->client = client;
    fetch->upgrade = options->upgrade;
    fetch->apart = options->apart || options->upgrade != NULL;
    fetch->tls = mk_socket_tls_retain(options->tls);
    fetch->follows = options->redirects_max >= 0 && options->upgrade == NULL;
    fetch->redirects_left = options->redirects_max != 0 ? options->redirects_max : REDIRECTS_MAX;
    fetch->body_bytes_max = options->body_bytes_max;
    fetch->connect_ms = or_else(options->connect_ms, CONNECT_MS);
    fetch->response_ms = or_else(options->response_ms, RESPONSE_MS);
    fetch->body_ms = or_else(options->body_ms, BODY_MS);
    fetch->no_body_deadline = options->no_body_deadline;
    fetch->deadline.fn = on_deadline;
    fetch->total.fn = on_total;
    mk_list_push(&client->fetches, &fetch->all);
    client->fetches_n++;
    return fetch;
}

mk_err_t mk_fetch_start(mk_client_t *client, const mk_fetch_options_t *options, const mk_fetch_ops_t *ops, void *arg,
                        mk_fetch_t **out, const char **why) {
    const char *ignored;
    if (why == NULL) why = &ignored;
    if (client->fetches_n >= MK_FETCHES_MAX) return refuse(why, MK_ERR_LIMIT, "too many at a time");
    mk_fetch_t *fetch = create(client, options);
    if (fetch == NULL) return refuse(why, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    fetch->ops = ops;
    fetch->arg = arg;
    mk_err_t err = take(fetch, options, why);
    if (err != MK_OK) {
        mk_fetch_free(fetch);
        return err;
    }
    if (options->total_ms != 0)
        mk_wheel_arm(&client->loop->wheel, &fetch->total, mk_loop_after_ms(client->loop, options->total_ms));
    *out = fetch;
    return MK_OK;
}

/* ---- under way --------------------------------------------------------------------------------------------------- */

void mk_fetch_pause(mk_fetch_t *fetch) {
    fetch->paused = true;
    if (fetch->state == MK_FETCH_BODY && fetch->conn != NULL) mk_stream_pause(&fetch->conn->stream);
}

void mk_fetch_resume(mk_fetch_t *fetch) {
    if (!fetch->paused) return;
    fetch->paused = false;
    fetch->moved_ms = fetch->client->loop->now_us / 1000;
    if (fetch->state != MK_FETCH_BODY) return;
    if (fetch->conn != NULL) mk_stream_resume(&fetch->conn->stream);
    mk_loop_again(fetch->client->loop, &fetch->turn, mk_answer_turn);
}

bool mk_fetch_append_url(mk_buffer_t *out, const mk_fetch_t *fetch) { return mk_url_append(out, &fetch->url); }

/* ---- streamed bodies --------------------------------------------------------------------------------------------- */

static bool is_connected(const mk_fetch_t *fetch) {
    return fetch->state == MK_FETCH_HEAD || fetch->state == MK_FETCH_BODY;
}

static mk_err_t admit(const mk_fetch_t *fetch) {
    if (fetch->state == MK_FETCH_UPGRADED || fetch->state == MK_FETCH_REDIRECT) return MK_ERR_CLOSED;
    if (!fetch->streams) return fetch->stream_left != 0 || fetch->chunked ? MK_ERR_CLOSED : MK_ERR_INVALID;
    return fetch->sent_all || (is_connected(fetch) && fetch->conn == NULL) ? MK_ERR_CLOSED : MK_OK;
}

/* Before there is a connection. */
static mk_err_t send_early(mk_fetch_t *fetch, const void *data, size_t size) {
    if (fetch->body.size >= MK_FETCH_EARLY_BYTES) return MK_ERR_FULL;
    bool ok =
        fetch->chunked ? mk_http_chunk_append(&fetch->body, data, size) : mk_buffer_append(&fetch->body, data, size);
    return ok ? MK_OK : MK_ERR_NOMEM;
}

static mk_err_t send_now(mk_fetch_t *fetch, const void *data, size_t size) {
    char       head[MK_HTTP_CHUNK_HEAD_BYTES];
    mk_slice_t slices[] = {{head, 0}, {data, size}, {MK_HTTP_CHUNK_TAIL, sizeof MK_HTTP_CHUNK_TAIL - 1}};
    if (!fetch->chunked) return mk_stream_write(&fetch->conn->stream, data, size);
    slices[0].size = mk_http_chunk_head(head, size);
    return mk_stream_write_slices(&fetch->conn->stream, slices, 3);
}

mk_err_t mk_fetch_send(mk_fetch_t *fetch, const void *data, size_t size) {
    mk_err_t err = admit(fetch);
    if (err != MK_OK || size == 0) return err;
    if (!fetch->chunked && size > fetch->stream_left) return MK_ERR_TOOLONG;
    err = is_connected(fetch) ? send_now(fetch, data, size) : send_early(fetch, data, size);
    if (err == MK_ERR_FULL) fetch->full = true;
    if (err != MK_OK) return err;
    if (!fetch->chunked) fetch->stream_left -= size;
    if (is_connected(fetch)) fetch->sent_any = true;
    return MK_OK;
}

mk_err_t mk_fetch_send_end(mk_fetch_t *fetch) {
    static const char LAST[] = MK_HTTP_CHUNK_LAST;
    mk_err_t          err = admit(fetch);
    if (err != MK_OK) return err;
    if (!fetch->chunked && fetch->stream_left != 0) return MK_ERR_INVALID;
    if (!fetch->chunked) err = MK_OK;
    else if (!is_connected(fetch)) err = mk_buffer_append(&fetch->body, LAST, sizeof LAST - 1) ? MK_OK : MK_ERR_NOMEM;
    else err = mk_stream_write(&fetch->conn->stream, LAST, sizeof LAST - 1);
    if (err == MK_ERR_FULL) fetch->full = true;
    if (err != MK_OK) return err;
    fetch->sent_all = true;
    if (fetch->state == MK_FETCH_HEAD) mk_fetch_arm(fetch, fetch->response_ms);
    return MK_OK;
}
