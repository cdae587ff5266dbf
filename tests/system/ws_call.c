/* SPDX-License-Identifier: Apache-2.0 */
/* ws_call.c -- our WebSocket client against other people's servers that send everything back.
 *
 * usage: ws_call [--plain] [--offer PROTOCOLS] [--ca FILE] URL WHAT...
 * Each WHAT is sent when the one before it was answered: "=SIZE" that many bytes, "#SIZE" that many letters, anything else as text.
 * After the last one it closes with 4000. Prints what comes back (of "=" and "#" whether it is the same), then how it ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"

enum { MSG_START = 1, PEM_BYTES_MAX = 32768, MESSAGE_BYTES_MAX = 4 << 20 };

typedef struct call {
    ws_connect_options_t options;
    char               **whats;
    int                  whats_n, at;
    char                *sent;
    size_t               sent_size;
    http_conn_id_t       id;
} call_t;

static void send_next(runtime_t *rt, call_t *call) {
    if (call->at == call->whats_n) {
        if (!actor_ws_close(rt, call->id, 4000, "that is all")) printf("cannot close\n");
        return;
    }
    const char *what = call->whats[call->at];
    bool        binary = what[0] == '=', made = binary || what[0] == '#';
    call->sent_size = made ? strtoull(what + 1, NULL, 10) : strlen(what);
    free(call->sent);
    call->sent = malloc(call->sent_size + 1);
    if (call->sent == NULL) abort();
    if (made)
        for (size_t i = 0; i < call->sent_size; i++) call->sent[i] = (char)(binary ? i * i / 3 : 'a' + i % 26);
    else memcpy(call->sent, what, call->sent_size);
    mk_err_t err = actor_ws_try_send(rt, call->id, binary, call->sent, call->sent_size);
    if (err != MK_OK) printf("cannot send: %s\n", mk_err_name(err));
}

static void hear(runtime_t *rt, call_t *call, const ws_message_payload_t *got) {
    const char *what = call->whats[call->at++];
    bool        same = got->data_size == call->sent_size && got->is_binary == (what[0] == '=') &&
                (got->data_size == 0 || memcmp(ws_message_data(got), call->sent, got->data_size) == 0);
    if (what[0] == '=' || what[0] == '#') printf("%s %s\n", what, same ? "same" : "different");
    else printf("%.*s\n", (int)got->data_size, (const char *)ws_message_data(got));
    send_next(rt, call);
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    call_t *call = state;
    (void)self;
    switch (msg->type) {
    case MSG_START: {
        mk_err_t err = actor_ws_connect_opts(rt, &call->options, &call->id);
        if (err != MK_OK) printf("refused: %s\n", mk_err_name(err));
        return err == MK_OK;
    }
    case MSG_WS_OPEN:
        printf("open \"%s\"\n", ws_subprotocol(rt, call->id));
        send_next(rt, call);
        return true;
    case MSG_WS_MESSAGE: hear(rt, call, msg->payload); return true;
    case MSG_WS_CLOSED: printf("closed %u\n", ((const ws_status_payload_t *)msg->payload)->close_code); return false;
    case MSG_WS_ERROR: {
        const http_error_payload_t *error = msg->payload;
        printf("error %s: %s\n", mk_err_name((mk_err_t)error->error_code), error->message);
        return false;
    }
    default: return true;
    }
}

static socket_tls_t *trusting(const char *path) {
    char                 text[PEM_BYTES_MAX], why[SOCKET_TLS_WHY_BYTES];
    FILE                *file = fopen(path, "r");
    socket_tls_t        *tls = NULL;
    socket_tls_options_t options = {.authorities = {text, file != NULL ? fread(text, 1, sizeof text, file) : 0}};
    if (file != NULL) fclose(file);
    if (socket_tls_create(&options, &tls, why) != MK_OK) printf("%s\n", why);
    return tls;
}

int main(int argc, char **argv) {
    call_t call = {.options.message_bytes_max = MESSAGE_BYTES_MAX, .options.proxy = ""};
    int    i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--plain") == 0) call.options.no_compression = true;
        else if (strcmp(argv[i], "--offer") == 0 && i + 1 < argc) call.options.subprotocols = argv[++i];
        else if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc) call.options.tls = trusting(argv[++i]);
        else return 2;
    }
    if (i >= argc) return 2;
    call.options.url = argv[i++];
    call.whats = argv + i;
    call.whats_n = argc - i;
    runtime_t *rt = runtime_init(1, 0);
    if (rt == NULL) return 1;
    actor_id_t actor = actor_spawn(rt, behave, &call, NULL, 0);
    if (!actor_send(rt, actor, MSG_START, NULL, 0)) return 1;
    runtime_run(rt);
    runtime_destroy(rt);
    socket_tls_release(call.options.tls);
    free(call.sent);
    return 0;
}
