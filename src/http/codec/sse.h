/* SPDX-License-Identifier: Apache-2.0 */
/* sse.h -- the text/event-stream format of the HTML standard (section 9.2, server-sent events): bytes in, events out, and back.
 * Lines end in CR, LF or CRLF and may be split anywhere; a leading BOM is skipped; what is not UTF-8 is replaced as the
 * Encoding Standard says. No I/O, no clock. */
#ifndef MK_HTTP_CODEC_SSE_H
#define MK_HTTP_CODEC_SSE_H

#include "base/buffer.h"
#include "http/codec/fields.h"

/* An event that was parsed is borrowed until the next call on its parser. */
typedef struct mk_sse_event {
    mk_http_text_t name; /* parsed: "message" when the stream named none. To write: empty for none            */
    mk_http_text_t data; /* lines separated by LF                                                            */
    mk_http_text_t id;   /* parsed: the last one so far, maybe empty. To write: absent for no `id` line    */
} mk_sse_event_t;

typedef enum mk_sse_status {
    MK_SSE_MORE,    /* all is used up; the rest has to come                           */
    MK_SSE_EVENT,   /* `event` is filled in; go on with what is behind the used bytes */
    MK_SSE_TOOLONG, /* a line, or what an event is gathered from, is above the limit  */
    MK_SSE_NOMEM,
} mk_sse_status_t;

typedef struct mk_sse_parser {
    mk_buffer_t line;       /* its beginning, while the end has not come                     */
    mk_buffer_t data, name; /* of the event being gathered                                   */
    mk_buffer_t id;         /* the last one seen: what Last-Event-ID says after a lost stream */
    size_t      bytes_max;
    uint32_t    retry_ms;   /* what the stream said last; only with `has_retry`              */
    uint8_t     bom;        /* bytes of it seen; past it: BOM_OVER                           */
    bool        has_retry;
    bool        after_cr;   /* an LF that comes first belongs to the line before             */
    bool        comment;    /* the line being read is skipped                                */
} mk_sse_parser_t;

/* No event may be gathered from more than `event_bytes_max` bytes. */
void mk_sse_parser_init(mk_sse_parser_t *parser, size_t event_bytes_max);
void mk_sse_parser_fini(mk_sse_parser_t *parser);

/* A new stream begins: what was not finished is forgotten; the last id and `retry` are kept. */
void mk_sse_parser_restart(mk_sse_parser_t *parser);

/* Reads up to the end of the next event. After TOOLONG and NOMEM only restart and fini may follow. */
mk_sse_status_t mk_sse_parse(mk_sse_parser_t *parser, const uint8_t *bytes, size_t size, size_t *used,
                             mk_sse_event_t *event);

/* Append to *out, all or nothing. CR, LF and CRLF in data each become the end of a line. MK_ERR_INVALID: a name with a line
 * end, an id with one or with a NUL; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_sse_write_event(mk_buffer_t *out, const mk_sse_event_t *event);
MK_MUST_CHECK mk_err_t mk_sse_write_comment(mk_buffer_t *out, const char *text, size_t size); /* "" keeps a connection alive */
MK_MUST_CHECK mk_err_t mk_sse_write_retry(mk_buffer_t *out, uint32_t retry_ms);

#endif
