/* SPDX-License-Identifier: Apache-2.0 */
/* ws_reader_test.c -- the table of ws_cases.h against the codec, in every way to cut the bytes. */
#include "http/codec/ws_reader.h"

#include "base/mem.h"
#include "http/ws_cases.h"
#include "rig/oom.h"
#include "rig/rig.h"

static uint8_t *room_bytes; /* of the message being read: of its very size, so that the sanitizer sees one byte more */
static unsigned rooms;

static uint8_t *give_room(mk_ws_reader_t *reader, bool binary, size_t size) {
    (void)reader;
    (void)binary;
    mk_free(room_bytes);
    rooms++;
    return room_bytes = mk_alloc(size > 0 ? size : 1);
}

typedef struct run {
    mk_ws_reader_t reader;
    mk_buffer_t    kept, transcript;
    bool           over;
} run_t;

static void start(run_t *run, const ws_case_t *c, bool server, bool with_room) {
    mk_ws_terms_t terms = ws_case_terms(c);
    *run = (run_t){0};
    mk_ws_reader_init(&run->reader, server, &terms, c->bytes_max != 0 ? c->bytes_max : 1 << 20,
                      with_room ? give_room : NULL);
}

static void stop(run_t *run) {
    mk_ws_reader_fini(&run->reader);
    mk_buffer_free(&run->kept);
    mk_buffer_free(&run->transcript);
    mk_free(room_bytes);
    room_bytes = NULL;
}

/* As a stream does: what was not taken is offered again with more behind it, in memory of its own size. */
static void feed(run_t *run, const uint8_t *bytes, size_t size) {
    mk_buffer_append(&run->kept, bytes, size);
    for (bool more = true; more && !run->over;) {
        mk_ws_item_t item;
        size_t       used;
        uint8_t     *exact = mk_alloc(run->kept.size + 1);
        if (run->kept.size > 0) memcpy(exact + 1, run->kept.bytes, run->kept.size);
        mk_ws_event_t event = mk_ws_read(&run->reader, exact + 1, run->kept.size, &used, &item);
        mk_free(exact);
        ws_say_event(&run->transcript, event, &item);
        mk_buffer_consume(&run->kept, used);
        run->over = event == MK_WS_CLOSE || event == MK_WS_FAIL;
        more = event != MK_WS_MORE;
        if (!more && run->kept.size >= MK_WS_HEAD_BYTES_MAX + MK_WS_CONTROL_BYTES_MAX) {
            rig_fail(__FILE__, __LINE__, "%zu bytes are left", run->kept.size);
        }
    }
}

static void check(run_t *run, const ws_case_t *c, size_t cut) {
    const char *said = ws_said(&run->transcript);
    if (strcmp(said, c->events) != 0) {
        rig_fail(__FILE__, __LINE__, "%s, cut at %zu: \"%s\", not \"%s\"", c->name, cut, said, c->events);
    }
}

static bool can_run(const ws_case_t *c) { return c->deflate == 0 || mk_deflate_is_available(); }

static void run_whole(bool server, bool with_room) {
    for (size_t i = 0; i < ws_cases_n; i++) {
        const ws_case_t *c = &ws_cases[i];
        mk_buffer_t      wire = {0};
        run_t            run;
        if (!can_run(c)) continue;
        ws_case_build(c, server, &wire);
        start(&run, c, server, with_room);
        feed(&run, wire.bytes, wire.size);
        check(&run, c, 0);
        stop(&run);
        mk_buffer_free(&wire);
    }
}

TEST(a_server_reads_the_table) { run_whole(true, true); }
TEST(a_client_reads_the_table) { run_whole(false, true); }
TEST(messages_can_be_gathered) { run_whole(true, false); }

/* Cut in two at every place; long ones near heads and where 16-byte steps begin. */
static void run_cut(bool server) {
    for (size_t i = 0; i < ws_cases_n; i++) {
        const ws_case_t *c = &ws_cases[i];
        mk_buffer_t      wire = {0};
        if (!can_run(c)) continue;
        ws_case_build(c, server, &wire);
        for (size_t cut = 0; cut <= wire.size; cut += cut < 200 || wire.size < 1000 ? 1 : wire.size / 13) {
            run_t run;
            start(&run, c, server, true);
            feed(&run, wire.bytes, cut);
            if (!run.over) feed(&run, wire.bytes + cut, wire.size - cut);
            check(&run, c, cut);
            stop(&run);
        }
        mk_buffer_free(&wire);
    }
}

TEST(a_server_reads_it_cut_in_two_anywhere) { run_cut(true); }
TEST(a_client_reads_it_cut_in_two_anywhere) { run_cut(false); }

TEST(it_may_come_in_pieces_of_any_size) {
    for (size_t piece = 1; piece <= 11; piece += 2) {
        for (size_t i = 0; i < ws_cases_n; i++) {
            const ws_case_t *c = &ws_cases[i];
            mk_buffer_t      wire = {0};
            run_t            run;
            if (!can_run(c)) continue;
            ws_case_build(c, true, &wire);
            if (wire.size < 80000) {
                start(&run, c, true, true);
                for (size_t at = 0; at < wire.size && !run.over; at += piece) {
                    feed(&run, wire.bytes + at, wire.size - at < piece ? wire.size - at : piece);
                }
                check(&run, c, piece);
                stop(&run);
            }
            mk_buffer_free(&wire);
        }
    }
}

/* Text that cannot become right any more is refused before its frame has ended. */
TEST(wrong_text_is_refused_at_once) {
    static const ws_case_t c = {"", "01:ok 00:%CE%BA%F4%90%80%80and-so-on", "fail(1007)", 0, 0};
    mk_buffer_t            wire = {0};
    run_t                  run;
    ws_case_build(&c, true, &wire);
    start(&run, &c, true, true);
    size_t wrong_at = 2 + 4 + 2 + 2 + 4 + 3; /* the 0x90 */
    feed(&run, wire.bytes, wrong_at);
    CHECK(!run.over);
    feed(&run, wire.bytes + wrong_at, 1);
    CHECK(run.over);
    check(&run, &c, wrong_at);
    stop(&run);
    mk_buffer_free(&wire);
}

/* A head that announces much costs nothing; 64 KiB is the most that is given for a promise. */
TEST(memory_comes_with_the_bytes) {
    static const ws_case_t c = {"", "82*65537", "", 0, 0};
    mk_buffer_t            wire = {0};
    run_t                  run;
    ws_case_build(&c, true, &wire);
    start(&run, &c, true, true);
    rooms = 0;
    feed(&run, wire.bytes, 100);
    CHECK_EQ(rooms, 0);
    CHECK(run.reader.gathered.capacity <= 128);
    feed(&run, wire.bytes + 100, wire.size - 100);
    CHECK_EQ(rooms, 1);
    CHECK_EQ(run.reader.gathered.capacity, 0);
    CHECK_STR(ws_said(&run.transcript), "binary(*65537)");
    stop(&run);
    mk_buffer_free(&wire);
}

/* Between messages nothing is held, unless a window was agreed on. */
TEST(nothing_is_held_between_messages) {
    static const ws_case_t c = {"", "01*5000 80*5 c2~*5000 41~10~*5000", "", 0, 'n'};
    mk_buffer_t            wire = {0};
    run_t                  run;
    if (!mk_deflate_is_available()) rig_skip("no zlib");
    ws_case_build(&c, true, &wire);
    start(&run, &c, true, true);
    feed(&run, wire.bytes, wire.size);
    CHECK_STR(ws_said(&run.transcript), "text(*5000+5) binary(*5000) text(*5000)");
    CHECK(run.reader.inflater == NULL);
    CHECK(run.reader.gathered.bytes == NULL);
    stop(&run);
    mk_buffer_free(&wire);
}

/* A thousandth of the memory that it would take. */
TEST(a_bomb_does_not_go_off) {
    mk_buffer_t    plain = {0}, small = {0}, wire = {0};
    mk_deflater_t *deflater;
    ws_case_t      c = {"", "", "", 100000, 'n'};
    run_t          run;
    if (!mk_deflate_is_available()) rig_skip("no zlib");
    memset(mk_buffer_reserve(&plain, 50000000), 'a', 50000000);
    CHECK(mk_deflater_create(15, &deflater) == MK_OK);
    CHECK(mk_deflate_message(deflater, plain.bytes, 50000000, false, &small) == MK_OK);
    mk_deflater_destroy(deflater);
    mk_buffer_free(&plain);
    c.bytes_max = small.size;
    mk_ws_head_t head = {.size = small.size, .opcode = MK_WS_OP_BINARY, .fin = true, .rsv1 = true, .masked = true};
    CHECK(mk_ws_append_frame(&wire, &head, small.bytes));
    start(&run, &c, true, true);
    feed(&run, wire.bytes, wire.size);
    CHECK_STR(ws_said(&run.transcript), "fail(1009)");
    CHECK(run.reader.gathered.capacity <= 2 * c.bytes_max);
    stop(&run);
    mk_buffer_free(&wire);
    mk_buffer_free(&small);
}

/* Blocks without content would never reach the limit of a message. */
TEST(compressed_nothing_does_not_go_on_for_ever) {
    ws_case_t    c = {"", "", "", 1000, 'n'};
    run_t        run;
    mk_buffer_t  wire = {0};
    uint8_t      blocks[1000];
    mk_ws_head_t head = {.size = sizeof blocks, .opcode = MK_WS_OP_BINARY, .rsv1 = true, .masked = true};
    if (!mk_deflate_is_available()) rig_skip("no zlib");
    for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)(i % 5 > 2 ? 0xFF : 0x00); /* 00 0000 ffff */
    for (unsigned i = 0; i < 3; i++) {
        CHECK(mk_ws_append_frame(&wire, &head, blocks));
        head.opcode = MK_WS_OP_CONTINUATION;
        head.rsv1 = false;
    }
    start(&run, &c, true, true);
    feed(&run, wire.bytes, wire.size);
    CHECK_STR(ws_said(&run.transcript), "fail(1009)");
    stop(&run);
    mk_buffer_free(&wire);
}

TEST(every_failing_allocation_is_a_1011) {
    static const ws_case_t c = {"", "81:a 01*300 80*300 c1~Hello 41~2~*100 88#1000:", "", 0, 't'};
    mk_buffer_t            wire = {0};
    if (!mk_deflate_is_available()) rig_skip("no zlib");
    ws_case_build(&c, true, &wire);
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_ws_reader_t reader;
        mk_ws_terms_t  terms = ws_case_terms(&c);
        mk_ws_item_t   item = {0};
        mk_ws_event_t  event;
        size_t         at = 0, used;
        mk_ws_reader_init(&reader, true, &terms, 10000, give_room);
        do {
            event = mk_ws_read(&reader, wire.bytes + at, wire.size - at, &used, &item);
            at += used;
        } while (event != MK_WS_FAIL && event != MK_WS_CLOSE && event != MK_WS_MORE);
        bool reached = oom_disarm();
        CHECK_EQ(event, reached ? MK_WS_FAIL : MK_WS_CLOSE);
        if (reached) CHECK_EQ(item.code, MK_WS_CLOSE_INTERNAL);
        mk_ws_reader_fini(&reader);
        if (!reached) break;
    }
    mk_free(room_bytes);
    room_bytes = NULL;
    mk_buffer_free(&wire);
}

/* ---- heads and masks ---------------------------------------------------------------------------------------------- */

TEST(heads_come_back_as_they_went) {
    static const uint64_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, (uint64_t)1 << 32, INT64_MAX};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (unsigned masked = 0; masked < 2; masked++) {
            mk_ws_head_t head = {.size = sizes[i], .opcode = MK_WS_OP_BINARY, .fin = true, .masked = masked != 0};
            mk_ws_head_t back;
            uint8_t      bytes[MK_WS_HEAD_BYTES_MAX];
            if (masked) memcpy(head.mask, "\1\2\3\4", 4);
            size_t size = mk_ws_head_write(&head, bytes);
            for (size_t some = 0; some < size; some++) CHECK_EQ(mk_ws_head_parse(bytes, some, &back), MK_ERR_CLOSED);
            CHECK_EQ(mk_ws_head_parse(bytes, size, &back), MK_OK);
            CHECK(back.size == head.size && back.bytes == size && back.masked == head.masked);
            CHECK(back.fin && !back.rsv1 && back.opcode == head.opcode && memcmp(back.mask, head.mask, 4) == 0);
        }
    }
}

TEST(masks_go_on_where_they_stopped) {
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    uint8_t              plain[70], whole[70], parts[70];
    for (unsigned i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)(i * 37);
    mk_ws_mask(whole, plain, sizeof plain, mask, 0);
    for (unsigned i = 0; i < sizeof plain; i++) CHECK_EQ(whole[i], plain[i] ^ mask[i % 4]);
    for (size_t cut = 0; cut <= sizeof plain; cut++) {
        mk_ws_mask(parts, plain, cut, mask, 0);
        mk_ws_mask(parts + cut, plain + cut, sizeof plain - cut, mask, cut);
        CHECK(memcmp(parts, whole, sizeof whole) == 0);
    }
    mk_ws_mask(whole, whole, sizeof whole, mask, 0);
    CHECK(memcmp(whole, plain, sizeof plain) == 0);
}

TEST(a_long_reason_is_cut_between_characters) {
    uint8_t     payload[MK_WS_CONTROL_BYTES_MAX];
    char        reason[200];
    uint16_t    code;
    const char *back;
    size_t      back_size;
    for (size_t i = 0; i < sizeof reason; i++) reason[i] = "\xE2\x82\xAC"[i % 3];
    for (size_t from = 0; from < 3; from++) {
        memset(reason, 'x', from);
        for (size_t i = from; i < sizeof reason; i++) reason[i] = "\xE2\x82\xAC"[(i - from) % 3];
        size_t size = mk_ws_close_write(1000, reason, from + (sizeof reason - from) / 3 * 3, payload);
        CHECK(mk_ws_close_parse(payload, size, &code, &back, &back_size));
        CHECK(back_size <= MK_WS_REASON_BYTES_MAX && back_size > MK_WS_REASON_BYTES_MAX - 3);
    }
}
