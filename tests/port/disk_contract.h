/* SPDX-License-Identifier: Apache-2.0 */
/* disk_contract.h -- what every disk does (port/disk.h). Who includes it has a folder: its path in `folder`, and in begin() and end() what
 * opens it, empty, as `disk`, and closes it. */
#ifndef MK_TESTS_PORT_DISK_CONTRACT_H
#define MK_TESTS_PORT_DISK_CONTRACT_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "port/disk.h"
#include "rig/rig.h"

static char       folder[64];
static mk_disk_t *disk;

static void begin(void);
static void end(void);

static mk_err_t remove_it(void *arg, const char *name) {
    (void)arg;
    return mk_disk_remove(disk, name);
}

static mk_err_t put(const char *name, const char *text) {
    mk_slice_t slices[] = {{text, strlen(text) / 2}, {text + strlen(text) / 2, strlen(text) - strlen(text) / 2}};
    return mk_disk_write(disk, name, slices, 2);
}

static const char *get(const char *name) {
    static char text[256];
    uint8_t    *bytes;
    size_t      size;
    mk_err_t    err = mk_disk_read(disk, name, sizeof text - 1, &bytes, &size);
    if (err != MK_OK) return mk_err_name(err);
    memcpy(text, bytes, size);
    text[size] = '\0';
    mk_free(bytes);
    return text;
}

static mk_err_t count_it(void *arg, const char *name) {
    (void)name;
    ++*(unsigned *)arg;
    return MK_OK;
}

static unsigned count(void) {
    unsigned n = 0;
    CHECK_EQ(mk_disk_list(disk, count_it, &n), MK_OK);
    return n;
}

TEST(files_come_are_replaced_renamed_and_removed) {
    const char *names[] = {"a", "b"};
    char        head[4] = "";
    size_t      got;
    begin();
    CHECK_EQ(put("a", "first, and longer than what follows"), MK_OK);
    CHECK_EQ(put("a", "second"), MK_OK);
    CHECK_STR(get("a"), "second");
    CHECK_EQ(put("b", ""), MK_OK);
    CHECK_STR(get("b"), "");
    CHECK_EQ(mk_disk_sync(disk, names, 2), MK_OK);
    CHECK_EQ(mk_disk_settle(disk), MK_OK);
    CHECK_EQ(mk_disk_rename(disk, "a", "b"), MK_OK);
    CHECK_STR(get("b"), "second");
    CHECK_STR(get("a"), "NOTFOUND");
    CHECK_EQ(mk_disk_peek(disk, "b", head, 3, &got), MK_OK);
    CHECK_EQ(got, 3);
    CHECK_STR(head, "sec");
    CHECK_EQ(mk_disk_peek(disk, "a", head, 3, &got), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_rename(disk, "a", "c"), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_rename(disk, "a", "b"), MK_ERR_NOTFOUND);
    CHECK_STR(get("b"), "second");
    CHECK_EQ(mk_disk_remove(disk, "b"), MK_OK);
    CHECK_EQ(mk_disk_remove(disk, "b"), MK_OK);
    CHECK_EQ(mk_disk_settle(disk), MK_OK);
    CHECK_EQ(count(), 0);
    end();
}

TEST(a_file_is_what_was_written_last_whatever_its_length) {
    static const char *const texts[] = {"as long", "as this", "longer than it was", "short", ""};
    const char              *name = "a";
    begin();
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(put("a", texts[i]), MK_OK);
        CHECK_EQ(mk_disk_sync(disk, &name, 1), MK_OK);
        CHECK_EQ(mk_disk_settle(disk), MK_OK);
        CHECK_STR(get("a"), texts[i]);
    }
    CHECK_EQ(count(), 1);
    end();
}

TEST(many_are_synced_together_and_a_large_one_is_refused_whole) {
    const char *names[] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"};
    uint8_t    *bytes;
    size_t      size;
    begin();
    for (unsigned i = 0; i < 8; i++) CHECK_EQ(put(names[i], names[i]), MK_OK);
    CHECK_EQ(mk_disk_sync(disk, names, 8), MK_OK);
    CHECK_EQ(count(), 8);
    CHECK_EQ(mk_disk_read(disk, "n0", 1, &bytes, &size), MK_ERR_TOOLONG);
    end();
}

static mk_err_t stop_at_second(void *arg, const char *name) {
    (void)name;
    return ++*(unsigned *)arg == 2 ? MK_ERR_LIMIT : MK_OK;
}

TEST(a_list_ends_where_its_reader_wants_and_a_name_may_be_as_long_as_allowed) {
    char     longest[MK_DISK_NAME_MAX + 1];
    unsigned seen = 0;
    begin();
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(put(longest, "x"), MK_OK);
    CHECK_EQ(put("b.c-d_e", "y"), MK_OK);
    CHECK_EQ(put("c", "z"), MK_OK);
    CHECK_EQ(mk_disk_list(disk, stop_at_second, &seen), MK_ERR_LIMIT);
    CHECK_EQ(seen, 2);
    CHECK_EQ(mk_disk_rename(disk, longest, "c"), MK_OK);
    CHECK_STR(get("c"), "x");
    CHECK_EQ(count(), 2);
    end();
}

TEST(a_file_of_many_blocks_comes_back_whole) {
    enum { BYTES = 20000 };
    uint8_t   *bytes = malloc(BYTES), *back;
    size_t     size;
    mk_slice_t slices[] = {{bytes, 7}, {bytes + 7, 9000}, {bytes + 9007, 0}, {bytes + 9007, BYTES - 9007}};
    begin();
    for (unsigned i = 0; i < BYTES; i++) bytes[i] = (uint8_t)(i * 31 + i / 251);
    CHECK_EQ(mk_disk_write(disk, "large", slices, 4), MK_OK);
    CHECK_EQ(mk_disk_read(disk, "large", BYTES, &back, &size), MK_OK);
    CHECK(size == BYTES && memcmp(back, bytes, BYTES) == 0);
    mk_free(back);
    CHECK_EQ(mk_disk_read(disk, "large", BYTES - 1, &back, &size), MK_ERR_TOOLONG);
    free(bytes);
    end();
}

TEST(who_has_the_folder_has_it_alone_until_it_is_closed) {
    mk_disk_t *other;
    begin();
    CHECK_EQ(mk_disk_open(folder, &other), MK_ERR_BUSY);
    CHECK_EQ(put("a", "mine"), MK_OK);
    mk_disk_close(disk);
    CHECK_EQ(mk_disk_open(folder, &disk), MK_OK);
    CHECK_EQ(mk_disk_open(folder, &other), MK_ERR_BUSY);
    CHECK_STR(get("a"), "mine");
    end();
}

#endif
