/* SPDX-License-Identifier: Apache-2.0 */
/* tls_load.c -- full TLS 1.3 handshakes, never a resumption, several under way at a time. One counts when the server has shown
 * that it is through with it as well: the client says goodbye and waits for the server's end of the connection. Before, one
 * request is answered, which proves that server and client agree on the keys. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kit.h"
#include "bench.h"
#include "tls13.h"

enum { EVENTS = 64, WARM_UP_MS = 300, PATIENCE_MS = 5000, TYPE_ALERT = 21, TYPE_DATA = 23 };

typedef struct conn {
    int     fd;
    bool    leaving; /* has said goodbye */
    tls13_t tls;
    uint8_t in[TLS13_RECORD_BYTES_MAX]; /* records, the last maybe not whole */
    size_t  in_n;
} conn_t;

static uint64_t handshakes;

static void send_all(const conn_t *conn, const uint8_t *bytes, size_t size) {
    /* A few hundred bytes always fit into an empty socket. */
    bench_check(send(conn->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
}

static void begin(conn_t *conn, uint16_t port) {
    size_t         size;
    const uint8_t *hello = tls13_hello(&size);
    conn->fd = kit_connect(port);
    conn->in_n = 0;
    conn->leaving = false;
    tls13_init(&conn->tls);
    send_all(conn, hello, size);
}

static void finish(const conn_t *conn) {
    /* The port is needed again soon: no waiting of the kernel's. */
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(conn->fd);
}

/* Takes the next whole record out of the input; NULL when there is none. Valid until the next call. */
static uint8_t *next_record(conn_t *conn, size_t *at, size_t *size) {
    uint8_t *record = conn->in + *at;
    size_t   left = conn->in_n - *at;
    *size = left < 5 ? 5 : 5 + ((size_t)record[3] << 8 | record[4]);
    bench_check(*size <= sizeof conn->in, "a record that is too long");
    if (left < *size) {
        memmove(conn->in, record, left);
        conn->in_n = left;
        return NULL;
    }
    *at += *size;
    return record;
}

static void shake(conn_t *conn) {
    uint8_t out[2 * TLS13_OUT_BYTES], *record;
    size_t  size, n;
    for (size_t at = 0; (record = next_record(conn, &at, &size)) != NULL;) {
        if (conn->leaving) continue; /* tickets and the like */
        bench_check(tls13_take(&conn->tls, record, size, out, &n), "the handshake failed");
        if (conn->tls.state != TLS13_DONE) continue;
        n += tls13_seal(&conn->tls, TYPE_ALERT, "\1\0", 2, out + n); /* close_notify */
        send_all(conn, out, n);
        shutdown(conn->fd, SHUT_WR);
        conn->leaving = true;
    }
}

/* True when the connection is over. */
static bool step(conn_t *conn) {
    ssize_t n = recv(conn->fd, conn->in + conn->in_n, sizeof conn->in - conn->in_n, 0);
    if (n < 0 && errno == EAGAIN) return false;
    bench_check(n > 0 || conn->leaving, "the server closed a handshake");
    if (n <= 0) return true;
    conn->in_n += (size_t)n;
    shake(conn);
    return false;
}

static void run(int epoll, uint16_t port, double until) {
    while (bench_now() < until) {
        struct epoll_event events[EVENTS];
        int                n = epoll_wait(epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            conn_t *conn = events[i].data.ptr;
            if (!step(conn)) continue;
            handshakes++;
            finish(conn);
            begin(conn, port);
            kit_watch(epoll, EPOLL_CTL_ADD, conn->fd, EPOLLIN, conn);
        }
    }
}

/* One connection with a request on it. */
static void check(conn_t *conn, uint16_t port) {
    static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    uint8_t           out[2 * TLS13_OUT_BYTES], *record;
    begin(conn, port);
    for (;;) {
        struct pollfd wait = {.fd = conn->fd, .events = POLLIN};
        bench_check(poll(&wait, 1, PATIENCE_MS) == 1, "no answer");
        ssize_t got = recv(conn->fd, conn->in + conn->in_n, sizeof conn->in - conn->in_n, 0);
        bench_check(got > 0, "the server closed the connection");
        conn->in_n += (size_t)got;
        size_t size, n, content;
        for (size_t at = 0; (record = next_record(conn, &at, &size)) != NULL;) {
            if (conn->tls.state == TLS13_DONE) {
                uint8_t type = tls13_open(&conn->tls, record, size, &content);
                bench_check(type != 0, "a forged record");
                if (type != TYPE_DATA || content == 0) continue;
                bench_check(content > 12 && memcmp(record + 5, "HTTP/1.1 200", 12) == 0, "not 200");
                finish(conn);
                return;
            }
            bench_check(tls13_take(&conn->tls, record, size, out, &n), "the handshake failed");
            if (conn->tls.state == TLS13_DONE) {
                n += tls13_seal(&conn->tls, TYPE_DATA, ask, sizeof ask - 1, out + n);
                send_all(conn, out, n);
            }
        }
    }
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT [MILLISECONDS [UNDER-WAY]]";
    uint16_t          port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    uint64_t          ms = kit_number(argc, argv, 2, 60000, 2000, usage);
    size_t            n = kit_number(argc, argv, 3, 1000, 16, usage);
    tls13_start();
    conn_t *conns = calloc(n, sizeof *conns);
    int     epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_check(conns != NULL && epoll >= 0, "memory");
    check(&conns[0], port);
    for (size_t i = 0; i < n; i++) {
        begin(&conns[i], port);
        kit_watch(epoll, EPOLL_CTL_ADD, conns[i].fd, EPOLLIN, &conns[i]);
    }
    run(epoll, port, bench_now() + WARM_UP_MS / 1000.0);
    uint64_t before = handshakes;
    double   start = bench_now();
    run(epoll, port, start + (double)ms / 1000);
    double seconds = bench_now() - start;
    bench_check(handshakes > before, "not one handshake was done");
    kit_print(handshakes - before, seconds);
    return 0;
}
