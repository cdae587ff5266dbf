/* SPDX-License-Identifier: Apache-2.0 */
/* codec_response_test.c -- response heads: what a status line is, and when and how a body follows. */
#include "codec_rig.h"

TEST(a_response_is_read) {
    const outcome_t *out = parse_response("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc", MK_HTTP_GET);
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK_EQ(out->used, strlen("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n"));
    CHECK_STR(out->words, "status 404 length 3 framing 1 minor 1 keep 1 up 0\nreason 'Not Found'\nupgrade -\n"
                          "name 'Content-Length'\nvalue '3'\n");
}

TEST(a_reason_may_be_anything_or_nothing) {
    CHECK(strstr(parse_response("HTTP/1.1 200 \r\n\r\n", MK_HTTP_GET)->words, "reason ''") != NULL);
    CHECK(strstr(parse_response("HTTP/1.1 200\r\n\r\n", MK_HTTP_GET)->words, "reason ''") != NULL);
    CHECK(strstr(parse_response("HTTP/1.1 200 a\tb \xc3\xa9\r\n\r\n", MK_HTTP_GET)->words, "reason 'a\tb \xc3\xa9'") !=
          NULL);
}

TEST(a_status_line_that_is_none_is_refused) {
    static const char *const lines[] = {
        "HTTP/1.1  200 OK\r\n", "HTTP/1.1 20 OK\r\n",      "HTTP/1.1 2000 OK\r\n",  "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 600 OK\r\n",  "HTTP/1.1 +20 OK\r\n",     "HTTP/1.1 0x2 OK\r\n",   "HTTP/1.1\t200 OK\r\n",
        "HTTP/1.1 200\tOK\r\n", "HTTP/2.0 200 OK\r\n",     "HTTP/1 200 OK\r\n",     "HTTP/1.12 200\r\n",
        "http/1.1 200 OK\r\n",  "HTTP/1.1 200 OK\n",       "HTTP/1.1 200 O\rK\r\n", "HTTP/1.1 200 O\x01\r\n",
        "ICY 200 OK\r\n",       "\r\nHTTP/1.1 200 OK\r\n", " HTTP/1.1 200 OK\r\n",  "<html>",
        "HTTP/1.1 \r\n",        "HTTP/1.1 200OK\r\n",      "HTTP/1.1\r\n",          "H\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const outcome_t *out = parse_response(lines[i], MK_HTTP_GET);
        if (out->step != MK_HTTP_WRONG) rig_fail(__FILE__, __LINE__, "step %d: %s", out->step, lines[i]);
        CHECK_EQ(out->wrong.status, 502);
    }
}

TEST(whether_a_body_follows) {
    static const struct {
        const char       *text;
        mk_http_method_t  method;
        mk_http_framing_t framing;
        bool              keep;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", MK_HTTP_GET, MK_HTTP_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", MK_HTTP_GET, MK_HTTP_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", MK_HTTP_GET, MK_HTTP_CHUNKED, true},
        {"HTTP/1.1 200 OK\r\n\r\n", MK_HTTP_GET, MK_HTTP_UNTIL_CLOSE, false},
        {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", MK_HTTP_GET, MK_HTTP_UNTIL_CLOSE, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", MK_HTTP_GET, MK_HTTP_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", MK_HTTP_GET, MK_HTTP_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", MK_HTTP_GET, MK_HTTP_LENGTH, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", MK_HTTP_HEAD, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", MK_HTTP_HEAD, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 200 OK\r\n\r\n", MK_HTTP_HEAD, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", MK_HTTP_GET, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", MK_HTTP_GET, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", MK_HTTP_GET, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", MK_HTTP_GET, MK_HTTP_NO_BODY, false},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", MK_HTTP_GET, MK_HTTP_NO_BODY, false},
        {"HTTP/1.1 100 Continue\r\n\r\n", MK_HTTP_POST, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", MK_HTTP_GET, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 200 OK\r\n\r\n", MK_HTTP_CONNECT, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", MK_HTTP_CONNECT, MK_HTTP_NO_BODY, true},
        {"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n", MK_HTTP_CONNECT, MK_HTTP_LENGTH, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const outcome_t *out = parse_response(cases[i].text, cases[i].method);
        if (out->step != MK_HTTP_DONE || out->response.framing != cases[i].framing ||
            out->response.keep_alive != cases[i].keep)
            rig_fail(__FILE__, __LINE__, "step %d framing %d keep %d: %s", out->step, out->response.framing,
                     out->response.keep_alive, cases[i].text);
    }
    CHECK_EQ(parse_response("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", MK_HTTP_GET)->step, MK_HTTP_WRONG);
}

TEST(switching_protocols) {
    const outcome_t *out =
        parse_response("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81", MK_HTTP_GET);
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK(out->response.upgrade);
    CHECK(strstr(out->words, "upgrade 'websocket'") != NULL);
    CHECK(!parse_response("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", MK_HTTP_GET)->response.upgrade);
    CHECK(!parse_response("HTTP/1.1 200 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
                          MK_HTTP_GET)
               ->response.upgrade);
}

TEST(limits_hold_for_responses) {
    const char      *text = "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2345678901234567890\r\n\r\n";
    mk_http_limits_t limits = {.head_bytes_max = (uint32_t)strlen(text)};
    feed_t feed = {.kind = A_RESPONSE, .method = MK_HTTP_GET, .limits = &limits, .bytes = text, .size = strlen(text)};
    CHECK_EQ(parse_cut(feed)->step, MK_HTTP_DONE);
    limits.head_bytes_max--;
    CHECK_EQ(parse_cut(feed)->step, MK_HTTP_WRONG);
    limits = (mk_http_limits_t){.fields_max = 2};
    CHECK_EQ(parse_cut(feed)->step, MK_HTTP_DONE);
    limits.fields_max = 1;
    CHECK_EQ(parse_cut(feed)->step, MK_HTTP_WRONG);
}

TEST(a_response_can_move_with_its_bytes) {
    const char        *text = "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n";
    size_t             size = strlen(text), scanned = 0, used;
    char              *first = malloc(size), *second = malloc(size);
    static char        before[RIG_TEXT_BYTES], after[RIG_TEXT_BYTES];
    mk_http_field_t    fields[8];
    mk_http_response_t response = {.fields = {fields, 0, 8}};
    mk_http_wrong_t    wrong;
    memcpy(first, text, size);
    memcpy(second, text, size);
    CHECK_EQ(mk_http_response_parse(first, size, NULL, MK_HTTP_GET, &scanned, &response, &used, &wrong), MK_HTTP_DONE);
    say_response(before, &response);
    mk_http_response_rebase(&response, first, second);
    free(first);
    say_response(after, &response);
    CHECK_STR(before, after);
    free(second);
}
