/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_wamr.c -- WAMR's fast interpreter as a node uses it: through engine.h, without a limit on time. */
#include "kernels_engines.h"

#include "base/mem.h"
#include "bench.h"
#include "wasm/engine.h"

typedef struct wamr {
    mk_wasm_module_t   *module;
    mk_wasm_instance_t *instance;
    mk_wasm_function_t  function;
} wamr_t;

/* The engine wants to know of an import; no kernel has one. */
static mk_host_end_t import_none(void *host, const uint64_t *args, uint64_t *result) {
    (void)host, (void)args, (void)result;
    return MK_HOST_DONE;
}
static const mk_host_import_t imports[] = {{{"env", "none", "()"}, import_none}};

static void *wamr_open(const uint8_t *bytes, size_t size) {
    static const mk_wasm_limits_t limits = {.stack_bytes = 64 * 1024, .memory_pages_max = 64};
    char                          err[128] = "";
    wamr_t                       *wamr = mk_calloc(1, sizeof *wamr);
    bench_check(wamr != NULL, "memory");
    bench_check(mk_engine_wamr.start(imports, 1) == MK_OK, "starting WAMR");
    if (mk_engine_wamr.load(bytes, size, &wamr->module, err, sizeof err) != MK_OK) bench_failed(err);
    if (mk_engine_wamr.instantiate(wamr->module, &limits, NULL, &wamr->instance, err, sizeof err) != MK_OK)
        bench_failed(err);
    wamr->function = mk_engine_wamr.find(wamr->instance, "run", "(i)i");
    bench_check(wamr->function != 0, "an export \"run\"");
    return wamr;
}

static uint32_t wamr_run(void *opened, uint32_t n) {
    wamr_t  *wamr = opened;
    uint64_t arg = n, result = 0;
    if (mk_engine_wamr.call(wamr->instance, wamr->function, &arg, 0, &result) != MK_WASM_DONE) {
        char text[160];
        mk_engine_wamr.trap_text(wamr->instance, text, sizeof text);
        bench_failed(text);
    }
    return (uint32_t)result;
}

static void wamr_close(void *opened) {
    wamr_t *wamr = opened;
    mk_engine_wamr.destroy(wamr->instance);
    mk_engine_wamr.unload(wamr->module);
    mk_engine_wamr.stop();
    mk_free(wamr);
}

const kernels_engine_t kernels_wamr = {"wamr", wamr_open, wamr_run, wamr_close};
