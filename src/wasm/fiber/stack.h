/* SPDX-License-Identifier: Apache-2.0 */
/* stack.h -- where fibers get their memory; one file per platform. */
#ifndef MK_WASM_FIBER_STACK_H
#define MK_WASM_FIBER_STACK_H

#include <stddef.h>
#include <stdint.h>

/* `bytes` rounded up to what the platform maps at once. */
size_t mk_stack_round(size_t bytes);

/* `bytes` (already rounded) of zeroed memory whose lower neighbour faults when touched. NULL: out of memory. */
uint8_t *mk_stack_map(size_t bytes);
void     mk_stack_unmap(uint8_t *low, size_t bytes);

#endif
