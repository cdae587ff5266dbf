# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: running `mk` with pipes, on a terminal of its own, and waiting for what it says.
Nothing here sleeps to be sure; everything waits for an output or an end, with a limit that only a failure reaches.

Each test file is called with the path of mk and of the build folder (where examples/ and tests/guests/ are).
MK_TEST_ENGINE names the WebAssembly engine to test with, if not the default one."""
import fcntl
import http.server
import os
import pty
import queue
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import unittest

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "60"))  # sanitizers and a busy machine included

MK = ""
BUILD = ""


def example(name):
    return os.path.join(BUILD, "examples", name + ".wasm")


def guest(name):
    return os.path.join(BUILD, "tests", "guests", name + ".wasm")


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MK_")}
    env.update({"TERM": "xterm", "LC_ALL": "C", "MK_ENGINE": os.environ.get("MK_TEST_ENGINE", "")})
    env.update(more)
    return env


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


def run(*args, stdin=b"", env=None):
    """mk with these arguments, until it ends."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([MK, *args], input=stdin, capture_output=True, timeout=LIMIT_S, env=env or environment())
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


class Terminal:
    """mk on a pseudo terminal. `text` is all it has written, with the escape sequences in it."""

    def __init__(self, *args, columns=80, rows=24, env=None):
        self.text = ""
        self.seen = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(MK, [MK, *args], env or environment())
        self.resize(columns, rows)
        self.code = None

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def read_some(self, until):
        ready, _, _ = select.select([self.fd], [], [], max(0, until - time.monotonic()))
        if not ready:
            raise AssertionError("nothing more came; so far:\n" + repr(self.text[self.seen :]))
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            piece = b""
        self.text += piece.decode("utf-8", "replace")
        return len(piece) > 0

    def expect(self, what):
        """Waits for `what` (a regular expression) behind everything expected so far and returns the match."""
        until = time.monotonic() + LIMIT_S
        while True:
            found = re.search(what, self.text[self.seen :])
            if found:
                self.seen += found.end()
                return found
            if not self.read_some(until):
                raise AssertionError("ended before %r; so far:\n%r" % (what, self.text[self.seen :]))

    def wait(self):
        """Reads until it ends; returns the exit code, or minus the signal."""
        until = time.monotonic() + LIMIT_S
        while self.read_some(until):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def mode(self):
        return termios.tcgetattr(self.fd)

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -signal.SIGKILL
        os.close(self.fd)


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Web:
    """A web server at `url` with these pages. /cut.wasm is cut off in the middle, /slow.wasm comes in pieces as `release`
    is called."""

    def __init__(self, pages):
        self.pages = pages
        self.pieces = queue.Queue()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.answer(self)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def release(self, size):
        self.pieces.put(size)

    def answer(self, request):
        path = request.path.split("?")[0]
        page = b"\0asm" if path == "/cut.wasm" else self.pages.get(path)
        if page is None:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(1000 if path == "/cut.wasm" else len(page)))
        request.end_headers()
        if path != "/slow.wasm":
            request.wfile.write(page)
            return
        at = 0
        while at < len(page):
            size = self.pieces.get(timeout=LIMIT_S)
            request.wfile.write(page[at : at + size])
            at += size


def screen(text, columns=80):
    """The rows a person sees after `text`: as much of a terminal as the console makes use of."""
    rows, row, column = [[]], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|.", text, re.S):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
        elif part == "\a":
            pass
        elif part.startswith("\x1b["):
            count = int(part[2:-1] or 0)
            if part[-1] == "A":
                row -= max(count, 1)
            elif part[-1] == "C":
                column += max(count, 1)
            elif part[-1] == "H":
                row = column = 0
            elif part[-1] == "J" and count == 2:
                rows = [[] for _ in rows]
            elif part[-1] == "J":
                rows[row] = rows[row][:column]
                del rows[row + 1 :]
        else:
            if column == columns:
                row, column = row + 1, 0
            while len(rows) <= row:
                rows.append([])
            rows[row] += " " * (column + 1 - len(rows[row]))
            rows[row][column] = part
            column += 1
        while len(rows) <= row:
            rows.append([])
    return ["".join(r).rstrip() for r in rows]


def main():
    global MK, BUILD
    MK, BUILD = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
