/* SPDX-License-Identifier: Apache-2.0 */
/* sql.c -- the actor in front of a database. Requests wait in a line; one at a time is a helper thread's, and has a timer that stops it.
 * Invariant: while `at_work`, the database and the first request are the helper's, but for the request's `stop`. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/jobs.h"
#include "microkernel/local_sql.h"
#include "microkernel/runtime.h"
#include "microkernel/service_messages.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "services/sql_db.h"

enum { TIME_DEFAULT_MS = 5000, ROWS_DEFAULT = 10000, ANSWER_DEFAULT = 1 << 20, WAITING_DEFAULT = 1024 };

typedef struct request {
    struct request *next;
    struct sql     *sql;
    actor_id_t      source;
    call_id_t       call;
    bool            query;
    bool            stop; /* atomic */
    mk_err_t        err;
    mk_buffer_t     rows;
    char            why[MK_SQL_WHY_BYTES];
    size_t          size;
    char            payload[];
} request_t;

typedef struct sql {
    local_sql_config_t config; /* `file` is ours */
    mk_sql_db_t       *db;
    request_t         *first, **last;
    unsigned           waiting;
    bool               at_work, ended;
    timer_id_t         timer; /* of the request at work */
} sql_t;

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

static void free_request(request_t *request) {
    mk_buffer_free(&request->rows);
    mk_free(request);
}

static void free_sql(sql_t *sql) {
    for (request_t *next; sql->first != NULL; sql->first = next) {
        next = sql->first->next;
        free_request(sql->first);
    }
    mk_sql_db_destroy(sql->db);
    mk_free((char *)sql->config.file);
    mk_free(sql);
}

/* The actor has ended. A request that is at work goes on with everything it needs, and drop_work() ends it. */
static void destroy(void *state) {
    sql_t *sql = state;
    sql->ended = true;
    if (sql->at_work) __atomic_store_n(&sql->first->stop, true, __ATOMIC_RELAXED);
    else free_sql(sql);
}

static void drop_work(void *arg) {
    sql_t *sql = ((request_t *)arg)->sql;
    sql->at_work = false;
    if (sql->ended) free_sql(sql); /* else destroy() follows */
}

/* ---- work ------------------------------------------------------------------------------------------------------------------- */

static void work(void *arg) {
    request_t *request = arg;
    request->err = mk_sql_db_run(request->sql->db, request->payload, request->size, request->query, &request->stop,
                                 &request->rows, request->why);
}

static void reply(runtime_t *rt, const request_t *request) {
    message_t to = {.source = request->source, .call = request->call};
    if (request->err != MK_OK) (void)actor_reply(rt, &to, MSG_CF_ERROR, request->why, strlen(request->why));
    else if (request->query) (void)actor_reply(rt, &to, MSG_CF_ROWS, request->rows.bytes, request->rows.size);
    else (void)actor_reply(rt, &to, MSG_CF_OK, NULL, 0);
}

static void finish_first(runtime_t *rt, sql_t *sql) {
    request_t *request = sql->first;
    sql->first = request->next;
    if (sql->first == NULL) sql->last = &sql->first;
    sql->waiting--;
    reply(rt, request);
    free_request(request);
}

static void go_on(runtime_t *rt, sql_t *sql) {
    while (!sql->at_work && sql->first != NULL) {
        sql->timer = actor_set_timer(rt, sql->config.time_max_ms, false);
        /* From here on the request is the helper's. */
        sql->at_work = sql->timer != TIMER_ID_INVALID && actor_run_job(rt, work, sql->first, drop_work) == MK_OK;
        if (sql->at_work) return;
        sql->first->err = MK_ERR_NOMEM;
        snprintf(sql->first->why, sizeof sql->first->why, "%s", mk_err_text(MK_ERR_NOMEM));
        actor_cancel_timer(rt, sql->timer);
        finish_first(rt, sql);
    }
}

static void done(runtime_t *rt, sql_t *sql) {
    mk_assert(sql->at_work);
    sql->at_work = false;
    actor_cancel_timer(rt, sql->timer);
    finish_first(rt, sql);
    go_on(rt, sql);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------ */

/* A guest needs the grant; who else is on this node, or in its cluster with a role that may send, is trusted with it. Of one of this node
 * that has ended since nobody can say any more whether it was a guest. */
static bool may_ask(runtime_t *rt, actor_id_t source) {
    wasm_actor_info_t info;
    bool              here = source != ACTOR_ID_INVALID && actor_id_node(source) == runtime_get_node_id(rt);
    if (here && !actor_is_alive(rt, source)) return false;
    return !wasm_actor_get_info(rt, source, &info) || (info.grants & WASM_GRANT_SQL) != 0;
}

static const char *add(runtime_t *rt, sql_t *sql, const message_t *msg) {
    if (!may_ask(rt, msg->source)) return "not permitted: this needs the grant \"sql\"";
    if (sql->waiting >= sql->config.waiting_max) return "too many requests at a time";
    request_t *request = mk_calloc(1, sizeof *request + msg->payload_size);
    if (request == NULL) return "out of memory";
    request->sql = sql;
    request->source = msg->source;
    request->call = msg->call;
    request->query = msg->type == MSG_CF_DB_QUERY;
    request->size = msg->payload_size;
    if (msg->payload_size != 0) memcpy(request->payload, msg->payload, msg->payload_size);
    *sql->last = request;
    sql->last = &request->next;
    sql->waiting++;
    return NULL;
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    sql_t      *sql = state;
    const char *why;
    (void)self;
    switch (msg->type) {
    case MSG_CF_DB_QUERY:
    case MSG_CF_DB_EXEC:
        why = add(rt, sql, msg);
        if (why != NULL) (void)actor_reply(rt, msg, MSG_CF_ERROR, why, strlen(why));
        go_on(rt, sql);
        break;
    case MSG_JOB_DONE: done(rt, sql); break;
    case MSG_TIMER:
        if (sql->at_work) __atomic_store_n(&sql->first->stop, true, __ATOMIC_RELAXED);
        break;
    default: break;
    }
    return true;
}

static void take_defaults(local_sql_config_t *config) {
    if (config->time_max_ms == 0) config->time_max_ms = TIME_DEFAULT_MS;
    if (config->rows_max == 0) config->rows_max = ROWS_DEFAULT;
    if (config->answer_bytes_max == 0) config->answer_bytes_max = ANSWER_DEFAULT;
    if (config->waiting_max == 0) config->waiting_max = WAITING_DEFAULT;
}

static const char *file_of(const local_sql_config_t *config) {
    if (config->file != NULL) return config->file;
    return memchr(config->path, '\0', sizeof config->path) != NULL ? config->path : "";
}

static mk_err_t start(runtime_t *rt, const local_sql_config_t *config, actor_id_t *out) {
    const char *file = file_of(config);
    if (file[0] == '\0') return MK_ERR_INVALID;
    sql_t *sql = mk_calloc(1, sizeof *sql);
    if (sql == NULL) return MK_ERR_NOMEM;
    sql->config = *config;
    sql->config.file = mk_strndup(file, strlen(file));
    sql->last = &sql->first;
    take_defaults(&sql->config);
    mk_err_t err = sql->config.file != NULL ? mk_sql_db_create(&sql->config, &sql->db) : MK_ERR_NOMEM;
    if (err == MK_OK) {
        actor_options_t spawn = {.behavior = behave,
                                 .state = sql,
                                 .free_state = destroy,
                                 .name = "/node/local/storage/db",
                                 .orphan = true,
                                 .number_last = true};
        err = actor_spawn_opts(rt, &spawn, out);
    }
    if (err != MK_OK) free_sql(sql);
    return err;
}

actor_id_t local_sql_init(runtime_t *rt, const local_sql_config_t *config) {
    actor_id_t id;
    mk_err_t   err = start(rt, config, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_ERROR, "database %.200s: %s", file_of(config), mk_err_text(err));
    return ACTOR_ID_INVALID;
}
