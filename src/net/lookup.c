/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c -- names to addresses. A query is one name asked for on a helper thread and, afterwards, what is remembered of it;
 * a look-up is one who asked. Invariant: a query under way belongs to its job until that is done, so a net that goes leaves it
 * behind without an owner. */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "loop/jobs.h"

enum {
    NAME_BYTES_MAX = 255, /* RFC 1035, section 2.3.4                                    */
    ADDRS_MAX = 16,       /* of one name                                                */
    QUERIES_MAX = 128,    /* under way and remembered                                   */
    RUNNING_MAX = 64,     /* more at a time than helpers, but no flood                  */
    DEADLINE_MS = 10000,
    KNOWN_MS = 60000, /* the system does not tell us how long an answer is good for */
    UNKNOWN_MS = 5000,
};

typedef struct mk_lookup_query query_t;

struct mk_lookup_query {
    mk_job_t   job;
    mk_net_t  *net; /* NULL: nobody waits any more */
    query_t   *next;
    mk_node_t *waiters;
    bool       running, telling;
    uint64_t   until_ms; /* of a known one */
    mk_err_t   err;
    size_t     n;
    mk_addr_t  addr[ADDRS_MAX];
    char       name[];
};

struct mk_lookup {
    mk_node_t     node; /* among the waiters */
    mk_net_t     *net;
    query_t      *query; /* NULL: it was in digits, or no name at all */
    mk_timer_t    deadline;
    mk_deferred_t soon;
    mk_lookup_fn *fn;
    void         *arg;
    mk_addr_t     digits;
};

static uint64_t now_ms(const mk_net_t *net) { return net->loop->now_us / 1000; }

static void drop(mk_lookup_t *lookup) {
    mk_list_remove(&lookup->node);
    mk_wheel_cancel(&lookup->net->loop->wheel, &lookup->deadline);
    mk_deferred_cancel(&lookup->soon);
    mk_free(lookup);
}

void mk_lookup_cancel(mk_lookup_t *lookup) { drop(lookup); }

static void answer(mk_lookup_t *lookup, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    mk_lookup_fn *fn = lookup->fn;
    void         *arg = lookup->arg;
    drop(lookup);
    fn(arg, err, addrs, err == MK_OK ? n : 0);
}

/* Who is told may ask for the same name again, cancel others, forget everything. */
static void tell_waiters(query_t *query) {
    query->telling = true;
    for (mk_node_t *node; (node = query->waiters) != NULL;)
        answer(mk_container_of(node, mk_lookup_t, node), query->err, query->addr, query->n);
    query->telling = false;
}

/* ---- queries --------------------------------------------------------------------------------------------------------- */

static void on_run(mk_job_t *job) {
    query_t *query = mk_container_of(job, query_t, job);
    query->err = mk_port_resolve(query->name, query->addr, ADDRS_MAX, &query->n);
}

static void on_done(mk_loop_t *loop, mk_job_t *job) {
    query_t *query = mk_container_of(job, query_t, job);
    (void)loop;
    if (query->net == NULL) {
        mk_free(query);
        return;
    }
    if (job->run != NULL) query->err = MK_ERR_IO; /* the loop ends */
    query->running = false;
    query->net->running_n--;
    query->until_ms = now_ms(query->net);
    if (query->err == MK_OK) query->until_ms += KNOWN_MS;
    if (query->err == MK_ERR_NOTFOUND) query->until_ms += UNKNOWN_MS;
    tell_waiters(query);
}

/* The loop did not wait for it, nor does its net, which has ended before. */
static void on_orphan(mk_job_t *job) { mk_free(mk_container_of(job, query_t, job)); }

static query_t *find_query(const mk_net_t *net, const char *name) {
    for (query_t *query = net->queries; query != NULL; query = query->next)
        if ((query->running || query->until_ms > now_ms(net)) && strcmp(query->name, name) == 0) return query;
    return NULL;
}

static void unlink_query(query_t *query) {
    query_t **at = &query->net->queries;
    while (*at != query) at = &(*at)->next;
    *at = query->next;
    query->net->queries_n--;
}

/* Makes room by forgetting what would be forgotten next. */
static mk_err_t make_room(mk_net_t *net) {
    query_t *oldest = NULL;
    if (net->running_n >= RUNNING_MAX) return MK_ERR_LIMIT;
    if (net->queries_n < QUERIES_MAX) return MK_OK;
    for (query_t *query = net->queries; query != NULL; query = query->next) {
        if (query->running || query->telling || query->waiters != NULL) continue;
        if (oldest == NULL || query->until_ms < oldest->until_ms) oldest = query;
    }
    if (oldest == NULL) return MK_ERR_LIMIT;
    unlink_query(oldest);
    mk_free(oldest);
    return MK_OK;
}

static mk_err_t new_query(mk_net_t *net, const char *name, query_t **out) {
    size_t   size = strlen(name) + 1;
    mk_err_t err = make_room(net);
    if (err != MK_OK) return err;
    query_t *query = mk_alloc(sizeof *query + size);
    if (query == NULL) return MK_ERR_NOMEM;
    *query = (query_t){.job = {.run = on_run, .done = on_done, .orphan = on_orphan}, .net = net, .running = true};
    memcpy(query->name, name, size);
    if ((err = mk_job_start(net->loop, &query->job)) != MK_OK) {
        mk_free(query);
        return err;
    }
    query->next = net->queries;
    net->queries = query;
    net->queries_n++;
    net->running_n++;
    *out = query;
    return MK_OK;
}

/* ---- look-ups ---------------------------------------------------------------------------------------------------------- */

static void on_deadline(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    answer(mk_container_of(timer, mk_lookup_t, deadline), MK_ERR_TIMEOUT, NULL, 0);
}

static void answer_soon(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_lookup_t *lookup = mk_container_of(deferred, mk_lookup_t, soon);
    query_t     *query = lookup->query;
    mk_addr_t    digits = lookup->digits;
    (void)loop;
    if (query == NULL) {
        answer(lookup, digits.family != MK_FAMILY_NONE ? MK_OK : MK_ERR_NOTFOUND, &digits, 1);
        return;
    }
    bool outer = query->telling;
    query->telling = true;
    answer(lookup, query->err, query->addr, query->n);
    query->telling = outer;
}

/* Names differ in neither case nor a dot at their end, which only says that nothing is to be appended. */
static bool copy_name(const char *host, char out[NAME_BYTES_MAX + 1]) {
    size_t length = strnlen(host, NAME_BYTES_MAX + 1);
    if (length > NAME_BYTES_MAX) return false;
    for (size_t i = 0; i <= length; i++) out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
    return true;
}

/* Joins a query, a new one if need be. */
static mk_err_t ask(mk_lookup_t *lookup, const char *name, uint32_t deadline_ms) {
    mk_loop_t *loop = lookup->net->loop;
    query_t   *query = find_query(lookup->net, name);
    if (query == NULL) {
        mk_err_t err = new_query(lookup->net, name, &query);
        if (err != MK_OK) return err;
    }
    lookup->query = query;
    mk_list_push(&query->waiters, &lookup->node);
    if (query->running) mk_wheel_arm(&loop->wheel, &lookup->deadline, mk_loop_after_ms(loop, deadline_ms));
    else mk_loop_again(loop, &lookup->soon, answer_soon);
    return MK_OK;
}

mk_err_t mk_lookup_start(mk_net_t *net, const char *host, uint32_t deadline_ms, mk_lookup_fn *fn, void *arg,
                         mk_lookup_t **out) {
    char name[NAME_BYTES_MAX + 1];
    if (!copy_name(host, name)) return MK_ERR_TOOLONG;
    mk_lookup_t *lookup = mk_calloc(1, sizeof *lookup);
    if (lookup == NULL) return MK_ERR_NOMEM;
    lookup->net = net;
    lookup->fn = fn;
    lookup->arg = arg;
    lookup->deadline.fn = on_deadline;
    mk_err_t err = MK_OK;
    if (name[0] == '\0' || mk_addr_parse(name, 0, &lookup->digits))
        mk_loop_again(net->loop, &lookup->soon, answer_soon);
    else err = ask(lookup, name, deadline_ms != 0 ? deadline_ms : (uint32_t)DEADLINE_MS);
    if (err != MK_OK) mk_free(lookup);
    else *out = lookup;
    return err;
}

/* They are freed when their room is needed. */
void mk_lookup_forget(mk_net_t *net) {
    for (query_t *query = net->queries; query != NULL; query = query->next) query->until_ms = 0;
}

void mk_lookup_fini(mk_net_t *net) {
    for (query_t *query = net->queries, *next; query != NULL; query = next) {
        next = query->next;
        for (mk_node_t *node; (node = query->waiters) != NULL;) drop(mk_container_of(node, mk_lookup_t, node));
        query->net = NULL;
        if (!query->running) mk_free(query);
    }
    net->queries = NULL;
}
