/* SPDX-License-Identifier: Apache-2.0 */
/* engines.c -- the one file that names every engine built in. The first is the default. */
#include <string.h>

#include "base/assert.h"
#include "wasm/engine.h"
#include "wasm/imports.h"

static const mk_engine_t *const engines[] = {
    &mk_engine_vm,
#ifdef MK_HAVE_WAMR
    &mk_engine_wamr,
#endif
};
enum { ENGINES = sizeof engines / sizeof engines[0] };

static const mk_engine_t *preferred;
static bool               started[ENGINES];

const mk_engine_t *mk_engine_find(const char *name) {
    if (name == NULL) return preferred != NULL ? preferred : engines[0];
    for (size_t i = 0; i < ENGINES; i++) {
        if (strcmp(engines[i]->name, name) == 0) return engines[i];
    }
    return NULL;
}

void mk_engine_prefer(const char *name) { preferred = name != NULL ? mk_engine_find(name) : NULL; }

mk_err_t mk_engine_start(const mk_engine_t *engine) {
    size_t at = 0, count;
    while (at < ENGINES && engines[at] != engine) at++;
    mk_assert(at < ENGINES);
    if (started[at]) return MK_OK;
    const mk_host_import_t *imports = mk_imports(&count);
    mk_err_t                err = engine->start(imports, count);
    started[at] = err == MK_OK;
    return err;
}

void mk_engines_stop(void) {
    for (size_t i = 0; i < ENGINES; i++) {
        if (started[i]) engines[i]->stop();
        started[i] = false;
    }
}
