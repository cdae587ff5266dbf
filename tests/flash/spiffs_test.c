/* SPDX-License-Identifier: Apache-2.0 */
/* spiffs_test.c -- the disk of chips under the rules of SPIFFS, and a store on it. The power goes at any call that changes something;
 * since a rename does not replace there, the file that was to be replaced may be gone and the new one still aside. */
#include "flash/spiffs.h"
#include "flash/calls.h"

#define FOLDER     FLASH_MOUNT "/kv"
#define RESET_DISK spiffs_format
#define put        put_file
#define get        get_file
#include "port/disk_contract.h"
#undef put
#undef get
#include "store/play.h"

enum { CUT_OPENING = 6, CUT_LIVING = 60 };
static uint64_t cuts;
static void     cut_at(unsigned point) { spiffs_power_off_at(point, ++cuts); }
static bool     is_off(void) { return spiffs_is_off(); }
static void     power_on(uint64_t seed) {
        (void)seed;
        spiffs_power_on();
}

#include "store/lives.h"

static void begin(void) {
    spiffs_format();
    strcpy(folder, FLASH_MOUNT);
    CHECK_EQ(mk_disk_open(folder, &disk), MK_OK);
}

static void end(void) {
    CHECK_EQ(mk_disk_list(disk, remove_it, NULL), MK_OK);
    CHECK_EQ(count(), 0);
    mk_disk_close(disk);
}

TEST(a_folder_is_the_beginning_of_names_and_those_of_others_are_left_alone) {
    mk_disk_t *deeper;
    begin();
    CHECK_EQ(mk_disk_open(FLASH_MOUNT "/kv", &deeper), MK_OK);
    CHECK_EQ(put_file("a", "above"), MK_OK);
    mk_slice_t below = {"below", 5};
    CHECK_EQ(mk_disk_write(deeper, "a", &below, 1), MK_OK);
    CHECK_STR(get_file("a"), "above");
    CHECK_EQ(count(), 1);
    unsigned n = 0;
    CHECK_EQ(mk_disk_list(deeper, count_it, &n), MK_OK);
    CHECK_EQ(n, 1);
    CHECK_EQ(mk_disk_remove(deeper, "a"), MK_OK);
    mk_disk_close(deeper);
    end();
}

TEST(a_folder_that_leaves_no_room_for_names_is_noticed_when_something_is_put) {
    mk_disk_t *deeper;
    mk_slice_t text = {"x", 1};
    begin();
    CHECK_EQ(mk_disk_open(FLASH_MOUNT "/eightlet", &deeper), MK_OK);
    CHECK_EQ(mk_disk_write(deeper, "0123456789abcdef0123.a", &text, 1), MK_ERR_TOOLONG);
    mk_disk_close(deeper);
    CHECK_EQ(mk_disk_open(FLASH_MOUNT "/seven77", &deeper), MK_OK);
    CHECK_EQ(mk_disk_write(deeper, "0123456789abcdef0123.a", &text, 1), MK_OK);
    CHECK_EQ(mk_disk_remove(deeper, "0123456789abcdef0123.a"), MK_OK);
    mk_disk_close(deeper);
    CHECK_EQ(mk_disk_open("/elsewhere", &deeper), MK_ERR_NOTFOUND);
    end();
}

TEST(a_rename_replaces_in_two_steps_and_in_between_the_new_one_is_there) {
    for (unsigned at = 1; at <= 2; at++) {
        for (uint64_t seed = 1; seed < 10; seed++) {
            begin();
            CHECK_EQ(put_file("old", "1"), MK_OK);
            CHECK_EQ(put_file("new", "2"), MK_OK);
            spiffs_power_off_at(at, seed);
            CHECK_EQ(mk_disk_rename(disk, "new", "old"), MK_ERR_IO);
            spiffs_power_on();
            const char *old = get_file("old");
            CHECK(strcmp(old, "1") == 0 || strcmp(old, "2") == 0 || strcmp(old, "NOTFOUND") == 0);
            if (strcmp(old, "2") != 0) CHECK_STR(get_file("new"), "2");
            end();
        }
    }
}

TEST(what_was_acknowledged_survives_a_loss_of_power_at_any_call) {
    for (uint64_t seed = 1; seed <= 150; seed++) live(seed, 8);
}

TEST(a_full_one_refuses_and_can_be_emptied) {
    char value[700];
    fresh();
    spiffs_space(4000);
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    char     name[8];
    unsigned n = 0;
    mk_err_t err = MK_OK;
    for (; err == MK_OK && n < 20; n += err == MK_OK) {
        snprintf(name, sizeof name, "n%u", n);
        err = put(name, value);
    }
    CHECK_EQ(err, MK_ERR_FULL);
    CHECK(n >= 4);
    CHECK_STR(get("n0"), value);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "n%u", i);
        CHECK_EQ(drop(name), MK_OK);
    }
    CHECK_EQ(put("after", value), MK_OK);
    again();
    CHECK_STR(get("n0"), "NOTFOUND");
    CHECK_STR(get("after"), value);
    close_store();
}
