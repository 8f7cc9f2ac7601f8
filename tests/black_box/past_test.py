#!/usr/bin/env python3
"""Looks into a run's past: the envelope after any event is the one that was answered then, whatever happened since, and what
each event changed adds up to what the run is."""

import subprocess
import time
import unittest

import suite
from daemon import Daemon
from history import history

WORKFLOW = """
dsl = 1
name = "past"
start = "idle"
[history]
max_events = 40
[retention]
closed = "RETENTION"
[vars]
n = 0
[signal.add]
[signal.add.payload]
n = "int"
[signal.work]
[signal.stop]
[on.add]
save.n = "= vars.n + signal.n"
[after."1h"]
save.n = 0
[state.idle]
on.work = { next = "work" }
on.stop = { next = "done" }
[state.work]
task = "do"
queue = "q"
save.last = "= result.n"
undo = { task = "undo", with = { n = "= result.n" } }
next = "inner"
[state.inner]
flow = "twice"
next = "idle"
[state.done]
end = "completed"
output = "= vars.n"
[flow.twice.state.one]
task = "do"
queue = "q"
next = "end"
"""



class Past(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = Daemon(self.pawl, suite.scratch_for(self))
        self.addCleanup(self.daemon.kill)
        self.daemon.start()
        self.client = self.daemon.client()
        self.seen = {}

    def deploy(self, retention="30d"):
        text = WORKFLOW.replace("RETENTION", retention)
        answer = self.client.request("PUT", "/v1/workflows/past", text.encode())
        self.assertEqual(answer.status, 201, answer.json)
        self.keep(self.client.post("/v1/runs", {"workflow": "past", "id": "r", "input": {"a": [1, 2]}}))

    def keep(self, answer):
        """An envelope as it was answered."""
        self.assertIn(answer.status, (200, 201), answer)
        self.seen[answer.json["seq"]] = answer.json
        return answer.json

    def signal(self, name, payload=None):
        return self.keep(self.client.post(f"/v1/runs/r/signals/{name}", {} if payload is None else {"payload": payload}))

    def do(self, n):
        task = self.client.post("/v1/queues/q/poll?wait=5s", {"worker": "w", "max": 1}).json["tasks"][0]
        self.keep(self.client.get("/v1/runs/r"))
        done = self.client.post(f"/v1/tasks/{task['token']}/complete", {"result": {"n": n}})
        self.assertEqual(done.status, 200, done)
        return self.keep(self.client.get("/v1/runs/r"))

    def live(self, rounds):
        for n in range(rounds):
            for _ in range(4):
                self.signal("add", {"n": 1})
            self.assertEqual(self.signal("work")["state"], "work")
            self.assertEqual(self.do(n)["state"], "inner")
            self.assertEqual(self.do(n)["state"], "idle")

    def at(self, seq, more=""):
        return self.client.get(f"/v1/runs/r?at={seq}{more}")

    def check_past(self):
        for seq, envelope in sorted(self.seen.items()):
            past = self.at(seq)
            self.assertEqual(past.status, 200, past)
            self.assertEqual(past.json, envelope)

    def diffs(self, query="after=0&limit=7"):
        items, cursor = [], None
        while True:
            page = self.client.get(f"/v1/runs/r/history?diff=true&{query}" + (f"&cursor={cursor}" if cursor else ""))
            self.assertEqual(page.status, 200, page)
            items += page.json["items"]
            cursor = page.json["next_cursor"]
            if cursor is None:
                return items

    def check_changes(self):
        """Applied one after the other they give every envelope that was seen."""
        now = {}
        items = self.diffs()
        self.assertEqual([{k: v for k, v in item.items() if k != "changes"} for item in items], history(self.client, "r"))
        for item in items:
            if "before" in item:  # a generation is compared with nothing
                now = {}
            for change in item["changes"]:
                key = (change["what"], change.get("id", 0), change.get("name", ""))
                self.assertEqual(now.get(key), change.get("from"), (item["seq"], change))
                if "to" in change:
                    now[key] = change["to"]
                else:
                    del now[key]
            envelope = self.seen.get(item["seq"])
            if envelope is None:
                continue
            self.assertEqual(now[("status", 0, "")], envelope["status"])
            self.assertEqual(now[("state", 0, "")], envelope["state"])
            self.assertEqual({key[2]: value for key, value in now.items() if key[:2] == ("var", 0)}, envelope["vars"])
            self.assertEqual(sorted(key[1] for key in now if key[0] == "task"),
                             sorted(task["step"] for task in envelope["waiting_for"]["tasks"]))
            self.assertEqual(sorted(value for key, value in now.items() if key[0] == "timer"),
                             sorted(timer["fire_at"] for timer in envelope["waiting_for"]["timers"]))
            self.assertEqual(now.get(("output", 0, "")), envelope.get("output"))

    def test_every_envelope_comes_back_from_every_generation(self):
        self.deploy()
        self.live(8)
        self.assertGreaterEqual(self.client.get("/v1/runs/r").json["generation"], 3)
        self.check_past()
        self.check_changes()
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()
        self.live(2)
        ended = self.signal("stop")
        self.assertEqual(ended["status"], "completed")
        self.check_past()
        self.check_changes()
        self.check_refusals(ended)
        self.check_commands(ended)
        self.check_deleted()

    def check_refusals(self, ended):
        for query, status, kind in ((ended["seq"] + 1, 404, "seq-unknown"), (0, 400, "bad-parameter"),
                                    ("x", 400, "bad-parameter"), (-1, 400, "bad-parameter")):
            with self.subTest(query):
                answer = self.at(query)
                self.assertEqual((answer.status, answer.json["type"]), (status, kind), answer)
        self.assertIn(str(ended["seq"]), self.at(ended["seq"] + 1).json["detail"])
        self.assertEqual(self.client.get("/v1/runs/r/history?diff=true&follow=true").status, 400)
        few = self.at(ended["seq"], "&fields=output").json
        self.assertEqual((few["output"], "vars" in few), (ended["output"], False))

    def command(self, *arguments):
        done = subprocess.run([self.pawl, *arguments, "--socket", self.daemon.socket], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def check_commands(self, ended):
        first = self.command("show", "r", "--at", "1")
        self.assertRegex(first, r"(?m)^seq +1$")
        text = self.command("history", "r", "--after", str(ended["seq"] - 12), "--diff")
        self.assertIn("\n      ~ status: running -> completed\n", text)
        self.assertIn("\n      ~ state: idle -> done\n", text)
        self.assertRegex(text, r"\n      - timer \d+ root_after: ")

    def check_deleted(self):
        """What is deleted is so in the past as well, and its hashes are what they were."""
        answer = self.client.request("DELETE", "/v1/runs/r/data", b"{}")
        self.assertIn(answer.status, (200, 202), answer)
        for seq, envelope in sorted(self.seen.items()):
            past = self.at(seq)
            self.assertEqual(past.status, 200, past)
            self.assertEqual((past.json["hash"], past.json["state"]), (envelope["hash"], envelope["state"]))
            for value in [past.json["input"], *past.json["vars"].values()]:
                self.assertEqual(list(value), ["scrubbed"])
        for item in self.diffs():
            for change in item["changes"]:
                if change["what"] in ("var", "output"):
                    for side in {"from", "to"} & set(change):
                        self.assertEqual(list(change[side]), ["scrubbed"])

    def test_what_is_forgotten_is_gone(self):
        self.deploy(retention="300ms")
        self.live(6)
        deadline = time.monotonic() + 20
        while self.client.get("/v1/runs/r/history?generation=1").status != 404:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)  # between two questions; nothing relies on its length
        gone = self.at(1)
        self.assertEqual((gone.status, gone.json["type"]), (410, "history-forgotten"), gone)
        oldest = gone.json["oldest"]
        self.assertGreater(oldest, 1)
        run = self.client.get("/v1/runs/r").json
        self.assertEqual(self.at(run["seq"]).json, run)

    def test_many_look_at_once(self):
        self.deploy()
        self.live(3)
        seqs = sorted(self.seen)
        looks = [subprocess.Popen([self.pawl, "show", "r", "--at", str(seq), "--json", "--socket", self.daemon.socket],
                                  stdout=subprocess.PIPE, text=True) for seq in seqs]
        for index, look in enumerate(looks):
            if index % 3 == 0:
                look.kill()  # a client that goes away holds up nobody
        for index, look in enumerate(looks):
            out, _ = look.communicate(timeout=60)
            if index % 3:
                self.assertIn(self.seen[seqs[index]]["hash"], out)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Past.pawl = arguments.pawl
    suite.run([Past], arguments.only)
