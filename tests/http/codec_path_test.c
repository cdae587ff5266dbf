/* SPDX-License-Identifier: Apache-2.0 */
/* codec_path_test.c -- paths that stay below their root, percent-encoding, queries, media types. */
#include "http/codec/path.h"

#include <stdlib.h>

#include "rig/rig.h"

/* The path, or the name of the error. The room is exactly what the header promises to be enough. */
static const char *resolve(const char *path) {
    static char kept[300];
    size_t      cap = strlen(path) + 1, size = 0;
    char       *out = malloc(cap);
    mk_err_t    err = mk_http_path_resolve(mk_http_text(path), out, cap, &size);
    if (err == MK_OK) CHECK_EQ(strlen(out), size);
    snprintf(kept, sizeof kept, "%s", err == MK_OK ? out : mk_err_name(err));
    free(out);
    return kept;
}

TEST(paths_are_decoded_and_their_dots_removed) {
    static const char *const cases[][2] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/a/", "/a/"},
        {"/a/b.c", "/a/b.c"},
        {"//", "/"},
        {"//a//b//", "/a/b/"},
        {"/./", "/"},
        {"/.", "/"},
        {"/a/.", "/a/"},
        {"/a/./b", "/a/b"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/b/..", "/a/"},
        {"/a/b/../c", "/a/c"},
        {"/a/b/../../c", "/c"},
        {"/%61", "/a"},
        {"/a%20b", "/a b"},
        {"/%2e", "/"},
        {"/a/%2E%2e/b", "/b"},
        {"/a/.%2e/b", "/b"},
        {"/...", "/..."},
        {"/.a", "/.a"},
        {"/a..", "/a.."},
        {"/..a", "/..a"},
        {"/%252e%252e/", "/%2e%2e/"},
        {"/%25", "/%"},
        {"/%c3%a9", "/\xc3\xa9"},
        {"/a+b", "/a+b"},
        {"/a;b=c", "/a;b=c"},
        {"/a//../b", "/b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) CHECK_STR(resolve(cases[i][0]), cases[i][1]);
}

TEST(no_path_climbs) {
    static const char *const up[] = {"/..",
                                     "/../",
                                     "/../a",
                                     "/a/../..",
                                     "/a/../../b",
                                     "/%2e%2e",
                                     "/%2e./a",
                                     "/.%2E/a",
                                     "/./..",
                                     "//..",
                                     "/a/b/../../..",
                                     "/../../../../etc/passwd",
                                     "/a/%2e%2e/%2e%2e/x"};
    for (size_t i = 0; i < sizeof up / sizeof *up; i++) CHECK_STR(resolve(up[i]), "DENIED");
}

TEST(paths_that_mean_different_things_to_different_people_are_refused) {
    static const char *const odd[] = {"",         "a",     "../a",   "*",          "/%",     "/%4",
                                      "/%zz",     "/%4g",  "/%00",   "/a%00.html", "/a%2fb", "/a%2Fb",
                                      "/..%2f..", "/a\\b", "/a%5cb", "/..%5c..",   "/..\\",  "/%0a",
                                      "/%0d%0a",  "/%7f",  "/%1b",   "/%+1",       "/% 1"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) CHECK_STR(resolve(odd[i]), "INVALID");
    char   out[8];
    size_t size;
    CHECK_EQ(mk_http_path_resolve((mk_http_text_t){"/\0a", 3}, out, sizeof out, &size), MK_ERR_INVALID);
}

TEST(a_path_that_does_not_fit_is_not_cut) {
    char   out[4];
    size_t size;
    CHECK_EQ(mk_http_path_resolve(mk_http_text("/ab"), out, 4, &size), MK_OK);
    CHECK_EQ(mk_http_path_resolve(mk_http_text("/ab"), out, 3, &size), MK_ERR_TOOLONG);
    CHECK_EQ(mk_http_path_resolve(mk_http_text("/ab/"), out, 4, &size), MK_ERR_TOOLONG);
    CHECK_EQ(mk_http_path_resolve(mk_http_text("/"), out, 1, &size), MK_ERR_TOOLONG);
    CHECK_EQ(mk_http_path_resolve(mk_http_text("/"), out, 2, &size), MK_OK);
}

TEST(percent_encoding_there_and_back) {
    char   all[255], out[256];
    size_t size;
    for (int i = 1; i < 256; i++) all[i - 1] = (char)i;
    mk_buffer_t encoded = {0};
    CHECK(mk_http_percent_encode(&encoded, (mk_http_text_t){all, sizeof all}, false));
    mk_http_text_t text = {(const char *)encoded.bytes, encoded.size};
    CHECK_EQ(mk_http_percent_decode(text, false, out, sizeof out, &size), MK_OK);
    CHECK(size == sizeof all && memcmp(out, all, size) == 0);
    CHECK_EQ(mk_http_percent_decode(text, true, out, sizeof out, &size), MK_OK); /* a plus was encoded */
    CHECK(size == sizeof all && memcmp(out, all, size) == 0);
    CHECK_EQ(mk_http_percent_decode(text, false, out, sizeof out - 1, &size), MK_ERR_TOOLONG);
    mk_buffer_clear(&encoded);
    CHECK(mk_http_percent_encode(&encoded, mk_http_text("a/b c~"), true));
    CHECK(mk_http_percent_encode(&encoded, mk_http_text("/"), false));
    CHECK(mk_http_percent_encode(&encoded, mk_http_text(""), false));
    CHECK(encoded.size == 11 && memcmp(encoded.bytes, "a/b%20c~%2F", 11) == 0);
    mk_buffer_free(&encoded);
    CHECK_EQ(mk_http_percent_decode(mk_http_text("a+b%2B"), true, out, sizeof out, &size), MK_OK);
    CHECK_STR(out, "a b+");
    CHECK_EQ(mk_http_percent_decode(mk_http_text("a+b"), false, out, sizeof out, &size), MK_OK);
    CHECK_STR(out, "a+b");
    CHECK_EQ(mk_http_percent_decode(mk_http_text("%00"), false, out, sizeof out, &size), MK_ERR_INVALID);
    CHECK_EQ(mk_http_percent_decode(mk_http_text("%4"), false, out, sizeof out, &size), MK_ERR_INVALID);
    CHECK_EQ(mk_http_percent_decode(mk_http_text(""), false, out, 1, &size), MK_OK);
    CHECK_EQ(mk_http_percent_decode(mk_http_text(""), false, out, 0, &size), MK_ERR_TOOLONG);
}

TEST(a_query_is_a_row_of_pairs) {
    mk_http_text_t           rest = mk_http_text("&a=1&b=&c&&=d&e=f=g&"), name, value;
    static const char *const wanted[] = {"a=1", "b=", "c", "=d", "e=f=g"};
    size_t                   n = 0;
    while (mk_http_query_next(&rest, &name, &value)) {
        char pair[20];
        snprintf(pair, sizeof pair, "%.*s%s%.*s", (int)name.size, name.at, value.at != NULL ? "=" : "", (int)value.size,
                 value.at != NULL ? value.at : "");
        CHECK(n < 5);
        CHECK_STR(pair, wanted[n]);
        n++;
    }
    CHECK_EQ(n, 5);
}

TEST(media_types) {
    CHECK_STR(mk_http_media_type("/index.HTML"), "text/html; charset=utf-8");
    CHECK_STR(mk_http_media_type("a.b/echo.wasm"), "application/wasm");
    CHECK_STR(mk_http_media_type("/a.js/b"), "application/octet-stream");
    CHECK_STR(mk_http_media_type("/a.tar.gz"), "application/gzip");
    CHECK_STR(mk_http_media_type("/.html"), "application/octet-stream");
    CHECK_STR(mk_http_media_type("/a."), "application/octet-stream");
    CHECK_STR(mk_http_media_type("/a.unknown"), "application/octet-stream");
    CHECK_STR(mk_http_media_type(""), "application/octet-stream");
}
