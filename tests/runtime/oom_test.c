/* SPDX-License-Identifier: Apache-2.0 */
/* A little of everything, with each single allocation failing in its turn. Whatever fails is refused; nothing leaks
 * (the pool asserts it, the sanitizer looks at the rest), nobody's end goes unheard, and the node goes on. */
#include "runtime/play.h"

static part_t   boss, worker, clerk, late;
static char     large[6000];
static unsigned failures;

static bool answer_all(part_t *part, message_t *msg) {
    take_note(part, msg);
    if (msg->type < MK_MSG_SYSTEM_BASE) (void)actor_reply(rt, msg, 2, large, sizeof large);
    return true;
}

static bool spawn_all(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    actor_options_t options = {.behavior = play_behavior, .free_state = play_free, .name = "worker", .link = true};
    worker = clerk = (part_t){.on = answer_all};
    options.state = &worker;
    if (actor_spawn_opts(rt, &options, &worker.id) != MK_OK) worker.id = ACTOR_ID_INVALID;
    clerk.id = actor_spawn(rt, play_behavior, &clerk, play_free, 0);
    return true;
}

static unsigned asked, calls;

static bool busy_day(part_t *part, uint64_t arg) {
    (void)arg;
    actor_trap_exits(rt, true);
    (void)actor_send(rt, clerk.id, 1, "small", 5);
    (void)actor_send(rt, clerk.id, 1, large, sizeof large);
    calls = 0;
    for (int i = 0; i < 3; i++) calls += actor_call(rt, clerk.id, 3, large, sizeof large, 50) != CALL_ID_INVALID;
    asked = 0;
    for (int i = 0; i < 20; i++) asked += actor_monitor(rt, clerk.id) != MONITOR_ID_INVALID;
    asked += actor_monitor(rt, actor_id_make(1, 4000)) != MONITOR_ID_INVALID;
    if (actor_link(rt, clerk.id) != MK_OK) failures++;
    if (actor_reserve_name(rt, "held") != MK_OK) failures++;
    if (actor_try_register_name(rt, "held", clerk.id) == MK_OK) CHECK_EQ(actor_lookup(rt, "held"), clerk.id);
    (void)actor_register_name(rt, "boss", part->id);
    for (uint64_t i = 0; i < 20; i++) (void)actor_set_timer(rt, i, i % 3 == 0);
    (void)actor_watch_fd(rt, 40, 1);
    message_buffer_t *buf = message_buffer_create(100);
    if (buf != NULL && actor_send_buffer(rt, clerk.id, 1, buf) != MK_OK) message_buffer_release(buf);
    (void)runtime_post(rt, part->id, 9, "post", 4);
    return true;
}

static unsigned downs, answers, exits, children;

static bool count_news(part_t *part, message_t *msg) {
    (void)part;
    downs += msg->type == MSG_DOWN;
    answers += msg->call != CALL_ID_INVALID;
    exits += msg->type == MSG_EXIT;
    children += msg->type == MSG_CHILD_EXIT;
    return true;
}

static void a_day(void) {
    boss = (part_t){.on = count_news};
    boss.id = actor_spawn(rt, play_behavior, &boss, play_free, 0);
    downs = answers = exits = children = asked = calls = 0;
    if (boss.id == ACTOR_ID_INVALID) return;
    order_t order = {spawn_all, 0};
    worker.id = clerk.id = ACTOR_ID_INVALID;
    if (actor_send(rt, boss.id, MSG_DO, &order, sizeof order)) settle();
    order.deed = busy_day;
    bool busy = actor_send(rt, boss.id, MSG_DO, &order, sizeof order);
    mk_fake_set_ready(40, 1);
    if (busy) runtime_step(rt);
    mk_fake_set_ready(40, 0);
    for (int i = 0; i < 30; i++) pass(10);
    order.deed = do_fail;
    order.arg = EXIT_FAILED;
    if (!actor_send(rt, clerk.id, MSG_DO, &order, sizeof order)) actor_stop(rt, clerk.id);
    for (int i = 0; i < 30; i++) pass(10);
}

TEST(a_day_survives_every_single_failed_allocation) {
    unsigned n = 1;
    for (;; n++) {
        mk_fake_reset(n);
        oom_arm(n);
        rt = runtime_init(1, 0);
        if (rt != NULL) {
            runtime_enable_logging(rt);
            if (runtime_set_log_sink(rt, NULL, NULL) != MK_OK) failures++;
            a_day();
        }
        bool failed = oom_disarm();
        if (rt != NULL) {
            /* Each monitor told once, each call was answered once, whatever failed. */
            if (boss.id != ACTOR_ID_INVALID && alive(&boss)) {
                CHECK_EQ(downs, asked);
                CHECK_EQ(answers, calls);
            }
            if (!failed) {
                CHECK(alive(&boss));
                CHECK_EQ(asked, 21);
                CHECK_EQ(calls, 3);
                CHECK_EQ(exits, 1);
                CHECK_EQ(children, 1);
            }
            enter(&late); /* the node goes on */
            CHECK(actor_send(rt, late.id, 1, large, sizeof large));
            settle();
            CHECK_EQ(late.n, 1);
        }
        curtain_down();
        if (!failed) break;
    }
    CHECK(n > 20); /* the day did allocate */
}

TEST(a_day_survives_memory_that_is_gone_from_any_moment_on) {
    for (int moment = 0; moment < 40; moment++) {
        curtain_up(NULL);
        for (int step = 0; step < moment + 3; step++) {
            boss = (part_t){.on = count_news};
            boss.id = worker.id = clerk.id = ACTOR_ID_INVALID;
            boss.id = actor_spawn(rt, play_behavior, &boss, play_free, 0);
            order_t order = {spawn_all, 0};
            (void)actor_send(rt, boss.id, MSG_DO, &order, sizeof order);
            runtime_step(rt);
            if (step == moment / 2) oom_arm_all(); /* some of the day's actors are there, and then nothing is */
            order.deed = busy_day;
            (void)actor_send(rt, boss.id, MSG_DO, &order, sizeof order);
            for (int i = 0; i < moment; i++) {
                mk_fake_advance_us(300);
                runtime_step(rt);
            }
            actor_stop(rt, step % 2 == 0 ? boss.id : clerk.id);
            runtime_step(rt);
            actor_stop(rt, boss.id);
            actor_stop(rt, clerk.id);
            actor_stop(rt, worker.id);
            settle();
        }
        oom_disarm();
        enter(&late);
        CHECK(actor_send(rt, late.id, 1, NULL, 0));
        settle();
        CHECK_EQ(late.n, 1);
        CHECK_EQ(stats().actors, 1);
        curtain_down();
    }
}
