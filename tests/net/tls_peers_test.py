#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our TLS engines and the `openssl` command, over sockets of this machine.

usage: tls_peers_test.py PATH_OF_TLS_PEER ENGINE FOLDER_FOR_CERTIFICATES [unittest arguments]
"""
import os
import re
import select
import shutil
import subprocess
import sys
import time
import unittest

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "60"))
PEER, ENGINE, FOLDER = "", "", ""
PSK = "00112233445566778899aabbccddeeff"


def pem(name):
    return os.path.join(FOLDER, name)


class Program:
    """A child process whose output is waited for; ended when the test is."""

    def __init__(self, test, *command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.out = b""
        test.addCleanup(self.end)

    def wait_for(self, pattern):
        until = time.monotonic() + LIMIT_S
        while True:
            found = re.search(pattern, self.out)
            if found:
                return found
            if not select.select([self.child.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError(f"no {pattern!r} in {self.out!r}")
            more = os.read(self.child.stdout.fileno(), 65536)
            if not more:
                raise AssertionError(f"ended without {pattern!r}: {self.out!r}")
            self.out += more

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


class OurClient(unittest.TestCase):
    def serve(self, *options, certificate="good.pem", key="good.key"):
        """An `openssl s_server` that sends each line back in reverse. Its port."""
        identity = [] if certificate is None else ["-cert", pem(certificate), "-key", pem(key)]
        server = Program(self, "openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", *identity, *options)
        return server.wait_for(rb"ACCEPT [^\n]*:(\d+)\n").group(1).decode()

    def call(self, port, *options, ca="ca.pem"):
        trust = [] if ca is None else ["--ca", pem(ca)]
        return subprocess.run([PEER, ENGINE, "connect", port, *trust, *options], capture_output=True, text=True,
                              timeout=LIMIT_S)

    def test_a_line_there_and_back(self):
        for version in ("-tls1_2", "-tls1_3") if ENGINE == "openssl" else ("-tls1_2",):
            done = self.call(self.serve(version))
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertIn("TLSv1." + version[-1], done.stdout)
            self.assertIn("olleh", done.stdout)

    def test_rsa_and_a_chain(self):
        done = self.call(self.serve(certificate="rsa.pem", key="rsa.key"))
        self.assertIn("olleh", done.stdout)
        done = self.call(self.serve("-cert_chain", pem("intermediate.pem"), certificate="leaf.pem", key="chain.key"))
        self.assertIn("olleh", done.stdout)

    def test_sessions_are_taken_up(self):
        for version in ("-tls1_2", "-tls1_3") if ENGINE == "openssl" else ("-tls1_2",):
            done = self.call(self.serve(version), "--times", "3")
            self.assertEqual(re.findall(r"resumed=(\d)", done.stdout), ["0", "1", "1"], done.stdout)

    def test_bad_certificates(self):
        for certificate, key, why in (("expired.pem", "good.key", "expired"), ("other.pem", "other.key", "another host"),
                                      ("self.pem", "self.key", "self-signed")):
            done = self.call(self.serve(certificate=certificate, key=key))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, "^failed: .*" + why)
        done = self.call(self.serve(), ca="other_ca.pem")
        self.assertRegex(done.stdout, "^failed: .*issuer is not trusted")

    def test_no_old_versions(self):
        done = self.call(self.serve("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"))
        self.assertRegex(done.stdout, "^failed: ")

    def test_a_client_certificate(self):
        port = self.serve("-Verify", "2", "-verify_return_error", "-CAfile", pem("ca.pem"))
        done = self.call(port, "--cert", pem("client.pem"), "--key", pem("client.key"))
        self.assertIn("olleh", done.stdout)
        self.assertRegex(self.call(port).stdout, "failed: the peer refused")

    def test_alpn(self):
        done = self.call(self.serve("-alpn", "http/1.1,mk/2"), "--alpn", "mk/2")
        self.assertIn("alpn=mk/2", done.stdout)

    def test_a_pre_shared_key(self):
        for version in ("-tls1_2", "-tls1_3") if ENGINE == "openssl" else ("-tls1_2",):
            port = self.serve("-nocert", "-psk", PSK, "-psk_identity", "node-7", version, certificate=None)
            done = self.call(port, "--psk", "node-7", PSK, ca=None)
            self.assertIn("olleh", done.stdout)
            self.assertIn("psk=node-7", done.stdout)
            done = self.call(port, "--psk", "node-7", PSK[::-1], ca=None)
            self.assertRegex(done.stdout, "^failed: ")


class OurServer(unittest.TestCase):
    def serve(self, *options, certificate="good.pem", key="good.key"):
        identity = [] if certificate is None else ["--cert", pem(certificate), "--key", pem(key)]
        self.server = Program(self, PEER, ENGINE, "listen", "0", *identity, *options)
        return self.server.wait_for(rb"^(\d+)\n").group(1).decode()

    def call(self, port, *options, verify=True):
        """Says a line and waits for it to come back, then for the end. What s_client has printed."""
        check = ["-CAfile", pem("ca.pem"), "-verify_return_error", "-verify_hostname", "localhost"] if verify else []
        client = Program(self, "openssl", "s_client", "-connect", "127.0.0.1:" + port, "-servername", "localhost",
                         *check, *options)
        client.child.stdin.write(b"echo me\n")
        client.child.stdin.flush()
        try:
            client.wait_for(rb"echo me\n")
        except AssertionError:
            pass
        client.child.stdin.close()
        try:
            client.wait_for(rb"there is no such thing")
        except AssertionError:
            pass
        return client.out.decode(errors="replace")

    def test_a_line_there_and_back(self):
        for version in ("-tls1_2", "-tls1_3") if ENGINE == "openssl" else ("-tls1_2",):
            out = self.call(self.serve(), version)
            self.assertIn("echo me", out)
            self.assertIn("Verify return code: 0 (ok)", out)
            self.assertIn("TLSv1." + version[-1], self.server.wait_for(rb"(TLSv1\..) resumed=0").group(0).decode())

    def test_a_chain(self):
        self.assertIn("echo me", self.call(self.serve(certificate="chain.pem", key="chain.key")))

    def test_sessions_are_taken_up(self):
        for version in ("-tls1_2", "-tls1_3") if ENGINE == "openssl" else ("-tls1_2",):
            kept = pem(f"session{version}-{ENGINE}-{os.getpid()}")
            self.addCleanup(lambda path=kept: os.path.exists(path) and os.remove(path))
            port = self.serve("--times", "2")
            self.assertIn("New, TLS", self.call(port, version, "-sess_out", kept))
            self.assertIn("Reused, TLS", self.call(port, version, "-sess_in", kept))
            self.server.wait_for(rb"resumed=1")

    def test_no_old_versions(self):
        out = self.call(self.serve(), "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
        self.assertNotIn("echo me", out)
        self.server.wait_for(rb"failed: ")

    def test_client_certificates(self):
        port = self.serve("--ca", pem("ca.pem"), "--require", "--times", "3")
        out = self.call(port, "-cert", pem("client.pem"), "-key", pem("client.key"))
        self.assertIn("echo me", out)
        self.server.wait_for(rb"subject=O=microkernel tests, CN=client")
        self.assertNotIn("echo me", self.call(port))
        self.server.wait_for(rb"failed: the peer showed no certificate")
        self.assertNotIn("echo me", self.call(port, "-cert", pem("foreign.pem"), "-key", pem("foreign.key")))
        self.server.wait_for(rb"failed: the certificate's issuer is not trusted")

    def test_alpn(self):
        self.assertIn("ALPN protocol: mk/2", self.call(self.serve("--alpn", "mk/2"), "-alpn", "http/1.1,mk/2"))

    def test_a_pre_shared_key(self):
        for version in ("-tls1_2", "-tls1_3") if ENGINE == "openssl" else ("-tls1_2",):
            port = self.serve("--psk", "node-7", PSK, "--times", "3", certificate=None)
            key = ["-psk", PSK, "-psk_identity", "node-7", version]
            if version == "-tls1_3":
                key += ["-ciphersuites", "TLS_AES_128_GCM_SHA256"]
            self.assertIn("echo me", self.call(port, *key, verify=False))
            self.server.wait_for(rb"psk=node-7")
            key[3] = "node-8"
            self.assertNotIn("echo me", self.call(port, *key, verify=False))
            key[1], key[3] = PSK[::-1], "node-7"
            self.assertNotIn("echo me", self.call(port, *key, verify=False))
            self.server.wait_for(rb"failed: (.|\n)*failed: ")

    def test_an_end_without_goodbye(self):
        port = self.serve()
        client = Program(self, "openssl", "s_client", "-connect", "127.0.0.1:" + port, "-quiet")
        client.child.stdin.write(b"half a\n")
        client.child.stdin.flush()
        client.wait_for(rb"half a\n")
        client.child.kill()
        self.server.wait_for(rb"failed: the connection (ended without a close_notify|was lost)")


def main():
    global PEER, ENGINE, FOLDER
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    PEER, ENGINE, FOLDER = sys.argv[1:4]
    if shutil.which("openssl") is None:
        print("skipped: no openssl command")
        return 0
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([os.path.join(here, "make_certificates.sh"), FOLDER], check=True)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])


if __name__ == "__main__":
    sys.exit(main())
