/* SPDX-License-Identifier: Apache-2.0 */
/* fake_disk.h -- what a test says about disks: how full, how broken, and when the power goes. Folders are in memory and stay until
 * mk_fake_disk_reset(), over any number of openings and losses of power. */
#ifndef MK_PORT_FAKE_FAKE_DISK_H
#define MK_PORT_FAKE_FAKE_DISK_H

#include "port/disk.h"

void mk_fake_disk_reset(void); /* no folders, nothing failing; disks that are open are dead */

/* Calls so far that change something or make it last. */
unsigned mk_fake_disk_points(void);

/* The power goes in the `point`-th such call from now on (1: the next): it does a part of its work, and every call fails from then
 * on, until mk_fake_disk_power_on(). */
void mk_fake_disk_power_off_at(unsigned point);
bool mk_fake_disk_is_off(void);

/* Power goes now if it has not yet, and comes again: what was not made to last is there, not there or there in part, as the seed
 * has it. Disks that were open are dead: all calls fail, closing is allowed. */
void mk_fake_disk_power_on(uint64_t seed);

void mk_fake_disk_fail(unsigned times, mk_err_t err); /* the next calls that change something */
void mk_fake_disk_fail_later(unsigned after, unsigned times, mk_err_t err); /* the same, when so many have gone well */
void mk_fake_disk_space(size_t bytes);                /* of all files; SIZE_MAX: no limit      */
void mk_fake_disk_read_only(bool read_only);

/* Turns one bit of a file around; false: there is none so long. `index`: of the files in the order of their coming. */
bool        mk_fake_disk_flip(const char *folder, const char *name, size_t bit);
/* Reading it answers `err` from now on, until another file takes its name (MK_OK: it can be read again). False: there is none. */
bool        mk_fake_disk_unreadable(const char *folder, const char *name, mk_err_t err);
size_t      mk_fake_disk_files(const char *folder);
const char *mk_fake_disk_file(const char *folder, size_t index);

#endif
