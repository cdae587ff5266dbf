/* SPDX-License-Identifier: Apache-2.0 */
/* far.h -- another node as the runtime sees it, for tests: what it is given is noted, what it says is the test's. */
#ifndef MK_TESTS_FAR_H
#define MK_TESTS_FAR_H

#include "runtime/play.h"
#include "runtime/remote.h"

enum { FAR_NOTES_MAX = 32, FAR_ALL = 0xff };

typedef enum far_note_kind { FAR_MESSAGE, FAR_BUFFER, FAR_SIGNAL, FAR_DRAINED } far_note_kind_t;

typedef struct far_note {
    far_note_kind_t kind;
    mk_envelope_t   envelope; /* payload: points nowhere afterwards */
    mk_signal_t     signal;   /* text: the same                     */
    uint32_t        dest;     /* of FAR_DRAINED                     */
    char            text[64];
} far_note_t;

/* A node. */
typedef struct far {
    mk_remote_t remote; /* first */
    unsigned    n;
    far_note_t  note[FAR_NOTES_MAX];
    unsigned    messages, signals, drained;
    mk_err_t    answers; /* to messages */
} far_t;

static inline far_note_t *far_note(far_t *far, far_note_kind_t kind) {
    far_note_t *note = &far->note[far->n++ % FAR_NOTES_MAX];
    *note = (far_note_t){.kind = kind};
    return note;
}

static inline const far_note_t *far_last(const far_t *far) {
    CHECK(far->n != 0);
    return &far->note[(far->n - 1) % FAR_NOTES_MAX];
}

static inline void far_text(far_note_t *note, const void *data, size_t size) {
    if (size != 0) memcpy(note->text, data, size < sizeof note->text - 1 ? size : sizeof note->text - 1);
}

static inline mk_err_t far_send(mk_remote_t *remote, const mk_envelope_t *envelope) {
    far_t *far = (far_t *)remote;
    if (far->answers != MK_OK) return far->answers;
    far_note_t *note = far_note(far, FAR_MESSAGE);
    note->envelope = *envelope;
    far_text(note, envelope->payload, envelope->size);
    far->messages++;
    return MK_OK;
}

static inline mk_err_t far_send_buffer(mk_remote_t *remote, const mk_envelope_t *envelope, message_buffer_t *buf) {
    far_t *far = (far_t *)remote;
    CHECK_EQ(envelope->size, message_buffer_size(buf));
    mk_err_t err = far_send(remote, envelope);
    if (err != MK_OK) return err;
    far->note[(far->n - 1) % FAR_NOTES_MAX].kind = FAR_BUFFER;
    message_buffer_release(buf);
    return MK_OK;
}

static inline void far_signal(mk_remote_t *remote, const mk_signal_t *signal) {
    far_t      *far = (far_t *)remote;
    far_note_t *note = far_note(far, FAR_SIGNAL);
    CHECK(signal->text.size <= MK_SIGNAL_TEXT_MAX);
    note->signal = *signal;
    far_text(note, signal->text.data, signal->text.size);
    far->signals++;
}

static inline void far_drained(mk_remote_t *remote, uint32_t dest) {
    far_t *far = (far_t *)remote;
    far_note(far, FAR_DRAINED)->dest = dest;
    far->drained++;
}

static const mk_remote_ops_t far_ops = {far_send, far_send_buffer, far_signal, far_drained};

static inline void far_up(far_t *far, node_id_t node, uint32_t may) {
    *far = (far_t){.remote = {.ops = &far_ops, .node = node, .may = may}};
    CHECK_EQ(mk_remote_up(rt, &far->remote), MK_OK);
}

/* ---- what it says ---- */

static inline mk_err_t far_says(far_t *far, mk_signal_t signal) { return mk_remote_signal(rt, &far->remote, &signal); }

static inline mk_err_t far_sends(far_t *far, uint32_t source, actor_id_t dest, msg_type_t type, const char *text) {
    mk_envelope_t envelope = {
        .source = source, .dest = actor_id_seq(dest), .type = type, .payload = text, .size = strlen(text)};
    return mk_remote_message(rt, &far->remote, &envelope);
}

static inline mk_err_t far_calls(far_t *far, uint32_t source, actor_id_t dest, call_id_t call, const char *text) {
    mk_envelope_t envelope = {.source = source,
                              .dest = actor_id_seq(dest),
                              .type = 3,
                              .part = MK_CALL_REQUEST,
                              .call = call,
                              .payload = text,
                              .size = strlen(text)};
    return mk_remote_message(rt, &far->remote, &envelope);
}

static inline mk_err_t far_replies(far_t *far, uint32_t source, actor_id_t dest, call_id_t call, const char *text) {
    mk_envelope_t envelope = {.source = source,
                              .dest = actor_id_seq(dest),
                              .type = 4,
                              .part = MK_CALL_REPLY,
                              .call = call,
                              .payload = text,
                              .size = strlen(text)};
    return mk_remote_message(rt, &far->remote, &envelope);
}

/* ---- what it was told last ---- */

#define CHECK_TOLD(far, what, a, b)                             \
    do {                                                        \
        CHECK_EQ(far_last(far)->kind, FAR_SIGNAL);              \
        CHECK_EQ(far_last(far)->signal.kind, what);             \
        CHECK_EQ(far_last(far)->signal.from, actor_id_seq(a));  \
        CHECK_EQ(far_last(far)->signal.to, actor_id_seq(b));    \
    } while (0)

#define CHECK_TOLD_END(far, what, number, a, b, why)            \
    do {                                                        \
        CHECK_TOLD(far, what, a, b);                            \
        CHECK_EQ(far_last(far)->signal.ref, number);            \
        CHECK_EQ(far_last(far)->signal.reason, why);            \
    } while (0)

#define CHECK_TOLD_CALL_FAILED(far, number, to_seq, err)        \
    do {                                                        \
        CHECK_EQ(far_last(far)->kind, FAR_SIGNAL);              \
        CHECK_EQ(far_last(far)->signal.kind, MK_SIGNAL_CALL_FAILED); \
        CHECK_EQ(far_last(far)->signal.ref, number);            \
        CHECK_EQ(far_last(far)->signal.to, to_seq);             \
        CHECK_EQ(far_last(far)->signal.error, err);             \
    } while (0)

/* ---- deeds ---- */

static inline bool do_send(part_t *part, uint64_t id) {
    (void)part;
    did_well = actor_send(rt, id, 9, "far", 4);
    return true;
}

static inline bool do_call_far(part_t *part, uint64_t id) {
    (void)part;
    did_call = actor_call(rt, id, 3, "ask", 4, 1000);
    return true;
}

static inline bool do_cancel_call(part_t *part, uint64_t call) {
    (void)part;
    actor_call_cancel(rt, (call_id_t)call);
    return true;
}

static inline bool reply_at_once(part_t *part, message_t *msg) {
    take_note(part, msg);
    did_well = actor_reply(rt, msg, 4, "answer", 7);
    return true;
}

/* Kept by keep_it(), answered by do_reply_kept(). */
static message_t *far_kept __attribute__((unused));

static inline bool keep_it(part_t *part, message_t *msg) {
    take_note(part, msg);
    far_kept = message_take(rt, msg);
    return true;
}

static inline bool do_reply_kept(part_t *part, uint64_t release) {
    (void)part;
    did_well = actor_reply(rt, far_kept, 4, "answer", 7);
    if (release) message_release(rt, far_kept);
    return true;
}

#endif
