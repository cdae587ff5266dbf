/* SPDX-License-Identifier: Apache-2.0 */
/* Other nodes, as far as the runtime knows them: somewhere to hand messages to. */
#include "microkernel/transport.h"

#include "runtime/play.h"

typedef struct wire {
    transport_t base; /* first */
    unsigned    sent, attached, destroyed;
    mk_err_t    answers;
    bool        refuses_attach;
    actor_id_t  source, dest;
    msg_type_t  type;
    char        payload[16];
    size_t      size;
} wire_t;

static mk_err_t wire_send(transport_t *self, actor_id_t source, actor_id_t dest, msg_type_t type, const void *payload,
                          size_t size) {
    wire_t *w = (wire_t *)self;
    w->sent++;
    w->source = source;
    w->dest = dest;
    w->type = type;
    w->size = size;
    if (size != 0) memcpy(w->payload, payload, size < 16 ? size : 16);
    return w->answers;
}

static bool wire_attach(transport_t *self, runtime_t *r) {
    wire_t *w = (wire_t *)self;
    CHECK(r == rt);
    w->attached++;
    return !w->refuses_attach;
}

static void wire_destroy(transport_t *self) { ((wire_t *)self)->destroyed++; }

static wire_t wire_to(node_id_t peer) {
    return (wire_t){.base = {.peer = peer, .send = wire_send, .attach = wire_attach, .destroy = wire_destroy}};
}

static part_t a;

static bool send_far(part_t *part, uint64_t node) {
    (void)part;
    did_well = actor_send(rt, actor_id_make((node_id_t)node, 5), 9, "far", 4);
    return true;
}

TEST(a_message_for_another_node_goes_to_its_transport) {
    wire_t two = wire_to(2), three = wire_to(3);
    curtain_up(NULL);
    enter(&a);
    CHECK(runtime_add_transport(rt, &two.base));
    CHECK(runtime_add_transport(rt, &three.base));
    CHECK_EQ(runtime_get_transport_count(rt), 2);
    in(&a, send_far, 3);
    CHECK(did_well);
    CHECK_EQ(two.sent, 0);
    CHECK_EQ(three.sent, 1);
    CHECK_EQ(three.source, a.id);
    CHECK_EQ(three.dest, actor_id_make(3, 5));
    CHECK_EQ(three.type, 9);
    CHECK_EQ(three.size, 4);
    CHECK_STR(three.payload, "far");
    CHECK_EQ(two.attached + three.attached, 2);
    curtain_down();
    CHECK_EQ(two.destroyed + three.destroyed, 2);
}

TEST(a_node_nobody_knows_is_refused) {
    wire_t two = wire_to(2);
    curtain_up(NULL);
    enter(&a);
    CHECK(runtime_add_transport(rt, &two.base));
    uint64_t refused = stats().refused_unknown;
    in(&a, send_far, 4);
    CHECK(!did_well);
    CHECK_EQ(stats().refused_unknown, refused + 1);
    CHECK_EQ(two.sent, 0);
    curtain_down();
}

TEST(what_the_transport_refuses_is_refused_with_its_reason) {
    wire_t two = wire_to(2);
    curtain_up(NULL);
    CHECK(runtime_add_transport(rt, &two.base));
    two.answers = MK_ERR_FULL;
    CHECK_EQ(actor_try_send(rt, actor_id_make(2, 1), 1, NULL, 0), MK_ERR_FULL);
    two.answers = MK_ERR_CLOSED;
    CHECK_EQ(actor_try_send(rt, actor_id_make(2, 1), 1, NULL, 0), MK_ERR_CLOSED);
    CHECK_EQ(stats().sent, 0);
    CHECK_EQ(stats().refused_full, 1);
    CHECK_EQ(stats().refused_other, 1);
    curtain_down();
}

TEST(a_second_link_to_a_peer_and_one_that_does_not_attach_stay_the_caller_s) {
    wire_t two = wire_to(2), again = wire_to(2), shy = wire_to(3);
    shy.refuses_attach = true;
    curtain_up(NULL);
    CHECK(runtime_add_transport(rt, &two.base));
    CHECK(!runtime_add_transport(rt, &again.base));
    CHECK(!runtime_add_transport(rt, &shy.base));
    wire_t last = wire_to(4);
    oom_arm_all();
    bool added = runtime_add_transport(rt, &last.base);
    oom_disarm();
    CHECK(!added);
    CHECK_EQ(runtime_get_transport_count(rt), 1);
    curtain_down();
    CHECK_EQ(two.destroyed, 1);
    CHECK_EQ(again.destroyed + shy.destroyed + last.destroyed, 0);
    CHECK_EQ(again.attached + last.attached, 0);
}

TEST(buffers_and_forwards_go_to_other_nodes_as_copies) {
    wire_t two = wire_to(2);
    curtain_up(NULL);
    CHECK(runtime_add_transport(rt, &two.base));
    message_buffer_t *buf = message_buffer_create(4);
    memcpy(message_buffer_data(buf), "abc", 4);
    two.answers = MK_ERR_FULL;
    CHECK_EQ(actor_send_buffer(rt, actor_id_make(2, 1), 1, buf), MK_ERR_FULL); /* still ours */
    two.answers = MK_OK;
    CHECK_EQ(actor_send_buffer(rt, actor_id_make(2, 1), 1, buf), MK_OK); /* gone: the sanitizer counts */
    CHECK_STR(two.payload, "abc");
    curtain_down();
}

static bool forward_far(part_t *part, message_t *msg) {
    part->n++;
    message_t *kept = message_take(rt, msg);
    mk_err_t   err = actor_forward(rt, actor_id_make(2, 1), kept);
    if (err != MK_OK) message_release(rt, kept);
    return true;
}

TEST(a_message_can_be_forwarded_to_another_node) {
    wire_t two = wire_to(2);
    curtain_up(NULL);
    CHECK(runtime_add_transport(rt, &two.base));
    enter(&a);
    a.on = forward_far;
    CHECK(actor_send(rt, a.id, 7, "on", 3));
    settle();
    two.answers = MK_ERR_CLOSED;
    CHECK(actor_send(rt, a.id, 7, "on", 3));
    settle();
    CHECK_EQ(two.sent, 2);
    CHECK_EQ(two.source, a.id);
    CHECK_STR(two.payload, "on");
    curtain_down();
}

static bool reply_to_all(part_t *part, message_t *msg) {
    take_note(part, msg);
    did_well = actor_reply(rt, msg, 8, "back", 5);
    return true;
}

TEST(what_comes_over_a_link_is_delivered_with_its_source_and_can_be_answered) {
    wire_t two = wire_to(2);
    curtain_up(NULL);
    CHECK(runtime_add_transport(rt, &two.base));
    enter(&a);
    a.on = reply_to_all;
    CHECK_EQ(runtime_deliver(rt, actor_id_make(2, 6), a.id, 4, "hi", 3), MK_OK);
    settle();
    CHECK_EQ(last_note(&a)->source, actor_id_make(2, 6));
    CHECK_STR(last_note(&a)->as.bytes, "hi");
    CHECK(did_well);
    CHECK_EQ(two.dest, actor_id_make(2, 6));
    CHECK_STR(two.payload, "back");
    CHECK_EQ(runtime_deliver(rt, actor_id_make(2, 6), actor_id_make(1, 99), 4, NULL, 0), MK_ERR_NOTFOUND);
    curtain_down();
}
