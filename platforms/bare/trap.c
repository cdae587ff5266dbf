/* SPDX-License-Identifier: Apache-2.0 */
/* trap.c -- a fault on a board without an operating system would be met again for ever; it ends the program instead. */
#include <inttypes.h>
#include <semihost.h>
#include <stdio.h>

static __attribute__((aligned(4), noreturn)) void on_trap(void) {
    uint32_t cause, at, about;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    __asm__ volatile("csrr %0, mepc" : "=r"(at));
    __asm__ volatile("csrr %0, mtval" : "=r"(about));
    printf("\ntrap: cause %" PRIu32 " at 0x%08" PRIx32 ", value 0x%08" PRIx32 "\n", cause, at, about);
    sys_semihost_exit(ADP_Stopped_InternalError, 1);
}

__attribute__((constructor)) static void catch_traps(void) {
    __asm__ volatile("csrw mtvec, %0" ::"r"((uintptr_t)on_trap));
}
