# SPDX-License-Identifier: Apache-2.0
"""mk reload: another module for a guest of a node that runs, asked for by a second process; and how list shows it."""
import os
import re
import shutil
import socket
import tempfile
import time
import unittest

import nodes
import rig
from nodes import Node, Shell, write_secret

TAKEN = "taken, on probation: 10 messages or 5 s\n"
ASK = 10  # tests/guests/versions.c answers with its version, how often it was asked, and what it keeps


def version(answer):
    found = re.search(r'size=12 "\\x(\d\d)', answer)
    return int(found.group(1), 16) if found else answer


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mk-reload-")
        self.running = []
        self.modules = self.path("modules")
        os.mkdir(self.modules)
        for name in ("versions_1", "versions_2", "versions_3_traps_at_once", "versions_3_greedy"):
            shutil.copy(rig.guest(name), self.modules)
        with open(os.path.join(self.modules, "broken.wasm"), "wb") as f:
            f.write(b"\0asm\1\0\0\0\7")
        keys = {role: nodes.new_key() for role in ("observer", "member", "operator")}
        self.all = write_secret(self.path("all"), *keys.items())
        self.secrets = {role: write_secret(self.path(role), (role, key)) for role, key in keys.items()}

    def tearDown(self):
        for process in self.running:
            process.kill()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def node(self, *args, **more):
        self.running.append(Node("--name", "gateway", *args, self.path("modules/versions_1.wasm"), **more))
        return self.running[-1]

    def shell(self, *args):
        self.running.append(Shell(*args))
        return self.running[-1]

    def gateway(self, *args):
        return self.node("--secret", self.all, "--modules", self.modules, *args, listen=["127.0.0.1:0"])

    def reload(self, *args, role="operator"):
        return rig.run("reload", "--secret", self.secrets[role], *args)

    def check_failed(self, done, says):
        self.assertEqual((done.code, done.out), (1, ""), done.err)
        self.assertRegex(done.err, "^mk reload: %s\n$" % says)

    def test_an_operator_gives_a_guest_another_module(self):
        gateway = self.gateway()
        where = gateway.where[0]
        desk = self.shell("--name", "desk", "--secret", self.secrets["operator"])
        self.assertEqual(desk.ask("mount " + where), "Mounted /node/gateway")
        guest = desk.names()["versions_1"]
        self.assertEqual(version(desk.ask("call versions_1 %d" % ASK)), 1)
        done = self.reload("--no-wait", where, "versions_1", "versions_2")
        self.assertEqual((done.code, done.out), (0, TAKEN), done.err)
        self.assertEqual(version(desk.ask("call versions_1 %d" % ASK)), 2)
        self.assertEqual(desk.names()["versions_1"], guest)
        for _ in range(10):
            desk.ask("call versions_1 %d" % ASK)
        gateway.expect("its new module stays", gateway.err)

        for name in ("/versions_1", "/node/gateway/versions_1", str(guest), hex(guest)):
            done = self.reload("--no-wait", where, name, "versions_2")
            self.assertEqual((done.code, done.out), (0, TAKEN), name + done.err)
        self.assertEqual(list(desk.nodes()), ["gateway"])

    def begin(self, *more):
        """A gateway and a shell of another node that is linked with it."""
        gateway = self.gateway(*more)
        desk = self.shell("--name", "desk", "--secret", self.secrets["operator"])
        self.assertEqual(desk.ask("mount " + gateway.where[0]), "Mounted /node/gateway")
        return gateway, desk

    def waiting(self, gateway, module):
        """mk reload that waits for what comes of it."""
        self.running.append(nodes.Process("reload", "--secret", self.secrets["operator"], gateway.where[0], "versions_1", module))
        self.running[-1].expect("^" + TAKEN.strip() + "$")
        return self.running[-1]

    def check_end(self, waiting, code, says):
        self.assertEqual(waiting.process.wait(rig.LIMIT_S), code)
        for thread in waiting.threads:
            thread.join()
        self.assertEqual((len(waiting.out), waiting.err), (2, []))
        self.assertRegex(waiting.out[1], "^%s$" % says)

    def test_one_that_shows_that_it_works_is_kept(self):
        gateway, desk = self.begin()
        waiting = self.waiting(gateway, "versions_2")
        self.assertEqual({version(desk.ask("call versions_1 %d" % ASK)) for _ in range(10)}, {2})
        self.check_end(waiting, 0, "kept")
        waiting = self.waiting(gateway, "versions_1")  # and without any message it is its time that counts
        began = time.monotonic()
        self.check_end(waiting, 0, "kept")
        self.assertGreater(time.monotonic() - began, 3)

    def test_one_that_turns_out_bad_is_taken_back(self):
        gateway, desk = self.begin()
        waiting = self.waiting(gateway, "versions_3_traps_at_once")
        self.assertEqual(version(desk.ask("call versions_1 %d" % ASK)), 1)
        self.check_end(waiting, 1, "undone: .*unreachable.*")
        gateway.expect("its new module is taken back: .*unreachable", gateway.err)

    def test_one_that_is_not_decided_says_why(self):
        gateway, desk = self.begin()
        first = self.waiting(gateway, "versions_2")
        second = self.waiting(gateway, "versions_1")
        self.check_end(first, 1, "overtaken: another reload came before it was decided")
        self.assertRegex(desk.ask("stop versions_1"), "^Stopped actor")
        self.check_end(second, 1, "not decided: the actor has ended")
        nodes.until("it to be started again", lambda: version(desk.ask("call versions_1 %d" % ASK)) == 1)
        third = self.waiting(gateway, "versions_2")
        gateway.kill()
        self.check_end(third, 1, "not decided: the link has ended")

    def test_a_shell_of_another_node_is_told_as_well(self):
        _, desk = self.begin()
        guest = desk.names()["versions_1"]
        self.assertEqual(desk.ask("reload versions_1 versions_3_traps_at_once"), "Reloaded actor %d; on probation: 10 messages or 5 s" % guest)
        self.assertEqual(version(desk.ask("call versions_1 %d" % ASK)), 1)
        desk.expect(r"^\[reload\] actor %d: the new module was taken back: .*unreachable" % guest)
        desk.ask("reload versions_1 versions_2")
        desk.ask("reload versions_1 versions_2")
        desk.expect(r"^\[reload\] actor %d: the new module is gone: another reload came before it was decided" % guest)
        for _ in range(10):
            desk.ask("call versions_1 %d" % ASK)
        desk.expect(r"^\[reload\] actor %d: the new module stays" % guest)

    def test_what_cannot_be_is_told_and_changes_nothing(self):
        where = self.gateway().where[0]
        for role in ("observer", "member"):
            self.check_failed(self.reload(where, "versions_1", "versions_2", role=role), "gateway: not permitted: the role does not allow it")
        self.check_failed(self.reload(where, "nobody", "versions_2"), "gateway shows no actor named 'nobody'")
        self.check_failed(self.reload(where, "4294967299", "versions_2"), "'4294967299' is no actor of gateway")
        self.check_failed(self.reload(where, "versions_1", "versions_9"), "gateway: no module 'versions_9': No such file or directory")
        self.check_failed(self.reload(where, "versions_1", "../modules/versions_2"), "gateway: not the name of a module")
        self.check_failed(self.reload(where, "versions_1", "x" * 300), "x+: not asked: the name is too long")
        self.check_failed(self.reload(where, "versions_1", "broken"), "gateway: .+")
        self.check_failed(
            self.reload(where, "versions_1", "versions_3_greedy"), "gateway: the new module imports mk_spawn_wasm, for which this guest has no grant")
        self.check_failed(self.reload(where, "caps", "versions_2"), "gateway: that actor is no guest")
        desk = self.shell("--name", "desk", "--secret", self.secrets["member"])
        self.assertEqual(desk.ask("mount " + where), "Mounted /node/gateway")
        self.assertEqual(version(desk.ask("call versions_1 %d" % ASK)), 1)

    def test_the_shell_of_a_console_stays_what_it_is(self):
        box = self.shell("--name", "box", "--secret", self.all, "--modules", self.modules, "--serve", "127.0.0.1:0")
        found, _ = box.expect(r"listens on (?:tcp:)?(\S+)$", box.out)
        own = box.ask("self").splitlines()[-1]
        done = self.reload(found.group(1), own, "versions_2", role="operator")
        self.check_failed(done, "box: that actor is the shell of a console")
        self.assertEqual(box.ask("self"), own)

    def test_a_node_without_modules_for_others_says_so(self):
        where = self.node("--secret", self.all, listen=["127.0.0.1:0"]).where[0]
        self.check_failed(self.reload(where, "versions_1", "versions_2"), "gateway: .*this node has no modules for others.*")

    def test_a_node_that_cannot_be_reached_is_told_with_the_reason(self):
        where = self.gateway().where[0]
        stranger = write_secret(self.path("stranger"), ("operator", nodes.new_key()))
        self.check_failed(rig.run("reload", "--secret", stranger, where, "versions_1", "versions_2"), "not linked with %s: .+" % where)
        with socket.socket() as bound:  # and nobody listens there
            bound.bind(("127.0.0.1", 0))
            nowhere = "127.0.0.1:%d" % bound.getsockname()[1]
            self.check_failed(self.reload(nowhere, "a", "b"), "not linked with %s: .+" % nowhere)
            began = time.monotonic()
            self.check_failed(self.reload("--wait", "2", nowhere, "a", "b"), "not linked with %s: .+" % nowhere)
            self.assertGreater(time.monotonic() - began, 1.9)
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls and says nothing
            mute = "127.0.0.1:%d" % silent.getsockname()[1]
            self.check_failed(self.reload("--wait", "1", mute, "a", "b"), "not linked with %s: no answer within 1 s" % mute)
        self.check_failed(self.reload("not a place", "a", "b"), "not linked with not a place: .+")
        done = rig.run("reload", "--secret", self.path("missing"), where, "a", "b")
        self.assertEqual(done.code, 1)
        self.assertIn("mk reload: --secret %s: No such file or directory\n" % self.path("missing"), done.err)

    def test_a_node_that_is_just_starting_is_waited_for(self):
        socket_path = "unix:" + self.path("socket")
        late = nodes.Process("reload", "--wait", "50", socket_path, "versions_1", "versions_2")
        self.running.append(late)
        self.node("--modules", self.modules, listen=[socket_path])
        self.assertEqual(late.process.wait(rig.LIMIT_S), 1)  # over a socket without a secret it is a member
        self.assertRegex(late.log(), "gateway: not permitted")

    def test_the_command_line_is_three_words(self):
        for words in ([], ["a"], ["a", "b"], ["a", "b", "c", "d"]):
            self.assertEqual(rig.run("reload", *words).code, 2, words)

    def test_list_says_how_a_guest_fares(self):
        shell = self.shell("--name", "desk", "--node-id", "4000000000")
        self.assertEqual(shell.ask("load " + self.path("modules/versions_1.wasm")).splitlines()[0], "Loading...")

        def line():
            lines = shell.ask("list").splitlines()
            for text in lines[1:]:
                self.assertRegex(text, r"^\d+  \S")
            return [text.split(None, 2)[2:] for text in lines if "versions_1" in text][0]

        self.assertEqual(line(), [])
        shell.ask("reload versions_1 " + self.path("modules/versions_2.wasm"))
        self.assertEqual(line(), ["on probation"])
        for _ in range(10):
            shell.ask("call versions_1 %d" % ASK)
        self.assertEqual(line(), ["1 reload"])
        shell.ask("reload versions_1 " + self.path("modules/versions_3_traps_at_once.wasm"))
        self.assertEqual(version(shell.ask("call versions_1 %d" % ASK)), 2)
        self.assertEqual(line(), ["1 reload, new module taken back"])

    def test_one_that_computes_without_end_is_taken_back(self):
        shell = self.shell("--name", "desk", "--budget-ms", "200")
        shell.ask("load " + self.path("modules/versions_1.wasm"))
        self.assertRegex(shell.ask("reload versions_1 " + rig.guest("versions_3_loops")), "^Reloaded actor [0-9]+; on probation")
        self.assertEqual([version(shell.ask("call versions_1 %d" % ASK)) for _ in range(3)], [3, 1, 1])
        shell.expect(r"^\[reload\] actor \d+: the new module was taken back: .* for more than 200 ms")


if __name__ == "__main__":
    rig.main()
