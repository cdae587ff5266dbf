/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c -- see fields.h. */
#include "http/codec/fields.h"

#include <string.h>

#include "http/codec/table.h"

mk_http_text_t mk_http_text(const char *text) { return (mk_http_text_t){text, strlen(text)}; }

bool mk_http_text_equal(mk_http_text_t text, const char *other) {
    return strlen(other) == text.size && (text.size == 0 || memcmp(text.at, other, text.size) == 0);
}

bool mk_http_text_alike(mk_http_text_t text, const char *other) {
    for (size_t i = 0; i < text.size; i++) {
        if (other[i] == '\0' || mk_http_lower(text.at[i]) != mk_http_lower(other[i])) return false;
    }
    return other[text.size] == '\0';
}

bool mk_http_text_to_u64(mk_http_text_t text, uint64_t *out) {
    uint64_t number = 0;
    if (text.size == 0) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!mk_http_is(text.at[i], MK_HTTP_IS_DIGIT)) return false;
        unsigned digit = (unsigned)(text.at[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

static bool is_space(char c) { return c == ' ' || c == '\t'; }

static mk_http_text_t trim(mk_http_text_t text) {
    while (text.size > 0 && is_space(text.at[0])) text.at++, text.size--;
    while (text.size > 0 && is_space(text.at[text.size - 1])) text.size--;
    return text;
}

bool mk_http_fields_next(const mk_http_fields_t *fields, const char *name, size_t *index, mk_http_text_t *value) {
    while (*index < fields->n) {
        const mk_http_field_t *field = &fields->at[(*index)++];
        if (mk_http_text_alike(field->name, name)) {
            *value = field->value;
            return true;
        }
    }
    return false;
}

mk_http_text_t mk_http_fields_get(const mk_http_fields_t *fields, const char *name) {
    size_t         index = 0;
    mk_http_text_t value;
    return mk_http_fields_next(fields, name, &index, &value) ? value : (mk_http_text_t){NULL, 0};
}

/* The bytes before the first `separator` that stands outside of quoted strings. */
static size_t span_until(mk_http_text_t text, char separator) {
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        if (c == '"') quoted = !quoted;
        else if (quoted && c == '\\') i++; /* whatever follows is not a quote */
        else if (!quoted && c == separator) return i;
    }
    return text.size;
}

/* Takes the text before the next separator off `rest`. */
static mk_http_text_t take_until(mk_http_text_t *rest, char separator) {
    size_t         size = span_until(*rest, separator);
    mk_http_text_t piece = {rest->at, size};
    if (size < rest->size) size++;
    rest->at += size;
    rest->size -= size;
    return trim(piece);
}

bool mk_http_list_next(mk_http_text_t *rest, mk_http_text_t *element) {
    while (rest->size > 0) {
        *element = take_until(rest, ',');
        if (element->size > 0) return true;
    }
    return false;
}

bool mk_http_fields_list_has(const mk_http_fields_t *fields, const char *name, const char *element) {
    size_t         index = 0;
    mk_http_text_t value, each;
    while (mk_http_fields_next(fields, name, &index, &value)) {
        while (mk_http_list_next(&value, &each)) {
            if (mk_http_text_alike(take_until(&each, ';'), element)) return true;
        }
    }
    return false;
}

/* What stands between the quotes, when `text` is one whole quoted string. */
static bool unquote(mk_http_text_t *text) {
    size_t i = 1;
    while (i < text->size && text->at[i] != '"') i += text->at[i] == '\\' ? 2 : 1;
    if (i + 1 != text->size) return false;
    *text = (mk_http_text_t){text->at + 1, text->size - 2};
    return true;
}

bool mk_http_param_get(mk_http_text_t value, const char *name, mk_http_text_t *out) {
    take_until(&value, ';');
    while (value.size > 0) {
        mk_http_text_t param = take_until(&value, ';');
        if (param.size == 0) continue;
        const char *equals = memchr(param.at, '=', param.size);
        if (equals == NULL) return false;
        mk_http_text_t key = {param.at, (size_t)(equals - param.at)};
        mk_http_text_t text = {equals + 1, param.size - key.size - 1};
        bool           quoted = text.size > 0 && text.at[0] == '"';
        if (!mk_http_is_token(key) || (quoted ? !unquote(&text) : !mk_http_is_token(text))) return false;
        if (mk_http_text_alike(key, name)) {
            *out = text;
            return true;
        }
    }
    return false;
}

bool mk_http_field_split(mk_http_text_t line, mk_http_field_t *out) {
    const char *colon = line.size > 0 ? memchr(line.at, ':', line.size) : NULL;
    if (colon == NULL) return false;
    size_t          name_size = (size_t)(colon - line.at);
    mk_http_field_t field = {{line.at, name_size}, trim((mk_http_text_t){colon + 1, line.size - name_size - 1})};
    if (!mk_http_is_token(field.name) || !mk_http_is_field_value(field.value)) return false;
    *out = field;
    return true;
}

bool mk_http_is_token(mk_http_text_t text) {
    for (size_t i = 0; i < text.size; i++) {
        if (!mk_http_is(text.at[i], MK_HTTP_IS_TOKEN)) return false;
    }
    return text.size > 0;
}

bool mk_http_is_field_value(mk_http_text_t text) {
    for (size_t i = 0; i < text.size; i++) {
        if (!mk_http_is(text.at[i], MK_HTTP_IS_VALUE)) return false;
    }
    return text.size == 0 || (!is_space(text.at[0]) && !is_space(text.at[text.size - 1]));
}

bool mk_http_field_is_hop(mk_http_text_t name) {
    static const char *const hop[] = {"connection", "content-length",   "transfer-encoding",
                                      "keep-alive", "proxy-connection", "te",
                                      "trailer",    "upgrade"};
    for (size_t i = 0; i < sizeof hop / sizeof *hop; i++) {
        if (mk_http_text_alike(name, hop[i])) return true;
    }
    return false;
}
