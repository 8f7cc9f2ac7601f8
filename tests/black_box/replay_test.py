#!/usr/bin/env python3
"""Histories that a real daemon has written are decided the same when they are decided again: asked for by id, exported
to a file, dumped from the journal. And `pawl deploy --compat` deploys only what changes nothing for open runs."""

import json
import os
import subprocess
import unittest

import suite
from daemon import Daemon

WORKFLOW = """
dsl = 1
name = "order"
start = "created"
[history]
max_events = 20
[vars]
beats = 0
[signal.paid]
[signal.beat]
[on.beat]
save.beats = "= vars.beats + 1"
[state.created]
on.paid = { next = "charge", save.by = "= signal" }
after."24h" = { next = "late" }
[state.charge]
task = "card.charge"
with = { by = "= vars.by" }
retry = { attempts = 5, initial = "1ms", max_interval = "5ms", jitter = 0.9 }
timeout.total = "1h"
save.charge = "= result.id"
next = "packed"
[state.packed]
on.paid = { next = "done" }
[state.late]
end = "failed"
[state.done]
end = "completed"
output = { charge = "= vars.charge", beats = "= vars.beats" }
"""


class Replays(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.scratch = suite.scratch_for(self)
        self.daemon = Daemon(self.pawl, self.scratch)
        self.addCleanup(lambda: self.daemon.alive() and self.daemon.kill())
        self.daemon.start()
        self.client = self.daemon.client()
        self.client.deploy("order", WORKFLOW)

    def call(self, *arguments, socket=True):
        environment = {"PAWL_SOCKET": self.daemon.socket} if socket else {"PAWL_SOCKET": "/nowhere"}
        answer = subprocess.run([self.daemon.pawl, *arguments], capture_output=True, text=True, cwd=self.scratch,
                                env={**os.environ, **environment})
        return answer.returncode, answer.stdout, answer.stderr

    def write(self, name, text):
        path = f"{self.scratch}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def post(self, path, body=None):
        answer = self.client.post(path, body if body is not None else {})
        self.assertLess(answer.status, 300, answer)
        return answer.json

    def start(self, run, paid=True):
        self.post("/v1/runs", {"workflow": "order", "id": run})
        if paid:
            self.post(f"/v1/runs/{run}/signals/paid", {"payload": "ann"})

    def work(self, outcomes):
        """Answers one task after the other."""
        for outcome, body in outcomes:
            tasks = self.post("/v1/queues/default/poll?wait=20s", {"worker": "w", "max": 1})["tasks"]
            self.assertEqual(len(tasks), 1)
            self.post(f"/v1/tasks/{tasks[0]['token']}/{outcome}", body)

    def history(self, run):
        """A run with retries, a pause, a root signal and several generations, closed."""
        self.start(run)
        self.work([("fail", {"type": "net"})] * 3 + [("complete", {"result": {"id": "c-1"}})])
        self.post(f"/v1/runs/{run}/pause")
        for _ in range(40):
            self.post(f"/v1/runs/{run}/signals/beat")
        self.post(f"/v1/runs/{run}/resume")
        self.post(f"/v1/runs/{run}/signals/paid", {"payload": "bob"})

    def test_a_run_is_decided_the_same(self):
        self.history("o-1")
        generation = self.client.get("/v1/runs/o-1").json["generation"]
        self.assertGreater(generation, 1)
        status, out, err = self.call("replay", "o-1")
        self.assertEqual((status, err), (0, ""), out)
        self.assertRegex(out, r"^o-1: the same, \d+ events\n$")
        seq = self.client.get("/v1/runs/o-1").json["seq"]
        self.assertEqual(json.loads(self.call("replay", "o-1", "--json")[1]),
                         {"run": "o-1", "result": "same", "events": seq})

    def test_an_export_is_replayed_without_a_daemon(self):
        self.history("o-1")
        status, out, err = self.call("history", "o-1", "--export", "o-1.jsonl")
        self.assertEqual((status, out), (0, ""), err)
        path = f"{self.scratch}/o-1.jsonl"
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(self.call("history", "o-1", "--export", "o-1.jsonl")[0], 2, "it is not written over")
        self.assertEqual(self.call("history", "o-1", "--export", "-")[1], open(path, encoding="utf-8").read())
        self.daemon.kill()
        status, out, _ = self.call("replay", "o-1.jsonl", socket=False)
        self.assertEqual(status, 0, out)
        self.write("new.toml", WORKFLOW.replace('with = { by = "= vars.by" }', 'with = { who = "= vars.by" }'))
        status, out, _ = self.call("replay", "o-1.jsonl", "--definition", "new.toml", socket=False)
        self.assertEqual(status, 1, out)
        self.assertIn("o-1: differs at seq 6, in state `created` (new.toml:13): its fields differ\n"
                      "  recorded: task.scheduled ", out)
        self.assertIn('input={"who":"ann"}', out.split("decided:")[1])
        line = json.loads(self.call("replay", "o-1.jsonl", "--definition", "new.toml", "--json", socket=False)[1])
        self.assertEqual((line["result"], line["seq"], line["state"], line["events"]), ("differs", 6, "created", 2))
        self.assertEqual(line["decided"]["input"], {"who": "ann"})
        lines = open(path, encoding="utf-8").read().splitlines()
        self.write("part.jsonl", "\n".join(lines[:4] + lines[6:]))
        self.assertEqual(self.call("replay", "part.jsonl", socket=False)[0], 4)

    def test_a_journal_s_dump_is_replayed(self):
        self.history("o-1")
        self.daemon.stop()
        status, out, err = self.call("journal", "dump", str(self.daemon.data), "--run", "o-1", socket=False)
        self.assertEqual(status, 0, err)
        self.write("dump.jsonl", out)
        self.write("order.toml", WORKFLOW)
        status, out, err = self.call("replay", "dump.jsonl", socket=False)
        self.assertEqual(status, 2)
        self.assertIn("--definition", err)
        status, out, _ = self.call("replay", "dump.jsonl", "--definition", "order.toml", socket=False)
        self.assertEqual(status, 0, out)

    def test_deleted_data_is_not_replayed(self):
        self.history("o-1")
        self.assertIn(self.client.request("DELETE", "/v1/runs/o-1/data", b"{}").status, (200, 202))
        status, out, _ = self.call("replay", "o-1")
        self.assertEqual((status, out), (4, "o-1: can't be replayed: the run's data was deleted\n"))

    def test_files_that_are_no_history(self):
        for name, text in (("a.jsonl", "{}\n"), ("b.jsonl", "nonsense"), ("c.jsonl", "[1]"), ("d.jsonl", "")):
            self.write(name, text)
            status, _, err = self.call("replay", name, socket=False)
            self.assertEqual(status, 2, name)
            self.assertIn("hint: `pawl history RUN --export FILE` writes one", err)
        self.assertEqual(self.call("replay", "no-such-run")[0], 3)

    def test_a_deployment_that_changes_nothing_for_open_runs(self):
        self.history("closed-1")  # first: while it works no other run has a task in the queue
        self.start("paid-1")
        self.start("new-1", paid=False)
        self.write("same.toml", WORKFLOW.replace('after."24h" = { next = "late" }',
                                                 'after."24h" = { next = "late", save.how = "late" }'))
        status, out, err = self.call("deploy", "--compat", "same.toml")
        self.assertEqual(status, 0, err)
        self.assertIn("same.toml: 2 open runs of order decide the same by it", err)
        self.assertIn("order version 2: deployed", out)
        self.write("other.toml", WORKFLOW.replace('save.by = "= signal"', 'save.by = "somebody"'))
        status, out, err = self.call("deploy", "--compat", "other.toml")
        self.assertEqual(status, 1, err)
        self.assertIn("paid-1: differs at seq 4, in state `created` (other.toml:13): its fields differ", out)
        self.assertNotIn("new-1", out)
        self.assertIn("other.toml was not deployed: 1 of 2 open runs would have gone another way by it", err)
        self.assertEqual(self.client.get("/v1/workflows/order").json["newest_version"], 2)
        self.assertEqual(self.call("deploy", "other.toml")[0], 0)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Replays.pawl = arguments.pawl
    suite.run([Replays], arguments.only)
