/* SPDX-License-Identifier: Apache-2.0 */
/* codec_url_test.c -- addresses; the table of references is that of RFC 3986 section 5.4. */
#include "http/codec/url.h"

#include <stdlib.h>

#include "rig/oom.h"
#include "rig/rig.h"

/* All there is of it in one line, or the error's name. The bytes lie in a block of exactly their size. */
static const char *words(mk_err_t err, mk_url_t *url) {
    static char out[1000];
    if (err != MK_OK) {
        CHECK(url->block == NULL);
        return mk_err_name(err);
    }
    snprintf(out, sizeof out, "%s|%s|%s|%u|%s|%s", mk_url_scheme_text(url->scheme), url->user != NULL ? url->user : "-",
             url->host, (unsigned)url->port, url->authority, url->target);
    mk_url_fini(url);
    return out;
}

static const char *parse(const char *text) {
    mk_url_t url;
    size_t   size = strlen(text);
    char    *copy = malloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '/'; /* not a NUL: nobody may rely on one */
    mk_err_t err = mk_url_parse(copy, size, &url);
    free(copy);
    return words(err, &url);
}

TEST(addresses_are_taken_apart_and_normalised) {
    static const char *const cases[][2] = {
        {"http://a", "http|-|a|80|a|/"},
        {"http://a/", "http|-|a|80|a|/"},
        {"HTTP://EXAMPLE.com:80/", "http|-|example.com|80|example.com|/"},
        {"http://a:/", "http|-|a|80|a|/"},
        {"https://a:443", "https|-|a|443|a|/"},
        {"https://a:80", "https|-|a|80|a:80|/"},
        {"ws://a:8080/chat", "ws|-|a|8080|a:8080|/chat"},
        {"wss://a", "wss|-|a|443|a|/"},
        {"http://a?b", "http|-|a|80|a|/?b"},
        {"http://a#b", "http|-|a|80|a|/"},
        {"http://a/b?c#d?e", "http|-|a|80|a|/b?c"},
        {"http://a/b?", "http|-|a|80|a|/b?"},
        {"http://a/b?c?d/../e", "http|-|a|80|a|/b?c?d/../e"},
        {"http://a/./b/../c/%2e%2E/d", "http|-|a|80|a|/d"},
        {"http://a/../../b", "http|-|a|80|a|/b"},
        {"http://a//b//", "http|-|a|80|a|//b//"},
        {"http://a/%7Euser%3a%2f%e9", "http|-|a|80|a|/~user%3A%2F%E9"},
        {"http://a/\xc3\xa9?\xc3\xa9", "http|-|a|80|a|/%C3%A9?%C3%A9"},
        {"http://a/;b=c,d@e:f!$&'()*+", "http|-|a|80|a|/;b=c,d@e:f!$&'()*+"},
        {"http://u:p@a/", "http|u:p|a|80|a|/"},
        {"http://u@a/", "http|u:|a|80|a|/"},
        {"http://:p@a/", "http|:p|a|80|a|/"},
        {"http://u%40:p%3a%c3@a/", "http|u@:p:\xc3|a|80|a|/"},
        {"http://@a/", "http|-|a|80|a|/"},
        {"http://127.0.0.1:8080/", "http|-|127.0.0.1|8080|127.0.0.1:8080|/"},
        {"http://[::1]:8080/", "http|-|::1|8080|[::1]:8080|/"},
        {"http://u:p@[2001:DB8::1]", "http|u:p|2001:db8::1|80|[2001:db8::1]|/"},
        {"http://ex%41mple/", "http|-|example|80|example|/"},
        {"http://a/b@c", "http|-|a|80|a|/b@c"},
        {"http://a?@b", "http|-|a|80|a|/?@b"},
        {"http://a#@b", "http|-|a|80|a|/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) CHECK_STR(parse(cases[i][0]), cases[i][1]);
    CHECK_STR(parse("http://a/[b]|{c}^`\"<>?[d]"), "http|-|a|80|a|/%5Bb%5D%7C%7Bc%7D%5E%60%22%3C%3E?%5Bd%5D");
}

TEST(what_is_no_address_is_refused) {
    static const char *const bad[] = {
        "",
        "a",
        "/a",
        "//a/b",
        "http",
        "http:",
        "http:a",
        "http:/a",
        "http://",
        "http:///a",
        "http://?a",
        "http://:80",
        "http://@/",
        "ftp://a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "mailto:a@b",
        "httpx://a",
        "1http://a",
        "://a",
        ":",
        "http://a b/",
        "http://a/b c",
        " http://a",
        "http://a ",
        "http://a/\t",
        "http://a/\r\nX: y",
        "http://a/\n",
        "http://a/\x7f",
        "http://a\\b",
        "http://a/\\b",
        "http://b\\@a/",
        "http://a:65536",
        "http://a:0",
        "http://a:-1",
        "http://a:+1",
        "http://a:b",
        "http://a:8 0",
        "http://[::1",
        "http://::1/",
        "http://[a]",
        "http://[::1]a",
        "http://[fe80::1%25eth0]/",
        "http://[]/",
        "http://u@b@a/",
        "http://u:p@x@a/",
        "http://\xc3\xa9/",
        "http://%c3%a9/",
        "http://a%00b/",
        "http://a%2fb/",
        "http://a%40b/",
        "http://a%25/",
        "http://a%20b/",
        "http://a%/",
        "http://a/%",
        "http://a/%4",
        "http://a/%zz",
        "http://a/?%g0",
        "http://u%0d:p@a/",
        "http://u%00@a/",
        "http://a<b/",
        "http://{a}/",
        "http://a|b/",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(parse(bad[i]), "INVALID") != 0) rig_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    }
    mk_url_t url;
    CHECK_EQ(mk_url_parse("http://a/\0b", 11, &url), MK_ERR_INVALID);
    static char text[MK_URL_BYTES_MAX + 2];
    memset(text, 'a', sizeof text);
    memcpy(text, "http://a/", 9);
    CHECK_EQ(mk_url_parse(text, MK_URL_BYTES_MAX, &url), MK_OK);
    mk_url_fini(&url);
    CHECK_EQ(mk_url_parse(text, MK_URL_BYTES_MAX + 1, &url), MK_ERR_TOOLONG);
}

TEST(digits_are_told_from_names) {
    static const struct {
        const char *text;
        bool        digits;
    } cases[] = {{"http://1.2.3.4", true},    {"http://[::1]", true},      {"http://a", false},
                 {"http://1.2.3", false},     {"http://1.2.3.256", false}, {"http://01.2.3.4", false},
                 {"http://1.2.3.4.5", false}, {"http://1.2.3.4a", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mk_url_t url;
        CHECK_EQ(mk_url_parse(cases[i].text, strlen(cases[i].text), &url), MK_OK);
        CHECK_EQ(url.digits, cases[i].digits);
        mk_url_fini(&url);
    }
}

static const char *resolve(const char *base, const char *text) {
    mk_url_t    from, url;
    mk_buffer_t out = {0};
    static char kept[400];
    CHECK_EQ(mk_url_parse(base, strlen(base), &from), MK_OK);
    mk_err_t err = mk_url_resolve(&from, text, strlen(text), &url);
    if (err == MK_OK) {
        CHECK(mk_url_append(&out, &url));
        snprintf(kept, sizeof kept, "%.*s", (int)out.size, (char *)out.bytes);
    } else {
        snprintf(kept, sizeof kept, "%s", mk_err_name(err));
    }
    mk_buffer_free(&out);
    mk_url_fini(&url);
    mk_url_fini(&from);
    return kept;
}

/* Fragments are dropped, and what leads to another scheme is refused; the rest is as printed there. */
TEST(references_resolve_as_the_rfc_says) {
    static const char *const table[][2] = {
        {"g:h", "INVALID"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/./x", "http://a/b/c/g"},
        {"g#s/../x", "http://a/b/c/g"},
        {"http:g", "INVALID"}, /* the strict reading */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        CHECK_STR(resolve("http://a/b/c/d;p?q", table[i][0]), table[i][1]);
}

TEST(references_that_lead_elsewhere) {
    CHECK_STR(resolve("http://a/b", "https://c:8443/d?e"), "https://c:8443/d?e");
    CHECK_STR(resolve("https://a:8443/b", "/c"), "https://a:8443/c");
    CHECK_STR(resolve("http://[::1]:81/b", "c"), "http://[::1]:81/c");
    CHECK_STR(resolve("http://a?b", "c"), "http://a/c");
    CHECK_STR(resolve("http://a/b/", "%2e%2e/%2E/c"), "http://a/c");
    CHECK_STR(resolve("http://a/b", "javascript:x"), "INVALID");
    CHECK_STR(resolve("http://a/b", "/c d"), "INVALID");
    CHECK_STR(resolve("http://a/b", "//"), "INVALID");
    CHECK_STR(resolve("http://a/b", "/\\c"), "INVALID");
    CHECK_STR(resolve("http://a/b", "/c\r\nX: y"), "INVALID");
    CHECK_STR(resolve("http://a/b", "1:2"), "INVALID"); /* looks like a scheme, so it is none of a path's segments */
    CHECK_STR(resolve("http://a/b", "./1:2"), "http://a/1:2");
}

static const char *resolve_user(const char *base, const char *text) {
    mk_url_t from, url;
    CHECK_EQ(mk_url_parse(base, strlen(base), &from), MK_OK);
    mk_err_t    err = mk_url_resolve(&from, text, strlen(text), &url);
    const char *out = words(err, &url);
    mk_url_fini(&from);
    return out;
}

TEST(the_user_goes_along_only_where_the_base_stays) {
    CHECK_STR(resolve_user("http://u:p%40@a:81/b", "c"), "http|u:p@|a|81|a:81|/c");
    CHECK_STR(resolve_user("http://u:p@a/b", ""), "http|u:p|a|80|a|/b");
    CHECK_STR(resolve_user("http://u:p@a/b", "//a/c"), "http|-|a|80|a|/c");
    CHECK_STR(resolve_user("http://u:p@a/b", "http://a/c"), "http|-|a|80|a|/c");
    CHECK_STR(resolve_user("http://u:p@a/b", "http://v@b/c"), "http|v:|b|80|b|/c");
}

TEST(origins) {
    static const struct {
        const char *a, *b;
        bool        same;
    } cases[] = {
        {"http://a", "http://A:80/b", true}, {"http://a", "https://a", false},
        {"http://a", "http://a:81", false},  {"http://a", "http://b", false},
        {"http://u:p@a", "http://a", true},  {"http://a", "ws://a", false},
        {"http://a", "http://a.b", false},   {"https://[::1]", "https://[::1]:443/x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mk_url_t a, b;
        CHECK_EQ(mk_url_parse(cases[i].a, strlen(cases[i].a), &a), MK_OK);
        CHECK_EQ(mk_url_parse(cases[i].b, strlen(cases[i].b), &b), MK_OK);
        CHECK_EQ(mk_url_same_origin(&a, &b), cases[i].same);
        mk_url_fini(&a);
        mk_url_fini(&b);
    }
}

TEST(without_memory_there_is_no_address) {
    const char *text = "http://user:p@[::1]:8080/a/b/c?d", *reference = "e/../\xc3\xa9?f";
    mk_url_t    base, url;
    CHECK_EQ(mk_url_parse(text, strlen(text), &base), MK_OK);
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_err_t err = mk_url_parse(text, strlen(text), &url);
        bool     failed = oom_disarm();
        CHECK_EQ(err, failed ? MK_ERR_NOMEM : MK_OK);
        CHECK_EQ(url.block == NULL, failed);
        mk_url_fini(&url);
        if (!failed) break;
    }
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_err_t err = mk_url_resolve(&base, reference, strlen(reference), &url);
        bool     failed = oom_disarm();
        CHECK_EQ(err, failed ? MK_ERR_NOMEM : MK_OK);
        CHECK_EQ(url.block == NULL, failed);
        mk_url_fini(&url);
        if (!failed) break;
    }
    mk_url_fini(&base);
}
