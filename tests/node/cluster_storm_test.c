/* SPDX-License-Identifier: Apache-2.0 */
/* Six nodes that all call each other live through a minute of cuts, broken connections, crashes and restarts. When all is well
 * again every pair has one link, every name one owner that all agree on, and whoever watched has counted right. */
#include "node/cluster_rig.h"
#include "rig/random.h"

enum { CREW = 6, STORM_MS = 60000, CALM_MS = 45000, SHARED = 5 };

static bool crashed[CREW + 1];

static void name_all(unsigned i) {
    char text[32];
    snprintf(text, sizeof text, "own/%u", i);
    CHECK(actor_register_name(rt_of(i), text, nodes[i].ear));
    for (unsigned k = 0; k < SHARED; k++) { /* whoever is first */
        snprintf(text, sizeof text, "shared/%u", k);
        (void)!actor_try_register_name(rt_of(i), text, nodes[i].ear);
    }
}

static void come(unsigned i) {
    begin(i);
    listen_at(i);
    for (unsigned to = 1; to <= CREW; to++)
        if (to != i) call(i, to);
    name_all(i);
}

static mk_addr_t address(unsigned i) {
    char text[16];
    snprintf(text, sizeof text, "10.0.0.%u", i);
    return mk_fake_addr(text, 0);
}

static void cut(unsigned a, unsigned b, bool off) {
    mk_addr_t x = address(a), y = address(b);
    mk_fake_cut(&x, &y, off);
}

static void break_something(rig_random_t *dice) {
    mk_addr_t any = {0}, local = address(1 + rig_random_below(dice, CREW));
    int       fd = mk_fake_find(&local, &any);
    if (fd < 0) return;
    if (rig_random_below(dice, 2) == 0) mk_fake_break(fd);
    else mk_fake_vanish(fd);
}

static void blow(rig_random_t *dice) {
    unsigned i = 1 + rig_random_below(dice, CREW);
    switch (rig_random_below(dice, 8)) {
    case 0:
    case 1: cut(i, 1 + rig_random_below(dice, CREW), true); break;
    case 2:
    case 3: cut(i, 1 + rig_random_below(dice, CREW), false); break;
    case 4: break_something(dice); break;
    case 5:
        if (crashed[i]) break;
        mk_fake_crash(i);
        end(i);
        crashed[i] = true;
        break;
    case 6:
        if (crashed[i]) mk_fake_restart(i);
        else end(i);
        crashed[i] = false;
        come(i);
        break;
    default: break;
    }
}

static void calm(void) {
    mk_addr_t any = {0};
    for (unsigned a = 1; a <= CREW; a++)
        for (unsigned b = 1; b <= CREW; b++) cut(a, b, false);
    for (unsigned i = 1; i <= CREW; i++) {
        if (!crashed[i]) continue;
        mk_fake_restart(i);
        crashed[i] = false;
        come(i);
    }
    (void)any;
}

static bool all_linked(void) {
    for (unsigned i = 1; i <= CREW; i++)
        if (linked_n(i) != CREW - 1) return false;
    return true;
}

static bool all_agree(void) {
    char text[32];
    for (unsigned k = 0; k < SHARED; k++) {
        snprintf(text, sizeof text, "shared/%u", k);
        actor_id_t owner = actor_lookup(rt_of(1), text);
        for (unsigned i = 2; i <= CREW; i++)
            if (actor_lookup(rt_of(i), text) != owner) return false;
    }
    return true;
}

static void storm(uint64_t seed) {
    static const mk_addr_t any;
    rig_random_t           dice = {seed};
    stage(seed);
    mk_fake_set_wall_ms(1700000000000);
    mk_fake_net(&(mk_fake_net_t){.give_up_us = 20000000});
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 3000, .jitter_us = 20000});
    memset(crashed, 0, sizeof crashed);
    for (unsigned i = 1; i <= CREW; i++) come(i);
    for (uint64_t began = now_ms(); now_ms() - began < STORM_MS;) {
        run_ms(rig_random_below(&dice, 1500));
        blow(&dice);
    }
    calm();
    RUN_UNTIL(all_linked(), CALM_MS);
    run_ms(15000); /* nothing is left over */
    CHECK(all_linked());
    RUN_UNTIL(all_agree(), 1000);
    for (unsigned i = 1; i <= CREW; i++) {
        CHECK_EQ(peers_n(i), CREW - 1);
        CHECK_EQ(nodes[i].ups, nodes[i].downs + CREW - 1);
        for (unsigned k = 1; k <= CREW; k++) {
            char text[32];
            snprintf(text, sizeof text, "/node/n%u/own/%u", k, k);
            CHECK_EQ(actor_lookup(rt_of(i), text), nodes[k].ear);
        }
    }
    end_all();
}

TEST(after_a_storm_all_is_as_it_should_be) {
    uint64_t first = 1, last = 25;
    if (getenv("SEED") != NULL) first = last = strtoull(getenv("SEED"), NULL, 10);
    for (uint64_t seed = first; seed <= last; seed++) {
        if (getenv("VERBOSE") != NULL) printf("seed %u\n", (unsigned)seed);
        storm(seed);
    }
}
