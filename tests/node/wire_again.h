/* SPDX-License-Identifier: Apache-2.0 */
/* wire_again.h -- reads a frame of any kind and writes it again. What was accepted must come out as the bytes that went in. */
#ifndef MK_TESTS_WIRE_AGAIN_H
#define MK_TESTS_WIRE_AGAIN_H

#include "node/wire.h"

#define WIRE_AGAIN(type, get, put)                        \
    {                                                     \
        type value;                                       \
        return get(frame, &value) ? put(to, &value) : 0;  \
    }
#define WIRE_AGAIN_VALUE(type, get, put)                              \
    {                                                                 \
        type value;                                                   \
        return get(frame, &value) ? put(to, frame->kind, value) : 0;  \
    }

/* `to` has room for MK_WIRE_FRAME_BYTES_MAX. Its length; 0: malformed. */
static inline size_t wire_again(const mk_wire_frame_t *frame, uint8_t *to) {
    switch (frame->kind) {
    case MK_WIRE_HELLO: WIRE_AGAIN(mk_wire_hello_t, mk_wire_get_hello, mk_wire_put_hello)
    case MK_WIRE_WELCOME: WIRE_AGAIN(mk_wire_welcome_t, mk_wire_get_welcome, mk_wire_put_welcome)
    case MK_WIRE_REFUSE:
    case MK_WIRE_BYE: {
        mk_wire_end_t end;
        return mk_wire_get_end(frame, &end) ? mk_wire_put_end(to, frame->kind, &end) : 0;
    }
    case MK_WIRE_PING:
    case MK_WIRE_PONG: WIRE_AGAIN_VALUE(uint64_t, mk_wire_get_stamp, mk_wire_put_stamp)
    case MK_WIRE_CREDIT: WIRE_AGAIN(mk_wire_credit_t, mk_wire_get_credit, mk_wire_put_credit)
    case MK_WIRE_STOP:
    case MK_WIRE_STOPPED:
    case MK_WIRE_READY: WIRE_AGAIN_VALUE(uint32_t, mk_wire_get_actor, mk_wire_put_actor)
    case MK_WIRE_DATA: WIRE_AGAIN(mk_wire_data_t, mk_wire_get_data, mk_wire_put_data)
    case MK_WIRE_FRAGMENT: WIRE_AGAIN(mk_wire_fragment_t, mk_wire_get_fragment, mk_wire_put_fragment)
    case MK_WIRE_SIGNAL: WIRE_AGAIN(mk_signal_t, mk_wire_get_signal, mk_wire_put_signal)
    case MK_WIRE_NAMES_BEGIN:
    case MK_WIRE_NAMES_END: return mk_wire_put_empty(to, frame->kind);
    case MK_WIRE_NAME: WIRE_AGAIN(mk_wire_name_t, mk_wire_get_name, mk_wire_put_name)
    case MK_WIRE_NAME_GONE: WIRE_AGAIN(mk_wire_name_t, mk_wire_get_name_gone, mk_wire_put_name_gone)
    case MK_WIRE_REQUEST: WIRE_AGAIN(mk_wire_request_t, mk_wire_get_request, mk_wire_put_request)
    case MK_WIRE_ANSWER: WIRE_AGAIN(mk_wire_answer_t, mk_wire_get_answer, mk_wire_put_answer)
    case MK_WIRE_KINDS: break;
    }
    return 0;
}

#endif
