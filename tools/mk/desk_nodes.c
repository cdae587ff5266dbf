/* SPDX-License-Identifier: Apache-2.0 */
/* desk_nodes.c -- `nodes`: who is linked, and of those that this node was told to be linked with and is not, why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk_parts.h"
#include "settings.h"

static node_info_t *list_nodes(runtime_t *rt, size_t *n) {
    size_t       room = node_list(rt, NULL, 0);
    node_info_t *nodes = calloc(room + 1, sizeof *nodes);
    *n = nodes != NULL ? node_list(rt, nodes, room) : 0;
    return nodes;
}

node_id_t mk_desk_find_node(runtime_t *rt, const char *word) {
    uint32_t     number = 0;
    node_id_t    found = 0;
    size_t       n;
    node_info_t *nodes = list_nodes(rt, &n);
    bool         is_number = mk_settings_number(word, 1, UINT32_MAX, &number);
    for (size_t i = 0; i < n && found == 0; i++) {
        if (strcmp(nodes[i].identity, word) == 0 || (is_number && nodes[i].node == number)) found = nodes[i].node;
    }
    free(nodes);
    return found;
}

/* ---- who is linked ------------------------------------------------------------------------------------------------------ */

/* "40 s", "12 min", "5 h", "3 d" */
static const char *write_age(uint64_t ms, char text[16]) {
    uint64_t s = ms / 1000;
    if (s < 120) snprintf(text, 16, "%u s", (unsigned)s);
    else if (s < 120 * 60) snprintf(text, 16, "%u min", (unsigned)(s / 60));
    else if (s < 48 * 3600) snprintf(text, 16, "%u h", (unsigned)(s / 3600));
    else snprintf(text, 16, "%u d", (unsigned)(s / 86400));
    return text;
}

static void add_node(mk_desk_page_t *page, const node_info_t *node) {
    char               age[16], rtt[24] = "";
    unsigned long long lost = node->lost;
    lost += node->refused;
    if (node->rtt_us != 0) snprintf(rtt, sizeof rtt, "%.1f ms", (double)node->rtt_us / 1000);
    mk_desk_add(page, "%-16s  %-10u  %-8s  %7s  %9s  %5zu  %9llu  %9llu  %5llu  %s%s\n", node->identity,
                (unsigned)node->node, node_role_text(node->role), write_age(node->up_ms, age), rtt, node->names,
                (unsigned long long)node->sent, (unsigned long long)node->received, lost, node->where,
                node->encrypted ? "" : " (plain)");
}

static void add_nodes(mk_desk_page_t *page) {
    size_t       n;
    node_info_t *nodes = list_nodes(page->rt, &n);
    if (n == 0) mk_desk_add(page, "No node is linked.\n");
    else
        mk_desk_add(page, "%-16s  %-10s  %-8s  %7s  %9s  %5s  %9s  %9s  %5s  %s\n", "NODE", "ID", "MAY", "UP", "RTT",
                    "NAMES", "SENT", "RECEIVED", "LOST", "WHERE");
    for (size_t i = 0; i < n; i++) add_node(page, &nodes[i]);
    free(nodes);
}

/* ---- who should be -------------------------------------------------------------------------------------------------------- */

static void add_target(mk_desk_page_t *page, const node_target_t *target) {
    char        where[sizeof target->where + MK_IDENTITY_BYTES + 3], next[16] = "now";
    const char *state = target->state == NODE_TARGET_CONNECTING ? "connecting"
                        : target->hopeless                      ? "refused"
                                                                : "waiting";
    bool        known = target->identity[0] != '\0';
    snprintf(where, sizeof where, "%s%s%s%s", target->where, known ? " (" : "", target->identity, known ? ")" : "");
    if (target->state == NODE_TARGET_WAITING)
        snprintf(next, sizeof next, "%u s", (unsigned)((target->wait_ms + 999) / 1000));
    mk_desk_add(page, "%-32s  %-10s  %8s  %s\n", where, state, next, target->error != MK_OK ? target->why : "-");
}

static void add_targets(mk_desk_page_t *page) {
    size_t         room = node_target_list(page->rt, NULL, 0), open = 0;
    node_target_t *targets = calloc(room + 1, sizeof *targets);
    size_t         n = targets != NULL ? node_target_list(page->rt, targets, room) : 0;
    while (n-- > 0) { /* the first to be mounted first */
        if (targets[n].state == NODE_TARGET_LINKED) continue;
        if (open++ == 0) mk_desk_add(page, "%-32s  %-10s  %8s  %s\n", "NOT LINKED", "STATE", "NEXT TRY", "LAST ERROR");
        add_target(page, &targets[n]);
    }
    free(targets);
}

void mk_desk_nodes(runtime_t *rt, actor_id_t shell) {
    mk_desk_page_t page = {.rt = rt, .shell = shell};
    add_nodes(&page);
    add_targets(&page);
    mk_desk_end(&page);
}
