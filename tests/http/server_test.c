/* SPDX-License-Identifier: Apache-2.0 */
/* server_test.c -- requests in, answers out: in what order, in which form, and what is refused. */
#include "server_rig.h"

static keeper_t k;
static client_t c, d;

static void begin(void) {
    k = (keeper_t){0};
    open_server(&k);
    dial(&c);
}

static void end(void) {
    leave(&c);
    close_stage();
}

TEST(a_request_is_answered_and_the_connection_lives) {
    begin();
    say(&c, GET("/a?b=c"));
    CHECK_STR(heard(&c), OK_HEAD(11) "GET /a?b=c ");
    say(&c, "POST /b HTTP/1.1\r\nHost: a\r\nX-Test: some  value \r\nContent-Length: 5\r\n\r\nhello");
    CHECK_STR(heard(&c), OK_HEAD(13) "POST /b hello");
    CHECK_STR(k.header, "some  value");
    CHECK_EQ(k.requests, 2);
    CHECK(k.ids[0] != k.ids[1]);
    CHECK(!c.ended);
    end();
}

TEST(every_answer_has_a_date) {
    begin();
    say(&c, GET("/"));
    hear(&c);
    CHECK(mk_buffer_append(&c.got, "", 1));
    CHECK(strstr((const char *)c.got.bytes, "\r\nDate: ") != NULL);
    CHECK(strstr((const char *)c.got.bytes, " GMT\r\n") != NULL);
    end();
}

TEST(bytes_may_come_one_by_one) {
    static const char text[] = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET("/2");
    begin();
    for (const char *at = text; *at != '\0'; at++) say_bytes(&c, at, 1);
    CHECK_STR(heard(&c), OK_HEAD(11) "POST /b abc" OK_HEAD(7) "GET /2 ");
    end();
}

TEST(many_requests_of_one_read_are_answered_in_one_write) {
    begin();
    mk_slice_t slice = {GET("/1") GET("/2") GET("/3"), sizeof GET("/1") GET("/2") GET("/3") - 1};
    CHECK_EQ(mk_sock_write(c.fd, &slice, 1), slice.size);
    settle();
    uint8_t   buf[1000];
    ptrdiff_t n = mk_sock_read(c.fd, buf, sizeof buf);
    CHECK(n > 0);
    CHECK(mk_buffer_append(&c.got, buf, (size_t)n));
    CHECK_STR(heard(&c), OK_HEAD(7) "GET /1 " OK_HEAD(7) "GET /2 " OK_HEAD(7) "GET /3 ");
    CHECK_EQ(k.requests, 3);
    end();
}

TEST(answers_leave_in_the_order_of_the_requests) {
    begin();
    k.silent = true;
    say(&c, GET("/0") GET("/1") GET("/2"));
    CHECK_EQ(k.requests, 3);
    in(&k, do_answer, 2);
    CHECK(k.well);
    in(&k, do_answer, 1);
    CHECK_STR(heard(&c), "");
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 0" OK_HEAD(8) "answer 1" OK_HEAD(8) "answer 2");
    in(&k, do_answer, 1); /* answered already */
    CHECK(!k.well);
    k.silent = false;
    say(&c, GET("/x"));
    CHECK_STR(heard(&c), OK_HEAD(7) "GET /x ");
    end();
}

TEST(no_more_requests_than_allowed_wait_for_answers) {
    k = (keeper_t){.silent = true, .at.limits.pipeline_max = 4};
    open_server(&k);
    dial(&c);
    for (int i = 0; i < 10; i++) say(&c, GET("/"));
    CHECK_EQ(k.requests, 4);
    in(&k, do_answer, 0);
    CHECK_EQ(k.requests, 4); /* not for each: half of them must be gone */
    in(&k, do_answer, 1);
    CHECK_EQ(k.requests, 6);
    for (uint64_t i = 2; i < 10; i++) in(&k, do_answer, i);
    CHECK_EQ(k.requests, 10);
    CHECK_EQ(count(heard(&c), "answer"), 10);
    end();
}

TEST(chunked_bodies_are_collected) {
    begin();
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    CHECK_EQ(k.requests, 0);
    say(&c, "6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n" GET("/n"));
    CHECK_STR(heard(&c), OK_HEAD(18) "POST / hello world" OK_HEAD(7) "GET /n ");
    end();
}

TEST(a_long_body_grows_inside_of_its_message) {
    begin();
    enum { SIZE = 700000 };
    char *text = malloc(SIZE + 100), *answer_text;
    int   n = sprintf(text, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", SIZE);
    for (int i = 0; i < SIZE; i++) text[n + i] = (char)('a' + i % 23);
    say_bytes(&c, text, (size_t)n + SIZE);
    answer_text = strstr(heard(&c), "POST / ");
    CHECK(answer_text != NULL);
    CHECK_EQ(memcmp(answer_text + 7, text + n, SIZE), 0);
    free(text);
    end();
}

TEST(head_and_its_like_have_no_body) {
    begin();
    say(&c, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" GET("/y"));
    CHECK_STR(heard(&c), OK_HEAD(8) OK_HEAD(7) "GET /y ");
    end();
}

static bool do_status(keeper_t *who, uint64_t arg) {
    static const char *const headers[] = {"X-A: 1", "X-B: 2"};
    who->well = actor_http_respond(rt, who->ids[who->requests - 1], (int)arg, headers, 2, "body", 4);
    return true;
}

TEST(statuses_that_have_no_body_have_none) {
    begin();
    k.silent = true;
    say(&c, GET("/"));
    in(&k, do_status, 204);
    CHECK_STR(heard(&c), "HTTP/1.1 204 No Content\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
    say(&c, GET("/"));
    in(&k, do_status, 304);
    CHECK_STR(heard(&c), "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
    say(&c, GET("/"));
    in(&k, do_status, 404);
    CHECK_STR(heard(&c), "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nX-A: 1\r\nX-B: 2\r\n\r\nbody");
    say(&c, GET("/"));
    in(&k, do_status, 100);
    CHECK(!k.well);
    in(&k, do_status, 600);
    CHECK(!k.well);
    in(&k, do_status, 200);
    CHECK(k.well);
    end();
}

static bool do_bad_headers(keeper_t *who, uint64_t arg) {
    static const char *const bad[] = {
        "X: a\r\nY: b", "no colon", "Content-Length: 3", "Transfer-Encoding: chunked", "Connection: close",
        "a b: c",       ": x"};
    (void)arg;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!actor_http_respond(rt, who->ids[0], 200, &bad[i], 1, "x", 1));
    return true;
}

TEST(a_malformed_header_is_refused_and_may_be_mended) {
    begin();
    k.silent = true;
    say(&c, GET("/"));
    in(&k, do_bad_headers, 0);
    CHECK_STR(heard(&c), "");
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 0");
    end();
}

TEST(who_wants_to_close_is_told_so_and_closed) {
    begin();
    say(&c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET / ");
    CHECK(c.ended);
    leave(&c);
    dial(&c);
    say(&c, "GET / HTTP/1.0\r\n\r\n");
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET / ");
    CHECK(c.ended);
    leave(&c);
    dial(&c);
    say(&c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nGET / ");
    CHECK(!c.ended);
    end();
}

TEST(what_follows_a_last_request_is_not_read) {
    begin();
    say(&c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/evil"));
    CHECK_EQ(k.requests, 1);
    CHECK_EQ(count(heard(&c), "HTTP/1.1"), 1);
    CHECK(c.ended);
    end();
}

TEST(who_sends_its_end_still_gets_its_answers) {
    begin();
    k.silent = true;
    say(&c, GET("/0") GET("/1"));
    mk_sock_finish(c.fd);
    settle();
    CHECK_EQ(k.closes, 0);
    in(&k, do_answer, 1);
    in(&k, do_answer, 0);
    CHECK_EQ(count(heard(&c), "answer"), 2);
    CHECK(c.ended);
    end();
}

TEST(forty_connections_that_end_in_the_middle_of_a_request_do_no_harm) {
    static const char text[] = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nabc";
    begin();
    for (size_t i = 0; i < 40; i++) {
        dial(&d);
        say_bytes(&d, text, i * (sizeof text - 1) / 39);
        mk_sock_finish(d.fd);
        CHECK_STR(heard(&d), "");
        CHECK(d.ended);
        leave(&d);
    }
    CHECK_EQ(k.requests, 0);
    say(&c, GET("/"));
    CHECK_STR(heard(&c), OK_HEAD(6) "GET / ");
    end();
}

/* ---- wrong requests ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    int         status;
} wrong[] = {
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\nHost: a\n\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\nx", 417},
    {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"hello\r\n\r\n", 400},
    {"\x16\x03\x01\x02", 400},
};

TEST(what_is_wrong_is_answered_and_nothing_behind_it_is_a_request) {
    k = (keeper_t){0};
    open_server(&k);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char start[32];
        sprintf(start, "HTTP/1.1 %d ", wrong[i].status);
        dial(&c);
        say(&c, GET("/before"));
        say(&c, wrong[i].text);
        say(&c, GET("/evil") GET("/evil"));
        const char *text = heard(&c), *second = strstr(text + 1, "HTTP/1.1");
        if (second == NULL || strncmp(second, start, strlen(start)) != 0 || count(text, "HTTP/1.1") != 2)
            rig_fail(__FILE__, __LINE__, "case %zu: %s", i, text);
        CHECK(strstr(text, "Connection: close") != NULL);
        CHECK(c.ended || c.failed);
        CHECK_STR(k.path, "/before");
        leave(&c);
    }
    CHECK_EQ(k.requests, sizeof wrong / sizeof *wrong);
    close_stage();
}

TEST(a_wrong_request_waits_for_the_answers_before_it) {
    begin();
    k.silent = true;
    say(&c, GET("/0") GET("/1") "nonsense\r\n\r\n" GET("/evil"));
    CHECK_STR(heard(&c), "");
    in(&k, do_answer, 1);
    in(&k, do_answer, 0);
    const char *text = heard(&c);
    CHECK_EQ(strncmp(text,
                     OK_HEAD(8) "answer 0" OK_HEAD(8) "answer 1"
                                                      "HTTP/1.1 400 ",
                     100),
             0);
    CHECK(c.ended);
    CHECK_EQ(k.requests, 2);
    end();
}

static void limited(http_limits_t limits) {
    k = (keeper_t){.at.limits = limits};
    open_server(&k);
    dial(&c);
}

static const char *padded(const char *before, char fill, size_t n, const char *after) {
    static char text[70000];
    size_t      at = strlen(before);
    memcpy(text, before, at);
    memset(text + at, fill, n);
    strcpy(text + at + n, after);
    return text;
}

TEST(limits_hold_exactly) {
    limited((http_limits_t){.header_bytes_max = 100});
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    size_t            fill = 100 - (sizeof head - 1) - 4;
    say(&c, padded(head, 'x', fill, "\r\n\r\n"));
    CHECK_STR(heard(&c), OK_HEAD(6) "GET / ");
    say(&c, padded(head, 'x', fill + 1, "\r\n\r\n"));
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 431 ", 13), 0);
    end();

    limited((http_limits_t){.headers_max = 3});
    say(&c, "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n");
    CHECK_STR(heard(&c), OK_HEAD(6) "GET / ");
    say(&c, "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 431 ", 13), 0);
    end();

    limited((http_limits_t){.target_bytes_max = 10});
    say(&c, GET("/123456789"));
    CHECK_STR(heard(&c), OK_HEAD(15) "GET /123456789 ");
    say(&c, GET("/1234567890"));
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 414 ", 13), 0);
    end();

    limited((http_limits_t){.body_bytes_max = 5});
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    CHECK_STR(heard(&c), OK_HEAD(12) "POST / hello");
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    CHECK_STR(heard(&c), OK_HEAD(12) "POST / hello");
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 413 ", 13), 0);
    leave(&c);
    dial(&c);
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 413 ", 13), 0);
    CHECK_EQ(k.requests, 2);
    end();
}

TEST(an_expectation_is_met_when_the_body_is_wanted) {
    limited((http_limits_t){.body_bytes_max = 5});
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK_STR(heard(&c), "HTTP/1.1 100 Continue\r\n\r\n");
    say(&c, "hello");
    CHECK_STR(heard(&c), OK_HEAD(12) "POST / hello");
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    CHECK_EQ(count(heard(&c), "POST / hello"), 1);
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n");
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 413 ", 13), 0);
    end();
}

TEST(an_expectation_waits_for_its_turn) {
    begin();
    k.silent = true;
    say(&c, GET("/0") "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    CHECK_STR(heard(&c), "");
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 0"
                                    "HTTP/1.1 100 Continue\r\n\r\n");
    say(&c, "hi");
    in(&k, do_answer, 1);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 1");
    end();
}

/* ---- answers in pieces ---------------------------------------------------------------------------------------------------- */

static mk_err_t written;

static bool do_begin(keeper_t *who, uint64_t length) {
    who->did = actor_http_respond_begin(rt, who->ids[0], 200, NULL, 0, (int64_t)length);
    return true;
}
static bool do_write(keeper_t *who, uint64_t n) {
    char text[300000];
    memset(text, 'w', n);
    written = actor_http_respond_write(rt, who->ids[0], text, n);
    return true;
}
static bool do_finish(keeper_t *who, uint64_t arg) {
    (void)arg;
    who->did = actor_http_respond_end(rt, who->ids[0]);
    return true;
}

TEST(an_answer_of_unknown_length_is_chunked) {
    begin();
    k.silent = true;
    say(&c, GET("/"));
    in(&k, do_begin, UINT64_MAX);
    CHECK_EQ(k.did, MK_OK);
    in(&k, do_write, 3);
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwww\r\n");
    in(&k, do_write, 0);
    in(&k, do_write, 17);
    in(&k, do_finish, 0);
    CHECK_EQ(k.did, MK_OK);
    CHECK_STR(heard(&c), "11\r\nwwwwwwwwwwwwwwwww\r\n0\r\n\r\n");
    in(&k, do_finish, 0);
    CHECK_EQ(k.did, MK_ERR_NOTFOUND);
    k.silent = false;
    say(&c, GET("/n"));
    CHECK_STR(heard(&c), OK_HEAD(7) "GET /n ");
    end();
}

TEST(for_http_1_0_it_ends_with_the_connection) {
    begin();
    k.silent = true;
    say(&c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    in(&k, do_begin, UINT64_MAX);
    in(&k, do_write, 3);
    in(&k, do_finish, 0);
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwww");
    CHECK(c.ended);
    end();
}

TEST(a_length_that_was_announced_is_kept_or_the_connection_cut) {
    begin();
    k.silent = true;
    say(&c, GET("/"));
    in(&k, do_begin, 5);
    in(&k, do_write, 6);
    CHECK_EQ(written, MK_ERR_TOOLONG);
    in(&k, do_write, 5);
    CHECK_EQ(written, MK_OK);
    in(&k, do_finish, 0);
    CHECK_STR(heard(&c), OK_HEAD(5) "wwwww");
    CHECK(!c.ended);
    leave(&c);
    k.requests = 0;
    dial(&c);
    say(&c, GET("/"));
    in(&k, do_begin, 5);
    in(&k, do_write, 4);
    in(&k, do_finish, 0);
    CHECK_STR(heard(&c), OK_HEAD(5) "wwww");
    CHECK(c.ended);
    end();
}

TEST(an_answer_to_head_is_counted_and_not_sent) {
    begin();
    k.silent = true;
    say(&c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    in(&k, do_begin, 5);
    in(&k, do_write, 5);
    in(&k, do_finish, 0);
    CHECK_STR(heard(&c), OK_HEAD(5));
    CHECK(!c.ended);
    end();
}

TEST(pieces_before_their_turn_are_kept) {
    begin();
    k.silent = true;
    say(&c, GET("/0") GET("/1"));
    http_conn_id_t first = k.ids[0];
    k.ids[0] = k.ids[1];
    in(&k, do_begin, UINT64_MAX);
    in(&k, do_write, 1);
    in(&k, do_finish, 0);
    CHECK_STR(heard(&c), "");
    k.ids[0] = first;
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 0"
                                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nw\r\n0\r\n\r\n");
    end();
}

TEST(an_actor_that_ends_inside_of_its_answer_cuts_it) {
    begin();
    k.silent = true;
    say(&c, GET("/"));
    in(&k, do_begin, UINT64_MAX);
    in(&k, do_write, 3);
    in(&k, do_end, 0);
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwww\r\n");
    CHECK(c.ended);
    end();
}

static bool do_buffer(keeper_t *who, uint64_t size) {
    message_buffer_t *body = message_buffer_create(size);
    memset(message_buffer_data(body), 'b', size);
    for (unsigned i = 0; i < who->requests; i++) {
        message_buffer_retain(body);
        if (actor_http_respond_buffer(rt, who->ids[i], 200, NULL, 0, body) != MK_OK) message_buffer_release(body);
    }
    message_buffer_release(body);
    return true;
}

TEST(one_buffer_answers_many) {
    begin();
    k.silent = true;
    say(&c, GET("/0") GET("/1") "HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/3"));
    in(&k, do_buffer, 50000);
    const char *text = heard(&c);
    CHECK_EQ(count(text, OK_HEAD(50000)), 4);
    CHECK_EQ(count(text, "b"), 150000);
    k.requests = 0;
    say(&c, GET("/4"));
    in(&k, do_buffer, 2);
    CHECK_STR(heard(&c), OK_HEAD(2) "bb");
    end();
}
