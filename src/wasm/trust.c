/* SPDX-License-Identifier: Apache-2.0 */
/* trust.c -- what is signed is not the module itself but a text that says what it is for and the module's hash: so a signature made for
 * another purpose is none for this one. */
#include "wasm/trust.h"

#include <stdio.h>
#include <string.h>

#include "net/ed25519.h"

static const char purpose[] = "microkernel module 1"; /* its NUL belongs to it */
static const char section_name[] = "mk.signature";

/* Written before the first guest is loaded (wasm_actor.h), read by all threads afterwards. */
static uint8_t  keys[MK_TRUST_KEYS_MAX][WASM_KEY_BYTES];
static uint8_t  modules[MK_TRUST_MODULES_MAX][MK_SHA256_BYTES];
static unsigned keys_n, modules_n;

bool wasm_trust_key(const uint8_t key[WASM_KEY_BYTES]) {
    if (keys_n == MK_TRUST_KEYS_MAX) return false;
    memcpy(keys[keys_n++], key, WASM_KEY_BYTES);
    return true;
}

bool wasm_trust_module(const void *buf, size_t size) {
    if (modules_n == MK_TRUST_MODULES_MAX) return false;
    mk_sha256(buf, size, modules[modules_n++]);
    return true;
}

void wasm_trust_all(void) { keys_n = modules_n = 0; }

void wasm_signature_text(const void *buf, size_t size, uint8_t out[WASM_SIGNED_BYTES]) {
    memcpy(out, purpose, sizeof purpose);
    mk_sha256(buf, size, out + sizeof purpose);
}

void wasm_signature_section(const uint8_t key[WASM_KEY_BYTES], const uint8_t signature[WASM_SIGNATURE_BYTES],
                            uint8_t out[WASM_SECTION_BYTES]) {
    size_t name_size = sizeof section_name - 1;
    out[0] = 0; /* custom */
    out[1] = WASM_SECTION_BYTES - 2;
    out[2] = (uint8_t)name_size;
    memcpy(out + 3, section_name, name_size);
    memcpy(out + 3 + name_size, key, WASM_KEY_BYTES);
    memcpy(out + 3 + name_size + WASM_KEY_BYTES, signature, WASM_SIGNATURE_BYTES);
}

/* Id and size, the name with its length, key, signature. */
_Static_assert(WASM_SECTION_BYTES == 2 + sizeof section_name + 32 + 64 && WASM_SECTION_BYTES - 2 < 0x80,
               "its size is one byte");
_Static_assert(WASM_SIGNED_BYTES == sizeof purpose + MK_SHA256_BYTES, "what is signed");

bool wasm_is_signed(const void *buf, size_t size) {
    static const uint8_t nothing[WASM_SIGNATURE_BYTES];
    uint8_t              section[WASM_SECTION_BYTES];
    if (size < WASM_SECTION_BYTES) return false;
    wasm_signature_section(nothing, nothing, section);
    return memcmp((const uint8_t *)buf + size - WASM_SECTION_BYTES, section, 3 + sizeof section_name - 1) == 0;
}

/* Both hashes begin with the same bytes. */
void mk_identify(const void *bytes, size_t size, mk_identity_t *out) {
    mk_sha256_t sha, before;
    *out = (mk_identity_t){.is_signed = wasm_is_signed(bytes, size)};
    size_t section = out->is_signed ? WASM_SECTION_BYTES : 0;
    mk_sha256_init(&sha);
    mk_sha256_update(&sha, bytes, size - section);
    if (out->is_signed) {
        const uint8_t *behind = (const uint8_t *)bytes + size;
        before = sha;
        mk_sha256_final(&before, out->signed_hash);
        mk_sha256_update(&sha, behind - section, section);
        memcpy(out->key, behind - WASM_SIGNATURE_BYTES - WASM_KEY_BYTES, WASM_KEY_BYTES);
    }
    mk_sha256_final(&sha, out->hash);
}

static bool is_known(const mk_identity_t *identity) {
    for (unsigned i = 0; i < modules_n; i++)
        if (memcmp(modules[i], identity->hash, MK_SHA256_BYTES) == 0) return true;
    return false;
}

static mk_err_t deny(char *err, size_t err_size, const char *why) {
    if (err_size > 0) snprintf(err, err_size, "%s", why);
    return MK_ERR_DENIED;
}

static mk_err_t verify(const mk_identity_t *identity, const void *bytes, size_t size) {
    uint8_t text[WASM_SIGNED_BYTES];
    memcpy(text, purpose, sizeof purpose);
    memcpy(text + sizeof purpose, identity->signed_hash, MK_SHA256_BYTES);
    return mk_ed25519_verify(identity->key, (const uint8_t *)bytes + size - WASM_SIGNATURE_BYTES, text, sizeof text);
}

static mk_err_t check_signature(const mk_identity_t *identity, mk_err_t verified, char *err, size_t err_size) {
    unsigned i = 0;
    while (i < keys_n && memcmp(keys[i], identity->key, WASM_KEY_BYTES) != 0) i++;
    if (i == keys_n) return deny(err, err_size, "the module is signed by a key this node does not trust");
    switch (verified) {
    case MK_OK: return MK_OK;
    case MK_ERR_NOSYS:
        return deny(err, err_size, "this build cannot check signatures, and is to load signed modules only");
    case MK_ERR_NOMEM: return deny(err, err_size, "no memory to check the module's signature");
    default: return deny(err, err_size, "the module is not what was signed");
    }
}

/* What the answer of verify() says of it. */
static wasm_signature_t worth(const mk_identity_t *identity, mk_err_t verified) {
    if (!identity->is_signed) return WASM_UNSIGNED;
    return verified == MK_OK ? WASM_SIGNED : verified == MK_ERR_DENIED ? WASM_SIGNED_WRONG : WASM_SIGNED_UNCHECKED;
}

wasm_signature_t mk_trust_signature(const mk_identity_t *identity, const void *bytes, size_t size) {
    return worth(identity, identity->is_signed ? verify(identity, bytes, size) : MK_ERR_NOTFOUND);
}

mk_err_t mk_trust_check(const mk_identity_t *identity, const void *bytes, size_t size, wasm_signature_t *out, char *err,
                        size_t err_size) {
    mk_err_t verified = identity->is_signed ? verify(identity, bytes, size) : MK_ERR_NOTFOUND;
    *out = worth(identity, verified);
    if (keys_n == 0 || is_known(identity)) return MK_OK;
    if (!identity->is_signed)
        return deny(err, err_size, "the module is not signed, and this node loads signed ones only");
    return check_signature(identity, verified, err, err_size);
}
