/* SPDX-License-Identifier: Apache-2.0 */
/* echo.c -- answers every message with the same payload and the type plus one.
 *
 *     mk> load build/examples/echo.wasm
 *     mk> call echo 200 hello
 *     [reply] type=201 from=4294967299 size=5 "hello" */
#include "mk_guest.h"

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type == MK_STOP) return MK_STOP;
    if (type < MK_TYPE_SYSTEM) mk_send(source, type + 1, payload, size);
    return MK_STAY;
}
