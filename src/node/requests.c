/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c -- what nodes ask of each other: start a module, stop or reload an actor.
 *
 * An asker's record lives until its one answer is in the actor's mailbox: the peer's, or ours when the peer is gone or silent. That
 * of a reload that was taken stays until it is told what became of it as well. It ends with its actor. What the control lane has no room for waits with the peer; an honest one never has more than
 * MK_REQUESTS_MAX under way in either direction, so that is the bound. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/wasm_actor.h"
#include "node/cluster_parts.h"

enum { RETRY_MS = 1, TEXT_MAX = 255 };

typedef struct asked {
    mk_cluster_t *cluster;
    mk_res_t      res; /* of its actor                                          */
    mk_node_t     all; /* of the peer, until nothing more is expected from it   */
    mk_peer_t    *peer;
    actor_t      *actor;
    call_id_t     ref;
    mk_timer_t    timer; /* until it is given up; then until there is memory for what is to be told */
    bool          is_reload;
    bool          answered, replied; /* it has its answer, and the actor has been told             */
    bool          decided;           /* a reload that was taken                                    */
    mk_err_t      error;
    uint8_t       outcome;
    actor_id_t    id;
} asked_t;

/* ---- what waits for the lane --------------------------------------------------------------------------------------------------- */

static mk_err_t send_frame(mk_peer_t *peer, const uint8_t *frame, size_t size) {
    if (peer->waiting_n == 0) {
        mk_err_t err = mk_peer_say(peer, frame, size);
        if (err != MK_ERR_FULL) return err;
    }
    if (peer->waiting_n >= 3 * MK_REQUESTS_MAX) return MK_ERR_FULL;
    if (!mk_buffer_append(&peer->waiting, frame, size)) {
        peer->waiting.failed = false;
        return MK_ERR_NOMEM;
    }
    peer->waiting_n++;
    return MK_OK;
}

void mk_requests_drained(mk_peer_t *peer) {
    size_t done = 0;
    while (peer->waiting_n != 0) {
        const uint8_t *frame = peer->waiting.bytes + done;
        size_t         size = mk_wire_load16(frame);
        if (mk_peer_say(peer, frame, size) != MK_OK) break;
        done += size;
        peer->waiting_n--;
    }
    if (peer->waiting_n == 0) mk_buffer_free(&peer->waiting);
    else mk_buffer_consume(&peer->waiting, done);
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------------- */

static void asked_leave_peer(asked_t *asked) {
    if (asked->peer == NULL) return;
    mk_list_remove(&asked->all);
    if (!asked->answered) asked->peer->asked_n--;
    asked->peer = NULL;
}

static void asked_free(asked_t *asked) {
    asked_leave_peer(asked);
    mk_wheel_cancel(&asked->cluster->loop->wheel, &asked->timer);
    mk_list_remove(&asked->res.node);
    mk_idmap_remove(&asked->cluster->requests, asked->ref);
    mk_free(asked);
}

static void actor_ended(runtime_t *rt, mk_res_t *res) {
    (void)rt;
    asked_free(mk_container_of(res, asked_t, res));
}

static const mk_res_ops_t res_ops = {actor_ended};

/* False: no memory, so it is tried again soon; the text is not worth waiting for. */
static bool tell(asked_t *asked, msg_type_t type, const void *head, size_t size, mk_slice_t text) {
    mk_cluster_t *cluster = asked->cluster;
    message_t    *msg = mk_room_message(cluster->rt, type, size + text.size);
    if (msg == NULL) {
        mk_wheel_arm(&cluster->loop->wheel, &asked->timer, mk_loop_after_ms(cluster->loop, RETRY_MS));
        return false;
    }
    uint8_t *payload = (uint8_t *)(uintptr_t)msg->payload;
    memcpy(payload, head, size);
    if (text.size != 0) memcpy(payload + size, text.data, text.size);
    mk_room_send(cluster->rt, &cluster->room, asked->actor, msg, MK_TAG_PLAIN);
    return true;
}

/* Tells the actor what is known by now; frees it when nothing can follow. */
static void settle(asked_t *asked, mk_slice_t text) {
    bool more = asked->is_reload && asked->error == MK_OK;
    if (!asked->replied) {
        node_reply_payload_t reply = {.call = asked->ref, .error = (uint32_t)asked->error, .id = asked->id};
        reply.text_size = (uint32_t)text.size;
        if (!tell(asked, MSG_NODE_REPLY, &reply, sizeof reply, text)) return;
        asked->replied = true;
        mk_wheel_cancel(&asked->cluster->loop->wheel, &asked->timer);
        text = (mk_slice_t){0};
    }
    if (more && !asked->decided) return;
    if (more) {
        wasm_reloaded_payload_t end = {.id = asked->id, .ref = asked->ref, .outcome = asked->outcome};
        end.text_size = (uint32_t)text.size;
        if (!tell(asked, MSG_WASM_RELOADED, &end, sizeof end, text)) return;
    }
    asked_free(asked);
}

static void answer_asked(asked_t *asked, mk_err_t error, actor_id_t id, mk_slice_t text) {
    if (!asked->is_reload || error != MK_OK) asked_leave_peer(asked);
    else asked->peer->asked_n--; /* it is owed nothing but the end */
    asked->answered = true;
    asked->error = error;
    asked->id = id;
    settle(asked, text);
}

static void decide(asked_t *asked, uint8_t outcome, mk_slice_t text) {
    asked_leave_peer(asked);
    asked->decided = true;
    asked->outcome = outcome <= WASM_RELOAD_ENDED ? outcome : WASM_RELOAD_UNKNOWN;
    settle(asked, asked->replied ? text : (mk_slice_t){0});
}

static void on_time(mk_wheel_t *wheel, mk_timer_t *timer) {
    asked_t *asked = mk_container_of(timer, asked_t, timer);
    (void)wheel;
    if (!asked->answered) answer_asked(asked, MK_ERR_TIMEOUT, ACTOR_ID_INVALID, (mk_slice_t){0});
    else settle(asked, (mk_slice_t){0});
}

static asked_t *asked_create(mk_peer_t *peer, actor_t *actor, bool is_reload) {
    mk_cluster_t *cluster = peer->cluster;
    asked_t      *asked = mk_calloc(1, sizeof *asked);
    if (asked == NULL) return NULL;
    if (mk_idmap_add(&cluster->requests, asked, &asked->ref) != MK_OK) {
        mk_free(asked);
        return NULL;
    }
    asked->cluster = cluster;
    asked->peer = peer;
    asked->actor = actor;
    asked->is_reload = is_reload;
    asked->timer.fn = on_time;
    mk_actor_own(actor, &asked->res, &res_ops);
    mk_list_push(&peer->asked, &asked->all);
    peer->asked_n++;
    mk_wheel_arm(&cluster->loop->wheel, &asked->timer, mk_loop_after_ms(cluster->loop, MK_REQUEST_MS));
    return asked;
}

static call_id_t ask(runtime_t *rt, node_id_t node, mk_wire_request_t *request) {
    uint8_t       frame[MK_WIRE_REQUEST_BYTES_MAX];
    mk_cluster_t *cluster = mk_cluster_find(rt);
    actor_t      *actor = mk_runtime_running(rt);
    mk_peer_t    *peer = cluster != NULL ? mk_peer_by_node(cluster, node) : NULL;
    if (actor == NULL || peer == NULL || peer->asked_n >= MK_REQUESTS_MAX) return CALL_ID_INVALID;
    if (request->module.size > TEXT_MAX || request->name.size > TEXT_MAX) return CALL_ID_INVALID;
    asked_t *asked = asked_create(peer, actor, request->verb == MK_WIRE_RELOAD);
    if (asked == NULL) return CALL_ID_INVALID;
    request->ref = asked->ref;
    if (send_frame(peer, frame, mk_wire_put_request(frame, request)) == MK_OK) return asked->ref;
    asked_free(asked);
    return CALL_ID_INVALID;
}

static mk_slice_t slice_of(const char *text) {
    return text != NULL ? (mk_slice_t){text, strlen(text)} : (mk_slice_t){0};
}

call_id_t node_spawn(runtime_t *rt, node_id_t node, const char *module, const char *name) {
    mk_wire_request_t request = {.verb = MK_WIRE_SPAWN, .module = slice_of(module), .name = slice_of(name)};
    return ask(rt, node, &request);
}

call_id_t node_stop(runtime_t *rt, actor_id_t id) {
    mk_wire_request_t request = {.verb = MK_WIRE_STOP_ACTOR, .seq = actor_id_seq(id)};
    return ask(rt, actor_id_node(id), &request);
}

call_id_t node_reload(runtime_t *rt, actor_id_t id, const char *module) {
    mk_wire_request_t request = {.verb = MK_WIRE_RELOAD, .seq = actor_id_seq(id), .module = slice_of(module)};
    return ask(rt, actor_id_node(id), &request);
}

/* ---- what a peer is still owed ------------------------------------------------------------------------------------------------ */

/* An answer, or what became of a reload. */
typedef struct trial {
    mk_peer_t *peer;
    mk_node_t  all; /* of the peer */
    uint32_t   ref; /* of its request */
    call_id_t  ticket;
    actor_id_t id;         /* of the guest that is reloaded; 0: one is spawned */
    bool       unanswered; /* by its hand, which does so later                 */
} trial_t;

/* The request that is being carried out. */
typedef struct mk_hearing {
    mk_peer_t *peer;
    uint32_t   ref;
    trial_t   *trial; /* NULL: none yet */
    bool       later; /* its answer comes */
} hearing_t;

static trial_t *trial_create(mk_peer_t *peer, uint32_t ref, actor_id_t id) {
    trial_t *trial = peer->trials_n < MK_REQUESTS_MAX ? mk_calloc(1, sizeof *trial) : NULL;
    if (trial == NULL) return NULL;
    *trial = (trial_t){.peer = peer, .ref = ref, .id = id};
    if (mk_idmap_add(&peer->cluster->reloads, trial, &trial->ticket) != MK_OK) {
        mk_free(trial);
        return NULL;
    }
    mk_list_push(&peer->trials, &trial->all);
    peer->trials_n++;
    return trial;
}

static void trial_free(trial_t *trial) {
    trial->peer->trials_n--;
    mk_list_remove(&trial->all);
    mk_idmap_remove(&trial->peer->cluster->reloads, trial->ticket);
    mk_free(trial);
}

static void send_answer(mk_peer_t *peer, const mk_wire_answer_t *answer) {
    uint8_t bytes[MK_WIRE_ANSWER_BYTES_MAX];
    /* An answer that cannot be kept is given by the end of the link. */
    if (send_frame(peer, bytes, mk_wire_put_answer(bytes, answer)) != MK_OK && peer->state == MK_PEER_UP)
        mk_peer_finish(peer);
}

void node_reloaded(runtime_t *rt, call_id_t ticket, uint32_t outcome, const char *text, size_t text_size) {
    mk_cluster_t *cluster = mk_cluster_find(rt);
    trial_t      *trial = cluster != NULL ? mk_idmap_get(&cluster->reloads, ticket) : NULL;
    if (trial == NULL || trial->unanswered) return;
    mk_peer_t       *peer = trial->peer;
    mk_wire_answer_t answer = {.ref = trial->ref,
                               .error = outcome <= WASM_RELOAD_ENDED ? (uint8_t)outcome : WASM_RELOAD_UNKNOWN,
                               .seq = actor_id_seq(trial->id),
                               .text = {text, text_size}};
    trial_free(trial);
    send_answer(peer, &answer);
}

call_id_t node_answer_later(runtime_t *rt) {
    mk_cluster_t *cluster = mk_cluster_find(rt);
    hearing_t    *hearing = cluster != NULL ? cluster->hearing : NULL;
    if (hearing == NULL) return CALL_ID_INVALID;
    if (hearing->trial == NULL) hearing->trial = trial_create(hearing->peer, hearing->ref, ACTOR_ID_INVALID);
    if (hearing->trial == NULL) return CALL_ID_INVALID;
    hearing->trial->unanswered = hearing->later = true;
    return hearing->trial->ticket;
}

/* Of a reload that was taken more is to come. */
void node_answer(runtime_t *rt, call_id_t request, mk_err_t error, actor_id_t id, const char *why) {
    mk_cluster_t *cluster = mk_cluster_find(rt);
    trial_t      *trial = cluster != NULL ? mk_idmap_get(&cluster->reloads, request) : NULL;
    if (trial == NULL || !trial->unanswered) return;
    mk_peer_t       *peer = trial->peer;
    mk_wire_answer_t answer = {.ref = trial->ref,
                               .error = (uint8_t)error,
                               .seq = actor_id_seq(trial->id != ACTOR_ID_INVALID ? trial->id : id),
                               .text = {why, strnlen(why, TEXT_MAX)}};
    trial->unanswered = false;
    if (error != MK_OK || trial->id == ACTOR_ID_INVALID) trial_free(trial);
    send_answer(peer, &answer);
}

void mk_requests_down(mk_peer_t *peer) {
    static const char gone[] = "the link has ended";
    mk_slice_t        text = {gone, sizeof gone - 1};
    mk_node_t        *node;
    mk_buffer_free(&peer->waiting);
    peer->waiting_n = 0;
    while ((node = peer->trials) != NULL) trial_free(mk_container_of(node, trial_t, all));
    while ((node = peer->asked) != NULL) {
        asked_t *asked = mk_container_of(node, asked_t, all);
        if (asked->answered) decide(asked, WASM_RELOAD_UNKNOWN, text);
        else answer_asked(asked, MK_ERR_CLOSED, ACTOR_ID_INVALID, text);
    }
}

/* ---- being asked --------------------------------------------------------------------------------------------------------------------- */

/* A name in a folder and no way out of it. */
static bool is_module(mk_slice_t name) {
    const char *text = name.data;
    if (name.size == 0 || name.size > TEXT_MAX || text[0] == '.') return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = text[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

typedef struct outcome {
    mk_err_t   error;
    actor_id_t id;
    char       why[200];
} outcome_t;

static void fail(outcome_t *out, mk_err_t error, const char *why) {
    out->error = error;
    snprintf(out->why, sizeof out->why, "%s", why);
}

static void spawn_module(mk_cluster_t *cluster, const mk_wire_request_t *request, outcome_t *out) {
    const node_hands_t *hands = &cluster->hands;
    char                module[TEXT_MAX + 1] = "", name[TEXT_MAX + 1] = "";
    memcpy(module, request->module.data, request->module.size);
    if (request->name.size != 0) memcpy(name, request->name.data, request->name.size);
    out->error = hands->spawn(hands->arg, cluster->rt, module, name[0] != '\0' ? name : NULL, &out->id, out->why,
                              sizeof out->why);
}

static void reload_module(mk_peer_t *peer, const mk_wire_request_t *request, hearing_t *hearing, outcome_t *out) {
    mk_cluster_t       *cluster = peer->cluster;
    const node_hands_t *hands = &cluster->hands;
    char                module[TEXT_MAX + 1] = "";
    memcpy(module, request->module.data, request->module.size);
    out->id = actor_id_make(cluster->node, request->seq);
    if (!actor_is_alive(cluster->rt, out->id)) {
        fail(out, MK_ERR_NOTFOUND, "no such actor");
        return;
    }
    trial_t *trial = trial_create(peer, request->ref, out->id);
    if (trial == NULL) {
        fail(out, MK_ERR_BUSY, "too many reloads of this node are not decided, or out of memory");
        return;
    }
    hearing->trial = trial;
    out->error = hands->reload(hands->arg, cluster->rt, out->id, module, trial->ticket, out->why, sizeof out->why);
    if (out->error != MK_OK && !hearing->later) trial_free(trial);
}

static void stop_actor(mk_cluster_t *cluster, const mk_wire_request_t *request, outcome_t *out) {
    out->id = actor_id_make(cluster->node, request->seq);
    if (!actor_is_alive(cluster->rt, out->id)) fail(out, MK_ERR_NOTFOUND, "no such actor");
    else actor_stop(cluster->rt, out->id);
}

static void carry_out(mk_peer_t *peer, const mk_wire_request_t *request, hearing_t *hearing, outcome_t *out) {
    mk_cluster_t *cluster = peer->cluster;
    uint32_t      may = mk_link_remote(peer->link)->may;
    uint32_t      needs = request->verb == MK_WIRE_SPAWN ? MK_MAY_SPAWN : MK_MAY_RELOAD;
    bool has_hand = request->verb == MK_WIRE_SPAWN ? cluster->hands.spawn != NULL : cluster->hands.reload != NULL;
    if (request->verb == MK_WIRE_STOP_ACTOR) {
        if ((may & MK_MAY_STOP) == 0) fail(out, MK_ERR_DENIED, "the role does not allow it");
        else stop_actor(cluster, request, out);
    } else if ((may & needs) == 0) {
        fail(out, MK_ERR_DENIED, "the role does not allow it");
    } else if (cluster->modules == NULL || !has_hand) {
        fail(out, MK_ERR_NOSYS, "this node has no modules for others");
    } else if (!is_module(request->module)) {
        fail(out, MK_ERR_INVALID, "not the name of a module");
    } else if (request->verb == MK_WIRE_SPAWN) {
        spawn_module(cluster, request, out);
    } else {
        reload_module(peer, request, hearing, out);
    }
}

static mk_err_t hear_request(mk_peer_t *peer, const mk_wire_frame_t *frame) {
    mk_wire_request_t request;
    outcome_t         out = {0};
    if (!mk_wire_get_request(frame, &request)) return MK_ERR_PROTO;
    if (peer->waiting_n >= 2 * MK_REQUESTS_MAX + peer->asked_n) return MK_ERR_PROTO; /* it asks and does not read */
    hearing_t hearing = {.peer = peer, .ref = request.ref};
    peer->cluster->hearing = &hearing;
    carry_out(peer, &request, &hearing, &out);
    peer->cluster->hearing = NULL;
    if (hearing.later) return MK_OK;
    mk_wire_answer_t answer = {.ref = request.ref,
                               .error = (uint8_t)out.error,
                               .seq = actor_id_seq(out.id),
                               .text = {out.why, strnlen(out.why, sizeof out.why)}};
    send_answer(peer, &answer);
    return MK_OK;
}

static mk_err_t hear_answer(mk_peer_t *peer, const mk_wire_frame_t *frame) {
    mk_wire_answer_t answer;
    if (!mk_wire_get_answer(frame, &answer)) return MK_ERR_PROTO;
    asked_t *asked = mk_idmap_get(&peer->cluster->requests, answer.ref);
    if (asked == NULL || asked->peer != peer) return MK_OK; /* nobody waits for it any more */
    actor_id_t id = answer.seq != 0 ? actor_id_make(peer->node, answer.seq) : ACTOR_ID_INVALID;
    mk_err_t   error =
        answer.error <= MK_ERR_BUSY ? (mk_err_t)answer.error : MK_ERR_INVALID; /* one that is not known yet */
    if (asked->answered) decide(asked, answer.error, answer.text);
    else answer_asked(asked, error, id, answer.text);
    return MK_OK;
}

mk_err_t mk_requests_frame(mk_peer_t *peer, const mk_wire_frame_t *frame) {
    return frame->kind == MK_WIRE_REQUEST ? hear_request(peer, frame) : hear_answer(peer, frame);
}
