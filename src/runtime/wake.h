/* SPDX-License-Identifier: Apache-2.0 */
/* wake.h -- for actors whose behaviour waits in the middle (guests). Runtime's thread, from inside the actor's own
 * behaviour. */
#ifndef MK_RUNTIME_WAKE_H
#define MK_RUNTIME_WAKE_H

#include "microkernel/types.h"

/* Once the behaviour has returned the running actor gets no message from its mailbox (`messages_too` false) or the next
 * one (true), and after `timeout_ms` (0: at its next turn; -1: never) one MSG_WAKE, which is no allocation and cannot be
 * lost. Holds until mk_actor_wait_end(). Allocates once per actor, the first time it waits with a time-out: false when
 * out of memory, then nothing changed. */
bool mk_actor_wait(runtime_t *rt, bool messages_too, int64_t timeout_ms);
void mk_actor_wait_end(runtime_t *rt);

/* What an actor waits for outside of its mailbox has come: MSG_WAKE now instead of at the end of its time. From outside of its
 * behaviour; harmless for one that does not wait, or takes messages meanwhile. */
void mk_actor_wake(runtime_t *rt, actor_id_t id);

/* The running behaviour took long (a millisecond and more): timers and descriptors are looked at after its turn. */
void mk_runtime_poll_soon(runtime_t *rt);

#endif
