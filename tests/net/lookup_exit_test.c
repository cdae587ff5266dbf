/* SPDX-License-Identifier: Apache-2.0 */
/* lookup_exit_test.c -- a net and its loop end while the system's own look-up hangs. The look-up here is the test's: it hangs until it
 * is let go. */
#include <netdb.h>
#include <pthread.h>

#include "net/net_rig.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  changed = PTHREAD_COND_INITIALIZER;
static unsigned        hanging;
static bool            let_go;

/* In place of the library's. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
    (void)host, (void)service, (void)hints;
    *out = NULL;
    pthread_mutex_lock(&mutex);
    hanging++;
    pthread_cond_broadcast(&changed);
    while (!let_go) pthread_cond_wait(&changed, &mutex);
    hanging--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return EAI_AGAIN;
}

static void wait_for(unsigned n) {
    pthread_mutex_lock(&mutex);
    while (hanging != n) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void on_answer(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    (void)err, (void)addrs, (void)n;
    ++*(unsigned *)arg;
}

TEST(a_look_up_that_hangs_holds_up_nobodys_end) {
    static const char *const names[] = {"held.test", "also.held.test", "held.test"};
    mk_lookup_t             *lookup;
    unsigned                 answers = 0, others = hanging; /* of the other test, if that was first */
    let_go = false;
    open_net();
    for (size_t i = 0; i < 3; i++) CHECK_EQ(mk_lookup_start(net, names[i], 0, on_answer, &answers, &lookup), MK_OK);
    wait_for(others + 2);
    close_net(); /* returns, though nobody has let it go */
    CHECK_EQ(answers, 0);
    pthread_mutex_lock(&mutex);
    CHECK_EQ(hanging, others + 2);
    let_go = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    wait_for(0);
}

/* The process may end before those do. */
TEST(nor_that_of_the_process) {
    mk_lookup_t *lookup;
    unsigned     answers = 0, others = hanging;
    let_go = false;
    open_net();
    CHECK_EQ(mk_lookup_start(net, "held.test", 0, on_answer, &answers, &lookup), MK_OK);
    wait_for(others + 1);
    close_net();
}
