/* SPDX-License-Identifier: Apache-2.0 */
/* storage.h -- named values on the disk, for actors. Nothing waits: each request is answered by one message, and when that says MK_OK
 * a put or delete survives a loss of power. A file that is found torn or damaged never hides the value before it
 * (docs/rooms/store.md).
 *
 * Requests for one name take effect in the order in which they were made, and a get sees the puts made before it. Runtime's thread. */
#ifndef MICROKERNEL_STORAGE_H
#define MICROKERNEL_STORAGE_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct storage storage_t;

/* Zero takes the default named. */
typedef struct storage_options {
    size_t   value_bytes_max; /* 0: 16 MiB                                     */
    size_t   names_max;       /* 0: 1,000,000                                  */
    uint64_t bytes_max;       /* of all names and values; 0: no limit          */
    bool     unsynced;        /* survives the process, not the machine: for measurements */
} storage_options_t;

/* Opens a folder, made if its last part is missing; one that this runtime has open already is the same storage, with the options it
 * has. It recovers in the background: requests may be made at once. Open until the runtime ends. A folder that cannot be used says so
 * in each answer (MK_ERR_BUSY: another node has it). `options` may be NULL. MK_ERR_NOMEM, MK_ERR_INVALID, MK_ERR_NOSYS. */
MK_MUST_CHECK mk_err_t storage_open(runtime_t *rt, const char *folder, const storage_options_t *options, storage_t **out);

/* Inside of a behaviour. *request (may be NULL) is the number in the answer. A name is 1 to 1,024 bytes of any kind; `mark` is a number kept
 * beside the value and seen when names are listed (when it expires, say). MK_ERR_TOOLONG,
 * MK_ERR_INVALID, MK_ERR_FULL (too much is waiting for the disk), MK_ERR_NOMEM: no answer will come. */
MK_MUST_CHECK mk_err_t storage_put(runtime_t *rt, storage_t *storage, const void *name, size_t name_size, const void *value,
                                   size_t size, uint64_t mark, uint32_t *request);
MK_MUST_CHECK mk_err_t storage_get(runtime_t *rt, storage_t *storage, const void *name, size_t name_size, uint32_t *request);
MK_MUST_CHECK mk_err_t storage_delete(runtime_t *rt, storage_t *storage, const void *name, size_t name_size, uint32_t *request);

#define MSG_STORAGE_REPLY (MK_MSG_SYSTEM_BASE + 0x70u)
typedef struct storage_reply_payload {
    uint32_t request;
    uint32_t error;      /* mk_err_t: MK_ERR_NOTFOUND, MK_ERR_FULL (the disk), MK_ERR_LIMIT, MK_ERR_DENIED (read-only), MK_ERR_FORMAT
                          * (both files are damaged), MK_ERR_IO, MK_ERR_BUSY, MK_ERR_NOMEM */
    uint64_t value_size; /* of a get: bytes behind this struct */
    uint64_t mark;       /* of a get                           */
} storage_reply_payload_t;
static inline const void *storage_reply_value(const storage_reply_payload_t *reply) { return reply + 1; }

/* Calls `visit` for the names that begin with `prefix`, in the order of their bytes, from the first behind `after` (NULL: the first)
 * until it answers false; what has been asked for and not answered yet is not seen. MK_ERR_BUSY: it recovers still. */
typedef bool           storage_visit_fn(void *arg, const void *name, size_t name_size, size_t value_size, uint64_t mark);
MK_MUST_CHECK mk_err_t storage_list(storage_t *storage, const void *prefix, size_t prefix_size, const void *after, size_t after_size,
                                    storage_visit_fn *visit, void *arg);

#ifdef __cplusplus
}
#endif

#endif
