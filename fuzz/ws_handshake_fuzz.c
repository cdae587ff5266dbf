/* SPDX-License-Identifier: Apache-2.0 */
/* ws_handshake_fuzz.c -- whatever a client asks for, the answer is a head of our own making, and a client of ours finds in it
 * what the server meant; whatever a server answers, what a client takes from it keeps within its offer. The first byte is what
 * we wish for. */
#include "codec_fuzz.h"

#include "http/codec/ws_handshake.h"

enum { FIELDS = 32 };

static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";

static mk_ws_wish_t wish_of(uint8_t how) {
    static const uint8_t bits[4] = {0, 8, 10, 15};
    return (mk_ws_wish_t){(how & 1) != 0, (how & 2) != 0, (how & 4) != 0, bits[how >> 3 & 3], bits[how >> 5 & 3]};
}

static void check_terms(const mk_ws_terms_t *terms) {
    require(terms->server_bits == 0 || (terms->server_bits >= 8 && terms->server_bits <= 15));
    require(terms->client_bits == 0 || (terms->client_bits >= 8 && terms->client_bits <= 15));
    require(terms->deflate || (!terms->server_takeover && !terms->client_takeover));
}

/* The answer, read by a client that had offered everything. */
static void read_answer(const mk_ws_upgrade_t *upgrade, const char *protocol) {
    static const mk_ws_wish_t all = {true, true, true, 0, 0};
    mk_http_field_t           fields[FIELDS];
    mk_http_response_t        response = {.fields = {fields, 0, FIELDS}};
    mk_http_wrong_t           wrong;
    mk_http_text_t            chosen;
    mk_ws_terms_t             terms;
    mk_buffer_t               out = {0};
    size_t                    scanned = 0, used;
    char                      answer[MK_WS_EXTENSION_CHARS_MAX];
    require(mk_ws_write_accept(&out, upgrade, protocol) == MK_OK);
    require(mk_http_response_parse(out.bytes, out.size, NULL, MK_HTTP_GET, &scanned, &response, &used, &wrong) ==
            MK_HTTP_DONE);
    require(used == out.size && response.status == 101 && response.upgrade);
    require(mk_http_text_equal(mk_http_fields_get(&response.fields, "Sec-WebSocket-Accept"), upgrade->accept));
    mk_ws_terms_answer(&upgrade->terms, answer);
    require(strlen(answer) + 1 < sizeof answer);
    require(mk_ws_terms_read(&response.fields, &all, &terms) == MK_OK);
    require(terms.deflate == upgrade->terms.deflate && terms.server_bits == upgrade->terms.server_bits &&
            terms.client_bits == upgrade->terms.client_bits &&
            terms.server_takeover == upgrade->terms.server_takeover &&
            terms.client_takeover == upgrade->terms.client_takeover);
    chosen = mk_http_fields_get(&response.fields, "Sec-WebSocket-Protocol");
    require(mk_http_text_equal(chosen, protocol != NULL ? protocol : ""));
    mk_buffer_free(&out);
}

static void as_request(const uint8_t *data, size_t size, const mk_ws_wish_t *wish) {
    mk_http_field_t   fields[FIELDS];
    mk_http_request_t request = {.fields = {fields, 0, FIELDS}};
    mk_http_wrong_t   wrong;
    mk_ws_upgrade_t   upgrade;
    const char       *why = NULL;
    size_t            scanned = 0, used;
    if (mk_http_request_parse(data, size, NULL, &scanned, &request, &used, &wrong) != MK_HTTP_DONE) return;
    int status = mk_ws_request_check(&request, wish, &upgrade, &why);
    require(why != NULL && (status == 0 || status == 400 || status == 405 || status == 426));
    if (status != 0) return;
    require(mk_ws_is_asked_for(&request) && strlen(upgrade.accept) == MK_WS_ACCEPT_CHARS);
    require(wish->deflate || !upgrade.terms.deflate);
    check_terms(&upgrade.terms);
    read_answer(&upgrade, NULL);
    if (mk_ws_protocol_is_offered(&request.fields, "chat")) read_answer(&upgrade, "chat");
}

static void as_response(const uint8_t *data, size_t size, const mk_ws_wish_t *wish) {
    mk_http_field_t    fields[FIELDS];
    mk_http_response_t response = {.fields = {fields, 0, FIELDS}};
    mk_http_wrong_t    wrong;
    mk_http_text_t     protocol;
    mk_ws_terms_t      terms;
    const char        *why = NULL;
    size_t             scanned = 0, used;
    if (mk_http_response_parse(data, size, NULL, MK_HTTP_GET, &scanned, &response, &used, &wrong) != MK_HTTP_DONE)
        return;
    mk_err_t err = mk_ws_response_check(&response, key, wish, "chat, superchat", &terms, &protocol, &why);
    require(why != NULL && (err == MK_OK || err == MK_ERR_PROTO));
    if (err != MK_OK) return;
    check_terms(&terms);
    require(wish->deflate || !terms.deflate);
    require(!terms.client_takeover || wish->own_takeover);
    require(!terms.server_takeover || wish->peer_takeover);
    require(protocol.at == NULL || mk_http_text_equal(protocol, "chat") || mk_http_text_equal(protocol, "superchat"));
}

/* As a field's value alone, which the heads above seldom get to. */
static void as_extensions(const uint8_t *data, size_t size, const mk_ws_wish_t *wish) {
    mk_http_field_t  field = {mk_http_text("Sec-WebSocket-Extensions"), {(const char *)data, size}};
    mk_http_fields_t fields = {&field, 1, 1};
    mk_ws_upgrade_t  upgrade = {.accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="};
    if (size == 0 || !mk_http_is_field_value(field.value)) return;
    if (mk_ws_terms_accept(&fields, wish, &upgrade.terms) == MK_OK) {
        check_terms(&upgrade.terms);
        read_answer(&upgrade, NULL);
    }
    if (mk_ws_terms_read(&fields, wish, &upgrade.terms) == MK_OK) check_terms(&upgrade.terms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    mk_ws_wish_t wish = wish_of(data[0]);
    uint8_t     *copy = copy_of(data + 1, size - 1);
    as_request(copy, size - 1, &wish);
    as_response(copy, size - 1, &wish);
    as_extensions(copy, size - 1, &wish);
    free(copy);
    return 0;
}
