/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_parts.h -- what the files of the cluster share.
 *
 * Four kinds of records. A *door* is where we listen. A *call* is somebody we were told to be linked with. A *peer* is one link,
 * from the moment its channel exists; it becomes one of the cluster when its hello is accepted. A *life* is what is remembered of
 * a node that is linked no more.
 *
 * Invariant: of the peers that were admitted no two have the same node number or the same identity. */
#ifndef MK_NODE_CLUSTER_PARTS_H
#define MK_NODE_CLUSTER_PARTS_H

#include "base/idmap.h"
#include "node/cluster.h"
#include "node/where.h"

typedef struct mk_peer mk_peer_t;
typedef struct mk_call mk_call_t;
typedef struct mk_door mk_door_t;

enum {
    MK_NEWCOMERS_MAX = 64,    /* that called and have not said who they are yet                   */
    MK_LIVES_MAX = 128,       /* nodes that are remembered                                        */
    MK_REQUESTS_MAX = 256,    /* without an answer, of one peer; and as many reloads that are not decided */
    MK_REQUEST_MS = 30000,    /* a peer that does not answer for so long is not going to          */
    MK_HELLO_MS = 10000,      /* from the first byte until both have welcomed                     */
    MK_STOOD_MS = 5000,       /* a link that lasted so long was a good one: back-off starts again */
    MK_MOUNT_MS = 10000,
    MK_WHY_BYTES = 200,
};

/* The tag of messages that nobody has to hear of when they leave the mailbox; all others are a watcher's. */
enum { MK_TAG_PLAIN };

/* ---- lives.c: nodes that were linked ---- */

typedef struct mk_life {
    node_id_t node;
    char      identity[MK_IDENTITY_BYTES];
    uint64_t  incarnation;
    uint64_t  seen_ms; /* when its link ended                                    */
    uint64_t  lost;    /* messages, on all its links that have ended             */
} mk_life_t;

typedef struct mk_lives {
    mk_life_t at[MK_LIVES_MAX];
    size_t    n;
} mk_lives_t;

/* Of a node that begins to live now. Later lives have higher numbers as long as the clock of the machine goes forward, and no
 * two are equal. MK_ERR_IO, MK_ERR_NOSYS: no entropy. */
MK_MUST_CHECK mk_err_t mk_incarnation_new(uint64_t *out);
/* Whether both say when they began, and `a` did before `b`. */
bool mk_incarnation_is_older(uint64_t a, uint64_t b);

void             mk_lives_note(mk_lives_t *lives, const mk_life_t *life); /* `lost` is added to what there was */
const mk_life_t *mk_lives_find(const mk_lives_t *lives, node_id_t node, const char *identity);

/* ---- the cluster ---- */

/* A flood at the door must not fill the log. */
typedef struct mk_quota {
    uint64_t since_ms;
    uint32_t n, left_out;
} mk_quota_t;

/* A file that proves who we are, and what it was when it was read. */
typedef struct mk_key_file {
    char          *path; /* NULL: none */
    uint64_t       bytes, id;
    int64_t        modified_ns;
} mk_key_file_t;

enum { MK_KEY_SECRET, MK_KEY_CERTIFICATE, MK_KEY_KEY, MK_KEY_AUTHORITY, MK_KEY_FILES };

struct mk_key_look;

struct mk_cluster {
    mk_room_t           room;
    runtime_t          *rt;
    mk_loop_t          *loop;
    mk_net_t           *net;
    mk_ns_t            *ns;
    char                identity[MK_IDENTITY_BYTES];
    node_id_t           node;
    uint64_t            incarnation;
    uint32_t            generation;   /* of the last call that was made                 */
    uint32_t            plain_may;    /* of peers that prove nothing                    */
    uint32_t            backoff_min_ms, backoff_max_ms, peers_max;
    mk_link_limits_t    limits;
    bool                plain_allowed;
    char               *modules;      /* NULL: peers cannot have any started            */
    mk_keyring_t       *keys;         /* NULL: none                                     */
    mk_key_file_t       key_files[MK_KEY_FILES];
    struct mk_key_look *look;         /* under way; NULL: none                          */
    mk_timer_t          look_timer;
    mk_node_t          *doors, *calls, *peers, *watchers;
    uint32_t            admitted;     /* peers                                          */
    uint64_t            serial;       /* of the last link that came up                  */
    uint32_t            watcher_tag;  /* that was given last                            */
    mk_lives_t          lives;
    mk_quota_t          quota;
    mk_ns_listener_t    names;
    mk_idmap_t          requests;     /* of asked_t, requests.c                         */
    mk_idmap_t          reloads;      /* of trial_t, requests.c                         */
    struct mk_hearing  *hearing;      /* the request that a hand is carrying out; NULL: none */
    node_hands_t        hands;
    mk_udp_hub_t       *hubs[2];      /* of calls over UDP, IPv4 and IPv6; NULL: not yet  */
};

mk_cluster_t *mk_cluster_find(const runtime_t *rt); /* NULL: not started */

/* Rate-limited: for what strangers can cause. */
void mk_cluster_grumble(mk_cluster_t *cluster, const char *format, ...) MK_PRINTF(2, 3);

/* Whether `where` may be used with what we have to prove ourselves. Logs why not. */
MK_MUST_CHECK mk_err_t mk_cluster_check_where(mk_cluster_t *cluster, const mk_where_t *where, const char *what);

/* ---- keys.c ---- */

MK_MUST_CHECK mk_err_t mk_keys_open(mk_cluster_t *cluster, const node_config_t *config);
void                   mk_keys_close(mk_cluster_t *cluster);

/* ---- doors.c ---- */

/* `wanted`: the only node that may come in here, 0: anyone. `fd` -1, or bound and listening already, and the door's in any case. */
MK_MUST_CHECK mk_err_t mk_door_open(mk_cluster_t *cluster, const mk_where_t *where, int fd, const mk_addr_t *at, node_id_t wanted,
                                    mk_door_t **out);
void                   mk_door_close(mk_door_t *door);
const char            *mk_door_text(const mk_door_t *door); /* where it is */
void                   mk_doors_rekey(mk_cluster_t *cluster); /* the keys have changed */

/* ---- calls.c ---- */

typedef enum mk_call_state {
    MK_CALL_WAITS,   /* until its timer, or until the node it knows is linked no more */
    MK_CALL_LOOKS,   /* for the address of a name                                     */
    MK_CALL_DIALS,   /* it has a peer, which is not up                                */
    MK_CALL_STANDS,
} mk_call_state_t;

struct mk_call {
    mk_cluster_t   *cluster;
    mk_node_t       all;
    mk_where_t      where;
    mk_call_state_t state;
    mk_peer_t      *peer;      /* while it dials or stands                            */
    mk_lookup_t    *lookup;
    mk_timer_t      timer;
    uint32_t        backoff_ms;
    uint32_t        tries;     /* of a name with several addresses                    */
    node_id_t       wanted;    /* the only node it is for; 0: anyone                  */
    node_id_t       node;      /* who answered last; 0: nobody yet                    */
    char            identity[MK_IDENTITY_BYTES]; /* of whom it was linked with last; "": nobody yet */
    char            why[MK_WHY_BYTES]; /* of its last failure or its link's end; "": it stands, or none yet */
    mk_err_t        err;
    bool            hopeless;  /* that failure will not go away by itself             */
    bool            content;   /* it waits because the node is linked                 */
    mk_node_t      *mounts;    /* who waits for it: mount.c                           */
    char            text[MK_WHERE_TEXT_BYTES];
};

/* MK_ERR_EXISTS: *out is the call there is. */
MK_MUST_CHECK mk_err_t mk_call_open(mk_cluster_t *cluster, const mk_where_t *where, node_id_t wanted, mk_call_t **out);
void                   mk_call_close(mk_call_t *call); /* its link, if it has one, is the cluster's from now on */
void                   mk_call_up(mk_call_t *call);
/* Its peer is gone; `reason`: what the peer said, 0: nothing. */
void                   mk_call_failed(mk_call_t *call, bool was_up, uint64_t stood_ms, mk_wire_reason_t reason, mk_err_t err,
                                      const char *why);
/* A node is linked, whoever called: those who call it too are content. Or it is no more, and they go on. */
void                   mk_calls_node_up(mk_cluster_t *cluster, const mk_peer_t *peer);
void                   mk_calls_node_gone(mk_cluster_t *cluster, node_id_t node);
mk_call_t             *mk_call_find(const mk_cluster_t *cluster, const char *text); /* in the one spelling; NULL: none */

/* ---- udp_calls.c ---- */

MK_MUST_CHECK mk_err_t mk_udp_dial(mk_cluster_t *cluster, const mk_addr_t *to, mk_channel_t **out);
void                   mk_udp_dial_rekey(mk_cluster_t *cluster); /* the keys have changed */
void                   mk_udp_dial_fini(mk_cluster_t *cluster);

/* ---- peers.c ---- */

typedef enum mk_peer_state {
    MK_PEER_NEW,      /* no hello yet                                                     */
    MK_PEER_PARKED,   /* waits until it is known whether one like it lives                */
    MK_PEER_ADMITTED, /* welcomed by us                                                   */
    MK_PEER_UP,       /* and we by it                                                     */
    MK_PEER_LEAVING,  /* refused, or finished: its end is near                            */
} mk_peer_state_t;

struct mk_door {
    mk_cluster_t  *cluster;
    mk_node_t      all;
    mk_where_t     where;
    mk_listener_t  listener;
    mk_udp_hub_t  *hub;    /* instead of it, over UDP */
    node_id_t      wanted; /* the only node that may come in; 0: anyone */
    char           text[MK_WHERE_TEXT_BYTES];
};

/* How far a peer has been told our names; names.c. */
typedef struct mk_sync {
    bool          on;      /* it may see them                                    */
    bool          began;   /* a pass: NAMES_BEGIN is out                         */
    bool          behind;  /* something was left out: another pass follows       */
    bool          warned;  /* it has more names than a peer may: said once       */
    bool          heard;  /* it has told us all of its names once */
    mk_deferred_t more;
    char          at[MK_NS_NAME_BYTES_MAX + 1]; /* the last name of this pass that is out; "": none yet */
} mk_sync_t;

struct mk_peer {
    mk_cluster_t   *cluster;
    mk_node_t       all;        /* the newest first                                    */
    mk_link_t      *link;
    mk_call_t      *call;       /* NULL: it called us, or its call is closed           */
    mk_peer_state_t state;
    bool            dialled;    /* by us                                               */
    node_id_t       wanted;     /* the only node it may be; 0: any                     */
    node_id_t       node;       /* with its hello                                      */
    uint64_t        incarnation;
    uint32_t        generation; /* counted by who dialled                              */
    uint64_t        serial;     /* of the link, once it is up                          */
    uint64_t        up_ms;
    mk_timer_t      parked;
    uint64_t        parked_until_ms;
    mk_ns_peer_t   *ns;         /* once it is admitted                                 */
    mk_timer_t      retry;      /* what there was no memory for goes on                */
    mk_sync_t       sync;
    mk_node_t      *asked;      /* our requests without an answer, or with more to come */
    uint32_t        asked_n;    /* those without                                       */
    mk_node_t      *trials;     /* reloads that it asked for and that are not decided  */
    uint32_t        trials_n;
    mk_buffer_t     waiting;    /* requests and answers the control lane had no room for */
    uint32_t        waiting_n;
    char            identity[MK_IDENTITY_BYTES]; /* with its hello */
};

/* The owner of `channel` from now on, whatever it answers. */
MK_MUST_CHECK mk_err_t mk_peer_create(mk_cluster_t *cluster, mk_channel_t *channel, node_id_t wanted, mk_call_t *call,
                                      mk_peer_t **out);
/* Without a word to the link's other end; everybody here is told. */
void                   mk_peer_drop(mk_peer_t *peer, const char *why);
void                   mk_peer_finish(mk_peer_t *peer); /* in order */
/* mk_link_control(); on an error mk_sync_drained() and mk_requests_drained() are called when it is worth trying again (for want of
 * memory, too), unless the link ends. */
MK_MUST_CHECK mk_err_t mk_peer_say(mk_peer_t *peer, const uint8_t *frame, size_t size);
mk_peer_t             *mk_peer_by_node(const mk_cluster_t *cluster, node_id_t node);         /* up; NULL: none */
mk_peer_t             *mk_peer_by_identity(const mk_cluster_t *cluster, const char *identity);

/* ---- names.c ---- */

void mk_sync_open(mk_cluster_t *cluster);
void mk_sync_close(mk_cluster_t *cluster);
void mk_sync_up(mk_peer_t *peer);
void mk_sync_down(mk_peer_t *peer);
void mk_sync_drained(mk_peer_t *peer);
MK_MUST_CHECK mk_err_t mk_sync_frame(mk_peer_t *peer, const mk_wire_frame_t *frame);

/* ---- watchers.c: node_monitor() ---- */

void mk_watchers_up(mk_cluster_t *cluster, const mk_peer_t *peer);
void mk_watchers_down(mk_cluster_t *cluster, uint64_t serial, const char *why);
bool mk_watchers_admit(mk_cluster_t *cluster, actor_t *actor, uint32_t tag);

/* ---- requests.c ---- */

void     mk_requests_down(mk_peer_t *peer);
void     mk_requests_drained(mk_peer_t *peer);
MK_MUST_CHECK mk_err_t mk_requests_frame(mk_peer_t *peer, const mk_wire_frame_t *frame);

/* ---- mount.c ---- */

void mk_mount_open(mk_cluster_t *cluster);
/* The node that was called is linked: whoever mounts it is told when its names are known, too. */
void mk_mount_up(mk_call_t *call, const mk_peer_t *peer);
void mk_mounts_heard(const mk_peer_t *peer);
/* Somebody else wants the call too: a mount that fails does not end it. */
void mk_mount_keep(mk_call_t *call);
/* The call has failed once more; may close it. */
void mk_mount_failed(mk_call_t *call);
void mk_mount_close(mk_call_t *call);

/* ---- report.c ---- */

node_role_t            mk_role_of(uint32_t may); /* the role that gives these MK_MAY_ bits */
MK_MUST_CHECK mk_err_t mk_report_open(mk_cluster_t *cluster);

#endif
