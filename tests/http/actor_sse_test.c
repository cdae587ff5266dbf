/* SPDX-License-Identifier: Apache-2.0 */
/* actor_sse_test.c -- an event stream between two actors, one pushing and one listening to a source, over the fake network. */
#include "http/session_rig.h"

static bool do_start(role_t *role, uint64_t options) {
    static const sse_options_t plain;
    role->did = actor_sse_start_opts(rt, role->conn, options != 0 ? (const sse_options_t *)(uintptr_t)options : &plain);
    return true;
}

static bool do_204(role_t *role, uint64_t arg) {
    (void)arg;
    CHECK(actor_http_respond(rt, role->conn, 204, NULL, 0, NULL, 0));
    return true;
}

static bool do_connect(role_t *role, uint64_t options) {
    sse_connect_options_t plain = {0}, *o = options != 0 ? (sse_connect_options_t *)(uintptr_t)options : &plain;
    char                  url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, role->path);
    o->url = url;
    role->did = actor_sse_connect_opts(rt, o, &role->conn);
    return true;
}

static bool do_push(role_t *role, uint64_t text) {
    const char *t = (const char *)(uintptr_t)text;
    role->well = actor_sse_push(rt, role->conn, NULL, t, strlen(t));
    return true;
}

static bool do_push_event(role_t *role, uint64_t text) {
    const char *t = (const char *)(uintptr_t)text;
    role->did = actor_sse_push_event(rt, role->conn, "42", "tick", t, strlen(t));
    return true;
}

static bool do_push_wrong(role_t *role, uint64_t arg) {
    (void)arg;
    CHECK_EQ(actor_sse_push_event(rt, role->conn, "4\n2", NULL, "a", 1), MK_ERR_INVALID);
    CHECK_EQ(actor_sse_push_event(rt, role->conn, NULL, "a\rb", "a", 1), MK_ERR_INVALID);
    CHECK_EQ(actor_sse_push_event(rt, role->conn + 1000, NULL, NULL, "a", 1), MK_ERR_NOTFOUND);
    return true;
}

static bool do_flood(role_t *role, uint64_t arg) {
    static char data[10000];
    (void)arg;
    memset(data, 'x', sizeof data);
    for (role->did = MK_OK; role->did == MK_OK;) {
        role->did = actor_sse_push_event(rt, role->conn, NULL, NULL, data, sizeof data);
    }
    return true;
}

static bool do_push_many(role_t *role, uint64_t n) {
    role->did = MK_OK;
    for (uint64_t i = 0; i < n && role->did == MK_OK; i++)
        role->did = actor_sse_push_event(rt, role->conn, NULL, NULL, "x", 1);
    return true;
}

static void push(const char *text) { in(&server, do_push, (uint64_t)(uintptr_t)text); }

static void meet(void) {
    begin();
    server.on_request = do_start;
    in(&client, do_connect, 0);
    CHECK_EQ(client.did, MK_OK);
    CHECK_EQ(server.did, MK_OK);
    CHECK_STR(heard(&client), "open(200)");
}

TEST(what_one_pushes_the_other_hears) {
    meet();
    push("hello");
    CHECK(server.well);
    CHECK_STR(client.event_id, "");
    in(&server, do_push_event, (uint64_t)(uintptr_t) "two\nlines");
    CHECK_EQ(server.did, MK_OK);
    CHECK_STR(client.event_id, "42");
    push("");
    CHECK_STR(client.event_id, "42"); /* still in force */
    in(&server, do_push_wrong, 0);
    CHECK_STR(heard(&client), "message(hello) tick(two\nlines) message()");
    end();
}

TEST(a_heartbeat_keeps_it_open) {
    meet();
    pass(600000);
    push("still here");
    CHECK_STR(heard(&client), "message(still here)");
    CHECK_EQ(server.requests, 1);
    end();
}

TEST(a_source_comes_back_with_the_last_id) {
    meet();
    in(&server, do_push_event, (uint64_t)(uintptr_t) "a");
    in(&server, do_close, 0); /* in good order */
    CHECK_STR(heard(&client), "tick(a)");
    pass(2900);
    CHECK_EQ(server.requests, 1);
    server.conn = HTTP_CONN_ID_INVALID;
    pass(200);
    CHECK_EQ(server.requests, 2);
    CHECK_STR(server.last_id, "42");
    push("b");
    CHECK_STR(heard(&client), "open(200) message(b)");
    end();
}

TEST(a_source_comes_back_when_the_connection_is_lost) {
    meet();
    mk_addr_t any = {0}, at = mk_fake_addr("127.0.0.1", port);
    mk_fake_break(mk_fake_find(&any, &at));
    pass(10);
    CHECK_STR(heard(&server), "closed(200)");
    push("nobody listens");
    CHECK(!server.well);
    server.conn = HTTP_CONN_ID_INVALID;
    pass(3100);
    CHECK_EQ(server.requests, 2);
    CHECK_STR(heard(&client), "open(200)");
    end();
}

TEST(retry_is_what_the_server_says) {
    const sse_options_t options = {.retry_ms = 100};
    begin();
    in(&client, do_connect, 0);
    in(&server, do_start, (uint64_t)(uintptr_t)&options);
    in(&server, do_close, 0);
    server.conn = HTTP_CONN_ID_INVALID;
    pass(110);
    CHECK_EQ(server.requests, 2);
    end();
}

TEST(no_content_is_the_end) {
    begin();
    server.on_request = do_204;
    in(&client, do_connect, 0);
    pass(100000);
    CHECK_STR(heard(&client), "closed(204)");
    CHECK_EQ(server.requests, 1);
    end();
}

TEST(an_address_that_is_none_is_refused_at_once) {
    begin();
    client.path = " x";
    in(&client, do_connect, 0);
    CHECK_EQ(client.did, MK_ERR_INVALID);
    pass(10000);
    CHECK_STR(heard(&client), "");
    end();
}

TEST(attempts_come_to_an_end_if_so_configured) {
    sse_connect_options_t options = {.attempts_max = 3, .retry_ms = 10};
    begin();
    port = 1;
    in(&client, do_connect, (uint64_t)(uintptr_t)&options);
    pass(1000);
    CHECK_STR(heard(&client), "closed(0)");
    end();
}

TEST(a_listener_that_leaves_is_noticed) {
    meet();
    in(&client, do_close, 0);
    pass(1); /* long before the next heartbeat */
    CHECK_STR(heard(&server), "closed(200)");
    CHECK_STR(heard(&client), "");
    end();
    meet();
    in(&client, do_end, 0);
    pass(1); /* long before the next heartbeat */
    CHECK_STR(heard(&server), "closed(200)");
    end();
}

TEST(an_actors_end_ends_its_streams) {
    meet();
    in(&server, do_end, 0);
    pass(100);
    CHECK_STR(heard(&client), "");
    pass(3000); /* it asks again, and nobody is there */
    end();
}

TEST(a_slow_reader_is_refused_and_heard_of) {
    meet();
    client.quiet = true;
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.bytes_per_s = 1000000});
    in(&server, do_flood, 0);
    CHECK_EQ(server.did, MK_ERR_FULL);
    CHECK_STR(heard(&server), "");
    pass(3000);
    CHECK_STR(heard(&server), "drained");
    CHECK(client.messages >= 26);
    end();
}

TEST(or_cut_off_if_so_configured) {
    const sse_options_t options = {.close_when_full = true};
    begin();
    in(&client, do_connect, 0);
    in(&server, do_start, (uint64_t)(uintptr_t)&options);
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.bytes_per_s = 1000000});
    client.quiet = true;
    in(&server, do_flood, 0);
    CHECK_EQ(server.did, MK_ERR_FULL);
    pass(10);
    CHECK_STR(heard(&server), "closed(200)");
    end();
}

TEST(many_events_arrive_though_the_mailbox_is_small) {
    meet();
    client.quiet = true;
    in(&server, do_push_many, 5000);
    CHECK_EQ(server.did, MK_OK);
    CHECK_EQ(client.messages, 5000);
    end();
}

TEST(a_runtime_may_end_with_one_open) {
    meet();
    ask(&server, do_push_many, 100);
    runtime_step(rt);
    end();
}

TEST(no_allocation_that_fails_does_harm) {
    for (unsigned n = 1; n < 400; n++) {
        begin();
        server.on_request = do_start;
        mk_buffer_reserve(&server.words, 1000);
        mk_buffer_reserve(&client.words, 1000);
        ask(&client, do_connect, 0);
        oom_arm(n);
        settle();
        ask(&server, do_push_event, (uint64_t)(uintptr_t) "an event");
        settle();
        bool reached = oom_disarm();
        if (reached) server.conn = HTTP_CONN_ID_INVALID;
        pass(100);
        pass(10000);
        end();
        if (!reached) return;
    }
    CHECK(false);
}
