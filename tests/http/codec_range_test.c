/* SPDX-License-Identifier: Apache-2.0 */
/* codec_range_test.c -- byte ranges, entity tags and conditions, with the examples of RFC 9110 sections 8.8.3.2, 13 and 14. */
#include "http/codec/range.h"
#include "rig/rig.h"

static mk_http_text_t text(const char *of) { return mk_http_text(of); }

static const char *ranges_of(const char *value, uint64_t size) {
    static char     out[200];
    mk_http_range_t ranges[4];
    size_t          n, at = 0;
    switch (mk_http_ranges_parse(text(value), size, ranges, 4, &n)) {
    case MK_HTTP_WHOLE: return "whole";
    case MK_HTTP_UNSATISFIABLE: return "416";
    case MK_HTTP_PARTS: break;
    }
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%llu-%llu", i > 0 ? " " : "",
                               (unsigned long long)ranges[i].first, (unsigned long long)ranges[i].last);
    return out;
}

TEST(ranges_are_cut_to_what_there_is) {
    CHECK_STR(ranges_of("bytes=0-499", 10000), "0-499");
    CHECK_STR(ranges_of("bytes=500-999", 10000), "500-999");
    CHECK_STR(ranges_of("bytes=-500", 10000), "9500-9999");
    CHECK_STR(ranges_of("bytes=9500-", 10000), "9500-9999");
    CHECK_STR(ranges_of("bytes=0-0,-1", 10000), "0-0 9999-9999");
    CHECK_STR(ranges_of("bytes= 0-999, 4500-5499, -1000", 10000), "0-999 4500-5499 9000-9999");
    CHECK_STR(ranges_of("BYTES=0-1", 10), "0-1");
    CHECK_STR(ranges_of("bytes=0-", 1), "0-0");
    CHECK_STR(ranges_of("bytes=5-100", 10), "5-9");
    CHECK_STR(ranges_of("bytes=-100", 10), "0-9");
    CHECK_STR(ranges_of("bytes=9-9", 10), "9-9");
    CHECK_STR(ranges_of("bytes=0-18446744073709551615", 10), "0-9");
    CHECK_STR(ranges_of("bytes=0-99999999999999999999999", 10), "0-9");
    CHECK_STR(ranges_of("bytes=0-5", UINT64_MAX), "0-5");
}

TEST(ranges_outside_are_not_satisfiable) {
    CHECK_STR(ranges_of("bytes=10-", 10), "416");
    CHECK_STR(ranges_of("bytes=10-20", 10), "416");
    CHECK_STR(ranges_of("bytes=-0", 10), "416");
    CHECK_STR(ranges_of("bytes=99999999999999999999999-", 10), "416");
    CHECK_STR(ranges_of("bytes=10-20, 0-1", 10), "0-1"); /* those inside are served */
}

TEST(odd_ranges_are_ignored) {
    static const char *const odd[] = {"",
                                      "bytes",
                                      "bytes=",
                                      "bytes=,",
                                      "bytes=-",
                                      "bytes=a-b",
                                      "bytes=5",
                                      "bytes=5-4",
                                      "bytes=0-1,x",
                                      "bytes=0x0-1",
                                      "bytes=+0-1",
                                      "bytes=0 -1",
                                      "bytes=0- 1",
                                      "bytes 0-1",
                                      "lines=0-1",
                                      "bytes=--1",
                                      "bytes=0-1-2",
                                      "bytes=0-5,3-8",
                                      "bytes=0-5,5-5",
                                      "bytes=0-,-1",
                                      "bytes=0-0,1-1,2-2,3-3,4-4"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) CHECK_STR(ranges_of(odd[i], 10), "whole");
    CHECK_STR(ranges_of("bytes=0-", 0), "whole"); /* there are no bytes to speak of */
    char many[400] = "bytes=0-0";
    for (int i = 0; i < MK_HTTP_RANGES_MAX - 1; i++) strcat(many, ",99-99");
    CHECK_STR(ranges_of(many, 10), "0-0");
    strcat(many, ",99-99");
    CHECK_STR(ranges_of(many, 10), "whole");
}

TEST(content_range_is_written_and_read) {
    char            out[MK_HTTP_CONTENT_RANGE_BYTES];
    mk_http_range_t range = {42, 1233};
    uint64_t        size = 0;
    CHECK_EQ(mk_http_content_range_format(out, &range, 1234), strlen("bytes 42-1233/1234"));
    CHECK_STR(out, "bytes 42-1233/1234");
    CHECK(mk_http_content_range_parse(text(out), &range, &size) && range.first == 42 && range.last == 1233 &&
          size == 1234);
    mk_http_content_range_format(out, NULL, 1234);
    CHECK_STR(out, "bytes */1234");
    CHECK(!mk_http_content_range_parse(text(out), &range, &size));
    range = (mk_http_range_t){UINT64_MAX - 2, UINT64_MAX - 1};
    CHECK(mk_http_content_range_format(out, &range, UINT64_MAX) < sizeof out);
    CHECK(mk_http_content_range_parse(text("bytes 42-1233/*"), &range, &size) && size == UINT64_MAX);
    static const char *const bad[] = {
        "",           "bytes",      "bytes ",     "bytes 1-2",   "bytes 2-1/5", "bytes 0-5/5", "items 0-1/5",
        "bytes 0-1/", "bytes -1/5", "bytes 0-/5", "bytes a-b/c", "bytes 0/5-6", "bytes=0-1/5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!mk_http_content_range_parse(text(bad[i]), &range, &size));
}

TEST(tags_are_compared_as_the_table_says) {
    static const struct {
        const char *a, *b;
        bool        strong, weak;
    } table[] = {{"W/\"1\"", "W/\"1\"", false, true},
                 {"W/\"1\"", "W/\"2\"", false, false},
                 {"W/\"1\"", "\"1\"", false, true},
                 {"\"1\"", "\"1\"", true, true}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        CHECK_EQ(mk_http_etag_equal(text(table[i].a), text(table[i].b), false), table[i].strong);
        CHECK_EQ(mk_http_etag_equal(text(table[i].a), text(table[i].b), true), table[i].weak);
    }
    CHECK(!mk_http_etag_equal((mk_http_text_t){NULL, 0}, (mk_http_text_t){NULL, 0}, true));
    CHECK(mk_http_is_etag(text("\"\"")) && mk_http_is_etag(text("W/\"a\\\"")) && mk_http_is_etag(text("\"\xe9\"")));
    static const char *const bad[] = {"", "a", "\"", "\"a", "w/\"a\"", "W\"a\"", "W/a", "\"a b\"", "\"a\"b", "W/", "W"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!mk_http_is_etag(text(bad[i])));
}

TEST(tags_are_found_in_lists) {
    CHECK(mk_http_etag_listed(text("*"), text("\"a\""), false));
    CHECK(mk_http_etag_listed(text("\"x\", \"a,b\" ,\"c\""), text("\"c\""), false));
    CHECK(mk_http_etag_listed(text("\"a\\\",\"c\""), text("\"c\""), false)); /* a backslash is no escape here */
    CHECK(!mk_http_etag_listed(text("\"x\", \"y\""), text("\"c\""), false));
    CHECK(!mk_http_etag_listed(text("W/\"c\""), text("\"c\""), false));
    CHECK(mk_http_etag_listed(text("W/\"c\""), text("\"c\""), true));
    CHECK(!mk_http_etag_listed(text("c, \"c\""), text("\"c\""), true)); /* nothing is read behind what is no tag */
    CHECK(!mk_http_etag_listed(text(""), text("\"c\""), true));
    CHECK(!mk_http_etag_listed(text("\"c\""), (mk_http_text_t){NULL, 0}, true));
}

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define THEN   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"
#define FUTURE "Sun, 06 Nov 2094 08:49:38 GMT"

static const mk_http_validators_t validators = {{"\"a\"", 3}, 784111777};

static int asks(mk_http_method_t method, const char *name, const char *value, const char *name2, const char *value2) {
    mk_http_field_t   fields[2] = {{text(name), text(value)}, {text(name2), text(value2)}};
    mk_http_request_t request = {.method = method, .fields = {fields, 2, 2}};
    return mk_http_conditions(&request, &validators, 784200000);
}

TEST(conditions) {
    static const struct {
        mk_http_method_t method;
        const char      *name, *value, *name2, *value2;
        int              status;
    } cases[] = {
        {MK_HTTP_GET, "X", "", "Y", "", 0},
        {MK_HTTP_PUT, "If-Match", "\"a\"", "X", "", 0},
        {MK_HTTP_PUT, "If-Match", "\"b\"", "If-Match", "\"a\"", 0},
        {MK_HTTP_PUT, "If-Match", "*", "X", "", 0},
        {MK_HTTP_PUT, "If-Match", "\"b\"", "X", "", 412},
        {MK_HTTP_PUT, "If-Match", "W/\"a\"", "X", "", 412},
        {MK_HTTP_PUT, "If-Match", "nonsense", "X", "", 412},
        {MK_HTTP_PUT, "If-Match", "\"a\"", "If-Unmodified-Since", BEFORE, 0}, /* the date is not looked at */
        {MK_HTTP_PUT, "If-Unmodified-Since", BEFORE, "X", "", 412},
        {MK_HTTP_PUT, "If-Unmodified-Since", THEN, "X", "", 0},
        {MK_HTTP_PUT, "If-Unmodified-Since", "nonsense", "X", "", 0},
        {MK_HTTP_GET, "If-None-Match", "\"a\"", "X", "", 304},
        {MK_HTTP_HEAD, "If-None-Match", "W/\"a\"", "X", "", 304},
        {MK_HTTP_GET, "If-None-Match", "*", "X", "", 304},
        {MK_HTTP_PUT, "If-None-Match", "*", "X", "", 412},
        {MK_HTTP_GET, "If-None-Match", "\"b\"", "X", "", 0},
        {MK_HTTP_GET, "If-None-Match", "\"b\"", "If-Modified-Since", AFTER, 0}, /* the date is not looked at */
        {MK_HTTP_GET, "If-Modified-Since", THEN, "X", "", 304},
        {MK_HTTP_GET, "If-Modified-Since", AFTER, "X", "", 304},
        {MK_HTTP_GET, "If-Modified-Since", BEFORE, "X", "", 0},
        {MK_HTTP_GET, "If-Modified-Since", FUTURE, "X", "", 0},
        {MK_HTTP_GET, "If-Modified-Since", "nonsense", "X", "", 0},
        {MK_HTTP_POST, "If-Modified-Since", THEN, "X", "", 0},
        {MK_HTTP_GET, "If-Match", "\"a\"", "If-None-Match", "\"a\"", 304},
        {MK_HTTP_GET, "If-Match", "\"b\"", "If-None-Match", "\"a\"", 412},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = asks(cases[i].method, cases[i].name, cases[i].value, cases[i].name2, cases[i].value2);
        if (got != cases[i].status)
            rig_fail(__FILE__, __LINE__, "%d: %s: %s, %s", got, cases[i].name, cases[i].value, cases[i].name2);
    }
}

static mk_http_ranges_t asks_range(mk_http_method_t method, const char *name, const char *value) {
    mk_http_field_t   fields[2] = {{text("Range"), text("bytes=0-0")}, {text(name), text(value)}};
    mk_http_request_t request = {.method = method, .fields = {fields, 2, 2}};
    mk_http_range_t   range;
    size_t            n;
    return mk_http_ranges_of(&request, 10, &validators, &range, 1, &n);
}

TEST(a_range_holds_if_nothing_changed) {
    CHECK_EQ(asks_range(MK_HTTP_GET, "X", ""), MK_HTTP_PARTS);
    CHECK_EQ(asks_range(MK_HTTP_HEAD, "X", ""), MK_HTTP_WHOLE);
    CHECK_EQ(asks_range(MK_HTTP_GET, "Range", "bytes=1-1"), MK_HTTP_WHOLE);
    CHECK_EQ(asks_range(MK_HTTP_GET, "If-Range", "\"a\""), MK_HTTP_PARTS);
    CHECK_EQ(asks_range(MK_HTTP_GET, "If-Range", "W/\"a\""), MK_HTTP_WHOLE);
    CHECK_EQ(asks_range(MK_HTTP_GET, "If-Range", "\"b\""), MK_HTTP_WHOLE);
    CHECK_EQ(asks_range(MK_HTTP_GET, "If-Range", THEN), MK_HTTP_PARTS);
    CHECK_EQ(asks_range(MK_HTTP_GET, "If-Range", AFTER), MK_HTTP_WHOLE);
    CHECK_EQ(asks_range(MK_HTTP_GET, "If-Range", "nonsense"), MK_HTTP_WHOLE);
}
