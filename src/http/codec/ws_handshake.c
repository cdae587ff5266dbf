/* SPDX-License-Identifier: Apache-2.0 */
/* ws_handshake.c -- see ws_handshake.h. */
#include "http/codec/ws_handshake.h"

#include <string.h>

#include "base/base64.h"
#include "base/sha1.h"

/* RFC 6455 section 1.3. */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void mk_ws_key_make(const uint8_t nonce[MK_WS_NONCE_BYTES], char key[MK_WS_KEY_CHARS + 1]) {
    mk_base64_encode(nonce, MK_WS_NONCE_BYTES, key);
}

void mk_ws_accept_make(const char key[MK_WS_KEY_CHARS], char accept[MK_WS_ACCEPT_CHARS + 1]) {
    char    text[MK_WS_KEY_CHARS + sizeof guid - 1];
    uint8_t digest[MK_SHA1_BYTES];
    memcpy(text, key, MK_WS_KEY_CHARS);
    memcpy(text + MK_WS_KEY_CHARS, guid, sizeof guid - 1);
    mk_sha1(text, sizeof text, digest);
    mk_base64_encode(digest, sizeof digest, accept);
}

static bool key_is_valid(mk_http_text_t key) {
    uint8_t nonce[MK_WS_KEY_CHARS / 4 * 3];
    size_t  size;
    return key.size == MK_WS_KEY_CHARS && mk_base64_decode(key.at, key.size, nonce, &size) && size == MK_WS_NONCE_BYTES;
}

/* The field's value when there is exactly one such field, else absent. */
static mk_http_text_t only(const mk_http_fields_t *fields, const char *name) {
    mk_http_text_t value = {NULL, 0}, second;
    size_t         index = 0;
    if (!mk_http_fields_next(fields, name, &index, &value)) return (mk_http_text_t){NULL, 0};
    return mk_http_fields_next(fields, name, &index, &second) ? (mk_http_text_t){NULL, 0} : value;
}

bool mk_ws_is_asked_for(const mk_http_request_t *request) {
    return request->upgrade && mk_http_fields_list_has(&request->fields, "Upgrade", "websocket");
}

int mk_ws_request_check(const mk_http_request_t *request, const mk_ws_wish_t *wish, mk_ws_upgrade_t *out,
                        const char **why) {
    mk_http_text_t key = only(&request->fields, "Sec-WebSocket-Key");
    if (request->method != MK_HTTP_GET) {
        *why = "a WebSocket begins with GET";
        return 405;
    }
    if (!mk_http_text_equal(only(&request->fields, "Sec-WebSocket-Version"), "13")) {
        *why = "only version 13 of WebSocket is spoken here";
        return 426;
    }
    *why = "not a valid WebSocket handshake";
    bool body = request->framing == MK_HTTP_CHUNKED || (request->framing == MK_HTTP_LENGTH && request->length > 0);
    if (!mk_ws_is_asked_for(request) || body || !key_is_valid(key)) return 400;
    if (mk_ws_terms_accept(&request->fields, wish, &out->terms) != MK_OK) return 400;
    mk_ws_accept_make(key.at, out->accept);
    *why = "";
    return 0;
}

/* An element of a list, as it stands. */
static bool list_has(mk_http_text_t list, mk_http_text_t wanted) {
    mk_http_text_t element;
    while (mk_http_list_next(&list, &element)) {
        if (element.size == wanted.size && memcmp(element.at, wanted.at, wanted.size) == 0) return true;
    }
    return false;
}

bool mk_ws_protocol_is_offered(const mk_http_fields_t *fields, const char *protocol) {
    mk_http_text_t list, wanted = mk_http_text(protocol);
    if (wanted.size == 0) return false;
    for (size_t index = 0; mk_http_fields_next(fields, "Sec-WebSocket-Protocol", &index, &list);) {
        if (list_has(list, wanted)) return true;
    }
    return false;
}

static mk_err_t write_field(mk_buffer_t *out, const char *name, const char *value) {
    if (value == NULL || *value == '\0') return MK_OK;
    return mk_http_write_field(out, mk_http_text(name), mk_http_text(value));
}

/* Takes back what was appended since `before` unless all of it was. */
static mk_err_t all_or_nothing(mk_buffer_t *out, size_t before, mk_err_t err) {
    if (err != MK_OK) out->size = before;
    return err;
}

mk_err_t mk_ws_write_accept(mk_buffer_t *out, const mk_ws_upgrade_t *upgrade, const char *protocol) {
    char     extensions[MK_WS_EXTENSION_CHARS_MAX];
    size_t   before = out->size;
    bool     named = protocol != NULL && *protocol != '\0';
    mk_err_t err = !named || mk_http_is_token(mk_http_text(protocol)) ? MK_OK : MK_ERR_INVALID;
    mk_ws_terms_answer(&upgrade->terms, extensions);
    if (err == MK_OK) err = mk_http_write_status(out, 101, NULL);
    if (err == MK_OK) err = write_field(out, "Upgrade", "websocket");
    if (err == MK_OK) err = write_field(out, "Connection", "Upgrade");
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Accept", upgrade->accept);
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Protocol", protocol);
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Extensions", extensions);
    if (err == MK_OK) err = mk_http_write_end(out);
    return all_or_nothing(out, before, err);
}

mk_err_t mk_ws_write_request_fields(mk_buffer_t *out, const char key[MK_WS_KEY_CHARS + 1], const mk_ws_wish_t *wish,
                                    const char *protocols) {
    char     extensions[MK_WS_EXTENSION_CHARS_MAX];
    size_t   before = out->size;
    mk_err_t err = write_field(out, "Upgrade", "websocket");
    mk_ws_wish_offer(wish, extensions);
    if (err == MK_OK) err = write_field(out, "Connection", "Upgrade");
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Key", key);
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Version", "13");
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Protocol", protocols);
    if (err == MK_OK) err = write_field(out, "Sec-WebSocket-Extensions", extensions);
    return all_or_nothing(out, before, err);
}

/* At most one subprotocol, and one of those that were offered. */
static bool read_protocol(const mk_http_fields_t *fields, const char *protocols, mk_http_text_t *out) {
    size_t index = 0;
    *out = (mk_http_text_t){NULL, 0};
    if (!mk_http_fields_next(fields, "Sec-WebSocket-Protocol", &index, out)) return true;
    *out = only(fields, "Sec-WebSocket-Protocol");
    return out->at != NULL && protocols != NULL && mk_http_is_token(*out) && list_has(mk_http_text(protocols), *out);
}

mk_err_t mk_ws_response_check(const mk_http_response_t *response, const char key[MK_WS_KEY_CHARS + 1],
                              const mk_ws_wish_t *wish, const char *protocols, mk_ws_terms_t *terms,
                              mk_http_text_t *protocol, const char **why) {
    char accept[MK_WS_ACCEPT_CHARS + 1];
    mk_ws_accept_make(key, accept);
    if (!response->upgrade || !mk_http_text_alike(response->upgrade_to, "websocket")) {
        *why = "the server did not agree to a WebSocket";
    } else if (!mk_http_text_equal(only(&response->fields, "Sec-WebSocket-Accept"), accept)) {
        *why = "the server's answer is to another handshake";
    } else if (!read_protocol(&response->fields, protocols, protocol)) {
        *why = "the server chose a subprotocol that was not offered";
    } else if (mk_ws_terms_read(&response->fields, wish, terms) != MK_OK) {
        *why = "the server agreed to an extension that was not offered";
    } else {
        *why = "";
        return MK_OK;
    }
    return MK_ERR_PROTO;
}
