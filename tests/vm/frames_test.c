/* SPDX-License-Identifier: Apache-2.0 */
/* frames_test.c -- calls that find no room for one more frame, wherever that may be: in a function of the same instance or of
 * another, called plainly, by way of a table, or as the last thing. Each has to end as a trap whose backtrace ends, and the
 * instances have to be as good as before. */
#include "base/mem.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "vm/decode.h"
#include "vm/frames_guest.h"
#include "vm/link.h"

/* Functions of the near module. */
enum { SUM = 3, TAIL, TAIL_INDIRECT, TAIL_FAR, TAIL_FAR_INDIRECT, BOUNCE, FUNCTIONS };
enum { N = 20, FUEL = 1000000, SLOTS_LEAST = 60, SLOTS_ENOUGH = 300, DEPTH_ENOUGH = 100, PLACES_MAX = 100 };

static mk_vm_store_t     store;
static mk_vm_program_t  *far_program, *near_program;
static mk_vm_instance_t *far_one, *near_one;
static mk_vm_links_t     links;
static char              err[MK_VM_ERR_BYTES];

static bool resolve(void *arg, mk_vm_name_t module, mk_vm_name_t name, mk_vm_offer_t *out) {
    (void)arg, (void)module;
    out->instance = far_one;
    out->export = mk_vm_find_export(&far_program->module, name);
    return true;
}

static void begin(uint32_t stack_slots, uint32_t depth) {
    mk_vm_instance_limits_t limits = {.stack_slots = stack_slots, .depth = depth};
    mk_vm_store_init(&store);
    CHECK_EQ(mk_vm_program_create(frames_far, sizeof frames_far, NULL, &far_program, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_program_create(frames_near, sizeof frames_near, NULL, &near_program, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_instance_create(far_program, NULL, &limits, NULL, &store, NULL, &far_one, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_link(&near_program->module, resolve, NULL, &links, err, sizeof err), MK_OK);
    CHECK_EQ(
        mk_vm_instance_create(near_program, &links.imports, &limits, NULL, &store, NULL, &near_one, err, sizeof err),
        MK_OK);
    CHECK_EQ(mk_vm_instance_fill(near_one), MK_VM_TRAP_NONE);
}

static void end(void) {
    mk_vm_store_fini(&store);
    mk_vm_links_fini(&links);
    mk_vm_program_destroy(near_program);
    mk_vm_program_destroy(far_program);
}

/* It tells of frames that are there, and of no more than can be. */
static void check_backtrace(void) {
    mk_vm_frame_place_t place;
    uint32_t            count = 0;
    char                text[200];
    while (count < PLACES_MAX && mk_vm_backtrace(near_one, count, &place)) count++;
    CHECK(count < PLACES_MAX);
    mk_vm_trap_text(near_one, text, sizeof text);
    CHECK(strchr(text, ':') != NULL || strncmp(text, "out of memory", 13) == 0);
}

static uint64_t expected(uint32_t function) { return function == SUM || function == BOUNCE ? N : 7; }

static mk_vm_end_t call(uint32_t function, int32_t fuel) {
    uint64_t    value = N;
    mk_vm_end_t ended = mk_vm_call(near_one, function, &value, &value, fuel);
    while (ended == MK_VM_OUT_OF_FUEL) ended = mk_vm_resume(near_one, &value, fuel);
    if (ended == MK_VM_DONE) CHECK_EQ(value, expected(function));
    else check_backtrace();
    return ended;
}

TEST(there_is_room_enough) {
    begin(SLOTS_ENOUGH, DEPTH_ENOUGH);
    for (uint32_t function = SUM; function < FUNCTIONS; function++) CHECK_EQ(call(function, FUEL), MK_VM_DONE);
    end();
}

TEST(too_few_slots_are_a_trap) {
    unsigned trapped = 0;
    for (uint32_t slots = SLOTS_LEAST; slots < SLOTS_ENOUGH; slots++) {
        begin(slots, DEPTH_ENOUGH);
        for (uint32_t function = SUM; function < FUNCTIONS; function++) {
            for (int32_t fuel = 1; fuel <= FUEL; fuel += FUEL - 1) {
                if (call(function, fuel) == MK_VM_DONE) continue;
                CHECK_EQ(mk_vm_trap(near_one), MK_VM_TRAP_STACK_SLOTS);
                trapped++;
            }
        }
        end();
    }
    CHECK(trapped > 100);
}

TEST(too_many_calls_are_a_trap) {
    unsigned trapped = 0;
    for (uint32_t depth = 1; depth < DEPTH_ENOUGH; depth++) {
        begin(SLOTS_ENOUGH, depth);
        for (uint32_t function = SUM; function < FUNCTIONS; function++) {
            if (call(function, FUEL) == MK_VM_DONE) continue;
            CHECK_EQ(mk_vm_trap(near_one), MK_VM_TRAP_STACK_DEPTH);
            trapped++;
        }
        end();
    }
    CHECK(trapped > 30);
}

TEST(a_failed_allocation_is_a_trap) {
    for (uint32_t function = SUM; function < FUNCTIONS; function++) {
        unsigned failed = 0;
        for (unsigned n = 1; oom_arm(0); n++) {
            begin(SLOTS_ENOUGH, DEPTH_ENOUGH);
            oom_arm(n);
            uint64_t    value = N;
            mk_vm_end_t ended = mk_vm_call(near_one, function, &value, &value, FUEL);
            if (!oom_disarm()) {
                end();
                break;
            }
            if (ended == MK_VM_TRAPPED) {
                CHECK_EQ(mk_vm_trap(near_one), MK_VM_TRAP_OUT_OF_MEMORY);
                check_backtrace();
                failed++;
            } else {
                CHECK_EQ(value, expected(function));
            }
            CHECK_EQ(call(function, FUEL), MK_VM_DONE);
            end();
        }
        CHECK(failed > 0);
    }
}
