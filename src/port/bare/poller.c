/* SPDX-License-Identifier: Apache-2.0 */
/* poller.c -- nothing to poll, but time passes and an interrupt handler may wake us: the processor sleeps meanwhile. */
#include "base/mem.h"
#include "port/bare/board.h"
#include "port/port.h"

struct mk_poller {
    volatile bool woken;
};

enum { MSTATUS_MIE = 1 << 3, MIE_MTIE = 1 << 7 };

mk_err_t mk_poller_create(mk_poller_t **out) {
    mk_poller_t *poller = mk_calloc(1, sizeof *poller);
    if (poller == NULL) return MK_ERR_NOMEM;
    *out = poller;
    return MK_OK;
}

void mk_poller_destroy(mk_poller_t *poller) { mk_free(poller); }

mk_err_t mk_poller_set(mk_poller_t *poller, int fd, uint32_t events, void *tag) {
    (void)poller, (void)fd, (void)events, (void)tag;
    return MK_ERR_NOSYS;
}

void mk_poller_remove(mk_poller_t *poller, int fd) { (void)poller, (void)fd; }

void mk_poller_forget(mk_poller_t *poller, int fd) { (void)poller, (void)fd; }

static void alarm_at(uint64_t ticks) {
    *BOARD_MTIMECMP_HIGH = UINT32_MAX; /* no false alarm while the halves are of different times */
    *BOARD_MTIMECMP_LOW = (uint32_t)ticks;
    *BOARD_MTIMECMP_HIGH = (uint32_t)(ticks >> 32);
}

/* Interrupts stay held back from the look at `woken` to the sleep, so none can slip in between; a held-back one still
 * ends the sleep. The timer's own is only ever seen here, never taken. */
static void sleep_unless_woken(const mk_poller_t *poller) {
    uint32_t status, enabled;
    __asm__ volatile("csrrc %0, mstatus, %1" : "=r"(status) : "r"(MSTATUS_MIE) : "memory");
    __asm__ volatile("csrrs %0, mie, %1" : "=r"(enabled) : "r"(MIE_MTIE) : "memory");
    if (!poller->woken) __asm__ volatile("wfi" ::: "memory");
    __asm__ volatile("csrw mie, %0" ::"r"(enabled) : "memory");
    __asm__ volatile("csrs mstatus, %0" ::"r"(status & MSTATUS_MIE) : "memory");
}

int mk_poller_wait(mk_poller_t *poller, mk_poll_event_t *events, int max, int64_t wait_us) {
    (void)events, (void)max;
    uint64_t until = UINT64_MAX;
    if (wait_us >= 0 && (uint64_t)wait_us < UINT64_MAX / BOARD_TICKS_PER_US / 2) {
        until = mk_bare_ticks() + (uint64_t)wait_us * BOARD_TICKS_PER_US;
    }
    alarm_at(until);
    while (!poller->woken && mk_bare_ticks() < until) sleep_unless_woken(poller);
    alarm_at(UINT64_MAX);
    poller->woken = false;
    return 0;
}

void mk_poller_wake(mk_poller_t *poller) { poller->woken = true; }
