/* SPDX-License-Identifier: Apache-2.0 */
/* lws_echo.c -- the peer libwebsockets: echoes messages, one thread, without extensions, each connection's waiting messages
 * in a queue of its own and written when it says that it is writable, as its manual has it. */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "../kit.h"
#include "bench.h"

enum { CONNS_MAX = 12000, RX_BYTES = 65536 };

typedef struct waiting {
    struct waiting *next;
    size_t          size;
    bool            binary, first, final;
    uint8_t         bytes[]; /* LWS_PRE, then the payload */
} waiting_t;

typedef struct session {
    waiting_t *head, **tail;
} session_t;

static void keep(session_t *session, struct lws *wsi, const void *data, size_t size) {
    waiting_t *message = malloc(sizeof *message + LWS_PRE + size);
    bench_check(message != NULL, "memory");
    message->next = NULL;
    message->size = size;
    message->binary = lws_frame_is_binary(wsi) != 0;
    message->first = lws_is_first_fragment(wsi) != 0;
    message->final = lws_is_final_fragment(wsi) != 0;
    memcpy(message->bytes + LWS_PRE, data, size);
    *session->tail = message;
    session->tail = &message->next;
}

static int send_next(session_t *session, struct lws *wsi) {
    waiting_t *message = session->head;
    if (message == NULL) return 0;
    int flags = lws_write_ws_flags(message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT, message->first, message->final);
    int n = lws_write(wsi, message->bytes + LWS_PRE, message->size, (enum lws_write_protocol)flags);
    session->head = message->next;
    if (session->head == NULL) session->tail = &session->head;
    else lws_callback_on_writable(wsi);
    free(message);
    return n < 0 ? -1 : 0;
}

static int echo(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size) {
    session_t *session = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: *session = (session_t){.tail = &session->head}; return 0;
    case LWS_CALLBACK_RECEIVE:
        keep(session, wsi, data, size);
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return send_next(session, wsi);
    case LWS_CALLBACK_CLOSED:
        for (waiting_t *message; (message = session->head) != NULL; free(message)) session->head = message->next;
        return 0;
    default: return lws_callback_http_dummy(wsi, reason, user, data, size);
    }
}

int main(int argc, char **argv) {
    static const struct lws_protocols protocols[] = {
        {.name = "echo", .callback = echo, .per_session_data_size = sizeof(session_t), .rx_buffer_size = RX_BYTES},
        {.name = NULL},
    };
    struct lws_context_creation_info info = {0};
    info.port = (int)kit_number(argc, argv, 1, UINT16_MAX, 0, "PORT");
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    info.pt_serv_buf_size = RX_BYTES;
    info.fd_limit_per_thread = CONNS_MAX;
    kit_descriptors(CONNS_MAX);
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    bench_check(context != NULL, "lws_create_context");
    while (lws_service(context, 0) >= 0) {}
    return 1;
}
