/* SPDX-License-Identifier: Apache-2.0 */
/* pthread.h -- of a board with one thread: nobody else is there to wait for. */
#ifndef MK_TESTS_FLASH_BOARD_PTHREAD_H
#define MK_TESTS_FLASH_BOARD_PTHREAD_H

typedef char pthread_mutex_t; /* the C library's own type, where it has one, is left alone by never being asked for */
#define PTHREAD_MUTEX_INITIALIZER 0

static inline void pthread_mutex_lock(pthread_mutex_t *mutex) { (void)mutex; }
static inline void pthread_mutex_unlock(pthread_mutex_t *mutex) { (void)mutex; }

#endif
