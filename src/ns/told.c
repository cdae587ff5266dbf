/* SPDX-License-Identifier: Apache-2.0 */
/* told.c -- which of our names peers are told, how, and the news of it. */
#include <string.h>

#include "base/mem.h"
#include "microkernel/runtime.h"
#include "ns/internal.h"
#include "runtime/remote.h"

static const char local[] = "/node/local/";
enum { LOCAL_SIZE = sizeof local - 1 };

/* ---- rules ----------------------------------------------------------------------------------------------------------- */

#define RULE(text, exported) \
    { text, sizeof(text) - 1, false, exported }

/* What everybody starts with. Names below /node/ that are neither this node's own nor offered never get as far as a rule. */
static const mk_ns_rule_t first_rules[] = {
    RULE("", true),
    RULE("ns", false),
    RULE("/node/local/", false),
    RULE("/node/local/storage/", true),
    RULE("/node/local/queue/", true),
    RULE("/node/local/ai/", true),
    RULE("/node/local/caps", true),
};

/* Whole parts of a name: `shell` is about shell and shell/x, and not about shellac. */
static bool is_about(const mk_ns_rule_t *rule, const mk_claim_t *claim) {
    if (!mk_ns_begins(claim->text, claim->size, rule->text, rule->size)) return false;
    if (rule->open || rule->size == 0 || rule->size == claim->size) return true;
    return rule->text[rule->size - 1] == '/' || claim->text[rule->size] == '/';
}

/* The longer text decides; of two of the same length the one that says where it ends; of two that say the same the later. */
static const mk_ns_rule_t *better(const mk_ns_rule_t *best, const mk_ns_rule_t *rule, const mk_claim_t *claim) {
    if (!is_about(rule, claim)) return best;
    if (best == NULL || rule->size != best->size) return best == NULL || rule->size > best->size ? rule : best;
    return rule->open && !best->open ? best : rule;
}

static bool is_exported(const mk_ns_t *ns, const mk_claim_t *claim) {
    const mk_ns_rule_t *best = NULL;
    for (size_t i = 0; i < sizeof first_rules / sizeof *first_rules; i++) best = better(best, &first_rules[i], claim);
    for (size_t i = 0; i < ns->rules_n; i++) best = better(best, &ns->rules[i], claim);
    return best->exported;
}

static mk_err_t add_rule(mk_ns_t *ns, const char *which, bool exported) {
    size_t size = strlen(which);
    bool   star = size != 0 && which[size - 1] == '*', open = star && size > 1; /* all there are begin with nothing */
    size -= star;
    for (size_t i = 0; i < ns->rules_n; i++) {
        const mk_ns_rule_t *rule = &ns->rules[i];
        if (rule->size == size && rule->open == open && memcmp(rule->text, which, size) == 0) {
            ns->rules[i].exported = exported;
            return MK_OK;
        }
    }
    char         *text = mk_strndup(which, size);
    mk_ns_rule_t *rules = text != NULL ? mk_realloc(ns->rules, (ns->rules_n + 1) * sizeof *rules) : NULL;
    if (rules == NULL) {
        mk_free(text);
        return MK_ERR_NOMEM;
    }
    ns->rules = rules;
    ns->rules[ns->rules_n++] = (mk_ns_rule_t){.text = text, .size = size, .open = open, .exported = exported};
    return MK_OK;
}

mk_err_t ns_export(runtime_t *rt, const char *which, bool exported) {
    if (strlen(which) > MK_NS_NAME_BYTES_MAX) return MK_ERR_TOOLONG;
    mk_ns_t *ns = mk_ns_of(rt);
    if (ns == NULL) return MK_ERR_NOMEM;
    mk_err_t err = add_rule(ns, which, exported);
    if (err == MK_OK) mk_ns_retell(ns);
    return err;
}

void ns_keep_names_own(runtime_t *rt, bool own) {
    mk_ns_t *ns = mk_ns_of(rt);
    if (ns == NULL) {
        actor_log(rt, MK_LOG_ERROR, "names are not kept own: out of memory");
        return;
    }
    ns->keep_own = own;
    mk_ns_retell(ns);
}

/* ---- how -------------------------------------------------------------------------------------------------------------- */

static void stand(mk_claim_t *claim, mk_rank_t text, mk_rank_t node, const mk_prefix_t *prefix, size_t skip) {
    claim->rank_text = (uint8_t)text;
    claim->rank_node = (uint8_t)node;
    claim->prefix = prefix;
    claim->skip = (uint8_t)skip;
}

bool mk_ns_how_told(const mk_ns_t *ns, mk_claim_t *claim) {
    const char *text = claim->text;
    size_t      size = claim->size;
    bool        slash = text[0] == '/';
    stand(claim, MK_RANK_PRIVATE, MK_RANK_LITERAL, NULL, 0);
    if (!is_exported(ns, claim)) return false;
    if (mk_ns_begins(text, size, ns->prefix.text, ns->prefix.size)) return size <= MK_NS_NAME_BYTES_MAX;
    if (mk_ns_begins(text, size, local, LOCAL_SIZE)) {
        stand(claim, MK_RANK_PRIVATE, MK_RANK_OFFERED, &ns->prefix, LOCAL_SIZE);
    } else if (mk_ns_is_ours_alone(text, size)) {
        return false;
    } else if (ns->keep_own) {
        stand(claim, MK_RANK_PRIVATE, slash ? MK_RANK_SLASHED : MK_RANK_PLAIN, &ns->prefix, slash);
    } else if (size <= MK_NS_NAME_BYTES_MAX) {
        stand(claim, MK_RANK_SHARED, MK_RANK_PLAIN, NULL, 0);
    }
    mk_path_t path = mk_place_path(&claim->by_node);
    return mk_path_size(&path) <= MK_NS_NAME_BYTES_MAX;
}

/* ---- news --------------------------------------------------------------------------------------------------------------- */

/* The name as peers are told. Good until the next one. */
static void describe(mk_ns_t *ns, const mk_place_t *place, mk_ns_name_t *out) {
    const mk_claim_t *claim = mk_claim_of(place);
    mk_path_t         path = mk_place_path(place);
    memcpy(ns->scratch, path.head, path.head_size);
    memcpy(ns->scratch + path.head_size, path.tail, path.tail_size);
    ns->scratch[mk_path_size(&path)] = '\0';
    *out = (mk_ns_name_t){.text = ns->scratch,
                          .size = mk_path_size(&path),
                          .seq = claim->seq,
                          .stamp_ms = claim->stamp_ms,
                          .counter = claim->counter};
}

static void spread(mk_ns_t *ns, const mk_ns_name_t *name, bool gone) {
    for (mk_node_t *node = ns->listeners, *next; node != NULL; node = next) {
        next = node->next;
        mk_ns_listener_t *listener = mk_container_of(node, mk_ns_listener_t, node);
        listener->changed(listener, name, gone);
    }
}

/* It is what counts for its path now. */
static void news(mk_ns_t *ns, mk_place_t *place) {
    mk_ns_name_t name;
    mk_claim_of(place)->counter = ++ns->counter;
    describe(ns, place, &name);
    spread(ns, &name, false);
}

static bool counts(const mk_ns_t *ns, const mk_place_t *place) {
    mk_path_t path = mk_place_path(place);
    return mk_paths_find(&ns->told, &path) == place;
}

/* Who carries a name that others see may be spoken to by them. */
static void show(const mk_ns_t *ns, const mk_claim_t *claim) {
    actor_t *actor = mk_runtime_actor(ns->rt, mk_ns_claim_id(claim));
    if (actor != NULL) mk_remote_show(actor);
}

void mk_ns_tell(mk_ns_t *ns, mk_claim_t *claim) {
    if (!mk_ns_how_told(ns, claim)) return;
    mk_tree_put(&ns->told, &claim->by_node);
    show(ns, claim);
    if (counts(ns, &claim->by_node)) news(ns, &claim->by_node);
}

void mk_ns_untell(mk_ns_t *ns, mk_claim_t *claim) {
    if (claim->by_node.at == NULL) return;
    bool      counted = counts(ns, &claim->by_node);
    mk_path_t path = mk_place_path(&claim->by_node);
    mk_tree_remove(&claim->by_node);
    if (!counted) return;
    mk_place_t *next = mk_paths_find(&ns->told, &path);
    if (next != NULL) {
        news(ns, next);
        return;
    }
    mk_ns_name_t name;
    claim->counter = ++ns->counter;
    describe(ns, &claim->by_node, &name);
    spread(ns, &name, true);
}

void mk_ns_tell_again(mk_ns_t *ns, mk_claim_t *claim) {
    if (claim->by_node.at == NULL) return;
    show(ns, claim);
    if (counts(ns, &claim->by_node)) news(ns, &claim->by_node);
}

/* What has become shared by a new rule may be a peer's by an older claim. The claim is in no table. */
static bool loses(mk_ns_t *ns, const mk_claim_t *claim, actor_id_t *winner) {
    if (claim->rank_text != MK_RANK_SHARED) return false;
    mk_path_t         path = mk_path_of(claim->text, claim->size);
    const mk_claim_t *there = mk_ns_first(ns, &path);
    if (there == NULL || mk_claim_order(&claim->by_text, &there->by_text) < 0) return false;
    *winner = mk_ns_claim_id(there);
    return true;
}

static bool stands_as_before(const mk_ns_t *ns, mk_claim_t *claim) {
    mk_claim_t before = *claim;
    bool       told = mk_ns_how_told(ns, claim);
    bool       same = told == (claim->by_node.at != NULL) && claim->rank_text == before.rank_text &&
                claim->rank_node == before.rank_node && claim->prefix == before.prefix && claim->skip == before.skip;
    stand(claim, before.rank_text, before.rank_node, before.prefix, before.skip);
    return same;
}

static void retell(mk_ns_t *ns, mk_claim_t *claim) {
    actor_id_t winner;
    if (stands_as_before(ns, claim)) return;
    mk_ns_untell(ns, claim);
    mk_tree_remove(&claim->by_text);
    (void)mk_ns_how_told(ns, claim);
    if (loses(ns, claim, &winner)) {
        mk_ns_withdraw(ns, claim, winner);
        return;
    }
    mk_tree_put(&ns->table, &claim->by_text);
    mk_ns_tell(ns, claim);
}

void mk_ns_retell(mk_ns_t *ns) {
    for (mk_chain_t *node = ns->own.next, *next; node != &ns->own; node = next) {
        next = node->next;
        retell(ns, mk_container_of(node, mk_claim_t, of_owner));
    }
}

/* ---- for room node -------------------------------------------------------------------------------------------------------- */

static const mk_place_t *next_told(const mk_ns_t *ns, const char *after) {
    mk_path_t path = mk_path_of(after != NULL ? after : "", after != NULL ? strlen(after) : 0);
    return mk_paths_after(&ns->told, &path); /* no path is empty */
}

bool mk_ns_next(mk_ns_t *ns, const char *after, mk_ns_name_t *out) {
    const mk_place_t *place = next_told(ns, after);
    if (place == NULL) return false;
    describe(ns, place, out);
    return true;
}

void mk_ns_listen(mk_ns_t *ns, mk_ns_listener_t *listener) { mk_list_push(&ns->listeners, &listener->node); }

void mk_ns_unlisten(mk_ns_listener_t *listener) { mk_list_remove(&listener->node); }
