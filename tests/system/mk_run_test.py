# SPDX-License-Identifier: Apache-2.0
"""mk run: guests below a supervisor until a signal."""
import signal
import subprocess
import tempfile
import threading
import unittest

import rig


class Node:
    """mk run with its standard error being read line by line."""

    def __init__(self, *args, stdout=subprocess.PIPE):
        self.process = subprocess.Popen(
            [rig.MK, "run", *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
            env=rig.environment(),
        )
        self.timer = threading.Timer(rig.LIMIT_S, self.process.kill)
        self.timer.start()
        self.lines = []

    def expect(self, what):
        for line in self.process.stderr:
            self.lines.append(line)
            if what in line:
                return line
        raise AssertionError("ended before %r: %s" % (what, "".join(self.lines)))

    def end(self):
        self.lines += self.process.stderr.readlines()
        self.out = self.process.stdout.read() if self.process.stdout else ""
        code = self.process.wait()
        self.timer.cancel()
        self.process.stderr.close()
        if self.process.stdout:
            self.process.stdout.close()
        return code


class Run(unittest.TestCase):
    def test_guests_run_until_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                node = Node("--log=debug", rig.example("counter"), rig.example("echo"), rig.example("echo"))
                node.expect("running")
                node.process.send_signal(number)
                self.assertEqual(node.end(), 0, node.lines)
                self.assertEqual(node.out, "")

    def test_a_guest_that_ends_is_started_again(self):
        node = Node(rig.guest("trap_initialize"), rig.example("echo"))
        self.assertIn("ended: trapped", node.expect("'trap_initialize'"))
        self.assertIn("restarted", node.expect("'trap_initialize'"))
        self.assertIn("ended: trapped", node.expect("'trap_initialize'"))
        node.process.send_signal(signal.SIGINT)
        self.assertEqual(node.end(), 0, node.lines)
        self.assertNotIn("'echo'", "".join(line for line in node.lines if "trapped" in line))

    def test_output_that_nobody_reads_does_not_hold_up_the_node(self):
        node = Node(rig.guest("printer"))
        node.expect("printed a lot")  # by then more than a pipe holds
        node.process.send_signal(signal.SIGINT)
        self.assertIsNone(node.process.poll())
        node.process.wait(rig.LIMIT_S / 2)
        self.assertEqual(node.end(), 0, node.lines)
        self.assertEqual(set(node.out), {"p", "\n"})

    def test_all_that_is_printed_is_read_by_who_reads(self):
        with tempfile.TemporaryFile("w+") as file:
            node = Node(rig.guest("printer"), stdout=file)
            node.expect("printed a lot")
            node.process.send_signal(signal.SIGINT)
            self.assertEqual(node.end(), 0, node.lines)
            file.seek(0)
            out = file.read()
        self.assertGreaterEqual(len(out), 40 * 50000)
        self.assertEqual(set(out.splitlines()), {"p" * 99})

    def test_a_guest_that_meddles_with_the_nodes_own_actors_changes_nothing(self):
        node = Node(rig.guest("meddler"), rig.example("echo"))
        node.expect("meddled")
        node.process.send_signal(signal.SIGINT)
        self.assertEqual(node.end(), 0, node.lines)
        self.assertNotIn("ended", "".join(node.lines))

    def test_a_file_that_is_no_guest_is_a_failure_that_names_it(self):
        for path, says in [
            ("/nowhere.wasm", "/nowhere.wasm: No such file"),
            (rig.guest("no_handler"), "handle_message"),
            (rig.BUILD, rig.BUILD + ": Is a directory"),
            ("/dev/null", "/dev/null: neither a file nor a folder"),
        ]:
            done = rig.run("run", rig.example("echo"), path)
            self.assertEqual((done.code, done.out), (1, ""))
            self.assertIn(says, done.err)


if __name__ == "__main__":
    rig.main()
