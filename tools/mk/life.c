/* SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include <stdlib.h>
#include <sys/random.h>

#include "microkernel/namespace.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"

/* Anywhere in the lower half: two thousand million are left in any case. */
static uint32_t random_start(void) {
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) number = 0;
    return (number & INT32_MAX) | 1;
}

runtime_t *mk_life_begin(const mk_settings_t *settings, bool among_others) {
    setenv("MK_NODE_NAME", settings->name, 1); /* where the node's rooms look for it */
    if (!wasm_actors_init()) return NULL;
    runtime_config_t config = {.node_id = settings->node_id};
    if (among_others) {
        if (config.node_id == 0) config.node_id = mk_node_id();
        config.sequence_start = random_start();
    }
    runtime_t *rt = runtime_create(&config);
    if (rt == NULL) {
        wasm_actors_cleanup();
        return NULL;
    }
    runtime_enable_logging(rt);
    runtime_set_log_level(rt, settings->log_level);
    return rt;
}

void mk_life_end(runtime_t *rt) {
    runtime_flush_log(rt);
    runtime_destroy(rt);
    wasm_actors_cleanup();
}
