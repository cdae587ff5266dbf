/* SPDX-License-Identifier: Apache-2.0 */
/* discover.c -- announcing and watching, as the runtime's thread sees it. Each announcement and each watching actor has a helper
 * thread of its own and shares nothing with it but a pair of sockets; so a slow actor holds up nobody, and nobody holds a lock.
 * Invariant: a watcher has at most WAITING_MAX of our messages in its mailbox; while they are there, its socket is not read. */
#include "node/discover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "node/where.h"
#include "runtime/attach.h"

enum { WAITING_MAX = 32 };

typedef struct discovery discovery_t;

typedef struct discoveries {
    mk_room_t  room;
    runtime_t *rt;
    mk_loop_t *loop;
    mk_node_t *all;
    uint32_t   last_tag;
    bool       announced;
} discoveries_t;

struct discovery {
    mk_res_t           res; /* of the actor that watches */
    mk_node_t          all;
    discoveries_t     *room;
    actor_t           *owner; /* NULL: an announcement, or its actor has ended  */
    uint32_t           tag;
    uint32_t           waiting;
    mk_discover_wish_t wish;
    int                fd, helper_fd;
    mk_watch_t         watch;
    mk_thread_t       *thread;
};

/* ---- the helper ----------------------------------------------------------------------------------------------------- */

static void helper_main(void *arg) {
    discovery_t *discovery = arg;
    mk_discover_run(&discovery->wish, discovery->helper_fd);
}

/* Its thread has ended, or is about to. */
static void discovery_free(discovery_t *discovery) {
    mk_watch_remove(discovery->room->loop, &discovery->watch);
    if (discovery->thread != NULL) mk_thread_join(discovery->thread);
    close(discovery->fd);
    mk_list_remove(&discovery->all);
    mk_free(discovery);
}

/* The helper reads the end, says goodbye to the network and closes its side, which we will read. It never ends by itself. */
static void ask_to_end(discovery_t *discovery) { shutdown(discovery->fd, SHUT_WR); }

static void tell(discovery_t *discovery, const mk_discover_news_t *news) {
    runtime_t *rt = discovery->room->rt;
    if (news->kind == MK_DISCOVER_LOG) {
        actor_log(rt, news->level, "discovery: %s", news->text);
        return;
    }
    if (discovery->owner == NULL) return;
    msg_type_t type = news->kind == MK_DISCOVER_FOUND ? MSG_NODE_FOUND : MSG_NODE_LOST;
    message_t *msg = mk_room_message(rt, type, sizeof news->node);
    if (msg == NULL) {
        actor_log(rt, MK_LOG_WARN, "discovery: out of memory, so one node less is known");
        return;
    }
    memcpy((void *)(uintptr_t)msg->payload, &news->node, sizeof news->node);
    discovery->waiting++;
    mk_room_send(rt, &discovery->room->room, discovery->owner, msg, discovery->tag);
}

static void on_news(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    discovery_t       *discovery = mk_container_of(watch, discovery_t, watch);
    mk_discover_news_t news;
    (void)events;
    while (discovery->waiting < WAITING_MAX || discovery->owner == NULL) {
        ssize_t got = recv(discovery->fd, &news, sizeof news, MSG_DONTWAIT);
        if (got == (ssize_t)sizeof news) {
            tell(discovery, &news);
        } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        } else { /* the helper has ended */
            if (discovery->owner != NULL) mk_list_remove(&discovery->res.node);
            discovery_free(discovery);
            return;
        }
    }
    (void)!mk_watch_set(loop, watch, 0);
}

/* ---- the room ------------------------------------------------------------------------------------------------------- */

static bool on_handled(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    discoveries_t *all = mk_container_of(room, discoveries_t, room);
    (void)rt, (void)actor, (void)msg;
    for (mk_node_t *node = all->all; node != NULL; node = node->next) {
        discovery_t *discovery = mk_container_of(node, discovery_t, all);
        if (discovery->tag != tag) continue;
        if (--discovery->waiting == WAITING_MAX / 2) (void)!mk_watch_set(all->loop, &discovery->watch, MK_POLL_IN);
        return discovery->owner != NULL;
    }
    return false; /* it is not watched any more */
}

static void room_fini(runtime_t *rt, mk_room_t *room) {
    discoveries_t *all = mk_container_of(room, discoveries_t, room);
    (void)rt;
    for (mk_node_t *node = all->all; node != NULL; node = node->next) {
        shutdown(mk_container_of(node, discovery_t, all)->fd, SHUT_RDWR); /* all at once: nobody reads their news ... */
    }
    while (all->all != NULL)
        discovery_free(mk_container_of(all->all, discovery_t, all)); /* ... and then one waits for each */
    mk_free(all);
}

static const mk_room_ops_t room_ops = {"discovery", room_fini, on_handled};

static mk_err_t room_of(runtime_t *rt, discoveries_t **out) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    if (room != NULL) {
        *out = mk_container_of(room, discoveries_t, room);
        return MK_OK;
    }
    discoveries_t *all = mk_calloc(1, sizeof *all);
    if (all == NULL) return MK_ERR_NOMEM;
    all->rt = rt;
    all->loop = mk_runtime_loop(rt);
    mk_err_t err = mk_room_attach(rt, &all->room, &room_ops);
    if (err != MK_OK) {
        mk_free(all);
        return err;
    }
    *out = all;
    return MK_OK;
}

static mk_err_t start(discoveries_t *room, const mk_discover_wish_t *wish, discovery_t **out) {
    int          fds[2];
    discovery_t *discovery = mk_calloc(1, sizeof *discovery);
    if (discovery == NULL) return MK_ERR_NOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        mk_free(discovery);
        return MK_ERR_LIMIT;
    }
    discovery->room = room;
    discovery->wish = *wish;
    discovery->tag = ++room->last_tag;
    discovery->fd = fds[0];
    discovery->helper_fd = fds[1];
    discovery->watch = (mk_watch_t){.fd = fds[0], .fn = on_news};
    mk_list_push(&room->all, &discovery->all);
    mk_err_t err = mk_watch_set(room->loop, &discovery->watch, MK_POLL_IN);
    if (err == MK_OK) err = mk_thread_start(&discovery->thread, helper_main, discovery);
    if (err == MK_OK) {
        *out = discovery;
        return MK_OK;
    }
    close(fds[1]);
    discovery_free(discovery);
    return err;
}

/* ---- public --------------------------------------------------------------------------------------------------------- */

mk_err_t discovery_announce(runtime_t *rt, const char *where) {
    discoveries_t     *room;
    discovery_t       *discovery;
    mk_where_t         at;
    mk_discover_wish_t wish = {.announce = true, .node = runtime_get_node_id(rt)};
    mk_err_t           err = mk_where_parse(where, 0, true, &at);
    if (err != MK_OK) return err;
    if (at.kind != MK_WHERE_TCP || at.port == 0 || mk_where_is_local(&at)) return MK_ERR_INVALID;
    if ((err = mk_where_bind(&at, &wish.at)) != MK_OK || (err = room_of(rt, &room)) != MK_OK) return err;
    if (room->announced) return MK_ERR_EXISTS;
    memcpy(wish.identity, mk_node_identity(), strlen(mk_node_identity()) + 1);
    if ((err = start(room, &wish, &discovery)) == MK_OK) room->announced = true;
    return err;
}

static void on_owner_end(runtime_t *rt, mk_res_t *res) {
    discovery_t *discovery = mk_container_of(res, discovery_t, res);
    (void)rt;
    discovery->owner = NULL;
    ask_to_end(discovery);
    (void)!mk_watch_set(discovery->room->loop, &discovery->watch, MK_POLL_IN); /* what is left is read and dropped */
}

static const mk_res_ops_t res_ops = {on_owner_end};

static discovery_t *watch_of(const discoveries_t *room, const actor_t *actor) {
    for (mk_node_t *node = room->all; node != NULL; node = node->next) {
        discovery_t *discovery = mk_container_of(node, discovery_t, all);
        if (discovery->owner == actor) return discovery;
    }
    return NULL;
}

mk_err_t discovery_watch(runtime_t *rt, bool on) {
    discoveries_t     *room;
    discovery_t       *discovery;
    mk_discover_wish_t wish = {.node = runtime_get_node_id(rt)};
    actor_t           *actor = mk_runtime_running(rt);
    if (actor == NULL) return MK_ERR_INVALID;
    mk_err_t err = room_of(rt, &room);
    if (err != MK_OK) return err;
    discovery = watch_of(room, actor);
    if (!on && discovery != NULL) {
        mk_list_remove(&discovery->res.node);
        on_owner_end(rt, &discovery->res);
    }
    if (!on || discovery != NULL) return MK_OK;
    if ((err = start(room, &wish, &discovery)) != MK_OK) return err;
    discovery->owner = actor;
    mk_actor_own(actor, &discovery->res, &res_ops);
    return MK_OK;
}
