#!/usr/bin/env python3
"""A run is reset to what it was after an event: it goes on from there, its tasks under new numbers and keys, and what a worker
still has of before is refused; also a closed run, also across kill -9 and generations."""

import subprocess

import suite
from history import history
from one_run import OneRun

WORKFLOW = """
dsl = 1
name = "back"
start = "idle"
[history]
max_events = 40
[vars]
n = 0
[signal.add]
[signal.work]
[signal.stop]
[on.add]
save.n = "= vars.n + 1"
[state.idle]
after."1h" = { next = "done" }
on.work = { next = "work" }
on.stop = { next = "done" }
[state.work]
task = "do"
queue = "q"
timeout = { attempt = "10m", heartbeat = "5m" }
save.last = "= result.n"
next = "idle"
[state.done]
end = "completed"
output = "= vars.n"
"""


class Reset(OneRun):
    workflow, text = "back", WORKFLOW

    def signal(self, name):
        answer = self.client.post(f"/v1/runs/r/signals/{name}", {})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def complete(self, task, n):
        return self.client.post(f"/v1/tasks/{task['token']}/complete", {"result": {"n": n}})

    def reset(self, to, **more):
        return self.client.post("/v1/runs/r/reset", {"to": to, "reason": "a bad worker", **more})

    def test_an_open_run_goes_on_from_a_task(self):
        self.signal("add")
        self.signal("work")
        first = self.poll()
        at_work = self.envelope()
        self.assertEqual(self.complete(first, 1).status, 200)
        for _ in range(60):  # over a generation's end
            self.signal("add")
        self.signal("work")
        second = self.poll()
        before = self.envelope()
        self.assertGreater(before["generation"], at_work["generation"])
        answer = self.reset(at_work["seq"])
        self.assertEqual(answer.status, 200, answer)
        run = answer.json
        self.assertEqual((run["state"], run["vars"], run["generation"], run["seq"]),
                         ("work", at_work["vars"], before["generation"] + 1, before["seq"] + 2))
        # What was acknowledged is so when it is repeated; nobody wants what is still out.
        self.assertEqual(self.complete(first, 1).status, 200)
        for old in (first, second):
            late = self.complete(old, 99)
            self.assertEqual((late.status, late.json["type"]), (409, "task-withdrawn"), late)
        self.restart()
        third = self.poll()
        self.assertEqual(third["attempt"], 1)
        self.assertEqual(len({task["idempotency_key"] for task in (first, second, third)}), 3)
        self.assertEqual(self.complete(third, 3).status, 200)
        run = self.envelope()
        self.assertEqual((run["state"], run["vars"]), ("idle", {"n": 1, "last": 3}))
        self.check_hashes()
        begun = [item for item in history(self.client, "r") if item.get("why") == "reset"]
        self.assertEqual([item["reason"] for item in begun], ["a bad worker"])
        self.assertEqual(begun[0]["actor"]["box"], 1)
        said = [item for item in history(self.client, "r") if item["type"] == "run.reset"]
        self.assertEqual([(item["seq"], item["to"]) for item in said], [(begun[0]["seq"] + 1, at_work["seq"])])
        replayed = subprocess.run([self.pawl, "replay", "r", "--socket", self.daemon.socket], capture_output=True,
                                  text=True, check=False)
        self.assertEqual((replayed.returncode, "the same" in replayed.stdout), (0, True), replayed)
        # Once more, to what it was before it was reset; and back.
        self.assertEqual(self.reset(before["seq"]).json["vars"], before["vars"])
        self.assertEqual(self.reset(run["seq"]).json["vars"], run["vars"])
        self.check_hashes()

    def test_a_closed_run_is_open_again(self):
        self.signal("add")
        idle = self.envelope()
        closed = self.signal("stop")
        self.assertEqual(closed["status"], "completed")
        refused = self.reset(closed["seq"])
        self.assertEqual((refused.status, refused.json["type"]), (409, "reset-impossible"), refused)
        again = self.reset(idle["seq"])
        self.assertEqual((again.status, again.json["status"], again.json["state"]), (200, "running", "idle"), again)
        self.assertNotIn("closed_at", again.json)
        self.assertNotIn("output", again.json)
        self.assertEqual(self.client.get("/v1/workflows/back/usage").json["items"], [{"version": 1, "open_runs": 1}])
        self.restart()
        self.assertEqual(self.signal("add")["vars"], {"n": 2})
        self.assertEqual(self.signal("stop")["output"], 2)
        self.assertEqual(self.client.get("/v1/workflows/back/usage").json["items"], [{"version": 1, "open_runs": 0}])
        self.check_hashes()
        # Another run has the id: the first stays closed.
        self.assertEqual(self.client.post("/v1/runs", {"workflow": "back", "id": "r"}).status, 201)
        taken = self.client.post(f"/v1/runs/r/reset?uid={idle['uid']}", {"to": idle["seq"]})
        self.assertEqual((taken.status, taken.json["type"]), (409, "run-id-taken"), taken)

    def test_what_is_refused(self):
        self.signal("work")
        run = self.envelope()
        for body, status, kind in (({"to": 0}, 400, "bad-field"), ({}, 400, "bad-field"),
                                   ({"to": "1"}, 400, "bad-field"), ({"to": run["seq"] + 1}, 404, "seq-unknown")):
            with self.subTest(body):
                answer = self.client.post("/v1/runs/r/reset", body)
                self.assertEqual((answer.status, answer.json["type"]), (status, kind), answer)
        within = self.reset(run["seq"] - 1)
        self.assertEqual((within.status, within.json["type"]), (409, "reset-impossible"), within)
        self.assertIn(f"event {run['seq']}", within.json["detail"])
        self.assertEqual(self.client.post("/v1/runs/none/reset", {"to": 1}).status, 404)
        self.assertEqual(self.envelope()["seq"], run["seq"])

    def test_the_command_and_a_repeated_request(self):
        idle = self.envelope()
        self.signal("work")
        done = subprocess.run([self.pawl, "reset", "r", "--to", str(idle["seq"]), "--reason", "why", "--key", "once",
                               "--socket", self.daemon.socket], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^r: running in idle \(seq \d+\)$")
        self.assertIn("nothing was undone", done.stderr)
        seq = self.envelope()["seq"]
        again = subprocess.run([self.pawl, "reset", "r", "--to", str(idle["seq"]), "--reason", "why", "--key", "once",
                                "--socket", self.daemon.socket], capture_output=True, text=True, check=False)
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout))
        self.assertEqual(self.envelope()["seq"], seq)
        wrong = subprocess.run([self.pawl, "reset", "r", "--to", "x", "--socket", self.daemon.socket],
                               capture_output=True, text=True, check=False)
        self.assertEqual(wrong.returncode, 2)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Reset.pawl = arguments.pawl
    suite.run([Reset], arguments.only)
