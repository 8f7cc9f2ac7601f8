#!/usr/bin/env python3
"""Runs the tests that `./dev test` has built and counts them.

The C++ test programs are those that Meson knows; each is asked for Boost.Test's XML report, so that
the count is of test cases. The Python programs end with "N passed, N failed" themselves. The last
line of this one is the sum, and its exit status says the same.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
TALLY = re.compile(r"^(\d+) passed, (\d+) failed$")
TIMEOUT_SECONDS = 600
SANITIZED_TIMEOUT_SECONDS = 2400  # of all programs, where some run under a sanitizer
STORM_KILLS = 15  # of the short storm; `./dev soak` does 200
SIM_SEEDS = 1000  # storms over several boxes (docs/simulator.md) of each of two processes

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Program:
    """One program to run: its name in the output, its arguments, where, with what environment."""

    def __init__(self, name, command, workdir=ROOT, environment=None, boost=False):
        self.name = name
        self.command = command
        self.workdir = workdir
        self.environment = environment or {}
        self.boost = boost


class Outcome:
    def __init__(self, passed, failed, output, seconds):
        self.passed = passed
        self.failed = failed
        self.output = output
        self.seconds = seconds


def introspect(build, what):
    answer = subprocess.run(["meson", "introspect", what, str(build)], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def meson_tests(build):
    return introspect(build, "--tests")


def is_boost_test(path):
    # Linked statically, the framework carries its own option names.
    return b"report_sink" in pathlib.Path(path).read_bytes()


def meson_programs(build, kind, rooms=None):
    build = ROOT / build
    programs = []
    for test in meson_tests(build):
        if rooms and test["name"] not in rooms:
            continue
        if not pathlib.Path(test["cmd"][0]).exists():
            programs.append(Program(f"{test['name']} ({kind})", ["sh", "-c", 'echo "not built: $0"; exit 1', test["cmd"][0]]))
            continue
        programs.append(Program(f"{test['name']} ({kind})", test["cmd"],
                                workdir=test["workdir"] or build,
                                environment={**SANITIZER_ENVIRONMENT, **test["env"]},
                                boost=is_boost_test(test["cmd"][0])))
    return programs


def count_boost(report, some_only):
    """(passed, failed) of a Boost.Test report, or None where the program died before writing it.

    A case that was skipped has not passed, unless only some were asked for.
    """
    try:
        suite = ElementTree.parse(report).getroot().find("TestSuite")
        number = lambda name: int(suite.get(name, "0"))
        passed = number("test_cases_passed") + number("test_cases_passed_with_warnings")
        failed = number("test_cases_failed") + number("test_cases_aborted")
        return passed, failed + (0 if some_only else number("test_cases_skipped"))
    except (ElementTree.ParseError, AttributeError, OSError, ValueError):
        return None


def count_text(output):
    lines = output.rstrip().splitlines()
    match = TALLY.match(lines[-1]) if lines else None
    return (int(match[1]), int(match[2])) if match else None


def run(program):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.xml")
        command = [str(part) for part in program.command]
        if program.boost:
            command += ["--report_format=XML", "--report_level=short", f"--report_sink={report}",
                        "--color_output=no"]
        try:
            process = subprocess.run(command, cwd=program.workdir, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     env={**os.environ, **program.environment},
                                     timeout=TIMEOUT_SECONDS)
            status, output = process.returncode, process.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as late:
            output = (late.stdout or b"").decode(errors="replace")
            status, output = 1, f"{output}\nnot done after {TIMEOUT_SECONDS} s"
        some_only = any(part.startswith("--run_test") for part in command)
        counted = count_boost(report, some_only) if program.boost else count_text(output)
    seconds = time.monotonic() - begun
    if counted is None:
        counted = (1, 0) if status == 0 else (0, 1)
    passed, failed = counted
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1  # it passed its cases and then died, or a sanitizer spoke at exit; or it had none
    return Outcome(passed, failed, output, seconds)


def sim_programs(build, first, seeds):
    """Storms over several boxes: two processes, each with seeds of its own."""
    program = ROOT / build / "tests" / "sim" / "sim_storm"
    return [Program(f"simulator, seeds {start}-{start + seeds - 1}",
                    [program, "--seed", start, "--seeds", seeds, "--shrink"])
            for start in (first, first + seeds)]


def python_programs(suite, build):
    pawl = ROOT / build / "cli" / "pawl"
    previous = ROOT / build / "tests" / "upgrade" / "pawl_previous"
    python = sys.executable
    unit = [
        Program("tidy", [python, "tests/tidy/run.py"]),
        Program("tidy, planted", [python, "tests/tidy/planted_test.py"]),
        Program("messages of the language", [python, "tests/dsl/messages_test.py"]),
        Program("conformance runner", [python, "tests/black_box/conformance_test.py", "--pawl", pawl]),
        Program("binary", [python, "tests/black_box/binary_test.py", "--pawl", pawl]),
        Program("definition tools", [python, "tests/black_box/tools_test.py", "--pawl", pawl]),
        Program("JSON schema", [python, "tests/black_box/schema_test.py", "--pawl", pawl]),
        Program("tests of definitions", [python, "tests/black_box/definition_tests_test.py", "--pawl", pawl]),
        Program("blocks in the docs", [python, "tests/black_box/docs_test.py", "--pawl", pawl]),
        Program("examples", [python, "tests/black_box/examples_test.py", "--pawl", pawl]),
    ]
    black_box = [
        Program("bad requests", [python, "tests/black_box/request_test.py", "--pawl", pawl]),
        Program("bad API use", [python, "tests/black_box/api_test.py", "--pawl", pawl]),
        Program("plateau", [python, "tests/black_box/plateau_test.py", "--pawl", pawl]),
        Program("stops and starts", [python, "tests/black_box/restart_test.py", "--pawl", pawl]),
        Program("damaged disks", [python, "tests/black_box/damage_test.py", "--pawl", pawl]),
        Program("bad sectors", [python, "tests/black_box/bad_sector_test.py", "--pawl", pawl]),
        Program("cold runs", [python, "tests/black_box/cold_test.py", "--pawl", pawl]),
        Program("looks into the past", [python, "tests/black_box/past_test.py", "--pawl", pawl]),
        Program("resets", [python, "tests/black_box/reset_test.py", "--pawl", pawl]),
        Program("batches of verbs", [python, "tests/black_box/batch_test.py", "--pawl", pawl]),
        Program("subscriptions", [python, "tests/black_box/subscription_test.py", "--pawl", pawl]),
        Program("limits", [python, "tests/black_box/limits_test.py", "--pawl", pawl]),
        Program("namespaces", [python, "tests/black_box/namespaces_test.py", "--pawl", pawl]),
        Program("migrations", [python, "tests/black_box/migrate_test.py", "--pawl", pawl]),
        Program("generations", [python, "tests/black_box/generation_test.py", "--pawl", pawl]),
        Program("schedules", [python, "tests/black_box/schedules_test.py", "--pawl", pawl]),
        Program("recipes", [python, "tests/black_box/guide_test.py", "--pawl", pawl]),
        Program("nested machines", [python, "tests/black_box/nested_test.py", "--pawl", pawl]),
        Program("forgotten runs", [python, "tests/black_box/forget_test.py", "--pawl", pawl]),
        Program("deleted data", [python, "tests/black_box/scrub_test.py", "--pawl", pawl]),
        Program("bad disk", [python, "tests/black_box/disk_test.py", "--pawl", pawl]),
        Program("cluster", [python, "tests/black_box/cluster_test.py", "--pawl", pawl]),
        Program("killed leaders", [python, "tests/black_box/leader_killed_test.py", "--pawl", pawl]),
        Program("members", [python, "tests/black_box/members_test.py", "--pawl", pawl]),
        Program("install", [python, "tests/black_box/install_test.py", "--pawl", pawl]),
        Program("recover", [python, "tests/black_box/recover_test.py", "--pawl", pawl]),
        Program("replays", [python, "tests/black_box/replay_test.py", "--pawl", pawl]),
        Program("journal", [python, "tests/black_box/journal_test.py", "--pawl", pawl]),
        Program("backup", [python, "tests/black_box/backup_test.py", "--pawl", pawl]),
        Program("cluster's backup", [python, "tests/black_box/cluster_backup_test.py", "--pawl", pawl]),
        Program("upgrade", [python, "tests/black_box/upgrade_test.py", "--pawl", pawl, "--previous", previous]),
        Program("keys", [python, "tests/black_box/keys_test.py", "--pawl", pawl]),
        Program("partitions", [python, "tests/black_box/partition_test.py", "--pawl", pawl]),
        Program("storm", [python, "tests/black_box/storm_test.py", "--pawl", pawl,
                          "--kills", str(STORM_KILLS)]),
    ]
    return {"unit": unit, "black_box": black_box, "all": unit + black_box}[suite]


def report(program, outcome):
    verdict = "ok  " if outcome.failed == 0 else "FAIL"
    counts = f"{outcome.passed} passed"
    if outcome.failed:
        counts += f", {outcome.failed} failed"
    print(f"{verdict} {program.name:32} {counts:24} {outcome.seconds:6.1f} s", flush=True)
    if outcome.failed:
        print("     " + " ".join(str(part) for part in program.command))
        print("\n".join("     | " + line for line in outcome.output.splitlines()[-80:]), flush=True)
    for line in outcome.output.splitlines():
        if line.startswith(("skipped: ", "seeds: ", "found after ")):
            print("     " + line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", choices=["unit", "black_box", "all", "sanitizers"], default="all")
    parser.add_argument("--build", required=True, help="the build with the binary")
    parser.add_argument("--address", help="a build with ASan and UBSan: every unit test")
    parser.add_argument("--thread", help="a build with TSan: the tests of the rooms with threads")
    parser.add_argument("--list", nargs="*", metavar="ROOM", help="print the build's test programs")
    arguments = parser.parse_args()

    if arguments.list is not None:
        build = ROOT / arguments.build
        files = {target["id"]: target["filename"][0] for target in introspect(build, "--targets")}
        for test in meson_tests(build):
            if not arguments.list or test["name"] in arguments.list:
                for needed in {test["cmd"][0], *(files[one] for one in test["depends"] if one in files)}:
                    print(os.path.relpath(needed, build))
        return 0

    programs = []
    if arguments.suite in ("unit", "all"):
        programs += sim_programs(arguments.build, 1, SIM_SEEDS)
        programs += meson_programs(arguments.build, "release")
    if arguments.address:
        programs += meson_programs(arguments.address, "ASan, UBSan")
    if arguments.thread:
        programs += meson_programs(arguments.thread, "TSan", rooms=["daemon", "cli"])
    if arguments.address or arguments.thread:
        global TIMEOUT_SECONDS
        TIMEOUT_SECONDS = SANITIZED_TIMEOUT_SECONDS
    if arguments.suite != "sanitizers":
        programs += python_programs(arguments.suite, arguments.build)

    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        futures = [(program, pool.submit(run, program)) for program in programs]
        for program, future in futures:
            outcome = future.result()
            report(program, outcome)
            passed += outcome.passed
            failed += outcome.failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
