/* SPDX-License-Identifier: Apache-2.0 */
/* decoder.h -- what the files that decode a module share. Each section function reads its section to the end or leaves a
 * failure in the reader. */
#ifndef MK_VM_DECODER_H
#define MK_VM_DECODER_H

#include "vm/decode.h"
#include "vm/instruction.h"

typedef struct mk_vm_decoder {
    mk_vm_reader_t        r;
    mk_vm_module_t       *module;
    const mk_vm_limits_t *limits;
    uint32_t              bodies;        /* functions whose code was found     */
    uint32_t              data_declared; /* by the data count section          */
} mk_vm_decoder_t;

/* Reads the count of a vector that joins `already` others of its kind; more than `limit` in all is a failure. */
uint32_t mk_vm_decode_count(mk_vm_decoder_t *d, size_t least_bytes, uint32_t already, uint32_t limit, const char *what);

/* Makes room for `more` zeroed items behind `count`. NULL: failed, or nothing to hold. */
void *mk_vm_decode_grow(mk_vm_decoder_t *d, void *items, uint32_t count, uint32_t more, size_t item_bytes);

/* An index below `count`, else a failure: "unknown table 3". */
uint32_t mk_vm_decode_index(mk_vm_decoder_t *d, uint32_t count, const char *what);

/* Reads an initialiser of that type; where it stands. */
uint32_t mk_vm_decode_initialiser(mk_vm_decoder_t *d, uint8_t type);

void mk_vm_decode_types(mk_vm_decoder_t *d);
void mk_vm_decode_elements(mk_vm_decoder_t *d);
void mk_vm_decode_data(mk_vm_decoder_t *d);

#endif
