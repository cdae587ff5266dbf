/* SPDX-License-Identifier: Apache-2.0 */
/* Streams on the fake network: writes taken in part, ends, resets, pauses, water marks, deadlines, and closing in every call. */
#include "net/net_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"

static pair_t pair;

static void open_pair(void) {
    mk_addr_t at = loopback(7000);
    mk_fake_reset(1);
    peer_kind.limits = (mk_stream_limits_t){0};
    pair = (pair_t){0};
    open_net();
    pair_open(&pair, &at);
}

/* All is given back, and nobody spins. */
static void close_pair(void) {
    pair_close(&pair);
    close_net();
    CHECK_EQ(mk_fake_sockets(), 0);
}

static void run_ms(unsigned ms) {
    uint64_t until_us = mk_port_now_us() + (uint64_t)ms * 1000;
    unsigned rounds = 0;
    while (mk_port_now_us() < until_us) {
        mk_loop_run(&loop, (int64_t)(until_us - mk_port_now_us()));
        CHECK(++rounds < 1000 + ms); /* else something spins */
    }
}

static void write_text(peer_t *peer, const char *text) {
    CHECK_EQ(mk_stream_write(&peer->stream, text, strlen(text)), MK_OK);
}

static void reset_peer(peer_t *peer) { mk_stream_reset(&peer->stream); }
static void close_peer(peer_t *peer) { mk_stream_close(&peer->stream); }

/* ---- bytes ------------------------------------------------------------------------------------------------------------ */

TEST(what_is_written_before_open_or_after_the_end_is_refused) {
    open_pair();
    mk_stream_t none = {0};
    CHECK_EQ(mk_stream_write(&none, "x", 1), MK_ERR_CLOSED);
    CHECK(!mk_stream_is_open(&none));
    mk_stream_close(&none);
    mk_stream_resume(&none);
    mk_stream_finish(&none);
    CHECK(mk_stream_is_open(&pair.a.stream));
    mk_stream_finish(&pair.a.stream);
    CHECK_EQ(mk_stream_write(&pair.a.stream, "x", 1), MK_ERR_CLOSED);
    mk_stream_close(&pair.a.stream);
    CHECK_EQ(mk_stream_write(&pair.a.stream, "x", 1), MK_ERR_CLOSED);
    CHECK(!mk_stream_is_open(&pair.a.stream));
    close_pair();
}

TEST(many_writes_of_a_round_leave_in_one_piece) {
    open_pair();
    for (int i = 0; i < 100; i++) write_text(&pair.a, "0123456789");
    write_text(&pair.a, "");
    RUN_UNTIL(pair.b.got.size == 1000);
    CHECK_EQ(pair.b.datas, 1);
    close_pair();
}

TEST(writes_taken_byte_by_byte_arrive_whole_and_in_order) {
    static uint8_t body[20000];
    for (size_t i = 0; i < sizeof body; i++) body[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t most = 1; most < 5000; most = most * 5 + 2) {
        open_pair();
        mk_fake_net(&(mk_fake_net_t){.write_max = most, .read_max = most * 2 + 1, .stream_bytes = 3 * most});
        size_t at = 0;
        for (size_t piece = 1; at < sizeof body; piece = piece * 3 + 1) {
            size_t     size = piece < sizeof body - at ? piece : sizeof body - at;
            mk_slice_t two[] = {{body + at, size / 3}, {body + at + size / 3, size - size / 3}};
            CHECK_EQ(piece % 2 == 0 ? mk_stream_write_slices(&pair.a.stream, two, 2)
                                    : mk_stream_write(&pair.a.stream, body + at, size),
                     MK_OK);
            at += size;
            if (piece % 4 == 0) mk_loop_run(&loop, 0);
        }
        CHECK(mk_stream_queued(&pair.a.stream) > 0);
        RUN_UNTIL(pair.b.got.size == sizeof body);
        CHECK(memcmp(pair.b.got.bytes, body, sizeof body) == 0);
        CHECK_EQ(mk_stream_queued(&pair.a.stream), 0);
        CHECK_EQ(pair.a.closes + pair.b.closes, 0);
        close_pair();
    }
}

static unsigned releases;
static void     release(void *owner) { *(unsigned *)owner += 1; }

TEST(shared_bytes_go_out_between_copied_ones_and_are_given_back_once) {
    static uint8_t large[30000];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (uint8_t)i;
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.write_max = 777});
    releases = 0;
    for (int i = 0; i < 100; i++) { /* more pieces than one call takes */
        write_text(&pair.a, "<");
        CHECK_EQ(mk_stream_write_shared(&pair.a.stream, large, 50, release, &releases), MK_OK);
        write_text(&pair.a, ">");
    }
    CHECK_EQ(mk_stream_write_shared(&pair.a.stream, large, sizeof large, release, &releases), MK_OK);
    CHECK_EQ(mk_stream_write_shared(&pair.a.stream, large, 0, release, &releases), MK_OK);
    CHECK_EQ(releases, 1); /* the empty one */
    RUN_UNTIL(pair.b.got.size == 5200 + sizeof large);
    CHECK_EQ(releases, 102);
    for (size_t i = 0; i < 100; i++) {
        const uint8_t *piece = pair.b.got.bytes + i * 52;
        CHECK(piece[0] == '<' && memcmp(piece + 1, large, 50) == 0 && piece[51] == '>');
    }
    CHECK(memcmp(pair.b.got.bytes + 5200, large, sizeof large) == 0);
    mk_fake_net(&(mk_fake_net_t){0});
    CHECK_EQ(mk_stream_write_shared(&pair.a.stream, large, 10, release, &releases), MK_OK);
    mk_stream_close(&pair.a.stream); /* unsent ones are given back too */
    CHECK_EQ(releases, 103);
    CHECK_EQ(mk_stream_write_shared(&pair.a.stream, large, 10, release, &releases), MK_ERR_CLOSED);
    CHECK_EQ(releases, 103);
    close_pair();
}

/* ---- ends --------------------------------------------------------------------------------------------------------------- */

TEST(one_side_may_go_on_after_the_other_has_finished) {
    open_pair();
    write_text(&pair.a, "question");
    mk_stream_finish(&pair.a.stream);
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.b.ends == 1);
    CHECK(got_is(&pair.b, "question"));
    for (int i = 0; i < 10; i++) {
        write_text(&pair.b, "answer");
        run_ms(100);
    }
    CHECK_EQ(pair.a.got.size, 60);
    CHECK_EQ(pair.a.ends + pair.a.closes + pair.b.closes, 0);
    mk_stream_finish(&pair.b.stream);
    RUN_UNTIL(pair.a.closes == 1 && pair.b.closes == 1);
    CHECK_EQ(pair.a.why, MK_OK);
    CHECK_EQ(pair.b.why, MK_OK);
    CHECK_EQ(pair.a.ends, 1);
    CHECK_STR(pair.a.text, "");
    close_pair();
}

TEST(an_end_with_much_still_queued_comes_after_it) {
    static char large[200000];
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.write_max = 10000});
    CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_OK);
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.b.ends == 1);
    CHECK_EQ(pair.b.got.size, sizeof large);
    close_pair();
}

TEST(a_peer_that_never_ends_is_left_at_the_deadline) {
    open_pair();
    uint64_t start_us = mk_port_now_us();
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.a.closes == 1);
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    CHECK(pair.a.text[0] != '\0');
    CHECK_EQ((mk_port_now_us() - start_us) / 1000, 5000);
    close_pair();
}

TEST(a_peer_that_goes_on_after_our_end_is_heard_as_long_as_it_speaks) {
    open_pair();
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.b.ends == 1);
    for (int i = 0; i < 10; i++) {
        run_ms(4000);
        write_text(&pair.b, "more");
    }
    RUN_UNTIL(pair.a.got.size == 40);
    CHECK_EQ(pair.a.closes, 0);
    RUN_UNTIL(pair.a.closes == 1);
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    close_pair();
    open_pair();
    mk_stream_finish_discarding(&pair.a.stream); /* but not if nobody listens */
    uint64_t start_us = mk_port_now_us();
    for (int i = 0; i < 40 && pair.a.closes == 0; i++) {
        run_ms(1000);
        if (mk_stream_is_open(&pair.b.stream)) write_text(&pair.b, "more");
    }
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    CHECK((mk_port_now_us() - start_us) / 1000000 <= 6);
    close_pair();
}

TEST(finishing_and_throwing_away_ends_with_the_peer) {
    open_pair();
    pair.b.take_max = 1;
    write_text(&pair.a, "a request that goes on and on");
    RUN_UNTIL(pair.b.datas == 1);
    write_text(&pair.b, "413");
    mk_stream_finish_discarding(&pair.b.stream);
    RUN_UNTIL(pair.a.ends == 1);
    CHECK(got_is(&pair.a, "413"));
    for (int i = 0; i < 5; i++) {
        write_text(&pair.a, "and on");
        run_ms(10);
    }
    CHECK_EQ(pair.b.datas, 1);
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.a.closes == 1 && pair.b.closes == 1);
    CHECK_EQ(pair.b.why, MK_OK);
    CHECK_EQ(pair.b.ends, 0);
    CHECK_EQ(pair.a.why, MK_OK);
    close_pair();
}

TEST(finishing_and_closing_waits_for_the_queue_only) {
    static char large[100000];
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.write_max = 9000});
    CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_OK);
    mk_stream_finish_closing(&pair.a.stream);
    RUN_UNTIL(pair.a.closes == 1);
    CHECK_EQ(pair.a.why, MK_OK);
    RUN_UNTIL(pair.b.ends == 1);
    CHECK_EQ(pair.b.got.size, sizeof large);
    close_pair();
}

/* ---- resets ---------------------------------------------------------------------------------------------------------------- */

typedef enum { IDLE, WRITING, PAUSED, PAUSED_WRITING, ENDED, FINISHED, ANSWERED, STATES } state_t;

static void enter(state_t state) {
    static char large[100000];
    switch (state) {
    case IDLE: break;
    case PAUSED_WRITING: mk_stream_pause(&pair.a.stream); /* fall through */
    case WRITING:
        mk_stream_pause(&pair.b.stream);
        CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_OK);
        run_ms(5);
        CHECK(mk_stream_queued(&pair.a.stream) != 0);
        break;
    case PAUSED: mk_stream_pause(&pair.a.stream); break;
    case ENDED:
        mk_stream_finish(&pair.b.stream);
        RUN_UNTIL(pair.a.ends == 1);
        run_ms(5); /* it has stopped to look for more */
        break;
    case FINISHED: mk_stream_finish(&pair.a.stream); break;
    case ANSWERED: /* said much, then reset: that is read first */
        CHECK_EQ(mk_stream_write(&pair.b.stream, large, 10000), MK_OK);
        mk_loop_settle(&loop);
        break;
    case STATES: break;
    }
}

TEST(a_reset_is_noticed_in_every_state) {
    for (state_t state = IDLE; state < STATES; state++) {
        open_pair();
        enter(state);
        mk_stream_reset(&pair.b.stream);
        run_ms(100);
        if (state == PAUSED) { /* nothing is looked at, and nothing spins */
            CHECK_EQ(pair.a.closes, 0);
            uint64_t waits = mk_fake_waits();
            run_ms(1000);
            CHECK(mk_fake_waits() - waits < 10);
            mk_stream_resume(&pair.a.stream);
        }
        RUN_UNTIL(pair.a.closes == 1);
        CHECK_EQ(pair.a.why, MK_ERR_IO);
        if (state == ANSWERED) CHECK_EQ(pair.a.got.size, 10000);
        close_pair();
    }
}

TEST(what_a_peer_said_before_it_went_is_read_even_if_writing_to_it_fails) {
    open_pair();
    write_text(&pair.b, "go away");
    mk_loop_settle(&loop);
    mk_stream_reset(&pair.b.stream);
    write_text(&pair.a, "a long request"); /* fails: the peer is gone, and its answer lies in our buffer */
    RUN_UNTIL(pair.a.closes == 1);
    CHECK(got_is(&pair.a, "go away"));
    CHECK_EQ(pair.a.why, MK_ERR_IO);
    close_pair();
}

TEST(a_large_write_to_a_peer_that_is_gone_is_answered_in_the_next_round) {
    static char large[100000];
    open_pair();
    mk_stream_reset(&pair.b.stream);
    CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_OK);
    CHECK_EQ(pair.a.closes, 0); /* never from inside the call */
    CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_ERR_CLOSED);
    RUN_UNTIL(pair.a.closes == 1);
    close_pair();
}

/* ---- closing in a call -------------------------------------------------------------------------------------------------------- */

static peer_t *heap_peer;

static void free_in_call(peer_t *peer) {
    mk_stream_close(&peer->stream);
    mk_buffer_free(&peer->got);
    mk_free(peer);
    heap_peer = NULL;
}

static void accept_on_heap(mk_listener_t *listener, int fd, const mk_addr_t *from) {
    (void)listener, (void)from;
    CHECK_EQ(mk_stream_adopt(net, &heap_peer->stream, &peer_kind, fd, NULL, NULL), MK_OK);
}

TEST(a_stream_may_be_closed_and_freed_in_each_of_its_calls) {
    static char large[100000];
    for (moment_t at = IN_OPEN; at <= IN_CLOSED; at++) {
        mk_fake_reset(1);
        open_net();
        peer_t        a = {0};
        mk_listener_t listener;
        mk_addr_t     where = loopback(7000);
        heap_peer = mk_calloc(1, sizeof *heap_peer);
        heap_peer->at = at;
        heap_peer->act = free_in_call;
        heap_peer->take_max = 2;
        CHECK_EQ(mk_listener_open(net, &listener, &where, accept_on_heap), MK_OK);
        CHECK_EQ(mk_stream_dial(net, &a.stream, &peer_kind, &(mk_dial_options_t){.host = "127.0.0.1", .port = 7000}),
                 MK_OK);
        RUN_UNTIL(a.opens == 1 && (heap_peer == NULL || heap_peer->opens == 1));
        if (at == IN_DRAINED) {
            CHECK_EQ(mk_stream_write(&heap_peer->stream, large, sizeof large), MK_OK);
            CHECK_EQ(mk_stream_write(&heap_peer->stream, large, sizeof large), MK_OK);
            CHECK_EQ(mk_stream_write(&heap_peer->stream, large, sizeof large), MK_OK);
            CHECK_EQ(mk_stream_write(&heap_peer->stream, large, sizeof large), MK_OK);
            CHECK_EQ(mk_stream_write(&heap_peer->stream, large, sizeof large), MK_ERR_FULL);
        }
        if (heap_peer != NULL) {
            write_text(&a, "hello");
            mk_stream_finish(&a.stream);
        }
        if (at == IN_CLOSED) {
            RUN_UNTIL(heap_peer->ends == 1);
            mk_stream_finish(&heap_peer->stream);
        }
        RUN_UNTIL(heap_peer == NULL);
        RUN_UNTIL(a.ends + a.closes != 0);
        peer_free(&a);
        mk_listener_close(&listener);
        close_net();
        CHECK_EQ(mk_fake_sockets(), 0);
    }
}

/* What was kept is offered again in a round of its own. */
TEST(a_stream_may_be_closed_when_kept_bytes_are_offered) {
    open_pair();
    pair.b.take_max = 1;
    write_text(&pair.a, "hello");
    RUN_UNTIL(pair.b.datas == 1);
    pair.b.at = IN_DATA;
    pair.b.act = close_peer;
    mk_stream_resume(&pair.b.stream);
    RUN_UNTIL(pair.b.datas == 2);
    CHECK_EQ(pair.b.closes, 0);
    CHECK(!mk_stream_is_open(&pair.b.stream));
    close_pair();
}

static void dial_again(peer_t *peer) {
    mk_stream_close(&pair.b.stream);
    peer->act = NULL;
    CHECK_EQ(mk_stream_dial(net, &peer->stream, &peer_kind, &(mk_dial_options_t){.host = "127.0.0.1", .port = 7000}),
             MK_OK);
}

TEST(a_record_may_dial_again_in_its_last_call) {
    open_pair();
    pair.a.at = IN_CLOSED;
    pair.a.act = dial_again;
    reset_peer(&pair.b);
    RUN_UNTIL(pair.a.closes == 1);
    RUN_UNTIL(pair.a.opens == 2 && pair.b.opens == 2);
    CHECK(mk_stream_is_open(&pair.a.stream));
    close_pair();
}

/* ---- pausing --------------------------------------------------------------------------------------------------------------------- */

TEST(kept_bytes_are_offered_again_with_what_came_behind_them) {
    open_pair();
    pair.b.take_max = 3;
    write_text(&pair.a, "abcdef");
    RUN_UNTIL(pair.b.datas == 1);
    run_ms(50); /* not by themselves */
    CHECK_EQ(pair.b.datas, 1);
    write_text(&pair.a, "ghi");
    RUN_UNTIL(pair.b.datas == 2);
    CHECK_EQ(pair.b.offered, 6); /* "defghi" */
    mk_stream_resume(&pair.b.stream);
    CHECK_EQ(pair.b.datas, 2); /* not inside the call */
    mk_loop_run(&loop, -1);
    CHECK_EQ(pair.b.datas, 3);
    CHECK(got_is(&pair.b, "abcdefghi"));
    CHECK(pair.b.stream.kept == NULL);
    close_pair();
}

static void pause_peer(peer_t *peer) { mk_stream_pause(&peer->stream); }

TEST(who_has_paused_hears_nothing_until_it_goes_on) {
    open_pair();
    pair.b.take_max = 2;
    pair.b.at = IN_DATA;
    pair.b.act = pause_peer;
    write_text(&pair.a, "abcd");
    RUN_UNTIL(pair.b.datas == 1);
    write_text(&pair.a, "ef");
    mk_stream_finish(&pair.a.stream);
    uint64_t waits = mk_fake_waits();
    run_ms(1000);
    CHECK(mk_fake_waits() - waits < 10); /* no spinning either, though bytes and an end wait */
    CHECK_EQ(pair.b.datas, 1);
    CHECK_EQ(pair.b.ends, 0);
    for (unsigned n = 2; !got_is(&pair.b, "abcdef"); n++) {
        mk_stream_resume(&pair.b.stream);
        RUN_UNTIL(pair.b.datas == n);
    }
    mk_stream_resume(&pair.b.stream);
    RUN_UNTIL(pair.b.ends == 1);
    close_pair();
}

TEST(pausing_and_going_on_between_two_events_costs_nothing) {
    open_pair();
    mk_loop_run(&loop, 0);
    uint32_t asked = pair.b.stream.asked;
    CHECK_EQ(asked, MK_POLL_IN);
    for (int i = 0; i < 3; i++) {
        mk_stream_pause(&pair.b.stream);
        CHECK_EQ(pair.b.stream.asked, asked);
        mk_stream_resume(&pair.b.stream);
        CHECK_EQ(pair.b.stream.asked, asked);
    }
    write_text(&pair.a, "x");
    RUN_UNTIL(pair.b.got.size == 1);
    close_pair();
}

TEST(the_last_call_waits_for_kept_bytes_of_who_has_paused) {
    open_pair();
    pair.b.take_max = 2;
    write_text(&pair.a, "abcd");
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.b.ends == 1);
    mk_stream_pause(&pair.b.stream);
    mk_stream_finish(&pair.b.stream);
    RUN_UNTIL(pair.a.closes == 1);
    run_ms(100);
    CHECK_EQ(pair.b.closes, 0);
    mk_stream_resume(&pair.b.stream);
    RUN_UNTIL(pair.b.closes == 1);
    CHECK(got_is(&pair.b, "abcd"));
    CHECK_EQ(pair.b.why, MK_OK);
    close_pair();
}

static void answer_and_close(peer_t *peer) {
    CHECK_EQ(peer->stream.asked, 0);
    CHECK_EQ(mk_stream_write(&peer->stream, "bye", 3), MK_OK);
    mk_stream_finish_closing(&peer->stream);
}

TEST(who_is_answered_with_the_first_bytes_is_never_watched) {
    mk_addr_t  at = loopback(7001);
    mk_slice_t hello = {"hello", 5};
    int        fd;
    char       buf[8];
    open_pair();
    pair_close(&pair);
    pair.b = (peer_t){.at = IN_DATA, .act = answer_and_close};
    CHECK_EQ(mk_listener_open(net, &pair.listener, &at, pair_accept), MK_OK);
    CHECK_EQ(mk_sock_connect(&at, &fd), MK_OK);
    CHECK_EQ(mk_sock_write(fd, &hello, 1), 5);
    uint64_t waits = mk_fake_waits();
    while (pair.b.datas == 0) mk_loop_run(&loop, -1);
    CHECK(mk_fake_waits() - waits <= 2);
    CHECK_EQ(pair.b.stream.asked, 0);
    RUN_UNTIL(pair.b.closes == 1);
    CHECK_EQ(mk_sock_read(fd, buf, sizeof buf), 3);
    CHECK_EQ(mk_sock_read(fd, buf, sizeof buf), 0);
    mk_sock_close(fd);
    close_pair();
}

/* ---- water marks, deadlines ------------------------------------------------------------------------------------------------------- */

TEST(a_full_queue_refuses_and_says_when_it_has_drained) {
    static char piece[10000];
    open_pair();
    peer_kind.limits.queue_high = 50000;
    peer_kind.limits.queue_low = 20000;
    mk_stream_pause(&pair.b.stream);
    unsigned taken = 0;
    while (mk_stream_write(&pair.a.stream, piece, sizeof piece) == MK_OK) {
        CHECK(++taken < 100);
        mk_loop_run(&loop, 0);
    }
    CHECK(mk_stream_queued(&pair.a.stream) >= 50000 && mk_stream_queued(&pair.a.stream) < 60000);
    CHECK(mk_stream_is_full(&pair.a.stream));
    run_ms(100);
    CHECK_EQ(pair.a.drains, 0);
    mk_stream_resume(&pair.b.stream);
    RUN_UNTIL(pair.a.drains == 1);
    CHECK(mk_stream_queued(&pair.a.stream) <= 20000);
    CHECK(!mk_stream_is_full(&pair.a.stream));
    RUN_UNTIL(pair.b.got.size == taken * sizeof piece);
    run_ms(100);
    CHECK_EQ(pair.a.drains, 1); /* once, and only if it was full */
    close_pair();
}

static void write_more(peer_t *peer) {
    static char piece[3000];
    while (mk_stream_write(&peer->stream, piece, sizeof piece) == MK_OK) {}
}

TEST(a_producer_that_fills_up_whenever_it_may_does_so_once_a_round) {
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.stream_bytes = 1 << 30}); /* takes everything */
    peer_kind.limits.queue_high = 20000;
    mk_stream_pause(&pair.b.stream);
    pair.a.at = IN_DRAINED;
    pair.a.act = write_more;
    write_more(&pair.a);
    for (unsigned i = 1; i <= 50; i++) { /* each of them ends, and others have their turn in between */
        mk_loop_run(&loop, -1);
        CHECK_EQ(pair.a.drains, i);
    }
    close_pair();
}

TEST(a_peer_that_never_reads_is_left_at_the_write_deadline) {
    static char large[300000];
    open_pair();
    mk_stream_pause(&pair.b.stream);
    CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_OK);
    uint64_t start_us = mk_port_now_us();
    RUN_UNTIL(pair.a.closes == 1);
    CHECK_EQ(pair.a.why, MK_ERR_TIMEOUT);
    CHECK_STR(pair.a.text, "the peer does not read");
    CHECK_EQ((mk_port_now_us() - start_us) / 1000, 30000);
    close_pair();
}

TEST(a_slow_reader_is_not_left_as_long_as_it_reads) {
    static char large[300000];
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.stream_bytes = 20000, .read_max = 10000});
    CHECK_EQ(mk_stream_write(&pair.a.stream, large, sizeof large), MK_OK);
    pair.b.at = IN_DATA;
    pair.b.act = pause_peer;
    while (pair.b.got.size < sizeof large) {
        run_ms(20000);
        CHECK_EQ(pair.a.closes, 0);
        mk_stream_resume(&pair.b.stream);
        run_ms(1);
    }
    CHECK_EQ(loop.wheel.armed, 0);
    close_pair();
}

TEST(an_idle_connection_holds_no_timer_and_no_buffer) {
    open_pair();
    write_text(&pair.a, "x");
    RUN_UNTIL(pair.b.got.size == 1);
    CHECK_EQ(loop.wheel.armed, 0);
    CHECK(pair.b.stream.kept == NULL && pair.a.stream.out == NULL);
    CHECK(sizeof(mk_stream_t) <= 208 || sizeof(void *) != 8);
    close_pair();
}

/* ---- without memory ------------------------------------------------------------------------------------------------------------------ */

/* Each write is taken or refused, and what was taken arrives or the stream says that it is over. */
static bool talk(unsigned fail, size_t take_max) {
    static char large[10000];
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.write_max = 999, .stream_bytes = 2000});
    pair.b.take_max = take_max;
    CHECK(mk_buffer_reserve(&pair.b.got, 2 * sizeof large) != NULL); /* the test's own */
    releases = 0;
    oom_arm(fail);
    mk_err_t err = mk_stream_write(&pair.a.stream, "small", 5);
    size_t   taken = err == MK_OK ? 5 : 0;
    if ((err = mk_stream_write(&pair.a.stream, large, sizeof large)) == MK_OK) taken += sizeof large;
    if ((err = mk_stream_write_shared(&pair.a.stream, large, 100, release, &releases)) == MK_OK) taken += 100;
    for (int i = 0; i < 200; i++) {
        mk_loop_run(&loop, 1000);
        if (mk_stream_is_open(&pair.b.stream)) mk_stream_resume(&pair.b.stream);
    }
    bool reached = oom_disarm();
    if (pair.a.closes + pair.b.closes == 0) CHECK_EQ(pair.b.got.size, taken);
    else CHECK(reached);
    if (pair.b.closes != 0) CHECK(pair.b.why == MK_ERR_NOMEM || pair.b.why == MK_ERR_IO);
    close_pair();
    CHECK_EQ(releases, err == MK_OK ? 1 : 0);
    return reached;
}

TEST(each_allocation_may_fail_and_nothing_leaks) {
    for (unsigned n = 1; talk(n, 0); n++) {}
    for (unsigned n = 1; talk(n, 900); n++) {}
}
