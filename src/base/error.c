/* SPDX-License-Identifier: Apache-2.0 */
/* error.c -- names and texts of the error table, and the end of a broken promise. */
#include "microkernel/error.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

/* A table within a table is beyond the formatter. */
/* clang-format off */
const char *mk_err_text(mk_err_t err) {
    static const char *const texts[] = {
        "no error",
#define TEXT(name, text) text,
        MK_ERR_TABLE(TEXT)
#undef TEXT
    };
    return (size_t)err < sizeof texts / sizeof *texts ? texts[err] : "unknown error";
}

const char *mk_err_name(mk_err_t err) {
    static const char *const names[] = {
        "OK",
#define NAME(name, text) #name,
        MK_ERR_TABLE(NAME)
#undef NAME
    };
    return (size_t)err < sizeof names / sizeof *names ? names[err] : "UNKNOWN";
}
/* clang-format on */

void mk_assert_failed(const char *cond, const char *file, int line) {
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, cond);
    abort();
}
