/* SPDX-License-Identifier: Apache-2.0 */
/* sse_test.c -- both halves of http/sse.h in virtual time: heartbeats and slow readers, attempts and their intervals, and being
 * ended from inside of every call. */
#include "http/sse.h"

#include "base/mem.h"
#include "http/memory_stream.h"
#include "rig/rig.h"

/* ---- server ------------------------------------------------------------------------------------------------------- */

typedef struct server {
    mk_sse_push_t push;
    mk_buffer_t   body;
    mk_err_t      answer; /* of the next writes */
    unsigned      drained, too_slow;
} server_t;

static server_t *server_of(mk_sse_push_t *push) { return mk_container_of(push, server_t, push); }

static mk_err_t on_write(mk_sse_push_t *push, const void *bytes, size_t size) {
    server_t *s = server_of(push);
    if (s->answer == MK_OK) mk_buffer_append(&s->body, bytes, size);
    return s->answer;
}

static void on_drained(mk_sse_push_t *push) { server_of(push)->drained++; }

static void on_too_slow(mk_sse_push_t *push) {
    server_of(push)->too_slow++;
    mk_sse_push_stop(push);
}

static const mk_sse_push_ops_t push_ops = {on_write, on_drained, on_too_slow};

static const char *body_of(server_t *s) {
    mk_buffer_append(&s->body, "", 1);
    mk_buffer_clear(&s->body);
    return (const char *)s->body.bytes;
}

static const mk_sse_event_t an_event = {{NULL, 0}, {"a", 1}, {NULL, 0}};

TEST(a_heartbeat_comes_when_nothing_else_does) {
    const mk_sse_push_config_t config = {.retry_ms = 500};
    mk_sse_push_kind_t         kind;
    server_t                   s = {0};
    memory_net_start();
    mk_sse_push_kind_init(&kind, &push_ops);
    CHECK_EQ(mk_sse_push_start(&s.push, &kind, &config, memory_net.loop), MK_OK);
    CHECK_STR(body_of(&s), "retry: 500\n\n");
    memory_net_pass_ms(10000);
    CHECK_EQ(mk_sse_push_event(&s.push, &an_event), MK_OK);
    CHECK_STR(body_of(&s), "data: a\n\n");
    memory_net_pass_ms(14990);
    CHECK_STR(body_of(&s), "");
    memory_net_pass_ms(20);
    CHECK_STR(body_of(&s), ":\n\n");
    memory_net_pass_ms(30010);
    CHECK_STR(body_of(&s), ":\n\n:\n\n");
    mk_sse_push_stop(&s.push);
    mk_sse_push_stop(&s.push);
    memory_net_pass_ms(30000);
    CHECK_STR(body_of(&s), "");
    mk_buffer_free(&s.body);
    mk_sse_push_kind_fini(&kind);
    memory_net_stop();
}

TEST(a_slow_reader_is_not_waited_for) {
    const mk_sse_push_config_t config = {0};
    mk_sse_push_kind_t         kind;
    server_t                   s = {0};
    memory_net_start();
    mk_sse_push_kind_init(&kind, &push_ops);
    CHECK_EQ(mk_sse_push_start(&s.push, &kind, &config, memory_net.loop), MK_OK);
    mk_sse_push_drained(&s.push);
    CHECK_EQ(s.drained, 0); /* nobody had been refused */
    s.answer = MK_ERR_FULL;
    CHECK_EQ(mk_sse_push_event(&s.push, &an_event), MK_ERR_FULL);
    memory_net_pass_ms(40000);
    s.answer = MK_OK;
    CHECK_STR(body_of(&s), "");
    mk_sse_push_drained(&s.push);
    CHECK_EQ(s.drained, 1);
    CHECK_EQ(mk_sse_push_event(&s.push, &an_event), MK_OK);
    CHECK_EQ(s.too_slow, 0);
    mk_sse_push_stop(&s.push);
    mk_buffer_free(&s.body);
    mk_sse_push_kind_fini(&kind);
    memory_net_stop();
}

TEST(or_is_cut_off_if_so_configured) {
    const mk_sse_push_config_t config = {.close_when_full = true};
    mk_sse_push_kind_t         kind;
    server_t                   s = {0};
    memory_net_start();
    mk_sse_push_kind_init(&kind, &push_ops);
    CHECK_EQ(mk_sse_push_start(&s.push, &kind, &config, memory_net.loop), MK_OK);
    s.answer = MK_ERR_FULL;
    CHECK_EQ(mk_sse_push_event(&s.push, &an_event), MK_ERR_FULL);
    CHECK_EQ(mk_sse_push_event(&s.push, &an_event), MK_ERR_FULL);
    CHECK_EQ(s.too_slow, 0); /* not from inside of the push */
    memory_net_pass_ms(1);
    CHECK_EQ(s.too_slow, 1);
    memory_net_pass_ms(1);
    CHECK_EQ(s.too_slow, 1);
    mk_buffer_free(&s.body);
    mk_sse_push_kind_fini(&kind);
    memory_net_stop();
}

/* ---- client ------------------------------------------------------------------------------------------------------- */

typedef struct client {
    mk_sse_source_t source;
    mk_buffer_t     said;
    unsigned        requests, abandoned, resumed;
    const char     *stop_in;
    bool            pause, fail_at_once;
} client_t;

static client_t *client_of(mk_sse_source_t *source) { return mk_container_of(source, client_t, source); }

static void stop_if(client_t *c, const char *call) {
    if (c->stop_in != NULL && strcmp(c->stop_in, call) == 0) mk_sse_source_stop(&c->source);
}

static void on_request(mk_sse_source_t *source) {
    client_t *c = client_of(source);
    c->requests++;
    if (c->fail_at_once) mk_sse_source_ended(source);
    stop_if(c, "request");
}

static void on_open(mk_sse_source_t *source, int status) {
    mk_buffer_printf(&client_of(source)->said, "open(%d) ", status);
    stop_if(client_of(source), "open");
}

static void on_event(mk_sse_source_t *source, const mk_sse_event_t *event) {
    client_t *c = client_of(source);
    mk_buffer_printf(&c->said, "%.*s(%.*s) ", (int)event->name.size, event->name.at, (int)event->data.size,
                     event->data.at);
    if (c->pause) mk_sse_source_pause(source);
    stop_if(c, "event");
}

static void on_abandon(mk_sse_source_t *source) {
    client_of(source)->abandoned++;
    stop_if(client_of(source), "abandon");
}

static void on_resume(mk_sse_source_t *source) { client_of(source)->resumed++; }

static void on_closed(mk_sse_source_t *source, mk_err_t why, int status) {
    mk_buffer_printf(&client_of(source)->said, "closed(%s,%d) ", why != MK_OK ? mk_err_name(why) : "OK", status);
}

static const mk_sse_source_ops_t source_ops = {on_request, on_open, on_event, on_abandon, on_resume, on_closed};

static void start(client_t *c, const mk_sse_source_config_t *config) {
    *c = (client_t){0};
    memory_net_start();
    mk_sse_source_init(&c->source, memory_net.loop, &source_ops, config);
    mk_sse_source_start(&c->source);
}

static const char *said(client_t *c) {
    mk_buffer_append(&c->said, "", 1);
    mk_buffer_clear(&c->said);
    return (const char *)c->said.bytes;
}

static void stop(client_t *c) {
    mk_sse_source_stop(&c->source);
    mk_buffer_free(&c->said);
    memory_net_stop();
}

static bool respond(client_t *c, int status) {
    return mk_sse_source_response(&c->source, status, "text/event-stream", 17);
}

static size_t data(client_t *c, const char *bytes) {
    return mk_sse_source_data(&c->source, (const uint8_t *)bytes, strlen(bytes));
}

static const mk_sse_source_config_t defaults;

TEST(a_stream_that_ends_is_asked_for_again) {
    client_t c;
    start(&c, &defaults);
    CHECK_EQ(c.requests, 1);
    CHECK_EQ(mk_sse_source_last_id(&c.source).size, 0);
    CHECK(respond(&c, 200));
    CHECK_EQ(data(&c, "id: 5\nevent: x\ndata: a\n\ndata: b\n\nda"), 35);
    CHECK_STR(said(&c), "open(200) x(a) message(b) ");
    mk_sse_source_ended(&c.source);
    memory_net_pass_ms(2999);
    CHECK_EQ(c.requests, 1);
    memory_net_pass_ms(3);
    CHECK_EQ(c.requests, 2);
    mk_http_text_t id = mk_sse_source_last_id(&c.source);
    CHECK(id.size == 1 && *id.at == '5');
    CHECK(respond(&c, 200));
    CHECK_EQ(data(&c, "retry: 100\ndata: c\n\n"), 20);
    mk_sse_source_ended(&c.source);
    memory_net_pass_ms(102);
    CHECK_EQ(c.requests, 3);
    CHECK_STR(said(&c), "open(200) message(c) ");
    stop(&c);
}

TEST(failures_in_a_row_are_ever_further_apart) {
    const mk_sse_source_config_t config = {.retry_ms = 1000, .retry_ms_max = 5000};
    static const unsigned        waits[] = {1000, 2000, 4000, 5000, 5000};
    client_t                     c;
    start(&c, &config);
    for (unsigned i = 0; i < sizeof waits / sizeof *waits; i++) {
        mk_sse_source_ended(&c.source);
        memory_net_pass_ms(waits[i] - 1);
        CHECK_EQ(c.requests, i + 1);
        memory_net_pass_ms(3);
        CHECK_EQ(c.requests, i + 2);
    }
    CHECK(respond(&c, 200)); /* all is well again */
    mk_sse_source_ended(&c.source);
    memory_net_pass_ms(1002);
    CHECK_EQ(c.requests, 7);
    stop(&c);
}

TEST(attempts_can_be_limited) {
    const mk_sse_source_config_t config = {.attempts_max = 3, .retry_ms = 10};
    client_t                     c;
    start(&c, &config);
    c.fail_at_once = true;
    mk_sse_source_ended(&c.source);
    memory_net_pass_ms(1000);
    CHECK_EQ(c.requests, 3);
    CHECK_STR(said(&c), "closed(LIMIT,0) ");
    stop(&c);
}

TEST(some_answers_are_final) {
    static const struct {
        int         status;
        const char *type, *said;
    } rows[] = {
        {204, NULL, "closed(OK,204) "},
        {404, "text/event-stream", "closed(PROTO,404) "},
        {500, "text/event-stream", "closed(PROTO,500) "},
        {301, "text/event-stream", "closed(PROTO,301) "},
        {200, NULL, "closed(PROTO,200) "},
        {200, "text/html", "closed(PROTO,200) "},
        {200, "text/event-streams", "closed(PROTO,200) "},
        {200, "Text/Event-Stream ; charset=utf-8", "open(200) "},
        {200, "text/event-stream;charset=utf-8", "open(200) "},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        client_t c;
        start(&c, &defaults);
        size_t size = rows[i].type != NULL ? strlen(rows[i].type) : 0;
        bool   wanted = mk_sse_source_response(&c.source, rows[i].status, rows[i].type, size);
        CHECK_STR(said(&c), rows[i].said);
        CHECK_EQ(wanted, *rows[i].said == 'o');
        memory_net_pass_ms(100000);
        CHECK_EQ(c.requests, 1);
        stop(&c);
    }
}

TEST(errors_of_a_server_can_be_sat_out) {
    const mk_sse_source_config_t config = {.retry_errors = true, .retry_ms = 100};
    client_t                     c;
    start(&c, &config);
    CHECK(!respond(&c, 503));
    memory_net_pass_ms(102);
    CHECK(!respond(&c, 429));
    memory_net_pass_ms(202);
    CHECK_EQ(c.requests, 3);
    CHECK(!respond(&c, 404));
    CHECK_STR(said(&c), "closed(PROTO,404) ");
    stop(&c);
}

TEST(a_large_event_is_the_end) {
    const mk_sse_source_config_t config = {.event_bytes_max = 16};
    client_t                     c;
    start(&c, &config);
    CHECK(respond(&c, 200));
    data(&c, "data: a\n\ndata: that is too much of it\n\ndata: b\n\n");
    CHECK_STR(said(&c), "open(200) message(a) closed(TOOLONG,200) ");
    CHECK_EQ(c.abandoned, 1);
    stop(&c);
}

TEST(a_pause_stops_events_and_silence_does_not_count) {
    const mk_sse_source_config_t config = {.silence_ms = 1000, .retry_ms = 10};
    client_t                     c;
    start(&c, &config);
    CHECK(respond(&c, 200));
    c.pause = true;
    CHECK_EQ(data(&c, "data: a\n\ndata: b\n\n"), 9);
    CHECK_EQ(data(&c, "data: b\n\n"), 0);
    memory_net_pass_ms(10000);
    CHECK_EQ(c.abandoned, 0);
    c.pause = false;
    mk_sse_source_resume(&c.source);
    mk_sse_source_resume(&c.source);
    CHECK_EQ(c.resumed, 1);
    CHECK_EQ(data(&c, "data: b\n\n"), 9);
    CHECK_STR(said(&c), "open(200) message(a) message(b) ");
    memory_net_pass_ms(900);
    CHECK_EQ(data(&c, ":\n"), 2);
    memory_net_pass_ms(900);
    CHECK_EQ(c.abandoned, 0);
    memory_net_pass_ms(202);
    CHECK_EQ(c.abandoned, 1);
    CHECK_EQ(c.requests, 2);
    stop(&c);
}

TEST(a_source_may_be_stopped_in_any_of_its_calls) {
    static const char *const     calls[] = {"request", "open", "event", "abandon"};
    const mk_sse_source_config_t config = {.silence_ms = 1000, .retry_ms = 10};
    for (unsigned i = 0; i < 4; i++) {
        client_t c = {.stop_in = calls[i]};
        memory_net_start();
        mk_sse_source_init(&c.source, memory_net.loop, &source_ops, &config);
        mk_sse_source_start(&c.source);
        respond(&c, 200);
        data(&c, "data: a\n\ndata: b\n\n");
        memory_net_pass_ms(5000);
        CHECK_EQ(c.requests, 1);
        CHECK_STR(said(&c), i == 0   ? ""
                            : i == 1 ? "open(200) "
                            : i == 2 ? "open(200) message(a) "
                                     : "open(200) message(a) message(b) ");
        stop(&c);
    }
}
