#!/usr/bin/env python3
"""Schedules of the real binary: runs that start by themselves, each firing once though the daemon is killed, held, fired and
made up for from outside; and what is said of wrong requests."""

import json
import subprocess
import time
import unittest

import suite
from daemon import daemon_for

WAIT_SECONDS = 30

TICK = """
dsl = 1
name = "tick"
[input]
at = "string"
[state.done]
end = "completed"
output = "= input.at"
[schedule.second]
every = "1s"
with = { at = "= string(schedule.at)" }
"""

JOB = """
dsl = 1
name = "job"
start = "wait"
[signal.go]
[state.wait]
on.go = { next = "done" }
[state.done]
end = "completed"
[schedule.often]
every = "1s"
overlap = "OVERLAP"
"""


class Schedules(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = daemon_for(self)
        self.client = self.daemon.client()

    def deploy(self, name, text):
        answer = self.client.request("PUT", f"/v1/workflows/{name}", text.encode())
        self.assertIn(answer.status, (200, 201), answer)

    def restart(self):
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()

    def schedule(self, name):
        answer = self.client.get(f"/v1/schedules/{name}")
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

    def started(self, name, count):
        return self.wait_for(lambda: self.schedule(name), lambda s: s["started"] >= count)

    def runs(self, workflow, status=""):
        target = f"/v1/runs?workflow={workflow}&limit=500" + (f"&status={status}" if status else "")
        answer = self.client.get(target)
        self.assertEqual(answer.status, 200, answer)
        return answer.json["items"]

    def pause(self, name):
        answer = self.client.post(f"/v1/schedules/{name}/pause", {"reason": "the test is over"})
        self.assertEqual(answer.status, 200, answer)

    def test_each_firing_is_one_run_though_the_daemon_is_killed(self):
        self.deploy("tick", TICK)
        count = 0
        for _ in range(4):
            count = self.started("tick.second", count + 1)["started"]
            self.restart()
        self.started("tick.second", count + 1)
        self.pause("tick.second")
        view = self.wait_for(lambda: self.schedule("tick.second"), lambda s: not s["starting"])
        runs = self.runs("tick")
        self.assertEqual(len(runs), view["started"])
        self.assertEqual(len({run["id"] for run in runs}), len(runs))
        for run in runs:
            self.assertRegex(run["id"], r"^tick\.second-\d{8}T\d{6}Z$")
            self.assertEqual(run["tags"], {"schedule": "second"})
        self.assertTrue(view["paused"])
        self.assertEqual(view["pause"]["reason"], "the test is over")
        self.assertEqual(view["next"], [])
        one = self.client.get(f"/v1/runs/{view['recent'][0]['run']}").json
        self.assertEqual(one["output"], view["recent"][0]["at"])
        # A pause outlives the daemon and a new version.
        self.restart()
        self.deploy("tick", TICK.replace('"1s"', '"2s"'))
        self.assertTrue(self.schedule("tick.second")["paused"])
        self.assertEqual(self.client.post("/v1/schedules/tick.second/resume", {}).json["changed"], True)
        self.started("tick.second", view["started"] + 1)
        metrics = self.client.get("/metrics").data.decode()
        self.assertIn('pawl_schedule_firings_total{result="started"}', metrics)

    def test_firings_do_not_overlap(self):
        self.deploy("job", JOB.replace("OVERLAP", "skip"))
        self.wait_for(lambda: self.schedule("job.often"), lambda s: s["skipped"] >= 2)
        open_runs = self.runs("job", "running")
        self.assertEqual(len(open_runs), 1)
        self.assertEqual(self.schedule("job.often")["recent"][0]["outcome"], "overlap")
        self.client.post(f"/v1/runs/{open_runs[0]['id']}/signals/go", {})
        self.started("job.often", 2)

    def test_the_newest_one_takes_over(self):
        self.deploy("job", JOB.replace("OVERLAP", "cancel_other"))
        self.started("job.often", 3)
        self.pause("job.often")
        view = self.wait_for(lambda: self.schedule("job.often"), lambda s: not s["starting"])
        running = len(self.runs("job", "running"))
        # The pause came while one was open, or between the end of one and the start of the next.
        self.assertLessEqual(running, 1)
        self.assertGreaterEqual(running + view["waiting"], 1)
        self.assertGreaterEqual(len(self.runs("job", "cancelled")), 2)

    def test_fired_and_made_up_for_from_outside(self):
        self.deploy("tick", TICK.replace('every = "1s"', 'cron = "30 4 * * *"\ntz = "Europe/Berlin"'))
        answer = self.client.post("/v1/schedules/tick.second/trigger", {}, headers={"Idempotency-Key": "once"})
        self.assertEqual((answer.status, answer.json["firings"]), (200, 1))
        again = self.client.post("/v1/schedules/tick.second/trigger", {}, headers={"Idempotency-Key": "once"})
        self.assertEqual(again.json, answer.json)
        self.started("tick.second", 1)
        days = {"from": "2026-03-27T12:00:00Z", "to": "2026-03-30T12:00:00Z"}
        self.assertEqual(self.client.post("/v1/schedules/tick.second/backfill", days).json["firings"], 3)
        view = self.started("tick.second", 4)
        self.assertEqual(view["started"], 4)
        # The clocks go forward on the 29th.
        self.assertEqual(sorted(f["at"] for f in view["recent"])[:3],
                         ["2026-03-28T03:30:00Z", "2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z"])
        none = {"from": "2026-03-28T04:00:00Z", "to": "2026-03-28T05:00:00Z"}
        self.assertEqual(self.client.post("/v1/schedules/tick.second/backfill", none).json["changed"], False)

    def test_removed_with_the_version_that_has_it(self):
        self.deploy("tick", TICK)
        self.assertEqual([s["name"] for s in self.client.get("/v1/schedules").json["items"]], ["tick.second"])
        self.deploy("tick", TICK[:TICK.index("[schedule")])
        self.assertEqual(self.client.get("/v1/schedules").json["items"], [])
        answer = self.client.post("/v1/workflows/tick/default", {"version": 1})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.schedule("tick.second")["started"], 0)

    def test_a_run_that_can_not_start_is_said(self):
        self.deploy("tick", TICK.replace('every = "1s"', 'every = "1s"\nid = "always-the-same"') +
                    '[id]\nreuse = "reject"\n')
        view = self.wait_for(lambda: self.schedule("tick.second"), lambda s: s["refused"] >= 1)
        refused = next(f for f in view["recent"] if f["outcome"] == "refused")
        self.assertEqual(refused["run"], "always-the-same")
        self.assertIn("[id] reuse", refused["detail"])
        self.assertEqual(view["started"], 1)

    def test_wrong_requests(self):
        self.deploy("tick", TICK)
        for target, body, status, words in [
            ("tick.third/pause", {}, 404, "tick.third"),
            ("tick/trigger", {}, 404, "WORKFLOW.NAME"),
            ("tick.second/backfill", {}, 400, "`from`"),
            ("tick.second/backfill", {"from": "yesterday", "to": "2026-01-01T00:00:00Z"}, 400, "must be a time"),
            ("tick.second/backfill", {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400, "before"),
            ("tick.second/backfill", {"from": "2026-01-02T00:00:00Z", "to": "2999-01-01T00:00:00Z"}, 400, "future"),
            ("tick.second/backfill", {"from": "2026-01-02T00:00:00Z", "to": "2026-01-03T00:00:00Z"}, 429, "Nothing was done"),
            ("tick.second/pause", {"why": 1}, 400, "why"),
            ("x" * 300 + "/pause", {}, 400, "bytes"),
        ]:
            with self.subTest(target=target, body=body):
                answer = self.client.post(f"/v1/schedules/{target}", body)
                self.assertEqual(answer.status, status, answer)
                self.assertIn(words, json.dumps(answer.json))
        self.assertEqual(self.client.get("/v1/schedules/nobody.knows").status, 404)

    def command(self, *arguments):
        return subprocess.run([self.daemon.pawl, "schedules", *arguments], capture_output=True, text=True, timeout=60,
                              env={"PAWL_SOCKET": self.daemon.socket, "PATH": "/usr/bin:/bin"})

    def test_the_command(self):
        self.assertIn("no schedules", self.command().stdout)
        self.deploy("tick", TICK)
        self.started("tick.second", 1)
        listed = self.command()
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertRegex(listed.stdout, r"tick\.second +every 1s ")
        self.assertEqual(self.command("pause", "tick.second", "--reason", "quiet").stdout, "tick.second: now paused\n")
        self.assertEqual(self.command("pause", "tick.second").stdout, "tick.second: already paused\n")
        shown = self.command("show", "tick.second").stdout
        self.assertIn("paused", shown)
        self.assertRegex(shown, r"\n20\d\d-\S+Z +started +tick\.second-\S+")
        self.assertEqual(self.command("trigger", "tick.second").returncode, 0)
        many = self.command("backfill", "tick.second", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:03Z")
        self.assertIn("3 firings", many.stdout)
        self.assertEqual(json.loads(self.command("--json", "show", "tick.second").stdout)["name"], "tick.second")
        self.assertEqual(self.command("resume", "tick.second").stdout, "tick.second: now not paused\n")
        for wrong in [("explode", "tick.second"), ("pause",), ("backfill", "tick.second"),
                      ("pause", "tick.second", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z")]:
            self.assertEqual(self.command(*wrong).returncode, 2, wrong)
        self.assertEqual(self.command("pause", "no.such").returncode, 3)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Schedules.pawl = arguments.pawl
    suite.run([Schedules], arguments.only)
