/* SPDX-License-Identifier: Apache-2.0 */
/* imports_http.c -- requests of guests. Each is a record with a small number, fed by the client's calls; an import that needs
 * more than has come makes the guest wait, and is called again when it has. A guest that does not read makes the server wait:
 * the record holds a bounded piece of the body. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/mem.h"
#include "http/codec/url.h"
#include "http/fetch.h"
#include "port/port.h"
#include "runtime/wake.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

enum {
    OPEN_MAX = 16,              /* requests of one guest at a time                                    */
    HELD_BYTES_MAX = 64 * 1024, /* of a body that is read piece by piece                              */
    WHY_BYTES = 128,
    HEADERS_MAX = 64,             /* that a guest may give                                              */
    BODY_BYTES_MAX = 1024 * 1024, /* of a request                                                       */
};

/* More than any module; what is collected lies in the node's memory. */
#define COLLECT_BYTES_MAX ((size_t)64 * 1024 * 1024)

typedef struct mk_guest_http {
    struct mk_guest_http *next;
    mk_guest_t           *guest;
    mk_fetch_t           *fetch; /* NULL: over                                                      */
    uint32_t              handle;
    uint32_t              status;  /* 0: no head yet                                                  */
    mk_buffer_t           headers; /* "Name: value\0" one behind the other                            */
    mk_buffer_t           body;
    size_t                read; /* of `body`, by the guest                                         */
    size_t                held_max;
    char                 *url;             /* NULL: no memory for it */
    bool                  spawned;         /* its body became a module */
    uint64_t              received, total; /* bytes of the body; UINT64_MAX: not said                 */
    uint64_t              until_ms;        /* of the collect that waits                               */
    bool                  ended, failed;
    char                  why[WHY_BYTES];
} request_t;

/* ---- the client's calls --------------------------------------------------------------------------------------------- */

static void wake(request_t *r) {
    if (!r->guest->http_waits) return;
    r->guest->http_waits = false;
    mk_actor_wake(r->guest->rt, r->guest->id);
}

static void fail(request_t *r, const char *why) {
    r->failed = true;
    snprintf(r->why, sizeof r->why, "%s", why);
    wake(r);
}

static void on_head(void *arg, const mk_http_response_t *response) {
    request_t *r = arg;
    r->status = response->status;
    r->total = response->framing == MK_HTTP_LENGTH ? response->length : UINT64_MAX;
    for (size_t i = 0; i < response->fields.n; i++) {
        const mk_http_field_t *field = &response->fields.at[i];
        mk_buffer_append(&r->headers, field->name.at, field->name.size);
        mk_buffer_append(&r->headers, ": ", 2);
        mk_buffer_append(&r->headers, field->value.at, field->value.size);
        mk_buffer_append(&r->headers, "", 1);
    }
    if (r->headers.failed) mk_buffer_free(&r->headers); /* it is told that there are none rather than some */
    wake(r);
}

/* Over, for a reason of ours. */
static size_t give_up(request_t *r, const char *why) {
    mk_fetch_cancel(r->fetch);
    r->fetch = NULL;
    fail(r, why);
    return 0;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t size) {
    request_t *r = arg;
    size_t     held = r->body.size - r->read, room = r->held_max > held ? r->held_max - held : 0;
    if (r->read != 0 && r->read >= r->body.size / 2) {
        mk_buffer_consume(&r->body, r->read);
        r->read = 0;
    }
    if (size > room && r->held_max == COLLECT_BYTES_MAX) return give_up(r, "more than 64 MiB");
    if (size > room) size = room;
    if (!mk_buffer_append(&r->body, bytes, size)) return give_up(r, mk_err_text(MK_ERR_NOMEM));
    r->received += size;
    if (r->until_ms == 0) wake(r);
    return size;
}

static void on_end(void *arg) {
    request_t *r = arg;
    r->fetch = NULL;
    r->ended = true;
    wake(r);
}

static void on_failed(void *arg, mk_err_t why, const char *text) {
    request_t *r = arg;
    r->fetch = NULL;
    fail(r, text[0] != '\0' ? text : mk_err_text(why));
}

static const mk_fetch_ops_t ops = {.head = on_head, .data = on_data, .end = on_end, .failed = on_failed};

/* ---- records ------------------------------------------------------------------------------------------------------------ */

static void request_free(request_t *r) {
    request_t **at = &r->guest->http;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
    if (r->guest->http_opening == r) r->guest->http_opening = NULL;
    if (r->fetch != NULL) mk_fetch_cancel(r->fetch);
    mk_buffer_free(&r->headers);
    mk_buffer_free(&r->body);
    mk_free(r->url);
    mk_free(r);
}

void mk_guest_http_fini(mk_guest_t *guest) {
    while (guest->http != NULL) {
        guest->http->guest = guest; /* it may be the record of an instance that was put aside */
        request_free(guest->http);
    }
}

static request_t *find(mk_guest_t *guest, uint64_t handle, const char *import) {
    for (request_t *r = guest->http; r != NULL; r = r->next)
        if (r->handle == (uint32_t)handle && r != guest->http_opening) return r;
    guest->info.bad_arguments++;
    mk_guest_fail(guest, "%s: %d is no open request", import, (int)handle);
    return NULL;
}

/* The smallest number that is free; 0: too many are open. */
static uint32_t free_handle(const mk_guest_t *guest) {
    uint32_t used = 1;
    for (const request_t *r = guest->http; r != NULL; r = r->next) used |= 1u << r->handle;
    uint32_t handle = 1;
    while ((used >> handle & 1) != 0) handle++;
    return handle <= OPEN_MAX ? handle : 0;
}

/* ---- who may be asked ------------------------------------------------------------------------------------------------------ */

static mk_http_text_t trimmed(mk_http_text_t text) {
    while (text.size > 0 && text.at[0] == ' ') text.at++, text.size--;
    while (text.size > 0 && text.at[text.size - 1] == ' ') text.size--;
    return text;
}

/* "*.example.org" is every name below, and not example.org itself. */
static bool is_host(mk_http_text_t pattern, const char *host) {
    if (pattern.size < 3 || pattern.at[0] != '*' || pattern.at[1] != '.') return mk_http_text_alike(pattern, host);
    size_t size = strlen(host), tail = pattern.size - 1;
    return size > tail && mk_http_text_alike((mk_http_text_t){pattern.at + 1, tail}, host + size - tail);
}

static bool is_listed(const char *hosts, const mk_url_t *url) {
    mk_http_text_t rest = mk_http_text(hosts), element, host;
    uint16_t       port, usual = url->secure ? 443 : 80;
    while (mk_http_list_next(&rest, &element)) {
        element = trimmed(element);
        bool           wild = element.size > 2 && element.at[0] == '*' && element.at[1] == '.';
        mk_http_text_t name = wild ? (mk_http_text_t){element.at + 2, element.size - 2} : element;
        if (!mk_http_authority_split(name, &host, &port)) continue;
        if (wild) host = (mk_http_text_t){element.at, host.size + 2};
        if (is_host(host, url->host) && url->port == (port != 0 ? port : usual)) return true;
    }
    return false;
}

static bool may_ask(mk_guest_t *guest, const char *text, const char *import) {
    mk_url_t url;
    if ((guest->config.grants & WASM_GRANT_ALL_HTTP) != 0) return true;
    if (!mk_guest_granted(guest, WASM_GRANT_HTTP, import, "http")) return false;
    if (mk_url_parse(text, strlen(text), &url) != MK_OK) {
        mk_guest_fail(guest, "%s: not an address of the web", import);
        return false;
    }
    bool listed = guest->config.http_hosts != NULL && is_listed(guest->config.http_hosts, &url);
    if (!listed) {
        guest->info.denied++;
        mk_guest_fail(guest, "%s: not permitted, %.80s is none of the hosts it was granted", import, url.authority);
    }
    mk_url_fini(&url);
    return listed;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------ */

static bool can_wait(mk_guest_t *guest) {
    if (guest->config.limits.native_stack_bytes != 0) return true;
    mk_guest_fail(guest, "this guest was started so that it cannot wait");
    return false;
}

/* Begins a request and makes it the one that is being opened. NULL: the reason is remembered. */
static request_t *ask(mk_guest_t *guest, mk_fetch_options_t *options, const char *import) {
    mk_client_t *client;
    const char  *why = NULL;
    uint32_t     handle = free_handle(guest);
    if (!can_wait(guest) || !may_ask(guest, options->url, import)) return NULL;
    if (handle == 0) {
        mk_guest_fail(guest, "%s: %d requests are open, no more are allowed", import, OPEN_MAX);
        return NULL;
    }
    mk_err_t   err = mk_client_of(guest->rt, &client);
    request_t *r = err == MK_OK ? mk_calloc(1, sizeof *r) : NULL;
    if (r == NULL) {
        mk_guest_fail(guest, "%s: %s", import, mk_err_text(MK_ERR_NOMEM));
        return NULL;
    }
    *r = (request_t){.next = guest->http, .guest = guest, .handle = handle, .held_max = HELD_BYTES_MAX};
    r->url = mk_strndup(options->url, strlen(options->url));
    if ((guest->config.grants & WASM_GRANT_ALL_HTTP) == 0) options->redirects_max = -1; /* they could lead anywhere */
    if ((err = mk_fetch_start(client, options, &ops, r, &r->fetch, &why)) != MK_OK) {
        mk_guest_fail(guest, "%s: %s", import, why != NULL ? why : mk_err_text(err));
        mk_free(r->url);
        mk_free(r);
        return NULL;
    }
    guest->http = guest->http_opening = r;
    return r;
}

/* Waits until something comes of one of its requests, at most `wait_ms` (-1: for ever; the client has deadlines), and has the
 * import called again. */
static bool later(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count, int64_t wait_ms) {
    if (!mk_guest_defer(guest, import, args, count, wait_ms)) return false;
    guest->http_waits = true;
    return true;
}

static void put(uint8_t *to, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; to != NULL && i < bytes; i++, value >>= 8) to[i] = (uint8_t)value;
}

/* ---- mk_http_get ---------------------------------------------------------------------------------------------------------------- */

/* Its body is whole, or what was asked for is known not to fit. */
static void get_ended(mk_guest_t *guest, request_t *r, const uint64_t *args, uint64_t *result) {
    uint32_t cap = (uint32_t)args[3];
    uint8_t *buf = mk_guest_span(guest, args[2], cap);
    put(mk_guest_span(guest, args[4], 4), r->status, 4);
    put(mk_guest_span(guest, args[5], 4), r->total < UINT32_MAX ? r->total : r->received, 4);
    if (r->failed) {
        mk_guest_fail(guest, "mk_http_get: %s", r->why);
    } else if (!r->ended) {
        mk_guest_fail(guest, "mk_http_get: the answer has more than %u bytes", (unsigned)cap);
    } else if (buf != NULL) {
        if (r->body.size != 0) memcpy(buf, r->body.bytes, r->body.size);
        *result = 0;
    }
    request_free(r);
}

static request_t *get_begin(mk_guest_t *guest, const uint64_t *args) {
    static const char import[] = "mk_http_get";
    if (mk_guest_span(guest, args[2], (uint32_t)args[3]) == NULL || mk_guest_span(guest, args[4], 4) == NULL ||
        mk_guest_span(guest, args[5], 4) == NULL)
        return NULL;
    char *url = mk_guest_text(guest, args[0], args[1], import);
    if (url == NULL) return NULL;
    request_t *r = ask(guest, &(mk_fetch_options_t){.url = url}, import);
    if (r != NULL) r->held_max = (size_t)(uint32_t)args[3] + 1; /* one more shows that there is more */
    mk_free(url);
    return r;
}

mk_host_end_t mk_import_http_get(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    cap = (uint32_t)args[3];
    *result = (uint32_t)-1;
    request_t *r = guest->http_opening != NULL ? guest->http_opening : get_begin(guest, args);
    if (r == NULL) return MK_HOST_DONE;
    bool too_long = r->received > cap || (r->status != 0 && r->total != UINT64_MAX && r->total > cap);
    if (!r->ended && !r->failed && !too_long && later(guest, mk_import_http_get, args, 6, -1)) return MK_HOST_BLOCKED;
    get_ended(guest, r, args, result);
    return MK_HOST_DONE;
}

/* ---- requests in the open --------------------------------------------------------------------------------------------------------- */

/* Cuts "Name: value\n..." into lines of its own; how many. SIZE_MAX: too many. */
static size_t split_headers(char *text, const char *lines[HEADERS_MAX]) {
    size_t n = 0;
    for (char *line = strtok_r(text, "\r\n", &text); line != NULL; line = strtok_r(NULL, "\r\n", &text)) {
        if (n == HEADERS_MAX) return SIZE_MAX;
        lines[n++] = line;
    }
    return n;
}

static request_t *open_begin(mk_guest_t *guest, const uint64_t *args) {
    static const char import[] = "mk_http_open";
    const char       *lines[HEADERS_MAX];
    request_t        *r = NULL;
    uint32_t          body_size = (uint32_t)args[7];
    char             *url = NULL, *headers = NULL, *method = mk_guest_text(guest, args[0], args[1], import);
    if (method == NULL || (url = mk_guest_text(guest, args[2], args[3], import)) == NULL) goto done;
    if ((headers = mk_guest_text(guest, args[4], args[5], import)) == NULL) goto done;
    const uint8_t *body = mk_guest_span(guest, args[6], body_size);
    size_t         n = split_headers(headers, lines);
    if (body == NULL) goto done;
    if (n == SIZE_MAX || body_size > BODY_BYTES_MAX) {
        mk_guest_fail(guest, "%s: at most %d headers and %d bytes of body", import, HEADERS_MAX, BODY_BYTES_MAX);
        goto done;
    }
    mk_fetch_options_t options = {
        .method = method, .url = url, .headers = lines, .headers_n = n, .body = {body, body_size}};
    mk_guest_charge(guest, body_size);
    r = ask(guest, &options, import);
done:
    mk_free(headers);
    mk_free(url);
    mk_free(method);
    return r;
}

mk_host_end_t mk_import_http_open(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    *result = (uint32_t)-1;
    request_t *r = guest->http_opening != NULL ? guest->http_opening : open_begin(guest, args);
    if (r == NULL) return MK_HOST_DONE;
    if (r->status == 0 && !r->failed && later(guest, mk_import_http_open, args, 8, -1)) return MK_HOST_BLOCKED;
    guest->http_opening = NULL;
    if (r->status != 0) {
        *result = r->handle;
        return MK_HOST_DONE;
    }
    mk_guest_fail(guest, "mk_http_open: %s", r->why);
    request_free(r);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_http_status(void *host, const uint64_t *args, uint64_t *result) {
    request_t *r = find(host, args[0], "mk_http_status");
    *result = r != NULL ? r->status : (uint32_t)-1;
    return MK_HOST_DONE;
}

/* The value of the first field of that name; NULL: none. */
static const char *header_of(const request_t *r, const char *name) {
    size_t length = strlen(name);
    for (size_t at = 0; at < r->headers.size;) {
        const char *line = (const char *)r->headers.bytes + at;
        const char *colon = strstr(line, ": ");
        if ((size_t)(colon - line) == length && mk_http_text_alike((mk_http_text_t){line, length}, name))
            return colon + 2;
        at += strlen(line) + 1;
    }
    return NULL;
}

mk_host_end_t mk_import_http_header(void *host, const uint64_t *args, uint64_t *result) {
    static const char import[] = "mk_http_header";
    mk_guest_t       *guest = host;
    uint32_t          cap = (uint32_t)args[4];
    *result = (uint32_t)-1;
    request_t *r = find(guest, args[0], import);
    uint8_t   *buf = r != NULL ? mk_guest_span(guest, args[3], cap) : NULL;
    char      *name = buf != NULL ? mk_guest_text(guest, args[1], args[2], import) : NULL;
    if (name == NULL) return MK_HOST_DONE;
    const char *value = header_of(r, name);
    if (value != NULL) {
        size_t size = strlen(value);
        memcpy(buf, value, size < cap ? size : cap);
        *result = (uint32_t)size;
    } else {
        mk_guest_fail(guest, "%s: the answer has no \"%.60s\"", import, name);
    }
    mk_free(name);
    return MK_HOST_DONE;
}

mk_host_end_t mk_import_http_read(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    cap = (uint32_t)args[2];
    *result = (uint32_t)-1;
    request_t *r = find(guest, args[0], "mk_http_read");
    uint8_t   *buf = r != NULL ? mk_guest_span(guest, args[1], cap) : NULL;
    if (buf == NULL) return MK_HOST_DONE;
    size_t held = r->body.size - r->read, size = held < cap ? held : cap;
    if (size == 0 && cap != 0 && !r->ended && !r->failed) {
        if (r->fetch != NULL) mk_fetch_resume(r->fetch);
        if (later(guest, mk_import_http_read, args, 3, -1)) return MK_HOST_BLOCKED;
        return MK_HOST_DONE;
    }
    if (size == 0 && r->failed) {
        mk_guest_fail(guest, "mk_http_read: %s", r->why);
        return MK_HOST_DONE;
    }
    if (size != 0) memcpy(buf, r->body.bytes + r->read, size);
    r->read += size;
    mk_guest_charge(guest, size / 8);
    if (r->fetch != NULL && size != 0) mk_fetch_resume(r->fetch);
    *result = (uint32_t)size;
    return MK_HOST_DONE;
}

/* ---- what is too large for a guest's memory --------------------------------------------------------------------------------------- */

mk_host_end_t mk_import_http_collect(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    *result = (uint32_t)-1;
    request_t *r = find(guest, args[0], "mk_http_collect");
    if (r == NULL) return MK_HOST_DONE;
    uint8_t *received = mk_guest_span(guest, args[2], 8), *total = mk_guest_span(guest, args[3], 8);
    if (received == NULL || total == NULL) return MK_HOST_DONE;
    uint64_t now_ms = mk_port_now_us() / 1000;
    r->held_max = COLLECT_BYTES_MAX;
    if (r->fetch != NULL) mk_fetch_resume(r->fetch);
    if (r->until_ms == 0) r->until_ms = now_ms + (uint32_t)args[1];
    if (!r->ended && !r->failed && now_ms < r->until_ms &&
        later(guest, mk_import_http_collect, args, 4, (int64_t)(r->until_ms - now_ms)))
        return MK_HOST_BLOCKED;
    r->until_ms = 0;
    put(received, r->received, 8);
    put(total, r->total, 8);
    if (r->failed) mk_guest_fail(guest, "mk_http_collect: %s", r->why);
    else *result = r->ended;
    return MK_HOST_DONE;
}

/* Its body becomes the module's bytes, and is no body any more. */
static bool spawn_begin(mk_guest_t *guest, request_t *r, const char *import) {
    if (!r->ended || r->read != 0 || r->spawned) {
        mk_guest_fail(guest, "%s: its body was not collected", import);
        return false;
    }
    if (!mk_spawn_may_begin(guest)) return false;
    mk_buffer_t body = r->body;
    r->body = (mk_buffer_t){0};
    r->spawned = true;
    return mk_spawn_begin(guest, body.bytes, body.size, r->url);
}

mk_host_end_t mk_import_http_spawn(void *host, const uint64_t *args, uint64_t *result) {
    static const char import[] = "mk_http_spawn";
    mk_guest_t       *guest = host;
    char             *name = NULL;
    *result = ACTOR_ID_INVALID;
    if (guest->preparing == NULL) {
        if (!mk_guest_granted(guest, WASM_GRANT_SPAWN, import, "spawn")) return MK_HOST_DONE;
        request_t *r = find(guest, args[0], import);
        if (r == NULL) return MK_HOST_DONE;
        if (mk_guest_work_later(guest, mk_import_http_spawn, args, 3)) return MK_HOST_BLOCKED;
        if (!spawn_begin(guest, r, import)) return MK_HOST_DONE;
    }
    if ((uint32_t)args[2] != 0 && (name = mk_guest_text(guest, args[1], args[2], import)) == NULL) {
        mk_spawn_fini(guest);
        return MK_HOST_DONE;
    }
    mk_host_end_t end = mk_spawn_go_on(guest, mk_import_http_spawn, args, 3, name, result);
    mk_free(name);
    return end;
}

mk_host_end_t mk_import_http_close(void *host, const uint64_t *args, uint64_t *result) {
    request_t *r = find(host, args[0], "mk_http_close");
    *result = r != NULL ? 0 : (uint32_t)-1;
    if (r != NULL) request_free(r);
    return MK_HOST_DONE;
}
