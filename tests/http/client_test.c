/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, good and bad, to one fetch at a time. */
#include "http/client_rig.h"

static const reply_t answers[] = {
    {"GET /hello ", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", STAYS, 0},
    {"GET /slow ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", STAYS, 7},
    {"GET /slowly/chunked ",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\n", STAYS, 3},
    {"GET /slowly/cut ", "HTTP/1.1 200 OK\r\n\r\nhello", FINISHES, 3},
    {"GET /chunked ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", STAYS,
     0},
    {"GET /until-close ", "HTTP/1.1 200 OK\r\n\r\nhello", FINISHES, 0},
    {"GET /old ", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", FINISHES, 0},
    {"GET /empty ", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", STAYS, 0},
    {"GET /204 ", "HTTP/1.1 204 No Content\r\n\r\n", STAYS, 0},
    {"GET /304 ", "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", STAYS, 0},
    {"HEAD /hello ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", STAYS, 0},
    {"GET /hints ",
     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "2\r\n\r\nok",
     STAYS, 0},
    {"GET /hints/forever ",
     "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
     "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
     STAYS, 0},
    {"POST /echo ", "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", STAYS, 0},
    {"PUT /early ", "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno", STAYS, 0},
    /* What no client should believe. */
    {"GET /cut/length ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", FINISHES, 0},
    {"GET /cut/chunk ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", FINISHES, 0},
    {"GET /cut/last-chunk ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", FINISHES, 0},
    {"GET /cut/head ", "HTTP/1.1 200 OK\r\nContent-Le", FINISHES, 0},
    {"GET /cut/all ", "", FINISHES, 0},
    {"GET /reset/all ", "", RESETS, 0},
    {"GET /reset/head ", "HTTP/1.1 200 OK\r\nContent-Le", RESETS, 0},
    {"GET /reset/body ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", RESETS, 0},
    {"GET /reset/until-close ", "HTTP/1.1 200 OK\r\n\r\nhello", RESETS, 3},
    {"GET /bad/noise ", "SSH-2.0-OpenSSH_9.2\r\n", STAYS, 0},
    {"GET /bad/version ", "HTTP/2.0 200 OK\r\n\r\n", STAYS, 0},
    {"GET /bad/status ", "HTTP/1.1 999 OK\r\n\r\n", STAYS, 0},
    {"GET /bad/field ", "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", STAYS, 0},
    {"GET /bad/both ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", STAYS, 0},
    {"GET /bad/lengths ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", STAYS, 0},
    {"GET /bad/chunk ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", STAYS, 0},
    {"GET /bad/101 ", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", STAYS, 0},
    {0},
};

TEST(what_a_server_says_arrives) {
    static const struct {
        const char *url, *body;
        int         status;
    } cases[] = {
        {"http://a.test/hello", "hello", 200},
        {"http://a.test/slow", "hello", 200},
        {"http://a.test/slowly/chunked", "hello", 200},
        {"http://a.test/slowly/cut", "hello", 200},
        {"http://a.test/chunked", "hello", 200},
        {"http://a.test/until-close", "hello", 200},
        {"http://a.test/old", "hello", 200},
        {"http://a.test/empty", "", 200},
        {"http://a.test/204", "", 204},
        {"http://a.test/304", "", 304},
        {"http://a.test/hints", "ok", 200},
        {"http://a.test/nothing", "", 404},
        {"http://10.0.0.1/hello", "hello", 200},
        {"http://a.test:8080/hello", "hello", 200},
    };
    open_stage(answers);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        got_t got = {0};
        begin(&got, cases[i].url);
        run_until_over(&got);
        if (got.fails != 0) rig_fail(__FILE__, __LINE__, "%s: %s", cases[i].url, got.text);
        CHECK_EQ(got.status, cases[i].status);
        CHECK_EQ(got.heads, 1);
        CHECK(body_is(&got, cases[i].body));
        forget(&got);
    }
    close_stage();
}

TEST(what_is_not_whole_or_not_http_is_an_error) {
    static const struct {
        const char *path;
        mk_err_t    why;
    } cases[] = {
        {"/cut/length", MK_ERR_IO},   {"/cut/chunk", MK_ERR_IO},      {"/cut/last-chunk", MK_ERR_IO},
        {"/cut/head", MK_ERR_IO},     {"/cut/all", MK_ERR_IO},        {"/reset/all", MK_ERR_IO},
        {"/reset/head", MK_ERR_IO},   {"/reset/body", MK_ERR_IO},     {"/reset/until-close", MK_ERR_IO},
        {"/bad/noise", MK_ERR_PROTO}, {"/bad/version", MK_ERR_PROTO}, {"/bad/status", MK_ERR_PROTO},
        {"/bad/field", MK_ERR_PROTO}, {"/bad/both", MK_ERR_PROTO},    {"/bad/lengths", MK_ERR_PROTO},
        {"/bad/chunk", MK_ERR_PROTO}, {"/bad/101", MK_ERR_PROTO},     {"/hints/forever", MK_ERR_LIMIT},
    };
    open_stage(answers);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char  url[64];
        got_t got = {0};
        snprintf(url, sizeof url, "http://a.test%s", cases[i].path);
        begin(&got, url);
        run_until_over(&got);
        if (got.fails != 1 || got.why != cases[i].why)
            rig_fail(__FILE__, __LINE__, "%s: %u %d %s", url, got.fails, got.why, got.text);
        CHECK(got.text[0] != '\0');
        forget(&got);
        settle();
        CHECK_EQ(guests_open(), 0); /* nothing of it is used again */
    }
    close_stage();
}

TEST(who_is_not_there_is_said_so) {
    got_t got = {0};
    open_stage(answers);
    begin(&got, "http://nobody.test/");
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_NOTFOUND);
    CHECK_STR(got.text, "nobody.test: no such host");
    forget(&got);
    begin(&got, "http://a.test:81/");
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_IO);
    forget(&got);
    close_stage();
}

TEST(a_request_says_what_it_was_told_and_no_more) {
    const char *const  headers[] = {"X-Mine: yes", "Accept: text/html"};
    mk_fetch_options_t options = {.method = "POST",
                                  .url = "http://u:p%40@a.test:8080/echo?x=1 ",
                                  .headers = headers,
                                  .headers_n = 2,
                                  .body = {"body", 4}};
    const char        *why;
    got_t              got = {0};
    open_stage(answers);
    CHECK_EQ(mk_fetch_start(client, &options, &got_ops, &got, &got.fetch, &why), MK_ERR_INVALID); /* a space */
    options.url = "http://u:p%40@a.test:8080/echo?x=1#there";
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK_STR(asked(), "POST /echo?x=1 HTTP/1.1\r\nHost: a.test:8080\r\nX-Mine: yes\r\nAccept: text/html\r\n"
                       "Authorization: Basic dTpwQA==\r\nUser-Agent: microkernel\r\nContent-Length: 4\r\n\r\nbody");
    forget(&got);
    close_stage();
}

TEST(what_would_be_two_requests_is_refused) {
    static const char *const bad_headers[] = {"X: a\r\nY: b",
                                              "X: a\nb",
                                              "X",
                                              "X : a",
                                              ": a",
                                              "Host: b.test",
                                              "host: b",
                                              "Content-Length: 5",
                                              "Connection: close",
                                              "Transfer-Encoding: chunked",
                                              "X: \x01"};
    static const char *const bad_methods[] = {"", "GET /", "G\r\nT", "CONNECT", "G T"};
    static const char *const bad_urls[] = {"",
                                           "/x",
                                           "a.test",
                                           "ftp://a.test/",
                                           "http://",
                                           "http:///x",
                                           "http://a.test:0/",
                                           "http://a.test:99999/",
                                           "http://a.test/\r\nX: y",
                                           "http://a test/",
                                           "ws://a.test/",
                                           "http://a.test/%zz"};
    got_t                    got = {0};
    mk_fetch_t              *fetch = NULL;
    open_stage(answers);
    for (size_t i = 0; i < sizeof bad_headers / sizeof bad_headers[0]; i++) {
        mk_fetch_options_t options = {.url = "http://a.test/", .headers = &bad_headers[i], .headers_n = 1};
        CHECK_EQ(mk_fetch_start(client, &options, &got_ops, &got, &fetch, NULL), MK_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof bad_methods / sizeof bad_methods[0]; i++) {
        mk_fetch_options_t options = {.url = "http://a.test/", .method = bad_methods[i]};
        CHECK_EQ(mk_fetch_start(client, &options, &got_ops, &got, &fetch, NULL), MK_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof bad_urls / sizeof bad_urls[0]; i++) {
        mk_fetch_options_t options = {.url = bad_urls[i]};
        if (mk_fetch_start(client, &options, &got_ops, &got, &fetch, NULL) != MK_ERR_INVALID)
            rig_fail(__FILE__, __LINE__, "%s", bad_urls[i]);
    }
    CHECK(fetch == NULL);
    settle();
    CHECK_EQ(server.guests, 0);
    close_stage();
}

/* ---- back-pressure ----------------------------------------------------------------------------------------------- */

TEST(a_slow_reader_gets_every_byte_once) {
    for (size_t take = 1; take < 4; take++) {
        static const char *const paths[] = {"http://a.test/hello", "http://a.test/chunked",
                                            "http://a.test/until-close"};
        for (size_t i = 0; i < 3; i++) {
            got_t got = {.take_max = take};
            open_stage(answers);
            begin(&got, paths[i]);
            for (int n = 0; n < 200 && !over(&got); n++) {
                settle();
                if (got.fetch != NULL) mk_fetch_resume(got.fetch);
            }
            if (got.ends != 1)
                rig_fail(__FILE__, __LINE__, "%s by %zu: %zu bytes, %s", paths[i], take, got.body.size, got.text);
            CHECK(body_is(&got, "hello"));
            CHECK(got.datas >= (5 + take - 1) / take);
            forget(&got);
            close_stage();
        }
    }
}

static void pause_it(got_t *got) { mk_fetch_pause(got->fetch); }

TEST(a_paused_fetch_has_no_end_and_no_deadline) {
    static const char *const paths[] = {"http://a.test/hello", "http://a.test/chunked", "http://a.test/until-close",
                                        "http://a.test/empty"};
    for (size_t i = 0; i < 4; i++) {
        got_t got = {.at = i == 3 ? IN_HEAD : IN_DATA, .act = pause_it};
        open_stage(answers);
        begin(&got, paths[i]);
        for (int n = 0; n < 100; n++) pass(1000);
        CHECK_EQ(got.heads, 1);
        CHECK(!over(&got));
        for (int n = 0; n < 5 && !over(&got); n++) {
            mk_fetch_resume(got.fetch);
            settle();
        }
        CHECK_EQ(got.ends, 1);
        CHECK(body_is(&got, i == 3 ? "" : "hello"));
        forget(&got);
        close_stage();
    }
}

TEST(a_body_longer_than_allowed_is_cut_off) {
    static const char *const paths[] = {"http://a.test/hello", "http://a.test/slowly/chunked",
                                        "http://a.test/slowly/cut"};
    open_stage(answers);
    for (size_t i = 0; i < 3; i++) {
        got_t              got = {0};
        mk_fetch_options_t options = {.url = paths[i], .body_bytes_max = 4};
        begin_opts(&got, &options);
        run_until_over(&got);
        CHECK_EQ(got.why, MK_ERR_TOOLONG);
        CHECK_EQ(got.heads, i == 0 ? 0 : 1);
        forget(&got);
        options.body_bytes_max = 5;
        begin_opts(&got, &options);
        run_until_over(&got);
        CHECK_EQ(got.ends, 1);
        forget(&got);
    }
    close_stage();
}

/* ---- streamed requests ------------------------------------------------------------------------------------------- */

TEST(a_body_may_follow_in_pieces) {
    for (int known = 0; known < 2; known++) {
        for (int early = 0; early < 2; early++) {
            got_t              got = {0};
            mk_fetch_options_t options = {
                .method = "POST", .url = "http://a.test/echo", .stream_body = true, .stream_bytes = known ? 8 : -1};
            open_stage(answers);
            begin_opts(&got, &options);
            if (!early) settle();
            CHECK_EQ(mk_fetch_send(got.fetch, "piec", 4), MK_OK);
            if (known) CHECK_EQ(mk_fetch_send(got.fetch, "toolong", 7), MK_ERR_TOOLONG);
            if (known) CHECK_EQ(mk_fetch_send_end(got.fetch), MK_ERR_INVALID);
            if (!early)
                for (int i = 0; i < 100; i++) pass(1000); /* the server has nothing to answer yet */
            CHECK_EQ(mk_fetch_send(got.fetch, "es!!", 4), MK_OK);
            CHECK_EQ(mk_fetch_send_end(got.fetch), MK_OK);
            CHECK_EQ(mk_fetch_send(got.fetch, "more", 4), MK_ERR_CLOSED);
            run_until_over(&got);
            CHECK_EQ(got.status, 201);
            CHECK(strstr(asked(), known ? "Content-Length: 8\r\n\r\npieces!!"
                                        : "chunked\r\n\r\n4\r\npiec\r\n4\r\nes!!\r\n0\r\n\r\n") != NULL);
            forget(&got);
            close_stage();
        }
    }
}

TEST(more_than_waits_is_refused_until_it_drains) {
    static char        piece[100000];
    got_t              got = {0};
    mk_fetch_options_t options = {
        .method = "POST", .url = "http://a.test/echo", .stream_body = true, .stream_bytes = -1};
    unsigned sent = 0;
    memset(piece, 'x', sizeof piece);
    open_stage(answers);
    begin_opts(&got, &options);
    for (int connected = 0; connected < 2; connected++) {
        mk_err_t err;
        unsigned before = got.drains;
        while ((err = mk_fetch_send(got.fetch, piece, sizeof piece)) == MK_OK) CHECK(++sent < 100);
        CHECK_EQ(err, MK_ERR_FULL);
        settle();
        CHECK_EQ(got.drains, before + 1);
    }
    CHECK_EQ(mk_fetch_send_end(got.fetch), MK_OK);
    settle();
    size_t total = 0;
    for (size_t i = 0; i < server.guest[0].in.size; i++) total += server.guest[0].in.bytes[i] == 'x';
    for (size_t i = 0; i < server.log.size; i++) total += server.log.bytes[i] == 'x';
    CHECK_EQ(total, sent * sizeof piece);
    forget(&got);
    close_stage();
}

TEST(only_streams_take_pieces) {
    got_t got = {0};
    open_stage(answers);
    begin(&got, "http://a.test/hello");
    CHECK_EQ(mk_fetch_send(got.fetch, "x", 1), MK_ERR_INVALID);
    CHECK_EQ(mk_fetch_send_end(got.fetch), MK_ERR_INVALID);
    forget(&got);
    close_stage();
}

/* ---- ends of one's own ------------------------------------------------------------------------------------------- */

static void cancel_it(got_t *got) {
    if (got->fetch != NULL) mk_fetch_cancel(got->fetch);
    got->fetch = NULL;
}

TEST(a_fetch_may_be_cancelled_in_each_of_its_calls) {
    static const char *const paths[] = {"http://a.test/hello",          "http://a.test/slow",
                                        "http://a.test/slowly/chunked", "http://a.test/until-close",
                                        "http://a.test/cut/length",     "http://a.test/reset/body",
                                        "http://a.test/empty"};
    for (moment_t at = IN_HEAD; at <= IN_FAILED; at++) {
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
            got_t got = {.at = at, .act = cancel_it};
            open_stage(answers);
            begin(&got, paths[i]);
            for (int n = 0; n < 300 && !over(&got); n++) pass(5);
            unsigned calls = got.heads + got.datas + got.ends + got.fails;
            settle();
            CHECK_EQ(got.heads + got.datas + got.ends + got.fails, calls);
            CHECK(got.heads <= 1 && got.ends + got.fails <= 1);
            forget(&got);
            close_stage();
        }
    }
}

TEST(a_fetch_may_be_cancelled_at_any_time) {
    static const char *const paths[] = {"http://a.test/slow", "http://a.test/slowly/chunked", "http://nobody.test/",
                                        "http://a.test:81/"};
    for (size_t i = 0; i < 4; i++) {
        for (int rounds = 0; rounds < 60; rounds++) {
            got_t got = {0};
            open_stage(answers);
            begin(&got, paths[i]);
            for (int n = 0; n < rounds; n++) mk_loop_run(stage, 3000);
            forget(&got);
            settle();
            close_stage();
        }
    }
}

TEST(a_client_ends_with_everything_under_way) {
    static got_t got[20];
    open_stage(answers);
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < 20; i++) begin(&got[i], "http://a.test/slow");
    settle();
    mk_client_destroy(client);
    CHECK_EQ(mk_client_create(net, &client), MK_OK);
    for (size_t i = 0; i < 20; i++) {
        CHECK(!over(&got[i]));
        mk_buffer_free(&got[i].body);
    }
    close_stage();
}

/* ---- out of memory ----------------------------------------------------------------------------------------------- */

static void run_without_memory(const char *url) {
    for (unsigned n = 1;; n++) {
        got_t       got = {0};
        const char *why;
        open_stage(answers);
        mk_fetch_options_t options = {.url = url, .body = {"x", 1}, .total_ms = 5000};
        CHECK(mk_buffer_reserve(&got.body, 64) != NULL && mk_buffer_reserve(&server.log, 1000) != NULL);
        fetch_ok("http://b.test/hello", "hello"); /* what the test itself needs is there from now on */
        oom_arm(n);
        mk_err_t err = mk_fetch_start(client, &options, &got_ops, &got, &got.fetch, &why);
        if (err != MK_OK) CHECK_EQ(err, MK_ERR_NOMEM);
        for (int i = 0; err == MK_OK && i < 400 && !over(&got); i++) mk_loop_run(stage, 20000);
        bool reached = oom_disarm();
        if (err == MK_OK) {
            CHECK(over(&got));
            if (got.ends != 0) CHECK(body_is(&got, "hello"));
        } else {
            got.fetch = NULL;
        }
        forget(&got);
        settle();
        fetch_ok("http://a.test/hello", "hello"); /* and it goes on */
        close_stage();
        if (!reached) break;
    }
}

TEST(each_allocation_may_fail) {
    run_without_memory("http://a.test/hello");
    run_without_memory("http://u:p@a.test/slowly/chunked");
    run_without_memory("http://a.test/until-close");
}
