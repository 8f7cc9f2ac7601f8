#!/usr/bin/env python3
"""Evaluating expressions, beside @marcbachmann/cel-js on Node: the conformance cases whose value both give.

bench/cel_js.py [--build build/release] [--version 8.0.0] [--rounds 7] [--apart] [FILE...]

FILE: cases of one's own, one JSON object a line (docs/dsl.md), beside those in tests/dsl/conformance. Each expression is
parsed once on either side and evaluated many times with its bindings; the sides take turns by round, and a case counts
with the median of its rounds. V8 is warm: each is evaluated for 20 rounds before the first. --apart: a process of Node for each
case, so that the optimiser sees one expression alone, as in a program with only one; takes minutes.

The package is installed into the build directory by npm; nothing else of this repository needs it."""

import argparse
import collections
import json
import math
import pathlib
import shutil
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = "@marcbachmann/cel-js"
ROUND_US = 1_000  # of one case


class Side:
    """One of the two programs: what it supports, and rounds of measuring."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.supported = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def keep(self, numbers):
        self.tell("cases " + " ".join(map(str, numbers)))

    def warm(self):
        self.tell(f"warm {ROUND_US}")
        self.answer()

    def round(self):
        self.tell("round")
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def installed(build, version):
    """Where the package is; npm puts it there if it is not."""
    home = build / "cel-js"
    package = home / "node_modules" / PACKAGE
    manifest = package / "package.json"
    if manifest.exists() and json.loads(manifest.read_text())["version"] == version:
        return package
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise SystemExit(f"bench: there is no `{tool}` on this machine: install Node.js 20 with npm (Debian: nodejs npm)")
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", home, f"{PACKAGE}@{version}"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0 or not manifest.exists():
        raise SystemExit(f"bench: npm could not install {PACKAGE}@{version}; is its registry reachable?\n{done.stderr}")
    return package


def cases_of(files):
    """The cases, by number: the position of their line in all the files."""
    out = []
    for file in files:
        for line in file.read_text().split("\n")[:-1]:
            try:
                case = json.loads(line)
            except ValueError:
                case = {}
            out.append(case if isinstance(case, dict) else {})
    return out


def measured_apart(command, numbers, rounds):
    """ns of each case, each in a process of its own."""
    out = []
    for number in numbers:
        side = Side(command)
        side.keep([number])
        side.warm()
        out.append([side.round()[0] for _ in range(rounds)])
        side.close()
    return out


def measured(sides, numbers, rounds):
    """ns of each case on each side, by round; in turn."""
    for side in sides:
        side.keep(numbers)
        side.warm()
    taken = [[], []]
    for _ in range(rounds):
        for of_side, side in zip(taken, sides):
            of_side.append(side.round())
    return [list(zip(*of_side)) for of_side in taken]


def geometric(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios)))


def report(numbers, cases, ours, theirs):
    by_group, of_all = collections.defaultdict(list), collections.defaultdict(list)
    for number, a, b in zip(numbers, ours, theirs):
        by_group[cases[number]["file"]].append((a, b))
        part = "with variables" if cases[number].get("bindings") else "without"
        of_all[part].append((a, b))
        of_all["all"].append((a, b))
    print(f"{'group':<16} {'cases':>5} {'pawl ns':>9} {'cel-js ns':>10} {'ratio':>6} {'of sums':>8}   (ns: medians; ratio: geometric mean)")
    for name, pairs in [*sorted(by_group.items()), *sorted(of_all.items(), reverse=True)]:
        a, b = zip(*pairs)
        print(f"{name:<16} {len(pairs):>5} {statistics.median(a):>9.1f} {statistics.median(b):>10.1f} "
              f"{geometric([y / x for x, y in pairs]):>6.2f} {sum(b) / sum(a):>8.2f}")
    ratios = sorted(y / x for x, y in zip(ours, theirs))
    fewer = sum(ratio < 5 for ratio in ratios)
    print(f"ratio of a case: least {ratios[0]:.2f}, median {statistics.median(ratios):.2f}, greatest {ratios[-1]:.2f}; "
          f"{fewer} of {len(ratios)} are under 5")
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--version", default="8.0.0")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--unfolded", action="store_true", help="nothing is evaluated when compiled")
    parser.add_argument("--all", action="store_true", help="a line for each case, too")
    parser.add_argument("file", type=pathlib.Path, nargs="*")
    options = parser.parse_args()
    files = sorted((ROOT / "tests" / "dsl" / "conformance").glob("*.jsonl")) + options.file
    package = installed(options.build, options.version)
    node = ["node", ROOT / "bench" / "cel_js.mjs", package, *files]
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    sides = [Side([options.build / "bench" / "cel_bench", *(["--unfolded"] if options.unfolded else []), *files]), Side(node)]
    cases = cases_of(files)
    numbers = sorted(set(sides[0].supported) & set(sides[1].supported))
    print(f"{PACKAGE} {options.version}, node {version}; {len(cases)} cases, {len(sides[0].supported)} of them give their value here, "
          f"{len(sides[1].supported)} there, {len(numbers)} on both")
    ours, theirs = measured(sides, numbers, options.rounds)
    for side in sides:
        side.close()
    if options.apart:
        theirs = measured_apart(node, numbers, options.rounds)
    ours, theirs = ([statistics.median(rounds) for rounds in side] for side in (ours, theirs))
    if options.all:
        for number, a, b in zip(numbers, ours, theirs):
            print(f"{number} {cases[number]['file']} {a:.1f} {b:.1f} {b / a:.2f}")
    report(numbers, cases, ours, theirs)


if __name__ == "__main__":
    main()
