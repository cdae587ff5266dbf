#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our HTTP server and other people's clients, over sockets of this machine: curl, wrk, and bare sockets.

usage: http_server_test.py PATH_OF_HTTP_SERVE TLS_ENGINE FOLDER_FOR_CERTIFICATES [unittest arguments]
TLS_ENGINE "none": without TLS.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "60"))
SERVE, ENGINE, FOLDER = "", "", ""
HERE = os.path.dirname(os.path.abspath(__file__))


class Server:
    def __init__(self, tls=False):
        pair = ["--tls", ENGINE, os.path.join(FOLDER, "good.pem"), os.path.join(FOLDER, "good.key")] if tls else []
        self.process = subprocess.Popen([SERVE, *pair], stdout=subprocess.PIPE, text=True)
        self.port, self.counting_port = (int(p) for p in self.process.stdout.readline().split())
        self.scheme = "https" if tls else "http"

    def url(self, path, port=None):
        return f"{self.scheme}://127.0.0.1:{port or self.port}{path}"

    def end(self):
        ended = self.process.poll()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return ended


def curl(*arguments, stdin=None):
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", str(LIMIT_S), "--cacert",
                           os.path.join(FOLDER, "ca.pem"), *arguments], capture_output=True, input=stdin, timeout=LIMIT_S)
    if done.returncode != 0:
        raise AssertionError(f"curl: {done.returncode}: {done.stderr.decode()}")
    return done.stdout


class Base:
    tls = False

    def setUp(self):
        self.server = Server(self.tls)

    def tearDown(self):
        self.assertIsNone(self.server.end())

    def test_plain_requests(self):
        self.assertEqual(curl(self.server.url("/a?b")), b"GET /a?b\n")
        self.assertEqual(curl("-X", "DELETE", self.server.url("/x")), b"DELETE /x\n")
        self.assertEqual(curl("--http1.0", self.server.url("/old")), b"GET /old\n")
        head = curl("-I", self.server.url("/h")).decode()
        self.assertIn("200 OK", head)
        self.assertIn("Content-Length: 8", head)

    def test_connections_are_kept(self):
        out = curl("-w", "%{num_connects} ", *[self.server.url(f"/{i}") for i in range(5)])
        self.assertEqual(out.count(b"\n0 "), 4)

    def test_bodies_both_ways(self):
        body = os.urandom(700000)
        url = self.server.url("/echo/x")
        self.assertEqual(curl("--data-binary", "@-", url, stdin=body), body)
        self.assertEqual(curl("-T", "-", url, stdin=body), body)  # chunked
        self.assertEqual(curl("-H", "Expect: 100-continue", "--data-binary", "@-", url, stdin=body), body)

    def test_streamed_bodies_both_ways(self):
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(30_000_000)
            self.assertEqual(curl("-T", file.name, self.server.url("/", self.server.counting_port)), b"30000000\n")
            self.assertEqual(curl("-H", "Transfer-Encoding: chunked", "-T", file.name,
                                  self.server.url("/", self.server.counting_port)), b"30000000\n")
        self.assertEqual(curl(self.server.url("/pieces/20000001")), b"p" * 20000001)
        self.assertEqual(curl(self.server.url("/shared/9000000")), b"s" * 9000000)

    def test_too_long_a_body_is_refused_before_it_is_sent(self):
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(3_000_000)
            out = curl("-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-T", file.name, self.server.url("/echo/"))
        self.assertEqual(out, b"413 0")

    def test_many_at_once(self):
        urls = [self.server.url(f"/shared/{1000 + i}") for i in range(100)]
        out = curl("--parallel", "--parallel-max", "50", *urls)
        self.assertEqual(len(out), sum(1000 + i for i in range(100)))

    def leave(self, path, began):
        """A client is killed in the middle of an answer. Heartbeats come every 15 seconds and are not what tells."""
        client = subprocess.Popen(["curl", "-vsN", "--noproxy", "*", "--cacert", os.path.join(FOLDER, "ca.pem"), self.server.url(path)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(client.stdout.close)
        while began not in client.stdout.readline():
            pass
        client.kill()
        client.wait(LIMIT_S)
        self.assertEqual(curl("--max-time", "10", self.server.url("/gone")), b"gone\n")

    def test_a_reader_of_events_that_leaves_is_noticed(self):
        self.leave("/events", b"data: begun")

    def test_a_requester_that_leaves_before_its_answer_is_noticed(self):
        self.leave("/hold", b"> GET /hold")

    @unittest.skipUnless(shutil.which("wrk"), "no wrk")
    def test_wrk(self):
        out = subprocess.run(["wrk", "-t1", "-c50", "-d3s", self.server.url("/")], capture_output=True, text=True,
                             timeout=LIMIT_S, check=True).stdout
        self.assertNotIn("Socket errors", out)
        self.assertNotIn("Non-2xx", out)
        self.assertGreater(float(out.split("Requests/sec:")[1].split()[0]), 50)


class Plain(Base, unittest.TestCase):
    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.server.port), timeout=LIMIT_S)
        self.addCleanup(s.close)
        return s

    def test_pipelined_requests(self):
        s = self.connect()
        s.sendall(b"GET /p HTTP/1.1\r\nHost: a\r\n\r\n" * 1000 + b"GET /q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got = b""
        while piece := s.recv(65536):
            got += piece
        self.assertEqual(got.count(b"GET /p\n"), 1000)
        self.assertTrue(got.endswith(b"GET /q\n"))

    def test_a_half_closed_client_gets_its_answer(self):
        s = self.connect()
        s.sendall(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        got = b""
        while piece := s.recv(65536):
            got += piece
        self.assertTrue(got.endswith(b"GET /half\n"))

    def test_a_wrong_request_is_answered_though_more_follows(self):
        s = self.connect()
        try:
            s.sendall(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n" * 5000)
        except OSError:
            pass
        got = b""
        try:
            while piece := s.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
        self.assertTrue(got.startswith(b"HTTP/1.1 400 "), got)
        self.assertNotIn(b"evil", got)

    def test_a_slow_reader_holds_up_nobody(self):
        s = self.connect()
        s.sendall(b"GET /shared/4000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        for i in range(10):
            self.assertEqual(curl(self.server.url(f"/{i}")), f"GET /{i}\n".encode())
        got = 0
        while got < 4000000:
            got += len(s.recv(1 << 20))

    def test_resets_at_any_time(self):
        text = b"POST /echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET /pieces/1000000 HTTP/1.1\r\nHost: a\r\n\r\n"
        for i in range(len(text) + 1):
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=LIMIT_S)
            s.sendall(text[:i])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
        self.assertEqual(curl(self.server.url("/")), b"GET /\n")

    def test_stopping_answers_and_closes(self):
        idle, last = self.connect(), self.connect()
        idle.sendall(b"GET /i HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b"GET /i\n", idle.recv(1000))
        last.sendall(b"GET /stop HTTP/1.1\r\nHost: a\r\n\r\n")
        got = b""
        while piece := last.recv(1000):
            got += piece
        self.assertIn(b"GET /stop\n", got)
        self.assertEqual(idle.recv(1000), b"")
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.server.port), timeout=LIMIT_S).close()
            except ConnectionRefusedError:
                return
        self.fail("it still listens")


class Encrypted(Base, unittest.TestCase):
    tls = True

    @classmethod
    def setUpClass(cls):
        if ENGINE == "none":
            raise unittest.SkipTest("no TLS engine")


if __name__ == "__main__":
    SERVE, ENGINE, FOLDER = sys.argv[1:4]
    del sys.argv[1:4]
    if ENGINE != "none":
        subprocess.run(["sh", os.path.join(HERE, "..", "net", "make_certificates.sh"), FOLDER], check=True)
    unittest.main(verbosity=2)
