/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_engines.h -- the engines that run the kernels, each as one table of functions. */
#ifndef BENCH_KERNELS_ENGINES_H
#define BENCH_KERNELS_ENGINES_H

#include <stddef.h>
#include <stdint.h>

/* All of it ends the program when it fails: a kernel that did not run has no figure. */
typedef struct kernels_engine {
    const char *name;
    void *(*open)(const uint8_t *bytes, size_t size); /* borrows the bytes until close() */
    uint32_t (*run)(void *opened, uint32_t n);        /* the export "run"                */
    void (*close)(void *opened);
} kernels_engine_t;

extern const kernels_engine_t kernels_ours, kernels_wamr;

/* How much a run of ours may use before it stops and is resumed, as a scheduler would do it, and how often that was so since
 * this was last cleared. */
extern int32_t  kernels_slice;
extern uint64_t kernels_slices;

/* Seconds to decode and validate, and then to translate every function. */
typedef struct kernels_load {
    double   validated, translated;
    uint32_t functions;
} kernels_load_t;

kernels_load_t kernels_load(const uint8_t *bytes, size_t size);

#endif
