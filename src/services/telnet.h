/* SPDX-License-Identifier: Apache-2.0 */
/* telnet.h -- takes a telnet client's negotiations out of what it sends (RFC 854, 855). Nothing is answered: a client that hears
 * no agreement stays with lines that it edits itself, which is what we want of it. Pure. */
#ifndef MK_SERVICES_TELNET_H
#define MK_SERVICES_TELNET_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised it is at the beginning of a connection. */
typedef struct mk_telnet {
    uint8_t state;
} mk_telnet_t;

/* Filters `size` bytes in place, wherever they were cut; returns how many are left. The carriage return's NUL is taken out as
 * well; 255 doubled is one 255. */
size_t mk_telnet_filter(mk_telnet_t *telnet, uint8_t *bytes, size_t size);

#endif
