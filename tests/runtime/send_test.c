/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way: order, limits, copies and buffers that are not copied. */
#include "base/mem.h"
#include "runtime/play.h"

static part_t a, b;

static void two(const runtime_config_t *config) {
    curtain_up(config);
    enter(&a);
    enter(&b);
}

TEST(messages_arrive_in_order_with_what_was_sent) {
    two(NULL);
    for (uint64_t i = 0; i < 10; i++) CHECK(actor_send(rt, a.id, 3, &i, sizeof i));
    settle();
    CHECK_EQ(a.n, 10);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(a.note[i].as.number, i);
        CHECK_EQ(a.note[i].size, 8);
        CHECK_EQ(a.note[i].type, 3);
        CHECK_EQ(a.note[i].source, ACTOR_ID_INVALID);
    }
    CHECK_EQ(stats().sent, 10);
    curtain_down();
}

static bool check_content(part_t *part, message_t *msg) {
    const uint8_t *bytes = msg->payload;
    CHECK((bytes == NULL) == (msg->payload_size == 0));
    CHECK_EQ(msg->dest, part->id);
    for (size_t i = 0; i < msg->payload_size; i++) CHECK_EQ(bytes[i], (uint8_t)(i * 7 + msg->payload_size));
    part->n++;
    return true;
}

TEST(payloads_of_every_size_are_copied_whole) {
    enum { MAX = sizeof(void *) == 8 ? 200000 : 20000 };
    static uint8_t bytes[MAX];
    two(NULL);
    a.on = check_content;
    unsigned sent = 0;
    for (size_t size = 0; size <= MAX; size = size < 1200 ? size + 1 : size * 2 + 1) {
        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 7 + size);
        CHECK(actor_send(rt, a.id, 1, size != 0 ? bytes : NULL, size));
        memset(bytes, 0, size); /* it was copied */
        if (++sent % 100 == 0) settle();
    }
    settle();
    CHECK_EQ(a.n, sent);
    curtain_down();
}

TEST(a_full_mailbox_refuses_and_counts) {
    two(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = 3});
    for (int i = 0; i < 3; i++) CHECK_EQ(actor_try_send(rt, a.id, 1, NULL, 0), MK_OK);
    CHECK_EQ(actor_try_send(rt, a.id, 1, NULL, 0), MK_ERR_FULL);
    CHECK(!actor_send(rt, a.id, 1, NULL, 0));
    CHECK_EQ(stats().refused_full, 2);
    settle();
    CHECK_EQ(a.n, 3);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    curtain_down();
}

TEST(who_is_not_there_gets_nothing) {
    two(NULL);
    CHECK_EQ(actor_try_send(rt, ACTOR_ID_INVALID, 1, NULL, 0), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_try_send(rt, actor_id_make(1, 99), 1, NULL, 0), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_try_send(rt, actor_id_make(1, 0), 1, NULL, 0), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_try_send(rt, actor_id_make(1, UINT32_MAX), 1, NULL, 0), MK_ERR_NOTFOUND);
    CHECK_EQ(stats().refused_unknown, 4);
    curtain_down();
}

TEST(the_payload_limit_is_the_last_size_that_is_taken_however_small_it_is) {
    static uint8_t      bytes[4001];
    static const size_t limits[] = {10, 100, 1024, 1025, 4000};
    for (unsigned i = 0; i < 5; i++) {
        two(&(runtime_config_t){.node_id = 1, .payload_bytes_max = limits[i]});
        CHECK_EQ(actor_try_send(rt, a.id, 1, bytes, limits[i]), MK_OK);
        CHECK_EQ(actor_try_send(rt, a.id, 1, bytes, limits[i] + 1), MK_ERR_TOOLONG);
        CHECK_EQ(stats().refused_other, 1);
        CHECK(runtime_post(rt, a.id, 1, bytes, limits[i]));
        CHECK(!runtime_post(rt, a.id, 1, bytes, limits[i] + 1));
        message_buffer_t *fits = message_buffer_create(limits[i]), *over = message_buffer_create(limits[i] + 1);
        CHECK_EQ(actor_send_buffer(rt, a.id, 1, fits), MK_OK);
        CHECK_EQ(actor_send_buffer(rt, a.id, 1, over), MK_ERR_TOOLONG);
        message_buffer_release(over);
        settle();
        CHECK_EQ(a.n, 3);
        curtain_down();
    }
}

TEST(without_memory_a_send_is_refused_and_nothing_else_happens) {
    static uint8_t bytes[5000];
    two(NULL);
    for (int i = 0; i < 900; i++) CHECK(actor_send(rt, b.id, 1, bytes, 1000)); /* so that the pool has to grow */
    unsigned refused = 0;
    oom_arm_all();
    for (int i = 0; i < 100; i++) refused += actor_try_send(rt, a.id, 1, bytes, 5000) == MK_ERR_NOMEM;
    while (actor_send(rt, a.id, 1, bytes, 900)) {}
    oom_disarm();
    CHECK_EQ(refused, 100);
    CHECK_EQ(stats().refused_other, 101);
    CHECK(actor_send(rt, a.id, 1, bytes, 900));
    settle();
    curtain_down();
}

/* ---- taken messages ---- */

static message_t *kept;
static bool       take_it(part_t *part, message_t *msg) {
          part->n++;
          CHECK(message_take(rt, msg) == msg);
          kept = msg;
          return true;
}

TEST(a_taken_message_is_the_taker_s_until_it_is_released) {
    two(NULL);
    a.on = take_it;
    CHECK(actor_send(rt, a.id, 5, "hello", 6));
    settle();
    for (int i = 0; i < 100; i++) CHECK(actor_send(rt, b.id, 1, "other", 6));
    settle();
    CHECK_STR(kept->payload, "hello");
    CHECK_EQ(kept->type, 5);
    message_release(rt, kept);
    curtain_down();
}

TEST(a_forwarded_message_arrives_as_it_was_from_who_forwards) {
    static char big[9000];
    two(NULL);
    a.on = take_it;
    memset(big, 'x', sizeof big);
    CHECK(actor_send(rt, a.id, 5, big, sizeof big));
    settle();
    const void *where = kept->payload;
    CHECK_EQ(actor_forward(rt, b.id, kept), MK_OK);
    b.on = take_it;
    settle();
    CHECK(kept->payload == where); /* not copied */
    CHECK_EQ(kept->type, 5);
    CHECK_EQ(kept->payload_size, sizeof big);
    CHECK_EQ(kept->source, ACTOR_ID_INVALID); /* forwarded outside of any behaviour */
    CHECK_EQ(kept->dest, b.id);
    message_release(rt, kept);
    curtain_down();
}

static bool forward_to_b(part_t *part, message_t *msg) {
    (void)part;
    CHECK_EQ(actor_forward(rt, b.id, message_take(rt, msg)), MK_OK);
    return true;
}

TEST(a_forward_inside_a_behaviour_names_the_forwarder) {
    two(NULL);
    a.on = forward_to_b;
    CHECK(actor_send(rt, a.id, 5, "hello", 6));
    settle();
    CHECK_EQ(last_note(&b)->source, a.id);
    CHECK_STR(last_note(&b)->as.bytes, "hello");
    curtain_down();
}

TEST(a_refused_forward_leaves_the_message_with_its_owner) {
    two(NULL);
    a.on = take_it;
    CHECK(actor_send(rt, a.id, 5, "hello", 6));
    settle();
    CHECK_EQ(actor_forward(rt, actor_id_make(1, 99), kept), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_forward(rt, actor_id_make(9, 1), kept), MK_ERR_NOTFOUND);
    enter_with(&b, (actor_options_t){.mailbox_size = 1});
    CHECK(actor_send(rt, b.id, 1, NULL, 0));
    CHECK_EQ(actor_forward(rt, b.id, kept), MK_ERR_FULL);
    CHECK_STR(kept->payload, "hello");
    message_release(rt, kept);
    curtain_down();
}

static bool forward_news(part_t *part, message_t *msg) {
    if (msg->type == MSG_DOWN || msg->type == MSG_TIMER) return forward_to_b(part, msg);
    return true;
}

TEST(news_of_the_system_can_be_forwarded_and_is_then_ordinary) {
    two(NULL);
    part_t c;
    enter(&c);
    a.on = forward_news;
    in(&a, do_monitor, c.id);
    in(&a, do_once, 1);
    in(&c, do_fail, EXIT_FAILED);
    CHECK_HEARD_DOWN(&b, c.id, did_monitor, EXIT_FAILED);
    CHECK_STR(last_note(&b)->text, "it went wrong");
    pass(5);
    CHECK_EQ(last_note(&b)->type, MSG_TIMER);
    CHECK_EQ(last_note(&b)->as.timer.expirations, 1);
    curtain_down();
}

/* ---- forged news: only a type, no meaning ---- */

TEST(messages_that_pretend_to_be_the_system_s_harm_nobody) {
    static const msg_type_t types[] = {MSG_TIMER,      MSG_FD_EVENT, MSG_DOWN, MSG_EXIT,  MSG_CALL_FAILED,
                                       MSG_CHILD_EXIT, MSG_WAKE,     MSG_LOG,  UINT32_MAX};
    two(NULL);
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        CHECK(actor_send(rt, a.id, types[i], NULL, 0));
        CHECK(actor_send(rt, a.id, types[i], "0123456789012345678901234567890", 32));
    }
    message_buffer_t *nothing = message_buffer_create(0);
    CHECK_EQ(actor_send_buffer(rt, a.id, MSG_DOWN, nothing), MK_OK);
    settle();
    CHECK_EQ(a.n, 2 * sizeof types / sizeof *types + 1);
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) CHECK(actor_send(rt, a.id, types[i], NULL, 0));
    actor_stop(rt, a.id); /* and unread */
    curtain_down();
}

/* ---- buffers ---- */

static const void *seen_at;
static bool        see_where(part_t *part, message_t *msg) {
           part->n++;
           seen_at = msg->payload;
           return true;
}

TEST(a_buffer_travels_without_being_copied_and_goes_with_its_last_reader) {
    two(NULL);
    a.on = b.on = see_where;
    message_buffer_t *buf = message_buffer_create(6);
    memcpy(message_buffer_data(buf), "shared", 6);
    CHECK_EQ(actor_send_buffer(rt, a.id, 1, message_buffer_retain(buf)), MK_OK);
    settle();
    CHECK(seen_at == message_buffer_data(buf));
    CHECK_EQ(actor_send_buffer(rt, b.id, 1, message_buffer_retain(buf)), MK_OK);
    CHECK_EQ(actor_send_buffer(rt, a.id, 1, buf), MK_OK); /* the last reference goes along */
    settle();
    CHECK_EQ(a.n, 2);
    CHECK_EQ(b.n, 1);
    curtain_down();
}

TEST(a_buffer_that_is_refused_stays_the_sender_s) {
    two(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = 1});
    message_buffer_t *buf = message_buffer_create(10);
    CHECK_EQ(actor_send_buffer(rt, actor_id_make(1, 99), 1, buf), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_send_buffer(rt, actor_id_make(9, 1), 1, buf), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_send_buffer(rt, a.id, 1, message_buffer_retain(buf)), MK_OK);
    CHECK_EQ(actor_send_buffer(rt, a.id, 1, buf), MK_ERR_FULL);
    message_buffer_release(buf);
    actor_stop(rt, a.id); /* unread: its reference goes too */
    curtain_down();
}

TEST(a_buffer_of_nothing_is_a_payload_of_nothing) {
    two(NULL);
    message_buffer_t *buf = message_buffer_create(0);
    CHECK_EQ(actor_send_buffer(rt, a.id, 1, buf), MK_OK);
    a.on = check_content;
    settle();
    CHECK_EQ(a.n, 1);
    curtain_down();
}

/* ---- posts, here from the same thread ---- */

TEST(a_post_arrives_with_the_next_look_and_counts_when_it_finds_nobody) {
    two(NULL);
    CHECK(runtime_post(rt, a.id, 4, "posted", 7));
    CHECK(runtime_post(rt, a.id, 5, NULL, 0));
    CHECK(runtime_post(rt, actor_id_make(1, 99), 5, NULL, 0));
    CHECK_EQ(a.n, 0);
    settle();
    CHECK_EQ(a.n, 2);
    CHECK_STR(a.note[0].as.bytes, "posted");
    CHECK_EQ(a.note[1].type, 5);
    CHECK_EQ(stats().dropped, 1);
    CHECK(runtime_post(rt, a.id, 6, "never read", 10));
    curtain_down();
}

TEST(too_many_posts_are_refused) {
    if (sizeof(void *) != 8) rig_skip("needs more memory than a board has");
    two(&(runtime_config_t){.node_id = 1, .mailbox_default = 100});
    unsigned accepted = 0;
    while (runtime_post(rt, a.id, 1, NULL, 0)) CHECK(++accepted < 1000000);
    settle();
    CHECK(accepted >= 1000);
    CHECK_EQ(a.n, 100);
    CHECK_EQ(stats().dropped, accepted - 100);
    CHECK(runtime_post(rt, a.id, 1, NULL, 0));
    curtain_down();
}

TEST(a_post_without_memory_is_refused) {
    two(NULL);
    oom_arm_all();
    bool posted = runtime_post(rt, a.id, 1, NULL, 0);
    oom_disarm();
    CHECK(!posted);
    curtain_down();
}
