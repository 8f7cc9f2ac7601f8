#!/usr/bin/env python3
"""`./dev soak`: 200 kill -9, a disk that has to stay as large as it is, many more seeds for the seeded tests and the simulator, the bugs planted for
it, and the fuzzers for the rest of the time.

Corpora stay in build/corpus, so that the next soak begins where this one ended. What is found is
printed with the command that repeats it.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

import run as runner

ROOT = runner.ROOT
CORPUS = ROOT / "build" / "corpus"
SEEDED = ["raft", "log", "node"]  # test programs that read PAWL_SEEDS
SEEDS_PER_MINUTE = 200
SIM_SEEDS_PER_MINUTE = 60  # of each of two processes: a fifth of the soak's time
FUZZ_SECONDS_MIN = 20
INPUT_BYTES_MAX = 65536


def storm(build):
    return runner.Program("storm, 200 kills", [sys.executable, "tests/black_box/storm_test.py", "--pawl",
                                               ROOT / build / "cli" / "pawl", "--kills", "200"])


def plateau(build, minutes):
    """A sixth of the soak's time."""
    return runner.Program("plateau under load", [sys.executable, "tests/black_box/plateau_soak.py", "--pawl",
                                                 ROOT / build / "cli" / "pawl", "--seconds", str(int(10 * minutes))])


def seeded(build, kind, minutes):
    programs = runner.meson_programs(build, kind, rooms=SEEDED)
    for program in programs:
        program.environment["PAWL_SEEDS"] = str(int(SEEDS_PER_MINUTE * minutes))
    return programs


def simulator(build, minutes):
    """Storms over several boxes, with seeds that no soak before this one had."""
    first = int(time.time())
    return runner.sim_programs(build, first * 1_000_000, int(SIM_SEEDS_PER_MINUTE * minutes))


def planted(build):
    """Bugs that the storms must find: those of the node, those of the consensus."""
    program = ROOT / build / "tests" / "sim" / "sim_planted_test"
    return [runner.Program(f"planted bugs of the {what}", [program, "--log_level=message", f"--run_test=*_of_the_{what}_*"],
                           boost=True) for what in ("node", "consensus")]


def fuzz_command(path, seconds):
    name = path.name.removesuffix("_fuzz")
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [path, f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=10", "-rss_limit_mb=1024",
               "-print_final_stats=1", f"-artifact_prefix={CORPUS}/{name}-"]
    words = ROOT / "tests" / "fuzz" / f"{name}.dict"
    if words.exists():
        command.append(f"-dict={words}")
    command.append(corpus)
    if name == "definition":
        command += [path for path in sorted((ROOT / "configs" / "examples").iterdir()) if path.is_dir()]
    return command


def fuzzers(build, end):
    """All targets, two at a time, with what is left of the time."""
    paths = sorted(path for path in (ROOT / build / "tests" / "fuzz").glob("*_fuzz") if os.access(path, os.X_OK))
    rounds = (len(paths) + 1) // 2 or 1
    seconds = max(FUZZ_SECONDS_MIN, int((end - time.monotonic()) / rounds))
    return [runner.Program(f"fuzz {path.name.removesuffix('_fuzz')}, {seconds} s", fuzz_command(path, seconds))
            for path in paths]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--build", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--fuzzers", required=True)
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    runner.TIMEOUT_SECONDS = int(60 * arguments.minutes) + 1800

    passed = failed = 0

    def all_of(programs):
        nonlocal passed, failed
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            for program, outcome in zip(programs, pool.map(runner.run, programs)):
                runner.report(program, outcome)
                passed += outcome.passed
                failed += outcome.failed

    all_of([storm(arguments.build), plateau(arguments.build, arguments.minutes)])
    all_of(seeded(arguments.build, "release", arguments.minutes) + seeded(arguments.address, "ASan, UBSan",
                                                                         arguments.minutes / 4))
    all_of(simulator(arguments.build, arguments.minutes))
    all_of(planted(arguments.build))
    all_of(fuzzers(arguments.fuzzers, end))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
