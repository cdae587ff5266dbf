/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once, and nothing is worse for it. */
#include "ns/stage.h"

static part_t a;

static bool act(unsigned n) {
    bool          ok;
    mk_ns_peer_t *peer = NULL, *other = NULL;
    curtain_up(NULL);
    enter(&a);
    CHECK(actor_register_name(rt, "before", a.id));
    oom_arm(n);
    ns = mk_ns_of(rt);
    ok = ns != NULL && mk_ns_set_identity(ns, "me") == MK_OK;
    ok = ok && ns_export(rt, "secret/", false) == MK_OK;
    ok = ok && actor_register_name(rt, "x", a.id);
    ok = ok && actor_register_name(rt, "secret/y", a.id);
    ok = ok && ns_actor_init(rt) != ACTOR_ID_INVALID;
    ok = ok && caps_actor_init(rt) != ACTOR_ID_INVALID;
    ok = ok && mk_ns_peer_add(ns, 2, "you", &peer) == MK_OK;
    ok = ok && put(peer, "x", 9, 1, 1) == MK_OK;
    ok = ok && put(peer, "z", 9, 1, 2) == MK_OK;
    ok = ok && drop(peer, "z", 3) == MK_OK;
    ok = ok && drop(peer, "never", 4) == MK_OK;
    for (node_id_t i = 3; ok && i < 9; i++) {
        char identity[8];
        snprintf(identity, sizeof identity, "n%u", (unsigned)i);
        ok = mk_ns_peer_add(ns, i, identity, &other) == MK_OK;
    }
    settle();
    bool failed = oom_disarm();
    CHECK(actor_lookup(rt, "before") == a.id); /* what was there is there */
    if (peer != NULL && mk_ns_peer_names(peer) == 1) {
        CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 9));
        CHECK(strstr(told(), "x ") == NULL);
    }
    if (!failed) {
        CHECK(ok);
        CHECK_STR(told(), "/node/me/caps before ");
    }
    curtain_down();
    return failed;
}

TEST(any_allocation_may_fail) {
    unsigned n = 1;
    while (act(n)) n++;
    CHECK(n > 10);
}

typedef struct reply {
    unsigned n;
    uint32_t error;
} reply_t;

static reply_t reply;

static bool note(part_t *part, message_t *msg) {
    ns_reply_payload_t head;
    (void)part;
    if (msg->type != MSG_NS_REPLY) return true;
    memcpy(&head, msg->payload, sizeof head);
    reply.error = head.error;
    reply.n++;
    return true;
}

static unsigned nth;

/* From here on. */
static bool ask_for(part_t *part, uint64_t type) {
    (void)part;
    oom_arm(nth);
    (void)actor_send(rt, actor_lookup(rt, "ns"), (msg_type_t)type, "x", 1);
    return true;
}

static uint32_t ticket;

static mk_err_t mount(void *arg, const char *where, uint32_t number) {
    (void)arg, (void)where;
    ticket = number;
    return MK_OK;
}

TEST(the_answer_to_a_mount_needs_no_memory) {
    for (nth = 1;; nth++) {
        ns_up();
        enter(&a);
        a.on = note;
        CHECK(ns_actor_init(rt) != ACTOR_ID_INVALID);
        mk_ns_set_mounter(ns, &(mk_ns_mounter_t){.mount = mount});
        memset(&reply, 0, sizeof reply);
        ticket = 0;
        in(&a, ask_for, MSG_NS_MOUNT);
        bool failed = oom_disarm();
        if (ticket != 0) {
            mk_ns_mounted(ns, ticket, MK_OK, "you");
            settle();
            CHECK_EQ(reply.n, 1);
            CHECK_EQ(reply.error, MK_OK);
        }
        CHECK(failed || ticket != 0);
        curtain_down();
        if (!failed) break;
    }
}

TEST(a_list_without_memory_is_an_error) {
    for (nth = 1;; nth++) {
        ns_up();
        enter(&a);
        a.on = note;
        CHECK(ns_actor_init(rt) != ACTOR_ID_INVALID);
        memset(&reply, 0, sizeof reply);
        in(&a, ask_for, MSG_NS_LIST);
        bool failed = oom_disarm();
        if (reply.n != 0) CHECK(reply.error == MK_OK || reply.error == MK_ERR_NOMEM);
        CHECK(failed || reply.n == 1);
        curtain_down();
        if (!failed) break;
    }
}
