/* SPDX-License-Identifier: Apache-2.0 */
/* codec_request_test.c -- request heads as they should be, and the ways in which a request line, a host or an expectation can
 * be wrong. What could smuggle a request has a table of its own in codec_smuggling_test.c. */
#include "codec_rig.h"

#define HOST "Host: a\r\n"

static void is_wrong(const char *text, int status) {
    const outcome_t *out = parse_request(text);
    if (out->step != MK_HTTP_WRONG || out->wrong.status != status)
        rig_fail(__FILE__, __LINE__, "step %d status %d, not %d: %s", out->step, out->wrong.status, status, text);
}

TEST(a_plain_get_is_read) {
    const outcome_t *out =
        parse_request("GET /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nAccept:  */* \t\r\nEmpty:\r\n\r\nrest");
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK_EQ(out->used, strlen("GET /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nAccept:  */* \t\r\nEmpty:\r\n\r\n"));
    CHECK_STR(out->words,
              "method 1 form 0 length 0 framing 0 minor 1 secure 0 keep 1 expect 0 up 0\n"
              "method 'GET'\ntarget '/a/b?c=d'\nhost 'example.com:8080'\npath '/a/b'\nquery 'c=d'\nupgrade -\n"
              "name 'Host'\nvalue 'example.com:8080'\nname 'Accept'\nvalue '*/*'\nname 'Empty'\nvalue ''\n");
}

TEST(incomplete_heads_want_more) {
    static const char *const texts[] = {"",
                                        "\r",
                                        "\r\n",
                                        "G",
                                        "GET / HTTP/1.1\r\n",
                                        "GET / HTTP/1.1\r\n" HOST,
                                        "GET / HTTP/1.1\r\n" HOST "\r",
                                        "GET / HTTP/1.1\r\n" HOST "A\x01 : b"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) CHECK_EQ(parse_request(texts[i])->step, MK_HTTP_MORE);
}

TEST(one_empty_line_may_come_before_a_request) {
    const outcome_t *out = parse_request("\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK_EQ(out->used, 2 + strlen("GET / HTTP/1.1\r\n" HOST "\r\n"));
    is_wrong("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("\nGET / HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("\rGET / HTTP/1.1\r\n" HOST "\r\n", 400);
}

TEST(methods_are_told_apart_by_case) {
    static const char *const names[] = {"",       "GET",   "HEAD",    "POST",    "PUT",
                                        "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"};
    for (int i = MK_HTTP_GET; i <= MK_HTTP_TRACE; i++) {
        CHECK_EQ(mk_http_method_of(mk_http_text(names[i])), i);
        CHECK_STR(mk_http_method_text((mk_http_method_t)i), names[i]);
    }
    CHECK_EQ(mk_http_method_of(mk_http_text("get")), MK_HTTP_OTHER);
    CHECK_EQ(mk_http_method_of(mk_http_text("GETS")), MK_HTTP_OTHER);
    CHECK_STR(mk_http_method_text(MK_HTTP_OTHER), "");
    const outcome_t *out = parse_request("BREW /pot HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK_EQ(out->request.method, MK_HTTP_OTHER);
    CHECK(strstr(out->words, "method 'BREW'") != NULL);
    CHECK_EQ(parse_request("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST "\r\n")->step, MK_HTTP_DONE);
    is_wrong("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n", 501);
}

TEST(a_request_line_that_is_none_is_refused_before_the_head_is_whole) {
    static const struct {
        const char *text;
        int         status;
    } lines[] = {
        {"GET\r\n", 400},
        {"GET /\r\n", 400}, /* HTTP/0.9 */
        {"GET / \r\n", 400},
        {" GET / HTTP/1.1\r\n", 400},
        {"GET  / HTTP/1.1\r\n", 400},
        {"GET /  HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1 \r\n", 400},
        {"GET\t/ HTTP/1.1\r\n", 400},
        {"GET /\tHTTP/1.1\r\n", 400},
        {"GET /a b HTTP/1.1\r\n", 400},
        {"GET / http/1.1\r\n", 400},
        {"GET / HTTP/1\r\n", 400},
        {"GET / HTTP/1.\r\n", 400},
        {"GET / HTTP/1.10\r\n", 400},
        {"GET / HTTP/11\r\n", 400},
        {"GET / HTTP/+1.1\r\n", 400},
        {"GET / HTTP/1,1\r\n", 400},
        {"GET / HTP/1.1\r\n", 400},
        {"GET / HTTP/2.0\r\n", 505},
        {"GET / HTTP/0.9\r\n", 505},
        {"PRI * HTTP/2.0\r\n", 505},
        {"GET /\x01 HTTP/1.1\r\n", 400},
        {"GET /\x7f HTTP/1.1\r\n", 400},
        {"GET /\xc3\xa9 HTTP/1.1\r\n", 400},
        {"GET /a#b HTTP/1.1\r\n", 400},
        {"GET /\rHTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1\r\r\n", 400},
        {"GE(T / HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1\n", 400},
        {"{", 400},
        {"\x16\x03\x01\x02", 400}, /* TLS */
        {"\x80", 400},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) is_wrong(lines[i].text, lines[i].status);
}

TEST(a_nul_is_refused_wherever_it_is) {
    static const char whole[] = "GET /ab HTTP/1.1\r\nHost: a\r\nName: value\r\n\r\n";
    for (size_t at = 0; at + 4 < sizeof whole - 1; at++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        text[at] = '\0';
        const outcome_t *out = parse_cut((feed_t){.kind = A_REQUEST, .bytes = text, .size = sizeof whole - 1});
        CHECK_EQ(out->step, MK_HTTP_WRONG);
        CHECK_EQ(out->wrong.status, 400);
    }
}

TEST(every_byte_at_every_place_of_a_value) {
    for (int byte = 0; byte < 256; byte++) {
        for (int place = 0; place < 24; place++) {
            char   text[] = "GET / HTTP/1.1\r\nHost: a\r\nA:.0123456789abcdefghijklm.\r\n\r\n";
            char  *value = strstr(text, "A:.") + 3;
            size_t size = sizeof text - 1;
            value[place] = (char)byte;
            static outcome_t out;
            feed_t           feed = {.kind = A_REQUEST, .bytes = text, .size = size};
            feed_upto(&feed, size, &out);
            bool good = byte == '\t' || (byte >= ' ' && byte != 0x7F);
            if ((out.step == MK_HTTP_DONE) != good) rig_fail(__FILE__, __LINE__, "byte %d at %d", byte, place);
        }
    }
}

TEST(any_one_byte_that_is_lost_or_doubled_ends_in_a_decision) {
    static const char whole[] =
        "POST http://a/b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        char   text[sizeof whole + 1];
        size_t size = sizeof whole - 1;
        memcpy(text, whole, at);
        memcpy(text + at, whole + at + 1, size - at - 1);
        parse_cut((feed_t){.kind = A_REQUEST, .bytes = text, .size = size - 1});
        memcpy(text, whole, at + 1);
        memcpy(text + at + 1, whole + at, size - at);
        parse_cut((feed_t){.kind = A_REQUEST, .bytes = text, .size = size + 1});
    }
}

TEST(four_forms_of_targets) {
    CHECK_EQ(parse_request("OPTIONS * HTTP/1.1\r\n" HOST "\r\n")->request.form, MK_HTTP_ASTERISK);
    is_wrong("GET * HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("OPTIONS ** HTTP/1.1\r\n" HOST "\r\n", 400);

    const outcome_t *out = parse_request("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(out->request.form, MK_HTTP_AUTHORITY);
    CHECK(strstr(out->words, "host 'a:443'\npath -\nquery -\n") != NULL);
    is_wrong("CONNECT a HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("CONNECT /a HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("CONNECT http://a:80/ HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("GET a:443 HTTP/1.1\r\n" HOST "\r\n", 400);

    out = parse_request("GET HTTP://a/b?c HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(out->request.form, MK_HTTP_ABSOLUTE);
    CHECK(strstr(out->words, "host 'a'\npath '/b'\nquery 'c'\n") != NULL);
    out = parse_request("GET https://a:443?c HTTP/1.1\r\n" HOST "\r\n");
    CHECK(out->request.secure);
    CHECK(strstr(out->words, "host 'a:443'\npath '/'\nquery 'c'\n") != NULL);
    CHECK(strstr(parse_request("GET http://a HTTP/1.1\r\n" HOST "\r\n")->words, "path '/'\nquery -\n") != NULL);
    CHECK(strstr(parse_request("GET http://a HTTP/1.0\r\n\r\n")->words, "host 'a'\npath '/'") != NULL);
    is_wrong("GET http:///b HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("GET http:/a HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("GET http://a:99999/ HTTP/1.1\r\n" HOST "\r\n", 400);
    is_wrong("GET b HTTP/1.1\r\n" HOST "\r\n", 400);
    CHECK(strstr(parse_request("GET //b?? HTTP/1.1\r\n" HOST "\r\n")->words, "path '//b'\nquery '?'\n") != NULL);
}

TEST(hosts) {
    static const char *const good[] = {"a",
                                       "",
                                       "a.b-c_d:1",
                                       "A:",
                                       "127.0.0.1:80",
                                       "[::1]",
                                       "[2001:db8::1]:8080",
                                       "[::ffff:1.2.3.4]",
                                       "[1:2:3:4:5:6:7:8]",
                                       "[1::3:4:5:6:7:8]",
                                       "a%41",
                                       "a:65535"};
    static const char *const bad[] = {"a b",
                                      "a/b",
                                      "u@a",
                                      "a:b",
                                      "a:65536",
                                      "a:0",
                                      "a:-1",
                                      "a:+1",
                                      "[::1",
                                      "::1",
                                      "[::1]x",
                                      "[]",
                                      "[1:2]",
                                      "[::1%25eth0]",
                                      "[1::2::3]",
                                      "a%4",
                                      "a%zz",
                                      "a?b",
                                      "a#b",
                                      ":80",
                                      "\xc3\xa9",
                                      "[:::]",
                                      "[1:2:3:4:5:6:7:8:9]",
                                      "[1::2:3:4:5:6:7:8]",
                                      "[12345::]",
                                      "[::1.2.3]",
                                      "[::1.2.3.256]",
                                      "a\\b"};
    char                     text[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        if (parse_request(text)->step != MK_HTTP_DONE) rig_fail(__FILE__, __LINE__, "refused: %s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        is_wrong(text, 400);
    }
    is_wrong("GET / HTTP/1.1\r\n\r\n", 400);
    is_wrong("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400);
    is_wrong("GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400);
    CHECK_EQ(parse_request("GET / HTTP/1.0\r\n\r\n")->step, MK_HTTP_DONE);
    CHECK(strstr(parse_request("GET / HTTP/1.0\r\n\r\n")->words, "host -\n") != NULL);
}

TEST(an_authority_is_split) {
    mk_http_text_t host;
    uint16_t       port;
    CHECK(mk_http_authority_split(mk_http_text("[::1]:80"), &host, &port));
    CHECK(mk_http_text_equal(host, "::1"));
    CHECK_EQ(port, 80);
    CHECK(mk_http_authority_split(mk_http_text("name"), &host, &port));
    CHECK(mk_http_text_equal(host, "name"));
    CHECK_EQ(port, 0);
    CHECK(!mk_http_authority_split(mk_http_text(""), &host, &port));
}

TEST(persistence_is_the_versions_unless_connection_says_otherwise) {
    static const struct {
        const char *text;
        bool        keep;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.9\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: foo , ClOsE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: foo\r\nconnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const outcome_t *out = parse_request(cases[i].text);
        CHECK_EQ(out->step, MK_HTTP_DONE);
        if (out->request.keep_alive != cases[i].keep) rig_fail(__FILE__, __LINE__, "%s", cases[i].text);
    }
}

TEST(expectations) {
    const char *with = "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n";
    CHECK(parse_request(with)->request.expect_continue);
    CHECK(parse_request("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
              ->request.expect_continue);
    CHECK(!parse_request("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n")->request.expect_continue);
    CHECK(!parse_request("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n")
               ->request.expect_continue);
    CHECK(!parse_request("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
               ->request.expect_continue);
    CHECK_EQ(parse_request("POST / HTTP/1.0\r\nExpect: more\r\nContent-Length: 1\r\n\r\n")->step, MK_HTTP_DONE);
    is_wrong("POST / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", 417);
    is_wrong("POST / HTTP/1.1\r\n" HOST "Expect:\r\n\r\n", 417);
    is_wrong("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 417);
}

TEST(an_upgrade_needs_both_fields_and_a_version_that_has_it) {
    const outcome_t *out =
        parse_request("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n");
    CHECK(out->request.upgrade);
    CHECK(strstr(out->words, "upgrade 'websocket'") != NULL);
    CHECK(!parse_request("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n")->request.upgrade);
    CHECK(!parse_request("GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\n\r\n")->request.upgrade);
    CHECK(!parse_request("GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade:\r\n\r\n")->request.upgrade);
    CHECK(!parse_request("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")->request.upgrade);
}

/* ---- limits --------------------------------------------------------------------------------------------------------------- */

static const outcome_t *with_limits(const char *text, mk_http_limits_t limits) {
    return parse_cut((feed_t){.kind = A_REQUEST, .limits = &limits, .bytes = text, .size = strlen(text)});
}

TEST(a_head_may_be_as_long_as_the_limit_and_no_longer) {
    const char *text =
        "GET / HTTP/1.1\r\n" HOST "A: 0123456789012345678901234567890123456789\r\n\r\nbody of no concern";
    uint32_t size = (uint32_t)(strstr(text, "body") - text);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.head_bytes_max = size})->step, MK_HTTP_DONE);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.head_bytes_max = size - 1})->wrong.status, 431);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.head_bytes_max = size - 20})->wrong.status, 431);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.head_bytes_max = 1})->wrong.status, 431);
}

TEST(fields_may_be_as_many_as_the_limit_and_no_more) {
    const char *text = "GET / HTTP/1.1\r\n" HOST "A: 1\r\nB: 2\r\n\r\n";
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.fields_max = 3})->step, MK_HTTP_DONE);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.fields_max = 2})->wrong.status, 431);
}

TEST(fields_never_outgrow_the_callers_array) {
    mk_http_field_t   field[1];
    mk_http_request_t request = {.fields = {field, 0, 1}};
    size_t            scanned = 0, used;
    mk_http_wrong_t   wrong;
    const char       *text = "GET / HTTP/1.1\r\n" HOST "A: 1\r\n\r\n";
    CHECK_EQ(mk_http_request_parse(text, strlen(text), NULL, &scanned, &request, &used, &wrong), MK_HTTP_WRONG);
    CHECK_EQ(wrong.status, 431);
}

TEST(a_target_may_be_as_long_as_the_limit_and_no_longer) {
    const char *text = "GET /123456789 HTTP/1.1\r\n" HOST "\r\n";
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.target_bytes_max = 10})->step, MK_HTTP_DONE);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.target_bytes_max = 9})->wrong.status, 414);
}

TEST(a_first_line_without_end_is_refused_before_it_fills_the_head) {
    char text[400];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "GET /", 5);
    mk_http_limits_t limits = {.target_bytes_max = 100};
    feed_t           feed = {.kind = A_REQUEST, .limits = &limits, .bytes = text, .size = 100 + 32 + 12};
    CHECK_EQ(parse_cut(feed)->wrong.status, 414);
    feed.size--;
    CHECK_EQ(parse_cut(feed)->step, MK_HTTP_MORE);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.head_bytes_max = 64})->wrong.status, 414);
    CHECK_EQ(with_limits(text, (mk_http_limits_t){.head_bytes_max = 64, .target_bytes_max = 100})->wrong.status, 414);
}

TEST(the_longest_first_line_is_one_of_the_longest_parts) {
    char             text[200], method[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"; /* one too long */
    mk_http_limits_t limits = {.target_bytes_max = 10};
    snprintf(text, sizeof text, "%.32s /123456789 HTTP/1.1\r\n" HOST "\r\n", method);
    CHECK_EQ(with_limits(text, limits)->step, MK_HTTP_DONE);
    snprintf(text, sizeof text, "%.33s /123456789 HTTP/1.1\r\n" HOST "\r\n", method);
    CHECK_EQ(with_limits(text, limits)->wrong.status, 414); /* and not 501: it could as well be endless */
    snprintf(text, sizeof text, "\r\n%.32s /123456789 HTTP/1.1\r\n" HOST "\r\n", method);
    CHECK_EQ(with_limits(text, limits)->step, MK_HTTP_DONE);
}

TEST(the_defaults_are_what_the_header_says) {
    static char      text[40000];
    mk_http_limits_t none = {0};
    for (int over = 0; over < 2; over++) { /* target */
        int n = snprintf(text, sizeof text, "GET /");
        memset(text + n, 'a', (size_t)MK_HTTP_TARGET_BYTES - 1 + (size_t)over);
        snprintf(text + n + MK_HTTP_TARGET_BYTES - 1 + over, 100, " HTTP/1.1\r\n" HOST "\r\n");
        feed_t           feed = {.kind = A_REQUEST, .limits = &none, .bytes = text, .size = strlen(text)};
        static outcome_t out;
        feed_upto(&feed, feed.size, &out);
        CHECK_EQ(out.step, over ? MK_HTTP_WRONG : MK_HTTP_DONE);
        if (over) CHECK_EQ(out.wrong.status, 414);
    }
    for (int over = 0; over < 2; over++) { /* head */
        int    n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "A: ");
        size_t fill = (size_t)(MK_HTTP_HEAD_BYTES - n - 4 + over);
        memset(text + n, 'a', fill);
        memcpy(text + n + fill, "\r\n\r\n", 5);
        feed_t           feed = {.kind = A_REQUEST, .bytes = text, .size = strlen(text)};
        static outcome_t out;
        feed_upto(&feed, feed.size, &out);
        CHECK_EQ(out.step, over ? MK_HTTP_WRONG : MK_HTTP_DONE);
        if (over) CHECK_EQ(out.wrong.status, 431);
    }
    for (int over = 0; over < 2; over++) { /* fields */
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < MK_HTTP_FIELDS + over; i++) n += snprintf(text + n, 10, "A: b\r\n");
        snprintf(text + n, 10, "\r\n");
        feed_t           feed = {.kind = A_REQUEST, .bytes = text, .size = strlen(text)};
        static outcome_t out;
        feed_upto(&feed, feed.size, &out);
        CHECK_EQ(out.step, over ? MK_HTTP_WRONG : MK_HTTP_DONE);
        if (over) CHECK_EQ(out.wrong.status, 431);
    }
}

/* ---- keeping -------------------------------------------------------------------------------------------------------------- */

TEST(a_head_can_move_with_its_bytes) {
    const char       *text = "GET http://a?q HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: x\r\n\r\n";
    size_t            size = strlen(text), scanned = 0, used;
    char             *first = malloc(size), *second = malloc(size);
    static char       before[RIG_TEXT_BYTES], after[RIG_TEXT_BYTES];
    mk_http_field_t   fields[8];
    mk_http_request_t request = {.fields = {fields, 0, 8}};
    mk_http_wrong_t   wrong;
    memcpy(first, text, size);
    memcpy(second, text, size);
    CHECK_EQ(mk_http_request_parse(first, size, NULL, &scanned, &request, &used, &wrong), MK_HTTP_DONE);
    say_request(before, &request);
    mk_http_request_rebase(&request, first, second);
    free(first);
    say_request(after, &request);
    CHECK_STR(before, after);
    free(second);
}

TEST(a_trickling_head_is_not_read_again_and_again) {
    /* 16 KiB byte by byte: looked at from the start each time this would be 128 million bytes and take a minute here. */
    static char text[MK_HTTP_HEAD_BYTES + 1];
    int         n = snprintf(text, sizeof text, "GET /");
    memset(text + n, 'a', 7000);
    n += 7000;
    n += snprintf(text + n, sizeof text - (size_t)n, " HTTP/1.1\r\n" HOST);
    while (n + 200 < MK_HTTP_HEAD_BYTES) n += snprintf(text + n, 200, "A: %.180d\r\n", 0);
    n += snprintf(text + n, 100, "\r\n");
    mk_http_field_t   fields[100];
    mk_http_request_t request = {.fields = {fields, 0, 100}};
    size_t            scanned = 0, used = 0;
    mk_http_wrong_t   wrong;
    for (int upto = 1; upto < n; upto++) {
        size_t before = scanned;
        CHECK_EQ(mk_http_request_parse(text, (size_t)upto, NULL, &scanned, &request, &used, &wrong), MK_HTTP_MORE);
        CHECK_EQ(scanned, upto);
        CHECK(scanned > before);
    }
    CHECK_EQ(mk_http_request_parse(text, (size_t)n, NULL, &scanned, &request, &used, &wrong), MK_HTTP_DONE);
    CHECK_EQ(used, n);
}
