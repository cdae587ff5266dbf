# SPDX-License-Identifier: Apache-2.0
"""Several nodes on this machine: one name space over every kind of link, and who may enter."""
import os
import re
import shutil
import signal
import socket
import tempfile
import time
import unittest

import nodes
import rig
from nodes import Node, Shell, until, write_secret


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mk-nodes-")
        self.running = []

    def tearDown(self):
        for process in self.running:
            process.kill()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def secret(self, name, *lines, **more):
        return write_secret(self.path(name), *lines, **more)

    def node(self, *args, **more):
        self.running.append(Node(*args, **more))
        return self.running[-1]

    def shell(self, *args, **more):
        self.running.append(Shell(*args, **more))
        return self.running[-1]

    def refused(self, *args, says):
        """A node that does not start."""
        done = rig.run("node", *args)
        self.assertEqual(done.code, 1, done.err)
        self.assertIn(says, done.err)


class Links(Case):
    """The same story over each kind of link."""

    def story(self, listen, *options):
        gateway = self.node("--name", "gateway", *options, rig.example("echo"), listen=[listen])
        where = gateway.where[0]
        desk = self.shell("--name", "desk", *options)
        self.assertEqual(desk.ask("nodes"), "No node is linked.")
        self.assertEqual(desk.ask("mount " + where), "Mounted /node/gateway")
        names = desk.names()  # are known by then
        self.assertEqual(names["echo"], names["/node/gateway/echo"])
        self.assertIn("/node/gateway/caps", names)
        for target in ("echo", "/node/gateway/echo", str(names["echo"])):
            self.assertEqual(desk.ask("call %s 200 hello" % target), '[reply] type=201 from=%d size=5 "hello"' % names["echo"])
        self.assertRegex(desk.ask("send echo 200 x"), "^Sent type=200 size=1 to %d" % names["echo"])
        self.assertEqual(desk.ask("lookup echo"), "echo is actor %d" % names["echo"])
        caps = desk.ask("caps gateway")
        self.assertIn("name=gateway\n", caps + "\n")
        self.assertIn("platform=", caps)
        self.assertIn("name=desk\n", desk.ask("caps") + "\n")
        self.assertIn("gateway", desk.nodes())
        self.assertEqual("(plain)" in desk.nodes()["gateway"], not options)

        gateway.kill()
        until("its names to vanish", lambda: not any("gateway" in name for name in desk.names()))
        self.assertRegex(desk.ask("nodes"), "^No node is linked.\nNOT LINKED +STATE +NEXT TRY +LAST ERROR\n.+ \\(gateway\\) ")
        self.assertRegex(desk.ask("call echo 200 x"), 'call: there is no actor "echo"')
        self.assertEqual(desk.ask("call %d 200 x" % names["echo"]), "call: the node of that actor is not linked")

        again = self.node("--name", "gateway", *options, rig.example("echo"), listen=[where])
        until("its names to return", lambda: desk.sees("/node/gateway/echo", "echo"))
        self.assertRegex(desk.ask("call echo 200 again"), '"again"$')
        self.assertNotEqual(desk.names()["echo"], names["echo"])  # nobody can be mistaken for an actor of its former life
        self.assertEqual(desk.ask("umount gateway"), "Unmounted gateway")
        until("the link to end", lambda: not desk.sees("echo"))
        self.assertEqual(again.end(), 0)

    def test_over_a_unix_socket(self):
        self.story("unix:" + self.path("socket"))

    def test_over_tcp_on_loopback(self):
        self.story("127.0.0.1:0")

    def test_over_tls_with_a_secret(self):
        self.story("127.0.0.1:0", "--secret", self.secret("secret", ("member", nodes.new_key())))

    def test_over_tls_with_certificates(self):
        folder = self.path("authority")
        made = rig.run("cert", "ca", folder)
        if "not" in made.err:
            self.skipTest(made.err)
        options = {}
        for name in ("gateway", "desk"):
            self.assertEqual(rig.run("cert", "node", folder, name).code, 0)
            files = [os.path.join(folder, name + ending) for ending in (".pem", ".key")]
            options[name] = ["--cert", files[0], "--key", files[1], "--ca", os.path.join(folder, "ca.pem")]
        gateway = self.node("--name", "gateway", *options["gateway"], rig.example("echo"), listen=["127.0.0.1:0"])
        desk = self.shell("--name", "desk", *options["desk"])
        self.assertEqual(desk.ask("mount " + gateway.where[0]), "Mounted /node/gateway")
        until("the names", lambda: desk.sees("/node/gateway/echo"))
        self.assertRegex(desk.ask("call /node/gateway/echo 200 x"), '"x"$')
        liar = self.shell("--name", "boss", *options["desk"])  # it can prove another name
        self.assertRegex(liar.ask("mount " + gateway.where[0]), "^mount: not mounted: .+")

    def test_over_datagrams_with_a_secret(self):
        self.story("udp:127.0.0.1:0", "--secret", self.secret("secret", ("member", nodes.new_key())))

    def test_a_node_listens_at_several_places_and_mounts_what_it_was_told(self):
        hub = self.node("--name", "hub", listen=["unix:" + self.path("socket"), "127.0.0.1:0"])
        self.node("--name", "one", "--mount", hub.where[0], rig.example("echo"))
        desk = self.shell("--name", "desk", "--mount", hub.where[1])
        until("the hub", lambda: desk.sees("/node/hub/caps"))
        self.assertFalse(desk.sees("/node/one/echo"))  # nodes are seen by those they are linked with
        lines = desk.nodes()
        self.assertEqual(list(lines), ["hub"])
        self.assertIn("member", lines["hub"])

    def test_names_of_other_nodes_are_completed(self):
        gateway = self.node("--name", "gateway", rig.example("counter"), listen=["unix:" + self.path("socket")])
        terminal = rig.Terminal("shell", "--name", "desk", "--mount", gateway.where[0])
        self.addCleanup(terminal.close)
        terminal.expect("mk> ")
        for _ in range(200):  # until the name is there
            terminal.type("lookup count\t\r")
            if "counter is actor" in terminal.expect("(counter is actor|there is no actor).*\n").group(0):
                break
        terminal.type("umount gat\t\r")
        terminal.expect("Unmounted gateway")
        terminal.type("exit\r")
        self.assertEqual(terminal.wait(), 0)

    def test_a_call_whose_node_dies_is_told_at_once(self):
        gateway = self.node("--name", "gateway", rig.example("counter"), listen=["unix:" + self.path("socket")])
        desk = self.shell("--name", "desk", "--mount", gateway.where[0])
        until("the names", lambda: desk.sees("counter"))
        self.assertEqual(desk.ask("call counter 100"), "call: no reply within 5 s")
        desk.process.stdin.write("call counter 100\nlookup over\n")
        desk.process.stdin.flush()
        time.sleep(0.5)  # for the question to be on its way; whether it is changes what is tested, not what is right
        gateway.kill()
        said, _ = desk.expect('^call: (.+)$|^lookup: there is no actor "over"', start=desk.read)
        self.assertIn(said.group(1), ("the node is gone", "the node of that actor is not linked", 'there is no actor "counter"'))

    def test_a_link_that_cannot_be_is_told_why(self):
        desk = self.shell("--name", "desk")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            self.assertRegex(desk.ask("mount 127.0.0.1:%d" % closed.getsockname()[1]), "^mount: not mounted: .+")
        self.assertRegex(desk.ask("mount unix:/nowhere/socket"), "^mount: not mounted: .+")
        self.assertRegex(desk.ask("mount :::"), "^mount: not mounted: .+")
        self.assertRegex(desk.ask("mount 192.0.2.1:4200"), "^mount: not mounted: .*secret")
        self.assertRegex(desk.ask("umount nobody"), "^umount: not unmounted: .+")
        self.assertEqual(desk.ask("nodes"), "No node is linked.")  # what has failed is not tried again
        self.assertEqual(desk.ask("self"), "4294967298")

    def test_nodes_says_of_a_mount_that_keeps_failing_why_and_when_it_is_tried_again(self):
        where = "unix:" + self.path("socket")
        desk = self.shell("--name", "desk", "--mount", where)
        until("a reason", lambda: "no connection to %s" % where in desk.ask("nodes"))
        until("a pause", lambda: re.search(r"^%s +waiting +\d+ s  no connection to %s$" % (where, where), desk.ask("nodes"), re.M))
        self.assertEqual(desk.ask("umount " + where), "Unmounted " + where)
        self.assertEqual(desk.ask("nodes"), "No node is linked.")

    def test_nodes_says_of_a_mount_that_is_refused_with_which_words(self):
        hub = self.node("--name", "hub", listen=["unix:" + self.path("socket")])
        first = self.shell("--name", "twin", "--node-id", "7", "--mount", hub.where[0])
        until("the first", lambda: "hub" in first.nodes())
        self.assertEqual(first.targets(), {})
        second = self.shell("--name", "twin", "--node-id", "8", "--mount", hub.where[0])
        said = until("a refusal", lambda: second.targets().get(hub.where[0], "").split(None, 2)[1:])
        while said[0] == "connecting":
            said = second.targets()[hub.where[0]].split(None, 2)[1:]
        self.assertEqual(said[0], "refused")
        self.assertRegex(said[1], r"^\d+ s  the peer refuses: .*a node with this name is linked")


class Enter(Case):
    """Who may enter, and what he may do."""

    def test_off_loopback_nothing_goes_without_a_secret(self):
        self.refused("--listen", "0.0.0.0:0", says="that needs --secret")
        self.refused("--listen", "udp:*:0", says="that needs --secret")
        self.refused("--mount", "192.0.2.1:4200", says="that needs --secret")
        self.refused("--mount", "192.0.2.1", says="that needs --secret")  # at the usual port

    def test_a_secret_that_others_may_read_is_refused(self):
        path = self.secret("secret", ("member", nodes.new_key()), mode=0o644)
        self.refused("--secret", path, "--listen", "127.0.0.1:0", says="others may read it")
        self.refused("--secret", self.path("missing"), says="mk node: --secret %s: No such file" % self.path("missing"))
        with open(self.path("bad"), "w") as f:
            f.write("member 1234\n")
        os.chmod(self.path("bad"), 0o600)
        self.refused("--secret", self.path("bad"), says=self.path("bad"))

    def test_a_secret_from_the_environment_is_as_good_as_an_option(self):
        path = self.secret("secret", ("member", nodes.new_key()))
        done = rig.run("shell", "--name", "desk", stdin="self\n", env=rig.environment(MK_SECRET_FILE=path))
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertGreater(int(done.out.split()[0]) >> 32, 1)  # a number of its own, as among others
        done = rig.run("shell", env=rig.environment(MK_SECRET_FILE=self.path("missing")))
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn("missing: No such file", done.err)

    def test_a_command_line_that_cannot_be_is_told(self):
        self.refused("--listen", "127.0.0.1", says="mk node: cannot listen at 127.0.0.1: not HOST:PORT")
        self.refused("--listen", "unix:relative", says="mk node: cannot listen at unix:relative: not HOST:PORT")
        self.refused("--mount", "one:two:three", says="mk node: cannot mount one:two:three: not HOST[:PORT]")
        self.refused("--listen", "unix:" + self.path("no/s"), says="no/s: no socket can be made there")
        self.refused("--cert", self.path("cert"), says="mk node: --cert, --key and --ca go together")
        certificates = [word for name in ("cert", "key", "ca") for word in ("--" + name, self.path(name))]
        self.refused(*certificates, says="mk node: --cert %s: No such file" % self.path("cert"))
        self.refused("--modules", self.path("modules"), says="mk node: --modules %s: No such file" % self.path("modules"))
        os.mkdir(self.path("folder"))
        for option in ("--secret", "--modules"):
            path = self.path("folder") if option == "--secret" else rig.example("echo")
            says = "it is a folder" if option == "--secret" else "it is no folder"
            self.refused(option, path, "--listen", "127.0.0.1:0", says="mk node: %s %s: %s" % (option, path, says))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refused("--listen", where, says="mk node: cannot listen at %s: in use" % where)

    def test_a_stranger_gets_nothing(self):
        mine = self.secret("mine", ("member", nodes.new_key()))
        gateway = self.node("--name", "gateway", "--secret", mine, rig.example("echo"), listen=["127.0.0.1:0"])
        for options in ([], ["--secret", self.secret("other", ("member", nodes.new_key()))]):
            with self.subTest(options):
                stranger = self.shell("--name", "stranger", *options)
                said = stranger.ask("mount " + gateway.where[0])
                self.assertRegex(said, "^mount: not mounted: .+")
                self.assertNotIn("gateway", said)
                self.assertEqual(stranger.ask("nodes"), "No node is linked.")
                self.assertFalse([name for name in stranger.names() if "echo" in name or "gateway" in name])
        friend = self.shell("--name", "friend", "--secret", mine)
        self.assertEqual(friend.ask("mount " + gateway.where[0]), "Mounted /node/gateway")

    def test_a_stranger_who_speaks_first_reads_no_name(self):
        mine = self.secret("mine", ("member", nodes.new_key()))
        gateway = self.node("--name", "gateway", "--secret", mine, listen=["127.0.0.1:0"])
        port = int(gateway.where[0].rsplit(":", 1)[1])
        for words in (b"", b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\xff\xff\x01\0" + b"x" * 70000):
            with socket.create_connection(("127.0.0.1", port), timeout=rig.LIMIT_S) as peer:
                got = b""
                try:
                    peer.sendall(words)
                    peer.shutdown(socket.SHUT_WR)
                    while piece := peer.recv(65536):
                        got += piece
                except OSError:  # it may be put out before it has finished
                    pass
                self.assertNotIn(b"gateway", got)
        friend = self.shell("--name", "friend", "--secret", mine)
        self.assertEqual(friend.ask("mount " + gateway.where[0]), "Mounted /node/gateway")

    def test_a_name_or_number_that_is_taken_is_refused_and_told(self):
        hub = self.node("--name", "hub", listen=["unix:" + self.path("socket")])
        first = self.shell("--name", "twin", "--node-id", "7")
        self.assertEqual(first.ask("mount " + hub.where[0]), "Mounted /node/hub")
        self.assertRegex(
            self.shell("--name", "twin", "--node-id", "8").ask("mount " + hub.where[0]), "^mount: not mounted: .*a node with this name is linked")
        self.assertRegex(
            self.shell("--name", "other", "--node-id", "7").ask("mount " + hub.where[0]), "^mount: not mounted: .*a node with this number is linked")
        self.assertIn("hub", first.nodes())

    def test_a_role_is_what_the_secret_says(self):
        keys = {role: nodes.new_key() for role in ("observer", "member", "operator")}
        gateway = self.node(
            "--name", "gateway", "--secret", self.secret("all", *keys.items()), "--modules", os.path.dirname(rig.example("echo")),
            rig.example("echo"), listen=["127.0.0.1:0"])
        shells = {}
        for role, key in keys.items():
            shells[role] = self.shell("--name", role, "--secret", self.secret(role, (role, key)))
            self.assertEqual(shells[role].ask("mount " + gateway.where[0]), "Mounted /node/gateway")
            until("the names", lambda: shells[role].sees("/node/gateway/echo"))
            self.assertIn("name=gateway\n", shells[role].ask("caps gateway") + "\n")
        echo = shells["operator"].names()["echo"]
        self.assertFalse(shells["observer"].sees("echo"))  # who may only look takes no names from others, either
        self.assertRegex(shells["observer"].ask("call /node/gateway/echo 200 x"), "^call: (?!no reply)")
        self.assertRegex(shells["member"].ask("call echo 200 x"), '"x"$')
        for role in ("observer", "member"):
            self.assertRegex(shells[role].ask("spawn gateway counter tick"), "^spawn: that node does not let this one do it")
            self.assertRegex(shells[role].ask("stop /node/gateway/echo"), "^stop: that node does not let this one do it")
        self.assertRegex(shells["member"].ask("call echo 200 x"), '"x"$')
        operator = shells["operator"]
        made = re.match(r"Spawned actor (\d+) as 'tick'$", operator.ask("spawn gateway counter tick"))
        self.assertTrue(made)
        until("its name", lambda: operator.names().get("tick") == int(made.group(1)))
        self.assertEqual(operator.ask("spawn gateway counter tick"), "spawn: already there: an actor named 'tick'")
        self.assertEqual(operator.ask("stop tick"), "Stopped actor " + made.group(1))
        until("its name to vanish", lambda: not operator.sees("tick"))
        self.assertRegex(operator.ask("spawn gateway ../echo"), "^spawn: .+")
        self.assertRegex(operator.ask("spawn gateway nothing"), "^spawn: .+")
        self.assertRegex(operator.ask("spawn nowhere echo"), "^spawn: no node 'nowhere' is linked")
        self.assertEqual(operator.ask("reload echo counter"), "Reloaded actor %d; on probation: 10 messages or 5 s" % echo)
        self.assertRegex(operator.ask("call echo 110"), 'type=111 from=%d size=1 "0"$' % echo)
        self.assertRegex(operator.ask("reload echo nothing"), "^reload: not found there: no module 'nothing': .+")
        self.assertRegex(operator.ask("reload /node/gateway/caps echo"), "^reload: .+")
        self.assertRegex(shells["member"].ask("reload echo counter"), "^reload: that node does not let this one do it")
        self.assertEqual(operator.ask("stop echo"), "Stopped actor %d" % echo)
        until("it to be restarted", lambda: operator.names().get("echo", echo) != echo)

    def test_a_secret_is_replaced_while_nodes_run(self):
        old, new = ("member", nodes.new_key()), ("member", nodes.new_key())
        gateway = self.node("--name", "gateway", "--secret", self.secret("a", old), rig.example("echo"), listen=["127.0.0.1:0"])
        desk = self.shell("--name", "desk", "--secret", self.secret("b", old))
        self.assertEqual(desk.ask("mount " + gateway.where[0]), "Mounted /node/gateway")
        late = self.shell("--name", "late", "--secret", self.secret("c", new))
        self.assertRegex(late.ask("mount " + gateway.where[0]), "^mount: not mounted")
        self.secret("a", new)
        until("the new secret to be known", lambda: late.ask("mount " + gateway.where[0]) == "Mounted /node/gateway")
        self.assertRegex(desk.ask("call /node/gateway/echo 200 x"), '"x"$')  # a link that stands goes on
        gateway.process.send_signal(signal.SIGHUP)  # changes nothing
        stranger = self.shell("--name", "stranger", "--secret", self.path("b"))
        self.assertRegex(stranger.ask("mount " + gateway.where[0]), "^mount: not mounted")

    def test_only_what_is_exported_is_shown(self):
        gateway = self.node(
            "--name", "gateway", "--export", "echo", rig.example("echo"), rig.example("counter"),
            listen=["unix:" + self.path("a")])
        desk = self.shell("--name", "desk", "--mount", gateway.where[0])
        until("the names", lambda: desk.sees("/node/gateway/echo", "/node/gateway/caps"))
        self.assertFalse([name for name in desk.names() if "counter" in name])

    def test_names_of_ones_own_are_in_nobodys_way(self):
        hub = self.shell("--name", "hub", "--serve", "unix:" + self.path("a"))
        hub.expect("listens on")
        for name in ("board1", "board2"):
            self.node("--name", name, "--names", "own", "--mount", "unix:" + self.path("a"), rig.example("echo"))
        until("both", lambda: hub.sees("/node/board1/echo", "/node/board2/echo"))
        self.assertFalse(hub.sees("echo"))

    def test_a_name_that_two_claim_has_one_owner(self):
        hub = self.shell("--name", "hub")
        first = self.node("--name", "first", rig.example("echo"), listen=["unix:" + self.path("a")])
        second = self.node("--name", "second", rig.example("echo"), listen=["unix:" + self.path("b")])
        self.assertEqual(hub.ask("mount " + second.where[0]), "Mounted /node/second")
        self.assertEqual(hub.ask("mount " + first.where[0]), "Mounted /node/first")
        until("the older one to win", lambda: hub.sees("/node/second/caps") and hub.names().get("echo") == hub.names().get("/node/first/echo"))
        first.end()
        until("the other to be next in line", lambda: hub.names().get("echo", 0) == hub.names().get("/node/second/echo"))


class Examples(Case):
    """examples/nodes, as its README tells."""

    def test_a_gateway_and_its_boards_find_each_other_by_name(self):
        secret = self.path("cluster.secret")
        self.assertEqual(rig.run("secret", "new", secret).code, 0)
        gateway = self.node("--name", "gateway", "--secret", secret, rig.example("nodes/gateway"), listen=["127.0.0.1:0"])
        where = gateway.where[0]
        boards = [
            self.node("--name", name, "--names", "own", "--secret", secret, "--mount", where, rig.example("nodes/board"))
            for name in ("board1", "board2")]
        for i, board in enumerate(boards):
            board.expect("^board: measuring$")
            _, at = board.expect("^board: the gateway takes readings$")
            gateway.expect(r"^/node/board%d/board: \d\d\.\d C$" % (i + 1))
        gateway.kill()
        board.expect("^board: no gateway$", start=at)
        again = self.node("--name", "gateway", "--secret", secret, rig.example("nodes/gateway"), listen=[where])
        board.expect("^board: the gateway takes readings$", start=at + 1)
        again.expect(r"^/node/board2/board: ")
        for node in (*boards, again):
            self.assertEqual(node.end(), 0, node.log())


if __name__ == "__main__":
    rig.main()
