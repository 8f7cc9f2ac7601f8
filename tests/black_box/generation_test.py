#!/usr/bin/env python3
"""A run that goes on and on continues as new by itself, again and again, with kill -9 in between: its tasks keep their tokens
and keys, its timers their time, its signals wait, and every generation's history can be read and gives its hash."""

import datetime
import json
import re
import subprocess
import tempfile
import time
import unittest

import suite
from client import Unreachable
from daemon import Daemon
from history import PAGE, chained_hash, history

WORKFLOW = """
dsl = 1
name = "loop"
start = "idle"
[history]
max_events = 50
[retention]
closed = "RETENTION"
[vars]
n = 0
rung = "timestamp"
[signal.add]
[signal.add.payload]
n = "int"
[signal.work]
[signal.stop]
[signal.later]
buffer = "1h"
[on.add]
save.n = "= vars.n + signal.n"
[after."4s"]
save.rung = "= run.now"
[state.idle]
on.work = { next = "work" }
on.stop = { next = "done" }
[state.work]
task = "do"
queue = "q"
timeout = { attempt = "10m", heartbeat = "5m" }
on.later = { next = "idle" }
save.last = "= result.n"
next = "idle"
[state.done]
end = "completed"
output = "= vars.n"
"""


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Generations(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="pawl-generation-")
        self.addCleanup(self.scratch.cleanup)
        self.daemon = Daemon(self.pawl, self.scratch.name)
        self.addCleanup(self.daemon.kill)
        self.daemon.start()
        self.client = self.daemon.client()

    def deploy(self, retention="30d"):
        answer = self.client.request("PUT", "/v1/workflows/loop", WORKFLOW.replace("RETENTION", retention).encode())
        self.assertEqual(answer.status, 201, answer)
        started = self.client.post("/v1/runs", {"workflow": "loop", "id": "r"})
        self.assertEqual(started.status, 201, started)
        return started.json

    def envelope(self):
        return self.client.get("/v1/runs/r").json

    def restart(self):
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()

    def add(self, count):
        for _ in range(count):
            answer = self.client.post("/v1/runs/r/signals/add", {"payload": {"n": 1}})
            self.assertEqual(answer.status, 200, answer)

    def generation(self, number):
        items, after = [], 0
        while True:
            page = self.client.get(f"/v1/runs/r/history?generation={number}&limit=30&fields=body&after={after}")
            self.assertEqual(page.status, 200, page)
            items += page.json["items"]
            if page.json["next_cursor"] is None:
                return items
            after = page.json["next_cursor"]

    def check_generations(self, first=1):
        """Each by itself, one after the other, and all of them together."""
        envelope = self.envelope()
        everything = []
        for number in range(first, envelope["generation"] + 1):
            items = self.generation(number)
            begin = items[0]
            self.assertEqual(begin["type"], "run.started" if number == 1 else "run.continued")
            self.assertEqual(begin["generation"], number)
            if everything:
                self.assertEqual(begin["before"], everything[-1]["seq"])
                self.assertEqual(begin["before_hash"], chained_hash(everything))
            self.assertEqual(sum(item["type"] == "run.continued" for item in items), number > 1)
            if number < envelope["generation"]:
                self.assertGreaterEqual(items[-1]["seq"] - begin["seq"], 49)
            everything += items
        self.assertEqual([item["seq"] for item in everything],
                         list(range(everything[0]["seq"], envelope["seq"] + 1)))
        self.assertEqual(chained_hash(everything), envelope["hash"])
        self.assertEqual(history(self.client, "r", fields="body"), everything)
        present = self.client.get(f"/v1/runs/r/history?limit={PAGE}&fields=body").json["items"]
        self.assertEqual(present, items)
        return everything

    def test_a_loop_passes_generations_under_kill_9(self):
        begun = self.deploy()
        due = time.monotonic() + 4
        self.assertEqual(self.client.post("/v1/runs/r/signals/work", {}).json["state"], "work")
        task = self.client.post("/v1/queues/q/poll?wait=5s", {"worker": "w", "max": 1}).json["tasks"][0]
        added = 0
        for life in range(4):
            self.add(60)
            added += 60
            self.assertEqual(self.client.get("/v1/tasks?queue=q").json["items"][0]["token"], task["token"])
            if life % 2:
                self.kill_while_adding()
            else:
                self.restart()
        run = self.envelope()
        self.assertGreaterEqual(run["generation"], 9)
        self.assertGreaterEqual(run["vars"]["n"], added)
        self.assertEqual((run["uid"], run["started_at"], run["state"]), (begun["uid"], begun["started_at"], "work"))
        open_task = self.client.get("/v1/tasks?queue=q").json["items"][0]
        self.assertEqual((open_task["token"], open_task["idempotency_key"], open_task["attempt"]),
                         (task["token"], task["idempotency_key"], 1))
        # The worker never heard of any of it.
        done = self.client.post(f"/v1/tasks/{task['token']}/complete", {"result": {"n": 7}})
        self.assertEqual(done.status, 200, done)
        self.add(60)
        self.restart()
        again = self.client.post(f"/v1/tasks/{task['token']}/complete", {"result": {"n": 7}})
        self.assertEqual(again.status, 200, again)
        self.assertEqual((self.envelope()["state"], self.envelope()["vars"]["last"]), ("idle", 7))
        self.check_timer(due)
        self.assertIn("timer.fired", [event["type"] for event in self.check_generations()])
        ended = self.client.post("/v1/runs/r/signals/stop", {}).json
        self.assertEqual(ended["output"], ended["vars"]["n"])
        self.daemon.kill()
        self.check_from_outside()
        self.daemon.start()
        self.client = self.daemon.client()
        self.check_generations()
        self.check_deletion()

    def kill_while_adding(self):
        process = subprocess.Popen(["sh", "-c", "sleep 0.05; kill -9 $0", str(self.daemon.process.pid)])
        try:
            while True:
                self.add(1)
        except (Unreachable, AssertionError):
            pass
        process.wait()
        self.daemon.process.wait()
        self.daemon.start()
        self.client = self.daemon.client()

    def check_timer(self, due):
        """It rang once, when it was to, by the time of the run's start, whatever generation that was in."""
        while "rung" not in self.envelope()["vars"]:
            self.assertLess(time.monotonic(), due + 30)
            time.sleep(0.02)  # between two questions; nothing relies on its length
        fired = [event for event in history(self.client, "r") if event["type"] == "timer.fired"]
        self.assertEqual(len(fired), 1)
        self.assertGreaterEqual(time.monotonic(), due - 0.5)
        armed = [timer for event in history(self.client, "r") for timer in event.get("timers", [])]
        self.assertEqual([timer["timer"] for timer in armed if timer["kind"] == "root_after"], [fired[0]["timer"]])
        fire_at = [timer["fire_at"] for timer in armed if timer["timer"] == fired[0]["timer"]][0]
        self.assertGreaterEqual(milliseconds(fired[0]["at"]), milliseconds(fire_at))
        self.assertLess(milliseconds(fired[0]["at"]), milliseconds(fire_at) + 20_000)

    def check_deletion(self):
        """What is deleted is so in every generation."""
        answer = self.client.request("DELETE", "/v1/runs/r/data", b"{}")
        self.assertEqual(answer.status, 202, answer)
        for event in self.check_generations():
            if event["type"] == "signal.received":
                self.assertIn("scrubbed", event["payload"])
            if event["type"] == "run.continued":
                for value in event["frames"][0]["vars"].values():
                    self.assertIn("scrubbed", value)

    def check_from_outside(self):
        done = subprocess.run([self.pawl, "journal", "verify", str(self.daemon.data), "--json"], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        seen = json.loads(done.stdout)
        self.assertEqual((seen["damages"], seen["entries_headless"]), (0, 0))

    def test_a_signal_that_waits_and_a_follow_that_goes_on(self):
        self.deploy()
        self.client.post("/v1/runs/r/signals/later", {"payload": "text", "dedupe_id": "once"})
        follow = subprocess.Popen([self.pawl, "history", "r", "--after", "0", "--follow", "--json", "--socket", self.daemon.socket],
                                  stdout=subprocess.PIPE, text=True)
        self.add(120)
        self.assertGreaterEqual(self.envelope()["generation"], 3)
        repeated = self.client.post("/v1/runs/r/signals/later", {"payload": "text", "dedupe_id": "once"})
        self.assertEqual(repeated.status, 200, repeated)
        entered = self.client.post("/v1/runs/r/signals/work", {}).json
        self.assertEqual(entered["state"], "idle", "the signal was taken as soon as there was a state for it")
        since = self.client.get("/v1/runs/r/await?state=work&since=0&wait=0s").json
        self.assertTrue(since["reached"], since)
        self.client.post("/v1/runs/r/signals/stop", {})
        out, _ = follow.communicate(timeout=60)
        followed = [json.loads(line) for line in out.splitlines()]
        events = [event for event in followed if "seq" in event]
        self.assertEqual(events, history(self.client, "r"))

    def envelope_and_history(self):
        """Of one moment: the run may still continue as new after its last signal was answered."""
        while True:
            run = self.envelope()
            items = history(self.client, "r", fields="body")
            if items[-1]["seq"] == run["seq"]:
                return run, items

    def test_older_generations_are_forgotten_and_the_run_is_not(self):
        self.deploy(retention="300ms")
        self.add(150)
        deadline = time.monotonic() + 20
        while self.client.get("/v1/runs/r/history?generation=2").status != 404:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)  # between two questions; nothing relies on its length
        gone = self.client.get("/v1/runs/r/history?generation=1")
        self.assertEqual((gone.status, gone.json["type"]), (404, "generation-unknown"))
        self.assertRegex(gone.json["detail"], r"the run is in generation \d+, the oldest one that is kept is \d+")
        for life in range(2):
            run, items = self.envelope_and_history()
            self.assertEqual((run["vars"]["n"], run["status"]), (150, "running"))
            self.assertEqual(items[0]["type"], "run.continued")
            self.assertEqual(chained_hash(items), run["hash"])
            events = self.client.request("GET", "/v1/events").data.decode().splitlines()
            self.assertGreaterEqual(min(json.loads(line)["seq"] for line in events[:-1]), items[0]["seq"])
            if life == 0:
                self.restart()
        text = self.client.request("GET", "/metrics").data.decode()
        self.assertRegex(text, re.compile(r"^pawl_runs_continued_total \d+$", re.MULTILINE))

    def test_what_is_refused(self):
        self.deploy()
        for query, status, kind in (("generation=0", 400, "bad-parameter"), ("generation=2", 404, "generation-unknown"),
                                    ("generation=1&follow=true", 400, "bad-parameter"), ("generation=1", 200, None)):
            with self.subTest(query):
                answer = self.client.get(f"/v1/runs/r/history?{query}")
                self.assertEqual(answer.status, status, answer)
                if kind:
                    self.assertEqual(answer.json["type"], kind)
        wrong = WORKFLOW.replace("max_events = 50", "max_events = 5").replace("RETENTION", "1d")
        answer = self.client.request("PUT", "/v1/workflows/loop", wrong.encode())
        self.assertEqual(answer.status, 422, answer)
        self.assertIn("`max_events`", answer.json["errors"][0]["message"])


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Generations.pawl = arguments.pawl
    suite.run([Generations], arguments.only)
