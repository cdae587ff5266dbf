/* SPDX-License-Identifier: Apache-2.0 */
/* whole_file.h -- files that are there whole or not at all; those with a secret are their owner's alone from the first moment. */
#ifndef MK_TOOLS_WHOLE_FILE_H
#define MK_TOOLS_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* A new file; one that is there already is left alone. False: it was told what is wrong. */
bool mk_whole_file_create(const char *command, const char *path, const void *data, size_t size, bool secret);

/* In the place of one that is there, for its owner alone. False: that is as it was, and it was told what is wrong. */
bool mk_whole_file_replace(const char *command, const char *path, const void *data, size_t size);

#endif
