/* SPDX-License-Identifier: Apache-2.0 */
/* ws_load.c -- WebSocket clients (RFC 6455) that keep messages going around through an echo server: each of `conns`
 * connections has `flight` messages of `bytes` under way and sends one for each that came back. Frames are masked, as a
 * client's must be. One thread, one epoll; messages are counted after a warm-up, in which each one is compared with what was
 * sent, as every 64th is later. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kit.h"
#include "bench.h"

enum { EVENTS = 64, READ_BYTES = 256 * 1024, HEAD_BYTES = 14, CHECK_EVERY = 64, WARM_UP_MS = 300 };

typedef struct conn {
    int      fd;
    uint8_t  head[HEAD_BYTES]; /* of the frame that is coming, as far as it has come */
    size_t   head_n;
    uint64_t left;     /* bytes of its payload that are still to come               */
    uint64_t at;       /* of the message: bytes that have come                      */
    bool     in_frame; /* the head is complete                                      */
    bool     waiting;  /* for room to write                                         */
    size_t   frame_at; /* position in the frame that is going out                   */
    uint64_t owed;     /* bytes that are to go out                                  */
} conn_t;

static uint8_t *payload, *frames; /* `frames`: copies of one masked frame, `flight` and one more */
static size_t   payload_bytes, frame_bytes, run_bytes;
static uint8_t  input[READ_BYTES];
static uint64_t messages;
static bool     checking = true;

/* Head and length of a frame of `size` bytes from a client; returns where the payload goes. */
static size_t put_head(uint8_t *out, size_t size, const uint8_t mask[4]) {
    size_t n = 2;
    out[0] = 0x82; /* final, binary */
    if (size < 126) {
        out[1] = (uint8_t)(0x80 | size);
    } else {
        int bytes = size <= UINT16_MAX ? 2 : 8;
        out[1] = bytes == 2 ? 0x80 | 126 : 0x80 | 127;
        for (int i = bytes - 1; i >= 0; i--) out[n++] = (uint8_t)((uint64_t)size >> (8 * i));
    }
    memcpy(out + n, mask, 4);
    return n + 4;
}

static void frames_make(size_t flight) {
    static const uint8_t mask[4] = {0x5a, 0x13, 0xc7, 0x6e};
    payload = malloc(payload_bytes + 1);
    frames = malloc((flight + 1) * (payload_bytes + HEAD_BYTES));
    bench_check(payload != NULL && frames != NULL, "memory");
    for (size_t i = 0; i < payload_bytes; i++) payload[i] = (uint8_t)(i * 7 + i / 251);
    size_t head = put_head(frames, payload_bytes, mask);
    for (size_t i = 0; i < payload_bytes; i++) frames[head + i] = payload[i] ^ mask[i & 3];
    frame_bytes = head + payload_bytes;
    for (size_t i = 1; i <= flight; i++) memcpy(frames + i * frame_bytes, frames, frame_bytes);
    run_bytes = (flight + 1) * frame_bytes;
}

static void shake_hands(int fd) {
    static const char ask[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
    static const char proof[] = "HSmrc0sMlYUkAGmm5OPpG2HaGWk=";
    char              answer[2048] = "";
    bench_check(send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) == sizeof ask - 1, "send");
    for (size_t n = 0; strstr(answer, "\r\n\r\n") == NULL;) {
        ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (got < 0 && errno == EAGAIN) {
            usleep(200);
            continue;
        }
        bench_check(got > 0, "no answer to the handshake");
        n += (size_t)got;
        answer[n] = '\0';
    }
    bench_check(strncmp(answer, "HTTP/1.1 101", 12) == 0 && strstr(answer, proof) != NULL, "not a WebSocket server");
}

static void pay(int epoll, conn_t *conn) {
    while (conn->owed > 0) {
        size_t  most = run_bytes - conn->frame_at;
        ssize_t n = send(conn->fd, frames + conn->frame_at, conn->owed < most ? conn->owed : most, MSG_NOSIGNAL);
        bench_check(n >= 0 || errno == EAGAIN, "the server closed the connection");
        if (n < 0) break;
        conn->owed -= (uint64_t)n;
        conn->frame_at = (conn->frame_at + (size_t)n) % frame_bytes;
    }
    if (conn->waiting != (conn->owed > 0)) {
        conn->waiting = conn->owed > 0;
        kit_watch(epoll, EPOLL_CTL_MOD, conn->fd, conn->waiting ? EPOLLIN | EPOLLOUT : EPOLLIN, conn);
    }
}

/* Takes bytes of a frame's head; true when it is whole. */
static bool take_head(conn_t *conn, const uint8_t **bytes, const uint8_t *end) {
    for (;;) {
        size_t need = 2;
        if (conn->head_n >= 2) {
            uint8_t length = conn->head[1] & 0x7f;
            bench_check((conn->head[1] & 0x80) == 0 && (conn->head[0] & 0x78) == 0, "not a data frame of a server");
            need = length < 126 ? 2 : length == 126 ? 4 : 10;
            if (conn->head_n == need) {
                conn->left = need == 2 ? length : 0;
                for (size_t i = 2; i < need; i++) conn->left = conn->left << 8 | conn->head[i];
                return true;
            }
        }
        if (*bytes == end) return false;
        conn->head[conn->head_n++] = *(*bytes)++;
    }
}

static void take(conn_t *conn, const uint8_t *bytes, const uint8_t *end) {
    for (;;) {
        if (!conn->in_frame) {
            if (!take_head(conn, &bytes, end)) return;
            bench_check(conn->at + conn->left <= payload_bytes, "a message that is longer than the one sent");
            conn->in_frame = true;
        }
        size_t n = (size_t)(end - bytes) < conn->left ? (size_t)(end - bytes) : (size_t)conn->left;
        if (checking || messages % CHECK_EVERY == 0)
            bench_check(memcmp(bytes, payload + conn->at, n) == 0, "not what was sent");
        bytes += n;
        conn->at += n;
        conn->left -= n;
        if (conn->left > 0) return;
        conn->in_frame = false;
        conn->head_n = 0;
        if ((conn->head[0] & 0x80) == 0) continue; /* more of the message follows */
        bench_check(conn->at == payload_bytes, "a message that is shorter than the one sent");
        conn->at = 0;
        conn->owed += frame_bytes;
        messages++;
    }
}

static void serve(int epoll, conn_t *conn, uint32_t events) {
    if ((events & ~(uint32_t)EPOLLOUT) != 0) {
        ssize_t n = read(conn->fd, input, sizeof input);
        bench_check(n > 0 || (n < 0 && errno == EAGAIN), "the server closed the connection");
        if (n > 0) take(conn, input, input + n);
    }
    if (conn->owed > 0) pay(epoll, conn);
}

static void run(int epoll, double until) {
    while (bench_now() < until) {
        struct epoll_event events[EVENTS];
        int                n = epoll_wait(epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) serve(epoll, events[i].data.ptr, events[i].events);
    }
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT BYTES [MILLISECONDS [CONNECTIONS [MESSAGES-IN-FLIGHT]]]";
    uint16_t          port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    payload_bytes = kit_number(argc, argv, 2, 1 << 24, 0, usage);
    uint64_t ms = kit_number(argc, argv, 3, 60000, 2000, usage);
    size_t   n = kit_number(argc, argv, 4, 10000, 64, usage), flight = kit_number(argc, argv, 5, 1024, 1, usage);
    frames_make(flight);
    kit_descriptors(n);
    conn_t *conns = calloc(n, sizeof *conns);
    int     epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_check(conns != NULL && epoll >= 0, "memory");
    for (size_t i = 0; i < n; i++) {
        conns[i].fd = kit_connect(port);
        shake_hands(conns[i].fd);
        kit_watch(epoll, EPOLL_CTL_ADD, conns[i].fd, EPOLLIN, &conns[i]);
    }
    for (size_t i = 0; i < n; i++) {
        conns[i].owed = flight * frame_bytes;
        pay(epoll, &conns[i]);
    }
    run(epoll, bench_now() + WARM_UP_MS / 1000.0);
    checking = false;
    uint64_t before = messages;
    double   start = bench_now();
    run(epoll, start + (double)ms / 1000);
    double seconds = bench_now() - start;
    bench_check(messages > before, "not one message came back");
    kit_print(messages - before, seconds);
    return 0;
}
