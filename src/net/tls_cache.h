/* SPDX-License-Identifier: Apache-2.0 */
/* tls_cache.h -- a client's sessions that can be taken up again, by the name of their peer. What an engine keeps for one is
 * the engine's business. Bounded in number and in age: a session that is taken up is not verified again, so a certificate
 * that has expired meanwhile is noticed a day later at most. */
#ifndef MK_NET_TLS_CACHE_H
#define MK_NET_TLS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mk_tls_cached mk_tls_cached_t;

typedef struct mk_tls_cache {
    void (*drop)(void *session);
    mk_tls_cached_t *newest;
    uint32_t         n;
} mk_tls_cache_t;

/* Peers that are remembered; the one that was longest away makes room. */
enum { MK_TLS_CACHE_MAX = 256 };

void  mk_tls_cache_init(mk_tls_cache_t *cache, void (*drop)(void *session));
void  mk_tls_cache_fini(mk_tls_cache_t *cache);
/* Borrowed until the next put or forget; NULL when there is none. */
void *mk_tls_cache_find(mk_tls_cache_t *cache, const char *peer);
/* Takes `session` in place of what was there; without memory for it, drops it. */
void  mk_tls_cache_put(mk_tls_cache_t *cache, const char *peer, void *session);
void  mk_tls_cache_forget(mk_tls_cache_t *cache, const char *peer);

#endif
