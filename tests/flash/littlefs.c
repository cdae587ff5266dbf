/* SPDX-License-Identifier: Apache-2.0 */
/* littlefs.c -- answers as the component joltwallet/littlefs does for ESP-IDF's virtual file system: its defaults, its error numbers, no
 * renaming or removal of a file that is open. */
#include "flash/littlefs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flash/calls.h"
#include "flash/nor.h"
#include "rig/rig.h"

enum { OPEN_MAX_HERE = 4, NAME_MAX_HERE = 64 };

typedef struct open_file {
    bool       used;
    char       path[128];
    lfs_file_t file;
} open_file_t;

typedef struct open_dir {
    lfs_dir_t     dir;
    struct dirent entry;
} open_dir_t;

static lfs_t             fs;
static struct lfs_config config;
static bool              mounted;
static open_file_t       files[OPEN_MAX_HERE];

lfs_t *littlefs(void) { return &fs; }

/* ---- the flash ---- */

static int read_block(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, void *buffer, lfs_size_t size) {
    (void)c;
    return nor_read(block, off, buffer, size) == 0 ? 0 : LFS_ERR_IO;
}

static int program_block(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, const void *buffer,
                         lfs_size_t size) {
    (void)c;
    return nor_program(block, off, buffer, size) == 0 ? 0 : LFS_ERR_IO;
}

static int erase_block(const struct lfs_config *c, lfs_block_t block) {
    (void)c;
    return nor_erase(block) == 0 ? 0 : LFS_ERR_IO;
}

static int sync_flash(const struct lfs_config *c) {
    (void)c;
    return nor_is_off() ? LFS_ERR_IO : 0;
}

static void forget(void) {
    for (unsigned i = 0; i < OPEN_MAX_HERE; i++) CHECK(!files[i].used);
    if (mounted) (void)lfs_unmount(&fs);
    mounted = false;
}

static void mount_it(void) {
    CHECK_EQ(lfs_mount(&fs, &config), 0);
    mounted = true;
}

void littlefs_format(const littlefs_options_t *options) {
    static const littlefs_options_t defaults;
    if (options == NULL) options = &defaults;
    forget();
    config = (struct lfs_config){.read = read_block,
                                 .prog = program_block,
                                 .erase = erase_block,
                                 .sync = sync_flash,
                                 .read_size = options->read_size != 0 ? options->read_size : 128,
                                 .prog_size = options->prog_size != 0 ? options->prog_size : 128,
                                 .block_size = (lfs_size_t)nor_block_bytes(),
                                 .block_count = (lfs_size_t)nor_blocks(),
                                 .block_cycles = 512,
                                 .cache_size = options->cache_size != 0 ? options->cache_size : 512,
                                 .lookahead_size = options->lookahead_size != 0 ? options->lookahead_size : 128,
                                 .inline_max = options->inline_max,
                                 .name_max = NAME_MAX_HERE};
    CHECK_EQ(lfs_format(&fs, &config), 0);
    mount_it();
}

void littlefs_remount(void) {
    forget();
    mount_it();
}

/* ---- the calls ---- */

static int answer(int result) {
    if (result >= 0) return result;
    switch (result) {
    case LFS_ERR_CORRUPT: errno = EBADMSG; break;
    case LFS_ERR_INVAL:
    case LFS_ERR_NOATTR: errno = EINVAL; break;
    default: errno = -result; /* the others are Linux's numbers */
    }
    return -1;
}

/* NULL: no such mount. */
static const char *inside(const char *path) {
    size_t mount = strlen(FLASH_MOUNT);
    if (strncmp(path, FLASH_MOUNT, mount) == 0 && path[mount] == '\0') return "/";
    if (strncmp(path, FLASH_MOUNT "/", mount + 1) == 0) return path + mount;
    errno = strlen(path) > 1000 ? ENAMETOOLONG : ENOENT;
    return NULL;
}

static bool is_open(const char *path) {
    for (unsigned i = 0; i < OPEN_MAX_HERE; i++)
        if (files[i].used && strcmp(files[i].path, path) == 0) return true;
    return false;
}

static open_file_t *file_of(int fd) {
    CHECK(fd >= 0 && fd < OPEN_MAX_HERE && files[fd].used);
    return &files[fd];
}

int flash_open(const char *path, int flags, ...) {
    const char *at = inside(path);
    int         fd = 0, how = 0;
    if (at == NULL) return -1;
    while (fd < OPEN_MAX_HERE && files[fd].used) fd++;
    CHECK(fd < OPEN_MAX_HERE && strlen(at) < sizeof files[0].path);
    how |= (flags & O_ACCMODE) == O_RDONLY ? LFS_O_RDONLY : (flags & O_ACCMODE) == O_WRONLY ? LFS_O_WRONLY : LFS_O_RDWR;
    if (flags & O_CREAT) how |= LFS_O_CREAT;
    if (flags & O_EXCL) how |= LFS_O_EXCL;
    if (flags & O_TRUNC) how |= LFS_O_TRUNC;
    if (flags & O_APPEND) how |= LFS_O_APPEND;
    int result = lfs_file_open(&fs, &files[fd].file, at, how);
    if (result < 0) return answer(result);
    files[fd].used = true;
    snprintf(files[fd].path, sizeof files[fd].path, "%s", at);
    return fd;
}

ssize_t flash_read(int fd, void *buf, size_t size) {
    return answer((int)lfs_file_read(&fs, &file_of(fd)->file, buf, (lfs_size_t)size));
}

ssize_t flash_write(int fd, const void *buf, size_t size) {
    return answer((int)lfs_file_write(&fs, &file_of(fd)->file, buf, (lfs_size_t)size));
}

int flash_fsync(int fd) { return answer(lfs_file_sync(&fs, &file_of(fd)->file)); }

int flash_close(int fd) {
    open_file_t *file = file_of(fd);
    file->used = false;
    return answer(lfs_file_close(&fs, &file->file));
}

static void tell(struct stat *st, bool folder, lfs_size_t size) {
    memset(st, 0, sizeof *st);
    st->st_mode = folder ? S_IFDIR : S_IFREG;
    st->st_size = folder ? 0 : (off_t)size;
}

int flash_fstat(int fd, struct stat *st) {
    lfs_soff_t size = lfs_file_size(&fs, &file_of(fd)->file);
    if (size < 0) return answer((int)size);
    tell(st, false, (lfs_size_t)size);
    return 0;
}

int flash_stat(const char *path, struct stat *st) {
    struct lfs_info info;
    const char     *at = inside(path);
    if (at == NULL) return -1;
    int result = lfs_stat(&fs, at, &info);
    if (result < 0) return answer(result);
    tell(st, info.type == LFS_TYPE_DIR, info.size);
    return 0;
}

int flash_rename(const char *from, const char *to) {
    const char *a = inside(from), *b = inside(to);
    if (a == NULL || b == NULL) return -1;
    if (is_open(a) || is_open(b)) {
        errno = EBUSY;
        return -1;
    }
    return answer(lfs_rename(&fs, a, b));
}

int flash_unlink(const char *path) {
    struct lfs_info info;
    const char     *at = inside(path);
    if (at == NULL) return -1;
    int result = lfs_stat(&fs, at, &info);
    if (result < 0) return answer(result);
    if (info.type == LFS_TYPE_DIR || is_open(at)) {
        errno = info.type == LFS_TYPE_DIR ? EISDIR : EBUSY;
        return -1;
    }
    return answer(lfs_remove(&fs, at));
}

int flash_mkdir(const char *path, mode_t mode) {
    const char *at = inside(path);
    (void)mode;
    return at != NULL ? answer(lfs_mkdir(&fs, at)) : -1;
}

DIR *flash_opendir(const char *path) {
    const char *at = inside(path);
    if (at == NULL) return NULL;
    open_dir_t *dir = calloc(1, sizeof *dir);
    CHECK(dir != NULL);
    int result = lfs_dir_open(&fs, &dir->dir, at);
    if (result >= 0) return (DIR *)dir;
    free(dir);
    (void)answer(result);
    return NULL;
}

struct dirent *flash_readdir(DIR *of) {
    open_dir_t     *dir = (open_dir_t *)of;
    struct lfs_info info = {0};
    int             result;
    do result = lfs_dir_read(&fs, &dir->dir, &info);
    while (result > 0 && (strcmp(info.name, ".") == 0 || strcmp(info.name, "..") == 0));
    if (answer(result) <= 0) return NULL;
    dir->entry.d_type = info.type == LFS_TYPE_REG ? DT_REG : DT_DIR;
    snprintf(dir->entry.d_name, sizeof dir->entry.d_name, "%s", info.name);
    return &dir->entry;
}

int flash_closedir(DIR *of) {
    open_dir_t *dir = (open_dir_t *)of;
    int         result = lfs_dir_close(&fs, &dir->dir);
    free(dir);
    return answer(result);
}
