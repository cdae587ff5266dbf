/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c -- see timers.h. Invariant: an armed timer has due_ms > now_ms (or waits in `due`), and lies in level n,
 * slot (due_ms >> 6n) & 63, where n is the highest level at which due_ms and now_ms differ; so a slot never holds timers
 * of two different rounds. `busy` has a bit for every slot that is not empty. */
#include "loop/timers.h"

#include <string.h>

#include "base/assert.h"

void mk_wheel_init(mk_wheel_t *wheel, uint64_t now_ms) {
    memset(wheel, 0, sizeof *wheel);
    wheel->now_ms = now_ms;
}

static mk_timer_t *timer_of(mk_node_t *node) { return mk_container_of(node, mk_timer_t, node); }

static void place(mk_wheel_t *wheel, mk_timer_t *timer) {
    uint64_t at = timer->due_ms;
    unsigned level = (63u - (unsigned)__builtin_clzll(at ^ wheel->now_ms)) / MK_WHEEL_BITS;
    unsigned slot = (unsigned)(at >> (level * MK_WHEEL_BITS)) & (MK_WHEEL_SLOTS - 1);
    mk_list_push(&wheel->slot[level][slot], &timer->node);
    wheel->busy[level] |= (uint64_t)1 << slot;
}

void mk_wheel_arm(mk_wheel_t *wheel, mk_timer_t *timer, uint64_t due_ms) {
    mk_wheel_cancel(wheel, timer);
    if (due_ms == UINT64_MAX) due_ms--; /* that value means "none" */
    timer->due_ms = due_ms > wheel->now_ms ? due_ms : wheel->now_ms + 1;
    wheel->armed++;
    place(wheel, timer);
}

/* When the node was the last of its slot its predecessor's pointer is the slot head itself, which tells which bit of
 * `busy` to clear. */
static void clear_if_empty(mk_wheel_t *wheel, mk_node_t **at) {
    mk_node_t **first = &wheel->slot[0][0];
    if (*at != NULL || at < first || at >= first + MK_WHEEL_LEVELS * MK_WHEEL_SLOTS) return;
    size_t index = (size_t)(at - first);
    wheel->busy[index / MK_WHEEL_SLOTS] &= ~((uint64_t)1 << (index % MK_WHEEL_SLOTS));
}

void mk_wheel_cancel(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_node_t **at = timer->node.at;
    if (at == NULL) return;
    mk_list_remove(&timer->node);
    clear_if_empty(wheel, at);
    wheel->armed--;
}

uint64_t mk_wheel_next_ms(const mk_wheel_t *wheel) {
    if (wheel->due != NULL) return wheel->now_ms;
    for (unsigned level = 0; level < MK_WHEEL_LEVELS; level++) {
        if (wheel->busy[level] == 0) continue;
        /* All slots of a level lie ahead within the current round of the level above, so the lowest bit is next. */
        unsigned shift = level * MK_WHEEL_BITS;
        uint64_t round = wheel->now_ms >> shift >> MK_WHEEL_BITS << MK_WHEEL_BITS;
        return (round | (uint64_t)__builtin_ctzll(wheel->busy[level])) << shift;
    }
    return UINT64_MAX;
}

/* Empties a slot: what is due goes to the list to be called, the rest to lower levels. */
static void spill(mk_wheel_t *wheel, unsigned level, unsigned slot) {
    mk_node_t *node;
    wheel->busy[level] &= ~((uint64_t)1 << slot);
    while ((node = wheel->slot[level][slot]) != NULL) {
        mk_list_remove(node);
        if (timer_of(node)->due_ms <= wheel->now_ms) mk_list_push(&wheel->due, node);
        else place(wheel, timer_of(node));
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
        /* From the top: a slot that begins now may spill into one below that begins now too. */
        for (unsigned level = MK_WHEEL_LEVELS; level-- > 0;) {
            unsigned slot = (unsigned)(next >> (level * MK_WHEEL_BITS)) & (MK_WHEEL_SLOTS - 1);
            if (wheel->busy[level] >> slot & 1) spill(wheel, level, slot);
        }
        call_due(wheel);
    }
    if (now_ms > wheel->now_ms) wheel->now_ms = now_ms;
}
