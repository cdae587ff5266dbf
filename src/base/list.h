/* SPDX-License-Identifier: Apache-2.0 */
/* list.h -- an intrusive list whose nodes can leave it without knowing its head: each node holds the address of the
 * pointer that points at it. An unlinked node has at == NULL. */
#ifndef MK_BASE_LIST_H
#define MK_BASE_LIST_H

#include <stddef.h>

typedef struct mk_node {
    struct mk_node  *next;
    struct mk_node **at;
} mk_node_t;

static inline void mk_list_push(mk_node_t **head, mk_node_t *node) {
    node->next = *head;
    node->at = head;
    if (node->next != NULL) node->next->at = &node->next;
    *head = node;
}

static inline void mk_list_remove(mk_node_t *node) {
    if (node->at == NULL) return;
    *node->at = node->next;
    if (node->next != NULL) node->next->at = node->at;
    node->next = NULL;
    node->at = NULL;
}

#endif
