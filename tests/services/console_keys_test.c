/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_keys.h"

#include "rig/rig.h"

/* The keys in `bytes`, as many as `max`; the decoder is fed byte by byte, as if each came by its own read. */
static size_t decode(const char *bytes, size_t size, mk_console_key_t *found, size_t max) {
    mk_console_keys_t keys;
    size_t            n = 0;
    mk_console_keys_init(&keys);
    for (size_t i = 0; i < size; i++) {
        mk_console_key_t key = mk_console_keys_feed(&keys, (uint8_t)bytes[i]);
        if (key != CONSOLE_KEY_NONE && n < max) found[n++] = key;
    }
    return n;
}

static mk_console_key_t only(const char *bytes) {
    mk_console_key_t key[2] = {CONSOLE_KEY_NONE};
    return decode(bytes, strlen(bytes), key, 2) == 1 ? key[0] : CONSOLE_KEY_NONE;
}

TEST(cursor_keys_of_every_terminal_mode_are_known) {
    CHECK_EQ(only("\x1b[A"), CONSOLE_KEY_UP);
    CHECK_EQ(only("\x1bOA"), CONSOLE_KEY_UP);
    CHECK_EQ(only("\x1b[B"), CONSOLE_KEY_DOWN);
    CHECK_EQ(only("\x1b[C"), CONSOLE_KEY_RIGHT);
    CHECK_EQ(only("\x1bOD"), CONSOLE_KEY_LEFT);
    CHECK_EQ(only("\x1b[1;5C"), CONSOLE_KEY_WORD_RIGHT);
    CHECK_EQ(only("\x1b[1;5D"), CONSOLE_KEY_WORD_LEFT);
    CHECK_EQ(only("\x1b"
                  "b"),
             CONSOLE_KEY_WORD_LEFT);
}

TEST(home_end_and_delete_have_many_spellings) {
    CHECK_EQ(only("\x1b[H"), CONSOLE_KEY_HOME);
    CHECK_EQ(only("\x1b[1~"), CONSOLE_KEY_HOME);
    CHECK_EQ(only("\x1b[7~"), CONSOLE_KEY_HOME);
    CHECK_EQ(only("\x1bOF"), CONSOLE_KEY_END);
    CHECK_EQ(only("\x1b[4~"), CONSOLE_KEY_END);
    CHECK_EQ(only("\x1b[3~"), CONSOLE_KEY_DELETE);
}

TEST(unknown_sequences_are_swallowed_whole) {
    CHECK_EQ(only("\x1b[15~"), CONSOLE_KEY_NONE);
    CHECK_EQ(only("\x1b[200~"), CONSOLE_KEY_NONE); /* the start of a bracketed paste */
    CHECK_EQ(only("\x1b[?1;2c"), CONSOLE_KEY_NONE);
    CHECK_EQ(only("\x1b[99999999999999999999A"), CONSOLE_KEY_UP);
    CHECK_EQ(only("\x1b[1;2;3;4;5;6A"), CONSOLE_KEY_UP);
}

TEST(a_sequence_that_is_cut_off_does_not_swallow_the_next_key) {
    CHECK_EQ(only("\x1b\r"), CONSOLE_KEY_ENTER);
    CHECK_EQ(only("\x1b[\r"), CONSOLE_KEY_ENTER);
    CHECK_EQ(only("\x1bO\r"), CONSOLE_KEY_ENTER);
    CHECK_EQ(only("\xe4\xb8\r"), CONSOLE_KEY_ENTER);
    CHECK_EQ(only("\x1b\x1b[A"), CONSOLE_KEY_UP);
    CHECK_EQ(only("\x1b[1\x1b[A"), CONSOLE_KEY_UP);
}

TEST(carriage_return_and_line_feed_together_are_one_enter) {
    mk_console_key_t keys[4];
    CHECK_EQ(decode("\r\n", 2, keys, 4), 1);
    CHECK_EQ(decode("\n", 1, keys, 4), 1);
    CHECK_EQ(decode("\r\r\n\n", 4, keys, 4), 3);
}

TEST(a_character_arrives_whole_and_broken_ones_not_at_all) {
    mk_console_keys_t keys;
    mk_console_keys_init(&keys);
    CHECK_EQ(mk_console_keys_feed(&keys, 0xE4), CONSOLE_KEY_NONE);
    CHECK_EQ(mk_console_keys_feed(&keys, 0xB8), CONSOLE_KEY_NONE);
    CHECK_EQ(mk_console_keys_feed(&keys, 0xAD), CONSOLE_KEY_TEXT);
    CHECK_EQ(keys.size, 3);
    CHECK(memcmp(keys.bytes, "\xe4\xb8\xad", 3) == 0);
    CHECK_EQ(only("\xff"), CONSOLE_KEY_NONE);
    CHECK_EQ(only("\x80"), CONSOLE_KEY_NONE);
    CHECK_EQ(only("\xc0\xaf"), CONSOLE_KEY_NONE);
    CHECK_EQ(only("\xc2\x9b"), CONSOLE_KEY_NONE); /* a C1 control is no text */
    CHECK_EQ(only("\xed\xa0\x80"), CONSOLE_KEY_NONE);
}
