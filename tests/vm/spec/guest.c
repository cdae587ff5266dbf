/* SPDX-License-Identifier: Apache-2.0 */
/* guest.c -- see guest.h. */
#include "guest.h"

#include "base/mem.h"
#include "vm/snapshot.h"
#include "vm/state.h"

#include <stdio.h>
#include <string.h>

/* Enough fuel for any call of the suite that is meant to end, in a few goes at most. */
#define FUEL_AMPLE INT32_MAX

enum {
    /* A call that has stopped so often has stopped at each of its places; what is left are its loops, which then go on in larger
     * steps. */
    STOPS_MAX = 20000,
    FUEL_LARGE = 100000,
    /* What the snapshots of a guest may come to, see is_saved(). The board is an emulated one. */
    SAVED_BYTES_MAX = sizeof(void *) == 8 ? 8 << 20 : 64 << 10,
    SAVES_LEAST = 4, /* of one place */
    BACKTRACE_MAX = 64,
};

struct entry {
    struct entry *next;
    mk_vm_name_t  name;
    guest_t      *guest;
};

static bool names_equal(mk_vm_name_t a, mk_vm_name_t b) { return mk_vm_name_compare(a, b) == 0; }

/* --- what a module may import ------------------------------------------------------------------------------------------- */

/* Prints nothing; where calls are to be stopped it waits. */
static mk_vm_host_end_t print(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    const world_t *world = arg;
    (void)instance, (void)slots;
    return world->mode == SPEC_PLAIN ? MK_VM_HOST_DONE : MK_VM_HOST_BLOCKED;
}

static const struct {
    const char *name, *signature;
} prints[] = {
    {"print", "()"},      {"print_i32", "(i)"},      {"print_i64", "(I)"},      {"print_f32", "(f)"},
    {"print_f64", "(F)"}, {"print_i32_f32", "(if)"}, {"print_f64_f64", "(FF)"},
};

static bool resolve(void *arg, mk_vm_name_t module, mk_vm_name_t name, mk_vm_offer_t *out) {
    world_t *world = arg;
    for (size_t i = 0; mk_vm_name_is(module, "spectest") && i < sizeof prints / sizeof prints[0]; i++) {
        if (!mk_vm_name_is(name, prints[i].name)) continue;
        *out = (mk_vm_offer_t){.fn = print, .arg = world, .signature = prints[i].signature};
        return true;
    }
    struct entry *entry = world->entries;
    while (entry != NULL && !names_equal(entry->name, module)) entry = entry->next;
    if (entry == NULL) return false;
    out->instance = entry->guest->instance;
    out->export = mk_vm_find_export(&entry->guest->program->module, name);
    world->joined = true;
    return out->export != NULL;
}

guest_t *spec_find(const world_t *world, mk_vm_name_t name) {
    guest_t *guest = name.size == 0 ? world->current : world->guests;
    while (guest != NULL && name.size != 0 && !names_equal(guest->name, name)) guest = guest->next;
    return guest != NULL && guest->instance != NULL ? guest : NULL; /* NULL: it could not be restored */
}

bool spec_register(world_t *world, mk_vm_name_t as, guest_t *guest) {
    struct entry *entry = mk_alloc(sizeof *entry);
    if (entry == NULL) return false;
    *entry = (struct entry){world->entries, as, guest};
    world->entries = entry;
    return true;
}

/* --- calls ------------------------------------------------------------------------------------------------------------------ */

const char *spec_trap_name(mk_vm_trap_t trap) {
    static const char *const names[] = {
#define NAME(id, text) [MK_VM_TRAP_##id] = text,
        MK_VM_TRAPS(NAME)
#undef NAME
    };
    return names[trap];
}

/* How the call trapped. The backtrace is not compared with anything, but has to come to an end. */
static void note_trap(world_t *world, const guest_t *guest) {
    mk_vm_frame_place_t place;
    for (uint32_t i = 0; i < BACKTRACE_MAX && mk_vm_backtrace(guest->instance, i, &place);) i++;
    world->trap = mk_vm_trap(guest->instance);
    mk_vm_trap_text(guest->instance, world->why, sizeof world->why);
}

static mk_err_t append(void *arg, const void *bytes, size_t size) {
    spec_image_t *image = arg;
    if (size > image->room - image->size) {
        size_t   room = 2 * image->room + size;
        uint8_t *at = mk_realloc(image->at, room);
        if (at == NULL) return MK_ERR_NOMEM;
        image->at = at;
        image->room = room;
    }
    memcpy(image->at + image->size, bytes, size);
    image->size += size;
    return MK_OK;
}

/* From a copy with not a byte more, so that reading beyond it is noticed. */
static mk_err_t restore(world_t *world, guest_t *guest) {
    size_t   size = world->image.size;
    uint8_t *copy = mk_alloc(size);
    if (copy == NULL) return MK_ERR_NOMEM;
    memcpy(copy, world->image.at, size);
    mk_err_t err = mk_vm_snapshot_restore(guest->program, copy, size, &guest->links.imports, NULL, NULL, world,
                                          &guest->instance, world->why, sizeof world->why);
    mk_free(copy);
    return err;
}

/* The guest goes on in a new instance, made from what is saved of this one. False: that failed. */
static bool move(world_t *world, guest_t *guest) {
    world->image.size = 0;
    world->trap = MK_VM_TRAP_NONE;
    mk_err_t err = mk_vm_snapshot_save(guest->instance, append, &world->image, world->why, sizeof world->why);
    if (err == MK_ERR_NOSYS) { /* it holds a reference of the host's */
        world->refused++;
        return true;
    }
    if (err != MK_OK) {
        mk_vm_abandon(guest->instance);
        return false;
    }
    mk_vm_instance_destroy(guest->instance);
    guest->instance = NULL;
    guest->saved_bytes += world->image.size + guest->program->module.size; /* all of which is hashed */
    world->snapshots++;
    return restore(world, guest) == MK_OK;
}

/* Whether to save it now: each time, until that has come to so many bytes; then each place in its code where it stands still a
 * few times, and ever more seldom. */
static bool is_saved(const world_t *world, guest_t *guest, bool idle) {
    if (world->mode != SPEC_SNAPSHOT || !guest->alone || guest->trapped) return false;
    const mk_vm_stack_t *stack = &guest->instance->stack;
    uint32_t             place = idle ? 0 : 1 + (stack->function * 31 + stack->pc) % (SPEC_PLACES - 1);
    uint32_t             stops = ++guest->stops[place];
    return guest->saved_bytes < SAVED_BYTES_MAX || stops <= SAVES_LEAST || (stops & (stops - 1)) == 0;
}

mk_vm_end_t spec_call(world_t *world, guest_t *guest, uint32_t function, const uint64_t *args, uint64_t *results) {
    uint64_t stops = 0;
    int32_t  fuel = world->mode == SPEC_PLAIN ? FUEL_AMPLE : 1;
    if (is_saved(world, guest, true) && !move(world, guest)) return MK_VM_TRAPPED;
    guest->trapped = false;
    mk_vm_end_t end = mk_vm_call(guest->instance, function, args, results, fuel);
    while (end == MK_VM_OUT_OF_FUEL || end == MK_VM_BLOCKED) {
        if (++stops == STOPS_MAX && fuel == 1) {
            fuel = FUEL_LARGE;
            world->capped++;
        }
        if (is_saved(world, guest, false) && !move(world, guest)) return MK_VM_TRAPPED;
        end = end == MK_VM_BLOCKED ? mk_vm_resume_with(guest->instance, NULL, results, fuel)
                                   : mk_vm_resume(guest->instance, results, fuel);
    }
    world->stops += stops;
    guest->trapped = end == MK_VM_TRAPPED;
    if (guest->trapped) note_trap(world, guest);
    return end;
}

/* --- making and unmaking -------------------------------------------------------------------------------------------------- */

static void destroy(guest_t *guest) {
    if (guest->alone) mk_vm_instance_destroy(guest->instance);
    mk_vm_links_fini(&guest->links);
    mk_vm_program_destroy(guest->program);
    mk_free(guest->bytes);
    mk_free(guest);
}

static spec_made_t start(world_t *world, guest_t *guest) {
    world->trap = mk_vm_instance_fill(guest->instance);
    if (world->trap != MK_VM_TRAP_NONE) {
        snprintf(world->why, sizeof world->why, "%s", spec_trap_name(world->trap));
        return SPEC_TRAPPED;
    }
    uint32_t function = guest->program->module.start;
    if (function == MK_VM_NONE) return SPEC_MADE;
    return spec_call(world, guest, function, NULL, NULL) == MK_VM_DONE ? SPEC_MADE : SPEC_TRAPPED;
}

static spec_made_t make(world_t *world, guest_t *guest, mk_vm_name_t module, bool shared) {
    /* Not a byte more than the module has, so that reading beyond it is noticed. */
    if ((guest->bytes = mk_alloc(module.size)) == NULL && module.size != 0) return SPEC_NOT_MADE;
    if (module.size != 0) memcpy(guest->bytes, module.at, module.size);
    mk_err_t err =
        mk_vm_program_create(guest->bytes, module.size, NULL, &guest->program, world->why, sizeof world->why);
    if (err != MK_OK) return err == MK_ERR_FORMAT || err == MK_ERR_NOSYS ? SPEC_REFUSED : SPEC_NOT_MADE;
    world->joined = shared;
    err = mk_vm_link(&guest->program->module, resolve, world, &guest->links, world->why, sizeof world->why);
    if (err != MK_OK) return err == MK_ERR_NOMEM ? SPEC_NOT_MADE : SPEC_UNLINKED;
    guest->alone = !world->joined;
    err = mk_vm_instance_create(guest->program, &guest->links.imports, NULL, NULL, guest->alone ? NULL : &world->store,
                                world, &guest->instance, world->why, sizeof world->why);
    return err == MK_OK ? start(world, guest) : SPEC_NOT_MADE;
}

/* The current guest gives way to another. One that nobody can name any more goes at once: a board has room for few. */
static void leave_current(world_t *world) {
    guest_t *guest = world->current, **at = &world->guests;
    if (guest == NULL || !guest->alone || guest->name.size != 0) return;
    while (*at != guest) at = &(*at)->next;
    *at = guest->next;
    destroy(guest);
}

spec_made_t spec_make(world_t *world, mk_vm_name_t module, mk_vm_name_t name, bool shared) {
    guest_t *guest = mk_calloc(1, sizeof *guest);
    if (guest == NULL) return SPEC_NOT_MADE;
    guest->name.at = ""; /* until it is made */
    world->why[0] = '\0';
    spec_made_t made = make(world, guest, module, shared);
    bool        seen = guest->instance != NULL && !guest->alone;
    if (made == SPEC_MADE) {
        leave_current(world);
        guest->name = name;
        world->current = guest;
    }
    if (made != SPEC_MADE && !seen) {
        destroy(guest);
        return made;
    }
    guest->next = world->guests;
    world->guests = guest;
    return made;
}

void spec_clear(world_t *world) {
    while (world->entries != NULL) {
        struct entry *next = world->entries->next;
        mk_free(world->entries);
        world->entries = next;
    }
    mk_vm_store_fini(&world->store); /* its instances before their programs */
    mk_vm_store_init(&world->store);
    while (world->guests != NULL) {
        guest_t *next = world->guests->next;
        destroy(world->guests);
        world->guests = next;
    }
    world->current = NULL;
    mk_free(world->image.at);
    world->image = (spec_image_t){.at = NULL};
}
