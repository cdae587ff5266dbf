/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel/storage.h"

#include "microkernel/actor.h"
#include "port/fake/fake_disk.h"
#include "runtime/play.h"

static storage_t              *storage;
static part_t                  a;
static uint32_t                request;
static mk_err_t                answered;
static unsigned                replies;
static storage_reply_payload_t reply;
static char                    value[64];

static bool hear(part_t *part, message_t *msg) {
    (void)part;
    CHECK_EQ(msg->type, MSG_STORAGE_REPLY);
    memcpy(&reply, msg->payload, sizeof reply);
    CHECK_EQ(msg->payload_size, sizeof reply + reply.value_size);
    memcpy(value, storage_reply_value(msg->payload),
           reply.value_size < sizeof value ? (size_t)reply.value_size : sizeof value);
    replies++;
    return true;
}

static void begin(void) {
    mk_fake_disk_reset();
    curtain_up(NULL);
    replies = 0;
    enter(&a);
    a.on = hear;
    CHECK_EQ(storage_open(rt, "disk", NULL, &storage), MK_OK);
}

static void restart(void) {
    curtain_down();
    curtain_up(NULL);
    enter(&a);
    a.on = hear;
    CHECK_EQ(storage_open(rt, "disk", NULL, &storage), MK_OK);
}

static void settle_all(void) {
    for (int i = 0; i < 10; i++) {
        settle();
        (void)runtime_wait(rt, 0);
    }
}

static bool put_it(part_t *part, uint64_t size) {
    static char bytes[4096];
    (void)part;
    memset(bytes, 'v', sizeof bytes);
    answered = storage_put(rt, storage, "name", 4, bytes, (size_t)size, 0, &request);
    return true;
}

static bool get_it(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    answered = storage_get(rt, storage, "name", 4, &request);
    return true;
}

static bool delete_it(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    answered = storage_delete(rt, storage, "name", 4, &request);
    return true;
}

TEST(a_put_is_answered_when_it_is_on_the_disk_and_survives_the_power) {
    begin();
    in(&a, put_it, 5);
    CHECK_EQ(answered, MK_OK);
    settle_all();
    CHECK_EQ(replies, 1);
    CHECK_EQ(reply.request, request);
    CHECK_EQ(reply.error, MK_OK);
    mk_fake_disk_power_on(7);
    restart();
    in(&a, get_it, 0);
    settle_all();
    CHECK_EQ(reply.error, MK_OK);
    CHECK_EQ(reply.value_size, 5);
    CHECK(memcmp(value, "vvvvv", 5) == 0);
    in(&a, delete_it, 0);
    settle_all();
    CHECK_EQ(reply.error, MK_OK);
    in(&a, get_it, 0);
    settle_all();
    CHECK_EQ(reply.error, MK_ERR_NOTFOUND);
    curtain_down();
}

TEST(the_same_folder_is_the_same_storage) {
    storage_t *other;
    begin();
    CHECK_EQ(storage_open(rt, "disk", NULL, &other), MK_OK);
    CHECK(other == storage);
    CHECK_EQ(storage_open(rt, "elsewhere", NULL, &other), MK_OK);
    CHECK(other != storage);
    curtain_down();
}

TEST(an_actor_that_has_ended_is_not_answered) {
    begin();
    in(&a, put_it, 100);
    actor_stop(rt, a.id);
    settle_all();
    CHECK_EQ(replies, 0);
    restart();
    in(&a, get_it, 0);
    settle_all();
    CHECK_EQ(reply.value_size, 100);
    curtain_down();
}

TEST(a_runtime_that_ends_keeps_what_was_put) {
    begin();
    in(&a, put_it, 9);
    restart();
    in(&a, get_it, 0);
    settle_all();
    CHECK_EQ(replies, 1);
    CHECK_EQ(reply.value_size, 9);
    curtain_down();
}

TEST(what_the_disk_says_is_told) {
    begin();
    settle_all();
    mk_fake_disk_fail(1, MK_ERR_FULL);
    in(&a, put_it, 5);
    settle_all();
    CHECK_EQ(reply.error, MK_ERR_FULL);
    curtain_down();
}

TEST(each_allocation_may_fail_and_every_request_taken_is_answered_once) {
    for (unsigned n = 1;; n++) {
        begin();
        settle_all();
        in(&a, put_it, 3000);
        settle_all();
        replies = 0;
        oom_arm(n);
        unsigned taken = 0;
        in(&a, put_it, 2000);
        taken += answered == MK_OK;
        settle_all();
        in(&a, get_it, 0);
        taken += answered == MK_OK;
        settle_all();
        bool hit = oom_disarm();
        settle_all();
        CHECK_EQ(replies, taken);
        curtain_down();
        if (!hit) break;
    }
}
