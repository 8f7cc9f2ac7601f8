#!/usr/bin/env python3
"""What the language costs on one box: whole workflows of three tasks, a map of many items, a loop that goes on and on.

bench/language.py [--build build/release] [--seconds 4] [--items 10000] [--iterations 100000]"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
from cluster import STEPS, STEPS_INPUT  # noqa: E402
from daemon import Daemon  # noqa: E402

MAP = """
dsl = 1
name = "each"
[input]
n = "int"
[state.each]
map = "= lists.range(input.n)"
do = { task = "step", queue = "each", with = "= item", timeout.attempt = "1m" }
concurrency = 100
keep = false
next = "end"
"""
LOOP = """
dsl = 1
name = "loop"
start = "work"
[input]
n = "int"
[vars]
i = 0
[retention]
closed = "1m"
[state.work]
task = "step"
queue = "loop"
with = "= vars.i"
timeout.attempt = "1m"
save.i = "= vars.i + 1"
next = "again"
[state.again]
choose = [ { if = "vars.i < input.n", next = "work" }, { next = "end" } ]
"""


def load(build, box, workflow, queue, given, *options):
    """What flow_load says of it."""
    done = subprocess.run([build / "bench" / "flow_load", "--socket", box.socket, "--workflow", workflow, "--queue", queue,
                           "--input", json.dumps(given), *map(str, options)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {workflow}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def one_run(build, box, workflow, given, workers):
    """Seconds of a single run from start to end, with workers beside it."""
    return load(build, box, workflow, workflow, given, "--clients", 1, "--workers", workers, "--seconds", 600, "--warmup", 0,
                "--runs", 1, "--prefix", f"{workflow}-{workers}-{given['n']}")["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--iterations", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pawl-bench-") as scratch:
        box = Daemon(str(options.build / "cli" / "pawl"), scratch)
        box.start()
        try:
            client = box.client()
            for name, text in (("steps", STEPS), ("each", MAP), ("loop", LOOP)):
                answer = client.request("PUT", f"/v1/workflows/{name}", text.encode())
                assert answer.status in (200, 201), answer
            for workers in (1, 2, 8):
                r = load(options.build, box, "steps", "steps", json.loads(STEPS_INPUT), "--clients", 64, "--workers", workers,
                         "--seconds", options.seconds, "--prefix", f"steps-{workers}")
                print(f"three tasks, 64 in flight, {workers} connections of workers: {r['runs_per_s']} workflows/s, "
                      f"p50 {r['p50_us'] / 1000:.1f} ms, p99 {r['p99_us'] / 1000:.1f} ms", flush=True)
            for workers in (1, 4):
                took = one_run(options.build, box, "each", {"n": options.items}, workers)
                print(f"a map of {options.items} items, 100 at once, {workers} connections of workers: "
                      f"{options.items / took:.0f} items/s", flush=True)
            memory = [box.memory_kib()]
            for part in (10, 1):
                took = one_run(options.build, box, "loop", {"n": options.iterations // part}, 1)
                memory.append(box.memory_kib())
                print(f"a loop of {options.iterations // part} tasks: {options.iterations // part / took:.0f} iterations/s, "
                      f"resident {memory[-2]} -> {memory[-1]} KiB", flush=True)
        finally:
            box.kill()


if __name__ == "__main__":
    main()
