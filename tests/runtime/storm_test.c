/* SPDX-License-Identifier: Apache-2.0 */
/* Everything at once, at random, for what no one thought of: actors that send, call, keep, forward, wait, watch, link,
 * monitor, carry names, set timers, trap, fail and stop each other, with and without memory. Nothing may crash or leak,
 * every state is freed once, and afterwards the node works as on its first day. */
#include "port/port.h"
#include "rig/random.h"
#include "runtime/play.h"
#include "runtime/wake.h"

enum { CAST = 24, STEPS = sizeof(void *) == 8 ? 30000 : 3000, NAMES = 8, FDS = 6, LARGE = 3000 };

typedef struct role {
    part_t     part; /* first */
    message_t *kept;
    bool       held;
} role_t;

static role_t       cast[CAST];
static rig_random_t dice;
static uint32_t     roll(uint32_t n) { return rig_random_below(&dice, n); }
static actor_id_t   someone(void) { return cast[roll(CAST)].part.id; } /* alive or not */
static const char  *some_name(void) {
     static char name[8];
     snprintf(name, sizeof name, "name%u", (unsigned)roll(NAMES));
     return name;
}

static char content[LARGE];

static void let_go(role_t *role) {
    message_release(rt, role->kept);
    role->kept = NULL;
}

static void deal_with_kept(role_t *role) {
    if (role->kept == NULL) return;
    switch (roll(3)) {
    case 0: (void)actor_reply(rt, role->kept, 5, content, roll(LARGE)); break;
    case 1:
        if (actor_forward(rt, someone(), role->kept) == MK_OK) role->kept = NULL;
        return;
    default: break;
    }
    let_go(role);
}

static void wait_somehow(role_t *role) {
    bool messages_too = roll(2) == 0;
    if (mk_actor_wait(rt, messages_too, (int64_t)roll(20) - 1) && !messages_too) role->held = true;
}

static void reserve_somehow(role_t *role) {
    if (actor_reserve_name(rt, some_name()) != MK_OK) return;
    if (actor_try_register_name(rt, some_name(), role->part.id) != MK_OK) return;
}

static bool act(role_t *role) {
    message_buffer_t *buf;
    switch (roll(30)) {
    case 0:
    case 1: (void)actor_send(rt, someone(), 1, content, roll(LARGE)); break;
    case 2: (void)actor_send_named(rt, some_name(), 1, content, roll(64)); break;
    case 3:
    case 4: did_call = actor_call(rt, someone(), 2, content, roll(LARGE), roll(30)); break;
    case 5: actor_call_cancel(rt, did_call); break;
    case 6: actor_call_cancel(rt, roll(64)); break;
    case 7:
    case 8: deal_with_kept(role); break;
    case 9: wait_somehow(role); break;
    case 10: (void)actor_watch_fd(rt, (int)roll(FDS), 1 + roll(4)); break;
    case 11: (void)actor_unwatch_fd(rt, (int)roll(FDS)); break;
    case 12: (void)!actor_link(rt, someone()); break;
    case 13: actor_unlink(rt, someone()); break;
    case 14:
    case 15: did_monitor = actor_monitor(rt, someone()); break;
    case 16: actor_demonitor(rt, roll(2) == 0 ? did_monitor : roll(64)); break;
    case 17: (void)!actor_try_register_name(rt, some_name(), someone()); break;
    case 18: reserve_somehow(role); break;
    case 19: (void)actor_unregister_name(rt, some_name()); break;
    case 20:
    case 21: did_timer = actor_set_timer(rt, roll(40), roll(3) == 0); break;
    case 22: (void)actor_cancel_timer(rt, roll(2) == 0 ? did_timer : roll(64)); break;
    case 23: actor_trap_exits(rt, roll(2) == 0); break;
    case 24: actor_exit(rt, someone(), (uint8_t)roll(5)); break;
    case 25: actor_stop(rt, someone()); break;
    case 26: actor_fail(rt, (uint8_t)roll(100), "storm"); break;
    case 27: (void)runtime_post(rt, someone(), 3, content, roll(64)); break;
    case 28:
        if ((buf = message_buffer_create(roll(LARGE))) == NULL) break;
        if (actor_send_buffer(rt, someone(), 1, buf) != MK_OK) message_buffer_release(buf);
        break;
    default: return roll(8) != 0;
    }
    return true;
}

static bool live(part_t *part, message_t *msg) {
    role_t *role = (role_t *)part;
    if (msg->type == MSG_WAKE || (role->held && roll(2) == 0)) {
        mk_actor_wait_end(rt);
        role->held = false;
    }
    if (msg->type == MSG_DOWN || msg->type == MSG_EXIT || msg->type == MSG_CHILD_EXIT)
        CHECK(strcmp(message_exit_text(msg), "storm") == 0 || *message_exit_text(msg) == '\0');
    if (msg->payload_size != 0) content[roll(LARGE)] = ((const char *)msg->payload)[msg->payload_size - 1];
    if (role->kept == NULL && msg->type != MSG_WAKE && roll(6) == 0) {
        role->kept = message_take(rt, msg);
        return act(role);
    }
    if (msg->type == 2 && roll(2) == 0) (void)actor_reply(rt, msg, 5, content, roll(LARGE));
    return act(role);
}

static void leave(part_t *part) {
    let_go((role_t *)part);
    if (roll(20) == 0) actor_stop(rt, someone());
    if (roll(20) == 0) (void)actor_send(rt, someone(), 1, content, 10);
}

static bool act_once(part_t *part, uint64_t arg) {
    (void)arg;
    return act((role_t *)part);
}

static unsigned entered, freed;

static void on_stage(role_t *role) {
    freed += role->part.frees;
    *role = (role_t){.part = {.on = live, .on_free = leave}};
    actor_options_t options = {.behavior = play_behavior,
                               .state = role,
                               .free_state = play_free,
                               .mailbox_size = 1 + roll(30),
                               .trap_exits = roll(3) == 0,
                               .name = roll(4) == 0 ? some_name() : NULL,
                               .parent = roll(3) == 0 ? someone() : ACTOR_ID_INVALID};
    if (actor_spawn_opts(rt, &options, &role->part.id) == MK_OK) entered++;
    else role->part.id = ACTOR_ID_INVALID;
}

static void storm(uint64_t seed, bool in_need) {
    curtain_up(&(runtime_config_t){.node_id = 1, .pool_keep_bytes = in_need ? 1 : 0});
    dice = (rig_random_t){seed};
    entered = freed = 0;
    memset(cast, 0, sizeof cast);
    for (int step = 0; step < STEPS; step++) {
        role_t *role = &cast[roll(CAST)];
        if (in_need && roll(10) == 0) oom_arm(1 + roll(4));
        if (!alive(&role->part)) {
            on_stage(role);
        } else {
            order_t order = {act_once, 0};
            (void)actor_send(rt, role->part.id, MSG_DO, &order, sizeof order);
        }
        if (roll(8) == 0) mk_fake_set_ready((int)roll(FDS), roll(2) == 0 ? roll(32) : 0);
        if (in_need && roll(50) == 0) mk_fake_fail(MK_FAKE_POLLER_SET, roll(3));
        if (roll(3) == 0) mk_fake_advance_us(roll(5000));
        for (uint32_t turns = roll(4); turns > 0; turns--) runtime_step(rt);
        if (in_need) oom_disarm();
    }
    curtain_down();
    for (int i = 0; i < CAST; i++) freed += cast[i].part.frees;
    CHECK_EQ(freed, entered);
}

TEST(a_storm_leaves_nothing_behind) {
    for (uint64_t seed = 1; seed <= 5; seed++) storm(seed, false);
}

TEST(a_storm_with_memory_failing_leaves_nothing_behind) {
    for (uint64_t seed = 11; seed <= 15; seed++) storm(seed, true);
}
