/* SPDX-License-Identifier: Apache-2.0 */
/* play.h -- a stage for actors: a runtime on virtual time, and actors ("parts") that note what they get and do what the
 * test tells them from inside their behaviour. */
#ifndef MK_TESTS_PLAY_H
#define MK_TESTS_PLAY_H

#include "microkernel/runtime.h"
#include "microkernel/supervision.h"
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/rig.h"

static runtime_t *rt;

enum { NOTES_MAX = 16 };

typedef struct note {
    msg_type_t type;
    actor_id_t source;
    call_id_t  call;
    size_t     size;
    uint64_t   at_us;
    union {
        timer_payload_t       timer;
        down_payload_t        down;
        exit_payload_t        exit;
        child_exit_payload_t  child;
        call_failed_payload_t failed;
        fd_event_payload_t    fd;
        uint64_t              number;
        char                  bytes[32];
    } as;
    char text[40];
} note_t;

typedef struct part part_t;

/* What a part does when the test says so; false ends it. */
typedef bool deed_fn(part_t *part, uint64_t arg);

struct part {
    actor_id_t id;
    unsigned   n;                                   /* notes in all, the last of which are kept */
    note_t     note[NOTES_MAX];
    unsigned   frees;
    bool     (*on)(part_t *part, message_t *msg);   /* instead of noting it */
    void     (*on_free)(part_t *part);
    unsigned   of_type[16];                         /* how many of each of the first types      */
};

enum { MSG_DO = 1000 };
typedef struct order {
    deed_fn *deed;
    uint64_t arg;
} order_t;

static inline const note_t *last_note(const part_t *part) {
    CHECK(part->n != 0);
    return &part->note[(part->n - 1) % NOTES_MAX];
}

static inline void take_note(part_t *part, const message_t *msg) {
    note_t *note = &part->note[part->n++ % NOTES_MAX];
    *note = (note_t){.type = msg->type, .source = msg->source, .call = msg->call, .size = msg->payload_size};
    note->at_us = runtime_now_ms(rt) * 1000;
    if (msg->payload_size != 0)
        memcpy(note->as.bytes, msg->payload,
               msg->payload_size < sizeof note->as.bytes ? msg->payload_size : sizeof note->as.bytes);
    if (msg->type == MSG_DOWN || msg->type == MSG_EXIT || msg->type == MSG_CHILD_EXIT)
        snprintf(note->text, sizeof note->text, "%s", message_exit_text(msg));
    if (msg->type < 16) part->of_type[msg->type]++;
}

static inline bool play_behavior(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    part_t *part = state;
    (void)self;
    CHECK(r == rt);
    CHECK(actor_self(rt) == part->id || part->id == ACTOR_ID_INVALID);
    CHECK(actor_state(rt) == state);
    if (msg->type == MSG_DO) {
        order_t order;
        CHECK_EQ(msg->payload_size, sizeof order);
        memcpy(&order, msg->payload, sizeof order);
        return order.deed(part, order.arg);
    }
    if (part->on != NULL) return part->on(part, msg);
    take_note(part, msg);
    return true;
}

static inline void play_free(void *state) {
    part_t *part = state;
    part->frees++;
    if (part->on_free != NULL) part->on_free(part);
}

/* ---- the stage ---- */

static inline void curtain_up(const runtime_config_t *config) {
    static const runtime_config_t plain = {.node_id = 1};
    mk_fake_reset(1);
    rt = runtime_create(config != NULL ? config : &plain);
    CHECK(rt != NULL);
}

/* Ends everyone; the pool asserts that no block is out. */
static inline void curtain_down(void) {
    runtime_destroy(rt);
    rt = NULL;
}

/* Turns until nobody has anything to do, time standing still. */
static inline void settle(void) {
    for (unsigned i = 0; runtime_step(rt); i++) CHECK(i < 2000000);
}

static inline void pass_us(uint64_t us) {
    mk_fake_advance_us(us);
    settle();
}

static inline void pass(uint64_t ms) { pass_us(ms * 1000); }

/* A part enters: nobody's child, no names, an empty notebook. */
static inline actor_id_t enter(part_t *part) {
    *part = (part_t){0};
    part->id = actor_spawn(rt, play_behavior, part, play_free, 0);
    CHECK(part->id != ACTOR_ID_INVALID);
    return part->id;
}

static inline actor_id_t enter_with(part_t *part, actor_options_t options) {
    *part = (part_t){0};
    options.behavior = play_behavior;
    options.state = part;
    options.free_state = play_free;
    CHECK_EQ(actor_spawn_opts(rt, &options, &part->id), MK_OK);
    return part->id;
}

static inline void ask(actor_id_t id, deed_fn *deed, uint64_t arg) {
    order_t order = {deed, arg};
    CHECK(actor_send(rt, id, MSG_DO, &order, sizeof order));
}

/* Has the part do it and lets everything that follows from it happen. */
static inline void in(part_t *part, deed_fn *deed, uint64_t arg) {
    ask(part->id, deed, arg);
    settle();
}

static inline bool alive(const part_t *part) { return actor_is_alive(rt, part->id); }

/* The last thing the part heard is this end. */
#define CHECK_HEARD_CHILD(part, who, reason)                            \
    do {                                                                \
        CHECK_EQ(last_note(part)->type, MSG_CHILD_EXIT);                \
        CHECK_EQ(last_note(part)->as.child.child_id, who);              \
        CHECK_EQ(last_note(part)->as.child.exit_reason, reason);        \
    } while (0)
#define CHECK_HEARD_EXIT(part, who, reason)                             \
    do {                                                                \
        CHECK_EQ(last_note(part)->type, MSG_EXIT);                      \
        CHECK_EQ(last_note(part)->as.exit.from, who);                   \
        CHECK_EQ(last_note(part)->as.exit.exit_reason, reason);         \
    } while (0)
#define CHECK_HEARD_DOWN(part, who, number, reason)                     \
    do {                                                                \
        CHECK_EQ(last_note(part)->type, MSG_DOWN);                      \
        CHECK_EQ(last_note(part)->as.down.actor_id, who);               \
        CHECK_EQ(last_note(part)->as.down.monitor, number);             \
        CHECK_EQ(last_note(part)->as.down.exit_reason, reason);         \
    } while (0)

static inline runtime_stats_t stats(void) {
    runtime_stats_t s;
    runtime_get_stats(rt, &s);
    return s;
}

/* ---- deeds everyone knows ---- */

static inline bool do_nothing(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    return true;
}
static inline bool do_end(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    return false;
}
static inline bool do_trap(part_t *part, uint64_t arg) {
    (void)part;
    actor_trap_exits(rt, arg != 0);
    return true;
}
static inline bool do_link(part_t *part, uint64_t id) {
    (void)part;
    CHECK_EQ(actor_link(rt, id), MK_OK);
    return true;
}
static inline bool do_unlink(part_t *part, uint64_t id) {
    (void)part;
    actor_unlink(rt, id);
    return true;
}
static inline bool do_stop(part_t *part, uint64_t id) {
    (void)part;
    actor_stop(rt, id);
    return true;
}
static inline bool do_fail(part_t *part, uint64_t reason) {
    (void)part;
    actor_fail(rt, (uint8_t)reason, "it went wrong");
    return true;
}

/* Results of the deeds below. */
static monitor_id_t did_monitor;
static timer_id_t   did_timer;
static call_id_t    did_call __attribute__((unused));
static bool         did_well;
static actor_id_t   did_spawn;

static inline bool do_monitor(part_t *part, uint64_t id) {
    (void)part;
    did_monitor = actor_monitor(rt, id);
    return true;
}
static inline bool do_demonitor(part_t *part, uint64_t number) {
    (void)part;
    actor_demonitor(rt, (monitor_id_t)number);
    return true;
}
static inline bool do_once(part_t *part, uint64_t ms) {
    (void)part;
    did_timer = actor_set_timer(rt, ms, false);
    return true;
}
static inline bool do_every(part_t *part, uint64_t ms) {
    (void)part;
    did_timer = actor_set_timer(rt, ms, true);
    return true;
}
static inline bool do_cancel_timer(part_t *part, uint64_t number) {
    (void)part;
    did_well = actor_cancel_timer(rt, (timer_id_t)number);
    return true;
}
/* `arg` is the address of the part that is to be spawned as this one's child. */
static inline bool do_spawn(part_t *part, uint64_t arg) {
    part_t *child = (part_t *)(uintptr_t)arg;
    (void)part;
    did_spawn = enter(child);
    return true;
}

#define ADDRESS(p) ((uint64_t)(uintptr_t)(p))

#endif
