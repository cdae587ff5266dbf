/* SPDX-License-Identifier: Apache-2.0 */
/* journey.c -- one leg of a guest's journey: takes it from a snapshot, or begins, lets it run for a while, and leaves a
 * snapshot of it. It is built for every platform, and a board's program has no arguments: what to do stands in journey.txt
 * where it is started, one word and its value a line:
 *
 *     module count.wasm     always first
 *     restore a.snapshot    or without: handle_message is called
 *     messages 7            so many are delivered when it waits for one
 *     fuel 100000           a turn's, and
 *     turns 5               that many turns
 *     save b.snapshot
 *
 * It prints what the guest says, how it stands at the end, and the depth of its frames. */
#include "base/mem.h"
#include "vm/decode.h"
#include "vm/link.h"
#include "vm/numeric.h"
#include "vm/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan {
    char    module[512], restore[512], save[512];
    int32_t fuel;
    long    messages, turns;
} plan_t;

static char err[MK_VM_ERR_BYTES];

static int complain(const char *what, const char *about) {
    printf("%s: %s\n", what, about);
    return 1;
}

/* --- files -------------------------------------------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *size) {
    FILE    *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (file == NULL) return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        bytes = end >= 0 ? mk_alloc((size_t)end + 1) : NULL;
        rewind(file);
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    fclose(file);
    return bytes;
}

static mk_err_t write_piece(void *arg, const void *bytes, size_t size) {
    return fwrite(bytes, 1, size, arg) == size ? MK_OK : MK_ERR_IO;
}

static bool read_plan(plan_t *plan) {
    char  word[16], value[512];
    FILE *file = fopen("journey.txt", "r");
    if (file == NULL) return false;
    *plan = (plan_t){.fuel = 1000000, .turns = 1000000};
    while (fscanf(file, "%15s %511s", word, value) == 2) {
        if (strcmp(word, "module") == 0) strcpy(plan->module, value);
        if (strcmp(word, "restore") == 0) strcpy(plan->restore, value);
        if (strcmp(word, "save") == 0) strcpy(plan->save, value);
        if (strcmp(word, "messages") == 0) plan->messages = strtol(value, NULL, 10);
        if (strcmp(word, "turns") == 0) plan->turns = strtol(value, NULL, 10);
        if (strcmp(word, "fuel") == 0) plan->fuel = (int32_t)strtol(value, NULL, 10);
    }
    fclose(file);
    return true;
}

/* --- what the guest imports --------------------------------------------------------------------------------------------- */

static uint8_t *reach(mk_vm_instance_t *instance, uint64_t at, uint64_t size) {
    mk_vm_memory_inst_t *memory = mk_vm_memory(instance);
    return memory != NULL && at <= memory->bytes && size <= memory->bytes - at ? memory->base + at : NULL;
}

static mk_vm_host_end_t print(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    const uint8_t *text = reach(instance, slots[0], slots[1]);
    (void)arg;
    if (text == NULL) return MK_VM_HOST_TRAP;
    printf("says %.*s", (int)slots[1], (const char *)text);
    return MK_VM_HOST_DONE;
}

static mk_vm_host_end_t wait_for_message(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    (void)instance, (void)arg, (void)slots;
    return MK_VM_HOST_BLOCKED;
}

static bool resolve(void *arg, mk_vm_name_t module, mk_vm_name_t name, mk_vm_offer_t *out) {
    (void)arg;
    if (!mk_vm_name_is(module, "env")) return false;
    if (mk_vm_name_is(name, "mk_recv")) *out = (mk_vm_offer_t){.fn = wait_for_message, .signature = "(iiii)i"};
    if (mk_vm_name_is(name, "mk_print")) *out = (mk_vm_offer_t){.fn = print, .signature = "(ii)"};
    return out->fn != NULL;
}

/* An empty message of type 1, written where the arguments of mk_recv() say: they are in the guest, so they came along. */
static mk_vm_end_t deliver(mk_vm_instance_t *instance, uint64_t *result, int32_t fuel) {
    uint32_t        import;
    uint64_t        received = 0;
    const uint64_t *args = mk_vm_pending_import(instance, &import);
    uint8_t        *type = reach(instance, args[0], 4), *size = reach(instance, args[3], 4);
    if (type != NULL) mk_vm_put32(type, 1);
    if (size != NULL) mk_vm_put32(size, 0);
    return mk_vm_resume_with(instance, &received, result, fuel);
}

/* --- the leg ------------------------------------------------------------------------------------------------------------ */

static uint32_t handler(const mk_vm_program_t *program) {
    const mk_vm_export_t *found = mk_vm_find_export(&program->module, (mk_vm_name_t){"handle_message", 14});
    return found != NULL && found->kind == MK_VM_KIND_FUNCTION ? found->index : MK_VM_NONE;
}

static mk_err_t begin(const plan_t *plan, mk_vm_program_t *program, const mk_vm_imports_t *imports,
                      mk_vm_instance_t **out) {
    size_t size = 0;
    if (plan->restore[0] == '\0') {
        mk_err_t result = mk_vm_instance_create(program, imports, NULL, NULL, NULL, NULL, out, err, sizeof err);
        return result != MK_OK ? result : mk_vm_instance_fill(*out) == MK_VM_TRAP_NONE ? MK_OK : MK_ERR_FORMAT;
    }
    uint8_t *bytes = read_file(plan->restore, &size);
    mk_err_t result = mk_vm_snapshot_restore(program, bytes, size, imports, NULL, NULL, NULL, out, err, sizeof err);
    mk_free(bytes);
    return result;
}

static mk_vm_end_t travel(const plan_t *plan, mk_vm_instance_t *instance, uint32_t function) {
    static const uint64_t args[4] = {1, 0, 0, 0};
    uint64_t              result = 0;
    uint32_t              import;
    long                  messages = plan->messages, turns = plan->turns;
    mk_vm_end_t           end;
    if (mk_vm_pending_call(instance) == MK_VM_NONE) {
        end = mk_vm_call(instance, function, args, &result, plan->fuel);
        turns--;
    } else {
        end = mk_vm_pending_import(instance, &import) != NULL ? MK_VM_BLOCKED : MK_VM_OUT_OF_FUEL;
    }
    while ((end == MK_VM_BLOCKED && messages > 0) || (end == MK_VM_OUT_OF_FUEL && turns > 0)) {
        if (end == MK_VM_BLOCKED) messages--, end = deliver(instance, &result, plan->fuel);
        else turns--, end = mk_vm_resume(instance, &result, plan->fuel);
    }
    return end;
}

static void describe(const mk_vm_instance_t *instance, mk_vm_end_t end) {
    static const char *const ends[] = {"done", "waits", "out of fuel", "trapped"};
    mk_vm_frame_place_t      place;
    uint32_t                 depth = 0;
    while (mk_vm_backtrace(instance, depth, &place)) depth++;
    printf("%s at depth %u\n", ends[end], (unsigned)(end == MK_VM_DONE ? 0 : depth));
}

static int save(const plan_t *plan, mk_vm_instance_t *instance) {
    if (plan->save[0] == '\0') return 0;
    FILE *file = fopen(plan->save, "wb");
    if (file == NULL) return complain("cannot write", plan->save);
    mk_err_t result = mk_vm_snapshot_save(instance, write_piece, file, err, sizeof err);
    if (fclose(file) != 0 && result == MK_OK) result = MK_ERR_IO;
    return result == MK_OK ? 0 : complain("cannot save", err);
}

static int leg(const plan_t *plan, mk_vm_program_t *program) {
    mk_vm_links_t     links;
    mk_vm_instance_t *instance = NULL;
    uint32_t          function = handler(program);
    int               status = 1;
    if (function == MK_VM_NONE) return complain("no handle_message", plan->module);
    if (mk_vm_link(&program->module, resolve, NULL, &links, err, sizeof err) != MK_OK)
        return complain("cannot link", err);
    if (begin(plan, program, &links.imports, &instance) != MK_OK) {
        complain("cannot begin", err);
    } else if (mk_vm_pending_call(instance) != MK_VM_NONE && mk_vm_pending_call(instance) != function) {
        complain("cannot begin", "another function was called");
    } else {
        describe(instance, travel(plan, instance, function));
        status = save(plan, instance);
    }
    mk_vm_instance_destroy(instance);
    mk_vm_links_fini(&links);
    return status;
}

int main(void) {
    static plan_t    plan;
    mk_vm_program_t *program = NULL;
    size_t           size = 0;
    if (!read_plan(&plan)) return complain("cannot read", "journey.txt");
    uint8_t *bytes = read_file(plan.module, &size);
    if (bytes == NULL) return complain("cannot read", plan.module);
    int status = 1;
    if (mk_vm_program_create(bytes, size, NULL, &program, err, sizeof err) != MK_OK) complain("cannot load", err);
    else status = leg(&plan, program);
    mk_vm_program_destroy(program);
    mk_free(bytes);
    return status;
}
