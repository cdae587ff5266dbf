/* SPDX-License-Identifier: Apache-2.0 */
/* zmq.c -- ZeroMQ: 64-byte messages from a PUSH to a PULL socket, and there and back between two PAIR sockets, each in a process of its
 * own, its thread for I/O on the same core (it is a fifth faster so than spread over two). What is sent is copied.
 *
 *     zmq oneway|roundtrip unix|tcp [MILLISECONDS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "../kit.h"

/* Messages that may wait on each side. From a few thousand on it is fastest; with 100,000 they do not fit into the caches any more, which
 * costs it a quarter over TCP and nearly half over Unix sockets. */
enum { HIGH_WATER = 5000 };

static char where[128];

static void *open_socket(int type, bool binds) {
    int   high = HIGH_WATER, linger = 0;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, type);
    kit_check(socket != NULL && zmq_setsockopt(socket, ZMQ_SNDHWM, &high, sizeof high) == 0 &&
                  zmq_setsockopt(socket, ZMQ_RCVHWM, &high, sizeof high) == 0 &&
                  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) == 0,
              "a socket");
    kit_check((binds ? zmq_bind(socket, where) : zmq_connect(socket, where)) == 0, "its address");
    return socket;
}

static void send_many(void *arg) {
    uint8_t message[MESSAGE_BYTES] = {0};
    (void)arg;
    kit_pin(1);
    void *socket = open_socket(ZMQ_PUSH, false);
    for (uint64_t number = 0;; number++) {
        memcpy(message, &number, sizeof number);
        kit_check(zmq_send(socket, message, sizeof message, 0) == sizeof message, "send");
    }
}

static void receive_many(kit_rate_t *rate) {
    zmq_msg_t message;
    kit_fork(send_many, NULL);
    kit_pin(0);
    void *socket = open_socket(ZMQ_PULL, true);
    zmq_msg_init(&message);
    do kit_check(zmq_msg_recv(&message, socket, 0) == MESSAGE_BYTES, "receive");
    while (!kit_rate(rate, 1));
}

static void echo(void *arg) {
    uint8_t message[MESSAGE_BYTES];
    (void)arg;
    kit_pin(1);
    void *socket = open_socket(ZMQ_PAIR, false);
    for (;;) {
        kit_check(zmq_recv(socket, message, sizeof message, 0) == sizeof message, "receive");
        kit_check(zmq_send(socket, message, sizeof message, 0) == sizeof message, "send");
    }
}

static void throw_and_catch(kit_trips_t *trips) {
    uint8_t message[MESSAGE_BYTES] = {0};
    kit_fork(echo, NULL);
    kit_pin(0);
    void *socket = open_socket(ZMQ_PAIR, true);
    while (!kit_trip(trips)) {
        kit_check(zmq_send(socket, message, sizeof message, 0) == sizeof message, "send");
        kit_check(zmq_recv(socket, message, sizeof message, 0) == sizeof message, "receive");
    }
}

int main(int argc, char **argv) {
    kit_rate_t  rate = {.ms = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000};
    kit_trips_t trips = {.ms = rate.ms};
    if (argc < 3 || (strcmp(argv[2], "unix") != 0 && strcmp(argv[2], "tcp") != 0)) {
        fprintf(stderr, "usage: zmq oneway|roundtrip unix|tcp [MILLISECONDS]\n");
        return 2;
    }
    if (strcmp(argv[2], "unix") == 0) snprintf(where, sizeof where, "ipc://%s", kit_path());
    else snprintf(where, sizeof where, "tcp://127.0.0.1:%u", kit_free_port());
    if (strcmp(argv[1], "oneway") == 0) receive_many(&rate);
    else throw_and_catch(&trips);
    exit(0); /* ends the other process */
}
