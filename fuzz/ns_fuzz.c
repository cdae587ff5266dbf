/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as what peers and actors say about names: an operation, whose it is, a counter, a stamp, the length of a name and the name.
 * Whatever comes, lists are in order and lead where look-ups lead. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "ns/ns.h"

enum { PEERS = 3 };

typedef struct script {
    const uint8_t *at;
    size_t         left;
} script_t;

typedef struct stage {
    runtime_t    *rt;
    mk_ns_t      *ns;
    mk_ns_peer_t *peer[PEERS];
    actor_id_t    actor, ns_actor;
    char          last[2048]; /* path of a listing */
} stage_t;

static uint8_t next(script_t *script) {
    if (script->left == 0) return 0;
    script->left--;
    return *script->at++;
}

static size_t take(script_t *script, const char **out) {
    size_t size = next(script);
    if (size > script->left) size = script->left;
    *out = (const char *)script->at;
    script->at += size;
    script->left -= size;
    return size;
}

static bool relay(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    const stage_t *stage = state;
    (void)self;
    if (msg->type < MK_MSG_SYSTEM_BASE) /* the test's own word: asks the name-space actor */
        (void)actor_send(rt, stage->ns_actor, MK_MSG_SYSTEM_BASE + msg->type, msg->payload, msg->payload_size);
    return true;
}

static bool check_line(void *arg, const char *path, actor_id_t id) {
    stage_t *stage = arg;
    mk_assert(strcmp(path, stage->last) > 0 && strlen(path) < sizeof stage->last);
    strcpy(stage->last, path);
    mk_assert(actor_lookup(stage->rt, path) == id);
    return true;
}

static void check(stage_t *stage) {
    mk_ns_name_t name;
    char         before[2048] = "";
    stage->last[0] = '\0';
    (void)ns_list(stage->rt, "", NULL, check_line, stage);
    for (bool more = mk_ns_next(stage->ns, NULL, &name); more; more = mk_ns_next(stage->ns, name.text, &name)) {
        mk_assert(strcmp(name.text, before) > 0 && name.size == strlen(name.text) && name.size < sizeof before);
        strcpy(before, name.text);
    }
}

static void come_or_go(stage_t *stage, unsigned who) {
    static const char *const identities[PEERS] = {"a", "b", "me2"};
    if (stage->peer[who] != NULL) {
        mk_ns_peer_remove(stage->ns, stage->peer[who]);
        stage->peer[who] = NULL;
    } else if (mk_ns_peer_add(stage->ns, 2 + who, identities[who], &stage->peer[who]) != MK_OK) {
        abort();
    }
}

static void ours(stage_t *stage, uint8_t what, const char *text, size_t size) {
    char name[256];
    memcpy(name, text, size);
    name[size] = '\0';
    switch (what) {
    case 0: (void)actor_register_name(stage->rt, name, stage->actor); break;
    case 1: (void)actor_unregister_name(stage->rt, name); break;
    case 2:
    case 3:
        if (ns_export(stage->rt, name, what == 2) != MK_OK) abort();
        break;
    case 4: ns_keep_names_own(stage->rt, size & 1); break;
    default: (void)actor_lookup(stage->rt, name); break;
    }
}

static void act(stage_t *stage, script_t *script) {
    uint8_t      what = next(script), who = next(script) % PEERS;
    mk_ns_name_t name = {.counter = next(script), .stamp_ms = next(script), .seq = what >> 5};
    name.size = take(script, &name.text);
    mk_ns_peer_t *peer = stage->peer[who];
    what &= 31;
    if (what < 8) {
        ours(stage, what, name.text, name.size);
    } else if (what < 12) { /* MSG_NAME_REGISTER and its neighbours */
        (void)actor_send(stage->rt, stage->actor, 0x10u + (msg_type_t)name.counter % 16, name.text, name.size);
    } else if (what == 12 || peer == NULL) {
        come_or_go(stage, who);
    } else if (what == 13) {
        mk_ns_peer_sync_begin(peer);
    } else if (what == 14) {
        mk_ns_peer_sync_end(stage->ns, peer);
    } else if (what < 18) {
        (void)!mk_ns_peer_drop(stage->ns, peer, name.text, name.size, name.counter);
    } else {
        (void)!mk_ns_peer_put(stage->ns, peer, &name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    stage_t  stage = {.rt = runtime_init(1, 0)};
    if (stage.rt == NULL || (stage.ns = mk_ns_of(stage.rt)) == NULL) abort();
    if (mk_ns_set_identity(stage.ns, "me") != MK_OK) abort();
    stage.ns_actor = ns_actor_init(stage.rt);
    stage.actor = actor_spawn(stage.rt, relay, &stage, NULL, 0);
    while (script.left != 0) {
        act(&stage, &script);
        while (runtime_step(stage.rt)) {}
        check(&stage);
    }
    runtime_destroy(stage.rt);
    return 0;
}
