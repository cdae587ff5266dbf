/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h -- the command line as a table: subcommands and the options they take. Parsing, usage errors and --help are all
 * made from it. Exit codes: 0 it worked, 1 it did not, 2 the command line was wrong. */
#ifndef MK_TOOLS_CLI_H
#define MK_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MK_CLI_OK = 0, MK_CLI_FAILED = 1, MK_CLI_USAGE = 2 };

/* What an option that may be given more than once has gathered. */
typedef struct mk_words {
    const char **at; /* room for as many as there are words on the command line */
    int          n;
} mk_words_t;

/* What the options set. One struct for all subcommands: each looks at what it takes. */
typedef struct mk_settings {
    const char *name;      /* of this node; --name, MK_NODE_NAME, the host's name */
    bool        named;     /* by --name, not only by default                      */
    uint32_t    node_id;   /* --node-id, MK_NODE_ID; 0: see mk_node_open()        */
    int         log_level; /* MK_LOG_*                                            */
    uint32_t    budget_ms; /* of a guest, for one message; 0: the default         */
    const char *engine;    /* --engine, MK_ENGINE; NULL: the default one          */
    bool        trusted;   /* guests are granted everything                       */
    bool        json;
    const char *http_hosts; /* that guests may ask; NULL: none                         */
    const char *listen;     /* "HOST:PORT" of consoles over TCP; NULL: the terminal   */
    const char *token_file; /* with their token; NULL: MK_SHELL_TOKEN, if it is set   */
    const char *tls_certificate_file, *tls_key_file; /* that they show; NULL: no TLS    */
    bool        listen_plain; /* without TLS also where others than this machine call   */
    /* Other nodes (links.h). */
    mk_words_t  serve, mounts, exports;
    const char *secret_file, *certificate_file, *key_file, *authority_file;
    const char *modules; /* folder of what other nodes may have started here; NULL: none */
    bool        names_own, discover;
    mk_words_t  trust; /* keys whose modules are loaded, and no others; none: anybody's */
    const char *data; /* folder of what this node keeps; NULL: it keeps nothing */
    uint32_t    data_mib; /* most of it: values, state and queue together, and the database */
    const char *role; /* of who has a new secret or certificate; NULL: the default */
    uint32_t    days; /* a new certificate is good for; 0: the default             */
    uint32_t    wait_ms; /* how long to listen for announcements, or to try to link; 0: the default */
    bool        no_wait; /* the answer is enough, whatever comes of it            */
    char      **operands; /* what is no option */
    int         operands_count;
} mk_settings_t;

typedef struct mk_option {
    const char *name;  /* "--log"                */
    const char *value; /* "LEVEL"; NULL: a switch */
    const char *help;
    bool (*set)(mk_settings_t *settings, const char *value); /* false: not a value */
} mk_option_t;

typedef struct mk_command {
    const char               *name;
    const char               *operands; /* "FILE.wasm...", "[FILE.wasm...]": may be left out; NULL: takes none */
    const char               *summary;
    const char               *example;
    const mk_option_t *const *options;   /* ends with NULL           */
    int                       log_level; /* unless --log says else   */
    int (*run)(const mk_settings_t *settings);
} mk_command_t;

extern const mk_option_t mk_option_name, mk_option_asker_name, mk_option_node_id, mk_option_log, mk_option_budget,
    mk_option_engine, mk_option_trusted, mk_option_json, mk_option_http, mk_option_listen, mk_option_token_file, mk_option_tls_cert,
    mk_option_tls_key, mk_option_listen_plain, mk_option_node_listen,
    mk_option_serve, mk_option_mount, mk_option_secret, mk_option_cert, mk_option_key, mk_option_ca, mk_option_modules,
    mk_option_export, mk_option_names, mk_option_discover, mk_option_wait, mk_option_link_wait, mk_option_role, mk_option_data,
    mk_option_data_max, mk_option_trust, mk_option_days, mk_option_no_wait;

extern const mk_command_t mk_command_shell, mk_command_run, mk_command_node, mk_command_nodes, mk_command_reload,
    mk_command_inspect, mk_command_secret, mk_command_cert, mk_command_sign;

/* Runs what the command line asks for and returns the exit code. */
int mk_cli_run(const mk_command_t *const *commands, int argc, char **argv);

/* "mk <command>: <text>" on standard error; returns MK_CLI_FAILED. */
int mk_cli_fail(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Standard output in full, or MK_CLI_FAILED. */
int mk_cli_flush(const char *command);

#endif
