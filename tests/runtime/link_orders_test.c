/* SPDX-License-Identifier: Apache-2.0 */
/* Two actors of two nodes that link and unlink each other, in every order in which that and the arrival of what they say can
 * happen, up to a length. When everything has arrived both remember the link or neither does, and it stands exactly when one
 * of the LINKs was not undone: neither by who made it, nor by the other having seen it, nor by a refusal. */
#include <stdlib.h>

#include "port/fake/fake.h"
#include "rig/rig.h"
#include "runtime/internal.h"

enum { LENGTH = sizeof(void *) == 8 ? 8 : 6, SAID_MAX = 2 * LENGTH + 8, LINKS_MAX = LENGTH };

/* What one node has said to the other, in order; a link knows which of them it is. */
typedef struct lane {
    mk_remote_t remote; /* first: the other as this one sees it */
    mk_signal_t said[SAID_MAX];
    unsigned    first, n;
} lane_t;

typedef struct made {
    unsigned by;
    uint32_t ref;
    bool     seen, undone;
} made_t;

static runtime_t *nodes[2];
static lane_t     lanes[2]; /* by who says */
static actor_id_t ids[2];
static unsigned   exits[2];
static made_t     made[LINKS_MAX];
static unsigned   made_n;

static void lane_signal(mk_remote_t *remote, const mk_signal_t *signal) {
    lane_t *lane = (lane_t *)remote;
    CHECK(lane->n < SAID_MAX);
    lane->said[lane->n++] = *signal;
    lane->said[lane->n - 1].text.size = 0;
}

static const mk_remote_ops_t lane_ops = {.signal = lane_signal}; /* nobody sends messages */

static bool hear(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self;
    CHECK_EQ(msg->type, MSG_EXIT);
    ++*(unsigned *)state;
    return true;
}

static void enter(unsigned who) {
    actor_options_t options = {.behavior = hear, .state = &exits[who], .trap_exits = true, .orphan = true};
    CHECK_EQ(actor_spawn_opts(nodes[who], &options, &ids[who]), MK_OK);
    exits[who] = 0;
}

static void stage(void) {
    mk_fake_reset(1);
    for (unsigned i = 0; i < 2; i++) {
        CHECK((nodes[i] = runtime_create(&(runtime_config_t){.node_id = i + 1})) != NULL);
        enter(i);
        lanes[i] = (lane_t){.remote = {.ops = &lane_ops, .node = 2 - i, .may = 0xff}};
        CHECK_EQ(mk_remote_up(nodes[i], &lanes[i].remote), MK_OK);
    }
}

static void strike(void) {
    for (unsigned i = 0; i < 2; i++) {
        mk_remote_down(nodes[i], &lanes[i].remote);
        runtime_destroy(nodes[i]);
    }
}

static void settle(unsigned who) {
    while (runtime_step(nodes[who])) continue;
}

/* ---- what can happen ---- */

static bool remembers(unsigned who) {
    return mk_far_by_pair(nodes[who], &lanes[who].remote, MK_FAR_LINK, actor_id_seq(ids[who]),
                          actor_id_seq(ids[1 - who])) != NULL;
}

static bool links(unsigned who) {
    if (!actor_is_alive(nodes[who], ids[who])) return false;
    CHECK_EQ(mk_far_link(nodes[who], mk_actor_find(nodes[who], ids[who]), ids[1 - who]), MK_OK);
    CHECK(made_n < LINKS_MAX);
    made[made_n++] = (made_t){.by = who, .ref = lanes[who].remote.link_ref};
    return true;
}

static bool unlinks(unsigned who) {
    if (!remembers(who)) return false; /* it would do nothing */
    mk_far_unlink(nodes[who], mk_actor_find(nodes[who], ids[who]), ids[1 - who]);
    for (unsigned i = 0; i < made_n; i++) made[i].undone |= made[i].by == who || made[i].seen;
    return true;
}

/* The first that `who` has said and that was not heard yet comes to the other, who may refuse to be linked by it. */
static bool arrives(unsigned who, bool refused) {
    lane_t  *lane = &lanes[who], *back = &lanes[1 - who];
    made_t  *link = NULL;
    mk_err_t err;
    if (lane->first == lane->n) return false;
    mk_signal_t signal = lane->said[lane->first];
    if (refused && signal.kind != MK_SIGNAL_LINK) return false; /* the same as without */
    lane->first++;
    for (unsigned i = 0; i < made_n && signal.kind == MK_SIGNAL_LINK; i++)
        if (made[i].by == who && made[i].ref == signal.ref) link = &made[i];
    refused = refused && !remembers(1 - who);
    back->remote.may = refused ? 0 : 0xff;
    err = mk_remote_signal(nodes[1 - who], &back->remote, &signal);
    CHECK_EQ(err, refused ? MK_ERR_DENIED : MK_OK);
    if (link != NULL && refused) link->undone = true;
    if (link != NULL) link->seen = true;
    settle(1 - who);
    return true;
}

static bool ends(unsigned who) {
    if (!actor_is_alive(nodes[who], ids[who])) return false;
    actor_stop(nodes[who], ids[who]);
    settle(who);
    return true;
}

enum { A_LINKS, A_UNLINKS, B_LINKS, B_UNLINKS, A_IS_HEARD, B_IS_HEARD, A_IS_REFUSED, A_ENDS, DEEDS };

static bool happens(unsigned deed) {
    switch (deed) {
    case A_LINKS: return links(0);
    case A_UNLINKS: return unlinks(0);
    case B_LINKS: return links(1);
    case B_UNLINKS: return unlinks(1);
    case A_IS_HEARD: return arrives(0, false);
    case B_IS_HEARD: return arrives(1, false);
    case A_IS_REFUSED: return arrives(0, true);
    default: return ends(0);
    }
}

/* ---- every order of it ---- */

static unsigned order[LENGTH];

static void wrong(const char *what) {
    static const char *const names[] = {"A links",    "A unlinks",  "B links",      "B unlinks",
                                        "A is heard", "B is heard", "A is refused", "A ends"};
    char                     story[LENGTH * 16] = "";
    for (unsigned i = 0; i < LENGTH; i++) {
        strcat(story, i != 0 ? ", " : "");
        strcat(story, names[order[i]]);
    }
    rig_fail(__FILE__, __LINE__, "%s: %s", story, what);
}

static void all_arrives(void) {
    while (arrives(0, false) || arrives(1, false)) continue;
}

static void check(void) {
    bool stands = false, alive = actor_is_alive(nodes[0], ids[0]);
    all_arrives();
    for (unsigned i = 0; i < made_n; i++) stands |= !made[i].undone;
    if (!alive && (remembers(0) || remembers(1))) wrong("linked with one who is gone");
    if (alive && remembers(0) != remembers(1)) wrong(remembers(0) ? "only A is linked" : "only B is linked");
    if (alive && remembers(0) != stands) wrong(stands ? "the link is lost" : "the link came back");
}

/* As at the beginning; what is left is undone from both sides at once, or ends. */
static void again(bool by_end) {
    all_arrives();
    unsigned had = exits[1], linked = remembers(1);
    if (!by_end) (void)unlinks(0), (void)unlinks(1);
    else (void)ends(0);
    all_arrives();
    if (remembers(0) || remembers(1)) wrong("not undone");
    if (exits[1] - had != (by_end ? linked : 0)) wrong("the end was not told once");
    if (!actor_is_alive(nodes[0], ids[0])) enter(0);
    CHECK_EQ(lanes[0].remote.far_n + lanes[1].remote.far_n, 0);
    lanes[0].first = lanes[0].n = lanes[1].first = lanes[1].n = made_n = 0;
}

/* Orders with something in them that cannot happen there are passed over, with all that begin like it. */
TEST(whatever_crosses_both_are_linked_or_neither_and_as_the_last_word_was) {
    uint64_t checked = 0;
    stage();
    memset(order, 0, sizeof order);
    for (;;) {
        unsigned at = 0;
        while (at < LENGTH && happens(order[at])) at++;
        if (at == LENGTH) {
            check();
            checked++;
            at--;
        }
        again((checked & 1) != 0);
        for (unsigned i = at + 1; i < LENGTH; i++) order[i] = 0;
        while (++order[at] == DEEDS) {
            order[at] = 0;
            if (at == 0) {
                printf("%llu orders ", (unsigned long long)checked);
                CHECK(checked > 1000);
                strike();
                return;
            }
            at--;
        }
    }
}
