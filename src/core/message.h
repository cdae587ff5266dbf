/* SPDX-License-Identifier: Apache-2.0 */
/* message.h -- one allocation holds a message's header and a small payload; a large one hangs on a counted buffer.
 *
 * A block that has served otherwise (an actor's record, a monitor's) can become the message that reports its end, so
 * that such a report needs no memory and cannot be lost. */
#ifndef MK_CORE_MESSAGE_H
#define MK_CORE_MESSAGE_H

#include "base/pool.h"
#include "microkernel/message.h"

enum {
    MK_MSG_PLAIN = 0,
    MK_MSG_CHECKED = 1, /* ask the runtime before it is delivered: what it speaks of may be over */
    MK_MSG_ROOM = 2,    /* the same, but a room above the runtime is asked: the one whose index lies from here on */
    MK_MSG_ROOM_SHIFT = 8,
};

typedef struct mk_msg {
    message_t         pub;      /* first, so that a message_t * is one of these */
    struct mk_msg    *next;     /* in a mailbox or inbox                        */
    message_buffer_t *attached; /* payload of a large message, or an exit text  */
    uint32_t          flags;
    uint32_t          tag;      /* of a checked message: what it speaks of      */
} mk_msg_t;

/* Payloads up to this lie behind the header; MK_POOL_BLOCK_MAX is chosen to make it 1024 on 64-bit machines. */
#define MK_MSG_INLINE_MAX ((size_t)MK_POOL_BLOCK_MAX - sizeof(mk_msg_t))

struct message_buffer {
    _Alignas(max_align_t) size_t size; /* so that what lies behind is aligned for anything  */
    void   (*released)(void *owner, size_t size); /* the last reference is gone; NULL: nobody asked */
    void    *owner;
    uint32_t refs; /* atomic: a buffer may travel between runtimes */
};

static inline mk_msg_t *mk_msg_of(const message_t *msg) { return (mk_msg_t *)(uintptr_t)msg; }

static inline void *mk_msg_inline(mk_msg_t *msg) { return msg + 1; }

/* A message with room for `size` payload bytes, at pub.payload (writable until it is sent); type and addresses are the
 * caller's to fill in. NULL when out of memory. */
mk_msg_t *mk_msg_create(mk_pool_t *pool, size_t size);

/* What a message with `size` bytes behind its header begins with. */
static inline void mk_msg_init_inline(mk_msg_t *msg, size_t size) {
    msg->pub.payload = size != 0 ? mk_msg_inline(msg) : NULL;
    msg->pub.payload_size = size;
    msg->pub.call = CALL_ID_INVALID;
    msg->attached = NULL;
    msg->flags = MK_MSG_PLAIN;
}

/* The small case of mk_msg_create(): `size` is at most MK_MSG_INLINE_MAX. */
static inline mk_msg_t *mk_msg_create_inline(mk_pool_t *pool, size_t size) {
    mk_msg_t *msg = mk_pool_alloc(pool, sizeof *msg + size);
    if (mk_likely(msg != NULL)) mk_msg_init_inline(msg, size);
    return msg;
}

/* Makes a message of a pool block that is done with; the block has room for the header and `size` bytes. */
mk_msg_t *mk_msg_from_block(void *block, msg_type_t type, size_t size);

static inline void mk_msg_destroy(mk_pool_t *pool, mk_msg_t *msg) {
    if (mk_unlikely(msg->attached != NULL)) message_buffer_release(msg->attached);
    mk_pool_free(pool, msg);
}

/* A buffer with a copy of the text and its NUL; NULL for NULL, for "", and when out of memory. */
message_buffer_t *mk_text_buffer(const char *text);

#endif
