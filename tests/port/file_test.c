/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a folder of their own below the build folder. The folder `in` is the one to be confined to; `out` lies next
 * to it and must not be reached. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

static char root[200];

static const char *at(const char *name) {
    static char path[4][400];
    static int  next;
    char       *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void clear(void) { nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void put(const char *name, const char *text) {
    FILE *f = fopen(at(name), "w");
    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void setup(void) {
    snprintf(root, sizeof root, "%s/file_test.XXXXXX", MK_BINARY_DIR);
    CHECK(mkdtemp(root) != NULL);
    CHECK_EQ(mkdir(at("in"), 0700), 0);
    CHECK_EQ(mkdir(at("in/sub"), 0700), 0);
    CHECK_EQ(mkdir(at("out"), 0700), 0);
    put("in/here", "inside");
    put("in/sub/deep", "deeper");
    put("in/empty", "");
    put("out/secret", "secret");
}

/* Reads and frees; the bytes are compared with `want` when it worked. */
static mk_err_t get(const char *below, const char *path, size_t max, const char *want) {
    uint8_t *bytes = (uint8_t *)1;
    size_t   size = 4711;
    mk_err_t err = mk_port_read_file(below, path, max, &bytes, &size);
    if (err != MK_OK) {
        CHECK(bytes == (uint8_t *)1);
        CHECK_EQ(size, err == MK_ERR_TOOLONG && strlen(path) < 300 ? 6 : 4711); /* of in/here, else untouched */
        return err;
    }
    CHECK_EQ(size, strlen(want));
    CHECK(memcmp(bytes, want, size) == 0);
    mk_free(bytes);
    return MK_OK;
}

TEST(a_file_is_read_whole_and_an_empty_one_too) {
    setup();
    CHECK_EQ(get(NULL, at("in/here"), 100, "inside"), MK_OK);
    CHECK_EQ(get(NULL, at("in/empty"), 100, ""), MK_OK);
    CHECK_EQ(get(at("in"), "here", 100, "inside"), MK_OK);
    CHECK_EQ(get(at("in"), "sub/deep", 100, "deeper"), MK_OK);
    CHECK_EQ(get(at("in"), "sub/../here", 100, "inside"), MK_OK);
    clear();
}

TEST(the_limit_is_the_last_size_that_is_read) {
    setup();
    CHECK_EQ(get(NULL, at("in/here"), 6, "inside"), MK_OK);
    CHECK_EQ(get(NULL, at("in/here"), 5, ""), MK_ERR_TOOLONG);
    CHECK_EQ(get(at("in"), "here", 5, ""), MK_ERR_TOOLONG);
    clear();
}

TEST(what_is_not_there_is_not_found) {
    setup();
    CHECK_EQ(get(NULL, at("in/nothing"), 100, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(get(at("in"), "nothing", 100, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(get(at("in"), "", 100, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(get(at("in"), "here/below", 100, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(get(at("nofolder"), "here", 100, ""), MK_ERR_NOTFOUND);
    clear();
}

TEST(dots_do_not_leave_the_folder) {
    setup();
    CHECK_EQ(get(at("in"), "../out/secret", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "sub/../../out/secret", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "/../out/secret", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "..", 100, ""), MK_ERR_DENIED);
    clear();
}

TEST(an_absolute_path_is_taken_from_the_folder) {
    setup();
    CHECK_EQ(get(at("in"), "/here", 100, "inside"), MK_OK);
    CHECK_EQ(get(at("in"), "///sub/deep", 100, "deeper"), MK_OK);
    CHECK_EQ(get(at("in"), at("out/secret"), 100, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(get(at("in"), "/etc/passwd", 1 << 20, ""), MK_ERR_NOTFOUND);
    clear();
}

TEST(links_lead_anywhere_inside_and_nowhere_outside) {
    setup();
    CHECK_EQ(symlink("sub/deep", at("in/inner")), 0);
    CHECK_EQ(symlink("../out/secret", at("in/outer")), 0);
    CHECK_EQ(symlink(at("out/secret"), at("in/absolute")), 0);
    CHECK_EQ(symlink("../out", at("in/folder")), 0);
    CHECK_EQ(symlink("/proc/self/root/etc/passwd", at("in/magic")), 0);
    CHECK_EQ(symlink("loop", at("in/loop")), 0);
    CHECK_EQ(get(at("in"), "inner", 100, "deeper"), MK_OK);
    CHECK_EQ(get(at("in"), "outer", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "absolute", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "folder/secret", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "magic", 1 << 20, ""), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "loop", 100, ""), MK_ERR_DENIED);
    CHECK_EQ(get(NULL, at("in/outer"), 100, "secret"), MK_OK); /* confined only when asked to be */
    clear();
}

TEST(a_folder_a_fifo_and_a_device_are_no_files_and_nobody_waits) {
    setup();
    CHECK_EQ(mkfifo(at("in/fifo"), 0600), 0);
    CHECK_EQ(get(at("in"), "fifo", 100, ""), MK_ERR_IO);
    CHECK_EQ(get(NULL, at("in/fifo"), 100, ""), MK_ERR_IO);
    CHECK_EQ(get(at("in"), "sub", 100, ""), MK_ERR_IO);
    CHECK_EQ(get(at("in"), ".", 100, ""), MK_ERR_IO);
    CHECK_EQ(get(NULL, "/dev/zero", 100, ""), MK_ERR_IO);
    clear();
}

TEST(a_path_longer_than_the_system_takes_is_too_long) {
    static char path[5001];
    setup();
    memset(path, 'a', 5000);
    CHECK_EQ(get(at("in"), path, 100, ""), MK_ERR_TOOLONG);
    path[300] = '\0';
    CHECK_EQ(get(at("in"), path, 100, ""), MK_ERR_TOOLONG);
    clear();
}

TEST(without_memory_nothing_is_read_and_nothing_stays_open) {
    setup();
    int before = open("/dev/null", O_RDONLY);
    close(before);
    oom_arm_all();
    mk_err_t err = get(at("in"), "here", 100, "");
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
    int after = open("/dev/null", O_RDONLY);
    close(after);
    CHECK_EQ(after, before);
    clear();
}

/* ---- piece by piece ------------------------------------------------------------------------------------------------- */

TEST(a_file_is_read_from_any_byte_on) {
    setup();
    int            file;
    mk_file_info_t info;
    char           buf[16];
    CHECK_EQ(mk_file_open(at("in"), "here", &file, &info), MK_OK);
    CHECK(!info.folder && info.bytes == 6 && info.modified_ns > 0 && info.id != 0);
    CHECK_EQ(mk_file_read(file, 2, buf, 3), 3);
    CHECK(memcmp(buf, "sid", 3) == 0);
    CHECK_EQ(mk_file_read(file, 2, buf, sizeof buf), 4);
    CHECK_EQ(mk_file_read(file, 6, buf, sizeof buf), 0);
    mk_file_close(file);
    clear();
}

TEST(a_folder_says_so_and_what_leaves_it_is_denied) {
    setup();
    int            file = 4711;
    mk_file_info_t info;
    CHECK_EQ(mk_file_open(at("in"), "sub", &file, &info), MK_OK);
    CHECK(info.folder && file == -1);
    CHECK_EQ(mk_file_open(at("in"), "../out/secret", &file, &info), MK_ERR_DENIED);
    CHECK_EQ(mk_file_open(at("in"), "nothing", &file, &info), MK_ERR_NOTFOUND);
    clear();
}

TEST(a_published_file_takes_the_place_of_the_old_one) {
    setup();
    int file;
    CHECK_EQ(mk_file_create(at("in/here.new"), &file), MK_OK);
    CHECK_EQ(mk_file_write(file, "second ", 7), MK_OK);
    CHECK_EQ(mk_file_write(file, "version", 7), MK_OK);
    CHECK_EQ(get(at("in"), "here", 100, "inside"), MK_OK); /* not yet */
    CHECK_EQ(mk_file_publish(file, at("in/here.new"), at("in/here")), MK_OK);
    CHECK_EQ(get(at("in"), "here", 100, "second version"), MK_OK);
    CHECK_EQ(get(at("in"), "here.new", 100, ""), MK_ERR_NOTFOUND);
    clear();
}

TEST(a_file_that_cannot_be_published_leaves_nothing_behind) {
    setup();
    int file;
    CHECK_EQ(mk_file_create(at("in/new"), &file), MK_OK);
    CHECK_EQ(mk_file_publish(file, at("in/new"), at("in/sub")), MK_ERR_DENIED);
    CHECK_EQ(get(at("in"), "new", 100, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(get(at("in"), "sub/deep", 100, "deeper"), MK_OK);
    clear();
}

TEST(a_new_file_does_not_take_the_place_of_another) {
    setup();
    int file;
    CHECK_EQ(mk_file_create(at("in/here"), &file), MK_ERR_EXISTS);
    CHECK_EQ(mk_file_create(at("nofolder/new"), &file), MK_ERR_NOTFOUND);
    clear();
}

TEST(a_full_disk_says_so) {
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CHECK(full >= 0);
    CHECK_EQ(mk_file_write(full, "x", 1), MK_ERR_FULL);
    mk_file_close(full);
}
