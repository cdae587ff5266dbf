/* SPDX-License-Identifier: Apache-2.0 */
/* Datagram channels between two nodes on a network that behaves, and on one that does not. */
#include "runtime/remote.h"
#include "udp_rig.h"

static mk_keyring_t *member_keys(void) { return keys_of(secret_line("member", 'a')); }

/* ---- talking ------------------------------------------------------------------------------------------------------------ */

static void talk(mk_keyring_t *keys, uint32_t may) {
    bool sealed = keys != NULL;
    open_pair(keys);
    CHECK_EQ(a.call.opens, 0);
    RUN_UNTIL(a.call.opens == 1 && b.accepts == 1);
    end_t *called = &b.accepted[0];
    CHECK_EQ(called->opens, 1);
    CHECK_EQ(a.call.channel->encrypted, sealed);
    CHECK_EQ(called->channel->encrypted, sealed);
    CHECK_EQ(a.call.channel->may, may);
    CHECK_EQ(called->channel->may, may);
    CHECK(a.call.channel->dialled);
    CHECK_STR(a.call.channel->where, "udp:192.0.2.2:1002");
    CHECK_STR(called->channel->where, "udp:192.0.2.1:1001");
    for (int i = 0; i < 300; i++) {
        end_put(&a.call, i % 3 != 0, 1 + (size_t)i % 900);
        end_put(called, i % 2 != 0, 1 + (size_t)i % 700);
    }
    RUN_UNTIL(called->controls == 100 && called->data == 200 && a.call.controls == 150 && a.call.data == 150);
    CHECK_EQ(called->lost, 0);
    end_put(&a.call, true, 5);
    end_close(&a.call, true);
    RUN_UNTIL(called->closes == 1);
    CHECK_EQ(called->err, MK_ERR_CLOSED);
    CHECK_EQ(called->data, 201);
    CHECK(b.hub->channels == NULL && a.hub->channels == NULL);
    close_both();
}

TEST(two_nodes_with_a_secret_talk) {
    open_net(1);
    talk(member_keys(), MK_MAY_LOOKUP | MK_MAY_SEND);
    close_net();
}

TEST(the_role_is_the_secrets) {
    open_net(1);
    talk(keys_of(secret_line("operator", 'b')), mk_role_may(NODE_ROLE_OPERATOR));
    close_net();
}

TEST(two_nodes_without_secrets_talk) {
    open_net(1);
    talk(NULL, MK_MAY_LOOKUP);
    close_net();
}

TEST(the_longest_frames_pass) {
    open_net(1);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    size_t most = a.call.channel->frame_bytes_max;
    for (int i = 0; i < 20; i++) end_put(&a.call, true, most - MK_WIRE_HEADER_BYTES - 12);
    end_put(&a.call, false, MK_WIRE_NAME_GONE_BYTES_MAX - MK_WIRE_HEADER_BYTES - 8);
    RUN_UNTIL(b.accepted[0].controls == 1);
    CHECK_EQ(b.accepted[0].data, 20);
    close_both();
    close_net();
}

TEST(a_silent_channel_costs_nothing) {
    open_net(1);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    run_ms(1000);
    uint64_t waits = mk_fake_waits();
    run_ms(3600 * 1000);
    CHECK(mk_fake_waits() - waits < 5);
    CHECK_EQ(a.call.closes, 0);
    close_both();
    close_net();
}

TEST(many_peers_share_a_socket) {
    enum { PEERS = 100 };
    static side_t peers[PEERS];
    mk_keyring_t *keys = member_keys();
    open_net(2);
    mk_addr_t to = addr_b();
    mk_fake_give_address(0, &to);
    CHECK_EQ(side_open(&b, &to, keys), MK_OK);
    for (int i = 0; i < PEERS; i++) {
        mk_addr_t at = mk_fake_addr("192.0.2.1", 0);
        CHECK_EQ(side_open(&peers[i], &at, keys), MK_OK);
        CHECK_EQ(side_dial(&peers[i], &to), MK_OK);
    }
    mk_keyring_release(keys);
    RUN_UNTIL(b.accepts == PEERS);
    for (int i = 0; i < PEERS; i++) end_put(&peers[i].call, false, 1 + (size_t)i);
    run_ms(1000);
    for (int i = 0; i < PEERS; i++) CHECK_EQ(b.accepted[i].controls, 1);
    CHECK_EQ(b.hub->pending, 0);
    for (int i = 0; i < PEERS; i++) side_close(&peers[i]);
    run_ms(1000);
    for (int i = 0; i < PEERS; i++) CHECK_EQ(b.accepted[i].closes, 1); /* they have said so */
    side_close(&b);
    close_net();
}

/* ---- a bad network -------------------------------------------------------------------------------------------------------- */

static void make_bad(uint32_t lost, uint32_t doubled, uint32_t late) {
    mk_fake_link_t link = {
        .latency_us = 3000, .jitter_us = 2000, .lost = lost, .doubled = doubled, .late = late, .late_us = 40000};
    mk_addr_t any = {0};
    mk_fake_link(&any, &any, &link);
}

/* Everything but DATA arrives in its turn, and every DATA frame that does not is counted. */
static void storm(uint64_t seed, mk_keyring_t *keys) {
    rig_random_t random = {seed * 7919 + 1};
    open_net(seed);
    make_bad(rig_random_below(&random, 400), rig_random_below(&random, 300), rig_random_below(&random, 300));
    open_pair(keys);
    for (int tries = 0; a.call.opens == 0 && tries < 5; tries++) {
        RUN_UNTIL(a.call.opens == 1 || a.call.closes == 1);
        mk_addr_t to = addr_b();
        if (a.call.closes == 0) break;
        end_close(&a.call, false);
        CHECK_EQ(side_dial(&a, &to), MK_OK);
    }
    RUN_UNTIL(a.call.opens == 1 && b.accepts == 1);
    end_t *ends[] = {&a.call, &b.accepted[0]};
    for (int step = 0; step < 400; step++) {
        end_t *e = ends[rig_random_below(&random, 2)];
        int    burst = (int)rig_random_below(&random, 30);
        for (int i = 0; i < burst; i++) {
            bool data = rig_random_below(&random, 10) != 0;
            end_put(e, data, 1 + rig_random_below(&random, data ? 1100 : 900));
        }
        if (rig_random_below(&random, 4) == 0) run_ms(rig_random_below(&random, 50));
    }
    for (int i = 0; i < 2; i++) end_put(ends[i], false, 1);
    RUN_UNTIL(a.call.controls == b.accepted[0].controls_sent && b.accepted[0].controls == a.call.controls_sent);
    CHECK_EQ(a.call.lost + a.call.data, b.accepted[0].data_sent);
    CHECK_EQ(b.accepted[0].lost + b.accepted[0].data, a.call.data_sent);
    CHECK_EQ(a.call.closes + b.accepted[0].closes, 0);
    CHECK_EQ(b.accepts, 1);
    close_both();
    close_net();
}

static unsigned seeds(unsigned usual) {
    const char *text = getenv("UDP_TEST_SEEDS");
    return text != NULL ? (unsigned)atoi(text) : usual;
}

TEST(loss_doubling_and_disorder_change_nothing_but_what_data_arrives) {
    for (uint64_t seed = 1; seed <= seeds(20); seed++) {
        storm(seed, member_keys());
        storm(seed, NULL);
    }
}

TEST(a_third_lost_is_borne) {
    open_net(3);
    make_bad(300, 0, 0);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    for (int i = 0; i < 2000; i++) end_put(&a.call, false, 100);
    uint64_t began = mk_port_now_us();
    RUN_UNTIL(b.accepted[0].controls == 2000);
    CHECK(mk_port_now_us() - began < 60000000);
    close_both();
    close_net();
}

TEST(a_short_partition_is_borne_and_a_long_one_ends_it) {
    open_net(4);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    mk_addr_t one = addr_a(), other = addr_b();
    mk_fake_cut(&one, &other, true);
    for (int i = 0; i < 30; i++) end_put(&a.call, false, 100);
    run_ms(8000);
    CHECK_EQ(b.accepted[0].controls, 0);
    mk_fake_cut(&one, &other, false);
    RUN_UNTIL(b.accepted[0].controls == 30);
    CHECK_EQ(a.call.closes, 0);
    mk_fake_cut(&one, &other, true);
    end_put(&a.call, false, 100);
    RUN_UNTIL(a.call.closes == 1);
    CHECK_EQ(a.call.err, MK_ERR_TIMEOUT);
    CHECK_EQ(b.accepted[0].closes, 0); /* it has nothing to send; its silence is the heartbeat's business */
    close_both();
    close_net();
}

TEST(nobody_there_is_told_in_time) {
    open_net(5);
    open_both(NULL, NULL);
    mk_addr_t nobody = mk_fake_addr("192.0.2.77", 1);
    mk_fake_give_address(0, &nobody);
    CHECK_EQ(side_dial(&a, &nobody), MK_OK);
    uint64_t began = mk_port_now_us();
    RUN_UNTIL(a.call.closes == 1);
    CHECK_EQ(a.call.err, MK_ERR_TIMEOUT);
    CHECK(mk_port_now_us() - began < 11000000);
    close_both();
    close_net();
}

TEST(more_than_can_be_on_its_way_waits) {
    open_net(6);
    make_bad(0, 0, 0);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    for (int i = 0; i < 1000; i++) end_put(&a.call, false, 900);
    CHECK(a.call.unsent.size != 0);
    CHECK_EQ(a.call.rooms, 0); /* not from inside of write() */
    RUN_UNTIL(b.accepted[0].controls == 1000);
    CHECK(a.call.rooms != 0);
    CHECK_EQ(a.call.unsent.size, 0);
    close_both();
    close_net();
}

TEST(a_full_socket_is_waited_for) {
    open_net(7);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    run_ms(100);
    mk_fake_fail(MK_FAKE_SEND, 5);
    for (int i = 0; i < 100; i++) end_put(&a.call, i % 2 == 0, 500);
    CHECK(a.call.unsent.size != 0);
    RUN_UNTIL(b.accepted[0].controls == 50);
    CHECK_EQ(b.accepted[0].data, 50);
    CHECK_EQ(b.accepted[0].lost, 0);
    close_both();
    close_net();
}

/* ---- ending --------------------------------------------------------------------------------------------------------------- */

TEST(what_was_written_before_closing_still_arrives) {
    for (uint64_t seed = 1; seed < 10; seed++) {
        open_net(seed);
        make_bad(100, 0, 0);
        open_pair(member_keys());
        RUN_UNTIL(b.accepts == 1);
        for (int i = 0; i < 40; i++) end_put(&a.call, false, 400);
        CHECK_EQ(a.call.unsent.size, 0);
        end_close(&a.call, true);
        run_ms(1500);
        CHECK_EQ(b.accepted[0].controls, 40);
        CHECK(a.hub->channels == NULL);
        close_both();
        close_net();
    }
}

TEST(closing_without_flushing_is_at_once) {
    open_net(8);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    end_close(&a.call, false);
    CHECK(a.hub->channels == NULL);
    RUN_UNTIL(b.accepted[0].closes == 1);
    close_both();
    close_net();
}

TEST(a_hub_that_closes_tells_its_channels_and_their_peers) {
    open_net(9);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    mk_udp_hub_close(b.hub);
    b.hub = NULL;
    CHECK_EQ(b.accepted[0].closes, 1);
    CHECK(b.accepted[0].channel != NULL);
    CHECK_EQ(b.accepted[0].channel->ops->write(b.accepted[0].channel, (const uint8_t *)"\0\0", 2), 0);
    RUN_UNTIL(a.call.closes == 1);
    close_both();
    close_net();
}

TEST(who_refuses_a_call_is_asked_no_more) {
    open_net(10);
    open_both(NULL, NULL);
    b.refuses = true;
    mk_addr_t to = addr_b();
    CHECK_EQ(side_dial(&a, &to), MK_OK);
    run_ms(1000);
    CHECK_EQ(b.accepts, 1);
    CHECK(b.hub->channels == NULL);
    close_both();
    close_net();
}

static void act_close(end_t *e) { end_close(e, e->at == IN_BYTES); }

static void act_hub(end_t *e) {
    (void)e;
    if (a.hub != NULL) mk_udp_hub_close(a.hub);
    if (b.hub != NULL) mk_udp_hub_close(b.hub);
    a.hub = b.hub = NULL;
}

static void act_both(end_t *e) {
    act_hub(e);
    end_close(e, true);
}

TEST(anything_may_be_closed_in_any_call) {
    static void (*const acts[])(end_t *) = {act_close, act_hub, act_both};
    for (int at = IN_ACCEPT; at <= IN_CLOSED; at++)
        for (size_t which = 0; which < 3; which++)
            for (int caller = 0; caller < 2; caller++) {
                mk_keyring_t *keys = member_keys();
                mk_addr_t     to = addr_b();
                open_net(11);
                open_both(keys, keys);
                mk_keyring_release(keys);
                if (caller) a.call.at = (end_moment_t)at, a.call.act = acts[which];
                else b.at = (end_moment_t)at, b.act = acts[which];
                CHECK_EQ(side_dial(&a, &to), MK_OK);
                run_ms(200);
                for (int i = 0; i < 300 && a.call.channel != NULL && a.call.closes == 0; i++)
                    end_put(&a.call, i % 2, 900);
                if (b.accepts == 1 && b.accepted[0].channel != NULL && b.accepted[0].closes == 0)
                    for (int i = 0; i < 300 && b.accepted[0].channel != NULL; i++) end_put(&b.accepted[0], i % 2, 900);
                run_ms(500);
                if (at == IN_CLOSED) end_close(caller ? &b.accepted[0] : &a.call, false);
                run_ms(500);
                close_both();
                close_net();
            }
}

/* ---- a peer that comes back --------------------------------------------------------------------------------------------------- */

TEST(a_restarted_peer_replaces_itself_when_it_has_proved_itself) {
    mk_keyring_t *keys = member_keys();
    mk_addr_t     one = addr_a(), other = addr_b();
    open_net(12);
    mk_fake_use_host(1);
    mk_fake_give_address(1, &one);
    mk_fake_give_address(2, &other);
    CHECK_EQ(side_open(&a, &one, keys), MK_OK);
    mk_fake_use_host(2);
    CHECK_EQ(side_open(&b, &other, keys), MK_OK);
    CHECK_EQ(side_dial(&a, &other), MK_OK);
    RUN_UNTIL(b.accepts == 1);
    mk_fake_crash(1);
    side_close(&a);
    mk_fake_restart(1);
    mk_fake_use_host(1);
    CHECK_EQ(side_open(&a, &one, keys), MK_OK);
    CHECK_EQ(side_dial(&a, &other), MK_OK);
    while (b.hub->pending == 0) mk_loop_run(&loop, 1000);
    CHECK_EQ(b.accepted[0].closes, 0); /* it has asked, no more */
    RUN_UNTIL(b.accepts == 2);
    CHECK_EQ(b.accepted[0].closes, 1);
    CHECK_EQ(b.accepted[0].err, MK_ERR_CLOSED);
    CHECK_EQ(b.accepted[1].opens, 1);
    CHECK_EQ(side_dial(&b, &one), MK_OK); /* of the same life: both stand */
    RUN_UNTIL(a.accepts == 1);
    CHECK_EQ(b.accepted[1].closes + b.call.closes + a.call.closes, 0);
    mk_keyring_release(keys);
    close_both();
    close_net();
}

TEST(a_called_peer_that_has_restarted_replaces_itself_too) {
    open_net(13);
    open_pair(member_keys());
    RUN_UNTIL(b.accepts == 1);
    mk_addr_t     one = addr_a(), other = addr_b();
    mk_keyring_t *keys = member_keys();
    mk_fake_cut(&one, &other, true); /* nobody hears its goodbye */
    side_close(&b);
    mk_fake_cut(&one, &other, false);
    CHECK_EQ(side_open(&b, &other, keys), MK_OK);
    mk_keyring_release(keys);
    end_t old = a.call;
    old.channel->owner = &old;
    CHECK_EQ(side_dial(&a, &other), MK_OK);
    RUN_UNTIL(a.call.opens == 1);
    CHECK_EQ(old.closes, 1);
    CHECK_EQ(old.err, MK_ERR_CLOSED);
    end_close(&old, false);
    close_both();
    close_net();
}

TEST(new_keys_are_for_new_channels) {
    mk_keyring_t *before = member_keys(), *after = keys_of(secret_line("operator", 'c'));
    mk_addr_t     to = addr_b();
    open_net(14);
    open_both(before, before);
    CHECK_EQ(side_dial(&a, &to), MK_OK);
    RUN_UNTIL(b.accepts == 1);
    mk_udp_hub_rekey(b.hub, after);
    end_put(&a.call, false, 9);
    RUN_UNTIL(b.accepted[0].controls == 1);
    end_close(&a.call, true);
    CHECK_EQ(side_dial(&a, &to), MK_OK);
    RUN_UNTIL(a.call.closes == 1);
    CHECK_EQ(a.call.err, MK_ERR_TIMEOUT);
    end_close(&a.call, false);
    mk_udp_hub_rekey(a.hub, after);
    CHECK_EQ(side_dial(&a, &to), MK_OK);
    RUN_UNTIL(b.accepts == 2);
    CHECK_EQ(b.accepted[1].channel->may, mk_role_may(NODE_ROLE_OPERATOR));
    mk_keyring_release(before);
    mk_keyring_release(after);
    close_both();
    close_net();
}

/* ---- no memory -------------------------------------------------------------------------------------------------------------- */

static unsigned without(unsigned n) {
    mk_keyring_t *keys = member_keys();
    mk_addr_t     at_a = addr_a(), at_b = addr_b();
    open_net(15);
    mk_fake_give_address(0, &at_a);
    mk_fake_give_address(0, &at_b);
    CHECK(oom_arm(n));
    mk_err_t err = side_open(&a, &at_a, keys);
    if (err == MK_OK) err = side_open(&b, &at_b, keys);
    if (err == MK_OK) err = side_dial(&a, &at_b);
    for (int i = 0; err == MK_OK && i < 2000 && b.accepted[0].controls < 200; i++) {
        mk_loop_run(&loop, 10000);
        if (a.call.opens == 1 && a.call.controls_sent < 200 && a.call.closes == 0) {
            uint8_t frame[MK_WIRE_HEADER_BYTES + 9] = {0};
            mk_wire_store32(frame, sizeof frame | (uint32_t)MK_WIRE_NAME_GONE << 16);
            mk_wire_store32(frame + 4, a.call.controls_sent);
            if (a.call.channel->ops->write(a.call.channel, frame, sizeof frame) != 0) a.call.controls_sent++;
        }
    }
    bool reached = oom_disarm();
    if (err == MK_OK && a.call.closes == 0) CHECK_EQ(b.accepted[0].controls, 200);
    else CHECK(err == MK_OK || err == MK_ERR_NOMEM);
    close_both();
    mk_keyring_release(keys);
    close_net();
    return reached;
}

TEST(any_allocation_may_fail) {
    unsigned n = 1;
    while (without(n)) n++;
    CHECK(n > 20);
}
