/* SPDX-License-Identifier: Apache-2.0 */
/* codec_date_test.c -- the three formats of dates, with the examples of RFC 9110 section 5.6.7. */
#include "http/codec/date.h"

#include <time.h>

#include "rig/rig.h"

static const int64_t now_s = 1795388400; /* November 2026 */

static bool reads_as(const char *text, int64_t wanted) {
    int64_t got = -1;
    return mk_http_date_parse(mk_http_text(text), now_s, &got) && got == wanted;
}

static bool is_none(const char *text) {
    int64_t got;
    return !mk_http_date_parse(mk_http_text(text), now_s, &got);
}

TEST(the_examples_of_the_rfc_are_one_time) {
    char out[MK_HTTP_DATE_BYTES];
    CHECK(reads_as("Sun, 06 Nov 1994 08:49:37 GMT", 784111777));
    CHECK(reads_as("Sunday, 06-Nov-94 08:49:37 GMT", 784111777));
    CHECK(reads_as("Sun Nov  6 08:49:37 1994", 784111777));
    mk_http_date_format(784111777, out);
    CHECK_STR(out, "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(every_day_of_four_centuries_is_what_libc_says) {
    char out[MK_HTTP_DATE_BYTES], wanted[64];
    for (int64_t day = -80000; day < 80000; day++) {
        time_t    at = (time_t)(day * 86400 + (day & 0xFFFF) % 86400);
        struct tm tm;
        gmtime_r(&at, &tm);
        strftime(wanted, sizeof wanted, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        mk_http_date_format(at, out);
        CHECK_STR(out, wanted);
        CHECK(reads_as(out, at));
    }
}

TEST(years_end_at_0_and_9999) {
    char out[MK_HTTP_DATE_BYTES];
    mk_http_date_format(253402300799, out);
    CHECK_STR(out, "Fri, 31 Dec 9999 23:59:59 GMT");
    CHECK(reads_as(out, 253402300799));
    mk_http_date_format(INT64_MAX, out);
    CHECK_STR(out, "Fri, 31 Dec 9999 23:59:59 GMT");
    mk_http_date_format(-62167219200, out);
    CHECK_STR(out, "Sat, 01 Jan 0000 00:00:00 GMT");
    CHECK(reads_as(out, -62167219200));
    mk_http_date_format(INT64_MIN, out);
    CHECK_STR(out, "Sat, 01 Jan 0000 00:00:00 GMT");
    mk_http_date_format(-1, out);
    CHECK_STR(out, "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(two_digits_are_the_last_hundred_years_and_the_next_fifty) {
    CHECK(reads_as("Tuesday, 01-Jan-26 00:00:00 GMT", 1767225600));
    CHECK(reads_as("Tuesday, 01-Jan-76 00:00:00 GMT", 3345062400));
    CHECK(reads_as("Tuesday, 01-Jan-77 00:00:00 GMT", 220924800));
    int64_t got;
    CHECK(mk_http_date_parse(mk_http_text("Tuesday, 01-Jan-77 00:00:00 GMT"), INT64_MAX, &got));
    CHECK(mk_http_date_parse(mk_http_text("Tuesday, 01-Jan-20 00:00:00 GMT"), INT64_MIN, &got));
    CHECK(!mk_http_date_parse(mk_http_text("Tuesday, 01-Jan-77 00:00:00 GMT"), INT64_MIN, &got)); /* before year 0 */
}

TEST(what_is_no_date) {
    static const char *const bad[] = {
        "",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37 +0000",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!is_none(bad[i])) rig_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    }
    CHECK(reads_as("Thu, 29 Feb 2024 23:59:60 GMT", 1709251200));
    CHECK(reads_as("Tue, 29 Feb 2000 00:00:00 GMT", 951782400));
    CHECK(reads_as("Sun Nov 16 08:49:37 1994", 784975777));
}
