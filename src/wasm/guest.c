/* SPDX-License-Identifier: Apache-2.0 */
/* guest.c -- the actor around a guest: one message at a time is carried through a few calls of its module, any of which
 * may wait.
 *
 * The calls are steps: once the start function and _initialize, then per message the guest's allocator, handle_message
 * and the allocator's free. A step that blocks leaves the guest as it is; the behaviour returns, the runtime holds the
 * mailbox back or hands over one message, and the step is resumed. So between two calls of the behaviour the guest is
 * either idle or waiting, never running.
 *
 * With an engine that can go on, each call gets the fuel of one slice. A guest that uses it up waits for its next turn, as
 * one in an import does, and others have theirs in between. Its budget is the time of all slices since it last waited; with
 * an engine that cannot go on it is one for all calls of a turn that ran without waiting in between. */
#include "wasm/guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "port/port.h"
#include "runtime/remote.h"
#include "runtime/wake.h"

/* A guest that has used so much time, over however many messages, lets the others go first: one of an engine that cannot be
 * stopped in between. Else it is a slice. */
enum { YIELD_AFTER_US = 4000 };

/* How fuel is learned: a short slice first, at most doubled from one to the next, and never so much that an engine twice as
 * fast as any would need it. */
enum { FUEL_LEAST = 1000, FUEL_PER_US_MAX = 8000, FUEL_PER_US = 2000 };

/* ---- for imports ---------------------------------------------------------------------------------------------------- */

mk_guest_texts_t *mk_guest_texts(mk_guest_t *guest) {
    if (guest->texts == NULL) guest->texts = mk_calloc(1, sizeof *guest->texts);
    return guest->texts;
}

void mk_guest_fail(mk_guest_t *guest, const char *fmt, ...) {
    mk_guest_texts_t *texts = mk_guest_texts(guest);
    if (texts == NULL) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(texts->error, sizeof texts->error, fmt, args);
    va_end(args);
}

const char *mk_guest_error(const mk_guest_t *guest) { return guest->texts != NULL ? guest->texts->error : ""; }

void mk_guest_charge(mk_guest_t *guest, uint64_t ns) {
    enum { NS_PER_CHARGE_MAX = 1000 * 1000 * 1000 };                 /* of which twice still is an int32_t */
    if (!guest->running || !guest->config.engine->continues) return; /* else its clock runs on meanwhile */
    if (ns > NS_PER_CHARGE_MAX) ns = NS_PER_CHARGE_MAX;
    guest->config.engine->extend(guest->instance, -(int32_t)(ns * FUEL_PER_US / 1000));
}

uint8_t *mk_guest_span(mk_guest_t *guest, uint64_t address, uint64_t size) {
    uint8_t *base;
    size_t   bytes = guest->config.engine->memory(guest->instance, &base);
    address = (uint32_t)address;
    if (mk_likely(address <= bytes && size <= bytes - address)) return base + address;
    guest->info.bad_arguments++;
    mk_guest_fail(guest, "%llu bytes at address %llu are not all inside of memory", (unsigned long long)size,
                  (unsigned long long)address);
    return NULL;
}

bool mk_guest_granted(mk_guest_t *guest, uint32_t grant, const char *import, const char *grant_name) {
    if (mk_likely((guest->config.grants & grant) != 0)) return true;
    guest->info.denied++;
    mk_guest_fail(guest, "%s: not permitted, it needs the grant \"%s\"", import, grant_name);
    return false;
}

bool mk_guest_wait(mk_guest_t *guest, mk_guest_wait_t wait, bool messages_too, int64_t timeout_ms) {
    if (guest->config.limits.native_stack_bytes == 0) {
        mk_guest_fail(guest, "this guest was started so that it cannot wait");
        return false;
    }
    /* What it got now and failed on, and what it has in hand already, could not both be given to the module before it. */
    if (messages_too && guest->reloaded && guest->step < MK_STEP_IDLE) {
        mk_guest_fail(guest, "a module that takes the place of another gets no messages before it has started");
        return false;
    }
    if (!mk_actor_wait(guest->rt, messages_too, timeout_ms)) {
        mk_guest_fail(guest, "waiting: %s", mk_err_text(MK_ERR_NOMEM));
        return false;
    }
    guest->wait = (uint8_t)wait;
    guest->wait_until_ms = timeout_ms > 0 ? mk_port_now_us() / 1000 + (uint64_t)timeout_ms : 0;
    guest->wait_for_ever = timeout_ms < 0;
    return true;
}

bool mk_guest_defer(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count, int64_t wait_ms) {
    if (guest->config.limits.native_stack_bytes == 0) return false;
    guest->deferred = import;
    memmove(guest->deferred_args, args, count * sizeof *args); /* they may be the very ones */
    return mk_guest_wait(guest, MK_WAIT_TURN, false, wait_ms);
}

/* ---- ends ------------------------------------------------------------------------------------------------------------ */

/* The behaviour's answer. A new module on probation does not end its actor: the old one takes over. */
static bool end_with(mk_guest_t *guest, uint8_t reason, const char *text) {
    if (reason != EXIT_NORMAL && mk_reload_undo(guest, text != NULL ? text : exit_reason_text(reason))) return true;
    actor_fail(guest->rt, reason, text);
    return false;
}

static const char *step_name(const mk_guest_t *guest) {
    switch (guest->step) {
    case MK_STEP_START: return "the start function";
    case MK_STEP_INITIALIZE: return guest->code->initialize;
    case MK_STEP_VERSION: return "version";
    case MK_STEP_MIGRATE: return "migrate";
    case MK_STEP_ALLOC: return guest->code->alloc;
    case MK_STEP_FREE: return guest->code->free;
    default: return "handle_message";
    }
}

static bool end_trapped(mk_guest_t *guest) {
    static const char no_memory[] = "out of memory";
    char              trap[MK_GUEST_ERROR_BYTES - 32], text[MK_GUEST_ERROR_BYTES];
    guest->config.engine->trap_text(guest->instance, trap, sizeof trap);
    if (strncmp(trap, no_memory, sizeof no_memory - 1) == 0) return end_with(guest, EXIT_OUT_OF_MEMORY, trap);
    if (guest->step == MK_STEP_HANDLE) return end_with(guest, EXIT_TRAPPED, trap);
    snprintf(text, sizeof text, "%s, in %s", trap, step_name(guest));
    return end_with(guest, EXIT_TRAPPED, text);
}

static bool end_out_of_budget(mk_guest_t *guest) {
    char text[96];
    snprintf(text, sizeof text, "%s ran for more than %u ms", step_name(guest), (unsigned)guest->config.budget_ms);
    return end_with(guest, EXIT_OUT_OF_BUDGET, text);
}

static bool end_exited(mk_guest_t *guest) {
    char text[24];
    if (guest->exit_code == 0) return end_with(guest, EXIT_NORMAL, NULL);
    snprintf(text, sizeof text, "exit(%d)", (int)guest->exit_code);
    return end_with(guest, EXIT_FAILED, text);
}

/* ---- the message in hand ---------------------------------------------------------------------------------------------- */

/* A guest has no message_exit_text(): the text stands behind the payload. It is left out without memory, and when the
 * report before is still to be handed over (to a guest that waits inside its allocator). */
static void append_exit_text(mk_guest_t *guest, const message_t *msg, mk_guest_message_t *seen) {
    const char *text = message_exit_text(msg);
    size_t      size = strlen(text);
    bool        in_use = guest->report != NULL && guest->message.payload == guest->report;
    uint8_t    *report = size > 0 && !in_use ? mk_alloc(msg->payload_size + size) : NULL;
    if (report == NULL) return;
    memcpy(report, msg->payload, msg->payload_size);
    memcpy(report + msg->payload_size, text, size);
    mk_free(guest->report);
    guest->report = report;
    seen->payload = report;
    seen->size = msg->payload_size + size;
}

/* What the guest gets to see of a message. */
static mk_guest_message_t message_of(mk_guest_t *guest, const message_t *msg) {
    if (msg->type == MSG_CHILD_EXIT && guest->info.children > 0) guest->info.children--;
    /* To a guest every exit signal is a request to end; who sent it is all it needs to know. */
    if (msg->type == MSG_EXIT) return (mk_guest_message_t){.source = msg->source};
    mk_guest_message_t seen = {msg->type, msg->source, msg->payload, msg->payload_size};
    if (msg->type == MSG_CHILD_EXIT) append_exit_text(guest, msg, &seen);
    return seen;
}

static void message_end(mk_guest_t *guest) {
    message_release(guest->rt, guest->taken);
    guest->taken = NULL;
    guest->message.payload = NULL;
}

/* No room: the sender is not told, as with any message that is accepted and not understood. */
static void message_drop(mk_guest_t *guest, const char *why) {
    guest->info.dropped++;
    actor_log(guest->rt, MK_LOG_WARN, "message of type %u with %zu bytes dropped: %s", (unsigned)guest->message.type,
              guest->message.size, why);
    message_end(guest);
    guest->has_message = false;
    guest->step = MK_STEP_IDLE;
}

/* Copies the payload to `address`, and the message is as good as handed over. */
static void message_place(mk_guest_t *guest, uint32_t address) {
    uint8_t *to = address != 0 ? mk_guest_span(guest, address, guest->message.size) : NULL;
    if (to == NULL) {
        message_drop(guest, address != 0 ? "the guest's allocator gave an address outside of its memory"
                                         : "the guest's allocator gave none");
        return;
    }
    memcpy(to, guest->message.payload, guest->message.size);
    guest->address = address;
    guest->step = MK_STEP_HANDLE;
    message_end(guest);
}

/* ---- steps -------------------------------------------------------------------------------------------------------------- */

/* The function of the step, its arguments in `args`; 0 when there is nothing to call. */
static mk_wasm_function_t step_call(const mk_guest_t *guest, uint64_t *args) {
    switch (guest->step) {
    case MK_STEP_START: return guest->start;
    case MK_STEP_INITIALIZE: return guest->initialize;
    case MK_STEP_VERSION: return guest->version;
    case MK_STEP_MIGRATE: return mk_reload_is_migrating(guest, args) ? guest->migrate : 0;
    case MK_STEP_ALLOC: args[0] = guest->message.size; return guest->message.size > 0 ? guest->alloc : 0;
    case MK_STEP_HANDLE:
        args[0] = guest->message.type;
        args[1] = guest->message.source;
        args[2] = guest->address;
        args[3] = guest->message.size;
        return guest->handle;
    case MK_STEP_FREE: args[0] = guest->address; return guest->address != 0 ? guest->free : 0;
    default: return 0;
    }
}

/* The region the host reserved, instead of asking the guest. */
static void place_in_region(mk_guest_t *guest) {
    if (guest->message.size <= guest->code->region_size) message_place(guest, guest->code->region_offset);
    else message_drop(guest, "larger than the region for payloads");
}

/* Goes from a finished step to the next. */
static void step_next(mk_guest_t *guest, uint64_t result) {
    switch (guest->step) {
    case MK_STEP_START: guest->step = MK_STEP_INITIALIZE; break;
    case MK_STEP_INITIALIZE: guest->step = MK_STEP_VERSION; break;
    case MK_STEP_VERSION:
        guest->its_version = (uint32_t)result;
        guest->step = MK_STEP_MIGRATE;
        break;
    case MK_STEP_MIGRATE: guest->step = guest->has_message ? MK_STEP_ALLOC : MK_STEP_IDLE; break;
    case MK_STEP_ALLOC:
        if (guest->message.size > 0) message_place(guest, (uint32_t)result);
        else {
            guest->step = MK_STEP_HANDLE;
            message_end(guest);
        }
        break;
    case MK_STEP_HANDLE:
        guest->stay = (uint32_t)result != 0;
        guest->step = MK_STEP_FREE;
        break;
    case MK_STEP_FREE:
        guest->info.messages++;
        guest->has_message = false;
        guest->step = MK_STEP_IDLE;
        mk_reload_handled(guest);
        break;
    default: break;
    }
}

/* ---- budgets and slices: what a call may use, and what it has used ---------------------------------------------------------- */

/* What is left of the turn's budget, for an engine that watches the clock. The last call of a turn gets a little in any case:
 * it may be a free() that takes nothing, on a machine that is busy with something else. */
static uint32_t budget_left(const mk_guest_t *guest) {
    uint32_t all_ms = guest->config.budget_ms, least_ms = all_ms / 8 + 1;
    uint64_t used_ms = guest->used_us / 1000;
    return used_ms + least_ms < all_ms ? all_ms - (uint32_t)used_ms : least_ms;
}

/* What other programs take of the machine is no guest's fault. */
static uint64_t processor_us(void) {
    mk_cpu_clock_t clock;
    return mk_port_cpu_clock(&clock) == MK_OK ? mk_port_cpu_us(clock) : mk_port_now_us();
}

/* A slice of `took_us` was used up: how much fuel the next should have to last as long as it is meant to. */
static void fuel_learn(mk_guest_t *guest, uint64_t took_us) {
    uint64_t fuel = guest->fuel, most = (uint64_t)guest->config.slice_us * FUEL_PER_US_MAX;
    uint64_t next = took_us != 0 ? fuel * guest->config.slice_us / took_us : 2 * fuel;
    if (next > 2 * fuel) next = 2 * fuel;
    if (next > most) next = most;
    guest->fuel = next > FUEL_LEAST ? next < INT32_MAX ? (uint32_t)next : INT32_MAX : FUEL_LEAST;
}

static uint64_t without_host(const mk_guest_t *guest, uint64_t took_us) {
    return took_us > guest->host_us ? took_us - guest->host_us : 0;
}

typedef enum run { RUN_CALL, RUN_RESUME, RUN_GO_ON } run_t;

/* The first slice of a call is not measured, because most calls end in it and reading the clock would cost as much as they
 * do: if it was used up, it counts by the clock of the day, as far as that is believable. The others count exactly. */
static mk_wasm_end_t slice_run(mk_guest_t *guest, run_t how, mk_wasm_function_t function, const uint64_t *args,
                               uint64_t *result) {
    const mk_engine_t *engine = guest->config.engine;
    uint64_t           began_us = how == RUN_GO_ON ? processor_us() : 0, took_us = 0;
    mk_wasm_end_t      end = how == RUN_GO_ON  ? engine->go_on(guest->instance, guest->fuel, result)
                             : how == RUN_CALL ? engine->call(guest->instance, function, args, guest->fuel, result)
                                               : engine->resume(guest->instance, args[0], guest->fuel, result);
    if (how == RUN_GO_ON) {
        took_us = without_host(guest, processor_us() - began_us);
        if (end == MK_WASM_OUT_OF_BUDGET) fuel_learn(guest, took_us);
    } else if (end == MK_WASM_OUT_OF_BUDGET) {
        took_us = without_host(guest, mk_port_now_us() - guest->entered_us);
        if (took_us > 2 * (uint64_t)guest->config.slice_us) took_us = 2 * (uint64_t)guest->config.slice_us;
    }
    guest->used_us += took_us;
    return end;
}

/* Only with several calls for one message can a budget be spent in pieces. */
static bool counts_time(const mk_guest_t *guest) {
    return guest->step != MK_STEP_HANDLE || (guest->alloc != 0 && guest->address != 0);
}

static mk_wasm_end_t timed_run(mk_guest_t *guest, run_t how, mk_wasm_function_t function, const uint64_t *args,
                               uint64_t *result) {
    const mk_engine_t *engine = guest->config.engine;
    bool               timed = counts_time(guest);
    uint64_t           began_us = timed ? mk_port_now_us() : 0;
    uint32_t           left_ms = budget_left(guest);
    mk_wasm_end_t      end = how == RUN_CALL ? engine->call(guest->instance, function, args, left_ms, result)
                                             : engine->resume(guest->instance, args[0], left_ms, result);
    if (timed) guest->used_us += without_host(guest, mk_port_now_us() - began_us);
    return end;
}

static mk_wasm_end_t step_run(mk_guest_t *guest, run_t how, mk_wasm_function_t function, const uint64_t *args,
                              uint64_t *result) {
    guest->running = true;
    guest->host_us = 0;
    mk_wasm_end_t end = guest->config.engine->continues ? slice_run(guest, how, function, args, result)
                                                        : timed_run(guest, how, function, args, result);
    guest->running = false;
    return end;
}

static bool is_over_budget(const mk_guest_t *guest) {
    return guest->config.budget_ms != 0 && guest->used_us >= (uint64_t)guest->config.budget_ms * 1000;
}

/* ---- between steps ------------------------------------------------------------------------------------------------------ */

/* Others first, if this guest took long: it gets nothing before its next turn. Called wherever it is about to be handed
 * one message after the other. */
static void maybe_yield(mk_guest_t *guest) {
    uint32_t after_us = guest->config.engine->continues ? guest->config.slice_us : YIELD_AFTER_US;
    guest->streak_us += mk_port_now_us() - guest->entered_us;
    if (guest->streak_us < after_us) return;
    guest->streak_us = 0;
    mk_runtime_poll_soon(guest->rt);
    guest->yielded = mk_actor_wait(guest->rt, false, 0);
}

/* The payload must outlive this behaviour when the guest has not got it yet. */
static void payload_keep(mk_guest_t *guest) {
    if (guest->has_message && guest->step < MK_STEP_HANDLE && guest->taken == NULL && !guest->kept)
        guest->taken = message_take(guest->rt, guest->in_hand);
}

/* Its slice is used up: it goes on at its next turn, and nothing of its mailbox comes before that. */
static void preempt(mk_guest_t *guest) {
    payload_keep(guest);
    guest->wait = MK_WAIT_SLICE;
    guest->info.preempted++;
    guest->streak_us = 0;
    guest->owed_us = 0;
    mk_runtime_poll_soon(guest->rt);
    bool held = mk_actor_wait(guest->rt, false, 0);
    mk_assert(held); /* without a time to wait for it takes no memory */
}

/* A call of the current step has ended. True: the steps go on. *stay is the behaviour's answer otherwise. */
static bool step_ended(mk_guest_t *guest, mk_wasm_end_t end, uint64_t result, bool *stay) {
    switch (end) {
    case MK_WASM_BLOCKED:
        payload_keep(guest);
        if (guest->wait == MK_WAIT_MESSAGE) maybe_yield(guest);
        *stay = true;
        return false;
    case MK_WASM_DONE:
        if (!guest->exited) break;
        if (guest->exit_code != 0 || guest->step != MK_STEP_INITIALIZE) {
            *stay = end_exited(guest);
            return false;
        }
        guest->exited = false; /* a program whose main is over, and that is called all the same */
        break;
    case MK_WASM_OUT_OF_BUDGET:
        *stay = guest->config.engine->continues && !is_over_budget(guest);
        if (*stay) preempt(guest);
        else *stay = end_out_of_budget(guest);
        return false;
    case MK_WASM_TRAPPED: *stay = end_trapped(guest); return false;
    }
    if (guest->step == MK_STEP_MIGRATE && (uint32_t)result != 0) {
        char text[48];
        snprintf(text, sizeof text, "migrate answered %d", (int)(int32_t)result);
        *stay = end_with(guest, EXIT_FAILED, text);
        return false;
    }
    step_next(guest, result);
    return true;
}

/* Runs steps until the guest is idle, waits or has ended; the behaviour's answer. */
static bool run_steps(mk_guest_t *guest) {
    bool stay = true;
    while (guest->step != MK_STEP_IDLE) {
        uint64_t           args[4] = {0}, result = 0;
        mk_wasm_function_t function = step_call(guest, args);
        if (guest->step == MK_STEP_ALLOC && guest->message.size > 0 && function == 0) {
            place_in_region(guest);
            continue;
        }
        mk_wasm_end_t end = MK_WASM_DONE;
        if (function != 0) end = step_run(guest, RUN_CALL, function, args, &result);
        if (!step_ended(guest, end, result, &stay)) return stay;
    }
    stay = guest->stay;
    if (stay) maybe_yield(guest);
    return stay;
}

/* ---- the behaviour -------------------------------------------------------------------------------------------------------- */

/* The result of the import the guest waits in. False: it waits on. */
static bool wait_ends(mk_guest_t *guest, message_t *msg, uint64_t *value) {
    bool woken = msg->type == MSG_WAKE;
    switch (guest->wait) {
    case MK_WAIT_MESSAGE: {
        actor_info_t self;
        if (woken && runtime_get_actor_info(guest->rt, guest->id, &self) && self.queued > 0) {
            /* What has arrived by now has arrived in time: it is the next thing this actor gets. */
            mk_actor_wait_end(guest->rt);
            if (mk_actor_wait(guest->rt, true, 0)) return false;
        }
        if (woken) *value = mk_recv_timed_out();
        else {
            mk_reload_keep(guest, msg);
            mk_guest_message_t received = message_of(guest, msg);
            *value = mk_recv_deliver(guest, &received);
        }
        return true;
    }
    case MK_WAIT_POLL: *value = mk_poll_deliver(guest); return true;
    case MK_WAIT_TURN: return guest->deferred(guest, guest->deferred_args, value) != MK_HOST_BLOCKED;
    default: *value = 0; return true;
    }
}

/* The turn it gave up is over: it waits for what it waited for before. False: that cannot be had. */
static bool wait_again(mk_guest_t *guest) {
    uint64_t now_ms = mk_port_now_us() / 1000;
    int64_t  left_ms = guest->wait_until_ms > now_ms ? (int64_t)(guest->wait_until_ms - now_ms) : 0;
    guest->yielded = false;
    mk_actor_wait_end(guest->rt);
    return mk_actor_wait(guest->rt, true, guest->wait_for_ever ? -1 : left_ms);
}

static bool go_on(mk_guest_t *guest, message_t *msg) {
    uint64_t value = 0, result = 0;
    bool     stay = true;
    if (guest->yielded && wait_again(guest)) return true;
    bool computing = guest->wait == MK_WAIT_SLICE;
    if (!computing && !wait_ends(guest, msg, &value)) return true;
    mk_actor_wait_end(guest->rt);
    guest->wait = MK_WAIT_NONE;
    if (!computing) guest->used_us = 0;
    mk_wasm_end_t end = step_run(guest, computing ? RUN_GO_ON : RUN_RESUME, 0, &value, &result);
    if (!step_ended(guest, end, result, &stay)) return stay;
    return run_steps(guest);
}

static void first_turn(mk_guest_t *guest, runtime_t *rt) {
    guest->rt = rt;
    guest->id = actor_self(rt);
    guest->stay = true;
    actor_trap_exits(rt, true);
}

static bool turn(mk_guest_t *guest, message_t *msg) {
    if (msg->type == MSG_WAKE && mk_reload_is_overdue(guest)) return true;
    mk_reload_maybe_swap(guest);
    if (guest->wait != MK_WAIT_NONE) return go_on(guest, msg);
    guest->used_us = 0;
    guest->in_hand = msg;
    if (msg->type != MSG_WAKE) {
        mk_reload_keep(guest, msg);
        guest->message = message_of(guest, msg);
        guest->has_message = true;
        guest->address = 0;
        if (guest->step == MK_STEP_IDLE) guest->step = MK_STEP_ALLOC;
    } else if (guest->yielded) {
        guest->yielded = false;
        mk_actor_wait_end(guest->rt);
    }
    return run_steps(guest);
}

/* The message that went wrong with a module that is gone, for the one that is back. */
static bool turn_again(mk_guest_t *guest) {
    message_t *msg = guest->again;
    uint64_t   value, result = 0;
    bool       stay = true;
    guest->again = NULL;
    guest->used_us = 0;
    if (msg->type == MSG_CHILD_EXIT) guest->info.children++; /* it is counted again */
    mk_guest_message_t seen = message_of(guest, msg);
    if (guest->wait == MK_WAIT_NONE) {
        guest->message = seen;
        guest->has_message = true;
        guest->address = 0;
        guest->taken = msg;
        guest->step = MK_STEP_ALLOC;
        return run_steps(guest);
    }
    value = mk_recv_deliver(guest, &seen);
    message_release(guest->rt, msg);
    mk_actor_wait_end(guest->rt);
    guest->wait = MK_WAIT_NONE;
    mk_wasm_end_t end = step_run(guest, RUN_RESUME, 0, &value, &result);
    return step_ended(guest, end, result, &stay) ? run_steps(guest) : stay;
}

/* Type 0 asks a guest to stop: from another node it takes a role that may. */
static bool is_denied(runtime_t *rt, const message_t *msg) {
    node_id_t node = actor_id_node(msg->source);
    if (mk_likely(msg->type != 0) || msg->source == ACTOR_ID_INVALID || node == runtime_get_node_id(rt)) return false;
    const mk_remote_t *remote = mk_remote_find(rt, node);
    return remote == NULL || (remote->may & MK_MAY_STOP) == 0;
}

bool wasm_actor_behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    mk_guest_t *guest = state;
    if (guest == NULL) {
        actor_fail(rt, EXIT_OUT_OF_MEMORY, "no memory for the guest's record");
        return false;
    }
    if (guest->rt == NULL) first_turn(guest, rt);
    if (guest->instance == NULL)
        return end_with(guest, guest->error_reason,
                        guest->texts != NULL ? guest->texts->error : mk_err_text(MK_ERR_NOMEM));
    if (is_denied(rt, msg)) {
        guest->info.denied++;
        return true;
    }
    guest->entered_us = mk_port_now_us();
    bool stay = turn(guest, msg);
    return mk_likely(guest->again == NULL) ? stay : turn_again(guest);
}
