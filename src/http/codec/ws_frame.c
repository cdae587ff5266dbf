/* SPDX-License-Identifier: Apache-2.0 */
/* ws_frame.c -- see ws_frame.h. */
#include "http/codec/ws_frame.h"

#include <string.h>

#include "base/utf8.h"

enum {
    FIN = 0x80,
    RSV1 = 0x40,
    RSV2_AND_3 = 0x30,
    OPCODE = 0x0F,
    CONTROL = 0x08, /* the bit that control opcodes have */
    MASKED = 0x80,
    LENGTH = 0x7F,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

/* What the first two bytes rule out. */
static bool is_allowed(uint8_t first, uint8_t second) {
    uint8_t opcode = first & OPCODE;
    if ((first & RSV2_AND_3) != 0) return false;
    if ((opcode & CONTROL) == 0) return opcode <= MK_WS_OP_BINARY;
    return opcode <= MK_WS_OP_PONG && (first & FIN) != 0 && (first & RSV1) == 0 && (second & LENGTH) < LENGTH_16;
}

static uint64_t big_endian(const uint8_t *at, unsigned bytes) {
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++) number = number << 8 | at[i];
    return number;
}

mk_err_t mk_ws_head_parse(const uint8_t *bytes, size_t size, mk_ws_head_t *out) {
    if (size == 0) return MK_ERR_CLOSED;
    if (!is_allowed(bytes[0], size > 1 ? bytes[1] : 0)) return MK_ERR_PROTO;
    if (size < 2) return MK_ERR_CLOSED;
    unsigned short_length = bytes[1] & LENGTH;
    unsigned length_bytes = short_length < LENGTH_16 ? 0 : short_length == LENGTH_16 ? 2 : 8;
    bool     masked = (bytes[1] & MASKED) != 0;
    unsigned mask_at = 2 + length_bytes;
    uint64_t length = short_length;
    if (length_bytes != 0) {
        if (length_bytes == 8 && size > 2 && (bytes[2] & 0x80) != 0) return MK_ERR_PROTO;
        if (size < mask_at) return MK_ERR_CLOSED;
        length = big_endian(bytes + 2, length_bytes);
        if (length < (length_bytes == 2 ? (uint64_t)LENGTH_16 : 0x10000u)) return MK_ERR_PROTO;
    }
    if (size < mask_at + (masked ? 4 : 0)) return MK_ERR_CLOSED;
    out->size = length;
    out->opcode = bytes[0] & OPCODE;
    out->fin = (bytes[0] & FIN) != 0;
    out->rsv1 = (bytes[0] & RSV1) != 0;
    out->masked = masked;
    out->bytes = (uint8_t)(mask_at + (masked ? 4 : 0));
    if (masked) {
        memcpy(out->mask, bytes + mask_at, 4);
    } else {
        memset(out->mask, 0, 4);
    }
    return MK_OK;
}

size_t mk_ws_head_write(const mk_ws_head_t *head, uint8_t out[MK_WS_HEAD_BYTES_MAX]) {
    unsigned length_bytes = head->size < LENGTH_16 ? 0 : head->size <= 0xFFFF ? 2 : 8;
    unsigned length = length_bytes == 0 ? (unsigned)head->size : length_bytes == 2 ? LENGTH_16 : LENGTH_64;
    size_t   at = 2;
    out[0] = (uint8_t)((head->fin ? FIN : 0) | (head->rsv1 ? RSV1 : 0) | head->opcode);
    out[1] = (uint8_t)((head->masked ? MASKED : 0) | length);
    for (unsigned i = length_bytes; i-- > 0;) out[at++] = (uint8_t)(head->size >> 8 * i);
    if (!head->masked) return at;
    memcpy(out + at, head->mask, 4);
    return at + 4;
}

void mk_ws_mask(uint8_t *to, const uint8_t *from, size_t size, const uint8_t mask[4], size_t phase) {
    uint8_t  pattern[8];
    uint64_t word;
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = mask[(phase + i) % 4];
    memcpy(&word, pattern, sizeof word);
    /* Loads and stores through memcpy() are single instructions, and compilers make vectors of them. */
    for (; size >= sizeof word; size -= sizeof word, to += sizeof word, from += sizeof word) {
        uint64_t bytes;
        memcpy(&bytes, from, sizeof bytes);
        bytes ^= word;
        memcpy(to, &bytes, sizeof bytes);
    }
    for (size_t i = 0; i < size; i++) to[i] = from[i] ^ pattern[i];
}

bool mk_ws_close_code_is_valid(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

bool mk_ws_close_parse(const uint8_t *payload, size_t size, uint16_t *code, const char **reason, size_t *reason_size) {
    *reason = "";
    *reason_size = 0;
    *code = MK_WS_CLOSE_NO_STATUS;
    if (size == 0) return true;
    uint16_t said = (uint16_t)(size > 1 ? payload[0] << 8 | payload[1] : 0);
    if (!mk_ws_close_code_is_valid(said)) {
        *code = MK_WS_CLOSE_PROTOCOL;
        return false;
    }
    if (!mk_utf8_is_valid(payload + 2, size - 2)) {
        *code = MK_WS_CLOSE_INVALID_DATA;
        return false;
    }
    *code = said;
    *reason = (const char *)payload + 2;
    *reason_size = size - 2;
    return true;
}

size_t mk_ws_close_write(uint16_t code, const char *reason, size_t size, uint8_t out[MK_WS_CONTROL_BYTES_MAX]) {
    if (code == MK_WS_CLOSE_NO_STATUS) return 0;
    if (size > MK_WS_REASON_BYTES_MAX) {
        size = MK_WS_REASON_BYTES_MAX;
        while (size > 0 && ((uint8_t)reason[size] & 0xC0) == 0x80) size--;
    }
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    if (size > 0) memcpy(out + 2, reason, size);
    return size + 2;
}
