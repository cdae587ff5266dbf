/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h -- one node with its names, and peers that say what the test has them say. */
#ifndef MK_TESTS_NS_STAGE_H
#define MK_TESTS_NS_STAGE_H

#include "microkernel/namespace.h"
#include "ns/ns.h"
#include "runtime/play.h"

static mk_ns_t *ns;

static inline void ns_up(void) {
    curtain_up(NULL); /* node 1 */
    ns = mk_ns_of(rt);
    CHECK(ns != NULL);
    CHECK_EQ(mk_ns_set_identity(ns, "me"), MK_OK);
}

static inline mk_ns_peer_t *peer_up(node_id_t node, const char *identity) {
    mk_ns_peer_t *peer = NULL;
    CHECK_EQ(mk_ns_peer_add(ns, node, identity, &peer), MK_OK);
    return peer;
}

static inline mk_err_t put(mk_ns_peer_t *peer, const char *text, uint32_t seq, uint64_t stamp_ms, uint64_t counter) {
    mk_ns_name_t name = {
        .text = text, .size = strlen(text), .seq = seq, .stamp_ms = stamp_ms, .counter = counter};
    return mk_ns_peer_put(ns, peer, &name);
}

static inline mk_err_t drop(mk_ns_peer_t *peer, const char *text, uint64_t counter) {
    return mk_ns_peer_drop(ns, peer, text, strlen(text), counter);
}

/* What peers are told, as one text. */
static inline const char *told(void) {
    static char  text[2048];
    mk_ns_name_t name;
    size_t       size = 0;
    text[0] = '\0';
    for (bool more = mk_ns_next(ns, NULL, &name); more; more = mk_ns_next(ns, name.text, &name)) {
        CHECK_EQ(strlen(name.text), name.size);
        size += (size_t)snprintf(text + size, sizeof text - size, "%s ", name.text);
    }
    return text;
}

static inline bool add_path(void *arg, const char *path, actor_id_t id) {
    char *text = arg;
    CHECK(id != ACTOR_ID_INVALID);
    strcat(strcat(text, path), " ");
    return true;
}

static inline const char *listed(const char *prefix) {
    static char text[4096];
    text[0] = '\0';
    ns_list(rt, prefix, NULL, add_path, text);
    return text;
}

/* ---- listening ---- */

typedef struct ear {
    mk_ns_listener_t base; /* first */
    unsigned         n;
    char             text[64]; /* the last name, '-' in front when it is gone */
    mk_ns_name_t     name;
} ear_t;

static inline void hear(mk_ns_listener_t *listener, const mk_ns_name_t *name, bool gone) {
    ear_t *ear = (ear_t *)listener;
    CHECK(name->counter > ear->name.counter);
    ear->n++;
    ear->name = *name;
    snprintf(ear->text, sizeof ear->text, "%s%s", gone ? "-" : "", name->text);
}

static inline ear_t *listen_to(ear_t *ear) {
    *ear = (ear_t){.base.changed = hear};
    mk_ns_listen(ns, &ear->base);
    return ear;
}

#endif
