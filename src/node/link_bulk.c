/* SPDX-License-Identifier: Apache-2.0 */
/* link_bulk.c -- large payloads on their way out: a piece of each in turn, so that none waits for another, and small messages wait
 * for none of them, but those between the same two actors.
 *
 * A pair is two actors between whom a large payload waits, with all that was sent between them since, in order. It begins when
 * what was in the data lane before it has left, and is gone when it is empty; then the pair's messages take the data lane again.
 *
 * Invariant: while a pair is there no frame between its two actors is put into the data lane. */
#include "node/link_parts.h"

enum { BUCKETS = 64 };

/* A large payload, or (buf NULL) a row of small frames. */
typedef struct item {
    struct item      *next;
    message_buffer_t *buf;
    mk_wire_data_t    data;
    size_t            at; /* bytes of the payload that have left                    */
    uint32_t          stream;
    mk_link_lane_t    lane;
} item_t;

typedef struct pair {
    struct pair *chain;          /* in its bucket                                     */
    struct pair *before, *after; /* in the circle of all                              */
    uint32_t     source, dest;
    uint64_t     begin; /* when so much has left the data lane               */
    item_t      *first, *last;
} pair_t;

struct mk_link_bulk {
    pair_t  *bucket[BUCKETS];
    pair_t  *turn; /* whose it is                                                     */
    uint64_t announced;
    uint32_t streams, stream_last;
    uint8_t  frame[MK_WIRE_FRAGMENT_FIRST_BYTES_MAX + MK_LINK_PIECE_BYTES];
};

static pair_t **bucket_of(mk_link_bulk_t *bulk, uint32_t source, uint32_t dest) {
    uint32_t mixed = (source * 0x9e3779b1u ^ dest) * 0x85ebca6bu;
    return &bulk->bucket[mixed >> 26];
}

_Static_assert(BUCKETS == 1 << (32 - 26), "see bucket_of()");

static pair_t *find(const mk_link_t *link, uint32_t source, uint32_t dest) {
    if (link->bulk == NULL) return NULL;
    pair_t *pair = *bucket_of(link->bulk, source, dest);
    while (pair != NULL && (pair->source != source || pair->dest != dest)) pair = pair->chain;
    return pair;
}

bool mk_link_bulk_has(const mk_link_t *link, uint32_t source, uint32_t dest) {
    return find(link, source, dest) != NULL;
}

bool mk_link_bulk_has_any(const mk_link_t *link, uint32_t dest) {
    const pair_t *begin = link->bulk != NULL ? link->bulk->turn : NULL, *pair = begin;
    if (begin == NULL) return false;
    do
        if (pair->dest == dest) return true;
    while ((pair = pair->after) != begin);
    return false;
}

/* ---- pairs ------------------------------------------------------------------------------------------------------------------ */

static pair_t *pair_add(mk_link_t *link, uint32_t source, uint32_t dest) {
    mk_link_bulk_t *bulk = link->bulk;
    pair_t         *pair = mk_calloc(1, sizeof *pair);
    if (pair == NULL) return NULL;
    pair_t **at = bucket_of(bulk, source, dest);
    *pair = (pair_t){.chain = *at, .source = source, .dest = dest};
    *at = pair;
    pair->begin = link->gone + mk_link_lane_bytes(&link->data);
    pair->before = bulk->turn != NULL ? bulk->turn->before : pair;
    pair->after = bulk->turn != NULL ? bulk->turn : pair;
    pair->before->after = pair;
    pair->after->before = pair;
    if (bulk->turn == NULL) bulk->turn = pair;
    return pair;
}

static void pair_remove(mk_link_t *link, pair_t *pair) {
    mk_link_bulk_t *bulk = link->bulk;
    pair_t        **at = bucket_of(bulk, pair->source, pair->dest);
    while (*at != pair) at = &(*at)->chain;
    *at = pair->chain;
    pair->before->after = pair->after;
    pair->after->before = pair->before;
    if (bulk->turn == pair) bulk->turn = pair->after != pair ? pair->after : NULL;
    mk_free(pair);
}

static void item_free(mk_link_t *link, item_t *item) {
    link->bulk_bytes -= item->buf != NULL ? item->data.payload.size - item->at : mk_link_lane_bytes(&item->lane);
    if (item->buf != NULL) message_buffer_release(item->buf);
    mk_link_lane_free(&item->lane);
    mk_free(item);
}

static item_t *item_add(pair_t *pair) {
    item_t *item = mk_calloc(1, sizeof *item);
    if (item == NULL) return NULL;
    if (pair->first == NULL) pair->first = item;
    else pair->last->next = item;
    pair->last = item;
    return item;
}

/* Takes the first item out; the last one takes the pair with it, and the last pair all of it. */
static void item_done(mk_link_t *link, pair_t *pair) {
    item_t  *item = pair->first;
    uint32_t dest = pair->dest;
    pair->first = item->next;
    item_free(link, item);
    if (pair->first != NULL) return;
    pair_remove(link, pair);
    if (link->bulk->turn == NULL) mk_link_bulk_free(link);
    if (link->stopped.n != 0) mk_link_say_stopped(link, dest);
}

void mk_link_bulk_free(mk_link_t *link) {
    mk_link_bulk_t *bulk = link->bulk;
    if (bulk == NULL) return;
    for (pair_t *pair; (pair = bulk->turn) != NULL; pair_remove(link, pair)) {
        for (item_t *item = pair->first, *next; item != NULL; item = next) {
            next = item->next;
            item_free(link, item);
        }
    }
    link->bulk_stream_last = bulk->stream_last;
    link->bulk = NULL;
    link->detour &= ~(uint32_t)MK_LINK_HAS_BULK;
    mk_free(bulk);
}

/* ---- queueing ------------------------------------------------------------------------------------------------------------- */

static mk_err_t bulk_open(mk_link_t *link) {
    if (link->bulk != NULL) return MK_OK;
    mk_link_bulk_t *bulk = mk_alloc(sizeof *bulk);
    if (bulk == NULL) return MK_ERR_NOMEM;
    memset(bulk, 0, offsetof(mk_link_bulk_t, frame));
    bulk->stream_last = link->bulk_stream_last;
    link->bulk = bulk;
    link->detour |= MK_LINK_HAS_BULK;
    return MK_OK;
}

mk_err_t mk_link_bulk_add(mk_link_t *link, const mk_wire_data_t *data, message_buffer_t *buf) {
    if (bulk_open(link) != MK_OK) return MK_ERR_NOMEM;
    pair_t *pair = find(link, data->source, data->dest), *added = NULL;
    if (pair == NULL) pair = added = pair_add(link, data->source, data->dest);
    item_t *item = pair != NULL ? item_add(pair) : NULL;
    if (item == NULL) {
        if (added != NULL) pair_remove(link, added);
        if (link->bulk->turn == NULL) mk_link_bulk_free(link);
        return MK_ERR_NOMEM;
    }
    item->buf = buf;
    item->data = *data;
    item->data.payload = (mk_slice_t){message_buffer_data(buf), message_buffer_size(buf)};
    link->bulk_bytes += item->data.payload.size;
    return MK_OK;
}

uint8_t *mk_link_bulk_room(mk_link_t *link, uint32_t source, uint32_t dest, size_t size) {
    pair_t *pair = find(link, source, dest);
    item_t *item = pair->last->buf == NULL ? pair->last : item_add(pair);
    return item != NULL ? mk_buffer_reserve(&item->lane.row, size) : NULL;
}

void mk_link_bulk_put(mk_link_t *link, uint32_t source, uint32_t dest, size_t size) {
    find(link, source, dest)->last->lane.row.size += size;
    link->bulk_bytes += size;
}

/* ---- on the way out ------------------------------------------------------------------------------------------------------ */

static bool may_begin(const mk_link_t *link, const item_t *item) {
    const mk_link_bulk_t *bulk = link->bulk;
    uint64_t              together = bulk->announced + item->data.payload.size;
    return bulk->streams < MK_WIRE_STREAMS_MAX && together <= link->hello.message_max;
}

static bool is_ready(const mk_link_t *link, const pair_t *pair) {
    const item_t *item = pair->first;
    if (item->buf != NULL && item->at != 0) return true;
    return link->gone >= pair->begin && (item->buf == NULL || may_begin(link, item));
}

static bool step_row(mk_link_t *link, pair_t *pair) {
    mk_link_lane_t *lane = &pair->first->lane;
    uint64_t        credit = mk_link_credit(link);
    size_t          n = mk_link_whole_frames(lane, credit < MK_LINK_ROW_BYTES ? credit : MK_LINK_ROW_BYTES);
    size_t          taken = n != 0 ? mk_link_write(link, lane->row.bytes + lane->at, n) : 0;
    link->bulk_bytes -= taken;
    mk_link_lane_drop(lane, taken);
    if (mk_link_lane_bytes(lane) != 0) return taken != 0;
    item_done(link, pair);
    return true;
}

static bool step_payload(mk_link_t *link, pair_t *pair) {
    mk_link_bulk_t    *bulk = link->bulk;
    item_t            *item = pair->first;
    size_t             total = item->data.payload.size, left = total - item->at;
    size_t             piece = left < link->short_max ? left : link->short_max;
    mk_wire_fragment_t fragment = {.stream = item->stream,
                                   .first = item->at == 0,
                                   .last = piece == left,
                                   .total = (uint32_t)total,
                                   .data = item->data};
    if (MK_WIRE_FRAGMENT_FIRST_BYTES_MAX + piece > mk_link_credit(link)) return false;
    if (fragment.first) fragment.stream = bulk->stream_last + 1 != 0 ? bulk->stream_last + 1 : 1;
    fragment.data.payload = (mk_slice_t){(const uint8_t *)item->data.payload.data + item->at, piece};
    if (mk_link_write(link, bulk->frame, mk_wire_put_fragment(bulk->frame, &fragment)) == 0) return false;
    if (fragment.first) {
        item->stream = bulk->stream_last = fragment.stream;
        bulk->streams++;
        bulk->announced += total;
    }
    item->at += piece;
    link->bulk_bytes -= piece;
    if (fragment.last) {
        bulk->streams--;
        bulk->announced -= total;
        item_done(link, pair);
    }
    return true;
}

/* The next pair that is ready, in turn; NULL: none. */
static pair_t *next_ready(const mk_link_t *link) {
    pair_t *begin = link->bulk != NULL ? link->bulk->turn : NULL, *pair = begin;
    while (pair != NULL && !is_ready(link, pair)) pair = pair->after != begin ? pair->after : NULL;
    return pair;
}

bool mk_link_bulk_is_ready(const mk_link_t *link) { return next_ready(link) != NULL; }

bool mk_link_bulk_step(mk_link_t *link) {
    mk_link_bulk_t *bulk = link->bulk;
    pair_t         *pair = next_ready(link);
    bulk->turn = pair->after;
    if (pair->first->buf == NULL ? step_row(link, pair) : step_payload(link, pair)) return true;
    bulk->turn = pair; /* it keeps its turn */
    return false;
}
