/* SPDX-License-Identifier: Apache-2.0 */
/* Slow actors, peers that vanish, reset or never answer, owners that end in the middle. */
#include "base/mem.h"
#include "socket/socket_play.h"

static who_t a, b, c;

enum { PIECE = 10000 };
static uint8_t  piece[PIECE];
static unsigned taken, refused;

/* Says so much that no more is taken. */
static bool say_until_full(who_t *who) {
    for (unsigned i = 0; i < 1000; i++) {
        who->did = actor_tcp_send(who->rt, who->socket, piece, PIECE);
        if (who->did != MK_OK) {
            refused++;
            return true;
        }
        taken++;
    }
    CHECK(false);
    return true;
}

static socket_info_t info;

TEST(a_slow_actor_slows_its_peer_down) {
    open_nodes(NULL);
    taken = refused = 0;
    connect_with(&a, &b, (tcp_limits_t){.queue_bytes = 50000}, (tcp_limits_t){.window_bytes = 20000});
    ask(&b, do_doze);
    settle();
    in(&a, say_until_full);
    CHECK_EQ(a.did, MK_ERR_FULL);
    CHECK_EQ(refused, 1);
    settle();
    in(&a, say_until_full); /* the system's buffers took some */
    CHECK_EQ(a.did, MK_ERR_FULL);
    unsigned before = taken, drains = a.drains;
    pass(3000);
    CHECK_EQ(a.drains, drains); /* nothing moves */
    runtime_stats_t stats;
    runtime_get_stats(node[THERE], &stats);
    actor_info_t of_b;
    CHECK(runtime_get_actor_info(node[THERE], b.id, &of_b));
    CHECK(of_b.queued <= 64);
    CHECK(stats.pool_bytes < 4000000);
    CHECK_EQ(b.bytes, 0);
    pass(3000);
    CHECK_EQ(b.bytes, (size_t)before * PIECE);
    CHECK(a.drains > drains);
    in(&a, do_finish);
    CHECK_EQ(b.ends, 1);
    close_nodes();
}

TEST(small_messages_are_bounded_by_their_number) {
    open_nodes(NULL);
    connect_with(&a, &b, (tcp_limits_t){0}, (tcp_limits_t){.window_messages = 5});
    ask(&b, do_doze);
    settle();
    for (int i = 0; i < 50; i++) in(&a, do_say);
    actor_info_t of_b;
    CHECK(runtime_get_actor_info(node[THERE], b.id, &of_b));
    CHECK_EQ(of_b.queued, 5);
    pass(6000);
    CHECK_EQ(b.bytes, 250);
    close_nodes();
}

TEST(a_dozing_actor_does_not_hold_up_the_others) {
    open_nodes(NULL);
    connect_with(&a, &b, (tcp_limits_t){0}, (tcp_limits_t){.window_bytes = 100});
    taken = 0;
    ask(&b, do_doze);
    settle();
    in(&a, say_until_full);
    who_t d;
    enter(&c, HERE), enter(&d, THERE);
    d.at = (tcp_listen_options_t){.host = THERE_IP, .port = 81};
    d.echo = true;
    c.to = (tcp_connect_options_t){.host = THERE_IP, .port = 81};
    in(&d, do_listen);
    in(&c, do_connect);
    in(&c, do_say);
    CHECK_STR(c.tail, "hello");
    close_nodes();
}

static size_t largest;

static bool note_largest(void *arg, size_t size) {
    (void)arg;
    if (size > largest) largest = size;
    return true;
}

TEST(what_waits_to_be_handled_does_not_grow) {
    open_nodes(NULL);
    connect_with(&a, &b, (tcp_limits_t){0}, (tcp_limits_t){.window_bytes = 1000});
    taken = 0;
    largest = 0;
    mk_mem_set_gate(note_largest, NULL);
    for (int i = 0; i < 3; i++) in(&a, say_until_full);
    mk_mem_set_gate(NULL, NULL);
    CHECK_EQ(b.bytes, (size_t)taken * PIECE);
    CHECK(taken * PIECE > 700000);
    CHECK(largest < 300000);
    close_nodes();
}

/* ---- deadlines ---- */

TEST(nobody_there_is_a_refusal) {
    open_nodes(NULL);
    enter(&a, HERE);
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = 9};
    in(&a, do_connect);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(a.error, MK_ERR_IO);
    CHECK(a.text[0] != '\0');
    CHECK_EQ(a.opens, 0);
    a.to.host = "nowhere.example";
    in(&a, do_connect);
    CHECK_EQ(a.closes, 2);
    CHECK_EQ(a.error, MK_ERR_NOTFOUND);
    close_nodes();
}

TEST(a_call_into_the_dark_ends_at_its_deadline) {
    mk_addr_t there = mk_fake_addr(THERE_IP, 80);
    open_nodes(NULL);
    mk_fake_cut(&ANY_ADDR, &there, true);
    enter(&a, HERE);
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = 80, .limits = {.connect_ms = 3000}};
    in(&a, do_connect);
    in(&a, do_say);
    CHECK_EQ(a.did, MK_ERR_CLOSED); /* not open yet */
    pass(2900);
    CHECK_EQ(a.closes, 0);
    pass(200);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(a.error, MK_ERR_TIMEOUT);
    close_nodes();
}

TEST(a_peer_that_takes_nothing_is_given_up) {
    open_nodes(NULL);
    taken = refused = 0;
    connect_with(&a, &b, (tcp_limits_t){.write_ms = 2000}, (tcp_limits_t){.window_bytes = 100});
    ask(&b, do_doze);
    settle();
    in(&a, say_until_full);
    pass(3000);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(a.error, MK_ERR_TIMEOUT);
    CHECK(a.text[0] != '\0');
    pass(5000);
    CHECK_EQ(b.ends, 1);
    close_nodes();
}

TEST(who_is_silent_too_long_is_hung_up_on) {
    open_nodes(NULL);
    connect_with(&a, &b, (tcp_limits_t){0}, (tcp_limits_t){.idle_ms = 1000});
    b.echo = true;
    pass(800);
    in(&a, do_say);
    pass(800);
    CHECK_EQ(b.closes, 0);
    pass(400);
    CHECK_EQ(b.closes, 1);
    CHECK_EQ(b.error, MK_ERR_TIMEOUT);
    CHECK_EQ(a.ends + a.closes, 1);
    close_nodes();
}

TEST(a_peer_that_does_not_end_is_not_waited_for_for_ever) {
    open_nodes(NULL);
    connect_with(&a, &b, (tcp_limits_t){.finish_ms = 1500}, (tcp_limits_t){0});
    in(&a, do_finish);
    in(&a, do_say);
    CHECK_EQ(a.did, MK_ERR_CLOSED);
    pass(1400);
    CHECK_EQ(a.closes, 0);
    pass(200);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(a.error, MK_ERR_TIMEOUT);
    close_nodes();
}

/* ---- resets and worse ---- */

TEST(a_reset_is_told_behind_what_had_come) {
    open_nodes(NULL);
    connect_both(&a, &b);
    ask(&b, do_doze);
    settle();
    in(&a, do_say);
    in(&a, do_reset);
    CHECK_EQ(a.did, MK_OK);
    CHECK_EQ(a.closes, 0); /* it said so itself */
    pass(6000);
    CHECK_STR(b.tail, "hello");
    CHECK_EQ(b.closes, 1);
    CHECK_EQ(b.error, MK_ERR_IO);
    close_nodes();
}

TEST(a_cut_wire_is_noticed_in_the_end_by_both) {
    open_nodes(NULL);
    mk_fake_net(&(mk_fake_net_t){.give_up_us = 20000000});
    connect_both(&a, &b);
    mk_addr_t there = mk_fake_addr(THERE_IP, 0);
    mk_fake_cut(&ANY_ADDR, &there, true);
    pass(25000);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(b.closes, 1);
    CHECK_EQ(a.error, MK_ERR_IO);
    close_nodes();
}

TEST(a_crashed_peer_is_noticed_when_it_is_back) {
    open_nodes(NULL);
    connect_both(&a, &b);
    mk_fake_crash(2);
    pass(1000);
    CHECK_EQ(a.closes, 0);
    mk_fake_restart(2);
    in(&a, do_say);
    pass(1000);
    CHECK_EQ(a.closes, 1);
    CHECK_EQ(a.error, MK_ERR_IO);
    close_nodes();
}

TEST(descriptors_run_out_and_the_listener_recovers) {
    open_nodes(NULL);
    connect_both(&a, &b);
    enter(&c, HERE);
    c.to = a.to;
    mk_fake_fail(MK_FAKE_ACCEPT, 3);
    in(&c, do_connect);
    CHECK_EQ(c.opens, 1);
    pass(2000);
    CHECK_EQ(b.opens, 2);
    mk_fake_net(&(mk_fake_net_t){.sockets_max = mk_fake_sockets()});
    in(&c, do_connect);
    CHECK_EQ(c.closes, 1);
    close_nodes();
}

/* ---- ends ---- */

TEST(an_actor_that_ends_has_said_what_it_said) {
    open_nodes(NULL);
    taken = refused = 0;
    connect_both(&a, &b);
    ask(&b, do_doze);
    settle();
    ask(&a, say_until_full);
    ask(&a, do_end);
    pass(6000);
    CHECK_EQ(b.bytes, (size_t)taken * PIECE);
    CHECK_EQ(b.ends, 1);
    in(&b, do_close);
    pass(100);
    CHECK_EQ(mk_fake_sockets(), 1); /* the listener */
    in(&b, do_end);
    CHECK_EQ(mk_fake_sockets(), 0);
    close_nodes();
}

static bool say_and_close(who_t *who) { return do_say(who) && do_close(who); }

TEST(closing_keeps_what_was_said_and_drops_what_lies_in_the_mailbox) {
    open_nodes(NULL);
    connect_both(&a, &b);
    b.echo = true;
    ask(&b, do_doze);
    ask(&b, say_and_close);
    settle();
    in(&a, do_say);
    pass(6000);
    CHECK_EQ(b.messages, 0);
    CHECK_EQ(b.closes, 0);
    CHECK_STR(a.tail, "hello");
    CHECK_EQ(a.ends, 1);
    in(&b, do_say);
    CHECK_EQ(b.did, MK_ERR_NOTFOUND);
    close_nodes();
}

TEST(who_ends_while_connecting_leaves_nothing) {
    mk_addr_t there = mk_fake_addr(THERE_IP, 80);
    open_nodes(NULL);
    mk_fake_cut(&ANY_ADDR, &there, true);
    enter(&a, HERE);
    a.to = (tcp_connect_options_t){.host = THERE_IP, .port = 80};
    ask(&a, do_connect);
    in(&a, do_end);
    CHECK_EQ(mk_fake_sockets(), 0);
    close_nodes();
}

TEST(a_node_that_ends_closes_everything) {
    open_nodes(NULL);
    taken = refused = 0;
    connect_both(&a, &b);
    enter(&c, HERE);
    c.to = (tcp_connect_options_t){.host = "203.0.113.9", .port = 1};
    in(&c, do_connect);
    ask(&b, do_doze);
    settle();
    in(&a, say_until_full);
    close_nodes();
}

TEST(closing_a_listener_leaves_its_connections) {
    open_nodes(NULL);
    connect_both(&a, &b);
    in(&b, do_close_listener);
    CHECK_EQ(b.did, MK_OK);
    in(&b, do_close_listener);
    CHECK_EQ(b.did, MK_ERR_NOTFOUND);
    b.echo = true;
    in(&a, do_say);
    CHECK_STR(a.tail, "hello");
    enter(&c, HERE);
    c.to = a.to;
    in(&c, do_connect);
    CHECK_EQ(c.error, MK_ERR_IO);
    in(&a, do_close);
    close_nodes();
}

/* ---- without memory ---- */

static bool look_anyway(who_t *who) {
    (void)socket_info(who->rt, who->socket, &info);
    return true;
}

/* Each single allocation fails in its turn. Whoever was told that it would hear more does. */
TEST(each_allocation_may_fail) {
    unsigned n = 1;
    for (bool reached = true; reached; n++) {
        open_nodes(NULL);
        enter(&a, HERE), enter(&b, THERE);
        b.echo = false;
        a.to = (tcp_connect_options_t){.host = "there.example", .port = 80};
        b.at = (tcp_listen_options_t){.host = THERE_IP, .port = 80};
        mk_addr_t addr = mk_fake_addr(THERE_IP, 0);
        mk_fake_name("there.example", &addr, 1);
        order_t orders[] = {{do_listen}, {do_connect}, {say_until_full}, {look_anyway}, {do_finish}, {do_finish}};
        who_t  *who[] = {&b, &a, &a, &a, &a, &b};
        taken = refused = 0;
        CHECK(oom_arm(n));
        for (unsigned i = 0; i < sizeof orders / sizeof *orders; i++) {
            (void)actor_send(who[i]->rt, who[i]->id, MSG_DO, &orders[i], sizeof orders[i]);
            pass(30);
        }
        reached = oom_disarm();
        pass(6000);
        if (a.did != MK_OK && a.opens == 0 && a.closes == 0) CHECK(a.socket == SOCKET_ID_INVALID);
        if (a.opens != 0) CHECK(a.closes == 1 || a.ends <= 1);
        if (!reached) {
            CHECK_EQ(a.closes, 1);
            CHECK_EQ(b.closes, 1);
            CHECK_EQ(b.bytes, (size_t)taken * PIECE);
        } else if (b.closes == 1 && b.error == MK_OK && a.closes == 1 && a.error == MK_OK) {
            CHECK_EQ(b.bytes, (size_t)taken * PIECE);
        }
        if (a.socket != SOCKET_ID_INVALID && a.opens == 0) CHECK_EQ(a.closes, 1);
        close_nodes();
    }
    CHECK(n > 20);
}
