/* SPDX-License-Identifier: Apache-2.0 */
/* udp_hub.c -- one socket, many peers: who is called, who calls, which packet is whose.
 *
 * Nothing is answered that was not sealed with a secret of ours, and nothing is remembered of a call before its INIT comes back with
 * the cookie that was sent to where it said it was. A cookie is good for one share and one address, for two minutes at most; so what
 * an eavesdropper sends again leads to a call that is there already, or to none. No answer is longer than what it answers.
 *
 * A peer's address is the one from which it was answered, or has called, with proof; it does not change. A peer behind a gateway
 * that gives it another one is silent, and calls again. */
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "node/udp_parts.h"
#include "node/wire.h"

enum {
    CALL_US = 10000000,  /* how long somebody is called                         */
    RING_MS = 250,       /* until the first INIT is repeated; then twice as long ... */
    RING_DOUBLINGS = 2,  /* ... up to a second                                  */
    PROOF_US = 5000000,  /* how long a call that was answered may prove nothing */
    PENDING_MAX = 256,   /* of them at a time                                   */
    EPOCH_US = 60000000, /* cookies are of this one or the one before           */
    TABLE_SLOTS = 16,
};

void mk_udp_hub_enter(mk_udp_hub_t *hub) { hub->busy++; }

static void hub_free(mk_udp_hub_t *hub) {
    mk_idmap_fini(&hub->table);
    mk_keyring_release(hub->keys);
    mk_wipe(hub->cookie_key, sizeof hub->cookie_key);
    mk_free(hub);
}

void mk_udp_hub_leave(mk_udp_hub_t *hub) {
    if (--hub->busy == 0 && hub->closed) hub_free(hub);
}

static void send_bytes(mk_udp_hub_t *hub, const uint8_t *bytes, size_t size, const mk_addr_t *to) {
    if (size != 0 && mk_udp_send(&hub->udp, bytes, size, to) != MK_OK)
        return; /* as if it had been lost: it is repeated */
}

static const mk_secret_t *secret_of(const mk_udp_channel_t *c) { return c->shake->sealed ? &c->shake->secret : NULL; }

/* A pair of shares; without secrets random bytes that name the call. */
static mk_err_t make_share(mk_udp_shake_t *shake, uint8_t out[MK_X25519_BYTES]) {
    mk_err_t err = mk_port_entropy(shake->private_share, sizeof shake->private_share);
    if (err != MK_OK) return err;
    if (shake->sealed) return mk_crypto()->x25519_public(shake->private_share, out);
    memcpy(out, shake->private_share, MK_X25519_BYTES);
    return MK_OK;
}

/* Both shares are there: the keys of both directions. */
static mk_err_t make_keys(mk_udp_channel_t *c) {
    mk_udp_shake_t *shake = c->shake;
    uint8_t         agreed[MK_X25519_BYTES];
    if (!shake->sealed) return MK_OK;
    bool     calls = c->state == MK_UDP_CALLING;
    mk_err_t err = mk_crypto()->x25519(shake->private_share, calls ? shake->called : shake->caller, agreed);
    if (err == MK_OK)
        err = mk_udp_session_keys(&shake->secret, agreed, shake->caller, shake->called, calls ? &c->seal : &c->open,
                                  calls ? &c->open : &c->seal);
    mk_wipe(agreed, sizeof agreed);
    return err;
}

/* ---- who calls --------------------------------------------------------------------------------------------------------- */

void mk_udp_hub_call(mk_udp_channel_t *c) {
    uint8_t         packet[MK_UDP_SHAKE_BYTES_MAX];
    mk_udp_shake_t *shake = c->shake;
    mk_udp_init_t   init = {.index = c->index, .life = c->hub->life};
    unsigned        doublings = shake->tries < RING_DOUBLINGS ? shake->tries : RING_DOUBLINGS;
    memcpy(init.id, shake->secret.id, sizeof init.id);
    memcpy(init.share, shake->caller, sizeof init.share);
    memcpy(init.cookie, shake->cookie, sizeof init.cookie);
    send_bytes(c->hub, packet, mk_udp_put_init(packet, &init, secret_of(c)), &c->peer);
    shake->tries++;
    uint64_t again_ms = mk_loop_after_ms(c->loop, (uint64_t)RING_MS << doublings), end_ms = c->end_us / 1000 + 1;
    mk_wheel_arm(&c->loop->wheel, &c->timer, again_ms < end_ms ? again_ms : end_ms);
}

mk_err_t mk_udp_channel_dial(mk_udp_hub_t *hub, const mk_addr_t *to, mk_channel_t **out) {
    mk_udp_channel_t  *c;
    const mk_secret_t *secret = hub->keys != NULL ? mk_keyring_secret(hub->keys, NULL) : NULL;
    if (hub->keys != NULL && secret == NULL) return MK_ERR_DENIED;
    mk_err_t err = mk_udp_channel_make(hub, to, MK_UDP_CALLING, &c);
    if (err != MK_OK) return err;
    c->channel.may = hub->may;
    if (secret != NULL) {
        c->shake->sealed = true;
        c->shake->secret = *secret;
        c->channel.may = mk_role_may(c->shake->secret.role);
    }
    if ((err = make_share(c->shake, c->shake->caller)) != MK_OK) {
        c->channel.ops->close(&c->channel, false);
        return err;
    }
    c->end_us = mk_loop_read_clock(c->loop) + CALL_US;
    mk_wheel_arm(&c->loop->wheel, &c->timer,
                 mk_loop_after_ms(c->loop, 0)); /* its user is told nothing before it is set */
    *out = &c->channel;
    return MK_OK;
}

static void drop_lives_before(mk_udp_hub_t *hub, const mk_addr_t *at, uint64_t life);

static void take_response(mk_udp_channel_t *c, const uint8_t *packet, const mk_addr_t *from) {
    mk_udp_response_t response;
    if (!mk_udp_get_response(packet, c->shake->caller, secret_of(c), &response)) return;
    memcpy(c->shake->called, response.share, sizeof c->shake->called);
    mk_err_t err = make_keys(c);
    if (err != MK_OK) {
        mk_udp_channel_fail(c, err, "the peer's answer leads to no keys");
        return;
    }
    c->peer = *from; /* a machine with several addresses may answer from another one */
    c->peer_index = response.index;
    c->peer_life = response.life;
    drop_lives_before(c->hub, from, response.life);
    if (c->hub == NULL) return;
    mk_udp_channel_open(c);
    if (c->state == MK_UDP_OPEN) mk_udp_channel_prove(c);
}

static void take_cookie(mk_udp_channel_t *c, const uint8_t *packet) {
    uint8_t cookie[MK_UDP_COOKIE_BYTES];
    if (!mk_udp_get_cookie(packet, c->shake->caller, secret_of(c), cookie)) return;
    if (memcmp(cookie, c->shake->cookie, sizeof cookie) == 0) return; /* again */
    memcpy(c->shake->cookie, cookie, sizeof cookie);
    c->shake->tries = 0;
    mk_udp_hub_call(c);
}

static void take_answer(mk_udp_hub_t *hub, const uint8_t *packet, size_t size, const mk_addr_t *from) {
    uint32_t index;
    if (!mk_udp_peek_answer(packet, size, hub->keys != NULL, &index)) return;
    mk_udp_channel_t *c = mk_idmap_get(&hub->table, index);
    if (c == NULL || c->state != MK_UDP_CALLING || c->channel.user == NULL) return;
    if (c->shake->sealed != (hub->keys != NULL)) return;
    mk_udp_channel_enter(c);
    if ((packet[0] & ~MK_UDP_PLAIN) == MK_UDP_COOKIE) take_cookie(c, packet);
    else take_response(c, packet, from);
    mk_udp_channel_leave(c);
}

/* ---- who is called ------------------------------------------------------------------------------------------------------ */

static void make_cookie(const mk_udp_hub_t *hub, uint64_t epoch, const uint8_t share[MK_X25519_BYTES],
                        const mk_addr_t *at, uint8_t out[MK_UDP_COOKIE_BYTES]) {
    uint8_t     text[8 + 1 + 2 + 4 + 16] = {0}, digest[MK_SHA256_BYTES];
    mk_sha256_t sha;
    mk_wire_store64(text, epoch);
    text[8] = at->family;
    mk_wire_store16(text + 9, at->port);
    mk_wire_store32(text + 11, at->scope);
    memcpy(text + 15, at->ip, at->family == MK_FAMILY_IPV4 ? 4 : 16);
    mk_sha256_init(&sha);
    mk_sha256_update(&sha, hub->cookie_key, sizeof hub->cookie_key);
    mk_sha256_update(&sha, text, sizeof text);
    mk_sha256_update(&sha, share, MK_X25519_BYTES);
    mk_sha256_final(&sha, digest);
    memcpy(out, digest, MK_UDP_COOKIE_BYTES);
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size) {
    uint8_t apart = 0;
    for (size_t i = 0; i < size; i++) apart |= a[i] ^ b[i];
    return apart == 0;
}

static bool is_where_it_says(const mk_udp_hub_t *hub, const mk_udp_init_t *init, const mk_addr_t *from) {
    uint64_t epoch = mk_net_loop(hub->net)->now_us / EPOCH_US;
    uint8_t  now[MK_UDP_COOKIE_BYTES], before[MK_UDP_COOKIE_BYTES];
    make_cookie(hub, epoch, init->share, from, now);
    make_cookie(hub, epoch - 1, init->share, from, before);
    return same_bytes(init->cookie, now, sizeof now) || same_bytes(init->cookie, before, sizeof before);
}

static mk_udp_channel_t *answered_before(const mk_udp_hub_t *hub, const mk_udp_init_t *init) {
    for (mk_node_t *node = hub->channels; node != NULL; node = node->next) {
        mk_udp_channel_t *c = mk_container_of(node, mk_udp_channel_t, all);
        if (c->state == MK_UDP_ANSWERED && memcmp(c->shake->caller, init->share, MK_X25519_BYTES) == 0) return c;
    }
    return NULL;
}

static mk_udp_channel_t *answer_anew(mk_udp_hub_t *hub, const mk_udp_init_t *init, const mk_secret_t *secret,
                                     const mk_addr_t *from) {
    mk_udp_channel_t *c;
    if (hub->pending == PENDING_MAX || mk_udp_channel_make(hub, from, MK_UDP_ANSWERED, &c) != MK_OK) return NULL;
    hub->pending++;
    c->channel.may = hub->may;
    c->shake->sealed = secret != NULL;
    if (secret != NULL) {
        c->shake->secret = *secret;
        c->channel.may = mk_role_may(secret->role);
    }
    memcpy(c->shake->caller, init->share, MK_X25519_BYTES);
    c->peer_index = init->index;
    c->peer_life = init->life;
    c->end_us = c->loop->now_us + PROOF_US;
    if (make_share(c->shake, c->shake->called) == MK_OK && make_keys(c) == MK_OK) {
        mk_udp_channel_set_timer(c);
        return c;
    }
    c->channel.ops->close(&c->channel, false);
    return NULL;
}

static void take_init(mk_udp_hub_t *hub, const uint8_t *packet, size_t size, const mk_addr_t *from) {
    uint8_t            answer[MK_UDP_SHAKE_BYTES_MAX], cookie[MK_UDP_COOKIE_BYTES];
    mk_udp_init_t      init;
    const mk_secret_t *secret = NULL;
    if (!mk_udp_peek_init(packet, size, hub->keys != NULL, &init)) return;
    if (hub->keys != NULL && (secret = mk_keyring_secret(hub->keys, init.id)) == NULL) return;
    if (!mk_udp_get_init(packet, secret, &init)) return;
    if (!is_where_it_says(hub, &init, from)) {
        make_cookie(hub, mk_net_loop(hub->net)->now_us / EPOCH_US, init.share, from, cookie);
        send_bytes(hub, answer, mk_udp_put_cookie(answer, init.index, init.share, cookie, secret), from);
        return;
    }
    mk_udp_channel_t *c = answered_before(hub, &init);
    if (c == NULL) c = answer_anew(hub, &init, secret, from);
    if (c == NULL) return;
    mk_udp_response_t response = {.to = init.index, .index = c->index, .life = hub->life};
    memcpy(response.share, c->shake->called, sizeof response.share);
    send_bytes(hub, answer, mk_udp_put_response(answer, &response, init.share, secret), from);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------------------- */

static mk_udp_channel_t *of_another_life(const mk_udp_hub_t *hub, const mk_addr_t *at, uint64_t life) {
    for (mk_node_t *node = hub->channels; node != NULL; node = node->next) {
        mk_udp_channel_t *c = mk_container_of(node, mk_udp_channel_t, all);
        bool              stands = c->state == MK_UDP_OPEN || c->state == MK_UDP_ENDING;
        if (stands && c->peer_life != life && mk_addr_equal(&c->peer, at)) return c;
    }
    return NULL;
}

/* Whoever has proved to be at this address now, those of another life that were there are gone. One at a time: what their users
 * do when they are told may change the list, and frees the one. */
static void drop_lives_before(mk_udp_hub_t *hub, const mk_addr_t *at, uint64_t life) {
    mk_udp_channel_t *c;
    while (!hub->closed && (c = of_another_life(hub, at, life)) != NULL) {
        mk_udp_channel_enter(c);
        mk_udp_channel_fail(c, MK_ERR_CLOSED, "the peer has started anew");
        mk_udp_channel_leave(c);
    }
}

/* The first packet of a call that was answered. False: nobody takes it. */
static bool accept_call(mk_udp_channel_t *c) {
    mk_udp_hub_t *hub = c->hub;
    drop_lives_before(hub, &c->peer, c->peer_life);
    if (c->state != MK_UDP_ANSWERED) return false;
    hub->accept(hub->arg, &c->channel);
    if (c->state != MK_UDP_ANSWERED) return false;
    if (c->channel.user == NULL) {
        mk_udp_channel_fail(c, MK_ERR_CLOSED, "");
        return false;
    }
    mk_udp_channel_open(c);
    return c->state == MK_UDP_OPEN;
}

static void take_data(mk_udp_hub_t *hub, uint8_t *packet, size_t size, const mk_addr_t *from) {
    if (size < MK_UDP_HEAD_BYTES) return;
    mk_udp_channel_t *c = mk_idmap_get(&hub->table, mk_wire_load32(packet + 1));
    uint64_t          number = mk_wire_load64(packet + 5);
    if (c == NULL || c->state == MK_UDP_CALLING || !mk_addr_equal(&c->peer, from)) return;
    if (number == UINT64_MAX || !mk_udp_window_is_new(&c->window, number)) return;
    size = mk_udp_packet_open(packet, size, c->open);
    if (size == MK_UDP_FORGED) return;
    mk_udp_window_mark(&c->window, number);
    mk_udp_channel_enter(c);
    if (c->state != MK_UDP_ANSWERED || accept_call(c)) mk_udp_channel_take(c, packet + MK_UDP_HEAD_BYTES, size);
    mk_udp_channel_leave(c);
}

/* The buffer is the net's, written anew for each datagram; but a user may be told something while one is worked on, so it is opened
 * in a copy of ours. */
static void on_datagram(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    mk_udp_hub_t *hub = mk_container_of(udp, mk_udp_hub_t, udp);
    uint8_t       packet[MK_UDP_PACKET_BYTES_MAX];
    if (size == 0 || size > sizeof packet) return;
    if (((data[0] & MK_UDP_PLAIN) == 0) != (hub->keys != NULL)) return;
    memcpy(packet, data, size);
    mk_udp_hub_enter(hub);
    switch (data[0] & ~MK_UDP_PLAIN) {
    case MK_UDP_INIT: take_init(hub, packet, size, from); break;
    case MK_UDP_COOKIE:
    case MK_UDP_RESPONSE: take_answer(hub, packet, size, from); break;
    case MK_UDP_DATA: take_data(hub, packet, size, from); break;
    default: break;
    }
    mk_udp_hub_leave(hub);
}

/* ---- the hub ------------------------------------------------------------------------------------------------------------------ */

mk_err_t mk_udp_hub_open(mk_net_t *net, const mk_addr_t *at, mk_keyring_t *keys, uint32_t may, mk_udp_accept_fn *accept,
                         void *arg, mk_udp_hub_t **out) {
    if (keys != NULL && mk_keyring_secret(keys, NULL) == NULL) return MK_ERR_DENIED;
    mk_udp_hub_t *hub = mk_calloc(1, sizeof *hub);
    if (hub == NULL) return MK_ERR_NOMEM;
    hub->net = net;
    hub->may = may;
    hub->accept = accept;
    hub->arg = arg;
    mk_err_t err = mk_port_entropy(hub->cookie_key, sizeof hub->cookie_key);
    if (err == MK_OK) err = mk_port_entropy(&hub->life, sizeof hub->life);
    if (err != MK_OK) goto fail;
    if ((err = mk_idmap_init(&hub->table, TABLE_SLOTS, true)) != MK_OK) goto fail;
    if ((err = mk_udp_open(net, &hub->udp, at, on_datagram)) != MK_OK) goto no_socket;
    if (keys != NULL) hub->keys = mk_keyring_retain(keys);
    *out = hub;
    return MK_OK;
no_socket:
    mk_idmap_fini(&hub->table);
fail:
    mk_free(hub);
    return err;
}

const mk_addr_t *mk_udp_hub_at(const mk_udp_hub_t *hub) { return &hub->udp.at; }

void mk_udp_hub_rekey(mk_udp_hub_t *hub, mk_keyring_t *keys) {
    if (hub->keys == NULL) return; /* a plain one stays plain */
    mk_keyring_retain(keys);
    mk_keyring_release(hub->keys);
    hub->keys = keys;
}

void mk_udp_hub_close(mk_udp_hub_t *hub) {
    if (hub->closed) return;
    mk_udp_hub_enter(hub);
    hub->closed = true;
    while (hub->channels != NULL) {
        mk_udp_channel_t *c = mk_container_of(hub->channels, mk_udp_channel_t, all);
        mk_udp_channel_enter(c);
        mk_udp_channel_bye(c);
        mk_udp_channel_fail(c, MK_ERR_CLOSED, "we have closed the socket");
        mk_udp_channel_leave(c);
    }
    mk_udp_close(&hub->udp);
    mk_udp_hub_leave(hub);
}
