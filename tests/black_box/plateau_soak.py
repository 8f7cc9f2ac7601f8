#!/usr/bin/env python3
"""Load, kill -9, retention and compaction for minutes: what a box that forgets takes of its disk reaches a plateau, and no kept run loses its history.

Four clients start runs, end them and read; most are forgotten 15 s later, a few are kept for ever. Not part of the usual tests: `./dev soak` runs it.
"""

import pathlib
import random
import tempfile
import threading
import time
import unittest

import retention
import suite
from client import Unreachable
from daemon import Daemon
from history import check_hash

CLIENTS = 4
BLOB_BYTES = 6_000
KEPT_EVERY = 400  # runs
CONFIG = "schema = 1\n[journal]\nsegment_bytes = 1048576\n[store]\ngroups = 4\n"


class Soak(unittest.TestCase):
    pawl = None
    seconds = 600

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="pawl-plateau-")
        self.addCleanup(scratch.cleanup)
        config = pathlib.Path(scratch.name) / "pawld.toml"
        config.write_text(CONFIG, encoding="utf-8")
        self.daemon = Daemon(self.pawl, scratch.name, arguments=["--config", str(config)])
        self.addCleanup(self.daemon.kill)
        self.daemon.start()
        retention.deploy(self.daemon.client(), short="15s", long="3650d")
        self.kept, self.done, self.stop = [], 0, threading.Event()

    def work(self, number):
        """One client's life; what the daemon's end leaves open is left open: such runs are kept too."""
        client, n = None, 0
        while not self.stop.is_set():
            n += 1
            keep = n % KEPT_EVERY == 0
            run = f"{'kept' if keep else 'run'}-{number}-{n}"
            try:
                client = client or self.daemon.client()
                started, closed = retention.start_and_end(client, "long" if keep else "short", run,
                                                          300 if keep else BLOB_BYTES)
            except (Unreachable, OSError):
                client = None
                continue
            self.done += 1
            if keep and started.status == 201 and closed.status == 200:
                self.kept.append(run)

    def disk_bytes(self):
        total = 0
        for path in pathlib.Path(self.daemon.data).iterdir():
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                pass  # given up between the two calls
        return total

    def test_the_disk_reaches_a_plateau(self):
        threads = [threading.Thread(target=self.work, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        begun, samples, kills, chance = time.monotonic(), [], 0, random.Random(1)
        kill_at = begun + 20
        try:
            while time.monotonic() < begun + self.seconds:
                time.sleep(1)  # the samples' distance; nothing relies on its length
                samples.append(self.disk_bytes())
                if time.monotonic() > kill_at:
                    self.daemon.kill()
                    self.daemon.start()
                    kills += 1
                    kill_at = time.monotonic() + chance.uniform(8, 30)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
        third = len(samples) // 3
        middle, last = max(samples[third:2 * third]), max(samples[2 * third:])
        metrics = self.daemon.client().get("/metrics").data.decode()
        shown = [line for line in metrics.splitlines() if "compaction_bytes" in line and not line.startswith("#")]
        print(f"  {self.done} runs, {len(self.kept)} of them kept, {kills} kills; bytes on the disk at most: first third "
              f"{max(samples[:third])}, second {middle}, last {last}; since the last start: {shown}")
        self.assertGreater(kills, self.seconds // 60)
        self.assertLess(last, 1.3 * middle)
        self.assertLess(last, self.done * BLOB_BYTES / 2)
        for run in self.kept:
            self.assertIsNone(check_hash(self.daemon.client(), run))


if __name__ == "__main__":
    arguments = suite.arguments_with(lambda parser: parser.add_argument("--seconds", type=int, default=600))
    Soak.pawl, Soak.seconds = arguments.pawl, arguments.seconds
    suite.run([Soak], arguments.only)
