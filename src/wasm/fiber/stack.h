/* SPDX-License-Identifier: Apache-2.0 */
/* stack.h -- memory for stacks of any kind; one file per platform. */
#ifndef MK_WASM_FIBER_STACK_H
#define MK_WASM_FIBER_STACK_H

#include <stddef.h>
#include <stdint.h>

/* `bytes` rounded up to what the platform maps at once. */
size_t mk_stack_round(size_t bytes);

/* `bytes` (already rounded) of zeroed memory whose lower neighbour faults when touched. NULL: out of memory. */
uint8_t *mk_stack_map(size_t bytes);
void     mk_stack_unmap(uint8_t *low, size_t bytes);

/* Gives those whole pages within [at, at + bytes) that hold nothing but zeros back to the system. They still read as
 * zeros, and become resident again when written to. */
void mk_stack_forget_zeros(void *at, size_t bytes);

#endif
