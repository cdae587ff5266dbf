/* SPDX-License-Identifier: Apache-2.0 */
/* engines.c -- the one file that names every engine built in. The first is the default. */
#include <string.h>

#include "wasm/engine.h"

static const mk_engine_t *const engines[] = {&mk_engine_wamr};

const mk_engine_t *mk_engine_find(const char *name) {
    if (name == NULL) return engines[0];
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        if (strcmp(engines[i]->name, name) == 0) return engines[i];
    }
    return NULL;
}
