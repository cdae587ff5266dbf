/* SPDX-License-Identifier: Apache-2.0 */
/* actors.c -- what the programs on the nodes do to each other. A worker does something at each tick of its timer: it says something
 * to somebody, calls, monitors, links, takes a name, spawns, ends. One keeper on each node hears of nodes that come and go and
 * lives as long as its node. Every news that comes is compared with what was asked. */
#include <stdlib.h>
#include <string.h>

#include "runtime/wake.h"
#include "sim/sim.h"

enum { T_BEGIN = 1, T_LETTER, T_CALL, T_ANSWER, T_HOLD, T_FLOOD, T_GREET };

enum {
    END_USER = EXIT_USER + 1, /* of actor_exit() */
    KEEPERS_MAX = 60,         /* a node needs one in each of its lives */
};

static sim_actor_t *actor[SIM_ACTORS_MAX];
static uint32_t     actors_n;
static unsigned     greetings;
static uint8_t      buf[SIM_LETTER_MAX];

void sim_actors_begin(void) {
    actors_n = 0;
    greetings = 0;
}

uint32_t sim_actors(void) { return actors_n; }

sim_actor_t *sim_actor(uint32_t uid) { return uid != 0 && uid <= actors_n ? actor[uid] : NULL; }

sim_actor_t *sim_actor_of(actor_id_t id) {
    for (uint32_t uid = 1; uid <= actors_n; uid++)
        if (actor[uid]->id == id) return actor[uid];
    return NULL;
}

/* ---- what is owed ---------------------------------------------------------------------------------------------------------- */

static void owe(sim_owed_t **list, uint32_t number, const sim_actor_t *about, uint32_t serial, uint64_t wait_ms) {
    sim_owed_t *owed = sim_alloc(sizeof *owed);
    *owed =
        (sim_owed_t){.next = *list, .number = number, .about = about->uid, .serial = serial, .since_us = sim_now_us()};
    owed->until_us = owed->since_us + wait_ms * 1000;
    *list = owed;
}

/* Takes it out of the list; NULL: not owed. */
static sim_owed_t *settle(sim_owed_t **list, uint32_t number) {
    while (*list != NULL && (*list)->number != number) list = &(*list)->next;
    sim_owed_t *owed = *list;
    if (owed != NULL) *list = owed->next;
    return owed;
}

/* ---- whom ---------------------------------------------------------------------------------------------------------------------- */

/* Mostly somebody who lives on another node; now and then a neighbour, or somebody dead. NULL: none found. */
static sim_actor_t *choose(const sim_actor_t *me) {
    bool dead = sim_chance(60), near = sim_chance(100);
    for (unsigned tries = 0; tries < 24; tries++) {
        sim_actor_t *other = actor[1 + sim_below(actors_n)];
        if (other == me || other->alive == dead || (other->node == me->node) != near) continue;
        return other;
    }
    return NULL;
}

static sim_actor_t *choose_worker(const sim_actor_t *me) {
    sim_actor_t *other = choose(me);
    return other != NULL && !other->keeper ? other : NULL;
}

/* ---- deeds ------------------------------------------------------------------------------------------------------------------------ */

static size_t some_size(void) {
    size_t rest = sim_below(200);
    if (sim_chance(sim.plan.large)) rest = sim_chance(100) ? sim_below(SIM_LETTER_MAX - 100) : sim_below(30000);
    else if (sim_chance(100)) rest = sim_below(3000);
    return sizeof(sim_letter_t) + rest;
}

static void check_refusal(const sim_actor_t *to, mk_err_t err) {
    sim.count.refused++;
    switch (err) {
    case MK_ERR_FULL:
    case MK_ERR_CLOSED:
    case MK_ERR_NOTFOUND: return;
    case MK_ERR_NOMEM: SIM_CHECK(sim.memory_failed_us != 0, "no memory for a message to actor %u", to->uid); return;
    case MK_ERR_TOOLONG: SIM_CHECK(sim.plan.datagrams, "a message to actor %u is too long", to->uid); return;
    default: sim_fail("a message to actor %u is refused: %s", to->uid, mk_err_text(err));
    }
}

static mk_err_t send_shared(runtime_t *rt, actor_id_t to, const void *letter, size_t size) {
    message_buffer_t *shared = message_buffer_create(size);
    if (shared == NULL) return MK_ERR_NOMEM;
    memcpy(message_buffer_data(shared), letter, size);
    mk_err_t err = actor_send_buffer(rt, to, T_LETTER, shared);
    if (err != MK_OK) message_buffer_release(shared);
    return err;
}

static void say_to(runtime_t *rt, const sim_actor_t *me, const sim_actor_t *to, unsigned times) {
    for (; times != 0; times--) {
        size_t size = some_size();
        sim_write(me, to, buf, size);
        mk_err_t err = size > 2000 && sim_chance(500) ? send_shared(rt, to->id, buf, size)
                                                      : actor_try_send(rt, to->id, T_LETTER, buf, size);
        if (err == MK_OK) sim_sent(me, to, buf);
        else check_refusal(to, err);
    }
}

static void say(runtime_t *rt, sim_actor_t *me) {
    const sim_actor_t *to = choose(me);
    if (to != NULL) say_to(rt, me, to, 1 + sim_below(6));
}

static call_id_t call_one(runtime_t *rt, sim_actor_t *me, const sim_actor_t *to, uint64_t wait_ms) {
    sim_letter_t letter;
    size_t       size = sizeof letter + sim_below(300);
    sim_write(me, to, buf, size);
    memcpy(&letter, buf, sizeof letter);
    call_id_t number = actor_call(rt, to->id, T_CALL, buf, size, wait_ms);
    if (number == CALL_ID_INVALID) return number;
    sim_sent(me, to, buf);
    sim.count.calls++;
    owe(&me->calls, number, to, letter.serial, wait_ms);
    return number;
}

static void call(runtime_t *rt, sim_actor_t *me) {
    const sim_actor_t *to = choose(me);
    if (to == NULL) return;
    call_id_t number = call_one(rt, me, to, 100 + sim_below(2000));
    if (number == CALL_ID_INVALID || !sim_chance(50)) return;
    actor_call_cancel(rt, number);
    (void)settle(&me->calls, number);
}

static void answer(runtime_t *rt, const sim_actor_t *me, const message_t *request) {
    size_t   size = me->keeper ? 100 : some_size();
    uint32_t serial = ((const sim_letter_t *)request->payload)->serial;
    sim_write(me, NULL, buf, size);
    ((sim_letter_t *)(void *)buf)->rest = serial;
    if (actor_reply(rt, request, T_ANSWER, buf, size)) sim.count.answers++;
}

static void answer_kept(runtime_t *rt, sim_actor_t *me, bool all) {
    for (unsigned i = 0; i < 4; i++) {
        if (me->kept[i] == NULL || !(all || sim_chance(500))) continue;
        answer(rt, me, me->kept[i]);
        message_release(rt, me->kept[i]);
        me->kept[i] = NULL;
    }
}

static void monitor(runtime_t *rt, sim_actor_t *me) {
    const sim_actor_t *about = choose(me);
    if (me->monitors != NULL && sim_chance(200)) {
        uint32_t number = me->monitors->number;
        actor_demonitor(rt, number);
        (void)settle(&me->monitors, number);
    } else if (about != NULL) {
        monitor_id_t number = actor_monitor(rt, about->id);
        SIM_CHECK(number != MONITOR_ID_INVALID || sim.memory_failed_us != 0, "actor %u cannot monitor actor %u",
                  me->uid, about->uid);
        sim_say("actor %u monitors actor %u: %u", me->uid, about->uid, number);
        if (number != MONITOR_ID_INVALID) owe(&me->monitors, number, about, 0, 0);
    }
}

static void link_with(runtime_t *rt, const sim_actor_t *me) {
    const sim_actor_t *other = choose_worker(me);
    if (other == NULL) return;
    if (sim_chance(300)) {
        actor_unlink(rt, other->id);
        sim_unlinked(me, other);
        return;
    }
    mk_err_t err = actor_link(rt, other->id);
    SIM_CHECK(err == MK_OK || sim.memory_failed_us != 0, "actor %u cannot link to actor %u: %s", me->uid, other->uid,
              mk_err_text(err));
    if (err == MK_OK) sim_linked_with(me, other);
}

static void name(runtime_t *rt, sim_actor_t *me) {
    unsigned n = sim_below(SIM_NAMES);
    if (me->name[n]) {
        if (sim_chance(700)) return;
        (void)actor_unregister_name(rt, sim_name(n)); /* false: it is lost, and the news lies in the mailbox */
        sim_name_given(me, n);
        return;
    }
    mk_err_t err = actor_try_register_name(rt, sim_name(n), me->id);
    SIM_CHECK(err == MK_OK || err == MK_ERR_EXISTS || (err == MK_ERR_NOMEM && sim.memory_failed_us != 0),
              "actor %u cannot take %s: %s", me->uid, sim_name(n), mk_err_text(err));
    if (err == MK_OK) sim_name_taken(me, n);
}

static void say_by_name(runtime_t *rt, const sim_actor_t *me) {
    size_t size = sizeof(sim_letter_t) + sim_below(100);
    sim_write(me, NULL, buf, size);
    if (actor_send_named(rt, sim_name(sim_below(SIM_NAMES)), T_LETTER, buf, size)) sim_sent(me, NULL, buf);
}

static void hurt(runtime_t *rt, const sim_actor_t *me) {
    sim_actor_t *other = choose_worker(me);
    if (other == NULL) return;
    if (other->node == me->node) other->may_end = true;
    if (sim_chance(500)) actor_stop(rt, other->id);
    else actor_exit(rt, other->id, END_USER);
}

static void request(runtime_t *rt, sim_actor_t *me) {
    const sim_actor_t *other = choose_worker(me);
    if (other == NULL || other->node == me->node) return;
    bool      spawns = sim_chance(600);
    call_id_t number = spawns ? node_spawn(rt, other->node + 1, "worker", NULL) : node_stop(rt, other->id);
    if (number != CALL_ID_INVALID) owe(&me->requests, number, other, 0, 0);
}

/* Its last deed. */
static bool end(runtime_t *rt, sim_actor_t *me) {
    static const uint8_t reason[] = {EXIT_FAILED, EXIT_TRAPPED, EXIT_SHUTDOWN};
    me->may_end = true;
    if (sim_chance(300)) return false;
    actor_fail(rt, reason[sim_below(3)], "it was time");
    return true;
}

static bool do_something(runtime_t *rt, sim_actor_t *me) {
    uint32_t what = sim_below(1000);
    answer_kept(rt, me, false);
    if (what < 400) say(rt, me);
    else if (what < 550) call(rt, me);
    else if (what < 640) monitor(rt, me);
    else if (what < 710) link_with(rt, me);
    else if (what < 850) name(rt, me);
    else if (what < 900) say_by_name(rt, me);
    else if (what < 930) (void)sim_spawn_worker(me->node);
    else if (what < 945) return end(rt, me);
    else if (what < 955) hurt(rt, me);
    else if (what < 975) request(rt, me);
    return true;
}

/* ---- news ------------------------------------------------------------------------------------------------------------------------------ */

static void handle_call(runtime_t *rt, sim_actor_t *me, message_t *msg) {
    sim_got(me, msg);
    uint32_t how = me->keeper ? 0 : sim_below(10);
    if (how == 9) return; /* never */
    for (unsigned i = 0; i < 4 && how >= 7; i++) {
        if (me->kept[i] != NULL) continue;
        me->kept[i] = message_take(rt, msg);
        return;
    }
    answer(rt, me, msg);
}

static void handle_answer(sim_actor_t *me, const message_t *msg) {
    const sim_letter_t *letter = msg->payload;
    sim_got(me, msg);
    const sim_owed_t *owed = settle(&me->calls, msg->call);
    SIM_CHECK(owed != NULL, "actor %u gets an answer to call %u, which is none or was answered", me->uid, msg->call);
    SIM_CHECK(owed->serial == letter->rest, "the answer to call %u answers letter %u and not %u", msg->call,
              letter->rest, owed->serial);
    if (me->keeper && greetings != 0) greetings--;
}

static void handle_call_failed(sim_actor_t *me, const message_t *msg) {
    const call_failed_payload_t *failed = msg->payload;
    const sim_owed_t            *owed = settle(&me->calls, failed->call);
    SIM_CHECK(owed != NULL, "call %u of actor %u fails (%s) and was none, or was answered", failed->call, me->uid,
              mk_err_text((mk_err_t)failed->error));
    SIM_CHECK(failed->error != MK_ERR_TIMEOUT || sim_now_us() + 1000 >= owed->until_us,
              "call %u is too late, before its time", failed->call);
    SIM_CHECK(!me->keeper || !sim.calm, "a keeper's call to actor %u fails in peace: %s", owed->about,
              mk_err_text((mk_err_t)failed->error));
    sim.count.failures++;
    sim_note(failed->error);
}

static void handle_down(sim_actor_t *me, const message_t *msg) {
    const down_payload_t *down = msg->payload;
    const sim_owed_t     *owed = settle(&me->monitors, down->monitor);
    SIM_CHECK(owed != NULL, "monitor %u of actor %u fires and was none, or has fired", down->monitor, me->uid);
    const sim_actor_t *about = sim_actor(owed->about);
    SIM_CHECK(about->id == down->actor_id, "monitor %u was for actor %u and tells of %llx", down->monitor, about->uid,
              (unsigned long long)down->actor_id);
    SIM_CHECK(!about->alive || (down->exit_reason == EXIT_NODE_DOWN && about->node != me->node) ||
                  sim_is_denied(me, about, down->exit_reason),
              "actor %u is told that actor %u has ended (%s), and it lives", me->uid, about->uid,
              exit_reason_text(down->exit_reason));
    sim.count.downs++;
    sim_note(down->exit_reason);
}

static void handle_exit(const sim_actor_t *me, const message_t *msg) {
    const exit_payload_t *gone = msg->payload;
    const sim_actor_t    *from = sim_actor_of(gone->from);
    sim.count.exits++;
    sim_note(gone->exit_reason);
    SIM_CHECK(me->traps, "actor %u does not trap exits and is told of one", me->uid);
    SIM_CHECK(from != NULL, "actor %u is told of the end of %llx, who never was", me->uid,
              (unsigned long long)gone->from);
    /* What was sent by actor_exit() comes from the living, unless they have ended since; and who was ended by it passes it on. */
    if (gone->exit_reason != END_USER) sim_exit_came(me, from, gone->exit_reason);
    else if (!from->alive) sim_exit_may_have_come(me, from);
}

static void handle_node(const sim_actor_t *me, const message_t *msg, bool up) {
    const node_event_payload_t *event = msg->payload;
    sim_node_t                 *n = &sim.node[me->node];
    sim.count.ups += up;
    if (event->node > sim.plan.nodes) return; /* a visitor */
    unsigned other = event->node - 1;
    SIM_CHECK(strcmp(event->identity, sim_identity(other)) == 0, "node %u is called %s", event->node, event->identity);
    SIM_CHECK(n->linked[other] != up, "n%u is told that n%u is %s, twice", me->node + 1, event->node,
              up ? "up" : "down");
    n->linked[other] = up;
    sim_say("n%u is told: n%u is %s %.*s", me->node + 1, event->node, up ? "up" : "down: ", (int)event->text_size,
            (const char *)(event + 1));
}

static void handle_reply(sim_actor_t *me, const message_t *msg) {
    const node_reply_payload_t *reply = msg->payload;
    SIM_CHECK(settle(&me->requests, reply->call) != NULL, "request %u of actor %u is answered and was none, or twice",
              reply->call, me->uid);
    sim_note(reply->error);
}

static void handle_wake(runtime_t *rt, sim_actor_t *me) {
    mk_actor_wait_end(rt);
    me->held = false;
}

static void hold(runtime_t *rt, sim_actor_t *me) {
    uint32_t ms = 50 + sim_below(1500);
    if (!mk_actor_wait(rt, false, ms)) return;
    me->held = true;
}

/* What may come from elsewhere of the system's: questions for names and capabilities, and, from an operator, an exit signal. */
static bool may_travel(msg_type_t type) {
    switch (type) {
    case MSG_CAPS_REQUEST:
    case MSG_CAPS_REPLY:
    case MSG_NS_LIST:
    case MSG_NS_REPLY: return true;
    case MSG_EXIT: return sim.plan.role == NODE_ROLE_OPERATOR;
    default: return type < MK_MSG_SYSTEM_BASE;
    }
}

/* Somebody who is no node of ours has sent it. */
static bool is_foreign(const message_t *msg) {
    if (!sim_is_foreign(msg->source)) return false;
    SIM_CHECK(may_travel(msg->type), "a visitor's message has the type %x", msg->type);
    return true;
}

static void begin(runtime_t *rt, const sim_actor_t *me) {
    actor_trap_exits(rt, me->traps);
    if (me->keeper) {
        bool     was_held = sim_hold_memory(true);
        mk_err_t err = node_monitor(rt, true);
        SIM_CHECK(err == MK_OK, "n%u: no monitor of nodes: %s", me->node + 1, mk_err_text(err));
        char own[16] = "keeper/";
        strcat(own, sim_identity(me->node));
        SIM_CHECK(actor_register_name(rt, own, me->id), "n%u: its keeper has no name", me->node + 1);
        SIM_CHECK(sim.plan.many == 0 || actor_set_timer(rt, 20, true) != TIMER_ID_INVALID, "no timer for a keeper");
        sim_hold_memory(was_held);
    } else if (actor_set_timer(rt, sim.plan.tick_ms + sim_below(10), true) == TIMER_ID_INVALID) {
        SIM_CHECK(sim.memory_failed_us != 0, "no timer for actor %u", me->uid);
    }
}

static void greet(runtime_t *rt, sim_actor_t *me) {
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        if (i == me->node) continue;
        call_id_t number = call_one(rt, me, sim_actor(sim.node[i].keeper), 3000);
        SIM_CHECK(number != CALL_ID_INVALID, "n%u cannot call n%u in peace", me->node + 1, i + 1);
        greetings++;
    }
}

static void flood(runtime_t *rt, const sim_actor_t *me) {
    const sim_actor_t *to = choose(me);
    if (to == NULL) return;
    sim_say("actor %u floods actor %u", me->uid, to->uid);
    say_to(rt, me, to, 200);
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    sim_actor_t *me = state;
    (void)self;
    sim.heard++;
    sim_note(sim_now_us() ^ (uint64_t)me->uid << 40 ^ (uint64_t)msg->type << 8 ^ msg->payload_size);
    SIM_CHECK(me->alive && actor_self(rt) == me->id, "actor %u handles a message after its end", me->uid);
    SIM_CHECK(!me->held || msg->type == MSG_WAKE, "actor %u is held and gets a message", me->uid);
    if (is_foreign(msg)) return true;
    switch (msg->type) {
    case T_BEGIN: begin(rt, me); return true;
    case MSG_TIMER:
        if (me->keeper && !sim.still) sim_names_churn(rt, me);
        if (me->keeper) return true;
        return sim.still ? (answer_kept(rt, me, true), true) : do_something(rt, me);
    case T_LETTER: sim_got(me, msg); return true;
    case T_CALL: handle_call(rt, me, msg); return true;
    case T_ANSWER: handle_answer(me, msg); return true;
    case MSG_CALL_FAILED: handle_call_failed(me, msg); return true;
    case MSG_DOWN: handle_down(me, msg); return true;
    case MSG_EXIT: handle_exit(me, msg); return true;
    case MSG_NAME_CONFLICT: sim_name_lost(me, msg); return true;
    case MSG_NODE_UP: handle_node(me, msg, true); return true;
    case MSG_NODE_DOWN: handle_node(me, msg, false); return true;
    case MSG_NODE_REPLY: handle_reply(me, msg); return true;
    case MSG_CHILD_EXIT: return true;
    case MSG_WAKE: handle_wake(rt, me); return true;
    case T_HOLD: hold(rt, me); return true;
    case T_FLOOD: flood(rt, me); return true;
    case T_GREET: greet(rt, me); return true;
    default:
        sim_fail("actor %u gets a message of type %x from %llx", me->uid, msg->type, (unsigned long long)msg->source);
    }
}

/* ---- their lives -------------------------------------------------------------------------------------------------------------------- */

static void ended(void *state) {
    sim_actor_t *me = state;
    runtime_t   *rt = sim.node[me->node].rt;
    SIM_CHECK(me->may_end || !me->traps || sim.plan.role == NODE_ROLE_OPERATOR || sim.node[me->node].ending,
              "actor %u of n%u was ended by another node, which has no role for that", me->uid, me->node + 1);
    me->alive = false;
    me->ended_us = sim_now_us();
    for (unsigned i = 0; i < SIM_NAMES; i++)
        if (me->name[i]) sim_name_given(me, i);
    for (unsigned i = 0; i < 4; i++) message_release(rt, me->kept[i]);
    sim_note(me->uid);
    sim_say("actor %u of n%u ends", me->uid, me->node + 1);
}

static sim_actor_t *spawn(unsigned node, bool keeper) {
    if (actors_n + (keeper ? 1 : KEEPERS_MAX) >= SIM_ACTORS_MAX) return NULL;
    runtime_t      *rt = sim.node[node].rt;
    sim_actor_t    *me = sim_alloc(sizeof *me);
    actor_options_t options = {.behavior = behave, .state = me, .free_state = ended, .orphan = true};
    if (keeper) options.mailbox_size = 4096;
    else if (sim_chance(300)) options.mailbox_size = 4;
    *me =
        (sim_actor_t){.node = node, .life = sim.node[node].life, .keeper = keeper, .traps = keeper || sim_chance(800)};
    me->born_us = sim_now_us();
    mk_err_t err = actor_spawn_opts(rt, &options, &me->id);
    SIM_CHECK(err == MK_OK || sim.memory_failed_us != 0, "n%u cannot spawn: %s", node + 1, mk_err_text(err));
    if (err != MK_OK) return NULL;
    SIM_CHECK(sim_actor_of(me->id) == NULL, "the id %llx is given again", (unsigned long long)me->id);
    me->uid = ++actors_n;
    me->alive = true;
    actor[me->uid] = me;
    sim_say("actor %u of n%u is %llx", me->uid, node + 1, (unsigned long long)me->id);
    if (!actor_send(rt, me->id, T_BEGIN, NULL, 0)) {
        me->may_end = true;
        actor_stop(rt, me->id);
    }
    return me;
}

bool sim_spawn_worker(unsigned node) { return spawn(node, false) != NULL; }

static mk_err_t hands_spawn(void *arg, runtime_t *rt, const char *module, const char *as, actor_id_t *out, char *why,
                            size_t why_size) {
    (void)rt, (void)as, (void)why, (void)why_size;
    SIM_CHECK(strcmp(module, "worker") == 0, "a request names the module %s", module);
    const sim_actor_t *made = spawn((unsigned)((sim_node_t *)arg - sim.node), false);
    if (made == NULL) return MK_ERR_LIMIT;
    *out = made->id;
    return MK_OK;
}

bool sim_spawn_keeper(unsigned node) {
    node_hands_t hands = {.spawn = hands_spawn, .arg = &sim.node[node]};
    node_set_hands(sim.node[node].rt, &hands);
    const sim_actor_t *made = spawn(node, true);
    if (made != NULL) sim.node[node].keeper = made->uid;
    return made != NULL;
}

/* ---- what the script of faults tells them to do --------------------------------------------------------------------------------------- */

static void tell_one(msg_type_t type) {
    const sim_actor_t *who = actor[1 + sim_below(actors_n)];
    if (!who->alive || who->keeper || !sim_is_up(who->node)) return;
    sim_enter(who->node);
    (void)actor_send(sim.node[who->node].rt, who->id, type, NULL, 0);
}

void sim_hold_somebody(void) { tell_one(T_HOLD); }

void sim_flood(void) { tell_one(T_FLOOD); }

void sim_keepers_greet(void) {
    greetings = 0;
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        sim_enter(i);
        SIM_CHECK(actor_send(sim.node[i].rt, sim_actor(sim.node[i].keeper)->id, T_GREET, NULL, 0),
                  "n%u: its keeper is deaf", i + 1);
    }
}

unsigned sim_greetings_open(void) { return greetings; }
