/* SPDX-License-Identifier: Apache-2.0 */
/* codec_rig.h -- feeds bytes to the codecs whole, in two pieces cut at every place, and one by one, and wants the same outcome
 * from all of these. Every piece lies in a block of exactly its size, another one for each call, so that reading too far or
 * keeping an address shows. */
#ifndef MK_TESTS_HTTP_CODEC_RIG_H
#define MK_TESTS_HTTP_CODEC_RIG_H

#include "http/codec/body.h"
#include "http/codec/head.h"
#include "rig/rig.h"

#include <stdlib.h>

enum { RIG_FIELDS = 128, RIG_TEXT_BYTES = 65536 };

typedef enum head_kind { A_REQUEST, A_RESPONSE } head_kind_t;

/* What came of a head, and in words, since its texts are gone. */
typedef struct outcome {
    mk_http_step_t     step;
    mk_http_wrong_t    wrong;
    size_t             used;
    mk_http_request_t  request; /* only what are no texts */
    mk_http_response_t response;
    char               words[RIG_TEXT_BYTES];
} outcome_t;

static inline void say(char *words, const char *name, mk_http_text_t text) {
    size_t n = strlen(words);
    if (text.at == NULL) snprintf(words + n, RIG_TEXT_BYTES - n, "%s -\n", name);
    else snprintf(words + n, RIG_TEXT_BYTES - n, "%s '%.*s'\n", name, (int)text.size, text.at);
}

static inline void say_fields(char *words, const mk_http_fields_t *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        say(words, "name", fields->at[i].name);
        say(words, "value", fields->at[i].value);
    }
}

static inline void say_request(char *words, const mk_http_request_t *r) {
    snprintf(words, RIG_TEXT_BYTES, "method %d form %d length %llu framing %d minor %d secure %d keep %d expect %d up %d\n",
             r->method, r->form, (unsigned long long)r->length, r->framing, r->minor, r->secure, r->keep_alive,
             r->expect_continue, r->upgrade);
    say(words, "method", r->method_text);
    say(words, "target", r->target);
    say(words, "host", r->host);
    say(words, "path", r->path);
    say(words, "query", r->query);
    say(words, "upgrade", r->upgrade_to);
    say_fields(words, &r->fields);
}

static inline void say_response(char *words, const mk_http_response_t *r) {
    snprintf(words, RIG_TEXT_BYTES, "status %d length %llu framing %d minor %d keep %d up %d\n", r->status,
             (unsigned long long)r->length, r->framing, r->minor, r->keep_alive, r->upgrade);
    say(words, "reason", r->reason);
    say(words, "upgrade", r->upgrade_to);
    say_fields(words, &r->fields);
}

typedef struct feed {
    head_kind_t             kind;
    mk_http_method_t        method; /* of the request that a response answers */
    const mk_http_limits_t *limits;
    const char             *bytes;
    size_t                  size;
    size_t                  scanned; /* kept between the calls, as a connection does */
} feed_t;

/* One call with the first `size` bytes. */
static inline void feed_upto(feed_t *feed, size_t size, outcome_t *out) {
    static mk_http_field_t fields[RIG_FIELDS];
    char                  *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, feed->bytes, size);
    out->words[0] = '\0';
    out->wrong = (mk_http_wrong_t){0};
    out->request.fields = out->response.fields = (mk_http_fields_t){fields, 0, RIG_FIELDS};
    if (feed->kind == A_REQUEST) {
        out->step = mk_http_request_parse(copy, size, feed->limits, &feed->scanned, &out->request, &out->used, &out->wrong);
        if (out->step == MK_HTTP_DONE) say_request(out->words, &out->request);
    } else {
        out->step = mk_http_response_parse(copy, size, feed->limits, feed->method, &feed->scanned, &out->response, &out->used,
                                           &out->wrong);
        if (out->step == MK_HTTP_DONE) say_response(out->words, &out->response);
    }
    free(copy);
}

static inline bool same_outcome(const outcome_t *a, const outcome_t *b) {
    if (a->step != b->step) return false;
    if (a->step == MK_HTTP_DONE) return a->used == b->used && strcmp(a->words, b->words) == 0;
    if (a->step == MK_HTTP_WRONG) return a->wrong.status == b->wrong.status && strcmp(a->wrong.why, b->wrong.why) == 0;
    return true;
}

/* The outcome of all bytes; every way of cutting them has the same. */
static inline const outcome_t *parse_cut(feed_t feed) {
    static outcome_t whole, cut;
    feed_upto(&feed, feed.size, &whole);
    for (size_t first = 0; first < feed.size; first++) { /* two pieces */
        feed.scanned = 0;
        feed_upto(&feed, first, &cut);
        if (cut.step == MK_HTTP_MORE) feed_upto(&feed, feed.size, &cut);
        if (!same_outcome(&whole, &cut)) rig_fail(__FILE__, __LINE__, "cut at %zu: %.200s", first, feed.bytes);
    }
    feed.scanned = 0;
    cut.step = MK_HTTP_MORE;
    for (size_t upto = 0; upto <= feed.size && cut.step == MK_HTTP_MORE; upto++) feed_upto(&feed, upto, &cut);
    if (!same_outcome(&whole, &cut)) rig_fail(__FILE__, __LINE__, "byte by byte: %.200s", feed.bytes);
    return &whole;
}

static inline const outcome_t *parse_request(const char *text) {
    return parse_cut((feed_t){.kind = A_REQUEST, .bytes = text, .size = strlen(text)});
}

static inline const outcome_t *parse_response(const char *text, mk_http_method_t method) {
    return parse_cut((feed_t){.kind = A_RESPONSE, .method = method, .bytes = text, .size = strlen(text)});
}

/* ---- bodies ------------------------------------------------------------------------------------------------------------- */

typedef struct body_outcome {
    mk_http_step_t step;
    const char    *why;
    size_t         used, content_size;
    char           content[RIG_TEXT_BYTES];
} body_outcome_t;

static inline void take_piece(mk_http_body_t *body, const char *bytes, size_t size, body_outcome_t *out) {
    char *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    for (size_t at = 0; at < size && out->step == MK_HTTP_MORE;) {
        size_t         used;
        mk_http_text_t data;
        out->step = mk_http_body_take(body, copy + at, size - at, &used, &data);
        if (out->step == MK_HTTP_MORE) CHECK(used > 0); /* or it would go on for ever */
        CHECK(used <= size - at);
        if (data.size > 0) CHECK(data.at >= copy + at && data.at + data.size <= copy + at + used);
        memcpy(out->content + out->content_size, data.at != NULL ? data.at : "", data.size);
        out->content_size += data.size;
        at += used;
        out->used += used;
    }
    out->why = out->step == MK_HTTP_WRONG ? body->why : NULL;
    CHECK_EQ(body->received, out->content_size);
    CHECK_EQ(body->done, out->step == MK_HTTP_DONE);
    free(copy);
}

static inline bool same_body(const body_outcome_t *a, const body_outcome_t *b) {
    return a->step == b->step && a->used == b->used && a->content_size == b->content_size &&
           memcmp(a->content, b->content, a->content_size) == 0 &&
           (a->why == b->why || (a->why != NULL && b->why != NULL && strcmp(a->why, b->why) == 0));
}

static inline const body_outcome_t *take_cut(mk_http_framing_t framing, uint64_t length, const char *bytes, size_t size) {
    static body_outcome_t whole, cut;
    mk_http_body_t        body;
    whole = (body_outcome_t){.step = MK_HTTP_MORE};
    mk_http_body_init(&body, framing, length);
    take_piece(&body, bytes, size, &whole);
    for (size_t first = 0; first <= size; first++) {
        cut = (body_outcome_t){.step = MK_HTTP_MORE};
        mk_http_body_init(&body, framing, length);
        take_piece(&body, bytes, first, &cut);
        if (cut.step == MK_HTTP_MORE && first < size) take_piece(&body, bytes + first, size - first, &cut);
        if (!same_body(&whole, &cut)) rig_fail(__FILE__, __LINE__, "cut at %zu: %.200s", first, bytes);
    }
    cut = (body_outcome_t){.step = MK_HTTP_MORE};
    mk_http_body_init(&body, framing, length);
    for (size_t at = 0; at < size && cut.step == MK_HTTP_MORE; at++) take_piece(&body, bytes + at, 1, &cut);
    if (!same_body(&whole, &cut)) rig_fail(__FILE__, __LINE__, "byte by byte: %.200s", bytes);
    return &whole;
}

static inline const body_outcome_t *take_chunked_text(const char *text) {
    return take_cut(MK_HTTP_CHUNKED, 0, text, strlen(text));
}

#endif
