/* SPDX-License-Identifier: Apache-2.0 */
/* body.c -- one `take` for each framing. The chunked one is a small machine over single bytes; only content, which is most of
 * what comes, goes through in runs. */
#include "http/codec/body.h"

#include <string.h>

#include "base/assert.h"
#include "http/codec/table.h"

static mk_http_step_t finish(mk_http_body_t *body) {
    body->done = true;
    return MK_HTTP_DONE;
}

static mk_http_step_t refuse(mk_http_body_t *body, const char *why) {
    body->why = why;
    return MK_HTTP_WRONG;
}

/* Takes content: as much of `size` as there is of it. */
static void take_content(mk_http_body_t *body, const uint8_t *bytes, size_t size, size_t *used, mk_http_text_t *data) {
    size_t run = body->left < size ? (size_t)body->left : size;
    *data = (mk_http_text_t){(const char *)bytes, run};
    *used += run;
    body->left -= run;
    body->received += run;
}

static mk_http_step_t take_none(mk_http_body_t *body, const uint8_t *bytes, size_t size, size_t *used,
                                mk_http_text_t *data) {
    (void)bytes, (void)size;
    *used = 0;
    *data = (mk_http_text_t){NULL, 0};
    return finish(body);
}

static mk_http_step_t take_length(mk_http_body_t *body, const uint8_t *bytes, size_t size, size_t *used,
                                  mk_http_text_t *data) {
    *used = 0;
    take_content(body, bytes, size, used, data);
    return body->left == 0 ? finish(body) : MK_HTTP_MORE;
}

static mk_http_step_t take_until_close(mk_http_body_t *body, const uint8_t *bytes, size_t size, size_t *used,
                                       mk_http_text_t *data) {
    *used = size;
    *data = (mk_http_text_t){(const char *)bytes, size};
    body->received += size;
    return MK_HTTP_MORE;
}

/* ---- chunked (RFC 9112 section 7.1) ---------------------------------------------------------------------------------------- */

enum {
    SIZE_FIRST, /* the first digit of a size                                                                    */
    SIZE,       /* more of them                                                                                 */
    EXTENSION,  /* behind the ';'                                                                               */
    SIZE_LF,    /* behind the CR of that line                                                                   */
    CONTENT,
    CONTENT_CR,
    CONTENT_LF,
    TRAILER_FIRST, /* the first byte of a trailer line, or of the empty one                                        */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF, /* behind the CR of the empty line                                                              */
};

/* Seven bytes of size, so that it can be neither too large nor grow too large by one digit. No leading zeros are counted: the
 * limit on a line is a limit on them, too. */
enum { SIZE_DIGITS_VALUE_MAX = 56 };

static bool add_digit(mk_http_body_t *body, char c) {
    if (body->left >> (SIZE_DIGITS_VALUE_MAX - 4) != 0) return false;
    body->left = body->left << 4 | mk_http_hex(c);
    return true;
}

/* All of these take one byte and answer what is wrong with it, or NULL. */

static const char *size_byte(mk_http_body_t *body, char c) {
    if (mk_http_is(c, MK_HTTP_IS_HEX)) {
        body->state = SIZE;
        return add_digit(body, c) ? NULL : "a chunk larger than any";
    }
    if (body->state == SIZE_FIRST) return "a chunk without a size";
    if (c == '\r') body->state = SIZE_LF;
    else if (c == ';') body->state = EXTENSION;
    else return "a chunk's size is no number";
    return NULL;
}

/* Extensions are names and values of tokens. Quoted strings and white space are allowed by the grammar and used by nobody but
 * those who hope that we and somebody else find different ends of the line. */
static const char *extension_byte(mk_http_body_t *body, char c) {
    if (c == '\r') body->state = SIZE_LF;
    else if (!mk_http_is(c, MK_HTTP_IS_TOKEN) && c != '=' && c != ';') return "an odd chunk extension";
    return NULL;
}

static const char *trailer_byte(mk_http_body_t *body, char c) {
    switch (body->state) {
    case TRAILER_FIRST:
        if (c == '\r') body->state = LAST_LF;
        else if (mk_http_is(c, MK_HTTP_IS_TOKEN)) body->state = TRAILER_NAME;
        else return "not a trailer field";
        return NULL;
    case TRAILER_NAME:
        if (c == ':') body->state = TRAILER_VALUE;
        else if (!mk_http_is(c, MK_HTTP_IS_TOKEN)) return "not a trailer field";
        return NULL;
    default:
        if (c == '\r') body->state = TRAILER_LF;
        else if (!mk_http_is(c, MK_HTTP_IS_VALUE)) return "a control character in a trailer field";
        return NULL;
    }
}

static void begin_line(mk_http_body_t *body, uint8_t state) {
    body->state = state;
    body->line_bytes = 0;
}

/* The line with a chunk's size is whole. */
static void begin_chunk(mk_http_body_t *body) {
    if (body->left > 0) body->state = CONTENT;
    else begin_line(body, TRAILER_FIRST);
}

/* A CR or LF, where nothing else may stand. */
static const char *fixed_byte(mk_http_body_t *body, char c) {
    bool cr = body->state == CONTENT_CR;
    if (c != (cr ? '\r' : '\n')) return cr ? "a chunk longer than its size" : "a line end that is not CR LF";
    switch (body->state) {
    case SIZE_LF: begin_chunk(body); break;
    case CONTENT_CR: body->state = CONTENT_LF; break;
    case CONTENT_LF: begin_line(body, SIZE_FIRST); break;
    case TRAILER_LF: begin_line(body, TRAILER_FIRST); break;
    default: body->done = true; break; /* LAST_LF */
    }
    return NULL;
}

/* Counts a byte of a line: of every line, so that none is endless; of all extensions and trailers, since there is no end to
 * how many of them a body can have. */
static const char *count_byte(mk_http_body_t *body) {
    if (++body->line_bytes > MK_HTTP_CHUNK_LINE_BYTES) return "a line between chunks is too long";
    bool content = body->state == SIZE_FIRST || body->state == SIZE || body->state == SIZE_LF;
    if (!content && ++body->overhead > MK_HTTP_CHUNK_OVERHEAD_BYTES) return "too much between chunks";
    return NULL;
}

static const char *line_byte(mk_http_body_t *body, char c) {
    const char *why;
    if (body->state == CONTENT_CR || body->state == CONTENT_LF) return fixed_byte(body, c);
    if ((why = count_byte(body)) != NULL) return why;
    switch (body->state) {
    case SIZE_FIRST:
    case SIZE: return size_byte(body, c);
    case EXTENSION: return extension_byte(body, c);
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE: return trailer_byte(body, c);
    default: return fixed_byte(body, c);
    }
}

static mk_http_step_t take_chunked(mk_http_body_t *body, const uint8_t *bytes, size_t size, size_t *used,
                                   mk_http_text_t *data) {
    *used = 0;
    *data = (mk_http_text_t){NULL, 0};
    while (*used < size && body->state != CONTENT) {
        const char *why = line_byte(body, (char)bytes[*used]);
        if (why != NULL) return refuse(body, why);
        ++*used;
        if (body->done) return MK_HTTP_DONE;
    }
    if (*used < size) {
        take_content(body, bytes + *used, size - *used, used, data);
        if (body->left == 0) body->state = CONTENT_CR;
    }
    return MK_HTTP_MORE;
}

/* ---- all of them -------------------------------------------------------------------------------------------------------------- */

static const mk_http_body_kind_t kinds[] = {
    [MK_HTTP_NO_BODY] = {"none", take_none, false},
    [MK_HTTP_LENGTH] = {"length", take_length, false},
    [MK_HTTP_CHUNKED] = {"chunked", take_chunked, false},
    [MK_HTTP_UNTIL_CLOSE] = {"until close", take_until_close, true},
};

void mk_http_body_init(mk_http_body_t *body, mk_http_framing_t framing, uint64_t length) {
    *body = (mk_http_body_t){.kind = &kinds[framing], .state = SIZE_FIRST};
    if (framing == MK_HTTP_LENGTH) body->left = length;
    body->done = framing == MK_HTTP_NO_BODY || (framing == MK_HTTP_LENGTH && length == 0);
}

bool mk_http_body_end(mk_http_body_t *body) {
    if (body->kind->closes) body->done = true;
    return body->done;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

size_t mk_http_chunk_head(char out[MK_HTTP_CHUNK_HEAD_BYTES], uint64_t size) {
    mk_assert(size > 0);
    size_t digits = 1;
    for (uint64_t rest = size >> 4; rest > 0; rest >>= 4) digits++;
    for (size_t i = digits; i > 0; i--, size >>= 4) out[i - 1] = "0123456789abcdef"[size & 15];
    memcpy(out + digits, "\r\n", 2);
    return digits + 2;
}

bool mk_http_chunk_append(mk_buffer_t *out, const void *data, size_t size) {
    if (size == 0) return true;
    if (size > SIZE_MAX - MK_HTTP_CHUNK_HEAD_BYTES - 2) {
        out->failed = true;
        return false;
    }
    uint8_t *at = mk_buffer_reserve(out, size + MK_HTTP_CHUNK_HEAD_BYTES + 2);
    if (at == NULL) return false;
    size_t head = mk_http_chunk_head((char *)at, size);
    memcpy(at + head, data, size);
    memcpy(at + head + size, MK_HTTP_CHUNK_TAIL, 2);
    out->size += head + size + 2;
    return true;
}
