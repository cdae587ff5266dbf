/* SPDX-License-Identifier: Apache-2.0 */
/* fake_net.h -- what a test says about the fake network: how slow, how small, how broken, and who is called what.
 *
 * It is one process's memory with a clock: what is written arrives when the virtual time has come, in the order of time and
 * then of sending. Without a word from the test everything arrives at once and nothing is lost. Sockets are those of port.h;
 * their descriptors are small integers from 256 on, and a closed one's number is used again, as on a real machine. */
#ifndef MK_PORT_FAKE_FAKE_NET_H
#define MK_PORT_FAKE_FAKE_NET_H

#include "port/port.h"

/* ---- what holds everywhere ------------------------------------------------------------------------------------------ */

/* Zero is the default named. */
typedef struct mk_fake_net {
    size_t   read_max, write_max; /* most bytes that one call takes; 0: no limit                                     */
    size_t   stream_bytes;        /* on their way in one direction of a stream, unread ones included; 0: 65,536      */
    size_t   datagram_bytes;      /* waiting at one socket, the next is dropped; 0: 262,144                          */
    unsigned sockets_max;         /* descriptors there are; 0: 65,000                                                */
    uint64_t give_up_us;          /* a peer that answers nothing any more is given up; 0: 120 s                      */
    bool     reset_discards;      /* a reset takes with it what had come before and was not read yet; Linux keeps it */
} mk_fake_net_t;

void mk_fake_net(const mk_fake_net_t *net);

/* ---- links ------------------------------------------------------------------------------------------------------------ */

/* What befalls what is sent from one address to another. Streams lose nothing and stay in order: what cannot get through is
 * sent again until it does, or until it is given up. */
typedef struct mk_fake_link {
    uint64_t latency_us, jitter_us; /* of jitter a random part                                             */
    uint64_t bytes_per_s;           /* of each stream or UDP socket; 0: no limit                           */
    uint32_t lost, doubled, late;   /* of 1,000 datagrams                                                  */
    uint64_t late_us;               /* how much later the late ones come; 0: 10 ms                         */
    bool     cut;                   /* nothing gets through: a black hole, or half of a partition          */
    bool     refused;               /* connecting is refused; datagrams are                                */
} mk_fake_link_t;

/* From now on. An address of no family is any; port 0 is any port. What was said last counts where several match. */
void mk_fake_link(const mk_addr_t *from, const mk_addr_t *to, const mk_fake_link_t *link);

/* Cuts both directions, or heals them; everything else about them stays. */
void mk_fake_cut(const mk_addr_t *a, const mk_addr_t *b, bool cut);

/* ---- hosts ------------------------------------------------------------------------------------------------------------ */

/* Sockets belong to the host that is current when they are made. Each host has a loopback and Unix paths of its own. Number 0
 * is current after a reset, and has every address that no other has been given. */
enum { MK_FAKE_HOSTS_MAX = 64, MK_FAKE_HOST_ADDRESSES_MAX = 4 };

void     mk_fake_use_host(unsigned host);
unsigned mk_fake_host(void);
void     mk_fake_give_address(unsigned host, const mk_addr_t *address);

/* Its power fails: its sockets say and hear nothing any more, not even that they are closed. After the restart what still
 * arrives for them is answered by a reset. */
void mk_fake_crash(unsigned host);
void mk_fake_restart(unsigned host);

/* Its wall clock is that far ahead of the others' (of mk_fake_set_wall_ms()); behind, when negative. */
void mk_fake_skew_wall(unsigned host, int64_t ms);

/* ---- single connections ----------------------------------------------------------------------------------------------- */

/* The descriptor of a connected socket with these ends (no family: any; port 0: any), the lowest; -1: none. */
int mk_fake_find(const mk_addr_t *local, const mk_addr_t *peer);

void mk_fake_break(int fd);  /* both ends see a reset                                   */
void mk_fake_vanish(int fd); /* this end is gone and its peer is not told: half open     */

/* Descriptors of sockets that are open: none may be left after a test. */
unsigned mk_fake_sockets(void);

/* When the next thing arrives; UINT64_MAX: nothing is on its way. */
uint64_t mk_fake_next_us(void);

/* ---- names ------------------------------------------------------------------------------------------------------------ */

/* Said again it replaces what was said. With `err` the name fails with it. "localhost" is 127.0.0.1, all others are unknown. */
void mk_fake_name(const char *name, const mk_addr_t *addrs, size_t n);
void mk_fake_name_fails(const char *name, mk_err_t err);
/* From now on each look-up takes so long: the clock moves. */
void mk_fake_names_take_us(uint64_t us);
unsigned mk_fake_lookups(void); /* how many there were */

/* "192.0.2.1", "2001:db8::1", or a path; a text that is none of these is a mistake of the test. */
mk_addr_t mk_fake_addr(const char *text, uint16_t port);

#endif
