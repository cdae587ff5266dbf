/* SPDX-License-Identifier: Apache-2.0 */
/* rig.c -- runs the tests that registered themselves and prints one line for each. */
#include "rig/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

static rig_test_t  *first;
static rig_test_t **last = &first;
static jmp_buf      leave;
static bool         test_failed;

void rig_add(rig_test_t *test) {
    *last = test;
    last = &test->next;
}

void rig_fail(const char *file, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    printf("\n  %s:%d: ", file, line);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    test_failed = true;
    longjmp(leave, 1);
}

void rig_skip(const char *why) {
    printf("skipped: %s ... ", why);
    longjmp(leave, 1);
}

static bool run(rig_test_t *test) {
    printf("%s ... ", test->name);
    fflush(stdout);
    test_failed = false;
    if (setjmp(leave) == 0) test->run();
    printf(test_failed ? "FAILED %s\n" : "ok\n", test->name);
    fflush(stdout);
    return !test_failed;
}

int main(int argc, char **argv) {
    const char *only = argc > 1 ? argv[1] : "";
    int         ran = 0, failed = 0;
    for (rig_test_t *test = first; test != NULL; test = test->next) {
        if (strstr(test->name, only) == NULL) continue;
        ran++;
        if (!run(test)) failed++;
    }
    printf("%d tests, %d failed\n", ran, failed);
    return failed != 0 || ran == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
