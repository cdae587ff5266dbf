/* SPDX-License-Identifier: Apache-2.0 */
/* What the name-space actor and the capabilities actor answer. */
#include "ns/stage.h"

#include "base/buffer.h"
#include "microkernel/actor.h"
#include "rig/random.h"
#include "runtime/far.h"

static part_t a, b;

/* ---- asking ---- */

static struct {
    msg_type_t  type;
    const void *payload;
    size_t      size;
    actor_id_t  to;
    bool        as_message;
} question;

static struct {
    unsigned   n;
    msg_type_t type;
    uint32_t   error;
    size_t     size;
    char       text[40000];
} heard;

static bool note_reply(part_t *part, message_t *msg) {
    ns_reply_payload_t head = {0};
    (void)part;
    heard.n++;
    heard.type = msg->type;
    heard.error = UINT32_MAX;
    heard.size = 0;
    if (msg->type == MSG_NS_REPLY) {
        CHECK(msg->payload_size >= sizeof head);
        memcpy(&head, msg->payload, sizeof head);
        CHECK_EQ(msg->payload_size, sizeof head + head.text_size);
        heard.error = head.error;
        heard.size = head.text_size;
        memcpy(heard.text, (const char *)msg->payload + sizeof head, heard.size);
    } else if (msg->type == MSG_CAPS_REPLY) {
        heard.size = msg->payload_size;
        if (heard.size != 0) memcpy(heard.text, msg->payload, heard.size);
    }
    heard.text[heard.size] = '\0';
    return true;
}

static bool put_question(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    if (question.as_message) CHECK(actor_send(rt, question.to, question.type, question.payload, question.size));
    else CHECK(actor_call(rt, question.to, question.type, question.payload, question.size, 60000) != CALL_ID_INVALID);
    return true;
}

static void send_to(part_t *who, actor_id_t to, msg_type_t type, const void *payload, size_t size) {
    question.type = type;
    question.payload = payload;
    question.size = size;
    question.to = to;
    heard.n = 0;
    in(who, put_question, 0);
}

static actor_id_t ns_id;

static uint32_t asked(part_t *who, msg_type_t type, const char *text) {
    send_to(who, ns_id, type, text, strlen(text));
    CHECK_EQ(heard.n, 1);
    CHECK_EQ(heard.type, MSG_NS_REPLY);
    return heard.error;
}

static void up(void) {
    ns_up();
    ns_id = ns_actor_init(rt);
    CHECK(ns_id != ACTOR_ID_INVALID);
    enter(&a);
    enter(&b);
    a.on = b.on = note_reply;
    question.as_message = false;
}

/* ---- names ---- */

TEST(there_is_one_name_space_actor) {
    up();
    CHECK_EQ(actor_lookup(rt, "ns"), ns_id);
    CHECK_EQ(ns_actor_init(rt), ns_id);
    CHECK_STR(told(), "");
    actor_stop(rt, ns_id);
    settle();
    actor_id_t next = ns_actor_init(rt);
    CHECK(next != ACTOR_ID_INVALID && next != ns_id);
    curtain_down();
}

TEST(no_actor_starts_where_the_name_is_taken) {
    ns_up();
    enter(&a);
    CHECK(actor_register_name(rt, "ns", a.id));
    CHECK_EQ(ns_actor_init(rt), ACTOR_ID_INVALID);
    CHECK(actor_unregister_name(rt, "ns"));
    CHECK(ns_actor_init(rt) != ACTOR_ID_INVALID);
    curtain_down();
}

TEST(names_come_and_go_by_message) {
    up();
    for (unsigned i = 0; i < 2; i++) {
        question.as_message = i;
        CHECK_EQ(asked(&a, MSG_NAME_REGISTER, "x"), MK_OK);
        CHECK_EQ(actor_lookup(rt, "x"), a.id);
        CHECK_EQ(asked(&b, MSG_NAME_REGISTER, "x"), MK_ERR_EXISTS);
        CHECK_STR(heard.text, mk_err_text(MK_ERR_EXISTS));
        CHECK_EQ(asked(&b, MSG_NAME_UNREGISTER, "x"), MK_ERR_DENIED);
        CHECK_EQ(asked(&a, MSG_NAME_UNREGISTER, "y"), MK_ERR_NOTFOUND);
        CHECK_EQ(asked(&a, MSG_NAME_UNREGISTER, "x"), MK_OK);
        CHECK_EQ(actor_lookup(rt, "x"), ACTOR_ID_INVALID);
    }
    CHECK_EQ(asked(&a, MSG_NAME_REGISTER, ""), MK_ERR_INVALID);
    send_to(&a, ns_id, MSG_NAME_REGISTER, "a\0b", 3);
    CHECK_EQ(heard.error, MK_ERR_INVALID);
    static char long_name[300];
    memset(long_name, 'l', sizeof long_name - 1);
    CHECK_EQ(asked(&a, MSG_NAME_REGISTER, long_name), MK_ERR_TOOLONG);
    CHECK_EQ(asked(&a, MSG_NAME_UNREGISTER, "ns"), MK_ERR_DENIED);
    curtain_down();
}

TEST(what_is_not_a_request_is_no_matter) {
    up();
    send_to(&a, ns_id, 5, "hello", 5);
    CHECK_EQ(heard.n, 0);
    question.as_message = true;
    send_to(&a, ns_id, MSG_NS_REPLY, "hello", 5);
    send_to(&a, ns_id, MSG_CAPS_REQUEST, NULL, 0);
    CHECK_EQ(heard.n, 0);
    CHECK(actor_is_alive(rt, ns_id));
    curtain_down();
}

TEST(a_request_from_nobody_changes_nothing) {
    up();
    CHECK(actor_send(rt, ns_id, MSG_NAME_REGISTER, "x", 1));
    CHECK(actor_send(rt, ns_id, MSG_NS_MOUNT, "host", 4));
    settle();
    CHECK_EQ(actor_lookup(rt, "x"), ACTOR_ID_INVALID);
    curtain_down();
}

static size_t far_lists(far_t *far, const char *prefix) {
    ns_reply_payload_t head;
    mk_envelope_t      envelope = {.source = 77,
                                   .dest = actor_id_seq(ns_id),
                                   .type = MSG_NS_LIST,
                                   .part = MK_CALL_REQUEST,
                                   .call = far->n + 1,
                                   .payload = prefix,
                                   .size = strlen(prefix)};
    unsigned           before = far->n;
    CHECK_EQ(mk_remote_message(rt, &far->remote, &envelope), MK_OK);
    settle();
    CHECK_EQ(far->n, before + 1);
    CHECK(far_last(far)->envelope.size >= sizeof head);
    memcpy(&head, far_last(far)->text, sizeof head);
    CHECK_EQ(head.error, MK_OK);
    return head.text_size;
}

TEST(actors_of_other_nodes_are_told_what_their_node_is_told) {
    static far_t far;
    up();
    far_up(&far, 2, FAR_ALL);
    CHECK_EQ(ns_export(rt, "secret", false), MK_OK);
    CHECK(actor_register_name(rt, "secret", a.id));
    CHECK(actor_register_name(rt, "lamp", a.id));
    CHECK_EQ(asked(&b, MSG_NS_LIST, "secret"), MK_OK);
    CHECK(strncmp(heard.text, "secret=", 7) == 0);
    CHECK(far_lists(&far, "lamp") != 0);
    CHECK_EQ(far_lists(&far, "secret"), 0);
    mk_remote_down(rt, &far.remote);
    curtain_down();
}

TEST(a_list_is_lines_and_says_when_there_is_more) {
    up();
    char name[32], expected[64];
    CHECK(actor_register_name(rt, "lamp", a.id));
    CHECK_EQ(asked(&b, MSG_NS_LIST, "la"), MK_OK);
    snprintf(expected, sizeof expected, "lamp=%llu\n", (unsigned long long)a.id);
    CHECK_STR(heard.text, expected);
    CHECK_EQ(asked(&b, MSG_NS_LIST, "nothing"), MK_OK);
    CHECK_STR(heard.text, "");
    CHECK_EQ(asked(&b, MSG_NS_LIST, ""), MK_OK);
    CHECK(strstr(heard.text, "ns=") != NULL);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "many/%u", i);
        CHECK(actor_register_name(rt, name, a.id));
    }
    CHECK_EQ(asked(&b, MSG_NS_LIST, "many/"), MK_OK);
    CHECK(heard.size > 32000 && heard.size <= 32768);
    CHECK_STR(heard.text + heard.size - 5, "\n...\n");
    send_to(&b, ns_id, MSG_NS_LIST, "a\0b", 3);
    CHECK_EQ(heard.error, MK_ERR_INVALID);
    send_to(&b, ns_id, MSG_NS_LIST, heard.text, 30000);
    CHECK_EQ(heard.error, MK_ERR_TOOLONG);
    curtain_down();
}

/* ---- mounts ---- */

static struct {
    unsigned mounts, unmounts;
    char     where[300];
    uint32_t ticket[64];
    mk_err_t answers;
} mounter;

static mk_err_t do_mount(void *arg, const char *where, uint32_t ticket) {
    CHECK(arg == &mounter);
    snprintf(mounter.where, sizeof mounter.where, "%s", where);
    mounter.ticket[mounter.mounts++ % 64] = ticket;
    return mounter.answers;
}

static mk_err_t do_unmount(void *arg, const char *who) {
    (void)arg;
    mounter.unmounts++;
    return strcmp(who, "you") == 0 ? MK_OK : MK_ERR_NOTFOUND;
}

static void with_mounter(void) {
    memset(&mounter, 0, sizeof mounter);
    up();
    mk_ns_set_mounter(ns, &(mk_ns_mounter_t){do_mount, do_unmount, &mounter});
}

TEST(without_nodes_there_are_no_mounts) {
    up();
    CHECK_EQ(asked(&a, MSG_NS_MOUNT, "host:1"), MK_ERR_NOSYS);
    CHECK_EQ(asked(&a, MSG_NS_UNMOUNT, "host:1"), MK_ERR_NOSYS);
    curtain_down();
}

TEST(a_mount_is_answered_when_it_stands_or_has_failed) {
    with_mounter();
    send_to(&a, ns_id, MSG_NS_MOUNT, "host:4200", 9);
    CHECK_EQ(heard.n, 0);
    CHECK_STR(mounter.where, "host:4200");
    mk_ns_mounted(ns, mounter.ticket[0], MK_OK, "you");
    mk_ns_mounted(ns, mounter.ticket[0], MK_ERR_IO, "twice");
    settle();
    CHECK_EQ(heard.n, 1);
    CHECK_EQ(heard.error, MK_OK);
    CHECK_STR(heard.text, "you");
    mk_ns_mounted(ns, mounter.ticket[0], MK_ERR_IO, "late");
    mk_ns_mounted(ns, 0, MK_ERR_IO, "never");
    mk_ns_mounted(ns, 0xfff, MK_ERR_IO, "never");
    settle();
    CHECK_EQ(heard.n, 1);
    question.as_message = true;
    send_to(&b, ns_id, MSG_NS_MOUNT, "udp:far:1", 9);
    CHECK(mounter.ticket[1] != mounter.ticket[0]);
    mk_ns_mounted(ns, mounter.ticket[1], MK_ERR_TIMEOUT, NULL);
    settle();
    CHECK_EQ(heard.n, 1);
    CHECK_EQ(heard.error, MK_ERR_TIMEOUT);
    CHECK_EQ(asked(&a, MSG_NS_UNMOUNT, "you"), MK_OK);
    CHECK_EQ(asked(&a, MSG_NS_UNMOUNT, "them"), MK_ERR_NOTFOUND);
    mounter.answers = MK_ERR_DENIED;
    CHECK_EQ(asked(&a, MSG_NS_MOUNT, "bad"), MK_ERR_DENIED);
    curtain_down();
}

static bool end_now(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    return false;
}

TEST(a_requester_that_ends_is_forgotten) {
    with_mounter();
    send_to(&a, ns_id, MSG_NS_MOUNT, "one", 3);
    send_to(&b, ns_id, MSG_NS_MOUNT, "two", 3);
    in(&a, end_now, 0);
    send_to(&b, ns_id, MSG_NS_MOUNT, "three", 5); /* where the first was */
    CHECK(mounter.ticket[2] != mounter.ticket[0]);
    CHECK_EQ(mounter.ticket[2] & 0xff, mounter.ticket[0] & 0xff);
    mk_ns_mounted(ns, mounter.ticket[0], MK_OK, "stale");
    settle();
    CHECK_EQ(heard.n, 0);
    mk_ns_mounted(ns, mounter.ticket[2], MK_OK, "three");
    in(&b, end_now, 0); /* while the answer is on its way */
    settle();
    mk_ns_mounted(ns, mounter.ticket[1], MK_OK, "two");
    settle();
    CHECK(actor_is_alive(rt, ns_id));
    curtain_down();
}

TEST(mounts_under_way_are_few_and_end_with_the_actor) {
    with_mounter();
    question.as_message = true;
    for (unsigned i = 0; i < 32; i++) send_to(&a, ns_id, MSG_NS_MOUNT, "x", 1);
    CHECK_EQ(heard.n, 0);
    CHECK_EQ(asked(&a, MSG_NS_MOUNT, "x"), MK_ERR_LIMIT);
    heard.n = 0;
    for (unsigned i = 0; i < 16; i++) mk_ns_mounted(ns, mounter.ticket[2 * i], MK_OK, "y");
    settle();
    CHECK_EQ(heard.n, 16);
    send_to(&a, ns_id, MSG_NS_MOUNT, "x", 1);
    CHECK_EQ(heard.n, 0);
    mk_ns_mounted(ns, mounter.ticket[1], MK_OK, "y");
    actor_stop(rt, ns_id);
    settle();
    mk_ns_mounted(ns, mounter.ticket[3], MK_OK, "y");
    curtain_down();
}

/* Whatever is said, the actor stays and answers each request once. */
TEST(requests_made_of_noise_are_answered) {
    static const msg_type_t types[] = {MSG_NAME_REGISTER, MSG_NAME_UNREGISTER, MSG_NS_LIST, MSG_NS_UNMOUNT};
    with_mounter();
    rig_random_t random = {77};
    for (unsigned i = 0; i < 3000; i++) {
        char   noise[64];
        size_t size = rig_random_below(&random, sizeof noise + 1);
        for (size_t k = 0; k < size; k++) noise[k] = "/no\0de\xff=\nab"[rig_random_below(&random, 12)];
        send_to(rig_random_below(&random, 2) ? &a : &b, ns_id, types[rig_random_below(&random, 4)], noise, size);
        CHECK_EQ(heard.n, 1);
    }
    CHECK(actor_is_alive(rt, ns_id));
    curtain_down();
}

/* ---- capabilities ---- */

static void more_caps(runtime_t *r, void *arg, struct mk_buffer *out) {
    CHECK(r == rt);
    mk_buffer_append_text(out, arg);
}

TEST(a_node_says_what_it_is_and_has) {
    up();
    actor_id_t caps = caps_actor_init(rt);
    CHECK(caps != ACTOR_ID_INVALID);
    CHECK_EQ(caps_actor_init(rt), caps);
    CHECK_EQ(actor_lookup(rt, "/node/me/caps"), caps);
    CHECK_EQ(actor_lookup(rt, "/node/local/caps"), caps);
    CHECK_STR(told(), "/node/me/caps ");
    CHECK_EQ(mk_ns_add_caps(ns, more_caps, "links=none\n"), MK_OK);
    (void)peer_up(2, "you");
    pass(5000);
    send_to(&a, caps, MSG_CAPS_REQUEST, NULL, 0);
    CHECK_EQ(heard.n, 1);
    CHECK_EQ(heard.type, MSG_CAPS_REPLY);
    CHECK(strncmp(heard.text, "name=me\nnode=1\nplatform=", 24) == 0);
    CHECK(strstr(heard.text, "\nversion=") != NULL && strstr(heard.text, "\nfeatures=wasm") != NULL);
    CHECK(strstr(heard.text, "\nactors=4\nnames=3\npeers=1\nmemory=123456789\nuptime_s=5\nlinks=none\n") != NULL);
    /* As the node is renamed, it is still found where it is looked for. */
    CHECK_EQ(mk_ns_set_identity(ns, "new"), MK_OK);
    CHECK_STR(told(), "/node/new/caps ");
    CHECK_EQ(actor_lookup(rt, "/node/new/caps"), caps);
    send_to(&a, caps, MSG_CAPS_REPLY, NULL, 0);
    CHECK_EQ(heard.n, 0);
    curtain_down();
}

TEST(capabilities_need_their_names) {
    ns_up();
    enter(&a);
    CHECK(actor_register_name(rt, "/node/me/caps", a.id));
    CHECK_EQ(caps_actor_init(rt), ACTOR_ID_INVALID);
    settle();
    CHECK_EQ(actor_lookup(rt, "/node/local/caps"), ACTOR_ID_INVALID);
    CHECK(actor_unregister_name(rt, "/node/me/caps"));
    CHECK(caps_actor_init(rt) != ACTOR_ID_INVALID);
    curtain_down();
}
