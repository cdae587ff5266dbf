/* SPDX-License-Identifier: Apache-2.0 */
/* floor_http.c -- the least that any server could do: one epoll loop that counts ends of heads and writes as many answers,
 * made beforehand. No parsing, no limits, no deadlines, no actor.
 * All answers are the same bytes, so what a connection is still owed is a number and a position in the answer. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "kit.h"

enum { CONNS_MAX = 65536, EVENTS = 64, READ_BYTES = 65536, BATCH_BYTES = 16384 };

typedef struct conn {
    int      fd;
    unsigned matched; /* bytes of the empty line that have been seen */
    bool     waiting; /* for room to write                           */
    size_t   at;      /* of the next byte in the answer              */
    uint64_t owed;    /* bytes                                       */
} conn_t;

static conn_t conns[CONNS_MAX]; /* by descriptor */
static char  *answers;          /* copies of one answer, and the first of them again */
static size_t answer_bytes, run_bytes;
static bool   closing; /* one answer per connection */
static char   input[READ_BYTES];

static void answers_make(size_t body_bytes) {
    char head[256];
    int  n = snprintf(head, sizeof head,
                      "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                       "Content-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n",
                      body_bytes, closing ? "Connection: close\r\n" : "");
    answer_bytes = (size_t)n + body_bytes;
    run_bytes = answer_bytes > BATCH_BYTES ? answer_bytes : BATCH_BYTES / answer_bytes * answer_bytes;
    answers = malloc(run_bytes + answer_bytes);
    bench_check(answers != NULL, "memory");
    for (size_t at = 0; at < run_bytes + answer_bytes; at += answer_bytes) {
        memcpy(answers + at, head, (size_t)n);
        memset(answers + at + n, 'x', body_bytes);
        if (body_bytes == 2) memcpy(answers + at + n, "ok", 2);
    }
}

/* How many heads end in these bytes. */
static unsigned heads(conn_t *conn, const char *bytes, size_t size) {
    static const char end[] = "\r\n\r\n";
    unsigned          n = 0;
    for (size_t i = 0; i < size; i++) {
        if (conn->matched == 0) {
            const char *next = memchr(bytes + i, '\r', size - i);
            if (next == NULL) return n;
            i = (size_t)(next - bytes);
            conn->matched = 1;
        } else if (bytes[i] != end[conn->matched]) {
            conn->matched = bytes[i] == '\r';
        } else if (++conn->matched == 4) {
            conn->matched = 0;
            n++;
        }
    }
    return n;
}

static void drop(conn_t *conn) {
    close(conn->fd);
    *conn = (conn_t){.fd = -1};
}

/* False: the connection is gone. */
static bool pay(int epoll, conn_t *conn) {
    while (conn->owed > 0) {
        size_t  most = run_bytes + answer_bytes - conn->at;
        ssize_t n = send(conn->fd, answers + conn->at, conn->owed < most ? conn->owed : most, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return drop(conn), false;
        if (n < 0) break;
        conn->owed -= (uint64_t)n;
        conn->at = (conn->at + (size_t)n) % answer_bytes;
    }
    if (conn->owed == 0 && closing) return drop(conn), false;
    if (conn->waiting != (conn->owed > 0)) {
        conn->waiting = conn->owed > 0;
        kit_watch(epoll, EPOLL_CTL_MOD, conn->fd, conn->waiting ? EPOLLIN | EPOLLOUT : EPOLLIN, conn);
    }
    return true;
}

static void accept_all(int epoll, int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        bench_check(fd < CONNS_MAX, "too many connections");
        conns[fd] = (conn_t){.fd = fd};
        kit_watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, &conns[fd]);
    }
}

static void serve(int epoll, conn_t *conn, uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !pay(epoll, conn)) return;
    if ((events & ~(uint32_t)EPOLLOUT) == 0) return;
    ssize_t n = read(conn->fd, input, sizeof input);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        drop(conn);
        return;
    }
    uint64_t owed = heads(conn, input, (size_t)n) * answer_bytes;
    if (owed == 0) return;
    conn->owed += owed;
    pay(epoll, conn);
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT [BODY-BYTES] [--close]";
    closing = argc > 1 && strcmp(argv[argc - 1], "--close") == 0;
    argc -= closing;
    uint16_t port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    answers_make(kit_number(argc, argv, 2, 1 << 24, 2, usage));
    kit_descriptors(12000);
    int listener = kit_listen(port), epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_check(epoll >= 0, "epoll_create1");
    kit_watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        int                n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL) accept_all(epoll, listener);
            else serve(epoll, events[i].data.ptr, events[i].events);
        }
    }
}
