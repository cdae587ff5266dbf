/* SPDX-License-Identifier: Apache-2.0 */
/* onepage.c -- owns a single page for ever, and takes payloads of up to 1000 bytes in a buffer of its own. */
#include "guest.h"

MK_PAYLOAD_BUFFER(1000);

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type == GO) mk_send_u32(source, RESULT, (uint32_t)__builtin_wasm_memory_grow(0, 1)); /* UINT32_MAX: refused */
    return usual(type, source, payload, size);
}
