/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <stdlib.h>
#include <string.h>

#include "microkernel/actor.h"
#include "microkernel/services.h"

/* Some seconds of a busy guest. Memory is taken as it is needed. */
enum { WAITING_BYTES_MAX = 4 * 1024 * 1024 };

enum { WRITABLE = 4, RETRY_MS = 20 }; /* a poll(2) bit; for what cannot be watched */

bool mk_output_open(mk_output_t *out) {
    memset(out, 0, sizeof *out);
    if ((out->bytes = malloc(WAITING_BYTES_MAX)) == NULL) return false;
    mk_terminal_open_output(&out->terminal);
    out->io = mk_terminal_io(&out->terminal);
    return true;
}

void mk_output_close(mk_output_t *out) {
    if (out->bytes == NULL) return;
    mk_terminal_close(&out->terminal);
    free(out->bytes);
}

void mk_output_attach(mk_output_t *out, runtime_t *rt, actor_id_t keeper, msg_type_t flush_type) {
    out->rt = rt;
    out->keeper = keeper;
    out->flush_type = flush_type;
}

/* How much of it went out at once. */
static size_t write_now(mk_output_t *out, const char *text, size_t size) {
    size_t done = 0;
    while (done < size && !out->failed) {
        ptrdiff_t wrote = out->io.write(out->io.arg, text + done, size - done);
        if (wrote == CONSOLE_IO_WAIT) break;
        if (wrote > 0) {
            done += (size_t)wrote;
        } else {
            out->failed = true;
            actor_log(out->rt, MK_LOG_WARN, "nobody reads the standard output any more: what guests print is lost");
        }
    }
    return done;
}

static void keep(mk_output_t *out, const char *text, size_t size) {
    if (size > WAITING_BYTES_MAX - out->size) {
        out->lost += size;
        return;
    }
    if (out->head + out->size + size > WAITING_BYTES_MAX) {
        memmove(out->bytes, out->bytes + out->head, out->size);
        out->head = 0;
    }
    memcpy(out->bytes + out->head + out->size, text, size);
    out->size += size;
}

void mk_output_print(void *arg, const char *text, size_t size) {
    mk_output_t *out = arg;
    size_t       done = out->size == 0 ? write_now(out, text, size) : 0;
    if (done == size || out->failed) return;
    keep(out, text + done, size - done);
    if (!out->told)
        out->told = actor_send(out->rt, out->keeper, out->flush_type, NULL, 0); /* refused: the next print */
}

static void flush(mk_output_t *out) {
    size_t wrote = write_now(out, out->bytes + out->head, out->size);
    out->head += wrote;
    out->size -= wrote;
    if (out->failed) out->size = 0;
    if (out->size == 0) out->head = 0;
}

bool mk_output_flush(mk_output_t *out) {
    flush(out);
    if (out->lost > 0 && out->size < WAITING_BYTES_MAX / 2) {
        actor_log(out->rt, MK_LOG_WARN, "%llu bytes that guests printed are lost: they are not read fast enough",
                  (unsigned long long)out->lost);
        out->lost = 0;
    }
    if (out->size == 0) {
        if (out->told) actor_unwatch_fd(out->rt, out->io.out_fd);
        out->told = false;
        return true;
    }
    out->told = true;
    if (!actor_watch_fd(out->rt, out->io.out_fd, WRITABLE)) actor_set_timer(out->rt, RETRY_MS, false);
    return false;
}
