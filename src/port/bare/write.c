/* SPDX-License-Identifier: Apache-2.0 */
/* write.c -- libc's streams, which end in the debugger's console (semihosting). */
#include <stdio.h>

#include "port/port.h"

void mk_port_write(int stream, const void *data, size_t size) { fwrite(data, 1, size, stream == 2 ? stderr : stdout); }
