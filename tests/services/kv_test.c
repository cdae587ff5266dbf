/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel/local_kv.h"

#include "microkernel/service_messages.h"
#include "port/fake/fake_disk.h"
#include "runtime/play.h"

static actor_id_t kv;
static part_t     a;
static char       answer[8192];
static unsigned   answers;
static char       collected[400]; /* all answers, each with a comma */

static bool hear(part_t *part, message_t *msg) {
    (void)part;
    answers++;
    CHECK_EQ(msg->source, kv);
    snprintf(answer, sizeof answer, "%u %.*s", (unsigned)msg->type, (int)msg->payload_size,
             msg->payload_size != 0 ? (const char *)msg->payload : "");
    if (strlen(collected) + strlen(answer) + 2 < sizeof collected) strcat(strcat(collected, answer), ",");
    return true;
}

static void settle_all(void) {
    for (int i = 0; i < 10; i++) {
        settle();
        (void)runtime_wait(rt, 0);
    }
}

static const local_kv_config_t *config;

static void up(void) {
    static const local_kv_config_t plain = {.base_path = "disk"};
    curtain_up(NULL);
    enter(&a);
    a.on = hear;
    kv = local_kv_init(rt, config != NULL ? config : &plain);
    CHECK(kv != ACTOR_ID_INVALID);
    settle_all();
}

static void begin(void) {
    config = NULL;
    mk_fake_disk_reset();
    up();
}

typedef struct asking {
    msg_type_t  type;
    const char *text;
    size_t      size;
} asking_t;
static asking_t asking;
static unsigned taken;

static bool send_it(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    taken += actor_send(rt, kv, asking.type, asking.text, asking.size);
    return true;
}

static void tell(msg_type_t type, const char *text) {
    asking = (asking_t){type, text, strlen(text)};
    in(&a, send_it, 0);
}

static const char *ask_kv(msg_type_t type, const char *text) {
    unsigned before = answers;
    tell(type, text);
    settle_all();
    CHECK_EQ(answers, before + 1);
    return answer;
}

TEST(its_folder_may_have_a_long_path) {
    static char                    path[201];
    static const local_kv_config_t far = {.folder = path};
    memset(path, 'p', sizeof path - 1);
    mk_fake_disk_reset();
    config = &far;
    up();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=x"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 x");
    CHECK(mk_fake_disk_files(path) != 0);
    CHECK(local_kv_init(rt, &(local_kv_config_t){.base_path = ""}) == ACTOR_ID_INVALID);
    CHECK(local_kv_init(rt, &(local_kv_config_t){.folder = ""}) == ACTOR_ID_INVALID);
    curtain_down();
}

TEST(what_was_put_is_got_and_survives_a_restart) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nttl=0\nvalue=one\ntwo"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 one\ntwo");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a\n"), "311 one\ntwo");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=e\nvalue="), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=e"), "311 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=b"), "315 ");
    CHECK_STR(ask_kv(MSG_CF_KV_DELETE, "key=b"), "315 ");
    curtain_down();
    mk_fake_disk_power_on(5);
    up();
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 one\ntwo");
    CHECK_STR(ask_kv(MSG_CF_KV_DELETE, "key=a"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "315 ");
    curtain_down();
}

TEST(keys_are_listed_by_prefix_in_order_and_page_by_page) {
    begin();
    static const char *const keys[] = {"b/2", "a", "b/1", "b/3"};
    char                     text[64];
    for (unsigned i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "key=%s\nvalue=v", keys[i]);
        CHECK_STR(ask_kv(MSG_CF_KV_PUT, text), "310 ");
    }
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, ""), "313 a\nb/1\nb/2\nb/3\n");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, "prefix=b/\nlimit=2"), "313 b/1\nb/2\n");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, "prefix=b/\nlimit=2\nafter=b/2\n"), "313 b/3\n");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, "prefix=c"), "313 ");
    curtain_down();
}

TEST(a_value_is_gone_when_its_time_has_come) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nttl=90\nvalue=v"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=b\nvalue=v"), "310 ");
    mk_fake_advance_us(89 * 1000000ull);
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 v");
    mk_fake_advance_us(1 * 1000000ull);
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "315 ");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, ""), "313 b\n");
    CHECK_EQ(mk_fake_disk_files("disk"), 2);
    mk_fake_advance_us(60 * 1000000ull); /* it is swept away */
    settle_all();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=c\nttl=1\nvalue=v"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=c\nttl=0\nvalue=stays"), "310 ");
    mk_fake_advance_us(180 * 1000000ull);
    settle_all();
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=c"), "311 stays");
    curtain_down();
}

TEST(expired_values_are_swept_away_however_many_there_are) {
    char text[40];
    begin();
    for (int i = 0; i < 600; i++) {
        snprintf(text, sizeof text, "key=k%d\nttl=1\nvalue=v", i);
        CHECK_STR(ask_kv(MSG_CF_KV_PUT, text), "310 ");
    }
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=stays\nvalue=v"), "310 ");
    CHECK(mk_fake_disk_files("disk") > 600);
    mk_fake_advance_us(60 * 1000000ull);
    for (int i = 0; i < 4; i++) settle_all();
    CHECK(mk_fake_disk_files("disk") < 100); /* some still say that a name is gone */
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=stays"), "311 v");
    curtain_down();
}

static bool send_swap_and_many(part_t *part, uint64_t n) {
    (void)part;
    static const char swap[] = "key=a\nold=1\nvalue=12";
    CHECK(actor_send(rt, kv, MSG_CF_KV_SWAP, swap, sizeof swap - 1));
    while (n-- > 0) CHECK(actor_send(rt, kv, asking.type, asking.text, asking.size));
    return true;
}

TEST(what_waits_behind_a_swap_is_limited_in_bytes) {
    static char text[(512 << 10) + 20];
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1"), "310 ");
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "key=a\nvalue=", 12);
    asking = (asking_t){MSG_CF_KV_PUT, text, sizeof text - 1};
    for (unsigned again = 0; again < 2; again++) { /* what waited waits no more */
        unsigned before = answers, refused = 0;
        collected[0] = '\0';
        in(&a, send_swap_and_many, 20);
        settle_all();
        CHECK_EQ(answers, before + 21);
        CHECK(strncmp(collected, "316 too much", 12) == 0); /* at once, not when the swap is over */
        for (const char *at = collected; (at = strstr(at, "316 too much is waiting for the disk,")) != NULL; at++)
            refused++;
        CHECK_EQ(refused, 5); /* 15 of them are 8 MiB */
    }
    curtain_down();
}

TEST(a_swap_happens_only_if_nothing_has_changed) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=none\nvalue=1"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=none\nvalue=2"), "316 changed");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=1\nvalue=12"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=1\nvalue=13"), "316 changed");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 2");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=9\nvalue=12"),
              "316 old is none, or how many bytes of value are the old one");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=b\nold=0\nvalue=x"), "316 changed");
    /* Two at a time: one of them wins, and what comes behind sees it. */
    unsigned before = answers;
    tell(MSG_CF_KV_SWAP, "key=n\nold=none\nvalue=first");
    tell(MSG_CF_KV_SWAP, "key=n\nold=none\nvalue=second");
    tell(MSG_CF_KV_PUT, "key=n\nvalue=third");
    tell(MSG_CF_KV_SWAP, "key=n\nold=5\nvalue=thirdfourth");
    tell(MSG_CF_KV_GET, "key=n");
    settle_all();
    CHECK_EQ(answers, before + 5);
    CHECK_STR(answer, "311 fourth");
    curtain_down();
}

static bool send_many(part_t *part, uint64_t unused) {
    static const struct {
        msg_type_t  type;
        const char *text;
    } all[] = {{MSG_CF_KV_PUT, "key=k\nvalue=1"},
               {MSG_CF_KV_SWAP, "key=k\nold=1\nvalue=12"},
               {MSG_CF_KV_GET, "key=k"},
               {MSG_CF_KV_SWAP, "key=k\nold=1\nvalue=13"},
               {MSG_CF_KV_SWAP, "key=k\nold=1\nvalue=24"},
               {MSG_CF_KV_GET, "key=k"},
               {MSG_CF_KV_PUT, "key=k\nvalue=5"},
               {MSG_CF_KV_SWAP, "key=k\nold=1\nvalue=56"},
               {MSG_CF_KV_GET, "key=k"}};
    (void)part, (void)unused;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        CHECK(actor_send(rt, kv, all[i].type, all[i].text, strlen(all[i].text)));
    return true;
}

TEST(what_waits_behind_swaps_goes_on_in_order_up_to_the_next) {
    begin();
    collected[0] = '\0';
    in(&a, send_many, 0);
    settle_all();
    settle_all();
    CHECK_STR(collected, "310 ,310 ,311 2,316 changed,310 ,311 4,310 ,310 ,311 6,");
    curtain_down();
}

TEST(what_is_asked_wrongly_is_answered_with_what_is_wrong) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a"), "316 value is missing");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "value=a"), "316 key is missing");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key="), "316 key is missing");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "kez=a"), "316 there is no such field");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "nonsense"), "316 lines of the form name=value are expected");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nttl=-1\nvalue=x"), "316 ttl is a number of seconds");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a\tb"), "316 a key is a line of 1 to 512 bytes");
    curtain_down();
}

TEST(a_full_disk_refuses_what_needs_room_and_can_be_emptied) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=b\nvalue=2"), "310 ");
    mk_fake_disk_space(0);
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=c\nvalue=3"), "316 the disk is full");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=4"), "316 the disk is full");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=1\nvalue=15"), "316 the disk is full");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=c"), "315 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 1");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, "prefix="), "313 a\nb\n");
    CHECK_STR(ask_kv(MSG_CF_KV_DELETE, "key=b"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, "prefix="), "313 a\n");
    mk_fake_disk_space(SIZE_MAX);
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=1\nvalue=15"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 5");
    curtain_down();
}

TEST(a_folder_that_is_read_only_gives_what_it_has) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1"), "310 ");
    curtain_down();
    mk_fake_disk_read_only(true);
    up();
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 1");
    CHECK_STR(ask_kv(MSG_CF_KV_LIST, "prefix="), "313 a\n");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=2"), "316 not permitted");
    CHECK_STR(ask_kv(MSG_CF_KV_DELETE, "key=a"), "316 not permitted");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=a\nold=1\nvalue=12"), "316 not permitted");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 1");
    curtain_down();
}

TEST(a_key_is_never_a_path_and_has_a_longest_length) {
    static const char *const names[] = {"..", "../../etc/passwd", "/", "a/../b", ".lock", "\xff\xfe"};
    char                     text[600], key[LOCAL_KV_KEY_BYTES_MAX + 2];
    begin();
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "key=%s\nvalue=%u", names[i], i);
        CHECK_STR(ask_kv(MSG_CF_KV_PUT, text), "310 ");
    }
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char want[20];
        snprintf(text, sizeof text, "key=%s", names[i]);
        snprintf(want, sizeof want, "311 %u", i);
        CHECK_STR(ask_kv(MSG_CF_KV_GET, text), want);
    }
    for (size_t i = 0; i < mk_fake_disk_files("disk"); i++)
        CHECK(strspn(mk_fake_disk_file("disk", i), "0123456789abcdef.") == 22);
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    snprintf(text, sizeof text, "key=%s\nvalue=x", key);
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, text), "316 a key is a line of 1 to 512 bytes");
    snprintf(text, sizeof text, "key=%s\nvalue=x", key + 1);
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, text), "310 ");
    curtain_down();
}

/* One name's damage is its own. */
TEST(a_flipped_bit_gives_the_value_before_it_and_a_file_that_cannot_be_read_none_but_its_own) {
    begin();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=2"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=b\nvalue=3"), "310 ");
    CHECK(mk_fake_disk_flip("disk", mk_fake_disk_file("disk", 1), 8 * 65));
    CHECK(mk_fake_disk_unreadable("disk", mk_fake_disk_file("disk", 2), MK_ERR_IO));
    curtain_down();
    up();
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 1");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=b"), "316 input or output failed");
    CHECK_STR(ask_kv(MSG_CF_KV_SWAP, "key=b\nold=none\nvalue=4"), "316 input or output failed");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=b\nvalue=4"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=b"), "311 4");
    curtain_down();
}

TEST(limits_are_kept) {
    static const local_kv_config_t small = {.base_path = "disk", .value_bytes_max = 4, .keys_max = 1};
    mk_fake_disk_reset();
    config = &small;
    up();
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=12345"), "316 the value is longer than allowed");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1234"), "310 ");
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=b\nvalue=1"), "316 a configured limit is reached");
    mk_fake_disk_fail(1, MK_ERR_FULL);
    CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1"), "316 the disk is full");
    CHECK_STR(ask_kv(MSG_CF_KV_GET, "key=a"), "311 1234");
    curtain_down();
}

TEST(each_allocation_may_fail_and_each_request_is_answered) {
    for (unsigned n = 1;; n++) {
        begin();
        CHECK_STR(ask_kv(MSG_CF_KV_PUT, "key=a\nvalue=1"), "310 ");
        answers = taken = 0;
        oom_arm(n);
        static const char *const requests[] = {"key=a\nvalue=2", "key=a\nold=1\nvalue=23", "key=a"};
        static const msg_type_t  types[] = {MSG_CF_KV_PUT, MSG_CF_KV_SWAP, MSG_CF_KV_GET};
        for (unsigned i = 0; i < 3; i++) {
            order_t order = {send_it, 0};
            asking = (asking_t){types[i], requests[i], strlen(requests[i])};
            if (!actor_send(rt, a.id, MSG_DO, &order, sizeof order)) continue;
            settle_all();
        }
        bool hit = oom_disarm();
        settle_all();
        CHECK(answers <= taken);
        CHECK(hit || answers == 3);
        CHECK(ask_kv(MSG_CF_KV_GET, "key=a")[0] == '3'); /* and it goes on */
        curtain_down();
        if (!hit) break;
    }
}
