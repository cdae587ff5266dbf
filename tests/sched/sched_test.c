/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler alone, without a runtime: actors are records on this file's stack. */
#include "sched/sched.h"

#include "rig/rig.h"

static mk_pool_t  pool;
static mk_sched_t sched;
static char       story[200];
static bool       admits;
static int        finished;

static bool admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg) {
    (void)rt, (void)actor, (void)msg;
    return admits;
}

static void finish(runtime_t *rt, actor_t *actor) {
    (void)rt, (void)actor;
    finished++;
}

static void setup(uint32_t turn_max) {
    mk_pool_init(&pool, 0);
    sched = (mk_sched_t){
        .pool = &pool, .turn_messages_max = turn_max, .admit = admit, .finish = finish, .wake = {.type = 'W'}};
    story[0] = '\0';
    admits = true;
    finished = 0;
}

static void tell(char c) {
    size_t n = strlen(story);
    CHECK(n + 1 < sizeof story);
    story[n] = c;
    story[n + 1] = '\0';
}

static void post(actor_t *actor, char c) {
    mk_msg_t *msg = mk_msg_create_inline(&pool, 0);
    msg->pub.type = (msg_type_t)c;
    mk_sched_deliver(&sched, actor, msg);
}

static bool say(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)state;
    tell((char)msg->type);
    return msg->type != 'E';
}

static bool say_and_repeat(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    say(rt, self, msg, state);
    post(self, (char)msg->type);
    return true;
}

static void run(int turns) {
    while (turns-- > 0 && mk_sched_has_ready(&sched)) mk_sched_turn(&sched, NULL);
}

static void drain(actor_t *actor) {
    while (actor->queued != 0) mk_msg_destroy(&pool, mk_mailbox_take(actor));
}

TEST(actors_take_turns_in_the_order_they_became_ready) {
    actor_t a = {.behavior = say}, b = {.behavior = say}, c = {.behavior = say};
    setup(100);
    post(&b, 'b');
    post(&a, 'a');
    post(&c, 'c');
    post(&a, 'x');
    run(100);
    CHECK_STR(story, "baxc");
    CHECK(!mk_sched_has_ready(&sched));
    mk_pool_fini(&pool);
}

TEST(a_turn_handles_what_was_there_when_it_began) {
    actor_t a = {.behavior = say_and_repeat}, b = {.behavior = say};
    setup(100);
    post(&a, 'a');
    post(&a, 'A');
    post(&b, 'b');
    CHECK_EQ(mk_sched_turn(&sched, NULL), 2);
    CHECK_STR(story, "aA");
    run(2);
    CHECK_STR(story, "aAbaA");
    drain(&a);
    mk_pool_fini(&pool);
}

TEST(a_turn_is_limited_and_the_rest_waits_behind_the_others) {
    actor_t a = {.behavior = say}, b = {.behavior = say};
    setup(3);
    for (char c = '1'; c <= '7'; c++) post(&a, c);
    post(&b, 'b');
    CHECK_EQ(mk_sched_turn(&sched, NULL), 3);
    run(100);
    CHECK_STR(story, "123b4567");
    mk_pool_fini(&pool);
}

TEST(an_end_stops_the_turn_in_the_middle) {
    actor_t a = {.behavior = say};
    setup(100);
    post(&a, '1');
    post(&a, 'E');
    post(&a, '2');
    CHECK_EQ(mk_sched_turn(&sched, NULL), 2);
    CHECK_STR(story, "1E");
    CHECK_EQ(finished, 1);
    CHECK(!(a.flags & MK_ACTOR_READY));
    CHECK(!mk_sched_has_ready(&sched));
    drain(&a);
    mk_pool_fini(&pool);
}

TEST(a_dead_or_ending_actor_in_the_queue_is_finished_without_a_call) {
    actor_t a = {.behavior = say};
    setup(100);
    post(&a, '1');
    a.flags |= MK_ACTOR_DEAD;
    run(1);
    CHECK_STR(story, "");
    CHECK_EQ(finished, 1);
    drain(&a);
    mk_pool_fini(&pool);
}

TEST(a_checked_message_that_is_not_admitted_is_freed_unseen) {
    actor_t a = {.behavior = say};
    setup(100);
    post(&a, '1');
    post(&a, '2');
    a.head->flags = MK_MSG_CHECKED;
    admits = false;
    CHECK_EQ(mk_sched_turn(&sched, NULL), 2); /* refusing is work too */
    CHECK_STR(story, "2");
    mk_pool_fini(&pool);
}

TEST(a_held_actor_is_not_queued_by_messages_and_handles_none) {
    actor_t a = {.behavior = say, .flags = MK_ACTOR_HELD};
    setup(100);
    post(&a, '1');
    CHECK(!mk_sched_has_ready(&sched));
    a.flags |= MK_ACTOR_WOKEN;
    mk_sched_make_ready(&sched, &a);
    run(5);
    CHECK_STR(story, "W");
    CHECK_EQ(a.queued, 1);
    a.flags &= (uint16_t)~MK_ACTOR_HELD;
    mk_sched_make_ready(&sched, &a);
    run(5);
    CHECK_STR(story, "W1");
    mk_pool_fini(&pool);
}

static bool hold_at_1(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    if (msg->type == '1') self->flags |= MK_ACTOR_HELD;
    return say(rt, self, msg, state);
}

TEST(holding_in_the_middle_of_a_turn_keeps_the_rest_in_the_mailbox) {
    actor_t a = {.behavior = hold_at_1};
    setup(100);
    post(&a, '1');
    post(&a, '2');
    run(5);
    CHECK_STR(story, "1");
    CHECK_EQ(a.queued, 1);
    CHECK(!mk_sched_has_ready(&sched));
    drain(&a);
    mk_pool_fini(&pool);
}

TEST(making_ready_twice_is_one_turn) {
    actor_t a = {.behavior = say}, b = {.behavior = say};
    setup(100);
    post(&a, 'a');
    post(&b, 'b');
    mk_sched_make_ready(&sched, &a);
    mk_sched_make_ready(&sched, &b);
    mk_sched_turn(&sched, NULL);
    mk_sched_turn(&sched, NULL);
    CHECK(!mk_sched_has_ready(&sched));
    CHECK_STR(story, "ab");
    mk_pool_fini(&pool);
}

static mk_msg_t *kept;
static bool      keep(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
         (void)rt, (void)self, (void)state;
         CHECK(&sched.handling->pub == msg);
         kept = sched.handling;
         sched.handling = NULL; /* as message_take() does */
         return true;
}

TEST(a_taken_message_outlives_the_turn) {
    actor_t a = {.behavior = keep};
    setup(100);
    post(&a, '1');
    run(1);
    CHECK_EQ(kept->pub.type, '1');
    mk_msg_destroy(&pool, kept);
    mk_pool_fini(&pool);
}
