#!/usr/bin/env python3
"""Checks tests/walls: it finds each fault, and only where it is."""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import tempfile
import unittest

script = pathlib.Path(__file__).with_name("walls")
loader = importlib.machinery.SourceFileLoader("walls", str(script))
walls = importlib.util.module_from_spec(importlib.util.spec_from_loader("walls", loader))
loader.exec_module(walls)

table = {"layer": {"low": "", "middle": "shown", "high": ""}}
good = {
    "include/troupe/layer/shown.hpp": "#include <vector>\n",
    "src/low/a.hpp": "",
    "src/middle/b.cpp": '#include "low/a.hpp"\n#include "middle/b.hpp"\n'
                        "#include <troupe/layer/shown.hpp>\n",
    "src/middle/b.hpp": "",
    "src/high/c.cpp": '#include "middle/b.hpp"\n#include <troupe/layer/shown.hpp>\n',
}


class Walls(unittest.TestCase):
    def faults(self, changes=None):
        """The faults of the good tree with these files changed, or removed if the text is None."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**good, **(changes or {})}.items():
                path = pathlib.Path(folder, "layer", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                if text is not None:
                    path.write_text(text, "utf-8")
            return walls.check(pathlib.Path(folder), table)[1]

    def test_a_tree_that_includes_downwards_is_good(self):
        self.assertEqual(self.faults(), [])

    def test_an_include_of_a_folder_above_is_a_fault(self):
        self.assertEqual(self.faults({"src/low/a.hpp": '\n#include "middle/b.hpp"\n'}),
                         ["layer/src/low/a.hpp:2: low/ includes middle/, which lies above it"])

    def test_so_is_one_of_a_public_header_that_belongs_above(self):
        self.assertEqual(self.faults({"src/low/a.hpp": "#include <troupe/layer/shown.hpp>\n"}),
                         ["layer/src/low/a.hpp:1: low/ includes middle/, which lies above it"])

    def test_and_one_in_a_public_header(self):
        self.assertEqual(self.faults({"include/troupe/layer/shown.hpp": '#include "high/d.hpp"\n',
                                      "src/high/d.hpp": ""}),
                         ["layer/include/troupe/layer/shown.hpp:1: "
                          "middle/ includes high/, which lies above it"])

    def test_a_file_belongs_to_a_folder_that_the_table_knows(self):
        for name in ("src/e.cpp", "src/other/e.cpp", "src/low/deeper/e.cpp",
                     "include/troupe/layer/e.hpp"):
            self.assertEqual(self.faults({name: ""}),
                             [f"layer/{name}: no folder of layer that the table knows"])

    def test_the_table_names_no_header_that_is_gone(self):
        self.assertEqual(self.faults({"include/troupe/layer/shown.hpp": None}),
                         ["layer: the table names shown.hpp, which is not there"])

    def test_the_script_ends_with_1_if_there_is_a_fault(self):
        with tempfile.TemporaryDirectory() as empty:
            ran = subprocess.run([script, empty], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("actors: the table names node.hpp, which is not there",
                      ran.stdout.splitlines())
        self.assertEqual(subprocess.run([script], capture_output=True).returncode, 0)

    def test_an_include_names_its_folder(self):
        self.assertEqual(self.faults({"src/high/c.cpp": '#include "c.hpp"\n',
                                      "src/high/c.hpp": ""}),
                         ["layer/src/high/c.cpp:1: "
                          "names a file that is not there, or without its folder"])


if __name__ == "__main__":
    unittest.main()
