/* SPDX-License-Identifier: Apache-2.0 */
/* puts.c -- how many values a second are kept, each acknowledged: by our storage, by SQLite and by LMDB doing the same.
 *
 *   puts store|sqlite|lmdb FOLDER [--count N] [--together N] [--keys N] [--unsynced] [--recover]
 *
 * `--keys`: so many different ones, each of which is there before the clock starts; without it each put is of a new key.
 * `--together`: so many are under way at a time (store), or in one transaction (the others), before the next is given. `--recover`
 * fills the folder and then measures how long opening it takes until it answers, instead. One line: puts/s, or ms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <lmdb.h>
#include <sqlite3.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/storage.h"

enum { VALUE_BYTES = 100, NAME_BYTES = 24 };

static unsigned count = 2000, together = 1, keys;
static bool     unsynced, recover;
static char     value[VALUE_BYTES];

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

_Noreturn static void die(const char *what, const char *why) {
    fprintf(stderr, "puts: %s: %s\n", what, why);
    exit(1);
}

/* Spread over the keys, as those of a program are. */
static size_t name_of(unsigned i, char out[NAME_BYTES]) {
    if (keys != 0) i %= keys;
    return (size_t)snprintf(out, NAME_BYTES, "key/%08x", i * 2654435761u);
}

static void report(const char *what, double seconds) {
    if (recover) printf("%s recover %u keys: %.1f ms\n", what, count, seconds * 1000);
    else printf("%s %s together=%u: %.0f puts/s\n", what, unsynced ? "unsynced" : "synced", together, count / seconds);
}

/* ---- ours ----------------------------------------------------------------------------------------------------------------- */

typedef struct putter {
    storage_t *storage;
    unsigned   asked, answered;
    bool       reading; /* --recover: one get says that it has recovered */
} putter_t;

static void go_on(runtime_t *rt, putter_t *p) {
    char name[NAME_BYTES];
    while (p->asked < count && p->asked - p->answered < together) {
        size_t size = name_of(p->asked, name);
        if (storage_put(rt, p->storage, name, size, value, sizeof value, 0, NULL) != MK_OK) return;
        p->asked++;
    }
}

static bool put_all(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    putter_t *p = state;
    (void)self;
    if (msg->type == MSG_STORAGE_REPLY) {
        const storage_reply_payload_t *reply = msg->payload;
        if (reply->error != MK_OK) die("put", mk_err_text((mk_err_t)reply->error));
        p->answered++;
        if (p->reading) return false;
    }
    if (p->reading) return storage_get(rt, p->storage, "key/00000000", 12, NULL) == MK_OK;
    go_on(rt, p);
    return p->answered < count;
}

static double run_store(const char *folder, bool reading) {
    storage_options_t options = {.unsynced = unsynced};
    runtime_t        *rt = runtime_init(1, 0);
    putter_t          p = {.reading = reading};
    double            began = now_s();
    if (rt == NULL || storage_open(rt, folder, &options, &p.storage) != MK_OK) die(folder, "cannot be opened");
    actor_id_t id = actor_spawn(rt, put_all, &p, NULL, 4096);
    (void)actor_send(rt, id, 1, NULL, 0);
    runtime_run(rt);
    double took = now_s() - began;
    runtime_destroy(rt);
    return took;
}

/* What is to be there before the clock starts: synced when the folder is closed and opened, so here as quickly as it goes. */
static void fill_store(const char *folder, unsigned n) {
    bool     was = unsynced;
    unsigned all = count, at_a_time = together;
    unsynced = true;
    count = n;
    together = 4096;
    (void)run_store(folder, false);
    unsynced = was;
    count = all;
    together = at_a_time;
}

static void bench_store(const char *folder) {
    if (recover) fill_store(folder, count);
    if (keys != 0) fill_store(folder, 2 * keys); /* both files of each */
    report("store", run_store(folder, recover));
}

/* ---- SQLite ----------------------------------------------------------------------------------------------------------------- */

static void sql(sqlite3 *db, const char *text) {
    char *why;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) die(text, why);
}

static sqlite3 *open_sqlite(const char *folder) {
    char     path[4096];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/puts.db", folder);
    if (sqlite3_open(path, &db) != SQLITE_OK) die(path, "cannot be opened");
    sql(db, "PRAGMA journal_mode=WAL");
    sql(db, unsynced ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL");
    sql(db, "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    return db;
}

static void fill_sqlite(sqlite3 *db, unsigned puts, unsigned at_a_time) {
    sqlite3_stmt *put;
    char          name[NAME_BYTES];
    if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO kv VALUES (?, ?)", -1, &put, NULL) != SQLITE_OK)
        die("sqlite", "prepare");
    for (unsigned i = 0; i < puts;) {
        sql(db, "BEGIN");
        for (unsigned n = 0; n < at_a_time && i < puts; n++, i++) {
            size_t size = name_of(i, name);
            sqlite3_bind_blob(put, 1, name, (int)size, SQLITE_STATIC);
            sqlite3_bind_blob(put, 2, value, sizeof value, SQLITE_STATIC);
            if (sqlite3_step(put) != SQLITE_DONE) die("sqlite", sqlite3_errmsg(db));
            sqlite3_reset(put);
        }
        sql(db, "COMMIT");
    }
    sqlite3_finalize(put);
}

static void bench_sqlite(const char *folder) {
    if (recover) together = 4096;
    sqlite3 *db = open_sqlite(folder);
    if (keys != 0) fill_sqlite(db, keys, 4096);
    double began = now_s();
    fill_sqlite(db, count, together);
    if (recover) {
        sqlite3_close(db);
        began = now_s();
        db = open_sqlite(folder);
        sql(db, "SELECT v FROM kv WHERE k = x'6b65792f3030303030303030'");
    }
    report("sqlite", now_s() - began);
    sqlite3_close(db);
}

/* ---- LMDB -------------------------------------------------------------------------------------------------------------------- */

static void check(int result, const char *what) {
    if (result != MDB_SUCCESS) die(what, mdb_strerror(result));
}

static MDB_env *open_lmdb(const char *folder) {
    MDB_env *env;
    check(mdb_env_create(&env), "lmdb");
    check(mdb_env_set_mapsize(env, (size_t)1 << 30), "lmdb");
    check(mdb_env_open(env, folder, unsynced ? MDB_NOSYNC : 0, 0600), folder);
    return env;
}

static void fill_lmdb(MDB_env *env, unsigned puts, unsigned at_a_time) {
    char name[NAME_BYTES];
    for (unsigned i = 0; i < puts;) {
        MDB_txn *txn;
        MDB_dbi  dbi;
        check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
        check(mdb_dbi_open(txn, NULL, 0, &dbi), "open");
        for (unsigned n = 0; n < at_a_time && i < puts; n++, i++) {
            MDB_val key = {name_of(i, name), name}, data = {sizeof value, value};
            check(mdb_put(txn, dbi, &key, &data, 0), "put");
        }
        check(mdb_txn_commit(txn), "commit");
    }
}

static void bench_lmdb(const char *folder) {
    if (recover) together = 4096;
    MDB_env *env = open_lmdb(folder);
    if (keys != 0) fill_lmdb(env, keys, 4096);
    double began = now_s();
    fill_lmdb(env, count, together);
    if (recover) {
        MDB_txn *txn;
        MDB_dbi  dbi;
        MDB_val  key = {12, (void *)(uintptr_t) "key/00000000"}, data;
        mdb_env_close(env);
        began = now_s();
        env = open_lmdb(folder);
        check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
        check(mdb_dbi_open(txn, NULL, 0, &dbi), "open");
        check(mdb_get(txn, dbi, &key, &data), "get");
        mdb_txn_abort(txn);
    }
    report("lmdb", now_s() - began);
    mdb_env_close(env);
}

int main(int argc, char **argv) {
    if (argc < 3)
        die("usage", "puts store|sqlite|lmdb FOLDER [--count N] [--together N] [--keys N] [--unsynced] [--recover]");
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--unsynced") == 0) unsynced = true;
        else if (strcmp(argv[i], "--recover") == 0) recover = true;
        else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) count = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--keys") == 0 && i + 1 < argc) keys = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--together") == 0 && i + 1 < argc) together = (unsigned)atoi(argv[++i]);
        else die(argv[i], "no such option");
    }
    memset(value, 'v', sizeof value);
    (void)mkdir(argv[2], 0700);
    if (strcmp(argv[1], "store") == 0) bench_store(argv[2]);
    else if (strcmp(argv[1], "sqlite") == 0) bench_sqlite(argv[2]);
    else if (strcmp(argv[1], "lmdb") == 0) bench_lmdb(argv[2]);
    else die(argv[1], "no such kind");
    return 0;
}
