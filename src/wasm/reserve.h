/* SPDX-License-Identifier: Apache-2.0 */
/* reserve.h -- room for payloads in a guest that has no allocator to ask.
 *
 * The host must put a payload where no guest code can take the place for its own. Whatever lies
 * below the declared minimum may be data, stack or heap: wasi-libc's malloc claims everything up to
 * memory.size at its first call. So there is a region behind the declared minimum that the guest's
 * own code is not told of.
 *
 * An engine that can hide it is told how much. For one that cannot the module is rewritten: the memory
 * begins some pages larger, and code that asks for its size or grows it goes through two appended
 * functions that hide the difference. Bytes in, facts or bytes out; no I/O, no engine, any thread. */
#ifndef MK_WASM_RESERVE_H
#define MK_WASM_RESERVE_H

#include "wasm/module.h"

typedef struct mk_module_region {
    uint32_t offset, size;  /* where payloads go; never at address 0, which says "no payload" */
    uint32_t hidden_bytes;  /* behind the declared memory, so that they can: a multiple of 16 */
} mk_module_region_t;

/* A region of `bytes`, rounded up to 16, behind the declared memory, rounded up to 16. MK_ERR_NOSYS, MK_ERR_LIMIT: as
 * mk_module_reserve(). */
MK_MUST_CHECK mk_err_t mk_module_region(const mk_module_info_t *info, uint32_t bytes, mk_module_region_t *out,
                                        char *err, size_t err_size);

/* Writes a copy of the module whose memory has `pages` (at least 1) host pages behind its declared
 * minimum, beginning at byte *region_offset. To the guest, memory.size stays what it was until its
 * own code grows the memory; from then on size and grow speak of true addresses, so nothing it is
 * handed lies in the region, but what it already has and what it gets are not adjacent. Its maximum
 * rises by the same pages, so that its own limit stays where it was (at most 65536 pages in all).
 *
 * On MK_OK *out is to be given to mk_free(). MK_ERR_INVALID: `pages` is 0. MK_ERR_LIMIT: memory
 * would begin beyond 65536 pages. MK_ERR_NOSYS: a module without its own memory, one with pages of one byte, or one made by the
 * standard Go toolchain, whose runtime assumes that memory grows without a gap and so needs an
 * exported mk_alloc. MK_ERR_FORMAT, MK_ERR_NOMEM: as mk_module_inspect(). On failure *out,
 * *out_size and *region_offset are untouched and `err` says why. */
MK_MUST_CHECK mk_err_t mk_module_reserve(const void *bytes, size_t size, uint32_t pages, uint8_t **out,
                                         size_t *out_size, uint32_t *region_offset, char *err, size_t err_size);

#endif
