# SPDX-License-Identifier: Apache-2.0
"""mk shell --listen, talked to as nc and telnet would: real sockets on loopback."""
import os
import re
import signal
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

import rig

TOKEN = "correct horse battery staple"


class Node:
    """A node that listens; `port` is the one it chose."""

    def __init__(self, *args, token=TOKEN, host="127.0.0.1"):
        env = rig.environment(**({"MK_SHELL_TOKEN": token} if token else {}))
        self.process = subprocess.Popen(
            [rig.MK, "shell", "--listen", host + ":0", *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
        )
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"Listening at (.*):(\d+)\n", line)
        if not found:
            raise AssertionError("said %r and %r" % (line, self.process.stderr.read()))
        self.port = int(found.group(2))

    def close(self):
        """Its exit code after a SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(rig.LIMIT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Peer:
    def __init__(self, node):
        self.socket = socket.create_connection(("127.0.0.1", node.port), rig.LIMIT_S)
        self.text = ""

    def secure(self, authority):
        """TLS from here on, with who is shown by a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # nodes' certificates name no host
        context.load_verify_locations(authority)
        self.socket = context.wrap_socket(self.socket)

    def say(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def expect(self, what):
        """Reads until `what` has come; returns everything up to it."""
        while what not in self.text:
            piece = self.socket.recv(65536)
            if not piece:
                raise AssertionError("ended before %r; so far %r" % (what, self.text))
            self.text += piece.decode()
        at = self.text.index(what) + len(what)
        found, self.text = self.text[:at], self.text[at:]
        return found

    def rest(self):
        """All there is until the end."""
        while True:
            piece = self.socket.recv(65536)
            if not piece:
                return self.text
            self.text += piece.decode()

    def close(self):
        self.socket.close()


class Sessions(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def join(self):
        peer = Peer(self.node)
        self.addCleanup(peer.close)
        peer.expect("token: ")
        peer.say(TOKEN + "\n")
        peer.expect("mk> ")
        return peer

    def test_a_session_as_at_a_terminal(self):
        peer = self.join()
        echo = rig.example("echo")
        peer.say("load %s\n" % echo)
        actor = re.search(r"Loading\.\.\.\nSpawned actor (\d+) as 'echo'\n", peer.expect("mk> ")).group(1)
        peer.say("call echo 200 hello\n")
        self.assertEqual(peer.expect("mk> "), '[reply] type=201 from=%s size=5 "hello"\nmk> ' % actor)
        peer.say("exit\n")
        self.assertEqual(peer.rest(), "Goodbye.\n")

    def test_what_one_loads_another_calls_and_it_outlives_both(self):
        first, second = self.join(), self.join()
        first.say("load %s\n" % rig.example("echo"))
        first.expect("as 'echo'\nmk> ")
        second.say("call echo 1 x\n")
        second.expect('size=1 "x"\nmk> ')
        first.say("exit\n")
        first.rest()
        second.say("call echo 1 y\nexit\n")
        self.assertIn('size=1 "y"\n', second.rest())
        third = self.join()
        third.say("call echo 1 z\n")
        third.expect('size=1 "z"\nmk> ')

    def test_a_peer_that_ends_its_side_gets_the_answers_first(self):
        peer = self.join()
        peer.say("self\nself\n")
        peer.socket.shutdown(socket.SHUT_WR)
        self.assertRegex(peer.rest(), r"^\d+\nmk> \d+\nmk> \nGoodbye\.\n$")

    def test_telnet_negotiations_are_swallowed(self):
        peer = self.join()
        peer.say(b"\xff\xfd\x03\xff\xfb\x1fse\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0lf\r\n")
        self.assertRegex(peer.expect("mk> "), r"^\d+\nmk> $")

    def test_a_wrong_token_gets_nowhere(self):
        peer = Peer(self.node)
        self.addCleanup(peer.close)
        peer.expect("token: ")
        peer.say("guess\n" * 3)
        rest = peer.rest()
        self.assertEqual(rest.count("That is not it.\n"), 3)
        self.assertNotIn("mk>", rest)


class Starting(unittest.TestCase):
    def refused(self, *args, env=None):
        done = rig.run("shell", *args, env=env)
        self.assertEqual((done.code, done.out), (1, ""))
        return done.err

    def test_loopback_needs_no_token(self):
        node = Node(token=None)
        self.addCleanup(node.close)
        peer = Peer(node)
        self.addCleanup(peer.close)
        peer.expect("mk> ")

    def test_anything_but_loopback_does(self):
        self.assertIn("needs a token", self.refused("--listen", "0.0.0.0:0"))
        self.assertIn("needs a token", self.refused("--listen", "[::]:0"))

    def test_and_tls_or_a_word_that_it_may_be_plain(self):
        env = rig.environment(MK_SHELL_TOKEN=TOKEN)
        self.assertIn("needs --tls-cert and --tls-key, or --listen-plain",
                      self.refused("--listen", "0.0.0.0:0", env=env))
        self.assertIn("needs a token", self.refused("--listen", "0.0.0.0:0", "--listen-plain"))
        node = Node("--listen-plain", host="0.0.0.0")
        self.addCleanup(node.close)
        peer = Peer(node)
        self.addCleanup(peer.close)
        peer.expect("token: ")

    def test_what_is_about_listening_alone(self):
        self.assertIn("are for --listen", self.refused("--listen-plain"))
        self.assertIn("are for --listen", self.refused("--tls-cert", "x", "--tls-key", "y"))

    def test_a_token_comes_from_a_file_that_is_nobody_elses(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "token")
            with open(path, "w") as f:
                f.write(TOKEN + "\n")
            os.chmod(path, 0o644)
            self.assertIn("others may read it", self.refused("--listen", "127.0.0.1:0", "--token-file", path))
            os.chmod(path, 0o600)
            node = Node("--token-file", path, token=None)
            self.addCleanup(node.close)
            peer = Peer(node)
            self.addCleanup(peer.close)
            peer.expect("token: ")
            peer.say(TOKEN + "\n")
            peer.expect("mk> ")

    def test_tokens_and_places_that_will_not_do(self):
        env = rig.environment(MK_SHELL_TOKEN="short")
        self.assertIn("16 to 256", self.refused("--listen", "127.0.0.1:0", env=env))
        self.assertIn("not an address", self.refused("--listen", "example.com:1"))
        self.assertIn("not an address", self.refused("--listen", "127.0.0.1:65536"))
        self.assertIn("/nowhere/token", self.refused("--listen", "127.0.0.1:0", "--token-file", "/nowhere/token"))

    def test_a_taken_port_is_said(self):
        node = Node()
        self.addCleanup(node.close)
        self.assertIn("in use", self.refused("--listen", "127.0.0.1:%d" % node.port))

    def test_a_signal_ends_the_node(self):
        self.assertEqual(Node().close(), 0)


class Secure(unittest.TestCase):
    """Certificates of `mk cert`; another's will do as well."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        made = rig.run("cert", "ca", cls.folder)
        if "not in this build" in made.err:
            raise unittest.SkipTest("certificates are made with OpenSSL")
        assert made.code == 0 and rig.run("cert", "node", cls.folder, "box").code == 0
        cls.authority = os.path.join(cls.folder, "ca.pem")
        cls.pair = ["--tls-cert", os.path.join(cls.folder, "box.pem"), "--tls-key", os.path.join(cls.folder, "box.key")]

    def start(self, host="127.0.0.1"):
        node = Node(*self.pair, host=host)
        self.addCleanup(node.close)
        return node

    def join(self, node):
        peer = Peer(node)
        self.addCleanup(peer.close)
        peer.secure(self.authority)
        return peer

    def test_a_session_over_tls_for_others_than_this_machine(self):
        node = self.start("0.0.0.0")
        peer = self.join(node)
        peer.expect("token: ")
        peer.say(TOKEN + "\n")
        peer.expect("mk> ")
        peer.say("self\nexit\n")
        self.assertRegex(peer.rest(), r"^\d+\nmk> Goodbye\.\n$")

    @unittest.skipUnless(shutil.which("openssl"), "no openssl command")
    def test_with_openssl_s_client(self):
        node = self.start()
        client = subprocess.run(
            ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", self.authority, "-connect",
             "127.0.0.1:%d" % node.port],
            input=(TOKEN + "\nself\nexit\n").encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=rig.LIMIT_S)
        self.assertRegex(client.stdout.decode(), r"^token: [^\n]*\nmk> \d+\nmk> Goodbye\.\n$")
        self.assertIn(b"CN = box", client.stderr)

    def test_in_the_clear_nothing_is_told_and_tls_peers_go_on(self):
        node = self.start()
        plain = Peer(node)
        self.addCleanup(plain.close)
        plain.say(TOKEN + "\n")
        try:
            said = plain.socket.recv(65536)
        except ConnectionResetError:
            said = b""
        self.assertNotIn(b"token", said)
        self.assertNotIn(b"mk>", said)
        self.join(node).expect("token: ")

    def test_a_wrong_token_gets_nowhere_over_tls_either(self):
        peer = self.join(self.start())
        peer.expect("token: ")
        peer.say("guess\n" * 3)
        rest = peer.rest()
        self.assertEqual(rest.count("That is not it.\n"), 3)
        self.assertNotIn("mk>", rest)

    def test_pairs_that_will_not_do(self):
        def refused(*args):
            done = rig.run("shell", "--listen", "127.0.0.1:0", *args)
            self.assertEqual((done.code, done.out), (1, ""))
            return done.err

        certificate, key = self.pair[1], self.pair[3]
        self.assertIn("go together", refused("--tls-cert", certificate))
        self.assertIn("/nowhere", refused("--tls-cert", "/nowhere", "--tls-key", key))
        self.assertIn("box.pem", refused("--tls-cert", certificate, "--tls-key", os.path.join(self.folder, "ca.key")))
        open_to_all = os.path.join(self.folder, "open.key")
        shutil.copyfile(key, open_to_all)
        os.chmod(open_to_all, 0o644)
        self.assertIn("chmod 600", refused("--tls-cert", certificate, "--tls-key", open_to_all))


if __name__ == "__main__":
    rig.main()
