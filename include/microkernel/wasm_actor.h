/* SPDX-License-Identifier: Apache-2.0 */
/* wasm_actor.h -- actors whose behaviour is a WebAssembly module in a sandbox.
 *
 * A guest exports handle_message and memory and imports what docs/rooms/wasm.md lists. It may wait in the middle of a
 * message; other actors run meanwhile. Whatever it does ends at the worst its own actor, with a reason and a text:
 * EXIT_TRAPPED, EXIT_OUT_OF_BUDGET, EXIT_OUT_OF_MEMORY, EXIT_FAILED ("exit(3)"). Its start function and _initialize run
 * in its own first turn, not in the spawn.
 *
 * Runtime's thread only. The same module may be running in several runtimes; it is loaded once. */
#ifndef MICROKERNEL_WASM_ACTOR_H
#define MICROKERNEL_WASM_ACTOR_H

#include "microkernel/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The guest's operand stack, in bytes: locals and temporaries of nested calls. What a guest compiled from C, Rust or Go
 * calls its stack lies in its own memory and is its own business. */
#define WASM_DEFAULT_STACK_SIZE (32u * 1024u)

/* Room for payloads in a guest that exports no allocator, in bytes; with the engine wamr rounded up to pages of 64 KiB. Larger
 * messages to such a guest are dropped. */
#define WASM_DEFAULT_HEAP_SIZE (64u * 1024u)

/* How large a native stack a guest may wait on; only an engine that waits that way (wamr) takes one, and only while a
 * message is being handled. */
typedef enum {
    FIBER_STACK_DEFAULT, /* FIBER_STACK_SMALL                                     */
    FIBER_STACK_NONE,    /* never waits: blocking imports return an error          */
    FIBER_STACK_TINY,    /*  12 KiB                                               */
    FIBER_STACK_SMALL,   /*  16 KiB: enough for every guest of every engine         */
    FIBER_STACK_MEDIUM,  /*  32 KiB                                               */
    FIBER_STACK_LARGE    /* 128 KiB                                               */
} fiber_stack_class_t;

/* What a guest may do beyond the basics: itself, its mailbox, send, time, log, print, sleep, receive, and stopping actors
 * it has spawned. A call without its grant returns an error to the guest and is counted. */
enum {
    WASM_GRANT_SPAWN = 1 << 0,    /* mk_spawn_wasm; with a files grant mk_spawn_file                   */
    WASM_GRANT_STOP = 1 << 1,     /* mk_stop of actors it did not spawn                                 */
    WASM_GRANT_LIST = 1 << 2,     /* mk_list_actors, mk_actor_status                                    */
    WASM_GRANT_LOOKUP = 1 << 3,   /* mk_lookup, mk_reverse_lookup, mk_ns_list; MSG_NS_LIST              */
    WASM_GRANT_REGISTER = 1 << 4, /* mk_register: names for itself; MSG_NAME_REGISTER, _UNREGISTER      */
    WASM_GRANT_FILES = 1 << 5,    /* mk_read_file below wasm_options_t.files_below                      */
    WASM_GRANT_ALL_FILES = 1 << 6, /* mk_read_file of any path                                          */
    WASM_GRANT_HTTP = 1 << 8,     /* mk_http_...: requests to wasm_options_t.http_hosts                 */
    WASM_GRANT_ALL_HTTP = 1 << 9, /* to any host                                                        */
    WASM_GRANT_MOUNT = 1 << 10,   /* MSG_NS_MOUNT, MSG_NS_UNMOUNT: links with other nodes               */
    WASM_GRANT_STATE = 1 << 11,   /* mk_save_state, mk_load_state, under its own name                   */
    WASM_GRANT_SQL = 1 << 12,     /* requests to this node's database (local_sql.h)                     */
    WASM_GRANT_WASI = 1 << 7,     /* wasi_snapshot_preview1: clocks, entropy, printing; no files, no arguments */

    WASM_GRANTS_BASIC = 0,
    /* For a guest that somebody loaded on purpose, into a shell or with `mk run`: it may be found and may find others, and
     * language runtimes get the few WASI calls they start with. */
    WASM_GRANTS_LOADED = WASM_GRANT_LOOKUP | WASM_GRANT_REGISTER | WASM_GRANT_WASI,
    WASM_GRANTS_ALL = (1 << 13) - 1
};

/* Processor time a guest may take for one message, counted from its last wait. Engines that can stop a guest and continue it
 * later (vm) give it turns as long as others need some, so without a limit it may compute for as long as it likes and slows
 * nobody. An engine that cannot (wamr) always has a limit: else one guest would stop the node. */
#define WASM_BUDGET_NONE UINT32_MAX /* no limit; with an engine that needs one: eleven days                        */

/* Text a guest prints. `text` is not terminated. */
typedef void (*wasm_print_fn)(void *arg, const char *text, size_t size);

/* Everything a spawn can say. Zero is the default everywhere; strings are copied. */
typedef struct wasm_options {
    const char         *name;              /* registered in the same step                                          */
    size_t              mailbox_size;      /* 0: the runtime's default                                             */
    size_t              stack_size;        /* 0: WASM_DEFAULT_STACK_SIZE                                           */
    size_t              heap_size;         /* 0: WASM_DEFAULT_HEAP_SIZE                                            */
    fiber_stack_class_t fiber;
    uint32_t            grants;            /* WASM_GRANT_ bits                                                     */
    uint32_t            child_grants;      /* of guests it spawns; never more than its own. They inherit the rest  */
    const char         *files_below;       /* the folder of WASM_GRANT_FILES                                       */
    const char         *http_hosts;        /* of WASM_GRANT_HTTP: "example.com, *.example.org, 192.0.2.1:8080"; without a
                                            * port only the scheme's own. Redirects are not followed for the guest  */
    uint32_t            budget_ms;         /* per message; 0: none if the engine can do without, else 100          */
    uint32_t            child_budget_ms;   /* of guests it spawns; 0: its own                                      */
    uint32_t            slice_us;          /* about as long is one turn of a guest that computes; 0: 100           */
    uint32_t            memory_pages_max;  /* pages of 64 KiB; 0: 1024                                             */
    uint32_t            message_bytes_max; /* largest payload it may send; 0: 1 MiB                                */
    size_t              in_flight_bytes_max; /* of payloads above 1 KiB it has sent and nobody has handled; 0: 16
                                            * times message_bytes_max                                             */
    uint32_t            children_max;      /* living actors it has spawned; 0: 256                                 */
    uint32_t            names_max;         /* it registers for itself; 0: 64                                       */
    actor_id_t          console;           /* gets what it prints as MSG_CONSOLE_PRINT; 0: see `print`              */
    wasm_print_fn       print;             /* without a console; NULL: standard output. Borrowed with print_arg    */
    void               *print_arg;
    const char         *engine;            /* NULL: the default one                                                */
    const char         *from;              /* where the module comes from, for people; NULL: its path, if it has one */
    bool                orphan;            /* no parent: its end is not reported to the actor that spawned it      */
} wasm_options_t;

/* Before the first guest, and when no more will be started; may be nested. Not from two threads at once. False: out of
 * memory. Guests and factory arguments that are still there keep what they need. */
bool wasm_actors_init(void);
void wasm_actors_cleanup(void);

/* Loads (or shares) the module, makes an instance and an actor around it. The bytes are copied. ACTOR_ID_INVALID: the
 * reason is logged. Grants are the basic ones. */
actor_id_t actor_spawn_wasm(runtime_t *rt, const void *buf, size_t size, size_t mailbox_size, size_t stack_size,
                            size_t heap_size, fiber_stack_class_t fiber);
actor_id_t actor_spawn_wasm_file(runtime_t *rt, const char *path, size_t mailbox_size, size_t stack_size,
                                 size_t heap_size, fiber_stack_class_t fiber);

/* The same with everything. `options` may be NULL, and `err` (a text that names what is wrong) with `err_size` 0.
 * MK_ERR_FORMAT, MK_ERR_NOTFOUND (an import or export, see `err`), MK_ERR_NOSYS, MK_ERR_NOMEM, MK_ERR_LIMIT (its memory
 * begins larger than memory_pages_max; max_actors), MK_ERR_EXISTS (the name), MK_ERR_TOOLONG, MK_ERR_INVALID (no such
 * engine, or no wasm_actors_init()): nothing was spawned. Failures are logged too. */
MK_MUST_CHECK mk_err_t actor_spawn_wasm_opts(runtime_t *rt, const void *buf, size_t size, const wasm_options_t *options,
                                             actor_id_t *out, char *err, size_t err_size);

/* And from a file. *file_size (may be NULL) is set once the file is read. Also MK_ERR_IO, MK_ERR_DENIED. */
MK_MUST_CHECK mk_err_t actor_spawn_wasm_file_opts(runtime_t *rt, const char *path, const wasm_options_t *options,
                                                  actor_id_t *out, size_t *file_size, char *err, size_t err_size);

/* ---- whose modules ------------------------------------------------------------------------------------------------ */

enum { WASM_KEY_BYTES = 32, WASM_SIGNATURE_BYTES = 64, WASM_SIGNED_BYTES = 21 + 32, WASM_SECTION_BYTES = 111 };

/* From the first key on, only modules that one of the keys has signed (Ed25519, RFC 8032) are loaded and reloaded, and those that are
 * named by what they are. For the whole process, before the first guest. False: too many. */
bool wasm_trust_key(const uint8_t key[WASM_KEY_BYTES]);
bool wasm_trust_module(const void *buf, size_t size);
void wasm_trust_all(void); /* as at the beginning */

/* For who signs: what is to be signed for a module (that has no signature), and the section to be put behind it. */
void wasm_signature_text(const void *buf, size_t size, uint8_t out[WASM_SIGNED_BYTES]);
void wasm_signature_section(const uint8_t key[WASM_KEY_BYTES], const uint8_t signature[WASM_SIGNATURE_BYTES],
                            uint8_t out[WASM_SECTION_BYTES]);
bool wasm_is_signed(const void *buf, size_t size); /* it ends in such a section, whoever made it */

/* ---- modules --------------------------------------------------------------------------------------------------------- */

/* What is loaded, for whom there is a need of it: guests, supervisors, who has prepared it. A module is called by the SHA-256 of its
 * bytes; guests of the same one share it. Any thread. */
typedef struct mk_code wasm_module_t;

enum { WASM_HASH_BYTES = 32, WASM_FROM_BYTES = 128 };

typedef enum {
    WASM_UNSIGNED,
    WASM_SIGNED,          /* with the key it names; whether that is trusted is another question */
    WASM_SIGNED_WRONG,    /* it says so, and is not what that key has signed                    */
    WASM_SIGNED_UNCHECKED /* this build cannot tell, or had no memory to                        */
} wasm_signature_t;

typedef struct wasm_loaded {
    uint8_t          sha256[WASM_HASH_BYTES];
    size_t           size;                  /* of its bytes                                     */
    uint32_t         instances;             /* of it, now                                       */
    wasm_signature_t signature;
    uint8_t          key[WASM_KEY_BYTES];   /* of who has signed it                             */
    const char      *engine;                /* valid for ever                                   */
    char             from[WASM_FROM_BYTES]; /* where it came from first, or the end of that; "": not known */
} wasm_loaded_t;

/* Writes up to `max`, the last to be loaded first; returns how many there are. A module that two engines have is there twice. */
size_t wasm_module_list(wasm_loaded_t *buf, size_t max);
/* The same of bytes that are not loaded, but for what only loading shows: hash, size, signature, key. */
void wasm_module_identify(const void *buf, size_t size, wasm_loaded_t *out);
/* The one a guest has now. False: no such actor, or no guest. Runtime's thread. */
bool wasm_actor_get_module(runtime_t *rt, actor_id_t id, wasm_loaded_t *out);

/* Whoever holds a module keeps it loaded. */
wasm_module_t *wasm_module_retain(wasm_module_t *module);
void           wasm_module_release(wasm_module_t *module); /* NULL is allowed */

/* The one whose SHA-256 begins with these hexadecimal digits, to be released. MK_ERR_INVALID: not such digits; MK_ERR_NOTFOUND: none
 * that is loaded does; MK_ERR_EXISTS: several do. `err` says so. */
MK_MUST_CHECK mk_err_t wasm_module_find(const char *digits, wasm_module_t **out, char *err, size_t err_size);

/* Where a module comes from: a file, or bytes, or the digits of one that is loaded. Zero takes the default named; all is copied. */
typedef struct wasm_source {
    const char *path;
    const char *below;     /* the folder the file has to be in; NULL: anywhere                         */
    const void *bytes;
    size_t      size;
    const char *sha256;
    const char *from;      /* for people; NULL: the path                                               */
    const char *engine;    /* of the spawn to come, as in wasm_options_t; ...                          */
    size_t      heap_size;
    actor_id_t  guest;     /* ... or as this guest has them: for a reload                              */
    actor_id_t  tell;      /* of this node, gets MSG_WASM_PREPARED; 0: the running actor               */
} wasm_source_t;

/* Loading a large module takes tens of milliseconds, and a disk may take longer. This has a helper thread do it: read the file, hash it,
 * check its signature, decode and validate it. Then one MSG_WASM_PREPARED comes, not before this call returns, full mailbox or not. If the
 * actor has ended, or ends before it handles it, the module is released. MK_ERR_NOMEM, MK_ERR_LIMIT, MK_ERR_INVALID (no source, nobody to
 * tell, no such engine or guest, no wasm_actors_init()): nothing comes. Runtime's thread. */
MK_MUST_CHECK mk_err_t wasm_prepare(runtime_t *rt, const wasm_source_t *source, void *arg);
#define MSG_WASM_PREPARED (MK_MSG_SYSTEM_BASE + 0x81u)
typedef struct wasm_prepared_payload {
    void          *arg;
    wasm_module_t *module;    /* the actor's, to be released when it has been used; NULL: `error` says why there is none */
    size_t         size;      /* of its bytes; 0: they could not be read                                                 */
    uint32_t       error;     /* mk_err_t: what a spawn of the same bytes or file would have answered                     */
    uint32_t       text_size; /* the same words, behind this struct                                                      */
} wasm_prepared_payload_t;

/* As actor_spawn_wasm_opts(), of a module that is loaded: microseconds, unless the options name another engine or room for payloads
 * than it was loaded for. The module stays the caller's. */
MK_MUST_CHECK mk_err_t actor_spawn_wasm_module(runtime_t *rt, wasm_module_t *module, const wasm_options_t *options, actor_id_t *out,
                                               char *err, size_t err_size);

/* ---- for supervisors -------------------------------------------------------------------------------------------- */

/* A child_spec_t of a guest has wasm_actor_behavior, wasm_actor_factory, such an argument as factory_arg, and
 * wasm_actor_free as free_state; set trap_exits, so that a shutdown reaches the guest as message type 0, and wake, so
 * that its start code runs without waiting for a message. The argument must outlive the supervisor. Each incarnation is
 * a new instance of the module, which is loaded once. An instance that cannot be made ends its actor in its first turn
 * with EXIT_OUT_OF_MEMORY or EXIT_FAILED and a text. */
bool  wasm_actor_behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state);
void *wasm_actor_factory(void *arg);
void  wasm_actor_free(void *state);

/* NULL: the module cannot be loaded, or out of memory. The bytes are copied. */
void *wasm_factory_arg_create(const void *buf, size_t size, size_t stack_size, size_t heap_size,
                              fiber_stack_class_t fiber);
/* The same with everything but name, mailbox_size and orphan, which are the supervisor's to say. */
MK_MUST_CHECK mk_err_t wasm_factory_arg_create_opts(const void *buf, size_t size, const wasm_options_t *options,
                                                    void **out, char *err, size_t err_size);
void wasm_factory_arg_destroy(void *arg);

/* ---- before it runs ----------------------------------------------------------------------------------------------- */

/* Something a module imports or exports. All texts are borrowed for the call. */
typedef struct wasm_module_entry {
    const char *module; /* it is imported from; NULL: an export              */
    const char *name;
    const char *kind;   /* "function", "memory", "table", "global"           */
    const char *type;   /* of a function, such as "(i32, i64) -> i32"; or "" */
} wasm_module_entry_t;
typedef void (*wasm_module_entry_fn)(void *arg, const wasm_module_entry_t *entry);

typedef struct wasm_module_info {
    bool     is_guest; /* this node would run it; else `err` says why not */
    bool     has_memory;
    uint32_t memory_pages_min, memory_pages_max;
    uint32_t memory_page_bytes; /* 65536, or 1 */
} wasm_module_info_t;

/* Reads a module without running any of it: tells `fn` (may be NULL) its imports, then its exports. Needs no
 * wasm_actors_init(). MK_ERR_FORMAT, MK_ERR_NOSYS (a feature this node lacks), MK_ERR_NOMEM: `err` says what and where. */
MK_MUST_CHECK mk_err_t wasm_module_inspect(const void *buf, size_t size, wasm_module_entry_fn fn, void *arg,
                                           wasm_module_info_t *out, char *err, size_t err_size);

/* ---- while it runs ------------------------------------------------------------------------------------------------- */

typedef enum {
    RELOAD_OK,
    RELOAD_ERR_NOT_FOUND,    /* no such actor                                          */
    RELOAD_ERR_NOT_WASM,     /* an actor, but no guest                                 */
    RELOAD_ERR_FIBER_ACTIVE, /* it is in the middle of a message: try again later       */
    RELOAD_ERR_MODULE_LOAD,  /* the new module is no guest (logged), or imports what it has no grant for and the
                              * old one did not import                                 */
    RELOAD_ERR_INSTANCE      /* no memory for an instance of it (logged)               */
} reload_result_t;

/* Gives a guest another module. The new one is loaded, checked and has its instance before anything changes; on failure nothing has.
 * Then, at its next turn, in one step, the new one takes the old one's place. The actor stays the same: *new_id (may be NULL) is `id`,
 * and names, mailbox, links, monitors, grants and supervisor's slot are kept. It has to be between two messages, or to wait in mk_recv
 * and its siblings: then what it waits for goes to the new module's handle_message.
 *
 * An export `migrate(i32 old_version) -> i32` of the new module is called first, with what the old module's export `version() -> i32`
 * said (0: it has none); it finds what was saved (mk_load_state) and may save it in its own way. 0: it went well.
 *
 * Probation: the old module's instance is kept as it stood. If starting, migrating, or the first messages end in a trap, use up a budget
 * or exit with an error, the old one is back in that same turn, with its memory and its saved state from before, gets the message that
 * did not go well, and everything behind it; the log says so. Without memory to keep them the reload is undone before it begins.
 * Reloaded again while on probation it is the old one that is kept, and the third goes on from what the second has saved. Once over, a
 * supervisor that restarts the child uses the new module, too. */
reload_result_t actor_reload_wasm(runtime_t *rt, actor_id_t id, const void *buf, size_t size, actor_id_t *new_id);

enum { WASM_PROBATION_MESSAGES = 10, WASM_PROBATION_MS = 5000 };

/* Zero takes the default named. */
typedef struct wasm_reload_options {
    uint32_t   probation_messages; /* handled well, after which it is over; 0: WASM_PROBATION_MESSAGES         */
    uint32_t   probation_ms;       /* or so much time; 0: WASM_PROBATION_MS. In it the module must have started */
    bool       no_probation;       /* the old instance goes at once                                            */
    bool       patient;            /* a guest in the middle of a message is reloaded when it is through with it */
    actor_id_t tell;               /* of this node, gets MSG_WASM_RELOADED; 0: the running actor, if any        */
    uint64_t   ref;                /* comes back in it                                                         */
} wasm_reload_options_t;

/* The same, with the reason in `err`. After RELOAD_OK, and only then, one MSG_WASM_RELOADED from `id` comes when it is decided, full
 * mailbox or not; not before this call returns. Another reload before that overtakes one that has not come yet, and replaces one that
 * is on probation when it comes itself; if that one is undone before, the other comes after the old one all the same. */
reload_result_t actor_reload_wasm_opts(runtime_t *rt, actor_id_t id, const void *buf, size_t size,
                                       const wasm_reload_options_t *options, char *err, size_t err_size);
/* With a module that is loaded. */
reload_result_t actor_reload_wasm_module(runtime_t *rt, actor_id_t id, wasm_module_t *module,
                                         const wasm_reload_options_t *options, char *err, size_t err_size);

typedef enum {
    WASM_RELOAD_KEPT,      /* probation is over: the new module stays                                        */
    WASM_RELOAD_UNDONE,    /* the old one is back                                                            */
    WASM_RELOAD_OVERTAKEN, /* another reload took its place before it was decided                            */
    WASM_RELOAD_ENDED,     /* the actor ended before it was decided; a supervisor starts the last that stayed */
    WASM_RELOAD_UNKNOWN    /* of an actor elsewhere (node_reload()): the link ended before it was decided    */
} wasm_reload_outcome_t;

#define MSG_WASM_RELOADED (MK_MSG_SYSTEM_BASE + 0x80u)
typedef struct wasm_reloaded_payload {
    actor_id_t id;
    uint64_t   ref;       /* as asked for; of an actor elsewhere: what node_reload() returned */
    uint32_t   outcome;   /* wasm_reload_outcome_t                                            */
    uint32_t   text_size; /* why, behind this struct; 0 when it was kept                      */
} wasm_reloaded_payload_t;

typedef struct wasm_actor_info {
    uint64_t messages;       /* handled                                                        */
    uint64_t dropped;        /* messages there was no room for in its memory                    */
    uint64_t denied;         /* calls without the grant                                        */
    uint64_t bad_arguments;  /* calls with addresses outside of its memory, or otherwise wrong  */
    uint64_t refused;        /* sends and prints that nobody took                              */
    uint64_t preempted;      /* turns it gave up in the middle of its work                      */
    size_t   memory_bytes;   /* of its memory now                                              */
    uint32_t grants;         /* WASM_GRANT_ bits                                               */
    uint32_t reloads;        /* modules it was given after its first that stayed               */
    uint32_t undone;         /* ... and that did not                                           */
    bool     probation;      /* the module it has may still be taken back                      */
    bool     coming;         /* another module waits until it is through with a message         */
    uint32_t children;       /* actors it has spawned that are alive                           */
    bool     waiting;        /* inside a blocking import                                       */
    bool     computing;      /* in the middle of a message, and goes on at its next turn        */
} wasm_actor_info_t;

/* False: no such actor, or no guest. */
bool wasm_actor_get_info(runtime_t *rt, actor_id_t id, wasm_actor_info_t *out);

#ifdef __cplusplus
}
#endif

#endif
