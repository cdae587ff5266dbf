# SPDX-License-Identifier: Apache-2.0
"""Whose modules a node loads: mk sign and --trust, for everything that loads one. And what modules are called by: their hash."""
import hashlib
import os
import shutil
import stat
import tempfile
import unittest

import nodes
import rig
from nodes import Node, Shell, write_secret

ASK = 10  # tests/guests/versions.c
SECTION = 111  # bytes of a signature's section
UNSIGNED = "the module is not signed, and this node loads signed ones only"
ANOTHER = "the module is signed by a key this node does not trust"
ALTERED = "the module is not what was signed"
REFUSED = {"unsigned": UNSIGNED, "another": ANOTHER, "altered_code": ALTERED, "altered_name": ANOTHER, "altered_signature": ALTERED,
           "shorter": UNSIGNED, "longer": UNSIGNED}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if at >= 0 else flipped(data, len(data) + at)


def sha256(path):
    return hashlib.sha256(read(path)).hexdigest()


class Modules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mk-modules-")
        self.running = []

    def tearDown(self):
        for process in self.running:
            process.kill()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def shell(self, *args):
        self.running.append(Shell(*args))
        return self.running[-1]

    def well(self, *args):
        done = rig.run(*args)
        self.assertEqual((done.code, done.err), (0, ""), args)
        return done.out

    def fails(self, *args, says):
        done = rig.run(*args)
        self.assertNotEqual(done.code, 0, args)
        self.assertRegex(done.err, says)
        self.assertEqual(done.out, "")


class Signed(Modules):
    """A folder with a module as its maker signed it, and all the ways in which others are not that."""

    def setUp(self):
        super().setUp()
        self.keys = {}
        for name in ("maker", "other"):
            done = rig.run("sign", "new", self.path(name))
            if "no OpenSSL" in done.err:
                self.skipTest("this mk signs nothing")
            self.keys[name] = done.out.strip()
        os.mkdir(self.path("modules"))
        for name in ("good", "another"):
            shutil.copy(rig.guest("versions_2"), self.module(name))
        self.well("sign", "with", self.path("maker"), self.module("good"))
        self.well("sign", "with", self.path("other"), self.module("another"))
        good = read(self.module("good"))
        shutil.copy(rig.guest("versions_1"), self.module("unsigned"))
        write(self.module("altered_code"), flipped(good, (len(good) - SECTION) // 2))
        write(self.module("altered_name"), flipped(good, -65))  # the last byte of the key
        write(self.module("altered_signature"), flipped(good, -1))
        write(self.module("shorter"), good[:-1])
        write(self.module("longer"), good + b"\0\2\1x")
        shutil.copy(rig.guest("versions_1"), self.module("first"))
        self.well("sign", "with", self.path("maker"), self.module("first"))

    def module(self, name):
        return self.path("modules/%s.wasm" % name)

    def version(self, shell, name):
        return int(shell.ask("call %s %d" % (name, ASK)).split('size=12 "\\x')[1][:2], 16)

    def test_a_key_is_made_once_for_its_owner_alone(self):
        self.assertRegex(self.keys["maker"], "^[0-9a-f]{64}$")
        self.assertNotEqual(self.keys["maker"], self.keys["other"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path("maker")).st_mode), 0o600)
        before = read(self.path("maker"))
        self.fails("sign", "new", self.path("maker"), says="is there already")
        self.assertEqual(read(self.path("maker")), before)
        self.assertEqual(self.well("sign", "show", self.path("maker")).strip(), self.keys["maker"])
        os.chmod(self.path("maker"), 0o640)
        self.fails("sign", "show", self.path("maker"), says="others than its owner may read")
        self.fails("sign", "with", self.path("maker"), self.module("good"), says="others than its owner may read")
        self.fails("sign", "show", self.module("good"), says=": ")
        self.fails("sign", "with", self.path("maker"), says="Try 'mk sign --help'")

    def test_signing_again_replaces_the_signature_and_leaves_the_module(self):
        good, bare = read(self.module("good")), read(rig.guest("versions_2"))
        self.assertEqual((good[: len(bare)], len(good)), (bare, len(bare) + SECTION))
        self.well("sign", "with", self.path("maker"), self.module("good"))
        self.assertEqual(read(self.module("good")), good)
        self.well("sign", "with", self.path("other"), self.module("good"))
        self.assertEqual(read(self.module("good")), read(self.module("another")))

    def test_inspect_says_who_has_signed(self):
        for name, says in (("good", "by " + self.keys["maker"]), ("another", "by " + self.keys["other"]), ("unsigned", "no"),
                           ("altered_code", "by %s (wrong)" % self.keys["maker"])):
            out = rig.run("inspect", self.module(name)).out.splitlines()
            if name != "altered_code":  # that one may not even be a module
                self.assertIn("sha256 " + sha256(self.module(name)), out)
                self.assertIn("signed " + says, out)

    def test_load_takes_what_a_trusted_key_has_signed_and_nothing_else(self):
        write(self.path("maker.pub"), self.keys["maker"].encode() + b" # who builds our modules\n")
        for trust in (self.keys["maker"], self.path("maker.pub")):
            shell = self.shell("--trust", trust)
            for name, why in REFUSED.items():
                self.assertEqual(shell.ask("load " + self.module(name)), "Loading...\nload: not loaded: " + why, name)
            self.assertRegex(shell.ask("load " + self.module("good")), "Spawned actor [0-9]+ as 'good'")
            self.assertEqual(self.version(shell, "good"), 2)
            listed = shell.ask("modules").splitlines()
            self.assertEqual(len(listed), 3, listed)  # with this shell's own; of those refused nothing is left
            self.assertRegex(listed[2], "^%s +%d +1 +%s +%s$" % (sha256(self.module("good"))[:12], os.path.getsize(self.module("good")),
                                                                self.keys["maker"][:12], self.module("good")))

    def test_reload_takes_what_a_trusted_key_has_signed_and_nothing_else(self):
        shell = self.shell("--trust", self.keys["other"], "--trust", self.keys["maker"])
        shell.ask("load " + self.module("first"))
        for name, why in REFUSED.items():
            if name != "another":
                self.assertEqual(shell.ask("reload first " + self.module(name)), "reload: " + why, name)
                self.assertEqual(self.version(shell, "first"), 1)
        self.assertRegex(shell.ask("reload first " + self.module("another")), "^Reloaded actor")
        self.assertEqual(self.version(shell, "first"), 2)

    def test_what_comes_from_the_web_is_judged_as_well(self):
        pages = {"/%s.wasm" % name: read(self.module(name)) for name in ("unsigned", "good", "altered_code", "first")}
        with rig.Web(pages) as web:
            shell = self.shell("--trust", self.keys["maker"])
            self.assertIn("load: not loaded: " + UNSIGNED, shell.ask("load %s/unsigned.wasm" % web.url))
            self.assertIn("Spawned actor", shell.ask("load %s/good.wasm" % web.url))
            self.assertIn("%s/good.wasm" % web.url, shell.ask("modules"))
            self.assertIn("reload: " + ALTERED, shell.ask("reload good %s/altered_code.wasm" % web.url))
            self.assertIn("Reloaded actor", shell.ask("reload good %s/first.wasm" % web.url))

    def test_other_nodes_can_have_nothing_else_loaded(self):
        secret = write_secret(self.path("secret"), ("operator", nodes.new_key()))
        gateway = Node("--name", "gateway", "--secret", secret, "--modules", self.path("modules"), "--trust", self.keys["maker"],
                       self.module("first"), listen=["127.0.0.1:0"])
        self.running.append(gateway)
        shell = self.shell("--name", "desk", "--secret", secret)
        shell.ask("mount " + gateway.where[0])
        for name, why in REFUSED.items():
            done = rig.run("reload", "--secret", secret, gateway.where[0], "first", name)
            self.assertEqual((done.code, done.out), (1, ""), name)
            self.assertIn(why, done.err)
            self.assertIn(why, shell.ask("spawn gateway " + name))
        self.assertEqual(self.version(shell, "first"), 1)
        self.assertRegex(shell.ask("spawn gateway good"), "^Spawned actor")
        done = rig.run("reload", "--no-wait", "--secret", secret, gateway.where[0], "first", "good")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.version(shell, "first"), 2)

    def test_a_node_does_not_start_with_anything_else(self):
        self.fails("run", "--trust", self.keys["maker"], self.module("unsigned"), says=UNSIGNED)
        self.fails("node", "--trust", self.keys["maker"], self.module("altered_code"), says=ALTERED)
        self.fails("node", "--trust", self.keys["maker"][1:], self.module("good"), says="neither 64 hexadecimal digits")
        self.fails("node", "--trust", self.path("none"), self.module("good"), says="neither 64 hexadecimal digits")


class Hashes(Modules):
    def test_a_module_is_listed_once_with_its_guests_and_goes_with_the_last(self):
        shell = self.shell()
        for _ in range(3):
            shell.ask("load " + rig.guest("versions_1"))
        hash_1, hash_2 = (sha256(rig.guest(name)) for name in ("versions_1", "versions_2"))
        self.assertRegex(shell.ask("modules"), "(?m)^%s +[0-9]+ +3 +unsigned +.*versions_1.wasm$" % hash_1[:12])
        self.assertIn("sha256 %s\n" % hash_1, shell.ask("modules versions_1_2"))
        self.assertRegex(shell.ask("reload versions_1_1 " + rig.guest("versions_2")), "^Reloaded")
        self.assertIn("sha256 %s\n" % hash_2, shell.ask("modules versions_1_1"))
        for name in ("versions_1", "versions_1_2", "versions_1_1"):
            shell.ask("stop " + name)
        self.assertEqual(len(shell.ask("modules").splitlines()), 2)

    def test_what_is_loaded_can_be_named_by_its_hash(self):
        shell = self.shell()
        hash_1 = sha256(rig.guest("versions_1"))
        shell.ask("load " + rig.guest("versions_1"))
        self.assertRegex(shell.ask("load sha256:" + hash_1[:8]), "Spawned actor [0-9]+ as 'sha256:%s'" % hash_1[:8])
        self.assertRegex(shell.ask("reload versions_1 sha256:" + hash_1), "^Reloaded actor")
        for wrong, why in (("g", "not the beginning of a SHA-256"), ("", "not the beginning of a SHA-256"),
                           ("f" * 65, "not the beginning of a SHA-256"), ("0" * 64, "no such module is loaded")):
            self.assertIn("load: not loaded: sha256:%s: %s" % (wrong[:64], why), shell.ask("load sha256:" + wrong))
            self.assertIn("reload: sha256:%s: %s" % (wrong[:64], why), shell.ask("reload versions_1 sha256:" + wrong))

    def test_who_is_no_guest_has_none(self):
        shell = self.shell()
        self.assertEqual(shell.ask("modules console"), "modules: that actor is no guest of this node")
        self.assertEqual(shell.ask("modules 99"), "modules: there is no such actor")


if __name__ == "__main__":
    rig.main()
