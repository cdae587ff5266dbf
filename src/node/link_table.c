/* SPDX-License-Identifier: Apache-2.0 */
/* link_table.c -- see link_table.h. */
#include "node/link_table.h"

#include "base/mem.h"

enum { FIRST_BUCKETS = 16 };

static uint32_t place(const mk_link_table_t *table, uint32_t seq) {
    uint64_t mixed = (uint64_t)(seq ^ table->seed) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(mixed >> 32) & (table->buckets - 1);
}

mk_link_record_t *mk_link_table_find(const mk_link_table_t *table, uint32_t seq) {
    if (table->n == 0) return NULL;
    mk_link_record_t *record = table->bucket[place(table, seq)];
    while (record != NULL && record->seq != seq) record = record->next;
    return record;
}

static void put(mk_link_table_t *table, mk_link_record_t *record) {
    mk_link_record_t **at = &table->bucket[place(table, record->seq)];
    record->next = *at;
    *at = record;
}

static mk_err_t grow(mk_link_table_t *table) {
    mk_link_table_t larger = *table;
    larger.buckets = table->buckets == 0 ? (uint32_t)FIRST_BUCKETS : table->buckets * 2;
    larger.bucket = mk_calloc(larger.buckets, sizeof *larger.bucket);
    if (larger.bucket == NULL) return MK_ERR_NOMEM;
    for (uint32_t i = 0; i < table->buckets; i++) {
        for (mk_link_record_t *record = table->bucket[i], *next; record != NULL; record = next) {
            next = record->next;
            put(&larger, record);
        }
    }
    mk_free(table->bucket);
    *table = larger;
    return MK_OK;
}

mk_err_t mk_link_table_add(mk_link_table_t *table, mk_link_record_t *record) {
    mk_err_t err = table->n < table->buckets ? MK_OK : grow(table);
    if (err != MK_OK) return err;
    put(table, record);
    table->n++;
    return MK_OK;
}

void mk_link_table_remove(mk_link_table_t *table, mk_link_record_t *record) {
    mk_link_record_t **at = &table->bucket[place(table, record->seq)];
    while (*at != record) at = &(*at)->next;
    *at = record->next;
    if (--table->n != 0) return;
    mk_free(table->bucket);
    table->bucket = NULL;
    table->buckets = 0;
}

void mk_link_table_clear(mk_link_table_t *table, void (*release)(mk_link_record_t *record)) {
    for (uint32_t i = 0; i < table->buckets; i++) {
        for (mk_link_record_t *record = table->bucket[i], *next; record != NULL; record = next) {
            next = record->next;
            release(record);
        }
    }
    mk_free(table->bucket);
    *table = (mk_link_table_t){.seed = table->seed};
}
