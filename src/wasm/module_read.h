/* SPDX-License-Identifier: Apache-2.0 */
/* module_read.h -- a bounded reader over the bytes of a module, and the order of its sections.
 *
 * Invariant: start <= at <= end, and nothing outside is ever touched. The first failure is kept, with
 * its text and place; from then on every read gives zero and nothing is left to read, so a caller
 * may look at `err` once at the end of a run of reads. A loop over a count must look each time. */
#ifndef MK_WASM_MODULE_READ_H
#define MK_WASM_MODULE_READ_H

#include "wasm/module.h"

typedef struct mk_module_reader {
    const uint8_t *start; /* of the module: places are counted from here */
    const uint8_t *at, *end;
    const char    *section; /* being read, or NULL; for the text         */
    mk_err_t       err;
    uint8_t        rank; /* of the last section that has a fixed place   */
    char          *text; /* the caller's error buffer                    */
    size_t         text_size;
} mk_module_reader_t;

enum mk_module_section_id {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_TAG,
    SECTION_IDS
};

void mk_module_reader_init(mk_module_reader_t *r, const void *bytes, size_t size, char *text, size_t text_size);

/* Keeps the first failure; `at` is the place it speaks of. Always false, for the caller to return. */
bool mk_module_fail(mk_module_reader_t *r, const uint8_t *at, mk_err_t err, const char *fmt, ...) MK_PRINTF(4, 5);

uint8_t          mk_module_u8(mk_module_reader_t *r);
uint32_t         mk_module_u32(mk_module_reader_t *r); /* LEB128 */
void             mk_module_skip(mk_module_reader_t *r, size_t bytes);
int64_t          mk_module_signed(mk_module_reader_t *r, unsigned bits); /* LEB128 */
mk_module_name_t mk_module_name(mk_module_reader_t *r);
uint8_t          mk_module_value_type(mk_module_reader_t *r);
uint8_t          mk_module_reference_type(mk_module_reader_t *r);

/* The count in front of a vector whose elements take `least_bytes` each: never more than can follow,
 * so it is safe to allocate by. */
uint32_t mk_module_count(mk_module_reader_t *r, size_t least_bytes);

/* Narrows the reader to the next `bytes`; leave with what it returned. Leaving fails if something
 * within was not read. */
const uint8_t *mk_module_enter(mk_module_reader_t *r, size_t bytes);
void           mk_module_leave(mk_module_reader_t *r, const uint8_t *outer);

/* Checks magic, layer and version. */
bool mk_module_preamble(mk_module_reader_t *r);

typedef struct mk_module_section {
    uint8_t        id;
    const uint8_t *start; /* its id byte       */
    const uint8_t *outer; /* for mk_module_leave() */
} mk_module_section_t;

/* Enters the next section; false at the end of the module or on failure. Order is checked here. */
bool mk_module_next_section(mk_module_reader_t *r, mk_module_section_t *section);

/* Where a section stands among the others; 0: anywhere. */
uint8_t mk_module_section_rank(uint8_t id);

/* `name` fit for a line of text: unprintable bytes become '?', a long one ends in "...". */
typedef struct mk_module_printable {
    char text[68];
} mk_module_printable_t;

mk_module_printable_t mk_module_printable(mk_module_name_t name);
bool                  mk_module_name_is(mk_module_name_t name, const char *text);

#endif
