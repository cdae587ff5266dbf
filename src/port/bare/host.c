/* SPDX-License-Identifier: Apache-2.0 */
/* host.c -- a board has no name of its own; its heap is what the linker script left. */
#include <malloc.h>
#include <unistd.h>

#include "port/port.h"

extern char __heap_end[];

mk_err_t mk_port_host_name(char *out, size_t size) {
    (void)out, (void)size;
    return MK_ERR_NOTFOUND;
}

uint64_t mk_port_free_bytes(void) { return (uint64_t)(__heap_end - (char *)sbrk(0)) + mallinfo().fordblks; }
