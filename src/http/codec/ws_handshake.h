/* SPDX-License-Identifier: Apache-2.0 */
/* ws_handshake.h -- how an HTTP/1.1 connection becomes a WebSocket (RFC 6455 section 4): what both sides say and check. Pure. */
#ifndef MK_HTTP_CODEC_WS_HANDSHAKE_H
#define MK_HTTP_CODEC_WS_HANDSHAKE_H

#include "http/codec/head.h"
#include "http/codec/message.h"
#include "http/codec/ws_extension.h"

enum { MK_WS_NONCE_BYTES = 16, MK_WS_KEY_CHARS = 24, MK_WS_ACCEPT_CHARS = 28 };

/* With a NUL each. The nonce is 16 random bytes. */
void mk_ws_key_make(const uint8_t nonce[MK_WS_NONCE_BYTES], char key[MK_WS_KEY_CHARS + 1]);
void mk_ws_accept_make(const char key[MK_WS_KEY_CHARS], char accept[MK_WS_ACCEPT_CHARS + 1]);

/* ---- server -------------------------------------------------------------------------------------------------------------- */

/* All that is needed of a request to accept it later. */
typedef struct mk_ws_upgrade {
    mk_ws_terms_t terms;
    char          accept[MK_WS_ACCEPT_CHARS + 1];
} mk_ws_upgrade_t;

/* Whether the request asks for a WebSocket: request->upgrade, and `websocket` among what to upgrade to. */
bool mk_ws_is_asked_for(const mk_http_request_t *request);

/* Checks a request that asks for one (section 4.2.1). 0: *out is filled in. Else the status to answer: 405 (not GET), 426 (not
 * version 13: the answer has the field `Sec-WebSocket-Version: 13`), 400; *why is a few words, static. */
int mk_ws_request_check(const mk_http_request_t *request, const mk_ws_wish_t *wish, mk_ws_upgrade_t *out, const char **why);

/* Whether the client offers this subprotocol (case counts). */
bool mk_ws_protocol_is_offered(const mk_http_fields_t *fields, const char *protocol);

/* The whole answer, 101 to the empty line. `protocol` NULL or "": none. As message.h: MK_ERR_INVALID (`protocol` is no token),
 * MK_ERR_NOMEM: nothing was appended. */
MK_MUST_CHECK mk_err_t mk_ws_write_accept(mk_buffer_t *out, const mk_ws_upgrade_t *upgrade, const char *protocol);

/* ---- client -------------------------------------------------------------------------------------------------------------- */

/* The fields of a request, behind Host: Upgrade, Connection, key, version, extensions and, when `protocols` is not NULL or "",
 * the subprotocols, preferred first, comma-separated. */
MK_MUST_CHECK mk_err_t mk_ws_write_request_fields(mk_buffer_t *out, const char key[MK_WS_KEY_CHARS + 1], const mk_ws_wish_t *wish,
                                                  const char *protocols);

/* Checks a 101 (section 4.1). MK_ERR_PROTO: no WebSocket; *why says what is wrong, static. *protocol: the one chosen, or
 * absent. */
MK_MUST_CHECK mk_err_t mk_ws_response_check(const mk_http_response_t *response, const char key[MK_WS_KEY_CHARS + 1],
                                            const mk_ws_wish_t *wish, const char *protocols, mk_ws_terms_t *terms,
                                            mk_http_text_t *protocol, const char **why);

#endif
