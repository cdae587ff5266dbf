# SPDX-License-Identifier: Apache-2.0
"""A guest travels: it begins here, goes on as a snapshot on a board of another kind (RV32, emulated), and comes back. Neither
the one that waits for messages three calls deep nor the one in the middle of a long computation notices.

usage: journey_test.py FOLDER_OF_GUESTS THIS_MACHINE'S_PROGRAM BOARD'S_PROGRAM_WITH_ITS_EMULATOR..."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

LIMIT_S = float(os.environ.get("MK_TEST_LIMIT_S", "120"))

GUESTS, HERE, BOARD = "", [], []


class Journey:
    """A folder with the module and the snapshots on the way; each leg is a process of its own."""

    def __init__(self, folder, guest):
        self.folder = folder
        self.legs = 0
        with open(os.path.join(GUESTS, guest + ".wasm"), "rb") as source:
            self.write("guest.wasm", source.read())

    def write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(data)

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def snapshot(self):
        return f"{self.legs}.snapshot"

    def leg(self, where, **plan):
        """What the guest says on it, and how it stands at its end."""
        lines = ["module guest.wasm"]
        if self.legs > 0:
            lines.append("restore " + self.snapshot())
        self.legs += 1
        lines.append("save " + self.snapshot())
        lines += [f"{word} {value}" for word, value in plan.items()]
        self.write("journey.txt", ("\n".join(lines) + "\n").encode())
        done = subprocess.run(where, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S)
        text = done.stdout.decode("utf-8", "replace").replace("\r", "")
        if done.returncode != 0:
            raise AssertionError(f"leg {self.legs} ended with {done.returncode}: {text}")
        said = re.findall(r"^says (.*)$", text, re.M)
        stands = [line for line in text.splitlines() if " at depth " in line]
        return said, stands[-1] if stands else text


class JourneyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def test_the_count_goes_on_across_machines(self):
        journey = Journey(self.folder.name, "count")
        heard = []
        for where, messages in ((HERE, 7), (BOARD, 95), (HERE, 1), (BOARD, 1), (BOARD, 202), (HERE, 3)):
            said, stands = journey.leg(where, messages=messages)
            self.assertEqual(len(said), messages)
            self.assertEqual(stands, "waits at depth 4")  # three functions, and the import
            heard += said
        self.assertEqual(heard, [f"{n:03}" for n in range(309)])

    def test_both_machines_write_the_same_snapshot(self):
        # Restored and saved it is the same, byte for byte: here, there, and wherever the guest was stopped.
        for guest, plan in (("count", {"messages": 57}), ("digest", {"fuel": 1, "turns": 1}),
                            ("digest", {"fuel": 100000, "turns": 9}), ("digest", {"fuel": 12345, "turns": 99})):
            for where, other in ((HERE, BOARD), (BOARD, HERE)):
                with tempfile.TemporaryDirectory() as folder:
                    journey = Journey(folder, guest)
                    stood = journey.leg(where, **plan)[1]
                    self.assertEqual(journey.leg(other, turns=0), ([], stood))
                    self.assertEqual(journey.leg(where, turns=0), ([], stood))
                    self.assertEqual(journey.read("1.snapshot"), journey.read("2.snapshot"))
                    self.assertEqual(journey.read("1.snapshot"), journey.read("3.snapshot"))

    def test_a_digest_is_begun_here_and_ended_there_and_the_other_way_round(self):
        data = bytes((i * i >> 3) & 0xFF for i in range(250000))
        expected = subprocess.run(["sha256sum"], input=data, stdout=subprocess.PIPE, check=True).stdout.decode()[:64]
        for order in ([HERE, BOARD, HERE], [BOARD, HERE, BOARD]):
            with tempfile.TemporaryDirectory() as folder:
                journey = Journey(folder, "digest")
                for where in order:
                    said, stands = journey.leg(where, fuel=300000, turns=10)
                    self.assertEqual(said, [])
                    self.assertRegex(stands, r"^out of fuel at depth \d+$")
                said, stands = journey.leg(HERE)
                self.assertEqual(said, [expected])
                self.assertEqual(stands, "done at depth 0")

    def test_a_snapshot_that_was_damaged_on_the_way_is_refused(self):
        journey = Journey(self.folder.name, "count")
        journey.leg(HERE, messages=3)
        whole = journey.read("1.snapshot")
        for damaged in (whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], whole + b"\0", b""):
            for where in (HERE, BOARD):
                journey.write("1.snapshot", damaged)
                journey.legs = 1
                with self.assertRaisesRegex(AssertionError, "cannot begin: (a snapshot that is damaged|not a snapshot)"):
                    journey.leg(where)


if __name__ == "__main__":
    GUESTS, HERE, BOARD = sys.argv[1], sys.argv[2:3], sys.argv[3:]
    del sys.argv[1:]
    unittest.main(verbosity=2)
