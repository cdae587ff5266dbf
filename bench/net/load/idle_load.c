/* SPDX-License-Identifier: Apache-2.0 */
/* idle_load.c -- opens connections, has one request answered on each, so that whatever the server keeps of a connection that
 * has been used is there, says "open" and holds them until its input ends. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kit.h"
#include "bench.h"

enum { PATIENCE_MS = 10000 };

static void ask(int fd) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n";
    char              answer[4096] = "";
    bench_check(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1, "send");
    /* All of them serve two bytes. */
    for (size_t n = 0; n < 6 || memcmp(answer + n - 6, "\r\n\r\nok", 6) != 0;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        bench_check(poll(&wait, 1, PATIENCE_MS) == 1, "no answer");
        ssize_t got = recv(fd, answer + n, sizeof answer - n, 0);
        bench_check(got > 0, "the server closed the connection");
        n += (size_t)got;
    }
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT CONNECTIONS";
    uint16_t          port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    size_t            n = kit_number(argc, argv, 2, 20000, 0, usage);
    kit_descriptors(n);
    for (size_t i = 0; i < n; i++) ask(kit_connect(port));
    puts("open");
    fflush(stdout);
    while (getchar() != EOF) {}
    return 0;
}
