/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches as actors see them: whole, streamed, to files. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/client_rig.h"
#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "runtime/wake.h"
#include "socket/sockets.h"

enum { BIG_BYTES = 1 << 20 };
static char big[BIG_BYTES + 200];

static reply_t answers[] = {
    {"GET /hello ", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", STAYS, 0},
    {"GET /chunked ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", STAYS,
     0},
    {"GET /empty ", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", STAYS, 0},
    {"GET /slow ", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nabcdefghijklmnopqrst", STAYS, 100},
    {"GET /cut ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", FINISHES, 0},
    {"GET /later ", "", LATER, 0},
    {"POST /echo ", "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", STAYS, 0},
    {"GET /404 ", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", STAYS, 0},
    {"GET /big ", big, STAYS, 0},
    {0},
};

/* ---- an actor that does what it is told -------------------------------------------------------------------------- */

typedef struct who {
    actor_id_t           id;
    http_conn_id_t       conn;
    http_fetch_options_t options;
    unsigned             responses, bodies, ends, errors, drains, progress;
    int                  status, error;
    char                 text[128], type[64];
    mk_buffer_t          body;
    uint64_t             received, total;
    mk_err_t             did;
} who_t;

static runtime_t *rt;
static who_t      a;

typedef void deed_fn(who_t *who);
enum { MSG_DO = 1000, MSG_STOP };

static void note_response(who_t *who, const http_response_payload_t *p) {
    const char *type = http_header_get(http_response_headers(p), p->headers_size, "content-type");
    CHECK_EQ(p->conn_id, who->conn);
    who->responses++;
    who->status = p->status_code;
    if (type != NULL) snprintf(who->type, sizeof who->type, "%s", type);
    CHECK(mk_buffer_append(&who->body, http_response_body(p), p->body_size));
}

static bool behavior(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    who_t *who = state;
    (void)r, (void)self;
    switch (msg->type) {
    case MSG_WAKE: mk_actor_wait_end(rt); break;
    case MSG_DO: (*(deed_fn *const *)msg->payload)(who); break;
    case MSG_STOP: return false;
    case MSG_HTTP_RESPONSE: note_response(who, msg->payload); break;
    case MSG_HTTP_BODY:
        who->bodies++;
        CHECK(mk_buffer_append(&who->body, http_body_data(msg->payload),
                               ((const http_body_payload_t *)msg->payload)->data_size));
        break;
    case MSG_HTTP_BODY_END: who->ends++; break;
    case MSG_HTTP_DRAINED: who->drains++; break;
    case MSG_HTTP_PROGRESS:
        who->progress++;
        who->received = ((const http_progress_payload_t *)msg->payload)->received_bytes;
        who->total = ((const http_progress_payload_t *)msg->payload)->total_bytes;
        break;
    case MSG_HTTP_ERROR:
        who->errors++;
        who->error = ((const http_error_payload_t *)msg->payload)->error_code;
        memcpy(who->text, ((const http_error_payload_t *)msg->payload)->message, sizeof who->text);
        break;
    default: CHECK_EQ(msg->type, 0);
    }
    return true;
}

static void step_runtime(void) {
    for (int i = 0; i < 20 && runtime_step(rt); i++) continue;
}

static void open_play(const runtime_config_t *config) {
    static const runtime_config_t plain;
    mk_sockets_t                 *sockets;
    mk_fake_reset(1);
    mk_fake_hold_time(true);
    int head = snprintf(big, sizeof big, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG_BYTES);
    for (int i = 0; i < BIG_BYTES; i++) big[head + i] = (char)('a' + i % 23);
    CHECK((rt = runtime_create(config != NULL ? config : &plain)) != NULL);
    CHECK_EQ(mk_sockets_open(rt, &sockets), MK_OK);
    CHECK_EQ(mk_client_of(rt, &client), MK_OK);
    net = sockets->net;
    stage = mk_runtime_loop(rt);
    step = step_runtime;
    open_server(answers);
    a = (who_t){0};
    CHECK((a.id = actor_spawn(rt, behavior, &a, NULL, 0)) != ACTOR_ID_INVALID);
}

static void close_play(void) {
    close_server();
    runtime_destroy(rt);
    mk_buffer_free(&a.body);
    CHECK_EQ(mk_fake_sockets(), 0);
}

static void in(deed_fn *deed) {
    CHECK(actor_send(rt, a.id, MSG_DO, &deed, sizeof deed));
    settle();
}

static void do_fetch(who_t *who) {
    who->conn = HTTP_CONN_ID_INVALID;
    who->did = actor_http_fetch_opts(rt, &who->options, &who->conn);
}

static void fetch(http_fetch_options_t options) {
    mk_buffer_clear(&a.body);
    a.responses = a.bodies = a.ends = a.errors = a.drains = a.progress = 0;
    a.options = options;
    in(do_fetch);
}

static bool heard(const char *text) {
    return a.body.size == strlen(text) && (a.body.size == 0 || memcmp(a.body.bytes, text, a.body.size) == 0);
}

/* ---- whole and streamed ------------------------------------------------------------------------------------------ */

static void do_get(who_t *who) { who->conn = actor_http_get(rt, "http://a.test/hello"); }
static void do_bad_gets(who_t *who) {
    (void)who;
    CHECK_EQ(actor_http_get(rt, "http://a b/"), HTTP_CONN_ID_INVALID);
    CHECK_EQ(actor_http_get(rt, "gopher://a.test/"), HTTP_CONN_ID_INVALID);
    CHECK_EQ(actor_http_get(rt, NULL), HTTP_CONN_ID_INVALID);
}

TEST(an_actor_gets_an_answer) {
    open_play(NULL);
    in(do_bad_gets);
    in(do_get);
    CHECK_EQ(a.responses, 1);
    CHECK_EQ(a.status, 200);
    CHECK_STR(a.type, "text/plain");
    CHECK(heard("hello"));
    fetch((http_fetch_options_t){.url = "http://a.test/big"});
    CHECK_EQ(a.body.size, BIG_BYTES);
    fetch((http_fetch_options_t){.url = "http://a.test/empty"});
    CHECK_EQ(a.responses, 1);
    CHECK(heard(""));
    fetch((http_fetch_options_t){.method = "POST", .url = "http://a.test/echo", .body = "body", .body_size = 4});
    CHECK_EQ(a.status, 201);
    close_play();
}

TEST(an_actor_hears_what_went_wrong) {
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/cut"});
    CHECK_EQ(a.errors, 1);
    CHECK_EQ(a.error, MK_ERR_IO);
    CHECK_STR(a.text, "a.test: the connection ended in the middle of the answer");
    fetch((http_fetch_options_t){.url = "http://nobody.test/"});
    CHECK_EQ(a.error, MK_ERR_NOTFOUND);
    fetch((http_fetch_options_t){.url = "http://a.test/big", .body_bytes_max = 1000});
    CHECK_EQ(a.error, MK_ERR_TOOLONG);
    fetch((http_fetch_options_t){.url = "http://a.test/later", .total_ms = 100});
    CHECK_EQ(a.errors, 0);
    pass(110);
    CHECK_EQ(a.error, MK_ERR_TIMEOUT);
    close_play();
}

TEST(a_streamed_answer_comes_in_pieces_within_a_window) {
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/big", .stream = true});
    for (int i = 0; i < 100 && a.ends == 0; i++) settle();
    CHECK_EQ(a.responses, 1);
    CHECK_EQ(a.ends, 1);
    CHECK(a.bodies >= 16);
    CHECK_EQ(a.body.size, BIG_BYTES);
    CHECK(memcmp(a.body.bytes, strstr(big, "\r\n\r\n") + 4, BIG_BYTES) == 0);
    fetch((http_fetch_options_t){.url = "http://a.test/chunked", .stream = true});
    CHECK(heard("hello"));
    CHECK_EQ(a.ends, 1);
    fetch((http_fetch_options_t){.url = "http://a.test/cut", .stream = true});
    CHECK_EQ(a.responses, 1);
    CHECK_EQ(a.ends, 0);
    CHECK_EQ(a.errors, 1);
    close_play();
}

static void do_doze(who_t *who) {
    a.did = actor_http_fetch_opts(rt, &who->options, &who->conn);
    CHECK(mk_actor_wait(rt, false, 5000));
}

TEST(an_actor_that_sleeps_makes_its_server_wait) {
    open_play(NULL);
    a.options = (http_fetch_options_t){.url = "http://a.test/big", .stream = true};
    in(do_doze);
    pass(1000);
    pass(1000);
    CHECK(mk_stream_queued(&server.guest[0].stream) > BIG_BYTES / 2);
    for (int i = 0; i < 100 && a.ends == 0; i++) pass(100);
    CHECK_EQ(a.body.size, BIG_BYTES);
    close_play();
}

TEST(messages_are_no_longer_than_they_may_be) {
    runtime_config_t config = {.payload_bytes_max = 1000};
    open_play(&config);
    fetch((http_fetch_options_t){.url = "http://a.test/hello"});
    CHECK(heard("hello"));
    fetch((http_fetch_options_t){.url = "http://a.test/big"});
    CHECK_EQ(a.error, MK_ERR_TOOLONG);
    fetch((http_fetch_options_t){.url = "http://a.test/big", .stream = true});
    for (int i = 0; i < 2000 && a.ends == 0; i++) settle();
    CHECK_EQ(a.body.size, BIG_BYTES);
    close_play();
    config.payload_bytes_max = 100;
    open_play(&config);
    fetch((http_fetch_options_t){.url = "http://a.test/hello"});
    CHECK_EQ(a.did, MK_ERR_TOOLONG);
    close_play();
}

/* ---- streamed requests ------------------------------------------------------------------------------------------- */

static char     piece[65536];
static unsigned pieces;

static void do_send_some(who_t *who) {
    while (pieces < 40 && (who->did = actor_http_send_body(rt, who->conn, piece, sizeof piece)) == MK_OK) pieces++;
}
static void do_send_end(who_t *who) { who->did = actor_http_send_body(rt, who->conn, NULL, 0); }

TEST(an_actor_sends_a_body_in_pieces) {
    open_play(NULL);
    memset(piece, 'x', sizeof piece);
    pieces = 0;
    fetch((http_fetch_options_t){.method = "POST", .url = "http://a.test/echo", .stream_body = true});
    in(do_send_some);
    CHECK_EQ(a.did, MK_ERR_FULL);
    for (int i = 0; i < 100 && pieces < 40; i++) {
        settle();
        CHECK(a.drains > 0);
        in(do_send_some);
    }
    CHECK_EQ(pieces, 40);
    CHECK_EQ(a.responses, 0);
    in(do_send_end);
    CHECK_EQ(a.did, MK_OK);
    size_t total = 0;
    for (int i = 0; i < 50; i++) settle();
    for (size_t i = 0; i < server.guest[0].in.size; i++) total += server.guest[0].in.bytes[i] == 'x';
    CHECK_EQ(total, 40 * sizeof piece);
    fetch((http_fetch_options_t){.url = "http://a.test/later"});
    in(do_send_end);
    CHECK_EQ(a.did, MK_ERR_INVALID);
    a.conn = 77;
    in(do_send_end);
    CHECK_EQ(a.did, MK_ERR_NOTFOUND);
    close_play();
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

TEST(with_an_actor_its_fetches_end) {
    static const char *const urls[] = {"http://a.test/later", "http://a.test/slow", "http://a.test/big",
                                       "http://nobody.test/"};
    for (size_t i = 0; i < 4; i++) {
        for (int mode = 0; mode < 3; mode++) {
            mk_client_info_t info;
            open_play(NULL);
            a.options =
                (http_fetch_options_t){.url = urls[i], .stream = mode == 1, .file = mode == 2 ? "/tmp/never" : NULL};
            CHECK(actor_send(rt, a.id, MSG_DO, &(deed_fn *){do_fetch}, sizeof(deed_fn *)));
            CHECK(actor_send(rt, a.id, MSG_STOP, NULL, 0));
            settle();
            mk_client_info(client, &info);
            CHECK_EQ(info.fetches, 0);
            close_play();
        }
    }
}

static void do_close(who_t *who) { actor_http_close(rt, who->conn); }
static void do_get_and_close(who_t *who) {
    do_fetch(who);
    actor_http_close(rt, who->conn);
    actor_http_close(rt, who->conn);
    actor_http_close(rt, 12345);
}

static void do_mix_up(who_t *who) {
    socket_addr_t at;
    socket_id_t   id = actor_tcp_listen(rt, 0);
    (void)who;
    CHECK(id != SOCKET_ID_INVALID);
    actor_http_close(rt, id);
    CHECK(socket_local(rt, id, &at));
    CHECK_EQ(actor_tcp_close(rt, id), MK_OK);
}

TEST(sockets_are_not_closed_by_the_call_for_http) {
    open_play(NULL);
    in(do_mix_up);
    close_play();
}

TEST(nothing_is_heard_of_what_was_closed) {
    static const char *const urls[] = {"http://a.test/later", "http://a.test/slow", "http://nobody.test/"};
    for (size_t i = 0; i < 3; i++) {
        for (int when = 0; when < 4; when++) {
            mk_client_info_t info;
            open_play(NULL);
            a.options = (http_fetch_options_t){.url = urls[i], .stream = true};
            in(when == 0 ? do_get_and_close : do_fetch);
            for (int n = 1; n < when; n++) pass(2000);
            unsigned before = a.responses + a.bodies + a.errors;
            in(do_close);
            pass(1000);
            CHECK_EQ(a.responses + a.bodies + a.errors, before);
            mk_client_info(client, &info);
            CHECK_EQ(info.fetches, 0);
            close_play();
        }
    }
}

TEST(a_runtime_ends_with_fetches_under_way) {
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/later"});
    fetch((http_fetch_options_t){.url = "http://a.test/later", .stream = true});
    close_play();
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char folder[200], target[256];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "%s/fetch.XXXXXX", MK_BINARY_DIR);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(target, sizeof target, "%s/file", folder);
}

static unsigned files_there(void) {
    DIR     *dir = opendir(folder);
    unsigned n = 0;
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static size_t size_of_target(void) {
    struct stat st;
    return stat(target, &st) == 0 ? (size_t)st.st_size : SIZE_MAX;
}

static void remove_folder(void) {
    unlink(target);
    CHECK_EQ(rmdir(folder), 0);
}

TEST(a_file_appears_when_it_is_whole) {
    make_folder();
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/big", .file = target});
    for (int i = 0; i < 100 && a.responses == 0 && a.errors == 0; i++) settle();
    CHECK_EQ(a.responses, 1);
    CHECK_EQ(a.status, 200);
    CHECK(heard(""));
    CHECK_EQ(size_of_target(), BIG_BYTES);
    CHECK_EQ(files_there(), 1);
    fetch((http_fetch_options_t){.url = "http://a.test/empty", .file = target}); /* in the place of the other */
    CHECK_EQ(a.responses, 1);
    CHECK_EQ(size_of_target(), 0);
    fetch((http_fetch_options_t){.url = "http://a.test/404", .file = target});
    CHECK_EQ(a.status, 404);
    CHECK(heard("none"));
    CHECK_EQ(size_of_target(), 0);
    close_play();
    remove_folder();
}

TEST(progress_is_told_four_times_a_second) {
    make_folder();
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/slow", .file = target}); /* 100 ms a byte */
    for (int i = 0; i < 200 && a.responses == 0; i++) pass(50);
    CHECK_EQ(a.responses, 1);
    CHECK(a.progress >= 4 && a.progress <= 9);
    CHECK_EQ(a.total, 20);
    CHECK(a.received > 10);
    CHECK_EQ(size_of_target(), 20);
    close_play();
    remove_folder();
}

TEST(what_goes_wrong_leaves_no_file_behind) {
    struct rlimit before, small = {100000, RLIM_INFINITY};
    make_folder();
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/cut", .file = target});
    CHECK_EQ(a.error, MK_ERR_IO);
    settle();
    CHECK_EQ(files_there(), 0);

    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    fetch((http_fetch_options_t){.url = "http://a.test/big", .file = target});
    for (int i = 0; i < 100 && a.errors == 0; i++) settle();
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_EQ(a.errors, 1);
    CHECK_EQ(a.error, MK_ERR_IO);
    CHECK_EQ(files_there(), 0);

    char nowhere[300];
    snprintf(nowhere, sizeof nowhere, "%s/no/file", folder);
    fetch((http_fetch_options_t){.url = "http://a.test/hello", .file = nowhere});
    CHECK_EQ(a.error, MK_ERR_NOTFOUND);
    CHECK_STR(a.text, "the file's folder does not exist");
    fetch((http_fetch_options_t){.url = "http://a.test/hello", .file = target, .stream = true});
    CHECK_EQ(a.did, MK_ERR_INVALID);

    fetch((http_fetch_options_t){.url = "http://a.test/slow", .file = target});
    for (int i = 0; i < 45; i++) pass(100);
    CHECK_EQ(a.responses, 0);
    CHECK_EQ(files_there(), 1); /* the one aside */
    CHECK(actor_send(rt, a.id, MSG_STOP, NULL, 0));
    settle();
    CHECK_EQ(files_there(), 0);
    close_play();
    remove_folder();
}

TEST(a_runtime_that_ends_leaves_no_half_of_a_file) {
    make_folder();
    open_play(NULL);
    fetch((http_fetch_options_t){.url = "http://a.test/slow", .file = target});
    for (int i = 0; i < 45; i++) pass(100);
    CHECK_EQ(files_there(), 1);
    close_play();
    CHECK_EQ(files_there(), 0);
    remove_folder();
}

/* ---- out of memory ----------------------------------------------------------------------------------------------- */

static void run_without_memory(http_fetch_options_t options) {
    for (unsigned n = 1;; n++) {
        open_play(NULL);
        CHECK(mk_buffer_reserve(&a.body, 100) != NULL && mk_buffer_reserve(&server.log, 1000) != NULL);
        fetch((http_fetch_options_t){.url = "http://b.test/hello"});
        CHECK(heard("hello"));
        mk_buffer_clear(&a.body);
        a.responses = a.ends = a.errors = 0;
        a.options = options;
        deed_fn *deed = do_fetch;
        CHECK(actor_send(rt, a.id, MSG_DO, &deed, sizeof deed));
        oom_arm(n);
        for (int i = 0; i < 20; i++) pass(100);
        bool reached = oom_disarm();
        pass(10);
        if (a.did == MK_OK) {
            CHECK_EQ(a.errors + (options.stream ? a.ends : a.responses), 1);
            if (a.errors == 0 && options.file == NULL) CHECK(heard("hello"));
        } else {
            CHECK_EQ(a.did, MK_ERR_NOMEM);
        }
        if (options.file != NULL) CHECK_EQ(files_there(), a.did == MK_OK && a.errors == 0 ? 1 : 0);
        if (options.file != NULL) unlink(target);
        fetch((http_fetch_options_t){.url = "http://a.test/hello"});
        CHECK(heard("hello"));
        close_play();
        if (!reached) break;
    }
}

TEST(each_allocation_may_fail) {
    make_folder();
    run_without_memory((http_fetch_options_t){.url = "http://a.test/chunked"});
    run_without_memory((http_fetch_options_t){.url = "http://a.test/chunked", .stream = true});
    run_without_memory((http_fetch_options_t){.url = "http://a.test/hello", .file = target});
    remove_folder();
}
