/* SPDX-License-Identifier: Apache-2.0 */
/* channels.h -- the kinds of channels there are. Each comes closed and calls its user when it is open, from the loop, so the user is
 * set by who makes it (mk_link_create()) before that. MK_ERR_NOMEM and what is named: nothing was made. Runtime's thread. */
#ifndef MK_NODE_CHANNELS_H
#define MK_NODE_CHANNELS_H

#include "net/net.h"
#include "net/stream.h"
#include "node/channel.h"
#include "node/secrets.h"

/* ---- byte streams: stream_channel.c ---- */

typedef struct mk_stream_channel_options {
    const char         *host; /* or ...                                           */
    uint16_t            port;
    const char         *path; /* ... a Unix socket                                */
    mk_keyring_t       *keys; /* NULL: plain. TLS with them; the role comes from them */
    uint32_t            may;  /* of a peer that proves nothing (keys NULL)        */
} mk_stream_channel_options_t;

/* MK_ERR_DENIED: the keys have nothing to call with (or, below, to be called with). Errors of mk_stream_dial(). */
MK_MUST_CHECK mk_err_t mk_stream_channel_dial(mk_net_t *net, const mk_stream_channel_options_t *options, mk_channel_t **out);
/* Of an accepted descriptor, which is its own from now on, whatever it answers. */
MK_MUST_CHECK mk_err_t mk_stream_channel_accept(mk_net_t *net, int fd, const mk_stream_channel_options_t *options,
                                                mk_channel_t **out);

/* ---- datagrams: udp_channel.c; one socket carries the channels of many peers ---- */

typedef struct mk_udp_hub mk_udp_hub_t;

/* A peer has proved that it has the secret (or, without `keys`, has called). The callee makes itself the channel's user before it
 * returns (open() follows at once), or closes it. */
typedef void mk_udp_accept_fn(void *arg, mk_channel_t *channel);

/* `keys` NULL: plain, loopback only (the caller sees to it). Errors of mk_udp_open(); MK_ERR_DENIED: no secret among the keys
 * (certificates are for streams). */
MK_MUST_CHECK mk_err_t mk_udp_hub_open(mk_net_t *net, const mk_addr_t *at, mk_keyring_t *keys, uint32_t may,
                                       mk_udp_accept_fn *accept, void *arg, mk_udp_hub_t **out);
const mk_addr_t       *mk_udp_hub_at(const mk_udp_hub_t *hub);
MK_MUST_CHECK mk_err_t mk_udp_channel_dial(mk_udp_hub_t *hub, const mk_addr_t *to, mk_channel_t **out);
/* Other keys (retained) for the channels that are made from now on; those that are open go on. For a hub that has keys; without a
 * secret among the new ones nobody calls or is answered any more. */
void                   mk_udp_hub_rekey(mk_udp_hub_t *hub, mk_keyring_t *keys);
/* Its channels see closed() before this returns. Allowed from inside of any call of theirs and of accept(). */
void                   mk_udp_hub_close(mk_udp_hub_t *hub);

/* ---- rings: ring_channel.c ---- */

struct node_ring;
/* MK_ERR_EXISTS: this side was attached before; MK_ERR_INVALID. */
MK_MUST_CHECK mk_err_t mk_ring_channel_attach(mk_loop_t *loop, struct node_ring *ring, int side, uint32_t may, mk_channel_t **out);

#endif
