/* SPDX-License-Identifier: Apache-2.0 */
/* token.h -- the secret of those who connect. Never an argument: those are seen by everyone on the machine. */
#ifndef MK_TOOLS_TOKEN_H
#define MK_TOOLS_TOKEN_H

#include <stdbool.h>

typedef struct mk_token {
    char *text; /* NULL: none */
} mk_token_t;

/* The first line of `path`, which nobody but its owner may read; NULL: of MK_SHELL_TOKEN, which is taken out of the environment;
 * if that is not set either, there is none. False: it was told what is wrong. */
bool mk_token_read(const char *path, mk_token_t *token);

/* Out of memory, in both senses. */
void mk_token_forget(mk_token_t *token);

#endif
