/* SPDX-License-Identifier: Apache-2.0 */
/* caps.c -- the actor that says what this node is and has, as `key=value` lines. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "ns/internal.h"
#include "port/port.h"

mk_err_t mk_ns_add_caps(mk_ns_t *ns, mk_ns_caps_fn *fn, void *arg) {
    mk_ns_caps_t *caps = mk_realloc(ns->caps, (ns->caps_n + 1) * sizeof *caps);
    if (caps == NULL) return MK_ERR_NOMEM;
    ns->caps = caps;
    ns->caps[ns->caps_n++] = (mk_ns_caps_t){fn, arg};
    return MK_OK;
}

static void add(mk_buffer_t *out, const char *key, uint64_t value) {
    (void)mk_buffer_append_text(out, key);
    (void)mk_buffer_append_text(out, "=");
    (void)mk_buffer_append_number(out, value);
    (void)mk_buffer_append_text(out, "\n");
}

static void describe(mk_ns_t *ns, mk_buffer_t *out) {
    runtime_stats_t stats;
    uint64_t        free_bytes = mk_port_free_bytes();
    runtime_get_stats(ns->rt, &stats);
    (void)mk_buffer_printf(out, "name=%s\nnode=%u\nplatform=%s\nversion=%s\nfeatures=%s\n", ns->identity,
                           (unsigned)runtime_get_node_id(ns->rt), MK_NS_PLATFORM, MK_NS_VERSION, MK_NS_FEATURES);
    add(out, "actors", stats.actors);
    add(out, "names", ns->own_n);
    add(out, "peers", ns->peers_n);
    if (free_bytes != 0) add(out, "memory", free_bytes);
    add(out, "uptime_s", (mk_port_now_us() - ns->began_us) / 1000000);
    for (size_t i = 0; i < ns->caps_n; i++) ns->caps[i].fn(ns->rt, ns->caps[i].arg, out);
}

static bool behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    mk_ns_t    *ns = state;
    mk_buffer_t out = {0};
    (void)self;
    if (msg->type != MSG_CAPS_REQUEST) return true;
    describe(ns, &out);
    /* Without memory the answer is empty rather than cut somewhere. */
    (void)actor_reply(rt, msg, MSG_CAPS_REPLY, out.bytes, out.failed ? 0 : out.size);
    mk_buffer_free(&out);
    return true;
}

static void ended(void *state) { ((mk_ns_t *)state)->caps_actor = ACTOR_ID_INVALID; }

static mk_err_t start(mk_ns_t *ns) {
    char     path[sizeof(mk_prefix_t) + 8];
    mk_err_t err;
    snprintf(path, sizeof path, "%scaps", ns->prefix.text);
    actor_options_t options = {.behavior = behavior,
                               .state = ns,
                               .free_state = ended,
                               .name = "/node/local/caps",
                               .orphan = true,
                               .number_last = true};
    if ((err = actor_spawn_opts(ns->rt, &options, &ns->caps_actor)) != MK_OK) return err;
    if ((err = actor_try_register_name(ns->rt, path, ns->caps_actor)) != MK_OK) actor_stop(ns->rt, ns->caps_actor);
    return err;
}

actor_id_t caps_actor_init(runtime_t *rt) {
    mk_ns_t *ns = mk_ns_of(rt);
    if (ns != NULL && ns->caps_actor != ACTOR_ID_INVALID) return ns->caps_actor;
    mk_err_t err = ns != NULL ? start(ns) : MK_ERR_NOMEM;
    if (err == MK_OK) return ns->caps_actor;
    actor_log(rt, MK_LOG_ERROR, "no capabilities actor: %s", mk_err_text(err));
    return ACTOR_ID_INVALID;
}
