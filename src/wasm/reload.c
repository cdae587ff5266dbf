/* SPDX-License-Identifier: Apache-2.0 */
/* reload.c -- another module for a guest that lives. What is the instance's own (its code, where it stands, what it waits for) is in a
 * few fields of the guest's record; they are put aside as a whole and, if the new module turns out bad, put back as a whole. What is
 * the actor's (id, mailbox, grants, counters) stays where it is. Both instances call the same host, but only one of them ever runs.
 *
 * Stages: coming (the new instance is made, and waits for the actor's next turn at which it may come), probation (the old one is put
 * aside), over. There can be one on probation and another that is coming. Each that was taken has one end, which is told whoever
 * asked for it; the message for that is there from the beginning. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "durable/state.h"
#include "loop/loop.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "port/port.h"
#include "runtime/attach.h"
#include "runtime/wake.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

enum { NAME_BYTES = 256 };

/* What was asked for, and what there is to tell of it. */
typedef struct wish {
    wasm_reload_options_t options;
    message_t            *outcome; /* NULL: nobody waits for it, or it was told */
} wish_t;

typedef struct mk_reload {
    mk_timer_t       timer; /* the end of probation */
    runtime_t       *rt;
    mk_guest_t      *guest;
    mk_guest_t      *fresh; /* coming: the instance's own fields of the new one; NULL: none is */
    wish_t           coming;
    mk_guest_t      *old; /* on probation: those of the old one; NULL: not on probation */
    wish_t           trial;
    mk_state_copy_t *state; /* what was saved before; NULL: it has no name    */
    message_t       *kept;  /* the message that is being handled on probation */
    uint32_t         messages_left;
    bool             overdue; /* it has not started in time */
} mk_reload_t;

/* ---- the instance's own ------------------------------------------------------------------------------------------------------ */

/* Copies everything but what is the actor's. */
static void take_parts(mk_guest_t *to, const mk_guest_t *from) {
    mk_guest_t actor = *to;
    *to = *from;
    to->rt = actor.rt;
    to->id = actor.id;
    to->config = actor.config;
    to->texts = actor.texts;
    to->in_flight = actor.in_flight;
    to->printing = actor.printing;
    to->names = actor.names;
    to->reload = actor.reload;
    to->factory = actor.factory;
    to->saving = actor.saving;
    to->save_waits = actor.save_waits;
    to->save_done = actor.save_done;
    to->save_error = actor.save_error;
    to->info = actor.info;
    to->entered_us = actor.entered_us;
    to->streak_us = actor.streak_us;
}

/* Gives back what an instance has that is nobody's any more. */
static void free_parts(mk_guest_t *parts, runtime_t *rt) {
    mk_guest_http_fini(parts);
    mk_spawn_fini(parts);
    mk_guest_file_fini(parts);
    if (parts->taken != NULL) message_release(rt, parts->taken);
    mk_guest_unmake(parts);
    mk_free(parts->report);
}

static void free_aside(mk_guest_t **aside, runtime_t *rt) {
    if (*aside == NULL) return;
    free_parts(*aside, rt);
    mk_free(*aside);
    *aside = NULL;
}

/* ---- ends ----------------------------------------------------------------------------------------------------------------------- */

/* Room for the longest text; NULL in *out: nobody is to be told. */
static mk_err_t reserve_outcome(runtime_t *rt, const wasm_reload_options_t *options, message_t **out) {
    *out = NULL;
    if (options->tell == ACTOR_ID_INVALID) return MK_OK;
    *out = mk_room_message(rt, MSG_WASM_RELOADED, sizeof(wasm_reloaded_payload_t) + MK_GUEST_ERROR_BYTES);
    return *out != NULL ? MK_OK : MK_ERR_NOMEM;
}

/* Into the mailbox of whoever asked, full or not. */
static void tell(const mk_reload_t *reload, wish_t *wish, wasm_reload_outcome_t outcome, const char *why) {
    message_t *msg = wish->outcome;
    actor_t   *asker = mk_runtime_actor(reload->rt, wish->options.tell);
    size_t     size = strnlen(why, MK_GUEST_ERROR_BYTES);
    wish->outcome = NULL;
    if (msg == NULL || asker == NULL) {
        message_release(reload->rt, msg);
        return;
    }
    wasm_reloaded_payload_t fields = {
        .id = reload->guest->id, .ref = wish->options.ref, .outcome = outcome, .text_size = (uint32_t)size};
    char *payload = (char *)(uintptr_t)msg->payload;
    memcpy(payload, &fields, sizeof fields);
    memcpy(payload + sizeof fields, why, size);
    msg->payload_size = sizeof fields + size;
    msg->source = reload->guest->id;
    mk_room_send(reload->rt, NULL, asker, msg, 0);
}

/* The guest may not have taken its payload yet: then it is the guest's from now on. */
static void release_kept(mk_reload_t *reload) {
    mk_guest_t *guest = reload->guest;
    bool        needed = guest->has_message && guest->step < MK_STEP_HANDLE && guest->taken == NULL;
    if (reload->kept != NULL && needed) guest->taken = reload->kept;
    else if (reload->kept != NULL) message_release(reload->rt, reload->kept);
    reload->kept = NULL;
    guest->kept = false;
}

static void forget(mk_reload_t *reload) {
    mk_guest_t *guest = reload->guest;
    mk_wheel_cancel(&mk_runtime_loop(reload->rt)->wheel, &reload->timer);
    tell(reload, &reload->trial, WASM_RELOAD_ENDED, "the actor has ended");
    tell(reload, &reload->coming, WASM_RELOAD_ENDED, "the actor has ended");
    free_aside(&reload->fresh, reload->rt);
    free_aside(&reload->old, reload->rt);
    release_kept(reload);
    mk_state_copy_free(reload->state);
    guest->reload = NULL;
    mk_free(reload);
}

/* Nothing is on probation any more; another one may be coming already, and is given a turn. */
static void probation_end(mk_reload_t *reload) {
    const mk_guest_t *guest = reload->guest;
    mk_wheel_cancel(&mk_runtime_loop(reload->rt)->wheel, &reload->timer);
    release_kept(reload);
    if (reload->fresh == NULL) forget(reload);
    else (void)actor_send(reload->rt, guest->id, MSG_WAKE, NULL, 0); /* refused, the next message brings it about */
}

/* The new module stays. */
static void commit(mk_reload_t *reload) {
    mk_guest_t *guest = reload->guest;
    guest->info.reloads++;
    guest->info.probation = false;
    if (guest->factory != NULL) mk_factory_take(guest->factory, guest->code);
    actor_log(guest->rt, MK_LOG_INFO, "guest %llu: its new module stays", (unsigned long long)guest->id);
    tell(reload, &reload->trial, WASM_RELOAD_KEPT, "");
    free_aside(&reload->old, guest->rt);
    probation_end(reload);
}

static void arm(mk_reload_t *reload) {
    mk_loop_t *loop = mk_runtime_loop(reload->rt);
    mk_loop_read_clock(loop);
    mk_wheel_arm(&loop->wheel, &reload->timer, mk_loop_after_ms(loop, reload->trial.options.probation_ms));
}

/* A module that has not even started by now is not going to. One that is computing could still use up its budget or trap, and is
 * looked at again. */
static void probation_over(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    mk_reload_t      *reload = mk_container_of(timer, mk_reload_t, timer);
    const mk_guest_t *guest = reload->guest;
    if (reload->old == NULL) return;
    if (guest->step < MK_STEP_IDLE) {
        reload->overdue = true;
        mk_actor_wake(reload->rt, guest->id);
    } else if (guest->wait == MK_WAIT_SLICE) {
        arm(reload);
    } else {
        commit(reload);
    }
}

static void put_state_back(const mk_reload_t *reload) {
    if (reload->state == NULL || mk_state_put_back(reload->rt, reload->state) == MK_OK) return;
    actor_log(reload->rt, MK_LOG_ERROR, "guest %llu: not all of its state could be put back",
              (unsigned long long)reload->guest->id);
}

/* What a supervisor starts next is the old module, which must find its own state; and of one that had not started nobody knows how far
 * it came. Otherwise what it was told is saved is saved. */
void mk_reload_fini(mk_guest_t *guest) {
    const mk_reload_t *reload = guest->reload;
    if (reload == NULL) return;
    if (reload->old != NULL && (guest->factory != NULL || guest->step < MK_STEP_IDLE)) put_state_back(reload);
    forget(guest->reload);
}

/* ---- the swap --------------------------------------------------------------------------------------------------------------------- */

static bool may_come(const mk_guest_t *guest) {
    if (guest->wait == MK_WAIT_MESSAGE) return guest->step == MK_STEP_HANDLE;
    return guest->wait == MK_WAIT_NONE && guest->step == MK_STEP_IDLE && guest->saving == NULL;
}

/* What it saved up to here, to be put back. A guest without a name saves nothing. */
static bool copy_state(mk_reload_t *reload) {
    char name[NAME_BYTES];
    mk_state_copy_free(reload->state);
    reload->state = NULL;
    if (actor_reverse_lookup(reload->guest->rt, reload->guest->id, name, sizeof name) == 0) return true;
    return mk_state_copy(reload->guest->rt, name, &reload->state) == MK_OK;
}

/* Puts the old module's instance and its state aside; reloaded again on probation that is done already. False: no memory. */
static bool put_aside(mk_reload_t *reload) {
    if (reload->old != NULL) { /* the one on probation goes, and what was before it is still what is kept */
        free_parts(reload->guest, reload->guest->rt);
        return true;
    }
    mk_guest_t *old = mk_alloc(sizeof *old);
    if (old == NULL || !copy_state(reload)) {
        mk_free(old);
        return false;
    }
    *old = *reload->guest;
    reload->old = old;
    return true;
}

/* Without the means to undo it, it does not begin. */
static void give_up(mk_reload_t *reload) {
    static const char why[] = "no memory to keep the old module";
    mk_guest_t       *guest = reload->guest;
    guest->info.undone++;
    actor_log(guest->rt, MK_LOG_WARN, "guest %llu not reloaded: %s", (unsigned long long)guest->id, why);
    tell(reload, &reload->coming, WASM_RELOAD_UNDONE, why);
    forget(reload);
}

static void begin_probation(mk_reload_t *reload) {
    tell(reload, &reload->trial, WASM_RELOAD_OVERTAKEN, "another reload came before it was decided");
    reload->trial = reload->coming;
    reload->coming.outcome = NULL;
    reload->messages_left = reload->trial.options.probation_messages;
    reload->guest->info.probation = true;
    reload->overdue = false;
    reload->timer.fn = probation_over;
    arm(reload);
}

void mk_reload_maybe_swap(mk_guest_t *guest) {
    mk_reload_t *reload = guest->reload;
    if (mk_likely(reload == NULL) || reload->fresh == NULL || !may_come(guest)) return;
    uint32_t version = guest->its_version; /* of whom wrote what is saved now */
    if (!put_aside(reload)) {
        give_up(reload);
        return;
    }
    if (guest->wait == MK_WAIT_MESSAGE || guest->yielded) mk_actor_wait_end(guest->rt);
    release_kept(reload); /* it has asked for the next one: the last went well, and is nobody's any more */
    mk_guest_t *fresh = reload->fresh;
    reload->fresh = NULL;
    take_parts(guest, fresh);
    mk_free(fresh);
    guest->stay = true;
    guest->reloaded = true;
    guest->old_version = version;
    begin_probation(reload);
    if (reload->trial.options.no_probation) commit(reload);
}

bool mk_reload_is_coming(const mk_guest_t *guest) { return guest->reload != NULL && guest->reload->fresh != NULL; }

bool mk_reload_is_migrating(const mk_guest_t *guest, uint64_t *args) {
    args[0] = guest->old_version;
    return guest->reloaded;
}

/* ---- on probation ------------------------------------------------------------------------------------------------------------------- */

void mk_reload_keep(mk_guest_t *guest, message_t *msg) {
    if (mk_likely(guest->reload == NULL) || guest->reload->old == NULL) return;
    if (guest->reload->kept != NULL) mk_reload_handled(guest); /* it asked for the next one: the last went well */
    if (guest->reload == NULL || guest->reload->old == NULL) return;
    guest->reload->kept = message_take(guest->rt, msg);
    guest->kept = true;
}

void mk_reload_handled(mk_guest_t *guest) {
    mk_reload_t *reload = guest->reload;
    if (mk_likely(reload == NULL) || reload->old == NULL) return;
    release_kept(reload);
    if (--reload->messages_left == 0) commit(reload);
}

/* The old one waits for what it waited for: a message, until the same time as before. */
static void wait_as_before(mk_guest_t *guest) {
    uint64_t now_ms = mk_port_now_us() / 1000;
    int64_t  left_ms = guest->wait_until_ms > now_ms ? (int64_t)(guest->wait_until_ms - now_ms) : 0;
    (void)mk_actor_wait(guest->rt, true,
                        guest->wait_for_ever ? -1 : left_ms); /* it has waited before: no memory is needed */
}

bool mk_reload_undo(mk_guest_t *guest, const char *why) {
    mk_reload_t *reload = guest->reload;
    if (mk_likely(reload == NULL) || reload->old == NULL) return false;
    char text[MK_GUEST_ERROR_BYTES];
    snprintf(text, sizeof text, "%s", why); /* it may be the instance's, which goes */
    mk_actor_wait_end(guest->rt);
    mk_guest_state_fini(guest);
    guest->save_waits = guest->save_done = false;
    mk_guest_t parts = *guest;
    take_parts(guest, reload->old);
    free_parts(&parts, guest->rt);
    mk_free(reload->old);
    reload->old = NULL;
    guest->yielded = false;
    guest->info.probation = false;
    guest->info.undone++;
    put_state_back(reload);
    actor_log(guest->rt, MK_LOG_WARN, "guest %llu: its new module is taken back: %s", (unsigned long long)guest->id,
              text);
    tell(reload, &reload->trial, WASM_RELOAD_UNDONE, text);
    guest->again = reload->kept;
    reload->kept = NULL;
    mk_state_copy_free(reload->state);
    reload->state = NULL;
    probation_end(reload);
    if (guest->wait == MK_WAIT_MESSAGE) wait_as_before(guest);
    return true;
}

bool mk_reload_is_overdue(mk_guest_t *guest) {
    char text[48];
    if (mk_likely(guest->reload == NULL) || !guest->reload->overdue || guest->reload->old == NULL) return false;
    snprintf(text, sizeof text, "it did not start within %u ms", (unsigned)guest->reload->trial.options.probation_ms);
    return mk_reload_undo(guest, text);
}

/* ---- asking for it --------------------------------------------------------------------------------------------------------------------- */

/* A module that wants more than the guest may do would fail only when it does it, maybe long after probation. */
static bool is_granted(const mk_guest_t *guest, const mk_code_t *code, char *err, size_t err_size) {
    uint64_t    before = guest->code != NULL ? guest->code->imports : 0;
    const char *lacks = mk_imports_lacking(code->imports & ~before, guest->config.grants);
    if (lacks != NULL) snprintf(err, err_size, "the new module imports %s, for which this guest has no grant", lacks);
    return lacks == NULL;
}

static mk_reload_t *reload_of(mk_guest_t *guest) {
    if (guest->reload != NULL) return guest->reload;
    mk_reload_t *reload = mk_calloc(1, sizeof *reload);
    if (reload == NULL) return NULL;
    reload->rt = guest->rt;
    reload->guest = guest;
    return guest->reload = reload;
}

/* What it is reloaded with: bytes, or a module that is loaded. */
typedef struct replacement {
    const void *bytes;
    size_t      size;
    mk_code_t  *code;
} replacement_t;

static mk_err_t load(const mk_guest_t *guest, const replacement_t *with, mk_code_t **out, char *err, size_t err_size) {
    const mk_guest_config_t *config = &guest->config;
    if (with->code != NULL) return mk_code_share(with->code, config->engine, config->heap_bytes, out, err, err_size);
    mk_code_want_t want = {
        .engine = config->engine, .heap_bytes = config->heap_bytes, .bytes = with->bytes, .size = with->size};
    return mk_code_load(&want, out, err, err_size);
}

static reload_result_t prepare(mk_guest_t *guest, const replacement_t *with, mk_guest_t **out, char *err,
                               size_t err_size) {
    mk_code_t *code;
    if (load(guest, with, &code, err, err_size) != MK_OK) return RELOAD_ERR_MODULE_LOAD;
    mk_guest_t     *fresh = NULL;
    reload_result_t result = RELOAD_ERR_MODULE_LOAD;
    if (!is_granted(guest, code, err, err_size)) goto fail;
    result = RELOAD_ERR_INSTANCE;
    fresh = mk_calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
        goto fail;
    }
    fresh->config = guest->config;
    fresh->rt = guest->rt;
    if (mk_guest_make(guest, code, fresh, err, err_size) != MK_OK) goto fail;
    *out = fresh;
    return RELOAD_OK;
fail:
    mk_free(fresh);
    mk_code_release(code);
    return result;
}

/* A guest whose own call brings it about (it prints, and who hears that reloads it) is told nothing: to it, it would be a message. */
static wasm_reload_options_t with_defaults(runtime_t *rt, actor_id_t id, const wasm_reload_options_t *options) {
    wasm_reload_options_t full = *options;
    const actor_t        *asking = mk_runtime_running(rt);
    if (full.probation_messages == 0) full.probation_messages = WASM_PROBATION_MESSAGES;
    if (full.probation_ms == 0) full.probation_ms = WASM_PROBATION_MS;
    if (full.tell == ACTOR_ID_INVALID && asking != NULL && asking != mk_runtime_actor(rt, id))
        full.tell = mk_runtime_actor_id(rt, asking);
    return full;
}

/* From now on `fresh` is coming; one that was, too, is overtaken. Takes `fresh` whatever it answers. */
static reload_result_t take_wish(mk_guest_t *guest, mk_guest_t *fresh, const wasm_reload_options_t *options, char *err,
                                 size_t err_size) {
    wish_t       wish = {.options = with_defaults(guest->rt, guest->id, options)};
    mk_reload_t *reload = reserve_outcome(guest->rt, &wish.options, &wish.outcome) == MK_OK ? reload_of(guest) : NULL;
    if (reload == NULL) {
        message_release(guest->rt, wish.outcome);
        free_aside(&fresh, guest->rt);
        snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
        return RELOAD_ERR_INSTANCE;
    }
    tell(reload, &reload->coming, WASM_RELOAD_OVERTAKEN, "another reload came before it was decided");
    free_aside(&reload->fresh, guest->rt);
    reload->fresh = fresh;
    reload->coming = wish;
    return RELOAD_OK;
}

static bool is_idle(const mk_guest_t *guest) { return !guest->running && may_come(guest); }

static reload_result_t begin(runtime_t *rt, actor_id_t id, const replacement_t *with,
                             const wasm_reload_options_t *options, char *err, size_t err_size) {
    actor_t *actor = mk_runtime_actor(rt, id);
    if (actor == NULL) return RELOAD_ERR_NOT_FOUND;
    if (actor->behavior != wasm_actor_behavior || actor->state == NULL) return RELOAD_ERR_NOT_WASM;
    mk_guest_t *guest = actor->state, *fresh;
    /* Before its first turn it has not begun, and any module will do; but it has no runtime yet, either. */
    bool started = guest->rt != NULL;
    if (!options->patient && started && !is_idle(guest) && guest->step != MK_STEP_START) return RELOAD_ERR_FIBER_ACTIVE;
    guest->rt = rt;
    guest->id = id;
    reload_result_t result = prepare(guest, with, &fresh, err, err_size);
    if (result == RELOAD_OK) result = take_wish(guest, fresh, options, err, err_size);
    if (!started) guest->rt = NULL;
    if (result == RELOAD_OK)
        (void)actor_send(rt, id, MSG_WAKE, NULL, 0); /* a turn; refused, the next message brings it about */
    return result;
}

static reload_result_t reload(runtime_t *rt, actor_id_t id, const replacement_t *with,
                              const wasm_reload_options_t *options, char *err, size_t err_size) {
    static const wasm_reload_options_t defaults;
    char                               text[MK_GUEST_ERROR_BYTES] = "";
    reload_result_t result = begin(rt, id, with, options != NULL ? options : &defaults, text, sizeof text);
    if (text[0] != '\0') actor_log(rt, MK_LOG_WARN, "guest %llu not reloaded: %s", (unsigned long long)id, text);
    if (err_size > 0) snprintf(err, err_size, "%s", text);
    return result;
}

reload_result_t actor_reload_wasm_opts(runtime_t *rt, actor_id_t id, const void *buf, size_t size,
                                       const wasm_reload_options_t *options, char *err, size_t err_size) {
    return reload(rt, id, &(replacement_t){.bytes = buf, .size = size}, options, err, err_size);
}

reload_result_t actor_reload_wasm_module(runtime_t *rt, actor_id_t id, wasm_module_t *module,
                                         const wasm_reload_options_t *options, char *err, size_t err_size) {
    return reload(rt, id, &(replacement_t){.code = module}, options, err, err_size);
}

reload_result_t actor_reload_wasm(runtime_t *rt, actor_id_t id, const void *buf, size_t size, actor_id_t *new_id) {
    reload_result_t result = actor_reload_wasm_opts(rt, id, buf, size, NULL, NULL, 0);
    if (result == RELOAD_OK && new_id != NULL) *new_id = id;
    return result;
}
