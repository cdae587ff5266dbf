/* SPDX-License-Identifier: Apache-2.0 */
/* http_test.c -- guests that make requests, over the fake network; the server is a script of bytes. */
#include "microkernel/wasm_actor.h"

#include "base/mem.h"
#include "port/fake/fake.h"
#include "port/port.h"
#include "rig/oom.h"
#include "wasm/world.h"

enum { GET = 10, STREAM, KEEP, READ, COLLECT, HOARD, CLOSE };
enum { PORT = 8080, PEERS = 20 };

static struct {
    world_t    w;
    actor_id_t guest;
    int        listener, peer[PEERS];
    unsigned   peers;
    char       asked[4096]; /* all that was sent to the server */
    size_t     asked_size;
} t;

static void begin_with(const wasm_options_t *options) {
    mk_fake_reset(1);
    memset(&t, 0, sizeof t);
    world_open(&t.w);
    mk_addr_t at = {.family = MK_FAMILY_IPV4, .port = PORT, .ip = {127, 0, 0, 1}};
    CHECK_EQ(mk_sock_listen(&at, 64, &t.listener, NULL), MK_OK);
    world_spawn_t s = {.path = guest_path("fetcher"), .options = options};
    world_do(&t.w, world_spawn_now, &s);
    CHECK_EQ(s.result, MK_OK);
    t.guest = s.id;
}

static void begin(void) {
    begin_with(&(wasm_options_t){.grants = WASM_GRANT_HTTP | WASM_GRANT_SPAWN, .http_hosts = "127.0.0.1:8080"});
}

static void finish(void) {
    for (unsigned i = 0; i < t.peers; i++) mk_sock_close(t.peer[i]);
    mk_sock_close(t.listener);
    world_close(&t.w);
}

static void hear(int fd) {
    ptrdiff_t got;
    while ((got = mk_sock_read(fd, t.asked + t.asked_size, sizeof t.asked - 1 - t.asked_size)) > 0)
        t.asked_size += (size_t)got;
    t.asked[t.asked_size] = '\0';
}

/* Lets `ms` go by; the server takes who comes and keeps what it hears. */
static void pass(unsigned ms) {
    for (uint64_t until = mk_port_now_us() + (uint64_t)ms * 1000; mk_port_now_us() < until;) {
        while (runtime_step(t.w.rt)) {}
        runtime_wait(t.w.rt, 1);
        while (t.peers < PEERS && mk_sock_accept(t.listener, &t.peer[t.peers], NULL) == MK_OK) t.peers++;
        for (unsigned i = 0; i < t.peers; i++) hear(t.peer[i]);
    }
}

static void ask(uint32_t type, const char *url) {
    t.w.count = 0;
    CHECK(world_send(&t.w, t.guest, type, url, strlen(url)));
    pass(20);
}

static void say_bytes(const void *bytes, size_t size) {
    const char *at = bytes;
    while (size != 0) {
        ptrdiff_t took = mk_sock_write(t.peer[t.peers - 1], &(mk_slice_t){at, size}, 1);
        if (took > 0) at += took, size -= (size_t)took;
        else if (took != MK_IO_WAIT) return;
        pass(5);
    }
    pass(20);
}

static void say(const char *text) { say_bytes(text, strlen(text)); }

typedef struct result {
    uint32_t result, status, size, sum;
    char     text[257];
} result_t;

static result_t result(void) {
    result_t r = {0};
    CHECK_EQ(t.w.count, 1);
    CHECK_EQ(t.w.heard[0].type, RESULT);
    memcpy(&r, t.w.heard[0].bytes, t.w.heard[0].size < sizeof r ? t.w.heard[0].size : sizeof r - 1);
    return r;
}

static uint64_t denied(void) {
    wasm_actor_info_t info;
    CHECK(wasm_actor_get_info(t.w.rt, t.guest, &info));
    return info.denied;
}

/* ---- tests ---- */

TEST(a_guest_gets_a_page_and_waits_meanwhile) {
    begin();
    ask(GET, "http://127.0.0.1:8080/a?b=c");
    CHECK(strncmp(t.asked, "GET /a?b=c HTTP/1.1\r\n", 21) == 0);
    CHECK(strstr(t.asked, "\r\nHost: 127.0.0.1:8080\r\n") != NULL);
    CHECK(world_send(&t.w, t.guest, PING, "x", 1)); /* it gets no other message before */
    pass(1000);
    CHECK_EQ(t.w.count, 0);
    say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    CHECK_EQ(t.w.count, 2);
    t.w.count = 1;
    result_t r = result();
    CHECK(r.result == 0 && r.status == 200 && r.size == 5);
    CHECK_STR(r.text, "hello");
    finish();
}

TEST(an_error_page_is_an_answer_too) {
    begin();
    ask(GET, "http://127.0.0.1:8080/");
    say("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    result_t r = result();
    CHECK(r.result == 0 && r.status == 404);
    CHECK_STR(r.text, "no");
    finish();
}

TEST(a_page_larger_than_the_guests_room_fails_and_says_how_large) {
    begin();
    ask(GET, "http://127.0.0.1:8080/");
    say("HTTP/1.1 200 OK\r\nContent-Length: 257\r\n\r\n");
    result_t r = result();
    CHECK(r.result == UINT32_MAX && r.status == 200 && r.size == 257);
    CHECK_STR(r.text, "mk_http_get: the answer has more than 256 bytes");
    finish();
}

TEST(a_page_as_large_as_the_guests_room_fits) {
    begin();
    char page[400];
    int  head = snprintf(page, sizeof page, "HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n");
    memset(page + head, 'x', 256);
    ask(GET, "http://127.0.0.1:8080/");
    say_bytes(page, (size_t)head + 256);
    CHECK_EQ(result().result, 0);
    CHECK_EQ(result().size, 256);
    finish();
}

TEST(what_goes_wrong_on_the_way_is_told) {
    begin();
    ask(GET, "http://127.0.0.1:8080/");
    mk_sock_reset(t.peer[--t.peers]);
    pass(3000);
    /* It may have been asked again; nobody answers then either. */
    while (t.w.count == 0 && t.peers > 0) {
        mk_sock_reset(t.peer[--t.peers]);
        pass(3000);
    }
    CHECK_EQ(result().result, UINT32_MAX);
    CHECK(strncmp(result().text, "mk_http_get: ", 13) == 0 && strlen(result().text) > 13);
    finish();
}

TEST(a_server_that_says_nothing_is_given_up) {
    begin();
    ask(GET, "http://127.0.0.1:8080/");
    pass(60000);
    CHECK_EQ(result().result, UINT32_MAX);
    finish();
}

TEST(hosts_that_were_not_granted_are_not_asked) {
    static const char *const no[] = {"http://127.0.0.1:8081/",
                                     "http://127.0.0.1/",
                                     "https://127.0.0.1:8443/",
                                     "http://localhost:8080/",
                                     "http://127.0.0.1.example:8080/",
                                     "http://10.0.0.1:8080/",
                                     "ftp://127.0.0.1:8080/",
                                     "",
                                     "x"};
    begin();
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        ask(GET, no[i]);
        CHECK_EQ(result().result, UINT32_MAX);
        ask(STREAM, no[i]);
        CHECK_EQ(result().result, UINT32_MAX);
    }
    CHECK_EQ(t.peers, 0);
    finish();
}

TEST(without_the_grant_nothing_is_asked_and_it_is_counted) {
    begin_with(&(wasm_options_t){.http_hosts = "127.0.0.1:8080"});
    ask(GET, "http://127.0.0.1:8080/");
    CHECK_EQ(result().result, UINT32_MAX);
    CHECK_STR(result().text, "mk_http_get: not permitted, it needs the grant \"http\"");
    CHECK_EQ(denied(), 1);
    finish();
}

TEST(hosts_are_listed_with_ports_and_wildcards) {
    begin_with(&(wasm_options_t){.grants = WASM_GRANT_HTTP,
                                 .http_hosts = "*.nowhere.test:8080, nowhere.test , 127.0.0.1:8080"});
    ask(GET, "http://nowhere.test:8080/"); /* not below it */
    CHECK(strstr(result().text, "not permitted") != NULL);
    ask(GET, "http://a.b.nowhere.test:8080/"); /* permitted, and then there is no such host */
    pass(15000);
    CHECK(strstr(result().text, "not permitted") == NULL);
    ask(GET, "http://NOWHERE.test/");
    pass(15000);
    CHECK(strstr(result().text, "not permitted") == NULL);
    ask(GET, "http://xnowhere.test:8080/");
    CHECK(strstr(result().text, "not permitted") != NULL);
    finish();
}

TEST(a_redirect_does_not_lead_a_guest_where_it_may_not_go) {
    begin();
    ask(GET, "http://127.0.0.1:8080/");
    say("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:9999/\r\nContent-Length: 0\r\n\r\n");
    CHECK_EQ(result().status, 302);
    finish();
}

TEST(a_request_is_sent_whole_and_its_answer_read_in_pieces) {
    begin();
    ask(STREAM, "http://127.0.0.1:8080/post");
    CHECK(strncmp(t.asked, "POST /post HTTP/1.1\r\n", 21) == 0);
    CHECK(strstr(t.asked, "\r\nX-Asked: yes\r\n") != NULL && strstr(t.asked, "\r\nX-More: a b\r\n") != NULL);
    CHECK(strstr(t.asked, "\r\nContent-Length: 8\r\n") != NULL);
    CHECK(strstr(t.asked, "\r\n\r\nthe body") != NULL);
    say("HTTP/1.1 201 Created\r\nX-Kind: nice one\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        char chunk[0x400 + 16];
        int  head = snprintf(chunk, sizeof chunk, "400\r\n");
        memset(chunk + head, 1, 0x400);
        memcpy(chunk + head + 0x400, "\r\n", 2);
        say_bytes(chunk, (size_t)head + 0x402);
    }
    CHECK_EQ(t.w.count, 0);
    say("0\r\n\r\n");
    result_t r = result();
    CHECK(r.result == 1 && r.status == 201 && r.size == 102400 && r.sum == 102400);
    CHECK_STR(r.text, "nice one");
    finish();
}

TEST(an_answer_that_is_cut_off_is_not_taken_for_whole) {
    begin();
    ask(STREAM, "http://127.0.0.1:8080/");
    say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    mk_sock_close(t.peer[--t.peers]);
    pass(100);
    CHECK_EQ(result().result, UINT32_MAX);
    CHECK_EQ(result().size, 4);
    CHECK(strncmp(result().text, "mk_http_read: ", 14) == 0);
    finish();
}

TEST(a_guest_that_does_not_read_makes_its_server_wait) {
    begin();
    ask(KEEP, "http://127.0.0.1:8080/");
    say("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    CHECK_EQ(result().result, 1);
    static char flood[65536];
    size_t      taken = 0;
    for (int quiet = 0; quiet < 20;) {
        ptrdiff_t took = mk_sock_write(t.peer[0], &(mk_slice_t){flood, sizeof flood}, 1);
        quiet = took > 0 ? 0 : quiet + 1;
        if (took > 0) taken += (size_t)took;
        CHECK(taken < 8 * 1024 * 1024);
        pass(5);
    }
    size_t before = taken;
    for (size_t i = 0; i < before * 3 / 4 / 256; i++) ask(READ, "");
    CHECK_EQ(result().result, 256);
    ptrdiff_t took = mk_sock_write(t.peer[0], &(mk_slice_t){flood, sizeof flood}, 1);
    CHECK(took > 0 && before > 0); /* room again */
    ask(CLOSE, "");
    CHECK_EQ(result().result, 0);
    ask(READ, "");
    CHECK_EQ(result().result, UINT32_MAX);
    CHECK_STR(result().text, "mk_http_read: 1 is no open request");
    finish();
}

TEST(requests_of_one_guest_are_limited) {
    begin();
    t.w.count = 0;
    CHECK(world_send(&t.w, t.guest, HOARD, "http://127.0.0.1:8080/", 22));
    for (unsigned answered = 0; answered < 16;) {
        pass(20);
        if (answered >= t.peers) continue;
        const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        CHECK(mk_sock_write(t.peer[answered++], &(mk_slice_t){head, sizeof head - 1}, 1) > 0);
    }
    pass(100);
    CHECK_EQ(result().result, 16);
    CHECK_STR(result().text, "mk_http_open: 16 requests are open, no more are allowed");
    finish();
}

TEST(a_module_is_collected_and_spawned_without_passing_through_the_guest) {
    begin();
    uint8_t *bytes;
    size_t   size;
    char     head[100];
    CHECK_EQ(mk_port_read_file(NULL, guest_path("dead"), 1 << 20, &bytes, &size), MK_OK);
    ask(COLLECT, "http://127.0.0.1:8080/dead.wasm");
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    say(head);
    pass(450);
    CHECK_EQ(t.w.count, 0);
    say_bytes(bytes, size);
    result_t r = result();
    CHECK(r.status == 200 && r.size == size);
    CHECK(r.sum >= 4); /* times it was told how far it is */
    CHECK_EQ(actor_id_seq(actor_lookup(t.w.rt, "fetched")), r.result);
    mk_free(bytes);
    finish();
}

TEST(what_is_no_module_is_not_spawned) {
    begin();
    ask(COLLECT, "http://127.0.0.1:8080/");
    say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope");
    CHECK_EQ(result().result, 0);
    CHECK(result().text[0] != '\0');
    finish();
}

TEST(a_guest_that_ends_in_the_middle_leaves_nothing_behind) {
    for (uint32_t type = GET; type <= COLLECT; type++) {
        if (type == READ) continue;
        begin();
        ask(type, "http://127.0.0.1:8080/");
        say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        actor_stop(t.w.rt, t.guest);
        pass(100);
        char      byte;
        ptrdiff_t got = mk_sock_read(t.peer[0], &byte, 1);
        CHECK(got == 0 || got == MK_IO_FAILED);
        finish();
    }
}

TEST(one_that_cannot_wait_is_told_so) {
    begin_with(&(wasm_options_t){.grants = WASM_GRANTS_ALL, .fiber = FIBER_STACK_NONE});
    ask(GET, "http://127.0.0.1:8080/");
    CHECK_EQ(result().result, UINT32_MAX);
    CHECK_STR(result().text, "this guest was started so that it cannot wait");
    finish();
}

TEST(without_memory_a_request_fails_and_the_guest_goes_on) {
    for (unsigned n = 1;; n++) {
        begin();
        if (!oom_arm(n)) break;
        (void)world_send(&t.w, t.guest, STREAM, "http://127.0.0.1:8080/", 22);
        pass(20);
        if (t.peers > 0) say("HTTP/1.1 200 OK\r\nX-Kind: x\r\nContent-Length: 5\r\n\r\nhello");
        bool reached = oom_disarm();
        pass(40000);
        t.w.count = 0;
        CHECK(!actor_is_alive(t.w.rt, t.guest) || world_send(&t.w, t.guest, PING, "x", 1));
        pass(20);
        finish();
        if (!reached) break;
    }
}
