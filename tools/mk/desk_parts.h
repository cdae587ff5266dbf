/* SPDX-License-Identifier: Apache-2.0 */
/* desk_parts.h -- what the files of the desk share. */
#ifndef MK_TOOLS_DESK_PARTS_H
#define MK_TOOLS_DESK_PARTS_H

#include "desk.h"
#include "microkernel/actor.h"
#include "microkernel/node.h"

/* Tells a shell; refused: it will not wait for ever. */
void mk_desk_tell(runtime_t *rt, actor_id_t shell, unsigned what, const char *text);

/* A long answer goes in pieces; a shell shows such of up to 8 KiB. Begins with .rt and .shell; each line is one call, and one that is too
 * long is cut. */
enum { MK_DESK_PAGE_BYTES = 4096, MK_DESK_LINE_BYTES = 640 };
typedef struct mk_desk_page {
    runtime_t *rt;
    actor_id_t shell;
    size_t     held;
    char       text[MK_DESK_PAGE_BYTES];
} mk_desk_page_t;
void mk_desk_add(mk_desk_page_t *page, const char *format, ...) MK_PRINTF(2, 3);
void mk_desk_end(const mk_desk_page_t *page); /* the last piece */

/* ---- desk_nodes.c: who is linked, and who should be -------------------------------------------------------------------------- */

void      mk_desk_nodes(runtime_t *rt, actor_id_t shell);
node_id_t mk_desk_find_node(runtime_t *rt, const char *word); /* by its name or number; 0: none that is linked */

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
