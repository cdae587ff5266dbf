/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_children_test.c -- the ordered list of children and its index. */
#include "services/supervisor_children.h"

#include "rig/oom.h"
#include "rig/rig.h"

static mk_children_t children;

static mk_child_t *add(uint64_t key) {
    child_spec_t spec = {.restart_type = RESTART_PERMANENT};
    mk_child_t  *child = mk_children_add(&children, &spec);
    CHECK(child != NULL);
    mk_children_set_key(&children, child, key);
    return child;
}

TEST(children_are_found_by_key_however_many_there_are) {
    CHECK_EQ(mk_children_init(&children), MK_OK);
    mk_child_t *child[100];
    for (uint64_t i = 0; i < 100; i++) child[i] = add(i + 1);
    for (uint64_t i = 0; i < 100; i++) CHECK(mk_children_find(&children, i + 1) == child[i]);
    CHECK(mk_children_find(&children, 101) == NULL);
    CHECK(mk_children_find(&children, 0) == NULL);
    mk_children_fini(&children);
}

TEST(a_child_that_has_ended_is_in_no_chain_when_the_index_grows) {
    CHECK_EQ(mk_children_init(&children), MK_OK);
    mk_child_t *ended[10];
    for (int i = 0; i < 10; i++) {
        ended[i] = add((uint64_t)i + 1);
        mk_children_set_key(&children, ended[i], 0);
    }
    for (uint64_t i = 0; i < 50; i++) add(1024 * (i + 1)); /* all in the first bucket, and the index grows */
    for (int i = 0; i < 10; i++) mk_children_remove(&children, ended[i]);
    for (uint64_t i = 0; i < 50; i++) CHECK_EQ(mk_children_find(&children, 1024 * (i + 1))->key, 1024 * (i + 1));
    CHECK(mk_children_find(&children, 1024 * 51) == NULL); /* walks a whole chain */
    CHECK_EQ(children.count, 50);
    mk_children_fini(&children);
}

TEST(an_index_that_cannot_grow_still_finds_everyone) {
    CHECK_EQ(mk_children_init(&children), MK_OK);
    child_spec_t spec = {.restart_type = RESTART_PERMANENT};
    for (uint64_t i = 0; i < 20; i++) {
        oom_arm(2); /* the child's own memory is the first allocation, a larger index the second */
        mk_child_t *child = mk_children_add(&children, &spec);
        oom_disarm();
        CHECK(child != NULL);
        mk_children_set_key(&children, child, i + 1);
    }
    for (uint64_t i = 0; i < 20; i++) CHECK_EQ(mk_children_find(&children, i + 1)->key, i + 1);
    mk_children_fini(&children);
}
