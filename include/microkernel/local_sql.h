/* SPDX-License-Identifier: Apache-2.0 */
/* local_sql.h -- this node's database: SQLite 3 on its own disk, asked by messages (service_messages.h). Nothing waits: statements run
 * on a helper thread, one request after the other, each in a transaction of its own, and an OK means that it is on the disk.
 *
 * MSG_CF_DB_QUERY takes one statement that only reads, MSG_CF_DB_EXEC any number, which happen all or not at all. `p=` lines are the
 * parameters in their order, bound as text (a column's type converts them); `n=` is NULL. Rows are JSON objects: integers and reals as
 * numbers, blobs in base64. A value has up to 1 MiB, an answer up to 200 columns, a pattern of LIKE up to 1,000 bytes; a single
 * function that computes is not interrupted by the time limit. Attaching other files, transactions of one's own and settings
 * (PRAGMA) are refused. Runtime's thread. */
#ifndef MICROKERNEL_LOCAL_SQL_H
#define MICROKERNEL_LOCAL_SQL_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero takes the default named. */
typedef struct local_sql_config {
    char        path[256];        /* of the database file; its folder exists                                          */
    const char *file;             /* the same as long as SQLite allows (mostly 512), for the time of the call; NULL: path */
    uint32_t    time_max_ms;      /* of one request; 0: 5,000                                                         */
    uint32_t    rows_max;         /* of one answer; 0: 10,000                                                         */
    size_t      answer_bytes_max; /* 0: 1 MiB                                                                         */
    uint32_t    waiting_max;      /* requests at a time; 0: 1,024                                                     */
    uint64_t    file_bytes_max;   /* 0: no limit                                                                      */
} local_sql_config_t;

/* Starts it, registered at /node/local/storage/db. ACTOR_ID_INVALID: the reason is logged (this build may have no SQLite). */
actor_id_t local_sql_init(runtime_t *rt, const local_sql_config_t *config);

#ifdef __cplusplus
}
#endif

#endif
