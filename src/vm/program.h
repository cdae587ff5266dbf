/* SPDX-License-Identifier: Apache-2.0 */
/* program.h -- a validated module together with the register code of those of its functions that have been called.
 *
 * One program serves all its instances, on any number of threads: a function is translated when it is first called, and
 * published with one compare-and-exchange; nothing else in here changes. */
#ifndef MK_VM_PROGRAM_H
#define MK_VM_PROGRAM_H

#include <stdatomic.h>

#include "vm/code.h"
#include "vm/module.h"
#include "vm/trap.h"

typedef struct mk_vm_program {
    mk_vm_module_t          module;
    mk_vm_limits_t          limits;
    _Atomic(mk_vm_code_t *) *code; /* by function; one more behind them: where calls of the host return to */
    _Atomic(uint32_t)       code_bytes;  /* translated so far */
    _Atomic(const void *)   home;        /* the thread that made its first instance, see mk_vm_thread(); NULL: none has yet */
    uint64_t               *spare_stack; /* that thread's alone: kept for the next call, or NULL; how many slots says the first */
} mk_vm_program_t;

/* Something that differs from thread to thread. */
const void *mk_vm_thread(void);

/* Decodes and validates, on any thread: what it is used by is another's business. `bytes` are borrowed until mk_vm_program_destroy(). On failure *out is untouched and `err` says
 * what and where: MK_ERR_FORMAT, MK_ERR_NOSYS, MK_ERR_LIMIT, MK_ERR_NOMEM. NULL limits: the default ones. */
MK_MUST_CHECK mk_err_t mk_vm_program_create(const void *bytes, size_t size, const mk_vm_limits_t *limits,
                                            mk_vm_program_t **out, char *err, size_t err_size);

/* After its last instance. NULL is allowed. */
void mk_vm_program_destroy(mk_vm_program_t *program);

/* The register code of a function, translated now if it has not been called before; of an imported one, what calls the
 * import. NULL: *trap says why, OUT_OF_MEMORY or CODE_LIMIT. Any thread. */
const mk_vm_code_t *mk_vm_program_code(mk_vm_program_t *program, uint32_t function, mk_vm_trap_t *trap);

#endif
