/* SPDX-License-Identifier: Apache-2.0 */
/* console_tls.h -- the certificate that consoles over TCP show, from --tls-cert and --tls-key. */
#ifndef MK_TOOLS_CONSOLE_TLS_H
#define MK_TOOLS_CONSOLE_TLS_H

#include "cli.h"
#include "microkernel/mk_socket.h"

/* *out is the caller's, NULL where neither file is named. False: it was told what is wrong. */
bool mk_console_tls_open(const mk_settings_t *settings, socket_tls_t **out);

#endif
