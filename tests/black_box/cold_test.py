#!/usr/bin/env python3
"""Closed runs with large payloads leave memory and are read back from the journal, also after kill -9 and a stop."""

import re
import unittest

import suite
from daemon import daemon_for
from history import check_hash

WORKFLOW = """
dsl = 1
name = "large"
start = "wait"
[input]
text = "string"
[signal.go]
[state.wait]
on.go = { next = "done", save.copy = "= input.text" }
[state.done]
end = "completed"
output = "= vars.copy + '!'"
"""
TEXT = "payload " * 2500


class Cold(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = daemon_for(self)
        client = self.daemon.client()
        client.deploy("large", WORKFLOW)
        for number in range(20):
            started = client.post("/v1/runs", {"workflow": "large", "id": f"run-{number}", "input": {"text": TEXT}})
            self.assertEqual(started.status, 201, started)
            closed = client.post(f"/v1/runs/run-{number}/signals/go", {})
            self.assertEqual(closed.json["status"], "completed", closed)

    def metric(self, name):
        text = self.daemon.client().request("GET", "/metrics").data.decode()
        return int(re.search(rf"^{name} (\d+)$", text, re.MULTILINE).group(1))

    def look(self):
        client = self.daemon.client()
        for number in range(20):
            run = client.get(f"/v1/runs/run-{number}").json
            self.assertEqual(run["input"], {"text": TEXT})
            self.assertEqual(run["vars"], {"copy": TEXT})
            self.assertEqual(run["output"], TEXT + "!")
            self.assertIsNone(check_hash(client, f"run-{number}"))
        return client

    def test_values_come_back_from_the_journal(self):
        self.assertGreaterEqual(self.metric("pawl_runs_unloaded_total"), 19)
        before = self.metric("pawl_runs_loaded_total")
        self.look()
        self.assertGreaterEqual(self.metric("pawl_runs_loaded_total"), before + 20)

    def test_values_come_back_after_kill_and_stop(self):
        self.daemon.kill()
        self.daemon.start()
        self.look()
        self.daemon.stop()
        self.daemon.start()
        self.look()

    def test_a_command_for_a_cold_run_is_refused_for_the_right_reason(self):
        answer = self.daemon.client().post("/v1/runs/run-3/signals/go", {})
        self.assertEqual(answer.status, 409, answer)
        self.assertEqual(answer.json["type"], "run-closed")


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Cold.pawl = arguments.pawl
    suite.run([Cold], arguments.only)
