/* SPDX-License-Identifier: Apache-2.0 */
/* Without threads: the loop feeds the sink. log_thread_test has the same with one. */
#include "runtime/play.h"

enum { LINES_MAX = 8 };
typedef struct book {
    unsigned   n;
    char       line[LINES_MAX][1100];
    int        level;
    uint64_t   wall_ms;
    actor_id_t actor;
} book_t;

static book_t book, second;
static part_t a, b;

static void write_down(void *arg, const log_entry_t *entry) {
    book_t *k = arg;
    snprintf(k->line[k->n++ % LINES_MAX], sizeof k->line[0], "%s", entry->text);
    k->level = entry->level;
    k->wall_ms = entry->wall_ms;
    k->actor = entry->actor;
}

static void one(const runtime_config_t *config) {
    curtain_up(config);
    enter(&a);
    book = second = (book_t){0};
    CHECK_EQ(runtime_set_log_sink(rt, write_down, &book), MK_OK);
}

static bool do_log(part_t *part, uint64_t number) {
    (void)part;
    actor_log(rt, MK_LOG_WARN, "number %u", (unsigned)number);
    return true;
}

TEST(an_entry_reaches_the_sink_with_time_level_and_actor) {
    one(NULL);
    mk_fake_set_wall_ms(1234567);
    in(&a, do_log, 5);
    settle();
    CHECK_EQ(book.n, 1);
    CHECK_STR(book.line[0], "number 5");
    CHECK_EQ(book.level, MK_LOG_WARN);
    CHECK_EQ(book.wall_ms, 1234567);
    CHECK_EQ(book.actor, a.id);
    actor_log(rt, MK_LOG_ERROR, "%s", "outside");
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 2);
    CHECK_EQ(book.actor, ACTOR_ID_INVALID);
    curtain_down();
}

TEST(entries_below_the_level_are_not_written) {
    one(NULL);
    actor_log(rt, MK_LOG_DEBUG, "quiet");
    actor_log(rt, MK_LOG_INFO, "loud");
    runtime_set_log_level(rt, MK_LOG_ERROR);
    actor_log(rt, MK_LOG_WARN, "quiet");
    actor_log(rt, MK_LOG_ERROR, "loud");
    runtime_set_log_level(rt, MK_LOG_DEBUG);
    actor_log(rt, MK_LOG_DEBUG, "loud");
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 3);
    for (int i = 0; i < 3; i++) CHECK_STR(book.line[i], "loud");
    curtain_down();
}

TEST(logging_that_is_off_costs_nothing_and_breaks_nothing) {
    curtain_up(NULL);
    actor_log(rt, MK_LOG_ERROR, "to nobody");
    runtime_flush_log(rt);
    CHECK_EQ(runtime_set_log_sink(rt, NULL, NULL), MK_OK);
    curtain_down();
}

static char text[3000];

TEST(a_line_of_a_thousand_bytes_fits_and_a_longer_one_ends_in_dots) {
    one(NULL);
    memset(text, 'x', sizeof text);
    text[1000] = '\0';
    actor_log(rt, MK_LOG_INFO, "%s", text);
    text[1000] = 'x';
    text[1001] = '\0';
    actor_log(rt, MK_LOG_INFO, "%s", text);
    text[1001] = 'x';
    text[2999] = '\0';
    actor_log(rt, MK_LOG_INFO, "%s", text);
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(strlen(book.line[i]), 1000);
        CHECK_STR(book.line[i] + 996, i == 0 ? "xxxx" : "x...");
    }
    curtain_down();
}

TEST(a_cut_line_does_not_end_in_half_a_character) {
    one(NULL);
    for (int i = 0; i < 4; i++) { /* a euro sign, three bytes, across the cut in each way */
        memset(text, 'x', sizeof text);
        memcpy(text + 994 + i, "\xe2\x82\xac", 3);
        text[1500] = '\0';
        actor_log(rt, MK_LOG_INFO, "%s", text);
        runtime_flush_log(rt);
        size_t size = strlen(book.line[i]);
        CHECK(size >= 997 && size <= 1000);
        CHECK_STR(book.line[i] + size - 3, "...");
        unsigned char before = (unsigned char)book.line[i][size - 4];
        CHECK(before == 'x' || (i == 0 && before == 0xac));
    }
    curtain_down();
}

TEST(an_entry_is_one_line_whatever_is_in_it) {
    one(NULL);
    actor_log(rt, MK_LOG_INFO, "%s", "real\n[2026] ERROR forged\r\x1b[2Jgone\tand tab\x01");
    runtime_flush_log(rt);
    CHECK_STR(book.line[0], "real [2026] ERROR forged  [2Jgone\tand tab ");
    actor_log(rt, MK_LOG_INFO, "%s", "");
    actor_log(rt, MK_LOG_INFO, "%s",
              "\x7f \xc2\x85line \xc2\x9b"
              "2Jgone \xc3\x84 \xc2\xa0 \xe2\x82\xac \xc2");
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 3);
    CHECK_STR(book.line[1], "");
    CHECK_STR(book.line[2], "    line   2Jgone \xc3\x84 \xc2\xa0 \xe2\x82\xac \xc2"); /* other characters stay */
    curtain_down();
}

TEST(what_the_ring_has_no_room_for_is_dropped_and_counted) {
    one(&(runtime_config_t){.node_id = 1, .log_bytes = 4096});
    memset(text, 'y', 500);
    text[500] = '\0';
    for (int i = 0; i < 100; i++) actor_log(rt, MK_LOG_INFO, "%s", text);
    uint64_t dropped = stats().log_dropped;
    CHECK(dropped >= 90 && dropped < 100);
    runtime_flush_log(rt);
    CHECK_EQ(book.n + dropped, 100);
    actor_log(rt, MK_LOG_INFO, "room again");
    runtime_flush_log(rt);
    CHECK_STR(book.line[(book.n - 1) % LINES_MAX], "room again");
    CHECK_EQ(stats().log_dropped, dropped);
    curtain_down();
}

TEST(entries_survive_the_end_of_the_ring_at_every_offset) {
    one(&(runtime_config_t){.node_id = 1, .log_bytes = 2048});
    for (unsigned i = 0; i < 3000; i++) {
        memset(text, 'a' + i % 26, 300);
        text[i % 300] = '\0';
        actor_log(rt, MK_LOG_INFO, "%s", text);
        if (i % 3 == 2) runtime_flush_log(rt);
        if (i % 3 == 2) CHECK_STR(book.line[(book.n - 1) % LINES_MAX], text);
    }
    CHECK_EQ(book.n, 3000);
    CHECK_EQ(stats().log_dropped, 0);
    curtain_down();
}

TEST(a_tiny_ring_holds_one_line_all_the_same) {
    one(&(runtime_config_t){.node_id = 1, .log_bytes = 1});
    memset(text, 'x', 1000);
    text[1000] = '\0';
    actor_log(rt, MK_LOG_INFO, "%s", text);
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 1);
    curtain_down();
}

TEST(another_sink_takes_over_and_the_first_has_got_what_was_its) {
    one(NULL);
    actor_log(rt, MK_LOG_INFO, "first");
    CHECK_EQ(runtime_set_log_sink(rt, write_down, &second), MK_OK);
    actor_log(rt, MK_LOG_INFO, "second");
    CHECK_EQ(runtime_set_log_sink(rt, NULL, NULL), MK_OK);
    actor_log(rt, MK_LOG_INFO, "nobody's");
    CHECK_EQ(book.n, 1);
    CHECK_EQ(second.n, 1);
    CHECK_STR(book.line[0], "first");
    CHECK_STR(second.line[0], "second");
    CHECK_EQ(runtime_set_log_sink(rt, write_down, &book), MK_OK); /* and on again */
    actor_log(rt, MK_LOG_INFO, "third");
    curtain_down(); /* hands over what is left */
    CHECK_EQ(book.n, 2);
}

TEST(a_change_that_finds_no_memory_leaves_it_as_it_was) {
    for (unsigned n = 1; n < 6; n++) {
        one(NULL);
        oom_arm(n);
        mk_err_t err = runtime_set_log_sink(rt, write_down, &second);
        oom_disarm();
        actor_log(rt, MK_LOG_INFO, "line");
        runtime_flush_log(rt);
        CHECK_EQ(book.n, err == MK_OK ? 0 : 1);
        CHECK_EQ(second.n, err == MK_OK ? 1 : 0);
        curtain_down();
        curtain_up(NULL);
        oom_arm(n);
        err = runtime_set_log_sink(rt, write_down, &second);
        oom_disarm();
        actor_log(rt, MK_LOG_INFO, "line");
        runtime_flush_log(rt);
        CHECK_EQ(second.n, (unsigned)(err == MK_OK) + (book.n == 0));
        curtain_down();
    }
}

static void log_from_sink(void *arg, const log_entry_t *entry) {
    book_t *k = arg;
    if (k->n < 3) actor_log(rt, MK_LOG_INFO, "about %s", entry->text);
    write_down(arg, entry);
}

TEST(a_sink_on_the_loop_may_log_itself) {
    one(NULL);
    CHECK_EQ(runtime_set_log_sink(rt, log_from_sink, &book), MK_OK);
    actor_log(rt, MK_LOG_INFO, "it");
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 4);
    CHECK_STR(book.line[3], "about about about it");
    curtain_down();
}

/* ---- to an actor ---- */

typedef struct log_message {
    log_payload_t head;
    char          text[64];
} log_message_t;
static log_message_t heard;

static bool hear(part_t *part, message_t *msg) {
    part->n++;
    CHECK_EQ(msg->type, MSG_LOG);
    CHECK(msg->payload_size <= sizeof heard);
    memset(&heard, 0, sizeof heard);
    memcpy(&heard, msg->payload, msg->payload_size);
    CHECK_EQ(msg->payload_size, sizeof(log_payload_t) + heard.head.text_size);
    return true;
}

TEST(an_actor_can_have_the_entries_too) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    b.on = hear;
    runtime_set_log_actor(rt, b.id); /* with no sink at all */
    mk_fake_set_wall_ms(77);
    in(&a, do_log, 8);
    CHECK_EQ(b.n, 1);
    CHECK_STR(heard.text, "number 8");
    CHECK_EQ(heard.head.actor, a.id);
    CHECK_EQ(heard.head.level, MK_LOG_WARN);
    CHECK_EQ(heard.head.wall_ms, 77);
    actor_log(rt, MK_LOG_DEBUG, "below");
    settle();
    CHECK_EQ(b.n, 1);
    actor_stop(rt, b.id);
    in(&a, do_log, 9); /* it has ended */
    runtime_set_log_actor(rt, ACTOR_ID_INVALID);
    in(&a, do_log, 9);
    CHECK_EQ(b.n, 1);
    curtain_down();
}

TEST(a_log_actor_with_a_full_mailbox_misses_entries_and_nobody_waits) {
    curtain_up(NULL);
    enter_with(&b, (actor_options_t){.mailbox_size = 2});
    b.on = hear;
    runtime_set_log_actor(rt, b.id);
    for (int i = 0; i < 10; i++) actor_log(rt, MK_LOG_INFO, "line %d", i);
    settle();
    CHECK_EQ(b.n, 2);
    CHECK_STR(heard.text, "line 1");
    curtain_down();
}

static bool hear_and_log(part_t *part, message_t *msg) {
    hear(part, msg);
    actor_log(rt, MK_LOG_INFO, "heard it");
    return true;
}

TEST(a_log_actor_that_logs_does_not_feed_itself) {
    curtain_up(NULL);
    enter(&b);
    b.on = hear_and_log;
    runtime_set_log_actor(rt, b.id);
    actor_log(rt, MK_LOG_INFO, "once");
    settle();
    CHECK_EQ(b.n, 1);
    curtain_down();
}

TEST(what_the_runtime_refuses_it_logs_once) {
    one(&(runtime_config_t){.node_id = 1, .actors_max = 1});
    CHECK_EQ(actor_spawn(rt, play_behavior, NULL, NULL, 0), ACTOR_ID_INVALID);
    CHECK(!actor_register_name(rt, "", a.id));
    runtime_flush_log(rt);
    CHECK_EQ(book.n, 2);
    CHECK_EQ(book.level, MK_LOG_WARN);
    CHECK(strstr(book.line[0], "max_actors") != NULL);
    curtain_down();
}
