/* SPDX-License-Identifier: Apache-2.0 */
/* The ring against a model of it: what is read is what was written, in whole frames that lie in a row. One thread. */
#include "node/ring.h"

#include <stdlib.h>

#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"

static mk_loop_t loop[2];

static node_ring_t *open_ring(size_t bytes) {
    mk_fake_reset(1);
    node_ring_t *ring = node_ring_create(bytes);
    CHECK(ring != NULL);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(mk_loop_init(&loop[i]), MK_OK);
        CHECK_EQ(mk_ring_attach(ring, i, &loop[i]), MK_OK);
    }
    node_ring_release(ring); /* the sides hold it */
    return ring;
}

static void close_ring(node_ring_t *ring) {
    mk_ring_end(ring, 0);
    mk_ring_end(ring, 1);
    mk_loop_fini(&loop[0]);
    mk_loop_fini(&loop[1]);
}

static void make_frame(uint8_t *to, size_t size, uint64_t number) {
    memset(to, (int)(number * 31), size);
    to[0] = (uint8_t)size;
    to[1] = (uint8_t)(size >> 8);
}

/* How many whole frames lie there, checked; *used: their bytes. */
static uint64_t check_frames(const uint8_t *bytes, size_t size, uint64_t number, size_t *used) {
    uint64_t n = 0;
    size_t   at = 0;
    while (size - at >= 2) {
        size_t frame = (size_t)(bytes[at] | bytes[at + 1] << 8);
        CHECK(frame >= 4);
        if (frame > size - at) break;
        for (size_t i = 2; i < frame; i++)
            if (bytes[at + i] != (uint8_t)((number + n) * 31)) CHECK_EQ(bytes[at + i], (uint8_t)((number + n) * 31));
        at += frame;
        n++;
    }
    *used = at;
    return n;
}

/* Rows of frames of all sizes are written and read at random, through many laps. */
static void run_model(uint64_t seed, size_t frame_max) {
    enum { ROW_BYTES = 3 * 65536, STEPS = 3000 };
    static uint8_t row[ROW_BYTES];
    rig_random_t   random = {seed};
    node_ring_t   *ring = open_ring(1);
    uint64_t       written = 0, read = 0, frames = 0;
    size_t         row_at = 0, row_size = 0;
    bool           waits = false;
    for (int step = 0; step < STEPS; step++) {
        if (rig_random_below(&random, 2) == 0) {
            if (row_at == row_size) {
                row_at = row_size = 0;
                for (uint32_t n = 1 + rig_random_below(&random, 40); n != 0; n--) {
                    size_t size = 4 + rig_random_below(&random, (uint32_t)frame_max - 3);
                    if (size > ROW_BYTES - row_size) break;
                    make_frame(row + row_size, size, written++);
                    row_size += size;
                }
            }
            if (waits && !mk_ring_has_room(ring, 0)) continue;
            size_t taken = mk_ring_write(ring, 0, row + row_at, row_size - row_at);
            waits = taken < row_size - row_at;
            row_at += taken;
        } else {
            const uint8_t *bytes;
            size_t         size = mk_ring_peek(ring, 1, &bytes), used;
            if (size == 0) continue;
            uint64_t n = check_frames(bytes, size, read, &used);
            CHECK(n != 0); /* a whole frame at least */
            read += n;
            frames += n;
            mk_ring_take(ring, 1, used);
        }
    }
    CHECK(frames > 500);
    close_ring(ring);
}

TEST(what_is_read_is_what_was_written_through_many_laps) {
    static const size_t frame_max[] = {4, 5, 80, 1000, 30000, 65535};
    for (uint64_t seed = 1; seed <= 10; seed++)
        for (size_t i = 0; i < sizeof frame_max / sizeof *frame_max; i++) run_model(seed, frame_max[i]);
}

TEST(a_longest_frame_fits_wherever_the_empty_ring_stands) {
    static uint8_t frame[MK_RING_FRAME_BYTES_MAX], small[1000];
    node_ring_t   *ring = open_ring(1);
    for (uint64_t i = 0; i < 300; i++) {
        const uint8_t *bytes;
        size_t         sizes[] = {sizeof frame, 4 + i};
        for (int k = 0; k < 2; k++) {
            uint8_t *one = k == 0 ? frame : small;
            make_frame(one, sizes[k], i);
            CHECK_EQ(mk_ring_write(ring, 0, one, sizes[k]), sizes[k]);
            CHECK_EQ(mk_ring_peek(ring, 1, &bytes), sizes[k]);
            CHECK(memcmp(bytes, one, sizes[k]) == 0);
            mk_ring_take(ring, 1, sizes[k]);
            CHECK_EQ(mk_ring_peek(ring, 1, &bytes), 0);
        }
    }
    close_ring(ring);
}

/* Reads frames of 1 KiB, `size` bytes of them. */
static void read_some(node_ring_t *ring, size_t size) {
    while (size != 0) {
        const uint8_t *bytes;
        size_t         n = mk_ring_peek(ring, 1, &bytes) / 1024 * 1024;
        CHECK(n != 0);
        if (n > size) n = size;
        mk_ring_take(ring, 1, n);
        size -= n;
    }
}

TEST(room_is_told_once_and_when_there_is_enough_of_it) {
    static uint8_t frames[1 << 17];
    node_ring_t   *ring = open_ring(1); /* 128 KiB */
    for (size_t i = 0; i < sizeof frames; i += 1024) make_frame(frames + i, 1024, 0);
    CHECK_EQ(mk_ring_write(ring, 0, frames, sizeof frames), sizeof frames); /* to the last byte */
    CHECK(!mk_ring_has_room(ring, 0));
    CHECK_EQ(mk_ring_write(ring, 0, frames, 1024), 0);
    CHECK(!mk_ring_has_room(ring, 0));
    read_some(ring, 1024);
    CHECK(!mk_ring_has_room(ring, 0)); /* not for each frame */
    read_some(ring, 31 * 1024);
    CHECK(mk_ring_has_room(ring, 0));
    CHECK(!mk_ring_has_room(ring, 0));
    close_ring(ring);
}

TEST(a_side_that_dozes_is_woken_by_what_concerns_it_and_by_nothing_else) {
    static uint8_t frames[1 << 17];
    node_ring_t   *ring = open_ring(1);
    const uint8_t *bytes;
    uint64_t       before_us;
    for (size_t i = 0; i < sizeof frames; i += 1024) make_frame(frames + i, 1024, 0);

    CHECK(!mk_ring_doze(ring, 1, MK_RING_ATTACHED));
    CHECK_EQ(mk_ring_write(ring, 0, frames, 1024), 1024);
    before_us = mk_port_now_us();
    mk_loop_run(&loop[1], 1000000); /* woken, so it does not last */
    CHECK_EQ(mk_port_now_us(), before_us);
    CHECK(mk_ring_doze(ring, 1, MK_RING_ATTACHED)); /* it was not read */
    mk_ring_rise(ring, 1);
    CHECK(mk_ring_peek(ring, 1, &bytes) == 1024);

    CHECK(!mk_ring_doze(ring, 0, MK_RING_ATTACHED));
    mk_ring_take(ring, 1, 1024); /* the writer did not ask */
    mk_loop_run(&loop[0], 1000);
    CHECK_EQ(mk_port_now_us(), before_us + 1000);
    mk_ring_rise(ring, 0);

    CHECK_EQ(mk_ring_write(ring, 0, frames, sizeof frames), sizeof frames);
    CHECK_EQ(mk_ring_write(ring, 0, frames, 1024), 0); /* now it does */
    CHECK(!mk_ring_doze(ring, 0, MK_RING_ATTACHED));
    read_some(ring, 32 * 1024);
    before_us = mk_port_now_us();
    mk_loop_run(&loop[0], 1000);
    CHECK_EQ(mk_port_now_us(), before_us);
    CHECK(mk_ring_has_room(ring, 0));
    mk_ring_rise(ring, 0);

    CHECK(!mk_ring_doze(ring, 0, MK_RING_ATTACHED));
    mk_ring_end(ring, 1);
    before_us = mk_port_now_us();
    mk_loop_run(&loop[0], 1000);
    CHECK_EQ(mk_port_now_us(), before_us);
    CHECK_EQ(mk_ring_other(ring, 0), MK_RING_ENDED);
    CHECK(mk_ring_doze(ring, 0, MK_RING_ATTACHED)); /* it was not noticed yet */
    mk_ring_end(ring, 0);
    mk_loop_fini(&loop[0]);
    mk_loop_fini(&loop[1]);
}

TEST(a_side_is_attached_once) {
    node_ring_t *ring = open_ring(0);
    CHECK_EQ(mk_ring_attach(ring, 0, &loop[0]), MK_ERR_EXISTS);
    mk_ring_retain(ring);
    mk_ring_end(ring, 0);
    CHECK_EQ(mk_ring_attach(ring, 0, &loop[0]), MK_ERR_EXISTS);
    mk_ring_end(ring, 1);
    node_ring_release(ring);
    mk_loop_fini(&loop[0]);
    mk_loop_fini(&loop[1]);
}

TEST(a_ring_without_memory_is_none) {
    for (unsigned n = 1; oom_arm(n); n++) {
        node_ring_t *ring = node_ring_create(0);
        bool         reached = oom_disarm();
        CHECK_EQ(ring == NULL, reached);
        node_ring_release(ring);
        if (!reached) break;
    }
    CHECK(node_ring_create(SIZE_MAX) == NULL);
}
