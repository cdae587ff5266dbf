/* SPDX-License-Identifier: Apache-2.0 */
/* router.c -- see router.h. A node stands for the segments from the root to it; routes hang on the nodes where patterns end. */
#include "http/router.h"

#include <string.h>

#include "base/mem.h"

typedef struct mk_http_node node_t;

struct mk_http_node {
    node_t          *next;     /* among the literals of its parent */
    node_t          *literals; /* first segments of what is below  */
    node_t          *param, *rest;
    mk_http_route_t *routes;
    size_t           size;
    char             text[]; /* of a literal; no NUL             */
};

/* ---- patterns ------------------------------------------------------------------------------------------------------ */

typedef enum segment_kind { SEG_LITERAL, SEG_PARAM, SEG_REST, SEG_WRONG } segment_kind_t;

/* The segment behind a slash; `text` is its literal, or its parameter's name. */
static segment_kind_t segment_of(const char *at, size_t size, mk_http_text_t *text) {
    *text = (mk_http_text_t){at, size};
    if (memchr(at, '{', size) == NULL) return memchr(at, '}', size) == NULL ? SEG_LITERAL : SEG_WRONG;
    if (size < 3 || at[0] != '{' || at[size - 1] != '}') return SEG_WRONG;
    bool rest = at[size - 2] == '*';
    *text = (mk_http_text_t){at + 1, size - (rest ? 3 : 2)};
    if (!mk_http_is_token(*text) || memchr(text->at, '*', text->size) != NULL) return SEG_WRONG;
    return rest ? SEG_REST : SEG_PARAM;
}

static bool has_param(const mk_http_text_t *names, unsigned n, mk_http_text_t name) {
    for (unsigned i = 0; i < n; i++)
        if (names[i].size == name.size && memcmp(names[i].at, name.at, name.size) == 0) return true;
    return false;
}

/* Whether the pattern is one; the names of its parameters. */
static bool check_pattern(const char *pattern, mk_http_text_t names[MK_ROUTE_PARAMS_MAX], unsigned *n) {
    *n = 0;
    if (*pattern != '/') return false;
    for (const char *at = pattern + 1;;) {
        mk_http_text_t text;
        size_t         size = strcspn(at, "/");
        bool           last = at[size] == '\0';
        segment_kind_t kind = segment_of(at, size, &text);
        if (kind == SEG_WRONG || (kind == SEG_REST && !last) || (size == 0 && !last)) return false;
        if (kind != SEG_LITERAL) {
            if (*n == MK_ROUTE_PARAMS_MAX || has_param(names, *n, text)) return false;
            names[(*n)++] = text;
        }
        if (last) return true;
        at += size + 1;
    }
}

/* ---- adding ---------------------------------------------------------------------------------------------------------- */

static node_t *new_node(mk_http_text_t text) {
    node_t *node = mk_calloc(1, sizeof *node + text.size);
    if (node == NULL) return NULL;
    node->size = text.size;
    if (text.size != 0) memcpy(node->text, text.at, text.size);
    return node;
}

static node_t *literal_of(const node_t *node, const char *at, size_t size) {
    node_t *child = node->literals;
    while (child != NULL && (child->size != size || memcmp(child->text, at, size) != 0)) child = child->next;
    return child;
}

/* Nodes that were made stay when a later one cannot be: they lead nowhere and do no harm. */
static node_t *reach(node_t *node, const char *pattern) {
    for (const char *at = pattern + 1; node != NULL;) {
        mk_http_text_t text;
        size_t         size = strcspn(at, "/");
        segment_kind_t kind = segment_of(at, size, &text);
        node_t *child = kind == SEG_LITERAL ? literal_of(node, at, size) : kind == SEG_PARAM ? node->param : node->rest;
        if (child == NULL && (child = new_node(kind == SEG_LITERAL ? text : (mk_http_text_t){0})) != NULL) {
            if (kind == SEG_PARAM) node->param = child;
            else if (kind == SEG_REST) node->rest = child;
            else child->next = node->literals, node->literals = child;
        }
        node = child;
        if (at[size] == '\0') break;
        at += size + 1;
    }
    return node;
}

static char *put(char *to, const char *text, size_t size, const char **where) {
    *where = to;
    memcpy(to, text, size);
    to[size] = '\0';
    return to + size + 1;
}

static mk_http_route_t *new_route(const char *method, const mk_http_target_t *target, const mk_http_text_t *names,
                                  unsigned n) {
    size_t      size = 0;
    const char *unused;
    for (unsigned i = 0; i < n; i++) size += names[i].size + 1;
    if (method != NULL) size += strlen(method) + 1;
    if (target->actor != NULL) size += strlen(target->actor) + 1;
    mk_http_route_t *route = mk_calloc(1, sizeof *route + size);
    if (route == NULL) return NULL;
    char *to = route->texts;
    route->target = *target;
    route->params = to;
    route->params_n = n;
    for (unsigned i = 0; i < n; i++) to = put(to, names[i].at, names[i].size, &unused);
    if (method != NULL) to = put(to, method, strlen(method), &route->method);
    if (target->actor != NULL) put(to, target->actor, strlen(target->actor), &route->target.actor);
    return route;
}

static bool same_method(const char *a, const char *b) { return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0; }

mk_err_t mk_http_router_add(mk_http_router_t *router, const char *method, const char *pattern,
                            const mk_http_target_t *target) {
    mk_http_text_t names[MK_ROUTE_PARAMS_MAX];
    unsigned       n;
    if (!check_pattern(pattern, names, &n)) return MK_ERR_INVALID;
    if (method != NULL && !mk_http_is_token(mk_http_text(method))) return MK_ERR_INVALID;
    if (router->root == NULL) router->root = new_node((mk_http_text_t){0});
    node_t *node = router->root != NULL ? reach(router->root, pattern) : NULL;
    if (node == NULL) return MK_ERR_NOMEM;
    for (const mk_http_route_t *other = node->routes; other != NULL; other = other->next)
        if (same_method(other->method, method)) return MK_ERR_EXISTS;
    mk_http_route_t *route = new_route(method, target, names, n);
    if (route == NULL) return MK_ERR_NOMEM;
    route->next = node->routes;
    node->routes = route;
    router->routes_n++;
    return MK_OK;
}

static void free_routes(mk_http_route_t *route) {
    for (mk_http_route_t *next; route != NULL; route = next) {
        next = route->next;
        if (route->target.release != NULL) route->target.release(route->target.arg);
        mk_free(route);
    }
}

/* As deep as the longest pattern has segments. */
static void free_node(node_t *node) {
    if (node == NULL) return;
    for (node_t *child = node->literals, *next; child != NULL; child = next) {
        next = child->next;
        free_node(child);
    }
    free_node(node->param);
    free_node(node->rest);
    free_routes(node->routes);
    mk_free(node);
}

void mk_http_router_fini(mk_http_router_t *router) {
    free_node(router->root);
    *router = (mk_http_router_t){0};
}

/* ---- finding ----------------------------------------------------------------------------------------------------------- */

typedef struct query {
    mk_http_text_t   method;
    mk_http_match_t *match;
    mk_buffer_t     *allow;
} query_t;

static void allow(query_t *q, const char *method) {
    mk_http_text_t rest = {(const char *)q->allow->bytes, q->allow->size}, element;
    while (mk_http_list_next(&rest, &element))
        if (mk_http_text_equal(element, method)) return;
    if (q->allow->size != 0) mk_buffer_append_text(q->allow, ", ");
    mk_buffer_append_text(q->allow, method);
}

static const mk_http_route_t *route_of(const node_t *node, mk_http_text_t method) {
    const mk_http_route_t *any = NULL, *get = NULL;
    for (const mk_http_route_t *route = node->routes; route != NULL; route = route->next) {
        if (route->method == NULL) any = route;
        else if (mk_http_text_equal(method, route->method)) return route;
        else if (strcmp(route->method, "GET") == 0 && mk_http_text_equal(method, "HEAD")) get = route;
    }
    return get != NULL ? get : any;
}

/* The path ends here. Methods that would be taken are noted for the answer if no other branch takes this one. */
static bool pick(query_t *q, const node_t *node, bool rest) {
    const mk_http_route_t *route = route_of(node, q->method);
    if (route != NULL) {
        q->match->route = route;
        q->match->rest = rest;
        return true;
    }
    for (route = node->routes; route != NULL; route = route->next) {
        allow(q, route->method);
        if (strcmp(route->method, "GET") == 0) allow(q, "HEAD");
        q->match->other = true;
    }
    return false;
}

/* `at`: behind a slash. As deep as the longest pattern has segments. */
static bool walk(query_t *q, const node_t *node, const char *at, unsigned params) {
    size_t        size = strcspn(at, "/");
    bool          last = at[size] == '\0';
    const node_t *child = literal_of(node, at, size);
    if (child != NULL && (last ? pick(q, child, false) : walk(q, child, at + size + 1, params))) return true;
    if ((child = node->param) != NULL && size != 0) {
        q->match->value[params] = (mk_http_text_t){at, size};
        if (last ? pick(q, child, false) : walk(q, child, at + size + 1, params + 1)) return true;
    }
    if ((child = node->rest) == NULL) return false;
    q->match->value[params] = (mk_http_text_t){at, strlen(at)};
    return pick(q, child, true);
}

void mk_http_router_find(const mk_http_router_t *router, mk_http_text_t method, const char *path,
                         mk_http_match_t *match, mk_buffer_t *allow_out) {
    query_t q = {.method = method, .match = match, .allow = allow_out};
    mk_buffer_clear(allow_out);
    match->route = NULL;
    match->other = match->rest = false;
    if (router->root == NULL || *path != '/' || walk(&q, router->root, path + 1, 0) || !match->other) return;
    allow(&q, "OPTIONS");
}
