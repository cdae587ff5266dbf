# SPDX-License-Identifier: Apache-2.0
"""What the tests with the public modules share: converting them, and asking our engine about them."""
import subprocess

FEATURES = ["--enable-tail-call", "--enable-extended-const", "--disable-simd"]


def verdicts(loader, folder, paths):
    """One line for each module. `loader` is a command that runs load.c."""
    (folder / "modules.txt").write_text("".join(f"{path}\n" for path in paths))
    done = subprocess.run(loader, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,           # where the emulator puts what the board writes
                          text=True, errors="replace")
    answers = done.stdout.splitlines()
    if done.returncode != 0 or len(answers) != len(paths):
        raise SystemExit(f"the loader answered {len(answers)} of {len(paths)} and ended with {done.returncode}\n"
                         f"{done.stdout[-2000:]}")
    return answers


def convert(wast, out):
    """A text when the converter cannot read the file."""
    done = subprocess.run(["wast2json", *FEATURES, wast, "-o", out], capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[0]
