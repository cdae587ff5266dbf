/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes ask of each other: by role, answered exactly once, and no way out of the folder. And mounting as actors ask for it. */
#include "node/cluster_rig.h"

static unsigned  spawned, reloaded;
static call_id_t ticket_seen;
static char      module_seen[300], name_seen[300];

static bool idle(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    return true;
}

static mk_err_t hand_spawn(void *arg, runtime_t *rt, const char *module, const char *name, actor_id_t *out, char *why,
                           size_t why_size) {
    (void)arg;
    spawned++;
    snprintf(module_seen, sizeof module_seen, "%s", module);
    snprintf(name_seen, sizeof name_seen, "%s", name != NULL ? name : "(none)");
    if (strncmp(module, "later", 5) == 0) {
        ticket_seen = node_answer_later(rt);
        CHECK_EQ(node_answer_later(rt), ticket_seen); /* asked for twice it is the same */
        return MK_ERR_IO;                             /* which does not count */
    }
    if (strcmp(module, "missing") == 0) {
        snprintf(why, why_size, "no such module");
        return MK_ERR_NOTFOUND;
    }
    *out = actor_spawn(rt, idle, NULL, NULL, 0);
    return MK_OK;
}

static mk_err_t hand_reload(void *arg, runtime_t *rt, actor_id_t id, const char *module, call_id_t ticket, char *why,
                            size_t why_size) {
    (void)arg, (void)id;
    reloaded++;
    ticket_seen = ticket;
    if (strncmp(module, "later", 5) == 0) {
        CHECK_EQ(node_answer_later(rt), ticket);
        return MK_OK;
    }
    snprintf(module_seen, sizeof module_seen, "%s", module);
    snprintf(why, why_size, "%s", strcmp(module, "bad") == 0 ? "no guest" : "3 messages");
    return strcmp(module, "bad") == 0 ? MK_ERR_FORMAT : MK_OK;
}

static const node_hands_t hands = {hand_spawn, hand_reload, NULL};

/* Node 1 gives its callers that role; node 2 calls. */
static void begin_pair(node_role_t role, bool modules) {
    node_config_t config = {.plain_role = role, .modules = modules ? "/modules" : NULL};
    spawned = reloaded = 0;
    begin_as(1, 0, &config), begin(2);
    node_set_hands(rt_of(1), &hands);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
}

typedef struct question {
    const char *module, *name;
    actor_id_t  id;
    int         verb;
    call_id_t   call;
} question_t;

static void put(unsigned i, void *arg) {
    question_t *q = arg;
    if (q->verb == MK_WIRE_SPAWN) q->call = node_spawn(rt_of(i), 1, q->module, q->name);
    else if (q->verb == MK_WIRE_RELOAD) q->call = node_reload(rt_of(i), q->id, q->module);
    else q->call = node_stop(rt_of(i), q->id);
}

static const note_t *answer_to(question_t *q) {
    unsigned before = nodes[2].replies;
    in(2, put, q);
    CHECK(q->call != CALL_ID_INVALID);
    RUN_UNTIL(nodes[2].replies == before + 1, 1000);
    run_ms(100);
    CHECK_EQ(nodes[2].replies, before + 1);
    CHECK_EQ(last_note(2)->reply.call, q->call);
    return last_note(2);
}

TEST(an_operator_starts_reloads_and_stops) {
    stage(1);
    begin_pair(NODE_ROLE_OPERATOR, true);
    question_t    q = {.verb = MK_WIRE_SPAWN, .module = "echo", .name = "my echo"};
    const note_t *answer = answer_to(&q);
    CHECK_EQ(answer->reply.error, MK_OK);
    actor_id_t id = answer->reply.id;
    CHECK_EQ(actor_id_node(id), 1);
    CHECK(actor_is_alive(rt_of(1), id));
    CHECK_STR(module_seen, "echo");
    CHECK_STR(name_seen, "my echo");
    q = (question_t){.verb = MK_WIRE_RELOAD, .id = id, .module = "echo-2.1"};
    CHECK_EQ(answer_to(&q)->reply.error, MK_OK);
    CHECK_EQ(reloaded, 1);
    q = (question_t){.verb = MK_WIRE_STOP_ACTOR, .id = id};
    CHECK_EQ(answer_to(&q)->reply.error, MK_OK);
    CHECK(!actor_is_alive(rt_of(1), id));
    CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_NOTFOUND);
    q = (question_t){.verb = MK_WIRE_SPAWN, .module = "missing"};
    answer = answer_to(&q);
    CHECK_EQ(answer->reply.error, MK_ERR_NOTFOUND);
    CHECK_STR(answer->text, "no such module");
    CHECK_STR(name_seen, "(none)");
    end_all();
}

static void decide(unsigned i, void *arg) { node_reloaded(rt_of(i), *(call_id_t *)arg, WASM_RELOAD_UNDONE, "trap", 4); }

/* A reload of the ear of node 1 that was taken. */
static question_t take_reload(void) {
    question_t    q = {.verb = MK_WIRE_RELOAD, .id = nodes[1].ear, .module = "echo"};
    const note_t *answer = answer_to(&q);
    CHECK_EQ(answer->reply.error, MK_OK);
    CHECK_STR(answer->text, "3 messages");
    CHECK_EQ(nodes[2].ends, 0);
    return q;
}

/* What a hand that takes its time says in the end. */
typedef struct late {
    mk_err_t   error;
    actor_id_t id;
} late_t;

static void answer_late(unsigned i, void *arg) {
    const late_t *late = arg;
    node_answer(rt_of(i), ticket_seen, late->error, late->id, late->error == MK_OK ? "" : "not this one");
}

static const note_t *late_answer_to(question_t *q, late_t late) {
    unsigned before = nodes[2].replies;
    in(2, put, q);
    run_ms(5000);
    CHECK_EQ(nodes[2].replies, before);
    for (int i = 0; i < 2; i++) in(1, answer_late, &late); /* the second time nobody is owed one */
    RUN_UNTIL(nodes[2].replies == before + 1, 1000);
    run_ms(100);
    CHECK_EQ(nodes[2].replies, before + 1);
    CHECK_EQ(last_note(2)->reply.call, q->call);
    return last_note(2);
}

TEST(a_hand_may_answer_later) {
    stage(25);
    begin_pair(NODE_ROLE_OPERATOR, true);
    question_t    q = {.verb = MK_WIRE_SPAWN, .module = "later"};
    const note_t *answer = late_answer_to(&q, (late_t){MK_OK, nodes[1].ear});
    CHECK_EQ(answer->reply.error, MK_OK);
    CHECK_EQ(answer->reply.id, nodes[1].ear);
    answer = late_answer_to(&q, (late_t){MK_ERR_FORMAT, ACTOR_ID_INVALID});
    CHECK_EQ(answer->reply.error, MK_ERR_FORMAT);
    CHECK_STR(answer->text, "not this one");
    q = (question_t){.verb = MK_WIRE_RELOAD, .id = nodes[1].ear, .module = "later"};
    CHECK_EQ(late_answer_to(&q, (late_t){MK_ERR_FORMAT, ACTOR_ID_INVALID})->reply.error, MK_ERR_FORMAT);
    in(1, decide, &ticket_seen); /* it was not taken, so nothing becomes of it */
    run_ms(1000);
    CHECK_EQ(nodes[2].ends, 0);
    answer = late_answer_to(&q, (late_t){MK_OK, ACTOR_ID_INVALID});
    CHECK_EQ(answer->reply.error, MK_OK);
    CHECK_EQ(answer->reply.id, nodes[1].ear);
    in(1, decide, &ticket_seen);
    RUN_UNTIL(nodes[2].ends == 1, 1000);
    CHECK_EQ(node_answer_later(rt_of(1)), CALL_ID_INVALID); /* no request is being carried out */
    end_all();
}

TEST(who_is_gone_is_owed_no_answer) {
    stage(26);
    begin_pair(NODE_ROLE_OPERATOR, true);
    question_t q = {.verb = MK_WIRE_SPAWN, .module = "later"};
    late_t     late = {MK_OK, nodes[1].ear};
    in(2, put, &q);
    run_ms(1000);
    end(2);
    run_ms(60 * 1000);
    in(1, answer_late, &late);
    run_ms(1000);
    end_all();
}

TEST(what_became_of_a_reload_is_told_once) {
    stage(21);
    begin_pair(NODE_ROLE_OPERATOR, true);
    question_t q = take_reload();
    run_ms(120 * 1000); /* longer than anything else is waited for */
    CHECK_EQ(nodes[2].ends, 0);
    for (int i = 0; i < 2; i++) in(1, decide, &ticket_seen);
    RUN_UNTIL(nodes[2].ends == 1, 1000);
    run_ms(100);
    CHECK_EQ(nodes[2].ends, 1);
    const note_t *note = last_note(2);
    CHECK_EQ(note->end.ref, q.call);
    CHECK_EQ(note->end.id, nodes[1].ear);
    CHECK_EQ(note->end.outcome, WASM_RELOAD_UNDONE);
    CHECK_STR(note->text, "trap");
    q = (question_t){.verb = MK_WIRE_RELOAD, .id = nodes[1].ear, .module = "bad"};
    CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_FORMAT); /* and nothing follows */
    in(1, decide, &ticket_seen);
    run_ms(1000);
    CHECK_EQ(nodes[2].ends, 1);
    end_all();
}

TEST(what_becomes_of_a_reload_is_not_known_when_the_link_ends_before) {
    stage(22);
    begin_pair(NODE_ROLE_OPERATOR, true);
    question_t q = take_reload();
    unsigned   replies = nodes[2].replies;
    end(1);
    RUN_UNTIL(nodes[2].ends == 1, 60000);
    run_ms(1000);
    CHECK_EQ(nodes[2].ends, 1);
    CHECK_EQ(nodes[2].replies, replies);
    bool found = false;
    for (unsigned i = 0; i < NOTES; i++) {
        const note_t *note = &nodes[2].notes[i];
        if (note->end.ref != q.call) continue;
        found = note->end.outcome == WASM_RELOAD_UNKNOWN && strcmp(note->text, "the link has ended") == 0;
    }
    CHECK(found);
    end_all();
}

TEST(who_asked_and_is_gone_harms_nobody) {
    stage(23);
    begin_pair(NODE_ROLE_OPERATOR, true);
    (void)take_reload();
    end(2);
    in(1, decide, &ticket_seen);
    run_ms(1000);
    in(1, decide, &ticket_seen);
    end_all();
}

TEST(a_peer_has_a_bounded_number_of_reloads_under_way) {
    stage(24);
    begin_pair(NODE_ROLE_OPERATOR, true);
    for (unsigned i = 0; i < MK_REQUESTS_MAX; i++) (void)take_reload();
    question_t    q = {.verb = MK_WIRE_RELOAD, .id = nodes[1].ear, .module = "echo"};
    const note_t *answer = answer_to(&q);
    CHECK_EQ(answer->reply.error, MK_ERR_BUSY);
    in(1, decide, &ticket_seen);
    RUN_UNTIL(nodes[2].ends == 1, 1000);
    CHECK_EQ(answer_to(&q)->reply.error, MK_OK);
    end_all();
}

TEST(a_member_may_not) {
    stage(2);
    begin_pair(NODE_ROLE_MEMBER, true);
    question_t q = {.verb = MK_WIRE_SPAWN, .module = "echo"};
    CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_DENIED);
    q = (question_t){.verb = MK_WIRE_RELOAD, .id = nodes[1].ear, .module = "echo"};
    CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_DENIED);
    q = (question_t){.verb = MK_WIRE_STOP_ACTOR, .id = nodes[1].ear};
    CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_DENIED);
    CHECK(actor_is_alive(rt_of(1), nodes[1].ear));
    CHECK_EQ(spawned + reloaded, 0);
    end_all();
}

TEST(nothing_outside_of_the_folder_can_be_named) {
    static const char *const outside[] = {"",    "..",   "../echo", "a/b",         "/etc/passwd", ".hidden",
                                          "a b", "a\\b", "a\nb",    "caf\xc3\xa9", "a:b",         "%2e%2e"};
    stage(3);
    begin_pair(NODE_ROLE_OPERATOR, true);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        question_t q = {.verb = MK_WIRE_SPAWN, .module = outside[i]};
        CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_INVALID);
        q = (question_t){.verb = MK_WIRE_RELOAD, .id = nodes[1].ear, .module = outside[i]};
        CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_INVALID);
    }
    CHECK_EQ(spawned + reloaded, 0);
    end_all();
}

TEST(a_node_without_a_folder_starts_nothing) {
    stage(4);
    begin_pair(NODE_ROLE_OPERATOR, false);
    question_t q = {.verb = MK_WIRE_SPAWN, .module = "echo"};
    CHECK_EQ(answer_to(&q)->reply.error, MK_ERR_NOSYS);
    CHECK_EQ(spawned, 0);
    end_all();
}

static void put_many(unsigned i, void *arg) {
    unsigned  *n = arg;
    question_t q = {.verb = MK_WIRE_SPAWN, .module = "echo"};
    for (*n = 0; *n < 10000; ++*n) {
        put(i, &q);
        if (q.call == CALL_ID_INVALID) return;
    }
}

TEST(questions_are_bounded_and_each_is_answered_once_even_when_the_node_is_gone) {
    static const mk_addr_t any;
    unsigned               n;
    stage(5);
    begin_pair(NODE_ROLE_OPERATOR, true);
    in(2, put_many, &n);
    CHECK_EQ(n, MK_REQUESTS_MAX);
    RUN_UNTIL(nodes[2].replies == n, 1000);
    CHECK_EQ(spawned, n);
    mk_fake_link(&any, &any, &(mk_fake_link_t){.cut = true});
    in(2, put_many, &n);
    CHECK_EQ(n, MK_REQUESTS_MAX);
    RUN_UNTIL(nodes[2].replies == 2 * MK_REQUESTS_MAX, 10000);
    for (unsigned i = 0; i < NOTES; i++)
        if (nodes[2].notes[i].type == MSG_NODE_REPLY) CHECK_EQ(nodes[2].notes[i].reply.error, MK_ERR_CLOSED);
    run_ms(40000);
    CHECK_EQ(nodes[2].replies, 2 * MK_REQUESTS_MAX);
    question_t q = {.verb = MK_WIRE_SPAWN, .module = "echo"};
    in(2, put, &q);
    CHECK_EQ(q.call, CALL_ID_INVALID);
    end_all();
}

static bool asker(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg, (void)state;
    CHECK(node_spawn(rt, 1, "echo", NULL) != CALL_ID_INVALID);
    return false;
}

TEST(an_answer_for_an_actor_that_has_ended_is_nobody_s) {
    stage(6);
    begin_pair(NODE_ROLE_OPERATOR, true);
    mk_fake_use_host(2);
    actor_id_t id = actor_spawn(rt_of(2), asker, NULL, NULL, 0);
    CHECK(actor_send(rt_of(2), id, 5, NULL, 0));
    run_ms(1000);
    CHECK_EQ(spawned, 1);
    CHECK_EQ(nodes[2].replies, 0);
    end_all();
}

/* ---- mounting ---------------------------------------------------------------------------------------------------------------------- */

typedef struct wish {
    msg_type_t  type;
    const char *text;
} wish_t;

static void ask_ns(unsigned i, void *arg) {
    const wish_t *wish = arg;
    CHECK(actor_send(rt_of(i), actor_lookup(rt_of(i), "ns"), wish->type, wish->text, strlen(wish->text)));
}

static char answered[200]; /* the text that came with the answer */

static mk_err_t tell_ns(msg_type_t type, const char *text, uint64_t within_ms) {
    ns_reply_payload_t reply;
    unsigned           before = nodes[2].messages;
    in(2, ask_ns, &(wish_t){type, text});
    RUN_UNTIL(nodes[2].messages == before + 1, within_ms);
    const note_t *note = NULL;
    for (unsigned i = 0; i < NOTES; i++)
        if (nodes[2].notes[(nodes[2].notes_n + NOTES - 1 - i) % NOTES].type == MSG_NS_REPLY) {
            note = &nodes[2].notes[(nodes[2].notes_n + NOTES - 1 - i) % NOTES];
            break;
        }
    CHECK(note != NULL);
    memcpy(&reply, note->bytes, sizeof reply);
    CHECK(note->size == sizeof reply + reply.text_size && note->size < sizeof note->bytes);
    memcpy(answered, note->bytes + sizeof reply, reply.text_size);
    answered[reply.text_size] = '\0';
    return (mk_err_t)reply.error;
}

TEST(the_name_space_actor_mounts_and_unmounts) {
    stage(7);
    begin(1), begin(2);
    listen_at(1);
    CHECK_EQ(tell_ns(MSG_NS_MOUNT, "10.0.0.1", 1000), MK_OK);
    CHECK_STR(answered, "n1");
    CHECK(both_linked(1, 2));
    CHECK_EQ(tell_ns(MSG_NS_MOUNT, "10.0.0.1:4200", 1000), MK_OK); /* again */
    CHECK_STR(answered, "n1");
    CHECK_EQ(tell_ns(MSG_NS_UNMOUNT, "n1", 1000), MK_OK);
    RUN_UNTIL(!linked(1, 2), 2000);
    CHECK_EQ(tell_ns(MSG_NS_UNMOUNT, "n1", 1000), MK_ERR_NOTFOUND);
    run_ms(60000);
    CHECK(!linked(1, 2));
    end_all();
}

TEST(a_mount_that_fails_says_why_and_is_not_tried_again) {
    mk_addr_t a = mk_fake_addr("10.0.0.1", 0), b = mk_fake_addr("10.0.0.2", 0);
    stage(8);
    begin(1), begin(2);
    CHECK_EQ(tell_ns(MSG_NS_MOUNT, "10.0.0.1", 1000), MK_ERR_IO); /* nobody listens */
    CHECK(answered[0] != '\0');
    CHECK(cluster_of(2)->calls == NULL);
    CHECK_EQ(tell_ns(MSG_NS_MOUNT, "no/host", 1000), MK_ERR_INVALID);
    CHECK_EQ(tell_ns(MSG_NS_MOUNT, "unheard.of", 1000), MK_ERR_NOTFOUND);
    listen_at(1);
    mk_fake_cut(&a, &b, true);
    CHECK_EQ(tell_ns(MSG_NS_MOUNT, "10.0.0.1", 11000), MK_ERR_TIMEOUT);
    CHECK(cluster_of(2)->calls == NULL);
    mk_fake_cut(&a, &b, false);
    run_ms(60000);
    CHECK(!linked(1, 2));
    end_all();
}

/* Names that need seconds to come, over a link that breaks meanwhile. */
static void slow_names(unsigned seed) {
    static const mk_addr_t any;
    stage(seed);
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 1000, .bytes_per_s = 20000});
    begin(1), begin(2);
    listen_at(1);
    for (unsigned k = 0; k < 3000; k++) {
        char text[32];
        snprintf(text, sizeof text, "/bulk/%05u", k);
        CHECK(actor_register_name(rt_of(1), text, nodes[1].ear));
    }
}

static void break_link(void) {
    mk_addr_t one = mk_fake_addr("10.0.0.1", 0), two = mk_fake_addr("10.0.0.2", 0);
    int       fd = mk_fake_find(&two, &one);
    CHECK(linked(2, 1) && fd >= 0);
    mk_fake_break(fd);
}

TEST(a_mount_whose_link_breaks_before_the_names_have_come_fails_at_once) {
    ns_reply_payload_t reply;
    slow_names(12);
    in(2, ask_ns, &(wish_t){MSG_NS_MOUNT, "10.0.0.1"});
    RUN_UNTIL(linked(2, 1), 1000);
    run_ms(500);
    CHECK_EQ(nodes[2].messages, 0); /* they are on their way */
    break_link();
    RUN_UNTIL(nodes[2].messages == 1, 100);
    CHECK_EQ(last_note(2)->type, MSG_NS_REPLY);
    memcpy(&reply, last_note(2)->bytes, sizeof reply);
    CHECK(reply.error != MK_OK && reply.text_size != 0);
    CHECK(cluster_of(2)->calls == NULL);
    run_ms(30000);
    CHECK(!linked(2, 1));
    end_all();
}
