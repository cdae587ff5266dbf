/* SPDX-License-Identifier: Apache-2.0 */
/* node_probe.c -- a node for node_netem: it talks to its peers all the time, checks what comes, and tells how it fares.
 *
 * usage: node_probe NAME ID SECRET LISTEN PEER=WHERE...
 *
 * Its actor is `probe/NAME` and wants to be `leader` whenever nobody is. To each peer's it sends numbered messages, short ones and
 * some of 200 KiB, and monitors it. Ten times a second it writes a line of JSON. On standard input: `jump SECONDS` moves the wall
 * clock it sees, `quit` ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"

enum { MSG_START = 1, MSG_COUNT = 2 };
enum {
    PEERS_MAX = 8,
    SENDERS_MAX = 4096,
    TICK_MS = 10,
    TICKS_PER_REPORT = 10,
    LARGE_EVERY = 97,
    LARGE_BYTES = 200 * 1024
};

static int64_t jump_s; /* of the wall clock */

/* The program's own definition goes before the library's. */
int clock_gettime(clockid_t clock, struct timespec *t) {
    long result = syscall(SYS_clock_gettime, clock, t);
    if (result == 0 && clock == CLOCK_REALTIME) t->tv_sec += jump_s;
    return (int)result;
}

typedef struct peer {
    const char  *name, *where;
    char         path[64];
    actor_id_t   id;      /* that we talk to; 0: none known */
    monitor_id_t monitor; /* of it                          */
    uint64_t     next, accepted, refused, watched, downs;
} peer_t;

/* A life of a peer's actor. */
typedef struct sender {
    actor_id_t id;
    uint64_t   last;
} sender_t;

static struct probe {
    const char *name, *where, *secret;
    char        path[64];
    node_id_t   node;
    peer_t      peers[PEERS_MAX];
    size_t      peers_n;
    sender_t    senders[SENDERS_MAX];
    size_t      senders_n;
    timer_id_t  tick;
    uint64_t    ticks, last_tick_ms, stall_ms;
    uint64_t    received, lost, repeated, disordered, damaged, strange_downs, conflicts, ups, node_downs;
    uint8_t     large[LARGE_BYTES];
} probe;

/* ---- what comes ---------------------------------------------------------------------------------------------------------- */

static sender_t *sender_of(actor_id_t id) {
    for (size_t i = 0; i < probe.senders_n; i++) {
        if (probe.senders[i].id == id) return &probe.senders[i];
    }
    if (probe.senders_n == SENDERS_MAX) return NULL;
    probe.senders[probe.senders_n] = (sender_t){.id = id};
    return &probe.senders[probe.senders_n++];
}

static uint8_t pattern(uint64_t number, size_t at) { return (uint8_t)(number * 31 + at * 7 + at / 251); }

static bool is_whole(const message_t *msg, uint64_t number) {
    const uint8_t *bytes = msg->payload;
    if (msg->payload_size != sizeof number && msg->payload_size != LARGE_BYTES) return false;
    for (size_t i = sizeof number; i < msg->payload_size; i++) {
        if (bytes[i] != pattern(number, i)) return false;
    }
    return true;
}

static void on_count(const message_t *msg) {
    uint64_t  number = 0;
    sender_t *sender = sender_of(msg->source);
    if (msg->payload_size < sizeof number || sender == NULL) {
        probe.damaged++;
        return;
    }
    memcpy(&number, msg->payload, sizeof number);
    if (!is_whole(msg, number)) probe.damaged++;
    if (number == sender->last) probe.repeated++;
    else if (number < sender->last) probe.disordered++;
    else if (sender->last != 0) probe.lost += number - sender->last - 1; /* the first went to whoever was here before */
    if (number > sender->last) sender->last = number;
    probe.received++;
}

static void on_down(const message_t *msg) {
    const down_payload_t *down = msg->payload;
    for (size_t i = 0; i < probe.peers_n; i++) {
        peer_t *peer = &probe.peers[i];
        if (peer->monitor == MONITOR_ID_INVALID || peer->monitor != down->monitor || peer->id != down->actor_id)
            continue;
        peer->monitor = MONITOR_ID_INVALID;
        peer->id = ACTOR_ID_INVALID;
        peer->downs++;
        return;
    }
    probe.strange_downs++; /* a second time, or nobody's */
}

/* ---- what goes ----------------------------------------------------------------------------------------------------------- */

static void watch(runtime_t *rt, peer_t *peer) {
    if (peer->monitor != MONITOR_ID_INVALID) return; /* until its end is told there is no other */
    peer->id = actor_lookup(rt, peer->path);
    if (peer->id == ACTOR_ID_INVALID) return;
    peer->monitor = actor_monitor(rt, peer->id);
    if (peer->monitor != MONITOR_ID_INVALID) peer->watched++;
}

static void talk(runtime_t *rt, peer_t *peer) {
    uint64_t number = peer->next + 1;
    size_t   size = number % LARGE_EVERY == 0 ? LARGE_BYTES : sizeof number;
    if (peer->id == ACTOR_ID_INVALID) return;
    for (size_t i = sizeof number; i < size; i++) probe.large[i] = pattern(number, i);
    memcpy(probe.large, &number, sizeof number);
    bool sent = actor_send(rt, peer->id, MSG_COUNT, probe.large, size);
    if (!sent && size == LARGE_BYTES)
        sent = actor_send(rt, peer->id, MSG_COUNT, probe.large, sizeof number); /* datagrams */
    if (sent) {
        peer->next = number;
        peer->accepted++;
    } else {
        peer->refused++;
    }
}

static void want_to_lead(runtime_t *rt) {
    if (actor_lookup(rt, "leader") == ACTOR_ID_INVALID) (void)!actor_try_register_name(rt, "leader", actor_self(rt));
}

/* ---- how it fares -------------------------------------------------------------------------------------------------------- */

static bool print_name(void *arg, const char *path, actor_id_t id) {
    bool *more = arg;
    if (strncmp(path, "probe/", 6) == 0 || strcmp(path, "leader") == 0) {
        printf("%s\"%s\":%llu", *more ? "," : "", path, (unsigned long long)id);
        *more = true;
    }
    return true;
}

static void print_counts(void) {
#define PRINT(what) printf(",\"" #what "\":%llu", (unsigned long long)probe.what)
    PRINT(received);
    PRINT(lost);
    PRINT(repeated);
    PRINT(disordered);
    PRINT(damaged);
    PRINT(strange_downs);
    PRINT(conflicts);
    PRINT(ups);
    PRINT(node_downs);
    PRINT(stall_ms);
#undef PRINT
}

static void report(runtime_t *rt) {
    node_info_t linked[PEERS_MAX];
    size_t      n = node_list(rt, linked, PEERS_MAX);
    bool        more = false;
    printf("{\"self\":%llu,\"ticks\":%llu,\"names\":{", (unsigned long long)actor_self(rt),
           (unsigned long long)probe.ticks);
    ns_list(rt, "", NULL, print_name, &more);
    printf("},\"linked\":[");
    for (size_t i = 0; i < n && i < PEERS_MAX; i++) printf("%s\"%s\"", i > 0 ? "," : "", linked[i].identity);
    printf("],\"peers\":{");
    for (size_t i = 0; i < probe.peers_n; i++) {
        const peer_t *peer = &probe.peers[i];
        printf("%s\"%s\":{\"accepted\":%llu,\"refused\":%llu,\"watched\":%llu,\"downs\":%llu}", i > 0 ? "," : "",
               peer->name, (unsigned long long)peer->accepted, (unsigned long long)peer->refused,
               (unsigned long long)peer->watched, (unsigned long long)peer->downs);
    }
    putchar('}');
    print_counts();
    puts("}");
    fflush(stdout);
}

static void on_tick(runtime_t *rt) {
    uint64_t now_ms = runtime_now_ms(rt), since_ms = now_ms - probe.last_tick_ms;
    if (probe.ticks++ > 0 && since_ms > probe.stall_ms + TICK_MS) probe.stall_ms = since_ms - TICK_MS;
    probe.last_tick_ms = now_ms;
    for (size_t i = 0; i < probe.peers_n; i++) {
        watch(rt, &probe.peers[i]);
        talk(rt, &probe.peers[i]);
    }
    if (probe.ticks % TICKS_PER_REPORT != 0) return;
    want_to_lead(rt);
    report(rt);
}

/* ---- the actor ------------------------------------------------------------------------------------------------------------ */

/* Lines are short and come one at a time. False: enough. */
static bool on_input(void) {
    char    line[64];
    ssize_t size = read(STDIN_FILENO, line, sizeof line - 1);
    if (size <= 0) return false;
    line[size] = '\0';
    if (strncmp(line, "jump ", 5) == 0) jump_s += atoll(line + 5);
    return strncmp(line, "quit", 4) != 0;
}

static bool join(runtime_t *rt) {
    char          bound[256];
    node_config_t config = {
        .identity = probe.name, .secret_file = probe.secret, .heartbeat_ms = 500, .backoff_max_ms = 2000};
    if (node_start(rt, &config) != MK_OK || node_listen(rt, probe.where, bound, sizeof bound) != MK_OK) return false;
    for (size_t i = 0; i < probe.peers_n; i++) {
        if (node_connect(rt, probe.peers[i].where) != MK_OK) return false;
    }
    return node_monitor(rt, true) == MK_OK && actor_watch_fd(rt, STDIN_FILENO, 1) &&
           actor_set_timer(rt, TICK_MS, true) != TIMER_ID_INVALID;
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    bool stay = true;
    (void)self, (void)state;
    switch (msg->type) {
    case MSG_START: stay = join(rt); break;
    case MSG_COUNT: on_count(msg); break;
    case MSG_TIMER: on_tick(rt); break;
    case MSG_DOWN: on_down(msg); break;
    case MSG_NAME_CONFLICT: probe.conflicts++; break;
    case MSG_NODE_UP: probe.ups++; break;
    case MSG_NODE_DOWN: probe.node_downs++; break;
    case MSG_FD_EVENT: stay = on_input(); break;
    default: break;
    }
    if (!stay) runtime_stop(rt);
    return stay;
}

static bool read_arguments(int argc, char **argv) {
    if (argc < 6 || argc - 5 > PEERS_MAX) return false;
    probe.name = argv[1];
    probe.node = (node_id_t)strtoul(argv[2], NULL, 10);
    probe.secret = argv[3];
    probe.where = argv[4];
    snprintf(probe.path, sizeof probe.path, "probe/%s", probe.name);
    for (int i = 5; i < argc; i++) {
        peer_t *peer = &probe.peers[probe.peers_n++];
        char   *equals = strchr(argv[i], '=');
        if (equals == NULL) return false;
        *equals = '\0';
        peer->name = argv[i];
        peer->where = equals + 1;
        snprintf(peer->path, sizeof peer->path, "probe/%s", peer->name);
    }
    return true;
}

int main(int argc, char **argv) {
    if (!read_arguments(argc, argv)) return 2;
    runtime_config_t config = {.node_id = probe.node,
                               .sequence_start = (uint32_t)(time(NULL) ^ getpid() << 8) & INT32_MAX};
    runtime_t       *rt = runtime_create(&config);
    actor_options_t  options = {.behavior = behave, .name = probe.path, .mailbox_size = 100000};
    actor_id_t       id;
    if (rt == NULL) return 1;
    runtime_enable_logging(rt);
    bool begun = ns_actor_init(rt) != ACTOR_ID_INVALID && actor_spawn_opts(rt, &options, &id) == MK_OK &&
                 actor_send(rt, id, MSG_START, NULL, 0);
    if (begun) runtime_run(rt);
    runtime_flush_log(rt);
    runtime_destroy(rt);
    return begun ? 0 : 1;
}
