/* SPDX-License-Identifier: Apache-2.0 */
#include "core/actor.h"
#include "rig/rig.h"

static mk_pool_t pool;

static mk_msg_t *numbered(uint32_t number) {
    mk_msg_t *msg = mk_msg_create_inline(&pool, 0);
    CHECK(msg != NULL);
    msg->pub.type = number;
    return msg;
}

static uint32_t take(actor_t *actor) {
    mk_msg_t *msg = mk_mailbox_take(actor);
    uint32_t  number = msg->pub.type;
    mk_msg_destroy(&pool, msg);
    return number;
}

TEST(messages_leave_in_the_order_they_came) {
    actor_t actor = {.mailbox_size = 10};
    mk_pool_init(&pool, 0);
    for (uint32_t i = 0; i < 5; i++) mk_mailbox_put(&actor, numbered(i));
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(take(&actor), i);
    for (uint32_t i = 5; i < 8; i++) mk_mailbox_put(&actor, numbered(i));
    for (uint32_t i = 3; i < 8; i++) CHECK_EQ(take(&actor), i);
    CHECK_EQ(actor.queued, 0);
    mk_mailbox_put(&actor, numbered(9)); /* empty and used again */
    CHECK_EQ(take(&actor), 9);
    mk_pool_fini(&pool);
}

TEST(there_is_room_up_to_the_limit) {
    actor_t actor = {.mailbox_size = 2};
    mk_pool_init(&pool, 0);
    CHECK(mk_mailbox_has_room(&actor));
    mk_mailbox_put(&actor, numbered(1));
    CHECK(mk_mailbox_has_room(&actor));
    mk_mailbox_put(&actor, numbered(2));
    CHECK(!mk_mailbox_has_room(&actor));
    mk_mailbox_put(&actor, numbered(3)); /* the system's are put whatever the limit */
    CHECK_EQ(actor.queued, 3);
    CHECK_EQ(take(&actor), 1);
    CHECK(!mk_mailbox_has_room(&actor));
    CHECK_EQ(take(&actor), 2);
    CHECK(mk_mailbox_has_room(&actor));
    CHECK_EQ(take(&actor), 3);
    mk_pool_fini(&pool);
}

static int  released;
static void count_release(runtime_t *rt, mk_res_t *res) {
    (void)rt, (void)res;
    released++;
}

TEST(resources_are_listed_newest_first_and_can_leave_alone) {
    static const mk_res_ops_t ops = {count_release};
    actor_t                   actor = {0};
    mk_res_t                  res[3];
    for (int i = 0; i < 3; i++) mk_actor_own(&actor, &res[i], &ops);
    CHECK(actor.resources == &res[2].node);
    mk_list_remove(&res[1].node);
    CHECK(res[2].node.next == &res[0].node);
    CHECK_EQ(released, 0);
}
