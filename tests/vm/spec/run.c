/* SPDX-License-Identifier: Apache-2.0 */
/* run.c -- executes the commands of the public tests, as script.py has written them to the file script.bin where this is
 * started, and says for each .wast file how many passed. No arguments, because the board has none; the file it gets through
 * its debugger. */
#include "guest.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    VALUES_MAX = 1000, /* of one signature: mk_vm_limits_default.signature */
    REASONS_MAX = 4,   /* to skip a command */
};

typedef struct reason {
    mk_vm_name_t text;
    unsigned     count;
} reason_t;

typedef struct counts {
    unsigned passed, failed, skipped;
} counts_t;

typedef struct runner {
    mk_vm_reader_t r;
    world_t        world;
    mk_vm_name_t   spectest;
    mk_vm_name_t   file; /* the .wast at hand; empty before the first */
    uint32_t       line; /* of the command at hand                    */
    counts_t       of_file, in_all;
    reason_t       reasons[REASONS_MAX]; /* the last one stands for all others as well */
    unsigned       files;
    uint64_t       slots[VALUES_MAX]; /* arguments, then results */
} runner_t;

/* --- what came of a command ------------------------------------------------------------------------------------------------ */

static void pass(runner_t *run) { run->of_file.passed++; }

MK_PRINTF(2, 3) static void fail(runner_t *run, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    printf("%.*s.wast:%" PRIu32 ": ", (int)run->file.size, run->file.at, run->line);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    run->of_file.failed++;
}

/* Either begins with the other. The engine's text may go on with figures, but has to begin with the name of its kind. */
static bool says(const world_t *world, mk_vm_name_t expected) {
    const char *name = spec_trap_name(world->trap);
    size_t      size = strlen(name);
    return strncmp(world->why, name, size) == 0 &&
           strncmp(name, expected.at, size < expected.size ? size : expected.size) == 0;
}

static const char *made_name(spec_made_t made) {
    static const char *const names[] = {"made", "refused", "not linked", "trapped", "not made"};
    return names[made];
}

/* --- actions ------------------------------------------------------------------------------------------------------------------ */

/* A value as the script has it. */
typedef struct value {
    uint8_t  type, how;
    uint64_t bits;
} value_t;

static value_t read_value(runner_t *run, bool result) {
    value_t value = {.type = mk_vm_u8(&run->r)};
    value.how = result ? mk_vm_u8(&run->r) : '=';
    value.bits = (uint64_t)mk_vm_signed(&run->r, 64);
    return value;
}

typedef struct action {
    char         kind; /* 'i': invoke, 'g': get, 0: it could not be carried out */
    mk_vm_end_t  end;
    uint32_t     count; /* of results */
    mk_vm_name_t field;
} action_t;

static bool invoke(runner_t *run, guest_t *guest, uint32_t function, const uint8_t *types, uint32_t count,
                   action_t *action) {
    const mk_vm_module_t *module = &guest->program->module;
    const mk_vm_type_t   *type = mk_vm_function_type(module, function);
    if (type->params != count || memcmp(module->bytes + type->params_at, types, count) != 0) return false;
    uint64_t args[VALUES_MAX];
    memcpy(args, run->slots, count * sizeof args[0]);
    action->count = type->results;
    action->end = spec_call(&run->world, guest, function, args, run->slots);
    return true;
}

/* Reads an action and carries it out. */
static action_t act(runner_t *run) {
    uint8_t      types[VALUES_MAX];
    action_t     action = {.kind = (char)mk_vm_u8(&run->r)};
    mk_vm_name_t name = mk_vm_name(&run->r);
    guest_t     *guest = spec_find(&run->world, name);
    action.field = mk_vm_name(&run->r);
    uint32_t count = mk_vm_count(&run->r, 2);
    for (uint32_t i = 0; i < count && i < VALUES_MAX; i++) {
        value_t value = read_value(run, false);
        types[i] = value.type;
        run->slots[i] = value.bits;
    }
    const mk_vm_export_t *export = guest != NULL ? mk_vm_find_export(&guest->program->module, action.field) : NULL;
    mk_vm_kind_t kind = action.kind == 'i' ? MK_VM_KIND_FUNCTION : MK_VM_KIND_GLOBAL;
    if (export == NULL || export->kind != kind || count > VALUES_MAX) {
        action.kind = 0;
    } else if (action.kind == 'g') {
        run->slots[0] = *mk_vm_global(guest->instance, export->index);
        action.count = 1;
        action.end = MK_VM_DONE;
    } else if (!invoke(run, guest, export->index, types, count, &action)) {
        action.kind = 0;
    }
    return action;
}

/* Narrow values have to be zero-extended. */
static bool value_is(const value_t *want, uint64_t bits) {
    bool     wide = want->type == MK_VM_TYPE_F64;
    uint64_t quiet = wide ? UINT64_C(0x7FF8) << 48 : 0x7FC00000;
    uint64_t sign = wide ? UINT64_C(1) << 63 : 0x80000000;
    switch (want->how) {
    case 'c': return (bits & ~sign) == quiet;
    case 'a': return (bits & quiet) == quiet && (wide || bits <= UINT32_MAX);
    case 'r': return bits != 0;
    default:
        return bits ==
               (want->type == MK_VM_TYPE_I32 || want->type == MK_VM_TYPE_F32 ? (uint32_t)want->bits : want->bits);
    }
}

/* --- commands ------------------------------------------------------------------------------------------------------------------ */

/* The action was carried out and ended that way; else it is a failure. */
static bool ended(runner_t *run, const action_t *action, mk_vm_end_t end, mk_vm_name_t expected) {
    mk_vm_printable_t field = mk_vm_printable(action->field);
    if (action->kind == 0) fail(run, "\"%s\" cannot be invoked", field.text);
    else if (action->end == end) return true;
    else if (end == MK_VM_DONE) fail(run, "\"%s\" trapped: %s", field.text, run->world.why);
    else fail(run, "\"%s\" did not trap: %.*s", field.text, (int)expected.size, expected.at);
    return false;
}

static void do_action(runner_t *run) {
    action_t action = act(run);
    if (ended(run, &action, MK_VM_DONE, (mk_vm_name_t){"", 0})) pass(run);
}

static void assert_return(runner_t *run) {
    action_t action = act(run);
    uint32_t count = mk_vm_count(&run->r, 3), wrong = 0;
    value_t  wanted = {.type = 0};
    for (uint32_t i = 0; i < count; i++) {
        value_t want = read_value(run, true);
        if (i >= action.count || wanted.type != 0 || value_is(&want, run->slots[i])) continue;
        wrong = i;
        wanted = want;
    }
    if (!ended(run, &action, MK_VM_DONE, (mk_vm_name_t){"", 0})) return;
    mk_vm_printable_t field = mk_vm_printable(action.field);
    if (count != action.count) {
        fail(run, "\"%s\" gave %" PRIu32 " values, not %" PRIu32, field.text, action.count, count);
    } else if (wanted.type != 0) {
        fail(run, "\"%s\" gave 0x%" PRIx64 " as result %" PRIu32 ", not %s 0x%" PRIx64 " (%c)", field.text,
             run->slots[wrong], wrong, mk_vm_type_name(wanted.type), wanted.bits, wanted.how);
    } else {
        pass(run);
    }
}

static void assert_trap(runner_t *run) {
    action_t     action = act(run);
    mk_vm_name_t expected = mk_vm_name(&run->r);
    if (!ended(run, &action, MK_VM_TRAPPED, expected)) return;
    if (says(&run->world, expected)) pass(run);
    else fail(run, "trapped with \"%s\", not \"%.*s\"", run->world.why, (int)expected.size, expected.at);
}

static void do_module(runner_t *run) {
    mk_vm_name_t name = mk_vm_name(&run->r);
    bool         shared = mk_vm_u8(&run->r) != 0;
    spec_made_t  made = spec_make(&run->world, mk_vm_name(&run->r), name, shared);
    if (made == SPEC_MADE) {
        pass(run);
        return;
    }
    fail(run, "a module was %s: %s", made_name(made), run->world.why);
    run->world.current = NULL; /* what follows is not meant for the one before */
}

static void assert_module(runner_t *run, spec_made_t wanted) {
    static const mk_vm_name_t unnamed = {"", 0};
    mk_vm_name_t              expected = mk_vm_name(&run->r);
    spec_made_t               made = spec_make(&run->world, mk_vm_name(&run->r), unnamed, false);
    bool                      good = made == wanted;
    if (good && wanted == SPEC_TRAPPED) good = says(&run->world, expected);
    if (good && wanted == SPEC_UNLINKED) good = strncmp(run->world.why, expected.at, expected.size) == 0;
    if (good) pass(run);
    else
        fail(run, "a module was %s (%s), expected: %.*s", made_name(made), run->world.why, (int)expected.size,
             expected.at);
}

static void do_register(runner_t *run) {
    mk_vm_name_t as = mk_vm_name(&run->r), name = mk_vm_name(&run->r);
    guest_t     *guest = spec_find(&run->world, name);
    if (guest != NULL && spec_register(&run->world, as, guest)) pass(run);
    else fail(run, "\"%.*s\" cannot be registered", (int)as.size, as.at);
}

static void skip(runner_t *run) {
    mk_vm_name_t text = mk_vm_name(&run->r);
    reason_t    *reason = run->reasons;
    while (reason->count > 0 && mk_vm_name_compare(reason->text, text) != 0 &&
           reason < &run->reasons[REASONS_MAX - 1]) {
        reason++;
    }
    reason->text = text;
    reason->count++;
    run->of_file.skipped++;
}

/* --- files ---------------------------------------------------------------------------------------------------------------------- */

static void end_file(runner_t *run) {
    counts_t *of = &run->of_file, *all = &run->in_all;
    spec_clear(&run->world);
    if (run->file.size == 0) return;
    printf("%-40.*s %5u passed %5u failed %5u skipped\n", (int)run->file.size, run->file.at, of->passed, of->failed,
           of->skipped);
    fflush(stdout);
    all->passed += of->passed;
    all->failed += of->failed;
    all->skipped += of->skipped;
    *of = (counts_t){.passed = 0};
    run->files++;
}

static void begin_file(runner_t *run) {
    static const mk_vm_name_t spectest = {"spectest", 8}, unnamed = {"", 0};
    end_file(run);
    run->file = mk_vm_name(&run->r);
    run->line = 0;
    if (spec_make(&run->world, run->spectest, unnamed, true) != SPEC_MADE ||
        !spec_register(&run->world, spectest, run->world.current)) {
        fail(run, "no module spectest: %s", run->world.why);
    }
}

static void command(runner_t *run) {
    char letter = (char)mk_vm_u8(&run->r);
    if (letter == 'F') {
        begin_file(run);
        return;
    }
    run->line = mk_vm_u32(&run->r);
    switch (letter) {
    case 'M': do_module(run); break;
    case 'R': do_register(run); break;
    case 'A': do_action(run); break;
    case 'E': assert_return(run); break;
    case 'T': assert_trap(run); break;
    case 'I': assert_module(run, SPEC_REFUSED); break;
    case 'U': assert_module(run, SPEC_UNLINKED); break;
    case 'N': assert_module(run, SPEC_TRAPPED); break;
    case 'S': skip(run); break;
    default: mk_vm_fail(&run->r, run->r.at, MK_ERR_FORMAT, "no such command");
    }
}

static uint8_t *read_script(const char *path, size_t *size) {
    FILE    *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (file == NULL) return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        bytes = end > 0 ? mk_alloc((size_t)end) : NULL;
        rewind(file);
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    fclose(file);
    return bytes;
}

static void report(const runner_t *run) {
    const world_t *world = &run->world;
    printf("%u files: %u passed, %u failed, %u skipped\n", run->files, run->in_all.passed, run->in_all.failed,
           run->in_all.skipped);
    for (unsigned i = 0; i < REASONS_MAX && run->reasons[i].count > 0; i++) {
        const reason_t *reason = &run->reasons[i];
        printf("skipped %u: %.*s\n", reason->count, (int)reason->text.size, reason->text.at);
    }
    if (world->mode == SPEC_PLAIN) return;
    printf("%" PRIu64 " stops; %" PRIu64 " calls went on in larger steps after many\n", world->stops, world->capped);
    if (world->mode == SPEC_FUEL) return;
    printf("%" PRIu64 " snapshots; %" PRIu64 " were not to be had: references of the host\n", world->snapshots,
           world->refused);
}

int main(void) {
    static runner_t run;
    static char     text[MK_VM_ERR_BYTES];
    size_t          size = 0;
    uint8_t        *bytes = read_script("script.bin", &size);
    if (bytes == NULL) {
        printf("no script.bin here\n");
        return 2;
    }
    mk_vm_reader_init(&run.r, bytes, size, text, sizeof text);
    run.world.mode = (spec_mode_t)mk_vm_u8(&run.r);
    run.spectest = mk_vm_name(&run.r);
    mk_vm_store_init(&run.world.store);
    while (run.r.err == MK_OK && run.r.at < run.r.end) command(&run);
    end_file(&run);
    mk_vm_store_fini(&run.world.store);
    report(&run);
    if (run.r.err != MK_OK) printf("the script is broken: %s\n", text);
    mk_free(bytes);
    return run.r.err == MK_OK && run.in_all.failed == 0 && run.in_all.passed > 0 ? 0 : 1;
}
