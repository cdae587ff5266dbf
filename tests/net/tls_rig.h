/* SPDX-License-Identifier: Apache-2.0 */
/* tls_rig.h -- two ends of a TLS connection that talk through memory, each on an engine of its own. */
#ifndef MK_TESTS_NET_TLS_RIG_H
#define MK_TESTS_NET_TLS_RIG_H

#include <stdlib.h>
#include <string.h>

#include "net/certificates.h"
#include "net/tls.h"
#include "rig/rig.h"

/* ---- pipes ------------------------------------------------------------------------------------------------------------ */

/* Bytes one way. Zero-initialised: without limits, open. */
typedef struct pipe {
    uint8_t *bytes;
    size_t   size, at, capacity;
    size_t   step;    /* most bytes that one call moves; 0: any number                */
    size_t   room;    /* most bytes that wait in it; 0: any number                    */
    bool     stutter; /* every other call answers WAIT                                */
    bool     ended, broken;
    unsigned reads, writes;
} pipe_t;

static inline size_t pipe_waiting(const pipe_t *pipe) { return pipe->size - pipe->at; }

static inline ptrdiff_t pipe_read(pipe_t *pipe, void *buf, size_t size) {
    if (pipe->broken) return MK_IO_FAILED;
    if (pipe->stutter && pipe->reads++ % 2 == 0) return MK_IO_WAIT;
    if (pipe_waiting(pipe) == 0) return pipe->ended ? 0 : MK_IO_WAIT;
    if (pipe->step != 0 && size > pipe->step) size = pipe->step;
    if (size > pipe_waiting(pipe)) size = pipe_waiting(pipe);
    memcpy(buf, pipe->bytes + pipe->at, size);
    pipe->at += size;
    if (pipe->at == pipe->size) pipe->at = pipe->size = 0;
    return (ptrdiff_t)size;
}

static inline ptrdiff_t pipe_write(pipe_t *pipe, const void *data, size_t size) {
    if (pipe->broken) return MK_IO_FAILED;
    if (pipe->stutter && pipe->writes++ % 2 == 0) return MK_IO_WAIT;
    if (pipe->step != 0 && size > pipe->step) size = pipe->step;
    if (pipe->room != 0) {
        size_t room = pipe->room > pipe_waiting(pipe) ? pipe->room - pipe_waiting(pipe) : 0;
        if (room == 0) return MK_IO_WAIT;
        if (size > room) size = room;
    }
    if (pipe->size + size > pipe->capacity) {
        pipe->capacity = 2 * (pipe->size + size);
        pipe->bytes = realloc(pipe->bytes, pipe->capacity);
    }
    memcpy(pipe->bytes + pipe->size, data, size);
    pipe->size += size;
    return (ptrdiff_t)size;
}

/* ---- ends -------------------------------------------------------------------------------------------------------------- */

typedef struct end {
    const mk_tls_engine_t *engine;
    mk_tls_context_t      *context;
    mk_tls_session_t      *session;
    pipe_t                *in, *out;
    mk_tls_status_t        status; /* of the handshake */
} end_t;

typedef struct wire {
    end_t  client, server;
    pipe_t up, down;
} wire_t;

static inline ptrdiff_t end_read(void *arg, void *buf, size_t size) { return pipe_read(((end_t *)arg)->in, buf, size); }
static inline ptrdiff_t end_write(void *arg, const void *data, size_t size) {
    return pipe_write(((end_t *)arg)->out, data, size);
}

/* New sessions of both contexts, nothing said yet. */
static inline mk_err_t wire_open(wire_t *wire, const char *host, const char *peer) {
    end_t *client = &wire->client, *server = &wire->server;
    client->in = server->out = &wire->down;
    client->out = server->in = &wire->up;
    client->status = server->status = MK_TLS_WANT_READ;
    mk_err_t err = client->engine->session_create(client->context, host, peer,
                                                  &(mk_tls_io_t){client, end_read, end_write}, &client->session);
    if (err != MK_OK) return err;
    return server->engine->session_create(server->context, NULL, NULL, &(mk_tls_io_t){server, end_read, end_write},
                                          &server->session);
}

static inline void end_shake(end_t *end) {
    if (end->status == MK_TLS_WANT_READ || end->status == MK_TLS_WANT_WRITE)
        end->status = end->engine->handshake(end->session);
    if (end->status == MK_TLS_FAILED) end->out->ended = true; /* as whoever owns the descriptor would */
}

/* With TLS 1.3 a client that is done has tickets to read before its server is. */
static inline void end_drain(end_t *end) {
    uint8_t byte;
    size_t  n;
    if (end->status == MK_TLS_OK && end->in->room != 0) (void)end->engine->read(end->session, &byte, 1, &n);
}

/* Both shake hands until each is done or has failed. */
static inline bool wire_shake(wire_t *wire) {
    for (int i = 0; i < 200000; i++) {
        end_shake(&wire->client);
        end_shake(&wire->server);
        end_drain(&wire->client);
        if (wire->client.status == MK_TLS_OK && wire->server.status == MK_TLS_OK) return true;
        bool client = wire->client.status == MK_TLS_OK || wire->client.status == MK_TLS_FAILED;
        bool server = wire->server.status == MK_TLS_OK || wire->server.status == MK_TLS_FAILED;
        if (client && server) return false;
    }
    rig_fail(__FILE__, __LINE__, "the handshake goes on for ever (client %d, server %d)", (int)wire->client.status,
             (int)wire->server.status);
}

/* Closes the sessions, and empties the pipes. */
static inline void wire_close(wire_t *wire) {
    if (wire->client.session != NULL) wire->client.engine->session_destroy(wire->client.session);
    if (wire->server.session != NULL) wire->server.engine->session_destroy(wire->server.session);
    wire->client.session = wire->server.session = NULL;
    free(wire->up.bytes);
    free(wire->down.bytes);
    wire->up = (pipe_t){0};
    wire->down = (pipe_t){0};
}

static inline void wire_end(wire_t *wire) {
    wire_close(wire);
    if (wire->client.context != NULL) wire->client.engine->context_release(wire->client.context);
    if (wire->server.context != NULL) wire->server.engine->context_release(wire->server.context);
    wire->client.context = wire->server.context = NULL;
}

static inline const char *end_why(const end_t *end) { return end->engine->why(end->session); }

static inline mk_tls_info_t end_info(const end_t *end) {
    mk_tls_info_t info;
    end->engine->info(end->session, &info);
    return info;
}

/* One read, waiting while `wire` has nothing. */
static inline mk_tls_status_t end_get(end_t *end, void *buf, size_t size, size_t *n) {
    mk_tls_status_t status = MK_TLS_WANT_READ;
    for (int i = 0; i < 200000 && (status == MK_TLS_WANT_READ || status == MK_TLS_WANT_WRITE); i++)
        status = end->engine->read(end->session, buf, size, n);
    return status;
}

/* All of it goes over, in as many pieces as it takes. */
static inline void wire_carry(end_t *from, end_t *to, const uint8_t *data, size_t size, uint8_t *out) {
    size_t sent = 0, got = 0;
    for (int i = 0; got < size; i++) {
        size_t          n = 0;
        mk_tls_status_t status = MK_TLS_OK;
        while (sent < size && status == MK_TLS_OK) {
            status = from->engine->write(from->session, data + sent, size - sent, &n);
            if (status == MK_TLS_OK) sent += n;
            if (status == MK_TLS_FAILED) rig_fail(__FILE__, __LINE__, "writing failed: %s", end_why(from));
        }
        status = MK_TLS_OK;
        while (got < size && status == MK_TLS_OK) {
            status = to->engine->read(to->session, out + got, size - got, &n);
            if (status == MK_TLS_OK) got += n;
            if (status == MK_TLS_FAILED) rig_fail(__FILE__, __LINE__, "reading failed: %s", end_why(to));
        }
        if (i > 1 << 24) rig_fail(__FILE__, __LINE__, "data does not arrive");
    }
}

/* ---- what they are configured with ---------------------------------------------------------------------------------------- */

static inline mk_slice_t pem(const char *file) {
    static struct {
        const char *file;
        char       *text;
    } known[32];
    for (size_t i = 0; i < 32; i++) {
        if (known[i].file == NULL) {
            known[i].text = certificates_read(file);
            known[i].file = file;
        }
        if (strcmp(known[i].file, file) == 0) return (mk_slice_t){known[i].text, strlen(known[i].text)};
    }
    rig_fail(__FILE__, __LINE__, "too many certificates");
}

static inline mk_tls_config_t server_of(const char *certificate, const char *key) {
    return (mk_tls_config_t){.server = true, .certificate = pem(certificate), .key = pem(key)};
}

static inline mk_tls_config_t client_trusting(const char *authorities) {
    return (mk_tls_config_t){.authorities = pem(authorities)};
}

static inline void must_create(end_t *end, const mk_tls_config_t *config) {
    char     why[MK_TLS_WHY_BYTES] = "";
    mk_err_t err = end->engine->context_create(config, &end->context, why);
    if (err != MK_OK) rig_fail(__FILE__, __LINE__, "%s: no context: %s", end->engine->name, why);
}

/* Every engine as client with every engine as server. */
static inline void each_pair(void (*run)(wire_t *wire)) {
    certificates_make();
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    for (const mk_tls_engine_t *const *client = mk_tls_engines; *client != NULL; client++)
        for (const mk_tls_engine_t *const *server = mk_tls_engines; *server != NULL; server++) {
            wire_t wire = {.client.engine = *client, .server.engine = *server};
            if (getenv("TLS_TEST_VERBOSE") != NULL) printf("  client %s, server %s\n", (*client)->name, (*server)->name);
            run(&wire);
            wire_end(&wire);
        }
}

#endif
