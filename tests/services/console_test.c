/* SPDX-License-Identifier: Apache-2.0 */
/* The console actor between a scripted terminal and a scripted shell, in virtual time. */
#include "microkernel/console.h"

#include <stdlib.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "microkernel/transport.h"
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "services/screen.h"

enum { IN_FD = 5, OUT_FD = 6, READY_IN = 1, READY_OUT = 4 };

static struct {
    runtime_t  *rt;
    actor_id_t  console, shell;
    char        in[16384];
    size_t      in_size, in_at;
    bool        in_ends;
    char        out[262144];
    size_t      out_size;
    size_t      out_room; /* bytes the reader still takes */
    bool        out_broken;
    screen_t    screen;
    unsigned    closed, freed;
    bool        closed_ok;
    char        heard[8192]; /* what the shell got, in short */
    bool        mute;        /* the shell does not answer    */
    bool        dumb;        /* nor does it say goodbye      */
    const char *words;
} t;

/* ---- the terminal ---- */

static ptrdiff_t read_input(void *arg, void *buf, size_t cap) {
    (void)arg;
    size_t left = t.in_size - t.in_at;
    if (left == 0) {
        if (t.in_ends) return 0;
        mk_fake_set_ready(IN_FD, 0);
        return CONSOLE_IO_WAIT;
    }
    size_t taken = left < cap ? left : cap;
    memcpy(buf, t.in + t.in_at, taken);
    t.in_at += taken;
    if (t.in_at == t.in_size && !t.in_ends) mk_fake_set_ready(IN_FD, 0);
    return (ptrdiff_t)taken;
}

static ptrdiff_t write_output(void *arg, const void *data, size_t size) {
    (void)arg;
    if (t.out_broken) return CONSOLE_IO_FAILED;
    if (t.out_room == 0) {
        mk_fake_set_ready(OUT_FD, 0);
        return CONSOLE_IO_WAIT;
    }
    size_t taken = size < t.out_room ? size : t.out_room;
    if (t.out_room != SIZE_MAX) t.out_room -= taken;
    CHECK(t.out_size + taken < sizeof t.out);
    memcpy(t.out + t.out_size, data, taken);
    t.out_size += taken;
    t.out[t.out_size] = '\0';
    screen_write(&t.screen, data, taken);
    return (ptrdiff_t)taken;
}

static unsigned columns(void *arg) {
    (void)arg;
    return t.screen.columns;
}

static void io_closed(void *arg) {
    (void)arg;
    t.freed++;
}

static void closed(void *arg, bool ok) {
    (void)arg;
    t.closed++;
    t.closed_ok = ok;
}

/* ---- the shell ---- */

static void hear(const char *what, const message_t *msg) {
    size_t used = strlen(t.heard);
    snprintf(t.heard + used, sizeof t.heard - used, "%s%.*s;", what,
             (int)(msg->payload_size < 64 ? msg->payload_size : 64),
             msg->payload_size > 0 ? (const char *)msg->payload : "");
}

static void say(const char *text) { actor_send(t.rt, t.console, MSG_CONSOLE_PRINT, text, strlen(text)); }

static bool goodbye(void) {
    if (t.dumb) return true;
    say("Goodbye.\n");
    actor_send(t.rt, t.console, MSG_CONSOLE_EXIT, NULL, 0);
    return false;
}

static void answer_line(const message_t *msg) {
    char text[128];
    if (t.mute) return;
    snprintf(text, sizeof text, "<%.*s>\n", (int)(msg->payload_size < 100 ? msg->payload_size : 100),
             msg->payload_size > 0 ? (const char *)msg->payload : "");
    say(text);
    actor_send(t.rt, t.console, MSG_CONSOLE_READY, NULL, 0);
}

static bool shell(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    (void)state;
    switch (msg->type) {
    case MSG_CONSOLE_ATTACH: hear("attach", msg); break;
    case MSG_CONSOLE_LINE:
        hear("line:", msg);
        if (msg->payload_size == 4 && memcmp(msg->payload, "exit", 4) == 0) return goodbye();
        if (msg->payload_size == 5 && memcmp(msg->payload, "crash", 5) == 0) {
            actor_fail(rt, EXIT_TRAPPED, "unreachable");
            return true;
        }
        answer_line(msg);
        break;
    case MSG_CONSOLE_COMPLETE:
        hear("complete:", msg);
        actor_send(rt, t.console, MSG_CONSOLE_CANDIDATES, t.words, strlen(t.words));
        break;
    case MSG_CONSOLE_INTERRUPT:
        hear("interrupt", msg);
        actor_send(rt, t.console, MSG_CONSOLE_READY, NULL, 0);
        break;
    case MSG_CONSOLE_EXIT: hear("exit", msg); return goodbye();
    default: hear("?", msg); break;
    }
    return true;
}

/* ---- the play ---- */

static void settle(void) {
    for (int i = 0; i < 2000; i++) runtime_step(t.rt);
}

static void prepare(void) {
    mk_fake_reset(1);
    memset(&t, 0, sizeof t);
    screen_init(&t.screen, 80);
    t.out_room = SIZE_MAX;
    t.words = "";
    mk_fake_set_ready(OUT_FD, READY_OUT);
    t.rt = runtime_init(1, 0);
    CHECK(t.rt != NULL);
}

static console_options_t options(bool edit) {
    return (console_options_t){
        .io = {.read = read_input,
               .write = write_output,
               .columns = columns,
               .close = io_closed,
               .in_fd = IN_FD,
               .out_fd = OUT_FD},
        .name = "console",
        .edit = edit,
        .terminal = edit,
        .closed = closed,
    };
}

static void begin_with(const console_options_t *wanted, size_t shell_mailbox) {
    CHECK_EQ(console_start(t.rt, wanted, &t.console), MK_OK);
    t.shell = actor_spawn(t.rt, shell, NULL, NULL, shell_mailbox);
    CHECK(console_attach(t.rt, t.console, t.shell));
    settle();
}

static void begin(bool edit) {
    prepare();
    console_options_t wanted = options(edit);
    begin_with(&wanted, 0);
}

static void type(const char *keys) {
    size_t size = strlen(keys);
    CHECK(t.in_size + size <= sizeof t.in);
    memcpy(t.in + t.in_size, keys, size);
    t.in_size += size;
    mk_fake_set_ready(IN_FD, READY_IN);
    settle();
}

static void end_input(void) {
    t.in_ends = true;
    mk_fake_set_ready(IN_FD, READY_IN);
    settle();
}

static void end(void) {
    CHECK(!t.screen.fault);
    runtime_destroy(t.rt);
    CHECK_EQ(t.freed, 1);
}

TEST(plain_lines_are_handled_one_after_the_other_and_the_end_says_goodbye) {
    begin(false);
    type("one\ntwo\r\n\nlast");
    CHECK_STR(t.heard, "attach;line:one;line:two;line:;");
    end_input();
    CHECK_STR(t.heard, "attach;line:one;line:two;line:;line:last;exit;");
    CHECK_STR(t.out, "<one>\n<two>\n<>\n<last>\nGoodbye.\n");
    CHECK_EQ(t.closed, 1);
    CHECK(t.closed_ok);
    CHECK(!actor_is_alive(t.rt, t.console));
    end();
}

TEST(a_plain_line_waits_until_the_one_before_it_is_handled) {
    begin(false);
    t.mute = true;
    type("one\ntwo\n");
    CHECK_STR(t.heard, "attach;line:one;");
    end_input();
    CHECK_STR(t.heard, "attach;line:one;");
    CHECK_EQ(t.closed, 0);
    actor_send(t.rt, t.console, MSG_CONSOLE_READY, NULL, 0); /* from somebody else: no answer */
    settle();
    CHECK_STR(t.heard, "attach;line:one;");
    end();
}

TEST(input_behind_exit_is_not_looked_at) {
    begin(false);
    type("exit\nmore\n");
    CHECK_STR(t.heard, "attach;line:exit;");
    CHECK_STR(t.out, "Goodbye.\n");
    CHECK_EQ(t.closed, 1);
    end();
}

TEST(input_that_cannot_be_watched_ends_the_session) {
    prepare();
    mk_fake_fail(MK_FAKE_POLLER_SET, 1);
    console_options_t wanted = options(false);
    begin_with(&wanted, 0);
    for (int i = 0; i < 3; i++) {
        mk_fake_advance_us(20000);
        settle();
    }
    CHECK_STR(t.out, "The input cannot be watched.\n");
    CHECK_EQ(t.closed, 1);
    CHECK(!t.closed_ok);
    end();
}

TEST(a_plain_line_that_is_too_long_is_skipped_whole) {
    static char text[9000];
    begin(false);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    type(text);
    type("tail\nnext\n");
    CHECK_STR(t.heard, "attach;line:next;");
    CHECK_STR(t.out, "A line longer than 4096 bytes was skipped.\n<next>\n");
    end();
}

TEST(a_plain_line_of_exactly_the_limit_is_accepted) {
    static char text[4096 + 3];
    begin(false);
    memset(text, 'x', 4096);
    strcpy(text + 4096, "\r\n");
    type(text);
    CHECK_EQ(strlen(t.heard), strlen("attach;line:;") + 64);
    end();
}

TEST(a_person_sees_a_prompt_after_each_answer) {
    begin(true);
    type("self\r");
    CHECK_STR(screen_text(&t.screen), "mk> self\n<self>\nmk>");
    type("exit\r");
    CHECK_STR(screen_text(&t.screen), "mk> self\n<self>\nmk> exit\nGoodbye.");
    CHECK_EQ(t.closed, 1);
    CHECK(t.closed_ok);
    end();
}

TEST(the_banner_comes_first_and_only_for_a_person) {
    prepare();
    console_options_t wanted = options(true);
    wanted.banner = "welcome\n";
    begin_with(&wanted, 0);
    CHECK_STR(screen_text(&t.screen), "welcome\nmk>");
    end();
    prepare();
    wanted = options(false);
    wanted.banner = "welcome\n";
    begin_with(&wanted, 0);
    CHECK_STR(t.out, "");
    end();
}

TEST(text_that_nobody_asked_for_does_not_break_the_line_being_typed) {
    begin(true);
    type("call ec");
    say("[message] type=1\n");
    settle();
    CHECK_STR(screen_text(&t.screen), "[message] type=1\nmk> call ec");
    type("ho\r");
    CHECK_STR(t.heard, "attach;line:call echo;");
    CHECK_STR(screen_text(&t.screen), "[message] type=1\nmk> call echo\n<call echo>\nmk>");
    end();
}

TEST(text_without_a_newline_does_not_run_into_the_prompt) {
    begin(true);
    say("dot");
    settle();
    CHECK_STR(screen_text(&t.screen), "dot\nmk>");
    end();
}

TEST(what_is_typed_ahead_is_taken_after_the_answer) {
    begin(true);
    t.mute = true;
    type("one\rtwo\rthr");
    CHECK_STR(t.heard, "attach;line:one;");
    t.mute = false;
    type("\x03"); /* forgets what was typed ahead */
    CHECK_STR(t.heard, "attach;line:one;interrupt;");
    type("three\r");
    CHECK_STR(t.heard, "attach;line:one;interrupt;line:three;");
    CHECK_STR(screen_text(&t.screen), "mk> one\n^C\nmk> three\n<three>\nmk>");
    end();
}

TEST(tab_asks_the_shell_and_typing_goes_on_behind_the_answer) {
    begin(true);
    t.words = "lookup\n";
    type("loo\techo\r");
    CHECK_STR(t.heard, "attach;complete:loo;line:lookup echo;");
    end();
}

TEST(ctrl_d_on_an_empty_line_leaves) {
    begin(true);
    type("x\x7f\x04");
    CHECK_STR(t.heard, "attach;exit;");
    CHECK_STR(screen_text(&t.screen), "mk>\nGoodbye.");
    CHECK_EQ(t.closed, 1);
    end();
}

TEST(a_terminal_that_goes_away_leaves_too) {
    begin(true);
    type("half a li");
    end_input();
    CHECK_STR(t.heard, "attach;exit;"); /* half a line is no order */
    CHECK_EQ(t.closed, 1);
    end();
}

TEST(a_shell_that_crashes_closes_the_console_and_the_reason_is_shown) {
    begin(true);
    type("crash\r");
    CHECK_STR(screen_text(&t.screen), "mk> crash\nThe shell has ended: trapped: unreachable");
    CHECK_EQ(t.closed, 1);
    CHECK(!t.closed_ok);
    end();
}

TEST(a_shell_that_is_gone_before_it_is_attached_closes_the_console) {
    prepare();
    console_options_t wanted = options(false);
    CHECK_EQ(console_start(t.rt, &wanted, &t.console), MK_OK);
    CHECK(console_attach(t.rt, t.console, actor_id_make(1, 77)));
    settle();
    CHECK_EQ(t.closed, 1);
    CHECK(!t.closed_ok);
    end();
}

TEST(control_characters_of_a_text_cannot_reach_the_terminal) {
    begin(true);
    say("a\x1b[2Jb\rc\xc2\x9b"
        "d\te\x7f\xc3\xa4\n");
    settle();
    CHECK(strstr(t.out, "a\\x1b[2Jb\\x0dc\xc2\\x9bd\te\\x7f\xc3\xa4\r\n") != NULL);
    runtime_destroy(t.rt);
}

TEST(a_pipe_gets_every_byte_as_it_is) {
    begin(false);
    say("a\x1b[2Jb\rc\x7f\n");
    settle();
    CHECK_STR(t.out, "a\x1b[2Jb\rc\x7f\n");
    runtime_destroy(t.rt);
}

TEST(a_slow_reader_gets_everything_in_the_end) {
    begin(false);
    t.out_room = 3;
    type("one\ntwo\n");
    CHECK_STR(t.out, "<on");
    t.out_room = 1;
    mk_fake_set_ready(OUT_FD, READY_OUT);
    settle();
    CHECK_STR(t.out, "<one");
    t.out_room = SIZE_MAX;
    mk_fake_set_ready(OUT_FD, READY_OUT);
    settle();
    CHECK_STR(t.out, "<one>\n<two>\n");
    end();
}

TEST(no_line_begins_while_much_is_waiting_to_be_shown) {
    static char text[70000];
    begin(false);
    t.out_room = 0;
    memset(text, '.', sizeof text - 1);
    say(text);
    settle();
    type("one\n");
    CHECK_STR(t.heard, "attach;");
    t.out_room = SIZE_MAX;
    mk_fake_set_ready(OUT_FD, READY_OUT);
    settle();
    CHECK_STR(t.heard, "attach;line:one;");
    end();
}

TEST(text_beyond_the_limit_is_dropped_and_the_reader_is_told_how_much) {
    prepare();
    console_options_t wanted = options(false);
    wanted.out_bytes_max = 16;
    begin_with(&wanted, 0);
    t.out_room = 0;
    say("0123456789\n");
    settle();
    say("lost lost\n");
    settle();
    t.out_room = SIZE_MAX;
    mk_fake_set_ready(OUT_FD, READY_OUT);
    settle();
    CHECK_STR(t.out, "0123456789\n[10 bytes were not shown]\n");
    end();
}

TEST(a_reader_that_goes_away_ends_the_session_and_the_shell) {
    begin(false);
    t.out_broken = true;
    type("one\n");
    CHECK_EQ(t.closed, 1);
    CHECK(!t.closed_ok);
    settle();
    CHECK(!actor_is_alive(t.rt, t.shell));
    end();
}

TEST(a_console_that_closes_waits_for_its_reader_but_not_for_ever) {
    begin(false);
    t.out_room = 2;
    type("exit\n");
    CHECK_EQ(t.closed, 0);
    for (int i = 0; i < 200 && t.closed == 0; i++) {
        mk_fake_advance_us(20000);
        settle();
    }
    CHECK_EQ(t.closed, 1);
    CHECK_STR(t.out, "Go");
    end();
}

TEST(a_line_that_the_shells_mailbox_refuses_is_sent_again) {
    prepare();
    console_options_t wanted = options(false);
    CHECK_EQ(console_start(t.rt, &wanted, &t.console), MK_OK);
    t.shell = actor_spawn(t.rt, shell, NULL, NULL, 1);
    strcpy(t.in, "one\n");
    t.in_size = 4;
    mk_fake_set_ready(IN_FD, READY_IN);
    CHECK(console_attach(t.rt, t.console, t.shell));
    CHECK(actor_send(t.rt, t.shell, 1, "x", 1)); /* fills the mailbox */
    for (int i = 0; i < 10; i++) {
        settle();
        mk_fake_advance_us(20000);
    }
    CHECK(strstr(t.heard, "line:one;") != NULL);
    end();
}

TEST(only_the_owner_and_the_shell_are_listened_to) {
    prepare();
    console_options_t wanted = options(false);
    wanted.io.read = NULL;
    begin_with(&wanted, 0);
    actor_id_t stranger = actor_spawn(t.rt, shell, NULL, NULL, 0);
    CHECK(console_attach(t.rt, t.console, stranger)); /* it has a shell: ignored */
    actor_send(t.rt, t.console, MSG_CONSOLE_EXIT, NULL, 0);
    actor_send(t.rt, t.console, MSG_CONSOLE_INPUT, "one\nt", 5);
    settle();
    CHECK_STR(t.heard, "attach;line:one;");
    actor_send(t.rt, t.console, MSG_CONSOLE_INPUT, "wo\n", 3);
    actor_send(t.rt, t.console, MSG_CONSOLE_INPUT, NULL, 0);
    settle();
    CHECK_STR(t.heard, "attach;line:one;line:two;exit;");
    end();
}

typedef struct pad {
    char   text[256];
    size_t size;
} pad_t;

static ptrdiff_t write_pad(void *arg, const void *data, size_t size) {
    pad_t *pad = arg;
    CHECK(pad->size + size < sizeof pad->text);
    memcpy(pad->text + pad->size, data, size);
    pad->size += size;
    return (ptrdiff_t)size;
}

static bool mirror(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    (void)state;
    if (msg->type != MSG_CONSOLE_LINE) return true;
    actor_send(rt, msg->source, MSG_CONSOLE_PRINT, msg->payload, msg->payload_size);
    actor_send(rt, msg->source, MSG_CONSOLE_READY, NULL, 0);
    return true;
}

TEST(several_consoles_keep_apart) {
    pad_t      pad[2] = {{.size = 0}};
    actor_id_t id[2];
    prepare();
    for (int i = 0; i < 2; i++) {
        console_options_t wanted = {.io = {.arg = &pad[i], .write = write_pad, .out_fd = -1}, .edit = i == 1};
        CHECK_EQ(console_start(t.rt, &wanted, &id[i]), MK_OK);
        CHECK(console_attach(t.rt, id[i], actor_spawn(t.rt, mirror, NULL, NULL, 0)));
    }
    actor_send(t.rt, id[0], MSG_CONSOLE_INPUT, "left\nha", 7);
    actor_send(t.rt, id[1], MSG_CONSOLE_INPUT, "right\r", 6);
    settle();
    actor_send(t.rt, id[0], MSG_CONSOLE_INPUT, "lf\n", 3);
    settle();
    CHECK_STR(pad[0].text, "lefthalf");
    CHECK(strstr(pad[1].text, "\r\nright\r\nmk> ") != NULL);
    CHECK(strstr(pad[1].text, "left") == NULL);
    runtime_destroy(t.rt);
}

TEST(the_shell_may_replace_the_history) {
    begin(true);
    type("old\r");
    actor_send(t.rt, t.console, MSG_CONSOLE_HISTORY, "x", 1); /* not from the shell: ignored */
    settle();
    type("\x1b[A");
    CHECK_STR(screen_text(&t.screen), "mk> old\n<old>\nmk> old");
    end();
}

TEST(a_console_starts_whole_or_not_at_all_without_memory) {
    for (unsigned n = 1;; n++) {
        prepare();
        console_options_t wanted = options(false);
        actor_id_t        id = ACTOR_ID_INVALID;
        oom_arm(n);
        mk_err_t err = console_start(t.rt, &wanted, &id);
        bool     failed = oom_disarm();
        CHECK(failed ? err == MK_ERR_NOMEM || err == MK_OK : err == MK_OK);
        CHECK_EQ(err == MK_OK, id != ACTOR_ID_INVALID);
        runtime_destroy(t.rt);
        CHECK_EQ(t.freed, err == MK_OK ? 1 : 0);
        if (!failed) break;
    }
}

TEST(a_session_survives_every_single_failed_allocation) {
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        prepare();
        console_options_t wanted = options(true);
        CHECK_EQ(console_start(t.rt, &wanted, &t.console), MK_OK);
        t.shell = actor_spawn(t.rt, shell, NULL, NULL, 0);
        t.words = "lookup\n";
        oom_arm(n);
        if (console_attach(t.rt, t.console, t.shell)) {
            type("one\rloo\techo\r\x1b[A\x1b[Aa\x1b[B\r");
            type("exit\r");
        }
        failed = oom_disarm();
        end();
    }
    CHECK_EQ(t.closed, 1); /* the last round, in which nothing failed */
    CHECK(t.closed_ok);
}

/* ---- how something goes ---- */

static void status(const char *text) {
    actor_id_t from = t.shell;
    CHECK_EQ(runtime_deliver(t.rt, from, t.console, MSG_CONSOLE_STATUS, text, strlen(text)), MK_OK);
    settle();
}

TEST(a_status_line_is_replaced_and_gone_with_the_next_output) {
    begin(true);
    t.mute = true;
    type("slow\r");
    status("10 %");
    CHECK_STR(screen_text(&t.screen), "mk> slow\n10 %");
    status("9 %");
    CHECK_STR(screen_text(&t.screen), "mk> slow\n9 %");
    say("news\n");
    settle();
    CHECK_STR(screen_text(&t.screen), "mk> slow\nnews");
    status("20 %");
    CHECK_STR(screen_text(&t.screen), "mk> slow\nnews\n20 %");
    status("");
    CHECK_STR(screen_text(&t.screen), "mk> slow\nnews");
    end();
}

TEST(a_status_line_is_for_terminals_while_a_line_is_being_handled) {
    begin(false);
    t.mute = true;
    type("slow\n");
    status("10 %");
    CHECK_STR(t.out, "");
    end();
    begin(true);
    status("10 %"); /* a person is typing */
    CHECK_STR(screen_text(&t.screen), "mk>");
    end();
}

TEST(a_status_line_cannot_reach_the_terminal_nor_leave_its_line) {
    begin(true);
    t.mute = true;
    type("slow\r");
    status("10 %\x1b[2J\nmore");
    CHECK_STR(screen_text(&t.screen), "mk> slow\n10 %");
    char wide[300];
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    status(wide);
    CHECK_EQ(t.screen.row, 1);
    end();
}
