/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as the payload of a request, after one for what is asked: as lines name=value, which are all of it again when they are put
 * together; and as a request to the key-value store or the queue, each of which gets exactly one answer. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "microkernel/actor.h"
#include "microkernel/local_kv.h"
#include "microkernel/local_queue.h"
#include "microkernel/runtime.h"
#include "microkernel/service_messages.h"
#include "port/fake/fake.h"
#include "port/fake/fake_disk.h"
#include "services/fields.h"

static void read_fields(const char *text, size_t size, const char *last) {
    mk_fields_t fields = {text, size};
    mk_text_t   name, value;
    const char *at = text;
    while (mk_fields_next(&fields, last, &name, &value)) {
        uint64_t number;
        mk_assert(name.at == at && name.size != 0 && value.at == name.at + name.size + 1 && value.at[-1] == '=');
        mk_assert(memchr(name.at, '\n', name.size) == NULL && memchr(name.at, '=', name.size) == NULL);
        at = value.at + value.size;
        if (at != text + size) mk_assert(*at++ == '\n');
        if (mk_text_number(value, UINT32_MAX, &number)) mk_assert(number <= UINT32_MAX && value.size != 0);
        (void)mk_text_is_plain(value);
    }
    mk_assert(fields.at == at && fields.left == (size_t)(text + size - at));
}

typedef struct stage {
    actor_id_t     to;
    msg_type_t     type;
    const uint8_t *data;
    size_t         size;
    unsigned       answers;
} stage_t;

enum { MSG_ASK = 1, MSG_CONSUME = 2 };

static bool ask(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    stage_t *stage = state;
    (void)self;
    if (msg->type == MSG_ASK) {
        mk_assert(actor_call(rt, stage->to, stage->type, stage->data, stage->size, 1000) != CALL_ID_INVALID);
    } else if (msg->call != CALL_ID_INVALID) {
        mk_assert(msg->type >= MSG_CF_OK && msg->type <= MSG_CF_ERROR);
        stage->answers++;
    } else {
        mk_assert(msg->type == MSG_QUEUE_ITEM);
    }
    return true;
}

static void settle(runtime_t *rt) {
    for (unsigned i = 0; i < 40; i++) (void)runtime_wait(rt, 0);
}

static void serve(const uint8_t *data, size_t size, unsigned what) {
    static const struct {
        msg_type_t  type;
        const char *to;
    } kinds[] = {{MSG_CF_KV_PUT, "kv"},        {MSG_CF_KV_GET, "kv"},    {MSG_CF_KV_DELETE, "kv"},
                 {MSG_CF_KV_LIST, "kv"},       {MSG_CF_KV_SWAP, "kv"},   {MSG_CF_QUEUE_PUSH, "queue"},
                 {MSG_QUEUE_CONSUME, "queue"}, {MSG_QUEUE_ACK, "queue"}, {MSG_QUEUE_NACK, "queue"}};
    static const local_kv_config_t    kv = {.base_path = "disk"};
    static const local_queue_config_t queue = {.base_path = "disk"};
    what %= sizeof kinds / sizeof kinds[0];
    mk_fake_reset(1);
    mk_fake_disk_reset();
    runtime_t *rt = runtime_init(1, 0);
    mk_assert(rt != NULL);
    stage_t    stage = {.type = kinds[what].type, .data = data, .size = size};
    actor_id_t values = local_kv_init(rt, &kv), items = local_queue_init(rt, &queue);
    actor_id_t asker = actor_spawn(rt, ask, &stage, NULL, 0);
    stage.to = strcmp(kinds[what].to, "kv") == 0 ? values : items;
    mk_assert(values != ACTOR_ID_INVALID && items != ACTOR_ID_INVALID && asker != ACTOR_ID_INVALID);
    mk_fake_advance_us(30000); /* the queue has read what there is */
    settle(rt);
    for (unsigned i = 1; i <= 2; i++) { /* and once more, onto what the first has left */
        mk_assert(runtime_post(rt, asker, MSG_ASK, NULL, 0));
        settle(rt);
        mk_assert(stage.answers == i);
    }
    runtime_destroy(rt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    char *text = malloc(size); /* whose end the sanitizer sees */
    mk_assert(text != NULL);
    memcpy(text, data + 1, size - 1);
    read_fields(text, size - 1, NULL);
    read_fields(text, size - 1, "value");
    free(text);
    serve(data + 1, size - 1, data[0]);
    return 0;
}
