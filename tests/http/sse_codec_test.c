/* SPDX-License-Identifier: Apache-2.0 */
/* sse_codec_test.c -- event streams and what comes of them, cut anywhere; and what is written is what is read. */
#include <stdlib.h>

#include "base/mem.h"
#include "http/codec/sse.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"

/* Events as "name|data|id;". */
typedef struct sse_case {
    const char *name, *stream, *events;
} sse_case_t;

static const sse_case_t cases[] = {
    {"nothing", "", ""},
    {"one", "data: a\n\n", "message|a|;"},
    {"without a space", "data:a\n\n", "message|a|;"},
    {"one space only is taken away", "data:  a\n\n", "message| a|;"},
    {"a tab is not a space", "data:\ta\n\n", "message|\ta|;"},
    {"several lines", "data: a\ndata: b\ndata: c\n\n", "message|a\nb\nc|;"},
    {"CR", "data: a\rdata: b\r\rdata: c\r\r", "message|a\nb|;message|c|;"},
    {"CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "message|a\nb|;message|c|;"},
    {"all of them", "data: a\r\ndata: b\ndata: c\r\r\n", "message|a\nb\nc|;"},
    {"CR LF CR LF is two ends", "data: a\r\n\r\ndata: b\n\r\n", "message|a|;message|b|;"},
    {"LF CR is two", "data: a\n\rdata: b\n\r", "message|a|;message|b|;"},
    {"a name", "event: x\ndata: a\n\ndata: b\n\n", "x|a|;message|b|;"},
    {"the last name counts", "event: x\nevent: y\ndata: a\n\n", "y|a|;"},
    {"an empty name is none", "event: x\nevent\ndata: a\n\n", "message|a|;"},
    {"a name without data is forgotten", "event: x\n\ndata: a\n\n", "message|a|;"},
    {"empty data is data", "data\n\n", "message||;"},
    {"twice empty", "data\ndata:\n\n", "message|\n|;"},
    {"no data, no event", "\n\n\nevent: x\nid: 1\n\n", ""},
    {"the end is not in", "data: a\n\ndata: b\n", "message|a|;"},
    {"nor here", "data: a", ""},
    {"comments", ": hi\ndata: a\n:data: b\n:\n\n:\n\n", "message|a|;"},
    {"ids stay", "id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n", "message|a|1;message|b|1;message|c|2;"},
    {"an id can be taken back", "id: 1\ndata: a\n\nid\ndata: b\n\n", "message|a|1;message|b|;"},
    {"an id counts without data", "id: 7\n\ndata: a\n\n", "message|a|7;"},
    {"unknown fields", "dat: x\ndatas: y\nDATA: z\n data: w\ndata : v\nfoo\ndata: a\n\n", "message|a|;"},
    {"colons in the value", "data: a:b: c\n\n", "message|a:b: c|;"},
    {"only a colon and a space", "data: \n\n", "message||;"},
    {"a BOM is skipped",
     "\xEF\xBB\xBF"
     "data: a\n\n",
     "message|a|;"},
    {"one BOM",
     "\xEF\xBB\xBF\xEF\xBB\xBF"
     "data: a\n\ndata: b\n\n",
     "message|b|;"},
    {"a BOM later is not one",
     "data: a\n\n\xEF\xBB\xBF"
     "data: b\n\ndata: c\n\n",
     "message|a|;message|c|;"},
    {"the beginning of a BOM",
     "\xEF\xBB"
     "data: a\n\ndata: b\n\n",
     "message|b|;"},
    {"a BOM in a value stays",
     "data: \xEF\xBB\xBF"
     "a\n\n",
     "message|\xEF\xBB\xBF"
     "a|;"},
    {"UTF-8", "data: \xC3\xA4\xF0\x9F\x98\x80\n\n", "message|\xC3\xA4\xF0\x9F\x98\x80|;"},
    {"not UTF-8",
     "data: a\xFF"
     "b\xE2\x82\nevent: \xC0\nid: \xF0\x9F\ndata: c\n\n",
     "\xEF\xBF\xBD|a\xEF\xBF\xBD"
     "b\xEF\xBF\xBD\nc|\xEF\xBF\xBD;"},
};

static void say(mk_buffer_t *said, const mk_sse_event_t *event) {
    mk_buffer_append(said, event->name.at, event->name.size);
    mk_buffer_append_text(said, "|");
    mk_buffer_append(said, event->data.at, event->data.size);
    mk_buffer_append_text(said, "|");
    mk_buffer_append(said, event->id.at, event->id.size);
    mk_buffer_append_text(said, ";");
}

static mk_sse_status_t feed(mk_sse_parser_t *parser, const char *stream, size_t size, mk_buffer_t *said) {
    mk_sse_status_t status;
    size_t          at = 0;
    uint8_t        *exact = mk_alloc(size + 1); /* so that the sanitizer sees a byte too far */
    if (size > 0) memcpy(exact + 1, stream, size);
    do {
        mk_sse_event_t event;
        size_t         used;
        status = mk_sse_parse(parser, exact + 1 + at, size - at, &used, &event);
        at += used;
        if (status == MK_SSE_EVENT) say(said, &event);
    } while (status == MK_SSE_EVENT);
    if (status == MK_SSE_MORE) CHECK_EQ(at, size);
    mk_free(exact);
    return status;
}

static void check(const sse_case_t *c, const mk_buffer_t *said, size_t cut) {
    size_t size = strlen(c->events);
    if (said->size != size || (size > 0 && memcmp(said->bytes, c->events, size) != 0)) {
        rig_fail(__FILE__, __LINE__, "%s, cut at %zu: %.*s", c->name, cut, (int)said->size, (const char *)said->bytes);
    }
}

TEST(streams_are_read_wherever_they_are_cut) {
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sse_case_t *c = &cases[i];
        size_t            size = strlen(c->stream);
        for (size_t a = 0; a <= size; a++) {
            for (size_t b = a; b <= size; b++) {
                mk_sse_parser_t parser;
                mk_buffer_t     said = {0};
                mk_sse_parser_init(&parser, 1000);
                CHECK_EQ(feed(&parser, c->stream, a, &said), MK_SSE_MORE);
                CHECK_EQ(feed(&parser, c->stream + a, b - a, &said), MK_SSE_MORE);
                CHECK_EQ(feed(&parser, c->stream + b, size - b, &said), MK_SSE_MORE);
                check(c, &said, a);
                mk_buffer_free(&said);
                mk_sse_parser_fini(&parser);
            }
        }
    }
}

TEST(an_id_with_a_nul_is_ignored) {
    static const char stream[] = "id: 1\ndata: a\n\nid: 2\0"
                                 "3\ndata: b\n\n";
    mk_sse_parser_t   parser;
    mk_buffer_t       said = {0};
    mk_sse_parser_init(&parser, 1000);
    feed(&parser, stream, sizeof stream - 1, &said);
    CHECK(said.size == 24 && memcmp(said.bytes, "message|a|1;message|b|1;", 24) == 0);
    mk_buffer_free(&said);
    mk_sse_parser_fini(&parser);
}

TEST(retry_is_digits) {
    static const struct {
        const char *line;
        bool        taken;
        uint32_t    ms;
    } rows[] = {
        {"retry: 0", true, 0},     {"retry:1500", true, 1500}, {"retry: 99999999999999999999", true, UINT32_MAX},
        {"retry", false, 0},       {"retry: ", false, 0},      {"retry: -1", false, 0},
        {"retry: 1.5", false, 0},  {"retry: 1 ", false, 0},    {"retry:  1", false, 0},
        {"retry: 0x10", false, 0}, {"Retry: 1", false, 0}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        mk_sse_parser_t parser;
        mk_buffer_t     said = {0};
        mk_sse_parser_init(&parser, 1000);
        feed(&parser, rows[i].line, strlen(rows[i].line), &said);
        feed(&parser, "\n", 1, &said);
        CHECK_EQ(parser.has_retry, rows[i].taken);
        CHECK_EQ(parser.retry_ms, rows[i].ms);
        mk_sse_parser_fini(&parser);
    }
}

TEST(a_new_stream_keeps_the_id_and_nothing_else) {
    mk_sse_parser_t parser;
    mk_buffer_t     said = {0};
    mk_sse_parser_init(&parser, 1000);
    feed(&parser, "id: 5\nretry: 70\nevent: x\ndata: a", 30, &said);
    mk_sse_parser_restart(&parser);
    feed(&parser, "\xEF\xBB\xBF\ndata: b\n\n", 13, &said);
    CHECK(said.size == 12 && memcmp(said.bytes, "message|b|5;", 12) == 0);
    CHECK_EQ(parser.retry_ms, 70);
    mk_buffer_free(&said);
    mk_sse_parser_fini(&parser);
}

TEST(limits_hold_wherever_the_stream_is_cut) {
    static const struct {
        const char *stream;
        bool        good;
    } rows[] = {
        {"data: 23456789\n\n", true},
        {"data:x23456789a\n\n", true},
        {"data: 23456789 abcdefg\n\n", false},
        {"datadatadatadatadata", false},
        {"event:abcdefghijklmn\n", false},
        {"data:aaaaaaa\ndata:aaaaaaa\n\n", true},
        {"data:aaaaaaa\ndata:aaaaaaa\ndata:a\n\n", false},
        {":a comment may be as long as it likes\ndata: a\n\n", true},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = strlen(rows[i].stream);
        for (size_t cut = 0; cut <= size; cut++) {
            mk_sse_parser_t parser;
            mk_buffer_t     said = {0};
            mk_sse_parser_init(&parser, 16);
            mk_sse_status_t status = feed(&parser, rows[i].stream, cut, &said);
            if (status == MK_SSE_MORE) status = feed(&parser, rows[i].stream + cut, size - cut, &said);
            CHECK_EQ(status, rows[i].good ? MK_SSE_MORE : MK_SSE_TOOLONG);
            CHECK(parser.line.size <= 16 && parser.data.size <= 16);
            mk_buffer_free(&said);
            mk_sse_parser_fini(&parser);
        }
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static mk_http_text_t text(const char *t) { return mk_http_text(t); }

static void check_written(const mk_sse_event_t *event, const char *wanted) {
    mk_buffer_t out = {0};
    CHECK_EQ(mk_sse_write_event(&out, event), MK_OK);
    mk_buffer_append(&out, "", 1);
    CHECK_STR((const char *)out.bytes, wanted);
    mk_buffer_free(&out);
}

TEST(events_are_written_line_by_line) {
    const mk_http_text_t none = {NULL, 0};
    check_written(&(mk_sse_event_t){none, text("a"), none}, "data: a\n\n");
    check_written(&(mk_sse_event_t){none, none, none}, "data:\n\n");
    check_written(&(mk_sse_event_t){text("x"), text("a\nb\r\nc\rd"), text("7")},
                  "event: x\nid: 7\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
    check_written(&(mk_sse_event_t){none, text(" a\n\n"), text("")}, "id:\ndata:  a\ndata:\ndata:\n\n");
}

TEST(nobody_slips_in_a_field) {
    mk_buffer_t out = {0};
    CHECK_EQ(mk_sse_write_event(&out, &(mk_sse_event_t){text("a\ndata: b"), text("c"), {NULL, 0}}), MK_ERR_INVALID);
    CHECK_EQ(mk_sse_write_event(&out, &(mk_sse_event_t){text("a\r"), text("c"), {NULL, 0}}), MK_ERR_INVALID);
    CHECK_EQ(mk_sse_write_event(&out, &(mk_sse_event_t){text("a"), text("c"), text("1\n2")}), MK_ERR_INVALID);
    CHECK_EQ(mk_sse_write_event(&out, &(mk_sse_event_t){text("a"), text("c"), {"1\0002", 3}}), MK_ERR_INVALID);
    CHECK_EQ(out.size, 0);
    CHECK_EQ(mk_sse_write_comment(&out, "x\ndata: y", 9), MK_OK);
    CHECK_EQ(mk_sse_write_retry(&out, 1500), MK_OK);
    mk_buffer_append(&out, "", 1);
    CHECK_STR((const char *)out.bytes, ": x\n: data: y\n\nretry: 1500\n\n");
    mk_buffer_free(&out);
}

TEST(what_is_written_is_what_is_read) {
    rig_random_t random = {42};
    for (unsigned round = 0; round < 3000; round++) {
        static const char letters[] = "ab :\n\r\xC3\xA4:";
        char              name[8], data[40];
        size_t name_size = rig_random_below(&random, sizeof name), size = rig_random_below(&random, sizeof data);
        for (size_t i = 0; i < name_size; i++) name[i] = "ab :x"[rig_random_below(&random, 5)];
        for (size_t i = 0; i < size; i++) data[i] = letters[rig_random_below(&random, 6)];
        mk_sse_event_t  in = {{name, name_size}, {data, size}, text("9")}, event;
        mk_buffer_t     out = {0}, wanted = {0};
        mk_sse_parser_t parser;
        size_t          used;
        CHECK_EQ(mk_sse_write_event(&out, &in), MK_OK);
        for (size_t i = 0; i < size; i++) { /* every line end is an LF now */
            if (data[i] == '\r' && i + 1 < size && data[i + 1] == '\n') continue;
            mk_buffer_append(&wanted, data[i] == '\r' ? "\n" : &data[i], 1);
        }
        mk_sse_parser_init(&parser, 1000);
        CHECK_EQ(mk_sse_parse(&parser, out.bytes, out.size, &used, &event), MK_SSE_EVENT);
        CHECK_EQ(used, out.size);
        CHECK(event.data.size == wanted.size &&
              (wanted.size == 0 || memcmp(event.data.at, wanted.bytes, wanted.size) == 0));
        if (name_size > 0) CHECK(event.name.size == name_size && memcmp(event.name.at, name, name_size) == 0);
        mk_sse_parser_fini(&parser);
        mk_buffer_free(&out);
        mk_buffer_free(&wanted);
    }
}

TEST(no_allocation_that_fails_does_harm) {
    static const char stream[] = "event: a name\nid: \xFF\ndata: some \xC0 data\ndata: b\n\n";
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_sse_parser_t parser;
        mk_sse_event_t  event;
        size_t          used;
        mk_buffer_t     out = {0};
        mk_sse_parser_init(&parser, 1000);
        mk_sse_status_t status = mk_sse_parse(&parser, (const uint8_t *)stream, 20, &used, &event);
        if (status == MK_SSE_MORE) {
            status = mk_sse_parse(&parser, (const uint8_t *)stream + 20, sizeof stream - 21, &used, &event);
        }
        mk_err_t err = MK_OK;
        if (status == MK_SSE_EVENT) err = mk_sse_write_event(&out, &event);
        bool reached = oom_disarm();
        CHECK(reached == (status == MK_SSE_NOMEM || err == MK_ERR_NOMEM));
        if (err != MK_OK) CHECK_EQ(out.size, 0);
        mk_sse_parser_fini(&parser);
        mk_buffer_free(&out);
        if (!reached) break;
    }
}
