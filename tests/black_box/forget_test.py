#!/usr/bin/env python3
"""Closed runs are forgotten once their retention is over: gone from every answer, also after kill -9; others stay.
And what a closed run held is deleted when somebody asks for it."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

import suite
from daemon import Daemon, daemon_for
from history import check_hash

WORKFLOW = """
dsl = 1
name = "NAME"
start = "wait"
RETENTION
[signal.go]
[state.wait]
on.go = { next = "end" }
"""


class Forget(unittest.TestCase):
    pawl = None

    def setUp(self):
        scratch = suite.scratch_for(self)
        self.config = f"{scratch}/pawld.toml"
        self.configure("forever")
        self.daemon = Daemon(self.pawl, scratch, arguments=["--config", self.config])
        self.addCleanup(self.daemon.kill)
        self.daemon.start()
        self.client = self.daemon.client()
        for name, closed in (("short", "400ms"), ("long", "30d"), ("silent", None)):
            retention = f'[retention]\nclosed = "{closed}"' if closed else ""
            text = WORKFLOW.replace("NAME", name).replace("RETENTION", retention)
            self.client.deploy(name, text)

    def configure(self, closed):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'schema = 1\n[history]\nclosed = "{closed}"\n')

    def run_to_end(self, workflow, run):
        started = self.client.post("/v1/runs", {"workflow": workflow, "id": run})
        self.assertEqual(started.status, 201, started)
        closed = self.client.post(f"/v1/runs/{run}/signals/go", {})
        self.assertEqual(closed.json["status"], "completed", closed)
        return closed.json

    def wait_until_gone(self, run):
        deadline = time.monotonic() + 20
        while self.client.get(f"/v1/runs/{run}").status != 404:
            self.assertLess(time.monotonic(), deadline, f"{run} is still there")
            time.sleep(0.01)  # between two questions; nothing relies on its length

    def metric(self, name):
        text = self.client.request("GET", "/metrics").data.decode()
        return int(re.search(rf"^{name} (\d+)$", text, re.MULTILINE).group(1))

    def events_of(self):
        lines = [json.loads(line) for line in self.client.request("GET", "/v1/events").data.decode().splitlines()]
        self.assertIn("cursor", lines[-1])
        return {line["run"] for line in lines[:-1]}

    def check_gone(self, run, uid):
        for path in (f"/v1/runs/{run}", f"/v1/runs/{run}/history", f"/v1/runs/{run}/await?status=closed",
                     f"/v1/runs/{run}?uid={uid}"):
            answer = self.client.get(path)
            self.assertEqual((answer.status, answer.json["type"]), (404, "run-unknown"), path)
            self.assertIn("forgotten once its retention is over", answer.json["detail"])
        self.assertEqual(self.client.post(f"/v1/runs/{run}/signals/go", {}).status, 404)
        listed = self.client.get("/v1/runs?status=closed").json["items"]
        self.assertNotIn(run, [item["id"] for item in listed])
        self.assertNotIn(run, self.events_of())

    def test_a_run_goes_when_its_retention_is_over_and_others_stay(self):
        kept = self.run_to_end("long", "kept")
        self.run_to_end("silent", "silent")
        gone = self.run_to_end("short", "gone")
        self.wait_until_gone("gone")
        self.check_gone("gone", gone["uid"])
        self.assertGreaterEqual(self.metric("pawl_runs_forgotten_total"), 1)
        for life in range(2):
            self.assertEqual(self.events_of(), {"kept", "silent"})
            self.assertEqual(self.client.get("/v1/runs/kept").json["uid"], kept["uid"])
            self.assertIsNone(check_hash(self.client, "kept"))
            if life == 0:
                self.daemon.kill()
                self.daemon.start()
                self.client = self.daemon.client()
                self.check_gone("gone", gone["uid"])
        again = self.client.post("/v1/runs", {"workflow": "short", "id": "gone"})
        self.assertEqual(again.status, 201)
        self.assertNotEqual(again.json["uid"], gone["uid"])

    def test_the_older_run_of_an_id_comes_back_to_light(self):
        older = self.run_to_end("long", "twice")
        self.run_to_end("short", "twice")
        deadline = time.monotonic() + 20
        while self.client.get("/v1/runs/twice").json["uid"] != older["uid"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertIsNone(check_hash(self.client, "twice"))

    def test_a_shorter_time_in_the_configuration_holds_after_a_reload(self):
        gone = self.run_to_end("silent", "gone")
        self.run_to_end("long", "kept")
        self.configure("1ms")
        os.kill(self.daemon.process.pid, signal.SIGHUP)
        self.wait_until_gone("gone")
        self.check_gone("gone", gone["uid"])
        self.assertEqual(self.client.get("/v1/runs/kept").status, 200)

    def test_a_cursor_of_the_events_goes_on_over_what_was_forgotten(self):
        self.run_to_end("long", "first")
        cursor = json.loads(self.client.request("GET", "/v1/events").data.decode().splitlines()[-1])["cursor"]
        self.run_to_end("short", "gone")
        self.wait_until_gone("gone")
        self.run_to_end("long", "last")
        lines = self.client.request("GET", f"/v1/events?after={cursor}").data.decode().splitlines()
        self.assertEqual({json.loads(line)["run"] for line in lines[:-1]}, {"last"})


SECRETIVE = """
dsl = 1
name = "secretive"
start = "wait"
[input]
name = "string"
[signal.tell]
[state.wait]
on.tell = { next = "done", save.told = "= signal.what" }
[state.done]
end = "completed"
output = "= input.name + vars.told"
"""


class DeleteData(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = daemon_for(self)
        self.client = self.daemon.client()
        self.client.deploy("secretive", SECRETIVE)
        for run in ("mine", "other"):
            self.client.post("/v1/runs", {"workflow": "secretive", "id": run, "input": {"name": "secret-a"}},
                             key=f"start-{run}")
            answer = self.client.post(f"/v1/runs/{run}/signals/tell", {"payload": {"what": "secret-b"}})
            self.assertEqual(answer.json["status"], "completed", answer)

    def delete(self, run):
        return self.client.request("DELETE", f"/v1/runs/{run}/data", json.dumps({"reason": "asked for"}).encode())

    def shown(self):
        paths = ["/v1/runs/mine", "/v1/runs/mine/history", "/v1/runs/mine/history?fields=body",
                 "/v1/runs?id_prefix=mine&fields=input,vars,output"]
        texts = [self.client.request("GET", path).data.decode() for path in paths]
        lines = self.client.request("GET", "/v1/events").data.decode().splitlines()
        texts += [line for line in lines if json.loads(line).get("run") == "mine"]
        repeated = self.client.post("/v1/runs", {"workflow": "secretive", "id": "mine", "input": {"name": "secret-a"}},
                                    key="start-mine")
        self.assertEqual(repeated.status, 201, repeated)
        return "\n".join(texts + [json.dumps(repeated.json)])

    def test_nothing_shows_it_any_more_and_the_hash_holds(self):
        self.assertIn("secret-a", self.shown())
        answer = self.delete("mine")
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual((answer.json["status"], answer.json["bytes_on_disk"]), ("data_deleted", True))
        for life in range(3):
            shown = self.shown()
            self.assertNotIn("secret-a", shown)
            self.assertNotIn("secret-b", shown)
            run = self.client.get("/v1/runs/mine").json
            self.assertEqual(run["status"], "data_deleted")
            self.assertEqual(len(run["input"]["scrubbed"]), 64)
            self.assertEqual(len(run["output"]["scrubbed"]), 64)
            self.assertIsNone(check_hash(self.client, "mine"))
            other = self.client.get("/v1/runs/other").json
            self.assertEqual(other["output"], "secret-asecret-b")
            self.assertIsNone(check_hash(self.client, "other"))
            if life == 0:
                self.daemon.kill()
            elif life == 1:
                self.daemon.stop()
            if life < 2:
                self.daemon.start()
                self.client = self.daemon.client()
        last = self.client.get("/v1/runs/mine/history").json["items"][-1]
        self.assertEqual((last["type"], last["reason"]), ("run.data_deleted", "asked for"))
        listed = self.client.get("/v1/runs?status=data_deleted").json["items"]
        self.assertEqual([item["id"] for item in listed], ["mine"])

    def test_what_is_refused(self):
        started = self.client.post("/v1/runs", {"workflow": "secretive", "id": "open", "input": {"name": "x"}})
        self.assertEqual(started.status, 201)
        answer = self.delete("open")
        self.assertEqual((answer.status, answer.json["type"]), (409, "run-open"))
        self.assertEqual(self.delete("nobody").status, 404)
        self.assertEqual(self.client.get("/v1/runs/mine/data").status, 405)
        answer = self.client.request("DELETE", "/v1/runs/mine/data", b'{"why": 1}')
        self.assertEqual((answer.status, answer.json["type"]), (400, "bad-field"))

    def test_the_command_line(self):
        command = [self.pawl, "scrub", "mine", "--reason", "asked for", "--socket", self.daemon.socket]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("mine: data_deleted", done.stdout)
        self.assertIn("box 1: not yet", done.stdout)
        self.assertNotIn("secret-a", self.shown())
        command[2] = "nobody"
        self.assertEqual(subprocess.run(command, capture_output=True, check=False).returncode, 3)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Forget.pawl = arguments.pawl
    DeleteData.pawl = arguments.pawl
    suite.run([Forget, DeleteData], arguments.only)
