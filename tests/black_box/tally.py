"""A workflow that keeps what it is sent, and a load of signals to it through several boxes."""

import threading
import time
import unittest

from client import Unreachable
from history import check_hash

WORKFLOW = """
dsl = 1
name = "tally"
start = "open"
[vars]
log = { type = "list", default = [] }
[signal.add]
[signal.add.payload]
n = "int"
[signal.work]
[state.open]
on.add = { save.log = "= vars.log + [signal.n]" }
on.work = { next = "working" }
[state.working]
task = "tally.work"
queue = "tally"
next = "open"
"""


class Tally(unittest.TestCase):
    """For tests with a `fleet` that has the workflow."""

    fleet = None

    def start(self, run, box=1):
        answer = self.fleet.client(box).post("/v1/runs", {"workflow": "tally", "id": run})
        self.assertEqual(answer.status, 201, answer)

    def log_of(self, run, box):
        answer = self.fleet.client(box).get(f"/v1/runs/{run}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json["vars"]["log"]

    def load(self, boxes, stop):
        """Signals through these boxes until `stop`; per run what was acknowledged, in order."""
        taken = {}
        gaps = []
        refused = self.refused = []

        def write(n):
            run, box = f"w{n}", boxes[n % len(boxes)]
            taken[run] = []
            client, last, value = self.fleet.client(box), time.monotonic(), 0
            while not stop.is_set():
                value += 1
                try:
                    answer = client.post(f"/v1/runs/{run}/signals/add", {"payload": {"n": value}}, key=f"{run}-{value}", timeout=30)
                except Unreachable:
                    value -= 1  # the same request again, with the same key
                    time.sleep(0.01)
                    continue
                if answer.status != 200:
                    refused.append(answer)
                    return
                gaps.append(time.monotonic() - last)
                last = time.monotonic()
                taken[run].append(value)

        for n in range(6):
            self.start(f"w{n}", box=boxes[0])
        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        return threads, taken, gaps

    def check_taken(self, taken):
        self.assertEqual(self.refused, [])
        for run, values in taken.items():
            self.assertGreater(len(values), 0)
            for box in self.fleet.boxes:
                self.assertEqual(self.log_of(run, box)[:len(values)], values, f"{run} at box {box}")
            check_hash(self.fleet.client(2), run)
