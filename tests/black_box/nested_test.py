#!/usr/bin/env python3
"""Machines within machines, undos, and runs that call one another, through the daemon's socket: with a worker of several tasks
at once, kill -9 on the way, and a second box that takes over."""

import re
import threading
import time
import unittest

import suite
from client import Unreachable, quote
from daemon import Daemon
from fleet import fleet_for, leaders
from history import check_hash

WORKFLOWS = {
    "parent": """
dsl = 1
name = "parent"
start = "both"
[input]
items = "list"
[vars]
told = 0
[signal.hello]
[signal.hello.payload]
n = "int"
[on.hello]
save.told = "= vars.told + signal.n"
[state.both]
parallel.items = { flow = "items" }
parallel.child = { call = "child", id = "= 'child-of-' + run.id", with = { parent = "= run.id", n = 5 } }
save.got = "= result"
next = "wait"
[state.wait]
choose = [ { if = "vars.told > 0", next = "done" }, { next = "more" } ]
[state.more]
on.hello = { next = "done", save.told = "= signal.n" }
[state.done]
end = "completed"
output = { got = "= vars.got", told = "= vars.told" }
[flow.items.state.each]
map = "= input.items"
do = { task = "double", queue = "work", with = "= item", timeout = { attempt = "1m", heartbeat = "2s" }, retry = { attempts = 20, initial = "10ms" } }
concurrency = 5
keep = "= result.n"
next = "end"
""",
    "child": """
dsl = 1
name = "child"
start = "tell"
[input]
parent = "string"
n = "int"
[state.tell]
send = { to = "= input.parent", signal = "hello", with = { n = "= input.n" } }
next = "work"
[state.work]
task = "double"
queue = "work"
with = "= input.n"
timeout = { attempt = "1m", heartbeat = "2s" }
retry = { attempts = 20, initial = "10ms" }
next = "done"
[state.done]
end = "completed"
output = "= input.n * 100"
""",
    "saga": """
dsl = 1
name = "saga"
start = "one"
on_cancel = "back"
[state.one]
task = "double"
queue = "work"
with = 1
timeout = { attempt = "1m", heartbeat = "2s" }
undo = { task = "undo", queue = "work", with = "= result" }
next = "two"
[state.two]
map = "= [2, 3]"
do = { task = "double", queue = "work", with = "= item", undo = { task = "undo", queue = "work", with = "= result" } }
next = "wait"
[state.wait]
sleep = "1d"
next = "end"
[state.back]
compensate = true
next = "undone"
[state.undone]
end = "cancelled"
""",
    "loop": """
dsl = 1
name = "loop"
start = "work"
[input]
n = { type = "int", default = 0 }
[state.work]
task = "double"
queue = "work"
with = "= input.n"
timeout = { attempt = "1m", heartbeat = "2s" }
retry = { attempts = 20, initial = "10ms" }
next = "next"
[state.next]
choose = [ { if = "input.n >= 5", next = "done" }, { next = "again" } ]
[state.again]
continue = { with = { n = "= input.n + 1" } }
[state.done]
end = "completed"
output = { n = "= input.n", generation = "= run.generation" }
""",
    "lonely": """
dsl = 1
name = "lonely"
start = "a"
[state.a]
call = "nobody"
catch = [ { errors = ["sys.child"], next = "b", save.why = "= error.data.problem" } ]
next = "end"
[state.b]
send = { to = "not-there", signal = "x" }
catch = [ { errors = ["sys.signal"], next = "c", save.also = "= error.data.problem" } ]
next = "end"
[state.c]
end = "completed"
output = [ "= vars.why", "= vars.also" ]
""",
    "leaver": """
dsl = 1
name = "leaver"
start = "a"
[signal.go]
[state.a]
call = "child"
id = "= run.id + '/child'"
with = { parent = "= run.id", n = 1 }
on.go = { next = "end" }
next = "end"
""",
}


class Worker(threading.Thread):
    """Doubles numbers until it is stopped; what it is told to undo is kept."""

    def __init__(self, client_of):
        super().__init__(daemon=True)
        self.client_of, self.stopped, self.undone, self.inputs = client_of, threading.Event(), [], []

    def run(self):
        while not self.stopped.is_set():
            try:
                client = self.client_of()
                while not self.stopped.is_set():
                    answer = client.post("/v1/queues/work/poll?wait=1s", {"worker": "w", "max": 10})
                    if answer.status != 200:
                        break
                    for task in answer.json["tasks"]:
                        self.do(client, task)
            except (Unreachable, OSError):
                self.stopped.wait(0.05)

    def do(self, client, task):
        if task["type"] == "undo":
            self.undone.append(task["input"])
        else:
            self.inputs.append(task["input"])
        result = {"n": task["input"] * 2} if task["type"] == "double" else None
        client.post(f"/v1/tasks/{task['token']}/complete", {"result": result})


def deploy_all(case, client):
    for name, text in WORKFLOWS.items():
        deadline = time.monotonic() + 30
        while True:
            answer = client.request("PUT", f"/v1/workflows/{name}", text.encode())
            if answer.status != 503 or time.monotonic() > deadline:
                break
            time.sleep(0.02)  # the boxes are still telling each other what they can read; any length will do
        case.assertIn(answer.status, (200, 201), answer)


def start(case, client, workflow, run, given=None):
    started = client.post("/v1/runs", {"workflow": workflow, "id": run, "input": given or {}}, key=f"start-{run}")
    case.assertEqual(started.status, 201, started)


def closed(case, client, run, wait="30s"):
    answer = client.get(f"/v1/runs/{quote(run)}/await?status=closed&wait={wait}", timeout=60)
    case.assertTrue(answer.json["reached"], client.get(f"/v1/runs/{quote(run)}"))
    return client.get(f"/v1/runs/{quote(run)}").json


def exists(case, client, run):
    deadline = time.monotonic() + 20
    while client.get(f"/v1/runs/{quote(run)}").status != 200:
        case.assertLess(time.monotonic(), deadline)
        time.sleep(0.01)  # between two questions; nothing relies on its length


class OneBox(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = Daemon(self.pawl, suite.scratch_for(self))
        self.addCleanup(self.daemon.kill)
        self.daemon.start()
        self.client = self.daemon.client()
        deploy_all(self, self.client)

    def work(self):
        worker = Worker(lambda: self.daemon.client())
        worker.start()
        self.addCleanup(worker.stopped.set)
        return worker

    def test_branches_items_a_child_and_its_signal(self):
        start(self, self.client, "parent", "p", {"items": list(range(40))})
        seen = self.client.get("/v1/runs/p").json
        self.assertEqual(seen["state"], "both")
        self.assertIn("both/child", seen["states"])
        self.assertEqual(sum(path.startswith("both/items/each[") for path in seen["states"]), 5, seen["states"])
        self.assertEqual(seen["waiting_for"]["children"][0]["run"], "child-of-p")
        self.work()
        done = closed(self, self.client, "p")
        self.assertEqual(done["status"], "completed", done)
        self.assertEqual(done["output"], {"got": {"child": 500, "items": [2 * n for n in range(40)]}, "told": 5})
        check_hash(self.client, "p")
        check_hash(self.client, "child-of-p")
        self.assertEqual(self.client.get("/v1/runs/child-of-p").json["parent"], {"id": "p", "uid": done["uid"]})

    def test_nothing_is_lost_or_done_twice_when_the_box_is_killed(self):
        worker = self.work()
        for n in range(12):
            start(self, self.client, "parent", f"p{n}", {"items": [n * 100 + i for i in range(10)]})
            if n % 4 == 3:
                self.daemon.kill()
                self.daemon.start()
                self.client = self.daemon.client()
        for n in range(12):
            done = closed(self, self.client, f"p{n}")
            self.assertEqual(done["status"], "completed", done)
            wanted = {"child": 500, "items": [2 * (n * 100 + i) for i in range(10)]}
            self.assertEqual(done["output"], {"got": wanted, "told": 5}, done)
            check_hash(self.client, f"p{n}")
        children = [run for run in self.client.items("/v1/runs") if run["workflow"] == "child"]
        self.assertEqual(len(children), 12)
        self.assertGreaterEqual(len(worker.inputs), 132)

    def test_a_cancel_undoes_what_was_done_newest_first(self):
        worker = self.work()
        start(self, self.client, "saga", "s")
        answer = self.client.get("/v1/runs/s/await?state=wait&wait=20s", timeout=60)
        self.assertTrue(answer.json["reached"], answer)
        self.assertEqual(self.client.post("/v1/runs/s/cancel", {"reason": "no"}).status, 200)
        done = closed(self, self.client, "s")
        self.assertEqual((done["status"], done["state"]), ("cancelled", "undone"))
        self.assertEqual(sorted(entry["n"] for entry in worker.undone), [2, 4, 6])
        self.assertEqual(worker.undone[-1]["n"], 2)
        check_hash(self.client, "s")

    def test_continue_begins_generations_with_new_input(self):
        self.work()
        start(self, self.client, "loop", "l")
        done = closed(self, self.client, "l")
        self.assertEqual(done["output"], {"n": 5, "generation": 6})
        self.assertEqual(done["generation"], 6)
        check_hash(self.client, "l")

    def test_what_can_not_be_done_is_an_error(self):
        start(self, self.client, "lonely", "x")
        done = closed(self, self.client, "x")
        self.assertEqual([re.sub(".*/", "", problem) for problem in done["output"]], ["workflow-unknown", "run-unknown"])

    def test_a_child_that_nobody_wants_any_more_is_cancelled(self):
        start(self, self.client, "leaver", "v")
        exists(self, self.client, "v/child")
        self.assertEqual(self.client.post("/v1/runs/v/signals/go", {}).status, 200)
        self.assertEqual(closed(self, self.client, "v/child")["status"], "cancelled")
        self.assertEqual(closed(self, self.client, "v")["status"], "completed")


class ThreeBoxes(unittest.TestCase):
    pawl = None

    def test_calls_between_boxes_while_leaders_are_killed(self):
        fleet = fleet_for(self, self.pawl)
        boxes = list(fleet.boxes)
        deploy_all(self, fleet.client(boxes[0]))
        workers = [Worker(lambda n=n: fleet.client(n)) for n in boxes]
        for worker in workers:
            worker.start()
            self.addCleanup(worker.stopped.set)
        for n in range(12):
            start(self, fleet.client(boxes[n % 3]), "parent", f"p{n}", {"items": [n, n + 1, n + 2]})
        victim = boxes[1]
        fleet.boxes[victim].kill()
        for n in range(12):
            done = closed(self, fleet.client(boxes[0]), f"p{n}", wait="60s")
            wanted = {"child": 500, "items": [2 * n, 2 * n + 2, 2 * n + 4]}
            self.assertEqual(done["output"], {"got": wanted, "told": 5}, done)
        fleet.boxes[victim].start()
        fleet.wait_settled()
        for n in range(12):
            check_hash(fleet.client(victim), f"p{n}")
        children = [run for run in fleet.client(victim).items("/v1/runs") if run["workflow"] == "child"]
        self.assertEqual(len(children), 12)
        self.assertTrue(leaders(fleet.status(boxes[0])))


if __name__ == "__main__":
    options = suite.arguments_with()
    OneBox.pawl = ThreeBoxes.pawl = options.pawl
    suite.run([OneBox, ThreeBoxes], options.only)
