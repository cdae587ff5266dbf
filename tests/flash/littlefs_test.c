/* SPDX-License-Identifier: Apache-2.0 */
/* littlefs_test.c -- the disk of chips over the real littlefs, and a store on it: full, with bits that flip, and what it costs. */
#define put put_file
#define get get_file
#include "port/disk_contract.h"
#undef put
#undef get

#include "flash/littlefs_play.h"
#include "rig/random.h"

static void begin(void) {
    fresh_flash();
    strcpy(folder, FLASH_MOUNT "/made");
    CHECK_EQ(mk_disk_open(folder, &disk), MK_OK);
}

static void end(void) {
    CHECK_EQ(mk_disk_list(disk, remove_it, NULL), MK_OK);
    CHECK_EQ(count(), 0);
    mk_disk_close(disk);
}

TEST(a_folder_that_is_none_says_so) {
    mk_disk_t *other;
    begin();
    CHECK_EQ(put_file("file", "x"), MK_OK);
    CHECK_EQ(mk_disk_open(FLASH_MOUNT "/no/such", &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open(FLASH_MOUNT "/made/file", &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open("/elsewhere", &other), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_disk_open(FLASH_MOUNT, &other), MK_OK);
    mk_disk_close(other);
    end();
}

TEST(what_a_call_has_answered_is_on_the_flash) {
    begin();
    CHECK_EQ(put_file("a", "first"), MK_OK);
    littlefs_remount();
    CHECK_STR(get_file("a"), "first");
    CHECK_EQ(put_file("b", "second"), MK_OK);
    CHECK_EQ(mk_disk_rename(disk, "b", "a"), MK_OK);
    littlefs_remount();
    CHECK_STR(get_file("a"), "second");
    CHECK_EQ(mk_disk_remove(disk, "a"), MK_OK);
    littlefs_remount();
    CHECK_STR(get_file("a"), "NOTFOUND");
    end();
}

/* ---- a store ---- */

static char *filled(char *value, size_t size, char with) {
    memset(value, with, size);
    value[size] = '\0';
    return value;
}

static unsigned fill_up(size_t size) {
    static char value[5001];
    char        name[16];
    for (unsigned n = 0;; n++) {
        snprintf(name, sizeof name, "n%u", n);
        mk_err_t err = put(name, filled(value, size, (char)('a' + n % 26)));
        if (err == MK_OK) continue;
        CHECK_EQ(err, MK_ERR_FULL);
        CHECK(n > 8);
        return n;
    }
}

static void check_full(unsigned n, size_t size) {
    static char value[5001];
    char        name[16];
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "n%u", i);
        CHECK_STR(get(name), filled(value, size, (char)('a' + i % 26)));
    }
}

TEST(a_full_flash_says_so_keeps_what_it_has_and_can_be_emptied) {
    static const size_t sizes[] = {10, 300, 1500, 5000};
    static char         value[5001];
    char                name[16];
    for (unsigned s = PATIENCE > 2 ? 0 : 2; s < 4; s++) {
        fresh();
        unsigned n = fill_up(sizes[s]);
        check_full(n, sizes[s]);
        boot();
        check_full(n, sizes[s]);
        for (unsigned i = 0; i < n; i++) {
            snprintf(name, sizeof name, "n%u", i);
            CHECK_EQ(drop(name), MK_OK);
            CHECK_STR(get(name), "NOTFOUND");
        }
        CHECK_EQ(put("after", filled(value, sizes[s], 'z')), MK_OK);
        boot();
        CHECK_STR(get("n0"), "NOTFOUND");
        CHECK_STR(get("after"), filled(value, sizes[s], 'z'));
        CHECK(fill_up(sizes[s]) + 8 >= n); /* the room is there again */
        close_store();
    }
}

/* Where these bytes lie on the flash; there is one such place. */
static uint8_t *lies_at(const char *bytes) {
    size_t   size = strlen(bytes), all = nor_block_bytes() * nor_blocks();
    uint8_t *from = nor_bytes(), *at = memmem(from, all, bytes, size);
    CHECK(at != NULL && memmem(at + 1, all - (size_t)(at + 1 - from), bytes, size) == NULL);
    return at;
}

TEST(a_bit_that_flips_in_a_value_is_noticed_and_the_value_before_is_used) {
    static char one[2001], two[2001];
    for (unsigned bit = 0; bit < 6 * PATIENCE; bit++) {
        fresh();
        filled(one, 2000, '1');
        filled(two, 2000, '2');
        memcpy(two + bit * 33, "here", 4);
        CHECK_EQ(put("k", one), MK_OK);
        CHECK_EQ(put("k", two), MK_OK);
        *lies_at("here") ^= (uint8_t)(1u << bit % 8);
        boot();
        CHECK_STR(get("k"), one);
        CHECK(complaints != 0);
        CHECK_EQ(put("k", "three"), MK_OK);
        boot();
        CHECK_STR(get("k"), "three");
        close_store();
    }
}

/* Not in the value but in what leads from one of its blocks to the one before: to another block, or to none that there is. */
TEST(a_bit_that_flips_between_two_blocks_of_a_value_is_noticed_too) {
    static char one[7001], two[7001];
    for (unsigned bit = 0; bit < 32; bit++) {
        fresh();
        filled(one, 7000, '1');
        filled(two, 7000, '2');
        memcpy(two + 5000, "here", 4);
        CHECK_EQ(put("k", one), MK_OK);
        CHECK_EQ(put("k", two), MK_OK);
        size_t block = (size_t)(lies_at("here") - nor_bytes()) / 4096;
        nor_flip(block, bit);
        boot();
        CHECK_STR(get("k"), one);
        CHECK(complaints != 0);
        CHECK_EQ(put("k", "three"), MK_OK);
        boot();
        CHECK_STR(get("k"), "three");
        close_store();
    }
}

/* What a flip in littlefs' own notes can do is its business: it may forget what came later, or not be there at all. But no value is ever
 * wrong. */
TEST(whatever_bit_flips_no_value_is_ever_wrong) {
    enum { FLIPS = 25 * PATIENCE };
    static uint8_t before[64 * 4096];
    static char    value[6][8000];
    unsigned       right = 0, earlier = 0, gone = 0, refused = 0, silent = 0;
    fresh();
    for (unsigned i = 0; i < 6; i++) {
        char name[4] = {'n', (char)('0' + i), '\0'};
        for (int c = 'a'; c <= 'c'; c++) CHECK_EQ(put(name, filled(value[i], 5 + 40 * i * i * i, (char)c)), MK_OK);
    }
    close_store();
    memcpy(before, nor_bytes(), sizeof before);
    rig_random_t r = {.state = 7};
    for (unsigned turn = 0; turn < FLIPS; turn++) {
        size_t byte;
        do byte = rig_random_below(&r, sizeof before);
        while (before[byte] == 0xFF); /* where something was written */
        nor_flip(byte / 4096, byte % 4096 * 8 + rig_random_below(&r, 8));
        littlefs_remount();
        complaints = 0;
        open_store();
        unsigned right_before = right;
        for (unsigned i = 0; i < 6; i++) {
            char        name[4] = {'n', (char)('0' + i), '\0'};
            const char *now = get(name);
            if (strcmp(now, value[i]) == 0) right++;
            else if (strcmp(now, "NOTFOUND") == 0) gone++;
            else if (strcmp(now, "FORMAT") == 0 || strcmp(now, "IO") == 0) refused++;
            else {
                CHECK(strlen(now) == strlen(value[i]) && (now[0] == 'a' || now[0] == 'b'));
                CHECK(strspn(now, now[0] == 'a' ? "a" : "b") == strlen(now));
                earlier++;
            }
        }
        silent += right - right_before != 6 && complaints == 0;
        close_store();
        memcpy(nor_bytes(), before, sizeof before);
    }
    printf(
        "%u flips, each with 6 values: %u right, %u the one before, %u gone, %u refused; %u flips said nothing of it\n",
        FLIPS, right, earlier, gone, refused, silent);
    CHECK(right > FLIPS * 6 / 2);
}

/* ---- what it costs ---- */

static void measure(const char *what, const geometry_t *with, size_t bytes, unsigned names) {
    enum { PUTS = 100 * PATIENCE };
    static char value[5001];
    geometry = with;
    fresh();
    char name[16];
    for (unsigned i = 0; i < 2 * names; i++) { /* both of its files are there */
        snprintf(name, sizeof name, "n%u", i % names);
        CHECK_EQ(put(name, filled(value, bytes, 'a')), MK_OK);
    }
    lfs_ssize_t used = lfs_fs_size(littlefs());
    nor_stats_t a = nor_stats();
    for (unsigned i = 0; i < PUTS; i++) {
        snprintf(name, sizeof name, "n%u", i % names);
        CHECK_EQ(put(name, filled(value, bytes, (char)('a' + i % 26))), MK_OK);
    }
    nor_stats_t b = nor_stats();
    printf("%-28s %5zu bytes, %3u names: %6.0f bytes a name, %5.2f erases, %6.0f bytes programmed, %7.0f read a put; "
           "most in a block %u\n",
           what, bytes, names, (double)used * (double)with->block_bytes / names, (double)(b.erases - a.erases) / PUTS,
           (double)(b.program_bytes - a.program_bytes) / PUTS, (double)(b.read_bytes - a.read_bytes) / PUTS,
           nor_most_erased());
    CHECK((b.erases - a.erases) < 4 * PUTS);
    close_store();
    geometry = &of_a_chip;
}

TEST(what_a_put_costs) {
    static const geometry_t large = {4096, 256, {0}}, not_inline = {4096, 256, {.inline_max = (lfs_size_t)-1}},
                            wide = {4096, 256, {.cache_size = 4096, .inline_max = 512}},
                            ahead = {4096, 256, {.lookahead_size = 16}},
                            fine = {4096, 256, {.read_size = 16, .prog_size = 16}};
    measure("a chip's defaults", &large, 10, 1);
    measure("a chip's defaults", &large, 10, 20);
    measure("a chip's defaults", &large, 100, 20);
    measure("a chip's defaults", &large, 300, 20);
    measure("a chip's defaults", &large, 1000, 20);
    measure("a chip's defaults", &large, 5000, 20);
    measure("a cache of 4096", &wide, 100, 20);
    measure("programs of 16", &fine, 100, 20);
    measure("nothing inline", &not_inline, 100, 20);
    measure("looking 128 blocks ahead", &ahead, 1000, 20);
}
