#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks themselves: each planted fault must turn its check red, and a clean tree must not."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.write("include/microkernel/error.h", "")
        self.write("include/microkernel/runtime.h", '#include "microkernel/error.h"\n')
        self.write("src/base/map.h", "")
        self.write("src/port/port.h", '#include "microkernel/error.h"\n')
        self.write("src/loop/loop.h", "")
        self.write("src/loop/loop.c", '#include "loop/loop.h"\n#include "base/map.h"\n#include "port/port.h"\n')
        self.write("src/core/core.c", '#include "microkernel/runtime.h"\n#include <stdio.h>\n')
        self.write("src/runtime/wake.h", "")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SPDX + text, encoding="utf-8")

    def run_check(self, check):
        done = subprocess.run([sys.executable, TOOLS / check, self.root], capture_output=True, text=True)
        return done.returncode, done.stderr

    def red(self, check, words):
        code, text = self.run_check(check)
        self.assertEqual(code, 1, text)
        self.assertIn(words, text)


class Layers(Tree):
    def test_a_clean_tree_is_green(self):
        self.assertEqual(self.run_check("check_layers"), (0, ""))

    def test_an_include_that_climbs_to_a_later_room_is_red(self):
        self.write("src/loop/timers.c", '#include "runtime/wake.h"\n')
        self.red("check_layers", "src/loop/timers.c:2: room loop may not include room runtime")

    def test_a_room_above_that_the_line_does_not_name_is_red(self):
        self.write("src/core/mailbox.c", '#include "port/port.h"\n')
        self.red("check_layers", "room core may not include room port")

    def test_a_public_header_below_core_is_red(self):
        self.write("src/base/map.c", "#include <microkernel/runtime.h>\n")
        self.red("check_layers", "may not include microkernel/runtime.h")

    def test_a_service_that_reaches_into_the_runtime_is_red(self):
        self.write("src/services/log.c", '#include "runtime/wake.h"\n')
        self.red("check_layers", "room services may not include room runtime")

    def test_the_command_line_sees_public_headers_only(self):
        self.write("tools/mk/main.c", '#include "base/map.h"\n')
        self.red("check_layers", "may include public headers only")

    def test_dots_in_a_path_are_red(self):
        self.write("src/core/a.c", '#include "../runtime/wake.h"\n')
        self.red("check_layers", "climbs")

    def test_an_unknown_room_is_red(self):
        self.write("src/attic/a.c", "")
        self.red("check_layers", "no room attic")

    def test_a_platform_decision_in_a_room_is_red(self):
        self.write("src/core/a.c", "#ifdef __linux__\n#endif\n")
        self.red("check_layers", "a platform decides inside a room")

    def test_a_public_header_that_shows_a_private_one_is_red(self):
        self.write("include/microkernel/actor.h", '#include "base/map.h"\n')
        self.red("check_layers", "a public header includes")

    def test_a_list_of_uses_beyond_the_table_is_red(self):
        (self.root / "src/core/CMakeLists.txt").write_text("mk_room(core USES base loop SOURCES core.c)\n")
        self.red("check_layers", "room core may not use loop")


class Tidy(Tree):
    def test_a_clean_tree_is_green(self):
        self.assertEqual(self.run_check("check_tidy"), (0, ""))

    def test_a_source_without_its_licence_is_red(self):
        (self.root / "src/base/map.c").write_text("int x;\n")
        self.red("check_tidy", "src/base/map.c:1: no SPDX")

    def test_a_tab_is_red(self):
        self.write("src/base/map.c", "\tint x;\n")
        self.red("check_tidy", "a tab")

    def test_trailing_whitespace_is_red(self):
        self.write("src/base/map.c", "int x; \n")
        self.red("check_tidy", "trailing whitespace")

    def test_a_missing_last_newline_is_red(self):
        self.write("src/base/map.c", "int x;")
        self.red("check_tidy", "no newline")


if __name__ == "__main__":
    unittest.main()
