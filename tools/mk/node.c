/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <stdlib.h>

#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"

runtime_t *mk_node_open(const mk_settings_t *settings) {
    setenv("MK_NODE_NAME", settings->name, 1); /* where the node's rooms look for it */
    if (!wasm_actors_init()) return NULL;
    runtime_t *rt = runtime_create(&(runtime_config_t){.node_id = settings->node_id});
    if (rt == NULL) {
        wasm_actors_cleanup();
        return NULL;
    }
    runtime_enable_logging(rt);
    runtime_set_log_level(rt, settings->log_level);
    return rt;
}

uint32_t mk_node_grants(const mk_settings_t *settings) {
    if (settings->trusted) return WASM_GRANTS_ALL;
    return (uint32_t)WASM_GRANTS_LOADED | (settings->http_hosts != NULL ? (uint32_t)WASM_GRANT_HTTP : 0);
}

void mk_node_close(runtime_t *rt) {
    runtime_flush_log(rt);
    runtime_destroy(rt);
    wasm_actors_cleanup();
}
