/* SPDX-License-Identifier: Apache-2.0 */
/* read.h -- a bounded reader over the bytes of a module, and the order of its sections.
 *
 * Invariant: start <= at <= end, and nothing outside is ever touched. The first failure is kept, with
 * its text and place; from then on every read gives zero and nothing is left to read, so a caller
 * may look at `err` once at the end of a run of reads. A loop over a count must look each time. */
#ifndef MK_VM_READ_H
#define MK_VM_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

/* A name as it stands in the module: any bytes, not ended by a zero. */
typedef struct mk_vm_name {
    const char *at;
    uint32_t    size;
} mk_vm_name_t;

typedef struct mk_vm_reader {
    const uint8_t *start; /* of the module: places are counted from here */
    const uint8_t *at, *end;
    const char    *section; /* being read, or NULL; for the text         */
    mk_err_t       err;
    uint8_t        rank; /* of the last section that has a fixed place   */
    char          *text; /* the caller's error buffer                    */
    size_t         text_size;
} mk_vm_reader_t;

enum mk_vm_section_id {
    MK_VM_SECTION_CUSTOM,
    MK_VM_SECTION_TYPE,
    MK_VM_SECTION_IMPORT,
    MK_VM_SECTION_FUNCTION,
    MK_VM_SECTION_TABLE,
    MK_VM_SECTION_MEMORY,
    MK_VM_SECTION_GLOBAL,
    MK_VM_SECTION_EXPORT,
    MK_VM_SECTION_START,
    MK_VM_SECTION_ELEMENT,
    MK_VM_SECTION_CODE,
    MK_VM_SECTION_DATA,
    MK_VM_SECTION_DATA_COUNT,
    MK_VM_SECTION_TAG,
    MK_VM_SECTION_IDS
};

void mk_vm_reader_init(mk_vm_reader_t *r, const void *bytes, size_t size, char *text, size_t text_size);

/* Keeps the first failure; `at` is the place it speaks of. Always false, for the caller to return. */
bool mk_vm_fail(mk_vm_reader_t *r, const uint8_t *at, mk_err_t err, const char *fmt, ...) MK_PRINTF(4, 5);

uint8_t          mk_vm_u8(mk_vm_reader_t *r);
uint32_t         mk_vm_u32(mk_vm_reader_t *r); /* LEB128 */
void             mk_vm_skip(mk_vm_reader_t *r, size_t bytes);
int64_t          mk_vm_signed(mk_vm_reader_t *r, unsigned bits); /* LEB128 */
mk_vm_name_t mk_vm_name(mk_vm_reader_t *r);      /* any bytes */
mk_vm_name_t mk_vm_name_utf8(mk_vm_reader_t *r); /* fails when it is not UTF-8 */

/* The count in front of a vector whose elements take `least_bytes` each: never more than can follow,
 * so it is safe to allocate by. */
uint32_t mk_vm_count(mk_vm_reader_t *r, size_t least_bytes);

/* Narrows the reader to the next `bytes`; leave with what it returned. Leaving fails if something
 * within was not read. */
const uint8_t *mk_vm_enter(mk_vm_reader_t *r, size_t bytes);
void           mk_vm_leave(mk_vm_reader_t *r, const uint8_t *outer);

/* Checks magic, layer and version. */
bool mk_vm_preamble(mk_vm_reader_t *r);

typedef struct mk_vm_section {
    uint8_t        id;
    const uint8_t *start; /* its id byte       */
    const uint8_t *outer; /* for mk_vm_leave() */
} mk_vm_section_t;

/* Enters the next section; false at the end of the module or on failure. Order is checked here. */
bool mk_vm_next_section(mk_vm_reader_t *r, mk_vm_section_t *section);

/* Where a section stands among the others; 0: anywhere. */
uint8_t mk_vm_section_rank(uint8_t id);

/* `name` fit for a line of text: unprintable bytes become '?', a long one ends in "...". */
typedef struct mk_vm_printable {
    char text[68];
} mk_vm_printable_t;

mk_vm_printable_t mk_vm_printable(mk_vm_name_t name);
bool                  mk_vm_name_is(mk_vm_name_t name, const char *text);

#endif
