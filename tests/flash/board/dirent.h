/* SPDX-License-Identifier: Apache-2.0 */
/* dirent.h -- as much of it as ESP-IDF has, for a C library that comes without. */
#ifndef MK_TESTS_FLASH_BOARD_DIRENT_H
#define MK_TESTS_FLASH_BOARD_DIRENT_H

#define DT_UNKNOWN 0
#define DT_REG     1
#define DT_DIR     2

typedef struct flash_dir DIR;

struct dirent {
    unsigned char d_type;
    char          d_name[256];
};

#endif
