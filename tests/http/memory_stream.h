/* SPDX-License-Identifier: Apache-2.0 */
/* memory_stream.h -- streams without sockets, for tests of what sits on one: a test that includes this brings its own mk_stream_*
 * functions, and the linker leaves out those of room net. What a session writes lies in `out`; whether the stream is full is the
 * test's to say. */
#ifndef MK_TESTS_MEMORY_STREAM_H
#define MK_TESTS_MEMORY_STREAM_H

#include "base/assert.h"
#include "net/stream.h"
#include "port/fake/fake.h"

typedef struct memory_stream {
    mk_stream_t stream;
    mk_buffer_t out;
    bool        full, wanted; /* wanted: a write was refused, so `drained` is due              */
    bool        paused, finished, discarding, closed, reset, out_of_memory;
} memory_stream_t;

struct mk_net {
    mk_loop_t *loop; /* its own, or a runtime's */
    mk_loop_t  own;
};

static struct mk_net memory_net;

static inline memory_stream_t *memory_of(const mk_stream_t *stream) {
    return mk_container_of((mk_stream_t *)(uintptr_t)stream, memory_stream_t, stream);
}

mk_loop_t *mk_net_loop(const mk_net_t *net) { return net->loop; }

bool mk_stream_is_full(mk_stream_t *stream) {
    memory_stream_t *memory = memory_of(stream);
    if (memory->full) memory->wanted = true;
    return memory->full;
}

size_t mk_stream_queued(const mk_stream_t *stream) { return memory_of(stream)->out.size; }

mk_err_t mk_stream_write_slices(mk_stream_t *stream, const mk_slice_t *slices, int n) {
    memory_stream_t *memory = memory_of(stream);
    if (memory->finished || memory->closed) return MK_ERR_CLOSED;
    if (mk_stream_is_full(stream)) return MK_ERR_FULL;
    if (memory->out_of_memory) return MK_ERR_NOMEM;
    for (int i = 0; i < n; i++) mk_buffer_append(&memory->out, slices[i].data, slices[i].size);
    return MK_OK;
}

mk_err_t mk_stream_write(mk_stream_t *stream, const void *data, size_t size) {
    const mk_slice_t slice = {data, size};
    return mk_stream_write_slices(stream, &slice, 1);
}

void mk_stream_pause(mk_stream_t *stream) { memory_of(stream)->paused = true; }
void mk_stream_resume(mk_stream_t *stream) { memory_of(stream)->paused = false; }
void mk_stream_finish(mk_stream_t *stream) { memory_of(stream)->finished = true; }
void mk_stream_close(mk_stream_t *stream) { memory_of(stream)->closed = true; }

void mk_stream_finish_discarding(mk_stream_t *stream) {
    memory_of(stream)->finished = memory_of(stream)->discarding = true;
}

void mk_stream_reset(mk_stream_t *stream) { memory_of(stream)->closed = memory_of(stream)->reset = true; }

static inline void memory_stream_init(memory_stream_t *memory) {
    *memory = (memory_stream_t){.stream = {.net = &memory_net}};
}

static inline void memory_net_start(void) {
    mk_fake_reset(1);
    mk_err_t err = mk_loop_init(&memory_net.own);
    mk_assert(err == MK_OK);
    memory_net.loop = &memory_net.own;
}

static inline void memory_net_stop(void) {
    mk_loop_fini(&memory_net.own);
    memory_net.loop = NULL;
}

/* So much time goes by, and what is due happens. */
static inline void memory_net_pass_ms(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i++) {
        mk_fake_advance_us(1000);
        mk_loop_run(memory_net.loop, 0);
    }
}

#endif
