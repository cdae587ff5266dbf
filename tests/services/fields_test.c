/* SPDX-License-Identifier: Apache-2.0 */
#include "services/fields.h"

#include "rig/rig.h"

static mk_fields_t fields;
static mk_text_t   name, value;

static void begin(const char *text) { fields = (mk_fields_t){text, strlen(text)}; }

static bool next(const char *want_name, const char *want_value) {
    return mk_fields_next(&fields, "value", &name, &value) && mk_text_is(name, want_name) &&
           mk_text_is(value, want_value);
}

TEST(each_line_is_a_field_and_the_last_holds_anything) {
    begin("key=a=b\nttl=0\nvalue=one\ntwo=\n\n");
    CHECK(next("key", "a=b"));
    CHECK(next("ttl", "0"));
    CHECK(next("value", "one\ntwo=\n\n"));
    CHECK(!next("", ""));
    CHECK_EQ(fields.left, 0);
}

TEST(the_last_line_needs_no_end_and_a_value_may_be_empty) {
    begin("key=\nprefix=x");
    CHECK(next("key", ""));
    CHECK(next("prefix", "x"));
    CHECK_EQ(fields.left, 0);
}

TEST(what_is_no_field_stops) {
    static const char *const wrong[] = {"key", "=x", "key\nvalue=1", "\n", "\nkey=1"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin(wrong[i]);
        CHECK(!mk_fields_next(&fields, "value", &name, &value));
        CHECK(fields.left != 0);
    }
    begin("");
    CHECK(!mk_fields_next(&fields, "value", &name, &value));
    CHECK_EQ(fields.left, 0);
}

TEST(numbers_are_digits_within_their_limit) {
    uint64_t n = 7;
    CHECK(mk_text_number((mk_text_t){"0", 1}, 0, &n) && n == 0);
    CHECK(mk_text_number((mk_text_t){"18446744073709551615", 20}, UINT64_MAX, &n) && n == UINT64_MAX);
    CHECK(!mk_text_number((mk_text_t){"18446744073709551616", 20}, UINT64_MAX, &n));
    CHECK(!mk_text_number((mk_text_t){"11", 2}, 10, &n));
    CHECK(!mk_text_number((mk_text_t){"", 0}, 10, &n));
    CHECK(!mk_text_number((mk_text_t){"-1", 2}, 10, &n));
    CHECK(!mk_text_number((mk_text_t){"1 ", 2}, 10, &n));
    CHECK(!mk_text_number((mk_text_t){"7", 1}, 3, &n));
}
