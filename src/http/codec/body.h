/* SPDX-License-Identifier: Apache-2.0 */
/* body.h -- bodies, taken out of their framing piece by piece (RFC 9112 sections 6 and 7), and the framing of ours.
 *
 * A body keeps its place in a few words of its own, so bytes may be cut anywhere and none need be kept: every call takes at
 * least one byte of what it is given, or ends the body. Pure: no allocation, no I/O; any thread. */
#ifndef MK_HTTP_CODEC_BODY_H
#define MK_HTTP_CODEC_BODY_H

#include "base/buffer.h"
#include "http/codec/head.h"

typedef struct mk_http_body mk_http_body_t;

/* One per framing. */
typedef struct mk_http_body_kind {
    const char    *name;
    mk_http_step_t (*take)(mk_http_body_t *body, const uint8_t *bytes, size_t size, size_t *used, mk_http_text_t *data);
    bool           closes; /* the end of the connection is the end of the body */
} mk_http_body_kind_t;

/* All but `received` and `done` are body.c's. */
struct mk_http_body {
    const mk_http_body_kind_t *kind;
    uint64_t                   left;       /* of the length, or of the chunk                                 */
    uint64_t                   received;   /* bytes of content so far                                        */
    const char                *why;        /* after WRONG                                                    */
    uint32_t                   line_bytes; /* of this chunk's line                                           */
    uint32_t                   overhead;   /* bytes of chunk extensions and trailers in the whole body       */
    uint8_t                    state;
    bool                       done;
};

/* What a peer may spend on other things than content: on one line between chunks, and on all extensions and trailers of one
 * body together. We ignore all of it; a few dozen bytes are what signed chunks take. */
enum { MK_HTTP_CHUNK_LINE_BYTES = 1024, MK_HTTP_CHUNK_OVERHEAD_BYTES = 16384 };

/* `done` is set at once when there is nothing to come: no body, length 0. */
void mk_http_body_init(mk_http_body_t *body, mk_http_framing_t framing, uint64_t length);

/* The next piece: *used of the bytes were taken and *data is the content among them, one run of it or none. MORE: call again
 * with the rest, or with what comes next. DONE: it ended behind *used bytes, and *data may still hold its last piece. WRONG:
 * body->why says it (400 or 502); *data is empty. Not called again after DONE or WRONG, nor with no bytes. */
static inline mk_http_step_t mk_http_body_take(mk_http_body_t *body, const void *bytes, size_t size, size_t *used,
                                               mk_http_text_t *data) {
    return body->kind->take(body, (const uint8_t *)bytes, size, used, data);
}

/* The connection has ended. True: that was the end of the body, or it had ended before. False: it is cut off. */
bool mk_http_body_end(mk_http_body_t *body);

/* ---- writing chunks ----------------------------------------------------------------------------------------------------- */

/* A chunk is its head, `size` bytes of content, and MK_HTTP_CHUNK_TAIL; the body ends with MK_HTTP_CHUNK_LAST. The head of a
 * chunk of 0 bytes would be the end of the body: `size` is at least 1. Returns the head's bytes; no NUL. */
enum { MK_HTTP_CHUNK_HEAD_BYTES = 18 };
size_t mk_http_chunk_head(char out[MK_HTTP_CHUNK_HEAD_BYTES], uint64_t size);
#define MK_HTTP_CHUNK_TAIL "\r\n"
#define MK_HTTP_CHUNK_LAST "0\r\n\r\n"

/* A whole chunk; nothing when `size` is 0. False: out of memory, `out` is as before but for its `failed`. */
bool mk_http_chunk_append(mk_buffer_t *out, const void *data, size_t size);

#endif
