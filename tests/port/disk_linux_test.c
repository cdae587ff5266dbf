/* SPDX-License-Identifier: Apache-2.0 */
/* disk_linux_test.c -- a real folder: who may have it, and what else may lie in it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "port/disk_folder.h"

TEST(files_are_for_their_owner_alone_and_none_is_synced_that_is_not_there) {
    const char *names[] = {"a", "b"};
    struct stat st;
    begin();
    CHECK_EQ(put("a", "text"), MK_OK);
    CHECK_EQ(stat(in_folder("a"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(mk_disk_sync(disk, names, 2), MK_ERR_NOTFOUND);
    end();
}

TEST(a_file_is_written_over_where_it_lies_whatever_its_length) {
    static const char *const texts[] = {"as long", "as this", "longer than it was", "short", ""};
    const char              *name = "a";
    struct stat              first, now;
    begin();
    CHECK_EQ(put("a", "at once"), MK_OK);
    CHECK_EQ(stat(in_folder("a"), &first), 0);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(put("a", texts[i]), MK_OK);
        CHECK_EQ(mk_disk_sync(disk, &name, 1), MK_OK);
        CHECK_EQ(mk_disk_settle(disk), MK_OK);
        CHECK_STR(get("a"), texts[i]);
        CHECK_EQ(stat(in_folder("a"), &now), 0);
        CHECK_EQ(now.st_ino, first.st_ino);
    }
    end();
}

TEST(only_one_has_the_folder_and_a_death_gives_it_back) {
    mk_disk_t *other;
    int        ready[2], status;
    char       c;
    begin();
    CHECK_EQ(mk_disk_open(folder, &other), MK_ERR_BUSY);
    mk_disk_close(disk);
    CHECK_EQ(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (mk_disk_open(folder, &other) == MK_OK) (void)!write(ready[1], "x", 1);
        for (;;) pause();
    }
    CHECK(child > 0);
    CHECK_EQ(read(ready[0], &c, 1), 1);
    CHECK_EQ(mk_disk_open(folder, &disk), MK_ERR_BUSY);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(mk_disk_open(folder, &disk), MK_OK);
    close(ready[0]);
    close(ready[1]);
    end();
}

TEST(a_folder_that_is_none_says_so) {
    char path[128];
    begin();
    mk_disk_t *other;
    CHECK_EQ(put("file", "x"), MK_OK);
    CHECK_EQ(mk_disk_open(in_folder("no/such"), &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open(in_folder("file"), &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open(in_folder("file/below"), &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open("", &other), MK_ERR_NOTFOUND);
    char *longest = malloc(5000);
    memset(longest, 'x', 4999);
    longest[4999] = '\0';
    CHECK_EQ(mk_disk_open(longest, &other), MK_ERR_TOOLONG);
    free(longest);
    snprintf(path, sizeof path, "%s", in_folder("made"));
    CHECK_EQ(mk_disk_open(path, &other), MK_OK); /* its last part was missing */
    mk_disk_close(other);
    struct stat st;
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0700);
    CHECK_EQ(unlink(in_folder("made/.lock")), 0);
    CHECK_EQ(rmdir(path), 0);
    end();
}

/* What is not a file of ours is neither followed, nor waited for, nor in the way. */
TEST(links_pipes_and_folders_in_it_are_nobodys) {
    uint8_t    *bytes;
    size_t      size;
    struct stat st;
    begin();
    CHECK_EQ(symlink("/etc/passwd", in_folder("link")), 0);
    CHECK_EQ(symlink("nowhere", in_folder("dangling")), 0);
    CHECK_EQ(mkfifo(in_folder("pipe"), 0600), 0);
    CHECK_EQ(mkdir(in_folder("folder"), 0700), 0);
    CHECK_EQ(put("file", "x"), MK_OK);
    CHECK_EQ(count(), 1);
    CHECK_EQ(mk_disk_read(disk, "link", 100000, &bytes, &size), MK_ERR_DENIED);
    CHECK_EQ(mk_disk_peek(disk, "link", &st, 1, &size), MK_ERR_DENIED);
    CHECK_EQ(mk_disk_read(disk, "pipe", 100000, &bytes, &size), MK_ERR_IO);
    CHECK_EQ(mk_disk_read(disk, "folder", 100000, &bytes, &size), MK_ERR_IO);
    CHECK_EQ(put("dangling", "x"), MK_ERR_DENIED);
    CHECK_EQ(put("link", "x"), MK_ERR_DENIED);
    CHECK_EQ(put("pipe", "x"), MK_ERR_IO);
    CHECK_EQ(mk_disk_rename(disk, "file", "link"), MK_OK); /* takes its place */
    CHECK_EQ(lstat(in_folder("link"), &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_STR(get("link"), "x");
    CHECK(access("/etc/passwd", F_OK) == 0);
    CHECK(mk_disk_rename(disk, "link", "folder") != MK_OK);
    CHECK(mk_disk_remove(disk, "folder") != MK_OK);
    CHECK_EQ(unlink(in_folder("dangling")), 0);
    CHECK_EQ(unlink(in_folder("pipe")), 0);
    CHECK_EQ(rmdir(in_folder("folder")), 0);
    end();
}

TEST(the_folder_may_move_and_stays_the_same) {
    char moved[80];
    begin();
    CHECK_EQ(put("a", "before"), MK_OK);
    snprintf(moved, sizeof moved, "%s-moved", folder);
    CHECK_EQ(rename(folder, moved), 0);
    CHECK_EQ(put("b", "after"), MK_OK);
    CHECK_STR(get("a"), "before");
    CHECK_EQ(mk_disk_settle(disk), MK_OK);
    CHECK_EQ(rename(moved, folder), 0);
    CHECK_EQ(access(in_folder("b"), F_OK), 0);
    end();
}
