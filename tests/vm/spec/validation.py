#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds decoding and validation to the public WebAssembly tests.

Every module of the suite has to be taken, every one it calls malformed or invalid refused; modules that are malformed
as text are not ours to read, and are counted as such.

usage: validation.py [-v] SUITE LOADER...      SUITE is the folder of .wast files, LOADER runs load.c
"""
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from loader import convert, verdicts

TAKEN = {"module", "assert_unlinkable", "assert_uninstantiable"}     # valid modules, whatever becomes of them later
REFUSED = {"assert_invalid", "assert_malformed"}


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
    verbose = sys.argv[1:2] == ["-v"]
    args = sys.argv[2:] if verbose else sys.argv[1:]
    if len(args) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    suite, loader = Path(args[0]), args[1:]
    files = sorted(suite.rglob("*.wast"))
    counts, unread = Counter(), []
    for wast in files:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            complaint = convert(wast, folder / "all.json")
            if complaint:
                unread.append(f"{wast.relative_to(suite)}: {complaint}")
                continue
            commands = json.loads((folder / "all.json").read_text())["commands"]
            cases = list(wanted(commands, folder, counts))
            answers = verdicts(loader, folder, [path for _, _, path, _ in cases])
            check(wast, answers, cases, verbose, counts)
    for line in unread:
        print(f"not converted: {line}")
    taken = counts["module"] + counts["assert_unlinkable"] + counts["assert_uninstantiable"] + counts["assert_trap"]
    print(f"{len(files) - len(unread)} of {len(files)} files: {taken} modules taken, {counts['assert_invalid']} invalid and "
          f"{counts['assert_malformed']} malformed ones refused, {counts['wrong']} wrong; "
          f"{counts['text']} malformed as text, which is not read here")
    return 1 if counts["wrong"] or not taken else 0


sys.exit(main())
