/* SPDX-License-Identifier: Apache-2.0 */
/* disk_linux_test.c -- a real folder: who may have it, what else may lie in it, and what a full or read-only one answers. */
#include "port/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "rig/rig.h"

static char       folder[64];
static mk_disk_t *disk;

static void begin(void) {
    strcpy(folder, "/tmp/mk-disk-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    CHECK_EQ(mk_disk_open(folder, &disk), MK_OK);
}

static const char *in_folder(const char *name) {
    static char path[2][128];
    static int  turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static mk_err_t remove_it(void *arg, const char *name) {
    (void)arg;
    return mk_disk_remove(disk, name);
}

static void end(void) {
    CHECK_EQ(mk_disk_list(disk, remove_it, NULL), MK_OK);
    mk_disk_close(disk);
    CHECK_EQ(unlink(in_folder(".lock")), 0);
    CHECK_EQ(rmdir(folder), 0);
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
    struct stat st;
    char        head[4] = "";
    size_t      got;
    begin();
    CHECK_EQ(put("a", "first, and longer than what follows"), MK_OK);
    CHECK_EQ(put("a", "second"), MK_OK);
    CHECK_STR(get("a"), "second");
    CHECK_EQ(stat(in_folder("a"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
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
    CHECK_EQ(mk_disk_sync(disk, names, 2), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_remove(disk, "b"), MK_OK);
    CHECK_EQ(mk_disk_remove(disk, "b"), MK_OK);
    CHECK_EQ(count(), 0);
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

/* ---- file systems of our own: in a namespace of mounts, if we may have one ---------------------------------------------------- */

static int run_in_child(void (*fn)(void)) {
    int   status;
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0) _exit(77);
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) _exit(77);
        if (mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0) _exit(77);
        fn();
        _exit(0);
    }
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void alone(void (*fn)(void)) {
    strcpy(folder, "/tmp/mk-disk-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    int result = run_in_child(fn);
    if (result == 77) printf("skipped: no mounts of its own for this user\n");
    else CHECK_EQ(result, 0);
    CHECK_EQ(rmdir(folder), 0);
}

#define EXPECT(condition)                                           \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            _exit(1);                                               \
        }                                                           \
    } while (0)

static void fill(void) {
    static char large[128 * 1024];
    mk_slice_t  slices[] = {{"head", 4}, {large, sizeof large}};
    struct stat st;
    memset(large, 'x', sizeof large);
    EXPECT(mk_disk_open(folder, &disk) == MK_OK);
    EXPECT(put("small", "x") == MK_OK);
    EXPECT(mk_disk_write(disk, "large", slices, 2) == MK_ERR_FULL);
    EXPECT(stat(in_folder("large"), &st) != 0 && errno == ENOENT); /* nothing of it is left */
    EXPECT(put("after", "fits") == MK_OK);
    EXPECT(strcmp(get("small"), "x") == 0);
    mk_disk_close(disk);
}

TEST(a_full_disk_says_so_and_nothing_of_the_file_is_left) { alone(fill); }

static void only_read(void) {
    mk_disk_t *other;
    EXPECT(mk_disk_open(folder, &disk) == MK_OK);
    EXPECT(put("a", "text") == MK_OK);
    mk_disk_close(disk);
    EXPECT(mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    EXPECT(mk_disk_open(folder, &disk) == MK_OK); /* it can still be read */
    EXPECT(strcmp(get("a"), "text") == 0);
    EXPECT(put("a", "x") == MK_ERR_DENIED && put("b", "x") == MK_ERR_DENIED);
    EXPECT(mk_disk_rename(disk, "a", "b") == MK_ERR_DENIED && mk_disk_remove(disk, "a") == MK_ERR_DENIED);
    EXPECT(strcmp(get("a"), "text") == 0);
    EXPECT(mk_disk_open(in_folder("new"), &other) != MK_OK);
    mk_disk_close(disk);
}

TEST(one_that_is_read_only_can_still_be_read) { alone(only_read); }
