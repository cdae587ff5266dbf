/* SPDX-License-Identifier: Apache-2.0 */
/* router_test.c -- which route takes a request: alone, and as a listener's. */
#include "http/router.h"
#include "server_rig.h"

static mk_http_router_t router;
static mk_http_match_t  match;
static mk_buffer_t      allow;

static mk_err_t add(const char *method, const char *pattern, const char *name) {
    return mk_http_router_add(&router, method, pattern, &(mk_http_target_t){.actor = name});
}

static const char *find(const char *method, const char *path) {
    mk_http_router_find(&router, mk_http_text(method), path, &match, &allow);
    return match.route != NULL ? match.route->target.actor : match.other ? "other" : "none";
}

static void end_router(void) {
    mk_http_router_fini(&router);
    mk_buffer_free(&allow);
}

static const char *value(unsigned i) {
    static char text[100];
    snprintf(text, sizeof text, "%.*s", (int)match.value[i].size, match.value[i].at);
    return text;
}

TEST(literals_win_over_parameters_and_those_over_the_rest) {
    CHECK_EQ(add(NULL, "/a/{x}", "param"), MK_OK);
    CHECK_EQ(add(NULL, "/a/b", "literal"), MK_OK);
    CHECK_EQ(add(NULL, "/a/{x*}", "rest"), MK_OK);
    CHECK_EQ(add(NULL, "/", "root"), MK_OK);
    CHECK_STR(find("GET", "/a/b"), "literal");
    CHECK_STR(find("GET", "/a/c"), "param");
    CHECK_STR(value(0), "c");
    CHECK_STR(find("GET", "/a/b/c"), "rest");
    CHECK_STR(value(0), "b/c");
    CHECK(match.rest);
    CHECK_STR(find("GET", "/a/"), "rest");
    CHECK_STR(value(0), "");
    CHECK_STR(find("GET", "/a"), "none");
    CHECK_STR(find("GET", "/"), "root");
    CHECK_STR(find("GET", "/b"), "none");
    end_router();
}

TEST(a_branch_that_leads_nowhere_is_left_again) {
    CHECK_EQ(add(NULL, "/a/b/c", "deep"), MK_OK);
    CHECK_EQ(add(NULL, "/a/{x}/d", "param"), MK_OK);
    CHECK_EQ(add(NULL, "/{x}/b/{y}", "two"), MK_OK);
    CHECK_EQ(add(NULL, "/{all*}", "rest"), MK_OK);
    CHECK_STR(find("GET", "/a/b/c"), "deep");
    CHECK_STR(find("GET", "/a/b/d"), "param");
    CHECK_STR(value(0), "b");
    CHECK_STR(find("GET", "/a/b/e"), "two");
    CHECK_STR(value(0), "a");
    CHECK_STR(value(1), "e");
    CHECK_STR(find("GET", "/a/x/e"), "rest");
    CHECK_STR(value(0), "a/x/e");
    end_router();
}

TEST(methods_decide_and_the_others_are_named) {
    CHECK_EQ(add("GET", "/a", "get"), MK_OK);
    CHECK_EQ(add("PUT", "/a", "put"), MK_OK);
    CHECK_EQ(add("POST", "/{x}", "post"), MK_OK);
    CHECK_STR(find("GET", "/a"), "get");
    CHECK_STR(find("HEAD", "/a"), "get");
    CHECK_STR(find("POST", "/a"), "post");
    CHECK_STR(find("DELETE", "/a"), "other");
    CHECK(allow.size == strlen("PUT, GET, HEAD, POST, OPTIONS"));
    CHECK_STR(find("get", "/a"), "other");
    CHECK_EQ(add("HEAD", "/a", "head"), MK_OK);
    CHECK_STR(find("HEAD", "/a"), "head");
    CHECK_EQ(add(NULL, "/a", "any"), MK_OK);
    CHECK_STR(find("DELETE", "/a"), "any");
    CHECK_STR(find("GET", "/a"), "get");
    end_router();
}

TEST(patterns_are_checked) {
    static const char *const bad[] = {"",      "a",       "/{",       "/{}", "/{*}",   "/a{b}", "/{a}b",
                                      "/a//b", "/{a*}/b", "/{a}/{a}", "/}",  "/{a b}", "/{a**}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_EQ(add(NULL, bad[i], "x"), MK_ERR_INVALID);
    CHECK_EQ(add("G T", "/", "x"), MK_ERR_INVALID);
    CHECK_EQ(add("", "/", "x"), MK_ERR_INVALID);
    CHECK_EQ(add("GET", "/{a}/b/", "x"), MK_OK);
    CHECK_EQ(add("GET", "/{other}/b/", "x"), MK_ERR_EXISTS);
    CHECK_EQ(add("PUT", "/{other}/b/", "x"), MK_OK);
    CHECK_EQ(add(NULL, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}", "x"), MK_OK);
    CHECK_EQ(add(NULL, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}", "x"), MK_ERR_INVALID);
    CHECK_STR(find("GET", "/1/b/"), "x");
    CHECK_STR(find("GET", "/1/b"), "none");
    end_router();
}

TEST(without_memory_nothing_is_added) {
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_err_t err = add("GET", "/a/{b}/c", "x");
        bool     reached = oom_disarm();
        CHECK_EQ(err, reached ? MK_ERR_NOMEM : MK_OK);
        CHECK_STR(find("GET", "/a/1/c"), reached ? "none" : "x");
        end_router();
        if (!reached) break;
    }
}

/* ---- of a listener ----------------------------------------------------------------------------------------------------- */

static keeper_t k, other;
static client_t c;
static unsigned handled;

static void handler(runtime_t *r, const http_request_payload_t *request, void *arg) {
    char        text[100];
    const char *name = http_request_param(request, "name"), *file = http_request_param(request, "file");
    CHECK_EQ(actor_self(r), k.id);
    CHECK(http_request_param(request, "nam") == NULL);
    int n = snprintf(text, sizeof text, "%s: %s %s", (const char *)arg, name, file != NULL ? file : "-");
    handled++;
    CHECK(actor_http_respond(r, request->conn_id, 200, NULL, 0, text, (size_t)n));
}

static bool do_routes(keeper_t *who, uint64_t arg) {
    (void)arg;
    CHECK_EQ(actor_http_route_handler(rt, who->port, "GET", "/h/{name}", handler, "short"), MK_OK);
    CHECK_EQ(actor_http_route_handler(rt, who->port, "POST", "/h/{name}/{file*}", handler, "long"), MK_OK);
    CHECK_EQ(actor_http_route(rt, who->port, NULL, "/o/{name*}", "other"), MK_OK);
    CHECK_EQ(actor_http_route(rt, who->port, NULL, "/o/{x*}", "other"), MK_ERR_EXISTS);
    CHECK_EQ(actor_http_route(rt, who->port, NULL, "o", "other"), MK_ERR_INVALID);
    CHECK_EQ(actor_http_route(rt, 1, NULL, "/o", "other"), MK_ERR_NOTFOUND);
    return true;
}

static void begin(void) {
    k = other = (keeper_t){0};
    open_server(&k);
    in(&k, do_routes, 0);
    dial(&c);
}

static void end(void) {
    leave(&c);
    close_stage();
}

TEST(handlers_answer_in_their_actor_with_parameters) {
    begin();
    say(&c, GET("/h/%41%20b"));
    CHECK_STR(heard(&c), OK_HEAD(12) "short: A b -");
    say(&c, "POST /h/n/a/../b%2dc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    CHECK_STR(heard(&c), OK_HEAD(11) "long: n b-c");
    CHECK_EQ(handled, 2);
    CHECK_EQ(k.requests, 0);
    say(&c, GET("/none"));
    CHECK_EQ(k.requests, 1);
    end();
}

static bool on_other(keeper_t *who, message_t *msg) {
    const http_request_payload_t *p = msg->payload;
    who->requests++;
    CHECK(actor_http_respond(rt, p->conn_id, 200, NULL, 0, http_request_param(p, "name"),
                             strlen(http_request_param(p, "name"))));
    return true;
}

TEST(a_name_without_an_actor_is_503) {
    begin();
    say(&c, GET("/o/x"));
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 503 ", 13), 0);
    CHECK(!c.ended);
    enter(&other);
    other.on = on_other;
    CHECK(actor_register_name(rt, "other", other.id));
    say(&c, GET("/o/x/y"));
    CHECK_STR(heard(&c), OK_HEAD(3) "x/y");
    CHECK_EQ(other.requests, 1);
    end();
}

TEST(wrong_methods_and_options_are_answered_with_what_is_allowed) {
    begin();
    say(&c, "PUT /h/x HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_STR(heard(&c), "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 23\r\nContent-Type: text/plain\r\n"
                         "Allow: GET, HEAD, OPTIONS\r\n\r\n405 Method Not Allowed\n");
    say(&c, "OPTIONS /h/x HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_STR(heard(&c), "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS\r\n\r\n");
    say(&c, GET("/h/%zz"));
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 400 ", 13), 0);
    say(&c, GET("/../h"));
    CHECK_EQ(strncmp(heard(&c), "HTTP/1.1 400 ", 13), 0);
    say(&c, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_STR(k.path, "*");
    say(&c, "GET http://a/h/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_EQ(handled, 3);
    CHECK_EQ(k.requests, 1);
    end();
}
