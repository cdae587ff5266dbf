/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.h -- takes out of a module what WAMR would act on by itself. */
#ifndef MK_WASM_WAMR_REWRITE_H
#define MK_WASM_WAMR_REWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

/* Writes a copy for WAMR to load and scribble in; *out is to be given to mk_free(). Changed in it:
 *  - The start section is gone and its function is exported as MK_WASM_START_FUNCTION. WAMR would run it inside of
 *    instantiation, where it has no instance yet that could be told to stop, and no stack it could wait on.
 *  - The exports __post_instantiate and __wasm_call_ctors are renamed: run inside of instantiation for the same reason.
 *  - The exports __heap_base and __data_end are renamed: from them WAMR concludes how far memory may shrink and how to
 *    share out the guest's stack among threads it does not have.
 * `bytes` is a module that mk_module_check() accepted. MK_ERR_NOMEM, MK_ERR_FORMAT, MK_ERR_TOOLONG. */
MK_MUST_CHECK mk_err_t mk_wamr_rewrite(const uint8_t *bytes, size_t size, uint8_t **out, size_t *out_size);

#endif
