#!/usr/bin/env python3
"""A disk that is full, read-only or damaged: the daemon says so, refuses or stops, and nothing acknowledged is lost."""

import base64
import errno
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

import suite
from daemon import Daemon
from history import check_hash

WORKFLOW = """
dsl = 1
name = "store"
start = "open"
[vars]
count = 0
[signal.add]
[signal.add.payload]
text = "string"
[state.open]
on.add = { save.count = "= vars.count + 1" }
after."1000d" = { next = "over" }
[state.over]
end = "completed"
"""
JOB = """
dsl = 1
name = "job"
start = "work"
[state.work]
task = "do"
next = "end"
"""
END_SECONDS = 20
RESERVE_BYTES = 8 << 20  # an eighth of the disk


def noise(characters):
    """Text that takes its room on the disk, compressed or not."""
    return base64.b64encode(os.urandom(characters)).decode()[:characters]


class Disk(unittest.TestCase):
    pawl = ""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.scratch = pathlib.Path(self.directory.name)
        self.addCleanup(self.directory.cleanup)

    def mount(self, mebibytes):
        """A small file system of its own, which root alone may mount."""
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        place = self.scratch / "disk"
        place.mkdir()
        answer = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "pawl-test", str(place)],
                                capture_output=True, text=True)
        if answer.returncode != 0:
            self.skipTest(f"mount is not allowed here: {answer.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], check=False)
        return place

    def daemon(self, data):
        daemon = Daemon(self.pawl, self.scratch, data=data)
        self.addCleanup(lambda: daemon.alive() and daemon.kill())
        return daemon

    def deploy_and_start(self, daemon, run="r"):
        client = daemon.client()
        answer = client.request("PUT", "/v1/workflows/store", WORKFLOW.encode())
        self.assertIn(answer.status, (200, 201), answer)
        self.assertEqual(client.post("/v1/runs", {"workflow": "store", "id": run, "input": {}}).status, 201)
        return client

    def wait_for_end(self, daemon):
        deadline = time.monotonic() + END_SECONDS
        while daemon.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(daemon.alive(), "it goes on")

    def refuses_to_start(self, daemon, *words):
        daemon.spawn()
        self.wait_for_end(daemon)
        self.assertNotEqual(daemon.process.returncode, 0)
        for word in words:
            self.assertIn(word, daemon.log_end())

    def fill(self, path):
        """Takes all that is left of the file system."""
        with open(path, "wb", buffering=0) as out:  # a buffer would be written, and refused, again at the close
            for step in (1 << 16, 1 << 12):
                with self.assertRaises(OSError) as full:
                    while True:
                        out.write(bytes(step))
                self.assertEqual(full.exception.errno, errno.ENOSPC)
        return path

    def wait(self, holds, what):
        deadline = time.monotonic() + END_SECONDS
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)  # between two questions; nothing relies on its length

    def room(self, client):
        """0: for all, 1: for what ends work alone, 2: for nothing."""
        text = client.get("/metrics").data.decode()
        return int(next(line for line in text.splitlines() if line.startswith("pawl_disk_full ")).split()[1])

    def write_until_refused(self, client, send):
        """How many were acknowledged before the 507, which names the numbers."""
        for number in range(60_000):
            answer = send(number)
            if answer.status != 200:
                break
        self.assertEqual(answer.status, 507, answer)
        problem = answer.json
        self.assertEqual(problem["type"], "disk-full")
        self.assertLess(problem["free_bytes"], problem["needed_bytes"])
        self.assertGreaterEqual(problem["needed_bytes"], RESERVE_BYTES)
        self.assertIn("Make room there", problem["detail"])
        return number

    def test_a_full_disk_refuses_what_it_can_t_keep_and_goes_on_by_itself(self):
        place = self.mount(8 * RESERVE_BYTES >> 20)
        daemon = self.daemon(place / "data")
        daemon.start()
        client = self.deploy_and_start(daemon)
        client.deploy("job", JOB)
        self.assertEqual(client.post("/v1/runs", {"workflow": "job", "id": "j", "input": {}}).status, 201)
        tasks = client.post("/v1/queues/default/poll?wait=5s", {"worker": "w"}).json["tasks"]
        reserve = place / "data" / "reserve"
        self.wait(lambda: reserve.exists() and reserve.stat().st_size == RESERVE_BYTES, "no reserve")
        self.assertEqual(self.room(client), 0)
        fillers = [self.fill(place / "filler")]

        # New work is refused first, and the reserve is there for what ends work.
        def signal(number):
            return client.post("/v1/runs/r/signals/add", {"payload": {"text": noise(40_000)}}, key=f"a{number}")
        acknowledged = self.write_until_refused(client, signal)
        self.assertEqual(self.room(client), 1)
        self.assertFalse(reserve.exists())
        self.assertEqual(client.post("/v1/runs", {"workflow": "store", "id": "n", "input": {}}).status, 507)
        self.assertEqual(client.get("/v1/runs/r").json["vars"]["count"], acknowledged)
        self.assertEqual(client.post(f"/v1/tasks/{tasks[0]['token']}/complete", {}).status, 200)
        self.assertEqual(client.get("/v1/runs/j").json["status"], "completed")

        # Others take the room, and the operator's changes what the journal still has: that may be nothing.
        fillers.append(self.fill(place / "more"))
        paused = self.write_until_refused(
            client, lambda n: client.post(f"/v1/runs/r/{('resume' if n % 2 else 'pause')}", {"reason": noise(900)}))
        self.assertEqual(self.room(client), 2)
        envelope = client.get("/v1/runs/r").json
        self.assertEqual(envelope["status"], "paused" if paused % 2 else "running")
        self.assertEqual(client.request("DELETE", "/v1/runs/j/data", {}).status, 507)

        # A process that is killed now comes back, and still knows.
        daemon.kill()
        daemon.start()
        client = daemon.client()
        again = client.get("/v1/runs/r").json
        self.assertEqual((again["hash"], again["vars"]), (envelope["hash"], envelope["vars"]))
        self.wait(lambda: self.room(client) > 0, "it is taken for a disk with room")
        self.assertEqual(client.post("/v1/runs", {"workflow": "store", "id": "n", "input": {}}).status, 507)

        # There is room again: the same process goes on.
        for filler in fillers:
            filler.unlink()
        self.wait(lambda: self.room(client) == 0, "room is not seen")
        self.assertTrue(reserve.exists())
        self.assertEqual(client.post("/v1/runs", {"workflow": "store", "id": "n", "input": {}}).status, 201)
        if paused % 2:
            self.assertEqual(client.post("/v1/runs/r/resume", {}).status, 200)
        self.assertEqual(signal(acknowledged).status, 200)
        self.assertEqual(client.get("/v1/runs/r").json["vars"]["count"], acknowledged + 1)
        self.assertIsNone(check_hash(client, "r"))

    def test_a_read_only_disk(self):
        place = self.mount(64)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        self.refuses_to_start(self.daemon(place / "data"), "ead-only", str(place / "data"))

    def test_a_store_that_turned_read_only(self):
        place = self.mount(64)
        daemon = self.daemon(place / "data")
        daemon.start()
        self.deploy_and_start(daemon)
        daemon.stop()
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        self.refuses_to_start(daemon, "ead-only")
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        daemon.start()
        self.assertEqual(daemon.client().get("/v1/runs/r").status, 200)

    def test_a_data_directory_that_is_a_file(self):
        (self.scratch / "data").write_text("not a directory")
        self.refuses_to_start(self.daemon(self.scratch / "data"), str(self.scratch / "data"))

    def test_two_daemons_on_one_store(self):
        first = self.daemon(self.scratch / "data")
        first.start()
        second = Daemon(self.pawl, self.scratch, data=first.data)
        second.socket = str(self.scratch / "second.sock")
        second.log = self.scratch / "second.log"
        self.refuses_to_start(second)
        self.assertEqual(first.client().get("/healthz").status, 200)

    def segments(self, data):
        files = sorted((path for path in data.rglob("*") if path.is_file() and path.stat().st_size > 4096),
                       key=lambda path: path.stat().st_mtime)
        self.assertTrue(files, "no journal files")
        return files

    def stopped_store(self):
        daemon = self.daemon(self.scratch / "data")
        daemon.start()
        client = self.deploy_and_start(daemon)
        for number in range(50):
            answer = client.post("/v1/runs/r/signals/add", {"payload": {"text": f"text {number} " * 20}})
            self.assertEqual(answer.status, 200)
        daemon.kill()
        return daemon

    def test_a_flipped_bit_in_the_middle_is_refused_by_place(self):
        daemon = self.stopped_store()
        where = None
        for path in self.segments(daemon.data):
            data = path.read_bytes()
            at = data.find(b"text 10 ")
            if at >= 0:
                where = path, at
        self.assertIsNotNone(where, "the payloads are not in the journal")
        path, at = where
        copy = self.scratch / "good"
        shutil.copy(path, copy)
        with open(path, "r+b") as segment:
            segment.seek(at)
            segment.write(b"T")
        self.refuses_to_start(daemon, path.name)
        shutil.copy(copy, path)
        daemon.start()
        self.assertEqual(daemon.client().get("/v1/runs/r").json["vars"]["count"], 50)

    def test_a_torn_tail_is_cut(self):
        daemon = self.stopped_store()
        path, at = max(((path, path.read_bytes().rfind(b"text 49 ")) for path in self.segments(daemon.data)),
                       key=lambda place: place[1])
        self.assertGreater(at, 0)
        with open(path, "r+b") as segment:  # garbage well behind the last write, as a crash leaves it
            segment.seek(at + 8192)
            segment.write(os.urandom(3000))
        daemon.start()
        self.assertEqual(daemon.client().get("/v1/runs/r").json["vars"]["count"], 50)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Disk.pawl = arguments.pawl
    suite.run([Disk], arguments.only)
