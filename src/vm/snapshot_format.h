/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_format.h -- the constants of docs/snapshot-format.md, and what saving and restoring have in common. */
#ifndef MK_VM_SNAPSHOT_FORMAT_H
#define MK_VM_SNAPSHOT_FORMAT_H

#include "base/sha256.h"
#include "vm/translate.h"

#define MK_VM_SNAPSHOT_MAGIC "\0mkvm"

enum {
    MK_VM_SNAPSHOT_VERSION = 1,
    MK_VM_SNAPSHOT_MAGIC_BYTES = 5,
    MK_VM_SNAPSHOT_HEADER_BYTES = MK_VM_SNAPSHOT_MAGIC_BYTES + 1 + MK_SHA256_BYTES, /* magic, version, module */
    MK_VM_SNAPSHOT_SEAL_BYTES = MK_SHA256_BYTES,
    MK_VM_SNAPSHOT_BLOCK_BYTES = 64, /* of memory, from its start: such a one is left out when it is all zero */
};

/* How the call stands. */
enum mk_vm_snapshot_call { MK_VM_CALL_NONE, MK_VM_CALL_OUT_OF_FUEL, MK_VM_CALL_WAITING };

/* Where a frame stands is a function, one of these, and a byte of the module: terms that every engine has, whatever it makes of
 * the instructions. */
_Static_assert(MK_VM_BEFORE == 0 && MK_VM_IN_CALL == 1 && MK_VM_IN_IMPORT == 2, "the numbers are part of the format");

/* Of the innermost frame, and of the others. */
static inline mk_vm_standing_t mk_vm_snapshot_standing(bool innermost, bool waits) {
    return !innermost ? MK_VM_IN_CALL : waits ? MK_VM_IN_IMPORT : MK_VM_BEFORE;
}

/* False, with a text: the module imports what cannot be saved, because it belongs to someone else. */
bool mk_vm_snapshot_possible(const mk_vm_module_t *module, char *err, size_t err_size);

#endif
