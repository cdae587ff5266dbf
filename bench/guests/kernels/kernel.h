/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h -- the kernels: computations that are compiled twice from one source, for WebAssembly and for this machine.
 *
 * Each is one function of the amount of work; its result depends on all of that work, so that nothing can be left out and
 * engines can be held against each other. No library, no memory but static, and no floating-point operation whose rounding a
 * compiler may choose. */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <stdint.h>

/* The kernel of a module is its export "run". */
#ifdef __wasm__
#define KERNEL __attribute__((export_name("run")))
#else
#define KERNEL
#endif

uint32_t kernel_fib(uint32_t n);    /* the n-th, by recursion                                     */
uint32_t kernel_crc32(uint32_t n);  /* n times over 64 KiB, by a table                            */
uint32_t kernel_sha256(uint32_t n); /* n times over 64 KiB                                        */
uint32_t kernel_matrix(uint32_t n); /* n products of two 64 x 64 matrices of f32                  */
uint32_t kernel_mix(uint32_t n);    /* n times: a list is sorted, matrices multiplied, a text read */

/* The same bytes everywhere. */
static inline uint32_t kernel_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

#endif
