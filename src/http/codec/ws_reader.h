/* SPDX-License-Identifier: Apache-2.0 */
/* ws_reader.h -- bytes of a WebSocket in, messages and control frames out (RFC 6455 sections 5 to 8, RFC 7692). All that a peer
 * may get wrong is found out here, as early as it can be: masking, reserved bits, opcodes, lengths, fragments, UTF-8, close
 * codes, sizes, compressed data. No I/O, no clock.
 *
 * Payloads are unmasked on their way out of the caller's bytes, straight to where the message will stay: memory that `room`
 * gives when the size is known, which is each message in one frame that is not compressed. Others are gathered first. A control
 * frame is read when it is whole; no bytes of it are used before. Between messages nothing is held, but a window when the
 * terms ask for one. */
#ifndef MK_HTTP_CODEC_WS_READER_H
#define MK_HTTP_CODEC_WS_READER_H

#include "base/buffer.h"
#include "base/utf8.h"
#include "http/codec/deflate.h"
#include "http/codec/ws_extension.h"
#include "http/codec/ws_frame.h"

typedef struct mk_ws_reader mk_ws_reader_t;

/* Memory for a message of `size` bytes, which may never be finished: then the next call, or nobody, asks for it again. NULL:
 * out of memory. */
typedef uint8_t *mk_ws_room_fn(mk_ws_reader_t *reader, bool binary, size_t size);

struct mk_ws_reader {
    mk_ws_room_fn *room;         /* NULL: messages are gathered here and borrowed                     */
    mk_inflater_t *inflater;
    mk_buffer_t    gathered;     /* of a message whose size is not known yet                          */
    uint8_t       *direct;       /* of one whose size is: where its next byte goes, NULL: gathered    */
    uint64_t       left;         /* bytes of the frame that have not come                             */
    uint64_t       wire_bytes;   /* of a compressed message, so far                                   */
    size_t         size;         /* of the message in `direct`                                        */
    size_t         bytes_max;    /* of a message, inflated                                            */
    mk_utf8_t      utf8;
    uint8_t        mask[4];      /* turned so that the next byte is mask[0]'s                         */
    uint8_t        opcode;       /* of the message that has begun, 0: none has                        */
    uint8_t        bits;         /* of the peer's window                                              */
    bool           server;       /* we are the server: frames come masked                             */
    bool           deflate, takeover;
    bool           in_frame, fin, compressed;
};

typedef enum mk_ws_event {
    MK_WS_MORE,    /* what is left has to be offered again with more behind it                         */
    MK_WS_MESSAGE, /* `data`, `size`, `binary`                                                         */
    MK_WS_PING,    /* `data`, `size`                                                                   */
    MK_WS_PONG,    /* `data`, `size`                                                                   */
    MK_WS_CLOSE,   /* `code` (maybe NO_STATUS); the reason in `data`, `size`. Nothing may follow       */
    MK_WS_FAIL,    /* `code` is what to close with, `why` a few words for people. Nothing is read after it */
} mk_ws_event_t;

/* Borrowed: a message from `room` is where that put it; else valid until the next call. */
typedef struct mk_ws_item {
    const uint8_t *data;
    size_t         size;
    const char    *why;
    uint16_t       code;
    bool           binary;
    uint8_t        control[MK_WS_CONTROL_BYTES_MAX];
} mk_ws_item_t;

void mk_ws_reader_init(mk_ws_reader_t *reader, bool server, const mk_ws_terms_t *terms, size_t message_bytes_max,
                       mk_ws_room_fn *room);
void mk_ws_reader_fini(mk_ws_reader_t *reader);

/* Reads up to the next event; *used bytes are done with. */
mk_ws_event_t mk_ws_read(mk_ws_reader_t *reader, const uint8_t *bytes, size_t size, size_t *used, mk_ws_item_t *item);

/* Appends a whole frame. head->size bytes of payload are masked with head->mask when head->masked. False: out of memory. */
bool mk_ws_append_frame(mk_buffer_t *out, const mk_ws_head_t *head, const void *payload);

#endif
