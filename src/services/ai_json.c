/* SPDX-License-Identifier: Apache-2.0 */
/* ai_json.c -- requests are written here, answers are read by cJSON. */
#include "services/ai_json.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/mem.h"
#include "services/json_out.h"

static void *take(size_t size) { return mk_alloc(size); }

bool mk_ai_json_is_there(void) {
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = take, .free_fn = mk_free});
    return true;
}

bool mk_ai_json_infer(mk_buffer_t *out, mk_text_t model, mk_text_t prompt) {
    mk_buffer_append_text(out, "{\"model\":");
    mk_json_text(out, model.at, model.size);
    mk_buffer_append_text(out, ",\"messages\":[{\"role\":\"user\",\"content\":");
    mk_json_text(out, prompt.at, prompt.size);
    mk_buffer_append_text(out, "}],\"stream\":false}");
    return !out->failed;
}

bool mk_ai_json_embed(mk_buffer_t *out, mk_text_t model, mk_text_t text) {
    mk_buffer_append_text(out, "{\"model\":");
    mk_json_text(out, model.at, model.size);
    mk_buffer_append_text(out, ",\"input\":");
    mk_json_text(out, text.at, text.size);
    mk_buffer_append_text(out, "}");
    return !out->failed;
}

/* {"error": {"message": "..."}} or {"error": "..."} */
static void put_error(mk_buffer_t *out, const cJSON *json) {
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
    const cJSON *message = cJSON_IsObject(error) ? cJSON_GetObjectItemCaseSensitive(error, "message") : error;
    mk_buffer_clear(out);
    if (cJSON_IsString(message)) mk_buffer_append_text(out, message->valuestring);
}

static const cJSON *first_of(const cJSON *json, const char *list) {
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, list), 0);
}

bool mk_ai_json_text(mk_buffer_t *out, const char *body, size_t size) {
    cJSON       *json = cJSON_ParseWithLength(body, size);
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(first_of(json, "choices"), "message");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(message, "content");
    bool         good = cJSON_IsString(text) && mk_buffer_append_text(out, text->valuestring);
    if (!good) put_error(out, json);
    cJSON_Delete(json);
    return good;
}

bool mk_ai_json_numbers(mk_buffer_t *out, const char *body, size_t size) {
    cJSON       *json = cJSON_ParseWithLength(body, size);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(first_of(json, "data"), "embedding");
    bool         good = cJSON_IsArray(list);
    mk_buffer_append(out, "[", 1);
    for (const cJSON *number = good ? list->child : NULL; number != NULL && good; number = number->next) {
        good = cJSON_IsNumber(number);
        if (number != list->child) mk_buffer_append(out, ",", 1);
        if (good) mk_json_real(out, number->valuedouble);
    }
    mk_buffer_append(out, "]", 1);
    good = good && !out->failed;
    if (!good) put_error(out, json);
    cJSON_Delete(json);
    return good;
}
