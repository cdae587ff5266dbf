#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Executes every command of the public WebAssembly tests, and of our own beside them, in the folder `own`.

In mode `fuel` each call is given the least fuel there is and is resumed until it ends. In mode `snapshot` it is saved at
every stop as well, and goes on in an instance made from what was saved. Files of the suite may be named, without .wast.

usage: suite.py MODE SUITE [-f FILE]... RUNNER...      SUITE is the folder of .wast files, RUNNER runs run.c
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from script import commands_of, data

MODES = {"plain": b"p", "fuel": b"f", "snapshot": b"s"}


def script(mode, suite, only):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spectest = folder / "spectest.wasm"
        subprocess.run(["wat2wasm", Path(__file__).with_name("spectest.wat"), "-o", spectest], check=True)
        out = [MODES[mode], data(spectest.read_bytes())]
        ours = Path(__file__).parent
        for root, wast in [(suite, wast) for wast in sorted(suite.rglob("*.wast"))] + \
                          [(ours, wast) for wast in sorted(ours.rglob("*.wast"))]:
            title = str(wast.relative_to(root).with_suffix(""))
            if not only or title in only:
                with tempfile.TemporaryDirectory() as modules:
                    out.append(commands_of(wast, title, Path(modules)))
    return b"".join(out)


def main():
    args, only = sys.argv[1:], []
    if len(args) < 3 or args[0] not in MODES:
        print(__doc__, file=sys.stderr)
        return 2
    mode, suite, runner = args[0], Path(args[1]), args[2:]
    while runner[:1] == ["-f"]:
        only.append(runner[1])
        runner = runner[2:]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "script.bin").write_bytes(script(mode, suite, only))
        return subprocess.run(runner, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT).returncode


sys.exit(main())
