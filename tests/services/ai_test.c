/* SPDX-License-Identifier: Apache-2.0 */
/* ai_test.c -- a model server that is an actor beside it. */
#include "microkernel/local_ai.h"

#include "microkernel/http.h"
#include "microkernel/service_messages.h"
#include "runtime/play.h"
#include "services/ai_json.h"

enum { PORT = 11434 };

static actor_id_t  ai;
static part_t      a, server;
static char        answer[512], asked[1024];
static unsigned    answers;
static const char *says;
static int         status;

static bool hear(part_t *part, message_t *msg) {
    (void)part;
    answers++;
    snprintf(answer, sizeof answer, "%u %.*s", (unsigned)msg->type, (int)msg->payload_size,
             msg->payload_size != 0 ? (const char *)msg->payload : "");
    return true;
}

static bool serve(part_t *part, message_t *msg) {
    (void)part;
    if (msg->type != MSG_HTTP_REQUEST) return true;
    const http_request_payload_t *request = msg->payload;
    const char *key = http_header_get(http_request_headers(request), request->headers_size, "Authorization");
    snprintf(asked, sizeof asked, "%s %s %s %.*s", http_request_method(request), http_request_path(request),
             key != NULL ? key : "-", (int)request->body_size, (const char *)http_request_body(request));
    CHECK(actor_http_respond(rt, request->conn_id, status, NULL, 0, says, strlen(says)));
    return true;
}

static bool listen_now(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    CHECK(actor_http_listen(rt, PORT));
    return true;
}

static void begin(void) {
    static const local_ai_config_t config = {.url = "http://127.0.0.1:11434/v1/", .model = "small", .key = "secret"};
    curtain_up(NULL);
    enter(&a);
    enter(&server);
    a.on = hear;
    server.on = serve;
    in(&server, listen_now, 0);
    ai = local_ai_init(rt, &config);
    CHECK(ai != ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "/node/local/ai/embed"), ai);
    answers = 0;
}

static struct {
    msg_type_t  type;
    const char *text;
} asking;

static bool send_it(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    CHECK(actor_send(rt, ai, asking.type, asking.text, strlen(asking.text)));
    return true;
}

static const char *ask_ai(msg_type_t type, const char *text, int with, const char *body) {
    unsigned before = answers;
    asking.type = type, asking.text = text;
    status = with;
    says = body;
    in(&a, send_it, 0);
    for (int i = 0; i < 50 && answers == before; i++) (void)runtime_wait(rt, 1);
    CHECK_EQ(answers, before + 1);
    return answer;
}

TEST(a_prompt_goes_to_the_model_and_its_text_comes_back) {
    begin();
    CHECK_STR(ask_ai(MSG_CF_AI_INFER, "prompt=say \"hi\"\nplease", 200,
                     "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"hi\\nthere \\u00e4\"}}]}"),
              "311 hi\nthere \xC3\xA4");
    CHECK_STR(asked, "POST /v1/chat/completions Bearer secret "
                     "{\"model\":\"small\",\"messages\":[{\"role\":\"user\",\"content\":\"say "
                     "\\\"hi\\\"\\nplease\"}],\"stream\":false}");
    CHECK_STR(ask_ai(MSG_CF_AI_EMBED, "model=other\ntext=abc", 200, "{\"data\":[{\"embedding\":[1,-0.25,1e-7]}]}"),
              "314 [1.0,-0.25,1e-07]");
    CHECK_STR(asked, "POST /v1/embeddings Bearer secret {\"model\":\"other\",\"input\":\"abc\"}");
    curtain_down();
}

TEST(what_goes_wrong_is_told) {
    begin();
    CHECK_STR(ask_ai(MSG_CF_AI_INFER, "prompt=x", 404, "{\"error\":{\"message\":\"no such model\"}}"),
              "316 the model server answered 404: no such model");
    CHECK_STR(ask_ai(MSG_CF_AI_INFER, "prompt=x", 500, "{\"error\":\"overloaded\"}"),
              "316 the model server answered 500: overloaded");
    CHECK_STR(ask_ai(MSG_CF_AI_INFER, "prompt=x", 200, "<html>"), "316 the model server answered 200");
    CHECK_STR(ask_ai(MSG_CF_AI_EMBED, "text=x", 200, "{\"data\":[{\"embedding\":[1,\"x\"]}]}"),
              "316 the model server answered 200");
    CHECK_STR(ask_ai(MSG_CF_AI_INFER, "promt=x", 200, ""), "316 there is no such field");
    CHECK_STR(ask_ai(MSG_CF_AI_INFER, "model=x", 200, ""), "316 prompt is missing");
    actor_stop(rt, server.id);
    CHECK(strncmp(ask_ai(MSG_CF_AI_INFER, "prompt=x", 200, ""), "316 the model server: ", 22) == 0);
    curtain_down();
}

TEST(without_an_address_there_is_none) {
    curtain_up(NULL);
    CHECK_EQ(local_ai_init(rt, NULL), ACTOR_ID_INVALID);
    curtain_down();
}

TEST(answers_of_any_bytes_are_survived) {
    static const char whole[] = "{\"choices\":[{\"message\":{\"content\":\"hi\"}}],\"data\":[{\"embedding\":[1,2]}]}";
    char              text[sizeof whole];
    CHECK(mk_ai_json_is_there());
    for (size_t cut = 0; cut < sizeof whole; cut++) {
        for (int change = 0; change < 4; change++) {
            mk_buffer_t out = {0};
            memcpy(text, whole, sizeof whole);
            if (cut < sizeof whole - 1) text[cut] = "[]\"\\"[change];
            (void)mk_ai_json_text(&out, text, sizeof whole - 1);
            mk_buffer_clear(&out);
            (void)mk_ai_json_numbers(&out, text, cut);
            mk_buffer_free(&out);
        }
    }
}
