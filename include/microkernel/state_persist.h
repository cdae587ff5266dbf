/* SPDX-License-Identifier: Apache-2.0 */
/* state_persist.h -- what an actor wants to find again when it is started the next time: small values by the actor's name and a key.
 *
 * All of it is kept in memory, so loading is a copy; saving goes to the disk in the background (storage.h), in order. Runtime's
 * thread. */
#ifndef MICROKERNEL_STATE_PERSIST_H
#define MICROKERNEL_STATE_PERSIST_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longest key, any bytes but NUL; longest value and all values of one name together unless state_persist_limits() says else. */
enum { STATE_KEY_BYTES_MAX = 255, STATE_VALUE_BYTES_MAX = 64 * 1024, STATE_ACTOR_BYTES_MAX = 1024 * 1024 };

/* Keeps state in this folder, made if its last part is missing. Outside of a behaviour the runtime's loop runs until what is there has
 * been read. False: it cannot be used, or is used by another node (logged). Once for each runtime. */
bool state_persist_init(runtime_t *rt, const char *dir);

void state_persist_limits(runtime_t *rt, size_t value_bytes_max, size_t actor_bytes_max); /* 0: as it is */

/* `actor_name` NULL: the first name of the running actor (-1 when it has none). 0: taken; loading gives it back from now on, and it
 * is on the disk when state_is_saved() says so. -1 (logged): too long, over the limit, no such state folder, out of memory. */
int state_save(runtime_t *rt, const char *actor_name, const char *key, const void *data, size_t size);
/* Bytes of the value, written to `buf`, or, with NULL, only counted; -1: there is none, or it is longer than `cap` (logged). */
int state_load(runtime_t *rt, const char *actor_name, const char *key, void *buf, size_t cap);
/* 0, also when there was none; -1 as state_save(). */
int state_delete(runtime_t *rt, const char *actor_name, const char *key);

/* As state_save(), with the reason, and with MSG_STATE_SAVED for the running actor when it is on the disk, or will not be. */
MK_MUST_CHECK mk_err_t state_save_told(runtime_t *rt, const char *actor_name, const char *key, const void *data, size_t size);
#define MSG_STATE_SAVED (MK_MSG_SYSTEM_BASE + 0x71u)
typedef struct state_saved_payload {
    uint32_t error;    /* mk_err_t: MK_ERR_FULL (the disk), MK_ERR_DENIED, MK_ERR_IO, ... */
    uint32_t key_size; /* behind this struct, no NUL */
} state_saved_payload_t;

/* Whether all that was saved so far is on the disk. */
bool state_is_saved(runtime_t *rt);

#ifdef __cplusplus
}
#endif

#endif
