/* SPDX-License-Identifier: Apache-2.0 */
/* Beginnings: ids, limits, options, and what can be asked about actors. */
#include "runtime/play.h"

static part_t a, b, c;

TEST(ids_count_from_one_and_carry_the_node) {
    curtain_up(&(runtime_config_t){.node_id = 7});
    for (uint32_t i = 1; i <= 300; i++) CHECK(enter(&a) == actor_id_make(7, i));
    CHECK_EQ(runtime_get_node_id(rt), 7);
    CHECK_EQ(stats().spawned, 300);
    curtain_down();
}

TEST(a_node_without_a_number_is_node_one) {
    curtain_up(&(runtime_config_t){0});
    CHECK_EQ(runtime_get_node_id(rt), 1);
    CHECK(enter(&a) == 4294967297);
    curtain_down();
    mk_fake_reset(1);
    rt = runtime_init(0, 0);
    CHECK_EQ(runtime_get_node_id(rt), 1);
    CHECK_EQ(runtime_get_max_actors(rt), 0);
    curtain_down();
}

static bool look_around_inside(part_t *part, uint64_t arg) {
    (void)arg;
    CHECK_EQ(actor_self(rt), part->id);
    CHECK(actor_state(rt) == part);
    return true;
}

TEST(an_actor_knows_itself_and_outside_there_is_nobody) {
    curtain_up(NULL);
    enter(&a);
    CHECK_EQ(actor_self(rt), ACTOR_ID_INVALID);
    CHECK(actor_state(rt) == NULL);
    in(&a, look_around_inside, 0);
    CHECK_EQ(actor_self(rt), ACTOR_ID_INVALID);
    CHECK(actor_is_alive(rt, a.id));
    CHECK(!actor_is_alive(rt, ACTOR_ID_INVALID));
    CHECK(!actor_is_alive(rt, a.id + 1));
    CHECK(!actor_is_alive(rt, actor_id_make(2, 1)));
    curtain_down();
}

TEST(no_more_actors_than_allowed_and_a_place_is_free_again_at_once) {
    curtain_up(&(runtime_config_t){.node_id = 1, .actors_max = 3});
    enter(&a);
    enter(&b);
    enter(&c);
    CHECK_EQ(actor_spawn(rt, play_behavior, NULL, play_free, 0), ACTOR_ID_INVALID); /* free_state is not run */
    actor_id_t      id = 77;
    actor_options_t options = {.behavior = play_behavior};
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_LIMIT);
    CHECK_EQ(id, 77);
    CHECK_EQ(stats().spawned, 3);
    actor_stop(rt, b.id);
    CHECK(enter(&b) != ACTOR_ID_INVALID);
    CHECK_EQ(runtime_get_max_actors(rt), 3);
    curtain_down();
}

TEST(an_actor_needs_a_behaviour) {
    curtain_up(NULL);
    actor_id_t      id = 77;
    actor_options_t options = {.state = &a};
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_INVALID);
    CHECK_EQ(actor_spawn(rt, NULL, NULL, NULL, 0), ACTOR_ID_INVALID);
    CHECK_EQ(stats().actors, 0);
    curtain_down();
}

static bool end_at_once(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)r, (void)self, (void)msg, (void)state;
    return false;
}

TEST(an_actor_needs_no_state_and_no_free_state) {
    curtain_up(NULL);
    actor_id_t id = actor_spawn(rt, end_at_once, NULL, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    settle();
    CHECK(!actor_is_alive(rt, id));
    curtain_down();
}

TEST(a_state_is_lent_to_who_knows_the_behaviour) {
    curtain_up(NULL);
    enter(&a);
    CHECK(actor_state_of(rt, a.id, play_behavior) == &a);
    CHECK(actor_state_of(rt, a.id, end_at_once) == NULL);
    CHECK(actor_state_of(rt, ACTOR_ID_INVALID, play_behavior) == NULL);
    actor_stop(rt, a.id);
    CHECK(actor_state_of(rt, a.id, play_behavior) == NULL);
    curtain_down();
}

static bool take_time(part_t *part, message_t *msg) {
    uint64_t before = runtime_now_ms(rt);
    mk_fake_advance_us(5000);
    CHECK_EQ(runtime_now_ms(rt) - before, 5);
    CHECK_EQ(runtime_now_ms(rt), part->n == 0 ? before + 5 : part->note[0].at_us + 5);
    part->note[0].at_us = runtime_now_ms(rt);
    part->n++;
    return msg->type != 2;
}

TEST(the_time_is_the_time_however_many_turns_went_by) {
    curtain_up(NULL);
    enter(&a);
    a.on = take_time;
    for (int i = 0; i < 200; i++) CHECK(actor_send(rt, a.id, i == 199 ? 2 : 1, NULL, 0));
    runtime_run(rt);
    CHECK_EQ(a.n, 200);
    curtain_down();
}

TEST(an_actor_hears_nothing_before_it_is_sent_something) {
    curtain_up(NULL);
    enter(&a);
    settle();
    CHECK_EQ(a.n, 0);
    curtain_down();
}

TEST(a_late_message_finds_nobody_in_the_slot_of_the_dead) {
    curtain_up(NULL);
    enter(&a);
    actor_id_t old = a.id;
    actor_stop(rt, old);
    for (int i = 0; i < 1000; i++) { /* its slot is taken again and again */
        enter(&b);
        CHECK(b.id != old);
        CHECK(!actor_send(rt, old, 1, NULL, 0));
        CHECK(!actor_is_alive(rt, old));
        actor_stop(rt, b.id);
    }
    CHECK_EQ(b.n, 0);
    CHECK_EQ(stats().refused_unknown, 1000);
    curtain_down();
}

/* A thousand times fewer on a board. */
TEST(spawning_and_stopping_for_ever_neither_grows_nor_repeats_an_id) {
    enum { CYCLES = sizeof(void *) == 8 ? 1000000 : 20000, WAVE = 10 };
    curtain_up(NULL);
    static part_t p[WAVE];
    size_t        high = 0;
    uint64_t      last = 0;
    for (int i = 0; i < CYCLES / WAVE; i++) {
        for (int j = 0; j < WAVE; j++) {
            p[j].id = actor_spawn(rt, play_behavior, &p[j], NULL, 0);
            CHECK(p[j].id != ACTOR_ID_INVALID);
        }
        CHECK(p[0].id != last); /* the newest to be given back is the first to be given again */
        last = p[WAVE - 1].id;
        for (int j = 0; j < WAVE; j++) {
            if (j % 2 == 0) actor_stop(rt, p[j].id);
            else ask(p[j].id, do_end, 0);
        }
        settle();
        CHECK(!actor_is_alive(rt, last));
        if (i == 100) high = stats().pool_bytes;
        if (i > 100) CHECK(stats().pool_bytes <= high);
    }
    CHECK_EQ(stats().spawned, CYCLES / WAVE * WAVE);
    CHECK_EQ(stats().ended, stats().spawned);
    CHECK_EQ(stats().actors, 0);
    curtain_down();
}

TEST(a_wave_of_actors_gives_its_memory_back) {
    enum { WAVE = sizeof(void *) == 8 ? 100000 : 2000 };
    curtain_up(&(runtime_config_t){.node_id = 1, .pool_keep_bytes = 256 * 1024});
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < WAVE; i++) CHECK(actor_spawn(rt, end_at_once, NULL, NULL, 0) != ACTOR_ID_INVALID);
        actor_id_t ids[64];
        while (runtime_list_actors(rt, ids, 64) != 0)
            for (int i = 0; i < 64; i++) actor_stop(rt, ids[i]);
        CHECK(stats().pool_bytes <= 512 * 1024);
    }
    curtain_down();
}

TEST(living_actors_can_be_listed) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    enter(&c);
    actor_stop(rt, b.id);
    actor_id_t ids[4] = {9, 9, 9, 9};
    CHECK_EQ(runtime_list_actors(rt, ids, 4), 2);
    CHECK_EQ(ids[0], a.id);
    CHECK_EQ(ids[1], c.id);
    CHECK_EQ(ids[2], 9);
    CHECK_EQ(runtime_list_actors(rt, ids, 1), 2); /* all are counted, one is written */
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 2);
    curtain_down();
}

TEST(an_actor_s_figures_can_be_asked) {
    curtain_up(&(runtime_config_t){.node_id = 1, .mailbox_default = 5});
    enter(&a);
    enter_with(&b, (actor_options_t){.mailbox_size = 2});
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, a.id, &info));
    CHECK_EQ(info.id, a.id);
    CHECK_EQ(info.parent, ACTOR_ID_INVALID);
    CHECK_EQ(info.mailbox_size, 5);
    for (int i = 0; i < 5; i++) actor_send(rt, b.id, 1, NULL, 0);
    CHECK(runtime_get_actor_info(rt, b.id, &info));
    CHECK_EQ(info.queued, 2);
    CHECK_EQ(info.refused, 3);
    CHECK_EQ(info.mailbox_size, 2);
    CHECK(!runtime_get_actor_info(rt, b.id + 1, &info));
    curtain_down();
}

TEST(a_run_ends_when_nobody_is_left) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    ask(a.id, do_end, 0);
    ask(b.id, do_end, 0);
    runtime_run(rt);
    CHECK_EQ(stats().actors, 0);
    runtime_run(rt); /* at once */
    curtain_down();
}

static bool stop_runtime(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    runtime_stop(rt);
    return true;
}

TEST(a_run_ends_when_it_is_stopped_and_can_be_run_again) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    for (int i = 0; i < 3; i++) {
        ask(a.id, stop_runtime, 0);
        CHECK(actor_send(rt, b.id, 1, NULL, 0));
        runtime_run(rt);
        CHECK(alive(&a));
    }
    settle();
    CHECK_EQ(b.n, 3); /* what was left waits for the next run */
    curtain_down();
}

TEST(a_stop_before_the_run_counts) {
    curtain_up(NULL);
    enter(&a);
    runtime_stop(rt);
    runtime_run(rt);
    CHECK(alive(&a));
    curtain_down();
}

TEST(a_wait_of_one_s_own_ends_after_its_time) {
    curtain_up(NULL);
    enter(&a);
    uint64_t before = mk_fake_waited_us();
    CHECK(!runtime_wait(rt, 20));
    CHECK_EQ(mk_fake_waited_us() - before, 20000);
    in(&a, do_once, 5);
    before = mk_fake_waited_us();
    runtime_wait(rt, -1);
    CHECK(mk_fake_waited_us() - before <= 6000);
    CHECK_EQ(a.n, 1);
    ask(a.id, do_nothing, 0);
    before = mk_fake_waited_us();
    runtime_wait(rt, -1); /* there is something to do: no wait */
    CHECK_EQ(mk_fake_waited_us() - before, 0);
    curtain_down();
}

TEST(a_runtime_that_cannot_be_made_is_not_and_leaks_nothing) {
    mk_fake_reset(1);
    mk_fake_fail(MK_FAKE_POLLER_CREATE, 1);
    CHECK(runtime_init(1, 0) == NULL);
    for (unsigned n = 1;; n++) {
        oom_arm(n);
        rt = runtime_init(1, 0);
        bool failed = oom_disarm();
        CHECK((rt == NULL) == failed);
        runtime_destroy(rt); /* NULL is allowed */
        if (!failed) break;
    }
}

TEST(a_runtime_needs_no_entropy) {
    mk_fake_reset(1);
    mk_fake_fail(MK_FAKE_ENTROPY, 1);
    rt = runtime_init(1, 0);
    CHECK(rt != NULL);
    enter(&a);
    CHECK(actor_register_name(rt, "a", a.id));
    CHECK_EQ(actor_lookup(rt, "a"), a.id);
    curtain_down();
}
