/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: both families in turn, deadlines, and what can be given up on the way. */
#include "net/net_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"

static pair_t pair;

static void open_dial(void) {
    mk_fake_reset(1);
    peer_kind.limits = (mk_stream_limits_t){0};
    pair = (pair_t){0};
    open_net();
}

static void listen_at(const char *text) {
    mk_addr_t at = mk_fake_addr(text, 80);
    CHECK_EQ(mk_listener_open(net, &pair.listener, &at, pair_accept), MK_OK);
}

static void close_dial(void) {
    pair_close(&pair);
    close_net();
    CHECK_EQ(mk_fake_sockets(), 0);
}

static void dial(const char *host) {
    mk_dial_options_t options = {.host = host, .port = 80};
    CHECK_EQ(mk_stream_dial(net, &pair.a.stream, &peer_kind, &options), MK_OK);
    CHECK_EQ(pair.a.opens + pair.a.closes, 0); /* never from inside the call */
}

static void set_link(const char *to, mk_fake_link_t link) {
    mk_addr_t any = {0}, at = mk_fake_addr(to, 0);
    mk_fake_link(&any, &at, &link);
}

static void hangs(const char *to) { set_link(to, (mk_fake_link_t){.cut = true}); }

static void name_is(const char *name, const char *const *addresses) {
    mk_addr_t addr[16];
    size_t    n = 0;
    for (; addresses[n] != NULL; n++) addr[n] = mk_fake_addr(addresses[n], 0);
    mk_fake_name(name, addr, n);
}

/* Milliseconds until it has an outcome. */
static uint64_t outcome_ms(void) {
    uint64_t start_us = mk_port_now_us();
    RUN_UNTIL(pair.a.opens + pair.a.closes != 0);
    return (mk_port_now_us() - start_us) / 1000;
}

static const char *const both[] = {"2001:db8::1", "192.0.2.1", NULL};

TEST(the_preferred_family_is_taken_when_it_answers) {
    open_dial();
    name_is("both", both);
    listen_at("2001:db8::1");
    dial("both");
    CHECK_EQ(outcome_ms(), 0);
    CHECK_EQ(pair.a.opens, 1);
    close_dial();
}

TEST(when_the_first_family_hangs_the_other_gets_its_chance_after_a_quarter_of_a_second) {
    open_dial();
    name_is("both", both);
    hangs("2001:db8::1");
    listen_at("192.0.2.1");
    dial("both");
    CHECK_EQ(outcome_ms(), 250);
    CHECK_EQ(pair.a.opens, 1);
    RUN_UNTIL(pair.b.opens == 1);
    CHECK_EQ(mk_fake_sockets(), 3); /* the attempt that hangs is given up */
    CHECK_EQ(loop.wheel.armed, 0);
    close_dial();
}

TEST(when_the_first_family_refuses_the_other_is_tried_at_once) {
    open_dial();
    name_is("both", both);
    listen_at("192.0.2.1");
    dial("both");
    CHECK_EQ(outcome_ms(), 0);
    CHECK_EQ(pair.a.opens, 1);
    close_dial();
}

TEST(a_slow_first_address_may_still_win) {
    open_dial();
    name_is("both", both);
    set_link("2001:db8::1", (mk_fake_link_t){.latency_us = 400000});
    hangs("192.0.2.1");
    listen_at("2001:db8::1");
    dial("both");
    uint64_t ms = outcome_ms();
    CHECK(ms >= 400 && ms < 1000);
    CHECK_EQ(pair.a.opens, 1);
    close_dial();
}

TEST(families_take_turns_whatever_the_order_of_the_names_addresses) {
    static const char *const many[] = {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2", NULL};
    open_dial();
    name_is("many", many);
    for (int i = 0; i < 4; i++) hangs(many[i]);
    listen_at("192.0.2.2"); /* the fourth in turn */
    dial("many");
    CHECK_EQ(outcome_ms(), 750);
    CHECK_EQ(pair.a.opens, 1);
    close_dial();
}

TEST(more_addresses_than_attempts_at_a_time_wait_for_one_to_fail) {
    static const char *const many[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5",
                                       "192.0.2.6", "192.0.2.7", "192.0.2.8", NULL};
    open_dial();
    name_is("many", many);
    for (int i = 0; i < 8; i++) hangs(many[i]);
    dial("many");
    CHECK_EQ(outcome_ms(), 10000);
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    close_dial();
}

TEST(when_all_refuse_that_is_told_at_once) {
    open_dial();
    name_is("both", both);
    dial("both");
    CHECK_EQ(outcome_ms(), 0);
    CHECK_EQ(pair.a.why, MK_ERR_IO);
    CHECK_STR(pair.a.text, "no connection to 192.0.2.1:80 nor its other addresses");
    close_dial();
}

TEST(when_none_answers_the_deadline_ends_it) {
    open_dial();
    name_is("both", both);
    hangs("2001:db8::1");
    hangs("192.0.2.1");
    peer_kind.limits.connect_ms = 3000;
    dial("both");
    CHECK_EQ(outcome_ms(), 3000);
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    CHECK_STR(pair.a.text, "connecting took too long");
    close_dial();
}

TEST(looking_up_counts_towards_the_deadline) {
    open_dial();
    mk_fake_names_take_us(20000000);
    name_is("both", both);
    listen_at("192.0.2.1");
    dial("both");
    outcome_ms();
    CHECK_EQ(pair.a.opens, 0);
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    close_dial();
}

TEST(an_unknown_name_and_a_failing_one_are_told_apart) {
    open_dial();
    mk_fake_name_fails("broken", MK_ERR_IO);
    dial("nobody");
    outcome_ms();
    CHECK_EQ(pair.a.why, MK_ERR_NOTFOUND);
    CHECK_STR(pair.a.text, "no such host");
    pair.a.closes = 0;
    dial("broken");
    outcome_ms();
    CHECK_EQ(pair.a.why, MK_ERR_IO);
    close_dial();
}

TEST(addresses_in_digits_need_no_look_up) {
    open_dial();
    listen_at("2001:db8::1");
    dial("[2001:db8::1]");
    outcome_ms();
    CHECK_EQ(pair.a.opens, 1);
    CHECK_EQ(mk_fake_lookups(), 0);
    close_dial();
}

TEST(what_cannot_be_dialled_says_so_and_nothing_follows) {
    static char long_name[400];
    open_dial();
    memset(long_name, 'x', sizeof long_name - 1);
    const mk_dial_options_t wrong[] = {
        {.port = 80}, {.host = "a", .path = "/b"}, {.host = long_name, .port = 80}, {.path = long_name}, {.path = ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_EQ(mk_stream_dial(net, &pair.a.stream, &peer_kind, &wrong[i]), MK_ERR_INVALID);
    mk_loop_run(&loop, 1000);
    CHECK_EQ(pair.a.opens + pair.a.closes, 0);
    close_dial();
}

TEST(without_descriptors_dialling_fails_with_the_limit) {
    open_dial();
    listen_at("192.0.2.1");
    mk_fake_fail(MK_FAKE_SOCKET, 1);
    dial("192.0.2.1");
    outcome_ms();
    CHECK_EQ(pair.a.why, MK_ERR_LIMIT);
    close_dial();
}

TEST(a_dial_may_be_given_up_at_any_time) {
    for (uint64_t ms = 0; ms < 600; ms += 50) {
        open_dial();
        name_is("both", both);
        hangs("2001:db8::1");
        set_link("192.0.2.1", (mk_fake_link_t){.latency_us = 100000});
        listen_at("192.0.2.1");
        dial("both");
        uint64_t until_us = mk_port_now_us() + ms * 1000;
        while (mk_port_now_us() < until_us) mk_loop_run(&loop, (int64_t)(until_us - mk_port_now_us()));
        mk_stream_close(&pair.a.stream);
        unsigned calls = pair.a.opens;
        for (int i = 0; i < 100; i++) mk_loop_run(&loop, 10000);
        CHECK_EQ(pair.a.opens + pair.a.closes, calls);
        close_dial();
    }
}

TEST(what_is_finished_before_it_is_open_ends_when_it_is) {
    open_dial();
    listen_at("192.0.2.1");
    dial("192.0.2.1");
    CHECK_EQ(mk_stream_write(&pair.a.stream, "x", 1), MK_ERR_CLOSED);
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.b.ends == 1);
    close_dial();
}

TEST(a_unix_socket_is_dialled_by_its_path) {
    open_dial();
    mk_addr_t at = mk_fake_addr("/run/x", 0);
    CHECK_EQ(mk_listener_open(net, &pair.listener, &at, pair_accept), MK_OK);
    CHECK_EQ(mk_stream_dial(net, &pair.a.stream, &peer_kind, &(mk_dial_options_t){.path = "/run/x"}), MK_OK);
    RUN_UNTIL(pair.a.opens == 1 && pair.b.opens == 1);
    close_dial();
}

TEST(each_allocation_of_a_dial_may_fail) {
    bool reached = true;
    for (unsigned n = 1; reached; n++) {
        open_dial();
        name_is("both", both);
        listen_at("192.0.2.1");
        mk_dial_options_t options = {.host = "both", .port = 80};
        oom_arm(n);
        mk_err_t err = mk_stream_dial(net, &pair.a.stream, &peer_kind, &options);
        for (int i = 0; i < 100; i++) mk_loop_run(&loop, 10000);
        reached = oom_disarm();
        if (err != MK_OK) CHECK_EQ(err, MK_ERR_NOMEM);
        CHECK_EQ(pair.a.opens + pair.a.closes, err == MK_OK ? 1 : 0);
        if (!reached) CHECK_EQ(pair.a.opens, 1);
        close_dial();
    }
}
