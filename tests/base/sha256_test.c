/* SPDX-License-Identifier: Apache-2.0 */
/* sha256_test.c -- the published examples of FIPS 180-4 and of the validation programme, and lengths around each edge. */
#include "base/sha256.h"

#include "rig/rig.h"

static char text[2 * MK_SHA256_BYTES + 1];

static const char *hex(const uint8_t digest[MK_SHA256_BYTES]) {
    for (unsigned i = 0; i < MK_SHA256_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

static const char *digest_of(const void *bytes, size_t size) {
    uint8_t digest[MK_SHA256_BYTES];
    mk_sha256(bytes, size, digest);
    return hex(digest);
}

TEST(the_published_examples_come_out) {
    CHECK_STR(digest_of(NULL, 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_STR(digest_of("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_STR(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK_STR(digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                        "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                        112),
              "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK_STR(digest_of("\xbd", 1), "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
}

TEST(a_million_letters_come_out_in_any_pieces) {
    static uint8_t letters[1000];
    memset(letters, 'a', sizeof letters);
    for (unsigned piece = 1; piece <= sizeof letters; piece = piece * 5 / 2 + 1) {
        mk_sha256_t sha;
        uint8_t     digest[MK_SHA256_BYTES];
        mk_sha256_init(&sha);
        for (unsigned left = 1000000; left > 0;) {
            unsigned next = piece < left ? piece : left;
            mk_sha256_update(&sha, letters, next);
            left -= next;
        }
        mk_sha256_final(&sha, digest);
        CHECK_STR(hex(digest), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

/* The digest of the digests of 0 to 199 zeros: every length of the padding. */
TEST(every_length_is_padded_right) {
    static const uint8_t zeros[200];
    mk_sha256_t          sha;
    uint8_t              digest[MK_SHA256_BYTES];
    mk_sha256_init(&sha);
    for (unsigned n = 0; n < sizeof zeros; n++) {
        mk_sha256(zeros, n, digest);
        mk_sha256_update(&sha, digest, sizeof digest);
    }
    mk_sha256_final(&sha, digest);
    CHECK_STR(hex(digest), "59e350876ff46da193f0d152dd874fa876d2020a80910c6b83b1537e21104a9f");
}
