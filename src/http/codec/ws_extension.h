/* SPDX-License-Identifier: Apache-2.0 */
/* ws_extension.h -- agreeing on permessage-deflate (RFC 7692 section 7.1) in the Sec-WebSocket-Extensions fields (RFC 6455
 * section 9.1). Pure; whether there is a compressor at all is the business of who fills in the wish (deflate.h). */
#ifndef MK_HTTP_CODEC_WS_EXTENSION_H
#define MK_HTTP_CODEC_WS_EXTENSION_H

#include "http/codec/fields.h"
#include "microkernel/error.h"

/* A window of 2^bits bytes. */
enum { MK_WS_BITS_MIN = 8, MK_WS_BITS_MAX = 15 };

/* What one side would like, seen from itself. */
typedef struct mk_ws_wish {
    bool    deflate;          /* offer it, or take it when it is offered                                      */
    bool    own_takeover;     /* what we send is compressed with what we sent before in view, if they let us   */
    bool    peer_takeover;    /* and they may do so; then we keep a window as long as the connection lives     */
    uint8_t own_bits;         /* of our window when compressing; 0: 15                                        */
    uint8_t peer_bits;        /* of theirs, if they let us say so; 0: 15                                      */
} mk_ws_wish_t;

/* What both have agreed on. */
typedef struct mk_ws_terms {
    bool    deflate;
    bool    server_takeover, client_takeover;
    uint8_t server_bits, client_bits; /* 0: not spoken of, which is 15 */
} mk_ws_terms_t;

enum { MK_WS_EXTENSION_CHARS_MAX = 160 };

/* Server: takes the first offer it can fulfil, else none. MK_ERR_FORMAT: a field is malformed, and so is the request. */
MK_MUST_CHECK mk_err_t mk_ws_terms_accept(const mk_http_fields_t *fields, const mk_ws_wish_t *wish, mk_ws_terms_t *out);
/* Its answer as a field's value with a NUL; "" without deflate. */
void mk_ws_terms_answer(const mk_ws_terms_t *terms, char out[MK_WS_EXTENSION_CHARS_MAX]);

/* Client: what it offers, as above. */
void mk_ws_wish_offer(const mk_ws_wish_t *wish, char out[MK_WS_EXTENSION_CHARS_MAX]);
/* Reads the server's answer. MK_ERR_FORMAT, MK_ERR_PROTO: malformed, or not an answer to what was offered. */
MK_MUST_CHECK mk_err_t mk_ws_terms_read(const mk_http_fields_t *fields, const mk_ws_wish_t *wish, mk_ws_terms_t *out);

#endif
