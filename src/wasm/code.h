/* SPDX-License-Identifier: Apache-2.0 */
/* code.h -- the store of loaded modules: a module as all guests made of it share it, read, checked, given its region for payloads,
 * loaded. It is called by its SHA-256; loading the same bytes again gives the same one; it goes with its last holder. Any thread,
 * and nobody waits for a module that another thread is loading. */
#ifndef MK_WASM_CODE_H
#define MK_WASM_CODE_H

#include <stdatomic.h>

#include "wasm/engine.h"
#include "wasm/trust.h"

typedef struct mk_code {
    struct mk_code    *next;
    unsigned           holders;   /* changed with the store's lock held                   */
    atomic_uint        instances; /* there are of it                                      */
    const mk_engine_t *engine;
    mk_wasm_module_t  *module;
    mk_identity_t      identity;
    wasm_signature_t   signature;
    uint8_t           *bytes; /* as they came: to recognise them, and where the engine reads them */
    size_t             size;
    char              *from;          /* where they came from first, for people; NULL: not known */
    uint64_t           imports;       /* which of the host's it names, a bit each: mk_imports()  */
    uint32_t           heap_bytes;    /* asked for                                       */
    uint32_t           region_offset; /* where payloads go in a guest that has no allocator, */
    uint32_t           region_size;   /* else both are 0                                  */
    uint32_t           hidden_bytes;  /* what the engine is to hide for that              */
    uint32_t           extra_pages;   /* of 64 KiB, if the module was widened instead     */
    uint64_t           memory_bytes;  /* it declares to begin with                        */
    const char        *alloc, *free;  /* exports of the guest, or NULL                 */
    const char        *initialize;    /* the export to be called before all others     */
} mk_code_t;

/* A module as guests of one engine need it. */
typedef struct mk_code_want {
    const mk_engine_t *engine;
    uint32_t           heap_bytes;
    const void        *bytes;
    size_t             size;
    const char        *from; /* may be NULL */
} mk_code_want_t;

mk_err_t mk_code_start(void); /* once per process */
void     mk_code_stop(void);

/* A share of the loaded module; mk_code_release() gives it back. `err` names what is wrong with it. The bytes are copied. */
MK_MUST_CHECK mk_err_t mk_code_load(const mk_code_want_t *want, mk_code_t **out, char *err, size_t err_size);
/* The same, for bytes from mk_alloc() that are the store's from now on, whatever it answers: for a helper thread. Takes long. */
MK_MUST_CHECK mk_err_t mk_code_load_own(const mk_code_want_t *want, mk_code_t **out, char *err, size_t err_size);
/* A share of it if it is loaded already; else NULL. Takes no longer than comparing the bytes. */
mk_code_t *mk_code_loaded(const mk_code_want_t *want);
/* Another share; for another engine or region for payloads it is loaded once more, now. */
MK_MUST_CHECK mk_err_t mk_code_share(mk_code_t *code, const mk_engine_t *engine, uint32_t heap_bytes, mk_code_t **out, char *err,
                                     size_t err_size);
/* A share of the one whose hash begins with these hexadecimal digits. MK_ERR_INVALID: not such digits; MK_ERR_NOTFOUND; MK_ERR_EXISTS:
 * there are several. `err` says so. */
MK_MUST_CHECK mk_err_t mk_code_by_hash(const char *digits, mk_code_t **out, char *err, size_t err_size);
mk_code_t *mk_code_retain(mk_code_t *code);
void       mk_code_release(mk_code_t *code); /* NULL is allowed */

void mk_code_describe(const mk_code_t *code, wasm_loaded_t *out);

/* Modules loaded now; for tests. */
size_t mk_code_count(void);

#endif
