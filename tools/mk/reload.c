/* SPDX-License-Identifier: Apache-2.0 */
/* mk reload -- gives a guest of a running node another module, and waits for what comes of it: for whoever deploys. A node of its own
 * that lives as long as the question does; what it may do over there is what its secret or certificate says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli.h"
#include "life.h"
#include "links.h"
#include "microkernel/actor.h"
#include "microkernel/namespace.h"
#include "microkernel/node.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "settings.h"

enum { LINK_DEFAULT_MS = 10 * 1000, RETRY_MS = 250, MSG_START = 1 };

/* State of the actor that asks. */
typedef struct asker {
    const mk_settings_t *settings;
    const char          *where, *actor, *module;
    char                 identity[MK_IDENTITY_BYTES]; /* of the node there, once it is linked */
    char                 why[256];                    /* it was not, the last time            */
    bool                 linked;
    timer_id_t           deadline;
    call_id_t            call;
    int                  result;
} asker_t;

/* Both answer whether to go on. */
static bool done(asker_t *asker, int result) {
    asker->result = result;
    return false;
}

#define fail(asker, ...) done(asker, mk_cli_fail("reload", __VA_ARGS__))

/* ---- the link ---------------------------------------------------------------------------------------------------- */

static uint32_t link_ms(const asker_t *asker) {
    return asker->settings->wait_ms != 0 ? asker->settings->wait_ms : LINK_DEFAULT_MS;
}

static bool not_linked(asker_t *asker) { return fail(asker, "not linked with %s: %s", asker->where, asker->why); }

static bool mount(runtime_t *rt, asker_t *asker) {
    if (actor_send(rt, actor_lookup(rt, "ns"), MSG_NS_MOUNT, asker->where, strlen(asker->where))) return true;
    return fail(asker, "out of memory");
}

static bool start(runtime_t *rt, asker_t *asker) {
    snprintf(asker->why, sizeof asker->why, "no answer within %u s", (unsigned)(link_ms(asker) / 1000));
    asker->deadline = actor_set_timer(rt, link_ms(asker), false);
    if (asker->deadline == TIMER_ID_INVALID) return fail(asker, "out of memory");
    return mount(rt, asker);
}

/* ---- whose module ------------------------------------------------------------------------------------------------ */

static node_id_t find_node(runtime_t *rt, const char *identity) {
    node_info_t node; /* there is one link */
    return node_list(rt, &node, 1) == 1 && strcmp(node.identity, identity) == 0 ? node.node : 0;
}

/* Of an id as the shell shows it; 0: none. */
static actor_id_t read_id(const char *text) {
    char *end;
    if (text[0] < '0' || text[0] > '9') return ACTOR_ID_INVALID;
    unsigned long long id = strtoull(text, &end, 0);
    return *end == '\0' ? (actor_id_t)id : ACTOR_ID_INVALID;
}

/* Names are that node's, also those that another node owns under the name itself. */
static actor_id_t find_actor(runtime_t *rt, const asker_t *asker) {
    char       path[512];
    actor_id_t id = read_id(asker->actor);
    if (id != ACTOR_ID_INVALID) return id;
    if (asker->actor[0] == '/' && (id = actor_lookup(rt, asker->actor)) != ACTOR_ID_INVALID) return id;
    int size = snprintf(path, sizeof path, "/node/%s/%s", asker->identity, asker->actor + (asker->actor[0] == '/'));
    return size < (int)sizeof path ? actor_lookup(rt, path) : ACTOR_ID_INVALID;
}

static bool ask(runtime_t *rt, asker_t *asker) {
    node_id_t  node = find_node(rt, asker->identity);
    actor_id_t id = find_actor(rt, asker);
    if (node == 0) return fail(asker, "%s: the link has ended", asker->identity);
    if (id == ACTOR_ID_INVALID) return fail(asker, "%s shows no actor named '%s'", asker->identity, asker->actor);
    if (actor_id_node(id) != node) return fail(asker, "'%s' is no actor of %s", asker->actor, asker->identity);
    asker->call = node_reload(rt, id, asker->module);
    return asker->call != CALL_ID_INVALID || fail(asker, "%s: not asked: the name is too long", asker->module);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Without --wait the first failure is the answer: a wrong secret does not become right by waiting. */
static bool on_mount(runtime_t *rt, asker_t *asker, const message_t *msg) {
    const ns_reply_payload_t *reply = msg->payload;
    const char               *text = (const char *)(reply + 1);
    int                       size = (int)reply->text_size;
    if (asker->linked) return true;
    if (reply->error == MK_OK) {
        asker->linked = true;
        actor_cancel_timer(rt, asker->deadline);
        snprintf(asker->identity, sizeof asker->identity, "%.*s", size, text);
        return ask(rt, asker);
    }
    if (size > 0) snprintf(asker->why, sizeof asker->why, "%.*s", size, text);
    else snprintf(asker->why, sizeof asker->why, "%s", mk_err_text((mk_err_t)reply->error));
    bool again = asker->settings->wait_ms != 0 && reply->error != MK_ERR_INVALID;
    return again && actor_set_timer(rt, RETRY_MS, false) != TIMER_ID_INVALID ? true : not_linked(asker);
}

static bool on_timer(runtime_t *rt, asker_t *asker, const timer_payload_t *timer) {
    if (asker->linked) return true;
    return timer->id == asker->deadline ? not_linked(asker) : mount(rt, asker);
}

static bool on_answer(asker_t *asker, const message_t *msg) {
    const node_reply_payload_t *reply = msg->payload;
    const char                 *why = mk_err_text((mk_err_t)reply->error);
    int                         size = (int)strlen(why);
    if (reply->call != asker->call) return true;
    if (reply->error == MK_OK) {
        printf("taken, on probation: %.*s\n", (int)reply->text_size, (const char *)(reply + 1));
        asker->result = mk_cli_flush("reload");
        return asker->result == MK_CLI_OK && !asker->settings->no_wait;
    }
    if (reply->text_size > 0) {
        why = (const char *)(reply + 1);
        size = (int)reply->text_size;
    }
    return fail(asker, "%s: %s%.*s", asker->identity, reply->error == MK_ERR_DENIED ? "not permitted: " : "", size,
                why);
}

/* What is not kept is told on standard output as well: it is what was asked for, and no failure of this program. */
static bool on_outcome(asker_t *asker, const message_t *msg) {
    const wasm_reloaded_payload_t *end = msg->payload;
    const char                    *what = end->outcome == WASM_RELOAD_KEPT        ? "kept"
                                          : end->outcome == WASM_RELOAD_UNDONE    ? "undone"
                                          : end->outcome == WASM_RELOAD_OVERTAKEN ? "overtaken"
                                                                                  : "not decided";
    if (end->ref != asker->call) return true;
    printf("%s%s%.*s\n", what, end->text_size > 0 ? ": " : "", (int)end->text_size, (const char *)(end + 1));
    int flushed = mk_cli_flush("reload");
    return done(asker, end->outcome == WASM_RELOAD_KEPT ? flushed : MK_CLI_FAILED);
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    asker_t *asker = state;
    bool     stay = true;
    (void)self;
    switch (msg->type) {
    case MSG_START: stay = start(rt, asker); break;
    case MSG_NS_REPLY: stay = on_mount(rt, asker, msg); break;
    case MSG_NODE_REPLY: stay = on_answer(asker, msg); break;
    case MSG_WASM_RELOADED: stay = on_outcome(asker, msg); break;
    case MSG_TIMER: stay = on_timer(rt, asker, msg->payload); break;
    default: break;
    }
    if (!stay) runtime_stop(rt);
    return stay;
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

/* A name unlike any other's, so that several may ask at a time, and on the machine of whom they ask. A certificate is for one name. */
static void name_it(mk_settings_t *settings, char name[static MK_NODE_NAME_BYTES_MAX + 1]) {
    uint64_t number = 0;
    if (settings->named || settings->certificate_file != NULL) return;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) return;
    snprintf(name, MK_NODE_NAME_BYTES_MAX + 1, "reload-%016llx", (unsigned long long)number);
    settings->name = name;
    settings->node_id = 0; /* made from the name */
}

static int ask_there(runtime_t *rt, asker_t *asker) {
    actor_options_t options = {.behavior = behave, .state = asker};
    actor_id_t      id;
    int             result = mk_links_prepare(rt, "reload", asker->settings, NULL);
    if (result != MK_CLI_OK) return result;
    if (actor_spawn_opts(rt, &options, &id) != MK_OK || !actor_send(rt, id, MSG_START, NULL, 0))
        return mk_cli_fail("reload", "out of memory");
    runtime_run(rt);
    if (asker->linked) (void)node_disconnect(rt, asker->identity);
    return asker->result;
}

static int run(const mk_settings_t *given) {
    mk_settings_t settings = *given;
    char          name[MK_NODE_NAME_BYTES_MAX + 1];
    if (settings.operands_count != 3) {
        (void)mk_cli_fail("reload", "WHERE, ACTOR and MODULE are needed: 'mk reload --help'");
        return MK_CLI_USAGE;
    }
    name_it(&settings, name);
    asker_t asker = {
        .settings = &settings,
        .where = settings.operands[0],
        .actor = settings.operands[1],
        .module = settings.operands[2],
        .result = MK_CLI_FAILED,
    };
    runtime_t *rt = mk_life_begin(&settings, true);
    if (rt == NULL) return mk_cli_fail("reload", "out of memory");
    int result = ask_there(rt, &asker);
    mk_life_end(rt);
    return result;
}

static const mk_option_t *const options[] = {&mk_option_secret,  &mk_option_cert,       &mk_option_key,
                                             &mk_option_ca,      &mk_option_asker_name, &mk_option_link_wait,
                                             &mk_option_no_wait, &mk_option_log,        NULL};

const mk_command_t mk_command_reload = {
    .name = "reload",
    .operands = "WHERE ACTOR MODULE",
    .summary = "Give a guest of a running node another module, of that node's folder of modules (mk node --modules), "
               "and wait until it is kept "
               "or undone. Interrupted, the reload goes on over there.",
    .example = "  mk reload --secret operator.secret 192.168.1.10:4200 echo echo-2\n",
    .options = options,
    .log_level = MK_LOG_ERROR,
    .run = run,
};
