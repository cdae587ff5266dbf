/* SPDX-License-Identifier: Apache-2.0 */
/* microhttpd.c -- the peer libmicrohttpd: one thread, epoll, one answer made beforehand and shared by all requests. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kit.h"
#include "bench.h"

enum { CONNS_MAX = 12000, PEM_BYTES_MAX = 16384 };

static enum MHD_Result answer(void *response, struct MHD_Connection *conn, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state) {
    static int seen;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (*state == NULL) { /* first call: the head alone */
        *state = &seen;
        return MHD_YES;
    }
    return MHD_queue_response(conn, MHD_HTTP_OK, response);
}

static char *file_read(const char *path) {
    char *text = calloc(1, PEM_BYTES_MAX);
    FILE *file = fopen(path, "r");
    bench_check(text != NULL && file != NULL && fread(text, 1, PEM_BYTES_MAX - 1, file) > 0, path);
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT BODY-BYTES [CERTIFICATE KEY]";
    uint16_t          port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    size_t            bytes = kit_number(argc, argv, 2, 1 << 24, 0, usage);
    char             *body = malloc(bytes + 1);
    bench_check(body != NULL, "memory");
    memset(body, 'x', bytes);
    if (bytes == 2) memcpy(body, "ok", 2);
    kit_descriptors(CONNS_MAX);
    struct MHD_Response *response = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_PERSISTENT);
    bench_check(response != NULL, "memory");
    MHD_add_response_header(response, "Content-Type", "text/plain");
    unsigned int          flags = MHD_USE_EPOLL_INTERNAL_THREAD;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    if (argc > 4) {
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, file_read(argv[3])};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, file_read(argv[4])};
    }
    struct MHD_Daemon *daemon = MHD_start_daemon(flags, port, NULL, NULL, answer, response, MHD_OPTION_CONNECTION_LIMIT,
                                                 (unsigned int)CONNS_MAX, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u,
                                                 MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    bench_check(daemon != NULL, "MHD_start_daemon");
    for (;;) pause();
}
