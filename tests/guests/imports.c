/* SPDX-License-Identifier: Apache-2.0 */
/* imports.c -- calls the imports that need a grant, one each. Message 10 + n calls the n-th with the payload as its
 * text; RESULT: what it returned (ids: their lower half), then the text of mk_last_error. */
#include "guest.h"

enum {
    REGISTER = 10,
    LOOKUP,
    STOP_NAMED,
    READ_FILE,
    LIST,
    NODE_NAME,
    SELF_NAME,
    NO_ERROR,
    NS_LIST,
    SAY,
    SAVE,
    LOAD,
    STATUS,
    DATABASE,
    LAST_WORDS
};

enum { TEXT_BYTES = 256 };

static struct {
    uint32_t result;
    char     text[TEXT_BYTES];
} reply;

/* Answers with text the call itself produced. */
static void tell_text(mk_actor_t to, int32_t result, uint32_t len) {
    reply.result = (uint32_t)result;
    mk_send(to, RESULT, &reply, (uint32_t)sizeof reply.result + (len < TEXT_BYTES ? len : TEXT_BYTES));
}

static void tell(mk_actor_t to, int32_t result) {
    int32_t len = mk_last_error(reply.text, sizeof reply.text);
    tell_text(to, result, len > 0 ? (uint32_t)len : 0);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    uint32_t   count = 0;
    int32_t    got;
    mk_actor_t ids[4];
    switch (type) {
    case REGISTER: tell(source, mk_register(payload, size)); return MK_STAY;
    case LOOKUP: tell(source, (int32_t)mk_lookup(payload, size)); return MK_STAY;
    case STOP_NAMED: tell(source, mk_stop(mk_lookup(payload, size))); return MK_STAY;
    case READ_FILE: /* on success the file's first bytes follow */
        got = mk_read_file(payload, size, reply.text, sizeof reply.text, &count);
        if (got == MK_OK) tell_text(source, got, count);
        else tell(source, got);
        return MK_STAY;
    case LIST: /* on success the count */
        got = mk_list_actors(ids, sizeof ids / sizeof ids[0], &count);
        tell(source, got == MK_OK ? (int32_t)count : got);
        return MK_STAY;
    case NODE_NAME:
        got = mk_node_name(reply.text, sizeof reply.text);
        tell_text(source, got, got > 0 ? (uint32_t)got : 0);
        return MK_STAY;
    case SELF_NAME:
        got = mk_reverse_lookup(mk_self(), reply.text, sizeof reply.text);
        tell_text(source, got, got > 0 ? (uint32_t)got : 0);
        return MK_STAY;
    case STATUS: /* of the id that is the payload */
        ids[0] = MK_NOBODY;
        if (size == sizeof ids[0]) __builtin_memcpy(ids, payload, sizeof ids[0]);
        got = mk_actor_status(ids[0], reply.text, sizeof reply.text);
        if (got >= 0) tell_text(source, got, (uint32_t)got);
        else tell(source, got);
        return MK_STAY;
    case NO_ERROR: tell(source, 0); return MK_STAY;
    case NS_LIST:
        got = mk_ns_list(payload, size, reply.text, sizeof reply.text, &count);
        if (got == MK_OK) tell_text(source, (int32_t)count, count);
        else tell(source, got);
        return MK_STAY;
    case SAVE: /* under the key "k" */ tell(source, mk_save_state("k", 1, payload, size)); return MK_STAY;
    case LOAD:
        got = mk_load_state(payload, size, reply.text, sizeof reply.text);
        if (got >= 0) tell_text(source, got, (uint32_t)got);
        else tell(source, got);
        return MK_STAY;
    case DATABASE:   /* the payload is a request to this node's database */
    case LAST_WORDS: /* and the guest has ended when that reads it */
        mk_send(mk_lookup("/node/local/storage/db", 22), 305, payload, size);
        return type == DATABASE ? MK_STAY : MK_STOP;
    case SAY: /* the type, then what to say */
        tell(source, mk_send(source, *(uint32_t *)payload, (uint8_t *)payload + 4, size - 4));
        return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
