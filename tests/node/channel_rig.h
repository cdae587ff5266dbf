/* SPDX-License-Identifier: Apache-2.0 */
/* channel_rig.h -- the user of a channel: sends frames that can be told from each other, checks those that come, and does what a
 * test wants in one of its calls. */
#ifndef MK_TESTS_NODE_CHANNEL_RIG_H
#define MK_TESTS_NODE_CHANNEL_RIG_H

#include "base/buffer.h"
#include "node/channels.h"
#include "rig/rig.h"

typedef enum end_moment { IN_NONE, IN_OPEN, IN_BYTES, IN_ROOM, IN_CLOSED } end_moment_t;

typedef struct end {
    mk_channel_t *channel; /* NULL: closed                          */
    mk_buffer_t   unsent;
    unsigned      opens, rooms, closes;
    uint32_t      sent, frames; /* each carries its number           */
    size_t        offered;      /* by the last bytes()               */
    mk_err_t      err;
    char          why[256];
    end_moment_t  closes_in;
} end_t;

static inline void end_close(end_t *e, bool flush) {
    mk_channel_t *channel = e->channel;
    e->channel = NULL;
    if (channel != NULL) channel->ops->close(channel, flush);
    mk_buffer_free(&e->unsent);
}

/* True: it was closed. */
static inline bool end_moment(end_t *e, end_moment_t moment) {
    if (e->closes_in == moment) end_close(e, moment == IN_OPEN);
    return e->channel == NULL;
}

static inline void end_flush(end_t *e) {
    if (e->unsent.size == 0) return;
    size_t taken = e->channel->ops->write(e->channel, e->unsent.bytes, e->unsent.size);
    mk_buffer_consume(&e->unsent, taken);
}

static inline void end_on_open(mk_channel_t *channel) {
    end_t *e = channel->owner;
    CHECK_EQ(e->opens, 0);
    e->opens++;
    end_moment(e, IN_OPEN);
}

static inline size_t end_on_bytes(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    end_t *e = channel->owner;
    size_t at = 0;
    CHECK_EQ(e->opens, 1);
    CHECK_EQ(e->closes, 0);
    e->offered = size;
    while (size - at >= 4) {
        size_t frame = (size_t)(bytes[at] | bytes[at + 1] << 8);
        CHECK(frame >= 4);
        if (frame > size - at) break;
        for (size_t i = 4; i < frame; i++)
            if (bytes[at + i] != (uint8_t)e->frames) CHECK_EQ(bytes[at + i], (uint8_t)e->frames);
        at += frame;
        e->frames++;
    }
    end_moment(e, IN_BYTES);
    return at;
}

static inline void end_on_room(mk_channel_t *channel) {
    end_t *e = channel->owner;
    CHECK_EQ(e->opens, 1);
    CHECK_EQ(e->closes, 0);
    e->rooms++;
    if (!end_moment(e, IN_ROOM)) end_flush(e);
}

static inline void end_on_closed(mk_channel_t *channel, mk_err_t err, const char *why) {
    end_t *e = channel->owner;
    CHECK_EQ(e->closes, 0);
    e->closes++;
    e->err = err;
    snprintf(e->why, sizeof e->why, "%s", why);
    end_moment(e, IN_CLOSED);
}

static const mk_channel_user_t end_user = {end_on_open, end_on_bytes, end_on_room, end_on_closed};

static inline void end_take(end_t *e, mk_channel_t *channel) {
    *e = (end_t){.channel = channel};
    channel->user = &end_user;
    channel->owner = e;
}

/* `size` includes the header. */
static inline void end_send(end_t *e, size_t size) {
    size_t at = e->unsent.size;
    CHECK(mk_buffer_reserve(&e->unsent, size));
    uint8_t *frame = e->unsent.bytes + at;
    memset(frame, (int)(uint8_t)e->sent++, size);
    frame[0] = (uint8_t)size;
    frame[1] = (uint8_t)(size >> 8);
    frame[2] = frame[3] = 0;
    e->unsent.size += size;
    if (at == 0) end_flush(e);
}

#endif
