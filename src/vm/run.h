/* SPDX-License-Identifier: Apache-2.0 */
/* run.h -- the loop that runs register code, and what it leaves to others because it is long and seldom. */
#ifndef MK_VM_RUN_H
#define MK_VM_RUN_H

#include "vm/state.h"

/* Goes on with the instance's stack where it stands: in the code of `function`, at unit `pc`, in the window at `base`. The
 * accumulators begin with what is in the window's first slot, which is where the result of an import is. */
mk_vm_end_t mk_vm_run(mk_vm_instance_t *instance);

/* The code that calls of the host return to, and calls between instances. */
enum { MK_VM_EXIT_HALT = 1, MK_VM_EXIT_BRIDGE = 3 };

static inline mk_vm_link_t mk_vm_link(uint32_t function, uint32_t pc) { return (uint64_t)function << 32 | pc; }

/* --- bulk.c: three operands, which say what is left. A piece at a time, until all is done or `*fuel` is below 0 ------------ */

mk_vm_trap_t mk_vm_bulk_fill(mk_vm_instance_t *instance, uint64_t *operands, int32_t *fuel);
mk_vm_trap_t mk_vm_bulk_copy(mk_vm_instance_t *instance, uint64_t *operands, int32_t *fuel);
mk_vm_trap_t mk_vm_bulk_init(mk_vm_instance_t *instance, uint32_t data, uint64_t *operands, int32_t *fuel);
mk_vm_trap_t mk_vm_bulk_table_fill(mk_vm_instance_t *instance, uint32_t table, uint64_t *operands, int32_t *fuel);
mk_vm_trap_t mk_vm_bulk_table_copy(mk_vm_instance_t *instance, uint32_t to, uint32_t from, uint64_t *operands,
                                   int32_t *fuel);
mk_vm_trap_t mk_vm_bulk_table_init(mk_vm_instance_t *instance, uint32_t table, uint32_t elements, uint64_t *operands,
                                   int32_t *fuel);

/* --- init.c: initialisers, and the items of an element segment one after the other ---------------------------------------- */

/* The value of the initialiser that stands at `at`: slot bits. */
uint64_t       mk_vm_initial_value(const mk_vm_instance_t *instance, uint32_t at);
mk_vm_reader_t mk_vm_items(const mk_vm_instance_t *instance, const mk_vm_elements_t *segment);
mk_vm_ref_t    mk_vm_next_item(const mk_vm_instance_t *instance, const mk_vm_elements_t *segment, mk_vm_reader_t *r);

/* --- others ------------------------------------------------------------------------------------------------------------------ */

/* New entries have the value; the number before, or MK_VM_NONE: not possible. */
uint32_t mk_vm_table_grow(mk_vm_table_inst_t *table, uint32_t entries, mk_vm_ref_t value);

/* Remembers figures for the text of the trap, which it gives back. */
mk_vm_trap_t mk_vm_trapped(mk_vm_instance_t *instance, mk_vm_trap_t trap, uint64_t first, uint64_t second);

#endif
