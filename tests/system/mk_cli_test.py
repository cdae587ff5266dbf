# SPDX-License-Identifier: Apache-2.0
"""The command line of mk: exit codes, what goes to which output, help with an example on everything."""
import json
import subprocess
import unittest

import rig


class CommandLine(unittest.TestCase):
    def wrong(self, *args, says, env=None):
        done = rig.run(*args, env=env)
        self.assertEqual(done.code, 2, args)
        self.assertEqual(done.out, "", args)
        self.assertIn(says, done.err)

    def test_version(self):
        done = rig.run("--version")
        self.assertRegex(done.out, r"^mk \d+\.\d+\.\d+\n$")
        self.assertEqual((done.code, done.err), (0, ""))
        told = json.loads(rig.run("--version", "--json").out)
        self.assertEqual("mk %s\n" % told["version"], done.out)

    def test_help_has_an_example_everywhere(self):
        overview = rig.run("--help")
        self.assertEqual((overview.code, overview.err), (0, ""))
        self.assertIn("example:", overview.out)
        for command in ("shell", "run", "node", "nodes", "reload", "inspect", "secret", "cert", "sign"):
            self.assertRegex(overview.out, r"\n  %s +[A-Z].*\.\n" % command)
            done = rig.run(command, "--help")
            self.assertEqual((done.code, done.err), (0, ""))
            self.assertEqual(rig.run("help", command).out, done.out)
            self.assertIn("usage: mk " + command, done.out)
            self.assertIn("example:\n  mk " + command, done.out)

    def test_a_wrong_command_line_is_told_on_standard_error(self):
        self.wrong(says="usage: mk")
        self.wrong("fly", says="unknown command 'fly'")
        self.wrong("help", "fly", says="unknown command 'fly'")
        self.wrong("shell", "--fast", says="unknown option '--fast'")
        self.wrong("shell", "extra", says="unexpected 'extra'")
        self.wrong("shell", "--log", says="--log needs a value")
        self.wrong("shell", "--log=loud", says="'loud' is not a value for --log LEVEL")
        self.wrong("shell", "--trusted=yes", says="--trusted takes no value")
        self.wrong("shell", "--node-id", "0", says="--node-id")
        self.wrong("shell", "--node-id", "4294967296", says="--node-id")
        self.wrong("shell", "--node-id", "1x", says="--node-id")
        self.wrong("shell", "--name", "", says="--name")
        self.wrong("shell", "--name", "a/b", says="--name")
        self.wrong("shell", "--name", "x" * 32, says="--name")
        self.wrong("shell", "--name", "local", says="--name")
        self.wrong("shell", "--name", "...", says="--name")
        self.wrong("shell", "--budget-ms", "many", says="--budget-ms")
        self.wrong("node", "--listen", "", says="--listen")
        self.wrong("node", "--names", "mine", says="--names")
        self.wrong("nodes", "--wait", "0", says="--wait")
        self.wrong("nodes", "gateway", says="unexpected 'gateway'")
        self.wrong("run", "--engine=", rig.example("echo"), says="--engine")
        self.wrong("run", says="FILE.wasm... is missing")
        self.wrong("--version", "--jsno", says="--json")

    def test_a_wrong_environment_is_told_too(self):
        self.wrong("shell", says="MK_NODE_ID", env=rig.environment(MK_NODE_ID="-1"))
        self.wrong("shell", says="MK_NODE_NAME", env=rig.environment(MK_NODE_NAME="a b"))
        done = rig.run("shell", env=rig.environment(MK_AI_URL="localhost:11434/v1"))
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn("MK_AI_URL: 'localhost:11434/v1' is no address", done.err)

    def test_an_engine_that_there_is_not_is_told(self):
        for args in (["shell", "--engine", "steam"], ["run", "--engine", "steam", rig.example("echo")]):
            done = rig.run(*args)
            self.assertEqual((done.code, done.out), (1, ""))
            self.assertIn("no such engine", done.err)

    def test_inspect_lists_what_a_module_wants(self):
        done = rig.run("inspect", rig.example("echo"))
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertIn("import function env.mk_send (i64, i32, i32, i32) -> i32\n", done.out)
        self.assertIn("export function handle_message (i32, i64, i32, i32) -> i32\n", done.out)
        self.assertTrue(done.out.endswith("guest yes\n"))
        refused = rig.run("inspect", rig.guest("import_unknown"))
        self.assertEqual(refused.code, 1)
        self.assertIn("guest no: import env.mk_make_coffee: no such function\n", refused.out)

    def test_inspect_as_json_is_one_object_for_each_file(self):
        done = rig.run("inspect", "--json", rig.example("echo"), rig.guest("no_handler"), rig.MK)
        self.assertEqual(done.code, 1)
        self.assertIn(rig.MK, done.err)
        echo, no_handler = [json.loads(line) for line in done.out.splitlines()]
        self.assertTrue(echo["guest"])
        self.assertIn(
            {"entry": "import", "module": "env", "name": "mk_send", "kind": "function", "type": "(i64, i32, i32, i32) -> i32"},
            echo["entries"],
        )
        self.assertFalse(no_handler["guest"])
        self.assertIn("handle_message", no_handler["why"])

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([rig.MK, "--version"], stdout=full, stderr=subprocess.PIPE, timeout=rig.LIMIT_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


if __name__ == "__main__":
    rig.main()
