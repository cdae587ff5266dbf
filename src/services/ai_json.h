/* SPDX-License-Identifier: Apache-2.0 */
/* ai_json.h -- the two kinds of requests to a model and of its answers, as OpenAI's API has them. Pure. */
#ifndef MK_SERVICES_AI_JSON_H
#define MK_SERVICES_AI_JSON_H

#include "base/buffer.h"
#include "services/fields.h"

/* Whether this build can read JSON. */
bool mk_ai_json_is_there(void);

/* The body of a request. False: out of memory. */
bool mk_ai_json_infer(mk_buffer_t *out, mk_text_t model, mk_text_t prompt);
bool mk_ai_json_embed(mk_buffer_t *out, mk_text_t model, mk_text_t text);

/* What the answer holds: the text of the first choice; the numbers of the first embedding, as a JSON array. False: `out` is what the
 * answer says is wrong, or, if it says nothing, empty. */
bool mk_ai_json_text(mk_buffer_t *out, const char *body, size_t size);
bool mk_ai_json_numbers(mk_buffer_t *out, const char *body, size_t size);

#endif
