#!/usr/bin/env python3
"""Runs clang-tidy over every source that the release build compiles, one process a core.

A source that passed is not looked at again until it, a header of ours that it includes, its flags or
the checks change: build/tidy holds an empty file for each, named by the digest of all of these.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"
# The flags are g++'s: clang does not know all of its warnings.
ARGUMENTS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error",
             "--extra-arg=-Wno-everything", "-p", str(BUILD)]
PASSED = ROOT / "build" / "tidy"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def configured():
    if (BUILD / "compile_commands.json").exists():
        return True
    return subprocess.run([str(ROOT / "dev"), "build"], check=False).returncode == 0


def own_sources():
    """(path, its flags) of each."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    flags = {(pathlib.Path(c["directory"]) / c["file"]).resolve(): c["command"] for c in commands}
    return sorted((p, f) for p, f in flags.items() if p.is_relative_to(ROOT) and not p.is_relative_to(ROOT / "build"))


@functools.cache
def read(path):
    """(digest, the files of ours it includes); generated ones are in the build."""
    data = path.read_bytes()
    named = [name.decode(errors="replace") for name in INCLUDE.findall(data)]
    found = [next((p for p in (ROOT / n, path.parent / n, BUILD / n) if p.is_file()), None) for n in named]
    return hashlib.sha256(data).digest(), [p for p in found if p]


def digest_of(path, flags, checks):
    seen, open_ends = {path}, [path]
    while open_ends:
        fresh = set(read(open_ends.pop())[1]) - seen
        seen |= fresh
        open_ends += fresh
    whole = hashlib.sha256(checks + flags.encode())
    for one in sorted(seen):
        whole.update(str(one).encode() + read(one)[0])
    return whole.hexdigest()


def tidy(path, mark):
    if mark.exists():
        return path, 0, ""
    answer = subprocess.run(["clang-tidy", *ARGUMENTS, str(path)], capture_output=True, text=True)
    if answer.returncode == 0:
        mark.touch()
    return path, answer.returncode, answer.stdout


def main():
    if not configured():
        return 1
    failed = 0
    sources = own_sources()
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    checks = version + (ROOT / ".clang-tidy").read_bytes() + " ".join(ARGUMENTS).encode()
    PASSED.mkdir(parents=True, exist_ok=True)
    marks = [PASSED / digest_of(path, flags, checks) for path, flags in sources]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for path, status, output in pool.map(tidy, [path for path, _ in sources], marks):
            if status != 0:
                failed += 1
                print(output.strip() or f"{path}: clang-tidy failed", flush=True)
    print(f"{len(sources) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
