#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fills a folder with the modules of the public WebAssembly tests, as seeds for a fuzz driver.

usage: seeds.py SUITE FOLDER        SUITE is the folder of .wast files
"""
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/vm/spec"))
from loader import convert  # noqa: E402

BYTES_MAX = 4000

if len(sys.argv) != 3:
    sys.exit(__doc__)
suite, folder = Path(sys.argv[1]), Path(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
for wast in sorted(suite.rglob("*.wast")):
    convert(wast, folder / f"{wast.parent.name}-{wast.stem}.json")
for path in folder.iterdir():
    if path.suffix != ".wasm" or path.stat().st_size > BYTES_MAX:
        path.unlink()
