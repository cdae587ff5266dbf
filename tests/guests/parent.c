/* SPDX-License-Identifier: Apache-2.0 */
/* parent.c -- starts one actor and tells how it ended. */
#include "guest.h"

enum {
    CHILD = 14, /* answer to GO with a module: its u64 id, or 0            */
    ENDED = 16  /* to whom said GO: the child's u64 id, u32 reason, text    */
};

enum { TEXT_BYTES = 200 };

static mk_actor_t asker;

static struct {
    mk_actor_t child;
    uint32_t   reason;
    char       text[TEXT_BYTES];
} ended;

static void tell_end(const void *payload, uint32_t size) {
    mk_child_end_t end;
    if (!mk_child_end(payload, size, &end)) return;
    uint32_t len = end.text_len < TEXT_BYTES ? end.text_len : TEXT_BYTES;
    ended.child = end.child;
    ended.reason = end.reason;
    for (uint32_t i = 0; i < len; i++) ended.text[i] = end.text[i];
    mk_send(asker, ENDED, &ended, (uint32_t)(ended.text - (char *)&ended) + len);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    mk_actor_t child;
    switch (type) {
    case GO:
        asker = source;
        child = mk_spawn_wasm(payload, size);
        mk_send(source, CHILD, &child, sizeof child);
        return MK_STAY;
    case MK_TYPE_CHILD_EXIT: tell_end(payload, size); return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
