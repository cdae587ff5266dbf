/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_text.h"

#include "rig/rig.h"

static int width(const char *text) { return mk_console_char_width(text, strlen(text)); }

TEST(a_character_is_as_wide_as_terminals_show_it) {
    CHECK_EQ(width("a"), 1);
    CHECK_EQ(width("\xc3\xa4"), 1);         /* a umlaut         */
    CHECK_EQ(width("\xe4\xb8\xad"), 2);     /* a Chinese one    */
    CHECK_EQ(width("\xf0\x9f\x98\x80"), 2); /* a smiling face   */
    CHECK_EQ(width("\xcc\x81"), 0);         /* combining accent */
    CHECK_EQ(width("\xf0\xaf\xbf\xbd"), 2);
}

TEST(what_is_not_one_printable_character_has_no_width) {
    CHECK_EQ(width(""), -1);
    CHECK_EQ(width("ab"), -1);
    CHECK_EQ(width("\x1b"), -1);
    CHECK_EQ(width("\x7f"), -1);
    CHECK_EQ(width("\xc2\x9b"), -1);         /* a C1 control        */
    CHECK_EQ(width("\xc0\xaf"), -1);         /* overlong            */
    CHECK_EQ(width("\xe0\x80\xaf"), -1);     /* overlong            */
    CHECK_EQ(width("\xed\xa0\x80"), -1);     /* a surrogate         */
    CHECK_EQ(width("\xf4\x90\x80\x80"), -1); /* beyond the last one */
    CHECK_EQ(width("\xe4\xb8"), -1);
    CHECK_EQ(width("\xff"), -1);
}

TEST(stepping_over_characters_lands_on_their_boundaries) {
    const char *text = "a\xc3\xa4\xe4\xb8\xad";
    CHECK_EQ(mk_console_next_char(text, 6), 1);
    CHECK_EQ(mk_console_next_char(text + 1, 5), 2);
    CHECK_EQ(mk_console_next_char(text + 3, 3), 3);
    CHECK_EQ(mk_console_prev_char(text, 6), 3);
    CHECK_EQ(mk_console_prev_char(text, 3), 1);
    CHECK_EQ(mk_console_prev_char(text, 1), 0);
}

TEST(stepping_over_broken_bytes_goes_one_at_a_time) {
    CHECK_EQ(mk_console_next_char("\xe4\xb8", 2), 1);
    CHECK_EQ(mk_console_next_char("\xffzz", 3), 1);
    CHECK_EQ(mk_console_next_char("", 0), 0);
    CHECK_EQ(mk_console_prev_char("\x80\x80\x80", 3), 2);
    CHECK_EQ(mk_console_prev_char("a\x80", 2), 1);
}

TEST(words_are_offered_only_when_they_match_and_can_be_shown) {
    const char  words[] = "echo\n\ncounter\necho_1\nec\x1b[2Jho\n";
    const char *at = words, *end = words + sizeof words - 1, *word;
    size_t      size;
    word = mk_console_next_word(&at, end, "ec", 2, &size);
    CHECK(word != NULL && size == 4 && memcmp(word, "echo", 4) == 0);
    word = mk_console_next_word(&at, end, "ec", 2, &size);
    CHECK(word != NULL && size == 6 && memcmp(word, "echo_1", 6) == 0);
    CHECK(mk_console_next_word(&at, end, "ec", 2, &size) == NULL);
}
