/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/inbox.h"

#include <string.h>

#include "base/mem.h"

mk_err_t mk_inbox_init(mk_inbox_t *inbox) {
    *inbox = (mk_inbox_t){.last = &inbox->head};
    return mk_mutex_create(&inbox->lock);
}

void mk_inbox_fini(mk_inbox_t *inbox) {
    for (mk_post_t *post = mk_inbox_take_all(inbox), *next; post != NULL; post = next) {
        next = post->next;
        mk_free(post);
    }
    mk_mutex_destroy(inbox->lock);
}

bool mk_inbox_put(mk_inbox_t *inbox, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    mk_post_t *post = mk_alloc(sizeof *post + size);
    if (post == NULL) return false;
    *post = (mk_post_t){.dest = dest, .type = type, .size = size};
    if (size != 0) memcpy(post + 1, payload, size);
    mk_mutex_lock(inbox->lock);
    bool room = inbox->count < MK_INBOX_MAX;
    if (room) {
        *inbox->last = post;
        inbox->last = &post->next;
        __atomic_store_n(&inbox->count, inbox->count + 1, __ATOMIC_RELAXED);
    }
    mk_mutex_unlock(inbox->lock);
    if (!room) mk_free(post);
    return room;
}

mk_post_t *mk_inbox_take_all(mk_inbox_t *inbox) {
    /* The common case is an empty inbox, looked at without the lock; whoever posts wakes the loop afterwards. */
    if (__atomic_load_n(&inbox->count, __ATOMIC_RELAXED) == 0) return NULL;
    mk_mutex_lock(inbox->lock);
    mk_post_t *posts = inbox->head;
    inbox->head = NULL;
    inbox->last = &inbox->head;
    __atomic_store_n(&inbox->count, 0, __ATOMIC_RELAXED);
    mk_mutex_unlock(inbox->lock);
    return posts;
}
