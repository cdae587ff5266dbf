/* SPDX-License-Identifier: Apache-2.0 */
/* tls13.c -- see tls13.h. Sections are those of RFC 8446. */
#include "tls13.h"

#include <string.h>

#include <openssl/evp.h>

#include "bench.h"

enum { GROUP_X25519 = 0x001d, SUITE = 0x1301, TAG = 16, BLOCK = 64, SHARE = 32 };
enum { TYPE_CCS = 20, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };
enum { MESSAGE_SERVER_HELLO = 2, MESSAGE_FINISHED = 20 };

static EVP_PKEY       *own_key;
static EVP_CIPHER_CTX *sealing, *opening;
static uint8_t derived[TLS13_HASH]; /* 7.1: from the early secret, which is a constant without pre-shared keys */
static uint8_t hello[256];
static size_t  hello_size;

/* ---- the key schedule (7.1) ------------------------------------------------------------------------------------------- */

static void hmac(const uint8_t key[TLS13_HASH], const void *data, size_t size, uint8_t out[TLS13_HASH]) {
    uint8_t    pad[BLOCK], inner[TLS13_HASH];
    SHA256_CTX hash;
    for (int i = 0; i < BLOCK; i++) pad[i] = (uint8_t)((i < TLS13_HASH ? key[i] : 0) ^ 0x36);
    SHA256_Init(&hash);
    SHA256_Update(&hash, pad, BLOCK);
    SHA256_Update(&hash, data, size);
    SHA256_Final(inner, &hash);
    for (int i = 0; i < BLOCK; i++) pad[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&hash);
    SHA256_Update(&hash, pad, BLOCK);
    SHA256_Update(&hash, inner, TLS13_HASH);
    SHA256_Final(out, &hash);
}

/* HKDF-Expand-Label; `context` is a hash or NULL. Nothing that is derived here is longer than one hash. */
static void expand(const uint8_t secret[TLS13_HASH], const char *label, const uint8_t *context, uint8_t *out,
                   size_t size) {
    uint8_t info[96], whole[TLS13_HASH];
    size_t  n = 0, label_size = strlen(label);
    info[n++] = 0;
    info[n++] = (uint8_t)size;
    info[n++] = (uint8_t)(6 + label_size);
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, label_size);
    n += 6 + label_size;
    info[n++] = context != NULL ? TLS13_HASH : 0;
    if (context != NULL) memcpy(info + n, context, TLS13_HASH);
    n += context != NULL ? TLS13_HASH : 0;
    info[n++] = 1;
    hmac(secret, info, n, whole);
    memcpy(out, whole, size);
}

static void keys_of(tls13_keys_t *keys, const uint8_t traffic[TLS13_HASH]) {
    expand(traffic, "key", NULL, keys->key, sizeof keys->key);
    expand(traffic, "iv", NULL, keys->iv, sizeof keys->iv);
    keys->sequence = 0;
}

static void transcript_hash(const tls13_t *tls, uint8_t out[TLS13_HASH]) {
    SHA256_CTX copy = tls->transcript;
    SHA256_Final(out, &copy);
}

/* 4.4.4 */
static void finished_of(const tls13_t *tls, const uint8_t traffic[TLS13_HASH], uint8_t out[TLS13_HASH]) {
    uint8_t key[TLS13_HASH], hash[TLS13_HASH];
    expand(traffic, "finished", NULL, key, sizeof key);
    transcript_hash(tls, hash);
    hmac(key, hash, sizeof hash, out);
}

/* ---- records (5.2) ---------------------------------------------------------------------------------------------------- */

static void nonce(tls13_keys_t *keys, uint8_t out[12]) {
    memcpy(out, keys->iv, 12);
    for (int i = 0; i < 8; i++) out[11 - i] ^= (uint8_t)(keys->sequence >> (8 * i));
    keys->sequence++;
}

size_t tls13_seal(tls13_t *tls, uint8_t type, const void *data, size_t size, uint8_t out[TLS13_OUT_BYTES]) {
    uint8_t iv[12], plain[257];
    int     n = 0;
    size_t  body = size + 1 + TAG;
    bench_check(size <= 256, "too long a record");
    memcpy(plain, data, size);
    plain[size] = type;
    nonce(&tls->out, iv);
    memcpy(out, (const uint8_t[]){TYPE_DATA, 3, 3, (uint8_t)(body >> 8), (uint8_t)body}, 5);
    bool ok = EVP_EncryptInit_ex(sealing, NULL, NULL, tls->out.key, iv) == 1 &&
              EVP_EncryptUpdate(sealing, NULL, &n, out, 5) == 1 &&
              EVP_EncryptUpdate(sealing, out + 5, &n, plain, (int)size + 1) == 1 &&
              EVP_EncryptFinal_ex(sealing, out + 5 + n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, TAG, out + 5 + size + 1) == 1;
    bench_check(ok, "encryption");
    return 5 + body;
}

uint8_t tls13_open(tls13_t *tls, uint8_t *record, size_t size, size_t *content) {
    uint8_t iv[12];
    int     n = 0;
    if (size < 5 + 1 + TAG || record[0] != TYPE_DATA) return 0;
    size_t plain = size - 5 - TAG;
    nonce(&tls->in, iv);
    if (EVP_DecryptInit_ex(opening, NULL, NULL, tls->in.key, iv) != 1 ||
        EVP_DecryptUpdate(opening, NULL, &n, record, 5) != 1 ||
        EVP_DecryptUpdate(opening, record + 5, &n, record + 5, (int)plain) != 1 ||
        EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, TAG, record + 5 + plain) != 1 ||
        EVP_DecryptFinal_ex(opening, record + 5 + n, &n) != 1)
        return 0;
    while (plain > 0 && record[5 + plain - 1] == 0) plain--; /* padding */
    if (plain == 0) return 0;
    *content = plain - 1;
    return record[5 + plain - 1];
}

/* ---- the hello (4.1.2) ---------------------------------------------------------------------------------------------------- */

static void put(const void *bytes, size_t size) {
    bench_check(hello_size + size <= sizeof hello, "hello");
    memcpy(hello + hello_size, bytes, size);
    hello_size += size;
}
static void put8(unsigned value) { put(&(uint8_t){(uint8_t)value}, 1); }
static void put16(unsigned value) { put((const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2); }

static void hello_make(const uint8_t share[SHARE], const uint8_t random[32]) {
    put8(TYPE_HANDSHAKE), put16(0x0301), put16(0); /* record; its length and the next are set below */
    put8(1), put8(0), put16(0);                    /* client_hello                                  */
    put16(0x0303), put(random, 32), put8(0);       /* no session id: no compatibility mode          */
    put16(2), put16(SUITE);
    put8(1), put8(0);
    put16(0); /* length of the extensions */
    size_t extensions = hello_size;
    put16(0), put16(14), put16(12), put8(0), put16(9), put("localhost", 9);                /* server_name          */
    put16(10), put16(4), put16(2), put16(GROUP_X25519);                                    /* supported_groups     */
    put16(13), put16(4), put16(2), put16(0x0403);                                          /* ecdsa_secp256r1_sha256 */
    put16(43), put16(3), put8(2), put16(0x0304);                                           /* supported_versions   */
    put16(51), put16(38), put16(36), put16(GROUP_X25519), put16(SHARE), put(share, SHARE); /* key_share */
    size_t total = hello_size;
    hello_size = extensions - 2, put16((unsigned)(total - extensions));
    hello_size = 7, put16((unsigned)(total - 9));
    hello_size = 3, put16((unsigned)(total - 5));
    hello_size = total;
}

void tls13_start(void) {
    uint8_t    zero[TLS13_HASH] = {0}, early[TLS13_HASH], nothing[TLS13_HASH], share[SHARE], random[32];
    SHA256_CTX hash;
    size_t     size = sizeof share;
    own_key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    bench_check(own_key != NULL && EVP_PKEY_get_raw_public_key(own_key, share, &size) == 1, "X25519");
    sealing = EVP_CIPHER_CTX_new();
    opening = EVP_CIPHER_CTX_new();
    bench_check(EVP_EncryptInit_ex(sealing, EVP_aes_128_gcm(), NULL, NULL, NULL) == 1 &&
                    EVP_DecryptInit_ex(opening, EVP_aes_128_gcm(), NULL, NULL, NULL) == 1,
                "AES-128-GCM");
    hmac(zero, zero, sizeof zero, early);
    SHA256_Init(&hash);
    SHA256_Final(nothing, &hash);
    expand(early, "derived", nothing, derived, sizeof derived);
    memset(random, 0x6b, sizeof random);
    hello_make(share, random);
}

const uint8_t *tls13_hello(size_t *size) {
    *size = hello_size;
    return hello;
}

void tls13_init(tls13_t *tls) {
    tls->state = TLS13_HELLO;
    tls->flight_n = 0;
    SHA256_Init(&tls->transcript);
    SHA256_Update(&tls->transcript, hello + 5, hello_size - 5);
}

/* ---- the server's side ------------------------------------------------------------------------------------------------ */

static bool agree(const uint8_t share[SHARE], uint8_t out[SHARE]) {
    size_t        size = SHARE;
    EVP_PKEY     *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, share, SHARE);
    EVP_PKEY_CTX *deriving = EVP_PKEY_CTX_new(own_key, NULL);
    bool          ok = theirs != NULL && deriving != NULL && EVP_PKEY_derive_init(deriving) == 1 &&
              EVP_PKEY_derive_set_peer_ex(deriving, theirs, 0) == 1 && EVP_PKEY_derive(deriving, out, &size) == 1;
    EVP_PKEY_CTX_free(deriving);
    EVP_PKEY_free(theirs);
    return ok;
}

/* 4.1.3; NULL when there is no key share of our group for our suite. */
static const uint8_t *share_of(const uint8_t *message, size_t size) {
    size_t at = 4 + 2 + 32;
    if (size < at + 1) return NULL;
    at += 1u + message[at];
    if (size < at + 5 || message[at] != SUITE >> 8 || message[at + 1] != (SUITE & 0xff)) return NULL;
    for (at += 5; at + 4 <= size;) {
        size_t kind = (size_t)message[at] << 8 | message[at + 1],
               length = (size_t)message[at + 2] << 8 | message[at + 3];
        at += 4;
        if (at + length > size) return NULL;
        if (kind == 51 && length == 4 + SHARE && message[at + 1] == GROUP_X25519) return message + at + 4;
        at += length;
    }
    return NULL;
}

static bool take_hello(tls13_t *tls, const uint8_t *message, size_t size) {
    uint8_t        secret[SHARE], hash[TLS13_HASH];
    const uint8_t *share = size > 4 && message[0] == MESSAGE_SERVER_HELLO ? share_of(message, size) : NULL;
    if (share == NULL || !agree(share, secret)) return false;
    SHA256_Update(&tls->transcript, message, size);
    transcript_hash(tls, hash);
    hmac(derived, secret, sizeof secret, tls->secret);
    expand(tls->secret, "c hs traffic", hash, tls->client_traffic, TLS13_HASH);
    expand(tls->secret, "s hs traffic", hash, tls->server_traffic, TLS13_HASH);
    keys_of(&tls->in, tls->server_traffic);
    keys_of(&tls->out, tls->client_traffic);
    tls->state = TLS13_FLIGHT;
    return true;
}

/* Everything is there: our Finished goes out, and the keys of the application are next. */
static size_t answer(tls13_t *tls, uint8_t out[TLS13_OUT_BYTES]) {
    uint8_t zero[TLS13_HASH] = {0}, nothing[TLS13_HASH], hash[TLS13_HASH], next[TLS13_HASH], master[TLS13_HASH];
    uint8_t finished[4 + TLS13_HASH] = {MESSAGE_FINISHED, 0, 0, TLS13_HASH};
    finished_of(tls, tls->client_traffic, finished + 4);
    size_t     size = tls13_seal(tls, TYPE_HANDSHAKE, finished, sizeof finished, out);
    SHA256_CTX empty;
    SHA256_Init(&empty);
    SHA256_Final(nothing, &empty);
    expand(tls->secret, "derived", nothing, next, sizeof next);
    hmac(next, zero, sizeof zero, master);
    transcript_hash(tls, hash);
    expand(master, "c ap traffic", hash, tls->client_traffic, TLS13_HASH);
    expand(master, "s ap traffic", hash, tls->server_traffic, TLS13_HASH);
    keys_of(&tls->in, tls->server_traffic);
    keys_of(&tls->out, tls->client_traffic);
    tls->state = TLS13_DONE;
    return size;
}

static bool take_flight(tls13_t *tls, uint8_t out[TLS13_OUT_BYTES], size_t *out_size) {
    for (size_t at = 0;;) {
        const uint8_t *message = tls->flight + at;
        size_t         left = tls->flight_n - at;
        size_t         size = left < 4 ? 4 : 4 + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
        if (size > sizeof tls->flight) return false;
        if (left < size) {
            memmove(tls->flight, message, left);
            tls->flight_n = left;
            return true;
        }
        if (message[0] == MESSAGE_FINISHED) {
            uint8_t expected[TLS13_HASH];
            finished_of(tls, tls->server_traffic, expected);
            if (size != 4 + TLS13_HASH || memcmp(expected, message + 4, TLS13_HASH) != 0) return false;
            SHA256_Update(&tls->transcript, message, size);
            *out_size = answer(tls, out);
            return true;
        }
        SHA256_Update(&tls->transcript, message, size);
        at += size;
    }
}

bool tls13_take(tls13_t *tls, uint8_t *record, size_t size, uint8_t out[TLS13_OUT_BYTES], size_t *out_size) {
    *out_size = 0;
    if (record[0] == TYPE_CCS) return true;
    if (tls->state == TLS13_HELLO) return record[0] == TYPE_HANDSHAKE && take_hello(tls, record + 5, size - 5);
    size_t content = 0;
    if (tls13_open(tls, record, size, &content) != TYPE_HANDSHAKE) return false;
    if (content > sizeof tls->flight - tls->flight_n) return false;
    memcpy(tls->flight + tls->flight_n, record + 5, content);
    tls->flight_n += content;
    return take_flight(tls, out, out_size);
}
