/* SPDX-License-Identifier: Apache-2.0 */
/* littlefs.h -- littlefs on the flash of nor.h, behind calls.h, with the defaults that its component for ESP-IDF has. */
#ifndef MK_TESTS_FLASH_LITTLEFS_H
#define MK_TESTS_FLASH_LITTLEFS_H

#include <lfs.h>

/* What differs between measurements; zero takes the default. */
typedef struct littlefs_options {
    lfs_size_t read_size, prog_size, cache_size, lookahead_size, inline_max;
} littlefs_options_t;

void   littlefs_format(const littlefs_options_t *options); /* of a flash that was just made; mounted after it */
void   littlefs_remount(void); /* as after the power has come back: nothing that was in memory is left */
lfs_t *littlefs(void);

#endif
