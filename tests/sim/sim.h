/* SPDX-License-Identifier: Apache-2.0 */
/* sim.h -- a whole cluster in one thread, on a fake network, through a bad time that one number decides. What the files of the
 * simulation share:
 *
 *   plan.c    what a seed decides before anything runs
 *   world.c   nodes come, go and take their turns; time goes on
 *   actors.c  what the programs on the nodes do to each other
 *   ledger.c  what was sent, asked and promised, and whether what comes agrees with it
 *   names.c   who carries which name, and what each node believes
 *   faults.c  what goes wrong, and when
 *   hostile.c somebody who is no node
 *   secrets.c the cluster's secret, and how it is exchanged
 *   calm.c    what must hold when nothing goes wrong any more
 *   run.c     one seed from beginning to end
 *   main.c    many seeds, several at a time
 *
 * The simulation's own memory comes from the C library: allocations that are made to fail are those of the code under test. */
#ifndef MK_TESTS_SIM_SIM_H
#define MK_TESTS_SIM_SIM_H

#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"

enum {
    SIM_NODES_MAX = 7,
    SIM_ACTORS_MAX = 320, /* in one run, dead ones included                        */
    SIM_NAMES = 6,        /* that several nodes want                               */
    SIM_MANY_MAX = 3000,  /* that one has alone                                    */
    SIM_PORT = 4200,
    SIM_HOSTILE_HOST = 40,
    SIM_HOSTILE_NODE = 99,
    SIM_SERIALS = 1 << 18,
    SIM_LETTER_MAX = 300000, /* bytes */
};

/* ---- plan.c ------------------------------------------------------------------------------------------------------------- */

typedef enum sim_way { SIM_NO_WAY, SIM_TCP, SIM_UDP, SIM_UNIX } sim_way_t;

typedef struct sim_plan {
    uint64_t    seed;
    unsigned    nodes, workers;        /* at the start, on each node                                     */
    sim_way_t   calls[SIM_NODES_MAX][SIM_NODES_MAX];
    bool        datagrams;             /* some pair uses them                                            */
    bool        ring;                  /* the first two share a process, and a ring beside their calls    */
    unsigned    host[SIM_NODES_MAX];
    node_role_t role;
    uint32_t    heartbeat_ms, dead_ms, backoff_min_ms, backoff_max_ms, queue_bytes, credit_bytes;
    uint32_t    tick_ms;               /* between two deeds of an actor                                  */
    uint32_t    large;                 /* of 1,000 messages                                              */
    uint32_t    trouble_ms;            /* how long things go wrong                                       */
    uint32_t    pause_ms;              /* between two of them, on average                                */
    uint32_t    grain_us;              /* time goes on by multiples of it                                */
    uint32_t    many;                  /* names that each keeper takes and gives up all the time         */
    bool        memory, hostile, clocks; /* these may go wrong                                           */
    bool        secrets;               /* links are encrypted, and the secret is exchanged               */
} sim_plan_t;

void sim_plan(sim_plan_t *plan, uint64_t seed);
void sim_plan_say(const sim_plan_t *plan);

/* ---- the world ------------------------------------------------------------------------------------------------------------ */

typedef struct sim_node {
    runtime_t *rt;              /* NULL: down                                                            */
    unsigned   life;            /* counted from 1                                                        */
    uint32_t   keeper;          /* uid                                                                   */
    uint64_t   died_us;         /* 0: it lives, or never did                                             */
    uint64_t   paused_until_us; /* its process is stopped; 0: it runs                                    */
    uint64_t   resumed_us;      /* since when it runs                                                    */
    uint64_t   restart_us;      /* it comes back then                                                    */
    bool       crashed;         /* its host is down too                                                  */
    bool       ending;          /* it is being ended                                                     */
    bool       linked[SIM_NODES_MAX]; /* as its keeper has heard                                         */
} sim_node_t;

typedef struct sim {
    sim_plan_t plan;
    sim_node_t node[SIM_NODES_MAX];
    uint64_t   began_us, hash, dice;
    unsigned   heard;             /* messages that actors have handled                                   */
    uint32_t   serial;
    bool       calm;              /* nothing goes wrong any more                                         */
    bool       still;             /* actors begin nothing new                                            */
    bool       verbose;
    uint64_t   memory_failed_us;  /* the last time that an allocation was refused; 0: never              */
    uint64_t   lines;             /* logged by all nodes                                                 */
    struct {
        uint64_t letters, refused, calls, answers, failures, downs, exits, conflicts, ups, faults, steps;
    } count;
} sim_t;

extern sim_t sim;

/* Runs one seed; returns the hash of all that happened. */
uint64_t sim_run(uint64_t seed, bool verbose);

/* Something that must never be. Prints it with the seed and ends the process. */
_Noreturn void sim_fail(const char *fmt, ...) MK_PRINTF(1, 2);
#define SIM_CHECK(cond, ...)                                     \
    do {                                                         \
        if (!(cond)) sim_fail(__VA_ARGS__);                      \
    } while (0)

void     sim_say(const char *fmt, ...) MK_PRINTF(1, 2); /* with VERBOSE=1        */
void     sim_note(uint64_t value);                      /* into the hash         */
uint32_t sim_below(uint32_t n);                         /* 0 to n - 1            */
bool     sim_chance(uint32_t of_1000);
uint64_t sim_now_us(void);
uint32_t sim_ms(void); /* since the beginning */
/* Zeroed, and gone with the run. */
void    *sim_alloc(size_t size);
void     sim_free_all(void);

/* ---- world.c ---------------------------------------------------------------------------------------------------------------- */

void sim_world_begin(void);
void sim_world_end(void);
void sim_start(unsigned node);
typedef enum sim_end { SIM_STOPS, SIM_CRASHES, SIM_IS_KILLED } sim_end_t;
/* Ends in order; the power fails; or the process is killed and its machine lives on. */
void        sim_stop(unsigned node, sim_end_t how);
void        sim_connect(unsigned from, unsigned to);
void        sim_disconnect(unsigned from, unsigned to);
const char *sim_identity(unsigned node);
const char *sim_address(unsigned node);
void        sim_enter(unsigned node);     /* its host and process are the current ones           */
bool        sim_is_up(unsigned node);     /* lives and is not stopped                            */
/* What `from` knows of its link to `to`; false: not linked. */
bool sim_link_info(unsigned from, unsigned to, node_info_t *out);
/* All nodes until none has anything to do, then time goes on to the next thing. */
void sim_step(void);
void sim_run_for(uint32_t ms);
/* Allocations fail, each with this chance of 1,000; 0: none does. */
void sim_fail_memory(uint32_t of_1000);
bool sim_hold_memory(bool hold); /* meanwhile none fails; returns how it was */

/* ---- actors.c ------------------------------------------------------------------------------------------------------------------ */

typedef struct sim_owed {
    struct sim_owed *next;
    uint32_t         number; /* of the call or monitor            */
    uint32_t         about;  /* uid                               */
    uint32_t         serial;
    uint64_t         since_us, until_us;
} sim_owed_t;

typedef struct sim_actor {
    uint32_t    uid;
    unsigned    node, life;
    actor_id_t  id;
    bool        alive, keeper, traps, held;
    bool        may_end;       /* by its own will, or somebody's on its node     */
    uint64_t    born_us, ended_us;
    uint64_t    lost_us;       /* when the life of its node ended; 0: it goes on */
    sim_owed_t *calls, *monitors, *requests;
    message_t  *kept[4];       /* calls that are answered later */
    bool        name[SIM_NAMES];
} sim_actor_t;

void         sim_actors_begin(void);
sim_actor_t *sim_actor(uint32_t uid);          /* NULL: there was none                  */
sim_actor_t *sim_actor_of(actor_id_t id);      /* dead or alive; NULL: nobody of ours   */
static inline bool sim_is_foreign(actor_id_t id) { return actor_id_node(id) > SIM_NODES_MAX; }
uint32_t     sim_actors(void);                 /* uids are 1 to this                    */
bool         sim_spawn_keeper(unsigned node);
bool         sim_spawn_worker(unsigned node);
void         sim_hold_somebody(void);          /* it handles nothing for a while        */
void         sim_flood(void);                  /* somebody says very much to somebody   */
void         sim_keepers_greet(void);          /* each calls each; answers by then must all be good ones */
unsigned     sim_greetings_open(void);

/* ---- ledger.c --------------------------------------------------------------------------------------------------------------------- */

/* What stands at the beginning of every payload. */
typedef struct sim_letter {
    uint32_t magic, from, to, serial; /* to SIM_ANYBODY: whoever carries a name                               */
    uint32_t epoch, index;            /* of the link it goes by, and which it is of this pair on it, from 0   */
    uint32_t size, rest;              /* of the whole payload; the bytes behind are made from the serial      */
} sim_letter_t;

#define SIM_ANYBODY UINT32_MAX

void   sim_ledger_begin(void);
/* Writes a letter of `size` bytes, which is at least the struct. */
void   sim_write(const sim_actor_t *from, const sim_actor_t *to, void *buf, size_t size);
/* It was accepted. */
void   sim_sent(const sim_actor_t *from, const sim_actor_t *to, const void *letter);
/* Whether it may be delivered here and now; the letter itself is checked too. */
void   sim_got(const sim_actor_t *me, const message_t *msg);
/* A copy of a letter's serial is checked and nothing else: for answers. */
uint32_t sim_serial_of(const message_t *msg);

void sim_linked_with(const sim_actor_t *me, const sim_actor_t *other);
void sim_unlinked(const sim_actor_t *me, const sim_actor_t *other);
/* The peer's role may have been too small for what was asked: it says that there is no such actor. */
static inline bool sim_is_denied(const sim_actor_t *me, const sim_actor_t *other, uint8_t reason) {
    return sim.plan.role != NODE_ROLE_OPERATOR && me->node != other->node && reason == EXIT_DENIED;
}
void sim_exit_may_have_come(const sim_actor_t *me, const sim_actor_t *from);
void sim_exit_came(const sim_actor_t *me, const sim_actor_t *from, uint8_t reason);
/* No letter, exit, end or answer is owed any more to those who live. */
void sim_ledger_settled(void);

/* ---- secrets.c ------------------------------------------------------------------------------------------------------------------- */

void        sim_secrets_begin(void);
void        sim_secrets_end(void);
const char *sim_secret_file(unsigned node); /* NULL: there are none */
void        sim_secrets_go_on(void);        /* another node, or another round */
/* Once, while nothing else is wrong. */
void        sim_secrets_go_wrong(void);
void        sim_secrets_hear(const char *line); /* of somebody's log */

/* ---- names.c ------------------------------------------------------------------------------------------------------------------------ */

void sim_names_begin(void);
void sim_name_taken(sim_actor_t *who, unsigned name);
void sim_name_given(sim_actor_t *who, unsigned name);
void sim_name_lost(sim_actor_t *who, const message_t *conflict);
const char *sim_name(unsigned name);
/* A keeper takes and gives up some of the many names that are its own. */
void        sim_names_churn(runtime_t *rt, const sim_actor_t *keeper);
/* All know all of them. */
void        sim_check_many(void);
/* Nobody believes in the names of a node that has been dead for long. */
void sim_names_watch(void);
/* All agree, and with what the actors think that they carry. NULL: they do; else what is wrong. */
const char *sim_names_disagree(void);

/* ---- faults.c, hostile.c, calm.c -------------------------------------------------------------------------------------------------------- */

void sim_faults_begin(void);
void sim_faults_go_on(void); /* does what is due       */
void sim_faults_end(void);   /* everything is well now */

void sim_hostile_begin(void);
void sim_hostile_visit(void);
void sim_hostile_go_on(void);
void sim_hostile_end(void);

void sim_calm(void);
void sim_watch(void); /* what must hold at any time */

#endif
