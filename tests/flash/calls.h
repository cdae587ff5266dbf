/* SPDX-License-Identifier: Apache-2.0 */
/* calls.h -- what ESP-IDF's virtual file system offers, for a file system on a flash of a test. It is included before all else when the
 * disk is compiled for such a test: the disk's own calls then end here instead of in the operating system. As there, errors are in
 * errno, paths begin with FLASH_MOUNT, and a descriptor says nothing about the ones of the operating system. */
#ifndef MK_TESTS_FLASH_CALLS_H
#define MK_TESTS_FLASH_CALLS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLASH_MOUNT "/flash"

int            flash_open(const char *path, int flags, ...);
ssize_t        flash_read(int fd, void *buf, size_t size);
ssize_t        flash_write(int fd, const void *buf, size_t size);
int            flash_fsync(int fd);
int            flash_fstat(int fd, struct stat *st);
int            flash_close(int fd);
int            flash_stat(const char *path, struct stat *st);
int            flash_rename(const char *from, const char *to);
int            flash_unlink(const char *path);
int            flash_mkdir(const char *path, mode_t mode);
DIR           *flash_opendir(const char *path);
struct dirent *flash_readdir(DIR *dir);
int            flash_closedir(DIR *dir);

#ifdef FLASH_CALLS
#define open(...)      flash_open(__VA_ARGS__)
#define read(...)      flash_read(__VA_ARGS__)
#define write(...)     flash_write(__VA_ARGS__)
#define fsync(...)     flash_fsync(__VA_ARGS__)
#define fstat(...)     flash_fstat(__VA_ARGS__)
#define close(...)     flash_close(__VA_ARGS__)
#define stat(...)      flash_stat(__VA_ARGS__)
#define rename(...)    flash_rename(__VA_ARGS__)
#define unlink(...)    flash_unlink(__VA_ARGS__)
#define mkdir(...)     flash_mkdir(__VA_ARGS__)
#define opendir(...)   flash_opendir(__VA_ARGS__)
#define readdir(...)   flash_readdir(__VA_ARGS__)
#define closedir(...)  flash_closedir(__VA_ARGS__)
#endif

#endif
