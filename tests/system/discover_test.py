# SPDX-License-Identifier: Apache-2.0
"""Nodes that announce themselves (mDNS), in two network namespaces joined by a cable. Skipped where such cannot be made."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import nodes
import rig
from nodes import Node, until, write_secret

A, B = ("mkd%d-%s" % (os.getpid(), name) for name in "ab")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def setUpModule():
    if "not in this build" in rig.run("nodes", "--wait", "1").err:
        raise unittest.SkipTest("no mDNS in this build (MK_MDNS)")
    try:
        for name in (A, B):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "e0", "netns", A, "type", "veth", "peer", "name", "e0", "netns", B)
        for name, address in ((A, "10.98.0.1/24"), (B, "10.98.0.2/24")):
            ip("-n", name, "addr", "add", address, "dev", "e0")
            ip("-n", name, "link", "set", "e0", "up")
            ip("-n", name, "route", "add", "224.0.0.0/4", "dev", "e0")
    except (OSError, subprocess.CalledProcessError) as error:
        tearDownModule()
        raise unittest.SkipTest("no network namespaces here: %s" % error)


def tearDownModule():
    for name in (A, B):
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def inside(space):
    return ["ip", "netns", "exec", space]


class Discover(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mk-discover-")
        self.secret = write_secret(os.path.join(self.folder, "secret"), ("member", nodes.new_key()))
        self.running = []

    def tearDown(self):
        for node in self.running:
            node.kill()
        shutil.rmtree(self.folder)

    def node(self, space, name, listen, *options):
        options = ["--name", name, "--secret", self.secret, *options]
        self.running.append(Node(*options, listen=[listen], prefix=inside(space)))
        return self.running[-1]

    def seen(self, space, wait_s=2):
        """{(name, address): node} as `mk nodes` lists them, IPv4 alone. What was asked for a second ago is not answered again (RFC
        6762, section 6), so it takes as long as a person's patience, not less."""
        done = subprocess.run([*inside(space), rig.MK, "nodes", "--json", "--wait", str(wait_s)], capture_output=True, text=True,
                              timeout=rig.LIMIT_S, env=rig.environment())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return {(node["name"], node["where"]): node for node in found if "[" not in node["where"]}

    def test_who_announces_himself_is_listed_until_he_ends(self):
        gateway = self.node(A, "gateway", "*:4200", "--discover")
        board = self.node(A, "board", "10.98.0.1:4201", "--discover")
        self.node(A, "quiet", "*:4202")
        both = {("gateway", "tcp:10.98.0.1:4200"), ("board", "tcp:10.98.0.1:4201")}
        for space in (A, B):
            found = {}
            until("both to be seen", lambda: found.update(self.seen(space)) or set(found) == both)
        found = found[("gateway", "tcp:10.98.0.1:4200")]
        self.assertEqual("mk %s\n" % found["version"], rig.run("--version").out)
        self.assertGreater(found["id"], 0)
        self.assertEqual(gateway.end(), 0)
        board.kill()
        until("neither to be seen", lambda: not self.seen(B))

    def test_what_is_listed_can_be_mounted(self):
        self.node(A, "gateway", "*:4200", "--discover")
        (_, where), = until("it to be seen", lambda: self.seen(B))
        desk = nodes.Shell("--name", "desk", "--secret", self.secret, prefix=inside(B))
        self.running.append(desk)
        self.assertEqual(desk.ask("mount " + where), "Mounted /node/gateway")

    def test_two_of_one_name_are_told(self):
        self.node(A, "gateway", "*:4200", "--discover").expect("'gateway' is announced", self.running[0].err)
        twin = self.node(B, "gateway", "*:4200", "--discover")
        twin.expect("another node announces itself as 'gateway'", twin.err)

    def test_a_list_for_people(self):
        done = subprocess.run([*inside(B), rig.MK, "nodes", "--wait", "1"], capture_output=True, text=True,
                              timeout=rig.LIMIT_S, env=rig.environment())
        self.assertEqual(done.stdout, "No node announces itself here (mk node --discover).\n")
        self.node(A, "gateway", "*:4200", "--discover").expect("'gateway' is announced", self.running[0].err)
        done = subprocess.run([*inside(B), rig.MK, "nodes", "--wait", "3"], capture_output=True, text=True, timeout=rig.LIMIT_S,
                              env=rig.environment())
        self.assertRegex(done.stdout, r"^NAME +ID +VERSION +WHERE\ngateway +\d+ +[\d.]+ +tcp:10\.98\.0\.1:4200\n")

    def test_who_cannot_be_called_cannot_be_announced(self):
        for options in (["--listen", "127.0.0.1:0"], ["--listen", "unix:" + os.path.join(self.folder, "socket")], []):
            done = rig.run("node", "--name", "gateway", "--secret", self.secret, "--discover", *options)
            self.assertEqual(done.code, 1)
            self.assertIn("--discover: this node listens at no TCP address", done.err)


if __name__ == "__main__":
    rig.main()
