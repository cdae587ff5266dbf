/* SPDX-License-Identifier: Apache-2.0 */
/* ws_reader.c -- see ws_reader.h. */
#include "http/codec/ws_reader.h"

#include <string.h>

enum {
    /* A head that announces this much may have the memory at once; one that announces more gets it as the bytes come. */
    DIRECT_BYTES_MAX = 65536,
    INFLATE_BYTES = 4096, /* unmasked at a time on their way to the inflater */
};

void mk_ws_reader_init(mk_ws_reader_t *reader, bool server, const mk_ws_terms_t *terms, size_t message_bytes_max,
                       mk_ws_room_fn *room) {
    uint8_t bits = server ? terms->client_bits : terms->server_bits;
    *reader = (mk_ws_reader_t){
        .room = room,
        .bytes_max = message_bytes_max,
        .bits = bits != 0 ? bits : MK_WS_BITS_MAX,
        .server = server,
        .deflate = terms->deflate,
        .takeover = server ? terms->client_takeover : terms->server_takeover,
    };
}

void mk_ws_reader_fini(mk_ws_reader_t *reader) {
    mk_inflater_destroy(reader->inflater);
    reader->inflater = NULL;
    mk_buffer_free(&reader->gathered);
}

static mk_ws_event_t fail(mk_ws_item_t *item, uint16_t code, const char *why) {
    item->code = code;
    item->why = why;
    return MK_WS_FAIL;
}

static mk_ws_event_t fail_for(mk_ws_item_t *item, mk_err_t err) {
    switch (err) {
    case MK_ERR_TOOLONG: return fail(item, MK_WS_CLOSE_TOO_BIG, "the message is too long");
    case MK_ERR_FORMAT: return fail(item, MK_WS_CLOSE_INVALID_DATA, "the compressed data is malformed");
    default: return fail(item, MK_WS_CLOSE_INTERNAL, "out of memory");
    }
}

/* What a message may take on the wire, compressed: more than plain, but blocks without content do not go on for ever. */
static uint64_t wire_bytes_max(const mk_ws_reader_t *reader) {
    return (uint64_t)reader->bytes_max + reader->bytes_max / 8 + 1024;
}

/* A frame of data: does it follow upon what came before, and is it short enough? */
static mk_ws_event_t begin_frame(mk_ws_reader_t *reader, const mk_ws_head_t *head, size_t at_hand, mk_ws_item_t *item) {
    bool first = head->opcode != MK_WS_OP_CONTINUATION;
    if (first == (reader->opcode != 0)) {
        return fail(item, MK_WS_CLOSE_PROTOCOL, first ? "the message before is not finished" : "nothing to continue");
    }
    if (head->rsv1 && (!first || !reader->deflate)) return fail(item, MK_WS_CLOSE_PROTOCOL, "a reserved bit is set");
    if (first) {
        reader->opcode = head->opcode;
        reader->compressed = head->rsv1;
        reader->utf8 = (mk_utf8_t){0};
        reader->wire_bytes = 0;
        reader->direct = NULL;
    }
    if (reader->compressed) {
        if (head->size > wire_bytes_max(reader) - reader->wire_bytes) return fail_for(item, MK_ERR_TOOLONG);
        reader->wire_bytes += head->size;
        if (reader->inflater == NULL) {
            mk_err_t err = mk_inflater_create(reader->bits, &reader->inflater);
            if (err != MK_OK) return fail_for(item, err);
        }
    } else if (head->size > reader->bytes_max - reader->gathered.size) {
        return fail_for(item, MK_ERR_TOOLONG);
    }
    if (first && head->fin && !head->rsv1 && reader->room != NULL &&
        (head->size <= DIRECT_BYTES_MAX || head->size <= at_hand)) {
        reader->size = (size_t)head->size;
        reader->direct = reader->room(reader, head->opcode == MK_WS_OP_BINARY, reader->size);
        if (reader->direct == NULL) return fail_for(item, MK_ERR_NOMEM);
    }
    reader->in_frame = true;
    reader->fin = head->fin;
    reader->left = head->size;
    memcpy(reader->mask, head->mask, sizeof reader->mask);
    return MK_WS_MORE;
}

/* The next bytes of the frame, unmasked to `to`. */
static void unmask(mk_ws_reader_t *reader, uint8_t *to, const uint8_t *bytes, size_t size) {
    uint8_t turned[4];
    if (!reader->server) {
        memcpy(to, bytes, size);
        return;
    }
    mk_ws_mask(to, bytes, size, reader->mask, 0);
    for (size_t i = 0; i < sizeof turned; i++) turned[i] = reader->mask[(size + i) % 4];
    memcpy(reader->mask, turned, sizeof turned);
}

static mk_err_t gather_compressed(mk_ws_reader_t *reader, const uint8_t *bytes, size_t size) {
    uint8_t  plain[INFLATE_BYTES];
    mk_err_t err = MK_OK;
    for (size_t at = 0; at < size && err == MK_OK;) {
        size_t piece = size - at < sizeof plain ? size - at : sizeof plain;
        unmask(reader, plain, bytes + at, piece);
        err = mk_inflate(reader->inflater, plain, piece, reader->bytes_max, &reader->gathered);
        at += piece;
    }
    return err;
}

static mk_err_t gather(mk_ws_reader_t *reader, const uint8_t *bytes, size_t size) {
    if (reader->compressed) return gather_compressed(reader, bytes, size);
    uint8_t *to = mk_buffer_reserve(&reader->gathered, size);
    if (to == NULL) return MK_ERR_NOMEM;
    unmask(reader, to, bytes, size);
    reader->gathered.size += size;
    return MK_OK;
}

static mk_ws_event_t check_text(mk_ws_reader_t *reader, const uint8_t *text, size_t size, mk_ws_item_t *item) {
    if (reader->opcode != MK_WS_OP_TEXT || mk_utf8_update(&reader->utf8, text, size)) return MK_WS_MORE;
    return fail(item, MK_WS_CLOSE_INVALID_DATA, "text that is not UTF-8");
}

/* Bytes of the frame's payload. */
static mk_ws_event_t take_payload(mk_ws_reader_t *reader, const uint8_t *bytes, size_t size, mk_ws_item_t *item) {
    if (size == 0) return MK_WS_MORE;
    reader->left -= size;
    if (reader->direct != NULL) {
        uint8_t *to = reader->direct;
        unmask(reader, to, bytes, size);
        reader->direct += size;
        return check_text(reader, to, size, item);
    }
    size_t   before = reader->gathered.size;
    mk_err_t err = gather(reader, bytes, size);
    if (err != MK_OK) return fail_for(item, err);
    return check_text(reader, reader->gathered.bytes + before, reader->gathered.size - before, item);
}

/* The inflater's last words, which may be some more text. */
static mk_ws_event_t end_compressed(mk_ws_reader_t *reader, mk_ws_item_t *item) {
    size_t   before = reader->gathered.size;
    mk_err_t err = mk_inflate_end(reader->inflater, reader->bytes_max, &reader->gathered);
    if (!reader->takeover) {
        mk_inflater_destroy(reader->inflater);
        reader->inflater = NULL;
    }
    if (err != MK_OK) return fail_for(item, err);
    size_t more = reader->gathered.size - before;
    return more > 0 ? check_text(reader, reader->gathered.bytes + before, more, item) : MK_WS_MORE;
}

static mk_ws_event_t end_message(mk_ws_reader_t *reader, mk_ws_item_t *item) {
    if (reader->compressed) {
        mk_ws_event_t event = end_compressed(reader, item);
        if (event != MK_WS_MORE) return event;
    }
    if (reader->opcode == MK_WS_OP_TEXT && !mk_utf8_is_complete(&reader->utf8)) {
        return fail(item, MK_WS_CLOSE_INVALID_DATA, "text that ends inside of a character");
    }
    item->binary = reader->opcode == MK_WS_OP_BINARY;
    reader->opcode = 0;
    if (reader->direct != NULL) {
        item->data = reader->direct - reader->size;
        item->size = reader->size;
        return MK_WS_MESSAGE;
    }
    item->size = reader->gathered.size;
    item->data = reader->gathered.bytes;
    if (reader->room == NULL) return MK_WS_MESSAGE; /* borrowed until the next call */
    uint8_t *room = reader->room(reader, item->binary, item->size);
    if (room == NULL) return fail_for(item, MK_ERR_NOMEM);
    if (item->data != NULL) memcpy(room, item->data, item->size); /* NULL: an empty one */
    item->data = room;
    mk_buffer_free(&reader->gathered);
    return MK_WS_MESSAGE;
}

/* A control frame that is whole. */
static mk_ws_event_t take_control(mk_ws_reader_t *reader, const mk_ws_head_t *head, const uint8_t *payload,
                                  mk_ws_item_t *item) {
    size_t      size = (size_t)head->size;
    const char *reason;
    if (reader->server) {
        mk_ws_mask(item->control, payload, size, head->mask, 0);
    } else {
        memcpy(item->control, payload, size);
    }
    item->data = item->control;
    item->size = size;
    if (head->opcode == MK_WS_OP_PING) return MK_WS_PING;
    if (head->opcode == MK_WS_OP_PONG) return MK_WS_PONG;
    if (!mk_ws_close_parse(item->control, size, &item->code, &reason, &item->size)) {
        return fail(item, item->code, "a malformed close frame");
    }
    item->data = (const uint8_t *)reason;
    return MK_WS_CLOSE;
}

/* The head of the next frame, and all of it when it is a control frame. *used 0: not all there yet. */
static mk_ws_event_t take_head(mk_ws_reader_t *reader, const uint8_t *bytes, size_t size, size_t *used,
                               mk_ws_item_t *item) {
    mk_ws_head_t head;
    *used = 0;
    switch (mk_ws_head_parse(bytes, size, &head)) {
    case MK_OK: break;
    case MK_ERR_CLOSED: return MK_WS_MORE;
    default: return fail(item, MK_WS_CLOSE_PROTOCOL, "a malformed frame");
    }
    if (head.masked != reader->server) {
        return fail(item, MK_WS_CLOSE_PROTOCOL, head.masked ? "a masked frame from a server" : "a frame without mask");
    }
    if (head.opcode < MK_WS_OP_CLOSE) {
        *used = head.bytes;
        return begin_frame(reader, &head, size - head.bytes, item);
    }
    if (size - head.bytes < head.size) return MK_WS_MORE;
    *used = head.bytes + (size_t)head.size;
    return take_control(reader, &head, bytes + head.bytes, item);
}

mk_ws_event_t mk_ws_read(mk_ws_reader_t *reader, const uint8_t *bytes, size_t size, size_t *used, mk_ws_item_t *item) {
    mk_ws_event_t event = MK_WS_MORE;
    size_t        at = 0;
    if (reader->opcode == 0 && reader->gathered.bytes != NULL) mk_buffer_free(&reader->gathered);
    while (event == MK_WS_MORE) {
        size_t piece = 0;
        if (!reader->in_frame) {
            event = take_head(reader, bytes + at, size - at, &piece, item);
            at += piece;
            if (piece == 0 || event != MK_WS_MORE || !reader->in_frame) break;
        }
        piece = reader->left < size - at ? (size_t)reader->left : size - at;
        event = take_payload(reader, bytes + at, piece, item);
        at += piece;
        if (event != MK_WS_MORE || reader->left > 0) break;
        reader->in_frame = false;
        if (reader->fin) event = end_message(reader, item);
    }
    *used = at;
    return event;
}

bool mk_ws_append_frame(mk_buffer_t *out, const mk_ws_head_t *head, const void *payload) {
    size_t   size = (size_t)head->size;
    uint8_t *to = mk_buffer_reserve(out, MK_WS_HEAD_BYTES_MAX + size);
    if (to == NULL) return false;
    size_t head_bytes = mk_ws_head_write(head, to);
    if (head->masked) {
        mk_ws_mask(to + head_bytes, payload, size, head->mask, 0);
    } else if (size > 0) {
        memcpy(to + head_bytes, payload, size);
    }
    out->size += head_bytes + size;
    return true;
}
