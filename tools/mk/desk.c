/* SPDX-License-Identifier: Apache-2.0 */
#include "desk_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "settings.h"

/* A shell; id 0: a free place. */
typedef struct client {
    actor_id_t   id;
    actor_id_t   watched;
    monitor_id_t monitor;
    call_id_t    call; /* not answered yet             */
    unsigned     what; /* the question it came from    */
    char         name[64];
} client_t;

typedef struct desk {
    client_t *clients;
    size_t    n;
} desk_t;

/* ---- answers ----------------------------------------------------------------------------------------------------------- */

void mk_desk_tell(runtime_t *rt, actor_id_t shell, unsigned what, const char *text) {
    actor_send(rt, shell, what, text, strlen(text));
}

void mk_desk_add(mk_desk_page_t *page, const char *format, ...) {
    char    line[MK_DESK_LINE_BYTES];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size >= (int)sizeof line) line[(size = (int)sizeof line - 1) - 1] = '\n';
    if (page->held + (size_t)size >= sizeof page->text) {
        mk_desk_tell(page->rt, page->shell, MK_DESK_MORE, page->text);
        page->held = 0;
    }
    memcpy(page->text + page->held, line, (size_t)size + 1);
    page->held += (size_t)size;
}

void mk_desk_end(const mk_desk_page_t *page) { mk_desk_tell(page->rt, page->shell, MK_DESK_SAID, page->text); }

static void answer(runtime_t *rt, const client_t *client, msg_type_t type, const char *text) {
    mk_desk_tell(rt, client->id, type, text);
}

MK_PRINTF(4, 5) static void answerf(runtime_t *rt, const client_t *client, msg_type_t type, const char *format, ...) {
    char    text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    answer(rt, client, type, text);
}

/* ---- asking other nodes -------------------------------------------------------------------------------------------------- */

static void await(runtime_t *rt, client_t *client, unsigned what, call_id_t call) {
    client->call = call;
    client->what = what;
    if (call == CALL_ID_INVALID) answer(rt, client, MK_DESK_FAILED, "there is no link to that node");
}

static void ask_spawn(runtime_t *rt, client_t *client, const message_t *msg) {
    char text[256] = "", *rest = text;
    if (msg->payload_size >= sizeof text) {
        answer(rt, client, MK_DESK_FAILED, "the line is too long");
        return;
    }
    if (msg->payload_size != 0) memcpy(text, msg->payload, msg->payload_size);
    const char *word = strsep(&rest, " "), *module = strsep(&rest, " "), *name = rest;
    node_id_t   node = mk_desk_find_node(rt, word);
    if (module == NULL || node == 0) {
        answerf(rt, client, MK_DESK_FAILED, "no node '%s' is linked", word);
        return;
    }
    snprintf(client->name, sizeof client->name, "%s", name != NULL ? name : "");
    await(rt, client, MK_DESK_SPAWN, node_spawn(rt, node, module, name));
}

static bool read_id(const message_t *msg, actor_id_t *out) {
    if (msg->payload_size != sizeof *out) return false;
    memcpy(out, msg->payload, sizeof *out);
    return true;
}

static void ask_stop(runtime_t *rt, client_t *client, const message_t *msg) {
    actor_id_t id;
    if (read_id(msg, &id)) await(rt, client, MK_DESK_STOP, node_stop(rt, id));
}

static bool is_client(const desk_t *desk, actor_id_t id) {
    size_t i = 0;
    while (i < desk->n && desk->clients[i].id != id) i++;
    return i < desk->n && id != ACTOR_ID_INVALID;
}

/* Of an actor elsewhere: the module is one of that node's. */
static void reload(runtime_t *rt, const desk_t *desk, client_t *client, const message_t *msg) {
    actor_id_t id = ACTOR_ID_INVALID;
    char       module[256];
    if (msg->payload_size > sizeof id) memcpy(&id, msg->payload, sizeof id);
    if (is_client(desk, id)) {
        answer(rt, client, MK_DESK_FAILED, MK_DESK_IS_SHELL);
        return;
    }
    if (actor_id_node(id) == 0 || actor_id_node(id) == runtime_get_node_id(rt)) {
        mk_desk_reload(rt, client->id, msg);
        return;
    }
    int size = snprintf(module, sizeof module, "%.*s", (int)(msg->payload_size - sizeof id),
                        (const char *)msg->payload + sizeof id);
    if (size < (int)sizeof module) await(rt, client, MK_DESK_RELOAD, node_reload(rt, id, module));
    else answer(rt, client, MK_DESK_FAILED, "not the name of a module");
}

static void modules(runtime_t *rt, const client_t *client, const message_t *msg) {
    actor_id_t id;
    if (read_id(msg, &id)) mk_desk_module_of(rt, client->id, id);
    else mk_desk_modules(rt, client->id);
}

/* In words of who asked, not of who answered. */
static const char *reason(const node_reply_payload_t *reply) {
    switch (reply->error) {
    case MK_ERR_DENIED: return "that node does not let this one do it";
    case MK_ERR_CLOSED: return "the node is gone";
    case MK_ERR_TIMEOUT: return "no answer";
    case MK_ERR_NOTFOUND: return "not found there";
    default: return mk_err_text((mk_err_t)reply->error);
    }
}

static void on_reply(runtime_t *rt, const desk_t *desk, const message_t *msg) {
    const node_reply_payload_t *reply = msg->payload;
    client_t                   *client = NULL;
    for (size_t i = 0; i < desk->n && client == NULL; i++) {
        if (desk->clients[i].call == reply->call && desk->clients[i].id != 0) client = &desk->clients[i];
    }
    if (client == NULL) return;
    client->call = CALL_ID_INVALID;
    if (reply->error != MK_OK) {
        const char *text = (const char *)(reply + 1);
        answerf(rt, client, MK_DESK_FAILED, "%s%s%.*s", reason(reply), reply->text_size > 0 ? ": " : "",
                (int)reply->text_size, text);
    } else if (client->what == MK_DESK_RELOAD) {
        mk_desk_reload_taken(rt, client->id, reply);
    } else if (client->what == MK_DESK_STOP) {
        answerf(rt, client, MK_DESK_SAID, "Stopped actor %llu\n", (unsigned long long)reply->id);
    } else if (client->name[0] != '\0') {
        answerf(rt, client, MK_DESK_SAID, "Spawned actor %llu as '%s'\n", (unsigned long long)reply->id, client->name);
    } else {
        answerf(rt, client, MK_DESK_SAID, "Spawned actor %llu\n", (unsigned long long)reply->id);
    }
}

/* ---- how an actor fares ---------------------------------------------------------------------------------------------------- */

static void unwatch(runtime_t *rt, client_t *client) {
    if (client->monitor != MONITOR_ID_INVALID) actor_demonitor(rt, client->monitor);
    client->monitor = MONITOR_ID_INVALID;
}

static void watch(runtime_t *rt, client_t *client, const message_t *msg) {
    unwatch(rt, client);
    if (read_id(msg, &client->watched)) client->monitor = actor_monitor(rt, client->watched);
}

static const char *fate(uint8_t exit_reason) {
    switch (exit_reason) {
    case EXIT_NODE_DOWN: return "the node is gone";
    case EXIT_NO_ACTOR: return "there is no such actor";
    case EXIT_DENIED: return "this node may not send to it";
    default: return "the actor ended before it answered";
    }
}

static void on_down(runtime_t *rt, const desk_t *desk, const message_t *msg) {
    const down_payload_t *down = msg->payload;
    for (size_t i = 0; i < desk->n; i++) {
        client_t *client = &desk->clients[i];
        char      text[128];
        if (client->id == 0 || client->monitor != down->monitor) continue;
        client->monitor = MONITOR_ID_INVALID;
        memcpy(text, &down->actor_id, sizeof down->actor_id);
        int size =
            snprintf(text + sizeof down->actor_id, sizeof text - sizeof down->actor_id, "%s", fate(down->exit_reason));
        actor_send(rt, client->id, MK_DESK_DOWN, text, sizeof down->actor_id + (size_t)size);
    }
}

/* ---- the actor ------------------------------------------------------------------------------------------------------------- */

/* NULL: a stranger. Those who have ended make room. */
static client_t *client_of(runtime_t *rt, const desk_t *desk, actor_id_t id) {
    client_t *found = NULL;
    for (size_t i = 0; i < desk->n; i++) {
        client_t *client = &desk->clients[i];
        if (client->id == id && id != 0) {
            found = client;
        } else if (client->id != 0 && !actor_is_alive(rt, client->id)) {
            unwatch(rt, client);
            *client = (client_t){0};
        }
    }
    return found;
}

static void on_question(runtime_t *rt, const desk_t *desk, const message_t *msg) {
    client_t *client = client_of(rt, desk, msg->source);
    if (client == NULL) return;
    switch (msg->type) {
    case MK_DESK_NODES: mk_desk_nodes(rt, client->id); break;
    case MK_DESK_SPAWN: ask_spawn(rt, client, msg); break;
    case MK_DESK_STOP: ask_stop(rt, client, msg); break;
    case MK_DESK_WATCH: watch(rt, client, msg); break;
    case MK_DESK_UNWATCH: unwatch(rt, client); break;
    case MK_DESK_RELOAD: reload(rt, desk, client, msg); break;
    case MK_DESK_MODULES: modules(rt, client, msg); break;
    case MK_DESK_REMEMBER: mk_desk_remember(rt, msg); break;
    case MK_DESK_RECALL: mk_desk_recall(rt, client->id); break;
    default: break;
    }
}

static bool serve(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    const desk_t *desk = state;
    (void)self;
    switch (msg->type) {
    case MSG_NODE_REPLY: on_reply(rt, desk, msg); break;
    case MSG_DOWN: on_down(rt, desk, msg); break;
    default:
        if (!mk_desk_reload_heard(rt, msg) && !mk_desk_keep_answered(rt, msg)) on_question(rt, desk, msg);
        break;
    }
    return true;
}

static void desk_free(void *state) {
    desk_t *desk = state;
    free(desk->clients);
    free(desk);
}

bool mk_desk_open(runtime_t *rt) {
    actor_id_t      id;
    actor_options_t options = {
        .behavior = serve,
        .state = calloc(1, sizeof(desk_t)),
        .free_state = desk_free,
        .name = MK_DESK_NAME,
        .number_last = true,
    };
    if (options.state == NULL) return false;
    if (actor_spawn_opts(rt, &options, &id) == MK_OK) return true;
    free(options.state);
    return false;
}

bool mk_desk_is_shell(runtime_t *rt, actor_id_t id) {
    const desk_t *desk = actor_state_of(rt, actor_lookup(rt, MK_DESK_NAME), serve);
    return desk != NULL && is_client(desk, id);
}

bool mk_desk_admit(runtime_t *rt, actor_id_t shell) {
    desk_t *desk = actor_state_of(rt, actor_lookup(rt, MK_DESK_NAME), serve);
    if (desk == NULL) return false;
    size_t at = 0;
    while (at < desk->n && desk->clients[at].id != 0) at++;
    if (at == desk->n) {
        client_t *clients = realloc(desk->clients, (desk->n + 1) * sizeof *clients);
        if (clients == NULL) return false;
        desk->clients = clients;
        desk->n++;
    }
    desk->clients[at] = (client_t){.id = shell};
    return true;
}
