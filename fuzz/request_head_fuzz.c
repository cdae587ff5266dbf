/* SPDX-License-Identifier: Apache-2.0 */
/* request_head_fuzz.c -- a request head means the same however it is cut, and what we write of it is read as the same again. */
#include "codec_fuzz.h"
#include "http/codec/message.h"
#include "http/codec/path.h"
#include "http/codec/range.h"

enum { FIELDS = 64 };

static const mk_http_limits_t limits = {.head_bytes_max = 2048, .fields_max = FIELDS, .target_bytes_max = 512};

typedef struct answer {
    mk_http_step_t  step;
    mk_http_wrong_t wrong;
    size_t          used;
    uint8_t         minor;
    mk_buffer_t     words;
} answer_t;

static void note(mk_buffer_t *out, const mk_http_request_t *r) {
    require(mk_buffer_printf(out, "%d %d %d %d %d %d %d %d ", r->method, r->form, r->framing, r->minor, r->secure,
                             r->keep_alive, r->expect_continue, r->upgrade));
    require(mk_buffer_append_number(out, r->length));
    note_text(out, r->method_text);
    note_text(out, r->target);
    note_text(out, r->host);
    note_text(out, r->path);
    note_text(out, r->query);
    note_text(out, r->upgrade_to);
    note_fields(out, &r->fields);
}

/* A path that is accepted has no way up in it. */
static void look_up(const mk_http_request_t *r) {
    char   path[2048];
    size_t size;
    if (r->path.at == NULL || mk_http_path_resolve(r->path, path, r->path.size + 1, &size) != MK_OK) return;
    require(path[0] == '/' && strlen(path) == size && size <= r->path.size);
    require(strstr(path, "/../") == NULL && strstr(path, "//") == NULL && strstr(path, "/./") == NULL);
    require(size < 3 || strcmp(path + size - 3, "/..") != 0);
}

static void ask(const mk_http_request_t *r) {
    mk_http_range_t      ranges[4];
    mk_http_validators_t now = {mk_http_text("\"tag\""), 784111777};
    size_t               n;
    int                  status = mk_http_conditions(r, &now, 784111800);
    require(status == 0 || status == 304 || status == 412);
    if (mk_http_ranges_of(r, 1000, &now, ranges, 4, &n) != MK_HTTP_PARTS) return;
    require(n >= 1 && n <= 4);
    for (size_t i = 0; i < n; i++) require(ranges[i].first <= ranges[i].last && ranges[i].last < 1000);
}

static void parse(const uint8_t *text, size_t size, size_t *scanned, answer_t *out) {
    mk_http_field_t   fields[FIELDS];
    mk_http_request_t request = {.fields = {fields, 0, FIELDS}};
    uint8_t          *copy = copy_of(text, size);
    out->step = mk_http_request_parse(copy, size, &limits, scanned, &request, &out->used, &out->wrong);
    if (out->step == MK_HTTP_DONE) {
        require(out->used <= size && out->used <= limits.head_bytes_max && *scanned <= size);
        out->minor = request.minor;
        note(&out->words, &request);
        look_up(&request);
        ask(&request);
    }
    free(copy);
}

static void require_same(const answer_t *a, const answer_t *b) {
    require(a->step == b->step);
    if (a->step == MK_HTTP_DONE) require(a->used == b->used && same_bytes(&a->words, &b->words));
    if (a->step == MK_HTTP_WRONG) require(a->wrong.status == b->wrong.status && a->wrong.why == b->wrong.why);
}

/* Writes what was read, which is read as the same. */
static void write_again(const uint8_t *text, size_t size, const answer_t *read) {
    mk_http_field_t   fields[FIELDS];
    mk_http_request_t request = {.fields = {fields, 0, FIELDS}};
    mk_buffer_t       out = {0};
    size_t            scanned = 0, used;
    mk_http_wrong_t   wrong;
    answer_t          again = {0};
    require(mk_http_request_parse(text, size, &limits, &scanned, &request, &used, &wrong) == MK_HTTP_DONE);
    require(mk_http_write_request(&out, request.method_text, request.target) == MK_OK);
    for (size_t i = 0; i < request.fields.n; i++)
        require(mk_http_write_field(&out, fields[i].name, fields[i].value) == MK_OK);
    require(mk_http_write_end(&out) == MK_OK);
    scanned = 0;
    if (out.size <= limits.head_bytes_max) { /* "a:b" is one byte shorter than what we write */
        parse(out.bytes, out.size, &scanned, &again);
        require(again.step == MK_HTTP_DONE && again.used == out.size && same_bytes(&again.words, &read->words));
    }
    mk_buffer_free(&again.words);
    mk_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cuts_t   cuts = cuts_of(data, size);
    answer_t whole = {0}, cut = {0};
    size_t   scanned = 0;
    parse(cuts.text, cuts.text_size, &scanned, &whole);
    scanned = 0;
    for (size_t at = 0, i = 0; cut.step == MK_HTTP_MORE && at < cuts.text_size; i++) {
        at = cut_end(&cuts, at, i);
        parse(cuts.text, at, &scanned, &cut);
    }
    require_same(&whole, &cut);
    if (whole.step == MK_HTTP_DONE && whole.minor == 1) write_again(cuts.text, cuts.text_size, &whole);
    mk_buffer_free(&whole.words);
    mk_buffer_free(&cut.words);
    return 0;
}
