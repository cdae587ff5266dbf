/* SPDX-License-Identifier: Apache-2.0 */
/* Between machines nothing is plain: secrets, over TCP and over UDP, and a secret that changes while all is running. And rings. */
#include <sys/stat.h>
#include <unistd.h>

#include "node/cluster_rig.h"

static char folder[64];

__attribute__((constructor)) static void make_folder(void) {
    strcpy(folder, "/tmp/mk_keys_XXXXXX");
    if (mkdtemp(folder) == NULL) abort();
}

__attribute__((destructor)) static void remove_folder(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0) printf("%s is left\n", folder);
}

/* Replaces the file in one step, as one should; `roles` one line each: "member a", with the digit the key is made of. */
static const char *write_secret(const char *name, const char *first, const char *second) {
    static char path[4][128], part[140];
    static int  at;
    const char *lines[] = {first, second};
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    snprintf(part, sizeof part, "%s.part", path[at]);
    FILE *file = fopen(part, "w");
    CHECK(file != NULL);
    for (int i = 0; i < 2 && lines[i] != NULL; i++) {
        const char *digit = strchr(lines[i], ' ') + 1;
        fprintf(file, "%.*s", (int)(digit - lines[i]), lines[i]);
        for (int k = 0; k < 64; k++) fputc(k % 3 == 0 ? '1' : *digit, file);
        fputc('\n', file);
    }
    fclose(file);
    CHECK_EQ(chmod(part, 0600), 0);
    CHECK_EQ(rename(part, path[at]), 0);
    return path[at];
}

static void begin_with(unsigned i, const char *secret) {
    node_config_t config = {.secret_file = secret};
    begin_as(i, 0, &config);
    cluster_of(i)->plain_allowed = false;
}

static bool encrypted(unsigned i) {
    node_info_t info;
    return node_list(rt_of(i), &info, 1) == 1 && info.encrypted;
}

static node_role_t role(unsigned i) {
    node_info_t info;
    return node_list(rt_of(i), &info, 1) == 1 ? info.role : NODE_ROLE_NONE;
}

static void listen_udp(unsigned i) {
    char text[40];
    snprintf(text, sizeof text, "udp:%s", where(i));
    mk_fake_use_host(nodes[i].host);
    CHECK_EQ(node_listen(rt_of(i), text, NULL, 0), MK_OK);
}

static void call_udp(unsigned i, const char *host) {
    char text[40];
    snprintf(text, sizeof text, "udp:%s:%d", host, PORT);
    mk_fake_use_host(nodes[i].host);
    CHECK_EQ(node_connect(rt_of(i), text), MK_OK);
}

TEST(the_same_secret_links_and_gives_the_role_that_stands_beside_it) {
    stage(1);
    begin_with(1, write_secret("a", "operator a", "observer b"));
    begin_with(2, write_secret("b", "operator a", NULL));
    begin_with(3, write_secret("c", "observer b", NULL));
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 2000);
    CHECK(encrypted(1) && encrypted(2));
    CHECK_EQ(role(1), NODE_ROLE_OPERATOR);
    mk_fake_use_host(2);
    CHECK(node_disconnect(rt_of(2), "n1"));
    RUN_UNTIL(linked_n(1) == 0, 3000);
    call(3, 1);
    RUN_UNTIL(both_linked(1, 3), 2000);
    CHECK_EQ(role(1), NODE_ROLE_OBSERVER);
    end_all();
}

TEST(a_wrong_secret_is_tried_slowly_and_logged_once) {
    stage(2);
    begin_with(1, write_secret("a", "member a", NULL));
    begin_with(2, write_secret("b", "member b", NULL));
    listen_at(1);
    call(2, 1);
    run_ms(300000);
    CHECK_EQ(linked_n(1) + linked_n(2), 0);
    CHECK(cluster_of(2)->generation <= 22);
    CHECK_EQ(nodes[2].log_lines, 1);
    CHECK(nodes[1].log_lines <= 24);
    end_all();
}

TEST(a_secret_is_changed_while_all_is_running) {
    stage(3);
    const char *at_1 = write_secret("a", "member a", NULL);
    begin_with(1, at_1);
    begin_with(2, write_secret("b", "member a", NULL));
    begin_with(3, write_secret("c", "member b", NULL));
    listen_at(1);
    call(2, 1), call(3, 1);
    RUN_UNTIL(both_linked(1, 2), 2000);
    run_ms(10000);
    CHECK_EQ(linked_n(1), 1);
    (void)write_secret("a", "member b", "member a"); /* for a while both are accepted */
    RUN_UNTIL(both_linked(1, 3), 60000);
    CHECK(both_linked(1, 2));
    (void)write_secret("a", "member b", NULL);
    run_ms(10000);
    CHECK(both_linked(1, 2)); /* links that stand go on ... */
    end(2);
    RUN_UNTIL(!linked(1, 2), 1000);
    begin_with(2, write_secret("b", "member a", NULL));
    call(2, 1);
    run_ms(100000);
    CHECK(!linked(1, 2)); /* ... and new ones do not come */
    CHECK(both_linked(1, 3));
    /* A file that is no secret changes nothing. */
    (void)write_secret("a", "king x", NULL);
    run_ms(10000);
    end(3);
    begin_with(3, write_secret("c", "member b", NULL));
    call(3, 1);
    RUN_UNTIL(both_linked(1, 3), 60000);
    end_all();
}

TEST(nodes_link_over_udp_with_a_secret) {
    static const mk_addr_t any;
    for (unsigned seed = 10; seed < 14; seed++) {
        stage(seed);
        mk_fake_link(&any, &any,
                     &(mk_fake_link_t){.latency_us = 3000, .jitter_us = 2000, .lost = 100, .doubled = 50, .late = 50});
        begin_with(1, write_secret("a", "member a", NULL));
        begin_with(2, write_secret("b", "member a", NULL));
        begin_with(3, write_secret("c", "member b", NULL));
        listen_udp(1);
        CHECK(actor_register_name(rt_of(1), "service", nodes[1].ear));
        mk_addr_t one = mk_fake_addr("10.0.0.1", 0);
        mk_fake_name("one.example", &one, 1);
        call_udp(2, seed % 2 == 0 ? "10.0.0.1" : "one.example");
        call_udp(3, "10.0.0.1");
        RUN_UNTIL(both_linked(1, 2), 20000);
        CHECK(encrypted(1) && encrypted(2));
        RUN_UNTIL(actor_lookup(rt_of(2), "service") == nodes[1].ear, 5000);
        run_ms(60000);
        CHECK_EQ(linked_n(3), 0);
        CHECK_EQ(linked_n(1), 1);
        end(1);
        RUN_UNTIL(!linked(2, 1), 6000);
        end_all();
    }
}

TEST(over_udp_too_each_secret_gives_the_role_that_stands_beside_it) {
    stage(15);
    begin_with(1, write_secret("a", "observer a", "operator b"));
    begin_with(2, write_secret("b", "operator b", NULL));
    begin_with(3, write_secret("c", "observer a", NULL));
    listen_udp(1);
    call_udp(2, "10.0.0.1");
    RUN_UNTIL(both_linked(1, 2), 20000);
    CHECK_EQ(role(1), NODE_ROLE_OPERATOR);
    end(2);
    RUN_UNTIL(linked_n(1) == 0, 6000);
    call_udp(3, "10.0.0.1");
    RUN_UNTIL(both_linked(1, 3), 20000);
    CHECK_EQ(role(1), NODE_ROLE_OBSERVER);
    end_all();
}

TEST(a_secret_that_is_changed_is_used_over_udp_by_who_listens_and_by_who_calls) {
    for (int caller_changes = 0; caller_changes < 2; caller_changes++) {
        stage(16);
        begin_with(1, write_secret("a", caller_changes ? "member b" : "member a", NULL));
        begin_with(2, write_secret("b", caller_changes ? "member a" : "member b", NULL));
        listen_udp(1);
        call_udp(2, "10.0.0.1");
        run_ms(10000);
        CHECK_EQ(linked_n(1), 0);
        (void)write_secret(caller_changes ? "b" : "a", "member b", NULL);
        RUN_UNTIL(both_linked(1, 2), 100000);
        CHECK(encrypted(1) && encrypted(2));
        end_all();
    }
}

TEST(two_runtimes_of_one_process_link_over_a_ring) {
    stage(20);
    begin(1), begin(2);
    node_ring_t *ring = node_ring_create(0);
    CHECK(ring != NULL);
    mk_fake_use_host(1);
    CHECK_EQ(node_ring_attach(rt_of(1), ring, 0), MK_OK);
    mk_fake_use_host(2);
    CHECK_EQ(node_ring_attach(rt_of(2), ring, 1), MK_OK);
    node_ring_release(ring);
    RUN_UNTIL(both_linked(1, 2), 1000);
    CHECK(actor_register_name(rt_of(1), "service", nodes[1].ear));
    RUN_UNTIL(actor_lookup(rt_of(2), "service") == nodes[1].ear, 1000);
    end(1);
    RUN_UNTIL(!linked(2, 1), 6000);
    end_all();
}
