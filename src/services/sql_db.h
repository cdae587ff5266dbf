/* SPDX-License-Identifier: Apache-2.0 */
/* sql_db.h -- a database and what one request does to it. Everything may wait: for helper threads, one at a time. */
#ifndef MK_SERVICES_SQL_DB_H
#define MK_SERVICES_SQL_DB_H

#include "base/buffer.h"
#include "microkernel/local_sql.h"

typedef struct mk_sql_db mk_sql_db_t;

enum { MK_SQL_WHY_BYTES = 200 };

/* The `file` and limits of *config with every default filled in; it outlives the database. Does not open the file yet. MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_sql_db_create(const local_sql_config_t *config, mk_sql_db_t **out);
void                   mk_sql_db_destroy(mk_sql_db_t *db);

/* Carries out a request; opens the file if it is not open. `query`: one statement that only reads; its rows are appended to `rows` as
 * JSON. *stop may be set at any time by another thread (atomically): then the request ends. MK_OK, or anything else with a text for
 * people in `why`; then nothing has happened. */
MK_MUST_CHECK mk_err_t mk_sql_db_run(mk_sql_db_t *db, const char *payload, size_t size, bool query, const bool *stop,
                                     mk_buffer_t *rows, char why[MK_SQL_WHY_BYTES]);

#endif
