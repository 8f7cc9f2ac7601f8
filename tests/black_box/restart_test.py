#!/usr/bin/env python3
"""SIGTERM in the middle of load, and lives too short for a snapshot: what was acknowledged is there, and starts stay short."""

import json
import os
import re
import socket
import threading
import time
import unittest

import suite
from client import Unreachable
from daemon import daemon_for
from history import check_hash

WORKFLOW = """
dsl = 1
name = "tally"
start = "open"
[history]
max_bytes = "1GiB"
[vars]
count = 0
[signal.add]
[signal.add.payload]
text = { type = "string", default = "" }
[signal.work]
[state.open]
on.add = { save.count = "= vars.count + 1" }
on.work = { next = "working" }
[state.working]
task = "tally.work"
queue = "tally"
on.add = { save.count = "= vars.count + 1" }
next = "open"
"""
WRITERS = 8
STOP_SECONDS = 8          # below the 10 s after which the daemon no longer waits for its clients
SNAPSHOT_BYTES = 64 << 20  # of journal since the last one
LIFE_BYTES = 24 << 20      # written by one life
READY_SECONDS = 60
PAGE_BYTES = 5 << 20
MEMORY_KIB = 32 << 10


class Restart(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.daemon = daemon_for(self)
        self.daemon.client().deploy("tally", WORKFLOW)

    def start(self, run):
        answer = self.daemon.client().post("/v1/runs", {"workflow": "tally", "id": run})
        self.assertEqual(answer.status, 201, answer)

    def write(self, run, acknowledged, refused):
        """Adds to one run until nobody is there; a write without an answer may have happened or not."""
        client = self.daemon.client()
        while True:
            try:
                answer = client.post(f"/v1/runs/{run}/signals/add", {"payload": {}})
            except Unreachable:
                return
            if answer.status == 200:
                acknowledged[run] = answer.json["vars"]["count"]
            else:
                refused.append(answer)
                if answer.status != 503:
                    return

    def request(self, target, method="GET", body=b"", held=0):
        """An open connection on which this was asked; `held` bytes of the body are still to be sent."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(connection.close)
        connection.connect(self.daemon.socket)
        connection.settimeout(STOP_SECONDS + 20)
        head = f"{method} {target} HTTP/1.1\r\nHost: pawl\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:len(body) - held])
        return connection

    def rest(self, connection):
        data = b""
        while part := connection.recv(65536):
            data += part
        return data

    def test_sigterm_in_the_middle_of_load(self):
        acknowledged, refused = {}, []
        for number in range(WRITERS):
            self.start(f"run-{number}")
        self.start("still")
        writers = [threading.Thread(target=self.write, args=(f"run-{number}", acknowledged, refused))
                   for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        poll = self.request("/v1/queues/tally/poll?wait=60s", "POST", b'{"worker": "w"}')
        waiting = self.request("/v1/runs/still/await?state=working&wait=60s")
        follow = self.request("/v1/runs/still/history?follow=true")
        events = self.request("/v1/events?follow=true")
        idle = self.request("/healthz")
        self.assertIn(b"run.started", follow.recv(65536))
        self.assertIn(b"200 OK", idle.recv(65536))
        self.until(lambda: len(acknowledged) == WRITERS and self.parked(), "not all is under way", refused)
        begun = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - begun, STOP_SECONDS)
        for writer in writers:
            writer.join()
        self.assertEqual({answer.status for answer in refused} - {503}, set(), refused)
        self.assertTrue(self.rest(poll).endswith(b'\r\n\r\n{"tasks":[]}'))
        self.assertEqual(json.loads(self.rest(waiting).partition(b"\r\n\r\n")[2])["reached"], False)
        self.assertTrue(self.rest(follow).endswith(b"0\r\n\r\n"), "the follow was cut off")
        self.assertTrue(self.rest(events).endswith(b"0\r\n\r\n"), "the event feed was cut off")
        self.assertEqual(self.rest(idle), b"")
        self.daemon.start()
        client = self.daemon.client()
        for run, count in acknowledged.items():
            self.assertIn(client.get(f"/v1/runs/{run}").json["vars"]["count"], (count, count + 1))
            self.assertIsNone(check_hash(client, run))

    def late_poll(self):
        """SIGTERM comes before the last byte of a long poll, which is the caller's to send."""
        poll = self.request("/v1/queues/tally/poll?wait=60s", "POST", b'{"worker": "w"}', held=1)
        self.until(lambda: b"pawl_http_connections 2" in self.daemon.client().get("/metrics").data, "no connection")
        self.daemon.process.terminate()
        self.until(lambda: "stopping" in self.daemon.log_end(), "it does not stop")
        return poll

    def test_a_poll_that_comes_when_the_stop_has_begun_is_answered(self):
        poll = self.late_poll()
        poll.sendall(b"}")
        self.assertTrue(self.rest(poll).endswith(b'\r\n\r\n{"tasks":[]}'))
        self.assertEqual(self.daemon.process.wait(timeout=STOP_SECONDS), 0, self.daemon.log_end())
        self.assertIn("stopped", self.daemon.log_end())

    def test_a_request_that_never_ends_is_not_waited_for(self):
        held = self.late_poll()
        self.assertEqual(self.daemon.process.wait(timeout=STOP_SECONDS + 20), 0, self.daemon.log_end())
        self.assertIn("stopped", self.daemon.log_end())
        held.close()

    def test_sigterm_twice_ends_at_once(self):
        held = self.late_poll()
        self.addCleanup(held.close)
        begun = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0, self.daemon.log_end())
        self.assertLess(time.monotonic() - begun, STOP_SECONDS)

    def until(self, condition, *otherwise):
        deadline = time.monotonic() + READY_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, otherwise)
            time.sleep(0.01)  # between two looks; nothing relies on its length

    def parked(self):
        queues = self.daemon.client().get("/v1/queues").json["items"]
        return [queue["parked_polls"] for queue in queues if queue["queue"] == "tally"] == [1]

    def snapshots_loaded(self):
        return int(re.findall(r"store: recovered .* snapshots=(\d+)", self.daemon.log.read_text())[-1])

    def classes(self):
        pid = self.daemon.process.pid
        return {os.sched_getscheduler(int(thread)) for thread in os.listdir(f"/proc/{pid}/task")}

    def test_every_thread_runs_in_the_batch_class_unless_an_operator_chose_another(self):
        self.assertEqual(self.classes(), {os.SCHED_BATCH})
        self.daemon.kill()
        self.daemon.wrap = ["chrt", "--idle", "0"]
        self.daemon.start()
        self.assertEqual(self.classes(), {os.SCHED_IDLE})

    def test_lives_that_end_before_a_snapshot_is_due(self):
        self.start("run")
        text = "x" * 200_000
        for _ in range(0, SNAPSHOT_BYTES, LIFE_BYTES):
            client = self.daemon.client()
            for _ in range(0, LIFE_BYTES, len(text)):
                answer = client.post("/v1/runs/run/signals/add", {"payload": {"text": text}})
                self.assertEqual(answer.status, 200, answer)
            self.daemon.kill()
            self.daemon.start()
        # The journal of all lives is past the bound: this one takes a snapshot, the next one uses it.
        self.until(lambda: any(self.daemon.data.rglob("*.snap")), "no snapshot is taken")
        self.daemon.kill()
        self.daemon.start()
        self.assertGreater(self.snapshots_loaded(), 0)
        self.look_at_a_large_history("run")

    def look_at_a_large_history(self, run):
        """What is read of it at once is bounded."""
        client = self.daemon.client()
        before = self.daemon.memory_kib()
        page = client.get(f"/v1/runs/{run}/history?limit=500")
        self.assertLess(len(page.data), PAGE_BYTES)
        self.assertIsNotNone(page.json["next_cursor"])
        never = client.get(f"/v1/runs/{run}/await?state=working&since=0")
        self.assertEqual((never.status, never.json["reached"]), (200, False))
        at_first = client.get(f"/v1/runs/{run}/await?state=open&since=0&wait=60s")
        self.assertEqual((at_first.status, at_first.json["reached"]), (200, True))
        self.assertIsNone(check_hash(client, run))
        self.assertLess(self.daemon.memory_kib() - before, MEMORY_KIB)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Restart.pawl = arguments.pawl
    suite.run([Restart], arguments.only)
