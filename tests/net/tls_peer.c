/* SPDX-License-Identifier: Apache-2.0 */
/* tls_peer.c -- one end of a TLS connection over a socket, for talking to other people's programs.
 *
 * usage: tls_peer ENGINE connect PORT [OPTION...]    calls 127.0.0.1, says "hello", prints what comes back, and ends
 *        tls_peer ENGINE listen  0    [OPTION...]    prints its port, then returns to each caller what it sends
 * options: --host NAME  --ca FILE  --cert FILE  --key FILE  --require  --alpn NAME  --psk NAME HEX  --times N
 *
 * Prints one line for each connection: "TLSv1.3 resumed=0 alpn= psk= subject=..." or "failed: ..." */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"

enum { WAIT_MS = 20000, FILE_BYTES_MAX = 65536 };

static const mk_tls_engine_t *engine;
static mk_tls_config_t        config;
static const char            *host = "localhost", *psk_name;
static uint8_t                psk[MK_TLS_PSK_BYTES_MAX];
static size_t                 psk_size;
static int                    times = 1;

_Noreturn static void die(const char *what) {
    printf("failed: %s\n", what);
    exit(1);
}

/* ---- the socket ------------------------------------------------------------------------------------------------------- */

static ptrdiff_t io_read(void *arg, void *buf, size_t size) {
    ssize_t n = recv(*(int *)arg, buf, size, MSG_DONTWAIT);
    return n >= 0 ? n : errno == EAGAIN ? MK_IO_WAIT : MK_IO_FAILED;
}

static ptrdiff_t io_write(void *arg, const void *data, size_t size) {
    ssize_t n = send(*(int *)arg, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN ? MK_IO_WAIT : MK_IO_FAILED;
}

/* Whether the engine wants to be called again, now that it can go on. */
static bool again(int fd, mk_tls_status_t status) {
    if (status != MK_TLS_WANT_READ && status != MK_TLS_WANT_WRITE) return false;
    struct pollfd wait = {.fd = fd, .events = status == MK_TLS_WANT_READ ? POLLIN : POLLOUT};
    if (poll(&wait, 1, WAIT_MS) != 1) die("nothing happens");
    return true;
}

/* ---- talking ------------------------------------------------------------------------------------------------------------ */

static mk_tls_status_t shake(int fd, mk_tls_session_t *session) {
    mk_tls_status_t status;
    do status = engine->handshake(session);
    while (again(fd, status));
    return status;
}

static mk_tls_status_t get(int fd, mk_tls_session_t *session, char *buf, size_t size, size_t *n) {
    mk_tls_status_t status;
    do status = engine->read(session, buf, size, n);
    while (again(fd, status));
    return status;
}

static mk_tls_status_t put(int fd, mk_tls_session_t *session, const char *data, size_t size) {
    mk_tls_status_t status = MK_TLS_OK;
    for (size_t n = 0; size != 0; data += n, size -= n) {
        do status = engine->write(session, data, size, &n);
        while (again(fd, status));
        if (status != MK_TLS_OK) break;
    }
    return status;
}

static void finish(int fd, mk_tls_session_t *session) {
    mk_tls_status_t status;
    do status = engine->finish(session);
    while (again(fd, status));
}

static void tell(mk_tls_session_t *session) {
    mk_tls_info_t info;
    engine->info(session, &info);
    printf("%s resumed=%d alpn=%s psk=%s subject=%s\n", info.version, info.resumed, info.alpn, info.psk_name,
           info.peer_subject);
}

/* Says its word, prints the answer up to the end of the line, and says goodbye. */
static mk_tls_status_t ask(int fd, mk_tls_session_t *session) {
    char            buf[4096];
    size_t          size = 0, n = 0;
    mk_tls_status_t status = put(fd, session, "hello\n", 6);
    while (status == MK_TLS_OK && size < sizeof(buf) - 1 && memchr(buf, '\n', size) == NULL) {
        status = get(fd, session, buf + size, sizeof(buf) - 1 - size, &n);
        if (status == MK_TLS_OK) size += n;
    }
    if (status != MK_TLS_OK) return status;
    printf("%.*s", (int)size, buf);
    finish(fd, session);
    return status;
}

static mk_tls_status_t answer(int fd, mk_tls_session_t *session) {
    char            buf[16384];
    size_t          n = 0;
    mk_tls_status_t status;
    while ((status = get(fd, session, buf, sizeof(buf), &n)) == MK_TLS_OK)
        if ((status = put(fd, session, buf, n)) != MK_TLS_OK) break;
    if (status == MK_TLS_END) finish(fd, session);
    return status;
}

static bool talk(int fd, mk_tls_context_t *context) {
    mk_tls_session_t *session = NULL;
    bool              client = !config.server;
    if (engine->session_create(context, client ? host : NULL, client ? "peer" : NULL,
                               &(mk_tls_io_t){&fd, io_read, io_write}, &session) != MK_OK)
        die("no session");
    mk_tls_status_t status = shake(fd, session);
    if (status == MK_TLS_OK) {
        tell(session);
        status = client ? ask(fd, session) : answer(fd, session);
    }
    bool fine = status == MK_TLS_OK || status == MK_TLS_END;
    if (!fine) printf("failed: %s\n", engine->why(session));
    fflush(stdout);
    engine->session_destroy(session);
    close(fd);
    return fine;
}

/* ---- where from --------------------------------------------------------------------------------------------------------- */

static size_t find_psk(void *arg, const char *name, uint8_t key[MK_TLS_PSK_BYTES_MAX]) {
    (void)arg;
    if (strcmp(name, psk_name) != 0) return 0;
    memcpy(key, psk, psk_size);
    return psk_size;
}

static mk_slice_t contents(const char *path) {
    char *text = calloc(1, FILE_BYTES_MAX);
    FILE *file = fopen(path, "r");
    if (file == NULL || text == NULL) die(path);
    size_t size = fread(text, 1, FILE_BYTES_MAX - 1, file);
    fclose(file);
    return (mk_slice_t){text, size};
}

static void read_psk(const char *name, const char *hex) {
    unsigned byte;
    psk_name = name;
    for (; psk_size < sizeof(psk) && sscanf(hex, "%2x", &byte) == 1; hex += 2) psk[psk_size++] = (uint8_t)byte;
    if (config.server) config.psk_find = find_psk;
    else config.psk_name = name, config.psk = (mk_slice_t){psk, psk_size}, host = NULL;
}

static void read_options(char **argv) {
    static const char *alpn[2];
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "--require") == 0) config.verify = MK_TLS_VERIFY_REQUIRED;
        else if (argv[1] == NULL) die(*argv);
        else if (strcmp(*argv, "--host") == 0) host = *++argv;
        else if (strcmp(*argv, "--ca") == 0) config.authorities = contents(*++argv);
        else if (strcmp(*argv, "--cert") == 0) config.certificate = contents(*++argv);
        else if (strcmp(*argv, "--key") == 0) config.key = contents(*++argv);
        else if (strcmp(*argv, "--times") == 0) times = atoi(*++argv);
        else if (strcmp(*argv, "--alpn") == 0) alpn[0] = *++argv, config.alpn = alpn;
        else if (strcmp(*argv, "--psk") == 0 && argv[2] != NULL) read_psk(argv[1], argv[2]), argv += 2;
        else die(*argv);
    }
}

static int call(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int                fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) die("no connection");
    return fd;
}

static int listener(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          size = sizeof(at);
    int                fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        die("no port");
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    if (argc < 4 || (engine = mk_tls_engine(argv[1])) == NULL) die("usage: tls_peer ENGINE connect|listen PORT ...");
    config.server = strcmp(argv[2], "listen") == 0;
    read_options(argv + 4);
    char              why[MK_TLS_WHY_BYTES] = "";
    mk_tls_context_t *context = NULL;
    if (engine->context_create(&config, &context, why) != MK_OK) die(why);
    bool fine = true;
    int  waiting = config.server ? listener() : -1;
    for (int i = 0; i < times; i++) {
        int fd = config.server ? accept(waiting, NULL, NULL) : call((uint16_t)atoi(argv[3]));
        fine = talk(fd, context) && fine;
    }
    engine->context_release(context);
    free((void *)config.authorities.data);
    free((void *)config.certificate.data);
    free((void *)config.key.data);
    return fine ? 0 : 1;
}
