/* SPDX-License-Identifier: Apache-2.0 */
/* client_trust.c -- the system's certificate authorities, read once for a client, on a helper thread: there are some hundred of
 * them, and reading them takes longer than a turn of the loop should. */
#include "base/mem.h"
#include "http/client_parts.h"

typedef struct mk_trust_job {
    mk_job_t          job;
    mk_client_t      *client; /* NULL: gone meanwhile */
    mk_tls_context_t *context;
    mk_err_t          err;
    char              why[MK_TLS_WHY_BYTES];
} trust_job_t;

static void run(mk_job_t *job) {
    trust_job_t          *t = mk_container_of(job, trust_job_t, job);
    const mk_tls_config_t config = {0};
    t->err = mk_tls_engine(NULL)->context_create(&config, &t->context, t->why);
}

static void done(mk_loop_t *loop, mk_job_t *job) {
    trust_job_t  *t = mk_container_of(job, trust_job_t, job);
    mk_client_t  *client = t->client;
    bool          made = job->run == NULL && t->err == MK_OK;
    socket_tls_t *tls = made && client != NULL ? mk_calloc(1, sizeof *tls) : NULL;
    (void)loop;
    if (tls != NULL) {
        tls->engine = mk_tls_engine(NULL);
        tls->context = t->context;
        tls->refs = 1;
    } else if (made) {
        mk_tls_engine(NULL)->context_release(t->context);
        t->err = MK_ERR_NOMEM;
    }
    if (client != NULL) {
        client->trust_job = NULL;
        client->trust = tls;
        mk_conn_trusted(client, tls != NULL ? MK_OK : t->err, t->why);
    }
    mk_free(t);
}

mk_err_t mk_trust_ask(mk_client_t *client) {
    if (client->trust_job != NULL) return MK_OK;
    trust_job_t *t = mk_calloc(1, sizeof *t);
    if (t == NULL) return MK_ERR_NOMEM;
    t->client = client;
    t->job.run = run;
    t->job.done = done;
    mk_err_t err = mk_job_start(client->loop, &t->job);
    if (err != MK_OK) {
        mk_free(t);
        return err;
    }
    client->trust_job = t;
    return MK_OK;
}

void mk_trust_forget(mk_client_t *client) {
    if (client->trust_job != NULL) client->trust_job->client = NULL;
    client->trust_job = NULL;
}
