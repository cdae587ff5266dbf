/* SPDX-License-Identifier: Apache-2.0 */
/* vm_snapshot_fuzz.c -- whatever a snapshot says, under a header and a seal that are right: it is refused with a text and
 * nothing is left, or the guest it makes runs within its bounds, and can itself be saved and restored. */
#include "vm/snapshot.h"

#include "base/sha256.h"
#include "vm/decode.h"
#include "../tests/vm/snapshot_guest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_BYTES = 5 + 1 + MK_SHA256_BYTES, BYTES_MAX = 1 << 20, TURNS = 8, TURN_FUEL = 2000, RESULTS_MAX = 4 };

static mk_vm_program_t              *program;
static const mk_vm_instance_limits_t limits = {.stack_slots = 4096, .depth = 256, .table_entries = 1000};
static char                          err[MK_VM_ERR_BYTES];
static uint8_t                       bytes[BYTES_MAX];
static size_t                        count;

static void require(bool cond) {
    if (!cond) abort();
}

static mk_err_t append(void *arg, const void *more, size_t size) {
    (void)arg;
    if (size > BYTES_MAX - count) return MK_ERR_FULL;
    memcpy(bytes + count, more, size);
    count += size;
    return MK_OK;
}

static void header(void) {
    memcpy(bytes, "\0mkvm\1", 6);
    mk_sha256(snapshot_guest, sizeof snapshot_guest, bytes + 6);
    count = HEADER_BYTES;
}

static void seal(void) {
    mk_sha256(bytes, count, bytes + count);
    count += MK_SHA256_BYTES;
}

static mk_vm_instance_t *restore(void) {
    mk_vm_instance_t *out = NULL;
    mk_err_t result = mk_vm_snapshot_restore(program, bytes, count, &snapshot_guest_imports, &limits, NULL, NULL, &out,
                                             err, sizeof err);
    require((result == MK_OK) == (out != NULL) && (result == MK_OK) == (err[0] == '\0'));
    return out;
}

/* False: the call is over. */
static bool turn(mk_vm_instance_t *instance) {
    uint64_t results[RESULTS_MAX], value = 3;
    uint32_t import;
    if (mk_vm_pending_call(instance) == MK_VM_NONE) return false;
    bool        waits = mk_vm_pending_import(instance, &import) != NULL;
    mk_vm_end_t end =
        waits ? mk_vm_resume_with(instance, &value, results, TURN_FUEL) : mk_vm_resume(instance, results, TURN_FUEL);
    return end == MK_VM_BLOCKED || end == MK_VM_OUT_OF_FUEL;
}

static void require_same_again(mk_vm_instance_t *instance) {
    count = 0;
    if (mk_vm_snapshot_save(instance, append, NULL, err, sizeof err) != MK_OK) return; /* too long for us */
    mk_vm_instance_t *twin = restore();
    require(twin != NULL);
    mk_vm_instance_destroy(twin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (program == NULL) {
        require(mk_vm_program_create(snapshot_guest, sizeof snapshot_guest, NULL, &program, err, sizeof err) == MK_OK);
    }
    if (size > BYTES_MAX - HEADER_BYTES - MK_SHA256_BYTES) return 0;
    header();
    if (size > 0) memcpy(bytes + count, data, size);
    count += size;
    seal();
    mk_vm_instance_t *instance = restore();
    if (instance == NULL) return 0;
    require_same_again(instance);
    for (int i = 0; i < TURNS && turn(instance); i++) require_same_again(instance);
    mk_vm_instance_destroy(instance);
    return 0;
}
