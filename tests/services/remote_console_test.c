/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles over the fake network, in virtual time: the test is whoever connects; the shells are scripted. */
#include "microkernel/remote_console.h"

#include <stdlib.h>

#include "microkernel/actor.h"
#include "microkernel/console.h"
#include "microkernel/runtime.h"
#include "microkernel/supervision.h"
#include "port/fake/fake.h"
#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

#define TOKEN "correct horse battery"
enum { CLIENTS = 4 };

typedef struct client {
    int    fd;
    char   seen[200000];
    size_t seen_size;
    bool   ended;
} client_t;

static struct {
    runtime_t    *rt;
    actor_id_t    gate;
    socket_addr_t at;
    unsigned      shells, shells_ended;
    bool          no_shell;
    client_t      client[CLIENTS];
} t;

/* ---- a shell ---- */

static bool shell(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    switch (msg->type) {
    case MSG_CONSOLE_LINE:
        if (msg->payload_size == 4 && memcmp(msg->payload, "fail", 4) == 0) {
            actor_fail(rt, EXIT_USER, "as asked");
            return true;
        }
        if (msg->payload_size != 0) {
            actor_send(rt, msg->source, MSG_CONSOLE_PRINT, msg->payload, msg->payload_size);
            actor_send(rt, msg->source, MSG_CONSOLE_PRINT, "!\n", 2);
        }
        actor_send(rt, msg->source, MSG_CONSOLE_READY, NULL, 0);
        break;
    case MSG_CONSOLE_EXIT:
        actor_send(rt, msg->source, MSG_CONSOLE_PRINT, "Goodbye.\n", 9);
        actor_send(rt, msg->source, MSG_CONSOLE_EXIT, NULL, 0);
        break;
    default: break;
    }
    return true;
}

static void shell_free(void *state) {
    (void)state;
    t.shells_ended++;
}

static actor_id_t start_shell(runtime_t *rt, void *arg, unsigned number, actor_id_t console, char *why,
                              size_t why_size) {
    CHECK(arg == &t && console != ACTOR_ID_INVALID && number >= 1);
    if (t.no_shell) {
        snprintf(why, why_size, "there is none");
        return ACTOR_ID_INVALID;
    }
    actor_id_t id = actor_spawn(rt, shell, NULL, shell_free, 0);
    if (id != ACTOR_ID_INVALID) t.shells++;
    return id;
}

/* ---- the node and who connects ---- */

static remote_console_options_t options(const char *token) {
    return (remote_console_options_t){
        .token = token, .banner = "Welcome.\n", .start_shell = start_shell, .arg = &t, .sessions_max = 3};
}

static void begin_with(const remote_console_options_t *wanted) {
    mk_fake_reset(1);
    memset(&t, 0, sizeof t);
    for (int i = 0; i < CLIENTS; i++) t.client[i].fd = -1;
    t.rt = runtime_init(1, 0);
    CHECK(t.rt != NULL);
    CHECK_EQ(remote_console_start(t.rt, wanted, &t.gate, &t.at), MK_OK);
}

static void begin(const char *token) {
    remote_console_options_t wanted = options(token);
    begin_with(&wanted);
}

static void finish(void) {
    for (int i = 0; i < CLIENTS; i++)
        if (t.client[i].fd >= 0) mk_sock_close(t.client[i].fd);
    runtime_destroy(t.rt);
    CHECK_EQ(t.shells, t.shells_ended);
}

static void look(client_t *c) {
    while (c->fd >= 0 && !c->ended && c->seen_size < sizeof c->seen - 1) {
        ptrdiff_t got = mk_sock_read(c->fd, c->seen + c->seen_size, sizeof c->seen - 1 - c->seen_size);
        if (got == MK_IO_WAIT) break;
        if (got <= 0) c->ended = true;
        else c->seen_size += (size_t)got;
    }
    c->seen[c->seen_size] = '\0';
}

/* Lets `ms` go by. */
static void pass(unsigned ms) {
    for (uint64_t until = mk_port_now_us() + (uint64_t)ms * 1000; mk_port_now_us() < until;) {
        while (runtime_step(t.rt)) {}
        runtime_wait(t.rt, 1);
        for (int i = 0; i < CLIENTS; i++) look(&t.client[i]);
    }
}

static client_t *join(unsigned number) {
    client_t *c = &t.client[number];
    mk_addr_t to = {.family = MK_FAMILY_IPV4, .port = t.at.port, .ip = {127, 0, 0, 1}};
    CHECK_EQ(mk_sock_connect(&to, &c->fd), MK_OK);
    pass(20);
    return c;
}

static void type(client_t *c, const char *text) {
    size_t size = strlen(text);
    while (size != 0) {
        ptrdiff_t took = mk_sock_write(c->fd, &(mk_slice_t){text, size}, 1);
        if (took > 0) {
            text += took;
            size -= (size_t)took;
        } else {
            CHECK_EQ(took, MK_IO_WAIT);
        }
        pass(5);
    }
    pass(30);
}

static void forget(client_t *c) { c->seen_size = 0; }

/* ---- tests ---- */

TEST(without_a_token_loopback_has_a_session_at_once) {
    begin(NULL);
    client_t *c = join(0);
    CHECK_STR(c->seen, "Welcome.\nmk> ");
    type(c, "hello\n");
    CHECK_STR(c->seen, "Welcome.\nmk> hello!\nmk> ");
    type(c, "\n");
    CHECK_STR(c->seen, "Welcome.\nmk> hello!\nmk> mk> ");
    finish();
}

TEST(without_a_token_nothing_but_loopback_is_listened_on) {
    static const char *const hosts[] = {"0.0.0.0", "10.0.0.1", "::", "2001:db8::1", "nonsense"};
    mk_fake_reset(1);
    t.rt = runtime_init(1, 0);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        remote_console_options_t wanted = options(NULL);
        wanted.host = hosts[i];
        CHECK_EQ(remote_console_start(t.rt, &wanted, &t.gate, NULL), MK_ERR_DENIED);
    }
    CHECK_EQ(runtime_list_actors(t.rt, NULL, 0), 0);
    runtime_destroy(t.rt);
}

TEST(without_tls_nothing_but_loopback_is_listened_on_unless_said_so) {
    remote_console_options_t wanted = options("1234567890123456");
    mk_fake_reset(1);
    t.rt = runtime_init(1, 0);
    wanted.host = "0.0.0.0";
    CHECK_EQ(remote_console_start(t.rt, &wanted, &t.gate, NULL), MK_ERR_DENIED);
    CHECK_EQ(runtime_list_actors(t.rt, NULL, 0), 0);
    wanted.plain = true;
    CHECK_EQ(remote_console_start(t.rt, &wanted, &t.gate, NULL), MK_OK);
    wanted.token = NULL; /* that is another matter */
    CHECK_EQ(remote_console_start(t.rt, &wanted, &t.gate, NULL), MK_ERR_DENIED);
    runtime_destroy(t.rt);
}

TEST(a_token_that_is_easily_guessed_is_refused) {
    mk_fake_reset(1);
    t.rt = runtime_init(1, 0);
    remote_console_options_t wanted = options("123456789012345");
    CHECK_EQ(remote_console_start(t.rt, &wanted, &t.gate, NULL), MK_ERR_INVALID);
    char long_one[REMOTE_TOKEN_BYTES_MAX + 2];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    wanted.token = long_one;
    CHECK_EQ(remote_console_start(t.rt, &wanted, &t.gate, NULL), MK_ERR_TOOLONG);
    runtime_destroy(t.rt);
}

TEST(the_token_lets_in_and_what_is_typed_behind_it_is_not_lost) {
    begin(TOKEN);
    client_t *c = join(0);
    CHECK_STR(c->seen, "token: ");
    CHECK_EQ(t.shells, 0);
    type(c, TOKEN "\r\nfirst\nsecond\n");
    CHECK_STR(c->seen, "token: Welcome.\nmk> first!\nmk> second!\nmk> ");
    finish();
}

TEST(a_wrong_token_learns_nothing_waits_and_is_thrown_out_in_the_end) {
    begin(TOKEN);
    client_t *c = join(0);
    type(c, "correct horse batterz\n");
    CHECK_STR(c->seen, "token: That is not it.\ntoken: ");
    type(c, TOKEN TOKEN "\n"); /* longer, and begins right */
    CHECK_STR(c->seen, "token: That is not it.\ntoken: ");
    pass(300);
    CHECK_STR(c->seen, "token: That is not it.\ntoken: That is not it.\ntoken: ");
    type(c, "\n");
    pass(1000);
    CHECK(c->ended);
    CHECK_EQ(t.shells, 0);
    finish();
}

TEST(one_who_guesses_makes_others_wait_but_not_for_long) {
    begin(TOKEN);
    client_t *bad = join(0), *good = join(1);
    type(bad, "guess\nguess\n");
    type(good, TOKEN "\n");
    CHECK_STR(good->seen, "token: ");
    pass(6000);
    CHECK_STR(good->seen, "token: Welcome.\nmk> ");
    finish();
}

TEST(who_gives_no_token_is_not_waited_for) {
    begin(TOKEN);
    client_t *c = join(0);
    type(c, "half a tok");
    pass(31000);
    CHECK(c->ended);
    CHECK_STR(c->seen, "token: \nTime is up.\n");
    finish();
}

TEST(sessions_do_not_hear_each_other) {
    begin(NULL);
    client_t *a = join(0), *b = join(1);
    type(a, "one\n");
    type(b, "two\n");
    CHECK_STR(a->seen, "Welcome.\nmk> one!\nmk> ");
    CHECK_STR(b->seen, "Welcome.\nmk> two!\nmk> ");
    CHECK_EQ(t.shells, 2);
    finish();
}

TEST(one_too_many_is_told_and_a_place_comes_free) {
    begin(NULL);
    for (unsigned i = 0; i < 3; i++) join(i);
    client_t *late = join(3);
    CHECK_STR(late->seen, "Too many sessions; try again later.\n");
    mk_sock_close(late->fd);
    type(&t.client[0], "exit\n");
    mk_sock_finish(t.client[0].fd);
    pass(100);
    CHECK(t.client[0].ended);
    late->ended = false;
    forget(late);
    join(3);
    CHECK_STR(late->seen, "Welcome.\nmk> ");
    finish();
}

TEST(the_end_of_the_input_is_an_exit_behind_the_last_answer) {
    begin(NULL);
    client_t *c = join(0);
    forget(c);
    type(c, "last\n");
    mk_sock_finish(c->fd);
    pass(100);
    CHECK_STR(c->seen, "last!\nmk> \nGoodbye.\n");
    CHECK(c->ended);
    CHECK_EQ(t.shells_ended, 1);
    CHECK_EQ(runtime_list_actors(t.rt, NULL, 0), 1); /* the gate */
    finish();
}

TEST(a_peer_that_vanishes_takes_its_console_and_shell_along) {
    begin(NULL);
    client_t *c = join(0);
    type(c, "hello\n");
    mk_sock_reset(c->fd);
    c->fd = -1;
    pass(3000);
    CHECK_EQ(t.shells_ended, 1);
    CHECK_EQ(runtime_list_actors(t.rt, NULL, 0), 1);
    finish();
}

TEST(a_shell_that_fails_says_so_and_ends_the_session_alone) {
    begin(NULL);
    client_t *c = join(0), *other = join(1);
    forget(c);
    type(c, "fail\n");
    pass(3000);
    CHECK(strstr(c->seen, "The shell has ended: ") != NULL && strstr(c->seen, "as asked") != NULL);
    CHECK(c->ended);
    type(other, "still here\n");
    CHECK(strstr(other->seen, "still here!\n") != NULL);
    finish();
}

TEST(a_shell_that_cannot_be_started_is_explained) {
    begin(NULL);
    t.no_shell = true;
    client_t *c = join(0);
    pass(100);
    CHECK_STR(c->seen, "The session could not be started: there is none\n");
    CHECK(c->ended);
    finish();
}

TEST(more_than_fits_is_typed_and_nothing_of_it_is_lost) {
    begin(NULL);
    client_t *c = join(0);
    enum { LINES = 2000, LINE = 20 };
    char *text = malloc(LINES * LINE + 1);
    for (int i = 0; i < LINES; i++) snprintf(text + i * LINE, LINE + 1, "line %014d\n", i);
    forget(c);
    type(c, text);
    pass(200);
    const char *at = c->seen;
    for (int i = 0; i < LINES; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "line %014d!\n", i);
        at = strstr(at, wanted);
        CHECK(at != NULL);
    }
    free(text);
    finish();
}

TEST(a_text_from_elsewhere_is_shown_between_prompts) {
    begin(NULL);
    client_t  *c = join(0);
    actor_id_t ids[8];
    size_t     n = runtime_list_actors(t.rt, ids, 8);
    forget(c);
    for (size_t i = 0; i < n; i++)
        actor_send(t.rt, ids[i], MSG_CONSOLE_PRINT, "news\n", 5); /* only the console minds */
    pass(20);
    CHECK_STR(c->seen, "\nnews\nmk> ");
    finish();
}

TEST(telnet_negotiations_are_not_part_of_a_line) {
    begin(NULL);
    client_t *c = join(0);
    forget(c);
    type(c, "\xff\xfd\x03\xff\xfb\x18he\xff\xfd\x01llo\r\n");
    CHECK_STR(c->seen, "hello!\nmk> ");
    finish();
}

TEST(the_gates_end_ends_every_session) {
    begin(NULL);
    join(0), join(1);
    actor_stop(t.rt, t.gate);
    pass(3000);
    CHECK(t.client[0].ended && t.client[1].ended);
    CHECK_EQ(runtime_list_actors(t.rt, NULL, 0), 0);
    finish();
}

TEST(without_memory_a_session_is_refused_and_nothing_leaks) {
    for (unsigned n = 1;; n++) {
        mk_fake_reset(1);
        memset(&t, 0, sizeof t);
        for (int i = 0; i < CLIENTS; i++) t.client[i].fd = -1;
        t.rt = runtime_init(1, 0);
        remote_console_options_t wanted = options(TOKEN);
        if (!oom_arm(n)) break;
        mk_err_t err = remote_console_start(t.rt, &wanted, &t.gate, &t.at);
        if (err == MK_OK) {
            mk_addr_t to = {.family = MK_FAMILY_IPV4, .port = t.at.port, .ip = {127, 0, 0, 1}};
            if (mk_sock_connect(&to, &t.client[0].fd) == MK_OK) {
                pass(20);
                (void)mk_sock_write(t.client[0].fd, &(mk_slice_t){TOKEN "\nhello\nexit\n", sizeof TOKEN + 11}, 1);
                pass(100);
            }
        }
        bool reached = oom_disarm();
        pass(50);
        finish();
        if (!reached) break;
    }
}
