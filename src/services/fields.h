/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h -- the payload of a request to a service: `name=value\n` lines, of which the last value may hold anything. Pure. */
#ifndef MK_SERVICES_FIELDS_H
#define MK_SERVICES_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mk_text {
    const char *at; /* no NUL at its end */
    size_t      size;
} mk_text_t;

typedef struct mk_fields {
    const char *at;
    size_t      left;
} mk_fields_t;

/* `last`: the name of the field that goes to the end of the payload; NULL: none does. False at the end, and at a line that is no
 * field: then `left` is not 0. */
bool mk_fields_next(mk_fields_t *fields, const char *last, mk_text_t *name, mk_text_t *value);

bool mk_text_is(mk_text_t text, const char *literal);
/* Decimal digits only. */
bool mk_text_number(mk_text_t text, uint64_t max, uint64_t *out);
/* Without control characters, which would break lines and logs. */
bool mk_text_is_plain(mk_text_t text);

#endif
