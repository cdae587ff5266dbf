/* SPDX-License-Identifier: Apache-2.0 */
/* flood.c -- fills mailboxes: its own and others'. */
#include "guest.h"

enum {
    FLOOD = 10,     /* u64 actor: LETTER to it until refused; RESULT: how many were accepted   */
    FLOOD_ON = 11,  /* u64 actor: LETTER to it for ever, refused or not                        */
    LETTER = 12,    /* ignored                                                                 */
    AGAIN = 13,     /* sends itself AGAIN: one in the mailbox at any time, for ever            */
    BREED = 14,     /* sends itself BREED twice: the mailbox stays full                        */
    FLOOD_SELF = 15 /* LETTER to itself until refused; RESULT: how many were accepted          */
};

static uint32_t until_refused(mk_actor_t to) {
    uint32_t accepted = 0;
    while (mk_send_u32(to, LETTER, accepted)) accepted++;
    return accepted;
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    switch (type) {
    case FLOOD:
        if (size < 8) return MK_STAY;
        mk_send_u32(source, RESULT, until_refused(get_u64(payload, 0)));
        return MK_STAY;
    case FLOOD_ON:
        while (size >= 8) mk_send_u32(get_u64(payload, 0), LETTER, 0);
        return MK_STAY;
    case FLOOD_SELF: mk_send_u32(source, RESULT, until_refused(mk_self())); return MK_STAY;
    case BREED:
        mk_send(mk_self(), BREED, NULL, 0);
        mk_send(mk_self(), BREED, NULL, 0);
        return MK_STAY;
    case AGAIN: mk_send(mk_self(), AGAIN, NULL, 0); return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
