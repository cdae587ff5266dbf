/* SPDX-License-Identifier: Apache-2.0 */
/* oneway.c -- an actor sends messages of 64 bytes to an actor of another node as fast as they are taken; counted are those that the
 * receiver has handled. Each carries a number, so that one lost or out of order ends the program. A sender that is refused goes on
 * when its next turn comes, as in ../actors.
 *
 *     oneway unix|tcp|tls|udp|ring [MILLISECONDS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"

enum { MSG_DATA = 2, MSG_GO_ON, TURN_MESSAGES = 256 };

static bool may_lose;

/* On lines apart: with a ring both are used in one process. */
static _Alignas(128) struct {
    kit_rate_t rate;
    uint64_t   expected;
} in;
static _Alignas(128) struct {
    actor_id_t peer;
    uint64_t   number;
} out;

static bool receive(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    uint64_t number;
    (void)rt, (void)self, (void)state;
    if (msg->type != MSG_DATA) return true;
    memcpy(&number, msg->payload, sizeof number);
    if (number != in.expected) kit_check(may_lose && number > in.expected, "a message was lost, or came out of order");
    in.expected = number + 1;
    if (in.rate.ms == 0) in.rate.ms = nodes_ms();
    if (kit_rate(&in.rate, 1)) exit(0);
    return true;
}

static bool produce(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    uint8_t message[MESSAGE_BYTES] = {0};
    (void)self, (void)state;
    if (msg->type == MSG_PEER) memcpy(&out.peer, msg->payload, sizeof out.peer);
    for (int i = 0; i < TURN_MESSAGES; i++) {
        memcpy(message, &out.number, sizeof out.number);
        if (!actor_send(rt, out.peer, MSG_DATA, message, sizeof message)) break;
        out.number++;
    }
    return actor_send(rt, actor_self(rt), MSG_GO_ON, NULL, 0);
}

int main(int argc, char **argv) {
    may_lose = argc > 1 && strcmp(argv[1], "udp") == 0;
    nodes_run(argc, argv, (part_t){receive, false}, (part_t){produce, true});
}
