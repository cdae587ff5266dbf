/* SPDX-License-Identifier: Apache-2.0 */
/* base64_test.c -- the examples of RFC 4648 section 10, what is refused, and the way there and back. */
#include "base/base64.h"

#include "rig/rig.h"

static const char *const examples[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xFB\xFF\xBF", "+/+/"},
};

TEST(the_published_examples_come_out_both_ways) {
    for (unsigned i = 0; i < sizeof examples / sizeof *examples; i++) {
        char    text[16];
        uint8_t bytes[16];
        size_t  plain = strlen(examples[i][0]), size;
        mk_base64_encode(examples[i][0], plain, text);
        CHECK_STR(text, examples[i][1]);
        CHECK_EQ(strlen(text), MK_BASE64_CHARS(plain));
        CHECK(mk_base64_decode(text, strlen(text), bytes, &size));
        CHECK_EQ(size, plain);
        CHECK(memcmp(bytes, examples[i][0], plain) == 0);
    }
}

TEST(what_is_not_base64_is_refused) {
    static const char *const wrong[] = {"Z",        "Zg",       "Zg=",      "=",         "====", "Z===",
                                        "Zh==",     "Zm9=",     "Zm9v\n",   "Zm 9",      "Zm-9", "Zm_9",
                                        "Zg==Zg==", "Zm9v=AAA", "Zm8=Zm8=", "\xC3\xA4=="};
    uint8_t                  bytes[16];
    size_t                   size;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (mk_base64_decode(wrong[i], strlen(wrong[i]), bytes, &size))
            rig_fail(__FILE__, __LINE__, "took %s", wrong[i]);
    }
    CHECK(!mk_base64_decode("Zm\0v", 4, bytes, &size));
}

TEST(every_byte_survives_in_every_place) {
    for (unsigned length = 1; length <= 4; length++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t in[4], out[6];
            char    text[9];
            size_t  size;
            for (unsigned i = 0; i < length; i++) in[i] = (uint8_t)(value + 85 * i);
            mk_base64_encode(in, length, text);
            CHECK(mk_base64_decode(text, strlen(text), out, &size));
            CHECK(size == length && memcmp(in, out, length) == 0);
        }
    }
}
