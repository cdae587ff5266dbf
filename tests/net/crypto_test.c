/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives of every engine against the vectors of their documents, and against each other. */
#include "net/crypto.h"

#include <stdlib.h>

#include "net/tls.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"

static void from_hex(const char *text, uint8_t *out) {
    for (; *text != '\0'; text += 2) {
        char pair[3] = {text[0], text[1], '\0'};
        *out++ = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void each(void (*run)(const mk_crypto_t *crypto)) {
    unsigned n = 0;
    for (size_t i = 0; mk_tls_engines[i] != NULL; i++) {
        const mk_crypto_t *crypto = mk_crypto_of(mk_tls_engines[i]->name);
        if (crypto == NULL) continue;
        CHECK_STR(crypto->name, mk_tls_engines[i]->name);
        run(crypto);
        n++;
    }
    if (n == 0) rig_skip("a build without TLS");
}

/* RFC 8439 section 2.8.2. */
static const char sunscreen[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";

static void seal_and_open(const mk_crypto_t *crypto) {
    uint8_t key[32], nonce[12], extra[12], sealed[160], expected[160], opened[160];
    size_t  size = sizeof sunscreen - 1;
    from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key);
    from_hex("070000004041424344454647", nonce);
    from_hex("50515253c0c1c2c3c4c5c6c7", extra);
    from_hex(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e06"
        "0b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
        "86cec64b61161ae10b594f09e26a7e902ecbd0600691",
        expected);
    mk_aead_t *aead = NULL;
    CHECK_EQ(crypto->aead_create(key, &aead), MK_OK);
    for (int again = 0; again < 2; again++) { /* a key seals many */
        CHECK_EQ(crypto->seal(aead, nonce, extra, sizeof extra, sunscreen, size, sealed), MK_OK);
        CHECK(memcmp(sealed, expected, size + MK_AEAD_TAG_BYTES) == 0);
        CHECK_EQ(crypto->open(aead, nonce, extra, sizeof extra, sealed, size + MK_AEAD_TAG_BYTES, opened), MK_OK);
        CHECK(memcmp(opened, sunscreen, size) == 0);
    }
    for (size_t bit = 0; bit < 8 * (size + MK_AEAD_TAG_BYTES); bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQ(crypto->open(aead, nonce, extra, sizeof extra, sealed, size + MK_AEAD_TAG_BYTES, opened),
                 MK_ERR_PROTO);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t less = 0; less < size + MK_AEAD_TAG_BYTES; less++)
        CHECK_EQ(crypto->open(aead, nonce, extra, sizeof extra, sealed, less, opened), MK_ERR_PROTO);
    CHECK_EQ(crypto->open(aead, nonce, extra, 11, sealed, size + MK_AEAD_TAG_BYTES, opened), MK_ERR_PROTO);
    CHECK_EQ(crypto->open(aead, nonce, extra, 12, sealed, size + MK_AEAD_TAG_BYTES, sealed), MK_OK); /* in place */
    CHECK(memcmp(sealed, sunscreen, size) == 0);
    crypto->aead_destroy(aead);
    crypto->aead_destroy(NULL);
}

TEST(sealing_is_what_rfc_8439_says) { each(seal_and_open); }

static void seal_nothing(const mk_crypto_t *crypto) {
    uint8_t    key[32] = {1}, nonce[12] = {0}, sealed[MK_AEAD_TAG_BYTES], opened[1];
    mk_aead_t *aead = NULL;
    CHECK_EQ(crypto->aead_create(key, &aead), MK_OK);
    CHECK_EQ(crypto->seal(aead, nonce, "x", 1, NULL, 0, sealed), MK_OK);
    CHECK_EQ(crypto->open(aead, nonce, "x", 1, sealed, sizeof sealed, opened), MK_OK);
    CHECK_EQ(crypto->open(aead, nonce, "y", 1, sealed, sizeof sealed, opened), MK_ERR_PROTO);
    CHECK_EQ(crypto->seal(aead, nonce, NULL, 0, NULL, 0, sealed), MK_OK);
    CHECK_EQ(crypto->open(aead, nonce, NULL, 0, sealed, sizeof sealed, opened), MK_OK);
    crypto->aead_destroy(aead);
}

TEST(nothing_can_be_sealed_too) { each(seal_nothing); }

/* RFC 5869 appendix A.1 and A.3. */
static void derive(const mk_crypto_t *crypto) {
    uint8_t secret[22], salt[13], info[10], expected[42], out[255 * 32];
    memset(secret, 0x0b, sizeof secret);
    from_hex("000102030405060708090a0b0c", salt);
    from_hex("f0f1f2f3f4f5f6f7f8f9", info);
    from_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", expected);
    CHECK_EQ(crypto->hkdf(secret, sizeof secret, salt, sizeof salt, info, sizeof info, out, 42), MK_OK);
    CHECK(memcmp(out, expected, 42) == 0);
    from_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8", expected);
    CHECK_EQ(crypto->hkdf(secret, sizeof secret, NULL, 0, NULL, 0, out, 42), MK_OK);
    CHECK(memcmp(out, expected, 42) == 0);
    CHECK_EQ(crypto->hkdf(secret, sizeof secret, NULL, 0, "x", 1, out, sizeof out), MK_OK);
}

TEST(deriving_is_what_rfc_5869_says) { each(derive); }

/* RFC 7748 sections 5.2 and 6.1. */
static void agree(const mk_crypto_t *crypto) {
    uint8_t alice[32], alice_public[32], bob[32], bob_public[32], expected[32], out[32];
    from_hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", alice);
    from_hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", bob);
    from_hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", expected);
    CHECK_EQ(crypto->x25519(alice, bob, out), MK_OK);
    CHECK(memcmp(out, expected, 32) == 0);
    from_hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", alice);
    from_hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", bob); /* its last bit does not count */
    from_hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957", expected);
    CHECK_EQ(crypto->x25519(alice, bob, out), MK_OK);
    CHECK(memcmp(out, expected, 32) == 0);

    from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", alice);
    from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob);
    CHECK_EQ(crypto->x25519_public(alice, alice_public), MK_OK);
    CHECK_EQ(crypto->x25519_public(bob, bob_public), MK_OK);
    from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", expected);
    CHECK(memcmp(alice_public, expected, 32) == 0);
    from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", expected);
    CHECK(memcmp(bob_public, expected, 32) == 0);
    from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", expected);
    CHECK_EQ(crypto->x25519(alice, bob_public, out), MK_OK);
    CHECK(memcmp(out, expected, 32) == 0);
    CHECK_EQ(crypto->x25519(bob, alice_public, out), MK_OK);
    CHECK(memcmp(out, expected, 32) == 0);
}

TEST(agreeing_is_what_rfc_7748_says) { each(agree); }

static void low_order(const mk_crypto_t *crypto) {
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t secret[32], point[32], out[32];
    memset(secret, 0x42, sizeof secret);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        from_hex(points[i], point);
        CHECK_EQ(crypto->x25519(secret, point, out), MK_ERR_PROTO);
    }
}

TEST(a_peer_cannot_choose_what_both_agree_upon) { each(low_order); }

static void without_memory(const mk_crypto_t *crypto) {
    uint8_t key[32] = {7};
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_aead_t *aead = NULL;
        mk_err_t   err = crypto->aead_create(key, &aead);
        crypto->aead_destroy(aead);
        if (!oom_disarm()) {
            CHECK_EQ(err, MK_OK);
            break;
        }
        CHECK_EQ(err, MK_ERR_NOMEM);
    }
}

TEST(no_memory_for_a_key_is_an_error) { each(without_memory); }

TEST(the_engines_agree) {
    rig_random_t       random = {0x5eed};
    const mk_crypto_t *one = mk_crypto_of("openssl"), *two = mk_crypto_of("mbedtls");
    if (one == NULL || two == NULL) rig_skip("a build with one engine");
    for (int round = 0; round < 200; round++) {
        uint8_t    bytes[4][32], agreed[2][32], text[1200], sealed[2][1200 + MK_AEAD_TAG_BYTES];
        mk_aead_t *a = NULL, *b = NULL;
        size_t     size = rig_random_below(&random, sizeof text), extra = rig_random_below(&random, 32);
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i / 32][i % 32] = (uint8_t)rig_random_next(&random);
        for (size_t i = 0; i < size; i++) text[i] = (uint8_t)rig_random_next(&random);
        CHECK_EQ(one->x25519(bytes[0], bytes[1], agreed[0]), MK_OK);
        CHECK_EQ(two->x25519(bytes[0], bytes[1], agreed[1]), MK_OK);
        CHECK(memcmp(agreed[0], agreed[1], 32) == 0);
        CHECK_EQ(one->hkdf(bytes[0], 32, bytes[1], extra, bytes[2], 7, sealed[0], 96), MK_OK);
        CHECK_EQ(two->hkdf(bytes[0], 32, bytes[1], extra, bytes[2], 7, sealed[1], 96), MK_OK);
        CHECK(memcmp(sealed[0], sealed[1], 96) == 0);
        CHECK_EQ(one->aead_create(bytes[2], &a), MK_OK);
        CHECK_EQ(two->aead_create(bytes[2], &b), MK_OK);
        CHECK_EQ(one->seal(a, bytes[3], bytes[0], extra, text, size, sealed[0]), MK_OK);
        CHECK_EQ(two->seal(b, bytes[3], bytes[0], extra, text, size, sealed[1]), MK_OK);
        CHECK(memcmp(sealed[0], sealed[1], size + MK_AEAD_TAG_BYTES) == 0);
        CHECK_EQ(two->open(b, bytes[3], bytes[0], extra, sealed[0], size + MK_AEAD_TAG_BYTES, sealed[0]), MK_OK);
        CHECK(memcmp(sealed[0], text, size) == 0);
        one->aead_destroy(a);
        two->aead_destroy(b);
    }
}

TEST(wiping_leaves_nothing) {
    char text[] = "a secret";
    mk_wipe(text, sizeof text);
    for (size_t i = 0; i < sizeof text; i++) CHECK_EQ(text[i], 0);
    mk_wipe(text, 0);
}
