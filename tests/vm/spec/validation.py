#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds decoding and validation to the public WebAssembly tests.

Every module of the suite has to be taken, every one it calls malformed or invalid refused; modules that are malformed
as text are not ours to read, and are counted as such.

usage: validation.py [-v] LOADER SUITE      LOADER is the program made from load.c, SUITE the folder of .wast files
"""
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

FEATURES = ["--enable-tail-call", "--enable-extended-const", "--disable-simd"]
TAKEN = {"module", "assert_unlinkable", "assert_uninstantiable"}     # valid modules, whatever becomes of them later
REFUSED = {"assert_invalid", "assert_malformed"}


def convert(wast, folder):
    """The commands of a file; a text where the converter cannot read it."""
    out = folder / (str(wast.with_suffix("")).strip("/").replace("/", "_") + ".json")
    done = subprocess.run(["wast2json", *FEATURES, wast, "-o", out], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[0]
    return json.loads(out.read_text())["commands"]


def wanted(commands, folder, counts):
    for command in commands:
        kind = command["type"]
        if kind not in TAKEN | REFUSED and not (kind == "assert_trap" and "filename" in command):
            continue
        if command.get("module_type", "binary") == "text":
            counts["text"] += 1
        else:
            yield kind, kind not in REFUSED, folder / command["filename"], command


def check(wast, answers, cases, verbose, counts):
    for (kind, take, path, command), answer in zip(cases, answers):
        word, _, reason = answer.partition(" ")
        good = word == "taken" if take else word == "refused" and reason.split()[0] in ("FORMAT", "NOSYS")
        counts[kind if good else "wrong"] += 1
        if not good:
            print(f"{wast.name}:{command['line']}: {kind}: {answer} (expected: {command.get('text', 'taken')})")
        elif verbose and not take:
            print(f"{wast.name}:{command['line']}: {command['text']}: {reason}")


def main():
    args = [a for a in sys.argv[1:] if a != "-v"]
    verbose = len(args) != len(sys.argv) - 1
    if len(args) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    loader, suite = args[0], Path(args[1])
    files = sorted(suite.rglob("*.wast"))
    counts, unread = Counter(), []
    for wast in files:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            commands = convert(wast, folder)
            if isinstance(commands, str):
                unread.append(f"{wast.relative_to(suite)}: {commands}")
                continue
            cases = list(wanted(commands, folder, counts))
            lines = "".join(f"{path}\n" for _, _, path, _ in cases)
            done = subprocess.run([loader], input=lines, capture_output=True, text=True, errors="replace")
            answers = done.stdout.splitlines()
            if done.returncode != 0 or len(answers) != len(cases):
                print(f"{wast.name}: the loader ended with {done.returncode}\n{done.stderr}")
                counts["wrong"] += 1
            check(wast, answers, cases, verbose, counts)
    for line in unread:
        print(f"not converted: {line}")
    taken = counts["module"] + counts["assert_unlinkable"] + counts["assert_uninstantiable"] + counts["assert_trap"]
    print(f"{len(files) - len(unread)} of {len(files)} files: {taken} modules taken, {counts['assert_invalid']} invalid and "
          f"{counts['assert_malformed']} malformed ones refused, {counts['wrong']} wrong; "
          f"{counts['text']} malformed as text, which is not read here")
    return 1 if counts["wrong"] or not taken else 0


sys.exit(main())
