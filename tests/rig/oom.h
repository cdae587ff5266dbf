/* SPDX-License-Identifier: Apache-2.0 */
/* oom.h -- makes every single allocation of a piece of code fail, one run each.
 *     OOM_EACH { if (!oom_is_done()) ... }  is spelled:
 *     for (unsigned n = 1; oom_arm(n); n++) { ...run the code...; if (!oom_disarm()) break; }
 * oom_arm(n) lets n - 1 allocations pass and fails the n-th, once; oom_disarm() says whether it was reached. */
#ifndef MK_TESTS_OOM_H
#define MK_TESTS_OOM_H

#include <stdbool.h>

bool oom_arm(unsigned nth);
bool oom_disarm(void);

/* From now on every allocation fails, until oom_disarm(). */
void oom_arm_all(void);

#endif
