/* SPDX-License-Identifier: Apache-2.0 */
/* switch.h -- the processor's part of a fiber; one file per architecture. */
#ifndef MK_WASM_FIBER_SWITCH_H
#define MK_WASM_FIBER_SWITCH_H

#include <stdint.h>

/* Saves the registers a function must keep on the current stack and its stack pointer in *from, then continues on the
 * stack whose pointer was saved as `to`. Floating-point control words are not saved: nobody here changes them. */
void mk_fiber_switch(void **from, void *to);

/* Prepares the stack that ends at `top` (16-byte aligned) so that the first switch to the pointer returned calls
 * fn(arg). `fn` must not return. */
void *mk_fiber_prepare(uint8_t *top, void (*fn)(void *), void *arg);

/* Calls fn(arg) with the stack pointer at `stack`, that of a stack which is switched away from, and returns here. */
void mk_fiber_call_on(void *stack, void (*fn)(void *), void *arg);

#endif
