# SPDX-License-Identifier: Apache-2.0
"""Nodes as processes: started, listened to, talked to through their shells, killed. For tests of several of them."""
import os
import re
import secrets
import signal
import subprocess
import threading
import time

import rig


def until(what, holds, limit=None):
    """Waits until `holds()` is true and returns what it said; `what` names it for the failure."""
    end = time.monotonic() + (limit or rig.LIMIT_S)
    while True:
        said = holds()
        if said:
            return said
        if time.monotonic() > end:
            raise AssertionError("never: %s" % what)
        time.sleep(0.02)


def write_secret(path, *lines, mode=0o600):
    """A file of cluster secrets, replaced in one step; each line is (role, key)."""
    text = "".join("%s %s\n" % line for line in lines)
    fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)
    return path


def new_key():
    return secrets.token_hex(32)


class Process:
    """mk with its outputs being gathered line by line. `prefix` is what runs it (a namespace, say)."""

    def __init__(self, *args, prefix=(), env=None):
        self.args = args
        self.process = subprocess.Popen(
            [*prefix, rig.MK, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            bufsize=1, env=env or rig.environment(),
        )
        self.news = threading.Condition()
        self.out, self.err = [], []
        self.threads = [
            threading.Thread(target=self.gather, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for thread in self.threads:
            thread.start()

    def gather(self, stream, lines):
        for line in stream:
            with self.news:
                lines.append(line.rstrip("\n"))
                self.news.notify_all()
        stream.close()
        with self.news:
            self.news.notify_all()

    def expect(self, pattern, lines=None, start=0, limit=None):
        """The first line from `start` on that matches, and its number."""
        lines = self.out if lines is None else lines
        end = time.monotonic() + (limit or rig.LIMIT_S)
        with self.news:
            while True:
                for at in range(start, len(lines)):
                    found = re.search(pattern, lines[at])
                    if found:
                        return found, at
                start = len(lines)
                if self.is_over() or not self.news.wait(max(0, end - time.monotonic())):
                    raise AssertionError("%s did not say %r\nout: %s\nerr: %s" % (self.args, pattern, self.out, self.err))

    def is_over(self):
        return not any(thread.is_alive() for thread in self.threads)

    def log(self):
        return "\n".join(self.err)

    def end(self, number=signal.SIGTERM):
        """Sends a signal unless it is over already; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
        code = self.process.wait(rig.LIMIT_S)
        for thread in self.threads:
            thread.join()
        self.process.stdin.close()
        return code

    def kill(self):
        return self.end(signal.SIGKILL)


class Node(Process):
    """mk node; `where` are the addresses it listens at, once it does."""

    def __init__(self, *args, listen=(), **more):
        options = [word for at in listen for word in ("--listen", at)]
        super().__init__("node", *args, *options, **more)
        self.where = []
        at = -1
        for _ in listen:
            found, at = self.expect(r"listens on (\S+)$", start=at + 1)
            self.where.append(found.group(1))


class Shell(Process):
    """mk shell, one question at a time."""

    NEWS = ("[message]", "[reload]")

    def __init__(self, *args, **more):
        super().__init__("shell", *args, **more)
        self.questions = 0
        self.read = 0
        self.unasked = []

    def ask(self, line, limit=None):
        """What it answers, as one text; what nobody asked for goes to `unasked`."""
        self.questions += 1
        mark = "end-of-%d" % self.questions
        self.process.stdin.write("%s\nlookup %s\n" % (line, mark))
        self.process.stdin.flush()
        _, at = self.expect('^lookup: there is no actor "%s"$' % mark, start=self.read, limit=limit)
        said = self.out[self.read : at]
        self.read = at + 1
        self.unasked += [text for text in said if text.startswith(self.NEWS)]
        return "\n".join(text for text in said if not text.startswith(self.NEWS))

    def names(self, prefix=""):
        """{name: id} as `ls` shows them."""
        lines = self.ask("ls " + prefix).splitlines()[1:]
        return {line.split(None, 1)[1]: int(line.split()[0]) for line in lines if line[:1].isdigit()}

    def nodes(self):
        """{name: the rest of its line} of those that are linked."""
        return self.table("NODE ")

    def targets(self):
        """{where: the rest of its line} of those that should be and are not."""
        return self.table("NOT LINKED ")

    def table(self, begins):
        """Of what `nodes` says."""
        found, wanted = {}, False
        for line in self.ask("nodes").splitlines():
            if line.startswith(("NODE ", "NOT LINKED ")):
                wanted = line.startswith(begins)
            elif wanted:
                found[line.split()[0]] = line
        return found

    def sees(self, *names):
        known = self.names()
        return all(name in known for name in names)
