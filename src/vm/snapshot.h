/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h -- an instance written down, in the middle of a call or idle, and made again elsewhere: in another process, on
 * another kind of processor, by another build of the engine. docs/snapshot-format.md has the bytes.
 *
 * What is saved is the guest's: memory, globals, tables, dropped segments, frames. What the host keeps beside it is not;
 * functions are bound again by whoever restores. */
#ifndef MK_VM_SNAPSHOT_H
#define MK_VM_SNAPSHOT_H

#include "vm/instance.h"

/* Takes the next bytes. Anything but MK_OK ends the saving and is its result. */
typedef mk_err_t mk_vm_snapshot_write_fn(void *arg, const void *bytes, size_t size);

/* Writes an instance that is idle, out of fuel, or waits in an import; it is only read, and goes on as if nothing had been.
 * Refused with a text, what was written so far being of no use:
 *   MK_ERR_BUSY     it runs: an import cannot save the instance that called it
 *   MK_ERR_INVALID  its last call trapped
 *   MK_ERR_NOSYS    it shares a table, a memory, a mutable global or a function with another instance, or refers to
 *                   one, or to something of the host's
 *   MK_ERR_NOMEM
 * Instances that call this one are not known to it: save it when none of them is inside. */
MK_MUST_CHECK mk_err_t mk_vm_snapshot_save(mk_vm_instance_t *instance, mk_vm_snapshot_write_fn *write, void *arg,
                                           char *err, size_t err_size);

/* Makes the instance again. The program is of the same module; `imports`, `limits`, `pages` and `host` are as for
 * mk_vm_instance_create(), and hidden_bytes as it was then. Everything is checked before the instance is handed out, so
 * whatever the bytes say, the guest stays within its bounds; on failure nothing is left and *out is untouched:
 *   MK_ERR_FORMAT   not a snapshot, of another version, of another module, damaged, or not what a guest can be in
 *   MK_ERR_LIMIT    it needs more than `limits` allow
 *   MK_ERR_NOSYS    the module imports what cannot be saved
 *   MK_ERR_NOMEM */
MK_MUST_CHECK mk_err_t mk_vm_snapshot_restore(mk_vm_program_t *program, const void *bytes, size_t size,
                                              const mk_vm_imports_t *imports, const mk_vm_instance_limits_t *limits,
                                              const mk_vm_pages_t *pages, void *host, mk_vm_instance_t **out, char *err,
                                              size_t err_size);

/* The function whose call is under way; MK_VM_NONE: none is. After restoring it is the snapshot's word: a host that resumes
 * with room for the results of some function sees first that it is this one. */
uint32_t mk_vm_pending_call(const mk_vm_instance_t *instance);

/* The import that an instance waits in: its index, and its arguments, which stay valid until the instance goes on. A host
 * that restored an instance learns from it what the guest waits for. NULL: it does not wait. */
const uint64_t *mk_vm_pending_import(const mk_vm_instance_t *instance, uint32_t *import);

#endif
