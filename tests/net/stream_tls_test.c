/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with TLS on them, every engine calling every engine, on the fake network. Keys are shared beforehand: certificates
 * are the engines' business, and tested there. */
#include "net/net_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

typedef struct side {
    const mk_tls_engine_t *engine;
    mk_tls_context_t      *context;
} side_t;

static side_t        client, server;
static peer_t        a, b; /* client and server */
static mk_listener_t listener;
static uint8_t       body[300000];

static size_t find_key(void *arg, const char *name, uint8_t out[MK_TLS_PSK_BYTES_MAX]) {
    (void)arg;
    if (strcmp(name, "friend") != 0) return 0;
    memcpy(out, key, 32);
    return 32;
}

static void take(mk_listener_t *l, int fd, const mk_addr_t *from) {
    (void)l, (void)from;
    mk_err_t err = mk_stream_adopt(net, &b.stream, &peer_kind, fd, server.engine, server.context);
    CHECK(err == MK_OK || err == MK_ERR_NOMEM);
}

static void open_contexts(const char *name) {
    char            why[MK_TLS_WHY_BYTES];
    mk_tls_config_t call = {.psk_name = name, .psk = {key, 32}}, answer = {.server = true, .psk_find = find_key};
    CHECK_EQ(client.engine->context_create(&call, &client.context, why), MK_OK);
    CHECK_EQ(server.engine->context_create(&answer, &server.context, why), MK_OK);
}

static void open_tls(void) {
    mk_addr_t at = loopback(443);
    mk_fake_reset(1);
    mk_fake_set_wall_ms(1800000000000);
    peer_kind.limits = (mk_stream_limits_t){0};
    a = b = (peer_t){0};
    open_net();
    open_contexts("friend");
    CHECK_EQ(mk_listener_open(net, &listener, &at, take), MK_OK);
}

static void dial(void) {
    mk_dial_options_t options = {.host = "127.0.0.1", .port = 443, .engine = client.engine, .tls = client.context};
    CHECK_EQ(mk_stream_dial(net, &a.stream, &peer_kind, &options), MK_OK);
}

static void open_pair(void) {
    open_tls();
    dial();
    RUN_UNTIL(a.opens == 1 && b.opens == 1);
}

static void close_pair(void) {
    client.engine->context_release(client.context); /* sessions hold it */
    server.engine->context_release(server.context);
    peer_free(&a);
    peer_free(&b);
    mk_listener_close(&listener);
    close_net();
    CHECK_EQ(mk_fake_sockets(), 0);
}

static void each_pair(void (*run)(void)) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    for (size_t i = 0; i < sizeof body; i++) body[i] = (uint8_t)(i * 13 + i / 509);
    for (const mk_tls_engine_t *const *c = mk_tls_engines; *c != NULL; c++)
        for (const mk_tls_engine_t *const *s = mk_tls_engines; *s != NULL; s++) {
            client.engine = *c;
            server.engine = *s;
            run();
        }
}

static void write_text(peer_t *peer, const char *text) {
    CHECK_EQ(mk_stream_write(&peer->stream, text, strlen(text)), MK_OK);
}

static bool body_arrived(const peer_t *peer, size_t size) {
    return peer->got.size == size && memcmp(peer->got.bytes, body, size) == 0;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------- */

static void run_talk(void) {
    mk_tls_info_t info;
    open_pair();
    for (int i = 0; i < 50; i++) write_text(&a, "0123456789");
    RUN_UNTIL(b.got.size == 500);
    CHECK_EQ(b.datas, 1); /* one record */
    write_text(&b, "yes");
    RUN_UNTIL(got_is(&a, "yes"));
    CHECK(mk_stream_tls_info(&b.stream, &info));
    CHECK_STR(info.psk_name, "friend");
    mk_stream_finish(&a.stream);
    RUN_UNTIL(b.ends == 1);
    CHECK(!mk_stream_was_cut(&b.stream));
    write_text(&b, " and goodbye");
    RUN_UNTIL(got_is(&a, "yes and goodbye"));
    mk_stream_finish(&b.stream);
    RUN_UNTIL(a.closes == 1 && b.closes == 1);
    CHECK(a.why == MK_OK && b.why == MK_OK && a.ends == 1);
    CHECK(!mk_stream_tls_info(&b.stream, &info));
    close_pair();
}

TEST(bytes_and_ends_go_both_ways) { each_pair(run_talk); }

static void speak_first(peer_t *peer) { write_text(peer, "welcome"); }

static void run_speak_first(void) {
    open_tls();
    b.at = IN_OPEN;
    b.act = speak_first;
    dial();
    RUN_UNTIL(got_is(&a, "welcome"));
    close_pair();
}

TEST(a_server_may_speak_first) { each_pair(run_speak_first); }

static unsigned releases;
static void     release(void *owner) { *(unsigned *)owner += 1; }

/* Copied, shared and large pieces, cut as the network likes. */
static void send_body(const mk_fake_net_t *how) {
    size_t at = 0;
    releases = 0;
    open_tls();
    mk_fake_net(how);
    peer_kind.limits.queue_high = 1 << 30;
    peer_kind.limits.handshake_ms = 1 << 30;
    dial();
    RUN_UNTIL(a.opens == 1 && b.opens == 1);
    size_t total = how->write_max == 1 ? 5000 : sizeof body;
    for (unsigned i = 0; at < total; i++) {
        static const size_t sizes[] = {1, 100, 5000, 30000, 17, 16384, 70000};
        size_t              size = sizes[i % 7] < total - at ? sizes[i % 7] : total - at;
        mk_slice_t          two[] = {{body + at, size / 9}, {body + at + size / 9, size - size / 9}};
        CHECK_EQ(i % 3 == 0 ? mk_stream_write_shared(&b.stream, body + at, size, release, &releases)
                            : mk_stream_write_slices(&b.stream, two, 2),
                 MK_OK);
        at += size;
        if (i % 4 == 3) mk_loop_run(&loop, 0);
    }
    mk_stream_finish(&b.stream);
    RUN_UNTIL(a.ends == 1);
    CHECK(body_arrived(&a, total));
    CHECK(releases >= 1);
    close_pair();
}

static void run_byte_by_byte(void) { send_body(&(mk_fake_net_t){.write_max = 1, .read_max = 1}); }
static void run_small_pieces(void) {
    send_body(&(mk_fake_net_t){.write_max = 1000, .read_max = 700, .stream_bytes = 3000});
}
static void run_no_limit(void) { send_body(&(mk_fake_net_t){0}); }

TEST(byte_by_byte_all_arrives) { each_pair(run_byte_by_byte); }
TEST(in_small_pieces_all_arrives) { each_pair(run_small_pieces); }
TEST(in_large_pieces_all_arrives) { each_pair(run_no_limit); }

static void pause_peer(peer_t *peer) { mk_stream_pause(&peer->stream); }

/* The sender is done long before: no event of the socket will ever say that there is more. */
static void run_pausing(void) {
    open_pair();
    b.at = IN_DATA;
    b.act = pause_peer;
    b.take_max = 5000;
    CHECK_EQ(mk_stream_write(&a.stream, body, 60000), MK_OK);
    for (unsigned n = 1; b.got.size < 60000; n++) {
        RUN_UNTIL(b.datas == n);
        uint64_t waits = mk_fake_waits();
        for (int i = 0; i < 5; i++) mk_loop_run(&loop, 100000);
        CHECK(mk_fake_waits() - waits < 10);
        CHECK_EQ(b.datas, n);
        mk_stream_resume(&b.stream);
    }
    CHECK(body_arrived(&b, 60000));
    close_pair();
}

TEST(bytes_left_in_the_engine_come_when_the_user_goes_on) { each_pair(run_pausing); }

static void run_slow_reader(void) {
    static const char piece[20000];
    open_pair();
    peer_kind.limits.queue_high = 100000;
    mk_stream_pause(&b.stream);
    size_t sent = 0;
    for (; mk_stream_write(&a.stream, piece, sizeof piece) == MK_OK; sent += sizeof piece) mk_loop_run(&loop, 0);
    mk_stream_resume(&b.stream);
    RUN_UNTIL(a.drains == 1);
    RUN_UNTIL(b.got.size == sent);
    mk_stream_pause(&b.stream);
    while (mk_stream_write(&a.stream, piece, sizeof piece) == MK_OK) mk_loop_run(&loop, 0);
    RUN_UNTIL(a.closes == 1); /* never reads again */
    CHECK_EQ(a.why, MK_ERR_TIMEOUT);
    close_pair();
}

TEST(a_slow_reader_is_waited_for_and_one_that_never_reads_is_not) { each_pair(run_slow_reader); }

/* ---- ends ------------------------------------------------------------------------------------------------------------------ */

static void run_cut(void) {
    open_pair();
    write_text(&a, "half a mess");
    mk_loop_settle(&loop);
    mk_stream_close(&a.stream); /* without saying so */
    RUN_UNTIL(b.ends == 1);
    CHECK(got_is(&b, "half a mess"));
    CHECK(mk_stream_was_cut(&b.stream));
    close_pair();
}

TEST(a_connection_that_is_cut_ends) { each_pair(run_cut); }

static void run_reset(void) {
    open_pair();
    mk_stream_reset(&a.stream);
    RUN_UNTIL(b.closes == 1);
    CHECK_EQ(b.why, MK_ERR_IO);
    close_pair();
}

TEST(a_reset_is_told) { each_pair(run_reset); }

static void run_closing(void) {
    open_pair();
    mk_fake_net(&(mk_fake_net_t){.write_max = 3000});
    CHECK_EQ(mk_stream_write(&b.stream, body, 100000), MK_OK);
    mk_stream_finish_closing(&b.stream);
    RUN_UNTIL(b.closes == 1);
    CHECK_EQ(b.why, MK_OK);
    RUN_UNTIL(a.ends == 1);
    CHECK(body_arrived(&a, 100000));
    close_pair();
}

TEST(finishing_and_closing_waits_for_what_is_encrypted_too) { each_pair(run_closing); }

static peer_t *heap_peer;

static void free_in_call(peer_t *peer) {
    mk_stream_close(&peer->stream);
    mk_buffer_free(&peer->got);
    mk_free(peer);
    heap_peer = NULL;
}

static void take_on_heap(mk_listener_t *l, int fd, const mk_addr_t *from) {
    (void)l, (void)from;
    CHECK_EQ(mk_stream_adopt(net, &heap_peer->stream, &peer_kind, fd, server.engine, server.context), MK_OK);
}

static void run_freeing(void) {
    for (moment_t at = IN_OPEN; at <= IN_CLOSED; at++) {
        if (at == IN_DRAINED) continue;
        open_tls();
        listener.fn = take_on_heap;
        heap_peer = mk_calloc(1, sizeof *heap_peer);
        heap_peer->at = at;
        heap_peer->act = free_in_call;
        heap_peer->take_max = 10;
        dial();
        RUN_UNTIL(a.opens == 1);
        CHECK_EQ(mk_stream_write(&a.stream, body, 50000), MK_OK);
        mk_stream_finish(&a.stream);
        if (at == IN_CLOSED) {
            RUN_UNTIL(heap_peer->ends == 1);
            mk_stream_finish(&heap_peer->stream);
        }
        RUN_UNTIL(heap_peer == NULL);
        close_pair();
    }
}

TEST(a_stream_may_be_freed_in_each_of_its_calls) { each_pair(run_freeing); }

/* ---- handshakes ------------------------------------------------------------------------------------------------------------ */

static void run_stalling(void) {
    int       fd;
    mk_addr_t at = loopback(443);
    open_tls();
    CHECK_EQ(mk_sock_connect(&at, &fd), MK_OK);
    uint64_t start_us = mk_port_now_us();
    RUN_UNTIL(b.closes == 1);
    CHECK_EQ(b.why, MK_ERR_TIMEOUT);
    CHECK_STR(b.text, "the TLS handshake took too long");
    CHECK_EQ((mk_port_now_us() - start_us) / 1000000, 10);
    CHECK_EQ(b.opens, 0);
    mk_sock_close(fd);
    close_pair();
}

TEST(who_stalls_the_handshake_is_left_at_the_deadline) { each_pair(run_stalling); }

static void run_garbage(void) {
    int        fd;
    mk_addr_t  at = loopback(443);
    mk_slice_t get = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35};
    open_tls();
    CHECK_EQ(mk_sock_connect(&at, &fd), MK_OK);
    mk_loop_run(&loop, 1000);
    CHECK_EQ(mk_sock_write(fd, &get, 1), 35);
    RUN_UNTIL(b.closes == 1);
    CHECK_EQ(b.why, MK_ERR_PROTO);
    CHECK(b.text[0] != '\0');
    mk_sock_close(fd);
    b.closes = 0;
    CHECK_EQ(mk_sock_connect(&at, &fd), MK_OK); /* and one that goes */
    mk_loop_run(&loop, 1000);
    mk_sock_close(fd);
    RUN_UNTIL(b.closes == 1);
    CHECK_EQ(b.why, MK_ERR_IO);
    close_pair();
}

TEST(what_is_no_handshake_is_told_as_such) { each_pair(run_garbage); }

static void run_stranger(void) {
    open_tls();
    client.engine->context_release(client.context);
    server.engine->context_release(server.context);
    open_contexts("stranger");
    dial();
    RUN_UNTIL(b.closes == 1);
    CHECK_EQ(b.why, MK_ERR_PROTO);
    CHECK(b.text[0] != '\0');
    RUN_UNTIL(a.closes == 1); /* in the handshake, or at the first read */
    CHECK(a.why == MK_ERR_PROTO || a.why == MK_ERR_IO);
    close_pair();
}

TEST(a_stranger_is_refused) { each_pair(run_stranger); }

static void upgrade(peer_t *peer) {
    peer->act = NULL;
    CHECK_EQ(mk_stream_start_tls(&peer->stream, client.engine, client.context, "localhost"), MK_OK);
    CHECK(!mk_stream_is_open(&peer->stream));
    CHECK_EQ(mk_stream_write(&peer->stream, "x", 1), MK_ERR_CLOSED);
}

static void take_plain(mk_listener_t *l, int fd, const mk_addr_t *from) {
    (void)l, (void)from;
    CHECK_EQ(mk_stream_adopt(net, &b.stream, &peer_kind, fd, NULL, NULL), MK_OK);
}

static void run_upgrade(void) {
    open_tls();
    listener.fn = take_plain;
    CHECK_EQ(mk_stream_dial(net, &a.stream, &peer_kind, &(mk_dial_options_t){.host = "127.0.0.1", .port = 443}), MK_OK);
    RUN_UNTIL(a.opens == 1 && b.opens == 1);
    write_text(&a, "CONNECT");
    CHECK_EQ(mk_stream_start_tls(&a.stream, client.engine, client.context, NULL), MK_ERR_INVALID); /* not sent yet */
    RUN_UNTIL(got_is(&b, "CONNECT"));
    a.at = IN_DATA;
    a.act = upgrade;
    write_text(&b, "200");
    RUN_UNTIL(a.datas == 1);
    CHECK_EQ(mk_stream_start_tls(&b.stream, server.engine, server.context, NULL), MK_OK);
    CHECK_EQ(mk_stream_start_tls(&b.stream, server.engine, server.context, NULL), MK_ERR_CLOSED);
    RUN_UNTIL(a.opens == 2 && b.opens == 2);
    write_text(&a, " in secret");
    RUN_UNTIL(got_is(&b, "CONNECT in secret"));
    close_pair();
}

TEST(tls_may_be_put_on_a_connection_that_talked_before) { each_pair(run_upgrade); }

static void upgrade_server(peer_t *peer) {
    peer->act = NULL;
    CHECK_EQ(mk_stream_start_tls(&peer->stream, server.engine, server.context, NULL), MK_OK);
}

static void run_upgrade_in_open(void) {
    open_tls();
    listener.fn = take_plain;
    b.at = IN_OPEN;
    b.act = upgrade_server;
    dial();
    RUN_UNTIL(a.opens == 1 && b.opens == 2);
    write_text(&a, "hello");
    RUN_UNTIL(got_is(&b, "hello"));
    close_pair();
}

TEST(tls_may_be_put_on_a_connection_as_soon_as_it_is_open) { each_pair(run_upgrade_in_open); }

static void run_clear_text(void) {
    open_tls();
    listener.fn = take_plain;
    CHECK_EQ(mk_stream_dial(net, &a.stream, &peer_kind, &(mk_dial_options_t){.host = "127.0.0.1", .port = 443}), MK_OK);
    RUN_UNTIL(a.opens == 1 && b.opens == 1);
    a.at = IN_DATA;
    a.act = upgrade;
    a.take_max = 3;
    write_text(&b, "200 and something smuggled");
    RUN_UNTIL(a.closes == 1);
    CHECK_EQ(a.why, MK_ERR_PROTO);
    close_pair();
}

TEST(bytes_in_the_clear_behind_the_beginning_of_tls_are_refused) { each_pair(run_clear_text); }

/* ---- without memory ----------------------------------------------------------------------------------------------------------- */

static bool talk(unsigned fail) {
    open_tls();
    mk_dial_options_t options = {.host = "127.0.0.1", .port = 443, .engine = client.engine, .tls = client.context};
    mk_fake_net(&(mk_fake_net_t){.write_max = 999, .stream_bytes = 2000});
    CHECK(mk_buffer_reserve(&b.got, 40000) != NULL); /* the test's own */
    oom_arm(fail);
    mk_err_t err = mk_stream_dial(net, &a.stream, &peer_kind, &options);
    for (int i = 0; i < 200 && (a.opens == 0 || b.opens == 0); i++) mk_loop_run(&loop, 1000);
    if (err == MK_OK) err = mk_stream_write(&a.stream, body, 20000);
    for (int i = 0; i < 100; i++) mk_loop_run(&loop, 1000);
    bool reached = oom_disarm();
    if (!reached) CHECK(err == MK_OK && body_arrived(&b, 20000));
    close_pair();
    return reached;
}

static void run_without_memory(void) {
    for (unsigned n = 1; talk(n); n++) {}
}

TEST(each_allocation_may_fail_and_nothing_leaks) { each_pair(run_without_memory); }
