/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws_test.c -- WebSockets as an actor sees them: what it hears in which order, what it says, how much may lie in its
 * mailbox, and every end: the peer's, its own, without memory, with messages still to be read. The exchange around is the test's
 * own, the stream lies in memory. */
#include "http/actor_ws.h"

#include "base/mem.h"
#include "http/memory_stream.h"
#include "http/ws_cases.h"
#include "runtime/play.h"

enum { ID = 7 };

static struct {
    mk_actor_ws_t         aws;
    memory_stream_t       memory;
    mk_websocket_kind_t   kind;
    mk_websocket_config_t config;
    mk_room_t             room;
    mk_res_t              res;
    actor_t              *owner;
    mk_buffer_t           kept, heard;
    bool                  open, over;
} ex;

static part_t part;

/* ---- the exchange ------------------------------------------------------------------------------------------------- */

mk_actor_ws_t *mk_http_find_ws(runtime_t *r, http_conn_id_t id) {
    return id == ID && ex.open && ex.owner != NULL && ex.owner == mk_runtime_running(r) ? &ex.aws : NULL;
}

static void room_fini(runtime_t *r, mk_room_t *room) {
    (void)r;
    (void)room;
    if (ex.open) mk_actor_ws_fini(&ex.aws);
    ex.open = false;
}

static bool room_admit(runtime_t *r, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    (void)r;
    (void)room;
    if (!ex.open || tag != ID || ex.owner == NULL || ex.owner != actor) return false;
    mk_actor_link_handled(&ex.aws.link, msg);
    return true;
}

static const mk_room_ops_t room_ops = {"test", room_fini, room_admit};

static void host_send(mk_actor_link_t *link, message_t *msg) {
    CHECK(ex.owner != NULL);
    mk_room_send(link->rt, &ex.room, ex.owner, msg, link->id);
}

static void host_over(mk_actor_link_t *link) {
    CHECK(link == &ex.aws.link && ex.open);
    mk_actor_ws_fini(&ex.aws);
    memset(&ex.aws, 0xA5, sizeof ex.aws); /* whoever looks at it now is wrong */
    mk_list_remove(&ex.res.node);
    ex.open = false;
    ex.over = true;
}

static const mk_actor_host_t host = {host_send, host_over};

static void abandon(void) {
    ex.owner = NULL;
    mk_actor_ws_abandon(&ex.aws);
}

static void owner_ended(runtime_t *r, mk_res_t *res) {
    (void)r;
    (void)res;
    abandon();
}

static const mk_res_ops_t res_ops = {owner_ended};

/* ---- the actor ---------------------------------------------------------------------------------------------------- */

static bool on(part_t *p, message_t *msg) {
    mk_buffer_t *heard = &ex.heard;
    if (msg->type == MSG_WS_MESSAGE) {
        const ws_message_payload_t *m = msg->payload;
        CHECK_EQ(m->conn_id, ID);
        CHECK_EQ(msg->payload_size, sizeof *m + m->data_size);
        ws_say(heard, m->is_binary ? "binary" : "text", ws_message_data(m), m->data_size);
    } else if (msg->type == MSG_WS_OPEN || msg->type == MSG_WS_CLOSED) {
        const ws_status_payload_t *s = msg->payload;
        CHECK(s->conn_id == ID && msg->payload_size == sizeof *s);
        ws_say_code(heard, msg->type == MSG_WS_OPEN ? "open" : "closed", s->close_code, "", 0);
    } else if (msg->type == MSG_HTTP_DRAINED) {
        CHECK_EQ(((const http_conn_payload_t *)msg->payload)->conn_id, ID);
        ws_say(heard, "drained", NULL, 0);
    } else {
        take_note(p, msg);
    }
    return true;
}

static void start_with(const char *subprotocol) {
    static const mk_ws_terms_t plain;
    curtain_up(NULL);
    ex.config = (mk_websocket_config_t){0};
    mk_websocket_config_complete(&ex.config);
    enter(&part);
    part.on = on;
    memory_net.loop = mk_runtime_loop(rt);
    memory_stream_init(&ex.memory);
    mk_websocket_kind_init(&ex.kind, &mk_actor_ws_ops);
    CHECK_EQ(mk_room_attach(rt, &ex.room, &room_ops), MK_OK);
    ex.owner = mk_runtime_actor(rt, part.id);
    mk_actor_own(ex.owner, &ex.res, &res_ops);
    ex.open = true;
    ex.over = false;
    CHECK_EQ(
        mk_actor_ws_start(&ex.aws, &host, rt, ID, &ex.kind, &ex.config, &ex.memory.stream, true, &plain, subprotocol),
        MK_OK);
}

static void start(void) { start_with(NULL); }

static void stop(void) {
    mk_list_remove(&ex.res.node);
    curtain_down();
    mk_websocket_kind_fini(&ex.kind);
    mk_buffer_free(&ex.memory.out);
    mk_buffer_free(&ex.kept);
    mk_buffer_free(&ex.heard);
}

static void offer(void) {
    if (ex.memory.paused || !ex.open || ex.kept.size == 0) return;
    size_t used = mk_websocket_data(&ex.aws.ws, ex.kept.bytes, ex.kept.size);
    if (ex.open) mk_buffer_consume(&ex.kept, used);
}

static void feed(const char *words) {
    ws_case_t c = {"", words, "", 0, 0};
    ws_case_build(&c, true, &ex.kept);
    offer();
}

static const char *answers(mk_buffer_t *transcript) {
    static const mk_ws_terms_t plain;
    mk_ws_reader_t             reader;
    mk_buffer_clear(transcript);
    mk_ws_reader_init(&reader, false, &plain, 1 << 24, NULL);
    for (size_t at = 0; at < ex.memory.out.size;) {
        mk_ws_item_t  item;
        size_t        used;
        mk_ws_event_t event = mk_ws_read(&reader, ex.memory.out.bytes + at, ex.memory.out.size - at, &used, &item);
        ws_say_event(transcript, event, &item);
        at += used;
        if (event == MK_WS_MORE || event == MK_WS_CLOSE || event == MK_WS_FAIL) break;
    }
    mk_ws_reader_fini(&reader);
    mk_buffer_clear(&ex.memory.out);
    return ws_said(transcript);
}

static const char *heard(void) { return ws_said(&ex.heard); }

static bool do_send(part_t *p, uint64_t size) {
    (void)p;
    did_well = actor_ws_send_text(rt, ID, "some text of ours", (size_t)size);
    return true;
}
static bool do_close(part_t *p, uint64_t code) {
    (void)p;
    did_well = actor_ws_close(rt, ID, (uint16_t)code, code == 4000 ? "why" : NULL);
    return true;
}
static bool do_abandon(part_t *p, uint64_t arg) {
    (void)p;
    (void)arg;
    mk_list_remove(&ex.res.node);
    abandon();
    return true;
}

/* ---- tests -------------------------------------------------------------------------------------------------------- */

TEST(messages_arrive_between_open_and_closed) {
    mk_buffer_t transcript = {0};
    start();
    feed("81:Hello 01:a 80:b 82*2000 02*2000 80*1 89:ping");
    settle();
    CHECK_STR(heard(), "open(0) text(Hello) text(ab) binary(*2000) binary(*2000+1)");
    CHECK_STR(answers(&transcript), "pong(ping)");
    in(&part, do_send, 4);
    CHECK(did_well);
    CHECK_STR(answers(&transcript), "text(some)");
    feed("88#4001:bye");
    CHECK_STR(answers(&transcript), "close(4001)");
    mk_websocket_stream_closed(&ex.aws.ws, MK_OK);
    CHECK(!ex.over); /* not before the actor has heard it */
    settle();
    CHECK(ex.over);
    CHECK_STR(heard() + strlen(heard()) - 12, "closed(4001)");
    in(&part, do_send, 4);
    CHECK(!did_well);
    mk_buffer_free(&transcript);
    stop();
}

TEST(an_actor_closes_and_hears_that_it_is_closed) {
    mk_buffer_t transcript = {0};
    start();
    in(&part, do_close, 1);
    CHECK(!did_well); /* not a code */
    in(&part, do_close, 4000);
    CHECK(did_well);
    CHECK_STR(answers(&transcript), "close(4000,why)");
    in(&part, do_send, 4);
    CHECK(!did_well);
    feed("81:late 88#4000:");
    settle();
    CHECK_STR(heard(), "open(0) closed(4000)");
    CHECK(!ex.over);
    mk_websocket_stream_closed(&ex.aws.ws, MK_OK);
    CHECK(ex.over);
    mk_buffer_free(&transcript);
    stop();
}

TEST(only_the_owner_may_speak) {
    part_t stranger;
    start();
    enter(&stranger);
    in(&stranger, do_send, 4);
    CHECK(!did_well);
    in(&stranger, do_close, 1000);
    CHECK(!did_well);
    CHECK_EQ(ex.memory.out.size, 0);
    stop();
}

static bool do_protocol(part_t *p, uint64_t arg) {
    (void)p;
    (void)arg;
    CHECK_STR(ws_subprotocol(rt, ID), "chat");
    CHECK_STR(ws_subprotocol(rt, ID + 1), "");
    return true;
}

TEST(the_subprotocol_can_be_asked_for) {
    start_with("chat");
    in(&part, do_protocol, 0);
    stop();
}

TEST(what_waits_in_the_mailbox_is_bounded) {
    start();
    for (unsigned i = 0; i < 2000; i++) feed("81:x");
    CHECK(ex.memory.paused);
    CHECK_EQ(ex.aws.link.waiting, MK_LINK_MESSAGES_MAX);
    for (unsigned i = 0; ex.kept.size > 0; i++) {
        CHECK(i < 100);
        settle();
        CHECK(!ex.memory.paused); /* resumed while the actor worked */
        offer();
        CHECK(ex.aws.link.waiting <= MK_LINK_MESSAGES_MAX);
    }
    settle();
    CHECK_EQ(ex.heard.size, strlen("open(0)") + 2000 * strlen(" text(x)"));
    feed("82*200000 82*200000 82:small");
    CHECK(ex.memory.paused && ex.aws.link.waiting == 2); /* large ones count by their bytes */
    stop();
}

TEST(a_refused_message_is_followed_by_drained) {
    start();
    ex.memory.full = true;
    in(&part, do_send, 4);
    CHECK(!did_well);
    ex.memory.full = false;
    mk_websocket_drained(&ex.aws.ws);
    settle();
    CHECK_STR(heard(), "open(0) drained()");
    stop();
}

TEST(the_peer_is_told_when_the_actor_ends) {
    mk_buffer_t transcript = {0};
    start();
    feed("81:a 81:b 01:half");
    in(&part, do_end, 0);
    CHECK_STR(answers(&transcript), "close(1001)");
    CHECK(!ex.over);
    feed("80:c 81:d 88#1001:");
    CHECK(ex.memory.finished && !ex.over);
    mk_websocket_stream_closed(&ex.aws.ws, MK_OK);
    CHECK(ex.over);
    mk_buffer_free(&transcript);
    stop();
}

TEST(nothing_more_is_heard_of_what_was_given_up) {
    start();
    settle();
    feed("81:a 81:b");
    ask(part.id, do_abandon, 0); /* behind two messages that it hears, and before the two that follow */
    feed("81:c 81:d");
    settle();
    CHECK_STR(heard(), "open(0) text(a) text(b)");
    mk_websocket_stream_closed(&ex.aws.ws, MK_ERR_IO);
    CHECK(ex.over);
    settle();
    CHECK_STR(heard(), "open(0) text(a) text(b)");
    stop();
}

TEST(the_end_is_told_even_without_memory) {
    start();
    settle();
    oom_arm_all();
    mk_websocket_stream_closed(&ex.aws.ws, MK_ERR_IO);
    settle();
    oom_disarm();
    pass(5);
    CHECK_STR(heard(), "open(0) closed(1006)");
    CHECK(ex.over);
    stop();
}

TEST(a_message_without_memory_closes) {
    mk_buffer_t transcript = {0};
    start();
    settle();
    ws_case_t c = {"", "82*60000", "", 0, 0};
    ws_case_build(&c, true, &ex.kept);
    mk_buffer_reserve(&ex.memory.out, 1000);
    oom_arm_all();
    offer();
    oom_disarm();
    pass(5);
    CHECK_STR(heard(), "open(0) closed(1011)");
    answers(&transcript);
    CHECK(strncmp((const char *)transcript.bytes, "close(1011", 10) == 0);
    mk_buffer_free(&transcript);
    stop();
}

TEST(a_runtime_may_end_with_one_open) {
    start();
    feed("81:a 02*100");
    stop();
    start();
    feed("81:a 02*100 00*200");
    settle();
    feed("80*3");
    stop();
}
