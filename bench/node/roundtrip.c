/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip.c -- a message of 64 bytes from actor to actor and back, one at a time.
 *
 *     roundtrip unix|tcp|tls|udp|ring [MILLISECONDS] */
#include <stdlib.h>
#include <string.h>

#include "nodes.h"

enum { MSG_THROW = 2 };

static kit_trips_t trips;

static bool throw_and_catch(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    static actor_id_t peer;
    uint8_t           message[MESSAGE_BYTES] = {0};
    (void)self, (void)state;
    if (msg->type == MSG_PEER) memcpy(&peer, msg->payload, sizeof peer);
    if (msg->type != MSG_PEER && msg->type != MSG_THROW) return true;
    if (trips.ms == 0) trips.ms = nodes_ms();
    if (kit_trip(&trips)) exit(0);
    return actor_send(rt, peer, MSG_THROW, message, sizeof message);
}

static bool echo(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type != MSG_THROW) return true;
    return actor_send(rt, msg->source, MSG_THROW, msg->payload, msg->payload_size);
}

int main(int argc, char **argv) { nodes_run(argc, argv, (part_t){throw_and_catch, true}, (part_t){echo, false}); }
