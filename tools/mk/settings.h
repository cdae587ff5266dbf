/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h -- defaults from the environment, and what a value may be. */
#ifndef MK_TOOLS_SETTINGS_H
#define MK_TOOLS_SETTINGS_H

#include "cli.h"

/* What a node may be called: it becomes a part of paths (/node/<name>/...) and travels in a field of 32 bytes. */
enum { MK_NODE_NAME_BYTES_MAX = 31 };

/* The defaults, with MK_NODE_NAME, MK_NODE_ID and MK_ENGINE. Returns NULL, or which of them is no usable value. */
const char *mk_settings_init(mk_settings_t *settings);

/* Letters, digits, '-', '_' and '.', 1 to 31 of them, with a letter or digit among them; and none of the words that have a meaning of
 * their own in paths. */
bool mk_settings_name_ok(const char *name);

/* Decimal digits only. False: not a number from `min` to `max`. */
bool mk_settings_number(const char *text, uint32_t min, uint32_t max, uint32_t *out);

#endif
