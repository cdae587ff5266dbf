/* SPDX-License-Identifier: Apache-2.0 */
/* hoard.c -- a program with a C library that takes all the memory malloc gives it and fills it with a pattern.
 * Whatever messages come meanwhile, neither its memory nor a payload may change under it.
 *
 * Built with malloc and free exported (hoard_malloc: payloads come from the same heap, so a little is left for
 * them) and without (hoard: the node must put payloads where no malloc reaches). */
#include <stdlib.h>

#include "guest.h"

#ifndef ROOM_BYTES
#define ROOM_BYTES 0 /* of heap, left free for payloads */
#endif

enum {
    VERIFY = 10,  /* any payload that follows payload_byte(): checks it and the hoard; RESULT: wrong bytes    */
    WAIT_IN = 11, /* the same, but first waits for one more message and checks both payloads                  */
    RELEASE = 12  /* frees everything; RESULT: blocks freed                                                   */
};

typedef struct block {
    struct block *next;
    uint32_t      bytes; /* behind this header */
} block_t;

enum { BLOCK_BYTES_MAX = 65536, BLOCK_BYTES_MIN = 32, RECV_BYTES = 256 };

static block_t *hoard;

/* The tests fill payloads the same way: byte i of n is i * 7 + n. */
static unsigned char payload_byte(uint32_t i, uint32_t n) { return (unsigned char)(i * 7 + n); }

static uint32_t payload_wrong(const unsigned char *payload, uint32_t size) {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < size; i++) wrong += payload[i] != payload_byte(i, size);
    return wrong;
}

static unsigned char hoard_byte(const block_t *b, uint32_t i) {
    return (unsigned char)(((uint32_t)b >> 4) + i * 31 + b->bytes);
}

static uint32_t hoard_all(void) {
    uint32_t total = 0;
    /* Volatile, or a compiler sees that nobody uses what is taken here and given back below. */
    void *volatile room = ROOM_BYTES > 0 ? malloc(ROOM_BYTES) : NULL;
    for (uint32_t want = BLOCK_BYTES_MAX; want >= BLOCK_BYTES_MIN; want /= 2) {
        for (block_t *b; (b = malloc(want)) != NULL; hoard = b) {
            b->next = hoard;
            b->bytes = want - (uint32_t)sizeof *b;
            unsigned char *data = (unsigned char *)(b + 1);
            for (uint32_t i = 0; i < b->bytes; i++) data[i] = hoard_byte(b, i);
            total += want;
        }
    }
    free(room);
    return total;
}

static uint32_t hoard_wrong(void) {
    uint32_t wrong = 0;
    for (const block_t *b = hoard; b != NULL; b = b->next) {
        const unsigned char *data = (const unsigned char *)(b + 1);
        for (uint32_t i = 0; i < b->bytes; i++) wrong += data[i] != hoard_byte(b, i);
    }
    return wrong;
}

static uint32_t release_all(void) {
    uint32_t count = 0;
    for (block_t *next; hoard != NULL; hoard = next, count++) {
        next = hoard->next;
        free(hoard);
    }
    return count;
}

static uint32_t wait_wrong(void) {
    static unsigned char buf[RECV_BYTES];
    mk_message_t         msg;
    if (mk_next(&msg, buf, sizeof buf, -1) != MK_OK || msg.cut) return 1;
    return payload_wrong(buf, msg.size);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    uint32_t result[2] = {0};
    switch (type) {
    case GO: /* RESULT: bytes hoarded, wrong bytes of GO's own payload afterwards */
        result[0] = hoard_all();
        result[1] = payload_wrong(payload, size) + hoard_wrong();
        mk_send(source, RESULT, result, sizeof result);
        return MK_STAY;
    case WAIT_IN:
        result[0] = wait_wrong();
        /* falls through: the first payload must have outlived the wait */
        __attribute__((fallthrough));
    case VERIFY:
        result[0] += payload_wrong(payload, size) + hoard_wrong();
        mk_send(source, RESULT, result, sizeof result[0]);
        return MK_STAY;
    case RELEASE: mk_send_u32(source, RESULT, release_all()); return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
