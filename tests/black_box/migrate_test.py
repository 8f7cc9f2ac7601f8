#!/usr/bin/env python3
"""Runs are moved to another version of their workflow: what waits goes on there, all that can't be moved is said at once, a dry run
changes nothing; also across kill -9."""

import subprocess

import suite
from history import history
from one_run import OneRun

ONE = """
dsl = 1
name = "order"
revision = "one"
start = "created"
[vars]
n = 0
missing = "int"
[signal.paid]
[state.created]
after."1d" = { next = "late" }
on.paid = { next = "charge" }
[state.charge]
task = "card.charge"
queue = "q"
timeout = { attempt = "10m", heartbeat = "5m" }
save.n = "= result.n"
next = "choice"
[state.choice]
choose = [ { if = "vars.missing > 1", next = "late" }, { next = "late" } ]
[state.late]
end = "failed"
"""

TWO = """
dsl = 1
name = "order"
revision = "two"
start = "open"
[migrate]
from = ["one"]
[migrate.state]
created = "open"
charge = "pay"
choice = "check"
[vars]
n = 0
currency = { type = "string", default = "EUR" }
[signal.paid]
[state.open]
after."2d" = { next = "late" }
on.paid = { next = "pay" }
[state.pay]
task = "card.charge"
queue = "q"
timeout = { attempt = "10m", heartbeat = "5m" }
save.n = "= result.n"
next = "check"
[state.check]
choose = [ { if = "vars.n > 1", next = "done" }, { next = "late" } ]
[state.done]
end = "completed"
output = "= vars.n"
[state.late]
end = "failed"
"""

# Of no use to a run that is charging, or has a text in `n`.
THREE = """
dsl = 1
name = "order"
[migrate]
from = ["two"]
[migrate.state]
pay = "sleep"
[vars]
n = { type = "int", min = 3 }
[signal.paid]
[state.sleep]
sleep = "1h"
next = "end"
"""


class Migrations(OneRun):
    workflow, text = "order", ONE

    def call(self, *arguments):
        done = subprocess.run([self.pawl, *arguments, "--socket", self.daemon.socket], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_an_open_task_goes_on_by_the_new_version(self):
        self.assertEqual(self.client.post("/v1/runs/r/signals/paid", {}).status, 200)
        task = self.poll()
        self.client.deploy("order", TWO)
        before = self.envelope()
        dry = self.client.post("/v1/runs/r/migrate", {"dry_run": True})
        self.assertEqual((dry.status, dry.json["version"], dry.json["state"]), (200, 2, "pay"), dry)
        self.assertEqual(self.envelope(), before)
        moved = self.client.post("/v1/runs/r/migrate", {"version": 2, "reason": "a fix"})
        self.assertEqual((moved.status, moved.json["version"], moved.json["state"], moved.json["vars"]),
                         (200, 2, "pay", {"n": 0, "currency": "EUR"}), moved)
        self.assertEqual(moved.json["generation"], before["generation"] + 1)
        usage = self.client.get("/v1/workflows/order/usage").json["items"]
        self.assertEqual({item["version"]: item["open_runs"] for item in usage}.get(2), 1, usage)
        self.restart()
        again = self.client.post("/v1/runs/r/migrate", {})
        self.assertEqual((again.status, again.json["seq"]), (200, moved.json["seq"]), again)
        done = self.client.post(f"/v1/tasks/{task['token']}/complete", {"result": {"n": 7}})
        self.assertEqual(done.status, 200, done)
        run = self.envelope()
        self.assertEqual((run["status"], run["output"]), ("completed", 7), run)
        self.check_hashes()
        began = [item for item in history(self.client, "r") if item.get("why") == "migrated"]
        self.assertEqual([(item["reason"], item["identity"]["version"]) for item in began], [("a fix", 2)])
        closed = self.client.post("/v1/runs/r/migrate", {"version": 1})
        self.assertEqual((closed.status, closed.json["type"]), (409, "run-closed"), closed)
        # A replay says what it can't do.
        status, out, err = self.call("replay", "r")
        self.assertNotEqual(status, 0)
        self.assertIn("went on with version 2", out + err)

    def test_an_incident_is_mended_by_a_move(self):
        self.assertEqual(self.client.post("/v1/runs/r/signals/paid", {}).status, 200)
        self.assertEqual(self.client.post(f"/v1/tasks/{self.poll()['token']}/complete", {"result": {"n": 2}}).status, 200)
        self.assertEqual(self.envelope()["state"], "choice")
        self.client.deploy("order", TWO)
        status, out, err = self.call("migrate", "r", "--dry-run")
        self.assertEqual((status, out[:20]), (0, "r: running in check "), (out, err))
        self.assertIn("nothing was changed", err)
        status, out, err = self.call("migrate", "r", "--to", "2", "--reason", "mended")
        self.assertEqual((status, out[:20]), (0, "r: running in check "), (out, err))
        self.assertEqual(self.call("retry", "r")[0], 0)
        self.assertEqual((self.envelope()["status"], self.envelope()["output"]), ("completed", 2))

    def test_all_that_speaks_against_it_is_said(self):
        self.client.deploy("order", TWO)
        self.assertEqual(self.call("migrate", "r")[0], 0)
        self.assertEqual(self.client.post("/v1/runs/r/signals/paid", {}).status, 200)
        self.client.deploy("order", THREE)
        run = self.envelope()
        for body in ({}, {"dry_run": True}, {"version": 3}):
            refused = self.client.post("/v1/runs/r/migrate", body)
            self.assertEqual((refused.status, refused.json["type"]), (409, "migration-impossible"), refused)
            self.assertEqual(len(refused.json["reasons"]), 2, refused)
            self.assertIn("runs a task", " ".join(refused.json["reasons"]))
            self.assertIn("variable `n`", " ".join(refused.json["reasons"]))
        back = self.client.post("/v1/runs/r/migrate", {"version": 1})
        self.assertEqual((back.status, back.json["type"]), (409, "migration-impossible"), back)
        self.assertIn("`from` must name its revision `two`", back.json["detail"])
        unknown = self.client.post("/v1/runs/r/migrate", {"version": 9})
        self.assertEqual((unknown.status, unknown.json["type"]), (404, "workflow-unknown"), unknown)
        bad = self.client.post("/v1/runs/r/migrate", {"version": "2"})
        self.assertEqual((bad.status, bad.json["type"]), (400, "bad-field"), bad)
        self.assertEqual(self.client.post("/v1/runs/none/migrate", {}).status, 404)
        self.assertEqual(self.call("migrate", "r", "--to", "x")[0], 2)
        self.assertEqual(self.envelope(), run)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Migrations.pawl = arguments.pawl
    suite.run([Migrations], arguments.only)
