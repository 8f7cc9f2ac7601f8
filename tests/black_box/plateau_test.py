#!/usr/bin/env python3
"""The journal of one box does not grow for ever: what snapshots cover and no kept run's history needs is given up.

Each life of the daemon takes far more than a segment, ends by a stop or by kill -9, and forgets its runs. A run that is kept keeps its
whole history, whatever is given up before it.
"""

import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import retention
import suite
from daemon import Daemon
from history import check_hash
from journal_reader import Journal

CONFIG = """
schema = 1
[journal]
segment_bytes = 65536
[store]
groups = 2
"""
RUNS = 80
BLOB_BYTES = 15_000


class Plateau(unittest.TestCase):
    pawl = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="pawl-plateau-")
        self.addCleanup(scratch.cleanup)
        config = pathlib.Path(scratch.name) / "pawld.toml"
        config.write_text(CONFIG, encoding="utf-8")
        self.daemon = Daemon(self.pawl, scratch.name, arguments=["--config", str(config)])
        self.addCleanup(self.daemon.kill)
        self.start()
        retention.deploy(self.client, short="1ms")

    def start(self):
        self.daemon.start()
        self.client = self.daemon.client()

    def run_to_end(self, workflow, run, blob_bytes=BLOB_BYTES):
        started, ended = retention.start_and_end(self.client, workflow, run, blob_bytes)
        self.assertEqual((started.status, ended.status), (201, 200), started)

    def wait(self, done, what):
        deadline = time.monotonic() + 30
        while not done():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)  # between two looks; nothing relies on its length

    def wait_forgotten(self):
        self.wait(lambda: not [run for run in self.client.get("/v1/runs?workflow=short").json["items"]],
                  "the runs to be forgotten")

    def journal(self):
        """Segment numbers, and the bytes of all files of the journal."""
        sizes = {}
        for entry in pathlib.Path(self.daemon.data).rglob("*"):
            try:
                sizes[entry.name] = entry.stat().st_size
            except FileNotFoundError:
                pass  # given up between the two calls
        segments = [int(name[:16], 16) for name in sizes if name.endswith(".seg") and len(name) == 20]
        return segments, sum(sizes.values())

    def live(self, number, end):
        for run in range(RUNS):
            self.run_to_end("short", f"life-{number}-{run}")
        self.wait_forgotten()
        end()
        self.start()

    def last_cursor(self, after=""):
        """None if more was given up while the events were read."""
        answer = self.client.get("/v1/events" + (f"?after={after}" if after else ""))
        if answer.status == 410:
            return None
        self.assertEqual(answer.status, 200, answer)
        return json.loads(answer.data.decode().splitlines()[-1]).get("cursor")

    def oldest(self):
        return min(self.journal()[0])

    def test_a_box_that_forgets_stays_as_large_as_it_is(self):
        sizes, early = [], self.last_cursor()
        for number in range(7):
            # Every third life ends in the middle; its snapshot is the next one's to make.
            self.live(number, self.daemon.kill if number % 3 == 2 else self.daemon.stop)
            sizes.append(self.journal()[1])
        written = 7 * RUNS * BLOB_BYTES
        print(f"  {written} bytes of input; the journal after each life: {sizes}")
        self.wait(lambda: self.oldest() > 20, "old segments to be given up")
        self.assertLess(self.journal()[1], written)
        self.assertLess(max(sizes[4:]), 1.3 * max(sizes[2:4]))
        # Who followed the events from before hears where they begin now.
        def goes_on_from_the_oldest():
            gone = self.client.get(f"/v1/events?after={early}")
            self.assertEqual((gone.status, gone.json["type"]), (410, "events-gone"), gone)
            return self.last_cursor(gone.json["oldest"]) is not None

        self.wait(goes_on_from_the_oldest, "what is told as the oldest to be there")

    def test_a_kept_run_keeps_its_history_and_what_comes_after(self):
        for number in range(3):
            self.live(number, self.daemon.stop)
        self.run_to_end("long", "kept", 100)
        for number in range(3, 7):
            self.live(number, self.daemon.kill if number == 5 else self.daemon.stop)
        self.assertIsNone(check_hash(self.client, "kept"))
        self.wait(lambda: self.kept_files() > 0, "the old run's entries to be taken out of their segments")
        before = self.oldest()
        self.assertGreater(before, 20)
        for number in range(7, 12):
            self.live(number, self.daemon.kill if number % 2 else self.daemon.stop)
            self.assertIsNone(check_hash(self.client, "kept"))
        self.wait(lambda: self.oldest() > before + 20, "what came after the old run to be given up")
        self.run_to_end("long", "later", 100)
        self.agree("kept", "later")

    def kept_files(self):
        self.client.get("/v1/runs/kept")  # a turn of the loop
        text = self.client.get("/metrics").data.decode()
        return int(re.search(r"^pawl_journal_kept_files (\d+)$", text, re.M)[1])

    def agree(self, *runs):
        """Both readers, beside the daemon and after it, find the runs whole where they are."""
        hashes = {run: self.client.get(f"/v1/runs/{run}").json["hash"] for run in runs}
        self.daemon.stop()
        done = subprocess.run([self.pawl, "journal", "verify", self.daemon.data], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        journal = Journal(self.daemon.data)
        self.assertGreater(len(journal.kept), 0)
        found = {run.id: run.hash.hex() for run in journal.runs().values()}
        for run, expected in hashes.items():
            self.assertEqual(found[run], expected)
        target = pathlib.Path(self.daemon.data).parent / "again"
        file = pathlib.Path(self.daemon.data).parent / "backup"
        for command in (["backup", "--data", self.daemon.data, file], ["restore", "--data", target, file]):
            done = subprocess.run([self.pawl, *map(str, command)], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        restored = {run.id: run.hash.hex() for run in Journal(target).runs().values()}
        for run, expected in hashes.items():
            self.assertEqual(restored[run], expected)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Plateau.pawl = arguments.pawl
    suite.run([Plateau], arguments.only)
