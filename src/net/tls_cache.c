/* SPDX-License-Identifier: Apache-2.0 */
/* tls_cache.c -- a list, most recently used first. Searching a few hundred names costs little beside a handshake. */
#include "net/tls_cache.h"

#include <string.h>

#include "base/mem.h"
#include "port/port.h"

static const uint64_t AGE_MAX_US = 24ull * 3600 * 1000 * 1000;

struct mk_tls_cached {
    mk_tls_cached_t *next;
    void            *session;
    uint64_t         put_us;
    char             peer[];
};

void mk_tls_cache_init(mk_tls_cache_t *cache, void (*drop)(void *session)) { *cache = (mk_tls_cache_t){.drop = drop}; }

/* The link that holds the entry, or the last one. */
static mk_tls_cached_t **link_of(mk_tls_cache_t *cache, const char *peer) {
    mk_tls_cached_t **link = &cache->newest;
    while (*link != NULL && strcmp((*link)->peer, peer) != 0) link = &(*link)->next;
    return link;
}

static void remove_at(mk_tls_cache_t *cache, mk_tls_cached_t **link) {
    mk_tls_cached_t *entry = *link;
    *link = entry->next;
    cache->n--;
    cache->drop(entry->session);
    mk_free(entry);
}

static void remove_oldest(mk_tls_cache_t *cache) {
    mk_tls_cached_t **link = &cache->newest;
    while (*link != NULL && (*link)->next != NULL) link = &(*link)->next;
    if (*link != NULL) remove_at(cache, link);
}

void *mk_tls_cache_find(mk_tls_cache_t *cache, const char *peer) {
    mk_tls_cached_t **link = link_of(cache, peer), *entry = *link;
    if (entry == NULL) return NULL;
    if (mk_port_now_us() - entry->put_us > AGE_MAX_US) {
        remove_at(cache, link);
        return NULL;
    }
    *link = entry->next;
    entry->next = cache->newest;
    cache->newest = entry;
    return entry->session;
}

void mk_tls_cache_put(mk_tls_cache_t *cache, const char *peer, void *session) {
    mk_tls_cache_forget(cache, peer);
    size_t           size = strlen(peer) + 1;
    mk_tls_cached_t *entry = mk_alloc(sizeof(*entry) + size);
    if (entry == NULL) {
        cache->drop(session);
        return;
    }
    if (cache->n == MK_TLS_CACHE_MAX) remove_oldest(cache);
    entry->session = session;
    entry->put_us = mk_port_now_us();
    memcpy(entry->peer, peer, size);
    entry->next = cache->newest;
    cache->newest = entry;
    cache->n++;
}

void mk_tls_cache_forget(mk_tls_cache_t *cache, const char *peer) {
    mk_tls_cached_t **link = link_of(cache, peer);
    if (*link != NULL) remove_at(cache, link);
}

void mk_tls_cache_fini(mk_tls_cache_t *cache) {
    while (cache->newest != NULL) remove_at(cache, &cache->newest);
}
