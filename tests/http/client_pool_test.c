/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: shared, kept, limited, gone stale; and every deadline of a fetch. */
#include "http/client_rig.h"

static const reply_t answers[] = {
    {"GET /ok ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", STAYS, 0},
    {"POST /ok ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", STAYS, 0},
    {"GET /chunked ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", STAYS, 0},
    {"GET /close ", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", STAYS, 0},
    {"GET /1.0 ", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", STAYS, 0},
    {"GET /surplus ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
     STAYS, 0},
    {"GET /then/close ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", FINISHES, 0},
    {"GET /later ", "", LATER, 0},
    {"POST /later ", "", LATER, 0},
    {"GET /head/slow ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", STAYS, 900},
    {"GET /stops ", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nstops", STAYS, 0},
    {"GET /trickles ", "HTTP/1.1 200 OK\r\n\r\ntrickles and trickles", FINISHES, 400},
    {0},
};

static mk_client_info_t info(void) {
    mk_client_info_t now;
    mk_client_info(client, &now);
    return now;
}

TEST(a_connection_serves_again_when_its_answer_says_so) {
    open_stage(answers);
    for (int i = 0; i < 10; i++) fetch_ok(i % 2 == 0 ? "http://a.test/ok" : "http://a.test/chunked", "ok");
    CHECK_EQ(server.guests, 1);
    CHECK_EQ(info().idle, 1);
    fetch_ok("http://b.test/ok", "ok"); /* another origin, though it is the same server */
    fetch_ok("http://a.test:8080/ok", "ok");
    CHECK_EQ(server.guests, 3);
    static const char *const not_again[] = {"http://a.test/close", "http://a.test/1.0", "http://a.test/surplus",
                                            "http://a.test/then/close"};
    for (size_t i = 0; i < 4; i++) {
        unsigned before = server.guests;
        fetch_ok(not_again[i], "ok"); /* by the one that is kept */
        settle();
        CHECK_EQ(server.guests, before);
        fetch_ok("http://a.test/ok", "ok"); /* by a new one, and it is this one's answer */
        CHECK_EQ(server.guests, before + 1);
    }
    close_stage();
}

TEST(no_more_than_the_limit_at_a_time) {
    static got_t got[20];
    open_stage(answers);
    memset(got, 0, sizeof got);
    mk_client_pool(client, 3, 0, 0);
    for (size_t i = 0; i < 20; i++) begin(&got[i], "http://a.test/ok");
    CHECK_EQ(info().waiting, 20);
    for (size_t i = 0; i < 20; i++) {
        run_until_over(&got[i]);
        CHECK_EQ(got[i].ends, 1);
        forget(&got[i]);
    }
    CHECK_EQ(server.guests, 3);
    CHECK_EQ(info().idle, 3);
    close_stage();
}

TEST(lines_move_whoever_leaves_them) {
    static got_t got[4];
    open_stage(answers);
    memset(got, 0, sizeof got);
    mk_client_pool(client, 1, 0, 0);
    for (size_t i = 0; i < 4; i++) begin(&got[i], i == 3 ? "http://a.test/ok" : "http://a.test/later");
    settle();
    CHECK_EQ(info().waiting, 3);
    forget(&got[1]); /* in line */
    forget(&got[0]); /* served */
    settle();
    CHECK_EQ(info().waiting, 1);
    forget(&got[2]);
    run_until_over(&got[3]);
    CHECK_EQ(got[3].ends, 1);
    forget(&got[3]);
    close_stage();
}

TEST(idle_connections_are_few_and_not_for_ever) {
    open_stage(answers);
    mk_client_pool(client, 0, 2, 5000);
    fetch_ok("http://a.test/ok", "ok");
    pass(10);
    fetch_ok("http://b.test/ok", "ok");
    pass(10);
    fetch_ok("http://sub.a.test/ok", "ok");
    settle();
    CHECK_EQ(info().idle, 2);
    fetch_ok("http://b.test/ok", "ok"); /* the oldest went */
    CHECK_EQ(server.guests, 3);
    pass(4900);
    CHECK_EQ(info().idle, 2);
    pass(200);
    CHECK_EQ(info().idle, 0);
    CHECK_EQ(guests_open(), 0);
    close_stage();
}

TEST(an_idle_connection_that_its_server_ends_is_forgotten) {
    open_stage(answers);
    fetch_ok("http://a.test/ok", "ok");
    mk_stream_finish(&server.guest[0].stream);
    settle();
    CHECK_EQ(info().idle, 0);
    fetch_ok("http://a.test/ok", "ok");
    mk_stream_reset(&server.guest[1].stream);
    server.guest[1].open = false;
    settle();
    CHECK_EQ(info().idle, 0);
    fetch_ok("http://a.test/ok", "ok");
    CHECK_EQ(mk_stream_write(&server.guest[2].stream, "HTTP/1.1 408 Request Timeout\r\n\r\n", 32), MK_OK);
    settle();
    CHECK_EQ(info().idle, 0);
    close_stage();
}

/* Kept, and closed by the server at the very moment of the next request. */
static void make_stale(const char *url, const char *method, got_t *got) {
    mk_fetch_options_t options = {.url = url, .method = method};
    fetch_ok("http://a.test/ok", "ok");
    begin_opts(got, &options);
    mk_stream_reset(&server.guest[server.guests - 1].stream);
    server.guest[server.guests - 1].open = false;
}

TEST(a_request_that_met_a_stale_connection_is_sent_again_once) {
    mk_addr_t      ten = mk_fake_addr("10.0.0.1", 0);
    mk_fake_link_t slow = {.latency_us = 20000};
    got_t          got = {0};
    open_stage(answers);
    mk_fake_link(&ten, &ten, &slow); /* so that both cross */
    make_stale("http://a.test/ok", "GET", &got);
    run_until_over(&got);
    CHECK_EQ(got.ends, 1);
    CHECK_EQ(server.guests, 2);
    forget(&got);
    make_stale("http://a.test/ok", "POST", &got); /* may have had its effect */
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_IO);
    forget(&got);
    close_stage();
}

TEST(a_connection_of_its_own_is_not_counted_and_not_kept) {
    static got_t got[4];
    open_stage(answers);
    memset(got, 0, sizeof got);
    mk_client_pool(client, 1, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        mk_fetch_options_t options = {.url = "http://a.test/later", .apart = true};
        begin_opts(&got[i], &options);
    }
    settle();
    CHECK_EQ(info().apart, 3);
    fetch_ok("http://a.test/ok", "ok");
    for (size_t i = 0; i < 3; i++) forget(&got[i]);
    settle();
    CHECK_EQ(info().apart, 0);
    mk_fetch_options_t options = {.url = "http://b.test/ok", .apart = true};
    begin_opts(&got[3], &options);
    run_until_over(&got[3]);
    CHECK_EQ(info().idle, 1);
    CHECK_EQ(got[3].ends, 1);
    forget(&got[3]);
    close_stage();
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

/* When it is over, in milliseconds. */
static unsigned times_out(const mk_fetch_options_t *options) {
    got_t    got = {0};
    uint64_t from = mk_port_now_us();
    begin_opts(&got, options);
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_TIMEOUT);
    forget(&got);
    return (unsigned)((mk_port_now_us() - from) / 1000);
}

#define ABOUT(ms, expected) CHECK((ms) >= (expected) && (ms) <= (expected) + 60)

TEST(connecting_has_a_deadline) {
    mk_addr_t      any = {0}, hole = mk_fake_addr("10.0.0.9", 0);
    mk_fake_link_t cut = {.cut = true};
    open_stage(answers);
    mk_fake_link(&any, &hole, &cut);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://10.0.0.9/"}), 10000);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://10.0.0.9/", .connect_ms = 700}), 700);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://10.0.0.9/", .total_ms = 300}), 300);
    close_stage();
}

TEST(waiting_in_line_has_a_deadline) {
    got_t got = {0};
    open_stage(answers);
    mk_client_pool(client, 1, 0, 0);
    mk_fetch_options_t options = {.url = "http://a.test/later", .response_ms = 60000};
    begin_opts(&got, &options);
    settle();
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/ok", .connect_ms = 900}), 900);
    forget(&got);
    close_stage();
}

TEST(an_answer_has_a_deadline) {
    open_stage(answers);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/later"}), 30000);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/later", .response_ms = 1200}), 1200);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/head/slow", .response_ms = 2000}), 2000);
    close_stage();
}

TEST(a_body_has_a_deadline_that_each_piece_moves) {
    got_t got = {0};
    open_stage(answers);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/stops"}), 30000);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/stops", .body_ms = 500}), 500);
    mk_fetch_options_t options = {.url = "http://a.test/trickles", .body_ms = 500};
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK_EQ(got.ends, 1);
    CHECK(body_is(&got, "trickles and trickles"));
    forget(&got);
    ABOUT(times_out(&(mk_fetch_options_t){.url = "http://a.test/trickles", .body_ms = 500, .total_ms = 9000}), 9000);
    close_stage();
}

TEST(an_event_source_may_be_silent) {
    got_t              got = {0};
    mk_fetch_options_t options = {.url = "http://a.test/stops", .no_body_deadline = true, .apart = true};
    open_stage(answers);
    begin_opts(&got, &options);
    for (int i = 0; i < 1000; i++) pass(1000);
    CHECK_EQ(got.heads, 1);
    CHECK(!over(&got));
    forget(&got);
    close_stage();
}
