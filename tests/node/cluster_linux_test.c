/* SPDX-License-Identifier: Apache-2.0 */
/* The same over real sockets: Unix, TCP on loopback, TLS with a secret; transports and mounting as older programs use them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/transport.h"
#include "node/cluster_parts.h"
#include "rig/rig.h"

static char folder[64];

static void make_folder(void) {
    if (folder[0] != '\0') return;
    strcpy(folder, "/tmp/mk_cluster_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

__attribute__((destructor)) static void remove_folder(void) {
    char command[100];
    if (folder[0] == '\0') return;
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0) printf("%s is left\n", folder);
}

static const char *path_of(const char *name) {
    static char path[4][128];
    static int  at;
    make_folder();
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static const char *secret_file(const char *name, const char *role, char digit) {
    const char *path = path_of(name);
    FILE       *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "%s ", role);
    for (int i = 0; i < 64; i++) fputc(i % 2 == 0 ? digit : '5', file);
    fputc('\n', file);
    fclose(file);
    CHECK_EQ(chmod(path, 0600), 0);
    return path;
}

/* ---- two nodes, in turns ---------------------------------------------------------------------------------------------------- */

typedef struct node {
    runtime_t *rt;
    actor_id_t ear;
    unsigned   heard, lines;
    actor_id_t from;
    char       text[64];
} node_t;

static bool ear(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    node_t *node = state;
    (void)self;
    node->heard++;
    node->from = msg->source;
    snprintf(node->text, sizeof node->text, "%.*s", (int)msg->payload_size, (const char *)msg->payload);
    if (msg->type == 7) CHECK(actor_reply(rt, msg, 8, "back", 4));
    if (msg->type == 9) CHECK(actor_send_named(rt, "service", 7, "there", 5));
    return true;
}

static void count_line(void *arg, const log_entry_t *entry) {
    node_t *node = arg;
    __atomic_fetch_add(&node->lines, 1, __ATOMIC_RELAXED);
    if (getenv("VERBOSE") != NULL) printf("    %s\n", entry->text);
}

static void begin(node_t *node, node_id_t number, const node_config_t *config) {
    *node = (node_t){.rt = runtime_init(number, 0)};
    CHECK(node->rt != NULL);
    CHECK_EQ(runtime_set_log_sink(node->rt, count_line, node), MK_OK);
    if (config != NULL) CHECK_EQ(node_start(node->rt, config), MK_OK);
    CHECK(ns_actor_init(node->rt) != ACTOR_ID_INVALID);
    node->ear = actor_spawn(node->rt, ear, node, NULL, 0);
}

#define RUN_UNTIL(condition, a, b)                                                     \
    do {                                                                               \
        uint64_t rig_until = runtime_now_ms((a).rt) + 30000;                           \
        while (!(condition) && runtime_now_ms((a).rt) < rig_until) {                   \
            runtime_wait((a).rt, 1);                                                   \
            runtime_wait((b).rt, 1);                                                   \
        }                                                                              \
        if (!(condition)) rig_fail(__FILE__, __LINE__, "not in time: %s", #condition); \
    } while (0)

static bool linked(const node_t *node) { return node_list(node->rt, NULL, 0) == 1; }

/* A question by name from b to a, and the answer. */
static void talk(node_t *a, node_t *b) {
    CHECK(actor_register_name(a->rt, "service", a->ear));
    RUN_UNTIL(actor_lookup(b->rt, "service") == a->ear, *a, *b);
    CHECK(actor_send(b->rt, b->ear, 9, "ask", 3));
    RUN_UNTIL(b->heard == 2 && a->heard == 1, *a, *b);
    CHECK_STR(a->text, "there");
    CHECK_EQ(a->from, b->ear);
    CHECK_STR(b->text, "back");
}

static void link_over(const char *where, const char *secret, node_info_t *out) {
    node_t        a, b;
    char          bound[MK_WHERE_TEXT_BYTES];
    node_config_t first = {.identity = "a", .secret_file = secret}, second = {.identity = "b", .secret_file = secret};
    begin(&a, 1, &first), begin(&b, 2, &second);
    CHECK_EQ(node_listen(a.rt, where, bound, sizeof bound), MK_OK);
    CHECK_EQ(node_connect(b.rt, bound), MK_OK);
    RUN_UNTIL(linked(&a) && linked(&b), a, b);
    talk(&a, &b);
    CHECK_EQ(node_list(b.rt, out, 1), 1);
    runtime_destroy(a.rt);
    uint64_t began_ms = runtime_now_ms(b.rt);
    RUN_UNTIL(!linked(&b), b, b);
    CHECK(runtime_now_ms(b.rt) - began_ms < 3500); /* noticed, not waited for: a silent peer is dead after 4 s */
    CHECK_EQ(actor_lookup(b.rt, "service"), ACTOR_ID_INVALID);
    runtime_destroy(b.rt);
}

TEST(nodes_link_over_unix_sockets) {
    node_info_t info;
    char        where[150];
    snprintf(where, sizeof where, "unix:%s", path_of("door"));
    link_over(where, NULL, &info);
    CHECK(!info.encrypted);
    CHECK_STR(info.where, where);
    CHECK(access(path_of("door"), F_OK) != 0);
}

TEST(nodes_link_over_tcp) {
    node_info_t info;
    link_over("127.0.0.1:0", NULL, &info);
    CHECK(!info.encrypted);
    CHECK_EQ(info.role, NODE_ROLE_MEMBER);
}

TEST(nodes_link_over_tls_with_a_secret) {
    node_info_t info;
    link_over("127.0.0.1:0", secret_file("operators", "operator", 'a'), &info);
    CHECK(info.encrypted);
    CHECK_EQ(info.role, NODE_ROLE_OPERATOR);
}

TEST(who_has_another_secret_or_none_learns_nothing) {
    node_t        a, b, c;
    char          bound[MK_WHERE_TEXT_BYTES];
    node_config_t right = {.identity = "a", .secret_file = secret_file("right", "member", 'a')};
    node_config_t wrong = {.identity = "b", .secret_file = secret_file("wrong", "member", 'b')};
    node_config_t none = {.identity = "c"};
    begin(&a, 1, &right), begin(&b, 2, &wrong), begin(&c, 3, &none);
    CHECK_EQ(node_listen(a.rt, "127.0.0.1:0", bound, sizeof bound), MK_OK);
    CHECK_EQ(node_connect(b.rt, bound), MK_OK);
    CHECK_EQ(node_connect(c.rt, bound), MK_OK);
    const mk_call_t *from_b = mk_container_of(mk_cluster_find(b.rt)->calls, mk_call_t, all);
    const mk_call_t *from_c = mk_container_of(mk_cluster_find(c.rt)->calls, mk_call_t, all);
    uint64_t         until = runtime_now_ms(a.rt) + 20000;
    while ((from_b->why[0] == '\0' || from_c->why[0] == '\0') && runtime_now_ms(a.rt) < until) {
        runtime_wait(a.rt, 1);
        runtime_wait(b.rt, 1);
        runtime_wait(c.rt, 1);
    }
    CHECK_EQ(node_list(a.rt, NULL, 0) + node_list(b.rt, NULL, 0) + node_list(c.rt, NULL, 0), 0);
    CHECK(from_b->hopeless && from_b->why[0] != '\0' && from_b->node == 0); /* not even a number */
    CHECK(from_c->why[0] != '\0' && from_c->node == 0);
    CHECK_EQ(mk_cluster_find(b.rt)->generation, 1); /* it will not try again soon */
    runtime_destroy(a.rt), runtime_destroy(b.rt), runtime_destroy(c.rt);
}

TEST(a_secret_that_others_can_read_is_none) {
    runtime_t  *rt = runtime_init(1, 0);
    const char *path = secret_file("open", "member", 'a');
    CHECK_EQ(chmod(path, 0644), 0);
    node_config_t config = {.secret_file = path};
    CHECK_EQ(node_start(rt, &config), MK_ERR_DENIED);
    config.secret_file = path_of("missing");
    CHECK_EQ(node_start(rt, &config), MK_ERR_NOTFOUND);
    config = (node_config_t){.identity = "no/name"};
    CHECK_EQ(node_start(rt, &config), MK_ERR_INVALID);
    config = (node_config_t){.heartbeat_ms = 1000, .dead_ms = 1000};
    CHECK_EQ(node_start(rt, &config), MK_ERR_INVALID);
    config = (node_config_t){0};
    CHECK_EQ(node_start(rt, &config), MK_OK);
    CHECK_EQ(node_start(rt, &config), MK_ERR_EXISTS);
    runtime_destroy(rt);
}

/* ---- as programs of the first interface do it -------------------------------------------------------------------------------- */

static void transports(transport_t *first, transport_t *second) {
    node_t a, b;
    CHECK(first != NULL && second != NULL);
    begin(&a, 1, NULL), begin(&b, 2, NULL); /* both on this machine: its name is not enough to tell them apart */
    CHECK(runtime_add_transport(a.rt, first));
    CHECK(runtime_add_transport(b.rt, second));
    CHECK_EQ(actor_try_send(b.rt, a.ear, 1, "early", 5), MK_ERR_CLOSED);
    RUN_UNTIL(linked(&a) && linked(&b), a, b);
    CHECK_EQ(actor_try_send(b.rt, a.ear, 1, "hello", 5), MK_OK);
    RUN_UNTIL(a.heard == 1, a, b);
    CHECK_STR(a.text, "hello");
    runtime_destroy(a.rt), runtime_destroy(b.rt);
}

TEST(transports_link_two_nodes_by_number) {
    transports(transport_unix_listen(path_of("transport"), 2), transport_unix_connect(path_of("transport"), 1));
    CHECK(access(path_of("transport"), F_OK) != 0);
    uint16_t     port = (uint16_t)(20000 + getpid() % 20000);
    transport_t *listener;
    while ((listener = transport_tcp_listen("127.0.0.1", port, 2)) == NULL) port++;
    CHECK(transport_tcp_listen("127.0.0.1", port, 2) == NULL); /* in use */
    transports(listener, transport_tcp_connect("127.0.0.1", port, 1));
}

TEST(a_transport_that_cannot_be_is_none) {
    CHECK(transport_unix_listen("/no/such/folder/x", 2) == NULL);
    CHECK(transport_tcp_listen("no.such.host.invalid", 4200, 2) == NULL);
    CHECK(transport_tcp_connect("127.0.0.1", 4200, 0) == NULL);
    CHECK(transport_tcp_connect("127.0.0.1", 0, 1) == NULL);
    transport_t *unused = transport_unix_listen(path_of("unused"), 2);
    CHECK(unused != NULL);
    unused->destroy(unused);
    CHECK(access(path_of("unused"), F_OK) != 0);
    runtime_t   *rt = runtime_init(1, 0);
    transport_t *far = transport_tcp_connect("192.0.2.1", 4200, 2); /* and there is no secret */
    CHECK(far != NULL && !runtime_add_transport(rt, far));
    far->destroy(far);
    runtime_destroy(rt);
}

static void *run_it(void *arg) {
    runtime_run(arg);
    return NULL;
}

TEST(mounting_waits_for_the_link_outside_of_an_actor) {
    node_t         a, b;
    pthread_t      thread;
    mount_result_t result;
    node_config_t  first = {.identity = "far"}, second = {.identity = "near"};
    char           where[150];
    begin(&a, 11, &first), begin(&b, 12, &second);
    snprintf(where, sizeof where, "unix:%s", path_of("mount"));
    CHECK_EQ(node_listen(a.rt, where, NULL, 0), MK_OK);
    CHECK(actor_register_name(a.rt, "service", a.ear));
    CHECK_EQ(pthread_create(&thread, NULL, run_it, a.rt), 0);
    bool     mounted = ns_mount_connect(b.rt, where, 0, &result);
    bool     again = ns_mount_connect(b.rt, where, 0, NULL);
    uint64_t until = runtime_now_ms(b.rt) + 5000;
    while (actor_lookup(b.rt, "/node/far/service") == ACTOR_ID_INVALID && runtime_now_ms(b.rt) < until)
        runtime_wait(b.rt, 10);
    actor_id_t id = actor_lookup(b.rt, "/node/far/service");
    runtime_stop(a.rt);
    pthread_join(thread, NULL);
    CHECK(mounted && again);
    CHECK_STR(result.identity, "far");
    CHECK_EQ(result.node_id, 11);
    CHECK_EQ(id, a.ear);
    runtime_destroy(a.rt), runtime_destroy(b.rt);
}

TEST(without_a_secret_mounts_are_taken_on_loopback_alone) {
    node_t        a;
    node_config_t config = {.identity = "a"};
    begin(&a, 1, &config);
    uint16_t port = (uint16_t)(20000 + getpid() % 20000);
    while (!ns_mount_listen(a.rt, port)) port++;
    const mk_door_t *door = mk_container_of(mk_cluster_find(a.rt)->doors, mk_door_t, all);
    CHECK(mk_addr_is_loopback(&door->listener.at));
    CHECK(!ns_mount_listen(a.rt, port));
    CHECK(!ns_mount_connect(a.rt, "192.0.2.1", 0, NULL));
    runtime_destroy(a.rt);
}
