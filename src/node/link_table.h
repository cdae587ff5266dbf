/* SPDX-License-Identifier: Apache-2.0 */
/* link_table.h -- records by an actor's number, as a link keeps them of actors that are stopped. The numbers are the peer's to choose,
 * so the table is seeded: nobody outside can aim at one chain. Zero-initialised (but for the seed) it is empty and holds nothing. */
#ifndef MK_NODE_LINK_TABLE_H
#define MK_NODE_LINK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

/* Embed it first. */
typedef struct mk_link_record {
    struct mk_link_record *next;
    uint32_t               seq;
} mk_link_record_t;

typedef struct mk_link_table {
    mk_link_record_t **bucket; /* a power of two of chains; NULL while empty */
    uint32_t           buckets, n, seed;
} mk_link_table_t;

mk_link_record_t *mk_link_table_find(const mk_link_table_t *table, uint32_t seq); /* NULL: none */
/* Takes the record, whose seq is filled in and not in the table. MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_link_table_add(mk_link_table_t *table, mk_link_record_t *record);
void                   mk_link_table_remove(mk_link_table_t *table, mk_link_record_t *record);
/* Empty again; each record is given to `release`. */
void mk_link_table_clear(mk_link_table_t *table, void (*release)(mk_link_record_t *record));

#endif
