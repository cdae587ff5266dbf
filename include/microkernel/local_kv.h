/* SPDX-License-Identifier: Apache-2.0 */
/* local_kv.h -- the key-value store of this node: values on its own disk (storage.h), asked by messages (service_messages.h). An OK means
 * that it is on the disk. Values are gone when their time has come by this node's clock. Runtime's thread. */
#ifndef MICROKERNEL_LOCAL_KV_H
#define MICROKERNEL_LOCAL_KV_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LOCAL_KV_KEY_BYTES_MAX = 512,     /* of a key: text without control characters */
    LOCAL_KV_LIST_MAX = 1000,         /* keys in one answer; also when no limit is asked for */
};

typedef struct local_kv_config {
    char        base_path[64];   /* folder, made if its last part is missing                                         */
    const char *folder;          /* the same as long as the system allows, for the time of the call; NULL: base_path */
    size_t      value_bytes_max; /* 0: 1 MiB                                                                         */
    size_t      keys_max;        /* 0: 1,000,000                                                                     */
    uint64_t    bytes_max;       /* of all keys and values; 0: no limit                                              */
} local_kv_config_t;

/* Starts it, registered at /node/local/storage/kv, and at /node/storage/kv if nobody has that. ACTOR_ID_INVALID: the reason is
 * logged. */
actor_id_t local_kv_init(runtime_t *rt, const local_kv_config_t *config);

#ifdef __cplusplus
}
#endif

#endif
