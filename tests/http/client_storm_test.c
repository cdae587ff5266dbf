/* SPDX-License-Identifier: Apache-2.0 */
/* Many fetches at a time on bad networks, from servers that say what nobody expects: each ends once, what is told as whole is whole,
 * and nothing is left. */
#include "http/client_rig.h"
#include "rig/random.h"

static const reply_t answers[] = {
    {"GET /length ", "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz", STAYS, 0},
    {"GET /chunked ",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", STAYS, 0},
    {"GET /slow ", "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz", STAYS, 9},
    {"GET /until-close ", "HTTP/1.1 200 OK\r\n\r\nabcdefghijklmnopqrstuvwxyz", FINISHES, 0},
    {"GET /once ", "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz", FINISHES, 0},
    {"GET /redirect ", "HTTP/1.1 302 X\r\nLocation: /chunked\r\nContent-Length: 3\r\n\r\nxyz", STAYS, 0},
    {"GET /across ", "HTTP/1.1 307 X\r\nLocation: //b.test/slow\r\nContent-Length: 0\r\n\r\n", STAYS, 0},
    {"GET /reset ", "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdef", RESETS, 2},
    {0},
};

static const char *const urls[] = {"http://a.test/length",      "http://a.test/chunked", "http://b.test/slow",
                                   "http://a.test/until-close", "http://b.test/once",    "http://a.test/redirect",
                                   "http://a.test/across",      "http://b.test/reset"};

enum { FETCHES = 24, URLS = sizeof urls / sizeof urls[0] };

static void bad_network(rig_random_t *dice) {
    mk_fake_net_t  config = {.read_max = 1 + rig_random_below(dice, 40), .write_max = 1 + rig_random_below(dice, 40)};
    mk_fake_link_t link = {.latency_us = rig_random_below(dice, 20000), .jitter_us = rig_random_below(dice, 20000)};
    mk_addr_t      any = {0};
    mk_fake_net(&config);
    mk_fake_link(&any, &any, &link);
}

/* Something happens to one of them. */
static void befall(rig_random_t *dice, got_t *got) {
    switch (rig_random_below(dice, 8)) {
    case 0: mk_fetch_pause(got->fetch); break;
    case 1: mk_fetch_cancel(got->fetch), got->fetch = NULL, got->fails = 1, got->why = MK_ERR_CLOSED; break;
    case 2:
        if (server.guests != 0) {
            guest_t *g = &server.guest[rig_random_below(dice, server.guests)];
            (void)guest_survives(g, false);
        }
        break;
    default: mk_fetch_resume(got->fetch); break;
    }
}

TEST(in_a_storm_each_fetch_ends_once) {
    static got_t got[FETCHES];
    unsigned     whole = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        rig_random_t dice = {seed};
        open_stage(answers);
        bad_network(&dice);
        mk_client_pool(client, 1 + rig_random_below(&dice, 4), 1 + rig_random_below(&dice, 4), 0);
        memset(got, 0, sizeof got);
        for (size_t i = 0; i < FETCHES; i++) {
            got[i].take_max = rig_random_below(&dice, 3) == 0 ? 1 + rig_random_below(&dice, 30) : 0;
            begin(&got[i], urls[rig_random_below(&dice, URLS)]);
            for (unsigned n = rig_random_below(&dice, 6); n > 0; n--) mk_loop_run(stage, 3000);
        }
        for (int round = 0; round < 400; round++) {
            got_t *one = &got[rig_random_below(&dice, FETCHES)];
            if (one->fetch != NULL) befall(&dice, one);
            mk_loop_run(stage, 2000);
        }
        for (int round = 0; round < 4000; round++) {
            bool left = false;
            for (size_t i = 0; i < FETCHES; i++) {
                if (got[i].fetch != NULL) mk_fetch_resume(got[i].fetch), left = true;
            }
            if (!left) break;
            mk_loop_run(stage, 50000);
        }
        for (size_t i = 0; i < FETCHES; i++) {
            CHECK_EQ(got[i].ends + got[i].fails, 1);
            CHECK(got[i].heads <= 1);
            whole += got[i].ends;
            CHECK(got[i].ends == 0 || body_is(&got[i], "abcdefghijklmnopqrstuvwxyz"));
            forget(&got[i]);
        }
        close_stage();
    }
    CHECK(whole > 0); /* a single storm may leave nothing whole */
}

/* ---- answers that somebody has chewed on ------------------------------------------------------------------------- */

static void chew(rig_random_t *dice, char *text, size_t *size) {
    static const char bits[] = "\r\n :;0123456789abcHTP/\x01\xff,-";
    for (unsigned n = rig_random_below(dice, 4); n > 0 && *size > 0; n--) {
        size_t at = rig_random_below(dice, (uint32_t)*size);
        switch (rig_random_below(dice, 3)) {
        case 0: text[at] = bits[rig_random_below(dice, sizeof bits - 1)]; break;
        case 1: memmove(text + at, text + at + 1, --*size - at); break;
        default: *size = at; break;
        }
    }
    text[*size] = '\0';
}

TEST(chewed_answers_do_no_harm) {
    rig_random_t dice = {7};
    for (int i = 0; i < 3000; i++) {
        char           text[256];
        const reply_t *from = &answers[rig_random_below(&dice, URLS)];
        reply_t        table[] = {{"GET ", text, from->then, 0}, {0}};
        size_t         size = strlen(from->says);
        got_t          got = {.take_max = rig_random_below(&dice, 3)};
        memcpy(text, from->says, size);
        chew(&dice, text, &size);
        open_stage(table);
        mk_fetch_options_t options = {.url = "http://a.test/", .response_ms = 500, .body_ms = 500, .redirects_max = 2};
        begin_opts(&got, &options);
        for (int n = 0; n < 200 && !over(&got); n++) {
            if (got.fetch != NULL) mk_fetch_resume(got.fetch);
            mk_loop_run(stage, 50000);
        }
        CHECK_EQ(got.ends + got.fails, 1);
        forget(&got);
        close_stage();
    }
}
