#!/usr/bin/env python3
"""`./dev bench --cluster`: three boxes on this machine, sealed links; figures, no pass or fail.

Signals of 200 bytes through the socket of the box that leads every group, as in run.py; workflows of three
steps, workers included; and the time from kill -9 of the leader to the next success through another box. First of
all what a cluster costs that has nothing to do.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
sys.path.insert(0, str(ROOT / "bench"))
from client import Unreachable  # noqa: E402
from fleet import Fleet, leaders  # noqa: E402
import run  # noqa: E402


STEPS = """
dsl = 1
name = "steps"
start = "one"
[input]
sku = "string"
qty = "int"
note = "string"
[task.step]
queue = "steps"
[state.one]
task = "step"
next = "two"
[state.two]
task = "step"
next = "three"
[state.three]
task = "step"
next = "over"
[state.over]
end = "completed"
"""
STEPS_INPUT = json.dumps({"sku": "abc-123456", "qty": 3, "note": "x" * 120})


def lead_all(fleet, box):
    """Hands every group to one box."""
    deadline = time.monotonic() + 30
    while set(leaders(fleet.status(box)).values()) != {box}:
        for other in fleet.boxes:
            if other != box:
                fleet.client(other).post("/v1/cluster/transfer", {"to": box})
        time.sleep(0.05)
        if time.monotonic() > deadline:
            raise SystemExit("bench: the leaderships do not come together")


def load(build, fleet, box, clients, seconds):
    lead_all(fleet, box)
    before = [b.cpu_seconds() for b in fleet.boxes.values()]
    done = subprocess.run([build / "bench" / "http_load", "--socket", fleet.boxes[box].socket, "--clients",
                           str(clients), "--seconds", str(seconds), "--warmup", "1", "--method", "POST",
                           "--target", "/v1/runs/bench-{client}/signals/go", "--body", run.PAYLOAD],
                          capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    result["cpu_us"] = [(b.cpu_seconds() - x) / result["sent"] * 1e6 for b, x in zip(fleet.boxes.values(), before)]
    return result


def flows(build, fleet, box, clients, seconds):
    """Runs of three tasks each, from start to end, with the workers that do nothing but complete them."""
    lead_all(fleet, box)
    answer = fleet.client(box).request("PUT", "/v1/workflows/steps", STEPS.encode())
    assert answer.status in (200, 201), answer
    done = subprocess.run([build / "bench" / "flow_load", "--socket", fleet.boxes[box].socket, "--clients",
                           str(clients), "--seconds", str(seconds), "--workflow", "steps", "--queue", "steps",
                           "--input", STEPS_INPUT], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def idle(fleet, seconds):
    """CPU as a share of a core, resident KiB and bytes written, by box, of a while without requests."""
    def written(box):
        io = pathlib.Path(f"/proc/{box.process.pid}/io").read_text()
        return int(next(line.split()[1] for line in io.splitlines() if line.startswith("write_bytes")))

    before = [(b.cpu_seconds(), written(b)) for b in fleet.boxes.values()]
    time.sleep(seconds)
    return [((b.cpu_seconds() - cpu) / seconds, b.memory_kib(), written(b) - bytes_)
            for b, (cpu, bytes_) in zip(fleet.boxes.values(), before)]


def idle_when_spread(fleet, seconds):
    """The same, of the next while after one in which no leadership moved: a new cluster moves one every 10 s or so."""
    for _ in range(12):
        before = leaders(fleet.status(1))
        time.sleep(2 * seconds)
        if leaders(fleet.status(1)) == before:
            break
    return idle(fleet, seconds)


def failover(fleet, number):
    """Seconds from kill -9 of a run's leader to the next acknowledged change of it, through another box."""
    run_id = f"fail-{number}"
    group = number % 8 + 1
    victim = fleet.wait_settled()[group]
    other = fleet.client(victim % len(fleet.boxes) + 1, timeout=20)
    names = (f"{run_id}-{n}" for n in range(1000))
    chosen = next(n for n in names if group_of(fleet, other, n) == group)
    begun = time.monotonic()
    fleet.boxes[victim].kill()
    while True:
        try:
            answer = other.post(f"/v1/runs/{chosen}/signals/go", {"payload": {"text": "x"}}, key=f"{chosen}-k")
            if answer.status == 200:
                break
        except Unreachable:
            pass
    took = time.monotonic() - begun
    fleet.boxes[victim].spawn()
    fleet.wait_settled()
    return took


def group_of(fleet, client, run_id):
    """Starts the run; its uid says its group."""
    answer = client.post("/v1/runs", {"workflow": "bench", "id": run_id})
    return int(answer.json["uid"].split("-")[0]) if answer.status == 201 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--clients", default="1,16,64,256")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--flows", type=int, default=64, help="runs of three tasks in flight")
    parser.add_argument("--kills", type=int, default=30)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pawl-bench-", dir=ROOT / "build") as scratch:
        os.chdir(scratch)  # short paths for the sockets
        fleet = Fleet(build / "cli" / "pawl", ".")
        try:
            fleet.start()
            answer = fleet.client(1).request("PUT", "/v1/workflows/bench", run.WORKFLOW.encode())
            assert answer.status in (200, 201), answer
            print(f"{run.machine()}; {run.file_system(scratch)}; three boxes")
            for n, (cpu, kib, written) in enumerate(idle_when_spread(fleet, 10), 1):
                print(f"idle, box {n}: {cpu * 100:.2f} % of a core, {kib / 1024:.1f} MiB resident, {written} bytes written")
            print(f"{'clients':>8}{'ops/s':>10}{'p50 us':>9}{'p99 us':>9}   CPU us by box")
            for clients in map(int, arguments.clients.split(",")):
                for number in range(clients):
                    fleet.client(1).post("/v1/runs", {"workflow": "bench", "id": f"bench-{number}"})
                r = load(build, fleet, 1, clients, arguments.seconds)
                print(f"{clients:>8}{r['ops_per_s']:>10}{r['p50_us']:>9}{r['p99_us']:>9}   "
                      + " ".join(f"{x:.1f}" for x in r["cpu_us"]))
            r = flows(build, fleet, 1, arguments.flows, arguments.seconds)
            print(f"runs of three tasks, {r['clients']} in flight, {r['workers']} workers: {r['runs_per_s']}/s, "
                  f"p50 {r['p50_us'] / 1000:.1f} ms, p99 {r['p99_us'] / 1000:.1f} ms")
            gaps = [failover(fleet, n) * 1000 for n in range(arguments.kills)]
            if gaps:
                print(f"kill -9 of the leader to the next success, {len(gaps)} times: median "
                      f"{statistics.median(gaps):.0f} ms, {min(gaps):.0f} to {max(gaps):.0f}")
        finally:
            fleet.end()


if __name__ == "__main__":
    main()
