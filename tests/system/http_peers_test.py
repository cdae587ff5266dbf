#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's programs at the far end of our connections: curl, wrk, Chromium, Node and Python against the server of
examples/http, and our WebSocket client against Node's server. A peer that is not installed is skipped, by name.

usage: http_peers_test.py EXAMPLE WS_CALL FOLDER_FOR_CERTIFICATES [unittest arguments]
"""
import base64
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "60"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(ROOT, "examples", "http", "page")
MODULES = os.path.join(ROOT, ".tools", "peers", "node_modules")
EXAMPLE, WS_CALL, FOLDER = "", "", ""


def has_websockets(python):
    return subprocess.run([python, "-c", "import websockets"], capture_output=True).returncode == 0


PYTHON = next((p for p in (sys.executable, "/usr/bin/python3") if os.path.exists(p) and has_websockets(p)), None)
NODE = shutil.which("node") if os.path.isdir(os.path.join(MODULES, "ws")) else None
CHROMIUM = shutil.which("chromium")
needs_curl = unittest.skipUnless(shutil.which("curl"), "no curl here (Debian: curl)")
needs_wrk = unittest.skipUnless(shutil.which("wrk"), "no wrk here (Debian: wrk)")
needs_node = unittest.skipUnless(NODE, "no Node with its package ws here (tools/setup)")
needs_websockets = unittest.skipUnless(PYTHON, "no Python with websockets here (Debian: python3-websockets)")
needs_chromium = unittest.skipUnless(CHROMIUM, "no Chromium here (Debian: chromium)")


def pem(name):
    return os.path.join(FOLDER, name)


class Program:
    """A child process whose output is waited for; ended, by its id, when the test is."""

    def __init__(self, cleanup, *command):
        env = dict(os.environ, NODE_PATH=MODULES)
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        self.out = ""
        cleanup(self.end)

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
            self.out += more.decode("utf-8", "replace")

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            rest = self.child.communicate(timeout=LIMIT_S)[0]
        finally:
            if self.child.poll() is None:
                self.child.kill()
        self.out += rest.decode("utf-8", "replace")
        return self.child.returncode


def run(*command, stdin=b""):
    env = dict(os.environ, NODE_PATH=MODULES)
    return subprocess.run(command, input=stdin, capture_output=True, timeout=LIMIT_S, env=env)


class OurServer(unittest.TestCase):
    """A server for each class of tests, which must end well."""

    options = ()
    scheme = "http"

    @classmethod
    def setUpClass(cls):
        cls.server = Program(lambda end: None, EXAMPLE, "0", PAGE, *(pem(each) for each in cls.options))
        cls.port = int(cls.server.wait_for(r"localhost:(\d+)/").group(1))

    @classmethod
    def tearDownClass(cls):
        code = cls.server.end()
        if code != 0:
            raise AssertionError(f"the server ended with {code}: {cls.server.out}")

    def url(self, path, scheme=None):
        return f"{scheme or self.scheme}://localhost:{self.port}{path}"

    def curl(self, *arguments, stdin=b""):
        return run("curl", "-sS", "--noproxy", "*", "-4", *arguments, stdin=stdin)

    def well(self, *arguments, stdin=b""):
        done = self.curl(*arguments, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def said(self, text):
        """What a raw connection answers to these bytes, to its end."""
        with socket.create_connection(("127.0.0.1", self.port), LIMIT_S) as peer:
            peer.sendall(text)
            answer = b""
            while True:
                try:
                    more = peer.recv(65536)
                except ConnectionResetError:
                    return answer # it did not wait for the rest of what we said
                if not more:
                    return answer
                answer += more


@needs_curl
class Curl(OurServer):
    def test_get_and_head(self):
        self.assertEqual(self.well(self.url("/hello/Ada%20Lovelace")), b"Hello, Ada Lovelace!\n")
        head = self.well("-I", self.url("/")).decode()
        size = os.path.getsize(os.path.join(PAGE, "index.html"))
        self.assertIn(f"Content-Length: {size}\r\n", head)
        self.assertIn("Content-Type: text/html; charset=utf-8\r\n", head)
        status = json.loads(self.well(self.url("/status")))
        self.assertGreaterEqual(status["actors"], 5)
        self.assertEqual(self.well("-o", "/dev/null", "-w", "%{http_code}", self.url("/no/such/page")), b"404")

    def test_files_come_as_they_are(self):
        for name in os.listdir(PAGE):
            with open(os.path.join(PAGE, name), "rb") as file:
                self.assertEqual(self.well(self.url("/" + name)), file.read())
        for path in ("/../web.c", "/%2e%2e/web.c", "/..%2fweb.c", "/.git"):
            code = self.well("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", self.url(path))
            self.assertIn(code, (b"400", b"403", b"404"), path)

    def test_methods_of_a_path(self):
        answer = self.well("-i", "-X", "DELETE", self.url("/status")).decode()
        self.assertRegex(answer, r"^HTTP/1.1 405 ")
        self.assertRegex(answer, r"\r\nAllow: [^\r]*GET")
        self.assertRegex(self.well("-i", "-X", "OPTIONS", self.url("/status")).decode(), r"\r\nAllow: [^\r]*GET")

    def test_a_body_of_unknown_length(self):
        body = os.urandom(300000)
        self.assertEqual(self.well("-T", "-", self.url("/echo"), stdin=body), body)
        self.assertEqual(self.well("-H", "Transfer-Encoding: chunked", "--data-binary", "@-", self.url("/echo"), stdin=body), body)

    def test_a_long_body_waits_to_be_asked_for(self):
        body = os.urandom(3 << 20)
        with tempfile.NamedTemporaryFile() as file:
            done = self.curl("-v", "--expect100-timeout", "30", "--data-binary", "@-", "-o", file.name, self.url("/echo"), stdin=body)
            self.assertEqual(file.read(), body)
        trace = done.stderr.decode("utf-8", "replace")
        self.assertIn("> Expect: 100-continue", trace)
        self.assertIn("< HTTP/1.1 100 Continue", trace)
        self.assertIn("< HTTP/1.1 200 OK", trace)

    def test_a_body_too_long_is_not_asked_for(self):
        done = self.curl("-v", "--expect100-timeout", "30", "-o", "/dev/null", "--data-binary", "@-", self.url("/echo"),
                         stdin=bytes(17 << 20))
        trace = done.stderr.decode("utf-8", "replace")
        self.assertIn("< HTTP/1.1 413 ", trace)
        self.assertNotIn("100 Continue", trace)

    def test_ranges(self):
        url = self.url("/script.js")
        whole = self.well(url)
        self.assertEqual(self.well("-r", "10-19", url), whole[10:20])
        self.assertEqual(self.well("-r", "-7", url), whole[-7:])
        head = self.well("-r", "0-0", "-D", "-", "-o", "/dev/null", url).decode()
        self.assertRegex(head, r"^HTTP/1.1 206 ")
        self.assertIn(f"\r\nContent-Range: bytes 0-0/{len(whole)}\r\n", head)
        self.assertEqual(self.well("-r", "999999-", "-o", "/dev/null", "-w", "%{http_code}", url), b"416")

    def test_a_download_goes_on_where_it_was_cut(self):
        url = self.url("/script.js")
        whole = self.well(url)
        with tempfile.NamedTemporaryFile() as file:
            file.write(whole[:100])
            file.flush()
            self.well("-C", "-", "-o", file.name, url)
            with open(file.name, "rb") as again:
                self.assertEqual(again.read(), whole)

    def test_what_has_not_changed_is_not_sent(self):
        url = self.url("/style.css")
        with tempfile.TemporaryDirectory() as folder:
            etag, out = os.path.join(folder, "etag"), os.path.join(folder, "out")
            self.well("--etag-save", etag, "-o", out, url)
            self.assertEqual(self.well("--etag-compare", etag, "-w", "%{http_code} %{size_download}", url), b"304 0")
            self.assertEqual(self.well("-z", out, "-w", "%{http_code} %{size_download}", url), b"304 0")
            self.assertEqual(self.well("-H", 'If-Match: "other"', "-o", out, "-w", "%{http_code}", url), b"412")

    def test_connections_are_used_again(self):
        url = self.url("/hello/[1-20]")
        counts = self.well("-o", "/dev/null", "-w", "%{num_connects} ", url).split()
        self.assertEqual(counts, [b"1"] + [b"0"] * 19)

    def test_the_older_version(self):
        answer = self.well("--http1.0", "-i", self.url("/hello/old")).decode()
        self.assertTrue(answer.endswith("Hello, old!\n"))
        answer = self.well("--http1.0", "-i", self.url("/numbers/50000")).decode() # the end is the connection's
        self.assertNotIn("Transfer-Encoding", answer)
        self.assertTrue(answer.endswith("\n49999\n50000\n"))

    def test_an_answer_in_pieces(self):
        lines = self.well(self.url("/numbers/1000000")).split(b"\n")
        self.assertEqual(len(lines), 1000001)
        self.assertEqual(lines[999999], b"1000000")

    def test_a_slow_reader_and_one_that_leaves(self):
        with socket.create_connection(("127.0.0.1", self.port), LIMIT_S) as peer:
            peer.sendall(b"GET /numbers/100000000 HTTP/1.1\r\nHost: a\r\n\r\n") # nobody reads it
            self.assertEqual(self.well(self.url("/hello/other")), b"Hello, other!\n")
        out = self.well("--limit-rate", "1M", self.url("/numbers/200000"))
        self.assertTrue(out.endswith(b"\n200000\n"))
        self.curl("--max-time", "0.3", "-o", "/dev/null", self.url("/numbers/1000000000"))
        self.assertEqual(self.well(self.url("/hello/after")), b"Hello, after!\n")

    def test_events(self):
        out = self.curl("-N", "--max-time", "1.5", self.url("/clock")).stdout.decode()
        self.assertRegex(out, r"^event: tick\ndata: \d\d:\d\d:\d\d UTC\n\nevent: tick\n")


class Raw(OurServer):
    """Bytes that no library sends."""

    def test_requests_one_behind_the_other(self):
        names = [str(i) for i in range(200)]
        requests = "".join(f"GET /hello/{name} HTTP/1.1\r\nHost: a\r\n\r\n" for name in names)
        last = "GET /hello/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = self.said((requests + last).encode()).decode()
        self.assertEqual(re.findall(r"Hello, (\w+)!", answer), names + ["last"])
        self.assertEqual(answer.count("HTTP/1.1 200 OK"), 201)

    def test_answers_of_different_makers_keep_their_order(self):
        paths = ["/numbers/3000", "/hello/a", "/style.css", "/status", "/numbers/3", "/hello/b", "/none"]
        text = "".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n" for path in paths[:-1])
        answer = self.said(f"{text}GET {paths[-1]} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()).decode()
        at = 0
        for mark in ("\n3000\n", "Hello, a!", "max-width", '"asked"', "\n1\n2\n3\n", "Hello, b!", "404 Not Found"):
            self.assertIn(mark, answer[at:])
            at = answer.index(mark, at) + len(mark)

    def test_what_is_no_request_is_refused(self):
        host = b"Host: a\r\n"
        wrong = [
            (400, b"hello\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\n" + host + host + b"\r\n"),
            (400, b"GET / HTTP/1.1\r\n" + host + b"A : b\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n c\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\n" + host + b"A: b\rc\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 1x\r\n\r\n"),
            (400, b"POST /echo HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            (400, b"POST /echo HTTP/1.1\r\n" + host + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (400, b"POST /echo HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n"),
            (400, b"GET /%zz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"), # whole, so the next one would be heard
            (505, b"GET / HTTP/2.0\r\n" + host + b"\r\n"),
            (501, b"POST /echo HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
            (417, b"POST /echo HTTP/1.1\r\n" + host + b"Expect: the-unexpected\r\nContent-Length: 1\r\n\r\n"),
            (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n"),
            (431, b"GET / HTTP/1.1\r\n" + host + b"A: " + b"b" * 20000 + b"\r\n\r\n"),
            (431, b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n" * 200 + b"\r\n"),
        ]
        for code, text in wrong:
            answer = self.said(text)
            self.assertRegex(answer.decode(), rf"\AHTTP/1.1 {code} ", text[:80])
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, text[:80])
        self.assertIn(b"200 OK", self.said(b"GET /hello/x HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"))

    def test_one_that_leaves_early_forty_times(self):
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", self.port), LIMIT_S) as peer:
                peer.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        answer = self.said(b"GET /hello/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertIn(b"Hello, x!", answer)

    def test_a_handshake_that_is_none(self):
        key = base64.b64encode(bytes(16)).decode()
        for fields in (f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n",
                       "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"):
            answer = self.said(f"GET /chat HTTP/1.1\r\nHost: a\r\n{fields}\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            self.assertRegex(answer.decode("utf-8", "replace"), r"\AHTTP/1.1 4\d\d ")


@needs_wrk
class Wrk(OurServer):
    def test_a_second_of_load(self):
        for path in ("/hello/x", "/status", "/style.css"):
            out = run("wrk", "-t1", "-c32", "-d1s", self.url(path)).stdout.decode()
            self.assertRegex(out, r"\d+ requests in")
            self.assertGreater(float(re.search(r"Requests/sec: +([\d.]+)", out).group(1)), 0)
            self.assertNotIn("Non-2xx", out)
            self.assertNotIn("Socket errors", out)


SIZES = (0, 1, 125, 126, 65535, 65536, 1 << 20)


@needs_node
class Node(OurServer):
    def ask(self, case, scheme="ws", path="/chat"):
        done = run(NODE, os.path.join(HERE, "peers", "ws_client.js"), case, f"{scheme}://127.0.0.1:{self.port}{path}")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)

    def test_messages_of_all_sizes(self):
        same = [kind + str(size) for size in SIZES for kind in "tb"]
        for case, extension in (("echo_plain", ""), ("echo_deflate", "permessage-deflate")):
            said = self.ask(case)
            self.assertEqual((said["same"], said["extensions"], said["end"]["code"]), (same, extension, 1000))

    def test_fragments_and_a_ping_between_them(self):
        self.assertEqual(self.ask("fragments"), {"text": "gr\u00fc\u00dfe", "pong": "between", "end": {"code": 4321, "reason": ""}})

    def test_pings(self):
        self.assertEqual(self.ask("ping"), {"size": 125, "end": {"code": 1005, "reason": ""}})

    def test_many_messages_keep_their_order(self):
        self.assertEqual(self.ask("many"), {"ordered": True, "end": {"code": 1001, "reason": ""}})

    def test_a_message_too_long(self):
        self.assertEqual(self.ask("too_long"), {"code": 1009})

    def test_fetch(self):
        self.assertEqual(self.ask("fetches", "http", "/"), {
            "hello": "Hello, Grace Hopper!\n", "type": "text/plain; charset=utf-8", "missing": 404, "echoed": True,
            "numbers": 1988895, "together": True})


@needs_websockets
class PythonWebsockets(OurServer):
    def test_a_conversation(self):
        done = run(PYTHON, os.path.join(HERE, "peers", "pyws_client.py"), self.url("/chat", "ws"))
        self.assertEqual((done.stdout, done.stderr), (b"well\n", b""))


class Secure(OurServer):
    options = ("good.pem", "good.key")
    scheme = "https"

    @needs_curl
    def test_a_good_certificate(self):
        for version in ("1.2", "1.3"):
            out = self.well("--cacert", pem("ca.pem"), "--tlsv" + version, "--tls-max", version, self.url("/hello/secret"))
            self.assertEqual(out, b"Hello, secret!\n")
        body = os.urandom(2 << 20)
        self.assertEqual(self.well("--cacert", pem("ca.pem"), "--data-binary", "@-", self.url("/echo"), stdin=body), body)
        out = self.well("--cacert", pem("ca.pem"), self.url("/numbers/500000"))
        self.assertTrue(out.endswith(b"\n500000\n"))
        self.assertEqual(self.curl(self.url("/")).returncode, 60) # by nobody we know

    @needs_websockets
    def test_a_conversation(self):
        done = run(PYTHON, os.path.join(HERE, "peers", "pyws_client.py"), self.url("/chat", "wss"), pem("ca.pem"))
        self.assertEqual((done.stdout, done.stderr), (b"well\n", b""))

    def test_our_client(self):
        done = run(WS_CALL, "--ca", pem("ca.pem"), self.url("/chat", "wss"), "hello", "=1048576")
        self.assertEqual(done.stdout.decode(), 'open ""\nhello\n=1048576 same\nclosed 4000\n')
        done = run(WS_CALL, "--ca", pem("other_ca.pem"), self.url("/chat", "wss"), "hello")
        self.assertRegex(done.stdout.decode(), r"\Aerror ")

    @needs_curl
    def test_a_client_that_speaks_no_tls(self):
        self.assertNotEqual(self.curl(self.url("/", "http")).returncode, 0)
        self.assertEqual(self.well("--cacert", pem("ca.pem"), self.url("/hello/x")), b"Hello, x!\n")


@needs_curl
class Expired(OurServer):
    options = ("expired.pem", "good.key")
    scheme = "https"

    def test_it_is_refused(self):
        done = self.curl("--cacert", pem("ca.pem"), self.url("/"))
        self.assertEqual(done.returncode, 60)
        self.assertIn(b"expired", done.stderr)
        self.assertRegex(run(WS_CALL, "--ca", pem("ca.pem"), self.url("/chat", "wss")).stdout.decode(), r"\Aerror .*expired")


@needs_curl
class WrongHost(OurServer):
    options = ("other.pem", "other.key")
    scheme = "https"

    def test_it_is_refused(self):
        self.assertEqual(self.curl("--cacert", pem("ca.pem"), self.url("/")).returncode, 60)
        self.assertRegex(run(WS_CALL, "--ca", pem("ca.pem"), self.url("/chat", "wss")).stdout.decode(), r"\Aerror ")
        out = self.well("--cacert", pem("ca.pem"), "--resolve", f"other.test:{self.port}:127.0.0.1",
                        f"https://other.test:{self.port}/hello/x")
        self.assertEqual(out, b"Hello, x!\n")


@needs_node
class OurClient(unittest.TestCase):
    """Our WebSocket client and Node's server."""

    def serve(self, *options):
        self.server = Program(self.addCleanup, NODE, os.path.join(HERE, "peers", "ws_server.js"), *options)
        return "ws://127.0.0.1:" + self.server.wait_for(r"port (\d+)").group(1) + "/any"

    def call(self, *arguments):
        done = run(WS_CALL, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode().splitlines()

    def test_messages_of_all_sizes(self):
        whats = [kind + str(size) for size in (1, 125, 126, 65535, 65536, 1 << 20, 3 << 20) for kind in "=#"]
        for options in ((), ("deflate",)):
            heard = self.call(self.serve(*options), *whats, "gr\u00fc\u00dfe")
            self.assertEqual(heard, ['open ""'] + [what + " same" for what in whats] + ["gr\u00fc\u00dfe", "closed 4000"])
            self.server.wait_for("pong are you there\n")
            self.server.wait_for("closed 4000 that is all\n")

    def test_compression_is_agreed_upon(self):
        url = self.serve("deflate")
        self.assertEqual(self.call(url, "protocol")[1], "; permessage-deflate")
        self.assertEqual(self.call("--plain", url, "protocol")[1], "; ")
        self.assertEqual(self.call(self.serve(), "protocol")[1], "; ")

    def test_a_subprotocol_is_agreed_upon(self):
        self.assertEqual(self.call("--offer", "first, second", self.serve(), "protocol")[:2], ['open "second"', "second; "])

    def test_the_server_ends_it(self):
        url = self.serve()
        self.assertEqual(self.call(url, "close 4321")[1:], ["closed 4321"])
        self.server.wait_for("closed 4321")
        self.assertEqual(self.call(url, "vanish")[1:], ["closed 1006"])


class Browser:
    """A browser that is told what to do over a pipe: one JSON text after another, each ended by a zero."""

    def __init__(self, folder):
        self.answers, self.number = b"", 0
        to_read, self.to = os.pipe()
        self.of, of_write = os.pipe()
        # It reads descriptor 3 and writes 4. A shell puts them there.
        command = f'exec "$0" "$@" 3<&{to_read} 4>&{of_write}'
        self.child = subprocess.Popen(
            ["/bin/bash", "-c", command, CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server",
             "--disable-dev-shm-usage", "--remote-debugging-pipe", "--window-size=800,800", "--user-data-dir=" + folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(to_read, of_write))
        os.close(to_read)
        os.close(of_write)

    def do(self, method, session=None, **params):
        self.number += 1
        order = {"id": self.number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self.to, json.dumps(order).encode() + b"\0")
        until = time.monotonic() + LIMIT_S
        while True:
            while b"\0" in self.answers:
                text, self.answers = self.answers.split(b"\0", 1)
                answer = json.loads(text)
                if answer.get("id") == self.number:
                    if "error" in answer:
                        raise AssertionError(f"{method}: {answer['error']}")
                    return answer["result"]
            if not select.select([self.of], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError(method + ": no answer")
            more = os.read(self.of, 65536)
            if not more:
                raise AssertionError(method + ": the browser ended")
            self.answers += more

    def close(self):
        try:
            self.do("Browser.close")
            self.child.wait(LIMIT_S)
        finally:
            if self.child.poll() is None:
                self.child.kill()
                self.child.wait()
            os.close(self.to)
            os.close(self.of)


@needs_chromium
class Chromium(OurServer):
    def test_the_page_finds_that_everything_works(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        browser = Browser(folder)
        self.addCleanup(browser.close)
        self.look(browser)

    def look(self, browser):
        target = browser.do("Target.createTarget", url=self.url("/"))["targetId"]
        session = browser.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

        def value(expression):
            return browser.do("Runtime.evaluate", session, expression=expression, returnByValue=True)["result"].get("value")

        until = time.monotonic() + LIMIT_S
        while value("document.documentElement?.dataset.check") != "passed":
            self.assertLess(time.monotonic(), until, value("document.body?.innerText"))
            time.sleep(0.05)
        text = value("document.body.innerText")
        for line in (r"\d\d:\d\d:\d\d UTC", "A browser is here, tr\u00e8s bien", "Hello, Ada!", "588895 bytes"):
            self.assertRegex(text, line)
        picture = os.environ.get("MK_TEST_SCREENSHOT")
        if picture:
            with open(picture, "wb") as file:
                file.write(base64.b64decode(browser.do("Page.captureScreenshot", session)["data"]))


if __name__ == "__main__":
    EXAMPLE, WS_CALL, FOLDER = sys.argv[1:4]
    subprocess.run([os.path.join(ROOT, "tests", "net", "make_certificates.sh"), FOLDER], check=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
