/* SPDX-License-Identifier: Apache-2.0 */
/* wire_fuzz.c -- frames of the node protocol: what is accepted is written again as the same bytes, nothing is read beyond the end,
 * and a frame that is not all there is either waited for or refused by its head. */
#include "codec_fuzz.h"

#include "../tests/node/wire_again.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t again[MK_WIRE_FRAME_BYTES_MAX];
    uint8_t       *copy = copy_of(data, size);
    for (size_t at = 0; at < size;) {
        mk_wire_frame_t frame;
        size_t          n = mk_wire_next(copy + at, size - at, &frame);
        if (n == MK_WIRE_BROKEN || n == 0) break;
        require(n >= MK_WIRE_HEADER_BYTES && n <= size - at && frame.size == n - MK_WIRE_HEADER_BYTES);
        mk_wire_frame_t part;
        for (size_t less = MK_WIRE_HEADER_BYTES; less < n && less < 40; less++)
            require(mk_wire_next(copy + at, less, &part) == 0);
        uint8_t *exact = copy_of(copy + at, n);
        frame.body = exact + MK_WIRE_HEADER_BYTES;
        size_t written = wire_again(&frame, again);
        require(written == 0 || (written == n && memcmp(again, exact, n) == 0));
        free(exact);
        at += n;
    }
    free(copy);
    return 0;
}
