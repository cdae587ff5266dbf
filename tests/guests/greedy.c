/* SPDX-License-Identifier: Apache-2.0 */
/* greedy.c -- takes what a node gives until it gives no more, or for ever. */
#include "guest.h"

enum {
    NAMES = 10,     /* registers names until refused; RESULT: how many                              */
    LETTERS = 11,   /* sends itself u32 bytes at a time until refused; RESULT: how many were taken  */
    READ_ON = 12,   /* a path: reads the file without end                                           */
    LONG_NAME = 13, /* looks up a name of u32 bytes; RESULT: 0, then the text of mk_last_error     */
    LETTER = 14,
    LONG_LINE = 15,  /* logs a line of u32 bytes                                                    */
    ASK_TO_STOP = 16 /* u64 actor: sends it MK_STOP; RESULT: taken or not, then mk_last_error      */
};

enum { ROOM_BYTES = 1 << 20, TEXT_BYTES = 200 };

static char room[ROOM_BYTES];

static struct {
    uint32_t result;
    char     text[TEXT_BYTES];
} reply;

static uint32_t take_names(void) {
    char     name[8];
    uint32_t count = 0;
    do {
        for (uint32_t i = 0, n = count; i < sizeof name; i++, n /= 10) name[i] = (char)('0' + n % 10);
    } while (mk_register(name, sizeof name) == MK_OK && ++count < 10000000);
    return count;
}

static uint32_t fill_mailbox(uint32_t bytes) {
    uint32_t count = 0;
    while (mk_send(mk_self(), LETTER, room, bytes)) count++;
    return count;
}

static const char *many_ns(void) {
    for (uint32_t i = 0; i < ROOM_BYTES; i++) room[i] = 'n';
    return room;
}

static void tell(mk_actor_t to, uint32_t result) {
    int32_t len = mk_last_error(reply.text, TEXT_BYTES);
    reply.result = result;
    mk_send(to, RESULT, &reply, (uint32_t)sizeof reply.result + (uint32_t)(len > 0 ? len : 0));
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    uint32_t count = 0;
    switch (type) {
    case NAMES: tell(source, take_names()); return MK_STAY;
    case LETTERS: tell(source, fill_mailbox(get_u32(payload, 0))); return MK_STAY;
    case READ_ON:
        for (;;) mk_read_file(payload, size, room, 1, &count);
    case LONG_NAME: tell(source, (uint32_t)mk_lookup(many_ns(), get_u32(payload, 0))); return MK_STAY;
    case LONG_LINE: mk_log(MK_LOG_WARN, many_ns(), get_u32(payload, 0)); return MK_STAY;
    case ASK_TO_STOP: tell(source, (uint32_t)mk_send(get_u64(payload, 0), MK_STOP, NULL, 0)); return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
