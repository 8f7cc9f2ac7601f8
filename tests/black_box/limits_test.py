#!/usr/bin/env python3
"""Limits of tasks, through the real daemon: as many at once and in a time as the definition says, over kill -9; who holds and who
waits is shown; what a run does not need any more goes to the next."""

import datetime
import json
import subprocess
import time
import unittest

import suite
from daemon import Daemon
from history import chained_hash, history

WORKFLOW = """
dsl = 1
name = "charges"
start = "charge"
[input]
tenant = "string"
[limit.gateway]
concurrency = 2
[limit.tenant]
concurrency = 1
key = "= input.tenant"
[signal.skip]
[state.charge]
task = "card.charge"
queue = "cards"
limits = ["gateway", "tenant"]
retry = { attempts = 2, initial = "10ms", exhausted = "fail" }
timeout = { heartbeat = "5m" }
on.skip = { next = "skipped" }
next = "end"
[state.skipped]
end = "cancelled"
"""

RATED = """
dsl = 1
name = "rated"
start = "call"
[limit.calls]
rate = "3/1500ms"
[state.call]
task = "call"
limits = "calls"
timeout = { heartbeat = "5m" }
next = "end"
"""


def history_of(client, path):
    answer = client.get(path)
    assert answer.status == 200, answer
    return answer.json["items"]


class Limits(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = Daemon(self.pawl, suite.scratch_for(self))
        self.addCleanup(self.daemon.kill)
        self.daemon.start()
        self.client = self.daemon.client()

    def restart(self):
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()

    def call(self, *arguments, socket=True):
        where = ["--socket", self.daemon.socket] if socket else []
        done = subprocess.run([self.pawl, *arguments, *where], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def start(self, run, tenant):
        answer = self.client.post("/v1/runs", {"workflow": "charges", "id": run, "input": {"tenant": tenant}})
        self.assertEqual(answer.status, 201, answer)

    def poll(self, queue="cards", most=10, wait="0s"):
        return self.client.post(f"/v1/queues/{queue}/poll?wait={wait}", {"worker": "w", "max": most}).json["tasks"]

    def gather(self, count, queue="cards"):
        """Polls until so many tasks are out; one more would be one too many."""
        tasks = []
        while len(tasks) < count:
            more = self.poll(queue, wait="20s")
            self.assertTrue(more, f"only {len(tasks)} of {count} tasks came")
            tasks += more
        self.assertEqual(len(tasks), count, tasks)
        return tasks

    def complete(self, task):
        answer = self.client.post(f"/v1/tasks/{task['token']}/complete", {})
        self.assertEqual(answer.status, 200, answer)

    def limits(self):
        return {(item["name"], item["key"]): item for item in self.client.get("/v1/limits").json["items"]}

    def until(self, holds, what):
        """Reads on until it holds: each read goes through the daemon, and what is waited for goes on meanwhile."""
        end = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), end, what)

    def check_hashes(self, run):
        envelope = self.client.get(f"/v1/runs/{run}").json
        self.assertEqual(chained_hash(history(self.client, run, fields="body")), envelope["hash"])

    def test_no_more_at_once_than_the_limit_says(self):
        self.client.deploy("charges", WORKFLOW)
        for n in range(6):
            self.start(f"c{n}", f"t{n}")
        first = self.gather(2)
        self.until(lambda: self.limits().get(("gateway", ""), {}).get("waiting") == 4, "four wait")
        self.assertEqual(self.poll(), [], "a third one would be one too many")
        gateway = self.limits()[("gateway", "")]
        self.assertEqual((gateway["concurrency"], gateway["held"]), (2, 2), gateway)
        self.assertEqual({item["run"] for item in gateway["holders"]}, {"c0", "c1"})
        self.assertEqual([item["run"] for item in gateway["queue"]], ["c2", "c3", "c4", "c5"])
        waiting = self.client.get("/v1/runs/c5").json["waiting_for"]["tasks"]
        self.assertEqual([(task["status"], task["limit"]) for task in waiting], [("limited", "gateway")])
        self.assertEqual(self.client.get("/v1/queues").json["items"][0]["in_flight"], 2)
        status, out, err = self.call("limits")
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"gateway +2 +2 +4")
        shown = json.loads("[" + ",".join(self.call("limits", "gateway", "--json")[1].splitlines()) + "]")
        self.assertEqual([item["name"] for item in shown], ["gateway"])
        metrics = self.client.get("/metrics").data.decode()
        self.assertIn('pawl_limit_permits{state="waiting"} 4', metrics)

        self.restart()
        self.assertEqual(self.poll(), [], "kill -9 gives nobody a permit")
        self.complete(first[0])
        third = self.gather(1)
        self.assertEqual(third[0]["run"], "c2", "in the order of asking")
        # Whoever fails, or is not wanted any more, gives back too.
        self.assertEqual(self.client.post(f"/v1/tasks/{first[1]['token']}/fail", {"type": "no"}).status, 200)
        fourth = self.gather(1)
        self.assertEqual(fourth[0]["run"], "c3")
        self.assertEqual(self.client.post("/v1/runs/c4/signals/skip", {}).status, 200)
        self.complete(third[0])
        fifth = self.gather(1)
        self.assertEqual(fifth[0]["run"], "c5", "c4 waits no more")
        self.complete(fourth[0])
        again = self.gather(1)
        self.assertEqual((again[0]["run"], again[0]["attempt"]), ("c1", 2))
        self.complete(fifth[0])
        self.complete(again[0])
        self.until(lambda: not self.limits(), "all is given back")
        self.assertEqual(self.call("limits")[1], "no limits: no task holds or waits for a permit\n")
        self.check_hashes("c1")
        self.check_hashes("c5")
        status, out, err = self.call("replay", "c1")
        self.assertEqual((status, err), (0, ""), out)

    def test_each_key_has_a_limit_of_its_own(self):
        self.client.deploy("charges", WORKFLOW.replace("concurrency = 2", "concurrency = 100"))
        for n in range(3):
            self.start(f"a{n}", "acme")
            self.start(f"b{n}", "globex")
        out = self.gather(2)
        self.assertEqual({task["run"] for task in out}, {"a0", "b0"})
        self.until(lambda: self.limits()[("tenant", "acme")]["waiting"] == 2, "two of them wait")
        self.assertEqual(self.poll(), [])
        for task in out:
            self.complete(task)
        self.assertEqual({task["run"] for task in self.gather(2)}, {"a1", "b1"})
        page = self.client.get("/v1/limits?limit=2").json
        self.assertEqual([(item["name"], item["key"]) for item in page["items"]], [("gateway", ""), ("tenant", "acme")])
        page = self.client.get(f"/v1/limits?limit=2&cursor={page['next_cursor']}").json
        self.assertEqual([(item["name"], item["key"]) for item in page["items"]], [("tenant", "globex")])
        self.assertIsNone(page["next_cursor"])
        self.assertEqual(self.client.get("/v1/limits?cursor=x").status, 400)

    def test_a_rate_holds_in_every_window(self):
        self.client.deploy("rated", RATED)
        for n in range(10):
            self.assertEqual(self.client.post("/v1/runs", {"workflow": "rated", "id": f"r{n}"}).status, 201)
        began = []
        while len(began) < 10:
            for task in self.gather_some("default"):
                began.append(task["run"])
                self.complete(task)
        self.daemon.stop()
        status, out, err = self.call("journal", "dump", str(self.daemon.data), socket=False)
        self.assertEqual(status, 0, err)
        granted = [datetime.datetime.fromisoformat(entry["at"].replace("Z", "+00:00"))
                   for entry in map(json.loads, out.splitlines()) for change in entry.get("limits", [])
                   if change["what"] == "granted"]
        self.assertEqual(len(granted), 10)
        for earlier, later in zip(granted, granted[3:]):
            self.assertGreaterEqual(later - earlier, datetime.timedelta(milliseconds=1500))

    def gather_some(self, queue):
        tasks = self.poll(queue, wait="20s")
        self.assertTrue(tasks, "no task came")
        return tasks

    def test_a_new_version_has_its_own_numbers(self):
        self.client.deploy("charges", WORKFLOW)
        for n in range(4):
            self.start(f"c{n}", f"t{n}")
        self.gather(2)
        self.client.deploy("charges", WORKFLOW.replace("concurrency = 2", "concurrency = 5"))
        self.start("c4", "t4")
        # Those before it are of the old version, and wait.
        self.until(lambda: self.limits()[("gateway", "")]["waiting"] == 3, "three wait")
        self.assertEqual(self.limits()[("gateway", "")]["concurrency"], 5)
        self.assertEqual(self.poll(), [])

    def test_namespaces_do_not_share_limits(self):
        self.assertLess(self.client.request("PUT", "/v1/namespaces/acme", b"{}").status, 300)
        self.client.deploy("charges", WORKFLOW)
        deployed = self.client.request("PUT", "/v1/ns/acme/workflows/charges", WORKFLOW.encode())
        self.assertEqual(deployed.status, 201, deployed)
        for n in range(3):
            self.start(f"c{n}", f"t{n}")
            body = {"workflow": "charges", "id": f"c{n}", "input": {"tenant": f"t{n}"}}
            self.assertEqual(self.client.post("/v1/ns/acme/runs", body).status, 201)
        self.gather(2)
        theirs = self.client.post("/v1/ns/acme/queues/cards/poll?wait=20s", {"worker": "w", "max": 9}).json["tasks"]
        while len(theirs) < 2:
            theirs += self.client.post("/v1/ns/acme/queues/cards/poll?wait=20s", {"worker": "w", "max": 9}).json["tasks"]
        self.assertEqual(len(theirs), 2, theirs)
        for path, namespace in (("/v1/limits", None), ("/v1/ns/acme/limits", "acme")):
            items = self.client.get(path + "?name=gateway").json["items"]
            self.assertEqual([(item["name"], item["held"], item.get("namespace")) for item in items], [("gateway", 2, namespace)])
            self.assertLessEqual({item["run"] for item in items[0]["holders"]}, {"c0", "c1", "c2"})
        waiting = [task for n in range(3) for task in self.client.get(f"/v1/ns/acme/runs/c{n}").json["waiting_for"]["tasks"]
                   if task["status"] == "limited"]
        self.assertEqual([task["limit"] for task in waiting], ["gateway"])
        events = history_of(self.client, "/v1/ns/acme/runs/c0/history")
        self.assertEqual([limit["limit"] for event in events if event["type"] == "task.limited" for limit in event["limits"]],
                         ["gateway", "tenant"])

    def test_what_is_wrong_is_said(self):
        answer = self.client.request("PUT", "/v1/workflows/charges", WORKFLOW.replace('"gateway", "tenant"', '"gatway"').encode())
        self.assertEqual(answer.status, 422)
        wrong = next(error for error in answer.json["errors"] if error["message"] == "unknown limit `gatway`")
        self.assertEqual(wrong["hint"], "did you mean `gateway`?")


if __name__ == "__main__":
    options = suite.arguments_with()
    Limits.pawl = options.pawl
    suite.run([Limits], options.only)
