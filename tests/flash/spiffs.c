/* SPDX-License-Identifier: Apache-2.0 */
#include "flash/spiffs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flash/calls.h"
#include "rig/random.h"
#include "rig/rig.h"

enum { NAME_BYTES = 32, FILES_MAX = 64, OPEN_MAX_HERE = 5 };

typedef struct file {
    char     name[NAME_BYTES]; /* "": none; they begin with a slash, and others are letters like any */
    uint8_t *bytes;
    size_t   size;
} file_t;

typedef struct open_file {
    file_t *file;
    size_t  at;
} open_file_t;

typedef struct open_dir {
    char          folder[NAME_BYTES];
    unsigned      at;
    struct dirent entry;
} open_dir_t;

static struct {
    file_t       file[FILES_MAX];
    open_file_t  open[OPEN_MAX_HERE];
    unsigned     points, off_at;
    bool         off;
    size_t       space;
    rig_random_t chance;
} fs;

void spiffs_format(void) {
    for (unsigned i = 0; i < FILES_MAX; i++) free(fs.file[i].bytes);
    memset(&fs, 0, sizeof fs);
    fs.space = SIZE_MAX;
}

void spiffs_space(size_t bytes) { fs.space = bytes; }

void spiffs_power_off_at(unsigned point, uint64_t seed) {
    fs.off_at = fs.points + point;
    fs.chance.state = seed * 2 + 1;
}

void spiffs_power_on(void) {
    fs.off = false;
    fs.off_at = 0;
}

bool spiffs_is_off(void) { return fs.off; }

static int failed(int why) {
    errno = why;
    return -1;
}

/* How much of `steps` is done: all, or when the power goes any part. -1: there is none. */
static int powered(uint32_t steps) {
    if (fs.off) return failed(EIO);
    fs.points++;
    if (fs.points != fs.off_at) return (int)steps;
    fs.off = true;
    return (int)rig_random_below(&fs.chance, steps + 1);
}

static int finished(void) { return fs.off ? failed(EIO) : 0; }

static const char *inside(const char *path) {
    size_t mount = strlen(FLASH_MOUNT);
    if (strncmp(path, FLASH_MOUNT, mount) != 0) return NULL;
    return path[mount] == '\0' ? "/" : path[mount] == '/' ? path + mount : NULL;
}

static file_t *find(const char *name) {
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (strcmp(fs.file[i].name, name) == 0) return &fs.file[i];
    return NULL;
}

static size_t used(void) {
    size_t bytes = 0;
    for (unsigned i = 0; i < FILES_MAX; i++) bytes += fs.file[i].size;
    return bytes;
}

static open_file_t *file_of(int fd) {
    CHECK(fd >= 0 && fd < OPEN_MAX_HERE && fs.open[fd].file != NULL);
    return &fs.open[fd];
}

int flash_open(const char *path, int flags, ...) {
    const char *name = inside(path);
    int         fd = 0;
    if (name == NULL) return failed(ENOENT);
    if (fs.off) return failed(EIO);
    if (strlen(name) >= NAME_BYTES) return failed(ENAMETOOLONG);
    while (fd < OPEN_MAX_HERE && fs.open[fd].file != NULL) fd++;
    if (fd == OPEN_MAX_HERE) return failed(ENFILE);
    file_t *file = find(name);
    bool    fresh = (flags & O_CREAT) != 0 && (flags & (O_TRUNC | O_EXCL)) != 0; /* O_CREAT alone means nothing there */
    if (file == NULL && !fresh) return failed(ENOENT);
    if (fresh) {
        if (powered(1) == 1) {
            if (file == NULL) file = find("");
            if (file == NULL) return failed(ENOSPC);
            snprintf(file->name, sizeof file->name, "%s", name);
            file->size = 0;
        }
        if (finished() != 0) return -1;
    }
    fs.open[fd] = (open_file_t){.file = file};
    return fd;
}

ssize_t flash_read(int fd, void *buf, size_t size) {
    open_file_t *open = file_of(fd);
    if (fs.off) return failed(EIO);
    size_t left = open->file->size - open->at, n = size < left ? size : left;
    if (n != 0) memcpy(buf, open->file->bytes + open->at, n);
    open->at += n;
    return (ssize_t)n;
}

ssize_t flash_write(int fd, const void *buf, size_t size) {
    open_file_t *open = file_of(fd);
    file_t      *file = open->file;
    if (!fs.off && fs.space != SIZE_MAX && used() + size > fs.space) return failed(ENOSPC);
    int n = powered((uint32_t)size);
    if (n < 0) return -1;
    if (n != 0) {
        file->bytes = realloc(file->bytes, file->size + (size_t)n);
        CHECK(file->bytes != NULL && open->at == file->size);
        memcpy(file->bytes + file->size, buf, (size_t)n);
        file->size += (size_t)n;
        open->at += (size_t)n;
    }
    return finished() == 0 ? (ssize_t)n : -1;
}

int flash_fsync(int fd) {
    (void)file_of(fd);
    return failed(ENOSYS); /* in ESP-IDF up to 4 */
}

int flash_close(int fd) {
    file_of(fd)->file = NULL;
    return finished();
}

static void tell(struct stat *st, const file_t *file) {
    memset(st, 0, sizeof *st);
    st->st_mode = S_IFREG;
    st->st_size = (off_t)file->size;
}

int flash_fstat(int fd, struct stat *st) {
    tell(st, file_of(fd)->file);
    return finished();
}

int flash_stat(const char *path, struct stat *st) {
    const char   *name = inside(path);
    const file_t *file = name != NULL && !fs.off ? find(name) : NULL;
    if (file == NULL) return failed(fs.off ? EIO : ENOENT);
    tell(st, file);
    return 0;
}

int flash_rename(const char *from, const char *to) {
    const char *a = inside(from), *b = inside(to);
    if (a == NULL || b == NULL) return failed(ENOENT);
    if (strlen(b) >= NAME_BYTES) return failed(ENAMETOOLONG);
    file_t *file = find(a);
    if (file == NULL) return failed(fs.off ? EIO : ENOENT);
    if (find(b) != NULL) return failed(EIO); /* "conflicting name", which has no number of its own */
    if (powered(1) == 1) snprintf(file->name, sizeof file->name, "%s", b);
    return finished();
}

int flash_unlink(const char *path) {
    const char *name = inside(path);
    file_t     *file = name != NULL ? find(name) : NULL;
    if (file == NULL) return failed(fs.off ? EIO : ENOENT);
    if (powered(1) == 1) {
        file->name[0] = '\0';
        file->size = 0;
    }
    return finished();
}

int flash_mkdir(const char *path, mode_t mode) {
    (void)path, (void)mode;
    return failed(ENOTSUP);
}

DIR *flash_opendir(const char *path) {
    const char *name = inside(path);
    if (name == NULL || fs.off) {
        errno = fs.off ? EIO : ENOENT;
        return NULL;
    }
    open_dir_t *dir = calloc(1, sizeof *dir);
    CHECK(dir != NULL);
    snprintf(dir->folder, sizeof dir->folder, "%s", name);
    return (DIR *)dir;
}

struct dirent *flash_readdir(DIR *of) {
    open_dir_t *dir = (open_dir_t *)of;
    size_t      size = strcmp(dir->folder, "/") == 0 ? 0 : strlen(dir->folder);
    while (dir->at < FILES_MAX) {
        const char *name = fs.file[dir->at++].name;
        if (name[0] == '\0' || strncmp(name, dir->folder, size) != 0 || name[size] != '/') continue;
        dir->entry.d_type = DT_REG;
        snprintf(dir->entry.d_name, sizeof dir->entry.d_name, "%s", name + size + 1);
        return &dir->entry;
    }
    return NULL;
}

int flash_closedir(DIR *of) {
    free(of);
    return 0;
}
