/* SPDX-License-Identifier: Apache-2.0 */
/* local_ai.h -- a language model behind any HTTP endpoint that speaks OpenAI's protocol (chat/completions, embeddings), asked by messages
 * (service_messages.h): a model server on this machine, or elsewhere. Runtime's thread. */
#ifndef MICROKERNEL_LOCAL_AI_H
#define MICROKERNEL_LOCAL_AI_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Empty or zero takes the default named. */
typedef struct local_ai_config {
    char     url[256];   /* up to and without "/chat/completions", such as http://127.0.0.1:11434/v1; MK_AI_URL               */
    char     model[128]; /* of a request that names none; MK_AI_MODEL                                                         */
    char     key[256];   /* sent as bearer token; MK_AI_KEY, else none                                                        */
    uint32_t timeout_ms; /* of one answer; 0: 120,000                                                                         */
    uint32_t waiting_max; /* requests at a time; 0: 64                                                                        */
} local_ai_config_t;

/* Starts it, registered at /node/local/ai/infer and /node/local/ai/embed. `config` may be NULL. ACTOR_ID_INVALID: the reason is logged
 * (no address; this build has no cJSON). */
actor_id_t local_ai_init(runtime_t *rt, const local_ai_config_t *config);

#ifdef __cplusplus
}
#endif

#endif
