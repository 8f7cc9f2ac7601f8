#!/usr/bin/env python3
"""`pawl backup` and `pawl restore`: round trips of an idle store and of one under load, kill -9 in the middle, damaged and
cut-off backups, a full disk. A restore is all or nothing, and never over another store."""

import json
import os
import pathlib
import random
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import suite
from client import quote
from daemon import Daemon
from history import check_hash, history
from journal_reader import Journal
from journal_test import Store, run


def files_below(directory):
    return sorted(str(path.relative_to(directory)) for path in pathlib.Path(directory).rglob("*"))


def state_of(client):
    """Every run, as the API shows it, with its events."""
    return {item["uid"]: (client.get(f"/v1/runs/{quote(item['id'])}?uid={item['uid']}").json,
                          history(client, item["id"], fields="body")) for item in client.items("/v1/runs")}


class Backup(unittest.TestCase):
    pawl = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="pawl-backup-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        (self.scratch / "box").mkdir()
        self.store = Store(self.pawl, self.scratch / "box")
        self.addCleanup(self.store.daemon.kill)
        self.data = str(self.store.daemon.data)
        self.file = self.scratch / "store.backup"

    def backup(self, *arguments, expect=0):
        status, out, err = run(self.pawl, "backup", str(self.file), "--data", self.data, *arguments)
        self.assertEqual(status, expect, err)
        return out, err

    def restore(self, target, expect=0, file=None):
        status, out, err = run(self.pawl, "restore", str(file or self.file), "--data", str(target), "--json")
        self.assertEqual(status, expect, err)
        return json.loads(out) if expect == 0 else err

    def started(self, target, name="restored"):
        (self.scratch / name).mkdir()
        daemon = Daemon(self.pawl, self.scratch / name, data=target)
        self.addCleanup(daemon.kill)
        daemon.start()
        return daemon

    def test_a_stopped_store_comes_back_equal(self):
        self.store.work(20, text_bytes=20_000)
        self.store.daemon.stop()  # with snapshots
        self.store.daemon.start()
        self.store.work(8)
        before = state_of(self.store.daemon.client())
        self.store.daemon.stop()
        out, err = self.backup("--json")
        made = json.loads(out)
        self.assertEqual(err, "")
        self.assertGreaterEqual(made["snapshots"], 1)
        self.assertEqual(self.file.stat().st_size, made["bytes"])
        self.backup(expect=4)  # never over another one

        target = self.scratch / "new"
        restored = self.restore(target)
        self.assertEqual(restored["runs"], len(before))
        self.assertEqual((restored["entries"], restored["snapshots"]), (made["entries"], made["snapshots"]))
        self.assertEqual(restored["backup_of"], made["store"])
        self.assertNotEqual(restored["store"], made["store"])
        status, out, _ = run(self.pawl, "journal", "verify", str(target), "--json")
        self.assertEqual(status, 0, out)
        second = Journal(target)
        self.assertEqual(second.store.hex(), restored["store"])
        self.assertEqual(len(second.runs()), len(before))

        daemon = self.started(target)
        self.assertEqual(state_of(daemon.client()), before)
        # It works on: what was open can be ended.
        uid, (envelope, _) = next((uid, run) for uid, run in before.items()
                                  if run[0]["workflow"] == "values" and run[0]["status"] == "running")
        answer = daemon.client().post(f"/v1/runs/{quote(envelope['id'])}/signals/go", {})
        self.assertEqual(answer.json["status"], "completed", answer)
        self.assertIsNone(check_hash(daemon.client(), envelope["id"]))
        self.restore(target, expect=4)  # a daemon runs there
        daemon.stop()
        self.assertIn("never overwritten", self.restore(target, expect=4))

    def test_what_was_acknowledged_before_is_in_it_under_load(self):
        stop = threading.Event()
        acknowledged = [[] for _ in range(4)]
        more = threading.Condition()

        def count():
            return sum(len(part) for part in acknowledged)

        def write(place):
            client, n = self.store.daemon.client(), 0
            while not stop.is_set():
                n += 1
                name = f"load-{place}-{n}"
                answer = client.post("/v1/runs", {"workflow": "values", "id": name,
                                                  "input": {"text": "x" * 300, "number": n, "real": 0.5}})
                assert answer.status == 201, answer
                acknowledged[place].append((name, 1))
                answer = client.post(f"/v1/runs/{name}/signals/add", {"payload": {"n": n}})
                assert answer.status == 200, answer
                acknowledged[place].append((name, 2))
                with more:
                    more.notify()
        threads = [threading.Thread(target=write, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        cuts = []
        try:
            for number in range(3):
                self.file = self.scratch / f"under-load-{number}"
                seen = sum(len(part) for part in cuts[-1][1]) if cuts else 0
                with more:
                    self.assertTrue(more.wait_for(lambda: count() > seen, timeout=60))
                before = [list(part) for part in acknowledged]
                self.backup()
                cuts.append((self.file, before))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        live = state_of(self.store.daemon.client())
        for number, (file, before) in enumerate(cuts):
            target = self.scratch / f"cut-{number}"
            self.restore(target, file=file)
            daemon = self.started(target, f"cut-daemon-{number}")
            now = state_of(daemon.client())
            by_id = {envelope["id"]: envelope for envelope, _ in now.values()}
            for name, step in (item for part in before for item in part):
                self.assertIn(name, by_id)
                self.assertEqual(len(by_id[name]["vars"]["seen"]) >= step - 1, True, name)
            for uid, (envelope, items) in now.items():
                # A beginning of what the store says now, event by event.
                self.assertEqual(items, live[uid][1][:len(items)], envelope["id"])
            daemon.stop()
        self.assertGreater(sum(len(part) for part in cuts[-1][1]), sum(len(part) for part in cuts[0][1]))

    def small_backup(self):
        self.store.work(2)
        self.store.daemon.stop()
        self.backup()
        return self.file.read_bytes()

    def test_damaged_and_cut_off_backups_leave_nothing(self):
        whole = self.small_backup()
        broken, target = self.scratch / "broken", self.scratch / "no"
        flips = list(range(0, len(whole), 97)) + [len(whole) - 1]
        cuts = [len(whole) * n // 200 for n in range(200)]
        for what, sizes in (("flip", flips), ("cut", cuts)):
            for at in sizes:
                with self.subTest(what=what, at=at):
                    if what == "flip":
                        broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:])
                    else:
                        broken.write_bytes(whole[:at])
                    err = self.restore(target, expect=1, file=broken)
                    self.assertIn(str(broken), err)
                    self.assertTrue("offset" in err or "newer format" in err, err)
                    self.assertIn("hint: ", err)
                    self.assertFalse(target.exists())
        print(f"{len(flips)} flipped bytes and {len(cuts)} truncations of {len(whole)} bytes refused")
        # An empty directory that was there stays, and stays empty.
        target.mkdir()
        self.restore(target, expect=1, file=broken)
        self.assertEqual(files_below(target), ["lock"])
        self.restore(target)
        self.assertTrue((target / "store").exists())

    def test_kill_in_the_middle_of_a_restore(self):
        self.store.work(12, text_bytes=30_000)
        self.store.daemon.stop()
        self.backup()
        whole = self.file.read_bytes()
        chance = random.Random(3)
        target = self.scratch / "target"
        unfinished = 0
        for cut in sorted(chance.randrange(64, len(whole)) for _ in range(12)):
            process = subprocess.Popen([self.pawl, "restore", "-", "--data", str(target)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdin.write(whole[:cut])
            process.stdin.flush()
            deadline = time.monotonic() + 20
            while not (target / "restoring" / "store").exists() and time.monotonic() < deadline:
                time.sleep(0.005)  # between two looks; nothing relies on its length
            process.kill()
            process.communicate()
            self.assertFalse((target / "store").exists())
            unfinished += (target / "restoring").exists()
        self.assertGreater(unfinished, 0)
        self.restore(target)
        self.assertFalse((target / "restoring").exists())
        self.assertEqual(run(self.pawl, "journal", "verify", str(target))[0], 0)
        self.started(target)

    def test_kill_between_the_last_moves_of_a_restore(self):
        self.small_backup()
        target = self.scratch / "target"
        self.restore(target)
        whole = files_below(target)
        # What a kill leaves before `store` is moved: the journal is there already.
        (target / "restoring").mkdir()
        (target / "store").rename(target / "restoring" / "store")
        (self.scratch / "early").mkdir()
        daemon = Daemon(self.pawl, self.scratch / "early", data=target)
        daemon.spawn()
        self.assertNotEqual(daemon.process.wait(timeout=20), 0)
        self.assertIn("is missing, but", daemon.log_end())
        self.restore(target)
        self.assertEqual(files_below(target), whole)
        self.started(target)

    def test_kill_in_the_middle_of_a_backup(self):
        self.store.work(12, text_bytes=30_000)
        for _ in range(6):
            process = subprocess.Popen([self.pawl, "backup", str(self.file), "--data", self.data])
            process.kill()
            process.wait()
            self.assertFalse(self.file.exists())
        self.backup()
        self.assertFalse(pathlib.Path(str(self.file) + ".tmp").exists())
        self.restore(self.scratch / "target")

    def test_a_damaged_store_is_not_backed_up(self):
        self.store.work(3)
        self.store.daemon.kill()
        segment = sorted(pathlib.Path(self.data).glob("0*.seg"))[0]
        whole = bytearray(segment.read_bytes())
        whole[2000] ^= 1
        segment.write_bytes(whole)
        _, err = self.backup(expect=1)
        self.assertIn(segment.name, err)
        self.assertIn("hint: ", err)
        self.assertEqual([path.name for path in self.scratch.iterdir()], ["box"])

    def test_through_pipes(self):
        self.store.work(4)
        written = subprocess.run([self.pawl, "backup", "-", "--data", self.data], capture_output=True, check=True).stdout
        target = self.scratch / "target"
        done = subprocess.run([self.pawl, "restore", "-", "--data", str(target)], input=written, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"Start the daemon on it", done.stdout)
        self.assertEqual(len(Journal(target).entries), len(Journal(self.data).entries))

    def test_refusals(self):
        self.assertEqual(run(self.pawl, "restore", str(self.scratch / "none"), "--data", str(self.scratch / "x"))[0], 3)
        self.assertEqual(run(self.pawl, "backup", str(self.file), "--data", str(self.scratch / "none"))[0], 3)
        not_one = self.scratch / "text"
        not_one.write_text("hello " * 50)
        self.assertIn("this is no backup", self.restore(self.scratch / "x", expect=1, file=not_one))
        self.assertFalse((self.scratch / "x").exists())

    def test_what_is_no_place_for_a_backup_is_not_opened(self):
        self.store.work(2)
        os.mkfifo(self.scratch / "fifo")
        (self.scratch / "link").symlink_to(self.scratch / "nothing")
        there = socket.socket(socket.AF_UNIX)
        self.addCleanup(there.close)
        there.bind(str(self.scratch / "socket"))
        for place, said in ((self.scratch / "fifo", "is a FIFO"), (self.scratch, "is a directory"), (pathlib.Path("/dev/null"), "is a device"),
                            (self.scratch / "link", "is a symbolic link"), (self.scratch / "socket", "is a socket")):
            before = os.lstat(place)
            # One that opened the FIFO would wait for whom nobody is.
            done = subprocess.run([self.pawl, "backup", str(place), "--data", self.data], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(f"{place} {said}", done.stderr)
            self.assertIn("hint: name a", done.stderr)
            after = os.lstat(place)
            self.assertEqual((before.st_ino, before.st_mode), (after.st_ino, after.st_mode))
        self.assertFalse((self.scratch / "nothing").exists())
        self.backup()

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_full_disk_at_restore(self):
        self.store.work(12, text_bytes=30_000)
        self.store.daemon.stop()
        self.backup()
        disk = self.scratch / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], check=False,
                          capture_output=True).returncode:
            self.skipTest("tmpfs can't be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=False)
        err = self.restore(disk / "data", expect=1)
        self.assertIn("make room on this file system", err)
        self.assertEqual(files_below(disk), [])


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Backup.pawl = arguments.pawl
    suite.run([Backup], arguments.only)
