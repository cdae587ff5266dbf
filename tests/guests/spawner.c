/* SPDX-License-Identifier: Apache-2.0 */
/* spawner.c -- starts others until it is refused. */
#include "guest.h"

enum {
    SPAWN = 10,       /* a module: mk_spawn_wasm it until refused; RESULT: how many              */
    SPAWN_ONE = 11,   /* a module: mk_spawn_wasm it once; answered with CHILD                    */
    SPAWN_FILE = 12,  /* a path: mk_spawn_file it once, without a name; answered with CHILD      */
    SPAWN_NAMED = 13, /* a path: the same, as "spawned"                                          */
    CHILD = 14,       /* u64 id or 0, u32 file size, then the text of mk_last_error              */
    MANY_FILES = 15   /* a path: mk_spawn_file it until refused; RESULT: how many                */
};

static const char NAME[] = "spawned";
enum { TEXT_BYTES = 200 };

static struct {
    mk_actor_t child;
    uint32_t   file_bytes;
    char       text[TEXT_BYTES];
} reply;

static void tell(mk_actor_t to, mk_actor_t child, uint32_t file_bytes) {
    int32_t len = mk_last_error(reply.text, sizeof reply.text);
    reply.child = child;
    reply.file_bytes = file_bytes;
    mk_send(to, CHILD, &reply, (uint32_t)(reply.text - (char *)&reply) + (uint32_t)(len > 0 ? len : 0));
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    uint32_t   count = 0;
    uint32_t   file_bytes = 0;
    mk_actor_t child;
    switch (type) {
    case SPAWN:
        while (mk_spawn_wasm(payload, size) != MK_NOBODY) count++;
        mk_send_u32(source, RESULT, count);
        return MK_STAY;
    case MANY_FILES:
        while (mk_spawn_file(payload, size, NULL, 0, NULL) != MK_NOBODY) count++;
        mk_send_u32(source, RESULT, count);
        return MK_STAY;
    case SPAWN_ONE: tell(source, mk_spawn_wasm(payload, size), 0); return MK_STAY;
    case SPAWN_FILE:
    case SPAWN_NAMED:
        child = mk_spawn_file(payload, size, NAME, type == SPAWN_NAMED ? sizeof NAME - 1 : 0, &file_bytes);
        tell(source, child, file_bytes);
        return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
