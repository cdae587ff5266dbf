/* SPDX-License-Identifier: Apache-2.0 */
/* udp_shake.h -- how two nodes agree upon keys by datagrams: the packets, pure bytes in and out. docs/security.md has the layout.
 *
 *     INIT      ->        first without a cookie ...
 *               <- COOKIE
 *     INIT      ->        ... then with it, which shows that the caller is where it says it is
 *               <- RESPONSE
 *     DATA      <->       the caller's first one proves that it has heard the answer
 *
 * All are sealed under keys made from the cluster's secret; who does not have it can neither make one that is answered nor read
 * any. Without a secret (`secret` NULL everywhere: loopback) the same packets go unsealed, and marked so. */
#ifndef MK_NODE_UDP_SHAKE_H
#define MK_NODE_UDP_SHAKE_H

#include "net/crypto.h"
#include "node/secrets.h"

/* What passes everywhere unfragmented: IPv6's least 1,280 without its header and UDP's. */
enum { MK_UDP_PACKET_BYTES_MAX = 1232 };

typedef enum mk_udp_kind {
    MK_UDP_INIT = 1,
    MK_UDP_COOKIE,
    MK_UDP_RESPONSE,
    MK_UDP_DATA,
    MK_UDP_PLAIN = 0x80, /* with each of them: unsealed */
} mk_udp_kind_t;

enum {
    MK_UDP_VERSION = 1,
    MK_UDP_SALT_BYTES = 16,
    MK_UDP_COOKIE_BYTES = 16,
    /* kind, version, id of the secret, salt, the caller's share; sealed: its index and life, the cookie */
    MK_UDP_INIT_BYTES = 2 + MK_SECRET_ID_BYTES + MK_UDP_SALT_BYTES + MK_X25519_BYTES + 4 + 8 + MK_UDP_COOKIE_BYTES,
    /* kind, version, the caller's index, salt; sealed: the cookie */
    MK_UDP_COOKIE_PACKET_BYTES = 2 + 4 + MK_UDP_SALT_BYTES + MK_UDP_COOKIE_BYTES,
    /* kind, version, the caller's index, salt; sealed: the other's share, index and life */
    MK_UDP_RESPONSE_BYTES = 2 + 4 + MK_UDP_SALT_BYTES + MK_X25519_BYTES + 4 + 8,
    /* Longest of them, sealed. */
    MK_UDP_SHAKE_BYTES_MAX = MK_UDP_INIT_BYTES + MK_AEAD_TAG_BYTES,
    /* Before the sealed part of DATA: kind, the receiver's index, the packet's number. */
    MK_UDP_HEAD_BYTES = 1 + 4 + 8,
};

_Static_assert((int)MK_UDP_RESPONSE_BYTES <= (int)MK_UDP_INIT_BYTES, "no answer is longer than its question");
_Static_assert((int)MK_UDP_COOKIE_PACKET_BYTES <= (int)MK_UDP_INIT_BYTES, "no answer is longer than its question");

typedef struct mk_udp_init {
    uint8_t  id[MK_SECRET_ID_BYTES]; /* unsealed */
    uint8_t  share[MK_X25519_BYTES]; /* unsealed; without a secret random bytes: names the call */
    uint32_t index;                  /* of the caller's channel */
    uint64_t life;                   /* of the caller's hub: another one after a restart */
    uint8_t  cookie[MK_UDP_COOKIE_BYTES]; /* zero: none yet */
} mk_udp_init_t;

typedef struct mk_udp_response {
    uint32_t to;
    uint8_t  share[MK_X25519_BYTES];
    uint32_t index;
    uint64_t life;
} mk_udp_response_t;

/* Each writes a whole packet and its size, 0 when the TLS library or the system's randomness fails. `share`: the caller's. */
size_t mk_udp_put_init(uint8_t to[MK_UDP_SHAKE_BYTES_MAX], const mk_udp_init_t *init, const mk_secret_t *secret);
size_t mk_udp_put_cookie(uint8_t to[MK_UDP_SHAKE_BYTES_MAX], uint32_t index, const uint8_t share[MK_X25519_BYTES],
                         const uint8_t cookie[MK_UDP_COOKIE_BYTES], const mk_secret_t *secret);
size_t mk_udp_put_response(uint8_t to[MK_UDP_SHAKE_BYTES_MAX], const mk_udp_response_t *response,
                           const uint8_t share[MK_X25519_BYTES], const mk_secret_t *secret);

/* Reads what stands unsealed in an INIT: the id, to find the secret with. False: not one. */
bool mk_udp_peek_init(const uint8_t *packet, size_t size, bool sealed, mk_udp_init_t *out);
/* For whom a COOKIE or a RESPONSE is. False: not one. */
bool mk_udp_peek_answer(const uint8_t *packet, size_t size, bool sealed, uint32_t *index);

/* False: forged, broken, of another secret. The packet is as long as its peek has found it to be. */
bool mk_udp_get_init(const uint8_t *packet, const mk_secret_t *secret, mk_udp_init_t *out);
bool mk_udp_get_cookie(const uint8_t *packet, const uint8_t share[MK_X25519_BYTES], const mk_secret_t *secret,
                       uint8_t cookie[MK_UDP_COOKIE_BYTES]);
bool mk_udp_get_response(const uint8_t *packet, const uint8_t share[MK_X25519_BYTES], const mk_secret_t *secret,
                         mk_udp_response_t *out);

/* The keys of a session: `agreed` is what X25519 makes of the shares. MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_udp_session_keys(const mk_secret_t *secret, const uint8_t agreed[MK_X25519_BYTES],
                                           const uint8_t caller[MK_X25519_BYTES], const uint8_t called[MK_X25519_BYTES],
                                           mk_aead_t **from_caller, mk_aead_t **from_called);

/* Seals `size` bytes that lie behind MK_UDP_HEAD_BYTES of room (and have MK_AEAD_TAG_BYTES behind them) in place. `aead` NULL:
 * unsealed. The packet's size; 0: the TLS library failed. */
size_t mk_udp_packet_seal(uint8_t *packet, size_t size, mk_aead_t *aead, uint32_t index, uint64_t number);
/* In place: what it holds lies MK_UDP_HEAD_BYTES behind its beginning; its size, or MK_UDP_FORGED. */
#define MK_UDP_FORGED SIZE_MAX
size_t mk_udp_packet_open(uint8_t *packet, size_t size, mk_aead_t *aead);

/* ---- packets that were seen: none is taken twice ------------------------------------------------------------------------ */

enum { MK_UDP_WINDOW = 1024 }; /* so much later than a later one a packet may come */

typedef struct mk_udp_window {
    uint64_t next; /* one more than the highest number seen */
    uint64_t seen[MK_UDP_WINDOW / 64];
} mk_udp_window_t;

bool mk_udp_window_is_new(const mk_udp_window_t *window, uint64_t number);
void mk_udp_window_mark(mk_udp_window_t *window, uint64_t number); /* is new */

#endif
