/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a link's life fails once: it may cost the link, which comes again, and nothing else. */
#include "node/cluster_rig.h"

static mk_err_t hand_spawn(void *arg, runtime_t *rt, const char *module, const char *name, actor_id_t *out, char *why,
                           size_t why_size) {
    (void)arg, (void)rt, (void)module, (void)name, (void)out, (void)why, (void)why_size;
    return MK_ERR_NOTFOUND;
}

static const node_hands_t hands = {hand_spawn, NULL, NULL};

static void ask(unsigned i, void *arg) { *(call_id_t *)arg = node_spawn(rt_of(i), 1, "echo", NULL); }

/* Long ones, and enough for buffers to grow. */
enum { NAMES = 100, NAME_BYTES = 200 };

static const char *long_name(unsigned i) {
    static char text[NAME_BYTES + 1];
    snprintf(text, sizeof text, "%0*u", NAME_BYTES, i);
    return text;
}

static bool all_seen(void) {
    for (unsigned i = 0; i < NAMES; i++)
        if (actor_lookup(rt_of(2), long_name(i)) != nodes[1].ear) return false;
    return true;
}

static bool play(unsigned n) {
    node_config_t config = {.plain_role = NODE_ROLE_OPERATOR, .modules = "/modules"};
    call_id_t     asked = CALL_ID_INVALID;
    stage(n);
    begin_as(1, 0, &config), begin(2);
    node_set_hands(rt_of(1), &hands);
    listen_at(1);
    for (unsigned i = 0; i < NAMES; i++) CHECK(actor_register_name(rt_of(1), long_name(i), nodes[1].ear));
    oom_arm(n);
    mk_fake_use_host(2);
    mk_err_t err = node_connect(rt_of(2), where(1));
    CHECK(err == MK_OK || err == MK_ERR_NOMEM);
    run_ms(100);
    if (linked(2, 1)) in(2, ask, &asked);
    run_ms(100);
    bool reached = oom_disarm();
    if (err != MK_OK) call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 31000);
    RUN_UNTIL(all_seen(), 31000);
    RUN_UNTIL(nodes[2].replies == (asked != CALL_ID_INVALID ? 1u : 0u), 31000);
    run_ms(6000);
    CHECK_EQ(nodes[1].ups, nodes[1].downs + 1);
    CHECK_EQ(nodes[2].ups, nodes[2].downs + 1);
    CHECK_EQ(linked_n(1), 1);
    end_all();
    return reached;
}

TEST(any_allocation_may_fail_once) {
    unsigned n = 1;
    while (play(n)) n++;
    CHECK(n > 100);
}

/* What has failed has left nothing behind, and can be done again. */
static bool start(unsigned n) {
    node_config_t config = {.identity = "n1", .modules = "/modules"};
    stage(n);
    mk_fake_use_host(1);
    nodes[1] = (node_t){.rt = runtime_init(1, 0), .host = 1};
    oom_arm(n);
    mk_err_t started = node_start(rt_of(1), &config);
    mk_err_t listens = started == MK_OK ? node_listen(rt_of(1), "127.0.0.1:4200", NULL, 0) : MK_ERR_NOMEM;
    mk_err_t called = started == MK_OK ? node_connect(rt_of(1), "127.0.0.1:4201") : MK_ERR_NOMEM;
    bool     reached = oom_disarm();
    if (started != MK_OK) CHECK_EQ(node_start(rt_of(1), &config), MK_OK);
    if (listens != MK_OK) CHECK_EQ(node_listen(rt_of(1), "127.0.0.1:4200", NULL, 0), MK_OK);
    if (called != MK_OK) CHECK_EQ(node_connect(rt_of(1), "127.0.0.1:4201"), MK_OK);
    end_all();
    return reached;
}

TEST(a_start_without_memory_can_be_tried_again) {
    unsigned n = 1;
    while (start(n)) n++;
    CHECK(n > 5);
}
