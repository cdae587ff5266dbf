/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c -- from paths to actors and back, over all nodes. Everything is decided when it is asked, so nothing has to be moved when
 * nodes come and go. */
#include <stdio.h>
#include <string.h>

#include "ns/internal.h"

static mk_path_t joined(const char *head, size_t head_size, const char *tail, size_t tail_size) {
    return (mk_path_t){.head = head, .tail = tail, .head_size = head_size, .tail_size = tail_size};
}

static const mk_claim_t *first(mk_ns_t *ns, mk_path_t path) { return mk_ns_first(ns, &path); }

/* ---- services ------------------------------------------------------------------------------------------------------- */

bool mk_ns_is_service(const char *text, size_t size) {
    return mk_ns_begins(text, size, "storage/", 8) || mk_ns_begins(text, size, "queue/", 6) ||
           mk_ns_begins(text, size, "ai/", 3);
}

/* The best there is. */
static const mk_claim_t *service(mk_ns_t *ns, const char *text, size_t size) {
    const mk_claim_t *claim = first(ns, joined("/node/local/", 12, text, size));
    for (size_t i = 0; claim == NULL && i < ns->peers_n; i++) {
        const mk_prefix_t *prefix = &ns->peers[i]->prefix;
        if (ns->peers[i]->services != 0) claim = first(ns, joined(prefix->text, prefix->size, text, size));
    }
    return claim != NULL ? claim : first(ns, joined("/node/cloudflare/", 17, text, size));
}

/* ---- forwards --------------------------------------------------------------------------------------------------------- */

/* What peers see below /node/<our identity>/ is there for ourselves, too. */
static const mk_claim_t *own(mk_ns_t *ns, const char *text, size_t size) {
    static const char *const heads[] = {"", "/", "/node/local/"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const mk_claim_t *claim = first(ns, joined(heads[i], strlen(heads[i]), text, size));
        if (claim != NULL && claim->peer == NULL) return claim;
    }
    return NULL;
}

actor_id_t mk_ns_resolve(mk_ns_t *ns, const char *name) {
    size_t            size = strlen(name);
    const mk_claim_t *claim = first(ns, mk_path_of(name, size));
    if (claim == NULL && mk_ns_is_ours_alone(name, size)) {
        if (mk_ns_begins(name, size, ns->prefix.text, ns->prefix.size))
            claim = own(ns, name + ns->prefix.size, size - ns->prefix.size);
        else if (mk_ns_is_service(name + 6, size - 6)) claim = service(ns, name + 6, size - 6);
    }
    return claim != NULL ? mk_ns_claim_id(claim) : ACTOR_ID_INVALID;
}

/* ---- backwards ---------------------------------------------------------------------------------------------------------- */

/* Claims of one bearer that are looked at for one that leads back to it: others may stand before it under all of its names. */
enum { REVERSE_MAX = 16 };

static int order_of_seq(const void *key, const mk_place_t *place) {
    uint32_t seq = *(const uint32_t *)key, there = mk_claim_of(place)->seq;
    return seq > there ? 1 : seq < there ? -1 : 0;
}

static int order_behind(const void *key, const mk_place_t *place) {
    return mk_claim_seq_order(key, place) >= 0 ? 1 : -1;
}

/* The name itself where it is the peer's, else below its node. False: neither leads there. */
static bool path_to(mk_ns_t *ns, const mk_claim_t *claim, mk_path_t *out) {
    *out = mk_place_path(&claim->by_text);
    if (first(ns, *out) == claim) return true;
    *out = mk_place_path(&claim->by_node);
    return first(ns, *out) == claim;
}

static void join(const mk_path_t *path, char *to) {
    memcpy(to, path->head, path->head_size);
    memcpy(to + path->head_size, path->tail, path->tail_size);
    to[mk_path_size(path)] = '\0';
}

/* Behind a dead claim there may be a hundred thousand more: whoever walks past them does a slice for each that he meets. */
static void bury_from(mk_ns_t *ns, mk_claim_t *claim) {
    mk_ns_bury(ns, claim);
    mk_ns_bury_some(ns, MK_NS_SLICE);
}

size_t mk_ns_reverse(mk_ns_t *ns, actor_id_t id, char *buf, size_t size) {
    const mk_ns_peer_t *peer = mk_ns_peer_find(ns, actor_id_node(id));
    uint32_t            seq = actor_id_seq(id);
    const mk_place_t   *place = peer != NULL ? mk_tree_find(&peer->by_seq, order_of_seq, &seq) : NULL;
    if (size != 0) buf[0] = '\0';
    for (int i = 0; i < REVERSE_MAX && place != NULL && mk_claim_of(place)->seq == seq; i++) {
        mk_path_t path;
        if (mk_ns_is_dead(mk_claim_of(place))) {
            bury_from(ns, mk_claim_of(place));
            place = mk_tree_find(&peer->by_seq, order_of_seq, &seq);
            i = -1;
            continue;
        }
        if (path_to(ns, mk_claim_of(place), &path)) {
            if (mk_path_size(&path) >= size) return 0;
            join(&path, buf);
            return mk_path_size(&path);
        }
        place = mk_tree_find(&peer->by_seq, order_behind, place);
    }
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------------------------------------- */

/* Where a listing begins: at the prefix, or behind `after`. */
static mk_place_t *begin(const mk_tree_t *tree, const char *prefix, const char *after) {
    mk_path_t path = mk_path_of(prefix, strlen(prefix));
    mk_key_t  key = {path, MK_RANK_FIRST};
    if (after != NULL) {
        mk_path_t behind = mk_path_of(after, strlen(after));
        if (mk_path_compare(&behind, &path) >= 0) return mk_paths_after(tree, &behind);
    }
    return mk_tree_find(tree, mk_key_order, &key);
}

static bool path_begins(const mk_path_t *path, const char *prefix, size_t size) {
    size_t in_head = path->head_size < size ? path->head_size : size;
    return memcmp(path->head, prefix, in_head) == 0 &&
           mk_ns_begins(path->tail, path->tail_size, prefix + in_head, size - in_head);
}

static size_t walk(mk_ns_t *ns, const mk_tree_t *tree, const char *prefix, const char *after, ns_visit_fn *visit,
                   void *arg) {
    char   whole[sizeof((mk_prefix_t *)0)->text + MK_NS_NAME_BYTES_MAX];
    size_t visited = 0;
    if (strcmp(prefix, "/") == 0) prefix = "";
    for (const mk_place_t *place = begin(tree, prefix, after); place != NULL;) {
        mk_claim_t *claim = mk_claim_of(place);
        mk_path_t   path = mk_place_path(place);
        actor_id_t  id = mk_ns_claim_id(claim);
        if (!path_begins(&path, prefix, strlen(prefix))) break;
        if (mk_ns_is_dead(claim)) {
            join(&path, whole);
            mk_key_t here = {mk_path_of(whole, mk_path_size(&path)), MK_RANK_FIRST};
            bury_from(ns, claim);
            place = mk_tree_find(tree, mk_key_order, &here);
            continue;
        }
        if (path.head_size != 0) join(&path, whole); /* ours may be longer, but they have no head here */
        if (id != ACTOR_ID_INVALID) {
            visited++;
            if (!visit(arg, path.head_size != 0 ? whole : path.tail, id)) break;
        }
        place = mk_paths_after(tree, &path);
    }
    return visited;
}

size_t ns_list(runtime_t *rt, const char *prefix, const char *after, ns_visit_fn *visit, void *arg) {
    mk_ns_t *ns = mk_ns_of(rt);
    return ns != NULL ? walk(ns, &ns->table, prefix, after, visit, arg) : 0;
}

/* ---- as text ------------------------------------------------------------------------------------------------------------------ */

static const char more[] = "...\n";
enum { MORE_SIZE = sizeof more - 1 };

typedef struct lines {
    char  *to;
    size_t size, room;
} lines_t;

static bool add_line(void *arg, const char *path, actor_id_t id) {
    lines_t *lines = arg;
    char     number[24];
    size_t   digits = (size_t)snprintf(number, sizeof number, "=%llu\n", (unsigned long long)id), size = strlen(path);
    if (size + digits + MORE_SIZE > lines->room - lines->size) {
        if (lines->room - lines->size >= MORE_SIZE) {
            memcpy(lines->to + lines->size, more, MORE_SIZE);
            lines->size += MORE_SIZE;
        }
        return false;
    }
    memcpy(lines->to + lines->size, path, size);
    memcpy(lines->to + lines->size + size, number, digits);
    lines->size += size + digits;
    return true;
}

size_t mk_ns_list_text(mk_ns_t *ns, const char *prefix, bool as_told, char *to, size_t room) {
    lines_t lines = {.to = to, .room = room};
    (void)walk(ns, as_told ? &ns->told : &ns->table, prefix, NULL, add_line, &lines);
    return lines.size;
}
