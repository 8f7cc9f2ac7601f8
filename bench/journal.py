#!/usr/bin/env python3
"""`./dev bench --journal`: what the journal's own work costs; figures, no pass or fail.

First the p99 of a transition (run.py's signal) while nothing else goes on, while snapshots of many waiting runs are written, while old segments are
compacted, and while somebody reads a history of 100,000 events again and again: slices of a second, one after the other on the same box, told apart by
what the box's counters say was done in each. Then a box with a million runs that wait: memory, restart, and all their timers in the same second.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
sys.path.insert(0, str(ROOT / "bench"))
from client import Client  # noqa: E402
from daemon import Daemon  # noqa: E402
import run  # noqa: E402

WAITING = """
dsl = 1
name = "waiting"
start = "wait"
[input]
note = "string"
[signal.go]
[state.wait]
on.go = { next = "end" }
after = [ { in = "300d", next = "end" } ]
"""
SHORT = """
dsl = 1
name = "short"
start = "done"
[input]
note = "string"
[retention]
closed = "5s"
[state.done]
end = "completed"
"""
LONG = run.WORKFLOW.replace('"bench"', '"long"') + '[history]\nmax_events = 1000000\nmax_bytes = "1GiB"\n'
CONFIG = "schema = 1\n[journal]\nsegment_bytes = 4194304\n"
COUNTERS = {"snapshot": "pawl_snapshots_written_bytes_total", "compaction": "pawl_compaction_bytes_total"}


class Box:
    """A daemon that has much to keep: waiting runs, old segments of which half is forgotten, a long history."""

    def __init__(self, build, scratch, clients, waiting, events):
        self.build, self.clients = build, clients
        config = scratch / "pawld.toml"
        config.write_text(CONFIG, encoding="utf-8")
        self.daemon = Daemon(build / "cli" / "pawl", scratch, arguments=["--config", str(config)])
        self.daemon.start()
        client = self.daemon.client()
        for name, text in (("bench", run.WORKFLOW), ("long", LONG), ("waiting", WAITING), ("short", SHORT)):
            client.deploy(name, text)
        for number in range(clients):
            client.post("/v1/runs", {"workflow": "bench", "id": f"bench-{number}", "input": {}})
        client.post("/v1/runs", {"workflow": "long", "id": "long", "input": {}})
        self.fill("waiting", waiting)
        self.fill("short", 2 * waiting)
        sent = 0
        while sent < events:
            sent += self.http_load("/v1/runs/long/signals/go", run.PAYLOAD, 64, 2)["sent"]
        self.client = client

    def http_load(self, target, body, clients, seconds):
        answer = subprocess.run([self.build / "bench" / "http_load", "--socket", self.daemon.socket, "--clients", str(clients),
                                 "--seconds", str(seconds), "--warmup", "0", "--method", "POST", "--target", target, "--body",
                                 body], capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)

    def fill(self, workflow, runs):
        """Starts about so many."""
        body = json.dumps({"workflow": workflow, "input": {"note": "n" * 200}})
        done = 0
        while done < runs:
            done += self.http_load("/v1/runs", body, 64, 2)["sent"]
            print(f"\r{workflow}: {done} of {runs} runs", end="", flush=True)
        print()

    def work(self):
        """(journal's own work so far by kind, work that is under way)"""
        text = self.client.get("/metrics").data.decode()
        total = collections.Counter()
        for kind, name in COUNTERS.items():
            for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\d+)", text, re.M):
                total[kind] += int(value)
        under_way = re.search(r"^pawl_snapshots_under_way (\d+)", text, re.M)[1] == "1"
        return total, under_way

    def slice(self, kind=None):
        """(what was done in a second of load, its figures)"""
        before, begun = self.work()
        figures = self.http_load("/v1/runs/bench-{client}/signals/go", run.PAYLOAD, self.clients, 1)
        after, ended = self.work()
        kinds = [name for name in COUNTERS if after[name] > before[name]]
        if (begun or ended) and "snapshot" not in kinds:
            kinds.append("snapshot")
        return kind or " and ".join(sorted(kinds)) or "quiet", figures


class Reader(threading.Thread):
    """Reads the long history from its beginning to its end until it is told to stop."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.client, self.stop, self.events = daemon.client(), threading.Event(), 0

    def run(self):
        after = 0
        while not self.stop.is_set():
            page = self.client.get(f"/v1/runs/long/history?after={after}&limit=500").json
            self.events += len(page["items"])
            after = page["items"][-1]["seq"] if page["items"] else 0


def undisturbed(arguments, scratch):
    box = Box(pathlib.Path(arguments.build), scratch, arguments.clients, arguments.waiting, arguments.events)
    rows = collections.defaultdict(list)
    deadline = time.monotonic() + arguments.minutes * 60
    while time.monotonic() < deadline:
        kind, figures = box.slice()
        rows[kind].append(figures)
        print(f"\r{kind:>24}", end="", flush=True)
    reader = Reader(box.daemon)
    reader.start()
    for _ in range(20):
        kind, figures = box.slice()
        rows["history" if kind == "quiet" else f"history and {kind}"].append(figures)
    reader.stop.set()
    reader.join()
    box.daemon.stop()
    print(f"\r{arguments.waiting} runs wait, {arguments.clients} clients, slices of a second; medians\n")
    print(f"{'meanwhile':>24} {'slices':>7} {'ops/s':>9} {'p50 us':>7} {'p99 us':>7} {'p99 to quiet':>13}")
    quiet = statistics.median(row["p99_us"] for row in rows["quiet"]) if rows["quiet"] else None
    for kind, slices in sorted(rows.items(), key=lambda item: item[0] != "quiet"):
        figures = {key: statistics.median(row[key] for row in slices) for key in ("ops_per_s", "p50_us", "p99_us")}
        ratio = f"{figures['p99_us'] / quiet:13.2f}" if quiet else f"{'-':>13}"
        print(f"{kind:>24} {len(slices):7} {figures['ops_per_s']:9.0f} {figures['p50_us']:7.0f} {figures['p99_us']:7.0f} "
              f"{ratio}")
    print(f"\nthe reader took {reader.events} events")


def resting(arguments, scratch):
    """bench/rest_bench says what it saw."""
    program = pathlib.Path(arguments.build) / "bench" / "rest_bench"
    place = scratch / "rest"
    place.mkdir()
    for what in ("make", "wake"):
        subprocess.run([program, what, place, str(arguments.runs), "200", "words"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--waiting", type=int, default=200_000, help="runs, and twice as many that are forgotten")
    parser.add_argument("--events", type=int, default=100_000, help="of the long history")
    parser.add_argument("--minutes", type=float, default=2, help="of slices")
    parser.add_argument("--runs", type=int, default=1_000_000, help="of the second part; 0: leave it out")
    parser.add_argument("--scratch", default="build/bench", help="on the disk that is measured")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    scratch = pathlib.Path(arguments.scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    print(f"{run.machine()}; {run.file_system(scratch)}", flush=True)
    if arguments.minutes > 0:
        undisturbed(arguments, scratch)
    if arguments.runs > 0:
        resting(arguments, scratch)
    shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
