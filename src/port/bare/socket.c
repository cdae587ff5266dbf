/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c -- no network on this machine. */
#include "port/port.h"

mk_err_t mk_sock_listen(const mk_addr_t *at, int backlog, int *fd, mk_addr_t *bound) {
    (void)at, (void)backlog, (void)fd, (void)bound;
    return MK_ERR_NOSYS;
}

void mk_sock_unlink(const mk_addr_t *at) { (void)at; }

mk_err_t mk_sock_accept(int listener, int *fd, mk_addr_t *peer) {
    (void)listener, (void)fd, (void)peer;
    return MK_ERR_NOSYS;
}

mk_err_t mk_sock_connect(const mk_addr_t *to, int *fd) {
    (void)to, (void)fd;
    return MK_ERR_NOSYS;
}

mk_err_t mk_sock_outcome(int fd) {
    (void)fd;
    return MK_ERR_NOSYS;
}

ptrdiff_t mk_sock_read(int fd, void *buf, size_t size) {
    (void)fd, (void)buf, (void)size;
    return MK_IO_FAILED;
}

ptrdiff_t mk_sock_write(int fd, const mk_slice_t *slices, int n) {
    (void)fd, (void)slices, (void)n;
    return MK_IO_FAILED;
}

void mk_sock_finish(int fd) { (void)fd; }

void mk_sock_close(int fd) { (void)fd; }

void mk_sock_reset(int fd) { (void)fd; }

void mk_sock_tune(int fd) { (void)fd; }
void mk_sock_await_bytes(int listener) { (void)listener; }

bool mk_sock_local(int fd, mk_addr_t *out) {
    (void)fd, (void)out;
    return false;
}

bool mk_sock_peer(int fd, mk_addr_t *out) {
    (void)fd, (void)out;
    return false;
}

mk_err_t mk_sock_udp(const mk_addr_t *at, int *fd, mk_addr_t *bound) {
    (void)at, (void)fd, (void)bound;
    return MK_ERR_NOSYS;
}

ptrdiff_t mk_sock_receive(int fd, void *buf, size_t size, size_t *whole, mk_addr_t *from) {
    (void)fd, (void)buf, (void)size, (void)whole, (void)from;
    return MK_IO_FAILED;
}

mk_err_t mk_sock_send(int fd, const void *data, size_t size, const mk_addr_t *to) {
    (void)fd, (void)data, (void)size, (void)to;
    return MK_ERR_NOSYS;
}

mk_err_t mk_port_resolve(const char *host, mk_addr_t *out, size_t max, size_t *n) {
    (void)host, (void)out, (void)max, (void)n;
    return MK_ERR_NOSYS;
}
