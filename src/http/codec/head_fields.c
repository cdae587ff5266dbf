/* SPDX-License-Identifier: Apache-2.0 */
/* head_fields.c -- the field lines of a whole head (RFC 9112 section 5). Its last bytes are CR LF CR LF, which no name and no
 * value can hold, so the loops over them stop by themselves.
 *
 * The six names that say something about the connection are noted on the way: which one it may be is told by its length, so
 * most fields are not compared with anything. */
#include "http/codec/head_parts.h"

#include "http/codec/table.h"

/* Eight bytes, the first in the lowest bits. Compilers make one load of it. */
static uint64_t load_word(const char *at) {
    const uint8_t *b = (const uint8_t *)at;
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 |
           (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

/* Skips what may stand in a value, eight bytes at a time. A byte below 0x20 and a DEL each set their high bit in `control`; the
 * lowest bit that is set is always true, those above may be borrowed. */
static const char *skip_value(const char *at, const char *end) {
    const uint64_t ones = 0x0101010101010101U, high = 0x8080808080808080U;
    while (end - at >= 8) {
        uint64_t word = load_word(at), del = word ^ (ones * 0x7F);
        uint64_t control = (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & high;
        if (control == 0) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(control) / 8;
        if (*at != '\t') return at;
        at++;
    }
    while (mk_http_is(*at, MK_HTTP_IS_VALUE)) at++;
    return at;
}

static void note_once(mk_http_text_t *noted, uint32_t *times, mk_http_text_t value) {
    if ((*times)++ == 0) *noted = value;
}

static void note_connection(mk_http_notes_t *notes, mk_http_text_t list) {
    mk_http_text_t option;
    while (mk_http_list_next(&list, &option)) {
        if (mk_http_text_alike(option, "close")) notes->close = true;
        else if (mk_http_text_alike(option, "keep-alive")) notes->keep_alive = true;
        else if (mk_http_text_alike(option, "upgrade")) notes->upgrades = true;
    }
}

static void note(mk_http_notes_t *notes, const mk_http_field_t *field) {
    switch (field->name.size) {
    case 4:
        if (mk_http_text_alike(field->name, "host")) note_once(&notes->host, &notes->hosts, field->value);
        break;
    case 6:
        if (mk_http_text_alike(field->name, "expect")) note_once(&notes->expect, &notes->expects, field->value);
        break;
    case 7:
        if (notes->upgrade.at == NULL && mk_http_text_alike(field->name, "upgrade")) notes->upgrade = field->value;
        break;
    case 10:
        if (mk_http_text_alike(field->name, "connection")) note_connection(notes, field->value);
        break;
    case 14:
        if (mk_http_text_alike(field->name, "content-length")) note_once(&notes->length, &notes->lengths, field->value);
        break;
    case 17:
        if (mk_http_text_alike(field->name, "transfer-encoding"))
            note_once(&notes->coding, &notes->codings, field->value);
        break;
    }
}

/* One line beginning at `at`; the next one's beginning, or NULL. */
static const char *read_line(const char *at, const char *end, mk_http_field_t *field, mk_http_wrong_t *wrong) {
    const char *name = at;
    while (mk_http_is(*at, MK_HTTP_IS_TOKEN)) at++;
    if (*at != ':' || at == name) {
        bool space = *at == ' ' || *at == '\t';
        mk_http_refuse(wrong, 400,
                       !space       ? "a field's name is not a token"
                       : at == name ? "a folded field line"
                                    : "white space before a colon");
        return NULL;
    }
    field->name = (mk_http_text_t){name, (size_t)(at - name)};
    at++;
    while (*at == ' ' || *at == '\t') at++;
    const char *value = at;
    at = skip_value(at, end);
    if (at[0] != '\r' || at[1] != '\n') {
        mk_http_refuse(wrong, 400, "a control character in a field");
        return NULL;
    }
    const char *last = at;
    while (last > value && (last[-1] == ' ' || last[-1] == '\t')) last--;
    field->value = (mk_http_text_t){value, (size_t)(last - value)};
    return at + 2;
}

bool mk_http_head_fields(const char *at, const char *end, size_t fields_max, mk_http_fields_t *fields,
                         mk_http_notes_t *notes, mk_http_wrong_t *wrong) {
    size_t max = fields->cap < fields_max ? fields->cap : fields_max;
    fields->n = 0;
    while (end - at > 2) { /* the empty line is the last one */
        if (fields->n == max) return mk_http_refuse(wrong, 431, "too many fields");
        mk_http_field_t *field = &fields->at[fields->n];
        if ((at = read_line(at, end, field, wrong)) == NULL) return false;
        note(notes, field);
        fields->n++;
    }
    return true;
}
