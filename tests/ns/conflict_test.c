/* SPDX-License-Identifier: Apache-2.0 */
/* Several nodes that tell each other their names, in one thread: whatever happens, in whatever order news arrives, in the end all
 * agree whose a name is. What a link does (in order, nothing lost while it stands) is played by a queue. */
#include <stdlib.h>

#include "rig/random.h"
#include "ns/stage.h"

enum { NODES_MAX = 4, NEWS_MAX = 4096, NAMES = 5, SEEDS = sizeof(void *) == 8 ? 150 : 20 };

static const char *const names[NAMES] = {"a", "b", "/lab/door", "/lab/light", "z"};

typedef struct news {
    char         text[64];
    mk_ns_name_t name;
    bool         gone;
} news_t;

typedef struct wire { /* from one node to another */
    struct node  *from;
    bool          up;
    mk_ns_peer_t *peer; /* `from`, as the other sees it */
    news_t       *news;
    unsigned      first, n;
} wire_t;

typedef struct node {
    mk_ns_listener_t listener; /* first */
    runtime_t       *rt;
    mk_ns_t         *ns;
    uint64_t         wall_ms; /* clocks differ */
    wire_t           to[NODES_MAX];
    actor_id_t       actor[2];
    unsigned         conflicts;
} node_t;

static node_t   node[NODES_MAX];
static unsigned nodes;

static void queue(wire_t *wire, const mk_ns_name_t *name, bool gone) {
    CHECK(wire->n < NEWS_MAX);
    news_t *news = &wire->news[wire->n++];
    *news = (news_t){.name = *name, .gone = gone};
    strcpy(news->text, name->text);
}

static void changed(mk_ns_listener_t *listener, const mk_ns_name_t *name, bool gone) {
    node_t *from = (node_t *)listener;
    for (unsigned i = 0; i < nodes; i++)
        if (from->to[i].up) queue(&from->to[i], name, gone);
}

static bool idle(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)r, (void)self;
    ((node_t *)state)->conflicts += msg->type == MSG_NAME_CONFLICT;
    return true;
}

static void open_node(node_t *n, unsigned index) {
    char identity[8];
    *n = (node_t){.listener.changed = changed, .wall_ms = 1000000};
    n->rt = runtime_init(10 + index, 0);
    n->ns = mk_ns_of(n->rt);
    snprintf(identity, sizeof identity, "n%u", index);
    CHECK_EQ(mk_ns_set_identity(n->ns, identity), MK_OK);
    mk_ns_listen(n->ns, &n->listener);
    for (unsigned i = 0; i < 2; i++) n->actor[i] = actor_spawn(n->rt, idle, n, NULL, 0);
    for (unsigned i = 0; i < NODES_MAX; i++) {
        n->to[i].from = n;
        n->to[i].news = calloc(NEWS_MAX, sizeof(news_t));
    }
}

static void close_node(node_t *n) {
    mk_ns_unlisten(&n->listener);
    runtime_destroy(n->rt);
    for (unsigned i = 0; i < NODES_MAX; i++) free(n->to[i].news);
}

/* ---- links ---- */

static void half_up(unsigned from, unsigned to) {
    wire_t *wire = &node[from].to[to];
    char    identity[8];
    snprintf(identity, sizeof identity, "n%u", from);
    CHECK_EQ(mk_ns_peer_add(node[to].ns, 10 + from, identity, &wire->peer), MK_OK);
    wire->up = true;
    wire->first = wire->n = 0;
    mk_ns_name_t name;
    for (bool more = mk_ns_next(node[from].ns, NULL, &name); more; more = mk_ns_next(node[from].ns, name.text, &name))
        queue(wire, &name, false);
}

static void half_down(unsigned from, unsigned to) {
    wire_t *wire = &node[from].to[to];
    wire->up = false;
    mk_ns_peer_remove(node[to].ns, wire->peer);
}

static void set_link(unsigned a, unsigned b, bool up) {
    if (a == b || node[a].to[b].up == up) return;
    if (up) half_up(a, b), half_up(b, a);
    else half_down(a, b), half_down(b, a);
}

static bool deliver(unsigned from, unsigned to) {
    wire_t *wire = &node[from].to[to];
    if (!wire->up || wire->first == wire->n) return false;
    news_t *news = &wire->news[wire->first++];
    news->name.text = news->text;
    if (news->gone)
        CHECK_EQ(mk_ns_peer_drop(node[to].ns, wire->peer, news->text, news->name.size, news->name.counter), MK_OK);
    else CHECK_EQ(mk_ns_peer_put(node[to].ns, wire->peer, &news->name), MK_OK);
    return true;
}

static void deliver_all(rig_random_t *random) {
    for (unsigned quiet = 0; quiet < 500; quiet++)
        if (deliver(rig_random_below(random, nodes), rig_random_below(random, nodes))) quiet = 0;
    for (unsigned i = 0; i < nodes * nodes; i++) CHECK(!deliver(i / nodes, i % nodes));
}

/* ---- what may happen ---- */

static void do_something(rig_random_t *random) {
    node_t     *n = &node[rig_random_below(random, nodes)];
    const char *name = names[rig_random_below(random, NAMES)];
    n->wall_ms += rig_random_below(random, 3);
    mk_fake_set_wall_ms(n->wall_ms);
    switch (rig_random_below(random, 12)) {
    case 0:
    case 1:
    case 2: (void)actor_register_name(n->rt, name, n->actor[rig_random_below(random, 2)]); break;
    case 3:
        if (actor_id_node(actor_lookup(n->rt, name)) == runtime_get_node_id(n->rt))
            CHECK(actor_unregister_name(n->rt, name));
        break;
    case 4: set_link(rig_random_below(random, nodes), rig_random_below(random, nodes), true); break;
    case 5: set_link(rig_random_below(random, nodes), rig_random_below(random, nodes), false); break;
    case 6: n->wall_ms = 1000000 + rig_random_below(random, 50); break; /* somebody sets its clock */
    default: (void)deliver(rig_random_below(random, nodes), rig_random_below(random, nodes)); break;
    }
}

static unsigned owners(const char *name, actor_id_t *owner) {
    unsigned n = 0;
    for (unsigned i = 0; i < nodes; i++) {
        actor_id_t id = actor_lookup(node[i].rt, name);
        if (actor_id_node(id) == runtime_get_node_id(node[i].rt)) *owner = id, n++;
    }
    return n;
}

static void check_agreement(void) {
    for (unsigned k = 0; k < NAMES; k++) {
        actor_id_t owner = ACTOR_ID_INVALID;
        CHECK(owners(names[k], &owner) <= 1);
        for (unsigned i = 0; i < nodes; i++) {
            char path[64];
            CHECK_EQ(actor_lookup(node[i].rt, names[k]), owner);
            for (unsigned j = 0; j < nodes; j++) {
                snprintf(path, sizeof path, "/node/n%u/%s", j, names[k] + (names[k][0] == '/'));
                CHECK_EQ(actor_lookup(node[i].rt, path), actor_id_node(owner) == 10 + j ? owner : ACTOR_ID_INVALID);
            }
        }
    }
}

static void run_seed(uint64_t seed, unsigned how_many) {
    rig_random_t random = {seed * 2654435761u + 1};
    bool         owned[NAMES];
    actor_id_t   any;
    mk_fake_reset(seed);
    nodes = how_many;
    for (unsigned i = 0; i < nodes; i++) open_node(&node[i], i);
    for (unsigned step = 0; step < 300; step++) do_something(&random);
    deliver_all(&random);
    for (unsigned k = 0; k < NAMES; k++) owned[k] = owners(names[k], &any) != 0;
    for (unsigned i = 0; i < nodes * nodes; i++) set_link(i / nodes, i % nodes, true);
    deliver_all(&random);
    check_agreement();
    for (unsigned k = 0; k < NAMES; k++) CHECK_EQ(owners(names[k], &any), owned[k]); /* nothing is lost by healing */
    for (unsigned i = 0; i < nodes; i++) {
        rt = node[i].rt;
        settle();
    }
    for (unsigned i = 0; i < nodes; i++) close_node(&node[i]);
}

TEST(two_nodes_agree_whose_a_name_is) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(seed, 2);
}

TEST(three_nodes_agree_whose_a_name_is) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(seed, 3);
}

TEST(four_nodes_agree_whose_a_name_is) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(seed, 4);
}

/* After a split: the same name on both sides, every order in which the two claims can meet. */
static void split(uint64_t stamp_a, uint64_t stamp_b, unsigned winner, bool b_first) {
    mk_fake_reset(1);
    nodes = 2;
    for (unsigned i = 0; i < 2; i++) open_node(&node[i], i);
    mk_fake_set_wall_ms(stamp_a);
    CHECK(actor_register_name(node[0].rt, "x", node[0].actor[0]));
    mk_fake_set_wall_ms(stamp_b);
    CHECK(actor_register_name(node[1].rt, "x", node[1].actor[0]));
    set_link(0, 1, true);
    for (unsigned i = 0; i < 4; i++) (void)deliver(b_first ^ (i & 1), b_first ^ !(i & 1));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(actor_lookup(node[i].rt, "x"), node[winner].actor[0]);
        rt = node[i].rt;
        settle();
        CHECK_EQ(node[i].conflicts, i != winner);
    }
    for (unsigned i = 0; i < 2; i++) close_node(&node[i]);
}

TEST(after_a_split_the_older_registration_wins_then_the_lower_node) {
    for (unsigned b_first = 0; b_first < 2; b_first++) {
        split(100, 200, 0, b_first);
        split(200, 100, 1, b_first);
        split(100, 100, 0, b_first);
        split(0, 100, 1, b_first); /* a clock that was never set */
        split(0, 0, 0, b_first);
    }
}
