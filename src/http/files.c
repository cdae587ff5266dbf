/* SPDX-License-Identifier: Apache-2.0 */
/* files.c -- static files (RFC 9110 sections 8.8, 13, 14). The disk is a helper thread's business: a sending is a chain of jobs,
 * open, read, read, ..., each begun when the one before has ended and what it read was taken. One piece of a file is in memory
 * for each sending. What may be named is what mk_http_path_resolve() leaves, without names that begin with a dot; the port sees to
 * it that nothing outside of the folder is opened, whatever links say. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "http/codec/date.h"
#include "http/codec/path.h"
#include "http/codec/range.h"
#include "http/server.h"
#include "loop/jobs.h"
#include "port/port.h"

enum { PIECE_BYTES = 64 * 1024, CONDITIONS = 6, ETAG_BYTES = 64, FIELD_BYTES = 160, RANGES = 1 };

static const char index_page[] = "index.html";

/* What a route knows. Sendings have copies: they may outlive it. */
typedef struct folder {
    bool single; /* the pattern names one file */
    char path[];
} folder_t;

typedef struct sending {
    mk_job_t            job;      /* first: a job is one of these                             */
    mk_http_exchange_t *exchange; /* NULL: nobody waits any more                            */
    bool                working;  /* the job is under way                                   */
    bool                begun;    /* the answer's head is out                               */
    bool                head;
    /* for the job */
    mk_err_t       err;
    int            file; /* -1: not open */
    mk_file_info_t info;
    uint64_t       at, end; /* what is to be sent of the file                          */
    ptrdiff_t      got;     /* bytes in `piece`; MK_IO_FAILED                          */
    uint8_t       *piece;   /* NULL before the first                                   */
    /* of the request: its conditions and its path, copied */
    mk_http_request_t request;
    mk_http_field_t   fields[CONDITIONS];
    char             *below; /* NULL: `path` is a file by itself                        */
    char             *path;
    char             *location; /* where a folder is found: its path with a slash behind it */
    bool              was_folder;
    char              texts[]; /* what all of these point into                           */
} sending_t;

/* ---- the helper thread's part --------------------------------------------------------------------------------------- */

static void open_file(mk_job_t *job) {
    sending_t *s = (sending_t *)job;
    s->err = mk_file_open(s->below, s->path, &s->file, &s->info);
}

static void read_piece(mk_job_t *job) {
    sending_t *s = (sending_t *)job;
    uint64_t   left = s->end - s->at;
    s->got = mk_file_read(s->file, s->at, s->piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES);
}

/* ---- their life --------------------------------------------------------------------------------------------------------- */

static void sending_free(sending_t *s) {
    mk_file_close(s->file);
    mk_free(s->piece);
    mk_free(s);
}

/* The answer is given: nothing more is to be done for it. */
static void sending_over(sending_t *s) {
    s->exchange = NULL;
    if (!s->working) sending_free(s);
}

static void refuse(sending_t *s, int status) {
    mk_http_exchange_refuse(s->exchange, status);
    sending_over(s);
}

static void work(sending_t *s, void (*run)(mk_job_t *job), void (*done)(mk_loop_t *loop, mk_job_t *job)) {
    s->job.run = run;
    s->job.done = done;
    s->working = mk_job_start(mk_runtime_loop(mk_http_exchange_runtime(s->exchange)), &s->job) == MK_OK;
    if (s->working) return;
    if (!s->begun) {
        refuse(s, 503);
        return;
    }
    mk_http_exchange_cut(s->exchange);
    sending_over(s);
}

/* A job has ended. False: nobody waits for it any more. */
static bool back(sending_t *s) {
    s->working = false;
    if (s->exchange != NULL) return true;
    sending_free(s);
    return false;
}

/* ---- the body ---------------------------------------------------------------------------------------------------------------- */

static void next_piece(sending_t *s);

/* Gives away what was read. It is read again no more: what was not taken waits in `piece`. */
static void write_piece(sending_t *s) {
    mk_err_t err = mk_http_exchange_write(s->exchange, s->piece, (size_t)s->got);
    if (err == MK_ERR_FULL) return; /* `drained` comes */
    if (err != MK_OK) {
        mk_http_exchange_cut(s->exchange);
        sending_over(s);
        return;
    }
    s->at += (uint64_t)s->got;
    s->got = 0;
    next_piece(s);
}

static void was_read(mk_loop_t *loop, mk_job_t *job) {
    sending_t *s = (sending_t *)job;
    (void)loop;
    if (!back(s)) return;
    if (s->got > 0) {
        write_piece(s);
        return;
    }
    mk_http_exchange_cut(
        s->exchange); /* shorter than it was, or unreadable: the requester must not take it for whole */
    sending_over(s);
}

static void next_piece(sending_t *s) {
    if (s->at < s->end && !s->head) {
        work(s, read_piece, was_read);
        return;
    }
    mk_http_exchange_end(s->exchange);
    sending_over(s);
}

static void drained(mk_http_exchange_t *exchange, void *arg) {
    sending_t *s = arg;
    (void)exchange;
    if (!s->working && s->got > 0) write_piece(s);
}

static void gone(mk_http_exchange_t *exchange, void *arg) {
    (void)exchange;
    sending_over(arg);
}

static const mk_http_service_t service = {drained, gone, NULL};

/* ---- the head ------------------------------------------------------------------------------------------------------------------ */

typedef struct head {
    char etag[ETAG_BYTES], etag_line[ETAG_BYTES + 16], modified[FIELD_BYTES], type[FIELD_BYTES], range[FIELD_BYTES];
    const char *lines[6];
    size_t      n;
} head_t;

static int64_t modified_s(const sending_t *s) { return s->info.modified_ns / 1000000000; }

/* What names this state of the file: changed when it is written to, and when another takes its place. */
static void make_head(const sending_t *s, head_t *head) {
    char date[MK_HTTP_DATE_BYTES];
    mk_http_date_format(modified_s(s), date);
    snprintf(head->etag, sizeof head->etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)s->info.modified_ns,
             s->info.bytes, s->info.id);
    snprintf(head->etag_line, sizeof head->etag_line, "ETag: %s", head->etag);
    snprintf(head->modified, sizeof head->modified, "Last-Modified: %s", date);
    head->lines[0] = head->etag_line;
    head->lines[1] = head->modified;
    head->n = 2;
}

static void respond(sending_t *s, int status, const head_t *head) {
    if (mk_http_exchange_respond(s->exchange, status, head->lines, head->n, NULL, 0) == MK_OK) sending_over(s);
    else refuse(s, 500);
}

static void add_range(head_t *head, const mk_http_range_t *range, uint64_t size) {
    char text[MK_HTTP_CONTENT_RANGE_BYTES];
    mk_http_content_range_format(text, range, size);
    snprintf(head->range, sizeof head->range, "Content-Range: %s", text);
    head->lines[head->n++] = head->range;
}

/* One part is sent as one; several are not worth it: the whole is always a right answer. */
static int choose_part(sending_t *s, const mk_http_validators_t *now, head_t *head) {
    mk_http_range_t range;
    size_t          n = 0;
    switch (mk_http_ranges_of(&s->request, s->info.bytes, now, &range, RANGES, &n)) {
    case MK_HTTP_UNSATISFIABLE: add_range(head, NULL, s->info.bytes); return 416;
    case MK_HTTP_PARTS:
        add_range(head, &range, s->info.bytes);
        s->at = range.first;
        s->end = range.last + 1;
        return 206;
    default: return 200;
    }
}

static void begin(sending_t *s) {
    head_t head;
    make_head(s, &head);
    mk_http_validators_t now = {mk_http_text(head.etag), modified_s(s)};
    int                  status = mk_http_conditions(&s->request, &now, (int64_t)(mk_port_wall_ms() / 1000));
    s->end = s->info.bytes;
    if (status == 0) status = choose_part(s, &now, &head);
    if (status != 200 && status != 206) {
        respond(s, status, &head);
        return;
    }
    snprintf(head.type, sizeof head.type, "Content-Type: %s", mk_http_media_type(s->path));
    head.lines[head.n++] = head.type;
    head.lines[head.n++] = "Accept-Ranges: bytes";
    if (!s->head && s->end > s->at && s->piece == NULL && (s->piece = mk_alloc(PIECE_BYTES)) == NULL) {
        refuse(s, 503);
        return;
    }
    if (mk_http_exchange_begin(s->exchange, status, head.lines, head.n, (int64_t)(s->end - s->at)) != MK_OK) {
        refuse(s, 500);
        return;
    }
    s->begun = true;
    next_piece(s);
}

static int status_of(mk_err_t err) {
    switch (err) {
    case MK_ERR_NOTFOUND:
    case MK_ERR_TOOLONG: return 404;
    case MK_ERR_DENIED: return 403;
    case MK_ERR_LIMIT: return 503;
    default: return 500;
    }
}

static void was_opened(mk_loop_t *loop, mk_job_t *job);

/* A folder is its index, but only under a name that ends in a slash: what the page links to is relative to that. */
static void open_index(sending_t *s) {
    size_t size = strlen(s->path);
    if (size != 0 && s->path[size - 1] != '/') {
        head_t head = {.n = 1, .lines = {s->location}};
        respond(s, 301, &head);
        return;
    }
    memcpy(s->path + size, index_page, sizeof index_page); /* there is room */
    s->was_folder = true;
    work(s, open_file, was_opened);
}

static void was_opened(mk_loop_t *loop, mk_job_t *job) {
    sending_t *s = (sending_t *)job;
    (void)loop;
    if (!back(s)) return;
    if (s->err != MK_OK) refuse(s, status_of(s->err));
    else if (!s->info.folder) begin(s);
    else if (s->was_folder || s->below == NULL) refuse(s, 404);
    else open_index(s);
}

/* ---- requests -------------------------------------------------------------------------------------------------------------------- */

static const char *const conditions[CONDITIONS] = {
    "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range", "If-Range"};

/* Names that begin with a dot are not meant for everyone. */
static bool has_dot_name(const char *path) {
    for (; path != NULL; path = strchr(path, '/')) {
        while (*path == '/') path++;
        if (*path == '.') return true;
    }
    return false;
}

static char *put(char **at, const char *text, size_t size) {
    char *copy = *at;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

/* Everything that is needed of the request later. A path of several slashes would be another server's name: one is left. */
static sending_t *sending_create(const mk_http_request_t *request, const folder_t *folder, const char *rest) {
    static const char location[] = "Location: ";
    mk_http_text_t    values[CONDITIONS], path = request->path;
    size_t below = strlen(folder->path), bytes = below + strlen(rest) + sizeof index_page + sizeof location + 8;
    while (path.size > 1 && path.at[1] == '/') path.at++, path.size--;
    bytes += path.size;
    for (size_t i = 0; i < CONDITIONS; i++) {
        values[i] = mk_http_fields_get(&request->fields, conditions[i]);
        bytes += values[i].size + 1;
    }
    sending_t *s = mk_calloc(1, sizeof *s + bytes);
    if (s == NULL) return NULL;
    char *at = s->texts;
    s->file = -1;
    s->request = (mk_http_request_t){.method = request->method, .fields = {s->fields, 0, CONDITIONS}};
    for (size_t i = 0; i < CONDITIONS; i++) {
        if (values[i].at == NULL) continue;
        mk_http_text_t value = {put(&at, values[i].at, values[i].size), values[i].size};
        s->fields[s->request.fields.n++] = (mk_http_field_t){mk_http_text(conditions[i]), value};
    }
    s->location = at;
    memcpy(at, location, sizeof location - 1);
    at += sizeof location - 1;
    put(&at, path.at, path.size);
    at[-1] = '/'; /* in place of the NUL */
    *at++ = '\0';
    char *folder_path = put(&at, folder->path, below);
    if (folder->single) {
        s->path = folder_path;
        return s;
    }
    s->below = folder_path;
    s->path = put(&at, rest, strlen(rest)); /* the last: an index may be put behind it */
    return s;
}

static void serve(mk_http_exchange_t *exchange, const mk_http_request_t *request, const char *rest, void *arg) {
    const folder_t *folder = arg;
    while (*rest == '/') rest++;
    if (has_dot_name(rest)) {
        mk_http_exchange_refuse(exchange, 404);
        return;
    }
    sending_t *s = sending_create(request, folder, rest);
    if (s == NULL) {
        mk_http_exchange_refuse(exchange, 503);
        return;
    }
    s->exchange = exchange;
    s->head = mk_http_exchange_is_head(exchange);
    mk_http_exchange_serve(exchange, &service, s);
    if (!folder->single && *rest == '\0') open_index(s);
    else work(s, open_file, was_opened);
}

mk_err_t actor_http_route_files(runtime_t *rt, uint16_t port, const char *pattern, const char *folder) {
    size_t    size = strlen(folder), length = strlen(pattern);
    folder_t *route = mk_alloc(sizeof *route + size + 1);
    if (route == NULL) return MK_ERR_NOMEM;
    memcpy(route->path, folder, size + 1);
    route->single = length < 2 || memcmp(pattern + length - 2, "*}", 2) != 0;
    mk_err_t err = mk_http_route_service(rt, port, "GET", pattern, serve, mk_free, route);
    if (err != MK_OK) mk_free(route);
    return err;
}
