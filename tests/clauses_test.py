#!/usr/bin/env python3
"""Checks tests/clauses: it finds each fault, and only where it is."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

script = pathlib.Path(__file__).with_name("clauses")
text = """# A protocol

## First

A promise. [§1.1] Another [§1.2], in the middle.

## Second

| a row | of a table [§2.1] |
"""
test = """// Pins §1.1, §1.2.
TEST_CASE("both") {}
"""
row = '{"rows": [{"name": "a", "pins": "§2.1"}]}\n'


class Clauses(unittest.TestCase):
    def faults(self, protocol=text, test=test, row=row):
        """What the script prints for a tree of these files, without its last line."""
        with tempfile.TemporaryDirectory() as folder:
            files = {"protocol/PROTOCOL.md": protocol, "tests/some/some_test.cpp": test,
                     "protocol/vectors/rows.json": row}
            for name, content in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, "utf-8")
            ran = subprocess.run([sys.executable, script, folder], capture_output=True, text=True,
                                 encoding="utf-8")
        lines = ran.stdout.splitlines()
        self.assertEqual(ran.returncode, 1 if lines[:-1] else 0, ran.stderr)
        return lines[:-1]

    def test_a_tree_where_each_promise_has_a_test_is_good(self):
        self.assertEqual(self.faults(), [])

    def test_a_promise_without_a_test_is_listed(self):
        self.assertEqual(self.faults(row="{}"), ["PROTOCOL.md:9: §2.1 has no test"])

    def test_a_number_that_does_not_exist_is_listed_with_its_test(self):
        self.assertEqual(self.faults(test=test.replace("§1.2.", "§1.2, §1.3.")),
                         ["tests/some/some_test.cpp:1: there is no §1.3"])
        self.assertEqual(self.faults(row=row.replace("§2.1", "§2.1, §2.2")),
                         ["protocol/vectors/rows.json:1: there is no §2.2"])

    def test_a_number_that_stands_twice_is_listed(self):
        self.assertEqual(self.faults(protocol=text + "\nAgain. [§2.1]\n"),
                         ["PROTOCOL.md:11: §2.1 stands in line 9, too"])

    def test_a_number_of_another_section_is_listed(self):
        self.assertEqual(self.faults(protocol=text.replace("[§1.2]", "[§3.2]"),
                                     test=test.replace("§1.2", "§3.2")),
                         ["PROTOCOL.md:5: §3.2 stands in section 1"])

    def test_a_line_that_cannot_be_read_is_listed(self):
        for line in ("// Pins §1.1 and §1.2.", "// Pins §1.1, §1.2", "// Pin §1.1, §1.2.",
                     "// Pins §1.1, §1.2.\n"):
            with self.subTest(line):
                self.assertIn("tests/some/some_test.cpp:1: "
                              "cannot be read as a list of promises above a test",
                              self.faults(test=test.replace("// Pins §1.1, §1.2.", line)))


if __name__ == "__main__":
    unittest.main()
