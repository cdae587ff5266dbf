/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "runtime/play.h"

static part_t a, b, c;

static void three(void) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    enter(&c);
}

/* ---- links ---- */

TEST(an_abnormal_end_takes_the_linked_with_it_for_the_same_reason) {
    for (int from_owner = 0; from_owner < 2; from_owner++) { /* whoever made the link */
        three();
        in(&a, do_link, b.id);
        in(&c, do_monitor, from_owner ? b.id : a.id);
        in(from_owner ? &a : &b, do_fail, EXIT_USER + 3);
        CHECK(!alive(&a) && !alive(&b) && alive(&c));
        CHECK_HEARD_DOWN(&c, from_owner ? b.id : a.id, did_monitor, EXIT_USER + 3);
        CHECK_STR(last_note(&c)->text, "it went wrong");
        CHECK_EQ(a.frees + b.frees, 2);
        curtain_down();
    }
}

TEST(a_normal_end_leaves_the_linked_alone) {
    three();
    in(&a, do_link, b.id);
    in(&b, do_end, 0);
    CHECK(alive(&a));
    CHECK_EQ(a.n, 0);
    in(&a, do_fail, EXIT_FAILED); /* and nothing points at the dead */
    curtain_down();
}

TEST(who_traps_hears_of_every_linked_end) {
    three();
    in(&a, do_trap, true);
    in(&a, do_link, b.id);
    in(&c, do_link, a.id);
    in(&b, do_end, 0);
    CHECK_HEARD_EXIT(&a, b.id, EXIT_NORMAL);
    CHECK_STR(last_note(&a)->text, "");
    in(&c, do_fail, EXIT_TRAPPED);
    CHECK_HEARD_EXIT(&a, c.id, EXIT_TRAPPED);
    CHECK_EQ(last_note(&a)->source, c.id);
    CHECK_STR(last_note(&a)->text, "it went wrong");
    CHECK(alive(&a));
    CHECK_EQ(a.n, 2);
    curtain_down();
}

TEST(a_kill_travels_along_links_and_can_be_trapped_there) {
    three();
    in(&a, do_link, b.id);
    in(&a, do_link, c.id);
    in(&c, do_trap, true);
    actor_stop(rt, a.id);
    settle();
    CHECK(!alive(&b));
    CHECK_HEARD_EXIT(&c, a.id, EXIT_KILLED);
    curtain_down();
}

TEST(linking_twice_or_from_both_sides_is_one_link) {
    three();
    in(&a, do_trap, true);
    in(&a, do_link, b.id);
    in(&a, do_link, b.id);
    in(&b, do_link, a.id);
    in(&b, do_fail, EXIT_FAILED);
    CHECK_EQ(a.n, 1);
    curtain_down();
    three();
    in(&a, do_trap, true);
    in(&a, do_link, b.id);
    in(&b, do_link, a.id);
    in(&b, do_unlink, a.id); /* and undoing it once undoes it */
    in(&b, do_fail, EXIT_FAILED);
    CHECK_EQ(a.n, 0);
    curtain_down();
}

TEST(unlinked_actors_have_their_own_fates_again) {
    three();
    in(&a, do_link, b.id);
    in(&b, do_unlink, a.id);
    in(&b, do_unlink, a.id);
    in(&b, do_unlink, c.id);
    in(&b, do_unlink, actor_id_make(1, 4711));
    in(&b, do_fail, EXIT_FAILED);
    CHECK(alive(&a));
    in(&a, do_link, c.id); /* and can link anew */
    in(&c, do_fail, EXIT_FAILED);
    CHECK(!alive(&a));
    curtain_down();
}

TEST(linking_to_oneself_changes_nothing) {
    three();
    in(&a, do_trap, true);
    in(&a, do_link, a.id);
    in(&a, do_fail, EXIT_FAILED);
    CHECK_EQ(a.frees, 1);
    curtain_down();
}

TEST(linking_to_the_dead_is_a_signal_at_once) {
    three();
    actor_stop(rt, b.id);
    in(&c, do_monitor, a.id);
    in(&a, do_link, b.id);
    CHECK(!alive(&a));
    CHECK_EQ(last_note(&c)->as.down.exit_reason, EXIT_NO_ACTOR);
    in(&c, do_trap, true);
    in(&c, do_link, b.id);
    CHECK_HEARD_EXIT(&c, b.id, EXIT_NO_ACTOR);
    CHECK(alive(&c));
    curtain_down();
}

static bool spawn_linked(part_t *part, uint64_t arg) {
    (void)part;
    enter_with((part_t *)(uintptr_t)arg, (actor_options_t){.link = true});
    return true;
}

TEST(a_linked_spawn_is_linked_before_anyone_can_look) {
    three();
    in(&a, spawn_linked, ADDRESS(&b));
    in(&a, do_link, b.id); /* it knows the link that is there */
    in(&a, do_trap, true);
    in(&b, do_fail, EXIT_FAILED);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(a.note[0].type + a.note[1].type, MSG_EXIT + MSG_CHILD_EXIT);
    curtain_down();
}

/* In a new runtime no link was ever made, so the first needs memory of its own: behind that of the name, which is the
 * first allocation. */
static bool spawn_without_a_link(part_t *part, message_t *msg) {
    actor_options_t options = {
        .behavior = play_behavior, .state = &b, .free_state = play_free, .link = true, .name = "child"};
    actor_id_t id = 77;
    (void)part, (void)msg;
    for (unsigned n = 1; n <= (sizeof(void *) == 8 ? 2 : 1); n++) { /* on a board links share slabs with records */
        oom_arm(n);
        mk_err_t err = actor_spawn_opts(rt, &options, &id);
        CHECK(oom_disarm());
        CHECK_EQ(err, MK_ERR_NOMEM);
        CHECK_EQ(id, 77);
        CHECK_EQ(actor_lookup(rt, "child"), ACTOR_ID_INVALID);
        CHECK_EQ(stats().actors, 1);
    }
    b = (part_t){0};
    CHECK_EQ(actor_spawn_opts(rt, &options, &b.id), MK_OK);
    return true;
}

TEST(a_spawn_that_cannot_be_linked_is_none_and_has_no_name) {
    static const char unlike_a_link[200]; /* a message of a size that no link has */
    curtain_up(NULL);
    enter(&a);
    b = (part_t){0};
    a.on = spawn_without_a_link;
    CHECK(actor_send(rt, a.id, 1, unlike_a_link, sizeof unlike_a_link));
    settle();
    CHECK_EQ(b.frees, 0);
    in(&a, do_fail, EXIT_FAILED);
    CHECK_EQ(b.frees, 1);
    curtain_down();
}

TEST(a_chain_of_links_unwinds_without_recursion) {
    enum { LINKS = sizeof(void *) == 8 ? 100000 : 1000 };
    runtime_config_t config = {.node_id = 1};
    curtain_up(&config);
    part_t *chain = calloc(LINKS, sizeof *chain);
    CHECK(chain != NULL);
    for (int i = 0; i < LINKS; i++) enter(&chain[i]);
    for (int i = 1; i < LINKS; i++) ask(chain[i].id, do_link, chain[i - 1].id);
    settle();
    in(&chain[LINKS / 2], do_fail, EXIT_TRAPPED);
    CHECK_EQ(stats().actors, 0);
    for (int i = 0; i < LINKS; i++) CHECK_EQ(chain[i].frees, 1);
    curtain_down();
    free(chain);
}

TEST(one_actor_linked_to_very_many_ends_them_all_and_is_not_slow_to_link) {
    enum { LINKS = sizeof(void *) == 8 ? 50000 : 1000 };
    curtain_up(NULL);
    part_t *fan = calloc(LINKS, sizeof *fan);
    CHECK(fan != NULL);
    enter(&a);
    for (int i = 0; i < LINKS; i++) enter(&fan[i]);
    for (int i = 0; i < LINKS; i++) ask(fan[i].id, do_link, a.id);
    settle();
    for (int i = 0; i < LINKS; i++) in(&a, do_link, fan[i].id); /* a link that is there is found from its short end */
    for (int i = 0; i < LINKS; i += 2) in(&a, do_unlink, fan[i].id);
    in(&a, do_fail, EXIT_FAILED);
    CHECK_EQ(stats().actors, LINKS / 2);
    curtain_down();
    free(fan);
}

/* ---- monitors ---- */

TEST(a_monitor_tells_once_with_reason_and_text) {
    three();
    in(&a, do_monitor, b.id);
    monitor_id_t m = did_monitor;
    CHECK(m != MONITOR_ID_INVALID);
    in(&b, do_fail, EXIT_OUT_OF_MEMORY);
    CHECK_HEARD_DOWN(&a, b.id, m, EXIT_OUT_OF_MEMORY);
    CHECK_EQ(last_note(&a)->source, b.id);
    CHECK_STR(last_note(&a)->text, "it went wrong");
    pass(1000);
    CHECK_EQ(a.n, 1);
    in(&a, do_demonitor, m); /* too late and harmless */
    curtain_down();
}

TEST(normal_ends_are_told_too_and_watching_is_not_linking) {
    three();
    in(&a, do_monitor, b.id);
    in(&b, do_end, 0);
    CHECK_HEARD_DOWN(&a, b.id, did_monitor, EXIT_NORMAL);
    in(&a, do_monitor, c.id);
    in(&a, do_fail, EXIT_FAILED);
    CHECK(alive(&c));
    curtain_down();
}

TEST(each_monitor_of_the_same_actor_tells) {
    three();
    in(&a, do_monitor, b.id);
    monitor_id_t first = did_monitor;
    in(&a, do_monitor, b.id);
    CHECK(did_monitor != first);
    in(&c, do_monitor, b.id);
    in(&a, do_demonitor, first);
    actor_stop(rt, b.id);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(c.n, 1);
    CHECK(last_note(&a)->as.down.monitor != first);
    curtain_down();
}

TEST(monitoring_the_dead_tells_at_once) {
    three();
    actor_stop(rt, b.id);
    in(&a, do_monitor, b.id);
    CHECK_HEARD_DOWN(&a, b.id, did_monitor, EXIT_NO_ACTOR);
    in(&a, do_monitor, actor_id_make(7, 1)); /* of a node that is not there */
    CHECK_HEARD_DOWN(&a, actor_id_make(7, 1), did_monitor, EXIT_NODE_DOWN);
    CHECK_EQ(a.n, 2);
    curtain_down();
}

static bool monitor_and_forget(part_t *part, uint64_t id) {
    do_monitor(part, id);
    actor_demonitor(rt, did_monitor);
    return true;
}

TEST(no_down_is_delivered_after_a_demonitor_not_even_of_the_dead) {
    three();
    in(&a, monitor_and_forget, b.id);
    actor_stop(rt, b.id);
    settle();
    in(&a, monitor_and_forget, b.id);
    CHECK_EQ(a.n, 0);
    in(&a, do_demonitor, MONITOR_ID_INVALID);
    in(&a, do_demonitor, 4711);
    curtain_down();
}

static bool kill_and_demonitor(part_t *part, uint64_t number) {
    (void)part;
    actor_stop(rt, b.id); /* its MSG_DOWN waits in our mailbox now */
    actor_demonitor(rt, (monitor_id_t)number);
    return true;
}

TEST(a_down_that_waits_in_the_mailbox_is_not_delivered_after_a_demonitor) {
    three();
    in(&a, do_monitor, b.id);
    in(&a, kill_and_demonitor, did_monitor);
    CHECK_EQ(a.n, 0);
    CHECK(!alive(&b));
    curtain_down();
}

TEST(another_s_monitor_cannot_be_cancelled) {
    three();
    in(&a, do_monitor, b.id);
    monitor_id_t m = did_monitor;
    in(&c, do_demonitor, m);
    in(&c, kill_and_demonitor, m); /* nor when its message is on the way */
    CHECK_HEARD_DOWN(&a, b.id, m, EXIT_KILLED);
    curtain_down();
}

TEST(a_watcher_that_ends_first_leaves_nothing_behind) {
    three();
    for (int i = 0; i < 10; i++) in(&a, do_monitor, b.id);
    actor_stop(rt, a.id);
    actor_stop(rt, b.id);
    settle();
    enter(&a);
    in(&a, do_monitor, c.id); /* numbers of settled monitors come back */
    CHECK(did_monitor != MONITOR_ID_INVALID);
    curtain_down();
}

TEST(a_watcher_that_dies_with_the_news_in_its_mailbox_leaves_nothing_behind) {
    three();
    in(&a, do_monitor, b.id);
    actor_stop(rt, b.id);
    actor_stop(rt, a.id);
    settle();
    curtain_down();
    CHECK_EQ(a.n, 0);
}

TEST(watching_oneself_is_pointless_and_harmless) {
    three();
    in(&a, do_monitor, a.id);
    in(&a, do_link, b.id);
    in(&a, do_monitor, a.id);
    in(&a, do_end, 0);
    CHECK_EQ(a.frees, 1);
    in(&b, do_monitor, b.id);
    actor_stop(rt, b.id);
    settle();
    CHECK_EQ(b.frees, 1);
    curtain_down();
}

static bool monitor_many(part_t *part, uint64_t id) {
    for (int i = 0; i < 1000; i++) do_monitor(part, id);
    return true;
}

TEST(a_full_mailbox_still_hears_of_a_thousand_ends) {
    three();
    enter_with(&c, (actor_options_t){.mailbox_size = 1});
    in(&c, monitor_many, b.id);
    actor_stop(rt, b.id);
    settle();
    CHECK_EQ(c.n, 1000);
    curtain_down();
}

/* ---- a storm, for what no one thought of ---- */

#include "rig/random.h"

TEST(links_monitors_and_ends_in_any_order_leave_nothing_behind) {
    enum { CAST = 30, STEPS = sizeof(void *) == 8 ? 20000 : 2000 };
    static part_t p[CAST];
    rig_random_t  random = {42};
    curtain_up(NULL);
    for (int i = 0; i < CAST; i++) enter(&p[i]);
    for (int step = 0; step < STEPS; step++) {
        part_t    *who = &p[rig_random_below(&random, CAST)];
        actor_id_t whom = p[rig_random_below(&random, CAST)].id;
        if (!alive(who)) enter(who);
        switch (rig_random_below(&random, 12)) {
        case 0:
        case 1: ask(who->id, do_link, whom); break;
        case 2: ask(who->id, do_unlink, whom); break;
        case 3:
        case 4: ask(who->id, do_monitor, whom); break;
        case 5: ask(who->id, do_demonitor, did_monitor); break;
        case 6: ask(who->id, do_demonitor, rig_random_below(&random, 64)); break;
        case 7: ask(who->id, do_stop, whom); break;
        case 8: ask(who->id, do_trap, step % 2); break;
        case 9: ask(who->id, do_fail, EXIT_USER); break;
        case 10: ask(who->id, do_end, 0); break;
        default: actor_stop(rt, whom);
        }
        if (rig_random_below(&random, 3) == 0) runtime_step(rt);
        if (step % 100 == 0) settle();
    }
    curtain_down();
}
