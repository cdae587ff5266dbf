/* SPDX-License-Identifier: Apache-2.0 */
/* actor_link.c -- see actor_link.h. */
#include "http/actor_link.h"

#include <string.h>

#include "base/assert.h"

enum { RETRY_MS = 1 };

static void tell_owed(mk_actor_link_t *link);

static void on_retry(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    tell_owed(mk_container_of(timer, mk_actor_link_t, retry));
}

void mk_actor_link_init(mk_actor_link_t *link, const mk_actor_host_t *host, const mk_actor_link_ops_t *ops,
                        runtime_t *rt, http_conn_id_t id) {
    *link = (mk_actor_link_t){.host = host, .ops = ops, .rt = rt, .id = id};
    link->retry.fn = on_retry;
}

void mk_actor_link_fini(mk_actor_link_t *link) {
    if (link->rt != NULL) mk_wheel_cancel(&mk_runtime_loop(link->rt)->wheel, &link->retry);
}

static void send(mk_actor_link_t *link, message_t *msg) {
    link->waiting++;
    link->waiting_bytes += msg->payload_size;
    link->host->send(link, msg);
}

static void tell_owed(mk_actor_link_t *link) {
    mk_loop_t *loop = mk_runtime_loop(link->rt);
    if ((link->owed & MK_LINK_LAST) != 0) link->owed &= (uint8_t)~MK_LINK_DRAINED;
    while (link->owed != 0) {
        uint32_t   first = link->owed & (~(uint32_t)link->owed + 1);
        message_t *msg = link->ops->news(link, first);
        if (msg == NULL) {
            mk_wheel_arm(&loop->wheel, &link->retry, mk_loop_after_ms(loop, RETRY_MS));
            return;
        }
        link->owed &= (uint8_t)~first;
        send(link, msg);
    }
}

void mk_actor_link_tell(mk_actor_link_t *link, uint32_t what) {
    if (link->abandoned) return;
    link->owed |= (uint8_t)what;
    tell_owed(link);
}

bool mk_actor_link_send(mk_actor_link_t *link, message_t *msg) {
    if (link->abandoned) {
        message_release(link->rt, msg);
        return false;
    }
    send(link, msg);
    link->full = link->waiting >= MK_LINK_MESSAGES_MAX || link->waiting_bytes >= MK_LINK_BYTES_MAX;
    return link->full;
}

static bool is_last(msg_type_t type) { return type == MSG_WS_CLOSED || type == MSG_SSE_CLOSED; }

void mk_actor_link_handled(mk_actor_link_t *link, const message_t *msg) {
    mk_assert(link->waiting > 0 && link->waiting_bytes >= msg->payload_size);
    link->waiting--;
    link->waiting_bytes -= msg->payload_size;
    if (is_last(msg->type)) {
        link->heard = true;
        if (link->done) link->host->over(link);
    } else if (link->full && link->waiting <= MK_LINK_MESSAGES_MAX / 2 &&
               link->waiting_bytes <= MK_LINK_BYTES_MAX / 2) {
        link->full = false;
        link->ops->go_on(link);
    }
}

void mk_actor_link_abandon(mk_actor_link_t *link) {
    mk_actor_link_fini(link);
    link->abandoned = true;
    link->owed = 0;
    if (link->done) link->host->over(link);
}

void mk_actor_link_over(mk_actor_link_t *link) {
    link->done = true;
    if (link->abandoned || link->heard) link->host->over(link);
}

message_t *mk_actor_link_message(const mk_actor_link_t *link, msg_type_t type, const void *payload, size_t size) {
    message_t *msg = mk_room_message(link->rt, type, size);
    if (msg != NULL) memcpy((void *)(uintptr_t)msg->payload, payload, size);
    return msg;
}
