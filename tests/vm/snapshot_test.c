/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_test.c -- a guest that is moved while it runs computes what it computes when it stays; and nothing that is
 * written on a snapshot lets a guest out of its bounds. */
#include "vm/snapshot.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "vm/decode.h"
#include "vm/snapshot_guest.h"

#include <stdlib.h>

enum { HEADER_BYTES = 5 + 1 + 32, SEAL_BYTES = 32, FUEL = 1000000 };

static char             err[MK_VM_ERR_BYTES];
static mk_vm_program_t *program;

static mk_vm_program_t *load(const uint8_t *bytes, size_t size) {
    mk_vm_program_t *out = NULL;
    if (mk_vm_program_create(bytes, size, NULL, &out, err, sizeof err) != MK_OK)
        rig_fail(__FILE__, __LINE__, "%s", err);
    return out;
}

static mk_vm_instance_t *start_with(const mk_vm_imports_t *imports, const mk_vm_instance_limits_t *limits) {
    mk_vm_instance_t *out = NULL;
    if (program == NULL) program = load(snapshot_guest, sizeof snapshot_guest);
    CHECK_EQ(mk_vm_instance_create(program, imports, limits, NULL, NULL, NULL, &out, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_instance_fill(out), MK_VM_TRAP_NONE);
    return out;
}

static mk_vm_instance_t *start(void) { return start_with(&snapshot_guest_imports, NULL); }

static void end(mk_vm_instance_t *instance) {
    mk_vm_instance_destroy(instance);
    mk_vm_program_destroy(program);
    program = NULL;
}

static uint32_t function(const char *name) {
    const mk_vm_export_t *found = mk_vm_find_export(&program->module, (mk_vm_name_t){name, (uint32_t)strlen(name)});
    CHECK(found != NULL && found->kind == MK_VM_KIND_FUNCTION);
    return found->index;
}

static mk_vm_end_t call(mk_vm_instance_t *instance, const char *name, uint64_t arg, uint64_t *result, int32_t fuel) {
    return mk_vm_call(instance, function(name), &arg, result, fuel);
}

/* --- snapshots in memory ------------------------------------------------------------------------------------------------ */

typedef struct image {
    uint8_t at[1 << 18];
    size_t  size;
} image_t;

static mk_err_t append(void *arg, const void *bytes, size_t size) {
    image_t *image = arg;
    if (size > sizeof image->at - image->size) return MK_ERR_FULL;
    memcpy(image->at + image->size, bytes, size);
    image->size += size;
    return MK_OK;
}

static image_t image, other;

static mk_err_t save(mk_vm_instance_t *instance, image_t *out) {
    out->size = 0;
    return mk_vm_snapshot_save(instance, append, out, err, sizeof err);
}

static void saved(mk_vm_instance_t *instance, image_t *out) {
    if (save(instance, out) != MK_OK) rig_fail(__FILE__, __LINE__, "%s", err);
    CHECK_STR(err, "");
}

static mk_err_t restore_within(const image_t *from, const mk_vm_instance_limits_t *limits, mk_vm_instance_t **out) {
    return mk_vm_snapshot_restore(program, from->at, from->size, &snapshot_guest_imports, limits, NULL, NULL, out, err,
                                  sizeof err);
}

static mk_vm_instance_t *restored(const image_t *from) {
    mk_vm_instance_t *out = NULL;
    if (restore_within(from, NULL, &out) != MK_OK) rig_fail(__FILE__, __LINE__, "%s", err);
    CHECK_STR(err, "");
    return out;
}

/* It goes on in a new instance, which is as the old one down to the last byte. */
static mk_vm_instance_t *move(mk_vm_instance_t *instance) {
    saved(instance, &image);
    mk_vm_instance_destroy(instance);
    mk_vm_instance_t *next = restored(&image);
    saved(next, &other);
    CHECK_EQ(other.size, image.size);
    CHECK(memcmp(other.at, image.at, image.size) == 0);
    return next;
}

static void seal(image_t *i) { mk_sha256(i->at, i->size - SEAL_BYTES, i->at + i->size - SEAL_BYTES); }

/* --- moving ------------------------------------------------------------------------------------------------------------- */

/* What the host answers to wait(): made of all the guest asked with. */
static uint64_t answer(const mk_vm_instance_t *instance) {
    uint32_t        import = 99;
    const uint64_t *args = mk_vm_pending_import(instance, &import);
    CHECK(args != NULL);
    CHECK_EQ(import, 0);
    return args[0] * 3 + args[1] * 5 + args[2] * 7 + args[3] * 11;
}

typedef struct outcome {
    uint64_t result, stops;
    image_t  state; /* when it was over */
} outcome_t;

static void run(const char *name, uint64_t arg, int32_t fuel, bool moves, outcome_t *out) {
    mk_vm_instance_t *instance = start();
    mk_vm_end_t       ended = call(instance, name, arg, &out->result, fuel);
    for (out->stops = 0; ended == MK_VM_BLOCKED || ended == MK_VM_OUT_OF_FUEL; out->stops++) {
        if (moves) instance = move(instance);
        CHECK_EQ(mk_vm_pending_call(instance), function(name));
        if (ended == MK_VM_BLOCKED) {
            uint64_t value = answer(instance);
            ended = mk_vm_resume_with(instance, &value, &out->result, fuel);
        } else {
            ended = mk_vm_resume(instance, &out->result, fuel);
        }
    }
    CHECK_EQ(ended, MK_VM_DONE);
    saved(instance, &out->state);
    end(instance);
}

static outcome_t stays, moves;

static void compare(const char *name, uint64_t arg) {
    run(name, arg, FUEL, false, &stays);
    for (int32_t fuel = 1; fuel <= FUEL; fuel *= 10) {
        run(name, arg, fuel, true, &moves);
        CHECK_EQ(moves.result, stays.result);
        CHECK_EQ(moves.state.size, stays.state.size);
        CHECK(memcmp(moves.state.at, stays.state.at, stays.state.size) == 0);
    }
}

TEST(a_guest_that_waits_three_calls_deep_goes_on_elsewhere) {
    compare("deep", 7);
    CHECK_EQ(stays.stops, 1);
}

TEST(a_guest_can_be_moved_wherever_it_stands_still) {
    compare("work", 7);
    run("work", 7, 1, true, &moves);
    CHECK(moves.stops > 100);
    CHECK_EQ(moves.result, stays.result);
}

TEST(a_guest_is_moved_between_the_pieces_of_a_bulk_operation) {
    compare("bulk", 1000);
    CHECK_EQ(stays.result, 1000 + 0x0505050505050505);
    run("bulk", 1000, 1, true, &moves);
    CHECK(moves.stops > 7);
}

TEST(a_call_that_was_replaced_by_another_is_one_frame) { compare("tail", 5); }

TEST(a_recursion_of_a_thousand_frames_is_moved) { compare("recurse", 1000); }

TEST(an_import_that_the_host_called_itself_is_moved) {
    mk_vm_instance_t *instance = start();
    uint64_t          args[4] = {1, 2, 3, 4}, result = 0;
    CHECK_EQ(mk_vm_call(instance, 0, args, &result, FUEL), MK_VM_BLOCKED);
    instance = move(instance);
    uint64_t value = answer(instance);
    CHECK_EQ(mk_vm_resume_with(instance, &value, &result, FUEL), MK_VM_DONE);
    CHECK_EQ(result, 3 + 10 + 21 + 44);
    end(instance);
}

TEST(an_idle_guest_is_moved_and_called) {
    mk_vm_instance_t *instance = start();
    uint64_t          result = 0;
    instance = move(instance);
    CHECK(memcmp(mk_vm_memory(instance)->base + 100, "begin", 5) == 0);
    CHECK_EQ(call(instance, "number", 0, &result, FUEL), MK_VM_DONE);
    CHECK_EQ(result, 1234);
    uint32_t import;
    CHECK(mk_vm_pending_import(instance, &import) == NULL);
    CHECK_EQ(mk_vm_pending_call(instance), MK_VM_NONE);
    end(instance);
}

TEST(saving_leaves_a_guest_alone) {
    mk_vm_instance_t *instance = start();
    uint64_t          result = 0;
    CHECK_EQ(call(instance, "deep", 7, &result, FUEL), MK_VM_BLOCKED);
    saved(instance, &image);
    uint64_t value = answer(instance);
    CHECK_EQ(mk_vm_resume_with(instance, &value, &result, FUEL), MK_VM_DONE);
    end(instance);
    run("deep", 7, FUEL, false, &stays);
    CHECK_EQ(result, stays.result);
}

/* Both go on from the same place, and neither hears of the other. */
TEST(one_snapshot_makes_many_guests) {
    mk_vm_instance_t *instance = start();
    uint64_t          first = 0, second = 0, value = 5;
    CHECK_EQ(call(instance, "deep", 7, &first, FUEL), MK_VM_BLOCKED);
    saved(instance, &image);
    mk_vm_instance_t *twin = restored(&image);
    CHECK_EQ(mk_vm_resume_with(instance, &value, &first, FUEL), MK_VM_DONE);
    CHECK_EQ(mk_vm_resume_with(twin, &value, &second, FUEL), MK_VM_DONE);
    CHECK_EQ(first, second);
    mk_vm_instance_destroy(twin);
    end(instance);
}

TEST(a_snapshot_holds_what_was_touched) {
    mk_vm_instance_t    *instance = start();
    mk_vm_memory_inst_t *memory = mk_vm_memory(instance);
    saved(instance, &image);
    CHECK(image.size < 500);
    memory->base[0] = 1;
    memory->base[memory->bytes - 1] = 2;
    memset(memory->base + 4096, 3, 4096);
    instance = move(instance);
    CHECK(image.size < 500 + 4096 + 3 * 64);
    memory = mk_vm_memory(instance);
    CHECK_EQ(memory->base[0], 1);
    CHECK_EQ(memory->base[memory->bytes - 1], 2);
    CHECK_EQ(memory->base[4095], 0);
    CHECK_EQ(memory->base[8191], 3);
    CHECK_EQ(memory->base[8192], 0);
    end(instance);
}

TEST(memory_that_is_the_hosts_goes_along) {
    mk_vm_instance_limits_t hides = {.hidden_bytes = 4096};
    mk_vm_instance_t       *instance = start_with(&snapshot_guest_imports, &hides), *next = NULL;
    mk_vm_memory_inst_t    *memory = mk_vm_memory(instance);
    memory->base[memory->bytes - 1] = 77;
    saved(instance, &image);
    CHECK_EQ(restore_within(&image, NULL, &next), MK_ERR_FORMAT);
    CHECK(strstr(err, "4096 bytes of memory for the host, not 0") == err);
    CHECK_EQ(restore_within(&image, &hides, &next), MK_OK);
    CHECK_EQ(mk_vm_memory(next)->bytes, 65536 + 4096);
    CHECK_EQ(mk_vm_memory(next)->base[65536 + 4095], 77);
    CHECK_EQ(mk_vm_memory_size(mk_vm_memory(next)), 1);
    CHECK(mk_vm_memory_grow(mk_vm_memory(instance), 1) != MK_VM_NONE);
    saved(instance, &image);
    mk_vm_instance_t *grown = NULL;
    CHECK_EQ(restore_within(&image, &hides, &grown), MK_OK);
    CHECK_EQ(mk_vm_memory(grown)->bytes, mk_vm_memory(instance)->bytes);
    CHECK_EQ(mk_vm_memory_size(mk_vm_memory(grown)), mk_vm_memory_size(mk_vm_memory(instance)));
    CHECK_EQ(mk_vm_memory(grown)->base[65536 + 4095], 77);
    mk_vm_instance_destroy(grown);
    mk_vm_instance_destroy(next);
    end(instance);
}

/* --- the page ----------------------------------------------------------------------------------------------------------- */

/* Other builds and later ones read what this one writes. */
TEST(the_example_in_the_documentation_is_what_is_written) {
    /* clang-format off */
    static const uint8_t module[] = {
        0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0A, 0x02, 0x60, 0x01, 0x7F, 0x01, 0x7F, 0x60, 0x00,
        0x01, 0x7F, 0x02, 0x0C, 0x01, 0x03, 0x65, 0x6E, 0x76, 0x04, 0x77, 0x61, 0x69, 0x74, 0x00, 0x00, 0x03, 0x03,
        0x02, 0x00, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x06, 0x06, 0x01, 0x7F, 0x01, 0x41, 0x07, 0x0B, 0x07, 0x07,
        0x01, 0x03, 0x72, 0x75, 0x6E, 0x00, 0x02, 0x0A, 0x14, 0x02, 0x0B, 0x01, 0x01, 0x7E, 0x41, 0x28, 0x20, 0x00,
        0x10, 0x00, 0x6A, 0x0B, 0x06, 0x00, 0x41, 0x02, 0x10, 0x01, 0x0B, 0x0B, 0x09, 0x01, 0x00, 0x41, 0x80, 0x08,
        0x0B, 0x02, 0x68, 0x69,
    };
    static const uint8_t head[] = {0, 'm', 'k', 'v', 'm', 1, 0x26, 0xC9, 0x06, 0x69};
    static const uint8_t before[] = {0x1C, 0xD3, 1, 0, 0, 0x40, 0x80, 0x08, 'h', 'i'};
    static const uint8_t after[] = {0, 7, 0, 0, 0, 1, 2, 2, 3, 2, 1, 0x50, 0, 0, 1, 1, 0x48, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                    0, 1, 0x28, 0, 0, 0, 0, 2, 0, 1, 2, 0, 0, 0, 0, 0xAD, 0x38, 0x07, 0xD0};
    /* clang-format on */
    mk_vm_import_function_t wait = {.fn = snapshot_guest_wait};
    mk_vm_imports_t         imports = {.functions = &wait};
    uint64_t                result;
    program = load(module, sizeof module);
    mk_vm_instance_t *instance = start_with(&imports, NULL);
    CHECK_EQ(mk_vm_call(instance, 2, NULL, &result, FUEL), MK_VM_BLOCKED);
    saved(instance, &image);
    CHECK_EQ(image.size, 184);
    CHECK(memcmp(image.at, head, sizeof head) == 0);
    CHECK(memcmp(image.at + HEADER_BYTES - 2, before, sizeof before) == 0);
    CHECK(memcmp(image.at + HEADER_BYTES + 6 + 64, after, sizeof after) == 0);
    CHECK(image.at[182] == 0x28 && image.at[183] == 0xA6);
    end(instance);
}

/* --- what cannot be saved ----------------------------------------------------------------------------------------------- */

static void refused(mk_vm_instance_t *instance, mk_err_t want, const char *text) {
    CHECK_EQ(save(instance, &image), want);
    CHECK_STR(err, text);
}

TEST(references_of_the_host_cannot_be_saved) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    CHECK_EQ(call(instance, "hold", 0, &result, FUEL), MK_VM_BLOCKED);
    instance = move(instance);
    mk_vm_abandon(instance);
    CHECK_EQ(call(instance, "hold", 5, &result, FUEL), MK_VM_BLOCKED);
    refused(instance, MK_ERR_NOSYS, "local 0 refers to something of the host's");
    mk_vm_abandon(instance);
    saved(instance, &image);
    CHECK_EQ(call(instance, "keep", 5, &result, FUEL), MK_VM_DONE);
    refused(instance, MK_ERR_NOSYS, "global 6 refers to something of the host's");
    CHECK_EQ(call(instance, "keep", 0, &result, FUEL), MK_VM_DONE);
    CHECK_EQ(call(instance, "place", 5, &result, FUEL), MK_VM_DONE);
    refused(instance, MK_ERR_NOSYS, "table 1 refers to something of the host's");
    end(instance);
}

TEST(a_guest_that_trapped_cannot_be_saved) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    CHECK_EQ(call(instance, "trap", 0, &result, FUEL), MK_VM_TRAPPED);
    refused(instance, MK_ERR_INVALID, "the instance's last call trapped");
    CHECK_EQ(call(instance, "number", 0, &result, FUEL), MK_VM_DONE);
    saved(instance, &image);
    end(instance);
}

static mk_vm_host_end_t save_inside(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    (void)arg, (void)slots;
    CHECK_EQ(save(instance, &image), MK_ERR_BUSY);
    CHECK_STR(err, "the instance is running");
    return MK_VM_HOST_DONE;
}

TEST(an_import_cannot_save_its_caller) {
    mk_vm_import_function_t functions[3] = {{.fn = save_inside}, {.fn = save_inside}, {.fn = save_inside}};
    mk_vm_imports_t         imports = {.functions = functions, .globals = snapshot_guest_globals};
    mk_vm_instance_t       *instance = start_with(&imports, NULL);
    uint64_t                result;
    CHECK_EQ(call(instance, "deep", 7, &result, FUEL), MK_VM_DONE);
    end(instance);
}

TEST(what_others_own_cannot_be_saved) {
    static const uint8_t import_memory[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 2, 8, 1, 1, 'm', 1, 'm', 2, 0, 1};
    mk_vm_instance_t    *instance = start(), *other_instance = NULL, *next = NULL;
    mk_vm_program_t     *importer = load(import_memory, sizeof import_memory);
    mk_vm_imports_t      imports = {.memory = mk_vm_memory(instance)};
    CHECK_EQ(mk_vm_instance_create(importer, &imports, NULL, NULL, NULL, NULL, &other_instance, err, sizeof err),
             MK_OK);
    refused(other_instance, MK_ERR_NOSYS, "the module imports a memory");
    CHECK_EQ(mk_vm_snapshot_restore(importer, image.at, image.size, &imports, NULL, NULL, NULL, &next, err, sizeof err),
             MK_ERR_NOSYS);
    CHECK_STR(err, "the module imports a memory");
    mk_vm_instance_destroy(other_instance);
    mk_vm_program_destroy(importer);
    end(instance);
}

/* The two are of one module, so the other's function is of the type that is asked for. */
TEST(a_guest_that_calls_into_another_cannot_be_saved) {
    mk_vm_instance_t *one = start(), *pair[2] = {NULL, NULL};
    mk_vm_store_t     store;
    uint64_t          result;
    mk_vm_store_init(&store);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(mk_vm_instance_create(program, &snapshot_guest_imports, NULL, NULL, &store, NULL, &pair[i], err,
                                       sizeof err),
                 MK_OK);
        CHECK_EQ(mk_vm_instance_fill(pair[i]), MK_VM_TRAP_NONE);
    }
    mk_vm_table(pair[1], 0)->entries[1] = mk_vm_function_ref(pair[0], 5); /* $waits */
    refused(pair[1], MK_ERR_NOSYS, "table 0 refers to a function of another instance");
    CHECK_EQ(call(pair[1], "work", 1, &result, FUEL), MK_VM_BLOCKED);
    refused(pair[1], MK_ERR_NOSYS, "a function of another instance is being called");
    mk_vm_abandon(pair[1]);
    mk_vm_store_fini(&store);
    end(one);
}

TEST(an_imported_constant_has_to_be_the_same) {
    mk_vm_instance_t *instance = start(), *next = NULL;
    uint64_t          number = 1235;
    uint64_t *const   globals[] = {&number};
    mk_vm_imports_t   imports = {.functions = snapshot_guest_functions, .globals = globals};
    saved(instance, &image);
    CHECK_EQ(mk_vm_snapshot_restore(program, image.at, image.size, &imports, NULL, NULL, NULL, &next, err, sizeof err),
             MK_ERR_FORMAT);
    CHECK(strstr(err, "imported global 0 has another value now") == err);
    end(instance);
}

static mk_err_t full(void *arg, const void *bytes, size_t size) {
    size_t *left = arg;
    (void)bytes;
    if (size > *left) return MK_ERR_FULL;
    *left -= size;
    return MK_OK;
}

TEST(what_the_writer_says_ends_the_saving) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    CHECK_EQ(call(instance, "deep", 7, &result, FUEL), MK_VM_BLOCKED);
    saved(instance, &image);
    for (size_t room = 0; room < image.size; room++) {
        size_t left = room;
        CHECK_EQ(mk_vm_snapshot_save(instance, full, &left, err, sizeof err), MK_ERR_FULL);
        CHECK_STR(err, "the snapshot could not be written: the queue is full");
    }
    end(instance);
}

/* --- what is not restored ----------------------------------------------------------------------------------------------- */

/* Refused with a text that begins like this, and nothing is left. */
static void rejects_within(const image_t *from, const mk_vm_instance_limits_t *limits, mk_err_t want,
                           const char *text) {
    mk_vm_instance_t *out = (mk_vm_instance_t *)&image;
    mk_err_t          result = restore_within(from, limits, &out);
    if (result != want || strncmp(err, text, strlen(text)) != 0) {
        rig_fail(__FILE__, __LINE__, "error %d: \"%s\", not \"%s\"", (int)result, err, text);
    }
    CHECK(out == (mk_vm_instance_t *)&image);
}

static void rejects(const image_t *from, const char *text) { rejects_within(from, NULL, MK_ERR_FORMAT, text); }

/* In `image`: a guest that waits in its import, three calls deep. */
static mk_vm_instance_t *waiting(void) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    CHECK_EQ(call(instance, "deep", 7, &result, FUEL), MK_VM_BLOCKED);
    saved(instance, &image);
    return instance;
}

TEST(only_a_whole_snapshot_of_this_module_is_taken) {
    mk_vm_instance_t *instance = waiting();
    other = image;
    other.at[0] = 'X';
    rejects(&other, "not a snapshot");
    other = image;
    other.at[5] = 2;
    rejects(&other, "a snapshot of version 2, not 1");
    other = image;
    other.at[6] ^= 1;
    rejects(&other, "a snapshot that is damaged or cut off");
    seal(&other);
    rejects(&other, "a snapshot of another module");
    end(instance);
}

TEST(a_snapshot_cut_off_anywhere_is_refused) {
    mk_vm_instance_t *instance = waiting();
    other = image;
    for (other.size = 0; other.size < image.size; other.size++) {
        rejects(&other, other.size < HEADER_BYTES + SEAL_BYTES ? "not a snapshot" : "a snapshot that is damaged");
    }
    for (other.size = HEADER_BYTES + SEAL_BYTES; other.size < image.size; other.size++) {
        memcpy(other.at, image.at, image.size);
        seal(&other);
        rejects(&other, "");
    }
    other = image;
    other.size++;
    seal(&other);
    rejects(&other, "more than a snapshot");
    end(instance);
}

TEST(a_guest_that_needs_more_than_is_allowed_is_refused) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    CHECK_EQ(call(instance, "recurse", 100, &result, FUEL), MK_VM_BLOCKED);
    saved(instance, &image);
    rejects_within(&image, &(mk_vm_instance_limits_t){.depth = 50}, MK_ERR_LIMIT,
                   "102 calls inside of each other, more than 50");
    rejects_within(&image, &(mk_vm_instance_limits_t){.stack_slots = 200}, MK_ERR_LIMIT,
                   "a stack of more than 200 slots");
    mk_vm_abandon(instance);
    CHECK(mk_vm_memory_grow(mk_vm_memory(instance), 1) != MK_VM_NONE);
    saved(instance, &image);
    rejects_within(&image, &(mk_vm_instance_limits_t){.memory_bytes = 65536}, MK_ERR_LIMIT,
                   "131072 bytes of memory, more than 65536");
    end(instance);
}

/* --- forged ones -------------------------------------------------------------------------------------------------------- */

/* Goes on for a while; whatever it does, it does within its bounds. */
static void let_run(mk_vm_instance_t *instance) {
    uint64_t    results[4] = {0}, value = 3;
    uint32_t    import;
    mk_vm_end_t ended = MK_VM_OUT_OF_FUEL;
    for (int turn = 0; turn < 20 && ended != MK_VM_DONE && ended != MK_VM_TRAPPED; turn++) {
        bool waits = mk_vm_pending_import(instance, &import) != NULL;
        ended = waits ? mk_vm_resume_with(instance, &value, results, 500) : mk_vm_resume(instance, results, 500);
    }
    mk_vm_abandon(instance);
}

/* Each byte of a snapshot gets other values, and each time the seal is put right. */
static void forge_each_byte(unsigned *taken) {
    static const uint8_t changes[] = {0x01, 0x02, 0x04, 0x10, 0x80, 0xFF};
    for (size_t at = HEADER_BYTES; at < image.size - SEAL_BYTES; at++) {
        for (unsigned i = 0; i < sizeof changes; i++) {
            mk_vm_instance_t *out = NULL;
            other.size = image.size;
            memcpy(other.at, image.at, image.size);
            other.at[at] ^= changes[i];
            seal(&other);
            mk_err_t result = restore_within(&other, NULL, &out);
            CHECK((result == MK_OK) == (err[0] == '\0') && (result == MK_OK) == (out != NULL));
            if (out == NULL) continue;
            (*taken)++;
            if (mk_vm_pending_call(out) != MK_VM_NONE) let_run(out);
            mk_vm_instance_destroy(out);
        }
    }
}

TEST(a_forged_guest_that_waits_stays_within_its_bounds) {
    mk_vm_instance_t *instance = waiting();
    unsigned          taken = 0;
    forge_each_byte(&taken);
    CHECK(taken > 100); /* other numbers in memory, locals and operands are nobody's business */
    end(instance);
}

TEST(a_forged_guest_out_of_fuel_stays_within_its_bounds) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    unsigned          taken = 0;
    mk_vm_end_t       ended = call(instance, "work", 3, &result, 1);
    for (int stop = 0; ended == MK_VM_OUT_OF_FUEL && stop < 60; stop++) {
        if (stop % 6 == 0) {
            saved(instance, &image);
            forge_each_byte(&taken);
        }
        ended = mk_vm_resume(instance, &result, 1);
    }
    CHECK(taken > 1000);
    end(instance);
}

/* --- no memory ---------------------------------------------------------------------------------------------------------- */

TEST(every_failing_allocation_is_told_and_leaves_nothing) {
    mk_vm_instance_t *instance = start();
    uint64_t          result;
    mk_err_t          got = MK_OK;
    CHECK_EQ(call(instance, "recurse", 50, &result, FUEL), MK_VM_BLOCKED);
    CHECK(mk_vm_memory_grow(mk_vm_memory(instance), 1) != MK_VM_NONE);
    for (unsigned n = 1; oom_arm(n); n++) {
        got = save(instance, &image);
        if (!oom_disarm()) break;
        CHECK_EQ(got, MK_ERR_NOMEM);
        CHECK(err[0] != '\0');
    }
    CHECK_EQ(got, MK_OK);
    for (unsigned n = 1;; n++) {
        mk_vm_instance_t *out = NULL;
        mk_vm_program_t  *mine = program;
        program = load(snapshot_guest, sizeof snapshot_guest); /* nothing of it is translated yet */
        CHECK(oom_arm(n));
        got = restore_within(&image, NULL, &out);
        bool failed = oom_disarm();
        CHECK((got == MK_OK) == (out != NULL) && (got == MK_OK) == (err[0] == '\0'));
        mk_vm_instance_destroy(out);
        mk_vm_program_destroy(program);
        program = mine;
        if (!failed) break;
        CHECK(got == MK_ERR_NOMEM || got == MK_OK); /* code that cannot be made smaller stays as it is */
    }
    CHECK_EQ(got, MK_OK);
    end(instance);
}
