/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime offers to those who start actors on behalf of another one. */
#include "services/supervisor_rig.h"

static bool idle(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)runtime, (void)self, (void)state;
    return msg->type != DO_END;
}

static bool count_exits(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)runtime, (void)self;
    *(unsigned *)state += msg->type == MSG_CHILD_EXIT;
    return true;
}

static unsigned   exits;
static actor_id_t parent, child;

static void start_parent(void) {
    begin();
    exits = 0;
    parent = actor_spawn(rt, count_exits, &exits, NULL, 0);
}

static mk_err_t start_child(const char *name) {
    actor_options_t options = {.behavior = idle, .name = name, .parent = parent};
    return actor_spawn_opts(rt, &options, &child);
}

TEST(an_actor_can_be_spawned_as_the_child_of_another) {
    actor_info_t info;
    start_parent();
    CHECK_EQ(start_child(NULL), MK_OK);
    CHECK(runtime_get_actor_info(rt, child, &info));
    CHECK_EQ(info.parent, parent);
    actor_stop(rt, child);
    settle();
    CHECK_EQ(exits, 1);
    actor_stop(rt, parent);
    CHECK_EQ(start_child(NULL), MK_ERR_NOTFOUND);
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(the_end_of_a_disowned_child_is_not_told) {
    start_parent();
    CHECK_EQ(start_child(NULL), MK_OK);
    actor_disown(rt, child);
    actor_disown(rt, ACTOR_ID_INVALID);
    actor_stop(rt, child);
    settle();
    CHECK_EQ(exits, 0);
    end();
}

TEST(a_name_reserved_for_an_actor_goes_to_its_children_only) {
    start_parent();
    actor_id_t other = actor_spawn(rt, idle, NULL, NULL, 0);
    CHECK_EQ(actor_reserve_name_for(rt, "n", ACTOR_ID_INVALID), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_reserve_name_for(rt, "n", parent), MK_OK);
    CHECK_EQ(actor_reserve_name_for(rt, "n", other), MK_ERR_EXISTS);
    CHECK_EQ(actor_lookup(rt, "n"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_try_register_name(rt, "n", other), MK_ERR_EXISTS);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(start_child("n"), MK_OK);
        CHECK_EQ(actor_lookup(rt, "n"), child);
        actor_stop(rt, child);
        CHECK_EQ(actor_try_register_name(rt, "n", other), MK_ERR_EXISTS);
    }
    actor_stop(rt, parent);
    CHECK_EQ(actor_try_register_name(rt, "n", other), MK_OK);
    end();
}

TEST(a_state_is_shown_to_who_knows_the_behaviour) {
    start_parent();
    CHECK(actor_state_of(rt, parent, count_exits) == &exits);
    CHECK(actor_state_of(rt, parent, idle) == NULL);
    CHECK(actor_state_of(rt, ACTOR_ID_INVALID, count_exits) == NULL);
    actor_stop(rt, parent);
    CHECK(actor_state_of(rt, parent, count_exits) == NULL);
    end();
}

TEST(an_actor_bound_to_end_has_no_claim_to_its_name) {
    start_parent();
    actor_id_t other = actor_spawn(rt, idle, NULL, NULL, 0);
    CHECK_EQ(start_child("n"), MK_OK);
    CHECK_EQ(actor_try_register_name(rt, "n", other), MK_ERR_EXISTS);
    actor_exit(rt, child, EXIT_SHUTDOWN); /* ends at its next turn */
    CHECK(actor_is_alive(rt, child));
    CHECK_EQ(actor_try_register_name(rt, "n", other), MK_OK);
    settle();
    CHECK(!actor_is_alive(rt, child));
    CHECK_EQ(actor_lookup(rt, "n"), other);
    end();
}
