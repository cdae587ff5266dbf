/* SPDX-License-Identifier: Apache-2.0 */
/* web.c -- a web server in one file: files, routes with parameters, JSON from an actor, a chat over WebSockets, a clock over
 * server-sent events, and a download of any length that takes no memory. The README beside it says how to run it.
 *
 * A route names an actor, and from then on the request, and the event stream or WebSocket that it becomes, is that actor's:
 * all about it arrives in one mailbox, a message at a time, so nothing here needs a lock. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"

enum { MSG_START = 1, GUESTS_MAX = 64, BODY_BYTES_MAX = 16 << 20, PEM_BYTES_MAX = 32768, TICK_MS = 1000 };

static const char *const as_text[] = {"Content-Type: text/plain; charset=utf-8"};
static const char *const as_json[] = {"Content-Type: application/json", "Cache-Control: no-store"};

/* What every message of http.h begins with: which exchange it is about. */
static http_conn_id_t id_of(const message_t *msg) { return ((const http_conn_payload_t *)msg->payload)->conn_id; }

static void say(runtime_t *rt, http_conn_id_t id, int status, const char *text) {
    (void)actor_http_respond(rt, id, status, as_text, 1, text, strlen(text));
}

/* ---- plain functions: what can be said at once --------------------------------------------------------------------------- */

static void hello(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    char text[256];
    (void)arg;
    snprintf(text, sizeof text, "Hello, %.200s!\n", http_request_param(request, "name"));
    say(rt, request->conn_id, 200, text);
}

static void echo(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    (void)arg;
    (void)actor_http_respond(rt, request->conn_id, 200, NULL, 0, http_request_body(request), request->body_size);
}

/* ---- status: an actor that answers with JSON ------------------------------------------------------------------------------ */

static bool status_behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    static uint64_t asked;
    (void)self, (void)state;
    runtime_stats_t stats;
    char            text[160];
    if (msg->type != MSG_HTTP_REQUEST) return true;
    runtime_get_stats(rt, &stats);
    int size = snprintf(text, sizeof text, "{\"asked\": %" PRIu64 ", \"actors\": %zu, \"messages\": %" PRIu64 "}\n",
                        ++asked, stats.actors, stats.sent);
    (void)actor_http_respond(rt, id_of(msg), 200, as_json, 2, text, (size_t)size);
    return true;
}

/* ---- those who stay: readers of the clock, people in the chat --------------------------------------------------------------- */

typedef struct guests {
    http_conn_id_t ids[GUESTS_MAX];
    size_t         n;
} guests_t;

static void leave(guests_t *guests, http_conn_id_t id) {
    for (size_t i = 0; i < guests->n; i++)
        if (guests->ids[i] == id) guests->ids[i] = guests->ids[--guests->n];
}

static void tick(runtime_t *rt, const guests_t *guests, size_t first) {
    char   text[32];
    time_t now = time(NULL);
    size_t size = strftime(text, sizeof text, "%H:%M:%S UTC", gmtime(&now));
    for (size_t i = first; i < guests->n; i++) (void)actor_sse_push(rt, guests->ids[i], "tick", text, size);
}

static bool clock_behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    guests_t *readers = state;
    (void)self;
    if (msg->type == MSG_TIMER) {
        tick(rt, readers, 0);
    } else if (msg->type == MSG_SSE_CLOSED) {
        leave(readers, id_of(msg));
    } else if (msg->type == MSG_HTTP_REQUEST && readers->n == GUESTS_MAX) {
        say(rt, id_of(msg), 503, "Too many at a time.\n");
    } else if (msg->type == MSG_HTTP_REQUEST && actor_sse_start(rt, id_of(msg))) {
        readers->ids[readers->n++] = id_of(msg);
        tick(rt, readers, readers->n - 1);
    }
    return true;
}

/* To the one who said it, too. */
static void pass_on(runtime_t *rt, const guests_t *people, const ws_message_payload_t *said) {
    for (size_t i = 0; i < people->n; i++)
        if (actor_ws_try_send(rt, people->ids[i], said->is_binary, ws_message_data(said), said->data_size) != MK_OK)
            fprintf(stderr, "web: someone is too slow to listen, and misses this\n");
}

static bool chat_behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    guests_t *people = state;
    (void)self;
    if (msg->type == MSG_WS_MESSAGE) pass_on(rt, people, msg->payload);
    else if (msg->type == MSG_WS_CLOSED) leave(people, id_of(msg));
    else if (msg->type != MSG_HTTP_REQUEST) return true;
    else if (people->n == GUESTS_MAX) say(rt, id_of(msg), 503, "Too many at a time.\n");
    else if (actor_ws_accept(rt, id_of(msg))) people->ids[people->n++] = id_of(msg);
    else say(rt, id_of(msg), 400, "This is a WebSocket.\n");
    return true;
}

/* ---- numbers: an answer in pieces, as fast as its reader takes them ------------------------------------------------------------ */

typedef struct list {
    http_conn_id_t id; /* HTTP_CONN_ID_INVALID: free */
    uint64_t       next, last;
} list_t;

static void list_go_on(runtime_t *rt, list_t *list) {
    char     text[8192];
    mk_err_t err = MK_OK;
    while (err == MK_OK && list->next <= list->last) {
        uint64_t next = list->next;
        size_t   size = 0;
        while (next <= list->last && size < sizeof text - 32)
            size += (size_t)snprintf(text + size, sizeof text - size, "%" PRIu64 "\n", next++);
        err = actor_http_respond_write(rt, list->id, text, size);
        if (err == MK_OK) list->next = next;
    }
    if (err == MK_ERR_FULL) return; /* MSG_HTTP_DRAINED will come */
    if (err != MK_OK || actor_http_respond_end(rt, list->id) != MK_OK) actor_http_close(rt, list->id);
    list->id = HTTP_CONN_ID_INVALID;
}

static list_t *list_find(list_t *lists, http_conn_id_t id) {
    for (size_t i = 0; i < GUESTS_MAX; i++)
        if (lists[i].id == id) return &lists[i];
    return NULL;
}

static bool numbers_behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    if (msg->type != MSG_HTTP_REQUEST && msg->type != MSG_HTTP_DRAINED && msg->type != MSG_HTTP_CONN_CLOSED)
        return true;
    list_t *list = list_find(state, msg->type == MSG_HTTP_REQUEST ? HTTP_CONN_ID_INVALID : id_of(msg));
    if (msg->type == MSG_HTTP_DRAINED && list != NULL) {
        list_go_on(rt, list);
    } else if (msg->type == MSG_HTTP_CONN_CLOSED && list != NULL) {
        list->id = HTTP_CONN_ID_INVALID;
    } else if (msg->type == MSG_HTTP_REQUEST && list == NULL) {
        say(rt, id_of(msg), 503, "Too many at a time.\n");
    } else if (msg->type == MSG_HTTP_REQUEST &&
               actor_http_respond_begin(rt, id_of(msg), 200, as_text, 1, -1) == MK_OK) {
        *list = (list_t){id_of(msg), 1, strtoull(http_request_param(msg->payload, "count"), NULL, 10)};
        list_go_on(rt, list);
    }
    return true;
}

/* ---- the listener, and all of it put together ----------------------------------------------------------------------------------- */

typedef struct site {
    uint16_t      port;
    const char   *folder;
    socket_tls_t *tls;
    mk_err_t      err; /* why it could not open */
} site_t;

static mk_err_t routes(runtime_t *rt, uint16_t port, const char *folder) {
    mk_err_t err = actor_http_route_handler(rt, port, "GET", "/hello/{name}", hello, NULL);
    if (err == MK_OK) err = actor_http_route_handler(rt, port, NULL, "/echo", echo, NULL);
    if (err == MK_OK) err = actor_http_route(rt, port, "GET", "/status", "status");
    if (err == MK_OK) err = actor_http_route(rt, port, "GET", "/clock", "clock");
    if (err == MK_OK) err = actor_http_route(rt, port, "GET", "/chat", "chat");
    if (err == MK_OK) err = actor_http_route(rt, port, "GET", "/numbers/{count}", "numbers");
    if (err == MK_OK) err = actor_http_route_files(rt, port, "/{file*}", folder);
    return err;
}

/* Owns the listener, and with it the routes; "/{file*}" leaves no request over for its own mailbox. */
static bool site_behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    site_t               *site = state;
    http_listen_options_t options = {.port = site->port, .tls = site->tls, .limits.body_bytes_max = BODY_BYTES_MAX};
    uint16_t              port;
    (void)self;
    if (msg->type != MSG_START) return true;
    site->err = actor_http_listen_opts(rt, &options, &port);
    if (site->err == MK_OK) site->err = routes(rt, port, site->folder);
    if (site->err == MK_OK) printf("Look at http%s://localhost:%u/\n", site->tls != NULL ? "s" : "", port);
    else runtime_stop(rt);
    fflush(stdout);
    return true;
}

static socket_bytes_t file_read(const char *path, char text[PEM_BYTES_MAX]) {
    FILE  *file = fopen(path, "r");
    size_t size = file != NULL ? fread(text, 1, PEM_BYTES_MAX, file) : 0;
    if (size == 0) fprintf(stderr, "web: %s cannot be read\n", path);
    if (file != NULL) fclose(file);
    return (socket_bytes_t){text, size};
}

static socket_tls_t *tls_of(const char *certificate, const char *key) {
    static char          texts[2][PEM_BYTES_MAX];
    char                 why[SOCKET_TLS_WHY_BYTES];
    socket_tls_t        *tls = NULL;
    socket_tls_options_t options = {
        .server = true, .certificate = file_read(certificate, texts[0]), .key = file_read(key, texts[1])};
    if (socket_tls_create(&options, &tls, why) != MK_OK) fprintf(stderr, "web: %s\n", why);
    return tls;
}

static bool port_read(const char *text, uint16_t *port) {
    char         *end;
    unsigned long number = strtoul(text, &end, 10);
    *port = (uint16_t)number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= UINT16_MAX;
}

static runtime_t *running;

static void stop(int signal_number) {
    (void)signal_number;
    runtime_stop(running);
}

int main(int argc, char **argv) {
    static guests_t readers, people;
    static list_t   lists[GUESTS_MAX];
    site_t          site = {0};
    if ((argc != 3 && argc != 5) || !port_read(argv[1], &site.port)) {
        fprintf(stderr, "usage: web PORT FOLDER [CERTIFICATE KEY]     PORT 0: one is chosen\n");
        return 2;
    }
    site.folder = argv[2];
    if (access(site.folder, R_OK | X_OK) != 0) {
        perror(site.folder);
        return 1;
    }
    if (argc == 5 && (site.tls = tls_of(argv[3], argv[4])) == NULL) return 1;

    runtime_t      *rt = running = runtime_init(1, 0);
    actor_options_t cast[] = {{.behavior = status_behave, .name = "status"},
                              {.behavior = clock_behave, .name = "clock", .state = &readers},
                              {.behavior = chat_behave, .name = "chat", .state = &people},
                              {.behavior = numbers_behave, .name = "numbers", .state = lists},
                              {.behavior = site_behave, .name = "site", .state = &site}};
    actor_id_t      id;
    if (rt == NULL) return 1;
    runtime_enable_logging(rt);
    for (size_t i = 0; i < sizeof cast / sizeof cast[0]; i++)
        if (actor_spawn_opts(rt, &cast[i], &id) != MK_OK) return 1;
    (void)actor_set_timer_for(rt, actor_lookup(rt, "clock"), TICK_MS, true);
    (void)actor_send_named(rt, "site", MSG_START, NULL, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    runtime_run(rt);
    runtime_destroy(rt);
    socket_tls_release(site.tls);
    if (site.err != MK_OK) fprintf(stderr, "web: port %u: %s\n", site.port, mk_err_text(site.err));
    return site.err == MK_OK ? 0 : 1;
}
