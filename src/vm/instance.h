/* SPDX-License-Identifier: Apache-2.0 */
/* instance.h -- a program with its own memory, tables, globals and, while a call is under way, its own frames.
 *
 * All of it is plain data. What refers to code or data refers by number, so the whole can be written down and read back
 * elsewhere (snapshot.h). One thread at a time may use an instance.
 *
 * A call, and each continuation of one, ends in one of four ways:
 *   MK_VM_DONE         the results are there; the instance is idle
 *   MK_VM_BLOCKED      a host import asked to wait: mk_vm_resume_with() goes on with its results
 *   MK_VM_OUT_OF_FUEL  mk_vm_resume() goes on with more
 *   MK_VM_TRAPPED      mk_vm_trap_text() says why; the instance may be called again
 *
 * A host import may call into its own instance. Such an inner call runs on frames of its own and has to end before the
 * import does: an import that blocks inside of it, or fuel that ends there, traps it (NESTED_WAIT, NESTED_FUEL). */
#ifndef MK_VM_INSTANCE_H
#define MK_VM_INSTANCE_H

#include "vm/program.h"

typedef struct mk_vm_instance mk_vm_instance_t;

typedef enum mk_vm_end { MK_VM_DONE, MK_VM_BLOCKED, MK_VM_OUT_OF_FUEL, MK_VM_TRAPPED } mk_vm_end_t;

/* How a host import ends. EXIT: the whole call is done, its results are 0. TRAP: the call traps; the import may have left a
 * text with mk_vm_host_trap(). */
typedef enum mk_vm_host_end { MK_VM_HOST_DONE, MK_VM_HOST_BLOCKED, MK_VM_HOST_EXIT, MK_VM_HOST_TRAP } mk_vm_host_end_t;

/* The arguments stand in slots[0], slots[1], ..., the results are to be put there as well; there is room for the larger of the
 * two, and a result nobody writes is 0 if there are no arguments, else what stood there. Narrow values are zero-extended, both
 * ways. `arg` is the import's, from mk_vm_import_function_t. */
typedef mk_vm_host_end_t mk_vm_host_fn(mk_vm_instance_t *instance, const void *arg, uint64_t *slots);

/* A reference to a function is 0 (null), or the id of its instance in the upper half and its index plus one in the lower. An
 * externref is 0 or any 64 bits of the host's. */
typedef uint64_t mk_vm_ref_t;

/* --- parts of instances, which others may import ---------------------------------------------------------------------- */

/* Where the pages of memories come from. resize(): like realloc, but what is new is zero; `from` bytes may be 0 with base
 * NULL; bytes 0 gives back. NULL: out of memory, and `base` is as before. Any thread. */
typedef struct mk_vm_pages {
    uint8_t *(*resize)(uint8_t *base, uint64_t from, uint64_t bytes);
} mk_vm_pages_t;

extern const mk_vm_pages_t mk_vm_pages_heap; /* of base/mem.h */

typedef struct mk_vm_memory_inst {
    uint8_t *base;
    uint64_t bytes;        /* all that can be reached, the hidden ones included                             */
    uint64_t hidden_bytes; /* at the end: memory.size does not count them until the guest itself has grown  */
    uint64_t bytes_max;    /* of the module's maximum and the instance's limit the smaller; with hidden ones */
    uint32_t pages_max;    /* what the module declares; MK_VM_NONE when it does not: for linking            */
    uint8_t  page_shift;
    const mk_vm_pages_t *pages;
} mk_vm_memory_inst_t;

typedef struct mk_vm_table_inst {
    mk_vm_ref_t *entries;
    uint32_t     count, count_max; /* the smaller of declared maximum and limit        */
    uint32_t     declared_max;     /* MK_VM_NONE when there is none: for linking       */
    uint8_t      type;
} mk_vm_table_inst_t;

typedef struct mk_vm_import_function {
    mk_vm_host_fn    *fn; /* NULL: the function of another instance of the same store */
    const void       *arg;
    mk_vm_instance_t *instance;
    uint32_t          function;
} mk_vm_import_function_t;

/* What the imports of a module are bound to, each kind in the order of import. Types have been compared (link.h does). */
typedef struct mk_vm_imports {
    const mk_vm_import_function_t *functions; /* borrowed as long as the instance lives; the others are only read  */
    mk_vm_table_inst_t *const     *tables;
    uint64_t *const               *globals;
    mk_vm_memory_inst_t           *memory;
} mk_vm_imports_t;

/* --- instances ---------------------------------------------------------------------------------------------------------- */

/* Hitting one is a load error or a trap, with the figures in its text. 0: the default. */
typedef struct mk_vm_instance_limits {
    uint32_t stack_slots;   /* of 8 bytes, for the frames of one call; default 64 Ki, most 16 Mi */
    uint32_t depth;         /* of calls; default 16 Ki                                           */
    uint32_t table_entries; /* of one table; default 1 Mi                                        */
    uint64_t memory_bytes;  /* default 4 GiB                                                     */
    uint32_t hidden_bytes;  /* behind the declared memory, for the host: a multiple of 16         */
} mk_vm_instance_limits_t;

/* Instances that import from each other belong to one store and end together with it. */
typedef struct mk_vm_store {
    mk_vm_instance_t **instances;
    uint32_t           count, room;
} mk_vm_store_t;

void mk_vm_store_init(mk_vm_store_t *store);
void mk_vm_store_fini(mk_vm_store_t *store); /* destroys its instances, not their programs */

/* Makes an instance and runs none of its code: its start function (program->module.start) is called like any other, by whoever
 * made it. Its segments are not yet in place: mk_vm_instance_fill(). `store` is NULL for one that stands alone, `imports`
 * may be NULL if there are none, `pages` NULL for the heap. MK_ERR_NOMEM, MK_ERR_LIMIT: *out is untouched. */
MK_MUST_CHECK mk_err_t mk_vm_instance_create(mk_vm_program_t *program, const mk_vm_imports_t *imports,
                                             const mk_vm_instance_limits_t *limits, const mk_vm_pages_t *pages,
                                             mk_vm_store_t *store, void *host, mk_vm_instance_t **out, char *err,
                                             size_t err_size);

/* Copies the active segments, in the order of the specification. A trap leaves in place what was copied before it. */
MK_MUST_CHECK mk_vm_trap_t mk_vm_instance_fill(mk_vm_instance_t *instance);

/* Of one that stands alone, in any state but from inside of its own import. NULL is allowed. */
void mk_vm_instance_destroy(mk_vm_instance_t *instance);

void *mk_vm_host(const mk_vm_instance_t *instance); /* as given to create */

/* --- calls ---------------------------------------------------------------------------------------------------------------- */

/* Calls a function by its index, which must exist, with as many arguments as it takes. `fuel` is units of register code, about
 * half a nanosecond each, at most INT32_MAX; a call that is not over when they are used up stops at the next stop point. At
 * MK_VM_DONE results[0], results[1], ... are set. */
mk_vm_end_t mk_vm_call(mk_vm_instance_t *instance, uint32_t function, const uint64_t *args, uint64_t *results,
                       int32_t fuel);
mk_vm_end_t mk_vm_resume(mk_vm_instance_t *instance, uint64_t *results, int32_t fuel);
/* `values` are the results of the import that blocked. */
mk_vm_end_t mk_vm_resume_with(mk_vm_instance_t *instance, const uint64_t *values, uint64_t *results, int32_t fuel);

/* Ends a call that blocked or is out of fuel, as if it had never returned. */
void mk_vm_abandon(mk_vm_instance_t *instance);

/* From inside of a host import: adds to the fuel of the call under way (or takes; it ends at the next stop point then). */
void mk_vm_add_fuel(mk_vm_instance_t *instance, int32_t fuel);

/* From inside of a host import that will answer MK_VM_HOST_TRAP: the text, borrowed until the next call. */
void mk_vm_host_trap(mk_vm_instance_t *instance, const char *text);

/* Why the last call trapped: "out of bounds memory access: 4 bytes at 70000 of 65536, in checksum (function 12) at byte
 * 1234". Until the next call. */
mk_vm_trap_t mk_vm_trap(const mk_vm_instance_t *instance);
void         mk_vm_trap_text(const mk_vm_instance_t *instance, char *text, size_t size);

/* One frame after the other, the innermost first, of a call that trapped, blocked or is out of fuel. False: there are no more. */
typedef struct mk_vm_frame_place {
    uint32_t function;
    uint32_t at; /* byte in the module, 0 of an import */
} mk_vm_frame_place_t;
bool mk_vm_backtrace(const mk_vm_instance_t *instance, uint32_t index, mk_vm_frame_place_t *out);

/* How its slots, memory and code stand: for inspection and benchmarks. */
size_t mk_vm_instance_bytes(const mk_vm_instance_t *instance); /* of the heap, without the memory */

/* --- exports ---------------------------------------------------------------------------------------------------------------- */

/* By index among their kind, imports included; the index must exist. Borrowed. */
mk_vm_memory_inst_t *mk_vm_memory(mk_vm_instance_t *instance); /* NULL: it has none */
mk_vm_table_inst_t  *mk_vm_table(mk_vm_instance_t *instance, uint32_t index);
uint64_t            *mk_vm_global(mk_vm_instance_t *instance, uint32_t index);
mk_vm_ref_t          mk_vm_function_ref(mk_vm_instance_t *instance, uint32_t index);

/* Pages as memory.grow counts them; the number before, or MK_VM_NONE: not possible. */
uint32_t mk_vm_memory_grow(mk_vm_memory_inst_t *memory, uint32_t pages);
uint32_t mk_vm_memory_size(const mk_vm_memory_inst_t *memory);

#endif
