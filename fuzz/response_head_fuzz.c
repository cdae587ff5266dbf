/* SPDX-License-Identifier: Apache-2.0 */
/* response_head_fuzz.c -- a response head means the same however it is cut, and what we write of it is read as the same again. */
#include "codec_fuzz.h"
#include "http/codec/message.h"
#include "http/codec/range.h"

enum { FIELDS = 64 };

static const mk_http_limits_t limits = {.head_bytes_max = 2048, .fields_max = FIELDS};

typedef struct answer {
    mk_http_step_t  step;
    mk_http_wrong_t wrong;
    size_t          used;
    uint8_t         minor;
    mk_buffer_t     words;
} answer_t;

static void note(mk_buffer_t *out, const mk_http_response_t *r) {
    require(r->status >= 100 && r->status <= 599);
    require(r->framing != MK_HTTP_UNTIL_CLOSE || !r->keep_alive);
    require(mk_buffer_printf(out, "%d %d %d %d %d ", r->status, r->framing, r->minor, r->keep_alive, r->upgrade));
    require(mk_buffer_append_number(out, r->length));
    note_text(out, r->reason);
    note_text(out, r->upgrade_to);
    note_fields(out, &r->fields);
}

static void parse(const uint8_t *text, size_t size, mk_http_method_t method, size_t *scanned, answer_t *out) {
    mk_http_field_t    fields[FIELDS];
    mk_http_response_t response = {.fields = {fields, 0, FIELDS}};
    uint8_t           *copy = copy_of(text, size);
    out->step = mk_http_response_parse(copy, size, &limits, method, scanned, &response, &out->used, &out->wrong);
    require(out->step != MK_HTTP_WRONG || out->wrong.status == 502);
    if (out->step == MK_HTTP_DONE) {
        mk_http_range_t range;
        uint64_t        whole;
        require(out->used <= size && out->used <= limits.head_bytes_max);
        out->minor = response.minor;
        note(&out->words, &response);
        mk_http_text_t value = mk_http_fields_get(&response.fields, "content-range");
        if (value.at != NULL && mk_http_content_range_parse(value, &range, &whole))
            require(range.first <= range.last && range.last < whole);
    }
    free(copy);
}

static void require_same(const answer_t *a, const answer_t *b) {
    require(a->step == b->step);
    if (a->step == MK_HTTP_DONE) require(a->used == b->used && same_bytes(&a->words, &b->words));
    if (a->step == MK_HTTP_WRONG) require(a->wrong.why == b->wrong.why);
}

static void write_again(const uint8_t *text, size_t size, mk_http_method_t method, const answer_t *read) {
    mk_http_field_t    fields[FIELDS];
    mk_http_response_t response = {.fields = {fields, 0, FIELDS}};
    mk_buffer_t        out = {0};
    size_t             scanned = 0, used;
    mk_http_wrong_t    wrong;
    answer_t           again = {0};
    char               reason[2048];
    require(mk_http_response_parse(text, size, &limits, method, &scanned, &response, &used, &wrong) == MK_HTTP_DONE);
    if (response.reason.size > 0) memcpy(reason, response.reason.at, response.reason.size);
    reason[response.reason.size] = '\0';
    require(mk_http_write_status(&out, response.status, reason) == MK_OK);
    for (size_t i = 0; i < response.fields.n; i++)
        require(mk_http_write_field(&out, fields[i].name, fields[i].value) == MK_OK);
    require(mk_http_write_end(&out) == MK_OK);
    scanned = 0;
    if (out.size <= limits.head_bytes_max) {
        parse(out.bytes, out.size, method, &scanned, &again);
        require(again.step == MK_HTTP_DONE && again.used == out.size && same_bytes(&again.words, &read->words));
    }
    mk_buffer_free(&again.words);
    mk_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mk_http_method_t methods[] = {MK_HTTP_GET, MK_HTTP_HEAD, MK_HTTP_CONNECT};
    cuts_t                        cuts = cuts_of(data, size);
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        answer_t whole = {0}, cut = {0};
        size_t   scanned = 0;
        parse(cuts.text, cuts.text_size, methods[m], &scanned, &whole);
        scanned = 0;
        for (size_t at = 0, i = 0; cut.step == MK_HTTP_MORE && at < cuts.text_size; i++) {
            at = cut_end(&cuts, at, i);
            parse(cuts.text, at, methods[m], &scanned, &cut);
        }
        require_same(&whole, &cut);
        if (whole.step == MK_HTTP_DONE && whole.minor == 1) write_again(cuts.text, cuts.text_size, methods[m], &whole);
        mk_buffer_free(&whole.words);
        mk_buffer_free(&cut.words);
    }
    return 0;
}
