/* SPDX-License-Identifier: Apache-2.0 */
/* kit.c -- see kit.h. */
#include "kit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bench.h"

enum { BACKLOG = 4096, DESCRIPTORS_SPARE = 64 };

uint64_t kit_number(int argc, char **argv, int i, uint64_t max, uint64_t otherwise, const char *usage) {
    char              *end = NULL;
    unsigned long long value = i < argc ? strtoull(argv[i], &end, 10) : otherwise;
    if (value <= max && (i < argc ? end != argv[i] && *end == '\0' : otherwise != 0)) return value;
    fprintf(stderr, "usage: %s %s\n", argv[0], usage);
    exit(2);
}

void kit_descriptors(size_t n) {
    struct rlimit limit;
    bench_check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    rlim_t wanted = (rlim_t)n + DESCRIPTORS_SPARE;
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted) limit.rlim_max = wanted;
    bench_check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "too few descriptors are allowed (ulimit -n)");
}

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void no_delay(int fd) {
    int one = 1;
    bench_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
}

int kit_listen(uint16_t port) {
    int                one = 1;
    struct sockaddr_in at = loopback(port);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "socket");
    bench_check(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0, "bind");
    no_delay(fd); /* accepted ones inherit it */
    bench_check(listen(fd, BACKLOG) == 0, "listen");
    return fd;
}

int kit_connect(uint16_t port) {
    struct sockaddr_in at = loopback(port);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0, "socket");
    bench_check(connect(fd, (const struct sockaddr *)&at, sizeof at) == 0, "connect");
    no_delay(fd);
    bench_check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
    return fd;
}

void kit_watch(int epoll, int op, int fd, uint32_t events, void *of) {
    struct epoll_event event = {.events = events, .data.ptr = of};
    bench_check(epoll_ctl(epoll, op, fd, &event) == 0, "epoll_ctl");
}

void kit_print(uint64_t n, double seconds) {
    printf("n=%llu seconds=%.3f per_s=%.0f\n", (unsigned long long)n, seconds, (double)n / seconds);
    fflush(stdout);
}
