/* SPDX-License-Identifier: Apache-2.0 */
/* ai.c -- an actor in front of a model server: each request becomes one over HTTP, and its answer one message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/local_ai.h"
#include "microkernel/service_messages.h"
#include "microkernel/services.h"
#include "services/ai_json.h"

enum { TIMEOUT_DEFAULT_MS = 120000, WAITING_DEFAULT = 64, ANSWER_BYTES_MAX = 8 << 20, URL_BYTES = 300 };

typedef struct task {
    struct task   *next;
    http_conn_id_t conn;
    actor_id_t     source;
    call_id_t      call;
    bool           embed;
} task_t;

typedef struct ai {
    local_ai_config_t config;
    task_t           *tasks;
    unsigned          waiting;
} ai_t;

static void reply_text(runtime_t *rt, const message_t *to, const char *text) {
    (void)actor_reply(rt, to, MSG_CF_ERROR, text, strlen(text));
}

static task_t **find(ai_t *ai, http_conn_id_t conn) {
    task_t **at = &ai->tasks;
    while (*at != NULL && (*at)->conn != conn) at = &(*at)->next;
    return at;
}

static void finish(ai_t *ai, task_t **at) {
    task_t *task = *at;
    *at = task->next;
    ai->waiting--;
    mk_free(task);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------ */

typedef struct request {
    mk_text_t model, text;
    bool      has_text;
} request_t;

static const char *parse(const ai_t *ai, const message_t *msg, request_t *out) {
    const char *last = msg->type == MSG_CF_AI_EMBED ? "text" : "prompt";
    mk_fields_t fields = {msg->payload, msg->payload_size};
    mk_text_t   name, value;
    *out = (request_t){.model = {ai->config.model, strlen(ai->config.model)}};
    while (mk_fields_next(&fields, last, &name, &value)) {
        if (mk_text_is(name, last)) {
            out->text = value;
            out->has_text = true;
        } else if (!mk_text_is(name, "model")) {
            return "there is no such field";
        } else if (value.size != 0) {
            out->model = value;
        }
    }
    if (fields.left != 0) return "lines of the form name=value are expected";
    if (!out->has_text) return msg->type == MSG_CF_AI_EMBED ? "text is missing" : "prompt is missing";
    if (out->model.size == 0) return "no model is named, and this node has no default (MK_AI_MODEL)";
    return NULL;
}

static mk_err_t fetch(runtime_t *rt, const ai_t *ai, bool embed, const mk_buffer_t *body, http_conn_id_t *conn) {
    char        url[URL_BYTES], bearer[sizeof ai->config.key + 32];
    const char *headers[] = {"Content-Type: application/json", bearer};
    snprintf(url, sizeof url, "%s/%s", ai->config.url, embed ? "embeddings" : "chat/completions");
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", ai->config.key);
    http_fetch_options_t options = {.method = "POST",
                                    .url = url,
                                    .headers = headers,
                                    .headers_n = ai->config.key[0] != '\0' ? 2 : 1,
                                    .body = body->bytes,
                                    .body_size = body->size,
                                    .redirects_max = -1, /* a prompt goes to nobody else */
                                    .body_bytes_max = ANSWER_BYTES_MAX,
                                    .response_ms = ai->config.timeout_ms,
                                    .total_ms = ai->config.timeout_ms};
    return actor_http_fetch_opts(rt, &options, conn);
}

static const char *ask(runtime_t *rt, ai_t *ai, const message_t *msg) {
    request_t   request;
    bool        embed = msg->type == MSG_CF_AI_EMBED;
    const char *why = parse(ai, msg, &request);
    if (why != NULL) return why;
    if (ai->waiting >= ai->config.waiting_max) return "too many requests at a time";
    mk_buffer_t body = {0};
    task_t     *task = mk_alloc(sizeof *task);
    bool        made = embed ? mk_ai_json_embed(&body, request.model, request.text)
                             : mk_ai_json_infer(&body, request.model, request.text);
    mk_err_t    err = MK_ERR_NOMEM;
    if (task != NULL && made) {
        *task = (task_t){.next = ai->tasks, .source = msg->source, .call = msg->call, .embed = embed};
        err = fetch(rt, ai, embed, &body, &task->conn);
    }
    mk_buffer_free(&body);
    if (err != MK_OK) {
        mk_free(task);
        return mk_err_text(err);
    }
    ai->tasks = task;
    ai->waiting++;
    return NULL;
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------ */

static void answered(runtime_t *rt, ai_t *ai, const http_response_payload_t *response) {
    task_t **at = find(ai, response->conn_id);
    if (*at == NULL) return;
    const task_t *task = *at;
    message_t     to = {.source = task->source, .call = task->call};
    const char   *body = (const char *)http_response_body(response);
    mk_buffer_t   out = {0};
    char          why[256];
    bool          good = task->embed ? mk_ai_json_numbers(&out, body, response->body_size)
                                     : mk_ai_json_text(&out, body, response->body_size);
    if (good && response->status_code == 200) {
        (void)actor_reply(rt, &to, task->embed ? MSG_CF_EMBEDDING : MSG_CF_VALUE, out.bytes, out.size);
    } else {
        snprintf(why, sizeof why, "the model server answered %d%s%.*s", response->status_code,
                 !good && out.size != 0 ? ": " : "", good || out.size > 200 ? 0 : (int)out.size,
                 out.bytes != NULL ? (const char *)out.bytes : "");
        reply_text(rt, &to, why);
    }
    mk_buffer_free(&out);
    finish(ai, at);
}

static void failed(runtime_t *rt, ai_t *ai, const http_error_payload_t *error) {
    task_t **at = find(ai, error->conn_id);
    if (*at == NULL) return;
    message_t to = {.source = (*at)->source, .call = (*at)->call};
    char      why[200];
    snprintf(why, sizeof why, "the model server: %s", error->message);
    reply_text(rt, &to, why);
    finish(ai, at);
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    ai_t       *ai = state;
    const char *why;
    (void)self;
    switch (msg->type) {
    case MSG_CF_AI_INFER:
    case MSG_CF_AI_EMBED:
        if ((why = ask(rt, ai, msg)) != NULL) reply_text(rt, msg, why);
        break;
    case MSG_HTTP_RESPONSE: answered(rt, ai, msg->payload); break;
    case MSG_HTTP_ERROR: failed(rt, ai, msg->payload); break;
    default: break;
    }
    return true;
}

static void destroy(void *state) {
    ai_t *ai = state;
    while (ai->tasks != NULL) finish(ai, &ai->tasks);
    mk_free(ai);
}

/* ---- starting ------------------------------------------------------------------------------------------------------------------- */

/* False: it does not fit. */
static bool take_default(char *field, size_t size, const char *variable) {
    const char *value = getenv(variable);
    if (memchr(field, '\0', size) == NULL) return false;
    if (field[0] != '\0' || value == NULL) return true;
    int n = snprintf(field, size, "%s", value);
    return n >= 0 && (size_t)n < size;
}

static bool take_defaults(local_ai_config_t *config) {
    if (config->timeout_ms == 0) config->timeout_ms = TIMEOUT_DEFAULT_MS;
    if (config->waiting_max == 0) config->waiting_max = WAITING_DEFAULT;
    bool fits = take_default(config->url, sizeof config->url, "MK_AI_URL") &&
                take_default(config->model, sizeof config->model, "MK_AI_MODEL") &&
                take_default(config->key, sizeof config->key, "MK_AI_KEY");
    size_t size = strlen(config->url);
    while (fits && size != 0 && config->url[size - 1] == '/') config->url[--size] = '\0';
    return fits && size != 0;
}

static mk_err_t start(runtime_t *rt, const local_ai_config_t *config, actor_id_t *out) {
    if (!mk_ai_json_is_there()) return MK_ERR_NOSYS;
    ai_t *ai = mk_calloc(1, sizeof *ai);
    if (ai == NULL) return MK_ERR_NOMEM;
    if (config != NULL) ai->config = *config;
    mk_err_t err = take_defaults(&ai->config) ? MK_OK : MK_ERR_INVALID;
    if (err == MK_OK) {
        actor_options_t spawn = {.behavior = behave,
                                 .state = ai,
                                 .free_state = destroy,
                                 .name = "/node/local/ai/infer",
                                 .orphan = true,
                                 .number_last = true};
        err = actor_spawn_opts(rt, &spawn, out);
    }
    if (err != MK_OK) {
        mk_free(ai);
        return err;
    }
    err = actor_try_register_name(rt, "/node/local/ai/embed", *out);
    if (err != MK_OK) actor_stop(rt, *out);
    return err;
}

actor_id_t local_ai_init(runtime_t *rt, const local_ai_config_t *config) {
    actor_id_t id;
    mk_err_t   err = start(rt, config, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_ERROR, "model server (MK_AI_URL): %s", mk_err_text(err));
    return ACTOR_ID_INVALID;
}
