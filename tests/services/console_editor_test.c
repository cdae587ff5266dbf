/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_editor.h"

#include <stdlib.h>

#include "rig/rig.h"
#include "services/screen.h"

#define UP        "\x1b[A"
#define DOWN      "\x1b[B"
#define RIGHT     "\x1b[C"
#define LEFT      "\x1b[D"
#define HOME      "\x1b[H"
#define END       "\x1b[F"
#define DELETE    "\x1b[3~"
#define WORD_LEFT "\x1b[1;5D"

static mk_console_editor_t editor;
static screen_t            screen;

static void begin(unsigned columns) {
    screen_init(&screen, columns);
    mk_console_editor_init(&editor, "mk> ", screen_write, &screen);
    mk_console_editor_set_columns(&editor, columns);
    mk_console_editor_prompt(&editor);
}

static void end(void) {
    CHECK(!screen.fault);
    mk_console_editor_fini(&editor);
}

/* Types until the first event; the rest of `keys` is not fed. */
static mk_console_event_t type(const char *keys) {
    size_t taken;
    return mk_console_editor_feed(&editor, (const uint8_t *)keys, strlen(keys), &taken);
}

static mk_console_event_t type_slowly(const char *keys) {
    mk_console_event_t event = CONSOLE_EVENT_NONE;
    for (; *keys != '\0' && event == CONSOLE_EVENT_NONE; keys++) {
        size_t taken;
        event = mk_console_editor_feed(&editor, (const uint8_t *)keys, 1, &taken);
    }
    return event;
}

static const char *line(void) {
    static char text[CONSOLE_LINE_BYTES_MAX + 1];
    memcpy(text, editor.line, editor.size);
    text[editor.size] = '\0';
    return text;
}

static void complete(const char *words) { mk_console_editor_complete(&editor, words, strlen(words)); }

TEST(enter_gives_the_line_and_leaves_it_on_the_screen) {
    begin(80);
    CHECK_EQ(type("list\r"), CONSOLE_EVENT_LINE);
    CHECK_STR(line(), "list");
    CHECK_STR(screen_text(&screen), "mk> list");
    CHECK_EQ(screen.row, 1);
    CHECK_EQ(screen.column, 0);
    end();
}

TEST(bytes_behind_an_event_are_left_for_later) {
    size_t taken;
    begin(80);
    CHECK_EQ(mk_console_editor_feed(&editor, (const uint8_t *)"a\rb\r", 4, &taken), CONSOLE_EVENT_LINE);
    CHECK_EQ(taken, 2);
    end();
}

TEST(editing_in_the_middle_changes_line_and_screen_alike) {
    begin(80);
    type_slowly("hllo" LEFT LEFT LEFT "e" END " wrld" LEFT LEFT LEFT "o");
    CHECK_STR(line(), "hello world");
    CHECK_STR(screen_text(&screen), "mk> hello world");
    CHECK_EQ(screen.column, 4 + 8);
    type(HOME DELETE DELETE "\x1b[C\x7f");
    CHECK_STR(line(), "lo world");
    CHECK_STR(screen_text(&screen), "mk> lo world");
    CHECK_EQ(screen.column, 4);
    end();
}

TEST(emacs_keys_cut_and_move) {
    begin(80);
    type("one two three\x17");
    CHECK_STR(line(), "one two ");
    type("\x01\x06\x06\x06\x0b");
    CHECK_STR(line(), "one");
    type("\x02\x15");
    CHECK_STR(line(), "e");
    type("\x05 x y" WORD_LEFT "\033d");
    CHECK_STR(line(), "e x ");
    type("\x01\x04");
    CHECK_STR(line(), " x ");
    CHECK_STR(screen_text(&screen), "mk>  x");
    end();
}

TEST(the_cursor_moves_by_whole_characters) {
    begin(80);
    type("a\xc3\xa4\xe4\xb8\xad"
         "b" LEFT LEFT LEFT "|");
    CHECK_STR(line(), "a|\xc3\xa4\xe4\xb8\xad"
                      "b");
    CHECK_EQ(screen.column, 4 + 2);
    type(RIGHT RIGHT "\x7f");
    CHECK_STR(line(), "a|\xc3\xa4"
                      "b");
    CHECK_STR(screen_text(&screen), "mk> a|\xc3\xa4"
                                    "b");
    end();
}

TEST(a_line_longer_than_a_row_wraps_and_can_be_edited) {
    begin(10);
    type_slowly("abcdefghijklmnopqrst");
    CHECK_STR(screen_text(&screen), "mk> abcdef\nghijklmnop\nqrst");
    type_slowly(HOME "X");
    CHECK_STR(screen_text(&screen), "mk> Xabcde\nfghijklmno\npqrst");
    CHECK_EQ(screen.row, 0);
    CHECK_EQ(screen.column, 5);
    type_slowly(END "\x15");
    CHECK_STR(screen_text(&screen), "mk>");
    CHECK_EQ(screen.row, 0);
    end();
}

TEST(a_row_that_is_exactly_full_puts_the_cursor_on_the_next) {
    begin(10);
    type_slowly("abcdef");
    CHECK_EQ(screen.row, 1);
    CHECK_EQ(screen.column, 0);
    type_slowly("g");
    CHECK_STR(screen_text(&screen), "mk> abcdef\ng");
    type_slowly("\x7f\x7f");
    CHECK_STR(screen_text(&screen), "mk> abcde");
    CHECK_EQ(screen.row, 0);
    CHECK_EQ(type("f\r"), CONSOLE_EVENT_LINE);
    CHECK_STR(screen_text(&screen), "mk> abcdef");
    end();
}

TEST(a_wide_character_is_never_split_over_two_rows) {
    begin(10);
    type_slowly("abcde\xe4\xb8\xad"
                "x" LEFT LEFT);
    CHECK_STR(screen_text(&screen), "mk> abcde\n\xe4\xb8\xad"
                                    "x");
    CHECK_EQ(screen.row, 0);
    CHECK_EQ(screen.column, 9);
    type_slowly("\x7f");
    CHECK_STR(screen_text(&screen), "mk> abcd\xe4\xb8\xad\nx");
    end();
}

TEST(ctrl_c_leaves_the_line_and_begins_another) {
    begin(80);
    CHECK_EQ(type("abc" LEFT LEFT "\x03"), CONSOLE_EVENT_NONE);
    CHECK_STR(screen_text(&screen), "mk> abc^C\nmk>");
    CHECK_EQ(type("x\r"), CONSOLE_EVENT_LINE);
    CHECK_STR(line(), "x");
    end();
}

TEST(ctrl_d_leaves_only_on_an_empty_line) {
    begin(80);
    CHECK_EQ(type("ab" LEFT "\x04"), CONSOLE_EVENT_NONE);
    CHECK_STR(line(), "a");
    CHECK_EQ(type("\x04"), CONSOLE_EVENT_NONE); /* nothing right of the cursor */
    CHECK_EQ(type("\x7f\x04"), CONSOLE_EVENT_LEAVE);
    end();
}

TEST(ctrl_l_clears_the_screen_and_keeps_the_line) {
    begin(80);
    type("first\r");
    mk_console_editor_prompt(&editor);
    type("second" LEFT "\x0c");
    CHECK_STR(screen_text(&screen), "mk> second");
    CHECK_EQ(screen.row, 0);
    CHECK_EQ(screen.column, 4 + 5);
    end();
}

static void enter(const char *text) {
    type(text);
    CHECK_EQ(type("\r"), CONSOLE_EVENT_LINE);
    mk_console_editor_prompt(&editor);
}

TEST(the_cursor_keys_walk_through_what_was_entered) {
    begin(80);
    enter("one");
    enter("two");
    enter("two"); /* not kept twice */
    enter("");    /* not kept at all */
    type("draft" UP);
    CHECK_STR(line(), "two");
    type(UP);
    CHECK_STR(line(), "one");
    CHECK_EQ(screen.bells, 0);
    type(UP);
    CHECK_STR(line(), "one");
    CHECK_EQ(screen.bells, 1);
    type(DOWN DOWN);
    CHECK_STR(line(), "draft");
    type(DOWN);
    CHECK_EQ(screen.bells, 2);
    end();
}

TEST(a_line_from_the_history_is_edited_as_a_copy) {
    begin(80);
    enter("call echo 200");
    type(UP " hello");
    CHECK_EQ(type("\r"), CONSOLE_EVENT_LINE);
    CHECK_STR(line(), "call echo 200 hello");
    mk_console_editor_prompt(&editor);
    type(UP UP);
    CHECK_STR(line(), "call echo 200");
    end();
}

TEST(the_history_forgets_its_oldest_line_first) {
    char text[24];
    begin(80);
    for (int i = 0; i < CONSOLE_HISTORY_LINES_MAX + 5; i++) {
        snprintf(text, sizeof text, "line %d", i);
        enter(text);
    }
    for (int i = 0; i < CONSOLE_HISTORY_LINES_MAX; i++) type(UP);
    CHECK_STR(line(), "line 5");
    CHECK_EQ(screen.bells, 0);
    end();
}

TEST(tab_completes_a_single_candidate_with_a_space) {
    begin(80);
    CHECK_EQ(type("sto\t"), CONSOLE_EVENT_COMPLETE);
    complete("stop");
    CHECK_STR(line(), "stop ");
    CHECK_EQ(type("ec\t"), CONSOLE_EVENT_COMPLETE);
    complete("echo");
    CHECK_STR(line(), "stop echo ");
    CHECK_STR(screen_text(&screen), "mk> stop echo");
    end();
}

TEST(tab_goes_as_far_as_candidates_agree_and_then_lists_them) {
    begin(80);
    type("l\t");
    complete("load\nlookup\nlocal");
    CHECK_STR(line(), "lo");
    CHECK_EQ(screen.bells, 0);
    type("\t");
    complete("load\nlookup\nlocal");
    CHECK_STR(line(), "lo");
    CHECK_STR(screen_text(&screen), "mk> lo\nload    lookup  local\nmk> lo");
    CHECK_EQ(screen.column, 4 + 2);
    end();
}

TEST(the_first_tab_that_changes_nothing_rings_and_the_second_lists) {
    begin(80);
    type("\t");
    complete("help\nlist");
    CHECK_EQ(screen.bells, 1);
    CHECK_STR(screen_text(&screen), "mk>");
    type("\t");
    complete("help\nlist");
    CHECK_STR(screen_text(&screen), "mk>\nhelp  list\nmk>");
    end();
}

TEST(a_list_of_candidates_keeps_to_the_width_of_the_screen) {
    begin(12);
    type("e\t");
    complete("e1\ne2\ne3\ne4");
    type("\t");
    complete("e1\ne2\ne3\ne4");
    CHECK_STR(screen_text(&screen), "mk> e\ne1  e2  e3\ne4\nmk> e");
    end();
}

TEST(candidates_do_not_split_a_character_they_share_half_of) {
    begin(80);
    type("x\t");
    complete("x\xc3\xa4\nx\xc3\xb6");
    CHECK_STR(line(), "x");
    end();
}

TEST(no_candidate_or_an_outdated_one_rings) {
    begin(80);
    type("zz\t");
    complete("");
    complete("list");
    CHECK_STR(line(), "zz");
    CHECK_EQ(screen.bells, 2);
    end();
}

TEST(completion_in_the_middle_of_a_line_does_not_add_a_second_space) {
    begin(80);
    type("st echo" HOME RIGHT RIGHT "\t");
    complete("stop");
    CHECK_STR(line(), "stop echo");
    CHECK_EQ(editor.cursor, 4);
    end();
}

TEST(other_output_goes_above_the_line_being_typed) {
    begin(10);
    type("abcdefghij" LEFT LEFT LEFT LEFT LEFT LEFT);
    mk_console_editor_hide(&editor);
    screen_write(&screen, "hi\r\n", 4);
    mk_console_editor_show(&editor);
    CHECK_STR(screen_text(&screen), "hi\nmk> abcdef\nghij");
    CHECK_EQ(screen.row, 1);
    CHECK_EQ(screen.column, 8);
    end();
}

TEST(a_line_that_is_too_long_is_refused_and_said_so) {
    begin(80);
    for (int i = 0; i < CONSOLE_LINE_BYTES_MAX; i++) type("x");
    CHECK_EQ(screen.bells, 0);
    type("y");
    CHECK_EQ(screen.bells, 1);
    CHECK_EQ(editor.size, CONSOLE_LINE_BYTES_MAX);
    CHECK_EQ(type("\r"), CONSOLE_EVENT_NONE);
    CHECK(strstr(screen_text(&screen), "longer than 4096 bytes") != NULL);
    CHECK_EQ(type("ok\r"), CONSOLE_EVENT_LINE);
    CHECK_STR(line(), "ok");
    end();
}

TEST(a_line_of_exactly_the_limit_is_accepted) {
    begin(80);
    for (int i = 0; i < CONSOLE_LINE_BYTES_MAX; i++) type("x");
    CHECK_EQ(type("\r"), CONSOLE_EVENT_LINE);
    CHECK_EQ(editor.size, CONSOLE_LINE_BYTES_MAX);
    end();
}

TEST(whatever_is_typed_the_screen_shows_the_line) {
    static const char *const keys[] = {"a",    "b ",   "\xc3\xa4", "\xe4\xb8\xad", "e\xcc\x81", LEFT,   RIGHT,   UP,
                                       DOWN,   HOME,   END,        DELETE,         "\x7f",      "\x17", "\033d", "\r",
                                       "\x03", "\xff", "\x1b[",    "word"};
    srand(1);
    for (unsigned columns = 8; columns < 20; columns++) {
        begin(columns);
        for (int i = 0; i < 500; i++) {
            if (type(keys[(size_t)rand() % (sizeof keys / sizeof *keys)]) == CONSOLE_EVENT_LINE) {
                mk_console_editor_prompt(&editor);
            }
            if (editor.size > 60) type("\x15\x0b");
            screen_t fresh; /* the same line on an empty screen must look the same, seen from its end */
            screen_init(&fresh, columns);
            mk_console_editor_t copy = editor;
            copy.sink_arg = &fresh;
            copy.shown = false;
            mk_console_editor_show(&copy);
            const char *want = screen_text(&fresh), *have = screen_text(&screen);
            CHECK(strlen(have) >= strlen(want));
            CHECK_STR(have + strlen(have) - strlen(want), want);
            CHECK_EQ(screen.column, fresh.column);
        }
        end();
    }
}
