/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws_test.c -- a WebSocket between two actors, one listening and one connecting, over the fake network: messages both ways,
 * every end, back-pressure in both directions, handshakes that come to nothing, and memory that runs out. */
#include <stdlib.h>

#include "http/session_rig.h"

static bool do_accept(role_t *role, uint64_t arg) {
    (void)arg;
    role->did = actor_ws_accept_opts(rt, role->conn, role->subprotocol);
    return true;
}

static bool do_refuse(role_t *role, uint64_t status) {
    (void)status;
    CHECK(actor_http_respond(rt, role->conn, 403, NULL, 0, "no", 2));
    return true;
}

static bool do_connect(role_t *role, uint64_t options) {
    ws_connect_options_t plain = {0}, *o = options != 0 ? (ws_connect_options_t *)(uintptr_t)options : &plain;
    char                 url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", port, role->path);
    o->url = url;
    role->did = actor_ws_connect_opts(rt, o, &role->conn);
    return true;
}

static bool do_say(role_t *role, uint64_t text) {
    const char *t = (const char *)(uintptr_t)text;
    role->well = actor_ws_send_text(rt, role->conn, t, strlen(t));
    return true;
}

static bool do_send(role_t *role, uint64_t size) {
    uint8_t *bytes = calloc(1, size + 1);
    role->did = actor_ws_try_send(rt, role->conn, true, bytes, size);
    free(bytes);
    return true;
}

static bool do_leave(role_t *role, uint64_t code) {
    role->well = actor_ws_close(rt, role->conn, (uint16_t)code, code == 4000 ? "enough" : NULL);
    return true;
}

static void say(role_t *role, const char *text) { in(role, do_say, (uint64_t)(uintptr_t)text); }

static void meet_with(const http_listen_options_t *listen, ws_connect_options_t *connect) {
    begin_with(listen);
    server.on_request = do_accept;
    in(&client, do_connect, (uint64_t)(uintptr_t)connect);
    CHECK_EQ(client.did, MK_OK);
    CHECK_EQ(server.did, MK_OK);
    CHECK_STR(heard(&server), "open");
    CHECK_STR(heard(&client), "open");
}

static void meet(void) { meet_with(NULL, NULL); }

/* ---- messages ------------------------------------------------------------------------------------------------------------------- */

TEST(messages_go_both_ways) {
    meet();
    say(&client, "Hello");
    say(&server, "and you");
    CHECK(client.well && server.well);
    say(&client, "");
    in(&client, do_send, 100);
    in(&server, do_send, 70000);
    in(&server, do_send, 1000000);
    CHECK_STR(heard(&server), "text(Hello) text() binary(100 bytes)");
    CHECK_STR(heard(&client), "text(and you) binary(70000 bytes) binary(1000000 bytes)");
    say(&client, "\xFF");
    CHECK(!client.well);
    end();
}

TEST(messages_go_uncompressed_as_well) {
    http_listen_options_t listen = {.no_compression = true};
    ws_connect_options_t  connect = {.no_compression = true};
    for (unsigned i = 1; i < 4; i++) {
        listen.no_compression = (i & 1) != 0;
        connect.no_compression = (i & 2) != 0;
        meet_with(&listen, &connect);
        in(&client, do_send, 5000);
        in(&server, do_send, 5000);
        CHECK_STR(heard(&server), "binary(5000 bytes)");
        CHECK_STR(heard(&client), "binary(5000 bytes)");
        end();
    }
}

static void patiently(void) { /* each byte is a round */
    for (unsigned i = 0; i < 10000; i++) runtime_step(rt);
}

TEST(bytes_may_come_one_at_a_time) {
    const mk_fake_net_t  slow = {.read_max = 1, .write_max = 3};
    ws_connect_options_t connect = {.no_compression = true};
    begin();
    mk_fake_net(&slow);
    server.on_request = do_accept;
    in(&client, do_connect, (uint64_t)(uintptr_t)&connect);
    patiently();
    say(&client, "Hello");
    in(&client, do_send, 3000);
    say(&server, "there");
    patiently();
    CHECK_STR(heard(&server), "open text(Hello) binary(3000 bytes)");
    CHECK_STR(heard(&client), "open text(there)");
    end();
}

TEST(a_message_above_the_limit_ends_it) {
    http_listen_options_t listen = {.limits = {.ws_message_bytes_max = 1000}};
    ws_connect_options_t  connect = {.message_bytes_max = 2000};
    meet_with(&listen, &connect);
    in(&client, do_send, 1000);
    in(&server, do_send, 2000);
    in(&client, do_send, 1001);
    pass(10);
    CHECK_STR(heard(&server), "binary(1000 bytes) closed(1009)");
    CHECK_STR(heard(&client), "binary(2000 bytes) closed(1009)");
    CHECK(server.reason[0] != '\0'); /* what the peer did wrong */
    CHECK_STR(client.reason, server.reason);
    end();
}

/* ---- handshakes ----------------------------------------------------------------------------------------------------------------- */

static bool do_protocol(role_t *role, uint64_t text) {
    CHECK_STR(ws_subprotocol(rt, role->conn), (const char *)(uintptr_t)text);
    return true;
}

TEST(a_subprotocol_is_agreed_on) {
    ws_connect_options_t connect = {.subprotocols = "superchat, chat"};
    begin();
    in(&client, do_connect, (uint64_t)(uintptr_t)&connect);
    server.subprotocol = "other";
    in(&server, do_accept, 0);
    CHECK_EQ(server.did, MK_ERR_INVALID); /* it was not offered, and the request is still to be answered */
    server.subprotocol = "chat";
    in(&server, do_accept, 0);
    CHECK_EQ(server.did, MK_OK);
    in(&server, do_accept, 0);
    CHECK_EQ(server.did, MK_ERR_NOTFOUND);
    in(&server, do_protocol, (uint64_t)(uintptr_t) "chat");
    in(&client, do_protocol, (uint64_t)(uintptr_t) "chat");
    CHECK_STR(heard(&client), "open");
    end();
}

TEST(a_refusal_is_an_error) {
    begin();
    server.on_request = do_refuse;
    in(&client, do_connect, 0);
    CHECK_STR(heard(&client), "error(PROTO: the server answered 403)");
    say(&client, "x");
    CHECK(!client.well);
    end();
}

TEST(nobody_there_is_an_error) {
    begin();
    port = 1;
    in(&client, do_connect, 0);
    pass(100);
    const char *words = heard(&client);
    CHECK(strncmp(words, "error(IO: ", 10) == 0);
    client.path = " ";
    in(&client, do_connect, 0);
    CHECK_EQ(client.did, MK_ERR_INVALID);
    end();
}

static bool do_get(role_t *role, uint64_t arg) {
    char url[64];
    (void)arg;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    role->conn = actor_http_get(rt, url);
    return true;
}

TEST(an_ordinary_request_is_not_made_a_websocket) {
    begin();
    in(&client, do_get, 0);
    in(&server, do_accept, 0);
    CHECK_EQ(server.did, MK_ERR_INVALID);
    in(&server, do_refuse, 0);
    CHECK_STR(heard(&client), "answer(403)");
    end();
}

TEST(one_that_is_not_open_yet_can_be_given_up) {
    begin();
    in(&client, do_connect, 0);
    in(&client, do_close, 0);
    pass(10);
    CHECK_STR(heard(&client), "");
    in(&server, do_accept, 0); /* which does not know yet */
    pass(10);
    CHECK_STR(heard(&server), "open closed(1006)");
    end();
}

/* ---- ends ----------------------------------------------------------------------------------------------------------------------- */

TEST(either_side_may_close) {
    for (unsigned i = 0; i < 2; i++) {
        meet();
        role_t *one = i == 0 ? &client : &server, *other = i == 0 ? &server : &client;
        in(one, do_leave, 1);
        CHECK(!one->well);
        in(one, do_leave, 4000);
        CHECK(one->well);
        pass(10);
        CHECK_STR(heard(one), "closed(4000)");
        CHECK_STR(heard(other), "closed(4000)");
        CHECK_STR(one->reason, ""); /* the peer has agreed, and had none of its own */
        CHECK_STR(other->reason, "enough");
        say(one, "x");
        CHECK(!one->well);
        pass(20000);
        CHECK_EQ(mk_fake_sockets(), 1); /* the listener */
        end();
    }
}

TEST(an_actors_end_is_told_to_the_other) {
    for (unsigned i = 0; i < 2; i++) {
        meet();
        role_t *one = i == 0 ? &client : &server, *other = i == 0 ? &server : &client;
        in(one, do_end, 0);
        pass(10);
        CHECK_STR(heard(one), "");
        CHECK_STR(heard(other), "closed(1001)");
        pass(20000);
        CHECK_EQ(mk_fake_sockets(), i == 0 ? 1 : 0);
        end();
    }
}

TEST(nothing_more_is_heard_of_what_was_given_up) {
    meet();
    say(&client, "a");
    ask(&client, do_say, (uint64_t)(uintptr_t) "b");
    in(&server, do_close, 0);
    pass(10);
    CHECK_STR(heard(&server), "text(a)");
    CHECK_STR(heard(&client), "closed(1001)");
    end();
}

TEST(a_lost_connection_is_an_abnormal_end) {
    meet();
    mk_addr_t any = {0}, at = mk_fake_addr("127.0.0.1", port);
    mk_fake_break(mk_fake_find(&any, &at));
    pass(10);
    CHECK_STR(heard(&server), "closed(1006)");
    CHECK_STR(heard(&client), "closed(1006)");
    end();
}

TEST(a_peer_that_vanished_is_found_out) {
    meet();
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.cut = true});
    pass(45000);
    CHECK_STR(heard(&server), "closed(1006)");
    CHECK_STR(heard(&client), "closed(1006)");
    end();
}

TEST(quiet_ones_live_as_long_as_they_like) {
    meet();
    pass(600000);
    say(&client, "still here");
    CHECK_STR(heard(&server), "text(still here)");
    CHECK_STR(heard(&client), "");
    end();
}

static bool do_unlisten(role_t *role, uint64_t arg) {
    (void)arg;
    role->well = actor_http_unlisten(rt, port);
    return true;
}

TEST(a_listener_that_stops_says_going_away) {
    meet();
    in(&server, do_unlisten, 0);
    pass(10);
    CHECK_STR(heard(&client), "closed(1001)");
    CHECK_STR(heard(&server), "closed(1001)");
    end();
}

TEST(a_runtime_may_end_with_one_open) {
    meet();
    ask(&client, do_send, 100000);
    runtime_step(rt);
    end();
}

/* ---- back-pressure --------------------------------------------------------------------------------------------------------------- */

static bool do_send_many(role_t *role, uint64_t n) {
    for (uint64_t i = 0; i < n && role->did == MK_OK; i++)
        role->did = actor_ws_try_send(rt, role->conn, true, "0123456789", 10);
    return true;
}

static bool do_flood(role_t *role, uint64_t size) {
    uint8_t *bytes = calloc(1, size);
    for (role->did = MK_OK; role->did == MK_OK;) role->did = actor_ws_try_send(rt, role->conn, true, bytes, size);
    free(bytes);
    return true;
}

TEST(many_messages_arrive_though_the_mailbox_is_small) {
    ws_connect_options_t connect = {.no_compression = true};
    meet_with(NULL, &connect);
    server.quiet = true;
    in(&client, do_send_many, 5000);
    CHECK_EQ(client.did, MK_OK);
    CHECK_EQ(server.messages, 5000);
    CHECK_EQ(server.bytes, 50000);
    end();
}

TEST(who_sends_too_much_is_refused_and_told_when_to_go_on) {
    ws_connect_options_t connect = {.no_compression = true};
    meet_with(NULL, &connect);
    server.quiet = true;
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.bytes_per_s = 1000000});
    ask(&client, do_flood, 10000);
    settle();
    CHECK_EQ(client.did, MK_ERR_FULL);
    CHECK_STR(heard(&client), "");
    pass(3000);
    CHECK_STR(heard(&client), "drained");
    CHECK(server.messages >= 26);
    end();
}

/* ---- without memory ------------------------------------------------------------------------------------------------------------- */

/* Whatever allocation fails, both come to an end that they hear of, or it goes well; nothing is lost in between. */
TEST(no_allocation_that_fails_does_harm) {
    for (unsigned n = 1; n < 400; n++) {
        begin();
        server.on_request = do_accept;
        mk_buffer_reserve(&server.words, 1000);
        mk_buffer_reserve(&client.words, 1000);
        ask(&client, do_connect, 0);
        ask(&client, do_say, (uint64_t)(uintptr_t) "Hello, a text that is long enough");
        oom_arm(n);
        settle();
        ask(&client, do_send, 2000);
        settle();
        bool reached = oom_disarm();
        pass(100);
        pass(70000);
        if (client.did == MK_OK || client.did == MK_ERR_CLOSED || client.did == MK_ERR_NOTFOUND) {
            const char *words = heard(&client);
            bool        told = *words != '\0' || client.did != MK_OK || server.did != MK_OK;
            if (!told) rig_fail(__FILE__, __LINE__, "nothing was heard after failure %u", n);
        }
        end();
        if (!reached) return;
    }
    CHECK(false);
}
