/* SPDX-License-Identifier: Apache-2.0 */
/* One node and three peers against a model that keeps every claim in an array and looks at all of them for every answer. */
#include "ns/stage.h"
#include "rig/random.h"

enum { PEERS = 3, TEXTS = 14, SEEDS = sizeof(void *) == 8 ? 10 : 3, STEPS = 300 };

/* `%s` is the identity of whoever claims it. */
static const char *const texts[TEXTS] = {"a",
                                         "/a",
                                         "b",
                                         "b/c",
                                         "/b/c",
                                         "node",
                                         "/node",
                                         "storage/kv",
                                         "/storage/kv",
                                         "/node/%s/a",
                                         "/node/%s/b/c",
                                         "/node/%s/storage/kv",
                                         "/node/%s/ai/infer",
                                         "/node/%s/"};
static const char *const identities[PEERS + 1] = {"me", "one", "two", "three"};

typedef struct entry {
    bool     there, said;
    uint32_t seq;
    uint64_t stamp, counter; /* the counter outlives the entry */
} entry_t;

static entry_t       model[PEERS + 1][TEXTS]; /* 0: ours */
static mk_ns_peer_t *peers[PEERS + 1];
static part_t        parts[2];
static uint64_t      wall_ms;

static node_id_t node_of(unsigned who) { return who == 0 ? 1 : 100 - who; }

static const char *text_of(unsigned who, unsigned k) {
    static char text[64];
    snprintf(text, sizeof text, texts[k], identities[who]);
    return text;
}

static bool is_shared(unsigned k) { return strchr(texts[k], '%') == NULL; }

/* Whether claim k of `who` stands at `path`, and how far behind others of the same node (below it) it is there. */
static int rank_at(unsigned who, unsigned k, const char *path) {
    char        below[96];
    const char *text = text_of(who, k);
    if (strcmp(text, path) == 0) return 0;
    if (!is_shared(k)) return -1;
    snprintf(below, sizeof below, "/node/%s/%s", identities[who], text + (text[0] == '/'));
    return strcmp(below, path) == 0 ? 1 + (text[0] == '/') : -1;
}

static const entry_t *best_at(const char *path, bool ours_below, node_id_t *node) {
    const entry_t *best = NULL;
    int            best_rank = 0;
    for (unsigned who = 0; who <= PEERS; who++) {
        for (unsigned k = 0; k < TEXTS; k++) {
            const entry_t *entry = &model[who][k];
            int            rank = entry->there ? rank_at(who, k, path) : -1;
            if (rank < 0 || (who == 0 && rank > 0 && !ours_below)) continue;
            bool shared = rank == 0 && is_shared(k);
            if (best != NULL && shared &&
                (entry->stamp > best->stamp || (entry->stamp == best->stamp && node_of(who) > *node)))
                continue;
            if (best != NULL && !shared && rank >= best_rank) continue;
            best = entry;
            best_rank = rank;
            *node = node_of(who);
        }
    }
    return best;
}

static actor_id_t id_at(const char *path, bool ours_below) {
    node_id_t      node = 0;
    const entry_t *best = best_at(path, ours_below, &node);
    return best != NULL && best->seq != 0 ? actor_id_make(node, best->seq) : ACTOR_ID_INVALID;
}

/* ---- what may happen ---- */

static void say(rig_random_t *random, unsigned who, unsigned k) {
    entry_t *entry = &model[who][k], *ours = &model[0][k];
    uint64_t counter = entry->counter + rig_random_below(random, 5), stamp = 1000 + rig_random_below(random, 20);
    uint32_t seq = rig_random_below(random, 4);
    counter = counter > 1 ? counter - 1 : 1;
    CHECK_EQ(put(peers[who], text_of(who, k), seq, stamp, counter), MK_OK);
    if (entry->there) entry->said = true;
    if (counter <= entry->counter) return;
    *entry = (entry_t){.there = true, .said = true, .seq = seq, .stamp = stamp, .counter = counter};
    if (is_shared(k) && ours->there && (stamp < ours->stamp || (stamp == ours->stamp && node_of(who) < node_of(0))))
        ours->there = false;
}

static void unsay(rig_random_t *random, unsigned who, unsigned k) {
    entry_t *entry = &model[who][k];
    uint64_t counter = entry->counter + rig_random_below(random, 3);
    CHECK_EQ(drop(peers[who], text_of(who, k), counter), MK_OK);
    if (counter <= entry->counter) return;
    entry->there = false;
    entry->counter = counter;
}

static void sync_some(rig_random_t *random, unsigned who) {
    for (unsigned k = 0; k < TEXTS; k++) model[who][k].said = false;
    mk_ns_peer_sync_begin(peers[who]);
    for (unsigned k = 0; k < TEXTS; k++)
        if (rig_random_below(random, 2)) say(random, who, k);
    mk_ns_peer_sync_end(ns, peers[who]);
    for (unsigned k = 0; k < TEXTS; k++) {
        entry_t *entry = &model[who][k];
        if (entry->there && !entry->said) *entry = (entry_t){0};
    }
}

static void come_or_go(unsigned who) {
    if (peers[who] == NULL) {
        peers[who] = peer_up(node_of(who), identities[who]);
        return;
    }
    mk_ns_peer_remove(ns, peers[who]);
    peers[who] = NULL;
    memset(model[who], 0, sizeof model[who]);
}

static void ours(rig_random_t *random, unsigned k) {
    entry_t   *entry = &model[0][k];
    actor_id_t id = parts[rig_random_below(random, 2)].id;
    mk_err_t   expected = entry->there ? MK_ERR_EXISTS : MK_OK;
    node_id_t  node;
    wall_ms += rig_random_below(random, 2);
    mk_fake_set_wall_ms(wall_ms);
    if (entry->there && rig_random_below(random, 2)) {
        CHECK(actor_unregister_name(rt, text_of(0, k)));
        entry->there = false;
        return;
    }
    if (is_shared(k) && best_at(texts[k], false, &node) != NULL) expected = MK_ERR_EXISTS;
    CHECK_EQ(actor_try_register_name(rt, text_of(0, k), id), expected);
    if (expected == MK_OK) *entry = (entry_t){.there = true, .seq = actor_id_seq(id), .stamp = wall_ms};
}

/* ---- what has to be true ---- */

static char     list_text[8192];
static unsigned list_n;

static bool check_line(void *arg, const char *path, actor_id_t id) {
    CHECK(strcmp(path, arg) > 0);
    strcpy(arg, path);
    CHECK_EQ(id, id_at(path, false));
    list_n++;
    return true;
}

static void check_path(const char *path, unsigned *visible) {
    CHECK_EQ(actor_lookup(rt, path), id_at(path, true));
    *visible += id_at(path, false) != ACTOR_ID_INVALID;
}

static void check_all(void) {
    char     path[96];
    unsigned visible = 0, told_n = 0;
    for (unsigned k = 0; k < TEXTS; k++)
        if (is_shared(k)) check_path(texts[k], &visible);
    for (unsigned who = 0; who <= PEERS; who++) {
        static const char *const tails[] = {"", "a", "b", "b/c", "node", "storage/kv", "ai/infer"};
        for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++) {
            snprintf(path, sizeof path, "/node/%s/%s", identities[who], tails[i]);
            check_path(path, &visible);
        }
    }
    list_n = 0;
    list_text[0] = '\0';
    CHECK_EQ(ns_list(rt, "", NULL, check_line, list_text), visible);
    CHECK_EQ(list_n, visible);
    mk_ns_name_t name;
    for (bool more = mk_ns_next(ns, NULL, &name); more; more = mk_ns_next(ns, name.text, &name)) told_n++;
    for (unsigned k = 0; k < TEXTS; k++) told_n -= model[0][k].there;
    CHECK_EQ(told_n, 0);
    for (unsigned who = 1; who <= PEERS; who++) {
        size_t n = 0;
        for (unsigned k = 0; k < TEXTS; k++) n += model[who][k].there;
        if (peers[who] != NULL) CHECK_EQ(mk_ns_peer_names(peers[who]), n);
    }
    snprintf(path, sizeof path, "/node/storage/kv");
    actor_id_t expected = ACTOR_ID_INVALID;
    for (unsigned who = PEERS; who >= 1; who--) { /* who comes last has the lowest number */
        char      there[64];
        node_id_t node = 0;
        snprintf(there, sizeof there, "/node/%s/storage/kv", identities[who]);
        if (best_at(there, false, &node) == NULL) continue;
        expected = id_at(there, false);
        break;
    }
    CHECK_EQ(actor_lookup(rt, path), expected);
}

/* Whether some path leads to this very claim. */
static bool is_found(unsigned who, unsigned k) {
    char      path[64], below[96];
    node_id_t node;
    strcpy(path, text_of(who, k));
    snprintf(below, sizeof below, "/node/%s/%s", identities[who], path + (path[0] == '/'));
    return best_at(path, false, &node) == &model[who][k] ||
           (is_shared(k) && best_at(below, false, &node) == &model[who][k]);
}

static void check_reverse(void) {
    char name[96];
    for (unsigned who = 1; who <= PEERS; who++) {
        for (uint32_t seq = 1; seq < 4; seq++) {
            actor_id_t id = actor_id_make(node_of(who), seq);
            bool       any = false;
            size_t     size = actor_reverse_lookup(rt, id, name, sizeof name);
            for (unsigned k = 0; k < TEXTS; k++)
                any |= model[who][k].there && model[who][k].seq == seq && is_found(who, k);
            CHECK_EQ(size != 0, any);
            if (any) CHECK_EQ(actor_lookup(rt, name), id);
        }
    }
}

static void run_seed(uint64_t seed) {
    rig_random_t random = {seed * 0x9e3779b97f4a7c15u + 1};
    memset(model, 0, sizeof model);
    memset(peers, 0, sizeof peers);
    wall_ms = 1000;
    ns_up();
    enter(&parts[0]);
    enter(&parts[1]);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned who = 1 + rig_random_below(&random, PEERS), k = rig_random_below(&random, TEXTS);
        unsigned what = rig_random_below(&random, 20);
        if (what < 5) ours(&random, k);
        else if (what == 5 || peers[who] == NULL) come_or_go(who);
        else if (what == 6) sync_some(&random, who);
        else if (what < 10) unsay(&random, who, k);
        else say(&random, who, k);
        if (rig_random_below(&random, 4) == 0) (void)runtime_step(rt); /* what is dead may be buried by now, or not */
        check_all();
        check_reverse();
    }
    curtain_down();
}

TEST(names_are_as_in_the_model) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(seed);
}
