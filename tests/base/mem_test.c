/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"
#include "base/mem.h"
#include "microkernel/error.h"
#include "rig/oom.h"
#include "rig/rig.h"

TEST(every_error_has_a_name_and_a_text) {
    for (int e = MK_OK; e <= MK_ERR_BUSY; e++) {
        CHECK(strlen(mk_err_name((mk_err_t)e)) >= 2);
        CHECK(strlen(mk_err_text((mk_err_t)e)) >= 4);
    }
    CHECK_STR(mk_err_name(MK_ERR_NOMEM), "NOMEM");
    CHECK_STR(mk_err_text(MK_ERR_NOMEM), "out of memory");
    CHECK_STR(mk_err_name(MK_ERR_BUSY), "BUSY");
}

TEST(a_code_that_is_none_has_a_text_too) {
    CHECK_STR(mk_err_name((mk_err_t)1000), "UNKNOWN");
    CHECK_STR(mk_err_text((mk_err_t)1000), "unknown error");
}

TEST(nothing_is_a_size_like_any_other) {
    void *a = mk_alloc(0), *b = mk_calloc(0, 8), *c = mk_realloc(NULL, 0);
    CHECK(a != NULL && b != NULL && c != NULL);
    mk_free(a);
    mk_free(b);
    mk_free(c);
    mk_free(NULL);
}

TEST(a_product_that_overflows_is_out_of_memory) { CHECK(mk_calloc(SIZE_MAX / 4, 8) == NULL); }

TEST(a_copy_of_text_ends_where_it_was_told) {
    char *copy = mk_strndup("hello", 4);
    CHECK_STR(copy, "hell");
    mk_free(copy);
}

TEST(aligned_memory_is_aligned_and_can_be_refused) {
    void *p = mk_aligned_alloc(4096, 100);
    CHECK(p != NULL);
    CHECK_EQ((uintptr_t)p % 4096, 0);
    mk_aligned_free(p);
    oom_arm_all();
    p = mk_aligned_alloc(4096, 100);
    CHECK(oom_disarm() && p == NULL);
}

TEST(the_gate_fails_exactly_the_allocation_that_was_named) {
    oom_arm(2);
    void *first = mk_alloc(1), *second = mk_alloc(1), *third = mk_alloc(1);
    CHECK(oom_disarm());
    CHECK(first != NULL && second == NULL && third != NULL);
    mk_free(first);
    mk_free(third);
    oom_arm(5);
    mk_free(mk_alloc(1));
    CHECK(!oom_disarm()); /* never reached */
}

TEST(a_node_leaves_its_list_without_its_head) {
    mk_node_t *head = NULL, node[3] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
    for (int i = 0; i < 3; i++) mk_list_push(&head, &node[i]);
    CHECK(head == &node[2]);
    mk_list_remove(&node[1]);
    CHECK(head == &node[2] && node[2].next == &node[0]);
    mk_list_remove(&node[1]); /* not in any list: harmless */
    mk_list_remove(&node[2]);
    CHECK(head == &node[0]);
    mk_list_remove(&node[0]);
    CHECK(head == NULL);
}
