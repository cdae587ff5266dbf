/* SPDX-License-Identifier: Apache-2.0 */
/* actor_sse_test.c -- server-sent events as actors see them, on both sides: what they hear, what may lie in a mailbox, and every
 * end. The exchange around is the test's own. */
#include "http/actor_sse.h"

#include <stdlib.h>

#include "base/mem.h"
#include "runtime/play.h"

enum { ID = 9 };

static struct {
    union {
        mk_actor_link_t   link; /* what all begin with */
        mk_actor_push_t   push;
        mk_actor_source_t source;
    };
    mk_sse_push_kind_t kind;
    mk_room_t          room;
    mk_res_t           res;
    actor_t           *owner;
    mk_buffer_t        body, heard;
    mk_err_t           answer; /* to writes */
    unsigned           cuts, finishes, requests, abandons, resumes;
    bool               open, over, pushes;
} ex;

static part_t part;

/* ---- the exchange ------------------------------------------------------------------------------------------------- */

mk_actor_push_t *mk_http_find_push(runtime_t *r, http_conn_id_t id) {
    return id == ID && ex.open && ex.pushes && ex.owner != NULL && ex.owner == mk_runtime_running(r) ? &ex.push : NULL;
}

mk_err_t actor_sse_start_opts(runtime_t *r, http_conn_id_t id, const sse_options_t *options) {
    (void)r;
    (void)id;
    (void)options;
    return MK_ERR_NOTFOUND;
}

static void fini(void) {
    if (ex.pushes) mk_actor_push_fini(&ex.push);
    else mk_actor_source_fini(&ex.source);
    ex.open = false;
}

static void room_fini(runtime_t *r, mk_room_t *room) {
    (void)r;
    (void)room;
    if (ex.open) fini();
}

static bool room_admit(runtime_t *r, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    (void)r;
    (void)room;
    if (!ex.open || tag != ID || ex.owner == NULL || ex.owner != actor) return false;
    mk_actor_link_handled(&ex.link, msg);
    return true;
}

static const mk_room_ops_t room_ops = {"test", room_fini, room_admit};

static void host_send(mk_actor_link_t *link, message_t *msg) {
    CHECK(ex.owner != NULL);
    mk_room_send(link->rt, &ex.room, ex.owner, msg, link->id);
}

static void host_over(mk_actor_link_t *link) {
    CHECK(link == &ex.link && ex.open);
    fini();
    memset(&ex.source, 0xA5, sizeof ex.source); /* whoever looks at it now is wrong */
    mk_list_remove(&ex.res.node);
    ex.over = true;
}

static mk_err_t host_write(mk_actor_push_t *push, const void *bytes, size_t size) {
    CHECK(push == &ex.push);
    if (ex.answer == MK_OK) mk_buffer_append(&ex.body, bytes, size);
    return ex.answer;
}
static void host_cut(mk_actor_push_t *push) {
    ex.cuts++;
    mk_actor_push_gone(push);
}
static void host_finish(mk_actor_push_t *push) {
    ex.finishes++;
    mk_actor_push_gone(push);
}
static void host_request(mk_actor_source_t *source) {
    (void)source;
    ex.requests++;
}
static void host_abandon(mk_actor_source_t *source) {
    (void)source;
    ex.abandons++;
}
static void host_resume(mk_actor_source_t *source) {
    (void)source;
    ex.resumes++;
}

static const mk_actor_push_host_t   push_host = {{host_send, host_over}, host_write, host_cut, host_finish};
static const mk_actor_source_host_t source_host = {{host_send, host_over}, host_request, host_abandon, host_resume};

static void abandon(void) {
    ex.owner = NULL;
    if (ex.pushes) mk_actor_push_abandon(&ex.push);
    else mk_actor_source_abandon(&ex.source);
}

static void owner_ended(runtime_t *r, mk_res_t *res) {
    (void)r;
    (void)res;
    abandon();
}

static const mk_res_ops_t res_ops = {owner_ended};

/* ---- the actor ---------------------------------------------------------------------------------------------------- */

static bool on(part_t *p, message_t *msg) {
    const sse_status_payload_t *status = msg->payload;
    const sse_event_payload_t  *event = msg->payload;
    switch (msg->type) {
    case MSG_SSE_OPEN: mk_buffer_printf(&ex.heard, "open(%d) ", status->status_code); break;
    case MSG_SSE_CLOSED: mk_buffer_printf(&ex.heard, "closed(%d) ", status->status_code); break;
    case MSG_HTTP_DRAINED: mk_buffer_append_text(&ex.heard, "drained "); break;
    case MSG_SSE_EVENT:
        CHECK_EQ(strlen(sse_event_name(event)), event->event_size);
        CHECK_EQ(strlen(sse_event_data(event)), event->data_size);
        mk_buffer_printf(&ex.heard, "%s(%s) ", sse_event_name(event), sse_event_data(event));
        break;
    default: take_note(p, msg); return true;
    }
    CHECK_EQ(status->conn_id, ID);
    return true;
}

static void start(bool pushes, const sse_options_t *options) {
    const mk_sse_source_config_t config = {0};
    memset(&ex, 0, sizeof ex);
    curtain_up(NULL);
    enter(&part);
    part.on = on;
    mk_sse_push_kind_init(&ex.kind, &mk_actor_push_ops);
    CHECK_EQ(mk_room_attach(rt, &ex.room, &room_ops), MK_OK);
    ex.owner = mk_runtime_actor(rt, part.id);
    mk_actor_own(ex.owner, &ex.res, &res_ops);
    ex.open = true;
    ex.pushes = pushes;
    if (pushes) CHECK_EQ(mk_actor_push_start(&ex.push, &push_host, rt, ID, &ex.kind, options), MK_OK);
    else mk_actor_source_start(&ex.source, &source_host, rt, ID, &config);
}

static void stop(void) {
    mk_list_remove(&ex.res.node);
    curtain_down();
    mk_sse_push_kind_fini(&ex.kind);
    mk_buffer_free(&ex.body);
    mk_buffer_free(&ex.heard);
}

static const char *text_of(mk_buffer_t *buffer) {
    mk_buffer_append(buffer, "", 1);
    buffer->size = 0;
    return (const char *)buffer->bytes;
}

static const sse_options_t defaults;

static bool do_push(part_t *p, uint64_t arg) {
    (void)p;
    did_well = arg != 0 ? actor_sse_push_event(rt, ID, "5", "tick", "a\nb", 3) == MK_OK
                        : actor_sse_push(rt, ID, NULL, "hello", 5);
    return true;
}
static bool do_push_wrong(part_t *p, uint64_t arg) {
    (void)p;
    (void)arg;
    CHECK_EQ(actor_sse_push_event(rt, ID, NULL, "two\nlines", "a", 1), MK_ERR_INVALID);
    CHECK_EQ(actor_sse_push_event(rt, ID + 1, NULL, NULL, "a", 1), MK_ERR_NOTFOUND);
    CHECK(!actor_sse_start(rt, ID));
    return true;
}
static bool do_abandon(part_t *p, uint64_t arg) {
    (void)p;
    (void)arg;
    mk_list_remove(&ex.res.node);
    abandon();
    return true;
}

/* ---- server ------------------------------------------------------------------------------------------------------- */

TEST(events_are_pushed_by_their_owner) {
    start(true, &defaults);
    in(&part, do_push, 0);
    CHECK(did_well);
    in(&part, do_push, 1);
    CHECK(did_well);
    in(&part, do_push_wrong, 0);
    CHECK_STR(text_of(&ex.body), "data: hello\n\nevent: tick\nid: 5\ndata: a\ndata: b\n\n");
    CHECK(!actor_sse_push(rt, ID, NULL, "x", 1)); /* nobody */
    pass(15001);
    CHECK_STR(text_of(&ex.body), ":\n\n");
    stop();
}

TEST(a_slow_reader_is_heard_of_and_so_is_its_end) {
    start(true, &defaults);
    ex.answer = MK_ERR_FULL;
    in(&part, do_push, 0);
    CHECK(!did_well);
    mk_actor_push_drained(&ex.push);
    settle();
    ex.answer = MK_OK;
    in(&part, do_push, 0);
    CHECK(did_well);
    mk_actor_push_gone(&ex.push);
    CHECK(!ex.over);
    settle();
    CHECK(ex.over);
    CHECK_STR(text_of(&ex.heard), "drained closed(200) ");
    in(&part, do_push, 0);
    CHECK(!did_well);
    stop();
}

TEST(a_slow_reader_can_be_cut_off) {
    const sse_options_t options = {.close_when_full = true};
    start(true, &options);
    ex.answer = MK_ERR_FULL;
    in(&part, do_push, 0);
    CHECK(!did_well);
    pass(1);
    CHECK_EQ(ex.cuts, 1);
    CHECK(ex.over);
    CHECK_STR(text_of(&ex.heard), "closed(200) ");
    stop();
}

TEST(the_response_is_ended_with_its_actor) {
    start(true, &defaults);
    in(&part, do_end, 0);
    CHECK(ex.finishes == 1 && ex.over);
    stop();
    start(true, &defaults);
    mk_actor_push_gone(&ex.push);
    actor_stop(rt, part.id); /* with the last message unheard */
    settle();
    CHECK(ex.finishes == 0 && ex.over);
    stop();
}

/* ---- client ------------------------------------------------------------------------------------------------------- */

static size_t feed(const char *bytes) {
    return mk_sse_source_data(&ex.source.source, (const uint8_t *)bytes, strlen(bytes));
}

static bool respond(int status) { return mk_sse_source_response(&ex.source.source, status, "text/event-stream", 17); }

TEST(a_source_tells_its_events_and_asks_again) {
    start(false, NULL);
    CHECK_EQ(ex.requests, 1);
    CHECK(respond(200));
    feed("id: 1\nevent: tick\ndata: a\n\ndata: b\ndata\n\n");
    mk_sse_source_ended(&ex.source.source);
    pass(3001);
    CHECK_EQ(ex.requests, 2);
    CHECK(respond(200));
    feed("data: c\n\n");
    mk_sse_source_ended(&ex.source.source);
    pass(3001);
    CHECK(!respond(204));
    CHECK(!ex.over);
    settle();
    CHECK(ex.over);
    CHECK_STR(text_of(&ex.heard), "open(200) tick(a) message(b\n) open(200) message(c) closed(204) ");
    stop();
}

TEST(its_mailbox_is_not_flooded) {
    start(false, NULL);
    CHECK(respond(200));
    settle();
    char events[9 * 300 + 1] = "";
    for (unsigned i = 0; i < 300; i++) memcpy(events + 9 * i, "data: x\n\n", 10);
    size_t used = feed(events);
    CHECK_EQ(used, 9 * MK_LINK_MESSAGES_MAX);
    CHECK_EQ(feed(events + used), 0);
    settle();
    CHECK_EQ(ex.resumes, 1);
    CHECK_EQ(feed(events + used), sizeof events - 1 - used);
    settle();
    CHECK_EQ(ex.heard.size, strlen("open(200) ") + 300 * strlen("message(x) "));
    stop();
}

TEST(it_is_given_up_with_its_actor) {
    start(false, NULL);
    CHECK(respond(200));
    feed("data: x\n\n");
    in(&part, do_abandon, 0);
    CHECK(ex.over && ex.abandons == 1);
    CHECK_STR(text_of(&ex.heard), "open(200) message(x) ");
    stop();
    start(false, NULL);
    CHECK(!respond(404));
    actor_stop(rt, part.id);
    settle();
    CHECK(ex.over && ex.abandons == 0);
    stop();
}

TEST(an_event_without_memory_closes_the_source) {
    start(false, NULL);
    CHECK(respond(200));
    settle();
    char event[5000];
    memset(event, 'x', sizeof event);
    memcpy(event, "data: ", 6);
    memcpy(event + sizeof event - 3, "\n\n", 3);
    for (unsigned n = 1;; n++) { /* the one for the message is among them */
        CHECK(n < 20);
        oom_arm(n);
        size_t used = feed(event);
        bool   reached = oom_disarm();
        pass(5);
        if (!ex.open) break;
        CHECK(!reached || used <= sizeof event);
        if (!reached) break;
    }
    CHECK(ex.over && ex.abandons == 1);
    const char *heard = text_of(&ex.heard);
    CHECK(strstr(heard, "closed(") != NULL);
    stop();
}

TEST(a_runtime_may_end_with_one_open) {
    start(true, &defaults);
    stop();
    start(false, NULL);
    CHECK(respond(200));
    feed("data: x\n\ndata: half");
    stop();
}
