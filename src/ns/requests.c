/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c -- the name-space actor: names and mounts for those who can only send messages. A request to mount is a ticket until
 * room node has settled it; whatever is needed for the answer is there before it begins, so the answer is not lost. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "ns/internal.h"
#include "runtime/names.h"

enum {
    TICKETS = 32,           /* mounts under way */
    WHERE_BYTES_MAX = 255,  /* a host's name and what stands around it, or a path */
    TEXT_BYTES_MAX = 256,   /* of an answer */
    LIST_BYTES_MAX = 32768, /* half of what a guest without an allocator has for payloads */
};

typedef struct mk_ticket {
    uint32_t     number; /* 0: free; else its index in the lower 8 bits, and above them how often tickets were given */
    monitor_id_t asker;  /* a requester that ends is forgotten */
    message_t   *request;
    message_t   *answer; /* NULL: on its way */
} mk_ticket_t;

typedef struct mk_desk {
    mk_ns_t    *ns;
    uint32_t    given;
    message_t  *settled; /* the answer that is about to be handled */
    uint32_t    settled_number;
    mk_ticket_t ticket[TICKETS];
} mk_desk_t;

typedef struct answer {
    ns_reply_payload_t head;
    char               text[TEXT_BYTES_MAX];
} answer_t;

/* ---- answers ------------------------------------------------------------------------------------------------------------- */

static void answer_text(runtime_t *rt, const message_t *request, mk_err_t err, const char *text, size_t size) {
    uint8_t            payload[sizeof(ns_reply_payload_t) + TEXT_BYTES_MAX];
    ns_reply_payload_t head = {.error = err, .text_size = (uint32_t)size};
    memcpy(payload, &head, sizeof head);
    memcpy(payload + sizeof head, text, size);
    (void)actor_reply(rt, request, MSG_NS_REPLY, payload, sizeof head + size);
}

static void answer(runtime_t *rt, const message_t *request, mk_err_t err) {
    const char *text = err != MK_OK ? mk_err_text(err) : "";
    answer_text(rt, request, err, text, strlen(text));
}

/* ---- what was asked ---------------------------------------------------------------------------------------------------------- */

static bool is_local(runtime_t *rt, const message_t *request) {
    return actor_id_node(request->source) == runtime_get_node_id(rt) && actor_is_alive(rt, request->source);
}

/* The payload as a string. MK_ERR_INVALID: a NUL in it. */
static mk_err_t text_of(const message_t *request, size_t most, char **out) {
    size_t size = request->payload_size;
    if (size > most) return MK_ERR_TOOLONG;
    if (size != 0 && memchr(request->payload, '\0', size) != NULL) return MK_ERR_INVALID;
    *out = mk_strndup(size != 0 ? request->payload : "", size);
    return *out != NULL ? MK_OK : MK_ERR_NOMEM;
}

static mk_err_t register_name(mk_desk_t *desk, const message_t *request, const char *name) {
    return actor_try_register_name(desk->ns->rt, name, request->source);
}

/* As if the sender had done it, who may give up what it carries. */
static mk_err_t unregister_name(mk_desk_t *desk, const message_t *request, const char *name) {
    const mk_claim_t *claim = mk_ns_own(desk->ns, name, strlen(name));
    if (claim == NULL) return MK_ERR_NOTFOUND;
    if (mk_ns_claim_id(claim) != request->source) return MK_ERR_DENIED;
    (void)mk_names_withdraw(desk->ns->rt, name);
    return MK_OK;
}

static mk_err_t unmount(mk_desk_t *desk, const message_t *request, const char *who) {
    const mk_ns_mounter_t *mounter = &desk->ns->mounter;
    (void)request;
    return mounter->unmount != NULL ? mounter->unmount(mounter->arg, who) : MK_ERR_NOSYS;
}

/* Peers see what they are told. */
static mk_err_t list(mk_desk_t *desk, const message_t *request, const char *prefix) {
    runtime_t        *rt = desk->ns->rt;
    message_buffer_t *buf = message_buffer_create(sizeof(ns_reply_payload_t) + LIST_BYTES_MAX);
    if (buf == NULL) return MK_ERR_NOMEM;
    char              *text = (char *)message_buffer_data(buf) + sizeof(ns_reply_payload_t);
    ns_reply_payload_t head = {.error = MK_OK};
    head.text_size = (uint32_t)mk_ns_list_text(desk->ns, prefix, !is_local(rt, request), text, LIST_BYTES_MAX);
    memcpy(message_buffer_data(buf), &head, sizeof head);
    (void)actor_reply(rt, request, MSG_NS_REPLY, message_buffer_data(buf), sizeof head + head.text_size);
    message_buffer_release(buf);
    return MK_OK;
}

/* ---- tickets --------------------------------------------------------------------------------------------------------------------- */

static mk_ticket_t *ticket_find(mk_desk_t *desk, uint32_t number) {
    mk_ticket_t *ticket = (number & 0xff) < TICKETS ? &desk->ticket[number & 0xff] : NULL;
    return ticket != NULL && number != 0 && ticket->number == number ? ticket : NULL;
}

static void ticket_close(mk_desk_t *desk, mk_ticket_t *ticket) {
    runtime_t *rt = desk->ns->rt;
    message_release(rt, ticket->answer);
    message_release(rt, ticket->request);
    *ticket = (mk_ticket_t){0};
}

static mk_ticket_t *ticket_free(mk_desk_t *desk) {
    for (uint32_t i = 0; i < TICKETS; i++)
        if (desk->ticket[i].number == 0) return &desk->ticket[i];
    return NULL;
}

static mk_err_t ticket_open(mk_desk_t *desk, message_t *request, mk_ticket_t **out) {
    runtime_t   *rt = desk->ns->rt;
    mk_ticket_t *ticket = ticket_free(desk);
    if (ticket == NULL) return MK_ERR_LIMIT;
    message_t *reserve = mk_room_message(rt, MSG_NS_REPLY, sizeof(answer_t));
    if (reserve == NULL) return MK_ERR_NOMEM;
    monitor_id_t asker = actor_monitor(rt, request->source);
    if (asker == MONITOR_ID_INVALID) {
        message_release(rt, reserve);
        return MK_ERR_NOMEM;
    }
    uint32_t number = ++desk->given << 8 | (uint32_t)(ticket - desk->ticket);
    if (number >> 8 == 0) number |= ++desk->given << 8;
    *ticket = (mk_ticket_t){.number = number, .asker = asker, .answer = reserve};
    ticket->request = message_take(rt, request);
    *out = ticket;
    return MK_OK;
}

static mk_err_t mount(mk_desk_t *desk, message_t *request, const char *where) {
    const mk_ns_mounter_t *mounter = &desk->ns->mounter;
    mk_ticket_t           *ticket;
    if (mounter->mount == NULL) return MK_ERR_NOSYS;
    mk_err_t err = ticket_open(desk, request, &ticket);
    if (err != MK_OK) return err;
    uint32_t number = ticket->number;
    err = mounter->mount(mounter->arg, where, number);
    if (err != MK_OK) mk_ns_mounted(desk->ns, number, err, mk_err_text(err));
    return MK_OK;
}

void mk_ns_mounted(mk_ns_t *ns, uint32_t number, mk_err_t err, const char *text) {
    mk_ticket_t *ticket = ns->desk != NULL ? ticket_find(ns->desk, number) : NULL;
    actor_t     *actor = mk_runtime_actor(ns->rt, ns->actor);
    if (ticket == NULL || ticket->answer == NULL || actor == NULL) return;
    message_t *msg = ticket->answer;
    answer_t   full = {.head = {.error = err}};
    snprintf(full.text, sizeof full.text, "%s", text != NULL ? text : "");
    full.head.text_size = (uint32_t)strlen(full.text);
    memcpy((void *)(uintptr_t)msg->payload, &full, sizeof full);
    ticket->answer = NULL;
    mk_room_send(ns->rt, &ns->room, actor, msg, number);
}

bool mk_ns_admit(mk_ns_t *ns, actor_t *actor, message_t *msg, uint32_t number) {
    if (actor == NULL || ns->desk == NULL || ticket_find(ns->desk, number) == NULL) return false;
    ns->desk->settled = msg;
    ns->desk->settled_number = number;
    return true;
}

static void settle(mk_desk_t *desk, const message_t *msg) {
    mk_ticket_t *ticket = ticket_find(desk, desk->settled_number);
    answer_t     full;
    desk->settled = NULL;
    memcpy(&full, msg->payload, sizeof full);
    answer_text(desk->ns->rt, ticket->request, (mk_err_t)full.head.error, full.text, full.head.text_size);
    actor_demonitor(desk->ns->rt, ticket->asker);
    ticket_close(desk, ticket);
}

static void asker_ended(mk_desk_t *desk, const message_t *msg) {
    down_payload_t down;
    memcpy(&down, msg->payload, sizeof down);
    for (uint32_t i = 0; i < TICKETS; i++)
        if (desk->ticket[i].number != 0 && desk->ticket[i].asker == down.monitor) ticket_close(desk, &desk->ticket[i]);
}

/* ---- the actor --------------------------------------------------------------------------------------------------------------------- */

static void change(mk_desk_t *desk, message_t *msg, size_t most,
                   mk_err_t (*act)(mk_desk_t *desk, const message_t *request, const char *text)) {
    char    *text = NULL;
    mk_err_t err = is_local(desk->ns->rt, msg) ? text_of(msg, most, &text) : MK_ERR_DENIED;
    if (err == MK_OK) err = act(desk, msg, text);
    answer(desk->ns->rt, msg, err);
    mk_free(text);
}

static void ask(mk_desk_t *desk, message_t *msg) {
    char    *where = NULL;
    mk_err_t err = is_local(desk->ns->rt, msg) ? text_of(msg, WHERE_BYTES_MAX, &where) : MK_ERR_DENIED;
    if (err == MK_OK) err = mount(desk, msg, where);
    if (err != MK_OK) answer(desk->ns->rt, msg, err);
    mk_free(where);
}

static void show(mk_desk_t *desk, message_t *msg) {
    char    *prefix = NULL;
    mk_err_t err = text_of(msg, MK_NS_NAME_BYTES_MAX + sizeof(mk_prefix_t), &prefix);
    if (err == MK_OK) err = list(desk, msg, prefix);
    if (err != MK_OK) answer(desk->ns->rt, msg, err);
    mk_free(prefix);
}

static bool behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    mk_desk_t *desk = state;
    (void)rt, (void)self;
    if (msg == desk->settled) {
        settle(desk, msg);
        return true;
    }
    switch (msg->type) {
    case MSG_NAME_REGISTER: change(desk, msg, SIZE_MAX, register_name); break;
    case MSG_NAME_UNREGISTER: change(desk, msg, SIZE_MAX, unregister_name); break;
    case MSG_NS_UNMOUNT: change(desk, msg, WHERE_BYTES_MAX, unmount); break;
    case MSG_NS_MOUNT: ask(desk, msg); break;
    case MSG_NS_LIST: show(desk, msg); break;
    case MSG_DOWN: asker_ended(desk, msg); break;
    default: break;
    }
    return true;
}

static void ended(void *state) {
    mk_desk_t *desk = state;
    for (uint32_t i = 0; i < TICKETS; i++)
        if (desk->ticket[i].number != 0) ticket_close(desk, &desk->ticket[i]);
    desk->ns->desk = NULL;
    desk->ns->actor = ACTOR_ID_INVALID;
    mk_free(desk);
}

actor_id_t ns_actor_init(runtime_t *rt) {
    mk_ns_t *ns = mk_ns_of(rt);
    if (ns != NULL && ns->actor != ACTOR_ID_INVALID) return ns->actor;
    mk_desk_t *desk = ns != NULL ? mk_calloc(1, sizeof *desk) : NULL;
    mk_err_t   err = desk != NULL ? MK_OK : MK_ERR_NOMEM;
    if (err == MK_OK) {
        desk->ns = ns;
        err = actor_spawn_opts(rt,
                               &(actor_options_t){.behavior = behavior,
                                                  .state = desk,
                                                  .free_state = ended,
                                                  .name = "ns",
                                                  .orphan = true,
                                                  .number_last = true},
                               &ns->actor);
    }
    if (err != MK_OK) {
        actor_log(rt, MK_LOG_ERROR, "no name-space actor: %s", mk_err_text(err));
        mk_free(desk);
        return ACTOR_ID_INVALID;
    }
    ns->desk = desk;
    return ns->actor;
}
