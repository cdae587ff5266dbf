/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h -- one module on two engines: what is asked of each, and what they answer. */
#ifndef VM_DIFFERENTIAL_COMPARE_H
#define VM_DIFFERENTIAL_COMPARE_H

#include "vm/program.h"
#include "vm/trap.h"

enum { VALUES_MAX = 64 };

/* So that a module that grows does the same everywhere, whatever an engine's own limits are. */
enum { MEMORY_PAGES_MAX = 64 };

typedef enum ending {
    RETURNED,
    TRAPPED,   /* `trap` says why                                            */
    EXHAUSTED, /* a limit that engines may choose: nothing to compare behind it */
    TOO_LONG,  /* the fuel is used up; so is this                             */
    REFUSED,   /* the engine does not take the module; `text` says why        */
} ending_t;

typedef struct outcome {
    ending_t     end;
    mk_vm_trap_t trap;
    char         text[160];
    uint64_t     values[VALUES_MAX]; /* results; a reference to a function is 0 or its index plus one */
} outcome_t;

/* An imported function as the host knows it. */
typedef struct host_import {
    char               *module, *name;
    const mk_vm_type_t *type;
    uint64_t            hash; /* of both names */
    struct subject     *subject;
} host_import_t;

typedef struct subject {
    const uint8_t  *bytes;
    size_t          size;
    mk_vm_module_t  module; /* as our decoder sees it */
    host_import_t  *imports;
    uint64_t        fuel;  /* left for all calls, about                 */
    int32_t         slice; /* ours stops after so much of it            */
    uint64_t        log;   /* of the imports called, with arguments     */
    uint32_t        calls; /* imports called since the module was opened */
} subject_t;

typedef struct engine {
    const char *name;
    /* Instantiates without calling the start function. NULL: `out` says why. */
    void *(*open)(subject_t *subject, outcome_t *out);
    void (*close)(void *instance);
    /* An exported function; the start function has the name NULL. */
    void (*call)(void *instance, const char *name, uint32_t function, const uint64_t *args, outcome_t *out);
    /* Bytes; 0: there is none. */
    size_t (*memory)(void *instance, const uint8_t **base);
    /* False: this engine cannot tell. The globals are exported; `type` is a number's. */
    bool (*global)(void *instance, const char *name, uint32_t index, uint64_t *value);
    /* The number of entries, and a hash of the functions they are. */
    bool (*table)(void *instance, const char *name, uint32_t index, uint32_t *count, uint64_t *functions);
} engine_t;

extern const engine_t engine_ours, engine_wamr;

/* What the host answers when the module calls an import: a number that depends on all calls before. Logs it. */
uint64_t host_call(const host_import_t *import, const uint64_t *args);

static inline uint64_t hash_add(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static inline uint8_t param_type(const subject_t *subject, const mk_vm_type_t *type, uint32_t i) {
    return subject->module.bytes[type->params_at + i];
}
static inline uint8_t result_type(const subject_t *subject, const mk_vm_type_t *type, uint32_t i) {
    return subject->module.bytes[type->results_at + i];
}

#endif
