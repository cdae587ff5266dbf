/* SPDX-License-Identifier: Apache-2.0 */
/* ai_json_none.c -- this build has nothing that reads JSON. */
#include "services/ai_json.h"

bool mk_ai_json_is_there(void) { return false; }

bool mk_ai_json_infer(mk_buffer_t *out, mk_text_t model, mk_text_t prompt) {
    (void)out, (void)model, (void)prompt;
    return false;
}

bool mk_ai_json_embed(mk_buffer_t *out, mk_text_t model, mk_text_t text) {
    (void)out, (void)model, (void)text;
    return false;
}

bool mk_ai_json_text(mk_buffer_t *out, const char *body, size_t size) {
    (void)out, (void)body, (void)size;
    return false;
}

bool mk_ai_json_numbers(mk_buffer_t *out, const char *body, size_t size) {
    (void)out, (void)body, (void)size;
    return false;
}
