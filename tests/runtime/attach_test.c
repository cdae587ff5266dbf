/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms above the runtime: what they hang on it, on actors and in mailboxes. */
#include "runtime/attach.h"

#include "core/message.h"
#include "runtime/play.h"

#define MSG_OURS (MK_MSG_SYSTEM_BASE + 0x500u)

enum { KEEP = 7, DROP = 8 };

typedef struct lobby {
    mk_room_t room;
    unsigned  handled, lost, ends;
    uint32_t  last_tag;
} lobby_t;

static lobby_t  lobby, attic;
static unsigned end_order[2], ended;

static lobby_t *lobby_of(mk_room_t *room) { return mk_container_of(room, lobby_t, room); }

static void lobby_ends(runtime_t *r, mk_room_t *room) {
    runtime_stats_t s;
    CHECK(r == rt);
    runtime_get_stats(r, &s);
    CHECK_EQ(s.actors, 0);
    CHECK(mk_runtime_loop(r)->poller != NULL);
    CHECK_EQ(mk_runtime_loop(r)->wheel.now_ms, mk_runtime_loop(r)->now_us / 1000); /* the loop is still there */
    lobby_of(room)->ends++;
    end_order[ended++ % 2] = room->index;
}

static bool lobby_admits(runtime_t *r, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    CHECK(r == rt);
    CHECK(msg->type >= MSG_OURS);
    lobby_of(room)->last_tag = tag;
    if (actor == NULL) lobby_of(room)->lost++;
    else lobby_of(room)->handled++;
    return tag != DROP;
}

static const mk_room_ops_t lobby_ops = {"lobby", lobby_ends, lobby_admits};
static const mk_room_ops_t attic_ops = {"attic", lobby_ends, NULL};

static void open_rooms(const runtime_config_t *config) {
    curtain_up(config);
    lobby = attic = (lobby_t){0};
    ended = 0;
    CHECK(mk_room_find(rt, &lobby_ops) == NULL);
    CHECK_EQ(mk_room_attach(rt, &lobby.room, &lobby_ops), MK_OK);
    CHECK_EQ(mk_room_attach(rt, &attic.room, &attic_ops), MK_OK);
}

static void tell(const part_t *part, lobby_t *from, uint64_t number, uint32_t tag) {
    message_t *msg = mk_room_message(rt, MSG_OURS, sizeof number);
    CHECK(msg != NULL);
    memcpy((void *)(uintptr_t)msg->payload, &number, sizeof number);
    mk_room_send(rt, &from->room, mk_runtime_actor(rt, part->id), msg, tag);
}

TEST(a_room_is_found_by_its_ops_and_ends_after_the_actors_and_in_the_reverse_order) {
    part_t part;
    open_rooms(NULL);
    enter(&part);
    CHECK(mk_room_find(rt, &lobby_ops) == &lobby.room);
    CHECK(mk_room_find(rt, &attic_ops) == &attic.room);
    CHECK(mk_runtime_running(rt) == NULL);
    curtain_down();
    CHECK_EQ(part.frees, 1);
    CHECK_EQ(lobby.ends, 1);
    CHECK_EQ(attic.ends, 1);
    CHECK_EQ(end_order[0], 1);
    CHECK_EQ(end_order[1], 0);
}

TEST(there_is_a_limit_to_rooms) {
    static lobby_t       more[64];
    static mk_room_ops_t ops[64];
    unsigned             taken = 0;
    mk_err_t             err = MK_OK;
    curtain_up(NULL);
    ended = 0;
    for (; taken < 64; taken++) {
        ops[taken] = lobby_ops;
        if ((err = mk_room_attach(rt, &more[taken].room, &ops[taken])) != MK_OK) break;
    }
    CHECK_EQ(err, MK_ERR_LIMIT);
    CHECK(taken >= 8);
    curtain_down();
    CHECK_EQ(ended, taken);
}

TEST(a_rooms_message_comes_past_a_full_mailbox_and_the_room_hears_of_it) {
    part_t part;
    open_rooms(NULL);
    enter_with(&part, (actor_options_t){.mailbox_size = 1});
    CHECK(actor_send(rt, part.id, 1, "x", 1));
    CHECK(!actor_send(rt, part.id, 1, "x", 1));
    tell(&part, &lobby, 41, KEEP);
    tell(&part, &attic, 42, KEEP);
    CHECK_EQ(lobby.handled, 0);
    settle();
    CHECK_EQ(part.n, 3);
    CHECK_EQ(part.note[1].type, MSG_OURS);
    CHECK_EQ(part.note[1].source, ACTOR_ID_INVALID);
    CHECK_EQ(part.note[1].as.number, 41);
    CHECK_EQ(part.note[2].as.number, 42);
    CHECK_EQ(lobby.handled, 1);
    CHECK_EQ(lobby.last_tag, KEEP);
    CHECK_EQ(lobby.lost, 0);
    CHECK_EQ(attic.handled, 0); /* it did not ask */
    curtain_down();
}

TEST(what_a_room_takes_back_is_dropped_and_counted) {
    part_t part;
    open_rooms(NULL);
    enter(&part);
    uint64_t dropped = stats().dropped;
    tell(&part, &lobby, 1, DROP);
    tell(&part, &lobby, 2, KEEP);
    settle();
    CHECK_EQ(part.n, 1);
    CHECK_EQ(last_note(&part)->as.number, 2);
    CHECK_EQ(stats().dropped, dropped + 1);
    curtain_down();
}

TEST(a_room_hears_of_messages_that_are_never_handled) {
    part_t part;
    open_rooms(NULL);
    enter(&part);
    for (int i = 0; i < 3; i++) tell(&part, &lobby, 1, KEEP);
    actor_stop(rt, part.id);
    settle();
    CHECK_EQ(lobby.handled, 0);
    CHECK_EQ(lobby.lost, 3);
    enter(&part);
    tell(&part, &lobby, 1, KEEP);
    curtain_down(); /* the runtime's own end is no other */
    CHECK_EQ(lobby.lost, 4);
}

TEST(an_offer_is_refused_by_a_full_mailbox_and_counted) {
    part_t part;
    open_rooms(NULL);
    enter_with(&part, (actor_options_t){.mailbox_size = 1});
    message_t *first = mk_room_message(rt, MSG_OURS, 0), *second = mk_room_message(rt, MSG_OURS, 0);
    actor_t   *actor = mk_runtime_actor(rt, part.id);
    CHECK(actor != NULL);
    CHECK_EQ(mk_runtime_actor_id(rt, actor), part.id);
    CHECK_EQ(mk_room_offer(rt, &lobby.room, actor, first, KEEP), MK_OK);
    uint64_t refused = stats().refused_full;
    CHECK_EQ(mk_room_offer(rt, &lobby.room, actor, second, KEEP), MK_ERR_FULL);
    CHECK_EQ(stats().refused_full, refused + 1);
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, part.id, &info));
    CHECK_EQ(info.refused, 1);
    message_release(rt, second);
    settle();
    CHECK_EQ(lobby.handled, 1);
    curtain_down();
}

TEST(a_buffer_is_delivered_uncopied_and_let_go) {
    part_t part;
    open_rooms(NULL);
    enter(&part);
    message_buffer_t *buf = message_buffer_create(5000);
    memcpy(message_buffer_data(buf), "hello", 6);
    message_t *msg = mk_room_message_buffer(rt, MSG_OURS, message_buffer_retain(buf));
    CHECK(msg->payload == message_buffer_data(buf));
    msg->source = part.id;
    mk_room_send(rt, &lobby.room, mk_runtime_actor(rt, part.id), msg, KEEP);
    settle();
    CHECK_EQ(last_note(&part)->size, 5000);
    CHECK_EQ(last_note(&part)->source, part.id);
    CHECK_STR(last_note(&part)->as.bytes, "hello");
    message_buffer_release(buf);
    curtain_down();
}

TEST(payloads_have_the_limit_that_all_have) {
    open_rooms(&(runtime_config_t){.node_id = 1, .payload_bytes_max = 100});
    CHECK(mk_room_message(rt, MSG_OURS, 101) == NULL);
    message_buffer_t *buf = message_buffer_create(101);
    CHECK(mk_room_message_buffer(rt, MSG_OURS, buf) == NULL);
    message_buffer_release(buf); /* it was not taken */
    message_t *msg = mk_room_message(rt, MSG_OURS, 100);
    CHECK(msg != NULL);
    message_release(rt, msg);
    curtain_down();
}

/* ---- taken and forwarded ---- */

static part_t     second;
static message_t *kept;

static bool pass_on(part_t *part, message_t *msg) {
    (void)part;
    CHECK_EQ(actor_forward(rt, second.id, message_take(rt, msg)), MK_OK);
    return true;
}

static bool keep(part_t *part, message_t *msg) {
    (void)part;
    kept = message_take(rt, msg);
    return true;
}

TEST(a_forwarded_message_is_the_forwarders_and_the_room_hears_of_it_once) {
    part_t first;
    open_rooms(NULL);
    enter(&first);
    enter(&second);
    first.on = pass_on;
    tell(&first, &lobby, 9, KEEP);
    settle();
    CHECK_EQ(last_note(&second)->as.number, 9);
    CHECK_EQ(last_note(&second)->source, first.id);
    CHECK_EQ(lobby.handled, 1);
    CHECK_EQ(lobby.lost, 0);
    curtain_down();
}

TEST(a_taken_message_has_been_handled) {
    part_t part;
    open_rooms(NULL);
    enter(&part);
    part.on = keep;
    tell(&part, &lobby, 9, KEEP);
    settle();
    CHECK_EQ(lobby.handled, 1);
    CHECK_EQ(*(const uint64_t *)kept->payload, 9);
    message_release(rt, kept);
    CHECK_EQ(lobby.lost, 0);
    curtain_down();
}

/* ---- resources ---- */

typedef struct lamp {
    mk_res_t res;
    unsigned out;
} lamp_t;

static void lamp_goes_out(runtime_t *r, mk_res_t *res) {
    CHECK(r == rt);
    mk_container_of(res, lamp_t, res)->out++;
}

static const mk_res_ops_t lamp_ops = {lamp_goes_out};

TEST(what_hangs_on_an_actor_goes_with_it) {
    part_t part;
    lamp_t lamp = {.out = 0};
    open_rooms(NULL);
    enter(&part);
    mk_actor_own(mk_runtime_actor(rt, part.id), &lamp.res, &lamp_ops);
    settle();
    CHECK_EQ(lamp.out, 0);
    in(&part, do_end, 0);
    CHECK_EQ(lamp.out, 1);
    CHECK(mk_runtime_actor(rt, part.id) == NULL);
    curtain_down();
}

/* ---- the last words ---- */

static mk_deferred_t late;
static unsigned      said;

static void say_late(mk_loop_t *loop, mk_deferred_t *deferred) {
    (void)loop;
    CHECK(deferred == &late);
    said++;
}

TEST(what_was_deferred_last_is_done_before_the_runtime_ends) {
    open_rooms(NULL);
    said = 0;
    late = (mk_deferred_t){0};
    mk_loop_defer(mk_runtime_loop(rt), &late, say_late);
    curtain_down();
    CHECK_EQ(said, 1);
}
