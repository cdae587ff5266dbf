/* SPDX-License-Identifier: Apache-2.0 */
/* run.c -- one seed from beginning to end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/port.h"
#include "sim/sim.h"

sim_t sim;

/* ---- what all files need ---------------------------------------------------------------------------------------------------- */

uint64_t sim_now_us(void) { return mk_port_now_us(); }

uint32_t sim_ms(void) { return (uint32_t)((sim_now_us() - sim.began_us) / 1000); }

void sim_note(uint64_t value) { sim.hash = (sim.hash ^ value) * 1099511628211u; }

/* SplitMix64. */
static uint64_t roll(void) {
    uint64_t z = (sim.dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t sim_below(uint32_t n) { return n != 0 ? (uint32_t)((roll() >> 32) * n >> 32) : 0; }

bool sim_chance(uint32_t of_1000) { return sim_below(1000) < of_1000; }

void sim_say(const char *fmt, ...) {
    va_list args;
    if (!sim.verbose) return;
    printf("%6u.%03u  ", sim_ms(), (unsigned)((sim_now_us() - sim.began_us) % 1000));
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

void sim_fail(const char *fmt, ...) {
    char    what[500];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "seed %llu, at %u ms: %s\n", (unsigned long long)sim.plan.seed, sim_ms(), what);
    sim_secrets_end();
    _exit(EXIT_FAILURE);
}

typedef struct block {
    _Alignas(16) struct block *next;
} block_t;

static block_t *blocks;

void *sim_alloc(size_t size) {
    block_t *block = calloc(1, sizeof *block + size);
    if (block == NULL) abort();
    block->next = blocks;
    blocks = block;
    return block + 1;
}

void sim_free_all(void) {
    while (blocks != NULL) {
        block_t *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

/* ---- a run ---------------------------------------------------------------------------------------------------------------------- */

static void begin(uint64_t seed, bool verbose) {
    sim = (sim_t){.dice = seed, .hash = seed, .verbose = verbose};
    sim_plan(&sim.plan, seed);
    sim_actors_begin();
    sim_ledger_begin();
    sim_names_begin();
    sim_hostile_begin();
    sim_world_begin();
    sim_plan_say(&sim.plan);
}

static void trouble(void) {
    uint64_t until_us = sim_now_us() + sim.plan.trouble_ms * 1000ull;
    sim_faults_begin();
    while (sim_now_us() < until_us) {
        sim_step();
        sim_watch();
        sim_faults_go_on();
    }
}

uint64_t sim_run(uint64_t seed, bool verbose) {
    begin(seed, verbose);
    trouble();
    sim_calm();
    sim_world_end();
    for (size_t i = 0; i < sizeof sim.count / sizeof(uint64_t); i++) sim_note(((uint64_t *)&sim.count)[i]);
    sim_note(sim.lines);
    sim_free_all();
    return sim.hash;
}
