/* SPDX-License-Identifier: Apache-2.0 */
/* codec_message_test.c -- heads that are written: what they look like, and that nothing a caller passes gets a second field or a
 * second message in. */
#include "http/codec/message.h"

#include "rig/oom.h"
#include "rig/rig.h"

static mk_http_text_t text(const char *of) { return mk_http_text(of); }

static bool holds(const mk_buffer_t *out, const char *wanted) {
    return out->size == strlen(wanted) && memcmp(out->bytes, wanted, out->size) == 0;
}

TEST(a_response_head_is_written) {
    mk_buffer_t out = {0};
    CHECK_EQ(mk_http_write_status(&out, 404, NULL), MK_OK);
    CHECK_EQ(mk_http_write_field(&out, text("A"), text("  b c\t")), MK_OK);
    CHECK_EQ(mk_http_write_field(&out, text("Empty"), (mk_http_text_t){NULL, 0}), MK_OK);
    CHECK_EQ(mk_http_write_number(&out, "Content-Length", UINT64_MAX), MK_OK);
    CHECK_EQ(mk_http_write_number(&out, "Age", 0), MK_OK);
    CHECK_EQ(mk_http_write_line(&out, text("X:y")), MK_OK);
    CHECK_EQ(mk_http_write_end(&out), MK_OK);
    CHECK(holds(&out, "HTTP/1.1 404 Not Found\r\nA: b c\r\nEmpty: \r\nContent-Length: 18446744073709551615\r\nAge: "
                      "0\r\nX: y\r\n\r\n"));
    mk_buffer_clear(&out);
    CHECK_EQ(mk_http_write_status(&out, 299, NULL), MK_OK);
    CHECK_EQ(mk_http_write_status(&out, 200, "Fine"), MK_OK);
    CHECK(holds(&out, "HTTP/1.1 299 \r\nHTTP/1.1 200 Fine\r\n"));
    mk_buffer_free(&out);
}

TEST(a_request_head_is_written) {
    mk_buffer_t out = {0};
    CHECK_EQ(mk_http_write_request(&out, text("GET"), text("/a?b")), MK_OK);
    CHECK(holds(&out, "GET /a?b HTTP/1.1\r\n"));
    mk_buffer_free(&out);
}

TEST(nobody_gets_a_line_in) {
    static const char *const bad[] = {"a\r\nB: c", "a\nB: c", "a\rB", "\r\n\r\nHTTP/1.1 200 OK", "a\n", "\ra",
                                      "a\x01",     "\x7f",    "a\vb"};
    mk_buffer_t              out = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(mk_http_write_status(&out, 200, bad[i]), MK_ERR_INVALID);
        CHECK_EQ(mk_http_write_request(&out, text(bad[i]), text("/")), MK_ERR_INVALID);
        CHECK_EQ(mk_http_write_request(&out, text("GET"), text(bad[i])), MK_ERR_INVALID);
        CHECK_EQ(mk_http_write_field(&out, text(bad[i]), text("x")), MK_ERR_INVALID);
        CHECK_EQ(mk_http_write_field(&out, text("X"), text(bad[i])), MK_ERR_INVALID);
        CHECK_EQ(mk_http_write_number(&out, bad[i], 1), MK_ERR_INVALID);
        CHECK_EQ(mk_http_write_line(&out, text(bad[i])), MK_ERR_INVALID);
    }
    CHECK_EQ(mk_http_write_field(&out, text("X"), (mk_http_text_t){"a\0b", 3}), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_field(&out, text("X: y"), text("z")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_field(&out, text(""), text("z")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_field(&out, text(" X"), text("z")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_request(&out, text("GET /x"), text("/")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_request(&out, text("GET"), text("/a b")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_request(&out, text("GET"), text("")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_request(&out, text("GET"), text("/\xc3\xa9")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_request(&out, text(""), text("/")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_status(&out, 99, NULL), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_status(&out, 600, NULL), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_status(&out, -200, NULL), MK_ERR_INVALID);
    CHECK_EQ(out.size, 0);
    CHECK(!out.failed);
}

TEST(framing_is_not_the_callers) {
    mk_buffer_t out = {0};
    CHECK_EQ(mk_http_write_line(&out, text("Content-Length: 5")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_line(&out, text("transfer-encoding: chunked")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_line(&out, text("Connection: close")), MK_ERR_INVALID);
    CHECK_EQ(mk_http_write_line(&out, text("no colon")), MK_ERR_INVALID);
    CHECK_EQ(out.size, 0);
}

TEST(without_memory_a_line_is_not_begun) {
    mk_buffer_t out = {0};
    CHECK_EQ(mk_http_write_status(&out, 200, NULL), MK_OK);
    size_t size = out.size;
    char   long_value[200];
    memset(long_value, 'a', sizeof long_value);
    oom_arm_all();
    mk_err_t err = mk_http_write_field(&out, text("A"), (mk_http_text_t){long_value, sizeof long_value});
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
    CHECK(out.failed);
    CHECK_EQ(out.size, size);
    mk_buffer_free(&out);
}

TEST(statuses_have_their_reasons) {
    CHECK_STR(mk_http_reason(200), "OK");
    CHECK_STR(mk_http_reason(413), "Content Too Large");
    CHECK_STR(mk_http_reason(431), "Request Header Fields Too Large");
    CHECK_STR(mk_http_reason(299), "");
    CHECK_STR(mk_http_reason(-1), "");
}
