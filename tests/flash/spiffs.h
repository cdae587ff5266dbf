/* SPDX-License-Identifier: Apache-2.0 */
/* spiffs.h -- the rules of SPIFFS as ESP-IDF has it, behind calls.h: not its code and not its way of keeping bytes, but what it refuses.
 * It is flat, a name has 31 bytes with its folder and the slash before it, a rename does not replace, and there is no fsync. */
#ifndef MK_TESTS_FLASH_SPIFFS_H
#define MK_TESTS_FLASH_SPIFFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void spiffs_format(void);
void spiffs_space(size_t bytes); /* of all files; SIZE_MAX: no limit */

/* The power goes in the `point`-th call from now on that changes something (1: the next); it does all, a part or nothing of it. */
void spiffs_power_off_at(unsigned point, uint64_t seed);
void spiffs_power_on(void);
bool spiffs_is_off(void);

#endif
