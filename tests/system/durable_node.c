/* SPDX-License-Identifier: Apache-2.0 */
/* durable_node.c -- a node for durable_crash_test.py: it tells what it finds on its disk, then writes until it is killed.
 *
 * usage: durable_node FOLDER kv|state|sql|queue SEED FIRST [GUEST.wasm]
 *
 * Every change has a number, from FIRST on, and its value is made from that number. It writes lines, each in one piece and before it goes
 * on, so that whoever reads them knows at every moment what was asked for and what was answered:
 *   has KEY N    found at the start         ask N put|del KEY    about to be asked for
 *   bad TEXT     found, and damaged         ok N                 answered: it is on the disk
 *   ready        all of that was told       err N TEXT           answered: it is not
 *   rows TEXT    found, by SQL              got N                the queue delivers it (later than `ready`) */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/local_kv.h"
#include "microkernel/local_queue.h"
#include "microkernel/local_sql.h"
#include "microkernel/runtime.h"
#include "microkernel/service_messages.h"
#include "microkernel/services.h"
#include "microkernel/state_persist.h"
#include "microkernel/wasm_actor.h"

enum { KEYS = 40, WINDOW_MAX = 64, GUESTS = 4, VALUE_MAX = 200 * 1024, LINE_MAX = 1 << 21, WAIT_MS = 60000 };
enum { GUEST_RESULT = 4, GUEST_ASK = 10, GUEST_KEEP = 11 }; /* of tests/guests/versions.c */

typedef struct asked {
    call_id_t call; /* CALL_ID_INVALID: a free place, unless it is a state's */
    uint64_t  n;
    bool      used;
} asked_t;

typedef struct kind {
    const char *name, *service;
    bool (*open)(runtime_t *rt, const char *folder);
    void (*find)(runtime_t *rt);                        /* begins to tell what is there             */
    void (*found)(runtime_t *rt, const message_t *msg); /* what comes before `ready`                */
    void (*change)(runtime_t *rt);                      /* asks for one more                        */
    void (*heard)(runtime_t *rt, const message_t *msg); /* what comes after it, but answers to calls */
} kind_t;

static struct node {
    const kind_t *kind;
    runtime_t    *rt;
    actor_id_t    service, guests[GUESTS];
    const char   *module;
    uint64_t      seed, life, next;
    bool          ready;
    unsigned      window, under_way, left;
    asked_t       asked[WINDOW_MAX];
    uint64_t      of_key[KEYS + GUESTS]; /* state: what is being saved; 0: nothing */
    call_id_t     find;                  /* the request that begins it             */
    uint64_t      held[4096];            /* queue: delivered, not acknowledged     */
    size_t        held_n;
    char          line[LINE_MAX], value[VALUE_MAX + 64], request[VALUE_MAX + 512];
} node;

static uint64_t draw(uint64_t below) {
    node.seed = node.seed * 6364136223846793005u + 1442695040888963407u;
    return (node.seed >> 33) % below;
}

/* ---- lines -------------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(node.line, sizeof node.line - 1, format, args);
    va_end(args);
    for (int i = 0; i < n; i++)
        if (node.line[i] == '\n') node.line[i] = ' ';
    node.line[n++] = '\n';
    for (const char *at = node.line; n > 0;) {
        ssize_t put = write(STDOUT_FILENO, at, (size_t)n);
        if (put < 0) _exit(3);
        at += put;
        n -= (int)put;
    }
}

/* ---- values -------------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t n) {
    n = (n ^ n >> 31) * 0x9E3779B97F4A7C15u;
    return n ^ n >> 29;
}

/* "N letters": of any length, the same each time. */
static size_t make_value(uint64_t n, size_t max, char *to) {
    uint64_t h = mix(n + 1);
    size_t   letters = h % 37 == 0 ? h / 37 % max : h / 37 % (max < 3000 ? max : 3000);
    size_t   at = (size_t)sprintf(to, "%llu ", (unsigned long long)n);
    for (size_t i = 0; i < letters; i++) to[at++] = (char)('a' + (h + i * 7 + i / 26) % 26);
    return at;
}

/* Its number; 0, and a line about it, if it is not what make_value() makes. */
static uint64_t check_value(const char *key, const void *bytes, size_t size, size_t max) {
    char     head[24] = "";
    uint64_t n;
    memcpy(head, bytes, size < sizeof head - 1 ? size : sizeof head - 1);
    n = strtoull(head, NULL, 10);
    if (make_value(n, max, node.value) == size && memcmp(node.value, bytes, size) == 0) return n;
    tell("bad %s: %zu bytes that begin with %.20s", key, size, head);
    return 0;
}

/* ---- changes under way ----------------------------------------------------------------------------------------------------- */

static void call_service(runtime_t *rt, uint64_t n, msg_type_t type, size_t size) {
    asked_t *asked = node.asked;
    while (asked->used) asked++;
    *asked = (asked_t){actor_call(rt, node.service, type, node.request, size, WAIT_MS), n, true};
    node.under_way++;
    if (asked->call != CALL_ID_INVALID) return;
    tell("err %llu no call", (unsigned long long)n);
    exit(4);
}

static bool is_answer(const message_t *msg) {
    for (unsigned i = 0; i < WINDOW_MAX; i++) {
        asked_t *asked = &node.asked[i];
        if (!asked->used || asked->call != msg->call) continue;
        asked->used = false;
        node.under_way--;
        if (msg->type == MSG_CF_OK || msg->type == MSG_CF_NOT_FOUND) tell("ok %llu", (unsigned long long)asked->n);
        else
            tell("err %llu %u %.*s", (unsigned long long)asked->n, (unsigned)msg->type, (int)msg->payload_size,
                 msg->payload_size != 0 ? (const char *)msg->payload : "");
        return true;
    }
    return false;
}

/* Everything that was found has been told. */
static void be_ready(runtime_t *rt) {
    (void)rt;
    node.ready = true;
    tell("ready");
}

/* ---- kv ------------------------------------------------------------------------------------------------------------------ */

enum { KV_VALUE_MAX = VALUE_MAX };
static char kv_keys[KEYS][16];

static bool kv_open(runtime_t *rt, const char *folder) {
    local_kv_config_t config = {.base_path = ""};
    snprintf(config.base_path, sizeof config.base_path, "%s", folder);
    return local_kv_init(rt, &config) != ACTOR_ID_INVALID;
}

static void kv_find(runtime_t *rt) {
    node.find = actor_call(rt, node.service, MSG_CF_KV_LIST, "prefix=", 7, WAIT_MS);
    node.left = 0;
}

static void kv_get(runtime_t *rt, const char *key, size_t size) {
    char request[64];
    int  n = snprintf(request, sizeof request, "key=%.*s", (int)size, key);
    snprintf(kv_keys[node.left], sizeof kv_keys[0], "%.*s", (int)size, key);
    node.asked[node.left++] =
        (asked_t){actor_call(rt, node.service, MSG_CF_KV_GET, request, (size_t)n, WAIT_MS), 0, true};
}

static void kv_found(runtime_t *rt, const message_t *msg) {
    const char *text = msg->payload, *end = text + msg->payload_size;
    if (msg->call == node.find && msg->type == MSG_CF_ERROR) { /* it recovers still */
        actor_set_timer(rt, 1, false);
        return;
    }
    if (msg->call == node.find) {
        for (const char *line; text < end && node.left < KEYS; text = line + 1) {
            line = memchr(text, '\n', (size_t)(end - text));
            kv_get(rt, text, (size_t)(line - text));
        }
        if (text < end) tell("bad more keys than there can be");
        if (node.left == 0) be_ready(rt);
        return;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        if (!node.asked[i].used || node.asked[i].call != msg->call) continue;
        node.asked[i].used = false;
        uint64_t n =
            msg->type == MSG_CF_VALUE ? check_value(kv_keys[i], msg->payload, msg->payload_size, KV_VALUE_MAX) : 0;
        if (msg->type != MSG_CF_VALUE) tell("bad %s is listed, and answers %u", kv_keys[i], (unsigned)msg->type);
        if (n != 0) tell("has %s %llu", kv_keys[i], (unsigned long long)n);
        if (--node.left == 0) be_ready(rt);
        return;
    }
}

static void kv_change(runtime_t *rt) {
    uint64_t n = node.next++;
    unsigned key = (unsigned)draw(KEYS);
    bool     put = draw(5) != 0;
    size_t   size = (size_t)sprintf(node.request, "key=%u%s", key, put ? "\nvalue=" : "");
    if (put) size += make_value(n, KV_VALUE_MAX, node.request + size);
    tell("ask %llu %s %u", (unsigned long long)n, put ? "put" : "del", key);
    call_service(rt, n, put ? MSG_CF_KV_PUT : MSG_CF_KV_DELETE, size);
}

/* ---- state: of a name, and of guests ------------------------------------------------------------------------------------------ */

enum { STATE_VALUE_MAX = 20000 };

static bool state_open(runtime_t *rt, const char *folder) {
    if (!state_persist_init(rt, folder)) return false;
    for (unsigned i = 0; i < GUESTS; i++) {
        char           name[8], err[200];
        wasm_options_t options = {.name = name, .grants = WASM_GRANT_STATE};
        snprintf(name, sizeof name, "g%u", i);
        if (actor_spawn_wasm_file_opts(rt, node.module, &options, &node.guests[i], NULL, err, sizeof err) == MK_OK)
            continue;
        fprintf(stderr, "%s: %s\n", node.module, err);
        return false;
    }
    return true;
}

static void state_find(runtime_t *rt) {
    static char value[STATE_VALUE_MAX + 64];
    for (unsigned i = 0; i < KEYS; i++) {
        char key[8];
        snprintf(key, sizeof key, "%u", i);
        int size = state_load(rt, "keeper", key, value, sizeof value);
        if (size < 0) continue;
        uint64_t n = check_value(key, value, (size_t)size, STATE_VALUE_MAX);
        if (n != 0) tell("has %s %llu", key, (unsigned long long)n);
    }
    for (unsigned i = 0; i < GUESTS; i++) {
        char     name[8];
        uint32_t n;
        snprintf(name, sizeof name, "g%u", i);
        if (state_load(rt, name, "n", &n, sizeof n) == (int)sizeof n) tell("has g%u %u", i, (unsigned)n);
    }
    be_ready(rt);
}

static void state_change(runtime_t *rt) {
    unsigned key = (unsigned)draw(KEYS + GUESTS);
    char     text[8];
    if (node.of_key[key] != 0) return;
    uint64_t n = node.of_key[key] = node.next++;
    node.under_way++;
    if (key >= KEYS) { /* it answers the second message when the first is done with, and that is on the disk then */
        uint32_t short_n = (uint32_t)n;
        tell("ask %llu put g%u", (unsigned long long)n, key - KEYS);
        (void)actor_send(rt, node.guests[key - KEYS], GUEST_KEEP, &short_n, sizeof short_n);
        (void)actor_send(rt, node.guests[key - KEYS], GUEST_ASK, NULL, 0);
        return;
    }
    snprintf(text, sizeof text, "%u", key);
    tell("ask %llu put %s", (unsigned long long)n, text);
    size_t   size = make_value(n, STATE_VALUE_MAX, node.request);
    mk_err_t err = state_save_told(rt, "keeper", text, node.request, size);
    if (err != MK_OK) tell("err %llu %s", (unsigned long long)n, mk_err_text(err));
}

static void state_over(unsigned key, mk_err_t err) {
    if (err == MK_OK) tell("ok %llu", (unsigned long long)node.of_key[key]);
    else tell("err %llu %s", (unsigned long long)node.of_key[key], mk_err_text(err));
    node.of_key[key] = 0;
    node.under_way--;
}

static void state_heard(runtime_t *rt, const message_t *msg) {
    (void)rt;
    if (msg->type == MSG_STATE_SAVED) {
        const state_saved_payload_t *saved = msg->payload;
        char                         key[16];
        snprintf(key, sizeof key, "%.*s", (int)saved->key_size, (const char *)(saved + 1));
        state_over((unsigned)strtoul(key, NULL, 10), (mk_err_t)saved->error);
    } else if (msg->type == GUEST_RESULT) {
        uint32_t answer[3];
        memcpy(answer, msg->payload, sizeof answer);
        for (unsigned i = 0; i < GUESTS; i++)
            if (node.guests[i] == msg->source)
                state_over(KEYS + i, answer[2] == (uint32_t)node.of_key[KEYS + i] ? MK_OK : MK_ERR_FORMAT);
    }
}

/* ---- sql ------------------------------------------------------------------------------------------------------------------- */

enum { SQL_VALUE_MAX = 9000 };

static bool sql_open(runtime_t *rt, const char *folder) {
    local_sql_config_t config = {.path = ""};
    snprintf(config.path, sizeof config.path, "%s/node.db", folder);
    return local_sql_init(rt, &config) != ACTOR_ID_INVALID;
}

static void sql_find(runtime_t *rt) {
    static const char tables[] = "sql=CREATE TABLE IF NOT EXISTS kept(key INTEGER PRIMARY KEY, n INTEGER, value TEXT);"
                                 "CREATE TABLE IF NOT EXISTS log(n INTEGER PRIMARY KEY)";
    const char *const requests[] = {tables, "sql=SELECT key, n, value FROM kept",
                                    "sql=SELECT n FROM log ORDER BY n DESC LIMIT 5000"};
    for (unsigned i = 0; i < 3; i++)
        node.asked[i] = (asked_t){actor_call(rt, node.service, i == 0 ? MSG_CF_DB_EXEC : MSG_CF_DB_QUERY, requests[i],
                                             strlen(requests[i]), WAIT_MS),
                                  0, true};
    node.left = 3;
}

static void sql_found(runtime_t *rt, const message_t *msg) {
    node.asked[3 - node.left].used = false;
    if (msg->type == MSG_CF_ROWS) tell("rows %.*s", (int)msg->payload_size, (const char *)msg->payload);
    else if (msg->type != MSG_CF_OK) tell("bad sql: %.*s", (int)msg->payload_size, (const char *)msg->payload);
    if (--node.left == 0) be_ready(rt);
}

/* Two statements, which happen both or not at all. */
static void sql_change(runtime_t *rt) {
    uint64_t n = node.next++;
    unsigned key = (unsigned)draw(KEYS);
    bool     put = draw(5) != 0;
    size_t   size;
    if (put)
        size = (size_t)sprintf(node.request,
                               "sql=INSERT OR REPLACE INTO kept VALUES(?,?,?); "
                               "INSERT INTO log VALUES(?)\np=%u\np=%llu\np=",
                               key, (unsigned long long)n);
    else
        size = (size_t)sprintf(node.request,
                               "sql=DELETE FROM kept WHERE key=? AND ?>0; INSERT INTO log VALUES(?)\np=%u\np=%llu", key,
                               (unsigned long long)n);
    if (put) size += make_value(n, SQL_VALUE_MAX, node.request + size);
    size += (size_t)sprintf(node.request + size, "\np=%llu", (unsigned long long)n);
    tell("ask %llu %s %u", (unsigned long long)n, put ? "put" : "del", key);
    call_service(rt, n, MSG_CF_DB_EXEC, size);
}

/* ---- queue ------------------------------------------------------------------------------------------------------------------- */

/* A key is an item's own number. What ends the finding is an item of this life, which comes behind all others. */
enum { BODY_MAX = 60000, HELD_HIGH = 400 };

static bool queue_open(runtime_t *rt, const char *folder) {
    local_queue_config_t config = {.base_path = "", .tries_max = 60000};
    snprintf(config.base_path, sizeof config.base_path, "%s", folder);
    return local_queue_init(rt, &config) != ACTOR_ID_INVALID;
}

static void queue_find(runtime_t *rt) {
    char last[40];
    int  n = snprintf(last, sizeof last, "body=last %llu", (unsigned long long)node.life);
    (void)actor_send(rt, node.service, MSG_CF_QUEUE_PUSH, last, (size_t)n);
    (void)actor_send(rt, node.service, MSG_QUEUE_CONSUME, "max=1024", 8);
}

static void acknowledge(runtime_t *rt, uint64_t id) {
    char request[40];
    int  n = snprintf(request, sizeof request, "id=%llu", (unsigned long long)id);
    (void)actor_send(rt, node.service, MSG_QUEUE_ACK, request, (size_t)n);
}

static void queue_item(runtime_t *rt, const message_t *msg) {
    static char        text[BODY_MAX + 256];
    unsigned long long id = 0, last = 0;
    unsigned           tries = 0;
    int                at = 0;
    if (msg->type != MSG_QUEUE_ITEM) return;
    memcpy(text, msg->payload, msg->payload_size);
    text[msg->payload_size] = '\0';
    if (sscanf(text, "id=%llu\ntries=%u\nbody=%n", &id, &tries, &at) != 2 || at == 0) {
        tell("bad item: %.60s", text);
    } else if (sscanf(text + at, "last %llu", &last) == 1) {
        acknowledge(rt, id);
        if (last == node.life) be_ready(rt);
    } else {
        uint64_t n = check_value("item", text + at, msg->payload_size - (size_t)at, BODY_MAX);
        if (n == 0) return;
        tell("number %llu %llu", id, (unsigned long long)n);
        if (node.ready) tell("got %llu", (unsigned long long)n);
        else tell("has %llu %llu", (unsigned long long)n, (unsigned long long)n);
        node.held[node.held_n++] = n << 32 | (uint64_t)id;
    }
}

static void queue_change(runtime_t *rt) {
    uint64_t n = node.next++;
    if (node.held_n != 0 && (node.held_n > HELD_HIGH || draw(100) < 48)) {
        size_t   at = (size_t)draw(node.held_n);
        uint64_t held = node.held[at];
        node.held[at] = node.held[--node.held_n];
        tell("ask %llu del %llu", (unsigned long long)n, (unsigned long long)(held >> 32));
        call_service(rt, n, MSG_QUEUE_ACK,
                     (size_t)sprintf(node.request, "id=%llu", (unsigned long long)(held & 0xFFFFFFFFu)));
        return;
    }
    tell("ask %llu put %llu", (unsigned long long)n, (unsigned long long)n);
    size_t size = (size_t)sprintf(node.request, "body=");
    call_service(rt, n, MSG_CF_QUEUE_PUSH, size + make_value(n, BODY_MAX, node.request + size));
}

/* ---- the actor --------------------------------------------------------------------------------------------------------------- */

static void nothing(runtime_t *rt, const message_t *msg) { (void)rt, (void)msg; }

static const kind_t kinds[] = {
    {"kv", "/node/local/storage/kv", kv_open, kv_find, kv_found, kv_change, nothing},
    {"state", NULL, state_open, state_find, nothing, state_change, state_heard},
    {"sql", "/node/local/storage/db", sql_open, sql_find, sql_found, sql_change, nothing},
    {"queue", "/node/local/queue/default", queue_open, queue_find, queue_item, queue_change, queue_item},
};

enum { MSG_BEGIN = 1 };

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    bool was_ready = node.ready;
    if (msg->type == MSG_BEGIN || (msg->type == MSG_TIMER && !was_ready)) node.kind->find(rt);
    else if (!was_ready) node.kind->found(rt, msg);
    else if (msg->call == CALL_ID_INVALID || !is_answer(msg)) node.kind->heard(rt, msg);
    for (unsigned i = 0; node.ready && node.under_way < node.window && i < 4 * WINDOW_MAX; i++) node.kind->change(rt);
    return true;
}

static void on_signal(int number) {
    (void)number;
    runtime_stop(node.rt);
}

static int run(const char *folder) {
    actor_id_t self;
    if (!node.kind->open(node.rt, folder)) return 1;
    if (node.kind->service != NULL) node.service = actor_lookup(node.rt, node.kind->service);
    actor_options_t options = {.behavior = behave, .mailbox_size = 8192, .name = "client"};
    if (actor_spawn_opts(node.rt, &options, &self) != MK_OK) return 1;
    if (!runtime_post(node.rt, self, MSG_BEGIN, NULL, 0)) return 1;
    runtime_run(node.rt);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[2], kinds[i].name) == 0) node.kind = &kinds[i];
    node.seed = node.life = strtoull(argv[3], NULL, 10);
    node.next = strtoull(argv[4], NULL, 10);
    node.module = argc > 5 ? argv[5] : NULL;
    node.window = 1 + (unsigned)draw(draw(2) != 0 ? WINDOW_MAX : 4);
    if (node.kind == NULL || !wasm_actors_init()) return 2;
    node.rt = runtime_init(1, 0);
    if (node.rt == NULL) return 2;
    signal(SIGTERM, on_signal);
    int result = run(argv[1]);
    runtime_destroy(node.rt);
    wasm_actors_cleanup();
    return result;
}
