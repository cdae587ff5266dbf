#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our HTTP client and other people's servers, over sockets of this machine: Python's, nginx, and a proxy of a few lines.

usage: http_client_test.py PATH_OF_HTTP_FETCH TLS_ENGINE FOLDER_FOR_CERTIFICATES [unittest arguments]
"""
import hashlib
import http.server
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "60"))
FETCH, ENGINE, FOLDER = "", "", ""
BIG = bytes(range(256)) * 32768  # 8 MiB


def pem(name):
    return os.path.join(FOLDER, name)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    env.update(more)
    return env


def fetch(*arguments, stdin=None, **env):
    done = subprocess.run([FETCH, "--engine", ENGINE, *arguments], capture_output=True, text=True, timeout=LIMIT_S, input=stdin,
                          env=environment(**env))
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def said(status, body, kind="text/plain"):
    return f"{status} {kind} {len(body)} {hashlib.sha256(body).hexdigest()} 0"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def setup(self):
        super().setup()
        self.server.connections += 1

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        if self.path == "/hello":
            self.answer(b"hello")
        elif self.path == "/big":
            self.answer(BIG)
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(BIG), 100000):
                piece = BIG[at : at + 100000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/until-close":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + BIG)
            self.close_connection = True
        elif self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + BIG)
            self.close_connection = True
        elif self.path == "/tls-cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nas if this were all")
            os.close(self.connection.detach())  # no close_notify
            self.close_connection = True
        elif self.path == "/close-after":
            self.answer(b"hello")  # and the connection ends although nobody said so
            self.close_connection = True
        elif self.path == "/redirect":
            self.answer(b"go there", 302, Location="/hello")
        elif self.path.startswith("/to/"):
            self.answer(b"go there", 302, Location=self.path[4:])
        elif self.path == "/silent":
            self.server.silence.wait(LIMIT_S)
        else:
            self.answer(b"none", 404)

    do_HEAD = do_GET

    def do_POST(self):
        self.server.asked.append((self.path, dict(self.headers)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(body, 201)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, test, handler=Handler, certificate=None, key=None):
        super().__init__(("127.0.0.1", 0), handler)
        self.connections = 0
        self.asked = []
        self.silence = threading.Event()
        self.port = self.server_address[1]
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem(certificate), pem(key))
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        test.addCleanup(self.end)

    def finish_request(self, request, client_address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        try:
            super().finish_request(request, client_address)
        finally:
            if self.context:
                request.close()

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests

    def end(self):
        self.silence.set()
        self.shutdown()
        self.server_close()

    def url(self, path, host="127.0.0.1"):
        return f"http{'s' if self.context else ''}://{host}:{self.port}{path}"


class Proxy(socketserver.StreamRequestHandler):
    """CONNECT to anywhere (which is here), and whole addresses for http."""

    def handle(self):
        line = self.rfile.readline().decode()
        head = []
        while True:
            more = self.rfile.readline().decode()
            if more in ("\r\n", ""):
                break
            head.append(more)
        self.server.asked.append((line, head))
        method, target, _ = line.split()
        if method != "CONNECT":
            host, _, path = target[len("http://") :].partition("/")
            up = socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])))
            up.sendall(f"{method} /{path} HTTP/1.1\r\n{''.join(head)}Connection: close\r\n\r\n".encode())
        else:
            up = socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])))
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=self.copy, args=(self.connection, up), daemon=True).start()
        self.copy(up, self.connection)
        up.close()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass


class Python(unittest.TestCase):
    def test_bodies_of_all_kinds(self):
        server = Server(self)
        for stream in ((), ("--stream",)):
            for path, body in (("/hello", b"hello"), ("/big", BIG), ("/chunked", BIG), ("/until-close", BIG)):
                self.assertEqual(fetch(*stream, server.url(path)), [said(200, body)], path)

    def test_a_connection_is_used_again(self):
        server = Server(self)
        self.assertEqual(fetch(*[server.url("/hello")] * 20), [said(200, b"hello")] * 20)
        self.assertEqual(server.connections, 1)

    def test_a_connection_that_went_stale(self):
        server = Server(self)
        self.assertEqual(fetch(server.url("/close-after"), "-", server.url("/hello"), stdin="\n"),
                         [said(200, b"hello")] * 2)
        self.assertEqual(server.connections, 2)

    def test_requests_with_bodies(self):
        server = Server(self)
        self.assertEqual(fetch("--method", "POST", "--body", "my body", server.url("/echo")), [said(201, b"my body")])
        self.assertEqual(fetch("--method", "POST", "--chunked", "piece ", server.url("/echo")),
                         [said(201, b"piece " * 100)])

    def test_head_and_errors(self):
        server = Server(self)
        self.assertEqual(fetch("--method", "HEAD", server.url("/big")), [said(200, b"")])
        self.assertEqual(fetch(server.url("/nothing")), [said(404, b"none")])
        line, = fetch(server.url("/cut"))
        self.assertRegex(line, "error IO: .*in the middle of the answer")
        line, = fetch("--total", "200", server.url("/silent"))
        self.assertRegex(line, "error TIMEOUT: ")
        line, = fetch("http://127.0.0.1:1/")
        self.assertRegex(line, "error IO: 127.0.0.1:1: ")

    def test_redirects_and_secrets(self):
        one, other = Server(self), Server(self)
        self.assertEqual(fetch(one.url("/redirect")), [said(200, b"hello")])
        secret = ("--header", "Authorization: Bearer x")
        self.assertEqual(fetch(*secret, one.url("/to/" + other.url("/hello"))), [said(200, b"hello")])
        self.assertEqual(one.asked[-1][1]["Authorization"], "Bearer x")
        self.assertNotIn("Authorization", other.asked[-1][1])

    def test_a_name(self):
        server = Server(self)
        self.assertEqual(fetch(server.url("/hello", "localhost")), [said(200, b"hello")])

    def test_files(self):
        server = Server(self)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "big")
            for source in ("/big", "/chunked", "/until-close"):
                line, = fetch("--file", path, server.url(source))
                self.assertRegex(line, "^200 text/plain 0 ")
                with open(path, "rb") as file:
                    self.assertEqual(file.read(), BIG)
                self.assertEqual(os.listdir(folder), ["big"])
                os.unlink(path)
            line, = fetch("--file", path, server.url("/cut"))
            self.assertRegex(line, "^error IO: ")
            self.assertEqual(os.listdir(folder), [])
            line, = fetch("--file", path, server.url("/nothing"))
            self.assertEqual(line, said(404, b"none"))
            self.assertEqual(os.listdir(folder), [])

    @unittest.skipUnless(os.path.exists("/dev/full"), "no full disk")
    def test_a_full_disk(self):
        server = Server(self)
        # A file system of a megabyte needs a namespace of one's own, which not every machine allows.
        script = 'mount -t tmpfs -o size=1m none "$1" && "$2" --file "$1/big" "$3" && ls -A "$1"'
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["unshare", "-rm", "sh", "-c", script, "sh", folder, FETCH, server.url("/big")],
                                  capture_output=True, text=True, timeout=LIMIT_S, env=environment())
        if "unshare" in done.stderr or "mount" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.stdout, "error IO: the disk is full\n", done.stderr)


class Proxies(unittest.TestCase):
    def setUp(self):
        self.proxy = Server(self, Proxy)
        self.plain = Server(self)
        self.secure = Server(self, certificate="good.pem", key="good.key")
        self.at = f"http://me:you@127.0.0.1:{self.proxy.port}"

    def test_http_goes_by_whole_address(self):
        self.assertEqual(fetch("--proxy", self.at, self.plain.url("/hello")), [said(200, b"hello")])
        line, head = self.proxy.asked[0]
        self.assertEqual(line, f"GET {self.plain.url('/hello')} HTTP/1.1\r\n")
        self.assertIn("Proxy-Authorization: Basic bWU6eW91\r\n", head)

    def test_https_goes_through_a_tunnel(self):
        self.assertEqual(fetch("--ca", pem("ca.pem"), "--proxy", self.at, self.secure.url("/big"), self.secure.url("/hello")),
                         [said(200, BIG), said(200, b"hello")])
        self.assertEqual(len(self.proxy.asked), 1)
        self.assertEqual(self.proxy.asked[0][0], f"CONNECT 127.0.0.1:{self.secure.port} HTTP/1.1\r\n")
        self.assertIn("Proxy-Authorization: Basic bWU6eW91\r\n", self.proxy.asked[0][1])
        self.assertNotIn("Proxy-Authorization", self.secure.asked[0][1])

    def test_the_environment(self):
        both = {"HTTP_PROXY": self.at, "HTTPS_PROXY": self.at}
        ca = ("--ca", pem("ca.pem"))
        self.assertEqual(fetch(*ca, self.plain.url("/hello"), self.secure.url("/hello"), **both), [said(200, b"hello")] * 2)
        self.assertEqual(len(self.proxy.asked), 2)
        fetch(*ca, self.plain.url("/hello"), self.secure.url("/hello"), NO_PROXY="localhost,127.0.0.0/8", **both)
        fetch(*ca, "--proxy", "", self.plain.url("/hello"), **both)
        self.assertEqual(len(self.proxy.asked), 2)

    def test_the_certificate_is_the_servers(self):
        server = Server(self, certificate="other.pem", key="other.key")
        line, = fetch("--ca", pem("ca.pem"), "--proxy", self.at, server.url("/hello"))
        self.assertRegex(line, "^error PROTO: .*certificate")


class Https(unittest.TestCase):
    def test_good_ones(self):
        for certificate, key in (("good.pem", "good.key"), ("rsa.pem", "rsa.key"), ("chain.pem", "chain.key")):
            server = Server(self, certificate=certificate, key=key)
            urls = [server.url("/big", "localhost"), server.url("/hello", "localhost")]
            self.assertEqual(fetch("--ca", pem("ca.pem"), *urls), [said(200, BIG), said(200, b"hello")])
            self.assertEqual(server.connections, 1)

    def test_bad_ones_are_refused_and_said_why(self):
        for certificate, key, ca, why in (
            ("expired.pem", "good.key", "ca.pem", "expired"),
            ("early.pem", "good.key", "ca.pem", "valid"),
            ("other.pem", "other.key", "ca.pem", "host|name|for"),
            ("self.pem", "self.key", "ca.pem", "self|signed|trust"),
            ("good.pem", "good.key", "other_ca.pem", "issuer|trust|signed"),
        ):
            server = Server(self, certificate=certificate, key=key)
            line, = fetch("--ca", pem(ca), server.url("/hello", "localhost"))
            self.assertRegex(line, f"^error PROTO: localhost:{server.port}: .*({why})", certificate)
            self.assertEqual(server.asked, [])

    def test_the_systems_authorities(self):
        server = Server(self, certificate="good.pem", key="good.key")
        url = server.url("/hello", "localhost")
        self.assertEqual(fetch(url, url, SSL_CERT_FILE=pem("ca.pem")), [said(200, b"hello")] * 2)
        line, = fetch(url, SSL_CERT_FILE=pem("other_ca.pem"))
        self.assertRegex(line, "^error PROTO: ")

    def test_an_end_that_was_cut_is_no_end(self):
        server = Server(self, certificate="good.pem", key="good.key")
        line, = fetch("--ca", pem("ca.pem"), server.url("/tls-cut", "localhost"))
        self.assertRegex(line, "^error IO: .*in the middle of the answer")
        self.assertEqual(fetch("--ca", pem("ca.pem"), server.url("/cut", "localhost"))[0][:9], "error IO:")

    def test_plain_where_tls_is_spoken_and_the_reverse(self):
        plain, secure = Server(self), Server(self, certificate="good.pem", key="good.key")
        line, = fetch(f"https://localhost:{plain.port}/hello", SSL_CERT_FILE=pem("ca.pem"))
        self.assertRegex(line, "^error (PROTO|IO): ")
        line, = fetch(f"http://localhost:{secure.port}/hello")
        self.assertRegex(line, "^error (PROTO|IO): ")


@unittest.skipUnless(shutil.which("nginx"), "nginx is not installed")
class Nginx(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "www"))
        os.mkdir(os.path.join(self.folder, "www", "sub"))
        for name, data in (("big.txt", BIG), ("small.txt", b"hello"), ("sub/index.html", b"<p>"), ("none.txt", b"")):
            with open(os.path.join(self.folder, "www", name), "wb") as file:
                file.write(data)
        for _ in range(20):  # a free port may be somebody's by the time nginx asks for it
            self.plain, self.secure = self.free_port(), self.free_port()
            if self.start():
                return
        self.fail("nginx does not start: " + self.log)

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def start(self):
        path = os.path.join(self.folder, "nginx.conf")
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(path, "w") as file:
            file.write(f"""
daemon off; master_process off; pid {self.folder}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; {temp}
  types {{ text/plain txt; text/html html; }}
  server {{
    listen 127.0.0.1:{self.plain}; listen 127.0.0.1:{self.secure} ssl;
    ssl_certificate {pem("good.pem")}; ssl_certificate_key {pem("good.key")};
    root {self.folder}/www; keepalive_requests 5;
    location /moved {{ return 301 /small.txt; }}
    location /old {{ chunked_transfer_encoding off; keepalive_timeout 0; }}
  }}
}}""")
        child = subprocess.Popen(["nginx", "-p", self.folder, "-c", path], stderr=subprocess.PIPE, text=True)
        while child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.secure), 1).close()
                self.addCleanup(child.stderr.close)
                self.addCleanup(child.wait)
                self.addCleanup(child.terminate)
                return True
            except OSError:
                continue
        self.log = child.stderr.read()
        child.stderr.close()
        return False

    def url(self, path, secure=False):
        return f"https://localhost:{self.secure}{path}" if secure else f"http://127.0.0.1:{self.plain}{path}"

    def test_files_over_both(self):
        for secure in (False, True):
            urls = [self.url(path, secure) for path in ("/small.txt", "/big.txt", "/none.txt", "/moved", "/sub")]
            self.assertEqual(fetch("--ca", pem("ca.pem"), *urls),
                             [said(200, b"hello"), said(200, BIG), said(200, b""), said(200, b"hello"), said(200, b"<p>", "text/html")])

    def test_connections_that_nginx_ends(self):
        urls = [self.url("/small.txt")] * 23  # every fifth answer is the last of its connection
        self.assertEqual(fetch(*urls), [said(200, b"hello")] * 23)

    def test_a_part(self):
        self.assertEqual(fetch("--header", "Range: bytes=1-3", self.url("/small.txt")), [said(206, b"ell")])

    def test_a_download_over_tls(self):
        path = os.path.join(self.folder, "copy")
        line, = fetch("--ca", pem("ca.pem"), "--file", path, self.url("/big.txt", True))
        self.assertRegex(line, "^200 text/plain 0 ")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), BIG)


if __name__ == "__main__":
    FETCH, ENGINE, FOLDER = os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
    subprocess.run(["sh", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net", "make_certificates.sh"), FOLDER],
                   check=True)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
