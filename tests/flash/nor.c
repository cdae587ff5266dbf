/* SPDX-License-Identifier: Apache-2.0 */
#include "flash/nor.h"

#include <stdlib.h>
#include <string.h>

#include "rig/random.h"
#include "rig/rig.h"

static struct {
    uint8_t     *bytes;
    unsigned    *erased;
    size_t       block_bytes, blocks;
    unsigned     points, off_at;
    bool         off;
    rig_random_t chance;
    nor_stats_t  stats;
} flash;

void nor_make(size_t block_bytes, size_t blocks) {
    free(flash.bytes);
    free(flash.erased);
    memset(&flash, 0, sizeof flash);
    flash.bytes = malloc(block_bytes * blocks);
    flash.erased = calloc(blocks, sizeof *flash.erased);
    CHECK(flash.bytes != NULL && flash.erased != NULL);
    memset(flash.bytes, 0xFF, block_bytes * blocks);
    flash.block_bytes = block_bytes;
    flash.blocks = blocks;
}

size_t      nor_block_bytes(void) { return flash.block_bytes; }
size_t      nor_blocks(void) { return flash.blocks; }
bool        nor_is_off(void) { return flash.off; }
unsigned    nor_points(void) { return flash.points; }
uint8_t    *nor_bytes(void) { return flash.bytes; }
nor_stats_t nor_stats(void) { return flash.stats; }

unsigned nor_most_erased(void) {
    unsigned most = 0;
    for (size_t i = 0; i < flash.blocks; i++)
        if (flash.erased[i] > most) most = flash.erased[i];
    return most;
}

void nor_power_off_at(unsigned point, uint64_t seed) {
    flash.off_at = flash.points + point;
    flash.chance.state = seed * 2 + 1;
}

void nor_power_on(void) {
    flash.off = false;
    flash.off_at = 0;
}

void nor_flip(size_t block, size_t bit) {
    flash.bytes[block * flash.block_bytes + bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static uint8_t *place(size_t block, size_t at, size_t size) {
    CHECK(block < flash.blocks && at + size <= flash.block_bytes);
    return flash.bytes + block * flash.block_bytes + at;
}

/* Whether there is power; `*part`: not up to the end of this. */
static bool powered(bool *part) {
    if (flash.off) return false;
    flash.points++;
    *part = flash.points == flash.off_at;
    if (*part) flash.off = true;
    return true;
}

int nor_read(size_t block, size_t at, void *to, size_t size) {
    if (flash.off) return -1;
    memcpy(to, place(block, at, size), size);
    flash.stats.reads++;
    flash.stats.read_bytes += size;
    return 0;
}

/* Torn: some bytes are done, and of the one that was under way some bits. */
int nor_program(size_t block, size_t at, const void *from, size_t size) {
    bool           part;
    uint8_t       *to = place(block, at, size);
    const uint8_t *with = from;
    if (!powered(&part)) return -1;
    size_t done = part ? rig_random_below(&flash.chance, (uint32_t)size + 1) : size;
    for (size_t i = 0; i < done; i++) {
        CHECK((to[i] & with[i]) == with[i]); /* nothing but an erasing makes a one of a zero */
        to[i] = with[i];
    }
    if (done < size) to[done] &= with[done] | (uint8_t)rig_random_next(&flash.chance);
    flash.stats.programs++;
    flash.stats.program_bytes += size;
    return part ? -1 : 0;
}

/* Torn: some bits of the block are ones already, in one part of it more than in the other. */
int nor_erase(size_t block) {
    bool     part;
    uint8_t *at = place(block, 0, flash.block_bytes);
    if (!powered(&part)) return -1;
    size_t done = part ? rig_random_below(&flash.chance, (uint32_t)flash.block_bytes + 1) : flash.block_bytes;
    bool   weak = part && rig_random_below(&flash.chance, 2) == 0;
    memset(at, 0xFF, done);
    for (size_t i = done; weak && i < flash.block_bytes; i++) at[i] |= (uint8_t)rig_random_next(&flash.chance);
    flash.erased[block]++;
    flash.stats.erases++;
    return part ? -1 : 0;
}
