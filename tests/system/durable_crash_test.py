#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node is killed (-9) again and again while it writes; what it has acknowledged is there afterwards, and nothing that nobody has
asked for.

usage: durable_crash_test.py DURABLE_NODE GUEST.wasm [--rounds N] [--seed S] [--kinds kv,state,sql,queue] [--seconds S]

Each life of the node (durable_node.c) tells what it finds on its disk and then every request and every answer, in lines. From them
this program knows at the moment of death, for each key, which values it may have in the next life: the one last acknowledged, or any
that was asked for after it. For the queue each item is a key of its own, so an item that was not acknowledged by its consumer has to
come again and one that was may not; and no two items ever have the same number."""
import argparse
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "60"))


class Wrong(Exception):
    pass


class Model:
    """What may be on the disk. A value is the number of the request that put it, or None."""

    def __init__(self):
        self.asked = {}  # number -> (key, value)
        self.keys = {}   # key -> [acknowledged, asked for later...]
        self.numbers = {}  # the queue's number of an item -> item: never another one's, in no life
        self.oks = 0

    def ask(self, number, what, key):
        value = number if what == "put" else None
        self.asked[number] = (key, value)
        self.keys.setdefault(key, [(0, None)]).append((number, value))

    def ok(self, number):
        key, _ = self.asked[number]
        kept = self.keys[key]
        if number > kept[0][0]:
            self.keys[key] = [entry for entry in kept if entry[0] >= number]
        self.oks += 1

    def may_be(self, key):
        return {value for _, value in self.keys.get(key, [(0, None)])}

    def found(self, there):
        """A new life has told what there is: that is how it stays."""
        for key in set(self.keys) | set(there):
            value = there.get(key)
            if value not in self.may_be(key):
                raise Wrong("%s is %s, and may be one of %s" % (key, value, sorted(self.may_be(key), key=str)))
            number = max(n for n, v in self.keys[key] if v == value)
            self.keys[key] = [(number, value)]

    def forget_gone(self):
        """Of keys that are used once."""
        self.keys = {key: kept for key, kept in self.keys.items() if kept[0][1] is not None or len(kept) > 1}


class Life:
    """One run of the node, and what of it has been read."""

    def __init__(self, command, model, kind, errors):
        self.model, self.kind = model, kind
        self.there, self.rows, self.ready, self.oks = {}, [], False, 0
        self.rest = b""
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        self.fd = self.child.stdout.fileno()

    def line(self, line):
        words = line.split(" ", 3)
        if words[0] == "ask":
            self.model.ask(int(words[1]), words[2], words[3])
        elif words[0] == "ok":
            self.model.ok(int(words[1]))
            self.oks += 1
        elif words[0] == "has":
            if words[1] in self.there:
                raise Wrong("%s was found twice" % words[1])
            self.there[words[1]] = int(words[2])
        elif words[0] == "number":
            if self.model.numbers.setdefault(int(words[1]), words[2]) != words[2]:
                raise Wrong("items %s and %s have both number %s" % (self.model.numbers[int(words[1])], words[2], words[1]))
        elif words[0] == "rows":
            self.rows.append(json.loads(line[5:]))
        elif words[0] == "got":
            if int(words[1]) not in self.model.may_be(words[1]):
                raise Wrong("item %s came, which was acknowledged or never pushed" % words[1])
        elif words[0] == "ready":
            self.take_rows()
            self.model.found(self.there)
            if self.kind == "queue":
                self.model.forget_gone()
            self.ready = True
        else:
            raise Wrong(line[:300])

    def take_rows(self):
        """kept(key, n, value) and log(n), which are written by one transaction."""
        if self.kind != "sql":
            return
        kept, log = self.rows
        log = {row["n"] for row in log}
        self.there = {str(row["key"]): row["n"] for row in kept}
        for row in kept:
            if row["n"] not in log or not row["value"].startswith("%d " % row["n"]):
                raise Wrong("half of request %d" % row["n"])
        if not log <= set(self.model.asked):
            raise Wrong("the log has what nobody asked for")
        latest = {self.model.asked[number][0]: number for number in sorted(log)}
        for key, number in latest.items():
            if self.there.get(key) != self.model.asked[number][1]:
                raise Wrong("the log has request %d, and key %s is not so" % (number, key))

    def read_some(self, wait_s):
        """False: that was all."""
        if not select.select([self.fd], [], [], wait_s)[0]:
            return True
        piece = os.read(self.fd, 1 << 20)
        lines = (self.rest + piece).split(b"\n")
        self.rest = lines.pop()  # cut off by death: it was not asked for yet
        for line in lines:
            self.line(line.decode())
        return piece != b""

    def read_until(self, enough, limit_s):
        until = time.monotonic() + limit_s
        while not enough():
            left = until - time.monotonic()
            if left <= 0:
                return
            if not self.read_some(left):
                raise Wrong("the node ended by itself, with %d" % self.child.wait())

    def end(self, how):
        self.child.send_signal(how)
        until = time.monotonic() + LIMIT_S
        while self.read_some(max(0, until - time.monotonic())):
            if time.monotonic() > until:
                raise Wrong("the node does not end")
        self.child.stdout.close()
        code = self.child.wait()
        if code not in ((0, -signal.SIGTERM) if how == signal.SIGTERM else (-signal.SIGKILL,)):  # asked before it listens
            raise Wrong("the node ended with %d" % code)


def live(life, rng, last):
    """Until when the node may live: mostly for a number of answers, sometimes not even until it has found everything."""
    if last or rng.random() < 0.8:
        life.read_until(lambda: life.ready, LIMIT_S)
        if not life.ready:
            raise Wrong("it did not find everything within %d s" % LIMIT_S)
        answers = 0 if last else rng.choice([1, 5, 30, 100, 300])
        wanted = rng.randint(0, answers)
        life.read_until(lambda: life.oks >= wanted, LIMIT_S)
        if life.oks < wanted:
            raise Wrong("it does not answer any more")
        life.read_until(lambda: False, rng.random() ** 3 * 0.02)
    else:
        life.read_until(lambda: False, rng.random() ** 2 * 0.1)


def run_kind(kind, args, seed):
    rng = random.Random("%s/%d" % (kind, seed))
    model = Model()
    folder = tempfile.mkdtemp(prefix="mk-crash-")
    begun, number, early, clean, rounds = time.monotonic(), 1, 0, 0, 0
    if kind == "sql":
        os.mkdir(os.path.join(folder, "data"))  # a database does not make its folder
    try:
        with open(os.path.join(folder, "errors"), "w+b") as errors:
            for rounds in range(1, args.rounds + 2):
                last = rounds > args.rounds or time.monotonic() - begun > args.seconds
                command = [args.node, os.path.join(folder, "data"), kind, str(rng.getrandbits(60)), str(number), args.guest]
                life = Life(command, model, kind, errors)
                gently = rng.random() < 0.1
                try:
                    live(life, rng, last)
                    life.end(signal.SIGTERM if gently else signal.SIGKILL)
                except Wrong as wrong:
                    life.child.kill()
                    errors.seek(0)
                    sys.stderr.write(errors.read().decode("utf-8", "replace")[-8000:])
                    raise Wrong("round %d: %s" % (rounds, wrong))
                early += not life.ready
                clean += gently
                number = max(model.asked, default=0) + 1
                if last:
                    break
        keys = sum(kept[0][1] is not None for kept in model.keys.values())
        print("%s: %d rounds (%d of them ended before it was ready, %d gently), %d requests, %d acknowledged, %d keys at the end, %.1f s"
              % (kind, rounds, early, clean, len(model.asked), model.oks, keys, time.monotonic() - begun), flush=True)
    finally:
        if args.keep:
            print("kept: " + folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("node")
    parser.add_argument("guest")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no more rounds of a kind after so many")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kinds", default="kv,state,sql,queue")
    parser.add_argument("--keep", action="store_true", help="leave the folders where they are")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().getrandbits(31)
    for kind in args.kinds.split(","):
        try:
            run_kind(kind, args, seed)
        except Wrong as wrong:
            sys.exit("%s, --seed %d: %s" % (kind, seed, wrong))


if __name__ == "__main__":
    main()
