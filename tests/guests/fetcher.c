/* SPDX-License-Identifier: Apache-2.0 */
/* fetcher.c -- makes HTTP requests. The payload is a URL. GET: mk_http_get; RESULT: result, status, size, then the body, or on
 * failure the text of mk_last_error. STREAM: mk_http_open with a header and a body, then read to the end; RESULT: result or
 * handle, status, bytes read, their sum, then the value of the header X-Kind. KEEP opens and keeps it; READ reads once from it.
 * COLLECT: collects and spawns the module; RESULT: result, status, bytes, the new actor's id (lower half). HOARD: opens until
 * that fails; RESULT: how many. */
#include "guest.h"

enum { GET = 10, STREAM, KEEP, READ, COLLECT, HOARD, CLOSE };
enum { TEXT_BYTES = 256, PIECE_BYTES = 1000 };

static struct {
    uint32_t result, status, size, sum;
    char     text[TEXT_BYTES];
} reply;

static int32_t kept;

static void tell(mk_actor_t to, uint32_t text_size) {
    mk_send(to, RESULT, &reply, (uint32_t)(sizeof reply - sizeof reply.text) + text_size);
}

static void tell_error(mk_actor_t to) {
    int32_t size = mk_last_error(reply.text, sizeof reply.text);
    tell(to, size > 0 ? (uint32_t)size : 0);
}

static void get(mk_actor_t to, const char *url, uint32_t len) {
    reply.result = (uint32_t)mk_http_get(url, len, reply.text, sizeof reply.text, &reply.status, &reply.size);
    if (reply.result == 0) tell(to, reply.size);
    else tell_error(to);
}

static int32_t open(const char *url, uint32_t len) {
    static const char headers[] = "X-Asked: yes\nX-More: a b\n", body[] = "the body";
    return mk_http_open("POST", 4, url, len, headers, sizeof headers - 1, body, sizeof body - 1);
}

static void stream(mk_actor_t to, const char *url, uint32_t len) {
    static unsigned char piece[PIECE_BYTES];
    int32_t              handle = open(url, len), got;
    reply.result = (uint32_t)handle;
    if (handle <= 0) {
        tell_error(to);
        return;
    }
    reply.status = (uint32_t)mk_http_status(handle);
    while ((got = mk_http_read(handle, piece, sizeof piece)) > 0) {
        reply.size += (uint32_t)got;
        for (int32_t i = 0; i < got; i++) reply.sum += piece[i];
    }
    if (got < 0) {
        reply.result = (uint32_t)got;
        tell_error(to);
        mk_http_close(handle);
        return;
    }
    got = mk_http_header(handle, "x-kind", 6, reply.text, sizeof reply.text);
    mk_http_close(handle);
    tell(to, got > 0 ? (uint32_t)got : 0);
}

static void read_once(mk_actor_t to) {
    int32_t got = mk_http_read(kept, reply.text, sizeof reply.text);
    reply.result = (uint32_t)got;
    if (got >= 0) tell(to, (uint32_t)got);
    else tell_error(to);
}

static void collect(mk_actor_t to, const char *url, uint32_t len) {
    uint64_t received = 0, total = 0;
    int32_t  done = 0, handle = mk_http_open("GET", 3, url, len, "", 0, "", 0);
    reply.result = (uint32_t)handle;
    if (handle <= 0) {
        tell_error(to);
        return;
    }
    reply.status = (uint32_t)mk_http_status(handle);
    while ((done = mk_http_collect(handle, 100, &received, &total)) == 0) reply.sum++;
    reply.size = (uint32_t)received;
    reply.result = (uint32_t)mk_http_spawn(handle, "fetched", 7);
    mk_http_close(handle);
    if (done == 1 && reply.result != 0) tell(to, 0);
    else tell_error(to);
}

static void hoard(mk_actor_t to, const char *url, uint32_t len) {
    while (open(url, len) > 0) reply.result++;
    tell_error(to);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    reply.result = reply.status = reply.size = reply.sum = 0;
    switch (type) {
    case GET: get(source, payload, size); return MK_STAY;
    case STREAM: stream(source, payload, size); return MK_STAY;
    case KEEP:
        kept = open(payload, size);
        reply.result = (uint32_t)kept;
        tell_error(source);
        return MK_STAY;
    case READ: read_once(source); return MK_STAY;
    case COLLECT: collect(source, payload, size); return MK_STAY;
    case HOARD: hoard(source, payload, size); return MK_STAY;
    case CLOSE:
        reply.result = (uint32_t)mk_http_close(kept);
        tell_error(source);
        return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
