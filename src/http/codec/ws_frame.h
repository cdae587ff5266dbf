/* SPDX-License-Identifier: Apache-2.0 */
/* ws_frame.h -- the frames of WebSocket (RFC 6455 section 5): heads, masks, and the payload of a close frame. No state. */
#ifndef MK_HTTP_CODEC_WS_FRAME_H
#define MK_HTTP_CODEC_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

typedef enum mk_ws_opcode {
    MK_WS_OP_CONTINUATION = 0x0,
    MK_WS_OP_TEXT = 0x1,
    MK_WS_OP_BINARY = 0x2,
    MK_WS_OP_CLOSE = 0x8,
    MK_WS_OP_PING = 0x9,
    MK_WS_OP_PONG = 0xA,
} mk_ws_opcode_t;

enum {
    MK_WS_HEAD_BYTES_MAX = 14,     /* 2, a length of 8, a mask of 4                                   */
    MK_WS_CONTROL_BYTES_MAX = 125, /* of a ping, a pong, a close                                      */
    MK_WS_REASON_BYTES_MAX = 123,  /* of a close, behind its code                                     */
};

/* Close codes (section 7.4.1). NO_STATUS and ABNORMAL are never sent: they tell what was not. */
enum {
    MK_WS_CLOSE_NORMAL = 1000,
    MK_WS_CLOSE_GOING_AWAY = 1001,
    MK_WS_CLOSE_PROTOCOL = 1002,
    MK_WS_CLOSE_UNSUPPORTED = 1003,
    MK_WS_CLOSE_NO_STATUS = 1005,   /* the close frame had no code       */
    MK_WS_CLOSE_ABNORMAL = 1006,    /* the connection ended without one  */
    MK_WS_CLOSE_INVALID_DATA = 1007,
    MK_WS_CLOSE_POLICY = 1008,
    MK_WS_CLOSE_TOO_BIG = 1009,
    MK_WS_CLOSE_EXTENSION = 1010,
    MK_WS_CLOSE_INTERNAL = 1011,
};

typedef struct mk_ws_head {
    uint64_t size;    /* of the payload                                    */
    uint8_t  opcode;  /* mk_ws_opcode_t                                    */
    uint8_t  bytes;   /* of the head itself                                */
    bool     fin, rsv1, masked;
    uint8_t  mask[4]; /* as it stands in the frame; with `masked`          */
} mk_ws_head_t;

/* MK_OK: *out is filled in. MK_ERR_CLOSED: not all of it is there yet. MK_ERR_PROTO: no frame may begin like this: reserved
 * bits 2 and 3, reserved opcodes, control frames that are fragmented, compressed or long, a length not in its shortest form or
 * with its top bit set. Found out as early as the bytes allow. */
MK_MUST_CHECK mk_err_t mk_ws_head_parse(const uint8_t *bytes, size_t size, mk_ws_head_t *out);

/* The head's bytes, shortest form; their number. `bytes` of *head is ignored. */
size_t mk_ws_head_write(const mk_ws_head_t *head, uint8_t out[MK_WS_HEAD_BYTES_MAX]);

/* to[i] = from[i] ^ mask[(phase + i) % 4], `phase` being how many bytes of the payload came before. `to` is `from` or does not
 * overlap it. Masking and unmasking are the same. */
void mk_ws_mask(uint8_t *to, const uint8_t *from, size_t size, const uint8_t mask[4], size_t phase);

/* Whether a close frame may carry this code, as the standard and its registry have it: 1000 to 1003, 1007 to 1014, 3000 to
 * 4999. */
bool mk_ws_close_code_is_valid(uint16_t code);

/* What a close frame says. An empty one: NO_STATUS. False: one byte, a code that may not be sent, or a reason that is not UTF-8;
 * then *code is what to answer. The reason lies in `payload`. */
bool mk_ws_close_parse(const uint8_t *payload, size_t size, uint16_t *code, const char **reason, size_t *reason_size);

/* The reverse; returns its size. `code` NO_STATUS: nothing. A reason that is too long is cut between two characters. */
size_t mk_ws_close_write(uint16_t code, const char *reason, size_t size, uint8_t out[MK_WS_CONTROL_BYTES_MAX]);

#endif
