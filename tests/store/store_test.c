/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "rig/oom.h"
#include "store/parts.h"
#include "store/play.h"

static char listed[4096];

static uint64_t marks;

static bool list_one(void *arg, mk_slice_t name, size_t value_size, uint64_t mark) {
    unsigned *left = arg;
    marks += mark;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%.*s:%zu ", (int)name.size,
             (const char *)name.data, value_size);
    return left == NULL || --*left != 0;
}

static const char *list(const char *prefix, const char *after) {
    listed[0] = '\0';
    CHECK_EQ(mk_store_list(store, text(prefix), text(after), list_one, NULL), MK_OK);
    return listed;
}

static mk_store_stats_t stats(void) {
    mk_store_stats_t s;
    mk_store_get_stats(store, &s);
    return s;
}

TEST(what_was_put_can_be_got_and_is_there_after_opening_again) {
    fresh();
    CHECK_EQ(put("a", "one"), MK_OK);
    CHECK_STR(get("a"), "one");
    CHECK_EQ(put("a", "two"), MK_OK);
    CHECK_EQ(put("empty", ""), MK_OK);
    again();
    CHECK_STR(get("a"), "two");
    CHECK_STR(get("empty"), "");
    CHECK_STR(get("b"), "NOTFOUND");
    CHECK_EQ(stats().names, 2);
    CHECK_EQ(stats().bytes, 1 + 3 + 5);
    close_store();
}

TEST(requests_made_before_it_has_recovered_wait) {
    fresh();
    CHECK_EQ(put("a", "one"), MK_OK);
    close_store();
    open_store();
    answer_t first = {0}, second = {0};
    CHECK_EQ(mk_store_get(store, text("a"), take_answer, &first), MK_OK);
    CHECK_EQ(mk_store_list(store, text(""), text(""), list_one, NULL), MK_ERR_BUSY);
    CHECK_EQ(mk_store_put(store, text("a"), text("three"), 0, take_answer, &second), MK_OK);
    CHECK(!first.come);
    wait_for(&second);
    CHECK(first.come);
    CHECK_EQ(first.size, 3);
    close_store();
}

TEST(a_deleted_name_is_gone_and_stays_gone) {
    fresh();
    CHECK_EQ(put("a", "one"), MK_OK);
    CHECK_EQ(drop("a"), MK_OK);
    CHECK_EQ(drop("a"), MK_ERR_NOTFOUND);
    CHECK_STR(get("a"), "NOTFOUND");
    CHECK_EQ(stats().names, 0);
    CHECK_EQ(stats().bytes, 0);
    again();
    CHECK_STR(get("a"), "NOTFOUND");
    CHECK_STR(list("", ""), "");
    CHECK_EQ(put("b", "x"), MK_OK); /* a trip to the disk takes the file away that says so */
    CHECK_EQ(mk_fake_disk_files(FOLDER), 1);
    CHECK_EQ(put("a", "back"), MK_OK);
    again();
    CHECK_STR(get("a"), "back");
    close_store();
}

TEST(a_name_put_deleted_and_put_again_many_times_leaves_two_files_at_most) {
    fresh();
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(put("a", i % 2 == 0 ? "even" : "odd"), MK_OK);
        if (i % 3 == 0) CHECK_EQ(drop("a"), MK_OK);
        if (i % 7 == 0) again();
    }
    CHECK_STR(get("a"), "odd");
    CHECK(mk_fake_disk_files(FOLDER) <= 2);
    close_store();
}

TEST(many_requests_go_to_the_disk_together_and_in_order) {
    static answer_t answer[40];
    char            name[16];
    fresh();
    CHECK_STR(get("nothing"), "NOTFOUND");
    uint64_t before = stats().batches;
    memset(answer, 0, sizeof answer);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "n%02d", i);
        CHECK_EQ(mk_store_put(store, text(name), text(name), 0, take_answer, &answer[i]), MK_OK);
    }
    wait_for(&answer[39]);
    for (int i = 0; i < 40; i++) CHECK(answer[i].come && answer[i].err == MK_OK);
    CHECK_EQ(stats().batches - before, 1);
    close_store();
}

TEST(requests_for_one_name_take_effect_in_their_order) {
    static answer_t a[6];
    fresh();
    memset(a, 0, sizeof a);
    CHECK_EQ(mk_store_put(store, text("k"), text("1"), 0, take_answer, &a[0]), MK_OK);
    CHECK_EQ(mk_store_get(store, text("k"), take_answer, &a[1]), MK_OK);
    CHECK_EQ(mk_store_put(store, text("k"), text("22"), 0, take_answer, &a[2]), MK_OK);
    CHECK_EQ(mk_store_get(store, text("k"), take_answer, &a[3]), MK_OK);
    CHECK_EQ(mk_store_delete(store, text("k"), take_answer, &a[4]), MK_OK);
    CHECK_EQ(mk_store_get(store, text("k"), take_answer, &a[5]), MK_OK);
    wait_for(&a[5]);
    for (int i = 0; i < 5; i++) CHECK(a[i].come && a[i].err == MK_OK);
    CHECK_EQ(a[1].size, 1);
    CHECK_EQ(a[3].size, 2);
    CHECK_EQ(a[5].err, MK_ERR_NOTFOUND);
    close_store();
}

TEST(names_are_listed_in_order_by_prefix_and_from_any_place) {
    fresh();
    static const char *const names[] = {"b/2", "a", "b/1", "c", "b", "b/10"};
    for (unsigned i = 0; i < 6; i++) CHECK_EQ(put(names[i], "v"), MK_OK);
    CHECK_STR(list("", ""), "a:1 b:1 b/1:1 b/10:1 b/2:1 c:1 ");
    CHECK_STR(list("b/", ""), "b/1:1 b/10:1 b/2:1 ");
    CHECK_STR(list("b/", "b/1"), "b/10:1 b/2:1 ");
    CHECK_STR(list("b/", "b/11"), "b/2:1 ");
    CHECK_STR(list("b/", "a"), "b/1:1 b/10:1 b/2:1 ");
    CHECK_STR(list("x", ""), "");
    unsigned two = 2;
    listed[0] = '\0';
    CHECK_EQ(mk_store_list(store, text(""), text(""), list_one, &two), MK_OK);
    CHECK_STR(listed, "a:1 b:1 ");
    close_store();
}

TEST(a_mark_is_seen_when_names_are_listed) {
    fresh();
    answer_t answer = {0};
    CHECK_EQ(mk_store_put(store, text("a"), text("v"), 1000, take_answer, &answer), MK_OK);
    wait_for(&answer);
    CHECK_EQ(put("b", "v"), MK_OK);
    for (int i = 0; i < 2; i++) {
        marks = 0;
        CHECK_STR(list("", ""), "a:1 b:1 ");
        CHECK_EQ(marks, 1000);
        again();
        CHECK_STR(get("a"), "v"); /* it has recovered */
    }
    close_store();
}

TEST(names_are_any_bytes_and_cannot_leave_the_folder) {
    char every[256], longest[MK_BLOB_NAME_MAX + 1];
    fresh();
    for (int i = 0; i < 256; i++) every[i] = (char)i;
    memset(longest, '/', sizeof longest);
    answer_t answer = {0};
    CHECK_EQ(mk_store_put(store, (mk_slice_t){every, 256}, text("all"), 0, take_answer, &answer), MK_OK);
    wait_for(&answer);
    CHECK_EQ(answer.err, MK_OK);
    answer.come = false;
    CHECK_EQ(mk_store_put(store, (mk_slice_t){longest, MK_BLOB_NAME_MAX}, text("long"), 0, take_answer, &answer),
             MK_OK);
    wait_for(&answer);
    CHECK_EQ(mk_store_put(store, (mk_slice_t){longest, sizeof longest}, text(""), 0, NULL, NULL), MK_ERR_INVALID);
    CHECK_EQ(mk_store_put(store, (mk_slice_t){"", 0}, text(""), 0, NULL, NULL), MK_ERR_INVALID);
    CHECK_EQ(put("../../etc/passwd", "x"), MK_OK);
    CHECK_EQ(put("..", "y"), MK_OK);
    again();
    CHECK_STR(get("../../etc/passwd"), "x");
    CHECK_STR(get(".."), "y");
    for (size_t i = 0; i < mk_fake_disk_files(FOLDER); i++)
        CHECK(strspn(mk_fake_disk_file(FOLDER, i), "0123456789abcdef.") == 22);
    close_store();
}

TEST(a_flipped_bit_is_noticed_and_the_value_before_is_used) {
    for (size_t bit = 0; bit < 8 * (MK_BLOB_HEAD_BYTES + 1 + 3); bit++) {
        fresh();
        CHECK_EQ(put("k", "one"), MK_OK);
        CHECK_EQ(put("k", "two"), MK_OK);
        const char *later = mk_fake_disk_file(FOLDER, 1);
        CHECK(mk_fake_disk_flip(FOLDER, later, bit));
        if (bit % 2 == 0) again(); /* found when it is opened, or when it is read */
        CHECK_STR(get("k"), "one");
        CHECK(strstr(complaint, "'k'") != NULL);
        CHECK(stats().damaged != 0);
        CHECK_EQ(put("k", "three"), MK_OK);
        CHECK_STR(get("k"), "three");
        again();
        CHECK_STR(get("k"), "three");
        close_store();
    }
}

TEST(a_file_that_the_disk_itself_finds_damaged_is_no_other_damage) {
    for (unsigned while_open = 0; while_open < 2; while_open++) {
        fresh();
        CHECK_EQ(put("k", "one"), MK_OK);
        CHECK_EQ(put("k", "two"), MK_OK);
        CHECK(mk_fake_disk_unreadable(FOLDER, mk_fake_disk_file(FOLDER, 1), MK_ERR_FORMAT));
        if (!while_open) again();
        CHECK_STR(get("k"), "one");
        CHECK(complaints != 0);
        CHECK_EQ(stats().damaged, 1);
        close_store();
    }
}

TEST(a_damaged_value_is_not_taken_for_the_delete_before_it) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK);
    CHECK_EQ(drop("k"), MK_OK);
    CHECK_EQ(put("k", "two"), MK_OK);
    CHECK_EQ(mk_fake_disk_files(FOLDER), 2); /* one of them says that it is gone */
    unsigned longer = 0;                     /* has a value */
    for (size_t i = 0; i < 2; i++)
        longer += mk_fake_disk_flip(FOLDER, mk_fake_disk_file(FOLDER, i), 8 * (MK_BLOB_HEAD_BYTES + 1));
    CHECK_EQ(longer, 1);
    CHECK_STR(get("k"), "FORMAT");
    close_store();
}

TEST(when_both_files_are_damaged_that_is_said_and_the_next_put_mends_it) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK);
    CHECK_EQ(put("k", "two"), MK_OK);
    CHECK(mk_fake_disk_flip(FOLDER, mk_fake_disk_file(FOLDER, 0), 8 * MK_BLOB_HEAD_BYTES + 20));
    CHECK(mk_fake_disk_flip(FOLDER, mk_fake_disk_file(FOLDER, 1), 8 * MK_BLOB_HEAD_BYTES + 20));
    CHECK_STR(get("k"), "FORMAT");
    CHECK(strstr(complaint, "'k'") != NULL);
    CHECK_EQ(put("k", "three"), MK_OK);
    CHECK_STR(get("k"), "three");
    close_store();
}

TEST(files_of_others_are_left_alone) {
    fresh();
    close_store();
    mk_disk_t *disk;
    mk_slice_t junk = text("junk");
    CHECK_EQ(mk_disk_open(FOLDER, &disk), MK_OK);
    CHECK_EQ(mk_disk_write(disk, "readme.txt", &junk, 1), MK_OK);
    CHECK_EQ(mk_disk_write(disk, "0123456789abcdef0123.a", &junk, 1), MK_OK);
    CHECK_EQ(mk_disk_write(disk, "0123456789abcdef0123.t", &junk, 1), MK_OK);
    mk_disk_close(disk);
    open_store();
    CHECK_STR(get("k"), "NOTFOUND");
    CHECK_EQ(stats().names, 0);
    CHECK_EQ(stats().damaged, 1);
    CHECK_EQ(mk_fake_disk_files(FOLDER), 2); /* what was being written is gone */
    close_store();
}

TEST(a_full_disk_refuses_and_what_was_there_stays) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK);
    mk_fake_disk_space(120);
    CHECK_EQ(put("k", "two that is a little longer"), MK_ERR_FULL);
    CHECK_STR(get("k"), "one");
    CHECK_EQ(put("other", "x"), MK_ERR_FULL);
    CHECK_STR(get("other"), "NOTFOUND");
    mk_fake_disk_space(SIZE_MAX);
    CHECK_EQ(put("k", "two"), MK_OK);
    again();
    CHECK_STR(get("k"), "two");
    CHECK_EQ(stats().names, 1);
    close_store();
}

TEST(a_full_disk_is_emptied_by_deleting) {
    fresh();
    CHECK_EQ(put("once", "one"), MK_OK);
    CHECK_EQ(put("twice", "one"), MK_OK);
    CHECK_EQ(put("twice", "two"), MK_OK);
    mk_fake_disk_space(0);
    CHECK_EQ(put("once", "x"), MK_ERR_FULL);
    CHECK_EQ(drop("once"), MK_OK);
    CHECK_EQ(drop("twice"), MK_OK);
    CHECK_EQ(drop("twice"), MK_ERR_NOTFOUND);
    CHECK_STR(get("once"), "NOTFOUND");
    CHECK_EQ(mk_fake_disk_files(FOLDER), 0);
    CHECK_EQ(stats().names, 0);
    CHECK_EQ(stats().bytes, 0);
    close_store();
    mk_fake_disk_power_on(5);
    open_store();
    CHECK_STR(get("once"), "NOTFOUND");
    CHECK_STR(get("twice"), "NOTFOUND");
    mk_fake_disk_space(SIZE_MAX);
    CHECK_EQ(put("twice", "back"), MK_OK);
    again();
    CHECK_STR(get("twice"), "back");
    CHECK_EQ(stats().names, 1);
    close_store();
}

TEST(a_full_disk_that_fails_at_a_delete_gives_the_value_or_none) {
    for (unsigned at = 0; at < 8; at++) {
        fresh();
        CHECK_EQ(put("k", "one"), MK_OK);
        CHECK_EQ(put("k", "two"), MK_OK);
        mk_fake_disk_space(0);
        mk_fake_disk_fail_later(at, 1, MK_ERR_IO);
        mk_err_t err = drop("k");
        mk_fake_disk_fail(0, MK_OK);
        const char *now = get("k");
        CHECK(strcmp(now, "NOTFOUND") == 0 || (err != MK_OK && strcmp(now, "two") == 0));
        mk_fake_disk_space(SIZE_MAX);
        CHECK_EQ(put("k", "three"), MK_OK);
        again();
        CHECK_STR(get("k"), "three");
        close_store();
    }
}

TEST(a_read_only_disk_reads) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK);
    CHECK_EQ(put("gone", "one"), MK_OK);
    CHECK_EQ(drop("gone"), MK_OK);
    mk_fake_disk_read_only(true);
    again();
    CHECK_STR(get("k"), "one");
    CHECK_EQ(put("k", "two"), MK_ERR_DENIED);
    CHECK_EQ(drop("k"), MK_ERR_DENIED);
    CHECK_STR(get("k"), "one");
    CHECK_STR(get("gone"), "NOTFOUND");
    close_store();
}

static void fail_at_each_call(size_t size, unsigned calls) {
    static uint8_t value[8000];
    for (unsigned skip = 0; skip < 12; skip++) {
        fresh();
        CHECK_EQ(put("k", "old"), MK_OK);
        answer_t answer = {0};
        unsigned at = mk_fake_disk_points();
        mk_fake_disk_power_off_at(skip + 1);
        memset(value, 'n', size);
        CHECK_EQ(mk_store_put(store, text("k"), (mk_slice_t){value, size}, 0, take_answer, &answer), MK_OK);
        wait_for(&answer);
        bool over = !mk_fake_disk_is_off();
        if (over) CHECK_EQ(answer.err, MK_OK);
        if (over) CHECK_EQ(mk_fake_disk_points() - at, calls);
        CHECK(over || answer.err != MK_OK);
        close_store();
        mk_fake_disk_power_on(skip);
        open_store();
        const char *now = get("k");
        CHECK(strlen(now) == size || (!over && strcmp(now, "old") == 0));
        close_store();
        if (over) return;
    }
    CHECK(false);
}

TEST(each_call_to_the_disk_may_fail_and_the_value_is_the_old_or_the_new_one) {
    fail_at_each_call(2000, 3); /* write, sync, settle                                */
    fail_at_each_call(6000, 4); /* a large one is written aside: write, sync, rename, settle */
}

/* ---- files that cannot be read ---- */

static void make_unreadable(const char *name, unsigned slot, mk_err_t err) {
    char file[FILE_NAME_BYTES];
    mk_store_file_name(text(name), mk_store_slot_char(slot), file);
    CHECK(mk_fake_disk_unreadable(FOLDER, file, err));
}

TEST(a_file_that_cannot_be_read_gives_the_value_before_it_and_all_others_work) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK); /* the first is written to the second slot */
    CHECK_EQ(put("k", "two"), MK_OK);
    CHECK_EQ(put("other", "x"), MK_OK);
    make_unreadable("k", 0, MK_ERR_IO);
    again();
    CHECK_STR(get("other"), "x");
    CHECK_STR(get("k"), "one");
    CHECK(strstr(complaint, "'k'") != NULL);
    CHECK_EQ(stats().unreadable, 1);
    CHECK_EQ(mk_fake_disk_files(FOLDER), 3); /* nothing is removed */
    CHECK_EQ(put("other", "y"), MK_OK);
    for (int i = 0; i < 4; i++) {
        char value[8];
        snprintf(value, sizeof value, "new %d", i);
        CHECK_EQ(put("k", value), MK_OK);
        CHECK_STR(get("k"), value);
    }
    again();
    CHECK_STR(get("k"), "new 3");
    CHECK_EQ(stats().unreadable, 0); /* another file has taken its place */
    close_store();
}

TEST(what_is_put_while_a_later_file_cannot_be_read_wins_when_it_can_be_again) {
    fresh();
    CHECK_EQ(put("other", "x"), MK_OK);
    CHECK_EQ(put("k", "one"), MK_OK);
    for (int i = 0; i < 100; i++) CHECK_EQ(put("k", i % 2 == 0 ? "even" : "odd"), MK_OK);
    make_unreadable("other", 1, MK_ERR_IO);
    make_unreadable("k", 0, MK_ERR_IO);
    make_unreadable("k", 1, MK_ERR_IO);
    again();
    CHECK_STR(get("k"), "IO"); /* all that is there cannot be read: better none than one that says it is empty */
    CHECK_EQ(put("k", "x"), MK_ERR_IO);
    make_unreadable("other", 1, MK_OK);
    again();
    CHECK_STR(get("other"), "x");
    CHECK_STR(get("k"), "IO"); /* not NOTFOUND: it may be there */
    CHECK_EQ(drop("k"), MK_ERR_IO);
    CHECK_STR(get("nothing"), "NOTFOUND");
    CHECK_EQ(put("k", "new"), MK_OK);
    CHECK_STR(get("k"), "new");
    make_unreadable("k", 0, MK_OK);
    again();
    CHECK_STR(get("k"), "new");
    close_store();
}

TEST(a_name_that_is_gone_but_for_a_file_that_cannot_be_read_is_left_as_it_is) {
    fresh();
    CHECK_EQ(put("other", "x"), MK_OK);
    CHECK_EQ(put("k", "one"), MK_OK);
    CHECK_EQ(drop("k"), MK_OK);
    CHECK_EQ(put("k", "two"), MK_OK); /* beside the file that says that it is gone */
    CHECK_EQ(mk_fake_disk_files(FOLDER), 3);
    make_unreadable("k", 1, MK_ERR_DENIED);
    again();
    CHECK_STR(get("k"), "IO");
    for (int i = 0; i < 4; i++) CHECK_EQ(put("other", "y"), MK_OK);
    CHECK_EQ(mk_fake_disk_files(FOLDER), 4); /* both of k, both of the other */
    make_unreadable("k", 1, MK_OK);
    again();
    CHECK_STR(get("k"), "two");
    close_store();
}

TEST(where_it_cannot_be_made_sure_that_what_was_found_lasts_nothing_is_written_over) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK);
    close_store();
    mk_fake_disk_fail(1, MK_ERR_IO);
    open_store();
    CHECK_STR(get("k"), "one");
    CHECK(strstr(complaint, "can only be read") != NULL);
    CHECK_EQ(put("k", "two"), MK_ERR_IO);
    CHECK_EQ(put("new", "two"), MK_ERR_IO);
    CHECK_EQ(drop("k"), MK_ERR_IO);
    CHECK_EQ(stats().names, 1);
    again();
    CHECK_EQ(put("k", "two"), MK_OK);
    close_store();
}

TEST(a_second_store_in_the_same_folder_is_refused) {
    fresh();
    CHECK_EQ(put("k", "one"), MK_OK);
    mk_store_t       *other;
    mk_store_config_t config = {.folder = FOLDER};
    answer_t          answer = {0};
    CHECK_EQ(mk_store_open(&loop, &config, &other), MK_OK);
    CHECK_EQ(mk_store_get(other, text("k"), take_answer, &answer), MK_OK);
    wait_for(&answer);
    CHECK_EQ(answer.err, MK_ERR_BUSY);
    mk_store_close(other);
    CHECK_STR(get("k"), "one");
    close_store();
}

/* Of a request for ten bytes under a name of one. */
enum { WEIGHT = sizeof(request_t) + 11 };

TEST(limits_are_kept_and_named) {
    fresh();
    close_store();
    open_store_with(
        (mk_store_config_t){.value_bytes_max = 10, .names_max = 2, .bytes_max = 20, .waiting_bytes_max = 2 * WEIGHT});
    CHECK_EQ(mk_store_put(store, text("k"), text("eleven bytes"), 0, NULL, NULL), MK_ERR_TOOLONG);
    CHECK_EQ(put("a", "0123456789"), MK_OK);
    CHECK_EQ(put("b", "0123456789"), MK_ERR_LIMIT);
    CHECK_EQ(put("b", "0123"), MK_OK);
    CHECK_EQ(put("c", ""), MK_ERR_LIMIT);
    CHECK_EQ(drop("b"), MK_OK);
    CHECK_EQ(put("c", "1"), MK_OK);
    CHECK_EQ(put("a", "012345678"), MK_OK);
    CHECK_EQ(mk_store_put(store, text("a"), text("0123456789"), 0, NULL, NULL), MK_OK);
    CHECK_EQ(mk_store_put(store, text("a"), text("0123456789"), 0, NULL, NULL), MK_OK);
    CHECK_EQ(mk_store_put(store, text("a"), text("0123456789"), 0, NULL, NULL), MK_ERR_FULL);
    close_store();
}

TEST(requests_without_values_are_memory_too) {
    unsigned n = 0;
    fresh();
    close_store();
    open_store_with((mk_store_config_t){.waiting_bytes_max = 1 << 20});
    while (n < 100000 && mk_store_get(store, text("k"), NULL, NULL) == MK_OK) n++;
    CHECK(n > 1000 && n < (1 << 20) / sizeof(request_t) + 1);
    close_store();
}

TEST(large_values_are_read_a_few_at_a_time) {
    enum { LARGE = 2 << 20, GETS = 8 };
    static answer_t answer[GETS];
    static char     name[2] = "a";
    uint8_t        *value = calloc(1, LARGE);
    CHECK(value != NULL);
    fresh();
    for (int i = 0; i < GETS; i++) {
        name[0] = (char)('a' + i);
        CHECK_EQ(mk_store_put(store, text(name), (mk_slice_t){value, LARGE - 64}, 0, NULL, NULL), MK_OK);
        CHECK_STR(get("nothing"), "NOTFOUND");
    }
    uint64_t before = stats().batches;
    memset(answer, 0, sizeof answer);
    for (int i = 0; i < GETS; i++) {
        name[0] = (char)('a' + i);
        CHECK_EQ(mk_store_get(store, text(name), take_answer, &answer[i]), MK_OK);
    }
    wait_for(&answer[GETS - 1]);
    CHECK_EQ(answer[0].size, LARGE - 64);
    CHECK_EQ(stats().batches - before, GETS / 2); /* 4 MiB at a time */
    free(value);
    close_store();
}

TEST(what_was_put_before_closing_is_kept_though_nobody_hears_of_it) {
    fresh();
    answer_t answer = {0};
    CHECK_EQ(mk_store_put(store, text("k"), text("last words"), 0, take_answer, &answer), MK_OK);
    CHECK_EQ(mk_store_put(store, text("k"), text("very last words"), 0, take_answer, &answer), MK_OK);
    again();
    CHECK(!answer.come);
    CHECK_STR(get("k"), "very last words");
    close_store();
}

static void close_inside(void *arg, mk_err_t err, const uint8_t *value, size_t size, uint64_t mark) {
    (void)arg, (void)value, (void)size, (void)mark;
    CHECK_EQ(err, MK_OK);
    mk_store_close(store);
}

TEST(it_may_be_closed_from_inside_of_an_answer) {
    fresh();
    answer_t answer = {0};
    CHECK_EQ(mk_store_put(store, text("a"), text("1"), 0, close_inside, NULL), MK_OK);
    CHECK_EQ(mk_store_put(store, text("b"), text("2"), 0, take_answer, &answer), MK_OK);
    for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
    mk_loop_fini(&loop);
    CHECK(!answer.come);
    open_store();
    CHECK_STR(get("b"), "2");
    close_store();
}

TEST(who_is_forgotten_hears_nothing) {
    fresh();
    answer_t gone = {0}, stays = {0};
    CHECK_EQ(mk_store_put(store, text("a"), text("1"), 0, take_answer, &gone), MK_OK);
    CHECK_EQ(mk_store_put(store, text("b"), text("1"), 0, take_answer, &stays), MK_OK);
    mk_store_forget(store, &gone);
    wait_for(&stays);
    CHECK(!gone.come);
    CHECK_STR(get("a"), "1");
    close_store();
}

/* Whatever allocation fails, the store answers, and what it has acknowledged is there. */
TEST(each_allocation_may_fail) {
    for (unsigned n = 1;; n++) {
        mk_fake_reset(1);
        mk_fake_disk_reset();
        complaints = 0;
        CHECK_EQ(mk_loop_init(&loop), MK_OK);
        mk_store_config_t config = {.folder = FOLDER, .log = hear};
        answer_t          a = {0}, b = {0}, c = {0};
        oom_arm(n);
        mk_err_t opened = mk_store_open(&loop, &config, &store), one = MK_ERR_IO, two = MK_ERR_IO, three = MK_ERR_IO;
        if (opened == MK_OK) {
            one = mk_store_put(store, text("k"), text("one"), 0, take_answer, &a);
            for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
            two = mk_store_put(store, text("k"), text("two"), 0, take_answer, &b);
            for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
            three = mk_store_get(store, text("k"), take_answer, &c);
            for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
        }
        bool hit = oom_disarm();
        CHECK_EQ(a.come, one == MK_OK);
        CHECK_EQ(b.come, two == MK_OK);
        CHECK_EQ(c.come, three == MK_OK);
        if (opened == MK_OK) mk_store_close(store);
        mk_loop_fini(&loop);
        bool kept = b.come && b.err == MK_OK;
        open_store();
        CHECK(!kept || strcmp(get("k"), "two") == 0);
        close_store();
        if (!hit) break;
    }
}
