/* SPDX-License-Identifier: Apache-2.0 */
/* disk_vfs_test.c -- the disk for ESP-IDF's virtual file system over the calls of this machine: it asks for nothing more. */
#include "port/disk_folder.h"

TEST(a_folder_that_is_none_says_so_and_one_is_made_if_its_last_part_is_missing) {
    mk_disk_t  *other;
    struct stat st;
    char        path[128], longest[5000];
    begin();
    CHECK_EQ(put("file", "x"), MK_OK);
    CHECK_EQ(mk_disk_open(in_folder("no/such"), &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open(in_folder("file"), &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open("", &other), MK_ERR_NOTFOUND);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(mk_disk_open(longest, &other), MK_ERR_TOOLONG);
    snprintf(path, sizeof path, "%s", in_folder("made"));
    CHECK_EQ(mk_disk_open(path, &other), MK_OK);
    mk_disk_close(other);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(rmdir(path), 0);
    end();
}

TEST(a_slash_at_its_end_makes_no_other_folder_and_several_may_be_open) {
    mk_disk_t *first, *second, *third;
    char       one[128], two[128], with_slash[130];
    begin();
    snprintf(one, sizeof one, "%s", in_folder("one"));
    snprintf(two, sizeof two, "%s", in_folder("two"));
    snprintf(with_slash, sizeof with_slash, "%s/", one);
    CHECK_EQ(mk_disk_open(with_slash, &first), MK_OK);
    CHECK_EQ(mk_disk_open(two, &second), MK_OK);
    CHECK_EQ(mk_disk_open(one, &third), MK_ERR_BUSY);
    mk_disk_close(first);
    CHECK_EQ(mk_disk_open(two, &third), MK_ERR_BUSY);
    CHECK_EQ(mk_disk_open(one, &third), MK_OK);
    mk_disk_close(second);
    mk_disk_close(third);
    CHECK_EQ(rmdir(one), 0);
    CHECK_EQ(rmdir(two), 0);
    end();
}

TEST(links_and_folders_are_nobodys) {
    begin();
    CHECK_EQ(symlink("/etc/passwd", in_folder("link")), 0);
    CHECK_EQ(mkdir(in_folder("folder"), 0700), 0);
    CHECK_EQ(put("file", "x"), MK_OK);
    CHECK_EQ(count(), 1);
    CHECK(mk_disk_rename(disk, "file", "folder") != MK_OK);
    CHECK(mk_disk_remove(disk, "folder") != MK_OK);
    CHECK_STR(get("file"), "x");
    CHECK_EQ(unlink(in_folder("link")), 0);
    CHECK_EQ(rmdir(in_folder("folder")), 0);
    end();
}
