/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_children.c -- see supervisor_children.h. Actor ids and timer ids share the index: an id has its node,
 * never 0, in the upper half, a timer nothing. */
#include "services/supervisor_children.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { BUCKETS_FIRST = 4 };

mk_err_t mk_children_init(mk_children_t *children) {
    *children = (mk_children_t){.mask = BUCKETS_FIRST - 1};
    children->bucket = mk_calloc(BUCKETS_FIRST, sizeof(mk_child_t *));
    return children->bucket != NULL ? MK_OK : MK_ERR_NOMEM;
}

void mk_children_fini(mk_children_t *children) {
    for (mk_child_t *child = children->first, *next; child != NULL; child = next) {
        next = child->next;
        mk_free(child);
    }
    mk_free(children->bucket);
}

/* Ids and timers are given in sequence, and so spread by themselves. */
static mk_child_t **bucket_of(const mk_children_t *children, uint64_t key) {
    return &children->bucket[key & children->mask];
}

/* Without memory the chains get longer. */
static void grow(mk_children_t *children) {
    size_t       n = 2 * (children->mask + 1);
    mk_child_t **bucket = mk_calloc(n, sizeof(mk_child_t *));
    if (bucket == NULL) return;
    mk_free(children->bucket);
    children->bucket = bucket;
    children->mask = n - 1;
    for (mk_child_t *child = children->first; child != NULL; child = child->next) {
        if (child->key == 0) continue;
        child->chain = *bucket_of(children, child->key);
        *bucket_of(children, child->key) = child;
    }
}

mk_child_t *mk_children_add(mk_children_t *children, const child_spec_t *spec) {
    size_t      name_size = spec->name != NULL ? strlen(spec->name) + 1 : 0;
    mk_child_t *child = mk_calloc(1, sizeof *child + name_size);
    if (child == NULL) return NULL;
    child->spec = *spec;
    if (spec->name != NULL) child->spec.name = memcpy(child->name, spec->name, name_size);
    if (children->count++ > children->mask) grow(children);
    child->prev = children->last;
    if (children->last != NULL) children->last->next = child;
    else children->first = child;
    children->last = child;
    return child;
}

void mk_children_remove(mk_children_t *children, mk_child_t *child) {
    mk_children_set_key(children, child, 0);
    if (child->prev != NULL) child->prev->next = child->next;
    else children->first = child->next;
    if (child->next != NULL) child->next->prev = child->prev;
    else children->last = child->prev;
    children->count--;
    mk_free(child);
}

void mk_children_set_key(mk_children_t *children, mk_child_t *child, uint64_t key) {
    if (child->key != 0) {
        mk_child_t **at = bucket_of(children, child->key);
        while (*at != child) at = &(*at)->chain;
        *at = child->chain;
    }
    child->key = key;
    if (key == 0) return;
    child->chain = *bucket_of(children, key);
    *bucket_of(children, key) = child;
}

mk_child_t *mk_children_find(const mk_children_t *children, uint64_t key) {
    if (key == 0) return NULL;
    mk_child_t *child = *bucket_of(children, key);
    while (child != NULL && child->key != key) child = child->chain;
    return child;
}
