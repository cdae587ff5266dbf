/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message.h"

#include "rig/oom.h"
#include "rig/rig.h"

static mk_pool_t pool;

TEST(a_small_payload_lies_in_the_message_and_a_large_one_beside_it) {
    static const size_t sizes[] = {0, 1, 15, 16, 17, 500, MK_MSG_INLINE_MAX, MK_MSG_INLINE_MAX + 1, 20000};
    mk_pool_init(&pool, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mk_msg_t *msg = mk_msg_create(&pool, sizes[i]);
        CHECK(msg != NULL);
        CHECK_EQ(msg->pub.payload_size, sizes[i]);
        CHECK((msg->pub.payload == NULL) == (sizes[i] == 0));
        CHECK((msg->attached != NULL) == (sizes[i] > MK_MSG_INLINE_MAX));
        CHECK_EQ(msg->pub.call, CALL_ID_INVALID);
        CHECK_EQ((uintptr_t)msg->pub.payload % (2 * sizeof(void *)), 0);
        if (sizes[i] != 0) memset((void *)(uintptr_t)msg->pub.payload, 0x5a, sizes[i]);
        mk_msg_destroy(&pool, msg);
    }
    mk_pool_fini(&pool);
}

TEST(inline_payloads_reach_a_kilobyte) {
    if (sizeof(void *) == 8) CHECK_EQ(MK_MSG_INLINE_MAX, 1024);
    CHECK(MK_MSG_INLINE_MAX >= 1024);
}

TEST(a_large_message_fails_whole_at_each_allocation) {
    for (unsigned n = 1;; n++) {
        mk_pool_init(&pool, 0);
        oom_arm(n);
        mk_msg_t *msg = mk_msg_create(&pool, 5000);
        bool      failed = oom_disarm();
        CHECK((msg == NULL) == failed);
        if (msg != NULL) mk_msg_destroy(&pool, msg);
        mk_pool_fini(&pool); /* asserts that nothing is out */
        if (!failed) break;
    }
}

TEST(a_buffer_lives_as_long_as_its_last_reference) {
    message_buffer_t *buf = message_buffer_create(100);
    CHECK_EQ(message_buffer_size(buf), 100);
    memset(message_buffer_data(buf), 7, 100);
    CHECK(message_buffer_retain(buf) == buf);
    message_buffer_release(buf);
    CHECK_EQ(((char *)message_buffer_data(buf))[99], 7);
    message_buffer_release(buf);
}

TEST(a_buffer_that_cannot_be_is_not_made) {
    CHECK(message_buffer_create(SIZE_MAX) == NULL);
    CHECK(message_buffer_create(SIZE_MAX - 4) == NULL);
    oom_arm_all();
    message_buffer_t *buf = message_buffer_create(1);
    oom_disarm();
    CHECK(buf == NULL);
}

TEST(a_text_becomes_a_buffer_and_none_becomes_none) {
    CHECK(mk_text_buffer(NULL) == NULL);
    CHECK(mk_text_buffer("") == NULL);
    message_buffer_t *buf = mk_text_buffer("out of luck");
    CHECK_STR(message_buffer_data(buf), "out of luck");
    message_buffer_release(buf);
}

TEST(only_an_exit_text_is_read_as_one) {
    mk_pool_init(&pool, 0);
    mk_msg_t *plain = mk_msg_create(&pool, 8), *large = mk_msg_create(&pool, 5000), *empty = mk_msg_create(&pool, 0);
    CHECK_STR(message_exit_text(&plain->pub), "");
    memset(message_buffer_data(large->attached), 'x', 5000); /* no NUL anywhere */
    CHECK_STR(message_exit_text(&large->pub), "");
    CHECK_STR(message_exit_text(&empty->pub), "");
    empty->attached = message_buffer_create(0); /* sent as a buffer of nothing */
    CHECK_STR(message_exit_text(&empty->pub), "");
    plain->attached = mk_text_buffer("why");
    CHECK_STR(message_exit_text(&plain->pub), "why");
    mk_msg_destroy(&pool, plain);
    mk_msg_destroy(&pool, large);
    mk_msg_destroy(&pool, empty);
    mk_pool_fini(&pool);
}

TEST(a_block_that_has_served_becomes_a_message) {
    mk_pool_init(&pool, 0);
    void *block = mk_pool_alloc(&pool, sizeof(mk_msg_t) + 16);
    memset(block, 0xff, sizeof(mk_msg_t) + 16);
    mk_msg_t *msg = mk_msg_from_block(block, 77, 16);
    CHECK_EQ(msg->pub.type, 77);
    CHECK_EQ(msg->pub.payload_size, 16);
    CHECK(msg->pub.payload == mk_msg_inline(msg));
    CHECK(msg->attached == NULL && msg->flags == MK_MSG_PLAIN && msg->pub.call == CALL_ID_INVALID);
    mk_msg_destroy(&pool, msg);
    mk_pool_fini(&pool);
}
