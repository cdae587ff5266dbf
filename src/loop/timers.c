/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c -- see timers.h. Invariant: an armed timer has due_ms > now_ms (or waits in `due`). It lies in near slot
 * due_ms mod MK_NEAR_SLOTS when it was less than that many milliseconds away when it was placed, so a near slot holds
 * one millisecond only. Otherwise it lies in the far level of the highest digit in which due_ms and now_ms differ, in the
 * slot of that digit; so the slots of a level all begin within the current slot of the level above. A busy bit is set
 * for every slot that is not empty. */
#include "loop/timers.h"

#include <string.h>

#include "base/assert.h"

void mk_wheel_init(mk_wheel_t *wheel, uint64_t now_ms) {
    memset(wheel, 0, sizeof *wheel);
    wheel->now_ms = now_ms;
}

static mk_timer_t *timer_of(mk_node_t *node) { return mk_container_of(node, mk_timer_t, node); }

static unsigned far_shift(unsigned level) { return MK_NEAR_BITS + level * MK_FAR_BITS; }

static unsigned far_digit(uint64_t ms, unsigned level) {
    return (unsigned)(ms >> far_shift(level)) & (MK_FAR_SLOTS - 1);
}

static void place(mk_wheel_t *wheel, mk_timer_t *timer) {
    uint64_t at = timer->due_ms;
    if (mk_likely(at - wheel->now_ms < MK_NEAR_SLOTS)) {
        unsigned slot = (unsigned)at & (MK_NEAR_SLOTS - 1);
        mk_list_push(&wheel->near_slot[slot], &timer->node);
        wheel->near_busy[slot / 64] |= (uint64_t)1 << slot % 64;
        return;
    }
    uint64_t differ = (at ^ wheel->now_ms) >> MK_NEAR_BITS;
    unsigned level = (63u - (unsigned)__builtin_clzll(differ)) / MK_FAR_BITS;
    unsigned slot = far_digit(at, level);
    mk_list_push(&wheel->far_slot[level][slot], &timer->node);
    wheel->far_busy[level] |= (uint64_t)1 << slot;
}

void mk_wheel_arm(mk_wheel_t *wheel, mk_timer_t *timer, uint64_t due_ms) {
    mk_wheel_cancel(wheel, timer);
    if (due_ms == UINT64_MAX) due_ms--; /* that value means "none" */
    timer->due_ms = due_ms > wheel->now_ms ? due_ms : wheel->now_ms + 1;
    wheel->armed++;
    place(wheel, timer);
}

/* When the node was the last of its slot its predecessor's pointer is the slot itself, which tells which busy bit to
 * clear. */
static void clear_if_empty(mk_wheel_t *wheel, mk_node_t **at) {
    mk_node_t **far = wheel->far_slot[0]; /* the levels lie one behind the other */
    if (*at != NULL) return;
    if (at >= wheel->near_slot && at < wheel->near_slot + MK_NEAR_SLOTS) {
        size_t slot = (size_t)(at - wheel->near_slot);
        wheel->near_busy[slot / 64] &= ~((uint64_t)1 << slot % 64);
    } else if (at >= far && at < far + MK_FAR_LEVELS * MK_FAR_SLOTS) {
        size_t index = (size_t)(at - far);
        wheel->far_busy[index / MK_FAR_SLOTS] &= ~((uint64_t)1 << index % MK_FAR_SLOTS);
    }
}

void mk_wheel_cancel(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_node_t **at = timer->node.at;
    if (at == NULL) return;
    mk_list_remove(&timer->node);
    clear_if_empty(wheel, at);
    wheel->armed--;
}

/* The first busy near slot after now, going round once. */
static uint64_t next_near_ms(const mk_wheel_t *wheel) {
    enum { WORDS = MK_NEAR_SLOTS / 64 };
    uint64_t start = wheel->now_ms + 1;
    unsigned slot = (unsigned)start & (MK_NEAR_SLOTS - 1);
    uint64_t word = wheel->near_busy[slot / 64] & ~(uint64_t)0 << slot % 64;
    for (unsigned i = 0; i <= WORDS; i++) {
        unsigned at = (slot / 64 + i) % WORDS;
        if (i != 0) word = wheel->near_busy[at];
        if (word == 0) continue;
        unsigned found = at * 64 + (unsigned)__builtin_ctzll(word);
        return start + ((found - slot) & (MK_NEAR_SLOTS - 1));
    }
    return UINT64_MAX;
}

/* When the first far slot begins. */
static uint64_t next_far_ms(const mk_wheel_t *wheel) {
    for (unsigned level = 0; level < MK_FAR_LEVELS; level++) {
        if (wheel->far_busy[level] == 0) continue;
        unsigned shift = far_shift(level);
        uint64_t above = wheel->now_ms >> shift >> MK_FAR_BITS << MK_FAR_BITS;
        return (above | (uint64_t)__builtin_ctzll(wheel->far_busy[level])) << shift;
    }
    return UINT64_MAX;
}

uint64_t mk_wheel_next_ms(const mk_wheel_t *wheel) {
    if (wheel->armed == 0) return UINT64_MAX;
    if (wheel->due != NULL) return wheel->now_ms;
    uint64_t near_ms = next_near_ms(wheel), far_ms = next_far_ms(wheel);
    return near_ms < far_ms ? near_ms : far_ms;
}

/* Empties a far slot that begins now. */
static void spill(mk_wheel_t *wheel, unsigned level, unsigned slot) {
    mk_node_t *node;
    wheel->far_busy[level] &= ~((uint64_t)1 << slot);
    while ((node = wheel->far_slot[level][slot]) != NULL) {
        mk_list_remove(node);
        if (timer_of(node)->due_ms == wheel->now_ms) mk_list_push(&wheel->due, node);
        else place(wheel, timer_of(node));
    }
}

/* Moves what is due this millisecond to the list to be called: a list, because who is called may cancel the next. */
static void collect(mk_wheel_t *wheel) {
    for (unsigned level = MK_FAR_LEVELS; level-- > 0;) {
        unsigned slot = far_digit(wheel->now_ms, level);
        if (wheel->far_busy[level] >> slot & 1) spill(wheel, level, slot);
    }
    unsigned   slot = (unsigned)wheel->now_ms & (MK_NEAR_SLOTS - 1);
    mk_node_t *node;
    wheel->near_busy[slot / 64] &= ~((uint64_t)1 << slot % 64);
    while ((node = wheel->near_slot[slot]) != NULL) {
        mk_list_remove(node);
        mk_list_push(&wheel->due, node); /* twice reversed: in the order of arming */
    }
}

static void call_due(mk_wheel_t *wheel) {
    mk_node_t *node;
    while ((node = wheel->due) != NULL) {
        mk_list_remove(node);
        wheel->armed--;
        timer_of(node)->fn(wheel, timer_of(node));
    }
}

void mk_wheel_advance(mk_wheel_t *wheel, uint64_t now_ms) {
    uint64_t next;
    while ((next = mk_wheel_next_ms(wheel)) <= now_ms) {
        wheel->now_ms = next;
        collect(wheel);
        call_due(wheel);
    }
    if (now_ms > wheel->now_ms) wheel->now_ms = now_ms;
}
