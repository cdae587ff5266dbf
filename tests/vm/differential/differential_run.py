#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs modules on our engine and on WAMR (vm-compare) and reports where the two differ.

usage: differential_run.py [--seed N] [--count N | --seconds N] [--keep FOLDER] [--suite FOLDER] [--guests FOLDER]...
                           [--only made_up|damaged|suite] COMPARE

Modules are made up by binaryen (wasm-opt -ttf), or real ones out of the folders named by --guests with a few bytes changed,
or those of the public tests. All of a module is exported first, so that every function is called. The same seed and count
make the same modules.

Engines may choose which NaN arithmetic makes, and ours makes the same on every machine. So a module that differs is tried
again with its NaNs taken out; if it differs no longer it is counted as that. What is left is made small (wasm-reduce) and
kept.
exit code: 1 when there was a difference
"""
import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import modules

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "spec"))
from loader import convert  # noqa: E402

BATCH = 32
# Nothing that ours ends within its fuel takes WAMR this long.
SECONDS_PER_BATCH, SECONDS_ALONE = 120, 60

# Where WAMR 2.4 is known to be wrong, by what the difference looks like.
WAMR_IS_WRONG = []


def compare(args, seed, paths):
    """path: what vm-compare says of it. A module that ends the program is told as such, and the others go on behind it."""
    answers, left = {}, list(paths)
    while left:
        limit = SECONDS_PER_BATCH if len(left) > 1 else SECONDS_ALONE
        command = [args.compare, "--seed", str(seed), *map(str, left)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit)
            output, ending = done.stdout, done.stderr[-3000:] + f"ended with {done.returncode}"
        except subprocess.TimeoutExpired as late:
            output, ending = (late.stdout or b"").decode(errors="replace"), f"no end within {limit} s"
        for line in output.splitlines():
            name, colon, answer = line.partition(": ")
            if colon and answer:
                answers[Path(name)] = answer
        behind = [path for path in left if path not in answers]
        if behind == left and len(left) > 1:                  # none at all: the first one is to blame
            behind = left
        if behind:
            if len(left) == 1 or "no end" not in ending:
                answers[behind[0]] = f"differ: {ending}"
                behind = behind[1:]
            else:                                             # perhaps only slow: each alone
                for path in behind:
                    answers.update(compare(args, seed, [path]))
                behind = []
        left = behind
    return answers


class Sources:
    """Modules in endless supply."""

    def __init__(self, args, rng, folder):
        self.rng = rng
        self.guests = []
        for guests in args.guests:
            self.guests += [p.read_bytes() for p in sorted(Path(guests).rglob("*.wasm")) if 8 < p.stat().st_size < 60000]
        self.suite = []
        if args.suite:
            for wast in sorted(Path(args.suite).rglob("*.wast")):
                convert(wast, folder / (wast.stem + ".json"))
            self.suite = [p.read_bytes() for p in sorted(folder.glob("*.wasm")) if 8 < p.stat().st_size < 100000]
            for path in folder.glob("*.wasm"):
                path.unlink()
        self.suite_next = 0
        self.kinds = [kind for kind, there in (("made_up", True), ("damaged", self.guests or self.suite),
                                               ("suite", self.suite)) if there and args.only in (None, kind)]
        if not self.kinds:
            raise SystemExit("nothing to make modules of: name --guests or --suite")

    def make(self, path):
        """(kind, bytes), or None when nothing came of it."""
        kind = self.rng.choice(self.kinds)
        if kind == "suite":                                   # each as it is, one after the other
            module = self.suite[self.suite_next % len(self.suite)]
            self.suite_next += 1
            module = modules.widen(module)
        elif kind == "damaged":
            pool = self.guests if self.guests and (not self.suite or self.rng.random() < 0.7) else self.suite
            try:
                module = modules.damage(self.rng, modules.widen(self.rng.choice(pool)))
            except modules.Malformed:                         # those of the public tests that are so on purpose
                return None
        else:
            module = modules.made_up(self.rng, path)
        return None if module is None else (kind, module)


def without_nans(args, seed, path):
    """What vm-compare says once every NaN is replaced as soon as it is made; None: it cannot be done."""
    plain = path.with_suffix(".denan.wasm")
    done = subprocess.run(["wasm-opt", *modules.FEATURES, "--denan", path, "-o", plain], capture_output=True)
    return compare(args, seed, [plain])[plain] if done.returncode == 0 else None


def reduce(args, seed, path):
    """Makes a module smaller in which the two still differ, in place. Best effort."""
    if not args.keep:
        return
    test, work = path.with_suffix(".test.wasm"), path.with_suffix(".work.wasm")
    command = f"{args.compare} --seed {seed} {test} | grep -o ': differ'"
    try:
        subprocess.run(["wasm-reduce", *modules.FEATURES, path, f"--command={command}", "-t", test, "-w", work],
                       capture_output=True, timeout=args.reduce_seconds)
    except (subprocess.TimeoutExpired, FileNotFoundError):
        pass
    if work.exists() and compare(args, seed, [work])[work].startswith("differ"):
        work.rename(path.with_suffix(".small.wasm"))
    for path in (test, work):
        path.unlink(missing_ok=True)


def judge(args, seed, path, answer, counts):
    """Counts a difference; true if it is one that matters."""
    if any(re.search(pattern, answer) for pattern in WAMR_IS_WRONG):
        counts["WAMR is wrong"] += 1
        return False
    if "ended with" not in answer and "no end" not in answer:
        plain = without_nans(args, seed, path)
        if plain is not None and not plain.startswith("differ"):
            counts["another NaN"] += 1
            return False
    counts["differ"] += 1
    name = f"{seed}-{counts['differ']}"
    print(f"{name}: {answer}", flush=True)
    if args.keep:
        kept = Path(args.keep) / f"{name}.wasm"
        kept.write_bytes(path.read_bytes())
        kept.with_suffix(".txt").write_text(f"vm-compare --seed {seed}\n{answer}\n")
        reduce(args, seed, kept)
    return True


class Tally:
    def __init__(self):
        self.counts, self.kinds, self.reasons = Counter(), Counter(), Counter()
        self.modules = self.calls = 0
        self.began = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.began

    def print(self):
        print(f"{self.modules} modules in {self.seconds():.0f} s: " +
              ", ".join(f"{count} {what}" for what, count in self.counts.items()) + f"; {self.calls} calls compared")
        for (kind, verdict), count in sorted(self.kinds.items()):
            print(f"  {kind}: {count} {verdict}")
        for reason, count in self.reasons.most_common(8):
            print(f"  {count} x {reason}")


def run(args, tally):
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = Sources(args, rng, folder)
        while ((args.count is None or tally.modules < args.count) and
               (args.seconds is None or tally.seconds() < args.seconds)):
            seed, batch = rng.randrange(2**32), {}
            for i in range(BATCH):
                path = folder / f"m{i}.wasm"
                if (module := sources.make(path)) is not None:
                    batch[path] = module[0]
                    path.write_bytes(module[1])
            for path, answer in compare(args, seed, list(batch)).items():
                count(args, seed, path, answer, batch[path], tally)
            for path in folder.glob("m*"):
                path.unlink()


def count(args, seed, path, answer, kind, tally):
    verdict = answer.partition(":")[0]
    tally.modules += 1
    tally.kinds[kind, verdict] += 1
    if verdict == "differ":
        judge(args, seed, path, answer, tally.counts)
        return
    tally.counts[verdict] += 1
    if verdict == "same":
        tally.calls += int(answer.split()[2])
    else:
        tally.reasons[re.sub(r"[0-9]+|\(.*\)", "#", answer)[:90]] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compare", help="the program vm-compare")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, help="modules to make (default 500 without --seconds)")
    parser.add_argument("--seconds", type=float, help="go on for so long")
    parser.add_argument("--keep", metavar="FOLDER", help="for modules that differ, also made small")
    parser.add_argument("--suite", metavar="FOLDER", help="the public tests (.wast)")
    parser.add_argument("--guests", metavar="FOLDER", action="append", default=[], help="modules (.wasm) to damage")
    parser.add_argument("--only", choices=("made_up", "damaged", "suite"))
    parser.add_argument("--reduce-seconds", type=float, default=60)
    args = parser.parse_args()
    if args.count is None and args.seconds is None:
        args.count = 500
    if args.keep:
        Path(args.keep).mkdir(parents=True, exist_ok=True)
    tally = Tally()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(args, tally)
    except KeyboardInterrupt:                                 # what has been found so far is told all the same
        pass
    tally.print()
    return 1 if tally.counts["differ"] or not tally.counts["same"] else 0


if __name__ == "__main__":
    sys.exit(main())
