/* SPDX-License-Identifier: Apache-2.0 */
/* reload_storm_test.c -- reloads with good and bad modules, numbered messages, kills and time in an order made from a seed. Everything a
 * guest below a supervisor answers, and what it is told of each reload, comes to the probe in one order; a model follows it and says for
 * each answer which instance has to give it, to which number, and what it must have found saved.
 *
 * MK_STORM_SEEDS=n runs as many seeds, MK_STORM_SEED=n that one. */
#include "wasm/reloading.h"

#include "rig/random.h"

enum { NUMBER = 10, SEEDS = 300, STEPS = 60, WISHES = 4, NOTHING = -1 };

static const uint32_t tags[] = {1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18};

/* An instance as the model knows it: how many numbers it has had. */
typedef struct life {
    uint32_t tag, had;
} life_t;

typedef struct wish {
    uint64_t ref;
    uint32_t tag;
} wish_t;

static struct model {
    life_t       now, old; /* old: while now is on trial */
    int64_t      state, old_state;
    bool         trial;
    uint64_t     trial_ref; /* of now, once it has answered */
    wish_t       wishes[WISHES];
    unsigned     wishes_n;
    uint64_t     given;
    uint32_t     base; /* what a supervisor starts */
    uint32_t     sent, answered;
    bool         again;             /* the last number may be answered once more              */
    int64_t      unanswered[STEPS]; /* may be saved instead of `state`: by those that were killed */
    unsigned     unanswered_n;
    bool         killed;
    unsigned     kept, undone;
    void        *factory;
    actor_id_t   supervisor;
    rig_random_t random;
} m;

static uint32_t below(uint32_t n) { return rig_random_below(&m.random, n); }

/* ---- the model ----------------------------------------------------------------------------------------------------------------- */

static void wish_gone(unsigned i) { memmove(&m.wishes[i], &m.wishes[i + 1], (--m.wishes_n - i) * sizeof m.wishes[0]); }

/* The first answer of an instance that came by a reload. */
static void begin_trial(uint32_t tag) {
    CHECK(m.wishes_n > 0 && m.trial_ref == 0);
    CHECK_EQ(m.wishes[0].tag, tag);
    if (!m.trial) {
        m.old = m.now;
        m.old_state = m.state;
    }
    m.trial = true;
    m.trial_ref = m.wishes[0].ref;
    m.now = (life_t){.tag = tag};
}

static void on_answer(const heard_t *h) {
    uint32_t tag = heard_u32(h, 0), had = heard_u32(h, 1), n = heard_u32(h, 2);
    int64_t  before = heard_u32(h, 3) == 0xFFFFFFFFu ? NOTHING : (int64_t)heard_u32(h, 3);
    for (unsigned i = 0; i < m.unanswered_n; i++)
        if (before == m.unanswered[i]) m.state = before;
    if (had == 1 && tag != m.now.tag) begin_trial(tag);
    CHECK_EQ(tag, m.now.tag);
    CHECK_EQ(had, ++m.now.had);
    CHECK(n == m.answered + 1 || (m.again && n == m.answered));
    CHECK_EQ(before, m.state);
    m.again = false;
    m.unanswered_n = 0;
    m.answered = n;
    m.state = n;
}

static void on_undone(const wish_t *wish) {
    m.again = m.trial_ref == wish->ref && (wish->tag == 13 || wish->tag == 17); /* those fail when they have answered */
    if (m.trial) {
        m.now = m.old;
        m.state = m.old_state;
    }
    m.trial = false;
    m.trial_ref = 0;
    m.undone++;
}

/* It may have been its time that counted, and no message. */
static void on_kept(const wish_t *wish) {
    if (m.trial_ref != wish->ref) m.now = (life_t){.tag = wish->tag};
    m.base = wish->tag;
    m.trial = false;
    m.trial_ref = 0;
    m.kept++;
}

static void on_outcome(const heard_t *h) {
    wasm_reloaded_payload_t end;
    unsigned                i = 0;
    memcpy(&end, h->bytes, sizeof end);
    while (i < m.wishes_n && m.wishes[i].ref != end.ref) i++;
    CHECK(i < m.wishes_n); /* each is told once, and only those that were taken */
    wish_t wish = m.wishes[i];
    if (end.outcome == WASM_RELOAD_UNDONE) {
        CHECK(wish.tag > 10);
        on_undone(&wish);
    } else if (end.outcome == WASM_RELOAD_KEPT) {
        on_kept(&wish);
    } else if (end.outcome == WASM_RELOAD_OVERTAKEN) {
        CHECK(m.wishes_n > i + 1);
        if (m.trial_ref == wish.ref) m.trial_ref = 0;
    } else {
        CHECK_EQ(end.outcome, WASM_RELOAD_ENDED);
        CHECK(m.killed);
    }
    wish_gone(i);
}

static void follow(void) {
    for (size_t i = 0; i < w.count; i++) {
        if (w.heard[i].type == RESULT) on_answer(&w.heard[i]);
        if (w.heard[i].type == MSG_WASM_RELOADED) on_outcome(&w.heard[i]);
    }
    CHECK(w.count < WORLD_KEPT);
    w.count = 0;
}

/* ---- what happens ------------------------------------------------------------------------------------------------------------------- */

static void run(unsigned turns) {
    for (unsigned i = 0; i < turns; i++) {
        (void)runtime_wait(w.rt, 0);
        follow();
    }
}

static void settle(void) {
    for (unsigned i = 0; i < 20000 && m.answered < m.sent; i++) {
        if (i % 16 == 15) mk_fake_advance_us(100);
        run(1);
    }
    CHECK_EQ(m.answered, m.sent);
    run(20);
}

static void send_now(world_t *world, void *arg) {
    for (unsigned i = *(unsigned *)arg; i > 0; i--) {
        uint32_t n = ++m.sent;
        uint8_t  bytes[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
        CHECK(actor_send(world->rt, guest, NUMBER, bytes, sizeof bytes));
    }
}

static bool is_known(uint32_t tag) {
    if (tag == m.base || tag == m.now.tag || tag == m.old.tag) return true;
    for (unsigned i = 0; i < m.wishes_n; i++)
        if (m.wishes[i].tag == tag) return true;
    return false;
}

static void reload_some(world_t *world, void *arg) {
    char     name[32], err[128];
    size_t   size;
    uint32_t tag = 0;
    (void)arg;
    while (tag == 0 || is_known(tag)) tag = tags[below(sizeof tags / sizeof tags[0])];
    wasm_reload_options_t options = {.probation_messages = 1 + below(6), .patient = true, .ref = ++m.given};
    if (tag > 10) { /* what is wrong with it shows before it has proved itself */
        options.probation_messages = 1000;
        options.probation_ms = 1000 * 1000 * 1000;
    }
    snprintf(name, sizeof name, "storm_%u", (unsigned)tag);
    uint8_t *bytes = read_guest(name, &size);
    CHECK(m.wishes_n < WISHES);
    reload_result_t result = actor_reload_wasm_opts(world->rt, guest, bytes, size, &options, err, sizeof err);
    free(bytes);
    CHECK_EQ(result, RELOAD_OK);
    m.wishes[m.wishes_n++] = (wish_t){options.ref, tag};
}

static void kill(void) {
    follow();
    actor_id_t before = guest;
    m.killed = true;
    actor_stop(w.rt, guest);
    for (int i = 0; i < 100 && (guest == before || guest == ACTOR_ID_INVALID); i++) {
        (void)runtime_wait(w.rt, 0);
        guest = supervisor_get_child(w.rt, m.supervisor, 0);
    }
    CHECK(guest != before && guest != ACTOR_ID_INVALID);
    follow();
    CHECK_EQ(m.wishes_n, 0);
    if (m.trial) m.state = m.old_state;
    else
        m.unanswered[m.unanswered_n++] =
            m.again ? m.answered : m.answered + 1; /* and what was in its mailbox is gone */
    m.now = m.old = (life_t){.tag = m.base};
    m.trial = m.again = m.killed = false;
    m.trial_ref = 0;
    m.answered = m.sent;
}

static void step(void) {
    unsigned n = 1 + below(8);
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        if (m.sent - m.answered < 20) world_do(&w, send_now, &n);
        break;
    case 3:
    case 4:
    case 5:
        follow();
        world_do(&w, reload_some, NULL);
        break;
    case 6:
        if (below(4) == 0) kill();
        break;
    case 7: mk_fake_advance_us(n * 1000 * 1000); break;
    case 8: CHECK(actor_send(w.rt, guest, RECEIVE, NULL, 0)); break;
    case 9: settle(); break;
    default: run(n * n);
    }
    follow();
}

/* ---- a storm --------------------------------------------------------------------------------------------------------------------------- */

static void supervise_now(world_t *world, void *arg) {
    child_spec_t spec = {.name = "it",
                         .behavior = wasm_actor_behavior,
                         .factory = wasm_actor_factory,
                         .factory_arg = m.factory,
                         .free_state = wasm_actor_free,
                         .restart_type = RESTART_PERMANENT,
                         .trap_exits = true,
                         .wake = true};
    (void)arg;
    m.supervisor = supervisor_start(world->rt, STRATEGY_ONE_FOR_ONE, 1000, 1, &spec, 1);
    CHECK(m.supervisor != ACTOR_ID_INVALID);
}

static void storm(uint64_t seed) {
    wasm_options_t options = {.grants = WASM_GRANT_STATE | WASM_GRANT_WASI, .memory_pages_max = 4};
    size_t         size;
    uint8_t       *bytes = read_guest("storm_1", &size);
    m = (struct model){.now = {.tag = 1}, .base = 1, .state = NOTHING};
    m.random.state = seed * 0x9e3779b97f4a7c15u;
    mk_fake_disk_reset();
    world_open(&w);
    CHECK(state_persist_init(w.rt, "disk"));
    CHECK_EQ(wasm_factory_arg_create_opts(bytes, size, &options, &m.factory, w.err, sizeof w.err), MK_OK);
    free(bytes);
    world_do(&w, supervise_now, NULL);
    guest = supervisor_get_child(w.rt, m.supervisor, 0);
    for (int i = 0; i < STEPS; i++) step();
    unsigned five = 5;
    for (int i = 0; i < 4 && m.wishes_n > 0; i++) { /* the last ones are decided by numbers, or their time */
        settle();
        world_do(&w, send_now, &five);
        settle();
        mk_fake_advance_us(6 * 1000 * 1000);
        run(50);
    }
    CHECK_EQ(m.wishes_n, 0);
    wasm_actor_info_t info = world_info(&w, guest);
    CHECK(!info.probation && !info.coming);
    world_do(&w, send_now, &five);
    settle();
    world_close(&w);
    wasm_factory_arg_destroy(m.factory);
    CHECK_EQ(mk_code_count(), 0);
}

static uint64_t seed_now; /* 0: all went well */

static void say_seed(void) {
    if (seed_now != 0) printf("  MK_STORM_SEED=%llu\n", (unsigned long long)seed_now);
}

static uint64_t number_of(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

TEST(whatever_comes_in_whatever_order_no_number_is_lost_and_the_state_is_what_it_must_be) {
    uint64_t one = number_of("MK_STORM_SEED", 0), last = number_of("MK_STORM_SEEDS", SEEDS);
    unsigned kept = 0, undone = 0;
    CHECK_EQ(atexit(say_seed), 0);
    for (seed_now = one != 0 ? one : 1; seed_now <= (one != 0 ? one : last); seed_now++) {
        storm(seed_now);
        kept += m.kept;
        undone += m.undone;
    }
    seed_now = 0;
    if (one == 0) CHECK(kept > last && undone > last); /* it was one */
}
