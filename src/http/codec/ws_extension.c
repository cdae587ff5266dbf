/* SPDX-License-Identifier: Apache-2.0 */
/* ws_extension.c -- see ws_extension.h. An offer and an answer have the same four parameters; they differ in which may stand
 * without a value and in which limit what. */
#include "http/codec/ws_extension.h"

#include <stdio.h>
#include <string.h>

static const char field_name[] = "Sec-WebSocket-Extensions";
static const char extension_name[] = "permessage-deflate";

/* The parameters of one permessage-deflate. */
typedef struct params {
    bool    server_no_takeover, client_no_takeover;
    bool    client_bits_open; /* client_max_window_bits without a value */
    uint8_t server_bits, client_bits;
} params_t;

typedef enum verdict { GOOD, OTHER, MALFORMED } verdict_t; /* OTHER: well-formed, but not something we do */

static void skip_space(mk_http_text_t *text) {
    while (text->size > 0 && (*text->at == ' ' || *text->at == '\t')) text->at++, text->size--;
}

/* The token in front, and the white space behind it. False: there is none. */
static bool take_token(mk_http_text_t *text, mk_http_text_t *token) {
    size_t size = 0;
    while (size < text->size && strchr(" \t;=\",", text->at[size]) == NULL) size++;
    *token = (mk_http_text_t){text->at, size};
    text->at += size;
    text->size -= size;
    skip_space(text);
    return mk_http_is_token(*token);
}

static bool take_char(mk_http_text_t *text, char c) {
    if (text->size == 0 || *text->at != c) return false;
    text->at++;
    text->size--;
    skip_space(text);
    return true;
}

/* A value is a token; in quotes it has to be one as well (RFC 6455 section 9.1). */
static bool take_value(mk_http_text_t *text, mk_http_text_t *value) {
    bool quoted = text->size > 0 && *text->at == '"';
    if (quoted) text->at++, text->size--;
    if (!take_token(text, value)) return false;
    if (!quoted) return true;
    /* No white space before the closing quote. */
    return value->at + value->size == text->at && take_char(text, '"');
}

static bool read_bits(mk_http_text_t value, uint8_t *bits) {
    uint64_t number;
    if (value.size > 2 || !mk_http_text_to_u64(value, &number) || *value.at == '0') return false;
    *bits = (uint8_t)number;
    return number >= MK_WS_BITS_MIN && number <= MK_WS_BITS_MAX;
}

/* A parameter may come once, and each takes a value, or none, as RFC 7692 has it. */
static verdict_t take_param(params_t *params, mk_http_text_t name, const mk_http_text_t *value) {
    if (mk_http_text_alike(name, "server_no_context_takeover")) {
        if (value != NULL || params->server_no_takeover) return OTHER;
        params->server_no_takeover = true;
    } else if (mk_http_text_alike(name, "client_no_context_takeover")) {
        if (value != NULL || params->client_no_takeover) return OTHER;
        params->client_no_takeover = true;
    } else if (mk_http_text_alike(name, "server_max_window_bits")) {
        if (value == NULL || params->server_bits != 0 || !read_bits(*value, &params->server_bits)) return OTHER;
    } else if (mk_http_text_alike(name, "client_max_window_bits")) {
        if (params->client_bits_open || params->client_bits != 0) return OTHER;
        if (value == NULL) {
            params->client_bits_open = true;
        } else if (!read_bits(*value, &params->client_bits)) {
            return OTHER;
        }
    } else {
        return OTHER;
    }
    return GOOD;
}

/* One element of the field's list. Read to its end even when it is not for us: it may be malformed there. */
static verdict_t read_element(mk_http_text_t text, params_t *params) {
    mk_http_text_t token, value;
    *params = (params_t){0};
    if (!take_token(&text, &token)) return MALFORMED;
    verdict_t verdict = mk_http_text_alike(token, extension_name) ? GOOD : OTHER;
    while (text.size > 0) {
        if (!take_char(&text, ';') || !take_token(&text, &token)) return MALFORMED;
        bool valued = take_char(&text, '=');
        if (valued && !take_value(&text, &value)) return MALFORMED;
        if (verdict == GOOD) verdict = take_param(params, token, valued ? &value : NULL);
    }
    return verdict;
}

static uint8_t bits_or_all(uint8_t bits) { return bits != 0 ? bits : MK_WS_BITS_MAX; }
static uint8_t lower(uint8_t a, uint8_t b) { return a < b ? a : b; }

/* Every offer with valid parameters can be fulfilled. */
static void fulfil(const params_t *offer, const mk_ws_wish_t *wish, mk_ws_terms_t *out) {
    out->deflate = true;
    out->server_takeover = wish->own_takeover && !offer->server_no_takeover;
    out->client_takeover = wish->peer_takeover && !offer->client_no_takeover;
    uint8_t bits = lower(bits_or_all(offer->server_bits), bits_or_all(wish->own_bits));
    out->server_bits = bits < MK_WS_BITS_MAX || offer->server_bits != 0 ? bits : 0;
    if (!offer->client_bits_open && offer->client_bits == 0) return; /* a client that would not understand it */
    bits = lower(bits_or_all(offer->client_bits), bits_or_all(wish->peer_bits));
    out->client_bits = bits < MK_WS_BITS_MAX ? bits : 0;
}

mk_err_t mk_ws_terms_accept(const mk_http_fields_t *fields, const mk_ws_wish_t *wish, mk_ws_terms_t *out) {
    mk_http_text_t rest, element;
    *out = (mk_ws_terms_t){0};
    for (size_t index = 0; mk_http_fields_next(fields, field_name, &index, &rest);) {
        while (mk_http_list_next(&rest, &element)) {
            params_t  offer;
            verdict_t verdict = read_element(element, &offer);
            if (verdict == MALFORMED) return MK_ERR_FORMAT;
            if (verdict == GOOD && wish->deflate && !out->deflate) fulfil(&offer, wish, out);
        }
    }
    return MK_OK;
}

/* Appends to a text that has room for all there is to say. */
static void say(char out[MK_WS_EXTENSION_CHARS_MAX], const char *param, uint8_t bits) {
    size_t at = strlen(out);
    if (bits == 0) {
        snprintf(out + at, MK_WS_EXTENSION_CHARS_MAX - at, "; %s", param);
    } else {
        snprintf(out + at, MK_WS_EXTENSION_CHARS_MAX - at, "; %s=%u", param, (unsigned)bits);
    }
}

void mk_ws_terms_answer(const mk_ws_terms_t *terms, char out[MK_WS_EXTENSION_CHARS_MAX]) {
    out[0] = '\0';
    if (!terms->deflate) return;
    snprintf(out, MK_WS_EXTENSION_CHARS_MAX, "%s", extension_name);
    if (!terms->server_takeover) say(out, "server_no_context_takeover", 0);
    if (!terms->client_takeover) say(out, "client_no_context_takeover", 0);
    if (terms->server_bits != 0) say(out, "server_max_window_bits", terms->server_bits);
    if (terms->client_bits != 0) say(out, "client_max_window_bits", terms->client_bits);
}

void mk_ws_wish_offer(const mk_ws_wish_t *wish, char out[MK_WS_EXTENSION_CHARS_MAX]) {
    out[0] = '\0';
    if (!wish->deflate) return;
    snprintf(out, MK_WS_EXTENSION_CHARS_MAX, "%s", extension_name);
    if (!wish->peer_takeover) say(out, "server_no_context_takeover", 0);
    if (!wish->own_takeover) say(out, "client_no_context_takeover", 0);
    if (bits_or_all(wish->peer_bits) < MK_WS_BITS_MAX) say(out, "server_max_window_bits", wish->peer_bits);
    say(out, "client_max_window_bits", bits_or_all(wish->own_bits) < MK_WS_BITS_MAX ? wish->own_bits : 0);
}

/* Whether the answer keeps within the offer of mk_ws_wish_offer(). What a server was asked to promise, it has to. */
static bool answers(const params_t *answer, const mk_ws_wish_t *wish) {
    if (answer->client_bits_open) return false; /* in an answer it has a value */
    if (!wish->peer_takeover && !answer->server_no_takeover) return false;
    uint8_t server_bits_max = bits_or_all(wish->peer_bits);
    if (bits_or_all(answer->server_bits) > server_bits_max) return false;
    return bits_or_all(wish->own_bits) >= answer->client_bits;
}

mk_err_t mk_ws_terms_read(const mk_http_fields_t *fields, const mk_ws_wish_t *wish, mk_ws_terms_t *out) {
    mk_http_text_t rest, element;
    *out = (mk_ws_terms_t){0};
    for (size_t index = 0; mk_http_fields_next(fields, field_name, &index, &rest);) {
        while (mk_http_list_next(&rest, &element)) {
            params_t  answer;
            verdict_t verdict = read_element(element, &answer);
            if (verdict == MALFORMED) return MK_ERR_FORMAT;
            if (verdict != GOOD || !wish->deflate || out->deflate || !answers(&answer, wish)) return MK_ERR_PROTO;
            out->deflate = true;
            out->server_takeover = !answer.server_no_takeover;
            out->client_takeover = wish->own_takeover && !answer.client_no_takeover;
            out->server_bits = answer.server_bits;
            /* What the answer does not limit, the client has limited itself. */
            out->client_bits = answer.client_bits != 0 ? answer.client_bits : wish->own_bits;
        }
    }
    return MK_OK;
}
