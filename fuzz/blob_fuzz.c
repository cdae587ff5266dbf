/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a file of the store, whole and by its first bytes: what is accepted is put again and gives the same. And bytes as what is to be
 * put: a byte for the flags, one for the size of the name, name and value; it is got back, and not when any one bit has turned. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/blob.h"

static void take_as_file(const uint8_t *data, size_t size) {
    mk_blob_t      blob, first;
    const uint8_t *value = NULL;
    uint8_t        head[MK_BLOB_HEAD_BYTES];
    bool           begins = mk_blob_get(data, size, &first) == MK_OK;
    if (mk_blob_get_value(data, size, &blob, &value) != MK_OK) return;
    mk_assert(begins && first.version == blob.version && first.name.size == blob.name.size);
    mk_assert(!blob.deleted || blob.value_size == 0);
    mk_assert(size == sizeof head + blob.name.size + blob.value_size);
    mk_blob_put(head, &blob, value);
    mk_assert(memcmp(head, data, sizeof head) == 0);
}

static void take_as_value(const uint8_t *data, size_t size) {
    if (size < 3) return;
    bool   deleted = (data[0] & 1) != 0;
    size_t name_size = 1 + data[1] % (size - 2), value_size = deleted ? 0 : size - 2 - name_size;
    size_t file_size = MK_BLOB_HEAD_BYTES + name_size + value_size, bit = (data[0] * 257u + data[1]) % (file_size * 8);
    if (name_size > MK_BLOB_NAME_MAX) return;
    mk_blob_t blob = {.version = (uint64_t)data[0] << 40 | data[1],
                      .mark = data[2] * 0x0101010101010101u,
                      .deleted = deleted,
                      .name = {data + 2, name_size},
                      .value_size = value_size},
              back;
    const uint8_t *value;
    uint8_t       *file = malloc(file_size);
    mk_assert(file != NULL);
    mk_blob_put(file, &blob, data + 2 + name_size);
    memcpy(file + MK_BLOB_HEAD_BYTES, data + 2, name_size + value_size);
    mk_assert(mk_blob_get_value(file, file_size, &back, &value) == MK_OK);
    mk_assert(back.version == blob.version && back.mark == blob.mark && back.deleted == deleted);
    mk_assert(back.name.size == name_size && back.value_size == value_size);
    take_as_file(file, file_size);
    mk_assert(mk_blob_get_value(file, file_size - 1, &back, &value) != MK_OK);
    file[bit / 8] ^= (uint8_t)(1u << bit % 8);
    mk_assert(mk_blob_get_value(file, file_size, &back, &value) != MK_OK);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    take_as_file(data, size);
    take_as_value(data, size);
    return 0;
}
