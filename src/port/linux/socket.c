/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c -- TCP, UDP and Unix sockets, and names. All non-blocking but mk_port_resolve(). */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/port.h"

_Static_assert(sizeof(mk_slice_t) == sizeof(struct iovec) &&
                   offsetof(mk_slice_t, data) == offsetof(struct iovec, iov_base) &&
                   offsetof(mk_slice_t, size) == offsetof(struct iovec, iov_len),
               "slices are handed on as they are");
_Static_assert(sizeof((mk_addr_t){0}.path) == sizeof((struct sockaddr_un){0}.sun_path), "a path fits if it fits there");

typedef union sock_addr {
    struct sockaddr         any;
    struct sockaddr_in      v4;
    struct sockaddr_in6     v6;
    struct sockaddr_un      un;
    struct sockaddr_storage storage;
} sock_addr_t;

/* ---- addresses -------------------------------------------------------------------------------------------------- */

static socklen_t unix_to_system(const char *path, struct sockaddr_un *out) {
    size_t length = strnlen(path, sizeof out->sun_path);
    if (length == 0 || length == sizeof out->sun_path) return 0;
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, length + 1);
    if (path[0] != '@') return (socklen_t)sizeof *out;
    out->sun_path[0] = '\0'; /* abstract names are as long as they are said to be */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* Its length; 0: not an address. */
static socklen_t to_system(const mk_addr_t *addr, sock_addr_t *out) {
    memset(out, 0, sizeof *out);
    switch (addr->family) {
    case MK_FAMILY_IPV4:
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(addr->port);
        memcpy(&out->v4.sin_addr, addr->ip, 4);
        return sizeof out->v4;
    case MK_FAMILY_IPV6:
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(addr->port);
        out->v6.sin6_scope_id = addr->scope;
        memcpy(&out->v6.sin6_addr, addr->ip, 16);
        return sizeof out->v6;
    case MK_FAMILY_UNIX: return unix_to_system(addr->path, &out->un);
    default: return 0;
    }
}

static void unix_from_system(const struct sockaddr_un *un, socklen_t size, mk_addr_t *out) {
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t length = size > start ? size - start : 0; /* 0: the other end has no name */
    out->family = MK_FAMILY_UNIX;
    if (length > sizeof out->path - 1) length = sizeof out->path - 1;
    memcpy(out->path, un->sun_path, length);
    if (length != 0 && out->path[0] == '\0') out->path[0] = '@';
}

/* IPv4 in IPv6's clothes, as a socket that serves both families shows it, is IPv4. */
static void from_system(const sock_addr_t *from, socklen_t size, mk_addr_t *out) {
    memset(out, 0, sizeof *out);
    switch (size >= sizeof from->any.sa_family ? from->any.sa_family : AF_UNSPEC) {
    case AF_INET:
        out->family = MK_FAMILY_IPV4;
        out->port = ntohs(from->v4.sin_port);
        memcpy(out->ip, &from->v4.sin_addr, 4);
        break;
    case AF_INET6:
        out->port = ntohs(from->v6.sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&from->v6.sin6_addr)) {
            out->family = MK_FAMILY_IPV4;
            memcpy(out->ip, from->v6.sin6_addr.s6_addr + 12, 4);
            break;
        }
        out->family = MK_FAMILY_IPV6;
        out->scope = from->v6.sin6_scope_id;
        memcpy(out->ip, &from->v6.sin6_addr, 16);
        break;
    case AF_UNIX: unix_from_system(&from->un, size, out); break;
    default: break;
    }
}

bool mk_sock_local(int fd, mk_addr_t *out) {
    sock_addr_t addr;
    socklen_t   size = sizeof addr;
    if (getsockname(fd, &addr.any, &size) != 0) return false;
    from_system(&addr, size, out);
    return out->family != MK_FAMILY_NONE;
}

bool mk_sock_peer(int fd, mk_addr_t *out) {
    sock_addr_t addr;
    socklen_t   size = sizeof addr;
    if (getpeername(fd, &addr.any, &size) != 0) return false;
    from_system(&addr, size, out);
    return out->family != MK_FAMILY_NONE;
}

/* ---- making them ------------------------------------------------------------------------------------------------- */

static mk_err_t error_of(int failed) {
    switch (failed) {
    case EADDRINUSE: return MK_ERR_BUSY;
    case EACCES:
    case EPERM: return MK_ERR_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL:
    case ENODEV:
    case ENOENT:
    case ENOTDIR: return MK_ERR_INVALID;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return MK_ERR_LIMIT;
    case ETIMEDOUT: return MK_ERR_TIMEOUT;
    default: return MK_ERR_IO;
    }
}

static void set_option(int fd, int level, int name, int value) {
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static int open_socket(const sock_addr_t *addr, int type) {
    return socket(addr->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* A socket's file that nobody answers for is left from a process that is gone. */
static bool is_stale(const sock_addr_t *at, socklen_t size, int type) {
    struct stat about;
    if (at->un.sun_path[0] == '\0' || lstat(at->un.sun_path, &about) != 0 || !S_ISSOCK(about.st_mode)) return false;
    int fd = open_socket(at, type);
    if (fd < 0) return false;
    bool stale = connect(fd, &at->any, size) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int bind_to(int fd, const sock_addr_t *at, socklen_t size, int type) {
    if (bind(fd, &at->any, size) == 0) return 0;
    if (errno != EADDRINUSE || at->any.sa_family != AF_UNIX) return errno;
    if (!is_stale(at, size, type) || unlink(at->un.sun_path) != 0) return EADDRINUSE;
    return bind(fd, &at->any, size) == 0 ? 0 : errno;
}

/* A bound socket. What is bound to IPv6's "any" serves both families. */
static mk_err_t open_bound(const mk_addr_t *at, int type, int *out) {
    sock_addr_t addr;
    socklen_t   size = to_system(at, &addr);
    if (size == 0) return MK_ERR_INVALID;
    int fd = open_socket(&addr, type);
    if (fd < 0) return error_of(errno);
    if (type == SOCK_STREAM && addr.any.sa_family != AF_UNIX) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (addr.any.sa_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    int failed = bind_to(fd, &addr, size, type);
    if (failed != 0) {
        close(fd);
        return error_of(failed);
    }
    *out = fd;
    return MK_OK;
}

mk_err_t mk_sock_listen(const mk_addr_t *at, int backlog, int *fd, mk_addr_t *bound) {
    mk_err_t err = open_bound(at, SOCK_STREAM, fd);
    if (err != MK_OK) return err;
    mk_sock_tune(*fd); /* Linux: what is accepted inherits it */
    if (listen(*fd, backlog) != 0 || (bound != NULL && !mk_sock_local(*fd, bound))) {
        err = error_of(errno);
        close(*fd);
    }
    return err;
}

void mk_sock_unlink(const mk_addr_t *at) {
    if (at->family == MK_FAMILY_UNIX && at->path[0] != '@' && at->path[0] != '\0') unlink(at->path);
}

/* accept(2): errors of the connection that was about to be accepted are reported here as well. */
mk_err_t mk_sock_accept(int listener, int *fd, mk_addr_t *peer) {
    sock_addr_t addr;
    socklen_t   size = sizeof addr;
    for (;;) {
        int got = peer != NULL ? accept4(listener, &addr.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
                               : accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            if (peer != NULL) from_system(&addr, size, peer);
            *fd = got;
            return MK_OK;
        }
        switch (errno) {
        case EAGAIN: return MK_ERR_NOTFOUND;
        case EBADF:
        case EFAULT:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP: return MK_ERR_IO;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return MK_ERR_LIMIT;
        default: size = sizeof addr; /* gave up, or was interrupted: the next */
        }
    }
}

mk_err_t mk_sock_connect(const mk_addr_t *to, int *out) {
    sock_addr_t addr;
    socklen_t   size = to_system(to, &addr);
    if (size == 0) return MK_ERR_INVALID;
    int fd = open_socket(&addr, SOCK_STREAM);
    if (fd < 0) return errno == EAFNOSUPPORT ? MK_ERR_IO : error_of(errno);
    mk_sock_tune(fd);
    if (connect(fd, &addr.any, size) != 0 && errno != EINPROGRESS && errno != EINTR) {
        /* A Unix listener whose queue is full says so by EAGAIN, and nothing has begun. */
        mk_err_t err = errno == EAGAIN && addr.any.sa_family == AF_UNIX ? MK_ERR_BUSY : error_of(errno);
        close(fd);
        return err == MK_ERR_INVALID ? MK_ERR_IO : err;
    }
    *out = fd;
    return MK_OK;
}

mk_err_t mk_sock_outcome(int fd) {
    int       failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0) failed = errno;
    if (failed == 0) return MK_OK;
    mk_err_t err = error_of(failed);
    return err == MK_ERR_INVALID || err == MK_ERR_BUSY ? MK_ERR_IO : err;
}

mk_err_t mk_sock_udp(const mk_addr_t *at, int *fd, mk_addr_t *bound) {
    mk_err_t err = open_bound(at, SOCK_DGRAM, fd);
    if (err != MK_OK) return err;
    if (bound != NULL && !mk_sock_local(*fd, bound)) {
        close(*fd);
        return MK_ERR_IO;
    }
    return MK_OK;
}

/* Idle for a minute, then a probe every 15 seconds: after two minutes of silence the peer is taken for gone. */
void mk_sock_tune(int fd) {
    enum { IDLE_S = 60, PROBE_S = 15, PROBES = 4 };
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
}

void mk_sock_await_bytes(int listener) { set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1); }

/* ---- bytes --------------------------------------------------------------------------------------------------------- */

static ptrdiff_t outcome_of(int failed) { return failed == EAGAIN ? MK_IO_WAIT : MK_IO_FAILED; }

ptrdiff_t mk_sock_read(int fd, void *buf, size_t size) {
    ssize_t n;
    do n = recv(fd, buf, size, 0);
    while (n < 0 && errno == EINTR);
    return n >= 0 ? n : outcome_of(errno);
}

ptrdiff_t mk_sock_write(int fd, const mk_slice_t *slices, int n) {
    ssize_t       sent;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)slices, .msg_iovlen = (size_t)n};
    do sent = n == 1 ? send(fd, slices->data, slices->size, MSG_NOSIGNAL) : sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : outcome_of(errno);
}

void mk_sock_finish(int fd) { (void)shutdown(fd, SHUT_WR); }

void mk_sock_close(int fd) { close(fd); }

void mk_sock_reset(int fd) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

ptrdiff_t mk_sock_receive(int fd, void *buf, size_t size, size_t *whole, mk_addr_t *from) {
    sock_addr_t addr;
    socklen_t   length;
    ssize_t     n;
    do {
        length = sizeof addr;
        n = recvfrom(fd, buf, size, MSG_TRUNC, &addr.any, &length);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return outcome_of(errno);
    if (from != NULL) from_system(&addr, length, from);
    *whole = (size_t)n;
    return (size_t)n < size ? n : (ptrdiff_t)size;
}

mk_err_t mk_sock_send(int fd, const void *data, size_t size, const mk_addr_t *to) {
    sock_addr_t addr;
    socklen_t   length = to_system(to, &addr);
    if (length == 0) return MK_ERR_INVALID;
    ssize_t n;
    do n = sendto(fd, data, size, MSG_NOSIGNAL, &addr.any, length);
    while (n < 0 && errno == EINTR);
    if (n >= 0) return MK_OK;
    switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM: return MK_ERR_FULL;
    case EMSGSIZE: return MK_ERR_TOOLONG;
    case EACCES:
    case EPERM: return MK_ERR_DENIED;
    default: return MK_ERR_IO;
    }
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

static bool is_known(const mk_addr_t *addrs, size_t n, const mk_addr_t *addr) {
    for (size_t i = 0; i < n; i++)
        if (addrs[i].family == addr->family && addrs[i].scope == addr->scope &&
            memcmp(addrs[i].ip, addr->ip, sizeof addr->ip) == 0)
            return true;
    return false;
}

/* Their order is the one of RFC 6724, which getaddrinfo() knows. */
mk_err_t mk_port_resolve(const char *host, mk_addr_t *out, size_t max, size_t *n) {
    struct addrinfo  hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    *n = 0;
    switch (getaddrinfo(host, NULL, &hints, &found)) {
    case 0: break;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY: return MK_ERR_NOTFOUND;
    case EAI_MEMORY: return MK_ERR_NOMEM;
    default: return MK_ERR_IO;
    }
    for (const struct addrinfo *each = found; each != NULL && *n < max; each = each->ai_next) {
        sock_addr_t addr;
        if (each->ai_addrlen > sizeof addr) continue;
        memcpy(&addr, each->ai_addr, each->ai_addrlen);
        from_system(&addr, each->ai_addrlen, &out[*n]);
        if (out[*n].family != MK_FAMILY_NONE && !is_known(out, *n, &out[*n])) ++*n;
    }
    freeaddrinfo(found);
    return *n != 0 ? MK_OK : MK_ERR_NOTFOUND;
}
