/* SPDX-License-Identifier: Apache-2.0 */
/* tls13.h -- as much of a TLS 1.3 client (RFC 8446) as it takes to load a server with handshakes from one core: X25519,
 * TLS_AES_128_GCM_SHA256, one key share for all connections, and the server's certificate and its signature are not checked,
 * its Finished is. A client that does all of it (OpenSSL's) computes more than the server and would measure itself. */
#ifndef BENCH_NET_TLS13_H
#define BENCH_NET_TLS13_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPENSSL_API_COMPAT 10101 /* SHA256_CTX: the transcript's hash is copied several times, which EVP does by allocating */
#include <openssl/sha.h>

enum { TLS13_RECORD_BYTES_MAX = 5 + 16384 + 256, TLS13_HASH = 32, TLS13_OUT_BYTES = 512 };

typedef struct tls13_keys {
    uint8_t  key[16], iv[12];
    uint64_t sequence;
} tls13_keys_t;

typedef enum tls13_state { TLS13_HELLO, TLS13_FLIGHT, TLS13_DONE } tls13_state_t;

typedef struct tls13 {
    tls13_state_t state;
    SHA256_CTX    transcript;
    uint8_t       secret[TLS13_HASH];                   /* handshake secret                                 */
    uint8_t       client_traffic[TLS13_HASH], server_traffic[TLS13_HASH];
    tls13_keys_t  in, out;
    uint8_t       flight[8192];                         /* decrypted messages, the last maybe not whole     */
    size_t        flight_n;
} tls13_t;

/* Makes the key share and the hello, which are the same for all connections. */
void           tls13_start(void);
const uint8_t *tls13_hello(size_t *size);
void           tls13_init(tls13_t *tls);

/* Handles one whole record of the server's. False: the server did something wrong. When it makes the state TLS13_DONE, the
 * answer to be sent is in `out`, and what follows is under the keys of the application. */
bool tls13_take(tls13_t *tls, uint8_t *record, size_t size, uint8_t out[TLS13_OUT_BYTES], size_t *out_size);

/* A record of the given content type; `size` is at most 256. Returns its length. */
size_t tls13_seal(tls13_t *tls, uint8_t type, const void *data, size_t size, uint8_t out[TLS13_OUT_BYTES]);

/* Decrypts a whole record in place: its content begins at record + 5. Returns its content type, 0 when it is forged. */
uint8_t tls13_open(tls13_t *tls, uint8_t *record, size_t size, size_t *content);

#endif
