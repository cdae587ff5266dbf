/* SPDX-License-Identifier: Apache-2.0 */
#include "services/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

static void put_escaped(mk_buffer_t *out, const char *text, size_t size) {
    size_t from = 0;
    mk_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        mk_buffer_append(out, text + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\') mk_buffer_printf(out, "\\%c", c);
        else if (c == '\n') mk_buffer_append(out, "\\n", 2);
        else mk_buffer_printf(out, "\\u%04x", c);
    }
    mk_buffer_append(out, text + from, size - from);
    mk_buffer_append(out, "\"", 1);
}

void mk_json_text(mk_buffer_t *out, const void *text, size_t size) {
    if (mk_utf8_is_valid(text, size)) {
        put_escaped(out, text, size);
        return;
    }
    mk_buffer_t repaired = {0};
    if (mk_utf8_repair(&repaired, text, size)) put_escaped(out, (const char *)repaired.bytes, repaired.size);
    else out->failed = true;
    mk_buffer_free(&repaired);
}

void mk_json_real(mk_buffer_t *out, double number) {
    char text[32];
    if (!isfinite(number)) {
        mk_buffer_append(out, "null", 4);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    mk_buffer_append_text(out, text);
    if (strpbrk(text, ".e") == NULL) mk_buffer_append(out, ".0", 2); /* so that it stays what it is */
}

void mk_json_blob(mk_buffer_t *out, const void *bytes, size_t size) {
    mk_buffer_append(out, "\"", 1);
    size_t   chars = MK_BASE64_CHARS(size);
    uint8_t *at = mk_buffer_reserve(out, chars + 1);
    if (at != NULL) {
        mk_base64_encode(bytes, size, (char *)at);
        out->size += chars;
    }
    mk_buffer_append(out, "\"", 1);
}
