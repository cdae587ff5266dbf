/* SPDX-License-Identifier: Apache-2.0 */
/* log.c -- see runtime/log.h. Invariant: the ring holds whole entries, a head and its text, oldest at `head`. */
#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "runtime/internal.h"

typedef struct entry_head {
    uint64_t   wall_ms;
    actor_id_t actor;
    int32_t    level;
    uint32_t   size; /* bytes of text that follow */
} entry_head_t;

void mk_log_init(mk_log_t *log) { *log = (mk_log_t){.level = MK_LOG_INFO}; }

/* ---- the ring; the lock is held ---- */

static void ring_put(mk_log_t *log, const void *data, size_t size) {
    size_t at = (log->head + log->used) % log->size;
    size_t first = size < log->size - at ? size : log->size - at;
    memcpy(log->ring + at, data, first);
    memcpy(log->ring, (const char *)data + first, size - first);
    log->used += size;
}

static void ring_take(mk_log_t *log, void *data, size_t size) {
    size_t first = size < log->size - log->head ? size : log->size - log->head;
    memcpy(data, log->ring + log->head, first);
    memcpy((char *)data + first, log->ring, size - first);
    log->head = (log->head + size) % log->size;
    log->used -= size;
}

/* Takes one entry and hands it to the sink, without the lock meanwhile. */
static void pass_one(mk_log_t *log) {
    entry_head_t head;
    char         text[MK_LOG_LINE_MAX + 1];
    ring_take(log, &head, sizeof head);
    ring_take(log, text, head.size);
    text[head.size] = '\0';
    log_sink_fn sink = log->sink;
    void       *arg = log->arg;
    log->busy = true;
    mk_mutex_unlock(log->lock);
    log_entry_t entry = {.wall_ms = head.wall_ms, .level = head.level, .actor = head.actor, .text = text};
    sink(arg, &entry);
    mk_mutex_lock(log->lock);
    log->busy = false;
    if (log->used == 0) mk_cond_signal(log->changed); /* for who waits in runtime_flush_log */
}

static void log_thread(void *arg) {
    mk_log_t *log = arg;
    mk_mutex_lock(log->lock);
    for (;;) {
        if (log->used != 0) pass_one(log);
        else if (log->closing) break;
        else mk_cond_wait(log->changed, log->lock, -1);
    }
    mk_mutex_unlock(log->lock);
}

void mk_log_drain(mk_log_t *log) {
    if (log->sink == NULL || log->thread != NULL) return;
    mk_mutex_lock(log->lock);
    while (log->used != 0 && !log->busy) pass_one(log);
    mk_mutex_unlock(log->lock);
}

void mk_log_flush(mk_log_t *log) {
    if (log->sink == NULL) return;
    mk_log_drain(log);
    if (log->thread == NULL) return;
    mk_mutex_lock(log->lock);
    while (log->used != 0 || log->busy) {
        /* The thread signals when it is done; the short wait covers a signal that another waiter took. */
        mk_cond_signal(log->changed);
        mk_cond_wait(log->changed, log->lock, 10000);
    }
    mk_mutex_unlock(log->lock);
}

/* ---- on and off ---- */

static mk_err_t log_open(mk_log_t *log, log_sink_fn sink, void *arg, size_t bytes) {
    mk_err_t err;
    if ((log->ring = mk_alloc(bytes)) == NULL) return MK_ERR_NOMEM;
    if ((err = mk_mutex_create(&log->lock)) != MK_OK) goto free_ring;
    if ((err = mk_cond_create(&log->changed)) != MK_OK) goto free_lock;
    log->size = bytes;
    log->head = log->used = 0;
    log->closing = false;
    log->sink = sink;
    log->arg = arg;
    err = mk_thread_start(&log->thread, log_thread, log);
    if (err == MK_OK) return MK_OK;
    log->thread = NULL;
    if (err == MK_ERR_NOSYS) return MK_OK; /* the loop does it */
    log->sink = NULL;
    mk_cond_destroy(log->changed);
free_lock:
    mk_mutex_destroy(log->lock);
free_ring:
    mk_free(log->ring);
    return err;
}

void mk_log_close(mk_log_t *log) {
    if (log->sink == NULL) return;
    if (log->thread != NULL) {
        mk_mutex_lock(log->lock);
        log->closing = true;
        mk_cond_signal(log->changed);
        mk_mutex_unlock(log->lock);
        mk_thread_join(log->thread);
        log->thread = NULL;
    }
    mk_log_drain(log);
    log->sink = NULL;
    mk_cond_destroy(log->changed);
    mk_mutex_destroy(log->lock);
    mk_free(log->ring);
}

/* A sink in the place of another takes over its ring and its thread, so that there is nothing that could fail. */
static void log_hand_over(mk_log_t *log, log_sink_fn sink, void *arg) {
    mk_log_flush(log); /* the old one still gets what was logged for it */
    mk_mutex_lock(log->lock);
    log->sink = sink;
    log->arg = arg;
    mk_mutex_unlock(log->lock);
}

mk_err_t runtime_set_log_sink(runtime_t *rt, log_sink_fn sink, void *arg) {
    mk_log_t *log = &rt->log;
    if (sink == NULL) mk_log_close(log);
    else if (log->sink != NULL) log_hand_over(log, sink, arg);
    else return log_open(log, sink, arg, rt->config.log_bytes);
    return MK_OK;
}

/* ---- the default sink ---- */

static const char *level_name(int level) {
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    return level >= 0 && level <= MK_LOG_ERROR ? names[level] : "?";
}

static void stderr_sink(void *arg, const log_entry_t *entry) {
    (void)arg;
    char      line[MK_LOG_LINE_MAX + 100], actor[24] = "-";
    time_t    seconds = (time_t)(entry->wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    if (entry->actor != ACTOR_ID_INVALID) snprintf(actor, sizeof actor, "%llu", (unsigned long long)entry->actor);
    int n = snprintf(line, sizeof line, "[%04d-%02d-%02dT%02d:%02d:%02d.%03uZ] %s [%s] %s\n", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     (unsigned)(entry->wall_ms % 1000), level_name(entry->level), actor, entry->text);
    mk_assert(n > 0 && (size_t)n < sizeof line);
    mk_port_write(2, line, (size_t)n);
}

void runtime_enable_logging(runtime_t *rt) {
    mk_err_t err = runtime_set_log_sink(rt, stderr_sink, NULL);
    if (err == MK_OK) return;
    static const char sorry[] = "logging could not be enabled\n";
    mk_port_write(2, sorry, sizeof sorry - 1);
}

/* ---- logging ---- */

static void tell_actor(runtime_t *rt, const entry_head_t *head, const char *text) {
    actor_t *to = mk_actor_find(rt, rt->log.actor);
    /* One that logs about the log would never be done. */
    if (to == NULL || to == rt->sched.running || !mk_mailbox_has_room(to)) return;
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, sizeof(log_payload_t) + head->size);
    if (msg == NULL) return;
    log_payload_t payload = {head->wall_ms, head->actor, head->level, head->size};
    memcpy(mk_msg_inline(msg), &payload, sizeof payload);
    memcpy((char *)mk_msg_inline(msg) + sizeof payload, text, head->size);
    msg->pub.type = MSG_LOG;
    mk_send_system(rt, to, head->actor, msg);
}

static void put(mk_log_t *log, const entry_head_t *head, const char *text) {
    mk_mutex_lock(log->lock);
    if (log->size - log->used >= sizeof *head + head->size) {
        ring_put(log, head, sizeof *head);
        ring_put(log, text, head->size);
        mk_cond_signal(log->changed);
    } else {
        log->dropped++;
    }
    mk_mutex_unlock(log->lock);
}

/* Shortens a full line so that it ends in dots, without leaving half a character in front of them. */
static int cut(char text[MK_LOG_LINE_MAX + 1]) {
    int at = MK_LOG_LINE_MAX - 3;
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
    memcpy(text + at, "...", 4);
    return at + 3;
}

/* One entry is one line: whoever writes a newline into it, or what commands a terminal, shall not forge another's. */
static void make_one_line(char *text, int n) {
    for (int i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i], next = (unsigned char)text[i + 1];
        if ((c < ' ' && c != '\t') || c == 0x7f) text[i] = ' ';
        if (c == 0xc2 && next >= 0x80 && next <= 0x9f) text[i] = text[i + 1] = ' '; /* the same above 0x7f, in UTF-8 */
    }
}

void actor_log(runtime_t *rt, int level, const char *fmt, ...) {
    mk_log_t *log = &rt->log;
    if (level < log->level || (log->sink == NULL && log->actor == ACTOR_ID_INVALID)) return;
    char    text[MK_LOG_LINE_MAX + 1];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) return;
    if (n > MK_LOG_LINE_MAX) n = cut(text);
    make_one_line(text, n);
    const actor_t *running = rt->sched.running;
    entry_head_t   head = {.wall_ms = mk_port_wall_ms(),
                           .actor = running != NULL ? mk_actor_id(rt, running) : ACTOR_ID_INVALID,
                           .level = level,
                           .size = (uint32_t)n};
    if (log->sink != NULL) put(log, &head, text);
    if (log->actor != ACTOR_ID_INVALID) tell_actor(rt, &head, text);
}

void runtime_set_log_level(runtime_t *rt, int level) { rt->log.level = level; }

void runtime_set_log_actor(runtime_t *rt, actor_id_t id) { rt->log.actor = id; }

void runtime_flush_log(runtime_t *rt) { mk_log_flush(&rt->log); }
