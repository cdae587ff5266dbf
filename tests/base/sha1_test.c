/* SPDX-License-Identifier: Apache-2.0 */
/* sha1_test.c -- the published examples of FIPS 180-4, and lengths around each edge. */
#include "base/sha1.h"

#include "rig/rig.h"

static char text[2 * MK_SHA1_BYTES + 1];

static const char *digest_of(const void *bytes, size_t size) {
    uint8_t digest[MK_SHA1_BYTES];
    mk_sha1(bytes, size, digest);
    for (unsigned i = 0; i < MK_SHA1_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

TEST(the_published_examples_come_out) {
    CHECK_STR(digest_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK_STR(digest_of("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK_STR(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK_STR(digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                        "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                        112),
              "a49b2446a02c645bf419f995b67091253a04a259");
}

/* The digest of the digests of 0 to 199 zeros: every length of the padding. */
TEST(every_length_is_padded_right) {
    static const uint8_t zeros[200];
    static uint8_t       all[200 * MK_SHA1_BYTES];
    for (unsigned n = 0; n < sizeof zeros; n++) mk_sha1(zeros, n, all + n * MK_SHA1_BYTES);
    CHECK_STR(digest_of(all, sizeof all), "b7b1174ed2e1d0c454a487f8ce6f1cf3c9b32966");
}
