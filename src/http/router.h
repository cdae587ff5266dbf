/* SPDX-License-Identifier: Apache-2.0 */
/* router.h -- which of a listener's routes takes a request: a tree of path segments. At each segment a literal wins over a
 * parameter, that over the rest of the path; a branch that ends without a route for the method is left again. Whoever looks up
 * pays for the segments of the path and the branches that fit, not for the number of routes. One thread. */
#ifndef MK_HTTP_ROUTER_H
#define MK_HTTP_ROUTER_H

#include "base/buffer.h"
#include "http/server.h"

enum { MK_ROUTE_PARAMS_MAX = 16 };

/* Who answers: one of the three. */
typedef struct mk_http_target {
    const char       *actor; /* looked up for each request */
    http_handler_fn   handler;
    mk_http_serve_fn *serve;
    void            (*release)(void *arg); /* may be NULL */
    void             *arg;
} mk_http_target_t;

typedef struct mk_http_route {
    struct mk_http_route *next;   /* of the same pattern                        */
    mk_http_target_t      target; /* its name is a copy                         */
    const char           *method; /* NULL: any                                  */
    const char           *params; /* names in order, each with its NUL          */
    unsigned              params_n;
    char                  texts[];
} mk_http_route_t;

typedef struct mk_http_router {
    struct mk_http_node *root;
    unsigned             routes_n;
} mk_http_router_t;

/* Texts are copied. MK_ERR_INVALID: the pattern, or a method that is no token. MK_ERR_EXISTS, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_http_router_add(mk_http_router_t *router, const char *method, const char *pattern,
                                          const mk_http_target_t *target);
/* Releases every target. */
void                   mk_http_router_fini(mk_http_router_t *router);

/* Values point into the path. */
typedef struct mk_http_match {
    const mk_http_route_t *route; /* NULL: none takes it                                                    */
    mk_http_text_t         value[MK_ROUTE_PARAMS_MAX];
    bool                   rest;  /* the last value is the rest of the path                                 */
    bool                   other; /* routes take the path, but not the method: `allow` says which they do   */
} mk_http_match_t;

/* `path`: decoded, without dot segments, NUL behind it. `allow`: "GET, HEAD, OPTIONS"; failed: out of memory. */
void mk_http_router_find(const mk_http_router_t *router, mk_http_text_t method, const char *path, mk_http_match_t *match,
                         mk_buffer_t *allow);

#endif
