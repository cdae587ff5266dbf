/* SPDX-License-Identifier: Apache-2.0 */
/* options.c -- every option there is, with its help and what it makes of its value. A subcommand names those it takes. */
#include <string.h>

#include "cli.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "settings.h"

static bool set_name(mk_settings_t *settings, const char *value) {
    settings->name = value;
    settings->named = true;
    return mk_settings_name_ok(value);
}

static bool set_node_id(mk_settings_t *settings, const char *value) {
    return mk_settings_number(value, 1, UINT32_MAX, &settings->node_id);
}

static bool set_log(mk_settings_t *settings, const char *value) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int level = MK_LOG_DEBUG; level <= MK_LOG_ERROR; level++) {
        if (strcmp(value, names[level]) == 0) {
            settings->log_level = level;
            return true;
        }
    }
    return false;
}

static bool set_budget(mk_settings_t *settings, const char *value) {
    enum { BUDGET_MS_MAX = 60 * 60 * 1000 };
    if (!mk_settings_number(value, 0, BUDGET_MS_MAX, &settings->budget_ms)) return false;
    if (settings->budget_ms == 0) settings->budget_ms = WASM_BUDGET_NONE;
    return true;
}

/* Whether there is such an engine is found out when it is needed. */
static bool set_engine(mk_settings_t *settings, const char *value) {
    settings->engine = value;
    return value[0] != '\0';
}

static bool set_trusted(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->trusted = true;
    return true;
}

static bool set_json(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->json = true;
    return true;
}

static bool set_http(mk_settings_t *settings, const char *value) {
    settings->http_hosts = value;
    return value[0] != '\0';
}

static bool set_listen(mk_settings_t *settings, const char *value) {
    settings->listen = value;
    return strrchr(value, ':') != NULL;
}

static bool set_token_file(mk_settings_t *settings, const char *value) {
    settings->token_file = value;
    return value[0] != '\0';
}

static bool set_tls_cert(mk_settings_t *settings, const char *value) {
    settings->tls_certificate_file = value;
    return value[0] != '\0';
}

static bool set_tls_key(mk_settings_t *settings, const char *value) {
    settings->tls_key_file = value;
    return value[0] != '\0';
}

static bool set_listen_plain(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->listen_plain = true;
    return true;
}

static bool add_word(mk_words_t *words, const char *value) {
    words->at[words->n++] = value;
    return value[0] != '\0';
}

static bool add_serve(mk_settings_t *settings, const char *value) { return add_word(&settings->serve, value); }

static bool add_mount(mk_settings_t *settings, const char *value) { return add_word(&settings->mounts, value); }

/* An empty prefix is that of all names. */
static bool add_export(mk_settings_t *settings, const char *value) {
    (void)add_word(&settings->exports, value);
    return true;
}

static bool set_secret(mk_settings_t *settings, const char *value) {
    settings->secret_file = value;
    return value[0] != '\0';
}

static bool set_cert(mk_settings_t *settings, const char *value) {
    settings->certificate_file = value;
    return value[0] != '\0';
}

static bool set_key(mk_settings_t *settings, const char *value) {
    settings->key_file = value;
    return value[0] != '\0';
}

static bool set_ca(mk_settings_t *settings, const char *value) {
    settings->authority_file = value;
    return value[0] != '\0';
}

static bool set_modules(mk_settings_t *settings, const char *value) {
    settings->modules = value;
    return value[0] != '\0';
}

static bool set_names(mk_settings_t *settings, const char *value) {
    settings->names_own = strcmp(value, "own") == 0;
    return settings->names_own || strcmp(value, "shared") == 0;
}

static bool set_discover(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->discover = true;
    return true;
}

static bool set_wait(mk_settings_t *settings, const char *value) {
    enum { WAIT_S_MAX = 24 * 60 * 60 };
    uint32_t seconds;
    if (!mk_settings_number(value, 1, WAIT_S_MAX, &seconds)) return false;
    settings->wait_ms = seconds * 1000;
    return true;
}

static bool set_no_wait(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->no_wait = true;
    return true;
}

static bool add_trust(mk_settings_t *settings, const char *value) { return add_word(&settings->trust, value); }

static bool set_data(mk_settings_t *settings, const char *value) {
    settings->data = value;
    return value[0] != '\0';
}

static bool set_data_max(mk_settings_t *settings, const char *value) {
    return mk_settings_number(value, 1, 1u << 30, &settings->data_mib);
}

static bool set_role(mk_settings_t *settings, const char *value) {
    settings->role = value;
    return true;
}

static bool set_days(mk_settings_t *settings, const char *value) {
    return mk_settings_number(value, 1, 36500, &settings->days);
}

const mk_option_t mk_option_name = {"--name", "NAME", "name of this node (MK_NODE_NAME, else the host's name)",
                                    set_name};
const mk_option_t mk_option_asker_name = {
    "--name", "NAME",
    "name to ask under: the certificate's (MK_NODE_NAME, else the host's; without --cert one is made up)", set_name};
const mk_option_t mk_option_node_id = {
    "--node-id", "N",
    "number of this node, 1 to 4294967295 (MK_NODE_ID; else 1, made from the name where other nodes are)", set_node_id};
const mk_option_t mk_option_log = {"--log", "LEVEL", "what is logged to standard error: debug, info, warn, error",
                                   set_log};
const mk_option_t mk_option_budget = {
    "--budget-ms", "MS",
    "time a guest may take for one message; 0: any (the default, but in a shell without --trusted: 100)", set_budget};
const mk_option_t mk_option_engine = {"--engine", "NAME", "what runs guests: vm, wamr (MK_ENGINE, else vm)",
                                      set_engine};
const mk_option_t mk_option_trusted = {
    "--trusted", NULL, "grant the guests everything: names, files, starting and stopping actors", set_trusted};
const mk_option_t mk_option_http = {"--http", "HOSTS",
                                    "guests may ask these over HTTP: 'example.com, *.example.org:8080'", set_http};
const mk_option_t mk_option_listen = {"--listen", "HOST:PORT",
                                      "serve shells over TCP there (an address in digits) instead of here", set_listen};
const mk_option_t mk_option_token_file = {
    "--token-file", "FILE", "what those who connect must know, 16 bytes or more (else MK_SHELL_TOKEN)", set_token_file};
const mk_option_t mk_option_tls_cert = {
    "--tls-cert", "FILE", "speak TLS with those who connect, showing this certificate (PEM, with its chain)",
    set_tls_cert};
const mk_option_t mk_option_tls_key = {"--tls-key", "FILE", "its key", set_tls_key};
const mk_option_t mk_option_listen_plain = {
    "--listen-plain", NULL,
    "listen for others than this machine without TLS: the token and all else can be read on the way", set_listen_plain};
const mk_option_t mk_option_node_listen = {
    "--listen", "WHERE", "take calls of other nodes: HOST:PORT, udp:HOST:PORT, unix:/PATH; '*': any address",
    add_serve};
const mk_option_t mk_option_serve = {"--serve", "WHERE", "take calls of other nodes, as 'mk node --listen'", add_serve};
const mk_option_t mk_option_mount = {"--mount", "WHERE", "be linked with the node there, again and again", add_mount};
const mk_option_t mk_option_secret = {
    "--secret", "FILE", "what nodes of this cluster know, made by 'mk secret new' (MK_SECRET_FILE)", set_secret};
const mk_option_t mk_option_cert = {"--cert", "FILE", "this node's certificate (PEM), made by 'mk cert'", set_cert};
const mk_option_t mk_option_key = {"--key", "FILE", "its key", set_key};
const mk_option_t mk_option_ca = {"--ca", "FILE", "the authority that has signed the certificates of others", set_ca};
const mk_option_t mk_option_modules = {"--modules", "DIR", "operators of other nodes may start the guests in there",
                                       set_modules};
const mk_option_t mk_option_export = {"--export", "NAME",
                                      "show other nodes this name and what is below it (NAME*: all that begin so), and "
                                      "no others (else all but /node/local/...)",
                                      add_export};
const mk_option_t mk_option_names = {"--names", "own|shared",
                                     "own: other nodes see this one's names below /node/NAME/ alone", set_names};
const mk_option_t mk_option_discover = {
    "--discover", NULL, "tell name, number and address to the whole local network (mDNS)", set_discover};
const mk_option_t mk_option_data = {
    "--data", "DIR", "keep state, values, queue and database in this folder (made if it is missing)", set_data};
const mk_option_t mk_option_data_max = {
    "--data-max", "MIB", "most that values, state and queue may take in there, and as much the database (else 1024)",
    set_data_max};
const mk_option_t mk_option_trust = {
    "--trust", "KEY", "load modules that this key has signed, and no others: 64 digits, or a file ('mk sign')",
    add_trust};
const mk_option_t mk_option_wait = {"--wait", "SECONDS", "how long to listen (else 2)", set_wait};
const mk_option_t mk_option_link_wait = {
    "--wait", "SECONDS", "try again for so long when the node cannot be reached (else once, for up to 10)", set_wait};
const mk_option_t mk_option_no_wait = {
    "--no-wait", NULL, "be done when the new module was taken, whether it will be kept or not", set_no_wait};
const mk_option_t mk_option_json = {"--json", NULL, "print JSON", set_json};
const mk_option_t mk_option_role = {"--role", "ROLE", "observer, member (the default) or operator", set_role};
const mk_option_t mk_option_days = {"--days", "N", "how long it is good", set_days};
