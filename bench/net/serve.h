/* SPDX-License-Identifier: Apache-2.0 */
/* serve.h -- what our servers have in common: one actor that listens on the loopback and is called with every message. */
#ifndef BENCH_NET_SERVE_H
#define BENCH_NET_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"

typedef void serve_fn(runtime_t *rt, message_t *msg);

/* As many as the idle connections of bench/net/run, and some more. */
enum { SERVE_CONNS_MAX = 12000, SERVE_PORT = 8080 };

/* Runs until the process is ended. `tls` NULL: plain. Says on standard error where it listens. */
_Noreturn void serve(uint16_t port, socket_tls_t *tls, serve_fn *fn);

/* A server's context from two files; both NULL: a certificate of its own, made by the command openssl. */
socket_tls_t *serve_tls(const char *certificate, const char *key);

#endif
