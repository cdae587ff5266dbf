/* SPDX-License-Identifier: Apache-2.0 */
/* ws_handshake_test.c -- keys, requests and answers that are and are not handshakes, and every way to agree on compression. */
#include "http/codec/ws_handshake.h"

#include "rig/rig.h"

static mk_http_field_t lines[32];
static uint8_t         head[2048];

static mk_http_step_t parse_request(const char *text, mk_http_request_t *request) {
    size_t          scanned = 0, used;
    mk_http_wrong_t wrong;
    *request = (mk_http_request_t){.fields = {.at = lines, .cap = 32}};
    memcpy(head, text, strlen(text));
    return mk_http_request_parse(head, strlen(text), NULL, &scanned, request, &used, &wrong);
}

static mk_http_step_t parse_response(const void *text, size_t size, mk_http_response_t *response) {
    size_t          scanned = 0, used;
    mk_http_wrong_t wrong;
    *response = (mk_http_response_t){.fields = {.at = lines, .cap = 32}};
    return mk_http_response_parse(text, size, NULL, MK_HTTP_GET, &scanned, response, &used, &wrong);
}

static const mk_ws_wish_t all = {true, true, true, 0, 0}, none;

/* The key and its answer are RFC 6455's. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

TEST(the_published_example_comes_out) {
    char accept[MK_WS_ACCEPT_CHARS + 1], key[MK_WS_KEY_CHARS + 1];
    mk_ws_accept_make(KEY, accept);
    CHECK_STR(accept, ACCEPT);
    mk_ws_key_make((const uint8_t *)"the sample nonce", key);
    CHECK_STR(key, KEY);
}

#define START "GET /chat HTTP/1.1\r\nHost: a\r\n"
#define REST  "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define WS    "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static const struct {
    const char *request;
    int         status; /* -1: not asked for */
} requests[] = {
    {START WS REST, 0},
    {START "upgrade: WebSocket\r\nconnection: keep-alive, UPGRADE\r\n" REST, 0},
    {START "Upgrade: h2c, websocket\r\nConnection: x\r\nConnection: upgrade\r\n" REST, 0},
    {START WS "Content-Length: 0\r\n" REST, 0},
    {START "Connection: Upgrade\r\n" REST, -1},
    {START "Upgrade: websocket\r\n" REST, -1},
    {START "Upgrade: h2c\r\nConnection: Upgrade\r\n" REST, -1},
    {"GET / HTTP/1.0\r\nHost: a\r\n" WS REST, -1},
    {"POST / HTTP/1.1\r\nHost: a\r\n" WS REST, 405},
    {START WS "Content-Length: 5\r\n" REST, 400},
    {START WS "Transfer-Encoding: chunked\r\n" REST, 400},
    {START WS "Sec-WebSocket-Key: " KEY "\r\n\r\n", 426},
    {START WS "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 8\r\n\r\n", 426},
    {START WS "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 013\r\n\r\n", 426},
    {START WS "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13, 8\r\n\r\n", 426},
    {START WS "Sec-WebSocket-Version: 13\r\n" REST, 426},
    {START WS "Sec-WebSocket-Version: 13\r\n\r\n", 400},
    {START WS "Sec-WebSocket-Key: " KEY "\r\n" REST, 400},
    {START WS "Sec-WebSocket-Key: \r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
    {START WS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
    {START WS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQA=\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
    {START WS "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
    {START WS "Sec-WebSocket-Extensions: ;x\r\n" REST, 400},
};

TEST(requests_are_handshakes_or_say_why_not) {
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        mk_http_request_t request;
        mk_ws_upgrade_t   upgrade;
        const char       *why;
        CHECK_EQ(parse_request(requests[i].request, &request), MK_HTTP_DONE);
        if (mk_ws_is_asked_for(&request) != (requests[i].status >= 0)) rig_fail(__FILE__, __LINE__, "row %u", i);
        int status = mk_ws_request_check(&request, &all, &upgrade, &why);
        if (requests[i].status < 0 ? status == 0 : status != requests[i].status) {
            rig_fail(__FILE__, __LINE__, "row %u: %d, %s", i, status, why);
        }
        if (status == 0) CHECK_STR(upgrade.accept, ACCEPT);
    }
}

TEST(subprotocols_are_compared_letter_by_letter) {
    mk_http_request_t request;
    CHECK_EQ(parse_request(START WS "Sec-WebSocket-Protocol: a, bc\r\nSec-WebSocket-Protocol: d\r\n" REST, &request),
             MK_HTTP_DONE);
    CHECK(mk_ws_protocol_is_offered(&request.fields, "a"));
    CHECK(mk_ws_protocol_is_offered(&request.fields, "bc"));
    CHECK(mk_ws_protocol_is_offered(&request.fields, "d"));
    CHECK(!mk_ws_protocol_is_offered(&request.fields, "b"));
    CHECK(!mk_ws_protocol_is_offered(&request.fields, "A"));
    CHECK(!mk_ws_protocol_is_offered(&request.fields, ""));
}

TEST(an_answer_is_written_whole_or_not_at_all) {
    mk_ws_upgrade_t upgrade = {.terms = {true, false, true, 0, 12}, .accept = ACCEPT};
    mk_buffer_t     out = {0};
    CHECK_EQ(mk_ws_write_accept(&out, &upgrade, "not a token"), MK_ERR_INVALID);
    CHECK_EQ(mk_ws_write_accept(&out, &upgrade, "a\r\nX: y"), MK_ERR_INVALID);
    CHECK_EQ(out.size, 0);
    CHECK_EQ(mk_ws_write_accept(&out, &upgrade, "chat"), MK_OK);
    mk_buffer_append(&out, "", 1);
    CHECK_STR(
        (const char *)out.bytes,
        "HTTP/1.1 101 Switching Protocols\r\n" WS "Sec-WebSocket-Accept: " ACCEPT "\r\n"
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        "client_max_window_bits=12\r\n\r\n");
    mk_buffer_free(&out);
}

static const struct {
    const char *fields;
    bool        good;
} responses[] = {
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\n", true},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: b\r\n", true},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: c\r\n", false},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: a, b\r\n", false},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n", false},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: \r\n", false},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n", false},
    {WS "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n", false},
    {WS, false},
    {"Upgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n", false},
    {"Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n", false},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n", true},
    {WS "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Extensions: foo\r\n", false},
};

TEST(answers_are_to_this_handshake_or_none) {
    for (unsigned i = 0; i < sizeof responses / sizeof *responses; i++) {
        mk_http_response_t response;
        mk_ws_terms_t      terms;
        mk_http_text_t     protocol;
        const char        *why;
        snprintf((char *)head, sizeof head, "HTTP/1.1 101 x\r\n%s\r\n", responses[i].fields);
        if (parse_response(head, strlen((const char *)head), &response) != MK_HTTP_DONE) {
            CHECK(!responses[i].good);
            continue;
        }
        mk_err_t err = mk_ws_response_check(&response, KEY, &all, "a, b", &terms, &protocol, &why);
        if ((err == MK_OK) != responses[i].good) rig_fail(__FILE__, __LINE__, "row %u: %s", i, why);
    }
}

/* ---- compression -------------------------------------------------------------------------------------------------- */

static const struct {
    const char  *offer;
    mk_ws_wish_t wish;
    const char  *answer; /* NULL: malformed */
} offers[] = {
    {"permessage-deflate", {true, true, true, 0, 0}, "permessage-deflate"},
    {"permessage-deflate", {false, true, true, 0, 0}, ""},
    {"PerMessage-Deflate", {true, true, true, 0, 0}, "permessage-deflate"},
    {"permessage-deflate",
     {true, false, false, 0, 0},
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
    {"permessage-deflate; server_no_context_takeover",
     {true, true, true, 0, 0},
     "permessage-deflate; server_no_context_takeover"},
    {"permessage-deflate;client_no_context_takeover",
     {true, true, true, 0, 0},
     "permessage-deflate; client_no_context_takeover"},
    {"permessage-deflate; client_max_window_bits", {true, true, true, 0, 0}, "permessage-deflate"},
    {"permessage-deflate; client_max_window_bits",
     {true, true, true, 0, 10},
     "permessage-deflate; client_max_window_bits=10"},
    {"permessage-deflate; client_max_window_bits=9",
     {true, true, true, 0, 10},
     "permessage-deflate; client_max_window_bits=9"},
    {"permessage-deflate", {true, true, true, 0, 10}, "permessage-deflate"}, /* it would not understand */
    {"permessage-deflate; server_max_window_bits=10",
     {true, true, true, 0, 0},
     "permessage-deflate; server_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=\"10\"",
     {true, true, true, 0, 0},
     "permessage-deflate; server_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=12",
     {true, true, true, 11, 0},
     "permessage-deflate; server_max_window_bits=11"},
    {"permessage-deflate; server_max_window_bits=15",
     {true, true, true, 0, 0},
     "permessage-deflate; server_max_window_bits=15"},
    {"permessage-deflate", {true, true, true, 11, 0}, "permessage-deflate; server_max_window_bits=11"},
    {"foo, permessage-deflate", {true, true, true, 0, 0}, "permessage-deflate"},
    {"permessage-deflate; x, permessage-deflate", {true, true, true, 0, 0}, "permessage-deflate"},
    {"permessage-deflate; server_max_window_bits=10, permessage-deflate",
     {true, true, true, 0, 0},
     "permessage-deflate; server_max_window_bits=10"},
    /* offers that cannot be taken */
    {"x-webkit-deflate-frame", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_max_window_bits", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_max_window_bits=7", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_max_window_bits=16", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_max_window_bits=09", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_max_window_bits=+9", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; client_max_window_bits=1000", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; client_max_window_bits; client_max_window_bits=9", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_no_context_takeover=1", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", {true, true, true, 0, 0}, ""},
    {"permessage-deflate; unknown=\"a\"", {true, true, true, 0, 0}, ""},
    /* and what is no offer at all */
    {"permessage-deflate;", {true, true, true, 0, 0}, NULL},
    {"permessage-deflate; =9", {true, true, true, 0, 0}, NULL},
    {"permessage-deflate; a=", {true, true, true, 0, 0}, NULL},
    {"permessage-deflate; a b", {true, true, true, 0, 0}, NULL},
    {"permessage-deflate foo", {true, true, true, 0, 0}, NULL},
    {"foo; a=\"b c\"", {true, true, true, 0, 0}, NULL},
    {"foo; a=\"b", {true, true, true, 0, 0}, NULL},
    {"foo; a=\"b\"c", {false, true, true, 0, 0}, NULL},
    {"fo(o", {true, true, true, 0, 0}, NULL},
};

TEST(offers_are_answered) {
    for (unsigned i = 0; i < sizeof offers / sizeof *offers; i++) {
        lines[0] = (mk_http_field_t){mk_http_text("sec-websocket-extensions"), mk_http_text(offers[i].offer)};
        mk_http_fields_t fields = {lines, 1, 32};
        mk_ws_terms_t    terms;
        char             answer[MK_WS_EXTENSION_CHARS_MAX];
        mk_err_t         err = mk_ws_terms_accept(&fields, &offers[i].wish, &terms);
        if ((err == MK_OK) != (offers[i].answer != NULL)) rig_fail(__FILE__, __LINE__, "%s", offers[i].offer);
        if (err != MK_OK) continue;
        mk_ws_terms_answer(&terms, answer);
        if (strcmp(answer, offers[i].answer) != 0) rig_fail(__FILE__, __LINE__, "%s: %s", offers[i].offer, answer);
    }
}

static mk_err_t read_answer(const char *answer, const mk_ws_wish_t *wish, mk_ws_terms_t *terms) {
    lines[0] = (mk_http_field_t){mk_http_text("Sec-WebSocket-Extensions"), mk_http_text(answer)};
    mk_http_fields_t fields = {lines, *answer != '\0' ? 1 : 0, 32};
    return mk_ws_terms_read(&fields, wish, terms);
}

/* Whatever two of ours wish for, they agree, and both mean the same by it. */
TEST(two_of_ours_always_agree) {
    for (unsigned i = 0; i < 2 * 2 * 2 * 2 * 4 * 4 * 4 * 4; i++) {
        static const uint8_t bits[4] = {0, 8, 11, 15};
        mk_ws_wish_t         client = {true, (i & 1) != 0, (i & 2) != 0, bits[i >> 4 & 3], bits[i >> 6 & 3]};
        mk_ws_wish_t         server = {true, (i & 4) != 0, (i & 8) != 0, bits[i >> 8 & 3], bits[i >> 10 & 3]};
        mk_ws_terms_t        theirs, ours;
        char                 offer[MK_WS_EXTENSION_CHARS_MAX], answer[MK_WS_EXTENSION_CHARS_MAX];
        mk_ws_wish_offer(&client, offer);
        lines[0] = (mk_http_field_t){mk_http_text("Sec-WebSocket-Extensions"), mk_http_text(offer)};
        mk_http_fields_t fields = {lines, 1, 32};
        CHECK_EQ(mk_ws_terms_accept(&fields, &server, &theirs), MK_OK);
        CHECK(theirs.deflate);
        mk_ws_terms_answer(&theirs, answer);
        if (read_answer(answer, &client, &ours) != MK_OK) rig_fail(__FILE__, __LINE__, "%s: %s", offer, answer);
        CHECK(ours.deflate);
        CHECK_EQ(ours.server_takeover, theirs.server_takeover);
        /* Who compresses may do with less than was agreed on, never with more. */
        CHECK(!ours.client_takeover || theirs.client_takeover);
        unsigned sends = ours.client_bits != 0 ? ours.client_bits : 15;
        CHECK(sends <= (theirs.client_bits != 0 ? theirs.client_bits : 15u));
        CHECK_EQ(ours.server_bits, theirs.server_bits);
    }
}

TEST(answers_keep_within_the_offer) {
    mk_ws_terms_t      terms;
    const mk_ws_wish_t narrow = {true, true, false, 0, 10};
    CHECK_EQ(read_answer("", &all, &terms), MK_OK);
    CHECK(!terms.deflate);
    CHECK_EQ(read_answer("permessage-deflate", &none, &terms), MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate, permessage-deflate", &all, &terms), MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate; client_max_window_bits", &all, &terms), MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate; x", &all, &terms), MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate;", &all, &terms), MK_ERR_FORMAT);
    CHECK_EQ(read_answer("permessage-deflate; server_no_context_takeover", &narrow, &terms), MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate; server_max_window_bits=10", &narrow, &terms), MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate; server_no_context_takeover; server_max_window_bits=11", &narrow, &terms),
             MK_ERR_PROTO);
    CHECK_EQ(read_answer("permessage-deflate; server_no_context_takeover; server_max_window_bits=9", &narrow, &terms),
             MK_OK);
    CHECK(terms.deflate && !terms.server_takeover && terms.server_bits == 9 && terms.client_takeover);
}
