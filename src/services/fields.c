/* SPDX-License-Identifier: Apache-2.0 */
#include "services/fields.h"

#include <string.h>

bool mk_text_is(mk_text_t text, const char *literal) {
    return text.size == strlen(literal) && memcmp(text.at, literal, text.size) == 0;
}

bool mk_fields_next(mk_fields_t *fields, const char *last, mk_text_t *name, mk_text_t *value) {
    if (fields->left == 0) return false;
    const char *equals = memchr(fields->at, '=', fields->left);
    const char *end = memchr(fields->at, '\n', fields->left);
    if (equals == NULL || equals == fields->at || (end != NULL && end < equals)) return false;
    *name = (mk_text_t){fields->at, (size_t)(equals - fields->at)};
    size_t used = name->size + 1, rest = fields->left - used;
    bool   to_end = end == NULL || (last != NULL && mk_text_is(*name, last));
    *value = (mk_text_t){equals + 1, to_end ? rest : (size_t)(end - equals - 1)};
    used += value->size + (to_end ? 0 : 1);
    fields->at += used;
    fields->left -= used;
    return true;
}

bool mk_text_number(mk_text_t text, uint64_t max, uint64_t *out) {
    uint64_t number = 0;
    if (text.size == 0) return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)text.at[i] - '0';
        if (digit > 9 || number > (max - digit) / 10 || digit > max) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

bool mk_text_is_plain(mk_text_t text) {
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7F) return false;
    return true;
}
