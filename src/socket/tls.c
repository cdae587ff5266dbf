/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c -- what programs say about TLS, made into an engine's context. Its listeners and connections hold it, because the
 * engine asks it for the pre-shared key. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "socket/sockets.h"

_Static_assert((int)SOCKET_TLS_WHY_BYTES == (int)MK_TLS_WHY_BYTES &&
                   (int)SOCKET_TLS_TRUST_ANY == (int)MK_TLS_VERIFY_NONE &&
                   (int)SOCKET_TLS_OPTIONAL == (int)MK_TLS_VERIFY_OPTIONAL &&
                   (int)SOCKET_TLS_REQUIRED == (int)MK_TLS_VERIFY_REQUIRED,
               "handed on as they are");

static size_t find_psk(void *arg, const char *name, uint8_t key[MK_TLS_PSK_BYTES_MAX]) {
    const socket_tls_t *tls = arg;
    if (strcmp(name, tls->psk_name) != 0) return 0;
    memcpy(key, tls->psk, tls->psk_bytes);
    return tls->psk_bytes;
}

static mk_err_t take_psk(const socket_tls_options_t *options, socket_tls_t *tls) {
    if (options->psk_name == NULL) return MK_OK;
    size_t length = strlen(options->psk_name);
    if (length >= sizeof tls->psk_name || options->psk.size > sizeof tls->psk) return MK_ERR_TOOLONG;
    if (length == 0 || options->psk.size == 0) return MK_ERR_INVALID;
    memcpy(tls->psk_name, options->psk_name, length + 1);
    memcpy(tls->psk, options->psk.data, options->psk.size);
    tls->psk_bytes = options->psk.size;
    return MK_OK;
}

static mk_slice_t slice(socket_bytes_t bytes) { return (mk_slice_t){bytes.data, bytes.size}; }

static mk_err_t create_context(const socket_tls_options_t *options, socket_tls_t *tls, char *why) {
    mk_tls_config_t config = {
        .server = options->server,
        .verify = (mk_tls_verify_t)options->peer,
        .certificate = slice(options->certificate),
        .key = slice(options->key),
        .authorities = slice(options->authorities),
        .alpn = options->alpn,
    };
    if (tls->psk_bytes != 0 && options->server) {
        config.psk_find = find_psk;
        config.psk_arg = tls;
    } else if (tls->psk_bytes != 0) {
        config.psk_name = tls->psk_name;
        config.psk = (mk_slice_t){tls->psk, tls->psk_bytes};
    }
    return tls->engine->context_create(&config, &tls->context, why);
}

mk_err_t socket_tls_create(const socket_tls_options_t *options, socket_tls_t **out, char why[SOCKET_TLS_WHY_BYTES]) {
    why[0] = '\0';
    const mk_tls_engine_t *engine = mk_tls_engine(options->engine);
    if (engine == NULL) {
        const char text[] = "this build has no such TLS engine";
        memcpy(why, text, sizeof text);
        return MK_ERR_NOSYS;
    }
    socket_tls_t *tls = mk_calloc(1, sizeof *tls);
    if (tls == NULL) return MK_ERR_NOMEM;
    tls->engine = engine;
    tls->server = options->server;
    tls->refs = 1;
    mk_err_t err = take_psk(options, tls);
    if (err == MK_OK) err = create_context(options, tls, why);
    if (err != MK_OK) {
        mk_free(tls);
        return err;
    }
    *out = tls;
    return MK_OK;
}

void socket_tls_release(socket_tls_t *tls) {
    if (tls == NULL || --tls->refs != 0) return;
    tls->engine->context_release(tls->context);
    mk_free(tls);
}
