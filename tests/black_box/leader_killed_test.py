#!/usr/bin/env python3
"""What group 0 does for all, on three real boxes whose leader is killed with -9 again and again: each firing of a schedule is
one run, a batch touches each run once, a subscription misses no event."""

import json
import time
import unittest

import suite
from client import Unreachable
from fleet import fleet_for, leaders

WAIT_SECONDS = 60
RUNS = 180
KILLS = 3

TICK = """
dsl = 1
name = "tick"
[state.done]
end = "completed"
[schedule.second]
every = "1s"
overlap = "allow_all"
"""

ORDER = """
dsl = 1
name = "order"
start = "open"
[vars]
n = 0
[signal.add]
[signal.stop]
[state.open]
on.add = { save.n = "= vars.n + 1" }
on.stop = { next = "shut" }
[state.shut]
end = "completed"
"""


class LeaderKilled(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.fleet = fleet_for(self)
        self.seen = {}  # the events that the subscription gave, each with how often

    def ask(self, method, target, body=None, key=None):
        """The answer of the first box that has one which is final."""
        deadline = time.monotonic() + WAIT_SECONDS
        last = None
        while True:
            for box in self.fleet.boxes.values():
                if not box.alive():
                    continue
                client = box.client()
                try:
                    last = client.request(method, target, body, key=key)
                    if last.status < 500 and last.status != 429:
                        return last
                except Unreachable as error:
                    last = error
                finally:
                    client.close()
            self.assertLess(time.monotonic(), deadline, (method, target, last))
            time.sleep(0.02)  # between two questions; nothing relies on its length

    def get(self, target):
        answer = self.ask("GET", target)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def wait_for(self, what, holds):
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            value = what()
            if holds(value):
                return value
            self.assertLess(time.monotonic(), deadline, value)
            time.sleep(0.02)  # between two questions; nothing relies on its length

    def read(self, ack=True):
        """Takes what the subscription has; the number of events."""
        answer = self.ask("GET", "/v1/events?subscription=out")
        self.assertEqual(answer.status, 200, answer)
        lines = [json.loads(line) for line in answer.data.decode().splitlines()]
        events = [(line["uid"], line["seq"]) for line in lines if "run" in line]
        for event in events:
            self.seen[event] = self.seen.get(event, 0) + 1
        # A stream that ended without its cursor is not acknowledged: what it had comes again.
        if ack and lines and "cursor" in lines[-1]:
            acked = self.ask("POST", "/v1/subscriptions/out/ack", {"cursor": lines[-1]["cursor"]})
            self.assertEqual(acked.status, 200, acked)
        return len(events)

    def kill_leader(self):
        """Kills the box that leads group 0; its number."""
        status = self.wait_for(lambda: next((s for s in map(self.fleet.status, self.fleet.boxes) if s), None),
                               lambda s: s and leaders(s)[0])
        victim = leaders(status)[0]
        self.fleet.boxes[victim].kill()
        return victim

    def runs(self, workflow):
        items, cursor = [], ""
        while True:
            page = self.get(f"/v1/runs?workflow={workflow}&fields=vars&limit=500{cursor}")
            items += page["items"]
            if not page["next_cursor"]:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    def test_nothing_happens_twice_and_nothing_is_left_out(self):
        for name, text in (("tick", TICK), ("order", ORDER)):
            self.assertIn(self.ask("PUT", f"/v1/workflows/{name}", text.encode(), key=f"deploy {name}").status, (200, 201))
        self.assertIn(self.ask("PUT", "/v1/subscriptions/out", {}).status, (200, 201))
        for i in range(RUNS):
            started = self.ask("POST", "/v1/runs", {"workflow": "order", "id": f"o{i}"}, key=f"start {i}")
            self.assertEqual(started.status, 201, started)
        begun = self.ask("POST", "/v1/batches", {"verb": "signal", "args": {"signal": "add"}, "rate": 15,
                                                 "filter": {"workflow": "order"}}, key="add")
        self.assertEqual((begun.status, begun.json["matching"]), (201, RUNS), begun)
        number = begun.json["batch"]
        victims = []
        for kill in range(KILLS):
            before = self.get(f"/v1/batches/{number}")["changed"], self.get("/v1/schedules/tick.second")["started"]
            self.wait_for(lambda: (self.get(f"/v1/batches/{number}")["changed"],
                                   self.get("/v1/schedules/tick.second")["started"]),
                          lambda now, before=before: (now[0] > before[0] or now[0] == RUNS) and now[1] > before[1])
            # On a slow machine the batch may be over before the last of the kills.
            self.assertTrue(kill > 0 or self.get(f"/v1/batches/{number}")["status"] == "running")
            self.read(ack=kill % 2 == 0)
            victims.append(self.kill_leader())
            self.read()  # from those that are left
            self.fleet.boxes[victims[-1]].spawn()
            self.fleet.wait_settled()
            self.read(ack=kill % 2 == 1)
        batch = self.wait_for(lambda: self.get(f"/v1/batches/{number}"), lambda b: b["status"] == "done")
        self.assertEqual((batch["changed"], batch["unchanged"], batch["refused"]), (RUNS, 0, 0), batch)
        orders = self.runs("order")
        self.assertEqual({run["id"]: run["vars"]["n"] for run in orders}, {f"o{i}": 1 for i in range(RUNS)})

        started = self.get("/v1/schedules/tick.second")["started"]
        self.wait_for(lambda: self.get("/v1/schedules/tick.second"), lambda s: s["started"] > started)
        self.assertEqual(self.ask("POST", "/v1/schedules/tick.second/pause", {"reason": "over"}).status, 200)
        view = self.wait_for(lambda: self.get("/v1/schedules/tick.second"), lambda s: not s["starting"])
        ticks = self.runs("tick")
        self.assertEqual(len(ticks), view["started"])
        self.assertEqual(len({run["id"] for run in ticks}), len(ticks))
        self.assertEqual((view["refused"], view["waiting"]), (0, 0))

        self.read()
        self.assertEqual(self.read(), 0)
        expected = {(run["uid"], seq) for run in orders + ticks
                    for seq in range(1, self.get(f"/v1/runs/{run['id']}")["seq"] + 1)}
        self.assertEqual(expected - set(self.seen), set())
        self.assertEqual(set(self.seen) - expected, set())
        print(f"  leaders {victims} were killed; {len(ticks)} firings, {RUNS} runs of a batch, {len(expected)} events, "
              f"{sum(times - 1 for times in self.seen.values())} of them told again")


if __name__ == "__main__":
    arguments = suite.arguments_with()
    LeaderKilled.pawl = arguments.pawl
    suite.run([LeaderKilled], arguments.only)
