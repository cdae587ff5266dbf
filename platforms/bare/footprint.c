/* SPDX-License-Identifier: Apache-2.0 */
/* footprint.c -- linked into every program for the bare board: what it cost, printed when it ends. The heap only ever
 * grows, so its end is its peak. */
#include <stdio.h>
#include <unistd.h>

extern char __flash[], __text_end[], __data_start[], __data_end[], __bss_start[], __bss_end[], __heap_start[];

__attribute__((destructor)) static void print_footprint(void) {
    printf("footprint: text=%lu data=%lu bss=%lu heap_peak=%lu\n", (unsigned long)(__text_end - __flash),
           (unsigned long)(__data_end - __data_start), (unsigned long)(__bss_end - __bss_start),
           (unsigned long)((char *)sbrk(0) - __heap_start));
}
