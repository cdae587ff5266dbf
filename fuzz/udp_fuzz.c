/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to a hub without a secret: what is sealed could not be guessed, and is the same behind the seal. The hub calls somebody, so
 * an input can answer as the one who is called, and then say anything. Each datagram has its length before it, two bytes. */
#include <stdlib.h>
#include <string.h>

#include "node/udp_parts.h"
#include "node/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_open(mk_channel_t *channel) { *(bool *)channel->owner = true; }

/* Frames of a peer's are for the link to judge; here they must lie in memory. */
static size_t on_bytes(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    static volatile uint8_t sum;
    if (!*(bool *)channel->owner) abort();
    for (size_t i = 0; i < size; i++) sum = (uint8_t)(sum + bytes[i]);
    return size;
}

static void on_room(mk_channel_t *channel) { (void)channel; }

static void on_closed(mk_channel_t *channel, mk_err_t err, const char *why) {
    (void)err, (void)why;
    channel->ops->close(channel, false);
}

static const mk_channel_user_t user = {on_open, on_bytes, on_room, on_closed};
static bool                    flags[2];

static void accept_call(void *arg, mk_channel_t *channel) {
    (void)arg;
    channel->user = &user;
    channel->owner = &flags[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mk_loop_t loop;
    static mk_net_t *net;
    static mk_addr_t at, peer;
    mk_udp_hub_t    *hub = NULL;
    mk_channel_t    *channel = NULL;
    if (net == NULL) {
        if (mk_loop_init(&loop) != MK_OK || mk_net_create(&loop, &net) != MK_OK) abort();
        if (!mk_addr_parse("127.0.0.1", 0, &at) || !mk_addr_parse("127.0.0.1", 9, &peer)) abort();
    }
    flags[0] = flags[1] = false;
    if (mk_udp_hub_open(net, &at, NULL, 0, accept_call, NULL, &hub) != MK_OK) abort();
    if (mk_udp_channel_dial(hub, &peer, &channel) != MK_OK) abort();
    channel->user = &user;
    channel->owner = &flags[0];
    while (size >= 2) {
        size_t n = mk_wire_load16(data);
        if (n > size - 2) n = size - 2;
        hub->udp.fn(&hub->udp, data + 2, n, &peer);
        mk_loop_settle(&loop);
        data += 2 + n;
        size -= 2 + n;
    }
    mk_udp_hub_close(hub);
    return 0;
}
