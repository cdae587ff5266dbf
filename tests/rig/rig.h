/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h -- the test harness, the same on Linux and on a bare board. A test is a sentence about behaviour:
 *     TEST(removing_a_name_keeps_its_neighbour) { CHECK_EQ(names_get(&n, "b"), 2u); }
 * Tests register themselves and run in the order of the file. A failed check ends its test and the program's exit code
 * is 1. The program's first argument runs the tests whose name contains it. */
#ifndef MK_TESTS_RIG_H
#define MK_TESTS_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct rig_test {
    const char      *name;
    const char      *file;
    void           (*run)(void);
    struct rig_test *next;
} rig_test_t;

void rig_add(rig_test_t *test);

/* Reports and leaves the running test. */
_Noreturn void rig_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Says why and leaves the running test without failing it. */
_Noreturn void rig_skip(const char *why);

#define TEST(name)                                                                           \
    static void name(void);                                                                  \
    __attribute__((constructor)) static void rig_add_##name(void) {                          \
        static rig_test_t test = {#name, __FILE__, name, NULL};                              \
        rig_add(&test);                                                                      \
    }                                                                                        \
    static void name(void)

#define CHECK(cond)                                                    \
    do {                                                               \
        if (!(cond)) rig_fail(__FILE__, __LINE__, "%s", #cond);        \
    } while (0)

#define CHECK_EQ(a, b)                                                                                        \
    do {                                                                                                      \
        long long rig_a = (long long)(a), rig_b = (long long)(b);                                             \
        if (rig_a != rig_b) rig_fail(__FILE__, __LINE__, "%s is %lld, not %lld (%s)", #a, rig_a, rig_b, #b);  \
    } while (0)

#define CHECK_STR(a, b)                                                                                       \
    do {                                                                                                      \
        const char *rig_a = (a), *rig_b = (b);                                                                \
        if (strcmp(rig_a, rig_b) != 0) rig_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #a, rig_a, rig_b); \
    } while (0)

#endif
