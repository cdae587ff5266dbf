/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c -- never returns, in several ways: by itself, or calling imports that do not wait, or that wait for nothing. */
#include "guest.h"

enum {
    READ_CLOCK = 10,    /* mk_time_ms without end                                        */
    SLEEP_NOTHING = 11, /* mk_sleep_ms(0) without end: others must get their turns       */
    LOG_LINES = 12,     /* mk_log without end                                            */
    PRINT_LINES = 13,   /* mk_print without end                                          */
    POLL_MAILBOX = 14,  /* mk_recv_timeout with 0 ms without end; obeys MK_STOP          */
    LOOP_A_WHILE = 15   /* u32 turns of an empty loop, then RESULT: what a budget may let pass */
};

static int32_t poll_mailbox(void) {
    mk_message_t  msg;
    unsigned char buf[8];
    for (;;) {
        int32_t got = mk_next(&msg, buf, sizeof buf, 0);
        if (got == MK_FAILED) return MK_STAY;
        if (got == MK_OK && msg.type == MK_STOP) return MK_STOP;
    }
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    switch (type) {
    case GO:
        for (;;) opaque();
    case READ_CLOCK:
        for (;;) mk_time_ms();
    case SLEEP_NOTHING:
        for (;;) mk_sleep_ms(0);
    case LOG_LINES:
        for (;;) mk_log_text(MK_LOG_INFO, "again");
    case PRINT_LINES:
        for (;;) mk_print_text("again\n");
    case POLL_MAILBOX: return poll_mailbox();
    case LOOP_A_WHILE:
        for (uint32_t i = size >= 4 ? get_u32(payload, 0) : 0; i > 0; i--) opaque();
        mk_send_u32(source, RESULT, 0);
        return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
