/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c -- what actors of another node have to tell ours beside messages (remote.h). Everything in a signal is the peer's
 * word: which actors exist, who joined whom and what the peer may do is looked up here. */
#include <string.h>

#include "runtime/internal.h"

static void answer(mk_remote_t *remote, mk_signal_kind_t kind, const mk_signal_t *asked, uint8_t reason,
                   const char *text) {
    mk_signal_t signal = {.kind = kind, .ref = asked->ref, .from = asked->to, .to = asked->from, .reason = reason};
    if (text != NULL) signal.text = (mk_slice_t){text, strlen(text)};
    remote->ops->signal(remote, &signal);
}

/* What cannot be kept is as far from sight as if its node had gone; the text says what it was. */
static mk_err_t answer_kept(mk_remote_t *remote, mk_signal_kind_t kind, const mk_signal_t *asked, mk_err_t err) {
    if (err != MK_OK) answer(remote, kind, asked, EXIT_NODE_DOWN, mk_err_text(err));
    return err;
}

/* A link that our actor asked for while theirs did needs no leave. */
static mk_err_t take_link(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    if (signal->ref == 0 || signal->from == 0) return MK_ERR_PROTO;
    bool stands = mk_far_by_pair(rt, remote, MK_FAR_LINK, signal->to, signal->from) != NULL;
    if (!stands && !(remote->may & MK_MAY_STOP)) {
        answer(remote, MK_SIGNAL_LINK_EXIT, signal, EXIT_DENIED, NULL);
        return MK_ERR_DENIED;
    }
    actor_t *actor = mk_idmap_get(&rt->actors, signal->to);
    if (actor == NULL) {
        answer(remote, MK_SIGNAL_LINK_EXIT, signal, EXIT_NO_ACTOR, NULL);
        return MK_OK;
    }
    return answer_kept(remote, MK_SIGNAL_LINK_EXIT, signal, mk_far_linked(rt, remote, actor, signal));
}

static mk_err_t take_monitor(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    if (signal->ref == 0 || signal->from == 0) return MK_ERR_PROTO;
    if (mk_far_by_ref(rt, remote, signal->ref) != NULL) return MK_ERR_PROTO;
    actor_t *actor = mk_idmap_get(&rt->actors, signal->to);
    bool     may_all = remote->may & MK_MAY_SEND_ANY, may_some = remote->may & (MK_MAY_SEND | MK_MAY_SEND_ANY);
    if (!may_some || (actor != NULL && !may_all && !(actor->flags & MK_ACTOR_SHOWN))) {
        answer(remote, MK_SIGNAL_DOWN, signal, EXIT_DENIED, NULL);
        return MK_ERR_DENIED;
    }
    if (actor == NULL) {
        answer(remote, MK_SIGNAL_DOWN, signal, EXIT_NO_ACTOR, NULL);
        return MK_OK;
    }
    mk_err_t err = mk_far_new(rt, remote, MK_FAR_MONITOR, actor, signal->from, signal->ref, true);
    return answer_kept(remote, MK_SIGNAL_DOWN, signal, err);
}

static mk_err_t take_demonitor(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    mk_far_t *record = mk_far_by_ref(rt, remote, signal->ref);
    if (record == NULL) { /* it fired, or was answered, while this was on its way; or has not come yet */
        remote->over[remote->over_n++ % (sizeof remote->over / sizeof *remote->over)] = signal->ref;
        return MK_OK;
    }
    if (!mk_far_is(record, MK_FAR_MONITOR, signal->from) && !mk_far_is(record, MK_FAR_CALL, signal->from))
        return MK_ERR_PROTO;
    mk_far_forget(rt, record);
    return MK_OK;
}

static mk_err_t take_exit(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    if (!(remote->may & MK_MAY_STOP)) return MK_ERR_DENIED;
    actor_t *actor = mk_idmap_get(&rt->actors, signal->to);
    if (actor == NULL) return MK_OK;
    if (signal->kind == MK_SIGNAL_STOP || signal->reason == EXIT_KILLED) {
        actor_stop(rt, mk_actor_id(rt, actor));
        return MK_OK;
    }
    actor_id_t from = signal->from != 0 ? actor_id_make(remote->node, signal->from) : ACTOR_ID_INVALID;
    mk_actor_signal(rt, actor, from, signal->reason, NULL, NULL);
    return MK_OK;
}

static mk_err_t take_call_failed(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    const actor_t *caller = mk_idmap_get(&rt->actors, signal->to);
    if (signal->error == MK_OK) return MK_ERR_PROTO;
    if (caller != NULL) mk_call_fail(rt, remote, caller, signal->ref, signal->error, signal->reason);
    return MK_OK;
}

mk_err_t mk_remote_signal(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    if (signal->to == 0 || signal->text.size > MK_SIGNAL_TEXT_MAX) return MK_ERR_PROTO;
    switch (signal->kind) {
    case MK_SIGNAL_EXIT:
    case MK_SIGNAL_STOP: return take_exit(rt, remote, signal);
    case MK_SIGNAL_LINK: return take_link(rt, remote, signal);
    case MK_SIGNAL_UNLINK: mk_far_unlinked(rt, remote, signal); return MK_OK;
    case MK_SIGNAL_LINK_EXIT: mk_far_link_ended(rt, remote, signal); return MK_OK;
    case MK_SIGNAL_MONITOR: return take_monitor(rt, remote, signal);
    case MK_SIGNAL_DEMONITOR: return take_demonitor(rt, remote, signal);
    case MK_SIGNAL_DOWN: mk_monitor_fire(rt, remote, signal); return MK_OK;
    case MK_SIGNAL_CALL_FAILED: return take_call_failed(rt, remote, signal);
    case MK_SIGNAL_KINDS: break;
    }
    return MK_ERR_PROTO;
}
