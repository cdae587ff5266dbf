/* SPDX-License-Identifier: Apache-2.0 */
/* udp_parts.h -- what the files of UDP channels share: the hub, which has the socket and shakes hands (udp_hub.c), and its
 * channels (udp_channel.c). */
#ifndef MK_NODE_UDP_PARTS_H
#define MK_NODE_UDP_PARTS_H

#include "base/idmap.h"
#include "node/channels.h"
#include "node/udp_lane.h"

typedef struct udp_channel mk_udp_channel_t;

struct mk_udp_hub {
    mk_net_t         *net;
    mk_udp_t          udp;
    mk_keyring_t     *keys; /* NULL: plain                                      */
    uint32_t          may;  /* of a peer of a plain one                         */
    mk_udp_accept_fn *accept;
    void             *arg;
    mk_idmap_t        table;  /* of channels, by the index that peers are told  */
    mk_node_t        *channels;
    unsigned          pending; /* of them, those whose caller has proved nothing yet */
    unsigned          busy;    /* calls on the stack: it is freed after the last */
    bool              closed;
    uint64_t          life;
    uint8_t           cookie_key[32];
};

typedef enum mk_udp_state {
    MK_UDP_CALLING,  /* INIT is out                                               */
    MK_UDP_ANSWERED, /* RESPONSE is out; nothing has come that proves the caller  */
    MK_UDP_OPEN,
    MK_UDP_ENDING,   /* the user is gone; what it wrote is still sent             */
    MK_UDP_OVER,     /* the user was told; it has to close                        */
    MK_UDP_DEAD,     /* closed: freed when no call of ours is on the stack        */
} mk_udp_state_t;

/* While hands are shaken. */
typedef struct mk_udp_shake {
    mk_secret_t secret;
    bool        sealed;
    uint8_t     private_share[MK_X25519_BYTES]; /* ours */
    uint8_t     caller[MK_X25519_BYTES], called[MK_X25519_BYTES];
    uint8_t     cookie[MK_UDP_COOKIE_BYTES];
    unsigned    tries;
} mk_udp_shake_t;

struct udp_channel {
    mk_channel_t    channel;
    mk_udp_hub_t   *hub; /* NULL: the hub is closed, and the channel over */
    mk_loop_t      *loop;
    mk_node_t       all; /* in its hub */
    mk_udp_state_t  state;
    unsigned        busy; /* calls on the stack */
    uint32_t        index, peer_index;
    uint64_t        peer_life;
    mk_addr_t       peer;
    mk_udp_shake_t *shake; /* NULL: done */
    mk_aead_t      *seal, *open;
    uint64_t        number; /* of the next packet */
    mk_udp_window_t window;
    mk_udp_lane_t   lane;
    mk_timer_t      timer;
    uint64_t        end_us;   /* CALLING, ANSWERED, ENDING: not longer than until then           */
    mk_deferred_t   ack;
    mk_udp_packet_t *stuck;   /* what the socket had no room for; NULL: nothing                  */
    size_t          stuck_bytes;
    bool            starving; /* a write was refused: room() is owed                             */
};

/* ---- udp_hub.c ---- */

/* Both sides of a call on the hub from the loop. */
void mk_udp_hub_enter(mk_udp_hub_t *hub);
void mk_udp_hub_leave(mk_udp_hub_t *hub);
void mk_udp_hub_call(mk_udp_channel_t *c); /* sends INIT, again */

/* ---- udp_channel.c ---- */

/* In its hub's lists, with a number of its own. MK_ERR_NOMEM, MK_ERR_LIMIT. */
MK_MUST_CHECK mk_err_t mk_udp_channel_make(mk_udp_hub_t *hub, const mk_addr_t *peer, mk_udp_state_t state,
                                           mk_udp_channel_t **out);
void mk_udp_channel_enter(mk_udp_channel_t *c);
void mk_udp_channel_leave(mk_udp_channel_t *c); /* it may be gone afterwards */
/* It ends: the user is told, if there is one. Between enter and leave. */
void mk_udp_channel_fail(mk_udp_channel_t *c, mk_err_t err, const char *why);
/* Hands are shaken: the keys are there. The user hears of it; it may close the channel. */
void mk_udp_channel_open(mk_udp_channel_t *c);
/* The first packet of who has called, so that the called knows it was heard. */
void mk_udp_channel_prove(mk_udp_channel_t *c);
void mk_udp_channel_bye(mk_udp_channel_t *c); /* tells the peer that it ends, if it stands */
/* A packet that was opened and is new. */
void mk_udp_channel_take(mk_udp_channel_t *c, const uint8_t *text, size_t size);
void mk_udp_channel_set_timer(mk_udp_channel_t *c);
void mk_udp_shake_free(mk_udp_channel_t *c);

#endif
