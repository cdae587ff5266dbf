/* SPDX-License-Identifier: Apache-2.0 */
/* websocket_test.c -- sessions in both roles: the table of ws_cases.h and what a session answers to it, closing from both
 * sides, keep-alive, back-pressure, and being ended from inside of every one of its own calls. */
#include "http/websocket.h"

#include "base/mem.h"
#include "http/memory_stream.h"
#include "http/ws_cases.h"
#include "rig/oom.h"
#include "rig/rig.h"

typedef struct session {
    memory_stream_t       memory;
    mk_websocket_t        ws;
    mk_websocket_kind_t   kind;
    mk_websocket_config_t config;
    mk_buffer_t           kept, transcript;
    mk_ws_reader_t        peer; /* reads what the session writes */
    uint8_t              *room;
    bool                  with_room, over, pause_after_each, echo;
    const char           *stop_in; /* the call in which the session is stopped */
    unsigned              drained;
} session_t;

static mk_websocket_ops_t ops;

static session_t *session_of(mk_websocket_t *ws) { return mk_container_of(ws, session_t, ws); }

static void stop_if(session_t *s, const char *call) {
    if (s->stop_in != NULL && strcmp(s->stop_in, call) == 0) mk_websocket_stop(&s->ws);
}

static uint8_t *on_room(mk_websocket_t *ws, bool binary, size_t size) {
    session_t *s = session_of(ws);
    (void)binary;
    mk_free(s->room);
    return s->room = mk_alloc(size > 0 ? size : 1);
}

static void on_message(mk_websocket_t *ws, bool binary, const uint8_t *data, size_t size) {
    session_t *s = session_of(ws);
    ws_say(&s->transcript, binary ? "binary" : "text", data, size);
    if (s->pause_after_each) mk_websocket_pause(ws);
    if (s->echo) CHECK_EQ(mk_websocket_send(ws, binary, data, size), MK_OK);
    stop_if(s, "message");
}

static void on_pong(mk_websocket_t *ws, const uint8_t *data, size_t size) {
    ws_say(&session_of(ws)->transcript, "pong", data, size);
    stop_if(session_of(ws), "pong");
}

static void on_drained(mk_websocket_t *ws) {
    session_of(ws)->drained++;
    stop_if(session_of(ws), "drained");
}

static void on_closed(mk_websocket_t *ws, mk_err_t why, uint16_t code, const char *reason, size_t reason_size) {
    session_t *s = session_of(ws);
    if (why == MK_ERR_PROTO) reason_size = 0; /* a text for people */
    mk_buffer_printf(&s->transcript, "%s%s:", s->transcript.size > 0 ? " " : "", mk_err_name(why));
    mk_buffer_t said = {0};
    ws_say_code(&said, "closed", code, reason, reason_size);
    mk_buffer_append(&s->transcript, said.bytes, said.size);
    mk_buffer_free(&said);
    stop_if(s, "closed");
}

static void on_over(mk_websocket_t *ws) {
    CHECK(!session_of(ws)->over);
    session_of(ws)->over = true;
}

static session_t *start(bool server, const mk_ws_terms_t *terms, const mk_websocket_config_t *config, bool with_room) {
    session_t *s = mk_calloc(1, sizeof *s);
    ops = (mk_websocket_ops_t){with_room ? on_room : NULL, on_message, on_pong, on_drained, on_closed, on_over};
    if (memory_net.loop == NULL) memory_net_start();
    memory_stream_init(&s->memory);
    s->config = *config;
    mk_websocket_config_complete(&s->config);
    mk_websocket_kind_init(&s->kind, &ops);
    mk_websocket_start(&s->ws, &s->kind, &s->config, &s->memory.stream, server, terms);
    mk_ws_reader_init(&s->peer, !server, terms, 1 << 24, NULL);
    return s;
}

static void stop(session_t *s) {
    mk_websocket_stop(&s->ws);
    mk_websocket_stop(&s->ws); /* harmless twice */
    CHECK(!mk_timer_is_armed(&s->ws.timer));
    mk_websocket_kind_fini(&s->kind);
    mk_ws_reader_fini(&s->peer);
    mk_buffer_free(&s->memory.out);
    mk_buffer_free(&s->kept);
    mk_buffer_free(&s->transcript);
    mk_free(s->room);
    mk_free(s);
    memory_net_stop();
}

/* As the stream would. */
static void feed(session_t *s, const void *bytes, size_t size) {
    if (size > 0) mk_buffer_append(&s->kept, bytes, size);
    if (s->memory.paused || s->memory.closed || s->kept.size == 0) return;
    size_t used = mk_websocket_data(&s->ws, s->kept.bytes, s->kept.size);
    if (s->over) return;
    CHECK(used <= s->kept.size);
    mk_buffer_consume(&s->kept, used);
}

static void send_words(session_t *s, bool server, const char *words) {
    ws_case_t   c = {"", words, "", 0, 0};
    mk_buffer_t wire = {0};
    ws_case_build(&c, server, &wire);
    feed(s, wire.bytes, wire.size);
    mk_buffer_free(&wire);
}

/* What the peer has read since the last time. */
static const char *answers(session_t *s, mk_buffer_t *transcript) {
    mk_buffer_clear(transcript);
    for (size_t at = 0;;) {
        mk_ws_item_t  item;
        size_t        used;
        mk_ws_event_t event = s->memory.out.size == 0 ? MK_WS_MORE
                                                      : mk_ws_read(&s->peer, s->memory.out.bytes + at,
                                                                   s->memory.out.size - at, &used, &item);
        if (event == MK_WS_MORE) break;
        ws_say_event(transcript, event, &item);
        at += used;
        if (event == MK_WS_CLOSE || event == MK_WS_FAIL) break;
    }
    mk_buffer_clear(&s->memory.out);
    return ws_said(transcript);
}

static const mk_ws_terms_t         plain;
static const mk_websocket_config_t defaults;

/* ---- the table ---------------------------------------------------------------------------------------------------- */

/* What the application and the peer are to hear, made of what the codec says. */
static void expect(const ws_case_t *c, mk_buffer_t *heard, mk_buffer_t *answered) {
    for (const char *at = c->events; *at != '\0';) {
        size_t size = strcspn(at, " ");
        int    code = (int)strtol(at + strcspn(at, "(") + 1, NULL, 10);
        if (strncmp(at, "ping", 4) == 0) {
            mk_buffer_printf(answered, "%spong%.*s", answered->size > 0 ? " " : "", (int)size - 4, at + 4);
        } else if (strncmp(at, "fail", 4) == 0) {
            mk_buffer_printf(heard, "%sPROTO:closed(%d)", heard->size > 0 ? " " : "", code);
            mk_buffer_printf(answered, "%sclose(%d)", answered->size > 0 ? " " : "", code);
        } else if (strncmp(at, "close", 5) == 0) {
            mk_buffer_printf(heard, "%sOK:closed%.*s", heard->size > 0 ? " " : "", (int)size - 5, at + 5);
            mk_buffer_printf(answered, "%sclose(%d)", answered->size > 0 ? " " : "", code);
        } else {
            mk_buffer_printf(heard, "%s%.*s", heard->size > 0 ? " " : "", (int)size, at);
        }
        at += size;
        if (*at == ' ') at++;
    }
}

static void drop_reasons(mk_buffer_t *transcript) { /* those of our own close frames are for people */
    char *close = strstr((char *)transcript->bytes, "close(");
    char *comma = close != NULL ? strchr(close, ',') : NULL;
    if (comma != NULL) memcpy(comma, ")", 2);
}

static void run_case(const ws_case_t *c, bool server, size_t piece) {
    mk_websocket_config_t config = {.message_bytes_max = (uint32_t)c->bytes_max};
    mk_ws_terms_t         terms = ws_case_terms(c);
    mk_buffer_t           wire = {0}, heard = {0}, answered = {0}, transcript = {0};
    session_t            *s = start(server, &terms, &config, piece % 2 == 0);
    ws_case_build(c, server, &wire);
    if (piece == 0) piece = wire.size;
    for (size_t at = 0; at < wire.size; at += piece) {
        feed(s, wire.bytes + at, wire.size - at < piece ? wire.size - at : piece);
    }
    expect(c, &heard, &answered);
    const char *said = ws_said(&s->transcript), *wanted = ws_said(&heard);
    if (strcmp(said, wanted) != 0) rig_fail(__FILE__, __LINE__, "%s: \"%s\", not \"%s\"", c->name, said, wanted);
    answers(s, &transcript);
    drop_reasons(&transcript);
    said = (const char *)transcript.bytes, wanted = ws_said(&answered);
    if (strcmp(said, wanted) != 0) rig_fail(__FILE__, __LINE__, "%s: %s, not %s", c->name, said, wanted);
    bool ends = strstr(c->events, "fail") != NULL || strstr(c->events, "close") != NULL;
    CHECK_EQ(s->memory.finished, ends);
    CHECK_EQ(s->memory.discarding, ends);
    CHECK_EQ(mk_websocket_is_open(&s->ws), !ends);
    mk_websocket_stream_closed(&s->ws, MK_OK);
    CHECK(s->over);
    mk_buffer_free(&wire);
    mk_buffer_free(&heard);
    mk_buffer_free(&answered);
    mk_buffer_free(&transcript);
    stop(s);
}

static void run_table(bool server) {
    for (size_t i = 0; i < ws_cases_n; i++) {
        if (ws_cases[i].deflate != 0 && !mk_deflate_is_available()) continue;
        run_case(&ws_cases[i], server, 0);
        run_case(&ws_cases[i], server, 4099);
        if (strlen(ws_cases[i].events) < 200 && strstr(ws_cases[i].sent, "000") == NULL)
            run_case(&ws_cases[i], server, 1);
    }
}

TEST(a_server_lives_up_to_the_table) { run_table(true); }
TEST(a_client_lives_up_to_the_table) { run_table(false); }

/* ---- sending ------------------------------------------------------------------------------------------------------ */

static void check_sending(bool server, const mk_ws_terms_t *terms) {
    static uint8_t        bytes[70000];
    mk_websocket_config_t config = {.deflate_bytes_min = 1};
    mk_buffer_t           transcript = {0};
    session_t            *s = start(server, terms, &config, true);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = pattern(i);
    CHECK_EQ(mk_websocket_send(&s->ws, false, "Hello", 5), MK_OK);
    CHECK_EQ(mk_websocket_send(&s->ws, true, NULL, 0), MK_OK);
    CHECK_EQ(mk_websocket_send(&s->ws, true, bytes, 126), MK_OK);
    CHECK_EQ(mk_websocket_send(&s->ws, false, bytes, sizeof bytes), MK_OK);
    CHECK_EQ(mk_websocket_send(&s->ws, false, "\xFF", 1), MK_ERR_INVALID);
    CHECK_EQ(mk_websocket_ping(&s->ws, "x", 1), MK_OK);
    CHECK_EQ(mk_websocket_ping(&s->ws, bytes, 126), MK_ERR_TOOLONG);
    CHECK_EQ(mk_websocket_send(&s->ws, false, "Hello", 5), MK_OK);
    CHECK_STR(answers(s, &transcript), "text(Hello) binary() binary(*126) text(*70000) ping(x) text(Hello)");
    CHECK(s->kind.scratch.capacity <= 131072);
    mk_buffer_free(&transcript);
    stop(s);
}

TEST(what_is_sent_is_what_the_peer_reads) {
    check_sending(true, &plain);
    check_sending(false, &plain);
    if (!mk_deflate_is_available()) return;
    for (unsigned bits = 8; bits <= 15; bits++) {
        const mk_ws_terms_t keeps = {true, true, true, (uint8_t)bits, (uint8_t)bits};
        const mk_ws_terms_t forgets = {true, false, false, (uint8_t)bits, (uint8_t)bits};
        check_sending(true, &keeps);
        check_sending(false, &keeps);
        check_sending(true, &forgets);
        check_sending(false, &forgets);
    }
}

TEST(masks_do_not_repeat) {
    session_t *s = start(false, &plain, &defaults, false);
    uint8_t    seen[300][4];
    for (unsigned i = 0; i < 300; i++) {
        mk_ws_head_t head;
        CHECK_EQ(mk_websocket_send(&s->ws, true, "x", 1), MK_OK);
        CHECK_EQ(mk_ws_head_parse(s->memory.out.bytes, s->memory.out.size, &head), MK_OK);
        memcpy(seen[i], head.mask, 4);
        for (unsigned j = 0; j < i; j++) CHECK(memcmp(seen[i], seen[j], 4) != 0);
        mk_buffer_clear(&s->memory.out);
    }
    mk_fake_fail(MK_FAKE_ENTROPY, 1000);
    mk_err_t err = MK_OK;
    for (unsigned i = 0; i < 200 && err == MK_OK; i++) err = mk_websocket_send(&s->ws, true, "x", 1);
    CHECK(err != MK_OK);
    mk_fake_reset(1);
    stop(s);
}

TEST(a_full_stream_refuses_and_says_when_it_has_drained) {
    session_t  *s = start(true, &plain, &defaults, false);
    mk_buffer_t transcript = {0};
    s->memory.full = true;
    CHECK_EQ(mk_websocket_send(&s->ws, true, "x", 1), MK_ERR_FULL);
    mk_websocket_drained(&s->ws); /* not yet, in truth */
    CHECK_EQ(s->drained, 0);
    s->memory.full = false;
    mk_websocket_drained(&s->ws);
    mk_websocket_drained(&s->ws);
    CHECK_EQ(s->drained, 1);
    CHECK_EQ(mk_websocket_send(&s->ws, true, "x", 1), MK_OK);
    CHECK_STR(answers(s, &transcript), "binary(x)");
    mk_buffer_free(&transcript);
    stop(s);
}

/* A refused message must not have changed what the compressor remembers. */
TEST(a_refused_message_leaves_no_trace_in_the_window) {
    static const mk_ws_terms_t terms = {true, true, true, 0, 0};
    mk_websocket_config_t      config = {.deflate_bytes_min = 1};
    if (!mk_deflate_is_available()) rig_skip("no zlib");
    session_t  *s = start(true, &terms, &config, false);
    mk_buffer_t transcript = {0};
    s->memory.full = true;
    CHECK_EQ(mk_websocket_send(&s->ws, false, "a long word that will come again", 32), MK_ERR_FULL);
    s->memory.full = false;
    s->memory.out_of_memory = true;
    CHECK_EQ(mk_websocket_send(&s->ws, false, "a long word that will come again", 32), MK_ERR_NOMEM);
    s->memory.out_of_memory = false;
    CHECK_EQ(mk_websocket_send(&s->ws, false, "a-long-word-that-will-come-again", 32), MK_OK);
    CHECK_EQ(mk_websocket_send(&s->ws, false, "a-long-word-that-will-come-again", 32), MK_OK);
    CHECK(s->memory.out.size < 2 * 32);
    CHECK_STR(answers(s, &transcript), "text(a-long-word-that-will-come-again) text(a-long-word-that-will-come-again)");
    mk_buffer_free(&transcript);
    stop(s);
}

/* ---- pings -------------------------------------------------------------------------------------------------------- */

TEST(a_flood_of_pings_is_answered_once_there_is_room) {
    session_t  *s = start(true, &plain, &defaults, false);
    mk_buffer_t transcript = {0};
    s->memory.full = true;
    for (unsigned i = 0; i < 1000; i++) send_words(s, true, "89:flood");
    send_words(s, true, "89:last");
    CHECK_EQ(s->memory.out.size, 0);
    s->memory.full = false;
    mk_websocket_drained(&s->ws);
    CHECK_STR(answers(s, &transcript), "pong(last)");
    CHECK(s->ws.waiting == NULL);
    mk_buffer_free(&transcript);
    stop(s);
}

TEST(a_silent_peer_is_pinged_and_then_given_up) {
    session_t  *s = start(true, &plain, &defaults, false);
    mk_buffer_t transcript = {0};
    memory_net_pass_ms(29999);
    CHECK_STR(answers(s, &transcript), "");
    memory_net_pass_ms(2);
    CHECK_STR(answers(s, &transcript), "ping()");
    memory_net_pass_ms(9000);
    send_words(s, true, "8a:"); /* any sign of life will do */
    memory_net_pass_ms(28000);
    CHECK_STR(answers(s, &transcript), "");
    memory_net_pass_ms(2001);
    CHECK_STR(answers(s, &transcript), "ping()");
    CHECK(!s->over);
    memory_net_pass_ms(10001);
    CHECK(s->over && s->memory.reset);
    CHECK_STR(ws_said(&s->transcript), "pong() TIMEOUT:closed(1006)");
    mk_buffer_free(&transcript);
    stop(s);
}

TEST(who_is_made_to_wait_is_not_suspected) {
    session_t  *s = start(true, &plain, &defaults, false);
    mk_buffer_t transcript = {0};
    mk_websocket_pause(&s->ws);
    memory_net_pass_ms(100000);
    CHECK(!s->over);
    CHECK_STR(answers(s, &transcript), "");
    mk_websocket_resume(&s->ws);
    memory_net_pass_ms(60000);
    CHECK(s->over);
    mk_buffer_free(&transcript);
    stop(s);
}

TEST(pinging_can_be_left_out) {
    mk_websocket_config_t config = {.no_ping = true};
    session_t            *s = start(false, &plain, &config, false);
    memory_net_pass_ms(100000);
    CHECK_EQ(s->memory.out.size, 0);
    CHECK(!s->over);
    stop(s);
}

/* ---- closing ------------------------------------------------------------------------------------------------------ */

TEST(we_close_and_the_peer_agrees) {
    for (unsigned server = 0; server < 2; server++) {
        session_t  *s = start(server != 0, &plain, &defaults, false);
        mk_buffer_t transcript = {0};
        CHECK_EQ(mk_websocket_close(&s->ws, 4000, "enough", 6), MK_OK);
        CHECK_EQ(mk_websocket_close(&s->ws, 4000, "enough", 6), MK_ERR_CLOSED);
        CHECK_EQ(mk_websocket_send(&s->ws, false, "x", 1), MK_ERR_CLOSED);
        CHECK(!mk_websocket_is_open(&s->ws));
        send_words(s, server != 0, "81:late 89:late 01:a 88#4000:");
        CHECK_STR(answers(s, &transcript), "close(4000,enough)");
        CHECK_STR(ws_said(&s->transcript), "OK:closed(4000)");
        CHECK(s->memory.finished && !s->over);
        mk_websocket_end(&s->ws);
        mk_websocket_stream_closed(&s->ws, MK_OK);
        CHECK(s->over);
        mk_buffer_free(&transcript);
        stop(s);
    }
}

TEST(codes_that_may_not_be_sent_are_not) {
    session_t            *s = start(true, &plain, &defaults, false);
    static const uint16_t wrong[] = {1, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65535};
    mk_buffer_t           transcript = {0};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_EQ(mk_websocket_close(&s->ws, wrong[i], "", 0), MK_ERR_INVALID);
    }
    CHECK_EQ(mk_websocket_close(&s->ws, 1000, "\xFF", 1), MK_ERR_INVALID);
    CHECK(mk_websocket_is_open(&s->ws));
    CHECK_EQ(mk_websocket_close(&s->ws, 0, "", 0), MK_OK);
    CHECK_STR(answers(s, &transcript), "close(1005)");
    mk_buffer_free(&transcript);
    stop(s);
}

TEST(a_peer_that_does_not_agree_is_left) {
    session_t *s = start(true, &plain, &defaults, false);
    CHECK_EQ(mk_websocket_close(&s->ws, 1000, "", 0), MK_OK);
    memory_net_pass_ms(4000);
    send_words(s, true, "81:talking 8a:on"); /* which does not help */
    CHECK(!s->over);
    memory_net_pass_ms(1001);
    CHECK(s->over && s->memory.closed);
    CHECK_STR(ws_said(&s->transcript), "TIMEOUT:closed(1006)");
    stop(s);
}

TEST(a_close_waits_for_room) {
    session_t  *s = start(true, &plain, &defaults, false);
    mk_buffer_t transcript = {0};
    s->memory.full = true;
    send_words(s, true, "89:p 88#1001:bye");
    CHECK_STR(ws_said(&s->transcript), "OK:closed(1001,bye)");
    CHECK(!s->memory.finished); /* or the close would never be sent */
    s->memory.full = false;
    mk_websocket_drained(&s->ws);
    CHECK_STR(answers(s, &transcript), "close(1001)");
    CHECK(s->memory.finished);
    CHECK_EQ(s->drained, 0);
    mk_buffer_free(&transcript);
    stop(s);
}

TEST(a_connection_can_be_lost) {
    session_t *s = start(true, &plain, &defaults, false);
    mk_websocket_stream_closed(&s->ws, MK_ERR_IO);
    CHECK(s->over);
    CHECK_STR(ws_said(&s->transcript), "IO:closed(1006)");
    stop(s);
    s = start(false, &plain, &defaults, false);
    send_words(s, false, "01:never-finis");
    mk_websocket_end(&s->ws);
    CHECK_STR(ws_said(&s->transcript), "CLOSED:closed(1006)");
    CHECK(s->memory.finished && !s->over);
    mk_websocket_stream_closed(&s->ws, MK_OK);
    CHECK(s->over);
    stop(s);
}

/* ---- back-pressure ------------------------------------------------------------------------------------------------ */

TEST(paused_means_not_one_message_more) {
    session_t *s = start(true, &plain, &defaults, false);
    s->pause_after_each = true;
    send_words(s, true, "81:a 81:b 89:p 81:c");
    CHECK_STR(ws_said(&s->transcript), "text(a)");
    CHECK(s->memory.paused);
    mk_websocket_resume(&s->ws);
    feed(s, NULL, 0);
    CHECK_STR(ws_said(&s->transcript), "text(a) text(b)");
    mk_websocket_resume(&s->ws);
    mk_websocket_resume(&s->ws);
    feed(s, NULL, 0);
    CHECK_STR(ws_said(&s->transcript), "text(a) text(b) text(c)");
    stop(s);
}

TEST(what_came_before_the_end_is_read_before_it_is_told) {
    session_t *s = start(true, &plain, &defaults, false);
    s->pause_after_each = true;
    send_words(s, true, "81:a 81:b");
    mk_websocket_end(&s->ws);
    CHECK_STR(ws_said(&s->transcript), "text(a)");
    s->pause_after_each = false;
    mk_websocket_resume(&s->ws);
    feed(s, NULL, 0);
    CHECK_STR(ws_said(&s->transcript), "text(a) text(b) CLOSED:closed(1006)");
    stop(s);
    s = start(true, &plain, &defaults, false); /* and the same with nothing left to read */
    mk_websocket_pause(&s->ws);
    mk_websocket_end(&s->ws);
    memory_net_pass_ms(5);
    CHECK(!s->memory.finished);
    mk_websocket_resume(&s->ws);
    memory_net_pass_ms(5);
    CHECK_STR(ws_said(&s->transcript), "CLOSED:closed(1006)");
    stop(s);
}

TEST(closing_ends_a_pause) {
    session_t *s = start(true, &plain, &defaults, false);
    mk_websocket_pause(&s->ws);
    CHECK_EQ(mk_websocket_close(&s->ws, 1000, "", 0), MK_OK);
    CHECK(!s->memory.paused);
    mk_websocket_pause(&s->ws); /* nothing comes any more that could be too much */
    CHECK(!s->memory.paused);
    stop(s);
}

/* ---- being ended in its own calls, and without memory --------------------------------------------------------------- */

TEST(a_session_may_be_stopped_in_any_of_its_calls) {
    static const char *const calls[] = {"message", "pong", "closed", "drained"};
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        session_t *s = start(true, &plain, &defaults, true);
        s->stop_in = calls[i];
        s->memory.full = true;
        CHECK_EQ(mk_websocket_send(&s->ws, true, "x", 1), MK_ERR_FULL);
        s->memory.full = false;
        if (i == 3) mk_websocket_drained(&s->ws);
        send_words(s, true, i == 1 ? "8a: 81:more" : i == 0 ? "81:a 81:b" : "88: 81:a");
        mk_websocket_stream_closed(&s->ws, MK_OK);
        CHECK(!s->over); /* nothing is called any more */
        CHECK_STR(ws_said(&s->transcript), i == 0 ? "text(a)" : i == 1 ? "pong()" : i == 2 ? "OK:closed(1005)" : "");
        stop(s);
    }
}

TEST(no_allocation_that_fails_does_harm) {
    static const mk_ws_terms_t terms = {true, true, true, 0, 0};
    if (!mk_deflate_is_available()) rig_skip("no zlib");
    static const ws_case_t c = {"", "81:a 01:b 89:p 80:c c1~compressed 81*2000 88#1000:", "", 0, 't'};
    for (unsigned n = 1;; n++) {
        mk_websocket_config_t config = {.deflate_bytes_min = 1};
        mk_buffer_t           wire = {0};
        session_t            *s = start(false, &terms, &config, true);
        ws_case_build(&c, false, &wire);
        mk_buffer_reserve(&s->kept, wire.size);
        mk_buffer_reserve(&s->transcript, 10000);
        mk_buffer_reserve(&s->memory.out, 10000);
        if (!oom_arm(n)) break;
        for (unsigned i = 0; i < 3; i++) {
            mk_err_t err = mk_websocket_send(&s->ws, true, "compressible compressible", 25);
            CHECK(err == MK_OK || err == MK_ERR_NOMEM);
        }
        feed(s, wire.bytes, wire.size);
        bool reached = oom_disarm();
        mk_websocket_stream_closed(&s->ws, MK_OK);
        CHECK(s->over);
        mk_buffer_free(&wire);
        stop(s);
        if (!reached) break;
    }
}
