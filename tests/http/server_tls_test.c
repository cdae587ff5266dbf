/* SPDX-License-Identifier: Apache-2.0 */
/* server_tls_test.c -- a listener of HTTP with TLS, by each engine: certificates that are exchanged while it runs, and peers that do
 * not get on with their handshake. */
#include "http/session_rig.h"
#include "net/certificates.h"
#include "net/tls.h"

enum { HANDSHAKE_MS = 3000, IDLE_MS = 5000 };

static const char   *engine;
static socket_tls_t *trust;

static socket_tls_t *make(const char *certificate, const char *key, const char *authority) {
    socket_tls_t        *tls;
    char                 why[SOCKET_TLS_WHY_BYTES];
    const char          *files[] = {certificate, key, authority};
    socket_bytes_t       text[3] = {{0}};
    socket_tls_options_t options = {.server = authority == NULL};
    for (int i = 0; i < 3; i++)
        if (files[i] != NULL) text[i].data = certificates_read(files[i]), text[i].size = strlen(text[i].data);
    options.certificate = text[0], options.key = text[1], options.authorities = text[2];
    if (options.server) options.engine = engine;
    if (socket_tls_create(&options, &tls, why) != MK_OK) rig_fail(__FILE__, __LINE__, "%s", why);
    for (int i = 0; i < 3; i++) free((void *)(uintptr_t)text[i].data);
    return tls;
}

/* ---- deeds -------------------------------------------------------------------------------------------------------------- */

static bool do_answer(role_t *role, uint64_t arg) {
    (void)arg;
    role->well = actor_http_respond(rt, role->conn, 200, NULL, 0, "hello", 5);
    return true;
}

static bool do_begin(role_t *role, uint64_t arg) {
    (void)arg;
    role->did = actor_http_respond_begin(rt, role->conn, 200, NULL, 0, 10);
    return true;
}

static bool do_rest(role_t *role, uint64_t arg) {
    (void)arg;
    role->did = actor_http_respond_write(rt, role->conn, "0123456789", 10);
    if (role->did == MK_OK) role->did = actor_http_respond_end(rt, role->conn);
    return true;
}

static bool do_fetch(role_t *role, uint64_t arg) {
    char                 url[64];
    http_fetch_options_t options = {.url = url, .tls = trust, .connect_ms = 20000};
    (void)arg;
    snprintf(url, sizeof url, "https://localhost:%u/", port);
    role->did = actor_http_fetch_opts(rt, &options, &role->conn);
    return true;
}

static bool do_exchange(role_t *role, uint64_t tls) {
    role->did = actor_http_listen_tls(rt, port, (socket_tls_t *)(uintptr_t)tls);
    return true;
}

static bool do_unlisten(role_t *role, uint64_t arg) {
    (void)arg;
    role->well = actor_http_unlisten(rt, port);
    return true;
}

static const char *fetched(void) {
    in(&client, do_fetch, 0);
    CHECK_EQ(client.did, MK_OK);
    pass(100);
    return heard(&client);
}

/* The fake's entropy begins anew with each stage: without a difference the next context might have the keys of the first. */
static void exchange(const char *certificate, const char *key) {
    uint8_t used[7];
    CHECK_EQ(mk_port_entropy(used, sizeof used), MK_OK);
    socket_tls_t *tls = make(certificate, key, NULL);
    in(&server, do_exchange, (uint64_t)(uintptr_t)tls);
    CHECK_EQ(server.did, MK_OK);
    socket_tls_release(tls);
}

/* ---- the stage ---------------------------------------------------------------------------------------------------------- */

static void open_listener(const char *certificate, http_limits_t limits) {
    certificates_make();
    socket_tls_t *tls = make(certificate, "good.key", NULL);
    limits.handshake_ms = HANDSHAKE_MS;
    limits.idle_ms = IDLE_MS;
    trust = make(NULL, NULL, "ca.pem");
    begin_with(&(http_listen_options_t){.tls = tls, .limits = limits});
    socket_tls_release(tls); /* the listener has its own share */
    server.on_request = do_answer;
}

static void close_listener(void) {
    end();
    socket_tls_release(trust);
}

static void with_each_engine(void (*run)(void)) {
    if (mk_tls_engines[0] == NULL) rig_skip("no TLS in this build");
    for (const mk_tls_engine_t *const *each = mk_tls_engines; *each != NULL; each++) {
        engine = (*each)->name;
        run();
    }
}

/* ---- certificates ------------------------------------------------------------------------------------------------------- */

/* What a client has learned on a connection of before (a ticket) is worth nothing on one of afterwards. */
static void run_exchange(void) {
    open_listener("good.pem", (http_limits_t){0});
    CHECK_STR(fetched(), "answer(200)");
    exchange("expired.pem", "good.key");
    CHECK_STR(fetched(), "answer(200)"); /* on the connection that is there */
    CHECK_EQ(server.requests, 2);
    pass(IDLE_MS + 1000);
    CHECK(strstr(fetched(), "the certificate has expired") != NULL);
    CHECK_EQ(server.requests, 2);
    exchange("rsa.pem", "rsa.key");
    CHECK_STR(fetched(), "answer(200)");
    close_listener();
}
TEST(a_certificate_is_exchanged_while_it_runs) { with_each_engine(run_exchange); }

static void run_exchange_meanwhile(void) {
    open_listener("good.pem", (http_limits_t){0});
    server.on_request = do_begin;
    CHECK_STR(fetched(), "");
    for (int i = 0; i < 3; i++) exchange("expired.pem", "good.key");
    in(&server, do_rest, 0);
    CHECK_EQ(server.did, MK_OK);
    pass(100);
    CHECK_STR(heard(&client), "answer(200)");
    close_listener();
}
TEST(an_answer_that_is_under_way_goes_on) { with_each_engine(run_exchange_meanwhile); }

static void run_wrong_exchanges(void) {
    open_listener("good.pem", (http_limits_t){0});
    in(&server, do_exchange, (uint64_t)(uintptr_t)trust);
    CHECK_EQ(server.did, MK_ERR_INVALID); /* that is a client's */
    in(&server, do_exchange, 0);
    CHECK_EQ(server.did, MK_ERR_INVALID); /* what is encrypted does not become plain in passing */
    in(&client, do_exchange, (uint64_t)(uintptr_t)trust);
    CHECK_EQ(client.did, MK_ERR_NOTFOUND); /* another's listener */
    CHECK_STR(fetched(), "answer(200)");
    close_listener();
}
TEST(what_is_no_certificate_changes_nothing) { with_each_engine(run_wrong_exchanges); }

/* ---- handshakes that stall ------------------------------------------------------------------------------------------------ */

/* The beginning of a ClientHello that announces 512 bytes. */
static const uint8_t hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static int call_in(const void *bytes, size_t size) {
    mk_addr_t  to = mk_fake_addr("127.0.0.1", port);
    mk_slice_t slice = {bytes, size};
    int        fd;
    CHECK_EQ(mk_sock_connect(&to, &fd), MK_OK);
    settle();
    if (size != 0) CHECK_EQ(mk_sock_write(fd, &slice, 1), (ptrdiff_t)size);
    settle();
    return fd;
}

/* Whether the other side has ended; what it said before is no matter. */
static bool has_ended(int fd) {
    uint8_t   said[1000];
    ptrdiff_t n;
    settle();
    while ((n = mk_sock_read(fd, said, sizeof said)) > 0) {}
    return n != MK_IO_WAIT;
}

static void run_stalls(void) {
    int fd[sizeof hello + 1];
    open_listener("good.pem", (http_limits_t){0});
    for (size_t i = 0; i <= sizeof hello; i++) fd[i] = call_in(hello, i);
    CHECK_STR(fetched(), "answer(200)"); /* nobody waits for them */
    pass(HANDSHAKE_MS - 200);
    for (size_t i = 0; i <= sizeof hello; i++) CHECK(!has_ended(fd[i]));
    pass(200);
    for (size_t i = 0; i <= sizeof hello; i++) {
        CHECK(has_ended(fd[i]));
        mk_sock_close(fd[i]);
    }
    CHECK_EQ(server.requests, 1);
    close_listener();
}
TEST(who_stalls_is_left_at_the_deadline_and_holds_up_nobody) { with_each_engine(run_stalls); }

static void run_trickle(void) {
    open_listener("good.pem", (http_limits_t){0});
    int fd = call_in(hello, 5), ms = 0;
    for (; ms < HANDSHAKE_MS - 500; ms += 500) {
        pass(500);
        CHECK(!has_ended(fd));
        CHECK_EQ(mk_sock_write(fd, &(mk_slice_t){"\x01", 1}, 1), 1);
    }
    pass(500);
    CHECK(has_ended(fd));
    mk_sock_close(fd);
    close_listener();
}
TEST(a_byte_now_and_then_gains_no_time) { with_each_engine(run_trickle); }

static void run_full(void) {
    open_listener("good.pem", (http_limits_t){.connections_max = 2});
    int a = call_in(hello, sizeof hello), b = call_in(NULL, 0);
    CHECK_STR(fetched(), ""); /* waits in the system's queue */
    CHECK_EQ(server.requests, 0);
    pass(HANDSHAKE_MS);
    CHECK_STR(heard(&client), "answer(200)");
    mk_sock_close(a), mk_sock_close(b);
    close_listener();
}
TEST(who_stalls_takes_a_place_no_longer_than_that) { with_each_engine(run_full); }

static void run_plain(void) {
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    open_listener("good.pem", (http_limits_t){0});
    int fd = call_in(text, sizeof text - 1);
    pass(100);
    CHECK(has_ended(fd));
    CHECK_EQ(server.requests, 0);
    mk_sock_close(fd);
    close_listener();
}
TEST(a_request_in_the_clear_is_none) { with_each_engine(run_plain); }

/* How the listener goes, in the middle of handshakes, and that of one which could go on. */
static void run_ends(void) {
    for (int way = 0; way < 4; way++) {
        open_listener("good.pem", (http_limits_t){0});
        int a = call_in(hello, sizeof hello), b = call_in(NULL, 0);
        if (way == 0) in(&server, do_unlisten, 0);
        if (way == 1) in(&server, do_end, 0);
        if (way == 2) ask(&client, do_fetch, 0), runtime_step(rt), runtime_step(rt), in(&server, do_unlisten, 0);
        if (way != 3) {
            pass(100);
            CHECK(has_ended(a) && has_ended(b)); /* there is nothing to be answered */
            CHECK_EQ(server.requests, 0);
        }
        if (way == 2) CHECK(strncmp(heard(&client), "error(", 6) == 0);
        mk_sock_close(a), mk_sock_close(b);
        close_listener();
    }
}
TEST(a_listener_that_goes_does_not_wait_for_handshakes) { with_each_engine(run_ends); }

static void run_leaving(void) {
    open_listener("good.pem", (http_limits_t){.connections_max = 1});
    for (size_t i = 0; i <= sizeof hello; i++) {
        int fd = call_in(hello, i);
        if (i % 2 == 0) mk_sock_close(fd);
        else mk_sock_reset(fd);
        settle();
    }
    CHECK_STR(fetched(), "answer(200)"); /* all places are free */
    close_listener();
}
TEST(who_goes_in_the_middle_of_it_is_forgotten_at_once) { with_each_engine(run_leaving); }

/* ---- without memory ------------------------------------------------------------------------------------------------------- */

static void run_without_memory(void) {
    for (unsigned n = 1;; n++) {
        open_listener("good.pem", (http_limits_t){0});
        int           stalled = call_in(hello, 7);
        socket_tls_t *next = make("rsa.pem", "rsa.key", NULL);
        CHECK(mk_buffer_reserve(&client.words, 256) != NULL);
        ask(&client, do_fetch, 0);
        ask(&server, do_exchange, (uint64_t)(uintptr_t)next);
        oom_arm(n);
        settle();
        bool reached = oom_disarm();
        pass(HANDSHAKE_MS + 100);
        heard(&client);
        CHECK(has_ended(stalled));
        CHECK_STR(fetched(), "answer(200)");
        mk_sock_close(stalled);
        socket_tls_release(next);
        close_listener();
        if (!reached) break;
    }
}
TEST(each_allocation_may_fail) { with_each_engine(run_without_memory); }
