/* SPDX-License-Identifier: Apache-2.0 */
#include "services/telnet.h"

#include "rig/rig.h"

/* What is left of `bytes`, fed in pieces of `step`, as text. */
static const char *filtered(const char *bytes, size_t size, size_t step) {
    static char out[256];
    mk_telnet_t telnet = {0};
    size_t      kept = 0;
    for (size_t at = 0; at < size; at += step) {
        uint8_t piece[256];
        size_t  n = size - at < step ? size - at : step;
        memcpy(piece, bytes + at, n);
        n = mk_telnet_filter(&telnet, piece, n);
        memcpy(out + kept, piece, n);
        kept += n;
    }
    out[kept] = '\0';
    return out;
}

/* However it is cut. */
static void check(const char *bytes, size_t size, const char *wanted) {
    for (size_t step = 1; step <= size; step++) CHECK_STR(filtered(bytes, size, step), wanted);
}

#define LEAVES(bytes, wanted) check(bytes, sizeof(bytes) - 1, wanted)

TEST(plain_text_stays_as_it_is) { LEAVES("load echo.wasm\r\nexit\n", "load echo.wasm\r\nexit\n"); }

TEST(options_are_swallowed) {
    LEAVES("a\xff\xfb\x01"
           "b\xff\xfd\x03\xff\xfc\x22\xff\xfe\x01"
           "c",
           "abc");
}

TEST(subnegotiations_are_swallowed_with_what_looks_like_their_end) {
    LEAVES("a\xff\xfa\x1f\x00\x50\xff\xff\x18\xf0\xff\xf0z", "az");
}

TEST(commands_without_an_option_are_swallowed) { LEAVES("a\xff\xf4\xff\xf1z", "az"); }

TEST(a_doubled_255_is_one) { LEAVES("a\xff\xffz", "a\xffz"); }

TEST(a_carriage_returns_nul_is_taken_out_and_another_nul_stays) {
    LEAVES("a\r\0b", "a\rb");
    mk_telnet_t telnet = {0};
    uint8_t     bytes[] = {'a', 0, 'b'};
    CHECK_EQ(mk_telnet_filter(&telnet, bytes, 3), 3);
}
