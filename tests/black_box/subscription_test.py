#!/usr/bin/env python3
"""Durable subscriptions, with the binary: every event at least once, through kill -9; held back, lost, begun anew."""

import json
import subprocess
import time
import unittest

import suite
from daemon import daemon_for

WORKFLOW = """
dsl = 1
name = "note"
start = "open"
[retention]
closed = "1s"
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


class Subscriptions(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = daemon_for(self)
        self.client = self.daemon.client()
        self.client.deploy("note", WORKFLOW)

    def put(self, status=201, **body):
        answer = self.client.request("PUT", "/v1/subscriptions/out", body)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def start(self, run):
        self.assertEqual(self.client.post("/v1/runs", {"workflow": "note", "id": run}).status, 201)

    def signal(self, run, name="add"):
        self.assertEqual(self.client.post(f"/v1/runs/{run}/signals/{name}", {}).status, 200)

    def read(self, status=200):
        """What is not acknowledged: events by run and seq, and the cursor behind them."""
        answer = self.client.request("GET", "/v1/events?subscription=out")
        self.assertEqual(answer.status, status, answer)
        if status != 200:
            return answer.json
        lines = [json.loads(line) for line in answer.data.decode().splitlines()]
        return [(line["uid"], line["seq"]) for line in lines if "run" in line], lines[-1]["cursor"]

    def ack(self, cursor, status=200):
        answer = self.client.post("/v1/subscriptions/out/ack", {"cursor": cursor})
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def test_every_event_comes_through_kill_9(self):
        self.start("before")
        begun = self.put()
        self.assertEqual((begun["name"], begun["status"], begun["max_lag"]), ("out", "kept", "604800s"))
        expected, seen = set(), []
        for life in range(4):
            for i in range(5):
                self.start(f"r{life}-{i}")
                self.signal(f"r{life}-{i}")
                self.signal(f"r{life}-{i}", "stop")
                run = self.client.get(f"/v1/runs/r{life}-{i}").json
                expected |= {(run["uid"], seq) for seq in range(1, run["seq"] + 1)}
            events, cursor = self.read()
            seen += events
            if life % 2:
                acked = self.ack(cursor)
                self.assertEqual(self.ack(cursor)["cursor"], acked["cursor"])
                self.assertEqual(self.read()[0], [])
            self.daemon.kill()
            self.daemon.start()
            self.client = self.daemon.client()
        self.assertEqual(set(seen), expected)
        self.assertEqual(len(seen), len(expected) + len(expected) // 2)  # twice what was not acknowledged
        self.assertEqual(self.client.get("/v1/subscriptions").json["items"][0]["cursor"],
                         self.client.get("/v1/subscriptions/out").json["cursor"])

    def test_what_is_not_acknowledged_is_held_and_then_lost(self):
        self.put(max_lag="8s")
        self.start("r")
        self.signal("r", "stop")
        time.sleep(4)  # the retention is over, four times
        self.assertEqual(self.client.get("/v1/runs/r").status, 200)
        self.assertGreater(len(self.read()[0]), 1)
        deadline = time.monotonic() + 30
        while self.client.get("/v1/subscriptions/out").json["status"] == "kept":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(self.read(410)["type"], "subscription-lost")
        self.assertEqual(self.ack(self.client.get("/v1/subscriptions/out").json["cursor"], 410)["type"], "subscription-lost")
        self.assertEqual(self.put(409)["type"], "subscription-lost")
        self.assertEqual(self.put(200, after="now")["status"], "kept")
        self.assertEqual(self.read()[0], [])
        self.start("s")
        self.assertGreater(len(self.read()[0]), 0)
        self.assertEqual(self.client.request("DELETE", "/v1/subscriptions/out").status, 200)
        self.assertEqual(self.read(404)["type"], "subscription-unknown")

    def test_what_is_wrong_is_said(self):
        self.put()
        for body in ({"after": "then"}, {"max_lag": "0s"}, {"max_lag": "31d"}, {"max_lag": 7}, {"until": "x"}):
            self.assertEqual(self.put(400, **body)["type"], "bad-field", body)
        self.assertEqual(self.client.request("PUT", "/v1/subscriptions/a%20b", {}).status, 400)
        self.assertEqual(self.ack("1-1.1", 400)["type"], "bad-field")
        cursor = self.client.get("/v1/subscriptions/out").json["cursor"]
        self.assertEqual(self.ack(cursor + "000", 400)["type"], "bad-field")  # ahead of all events
        self.assertEqual(self.client.get(f"/v1/events?subscription=out&after={cursor}").status, 400)
        for i in range(99):
            self.assertEqual(self.client.request("PUT", f"/v1/subscriptions/s{i}", {}).status, 201)
        answer = self.client.request("PUT", "/v1/subscriptions/more", {})
        self.assertEqual((answer.status, answer.json["type"]), (429, "too-many-subscriptions"))

    def test_the_commands(self):
        def pawl(*arguments, status=0):
            done = subprocess.run([self.pawl, "--socket", self.daemon.socket, *arguments], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
            return done.stdout

        self.assertIn("no subscriptions", pawl("subscriptions"))
        self.assertIn("kept", pawl("subscriptions", "put", "out", "--max-lag", "2h"))
        self.start("r")
        self.assertIn("run.started", pawl("events", "--subscription", "out"))
        self.assertIn("run.started", pawl("events", "--subscription", "out", "--ack"))
        self.assertNotIn("run.started", pawl("events", "--subscription", "out", "--ack"))
        follower = subprocess.Popen([self.pawl, "--socket", self.daemon.socket, "--json", "events", "--subscription", "out",
                                     "--follow", "--ack"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        self.signal("r")
        while "signal.received" not in follower.stdout.readline():
            pass
        deadline = time.monotonic() + 30
        while self.read()[0]:
            self.assertLess(time.monotonic(), deadline)
        self.assertIn("7200s", pawl("subscriptions", "show", "out"))
        pawl("subscriptions", "delete", "out")
        pawl("subscriptions", "show", "out", status=3)
        pawl("subscriptions", "ack", "out", status=2)
        pawl("events", "--ack", status=2)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Subscriptions.pawl = arguments.pawl
    suite.run([Subscriptions], arguments.only)
