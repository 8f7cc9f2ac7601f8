#!/usr/bin/env python3
"""`./dev demo --cluster`: three boxes on this machine, whose leader is killed with -9 under load.

Eight clients count runs up through all three boxes; `pawl worker` at each box does the runs' tasks. Again
and again the box that leads most groups is killed and started again. The gap is the time from the kill to
the next acknowledged change through another box, of a run whose leader it was. In the end every run, read
through every box, holds exactly what was acknowledged, in order, and hashes to its history.
"""

import argparse
import collections
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
from client import Unreachable  # noqa: E402
from fleet import Fleet  # noqa: E402
from history import check_hash  # noqa: E402

WORKFLOW = """
dsl = 1
name = "counter"
start = "open"
[vars]
log = { type = "list", default = [] }
stamped = 0
[signal.add]
[signal.add.payload]
n = "int"
[signal.stamp]
[state.open]
on.add = { save.log = "= vars.log + [signal.n]" }
on.stamp = { next = "stamping" }
[state.stamping]
task = "stamp"
queue = "stamps"
timeout.total = "1h"
on.add = { save.log = "= vars.log + [signal.n]" }
save.stamped = "= vars.stamped + 1"
next = "open"
"""
CLIENTS = 8
STAMP_EVERY = 40  # signals of a run between two of its tasks


class Writer(threading.Thread):
    """Counts one run up through one box after the other; asks again until it is answered."""

    def __init__(self, fleet, number, stop):
        super().__init__(daemon=True)
        self.fleet, self.run_id, self.stop_event = fleet, f"run-{number}", stop
        self.box = number % len(fleet.boxes) + 1
        self.taken = []  # values, as acknowledged
        self.times = []  # when, by the monotonic clock
        self.stamps = 0
        self.repeats = 0
        self.failure = None

    def run(self):
        clients = {}
        value = 0
        while not self.stop_event.is_set():
            value += 1
            if not self.ask(clients, f"/v1/runs/{self.run_id}/signals/add", {"payload": {"n": value}}, value):
                return
            self.taken.append(value)
            self.times.append(time.monotonic())
            if value % STAMP_EVERY == 0:
                self.stamps += 1
                self.ask(clients, f"/v1/runs/{self.run_id}/signals/stamp", {}, f"stamp{value}", (200, 409))

    def ask(self, clients, target, body, key, fine=(200,)):
        while True:
            client = clients.setdefault(self.box, self.fleet.client(self.box))
            try:
                answer = client.post(target, body, key=f"{self.run_id}-{key}")
                if answer.status in fine:
                    return True
                if answer.status not in (503, 504):
                    self.failure = answer
                    return False
            except (Unreachable, OSError):
                pass
            self.repeats += 1
            self.box = self.box % len(self.fleet.boxes) + 1
            time.sleep(0.005)


def at(box):
    """The environment in which `pawl` speaks to this box."""
    return {**os.environ, "PAWL_SOCKET": box.socket}


def busiest(fleet):
    """The box that leads most groups, and which."""
    led = fleet.wait_settled()
    box = collections.Counter(led.values()).most_common(1)[0][0]
    return box, {group for group, leader in led.items() if leader == box}


def gap_after(writers, killed_at):
    """The longest wait, among the runs, from the kill to the run's next acknowledgement."""
    return max(next(t for t in w.times if t > killed_at) - killed_at for w in writers)


def wait_for(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"demo: {what} did not happen within {seconds} s")
        time.sleep(0.01)


def kill_leader(fleet, writers):
    victim, groups = busiest(fleet)
    killed_at = time.monotonic()
    fleet.boxes[victim].kill()
    wait_for("an answer to every client", lambda: all(w.times and w.times[-1] > killed_at for w in writers))
    gap = gap_after(writers, killed_at)
    fleet.boxes[victim].spawn()
    fleet.wait_settled()
    return victim, len(groups), gap


def check(fleet, writers):
    """What differs from what was acknowledged, as lines."""
    wrong = []
    for writer in writers:
        if writer.failure is not None:
            wrong.append(f"{writer.run_id}: refused: {writer.failure}")
        for box in fleet.boxes:
            answer = fleet.client(box).get(f"/v1/runs/{writer.run_id}").json
            log = answer["vars"]["log"]
            if log[:len(writer.taken)] != writer.taken:
                wrong.append(f"{writer.run_id} through box {box}: {len(log)} values, not {len(writer.taken)} in order")
        check_hash(fleet.client(1), writer.run_id)
    return wrong


def play(fleet, pawl, kills):
    answer = fleet.client(1).request("PUT", "/v1/workflows/counter", WORKFLOW.encode())
    assert answer.status in (200, 201), answer
    stop = threading.Event()
    writers = [Writer(fleet, number, stop) for number in range(CLIENTS)]
    for writer in writers:
        answer = fleet.client(writer.box).post("/v1/runs", {"workflow": "counter", "id": writer.run_id})
        assert answer.status == 201, answer
    workers = [subprocess.Popen([pawl, "worker", "--queue", "stamps", "--task", "stamp=true"], env=at(box),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for box in fleet.boxes.values()]
    try:
        for writer in writers:
            writer.start()
        rows = [kill_leader(fleet, writers) for _ in range(kills)]
        stop.set()
        for writer in writers:
            writer.join()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return writers, rows


def table(writers, rows, wrong):
    print(f"{'kill -9':<10}{'led groups':>12}{'gap ms':>10}")
    for victim, groups, gap in rows:
        print(f"box {victim:<6}{groups:>12}{gap * 1000:>10.0f}")
    taken = sum(len(w.taken) for w in writers)
    print(f"\n{len(writers)} runs, {taken} changes acknowledged through three boxes, "
          f"{sum(w.repeats for w in writers)} asked again, {sum(w.stamps for w in writers)} tasks")
    print(f"gap: median {statistics.median(r[2] for r in rows) * 1000:.0f} ms, "
          f"worst {max(r[2] for r in rows) * 1000:.0f} ms")
    if wrong:
        print("WRONG:\n  " + "\n  ".join(wrong))
    else:
        print("nothing lost, nothing twice: every run is the same through every box and hashes to its history")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pawl", required=True, help="the binary")
    parser.add_argument("--kills", type=int, default=6)
    arguments = parser.parse_args()
    pawl = str(pathlib.Path(arguments.pawl).resolve())
    os.chdir(ROOT)  # a short path for the sockets, whose length is limited
    scratch = pathlib.Path("build/demo-cluster")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    fleet = Fleet(pawl, scratch)
    try:
        print("three boxes begin: a keyring of their own, sealed links, nine groups")
        fleet.start()
        print(subprocess.run([pawl, "cluster", "status"], check=True, env=at(fleet.boxes[1]),
                             capture_output=True, text=True).stdout)
        writers, rows = play(fleet, pawl, arguments.kills)
        wrong = check(fleet, writers)
    finally:
        fleet.end()
    table(writers, rows, wrong)
    print("\nnext: `pawl cluster --help`, configs/cluster.toml, docs/guarantees.md")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
