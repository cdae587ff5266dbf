/* SPDX-License-Identifier: Apache-2.0 */
#include "services/supervisor_limit.h"

#include "rig/oom.h"
#include "rig/rig.h"

static mk_supervisor_limit_t limit;

TEST(exactly_as_many_as_allowed_pass_in_one_window) {
    CHECK_EQ(mk_supervisor_limit_init(&limit, 3, 1000), MK_OK);
    CHECK(mk_supervisor_limit_allows(&limit, 10));
    CHECK(mk_supervisor_limit_allows(&limit, 10));
    CHECK(mk_supervisor_limit_allows(&limit, 500));
    CHECK(!mk_supervisor_limit_allows(&limit, 1009));
    mk_supervisor_limit_fini(&limit);
}

TEST(the_window_slides_and_does_not_jump) {
    CHECK_EQ(mk_supervisor_limit_init(&limit, 2, 1000), MK_OK);
    CHECK(mk_supervisor_limit_allows(&limit, 0));
    CHECK(mk_supervisor_limit_allows(&limit, 900));
    CHECK(!mk_supervisor_limit_allows(&limit, 999));
    CHECK(mk_supervisor_limit_allows(&limit, 1000));  /* the first has left */
    CHECK(!mk_supervisor_limit_allows(&limit, 1899)); /* 900 and 1000 are still in */
    CHECK(mk_supervisor_limit_allows(&limit, 1900));
    mk_supervisor_limit_fini(&limit);
}

TEST(a_limit_of_none_allows_none) {
    CHECK_EQ(mk_supervisor_limit_init(&limit, 0, 1000), MK_OK);
    CHECK(!mk_supervisor_limit_allows(&limit, 0));
    mk_supervisor_limit_fini(&limit);
}

TEST(a_large_limit_grows_as_it_is_used) {
    CHECK_EQ(mk_supervisor_limit_init(&limit, 1000, 10000), MK_OK);
    for (unsigned i = 0; i < 20000; i++) CHECK_EQ(mk_supervisor_limit_allows(&limit, 20 * i), true);
    for (unsigned i = 0; i < 501; i++) CHECK_EQ(mk_supervisor_limit_allows(&limit, 400000), true);
    CHECK(!mk_supervisor_limit_allows(&limit, 400000)); /* 499 of the last 10 s and 501 at once */
    mk_supervisor_limit_fini(&limit);
}

TEST(without_memory_to_grow_a_restart_is_allowed_rather_than_refused) {
    CHECK_EQ(mk_supervisor_limit_init(&limit, 100, 1000), MK_OK);
    oom_arm_all();
    bool all = true;
    for (unsigned i = 0; i < 50; i++) all &= mk_supervisor_limit_allows(&limit, 0);
    oom_disarm();
    CHECK(all);
    mk_supervisor_limit_fini(&limit);
}
