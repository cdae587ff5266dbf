/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes in: what a channel has proved of a peer, against what the peer says of itself. Each rule alone keeps somebody out. */
#include "node/hostile_rig.h"

#include "node/channel.h"
#include "node/cluster_parts.h"

/* A peer behind a channel of the test's: what it has proved is the test's word, what it is answered is kept. */
typedef struct visitor {
    mk_channel_t channel; /* first */
    uint8_t      answered[2 * MK_WIRE_HELLO_BYTES_MAX + 512];
    size_t       n;
    bool         closed;
} visitor_t;

static size_t take(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    visitor_t *v = (visitor_t *)channel;
    CHECK(v->n + size <= sizeof v->answered);
    memcpy(v->answered + v->n, bytes, size);
    v->n += size;
    return size;
}

static void close_it(mk_channel_t *channel, bool flush) {
    (void)flush;
    ((visitor_t *)channel)->closed = true;
}

static const mk_channel_ops_t ops = {.write = take, .close = close_it};

static visitor_t visitor(void) {
    visitor_t v = {.channel = {.ops = &ops, .frame_bytes_max = MK_WIRE_FRAME_BYTES_MAX, .encrypted = true}};
    v.channel.may = mk_role_may(NODE_ROLE_MEMBER);
    snprintf(v.channel.where, sizeof v.channel.where, "tcp:10.0.0.9:1");
    return v;
}

enum { WELCOME = -1, NOTHING = -2 };

/* The reason for which it was refused, or one of these. */
static int answer_of(const visitor_t *v) {
    mk_wire_frame_t frame;
    for (size_t at = 0, size; (size = mk_wire_next(v->answered + at, v->n - at, &frame)) != 0; at += size) {
        mk_wire_end_t end;
        CHECK(size != MK_WIRE_BROKEN);
        if (frame.kind == MK_WIRE_WELCOME) return WELCOME;
        if (frame.kind != MK_WIRE_REFUSE) continue;
        CHECK(mk_wire_get_end(&frame, &end));
        return end.reason;
    }
    return NOTHING;
}

static int comes(visitor_t *v, const mk_wire_hello_t *hello, node_id_t awaited) {
    uint8_t frame[MK_WIRE_HELLO_BYTES_MAX];
    size_t  size = mk_wire_put_hello(frame, hello);
    CHECK_EQ(mk_cluster_take(mk_cluster_of(rig.rt), &v->channel, awaited), MK_OK);
    v->channel.user->open(&v->channel);
    CHECK_EQ(v->channel.user->bytes(&v->channel, frame, size), size);
    go(5);
    return answer_of(v);
}

static void goes(visitor_t *v) {
    if (!v->closed) v->channel.user->closed(&v->channel, MK_ERR_CLOSED, "it went");
    go(5);
    CHECK(v->closed);
}

static int comes_and_goes(visitor_t *v, const mk_wire_hello_t *hello, node_id_t awaited) {
    int answer = comes(v, hello, awaited);
    goes(v);
    return answer;
}

TEST(a_certificate_is_good_for_the_name_in_it_and_for_no_other) {
    static const struct {
        const char *proved;
        int         answer;
    } cases[] = {{"", WELCOME}, {"nine", WELCOME}, {"ten", MK_WIRE_REASON_STRANGER}, {"nin", MK_WIRE_REASON_STRANGER}};
    mk_wire_hello_t hello = raw_hello("nine", 9);
    start(NODE_ROLE_MEMBER);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        visitor_t v = visitor();
        snprintf(v.channel.proved, sizeof v.channel.proved, "%s", cases[i].proved);
        CHECK_EQ(comes_and_goes(&v, &hello, 0), cases[i].answer);
    }
    end();
}

TEST(who_has_no_role_does_not_come_in) {
    mk_wire_hello_t hello = raw_hello("nine", 9);
    visitor_t       v = visitor();
    start(NODE_ROLE_MEMBER);
    v.channel.may = 0;
    CHECK_EQ(comes_and_goes(&v, &hello, 0), MK_WIRE_REASON_STRANGER);
    end();
}

TEST(where_one_node_is_awaited_no_other_comes_in) {
    mk_wire_hello_t hello = raw_hello("nine", 9);
    visitor_t       v = visitor(), other = visitor();
    start(NODE_ROLE_MEMBER);
    CHECK_EQ(comes_and_goes(&v, &hello, 8), MK_WIRE_REASON_STRANGER);
    CHECK_EQ(comes_and_goes(&other, &hello, 9), WELCOME);
    end();
}

TEST(who_asks_for_another_node_than_this_one_does_not_come_in) {
    mk_wire_hello_t hello = raw_hello("nine", 9);
    visitor_t       v = visitor(), right = visitor();
    start(NODE_ROLE_MEMBER);
    hello.peer = 7;
    CHECK_EQ(comes_and_goes(&v, &hello, 0), MK_WIRE_REASON_STRANGER);
    hello.peer = 1;
    CHECK_EQ(comes_and_goes(&right, &hello, 0), WELCOME);
    end();
}

TEST(our_own_name_and_number_are_taken) {
    visitor_t       number = visitor(), name = visitor();
    mk_wire_hello_t hello = raw_hello("nine", 1);
    start(NODE_ROLE_MEMBER);
    CHECK_EQ(comes_and_goes(&number, &hello, 0), MK_WIRE_REASON_TAKEN);
    hello = raw_hello("node", 9);
    CHECK_EQ(comes_and_goes(&name, &hello, 0), MK_WIRE_REASON_TAKEN);
    end();
}

/* A socket of a life that is over can be read late; a clock that was set back must not keep a node out for ever. */
TEST(an_earlier_life_is_refused_for_ten_seconds_after_the_later_one) {
    mk_wire_hello_t hello = raw_hello("nine", 9), earlier = hello;
    visitor_t       v = visitor(), at_once = visitor(), at_last = visitor(), later = visitor();
    hello.incarnation = 1000;
    earlier.incarnation = 999;
    start(NODE_ROLE_MEMBER);
    CHECK_EQ(comes(&v, &hello, 0), WELCOME);
    uint8_t           frame[MK_WIRE_WELCOME_BYTES];
    mk_wire_welcome_t welcome = {.version = 1, .may = 0xff};
    size_t            size = mk_wire_put_welcome(frame, &welcome);
    CHECK_EQ(v.channel.user->bytes(&v.channel, frame, size), size);
    goes(&v);
    CHECK_EQ(comes_and_goes(&at_once, &earlier, 0), MK_WIRE_REASON_OLD);
    go(9900);
    visitor_t before = visitor();
    CHECK_EQ(comes_and_goes(&before, &earlier, 0), MK_WIRE_REASON_OLD);
    go(200);
    CHECK_EQ(comes_and_goes(&at_last, &earlier, 0), WELCOME);
    hello.incarnation = 1001;
    CHECK_EQ(comes_and_goes(&later, &hello, 0), WELCOME);
    end();
}

TEST(a_name_and_a_number_each_belong_to_one_node_that_answers) {
    static const struct {
        const char *identity;
        node_id_t   node;
    } cases[] = {{"nine", 2}, {"friend", 9}, {"friend", 2}};
    start(NODE_ROLE_MEMBER);
    for (size_t i = 0; i < 3; i++) {
        mk_wire_hello_t hello = raw_hello(cases[i].identity, cases[i].node);
        visitor_t       v = visitor();
        hello.incarnation = 4711; /* another life, if it is the friend's number and name */
        int answer = comes(&v, &hello, 0);
        CHECK_EQ(answer, NOTHING); /* the friend is asked whether it is there */
        go(2000);
        CHECK_EQ(answer_of(&v), MK_WIRE_REASON_TAKEN);
        goes(&v);
        CHECK(friend_is_disturbed() == NULL);
    }
    end();
}
