/* SPDX-License-Identifier: Apache-2.0 */
/* index.h -- which names there are and which of their two files is the later one: in memory, sorted by name. */
#ifndef MK_STORE_INDEX_H
#define MK_STORE_INDEX_H

#include "store/blob.h"

typedef struct mk_entry {
    uint64_t mark;
    size_t   value_size;
    uint8_t  slot;       /* 0 or 1: the file that counts; the next put goes to the other              */
    bool     gone;       /* deleted, or never put with success: not listed                            */
    bool     tomb;       /* gone, and its file says so: to be removed when that is safe               */
    bool     listed;     /* among those of which tombs are removed                                    */
    bool     aside;      /* a file of it could not be read: replaced by others, never written over    */
    bool     damaged;    /* one of its files was found so when the folder was opened                  */
    bool     written;    /* there is a put or delete of it in the batch at work                       */
    uint32_t requests;   /* in the batch at work that speak of it: it stays                           */
    struct mk_entry *next_tomb; /* of those listed                                                     */
    uint32_t name_size;
    uint8_t  name[];
} mk_entry_t;

typedef struct mk_index {
    mk_entry_t **at; /* sorted by name */
    size_t       n, room;
} mk_index_t;

void        mk_index_fini(mk_index_t *index);
mk_entry_t *mk_index_find(const mk_index_t *index, mk_slice_t name);

/* A new entry that is gone. The name is not there yet. NULL: out of memory. */
mk_entry_t *mk_index_add(mk_index_t *index, mk_slice_t name);
void        mk_index_remove(mk_index_t *index, mk_entry_t *entry); /* and frees it */

/* For many at a time: anywhere now, and mk_index_sort() before anything else is asked. */
mk_entry_t *mk_index_add_unsorted(mk_index_t *index, mk_slice_t name);
void        mk_index_sort(mk_index_t *index);

/* Where the first name is that does not come before this one. */
size_t mk_index_from(const mk_index_t *index, mk_slice_t name);

int mk_names_compare(mk_slice_t a, mk_slice_t b);

static inline mk_slice_t mk_entry_name(const mk_entry_t *entry) { return (mk_slice_t){entry->name, entry->name_size}; }

#endif
