/* SPDX-License-Identifier: Apache-2.0 */
/* Many streams that do whatever comes to mind, in and out of their calls, on a network that is as random. Whatever arrives must be
 * what was sent, in order and without a gap; who ended in peace must have got all; and all that was lent comes back once. */
#include "net/net_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/random.h"

enum { PAIRS = 12, PIECE_MAX = 60000 };

typedef struct end end_t;

struct end {
    mk_stream_t stream;
    end_t      *other;
    bool        live, opened, ended, finished, closed_ok;
    bool        hasty;     /* did not listen to the end */
    uint64_t    sent, got; /* by this end; positions in what is said */
    uint32_t    way;       /* which of all directions                */
};

static end_t         client[PAIRS], server[PAIRS];
static mk_listener_t listener;
static rig_random_t  dice;
static uint64_t      lent, returned, peaceful;
static bool          greedy; /* all take what they get */
static unsigned      coming; /* the pair that connects at the moment */

static const mk_tls_engine_t *engine; /* NULL: plain */
static mk_tls_context_t      *call_with, *answer_with;
static mk_stream_kind_t       kind;

static const char key[] = "0123456789abcdef0123456789abcdef";

static uint32_t below(uint32_t n) { return rig_random_below(&dice, n); }
static uint8_t  said(uint32_t way, uint64_t at) { return (uint8_t)(at * 2654435761u >> 7 ^ at ^ way * 77); }

static void fill(end_t *end, uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i++) out[i] = said(end->way, end->sent + i);
}

/* A lent piece carries its own memory. */
static void give_back(void *owner) {
    returned++;
    mk_free(owner);
}

static void say(end_t *end, size_t size) {
    static uint8_t piece[PIECE_MAX];
    mk_err_t       err;
    if (below(3) == 0 && size != 0) {
        uint8_t *own = mk_alloc(size);
        fill(end, own, size);
        err = mk_stream_write_shared(&end->stream, own, size, give_back, own);
        if (err == MK_OK) lent++;
        else mk_free(own);
    } else {
        size_t cut = below((uint32_t)size + 1);
        fill(end, piece, size);
        err = mk_stream_write_slices(&end->stream, (mk_slice_t[]){{piece, cut}, {piece + cut, size - cut}}, 2);
    }
    if (err == MK_OK) end->sent += size;
    else CHECK(err == MK_ERR_FULL || err == MK_ERR_CLOSED);
}

static void leave(end_t *end, bool reset) {
    if (reset) mk_stream_reset(&end->stream);
    else mk_stream_close(&end->stream);
    end->live = false;
}

static void act(end_t *end) {
    if (!end->live) return;
    switch (below(100)) {
    default: say(end, below(8) == 0 ? below(PIECE_MAX) : below(600)); break;
    case 0: leave(end, false); break;
    case 1: leave(end, true); break;
    case 2:
    case 3: mk_stream_finish(&end->stream), end->finished = true; break;
    case 4: mk_stream_finish_discarding(&end->stream), end->finished = end->hasty = true; break;
    case 5: mk_stream_finish_closing(&end->stream), end->finished = end->hasty = true; break;
    case 6:
    case 7:
    case 8: mk_stream_pause(&end->stream); break;
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
    case 14: mk_stream_resume(&end->stream); break;
    case 15: (void)mk_stream_is_full(&end->stream); break;
    }
}

static end_t *end_of(mk_stream_t *stream) { return mk_container_of(stream, end_t, stream); }

static void on_open(mk_stream_t *stream) {
    CHECK(end_of(stream)->live && !end_of(stream)->opened);
    end_of(stream)->opened = true;
    act(end_of(stream));
}

static size_t on_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    end_t *end = end_of(stream);
    size_t taken = !greedy && below(4) == 0 ? below((uint32_t)size + 1) : size;
    CHECK(end->live && end->opened && size != 0);
    for (size_t i = 0; i < taken; i++)
        if (bytes[i] != said(end->other->way, end->got + i)) rig_fail(__FILE__, __LINE__, "a byte is wrong");
    end->got += taken;
    act(end);
    return taken;
}

static void on_end(mk_stream_t *stream) {
    end_t *end = end_of(stream);
    CHECK(end->live && !end->ended);
    end->ended = true;
    act(end);
}

static void on_drained(mk_stream_t *stream) {
    CHECK(end_of(stream)->live);
    act(end_of(stream));
}

static void on_closed(mk_stream_t *stream, mk_err_t why) {
    end_t *end = end_of(stream);
    CHECK(end->live && !mk_stream_is_open(stream));
    CHECK(why == MK_OK || why == MK_ERR_IO || why == MK_ERR_TIMEOUT || (why == MK_ERR_PROTO && engine != NULL));
    CHECK(why != MK_OK || end->finished);
    end->live = false;
    end->closed_ok = why == MK_OK;
}

static const mk_stream_ops_t ops = {on_open, on_data, on_end, on_drained, on_closed};

static void on_accept(mk_listener_t *l, int fd, const mk_addr_t *from) {
    end_t *end = &server[coming];
    (void)l, (void)from;
    *end = (end_t){.live = true, .other = &client[coming], .way = 2 * coming + 1};
    CHECK_EQ(mk_stream_adopt(net, &end->stream, &kind, fd, engine, answer_with), MK_OK);
}

static size_t find_key(void *arg, const char *name, uint8_t out[MK_TLS_PSK_BYTES_MAX]) {
    (void)arg, (void)name;
    memcpy(out, key, 32);
    return 32;
}

static void connect_pair(unsigned i) {
    coming = i;
    client[i] = (end_t){.live = true, .other = &server[i], .way = 2 * i};
    server[i] = (end_t){.other = &client[i], .way = 2 * i + 1};
    mk_dial_options_t options = {.host = "127.0.0.1", .port = 80, .engine = engine, .tls = call_with};
    CHECK_EQ(mk_stream_dial(net, &client[i].stream, &kind, &options), MK_OK);
    while (client[i].live && !server[i].live && server[i].stream.net == NULL) mk_loop_run(&loop, 1000);
}

static void random_network(void) {
    mk_fake_net_t how = {0};
    if (below(2) == 0) how.write_max = 1 + below(3000);
    if (below(2) == 0) how.read_max = 1 + below(3000);
    if (below(2) == 0) how.stream_bytes = 500 + below(30000);
    mk_fake_net(&how);
}

/* Two who both heard the other's end heard all. */
static void check_pair(const end_t *a, const end_t *b) {
    CHECK(!a->live && !b->live);
    if (!greedy || !a->closed_ok || !b->closed_ok || a->hasty || b->hasty) return;
    CHECK(a->got == b->sent && b->got == a->sent);
    peaceful++;
}

static void storm(uint64_t seed) {
    mk_addr_t at = loopback(80);
    char      why[MK_TLS_WHY_BYTES];
    mk_fake_reset(seed);
    mk_fake_set_wall_ms(1800000000000);
    dice.state = seed * 7919 + 1;
    lent = returned = 0;
    greedy = seed % 2 == 0;
    memset(client, 0, sizeof client);
    memset(server, 0, sizeof server);
    kind = (mk_stream_kind_t){&ops, {.queue_high = 1000 + below(100000), .queue_low = 1 + below(1000)}};
    open_net();
    if (engine != NULL) {
        CHECK_EQ(engine->context_create(&(mk_tls_config_t){.psk_name = "x", .psk = {key, 32}}, &call_with, why), MK_OK);
        CHECK_EQ(engine->context_create(&(mk_tls_config_t){.server = true, .psk_find = find_key}, &answer_with, why),
                 MK_OK);
    }
    CHECK_EQ(mk_listener_open(net, &listener, &at, on_accept), MK_OK);
    for (unsigned i = 0; i < PAIRS; i++) connect_pair(i);
    for (unsigned round = greedy ? 240 : 0; round < 300; round++) {
        if (below(20) == 0) random_network();
        for (unsigned n = below(6); n != 0; n--) act(below(2) == 0 ? &client[below(PAIRS)] : &server[below(PAIRS)]);
        mk_loop_run(&loop, below(3) == 0 ? 1000 : 0);
    }
    mk_fake_net(&(mk_fake_net_t){0});
    for (unsigned i = 0; i < PAIRS; i++) { /* those left end in peace */
        if (client[i].live) mk_stream_finish(&client[i].stream), client[i].finished = true;
        if (server[i].live) mk_stream_finish(&server[i].stream), server[i].finished = true;
    }
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = 0; i < PAIRS; i++) {
            if (client[i].live) mk_stream_resume(&client[i].stream);
            if (server[i].live) mk_stream_resume(&server[i].stream);
        }
        mk_loop_run(&loop, 100000);
    }
    for (unsigned i = 0; i < PAIRS; i++) check_pair(&client[i], &server[i]);
    CHECK_EQ(loop.wheel.armed, 0);
    CHECK_EQ(lent, returned);
    mk_listener_close(&listener);
    if (engine != NULL) {
        engine->context_release(call_with);
        engine->context_release(answer_with);
    }
    close_net();
    CHECK_EQ(mk_fake_sockets(), 0);
}

TEST(whatever_plain_streams_do_nothing_is_lost_or_invented) {
    engine = NULL;
    call_with = answer_with = NULL;
    peaceful = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) storm(seed);
    CHECK(peaceful > 100);
}

TEST(whatever_streams_with_tls_do_nothing_is_lost_or_invented) {
    if (mk_tls_engines[0] == NULL) rig_skip("a build without TLS");
    for (unsigned i = 0; mk_tls_engines[i] != NULL; i++) {
        engine = mk_tls_engines[i];
        for (uint64_t seed = 1; seed <= 30; seed++) storm(seed);
    }
}
