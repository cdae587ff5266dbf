/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c -- the least that two programs could do: messages of 64 bytes put one behind the other into a buffer that is written when
 * it is full, read by as much as there is, and looked at one by one; no frames, no names, no mailboxes. For rings: two threads, a ring
 * of 64-byte slots, a count on each side. Round trips: one message there and back.
 *
 *     floor oneway|roundtrip unix|tcp|ring [MILLISECONDS] */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kit.h"

/* The best of 16 to 256 KiB here. */
enum { UNIX_BYTES = 16384, TCP_BYTES = 32768, BUFFER_BYTES = TCP_BYTES, SLOTS = 16384, LINE_BYTES = 128 };

static size_t      buffer_bytes; /* of one write, one read */
static kit_rate_t  rate;
static kit_trips_t trips;

/* Keeps the compiler from leaving out that a message was read. */
static volatile uint64_t seen;

/* ---- sockets ---------------------------------------------------------------------------------------------------------- */

typedef struct address {
    union {
        struct sockaddr    any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } at;
    socklen_t size;
} address_t;

static int listen_at(address_t *address, bool tcp) {
    int on = 1, fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
    memset(address, 0, sizeof *address);
    if (tcp) {
        address->at.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        address->size = sizeof address->at.in;
    } else {
        address->at.un.sun_family = AF_UNIX;
        snprintf(address->at.un.sun_path, sizeof address->at.un.sun_path, "%s", kit_path());
        address->size = sizeof address->at.un;
    }
    kit_check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                  bind(fd, &address->at.any, address->size) == 0 && listen(fd, 1) == 0 &&
                  getsockname(fd, &address->at.any, &address->size) == 0,
              "listen");
    return fd;
}

static int tuned(int fd) {
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* not for Unix sockets */
    return fd;
}

static int connect_to(const address_t *address) {
    int fd = socket(address->at.any.sa_family, SOCK_STREAM, 0);
    kit_check(fd >= 0 && connect(fd, &address->at.any, address->size) == 0, "connect");
    return tuned(fd);
}

static void write_all(int fd, const uint8_t *bytes, size_t size) {
    for (ssize_t n; size != 0; bytes += n, size -= (size_t)n) {
        n = write(fd, bytes, size);
        kit_check(n > 0, "write");
    }
}

static void read_all(int fd, uint8_t *bytes, size_t size) {
    for (ssize_t n; size != 0; bytes += n, size -= (size_t)n) {
        n = read(fd, bytes, size);
        kit_check(n > 0, "read");
    }
}

static void send_many(void *arg) {
    static uint8_t buffer[BUFFER_BYTES];
    uint8_t        message[MESSAGE_BYTES] = {0};
    kit_pin(1);
    int fd = connect_to(arg);
    for (uint64_t number = 0;;) {
        for (size_t at = 0; at < buffer_bytes; at += MESSAGE_BYTES) {
            number++;
            memcpy(message, &number, sizeof number);
            memcpy(buffer + at, message, MESSAGE_BYTES);
        }
        write_all(fd, buffer, buffer_bytes);
    }
}

static void receive_many(int fd) {
    static uint8_t buffer[BUFFER_BYTES];
    size_t         have = 0;
    for (;;) {
        ssize_t n = read(fd, buffer + have, buffer_bytes - have);
        kit_check(n > 0, "read");
        have += (size_t)n;
        size_t at = 0;
        for (; have - at >= MESSAGE_BYTES; at += MESSAGE_BYTES) {
            uint64_t number;
            memcpy(&number, buffer + at, sizeof number);
            seen = number;
        }
        memmove(buffer, buffer + at, have - at);
        have -= at;
        if (kit_rate(&rate, at / MESSAGE_BYTES)) return;
    }
}

static void echo(void *arg) {
    uint8_t message[MESSAGE_BYTES];
    kit_pin(1);
    int fd = connect_to(arg);
    for (;;) {
        read_all(fd, message, MESSAGE_BYTES);
        write_all(fd, message, MESSAGE_BYTES);
    }
}

static void throw_and_catch(int fd) {
    uint8_t message[MESSAGE_BYTES] = {0};
    while (!kit_trip(&trips)) {
        write_all(fd, message, MESSAGE_BYTES);
        read_all(fd, message, MESSAGE_BYTES);
    }
}

static void run_sockets(bool oneway, bool tcp) {
    buffer_bytes = tcp ? TCP_BYTES : UNIX_BYTES;
    address_t address;
    int       listener = listen_at(&address, tcp);
    kit_fork(oneway ? send_many : echo, &address);
    kit_pin(0);
    int fd = tuned(accept(listener, NULL, NULL));
    kit_check(fd >= 0, "accept");
    if (oneway) receive_many(fd);
    else throw_and_catch(fd);
}

/* ---- a ring ------------------------------------------------------------------------------------------------------------ */

typedef struct ring {
    char             apart[LINE_BYTES];
    _Atomic uint64_t written;
    uint64_t         read_seen;
    char             apart_too[LINE_BYTES];
    _Atomic uint64_t read;
    uint64_t         written_seen;
    char             apart_as_well[LINE_BYTES];
    uint8_t          slot[SLOTS][MESSAGE_BYTES];
} ring_t;

static ring_t ring[2];

static void ring_put(ring_t *r, const uint8_t *message) {
    uint64_t at = atomic_load_explicit(&r->written, memory_order_relaxed);
    while (at - r->read_seen == SLOTS) r->read_seen = atomic_load_explicit(&r->read, memory_order_acquire);
    memcpy(r->slot[at % SLOTS], message, MESSAGE_BYTES);
    atomic_store_explicit(&r->written, at + 1, memory_order_release);
}

/* How many wait from *at on; at least one. */
static uint64_t ring_wait(ring_t *r, uint64_t *at) {
    *at = atomic_load_explicit(&r->read, memory_order_relaxed);
    while (r->written_seen == *at) r->written_seen = atomic_load_explicit(&r->written, memory_order_acquire);
    return r->written_seen - *at;
}

static void ring_taken(ring_t *r, uint64_t up_to) { atomic_store_explicit(&r->read, up_to, memory_order_release); }

static void ring_send_many(void *arg) {
    uint8_t message[MESSAGE_BYTES] = {0};
    (void)arg;
    for (uint64_t number = 0;; number++) {
        memcpy(message, &number, sizeof number);
        ring_put(&ring[0], message);
    }
}

static void ring_receive_many(void) {
    for (;;) {
        uint64_t at, n = ring_wait(&ring[0], &at);
        for (uint64_t i = at; i < at + n; i++) {
            uint64_t number;
            memcpy(&number, ring[0].slot[i % SLOTS], sizeof number);
            seen = number;
        }
        ring_taken(&ring[0], at + n);
        if (kit_rate(&rate, n)) return;
    }
}

static void ring_echo(void *arg) {
    (void)arg;
    for (;;) {
        uint64_t at;
        ring_wait(&ring[0], &at);
        ring_put(&ring[1], ring[0].slot[at % SLOTS]);
        ring_taken(&ring[0], at + 1);
    }
}

static void ring_throw_and_catch(void) {
    uint8_t message[MESSAGE_BYTES] = {0};
    while (!kit_trip(&trips)) {
        uint64_t at;
        ring_put(&ring[0], message);
        ring_wait(&ring[1], &at);
        ring_taken(&ring[1], at + 1);
    }
}

static void run_ring(bool oneway) {
    kit_pin(0);
    kit_thread(oneway ? ring_send_many : ring_echo, NULL);
    if (oneway) ring_receive_many();
    else ring_throw_and_catch();
}

int main(int argc, char **argv) {
    bool oneway = argc > 1 && strcmp(argv[1], "oneway") == 0;
    bool known = argc > 2 && (oneway || strcmp(argv[1], "roundtrip") == 0);
    rate.ms = trips.ms = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    if (known && strcmp(argv[2], "ring") == 0) run_ring(oneway);
    else if (known && strcmp(argv[2], "unix") == 0) run_sockets(oneway, false);
    else if (known && strcmp(argv[2], "tcp") == 0) run_sockets(oneway, true);
    else known = false;
    if (!known) fprintf(stderr, "usage: floor oneway|roundtrip unix|tcp|ring [MILLISECONDS]\n");
    exit(known ? 0 : 2);
}
