/* SPDX-License-Identifier: Apache-2.0 */
/* reload_memory_test.c -- a reload while memory is short: the guest lives on, with the old module or the new one, whichever single
 * allocation fails, and whichever fails from some point on. */
#include "rig/oom.h"
#include "wasm/reloading.h"

enum { ASKED = 4, NTH_MAX = 5000 };

typedef struct scarcity {
    const char     *module;
    bool            waiting; /* the guest is in mk_recv */
    unsigned        nth;
    reload_result_t result;
} scarcity_t;

/* What is to be handled is under way before memory is short. */
static void reload_scarce(world_t *world, void *arg) {
    scarcity_t *s = arg;
    size_t      size;
    uint8_t    *bytes = read_guest(s->module, &size);
    for (int i = 0; i < ASKED; i++) CHECK(actor_send(world->rt, guest, ASK, NULL, 0));
    oom_arm(s->nth);
    s->result = actor_reload_wasm_opts(world->rt, guest, bytes, size, NULL, why, sizeof why);
    free(bytes);
}

/* What it has said up to now; an answer there was no memory for is missing. */
static unsigned answers(void) {
    unsigned n = 0;
    for (size_t i = 0; i < w.count; i++) n += w.heard[i].type == RESULT;
    w.count = 0;
    return n;
}

static void check_state(uint32_t version) {
    char        text[64];
    const char *said = ask();
    unsigned    at, asked;
    int         kept;
    snprintf(text, sizeof text, "%s", said);
    CHECK_EQ(sscanf(text, "%u/%u/%d", &at, &asked, &kept), 3);
    if (version != 0) CHECK_EQ(at, version);
    CHECK(at == 1 || at == 2 || at == 3);
    /* What there was no memory to save or to put back is logged; 999: the new one was told that it cannot load. */
    CHECK(kept == 5 || kept == 1005 || (kept == 999 && at != 1));
}

/* False: there was no such allocation. */
static bool survives(scarcity_t *s) {
    begin();
    keep(5);
    if (s->waiting) CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    check_state(1);
    world_do(&w, reload_scarce, s);
    for (int i = 0; i < 20; i++) (void)runtime_wait(w.rt, 0);
    bool reached = oom_disarm();
    CHECK(actor_is_alive(w.rt, guest));
    CHECK_EQ(actor_lookup(w.rt, "it"), guest);
    CHECK(answers() + 1 >= ASKED);
    wasm_actor_info_t info = world_info(&w, guest);
    check_state(s->result != RELOAD_OK || info.undone > 0 ? 1 : 0);
    for (int i = 0; i < 12; i++) (void)ask();
    info = world_info(&w, guest);
    CHECK(!info.probation);
    CHECK_EQ(info.reloads + info.undone, s->result == RELOAD_OK);
    CHECK_EQ(mk_code_count(), 1);
    if (s->result != RELOAD_OK) CHECK(why[0] != '\0');
    end();
    return reached;
}

static void check_each(const char *module, bool waiting) {
    unsigned nth = 1;
    for (scarcity_t s = {module, waiting, nth, RELOAD_OK}; survives(&s); s.nth = ++nth) CHECK(nth < NTH_MAX);
    CHECK(nth > 10); /* it was tested, and not only passed by */
}

TEST(every_allocation_of_a_reload_that_succeeds_may_fail) { check_each("versions_2", false); }

TEST(every_allocation_of_a_reload_that_migrates_may_fail) { check_each("versions_2_migrates", false); }

TEST(every_allocation_of_a_reload_inside_of_a_wait_may_fail) { check_each("versions_2", true); }

TEST(every_allocation_of_a_reload_that_is_undone_may_fail) { check_each("versions_3_traps", false); }

TEST(every_allocation_of_a_reload_that_is_undone_back_into_a_wait_may_fail) { check_each("versions_3_traps", true); }

TEST(every_allocation_of_a_reload_that_does_not_start_or_migrates_badly_may_fail) {
    check_each("versions_3_does_not_start", true);
    check_each("versions_3_migrates_badly", false);
}

TEST(a_refusal_for_want_of_grants_is_never_missed_for_want_of_memory) {
    scarcity_t s = {.module = "versions_3_greedy"};
    bool       reached = true;
    for (s.nth = 1; reached; s.nth++) {
        begin();
        world_do(&w, reload_scarce, &s);
        reached = oom_disarm();
        CHECK(s.result == RELOAD_ERR_MODULE_LOAD || s.result == RELOAD_ERR_INSTANCE);
        CHECK(why[0] != '\0');
        end();
    }
}
