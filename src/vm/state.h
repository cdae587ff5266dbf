/* SPDX-License-Identifier: Apache-2.0 */
/* state.h -- the inside of an instance, for those files of the room that run it, save it or restore it.
 *
 * A frame is a window into the stack:
 *
 *     slot 0 .. p-1               parameters
 *     slot p .. l-1               other locals
 *     slot link_at                the link: where the caller goes on (mk_vm_link_t); link_at >= l, and >= number of results
 *     slot operands_at = link_at+1 ...   operands
 *
 * The callee's window begins at its first argument among the caller's operands, and its results are left in the callee's
 * slots 0, 1, ...: a call copies nothing. (A single result travels in an accumulator instead.) */
#ifndef MK_VM_STATE_H
#define MK_VM_STATE_H

#include "vm/instance.h"

/* How a frame's caller goes on: its function in the upper half, the unit of its code in the lower one. Between the two lies
 * code[pc - 1]: how many slots further down the caller's window begins. The outermost frame's link names the function behind
 * the last, whose code ends the call. */
typedef uint64_t mk_vm_link_t;

typedef enum mk_vm_state {
    MK_VM_IDLE,
    MK_VM_RUNNING,
    MK_VM_STOPPED, /* out of fuel            */
    MK_VM_WAITING, /* in an import           */
    MK_VM_FAILED,  /* trapped; frames remain */
} mk_vm_state_t;

/* One call of the host with everything below it. While it runs, base, pc, function and fuel are up to date only inside of imports. */
typedef struct mk_vm_stack {
    uint64_t         *slots; /* NULL: idle */
    uint32_t          capacity;
    uint32_t          base;     /* of the innermost frame's window    */
    uint32_t          function; /* the innermost frame's              */
    uint32_t          pc;       /* the unit of its code to go on with */
    uint32_t          depth;    /* frames                             */
    uint32_t          called;   /* the function the host called       */
    int32_t           fuel;
    mk_vm_instance_t *current;  /* whose function it is               */
    bool              inner;    /* called from inside of an import    */
} mk_vm_stack_t;

/* How a new stack begins: enough for a guest that waits a few calls deep, so that it does not even have to grow. */
enum { MK_VM_STACK_SLOTS = 60 };

struct mk_vm_instance {
    mk_vm_program_t               *program;
    const mk_vm_import_function_t *imports;
    mk_vm_memory_inst_t           *memory; /* own or imported; one without bytes if there is none */
    mk_vm_table_inst_t           **tables;
    uint64_t                     **globals;
    uint8_t                       *dropped; /* bits: element segments, then data segments */
    mk_vm_store_t                 *store;   /* NULL: stands alone */
    void                          *host;
    uint32_t                       id; /* in its store, else 0 */
    mk_vm_instance_limits_t        limits;

    mk_vm_state_t state;
    mk_vm_stack_t stack;

    mk_vm_trap_t      trap;
    uint64_t          trap_facts[2];  /* figures for its text  */
    const char       *trap_host;      /* text of an import's   */
    mk_vm_instance_t *trap_instance;  /* whose function it was */
    uint32_t          trap_function, trap_pc;

    mk_vm_memory_inst_t own_memory;
    uint32_t            bytes; /* of this allocation: cells of globals and tables follow */
};

static inline bool mk_vm_is_dropped(const mk_vm_instance_t *instance, uint32_t segment) {
    return (instance->dropped[segment / 8] >> segment % 8 & 1) != 0;
}
static inline void mk_vm_drop(mk_vm_instance_t *instance, uint32_t segment) {
    instance->dropped[segment / 8] |= (uint8_t)(1u << segment % 8);
}
static inline uint32_t mk_vm_data_bit(const mk_vm_instance_t *instance, uint32_t data) {
    return instance->program->module.elements_count + data;
}

/* Makes room for `slots` above `used` ones, which keep their contents. False: the limit is reached (the trap is set), or no memory. */
bool mk_vm_stack_grow(mk_vm_instance_t *instance, uint32_t used, uint32_t slots);

#endif
