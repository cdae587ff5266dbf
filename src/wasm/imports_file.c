/* SPDX-License-Identifier: Apache-2.0 */
/* imports_file.c -- files for guests, read on a helper thread while the guest waits in the import. No more is read than the guest has
 * room for, so what lies here meanwhile is bounded by its own memory. */
#include <string.h>

#include "base/mem.h"
#include "loop/jobs.h"
#include "port/port.h"
#include "runtime/attach.h"
#include "runtime/wake.h"
#include "wasm/guest.h"
#include "wasm/imports.h"

/* While the helper works nothing of it is looked at by anyone else but `guest`, which the helper does not look at. */
typedef struct mk_reading {
    mk_job_t    job;
    mk_guest_t *guest; /* NULL: nobody waits for it any more */
    char       *path, *below;
    uint8_t    *bytes;
    size_t      room, size;
    bool        ended;
    mk_err_t    error;
} reading_t;

static void reading_free(reading_t *r) {
    mk_free(r->path);
    mk_free(r->below);
    mk_free(r->bytes);
    mk_free(r);
}

static void run(mk_job_t *job) {
    reading_t *r = mk_container_of(job, reading_t, job);
    r->error = mk_port_read_file(r->below, r->path, r->room, &r->bytes, &r->size);
}

static void done(mk_loop_t *loop, mk_job_t *job) {
    reading_t *r = mk_container_of(job, reading_t, job);
    (void)loop;
    if (job->run != NULL) r->error = MK_ERR_CLOSED; /* the end of the runtime came first */
    r->ended = true;
    if (r->guest != NULL) mk_actor_wake(r->guest->rt, r->guest->id);
    else reading_free(r);
}

void mk_guest_file_fini(mk_guest_t *guest) {
    reading_t *r = guest->reading;
    guest->reading = NULL;
    if (r == NULL) return;
    if (r->ended) reading_free(r);
    else r->guest = NULL;
}

bool mk_guest_files_granted(mk_guest_t *guest, const char *import) {
    if ((guest->config.grants & WASM_GRANT_ALL_FILES) != 0) return true;
    return mk_guest_granted(guest, WASM_GRANT_FILES, import, "files");
}

/* Takes the path. Where the grant ends is the port's to enforce: it opens below the folder or not at all. */
static mk_err_t begin(mk_guest_t *guest, char *path, size_t room) {
    bool        anywhere = (guest->config.grants & WASM_GRANT_ALL_FILES) != 0;
    const char *below = anywhere ? NULL : guest->config.files_below;
    reading_t  *r = anywhere || below != NULL ? mk_calloc(1, sizeof *r) : NULL;
    mk_err_t    err = MK_OK;
    if (r == NULL) {
        mk_free(path);
        return anywhere || below != NULL ? MK_ERR_NOMEM : MK_ERR_DENIED;
    }
    *r = (reading_t){.job = {.run = run, .done = done}, .guest = guest, .path = path, .room = room};
    if (below != NULL && (r->below = mk_strndup(below, strlen(below))) == NULL) err = MK_ERR_NOMEM;
    if (err == MK_OK && mk_guest_can_wait(guest)) {
        err = mk_job_start(mk_runtime_loop(guest->rt), &r->job);
    } else if (err == MK_OK) {
        uint64_t began_us = mk_guest_work_begin(guest);
        run(&r->job);
        mk_guest_work_end(guest, began_us);
        r->ended = true;
    }
    if (err == MK_OK) guest->reading = r;
    else reading_free(r);
    return err;
}

/* Good addresses: they were looked at before, and a guest's memory does not shrink. */
static void finish(mk_guest_t *guest, const uint64_t *args, uint64_t *result) {
    reading_t *r = guest->reading;
    if (r->error == MK_OK || r->size != 0) { /* known, too, when there is no room for it */
        uint8_t *out_size = mk_guest_span(guest, args[4], 4);
        uint32_t size = r->size < UINT32_MAX ? (uint32_t)r->size : UINT32_MAX;
        for (unsigned i = 0; i < 4; i++) out_size[i] = (uint8_t)(size >> (i * 8));
    }
    if (r->error == MK_OK) {
        uint64_t began_us = mk_guest_work_begin(guest);
        if (r->size != 0) memcpy(mk_guest_span(guest, args[2], r->size), r->bytes, r->size);
        mk_guest_work_end(guest, began_us);
        *result = 0;
    } else {
        mk_guest_fail(guest, "%.100s: %s", r->path, mk_err_text(r->error));
    }
    mk_guest_file_fini(guest);
}

mk_host_end_t mk_import_read_file(void *host, const uint64_t *args, uint64_t *result) {
    static const char import[] = "mk_read_file";
    mk_guest_t       *guest = host;
    *result = (uint32_t)-1;
    if (guest->reading == NULL) {
        if (!mk_guest_files_granted(guest, import)) return MK_HOST_DONE;
        if (mk_guest_work_later(guest, mk_import_read_file, args, 5)) return MK_HOST_BLOCKED;
        if (mk_guest_span(guest, args[2], (uint32_t)args[3]) == NULL || mk_guest_span(guest, args[4], 4) == NULL)
            return MK_HOST_DONE;
        char *path = mk_guest_text(guest, args[0], args[1], import);
        if (path == NULL) return MK_HOST_DONE;
        mk_err_t err = begin(guest, path, (uint32_t)args[3]);
        if (err != MK_OK) {
            mk_guest_fail(guest, "%s: %s", import, mk_err_text(err));
            return MK_HOST_DONE;
        }
    }
    if (guest->reading->ended) finish(guest, args, result);
    else if (mk_guest_defer(guest, mk_import_read_file, args, 5, -1)) return MK_HOST_BLOCKED;
    else mk_guest_file_fini(guest);
    return MK_HOST_DONE;
}
