/* SPDX-License-Identifier: Apache-2.0 */
/* where.c -- see where.h. Strict: what could be meant in two ways is refused, because an address decides who is let in. */
#include "node/where.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static bool is_name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

static bool read_port(const char *text, uint16_t least, uint16_t *out) {
    uint32_t port = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0')) return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || (port = port * 10 + (uint32_t)(*text - '0')) > UINT16_MAX) return false;
    }
    *out = (uint16_t)port;
    return port >= least;
}

static mk_err_t read_host(const char *text, size_t size, bool listens, mk_where_t *out) {
    mk_addr_t addr;
    bool      brackets = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    if (brackets) text++, size -= 2;
    if (size == 0) return MK_ERR_INVALID;
    if (size >= sizeof out->host) return MK_ERR_TOOLONG;
    memcpy(out->host, text, size);
    out->host[size] = '\0';
    if (brackets) return mk_addr_parse(out->host, 0, &addr) && addr.family == MK_FAMILY_IPV6 ? MK_OK : MK_ERR_INVALID;
    if (strcmp(out->host, "*") == 0) return listens ? MK_OK : MK_ERR_INVALID;
    for (size_t i = 0; i < size; i++)
        if (!is_name_letter(text[i])) return MK_ERR_INVALID;
    return MK_OK;
}

static mk_err_t read_path(const char *text, mk_where_t *out) {
    size_t size = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || size < 2) return MK_ERR_INVALID;
    if (size >= sizeof out->path) return MK_ERR_TOOLONG;
    memcpy(out->path, text, size + 1);
    return MK_OK;
}

static bool skip(const char **text, const char *prefix) {
    size_t size = strlen(prefix);
    if (strncmp(*text, prefix, size) != 0) return false;
    *text += size;
    return true;
}

mk_err_t mk_where_parse(const char *text, uint16_t port, bool listens, mk_where_t *out) {
    mk_where_t where = {.kind = MK_WHERE_TCP, .port = port};
    mk_err_t   err;
    if (skip(&text, "unix:")) {
        where.kind = MK_WHERE_UNIX;
        where.port = 0;
        if ((err = read_path(text, &where)) == MK_OK) *out = where;
        return err;
    }
    if (skip(&text, "udp:")) where.kind = MK_WHERE_UDP;
    else (void)skip(&text, "tcp:");
    const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
    if (colon != NULL && bracket != NULL && colon < bracket) colon = NULL; /* one of the address's own */
    size_t size = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (colon != NULL ? !read_port(colon + 1, listens ? 0 : 1, &where.port) : port == 0) return MK_ERR_INVALID;
    if ((err = read_host(text, size, listens, &where)) == MK_OK) *out = where;
    return err;
}

size_t mk_where_format(const mk_where_t *where, char *buf, size_t cap) {
    const char *kind = where->kind == MK_WHERE_UDP ? "udp" : "tcp";
    mk_assert(cap >= MK_WHERE_TEXT_BYTES);
    if (where->kind == MK_WHERE_UNIX) return (size_t)snprintf(buf, cap, "unix:%s", where->path);
    const char *format = strchr(where->host, ':') != NULL ? "%s:[%s]:%u" : "%s:%s:%u";
    return (size_t)snprintf(buf, cap, format, kind, where->host, (unsigned)where->port);
}

bool mk_where_is_local(const mk_where_t *where) {
    mk_addr_t addr;
    if (where->kind == MK_WHERE_UNIX || strcmp(where->host, "localhost") == 0) return true;
    return mk_addr_parse(where->host, where->port, &addr) && mk_addr_is_loopback(&addr);
}

mk_err_t mk_where_bind(const mk_where_t *where, mk_addr_t *out) {
    const char *host = where->host;
    if (where->kind == MK_WHERE_UNIX) {
        *out = (mk_addr_t){.family = MK_FAMILY_UNIX};
        memcpy(out->path, where->path, sizeof out->path);
        return MK_OK;
    }
    if (strcmp(host, "*") == 0) host = "::";
    else if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    return mk_addr_parse(host, where->port, out) ? MK_OK : MK_ERR_INVALID;
}

size_t mk_where_of_addr(const mk_addr_t *addr, bool datagrams, char *buf, size_t cap) {
    char text[MK_ADDR_TEXT_BYTES];
    (void)mk_addr_format(addr, text, sizeof text);
    if (addr->family == MK_FAMILY_UNIX) return (size_t)snprintf(buf, cap, "%s", text);
    return (size_t)snprintf(buf, cap, "%s:%s", datagrams ? "udp" : "tcp", text);
}
