/* SPDX-License-Identifier: Apache-2.0 */
/* links.c -- who has which address, and what befalls what is sent between two of them. */
#include <string.h>

#include "base/assert.h"
#include "port/fake/network.h"

typedef struct rule {
    struct rule   *next; /* the one said before */
    mk_addr_t      from, to;
    mk_fake_link_t link;
    uint64_t       cut_since_us;
} rule_t;

typedef struct host {
    mk_addr_t address[MK_FAKE_HOST_ADDRESSES_MAX];
    unsigned  addresses;
    bool      down;
    int64_t   skew_ms;
} host_t;

static rule_t  *rules; /* last said first */
static host_t   hosts[MK_FAKE_HOSTS_MAX];
static unsigned current;

/* ---- what holds everywhere --------------------------------------------------------------------------------------------- */

static mk_fake_net_t with_defaults(const mk_fake_net_t *net) {
    mk_fake_net_t out = *net;
    if (out.read_max == 0) out.read_max = SIZE_MAX;
    if (out.write_max == 0) out.write_max = SIZE_MAX;
    if (out.stream_bytes == 0) out.stream_bytes = 65536;
    if (out.datagram_bytes == 0) out.datagram_bytes = 262144;
    if (out.sockets_max == 0) out.sockets_max = 65000;
    if (out.give_up_us == 0) out.give_up_us = 120000000;
    return out;
}

mk_fake_net_t mk_fake_config = {SIZE_MAX, SIZE_MAX, 65536, 262144, 65000, 120000000, false};

void mk_fake_net(const mk_fake_net_t *net) {
    mk_fake_config = with_defaults(net);
    mk_fake_streams_refresh();
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

static size_t ip_bytes(const mk_addr_t *addr) { return addr->family == MK_FAMILY_IPV4 ? 4 : 16; }

bool mk_fake_same_ip(const mk_addr_t *a, const mk_addr_t *b) {
    if (a->family != b->family) return false;
    if (a->family == MK_FAMILY_UNIX) return strcmp(a->path, b->path) == 0;
    return memcmp(a->ip, b->ip, ip_bytes(a)) == 0;
}

bool mk_fake_is_any(const mk_addr_t *addr) {
    static const uint8_t zero[16];
    return addr->family != MK_FAMILY_UNIX && memcmp(addr->ip, zero, ip_bytes(addr)) == 0;
}

bool mk_fake_is_loopback(const mk_addr_t *addr) {
    static const uint8_t six[16] = {[15] = 1};
    if (addr->family == MK_FAMILY_UNIX) return true;
    return addr->family == MK_FAMILY_IPV4 ? addr->ip[0] == 127 : memcmp(addr->ip, six, 16) == 0;
}

/* ---- links ------------------------------------------------------------------------------------------------------------------ */

static bool matches(const mk_addr_t *rule, const mk_addr_t *addr) {
    if (rule->family == MK_FAMILY_NONE) return rule->port == 0 || rule->port == addr->port;
    return mk_fake_same_ip(rule, addr) && (rule->port == 0 || rule->port == addr->port);
}

static const rule_t *rule_of(const mk_addr_t *from, const mk_addr_t *to) {
    for (const rule_t *rule = rules; rule != NULL; rule = rule->next)
        if (matches(&rule->from, from) && matches(&rule->to, to)) return rule;
    return NULL;
}

const mk_fake_link_t *mk_fake_link_of(const mk_addr_t *from, const mk_addr_t *to) {
    static const mk_fake_link_t perfect;
    const rule_t               *rule = rule_of(from, to);
    return rule != NULL ? &rule->link : &perfect;
}

uint64_t mk_fake_cut_since(const mk_addr_t *from, const mk_addr_t *to) {
    const rule_t *rule = rule_of(from, to);
    return rule != NULL && rule->link.cut ? rule->cut_since_us : UINT64_MAX;
}

static bool is_same_end(const mk_addr_t *a, const mk_addr_t *b) {
    if (a->family == MK_FAMILY_NONE || b->family == MK_FAMILY_NONE) return a->family == b->family && a->port == b->port;
    return mk_fake_same_ip(a, b) && a->port == b->port;
}

void mk_fake_link(const mk_addr_t *from, const mk_addr_t *to, const mk_fake_link_t *link) {
    rule_t **at = &rules, *rule;
    while (*at != NULL && !(is_same_end(&(*at)->from, from) && is_same_end(&(*at)->to, to))) at = &(*at)->next;
    if ((rule = *at) != NULL) *at = rule->next;
    else rule = mk_fake_alloc(sizeof *rule);
    if (!rule->link.cut || !link->cut) rule->cut_since_us = mk_fake.now_us;
    rule->from = *from;
    rule->to = *to;
    rule->link = *link;
    rule->next = rules;
    rules = rule;
    if (link->cut) mk_fake_streams_doubt();
}

static void cut_one_way(const mk_addr_t *from, const mk_addr_t *to, bool cut) {
    mk_fake_link_t link = *mk_fake_link_of(from, to);
    link.cut = cut;
    mk_fake_link(from, to, &link);
}

void mk_fake_cut(const mk_addr_t *a, const mk_addr_t *b, bool cut) {
    cut_one_way(a, b, cut);
    cut_one_way(b, a, cut);
}

uint64_t mk_fake_latency(const mk_fake_link_t *link) {
    if (link->jitter_us == 0) return link->latency_us;
    return link->latency_us + mk_fake_random(&mk_fake.chance) % (link->jitter_us + 1);
}

bool mk_fake_chance(uint32_t of_1000) { return of_1000 != 0 && mk_fake_random(&mk_fake.chance) % 1000 < of_1000; }

/* ---- hosts ------------------------------------------------------------------------------------------------------------------- */

void mk_fake_use_host(unsigned host) {
    mk_assert(host < MK_FAKE_HOSTS_MAX);
    current = host;
}

unsigned mk_fake_host(void) { return current; }

void mk_fake_give_address(unsigned host, const mk_addr_t *address) {
    mk_assert(host < MK_FAKE_HOSTS_MAX && hosts[host].addresses < MK_FAKE_HOST_ADDRESSES_MAX);
    hosts[host].address[hosts[host].addresses++] = *address;
}

static bool has(unsigned host, const mk_addr_t *addr) {
    for (unsigned i = 0; i < hosts[host].addresses; i++)
        if (mk_fake_same_ip(&hosts[host].address[i], addr)) return true;
    return false;
}

unsigned mk_fake_host_of(const mk_addr_t *addr, unsigned from) {
    if (mk_fake_is_any(addr) || mk_fake_is_loopback(addr)) return from;
    for (unsigned host = 0; host < MK_FAKE_HOSTS_MAX; host++)
        if (has(host, addr)) return host;
    return 0;
}

bool mk_fake_host_is_down(unsigned host) { return hosts[host].down; }

bool mk_fake_source(unsigned host, const mk_addr_t *to, mk_addr_t *out) {
    *out = (mk_addr_t){.family = MK_FAMILY_UNIX}; /* who connects has no path */
    if (to->family == MK_FAMILY_UNIX) return true;
    *out = *to; /* to itself: from the address it calls */
    if (mk_fake_host_of(to, host) == host) return true;
    for (unsigned i = 0; i < hosts[host].addresses; i++) {
        *out = hosts[host].address[i];
        if (out->family == to->family) return true;
    }
    *out = mk_fake_addr(to->family == MK_FAMILY_IPV4 ? "203.0.113.1" : "2001:db8:ffff::1", 0);
    return host == 0 && hosts[0].addresses == 0;
}

void mk_fake_restart(unsigned host) {
    mk_assert(host < MK_FAKE_HOSTS_MAX);
    hosts[host].down = false;
}

void mk_fake_skew_wall(unsigned host, int64_t ms) {
    mk_assert(host < MK_FAKE_HOSTS_MAX);
    hosts[host].skew_ms = ms;
}

int64_t mk_fake_skew_ms(void) { return hosts[current].skew_ms; }

void mk_fake_crash(unsigned host) {
    mk_assert(host < MK_FAKE_HOSTS_MAX);
    hosts[host].down = true;
    for (int fd = MK_FAKE_FIRST_SOCKET; fd < MK_FAKE_FDS_MAX; fd++) {
        mk_fake_sock_t *sock = mk_fake_sock(fd);
        if (sock == NULL || sock->host != host) continue;
        if (sock->kind != DATAGRAM) mk_fake_stream_vanish(sock);
        sock->mute = true;
        mk_fake_ready(fd, 0);
    }
    mk_fake_streams_doubt();
}

/* The rules' memory goes with all other of the network. */
void mk_fake_links_reset(void) {
    static const host_t nobody;
    rules = NULL;
    current = 0;
    for (unsigned i = 0; i < MK_FAKE_HOSTS_MAX; i++) hosts[i] = nobody;
    mk_fake_net(&(mk_fake_net_t){0});
}
