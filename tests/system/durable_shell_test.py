# SPDX-License-Identifier: Apache-2.0
"""mk shell with a folder: what is kept survives a kill -9, a guest gets another module under load, models are asked, and folders that
cannot be used say so."""
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import rig

TOKEN = "correct horse battery staple"
ASK, KEEP = 10, 11  # tests/guests/versions.c


class Shell:
    """mk shell on pipes. `expect` waits for a line on standard output."""

    def __init__(self, *args, prefix=(), **env):
        self.child = subprocess.Popen([*prefix, rig.MK, "shell", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=rig.environment(**env))
        self.lines, self.errors, self.seen = [], [], 0
        self.more = threading.Condition()
        self.threads = [threading.Thread(target=self.read, args=where, daemon=True)
                        for where in ((self.child.stdout, self.lines), (self.child.stderr, self.errors))]
        for thread in self.threads:
            thread.start()

    def read(self, stream, lines):
        for line in stream:
            with self.more:
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.more.notify_all()
        stream.close()

    def say(self, *lines):
        self.child.stdin.write("".join(line + "\n" for line in lines).encode())
        self.child.stdin.flush()

    def expect(self, what):
        """The match with the first line, behind those expected so far, in which `what` (a regular expression) is found."""
        until = time.monotonic() + rig.LIMIT_S
        with self.more:
            while True:
                while self.seen < len(self.lines):
                    self.seen += 1
                    found = re.search(what, self.lines[self.seen - 1])
                    if found:
                        return found
                if not self.more.wait(until - time.monotonic()):
                    raise AssertionError("no line with %r; said %r and %r" % (what, self.lines[-20:], self.errors))

    def ask(self, line, what):
        self.say(line)
        return self.expect(what)

    def told(self, line):
        """All it says to this line."""
        self.say(line, "whoami")
        begin = self.seen
        self.expect("^actor .* on node")
        return self.lines[begin : self.seen - 1]

    def end(self, how=None):
        """Its exit code; how: a signal, or the end of its input."""
        if how is not None:
            self.child.send_signal(how)
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass
        code = self.child.wait(rig.LIMIT_S)
        for thread in self.threads:
            thread.join(rig.LIMIT_S)
        return code


class Folder(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="mk-keep-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.data = os.path.join(self.root, "data")

    def shell(self, *args, **more):
        shell = Shell("--data", self.data, *args, **more)
        self.addCleanup(shell.end, signal.SIGKILL)
        return shell

    def kill(self, shell):
        self.assertEqual(shell.end(signal.SIGKILL), -signal.SIGKILL)


class Kept(Folder):
    def test_everything_survives_a_kill(self):
        shell = self.shell("--trusted")
        shell.ask("put colour dark  green", "^OK$")
        shell.ask("put gone 1", "^OK$")
        shell.ask("put count 1", "^OK$")
        shell.ask("put count 2", "^OK$")
        shell.ask("del gone", "^OK$")
        shell.ask("sql create table t (a integer, b text)", "^OK$")
        shell.ask("sql insert into t values (7, 'seven'), (8, null)", "^OK$")
        shell.ask("queue an item", "^OK$")
        shell.ask("load " + rig.guest("versions_1"), "^Spawned")
        shell.say("send versions_1 %d abcd" % KEEP)
        shell.ask("call versions_1 %d" % ASK, r'size=12 ".*abcd"')
        shell.ask("self", r"^\d+$")
        while "self" not in shell.told("get shell/history"):  # which is kept in the background
            pass
        self.kill(shell)

        shell = self.shell("--trusted")
        shell.ask("get colour", "^dark  green$")
        shell.ask("get count", "^2$")
        shell.ask("get gone", "^get: not found$")
        self.assertEqual(shell.told("keys"), ["colour", "count", "shell/history"])
        shell.ask("sql select * from t", r'^\[\{"a":7,"b":"seven"\},$')
        shell.expect(r'^\{"a":8,"b":null\}\]$')
        shell.say("history")
        for line in ("put colour dark  green", "queue an item", "self", "get colour", "history"):
            shell.expect(r"^ *\d+  " + line + "$")
        shell.ask("load " + rig.guest("versions_1"), "^Spawned")
        shell.ask("call versions_1 %d" % ASK, r'size=12 "\\x01.*abcd"')
        self.kill(shell)

        # The item has not been consumed: its file is there, and its number is not given again. Of those that were set aside for the
        # life before none is.
        shell = self.shell()
        shell.ask("queue another", "^OK$")
        self.kill(shell)
        bodies = []
        for name in os.listdir(self.data):
            if not name.startswith((".", "node.db")):
                bodies.append(rig.read(os.path.join(self.data, name)))
        self.assertEqual(self.numbers_of(b"an item", bodies), [1])
        later = self.numbers_of(b"another", bodies)
        self.assertEqual(len(later), 1)
        self.assertGreater(later[0], 1)

    def numbers_of(self, item, bodies):
        found = (re.search(rb"queue\0default\0([0-9a-f]{16})" + item, body) for body in bodies)
        return [int(match.group(1), 16) for match in found if match]

    def test_what_is_written_when_it_is_told_to_end_is_there(self):
        for how, code in ((signal.SIGTERM, 0), (None, 0)):
            shell = self.shell()
            shell.ask("put a %s" % how, "^OK$")
            shell.end(how)
            shell = self.shell()
            shell.ask("get a", "^%s$" % how)
            self.assertEqual(shell.end(), code)

    def test_there_is_no_more_of_it_than_was_said(self):
        shell = self.shell("--data-max", "1")
        value, kept = "v" * 3000, 0
        while shell.ask("put k%d %s" % (kept, value), "^(OK|put: a configured limit is reached)$").group(1) == "OK":
            kept += 1
            self.assertLess(kept * len(value), 1 << 20)
        shell.ask("del k0", "^OK$")
        shell.ask("put k%d %s" % (kept, value), "^OK$")
        shell.ask("sql create table t (x)", "^OK$")
        shell.ask("sql insert into t values (zeroblob(700000))", "^OK$")
        shell.ask("sql insert into t values (zeroblob(700000))", "^sql: the disk is full, or the database as large as it may be$")
        self.assertEqual(shell.end(), 0)

    def test_a_damaged_value_gives_the_one_before_it_and_says_so(self):
        shell = self.shell()
        shell.ask("put a first", "^OK$")
        shell.ask("put a second", "^OK$")
        self.kill(shell)
        for name in os.listdir(self.data):
            path = os.path.join(self.data, name)
            text = rig.read(path)
            if text.endswith(b"second"):
                with open(path, "wb") as f:
                    f.write(text[:-1] + b"D")
        shell = self.shell()
        shell.ask("get a", "^first$")
        self.assertEqual(shell.end(), 0)
        self.assertIn("a file of 'kv?a' is damaged; the other one is used", "\n".join(shell.errors))


class Reloaded(Folder):
    """A node with several sessions over TCP: some call a guest all the time, one gives it other modules."""

    def setUp(self):
        super().setUp()
        self.node = subprocess.Popen([rig.MK, "shell", "--listen", "127.0.0.1:0", "--data", self.data, "--trusted", "--log", "warn"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     env=rig.environment(MK_SHELL_TOKEN=TOKEN))
        self.port = int(re.fullmatch(rb"Listening at .*:(\d+)\n", self.node.stdout.readline()).group(1))
        self.addCleanup(self.end)

    def end(self):
        if self.node.returncode is None:
            self.node.send_signal(signal.SIGTERM)
            _, self.errors = self.node.communicate(timeout=rig.LIMIT_S)
        return self.errors.decode("utf-8", "replace")

    def join(self):
        peer = socket.create_connection(("127.0.0.1", self.port), rig.LIMIT_S)
        self.addCleanup(peer.close)
        lines = peer.makefile("rwb")
        self.addCleanup(lines.close)
        self.say(lines, TOKEN)
        return lines

    @staticmethod
    def say(lines, *what):
        lines.write("".join(line + "\n" for line in what).encode())
        lines.flush()

    @staticmethod
    def expect(lines, what):
        while True:
            line = lines.readline().decode("utf-8", "replace")
            if not line:
                raise AssertionError("the session ended before %r" % what)
            found = re.search(what, line)
            if found:
                return found

    def flood(self, lines, calls, answers):
        """Calls as fast as it can; (version, how many the instance has had) of each answer."""
        self.say(lines, *["call versions_1 %d" % ASK] * calls)
        for _ in range(calls):
            found = self.expect(lines, r'\[reply\] .*size=12 "\\x(..)\\x00\\x00\\x00|^call: .*|mk> call: .*')
            answers.append(found.group(1) or found.group(0))

    def test_messages_under_load_are_answered_by_one_or_the_other(self):
        operator, callers, calls = self.join(), [self.join() for _ in range(3)], 200
        self.say(operator, "load " + rig.guest("versions_1"))
        self.expect(operator, "Spawned")
        self.say(operator, "send versions_1 %d abcd" % KEEP)
        answers = [[] for _ in callers]
        threads = [threading.Thread(target=self.flood, args=(caller, calls, answers[i])) for i, caller in enumerate(callers)]
        for thread in threads:
            thread.start()
        reloads = undone = 0
        while any(thread.is_alive() for thread in threads) or reloads < 3:
            module = ("versions_2", "versions_3_traps_at_once", "versions_1", "versions_3_traps")[reloads % 4]
            self.say(operator, "reload versions_1 " + rig.guest(module))
            self.expect(operator, "Reloaded actor .*; on probation")
            if not all(thread.is_alive() for thread in threads):  # else nobody would bring it about
                self.say(operator, *["call versions_1 %d" % ASK] * 12)
            outcome = self.expect(operator, r"\[reload\] actor \d+: the new module (stays|was taken back: .*)").group(1)
            self.assertEqual(outcome == "stays", module in ("versions_1", "versions_2"), outcome)
            undone += outcome != "stays"
            reloads += 1
        for thread in threads:
            thread.join(rig.LIMIT_S)
        for i, _ in enumerate(callers):
            self.assertEqual(len(answers[i]), calls)
            self.assertLessEqual(set(answers[i]), {"01", "02", "03"})
        self.say(operator, "call versions_1 %d" % ASK)
        self.expect(operator, r'size=12 ".*abcd"')  # what was kept has lived through all of them
        log = self.end()
        self.assertEqual(log.count("its new module is taken back"), undone, log)
        self.assertEqual(self.node.returncode, 0, log)

    def test_one_that_traps_is_taken_back_and_says_so(self):
        operator = self.join()
        self.say(operator, "load " + rig.guest("versions_1"), "send versions_1 %d wxyz" % KEEP)
        self.expect(operator, "Sent")
        self.say(operator, "reload versions_1 " + rig.guest("versions_3_traps_at_once"), "call versions_1 %d" % ASK)
        self.expect(operator, r'\[reply\] .*size=12 "\\x01\\x00.*wxyz"')
        self.expect(operator, r"\[reload\] actor \d+: the new module was taken back: unreachable")
        self.say(operator, "list")
        self.expect(operator, r"versions_1 +new module taken back")
        for module, why in (("no_handler", "handle_message"), ("invalid_code", "."), ("versions_3_greedy", "mk_spawn_wasm")):
            if module == "versions_3_greedy":
                continue  # this node trusts its guests
            self.say(operator, "reload versions_1 " + rig.guest(module))
            self.expect(operator, "reload: .*" + why)
        self.say(operator, "reload versions_1 /dev/zero")
        self.expect(operator, "reload: /dev/zero: not a file that can be read")
        self.say(operator, "reload nobody x.wasm", "reload versions_1 /nowhere/x.wasm", "reload versions_1")
        self.expect(operator, 'reload: there is no actor "nobody"')
        self.expect(operator, "reload: No such file")
        self.expect(operator, "usage: reload <name> <path-or-url>")
        self.say(operator, "call versions_1 %d" % ASK)
        self.expect(operator, r'\[reply\] .*size=12 "\\x01\\x00\\x00\\x00\\x02.*wxyz"')
        self.assertRegex(self.end(), r"WARN .*its new module is taken back: unreachable")

    def test_the_shell_of_another_console_stays_what_it_is(self):
        operator = self.join()
        self.say(operator, "lookup shell")
        self.expect(operator, "shell is actor")
        other = self.join()
        self.say(other, "lookup shell_2")
        shell = self.expect(other, r"shell_2 is actor (\d+)").group(1)
        for name in ("shell_2", shell):
            self.say(operator, "reload %s %s" % (name, rig.guest("versions_2")))
            self.expect(operator, "reload: that actor is the shell of a console$")
        self.say(other, "self")
        self.expect(other, shell + "$")
        self.say(other, "exit")
        self.expect(other, "Goodbye")
        self.say(operator, "load " + rig.guest("versions_1"), "reload versions_1 " + rig.guest("versions_2"))
        self.expect(operator, "Reloaded actor")

    def test_a_module_comes_from_the_web(self):
        operator = self.join()
        self.say(operator, "load " + rig.guest("versions_1"))
        self.expect(operator, "Spawned")
        with rig.Web({"/v2.wasm": rig.read(rig.guest("versions_2"))}) as web:
            self.say(operator, "reload versions_1 %s/v2.wasm" % web.url)
            self.expect(operator, "Downloaded")
            self.expect(operator, "Reloaded actor")
            self.say(operator, "reload versions_1 %s/none.wasm" % web.url, "call versions_1 %d" % ASK)
            self.expect(operator, "reload: the server answers 404")
            self.expect(operator, r'size=12 "\\x02')


class Model:
    """As much of a model server as is needed."""

    def __init__(self):
        model = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                model.answer(self)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/v1" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.requests.append((request.path, request.headers.get("Authorization"), body))
        code, answer = 404, {"error": {"message": "no such path"}}
        if request.path == "/v1/chat/completions":
            text = body["messages"][-1]["content"]
            code, answer = 200, {"choices": [{"message": {"role": "assistant", "content": text[::-1]}}]}
            if text == "fail":
                code, answer = 429, {"error": {"message": "slow down"}}
        elif request.path == "/v1/embeddings":
            code, answer = 200, {"data": [{"embedding": [0.5, -1, 2e-3]}]}
        text = json.dumps(answer).encode()
        request.send_response(code)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)


class Models(unittest.TestCase):
    def test_a_model_is_asked_over_http(self):
        model = Model()
        self.addCleanup(model.close)
        shell = Shell(MK_AI_URL=model.url, MK_AI_MODEL="tiny", MK_AI_KEY="secret")
        self.addCleanup(shell.end, signal.SIGKILL)
        shell.ask('ai say "hello" \\ twice', r'^eciwt \\ "olleh" yas$')
        shell.ask("embed some text", r"^\[0\.5,-1(\.0)?,0\.002\]$")
        shell.ask("ai fail", r"^ai: the model server answered 429.*slow down")
        self.assertEqual([path for path, _, _ in model.requests],
                         ["/v1/chat/completions", "/v1/embeddings", "/v1/chat/completions"])
        for _, key, body in model.requests:
            self.assertEqual((key, body["model"]), ("Bearer secret", "tiny"))
        self.assertEqual(model.requests[1][2]["input"], "some text")
        model.close()
        shell.ask("ai anybody?", "^ai: .+")
        self.assertEqual(shell.end(), 0)

    def test_without_one_it_says_what_is_missing(self):
        shell = Shell()
        self.addCleanup(shell.end, signal.SIGKILL)
        shell.ask("ai hello", r"^ai: no node here has a model \(MK_AI_URL\)$")
        shell.ask("get a", r"^get: no node here keeps values \(mk shell --data DIR\)$")
        shell.ask("sql select 1", r"^sql: no node here has a database")
        shell.ask("queue x", r"^queue: no node here has a queue")


class BadFolders(Folder):
    def refuse(self, path, says):
        done = rig.run("shell", "--data", path)
        self.assertEqual((done.code, done.out), (1, ""), done.err)
        self.assertRegex(done.err, "(?m)^mk shell: .*(%s)" % says)  # the log comes when it comes

    def test_one_that_cannot_be_made_or_is_none(self):
        self.refuse(os.path.join(self.root, "no", "such"), "No such file or directory")
        self.refuse("/dev/null", "/dev/null: Not a directory$")
        self.refuse(os.path.join(self.root, "x" * 300), "File name too long")

    def test_one_that_another_node_has(self):
        shell = self.shell()
        shell.ask("put a 1", "^OK$")
        self.refuse(self.data, "another node has it")
        shell.ask("get a", "^1$")
        self.kill(shell)  # and with that it is free
        shell = self.shell()
        shell.ask("get a", "^1$")

    def test_one_behind_a_link(self):
        os.mkdir(self.data)
        link = os.path.join(self.root, "link")
        os.symlink(self.data, link)
        shell = Shell("--data", link)
        self.addCleanup(shell.end, signal.SIGKILL)
        shell.ask("put a 1", "^OK$")
        shell.ask("sql create table t (a)", "^OK$")
        for name in os.listdir(self.data):
            mode = os.stat(os.path.join(self.data, name)).st_mode
            self.assertEqual(mode & 0o77, 0, name)

    def test_one_that_is_read_only(self):
        shell = self.shell()
        shell.ask("put a 1", "^OK$")
        self.assertEqual(shell.end(), 0)
        prefix = ()
        if os.geteuid() != 0:
            os.chmod(self.data, 0o500)
            self.addCleanup(os.chmod, self.data, 0o700)
        else:  # whom only a mount stops
            prefix = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"', self.data)
            if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
                self.skipTest("no mounts here")
        shell = self.shell(prefix=prefix)
        shell.ask("get a", "^1$")
        shell.ask("put a 2", "^put: not permitted$")
        shell.ask("queue x", "^queue: not permitted$")
        shell.ask("sql create table t (a)", "^sql: .+")
        shell.ask("get a", "^1$")
        self.assertEqual(shell.end(), 0)
        self.assertRegex("\n".join(shell.errors), "ERROR .*--data %s: .* nothing can be written: " % re.escape(self.data))


if __name__ == "__main__":
    rig.main()
