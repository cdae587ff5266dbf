/* SPDX-License-Identifier: Apache-2.0 */
/* code.h -- a module as all guests made of it share it: read, checked, given its region for payloads, loaded. Loading
 * the same bytes again gives the same one. Any thread. */
#ifndef MK_WASM_CODE_H
#define MK_WASM_CODE_H

#include "wasm/engine.h"

typedef struct mk_code {
    struct mk_code    *next;
    unsigned           holders;
    const mk_engine_t *engine;
    mk_wasm_module_t  *module;
    uint8_t           *bytes; /* as they came: to recognise them, and where the engine reads them */
    size_t             size;
    uint32_t           heap_bytes;    /* asked for                                       */
    uint32_t           region_offset; /* where payloads go in a guest that has no allocator, */
    uint32_t           region_size;   /* else both are 0                                  */
    uint32_t           hidden_bytes;  /* what the engine is to hide for that              */
    uint32_t           extra_pages;   /* of 64 KiB, if the module was widened instead     */
    uint64_t           memory_bytes;  /* it declares to begin with                        */
    const char        *alloc, *free;  /* exports of the guest, or NULL                 */
    const char        *initialize;    /* the export to be called before all others     */
} mk_code_t;

mk_err_t mk_code_start(void); /* once per process */
void     mk_code_stop(void);

/* A share of the loaded module; mk_code_release() gives it back. `err` names what is wrong with it. */
MK_MUST_CHECK mk_err_t mk_code_load(const mk_engine_t *engine, const void *bytes, size_t size, uint32_t heap_bytes,
                                    mk_code_t **out, char *err, size_t err_size);
mk_code_t *mk_code_retain(mk_code_t *code);
void       mk_code_release(mk_code_t *code); /* NULL is allowed */

/* Modules loaded now; for tests. */
size_t mk_code_count(void);

#endif
