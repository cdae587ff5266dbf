/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c -- accepts what comes, many at a time but not without end. When descriptors have run out, accepting would fail as
 * often as it is tried while the listener stays readable, so it rests for a while, longer each time. */
#include "net/internal.h"

#include "base/assert.h"

enum {
    BACKLOG = 4096,   /* the system cuts it to what it allows */
    ACCEPTS_MAX = 64, /* in one round */
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 1000,
};

static void rest(mk_listener_t *listener) {
    mk_loop_t *loop = listener->net->loop;
    listener->refused++;
    listener->backoff_ms = listener->backoff_ms == 0 ? BACKOFF_MIN_MS : listener->backoff_ms * 2;
    if (listener->backoff_ms > BACKOFF_MAX_MS) listener->backoff_ms = BACKOFF_MAX_MS;
    mk_wheel_arm(&loop->wheel, &listener->retry, mk_loop_after_ms(loop, listener->backoff_ms));
    (void)!mk_watch_set(loop, &listener->watch, 0); /* if not, it only rests less */
}

static void watch_again(mk_listener_t *listener) {
    if (mk_watch_set(listener->net->loop, &listener->watch, MK_POLL_IN) != MK_OK) rest(listener);
}

static void on_ready(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    mk_listener_t *listener = mk_container_of(watch, mk_listener_t, watch);
    bool           gone = false;
    (void)loop, (void)events;
    listener->gone = &gone;
    for (int i = 0; i < ACCEPTS_MAX && !listener->paused; i++) {
        int       fd;
        mk_addr_t peer;
        mk_err_t  err = mk_sock_accept(watch->fd, &fd, &peer);
        if (err == MK_ERR_NOTFOUND) break;
        if (err != MK_OK) {
            rest(listener);
            break;
        }
        listener->backoff_ms = 0;
        listener->fn(listener, fd, &peer);
        if (gone) return;
    }
    listener->gone = NULL;
}

static void on_retry(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_listener_t *listener = mk_container_of(timer, mk_listener_t, retry);
    (void)wheel;
    if (!listener->paused) watch_again(listener);
}

mk_err_t mk_listener_adopt(mk_net_t *net, mk_listener_t *listener, int fd, const mk_addr_t *at, mk_accept_fn *fn) {
    *listener =
        (mk_listener_t){.net = net, .fn = fn, .watch = {.fd = fd, .fn = on_ready}, .retry.fn = on_retry, .at = *at};
    mk_err_t err = mk_watch_set(net->loop, &listener->watch, MK_POLL_IN);
    if (err != MK_OK) {
        mk_sock_close(fd);
        listener->net = NULL;
        return err;
    }
    mk_list_push(&net->listeners, &listener->all);
    return MK_OK;
}

mk_err_t mk_listener_open(mk_net_t *net, mk_listener_t *listener, const mk_addr_t *at, mk_accept_fn *fn) {
    mk_addr_t bound;
    int       fd;
    mk_err_t  err = mk_sock_listen(at, BACKLOG, &fd, &bound);
    return err == MK_OK ? mk_listener_adopt(net, listener, fd, &bound, fn) : err;
}

void mk_listener_close(mk_listener_t *listener) {
    mk_net_t *net = listener->net;
    if (net == NULL) return;
    if (listener->gone != NULL) *listener->gone = true;
    mk_list_remove(&listener->all);
    mk_wheel_cancel(&net->loop->wheel, &listener->retry);
    mk_watch_forget(net->loop, &listener->watch);
    mk_sock_close(listener->watch.fd);
    mk_sock_unlink(&listener->at);
    listener->net = NULL;
}

void mk_listener_pause(mk_listener_t *listener) {
    if (listener->net == NULL || listener->paused) return;
    listener->paused = true;
    (void)!mk_watch_set(listener->net->loop, &listener->watch, 0);
}

void mk_listener_resume(mk_listener_t *listener) {
    if (listener->net == NULL || !listener->paused) return;
    listener->paused = false;
    if (!mk_timer_is_armed(&listener->retry)) watch_again(listener);
}
