/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/account.h"

#include "base/mem.h"
#include "core/message.h"

struct mk_account {
    size_t   bytes; /* atomic, as the next */
    uint32_t refs;  /* the holder's, and one of each buffer */
};

mk_account_t *mk_account_create(void) {
    mk_account_t *account = mk_calloc(1, sizeof *account);
    if (account != NULL) account->refs = 1;
    return account;
}

void mk_account_release(mk_account_t *account) {
    if (account != NULL && __atomic_sub_fetch(&account->refs, 1, __ATOMIC_ACQ_REL) == 0) mk_free(account);
}

size_t mk_account_bytes(const mk_account_t *account) { return __atomic_load_n(&account->bytes, __ATOMIC_RELAXED); }

size_t mk_account_buffers(const mk_account_t *account) { return __atomic_load_n(&account->refs, __ATOMIC_RELAXED) - 1; }

static void settle(void *owner, size_t size) {
    mk_account_t *account = owner;
    __atomic_sub_fetch(&account->bytes, size, __ATOMIC_RELAXED);
    mk_account_release(account);
}

message_buffer_t *mk_account_buffer(mk_account_t *account, size_t size) {
    message_buffer_t *buf = message_buffer_create(size);
    if (buf == NULL) return NULL;
    __atomic_add_fetch(&account->refs, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&account->bytes, size, __ATOMIC_RELAXED);
    buf->released = settle;
    buf->owner = account;
    return buf;
}

size_t mk_account_free_bytes(void) { return MK_MSG_INLINE_MAX; }
