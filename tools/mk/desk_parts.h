/* SPDX-License-Identifier: Apache-2.0 */
/* desk_parts.h -- what the files of the desk share. */
#ifndef MK_TOOLS_DESK_PARTS_H
#define MK_TOOLS_DESK_PARTS_H

#include "desk.h"
#include "microkernel/actor.h"
#include "microkernel/node.h"

/* Tells a shell; refused: it will not wait for ever. */
void mk_desk_tell(runtime_t *rt, actor_id_t shell, unsigned what, const char *text);

/* ---- desk_keep.c: what shells remember, in the key-value store ------------------------------------------------------------- */

void mk_desk_remember(runtime_t *rt, const message_t *msg);
void mk_desk_recall(runtime_t *rt, actor_id_t shell);
/* Whether it was the answer to one of these. */
bool mk_desk_keep_answered(runtime_t *rt, const message_t *msg);

/* ---- desk_reload.c: other modules for guests that live ------------------------------------------------------------------------ */

void mk_desk_reload(runtime_t *rt, actor_id_t shell, const message_t *msg);
bool mk_desk_reload_heard(runtime_t *rt, const message_t *msg);
/* Another node has taken the module. */
void mk_desk_reload_taken(runtime_t *rt, actor_id_t shell, const node_reply_payload_t *reply);

/* ---- desk_modules.c: what is loaded -------------------------------------------------------------------------------------------- */

void mk_desk_modules(runtime_t *rt, actor_id_t shell);
void mk_desk_module_of(runtime_t *rt, actor_id_t shell, actor_id_t guest);

#endif
