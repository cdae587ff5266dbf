/* SPDX-License-Identifier: Apache-2.0 */
/* message.c -- see core/message.h. */
#include "core/message.h"

#include <string.h>

#include "base/mem.h"

mk_msg_t *mk_msg_create(mk_pool_t *pool, size_t size) {
    if (size <= MK_MSG_INLINE_MAX) return mk_msg_create_inline(pool, size);
    message_buffer_t *buf = message_buffer_create(size);
    if (buf == NULL) return NULL;
    mk_msg_t *msg = mk_msg_create_inline(pool, 0);
    if (msg == NULL) {
        message_buffer_release(buf);
        return NULL;
    }
    msg->attached = buf;
    msg->pub.payload = message_buffer_data(buf);
    msg->pub.payload_size = size;
    return msg;
}

mk_msg_t *mk_msg_from_block(void *block, msg_type_t type, size_t size) {
    mk_msg_t *msg = block;
    mk_assert(sizeof *msg + size <= mk_pool_block_size(block));
    *msg = (mk_msg_t){.pub = {.type = type, .payload = mk_msg_inline(msg), .payload_size = size}};
    return msg;
}

message_buffer_t *message_buffer_create(size_t size) {
    if (size > SIZE_MAX - sizeof(message_buffer_t)) return NULL;
    message_buffer_t *buf = mk_alloc(sizeof *buf + size);
    if (buf == NULL) return NULL;
    *buf = (message_buffer_t){.size = size, .refs = 1};
    return buf;
}

void *message_buffer_data(message_buffer_t *buf) { return buf + 1; }

size_t message_buffer_size(const message_buffer_t *buf) { return buf->size; }

message_buffer_t *message_buffer_retain(message_buffer_t *buf) {
    __atomic_add_fetch(&buf->refs, 1, __ATOMIC_RELAXED);
    return buf;
}

void message_buffer_release(message_buffer_t *buf) {
    if (__atomic_sub_fetch(&buf->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    if (buf->released != NULL) buf->released(buf->owner, buf->size);
    mk_free(buf);
}

message_buffer_t *mk_text_buffer(const char *text) {
    size_t size = text != NULL ? strlen(text) : 0;
    if (size == 0) return NULL;
    message_buffer_t *buf = message_buffer_create(size + 1);
    if (buf != NULL) memcpy(message_buffer_data(buf), text, size + 1);
    return buf;
}

const char *message_exit_text(const message_t *msg) {
    message_buffer_t *text = mk_msg_of(msg)->attached;
    /* On a message sent as a buffer `attached` is its payload, not a text; a text is never of size 0. */
    bool is_text = text != NULL && text->size != 0 && msg->payload != message_buffer_data(text);
    return is_text ? message_buffer_data(text) : "";
}
