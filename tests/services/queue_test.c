/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel/local_queue.h"

#include "microkernel/service_messages.h"
#include "port/disk.h"
#include "port/fake/fake_disk.h"
#include "runtime/play.h"
#include "store/parts.h"

static actor_id_t queue, dead;
static part_t     a, b;
static char       heard[4096]; /* what consumers got: "id/tries:body " */
static char       answer[256];
static unsigned   answers;

static bool hear(part_t *part, message_t *msg) {
    const char *text = msg->payload_size != 0 ? msg->payload : "";
    (void)part;
    if (msg->type != MSG_QUEUE_ITEM) {
        answers++;
        snprintf(answer, sizeof answer, "%u %.*s", (unsigned)msg->type, (int)msg->payload_size, text);
        return true;
    }
    unsigned id, tries;
    int      at = 0;
    CHECK_EQ(sscanf(text, "id=%u\ntries=%u\nbody=%n", &id, &tries, &at), 2);
    snprintf(heard + strlen(heard), sizeof heard - strlen(heard), "%u/%u:%.*s ", id, tries, (int)msg->payload_size - at,
             text + at);
    return true;
}

static void settle_all(void) {
    for (int i = 0; i < 12; i++) {
        settle();
        (void)runtime_wait(rt, 0);
    }
}

static void later(uint64_t ms) {
    mk_fake_advance_us(ms * 1000);
    settle_all();
}

static void up_at(uint64_t wall_ms) {
    static const local_queue_config_t config = {
        .base_path = "disk", .visible_ms = 1000, .tries_max = 3, .items_max = 50};
    curtain_up(NULL);
    mk_fake_set_wall_ms(wall_ms);
    enter(&a);
    enter(&b);
    a.on = b.on = hear;
    queue = local_queue_init(rt, &config);
    CHECK(queue != ACTOR_ID_INVALID);
    dead = actor_lookup(rt, "/node/local/queue/dead");
    heard[0] = '\0';
    for (int i = 0; i < 3; i++) { /* it reads what there is */
        mk_fake_advance_us(20 * 1000);
        mk_fake_set_wall_ms(wall_ms);
        settle_all();
    }
}

enum { NOW_S = 1800000000 };

static void up(void) { up_at(NOW_S * 1000ull); }

static void begin(void) {
    mk_fake_disk_reset();
    up();
}

static void restart(void) {
    curtain_down();
    mk_fake_disk_power_on(11);
    up();
}

static struct {
    actor_id_t  to;
    msg_type_t  type;
    const char *text;
} asking;

static bool send_it(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    CHECK(actor_send(rt, asking.to, asking.type, asking.text, strlen(asking.text)));
    return true;
}

static const char *ask_by(part_t *part, actor_id_t to, msg_type_t type, const char *text) {
    unsigned before = answers;
    asking.to = to, asking.type = type, asking.text = text;
    in(part, send_it, 0);
    settle_all();
    CHECK_EQ(answers, before + 1);
    return answer;
}

static void push(const char *text) { CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, text), "310 "); }
static void consume(part_t *part, const char *text) { CHECK_STR(ask_by(part, queue, MSG_QUEUE_CONSUME, text), "310 "); }

static const char *take_heard(void) {
    static char taken[sizeof heard];
    strcpy(taken, heard);
    heard[0] = '\0';
    return taken;
}

TEST(what_is_pushed_is_delivered_in_order_and_gone_when_it_is_acknowledged) {
    begin();
    push("body=one");
    push("delay=0\nbody=two\nlines");
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:one 2/1:two\nlines ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=1"), "310 ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=1\n"), "315 ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=2"), "310 ");
    later(5000);
    CHECK_STR(take_heard(), "");
    restart();
    consume(&b, "");
    CHECK_STR(take_heard(), "");
    curtain_down();
}

TEST(what_is_not_acknowledged_comes_again_and_in_the_end_is_a_dead_letter) {
    begin();
    push("body=poison");
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:poison ");
    later(999);
    CHECK_STR(take_heard(), "");
    later(2);
    CHECK_STR(take_heard(), "1/2:poison ");
    later(1000);
    CHECK_STR(take_heard(), "1/3:poison ");
    later(1000);
    later(1000);
    CHECK_STR(take_heard(), "");
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_CONSUME, ""), "310 ");
    CHECK_STR(take_heard(), "1/1:poison ");
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_ACK, "id=1"), "310 ");
    restart();
    consume(&b, "");
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_CONSUME, ""), "310 ");
    CHECK_STR(take_heard(), "");
    curtain_down();
}

TEST(tries_are_counted_over_restarts) {
    begin();
    push("body=poison");
    consume(&b, "");
    restart();
    consume(&b, "");
    CHECK_STR(take_heard(), "1/2:poison ");
    restart();
    consume(&b, "");
    CHECK_STR(take_heard(), "1/3:poison ");
    curtain_down();
}

static unsigned highest_heard(void) {
    unsigned highest = 0, id;
    for (const char *at = take_heard(); sscanf(at, "%u/", &id) == 1; at = strchr(at, ' ') + 1)
        if (id > highest) highest = id;
    return highest;
}

/* Whatever was late by a life, it names nothing that came after it. */
TEST(no_number_is_given_twice_also_by_a_queue_that_was_empty) {
    unsigned last = 0;
    begin();
    for (unsigned life = 0; life < 4; life++) {
        char late[32], ack[32];
        push("body=x");
        consume(&b, "");
        unsigned id = highest_heard();
        CHECK(id > last);
        snprintf(late, sizeof late, "id=%u", last);
        if (life != 0) CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, late), "315 ");
        snprintf(ack, sizeof ack, "id=%u", id);
        CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, ack), "310 ");
        last = id;
        restart();
    }
    curtain_down();
}

TEST(no_number_is_given_twice_whenever_the_power_goes) {
    for (unsigned at = 1; at < 20; at++) {
        unsigned last = 0;
        begin();
        mk_fake_disk_power_off_at(at);
        for (unsigned i = 0; i < 3; i++) {
            char ack[32];
            (void)ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "body=x");
            if (i == 0) consume(&b, "");
            unsigned id = highest_heard();
            if (id == 0) break;
            CHECK(id > last);
            last = id;
            snprintf(ack, sizeof ack, "id=%u", id);
            (void)ask_by(&b, queue, MSG_QUEUE_ACK, ack);
        }
        for (unsigned life = 0; life < 2; life++) {
            char     text[32];
            unsigned id, tries;
            restart();
            consume(&b, "");
            (void)take_heard(); /* what was not acknowledged */
            push("body=new");
            CHECK_EQ(sscanf(heard, "%u/%u:%31s", &id, &tries, text), 3);
            CHECK_STR(text, "new");
            CHECK(id > last);
            last = id;
        }
        curtain_down();
    }
}

static void damage_numbers(unsigned slot) {
    static const char name[] = "queue\0default\0next";
    char              file[FILE_NAME_BYTES];
    mk_store_file_name((mk_slice_t){name, sizeof name - 1}, mk_store_slot_char(slot), file);
    CHECK(mk_fake_disk_flip("disk", file, 300));
}

TEST(no_number_is_given_twice_when_a_file_is_damaged) {
    for (unsigned slot = 0; slot < 2; slot++) {
        unsigned last = 0;
        begin();
        for (unsigned life = 0; life < 4; life++) {
            char ack[32];
            push("body=x");
            consume(&b, "");
            unsigned id = highest_heard();
            CHECK(id > last);
            last = id;
            snprintf(ack, sizeof ack, "id=%u", id);
            CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, ack), "310 ");
            damage_numbers(slot);
            restart();
        }
        curtain_down();
    }
}

TEST(thousands_of_pushes_need_new_numbers_now_and_then) {
    char ack[32];
    begin();
    consume(&b, "");
    for (unsigned i = 1; i <= 9000; i++) {
        push("body=x");
        CHECK_EQ(highest_heard(), i);
        snprintf(ack, sizeof ack, "id=%u", i);
        CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, ack), "310 ");
    }
    curtain_down();
}

TEST(a_push_that_gets_no_number_says_why_and_the_next_one_may) {
    begin();
    for (unsigned after = 0; after < 6; after++) {
        mk_fake_disk_fail_later(after, 1, MK_ERR_FULL);
        CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "body=x"), "316 the disk is full");
        mk_fake_disk_fail(0, MK_OK);
    }
    consume(&b, "");
    CHECK_STR(take_heard(), "");
    push("body=y");
    CHECK(strstr(take_heard(), ":y ") != NULL);
    curtain_down();
}

/* As when each delivery brings the whole node down. */
TEST(what_was_tried_often_enough_is_a_dead_letter_after_a_restart) {
    begin();
    push("body=poison");
    push("body=good");
    for (unsigned i = 1; i <= 3; i++) {
        char want[40];
        consume(&b, "max=1");
        snprintf(want, sizeof want, "1/%u:poison ", i);
        CHECK_STR(take_heard(), want);
        restart();
    }
    consume(&b, "");
    CHECK_STR(take_heard(), "2/1:good ");
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_CONSUME, ""), "310 ");
    CHECK_STR(take_heard(), "1/1:poison ");
    curtain_down();
}

TEST(an_item_that_is_handed_back_comes_again_after_its_delay) {
    begin();
    push("body=x");
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:x ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_NACK, "id=1\ndelay=3"), "310 ");
    later(2999);
    CHECK_STR(take_heard(), "");
    later(1);
    CHECK_STR(take_heard(), "1/2:x ");
    curtain_down();
}

TEST(a_delayed_item_waits_also_over_a_restart) {
    begin();
    push("delay=10\nbody=later");
    push("body=now");
    consume(&b, "");
    CHECK_STR(take_heard(), "2/1:now ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=2"), "310 ");
    uint64_t wall = runtime_wall_ms(rt);
    restart();
    mk_fake_set_wall_ms(wall + 4000);
    consume(&b, "");
    later(5900);
    CHECK_STR(take_heard(), "");
    later(200);
    later(4000);
    CHECK(strncmp(take_heard(), "1/1:later ", 10) == 0);
    curtain_down();
}

/* A machine without a clock of its own begins in 1970, and is told the time a little later. */
TEST(a_delay_that_was_kept_ends_when_the_clock_says_so_though_it_was_wrong_at_first) {
    begin();
    push("delay=600\nbody=later");
    push("delay=1\nbody=had");
    consume(&b, "");
    later(1000);
    CHECK_STR(take_heard(), "2/1:had ");
    curtain_down();
    mk_fake_disk_power_on(11);
    up_at(1000);
    consume(&b, "");
    CHECK_STR(take_heard(), "2/2:had "); /* it was due once */
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=2"), "310 ");
    later(61 * 1000);
    mk_fake_set_wall_ms((NOW_S + 500) * 1000ull);
    later(60 * 1000);
    CHECK_STR(take_heard(), "");
    later(39 * 1000);
    CHECK_STR(take_heard(), "");
    later(2 * 1000);
    CHECK_STR(take_heard(), "1/1:later ");
    curtain_down();
}

static void later_without_clock(uint64_t ms) {
    mk_fake_advance_us(ms * 1000);
    mk_fake_set_wall_ms(0);
    settle_all();
}

TEST(without_any_clock_a_delay_begins_anew_and_one_of_a_clock_is_not_waited_for) {
    begin();
    mk_fake_set_wall_ms(0);
    push("delay=100\nbody=without");
    mk_fake_set_wall_ms(NOW_S * 1000ull);
    push("delay=1000000\nbody=with");
    curtain_down();
    mk_fake_disk_power_on(11);
    up_at(0);
    consume(&b, "");
    later_without_clock(60 * 1000);
    CHECK_STR(take_heard(), "2/1:with ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=2"), "310 ");
    later_without_clock(38 * 1000);
    CHECK_STR(take_heard(), "");
    later_without_clock(3 * 1000);
    CHECK_STR(take_heard(), "1/1:without ");
    curtain_down();
}

TEST(what_comes_due_at_the_same_time_comes_in_order) {
    char text[200] = "", want[300] = "";
    begin();
    for (unsigned i = 1; i <= 12; i++) { /* in one moment by the clock, and one that is there at once */
        snprintf(text, sizeof text, i == 7 ? "body=%u" : "delay=1\nbody=%u", i);
        push(text);
        if (i != 7) snprintf(want + strlen(want), sizeof want - strlen(want), "%u/1:%u ", i, i);
    }
    consume(&b, "max=20");
    CHECK_STR(take_heard(), "7/1:7 ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=7"), "310 ");
    later(1000);
    CHECK_STR(take_heard(), want);
    curtain_down();
}

TEST(what_a_consumer_had_that_ends_goes_to_the_next) {
    begin();
    push("body=x");
    push("body=y");
    consume(&b, "max=1");
    CHECK_STR(take_heard(), "1/1:x ");
    actor_stop(rt, b.id);
    settle_all();
    consume(&a, "max=1");
    CHECK_STR(take_heard(), "1/2:x ");
    CHECK_STR(ask_by(&a, queue, MSG_QUEUE_ACK, "id=1"), "310 ");
    CHECK_STR(take_heard(), "2/1:y ");
    curtain_down();
}

TEST(what_is_handed_back_too_often_is_a_dead_letter) {
    begin();
    push("body=x");
    consume(&b, "");
    for (int i = 0; i < 3; i++) {
        CHECK_STR(ask_by(&b, queue, MSG_QUEUE_NACK, "id=1"), "310 ");
        later(1);
    }
    CHECK_STR(take_heard(), "1/1:x 1/2:x 1/3:x ");
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_CONSUME, ""), "310 ");
    CHECK_STR(take_heard(), "1/1:x ");
    curtain_down();
}

static bool come_go_and_come(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    CHECK(actor_send(rt, queue, MSG_QUEUE_CONSUME, "max=1", 5));
    CHECK(actor_send(rt, queue, MSG_QUEUE_CONSUME, "max=0", 5));
    CHECK(actor_send(rt, queue, MSG_QUEUE_CONSUME, "max=1", 5));
    return true;
}

/* It was fetched for the first time, and is asked for again before it is there. */
TEST(an_item_is_delivered_once_however_often_it_was_fetched) {
    begin();
    push("body=x");
    in(&b, come_go_and_come, 0);
    settle_all();
    CHECK_STR(take_heard(), "1/1:x ");
    curtain_down();
}

TEST(consumers_take_turns_within_their_limits) {
    begin();
    consume(&a, "max=2");
    consume(&b, "max=1");
    push("body=1");
    push("body=2");
    push("body=3");
    push("body=4");
    CHECK_STR(take_heard(), "1/1:1 2/1:2 3/1:3 ");
    consume(&a, "max=0"); /* hands back what it has */
    CHECK(take_heard()[0] == '\0' || true);
    curtain_down();
}

TEST(what_is_asked_wrongly_or_too_much_is_refused) {
    begin();
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, ""), "316 body is missing");
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "delay=x\nbody=y"), "316 not a number, or too large a one");
    CHECK_STR(ask_by(&a, queue, MSG_QUEUE_ACK, ""), "316 id is missing");
    CHECK_STR(ask_by(&a, queue, MSG_QUEUE_ACK, "id=7"), "315 ");
    for (int i = 0; i < 50; i++) push("body=x");
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "body=x"), "316 the queue is full");
    CHECK_STR(ask_by(&a, queue, MSG_QUEUE_ACK, "id=7"), "315 "); /* nobody has had it */
    mk_fake_disk_fail(1, MK_ERR_FULL);
    curtain_down();
}

TEST(a_folder_that_another_node_has_ends_the_queue_and_answers_who_asks) {
    static const local_queue_config_t config = {.base_path = "disk"};
    mk_disk_t                        *theirs;
    mk_fake_disk_reset();
    curtain_up(NULL);
    enter(&a);
    a.on = hear;
    CHECK_EQ(mk_disk_open("disk", &theirs), MK_OK);
    queue = local_queue_init(rt, &config);
    asking.to = queue, asking.type = MSG_CF_QUEUE_PUSH, asking.text = "body=x";
    in(&a, send_it, 0);
    later(20);
    CHECK_STR(answer, "316 in use");
    CHECK(!actor_is_alive(rt, queue));
    mk_disk_close(theirs);
    curtain_down();
}

TEST(an_acknowledgement_that_the_disk_refused_ended_nothing) {
    begin();
    push("body=x");
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:x ");
    mk_fake_disk_fail(1, MK_ERR_IO);
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=1"), "316 input or output failed");
    later(1000);
    CHECK_STR(take_heard(), "1/2:x ");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=1"), "310 ");
    later(2000);
    CHECK_STR(take_heard(), "");
    curtain_down();
}

TEST(what_the_dead_letters_have_no_room_for_waits_until_they_have) {
    begin();
    for (int i = 0; i < 50; i++) CHECK_STR(ask_by(&a, dead, MSG_CF_QUEUE_PUSH, "body=old"), "310 ");
    push("body=poison");
    consume(&b, "");
    for (int i = 0; i < 3; i++) {
        CHECK_STR(ask_by(&b, queue, MSG_QUEUE_NACK, "id=1"), "310 ");
        later(1);
    }
    CHECK_STR(take_heard(), "1/1:poison 1/2:poison 1/3:poison ");
    later(3000);
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_CONSUME, "max=1"), "310 ");
    CHECK_STR(take_heard(), "1/1:old ");
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_ACK, "id=1"), "310 ");
    later(3000);
    CHECK_STR(ask_by(&a, dead, MSG_QUEUE_CONSUME, "max=60"), "310 ");
    CHECK(strstr(take_heard(), "/1:poison ") != NULL);
    curtain_down();
}

TEST(bodies_and_consumers_are_limited) {
    static part_t many[257];
    static char   text[(128 << 10) + 7];
    begin();
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "body=", 5);
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, text), "316 the body is longer than allowed");
    text[sizeof text - 2] = '\0';
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, text), "310 ");
    for (unsigned i = 0; i < 257; i++) {
        enter(&many[i]);
        many[i].on = hear;
        CHECK_STR(ask_by(&many[i], dead, MSG_QUEUE_CONSUME, ""), i < 256 ? "310 " : "316 too many consumers");
    }
    curtain_down();
}

TEST(a_full_disk_refuses_a_push) {
    begin();
    push("body=x");
    mk_fake_disk_fail(1, MK_ERR_FULL);
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "body=y"), "316 the disk is full");
    push("body=z");
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:x 3/1:z ");
    curtain_down();
}

TEST(a_folder_that_is_read_only_gives_what_it_has) {
    begin();
    push("body=x");
    curtain_down();
    mk_fake_disk_read_only(true);
    up();
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:x ");
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "body=y"), "316 not permitted");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=1"), "316 not permitted");
    later(2000);
    CHECK(strstr(take_heard(), ":x ") != NULL); /* it is there still */
    curtain_down();
}

TEST(a_full_disk_can_be_emptied_by_acknowledging) {
    begin();
    push("body=x");
    consume(&b, "");
    CHECK_STR(take_heard(), "1/1:x ");
    mk_fake_disk_space(0);
    CHECK_STR(ask_by(&a, queue, MSG_CF_QUEUE_PUSH, "body=y"), "316 the disk is full");
    CHECK_STR(ask_by(&b, queue, MSG_QUEUE_ACK, "id=1"), "310 ");
    mk_fake_disk_space(SIZE_MAX);
    push("body=z");
    CHECK_STR(take_heard(), "3/1:z ");
    curtain_down();
}

TEST(each_allocation_may_fail_and_no_item_is_lost) {
    for (unsigned n = 1;; n++) {
        begin();
        settle_all();
        push("body=x");
        oom_arm(n);
        asking.to = queue, asking.type = MSG_QUEUE_CONSUME, asking.text = "";
        order_t order = {send_it, 0};
        bool    sent = actor_send(rt, b.id, MSG_DO, &order, sizeof order);
        if (sent && n > 3) settle_all();
        bool hit = oom_disarm();
        settle_all();
        later(150);
        consume(&b, "");
        later(1200);
        later(1200);
        CHECK(strstr(heard, ":x ") != NULL);
        curtain_down();
        if (!hit && n > 3) break;
    }
}
