/* SPDX-License-Identifier: Apache-2.0 */
/* names.c -- peers are told our names, and we are told theirs.
 *
 * A peer is told all of them in passes: NAMES_BEGIN, every name in order, NAMES_END; a page in each round of the loop, as far as
 * the control lane has room, so nothing waits and nothing grows. A change is told at once when the pass is beyond that name (or
 * over), and is none of our business before, because the pass will come by. When there is no room for a change, it is left out and
 * another pass follows this one: what counts is how things are, not how they came about.
 *
 * Invariant: while `began`, every name up to `at` was said as it was at that time or later. */
#include <string.h>

#include "base/assert.h"
#include "node/cluster_parts.h"

enum { PAGE_NAMES = 64 };

_Static_assert((int)MK_NS_NAME_BYTES_MAX <= (int)MK_WIRE_NAME_MAX, "what is exported can be said");

static mk_peer_t *peer_of(mk_deferred_t *deferred) { return mk_container_of(deferred, mk_peer_t, sync.more); }

/* ---- telling -------------------------------------------------------------------------------------------------------------- */

static mk_err_t say_kind(mk_peer_t *peer, mk_wire_kind_t kind) {
    uint8_t frame[MK_WIRE_EMPTY_BYTES];
    return mk_peer_say(peer, frame, mk_wire_put_empty(frame, kind));
}

static mk_err_t say_name(mk_peer_t *peer, const mk_ns_name_t *name, bool gone) {
    uint8_t        frame[MK_WIRE_NAME_BYTES_MAX];
    mk_wire_name_t wire = {
        .seq = name->seq, .stamp_ms = name->stamp_ms, .counter = name->counter, .name = {name->text, name->size}};
    return mk_peer_say(peer, frame, gone ? mk_wire_put_name_gone(frame, &wire) : mk_wire_put_name(frame, &wire));
}

static void on_more(mk_loop_t *loop, mk_deferred_t *deferred);

static void go_on(mk_peer_t *peer) { mk_loop_again(peer->cluster->loop, &peer->sync.more, on_more); }

static void begin_pass(mk_peer_t *peer) {
    mk_sync_t *sync = &peer->sync;
    if (say_kind(peer, MK_WIRE_NAMES_BEGIN) != MK_OK) return; /* mk_sync_drained() comes */
    sync->began = true;
    sync->behind = false;
    sync->at[0] = '\0';
    go_on(peer);
}

static void say_page(mk_peer_t *peer) {
    mk_sync_t   *sync = &peer->sync;
    mk_ns_name_t name;
    for (int i = 0; i < PAGE_NAMES; i++) {
        if (!mk_ns_next(peer->cluster->ns, sync->at[0] != '\0' ? sync->at : NULL, &name)) {
            if (say_kind(peer, MK_WIRE_NAMES_END) != MK_OK) return;
            sync->began = false;
            if (sync->behind) begin_pass(peer);
            return;
        }
        if (say_name(peer, &name, false) != MK_OK) return;
        memcpy(sync->at, name.text, name.size + 1);
    }
    go_on(peer);
}

static void on_more(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_peer_t *peer = peer_of(deferred);
    (void)loop;
    if (peer->sync.began) say_page(peer);
    else if (peer->sync.behind) begin_pass(peer);
}

static void tell_change(mk_peer_t *peer, const mk_ns_name_t *name, bool gone) {
    mk_sync_t *sync = &peer->sync;
    if (!sync->on || (sync->behind && !sync->began)) return;
    if (sync->began && strcmp(name->text, sync->at) > 0) return;
    if (say_name(peer, name, gone) == MK_OK || sync->behind) return;
    sync->behind = true;
    if (!sync->began) go_on(peer);
}

static void on_changed(mk_ns_listener_t *listener, const mk_ns_name_t *name, bool gone) {
    mk_cluster_t *cluster = mk_container_of(listener, mk_cluster_t, names);
    for (mk_node_t *node = cluster->peers; node != NULL; node = node->next)
        tell_change(mk_container_of(node, mk_peer_t, all), name, gone);
}

void mk_sync_open(mk_cluster_t *cluster) {
    cluster->names.changed = on_changed;
    mk_ns_listen(cluster->ns, &cluster->names);
}

void mk_sync_close(mk_cluster_t *cluster) { mk_ns_unlisten(&cluster->names); }

void mk_sync_up(mk_peer_t *peer) {
    bool may_look = (mk_link_remote(peer->link)->may & MK_MAY_LOOKUP) != 0;
    bool knows = (mk_link_hello(peer->link)->features & MK_WIRE_FEATURE_NAMES) != 0;
    if (!knows) peer->sync.heard = true; /* there is nothing to wait for */
    if (!may_look || !knows) return;
    peer->sync.on = true;
    peer->sync.behind = true;
    begin_pass(peer);
}

void mk_sync_drained(mk_peer_t *peer) {
    if (peer->sync.on && (peer->sync.began || peer->sync.behind)) go_on(peer);
}

void mk_sync_down(mk_peer_t *peer) {
    peer->sync.on = false;
    mk_deferred_cancel(&peer->sync.more);
}

/* ---- being told ------------------------------------------------------------------------------------------------------------------ */

/* Who may only look on takes no part in the names of all: what it has is seen below /node/<identity>/ alone, so it cannot take a
 * name away from anybody. */
static size_t rename_own(const mk_peer_t *peer, const mk_slice_t *name, char out[MK_WIRE_NAME_MAX + 1]) {
    static const char node[] = "/node/";
    const char       *text = name->data;
    size_t            size = 0, identity = strlen(peer->identity);
    bool              may_share = (mk_link_remote(peer->link)->may & MK_MAY_SEND) != 0;
    bool              is_own = name->size >= sizeof node - 1 && memcmp(text, node, sizeof node - 1) == 0;
    if (!may_share && !is_own) {
        if (name->size + sizeof node + identity + 1 > MK_WIRE_NAME_MAX) return 0;
        memcpy(out, node, sizeof node - 1);
        memcpy(out + sizeof node - 1, peer->identity, identity);
        size = sizeof node - 1 + identity;
        if (text[0] != '/') out[size++] = '/';
    }
    memcpy(out + size, text, name->size);
    size += name->size;
    out[size] = '\0';
    return size;
}

static mk_err_t hear_name(mk_peer_t *peer, const mk_wire_name_t *wire, bool gone) {
    mk_cluster_t *cluster = peer->cluster;
    char          text[MK_WIRE_NAME_MAX + 1];
    if (wire->name.size == 0 || wire->name.size > MK_WIRE_NAME_MAX) return MK_ERR_PROTO;
    size_t size = rename_own(peer, &wire->name, text);
    if (size == 0) return MK_OK; /* too long for where it would be */
    mk_ns_name_t name = {
        .text = text, .size = size, .seq = wire->seq, .stamp_ms = wire->stamp_ms, .counter = wire->counter};
    if (gone) return mk_ns_peer_drop(cluster->ns, peer->ns, text, size, wire->counter);
    mk_err_t err = mk_ns_peer_put(cluster->ns, peer->ns, &name);
    if (err != MK_ERR_LIMIT) return err;
    if (!peer->sync.warned)
        actor_log(cluster->rt, MK_LOG_WARN, "node: %s has more names than are kept here; the rest is not seen",
                  peer->identity);
    peer->sync.warned = true;
    return MK_OK;
}

static void hear_end(mk_peer_t *peer) {
    mk_ns_peer_sync_end(peer->cluster->ns, peer->ns);
    if (peer->sync.heard) return;
    peer->sync.heard = true;
    mk_mounts_heard(peer);
}

static mk_err_t hear(mk_peer_t *peer, const mk_wire_frame_t *frame) {
    mk_wire_name_t name;
    switch (frame->kind) {
    case MK_WIRE_NAMES_BEGIN: mk_ns_peer_sync_begin(peer->ns); return MK_OK;
    case MK_WIRE_NAMES_END: hear_end(peer); return MK_OK;
    case MK_WIRE_NAME: return mk_wire_get_name(frame, &name) ? hear_name(peer, &name, false) : MK_ERR_PROTO;
    case MK_WIRE_NAME_GONE: return mk_wire_get_name_gone(frame, &name) ? hear_name(peer, &name, true) : MK_ERR_PROTO;
    default: return MK_ERR_PROTO;
    }
}

mk_err_t mk_sync_frame(mk_peer_t *peer, const mk_wire_frame_t *frame) {
    mk_err_t err = hear(peer, frame);
    if (err != MK_ERR_NOMEM) return err;
    /* A name that we cannot keep must not be missing for ever: the next link begins with all of them. */
    if (peer->state == MK_PEER_UP) {
        actor_log(peer->cluster->rt, MK_LOG_ERROR, "node: out of memory for the names of %s", peer->identity);
        mk_peer_finish(peer);
    }
    return MK_OK;
}
