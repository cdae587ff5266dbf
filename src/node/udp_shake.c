/* SPDX-License-Identifier: Apache-2.0 */
/* udp_shake.c -- see udp_shake.h. Every handshake packet has a fresh salt, so each is sealed under a key of its own and none needs a
 * number. The caller's share goes into all of them: an answer to one call is worth nothing for another. */
#include "node/udp_shake.h"

#include <string.h>

#include "node/wire.h"
#include "port/port.h"

enum {
    INIT_SEALED_AT = 2 + MK_SECRET_ID_BYTES + MK_UDP_SALT_BYTES + MK_X25519_BYTES,
    ANSWER_SEALED_AT = 2 + 4 + MK_UDP_SALT_BYTES
};

static const uint8_t no_nonce[MK_AEAD_NONCE_BYTES]; /* the key is used once */

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */

/* Of one packet. */
static mk_aead_t *packet_key(const char *info, const uint8_t *salt, const uint8_t *share, const mk_secret_t *secret) {
    uint8_t    salts[MK_UDP_SALT_BYTES + MK_X25519_BYTES], key[MK_AEAD_KEY_BYTES];
    mk_aead_t *aead = NULL;
    memcpy(salts, salt, MK_UDP_SALT_BYTES);
    memcpy(salts + MK_UDP_SALT_BYTES, share, MK_X25519_BYTES);
    mk_err_t err =
        mk_crypto()->hkdf(secret->key, MK_SECRET_BYTES, salts, sizeof salts, info, strlen(info), key, sizeof key);
    if (err == MK_OK) err = mk_crypto()->aead_create(key, &aead);
    mk_wipe(key, sizeof key);
    return err == MK_OK ? aead : NULL;
}

mk_err_t mk_udp_session_keys(const mk_secret_t *secret, const uint8_t agreed[MK_X25519_BYTES],
                             const uint8_t caller[MK_X25519_BYTES], const uint8_t called[MK_X25519_BYTES],
                             mk_aead_t **from_caller, mk_aead_t **from_called) {
    static const char  info[] = "microkernel 1 udp session";
    uint8_t            from[MK_SECRET_BYTES + MK_X25519_BYTES], shares[2 * MK_X25519_BYTES], keys[2][MK_AEAD_KEY_BYTES];
    const mk_crypto_t *crypto = mk_crypto();
    memcpy(from, secret->key, MK_SECRET_BYTES);
    memcpy(from + MK_SECRET_BYTES, agreed, MK_X25519_BYTES);
    memcpy(shares, caller, MK_X25519_BYTES);
    memcpy(shares + MK_X25519_BYTES, called, MK_X25519_BYTES);
    mk_err_t err = crypto->hkdf(from, sizeof from, shares, sizeof shares, info, sizeof info - 1, keys, sizeof keys);
    if (err == MK_OK) err = crypto->aead_create(keys[0], from_caller);
    if (err == MK_OK && (err = crypto->aead_create(keys[1], from_called)) != MK_OK) {
        crypto->aead_destroy(*from_caller);
        *from_caller = NULL;
    }
    mk_wipe(from, sizeof from);
    mk_wipe(keys, sizeof keys);
    return err;
}

/* ---- packets of the handshake --------------------------------------------------------------------------------------------- */

static const char info_init[] = "microkernel 1 udp init", info_cookie[] = "microkernel 1 udp cookie",
                  info_response[] = "microkernel 1 udp response";

static uint8_t kind_byte(mk_udp_kind_t kind, bool sealed) { return (uint8_t)(sealed ? kind : kind | MK_UDP_PLAIN); }

/* Seals what lies from `at` on, under a key made with the salt before; what lies before it is authenticated. */
static size_t seal(uint8_t *packet, size_t at, size_t size, const char *info, const uint8_t *salt, const uint8_t *share,
                   const mk_secret_t *secret) {
    if (secret == NULL) return size;
    mk_aead_t *aead = packet_key(info, salt, share, secret);
    if (aead == NULL) return 0;
    mk_err_t err = mk_crypto()->seal(aead, no_nonce, packet, at, packet + at, size - at, packet + at);
    mk_crypto()->aead_destroy(aead);
    return err == MK_OK ? size + MK_AEAD_TAG_BYTES : 0;
}

static bool open_sealed(const uint8_t *packet, size_t at, size_t size, const char *info, const uint8_t *salt,
                        const uint8_t *share, const mk_secret_t *secret, uint8_t *out) {
    if (secret == NULL) {
        memcpy(out, packet + at, size - at);
        return true;
    }
    mk_aead_t *aead = packet_key(info, salt, share, secret);
    if (aead == NULL) return false;
    mk_err_t err = mk_crypto()->open(aead, no_nonce, packet, at, packet + at, size - at + MK_AEAD_TAG_BYTES, out);
    mk_crypto()->aead_destroy(aead);
    return err == MK_OK;
}

size_t mk_udp_put_init(uint8_t to[MK_UDP_SHAKE_BYTES_MAX], const mk_udp_init_t *init, const mk_secret_t *secret) {
    uint8_t *salt = to + 2 + MK_SECRET_ID_BYTES, *share = salt + MK_UDP_SALT_BYTES, *body = to + INIT_SEALED_AT;
    to[0] = kind_byte(MK_UDP_INIT, secret != NULL);
    to[1] = MK_UDP_VERSION;
    memcpy(to + 2, init->id, MK_SECRET_ID_BYTES);
    if (mk_port_entropy(salt, MK_UDP_SALT_BYTES) != MK_OK) return 0;
    memcpy(share, init->share, MK_X25519_BYTES);
    mk_wire_store32(body, init->index);
    mk_wire_store64(body + 4, init->life);
    memcpy(body + 12, init->cookie, MK_UDP_COOKIE_BYTES);
    return seal(to, INIT_SEALED_AT, MK_UDP_INIT_BYTES, info_init, salt, share, secret);
}

static bool has_form(const uint8_t *packet, size_t size, mk_udp_kind_t kind, size_t bytes, bool sealed) {
    return size == bytes + (sealed ? MK_AEAD_TAG_BYTES : 0) && packet[0] == kind_byte(kind, sealed) &&
           packet[1] == MK_UDP_VERSION;
}

bool mk_udp_peek_init(const uint8_t *packet, size_t size, bool sealed, mk_udp_init_t *out) {
    if (!has_form(packet, size, MK_UDP_INIT, MK_UDP_INIT_BYTES, sealed)) return false;
    memcpy(out->id, packet + 2, MK_SECRET_ID_BYTES);
    memcpy(out->share, packet + 2 + MK_SECRET_ID_BYTES + MK_UDP_SALT_BYTES, MK_X25519_BYTES);
    return true;
}

bool mk_udp_get_init(const uint8_t *packet, const mk_secret_t *secret, mk_udp_init_t *out) {
    uint8_t body[MK_UDP_INIT_BYTES - INIT_SEALED_AT];
    if (!open_sealed(packet, INIT_SEALED_AT, MK_UDP_INIT_BYTES, info_init, packet + 2 + MK_SECRET_ID_BYTES, out->share,
                     secret, body))
        return false;
    out->index = mk_wire_load32(body);
    out->life = mk_wire_load64(body + 4);
    memcpy(out->cookie, body + 12, MK_UDP_COOKIE_BYTES);
    return true;
}

/* Kind, version, whom it is for, salt. */
static bool begin_answer(uint8_t *to, mk_udp_kind_t kind, uint32_t index, bool sealed) {
    to[0] = kind_byte(kind, sealed);
    to[1] = MK_UDP_VERSION;
    mk_wire_store32(to + 2, index);
    return mk_port_entropy(to + 6, MK_UDP_SALT_BYTES) == MK_OK;
}

bool mk_udp_peek_answer(const uint8_t *packet, size_t size, bool sealed, uint32_t *index) {
    if (!has_form(packet, size, MK_UDP_COOKIE, MK_UDP_COOKIE_PACKET_BYTES, sealed) &&
        !has_form(packet, size, MK_UDP_RESPONSE, MK_UDP_RESPONSE_BYTES, sealed))
        return false;
    *index = mk_wire_load32(packet + 2);
    return true;
}

size_t mk_udp_put_cookie(uint8_t to[MK_UDP_SHAKE_BYTES_MAX], uint32_t index, const uint8_t share[MK_X25519_BYTES],
                         const uint8_t cookie[MK_UDP_COOKIE_BYTES], const mk_secret_t *secret) {
    if (!begin_answer(to, MK_UDP_COOKIE, index, secret != NULL)) return 0;
    memcpy(to + ANSWER_SEALED_AT, cookie, MK_UDP_COOKIE_BYTES);
    return seal(to, ANSWER_SEALED_AT, MK_UDP_COOKIE_PACKET_BYTES, info_cookie, to + 6, share, secret);
}

bool mk_udp_get_cookie(const uint8_t *packet, const uint8_t share[MK_X25519_BYTES], const mk_secret_t *secret,
                       uint8_t cookie[MK_UDP_COOKIE_BYTES]) {
    return open_sealed(packet, ANSWER_SEALED_AT, MK_UDP_COOKIE_PACKET_BYTES, info_cookie, packet + 6, share, secret,
                       cookie);
}

size_t mk_udp_put_response(uint8_t to[MK_UDP_SHAKE_BYTES_MAX], const mk_udp_response_t *response,
                           const uint8_t share[MK_X25519_BYTES], const mk_secret_t *secret) {
    uint8_t *body = to + ANSWER_SEALED_AT;
    if (!begin_answer(to, MK_UDP_RESPONSE, response->to, secret != NULL)) return 0;
    memcpy(body, response->share, MK_X25519_BYTES);
    mk_wire_store32(body + MK_X25519_BYTES, response->index);
    mk_wire_store64(body + MK_X25519_BYTES + 4, response->life);
    return seal(to, ANSWER_SEALED_AT, MK_UDP_RESPONSE_BYTES, info_response, to + 6, share, secret);
}

bool mk_udp_get_response(const uint8_t *packet, const uint8_t share[MK_X25519_BYTES], const mk_secret_t *secret,
                         mk_udp_response_t *out) {
    uint8_t body[MK_UDP_RESPONSE_BYTES - ANSWER_SEALED_AT];
    if (!open_sealed(packet, ANSWER_SEALED_AT, MK_UDP_RESPONSE_BYTES, info_response, packet + 6, share, secret, body))
        return false;
    out->to = mk_wire_load32(packet + 2);
    memcpy(out->share, body, MK_X25519_BYTES);
    out->index = mk_wire_load32(body + MK_X25519_BYTES);
    out->life = mk_wire_load64(body + MK_X25519_BYTES + 4);
    return true;
}

/* ---- packets of a session --------------------------------------------------------------------------------------------------- */

static void nonce_of(uint64_t number, uint8_t out[MK_AEAD_NONCE_BYTES]) {
    memset(out, 0, 4);
    mk_wire_store64(out + 4, number);
}

size_t mk_udp_packet_seal(uint8_t *packet, size_t size, mk_aead_t *aead, uint32_t index, uint64_t number) {
    uint8_t nonce[MK_AEAD_NONCE_BYTES], *body = packet + MK_UDP_HEAD_BYTES;
    packet[0] = kind_byte(MK_UDP_DATA, aead != NULL);
    mk_wire_store32(packet + 1, index);
    mk_wire_store64(packet + 5, number);
    if (aead == NULL) return MK_UDP_HEAD_BYTES + size;
    nonce_of(number, nonce);
    if (mk_crypto()->seal(aead, nonce, packet, MK_UDP_HEAD_BYTES, body, size, body) != MK_OK) return 0;
    return MK_UDP_HEAD_BYTES + size + MK_AEAD_TAG_BYTES;
}

size_t mk_udp_packet_open(uint8_t *packet, size_t size, mk_aead_t *aead) {
    uint8_t nonce[MK_AEAD_NONCE_BYTES], *body = packet + MK_UDP_HEAD_BYTES;
    size_t  extra = aead != NULL ? MK_AEAD_TAG_BYTES : 0;
    if (size < MK_UDP_HEAD_BYTES + extra || packet[0] != kind_byte(MK_UDP_DATA, aead != NULL)) return MK_UDP_FORGED;
    size -= MK_UDP_HEAD_BYTES;
    if (aead == NULL) return size;
    nonce_of(mk_wire_load64(packet + 5), nonce);
    if (mk_crypto()->open(aead, nonce, packet, MK_UDP_HEAD_BYTES, body, size, body) != MK_OK) return MK_UDP_FORGED;
    return size - MK_AEAD_TAG_BYTES;
}

/* ---- the window --------------------------------------------------------------------------------------------------------------- */

static uint64_t *word_of(mk_udp_window_t *window, uint64_t number) {
    return &window->seen[number % MK_UDP_WINDOW / 64];
}

bool mk_udp_window_is_new(const mk_udp_window_t *window, uint64_t number) {
    if (number >= window->next) return true;
    if (window->next - number > MK_UDP_WINDOW) return false;
    return (window->seen[number % MK_UDP_WINDOW / 64] >> number % 64 & 1) == 0;
}

void mk_udp_window_mark(mk_udp_window_t *window, uint64_t number) {
    if (number >= window->next) {
        uint64_t skipped = number - window->next;
        if (skipped >= MK_UDP_WINDOW) memset(window->seen, 0, sizeof window->seen);
        else
            for (uint64_t each = window->next; each < number; each++) *word_of(window, each) &= ~(1ull << each % 64);
        window->next = number + 1;
    }
    *word_of(window, number) |= 1ull << number % 64;
}
