/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c -- what a stream has still to send: a list of chunks, oldest first. Copies share the last chunk while it has room;
 * shared bytes are pointed at. Invariant: out_bytes is the sum of the sizes, none of which is 0. */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { BODY_ROOM = MK_CHUNK_BYTES - sizeof(mk_chunk_t) };

static mk_chunk_t *take_body(mk_chunk_cache_t *cache) {
    mk_chunk_t *chunk = cache->body;
    if (chunk == NULL) return mk_alloc(MK_CHUNK_BYTES);
    cache->body = chunk->next;
    cache->bodies--;
    return chunk;
}

static mk_chunk_t *take_shared(mk_chunk_cache_t *cache) {
    mk_chunk_t *chunk = cache->shared;
    if (chunk == NULL) return mk_alloc(sizeof *chunk);
    cache->shared = chunk->next;
    cache->shareds--;
    return chunk;
}

static void give_back(mk_chunk_cache_t *cache, mk_chunk_t *chunk) {
    if (chunk->kind == MK_CHUNK_BODY && cache->bodies < MK_CACHED_BODIES_MAX) {
        chunk->next = cache->body;
        cache->body = chunk;
        cache->bodies++;
    } else if (chunk->kind == MK_CHUNK_SHARED && cache->shareds < MK_CACHED_SHARED_MAX) {
        chunk->next = cache->shared;
        cache->shared = chunk;
        cache->shareds++;
    } else {
        mk_free(chunk);
    }
}

static void free_list(mk_chunk_t *chunk) {
    for (mk_chunk_t *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        mk_free(chunk);
    }
}

void mk_queue_cache_fini(mk_chunk_cache_t *cache) {
    free_list(cache->body);
    free_list(cache->shared);
    *cache = (mk_chunk_cache_t){0};
}

/* The chunk goes first: who is told may do anything. */
static void free_chunk(mk_net_t *net, mk_chunk_t *chunk) {
    mk_stream_release_fn *release = chunk->kind == MK_CHUNK_SHARED ? chunk->release : NULL;
    void                 *owner = chunk->owner;
    give_back(&net->cache, chunk);
    if (release != NULL) release(owner);
}

static void put(mk_stream_t *stream, mk_chunk_t *chunk) {
    chunk->next = NULL;
    if (stream->out == NULL) stream->out = chunk;
    else stream->out_last->next = chunk;
    stream->out_last = chunk;
}

static mk_chunk_t *new_copy(mk_net_t *net, size_t size) {
    bool        large = size > BODY_ROOM;
    mk_chunk_t *chunk = NULL;
    if (!large) chunk = take_body(&net->cache);
    else if (size <= SIZE_MAX - sizeof *chunk) chunk = mk_alloc(sizeof *chunk + size);
    if (chunk == NULL) return NULL;
    chunk->data = chunk->bytes;
    chunk->size = 0;
    chunk->kind = large ? MK_CHUNK_LARGE : MK_CHUNK_BODY;
    chunk->room = large ? 0 : (uint32_t)BODY_ROOM;
    return chunk;
}

/* Behind what the chunk has; who calls knows that there is room. */
static void fill(mk_chunk_t *chunk, const void *data, size_t size) {
    mk_assert(chunk != NULL);
    memcpy(chunk->bytes + (chunk->data - chunk->bytes) + chunk->size, data, size);
    chunk->size += size;
    if (chunk->kind == MK_CHUNK_BODY) chunk->room -= (uint32_t)size;
}

/* Copies the slices but for their first `skip` bytes; all or nothing. */
bool mk_queue_append(mk_stream_t *stream, const mk_slice_t *slices, int n, size_t skip) {
    size_t total = 0;
    for (int i = 0; i < n; i++) total += slices[i].size;
    mk_assert(skip <= total);
    total -= skip;
    if (total == 0) return true;
    mk_chunk_t *last = stream->out != NULL && stream->out_last->kind == MK_CHUNK_BODY ? stream->out_last : NULL;
    size_t      room = last != NULL ? last->room : 0;
    mk_chunk_t *more = total > room ? new_copy(stream->net, total - room) : NULL;
    if (total > room && more == NULL) return false;
    for (int i = 0; i < n; i++) {
        const uint8_t *data = slices[i].data;
        size_t         size = slices[i].size, passed = skip < size ? skip : size;
        skip -= passed;
        data += passed;
        size -= passed;
        size_t here = size < room ? size : room;
        if (here != 0) fill(last, data, here);
        if (size != here) fill(more, data + here, size - here);
        room -= here;
    }
    if (more != NULL) put(stream, more);
    stream->out_bytes += total;
    return true;
}

bool mk_queue_share(mk_stream_t *stream, const void *data, size_t size, mk_stream_release_fn *release, void *owner) {
    mk_chunk_t *chunk = take_shared(&stream->net->cache);
    if (chunk == NULL) return false;
    *chunk = (mk_chunk_t){.data = data, .size = size, .kind = MK_CHUNK_SHARED, .release = release, .owner = owner};
    put(stream, chunk);
    stream->out_bytes += size;
    return true;
}

int mk_queue_slices(const mk_stream_t *stream, mk_slice_t *out, int max, size_t *bytes) {
    int n = 0;
    *bytes = 0;
    for (const mk_chunk_t *chunk = stream->out; chunk != NULL && n < max; chunk = chunk->next) {
        out[n++] = (mk_slice_t){chunk->data, chunk->size};
        *bytes += chunk->size;
    }
    return n;
}

/* Releasing may close the stream, so it comes last. */
void mk_queue_consume(mk_stream_t *stream, size_t size) {
    mk_net_t   *net = stream->net;
    mk_chunk_t *done = NULL, **done_last = &done;
    mk_assert(size <= stream->out_bytes);
    stream->out_bytes -= size;
    while (size != 0) {
        mk_chunk_t *chunk = stream->out;
        if (size < chunk->size) {
            chunk->data += size;
            chunk->size -= size;
            break;
        }
        size -= chunk->size;
        stream->out = chunk->next;
        *done_last = chunk;
        done_last = &chunk->next;
    }
    *done_last = NULL;
    mk_queue_drop(net, done);
}

void mk_queue_drop(mk_net_t *net, mk_chunk_t *first) {
    for (mk_chunk_t *next; first != NULL; first = next) {
        next = first->next;
        free_chunk(net, first);
    }
}
