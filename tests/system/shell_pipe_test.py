# SPDX-License-Identifier: Apache-2.0
"""mk shell driven by a script through pipes and files: lines in, exactly these lines out."""
import os
import subprocess
import tempfile
import unittest

import rig

# The node's own actors have the highest numbers of the first table.
SERVICES = "4294967358  /node/local/desk\n4294967359  /node/local/caps\n4294967360  ns\n"


def shell(text, *args, **kwargs):
    return rig.run("shell", *args, stdin=text, **kwargs)


def plainly(command, **kwargs):
    return subprocess.run(command, capture_output=True, timeout=rig.LIMIT_S, env=rig.environment(), **kwargs)


class Transcript(unittest.TestCase):
    def talk_to_echo(self, name):
        if not os.path.exists(rig.example(name)):
            self.skipTest(name + ".wasm was not built")
        done = shell("load %s\ncall %s 200 hello\nstop %s\nexit\n" % (rig.example(name), name, name))
        self.assertEqual(
            done.out,
            "Loading...\n"
            "Spawned actor 4294967299 as '%s'\n"
            '[reply] type=201 from=4294967299 size=5 "hello"\n'
            "Stopped actor 4294967299\n"
            "Goodbye.\n" % name,
        )
        self.assertEqual(done.err, "")
        self.assertEqual(done.code, 0)

    def test_echo_in_c(self):
        self.talk_to_echo("echo")

    def test_echo_in_rust(self):
        self.talk_to_echo("echo-rust")

    def test_echo_in_zig(self):
        self.talk_to_echo("echo-zig")

    def test_echo_in_go(self):
        self.talk_to_echo("echo-go")


class Commands(unittest.TestCase):
    def check(self, lines, expected, code=0, **kwargs):
        done = shell(lines, **kwargs)
        self.assertEqual(done.out, expected)
        self.assertEqual(done.code, code)
        return done

    def test_the_end_of_the_input_is_an_exit(self):
        self.check("self\n", "4294967298\nGoodbye.\n")
        self.check("", "Goodbye.\n")

    def test_a_last_line_needs_no_newline_and_line_ends_may_be_crlf(self):
        self.check("self\r\n\r\nself", "4294967298\n4294967298\nGoodbye.\n")

    def test_names_are_numbered(self):
        echo = rig.example("echo")
        self.check(
            "load %s\nload %s\nlist\nlookup echo_1\n" % (echo, echo),
            "Loading...\nSpawned actor 4294967299 as 'echo'\n"
            "Loading...\nSpawned actor 4294967300 as 'echo_1'\n"
            "ID          NAME\n"
            "4294967297  console\n"
            "4294967298  shell\n"
            "4294967299  echo\n"
            "4294967300  echo_1\n"
            + SERVICES +
            "echo_1 is actor 4294967300\n"
            "Goodbye.\n",
        )

    def test_identity_comes_from_options_and_environment(self):
        expected = "actor 30064771074 'shell' on node 7 'box'\nGoodbye.\n"
        self.check("whoami\n", expected, env=rig.environment(MK_NODE_ID="7", MK_NODE_NAME="box"))
        done = shell("whoami\n", "--node-id", "7", "--name=box", env=rig.environment(MK_NODE_ID="9"))
        self.assertEqual(done.out, expected)

    def test_an_unknown_command_points_at_help(self):
        self.check("fly me\n", "Unknown command \"fly\"; 'help' lists what there is.\nGoodbye.\n")

    def test_help_has_every_command(self):
        done = shell("help\n")
        names = [line.split()[0] for line in done.out.splitlines()[:-1]]
        self.assertEqual(
            sorted(names),
            sorted(("help list self whoami load send call stop register lookup history exit "
                    "ls mount umount nodes caps spawn put get del keys sql queue ai embed reload modules").split()),
        )
        for name in names:
            self.assertIn(name, shell("help %s\n" % name).out)

    def test_wrong_usage_shows_the_right_one(self):
        self.check(
            "stop\ncall echo\nlist all\nhistory x\n",
            "usage: stop <name-or-id>\nusage: call <name-or-id> <type> [payload]\nusage: list\n"
            "usage: history [clear]\nGoodbye.\n",
        )

    def test_nobody_there(self):
        self.check(
            "call nobody 1\nsend 99x 1\nstop nobody\nstop 99\nlookup nobody\n",
            'call: there is no actor "nobody"\nsend: there is no actor "99x"\nstop: there is no actor "nobody"\n'
            'stop: there is no actor 99\nlookup: there is no actor "nobody"\nGoodbye.\n',
        )

    def test_a_send_to_a_dead_id_says_so(self):
        done = shell("send 4294967399 1 x\n")
        self.assertRegex(done.out, r"^send: the message was refused: .+\nGoodbye\.\n$")

    def test_message_types_are_32_bits_in_either_base_and_sign(self):
        echo = rig.example("echo")
        done = shell("load %s\ncall echo 0xc8 a\ncall echo -20000000 b\ncall echo 4294967296 c\ncall echo x d\n" % echo)
        self.assertEqual(
            done.out.splitlines()[2:],
            [
                '[reply] type=201 from=4294967299 size=1 "a"',
                '[reply] type=4274967297 from=4294967299 size=1 "b"',
                'call: "4294967296" is not a message type: a number of 32 bits, decimal or 0x...',
                'call: "x" is not a message type: a number of 32 bits, decimal or 0x...',
                "Goodbye.",
            ],
        )

    def test_a_payload_is_the_rest_of_the_line_and_is_shown_unambiguously(self):
        done = shell(b"load %s\ncall echo 200 {\"a\": 1}  \t\xc3\xa4\xff\\\x01z\n" % rig.example("echo").encode())
        self.assertIn('size=17 "{\\"a\\": 1}  \\t\u00e4\\xff\\\\\\x01z"\n', done.out)

    def test_the_longest_line_is_answered_and_a_longer_one_refused(self):
        load = "load %s\n" % rig.example("echo")
        call = "call echo 200 "
        payload = "x" * (4096 - len(call))
        done = shell(load + call + payload + "\n" + call + payload + "y\n")
        self.assertIn('size=%d "%s"\n' % (len(payload), payload), done.out)
        self.assertIn("A line longer than 4096 bytes was skipped.\n", done.out)

    def test_this_shell_and_its_console_are_not_stopped(self):
        text = "stop: this shell and its console end with 'exit'\n"
        self.check("stop shell\nstop 4294967298\nstop console\nself\n", text * 3 + "4294967298\nGoodbye.\n")

    def test_this_shell_is_not_given_another_module(self):
        echo = rig.example("echo")
        text = "reload: this shell and its console end with 'exit'\n"
        self.check("reload shell %s\nreload 4294967298 %s\nself\n" % (echo, echo), text * 2 + "4294967298\nGoodbye.\n")

    def test_a_name_for_the_shell_is_given_once(self):
        done = shell("register me\nlookup me\nregister me\n")
        self.assertRegex(
            done.out,
            r"^Registered actor 4294967298 as 'me'\nme is actor 4294967298\nregister: not registered: .+\nGoodbye\.\n$",
        )

    def test_history_and_forgetting_it(self):
        self.check(
            "self\nhistory\nhistory clear\nhistory\n",
            "4294967298\n   1  self\n   2  history\n   1  history\nGoodbye.\n",
        )

    def test_a_url_is_downloaded_and_loaded(self):
        with rig.Web({"/files/echo.wasm": rig.read(rig.example("echo"))}) as web:
            size = len(web.pages["/files/echo.wasm"])
            self.check(
                "load {0}/files/echo.wasm?version=2\ncall echo 200 hello\nload {0}/files/echo.wasm\nstop echo\n".format(web.url),
                "Downloaded %d bytes\nLoading...\nSpawned actor 4294967299 as 'echo'\n"
                '[reply] type=201 from=4294967299 size=5 "hello"\n'
                "Downloaded %d bytes\nLoading...\nSpawned actor 4294967300 as 'echo_1'\n"
                "Stopped actor 4294967299\nGoodbye.\n" % (size, size),
            )

    def test_a_module_larger_than_the_shell_is_downloaded_too(self):
        if not os.path.exists(rig.example("echo-go")):
            self.skipTest("echo-go.wasm was not built")
        with rig.Web({"/echo-go.wasm": rig.read(rig.example("echo-go"))}) as web:
            done = shell("load %s/echo-go.wasm\ncall echo-go 200 hello\n" % web.url)
        self.assertIn('size=5 "hello"\n', done.out)

    def test_downloads_that_fail_say_why(self):
        with rig.Web({"/no.wasm": b"<html>not a module</html>"}) as web:
            done = shell("load {0}/missing.wasm\nload {0}/no.wasm\nload {0}/cut.wasm\nself\n".format(web.url))
            lines = done.out.splitlines()
            self.assertEqual(lines[0], "load: not downloaded: the server answers 404")
            self.assertEqual(lines[1:3], ["Downloaded 25 bytes", "Loading..."])
            self.assertRegex(lines[3], "^load: not loaded: .+")
            self.assertRegex(lines[4], "^load: not downloaded: .+")
            self.assertEqual(lines[5:], ["4294967298", "Goodbye."])
        done = shell("load %s/echo.wasm\nload http://\nload http://name.invalid/x.wasm\n" % web.url)
        for line in done.out.splitlines()[:-1]:
            self.assertRegex(line, "^load: not downloaded: .+")


class BadDays(unittest.TestCase):
    def test_files_that_are_no_guests(self):
        empty = tempfile.NamedTemporaryFile(suffix=".wasm")
        self.addCleanup(empty.close)
        for path, says in [
            ("/nowhere/x.wasm", "x.wasm"),
            (rig.BUILD, rig.BUILD + ": it is a folder"),
            (rig.BUILD + "//", ": it is a folder"),
            ("/dev/zero", "/dev/zero: not a file that can be read"),
            (empty.name, "it is empty"),
            (rig.MK, "not a WebAssembly module"),
            (rig.guest("no_handler"), "handle_message"),
            (rig.guest("import_unknown"), "mk_make_coffee"),
        ]:
            with self.subTest(path):
                done = shell("load %s\nself\n" % path)
                lines = done.out.splitlines()
                self.assertEqual(lines[0], "Loading...")
                self.assertRegex(lines[1], "^load: not loaded: .+")
                self.assertIn(says, lines[1])
                self.assertEqual(lines[2:], ["4294967298", "Goodbye."])

    def test_a_guest_that_traps_is_reported_and_the_node_goes_on(self):
        done = shell("load %s\ncall traps 10\nlist\n" % rig.guest("traps"))
        lines = done.out.splitlines()
        self.assertRegex(lines[2], r"^\[exit\] traps \(4294967299\) trapped: .+")
        self.assertEqual(lines[3], "call: the actor ended before it answered")
        self.assertEqual(lines[4:], ["ID          NAME", "4294967297  console", "4294967298  shell", *SERVICES.splitlines(), "Goodbye."])

    def test_a_guest_that_loops_runs_out_of_its_budget(self):
        done = shell("load %s\ncall loop 1\nself\n" % rig.guest("loop"), "--budget-ms=50")
        lines = done.out.splitlines()
        self.assertRegex(lines[2], r"^\[exit\] loop \(4294967299\) ran out of its time budget")
        self.assertEqual(lines[-2:], ["4294967298", "Goodbye."])

    def test_a_guest_nobody_trusts_has_a_budget_without_being_asked(self):
        done = shell("load %s\ncall loop 1\nself\n" % rig.guest("loop"))
        self.assertIn("ran out of its time budget", done.out)

    def test_a_guest_that_prints_without_end_takes_no_line_from_the_others(self):
        echo = rig.example("echo")
        calls = "".join("call echo 200 %d\n" % i for i in range(20))
        done = shell("load %s\nload %s\n%sstop chatter\n" % (rig.guest("chatter"), echo, calls))
        said = [line for line in done.out.splitlines() if line != "x"]
        self.assertEqual([line for line in said if "not shown" in line], [], said)
        self.assertEqual(said[4:24], ['[reply] type=201 from=4294967300 size=%d "%d"' % (len(str(i)), i) for i in range(20)])
        self.assertEqual(said[24:], ["Stopped actor 4294967299", "Goodbye."])

    def test_a_guest_without_an_answer_is_waited_for_five_seconds(self):
        done = shell("load %s\ncall counter 100\nself\n" % rig.example("counter"))
        self.assertEqual(done.out.splitlines()[2:], ["call: no reply within 5 s", "4294967298", "Goodbye."])

    def test_input_may_be_a_file_or_nothing_at_all(self):
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "mk-shell-input-%d" % os.getpid())
        with open(path, "w") as f:
            f.write("self\n" * 3000)
        try:
            with open(path) as f:
                done = plainly([rig.MK, "shell"], stdin=f)
            self.assertEqual(done.stdout, b"4294967298\n" * 3000 + b"Goodbye.\n")
        finally:
            os.unlink(path)
        done = plainly([rig.MK, "shell"], stdin=subprocess.DEVNULL)
        self.assertEqual((done.stdout, done.returncode), (b"Goodbye.\n", 0))
        done = plainly('"%s" shell <&-' % rig.MK, shell=True)
        self.assertEqual((done.stdout, done.returncode), (b"Goodbye.\n", 0))

    def test_a_reader_that_goes_away_ends_the_session(self):
        script = "while :; do echo help; done 2>/dev/null | '%s' shell | head -n 1" % rig.MK
        done = plainly(["sh", "-c", script])
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_a_slow_reader_gets_every_line(self):
        script = "yes help | head -n 2000 | '%s' shell | { sleep 1; cat; }" % rig.MK
        done = plainly(["sh", "-c", script])
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 2000 * 28 + 1)
        self.assertEqual(lines[-1], b"Goodbye.")


if __name__ == "__main__":
    rig.main()
