/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c -- says the SHA-256 of a quarter of a million bytes that it makes up: byte i is i squared, shifted right by 3. It
 * takes long enough to be stopped in the middle. */
#include "base/sha256.h"

#include "guest.h"

enum { BYTES = 250000, PIECE = 1000 };

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    static const char digits[] = "0123456789abcdef";
    static uint8_t    piece[PIECE], digest[MK_SHA256_BYTES];
    static char       text[2 * MK_SHA256_BYTES + 1];
    mk_sha256_t       sha;
    (void)type, (void)source, (void)payload, (void)size;
    mk_sha256_init(&sha);
    for (uint32_t i = 0; i < BYTES; i++) {
        piece[i % PIECE] = (uint8_t)(i * i >> 3);
        if (i % PIECE == PIECE - 1) mk_sha256_update(&sha, piece, PIECE);
    }
    mk_sha256_final(&sha, digest);
    for (uint32_t i = 0; i < sizeof digest; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[2 * MK_SHA256_BYTES] = '\n';
    mk_print(text, sizeof text);
    return MK_STAY;
}
