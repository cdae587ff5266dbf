/* SPDX-License-Identifier: Apache-2.0 */
/* tls_whole_load.c -- the same as tls_load with OpenSSL's client, which does all that a client should but for the trust in the
 * certificate. It computes more than most servers do, so on one core it measures a pair rather than a server. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "../kit.h"
#include "bench.h"

enum { EVENTS = 64, WARM_UP_MS = 300 };

typedef struct conn {
    int  fd;
    SSL *ssl;
    bool done; /* with the handshake */
} conn_t;

static SSL_CTX *context;
static uint64_t handshakes;

static int trust(X509_STORE_CTX *store, void *arg) {
    (void)store, (void)arg;
    return 1;
}

static void begin(int epoll, conn_t *conn, uint16_t port) {
    *conn = (conn_t){.fd = kit_connect(port), .ssl = SSL_new(context)};
    bench_check(conn->ssl != NULL && SSL_set_fd(conn->ssl, conn->fd) == 1, "SSL_new");
    SSL_set_connect_state(conn->ssl);
    kit_watch(epoll, EPOLL_CTL_ADD, conn->fd, EPOLLIN, conn);
    ERR_clear_error();                        /* of the connection before: SSL_get_error() looks there */
    int result = SSL_do_handshake(conn->ssl); /* the hello fits any socket */
    bench_check(result < 0 && SSL_get_error(conn->ssl, result) == SSL_ERROR_WANT_READ, "hello");
}

static void finish(conn_t *conn) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    SSL_free(conn->ssl);
    close(conn->fd);
}

/* True when the connection is over. */
static bool step(conn_t *conn) {
    if (!conn->done) {
        ERR_clear_error();
        int result = SSL_do_handshake(conn->ssl);
        if (result != 1) {
            bench_check(SSL_get_error(conn->ssl, result) == SSL_ERROR_WANT_READ, "the handshake failed");
            return false;
        }
        bench_check(SSL_version(conn->ssl) == TLS1_3_VERSION && !SSL_session_reused(conn->ssl), "not a full one");
        SSL_shutdown(conn->ssl);
        shutdown(conn->fd, SHUT_WR);
        conn->done = true;
    }
    char    rest[4096];
    ssize_t n;
    while ((n = recv(conn->fd, rest, sizeof rest, 0)) > 0) {} /* tickets, the server's goodbye */
    return n == 0 || errno != EAGAIN;
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
            begin(epoll, conn, port);
        }
    }
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT [MILLISECONDS [UNDER-WAY]]";
    uint16_t          port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    uint64_t          ms = kit_number(argc, argv, 2, 60000, 2000, usage);
    size_t            n = kit_number(argc, argv, 3, 1000, 16, usage);
    context = SSL_CTX_new(TLS_client_method());
    bench_check(context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
                    SSL_CTX_set1_groups_list(context, "X25519") == 1,
                "SSL_CTX_new");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(context, trust, NULL);
    conn_t *conns = calloc(n, sizeof *conns);
    int     epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_check(conns != NULL && epoll >= 0, "memory");
    for (size_t i = 0; i < n; i++) begin(epoll, &conns[i], port);
    run(epoll, port, bench_now() + WARM_UP_MS / 1000.0);
    uint64_t before = handshakes;
    double   start = bench_now();
    run(epoll, port, start + (double)ms / 1000);
    double seconds = bench_now() - start;
    bench_check(handshakes > before, "not one handshake was done");
    kit_print(handshakes - before, seconds);
    return 0;
}
