/* SPDX-License-Identifier: Apache-2.0 */
/* server_bad_day_test.c -- peers that are slow, silent, too many or gone, actors that are, memory that is. */
#include "base/mem.h"
#include "server_rig.h"

static keeper_t k;
static client_t c, d;

static void begin(http_listen_options_t at) {
    k = (keeper_t){.at = at};
    open_server(&k);
    dial(&c);
}

static void end(void) {
    leave(&c);
    close_stage();
}

#define STATUS(text, n) (strncmp(text, "HTTP/1.1 " #n " ", 13) == 0)

/* ---- time ---------------------------------------------------------------------------------------------------------------- */

TEST(an_idle_connection_is_closed_after_its_time) {
    begin((http_listen_options_t){.limits.idle_ms = 5000});
    pass(4900);
    hear(&c);
    CHECK(!c.ended);
    say(&c, GET("/"));
    CHECK_STR(heard(&c), OK_HEAD(6) "GET / ");
    pass(4900);
    hear(&c);
    CHECK(!c.ended);
    pass(200);
    CHECK_STR(heard(&c), "");
    CHECK(c.ended);
    end();
}

TEST(a_head_that_does_not_end_is_408) {
    begin((http_listen_options_t){.limits.header_ms = 1000});
    say(&c, "GET / HT");
    pass(900);
    say(&c, "TP/1.1\r\n"); /* a trickle does not prolong it */
    hear(&c);
    CHECK(!c.ended);
    pass(200);
    CHECK(STATUS(heard(&c), 408));
    CHECK(c.ended);
    end();
}

TEST(a_body_that_does_not_come_is_408) {
    begin((http_listen_options_t){.limits.body_ms = 1000});
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        pass(900);
        say(&c, "x"); /* each piece has its time */
    }
    CHECK_STR(heard(&c), "");
    pass(1100);
    CHECK(STATUS(heard(&c), 408));
    CHECK(c.ended);
    CHECK_EQ(k.requests, 0);
    end();
}

TEST(an_actor_that_does_not_answer_is_503_and_its_answer_refused) {
    begin((http_listen_options_t){.limits.respond_ms = 2000});
    k.silent = true;
    say(&c, GET("/0"));
    pass(1000);
    say(&c, GET("/1"));
    pass(900);
    CHECK_STR(heard(&c), "");
    pass(200);
    CHECK(STATUS(heard(&c), 503));
    in(&k, do_answer, 0);
    CHECK(!k.well);
    in(&k, do_answer, 1);
    CHECK(k.well);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 1");
    end();
}

TEST(a_sender_that_is_not_read_by_us_is_not_late) {
    begin((http_listen_options_t){.limits = {.header_ms = 1000, .pipeline_max = 1, .respond_ms = 60000}});
    k.silent = true;
    say(&c, GET("/0") "GET /1 HT");
    pass(5000);
    in(&k, do_answer, 0);
    pass(500);
    say(&c, "TP/1.1\r\nHost: a\r\n\r\n");
    in(&k, do_answer, 1);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 0" OK_HEAD(8) "answer 1");
    end();
}

TEST(a_full_line_does_not_keep_the_body_of_its_last_request_from_coming) {
    begin((http_listen_options_t){.limits.pipeline_max = 1});
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    say(&c, "llo" GET("/next"));
    CHECK_STR(heard(&c), OK_HEAD(12) "POST / hello" OK_HEAD(10) "GET /next ");
    say(&c, "GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 5\r\n\r\nhe");
    say(&c, "llo" GET("/next"));
    CHECK_STR(heard(&c), OK_HEAD(12) "GET /w hello" OK_HEAD(10) "GET /next ");
    end();

    begin((http_listen_options_t){.stream_bodies = true});
    k.silent = true;
    say(&c, "GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 5\r\n\r\nhe");
    say(&c, "llo" GET("/next"));
    CHECK_EQ(k.ends, 1);
    CHECK_EQ(k.requests, 1);
    in(&k, do_answer, 0);
    CHECK_EQ(k.requests, 2);
    end();
}

/* ---- slow readers ---------------------------------------------------------------------------------------------------------- */

static char big[4 << 20];

static bool do_big(keeper_t *who, uint64_t arg) {
    memset(big, 'x', sizeof big);
    who->well = actor_http_respond(rt, who->ids[arg], 200, NULL, 0, big, sizeof big);
    return true;
}

TEST(a_slow_reader_of_a_long_body_does_not_hold_up_the_others) {
    begin((http_listen_options_t){0});
    k.silent = true;
    mk_slice_t slice = {GET("/big"), sizeof GET("/big") - 1};
    CHECK_EQ(mk_sock_write(c.fd, &slice, 1), slice.size);
    settle();
    in(&k, do_big, 0);
    CHECK(k.well);
    k.silent = false;
    dial(&d);
    for (int i = 0; i < 10; i++) {
        say(&d, GET("/small"));
        CHECK_STR(heard(&d), OK_HEAD(11) "GET /small ");
        pass(1000);
        uint8_t   buf[1000];
        ptrdiff_t n = mk_sock_read(c.fd, buf, sizeof buf);
        CHECK(n > 0);
        CHECK(mk_buffer_append(&c.got, buf, (size_t)n));
    }
    CHECK_EQ(count(heard(&c), "x"), sizeof big);
    leave(&d);
    end();
}

TEST(a_reader_that_never_reads_is_given_up) {
    begin((http_listen_options_t){.limits.write_ms = 3000});
    k.silent = true;
    mk_slice_t slice = {GET("/big"), sizeof GET("/big") - 1};
    CHECK_EQ(mk_sock_write(c.fd, &slice, 1), slice.size);
    settle();
    in(&k, do_big, 0);
    pass(4000);
    hear(&c);
    CHECK(c.ended || c.failed);
    end();
}

TEST(who_sends_requests_and_reads_no_answers_is_not_read_for_ever) {
    begin((http_listen_options_t){.limits = {.queue_bytes = 10000, .write_ms = 1000000}});
    char text[2000] = "GET /";
    memset(text + 5, 'p', 1000);
    strcpy(text + 1005, " HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t size = strlen(text), sent = 0;
    for (int i = 0; i < 3000; i++) {
        mk_slice_t slice = {text, size};
        ptrdiff_t  n = mk_sock_write(c.fd, &slice, 1);
        settle();
        if (n != (ptrdiff_t)size) break;
        sent++;
    }
    CHECK(sent < 250);
    CHECK(k.requests < sent);
    pass(10);
    unsigned before = k.requests;
    settle();
    CHECK_EQ(k.requests, before);
    CHECK(count(heard(&c), "HTTP/1.1 200") >= before); /* reading sets it going */
    CHECK(k.requests >= sent);
    end();
}

static unsigned pieces;

static bool do_flood(keeper_t *who, uint64_t arg) {
    (void)arg;
    if (who->did == MK_ERR_BUSY) return true;
    char piece[1000];
    memset(piece, 'F', sizeof piece);
    while ((who->did = actor_http_respond_write(rt, who->ids[0], piece, sizeof piece)) == MK_OK) pieces++;
    CHECK_EQ(who->did, MK_ERR_FULL);
    return true;
}
static bool do_begin(keeper_t *who, uint64_t length) {
    who->did = actor_http_respond_begin(rt, who->ids[0], 200, NULL, 0, (int64_t)length);
    return true;
}
static bool do_piece(keeper_t *who, uint64_t arg) {
    (void)arg;
    who->did = actor_http_respond_write(rt, who->ids[0], "piece", 5);
    return true;
}
static bool do_finish(keeper_t *who, uint64_t arg) {
    (void)arg;
    who->did = actor_http_respond_end(rt, who->ids[0]);
    return true;
}

TEST(a_writer_is_refused_and_told_when_there_is_room) {
    begin((http_listen_options_t){.limits.queue_bytes = 20000});
    k.silent = true;
    pieces = 0;
    mk_slice_t slice = {GET("/"), sizeof GET("/") - 1};
    CHECK_EQ(mk_sock_write(c.fd, &slice, 1), slice.size);
    settle();
    in(&k, do_begin, UINT64_MAX);
    for (unsigned seen = 1; seen != k.drains;) {
        seen = k.drains;
        in(&k, do_flood, 0);
    }
    CHECK(pieces < 300);
    unsigned before = pieces, drains = k.drains;
    hear(&c);
    CHECK(k.drains > drains);
    in(&k, do_flood, 0);
    CHECK(pieces > before);
    hear(&c);
    in(&k, do_finish, 0);
    CHECK_EQ(count(heard(&c), "F"), pieces * 1000);
    end();
}

TEST(a_writer_before_its_turn_is_refused_as_well) {
    begin((http_listen_options_t){.limits.queue_bytes = 20000});
    k.silent = true;
    pieces = 0;
    say(&c, GET("/0") GET("/1"));
    http_conn_id_t first = k.ids[0];
    k.ids[0] = k.ids[1];
    in(&k, do_begin, UINT64_MAX);
    in(&k, do_flood, 0);
    CHECK(pieces >= 19 && pieces <= 21);
    CHECK_EQ(k.drains, 0);
    k.ids[0] = first;
    in(&k, do_answer, 0);
    hear(&c);
    CHECK_EQ(k.drains, 1);
    k.ids[0] = k.ids[1];
    in(&k, do_finish, 0);
    CHECK_EQ(count(heard(&c), "F"), pieces * 1000);
    end();
}

static bool do_route_other(keeper_t *who, uint64_t arg) {
    (void)arg;
    CHECK_EQ(actor_http_route(rt, who->port, NULL, "/other", "other"), MK_OK);
    return true;
}

/* ---- streamed requests -------------------------------------------------------------------------------------------------------- */

TEST(a_streamed_body_comes_in_pieces) {
    begin((http_listen_options_t){.stream_bodies = true});
    k.silent = true;
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    CHECK_EQ(k.requests, 1);
    CHECK_EQ(k.ends, 0);
    CHECK_STR(heard(&c), "HTTP/1.1 100 Continue\r\n\r\n");
    say(&c, "hello");
    say(&c, "worl");
    CHECK_EQ(k.bodies, 2);
    say(&c, "d");
    CHECK_EQ(k.body_bytes, 10);
    CHECK_EQ(k.ends, 1);
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 0");
    say(&c, GET("/"));
    CHECK_EQ(k.ends, 2);
    in(&k, do_answer, 1);
    CHECK_STR(heard(&c), OK_HEAD(8) "answer 1");
    end();
}

TEST(an_early_answer_ends_the_connection) {
    begin((http_listen_options_t){.stream_bodies = true});
    k.silent = true;
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nanswer 0");
    say(&c, GET("/evil"));
    CHECK_EQ(k.requests, 1);
    CHECK_EQ(k.closes, 0);
    end();
}

TEST(an_actor_need_not_answer_while_a_body_is_coming) {
    begin((http_listen_options_t){.stream_bodies = true, .limits.respond_ms = 2000});
    k.silent = true;
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        pass(1500);
        say(&c, "x");
    }
    CHECK_EQ(k.ends, 1);
    pass(1500);
    CHECK_STR(heard(&c), "");
    pass(600);
    CHECK(STATUS(heard(&c), 503));
    end();
}

TEST(an_answer_that_breaks_off_before_its_turn_is_503) {
    begin((http_listen_options_t){0});
    keeper_t other = {.silent = true};
    enter(&other);
    CHECK(actor_register_name(rt, "other", other.id));
    k.silent = true;
    in(&k, do_route_other, 0);
    say(&c, GET("/0") GET("/other"));
    in(&other, do_begin, 100);
    in(&other, do_end, 0);
    CHECK_STR(heard(&c), "");
    in(&k, do_answer, 0);
    const char *text = heard(&c);
    CHECK_EQ(count(text, "answer 0"), 1);
    CHECK_EQ(count(text, "HTTP/1.1 503 "), 1);
    CHECK(!c.ended);
    end();
}

static bool hoard(keeper_t *who, message_t *msg) {
    (void)who, (void)msg;
    return true;
}

TEST(a_body_above_the_limit_is_413_in_the_middle) {
    begin((http_listen_options_t){.stream_bodies = true, .limits.body_bytes_max = 10});
    k.silent = true;
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n");
    CHECK_EQ(k.body_bytes, 8);
    say(&c, "3\r\n123\r\n0\r\n\r\n");
    CHECK(STATUS(heard(&c), 413));
    CHECK_EQ(k.closes, 1);
    CHECK_EQ(k.closed, k.ids[0]);
    CHECK_EQ(k.ends, 0);
    in(&k, do_answer, 0);
    CHECK(!k.well);
    end();
}

/* ---- connections ------------------------------------------------------------------------------------------------------------- */

TEST(who_comes_above_the_limit_waits) {
    begin((http_listen_options_t){.limits.connections_max = 2});
    client_t e;
    dial(&d);
    dial(&e); /* in the system's queue */
    say(&e, GET("/e"));
    CHECK_STR(heard(&e), "");
    leave(&d);
    CHECK_STR(heard(&e), OK_HEAD(7) "GET /e ");
    leave(&e);
    end();
}

/* A client goes after each of these, by an end, a reset, or without a word. */
TEST(peers_go_in_every_state) {
    static const char *const said[] = {"",
                                       "GET",
                                       "GET / HTTP/1.1\r\nHost: a\r\n",
                                       GET("/"),
                                       GET("/") GET("/") "GET",
                                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
                                       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                                       GET("/") "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
                                       "nonsense\r\n\r\n",
                                       GET("/") "nonsense\r\n\r\n"};
    for (unsigned streamed = 0; streamed < 2; streamed++) {
        begin((http_listen_options_t){.stream_bodies = streamed != 0});
        k.silent = true;
        for (unsigned i = 0; i < 3 * sizeof said / sizeof *said; i++) {
            dial(&d);
            unsigned requests = k.requests, closes = k.closes;
            say(&d, said[i / 3]);
            unsigned asked = k.requests - requests;
            if (i % 3 == 0) mk_sock_reset(d.fd), d.fd = -1;
            else if (i % 3 == 1) leave(&d);
            else mk_fake_break(d.fd);
            settle();
            if (i % 3 != 1) CHECK_EQ(k.closes - closes, asked);
            for (unsigned j = requests; j < k.requests; j++) in(&k, do_answer, j);
            leave(&d);
        }
        k.silent = false;
        k.at.stream_bodies = false;
        say(&c, GET("/"));
        CHECK_EQ(count(heard(&c), "GET / "), 1);
        end();
    }
}

TEST(an_answer_is_given_to_nobody_when_the_requester_is_gone) {
    begin((http_listen_options_t){0});
    k.silent = true;
    say(&c, GET("/0") GET("/1"));
    mk_fake_break(c.fd);
    settle();
    CHECK_EQ(k.closes, 2);
    in(&k, do_answer, 0);
    CHECK(!k.well);
    end();
}

static bool do_close(keeper_t *who, uint64_t arg) {
    actor_http_close(rt, who->ids[arg]);
    return true;
}

TEST(what_its_actor_gives_up_is_refused_or_cut) {
    begin((http_listen_options_t){0});
    k.silent = true;
    say(&c, GET("/0") GET("/1"));
    in(&k, do_close, 1); /* before its turn */
    in(&k, do_close, 1);
    CHECK_STR(heard(&c), "");
    in(&k, do_answer, 0);
    CHECK(k.well);
    const char *text = heard(&c);
    CHECK(STATUS(text, 200) && strstr(text, "HTTP/1.1 503 ") != NULL);
    k.requests = 0;
    say(&c, GET("/"));
    in(&k, do_begin, 100);
    in(&k, do_close, 0);
    CHECK(STATUS(heard(&c), 200));
    CHECK(c.ended || c.failed); /* not whole, and it shows */
    CHECK_EQ(k.closes, 0);
    end();
}

/* ---- an end while an answer is due: who sends it may read on ---------------------------------------------------------------- */

static void request_and_end(client_t *who, const char *text) {
    dial(who);
    say(who, text);
    mk_sock_finish(who->fd);
    settle();
}

TEST(a_requester_that_leaves_is_noticed_before_it_is_answered) {
    begin((http_listen_options_t){0});
    k.silent = true;
    dial(&d);
    say(&d, GET("/0"));
    leave(&d); /* right away: it might have sent its end and be waiting */
    CHECK_EQ(k.closes, 0);
    pass(1100);
    CHECK_EQ(k.closes, 1);
    CHECK_EQ(k.closed, k.ids[0]);
    dial(&d);
    say(&d, GET("/1") GET("/2"));
    pass(2000);
    leave(&d); /* after a while: at once, and for all that it asked */
    CHECK_EQ(k.closes, 3);
    in(&k, do_answer, 1);
    CHECK(!k.well);
    end();
}

TEST(one_that_reads_on_is_asked_once_and_gets_its_answer) {
    begin((http_listen_options_t){0});
    k.silent = true;
    request_and_end(&d, GET("/"));
    pass(900);
    CHECK_STR(heard(&d), "");
    pass(20000);
    CHECK_STR(heard(&d), "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK_EQ(k.closes, 0);
    in(&k, do_answer, 0);
    CHECK_STR(heard(&d), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nanswer 0");
    CHECK(d.ended);
    leave(&d);
    end();
}

TEST(http_1_0_knows_no_interim_answers_and_is_not_asked) {
    begin((http_listen_options_t){0});
    k.silent = true;
    request_and_end(&d, "GET / HTTP/1.0\r\n\r\n");
    pass(5000);
    in(&k, do_answer, 0);
    CHECK(STATUS(heard(&d), 200));
    leave(&d);
    end();
}

TEST(what_a_gone_reader_does_not_take_tells_the_writer) {
    begin((http_listen_options_t){0});
    k.silent = true;
    dial(&d);
    say(&d, GET("/"));
    in(&k, do_begin, UINT64_MAX);
    hear(&d);
    leave(&d);
    pass(5000);
    CHECK_EQ(k.closes, 0); /* there is nothing to send it between pieces */
    in(&k, do_piece, 0);
    pass(1);
    CHECK_EQ(k.closes, 1);
    end();
}

static bool do_events(keeper_t *who, uint64_t arg) {
    (void)arg;
    who->well = actor_sse_start(rt, who->ids[0]);
    return true;
}
static bool do_push(keeper_t *who, uint64_t arg) {
    (void)arg;
    who->well = actor_sse_push(rt, who->ids[0], NULL, "news", 4);
    return true;
}

TEST(a_reader_of_events_that_leaves_is_noticed_at_once_and_one_that_reads_on_is_kept) {
    for (int leaves = 0; leaves < 2; leaves++) {
        begin((http_listen_options_t){0});
        k.silent = true;
        dial(&d);
        say(&d, GET("/"));
        in(&k, do_events, 0);
        CHECK(k.well);
        pass(5000);
        hear(&d);
        if (leaves) leave(&d);
        else mk_sock_finish(d.fd);
        pass(1);
        CHECK_EQ(k.closes, leaves);
        in(&k, do_push, 0);
        CHECK_EQ(k.well, !leaves);
        if (!leaves) CHECK(strstr(heard(&d), "data: news\n") != NULL);
        leave(&d);
        pass(1);
        CHECK_EQ(k.closes, leaves); /* an end was read before; the next heartbeat shows that nobody is there */
        pass(16000);
        CHECK_EQ(k.closes, 1);
        end();
    }
}

TEST(events_that_begin_after_the_readers_end_are_kept_or_not_as_well) {
    for (int leaves = 0; leaves < 2; leaves++) {
        begin((http_listen_options_t){0});
        k.silent = true;
        request_and_end(&d, GET("/"));
        pass(100);
        in(&k, do_events, 0);
        hear(&d);
        if (leaves) leave(&d);
        pass(1000);
        CHECK_EQ(k.closes, leaves);
        leave(&d);
        pass(16000);
        CHECK_EQ(k.closes, 1);
        end();
    }
}

/* ---- actors -------------------------------------------------------------------------------------------------------------------- */

TEST(a_full_mailbox_is_503_with_retry_after) {
    open_stage(NULL);
    k = (keeper_t){.on = hoard};
    actor_options_t options = {.behavior = keep, .state = &k, .mailbox_size = 4};
    CHECK_EQ(actor_spawn_opts(rt, &options, &k.id), MK_OK);
    in(&k, do_listen, 0);
    dial(&c);
    say(&c, GET("/0") GET("/1") GET("/2") GET("/3") GET("/4") GET("/5"));
    pass(60100); /* the four are never answered */
    const char *text = heard(&c);
    CHECK_EQ(count(text, "HTTP/1.1 503 "), 6);
    CHECK_EQ(count(text, "Retry-After: 1\r\n"), 2);
    end();
}

static bool do_sleepy(keeper_t *who, uint64_t arg) {
    (void)who, (void)arg;
    return true;
}

TEST(an_actor_that_ends_with_requests_in_its_mailbox_answers_503) {
    begin((http_listen_options_t){0});
    order_t    order = {do_end, 0};
    mk_slice_t slice = {GET("/0") GET("/1"), sizeof GET("/0") GET("/1") - 1};
    in(&k, do_sleepy, 0);
    CHECK_EQ(mk_sock_write(c.fd, &slice, 1), slice.size);
    CHECK(actor_send(rt, k.id, MSG_DO, &order, sizeof order));
    settle();
    const char *text = heard(&c);
    CHECK_EQ(k.requests, 0);
    CHECK(c.ended || c.failed);
    CHECK(count(text, "HTTP/1.1 503 ") == 2 || *text == '\0');
    leave(&c);
    mk_addr_t to = mk_fake_addr(SERVER_IP, PORT);
    int       fd = -1;
    mk_err_t  err = mk_sock_connect(&to, &fd);
    settle();
    CHECK(err != MK_OK || mk_sock_outcome(fd) == MK_ERR_IO);
    if (fd >= 0) mk_sock_close(fd);
    close_stage();
}

TEST(requests_of_an_actor_that_ended_are_503) {
    begin((http_listen_options_t){0});
    k.silent = true;
    say(&c, GET("/0") GET("/1"));
    in(&k, do_end, 0);
    const char *text = heard(&c);
    CHECK_EQ(count(text, "HTTP/1.1 503 "), 2);
    CHECK(c.ended);
    end();
}

TEST(after_unlisten_what_came_is_answered) {
    begin((http_listen_options_t){0});
    client_t idle, half;
    k.silent = true;
    dial(&idle);
    dial(&half);
    say(&c, GET("/0"));
    say(&half, "GET /1 HT");
    in(&k, do_unlisten, 0);
    CHECK(k.well);
    CHECK_STR(heard(&idle), "");
    CHECK(idle.ended);
    say(&half, "TP/1.1\r\nHost: a\r\n\r\n" GET("/evil"));
    in(&k, do_answer, 1);
    CHECK_STR(heard(&half), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nanswer 1");
    CHECK(half.ended);
    in(&k, do_answer, 0);
    CHECK_STR(heard(&c), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nanswer 0");
    CHECK(c.ended);
    CHECK_EQ(k.requests, 2);
    in(&k, do_unlisten, 0);
    CHECK(!k.well);
    leave(&idle);
    leave(&half);
    leave(&c);
    in(&k, do_listen, 0); /* the place is free again */
    CHECK_EQ(k.did, MK_OK);
    dial(&c);
    end();
}

TEST(the_runtime_may_end_in_any_state) {
    static const char *const said[] = {"", "GET", GET("/"),
                                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
                                       GET("/") GET("/") "x\r\n\r\n"};
    for (unsigned i = 0; i < sizeof said / sizeof *said; i++) {
        begin((http_listen_options_t){.stream_bodies = i % 2 != 0});
        k.silent = true;
        say(&c, said[i]);
        mk_fake_use_host(SERVER_HOST);
        runtime_destroy(rt);
        mk_fake_use_host(CLIENT_HOST);
        mk_sock_close(c.fd);
        mk_buffer_free(&c.got);
        CHECK_EQ(mk_fake_sockets(), 0);
    }
}

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

static void converse(void) {
    say(&c, GET("/0") GET("/1") "HEAD /2 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    char body[5000];
    memset(body, 'b', sizeof body);
    say_bytes(&c, body, sizeof body);
    say(&c, "nonsense\r\n\r\n");
}

static bool lenient(keeper_t *who, message_t *msg) {
    who->requests++;
    if (msg->type != MSG_HTTP_REQUEST) return true;
    const http_request_payload_t *p = msg->payload;
    who->well = actor_http_respond(rt, p->conn_id, 200, NULL, 0, http_request_body(p), p->body_size);
    return true;
}

/* Every request is answered, or the connection ends: nobody is left waiting. */
TEST(every_allocation_may_fail_once) {
    bool reached = true;
    for (unsigned n = 1; reached; n++) {
        k = (keeper_t){.on = lenient, .at.limits = {.respond_ms = 1000, .idle_ms = 1000}};
        open_stage(NULL);
        enter(&k);
        CHECK(n < 500);
        CHECK(oom_arm(n));
        in(&k, do_listen, 0);
        mk_addr_t to = mk_fake_addr(SERVER_IP, PORT);
        c = (client_t){.fd = -1};
        if (k.did == MK_OK && mk_sock_connect(&to, &c.fd) == MK_OK) {
            settle();
            if (mk_sock_outcome(c.fd) == MK_OK) converse();
        }
        reached = oom_disarm();
        if (c.fd >= 0 && !c.ended && !c.failed) {
            pass(7000);
            hear(&c);
            CHECK(c.ended || c.failed);
        }
        end();
    }
}

static bool note_all(void *arg, size_t size) {
    (*(unsigned *)arg)++;
    (void)size;
    return true;
}

TEST(kept_alive_connections_ask_the_heap_for_nothing) {
    unsigned asked = 0;
    begin((http_listen_options_t){0});
    k.on = lenient;
    for (int i = 0; i < 3; i++) say(&c, GET("/") GET("/"));
    heard(&c);
    CHECK(mk_buffer_reserve(&c.got, 65536) != NULL);
    mk_mem_set_gate(note_all, &asked);
    for (int i = 0; i < 20; i++) say(&c, GET("/") GET("/"));
    mk_mem_set_gate(NULL, NULL);
    CHECK_EQ(asked, 0);
    end();
}
