/* SPDX-License-Identifier: Apache-2.0 */
/* sql_db.c -- SQLite, made safe to be asked by anybody who may ask: no other files, no settings, no transactions that stay open, and
 * limits of time, rows and bytes that end a statement from inside. */
#include "services/sql_db.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "services/fields.h"
#include "services/json_out.h"

enum {
    STEPS_BETWEEN_LOOKS = 1000, /* of SQLite's machine */
    SQL_BYTES_MAX = 1 << 20,
    PARAMS_MAX = 1000,
    COLUMNS_MAX = 200,
    /* One function of SQLite cannot be stopped: instr() of two such values takes some seconds, of 16 MiB half an hour. */
    VALUE_BYTES_MAX = 1 << 20,
    PATTERN_BYTES_MAX = 1000,
    BUSY_MS = 1000, /* another program has the file locked */
};

struct mk_sql_db {
    const local_sql_config_t *config;
    sqlite3                  *file;
    bool                      ours; /* what runs is this file's: transactions are allowed */
    const bool               *stop; /* of the request; atomic, set by another thread      */
};

typedef struct request {
    mk_text_t   sql;
    mk_fields_t params; /* what is left to be bound */
} request_t;

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

/* SQLite asks now and then; 1 ends the statement. Undoing one that took too long may take its time. */
static int look_whether_to_stop(void *arg) {
    const mk_sql_db_t *db = arg;
    return !db->ours && __atomic_load_n(db->stop, __ATOMIC_RELAXED);
}

static int judge(void *arg, int action, const char *a, const char *b, const char *where, const char *from) {
    const mk_sql_db_t *db = arg;
    (void)a, (void)where, (void)from;
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA: return db->ours ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT: return db->ours ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION: return b != NULL && sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default: return SQLITE_OK;
    }
}

/* ---- errors -------------------------------------------------------------------------------------------------------------- */

static mk_err_t say(char why[MK_SQL_WHY_BYTES], mk_err_t err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, MK_SQL_WHY_BYTES, format, args);
    va_end(args);
    return err;
}

static mk_err_t say_sqlite(const mk_sql_db_t *db, int result, char why[MK_SQL_WHY_BYTES]) {
    switch (result & 0xFF) {
    case SQLITE_NOMEM: return say(why, MK_ERR_NOMEM, "out of memory");
    case SQLITE_FULL: return say(why, MK_ERR_FULL, "the disk is full, or the database as large as it may be");
    case SQLITE_READONLY: return say(why, MK_ERR_DENIED, "the database cannot be written");
    case SQLITE_BUSY: return say(why, MK_ERR_BUSY, "another program has the database");
    case SQLITE_AUTH: return say(why, MK_ERR_DENIED, "not permitted here: transactions, settings, other files");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return say(why, MK_ERR_FORMAT, "the file is damaged, or no database");
    case SQLITE_INTERRUPT:
        if (__atomic_load_n(db->stop, __ATOMIC_RELAXED))
            return say(why, MK_ERR_TIMEOUT, "longer than the %u ms it may take", (unsigned)db->config->time_max_ms);
        break;
    default: break;
    }
    return say(why, MK_ERR_INVALID, "%s", db->file != NULL ? sqlite3_errmsg(db->file) : sqlite3_errstr(result));
}

/* ---- opening -------------------------------------------------------------------------------------------------------------- */

static int execute_ours(mk_sql_db_t *db, const char *sql) {
    db->ours = true;
    int result = sqlite3_exec(db->file, sql, NULL, NULL, NULL);
    db->ours = false;
    return result;
}

static void limit_file(mk_sql_db_t *db) {
    char sql[64];
    if (db->config->file_bytes_max == 0) return;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count=%llu", (unsigned long long)(db->config->file_bytes_max / 4096));
    (void)execute_ours(db, sql);
}

/* Told not to follow links SQLite refuses one in any part of a path. Which folder it is, is its owner's business; only the file itself
 * may be none. */
static const char *real_path(const mk_sql_db_t *db, char out[PATH_MAX]) {
    char        folder[PATH_MAX];
    const char *path = db->config->file, *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || strlen(path) >= sizeof folder) return path;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (realpath(folder, out) == NULL || strlen(out) + strlen(slash) >= PATH_MAX) return path;
    memcpy(out + strlen(out), slash, strlen(slash) + 1);
    return out;
}

/* For its owner alone, as everything else a node keeps; what SQLite puts beside it is as it is. */
static void make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

static mk_err_t open_file(mk_sql_db_t *db, char why[MK_SQL_WHY_BYTES]) {
    if (db->file != NULL) return MK_OK;
    char        room[PATH_MAX];
    const char *path = real_path(db, room);
    make_file(path);
    int result = sqlite3_open_v2(
        path, &db->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (result == SQLITE_OK) {
        sqlite3_busy_timeout(db->file, BUSY_MS);
        sqlite3_limit(db->file, SQLITE_LIMIT_ATTACHED, 0);
        sqlite3_limit(db->file, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
        sqlite3_limit(db->file, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX);
        sqlite3_limit(db->file, SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX);
        sqlite3_db_config(db->file, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
        sqlite3_db_config(db->file, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_set_authorizer(db->file, judge, db);
        sqlite3_progress_handler(db->file, STEPS_BETWEEN_LOOKS, look_whether_to_stop, db);
        /* FULL: a commit is on the disk when it is said to be. */
        result = execute_ours(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
    }
    if (result == SQLITE_OK) {
        limit_file(db);
        return MK_OK;
    }
    mk_err_t err = say_sqlite(db, result, why);
    sqlite3_close(db->file);
    db->file = NULL;
    return err;
}

mk_err_t mk_sql_db_create(const local_sql_config_t *config, mk_sql_db_t **out) {
    mk_sql_db_t *db = mk_calloc(1, sizeof *db);
    if (db == NULL) return MK_ERR_NOMEM;
    db->config = config;
    *out = db;
    return MK_OK;
}

void mk_sql_db_destroy(mk_sql_db_t *db) {
    if (db == NULL) return;
    sqlite3_close(db->file);
    mk_free(db);
}

/* ---- a request ------------------------------------------------------------------------------------------------------------- */

/* Where the parameters begin: at the first line that begins with "p=" or "n=". The statement before it may have lines, too. */
static const char *find_params(const char *at, const char *end) {
    while (at < end) {
        if (end - at >= 2 && (at[0] == 'p' || at[0] == 'n') && at[1] == '=') return at;
        const char *line = memchr(at, '\n', (size_t)(end - at));
        at = line != NULL ? line + 1 : end;
    }
    return end;
}

static mk_err_t parse(const char *payload, size_t size, request_t *out, char why[MK_SQL_WHY_BYTES]) {
    if (size < 4 || memcmp(payload, "sql=", 4) != 0) return say(why, MK_ERR_INVALID, "sql is missing");
    const char *end = payload + size, *params = find_params(payload + 4, end);
    out->sql = (mk_text_t){payload + 4, (size_t)(params - payload) - 4};
    out->params = (mk_fields_t){params, (size_t)(end - params)};
    if (out->sql.size > SQL_BYTES_MAX) return say(why, MK_ERR_TOOLONG, "the statement is longer than 1 MiB");
    if (memchr(out->sql.at, '\0', out->sql.size) != NULL)
        return say(why, MK_ERR_INVALID, "there is a zero in the statement");
    return MK_OK;
}

/* A value with line ends in it goes up to the next line that is a parameter again. */
static mk_text_t take_param(mk_fields_t *params, bool *null) {
    *null = params->at[0] == 'n';
    const char *end = params->at + params->left, *value = params->at + 2;
    const char *next = end;
    const char *line = memchr(value, '\n', (size_t)(end - value));
    if (line != NULL) next = find_params(line + 1, end);
    if (line == NULL || next == end) next = end; /* the last one holds anything */
    size_t size = (size_t)(next - value) - (next < end);
    params->left = (size_t)(end - next);
    params->at = next;
    return (mk_text_t){value, size};
}

static mk_err_t bind(mk_sql_db_t *db, sqlite3_stmt *statement, request_t *request, char why[MK_SQL_WHY_BYTES]) {
    int n = sqlite3_bind_parameter_count(statement);
    if (n > PARAMS_MAX) return say(why, MK_ERR_LIMIT, "more than %d parameters", PARAMS_MAX);
    for (int i = 1; i <= n; i++) {
        bool null;
        if (request->params.left == 0)
            return say(why, MK_ERR_INVALID, "there are fewer parameters than the statement has");
        mk_text_t value = take_param(&request->params, &null);
        int       result = null ? sqlite3_bind_null(statement, i)
                                : sqlite3_bind_text(statement, i, value.at, (int)value.size, SQLITE_STATIC);
        if (result != SQLITE_OK) return say_sqlite(db, result, why);
    }
    return MK_OK;
}

static void put_value(sqlite3_stmt *statement, int column, mk_buffer_t *out) {
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: mk_buffer_printf(out, "%lld", (long long)sqlite3_column_int64(statement, column)); break;
    case SQLITE_FLOAT: mk_json_real(out, sqlite3_column_double(statement, column)); break;
    case SQLITE_TEXT:
        mk_json_text(out, sqlite3_column_text(statement, column), (size_t)sqlite3_column_bytes(statement, column));
        break;
    case SQLITE_BLOB:
        mk_json_blob(out, sqlite3_column_blob(statement, column), (size_t)sqlite3_column_bytes(statement, column));
        break;
    default: mk_buffer_append(out, "null", 4);
    }
}

/* Up to the value with which it is too long: what nobody gets takes no memory. */
static void put_row(sqlite3_stmt *statement, mk_buffer_t *out, bool first, size_t bytes_max) {
    int n = sqlite3_column_count(statement);
    mk_buffer_append_text(out, first ? "{" : ",\n{");
    for (int i = 0; i < n && out->size <= bytes_max; i++) {
        const char *name = sqlite3_column_name(statement, i);
        if (i != 0) mk_buffer_append(out, ",", 1);
        mk_json_text(out, name != NULL ? name : "", name != NULL ? strlen(name) : 0);
        mk_buffer_append(out, ":", 1);
        put_value(statement, i, out);
    }
    mk_buffer_append(out, "}", 1);
}

static mk_err_t step_query(mk_sql_db_t *db, sqlite3_stmt *statement, mk_buffer_t *rows, char why[MK_SQL_WHY_BYTES]) {
    int result;
    mk_buffer_append(rows, "[", 1);
    for (uint32_t n = 0; (result = sqlite3_step(statement)) == SQLITE_ROW; n++) {
        if (n == db->config->rows_max) return say(why, MK_ERR_LIMIT, "more than %u rows; use LIMIT", (unsigned)n);
        put_row(statement, rows, n == 0, db->config->answer_bytes_max);
        if (rows->failed) return say(why, MK_ERR_NOMEM, "out of memory");
        if (rows->size > db->config->answer_bytes_max)
            return say(why, MK_ERR_TOOLONG, "the rows have more than %zu bytes; use LIMIT",
                       db->config->answer_bytes_max);
    }
    mk_buffer_append(rows, "]", 1);
    if (result != SQLITE_DONE) return say_sqlite(db, result, why);
    return rows->failed ? say(why, MK_ERR_NOMEM, "out of memory") : MK_OK;
}

static mk_err_t step_exec(mk_sql_db_t *db, sqlite3_stmt *statement, char why[MK_SQL_WHY_BYTES]) {
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {}
    return result == SQLITE_DONE ? MK_OK : say_sqlite(db, result, why);
}

/* One statement of `*at`, which moves behind it. *any is false when there was none, but white space. */
static mk_err_t run_one(mk_sql_db_t *db, request_t *request, const char **at, bool query, mk_buffer_t *rows, bool *any,
                        char why[MK_SQL_WHY_BYTES]) {
    sqlite3_stmt *statement = NULL;
    const char   *end = request->sql.at + request->sql.size;
    int           result = sqlite3_prepare_v2(db->file, *at, (int)(end - *at), &statement, at);
    if (result != SQLITE_OK) return say_sqlite(db, result, why);
    *any = statement != NULL;
    if (statement == NULL) return MK_OK;
    mk_err_t err = MK_OK;
    if (query && !sqlite3_stmt_readonly(statement))
        err = say(why, MK_ERR_DENIED, "a query only reads; this is for exec");
    if (err == MK_OK && sqlite3_column_count(statement) > COLUMNS_MAX) err = say(why, MK_ERR_LIMIT, "too many columns");
    if (err == MK_OK) err = bind(db, statement, request, why);
    if (err == MK_OK) err = query ? step_query(db, statement, rows, why) : step_exec(db, statement, why);
    sqlite3_finalize(statement);
    return err;
}

static mk_err_t run_all(mk_sql_db_t *db, request_t *request, bool query, mk_buffer_t *rows,
                        char why[MK_SQL_WHY_BYTES]) {
    const char *at = request->sql.at, *end = at + request->sql.size;
    unsigned    statements = 0;
    while (at < end) {
        bool     any = false;
        mk_err_t err = run_one(db, request, &at, query, rows, &any, why);
        if (err != MK_OK) return err;
        statements += any;
        if (query && statements == 1) break;
    }
    if (statements == 0) return say(why, MK_ERR_INVALID, "there is no statement");
    while (at < end && memchr(" \t\r\n;", *at, 5) != NULL) at++;
    if (at < end) return say(why, MK_ERR_INVALID, "a query is one statement");
    if (request->params.left != 0) return say(why, MK_ERR_INVALID, "there are more parameters than the statement has");
    return MK_OK;
}

mk_err_t mk_sql_db_run(mk_sql_db_t *db, const char *payload, size_t size, bool query, const bool *stop,
                       mk_buffer_t *rows, char why[MK_SQL_WHY_BYTES]) {
    request_t request = {0};
    mk_err_t  err = parse(payload, size, &request, why);
    db->stop = stop;
    if (err == MK_OK) err = open_file(db, why);
    if (err != MK_OK) return err;
    int result = execute_ours(db, query ? "BEGIN" : "BEGIN IMMEDIATE");
    if (result != SQLITE_OK) return say_sqlite(db, result, why);
    err = run_all(db, &request, query, rows, why);
    if (err == MK_OK && (result = execute_ours(db, "COMMIT")) != SQLITE_OK) err = say_sqlite(db, result, why);
    if (err != MK_OK && !sqlite3_get_autocommit(db->file)) (void)execute_ours(db, "ROLLBACK");
    return err;
}
