/* SPDX-License-Identifier: Apache-2.0 */
/* disk_folder.h -- a real folder for disk_contract.h, and what it does on file systems that are full or read-only. */
#ifndef MK_TESTS_PORT_DISK_FOLDER_H
#define MK_TESTS_PORT_DISK_FOLDER_H

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/disk_contract.h"

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

static void end(void) {
    CHECK_EQ(mk_disk_list(disk, remove_it, NULL), MK_OK);
    mk_disk_close(disk);
    CHECK(unlink(in_folder(".lock")) == 0 || errno == ENOENT); /* not every disk has one */
    CHECK_EQ(rmdir(folder), 0);
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

#endif
