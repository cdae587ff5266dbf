/* SPDX-License-Identifier: Apache-2.0 */
/* threads_test.c -- several runtimes in one process, each a thread, with guests of the same module. */
#include "port/port.h"
#include "wasm/code.h"
#include "wasm/world.h"

enum { THREADS = 4, ROUNDS = 30, LIMIT_US = 60 * 1000 * 1000 };

typedef struct node {
    mk_thread_t *thread;
    uint8_t     *bytes;
    size_t       size;
    unsigned     answered, out_of_budget, failed;
    unsigned     wanted; /* guests that are to run out of their budget before the node ends */
} node_t;

/* No checks here: a failed one leaves its test by a jump, which another thread cannot take. */
static bool count(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    node_t *node = state;
    if (msg->type == PONG) {
        node->answered++;
        actor_send(rt, msg->source, GO, NULL, 0); /* waits in mk_recv, or loops for ever */
        return true;
    }
    if (msg->type != MSG_CHILD_EXIT) {
        wasm_options_t options = {.budget_ms = 20};
        actor_id_t     id;
        if (actor_spawn_wasm_opts(rt, node->bytes, node->size, &options, &id, NULL, 0) != MK_OK) node->failed++;
        else actor_send(rt, id, PING, "hello", 5);
        return true;
    }
    child_exit_payload_t end;
    memcpy(&end, msg->payload, sizeof end);
    if (end.exit_reason == EXIT_OUT_OF_BUDGET) node->out_of_budget++;
    return true;
}

static void node_run(void *arg) {
    node_t    *node = arg;
    runtime_t *rt = runtime_init(1, 0);
    actor_id_t id = actor_spawn(rt, count, node, NULL, 1000);
    for (int i = 0; i < ROUNDS; i++) {
        actor_send(rt, id, WORLD_DO, NULL, 0);
        for (int n = 0; n < 20; n++) runtime_wait(rt, 1);
    }
    for (uint64_t until_us = mk_port_now_us() + LIMIT_US;
         node->out_of_budget < node->wanted && mk_port_now_us() < until_us;)
        runtime_wait(rt, 1);
    runtime_destroy(rt);
}

static void run_all(const char *guest, unsigned wanted, node_t *nodes) {
    CHECK(world_init());
    for (int i = 0; i < THREADS; i++) {
        nodes[i] = (node_t){.wanted = wanted};
        nodes[i].bytes = read_guest(guest, &nodes[i].size);
        CHECK_EQ(mk_thread_start(&nodes[i].thread, node_run, &nodes[i]), MK_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        mk_thread_join(nodes[i].thread);
        free(nodes[i].bytes);
        CHECK_EQ(nodes[i].failed, 0);
    }
    CHECK_EQ(mk_code_count(), 0);
    wasm_actors_cleanup();
    CHECK_EQ(world_fibers(), 0);
}

TEST(runtimes_in_several_threads_run_and_end_guests_of_one_module) {
    node_t nodes[THREADS];
    run_all("forever", 0, nodes);
    for (int i = 0; i < THREADS; i++) CHECK_EQ(nodes[i].answered, ROUNDS);
}

TEST(each_threads_looping_guests_end_without_hurting_the_others) {
    node_t nodes[THREADS];
    run_all("loop", ROUNDS / 2, nodes);
    for (int i = 0; i < THREADS; i++) CHECK(nodes[i].out_of_budget >= ROUNDS / 2);
}
