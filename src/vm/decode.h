/* SPDX-License-Identifier: Apache-2.0 */
/* decode.h -- from the bytes of a module to its tables: WebAssembly 2.0 without vectors, with tail calls, extended
 * constant expressions and pages of one byte. Everything outside of function bodies is checked here, validity
 * included; the bodies are left to validate.h. Bytes in, facts out: no I/O, any thread. */
#ifndef MK_VM_DECODE_H
#define MK_VM_DECODE_H

#include "vm/module.h"

/* Longest text written into `err`, its ending included. A shorter buffer gets less of it; NULL with 0 is none. */
enum { MK_VM_ERR_BYTES = 320 };

/* On MK_OK *out borrows `bytes` and is to be given to mk_vm_module_fini(). On MK_ERR_FORMAT (malformed or invalid),
 * MK_ERR_NOSYS (a feature this engine lacks), MK_ERR_LIMIT and MK_ERR_NOMEM `err` says what and where, and *out is
 * empty. */
MK_MUST_CHECK mk_err_t mk_vm_decode(const void *bytes, size_t size, const mk_vm_limits_t *limits, mk_vm_module_t *out,
                                    char *err, size_t err_size);

#endif
