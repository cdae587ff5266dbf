/* SPDX-License-Identifier: Apache-2.0 */
/* date.c -- see date.h. Libc's calendar functions know locales and time zones, of which there are none here.
 *
 * Days are counted from the 1st of March of year 0, so that the leap day is the last of its year. */
#include "http/codec/date.h"

#include <string.h>

#include "http/codec/table.h"

enum { SECONDS_A_DAY = 86400, DAYS_IN_400_YEARS = 146097, DAYS_TO_1970 = 719468 };

static const int64_t earliest_s = -62167219200, latest_s = 253402300799; /* years 0 and 9999 */

static const char days[7][10] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

typedef struct calendar {
    int year, month, day; /* month 0 to 11, day 1 to 31 */
    int hour, minute, second;
} calendar_t;

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t days_from_civil(int year, int month, int day) {
    int64_t from_march = (month + 10) % 12;
    int64_t y = (int64_t)year - (month < 2);
    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + (from_march * 153 + 2) / 5 + day - 1 -
           DAYS_TO_1970;
}

static calendar_t calendar_of(int64_t unix_s) {
    int64_t    day_number = floor_div(unix_s, SECONDS_A_DAY);
    int        rest = (int)(unix_s - day_number * SECONDS_A_DAY);
    int64_t    z = day_number + DAYS_TO_1970;
    int64_t    era = floor_div(z, DAYS_IN_400_YEARS);
    int        in_era = (int)(z - era * DAYS_IN_400_YEARS);
    int        year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int        in_year = in_era - (365 * year + year / 4 - year / 100);
    int        from_march = (5 * in_year + 2) / 153;
    calendar_t c = {.day = in_year - (153 * from_march + 2) / 5 + 1, .month = (from_march + 2) % 12};
    c.year = year + (int)era * 400 + (c.month < 2);
    c.hour = rest / 3600;
    c.minute = rest / 60 % 60;
    c.second = rest % 60;
    return c;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------- */

static char *put_number(char *at, int number, int digits) {
    for (int i = digits; i > 0; i--, number /= 10) at[i - 1] = (char)('0' + number % 10);
    return at + digits;
}

static char *put_text(char *at, const char *text, size_t size) {
    memcpy(at, text, size);
    return at + size;
}

void mk_http_date_format(int64_t unix_s, char out[MK_HTTP_DATE_BYTES]) {
    unix_s = unix_s < earliest_s ? earliest_s : unix_s > latest_s ? latest_s : unix_s;
    calendar_t c = calendar_of(unix_s);
    int64_t    day_number = floor_div(unix_s, SECONDS_A_DAY);
    char      *at = put_text(out, days[((day_number + 4) % 7 + 7) % 7], 3); /* the first day of 1970 was a Thursday */
    at = put_number(put_text(at, ", ", 2), c.day, 2);
    at = put_text(put_text(put_text(at, " ", 1), months[c.month], 3), " ", 1);
    at = put_text(put_number(at, c.year, 4), " ", 1);
    at = put_text(put_number(at, c.hour, 2), ":", 1);
    at = put_text(put_number(at, c.minute, 2), ":", 1);
    put_text(put_number(at, c.second, 2), " GMT", 5);
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

static bool take_text(mk_http_text_t *text, const char *wanted, size_t size) {
    if (text->size < size || memcmp(text->at, wanted, size) != 0) return false;
    text->at += size;
    text->size -= size;
    return true;
}

static bool take_number(mk_http_text_t *text, int digits, int *out) {
    *out = 0;
    if (text->size < (size_t)digits) return false;
    for (int i = 0; i < digits; i++) {
        if (!mk_http_is(text->at[i], MK_HTTP_IS_DIGIT)) return false;
        *out = *out * 10 + (text->at[i] - '0');
    }
    text->at += digits;
    text->size -= (size_t)digits;
    return true;
}

static bool take_day_name(mk_http_text_t *text, bool whole) {
    for (size_t i = 0; i < 7; i++) {
        if (take_text(text, days[i], whole ? strlen(days[i]) : 3)) return true;
    }
    return false;
}

static bool take_month(mk_http_text_t *text, int *month) {
    for (*month = 0; *month < 12; ++*month) {
        if (take_text(text, months[*month], 3)) return true;
    }
    return false;
}

/* Reads by a pattern: a, A name of the day, short or whole; d, e day of two digits, or with a space for the first; b month;
 * Y, y year of four or two digits; t time. Anything else stands for itself. */
static bool read_as(mk_http_text_t text, const char *pattern, calendar_t *c) {
    for (; *pattern != '\0'; pattern++) {
        bool good;
        switch (*pattern) {
        case 'a': good = take_day_name(&text, false); break;
        case 'A': good = take_day_name(&text, true); break;
        case 'd': good = take_number(&text, 2, &c->day); break;
        case 'e': good = take_number(&text, take_text(&text, " ", 1) ? 1 : 2, &c->day); break;
        case 'b': good = take_month(&text, &c->month); break;
        case 'Y': good = take_number(&text, 4, &c->year); break;
        case 'y': good = take_number(&text, 2, &c->year); break;
        case 't':
            good = take_number(&text, 2, &c->hour) && take_text(&text, ":", 1) && take_number(&text, 2, &c->minute) &&
                   take_text(&text, ":", 1) && take_number(&text, 2, &c->second);
            break;
        default: good = take_text(&text, pattern, 1); break;
        }
        if (!good) return false;
    }
    return text.size == 0;
}

static int days_in(int month, int year) {
    if (month == 1) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;
}

bool mk_http_date_parse(mk_http_text_t text, int64_t now_s, int64_t *unix_s) {
    calendar_t c;
    if (read_as(text, "A, d-b-y t GMT", &c)) {
        int now = calendar_of(now_s < earliest_s ? earliest_s : now_s > latest_s ? latest_s : now_s).year;
        c.year += now - now % 100;
        if (c.year > now + 50) c.year -= 100;
        if (c.year < 0) return false;
    } else if (!read_as(text, "a, d b Y t GMT", &c) && !read_as(text, "a b e t Y", &c)) {
        return false;
    }
    if (c.day < 1 || c.day > days_in(c.month, c.year) || c.hour > 23 || c.minute > 59 || c.second > 60) return false;
    *unix_s = days_from_civil(c.year, c.month, c.day) * SECONDS_A_DAY + c.hour * 3600 + c.minute * 60 + c.second;
    return true;
}
