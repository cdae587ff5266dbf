/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.c -- see prepare.h. While the helper works nothing of the record is looked at by anyone else. */
#include "wasm/prepare.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/port.h"
#include "wasm/guest.h"

static void prepare_free(mk_prepare_t *p) {
    mk_code_release(p->code);
    mk_free(p->bytes);
    mk_free(p->path);
    mk_free(p->below);
    mk_free(p->digits);
    mk_free(p->from);
    mk_free(p);
    wasm_actors_cleanup();
}

static bool copy(const char *text, char **out) {
    *out = text != NULL ? mk_strndup(text, strlen(text)) : NULL;
    return text == NULL || *out != NULL;
}

/* It holds what the engines need, so that its helper never is the last to. */
static mk_prepare_t *prepare_create(const mk_prepare_source_t *source) {
    bool          held = mk_wasm_retain();
    mk_prepare_t *p = held ? mk_calloc(1, sizeof *p) : NULL;
    if (p == NULL) {
        mk_free(source->bytes);
        if (held) wasm_actors_cleanup();
        return NULL;
    }
    p->engine = source->engine;
    p->heap_bytes = source->heap_bytes;
    p->bytes = source->bytes;
    p->size = source->size;
    if (copy(source->path, &p->path) && copy(source->below, &p->below) && copy(source->digits, &p->digits) &&
        copy(source->from != NULL ? source->from : source->path, &p->from))
        return p;
    prepare_free(p);
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

/* A folder or a pipe is no error of the disk. */
static const char *why_unread(const char *below, const char *path, mk_err_t err) {
    mk_file_info_t info;
    int            file = -1;
    if (err != MK_ERR_IO || mk_file_open(below, path, &file, &info) != MK_OK)
        return err == MK_ERR_IO ? "not a file that can be read" : mk_err_text(err);
    mk_file_close(file);
    return info.folder ? "it is a folder" : mk_err_text(err);
}

mk_err_t mk_prepare_read(const char *below, const char *path, uint8_t **bytes, size_t *size, char *why,
                         size_t why_size) {
    mk_err_t err = mk_port_read_file(below, path, MK_MODULE_BYTES_MAX, bytes, size);
    if (err != MK_OK && why_size > 0) snprintf(why, why_size, "%.140s: %s", path, why_unread(below, path, err));
    return err;
}

/* ---- the work: on a helper thread ------------------------------------------------------------------------------------------- */

static mk_err_t load(mk_prepare_t *p) {
    mk_code_want_t want = {
        .engine = p->engine, .heap_bytes = p->heap_bytes, .bytes = p->bytes, .size = p->size, .from = p->from};
    p->bytes = NULL; /* the store's */
    return mk_code_load_own(&want, &p->code, p->err, sizeof p->err);
}

static mk_err_t find(mk_prepare_t *p) {
    mk_code_t *any;
    mk_err_t   err = mk_code_by_hash(p->digits, &any, p->err, sizeof p->err);
    if (err != MK_OK) return err;
    p->size = any->size;
    err = mk_code_share(any, p->engine, p->heap_bytes, &p->code, p->err, sizeof p->err);
    mk_code_release(any);
    return err;
}

static void work(mk_prepare_t *p) {
    if (p->digits != NULL) {
        p->error = find(p);
        return;
    }
    if (p->path != NULL) p->error = mk_prepare_read(p->below, p->path, &p->bytes, &p->size, p->err, sizeof p->err);
    p->unread = p->error != MK_OK;
    if (p->error == MK_OK) p->error = load(p);
}

static void run(mk_job_t *job) { work(mk_container_of(job, mk_prepare_t, job)); }

/* ---- its end ------------------------------------------------------------------------------------------------------------------ */

static void done(mk_loop_t *loop, mk_job_t *job) {
    mk_prepare_t *p = mk_container_of(job, mk_prepare_t, job);
    (void)loop;
    if (job->run != NULL) p->error = MK_ERR_CLOSED; /* the end of the runtime came first */
    p->ended = true;
    if (p->ready != NULL) p->ready(p->arg, p);
    else prepare_free(p);
}

mk_err_t mk_prepare_start(mk_loop_t *loop, const mk_prepare_source_t *source, mk_prepare_fn *ready, void *arg,
                          mk_prepare_t **out) {
    mk_prepare_t *p = prepare_create(source);
    if (p == NULL) return MK_ERR_NOMEM;
    p->job = (mk_job_t){.run = run, .done = done};
    p->ready = ready;
    p->arg = arg;
    mk_err_t err = mk_job_start(loop, &p->job);
    if (err == MK_OK) *out = p;
    else prepare_free(p);
    return err;
}

mk_err_t mk_prepare_now(const mk_prepare_source_t *source, mk_prepare_t **out) {
    mk_prepare_t *p = prepare_create(source);
    if (p == NULL) return MK_ERR_NOMEM;
    work(p);
    p->ended = true;
    *out = p;
    return MK_OK;
}

mk_err_t mk_prepare_of(mk_code_t *code, mk_prepare_t **out) {
    mk_prepare_t *p = prepare_create(&(mk_prepare_source_t){.engine = code->engine, .heap_bytes = code->heap_bytes});
    if (p == NULL) {
        mk_code_release(code);
        return MK_ERR_NOMEM;
    }
    p->code = code;
    p->size = code->size;
    p->ended = true;
    *out = p;
    return MK_OK;
}

void mk_prepare_drop(mk_prepare_t *p) {
    if (p == NULL) return;
    if (p->ended) prepare_free(p);
    else p->ready = NULL;
}
