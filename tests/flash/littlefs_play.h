/* SPDX-License-Identifier: Apache-2.0 */
/* littlefs_play.h -- a store on littlefs on a flash that can lose its power, as play.h has it on the fake disk. */
#ifndef MK_TESTS_FLASH_LITTLEFS_PLAY_H
#define MK_TESTS_FLASH_LITTLEFS_PLAY_H

#include "flash/calls.h"
#include "flash/littlefs.h"
#include "flash/nor.h"

/* How much of what takes long is done: a board in an emulator does a part of it. */
enum { PATIENCE = sizeof(void *) > 4 ? 10 : 2 };

typedef struct geometry {
    size_t             block_bytes, blocks;
    littlefs_options_t options;
} geometry_t;

/* That of an ESP32's flash with the component's defaults: 256 KiB. */
static const geometry_t of_a_chip = {4096, 64, {0}};
static const geometry_t *geometry = &of_a_chip;

static inline void fresh_flash(void) {
    nor_make(geometry->block_bytes, geometry->blocks);
    littlefs_format(&geometry->options);
}

#define FOLDER     FLASH_MOUNT "/store"
#define RESET_DISK fresh_flash
#include "store/play.h"

/* What is in memory goes, as when the power does. */
static inline void boot(void) {
    close_store();
    nor_power_on();
    littlefs_remount();
    open_store();
}

#endif
