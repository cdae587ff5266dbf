/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/oom.h"

#include "base/mem.h"

/* Counts may race when helper threads allocate too; then another allocation fails than the one numbered, which such a
 * test must bear anyway. */
static volatile unsigned left;
static volatile bool     reached;

static bool gate_nth(void *arg, size_t size) {
    (void)arg, (void)size;
    if (left == 0 || --left != 0) return true;
    reached = true;
    return false;
}

static bool gate_all(void *arg, size_t size) {
    (void)arg, (void)size;
    reached = true;
    return false;
}

bool oom_arm(unsigned nth) {
    left = nth;
    reached = false;
    mk_mem_set_gate(gate_nth, NULL);
    return true;
}

void oom_arm_all(void) {
    reached = false;
    mk_mem_set_gate(gate_all, NULL);
}

bool oom_disarm(void) {
    mk_mem_set_gate(NULL, NULL);
    left = 0;
    return reached;
}
