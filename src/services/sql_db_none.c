/* SPDX-License-Identifier: Apache-2.0 */
/* sql_db_none.c -- this build has no SQLite. */
#include "services/sql_db.h"

mk_err_t mk_sql_db_create(const local_sql_config_t *config, mk_sql_db_t **out) {
    (void)config, (void)out;
    return MK_ERR_NOSYS;
}

void mk_sql_db_destroy(mk_sql_db_t *db) { (void)db; }

mk_err_t mk_sql_db_run(mk_sql_db_t *db, const char *payload, size_t size, bool query, const bool *stop,
                       mk_buffer_t *rows, char why[MK_SQL_WHY_BYTES]) {
    (void)db, (void)payload, (void)size, (void)query, (void)stop, (void)rows, (void)why;
    return MK_ERR_NOSYS;
}
