/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that say too much, each frame of it well made; and links that go wrong under load. Queues and memory stay bounded, and a
 * friend that is linked meanwhile notices nothing. */
#include "node/hostile_rig.h"

static void check_the_rest_is_well(void) {
    const char *why = friend_is_disturbed();
    if (why != NULL) rig_fail(__FILE__, __LINE__, "%s (last logged: %s)", why, rig.line);
    CHECK(rig.lines < 40);
    CHECK_EQ(rig.foreign_system, 0);
}

/* ---- at the door ----------------------------------------------------------------------------------------------------------- */

TEST(a_crowd_that_never_says_hello_leaves_room_for_others) {
    static raw_peer_t p[CROWD_MAX], late;
    start(NODE_ROLE_MEMBER);
    for (unsigned i = 0; i < CROWD_MAX - 1; i++) join(&p[i]);
    go(100);
    check_the_rest_is_well();
    go(HELLO_MS + 1000);
    unsigned left = 0;
    for (unsigned i = 0; i < CROWD_MAX - 1; i++) left += p[i].fd >= 0;
    CHECK_EQ(left, 0);
    enter(&late, "late", 9);
    check_the_rest_is_well();
    end();
}

TEST(more_nodes_than_may_be_linked_are_refused) {
    static raw_peer_t p[CROWD_MAX];
    unsigned          in = 0;
    start(NODE_ROLE_MEMBER);
    for (unsigned i = 0; i < 40; i++) {
        char identity[16];
        snprintf(identity, sizeof identity, "m%u", i);
        mk_wire_hello_t hello = raw_hello(identity, 100 + i);
        join(&p[i]);
        p[i].polite = true;
        raw_say_hello(&p[i], &hello);
    }
    go(300);
    for (unsigned i = 0; i < 40; i++) {
        in += p[i].fd >= 0;
        if (p[i].fd < 0) CHECK_EQ(p[i].reason, MK_WIRE_REASON_FULL);
    }
    CHECK_EQ(in, PEERS_MAX - 1);
    check_the_rest_is_well();
    end();
}

TEST(the_same_node_that_calls_again_and_again_costs_one_link) {
    static raw_peer_t p[CROWD_MAX];
    start(NODE_ROLE_MEMBER);
    for (unsigned i = 0; i < 60; i++) {
        mk_wire_hello_t hello = raw_hello("mallory", 9);
        hello.generation = i + 1;
        join(&p[i]);
        p[i].polite = true;
        raw_say_hello(&p[i], &hello);
        go(5);
    }
    go(2 * DEAD_MS);
    unsigned in = 0;
    for (unsigned i = 0; i < 60; i++) in += p[i].fd >= 0;
    CHECK(in <= 1);
    check_the_rest_is_well();
    end();
}

/* ---- floods of one kind ---------------------------------------------------------------------------------------------------- */

TEST(more_names_than_a_peer_may_have_are_too_many) {
    static raw_peer_t p;
    uint8_t           frame[64];
    start(NODE_ROLE_MEMBER);
    enter(&p, "mallory", 9);
    raw_say(&p, frame, mk_wire_put_empty(frame, MK_WIRE_NAMES_BEGIN));
    for (unsigned i = 0; i < 110000 && p.fd >= 0; i++) {
        char           text[24];
        mk_wire_name_t name = {.seq = 1 + i % 9, .counter = i + 1, .stamp_ms = 5};
        name.name = (mk_slice_t){text, (size_t)snprintf(text, sizeof text, "flood/%u", i)};
        raw_say(&p, frame, mk_wire_put_name(frame, &name));
        while (p.fd >= 0 && p.saying_n > RAW_SAY_MAX / 2) go(1);
    }
    go(1000);
    if (p.fd >= 0) {
        node_info_t info;
        info_of(9, &info);
        CHECK(info.names <= 100000);
    }
    check_the_rest_is_well();
    CHECK(actor_lookup(rig.rt, "echo") == rig.echo);
    raw_close(&p);
    go(100);
    CHECK(actor_lookup(rig.rt, "flood/1") == ACTOR_ID_INVALID);
    end();
}

TEST(more_monitors_than_a_peer_may_have_are_too_many) {
    static raw_peer_t p;
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    for (unsigned i = 0; i < 70000 && p.fd >= 0; i++) {
        mk_signal_t signal = {.kind = MK_SIGNAL_MONITOR, .ref = i + 1, .from = 7, .to = actor_id_seq(rig.echo)};
        raw_say_signal(&p, &signal);
        while (p.fd >= 0 && !raw_may_say(&p, MK_WIRE_SIGNAL_BYTES_MAX)) go(1);
    }
    go(1000);
    CHECK(p.fd < 0 ||
          p.count[MK_WIRE_SIGNAL] >= 70000 - 65536); /* the rest is told at once that it will not hear of anybody */
    CHECK(memory() < 32u << 20);
    check_the_rest_is_well();
    end();
}

TEST(requests_without_end_are_answered_or_end_the_link) {
    static raw_peer_t p;
    uint8_t           frame[MK_WIRE_REQUEST_BYTES_MAX];
    start(NODE_ROLE_MEMBER);
    enter(&p, "mallory", 9);
    p.deaf = true;
    for (unsigned i = 0; i < 50000 && p.fd >= 0; i++) {
        mk_wire_request_t request = {.ref = i + 1, .verb = MK_WIRE_SPAWN, .module = {"worker", 6}};
        if (p.saying_n + sizeof frame > RAW_SAY_MAX) go(1);
        if (p.saying_n + sizeof frame > RAW_SAY_MAX) break;
        raw_say(&p, frame, mk_wire_put_request(frame, &request));
    }
    go(300);
    CHECK(memory() < 8u << 20);
    CHECK(rig.largest < 4u << 20);
    check_the_rest_is_well();
    end();
}

TEST(pings_whose_answers_nobody_reads_do_not_pile_up) {
    static raw_peer_t p;
    uint8_t           frame[MK_WIRE_STAMP_BYTES];
    start(NODE_ROLE_MEMBER);
    enter(&p, "mallory", 9);
    p.deaf = true;
    for (unsigned i = 0; i < 300000 && p.fd >= 0; i++) {
        if (p.saying_n + sizeof frame > RAW_SAY_MAX) go(1);
        if (p.saying_n + sizeof frame > RAW_SAY_MAX) break;
        raw_say(&p, frame, mk_wire_put_stamp(frame, MK_WIRE_PING, i));
    }
    go(300);
    CHECK(rig.largest < 4u << 20);
    check_the_rest_is_well();
    end();
}

TEST(messages_to_nobody_are_counted_and_the_link_stands) {
    static raw_peer_t p;
    runtime_stats_t   before, after;
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    runtime_get_stats(rig.rt, &before);
    for (unsigned i = 0; i < 200; i++) {
        while (!raw_may_say(&p, 100)) go(1);
        raw_say_data(&p, 500000 + i, T_SAY, "x", 1);
    }
    go(50);
    runtime_get_stats(rig.rt, &after);
    CHECK(p.fd >= 0);
    CHECK_EQ(after.refused_unknown + after.dropped - before.refused_unknown - before.dropped, 200);
    check_the_rest_is_well();
    end();
}

/* ---- back-pressure ------------------------------------------------------------------------------------------------------------ */

/* It goes on sending to an actor of which it was told that it takes no more: as much as its credit, and no more is granted. */
TEST(a_peer_that_does_not_stop_is_held_by_its_credit) {
    static raw_peer_t p;
    unsigned          sent = 0;
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    CHECK(actor_send(rig.rt, rig.slow, T_HOLD, NULL, 0));
    go(5);
    for (unsigned i = 0; i < 200000 && p.fd >= 0; i++) {
        if (!raw_may_say(&p, 200)) go(1);
        if (!raw_may_say(&p, 200)) break;
        raw_say_data(&p, actor_id_seq(rig.slow), T_SAY, NULL, 0);
        sent++;
    }
    go(100);
    actor_info_t info;
    CHECK(runtime_get_actor_info(rig.rt, rig.slow, &info));
    CHECK(p.fd < 0 || p.count[MK_WIRE_STOP] == 1);
    CHECK(p.fd < 0); /* it had said that no more than its queue and its credit would come */
    CHECK(info.queued <= 4 + (2 * CREDIT + p.hello.queue + PAYLOAD_MAX) / MK_WIRE_DATA_BYTES);
    CHECK(memory() < 32u << 20);
    check_the_rest_is_well();
    end();
}

/* A peer that grants nothing: what waits for it is bounded, every refusal is said and counted. */
static bool say_much(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    static const uint8_t payload[1000];
    unsigned            *refused = state;
    (void)self;
    if (msg->type != T_SEND) return true;
    for (unsigned i = 0; i < 2000; i++)
        if (!actor_send(rt, actor_id_make(9, 7), T_SAY, payload, sizeof payload)) ++*refused;
    return true;
}

TEST(a_peer_that_grants_nothing_costs_a_bounded_queue) {
    static raw_peer_t p;
    static unsigned   refused;
    node_info_t       info;
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    p.polite = false;
    p.deaf = true;
    refused = 0;
    actor_id_t sender = spawn(say_much, &refused, 0, NULL);
    CHECK(actor_send(rig.rt, sender, T_SEND, NULL, 0));
    go(20);
    info_of(9, &info);
    CHECK(refused > 500);
    CHECK_EQ(info.refused, refused);
    CHECK(info.queued_bytes <= QUEUE + 65536);
    check_the_rest_is_well();
    end();
}

/* ---- links that go wrong -------------------------------------------------------------------------------------------------------- */

TEST(a_link_cut_in_the_middle_of_a_fragment_delivers_nothing_of_it) {
    static raw_peer_t p;
    static uint8_t    frame[3000], piece[2000];
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    size_t             before = memory();
    mk_wire_fragment_t fragment = {.stream = 1, .first = true, .total = 200000};
    fragment.data = (mk_wire_data_t){
        .source = 7, .dest = actor_id_seq(rig.hidden), .type = T_SAY, .payload = {piece, sizeof piece}};
    size_t whole = mk_wire_put_fragment(frame, &fragment);
    raw_say(&p, frame, whole);
    fragment.first = false;
    whole = mk_wire_put_fragment(frame, &fragment);
    raw_say(&p, frame, whole / 2);
    go(20);
    mk_sock_reset(p.fd);
    p.fd = -1;
    go(20);
    CHECK_EQ(rig.got_hidden, 0);
    CHECK(memory() <= before + 65536);
    check_the_rest_is_well();
    end();
}

static uint64_t now_ms(void) { return mk_port_now_us() / 1000; }

TEST(the_end_of_an_idle_link_is_noticed_at_once_and_nothing_spins) {
    static raw_peer_t p;
    start(NODE_ROLE_MEMBER);
    enter(&p, "mallory", 9);
    go(50);
    uint64_t    waits = mk_fake_waits(), began = now_ms();
    node_info_t list[4];
    CHECK_EQ(node_list(rig.rt, list, 4), 2);
    mk_sock_finish(p.fd);
    while (node_list(rig.rt, list, 4) == 2 && now_ms() < began + 100) go(1);
    CHECK_EQ(node_list(rig.rt, list, 4), 1);
    CHECK(now_ms() <= began + 5);
    CHECK(mk_fake_waits() < waits + 60);
    check_the_rest_is_well();
    end();
}
