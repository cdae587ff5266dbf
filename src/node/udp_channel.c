/* SPDX-License-Identifier: Apache-2.0 */
/* udp_channel.c -- one peer of a hub: its packets out, what has to come again, how it ends. No packet leaves twice under the same
 * number; numbers do not wrap in this universe's time, and the channel ends before they would. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/udp_parts.h"
#include "node/wire.h"

enum {
    STUCK_MS = 1,      /* the socket says nothing when it has room again   */
    NO_MEMORY_MS = 20, /* until a write that found none is asked for again */
    LINGER_US = 1000000,
    CLOSING_PACKETS = 2, /* one may be lost; the rest is the heartbeat's business */
};

#define NUMBERS_MAX (UINT64_C(1) << 62)

static const mk_channel_ops_t ops;

static mk_udp_channel_t *of_channel(mk_channel_t *channel) {
    return mk_container_of(channel, mk_udp_channel_t, channel);
}

static uint64_t now_us(const mk_udp_channel_t *c) { return c->loop->now_us; }

/* ---- life -------------------------------------------------------------------------------------------------------------- */

static void on_timer(mk_wheel_t *wheel, mk_timer_t *timer);

mk_err_t mk_udp_channel_make(mk_udp_hub_t *hub, const mk_addr_t *peer, mk_udp_state_t state, mk_udp_channel_t **out) {
    mk_udp_channel_t *c = mk_calloc(1, sizeof *c);
    mk_err_t          err = MK_ERR_NOMEM;
    char              text[MK_ADDR_TEXT_BYTES];
    if (c == NULL || (c->shake = mk_calloc(1, sizeof *c->shake)) == NULL) goto fail;
    if ((err = mk_idmap_add(&hub->table, c, &c->index)) != MK_OK) goto fail;
    mk_addr_format(peer, text, sizeof text);
    snprintf(c->channel.where, sizeof c->channel.where, "udp:%.120s", text);
    c->channel.ops = &ops;
    c->channel.frame_bytes_max = MK_UDP_FRAME_BYTES_MAX;
    c->channel.datagrams = true;
    c->channel.dialled = state == MK_UDP_CALLING;
    c->channel.encrypted = hub->keys != NULL;
    c->hub = hub;
    c->loop = mk_net_loop(hub->net);
    c->state = state;
    c->peer = *peer;
    c->timer.fn = on_timer;
    mk_list_push(&hub->channels, &c->all);
    *out = c;
    return MK_OK;
fail:
    if (c != NULL) mk_free(c->shake);
    mk_free(c);
    return err;
}

void mk_udp_shake_free(mk_udp_channel_t *c) {
    if (c->shake == NULL) return;
    mk_wipe(c->shake, sizeof *c->shake);
    mk_free(c->shake);
    c->shake = NULL;
}

/* Nobody reaches it any more. */
static void leave_hub(mk_udp_channel_t *c) {
    if (c->hub == NULL) return;
    if (c->state == MK_UDP_ANSWERED) c->hub->pending--;
    mk_idmap_remove(&c->hub->table, c->index);
    mk_list_remove(&c->all);
    mk_wheel_cancel(&c->loop->wheel, &c->timer);
    mk_deferred_cancel(&c->ack);
    c->hub = NULL;
}

static void channel_free(mk_udp_channel_t *c) {
    const mk_crypto_t *crypto = mk_crypto();
    leave_hub(c);
    mk_udp_shake_free(c);
    if (crypto != NULL) {
        crypto->aead_destroy(c->seal);
        crypto->aead_destroy(c->open);
    }
    mk_udp_lane_fini(&c->lane);
    mk_free(c->stuck);
    mk_free(c);
}

void mk_udp_channel_enter(mk_udp_channel_t *c) { c->busy++; }

void mk_udp_channel_leave(mk_udp_channel_t *c) {
    if (--c->busy == 0 && c->state == MK_UDP_DEAD) channel_free(c);
}

void mk_udp_channel_fail(mk_udp_channel_t *c, mk_err_t err, const char *why) {
    if (c->state == MK_UDP_OVER || c->state == MK_UDP_DEAD) return;
    bool told = c->state != MK_UDP_ENDING && c->channel.user != NULL;
    leave_hub(c);
    c->state = told ? MK_UDP_OVER : MK_UDP_DEAD;
    if (told) c->channel.user->closed(&c->channel, err, why);
}

static bool is_live(const mk_udp_channel_t *c) { return c->state == MK_UDP_OPEN || c->state == MK_UDP_ENDING; }

/* ---- sending ------------------------------------------------------------------------------------------------------------- */

static void on_ack(mk_loop_t *loop, mk_deferred_t *deferred);

void mk_udp_channel_set_timer(mk_udp_channel_t *c) {
    uint64_t due_us = c->end_us != 0 ? c->end_us : UINT64_MAX;
    if (is_live(c)) {
        uint64_t lane_us = mk_udp_lane_due_us(&c->lane);
        if (lane_us < due_us) due_us = lane_us;
        if (c->starving && mk_udp_lane_waiting(&c->lane) == 0 && now_us(c) + NO_MEMORY_MS * 1000 < due_us)
            due_us = now_us(c) + NO_MEMORY_MS * 1000;
        if (c->stuck != NULL) due_us = now_us(c) + STUCK_MS * 1000;
    }
    if (due_us == UINT64_MAX) mk_wheel_cancel(&c->loop->wheel, &c->timer);
    else mk_wheel_arm(&c->loop->wheel, &c->timer, (due_us + 999) / 1000);
}

/* What the socket has no room for waits as it is, number and all; without memory for that it is lost on the way. */
static void send_packet(mk_udp_channel_t *c, mk_udp_packet_t *packet) {
    size_t size = mk_udp_packet_seal(packet->bytes, packet->size, c->seal, c->peer_index, c->number++);
    if (size == 0 || mk_udp_send(&c->hub->udp, packet->bytes, size, &c->peer) != MK_ERR_FULL) return;
    c->stuck = mk_alloc(sizeof *c->stuck);
    if (c->stuck == NULL) return;
    memcpy(c->stuck->bytes, packet->bytes, size);
    c->stuck_bytes = size;
}

static bool may_send(const mk_udp_channel_t *c) { return c->stuck == NULL && c->number < NUMBERS_MAX; }

static bool send_stuck(mk_udp_channel_t *c) {
    if (c->stuck == NULL) return true;
    if (mk_udp_send(&c->hub->udp, c->stuck->bytes, c->stuck_bytes, &c->peer) == MK_ERR_FULL) return false;
    mk_free(c->stuck);
    c->stuck = NULL;
    return true;
}

static size_t channel_write(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    mk_udp_channel_t *c = of_channel(channel);
    mk_udp_packet_t   packet;
    size_t            taken = 0;
    if (c->state != MK_UDP_OPEN) return 0;
    while (taken < size && may_send(c)) {
        bool ack_due = c->lane.ack_due;
        mk_udp_lane_begin(&c->lane, &packet, false);
        size_t n = mk_udp_lane_fill(&c->lane, &packet, bytes + taken, size - taken, now_us(c));
        if (n == 0) {
            c->lane.ack_due = ack_due;
            break;
        }
        send_packet(c, &packet);
        taken += n;
    }
    c->starving = taken < size;
    mk_udp_channel_set_timer(c);
    return taken;
}

static void send_again(mk_udp_channel_t *c) {
    mk_udp_packet_t packet;
    bool            all = false;
    while (!all && may_send(c) && mk_udp_lane_due_us(&c->lane) <= now_us(c)) {
        mk_udp_lane_begin(&c->lane, &packet, false);
        all = mk_udp_lane_again(&c->lane, &packet, now_us(c));
        send_packet(c, &packet);
    }
}

/* What nothing that was written has taken along. */
static void send_ack(mk_udp_channel_t *c) {
    mk_udp_packet_t packet;
    if (!c->lane.ack_due || !may_send(c)) return;
    mk_udp_lane_begin(&c->lane, &packet, false);
    send_packet(c, &packet);
    mk_udp_channel_set_timer(c);
}

static void on_ack(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_udp_channel_t *c = mk_container_of(deferred, mk_udp_channel_t, ack);
    (void)loop;
    if (c->state == MK_UDP_OPEN) send_ack(c);
}

void mk_udp_channel_prove(mk_udp_channel_t *c) {
    mk_udp_packet_t packet;
    mk_udp_lane_begin(&c->lane, &packet, false);
    if (mk_udp_lane_nudge(&c->lane, &packet, now_us(c))) send_packet(c, &packet);
    mk_udp_channel_set_timer(c);
}

/* ---- the user ------------------------------------------------------------------------------------------------------------- */

void mk_udp_channel_open(mk_udp_channel_t *c) {
    if (c->state == MK_UDP_ANSWERED) c->hub->pending--;
    mk_udp_shake_free(c);
    c->state = MK_UDP_OPEN;
    c->end_us = 0;
    mk_udp_channel_set_timer(c);
    c->channel.user->open(&c->channel);
}

static bool deliver(void *arg, const uint8_t *frames, size_t size) {
    mk_udp_channel_t *c = arg;
    c->channel.lost = c->lane.lost;
    (void)c->channel.user->bytes(&c->channel, frames, size);
    return c->state == MK_UDP_OPEN;
}

/* A write was refused, and it seems that it would not be now. */
static void tell_room(mk_udp_channel_t *c) {
    if (c->state != MK_UDP_OPEN || !c->starving || c->stuck != NULL) return;
    if (mk_udp_lane_waiting(&c->lane) > MK_UDP_UNITS / 2) return;
    c->starving = false;
    c->channel.user->room(&c->channel);
}

void mk_udp_channel_bye(mk_udp_channel_t *c) {
    mk_udp_packet_t packet;
    for (int i = 0; i < CLOSING_PACKETS && is_live(c) && may_send(c); i++) {
        mk_udp_lane_begin(&c->lane, &packet, true);
        send_packet(c, &packet);
    }
}

/* The user is gone, and all that it wrote has arrived or will not. */
static void end(mk_udp_channel_t *c) {
    mk_udp_channel_bye(c);
    leave_hub(c);
    c->state = MK_UDP_DEAD;
}

void mk_udp_channel_take(mk_udp_channel_t *c, const uint8_t *text, size_t size) {
    bool     closing = false;
    bool     open = c->state == MK_UDP_OPEN;
    mk_err_t err = mk_udp_lane_take(&c->lane, text, size, now_us(c), open ? deliver : NULL, c, &closing);
    c->channel.lost = c->lane.lost;
    if (!is_live(c)) return;
    if (err != MK_OK) {
        mk_udp_channel_fail(c, err, "the peer broke the protocol of datagrams");
    } else if (closing) {
        mk_udp_channel_fail(c, MK_ERR_CLOSED, "the peer has ended the connection");
    } else if (c->state == MK_UDP_ENDING && mk_udp_lane_waiting(&c->lane) == 0) {
        end(c);
    } else {
        send_again(c);
        if (c->lane.ack_due) mk_loop_defer(c->loop, &c->ack, on_ack);
        mk_udp_channel_set_timer(c);
        tell_room(c);
    }
}

static void channel_close(mk_channel_t *channel, bool flush) {
    mk_udp_channel_t *c = of_channel(channel);
    bool              unsent = c->stuck != NULL || mk_udp_lane_waiting(&c->lane) != 0;
    mk_udp_channel_enter(c);
    c->channel.user = NULL;
    if (c->state == MK_UDP_OPEN && flush && unsent) {
        c->state = MK_UDP_ENDING;
        c->end_us = now_us(c) + LINGER_US;
        mk_udp_channel_set_timer(c);
    } else if (c->state == MK_UDP_OPEN) {
        end(c);
    } else {
        leave_hub(c);
        c->state = MK_UDP_DEAD;
    }
    mk_udp_channel_leave(c);
}

static const mk_channel_ops_t ops = {.write = channel_write, .close = channel_close};

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

static void live_timer(mk_udp_channel_t *c) {
    if (!send_stuck(c)) return;
    if (c->number >= NUMBERS_MAX) {
        mk_udp_channel_fail(c, MK_ERR_LIMIT, "the keys have served their time");
    } else if (mk_udp_lane_gave_up(&c->lane, now_us(c))) {
        mk_udp_channel_fail(c, MK_ERR_TIMEOUT, "the peer does not answer any more");
    } else if (c->state == MK_UDP_ENDING && (c->end_us <= now_us(c) || mk_udp_lane_waiting(&c->lane) == 0)) {
        end(c);
    } else {
        send_again(c);
        tell_room(c);
    }
}

static void on_timer(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_udp_channel_t *c = mk_container_of(timer, mk_udp_channel_t, timer);
    mk_udp_hub_t     *hub = c->hub;
    (void)wheel;
    mk_udp_hub_enter(hub);
    mk_udp_channel_enter(c);
    if (is_live(c)) live_timer(c);
    else if (c->end_us <= now_us(c)) mk_udp_channel_fail(c, MK_ERR_TIMEOUT, "nobody answers who has our secret");
    else if (c->state == MK_UDP_CALLING) mk_udp_hub_call(c);
    if (is_live(c)) mk_udp_channel_set_timer(c);
    mk_udp_channel_leave(c);
    mk_udp_hub_leave(hub);
}
