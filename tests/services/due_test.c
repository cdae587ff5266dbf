/* SPDX-License-Identifier: Apache-2.0 */
#include "services/due.h"

#include "rig/random.h"
#include "rig/rig.h"

enum { RECORDS = 200 };

TEST(records_come_out_in_the_order_of_their_times_whoever_leaves_in_between) {
    rig_random_t  r = {.state = 7};
    mk_due_t      due[RECORDS] = {0};
    mk_due_heap_t heap = {0};
    CHECK(mk_due_reserve(&heap, RECORDS));
    for (unsigned round = 0; round < 200; round++) {
        unsigned inside = 0;
        for (unsigned i = 0; i < RECORDS; i++)
            if (rig_random_below(&r, 2) == 0) mk_due_put(&heap, &due[i], rig_random_below(&r, 50)), inside++;
        for (unsigned i = 0; i < RECORDS; i++) {
            if (rig_random_below(&r, 3) != 0) continue;
            inside -= due[i].place != 0;
            mk_due_remove(&heap, &due[i]);
        }
        uint64_t last = 0;
        for (mk_due_t *first; (first = mk_due_first(&heap)) != NULL; inside--) {
            CHECK(first->at >= last);
            last = first->at;
            mk_due_remove(&heap, first);
        }
        CHECK_EQ(inside, 0);
    }
    mk_due_fini(&heap);
}
