/* SPDX-License-Identifier: Apache-2.0 */
/* board.h -- the registers of QEMU's RISC-V machine `virt` that this port touches. Another board edits this file. */
#ifndef MK_PORT_BARE_BOARD_H
#define MK_PORT_BARE_BOARD_H

#include <stdint.h>

/* The core-local interruptor: a 64-bit clock and the value at which it raises the timer interrupt, as 32-bit halves. */
#define BOARD_MTIME_LOW     ((volatile uint32_t *)0x0200bff8u)
#define BOARD_MTIME_HIGH    ((volatile uint32_t *)0x0200bffcu)
#define BOARD_MTIMECMP_LOW  ((volatile uint32_t *)0x02004000u)
#define BOARD_MTIMECMP_HIGH ((volatile uint32_t *)0x02004004u)

enum { BOARD_TICKS_PER_US = 10 }; /* the clock runs at 10 MHz */

uint64_t mk_bare_ticks(void);

#endif
