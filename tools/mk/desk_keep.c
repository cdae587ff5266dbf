/* SPDX-License-Identifier: Apache-2.0 */
/* desk_keep.c -- the lines typed so far are kept under one key, for all shells of this node: who typed last has the say. Without a
 * key-value store nothing is kept, and nobody is told. */
#include <stdlib.h>
#include <string.h>

#include "desk_parts.h"
#include "microkernel/service_messages.h"
#include "microkernel/services.h"

enum { WAIT_MS = 10000, WAITING_MAX = 16 };

static const char key[] = "key=shell/history\n";

/* Who waits for what was kept. A node has one desk. */
static struct {
    call_id_t  call;
    actor_id_t shell;
} waiting[WAITING_MAX];

void mk_desk_remember(runtime_t *rt, const message_t *msg) {
    static const char value[] = "value=";
    actor_id_t        kv = actor_lookup(rt, "/node/local/storage/kv");
    size_t            size = sizeof key - 1 + sizeof value - 1 + msg->payload_size;
    char             *text = kv != ACTOR_ID_INVALID ? malloc(size) : NULL;
    if (text == NULL) return;
    memcpy(text, key, sizeof key - 1);
    memcpy(text + sizeof key - 1, value, sizeof value - 1);
    if (msg->payload_size != 0) memcpy(text + size - msg->payload_size, msg->payload, msg->payload_size);
    (void)actor_call(rt, kv, MSG_CF_KV_PUT, text, size, WAIT_MS);
    free(text);
}

void mk_desk_recall(runtime_t *rt, actor_id_t shell) {
    actor_id_t kv = actor_lookup(rt, "/node/local/storage/kv");
    unsigned   at = 0;
    while (at < WAITING_MAX && waiting[at].call != CALL_ID_INVALID) at++;
    if (kv == ACTOR_ID_INVALID || at == WAITING_MAX) return;
    waiting[at].call = actor_call(rt, kv, MSG_CF_KV_GET, key, sizeof key - 1, WAIT_MS);
    waiting[at].shell = shell;
}

bool mk_desk_keep_answered(runtime_t *rt, const message_t *msg) {
    if (msg->call == CALL_ID_INVALID) return false;
    for (unsigned i = 0; i < WAITING_MAX; i++) {
        if (waiting[i].call != msg->call) continue;
        waiting[i].call = CALL_ID_INVALID;
        bool kept = msg->type == MSG_CF_VALUE;
        if (kept || msg->type == MSG_CF_NOT_FOUND)
            (void)actor_send(rt, waiting[i].shell, MK_DESK_HISTORY, kept ? msg->payload : NULL,
                             kept ? msg->payload_size : 0);
        return true;
    }
    return true; /* something was kept, or was not: nobody waits for that */
}
