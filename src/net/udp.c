/* SPDX-License-Identifier: Apache-2.0 */
/* udp.c -- datagrams. What is not sent at once is not sent. */
#include "net/internal.h"

#include "base/assert.h"

enum { DATAGRAMS_MAX = 32 }; /* in one round */

static void on_ready(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    mk_udp_t *udp = mk_container_of(watch, mk_udp_t, watch);
    uint8_t  *scratch = udp->net->scratch;
    bool      gone = false;
    (void)loop, (void)events;
    udp->gone = &gone;
    for (int i = 0; i < DATAGRAMS_MAX; i++) {
        mk_addr_t from;
        size_t    whole;
        ptrdiff_t n = mk_sock_receive(watch->fd, scratch, MK_SCRATCH_BYTES, &whole, &from);
        if (n == MK_IO_WAIT) break;
        if (n < 0) continue; /* an earlier one was refused */
        udp->fn(udp, scratch, (size_t)n, &from);
        if (gone) return;
    }
    udp->gone = NULL;
}

mk_err_t mk_udp_open(mk_net_t *net, mk_udp_t *udp, const mk_addr_t *at, mk_udp_fn *fn) {
    mk_udp_t made = {.net = net, .fn = fn, .watch.fn = on_ready};
    mk_err_t err = mk_sock_udp(at, &made.watch.fd, &made.at);
    if (err != MK_OK) return err;
    *udp = made;
    if ((err = mk_watch_set(net->loop, &udp->watch, MK_POLL_IN)) != MK_OK) {
        mk_sock_close(udp->watch.fd);
        udp->net = NULL;
        return err;
    }
    mk_list_push(&net->udps, &udp->all);
    return MK_OK;
}

mk_err_t mk_udp_send(mk_udp_t *udp, const void *data, size_t size, const mk_addr_t *to) {
    return udp->net != NULL ? mk_sock_send(udp->watch.fd, data, size, to) : MK_ERR_CLOSED;
}

void mk_udp_close(mk_udp_t *udp) {
    mk_net_t *net = udp->net;
    if (net == NULL) return;
    if (udp->gone != NULL) *udp->gone = true;
    mk_list_remove(&udp->all);
    mk_watch_forget(net->loop, &udp->watch);
    mk_sock_close(udp->watch.fd);
    mk_sock_unlink(&udp->at);
    udp->net = NULL;
}
