/* SPDX-License-Identifier: Apache-2.0 */
/* utf8_test.c -- every character there is, what looks like one and is not, every place to cut, and repair. */
#include "base/utf8.h"

#include "rig/rig.h"

/* As many bytes as it takes, without asking whether there is such a character. */
static size_t encode(uint32_t c, uint8_t out[4]) {
    size_t               more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[4] = {0x00, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3F));
    out[0] = (uint8_t)(lead[more] | c);
    return more + 1;
}

TEST(all_characters_and_nothing_else_are_taken) {
    for (uint32_t c = 0; c < 0x200000; c++) {
        uint8_t bytes[4];
        size_t  size = encode(c, bytes);
        bool    exists = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        if (mk_utf8_is_valid(bytes, size) != exists) rig_fail(__FILE__, __LINE__, "U+%X", (unsigned)c);
    }
}

/* What a naive decoder lets through, and where it is found out: at this byte. */
static const struct {
    const char *text;
    size_t      size, wrong_at;
} wrong[] = {
    {"\x80", 1, 0},
    {"\xBF", 1, 0},
    {"\xC0\xAF", 2, 0},
    {"\xC1\xBF", 2, 0},
    {"\xE0\x80\xAF", 3, 1},
    {"\xE0\x9F\xBF", 3, 1},
    {"\xED\xA0\x80", 3, 1},
    {"\xED\xBF\xBF", 3, 1},
    {"\xF0\x80\x80\xAF", 4, 1},
    {"\xF0\x8F\xBF\xBF", 4, 1},
    {"\xF4\x90\x80\x80", 4, 1},
    {"\xF5\x80\x80\x80", 4, 0},
    {"\xF8\x88\x80\x80\x80", 5, 0},
    {"\xFC\x84\x80\x80", 4, 0},
    {"\xFE", 1, 0},
    {"\xFF", 1, 0},
    {"\xC3(", 2, 1},
    {"\xE2\x82(", 3, 2},
    {"\xF0\x9F\x98(", 4, 3},
    {"a\xC3\xA4\xA4", 4, 3},
    {"\xC3\xC3", 2, 1},
};

TEST(what_is_wrong_is_found_at_the_first_byte_that_is) {
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mk_utf8_t utf8 = {0};
        CHECK(!mk_utf8_is_valid(wrong[i].text, wrong[i].size));
        CHECK(mk_utf8_update(&utf8, wrong[i].text, wrong[i].wrong_at));
        if (mk_utf8_update(&utf8, wrong[i].text + wrong[i].wrong_at, 1)) rig_fail(__FILE__, __LINE__, "row %u", i);
    }
}

TEST(a_text_may_be_cut_anywhere) {
    static const char text[] =
        "the quick brown fox \xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5 jumps over \xF0\x9F\x98\x80"
        " and \xEF\xBF\xBF and on for a while, so that ASCII goes by the word \xF4\x8F\xBF\xBF";
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        mk_utf8_t utf8 = {0};
        CHECK(mk_utf8_update(&utf8, text, cut));
        CHECK_EQ(mk_utf8_is_complete(&utf8), cut == sizeof text || ((uint8_t)text[cut] & 0xC0) != 0x80);
        CHECK(mk_utf8_update(&utf8, text + cut, sizeof text - cut));
        CHECK(mk_utf8_is_complete(&utf8));
    }
}

TEST(one_wrong_byte_is_found_wherever_it_is) {
    char text[67];
    for (size_t size = 1; size <= sizeof text; size++) {
        for (size_t at = 0; at < size; at++) {
            memset(text, 'x', sizeof text);
            CHECK(mk_utf8_is_valid(text, size));
            text[at] = (char)0xFF;
            CHECK(!mk_utf8_is_valid(text, size));
        }
    }
}

static void check_repair(const char *in, const char *out) {
    mk_buffer_t better = {0};
    CHECK(mk_utf8_repair(&better, in, strlen(in)));
    CHECK(mk_buffer_append(&better, "", 1));
    CHECK_STR((const char *)better.bytes, out);
    mk_buffer_free(&better);
}

#define R "\xEF\xBF\xBD"

TEST(repair_puts_one_mark_for_each_beginning_of_a_character) {
    check_repair("", "");
    check_repair("plain", "plain");
    check_repair("\xC3\xA4", "\xC3\xA4");
    check_repair("a\xFFz", "a" R "z");
    check_repair("\xC0\x80", R R);
    check_repair("\xE2\x82", R);
    check_repair("\xE2\x82z", R "z");
    check_repair("\xF0\x80\x80\x80", R R R R);
    check_repair("\xF0\x9F\x98z\xF0\x9F\xF0\x9F\x98\x80", R "z" R "\xF0\x9F\x98\x80");
    check_repair("\xED\xA0\x80", R R R);
}
