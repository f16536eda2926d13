#!/usr/bin/env python3
"""rejected.py SOURCE COMPILER [FLAG...]
Compiles each `CASE` of SOURCE: 0 must compile, the others, each of which has one other line, must
not.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

source, *command = sys.argv[1:]
text = pathlib.Path(source).read_text("utf-8")
cases = {int(n): what for n, what in re.findall(r"#(?:if|elif) CASE == (\d+) +// (.*)", text)}


def errors_of(case):
    flags = ["-std=c++20", "-fsyntax-only", "-Werror=unused-result", f"-DCASE={case}"]
    run = subprocess.run([*command, *flags, source], capture_output=True, text=True, check=False)
    return [line for line in run.stderr.splitlines() if "error:" in line] if run.returncode else []


def verdict(case):
    errors = errors_of(case)
    what = cases.get(case, "(all that is right)")
    if (case == 0) == bool(errors):
        return False, f"{'refused' if errors else 'compiles'}: {what}: {errors[:1]}"
    return True, f"{'refused' if errors else 'compiles'}: {what}"


with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    results = list(pool.map(verdict, [0, *cases]))
for _, line in results:
    print(line)
if len(cases) < 2:
    sys.exit(f"{source} has no cases")
sys.exit(0 if all(good for good, _ in results) else 1)
