/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c -- addresses as programs see them. */
#include <stddef.h>
#include <string.h>

#include "socket/sockets.h"

_Static_assert(sizeof(socket_addr_t) == sizeof(mk_addr_t) &&
                   offsetof(socket_addr_t, port) == offsetof(mk_addr_t, port) &&
                   offsetof(socket_addr_t, scope) == offsetof(mk_addr_t, scope) &&
                   offsetof(socket_addr_t, ip) == offsetof(mk_addr_t, ip) && (int)SOCKET_IPV4 == (int)MK_FAMILY_IPV4 &&
                   (int)SOCKET_IPV6 == (int)MK_FAMILY_IPV6 && (int)SOCKET_UNIX == (int)MK_FAMILY_UNIX,
               "two names for one thing: below core nobody sees public headers");
_Static_assert((int)SOCKET_ADDR_TEXT_BYTES >= (int)MK_ADDR_TEXT_BYTES, "the text fits");

socket_addr_t mk_socket_addr_of(const mk_addr_t *addr) {
    socket_addr_t out;
    memcpy(&out, addr, sizeof out);
    return out;
}

mk_addr_t mk_socket_addr_to(const socket_addr_t *addr) {
    mk_addr_t out;
    memcpy(&out, addr, sizeof out);
    return out;
}

bool socket_addr_parse(const char *text, uint16_t port, socket_addr_t *out) {
    mk_addr_t addr;
    if (!mk_addr_parse(strcmp(text, "localhost") == 0 ? "127.0.0.1" : text, port, &addr)) return false;
    *out = mk_socket_addr_of(&addr);
    return true;
}

size_t socket_addr_format(const socket_addr_t *addr, char buf[SOCKET_ADDR_TEXT_BYTES]) {
    mk_addr_t inner = mk_socket_addr_to(addr);
    return mk_addr_format(&inner, buf, SOCKET_ADDR_TEXT_BYTES);
}

mk_err_t mk_socket_place(const char *host, uint16_t port, const char *path, mk_addr_t *out) {
    if (path == NULL) {
        socket_addr_t addr;
        if (!socket_addr_parse(host != NULL ? host : "127.0.0.1", port, &addr)) return MK_ERR_INVALID;
        *out = mk_socket_addr_to(&addr);
        return MK_OK;
    }
    size_t length = strlen(path);
    *out = (mk_addr_t){.family = MK_FAMILY_UNIX};
    if (length == 0) return MK_ERR_INVALID;
    if (length >= sizeof out->path) return MK_ERR_TOOLONG;
    memcpy(out->path, path, length + 1);
    return MK_OK;
}
