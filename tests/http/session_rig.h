/* SPDX-License-Identifier: Apache-2.0 */
/* session_rig.h -- two actors of one runtime on the fake network: one listens, one connects. Each keeps what it hears as words, and
 * does what the test says. */
#ifndef MK_TESTS_SESSION_RIG_H
#define MK_TESTS_SESSION_RIG_H

#include "base/buffer.h"
#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/rig.h"

typedef struct role role_t;
typedef bool deed_fn(role_t *role, uint64_t arg);

struct role {
    actor_id_t     id;
    http_conn_id_t conn;              /* of what it hears of                           */
    mk_buffer_t    words;
    unsigned       requests, messages;
    size_t         bytes;
    bool           quiet;             /* counts messages instead of writing them down  */
    deed_fn       *on_request;        /* at once                                       */
    const char    *path;              /* deeds: what to ask for                        */
    const char    *subprotocol;
    char           reason[128];       /* MSG_WS_CLOSED                                 */
    char           event_id[32];      /* of the last event that came                   */
    char           last_id[32];       /* of the last request: Last-Event-ID            */
    mk_err_t       did;
    bool           well;
};

enum { MSG_DO = 1000 };
typedef struct order {
    deed_fn *deed;
    uint64_t arg;
} order_t;

static runtime_t *rt;
static role_t     server, client;
static uint16_t   port;

/* ---- what they hear ------------------------------------------------------------------------------------------------------------ */

static inline void note(role_t *role, const char *format, unsigned number) {
    if (role->words.size > 0) mk_buffer_append_text(&role->words, " ");
    mk_buffer_printf(&role->words, format, number);
}

static inline void note_text(role_t *role, const char *word, const void *text, size_t size) {
    role->messages++;
    role->bytes += size;
    if (role->quiet) return;
    if (role->words.size > 0) mk_buffer_append_text(&role->words, " ");
    if (size > 64) mk_buffer_printf(&role->words, "%s(%zu bytes)", word, size);
    else mk_buffer_printf(&role->words, "%s(%.*s)", word, (int)size, (const char *)text);
}

static inline bool on_request(role_t *role, const http_request_payload_t *p) {
    const char *id = http_header_get(http_request_headers(p), p->headers_size, "last-event-id");
    role->requests++;
    role->conn = p->conn_id;
    snprintf(role->last_id, sizeof role->last_id, "%s", id != NULL ? id : "");
    return role->on_request == NULL || role->on_request(role, 0);
}

static bool behave(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    role_t                     *role = state;
    const ws_message_payload_t *message = msg->payload;
    const sse_event_payload_t  *event = msg->payload;
    const http_error_payload_t *error = msg->payload;
    (void)r;
    (void)self;
    if (msg->type != MSG_DO && msg->type != MSG_HTTP_REQUEST) {
        CHECK(role->conn == HTTP_CONN_ID_INVALID || ((const http_conn_payload_t *)msg->payload)->conn_id == role->conn);
    }
    switch (msg->type) {
    case MSG_DO: {
        order_t order;
        memcpy(&order, msg->payload, sizeof order);
        return order.deed(role, order.arg);
    }
    case MSG_HTTP_REQUEST: return on_request(role, msg->payload);
    case MSG_HTTP_DRAINED: note(role, "drained", 0); break;
    case MSG_HTTP_CONN_CLOSED: note(role, "gone", 0); break;
    case MSG_HTTP_RESPONSE: note(role, "answer(%u)", (unsigned)((const http_response_payload_t *)msg->payload)->status_code); break;
    case MSG_WS_OPEN: note(role, "open", 0); break;
    case MSG_WS_MESSAGE: note_text(role, message->is_binary ? "binary" : "text", ws_message_data(message), message->data_size); break;
    case MSG_WS_CLOSED:
        note(role, "closed(%u)", ((const ws_status_payload_t *)msg->payload)->close_code);
        snprintf(role->reason, sizeof role->reason, "%s", ws_close_reason(msg->payload));
        CHECK_EQ(msg->payload_size, sizeof(ws_status_payload_t) + strlen(role->reason) + 1);
        break;
    case MSG_HTTP_ERROR:
    case MSG_WS_ERROR:
        note(role, "error(", 0);
        mk_buffer_printf(&role->words, "%s: %s)", mk_err_name((mk_err_t)error->error_code), error->message);
        break;
    case MSG_SSE_OPEN: note(role, "open(%u)", (unsigned)((const sse_status_payload_t *)msg->payload)->status_code); break;
    case MSG_SSE_EVENT:
        CHECK_EQ(strlen(sse_event_name(event)), event->event_size);
        CHECK_EQ(strlen(sse_event_data(event)), event->data_size);
        snprintf(role->event_id, sizeof role->event_id, "%s", sse_event_id(event));
        note_text(role, sse_event_name(event), sse_event_data(event), event->data_size);
        break;
    case MSG_SSE_CLOSED: note(role, "closed(%u)", (unsigned)((const sse_status_payload_t *)msg->payload)->status_code); break;
    default: CHECK_EQ(msg->type, 0);
    }
    return true;
}

/* All that was heard since the last time. */
static inline const char *heard(role_t *role) {
    mk_buffer_append(&role->words, "", 1);
    role->words.size = 0;
    return (const char *)role->words.bytes;
}

/* ---- the stage ----------------------------------------------------------------------------------------------------------------- */

/* Until nothing happens any more, time standing still. */
static inline void settle(void) {
    for (unsigned quiet = 0, i = 0; quiet < 40; i++) { /* what is read need not be news to anybody */
        CHECK(i < 1000000);
        quiet = runtime_step(rt) ? 0 : quiet + 1;
    }
}

static inline void pass(uint64_t ms) {
    uint64_t steps = ms < 50 ? ms : 50;
    settle();
    for (uint64_t i = 0; i < steps; i++) {
        mk_fake_advance_us(ms * 1000 * (i + 1) / steps - ms * 1000 * i / steps);
        settle();
    }
}

static inline void ask(role_t *role, deed_fn *deed, uint64_t arg) {
    order_t order = {deed, arg};
    CHECK(actor_send(rt, role->id, MSG_DO, &order, sizeof order));
}

static inline void in(role_t *role, deed_fn *deed, uint64_t arg) {
    ask(role, deed, arg);
    settle();
}

static bool do_listen(role_t *role, uint64_t options) {
    static const http_listen_options_t plain;
    role->did = actor_http_listen_opts(rt, options != 0 ? (const http_listen_options_t *)(uintptr_t)options : &plain, &port);
    return true;
}

static inline void enter(role_t *role) {
    *role = (role_t){.path = "/"};
    role->id = actor_spawn(rt, behave, role, NULL, 0);
    CHECK(role->id != ACTOR_ID_INVALID);
}

static inline void begin_with(const http_listen_options_t *options) {
    static const runtime_config_t config = {.node_id = 1};
    mk_fake_reset(1);
    rt = runtime_create(&config);
    CHECK(rt != NULL);
    enter(&server);
    enter(&client);
    in(&server, do_listen, (uint64_t)(uintptr_t)options);
    CHECK_EQ(server.did, MK_OK);
}

static inline void begin(void) { begin_with(NULL); }

static inline void end(void) {
    runtime_destroy(rt);
    rt = NULL;
    CHECK_EQ(mk_fake_sockets(), 0);
    mk_buffer_free(&server.words);
    mk_buffer_free(&client.words);
}

static inline bool do_end(role_t *role, uint64_t arg) {
    (void)role;
    (void)arg;
    return false;
}

static inline bool do_close(role_t *role, uint64_t arg) {
    (void)arg;
    actor_http_close(rt, role->conn);
    return true;
}

#endif
