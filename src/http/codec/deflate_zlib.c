/* SPDX-License-Identifier: Apache-2.0 */
/* deflate_zlib.c -- see deflate.h. */
#define ZLIB_CONST
#include "http/codec/deflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    /* The loop waits while we compress: three quarters of what zlib can save, in a third of the time. */
    LEVEL = 1,
    /* Memory for hashes in proportion to the window, as zlib's default (8 at 15 bits) has it. */
    BITS_TO_MEM_LEVEL = 7,
    /* A sync flush: an empty stored block, of which the protocol leaves out the last four bytes. */
    TAIL_BYTES = 4,
    FLUSH_ROOM = 16,
    INFLATE_ROOM_MIN = 256,
    INFLATE_ROOM_MAX = 16384,
    /* A sender may end the stream in a message (RFC 7692 section 7.2.3.4), and then the window is moved over by hand. One that
     * does so every other byte wants to keep us busy. */
    ENDS_MAX = 8,
};

static const uint8_t tail[TAIL_BYTES] = {0x00, 0x00, 0xFF, 0xFF};

struct mk_deflater {
    z_stream z;
};

struct mk_inflater {
    z_stream z;
    unsigned ends; /* of the stream, in this message */
};

static voidpf take(voidpf opaque, uInt n, uInt size) {
    (void)opaque;
    return mk_calloc(n, size);
}

static void give(voidpf opaque, voidpf p) {
    (void)opaque;
    mk_free(p);
}

static mk_err_t err_of(int result) { return result == Z_MEM_ERROR ? MK_ERR_NOMEM : MK_ERR_FORMAT; }

bool mk_deflate_is_available(void) { return true; }

/* ---- out -------------------------------------------------------------------------------------------------------- */

mk_err_t mk_deflater_create(unsigned bits, mk_deflater_t **out) {
    if (bits < MK_DEFLATE_BITS_MIN || bits > MK_DEFLATE_BITS_MAX) return MK_ERR_INVALID;
    mk_deflater_t *deflater = mk_calloc(1, sizeof *deflater);
    if (deflater == NULL) return MK_ERR_NOMEM;
    deflater->z.zalloc = take;
    deflater->z.zfree = give;
    int mem_level = (int)bits - BITS_TO_MEM_LEVEL;
    if (deflateInit2(&deflater->z, LEVEL, Z_DEFLATED, -(int)bits, mem_level, Z_DEFAULT_STRATEGY) != Z_OK) {
        mk_free(deflater);
        return MK_ERR_NOMEM;
    }
    *out = deflater;
    return MK_OK;
}

void mk_deflater_destroy(mk_deflater_t *deflater) {
    if (deflater == NULL) return;
    deflateEnd(&deflater->z);
    mk_free(deflater);
}

/* Compresses to a sync flush. */
static bool deflate_all(z_stream *z, const uint8_t *bytes, size_t size, mk_buffer_t *out) {
    do {
        uInt piece = size < INT_MAX ? (uInt)size : INT_MAX;
        int  flush = piece == size ? Z_SYNC_FLUSH : Z_NO_FLUSH;
        z->next_in = bytes;
        z->avail_in = piece;
        do {
            size_t   room = deflateBound(z, z->avail_in) + FLUSH_ROOM;
            uint8_t *to = mk_buffer_reserve(out, room);
            if (to == NULL) return false;
            z->next_out = to;
            z->avail_out = (uInt)room;
            int result = deflate(z, flush);
            mk_assert(result == Z_OK || result == Z_BUF_ERROR);
            out->size += room - z->avail_out;
        } while (z->avail_out == 0);
        bytes += piece;
        size -= piece;
    } while (size > 0);
    return true;
}

mk_err_t mk_deflate_message(mk_deflater_t *deflater, const void *bytes, size_t size, bool takeover, mk_buffer_t *out) {
    size_t before = out->size;
    if (!deflate_all(&deflater->z, bytes, size, out)) {
        out->size = before;
        return MK_ERR_NOMEM;
    }
    mk_assert(out->size - before > TAIL_BYTES && memcmp(out->bytes + out->size - TAIL_BYTES, tail, TAIL_BYTES) == 0);
    out->size -= TAIL_BYTES;
    if (!takeover) deflateReset(&deflater->z);
    return MK_OK;
}

/* ---- in --------------------------------------------------------------------------------------------------------- */

mk_err_t mk_inflater_create(unsigned bits, mk_inflater_t **out) {
    mk_inflater_t *inflater = mk_calloc(1, sizeof *inflater);
    if (inflater == NULL) return MK_ERR_NOMEM;
    /* Senders that say 8 and use zlib may have been given a window of 9. */
    if (bits < MK_DEFLATE_BITS_MIN) bits = MK_DEFLATE_BITS_MIN;
    inflater->z.zalloc = take;
    inflater->z.zfree = give;
    if (inflateInit2(&inflater->z, -(int)bits) != Z_OK) {
        mk_free(inflater);
        return MK_ERR_NOMEM;
    }
    *out = inflater;
    return MK_OK;
}

void mk_inflater_destroy(mk_inflater_t *inflater) {
    if (inflater == NULL) return;
    inflateEnd(&inflater->z);
    mk_free(inflater);
}

/* The stream has ended; the next one begins with the same window. */
static mk_err_t begin_again(mk_inflater_t *inflater) {
    uInt size = 0;
    if (++inflater->ends > ENDS_MAX) return MK_ERR_FORMAT;
    uint8_t *window = mk_alloc((size_t)1 << MK_DEFLATE_BITS_MAX);
    if (window == NULL) return MK_ERR_NOMEM;
    int result = inflateGetDictionary(&inflater->z, window, &size);
    if (result == Z_OK) result = inflateReset(&inflater->z);
    if (result == Z_OK && size > 0) result = inflateSetDictionary(&inflater->z, window, size);
    mk_free(window);
    return result == Z_OK ? MK_OK : err_of(result);
}

/* One step: as much as fits into the room there is. Beyond the limit there is room for one byte that must not come. */
static mk_err_t inflate_some(mk_inflater_t *inflater, int flush, size_t limit, mk_buffer_t *out) {
    z_stream *z = &inflater->z;
    uint8_t   beyond;
    size_t    room = limit - out->size, wanted = (size_t)z->avail_in * 4;
    if (wanted < INFLATE_ROOM_MIN) wanted = INFLATE_ROOM_MIN;
    if (wanted > INFLATE_ROOM_MAX) wanted = INFLATE_ROOM_MAX;
    if (room > wanted) room = wanted;
    uint8_t *to = room > 0 ? mk_buffer_reserve(out, room) : &beyond;
    if (to == NULL) return MK_ERR_NOMEM;
    z->next_out = to;
    z->avail_out = room > 0 ? (uInt)room : 1;
    int    result = inflate(z, flush);
    size_t written = (size_t)(z->next_out - to);
    if (room == 0 && written > 0) return MK_ERR_TOOLONG;
    out->size += written;
    if (result == Z_STREAM_END) return begin_again(inflater);
    return result == Z_OK || result == Z_BUF_ERROR ? MK_OK : err_of(result);
}

static mk_err_t inflate_all(mk_inflater_t *inflater, const uint8_t *bytes, size_t size, int flush, size_t limit,
                            mk_buffer_t *out) {
    z_stream *z = &inflater->z;
    mk_assert(out->size <= limit && size <= UINT_MAX);
    z->next_in = bytes;
    z->avail_in = (uInt)size;
    do {
        mk_err_t err = inflate_some(inflater, flush, limit, out);
        if (err != MK_OK) return err;
    } while (z->avail_in > 0 || z->avail_out == 0);
    return MK_OK;
}

mk_err_t mk_inflate(mk_inflater_t *inflater, const void *bytes, size_t size, size_t limit, mk_buffer_t *out) {
    return size > 0 ? inflate_all(inflater, bytes, size, Z_SYNC_FLUSH, limit, out) : MK_OK;
}

mk_err_t mk_inflate_end(mk_inflater_t *inflater, size_t limit, mk_buffer_t *out) {
    enum { AT_A_BLOCKS_END = 128 }; /* as inflate() says in data_type, when asked to stop there */
    mk_err_t err = inflate_all(inflater, tail, TAIL_BYTES, Z_BLOCK, limit, out);
    inflater->ends = 0;
    if (err != MK_OK) return err;
    return (inflater->z.data_type & AT_A_BLOCKS_END) != 0 ? MK_OK : MK_ERR_FORMAT;
}
