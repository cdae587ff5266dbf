/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c -- see wire.h. What a header must be like is a table; a body is read only when its header fits it, so that the fixed part
 * of every kind is there when its function looks at it. */
#include "node/wire.h"

#include "base/assert.h"

enum { HEAD = MK_WIRE_HEADER_BYTES, U8_TEXT_MAX = 255 };

static const uint8_t magic[4] = {'m', 'k', 'n', 'd'}; /* so that another protocol's client is told apart at once */

/* Of a whole frame of each kind. */
static const struct {
    uint16_t least, most;
    uint8_t  flags; /* those it may have */
} shapes[MK_WIRE_KINDS] = {
    [MK_WIRE_HELLO] = {HEAD + 46 + 1, MK_WIRE_HELLO_BYTES_MAX, 0},
    [MK_WIRE_WELCOME] = {MK_WIRE_WELCOME_BYTES, MK_WIRE_WELCOME_BYTES, 0},
    [MK_WIRE_REFUSE] = {HEAD + 1, MK_WIRE_END_BYTES_MAX, 0},
    [MK_WIRE_BYE] = {HEAD + 1, MK_WIRE_END_BYTES_MAX, 0},
    [MK_WIRE_PING] = {MK_WIRE_STAMP_BYTES, MK_WIRE_STAMP_BYTES, 0},
    [MK_WIRE_PONG] = {MK_WIRE_STAMP_BYTES, MK_WIRE_STAMP_BYTES, 0},
    [MK_WIRE_CREDIT] = {MK_WIRE_CREDIT_BYTES, MK_WIRE_CREDIT_BYTES, 0},
    [MK_WIRE_STOP] = {MK_WIRE_ACTOR_BYTES, MK_WIRE_ACTOR_BYTES, 0},
    [MK_WIRE_STOPPED] = {MK_WIRE_ACTOR_BYTES, MK_WIRE_ACTOR_BYTES, 0},
    [MK_WIRE_READY] = {MK_WIRE_ACTOR_BYTES, MK_WIRE_ACTOR_BYTES, 0},
    [MK_WIRE_DATA] = {MK_WIRE_DATA_BYTES, MK_WIRE_FRAME_BYTES_MAX, MK_WIRE_CALL | MK_WIRE_REPLY},
    [MK_WIRE_FRAGMENT] = {MK_WIRE_FRAGMENT_BYTES + 1, MK_WIRE_FRAME_BYTES_MAX,
                          MK_WIRE_CALL | MK_WIRE_REPLY | MK_WIRE_FIRST | MK_WIRE_LAST},
    [MK_WIRE_SIGNAL] = {HEAD + 15, MK_WIRE_SIGNAL_BYTES_MAX, 0},
    [MK_WIRE_NAMES_BEGIN] = {MK_WIRE_EMPTY_BYTES, MK_WIRE_EMPTY_BYTES, 0},
    [MK_WIRE_NAME] = {HEAD + 20 + 1, MK_WIRE_NAME_BYTES_MAX, 0},
    [MK_WIRE_NAME_GONE] = {HEAD + 8 + 1, MK_WIRE_NAME_GONE_BYTES_MAX, 0},
    [MK_WIRE_NAMES_END] = {MK_WIRE_EMPTY_BYTES, MK_WIRE_EMPTY_BYTES, 0},
    [MK_WIRE_REQUEST] = {HEAD + 11, MK_WIRE_REQUEST_BYTES_MAX, 0},
    [MK_WIRE_ANSWER] = {HEAD + 9, MK_WIRE_ANSWER_BYTES_MAX, 0},
};

size_t mk_wire_next(const uint8_t *bytes, size_t size, mk_wire_frame_t *out) {
    if (size < HEAD) return 0;
    size_t  frame = mk_wire_load16(bytes);
    uint8_t kind = bytes[2], flags = bytes[3];
    if (kind == 0 || kind >= MK_WIRE_KINDS || (flags & ~shapes[kind].flags) != 0) return MK_WIRE_BROKEN;
    if (frame < shapes[kind].least || frame > shapes[kind].most) return MK_WIRE_BROKEN;
    if (frame > size) return 0;
    *out = (mk_wire_frame_t){(mk_wire_kind_t)kind, flags, bytes + HEAD, frame - HEAD};
    return frame;
}

/* ---- pieces ------------------------------------------------------------------------------------------------------------- */

static void put_bytes(uint8_t *to, mk_slice_t text) {
    if (text.size != 0) memcpy(to, text.data, text.size);
}

static mk_slice_t cut(mk_slice_t text, size_t most) {
    if (text.size > most) text.size = most;
    return text;
}

/* What lies behind the fixed part of a body. */
static mk_slice_t behind(const mk_wire_frame_t *frame, size_t fixed) {
    return (mk_slice_t){frame->body + fixed, frame->size - fixed};
}

static bool has_nul(mk_slice_t text) { return text.size != 0 && memchr(text.data, 0, text.size) != NULL; }

/* ---- beginning and end of a link ---------------------------------------------------------------------------------------- */

bool mk_wire_identity_is_valid(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '-' && c != '_' && c != '.') return false;
    }
    return size != 0 && size <= MK_WIRE_IDENTITY_MAX;
}

size_t mk_wire_put_hello(uint8_t *to, const mk_wire_hello_t *hello) {
    uint8_t *body = to + HEAD;
    size_t   name = strlen(hello->identity), size = HEAD + 46 + name;
    mk_assert(mk_wire_identity_is_valid(hello->identity, name));
    mk_wire_put_head(to, size, MK_WIRE_HELLO, 0);
    memcpy(body, magic, sizeof magic);
    body[4] = hello->version_min;
    body[5] = hello->version_max;
    mk_wire_store32(body + 6, hello->node);
    mk_wire_store32(body + 10, hello->peer);
    mk_wire_store64(body + 14, hello->incarnation);
    mk_wire_store32(body + 22, hello->generation);
    mk_wire_store32(body + 26, hello->features);
    mk_wire_store32(body + 30, hello->credit);
    mk_wire_store32(body + 34, hello->queue);
    mk_wire_store32(body + 38, hello->message_max);
    mk_wire_store32(body + 42, hello->heartbeat_ms);
    memcpy(body + 46, hello->identity, name);
    return size;
}

bool mk_wire_get_hello(const mk_wire_frame_t *frame, mk_wire_hello_t *out) {
    const uint8_t *body = frame->body;
    mk_slice_t     name = behind(frame, 46);
    *out = (mk_wire_hello_t){.version_min = body[4],
                             .version_max = body[5],
                             .node = mk_wire_load32(body + 6),
                             .peer = mk_wire_load32(body + 10),
                             .incarnation = mk_wire_load64(body + 14),
                             .generation = mk_wire_load32(body + 22),
                             .features = mk_wire_load32(body + 26),
                             .credit = mk_wire_load32(body + 30),
                             .queue = mk_wire_load32(body + 34),
                             .message_max = mk_wire_load32(body + 38),
                             .heartbeat_ms = mk_wire_load32(body + 42)};
    if (memcmp(body, magic, sizeof magic) != 0 || !mk_wire_identity_is_valid(name.data, name.size)) return false;
    memcpy(out->identity, name.data, name.size);
    return out->version_min != 0 && out->version_min <= out->version_max && out->node != 0 &&
           out->credit >= MK_WIRE_CREDIT_MIN && out->queue <= MK_WIRE_QUEUE_MAX;
}

size_t mk_wire_put_welcome(uint8_t *to, const mk_wire_welcome_t *welcome) {
    mk_wire_put_head(to, MK_WIRE_WELCOME_BYTES, MK_WIRE_WELCOME, 0);
    to[HEAD] = welcome->version;
    mk_wire_store32(to + HEAD + 1, welcome->may);
    return MK_WIRE_WELCOME_BYTES;
}

bool mk_wire_get_welcome(const mk_wire_frame_t *frame, mk_wire_welcome_t *out) {
    *out = (mk_wire_welcome_t){frame->body[0], mk_wire_load32(frame->body + 1)};
    return out->version != 0;
}

size_t mk_wire_put_end(uint8_t *to, mk_wire_kind_t kind, const mk_wire_end_t *end) {
    mk_slice_t text = cut(end->text, MK_WIRE_TEXT_MAX);
    size_t     size = HEAD + 1 + text.size;
    mk_wire_put_head(to, size, kind, 0);
    to[HEAD] = end->reason;
    put_bytes(to + HEAD + 1, text);
    return size;
}

bool mk_wire_get_end(const mk_wire_frame_t *frame, mk_wire_end_t *out) {
    *out = (mk_wire_end_t){frame->body[0], behind(frame, 1)};
    return out->reason != 0;
}

const char *mk_wire_reason_text(unsigned reason) {
    switch (reason) {
    case MK_WIRE_REASON_VERSION: return "no version of the protocol in common";
    case MK_WIRE_REASON_TAKEN: return "its name or number belongs to another node";
    case MK_WIRE_REASON_SELF: return "it is this node itself";
    case MK_WIRE_REASON_STRANGER: return "not the node that was asked for, or without a role";
    case MK_WIRE_REASON_DOUBLE: return "the two are linked already";
    case MK_WIRE_REASON_FULL: return "too many peers";
    case MK_WIRE_REASON_STOPPING: return "the link is not wanted any more";
    case MK_WIRE_REASON_PROTOCOL: return "the protocol was broken";
    case MK_WIRE_REASON_OLD: return "a later life of this node is known";
    default: return "a reason that is not known here";
    }
}

/* ---- the state of a link ------------------------------------------------------------------------------------------------ */

size_t mk_wire_put_stamp(uint8_t *to, mk_wire_kind_t kind, uint64_t stamp) {
    mk_wire_put_head(to, MK_WIRE_STAMP_BYTES, kind, 0);
    mk_wire_store64(to + HEAD, stamp);
    return MK_WIRE_STAMP_BYTES;
}

bool mk_wire_get_stamp(const mk_wire_frame_t *frame, uint64_t *out) {
    *out = mk_wire_load64(frame->body);
    return true;
}

size_t mk_wire_put_credit(uint8_t *to, const mk_wire_credit_t *credit) {
    mk_wire_put_head(to, MK_WIRE_CREDIT_BYTES, MK_WIRE_CREDIT, 0);
    mk_wire_store64(to + HEAD, credit->bytes);
    mk_wire_store64(to + HEAD + 8, credit->messages);
    return MK_WIRE_CREDIT_BYTES;
}

bool mk_wire_get_credit(const mk_wire_frame_t *frame, mk_wire_credit_t *out) {
    *out = (mk_wire_credit_t){mk_wire_load64(frame->body), mk_wire_load64(frame->body + 8)};
    return true;
}

size_t mk_wire_put_actor(uint8_t *to, mk_wire_kind_t kind, uint32_t seq) {
    mk_wire_put_head(to, MK_WIRE_ACTOR_BYTES, kind, 0);
    mk_wire_store32(to + HEAD, seq);
    return MK_WIRE_ACTOR_BYTES;
}

bool mk_wire_get_actor(const mk_wire_frame_t *frame, uint32_t *out) {
    *out = mk_wire_load32(frame->body);
    return *out != 0;
}

/* ---- messages and signals ------------------------------------------------------------------------------------------------ */

size_t mk_wire_put_fragment(uint8_t *to, const mk_wire_fragment_t *fragment) {
    const mk_wire_data_t *data = &fragment->data;
    unsigned              flags = fragment->last ? MK_WIRE_LAST : 0;
    size_t                at = MK_WIRE_FRAGMENT_BYTES;
    mk_wire_store32(to + HEAD, fragment->stream);
    if (fragment->first) {
        flags |= (unsigned)MK_WIRE_FIRST | data->part;
        mk_wire_store32(to + at, fragment->total);
        mk_wire_store32(to + at + 4, data->source);
        mk_wire_store32(to + at + 8, data->dest);
        mk_wire_store32(to + at + 12, data->type);
        at += 16;
        if (data->part != 0) {
            mk_wire_store32(to + at, data->call);
            at += 4;
        }
    }
    put_bytes(to + at, data->payload);
    mk_wire_put_head(to, at + data->payload.size, MK_WIRE_FRAGMENT, flags);
    return at + data->payload.size;
}

/* The part of a first fragment that says whose it is; returns its size, 0: malformed. */
static size_t get_first(const mk_wire_frame_t *frame, mk_wire_fragment_t *out) {
    const uint8_t *at = frame->body + 4;
    uint8_t        part = frame->flags & (MK_WIRE_CALL | MK_WIRE_REPLY);
    size_t         fixed = part != 0 ? 20 : 16;
    if (frame->size < 4 + fixed || part == (MK_WIRE_CALL | MK_WIRE_REPLY)) return 0;
    out->total = mk_wire_load32(at);
    out->data = (mk_wire_data_t){.source = mk_wire_load32(at + 4),
                                 .dest = mk_wire_load32(at + 8),
                                 .type = mk_wire_load32(at + 12),
                                 .call = part != 0 ? mk_wire_load32(at + 16) : 0,
                                 .part = part};
    return out->data.dest == 0 || (part != 0 && out->data.call == 0) ? 0 : fixed;
}

bool mk_wire_get_fragment(const mk_wire_frame_t *frame, mk_wire_fragment_t *out) {
    size_t fixed = 0;
    *out = (mk_wire_fragment_t){.stream = mk_wire_load32(frame->body),
                                .first = (frame->flags & MK_WIRE_FIRST) != 0,
                                .last = (frame->flags & MK_WIRE_LAST) != 0};
    if (out->first && (fixed = get_first(frame, out)) == 0) return false;
    if (!out->first && (frame->flags & (MK_WIRE_CALL | MK_WIRE_REPLY)) != 0) return false;
    out->data.payload = behind(frame, 4 + fixed);
    if (out->stream == 0 || out->data.payload.size == 0) return false;
    if (!out->first) return true;
    return out->last ? out->data.payload.size == out->total : out->data.payload.size < out->total;
}

size_t mk_wire_put_signal(uint8_t *to, const mk_signal_t *signal) {
    mk_slice_t text = cut(signal->text, MK_SIGNAL_TEXT_MAX);
    uint8_t   *body = to + HEAD;
    mk_wire_put_head(to, HEAD + 15 + text.size, MK_WIRE_SIGNAL, 0);
    body[0] = (uint8_t)signal->kind;
    body[1] = signal->reason;
    body[2] = signal->error;
    mk_wire_store32(body + 3, signal->ref);
    mk_wire_store32(body + 7, signal->from);
    mk_wire_store32(body + 11, signal->to);
    put_bytes(body + 15, text);
    return HEAD + 15 + text.size;
}

bool mk_wire_get_signal(const mk_wire_frame_t *frame, mk_signal_t *out) {
    const uint8_t *body = frame->body;
    if (body[0] == 0 || body[0] >= MK_SIGNAL_KINDS) return false;
    *out = (mk_signal_t){.kind = (mk_signal_kind_t)body[0],
                         .reason = body[1],
                         .error = body[2],
                         .ref = mk_wire_load32(body + 3),
                         .from = mk_wire_load32(body + 7),
                         .to = mk_wire_load32(body + 11),
                         .text = behind(frame, 15)};
    return true;
}

/* ---- names ----------------------------------------------------------------------------------------------------------------- */

size_t mk_wire_put_empty(uint8_t *to, mk_wire_kind_t kind) {
    mk_wire_put_head(to, MK_WIRE_EMPTY_BYTES, kind, 0);
    return MK_WIRE_EMPTY_BYTES;
}

size_t mk_wire_put_name(uint8_t *to, const mk_wire_name_t *name) {
    size_t size = HEAD + 20 + name->name.size;
    mk_assert(name->name.size != 0 && name->name.size <= MK_WIRE_NAME_MAX);
    mk_wire_put_head(to, size, MK_WIRE_NAME, 0);
    mk_wire_store32(to + HEAD, name->seq);
    mk_wire_store64(to + HEAD + 4, name->stamp_ms);
    mk_wire_store64(to + HEAD + 12, name->counter);
    put_bytes(to + HEAD + 20, name->name);
    return size;
}

bool mk_wire_get_name(const mk_wire_frame_t *frame, mk_wire_name_t *out) {
    *out = (mk_wire_name_t){.seq = mk_wire_load32(frame->body),
                            .stamp_ms = mk_wire_load64(frame->body + 4),
                            .counter = mk_wire_load64(frame->body + 12),
                            .name = behind(frame, 20)};
    return !has_nul(out->name);
}

size_t mk_wire_put_name_gone(uint8_t *to, const mk_wire_name_t *name) {
    size_t size = HEAD + 8 + name->name.size;
    mk_assert(name->name.size != 0 && name->name.size <= MK_WIRE_NAME_MAX);
    mk_wire_put_head(to, size, MK_WIRE_NAME_GONE, 0);
    mk_wire_store64(to + HEAD, name->counter);
    put_bytes(to + HEAD + 8, name->name);
    return size;
}

bool mk_wire_get_name_gone(const mk_wire_frame_t *frame, mk_wire_name_t *out) {
    *out = (mk_wire_name_t){.counter = mk_wire_load64(frame->body), .name = behind(frame, 8)};
    return !has_nul(out->name);
}

/* ---- requests ---------------------------------------------------------------------------------------------------------------- */

size_t mk_wire_put_request(uint8_t *to, const mk_wire_request_t *request) {
    size_t   module = request->module.size, name = request->name.size, size = HEAD + 11 + module + name;
    uint8_t *body = to + HEAD;
    mk_assert(module <= U8_TEXT_MAX && name <= U8_TEXT_MAX);
    mk_wire_put_head(to, size, MK_WIRE_REQUEST, 0);
    mk_wire_store32(body, request->ref);
    body[4] = request->verb;
    mk_wire_store32(body + 5, request->seq);
    body[9] = (uint8_t)module;
    put_bytes(body + 10, request->module);
    body[10 + module] = (uint8_t)name;
    put_bytes(body + 11 + module, request->name);
    return size;
}

bool mk_wire_get_request(const mk_wire_frame_t *frame, mk_wire_request_t *out) {
    const uint8_t *body = frame->body;
    size_t         module = body[9];
    if (frame->size < 11 + module || frame->size != 11 + module + body[10 + module]) return false;
    *out = (mk_wire_request_t){.ref = mk_wire_load32(body),
                               .verb = body[4],
                               .seq = mk_wire_load32(body + 5),
                               .module = {body + 10, module},
                               .name = {body + 11 + module, body[10 + module]}};
    return out->verb >= MK_WIRE_SPAWN && out->verb <= MK_WIRE_RELOAD && !has_nul(out->module) && !has_nul(out->name);
}

size_t mk_wire_put_answer(uint8_t *to, const mk_wire_answer_t *answer) {
    mk_slice_t text = cut(answer->text, MK_WIRE_TEXT_MAX);
    size_t     size = HEAD + 9 + text.size;
    mk_wire_put_head(to, size, MK_WIRE_ANSWER, 0);
    mk_wire_store32(to + HEAD, answer->ref);
    to[HEAD + 4] = answer->error;
    mk_wire_store32(to + HEAD + 5, answer->seq);
    put_bytes(to + HEAD + 9, text);
    return size;
}

bool mk_wire_get_answer(const mk_wire_frame_t *frame, mk_wire_answer_t *out) {
    *out = (mk_wire_answer_t){.ref = mk_wire_load32(frame->body),
                              .error = frame->body[4],
                              .seq = mk_wire_load32(frame->body + 5),
                              .text = behind(frame, 9)};
    return true;
}
