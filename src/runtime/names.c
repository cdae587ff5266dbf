/* SPDX-License-Identifier: Apache-2.0 */
/* names.c -- a hash table of names; each name is a resource of the actor that carries it, and, when it is reserved, of
 * the actor that holds it. Invariant: a name in the table has a target, a holder, or both; and whoever observes the table
 * has been told of the claim to it and whom it points at. */
#include "runtime/names.h"

#include <string.h>

#include "base/mem.h"
#include "runtime/internal.h"

enum { BUCKETS_FIRST = 16 };

struct mk_name {
    mk_res_t   of_target, of_holder;
    actor_t   *target, *holder; /* either may be NULL */
    mk_name_t *next;            /* in its chain */
    uint32_t   hash;
    uint32_t   size; /* bytes, without the NUL */
    char       text[];
};

/* FNV-1a over a secret start. */
static uint32_t hash_of(const mk_names_t *names, const char *text, size_t size) {
    uint32_t h = 2166136261u ^ names->seed;
    for (size_t i = 0; i < size; i++) h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h;
}

mk_err_t mk_names_init(mk_names_t *names) {
    *names = (mk_names_t){.mask = BUCKETS_FIRST - 1};
    /* A platform without entropy gets the plain hash: chains may then be long, but never wrong. */
    if (mk_port_entropy(&names->seed, sizeof names->seed) != MK_OK) names->seed = 0;
    names->bucket = mk_calloc(BUCKETS_FIRST, sizeof *names->bucket);
    return names->bucket != NULL ? MK_OK : MK_ERR_NOMEM;
}

void mk_names_fini(mk_names_t *names) {
    mk_assert(names->count == 0);
    mk_free(names->bucket);
}

static mk_name_t **find(mk_names_t *names, const char *text, size_t size, uint32_t hash) {
    mk_name_t **at = &names->bucket[hash & names->mask];
    while (*at != NULL && !((*at)->hash == hash && (*at)->size == size && memcmp((*at)->text, text, size) == 0))
        at = &(*at)->next;
    return at;
}

static mk_name_t *lookup(mk_names_t *names, const char *text) {
    size_t size = strlen(text);
    return *find(names, text, size, hash_of(names, text, size));
}

/* Without memory the chains get longer, which is no reason to refuse a name. */
static void grow(mk_names_t *names) {
    size_t      n = 2 * (names->mask + 1);
    mk_name_t **bucket = mk_calloc(n, sizeof *bucket);
    if (bucket == NULL) return;
    for (size_t i = 0; i <= names->mask; i++) {
        for (mk_name_t *name = names->bucket[i], *next; name != NULL; name = next) {
            next = name->next;
            name->next = bucket[name->hash & (n - 1)];
            bucket[name->hash & (n - 1)] = name;
        }
    }
    mk_free(names->bucket);
    names->bucket = bucket;
    names->mask = n - 1;
}

/* ---- who observes ---- */

void mk_names_observe(runtime_t *rt, const mk_names_ops_t *ops, void *arg) {
    mk_assert(ops == NULL || rt->names.ops == NULL);
    rt->names.ops = ops;
    rt->names.arg = arg;
}

static actor_id_t target_id(const runtime_t *rt, const mk_name_t *name) {
    return name->target != NULL ? mk_actor_id(rt, name->target) : ACTOR_ID_INVALID;
}

static mk_err_t claim(runtime_t *rt, const char *text) {
    return rt->names.ops != NULL ? rt->names.ops->claim(rt->names.arg, text) : MK_OK;
}

static void tell_target(runtime_t *rt, const mk_name_t *name) {
    if (rt->names.ops != NULL) rt->names.ops->points(rt->names.arg, name->text, target_id(rt, name));
}

void mk_names_visit(runtime_t *rt, mk_names_visit_fn *fn, void *arg) {
    for (size_t i = 0; i <= rt->names.mask; i++)
        for (const mk_name_t *name = rt->names.bucket[i]; name != NULL; name = name->next)
            fn(arg, name->text, target_id(rt, name));
}

/* ---- a name's owners ---- */

/* Out of the table first: who is told of it may look. */
static void remove_name(runtime_t *rt, mk_name_t *name) {
    mk_names_t *names = &rt->names;
    mk_list_remove(&name->of_target.node);
    mk_list_remove(&name->of_holder.node);
    *find(names, name->text, name->size, name->hash) = name->next;
    names->count--;
    if (names->ops != NULL) names->ops->release(names->arg, name->text);
    mk_free(name);
}

static void target_ended(runtime_t *rt, mk_res_t *res) {
    mk_name_t *name = mk_container_of(res, mk_name_t, of_target);
    name->target = NULL;
    if (name->holder == NULL) remove_name(rt, name);
    else tell_target(rt, name);
}

static void holder_ended(runtime_t *rt, mk_res_t *res) {
    mk_name_t *name = mk_container_of(res, mk_name_t, of_holder);
    name->holder = NULL;
    if (name->target == NULL) remove_name(rt, name);
}

static const mk_res_ops_t target_ops = {target_ended};
static const mk_res_ops_t holder_ops = {holder_ended};

static void set_target(runtime_t *rt, mk_name_t *name, actor_t *actor) {
    mk_list_remove(&name->of_target.node);
    name->target = actor;
    mk_actor_own(actor, &name->of_target, &target_ops);
    tell_target(rt, name);
}

static void set_holder(mk_name_t *name, actor_t *holder) {
    name->holder = holder;
    mk_actor_own(holder, &name->of_holder, &holder_ops);
}

/* An actor that is bound to end handles no message any more, so it needs no name: whoever replaces it need not wait for
 * its last turn. */
static bool needs_none(const actor_t *actor) { return actor == NULL || (actor->flags & MK_ACTOR_ENDING); }

/* A name that is in the table and that nobody needs any more. It stays there, so nobody else can claim it in between. */
static mk_name_t *take_over(mk_name_t *name) {
    mk_list_remove(&name->of_target.node);
    mk_list_remove(&name->of_holder.node);
    name->target = name->holder = NULL;
    return name;
}

static void put_in(mk_names_t *names, mk_name_t *name) {
    if (names->count > names->mask) grow(names);
    name->next = names->bucket[name->hash & names->mask];
    names->bucket[name->hash & names->mask] = name;
    names->count++;
}

/* The name, in the table, with neither target nor holder yet. */
static mk_err_t add(runtime_t *rt, const char *text, mk_name_t **out) {
    mk_names_t *names = &rt->names;
    size_t      size = strlen(text);
    if (size == 0) return MK_ERR_INVALID;
    if (size > rt->config.name_bytes_max) return MK_ERR_TOOLONG;
    uint32_t   hash = hash_of(names, text, size);
    mk_name_t *old = *find(names, text, size, hash);
    if (old != NULL) {
        if (!needs_none(old->target) || !needs_none(old->holder)) return MK_ERR_EXISTS;
        *out = take_over(old);
        return MK_OK;
    }
    mk_name_t *name = mk_calloc(1, sizeof *name + size + 1);
    if (name == NULL) return MK_ERR_NOMEM;
    mk_err_t err = claim(rt, text);
    if (err != MK_OK) {
        mk_free(name);
        return err;
    }
    name->hash = hash;
    name->size = (uint32_t)size;
    memcpy(name->text, text, size);
    put_in(names, name);
    *out = name;
    return MK_OK;
}

mk_err_t mk_names_put(runtime_t *rt, const char *text, actor_t *actor, const actor_t *giver) {
    mk_name_t *name = lookup(&rt->names, text);
    bool       given = name != NULL && needs_none(name->target) && giver != NULL && name->holder == giver;
    mk_err_t   err = given ? MK_OK : add(rt, text, &name);
    if (err == MK_OK) set_target(rt, name, actor);
    return err;
}

actor_id_t mk_names_withdraw(runtime_t *rt, const char *text) {
    mk_name_t *name = lookup(&rt->names, text);
    if (name == NULL) return ACTOR_ID_INVALID;
    actor_id_t carried = target_id(rt, name);
    remove_name(rt, name);
    return carried;
}

/* ---- public ---- */

mk_err_t actor_try_register_name(runtime_t *rt, const char *name, actor_id_t id) {
    actor_t *actor = mk_actor_find(rt, id);
    return actor != NULL ? mk_names_put(rt, name, actor, rt->sched.running) : MK_ERR_NOTFOUND;
}

bool actor_register_name(runtime_t *rt, const char *name, actor_id_t id) {
    mk_err_t err = actor_try_register_name(rt, name, id);
    if (err == MK_OK) return true;
    if (err == MK_ERR_TOOLONG)
        actor_log(rt, MK_LOG_WARN, "name refused: %zu bytes, limit %zu", strlen(name), rt->config.name_bytes_max);
    else actor_log(rt, MK_LOG_WARN, "name '%s' refused: %s", name, mk_err_text(err));
    return false;
}

bool actor_unregister_name(runtime_t *rt, const char *text) {
    mk_name_t     *name = lookup(&rt->names, text);
    const actor_t *running = rt->sched.running;
    if (name == NULL) return false;
    if (running != NULL && running != name->target && running != name->holder) return false;
    remove_name(rt, name);
    return true;
}

static mk_err_t reserve(runtime_t *rt, const char *text, actor_t *holder) {
    mk_name_t *name;
    mk_err_t   err = add(rt, text, &name);
    if (err != MK_OK) return err;
    set_holder(name, holder);
    tell_target(rt, name);
    return MK_OK;
}

mk_err_t actor_reserve_name(runtime_t *rt, const char *text) {
    mk_assert(rt->sched.running != NULL);
    return reserve(rt, text, rt->sched.running);
}

mk_err_t actor_reserve_name_for(runtime_t *rt, const char *text, actor_id_t id) {
    actor_t *holder = mk_actor_find(rt, id);
    return holder != NULL ? reserve(rt, text, holder) : MK_ERR_NOTFOUND;
}

actor_id_t actor_lookup(runtime_t *rt, const char *text) {
    const mk_names_t *names = &rt->names;
    const mk_name_t  *name = lookup(&rt->names, text);
    if (name != NULL && name->target != NULL) return mk_actor_id(rt, name->target);
    return names->ops != NULL ? names->ops->elsewhere(names->arg, text) : ACTOR_ID_INVALID;
}

bool actor_send_named(runtime_t *rt, const char *name, msg_type_t type, const void *payload, size_t size) {
    return actor_send(rt, actor_lookup(rt, name), type, payload, size);
}

static const mk_name_t *name_of(const mk_node_t *node) {
    const mk_res_t *res = mk_container_of(node, const mk_res_t, node);
    return res->ops == &target_ops ? mk_container_of(res, const mk_name_t, of_target) : NULL;
}

/* Another node's actor: the one name that is known best. */
static size_t name_elsewhere(runtime_t *rt, actor_id_t id, char *buf, size_t size) {
    const mk_names_t *names = &rt->names;
    if (actor_id_node(id) == rt->node || names->ops == NULL || size == 0) return 0;
    return names->ops->reverse(names->arg, id, buf, size);
}

size_t actor_reverse_lookup(runtime_t *rt, actor_id_t id, char *buf, size_t size) {
    const actor_t   *actor = mk_actor_find(rt, id);
    const mk_name_t *first = NULL;
    if (size != 0) buf[0] = '\0';
    if (actor == NULL) return name_elsewhere(rt, id, buf, size);
    /* The list is newest first, so the last one found is the first that was given. */
    for (const mk_node_t *node = actor->resources; node != NULL; node = node->next)
        if (name_of(node) != NULL) first = name_of(node);
    if (first == NULL || first->size >= size) return 0;
    memcpy(buf, first->text, first->size + 1);
    return first->size;
}

size_t actor_reverse_lookup_all(runtime_t *rt, actor_id_t id, char *buf, size_t size) {
    const actor_t *actor = mk_actor_find(rt, id);
    size_t         used = 0;
    if (actor == NULL) {
        size_t length = name_elsewhere(rt, id, buf, size);
        return length != 0 ? length + 1 : 0;
    }
    for (const mk_node_t *node = actor->resources; node != NULL; node = node->next) {
        const mk_name_t *name = name_of(node);
        if (name == NULL || name->size >= size - used) continue;
        memcpy(buf + used, name->text, name->size + 1);
        used += name->size + 1;
    }
    return used;
}
