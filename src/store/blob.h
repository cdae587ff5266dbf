/* SPDX-License-Identifier: Apache-2.0 */
/* blob.h -- how a named value lies in a file: a head with sums of itself and of the value, the name, the value. Pure: bytes in, a
 * struct out, and back. docs/rooms/store.md is the same for people. Numbers are little-endian. */
#ifndef MK_STORE_BLOB_H
#define MK_STORE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"
#include "port/port.h"

enum {
    MK_BLOB_HEAD_BYTES = 64,
    MK_BLOB_NAME_MAX = 1024, /* any bytes; what it is called on the disk is made from it by hashing */
    MK_BLOB_SUM_BYTES = 16,  /* of SHA-256                                                          */
    MK_BLOB_VALUE_MAX = 0x7FFFFFFF,
};

typedef struct mk_blob {
    uint64_t   version; /* of two of one name the higher is the later */
    bool       deleted; /* then there is no value        */
    mk_slice_t name;
    uint64_t   mark;    /* whatever its user wants to know without reading the value */
    size_t     value_size;
    uint8_t    value_sum[MK_BLOB_SUM_BYTES];
} mk_blob_t;

/* Fills in the head of a file in which the name and then the value follow; value_sum is taken of `value`. */
void mk_blob_put(uint8_t head[MK_BLOB_HEAD_BYTES], const mk_blob_t *blob, const void *value);

/* The first bytes of a file; the name has to be among them, the value need not. MK_ERR_FORMAT: not one of ours, or damaged. *out
 * points into `bytes`. */
MK_MUST_CHECK mk_err_t mk_blob_get(const uint8_t *bytes, size_t size, mk_blob_t *out);

/* A whole file. MK_ERR_FORMAT: its length or its value is not what the head says. */
MK_MUST_CHECK mk_err_t mk_blob_get_value(const uint8_t *bytes, size_t size, mk_blob_t *out, const uint8_t **value);

#endif
