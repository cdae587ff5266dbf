/* SPDX-License-Identifier: Apache-2.0 */
/* codec.c -- what it costs to read a head and a body, beside a floor: finding the line ends of the same bytes by memchr, which
 * is the least that any reader does. The best of many rounds, in nanoseconds; one line for each message.
 *
 * usage: codec [ROUNDS]        example: codec 200 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/codec/body.h"
#include "http/codec/head.h"
#include "kit.h"

enum { CALLS_A_ROUND = 2000, FIELDS = 64, CHUNKS = 16, CHUNK_BYTES = 4096 };

static const char wrk[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

static const char api[] = "POST /v1/items/4711?expand=all HTTP/1.1\r\n"
                          "Host: api.example.com\r\n"
                          "User-Agent: curl/8.5.0\r\n"
                          "Accept: */*\r\n"
                          "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
                          "Content-Type: application/json\r\n"
                          "Content-Length: 123\r\n\r\n";

static const char browser[] = "GET /static/app/index.html HTTP/1.1\r\n"
                              "Host: www.example.com\r\n"
                              "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
                              "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                              "Accept-Language: en-US,en;q=0.5\r\n"
                              "Accept-Encoding: gzip, deflate, br\r\n"
                              "Connection: keep-alive\r\n"
                              "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
                              "Upgrade-Insecure-Requests: 1\r\n"
                              "If-None-Match: \"0123456789abcdef\"\r\n"
                              "Cache-Control: max-age=0\r\n\r\n";

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Server: nginx/1.22.1\r\n"
                             "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 2\r\n"
                             "Connection: keep-alive\r\n\r\n";

typedef struct message {
    const char *bytes;
    size_t      size;
} message_t;

/* Reads all of it once; the answer only keeps the compiler from leaving it out. */
typedef size_t read_fn(const message_t *message);

static size_t read_request(const message_t *message) {
    static mk_http_field_t fields[FIELDS];
    mk_http_request_t      request = {.fields = {fields, 0, FIELDS}};
    size_t                 scanned = 0, used = 0;
    mk_http_wrong_t        wrong;
    mk_http_step_t step = mk_http_request_parse(message->bytes, message->size, NULL, &scanned, &request, &used, &wrong);
    return step == MK_HTTP_DONE ? used : 0;
}

static size_t read_response(const message_t *message) {
    static mk_http_field_t fields[FIELDS];
    mk_http_response_t     response = {.fields = {fields, 0, FIELDS}};
    size_t                 scanned = 0, used = 0;
    mk_http_wrong_t        wrong;
    mk_http_step_t         step =
        mk_http_response_parse(message->bytes, message->size, NULL, MK_HTTP_GET, &scanned, &response, &used, &wrong);
    return step == MK_HTTP_DONE ? used : 0;
}

static size_t read_chunks(const message_t *message) {
    mk_http_body_t body;
    size_t         at = 0, used;
    mk_http_text_t data;
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    while (mk_http_body_take(&body, message->bytes + at, message->size - at, &used, &data) == MK_HTTP_MORE) at += used;
    return body.done ? at + used : 0;
}

static size_t find_line_ends(const message_t *message) {
    const char *at = message->bytes, *end = at + message->size;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) at++;
    return message->size;
}

static double round_ns(read_fn *read, const message_t *message) {
    struct timespec begin, end;
    size_t volatile sum = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < CALLS_A_ROUND; i++) sum += read(message);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (sum != message->size * CALLS_A_ROUND) return -1;
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / CALLS_A_ROUND;
}

/* Rounds of both in turn, so that what else the machine does hits both. */
static int measure(const char *name, read_fn *read, message_t message, uint64_t rounds) {
    double best = 1e18, floor = 1e18;
    for (uint64_t i = 0; i < rounds; i++) {
        double ns = round_ns(read, &message), floor_ns = round_ns(find_line_ends, &message);
        if (ns < 0) return fprintf(stderr, "codec: %s was not read\n", name), 1;
        if (ns < best) best = ns;
        if (floor_ns < floor) floor = floor_ns;
    }
    printf("%-10s bytes=%-6zu ns=%-8.1f floor_ns=%-8.1f ratio=%.1f\n", name, message.size, best, floor, best / floor);
    return 0;
}

int main(int argc, char **argv) {
    uint64_t    rounds = kit_number(argc, argv, 1, 1000000, 200, "codec [ROUNDS]");
    static char content[CHUNK_BYTES];
    mk_buffer_t wire = {0};
    memset(content, 'a', sizeof content);
    for (int i = 0; i < CHUNKS; i++) mk_http_chunk_append(&wire, content, sizeof content);
    mk_buffer_append_text(&wire, MK_HTTP_CHUNK_LAST);
    int failed = wire.failed;
    failed |= measure("wrk", read_request, (message_t){wrk, sizeof wrk - 1}, rounds);
    failed |= measure("api", read_request, (message_t){api, sizeof api - 1}, rounds);
    failed |= measure("browser", read_request, (message_t){browser, sizeof browser - 1}, rounds);
    failed |= measure("response", read_response, (message_t){answer, sizeof answer - 1}, rounds);
    failed |= measure("chunks", read_chunks, (message_t){(const char *)wire.bytes, wire.size}, rounds);
    mk_buffer_free(&wire);
    return failed;
}
