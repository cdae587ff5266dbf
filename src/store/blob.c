/* SPDX-License-Identifier: Apache-2.0 */
/* blob.c -- the layout:
 *   0  4  "MKB1"
 *   4  2  flags: 1 deleted
 *   6  2  bytes of the name
 *   8  8  version
 *  16  8  bytes of the value
 *  24 16  sum of the value
 *  40  8  mark
 *  48 16  sum of the 48 bytes before it and of the name
 *  64     name, then value */
#include "store/blob.h"

#include <string.h>

#include "base/sha256.h"

enum { AT_FLAGS = 4, AT_NAME = 6, AT_VERSION = 8, AT_VALUE = 16, AT_VALUE_SUM = 24, AT_MARK = 40, AT_SUM = 48 };
enum { FLAG_DELETED = 1 };

static const char magic[4] = {'M', 'K', 'B', '1'};

static void put_number(uint8_t *to, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(number >> 8 * i);
}

static uint64_t get_number(const uint8_t *from, int bytes) {
    uint64_t number = 0;
    for (int i = bytes; i-- > 0;) number = number << 8 | from[i];
    return number;
}

static void sum_of(const void *a, size_t a_size, const void *b, size_t b_size, uint8_t out[MK_BLOB_SUM_BYTES]) {
    mk_sha256_t sha;
    uint8_t     digest[MK_SHA256_BYTES];
    mk_sha256_init(&sha);
    mk_sha256_update(&sha, a, a_size);
    mk_sha256_update(&sha, b, b_size);
    mk_sha256_final(&sha, digest);
    memcpy(out, digest, MK_BLOB_SUM_BYTES);
}

void mk_blob_put(uint8_t head[MK_BLOB_HEAD_BYTES], const mk_blob_t *blob, const void *value) {
    memset(head, 0, MK_BLOB_HEAD_BYTES);
    memcpy(head, magic, sizeof magic);
    put_number(head + AT_FLAGS, blob->deleted ? FLAG_DELETED : 0, 2);
    put_number(head + AT_NAME, blob->name.size, 2);
    put_number(head + AT_VERSION, blob->version, 8);
    put_number(head + AT_VALUE, blob->value_size, 8);
    put_number(head + AT_MARK, blob->mark, 8);
    sum_of(value, blob->value_size, NULL, 0, head + AT_VALUE_SUM);
    sum_of(head, AT_SUM, blob->name.data, blob->name.size, head + AT_SUM);
}

mk_err_t mk_blob_get(const uint8_t *bytes, size_t size, mk_blob_t *out) {
    if (size < MK_BLOB_HEAD_BYTES || memcmp(bytes, magic, sizeof magic) != 0) return MK_ERR_FORMAT;
    size_t   name_size = (size_t)get_number(bytes + AT_NAME, 2);
    uint64_t value_size = get_number(bytes + AT_VALUE, 8), flags = get_number(bytes + AT_FLAGS, 2);
    if (name_size == 0 || name_size > MK_BLOB_NAME_MAX || name_size > size - MK_BLOB_HEAD_BYTES) return MK_ERR_FORMAT;
    if (flags > FLAG_DELETED || value_size > MK_BLOB_VALUE_MAX) return MK_ERR_FORMAT;
    if (flags == FLAG_DELETED && value_size != 0) return MK_ERR_FORMAT;
    uint8_t sum[MK_BLOB_SUM_BYTES];
    sum_of(bytes, AT_SUM, bytes + MK_BLOB_HEAD_BYTES, name_size, sum);
    if (memcmp(sum, bytes + AT_SUM, sizeof sum) != 0) return MK_ERR_FORMAT;
    *out = (mk_blob_t){.version = get_number(bytes + AT_VERSION, 8),
                       .deleted = flags == FLAG_DELETED,
                       .mark = get_number(bytes + AT_MARK, 8),
                       .name = {bytes + MK_BLOB_HEAD_BYTES, name_size},
                       .value_size = (size_t)value_size};
    memcpy(out->value_sum, bytes + AT_VALUE_SUM, MK_BLOB_SUM_BYTES);
    return MK_OK;
}

mk_err_t mk_blob_get_value(const uint8_t *bytes, size_t size, mk_blob_t *out, const uint8_t **value) {
    mk_err_t err = mk_blob_get(bytes, size, out);
    if (err != MK_OK) return err;
    size_t at = MK_BLOB_HEAD_BYTES + out->name.size;
    if (size - at != out->value_size) return MK_ERR_FORMAT;
    uint8_t sum[MK_BLOB_SUM_BYTES];
    sum_of(bytes + at, out->value_size, NULL, 0, sum);
    if (memcmp(sum, out->value_sum, sizeof sum) != 0) return MK_ERR_FORMAT;
    *value = bytes + at;
    return MK_OK;
}
