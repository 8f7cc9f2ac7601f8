#!/usr/bin/env python3
"""Batches of verbs over a filter, with the binary: dry run, rate, stop, refusals, and kill -9 in the middle."""

import json
import subprocess
import time
import unittest

import suite
from client import Unreachable
from daemon import daemon_for

WORKFLOW = """
dsl = 1
name = "order"
start = "open"
[vars]
n = 0
[signal.add]
[signal.add.payload]
by = "int"
[signal.stop]
[state.open]
on.add = { save.n = "= vars.n + signal.by" }
on.stop = { next = "shut" }
moves = ["held"]
[state.held]
on.stop = { next = "shut" }
[state.shut]
end = "completed"
"""
RUNS = 120


class Batches(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = daemon_for(self)
        self.client = self.daemon.client()
        self.client.deploy("order", WORKFLOW)
        for i in range(RUNS):
            self.start(f"o{i}", "eu" if i % 2 else "us")

    def start(self, run, region):
        answer = self.client.post("/v1/runs", {"workflow": "order", "id": run, "tags": {"region": region}})
        self.assertEqual(answer.status, 201, answer)

    def begin(self, status=201, key=None, **body):
        body.setdefault("filter", {"workflow": "order"})
        answer = self.client.post("/v1/batches", body, key=key)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def add(self, by=1, **body):
        return self.begin(verb="signal", args={"signal": "add", "payload": {"by": by}}, **body)

    def batch(self, number):
        answer = self.client.get(f"/v1/batches/{number}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def until(self, number, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            batch = self.batch(number)
            if holds(batch):
                return batch
            self.assertLess(time.monotonic(), deadline, batch)

    def over(self, number):
        return self.until(number, lambda batch: batch["status"] in ("done", "stopped"))

    def counts(self):
        return {run["id"]: run["vars"]["n"] for run in self.client.get("/v1/runs?fields=vars&limit=500").json["items"]}

    def run_pawl(self, *arguments):
        return subprocess.run([self.pawl, "--socket", self.daemon.socket, *arguments], capture_output=True, text=True,
                              timeout=60)

    def test_the_data_of_closed_runs_is_deleted(self):
        self.add(filter={"tags": {"region": "eu"}})
        for i in range(0, 20):
            self.assertEqual(self.client.post(f"/v1/runs/o{i}/signals/stop", {}).status, 200)
        dry = self.begin(status=200, verb="scrub", dry_run=True, filter={"tags": {"region": "eu"}})
        self.assertEqual((dry["matching"], dry["by_status"]), (10, {"completed": 10}), dry)
        done = self.over(self.begin(verb="scrub", filter={"tags": {"region": "eu"}}, reason="asked by the customer")["batch"])
        self.assertEqual((done["changed"], done["refused"]), (10, 0), done)
        for i in range(0, 20):
            run = self.client.get(f"/v1/runs/o{i}").json
            self.assertEqual(run["status"], "data_deleted" if i % 2 else "completed", run)
        self.assertEqual(self.client.get("/v1/runs/o21").json["status"], "running")
        again = self.over(self.begin(verb="scrub", filter={"status": "data_deleted"})["batch"])
        self.assertEqual((again["changed"], again["unchanged"]), (0, 10), again)
        # An open run has its data still: it says why.
        opened = self.over(self.begin(verb="scrub", filter={"status": "open", "id_prefix": "o21"})["batch"])
        self.assertEqual((opened["refused"], opened["refusals"][0]["type"]), (1, "run-open"), opened)

    def test_a_dry_run_says_what_would_be_touched(self):
        said = self.add(filter={"workflow": "order", "tags": {"region": "eu"}}, dry_run=True, status=200)
        self.assertEqual(said["matching"], RUNS // 2)
        self.assertEqual(said["by_status"], {"running": RUNS // 2})
        self.assertEqual(len(said["sample"]), 20)
        self.assertTrue(all(run["workflow"] == "order" and run["state"] == "open" for run in said["sample"]))
        self.assertEqual(self.client.get("/v1/batches").json["items"], [])
        self.assertEqual(set(self.counts().values()), {0})

    def test_those_that_fit_are_asked_and_no_others(self):
        begun = self.add(filter={"workflow": "order", "tags": {"region": "eu"}}, reason="eu only", rate=10000)
        self.assertEqual((begun["batch"], begun["verb"], begun["matching"], begun["reason"]), (1, "signal", RUNS // 2, "eu only"))
        self.start("late", "eu")
        batch = self.over(1)
        self.assertEqual((batch["status"], batch["changed"], batch["refused"]), ("done", RUNS // 2, 0))
        self.assertEqual(self.counts(), {"late": 0, **{f"o{i}": i % 2 for i in range(RUNS)}})
        self.begin(verb="move", args={"from": "open", "to": "held"}, filter={"id_prefix": "o1"}, rate=10000)
        self.assertEqual(self.over(2)["changed"], len([i for i in range(RUNS) if str(i).startswith("1")]))
        self.add(filter={"workflow": "order"}, rate=10000)  # those in `held` refuse it
        batch = self.over(3)
        self.assertGreater(batch["refused"], 10)
        self.assertEqual(len(batch["refusals"]), 10)
        self.assertEqual({refusal["type"] for refusal in batch["refusals"]}, {"signal-not-accepted"})
        self.begin(verb="cancel", reason="over", rate=10000)
        self.assertEqual(self.over(4)["changed"], RUNS + 1)
        self.assertEqual(self.client.get("/v1/runs/o1").json["reason"], "batch 4: over")
        self.assertEqual([item["batch"] for item in self.client.get("/v1/batches").json["items"]], [4, 3, 2, 1])

    def test_its_rate_is_kept_and_it_can_be_stopped(self):
        began = time.monotonic()
        self.add(rate=40)
        self.until(1, lambda batch: batch["changed"] >= 40)
        self.assertGreater(time.monotonic() - began, 0.9)
        answer = self.client.request("DELETE", "/v1/batches/1", {"reason": "enough"})
        self.assertEqual(answer.status, 200, answer)
        self.assertIn(answer.json["status"], ("stopping", "stopped"))
        batch = self.over(1)
        self.assertEqual((batch["status"], batch["stopped"]["reason"]), ("stopped", "enough"))
        self.assertLess(batch["changed"], RUNS)
        self.assertEqual(sum(self.counts().values()), batch["changed"])

    def test_kill_9_repeats_nothing_and_leaves_nothing_out(self):
        self.add(rate=60, key="once")
        for _ in range(5):
            before = self.batch(1)["changed"]
            try:
                self.until(1, lambda batch: batch["changed"] > before + 5)
            except Unreachable:
                self.fail("the daemon is gone")
            self.daemon.kill()
            self.daemon.start()
            self.client = self.daemon.client()
        self.assertEqual(self.add(rate=60, key="once")["batch"], 1)
        batch = self.over(1)
        self.assertEqual((batch["changed"], batch["unchanged"], batch["refused"]), (RUNS, 0, 0))
        self.assertEqual(set(self.counts().values()), {1})
        self.daemon.stop()
        self.daemon.start()
        self.client = self.daemon.client()
        self.assertEqual(self.batch(1)["changed"], RUNS)

    def test_what_is_wrong_is_said(self):
        for body, detail in (
                ({"verb": "explode"}, "`verb` can be"),
                ({"verb": "cancel", "filter": {}}, "at least one"),
                ({"verb": "cancel", "filter": {"colour": "red"}}, "colour"),
                ({"verb": "cancel", "filter": {"status": "fine"}}, "`status` can be"),
                ({"verb": "cancel", "args": {"signal": "x"}}, "takes no `args`"),
                ({"verb": "signal"}, "signal"),
                ({"verb": "move", "args": {"from": "a"}}, "to"),
                ({"verb": "cancel", "rate": 0}, "rate"),
                ({"verb": "cancel", "filter": {"started_before": "yesterday"}}, "RFC 3339")):
            problem = self.begin(status=400, **body)
            self.assertEqual(problem["type"], "bad-field", problem)
            self.assertIn(detail, problem["detail"])
        self.assertEqual(self.begin(status=413, verb="signal",
                                    args={"signal": "add", "payload": "x" * 20000})["type"], "too-big")
        for answer in (self.client.get("/v1/batches/7"), self.client.get("/v1/batches/x"),
                       self.client.request("DELETE", "/v1/batches/7")):
            self.assertEqual((answer.status, answer.json["type"]), (404, "batch-unknown"))
        for _ in range(10):
            self.add(rate=1)
        self.assertEqual(self.add(rate=1, status=429)["type"], "too-many-batches")

    def test_the_command(self):
        told = self.run_pawl("batch", "pause", "--workflow", "order", "--tag", "region=us", "--dry-run")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn(f"{RUNS // 2} runs fit; nothing was changed", told.stdout)
        told = self.run_pawl("batch", "pause", "--workflow", "order", "--tag", "region=us", "--rate", "5000", "--reason", "night",
                             "--follow")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn(f"{RUNS // 2} changed, 0 unchanged, 0 refused, of {RUNS // 2}", told.stdout)
        told = self.run_pawl("--json", "batch", "show", "1")
        self.assertEqual(json.loads(told.stdout)["status"], "done")
        told = self.run_pawl("batch", "signal", "add", '{"by": 3}', "--state", "open", "--rate", "1")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual(self.run_pawl("batch", "stop", "2", "--reason", "slow").returncode, 0)
        self.over(2)
        told = self.run_pawl("batch", "list")
        self.assertIn("stopped", told.stdout)
        self.assertEqual(self.run_pawl("batch", "show", "9").returncode, 3)
        self.assertEqual(self.run_pawl("batch", "move", "--from", "open").returncode, 2)
        self.assertEqual(self.run_pawl("batch", "cancel").returncode, 2)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Batches.pawl = arguments.pawl
    suite.run([Batches], arguments.only)
