/* SPDX-License-Identifier: Apache-2.0 */
/* The codec: what is put is got again, what is cut or stretched is refused, and the page that describes it shows the bytes that
 * it writes. */
#include <stdlib.h>

#include "base/mem.h"
#include "node/wire_again.h"
#include "rig/random.h"
#include "rig/rig.h"

static rig_random_t dice;
static uint8_t      frame_bytes[MK_WIRE_FRAME_BYTES_MAX], again_bytes[MK_WIRE_FRAME_BYTES_MAX];
static char         random_text[MK_WIRE_FRAME_BYTES_MAX];

static uint32_t number(void) {
    return (uint32_t)rig_random_next(&dice) >> rig_random_below(&dice, 32) | 1; /* of any size; never 0 */
}

static uint64_t large_number(void) { return (uint64_t)number() << 32 | number(); }

static mk_slice_t text_of(size_t least, size_t most) {
    size_t size = least + rig_random_below(&dice, (uint32_t)(most - least + 1));
    for (size_t i = 0; i < size; i++) random_text[i] = (char)('a' + rig_random_below(&dice, 26));
    return (mk_slice_t){random_text, size};
}

static mk_wire_data_t random_data(size_t least, size_t most) {
    static const uint8_t parts[] = {0, MK_WIRE_CALL, MK_WIRE_REPLY};
    mk_wire_data_t       data = {number() - 1, number(), number() - 1, 0, parts[rig_random_below(&dice, 3)], {0}};
    if (data.part != 0) data.call = number();
    data.payload = text_of(least, most);
    return data;
}

static size_t put_random_hello(uint8_t *to) {
    mk_wire_hello_t hello = {.version_min = 1,
                             .version_max = (uint8_t)(1 + rig_random_below(&dice, 255)),
                             .node = number(),
                             .peer = number() - 1,
                             .incarnation = large_number(),
                             .generation = number() - 1,
                             .features = number(),
                             .credit = MK_WIRE_CREDIT_MIN + (number() >> 1),
                             .queue = rig_random_below(&dice, MK_WIRE_QUEUE_MAX + 1),
                             .message_max = number(),
                             .heartbeat_ms = number()};
    mk_slice_t      name = text_of(1, MK_WIRE_IDENTITY_MAX);
    memcpy(hello.identity, name.data, name.size);
    return mk_wire_put_hello(to, &hello);
}

static size_t put_random_fragment(uint8_t *to) {
    mk_wire_fragment_t fragment = {.stream = number(), .first = (number() & 2) != 0, .last = (number() & 2) != 0};
    if (fragment.first) {
        fragment.data = random_data(1, MK_WIRE_FRAME_BYTES_MAX - MK_WIRE_FRAGMENT_FIRST_BYTES_MAX);
        fragment.total = (uint32_t)fragment.data.payload.size + (fragment.last ? 0 : number());
    } else {
        fragment.data.payload = text_of(1, MK_WIRE_FRAME_BYTES_MAX - MK_WIRE_FRAGMENT_BYTES);
    }
    return mk_wire_put_fragment(to, &fragment);
}

static size_t put_random_request(uint8_t *to) {
    mk_wire_request_t request = {.ref = number(), .seq = number(), .module = {"blinker", 7}};
    request.verb = (uint8_t)(MK_WIRE_SPAWN + rig_random_below(&dice, 3));
    request.name = text_of(0, 255);
    return mk_wire_put_request(to, &request);
}

/* A frame of this kind with anything in it. */
static size_t put_random(mk_wire_kind_t kind, uint8_t *to) {
    switch (kind) {
    case MK_WIRE_HELLO: return put_random_hello(to);
    case MK_WIRE_WELCOME: return mk_wire_put_welcome(to, &(mk_wire_welcome_t){(uint8_t)(number() | 1), number()});
    case MK_WIRE_REFUSE:
    case MK_WIRE_BYE:
        return mk_wire_put_end(to, kind, &(mk_wire_end_t){(uint8_t)(number() | 1), text_of(0, MK_WIRE_TEXT_MAX)});
    case MK_WIRE_PING:
    case MK_WIRE_PONG: return mk_wire_put_stamp(to, kind, large_number());
    case MK_WIRE_CREDIT: return mk_wire_put_credit(to, &(mk_wire_credit_t){large_number(), large_number()});
    case MK_WIRE_STOP:
    case MK_WIRE_STOPPED:
    case MK_WIRE_READY: return mk_wire_put_actor(to, kind, number());
    case MK_WIRE_DATA: {
        mk_wire_data_t data = random_data(0, MK_WIRE_FRAME_BYTES_MAX - MK_WIRE_DATA_CALL_BYTES);
        return mk_wire_put_data(to, &data);
    }
    case MK_WIRE_FRAGMENT: return put_random_fragment(to);
    case MK_WIRE_SIGNAL: {
        mk_signal_kind_t what = (mk_signal_kind_t)(1 + rig_random_below(&dice, MK_SIGNAL_KINDS - 1));
        mk_signal_t      signal = {what, number(), number(), number(), (uint8_t)number(), (uint8_t)number(), {0}};
        signal.text = text_of(0, MK_SIGNAL_TEXT_MAX);
        return mk_wire_put_signal(to, &signal);
    }
    case MK_WIRE_NAME:
        return mk_wire_put_name(
            to, &(mk_wire_name_t){number(), large_number(), large_number(), text_of(1, MK_WIRE_NAME_MAX)});
    case MK_WIRE_NAME_GONE:
        return mk_wire_put_name_gone(to, &(mk_wire_name_t){0, 0, large_number(), text_of(1, MK_WIRE_NAME_MAX)});
    case MK_WIRE_REQUEST: return put_random_request(to);
    case MK_WIRE_ANSWER:
        return mk_wire_put_answer(
            to, &(mk_wire_answer_t){number(), (uint8_t)number(), number(), text_of(0, MK_WIRE_TEXT_MAX)});
    default: return mk_wire_put_empty(to, kind);
    }
}

/* Whether the bytes are one good frame; they lie in a block of exactly their size, so that reading too far shows. */
static bool is_good(const uint8_t *bytes, size_t size) {
    uint8_t        *exact = malloc(size);
    mk_wire_frame_t frame;
    memcpy(exact, bytes, size);
    bool good = mk_wire_next(exact, size, &frame) == size && wire_again(&frame, again_bytes) != 0;
    free(exact);
    return good;
}

TEST(what_is_put_is_got_again) {
    dice.state = 1;
    for (int round = 0; round < 300; round++) {
        for (mk_wire_kind_t kind = MK_WIRE_HELLO; kind < MK_WIRE_KINDS; kind++) {
            mk_wire_frame_t frame;
            size_t          size = put_random(kind, frame_bytes);
            CHECK_EQ(mk_wire_next(frame_bytes, size, &frame), size);
            CHECK_EQ(frame.kind, kind);
            CHECK_EQ(wire_again(&frame, again_bytes), size);
            CHECK_EQ(memcmp(frame_bytes, again_bytes, size), 0);
        }
    }
}

TEST(part_of_a_frame_is_none_yet) {
    dice.state = 2;
    for (mk_wire_kind_t kind = MK_WIRE_HELLO; kind < MK_WIRE_KINDS; kind++) {
        size_t size = put_random(kind, frame_bytes);
        for (size_t n = 0; n < size; n++) {
            uint8_t        *exact = malloc(n + 1);
            mk_wire_frame_t frame;
            memcpy(exact, frame_bytes, n);
            CHECK_EQ(mk_wire_next(exact, n, &frame), 0);
            free(exact);
        }
    }
}

/* The least a frame of this kind can be; what lies behind it is text or payload, which may be of any length. */
static size_t fixed_bytes(const uint8_t *frame) {
    static const size_t fixed[MK_WIRE_KINDS] = {
        [MK_WIRE_HELLO] = 4 + 47,  [MK_WIRE_WELCOME] = 9,  [MK_WIRE_REFUSE] = 5,     [MK_WIRE_BYE] = 5,
        [MK_WIRE_PING] = 12,       [MK_WIRE_PONG] = 12,    [MK_WIRE_CREDIT] = 20,    [MK_WIRE_STOP] = 8,
        [MK_WIRE_STOPPED] = 8,     [MK_WIRE_READY] = 8,    [MK_WIRE_DATA] = 16,      [MK_WIRE_FRAGMENT] = 9,
        [MK_WIRE_SIGNAL] = 19,     [MK_WIRE_NAME] = 25,    [MK_WIRE_NAME_GONE] = 13, [MK_WIRE_ANSWER] = 13,
        [MK_WIRE_NAMES_BEGIN] = 4, [MK_WIRE_NAMES_END] = 4};
    bool   first = (frame[3] & MK_WIRE_FIRST) != 0, last = (frame[3] & MK_WIRE_LAST) != 0;
    size_t call = (frame[3] & (MK_WIRE_CALL | MK_WIRE_REPLY)) != 0 ? 4 : 0;
    if (frame[2] == MK_WIRE_REQUEST || (first && last)) return mk_wire_load16(frame); /* says itself how long it is */
    return fixed[frame[2]] + call + (first ? 16 : 0);
}

TEST(a_frame_that_ends_before_its_fixed_part_is_refused) {
    dice.state = 3;
    for (int round = 0; round < 20; round++) {
        for (mk_wire_kind_t kind = MK_WIRE_HELLO; kind < MK_WIRE_KINDS; kind++) {
            size_t size = put_random(kind, frame_bytes), fixed = fixed_bytes(frame_bytes);
            CHECK(is_good(frame_bytes, size));
            for (size_t n = MK_WIRE_HEADER_BYTES; n < fixed; n++) {
                mk_wire_store16(frame_bytes, (uint32_t)n);
                CHECK(!is_good(frame_bytes, n));
            }
        }
    }
}

TEST(bytes_behind_a_fixed_layout_are_refused) {
    static const mk_wire_kind_t fixed[] = {MK_WIRE_WELCOME, MK_WIRE_PING,     MK_WIRE_PONG,  MK_WIRE_CREDIT,
                                           MK_WIRE_STOP,    MK_WIRE_STOPPED,  MK_WIRE_READY, MK_WIRE_NAMES_BEGIN,
                                           MK_WIRE_REQUEST, MK_WIRE_NAMES_END};
    dice.state = 4;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        size_t size = put_random(fixed[i], frame_bytes);
        frame_bytes[size] = 0;
        mk_wire_store16(frame_bytes, (uint32_t)size + 1);
        CHECK(!is_good(frame_bytes, size + 1));
    }
}

TEST(a_header_alone_shows_what_cannot_be_good) {
    mk_wire_frame_t frame;
    dice.state = 5;
    for (unsigned kind = 0; kind < 256; kind++) {
        uint8_t head[4] = {0, 0, (uint8_t)kind, 0};
        for (unsigned size = 0; size < 4; size++) {
            mk_wire_store16(head, size);
            CHECK(mk_wire_next(head, 4, &frame) == MK_WIRE_BROKEN);
        }
        mk_wire_store16(head, MK_WIRE_FRAME_BYTES_MAX);
        bool long_ones = kind == MK_WIRE_DATA || kind == MK_WIRE_FRAGMENT;
        CHECK_EQ(mk_wire_next(head, 4, &frame) == MK_WIRE_BROKEN, !long_ones);
    }
    for (mk_wire_kind_t kind = MK_WIRE_HELLO; kind < MK_WIRE_KINDS; kind++) {
        unsigned known = kind == MK_WIRE_DATA ? 3 : kind == MK_WIRE_FRAGMENT ? 15 : 0;
        size_t   size = put_random(kind, frame_bytes);
        for (unsigned flags = 0; flags < 256; flags++) {
            frame_bytes[3] = (uint8_t)flags;
            CHECK_EQ(mk_wire_next(frame_bytes, 4, &frame) == MK_WIRE_BROKEN, (flags & ~known) != 0);
        }
        CHECK(size > 0);
    }
}

/* One byte of a good frame is another: still good? */
static bool survives(size_t size, size_t at, uint8_t value) {
    uint8_t before = frame_bytes[at];
    frame_bytes[at] = value;
    bool good = is_good(frame_bytes, size);
    frame_bytes[at] = before;
    return good;
}

static mk_wire_hello_t sample_hello(void) {
    return (mk_wire_hello_t){.version_min = 1, .version_max = 1, .node = 7, .credit = 65536, .identity = "gate-1"};
}

TEST(a_hello_has_its_mark_a_node_a_version_and_a_fit_name) {
    mk_wire_hello_t hello = sample_hello();
    size_t          size = mk_wire_put_hello(frame_bytes, &hello);
    CHECK(is_good(frame_bytes, size));
    for (size_t at = 4; at < 8; at++) CHECK(!survives(size, at, 'x'));
    CHECK(!survives(size, 8, 0)); /* versions from 0 on */
    CHECK(!survives(size, 8, 2)); /* from 2 to 1        */
    CHECK(survives(size, 9, 9));
    CHECK(!survives(size, 10, 0));    /* node 0             */
    CHECK(!survives(size, 36, 0));    /* credit 0           */
    CHECK(!survives(size, 41, 0xff)); /* a queue of 4 GiB   */
    for (unsigned c = 0; c < 256; c++) {
        bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                   c == '.';
        CHECK_EQ(survives(size, size - 1, (uint8_t)c), fit);
    }
    CHECK(mk_wire_identity_is_valid("a", 1));
    CHECK(!mk_wire_identity_is_valid("", 0));
    CHECK(!mk_wire_identity_is_valid("0123456789012345678901234567890123456789", 32));
}

TEST(a_message_is_a_request_or_an_answer_or_neither) {
    mk_wire_data_t data = {1, 2, 3, 4, MK_WIRE_CALL, {"hello", 5}};
    size_t         size = mk_wire_put_data(frame_bytes, &data);
    CHECK_EQ(size, MK_WIRE_DATA_CALL_BYTES + 5);
    CHECK(survives(size, 3, MK_WIRE_REPLY));
    CHECK(!survives(size, 3, MK_WIRE_CALL | MK_WIRE_REPLY));
    CHECK(!survives(size, 16, 0)); /* call 0 */
    CHECK(!survives(size, 8, 0));  /* to actor 0 */
    CHECK(survives(size, 4, 0));   /* from outside any actor */
}

TEST(a_fragment_is_as_long_as_its_place_allows) {
    mk_wire_fragment_t fragment = {1, true, false, 6, {1, 2, 3, 0, 0, {"hello", 5}}};
    size_t             size = mk_wire_put_fragment(frame_bytes, &fragment);
    CHECK(survives(size, 8, 7));
    CHECK(!survives(size, 8, 5));                            /* all there is, and not the last           */
    CHECK(!survives(size, 8, 4));                            /* more than there is                       */
    CHECK(!survives(size, 4, 0));                            /* stream 0                                 */
    CHECK(!survives(size, 3, MK_WIRE_FIRST | MK_WIRE_LAST)); /* the last one, and a byte is missing      */
    CHECK(!survives(size, 3, MK_WIRE_CALL));                 /* whose it is stands in the first one only */
    fragment.total = 5;
    fragment.last = true;
    size = mk_wire_put_fragment(frame_bytes, &fragment);
    CHECK(is_good(frame_bytes, size));
    CHECK(!survives(size, 8, 6));
    CHECK(!survives(size, 16, 0)); /* to actor 0 */
}

TEST(texts_are_cut_and_names_hold_no_nul) {
    static char     long_text[2 * MK_WIRE_TEXT_MAX];
    mk_slice_t      text = {long_text, sizeof long_text};
    mk_wire_frame_t frame;
    memset(long_text, 'x', sizeof long_text);
    CHECK_EQ(mk_wire_put_end(frame_bytes, MK_WIRE_BYE, &(mk_wire_end_t){1, text}), MK_WIRE_END_BYTES_MAX);
    CHECK_EQ(mk_wire_put_answer(frame_bytes, &(mk_wire_answer_t){.text = text}), MK_WIRE_ANSWER_BYTES_MAX);
    CHECK_EQ(mk_wire_put_signal(frame_bytes, &(mk_signal_t){.kind = MK_SIGNAL_DOWN, .text = text}),
             MK_WIRE_SIGNAL_BYTES_MAX);
    CHECK_EQ(mk_wire_next(frame_bytes, MK_WIRE_SIGNAL_BYTES_MAX, &frame), MK_WIRE_SIGNAL_BYTES_MAX);
    size_t size = mk_wire_put_name(frame_bytes, &(mk_wire_name_t){1, 2, 3, {"a\0b", 3}});
    CHECK(!is_good(frame_bytes, size));
    size = mk_wire_put_name_gone(frame_bytes, &(mk_wire_name_t){0, 0, 3, {"a\0b", 3}});
    CHECK(!is_good(frame_bytes, size));
    size = mk_wire_put_request(frame_bytes, &(mk_wire_request_t){1, MK_WIRE_SPAWN, 0, {"a\0b", 3}, {"", 0}});
    CHECK(!is_good(frame_bytes, size));
}

TEST(verbs_signals_and_reasons_that_are_none_are_refused) {
    size_t size = mk_wire_put_request(frame_bytes, &(mk_wire_request_t){1, MK_WIRE_SPAWN, 0, {"ab", 2}, {"c", 1}});
    CHECK(survives(size, 8, MK_WIRE_RELOAD));
    CHECK(!survives(size, 8, 0));
    CHECK(!survives(size, 8, MK_WIRE_RELOAD + 1));
    CHECK(!survives(size, 13, 1)); /* lengths that do not fit */
    CHECK(!survives(size, 13, 3));
    CHECK(!survives(size, 13, 200));
    size = mk_wire_put_signal(frame_bytes, &(mk_signal_t){.kind = MK_SIGNAL_STOP, .to = 4});
    CHECK(!survives(size, 4, 0));
    CHECK(!survives(size, 4, MK_SIGNAL_KINDS));
    size = mk_wire_put_end(frame_bytes, MK_WIRE_BYE, &(mk_wire_end_t){MK_WIRE_REASON_FULL, {"", 0}});
    CHECK(survives(size, 4, 200));
    CHECK(!survives(size, 4, 0));
    size = mk_wire_put_welcome(frame_bytes, &(mk_wire_welcome_t){1, 2});
    CHECK(!survives(size, 4, 0));
}

TEST(every_reason_has_a_text) {
    for (unsigned reason = MK_WIRE_REASON_VERSION; reason <= MK_WIRE_REASON_OLD; reason++)
        CHECK(strcmp(mk_wire_reason_text(reason), mk_wire_reason_text(0)) != 0);
}

/* ---- the page ------------------------------------------------------------------------------------------------------------ */

static char   page_part[8192];
static size_t page_size;

static void say(const char *text) {
    page_size += (size_t)snprintf(page_part + page_size, sizeof page_part - page_size, "%s", text);
}

/* One frame, sixteen bytes a line. */
static void dump(const char *who, const char *what, size_t size) {
    char line[160];
    snprintf(line, sizeof line, "%s %s\n", who, what);
    say(line);
    for (size_t at = 0; at < size; at += 16) {
        size_t n = (size_t)snprintf(line, sizeof line, "   ");
        for (size_t i = at; i < at + 16 && i < size; i++)
            n += (size_t)snprintf(line + n, sizeof line - n, " %02x", frame_bytes[i]);
        snprintf(line + n, sizeof line - n, "\n");
        say(line);
    }
}

static void converse(void) {
    mk_wire_hello_t hello = {.version_min = 1,
                             .version_max = 1,
                             .node = 7,
                             .incarnation = 0x18c5d2a7300,
                             .generation = 1,
                             .features = MK_WIRE_FEATURE_FRAGMENTS | MK_WIRE_FEATURE_SIGNALS | MK_WIRE_FEATURE_NAMES,
                             .credit = 1 << 20,
                             .queue = 4 << 20,
                             .message_max = 16 << 20,
                             .heartbeat_ms = 1000,
                             .identity = "gate"};
    dump("gate", "HELLO", mk_wire_put_hello(frame_bytes, &hello));
    hello.node = 9;
    hello.generation = 0;
    strcpy(hello.identity, "board-1");
    dump("board-1", "HELLO", mk_wire_put_hello(frame_bytes, &hello));
    dump("board-1", "WELCOME", mk_wire_put_welcome(frame_bytes, &(mk_wire_welcome_t){1, MK_MAY_LOOKUP | MK_MAY_SEND}));
    dump("gate", "WELCOME", mk_wire_put_welcome(frame_bytes, &(mk_wire_welcome_t){1, MK_MAY_LOOKUP | MK_MAY_SEND}));
    dump("board-1", "NAME /sensors/hall, of actor 12",
         mk_wire_put_name(frame_bytes, &(mk_wire_name_t){12, 0x18c5d2a8000, 1, {"/sensors/hall", 13}}));
    dump("gate", "DATA: actor 5 asks actor 12",
         mk_wire_put_data(frame_bytes, &(mk_wire_data_t){5, 12, 1, 33, MK_WIRE_CALL, {"now?", 4}}));
    dump("board-1", "DATA: and is answered",
         mk_wire_put_data(frame_bytes, &(mk_wire_data_t){12, 5, 2, 33, MK_WIRE_REPLY, {"21.5", 4}}));
    dump("gate", "CREDIT", mk_wire_put_credit(frame_bytes, &(mk_wire_credit_t){24, 1}));
    dump("gate", "BYE",
         mk_wire_put_end(frame_bytes, MK_WIRE_BYE, &(mk_wire_end_t){MK_WIRE_REASON_STOPPING, {"good night", 10}}));
}

TEST(the_page_shows_the_bytes_that_are_written) {
    static char page[64 * 1024];
    FILE       *file = fopen(MK_SOURCE_DIR "/docs/wire-protocol.md", "rb");
    CHECK(file != NULL);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    page_size = 0;
    converse();
    if (strstr(page, page_part) == NULL)
        rig_fail(__FILE__, __LINE__, "docs/wire-protocol.md should have:\n%s", page_part);
}
