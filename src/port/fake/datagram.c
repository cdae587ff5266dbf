/* SPDX-License-Identifier: Apache-2.0 */
/* datagram.c -- UDP, and datagrams to Unix paths, on the fake network: lost, doubled and late as their link says. */
#include <string.h>

#include "base/assert.h"
#include "port/fake/network.h"

/* What fits into one IP packet behind both headers. */
enum { DATAGRAM_BYTES_MAX = 65507, LATE_US = 10000 };

typedef struct packet {
    struct packet *next;
    unsigned       host; /* that has the address it goes to */
    mk_addr_t      from, to;
    size_t         size;
    uint8_t        bytes[];
} packet_t;

typedef struct udp {
    mk_fake_sock_t sock;
    packet_t      *first, **last;
    size_t         bytes;
    uint64_t       busy_us; /* until when the line from here is               */
    bool           refused; /* an earlier one was: told once                  */
} udp_t;

static udp_t *udp_of(int fd) {
    mk_fake_sock_t *sock = mk_fake_sock(fd);
    mk_assert(sock != NULL && sock->kind == DATAGRAM);
    return mk_container_of(sock, udp_t, sock);
}

static void refresh(const udp_t *udp) {
    uint32_t events = MK_POLL_OUT;
    if (udp->first != NULL) events |= MK_POLL_IN;
    if (udp->refused) events |= MK_POLL_ERR;
    mk_fake_ready(udp->sock.fd, udp->sock.mute ? 0 : events);
}

mk_err_t mk_sock_udp(const mk_addr_t *at, int *fd, mk_addr_t *bound) {
    mk_fake_net_run();
    udp_t   *udp = mk_fake_alloc(sizeof *udp);
    mk_err_t err = mk_fake_bind(&udp->sock, DATAGRAM, at);
    if (err != MK_OK) {
        mk_fake_free(udp);
        return err;
    }
    udp->last = &udp->first;
    refresh(udp);
    *fd = udp->sock.fd;
    if (bound != NULL) *bound = udp->sock.local;
    return MK_OK;
}

static packet_t *take(udp_t *udp) {
    packet_t *packet = udp->first;
    if ((udp->first = packet->next) == NULL) udp->last = &udp->first;
    udp->bytes -= packet->size;
    return packet;
}

void mk_fake_datagram_close(mk_fake_sock_t *sock) {
    udp_t *udp = mk_container_of(sock, udp_t, sock);
    while (udp->first != NULL) mk_fake_free(take(udp));
    mk_list_remove(&sock->bound);
    mk_fake_shut(sock);
    mk_fake_free(udp);
}

ptrdiff_t mk_sock_receive(int fd, void *buf, size_t size, size_t *whole, mk_addr_t *from) {
    mk_fake_net_run();
    udp_t *udp = udp_of(fd);
    if (udp->refused) {
        udp->refused = false;
        refresh(udp);
        return MK_IO_FAILED;
    }
    if (udp->first == NULL || udp->sock.mute) return MK_IO_WAIT;
    packet_t *packet = take(udp);
    size_t    n = packet->size < size ? packet->size : size;
    if (n != 0) memcpy(buf, packet->bytes, n);
    *whole = packet->size;
    if (from != NULL) *from = packet->from;
    mk_fake_free(packet);
    refresh(udp);
    return (ptrdiff_t)n;
}

/* ---- on the way -------------------------------------------------------------------------------------------------------- */

/* Nobody is there: whoever sent it hears of it, if he is still there himself and on a machine that can be reached. */
static void refuse(const packet_t *packet) {
    mk_fake_sock_t *sock = mk_fake_bound(DATAGRAM, mk_fake_host_of(&packet->from, packet->host), &packet->from);
    if (sock == NULL || mk_fake_link_of(&packet->to, &packet->from)->cut) return;
    udp_t *udp = mk_container_of(sock, udp_t, sock);
    udp->refused = true;
    refresh(udp);
}

static void arrives(void *arg, uint64_t at_us) {
    packet_t             *packet = arg;
    const mk_fake_link_t *link = mk_fake_link_of(&packet->from, &packet->to);
    mk_fake_sock_t       *sock = mk_fake_bound(DATAGRAM, packet->host, &packet->to);
    udp_t                *udp = sock != NULL ? mk_container_of(sock, udp_t, sock) : NULL;
    (void)at_us;
    if (link->cut || mk_fake_host_is_down(packet->host)) {
        mk_fake_free(packet);
    } else if (udp == NULL || link->refused) {
        refuse(packet);
        mk_fake_free(packet);
    } else if (udp->bytes + packet->size > mk_fake_config.datagram_bytes) {
        mk_fake_free(packet);
    } else {
        *udp->last = packet;
        udp->last = &packet->next;
        udp->bytes += packet->size;
        refresh(udp);
    }
}

static void send_packet(const mk_fake_link_t *link, const packet_t *packet, uint64_t start_us) {
    uint64_t  due_us = start_us + mk_fake_latency(link);
    packet_t *copy = mk_fake_alloc(sizeof *copy + packet->size);
    if (mk_fake_chance(link->late)) due_us += link->late_us != 0 ? link->late_us : LATE_US;
    memcpy(copy, packet, sizeof *copy + packet->size);
    mk_fake_later(due_us, arrives, copy);
}

static mk_err_t route(const udp_t *udp, const mk_addr_t *to, packet_t *out) {
    static const uint8_t everybody[4] = {255, 255, 255, 255};
    if (to->family == MK_FAMILY_IPV4 && memcmp(to->ip, everybody, 4) == 0) return MK_ERR_DENIED;
    bool both = udp->sock.local.family == MK_FAMILY_IPV6 && mk_fake_is_any(&udp->sock.local);
    if (to->family != udp->sock.local.family && !(both && to->family == MK_FAMILY_IPV4)) return MK_ERR_IO;
    out->host = mk_fake_host_of(to, udp->sock.host);
    out->to = *to;
    out->from = udp->sock.local;
    if (!mk_fake_is_any(&udp->sock.local)) return MK_OK;
    if (!mk_fake_source(udp->sock.host, to, &out->from)) return MK_ERR_IO;
    out->from.port = udp->sock.local.port;
    return MK_OK;
}

mk_err_t mk_sock_send(int fd, const void *data, size_t size, const mk_addr_t *to) {
    mk_fake_net_run();
    udp_t *udp = udp_of(fd);
    if (mk_fake_should_fail(MK_FAKE_SEND)) return MK_ERR_FULL;
    if (to->family == MK_FAMILY_NONE) return MK_ERR_INVALID;
    if (size > DATAGRAM_BYTES_MAX) return MK_ERR_TOOLONG;
    packet_t *packet = mk_fake_alloc(sizeof *packet + size);
    mk_err_t  err = route(udp, to, packet);
    packet->size = size;
    if (size != 0) memcpy(packet->bytes, data, size);
    if (err == MK_OK && !udp->sock.mute) {
        const mk_fake_link_t *link = mk_fake_link_of(&packet->from, &packet->to);
        uint64_t              start_us = mk_fake.now_us;
        if (link->bytes_per_s != 0) {
            if (udp->busy_us > start_us) start_us = udp->busy_us;
            udp->busy_us = start_us += (size + 28) * 1000000 / link->bytes_per_s;
        }
        bool lost = mk_fake_chance(link->lost), doubled = mk_fake_chance(link->doubled);
        if (!lost) send_packet(link, packet, start_us);
        if (doubled) send_packet(link, packet, start_us);
    }
    mk_fake_free(packet);
    return err;
}
