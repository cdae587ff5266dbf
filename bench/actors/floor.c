/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c -- the denominator: the least that any program could do to move the same messages in the same pattern.
 *
 * One FIFO of messages {link, source, dest, type}, all allocated and touched beforehand, and for each a call through the
 * function pointer of its destination. No table, no check, no mailbox, no turn, no end: a node is its address. What a
 * workload sends is taken from a list of spare messages, most recently used first, as any runtime would; where ours
 * stops for a full mailbox the floor stops after as many messages, so both work in the same amount of memory.
 *
 *   floor WORKLOAD      for pingpong counting threadring fjthroughput big spawn payload timers */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct node node_t;
typedef struct msg  msg_t;

struct node {
    void (*fn)(node_t *self, msg_t *msg);
    uint64_t left;
    uint32_t random;
    node_t  *next; /* of a ring, or of the spare nodes */
};

struct msg {
    msg_t   *next;
    node_t  *source, *dest;
    uint32_t type, value;
};

static msg_t   *head, *tail; /* tail is undefined while head is NULL */
static msg_t   *spare;
static node_t   nodes[BIG_ACTORS + 1];
static node_t  *spare_nodes;
static uint64_t handled, window;
static void    *memory;

static void allocate_messages(size_t n, size_t bytes) {
    char *at = memory = malloc(n * bytes);
    bench_check(memory != NULL, "memory");
    memset(memory, 0, n * bytes);
    for (; n-- != 0; at += bytes) {
        msg_t *msg = (msg_t *)(void *)at;
        msg->next = spare;
        spare = msg;
    }
}

static inline msg_t *take_spare(void) {
    msg_t *msg = spare;
    spare = msg->next;
    return msg;
}

static inline void put(msg_t *msg, node_t *source, node_t *dest, uint32_t type) {
    msg->source = source;
    msg->dest = dest;
    msg->type = type;
    msg->next = NULL;
    if (head == NULL) head = msg;
    else tail->next = msg;
    tail = msg;
}

static inline void send(node_t *source, node_t *dest, uint32_t type) { put(take_spare(), source, dest, type); }

/* Until nothing is under way. */
static void run(void) {
    for (msg_t *msg; (msg = head) != NULL;) {
        head = msg->next;
        msg->dest->fn(msg->dest, msg);
        msg->next = spare;
        spare = msg;
    }
}

static void take_in(node_t *self, msg_t *msg) {
    (void)self, (void)msg;
    handled++;
}

/* ---- the workloads: each sets the nodes up and puts the first messages; what they count goes to `handled` --------- */

static void play(node_t *self, msg_t *msg) {
    handled++;
    if (self->left-- != 0) send(self, msg->source, 1);
}

static void pingpong(void) {
    for (int i = 0; i < 2; i++) nodes[i] = (node_t){.fn = play, .left = PINGPONG_TRIPS};
    nodes[1].left--;
    send(&nodes[1], &nodes[0], 1);
}

/* As many as a mailbox takes, then the same again behind them. */
static void produce(node_t *self, msg_t *msg) {
    (void)msg;
    for (uint64_t room = window; self->left != 0 && room != 0; self->left--, room--) send(self, &nodes[1], 1);
    if (self->left != 0) send(self, self, 0);
}

static void counting(void) {
    nodes[0] = (node_t){.fn = produce, .left = COUNTING_MESSAGES};
    nodes[1] = (node_t){.fn = take_in};
    send(&nodes[0], &nodes[0], 0);
}

static void pass(node_t *self, msg_t *msg) {
    handled++;
    if (msg->value == 0) return;
    spare->value = msg->value - 1;
    send(self, self->next, 1);
}

static void threadring(void) {
    for (int i = 0; i < RING_ACTORS; i++) nodes[i] = (node_t){.fn = pass, .next = &nodes[(i + 1) % RING_ACTORS]};
    spare->value = RING_HOPS - 1;
    send(&nodes[0], &nodes[0], 1);
}

static void feed(node_t *self, msg_t *msg) {
    (void)msg;
    for (uint64_t room = window; self->left != 0 && room != 0; self->left--, room--)
        for (int i = 1; i <= FJ_ACTORS; i++) send(self, &nodes[i], 1);
    if (self->left != 0) send(self, self, 0);
}

static void fjthroughput(void) {
    nodes[0] = (node_t){.fn = feed, .left = FJ_MESSAGES};
    for (int i = 1; i <= FJ_ACTORS; i++) nodes[i] = (node_t){.fn = take_in};
    send(&nodes[0], &nodes[0], 0);
}

enum { PING = 1, PONG };

static void take_part(node_t *self, msg_t *msg) {
    handled++;
    if (msg->type == PING) {
        send(self, msg->source, PONG);
    } else if (self->left != 0) {
        self->left--;
        send(self, &nodes[bench_random(&self->random, BIG_ACTORS)], PING);
    }
}

static void big(void) {
    for (uint32_t i = 0; i < BIG_ACTORS; i++) {
        nodes[i] = (node_t){.fn = take_part, .left = BIG_PINGS, .random = i};
        send(&nodes[i], &nodes[i], PONG); /* "go" */
    }
}

static void live(node_t *self, msg_t *msg) {
    (void)msg;
    handled++;
    self->next = spare_nodes;
    spare_nodes = self;
}

static void spawn_some(node_t *self, msg_t *msg) {
    (void)msg;
    for (int i = 0; i < SPAWN_BATCH && self->left != 0; i++, self->left--) {
        node_t *born = spare_nodes;
        spare_nodes = born->next;
        *born = (node_t){.fn = live};
        send(self, born, 1);
    }
    if (self->left != 0) send(self, self, 0);
}

static void spawn(void) {
    nodes[0] = (node_t){.fn = spawn_some, .left = SPAWN_ACTORS};
    for (int i = 1; i <= SPAWN_BATCH; i++) live(&nodes[i], NULL);
    handled = 0;
    send(&nodes[0], &nodes[0], 0);
}

static uint64_t words[PAYLOAD_BYTES / sizeof(uint64_t)], words_sum;

static void produce_words(node_t *self, msg_t *msg) {
    (void)msg;
    for (uint64_t room = window; self->left != 0 && room != 0; self->left--, room--) {
        words[0] = words[PAYLOAD_BYTES / sizeof(uint64_t) - 1] = self->left;
        memcpy(spare + 1, words, sizeof words);
        send(self, &nodes[1], 1);
    }
    if (self->left != 0) send(self, self, 0);
}

static void take_words(node_t *self, msg_t *msg) {
    (void)self;
    const uint64_t *got = (const uint64_t *)(const void *)(msg + 1);
    words_sum += got[0] + got[PAYLOAD_BYTES / sizeof(uint64_t) - 1];
    handled++;
}

static void payload(void) {
    nodes[0] = (node_t){.fn = produce_words, .left = PAYLOAD_MESSAGES};
    nodes[1] = (node_t){.fn = take_words};
    send(&nodes[0], &nodes[0], 0);
}

/* ---- timers: records put into a FIFO per millisecond; when they fire is not looked at ------------------------------
 * A million at once are not recycled from anything, so both sides touch fresh memory as they arm; and both read the
 * clock for every timer. */

typedef struct timer_record {
    struct timer_record *next;
    void (*fn)(node_t *self, msg_t *msg);
    node_t  *owner;
    uint64_t due_ms;
} timer_record_t;

static timer_record_t *due_first[TIMERS_SPAN_MS * 2], *due_last[TIMERS_SPAN_MS * 2];

static void arm(timer_record_t *record, uint64_t due_ms) {
    size_t slot = due_ms % (TIMERS_SPAN_MS * 2);
    *record = (timer_record_t){.fn = take_in, .owner = &nodes[0], .due_ms = due_ms};
    if (due_first[slot] == NULL) due_first[slot] = record;
    else due_last[slot]->next = record;
    due_last[slot] = record;
}

static double timers(void) {
    timer_record_t *records = malloc(TIMERS * sizeof *records);
    bench_check(records != NULL, "memory");
    uint32_t random = 0;
    double   start = bench_now();
    for (int i = 0; i < TIMERS; i++) {
        arm(&records[i], bench_now_us() / 1000 + bench_random(&random, TIMERS_SPAN_MS + 1));
    }
    double seconds = bench_now() - start;
    for (int slot = 0; slot < TIMERS_SPAN_MS * 2; slot++)
        for (timer_record_t *record = due_first[slot]; record != NULL; record = record->next)
            record->fn(record->owner, NULL);
    free(records);
    return seconds;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*begin)(void);
    uint64_t n; /* messages that must have been handled */
    size_t   message_bytes, messages_per_window;
} workloads[] = {
    {"pingpong", pingpong, 2 * (uint64_t)PINGPONG_TRIPS, sizeof(msg_t), 0},
    {"counting", counting, COUNTING_MESSAGES, sizeof(msg_t), 1},
    {"threadring", threadring, RING_HOPS, sizeof(msg_t), 0},
    {"fjthroughput", fjthroughput, (uint64_t)FJ_ACTORS *FJ_MESSAGES, sizeof(msg_t), FJ_ACTORS},
    {"big", big, (uint64_t)BIG_ACTORS *(2 * BIG_PINGS + 1), sizeof(msg_t), 0},
    {"spawn", spawn, SPAWN_ACTORS, sizeof(msg_t), 0},
    {"payload", payload, PAYLOAD_MESSAGES, sizeof(msg_t) + PAYLOAD_BYTES, 1},
};

enum { MESSAGES_BESIDES = BIG_ACTORS + 2 }; /* the most that any workload has under way beside its windows */

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    window = options.mailbox;
    if (strcmp(options.workload, "timers") == 0) {
        double seconds = timers();
        bench_check(handled == TIMERS, "every timer was there");
        bench_print("timers", "floor", TIMERS, seconds, NULL);
        return 0;
    }
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        if (strcmp(options.workload, workloads[i].name) != 0) continue;
        allocate_messages(MESSAGES_BESIDES + window * workloads[i].messages_per_window, workloads[i].message_bytes);
        double start = bench_now();
        workloads[i].begin();
        run();
        double seconds = bench_now() - start;
        bench_check(handled == workloads[i].n, "every message was handled");
        bench_print(workloads[i].name, "floor", handled, seconds, NULL);
        free(memory);
        return 0;
    }
    fprintf(stderr, "no floor for %s\n", options.workload);
    return 2;
}
