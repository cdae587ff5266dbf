/* SPDX-License-Identifier: Apache-2.0 */
/* nor.h -- a NOR flash in memory: a block is erased to ones, and programming only turns ones into zeros. The power can go in any single
 * erasing or programming, which then does a part of its work. */
#ifndef MK_TESTS_FLASH_NOR_H
#define MK_TESTS_FLASH_NOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nor_stats {
    uint64_t reads, read_bytes, programs, program_bytes, erases;
} nor_stats_t;

/* A new flash, erased; the one before it is gone. */
void nor_make(size_t block_bytes, size_t blocks);

size_t nor_block_bytes(void);
size_t nor_blocks(void);

/* 0, or -1 when there is no power. */
int nor_read(size_t block, size_t at, void *to, size_t size);
int nor_program(size_t block, size_t at, const void *from, size_t size);
int nor_erase(size_t block);

/* The power goes in the `point`-th erasing or programming from now on (1: the next); `seed` says how much of it is done. */
void     nor_power_off_at(unsigned point, uint64_t seed);
void     nor_power_on(void);
bool     nor_is_off(void);
unsigned nor_points(void); /* so far */

void        nor_flip(size_t block, size_t bit);
uint8_t    *nor_bytes(void);
nor_stats_t nor_stats(void);
unsigned    nor_most_erased(void); /* how often the block was that was erased most */

#endif
