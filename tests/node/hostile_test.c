/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that speak wrongly, too much, half, or not at all. Whatever they do: dropped and logged once, memory bounded, and a friend
 * that is linked meanwhile notices nothing. */
#include "node/hostile_rig.h"

static void say_garbage(raw_peer_t *p) { raw_say(p, "GET / HTTP/1.1\r\nHost: node\r\n\r\n", 30); }

static void say_half_a_frame(raw_peer_t *p) {
    uint8_t         frame[MK_WIRE_HELLO_BYTES_MAX];
    mk_wire_hello_t hello = raw_hello("mallory", 9);
    raw_say(p, frame, mk_wire_put_hello(frame, &hello) / 2);
}

static void say_nothing(raw_peer_t *p) { (void)p; }

static void stop_answering(raw_peer_t *p) { p->polite = false; }

static void say_half_a_frame_and_stop(raw_peer_t *p) {
    p->polite = false;
    raw_say(p, "\x40\x00", 2);
}

static void say_data_first(raw_peer_t *p) { raw_say_data(p, actor_id_seq(rig.echo), T_SAY, "x", 1); }

static void say_a_name_first(raw_peer_t *p) {
    uint8_t        frame[64];
    mk_wire_name_t name = {.seq = 3, .counter = 1, .name = {"echo", 4}};
    raw_say(p, frame, mk_wire_put_name(frame, &name));
}

static void say_hello_again(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("mallory", 9);
    raw_say_hello(p, &hello);
}

static void say_welcome_again(raw_peer_t *p) { raw_say_welcome(p); }

static void say_a_frame_that_cannot_be(raw_peer_t *p) { raw_say(p, "\x03\x00\x05\x00", 4); }

static void say_an_unknown_kind(raw_peer_t *p) { raw_say(p, "\x08\x00\xee\x00____", 8); }

static void say_a_hello_of_no_version(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("mallory", 9);
    hello.version_min = hello.version_max = 77;
    raw_say_hello(p, &hello);
}

static void say_a_hello_with_our_number(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("mallory", 1);
    raw_say_hello(p, &hello);
}

static void say_a_hello_with_our_name(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("node", 9);
    raw_say_hello(p, &hello);
}

static void say_a_hello_with_the_friends_number(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("mallory", 2);
    raw_say_hello(p, &hello);
}

static void say_a_hello_with_the_friends_name(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("friend", 9);
    raw_say_hello(p, &hello);
}

static void say_a_hello_for_somebody_else(raw_peer_t *p) {
    mk_wire_hello_t hello = raw_hello("mallory", 9);
    hello.peer = 12345;
    raw_say_hello(p, &hello);
}

static void say_fragment(raw_peer_t *p, uint32_t stream, bool first, bool last, uint32_t total, size_t size) {
    static uint8_t     frame[MK_WIRE_FRAME_BYTES_MAX], piece[60000];
    mk_wire_fragment_t fragment = {.stream = stream, .first = first, .last = last, .total = total};
    fragment.data =
        (mk_wire_data_t){.source = 7, .dest = actor_id_seq(rig.echo), .type = T_SAY, .payload = {piece, size}};
    size_t whole = mk_wire_put_fragment(frame, &fragment);
    p->said_bytes += whole;
    raw_say(p, frame, whole);
}

static void say_four_gigabytes_follow(raw_peer_t *p) { say_fragment(p, 1, true, false, UINT32_MAX, 1000); }

static void say_a_piece_of_nothing(raw_peer_t *p) { say_fragment(p, 5, false, false, 0, 1000); }

static void say_more_pieces_than_there_are(raw_peer_t *p) {
    say_fragment(p, 1, true, false, 1500, 1000);
    say_fragment(p, 1, false, true, 0, 1000);
}

static void say_fewer_pieces_than_there_are(raw_peer_t *p) {
    say_fragment(p, 1, true, false, 1500, 1000);
    say_fragment(p, 1, false, true, 0, 100);
}

static void begin_a_stream_twice(raw_peer_t *p) {
    say_fragment(p, 1, true, false, 1500, 1000);
    say_fragment(p, 1, true, false, 1500, 1000);
}

static void begin_very_many_streams(raw_peer_t *p) {
    for (uint32_t stream = 1; stream < 3000; stream++) {
        static uint8_t     frame[200];
        mk_wire_fragment_t fragment = {.stream = stream, .first = true, .total = PAYLOAD_MAX};
        fragment.data =
            (mk_wire_data_t){.source = 7, .dest = actor_id_seq(rig.echo), .type = T_SAY, .payload = {"x", 1}};
        raw_say(p, frame, mk_wire_put_fragment(frame, &fragment));
    }
}

static void say_more_than_the_credit(raw_peer_t *p) {
    static const uint8_t payload[10000];
    for (unsigned i = 0; i < 3 * CREDIT / sizeof payload; i++)
        raw_say_data(p, actor_id_seq(rig.slow), T_SAY, payload, sizeof payload);
}

static void say_a_message_of_the_systems(raw_peer_t *p) {
    struct exit_payload exit = {.from = rig.echo, .exit_reason = EXIT_KILLED};
    raw_say_data(p, actor_id_seq(rig.echo), MSG_EXIT, &exit, sizeof exit);
}

static void say_an_unknown_signal(raw_peer_t *p) {
    mk_signal_t signal = {.kind = MK_SIGNAL_STOP, .from = 1, .to = actor_id_seq(rig.echo)};
    uint8_t     frame[MK_WIRE_SIGNAL_BYTES_MAX];
    size_t      size = mk_wire_put_signal(frame, &signal);
    frame[MK_WIRE_HEADER_BYTES] = 200;
    raw_say(p, frame, size);
}

static void grant_more_than_was_sent(raw_peer_t *p) {
    uint8_t          frame[MK_WIRE_CREDIT_BYTES];
    mk_wire_credit_t credit = {1u << 30, 1000};
    raw_say(p, frame, mk_wire_put_credit(frame, &credit));
}

static void claim_a_name_with_a_nul(raw_peer_t *p) {
    uint8_t        frame[64];
    mk_wire_name_t name = {.seq = 3, .counter = 1, .name = {"ab", 2}};
    size_t         size = mk_wire_put_name(frame, &name);
    frame[size - 1] = 0;
    raw_say(p, frame, size);
}

static void answer_what_was_not_asked(raw_peer_t *p) {
    uint8_t          frame[64];
    mk_wire_answer_t answer = {.ref = 4711, .error = 0, .seq = 3};
    raw_say(p, frame, mk_wire_put_answer(frame, &answer));
}

static void say_stopped_unasked(raw_peer_t *p) {
    uint8_t frame[MK_WIRE_ACTOR_BYTES];
    raw_say(p, frame, mk_wire_put_actor(frame, MK_WIRE_STOPPED, 77));
}

/* `stays`: an honest node might say it, in an unlucky moment; it is ignored. */
static const struct bad_day {
    const char *name;
    bool        greeted, stays;
    void (*say)(raw_peer_t *p);
    uint32_t within_ms;
} bad_days[] = {
    {"garbage", false, false, say_garbage, 50},
    {"half a frame", false, false, say_half_a_frame, HELLO_MS + 500},
    {"nothing", false, false, say_nothing, HELLO_MS + 500},
    {"silence after the welcome", true, false, stop_answering, DEAD_MS + HEARTBEAT_MS + 100},
    {"half a frame after the welcome", true, false, say_half_a_frame_and_stop, DEAD_MS + HEARTBEAT_MS + 100},
    {"data before the hello", false, false, say_data_first, 50},
    {"a name before the hello", false, false, say_a_name_first, 50},
    {"two hellos", true, false, say_hello_again, 50},
    {"two welcomes", true, false, say_welcome_again, 50},
    {"an impossible length", true, false, say_a_frame_that_cannot_be, 50},
    {"an unknown kind", true, false, say_an_unknown_kind, 50},
    {"no version in common", false, false, say_a_hello_of_no_version, 50},
    {"our own number", false, false, say_a_hello_with_our_number, 2 * DEAD_MS},
    {"our own name", false, false, say_a_hello_with_our_name, 2 * DEAD_MS},
    {"a number that is taken", false, false, say_a_hello_with_the_friends_number, 2 * DEAD_MS},
    {"a name that is taken", false, false, say_a_hello_with_the_friends_name, 2 * DEAD_MS},
    {"a call for somebody else", false, false, say_a_hello_for_somebody_else, 50},
    {"four gigabytes", true, false, say_four_gigabytes_follow, 50},
    {"a piece of nothing", true, false, say_a_piece_of_nothing, 50},
    {"more pieces than there are", true, false, say_more_pieces_than_there_are, 50},
    {"fewer pieces than there are", true, false, say_fewer_pieces_than_there_are, 50},
    {"a stream that begins twice", true, false, begin_a_stream_twice, 50},
    {"very many streams", true, false, begin_very_many_streams, 50},
    {"more than the credit", true, false, say_more_than_the_credit, 50},
    {"a message of the system's", true, false, say_a_message_of_the_systems, 50},
    {"an unknown signal", true, false, say_an_unknown_signal, 50},
    {"more taken than was sent", true, false, grant_more_than_was_sent, 50},
    {"a name with a NUL", true, false, claim_a_name_with_a_nul, 50},
    {"an answer to no question", true, true, answer_what_was_not_asked, 50},
    {"none will come, unasked", true, false, say_stopped_unasked, 50},
};

static const char *trouble_with(const struct bad_day *day) {
    static raw_peer_t p;
    const char       *why;
    start(NODE_ROLE_OPERATOR);
    if (day->greeted) enter(&p, "mallory", 9);
    else join(&p);
    unsigned lines = rig.lines;
    size_t   before = memory();
    day->say(&p);
    go(day->within_ms);
    if (day->stays && p.fd < 0) return "it is dropped";
    if (!day->stays && p.fd >= 0) return "it is not dropped";
    if (!day->stays && rig.lines == lines) return "nothing is logged";
    if (rig.lines > lines + 3) return "too much is logged";
    if (rig.largest > PAYLOAD_MAX + 65536) return "much memory was asked for";
    if (memory() > before + (1 << 20)) return "much memory is held";
    if (rig.foreign_system != 0) return "a message of the system's was forged";
    if (!actor_is_alive(rig.rt, rig.echo)) return "an actor was ended";
    if ((why = friend_is_disturbed()) != NULL) return why;
    end();
    return NULL;
}

TEST(whoever_speaks_wrongly_is_dropped_and_disturbs_nobody) {
    for (size_t i = 0; i < sizeof bad_days / sizeof bad_days[0]; i++) {
        const char *why = trouble_with(&bad_days[i]);
        if (why != NULL) rig_fail(__FILE__, __LINE__, "%s: %s (last logged: %s)", bad_days[i].name, why, rig.line);
    }
}

/* ---- answers of those who were not asked ---------------------------------------------------------------------------------------- */

static struct {
    call_id_t            call;
    unsigned             replies;
    node_reply_payload_t reply;
    uint32_t             ref; /* as it went over the wire */
} asked;

static bool ask_friend(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == T_SEND) asked.call = node_spawn(rt, 2, "counter", NULL);
    if (msg->type != MSG_NODE_REPLY) return true;
    asked.replies++;
    memcpy(&asked.reply, msg->payload, sizeof asked.reply);
    return true;
}

static void note_request(raw_peer_t *p, const mk_wire_frame_t *frame) {
    mk_wire_request_t request;
    (void)p;
    if (frame->kind == MK_WIRE_REQUEST && mk_wire_get_request(frame, &request)) asked.ref = request.ref;
}

static void answer_it(raw_peer_t *p) {
    uint8_t          frame[MK_WIRE_ANSWER_BYTES_MAX];
    mk_wire_answer_t answer = {.ref = asked.ref, .seq = 77};
    raw_say(p, frame, mk_wire_put_answer(frame, &answer));
    go(20);
}

TEST(a_request_is_answered_by_the_node_that_was_asked_and_by_no_other) {
    static raw_peer_t mallory;
    memset(&asked, 0, sizeof asked);
    start(NODE_ROLE_OPERATOR);
    enter(&mallory, "mallory", 9);
    actor_id_t asker = spawn(ask_friend, NULL, 0, NULL);
    CHECK(actor_send(rig.rt, asker, T_SEND, NULL, 0));
    for (unsigned i = 0; i < 50 && asked.ref == 0; i++) {
        (void)runtime_wait(rig.rt, 1);
        raw_hear(&rig.friend, note_request);
    }
    CHECK(asked.ref != 0 && asked.call != CALL_ID_INVALID);
    answer_it(&mallory);
    CHECK_EQ(asked.replies, 0);
    answer_it(&rig.friend);
    CHECK_EQ(asked.replies, 1);
    CHECK_EQ(asked.reply.call, asked.call);
    CHECK_EQ(asked.reply.error, MK_OK);
    CHECK_EQ(asked.reply.id, actor_id_make(2, 77));
    answer_it(&rig.friend); /* once is enough */
    CHECK_EQ(asked.replies, 1);
    end();
}
