/* SPDX-License-Identifier: Apache-2.0 */
/* The shell guest by itself: the test is its console, and strangers who would like to be. */
#include <stdlib.h>
#include <time.h>

#include "microkernel/actor.h"
#include "microkernel/console.h"
#include "microkernel/runtime.h"
#include "microkernel/wasm_actor.h"
#include "rig/rig.h"
#include "wasm/engine.h"

enum { LIMIT_S = 60, PAGE_BYTES = 65536, LISTED_MAX = 1024, PAYLOAD_BYTES_MAX = 16 * 1024 };

static struct {
    runtime_t *rt;
    actor_id_t console, shell;
    unsigned   ready, exits, candidates;
    char       text[1 << 20]; /* what the shell has printed */
    size_t     text_size;
    char       words[4096];
} t;

static bool console(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt;
    (void)self;
    (void)state;
    if (msg->type == MSG_CONSOLE_READY) t.ready++;
    if (msg->type == MSG_CONSOLE_EXIT) t.exits++;
    if (msg->type == MSG_CONSOLE_CANDIDATES && msg->payload_size < sizeof t.words) {
        t.candidates++;
        if (msg->payload_size > 0) memcpy(t.words, msg->payload, msg->payload_size);
        t.words[msg->payload_size] = '\0';
    }
    if (msg->type == MSG_CONSOLE_PRINT && t.text_size + msg->payload_size < sizeof t.text) {
        memcpy(t.text + t.text_size, msg->payload, msg->payload_size);
        t.text_size += msg->payload_size;
        t.text[t.text_size] = '\0';
    }
    return true;
}

static bool quiet(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt;
    (void)self;
    (void)msg;
    (void)state;
    return true;
}

static void *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* Until `*counter` is at least `wanted`, or nothing moves any more for counter NULL. */
static void settle(const unsigned *counter, unsigned wanted) {
    time_t limit = time(NULL) + LIMIT_S;
    if (counter == NULL) {
        for (int idle = 0; idle < 20;) idle = runtime_wait(t.rt, 0) ? 0 : idle + 1;
        return;
    }
    while (*counter < wanted) {
        runtime_wait(t.rt, 100);
        CHECK(time(NULL) < limit);
    }
}

static void begin(void) {
    size_t         size;
    char           err[200] = "";
    void          *bytes = read_file(MK_BINARY_DIR "/shell/shell.wasm", &size);
    wasm_options_t options = {.name = "shell", .grants = WASM_GRANTS_ALL, .child_grants = WASM_GRANTS_LOADED};
    memset(&t, 0, sizeof t);
    mk_engine_prefer(getenv("MK_TEST_ENGINE"));
    CHECK(wasm_actors_init());
    t.rt = runtime_init(1, 0);
    CHECK(t.rt != NULL);
    t.console = actor_spawn(t.rt, console, NULL, NULL, 10000);
    options.console = t.console;
    mk_err_t result = actor_spawn_wasm_opts(t.rt, bytes, size, &options, &t.shell, err, sizeof err);
    free(bytes);
    CHECK_STR(err, "");
    CHECK_EQ(result, MK_OK);
}

static void end(void) {
    runtime_destroy(t.rt);
    wasm_actors_cleanup();
}

/* Sends as if from `from`, which does nothing else. */
typedef struct errand {
    msg_type_t  type;
    const void *payload;
    size_t      size;
} errand_t;

static bool run_errand(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    const errand_t *errand = state;
    (void)self;
    (void)msg;
    actor_send(rt, t.shell, errand->type, errand->payload, errand->size);
    return false;
}

static void stranger_sends(msg_type_t type, const void *payload, size_t size) {
    errand_t   errand = {type, payload, size};
    actor_id_t id = actor_spawn(t.rt, run_errand, &errand, NULL, 0);
    actor_send(t.rt, id, 1, NULL, 0);
    settle(NULL, 0);
    CHECK(!actor_is_alive(t.rt, id));
}

static bool forward(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    if (msg->source == ACTOR_ID_INVALID) {
        actor_send(rt, t.shell, msg->type, msg->payload, msg->payload_size);
        return true;
    }
    return console(rt, self, msg, state);
}

/* A console that passes on what the test tells it to. */
static void begin_attached(void) {
    begin();
    actor_id_t own = actor_spawn(t.rt, forward, NULL, NULL, 10000);
    actor_send(t.rt, own, MSG_CONSOLE_ATTACH, NULL, 0);
    settle(NULL, 0);
    t.console = own;
}

static void enter(const char *line) {
    unsigned before = t.ready;
    t.text_size = 0;
    t.text[0] = '\0';
    CHECK(actor_send(t.rt, t.console, MSG_CONSOLE_LINE, line, strlen(line)));
    settle(&t.ready, before + 1);
    settle(NULL, 0);
    CHECK_EQ(t.ready, before + 1);
}

TEST(the_shell_lives_in_one_page) {
    wasm_actor_info_t info;
    begin_attached();
    enter("help");
    CHECK(wasm_actor_get_info(t.rt, t.shell, &info));
    CHECK_EQ(info.memory_bytes, PAGE_BYTES);
    CHECK_EQ(info.bad_arguments, 0);
    CHECK_EQ(info.denied, 0);
    end();
}

TEST(only_the_first_to_introduce_itself_gives_orders) {
    begin_attached();
    t.text_size = 0;
    stranger_sends(MSG_CONSOLE_ATTACH, NULL, 0);
    stranger_sends(MSG_CONSOLE_LINE, "stop console", 12);
    stranger_sends(MSG_CONSOLE_EXIT, NULL, 0);
    CHECK_EQ(t.ready, 0);
    CHECK_EQ(t.exits, 0);
    CHECK(strstr(t.text, "[message] type=4278190336 from=") != NULL);
    CHECK(strstr(t.text, "size=12 \"stop console\"\n") != NULL);
    enter("self");
    CHECK(actor_is_alive(t.rt, t.shell));
    end();
}

TEST(a_request_to_stop_counts_only_from_the_console) {
    begin_attached();
    stranger_sends(0, NULL, 0);
    CHECK(actor_is_alive(t.rt, t.shell));
    enter("self");
    actor_send(t.rt, t.console, 0, NULL, 0);
    settle(NULL, 0);
    CHECK(!actor_is_alive(t.rt, t.shell));
    end();
}

TEST(leaving_says_goodbye_and_ends_the_shell) {
    begin_attached();
    actor_send(t.rt, t.console, MSG_CONSOLE_EXIT, NULL, 0);
    settle(&t.exits, 1);
    settle(NULL, 0);
    CHECK_STR(t.text, "Goodbye.\n");
    CHECK(!actor_is_alive(t.rt, t.shell));
    end();
}

static const char *complete(const char *text) {
    unsigned before = t.candidates;
    actor_send(t.rt, t.console, MSG_CONSOLE_COMPLETE, text, strlen(text));
    settle(&t.candidates, before + 1);
    return t.words;
}

TEST(completion_knows_commands_names_and_where_they_may_stand) {
    begin_attached();
    CHECK_STR(complete("loo"), "lookup");
    CHECK_STR(complete("  loo"), "lookup");
    CHECK_STR(complete("stop she"), "shell");
    CHECK_STR(complete("stop shell "), "");
    CHECK_STR(complete("call shell 2"), "");
    CHECK_STR(complete("help wh"), "whoami");
    CHECK_STR(complete("history "), "clear");
    CHECK_STR(complete("load sh"), "");
    CHECK_STR(complete("nonsense sh"), "");
    CHECK(strstr(complete(""), "help\nhistory\nexit\n") != NULL);
    end();
}

TEST(a_long_list_is_cut_and_says_so) {
    begin_attached();
    for (int i = 0; i < LISTED_MAX; i++) CHECK(actor_spawn(t.rt, quiet, NULL, NULL, 1) != ACTOR_ID_INVALID);
    enter("list");
    const char *last = "(only the first 1024)\n";
    CHECK(t.text_size > strlen(last));
    CHECK_STR(t.text + t.text_size - strlen(last), last);
    end();
}

TEST(large_messages_are_shown_and_larger_ones_dropped) {
    static char       payload[PAYLOAD_BYTES_MAX + 1];
    wasm_actor_info_t info;
    begin_attached();
    memset(payload, 'x', sizeof payload);
    t.text_size = 0;
    stranger_sends(7, payload, PAYLOAD_BYTES_MAX);
    CHECK(t.text_size > PAYLOAD_BYTES_MAX);
    stranger_sends(7, payload, PAYLOAD_BYTES_MAX + 1);
    CHECK(wasm_actor_get_info(t.rt, t.shell, &info));
    CHECK_EQ(info.dropped, 1);
    enter("self");
    end();
}

TEST(no_line_whatsoever_breaks_the_shell) {
    static const char *const pieces[] = {"help ",
                                         "list ",
                                         "self ",
                                         "whoami ",
                                         "load ",
                                         "send ",
                                         "call ",
                                         "stop ",
                                         "register ",
                                         "lookup ",
                                         "history ",
                                         "clear ",
                                         "shell ",
                                         "4294967298 ",
                                         "0x",
                                         "-",
                                         "99999999999999999999 ",
                                         "200 ",
                                         "nobody ",
                                         "\"",
                                         "\xff",
                                         "\xc3\xa4",
                                         " ",
                                         "\t",
                                         "x",
                                         "http://",
                                         ".wasm",
                                         "/",
                                         "%s"};
    srand(1);
    begin_attached();
    for (int i = 0; i < 1500; i++) {
        char   line[4097];
        size_t size = 0, limit = rand() % 20 == 0 ? sizeof line - 1 : 60;
        while (size < limit && rand() % 8 != 0) {
            const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
            size_t      more = strlen(piece) < limit - size ? strlen(piece) : limit - size;
            memcpy(line + size, piece, more);
            size += more;
        }
        line[size] = '\0';
        if (strstr(line, "call ") != NULL && strstr(line, "shell") == NULL) continue; /* might wait its five seconds */
        enter(line);
        t.words[0] = '\0';
        complete(line);
    }
    CHECK(actor_is_alive(t.rt, t.shell));
    end();
}
