/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c -- a queue: an actor in front of a storage. Which items there are is in memory, their bodies on the disk.
 *
 * An item is in one of these states: being written; ready (in a heap by its id); timed (in one by its time: delayed, or with a consumer and due to come
 * again); fetched for a consumer; leaving (its file is being deleted, or its body goes to the dead letters first). Its mark in the
 * storage is when it is visible, and how often it was delivered; that is written beside the delivery, so that what brings the whole
 * node down is counted, too. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/idmap.h"
#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/local_queue.h"
#include "microkernel/runtime.h"
#include "microkernel/service_messages.h"
#include "microkernel/services.h"
#include "microkernel/storage.h"
#include "microkernel/supervision.h"
#include "services/due.h"
#include "services/fields.h"

enum {
    VISIBLE_DEFAULT_MS = 30000,
    TRIES_DEFAULT = 5,
    ITEMS_DEFAULT = 100000,
    BODY_DEFAULT = 128 * 1024,
    CONSUMERS_MAX = 256,
    UNDER_WAY_DEFAULT = 16,
    UNDER_WAY_MAX = 1024,
    DELAY_MAX_S = 30 * 24 * 3600,
    PAUSE_MS = 100,            /* a consumer's mailbox is full, or the storage's queue is */
    LOADING_MS = 20,           /* the storage would not take a request                    */
    HELD_MAX = 1024,           /* requests that wait while it recovers, or for numbers    */
    NUMBERS = 4096,            /* of items to come, kept in one go; not fewer than those that wait */
    LOOK_AGAIN_MS = 60 * 1000, /* whether the clock has been set                */
};

typedef enum state { ITEM_WRITING, ITEM_READY, ITEM_TIMED, ITEM_FETCHING, ITEM_BURYING, ITEM_LEAVING } state_t;

typedef struct item {
    mk_due_t   due; /* while ready or timed */
    uint64_t   id;
    uint64_t   visible_ms; /* wall clock; 0: at once */
    uint32_t   number;     /* in the table: what is asked for about it names it by this */
    uint32_t   tries;
    state_t    state;
    bool       by_wall;  /* timed: due when the wall clock says so, which was kept by an earlier life */
    actor_id_t consumer; /* who has it; ACTOR_ID_INVALID: nobody */
} item_t;

typedef struct consumer {
    actor_id_t   id;
    monitor_id_t monitor;
    uint32_t     max, under_way;
} consumer_t;

/* What the storage was asked for, and for whom. */
typedef enum asked_kind { ASKED_PUSH, ASKED_MARK, ASKED_FETCH, ASKED_BURY, ASKED_DELETE, ASKED_NUMBERS } asked_kind_t;
typedef struct asked {
    struct asked *next;
    asked_kind_t  kind;
    uint32_t      request, item;
    actor_id_t    source; /* who is to be answered; ACTOR_ID_INVALID: nobody */
    call_id_t     call;
} asked_t;

typedef struct held {
    struct held *next;
    message_t   *msg;
} held_t;

typedef struct queue {
    runtime_t           *rt;
    local_queue_config_t config;
    storage_t           *storage;
    const char          *name;
    actor_id_t           dead; /* of the dead letters; ACTOR_ID_INVALID: this is that queue */
    bool                 loaded;
    mk_idmap_t           items; /* by number                                                */
    item_t             **by_id; /* sorted; ids only grow, so a new one goes to the end      */
    size_t               n, room;
    uint64_t             next_id;
    uint64_t             kept_id; /* no number from this on has been given in any life: that is on the disk */
    uint64_t             kept_next;
    unsigned             kept_times;   /* it was put so often; 0: nothing is under way */
    mk_due_heap_t        ready, timed; /* what comes again goes before what came later */
    consumer_t           consumers[CONSUMERS_MAX];
    size_t               consumers_n, turn;
    asked_t             *asked, **asked_last;
    held_t              *held, **held_last;
    timer_id_t           timer;
    uint64_t             timer_at; /* monotonic, ms; 0: not set */
} queue_t;

/* ---- names and marks in the storage ------------------------------------------------------------------------------------------ */

_Static_assert(NUMBERS >= HELD_MAX, "those that wait for numbers get them");

enum { NAME_BYTES = 64 };

static size_t prefix_of(const queue_t *queue, char out[NAME_BYTES]) {
    return (size_t)snprintf(out, NAME_BYTES, "queue%c%s%c", 0, queue->name, 0);
}

static size_t name_of(const queue_t *queue, uint64_t id, char out[NAME_BYTES]) {
    size_t n = prefix_of(queue, out);
    return n + (size_t)snprintf(out + n, NAME_BYTES - n, "%016llx", (unsigned long long)id);
}

/* What no item is called: its mark is kept_id. */
static const char numbers_name[] = "next";

static size_t name_of_numbers(const queue_t *queue, char out[NAME_BYTES]) {
    size_t n = prefix_of(queue, out);
    memcpy(out + n, numbers_name, sizeof numbers_name - 1);
    return n + sizeof numbers_name - 1;
}

enum { TRIES_BITS = 16 };
static uint64_t mark_of(const item_t *item) {
    uint64_t tries = item->tries < 0xFFFF ? item->tries : 0xFFFF;
    return item->visible_ms << TRIES_BITS | tries;
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------- */

static void reply_text(runtime_t *rt, const message_t *msg, msg_type_t type, const char *text) {
    (void)actor_reply(rt, msg, type, text, strlen(text));
}

static void reply_to(runtime_t *rt, const asked_t *asked, mk_err_t err) {
    message_t to = {.source = asked->source, .call = asked->call};
    if (asked->source == ACTOR_ID_INVALID) return;
    if (err == MK_OK) (void)actor_reply(rt, &to, MSG_CF_OK, NULL, 0);
    else reply_text(rt, &to, MSG_CF_ERROR, err == MK_ERR_FULL ? "the disk is full" : mk_err_text(err));
}

/* ---- items --------------------------------------------------------------------------------------------------------------------- */

static size_t place_of(const queue_t *queue, uint64_t id) {
    size_t low = 0, high = queue->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (queue->by_id[middle]->id < id) low = middle + 1;
        else high = middle;
    }
    return low;
}

static item_t *find_item(const queue_t *queue, uint64_t id) {
    size_t at = place_of(queue, id);
    return at < queue->n && queue->by_id[at]->id == id ? queue->by_id[at] : NULL;
}

/* The id is higher than any there is. */
static item_t *add_item(queue_t *queue, uint64_t id) {
    if (queue->n == queue->room) {
        size_t   room = queue->room != 0 ? queue->room * 2 : 64;
        item_t **at = mk_realloc(queue->by_id, room * sizeof(item_t *));
        if (at == NULL) return NULL;
        queue->by_id = at;
        queue->room = room;
    }
    bool    room = mk_due_reserve(&queue->ready, queue->n + 1) && mk_due_reserve(&queue->timed, queue->n + 1);
    item_t *item = room ? mk_calloc(1, sizeof *item) : NULL;
    if (item == NULL) return NULL;
    if (mk_idmap_add(&queue->items, item, &item->number) != MK_OK) {
        mk_free(item);
        return NULL;
    }
    item->id = id;
    queue->by_id[queue->n++] = item;
    if (id >= queue->next_id) queue->next_id = id + 1;
    return item;
}

/* Out of the heap that its state says it is in. */
static void leave(queue_t *queue, item_t *item) {
    mk_due_remove(item->state == ITEM_READY ? &queue->ready : &queue->timed, &item->due);
}

static void remove_item(queue_t *queue, item_t *item) {
    size_t at = place_of(queue, item->id);
    memmove(queue->by_id + at, queue->by_id + at + 1, (queue->n - at - 1) * sizeof(item_t *));
    queue->n--;
    leave(queue, item);
    mk_idmap_remove(&queue->items, item->number);
    mk_free(item);
}

static consumer_t *find_consumer(queue_t *queue, actor_id_t id) {
    for (size_t i = 0; i < queue->consumers_n; i++)
        if (queue->consumers[i].id == id) return &queue->consumers[i];
    return NULL;
}

/* Takes it away from whoever has it. */
static void take_back(queue_t *queue, item_t *item) {
    consumer_t *consumer = find_consumer(queue, item->consumer);
    if (item->consumer != ACTOR_ID_INVALID && consumer != NULL) consumer->under_way--;
    item->consumer = ACTOR_ID_INVALID;
}

static void make_ready(queue_t *queue, item_t *item) {
    take_back(queue, item);
    leave(queue, item);
    item->state = ITEM_READY;
    mk_due_put(&queue->ready, &item->due, item->id);
}

static item_t *take_ready(queue_t *queue) {
    item_t *item = mk_container_of(mk_due_first(&queue->ready), item_t, due);
    leave(queue, item);
    return item;
}

static void make_timed(runtime_t *rt, queue_t *queue, item_t *item, uint64_t delay_ms) {
    leave(queue, item);
    item->state = ITEM_TIMED;
    mk_due_put(&queue->timed, &item->due, runtime_now_ms(rt) + delay_ms);
}

/* A clock may be set any moment, by years: a machine without one of its own begins in 1970. So it is looked at again and again, not
 * waited out. Without any clock a delay that was counted without one begins anew. */
static void await_wall(runtime_t *rt, queue_t *queue, item_t *item, uint64_t wall_ms) {
    uint64_t left_ms = item->visible_ms - wall_ms;
    bool     clockless = wall_ms == 0 && left_ms <= (uint64_t)DELAY_MAX_S * 1000;
    item->by_wall = !clockless;
    make_timed(rt, queue, item, clockless || left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS);
}

/* ---- asking the storage ---------------------------------------------------------------------------------------------------------- */

static asked_t *new_asked(asked_kind_t kind, const item_t *item, const message_t *msg) {
    asked_t *asked = mk_calloc(1, sizeof *asked);
    if (asked == NULL) return NULL;
    asked->kind = kind;
    if (item != NULL) asked->item = item->number;
    if (msg != NULL) {
        asked->source = msg->source;
        asked->call = msg->call;
    }
    return asked;
}

static mk_err_t await(queue_t *queue, asked_t *asked, mk_err_t err) {
    if (err != MK_OK) {
        mk_free(asked);
        return err;
    }
    *queue->asked_last = asked;
    queue->asked_last = &asked->next;
    return MK_OK;
}

/* `body` for those that write. False: refused (MK_ERR_FULL, no memory): nothing will come. */
static mk_err_t ask(runtime_t *rt, queue_t *queue, asked_kind_t kind, const item_t *item, mk_text_t body,
                    const message_t *msg) {
    char     name[NAME_BYTES];
    size_t   name_size = name_of(queue, item->id, name);
    asked_t *asked = new_asked(kind, item, msg);
    if (asked == NULL) return MK_ERR_NOMEM;
    mk_err_t err = MK_ERR_INVALID;
    switch (kind) {
    case ASKED_PUSH:
    case ASKED_MARK:
        err = storage_put(rt, queue->storage, name, name_size, body.at, body.size, mark_of(item), &asked->request);
        break;
    case ASKED_FETCH:
    case ASKED_BURY: err = storage_get(rt, queue->storage, name, name_size, &asked->request); break;
    case ASKED_DELETE: err = storage_delete(rt, queue->storage, name, name_size, &asked->request); break;
    case ASKED_NUMBERS: break;
    }
    return await(queue, asked, err);
}

/* So that no number is ever given twice, whatever is left of the items when the node starts again: an acknowledgement that is late by a
 * life finds nothing. It is put twice, to be in both files of its name, one of which may be damaged later. */
static mk_err_t keep_numbers(runtime_t *rt, queue_t *queue) {
    char     name[NAME_BYTES];
    size_t   name_size = name_of_numbers(queue, name);
    asked_t *asked = new_asked(ASKED_NUMBERS, NULL, NULL);
    if (asked == NULL) return MK_ERR_NOMEM;
    if (queue->kept_times == 0) queue->kept_next = queue->next_id + NUMBERS;
    mk_err_t err = await(queue, asked,
                         storage_put(rt, queue->storage, name, name_size, NULL, 0, queue->kept_next, &asked->request));
    if (err == MK_OK) queue->kept_times++;
    return err;
}

static asked_t *take_asked(queue_t *queue, uint32_t request) {
    asked_t **at = &queue->asked;
    while (*at != NULL && (*at)->request != request) at = &(*at)->next;
    asked_t *asked = *at;
    mk_assert(asked != NULL);
    *at = asked->next;
    if (*at == NULL) queue->asked_last = at;
    return asked;
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------ */

static void wake_at(runtime_t *rt, queue_t *queue, uint64_t at_ms) {
    uint64_t now = runtime_now_ms(rt);
    if (queue->timer_at != 0 && queue->timer_at <= at_ms) return;
    if (queue->timer_at != 0) actor_cancel_timer(rt, queue->timer);
    queue->timer = actor_set_timer(rt, at_ms > now ? at_ms - now : 0, false);
    queue->timer_at = queue->timer != TIMER_ID_INVALID ? at_ms : 0;
}

/* ---- delivering -------------------------------------------------------------------------------------------------------------------- */

static consumer_t *free_consumer(queue_t *queue) {
    for (size_t i = 0; i < queue->consumers_n; i++) {
        consumer_t *consumer = &queue->consumers[queue->turn++ % queue->consumers_n];
        if (consumer->under_way < consumer->max) return consumer;
    }
    return NULL;
}

/* To the dead letters: its body is read, pushed there, and when that is on the disk it is deleted here. */
static void bury(runtime_t *rt, queue_t *queue, item_t *item) {
    take_back(queue, item);
    leave(queue, item);
    item->state = ITEM_BURYING;
    if (ask(rt, queue, ASKED_BURY, item, (mk_text_t){0}, NULL) == MK_OK) return;
    make_timed(rt, queue, item, PAUSE_MS); /* again later */
}

static bool is_spent(const queue_t *queue, const item_t *item) {
    return queue->dead != ACTOR_ID_INVALID && item->tries >= queue->config.tries_max;
}

static void come_again(runtime_t *rt, queue_t *queue, item_t *item) {
    if (is_spent(queue, item)) bury(rt, queue, item);
    else make_ready(queue, item);
}

static void take_due(runtime_t *rt, queue_t *queue) {
    uint64_t now = runtime_now_ms(rt), wall = runtime_wall_ms(rt);
    for (mk_due_t *due; (due = mk_due_first(&queue->timed)) != NULL && due->at <= now;) {
        item_t *item = mk_container_of(due, item_t, due);
        bool    early = item->by_wall && wall != 0 && item->visible_ms > wall;
        item->by_wall = false;
        if (early) await_wall(rt, queue, item, wall);
        else come_again(rt, queue, item);
    }
}

/* Hands out what can be handed out, and sees to it that it is called again when more can. */
static void go_on(runtime_t *rt, queue_t *queue) {
    consumer_t *consumer;
    while (queue->ready.n != 0 && (consumer = free_consumer(queue)) != NULL) {
        item_t *item = take_ready(queue);
        if (ask(rt, queue, ASKED_FETCH, item, (mk_text_t){0}, NULL) != MK_OK) {
            make_timed(rt, queue, item, PAUSE_MS);
            break;
        }
        item->state = ITEM_FETCHING;
        item->consumer = consumer->id;
        consumer->under_way++;
    }
    const mk_due_t *due = mk_due_first(&queue->timed);
    if (due != NULL) wake_at(rt, queue, due->at);
}

static bool send_item(runtime_t *rt, const item_t *item, mk_text_t body) {
    char  head[64];
    int   n = snprintf(head, sizeof head, "id=%llu\ntries=%u\nbody=", (unsigned long long)item->id,
                       (unsigned)item->tries + 1);
    char *text = mk_alloc((size_t)n + body.size);
    if (text == NULL) return false;
    memcpy(text, head, (size_t)n);
    if (body.size != 0) memcpy(text + n, body.at, body.size);
    bool sent = actor_send(rt, item->consumer, MSG_QUEUE_ITEM, text, (size_t)n + body.size);
    mk_free(text);
    return sent;
}

static void fetched(runtime_t *rt, queue_t *queue, item_t *item, mk_err_t err, mk_text_t body) {
    if (item->state != ITEM_FETCHING) return; /* acknowledged, or its consumer has ended meanwhile */
    if (err == MK_ERR_FORMAT || err == MK_ERR_NOTFOUND) {
        actor_log(rt, MK_LOG_ERROR, "queue %s: item %llu cannot be read any more: %s", queue->name,
                  (unsigned long long)item->id, mk_err_text(err));
        take_back(queue, item);
        item->state = ITEM_LEAVING;
        if (ask(rt, queue, ASKED_DELETE, item, (mk_text_t){0}, NULL) != MK_OK) remove_item(queue, item);
        return;
    }
    if (err != MK_OK || find_consumer(queue, item->consumer) == NULL || !send_item(rt, item, body)) {
        take_back(queue, item);
        make_timed(rt, queue, item, PAUSE_MS);
        return;
    }
    item->tries++;
    make_timed(rt, queue, item, queue->config.visible_ms);
    (void)!ask(rt, queue, ASKED_MARK, item, body, NULL); /* without memory a try goes uncounted */
}

/* ---- dead letters --------------------------------------------------------------------------------------------------------------------- */

/* The dead letters are a queue as this one is; its answer to the push (a call) says that it has the item on the disk. */
static void buried(runtime_t *rt, queue_t *queue, item_t *item, mk_err_t err, mk_text_t body) {
    char   head[] = "body=";
    size_t size = sizeof head - 1 + body.size;
    char  *text = err == MK_OK ? mk_alloc(size) : NULL;
    if (item->state != ITEM_BURYING) return;
    if (text != NULL) {
        memcpy(text, head, sizeof head - 1);
        if (body.size != 0) memcpy(text + sizeof head - 1, body.at, body.size);
        call_id_t call = actor_call(rt, queue->dead, MSG_CF_QUEUE_PUSH, text, size, 60 * 1000);
        mk_free(text);
        if (call != CALL_ID_INVALID) {
            item->visible_ms = call; /* its mark is not written any more */
            return;
        }
    }
    make_timed(rt, queue, item, PAUSE_MS);
}

static item_t *find_burying(const queue_t *queue, call_id_t call) {
    for (size_t i = 0; i < queue->n; i++)
        if (queue->by_id[i]->state == ITEM_BURYING && queue->by_id[i]->visible_ms == call) return queue->by_id[i];
    return NULL;
}

static void dead_answered(runtime_t *rt, queue_t *queue, const message_t *msg) {
    item_t *item = find_burying(queue, msg->call);
    if (item == NULL) return;
    item->visible_ms = 0;
    item->state = ITEM_LEAVING;
    if (msg->type == MSG_CF_OK && ask(rt, queue, ASKED_DELETE, item, (mk_text_t){0}, NULL) == MK_OK) {
        actor_log(rt, MK_LOG_WARN, "queue %s: item %llu is a dead letter after %u tries", queue->name,
                  (unsigned long long)item->id, (unsigned)item->tries);
        return;
    }
    make_timed(rt, queue, item, 10 * PAUSE_MS);
}

/* ---- what the storage answers ------------------------------------------------------------------------------------------------------------ */

static void numbers_kept(runtime_t *rt, queue_t *queue, mk_err_t err);

static void answered(runtime_t *rt, queue_t *queue, const storage_reply_payload_t *answer) {
    asked_t  *asked = take_asked(queue, answer->request);
    mk_err_t  err = (mk_err_t)answer->error;
    item_t   *item = mk_idmap_get(&queue->items, asked->item);
    mk_text_t body = {storage_reply_value(answer), (size_t)answer->value_size};
    switch (item != NULL ? asked->kind : ASKED_MARK) {
    case ASKED_PUSH: {
        uint64_t wall = runtime_wall_ms(rt);
        if (err != MK_OK) remove_item(queue, item);
        else if (item->visible_ms > wall) make_timed(rt, queue, item, item->visible_ms - wall);
        else make_ready(queue, item);
        reply_to(rt, asked, err);
        break;
    }
    case ASKED_FETCH: fetched(rt, queue, item, err, body); break;
    case ASKED_BURY: buried(rt, queue, item, err, body); break;
    case ASKED_DELETE:
        reply_to(rt, asked, err == MK_ERR_NOTFOUND ? MK_OK : err);
        if (err == MK_OK || err == MK_ERR_NOTFOUND) remove_item(queue, item);
        else make_timed(rt, queue, item, 10 * PAUSE_MS); /* it is there still, and comes again */
        break;
    case ASKED_NUMBERS:
    case ASKED_MARK: break;
    }
    if (asked->kind == ASKED_NUMBERS) numbers_kept(rt, queue, err);
    mk_free(asked);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct request {
    mk_text_t body;
    uint64_t  delay_s, id, max;
    bool      has_body, has_id;
} request_t;

static const char *take_field(request_t *out, mk_text_t name, mk_text_t value) {
    bool good = true;
    if (value.size != 0 && value.at[value.size - 1] == '\n' && !mk_text_is(name, "body")) value.size--;
    if (mk_text_is(name, "body")) {
        out->body = value;
        out->has_body = true;
    } else if (mk_text_is(name, "delay")) {
        good = mk_text_number(value, DELAY_MAX_S, &out->delay_s);
    } else if (mk_text_is(name, "id")) {
        good = out->has_id = mk_text_number(value, UINT64_MAX, &out->id);
    } else if (mk_text_is(name, "max")) {
        good = mk_text_number(value, UNDER_WAY_MAX, &out->max);
    } else {
        return "there is no such field";
    }
    return good ? NULL : "not a number, or too large a one";
}

static const char *parse(const message_t *msg, request_t *out) {
    mk_fields_t fields = {msg->payload, msg->payload_size};
    mk_text_t   name, value;
    *out = (request_t){.max = UNDER_WAY_DEFAULT};
    while (mk_fields_next(&fields, "body", &name, &value)) {
        const char *why = take_field(out, name, value);
        if (why != NULL) return why;
    }
    return fields.left != 0 ? "lines of the form name=value are expected" : NULL;
}

static const char *push(runtime_t *rt, queue_t *queue, const message_t *msg, const request_t *request) {
    if (!request->has_body) return "body is missing";
    if (request->body.size > queue->config.body_bytes_max) return "the body is longer than allowed";
    if (queue->n >= queue->config.items_max) return "the queue is full";
    item_t *item = add_item(queue, queue->next_id);
    if (item == NULL) return mk_err_text(MK_ERR_NOMEM);
    if (request->delay_s != 0) item->visible_ms = runtime_wall_ms(rt) + request->delay_s * 1000;
    mk_err_t err = ask(rt, queue, ASKED_PUSH, item, request->body, msg);
    if (err == MK_OK) return NULL;
    remove_item(queue, item);
    return err == MK_ERR_FULL ? "too much is waiting for the disk" : mk_err_text(err);
}

static void forget_consumer(runtime_t *rt, queue_t *queue, consumer_t *consumer) {
    actor_id_t id = consumer->id;
    actor_demonitor(rt, consumer->monitor);
    *consumer = queue->consumers[--queue->consumers_n];
    for (size_t i = 0; i < queue->n; i++) {
        item_t *item = queue->by_id[i];
        if (item->consumer != id) continue;
        item->consumer = ACTOR_ID_INVALID;
        if (item->state == ITEM_TIMED) come_again(rt, queue, item);
        else if (item->state == ITEM_FETCHING) make_ready(queue, item);
    }
}

static const char *consume(runtime_t *rt, queue_t *queue, const message_t *msg, const request_t *request) {
    consumer_t *consumer = find_consumer(queue, msg->source);
    if (request->max == 0) {
        if (consumer != NULL) forget_consumer(rt, queue, consumer);
    } else if (consumer != NULL) {
        consumer->max = (uint32_t)request->max;
    } else {
        if (queue->consumers_n == CONSUMERS_MAX) return "too many consumers";
        monitor_id_t monitor = actor_monitor(rt, msg->source);
        if (monitor == MONITOR_ID_INVALID) return mk_err_text(MK_ERR_NOMEM);
        queue->consumers[queue->consumers_n++] =
            (consumer_t){.id = msg->source, .monitor = monitor, .max = (uint32_t)request->max};
    }
    (void)actor_reply(rt, msg, MSG_CF_OK, NULL, 0);
    return NULL;
}

/* Who acknowledges late, after the item came again, has done the work all the same: it goes. */
static const char *settle(runtime_t *rt, queue_t *queue, const message_t *msg, const request_t *request) {
    item_t *item = request->has_id ? find_item(queue, request->id) : NULL;
    if (!request->has_id) return "id is missing";
    if (item == NULL || item->state == ITEM_WRITING || item->state >= ITEM_BURYING || item->tries == 0) {
        (void)actor_reply(rt, msg, MSG_CF_NOT_FOUND, NULL, 0);
        return NULL;
    }
    take_back(queue, item);
    if (msg->type == MSG_QUEUE_NACK) {
        if (is_spent(queue, item)) bury(rt, queue, item);
        else make_timed(rt, queue, item, request->delay_s * 1000);
        (void)actor_reply(rt, msg, MSG_CF_OK, NULL, 0);
        return NULL;
    }
    mk_err_t err = ask(rt, queue, ASKED_DELETE, item, (mk_text_t){0}, msg);
    if (err != MK_OK) {
        make_timed(rt, queue, item, queue->config.visible_ms);
        return mk_err_text(err);
    }
    leave(queue, item);
    item->state = ITEM_LEAVING;
    return NULL;
}

static void serve(runtime_t *rt, queue_t *queue, const message_t *msg) {
    request_t   request;
    const char *why = parse(msg, &request);
    if (why == NULL) {
        switch (msg->type) {
        case MSG_CF_QUEUE_PUSH: why = push(rt, queue, msg, &request); break;
        case MSG_QUEUE_CONSUME: why = consume(rt, queue, msg, &request); break;
        default: why = settle(rt, queue, msg, &request); break;
        }
    }
    if (why != NULL) reply_text(rt, msg, MSG_CF_ERROR, why);
}

/* ---- loading -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct loading {
    runtime_t *rt;
    queue_t   *queue;
    size_t     prefix_size;
    bool       failed;
} loading_t;

static bool is_numbers(const loading_t *loading, const char *name, size_t size) {
    size_t at = loading->prefix_size, n = sizeof numbers_name - 1;
    return size == at + n && memcmp(name + at, numbers_name, n) == 0;
}

static bool load_one(void *arg, const void *name, size_t name_size, size_t value_size, uint64_t mark) {
    loading_t *loading = arg;
    uint64_t   id = 0;
    (void)value_size;
    if (is_numbers(loading, name, name_size)) {
        loading->queue->kept_id = mark;
        if (loading->queue->next_id < mark) loading->queue->next_id = mark;
    }
    if (name_size != loading->prefix_size + 16) return true;
    for (size_t i = 0; i < 16; i++) {
        char c = ((const char *)name)[loading->prefix_size + i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return true;
        id = id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    item_t *item = add_item(loading->queue, id); /* they come in order */
    if (item == NULL) {
        loading->failed = true;
        return false;
    }
    uint64_t wall = runtime_wall_ms(loading->rt);
    item->visible_ms = mark >> TRIES_BITS;
    item->tries = (uint32_t)(mark & 0xFFFF);
    if (item->tries == 0 && item->visible_ms > wall) await_wall(loading->rt, loading->queue, item, wall);
    else make_ready(loading->queue, item);
    return true;
}

/* Its last try may have been what brought the node down. */
static void bury_spent(runtime_t *rt, queue_t *queue) {
    for (size_t i = 0; i < queue->n; i++)
        if (queue->by_id[i]->state == ITEM_READY && is_spent(queue, queue->by_id[i])) bury(rt, queue, queue->by_id[i]);
}

/* `why`, unless NULL, is the answer to all of them, or when only numbers are missing to all pushes. */
static void serve_held(runtime_t *rt, queue_t *queue, const char *why) {
    for (held_t *held = queue->held, *next; held != NULL; held = next) {
        next = held->next;
        bool refused = why != NULL && (!queue->loaded || held->msg->type == MSG_CF_QUEUE_PUSH);
        if (refused) reply_text(rt, held->msg, MSG_CF_ERROR, why);
        else serve(rt, queue, held->msg);
        message_release(rt, held->msg);
        mk_free(held);
    }
    queue->held = NULL;
    queue->held_last = &queue->held;
}

static void numbers_kept(runtime_t *rt, queue_t *queue, mk_err_t err) {
    if (err == MK_OK && queue->kept_times == 1) { /* once more */
        err = keep_numbers(rt, queue);
        if (err == MK_OK) return;
    }
    queue->kept_times = 0;
    if (err == MK_OK) queue->kept_id = queue->kept_next;
    serve_held(rt, queue, err == MK_OK ? NULL : err == MK_ERR_FULL ? "the disk is full" : mk_err_text(err));
}

/* Half a queue would give ids again. */
static void give_up(runtime_t *rt, queue_t *queue, mk_err_t err) {
    serve_held(rt, queue, mk_err_text(err));
    actor_fail(rt, EXIT_FAILED, mk_err_text(err));
}

/* An answer, whatever it is, says that the storage has recovered, or why it cannot. */
static void ask_whether_ready(runtime_t *rt, queue_t *queue) {
    char   prefix[NAME_BYTES];
    size_t size = prefix_of(queue, prefix);
    if (storage_get(rt, queue->storage, prefix, size, NULL) != MK_OK)
        wake_at(rt, queue, runtime_now_ms(rt) + LOADING_MS);
}

static bool lacks_number(const queue_t *queue, const message_t *msg) {
    return msg->type == MSG_CF_QUEUE_PUSH && queue->next_id >= queue->kept_id;
}

static void load(runtime_t *rt, queue_t *queue, mk_err_t err) {
    char      prefix[NAME_BYTES];
    loading_t loading = {.rt = rt, .queue = queue, .prefix_size = prefix_of(queue, prefix)};
    if (err == MK_OK || err == MK_ERR_NOTFOUND)
        err = storage_list(queue->storage, prefix, loading.prefix_size, NULL, 0, load_one, &loading);
    if (err == MK_OK && loading.failed) err = MK_ERR_NOMEM;
    if (err != MK_OK) {
        give_up(rt, queue, err);
        return;
    }
    queue->loaded = true;
    bury_spent(rt, queue);
    bool pushes = false;
    for (const held_t *held = queue->held; held != NULL; held = held->next)
        pushes = pushes || lacks_number(queue, held->msg);
    err = pushes ? keep_numbers(rt, queue) : MK_OK;
    if (!pushes || err != MK_OK) serve_held(rt, queue, err != MK_OK ? mk_err_text(err) : NULL);
}

static void hold(runtime_t *rt, queue_t *queue, message_t *msg) {
    size_t n = 0;
    for (const held_t *held = queue->held; held != NULL; held = held->next) n++;
    held_t *held = n < HELD_MAX ? mk_alloc(sizeof *held) : NULL;
    if (held == NULL) {
        reply_text(rt, msg, MSG_CF_ERROR, "too much is waiting for the disk");
        return;
    }
    *held = (held_t){.msg = message_take(rt, msg)};
    *queue->held_last = held;
    queue->held_last = &held->next;
}

static void take(runtime_t *rt, queue_t *queue, message_t *msg) {
    if (queue->loaded && !lacks_number(queue, msg)) {
        serve(rt, queue, msg);
        return;
    }
    mk_err_t err = queue->loaded && queue->kept_times == 0 ? keep_numbers(rt, queue) : MK_OK;
    if (err == MK_OK) hold(rt, queue, msg);
    else reply_text(rt, msg, MSG_CF_ERROR, mk_err_text(err));
}

/* ---- the actor -------------------------------------------------------------------------------------------------------------------------------- */

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    queue_t *queue = state;
    (void)self;
    switch (msg->type) {
    case MSG_CF_QUEUE_PUSH:
    case MSG_QUEUE_CONSUME:
    case MSG_QUEUE_ACK:
    case MSG_QUEUE_NACK: take(rt, queue, msg); break;
    case MSG_STORAGE_REPLY:
        if (queue->loaded) answered(rt, queue, msg->payload);
        else load(rt, queue, (mk_err_t)((const storage_reply_payload_t *)msg->payload)->error);
        break;
    case MSG_DOWN: {
        consumer_t *consumer = find_consumer(queue, ((const down_payload_t *)msg->payload)->actor_id);
        if (consumer != NULL) forget_consumer(rt, queue, consumer);
        break;
    }
    case MSG_TIMER:
        queue->timer_at = 0;
        if (queue->loaded) take_due(rt, queue);
        else ask_whether_ready(rt, queue);
        break;
    default:
        if (msg->call != CALL_ID_INVALID) dead_answered(rt, queue, msg);
        break;
    }
    if (queue->loaded) go_on(rt, queue);
    return true;
}

static void destroy(void *state) {
    queue_t *queue = state;
    for (asked_t *next; queue->asked != NULL; queue->asked = next) {
        next = queue->asked->next;
        mk_free(queue->asked);
    }
    for (held_t *next; queue->held != NULL; queue->held = next) {
        next = queue->held->next;
        message_release(queue->rt, queue->held->msg);
        mk_free(queue->held);
    }
    while (queue->n != 0) remove_item(queue, queue->by_id[queue->n - 1]);
    mk_free(queue->by_id);
    mk_due_fini(&queue->ready);
    mk_due_fini(&queue->timed);
    mk_idmap_fini(&queue->items);
    mk_free(queue);
}

static void take_defaults(local_queue_config_t *config) {
    if (config->visible_ms == 0) config->visible_ms = VISIBLE_DEFAULT_MS;
    if (config->tries_max == 0) config->tries_max = TRIES_DEFAULT;
    if (config->items_max == 0) config->items_max = ITEMS_DEFAULT;
    if (config->body_bytes_max == 0) config->body_bytes_max = BODY_DEFAULT;
}

static const char *folder_of(const local_queue_config_t *config) {
    if (config->folder != NULL) return config->folder;
    return memchr(config->base_path, '\0', sizeof config->base_path) != NULL ? config->base_path : "";
}

/* `name` is valid for ever. */
static mk_err_t start(runtime_t *rt, const local_queue_config_t *config, const char *name, const char *path,
                      actor_id_t dead, actor_id_t *out) {
    queue_t *queue = mk_calloc(1, sizeof *queue);
    if (queue == NULL) return MK_ERR_NOMEM;
    mk_err_t err = mk_idmap_init(&queue->items, 64, true);
    if (err != MK_OK) {
        mk_free(queue);
        return err;
    }
    queue->rt = rt;
    queue->config = *config;
    queue->config.folder = NULL;
    queue->name = name;
    queue->dead = dead;
    queue->next_id = 1;
    queue->asked_last = &queue->asked;
    queue->held_last = &queue->held;
    take_defaults(&queue->config);
    err = storage_open(rt, folder_of(config), NULL, &queue->storage);
    if (err == MK_OK) {
        actor_options_t spawn = {.behavior = behave,
                                 .state = queue,
                                 .free_state = destroy,
                                 .name = path,
                                 .orphan = true,
                                 .number_last = true};
        err = actor_spawn_opts(rt, &spawn, out);
    }
    if (err != MK_OK) {
        destroy(queue);
        return err;
    }
    if (actor_set_timer_for(rt, *out, 0, false) != TIMER_ID_INVALID) return MK_OK; /* its first turn: it loads */
    actor_stop(rt, *out);
    return MK_ERR_NOMEM;
}

actor_id_t local_queue_init(runtime_t *rt, const local_queue_config_t *config) {
    actor_id_t id, dead;
    mk_err_t   err = start(rt, config, "dead", "/node/local/queue/dead", ACTOR_ID_INVALID, &dead);
    if (err == MK_OK && (err = start(rt, config, "default", "/node/local/queue/default", dead, &id)) != MK_OK)
        actor_stop(rt, dead);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_ERROR, "queue in %.200s: %s", folder_of(config), mk_err_text(err));
    return ACTOR_ID_INVALID;
}
