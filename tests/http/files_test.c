/* SPDX-License-Identifier: Apache-2.0 */
/* Static files: a real folder behind a server on the fake network. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/server_rig.h"

enum { LARGE_BYTES = 1000 * 1000 };

static keeper_t k;
static client_t c;
static char     root[200];

static const char *at(const char *name) {
    static char path[4][400];
    static int  next;
    char       *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void put(const char *name, const char *text) {
    FILE *f = fopen(at(name), "w");
    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void put_large(const char *name, size_t size) {
    FILE *f = fopen(at(name), "w");
    CHECK(f != NULL);
    for (size_t i = 0; i < size; i++) fputc((int)(i * 7 % 251), f);
    fclose(f);
}

static bool do_route(keeper_t *keeper, uint64_t arg) {
    (void)arg;
    keeper->did = actor_http_route_files(rt, PORT, "/files/{name*}", at("public"));
    if (keeper->did == MK_OK) keeper->did = actor_http_route_files(rt, PORT, "/one", at("public/a.txt"));
    if (keeper->did == MK_OK) keeper->did = actor_http_route_files(rt, PORT, "/lost", at("nothing"));
    return true;
}

static void begin(void) {
    snprintf(root, sizeof root, "%s/http_files_test.XXXXXX", MK_BINARY_DIR);
    CHECK(mkdtemp(root) != NULL);
    CHECK_EQ(mkdir(at("public"), 0755), 0);
    CHECK_EQ(mkdir(at("public/sub"), 0755), 0);
    CHECK_EQ(mkdir(at("public/bare"), 0755), 0);
    put("secret", "CLASSIFIED");
    put("public/a.txt", "0123456789");
    put("public/empty", "");
    put("public/.hidden", "CLASSIFIED");
    put("public/with space.html", "<p>");
    put("public/sub/index.html", "<h1>sub</h1>");
    CHECK_EQ(symlink("../secret", at("public/link")), 0);
    k = (keeper_t){0};
    open_server(&k);
    in(&k, do_route, 0);
    CHECK_EQ(k.did, MK_OK);
    dial(&c);
}

static void finish(void) {
    leave(&c);
    close_stage();
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *ask(const char *request) {
    say(&c, request);
    pass(5);
    return heard(&c);
}

static int status_of(const char *request) {
    int status = 0;
    CHECK_EQ(sscanf(ask(request), "HTTP/1.1 %d", &status), 1);
    return status;
}

/* The value of a field of the last answer. */
static const char *field(const char *answer, const char *name) {
    static char value[200];
    char        line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *found = strstr(answer, line);
    if (found == NULL) return "";
    found += strlen(line);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(found, "\r"), found);
    return value;
}

static const char *body_of(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n");
    CHECK(end != NULL);
    return end + 4;
}

TEST(a_file_is_sent_with_its_type_and_what_names_its_state) {
    begin();
    const char *answer = ask(GET("/files/a.txt"));
    CHECK(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CHECK_STR(field(answer, "Content-Type"), "text/plain; charset=utf-8");
    CHECK_STR(field(answer, "Content-Length"), "10");
    CHECK_STR(field(answer, "Accept-Ranges"), "bytes");
    CHECK(field(answer, "ETag")[0] == '"' && strlen(field(answer, "Last-Modified")) == 29);
    CHECK_STR(body_of(answer), "0123456789");
    CHECK_STR(body_of(ask(GET("/one"))), "0123456789");
    CHECK_STR(body_of(ask(GET("/files/with%20space.html"))), "<p>");
    CHECK_STR(body_of(ask(GET("/files/empty"))), "");
    finish();
}

TEST(head_says_the_same_and_sends_nothing) {
    begin();
    const char *answer = ask("HEAD /files/a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_STR(field(answer, "Content-Length"), "10");
    CHECK_STR(body_of(answer), "");
    CHECK_STR(body_of(ask(GET("/one"))), "0123456789"); /* and the connection is in step */
    finish();
}

TEST(other_methods_are_not_allowed) {
    begin();
    CHECK_EQ(status_of("POST /files/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 405);
    finish();
}

TEST(nothing_outside_of_the_folder_is_sent_nor_what_hides) {
    static const char *const paths[] = {"/files/../secret",   "/files/%2e%2e/secret", "/files/..%2fsecret",
                                        "/files/link",        "/files/.hidden",       "/files/sub/../../secret",
                                        "/files//etc/passwd", "/files/sub/.hidden",   "/files/a.txt%00.html",
                                        "/files/a.txt/",      "/files/nothing",       "/lost"};
    begin();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char request[200];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
        say(&c, request);
        pass(5);
        const char *answer = heard(&c);
        bool        ours = strncmp(paths[i], "/files/../", 10) != 0 && strstr(paths[i], "%2e%2e") == NULL &&
                    strstr(paths[i], "/../..") == NULL;
        CHECK(strncmp(answer, "HTTP/1.1 ", 9) == 0 && strstr(answer, "CLASSIFIED") == NULL);
        if (ours && answer[9] != '4')
            rig_fail(__FILE__, __LINE__, "%s: %.20s", paths[i], answer); /* others are the actor's */
        leave(&c);                                                       /* some of these end the connection */
        dial(&c);
    }
    finish();
}

TEST(a_folder_is_its_index_under_a_name_with_a_slash) {
    begin();
    CHECK_STR(body_of(ask(GET("/files/sub/"))), "<h1>sub</h1>");
    const char *answer = ask(GET("/files/sub"));
    CHECK(strncmp(answer, "HTTP/1.1 301 ", 13) == 0);
    CHECK_STR(field(answer, "Location"), "/files/sub/");
    CHECK_EQ(status_of(GET("/files/bare/")), 404);
    CHECK_EQ(status_of(GET("/files/")), 404);
    put("public/index.html", "<h1>top</h1>");
    CHECK_STR(body_of(ask(GET("/files/"))), "<h1>top</h1>");
    finish();
}

TEST(a_redirect_never_names_another_server) {
    begin();
    const char *answer = ask(GET("//files//sub"));
    if (strncmp(answer, "HTTP/1.1 301 ", 13) == 0) CHECK(strncmp(field(answer, "Location"), "//", 2) != 0);
    finish();
}

TEST(who_has_it_already_is_told_so) {
    begin();
    char etag[100], date[100], request[400];
    snprintf(etag, sizeof etag, "%s", field(ask(GET("/one")), "ETag"));
    snprintf(date, sizeof date, "%s", field(ask(GET("/one")), "Last-Modified"));
    snprintf(request, sizeof request, "GET /one HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", %s\r\n\r\n", etag);
    const char *answer = ask(request);
    CHECK(strncmp(answer, "HTTP/1.1 304 ", 13) == 0);
    CHECK_STR(field(answer, "ETag"), etag);
    CHECK_STR(body_of(answer), "");
    snprintf(request, sizeof request, "GET /one HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n\r\n");
    CHECK_EQ(status_of(request), 412);
    snprintf(request, sizeof request, "GET /one HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\n\r\n");
    CHECK_EQ(status_of(request), 200);
    put("public/a.txt", "changed");
    snprintf(request, sizeof request, "GET /one HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", etag);
    CHECK_EQ(status_of(request), 200);
    finish();
}

TEST(a_part_is_sent_and_its_place_told) {
    begin();
    const char *answer = ask("GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n");
    CHECK(strncmp(answer, "HTTP/1.1 206 ", 13) == 0);
    CHECK_STR(field(answer, "Content-Range"), "bytes 2-4/10");
    CHECK_STR(field(answer, "Content-Length"), "3");
    CHECK_STR(body_of(answer), "234");
    CHECK_STR(body_of(ask("GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=-3\r\n\r\n")), "789");
    CHECK_STR(body_of(ask("GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=8-\r\n\r\n")), "89");
    CHECK_STR(body_of(ask("GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,4-5\r\n\r\n")), "0123456789");
    CHECK_STR(body_of(ask("GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\nIf-Range: \"x\"\r\n\r\n")),
              "0123456789");
    answer = ask("GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=10-\r\n\r\n");
    CHECK(strncmp(answer, "HTTP/1.1 416 ", 13) == 0);
    CHECK_STR(field(answer, "Content-Range"), "bytes */10");
    finish();
}

static void check_large(const char *body) {
    for (size_t i = 0; i < LARGE_BYTES; i++)
        if ((uint8_t)body[i] != i * 7 % 251) rig_fail(__FILE__, __LINE__, "byte %zu", i);
}

TEST(a_large_file_comes_whole_while_others_are_served) {
    begin();
    put_large("public/large", LARGE_BYTES);
    say(&c, GET("/files/large"));
    client_t other;
    dial(&other);
    say(&other, GET("/hello"));
    CHECK(strstr(heard(&other), "/hello") != NULL);
    leave(&other);
    pass(100);
    hear(&c);
    pass(100);
    hear(&c);
    const char *end = strstr((const char *)c.got.bytes, "\r\n\r\n") + 4;
    CHECK_EQ(c.got.size - (size_t)(end - (const char *)c.got.bytes), LARGE_BYTES);
    check_large(end);
    finish();
}

TEST(pipelined_files_come_in_order) {
    begin();
    const char *answer = ask(GET("/one") GET("/hello") GET("/files/sub/") GET("/files/none") GET("/one"));
    const char *one = strstr(answer, "0123456789"), *hello = strstr(answer, "GET /hello"),
               *sub = strstr(answer, "<h1>sub");
    CHECK(one != NULL && hello != NULL && sub != NULL && one < hello && hello < sub);
    CHECK_EQ(count(answer, "HTTP/1.1 "), 5);
    finish();
}

TEST(a_file_that_shrinks_on_the_way_is_not_taken_for_whole) {
    begin();
    put_large("public/large", 8 * LARGE_BYTES);
    say_bytes(&c, GET("/files/large"), 10); /* not heard: its queue fills up */
    mk_slice_t rest = {&GET("/files/large")[10], sizeof GET("/files/large") - 11};
    CHECK(mk_sock_write(c.fd, &rest, 1) > 0);
    pass(100);
    CHECK_EQ(truncate(at("public/large"), 4), 0);
    for (int i = 0; i < 100 && !c.ended && !c.failed; i++) {
        hear(&c);
        pass(10);
    }
    CHECK(c.ended || c.failed);
    CHECK(c.got.size < 8 * LARGE_BYTES);
    finish();
}

TEST(a_reader_that_goes_away_leaves_nothing_open) {
    begin();
    put_large("public/large", 8 * LARGE_BYTES);
    for (int i = 0; i < 5; i++) {
        mk_slice_t slice = {GET("/files/large"), sizeof GET("/files/large") - 1};
        CHECK(mk_sock_write(c.fd, &slice, 1) > 0);
        if (i > 0) pass((uint64_t)i * 3);
        mk_sock_reset(c.fd);
        settle();
        dial(&c);
    }
    finish();
}

TEST(the_runtimes_end_in_the_middle_of_a_file_leaves_nothing_open) {
    begin();
    put_large("public/large", 8 * LARGE_BYTES);
    mk_slice_t slice = {GET("/files/large"), sizeof GET("/files/large") - 1};
    CHECK(mk_sock_write(c.fd, &slice, 1) > 0);
    pass(20);
    mk_sock_close(c.fd);
    c.fd = -1;
    mk_fake_use_host(SERVER_HOST);
    runtime_destroy(rt);
    mk_buffer_free(&c.got);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TEST(without_memory_a_file_is_refused_or_cut_and_the_server_goes_on) {
    for (unsigned n = 1;; n++) {
        begin();
        put_large("public/large", 200 * 1000);
        if (!oom_arm(n)) break;
        mk_slice_t slice = {GET("/files/large"), sizeof GET("/files/large") - 1};
        (void)mk_sock_write(c.fd, &slice, 1);
        pass(20);
        bool reached = oom_disarm();
        hear(&c);
        pass(50);
        leave(&c);
        dial(&c);
        CHECK_STR(body_of(ask(GET("/one"))), "0123456789");
        finish();
        if (!reached) break;
    }
}
