/* SPDX-License-Identifier: Apache-2.0 */
/* mk nodes -- who announces itself on the local network. A hint and no more: anybody can announce anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "life.h"
#include "microkernel/actor.h"
#include "microkernel/discovery.h"
#include "microkernel/services.h"

enum { WAIT_DEFAULT_MS = 2000, MSG_START = 1 };

/* State of the actor that listens. */
typedef struct listener {
    discovery_payload_t *found;
    size_t               n, room;
    uint32_t             wait_ms;
    mk_err_t             err;
} listener_t;

static discovery_payload_t *find(listener_t *listener, const discovery_payload_t *node) {
    for (size_t i = 0; i < listener->n; i++) {
        discovery_payload_t *known = &listener->found[i];
        if (strcmp(known->identity, node->identity) == 0 && strcmp(known->where, node->where) == 0) return known;
    }
    return NULL;
}

static void add(listener_t *listener, const discovery_payload_t *node) {
    if (listener->n == listener->room) {
        size_t               room = listener->room != 0 ? 2 * listener->room : 16;
        discovery_payload_t *found = realloc(listener->found, room * sizeof *found);
        if (found == NULL) {
            listener->err = MK_ERR_NOMEM;
            return;
        }
        listener->found = found;
        listener->room = room;
    }
    listener->found[listener->n++] = *node;
}

static void on_found(listener_t *listener, const discovery_payload_t *node) {
    discovery_payload_t *known = find(listener, node);
    if (known != NULL) *known = *node;
    else add(listener, node);
}

static void on_lost(listener_t *listener, const discovery_payload_t *node) {
    discovery_payload_t *known = find(listener, node);
    if (known != NULL) *known = listener->found[--listener->n];
}

static bool start(runtime_t *rt, listener_t *listener) {
    listener->err = discovery_watch(rt, true);
    if (listener->err != MK_OK) return false;
    if (actor_set_timer(rt, listener->wait_ms, false) == TIMER_ID_INVALID) listener->err = MK_ERR_NOMEM;
    return listener->err == MK_OK;
}

static bool listen(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    listener_t *listener = state;
    bool        stay = listener->err == MK_OK;
    (void)self;
    switch (msg->type) {
    case MSG_START: stay = start(rt, listener); break;
    case MSG_NODE_FOUND: on_found(listener, msg->payload); break;
    case MSG_NODE_LOST: on_lost(listener, msg->payload); break;
    case MSG_TIMER: stay = false; break;
    default: break;
    }
    return stay;
}

/* ---- what was heard ----------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    const discovery_payload_t *one = a, *other = b;
    int                        order = strcmp(one->identity, other->identity);
    /* An IPv4 address first: it is the one to be typed. */
    if (order == 0) order = (one->where[4] == '[') - (other->where[4] == '[');
    return order != 0 ? order : strcmp(one->where, other->where);
}

static void print_text(const listener_t *listener) {
    const char *format = "%-31s  %-10s  %-12s  %s\n";
    if (listener->n > 0) printf(format, "NAME", "ID", "VERSION", "WHERE");
    for (size_t i = 0; i < listener->n; i++) {
        const discovery_payload_t *node = &listener->found[i];
        char                       id[16] = "";
        if (node->node != 0) snprintf(id, sizeof id, "%u", (unsigned)node->node);
        printf(format, node->identity, id, node->version, node->where);
    }
    if (listener->n == 0) printf("No node announces itself here (mk node --discover).\n");
}

/* None of the texts has a character that JSON would want escaped: discovery.h. */
static void print_json(const listener_t *listener) {
    for (size_t i = 0; i < listener->n; i++) {
        const discovery_payload_t *node = &listener->found[i];
        printf("{\"name\":\"%s\",\"id\":%u,\"version\":\"%s\",\"where\":\"%s\"}\n", node->identity,
               (unsigned)node->node, node->version, node->where);
    }
}

static int run(const mk_settings_t *settings) {
    listener_t      listener = {.wait_ms = settings->wait_ms != 0 ? settings->wait_ms : WAIT_DEFAULT_MS};
    actor_options_t options = {.behavior = listen, .state = &listener};
    actor_id_t      id;
    runtime_t      *rt = mk_life_begin(settings, false);
    if (rt == NULL) return mk_cli_fail("nodes", "out of memory");
    listener.err = actor_spawn_opts(rt, &options, &id);
    if (listener.err == MK_OK && actor_send(rt, id, MSG_START, NULL, 0)) runtime_run(rt);
    mk_life_end(rt);
    int result = MK_CLI_OK;
    if (listener.err == MK_ERR_NOSYS) {
        result = mk_cli_fail("nodes", "not in this build (MK_MDNS): give 'mount' and --mount an address");
    } else if (listener.err != MK_OK) {
        result = mk_cli_fail("nodes", "%s", mk_err_text(listener.err));
    } else {
        if (listener.n > 0) qsort(listener.found, listener.n, sizeof *listener.found, by_name);
        if (settings->json) print_json(&listener);
        else print_text(&listener);
        result = mk_cli_flush("nodes");
    }
    free(listener.found);
    return result;
}

static const mk_option_t *const options[] = {&mk_option_wait, &mk_option_json, &mk_option_log, NULL};

const mk_command_t mk_command_nodes = {
    .name = "nodes",
    .summary = "List the nodes that announce themselves on the local network (mk node --discover).",
    .example = "  mk nodes\n"
               "  mk nodes --json --wait 5 | jq -r .where\n",
    .options = options,
    .log_level = MK_LOG_WARN,
    .run = run,
};
