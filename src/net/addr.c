/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c -- addresses as text: RFC 4291 section 2.2 (IPv6), RFC 4007 section 11 (zones, as numbers), RFC 5952 for what we
 * write. By hand, because this room knows no system headers, and no two systems read "010.1" the same. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "net/net.h"

enum { GROUPS = 8 };

/* Up to `max`, no leading zero but "0" itself. NULL: not a number. */
static const char *read_number(const char *at, const char *end, uint32_t max, uint32_t *out) {
    const char *first = at;
    uint64_t    value = 0;
    for (; at != end && *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value > max) return NULL;
    }
    if (at == first || (*first == '0' && at - first > 1)) return NULL;
    *out = (uint32_t)value;
    return at;
}

static bool read_ipv4(const char *at, const char *end, uint8_t out[4]) {
    for (int i = 0; i < 4; i++) {
        uint32_t byte;
        if (i != 0 && (at == end || *at++ != '.')) return false;
        if ((at = read_number(at, end, 255, &byte)) == NULL) return false;
        out[i] = (uint8_t)byte;
    }
    return at == end;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One to four hexadecimal digits. */
static const char *read_group(const char *at, const char *end, uint8_t out[2]) {
    unsigned    value = 0;
    const char *first = at;
    for (; at != end && at - first < 4 && hex_digit(*at) >= 0; at++) value = value << 4 | (unsigned)hex_digit(*at);
    if (at == first) return NULL;
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return at;
}

/* Groups with a colon between them from `at` to the end or to a double colon: *n more bytes at `out`, which has room for
 * sixteen. The last two groups may be written as an IPv4 address. NULL: malformed. */
static const char *read_groups(const char *at, const char *end, uint8_t *out, size_t *n) {
    while (at != end && *n + 2 <= 16) {
        const char *dot = memchr(at, '.', (size_t)(end - at)), *colon = memchr(at, ':', (size_t)(end - at));
        if (dot != NULL && colon == NULL) {
            if (*n + 4 > 16 || !read_ipv4(at, end, out + *n)) return NULL;
            *n += 4;
            return end;
        }
        if ((at = read_group(at, end, out + *n)) == NULL) return NULL;
        *n += 2;
        if (at == end) return at;
        if (*at != ':' || at + 1 == end) return NULL;
        if (at[1] == ':') return at;
        at++;
    }
    return at == end ? at : NULL;
}

static bool read_ipv6(const char *at, const char *end, uint8_t out[16]) {
    uint8_t head[16], tail[16];
    size_t  head_n = 0, tail_n = 0;
    bool    gap = end - at >= 2 && at[0] == ':' && at[1] == ':';
    if (!gap && ((at = read_groups(at, end, head, &head_n)) == NULL || head_n == 0)) return false;
    if (at != end) {
        at += 2;
        at = read_groups(at, end, tail, &tail_n);
        if (at != end || head_n + tail_n > 14) return false;
    } else if (head_n != 16) {
        return false;
    }
    memset(out, 0, 16);
    memcpy(out, head, head_n);
    memcpy(out + 16 - tail_n, tail, tail_n);
    return true;
}

bool mk_addr_parse(const char *text, uint16_t port, mk_addr_t *out) {
    size_t    length = strlen(text);
    mk_addr_t addr = {.port = port};
    bool      brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (brackets) {
        text++;
        length -= 2;
    }
    const char *end = text + length, *zone = memchr(text, '%', length);
    if (memchr(text, ':', length) == NULL) {
        addr.family = MK_FAMILY_IPV4;
        if (brackets || !read_ipv4(text, end, addr.ip)) return false;
    } else {
        addr.family = MK_FAMILY_IPV6;
        if (zone != NULL && read_number(zone + 1, end, UINT32_MAX, &addr.scope) != end) return false;
        if (!read_ipv6(text, zone != NULL ? zone : end, addr.ip)) return false;
    }
    *out = addr;
    return true;
}

/* Where the longest run of zero groups begins, the first of several; *run is its length, 0 when none is worth it. */
static int longest_gap(const uint8_t ip[16], int *run) {
    int best = 0;
    *run = 1; /* a single group is not shortened */
    for (int from = 0; from < GROUPS; from++) {
        int n = 0;
        while (from + n < GROUPS && ip[2 * (from + n)] == 0 && ip[2 * (from + n) + 1] == 0) n++;
        if (n > *run) {
            best = from;
            *run = n;
        }
        from += n;
    }
    if (*run < 2) *run = 0;
    return best;
}

static size_t write_ipv6(const mk_addr_t *addr, char *buf, size_t cap) {
    int    run, gap = longest_gap(addr->ip, &run);
    size_t n = 0;
    buf[n++] = '[';
    for (int i = 0; i < GROUPS;) {
        if (run != 0 && i == gap) {
            n += (size_t)snprintf(buf + n, cap - n, "%s", "::");
            i += run;
            continue;
        }
        bool first = i == 0 || (run != 0 && i == gap + run);
        n += (size_t)snprintf(buf + n, cap - n, "%s%x", first ? "" : ":", addr->ip[2 * i] << 8 | addr->ip[2 * i + 1]);
        i++;
    }
    if (addr->scope != 0) n += (size_t)snprintf(buf + n, cap - n, "%%%u", (unsigned)addr->scope);
    return n + (size_t)snprintf(buf + n, cap - n, "]:%u", addr->port);
}

size_t mk_addr_format(const mk_addr_t *addr, char *buf, size_t cap) {
    const uint8_t *ip = addr->ip;
    mk_assert(cap >= MK_ADDR_TEXT_BYTES);
    switch (addr->family) {
    case MK_FAMILY_IPV4: return (size_t)snprintf(buf, cap, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3], addr->port);
    case MK_FAMILY_IPV6: return write_ipv6(addr, buf, cap);
    case MK_FAMILY_UNIX: return (size_t)snprintf(buf, cap, "unix:%.*s", (int)sizeof addr->path - 1, addr->path);
    default: return (size_t)snprintf(buf, cap, "%s", "nowhere");
    }
}

bool mk_addr_equal(const mk_addr_t *a, const mk_addr_t *b) {
    if (a->family != b->family) return false;
    switch (a->family) {
    case MK_FAMILY_IPV4: return a->port == b->port && memcmp(a->ip, b->ip, 4) == 0;
    case MK_FAMILY_IPV6: return a->port == b->port && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
    case MK_FAMILY_UNIX: return strncmp(a->path, b->path, sizeof a->path) == 0;
    default: return true;
    }
}

bool mk_addr_is_loopback(const mk_addr_t *addr) {
    static const uint8_t one[16] = {[15] = 1};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    switch (addr->family) {
    case MK_FAMILY_IPV4: return addr->ip[0] == 127;
    case MK_FAMILY_IPV6:
        return memcmp(addr->ip, one, 16) == 0 || (memcmp(addr->ip, mapped, 12) == 0 && addr->ip[12] == 127);
    case MK_FAMILY_UNIX: return true;
    default: return false;
    }
}
