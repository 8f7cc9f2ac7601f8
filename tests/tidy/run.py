#!/usr/bin/env python3
"""Checks the whole tree against rules.py; ends with "N passed, N failed", one a file."""

import pathlib
import subprocess
import sys

import rules

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = {"build", ".git", "__pycache__"}


def tracked():
    """The files of the repository; all files where this is an unpacked archive."""
    try:
        answer = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others",
                                 "--exclude-standard"], capture_output=True, check=True)
        names = [name for name in answer.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                 if not SKIPPED & set(path.relative_to(ROOT).parts)]
    return [name for name in sorted(set(names)) if (ROOT / name).is_file()]


def main():
    files = tracked()
    findings = rules.check(ROOT, files)
    for finding in findings:
        print(finding)
    failed = len({finding.split(":", 1)[0] for finding in findings})
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
