/* SPDX-License-Identifier: Apache-2.0 */
/* codec_body_test.c -- bodies in every framing, cut anywhere; what may be spent beside content; the chunks we write. What is
 * wrong with chunks is in codec_smuggling_test.c. */
#include "codec_rig.h"

#include "rig/oom.h"

TEST(a_body_of_a_length_ends_there) {
    const body_outcome_t *out = take_cut(MK_HTTP_LENGTH, 5, "helloGET /", 10);
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK_EQ(out->used, 5);
    CHECK_EQ(out->content_size, 5);
    CHECK_EQ(take_cut(MK_HTTP_LENGTH, 5, "hell", 4)->step, MK_HTTP_MORE);
}

TEST(a_body_until_the_end_ends_with_it) {
    mk_http_body_t body;
    size_t         used;
    mk_http_text_t data;
    mk_http_body_init(&body, MK_HTTP_UNTIL_CLOSE, 0);
    CHECK(body.kind->closes && !body.done);
    CHECK_EQ(mk_http_body_take(&body, "abc", 3, &used, &data), MK_HTTP_MORE);
    CHECK_EQ(used, 3);
    CHECK_EQ(data.size, 3);
    CHECK(mk_http_body_end(&body));
    CHECK(body.done);
    mk_http_body_init(&body, MK_HTTP_UNTIL_CLOSE, 0);
    CHECK(mk_http_body_end(&body));
}

TEST(a_body_that_is_cut_off_says_so) {
    mk_http_body_t body;
    size_t         used;
    mk_http_text_t data;
    mk_http_body_init(&body, MK_HTTP_LENGTH, 5);
    CHECK_EQ(mk_http_body_take(&body, "abcd", 4, &used, &data), MK_HTTP_MORE);
    CHECK(!mk_http_body_end(&body));
    CHECK_EQ(mk_http_body_take(&body, "e", 1, &used, &data), MK_HTTP_DONE);
    CHECK(mk_http_body_end(&body));
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    CHECK(!mk_http_body_end(&body));
    CHECK_EQ(mk_http_body_take(&body, "0\r\n\r", 4, &used, &data), MK_HTTP_MORE);
    CHECK(!mk_http_body_end(&body));
}

TEST(nothing_to_come_is_done_at_once) {
    mk_http_body_t body;
    size_t         used;
    mk_http_text_t data;
    mk_http_body_init(&body, MK_HTTP_NO_BODY, 0);
    CHECK(body.done && mk_http_body_end(&body));
    CHECK_EQ(mk_http_body_take(&body, "GET", 3, &used, &data), MK_HTTP_DONE);
    CHECK_EQ(used, 0);
    mk_http_body_init(&body, MK_HTTP_LENGTH, 0);
    CHECK(body.done && mk_http_body_end(&body));
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    CHECK(!body.done);
}

TEST(what_comes_behind_the_last_chunk_is_left) {
    const body_outcome_t *out = take_chunked_text("3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\nGET / HTTP/1.1\r\n");
    CHECK_EQ(out->step, MK_HTTP_DONE);
    CHECK_EQ(out->used, strlen("3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\n"));
    CHECK_EQ(out->content_size, 3);
}

TEST(a_line_between_chunks_has_a_limit) {
    char text[MK_HTTP_CHUNK_LINE_BYTES + 16];
    for (int over = 0; over < 2; over++) { /* the line with its CR and LF */
        memset(text, '0', sizeof text);
        snprintf(text + MK_HTTP_CHUNK_LINE_BYTES - 3 + over, 16, "1\r\nx\r\n0\r\n\r\n");
        CHECK_EQ(take_chunked_text(text)->step, over ? MK_HTTP_WRONG : MK_HTTP_DONE);
        memset(text, 'a', sizeof text);
        memcpy(text, "1;", 2);
        snprintf(text + MK_HTTP_CHUNK_LINE_BYTES - 2 + over, 16, "\r\nx\r\n0\r\n\r\n");
        CHECK_EQ(take_chunked_text(text)->step, over ? MK_HTTP_WRONG : MK_HTTP_DONE);
    }
}

TEST(a_trailer_line_has_the_same_limit) {
    char text[MK_HTTP_CHUNK_LINE_BYTES + 32];
    for (int over = 0; over < 2; over++) {
        memset(text, 'a', sizeof text);
        memcpy(text, "0\r\nA:", 5);
        snprintf(text + 3 + MK_HTTP_CHUNK_LINE_BYTES - 2 + over, 16, "\r\n\r\n");
        CHECK_EQ(take_chunked_text(text)->step, over ? MK_HTTP_WRONG : MK_HTTP_DONE);
    }
}

static mk_http_step_t take_all(mk_http_body_t *body, const char *text) {
    size_t         used = 0;
    mk_http_step_t step = MK_HTTP_MORE;
    mk_http_text_t data;
    for (size_t at = 0, size = strlen(text); at < size && step == MK_HTTP_MORE; at += used)
        step = mk_http_body_take(body, text + at, size - at, &used, &data);
    return step;
}

TEST(extensions_and_trailers_of_a_whole_body_have_a_limit) {
    mk_http_body_t body;
    mk_http_step_t step = MK_HTTP_MORE;
    uint32_t       chunks = 0;
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    while (step == MK_HTTP_MORE && chunks < 100000) step = take_all(&body, "1;abcdefghijklmno\r\nx\r\n"), chunks++;
    CHECK_EQ(step, MK_HTTP_WRONG);
    CHECK_EQ(chunks, MK_HTTP_CHUNK_OVERHEAD_BYTES / 16 + 1); /* 15 letters and a CR */
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    CHECK_EQ(take_all(&body, "0\r\n"), MK_HTTP_MORE);
    for (step = MK_HTTP_MORE, chunks = 0; step == MK_HTTP_MORE && chunks < 100000; chunks++)
        step = take_all(&body, "A: b\r\n");
    CHECK_EQ(step, MK_HTTP_WRONG);
    CHECK_EQ(chunks, MK_HTTP_CHUNK_OVERHEAD_BYTES / 6 + 1);
}

TEST(many_chunks_without_any_of_that_have_none) {
    mk_http_body_t body;
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    for (int i = 0; i < 100000; i++) CHECK_EQ(take_all(&body, "1\r\nx\r\n"), MK_HTTP_MORE);
    CHECK_EQ(take_all(&body, "0\r\n\r\n"), MK_HTTP_DONE);
    CHECK_EQ(body.received, 100000);
}

TEST(chunks_that_are_written_are_read) {
    static char content[5000];
    for (size_t i = 0; i < sizeof content; i++) content[i] = (char)i;
    mk_buffer_t wire = {0};
    size_t      at = 0;
    for (size_t size = 1; at < sizeof content; size = size * 3 + 1) {
        size_t piece = size < sizeof content - at ? size : sizeof content - at;
        CHECK(mk_http_chunk_append(&wire, content + at, piece));
        at += piece;
    }
    CHECK(mk_http_chunk_append(&wire, content, 0)); /* would be the end */
    CHECK(mk_buffer_append_text(&wire, MK_HTTP_CHUNK_LAST));
    mk_http_body_t        body;
    static body_outcome_t out;
    out = (body_outcome_t){.step = MK_HTTP_MORE};
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    take_piece(&body, (const char *)wire.bytes, wire.size, &out);
    CHECK_EQ(out.step, MK_HTTP_DONE);
    CHECK_EQ(out.content_size, sizeof content);
    CHECK(memcmp(out.content, content, sizeof content) == 0);
    mk_buffer_free(&wire);
}

TEST(a_chunks_head_is_its_size_in_hex) {
    char   out[MK_HTTP_CHUNK_HEAD_BYTES];
    size_t n = mk_http_chunk_head(out, 1);
    CHECK(n == 3 && memcmp(out, "1\r\n", 3) == 0);
    n = mk_http_chunk_head(out, 0x10);
    CHECK(n == 4 && memcmp(out, "10\r\n", 4) == 0);
    n = mk_http_chunk_head(out, UINT64_MAX);
    CHECK(n == 18 && memcmp(out, "ffffffffffffffff\r\n", 18) == 0);
}

TEST(a_chunk_that_finds_no_memory_is_not_begun) {
    mk_buffer_t out = {0};
    oom_arm_all();
    bool good = mk_http_chunk_append(&out, "abc", 3);
    oom_disarm();
    CHECK(!good && out.failed);
    CHECK_EQ(out.size, 0);
    CHECK(!mk_http_chunk_append(&out, "abc", SIZE_MAX));
    mk_buffer_free(&out);
}
