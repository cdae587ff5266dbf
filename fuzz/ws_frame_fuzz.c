/* SPDX-License-Identifier: Apache-2.0 */
/* ws_frame_fuzz.c -- a WebSocket's bytes mean the same however they are cut; no message is longer than the limit, inflated or
 * not, and nothing is gathered beyond it; text is UTF-8; and what was read is read as the same again when it has been written.
 * The first byte says which side reads and what was agreed on. */
#include "codec_fuzz.h"

#include "http/codec/ws_reader.h"

enum { BYTES_MAX = 3000, SERVER = 1, DEFLATE = 2, TAKEOVER = 4, ROOM = 8, SMALL_WINDOW = 16 };

static uint8_t *room;

static uint8_t *give_room(mk_ws_reader_t *reader, bool binary, size_t size) {
    (void)reader;
    (void)binary;
    require(size <= BYTES_MAX);
    free(room);
    room = malloc(size > 0 ? size : 1);
    require(room != NULL);
    return room;
}

static void init(mk_ws_reader_t *reader, uint8_t how) {
    uint8_t       bits = (how & SMALL_WINDOW) != 0 ? 9 : 0;
    bool          takeover = (how & TAKEOVER) != 0;
    mk_ws_terms_t terms = {(how & DEFLATE) != 0, takeover, takeover, bits, bits};
    mk_ws_reader_init(reader, (how & SERVER) != 0, &terms, BYTES_MAX, (how & ROOM) != 0 ? give_room : NULL);
}

static void note(mk_buffer_t *out, mk_ws_event_t event, const mk_ws_item_t *item) {
    require(mk_buffer_printf(out, "%d ", event));
    if (event == MK_WS_CLOSE || event == MK_WS_FAIL) require(mk_buffer_printf(out, "%u ", item->code));
    if (event == MK_WS_MESSAGE) require(mk_buffer_printf(out, "%d ", item->binary));
    if (event == MK_WS_FAIL) return;
    require(mk_buffer_printf(out, "%zu:", item->size) && mk_buffer_append(out, item->data, item->size));
}

static void check(mk_ws_event_t event, const mk_ws_item_t *item) {
    switch (event) {
    case MK_WS_MORE: break;
    case MK_WS_MESSAGE:
        require(item->size <= BYTES_MAX && (item->binary || mk_utf8_is_valid(item->data, item->size)));
        break;
    case MK_WS_PING:
    case MK_WS_PONG: require(item->size <= MK_WS_CONTROL_BYTES_MAX); break;
    case MK_WS_CLOSE:
        require(item->code == MK_WS_CLOSE_NO_STATUS || mk_ws_close_code_is_valid(item->code));
        require(mk_utf8_is_valid(item->data, item->size));
        break;
    case MK_WS_FAIL: require(mk_ws_close_code_is_valid(item->code) && *item->why != '\0'); break;
    }
}

/* The same thing as a frame of our own. */
static void write_again(mk_buffer_t *out, bool masked, mk_ws_event_t event, const mk_ws_item_t *item,
                        mk_deflater_t *deflater) {
    mk_buffer_t  small = {0};
    uint8_t      close[MK_WS_CONTROL_BYTES_MAX];
    const void  *payload = item->data;
    mk_ws_head_t head = {
        .size = item->size, .fin = true, .masked = masked, .mask = {1, 0x80, 0x55, (uint8_t)out->size}};
    switch (event) {
    case MK_WS_MESSAGE:
        head.opcode = item->binary ? MK_WS_OP_BINARY : MK_WS_OP_TEXT;
        if (deflater != NULL && item->size > 0) {
            require(mk_deflate_message(deflater, item->data, item->size, false, &small) == MK_OK);
            payload = small.bytes;
            head.size = small.size;
            head.rsv1 = true;
        }
        break;
    case MK_WS_PING: head.opcode = MK_WS_OP_PING; break;
    case MK_WS_PONG: head.opcode = MK_WS_OP_PONG; break;
    case MK_WS_CLOSE:
        head.opcode = MK_WS_OP_CLOSE;
        head.size = mk_ws_close_write(item->code, (const char *)item->data, item->size, close);
        payload = close;
        break;
    default: return;
    }
    require(mk_ws_append_frame(out, &head, payload));
    mk_buffer_free(&small);
}

/* Reads it all in pieces, as a stream offers them. */
static void run(const cuts_t *cuts, uint8_t how, bool cut, mk_buffer_t *said, mk_buffer_t *again,
                mk_deflater_t *deflater) {
    mk_ws_reader_t reader;
    mk_ws_event_t  event = MK_WS_MORE;
    size_t         from = 0;
    init(&reader, how);
    for (size_t at = 0, index = 0; at < cuts->text_size && event == MK_WS_MORE; index++) {
        size_t   end = cut ? cut_end(cuts, at, index) : cuts->text_size;
        uint8_t *copy = copy_of(cuts->text + from, end - from);
        size_t   size = end - from, used, taken = 0;
        do {
            mk_ws_item_t item;
            event = mk_ws_read(&reader, copy + taken, size - taken, &used, &item);
            taken += used;
            require(taken <= size && reader.gathered.size <= BYTES_MAX);
            check(event, &item);
            if (event == MK_WS_MORE) break;
            note(said, event, &item);
            if (again != NULL) write_again(again, (how & SERVER) != 0, event, &item, deflater);
        } while (event != MK_WS_CLOSE && event != MK_WS_FAIL);
        require(event != MK_WS_MORE || size - taken < MK_WS_HEAD_BYTES_MAX + MK_WS_CONTROL_BYTES_MAX);
        from += taken;
        at = end;
        free(copy);
    }
    mk_ws_reader_fini(&reader);
    free(room);
    room = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mk_buffer_t    whole = {0}, pieces = {0}, again = {0}, twice = {0};
    mk_deflater_t *deflater = NULL;
    if (size == 0) return 0;
    uint8_t how = data[0];
    cuts_t  cuts = cuts_of(data + 1, size - 1);
    if ((how & DEFLATE) != 0 && !mk_deflate_is_available()) return 0;
    if ((how & DEFLATE) != 0) require(mk_deflater_create(9, &deflater) == MK_OK);
    run(&cuts, how, false, &whole, &again, deflater);
    run(&cuts, how, true, &pieces, NULL, NULL);
    require(same_bytes(&whole, &pieces));
    cuts_t ours = {again.bytes, NULL, again.size, 0};
    run(&ours, how, false, &twice, NULL, NULL);
    /* All but a failure at the end comes again. */
    require(twice.size <= whole.size && (twice.size == 0 || memcmp(twice.bytes, whole.bytes, twice.size) == 0));
    require(whole.size - twice.size <= 8);
    mk_deflater_destroy(deflater);
    mk_buffer_free(&whole);
    mk_buffer_free(&pieces);
    mk_buffer_free(&again);
    mk_buffer_free(&twice);
    return 0;
}
