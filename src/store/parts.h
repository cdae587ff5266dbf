/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h -- what the files of room store share: a request, a batch of them on its way to the disk, what recovering finds. */
#ifndef MK_STORE_PARTS_H
#define MK_STORE_PARTS_H

#include "port/disk.h"
#include "store/index.h"
#include "store/store.h"

enum {
    BATCH_MAX = 64,               /* requests in one trip to the disk                              */
    BATCH_BYTES_MAX = 4 << 20,    /* of values put and got in it, unless it is one alone           */
    TOMBS_MAX = 64,               /* tombstones removed in one trip                                */
    SMALL_BYTES = 4096,           /* files up to this are written where they belong, and read whole when the folder is opened */
};

/* "0123456789abcdef0123.a": a hash of the name, and which of its files: 'a', 'b', or 't' for a large one being written. */
enum { FILE_BASE_CHARS = 20, FILE_NAME_BYTES = FILE_BASE_CHARS + 3 };
void mk_store_file_name(mk_slice_t name, char which, char out[FILE_NAME_BYTES]);
static inline char mk_store_slot_char(unsigned slot) { return slot == 0 ? 'a' : 'b'; }

typedef enum request_kind { REQUEST_PUT, REQUEST_DELETE, REQUEST_GET } request_kind_t;

typedef struct request {
    struct request   *next;
    request_kind_t    kind;
    mk_slice_t        name, value; /* behind this struct, in the same block */
    mk_store_done_fn *fn;          /* NULL: nobody wants to know           */
    void             *arg;
    mk_err_t          err;
    /* While in a batch. */
    mk_entry_t       *entry;
    bool              to_disk; /* has no answer yet without the disk       */
    bool              aside;   /* put, delete: to be written under another name first */
    uint8_t           slot;    /* put, delete: to be written; get: to be read first, then where it was found */
    uint64_t          version, mark;
    uint8_t          *file;    /* get: all of it; the value is in it       */
    mk_slice_t        found;
    unsigned          damaged; /* files found so                           */
    bool              earlier_left; /* delete: the earlier file could not be removed */
    bool              removed;      /* delete: neither file is left                  */
} request_t;

typedef struct tomb {
    mk_entry_t *entry;
    char        file[FILE_NAME_BYTES];
    bool        removed;
} tomb_t;

/* A trip to the disk: filled in on the loop, worked on by a helper thread, evaluated on the loop. */
typedef struct batch {
    request_t *request[BATCH_MAX];
    size_t     n;
    tomb_t     tomb[TOMBS_MAX];
    size_t     tombs_n;
    bool       unsynced;
    size_t     file_bytes_max;
} batch_t;

void mk_store_batch_run(mk_disk_t *disk, batch_t *batch);

typedef char file_base_t[FILE_BASE_CHARS];

typedef struct recovery {
    mk_index_t   index;
    uint64_t     bytes;
    uint64_t     version; /* the highest there is */
    uint64_t     damaged;
    file_base_t *lost; /* hashes of names of which no file, or none with a value, could be read; sorted; the caller's to free */
    size_t       lost_n, lost_room;
    size_t       unreadable; /* files         */
    mk_err_t     why;        /* of the last one of these */
    mk_err_t     err;
    mk_err_t     unsettled; /* why what there is could not be made to last, so that nothing may be written over */
} recovery_t;

/* Reads what there is and makes it last, removes what was left half-done. */
void mk_store_recover(mk_disk_t *disk, recovery_t *out);

#endif
