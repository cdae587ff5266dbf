/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, listeners and datagrams on real sockets: what depends on the system and not on us. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net_rig.h"

static char folder[64];

static mk_addr_t socket_path(const char *name) {
    mk_addr_t addr = {.family = MK_FAMILY_UNIX};
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/tmp/mk-net-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
    }
    snprintf(addr.path, sizeof addr.path, "%s/%s", folder, name);
    return addr;
}

__attribute__((destructor)) static void remove_folder(void) {
    if (folder[0] != '\0') rmdir(folder);
}

static bool exists(const char *path) {
    struct stat about;
    return lstat(path, &about) == 0;
}

static void echo_over(const mk_addr_t *at) {
    pair_t pair = {0};
    open_net();
    pair_open(&pair, at);
    CHECK_EQ(mk_stream_write(&pair.a.stream, "hello", 5), MK_OK);
    RUN_UNTIL(pair.b.got.size == 5);
    CHECK(got_is(&pair.b, "hello"));
    CHECK_EQ(mk_stream_write(&pair.b.stream, "you", 3), MK_OK);
    mk_stream_finish(&pair.b.stream);
    RUN_UNTIL(pair.a.ends == 1);
    CHECK(got_is(&pair.a, "you"));
    mk_stream_finish(&pair.a.stream);
    RUN_UNTIL(pair.a.closes == 1 && pair.b.closes == 1);
    CHECK_EQ(pair.a.why, MK_OK);
    CHECK_EQ(pair.b.why, MK_OK);
    pair_close(&pair);
    close_net();
}

TEST(bytes_go_both_ways_over_ipv4) {
    mk_addr_t at = loopback(0);
    echo_over(&at);
}

TEST(bytes_go_both_ways_over_ipv6) {
    mk_addr_t at;
    int       fd;
    CHECK(mk_addr_parse("::1", 0, &at));
    if (mk_sock_listen(&at, 1, &fd, NULL) != MK_OK) rig_skip("no IPv6 here");
    mk_sock_close(fd);
    echo_over(&at);
}

TEST(bytes_go_both_ways_over_a_unix_socket_whose_file_goes_with_the_listener) {
    mk_addr_t at = socket_path("echo");
    echo_over(&at);
    CHECK(!exists(at.path));
    snprintf(at.path, sizeof at.path, "@mk-net-test-%d", (int)getpid());
    echo_over(&at);
}

TEST(a_unix_path_left_behind_is_taken_over_and_a_living_one_is_not) {
    mk_addr_t at = socket_path("stale");
    int       left, taken, refused;
    CHECK_EQ(mk_sock_listen(&at, 1, &left, NULL), MK_OK);
    CHECK_EQ(mk_sock_listen(&at, 1, &refused, NULL), MK_ERR_BUSY);
    mk_sock_close(left); /* its file stays, as after a crash */
    CHECK(exists(at.path));
    CHECK_EQ(mk_sock_listen(&at, 1, &taken, NULL), MK_OK);
    mk_sock_close(taken);
    mk_sock_unlink(&at);
    CHECK(!exists(at.path));
    FILE *file = fopen(at.path, "w"); /* somebody's file is not ours to remove */
    CHECK(file != NULL);
    fclose(file);
    CHECK_EQ(mk_sock_listen(&at, 1, &refused, NULL), MK_ERR_BUSY);
    CHECK(exists(at.path));
    unlink(at.path);
}

TEST(errors_of_listening_are_told_apart) {
    mk_addr_t at = loopback(0), bound, elsewhere, nothing = {0};
    int       fd, other;
    CHECK_EQ(mk_sock_listen(&at, 1, &fd, &bound), MK_OK);
    CHECK(bound.port != 0);
    CHECK_EQ(mk_sock_listen(&bound, 1, &other, NULL), MK_ERR_BUSY);
    CHECK(mk_addr_parse("192.0.2.1", 0, &elsewhere));
    CHECK_EQ(mk_sock_listen(&elsewhere, 1, &other, NULL), MK_ERR_INVALID);
    CHECK_EQ(mk_sock_listen(&nothing, 1, &other, NULL), MK_ERR_INVALID);
    at = socket_path("no/such/folder");
    CHECK_EQ(mk_sock_listen(&at, 1, &other, NULL), MK_ERR_INVALID);
    mk_sock_close(fd);
}

/* As many bytes as no socket's buffers hold, checked at the other end. */
TEST(four_megabytes_arrive_whole_however_they_are_written) {
    enum { BYTES = 4 << 20 };
    uint8_t *body = mk_alloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) body[i] = (uint8_t)(i * 7 + i / 251);
    for (int way = 0; way < 3; way++) {
        pair_t    pair = {0};
        mk_addr_t at = loopback(0);
        open_net();
        pair_open(&pair, &at);
        size_t at_byte = 0;
        while (pair.b.got.size < BYTES) {
            static const size_t piece[] = {100, 4000, 70000};
            mk_err_t            err = MK_OK;
            while (err == MK_OK && at_byte < BYTES) {
                size_t size = piece[at_byte % 3] < BYTES - at_byte ? piece[at_byte % 3] : BYTES - at_byte;
                if (way == 2) size = BYTES;
                err = way == 1 ? mk_stream_write_slices(&pair.a.stream,
                                                        (mk_slice_t[]){{body + at_byte, size / 2},
                                                                       {body + at_byte + size / 2, size - size / 2}},
                                                        2)
                               : mk_stream_write(&pair.a.stream, body + at_byte, size);
                if (err == MK_OK) at_byte += size;
            }
            CHECK(err == MK_OK || err == MK_ERR_FULL);
            mk_loop_run(&loop, 1000);
        }
        CHECK_EQ(pair.b.got.size, BYTES);
        CHECK(memcmp(pair.b.got.bytes, body, BYTES) == 0);
        CHECK_EQ(mk_stream_queued(&pair.a.stream), 0);
        pair_close(&pair);
        close_net();
    }
    mk_free(body);
}

static void count_datagram(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from);

typedef struct datagrams {
    mk_udp_t  udp;
    unsigned  n;
    size_t    size;
    mk_addr_t from;
} datagrams_t;

static void count_datagram(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    datagrams_t *d = mk_container_of(udp, datagrams_t, udp);
    (void)data;
    d->n++;
    d->size = size;
    d->from = *from;
}

TEST(datagrams_arrive_with_their_senders_address) {
    datagrams_t a = {0}, b = {0};
    mk_addr_t   at = loopback(0);
    static char large[70000];
    open_net();
    CHECK_EQ(mk_udp_open(net, &a.udp, &at, count_datagram), MK_OK);
    CHECK_EQ(mk_udp_open(net, &b.udp, &at, count_datagram), MK_OK);
    CHECK_EQ(mk_udp_send(&a.udp, "x", 1, &b.udp.at), MK_OK);
    RUN_UNTIL(b.n == 1);
    CHECK_EQ(b.size, 1);
    CHECK(mk_addr_equal(&b.from, &a.udp.at));
    CHECK_EQ(mk_udp_send(&a.udp, "", 0, &b.udp.at), MK_OK);
    RUN_UNTIL(b.n == 2);
    CHECK_EQ(b.size, 0);
    CHECK_EQ(mk_udp_send(&a.udp, large, 60000, &b.udp.at), MK_OK);
    RUN_UNTIL(b.n == 3);
    CHECK_EQ(b.size, 60000);
    CHECK_EQ(mk_udp_send(&a.udp, large, sizeof large, &b.udp.at), MK_ERR_TOOLONG);
    mk_addr_t gone = b.udp.at;
    mk_udp_close(&b.udp);
    mk_udp_close(&b.udp);
    for (int i = 0; i < 5; i++) { /* refused ones do not spoil the socket */
        (void)!mk_udp_send(&a.udp, "x", 1, &gone);
        mk_loop_run(&loop, 0);
    }
    CHECK_EQ(mk_udp_open(net, &b.udp, &at, count_datagram), MK_OK);
    b.n = 0;
    while (mk_udp_send(&b.udp, "y", 1, &a.udp.at) != MK_OK) {}
    RUN_UNTIL(a.n == 1);
    mk_udp_close(&a.udp);
    close_net(); /* closes the other */
}

static unsigned accepted;

static void accept_and_close(mk_listener_t *listener, int fd, const mk_addr_t *from) {
    (void)listener, (void)from;
    accepted++;
    mk_sock_close(fd);
}

TEST(without_descriptors_accepting_rests_and_goes_on_afterwards) {
    mk_listener_t listener;
    mk_addr_t     at = loopback(0);
    struct rlimit before, few;
    int           fd[4], probe = dup(0);
    open_net();
    CHECK(probe >= 0);
    accepted = 0;
    CHECK_EQ(mk_listener_open(net, &listener, &at, accept_and_close), MK_OK);
    for (int i = 0; i < 4; i++) CHECK_EQ(mk_sock_connect(&listener.at, &fd[i]), MK_OK);
    int next = dup(0);
    CHECK(next >= 0);
    close(next);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)next; /* no number below is free */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    uint64_t start_us = mk_port_now_us();
    unsigned rounds = 0;
    while (mk_port_now_us() - start_us < 200000) {
        mk_loop_run(&loop, 20000);
        rounds++;
    }
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_EQ(accepted, 0);
    CHECK(listener.refused >= 2 && listener.refused <= 4); /* after 0, 50 and 150 ms */
    CHECK(rounds < 40);
    RUN_UNTIL(accepted == 4);
    CHECK_EQ(listener.backoff_ms, 0);
    for (int i = 0; i < 4; i++) mk_sock_close(fd[i]);
    close(probe);
    mk_listener_close(&listener);
    mk_listener_close(&listener);
    close_net();
}

TEST(an_accepted_connection_does_not_wait_for_more_to_send) {
    pair_t    pair = {0};
    mk_addr_t at = loopback(0);
    open_net();
    pair_open(&pair, &at);
    for (int i = 0; i < 2; i++) {
        int       value = 0;
        socklen_t size = sizeof value;
        int       fd = i == 0 ? pair.a.stream.watch.fd : pair.b.stream.watch.fd;
        CHECK_EQ(getsockopt(fd, 6 /* TCP */, 1 /* no delay */, &value, &size), 0);
        CHECK_EQ(value, 1);
        CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
        CHECK_EQ(value, 1);
    }
    mk_addr_t local, peer;
    CHECK(mk_stream_local(&pair.a.stream, &local) && mk_stream_peer(&pair.b.stream, &peer));
    CHECK(mk_addr_equal(&local, &peer));
    pair_close(&pair);
    close_net();
}

TEST(nobody_listening_is_told_as_refused) {
    peer_t    a = {0};
    mk_addr_t at = loopback(0), bound;
    int       fd;
    open_net();
    CHECK_EQ(mk_sock_listen(&at, 1, &fd, &bound), MK_OK);
    mk_sock_close(fd);
    CHECK_EQ(mk_stream_dial(net, &a.stream, &peer_kind, &(mk_dial_options_t){.host = "127.0.0.1", .port = bound.port}),
             MK_OK);
    RUN_UNTIL(a.closes == 1);
    CHECK_EQ(a.why, MK_ERR_IO);
    CHECK_EQ(strncmp(a.text, "no connection to 127.0.0.1:", 27), 0);
    CHECK_EQ(mk_stream_dial(net, &a.stream, &peer_kind, &(mk_dial_options_t){.path = "/nowhere/at/all"}), MK_OK);
    RUN_UNTIL(a.closes == 2);
    CHECK_EQ(a.why, MK_ERR_IO);
    close_net();
}

TEST(a_unix_listener_without_room_is_tried_again) {
    enum { MANY = 64 };
    pair_t    pair = {0};
    mk_addr_t at = socket_path("full");
    int       listener, waiting[MANY], n = 0, fd;
    open_net();
    CHECK_EQ(mk_sock_listen(&at, 1, &listener, NULL), MK_OK);
    while (n < MANY && mk_sock_connect(&at, &waiting[n]) == MK_OK) n++;
    CHECK(n < MANY);
    CHECK_EQ(mk_sock_connect(&at, &waiting[n]), MK_ERR_BUSY);
    CHECK_EQ(mk_stream_dial(net, &pair.a.stream, &peer_kind, &(mk_dial_options_t){.path = at.path}), MK_OK);
    uint64_t start_us = mk_port_now_us();
    while (mk_port_now_us() - start_us < 50000) mk_loop_run(&loop, 10000);
    CHECK_EQ(pair.a.opens + pair.a.closes, 0);
    CHECK_EQ(mk_sock_accept(listener, &fd, NULL), MK_OK);
    RUN_UNTIL(pair.a.opens == 1);
    mk_sock_close(fd);
    for (int i = 0; i < n; i++) mk_sock_close(waiting[i]);
    mk_sock_close(listener);
    mk_sock_unlink(&at);
    peer_free(&pair.a);
    close_net();
}

static unsigned found;
static mk_err_t found_err;

static void on_found(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    (void)arg;
    found++;
    found_err = err;
    for (size_t i = 0; i < n; i++) CHECK(mk_addr_is_loopback(&addrs[i]) && addrs[i].port == 0);
    CHECK((err == MK_OK) == (n != 0));
}

TEST(a_name_is_looked_up_on_a_helper_thread) {
    mk_lookup_t *lookup;
    open_net();
    found = 0;
    CHECK_EQ(mk_lookup_start(net, "localhost", 20000, on_found, NULL, &lookup), MK_OK);
    CHECK_EQ(found, 0);
    RUN_UNTIL(found == 1);
    CHECK_EQ(found_err, MK_OK);
    CHECK_EQ(mk_lookup_start(net, "LocalHost", 20000, on_found, NULL, &lookup), MK_OK); /* remembered */
    RUN_UNTIL(found == 2);
    CHECK_EQ(found_err, MK_OK);
    CHECK_EQ(mk_lookup_start(net, "a name with blanks", 20000, on_found, NULL, &lookup), MK_OK);
    RUN_UNTIL(found == 3);
    CHECK(found_err == MK_ERR_NOTFOUND || found_err == MK_ERR_IO);
    CHECK_EQ(mk_lookup_start(net, "localhost", 0, on_found, NULL, &lookup), MK_OK);
    mk_lookup_forget(net);
    CHECK_EQ(mk_lookup_start(net, "localhost", 0, on_found, NULL, &lookup), MK_OK);
    close_net(); /* with both under way */
    CHECK_EQ(found, 3);
}
