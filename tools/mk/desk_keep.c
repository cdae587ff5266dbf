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

/* One at a time is on its way to the disk, and only the latest of those that come meanwhile goes there: a script is typed faster than
 * a disk can follow, and its own values would wait behind all of them. */
static struct {
    call_id_t call;
    char     *next; /* a whole request; NULL: nothing has come */
    size_t    next_size;
} keeping;

static void keep(runtime_t *rt, char *text, size_t size) {
    actor_id_t kv = actor_lookup(rt, "/node/local/storage/kv");
    keeping.call = kv != ACTOR_ID_INVALID ? actor_call(rt, kv, MSG_CF_KV_PUT, text, size, WAIT_MS) : CALL_ID_INVALID;
    free(text);
}

void mk_desk_remember(runtime_t *rt, const message_t *msg) {
    static const char value[] = "value=";
    size_t            size = sizeof key - 1 + sizeof value - 1 + msg->payload_size;
    char             *text = malloc(size);
    if (text == NULL) return;
    memcpy(text, key, sizeof key - 1);
    memcpy(text + sizeof key - 1, value, sizeof value - 1);
    if (msg->payload_size != 0) memcpy(text + size - msg->payload_size, msg->payload, msg->payload_size);
    if (keeping.call == CALL_ID_INVALID) {
        keep(rt, text, size);
        return;
    }
    free(keeping.next);
    keeping.next = text;
    keeping.next_size = size;
}

static void kept(runtime_t *rt) {
    char *text = keeping.next;
    keeping.call = CALL_ID_INVALID;
    keeping.next = NULL;
    if (text != NULL) keep(rt, text, keeping.next_size);
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
        bool found = msg->type == MSG_CF_VALUE;
        if (found || msg->type == MSG_CF_NOT_FOUND)
            (void)actor_send(rt, waiting[i].shell, MK_DESK_HISTORY, found ? msg->payload : NULL,
                             found ? msg->payload_size : 0);
        return true;
    }
    if (msg->call == keeping.call) kept(rt); /* or was not: nobody waits for that */
    return true;
}
