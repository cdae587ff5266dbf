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
    uint8_t           *bytes; /* as they came, to recognise them */
    size_t             size;
    uint32_t           heap_pages;    /* asked for                                    */
    uint32_t           reserve_pages; /* of those given: 0 when the guest allocates   */
    uint32_t           region_offset; /* where payloads go then                        */
    uint32_t           region_size;
    uint32_t           memory_min;    /* pages it begins with, the region included     */
    const char        *alloc, *free;  /* exports of the guest, or NULL                 */
    const char        *initialize;    /* the export to be called before all others     */
} mk_code_t;

mk_err_t mk_code_start(void); /* once per process */
void     mk_code_stop(void);

/* A share of the loaded module; mk_code_release() gives it back. `err` names what is wrong with it. */
MK_MUST_CHECK mk_err_t mk_code_load(const mk_engine_t *engine, const void *bytes, size_t size, uint32_t heap_pages,
                                    mk_code_t **out, char *err, size_t err_size);
mk_code_t *mk_code_retain(mk_code_t *code);
void       mk_code_release(mk_code_t *code); /* NULL is allowed */

/* Modules loaded now; for tests. */
size_t mk_code_count(void);

#endif
