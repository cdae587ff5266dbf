/* SPDX-License-Identifier: Apache-2.0 */
/* udp_rig.h -- hubs on one fake network, users that check what they get, and somebody in the middle.
 *
 * Each frame says how many of either sort were sent before it, so its receiver can tell whether it comes in its turn. */
#ifndef MK_TESTS_NODE_UDP_RIG_H
#define MK_TESTS_NODE_UDP_RIG_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/udp_parts.h"
#include "node/wire.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"

static mk_loop_t loop;
static mk_net_t *net;

static inline void open_net(uint64_t seed) {
    mk_fake_reset(seed);
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
    CHECK_EQ(mk_net_create(&loop, &net), MK_OK);
}

static inline void close_net(void) {
    mk_net_destroy(net);
    mk_loop_fini(&loop);
    CHECK_EQ(mk_fake_sockets(), 0);
}

static inline void run_ms(unsigned ms) {
    uint64_t until = mk_port_now_us() + (uint64_t)ms * 1000;
    while (mk_port_now_us() < until) mk_loop_run(&loop, (int64_t)(until - mk_port_now_us()));
}

#define RUN_UNTIL(cond)                                                                            \
    do {                                                                                           \
        for (int rig_i = 0; rig_i < 200000 && !(cond); rig_i++) mk_loop_run(&loop, 10000);         \
        CHECK(cond);                                                                               \
    } while (0)

/* ---- secrets ------------------------------------------------------------------------------------------------------------- */

static inline const char *secret_line(const char *role, char digit) {
    static char line[8][100];
    static int  turn;
    char       *out = line[turn = (turn + 1) % 8];
    char        hex[65];
    memset(hex, digit, 64);
    hex[64] = '\0';
    snprintf(out, 100, "%s %s\n", role, hex);
    return out;
}

/* Of the lines one after the other. NULL: a build without TLS. */
static inline mk_keyring_t *keys_of(const char *lines) {
    char          path[256], why[MK_SECRETS_WHY_BYTES] = "";
    mk_keyring_t *keys = NULL;
    if (mk_crypto() == NULL) rig_skip("a build without TLS");
    snprintf(path, sizeof path, "%s/tests/udp_secret.%d", MK_BINARY_DIR, (int)getpid());
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, lines, strlen(lines)) == (ssize_t)strlen(lines));
    close(file);
    mk_err_t err = mk_keyring_load(path, NULL, NULL, NULL, &keys, why);
    unlink(path);
    if (err != MK_OK) rig_fail(__FILE__, __LINE__, "no keyring: %s", why);
    return keys;
}

/* ---- users ---------------------------------------------------------------------------------------------------------------- */

typedef enum end_moment { IN_NONE, IN_ACCEPT, IN_OPEN, IN_BYTES, IN_ROOM, IN_CLOSED } end_moment_t;

typedef struct end end_t;
struct end {
    mk_channel_t *channel; /* NULL: closed */
    mk_buffer_t   unsent;
    unsigned      opens, rooms, closes;
    uint32_t      controls_sent, data_sent;
    uint32_t      controls, data; /* received                         */
    uint32_t      data_next;      /* the number that may come at least */
    uint64_t      lost;           /* by the channel's account, when last asked */
    mk_err_t      err;
    char          why[256];
    end_moment_t  at;
    void        (*act)(end_t *e);
};

static inline void end_close(end_t *e, bool flush) {
    mk_channel_t *channel = e->channel;
    e->channel = NULL;
    if (channel != NULL) {
        e->lost = channel->lost;
        channel->ops->close(channel, flush);
    }
    mk_buffer_free(&e->unsent);
}

static inline bool end_moment(end_t *e, end_moment_t moment) {
    if (e->at == moment && e->act != NULL) e->act(e);
    return e->channel != NULL;
}

static inline void end_flush(end_t *e) {
    if (e->unsent.size == 0 || e->channel == NULL) return;
    size_t taken = e->channel->ops->write(e->channel, e->unsent.bytes, e->unsent.size);
    CHECK(taken <= e->unsent.size);
    mk_buffer_consume(&e->unsent, taken);
}

static inline void end_on_open(mk_channel_t *channel) {
    end_t *e = channel->owner;
    CHECK_EQ(e->opens, 0);
    e->opens++;
    if (end_moment(e, IN_OPEN)) end_flush(e);
}

static inline size_t end_on_bytes(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    end_t          *e = channel->owner;
    size_t          at = 0, n;
    mk_wire_frame_t frame;
    CHECK_EQ(e->opens, 1);
    CHECK_EQ(e->closes, 0);
    for (; at < size; at += n) {
        n = mk_wire_next(bytes + at, size - at, &frame);
        CHECK(n != 0 && n != MK_WIRE_BROKEN);
        const uint8_t *body = frame.body + (frame.kind == MK_WIRE_DATA ? 4 : 0);
        uint32_t       controls = mk_wire_load32(body), data = mk_wire_load32(body + 4);
        CHECK_EQ(controls, e->controls); /* neither before nor after one it was not sent before or after */
        CHECK(data >= e->data_next);
        e->data_next = frame.kind == MK_WIRE_DATA ? data + 1 : data;
        if (frame.kind == MK_WIRE_DATA) e->data++;
        else e->controls++;
    }
    e->lost = channel->lost;
    end_moment(e, IN_BYTES);
    return at;
}

static inline void end_on_room(mk_channel_t *channel) {
    end_t *e = channel->owner;
    CHECK_EQ(e->opens, 1);
    CHECK_EQ(e->closes, 0);
    e->rooms++;
    if (end_moment(e, IN_ROOM)) end_flush(e);
}

static inline void end_on_closed(mk_channel_t *channel, mk_err_t err, const char *why) {
    end_t *e = channel->owner;
    CHECK_EQ(e->closes, 0);
    e->closes++;
    e->err = err;
    e->lost = channel->lost;
    snprintf(e->why, sizeof e->why, "%s", why);
    end_moment(e, IN_CLOSED);
}

static const mk_channel_user_t end_user = {end_on_open, end_on_bytes, end_on_room, end_on_closed};

static inline void end_take(end_t *e, mk_channel_t *channel) {
    e->channel = channel;
    channel->user = &end_user;
    channel->owner = e;
}

/* `more` bytes behind what every frame has. */
static inline void end_put(end_t *e, bool data, size_t more) {
    size_t   size = MK_WIRE_HEADER_BYTES + (data ? 4 : 0) + 8 + more;
    size_t   at = e->unsent.size;
    uint8_t *frame = mk_buffer_reserve(&e->unsent, size);
    CHECK(frame != NULL);
    CHECK(data ? size >= MK_WIRE_DATA_BYTES : more >= 1);
    memset(frame, 0x5a, size);
    mk_wire_store32(frame, (uint32_t)size | (uint32_t)(data ? MK_WIRE_DATA : MK_WIRE_NAME_GONE) << 16);
    mk_wire_store32(frame + (data ? 8 : 4), e->controls_sent);
    mk_wire_store32(frame + (data ? 12 : 8), e->data_sent);
    *(data ? &e->data_sent : &e->controls_sent) += 1;
    e->unsent.size += size;
    if (at == 0) end_flush(e);
}

/* ---- two nodes --------------------------------------------------------------------------------------------------------------- */

enum { ACCEPTED_MAX = 512 };

typedef struct side {
    mk_udp_hub_t *hub;
    end_t         call;                   /* dialled  */
    end_t         accepted[ACCEPTED_MAX]; /* in turn  */
    unsigned      accepts;
    bool          refuses; /* who calls */
    end_moment_t  at;      /* of accepted ones */
    void        (*act)(end_t *e);
} side_t;

static side_t a, b;

static inline void side_accept(void *arg, mk_channel_t *channel) {
    side_t *side = arg;
    CHECK(side->accepts < ACCEPTED_MAX);
    end_t *e = &side->accepted[side->accepts++];
    *e = (end_t){.at = side->at, .act = side->act};
    CHECK(!channel->dialled && channel->datagrams);
    if (side->refuses) {
        channel->ops->close(channel, false);
        return;
    }
    end_take(e, channel);
    end_moment(e, IN_ACCEPT);
}

static inline mk_addr_t addr_a(void) { return mk_fake_addr("192.0.2.1", 1001); }
static inline mk_addr_t addr_b(void) { return mk_fake_addr("192.0.2.2", 1002); }

static inline mk_err_t side_open(side_t *side, const mk_addr_t *at, mk_keyring_t *keys) {
    *side = (side_t){0};
    return mk_udp_hub_open(net, at, keys, MK_MAY_LOOKUP, side_accept, side, &side->hub);
}

static inline void side_close(side_t *side) {
    if (side->hub != NULL) mk_udp_hub_close(side->hub);
    side->hub = NULL;
    end_close(&side->call, false);
    for (unsigned i = 0; i < side->accepts; i++) end_close(&side->accepted[i], false);
}

static inline mk_err_t side_dial(side_t *side, const mk_addr_t *to) {
    mk_channel_t *channel;
    end_moment_t  at = side->call.at;
    void        (*act)(end_t *) = side->call.act;
    mk_err_t      err = mk_udp_channel_dial(side->hub, to, &channel);
    if (err != MK_OK) return err;
    side->call = (end_t){.at = at, .act = act};
    end_take(&side->call, channel);
    return MK_OK;
}

static inline void open_both(mk_keyring_t *keys_a, mk_keyring_t *keys_b) {
    mk_addr_t at_a = addr_a(), at_b = addr_b();
    mk_fake_give_address(0, &at_a);
    mk_fake_give_address(0, &at_b);
    CHECK_EQ(side_open(&a, &at_a, keys_a), MK_OK);
    CHECK_EQ(side_open(&b, &at_b, keys_b), MK_OK);
}

/* `keys` are given away. */
static inline void open_pair(mk_keyring_t *keys) {
    mk_addr_t to = addr_b();
    open_both(keys, keys);
    mk_keyring_release(keys);
    CHECK_EQ(side_dial(&a, &to), MK_OK);
}

static inline void close_both(void) {
    side_close(&a);
    side_close(&b);
}

/* ---- somebody in the middle ------------------------------------------------------------------------------------------------------ */

/* Calls to `front` go on to b from `back`, and its answers back, as `pass` says. */
typedef struct middle {
    mk_udp_t  front, back;
    mk_addr_t caller;
    /* Returns whether it is passed on, as changed. */
    bool    (*pass)(bool up, uint8_t *bytes, size_t *size);
    unsigned  up, down;             /* packets so far  */
    size_t    up_bytes, down_bytes; /* of all of them  */
    size_t    longest;
    uint8_t   last_up[2048];
    size_t    last_up_size;
} middle_t;

static middle_t middle;

static inline void middle_put(bool up, const uint8_t *data, size_t size) {
    mk_addr_t to = addr_b();
    if (up) CHECK_EQ(mk_udp_send(&middle.back, data, size, &to), MK_OK);
    else CHECK_EQ(mk_udp_send(&middle.front, data, size, &middle.caller), MK_OK);
}

static inline void middle_carry(bool up, const uint8_t *data, size_t size) {
    uint8_t bytes[2048];
    CHECK(size <= sizeof bytes);
    memcpy(bytes, data, size);
    *(up ? &middle.up : &middle.down) += 1;
    *(up ? &middle.up_bytes : &middle.down_bytes) += size;
    if (size > middle.longest) middle.longest = size;
    if (up) memcpy(middle.last_up, data, middle.last_up_size = size);
    if (middle.pass == NULL || middle.pass(up, bytes, &size)) middle_put(up, bytes, size);
}

static inline void middle_front(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    (void)udp;
    middle.caller = *from;
    middle_carry(true, data, size);
}

static inline void middle_back(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    (void)udp, (void)from;
    middle_carry(false, data, size);
}

static inline mk_addr_t middle_open(void) {
    mk_addr_t front = mk_fake_addr("192.0.2.9", 9001), back = mk_fake_addr("192.0.2.9", 9002);
    mk_fake_give_address(0, &front);
    memset(&middle, 0, sizeof middle);
    CHECK_EQ(mk_udp_open(net, &middle.front, &front, middle_front), MK_OK);
    CHECK_EQ(mk_udp_open(net, &middle.back, &back, middle_back), MK_OK);
    return front;
}

static inline void middle_close(void) {
    mk_udp_close(&middle.front);
    mk_udp_close(&middle.back);
}

#endif
