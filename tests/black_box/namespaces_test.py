#!/usr/bin/env python3
"""Namespaces with the binary: the same ids apart, quotas that hold, polls by turns, and how they end."""

import json
import subprocess
import threading
import time
import unittest

import suite
from daemon import daemon_for
from fleet import fleet_for

WORKFLOW = """
dsl = 1
name = "order"
start = "work"
[input]
note = { type = "string", default = "" }
[retention]
closed = "1s"
[signal.stop]
[signal.note]
[signal.note.payload]
text = "string"
[vars]
note = { type = "string", default = "" }
me = { type = "string", default = "" }
[state.work]
task = "pack"
queue = "packing"
on.stop = { next = "done" }
on.note = { save.note = "= signal.text", save.me = "= run.id + ' of ' + run.workflow" }
next = "done"
[state.done]
end = "completed"
"""
CALLER = """
dsl = 1
name = "caller"
start = "call"
[state.call]
call = "order"
id = "child"
next = "send"
[state.send]
send = { to = "other", signal = "stop" }
next = "done"
[state.done]
end = "completed"
"""


class Case(unittest.TestCase):
    pawl = None

    def put(self, name, status=None, client=None, **quota):
        answer = (client or self.client).request("PUT", f"/v1/namespaces/{name}", quota)
        self.assertIn(answer.status, [status] if status else [200, 201], answer)
        return answer.json

    def base(self, name):
        return "/v1" if name == "default" else f"/v1/ns/{name}"

    def deploy(self, name, text=WORKFLOW, workflow="order"):
        answer = self.client.request("PUT", f"{self.base(name)}/workflows/{workflow}", text.encode())
        self.assertIn(answer.status, (200, 201), answer)
        return answer.json

    def start(self, name, run, status=201, key=None, workflow="order", **body):
        answer = self.client.post(f"{self.base(name)}/runs", {"workflow": workflow, "id": run, **body}, key=key)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def signal(self, name, run, signal, status=200, payload=None):
        answer = self.client.post(f"{self.base(name)}/runs/{run}/signals/{signal}", {"payload": payload})
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def get(self, target, status=200):
        answer = self.client.get(target)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def poll(self, target, wait=None, **body):
        answer = self.client.post(f"{target}/queues/packing/poll" + (f"?wait={wait}" if wait else ""),
                                  {"worker": "w", **body})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["tasks"]

    def ids(self, target):
        return sorted(item.get("id", item.get("run")) for item in self.get(target)["items"])

    def run_pawl(self, *arguments, environment=None):
        return subprocess.run([self.pawl, "--socket", self.daemon.socket, *arguments], capture_output=True, text=True,
                              timeout=60, env=environment)


class Namespaces(Case):
    def setUp(self):
        self.daemon = daemon_for(self)
        self.client = self.daemon.client()
        self.put("a", 201)
        self.put("b", 201)
        for name in ("default", "a", "b"):
            self.deploy(name)

    def test_the_same_id_is_another_run_in_each(self):
        uids = {name: self.start(name, "o/1")["uid"] for name in ("default", "a", "b")}
        self.assertEqual(len(set(uids.values())), 3)
        for name, uid in uids.items():
            run = self.get(f"{self.base(name)}/runs/o%2F1")
            self.assertEqual((run["id"], run["uid"], run["workflow"]), ("o/1", uid, "order"))
            self.assertEqual(run.get("namespace"), None if name == "default" else name)
            self.assertEqual(self.ids(f"{self.base(name)}/runs"), ["o/1"])
            self.assertEqual(self.ids(f"{self.base(name)}/runs?workflow=order&id_prefix=o/"), ["o/1"])
            for other in uids:
                if other != name:  # nor is it found by its uid
                    self.get(f"{self.base(other)}/runs/o%2F1?uid={uid}", 404)
        self.assertEqual(self.client.get("/v1/ns/a/runs/o%2F1").headers["ETag"].split(".")[0].strip('"'), uids["a"])
        located = self.client.post("/v1/ns/a/runs", {"workflow": "order", "id": "x/y"})
        self.assertEqual(located.headers["Location"], "/v1/ns/a/runs/x%2Fy")
        self.assertEqual(self.get(located.headers["Location"])["id"], "x/y")
        # What is kept under a name is no name: neither reaches another's, nor shows.
        for target in ("/v1/runs/a!o%2F1", "/v1/ns/b/runs/a!o%2F1", "/v1/runs/default!o%2F1"):
            self.get(target, 404)
        self.start("default", "a!o/2", 400)
        for target in ("/v1/ns/a/runs", "/v1/ns/a/workflows", "/v1/ns/a/tasks", "/v1/ns/a/queues",
                       "/v1/ns/a/runs/o%2F1", "/v1/ns/a/runs/o%2F1/history", "/v1/ns/a/runs/o%2F1/history?diff=true"):
            self.assertNotIn(b"!", self.client.get(target).data)

    def test_a_run_is_of_its_own_namespace_inside(self):
        self.deploy("a", CALLER, "caller")
        self.start("a", "r")
        self.signal("a", "r", "note", payload={"text": "hello"})
        self.assertEqual(self.get("/v1/ns/a/runs/r")["vars"], {"note": "hello", "me": "r of order"})
        # Its call and its signal stay there, whatever there is of the same ids elsewhere.
        for name in ("default", "a", "b"):
            self.start(name, "other")
        self.start("a", "c", workflow="caller")
        waiting = self.get("/v1/ns/a/runs/c")["waiting_for"]["children"]
        self.assertEqual([(child["run"], child["workflow"]) for child in waiting], [("child", "order")])
        while self.client.get("/v1/ns/a/runs/child").status == 404:
            pass  # it is asked for once the caller's entry is committed
        self.assertEqual(self.get("/v1/ns/a/runs/child")["parent"]["id"], "c")
        self.get("/v1/runs/child", 404)
        self.signal("a", "child", "stop")
        reached = self.get("/v1/ns/a/runs/c/await?status=completed&wait=20s")
        self.assertTrue(reached["reached"], reached)
        self.assertEqual(self.get("/v1/ns/a/runs/other")["status"], "completed")
        for name in ("default", "b"):
            self.assertEqual(self.get(f"{self.base(name)}/runs/other")["status"], "running")

    def test_keys_queues_and_events_are_apart(self):
        for name in ("default", "a"):
            first = self.client.post(f"{self.base(name)}/runs", {"workflow": "order"}, key="k")
            again = self.client.post(f"{self.base(name)}/runs", {"workflow": "order"}, key="k")
            self.assertEqual((first.status, again.status, first.data), (201, 201, again.data))
            self.assertEqual(len(self.ids(f"{self.base(name)}/runs")), 1)
        self.assertEqual(self.poll("/v1/ns/b"), [])
        self.assertEqual(self.client.post("/v1/ns/a/queues/packing/pause", {}).status, 200)
        self.assertEqual(self.poll("/v1/ns/a"), [])
        self.assertEqual([(queue["queue"], queue["paused"]) for queue in self.get("/v1/ns/a/queues")["items"]],
                         [("packing", True)])
        self.assertEqual([queue["paused"] for queue in self.get("/v1/queues")["items"]], [False])
        [task] = self.poll("/v1")
        self.assertNotIn("namespace", task)
        self.assertEqual(self.client.post("/v1/ns/a/queues/packing/resume", {}).status, 200)
        [task] = self.poll("/v1/ns/a")
        self.assertEqual((task["queue"], task["namespace"]), ("packing", "a"))
        self.assertEqual(self.client.post(f"/v1/tasks/{task['token']}/complete", {}).status, 200)
        for name in ("default", "a", "b"):
            lines = [json.loads(line) for line in self.client.get(f"{self.base(name)}/events").data.splitlines()]
            events = [line for line in lines if "type" in line]
            self.assertEqual({event.get("namespace", "default") for event in events}, {name} if name != "b" else set())
        self.assertEqual(self.client.request("PUT", "/v1/ns/a/subscriptions/out", {"after": "oldest"}).status, 201)
        self.assertEqual(self.get("/v1/subscriptions")["items"], [])
        lines = self.client.get("/v1/ns/a/events?subscription=out").data.splitlines()
        self.assertEqual({json.loads(line)["namespace"] for line in lines if b'"type"' in line}, {"a"})
        self.get("/v1/events?subscription=out", 404)

    def test_a_batch_is_for_one_namespace(self):
        for name in ("default", "a"):
            for i in range(5):
                self.start(name, f"o{i}")
        begun = self.client.post("/v1/ns/a/batches", {"verb": "terminate", "filter": {"status": "open"}, "reason": "x"})
        self.assertEqual((begun.status, begun.json["matching"], begun.json["namespace"]), (201, 5, "a"), begun)
        number = begun.json["batch"]
        while self.get(f"/v1/ns/a/batches/{number}")["status"] != "done":
            pass
        self.assertEqual({run["status"] for run in self.get("/v1/runs")["items"]}, {"running"})
        self.get(f"/v1/batches/{number}", 404)
        self.assertEqual(self.client.request("DELETE", f"/v1/batches/{number}").status, 404)
        self.assertEqual(self.get("/v1/batches")["items"], [])
        dry = self.client.post("/v1/batches", {"verb": "pause", "filter": {"workflow": "order"}, "dry_run": True})
        self.assertEqual(dry.json["matching"], 5)

    def test_what_is_refused(self):
        unknown = self.client.post("/v1/ns/nobody/runs", {"workflow": "order"})
        self.assertEqual((unknown.status, unknown.json["type"]), (404, "namespace-unknown"))
        self.assertIn("pawl namespaces put nobody", unknown.json["detail"])
        self.assertEqual(self.get("/v1/ns/nobody/runs", 404)["type"], "namespace-unknown")
        self.get("/v1/namespaces/nobody", 404)
        for name in ("A", "-a", "a_b", "x" * 64):
            answer = self.client.request("PUT", f"/v1/namespaces/{name}", {})
            self.assertEqual(answer.status, 400, answer)
            self.get(f"/v1/ns/{name}/runs", 400)
        self.get("/v1/ns/a/cluster", 404)
        self.get("/v1/ns/a/namespaces", 404)
        self.assertEqual(self.client.request("PUT", "/v1/namespaces/a", {"max_runs": -1}).status, 400)
        self.assertEqual(self.client.request("PUT", "/v1/namespaces/a", {"max_run": 1}).status, 400)
        self.assertEqual(self.client.request("DELETE", "/v1/namespaces/default").status, 409)
        self.assertEqual(self.client.request("DELETE", "/v1/namespaces/nobody").status, 404)
        poll = self.client.post("/v1/queues/packing/poll", {"worker": "w", "namespaces": ["a", "nobody"]})
        self.assertEqual((poll.status, poll.json["type"]), (404, "namespace-unknown"))
        poll = self.client.post("/v1/queues/packing/poll", {"worker": "w", "namespaces": ["a", "a"]})
        self.assertEqual(poll.status, 400)
        poll = self.client.post("/v1/queues/packing/poll", {"worker": "w", "namespaces": [f"n{i}" for i in range(17)]})
        self.assertEqual(poll.status, 400)

    def test_open_runs_and_bytes_have_a_quota(self):
        self.put("a", max_runs=3)
        for i in range(3):
            self.start("a", f"r{i}")
        refused = self.start("a", "r3", 429)
        self.assertEqual(refused["type"], "quota-exceeded")
        self.assertIn("3 open runs", refused["detail"])
        self.assertIn("max_runs = 3", refused["detail"])
        self.assertEqual(self.client.post("/v1/ns/a/runs", {"workflow": "order"}).headers["Retry-After"], "1")
        self.start("b", "r3")  # the quota is a's
        self.assertEqual(self.get("/v1/namespaces/a")["usage"]["open_runs"], 3)
        self.signal("a", "r0", "stop")
        self.start("a", "r3")
        self.start("a", "r4", 429)
        # It outlives a kill, and so does what is counted.
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()
        self.start("a", "r4", 429)
        self.put("a", max_runs=4)
        self.start("a", "r4")
        self.put("a")
        self.start("a", "r5")
        used = self.get("/v1/namespaces/a")["usage"]["payload_bytes"]
        self.put("a", max_payload_bytes=used + 2000)
        self.start("a", "big", 429, input={"note": "x" * 4000})
        self.signal("a", "r5", "note", payload={"text": "y" * 1500})
        refused = self.signal("a", "r5", "note", 429, payload={"text": "y" * 4000})
        self.assertEqual(refused["type"], "quota-exceeded")
        self.assertIn("max_payload_bytes", refused["detail"])
        # Outcomes of tasks are always taken.
        [task] = self.poll("/v1/ns/a")
        done = self.client.post(f"/v1/tasks/{task['token']}/complete", {"result": "z" * 5000})
        self.assertEqual(done.status, 200, done)

    def test_starts_a_second_have_a_quota(self):
        self.put("a", starts_per_second=5)
        statuses = [self.client.post("/v1/ns/a/runs", {"workflow": "order"}).status for _ in range(40)]
        taken = statuses.count(201)
        self.assertEqual(set(statuses), {201, 429})
        self.assertGreaterEqual(taken, 5)
        self.assertLess(taken, 30)
        self.assertEqual(self.client.post("/v1/ns/b/runs", {"workflow": "order"}).status, 201)
        self.put("a", starts_per_second=0)
        self.start("a", "none", 429)

    def test_default_may_have_a_quota_too(self):
        self.put("default", max_runs=1)
        self.start("default", "one")
        self.start("default", "two", 429)
        self.start("a", "two")
        self.put("default")
        self.start("default", "two")

    def test_a_poll_takes_turns(self):
        for i in range(50):
            self.start("a", f"flood{i}")
        for i in range(3):
            self.start("b", f"small{i}")
        got = [(task["namespace"], task["run"]) for _ in range(6)
               for task in self.poll("/v1", namespaces=["a", "b"])]
        self.assertEqual([name for name, _ in got].count("b"), 3, got)
        self.assertEqual([name for name, _ in got].count("a"), 3, got)
        many = self.poll("/v1", namespaces=["a", "b", "default"], max=10)
        self.assertEqual({task["namespace"] for task in many}, {"a"})
        # Parked, it is woken by any of them.
        woken = []
        other = self.daemon.client()
        waits = threading.Thread(target=lambda: woken.extend(other.post(
            "/v1/queues/packing/poll?wait=20s", {"worker": "w", "namespaces": ["default", "b"]}).json["tasks"]))
        waits.start()
        self.start("b", "late")
        waits.join()
        self.assertEqual([task["run"] for task in woken], ["late"])

    def test_the_end_of_a_namespace(self):
        self.start("a", "r")
        refused = self.client.request("DELETE", "/v1/namespaces/a")
        self.assertEqual((refused.status, refused.json["type"]), (409, "namespace-in-use"))
        self.assertIn("1 runs", refused.json["detail"])
        self.signal("a", "r", "stop")
        self.client.request("PUT", "/v1/ns/a/subscriptions/out", {})
        while self.client.get("/v1/ns/a/runs/r").status == 200:
            pass  # its retention is a second
        self.assertIn("1 subscriptions", self.client.request("DELETE", "/v1/namespaces/a").json["detail"])
        self.assertEqual(self.client.request("DELETE", "/v1/ns/a/subscriptions/out").status, 200)
        self.assertEqual(self.client.request("DELETE", "/v1/namespaces/a").status, 200)
        self.assertEqual([item["name"] for item in self.get("/v1/namespaces")["items"]], ["b", "default"])
        self.get("/v1/ns/a/workflows", 404)
        self.put("a", 201)
        self.assertEqual(self.get("/v1/ns/a/workflows")["items"], [])
        # What is deployed under the old name and number is another definition.
        self.assertEqual(self.deploy("a", WORKFLOW.replace('"packing"', '"elsewhere"'))["version"], 1)
        self.start("a", "r")
        self.assertEqual(self.get("/v1/ns/a/runs/r")["waiting_for"]["tasks"][0]["queue"], "elsewhere")
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()
        self.assertEqual(self.get("/v1/ns/a/runs/r")["waiting_for"]["tasks"][0]["queue"], "elsewhere")

    def test_the_command_line(self):
        shown = self.run_pawl("namespaces", "put", "c", "--max-runs", "2", "--reason", "new")
        self.assertEqual((shown.returncode, shown.stdout), (0, "c: put\n"), shown)
        shown = self.run_pawl("namespaces", "show", "c", "--json")
        self.assertEqual((json.loads(shown.stdout)["max_runs"], json.loads(shown.stdout)["reason"]), (2, "new"))
        listed = [json.loads(line)["name"] for line in self.run_pawl("namespaces", "--json").stdout.splitlines()]
        self.assertEqual(listed, ["a", "b", "c", "default"])
        self.assertEqual(self.run_pawl("start", "order", "--id", "r", "--namespace", "a").returncode, 0)
        self.assertEqual(self.run_pawl("show", "r").returncode, 3)
        environment = {"PAWL_NAMESPACE": "a"}
        self.assertEqual(json.loads(self.run_pawl("show", "r", "--json", environment=environment).stdout)["namespace"], "a")
        self.assertEqual(self.run_pawl("history", "r", "--namespace", "a").returncode, 0)
        self.assertEqual(self.run_pawl("replay", "r", "--namespace", "a").returncode, 0)
        self.assertEqual(json.loads(self.run_pawl("api", "GET", "/v1/runs", "--namespace", "a").stdout)["items"][0]["id"], "r")
        self.assertEqual(self.run_pawl("list", "--namespace", "nobody").returncode, 3)
        bad = self.run_pawl("list", "--namespace", "A")
        self.assertEqual(bad.returncode, 2, bad)
        self.assertEqual(self.run_pawl("namespaces", "put", "c", "--max-runs", "two").returncode, 2)
        self.assertEqual(self.run_pawl("namespaces", "delete", "c").stdout, "c: deleted\n")
        self.assertEqual(self.run_pawl("namespaces", "delete", "a").returncode, 4)

    def test_a_worker_of_several(self):
        script = self.daemon.scratch / "pack"
        script.write_text("#!/bin/sh\nprintf '\"%s in %s\"' \"$PAWL_RUN\" \"$PAWL_NAMESPACE\"\n")
        script.chmod(0o755)
        for name in ("a", "b"):
            self.start(name, "r")
        worker = subprocess.Popen([self.pawl, "--socket", self.daemon.socket, "worker", "--queue", "packing",
                                   "--namespace", "a,b", "--task", f"pack={script}"])
        try:
            for name in ("a", "b"):
                self.assertTrue(self.get(f"/v1/ns/{name}/runs/r/await?status=completed&wait=30s")["reached"])
                history = self.get(f"/v1/ns/{name}/runs/r/history")["items"]
                [done] = [event for event in history if event["type"] == "task.completed"]
                self.assertEqual(done["result"], f"r in {name}")
        finally:
            worker.terminate()
            worker.wait()


class OfSeveralBoxes(Case):
    """Shares: the quota is of the cluster, whichever box and group a start comes to."""

    def setUp(self):
        self.fleet = fleet_for(self)
        self.clients = [self.fleet.boxes[n].client() for n in sorted(self.fleet.boxes)]
        self.client = self.clients[0]
        deadline = time.monotonic() + 30
        while self.client.request("PUT", "/v1/namespaces/first", {}).status != 201:  # each box has said what it reads
            self.assertLess(time.monotonic(), deadline)

    def starts(self, name, count, tag):
        """Each at another box; those that were taken."""
        taken = 0
        for i in range(count):
            answer = self.clients[i % len(self.clients)].post(f"/v1/ns/{name}/runs",
                                                              {"workflow": "order", "id": f"{tag}{i}"})
            self.assertIn(answer.status, (201, 429), answer)
            taken += answer.status == 201
        return taken

    def fill(self, name, room, tag):
        """Just so many are taken; a share may have to move before the last of them is."""
        taken, deadline, number = 0, time.monotonic() + 30, 0
        while taken < room:
            self.assertLess(time.monotonic(), deadline, f"{taken} of {room}")
            number += 1
            taken += self.starts(name, 10, f"{tag}-{number}-")
        self.assertEqual(taken, room)
        self.assertEqual(self.starts(name, 20, f"{tag}-more-"), 0)

    def test_a_quota_of_the_cluster(self):
        self.put("a", 201, max_runs=20)
        for client in self.clients:  # made on one box, it is there on all
            self.assertEqual(client.get("/v1/ns/a/runs").status, 200)
        self.deploy("a")
        self.fill("a", 20, "r")
        self.assertEqual(self.get("/v1/namespaces/a")["usage"]["open_runs"], 20)
        for item in self.get("/v1/ns/a/runs?limit=500")["items"][:7]:
            self.signal("a", item["id"], "stop")
        self.fill("a", 7, "s")
        self.put("a", 200, max_runs=25)
        self.fill("a", 5, "t")

    def test_one_that_goes_and_comes_again(self):
        for _ in range(3):
            self.put("a", 201)
            self.assertEqual(self.clients[1].get("/v1/ns/a/workflows").json["items"], [])
            self.deploy("a")
            self.assertEqual(self.clients[2].request("DELETE", "/v1/namespaces/a").status, 200)
            self.assertEqual(self.clients[1].get("/v1/ns/a/workflows").status, 404)

    def test_starts_a_second(self):
        self.put("a", 201, starts_per_second=20)
        self.deploy("a")
        began, taken, number = time.monotonic(), 0, 0
        while taken < 50:
            number += 1
            taken += self.starts("a", 10, f"r{number}-")
            self.assertLess(time.monotonic() - began, 30, taken)
        # A second's worth may have been saved up.
        self.assertGreater(time.monotonic() - began, 50 / 20 - 1.5)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Case.pawl = arguments.pawl
    suite.run([Namespaces, OfSeveralBoxes], arguments.only)
