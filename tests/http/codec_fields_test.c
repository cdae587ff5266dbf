/* SPDX-License-Identifier: Apache-2.0 */
/* codec_fields_test.c -- lists, parameters, tokens and numbers inside of field values. */
#include "http/codec/fields.h"
#include "rig/rig.h"

static mk_http_text_t text(const char *of) { return mk_http_text(of); }

TEST(texts_are_compared_with_and_without_case) {
    CHECK(mk_http_text_equal(text("ab"), "ab"));
    CHECK(!mk_http_text_equal(text("ab"), "aB"));
    CHECK(!mk_http_text_equal(text("ab"), "abc"));
    CHECK(mk_http_text_equal((mk_http_text_t){NULL, 0}, ""));
    CHECK(mk_http_text_alike(text("aZ"), "Az"));
    CHECK(!mk_http_text_alike(text("ab"), "a"));
    CHECK(!mk_http_text_alike(text("a"), "ab"));
    CHECK(!mk_http_text_alike(text("@"), "`")); /* apart by the bit that tells cases apart, and no letters */
    CHECK(!mk_http_text_alike(text("\xc4"), "\xe4"));
    CHECK(mk_http_text_alike((mk_http_text_t){NULL, 0}, ""));
}

TEST(numbers_are_digits_and_fit) {
    uint64_t n = 7;
    CHECK(mk_http_text_to_u64(text("18446744073709551615"), &n) && n == UINT64_MAX);
    CHECK(!mk_http_text_to_u64(text("18446744073709551616"), &n));
    CHECK(!mk_http_text_to_u64(text("99999999999999999999"), &n));
    CHECK(!mk_http_text_to_u64(text(""), &n));
    CHECK(!mk_http_text_to_u64(text("+1"), &n));
    CHECK(!mk_http_text_to_u64(text("1 "), &n));
    CHECK(n == UINT64_MAX);
    CHECK(mk_http_text_to_u64(text("007"), &n) && n == 7);
}

static const char *list_of(const char *value) {
    static char    out[200];
    mk_http_text_t rest = text(value), element;
    size_t         n = 0;
    out[0] = '\0';
    while (mk_http_list_next(&rest, &element))
        n += (size_t)snprintf(out + n, sizeof out - n, "[%.*s]", (int)element.size, element.at);
    return out;
}

TEST(lists_are_cut_at_commas_outside_of_quotes) {
    CHECK_STR(list_of("a, b ,c"), "[a][b][c]");
    CHECK_STR(list_of(""), "");
    CHECK_STR(list_of(" , ,,\t"), "");
    CHECK_STR(list_of(",a,,b,"), "[a][b]");
    CHECK_STR(list_of("a=\"b,c\", d"), "[a=\"b,c\"][d]");
    CHECK_STR(list_of("\"a\\\",b\",c"), "[\"a\\\",b\"][c]");
    CHECK_STR(list_of("\"a,b"), "[\"a,b]");
    CHECK_STR(list_of("\"a\\"), "[\"a\\]");
    CHECK_STR(list_of("a\\,b"), "[a\\][b]"); /* no escapes outside of quotes */
}

TEST(fields_are_found_by_name) {
    mk_http_field_t array[] = {
        {text("A"), text("1")}, {text("b"), text("x;q=1, Y")}, {text("a"), text("2")}, {text("B"), text("z")}};
    mk_http_fields_t fields = {array, 4, 4};
    size_t           index = 0;
    mk_http_text_t   value;
    CHECK(mk_http_text_equal(mk_http_fields_get(&fields, "a"), "1"));
    CHECK(mk_http_fields_get(&fields, "c").at == NULL);
    CHECK(mk_http_fields_next(&fields, "a", &index, &value) && mk_http_text_equal(value, "1"));
    CHECK(mk_http_fields_next(&fields, "a", &index, &value) && mk_http_text_equal(value, "2"));
    CHECK(!mk_http_fields_next(&fields, "a", &index, &value));
    CHECK(mk_http_fields_list_has(&fields, "b", "X"));
    CHECK(mk_http_fields_list_has(&fields, "b", "y"));
    CHECK(mk_http_fields_list_has(&fields, "b", "z"));
    CHECK(!mk_http_fields_list_has(&fields, "b", "q"));
    CHECK(!mk_http_fields_list_has(&fields, "c", "x"));
}

static const char *param_of(const char *value, const char *name) {
    static char    out[100];
    mk_http_text_t found;
    if (!mk_http_param_get(text(value), name, &found)) return "-";
    snprintf(out, sizeof out, "%.*s", (int)found.size, found.at);
    return out;
}

TEST(parameters_are_found_by_name) {
    CHECK_STR(param_of("text/html; charset=utf-8", "charset"), "utf-8");
    CHECK_STR(param_of("text/html;a=b ; Charset=\"u;t,f\"", "charset"), "u;t,f");
    CHECK_STR(param_of("text/html", "charset"), "-");
    CHECK_STR(param_of("text/html;", "charset"), "-");
    CHECK_STR(param_of("text/html;;charset=x", "charset"), "x");
    CHECK_STR(param_of("text/html; charset", "charset"), "-");
    CHECK_STR(param_of("text/html; charset=", "charset"), "-");
    CHECK_STR(param_of("text/html; charset=\"\"", "charset"), "");
    CHECK_STR(param_of("text/html; charset=\"a", "charset"), "-");
    CHECK_STR(param_of("text/html; charset=\"a\\", "charset"), "-");
    CHECK_STR(param_of("text/html; charset=\"a\"b", "charset"), "-");
    CHECK_STR(param_of("text/html; charset=\"a\\\"b\"", "charset"), "a\\\"b");
    CHECK_STR(param_of("text/html; a b=c; charset=x", "charset"), "-");
    CHECK_STR(param_of("", "charset"), "-");
}

TEST(a_line_is_split_into_name_and_value) {
    mk_http_field_t field;
    CHECK(mk_http_field_split(text("Name:  a: b\t"), &field));
    CHECK(mk_http_text_equal(field.name, "Name") && mk_http_text_equal(field.value, "a: b"));
    CHECK(mk_http_field_split(text("Name:"), &field) && field.value.size == 0);
    static const char *const bad[] = {"",          "Name",       ":",         ": x",
                                      "Name : x",  " Name: x",   "Na me: x",  "Name: a\r\nB: c",
                                      "Name: a\n", "Name: \x01", "Name\n: x", "Name: a\rb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!mk_http_field_split(text(bad[i]), &field));
    CHECK(!mk_http_field_split((mk_http_text_t){"A: b\0c", 6}, &field));
}

TEST(tokens_and_values) {
    CHECK(mk_http_is_token(text("!#$%&'*+-.^_`|~09azAZ")));
    static const char not_in_tokens[] = " \t\"(),/:;<=>?@[\\]{}\x7f\x80\xff\r\n";
    for (const char *c = not_in_tokens; *c != '\0'; c++) CHECK(!mk_http_is_token((mk_http_text_t){c, 1}));
    CHECK(!mk_http_is_token(text("")));
    CHECK(!mk_http_is_token((mk_http_text_t){"", 1}));
    CHECK(mk_http_is_field_value(text("")));
    CHECK(mk_http_is_field_value(text("a \t\x80\xff")));
    CHECK(!mk_http_is_field_value(text(" a")));
    CHECK(!mk_http_is_field_value(text("a\t")));
    for (int c = 0; c < 256; c++) {
        char byte[3] = {'a', (char)c, 'b'};
        bool good = c == '\t' || (c >= ' ' && c != 0x7F);
        CHECK_EQ(mk_http_is_field_value((mk_http_text_t){byte, 3}), good);
    }
}

TEST(names_of_the_connection) {
    CHECK(mk_http_field_is_hop(text("TRANSFER-encoding")));
    CHECK(mk_http_field_is_hop(text("te")));
    CHECK(!mk_http_field_is_hop(text("Content-Type")));
    CHECK(!mk_http_field_is_hop(text("")));
}
