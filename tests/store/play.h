/* SPDX-License-Identifier: Apache-2.0 */
/* play.h -- a store on the fake disk, asked and answered in one line. Who wants another disk says which before this is included. */
#ifndef MK_TESTS_STORE_PLAY_H
#define MK_TESTS_STORE_PLAY_H

#include <stdlib.h>

#include "port/fake/fake.h"
#include "port/fake/fake_disk.h"
#include "rig/rig.h"
#include "store/store.h"

#ifndef FOLDER
#define FOLDER "disk"
#define RESET_DISK mk_fake_disk_reset
#endif

static mk_loop_t   loop;
static mk_store_t *store;
static unsigned    complaints;
static char        complaint[300];

static inline void hear(void *arg, bool bad, const char *text) {
    (void)arg, (void)bad;
    complaints++;
    snprintf(complaint, sizeof complaint, "%s", text);
}

static inline mk_slice_t text(const char *t) { return (mk_slice_t){t, strlen(t)}; }

static inline void open_store_with(mk_store_config_t config) {
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
    config.folder = FOLDER;
    config.log = hear;
    CHECK_EQ(mk_store_open(&loop, &config, &store), MK_OK);
}

static inline void open_store(void) { open_store_with((mk_store_config_t){0}); }

static inline void close_store(void) {
    mk_store_close(store);
    mk_loop_fini(&loop);
}

static inline void again(void) {
    close_store();
    open_store();
}

static inline void fresh(void) {
    mk_fake_reset(1);
    RESET_DISK();
    complaints = 0;
    open_store();
}

typedef struct answer {
    bool     come;
    mk_err_t err;
    size_t   size;
    uint8_t  value[8192];
} answer_t;

static inline void take_answer(void *arg, mk_err_t err, const uint8_t *value, size_t size, uint64_t mark) {
    answer_t *answer = arg;
    (void)mark;
    CHECK(!answer->come);
    answer->come = true;
    answer->err = err;
    answer->size = size;
    CHECK((value == NULL) == (size == 0) || value != NULL);
    if (size != 0) memcpy(answer->value, value, size < sizeof answer->value ? size : sizeof answer->value);
}

static inline void wait_for(const answer_t *answer) {
    for (int i = 0; i < 100 && !answer->come; i++) mk_loop_run(&loop, 0);
    CHECK(answer->come);
}

static inline mk_err_t put(const char *name, const char *value) {
    static answer_t answer;
    answer.come = false;
    CHECK_EQ(mk_store_put(store, text(name), text(value), 0, take_answer, &answer), MK_OK);
    wait_for(&answer);
    return answer.err;
}

static inline mk_err_t drop(const char *name) {
    static answer_t answer;
    answer.come = false;
    CHECK_EQ(mk_store_delete(store, text(name), take_answer, &answer), MK_OK);
    wait_for(&answer);
    return answer.err;
}

/* The value as a text, or the error's name. */
static inline const char *get(const char *name) {
    static answer_t answer;
    answer.come = false;
    CHECK_EQ(mk_store_get(store, text(name), take_answer, &answer), MK_OK);
    wait_for(&answer);
    if (answer.err != MK_OK) return mk_err_name(answer.err);
    CHECK(answer.size < sizeof answer.value);
    answer.value[answer.size] = '\0';
    return (const char *)answer.value;
}

#endif
