#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our verdict on mutated modules with wabt's wasm-validate.

Valid modules are taken from the public tests, damaged in a few bytes, and given to both. A module that we refuse for a
limit or a feature named as not supported is counted and not compared, and so are the few where wabt is known to be wrong.
The same seed makes the same modules.

usage: differential.py SUITE COUNT SEED LOADER...      SUITE is the folder of .wast files, LOADER runs load.c
"""
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loader import FEATURES, convert, verdicts

# Bytes with a meaning somewhere: types, block types, common opcodes, prefixes, ends of numbers.
TELLING = bytes.fromhex("000102030405060b0c0d0e0f10111213 1a1b1c2021222324 28363f40414243446a7c 606f707c7d7e7f 80ff d0d1d2fc")


def wabt_is_wrong(mine, valid):
    """wabt 1.0.32 takes an expression that its body or section cuts off before the `end` it owes, and knows more forms of
    data segments than there are."""
    return valid and (mine.startswith("refused FORMAT truncated at byte") and "in section" in mine or
                      mine.startswith("refused FORMAT unknown form") and "in section data" in mine)


def mutate(rng, module):
    module = bytearray(module)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(8, len(module)) if len(module) > 8 else 0
        kind = rng.randrange(6)
        if kind == 0:
            module[at] = rng.randrange(256)
        elif kind == 1:
            module[at] = rng.choice(TELLING)
        elif kind == 2:
            module[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            module[at] = (module[at] + rng.choice((-1, 1))) % 256
        elif kind == 4:                                       # two neighbours change places: the length stays right
            if at + 1 < len(module):
                module[at], module[at + 1] = module[at + 1], module[at]
        else:                                                 # a byte moves, and the length stays right here too
            to = rng.randrange(8, len(module)) if len(module) > 8 else 0
            module.insert(to, module.pop(at))
    return bytes(module)


def originals(loader, suite, folder):
    for wast in sorted(suite.rglob("*.wast")):
        convert(wast, folder / (wast.stem + "_" + wast.parent.name + ".json"))
    paths = [path for path in sorted(folder.glob("*.wasm")) if 8 < path.stat().st_size < 4000]
    return [path.read_bytes() for path, ours in zip(paths, verdicts(loader, folder, paths), strict=True) if ours == "taken"]


def theirs(path):
    done = subprocess.run(["wasm-validate", *FEATURES, path], capture_output=True, text=True, errors="replace")
    return done.returncode == 0, (done.stderr.strip().splitlines() or [""])[0]


def main():
    if len(sys.argv) < 5:
        print(__doc__, file=sys.stderr)
        return 2
    suite, count, loader = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[4:]
    rng = random.Random(int(sys.argv[3]))
    counts = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = originals(loader, suite, folder)
        paths = [folder / f"mutated.{i}" for i in range(count)]
        for path in paths:
            path.write_bytes(mutate(rng, rng.choice(modules)))
        ours = verdicts(loader, folder, paths)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, mine, (valid, why) in zip(paths, ours, pool.map(theirs, paths), strict=True):
                if mine.startswith(("refused NOSYS", "refused LIMIT")) or wabt_is_wrong(mine, valid):
                    counts["not compared"] += 1
                elif (mine == "taken") == valid:
                    counts["taken" if valid else "refused"] += 1
                else:
                    counts["differ"] += 1
                    print(f"{path.name}: ours: {mine}; wasm-validate: {why or 'valid'}\n  {path.read_bytes().hex()}")
    print(f"{count} modules: both take {counts['taken']}, both refuse {counts['refused']}, {counts['differ']} differ, "
          f"{counts['not compared']} not compared")
    return 1 if counts["differ"] or not counts["taken"] else 0


sys.exit(main())
