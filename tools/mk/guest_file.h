/* SPDX-License-Identifier: Apache-2.0 */
/* guest_file.h -- .wasm files named on the command line. */
#ifndef MK_TOOLS_GUEST_FILE_H
#define MK_TOOLS_GUEST_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The whole file, to be given to free(). NULL: *why, a text that needs not be freed. */
void *mk_guest_file_read(const char *path, size_t *size, const char **why);

enum { MK_GUEST_NAME_BYTES = 256 };

/* What the `number`th guest from this file is called: `echo`, `echo_1`, ... False: the name is too long. */
bool mk_guest_file_name(const char *path, unsigned number, char out[MK_GUEST_NAME_BYTES]);

#endif
