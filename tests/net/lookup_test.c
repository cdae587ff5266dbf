/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"

typedef struct asker asker_t;

struct asker {
    mk_lookup_t *lookup;
    unsigned     calls;
    mk_err_t     err;
    size_t       n;
    mk_addr_t    first;
    asker_t     *cancels, *asks; /* in its call */
    bool         forgets;
};

static void ask(asker_t *asker, const char *name);

static void on_answer(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    asker_t *asker = arg;
    asker->calls++;
    asker->err = err;
    asker->n = n;
    if (n != 0) asker->first = addrs[0];
    if (asker->cancels != NULL) mk_lookup_cancel(asker->cancels->lookup);
    if (asker->forgets) mk_lookup_forget(net);
    if (asker->asks != NULL) ask(asker->asks, "known");
}

static void ask(asker_t *asker, const char *name) {
    unsigned calls = asker->calls;
    CHECK_EQ(mk_lookup_start(net, name, 0, on_answer, asker, &asker->lookup), MK_OK);
    CHECK_EQ(asker->calls, calls); /* never from inside */
}

static void answer(asker_t *asker) {
    unsigned calls = asker->calls;
    for (int i = 0; i < 10 && asker->calls == calls; i++) mk_loop_run(&loop, 1000);
    CHECK_EQ(asker->calls, calls + 1);
}

static void open_names(void) {
    mk_addr_t two[] = {mk_fake_addr("192.0.2.1", 0), mk_fake_addr("2001:db8::1", 0)};
    mk_fake_reset(1);
    mk_fake_name("known", two, 2);
    mk_fake_name_fails("broken", MK_ERR_IO);
    open_net();
}

static void wait_ms(unsigned ms) {
    mk_fake_advance_us((uint64_t)ms * 1000);
    mk_loop_run(&loop, 0);
}

TEST(a_known_name_is_remembered_for_a_minute) {
    asker_t a = {0};
    open_names();
    ask(&a, "known");
    answer(&a);
    CHECK_EQ(a.err, MK_OK);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(a.first.port, 0);
    wait_ms(59000);
    ask(&a, "KNOWN"); /* names know no case */
    answer(&a);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(mk_fake_lookups(), 1);
    wait_ms(1001);
    ask(&a, "known");
    answer(&a);
    CHECK_EQ(mk_fake_lookups(), 2);
    close_net();
}

TEST(an_unknown_name_is_remembered_shortly_and_a_failure_not_at_all) {
    asker_t a = {0};
    open_names();
    for (int i = 0; i < 2; i++) {
        ask(&a, "unknown");
        answer(&a);
        CHECK_EQ(a.err, MK_ERR_NOTFOUND);
        CHECK_EQ(a.n, 0);
        CHECK_EQ(mk_fake_lookups(), 1);
    }
    wait_ms(5000);
    ask(&a, "unknown");
    answer(&a);
    CHECK_EQ(mk_fake_lookups(), 2);
    for (unsigned i = 1; i <= 3; i++) {
        ask(&a, "broken");
        answer(&a);
        CHECK_EQ(a.err, MK_ERR_IO);
        CHECK_EQ(mk_fake_lookups(), 2 + i);
    }
    close_net();
}

TEST(those_who_ask_for_one_name_at_a_time_share_one_look_up) {
    enum { N = 20 };
    static asker_t a[N];
    memset(a, 0, sizeof a);
    open_names();
    for (int i = 0; i < N; i++) ask(&a[i], "known");
    for (int i = 0; i < 3; i++) mk_loop_run(&loop, 1000);
    for (int i = 0; i < N; i++) CHECK(a[i].calls == 1 && a[i].n == 2);
    CHECK_EQ(mk_fake_lookups(), 1);
    close_net();
}

TEST(digits_and_nothing_need_no_look_up) {
    asker_t a = {0};
    open_names();
    ask(&a, "192.0.2.7");
    answer(&a);
    CHECK(a.err == MK_OK && a.n == 1 && a.first.family == MK_FAMILY_IPV4);
    ask(&a, "[::1]");
    answer(&a);
    CHECK(a.err == MK_OK && a.first.family == MK_FAMILY_IPV6);
    ask(&a, "");
    answer(&a);
    CHECK_EQ(a.err, MK_ERR_NOTFOUND);
    CHECK_EQ(mk_fake_lookups(), 0);
    close_net();
}

TEST(a_look_up_that_takes_too_long_is_answered_at_its_deadline_and_remembered_all_the_same) {
    asker_t a = {0};
    open_names();
    mk_fake_names_take_us(20000000);
    ask(&a, "known");
    answer(&a);
    CHECK_EQ(a.err, MK_ERR_TIMEOUT);
    mk_loop_run(&loop, 1000);
    ask(&a, "known");
    answer(&a);
    CHECK_EQ(a.err, MK_OK);
    CHECK_EQ(mk_fake_lookups(), 1);
    close_net();
}

TEST(a_cancelled_look_up_is_not_answered) {
    asker_t a = {0}, b = {0}, c = {0};
    open_names();
    ask(&a, "known");
    ask(&b, "known");
    mk_lookup_cancel(a.lookup);
    answer(&b);
    ask(&a, "known"); /* remembered, but not told yet */
    mk_lookup_cancel(a.lookup);
    ask(&a, "192.0.2.1");
    mk_lookup_cancel(a.lookup);
    for (int i = 0; i < 3; i++) mk_loop_run(&loop, 1000);
    CHECK_EQ(a.calls, 0);
    mk_lookup_forget(net);
    b.cancels = &c; /* the answers come in no order that is promised: one of them is cancelled */
    c.cancels = &b;
    ask(&b, "known");
    ask(&c, "known");
    for (int i = 0; i < 3; i++) mk_loop_run(&loop, 1000);
    CHECK_EQ(b.calls + c.calls, 2);
    CHECK_EQ(mk_fake_lookups(), 2);
    close_net();
}

TEST(who_is_answered_may_forget_and_ask_again) {
    asker_t a = {.forgets = true}, b = {0}, c = {0};
    open_names();
    a.asks = &b;
    ask(&a, "known");
    ask(&c, "known");
    for (int i = 0; i < 5; i++) mk_loop_run(&loop, 1000);
    CHECK(a.calls == 1 && b.calls == 1 && c.calls == 1);
    CHECK(b.n == 2 && c.n == 2);
    CHECK_EQ(mk_fake_lookups(), 2);
    close_net();
}

TEST(many_names_make_each_other_forgotten_and_too_many_at_a_time_are_refused) {
    static asker_t a[300];
    memset(a, 0, sizeof a);
    open_names();
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        ask(&a[i], name);
        answer(&a[i]);
    }
    CHECK_EQ(mk_fake_lookups(), 300);
    unsigned taken = 0;
    for (; taken < 300; taken++) {
        char name[16];
        snprintf(name, sizeof name, "m%u", taken);
        mk_err_t err = mk_lookup_start(net, name, 0, on_answer, &a[taken], &a[taken].lookup);
        if (err == MK_ERR_LIMIT) break;
        CHECK_EQ(err, MK_OK);
    }
    CHECK_EQ(taken, 64);
    for (int i = 0; i < 3; i++) mk_loop_run(&loop, 1000);
    ask(&a[0], "later");
    answer(&a[0]);
    close_net();
}

TEST(a_name_longer_than_names_can_be_is_refused) {
    char    name[300];
    asker_t a = {0};
    open_names();
    memset(name, 'x', sizeof name);
    name[256] = '\0';
    CHECK_EQ(mk_lookup_start(net, name, 0, on_answer, &a, &a.lookup), MK_ERR_TOOLONG);
    name[255] = '\0';
    ask(&a, name);
    answer(&a);
    CHECK_EQ(a.err, MK_ERR_NOTFOUND);
    close_net();
}

TEST(a_net_that_ends_drops_its_look_ups) {
    asker_t a = {0}, b = {0}, c = {0};
    open_names();
    ask(&a, "known");
    answer(&a);
    ask(&a, "known");
    ask(&b, "unknown");
    ask(&c, "192.0.2.1");
    mk_lookup_cancel(c.lookup);
    close_net();
    CHECK_EQ(a.calls + b.calls, 1);
}

TEST(each_allocation_of_a_look_up_may_fail) {
    bool reached = true;
    for (unsigned n = 1; reached; n++) {
        asker_t a = {0};
        open_names();
        oom_arm(n);
        mk_err_t err = mk_lookup_start(net, "known", 0, on_answer, &a, &a.lookup);
        for (int i = 0; i < 3; i++) mk_loop_run(&loop, 1000);
        reached = oom_disarm();
        CHECK_EQ(err, reached ? MK_ERR_NOMEM : MK_OK);
        CHECK_EQ(a.calls, reached ? 0 : 1);
        close_net();
    }
}
