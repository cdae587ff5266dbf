/* SPDX-License-Identifier: Apache-2.0 */
/* download.c -- see download.h. Two buffers: one is being filled by the loop's thread while the other is with the helper. The job
 * owns `writing`, the file and its outcome while it runs; everything else is the loop's. */
#include "http/download.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/mem.h"

enum {
    WAITING_BYTES_MAX = 262144,
    SUFFIX_BYTES = sizeof ".0123456789abcdef.part",
};

struct mk_download {
    mk_job_t                 job;
    mk_loop_t               *loop;
    const mk_download_ops_t *ops;
    void                    *arg;
    mk_deferred_t            trouble; /* `err` is to be told, and there is no job to do it */
    mk_buffer_t              filling, writing;
    mk_err_t                 err;     /* of the whole                                       */
    mk_err_t                 outcome; /* of the job: the helper's until that is done        */
    int                      file;    /* -1: not made yet, or no more                       */
    char                    *path, *aside;
    bool                     made;    /* the file aside exists                              */
    bool                     running; /* the job is on its way                              */
    bool                     ended, last, full, cancelled, give_up;
};

static void download_free(mk_download_t *d) {
    mk_deferred_cancel(&d->trouble);
    mk_buffer_free(&d->filling);
    mk_buffer_free(&d->writing);
    mk_free(d->path);
    mk_free(d->aside);
    mk_free(d);
}

/* ---- on a helper thread ------------------------------------------------------------------------------------------ */

static void remove_aside(mk_download_t *d) {
    if (!d->made) return;
    mk_file_close(d->file);
    mk_file_remove(d->aside);
    d->file = -1;
    d->made = false;
}

static mk_err_t write_aside(mk_download_t *d) {
    if (!d->made) {
        mk_err_t err = mk_file_create(d->aside, &d->file);
        if (err != MK_OK) return err;
        d->made = true;
    }
    return d->writing.size != 0 ? mk_file_write(d->file, d->writing.bytes, d->writing.size) : MK_OK;
}

static void run(mk_job_t *job) {
    mk_download_t *d = mk_container_of(job, mk_download_t, job);
    if (d->give_up) {
        remove_aside(d);
        return;
    }
    d->outcome = write_aside(d);
    if (d->outcome != MK_OK) {
        remove_aside(d);
    } else if (d->last) {
        d->made = false;
        d->outcome = mk_file_publish(d->file, d->aside, d->path);
    }
}

/* ---- on the loop's ----------------------------------------------------------------------------------------------- */

static const char *why_of(mk_err_t err) {
    switch (err) {
    case MK_OK: return "";
    case MK_ERR_FULL: return "the disk is full";
    case MK_ERR_NOTFOUND: return "the file's folder does not exist";
    case MK_ERR_DENIED: return "the file may not be written there";
    case MK_ERR_TOOLONG: return "the file's name is too long";
    case MK_ERR_IO: return "the file cannot be written";
    default: return mk_err_text(err);
    }
}

static void tell(mk_download_t *d) {
    const mk_download_ops_t *ops = d->ops;
    void                    *arg = d->arg;
    mk_err_t                 err = d->err;
    download_free(d);
    ops->done(arg, err == MK_ERR_FULL ? MK_ERR_IO : err, why_of(err));
}

static void on_trouble(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_download_t *d = mk_container_of(deferred, mk_download_t, trouble);
    (void)loop;
    remove_aside(d);
    tell(d);
}

static void done(mk_loop_t *loop, mk_job_t *job);

static mk_err_t start(mk_download_t *d) {
    d->job.run = run;
    d->job.done = done;
    d->running = true; /* before it starts: where there are no threads it is done at once */
    mk_err_t err = mk_job_start(d->loop, &d->job);
    if (err != MK_OK) d->running = false;
    return err;
}

/* Hands over what was filled in, if there is anything to be done and nobody is at it. */
static void go_on(mk_download_t *d) {
    if (d->running || d->err != MK_OK || (d->filling.size == 0 && !d->ended)) return;
    mk_buffer_t empty = d->writing;
    mk_buffer_clear(&empty);
    d->writing = d->filling;
    d->filling = empty;
    d->last = d->ended;
    mk_err_t err = start(d);
    if (err == MK_OK) return;
    d->err = err;
    mk_loop_again(d->loop, &d->trouble, on_trouble);
}

/* Nobody listens any more. The file aside is removed by a job, or here if there can be none. */
static void vanish(mk_download_t *d) {
    d->give_up = true;
    if (d->made && start(d) == MK_OK) return;
    remove_aside(d);
    download_free(d);
}

static void done(mk_loop_t *loop, mk_job_t *job) {
    mk_download_t *d = mk_container_of(job, mk_download_t, job);
    (void)loop;
    d->running = false;
    d->err = job->run == NULL ? d->outcome : MK_ERR_CLOSED; /* not run: the loop ends */
    if (d->cancelled) {
        vanish(d);
    } else if (d->err != MK_OK || d->last) {
        remove_aside(d);
        tell(d);
    } else {
        bool room = d->full;
        d->full = false;
        go_on(d);
        if (room) d->ops->room(d->arg);
    }
}

mk_err_t mk_download_begin(mk_loop_t *loop, const char *path, const mk_download_ops_t *ops, void *arg,
                           mk_download_t **out) {
    uint64_t       name;
    size_t         length = strlen(path);
    mk_err_t       err = mk_port_entropy(&name, sizeof name);
    mk_download_t *d = err == MK_OK ? mk_calloc(1, sizeof *d) : NULL;
    if (d == NULL) return err != MK_OK ? err : MK_ERR_NOMEM;
    d->loop = loop;
    d->ops = ops;
    d->arg = arg;
    d->file = -1;
    d->path = mk_strndup(path, length);
    d->aside = mk_alloc(length + SUFFIX_BYTES);
    if (d->path == NULL || d->aside == NULL) {
        download_free(d);
        return MK_ERR_NOMEM;
    }
    (void)snprintf(d->aside, length + SUFFIX_BYTES, "%s.%016llx.part", path, (unsigned long long)name);
    *out = d;
    return MK_OK;
}

size_t mk_download_take(mk_download_t *d, const void *bytes, size_t size) {
    if (d->ended || d->err != MK_OK) return 0;
    size_t room = d->filling.size < WAITING_BYTES_MAX ? WAITING_BYTES_MAX - d->filling.size : 0;
    size_t n = size < room ? size : room;
    if (!mk_buffer_append(&d->filling, bytes, n)) {
        n = 0;
        d->filling.failed = false;
        if (!d->running) {
            d->err = MK_ERR_NOMEM;
            mk_loop_again(d->loop, &d->trouble, on_trouble);
            return 0;
        }
    }
    if (n < size) d->full = true;
    go_on(d);
    return n;
}

void mk_download_end(mk_download_t *d) {
    d->ended = true;
    go_on(d);
}

void mk_download_cancel(mk_download_t *d) {
    d->cancelled = true;
    mk_deferred_cancel(&d->trouble);
    if (!d->running) vanish(d);
}
