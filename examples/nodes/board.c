/* SPDX-License-Identifier: Apache-2.0 */
/* board.c -- measures once a second and tells whoever is called "gateway", wherever that runs. While nobody is, it goes on
 * measuring; there is nothing to configure and nothing to reconnect. */
#include "mk_guest.h"
#include "readings.h"

enum { GO = 100, PERIOD_MS = 1000 };

/* A warm room, as far as anybody can tell. */
static uint32_t measure(void) { return 210 + (uint32_t)(mk_time_ms() / PERIOD_MS % 20); }

static void note(bool *linked, bool now) {
    if (*linked != now) mk_print_text(now ? "board: the gateway takes readings\n" : "board: no gateway\n");
    *linked = now;
}

/* Until asked to stop. */
static void work(void) {
    mk_message_t msg;
    bool         linked = false;
    mk_print_text("board: measuring\n");
    do {
        mk_actor_t gateway = mk_lookup_text("gateway");
        bool       sent = gateway != MK_NOBODY && mk_send_u32(gateway, READING, measure()) == 1;
        if (!sent) note(&linked, false);
        msg.type = GO;
        while (mk_next(&msg, NULL, 0, PERIOD_MS) == MK_OK && msg.type != MK_STOP) {
            if (msg.type == TAKEN && msg.source == gateway) note(&linked, true);
        }
    } while (msg.type != MK_STOP);
}

/* Called once, before the first message: a board needs nobody to start it. */
MK_EXPORT(_initialize) void _initialize(void) { mk_send(mk_self(), GO, NULL, 0); }

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    (void)payload, (void)size;
    if (type != GO || source != mk_self()) return type == MK_STOP ? MK_STOP : MK_STAY;
    work();
    return MK_STOP;
}
