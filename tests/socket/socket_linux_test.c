/* SPDX-License-Identifier: Apache-2.0 */
/* The same on the real network, this machine's own: what the fake one promises holds. */
#include <stdlib.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/mk_socket.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "rig/rig.h"

enum { LOT = 3000000, MSG_BEGIN = 1, CLIENTS = 20 };

static runtime_t *rt;
static uint8_t    lot[LOT];
static unsigned   done;

static void fail_at_deadline(runtime_t *runtime, uint64_t ms) { (void)actor_set_timer(runtime, ms, false); }

/* ---- the server: sends back what it gets, at the speed of who takes it ---- */

/* What could not be sent yet, in order, and ends that wait behind it. */
typedef struct held {
    socket_id_t id;
    message_t  *msg; /* NULL: the end */
} held_t;

enum { HELD_MAX = 4 * CLIENTS };

typedef struct server {
    tcp_listen_options_t at;
    socket_addr_t        addr;
    held_t               held[HELD_MAX];
    unsigned             held_n;
} server_t;

static bool say(const held_t *held) {
    const tcp_data_payload_t *p = held->msg != NULL ? held->msg->payload : NULL;
    mk_err_t err = p != NULL ? actor_tcp_send(rt, held->id, tcp_data(p), p->size) : actor_tcp_finish(rt, held->id);
    if (err == MK_ERR_FULL) return false;
    CHECK_EQ(err, MK_OK);
    message_release(rt, held->msg);
    return true;
}

static void say_what_waits(server_t *s, socket_id_t id) {
    unsigned left = 0;
    bool     full = false;
    for (unsigned i = 0; i < s->held_n; i++) {
        full = full || s->held[i].id != id ? full : !say(&s->held[i]);
        if (full || s->held[i].id != id) s->held[left++] = s->held[i];
    }
    s->held_n = left;
}

/* Whatever the order of messages and news, what came first goes first. */
static void say_in_turn(server_t *s, socket_id_t id, message_t *msg) {
    CHECK(s->held_n < HELD_MAX);
    s->held[s->held_n++] = (held_t){id, msg != NULL ? message_take(rt, msg) : NULL};
    say_what_waits(s, id);
}

static bool serve(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    server_t   *s = state;
    socket_id_t id;
    (void)self;
    switch (msg->type) {
    case MSG_BEGIN:
        CHECK_EQ(actor_tcp_listen_opts(runtime, &s->at, &id), MK_OK);
        CHECK(socket_local(runtime, id, &s->addr));
        break;
    case MSG_TCP_DATA: say_in_turn(s, ((const tcp_data_payload_t *)msg->payload)->id, msg); break;
    case MSG_TCP_DRAINED: say_what_waits(s, ((const socket_payload_t *)msg->payload)->id); break;
    case MSG_TCP_ENDED: CHECK_EQ(actor_tcp_finish(runtime, ((const socket_payload_t *)msg->payload)->id), MK_OK); break;
    default: break;
    }
    return true;
}

/* ---- a client: says a lot and wants it back ---- */

typedef struct client {
    const server_t       *server;
    tcp_connect_options_t to;
    socket_id_t           id;
    size_t                sent, got;
    bool                  ended;
} client_t;

enum { PIECE = 40000 };

static void say_more(client_t *c) {
    mk_err_t err = MK_OK;
    while (c->sent < LOT && err == MK_OK) {
        size_t size = LOT - c->sent < PIECE ? LOT - c->sent : PIECE;
        err = actor_tcp_send(rt, c->id, lot + c->sent, size);
        if (err == MK_OK) c->sent += size;
        else CHECK_EQ(err, MK_ERR_FULL);
    }
    if (c->sent == LOT && err == MK_OK && !c->ended) {
        c->ended = true;
        CHECK_EQ(actor_tcp_finish(rt, c->id), MK_OK);
    }
}

static void hear(client_t *c, const tcp_data_payload_t *p) {
    CHECK(c->got + p->size <= LOT);
    CHECK(memcmp(lot + c->got, tcp_data(p), p->size) == 0);
    c->got += p->size;
}

static bool talk(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    client_t *c = state;
    char      host[SOCKET_ADDR_TEXT_BYTES];
    (void)self;
    switch (msg->type) {
    case MSG_BEGIN:
        if (c->to.path == NULL) {
            socket_addr_format(&c->server->addr, host);
            *strrchr(host, ':') = '\0';
            c->to.host = host;
            c->to.port = c->server->addr.port;
        }
        CHECK_EQ(actor_tcp_connect_opts(runtime, &c->to, &c->id), MK_OK);
        fail_at_deadline(runtime, 60000);
        return true;
    case MSG_TCP_OPEN: say_more(c); return true;
    case MSG_TCP_DRAINED: say_more(c); return true;
    case MSG_TCP_DATA: hear(c, msg->payload); return true;
    case MSG_TCP_ENDED: return true;
    case MSG_TCP_CLOSED:
        CHECK_EQ(((const tcp_closed_payload_t *)msg->payload)->error, MK_OK);
        CHECK_EQ(c->got, LOT);
        if (++done == CLIENTS) runtime_stop(runtime);
        return false;
    default: CHECK(false); return false; /* the deadline */
    }
}

static void run_echo(tcp_listen_options_t at, const char *path) {
    static server_t  server;
    static client_t  client[CLIENTS];
    runtime_config_t config = {.node_id = 1};
    rt = runtime_create(&config);
    CHECK(rt != NULL);
    for (size_t i = 0; i < LOT; i++) lot[i] = (uint8_t)(i * 7 + i / 251);
    server = (server_t){.at = at};
    done = 0;
    actor_id_t id = actor_spawn(rt, serve, &server, NULL, 0);
    CHECK(actor_send(rt, id, MSG_BEGIN, NULL, 0));
    for (int i = 0; i < CLIENTS; i++) {
        /* Most of them wait for a place at the server: as long as they like, on however slow a machine. */
        client[i] = (client_t){.server = &server, .to.path = path, .to.limits = {.finish_ms = 60000}};
        CHECK(actor_send(rt, actor_spawn(rt, talk, &client[i], NULL, 0), MSG_BEGIN, NULL, 0));
    }
    runtime_run(rt);
    CHECK_EQ(done, CLIENTS);
    runtime_destroy(rt);
}

/* Windows and queues are small, so that everybody is full all the time; and no one holds more than one piece. */
static const tcp_limits_t tight = {.window_messages = 1, .window_bytes = 9000, .queue_bytes = 20000};

TEST(twenty_talk_to_one_over_ipv4) { run_echo((tcp_listen_options_t){.limits = tight}, NULL); }

TEST(twenty_talk_to_one_over_ipv6) {
    if (access("/proc/net/if_inet6", R_OK) != 0) rig_skip("no IPv6 here");
    run_echo((tcp_listen_options_t){.host = "::1", .limits = tight, .connections_max = 7}, NULL);
}

TEST(twenty_talk_to_one_over_a_path) {
    char folder[] = "/tmp/mk-socket-XXXXXX", path[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/socket", folder);
    run_echo((tcp_listen_options_t){.path = path, .limits = tight}, path);
    CHECK(access(path, F_OK) != 0); /* it goes with its listener */
    CHECK_EQ(rmdir(folder), 0);
}

/* ---- datagrams and names ---- */

typedef struct asker {
    socket_id_t   udp;
    socket_addr_t self;
    bool          heard, known;
} asker_t;

static bool ask_around(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    asker_t *a = state;
    (void)self;
    if (msg->type == MSG_BEGIN) {
        a->udp = actor_udp_bind(runtime, NULL, 0);
        CHECK(socket_local(runtime, a->udp, &a->self));
        CHECK_EQ(actor_udp_sendto(runtime, a->udp, &a->self, "ping", 4), MK_OK);
        CHECK(actor_resolve(runtime, "localhost") != SOCKET_ID_INVALID);
        fail_at_deadline(runtime, 60000);
    } else if (msg->type == MSG_UDP_DATAGRAM) {
        const udp_datagram_payload_t *p = msg->payload;
        CHECK(p->size == 4 && memcmp(udp_data(p), "ping", 4) == 0);
        CHECK_EQ(p->from.port, a->self.port);
        a->heard = true;
    } else {
        CHECK_EQ(msg->type, MSG_RESOLVED);
        CHECK_EQ(((const resolved_payload_t *)msg->payload)->error, MK_OK);
        a->known = true;
    }
    return !(a->heard && a->known);
}

TEST(datagrams_and_names_work_too) {
    asker_t          asker = {0};
    runtime_config_t config = {.node_id = 1};
    rt = runtime_create(&config);
    CHECK(actor_send(rt, actor_spawn(rt, ask_around, &asker, NULL, 0), MSG_BEGIN, NULL, 0));
    runtime_run(rt);
    CHECK(asker.heard && asker.known);
    runtime_destroy(rt);
}
