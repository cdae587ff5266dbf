/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c -- somebody who is no node calls one, and says something: garbage, frames with bits turned, half a frame and nothing
 * more, a well-made hello and then anything; or throws datagrams. It calls itself by a name of its own, as a member of the cluster may; what it may do as
 * one it does. */
#include <string.h>

#include "node/wire.h"
#include "port/fake/fake_net.h"
#include "sim/sim.h"

enum { VISITORS = 3, SAID_MAX = 6000 };

typedef struct visitor {
    int      fd; /* -1: nobody */
    uint8_t  said[SAID_MAX];
    size_t   size, at;
    uint64_t until_us;
} visitor_t;

static visitor_t visitor[VISITORS];
static uint32_t  visits;

void sim_hostile_begin(void) {
    for (unsigned i = 0; i < VISITORS; i++) visitor[i].fd = -1;
    visits = 0;
}

/* ---- what it says -------------------------------------------------------------------------------------------------------------- */

static size_t hello(uint8_t *to, unsigned node) {
    visits++;
    mk_wire_hello_t hello = {.version_min = 1,
                             .version_max = 1,
                             .node = SIM_HOSTILE_NODE,
                             .incarnation = visits,
                             .generation = visits,
                             .features = 0x0f,
                             .credit = sim_chance(200) ? 0 : 65536,
                             .message_max = 1 << 20,
                             .heartbeat_ms = sim_below(2000)};
    memcpy(hello.identity, "mallory", sizeof "mallory");
    /* In the clear a node may call itself what it likes, so it does not take the place of one that is away. */
    if (sim_chance(100)) hello.node = node + 1;
    if (sim_chance(100)) memcpy(hello.identity, sim_identity(node), 3);
    return mk_wire_put_hello(to, &hello);
}

static size_t data(uint8_t *to) {
    static const uint8_t payload[600] = "psst";
    uint32_t seq = sim_chance(500) ? actor_id_seq(sim_actor(1 + sim_below(sim_actors()))->id) : sim_below(1 << 20) + 1;
    mk_wire_data_t data = {
        .source = sim_below(50) + 1, .dest = seq, .type = sim_below(8), .payload = {payload, sim_below(600)}};
    if (sim_chance(100)) data.type = MK_MSG_SYSTEM_BASE + sim_below(32);
    if (sim_chance(200)) data.part = MK_WIRE_CALL, data.call = 1 + sim_below(9);
    if (sim_chance(200)) data.part = MK_WIRE_REPLY, data.call = 1 + sim_below(9);
    return mk_wire_put_data(to, &data);
}

static size_t fragment(uint8_t *to) {
    static const uint8_t payload[600];
    mk_wire_fragment_t   piece = {
          .stream = 1 + sim_below(3), .first = sim_chance(500), .last = sim_chance(300), .total = sim_below(3000)};
    if (sim_chance(100)) piece.total = UINT32_MAX;
    piece.data =
        (mk_wire_data_t){.source = 1, .dest = 1 + sim_below(60), .type = 2, .payload = {payload, 1 + sim_below(599)}};
    return mk_wire_put_fragment(to, &piece);
}

static size_t signal(uint8_t *to) {
    mk_signal_t signal = {.kind = (mk_signal_kind_t)(1 + sim_below(MK_SIGNAL_KINDS - 1)),
                          .ref = sim_below(20),
                          .from = 1 + sim_below(20)};
    signal.to = sim_chance(300) ? actor_id_seq(sim_actor(1 + sim_below(sim_actors()))->id) : 1 + sim_below(50);
    if (signal.kind == MK_SIGNAL_STOP || signal.kind == MK_SIGNAL_EXIT) signal.to = 1; /* it might, as an operator */
    signal.reason = (uint8_t)sim_below(12);
    return mk_wire_put_signal(to, &signal);
}

static size_t name(uint8_t *to) {
    const char    *text = sim_chance(300) ? sim_name(sim_below(SIM_NAMES)) : "mallory/cellar";
    mk_wire_name_t name = {
        .seq = 1 + sim_below(9), .stamp_ms = sim_below(1000), .counter = sim_below(100), .name = {text, strlen(text)}};
    return sim_chance(700) ? mk_wire_put_name(to, &name) : mk_wire_put_name_gone(to, &name);
}

static size_t request(uint8_t *to) {
    mk_wire_request_t request = {
        .ref = sim_below(9), .verb = (uint8_t)(1 + sim_below(3)), .seq = 1, .module = {"none", 4}};
    if (request.verb == MK_WIRE_SPAWN) request.verb = MK_WIRE_RELOAD;
    return mk_wire_put_request(to, &request);
}

static size_t frame(uint8_t *to) {
    mk_wire_credit_t credit = {sim_below(3000), sim_below(100)};
    mk_wire_answer_t answer = {.ref = sim_below(9), .error = (uint8_t)sim_below(20), .seq = 1};
    mk_wire_end_t    bye = {.reason = MK_WIRE_REASON_STOPPING};
    switch (sim_below(14)) {
    case 0: return mk_wire_put_stamp(to, MK_WIRE_PING, 7);
    case 1: return mk_wire_put_stamp(to, MK_WIRE_PONG, 7);
    case 2: return mk_wire_put_credit(to, &credit);
    case 3: return mk_wire_put_actor(to, (mk_wire_kind_t)(MK_WIRE_STOP + sim_below(3)), 1 + sim_below(30));
    case 4: return fragment(to);
    case 5: return signal(to);
    case 6: return mk_wire_put_empty(to, MK_WIRE_NAMES_BEGIN);
    case 7: return name(to);
    case 8: return mk_wire_put_empty(to, MK_WIRE_NAMES_END);
    case 9: return request(to);
    case 10: return mk_wire_put_answer(to, &answer);
    case 11: return sim_chance(100) ? mk_wire_put_end(to, MK_WIRE_BYE, &bye) : 0;
    default: return data(to);
    }
}

static void think(visitor_t *v, unsigned node) {
    mk_wire_welcome_t welcome = {.version = 1, .may = 0x3f};
    v->size = v->at = 0;
    if (!sim_chance(100)) v->size += hello(v->said, node);
    if (!sim_chance(100)) v->size += mk_wire_put_welcome(v->said + v->size, &welcome);
    for (unsigned n = sim_below(30); n != 0 && v->size < SAID_MAX - 2000; n--) v->size += frame(v->said + v->size);
    if (sim_chance(150))
        for (v->size = 0; v->size < 500; v->size++) v->said[v->size] = (uint8_t)sim_below(256);
    if (sim_chance(400) && v->size != 0) v->said[sim_below((uint32_t)v->size)] ^= (uint8_t)(1u << sim_below(8));
    if (sim_chance(300) && v->size != 0) v->size = sim_below((uint32_t)v->size);
}

/* ---- its visits ------------------------------------------------------------------------------------------------------------------ */

static void leave(visitor_t *v) {
    if (v->fd < 0) return;
    if (sim_chance(500)) mk_sock_reset(v->fd);
    else mk_sock_close(v->fd);
    v->fd = -1;
}

/* Datagrams that are none, some of them with a beginning that might be one's. */
static void throw_datagrams(unsigned node) {
    mk_addr_t from = mk_fake_addr("10.0.0.99", 0), to = mk_fake_addr(sim_address(node), (uint16_t)(SIM_PORT + node));
    uint8_t   bytes[600];
    int       fd;
    if (mk_sock_udp(&from, &fd, NULL) != MK_OK) return;
    for (unsigned n = 1 + sim_below(20); n != 0; n--) {
        size_t size = sim_below(sizeof bytes);
        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)sim_below(256);
        if (size != 0 && sim_chance(700)) bytes[0] = (uint8_t)sim_below(8);
        if (mk_sock_send(fd, bytes, size, &to) != MK_OK) break;
    }
    mk_sock_close(fd);
    sim_say("somebody throws datagrams at n%u", node + 1);
}

void sim_hostile_visit(void) {
    unsigned   node = sim_below(sim.plan.nodes);
    visitor_t *v = &visitor[sim_below(VISITORS)];
    mk_addr_t  to = mk_fake_addr(sim_address(node), (uint16_t)(SIM_PORT + node));
    if (!sim.plan.hostile) return;
    mk_fake_use_host(SIM_HOSTILE_HOST);
    if (sim.plan.datagrams && sim_chance(400)) {
        throw_datagrams(node);
        return;
    }
    leave(v);
    if (mk_sock_connect(&to, &v->fd) != MK_OK) {
        v->fd = -1;
        return;
    }
    think(v, node);
    v->until_us = sim_now_us() + 1000ull * sim_below(3000);
    sim_say("somebody calls n%u, to say %zu bytes", node + 1, v->size);
}

static void talk(visitor_t *v) {
    uint8_t    heard[4096];
    mk_slice_t rest = {v->said + v->at, v->size - v->at};
    ptrdiff_t  n = rest.size != 0 ? mk_sock_write(v->fd, &rest, 1) : MK_IO_WAIT;
    if (n > 0) v->at += (size_t)n;
    while (mk_sock_read(v->fd, heard, sizeof heard) > 0) {}
    if (n == MK_IO_FAILED || v->until_us <= sim_now_us()) leave(v);
}

void sim_hostile_go_on(void) {
    mk_fake_use_host(SIM_HOSTILE_HOST);
    for (unsigned i = 0; i < VISITORS; i++)
        if (visitor[i].fd >= 0) talk(&visitor[i]);
}

void sim_hostile_end(void) {
    mk_fake_use_host(SIM_HOSTILE_HOST);
    for (unsigned i = 0; i < VISITORS; i++) leave(&visitor[i]);
}
