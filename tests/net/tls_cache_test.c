/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_cache.h"

#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/rig.h"

/* What is remembered here are addresses of these; 1 when it was dropped. */
static int dropped[MK_TLS_CACHE_MAX + 10];

static void drop(void *session) { ++*(int *)session; }

static const char *name(int i) {
    static char text[24];
    snprintf(text, sizeof(text), "peer-%d", i);
    return text;
}

static void begin(mk_tls_cache_t *cache) {
    memset(dropped, 0, sizeof(dropped));
    mk_tls_cache_init(cache, drop);
}

TEST(a_session_is_found_by_its_peer_until_forgotten) {
    mk_tls_cache_t cache;
    begin(&cache);
    CHECK(mk_tls_cache_find(&cache, "a") == NULL);
    mk_tls_cache_put(&cache, "a", &dropped[0]);
    mk_tls_cache_put(&cache, "b", &dropped[1]);
    CHECK(mk_tls_cache_find(&cache, "a") == &dropped[0]);
    CHECK(mk_tls_cache_find(&cache, "b") == &dropped[1]);
    mk_tls_cache_put(&cache, "a", &dropped[2]); /* in place of the first */
    CHECK(mk_tls_cache_find(&cache, "a") == &dropped[2]);
    CHECK_EQ(dropped[0], 1);
    mk_tls_cache_forget(&cache, "a");
    mk_tls_cache_forget(&cache, "a");
    CHECK(mk_tls_cache_find(&cache, "a") == NULL);
    CHECK_EQ(dropped[2], 1);
    mk_tls_cache_fini(&cache);
    CHECK_EQ(dropped[1], 1);
}

TEST(the_peer_that_was_longest_away_makes_room) {
    mk_tls_cache_t cache;
    begin(&cache);
    for (int i = 0; i < MK_TLS_CACHE_MAX; i++) mk_tls_cache_put(&cache, name(i), &dropped[i]);
    CHECK(mk_tls_cache_find(&cache, name(0)) != NULL); /* so the second is next */
    for (int i = MK_TLS_CACHE_MAX; i < MK_TLS_CACHE_MAX + 3; i++) mk_tls_cache_put(&cache, name(i), &dropped[i]);
    CHECK_EQ(cache.n, MK_TLS_CACHE_MAX);
    CHECK_EQ(dropped[0], 0);
    for (int i = 1; i <= 3; i++) CHECK(dropped[i] == 1 && mk_tls_cache_find(&cache, name(i)) == NULL);
    CHECK_EQ(dropped[4], 0);
    mk_tls_cache_fini(&cache);
    for (int i = 0; i < MK_TLS_CACHE_MAX + 3; i++) CHECK_EQ(dropped[i], 1);
}

TEST(a_session_of_yesterday_is_forgotten) {
    mk_tls_cache_t cache;
    begin(&cache);
    mk_tls_cache_put(&cache, "a", &dropped[0]);
    mk_fake_advance_us(24ull * 3600 * 1000000);
    CHECK(mk_tls_cache_find(&cache, "a") != NULL);
    mk_fake_advance_us(1);
    CHECK(mk_tls_cache_find(&cache, "a") == NULL);
    CHECK_EQ(dropped[0], 1);
    mk_tls_cache_fini(&cache);
}

TEST(without_memory_a_session_is_dropped) {
    mk_tls_cache_t cache;
    begin(&cache);
    mk_tls_cache_put(&cache, "a", &dropped[0]);
    oom_arm_all();
    mk_tls_cache_put(&cache, "b", &dropped[1]);
    mk_tls_cache_put(&cache, "a", &dropped[2]);
    oom_disarm();
    CHECK(dropped[0] == 1 && dropped[1] == 1 && dropped[2] == 1);
    CHECK_EQ(cache.n, 0);
    mk_tls_cache_fini(&cache);
}
