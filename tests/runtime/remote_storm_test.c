/* SPDX-License-Identifier: Apache-2.0 */
/* Three nodes, joined by queues that lose nothing, keep their order and are emptied in random pieces; their actors do
 * everything to each other at random, while links go down and come up and whole nodes begin new lives. Nothing may be told
 * twice or never: every call has one answer, every monitor that is not given up fires once, messages between two actors
 * arrive once and in order, no message reaches a stranger, what one side remembers of the other the other remembers too. */
#include <stdlib.h>

#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"
#include "runtime/internal.h"

enum { NODES = 3, CAST = 8, STEPS = sizeof(void *) == 8 ? 12000 : 1000, OPEN_MAX = 32, FULL_MAX = 64, FILL_MAX = 1500 };

static rig_random_t dice;
static bool         in_need; /* memory fails now and then */

static uint32_t roll(uint32_t n) { return rig_random_below(&dice, n); }

/* ---- the wire ---- */

typedef enum what { IS_MESSAGE, IS_SIGNAL, IS_STOP, IS_ROOM } what_t;

typedef struct item item_t;
struct item {
    item_t       *next;
    what_t        what;
    mk_envelope_t envelope;
    mk_signal_t   signal;
    uint32_t      dest;
    char          bytes[];
};

/* What one node has to say to another. */
typedef struct lane {
    mk_remote_t remote; /* first: the other as this one sees it */
    item_t     *head, **tail;
    bool        up, broken;
    uint32_t    stopped[FULL_MAX]; /* mailboxes there that are full */
    unsigned    stopped_n;
} lane_t;

static runtime_t *nodes[NODES];
static lane_t     lanes[NODES][NODES]; /* from, to */

/* The test's own memory is not what is to fail. */
static item_t *append(lane_t *lane, what_t what, const void *bytes, size_t size) {
    item_t *item = calloc(1, sizeof *item + size + 1);
    CHECK(item != NULL);
    item->what = what;
    if (size != 0) memcpy(item->bytes, bytes, size);
    *lane->tail = item;
    lane->tail = &item->next;
    return item;
}

static uint32_t *stopped(lane_t *lane, uint32_t dest) {
    for (unsigned i = 0; i < lane->stopped_n; i++)
        if (lane->stopped[i] == dest) return &lane->stopped[i];
    return NULL;
}

static mk_err_t lane_send(mk_remote_t *remote, const mk_envelope_t *envelope) {
    lane_t *lane = (lane_t *)remote;
    CHECK(lane->up);
    if (roll(30) == 0) return MK_ERR_FULL; /* the link's queue is */
    if (envelope->part != MK_CALL_REPLY && stopped(lane, envelope->dest) != NULL) return MK_ERR_FULL;
    item_t *item = append(lane, IS_MESSAGE, envelope->payload, envelope->size);
    item->envelope = *envelope;
    item->envelope.payload = item->bytes;
    return MK_OK;
}

static mk_err_t lane_send_buffer(mk_remote_t *remote, const mk_envelope_t *envelope, message_buffer_t *buf) {
    mk_err_t err = lane_send(remote, envelope);
    if (err == MK_OK) message_buffer_release(buf);
    return err;
}

static void lane_signal(mk_remote_t *remote, const mk_signal_t *signal) {
    lane_t *lane = (lane_t *)remote;
    CHECK(lane->up);
    if (in_need && roll(300) == 0) lane->broken = true; /* no memory: the link ends, later */
    if (lane->broken) return;
    item_t *item = append(lane, IS_SIGNAL, signal->text.data, signal->text.size);
    item->signal = *signal;
    item->signal.text.data = item->bytes;
}

static void lane_drained(mk_remote_t *remote, uint32_t dest) {
    append((lane_t *)remote, IS_ROOM, NULL, 0)->dest = dest;
}

static const mk_remote_ops_t lane_ops = {lane_send, lane_send_buffer, lane_signal, lane_drained};

static mk_err_t arrive_message(unsigned to, lane_t *back, const item_t *item) {
    const mk_envelope_t *envelope = &item->envelope;
    message_buffer_t    *buf = roll(3) == 0 ? message_buffer_create(envelope->size) : NULL;
    if (buf == NULL) return mk_remote_message(nodes[to], &back->remote, envelope);
    if (envelope->size != 0) memcpy(message_buffer_data(buf), item->bytes, envelope->size);
    return mk_remote_message_buffer(nodes[to], &back->remote, envelope, buf);
}

/* The first of what `from` has said arrives at `to`. */
static void arrive(unsigned from, unsigned to) {
    lane_t   *lane = &lanes[from][to], *back = &lanes[to][from];
    item_t   *item = lane->head;
    mk_err_t  err = MK_OK;
    uint32_t *at;
    if ((lane->head = item->next) == NULL) lane->tail = &lane->head;
    if (back->up) {
        switch (item->what) {
        case IS_MESSAGE: err = arrive_message(to, back, item); break;
        case IS_SIGNAL: err = mk_remote_signal(nodes[to], &back->remote, &item->signal); break;
        case IS_STOP:
            CHECK(stopped(back, item->dest) == NULL); /* said once until there is room */
            CHECK(back->stopped_n < FULL_MAX);
            back->stopped[back->stopped_n++] = item->dest;
            break;
        case IS_ROOM:
            at = stopped(back, item->dest);
            CHECK(at != NULL);
            *at = back->stopped[--back->stopped_n];
            break;
        }
        CHECK(err != MK_ERR_PROTO); /* these are honest nodes */
        if (err == MK_ERR_FULL) append(back, IS_STOP, NULL, 0)->dest = item->envelope.dest;
    }
    free(item);
}

static void lane_clear(lane_t *lane) {
    while (lane->head != NULL) {
        item_t *item = lane->head;
        lane->head = item->next;
        free(item);
    }
    lane->tail = &lane->head;
    lane->stopped_n = 0;
    lane->broken = false;
}

static void half_down(unsigned from, unsigned to) {
    mk_remote_down(nodes[from], &lanes[from][to].remote);
    lanes[from][to].up = false;
}

static void link_down(unsigned i, unsigned j) {
    half_down(i, j);
    half_down(j, i);
    lane_clear(&lanes[i][j]);
    lane_clear(&lanes[j][i]);
}

static bool half_up(unsigned from, unsigned to) {
    static const uint32_t roles[] = {0, MK_MAY_LOOKUP, MK_MAY_LOOKUP | MK_MAY_SEND, 0xff, 0xff, 0xff, 0xff};
    lane_t               *lane = &lanes[from][to];
    *lane = (lane_t){.remote = {.ops = &lane_ops, .node = to + 1, .may = roles[roll(7)]}};
    lane->tail = &lane->head;
    return lane->up = mk_remote_up(nodes[from], &lane->remote) == MK_OK;
}

static void link_up(unsigned i, unsigned j) {
    if (lanes[i][j].up || lanes[j][i].up) link_down(i, j);
    if (!half_up(i, j)) return;
    if (!half_up(j, i)) half_down(i, j);
}

/* ---- the cast ---- */

typedef struct stamp {
    uint32_t from, to; /* serial numbers of who sends and whom it is meant for */
    uint32_t number;
} stamp_t;

typedef struct open_question {
    uint32_t   number; /* 0: none */
    actor_id_t whom;
} question_t;

typedef struct role {
    unsigned   node, slot;
    uint32_t   serial;
    actor_id_t id;
    bool       alive;
    message_t *kept;
    question_t calls[OPEN_MAX], monitors[OPEN_MAX];
} role_t;

static role_t   cast[NODES][CAST];
static uint32_t serials, entered, freed;
static uint32_t said; /* stamps are numbered over all */
static stamp_t  heard[NODES * CAST][NODES * CAST];
static char     fill[FILL_MAX];

enum { MSG_ACT = 1, MSG_SAY, MSG_ASK, MSG_ANSWER };

static role_t *someone(void) { return &cast[roll(NODES)][roll(CAST)]; } /* alive or not, of this life or not */

/* Two that join and part at the same time have to be the same two often enough. */
static role_t *partner(const role_t *role) {
    return roll(4) == 0 ? someone() : &cast[(role->node + 1 + roll(2)) % NODES][role->slot / 4];
}

static question_t *question(question_t *of, uint32_t number) {
    for (int i = 0; i < OPEN_MAX; i++)
        if (of[i].number == number) return &of[i];
    return NULL;
}

static size_t stamped(const role_t *from, const role_t *to) {
    stamp_t stamp = {from->serial, to->serial, ++said};
    memcpy(fill, &stamp, sizeof stamp);
    return sizeof stamp + roll(roll(8) == 0 ? FILL_MAX - sizeof stamp : 60);
}

static void say(role_t *role, runtime_t *rt) {
    role_t *to = someone();
    size_t  size = stamped(role, to);
    if (roll(3) != 0) {
        (void)actor_send(rt, to->id, MSG_SAY, fill, size);
        return;
    }
    message_buffer_t *buf = message_buffer_create(size);
    if (buf == NULL) return;
    memcpy(message_buffer_data(buf), fill, size);
    if (actor_send_buffer(rt, to->id, MSG_SAY, buf) != MK_OK) message_buffer_release(buf);
}

static void ask(role_t *role, runtime_t *rt) {
    role_t     *to = someone();
    question_t *open = question(role->calls, 0);
    if (open == NULL) return;
    *open = (question_t){actor_call(rt, to->id, MSG_ASK, fill, stamped(role, to), roll(200)), to->id};
}

static void monitor(role_t *role, runtime_t *rt) {
    actor_id_t  whom = someone()->id;
    question_t *open = question(role->monitors, 0);
    if (open != NULL) *open = (question_t){actor_monitor(rt, whom), whom};
}

static void give_up(role_t *role, runtime_t *rt) {
    question_t *call = &role->calls[roll(OPEN_MAX)], *watch = &role->monitors[roll(OPEN_MAX)];
    actor_call_cancel(rt, call->number);
    actor_demonitor(rt, watch->number);
    call->number = watch->number = 0;
}

static void let_go(role_t *role, runtime_t *rt) {
    if (role->kept == NULL) return;
    if (roll(2) == 0) (void)actor_reply(rt, role->kept, MSG_ANSWER, fill, roll(FILL_MAX));
    message_release(rt, role->kept);
    role->kept = NULL;
}

static bool act(role_t *role, runtime_t *rt) {
    switch (roll(32)) {
    case 0: actor_trap_exits(rt, roll(3) != 0); break;
    case 1: actor_exit(rt, someone()->id, (uint8_t)roll(6)); break;
    case 2: actor_stop(rt, someone()->id); break;
    case 3: actor_fail(rt, EXIT_FAILED, "storm"); break;
    case 4: return roll(2) == 0;
    case 5:
    case 6: give_up(role, rt); break;
    case 7:
    case 8:
    case 9: (void)!actor_link(rt, partner(role)->id); break;
    case 10:
    case 11:
    case 12: actor_unlink(rt, partner(role)->id); break;
    case 13:
    case 14:
    case 15:
    case 16: monitor(role, rt); break;
    case 17: let_go(role, rt); break;
    case 18:
    case 19:
    case 20:
    case 21:
    case 22:
    case 23: ask(role, rt); break;
    default: say(role, rt); break;
    }
    return true;
}

/* Meant for us, and after what the same actor said before. */
static void check_stamp(role_t *role, const message_t *msg) {
    stamp_t stamp;
    CHECK(msg->payload_size >= sizeof stamp);
    memcpy(&stamp, msg->payload, sizeof stamp);
    CHECK_EQ(stamp.to, role->serial);
    unsigned from = 0;
    for (unsigned i = 0; i < NODES * CAST; i++) {
        const role_t *other = &cast[i / CAST][i % CAST];
        if (other->id == msg->source && other->serial == stamp.from) from = i + 1;
    }
    if (from == 0) return; /* it has ended since */
    stamp_t *last = &heard[from - 1][role->node * CAST + role->slot];
    if (last->from == stamp.from && last->to == stamp.to) CHECK(stamp.number > last->number);
    *last = stamp;
}

static void take_answer(question_t *of, uint32_t number, actor_id_t whom) {
    question_t *asked = number != 0 ? question(of, number) : NULL;
    CHECK(asked != NULL); /* asked, not given up, and not answered before */
    CHECK(asked->whom == whom);
    asked->number = 0;
}

static bool live(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    role_t *role = state;
    (void)self;
    CHECK(rt == nodes[role->node]);
    CHECK(actor_self(rt) == role->id);
    if (msg->type == MSG_ACT) return act(role, rt);
    if (msg->type == MSG_SAY || msg->type == MSG_ASK) check_stamp(role, msg);
    if (msg->type == MSG_DOWN) {
        const down_payload_t *down = msg->payload;
        take_answer(role->monitors, down->monitor, down->actor_id);
    } else if (msg->type != MSG_ASK && msg->call != CALL_ID_INVALID) {
        question_t *asked = question(role->calls, msg->call);
        CHECK(asked != NULL);
        take_answer(role->calls, msg->call, msg->type == MSG_CALL_FAILED ? msg->source : asked->whom);
    } else if (msg->type == MSG_ASK) {
        if (roll(3) != 0) (void)actor_reply(rt, msg, MSG_ANSWER, fill, roll(FILL_MAX));
        if (role->kept == NULL && roll(3) == 0) role->kept = message_take(rt, msg);
    }
    return roll(4) != 0 || act(role, rt);
}

static void leave(void *state) {
    role_t *role = state;
    message_release(nodes[role->node], role->kept);
    role->kept = NULL;
    role->alive = false;
    freed++;
}

static void enter(unsigned node, unsigned slot) {
    role_t *role = &cast[node][slot];
    role_t  was = *role;
    *role = (role_t){.node = node, .slot = slot, .serial = ++serials};
    actor_options_t options = {.behavior = live,
                               .state = role,
                               .free_state = leave,
                               .mailbox_size = 1 + roll(6),
                               .trap_exits = roll(3) != 0,
                               .orphan = true};
    if (actor_spawn_opts(nodes[node], &options, &role->id) == MK_OK) {
        role->alive = true;
        entered++;
        if (roll(4) != 0) mk_remote_show(mk_actor_find(nodes[node], role->id));
    } else {
        *role = was;
    }
}

/* ---- lives ---- */

static void node_up(unsigned i) {
    /* Somewhere, sometimes just before the numbers begin again; far from its other lives. */
    uint32_t start = roll(2) == 0 ? UINT32_MAX - roll(40) : 1 + roll(1u << 31);
    CHECK((nodes[i] = runtime_create(&(runtime_config_t){.node_id = i + 1, .sequence_start = start})) != NULL);
}

static void node_down(unsigned i) {
    for (unsigned j = 0; j < NODES; j++)
        if (j != i) link_down(i, j);
    runtime_destroy(nodes[i]);
}

static void turns(uint32_t n) {
    for (; n > 0; n--) (void)runtime_step(nodes[roll(NODES)]);
}

/* ---- what must hold when nothing is under way ---- */

static unsigned length(const mk_node_t *node) {
    unsigned n = 0;
    for (; node != NULL; node = node->next) n++;
    return n;
}

static bool is_linked(unsigned i, const role_t *a, unsigned j, const role_t *b) {
    return mk_far_by_pair(nodes[i], &lanes[i][j].remote, MK_FAR_LINK, actor_id_seq(a->id), actor_id_seq(b->id)) != NULL;
}

static void check_pair(unsigned i, unsigned j) {
    mk_remote_t *there = &lanes[i][j].remote, *back = &lanes[j][i].remote;
    unsigned     links = 0;
    if (!lanes[i][j].up || !lanes[j][i].up) return;
    CHECK_EQ(lanes[i][j].stopped_n, 0);
    for (unsigned k = 0; k < CAST * CAST; k++) {
        const role_t *a = &cast[i][k / CAST], *b = &cast[j][k % CAST];
        CHECK_EQ(is_linked(i, a, j, b), is_linked(j, b, i, a));
        links += a->alive && b->alive && is_linked(i, a, j, b);
    }
    CHECK_EQ(there->far_n, length(back->waiting) + links);
    CHECK_EQ(back->far_n, length(there->waiting) + links);
}

/* Everything that was said arrives, and everybody has handled it. Broken links go down. */
static void quiesce(void) {
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < NODES; i++) {
            for (unsigned j = 0; j < NODES; j++) {
                if (lanes[i][j].broken) link_down(i, j);
                if (i != j && lanes[i][j].up != lanes[j][i].up) link_down(i, j);
                while (lanes[i][j].head != NULL) arrive(i, j);
            }
            while (runtime_step(nodes[i])) continue;
        }
        for (unsigned k = 0; k < NODES * NODES; k++) {
            const lane_t *lane = &lanes[k / NODES][k % NODES];
            more |= lane->head != NULL || lane->broken;
        }
    }
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = i + 1; j < NODES; j++) check_pair(i, j);
}

static bool is_elsewhere(const role_t *role, const question_t *asked) {
    return asked->number != 0 && actor_id_node(asked->whom) != role->node + 1;
}

static void check_all_answered(void) {
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < NODES; j++)
            if (i != j) link_down(i, j);
    quiesce();
    mk_fake_advance_us(1000000);
    quiesce();
    for (unsigned k = 0; k < NODES * CAST; k++) {
        const role_t *role = &cast[k / CAST][k % CAST];
        for (int i = 0; role->alive && i < OPEN_MAX; i++) {
            CHECK_EQ(role->calls[i].number, 0);
            CHECK(!is_elsewhere(role, &role->monitors[i]));
        }
    }
}

/* ---- the storm ---- */

static void weather(void) {
    unsigned i = roll(NODES), j = roll(NODES);
    if (i == j) return;
    if (!lanes[i][j].up || !lanes[j][i].up) {
        if (roll(4) == 0) link_up(i, j);
    } else if (roll(400) == 0) {
        half_down(i, j); /* the other side does not know yet */
    } else if (roll(400) == 0) {
        link_down(i, j);
    }
    if (roll(4000) == 0) {
        oom_disarm();
        node_down(i);
        node_up(i);
    }
    if (lanes[i][j].broken) link_down(i, j);
}

static void storm(uint64_t seed, bool need) {
    mk_fake_reset(seed);
    dice = (rig_random_t){seed};
    in_need = need;
    serials = entered = freed = said = 0;
    memset(cast, 0, sizeof cast);
    memset(heard, 0, sizeof heard);
    memset(lanes, 0, sizeof lanes);
    for (unsigned i = 0; i < NODES; i++) node_up(i);
    for (unsigned i = 0; i < NODES * NODES; i++) lanes[i / NODES][i % NODES].tail = &lanes[i / NODES][i % NODES].head;
    for (int step = 0; step < STEPS; step++) {
        unsigned node = roll(NODES), slot = roll(CAST), i = roll(NODES), j = roll(NODES);
        if (need && roll(20) == 0) oom_arm(1 + roll(3));
        if (!cast[node][slot].alive) enter(node, slot);
        else (void)actor_send(nodes[node], cast[node][slot].id, MSG_ACT, NULL, 0);
        weather();
        for (uint32_t n = roll(5); n > 0 && lanes[i][j].head != NULL; n--) arrive(i, j);
        turns(roll(4));
        if (roll(4) == 0) mk_fake_advance_us(roll(20000));
        if (need) oom_disarm();
        if (roll(300) == 0) quiesce();
    }
    check_all_answered();
    for (unsigned i = 0; i < NODES; i++) runtime_destroy(nodes[i]);
    CHECK_EQ(freed, entered);
}

TEST(a_storm_between_nodes_tells_everything_once) {
    for (uint64_t seed = 1; seed <= 6; seed++) storm(seed, false);
}

TEST(a_storm_between_nodes_with_memory_failing_tells_everything_once) {
    for (uint64_t seed = 11; seed <= 16; seed++) storm(seed, true);
}
