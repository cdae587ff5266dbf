/* SPDX-License-Identifier: Apache-2.0 */
/* account.h -- how many bytes of large payloads a sender has under way: sent, and not handled or dropped yet. */
#ifndef MK_RUNTIME_ACCOUNT_H
#define MK_RUNTIME_ACCOUNT_H

#include "microkernel/message.h"

/* Shared by its holder and what it counts, so either may go first. */
typedef struct mk_account mk_account_t;

/* NULL when out of memory. */
mk_account_t *mk_account_create(void);
void          mk_account_release(mk_account_t *account); /* NULL is allowed */

/* Any thread: buffers may travel between runtimes. */
size_t mk_account_bytes(const mk_account_t *account);
size_t mk_account_buffers(const mk_account_t *account);

/* As message_buffer_create(), and counted until its last reference is gone. */
message_buffer_t *mk_account_buffer(mk_account_t *account, size_t size);

/* Payloads up to this lie in their message and are limited by mailboxes alone. */
size_t mk_account_free_bytes(void);

#endif
