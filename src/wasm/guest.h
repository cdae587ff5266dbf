/* SPDX-License-Identifier: Apache-2.0 */
/* guest.h -- the record of one guest, as the actor around it, its imports and the public calls see it. */
#ifndef MK_WASM_GUEST_H
#define MK_WASM_GUEST_H

#include "microkernel/message.h"
#include "microkernel/wasm_actor.h"
#include "runtime/account.h"
#include "wasm/code.h"
#include "wasm/engine.h"

/* Options with every default filled in. Owns its strings. */
typedef struct mk_guest_config {
    mk_wasm_limits_t limits; /* memory_pages_max without the region for payloads */
    uint32_t         heap_bytes;
    uint32_t         grants, child_grants;
    char            *files_below, *http_hosts;
    uint32_t         budget_ms; /* 0: none */
    uint32_t         child_budget_ms, slice_us, message_bytes_max, children_max, names_max;
    size_t           in_flight_bytes_max;
    actor_id_t       console;
    wasm_print_fn    print;
    void            *print_arg;
    const mk_engine_t *engine;
} mk_guest_config_t;

/* MK_ERR_NOMEM, MK_ERR_INVALID (no such engine). NULL options are all defaults. */
MK_MUST_CHECK mk_err_t mk_guest_config_init(mk_guest_config_t *config, const wasm_options_t *options);
MK_MUST_CHECK mk_err_t mk_guest_config_copy(mk_guest_config_t *to, const mk_guest_config_t *from);
void                   mk_guest_config_fini(mk_guest_config_t *config);

/* What is to be called next. The first two once, then one round per message. */
typedef enum mk_guest_step {
    MK_STEP_START,      /* the module's start function     */
    MK_STEP_INITIALIZE, /* _initialize                     */
    MK_STEP_VERSION,    /* version, if it has one          */
    MK_STEP_MIGRATE,    /* migrate, when it was reloaded   */
    MK_STEP_IDLE,
    MK_STEP_ALLOC,      /* the guest's own allocator       */
    MK_STEP_HANDLE,
    MK_STEP_FREE,
} mk_guest_step_t;

typedef enum mk_guest_wait {
    MK_WAIT_NONE,
    MK_WAIT_TIME,    /* mk_sleep_ms            */
    MK_WAIT_MESSAGE, /* mk_recv and its family */
    MK_WAIT_POLL,    /* poll_oneoff            */
    MK_WAIT_TURN,    /* for others, before an import is called again */
    MK_WAIT_SLICE,   /* for others, before it goes on computing      */
} mk_guest_wait_t;

/* A message as the guest sees it. */
typedef struct mk_guest_message {
    uint32_t    type; /* a request to shut down has become 0 */
    actor_id_t  source;
    const void *payload;
    size_t      size;
} mk_guest_message_t;

enum { MK_GUEST_ERROR_BYTES = 192, MK_GUEST_LINE_BYTES = 240, MK_DEFERRED_ARGS = 8 };
enum { MK_GUEST_FUEL_FIRST = 20000 }; /* of the first slice: some 10 us */

/* What only few guests need, allocated when one does. */
typedef struct mk_guest_texts {
    char   error[MK_GUEST_ERROR_BYTES]; /* of its last failed import                                       */
    char   line[MK_GUEST_LINE_BYTES];   /* what it wrote to its standard error since the last line end */
    size_t line_size;
} mk_guest_texts_t;

typedef struct mk_guest {
    runtime_t *rt; /* NULL before the first turn */
    actor_id_t id;

    mk_guest_config_t   config;
    mk_code_t          *code;
    mk_wasm_instance_t *instance; /* NULL: it could not be made; its texts say why */
    mk_wasm_function_t  start, initialize, version, migrate, handle, alloc, free;

    /* the message under way */
    message_t         *in_hand; /* what the behaviour was called with        */
    message_t         *taken;   /* kept past the behaviour because the guest waits before it got it */
    mk_guest_message_t message;
    void              *report;  /* payload of the last end of a child with its text behind it */
    uint32_t           address; /* of the payload in its memory, 0: none      */
    uint32_t           fuel;    /* of one slice: learned from those before    */
    uint8_t            step;    /* mk_guest_step_t                            */
    uint8_t            wait;    /* mk_guest_wait_t: the import it is in       */
    bool               running; /* inside a call of the engine                */
    bool               stay;    /* what handle_message answered               */
    bool               has_message;
    bool               wait_for_ever;
    bool               yielded;      /* it gave up the rest of a turn         */
    bool               exited;       /* it called proc_exit                   */
    uint8_t            error_reason; /* why there is no instance              */
    int32_t            exit_code;
    uint64_t           used_us; /* of its budget, since it last waited        */
    uint64_t           entered_us, streak_us; /* when this behaviour began; time used since it last gave up a turn */
    uint64_t           host_us; /* of the call under way: work that is not the guest's */
    uint64_t           owed_us; /* such work since others last had their turn          */

    uint32_t names; /* it has registered */

    /* where the results of the import it waits in go */
    uint32_t    wait_type, wait_buf, wait_cap, wait_size, wait_source; /* addresses; checked */
    uint64_t    wait_userdata;                                         /* poll_oneoff's      */
    uint64_t    wait_until_ms;
    mk_host_fn *deferred; /* the import that waits for a turn, and its arguments */
    uint64_t    deferred_args[MK_DEFERRED_ARGS];

    mk_guest_texts_t *texts;     /* NULL before the first, and without memory for them              */
    mk_account_t     *in_flight; /* of what it has sent; NULL before the first large message        */
    mk_account_t     *printing;  /* of what its console has not shown; NULL before the first        */

    struct mk_guest_http *http;         /* its requests, most recent first                */
    struct mk_guest_http *http_opening; /* the one whose answer the import it is in waits for */
    bool                  http_waits;   /* it waits in one of imports_http.c              */

    bool                   reloaded; /* its module came in the place of another                                    */
    bool                   kept;     /* the message in hand is kept by `reload`                                    */
    uint32_t               its_version; /* what its module says                                                    */
    uint32_t               old_version; /* what the module before it said, if it was reloaded                      */
    struct mk_reload      *reload;   /* NULL: no other module is about to come, or on probation                    */
    struct mk_factory_arg *factory;  /* what a supervisor makes its incarnations from; NULL: not a supervisor's     */
    message_t             *again;    /* to be handled once more, by the module that came back                      */

    struct mk_prepare *preparing; /* the module of the spawn it waits for; NULL: it does not */

    struct mk_reading *reading;   /* the file that mk_read_file waits for; NULL: it does not */

    struct mk_saving *saving;     /* what mk_save_state waits for                         */
    bool              save_waits; /* it waits in it                                       */
    bool              save_done;
    uint8_t           save_error; /* mk_err_t                                             */

    wasm_actor_info_t info; /* counters */
} mk_guest_t;

/* The guest that actor is; NULL: no such actor, or no guest. */
mk_guest_t *mk_guest_find(runtime_t *rt, actor_id_t id);

/* One more holder of what wasm_actors_init() made, given back by wasm_actors_cleanup(). False: there is nothing to hold. */
bool mk_wasm_retain(void);

/* A guest of loaded code; takes the share of `code` on MK_OK. `config` is copied. */
MK_MUST_CHECK mk_err_t mk_guest_create(const mk_guest_config_t *config, mk_code_t *code, mk_guest_t **out, char *err,
                                       size_t err_size);

/* Gives it an instance of `code`, without touching anything when that fails. */
MK_MUST_CHECK mk_err_t mk_guest_instantiate(mk_guest_t *guest, mk_code_t *code, char *err, size_t err_size);

/* The same into a record apart, with `guest` as the host of its imports: what is the instance's own (reload.c) is filled in. */
MK_MUST_CHECK mk_err_t mk_guest_make(mk_guest_t *guest, mk_code_t *code, mk_guest_t *out, char *err, size_t err_size);

/* Gives back its instance, if it has one, and its share of the code. */
void mk_guest_unmake(mk_guest_t *guest);

/* Makes a guest of loaded code and its actor; takes the share of `code` in any case. */
MK_MUST_CHECK mk_err_t mk_guest_spawn(runtime_t *rt, const mk_guest_config_t *config, const wasm_options_t *options,
                                      mk_code_t *code, actor_id_t *out, char *err, size_t err_size);

/* ---- for imports, while the guest runs ---------------------------------------------------------------------------- */

/* The bytes at [address, address + size) of its memory. NULL, counted and remembered, when they are not all inside. Good
 * until the guest goes on. */
uint8_t *mk_guest_span(mk_guest_t *guest, uint64_t address, uint64_t size);

/* Whether it holds the grant; if not, that is counted and remembered for mk_last_error. */
bool mk_guest_granted(mk_guest_t *guest, uint32_t grant, const char *import, const char *grant_name);

/* Remembers why an import fails, for mk_last_error. */
void mk_guest_fail(mk_guest_t *guest, const char *fmt, ...) MK_PRINTF(2, 3);

/* What was remembered last; never NULL. */
const char *mk_guest_error(const mk_guest_t *guest);

/* Where its texts are; NULL without memory. */
mk_guest_texts_t *mk_guest_texts(mk_guest_t *guest);

/* Charges it for work of the host that its fuel does not show: nanoseconds, roughly. */
void mk_guest_charge(mk_guest_t *guest, uint64_t ns);

/* Makes it wait from the return of the running import on: nothing comes before `timeout_ms` (-1: never), but the next
 * message if `messages_too`. False: it cannot wait; the reason is remembered. */
bool mk_guest_wait(mk_guest_t *guest, mk_guest_wait_t wait, bool messages_too, int64_t timeout_ms);

/* Has the running import called again, with the same arguments, when others have had their turn. False: it cannot wait. */
bool mk_guest_defer(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count, int64_t wait_ms);

/* Whether its console has so much to show of it that it has to wait before it prints more. */
bool mk_guest_prints_too_fast(const mk_guest_t *guest);

/* Sends for it, within what it may have under way. The reason of a refusal is counted and remembered. */
bool mk_guest_send(mk_guest_t *guest, actor_id_t dest, msg_type_t type, const void *payload, size_t size);

/* Whether it may end that actor: itself, a child of its own, or with the grant. If not, counted and remembered. */
bool mk_guest_may_stop(mk_guest_t *guest, actor_id_t id, const char *import);

/* Text of the guest as a string of our own, to be given to mk_free(). NULL: a bad address, a zero inside, longer than 4 KiB, no
 * memory; the reason is remembered. */
char *mk_guest_text(mk_guest_t *guest, uint64_t address, uint64_t bytes, const char *import);

/* imports_spawn.c: what imports that spawn have in common. If mk_spawn_may_begin(), once mk_spawn_begin() with bytes from mk_alloc(), which
 * it takes; then mk_spawn_go_on() each time the import is called, until it is not MK_HOST_BLOCKED any more. False: the reason is
 * remembered. */
bool          mk_spawn_may_begin(mk_guest_t *guest);
bool          mk_spawn_begin(mk_guest_t *guest, uint8_t *bytes, size_t size, const char *from);
mk_host_end_t mk_spawn_go_on(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count, const char *name,
                             uint64_t *result);
/* The guest has ended. */
void          mk_spawn_fini(mk_guest_t *guest);

/* Before work of the host that takes long: true when others have to have their turn first; the import returns MK_HOST_BLOCKED and
 * is called again. */
bool mk_guest_work_later(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count);

/* imports_file.c: whether it may read files, some or all. If not, counted and remembered. */
bool mk_guest_files_granted(mk_guest_t *guest, const char *import);
/* What it was reading nobody waits for any more. */
void mk_guest_file_fini(mk_guest_t *guest);

/* Around such work: it is not the guest's, and is owed to the others. A guest that cannot wait pays for it. */
bool     mk_guest_can_wait(const mk_guest_t *guest);
uint64_t mk_guest_work_begin(mk_guest_t *guest);
void     mk_guest_work_end(mk_guest_t *guest, uint64_t began_us);

/* Ends its requests: it has ended. */
void mk_guest_http_fini(mk_guest_t *guest);

/* What it was saving is saved without it: it has ended. */
void mk_guest_state_fini(mk_guest_t *guest);

/* ---- reload.c ---------------------------------------------------------------------------------------------------------- */

/* At the beginning of a turn: if another module is about to come and this is a moment for it, it comes now. */
void mk_reload_maybe_swap(mk_guest_t *guest);
/* A message is about to be handled: on probation it is kept until that went well. */
void mk_reload_keep(mk_guest_t *guest, message_t *msg);
/* It went well. */
void mk_reload_handled(mk_guest_t *guest);
/* What it does now would end it. True: it was on probation, and the old module is back; `again` is for it. */
bool mk_reload_undo(mk_guest_t *guest, const char *why);
/* The same, at the beginning of a turn, if it has not started in the time it had. */
bool mk_reload_is_overdue(mk_guest_t *guest);
/* Whether another module waits for a moment at which it may come. */
bool mk_reload_is_coming(const mk_guest_t *guest);
/* Whether it comes in the place of another; args[0]: the old one's version. */
bool mk_reload_is_migrating(const mk_guest_t *guest, uint64_t *args);
/* The guest ends. */
void mk_reload_fini(mk_guest_t *guest);

/* wasm_actor.c: from now on incarnations are made from this code. */
void mk_factory_take(struct mk_factory_arg *factory, mk_code_t *code);

/* Shows text at its console. */
void mk_guest_print(mk_guest_t *guest, const void *text, size_t size);

/* One line for the log, control characters made harmless. */
void mk_guest_log(mk_guest_t *guest, int level, const void *text, size_t size);

/* ---- what a wait ends in, in the files of the imports that began it ------------------------------------------------- */

/* Puts a message where the waiting mk_recv wants it; its result. */
uint32_t mk_recv_deliver(mk_guest_t *guest, const mk_guest_message_t *message);
uint32_t mk_recv_timed_out(void);
uint32_t mk_poll_deliver(mk_guest_t *guest);

#endif
