/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blob.h"

#include "rig/rig.h"

static uint8_t file[MK_BLOB_HEAD_BYTES + 4 + 5];

static void write_file(void) {
    mk_blob_t blob = {.version = 0x0102030405060708u, .name = {"name", 4}, .value_size = 5};
    mk_blob_put(file, &blob, "value");
    memcpy(file + MK_BLOB_HEAD_BYTES, "namevalue", 9);
}

TEST(a_head_comes_back_as_it_was_written) {
    mk_blob_t      blob;
    const uint8_t *value;
    write_file();
    CHECK_EQ(mk_blob_get_value(file, sizeof file, &blob, &value), MK_OK);
    CHECK_EQ(blob.version, 0x0102030405060708u);
    CHECK(!blob.deleted);
    CHECK(blob.name.size == 4 && memcmp(blob.name.data, "name", 4) == 0);
    CHECK(blob.value_size == 5 && memcmp(value, "value", 5) == 0);
}

TEST(the_layout_is_fixed) {
    write_file();
    static const uint8_t begins[] = {'M', 'K', 'B', '1', 0, 0, 4, 0, 8, 7, 6, 5, 4, 3, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0};
    CHECK(memcmp(file, begins, sizeof begins) == 0);
}

TEST(a_file_cut_anywhere_is_refused) {
    mk_blob_t      blob;
    const uint8_t *value;
    write_file();
    for (size_t size = 0; size < sizeof file; size++) {
        CHECK_EQ(mk_blob_get_value(file, size, &blob, &value), MK_ERR_FORMAT);
        CHECK_EQ(mk_blob_get(file, size, &blob), size < MK_BLOB_HEAD_BYTES + 4 ? MK_ERR_FORMAT : MK_OK);
    }
}

TEST(a_bit_turned_anywhere_is_refused) {
    mk_blob_t      blob;
    const uint8_t *value;
    for (size_t bit = 0; bit < 8 * sizeof file; bit++) {
        write_file();
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQ(mk_blob_get_value(file, sizeof file, &blob, &value), MK_ERR_FORMAT);
    }
}

TEST(a_name_that_is_gone_has_no_value) {
    mk_blob_t blob = {.version = 2, .deleted = true, .name = {"name", 4}}, back;
    mk_blob_put(file, &blob, NULL);
    CHECK_EQ(mk_blob_get(file, MK_BLOB_HEAD_BYTES + 4, &back), MK_OK);
    CHECK(back.deleted);
    blob.value_size = 5;
    mk_blob_put(file, &blob, "value");
    CHECK_EQ(mk_blob_get(file, sizeof file, &back), MK_ERR_FORMAT);
}
