/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams and names for actors. */
#include "socket/socket_play.h"

static who_t a, b;

static const char   *bind_host;
static uint16_t      bind_port;
static socket_addr_t to;
static size_t        say_bytes;
static uint8_t       bytes[70000];

static bool do_bind(who_t *who) {
    who->did = actor_udp_bind_at(who->rt, bind_host, bind_port, &who->socket);
    return true;
}
static bool do_sendto(who_t *who) {
    who->did = actor_udp_sendto(who->rt, who->socket, &to, bytes, say_bytes);
    return true;
}
static bool send_300(who_t *who) {
    for (int i = 0; i < 300; i++) (void)do_sendto(who);
    return true;
}
static bool do_udp_close(who_t *who) {
    who->did = actor_udp_close(who->rt, who->socket);
    return true;
}

static void bind_both(void) {
    open_nodes(NULL);
    enter(&a, HERE), enter(&b, THERE);
    bind_host = "10.0.0.1", bind_port = 0;
    in(&a, do_bind);
    CHECK_EQ(a.did, MK_OK);
    bind_host = THERE_IP, bind_port = 53;
    in(&b, do_bind);
    CHECK_EQ(b.did, MK_OK);
    CHECK(socket_addr_parse(THERE_IP, 53, &to));
    say_bytes = 100;
}

TEST(datagrams_come_with_their_sender_and_go_back) {
    bind_both();
    b.echo = true;
    in(&a, do_sendto);
    CHECK_EQ(b.datagrams, 1);
    CHECK_EQ(b.bytes, 100);
    CHECK_EQ(a.datagrams, 1);
    CHECK_EQ(a.peer.port, 53);
    say_bytes = 0; /* is one too */
    in(&a, do_sendto);
    CHECK_EQ(a.datagrams, 2);
    say_bytes = 60000;
    in(&a, do_sendto);
    CHECK_EQ(a.bytes, 60100);
    close_nodes();
}

TEST(what_cannot_be_sent_is_said) {
    bind_both();
    say_bytes = sizeof bytes;
    in(&a, do_sendto);
    CHECK_EQ(a.did, MK_ERR_TOOLONG);
    say_bytes = 1;
    CHECK(socket_addr_parse("255.255.255.255", 53, &to));
    in(&a, do_sendto);
    CHECK_EQ(a.did, MK_ERR_DENIED);
    mk_fake_fail(MK_FAKE_SEND, 1);
    in(&a, do_sendto);
    CHECK_EQ(a.did, MK_ERR_FULL);
    a.socket++;
    in(&a, do_sendto);
    CHECK_EQ(a.did, MK_ERR_NOTFOUND);
    bind_host = "example.com";
    in(&b, do_bind);
    CHECK_EQ(b.did, MK_ERR_INVALID);
    close_nodes();
}

static socket_info_t info;
static bool          look(who_t *who) {
             CHECK(socket_info(who->rt, who->socket, &info));
             return true;
}

TEST(a_flood_is_dropped_at_the_limit_and_counted) {
    bind_both();
    ask(&b, do_doze);
    settle();
    in(&a, send_300);
    actor_info_t of_b;
    CHECK(runtime_get_actor_info(b.rt, b.id, &of_b));
    CHECK_EQ(of_b.queued, 64);
    pass(6000);
    CHECK_EQ(b.datagrams, 64);
    in(&b, look);
    CHECK_EQ(info.dropped, 300 - 64);
    CHECK_EQ(info.local.port, 53);
    in(&a, do_sendto); /* and on it goes */
    CHECK_EQ(b.datagrams, 65);
    close_nodes();
}

TEST(a_refusal_disturbs_nobody) {
    bind_both();
    to.port = 99;
    in(&a, do_sendto);
    to.port = 53;
    b.echo = true;
    in(&a, do_sendto);
    CHECK_EQ(a.datagrams, 1);
    close_nodes();
}

TEST(a_closed_one_says_no_more_and_its_port_is_free) {
    bind_both();
    ask(&b, do_doze);
    ask(&b, do_udp_close);
    settle();
    in(&a, do_sendto);
    pass(6000);
    CHECK_EQ(b.did, MK_OK);
    CHECK_EQ(b.datagrams, 0);
    in(&b, do_udp_close);
    CHECK_EQ(b.did, MK_ERR_NOTFOUND);
    in(&b, do_bind);
    CHECK_EQ(b.did, MK_OK);
    in(&b, do_end);
    CHECK_EQ(mk_fake_sockets(), 1);
    close_nodes();
}

static bool bind_plainly(who_t *who) {
    socket_addr_t local;
    who->socket = actor_udp_bind(who->rt, NULL, 0);
    CHECK(who->socket != SOCKET_ID_INVALID);
    CHECK(socket_local(who->rt, who->socket, &local));
    CHECK_EQ(local.ip[0], 127);
    CHECK(local.port != 0);
    return true;
}

TEST(without_a_word_it_stays_on_this_machine) {
    open_nodes(NULL);
    enter(&a, HERE);
    in(&a, bind_plainly);
    close_nodes();
}

/* ---- names ---- */

static const char *host;
static socket_id_t question;

static bool do_resolve(who_t *who) {
    who->did = actor_resolve_within(who->rt, host, 3000, &question);
    return true;
}
static bool resolve_plainly(who_t *who) {
    question = actor_resolve(who->rt, host);
    return true;
}

TEST(names_are_answered_by_a_message) {
    mk_addr_t addrs[] = {mk_fake_addr("2001:db8::7", 0), mk_fake_addr("192.0.2.7", 0)};
    open_nodes(NULL);
    mk_fake_name("host.example", addrs, 2);
    enter(&a, HERE);
    host = "host.example";
    in(&a, do_resolve);
    CHECK_EQ(a.answers, 1);
    CHECK_EQ(a.error, MK_OK);
    CHECK_EQ(a.answer_n, 2);
    CHECK_EQ(a.answer[0].family, SOCKET_IPV6);
    CHECK_EQ(a.answer[1].ip[3], 7);
    host = "unknown.example";
    in(&a, resolve_plainly);
    CHECK(question != SOCKET_ID_INVALID);
    CHECK_EQ(a.answers, 2);
    CHECK_EQ(a.error, MK_ERR_NOTFOUND);
    host = "10.1.2.3";
    in(&a, do_resolve);
    CHECK_EQ(a.answer[0].ip[1], 1);
    mk_fake_name_fails("bad.example", MK_ERR_IO);
    host = "bad.example";
    in(&a, do_resolve);
    CHECK_EQ(a.error, MK_ERR_IO);
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    long_name[399] = '\0';
    host = long_name;
    in(&a, do_resolve);
    CHECK(a.did != MK_OK || a.error != MK_OK);
    close_nodes();
}

TEST(who_ends_before_the_answer_is_not_told) {
    open_nodes(NULL);
    enter(&a, HERE);
    host = "host.example";
    ask(&a, do_resolve);
    in(&a, do_end);
    CHECK_EQ(a.answers, 0);
    close_nodes();
}

TEST(each_allocation_may_fail) {
    unsigned n = 1;
    for (bool reached = true; reached; n++) {
        order_t orders[] = {{do_bind}, {do_resolve}};
        open_nodes(NULL);
        enter(&a, HERE), enter(&b, HERE);
        bind_host = NULL, bind_port = 53, host = "localhost";
        question = SOCKET_ID_INVALID;
        CHECK(socket_addr_parse("127.0.0.1", 53, &to));
        CHECK(oom_arm(n));
        for (unsigned i = 0; i < 2; i++) {
            (void)actor_send(a.rt, a.id, MSG_DO, &orders[i], sizeof orders[i]);
            settle();
        }
        order_t more[] = {{do_bind}, {do_sendto}};
        say_bytes = 3000;
        for (unsigned i = 0; i < 2; i++) {
            (void)actor_send(b.rt, b.id, MSG_DO, &more[i], sizeof more[i]);
            bind_port = 54;
            settle();
        }
        reached = oom_disarm();
        pass(20);
        CHECK_EQ(a.answers, question != SOCKET_ID_INVALID ? 1 : 0);
        if (!reached) CHECK_EQ(a.error, MK_OK);
        close_nodes();
    }
    CHECK(n > 8);
}
