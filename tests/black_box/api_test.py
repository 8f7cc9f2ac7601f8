#!/usr/bin/env python3
"""Well-formed requests that ask for the wrong thing: each is refused with what to do next; and idempotency."""

import json
import tempfile
import unittest

import suite
from client import quote
from daemon import Daemon
from history import check_hash, history

WORKFLOW = """
dsl = 1
name = "visit"
start = "waiting"
[input]
name = "string"
age  = { type = "int", optional = true, min = 0 }
[vars]
note = { type = "string", default = "" }
[signal.enter]
[signal.enter.payload]
note = "string"
[signal.leave]
[signal.early]
buffer = "1h"
[retry.once]
attempts = 2
initial = "10ms"
exhausted = "incident"
[state.waiting]
on.enter = { next = "inside", save.note = "= signal.note" }
moves = ["inside"]
[state.inside]
on.leave = { next = "work" }
on.early = { next = "work" }
[state.work]
task = "visit.work"
queue = "visits"
with = { name = "= input.name" }
timeout = { attempt = "30s", heartbeat = "5s" }
retry = "once"
next = "over"
[state.over]
end = "completed"
output = { note = "= vars.note" }
"""


class Api(unittest.TestCase):
    daemon = None
    count = 0

    @classmethod
    def setUpClass(cls):
        answer = cls.daemon.client().request("PUT", "/v1/workflows/visit", WORKFLOW.encode(),
                                             headers={"Content-Type": "application/toml"})
        if answer.status not in (200, 201):
            raise AssertionError(f"deploy: {answer}")

    def setUp(self):
        self.client = self.daemon.client()
        self.addCleanup(self.client.close)

    def start(self, **body):
        Api.count += 1
        run = f"visit-{Api.count}"
        answer = self.client.post("/v1/runs", {"workflow": "visit", "id": run, "input": {"name": "ann"}, **body})
        self.assertEqual(answer.status, 201, answer)
        return run

    def refused(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["status"], status)
        for word in words:
            self.assertIn(word, json.dumps(problem))
        return problem

    def signal(self, run, name, payload=None, **more):
        options = {key: more.pop(key) for key in ("key", "headers") if key in more}
        body = dict(more) if payload is None else {"payload": payload, **more}
        return self.client.post(f"/v1/runs/{quote(run)}/signals/{name}", body, **options)

    # --- routes ---

    def test_unknown_paths_and_methods(self):
        self.refused(self.client.get("/v1/nothing"), 404)
        self.refused(self.client.get("/v2/runs"), 404)
        answer = self.client.request("PATCH", "/v1/runs")
        self.refused(answer, 405)
        self.assertIn("GET", answer.headers["Allow"])

    def test_unknown_fields_and_parameters(self):
        self.refused(self.client.get("/v1/runs?colour=red"), 400, "colour")
        self.refused(self.client.post("/v1/runs", {"workflow": "visit", "input": {"name": "a"}, "colour": 1}), 400, "colour")
        self.refused(self.signal(self.start(), "enter", {"note": "x"}, colour="red"), 400, "colour")

    def test_fields_of_the_wrong_type(self):
        for body in ([], "x", {"workflow": 1}, {"workflow": "visit", "input": 5}, {"workflow": "visit", "id": 7}, {}):
            with self.subTest(body=body):
                self.assertIn(self.client.post("/v1/runs", body).status, (400, 422))

    def test_ids_that_are_none(self):
        for bad in ("", "/", "a//b", "a/../b", ".", "x" * 201, "a b", "ü"):
            with self.subTest(bad):
                answer = self.client.post("/v1/runs", {"workflow": "visit", "id": bad, "input": {"name": "a"}})
                self.assertIn(answer.status, (400, 422), answer)

    def test_an_id_with_a_slash(self):
        run = f"family-{Api.count}/child"
        answer = self.client.post("/v1/runs", {"workflow": "visit", "id": run, "input": {"name": "a"}})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.client.get(f"/v1/runs/{quote(run)}").json["id"], run)

    # --- what is not there ---

    def test_unknown_workflow_run_and_token(self):
        self.refused(self.client.post("/v1/runs", {"workflow": "visti", "input": {}}), 404, "visti")
        self.refused(self.client.get("/v1/runs/nobody"), 404, "nobody")
        self.refused(self.client.get("/v1/runs/nobody/history"), 404, "nobody")
        self.refused(self.signal("nobody", "enter", {"note": "x"}), 404, "nobody")
        self.refused(self.client.post("/v1/runs/nobody/cancel", {"reason": "x"}), 404)
        self.refused(self.client.post("/v1/tasks/rubbish/complete", {"result": 1}), 404)
        self.refused(self.client.get("/v1/workflows/visti"), 404)
        self.refused(self.client.post("/v1/runs", {"workflow": "visit", "version": 99, "input": {"name": "a"}}), 404)

    # --- definitions ---

    def test_a_definition_with_mistakes_tells_all_of_them(self):
        text = WORKFLOW.replace('next = "inside"', 'next = "insde"').replace('next = "over"', 'next = "ovr"')
        text = text.replace('name = "visit"', 'name = "broken"', 1)
        answer = self.client.request("PUT", "/v1/workflows/broken", text.encode())
        errors = self.refused(answer, 422, "insde", "ovr", "inside")["errors"]
        self.assertGreaterEqual(len(errors), 2)
        for error in errors:
            self.assertGreater(error["line"], 0)
        self.refused(self.client.get("/v1/workflows/broken"), 404)

    def test_definitions_that_are_none(self):
        for text in (b"", b"\xff\xfe", b"a = ", b"a" * 70_000, b"[" * 5000, b"a." * 50_000 + b"a = 1"):
            with self.subTest(text[:10]):
                self.assertIn(self.client.request("PUT", "/v1/workflows/none", text).status, (400, 413, 422))

    def test_a_graph_in_each_format(self):
        graph = self.client.get("/v1/workflows/visit/graph").json
        self.assertEqual(graph, self.client.get("/v1/workflows/visit/versions/1/graph?format=json").json)
        self.assertEqual([node["name"] for node in graph["nodes"]], graph["states"])
        self.assertIn({"from": "", "to": graph["start"], "label": "start"}, graph["edges"])
        mermaid = self.client.get("/v1/workflows/visit/graph?format=mermaid")
        self.assertEqual(mermaid.status, 200)
        self.assertIn("stateDiagram-v2\n", mermaid.data.decode())
        dot = self.client.get("/v1/workflows/visit/graph?format=dot")
        self.assertTrue(dot.data.decode().startswith('digraph "visit" {'), dot)
        self.refused(self.client.get("/v1/workflows/visit/graph?format=png"), 400, "mermaid")
        self.refused(self.client.get("/v1/workflows/visti/graph?format=dot"), 404, "visti")

    def test_deploying_the_same_again_is_known(self):
        answer = self.client.request("PUT", "/v1/workflows/visit", b"# a comment\n" + WORKFLOW.encode())
        self.assertEqual(answer.status, 200, answer)

    # --- runs ---

    def test_input_that_breaks_the_schema(self):
        for value in ({}, {"name": 1}, {"name": "a", "age": "old"}, {"name": "a", "age": -1}, {"name": "a", "x": 1}):
            with self.subTest(value):
                self.refused(self.client.post("/v1/runs", {"workflow": "visit", "input": value}), 422)

    def test_an_open_id_again_is_a_conflict(self):
        run = self.start()
        self.refused(self.client.post("/v1/runs", {"workflow": "visit", "id": run, "input": {"name": "b"}}), 409)

    def test_a_signal_that_is_not_accepted_here_names_those_that_are(self):
        run = self.start()
        self.refused(self.signal(run, "leave"), 409, "enter")
        undeclared = self.signal(run, "dance")
        self.assertIn(undeclared.status, (404, 409))
        self.refused(undeclared, undeclared.status, "dance")

    def test_a_payload_that_breaks_the_schema(self):
        run = self.start()
        self.refused(self.signal(run, "enter", {"note": 7}), 422, "note")
        self.refused(self.signal(run, "enter", {}), 422, "note")
        self.assertEqual(self.client.get(f"/v1/runs/{run}").json["state"], "waiting")

    def test_a_signal_to_a_closed_run(self):
        run = self.start()
        self.assertEqual(self.client.post(f"/v1/runs/{run}/cancel", {"reason": "over"}).status, 200)
        self.refused(self.signal(run, "enter", {"note": "x"}), 409)

    def test_a_value_too_big(self):
        self.assertIn(self.signal(self.start(), "enter", {"note": "x" * 300_000}).status, (413, 422))

    # --- once ---

    def test_a_key_replays_its_answer_and_refuses_another_body(self):
        body = {"workflow": "visit", "input": {"name": "ann"}}
        first = self.client.post("/v1/runs", body, key="start-once")
        again = self.client.post("/v1/runs", body, key="start-once")
        self.assertEqual((first.status, first.json["uid"]), (201, again.json["uid"]))
        self.refused(self.client.post("/v1/runs", {**body, "input": {"name": "bob"}}, key="start-once"), 422)

    def test_a_signal_with_a_dedupe_id_is_taken_once(self):
        run = self.start()
        self.assertEqual(self.signal(run, "early", dedupe_id="d1").status, 200)
        self.assertEqual(self.signal(run, "early", dedupe_id="d1").status, 200)
        received = [item for item in history(self.client, run) if item["type"] == "signal.received"]
        self.assertEqual(len(received), 1)

    def test_compare_and_set(self):
        run = self.start()
        envelope = self.client.get(f"/v1/runs/{run}")
        self.assertEqual(envelope.headers["ETag"].strip('"'), f"{envelope.json['uid']}.{envelope.json['seq']}")
        etag = envelope.headers["ETag"]
        self.assertEqual(self.signal(run, "enter", {"note": "1"}, headers={"If-Match": etag}).status, 200)
        self.refused(self.signal(run, "leave", headers={"If-Match": etag}), 412)

    def test_moves(self):
        run = self.start()
        move = f"/v1/runs/{run}/move"
        self.refused(self.client.post(move, {"from": "waiting", "to": "over", "reason": "x"}), 409)
        self.refused(self.client.post(move, {"from": "inside", "to": "inside", "reason": "x"}), 409, "waiting")
        self.assertEqual(self.client.post(move, {"from": "waiting", "to": "inside", "reason": "x"}).status, 200)
        self.assertEqual(self.client.get(f"/v1/runs/{run}").json["state"], "inside")

    # --- tasks ---

    def poll(self, run):
        """Moves the run to its task and takes that; others' tasks are finished on the way."""
        self.signal(run, "enter", {"note": "x"})
        self.assertEqual(self.signal(run, "leave").status, 200)
        while True:
            tasks = self.client.post("/v1/queues/visits/poll?wait=10s", {"worker": "t", "max": 1}).json["tasks"]
            self.assertTrue(tasks, "no task within 10 s")
            if tasks[0]["run"] == run:
                return tasks[0]
            self.client.post(f"/v1/tasks/{quote(tasks[0]['token'])}/complete", {"result": None})

    def test_a_task_completes_once_and_says_so_twice(self):
        run = self.start()
        task = self.poll(run)
        self.assertEqual(task["input"], {"name": "ann"})
        complete = f"/v1/tasks/{quote(task['token'])}/complete"
        self.assertEqual(self.client.post(complete, {"result": {"a": 1}}).status, 200)
        self.assertEqual(self.client.post(complete, {"result": {"a": 1}}).status, 200)
        self.refused(self.client.post(complete, {"result": {"a": 2}}), 409)
        kinds = [item["type"] for item in history(self.client, run)]
        self.assertEqual(kinds.count("task.completed"), 1)
        self.assertIsNone(check_hash(self.client, run))

    def test_failures_retry_and_then_wait_for_an_operator(self):
        run = self.start()
        task = self.poll(run)
        failure = {"type": "visit.broken", "message": "no"}
        self.assertEqual(self.client.post(f"/v1/tasks/{quote(task['token'])}/fail", failure).status, 200)
        again = self.client.post("/v1/queues/visits/poll?wait=10s", {"worker": "t", "max": 1}).json["tasks"][0]
        self.assertEqual((again["run"], again["attempt"]), (run, 2))
        self.assertEqual(again["idempotency_key"], task["idempotency_key"])
        self.assertEqual(self.client.post(f"/v1/tasks/{quote(again['token'])}/fail", failure).status, 200)
        incidents = [i for i in self.client.get("/v1/incidents").json["items"] if i["run"] == run]
        self.assertEqual(incidents[0]["error"]["type"], "visit.broken")
        self.assertEqual(self.client.post(f"/v1/runs/{run}/retry", {"reason": "mended"}).status, 200)
        third = self.client.post("/v1/queues/visits/poll?wait=10s", {"worker": "t", "max": 1}).json["tasks"][0]
        self.assertEqual(self.client.post(f"/v1/tasks/{quote(third['token'])}/complete", {"result": 1}).status, 200)
        self.assertEqual(self.client.get(f"/v1/runs/{run}").json["status"], "completed")

    def test_a_withdrawn_task_is_refused_late(self):
        run = self.start()
        task = self.poll(run)
        self.assertEqual(self.client.post(f"/v1/runs/{run}/terminate", {"reason": "x"}).status, 200)
        self.refused(self.client.post(f"/v1/tasks/{quote(task['token'])}/complete", {"result": 1}), 409)
        self.refused(self.client.post(f"/v1/tasks/{quote(task['token'])}/heartbeat", {}), 409)

    def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(self):
        run = self.start()
        self.signal(run, "enter", {"note": "x"})
        pause = self.client.post("/v1/queues/visits/pause", {"reason": "relay is down"})
        self.assertEqual((pause.status, pause.json), (200, {"queue": "visits", "paused": True, "changed": True}))
        self.assertEqual(self.signal(run, "leave").status, 200)
        self.assertEqual(self.client.post("/v1/queues/visits/poll", {"worker": "t"}).json["tasks"], [])
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()
        queue = [q for q in self.client.get("/v1/queues").json["items"] if q["queue"] == "visits"][0]
        self.assertEqual((queue["paused"], queue["depth"]), (True, 1))
        self.assertEqual(self.client.post("/v1/queues/visits/poll", {"worker": "t"}).json["tasks"], [])
        self.assertEqual(self.client.post("/v1/queues/visits/resume").json["changed"], True)
        [task] = self.client.post("/v1/queues/visits/poll", {"worker": "t"}).json["tasks"]
        self.assertEqual(self.client.post(f"/v1/tasks/{quote(task['token'])}/complete", {"result": 1}).status, 200)
        self.assertEqual(self.client.post("/v1/queues/visits/resume").json["changed"], False)
        self.refused(self.client.post(f"/v1/queues/{'q' * 101}/pause"), 400)
        self.refused(self.client.post("/v1/queues/visits/pause", {"why": "x"}), 400)

    # --- reads ---

    def test_consistency_has_two_values(self):
        for value in ("linearizable", "local"):
            self.assertEqual(self.client.get(f"/v1/runs?consistency={value}").status, 200)
        for value in ("", "Local", "eventual"):
            self.refused(self.client.get(f"/v1/runs?consistency={value}"), 400)

    def test_fields_are_whole_names(self):
        self.start()
        for fields, shown in (("vars,input", {"vars", "input"}), ("varsity,inputs", set()), ("put,var", set())):
            item = self.client.get(f"/v1/runs?limit=1&fields={fields}").json["items"][0]
            self.assertEqual({"vars", "input", "output", "waiting_for"} & set(item), shown)

    def test_pages(self):
        for _ in range(5):
            self.start()
        seen, cursor = [], ""
        while True:
            page = self.client.get(f"/v1/runs?limit=2{cursor}").json
            seen += [item["id"] for item in page["items"]]
            if not page.get("next_cursor"):
                break
            cursor = f"&cursor={page['next_cursor']}"
        self.assertEqual(len(seen), len(set(seen)))
        self.assertGreaterEqual(len(seen), 5)
        self.refused(self.client.get("/v1/runs?cursor=rubbish"), 400)
        self.refused(self.client.get("/v1/runs?limit=0"), 400)

    def test_cursors_of_no_place_in_the_events(self):
        last = self.client.get("/v1/events").data.splitlines()[-1]
        cursor = json.loads(last)["cursor"]
        groups = cursor.count(".") + 1
        self.assertEqual(json.loads(self.client.get(f"/v1/events?after={cursor}").data), {"cursor": cursor})
        for wrong in ("1-" + ".".join(["0"] * groups), "1-" + ".".join(["ffffffffffffffff"] * groups), cursor + ".1",
                      "1-", "2" + cursor[1:], cursor.replace(".", "..", 1)):
            self.refused(self.client.get(f"/v1/events?after={wrong}"), 400, "after")

    def test_a_queue_with_an_endless_name(self):
        self.refused(self.client.post(f"/v1/queues/{'q' * 101}/poll", {"worker": "t"}), 400, "100 bytes")

    def test_await_knows_its_statuses(self):
        run = self.start()
        for wrong in ("", "done", "open", "Running"):
            self.refused(self.client.get(f"/v1/runs/{run}/await?status={wrong}&wait=30s"), 400)

    def closed_run(self, **body):
        """Entered, paused, resumed and cancelled; and the seq of each of its events."""
        run = self.start(**body)
        self.signal(run, "enter", {"note": "x"})
        for verb in ("pause", "resume", "cancel"):
            self.assertEqual(self.client.post(f"/v1/runs/{run}/{verb}").status, 200)
        return run, {event["type"]: event["seq"] for event in history(self.client, run)}

    def reached(self, run, what, since):
        # Closed, and so answered at once, whatever the answer.
        answer = self.client.get(f"/v1/runs/{run}/await?wait=30s&{what}&since={since}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json["reached"]

    def test_await_since_knows_what_was_between(self):
        run, seqs = self.closed_run()
        for what, since, reached in (("state=waiting", 0, True), ("state=inside", 0, True), ("state=work", 0, False),
                                     ("state=waiting", seqs["run.paused"], False), ("status=paused", 0, True),
                                     ("status=scheduled", 0, False), ("status=running", 0, True),
                                     ("status=running", seqs["run.paused"], True), ("status=failed", 0, False),
                                     ("status=running", seqs["run.resumed"], False),
                                     ("status=cancelled", seqs["run.resumed"], True)):
            with self.subTest(what=what, since=since):
                self.assertEqual(self.reached(run, what, since), reached)

    def test_await_since_of_a_run_that_never_began(self):
        run, seqs = self.closed_run(start_at="2099-01-01T00:00:00Z")
        for what, since, reached in (("status=scheduled", 0, True), ("status=scheduled", seqs["run.paused"], True),
                                     ("status=scheduled", seqs["run.resumed"], False), ("status=running", 0, False),
                                     ("status=paused", 0, True), ("status=closed", 0, True)):
            with self.subTest(what=what, since=since):
                self.assertEqual(self.reached(run, what, since), reached)

    def test_pages_of_large_items_end_early(self):
        run = self.start()
        for number in range(60):
            self.assertEqual(self.client.post("/v1/runs", {"workflow": "visit", "id": f"large-{run}-{number}",
                                                           "input": {"name": "n" * 200_000}}).status, 201)
        before = self.daemon.memory_kib()
        seen, cursor = 0, ""
        while cursor is not None:
            page = self.client.get(f"/v1/runs?id_prefix=large-{run}-&fields=input&limit=500{cursor}")
            self.assertLess(len(page.data), 5 << 20)
            seen += len(page.json["items"])
            cursor = page.json["next_cursor"] and f"&cursor={page.json['next_cursor']}"
        self.assertEqual(seen, 60)
        self.assertLess(self.daemon.memory_kib() - before, 32 * 1024)

    def test_await_says_when_the_wait_is_over(self):
        answer = self.client.get(f"/v1/runs/{self.start()}/await?state=inside&wait=100ms")
        self.assertEqual((answer.status, answer.json["reached"]), (200, False))


if __name__ == "__main__":
    arguments = suite.arguments_with()
    with tempfile.TemporaryDirectory() as directory, Daemon(arguments.pawl, directory) as Api.daemon:
        suite.run([Api], arguments.only)
