/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c -- the machine timer; the date comes from the debugger's side (semihosting), once. */
#include <semihost.h>

#include "port/bare/board.h"
#include "port/port.h"

uint64_t mk_bare_ticks(void) {
    uint32_t high, low;
    do { /* the low half may wrap between the two reads */
        high = *BOARD_MTIME_HIGH;
        low = *BOARD_MTIME_LOW;
    } while (*BOARD_MTIME_HIGH != high);
    return (uint64_t)high << 32 | low;
}

uint64_t mk_port_now_us(void) { return mk_bare_ticks() / BOARD_TICKS_PER_US; }

uint64_t mk_port_wall_ms(void) {
    static uint64_t start_ms; /* the date when the clock stood at 0; asking the host costs a stop of the machine */
    if (start_ms == 0) start_ms = (uint64_t)sys_semihost_time() * 1000u - mk_port_now_us() / 1000u;
    return start_ms + mk_port_now_us() / 1000u;
}

void mk_port_pause(void) {} /* nobody else is there to be waited for */

mk_err_t mk_port_cpu_clock(mk_cpu_clock_t *out) {
    (void)out;
    return MK_ERR_NOSYS;
}

uint64_t mk_port_cpu_us(mk_cpu_clock_t clock) {
    (void)clock;
    return 0;
}
