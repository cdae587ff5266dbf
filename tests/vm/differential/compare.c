/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c -- runs modules on our engine and on WAMR and says where they differ.
 *
 * usage: vm-compare [--seed N] [--fuel UNITS] [--engines ours,wamr] FILE...
 *
 * Every exported function is called, with arguments that the seed chooses; after each call the results, the trap, the calls
 * of imports, memory, exported globals and exported tables are compared. One line for each file, after the file's name:
 *   same, with how much was called
 *   differ, with the first difference
 *   not compared, with the reason: one of them does not take it, or it has what the host here does not offer
 * exit code: 1 when one differs, else 0. */
#include "compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vm/validate.h"

/* Rounds over all exported functions: what the first leaves behind the second meets. */
enum { ROUNDS = 3, CALLS_MAX = 600 };

/* A call that nothing stops. */
enum { FUEL_AT_ONCE = 200000 };

typedef struct options {
    uint64_t        seed, fuel;
    const engine_t *engines[2];
} options_t;

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state) {
    *state += 0x9E3779B97F4A7C15u;
    uint64_t x = *state;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

#define PICK(table, n) ((table)[(n) % (sizeof(table) / sizeof *(table))])

static uint32_t pick_i32(uint64_t n) {
    static const uint32_t edges[] = {0,          1,          2,          3,      7,       8,          31,
                                     32,         64,         100,        127,    128,     255,        256,
                                     1024,       32767,      32768,      65528,  65532,   65535,      65536,
                                     0x7FFFFFFF, 0x80000000, 0x80000001, 131072, 1048575, 0xFFFFFF80, 0xFFFF8000,
                                     0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF};
    return n % 4 == 0 ? (uint32_t)(n >> 8) : PICK(edges, n >> 2);
}

static uint64_t pick_i64(uint64_t n) {
    static const uint64_t edges[] = {0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x8000000000000001, 0xFFFFFFFF,
                                     0x100000000,        0x7FFFFFFF,         0x80000000,         0xFFFFFFFFFFFFFFFF};
    if (n % 4 == 0) return n * 0x9E3779B97F4A7C15u;
    return n % 4 == 1 ? PICK(edges, n >> 2) : (uint64_t)(int64_t)(int32_t)pick_i32(n >> 2);
}

/* No NaN: which one arithmetic makes of it is the engine's choice. */
static uint32_t pick_f32(uint64_t n) {
    static const uint32_t edges[] = {0,          0x80000000, 0x3F800000, 0xBF800000, 0x3F000000, 0xBF000000,
                                     0x3FC00000, 0xC0200000, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x00000001,
                                     0x80000001, 0x00800000, 0x4F000000, 0xCF000000, 0x4F800000, 0x5F000000,
                                     0xDF000000, 0x5F800000, 0x4B7FFFFF, 0x4EFFFFFF, 0x42C80000, 0x4B000001};
    uint32_t              bits = (uint32_t)(n >> 8);
    return n % 4 == 0 && (bits & 0x7F800000) != 0x7F800000 ? bits : PICK(edges, n >> 2);
}

static uint64_t pick_f64(uint64_t n) {
    static const uint64_t edges[] = {0x43E0000000000000,
                                     0xC3E0000000000000,
                                     0x43F0000000000000,
                                     0x41DFFFFFFFC00000,
                                     0x41E0000000000000,
                                     0xC1E0000000200000,
                                     0x7FEFFFFFFFFFFFFF,
                                     0x0000000000000001,
                                     0x36A0000000000000,
                                     0x47EFFFFFF0000000,
                                     0x4330000000000001,
                                     0x3FDFFFFFFFFFFFFF,
                                     0,
                                     0x8000000000000000,
                                     0x3FF0000000000000,
                                     0xC004000000000000,
                                     0x7FF0000000000000,
                                     0xFFF0000000000000,
                                     0x40F0000000000000,
                                     0x4060000000000000};
    uint64_t              bits = n * 0x9E3779B97F4A7C15u;
    return n % 4 == 0 && (~bits & 0x7FF0000000000000u) != 0 ? bits : PICK(edges, n >> 2);
}

static uint64_t pick(uint8_t type, uint64_t n) {
    switch (type) {
    case MK_VM_TYPE_I32: return pick_i32(n);
    case MK_VM_TYPE_I64: return pick_i64(n);
    case MK_VM_TYPE_F32: return pick_f32(n);
    case MK_VM_TYPE_F64: return pick_f64(n);
    default: return 0; /* null */
    }
}

/* The bits; one number for all NaNs. */
static uint64_t plain(uint8_t type, uint64_t bits) {
    if (type == MK_VM_TYPE_F32 && (bits & 0x7FFFFFFF) > 0x7F800000) return 0x7FC00000;
    if (type == MK_VM_TYPE_F64 && (bits & INT64_MAX) > 0x7FF0000000000000u) return 0x7FF8000000000000u;
    return bits;
}

/* ---- the host ---------------------------------------------------------------------------------------------------------- */

uint64_t host_call(const host_import_t *import, const uint64_t *args) {
    subject_t *subject = import->subject;
    uint64_t   hash = hash_add(subject->log, import->hash);
    for (uint32_t i = 0; i < import->type->params; i++) {
        uint8_t  type = param_type(subject, import->type, i);
        uint64_t bits = type == MK_VM_TYPE_I32 || type == MK_VM_TYPE_F32 ? (uint32_t)args[i] : args[i];
        hash = hash_add(hash, plain(type, bits));
    }
    subject->log = hash;
    uint64_t n = hash_add(import->hash, subject->calls++);
    return import->type->results != 0 ? pick(result_type(subject, import->type, 0), n) : 0;
}

/* ---- modules ------------------------------------------------------------------------------------------------------------- */

static char *text_of(mk_vm_name_t name) {
    char *text = memchr(name.at, '\0', name.size) == NULL ? mk_alloc(name.size + 1) : NULL;
    if (text == NULL) return NULL;
    memcpy(text, name.at, name.size);
    text[name.size] = '\0';
    return text;
}

static bool has_references(const subject_t *subject, const mk_vm_type_t *type) {
    for (uint32_t i = 0; i < type->params; i++) {
        if (param_type(subject, type, i) <= MK_VM_TYPE_FUNCREF) return true;
    }
    return type->results != 0 && result_type(subject, type, 0) <= MK_VM_TYPE_FUNCREF;
}

/* WAMR 2.4 goes on at address 0 after a tail call of an import. */
static bool tail_calls_import(const mk_vm_module_t *m) {
    mk_vm_checker_t c;
    bool            found = false;
    mk_vm_checker_init(&c, m, &mk_vm_limits_default, NULL, 0);
    for (uint32_t i = m->function_imports; m->function_imports != 0 && i < m->function_count; i++) {
        bool more = mk_vm_checker_begin(&c, i);
        while (more && mk_vm_checker_next(&c)) {
            found |= c.in.opcode == MK_VM_RETURN_CALL_INDIRECT;
            found |= c.in.opcode == MK_VM_RETURN_CALL && c.in.index < m->function_imports;
        }
    }
    mk_vm_checker_fini(&c);
    return found;
}

/* WAMR 2.4 takes a null among the elements of a segment for function 0. */
static bool has_null_elements(const mk_vm_module_t *m) {
    bool found = false;
    for (uint32_t i = 0; i < m->elements_count; i++) found |= m->elements[i].initialisers && m->elements[i].count > 0;
    return found;
}

/* Why the module cannot be compared, and what it imports is bound; NULL: it can. */
static const char *bind(subject_t *subject) {
    const mk_vm_module_t *m = &subject->module;
    uint32_t              count = 0;
    if (m->memory_imports + m->table_imports + m->global_imports != 0) return "imports what is no function";
    if (tail_calls_import(m)) return "a tail call of what may be an import";
    if (has_null_elements(m)) return "elements that may be null";
    subject->imports = mk_calloc(m->function_imports + 1, sizeof *subject->imports);
    if (subject->imports == NULL) return "out of memory";
    for (; count < m->function_imports; count++) {
        host_import_t *import = &subject->imports[count];
        import->type = mk_vm_function_type(m, count);
        import->subject = subject;
        import->module = text_of(m->imports[count].module);
        import->name = text_of(m->imports[count].name);
        if (import->module == NULL || import->name == NULL) return "an import with a zero in its name";
        if (import->type->results > 1 || has_references(subject, import->type))
            return "an import of a type WAMR has not";
        for (const char *c = import->module; *c != '\0'; c++) import->hash = hash_add(import->hash, (uint64_t)*c);
        for (const char *c = import->name; *c != '\0'; c++) import->hash = hash_add(import->hash, (uint64_t)*c);
        for (uint32_t i = 0; i < count; i++) {
            if (subject->imports[i].hash == import->hash && subject->imports[i].type->same_as != import->type->same_as)
                return "one import with two types";
        }
    }
    return NULL;
}

static void subject_fini(subject_t *subject) {
    for (uint32_t i = 0; subject->imports != NULL && i < subject->module.function_imports; i++) {
        mk_free(subject->imports[i].module);
        mk_free(subject->imports[i].name);
    }
    mk_free(subject->imports);
    mk_vm_module_fini(&subject->module);
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------- */

typedef struct run {
    subject_t      *subjects[2];
    const engine_t *engines[2];
    void           *instances[2];
    uint32_t        calls, traps;
    bool            ended;       /* what follows cannot be compared */
    char            differ[700]; /* empty: nothing does             */
} run_t;

static void print_outcome(const run_t *run, int side, const mk_vm_type_t *type, const outcome_t *out, char *text,
                          size_t size) {
    static const char *const names[] = {"returned", "trapped", "exhausted", "took too long", "refused"};
    int                      n = snprintf(text, size, "%s %s", run->engines[side]->name, names[out->end]);
    if (out->end != RETURNED) snprintf(text + n, size - (size_t)n, ": %s", out->text);
    for (uint32_t i = 0; out->end == RETURNED && i < type->results && n + 20 < (int)size; i++) {
        n += snprintf(text + n, size - (size_t)n, " %" PRIx64, out->values[i]);
    }
}

static bool same_outcome(const run_t *run, const mk_vm_type_t *type, const outcome_t *a, const outcome_t *b) {
    if (a->end != b->end) return false;
    if (a->end == TRAPPED) return a->trap == b->trap;
    for (uint32_t i = 0; a->end == RETURNED && i < type->results; i++) {
        uint8_t t = result_type(run->subjects[0], type, i);
        if (plain(t, a->values[i]) != plain(t, b->values[i])) return false;
    }
    return true;
}

static void compare_memory(run_t *run, char *text, size_t size) {
    const uint8_t *base[2];
    size_t         bytes[2], at = 0;
    for (int i = 0; i < 2; i++) bytes[i] = run->engines[i]->memory(run->instances[i], &base[i]);
    if (bytes[0] != bytes[1]) {
        snprintf(text, size, "memory of %zu and %zu bytes", bytes[0], bytes[1]);
    } else if (bytes[0] != 0 && memcmp(base[0], base[1], bytes[0]) != 0) {
        while (base[0][at] == base[1][at]) at++;
        snprintf(text, size, "memory at %zu: %02x and %02x", at, base[0][at], base[1][at]);
    }
}

static void compare_export(run_t *run, const mk_vm_export_t *export, const char *name, char *text, size_t size) {
    uint64_t values[2], functions[2];
    uint32_t counts[2];
    uint8_t  type = export->kind == MK_VM_KIND_GLOBAL ? run->subjects[0]->module.globals[export->index].type : 0;
    bool     known = true;
    if (type > MK_VM_TYPE_FUNCREF) {
        for (int i = 0; i < 2; i++)
            known &= run->engines[i]->global(run->instances[i], name, export->index, &values[i]);
        if (known && plain(type, values[0]) != plain(type, values[1]))
            snprintf(text, size, "global %s: %" PRIx64 " and %" PRIx64, name, values[0], values[1]);
    } else if (export->kind == MK_VM_KIND_TABLE) {
        for (int i = 0; i < 2; i++)
            known &= run->engines[i]->table(run->instances[i], name, export->index, &counts[i], &functions[i]);
        if (known && (counts[0] != counts[1] || functions[0] != functions[1]))
            snprintf(text, size, "table %s: of %" PRIu32 " and %" PRIu32 " entries", name, counts[0], counts[1]);
    }
}

/* The first difference in what both leave behind. */
static void compare_states(run_t *run, char *text, size_t size) {
    const mk_vm_module_t *m = &run->subjects[0]->module;
    compare_memory(run, text, size);
    for (uint32_t i = 0; text[0] == '\0' && i < m->export_count; i++) {
        char *name = text_of(m->exports[i].name);
        if (name != NULL) compare_export(run, &m->exports[i], name, text, size);
        mk_free(name);
    }
}

/* What ours does not end in time WAMR is spared. */
static void call_both(run_t *run, const char *name, uint32_t function, const uint64_t *args) {
    const mk_vm_type_t *type = mk_vm_function_type(&run->subjects[0]->module, function);
    outcome_t           out[2] = {0};
    char                texts[2][200], state[200] = "";
    run->calls++;
    for (int i = 0; i < 2; i++) {
        run->subjects[i]->log = 0;
        run->engines[i]->call(run->instances[i], name, function, args, &out[i]);
        run->ended |= out[i].end == EXHAUSTED || out[i].end == TOO_LONG;
        if (run->ended) return;
    }
    run->traps += out[0].end == TRAPPED;
    bool same = same_outcome(run, type, &out[0], &out[1]);
    if (same && run->subjects[0]->log != run->subjects[1]->log) snprintf(state, sizeof state, "calls of imports");
    else if (same) compare_states(run, state, sizeof state);
    if (same && state[0] == '\0') return;

    for (int i = 0; i < 2; i++) print_outcome(run, i, type, &out[i], texts[i], sizeof texts[i]);
    int n = snprintf(run->differ, sizeof run->differ, "call %" PRIu32 ", function %" PRIu32 " (%.40s)", run->calls,
                     function, name != NULL ? name : "start");
    for (uint32_t i = 0; i < type->params && i < 8; i++) {
        n += snprintf(run->differ + n, sizeof run->differ - (size_t)n, " %" PRIx64, args[i]);
    }
    snprintf(run->differ + n, sizeof run->differ - (size_t)n, ": %s; %s; %s", texts[0], texts[1], state);
}

static void call_export(run_t *run, const mk_vm_export_t *export, uint64_t *random) {
    const subject_t    *subject = run->subjects[0];
    const mk_vm_type_t *type = mk_vm_function_type(&subject->module, export->index);
    uint64_t            args[VALUES_MAX];
    char               *name = text_of(export->name);
    if (name == NULL || type->params > VALUES_MAX || type->results > VALUES_MAX) {
        mk_free(name);
        return;
    }
    for (uint32_t i = 0; i < type->params; i++) args[i] = pick(param_type(subject, type, i), next_random(random));
    call_both(run, name, export->index, args);
    mk_free(name);
}

static void call_all(run_t *run, uint64_t seed) {
    const mk_vm_module_t *m = &run->subjects[0]->module;
    char                  state[200] = "";
    compare_states(run, state, sizeof state);
    if (state[0] != '\0') {
        snprintf(run->differ, sizeof run->differ, "before the first call: %s", state);
        return;
    }
    if (m->start != MK_VM_NONE) call_both(run, NULL, m->start, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < m->export_count && run->calls < CALLS_MAX; i++) {
            if (run->ended || run->differ[0] != '\0') return;
            if (m->exports[i].kind == MK_VM_KIND_FUNCTION && m->exports[i].index >= m->function_imports)
                call_export(run, &m->exports[i], &seed);
        }
    }
}

static bool print_run(const run_t *run, const outcome_t out[2]) {
    if (run->differ[0] != '\0') {
        printf("differ: %s\n", run->differ);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (run->instances[i] != NULL || run->instances[1 - i] == NULL) continue;
        if (out[i].end == TRAPPED) {
            printf("differ: %s traps while instantiating: %s\n", run->engines[i]->name, out[i].text);
            return false;
        }
        printf("not compared: %s: %s\n", run->engines[i]->name, out[i].text);
        return true;
    }
    if (run->instances[0] == NULL && (out[0].end != TRAPPED || out[1].end != TRAPPED)) {
        printf("not compared: both: %s; %s\n", out[0].text, out[1].text);
    } else if (run->instances[0] == NULL && out[0].trap != out[1].trap) {
        printf("differ: instantiating: %s; %s\n", out[0].text, out[1].text);
        return false;
    } else {
        printf("same: calls %" PRIu32 " traps %" PRIu32 "%s\n", run->calls, run->traps,
               run->ended ? " (cut short)" : "");
    }
    return true;
}

/* True unless they differ. */
static bool compare(const options_t *options, const uint8_t *bytes, size_t size) {
    static const int32_t slices[] = {FUEL_AT_ONCE, 1, 5, 100, 10000};
    char                 text[MK_VM_ERR_BYTES] = "";
    subject_t            subjects[2] = {{0}, {0}};
    outcome_t            out[2] = {{0}, {0}};
    run_t                run = {.engines = {options->engines[0], options->engines[1]}};
    bool                 same = true;
    const char          *reason = NULL;
    for (int i = 0; i < 2 && reason == NULL; i++) {
        subjects[i] = (subject_t){.bytes = bytes, .size = size, .fuel = options->fuel};
        subjects[i].slice = i == 0 ? PICK(slices, options->seed) : FUEL_AT_ONCE;
        run.subjects[i] = &subjects[i];
        if (mk_vm_decode(bytes, size, &mk_vm_limits_default, &subjects[i].module, text, sizeof text) != MK_OK ||
            mk_vm_validate(&subjects[i].module, &mk_vm_limits_default, text, sizeof text) != MK_OK)
            reason = text;
        else reason = bind(&subjects[i]);
    }
    if (reason != NULL) {
        printf("not compared: %s\n", reason);
    } else {
        for (int i = 0; i < 2; i++) run.instances[i] = run.engines[i]->open(&subjects[i], &out[i]);
        if (run.instances[0] != NULL && run.instances[1] != NULL) call_all(&run, options->seed);
        same = print_run(&run, out);
        for (int i = 0; i < 2; i++) {
            if (run.instances[i] != NULL) run.engines[i]->close(run.instances[i]);
        }
    }
    for (int i = 0; i < 2; i++) subject_fini(&subjects[i]);
    return same;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------ */

static uint8_t *read_file(const char *path, size_t *size) {
    FILE    *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (file == NULL) return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        bytes = end >= 0 ? mk_alloc((size_t)end) : NULL; /* no byte more, so that reading beyond it is noticed */
        rewind(file);
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    fclose(file);
    return bytes;
}

static bool compare_file(const options_t *options, const char *path) {
    size_t   size = 0;
    uint8_t *bytes = read_file(path, &size);
    printf("%s: ", path);
    fflush(stdout); /* if that is the last there is to read, this module was it */
    if (bytes == NULL) {
        printf("unreadable\n");
        return true;
    }
    bool same = compare(options, bytes, size);
    fflush(stdout);
    mk_free(bytes);
    return same;
}

static const engine_t *engine_of(const char *name, size_t size) {
    static const engine_t *const engines[] = {&engine_ours, &engine_wamr};
    for (size_t i = 0; i < 2; i++) {
        if (strlen(engines[i]->name) == size && strncmp(engines[i]->name, name, size) == 0) return engines[i];
    }
    fprintf(stderr, "vm-compare: no engine %.*s\n", (int)size, name);
    exit(2);
}

int main(int argc, char **argv) {
    options_t options = {.seed = 1, .fuel = 5000000, .engines = {&engine_ours, &engine_wamr}};
    bool      same = true;
    int       i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        const char *value = argv[i + 1], *comma = strchr(value, ',');
        if (strcmp(argv[i], "--seed") == 0) options.seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--fuel") == 0) options.fuel = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--engines") == 0 && comma != NULL) {
            options.engines[0] = engine_of(value, (size_t)(comma - value));
            options.engines[1] = engine_of(comma + 1, strlen(comma + 1));
        } else break;
    }
    if (i >= argc || argv[i][0] == '-' || options.fuel == 0) {
        fputs("usage: vm-compare [--seed N] [--fuel UNITS] [--engines ours,wamr] FILE...\n", stderr);
        return 2;
    }
    for (; i < argc; i++) same &= compare_file(&options, argv[i]);
    return same ? 0 : 1;
}
