/* SPDX-License-Identifier: Apache-2.0 */
/* names.c -- names as the test says, and addresses in digits. */
#include <string.h>

#include "base/assert.h"
#include "port/fake/network.h"

typedef struct name {
    struct name *next;
    mk_err_t     err;
    size_t       n;
    char        *text;
    mk_addr_t    addrs[];
} name_t;

static name_t  *names;
static uint64_t takes_us;
static unsigned lookups;

/* ---- digits ------------------------------------------------------------------------------------------------------------- */

static bool parse_four(const char *text, uint8_t out[4]) {
    for (int i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 4; digits++) value = 10 * value + (unsigned)(*text++ - '0');
        if (digits == 0 || value > 255 || *text != (i < 3 ? '.' : '\0')) return false;
        out[i] = (uint8_t)value;
        text++;
    }
    return true;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Groups of 16 bits, `::` once for as many zeros as are missing. No IPv4 at the end: tests do without. */
static bool parse_six(const char *text, uint8_t out[16]) {
    int n = 0, gap = -1;
    memset(out, 0, 16);
    if (strncmp(text, "::", 2) == 0) gap = 0, text += 2;
    while (*text != '\0') {
        int value = 0, digits = 0;
        for (; digit_of(*text) >= 0; digits++) value = 16 * value + digit_of(*text++);
        if (digits == 0 || digits > 4 || n == 16) return false;
        out[n++] = (uint8_t)(value >> 8);
        out[n++] = (uint8_t)value;
        if (*text == '\0') break;
        if (*text++ != ':') return false;
        if (*text == ':' && gap < 0) gap = n, text++;
        else if (*text == '\0') return false;
    }
    if (gap < 0) return n == 16;
    if (n == 16) return false;
    memmove(out + 16 - (n - gap), out + gap, (size_t)(n - gap));
    memset(out + gap, 0, (size_t)(16 - n));
    return true;
}

static bool parse(const char *text, mk_addr_t *out) {
    *out = (mk_addr_t){0};
    out->family = MK_FAMILY_IPV4;
    if (parse_four(text, out->ip)) return true;
    out->family = MK_FAMILY_IPV6;
    return strchr(text, ':') != NULL && parse_six(text, out->ip);
}

mk_addr_t mk_fake_addr(const char *text, uint16_t port) {
    mk_addr_t addr;
    if (text[0] == '/' || text[0] == '@') {
        mk_assert(strlen(text) < sizeof addr.path);
        addr = (mk_addr_t){.family = MK_FAMILY_UNIX};
        memcpy(addr.path, text, strlen(text) + 1);
        return addr;
    }
    bool is_ip = parse(text, &addr);
    mk_assert(is_ip);
    addr.port = port;
    return addr;
}

/* ---- names -------------------------------------------------------------------------------------------------------------- */

static void say(const char *text, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    name_t **at = &names;
    while (*at != NULL && strcmp((*at)->text, text) != 0) at = &(*at)->next;
    if (*at != NULL) {
        name_t *gone = *at;
        *at = gone->next;
        mk_fake_free(gone->text);
        mk_fake_free(gone);
    }
    name_t *name = mk_fake_alloc(sizeof *name + n * sizeof *addrs);
    name->text = mk_fake_alloc(strlen(text) + 1);
    memcpy(name->text, text, strlen(text) + 1);
    name->err = err;
    name->n = n;
    if (n != 0) memcpy(name->addrs, addrs, n * sizeof *addrs);
    name->next = names;
    names = name;
}

void mk_fake_name(const char *name, const mk_addr_t *addrs, size_t n) { say(name, MK_OK, addrs, n); }

void mk_fake_name_fails(const char *name, mk_err_t err) { say(name, err, NULL, 0); }

void mk_fake_names_take_us(uint64_t us) { takes_us = us; }

unsigned mk_fake_lookups(void) { return lookups; }

static mk_err_t find(const char *host, const mk_addr_t **addrs, size_t *n) {
    for (const name_t *name = names; name != NULL; name = name->next) {
        if (strcmp(name->text, host) != 0) continue;
        *addrs = name->addrs;
        *n = name->n;
        return name->err;
    }
    static mk_addr_t digits;
    if (!parse(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &digits)) return MK_ERR_NOTFOUND;
    *addrs = &digits;
    *n = 1;
    return MK_OK;
}

mk_err_t mk_port_resolve(const char *host, mk_addr_t *out, size_t max, size_t *n) {
    const mk_addr_t *addrs = NULL;
    size_t           found = 0;
    lookups++;
    mk_fake_advance_us(takes_us);
    mk_err_t err = find(host, &addrs, &found);
    *n = 0;
    if (err != MK_OK) return err;
    for (; *n < found && *n < max; ++*n) {
        out[*n] = addrs[*n];
        out[*n].port = 0;
    }
    return *n != 0 ? MK_OK : MK_ERR_NOTFOUND;
}

/* The names' memory goes with all other of the network. */
void mk_fake_names_reset(void) {
    names = NULL;
    takes_us = 0;
    lookups = 0;
}
