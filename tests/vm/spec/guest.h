/* SPDX-License-Identifier: Apache-2.0 */
/* guest.h -- the instances of one .wast file: made, linked to each other, called in one of three ways. */
#ifndef MK_TESTS_VM_SPEC_GUEST_H
#define MK_TESTS_VM_SPEC_GUEST_H

#include "vm/decode.h"
#include "vm/link.h"

/* PLAIN: calls run to their end. FUEL: each gets the least there is, again and again, and the functions of the host block.
 * SNAPSHOT: the same, and at each stop, and before each call, an instance that stands alone is saved and destroyed, and what
 * goes on is one made from what was saved. */
typedef enum spec_mode { SPEC_PLAIN = 'p', SPEC_FUEL = 'f', SPEC_SNAPSHOT = 's' } spec_mode_t;

/* Places in a guest's code are told apart by a hash of so many values. */
enum { SPEC_PLACES = 256 };

typedef struct guest {
    struct guest     *next;
    mk_vm_name_t      name; /* variable of the script, may be empty          */
    uint8_t          *bytes;
    mk_vm_program_t  *program;
    mk_vm_links_t     links;
    mk_vm_instance_t *instance;
    bool              alone;   /* imports from no other, and none from it: belongs to no store */
    bool              trapped; /* its last call did: there is nothing to save                  */
    uint64_t          saved_bytes;
    uint32_t          stops[SPEC_PLACES]; /* at each place */
} guest_t;

/* The snapshot at hand. It keeps its memory for the next one: growing is dear on the board, whose realloc() clears all the free
 * memory behind a block. */
typedef struct spec_image {
    uint8_t *at;
    size_t   size, room;
} spec_image_t;

typedef struct world {
    spec_mode_t   mode;
    mk_vm_store_t store;
    guest_t      *guests;  /* last one first: all that are in the store, and those that can be called */
    guest_t      *current; /* what a command without a name speaks of                                 */
    struct entry *entries; /* what is registered, last one first                                      */
    bool          joined;  /* the module being linked imports from an instance                        */
    mk_vm_trap_t  trap;    /* of the last call or module that trapped            */
    char          why[MK_VM_ERR_BYTES]; /* of the last failure                   */
    spec_image_t  image;
    uint64_t      stops, snapshots;     /* in all                                */
    uint64_t      capped;  /* calls with too many stops for the least fuel       */
    uint64_t      refused; /* snapshots that cannot be: references of the host's */
} world_t;

typedef enum spec_made {
    SPEC_MADE,
    SPEC_REFUSED,   /* malformed or invalid               */
    SPEC_UNLINKED,  /* an import does not fit             */
    SPEC_TRAPPED,   /* its segments or its start function */
    SPEC_NOT_MADE,  /* any other failure                  */
} spec_made_t;

/* A module becomes a guest, and the current one if all goes well; otherwise `world->why` says why not. One that trapped stays
 * in the store, for others may hold what it left there. `shared`: others will import from it. */
spec_made_t spec_make(world_t *world, mk_vm_name_t module, mk_vm_name_t name, bool shared);

/* No name: the current one. NULL: there is none, or none any more. */
guest_t *spec_find(const world_t *world, mk_vm_name_t name);

/* False: out of memory. */
bool spec_register(world_t *world, mk_vm_name_t as, guest_t *guest);

/* MK_VM_DONE, or MK_VM_TRAPPED with world->trap and world->why; after as many stops as the mode asks for. A snapshot that fails
 * but should not is MK_VM_TRAPPED with MK_VM_TRAP_NONE. */
mk_vm_end_t spec_call(world_t *world, guest_t *guest, uint32_t function, const uint64_t *args, uint64_t *results);

/* The text by which a kind of trap is known. */
const char *spec_trap_name(mk_vm_trap_t trap);

/* Everything of a file goes. */
void spec_clear(world_t *world);

#endif
