/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_text.h"

#include <string.h>

typedef struct range {
    uint32_t first, last;
} range_t;

/* Characters that add to the one before them: the blocks of combining marks in common scripts, joiners, variation
 * selectors. Sorted. */
static const range_t zero_wide[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2}, {0x05C4, 0x05C5},
    {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x06E7, 0x06E8},
    {0x06EA, 0x06ED}, {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E},
    {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

/* East Asian wide and full-width characters, and pictographs. Sorted. */
static const range_t two_wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x26A1, 0x26A1},   {0x26BD, 0x26BE},   {0x2705, 0x2705},   {0x274C, 0x274C},
    {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},
    {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
    {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF}, {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004}, {0x1F18E, 0x1F18E},
    {0x1F191, 0x1F19A}, {0x1F200, 0x1F265}, {0x1F300, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C},
    {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3E0, 0x1F3F0}, {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440},
    {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F567}, {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F},
    {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6EB, 0x1F6FC}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static bool within(const range_t *ranges, size_t n, uint32_t c) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && c >= ranges[low].first;
}

size_t mk_console_char_bytes(uint8_t first) {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    if (first >= 0xF0 && first <= 0xF4) return 4;
    return 0;
}

/* False: not one well-formed character of `size` bytes (overlong forms, surrogates, too large are malformed). */
static bool decode(const char *text, size_t size, uint32_t *out) {
    static const uint8_t  lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (size == 0 || mk_console_char_bytes((uint8_t)text[0]) != size) return false;
    uint32_t c = (uint8_t)text[0] & lead_mask[size];
    for (size_t i = 1; i < size; i++) {
        if (((uint8_t)text[i] & 0xC0) != 0x80) return false;
        c = c << 6 | ((uint8_t)text[i] & 0x3F);
    }
    *out = c;
    return c >= least[size] && c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
}

int mk_console_char_width(const char *text, size_t size) {
    uint32_t c;
    if (!decode(text, size, &c)) return -1;
    if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return -1;
    if (c < 0x0300) return 1;
    if (within(zero_wide, sizeof zero_wide / sizeof *zero_wide, c)) return 0;
    return within(two_wide, sizeof two_wide / sizeof *two_wide, c) ? 2 : 1;
}

size_t mk_console_next_char(const char *text, size_t size) {
    if (size == 0) return 0;
    size_t bytes = mk_console_char_bytes((uint8_t)text[0]);
    if (bytes == 0 || bytes > size) return 1;
    for (size_t i = 1; i < bytes; i++) {
        if (((uint8_t)text[i] & 0xC0) != 0x80) return 1;
    }
    return bytes;
}

size_t mk_console_prev_char(const char *text, size_t at) {
    size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && ((uint8_t)text[begin] & 0xC0) == 0x80) begin--;
    return begin + mk_console_next_char(text + begin, at - begin) == at ? begin : at - 1;
}

size_t mk_console_text_width(const char *text, size_t size) {
    size_t columns = 0;
    for (size_t i = 0, bytes; i < size; i += bytes) {
        bytes = mk_console_next_char(text + i, size - i);
        int width = mk_console_char_width(text + i, bytes);
        if (width > 0) columns += (size_t)width;
    }
    return columns;
}

bool mk_console_is_printable(const char *text, size_t size) {
    for (size_t i = 0, bytes; i < size; i += bytes) {
        bytes = mk_console_next_char(text + i, size - i);
        if (mk_console_char_width(text + i, bytes) < 0) return false;
    }
    return true;
}

const char *mk_console_next_word(const char **at, const char *end, const char *start, size_t start_size, size_t *size) {
    while (*at < end) {
        const char *word = *at;
        const char *stop = memchr(word, '\n', (size_t)(end - word));
        *size = (size_t)((stop != NULL ? stop : end) - word);
        *at = stop != NULL ? stop + 1 : end;
        bool matches = *size > 0 && *size >= start_size && memcmp(word, start, start_size) == 0;
        if (matches && mk_console_is_printable(word, *size)) return word;
    }
    return NULL;
}
