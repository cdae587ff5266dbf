/* SPDX-License-Identifier: Apache-2.0 */
/* kit.h -- what the loads, the floor and the peers share: numbers from the command line and sockets on the loopback. Whatever
 * fails ends the program: a load that could not do its work must not print a figure. */
#ifndef BENCH_NET_KIT_H
#define BENCH_NET_KIT_H

#include <stddef.h>
#include <stdint.h>

/* argv[i], at most `max`. Exits with 2 and says `usage` when it is not a number, or not there and `otherwise` is 0. */
uint64_t kit_number(int argc, char **argv, int i, uint64_t max, uint64_t otherwise, const char *usage);

/* Lets this process have `n` descriptors and a few more. */
void kit_descriptors(size_t n);

/* 127.0.0.1. Without blocking, without delay (TCP_NODELAY); kit_connect() waits until it is connected. */
int kit_listen(uint16_t port);
int kit_connect(uint16_t port);

/* epoll_ctl(2); `op` is EPOLL_CTL_ADD or _MOD. */
void kit_watch(int epoll, int op, int fd, uint32_t events, void *of);

/* "n=<n> seconds=<s> per_s=<rate>" */
void kit_print(uint64_t n, double seconds);

#endif
