/* SPDX-License-Identifier: Apache-2.0 */
/* node_link_fuzz.c -- a whole link, and a peer that says whatever it likes. Each step of an input is a byte that says what happens
 * and, for what comes from the peer, a length and its bytes. Whatever happens: the owner is told of the end at most once, what is
 * queued stays bounded, and nothing is left behind. */
#include "codec_fuzz.h"

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "node/link.h"
#include "runtime/attach.h"

enum { FRAME_MAX = 4096, ACTORS = 3, MESSAGE_MAX = 100000 };

typedef struct world {
    runtime_t   *rt;
    mk_link_t   *link;
    mk_channel_t channel;
    bool         is, over; /* the channel is; closed() was called */
    bool         room;     /* it takes what is written            */
    unsigned     downs;
    uint8_t      left[2 * 65536];
    size_t       left_n;
} world_t;

static world_t w;

/* ---- the channel ---------------------------------------------------------------------------------------------------------- */

static size_t channel_write(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    mk_wire_frame_t frame;
    require(channel == &w.channel && w.is && size > 0);
    for (size_t at = 0, n; at < size; at += n) { /* whole and good frames */
        n = mk_wire_next(bytes + at, size - at, &frame);
        require(n != 0 && n != MK_WIRE_BROKEN);
    }
    return w.room ? size : 0;
}

static void channel_close(mk_channel_t *channel, bool flush) {
    (void)channel, (void)flush;
    require(w.is);
    w.is = false;
}

static void come(const uint8_t *bytes, size_t size) {
    if (!w.is || w.over) return;
    if (size > sizeof w.left - w.left_n) size = sizeof w.left - w.left_n;
    if (size > 0) memcpy(w.left + w.left_n, bytes, size);
    w.left_n += size;
    uint8_t *copy = copy_of(w.left, w.left_n);
    size_t   used = w.channel.user->bytes(&w.channel, copy, w.left_n);
    require(used <= w.left_n);
    free(copy);
    w.left_n -= used;
    memmove(w.left, w.left + used, w.left_n);
    require(!w.is || w.left_n < MK_WIRE_FRAME_BYTES_MAX);
}

/* ---- the owner -------------------------------------------------------------------------------------------------------------- */

static void on_greeted(mk_link_t *link) { mk_link_welcome(link, 0x3f); }
static void on_up(mk_link_t *link) { require(mk_link_is_up(link)); }
static void on_drained(mk_link_t *link) { require(mk_link_is_up(link)); }

static mk_err_t on_frame(mk_link_t *link, const mk_wire_frame_t *frame) {
    (void)link;
    return frame->kind == MK_WIRE_REQUEST ? MK_ERR_PROTO : MK_OK;
}

static void on_down(mk_link_t *link, mk_err_t err, const char *why) {
    (void)link;
    require(err != MK_OK && strlen(why) > 0);
    w.downs++;
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->call != CALL_ID_INVALID) (void)actor_reply(rt, msg, 2, msg->payload, msg->payload_size);
    return true;
}

static void start(bool datagrams) {
    static const mk_channel_ops_t channel_ops = {channel_write, channel_close};
    static const mk_link_ops_t    ops = {on_greeted, on_up, on_frame, on_drained, on_down};
    mk_link_limits_t              limits = {1000, 4000, 5000, 32768, 4096, MESSAGE_MAX};
    mk_wire_hello_t               ours = {.node = 1, .incarnation = 1, .identity = "us"};
    w = (world_t){.is = true, .room = true};
    w.rt = runtime_create(&(runtime_config_t){.node_id = 1, .payload_bytes_max = MESSAGE_MAX});
    require(w.rt != NULL);
    for (unsigned i = 0; i < ACTORS; i++) require(actor_spawn(w.rt, behave, NULL, NULL, 1 + i) != ACTOR_ID_INVALID);
    w.channel = (mk_channel_t){
        .ops = &channel_ops, .frame_bytes_max = datagrams ? 1200 : MK_WIRE_FRAME_BYTES_MAX, .datagrams = datagrams};
    require(mk_link_create(w.rt, &w.channel, &ops, NULL, &limits, &ours, &w.link) == MK_OK);
    w.channel.user->open(&w.channel);
}

static void greet(void) {
    mk_wire_hello_t hello = {.version_min = 1,
                             .version_max = 1,
                             .node = 2,
                             .features = 15,
                             .credit = 8192,
                             .queue = 8192,
                             .message_max = MESSAGE_MAX,
                             .identity = "them"};
    uint8_t         frame[MK_WIRE_HELLO_BYTES_MAX];
    come(frame, mk_wire_put_hello(frame, &hello));
    come(frame, mk_wire_put_welcome(frame, &(mk_wire_welcome_t){1, 0x3f}));
}

/* ---- what happens ----------------------------------------------------------------------------------------------------------- */

static void do_step(uint8_t what, const uint8_t *bytes, size_t size) {
    static uint8_t       payload[MESSAGE_MAX];
    static const uint8_t name[] = {4, 0, MK_WIRE_NAMES_BEGIN, 0};
    uint32_t             to = size > 0 ? bytes[0] : 1;
    switch (what % 16) {
    case 0: (void)actor_try_send(w.rt, actor_id_make(2, to), 1, payload, size); break;
    case 1: (void)actor_try_send(w.rt, actor_id_make(2, to), 1, payload, size * 200 % MESSAGE_MAX); break;
    case 2: (void)runtime_step(w.rt); break;
    case 3: w.room = !w.room; break;
    case 4:
        if (w.is && !w.over && w.room) w.channel.user->room(&w.channel);
        break;
    case 5: mk_link_probe(w.link, to); break;
    case 6: (void)mk_link_control(w.link, name, sizeof name); break;
    case 7:
        if (to == 7) mk_link_finish(w.link, MK_WIRE_REASON_STOPPING);
        break;
    case 8:
        if (to != 8 || !w.is || w.over) break;
        w.over = true;
        w.channel.user->closed(&w.channel, MK_ERR_IO, "cut");
        break;
    case 9: actor_stop(w.rt, actor_id_make(1, to)); break;
    default: come(bytes, size); break;
    }
    mk_link_stats_t stats;
    mk_link_get_stats(w.link, &stats);
    require(stats.queued_bytes <= 32768 + MESSAGE_MAX + (17 << 20) && stats.lost <= stats.sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    start((data[0] & 1) != 0);
    if ((data[0] & 2) != 0) greet();
    for (size_t at = 1; at + 3 <= size;) {
        size_t n = mk_wire_load16(data + at + 1) % FRAME_MAX;
        if (n > size - at - 3) n = size - at - 3;
        do_step(data[at], data + at + 3, n);
        at += 3 + n;
    }
    for (unsigned i = 0; i < 20; i++) (void)runtime_step(w.rt);
    require(w.downs <= 1);
    if (w.downs == 1) require(!mk_link_is_up(w.link) && !w.is);
    mk_link_destroy(w.link);
    require(!w.is);
    runtime_destroy(w.rt);
    return 0;
}
