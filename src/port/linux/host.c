/* SPDX-License-Identifier: Apache-2.0 */
/* host.c -- the machine around us. */
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "port/port.h"

mk_err_t mk_port_host_name(char *out, size_t size) {
    if (size == 0 || gethostname(out, size) != 0) return MK_ERR_TOOLONG;
    out[size - 1] = '\0'; /* it may be cut without one */
    return out[0] != '\0' ? MK_OK : MK_ERR_NOTFOUND;
}

/* What the kernel could give to a program; what it uses for caches counts. */
uint64_t mk_port_free_bytes(void) {
    char               line[128];
    unsigned long long kib = 0;
    FILE              *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1) break;
    if (file != NULL) fclose(file);
    if (kib != 0) return kib * 1024;
    struct sysinfo info;
    return sysinfo(&info) == 0 ? (uint64_t)info.freeram * info.mem_unit : 0;
}
