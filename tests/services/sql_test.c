/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel/local_sql.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/service_messages.h"
#include "rig/oom.h"
#include "rig/rig.h"

static runtime_t *rt;
static actor_id_t db, asker;
static char       folder[64], answer[1 << 16];
static unsigned   answers;

enum { MSG_ASK = 1 };
typedef struct asking {
    msg_type_t  type;
    const char *text;
    size_t      size;
} asking_t;

static bool behave(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == MSG_ASK) {
        asking_t a;
        memcpy(&a, msg->payload, sizeof a);
        (void)actor_send(r, db, a.type, a.text, a.size);
        return true;
    }
    answers++;
    snprintf(answer, sizeof answer, "%u %.*s", (unsigned)msg->type, (int)msg->payload_size,
             msg->payload_size != 0 ? (const char *)msg->payload : "");
    return true;
}

static void up(local_sql_config_t config) {
    rt = runtime_init(1, 0);
    CHECK(rt != NULL);
    if (config.file == NULL) snprintf(config.path, sizeof config.path, "%.48s/db", folder);
    asker = actor_spawn(rt, behave, NULL, NULL, 0);
    db = local_sql_init(rt, &config);
    CHECK(db != ACTOR_ID_INVALID);
}

static void begin(local_sql_config_t config) {
    strcpy(folder, "/tmp/mk-sql-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    up(config);
}

static void end(void) {
    static const char *const files[] = {"db", "db-wal", "db-shm"};
    char                     path[128];
    runtime_destroy(rt);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    CHECK_EQ(rmdir(folder), 0);
}

static void tell(msg_type_t type, const char *text) {
    asking_t a = {type, text, strlen(text)};
    CHECK(actor_send(rt, asker, MSG_ASK, &a, sizeof a));
}

static const char *wait_answers(unsigned n) {
    for (int i = 0; i < 10000 && answers < n; i++) (void)runtime_wait(rt, 10);
    CHECK_EQ(answers, n);
    return answer;
}

static const char *ask(msg_type_t type, const char *text) {
    answers = 0;
    tell(type, text);
    return wait_answers(1);
}

static const char *query(const char *text) { return ask(MSG_CF_DB_QUERY, text); }
static const char *exec(const char *text) { return ask(MSG_CF_DB_EXEC, text); }

#define PLAIN ((local_sql_config_t){0})

TEST(its_file_may_have_a_long_path) {
    static char path[1000];
    strcpy(folder, "/tmp/mk-sql-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    strcpy(path, folder);
    while (strlen(path) < 900) strcat(path, "/.");
    strcat(path, "/db");
    up((local_sql_config_t){.file = path});
    memset(path, 'x', 10); /* it has a copy */
    CHECK_STR(exec("sql=CREATE TABLE t (a)"), "310 ");
    CHECK_STR(query("sql=SELECT count(*) AS n FROM t"), "312 [{\"n\":0}]");
    end();
}

TEST(rows_come_back_as_json_and_survive_a_restart) {
    begin(PLAIN);
    CHECK_STR(exec("sql=CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, x REAL, b BLOB)"), "310 ");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (9007199254740993, 'say \"hi\"\n', 0.5, x'00ff'), (2, NULL, 2.0, NULL)"),
              "310 ");
    CHECK_STR(query("sql=SELECT * FROM t ORDER BY id"),
              "312 [{\"id\":2,\"name\":null,\"x\":2.0,\"b\":null},\n"
              "{\"id\":9007199254740993,\"name\":\"say \\\"hi\\\"\\n\",\"x\":0.5,\"b\":\"AP8=\"}]");
    CHECK_STR(query("sql=SELECT * FROM t WHERE id = 7;\n"), "312 []");
    runtime_destroy(rt);
    up(PLAIN);
    CHECK_STR(query("sql=SELECT count(*) AS n FROM t"), "312 [{\"n\":2}]");
    end();
}

TEST(parameters_are_values_and_never_sql) {
    begin(PLAIN);
    CHECK_STR(exec("sql=CREATE TABLE t (id INTEGER, name TEXT)"), "310 ");
    CHECK_STR(exec("sql=INSERT INTO t\nVALUES (?, ?)\np=1\np='); DROP TABLE t; --"), "310 ");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (?, ?)\np=2\np=two\nlines\n"), "310 ");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (?2, ?1)\nn=\np=3"), "310 ");
    CHECK_STR(query("sql=SELECT * FROM t ORDER BY id"),
              "312 [{\"id\":1,\"name\":\"'); DROP TABLE t; "
              "--\"},\n{\"id\":2,\"name\":\"two\\nlines\\n\"},\n{\"id\":3,\"name\":null}]");
    CHECK_STR(query("sql=SELECT id FROM t WHERE id = ? LIMIT ?\np=1\np=10"), "312 [{\"id\":1}]");
    CHECK_STR(query("sql=SELECT ?"), "316 there are fewer parameters than the statement has");
    CHECK_STR(query("sql=SELECT 1\np=1"), "316 there are more parameters than the statement has");
    end();
}

TEST(an_exec_happens_whole_or_not_at_all) {
    begin(PLAIN);
    CHECK_STR(
        exec("sql=CREATE TABLE t (id INTEGER UNIQUE); INSERT INTO t VALUES (?); INSERT INTO t VALUES (?)\np=1\np=2"),
        "310 ");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (3); INSERT INTO t VALUES (1)"), "316 UNIQUE constraint failed: t.id");
    CHECK_STR(query("sql=SELECT count(*) AS n FROM t"), "312 [{\"n\":2}]");
    end();
}

TEST(what_would_reach_beyond_the_database_is_refused) {
    static const char *const wrong[] = {
        "sql=ATTACH DATABASE '/tmp/x' AS x",
        "sql=BEGIN",
        "sql=COMMIT",
        "sql=SAVEPOINT a",
        "sql=PRAGMA synchronous=OFF",
        "sql=SELECT load_extension('x')",
        "sql=VACUUM INTO '/tmp/mk-sql-copy'",
    };
    begin(PLAIN);
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (strncmp(exec(wrong[i]), "316 ", 4) != 0) rig_fail(__FILE__, __LINE__, "%s: %s", wrong[i], answer);
    CHECK_STR(query("sql=CREATE TABLE t (id)"), "316 a query only reads; this is for exec");
    CHECK_STR(query("sql=SELECT 1; SELECT 2"), "316 a query is one statement");
    CHECK_STR(query("sql= ; "), "316 there is no statement");
    CHECK_STR(query("SELECT 1"), "316 sql is missing");
    CHECK_STR(query("sql=SELEC 1"), "316 near \"SELEC\": syntax error");
    end();
}

TEST(limits_end_a_request_and_the_next_goes_on) {
    begin((local_sql_config_t){.time_max_ms = 50, .rows_max = 3, .answer_bytes_max = 200});
    static const char forever[] = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";
    char              text[256];
    snprintf(text, sizeof text, "sql=%s SELECT count(*) FROM c", forever);
    CHECK_STR(query(text), "316 longer than the 50 ms it may take");
    snprintf(text, sizeof text, "sql=%s SELECT x FROM c", forever);
    CHECK_STR(query(text), "316 more than 3 rows; use LIMIT");
    CHECK_STR(query("sql=SELECT hex(zeroblob(200))"), "316 the rows have more than 200 bytes; use LIMIT");
    CHECK_STR(query("sql=SELECT 1 AS one"), "312 [{\"one\":1}]");
    end();
}

TEST(a_change_that_never_ends_is_undone_whole) {
    begin((local_sql_config_t){.time_max_ms = 300});
    CHECK_STR(exec("sql=CREATE TABLE t (id INTEGER)"), "310 ");
    CHECK_STR(
        exec("sql=INSERT INTO t VALUES (1); INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
             "FROM c) SELECT x FROM c"),
        "316 longer than the 300 ms it may take");
    CHECK_STR(query("sql=SELECT count(*) AS n FROM t"), "312 [{\"n\":0}]");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (1)"), "310 ");
    end();
}

TEST(a_file_that_has_its_size_refuses_and_what_was_there_stays) {
    begin((local_sql_config_t){.file_bytes_max = 64 * 1024});
    CHECK_STR(exec("sql=CREATE TABLE t (b BLOB)"), "310 ");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (zeroblob(10000))"), "310 ");
    CHECK_STR(exec("sql=INSERT INTO t VALUES (zeroblob(100000))"),
              "316 the disk is full, or the database as large as it may be");
    CHECK_STR(query("sql=SELECT count(*) AS n FROM t"), "312 [{\"n\":1}]");
    CHECK_STR(exec("sql=DELETE FROM t"), "310 ");
    end();
}

/* SQLite looks at the time between its steps, not within one. */
TEST(values_and_patterns_are_no_longer_than_a_function_can_bear) {
    begin(PLAIN);
    CHECK_STR(query("sql=SELECT length(zeroblob(1000000)) AS n"), "312 [{\"n\":1000000}]");
    CHECK_STR(query("sql=SELECT length(hex(zeroblob(1000000))) AS n"), "316 string or blob too big");
    CHECK_STR(query("sql=SELECT 'a' LIKE '%' || hex(zeroblob(500)) || 'b'"), "316 LIKE or GLOB pattern too complex");
    end();
}

static bool note_size(void *arg, size_t size) {
    size_t *most = arg, before = __atomic_load_n(most, __ATOMIC_RELAXED); /* helpers allocate, too */
    if (size > before) __atomic_store_n(most, size, __ATOMIC_RELAXED);
    return true;
}

TEST(a_row_that_is_too_long_takes_no_more_memory_than_one_value) {
    static char text[8192] = "sql=SELECT randomblob(1000000) AS a";
    size_t      most = 0;
    for (int i = 1; i < 40; i++) snprintf(text + strlen(text), sizeof text - strlen(text), ", zeroblob(1000000)");
    begin((local_sql_config_t){.answer_bytes_max = 1000});
    mk_mem_set_gate(note_size, &most);
    CHECK_STR(query(text), "316 the rows have more than 1000 bytes; use LIMIT");
    mk_mem_set_gate(NULL, NULL);
    CHECK(most < 8u << 20);
    end();
}

TEST(many_requests_are_answered_in_order) {
    begin(PLAIN);
    CHECK_STR(exec("sql=CREATE TABLE t (id INTEGER)"), "310 ");
    answers = 0;
    for (int i = 0; i < 20; i++) tell(MSG_CF_DB_EXEC, "sql=INSERT INTO t SELECT count(*) FROM t");
    tell(MSG_CF_DB_QUERY, "sql=SELECT max(id) AS n FROM t");
    CHECK_STR(wait_answers(21), "312 [{\"n\":19}]");
    end();
}

static bool ask_three(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)self;
    if (msg->type == MSG_ASK) {
        for (int i = 0; i < 3; i++) (void)actor_send(r, db, MSG_CF_DB_QUERY, "sql=SELECT 1", 12);
        return true;
    }
    return behave(r, self, msg, state);
}

TEST(so_many_requests_wait_at_a_time_and_no_more) {
    begin((local_sql_config_t){.waiting_max = 2});
    actor_id_t three = actor_spawn(rt, ask_three, NULL, NULL, 0);
    answers = 0;
    CHECK(actor_send(rt, three, MSG_ASK, NULL, 0));
    for (int i = 0; i < 10000 && answers == 0; i++) (void)runtime_wait(rt, 1);
    CHECK_STR(answer, "316 too many requests at a time"); /* at once, before the others */
    CHECK_STR(wait_answers(3), "312 [{\"1\":1}]");
    end();
}

TEST(it_may_end_while_a_statement_runs) {
    begin((local_sql_config_t){.time_max_ms = 60000});
    tell(MSG_CF_DB_QUERY, "sql=WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c");
    for (int i = 0; i < 5; i++) (void)runtime_wait(rt, 1);
    actor_stop(rt, db);
    end();
}

TEST(it_may_end_before_it_hears_that_a_statement_is_over) {
    begin(PLAIN);
    CHECK_STR(exec("sql=CREATE TABLE t (id INTEGER PRIMARY KEY)"), "310 ");
    for (int i = 0; i < 30; i++) {
        answers = 0;
        tell(MSG_CF_DB_EXEC, "sql=INSERT INTO t SELECT count(*) FROM t");
        tell(MSG_CF_DB_EXEC, "sql=INSERT INTO t SELECT count(*) FROM t");
        for (int steps = 0; steps < i; steps++) (void)runtime_wait(rt, 1);
        runtime_destroy(rt);
        up(PLAIN);
    }
    end();
}

/* Where a folder is, is its owner's business. */
TEST(a_folder_may_be_a_link_and_the_file_is_its_owners_alone) {
    char        link[64], path[80], behind[64];
    struct stat st;
    begin(PLAIN);
    runtime_destroy(rt);
    strcpy(behind, folder);
    snprintf(link, sizeof link, "%.40s-link", folder);
    snprintf(path, sizeof path, "%.40s/db", folder);
    CHECK_EQ(symlink(folder, link), 0);
    strcpy(folder, link);
    up(PLAIN);
    CHECK_STR(exec("sql=CREATE TABLE t (id INTEGER PRIMARY KEY)"), "310 ");
    CHECK_EQ(lstat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    runtime_destroy(rt);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(symlink("/dev/null", path), 0); /* but the file itself is no link */
    up(PLAIN);
    CHECK_STR(query("sql=SELECT 1"), "316 unable to open database file");
    strcpy(folder, behind);
    end();
    CHECK_EQ(unlink(link), 0);
}

TEST(a_file_that_is_no_database_says_so) {
    begin(PLAIN);
    char path[128];
    snprintf(path, sizeof path, "%s/db", folder);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    for (int i = 0; i < 2000; i++) fputs("nonsense ", f);
    fclose(f);
    CHECK_STR(query("sql=SELECT 1"), "316 the file is damaged, or no database");
    end();
}
