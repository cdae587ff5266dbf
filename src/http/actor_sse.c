/* SPDX-License-Identifier: Apache-2.0 */
/* actor_sse.c -- see actor_sse.h. */
#include "http/actor_sse.h"

#include <string.h>

#include "base/assert.h"
#include "microkernel/services.h"

/* ---- server: what the session says -------------------------------------------------------------------------------- */

static mk_actor_push_t *pusher(mk_sse_push_t *push) { return mk_container_of(push, mk_actor_push_t, push); }

static mk_err_t on_write(mk_sse_push_t *push, const void *bytes, size_t size) {
    mk_actor_push_t *self = pusher(push);
    return self->host->write(self, bytes, size);
}

static void on_drained(mk_sse_push_t *push) { mk_actor_link_tell(&pusher(push)->link, MK_LINK_DRAINED); }

static void on_too_slow(mk_sse_push_t *push) {
    mk_actor_push_t *self = pusher(push);
    mk_sse_push_stop(push);
    self->host->cut(self);
}

const mk_sse_push_ops_t mk_actor_push_ops = {on_write, on_drained, on_too_slow};

static message_t *push_news(mk_actor_link_t *link, uint32_t what) {
    const http_conn_payload_t  drained = {link->id};
    const sse_status_payload_t status = {link->id, 200};
    if (what == MK_LINK_DRAINED) return mk_actor_link_message(link, MSG_HTTP_DRAINED, &drained, sizeof drained);
    return mk_actor_link_message(link, MSG_SSE_CLOSED, &status, sizeof status);
}

static void nothing_to_resume(mk_actor_link_t *link) { (void)link; }

static const mk_actor_link_ops_t push_link_ops = {push_news, nothing_to_resume};

/* ---- server: for the connection ----------------------------------------------------------------------------------- */

mk_err_t mk_actor_push_start(mk_actor_push_t *self, const mk_actor_push_host_t *host, runtime_t *rt, http_conn_id_t id,
                             mk_sse_push_kind_t *kind, const sse_options_t *options) {
    const mk_sse_push_config_t config = {
        .heartbeat_ms = options->heartbeat_ms,
        .retry_ms = options->retry_ms,
        .close_when_full = options->close_when_full,
    };
    mk_actor_link_init(&self->link, &host->link, &push_link_ops, rt, id);
    self->host = host;
    self->gone = false;
    return mk_sse_push_start(&self->push, kind, &config, mk_runtime_loop(rt));
}

void mk_actor_push_drained(mk_actor_push_t *self) { mk_sse_push_drained(&self->push); }

void mk_actor_push_gone(mk_actor_push_t *self) {
    if (self->gone) return;
    self->gone = true;
    mk_sse_push_stop(&self->push);
    mk_actor_link_tell(&self->link, MK_LINK_LAST);
    mk_actor_link_over(&self->link);
}

void mk_actor_push_abandon(mk_actor_push_t *self) {
    bool gone = self->gone; /* then the record may go now */
    mk_sse_push_stop(&self->push);
    mk_actor_link_abandon(&self->link);
    if (!gone) self->host->finish(self);
}

void mk_actor_push_fini(mk_actor_push_t *self) {
    mk_actor_link_fini(&self->link);
    mk_sse_push_stop(&self->push);
}

/* ---- server: for actors ------------------------------------------------------------------------------------------- */

mk_err_t actor_sse_push_event(runtime_t *rt, http_conn_id_t id, const char *id_text, const char *event,
                              const void *data, size_t size) {
    mk_actor_push_t     *self = mk_http_find_push(rt, id);
    const mk_http_text_t none = {NULL, 0};
    if (self == NULL) return MK_ERR_NOTFOUND;
    if (self->gone) return MK_ERR_CLOSED;
    const mk_sse_event_t pushed = {
        .name = event != NULL ? mk_http_text(event) : none,
        .data = {data, size},
        .id = id_text != NULL ? mk_http_text(id_text) : none,
    };
    return mk_sse_push_event(&self->push, &pushed);
}

/* What an actor hears of anyway, in MSG_HTTP_DRAINED and MSG_SSE_CLOSED, is not worth a line each time. */
static bool logged(runtime_t *rt, const char *what, http_conn_id_t id, mk_err_t err) {
    if (err == MK_OK) return true;
    int level = err == MK_ERR_FULL || err == MK_ERR_CLOSED ? MK_LOG_DEBUG : MK_LOG_WARN;
    actor_log(rt, level, "%s: event stream %u: %s", what, (unsigned)id, mk_err_text(err));
    return false;
}

bool actor_sse_push(runtime_t *rt, http_conn_id_t id, const char *event, const void *data, size_t size) {
    return logged(rt, "actor_sse_push", id, actor_sse_push_event(rt, id, NULL, event, data, size));
}

bool actor_sse_start(runtime_t *rt, http_conn_id_t id) {
    const sse_options_t defaults = {0};
    return logged(rt, "actor_sse_start", id, actor_sse_start_opts(rt, id, &defaults));
}

/* ---- client ------------------------------------------------------------------------------------------------------- */

static mk_actor_source_t *sourcer(mk_sse_source_t *source) {
    return mk_container_of(source, mk_actor_source_t, source);
}

static void on_request(mk_sse_source_t *source) { sourcer(source)->host->request(sourcer(source)); }
static void on_abandon(mk_sse_source_t *source) { sourcer(source)->host->abandon(sourcer(source)); }
static void on_resume(mk_sse_source_t *source) { sourcer(source)->host->resume(sourcer(source)); }

static void on_open(mk_sse_source_t *source, int status) {
    mk_actor_source_t *self = sourcer(source);
    self->status = status;
    mk_actor_link_tell(&self->link, MK_LINK_OPEN);
}

static char *put_text(char *to, mk_http_text_t text) {
    if (text.size > 0) memcpy(to, text.at, text.size);
    to[text.size] = '\0';
    return to + text.size + 1;
}

static void close_source(mk_actor_source_t *self, int status) {
    self->status = status;
    mk_actor_link_tell(&self->link, MK_LINK_LAST);
    mk_actor_link_over(&self->link);
}

/* An event that cannot be told is not passed over in silence: the source is closed instead. */
static void on_event(mk_sse_source_t *source, const mk_sse_event_t *event) {
    mk_actor_source_t *self = sourcer(source);
    size_t             size = sizeof(sse_event_payload_t) + event->name.size + event->data.size + 2;
    message_t         *msg = mk_room_message(self->link.rt, MSG_SSE_EVENT, size);
    if (msg == NULL) {
        actor_log(self->link.rt, MK_LOG_WARN, "event source %u: out of memory", (unsigned)self->link.id);
        mk_sse_source_stop(source);
        self->host->abandon(self);
        close_source(self, 0);
        return;
    }
    sse_event_payload_t *payload = (sse_event_payload_t *)(uintptr_t)msg->payload;
    *payload = (sse_event_payload_t){self->link.id, event->name.size, event->data.size};
    put_text(put_text((char *)(payload + 1), event->name), event->data);
    if (mk_actor_link_send(&self->link, msg)) mk_sse_source_pause(source);
}

static void on_closed(mk_sse_source_t *source, mk_err_t why, int status) {
    mk_actor_source_t *self = sourcer(source);
    if (why != MK_OK) {
        actor_log(self->link.rt, MK_LOG_INFO, "event source %u: %s, status %d", (unsigned)self->link.id,
                  mk_err_text(why), status);
    }
    close_source(self, status);
}

static const mk_sse_source_ops_t source_ops = {on_request, on_open, on_event, on_abandon, on_resume, on_closed};

static message_t *source_news(mk_actor_link_t *link, uint32_t what) {
    const mk_actor_source_t   *self = (const mk_actor_source_t *)link;
    const sse_status_payload_t status = {link->id, self->status};
    return mk_actor_link_message(link, what == MK_LINK_OPEN ? MSG_SSE_OPEN : MSG_SSE_CLOSED, &status, sizeof status);
}

static void source_go_on(mk_actor_link_t *link) { mk_sse_source_resume(&((mk_actor_source_t *)link)->source); }

static const mk_actor_link_ops_t source_link_ops = {source_news, source_go_on};

void mk_actor_source_start(mk_actor_source_t *self, const mk_actor_source_host_t *host, runtime_t *rt,
                           http_conn_id_t id, const mk_sse_source_config_t *config) {
    mk_actor_link_init(&self->link, &host->link, &source_link_ops, rt, id);
    self->host = host;
    self->status = 0;
    mk_sse_source_init(&self->source, mk_runtime_loop(rt), &source_ops, config);
    /* Both name and data may have that many bytes, of each of which repair may make three. */
    size_t payload_max = (mk_runtime_payload_max(rt) - sizeof(sse_event_payload_t) - 2) / 6;
    if (self->source.parser.bytes_max > payload_max) self->source.parser.bytes_max = payload_max;
    mk_sse_source_start(&self->source);
}

void mk_actor_source_abandon(mk_actor_source_t *self) {
    bool done = self->link.done;
    mk_sse_source_stop(&self->source);
    if (!done) self->host->abandon(self);
    mk_actor_link_abandon(&self->link);
    if (!done) mk_actor_link_over(&self->link);
}

void mk_actor_source_fini(mk_actor_source_t *self) {
    mk_actor_link_fini(&self->link);
    mk_sse_source_stop(&self->source);
}
