#!/usr/bin/env python3
"""Boxes of a cluster give up what their snapshots hold; a box that was away for longer, and one that comes anew, is sent snapshots, and the
histories of the runs that are kept. Both journal readers find these whole on its disk."""

import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import retention
import suite
from daemon import Daemon
from fleet import Fleet
from history import check_hash
from journal_reader import Journal

EXTRA = """
[journal]
segment_bytes = 65536
[store]
groups = 2
"""
BLOB_BYTES = 15_000


class Install(unittest.TestCase):
    pawl = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="pawl-install-")
        self.addCleanup(scratch.cleanup)
        self.fleet = Fleet(self.pawl, scratch.name, extra=EXTRA)
        self.addCleanup(self.fleet.end)
        self.fleet.start()
        retention.deploy(self.fleet.client(1), short="1ms")
        self.runs = 0

    def wait(self, holds, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            logs = "\n".join(f"--- box {b}\n{d.log_end()}" for b, d in self.fleet.boxes.items())
            self.assertLess(time.monotonic(), deadline, f"{what} after {seconds} s\n{logs}")
            time.sleep(0.05)  # between two looks; nothing relies on its length

    def run_to_end(self, box, workflow, run, blob_bytes=BLOB_BYTES):
        started, ended = retention.start_and_end(self.fleet.client(box), workflow, run, blob_bytes)
        self.assertEqual((started.status, ended.status), (201, 200), started)

    def fill(self, box, count=110):
        for _ in range(count):
            self.runs += 1
            self.run_to_end(box, "short", f"gone-{self.runs}")

    def metric(self, box, name):
        text = self.fleet.client(box).get("/metrics").data.decode()
        found = re.search(rf"^{name} (\d+)$", text, re.M)
        return int(found[1]) if found else 0

    def oldest(self, box):
        names = [name for name in os.listdir(self.fleet.boxes[box].data) if len(name) == 20 and name.endswith(".seg")]
        return min(int(name[:16], 16) for name in names)

    def live_and_stop(self, box, other):
        """More than a snapshot is worth, and a clean stop of `box`, which writes one."""
        self.fill(other)
        self.fleet.boxes[box].stop()
        self.fleet.boxes[box].spawn()
        self.fleet.wait_settled([1, 2])

    def check_histories(self, box, *runs):
        for run in runs:
            self.assertIsNone(check_hash(self.fleet.client(box), run))

    def look_at_disk(self, box, *runs):
        """With the box stopped."""
        hashes = {run: self.fleet.client(box).get(f"/v1/runs/{run}").json["hash"] for run in runs}
        self.fleet.boxes[box].stop()
        data = self.fleet.boxes[box].data
        done = subprocess.run([self.pawl, "journal", "verify", data], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        journal = Journal(data)
        self.assertGreater(len(journal.kept), 0)
        found = {run.id: run.hash.hex() for run in journal.runs().values()}
        for run, expected in hashes.items():
            self.assertEqual(found.get(run), expected, run)

    def check_backup(self, box, *runs):
        """Made beside the daemon, restored as a box alone: the histories are there, of kept files and of what was installed."""
        place = pathlib.Path(self.fleet.scratch) / f"restored-{box}"
        place.mkdir()
        file, daemon = place / "backup", Daemon(self.pawl, place)
        box_of = self.fleet.boxes[box]
        for command in (["backup", file, "--data", box_of.data, "--socket", box_of.socket], ["restore", file, "--data", daemon.data]):
            done = subprocess.run([self.pawl, *map(str, command)], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.addCleanup(lambda: daemon.alive() and daemon.kill())
        daemon.start()
        for run in runs:
            self.assertIsNone(check_hash(daemon.client(), run))
        started, ended = retention.start_and_end(daemon.client(), "long", "after-restore", 100)
        self.assertEqual((started.status, ended.status), (201, 200), started)
        self.assertEqual(daemon.stop(), 0)

    def test_who_was_away_and_who_comes_anew(self):
        newest = self.fleet.client(1).get("/v1/version").json["feature_level"]
        self.wait(lambda: all(group["feature_level"] == newest for group in self.fleet.status(1)["groups"]), "every group's level to rise")
        self.run_to_end(1, "long", "kept", 100)
        self.run_to_end(2, "long", "kept-2", 100)
        self.fleet.boxes[3].kill()
        self.fleet.wait_settled([1, 2])
        for _ in range(2):
            self.live_and_stop(1, 2)
            self.live_and_stop(2, 1)
        for box in (1, 2):
            self.wait(lambda: self.fleet.client(box).get("/v1/runs/kept").status == 200 and self.oldest(box) > 10,
                      f"box {box} to give up its old segments")
        self.fleet.boxes[3].spawn()
        self.wait(lambda: self.fleet.status(3) and self.metric(3, "pawl_transfers_taken_total") >= 1, "box 3 to be sent a snapshot")
        self.fleet.wait_settled()
        self.check_histories(3, "kept", "kept-2")
        # It is a box like any other: one of the others may go.
        self.fleet.boxes[1].kill()
        self.fleet.wait_settled([2, 3])
        self.run_to_end(3, "long", "later", 100)
        self.check_histories(3, "kept", "kept-2", "later")
        self.fleet.boxes[1].spawn()
        self.fleet.wait_settled()
        self.fleet.add_box(4, 2)
        self.fleet.wait_voters(4, [1, 2, 3, 4])
        self.assertGreaterEqual(self.metric(4, "pawl_transfers_taken_total"), 1)
        self.check_histories(4, "kept", "kept-2", "later")
        for life in range(2):
            self.fleet.boxes[4].kill()
            self.fleet.boxes[4].spawn()
            self.fleet.wait_settled()
            self.check_histories(4, "kept", "kept-2", "later")
        for box in (1, 3, 4):
            self.check_backup(box, "kept", "kept-2", "later")
        self.look_at_disk(3, "kept", "kept-2", "later")
        self.look_at_disk(4, "kept", "kept-2", "later")


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Install.pawl = arguments.pawl
    suite.run([Install], arguments.only)
