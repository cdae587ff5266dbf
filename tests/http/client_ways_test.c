/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to an answer that are not straight: redirects, proxies, upgrades. */
#include "http/client_parts.h"
#include "http/client_rig.h"

#define TO(status, where) "HTTP/1.1 " status " X\r\nLocation: " where "\r\nContent-Length: 4\r\n\r\nmove"
#define OK_(body)         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" body

static const reply_t answers[] = {
    {"GET /end ", OK_("ok"), STAYS, 0},
    {"HEAD /end ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", STAYS, 0},
    {"POST /end ", OK_("po"), STAYS, 0},
    {"PUT /end ", OK_("pu"), STAYS, 0},
    {"GET /301 ", TO("301", "/end"), STAYS, 0},
    {"HEAD /301 ", "HTTP/1.1 301 X\r\nLocation: /end\r\nContent-Length: 4\r\n\r\n", STAYS, 0},
    {"POST /301 ", TO("301", "/end"), STAYS, 0},
    {"PUT /301 ", TO("301", "/end"), STAYS, 0},
    {"POST /302 ", TO("302", "end"), STAYS, 0},
    {"POST /303 ", TO("303", "http://a.test/end"), STAYS, 0},
    {"PUT /303 ", TO("303", "//a.test/end"), STAYS, 0},
    {"POST /307 ", TO("307", "./end#x"), STAYS, 0},
    {"PUT /308 ", TO("308", "?"), STAYS, 0},
    {"POST /308 ", TO("308", "/end"), STAYS, 0},
    {"GET /300 ", TO("300", "/end"), STAYS, 0},
    {"GET /304 ", "HTTP/1.1 304 X\r\nLocation: /end\r\n\r\n", STAYS, 0},
    {"GET /nowhere ", "HTTP/1.1 302 X\r\nContent-Length: 2\r\n\r\nno", STAYS, 0},
    {"GET /loop ", TO("302", "/loop"), STAYS, 0},
    {"GET /1 ", TO("302", "/2"), STAYS, 0},
    {"GET /2 ", TO("302", "/3"), STAYS, 0},
    {"GET /3 ", TO("302", "/end"), STAYS, 0},
    {"GET /b ", TO("302", "http://b.test/end"), STAYS, 0},
    {"GET /b/and/back ", TO("302", "http://b.test/back"), STAYS, 0},
    {"GET /back ", TO("302", "http://a.test/end"), STAYS, 0},
    {"GET /secret/user ", TO("302", "http://evil:pass@b.test/end"), STAYS, 0},
    {"GET /port ", TO("302", "http://a.test:8080/end"), STAYS, 0},
    {"GET /ftp ", TO("302", "ftp://a.test/"), STAYS, 0},
    {"GET /ws ", TO("302", "ws://a.test/"), STAYS, 0},
    {"GET /bad ", TO("302", "http://"), STAYS, 0},
    {"GET /chunked ", "HTTP/1.1 302 X\r\nLocation: /end\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmove\r\n0\r\n\r\n",
     STAYS, 0},
    {"GET /until-close ", "HTTP/1.1 302 X\r\nLocation: /end\r\n\r\nmove", FINISHES, 0},
    {"GET /close ", "HTTP/1.1 302 X\r\nLocation: /end\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", FINISHES, 0},
    {"GET /huge ", "HTTP/1.1 302 X\r\nLocation: /end\r\nContent-Length: 99999999\r\n\r\nmove", STAYS, 0},
    {"GET http://b.test/end ", OK_("pr"), STAYS, 0},
    {"GET http://b.test:81/end?q ", OK_("pr"), STAYS, 0},
    {"CONNECT a.test:80 ", "HTTP/1.1 200 Connection established\r\n\r\n", STAYS, 0},
    {"CONNECT b.test:80 ", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!", STAYS, 0},
    {"CONNECT c.test:80 ", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 S\r\n", STAYS, 0},
    {"CONNECT d.test:80 ", "HTTP/1.0 2", FINISHES, 0},
    {"CONNECT e.test:80 ", "", LATER, 0},
    {"GET /upgrade ", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello", STAYS, 0},
    {"GET /no-upgrade ", OK_("no"), STAYS, 0},
    {0},
};

/* ---- redirects --------------------------------------------------------------------------------------------------- */

TEST(redirects_are_followed_as_their_status_says) {
    static const struct {
        const char *method, *path, *body, *last;
        int         status;
    } cases[] = {
        {"GET", "/301", "ok", "GET /end ", 200},         {"HEAD", "/301", "", "HEAD /end ", 200},
        {"POST", "/301", "ok", "GET /end ", 200},        {"PUT", "/301", "pu", "PUT /end ", 200},
        {"POST", "/302", "ok", "GET /end ", 200},        {"POST", "/303", "ok", "GET /end ", 200},
        {"PUT", "/303", "ok", "GET /end ", 200},         {"POST", "/307", "po", "POST /end ", 200},
        {"POST", "/308", "po", "POST /end ", 200},       {"GET", "/1", "ok", "GET /end ", 200},
        {"GET", "/chunked", "ok", "GET /end ", 200},     {"GET", "/until-close", "ok", "GET /end ", 200},
        {"GET", "/close", "ok", "GET /end ", 200},       {"GET", "/huge", "ok", "GET /end ", 200},
        {"GET", "/300", "move", "GET /300 ", 300},       {"GET", "/304", "", "GET /304 ", 304},
        {"GET", "/nowhere", "no", "GET /nowhere ", 302},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char               url[64];
        const char *const  type = "Content-Type: text/x";
        got_t              got = {0};
        bool               body = cases[i].method[0] == 'P';
        mk_fetch_options_t options = {
            .url = url, .method = cases[i].method, .headers = &type, .headers_n = 1, .body = {"abc", body ? 3 : 0}};
        snprintf(url, sizeof url, "http://a.test%s", cases[i].path);
        open_stage(answers);
        begin_opts(&got, &options);
        run_until_over(&got);
        if (got.ends != 1 || got.status != cases[i].status || !body_is(&got, cases[i].body))
            rig_fail(__FILE__, __LINE__, "%s %s: %d, %zu bytes, %s", cases[i].method, url, got.status, got.body.size,
                     got.text);
        const char *last = strstr(asked(), cases[i].last);
        CHECK(last != NULL);
        bool kept = cases[i].last[0] == 'P';
        CHECK_EQ(strstr(last, "\r\n\r\nabc") != NULL, kept);
        if (body && !kept) CHECK(strstr(last, "Content-") == NULL);
        CHECK_EQ(got.heads, 1);
        forget(&got);
        close_stage();
    }
}

TEST(redirects_have_a_limit) {
    got_t got = {0};
    open_stage(answers);
    begin(&got, "http://a.test/loop");
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_LIMIT);
    CHECK_EQ(server.requests, 6);
    CHECK_EQ(server.guests, 1);
    forget(&got);
    mk_fetch_options_t options = {.url = "http://a.test/1", .redirects_max = 2};
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK_EQ(got.why, MK_ERR_LIMIT);
    forget(&got);
    options.redirects_max = 3;
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK_EQ(got.ends, 1);
    forget(&got);
    options.redirects_max = -1;
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK_EQ(got.status, 302);
    CHECK(body_is(&got, "move"));
    forget(&got);
    close_stage();
}

TEST(only_http_is_followed) {
    static const char *const paths[] = {"http://a.test/ftp", "http://a.test/ws", "http://a.test/bad"};
    open_stage(answers);
    for (size_t i = 0; i < 3; i++) {
        got_t got = {0};
        begin(&got, paths[i]);
        run_until_over(&got);
        CHECK_EQ(got.why, MK_ERR_INVALID);
        forget(&got);
    }
    close_stage();
}

TEST(secrets_stay_with_their_origin) {
    static const struct {
        const char *url;
        bool        kept;
    } cases[] = {
        {"http://a.test/301", true},          {"http://a.test/b", false},
        {"http://a.test/port", false},        {"http://a.test/b/and/back", false},
        {"http://u:p@a.test/301", true},      {"http://u:p@a.test/b", false},
        {"http://a.test/secret/user", false}, {"http://u:p@a.test/b/and/back", false},
    };
    static const char *const headers[] = {"authorization: Bearer x", "Cookie: a=b", "Proxy-Authorization: y",
                                          "X-Else: z"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        got_t              got = {0};
        bool               user = strchr(cases[i].url, '@') != NULL;
        mk_fetch_options_t options = {.url = cases[i].url, .headers = headers + user, .headers_n = 4 - (size_t)user};
        open_stage(answers);
        begin_opts(&got, &options);
        run_until_over(&got);
        CHECK_EQ(got.ends, 1);
        const char *last = strstr(asked(), "GET /end ");
        CHECK(last != NULL);
        CHECK(strstr(last, "X-Else: z") != NULL);
        bool any = strstr(last, "uthorization") != NULL || strstr(last, "Cookie") != NULL;
        if (any != cases[i].kept) rig_fail(__FILE__, __LINE__, "%s: %s", cases[i].url, last);
        if (user && cases[i].kept) CHECK(strstr(last, "Authorization: Basic dTpw\r\n") != NULL);
        forget(&got);
        close_stage();
    }
}

TEST(a_streamed_body_is_not_sent_twice) {
    got_t              got = {0};
    mk_fetch_options_t options = {.method = "POST", .url = "http://a.test/307", .stream_body = true, .stream_bytes = 2};
    open_stage(answers);
    begin_opts(&got, &options);
    CHECK_EQ(mk_fetch_send(got.fetch, "xy", 2), MK_OK);
    CHECK_EQ(mk_fetch_send_end(got.fetch), MK_OK);
    run_until_over(&got);
    CHECK_EQ(got.status, 307);
    CHECK_EQ(server.requests, 1);
    forget(&got);
    options.url = "http://a.test/303";
    begin_opts(&got, &options);
    CHECK_EQ(mk_fetch_send(got.fetch, "xy", 2), MK_OK);
    CHECK_EQ(mk_fetch_send_end(got.fetch), MK_OK);
    run_until_over(&got);
    CHECK_EQ(got.status, 200);
    forget(&got);
    close_stage();
}

/* ---- proxies ----------------------------------------------------------------------------------------------------- */

static struct { const char *name, *value; } variables[8];

static const char *env(const char *name) {
    for (size_t i = 0; i < 8 && variables[i].name != NULL; i++)
        if (strcmp(variables[i].name, name) == 0) return variables[i].value;
    return NULL;
}

TEST(a_proxy_is_asked_for_whole_addresses) {
    got_t              got = {0};
    mk_fetch_options_t options = {.url = "http://u:p@b.test:81/end?q", .proxy = "http://me:you@proxy.test:3128"};
    open_stage(answers);
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK(body_is(&got, "pr"));
    CHECK_STR(asked(), "GET http://b.test:81/end?q HTTP/1.1\r\nHost: b.test:81\r\nAuthorization: Basic dTpw\r\n"
                       "Proxy-Authorization: Basic bWU6eW91\r\nUser-Agent: microkernel\r\nAccept: */*\r\n\r\n");
    forget(&got);
    options.proxy = "proxy.test:3128"; /* without a scheme */
    options.url = "http://b.test/end";
    begin_opts(&got, &options);
    run_until_over(&got);
    CHECK(body_is(&got, "pr"));
    forget(&got);
    static const char *const bad[] = {"https://proxy.test", "socks5://proxy.test:1080", "http://",
                                      "http://proxy.test:0", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.proxy = bad[i];
        CHECK_EQ(mk_fetch_start(client, &options, &got_ops, &got, &got.fetch, NULL), MK_ERR_INVALID);
    }
    forget(&got);
    close_stage();
}

TEST(the_environment_names_proxies) {
    static const struct {
        const char *http, *HTTP, *no, *cgi;
        bool        proxied;
    } cases[] = {
        {"http://proxy.test:3128", NULL, NULL, NULL, true},
        {NULL, "http://proxy.test:3128", NULL, NULL, true},
        {NULL, "http://proxy.test:3128", NULL, "GET", false}, /* a CGI client's own header */
        {"http://proxy.test:3128", NULL, NULL, "GET", true},
        {"", "http://proxy.test:3128", NULL, NULL, true},
        {"http://proxy.test:3128", NULL, "b.test", NULL, false},
        {"http://proxy.test:3128", NULL, "a.test,c.test", NULL, true},
        {"http://proxy.test:3128", NULL, "*", NULL, false},
        {NULL, NULL, NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        got_t got = {0};
        open_stage(answers);
        mk_client_set_env(client, env);
        variables[0].name = "http_proxy", variables[0].value = cases[i].http;
        variables[1].name = "HTTP_PROXY", variables[1].value = cases[i].HTTP;
        variables[2].name = "NO_PROXY", variables[2].value = cases[i].no;
        variables[3].name = "REQUEST_METHOD", variables[3].value = cases[i].cgi;
        begin(&got, "http://b.test/end");
        run_until_over(&got);
        if (!body_is(&got, cases[i].proxied ? "pr" : "ok")) rig_fail(__FILE__, __LINE__, "case %zu: %s", i, got.text);
        forget(&got);
        mk_fetch_options_t direct = {.url = "http://b.test/end", .proxy = ""};
        begin_opts(&got, &direct);
        run_until_over(&got);
        CHECK(body_is(&got, "ok"));
        forget(&got);
        close_stage();
    }
}

TEST(exemptions_from_proxies) {
    static const struct {
        const char *list, *url;
        bool        exempt;
    } cases[] = {
        {"", "http://a.test/", false},
        {"*", "http://a.test/", true},
        {"a.test", "http://a.test/", true},
        {"A.TEST", "http://a.test/", true},
        {"a.test", "http://sub.a.test/", true},
        {".a.test", "http://sub.a.test/", true},
        {".a.test", "http://a.test/", true},
        {"*.a.test", "http://sub.a.test/", true},
        {"a.test.", "http://a.test/", true},
        {"a.test", "http://nota.test/", false},
        {"sub.a.test", "http://a.test/", false},
        {"x, a.test ,y", "http://a.test/", true},
        {"x a.test", "http://a.test/", true},
        {"a.test:80", "http://a.test/", true},
        {"a.test:80", "http://a.test:81/", false},
        {"a.test:81", "http://a.test:81/", true},
        {"10.0.0.1", "http://10.0.0.1/", true},
        {"10.0.0.1", "http://10.0.0.11/", false},
        {"10.0.0.0/8", "http://10.200.3.4/", true},
        {"10.0.0.0/8", "http://11.0.0.1/", false},
        {"10.0.0.0/9", "http://10.127.0.1/", true},
        {"10.0.0.0/9", "http://10.128.0.1/", false},
        {"10.0.0.0/33", "http://10.0.0.0/", false},
        {"0.0.0.0/0", "http://1.2.3.4/", true},
        {"0.1", "http://10.0.0.1/", false},
        {"::1", "http://[::1]/", true},
        {"[::1]", "http://[::1]/", true},
        {"[::1]:80", "http://[::1]/", true},
        {"[::1]:81", "http://[::1]/", false},
        {"fd00::/8", "http://[fdab::1]/", true},
        {"fd00::/8", "http://[fe80::1]/", false},
        {"10.0.0.0/8", "http://[::1]/", false},
        {",,  ,", "http://a.test/", false},
        {".", "http://a.test/", false},
        {":80", "http://a.test/", false},
        {"[", "http://a.test/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mk_url_t url;
        CHECK_EQ(mk_url_parse(cases[i].url, strlen(cases[i].url), &url), MK_OK);
        if (mk_proxy_is_exempt(cases[i].list, &url) != cases[i].exempt)
            rig_fail(__FILE__, __LINE__, "\"%s\" and %s", cases[i].list, cases[i].url);
        mk_url_fini(&url);
    }
}

/* ---- upgrades, and tunnels, which they go through ---------------------------------------------------------------- */

typedef struct up {
    got_t        got;
    mk_stream_t *stream;
    unsigned     ends, closes, drains;
    mk_err_t     why;
} up_t;

static void up_upgraded(void *arg, const mk_http_response_t *response, mk_stream_t *stream) {
    up_t *up = arg;
    CHECK_EQ(response->status, 101);
    CHECK(mk_http_text_alike(response->upgrade_to, "test"));
    up->stream = stream;
    CHECK_EQ(mk_stream_write(stream, "mine", 4), MK_OK);
}
static size_t up_data(void *arg, const uint8_t *bytes, size_t size) {
    return got_data(&((up_t *)arg)->got, bytes, size);
}
static void up_end(void *arg) { ((up_t *)arg)->ends++; }
static void up_drained(void *arg) { ((up_t *)arg)->drains++; }
static void up_closed(void *arg, mk_err_t why) {
    up_t *up = arg;
    up->closes++;
    up->why = why;
    up->got.fetch = NULL;
}
static const mk_upgrade_ops_t up_ops = {up_upgraded, up_data, up_end, up_drained, up_closed};

static const char lines[] = "Connection: Upgrade\r\nUpgrade: test\r\n";

static void begin_upgrade(up_t *up, const char *url, const char *proxy) {
    *up = (up_t){0};
    mk_fetch_options_t options = {
        .url = url, .proxy = proxy, .upgrade = &up_ops, .lines = {lines, sizeof lines - 1}, .total_ms = 20000};
    begin_opts(&up->got, &options);
}

TEST(an_upgraded_connection_is_its_users) {
    static const char *const urls[] = {"http://a.test/upgrade", "ws://a.test/upgrade"};
    static const char *const proxies[] = {"", "http://proxy.test:3128"};
    for (size_t i = 0; i < 4; i++) {
        up_t up;
        open_stage(answers);
        begin_upgrade(&up, urls[i % 2], proxies[i / 2]);
        settle();
        CHECK(up.stream != NULL);
        CHECK(body_is(&up.got, "hello"));
        CHECK(strstr(asked(), "Upgrade: test") != NULL);
        guest_t *g = &server.guest[0];
        CHECK_EQ(g->in.size, 4);                 /* "mine" is no request */
        for (int n = 0; n < 60; n++) pass(1000); /* no deadline counts any more */
        CHECK_EQ(mk_stream_write(&g->stream, " you", 4), MK_OK);
        settle();
        CHECK(body_is(&up.got, "hello you"));
        mk_stream_finish(&g->stream);
        settle();
        CHECK_EQ(up.ends, 1);
        mk_stream_finish(up.stream);
        settle();
        CHECK_EQ(up.closes, 1);
        CHECK_EQ(up.why, MK_OK);
        forget(&up.got);
        close_stage();
    }
}

TEST(an_upgraded_connection_may_be_dropped_or_break) {
    up_t up;
    open_stage(answers);
    begin_upgrade(&up, "ws://a.test/upgrade", "");
    settle();
    mk_stream_close(up.stream);
    mk_fetch_cancel(up.got.fetch);
    up.got.fetch = NULL;
    CHECK_EQ(up.closes, 0);
    forget(&up.got);
    begin_upgrade(&up, "ws://a.test/upgrade", "");
    settle();
    mk_stream_reset(&server.guest[1].stream);
    server.guest[1].open = false;
    settle();
    CHECK_EQ(up.closes, 1);
    CHECK_EQ(up.why, MK_ERR_IO);
    forget(&up.got);
    close_stage();
}

TEST(what_does_not_upgrade_is_an_answer) {
    up_t up;
    open_stage(answers);
    begin_upgrade(&up, "ws://a.test/no-upgrade", "");
    run_until_over(&up.got);
    CHECK_EQ(up.got.status, 200);
    CHECK(body_is(&up.got, "no"));
    CHECK_EQ(up.closes, 0);
    forget(&up.got);
    begin_upgrade(&up, "ws://a.test/301", "");
    run_until_over(&up.got);
    CHECK_EQ(up.got.status, 301);
    forget(&up.got);
    close_stage();
}

TEST(a_tunnel_that_is_not_to_be_had) {
    static const struct {
        const char *url, *text;
        mk_err_t    why;
    } cases[] = {
        {"ws://b.test/", "the proxy answers 407 Proxy Authentication Required", MK_ERR_DENIED},
        {"ws://c.test/", "the proxy sends bytes of its own", MK_ERR_PROTO},
        {"ws://d.test/", "the proxy has closed the connection", MK_ERR_IO},
        {"ws://e.test/", "e.test: connecting took too long", MK_ERR_TIMEOUT},
        {"ws://f.test/", "the proxy answers 404 Not Found", MK_ERR_DENIED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        up_t up;
        open_stage(answers);
        begin_upgrade(&up, cases[i].url, "http://me:you@proxy.test:3128");
        run_until_over(&up.got);
        CHECK_STR(up.got.text, cases[i].text);
        CHECK_EQ(up.got.why, cases[i].why);
        CHECK(strstr(asked(), "Proxy-Authorization: Basic bWU6eW91\r\n") != NULL);
        CHECK(strstr(asked(), "Upgrade") == NULL);
        forget(&up.got);
        close_stage();
    }
}
