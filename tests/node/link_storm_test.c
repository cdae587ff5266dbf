/* SPDX-License-Identifier: Apache-2.0 */
/* Everything at once, from a seed: actors on two nodes send each other messages of all sizes, call, monitor and end; the channel
 * cuts, refuses and is slow; at some time the link is finished, or breaks, or memory runs out for a moment. Between two actors
 * nothing comes twice or out of order; while the link holds nothing is missing; and what is missing afterwards was counted. */
#include "node/link_rig.h"

enum { MSG_ITEM = 1, MSG_TICK, MSG_ASK, PLAYERS = 5, ROUNDS = 600 };

typedef struct player {
    side_t    *side;
    actor_id_t id;
    uint32_t   said[2][PLAYERS], heard[2][PLAYERS]; /* numbers to and from each player of each side */
    uint64_t   calls, ends;                         /* asked; answered or failed                    */
} player_t;

static player_t players[2][PLAYERS];
static bool     may_miss; /* memory has run out meanwhile, so a message may be missing at the receiver */
static uint8_t  bytes[200000];

/* Who wrote it, its number, and then anything. */
typedef struct item {
    uint8_t  side, index, unused[2];
    uint32_t number;
} item_t;

static size_t random_size(void) {
    switch (rig_random_below(&dice, 20)) {
    case 0: return sizeof(item_t) + rig_random_below(&dice, 150000);
    case 1: return sizeof(item_t) + rig_random_below(&dice, 20000);
    default: return sizeof(item_t) + rig_random_below(&dice, 200);
    }
}

static void say(runtime_t *rt, player_t *player) {
    size_t    side = (size_t)(other(player->side) - sides), index = rig_random_below(&dice, PLAYERS);
    player_t *to = &players[side][index];
    item_t    item = {.side = (uint8_t)(player->side - sides), .index = (uint8_t)(player - players[item.side])};
    item.number = player->said[side][index];
    size_t size = random_size();
    memcpy(bytes, &item, sizeof item);
    bytes[size - 1] = (uint8_t)size;
    if (size == sizeof item) memcpy(bytes, &item, sizeof item);
    if (rig_random_below(&dice, 10) == 0) {
        if (actor_call(rt, to->id, MSG_ASK, bytes, size, 500) != CALL_ID_INVALID) player->calls++;
        return;
    }
    if (actor_try_send(rt, to->id, MSG_ITEM, bytes, size) == MK_OK) player->said[side][index]++;
}

static void hear(player_t *player, const message_t *msg) {
    item_t item;
    memcpy(&item, msg->payload, sizeof item);
    uint32_t *heard = &player->heard[item.side][item.index];
    CHECK_EQ(msg->source, players[item.side][item.index].id);
    if (may_miss) CHECK(item.number >= *heard);
    else CHECK_EQ(item.number, *heard);
    if (msg->payload_size > sizeof item)
        CHECK_EQ(((const uint8_t *)msg->payload)[msg->payload_size - 1], (uint8_t)msg->payload_size);
    *heard = item.number + 1;
}

static bool play(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    player_t *player = state;
    (void)self;
    switch (msg->type) {
    case MSG_TICK:
        for (unsigned i = rig_random_below(&dice, 8); i > 0; i--) say(rt, player);
        break;
    case MSG_ITEM:
        if (msg->call != CALL_ID_INVALID) player->ends++;
        else hear(player, msg);
        break;
    case MSG_ASK: (void)actor_reply(rt, msg, MSG_ITEM, msg->payload, msg->payload_size); break;
    case MSG_CALL_FAILED: player->ends++; break;
    default: CHECK(false);
    }
    return true;
}

static void meet(void) {
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned i = 0; i < PLAYERS; i++) {
            player_t *player = &players[s][i];
            *player = (player_t){.side = &sides[s]};
            player->id = actor_spawn(sides[s].rt, play, player, NULL, 1 + rig_random_below(&dice, 20));
            CHECK(player->id != ACTOR_ID_INVALID);
        }
    }
}

/* One small thing happens. */
static void go_on(void) {
    side_t *side = &sides[rig_random_below(&dice, 2)];
    switch (rig_random_below(&dice, 8)) {
    case 0:
    case 1:
        (void)actor_send(side->rt, players[side - sides][rig_random_below(&dice, PLAYERS)].id, MSG_TICK, NULL, 0);
        break;
    case 2:
    case 3: runtime_step(side->rt); break;
    case 4:
    case 5: deliver(side); break;
    case 6: come_room(side); break;
    default:
        if (rig_random_below(&dice, 10) == 0) mk_fake_advance_us(rig_random_below(&dice, 3000));
        if (rig_random_below(&dice, 20) == 0) side->end.capacity = 1000 + rig_random_below(&dice, 100000);
    }
}

static uint64_t missing(void) {
    uint64_t n = 0;
    for (unsigned s = 0; s < 2; s++)
        for (unsigned i = 0; i < PLAYERS; i++)
            for (unsigned j = 0; j < PLAYERS; j++) {
                CHECK(players[1 - s][j].heard[s][i] <= players[s][i].said[1 - s][j]);
                n += players[s][i].said[1 - s][j] - players[1 - s][j].heard[s][i];
            }
    return n;
}

typedef enum ending { GOES_ON, FINISHED, CUT, STARVED, ENDINGS } ending_t;

static void end_it(ending_t how) {
    side_t *side = &sides[rig_random_below(&dice, 2)];
    switch (how) {
    case FINISHED: mk_link_finish(side->link, MK_WIRE_REASON_STOPPING); break;
    case CUT: come_closed(side, MK_ERR_IO, "cut"); break;
    case STARVED: oom_arm(1 + rig_random_below(&dice, 300)); break;
    default: break;
    }
}

static void storm(uint64_t seed, ending_t how) {
    mk_link_limits_t limits = usual_limits();
    limits.queue_bytes = 4096u << seed % 9;
    limits.credit_bytes = 4096u << seed % 7;
    limits.message_max = 200000;
    world_linked(seed, &limits, false);
    piece_max = seed % 3 == 0 ? 0 : 100 + seed % 30000;
    may_miss = false;
    meet();
    for (unsigned i = 0; i < ROUNDS; i++) go_on();
    may_miss = how == STARVED;
    end_it(how);
    for (unsigned i = 0; i < ROUNDS; i++) go_on();
    (void)oom_disarm();
    for (unsigned s = 0; s < 2; s++) sides[s].end.capacity = LINK_RIG_BYTES;
    settle();
    pass_ms(2000);
    uint64_t lost = 0, unheard = missing();
    for (unsigned s = 0; s < 2; s++) {
        CHECK(sides[s].downs <= 1);
        CHECK_EQ(stats_of(&sides[s]).queued_bytes, 0);
        lost += stats_of(&sides[s]).lost;
        for (unsigned i = 0; i < PLAYERS; i++) CHECK_EQ(players[s][i].calls, players[s][i].ends);
    }
    if (how == GOES_ON) CHECK(sides[0].downs + sides[1].downs == 0 && unheard == 0 && lost == 0);
    if (how == FINISHED || how == CUT) CHECK_EQ(sides[0].downs + sides[1].downs, 2);
    if (how != STARVED) CHECK(unheard <= lost);
    world_end();
}

TEST(a_storm_leaves_everything_in_its_order) {
    for (uint64_t seed = 1; seed <= 12; seed++) storm(seed, GOES_ON);
}

TEST(a_link_finished_in_a_storm_counts_what_did_not_come) {
    for (uint64_t seed = 1; seed <= 8; seed++) storm(seed, FINISHED);
}

TEST(a_link_cut_in_a_storm_counts_what_did_not_come) {
    for (uint64_t seed = 1; seed <= 8; seed++) storm(seed, CUT);
}

TEST(memory_that_runs_out_in_a_storm_hurts_no_order) {
    for (uint64_t seed = 1; seed <= 12; seed++) storm(seed, STARVED);
}
