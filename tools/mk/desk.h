/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h -- where this node's shells ask for what concerns other nodes: who is linked, starting and stopping actors there, and how
 * an actor fares that is being talked to. A shell is a guest and has no imports for that. The desk is the actor /node/local/desk and
 * answers shells alone: what other nodes let this one do is not for whoever is loaded here.
 *
 * A shell waits for the answer to one question before it asks the next; the answer to an older one is not told. */
#ifndef MK_TOOLS_DESK_H
#define MK_TOOLS_DESK_H

#include <stdbool.h>

#include "microkernel/runtime.h"

#define MK_DESK_NAME "/node/local/desk"

enum { /* questions; shell/src/desk.rs has the same numbers */
    MK_DESK_NODES = 16,   /* nothing                                                    */
    MK_DESK_SPAWN = 17,   /* "NODE MODULE [NAME]"; a node is named, or given by number  */
    MK_DESK_STOP = 18,    /* an id, eight bytes, little-endian                          */
    MK_DESK_WATCH = 19,   /* the same: DOWN follows if it is not there or ends, until   */
    MK_DESK_UNWATCH = 20, /* nothing; neither of the two is answered                    */
    MK_DESK_RELOAD = 21,  /* an id, then the path, address or hash of the new module; NEWS follows when it is decided. Of an actor
                           * elsewhere: one of that node's modules */
    MK_DESK_REMEMBER = 22, /* lines typed, for the next shell; not answered             */
    MK_DESK_MODULES = 24, /* nothing: all that are loaded; an id: the one of that guest */
    MK_DESK_RECALL = 23,  /* nothing; HISTORY follows, empty the first time, if this node keeps anything */
};

enum { /* answers */
    MK_DESK_SAID = 32,   /* text to be shown: that was it               */
    MK_DESK_MORE = 33,   /* text to be shown, and more follows          */
    MK_DESK_FAILED = 34, /* why not                                     */
    MK_DESK_DOWN = 35,   /* the id, then what has happened, as a text   */
    MK_DESK_HISTORY = 36, /* the lines that were kept                   */
    MK_DESK_NEWS = 37,   /* text to be shown, whenever it comes         */
};

/* False: out of memory. */
bool mk_desk_open(runtime_t *rt);
/* Whether it is one of this node's. A shell is its console's other half: nobody gives it another module. */
bool mk_desk_is_shell(runtime_t *rt, actor_id_t id);
#define MK_DESK_IS_SHELL "that actor is the shell of a console"
bool mk_desk_admit(runtime_t *rt, actor_id_t shell);

#endif
