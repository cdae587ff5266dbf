# SPDX-License-Identifier: Apache-2.0
"""mk shell as a person has it: on a terminal, key by key."""
import os
import signal
import termios
import unittest

import rig

UP, LEFT = "\x1b[A", "\x1b[D"
PROMPT = r"mk> "


class Person(unittest.TestCase):
    def sit_down(self, *args, **kwargs):
        self.t = rig.Terminal("shell", *args, **kwargs)
        self.addCleanup(self.t.close)
        self.t.expect(r"microkernel [0-9.]+, node \S+ \(\d+\)")
        self.t.expect(PROMPT)
        return self.t

    def enter(self, line, answer):
        self.t.type(line + "\r")
        found = self.t.expect(answer)
        self.t.expect(PROMPT)
        return found

    def leave(self):
        self.t.type("exit\r")
        self.t.expect(r"Goodbye\.\r\n")
        self.assertEqual(self.t.wait(), 0)

    def screen(self):
        return rig.screen(self.t.text)

    def test_the_transcript(self):
        self.sit_down()
        self.enter("load " + rig.example("echo"), r"Loading\.\.\.\r\nSpawned actor 4294967299 as 'echo'\r\n")
        self.enter("call echo 200 hello", r'\r\n\[reply\] type=201 from=4294967299 size=5 "hello"\r\n')
        self.enter("stop echo", r"Stopped actor 4294967299\r\n")
        self.leave()
        self.assertEqual(self.screen()[-3:], ["mk> exit", "Goodbye.", ""])

    def test_a_long_download_tells_how_far_it_is_and_leaves_no_trace(self):
        self.sit_down()
        module = rig.read(rig.example("echo"))
        # A custom section that nobody reads makes it large: id 0, its size in five bytes, a name of no letters.
        padding = 1 << 20
        module += bytes([0] + [(padding >> 7 * i & 0x7F) | (0x80 if i < 4 else 0) for i in range(5)]) + bytes(padding)
        with rig.Web({"/slow.wasm": module}) as web:
            self.t.type("load %s/slow.wasm\r" % web.url)
            self.t.expect(r"Downloading 0 of 1024 KiB, 0 %")
            web.release(512 * 1024)
            self.t.expect(r"Downloading 512 of 1024 KiB, 49 %")
            web.release(len(module))
            self.t.expect(r"Downloaded %d bytes\r\nLoading\.\.\.\r\nSpawned actor 4294967299 as 'slow'\r\n" % len(module))
        self.leave()
        self.assertEqual([line for line in self.screen() if "Downloading" in line], [])

    def test_a_download_is_given_up_with_ctrl_c(self):
        self.sit_down()
        with rig.Web({"/slow.wasm": bytes(1000)}) as web:
            self.t.type("load %s/slow.wasm\r" % web.url)
            self.t.expect(r"Downloading 0 of 0 KiB, 0 %")
            self.t.type("\x03")
            self.t.expect(r"load: interrupted\r\n")
            self.t.expect(PROMPT)
            web.release(1000)
        self.leave()

    def test_a_line_is_edited_and_found_again_in_the_history(self):
        self.sit_down()
        self.t.type("slf" + LEFT + LEFT + "e")
        self.enter("", r"4294967298\r\n")
        self.t.type(UP)
        self.enter("", r"4294967298\r\n")
        self.enter("history", r" 1  self\r\n +2  self\r\n")
        self.enter("history clear", r"history clear.*\r\n")
        self.t.type(UP)
        self.t.expect("\a")  # nothing to go back to
        self.leave()

    def test_tab_completes_commands_and_names(self):
        self.sit_down()
        self.t.type("loa\t")
        self.t.expect("load ")
        self.enter(rig.example("counter"), "as 'counter'")
        self.t.type("stop cou\t")
        self.t.expect("stop counter ")
        self.enter("", "Stopped actor")
        self.t.type("h\t\t")
        self.t.expect(r"help +history")
        self.t.expect(PROMPT + "h")
        self.t.type("\x15")
        self.leave()

    def test_ctrl_c_leaves_the_line_and_ctrl_d_the_shell(self):
        self.sit_down()
        self.t.type("something wro\x03")
        self.t.expect(r"\^C\r\n")
        self.t.expect(PROMPT)
        self.enter("self", "4294967298")
        self.t.type("\x04")
        self.t.expect(r"Goodbye\.\r\n")
        self.assertEqual(self.t.wait(), 0)

    def test_ctrl_c_ends_the_waiting_for_an_answer(self):
        self.sit_down()
        self.enter("load " + rig.example("counter"), "as 'counter'")
        self.t.type("call counter 100\r")
        self.t.expect(r"call counter 100.*\r\n")
        self.t.type("\x03")
        self.t.expect(r"\^C\r\ncall: interrupted\r\n")
        self.t.expect(PROMPT)
        self.leave()

    def test_a_message_nobody_asked_for_leaves_the_line_being_typed_whole(self):
        self.sit_down()
        self.enter("load " + rig.example("sleeper"), "as 'sleeper'")
        self.enter("send sleeper 200 late", "Sent type=200 size=4 to 4294967299")
        self.t.type("call sle")
        self.t.expect(r'\[message\] type=201 from=4294967299 size=4 "late"\r\n')
        self.t.expect(PROMPT + "call sle")
        self.assertEqual(self.screen()[-2:], ['[message] type=201 from=4294967299 size=4 "late"', "mk> call sle"])
        self.t.type("eper 200 now\r")
        self.t.expect(r'\[reply\] type=201 from=4294967299 size=3 "now"')
        self.t.expect(PROMPT)
        self.leave()

    def test_the_terminal_is_left_as_it_was(self):
        self.sit_down()
        mode = self.t.mode()
        self.assertFalse(mode[3] & (termios.ECHO | termios.ICANON))
        self.leave()
        mode = self.t.mode()
        self.assertTrue(mode[3] & termios.ECHO)
        self.assertTrue(mode[3] & termios.ICANON)

    def test_the_terminal_is_left_as_it_was_after_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number):
                self.sit_down()
                os.kill(self.t.pid, number)
                self.assertNotEqual(self.t.wait(), 0)
                self.assertTrue(self.t.mode()[3] & termios.ECHO)

    def test_a_narrow_terminal_wraps_the_line(self):
        self.sit_down(columns=20)
        self.enter("register abcdefghijklmnopqrstuvwxyz", r"Registered actor 4294967298 as 'abcdefghijklmnopqrstuvwxyz'")
        self.t.type(UP + "\x01\x1b[C\x1b[C\x7f\x7f")
        self.t.type("\x15\x0b")
        self.leave()
        self.assertIn("mk> exit", self.t.text.replace("\x1b[J", ""))

    def test_guests_cannot_write_control_characters_to_the_terminal(self):
        self.sit_down()
        self.enter("load " + rig.example("echo"), "as 'echo'")
        self.enter("call echo 200 a\u009bb", r'"a\\xc2\\x9bb"|size=2 "ab"')
        self.leave()

    def test_without_a_capable_terminal_lines_are_plain(self):
        self.t = rig.Terminal("shell", env=rig.environment(TERM="dumb"))
        self.addCleanup(self.t.close)
        self.t.type("self\n")
        self.t.expect(r"4294967298\r\n")
        self.t.type("exit\n")
        self.t.expect(r"Goodbye\.\r\n")
        self.assertEqual(self.t.wait(), 0)
        self.assertNotIn("mk>", self.t.text)


if __name__ == "__main__":
    rig.main()
