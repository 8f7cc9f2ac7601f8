#!/usr/bin/env python3
"""Runs clang-tidy over every source that the release build compiles, one process a core."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"
# The flags are g++'s: clang does not know all of its warnings.
ARGUMENTS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error",
             "--extra-arg=-Wno-everything", "-p", str(BUILD)]


def configured():
    if (BUILD / "compile_commands.json").exists():
        return True
    return subprocess.run([str(ROOT / "dev"), "build"], check=False).returncode == 0


def own_sources():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    paths = {(pathlib.Path(c["directory"]) / c["file"]).resolve() for c in commands}
    return sorted(p for p in paths if p.is_relative_to(ROOT) and not p.is_relative_to(ROOT / "build"))


def tidy(path):
    answer = subprocess.run(["clang-tidy", *ARGUMENTS, str(path)], capture_output=True, text=True)
    return path, answer.returncode, answer.stdout


def main():
    if not configured():
        return 1
    failed = 0
    sources = own_sources()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for path, status, output in pool.map(tidy, sources):
            if status != 0:
                failed += 1
                print(output.strip() or f"{path}: clang-tidy failed", flush=True)
    print(f"{len(sources) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
