#!/usr/bin/env python3
"""Bytes on a disk change. A box alone refuses to start, names the command, and goes on without what `pawl recover` says is lost; a box of three
comes back by itself, with the histories that the others have."""

import base64
import calendar
import json
import os
import pathlib
import subprocess
import time
import unittest

import suite
from client import Unreachable
from daemon import Daemon
from fleet import Fleet
from history import check_hash
from journal_reader import Journal, crc32c

KEEPS = """
dsl = 1
name = "keeps"
start = "wait"
[input]
blob = "string"
[signal.go]
[state.wait]
on.go = { next = "end" }
"""
SMALL = """
[journal]
segment_bytes = 65536
scrub_pause = "100ms"
[store]
groups = 2
"""
BLOB_BYTES = 15_000


def frames(path):
    """Offsets of the frames of a segment that have entries."""
    data = path.read_bytes()
    found, at = [], data.find(b"PwrF")
    while at >= 0:
        if at % 8 == 0 and int.from_bytes(data[at + 64:at + 68], "little") > 0:
            found.append(at)
        at = data.find(b"PwrF", at + 1)
    return found


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x20]))


def damage_payload(path, nth):
    """Flips a byte of the payload of the nth frame with entries."""
    at = frames(path)[nth]
    header = int.from_bytes(path.read_bytes()[at + 8:at + 12], "little")
    flip(path, at + header + 5)
    return at


def damage_largest(path):
    """The same to the frame with the most entries in it, or the largest ones."""
    data = path.read_bytes()
    sizes = [int.from_bytes(data[at + 12:at + 16], "little") for at in frames(path)]
    damage_payload(path, sizes.index(max(sizes)))


def segments_of(data):
    return sorted(path for path in pathlib.Path(data).glob("*.seg") if len(path.name) == 20)


def middle_of(data):
    """A segment in the middle with two frames of entries at least."""
    return next(path for path in segments_of(data)[1:-1] if len(frames(path)) > 1)


def start_runs(client, first, count, blob_bytes=BLOB_BYTES):
    for n in range(first, first + count):
        blob = base64.b64encode(os.urandom(blob_bytes)).decode()
        answer = client.post("/v1/runs", {"workflow": "keeps", "id": f"r{n}", "input": {"blob": blob}})
        if answer.status != 201:
            raise AssertionError(f"{answer}")


class LoneBox(unittest.TestCase):
    """A daemon, and what is done with its store while it is stopped."""

    pawl = None

    def in_front(self, scratch):
        """A command in front of each of pawl's."""
        return []

    def setUp(self):
        scratch = pathlib.Path(suite.scratch_for(self))
        config = scratch / "pawl.toml"
        config.write_text("schema = 1\n" + SMALL)
        self.wrap = self.in_front(scratch)
        self.daemon = Daemon(self.pawl, scratch, arguments=["--config", str(config)], wrap=self.wrap)
        self.addCleanup(lambda: self.daemon.alive() and self.daemon.kill())
        self.daemon.start()
        self.data = pathlib.Path(self.daemon.data)
        answer = self.daemon.client().request("PUT", "/v1/workflows/keeps", KEEPS.encode())
        self.assertEqual(answer.status, 201, answer)

    def recover(self, *arguments):
        return subprocess.run([*self.wrap, self.daemon.pawl, "recover", "--data", str(self.data), *arguments],
                              capture_output=True, text=True, timeout=60, check=False)

    def refusal(self):
        self.daemon.spawn()
        self.assertNotEqual(self.daemon.process.wait(timeout=60), 0)
        return self.daemon.log_end()

    def verify(self):
        return subprocess.run([self.pawl, "journal", "verify", str(self.data)], capture_output=True, text=True, timeout=60,
                              check=False)

    def entries(self):
        """How many the stopped store's journal has."""
        return len(Journal(self.data).entries)

    def forget_old_segments(self):
        """What is in the store is in new snapshots and kept files, and the segments of before are gone."""
        client = self.daemon.client()
        answer = client.post("/v1/runs", {"workflow": "keeps", "id": "deleted", "input": {"blob": "x"}})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(client.post("/v1/runs/deleted/signals/go", {}).status, 200)
        deadline = time.monotonic() + 60
        while client.request("DELETE", "/v1/runs/deleted/data", b'{"reason": "asked for"}').status != 200:
            self.assertLess(time.monotonic(), deadline, self.daemon.log_end())
            time.sleep(0.05)  # between two looks; nothing relies on its length


class Alone(LoneBox):
    def test_the_store_goes_back(self):
        start_runs(self.daemon.client(), 0, 40)
        self.daemon.kill()
        damaged = middle_of(self.data)
        damage_payload(damaged, 1)
        log = self.refusal()
        self.assertIn(f"pawl recover --data {self.data}", log)
        self.assertIn(damaged.name, log)
        before = {path.name: path.read_bytes() for path in self.data.iterdir()}
        shown = self.recover()
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("would go back", shown.stdout)
        self.assertIn("--yes", shown.stdout)
        told = json.loads(self.recover("--json").stdout)
        self.assertEqual((told["loses"], told["recovered"]), ("cut", False))
        self.assertGreater(told["entries"], 0)
        self.assertEqual({path.name: path.read_bytes() for path in self.data.iterdir()}, before)
        done = self.recover("--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.daemon.start()
        client = self.daemon.client()
        there = [client.get(f"/v1/runs/r{n}").status for n in range(40)]
        kept = there.count(200)
        self.assertEqual(there, [200] * kept + [404] * (40 - kept))
        self.assertTrue(0 < kept < 40, kept)
        for n in (0, kept - 1):
            self.assertIsNone(check_hash(client, f"r{n}"))
        start_runs(client, kept, 5)
        self.assertTrue((self.data / (damaged.name + ".damaged")).exists())
        self.daemon.stop()
        Journal(self.data)
        verified = self.verify()
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def check_backup(self, runs, histories):
        """A backup of the store beside its daemon, with a note of what was given up, and what a restore makes of it."""
        file, target = self.data.parent / "after.backup", self.data.parent / "restored"
        made = subprocess.run([self.pawl, "backup", str(file), "--data", str(self.data)], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("note: ", made.stderr)
        self.assertIn("were damaged and given up", made.stderr)
        done = subprocess.run([self.pawl, "restore", str(file), "--data", str(target)], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        place = self.data.parent / "second"
        place.mkdir()
        restored = Daemon(self.pawl, place, data=target)
        self.addCleanup(lambda: restored.alive() and restored.kill())
        restored.start()
        client = restored.client()
        for run in runs:
            self.assertEqual(client.get(f"/v1/runs/{run}").json, self.daemon.client().get(f"/v1/runs/{run}").json)
        for run in histories:
            self.assertIsNone(check_hash(client, run))
        lost = set(runs) - set(histories)
        self.assertEqual({client.get(f"/v1/runs/{run}/history").json["type"] for run in lost}, {"history-lost"})
        self.assertEqual(restored.stop(), 0)

    def test_a_byte_turns_bad_while_it_runs(self):
        client = self.daemon.client()
        start_runs(client, 0, 30)
        damaged = middle_of(self.data)
        damage_largest(damaged)
        histories = [client.get(f"/v1/runs/r{n}/history").status for n in range(30)]
        self.assertTrue(0 < histories.count(500) < 30, histories)
        self.assertEqual(histories.count(200) + histories.count(500), 30, histories)
        log = self.daemon.log_end()
        self.assertIn("damage was met", log)
        self.assertIn(damaged.name, log)
        self.assertIn("pawl recover", log)
        metrics = client.get("/metrics").data.decode()
        self.assertIn("\npawl_journal_damages_total 1\n", metrics)
        # All else goes on, and stays.
        start_runs(client, 30, 5)
        self.assertEqual(client.post("/v1/runs/r0/signals/go", {}).status, 200)
        self.daemon.kill()
        self.assertIn(f"pawl recover --data {self.data}", self.refusal())

    def test_only_histories_are_lost(self):
        start_runs(self.daemon.client(), 0, 320)
        self.daemon.stop()
        self.assertGreater(len(list(self.data.glob("*.snap"))), 1)
        damage_payload(middle_of(self.data), 1)
        self.assertIn("a snapshot stands for them", self.refusal())
        shown = self.recover()
        self.assertIn("every run is as it was", shown.stdout)
        done = json.loads(self.recover("--json", "--yes").stdout)
        self.assertEqual((done["loses"], done["recovered"]), ("histories", True))
        self.assertGreaterEqual(done["runs"], 1)
        self.daemon.start()
        self.assertIn("were damaged and given up", self.daemon.log_end())
        client = self.daemon.client()
        lost, whole = 0, []
        for n in range(320):
            envelope = client.get(f"/v1/runs/r{n}")
            self.assertEqual(envelope.status, 200, envelope)
            history = client.get(f"/v1/runs/r{n}/history")
            if history.status == 200:
                self.assertIsNone(check_hash(client, f"r{n}"))
                whole.append(f"r{n}")
                continue
            self.assertEqual((history.status, history.json["type"]), (410, "history-lost"), history)
            lost += 1
        self.assertTrue(1 <= lost <= done["runs"], (lost, done))
        self.check_backup([f"r{n}" for n in range(320)], whole)
        # A run whose history lacks a part goes on.
        self.assertEqual(client.post("/v1/runs/r0/signals/go", {}).status, 200)
        self.daemon.stop()
        self.assertGreaterEqual(len(Journal(self.data).lost), 1)
        self.daemon.start()


class Recover(LoneBox):
    """What `pawl recover` says is lost, is lost; and what it can't do, it says before it does anything."""

    def test_as_much_is_lost_as_was_said(self):
        start_runs(self.daemon.client(), 0, 40)
        self.daemon.kill()
        before = self.entries()
        damaged = middle_of(self.data)
        damage_payload(damaged, 1)
        flip(damaged, 20)  # and its header
        self.refusal()
        told = json.loads(self.recover("--json").stdout)
        self.assertEqual(told["loses"], "cut")
        self.assertEqual(self.recover("--yes").returncode, 0)
        self.assertEqual(before - self.entries(), told["entries"])
        self.assertTrue(0 < told["entries"] < before, told)

    def test_a_header_before_the_cut_is_mended_with_it(self):
        start_runs(self.daemon.client(), 0, 40)
        self.daemon.kill()
        flip(segments_of(self.data)[0], 20)
        damage_payload(middle_of(self.data), 1)
        done = self.recover("--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.daemon.start()
        self.assertEqual(self.daemon.client().get("/v1/runs/r0").status, 200)

    def test_a_header_alone_loses_nothing(self):
        start_runs(self.daemon.client(), 0, 12)
        self.daemon.kill()
        before = self.entries()
        damaged = segments_of(self.data)[1]
        flip(damaged, 20)
        self.refusal()
        told = json.loads(self.recover("--json").stdout)
        self.assertEqual((told["loses"], told["file"], told["offset"], told["entries"], told["runs"]),
                         ("histories", str(damaged), 0, 0, 0))
        self.assertIn("Nothing is lost with it", self.recover().stdout)
        self.assertEqual(self.recover("--yes").returncode, 0)
        self.assertEqual(self.entries(), before)
        self.daemon.start()

    def test_where_nothing_would_be_left_it_is_not_offered(self):
        start_runs(self.daemon.client(), 0, 5)
        self.daemon.kill()
        first = segments_of(self.data)[0]
        content = first.read_bytes()
        until = frames(first)[len(frames(first)) // 2]
        first.write_bytes(content[:64] + bytes(until - 64) + content[until:])
        before = {path.name: path.read_bytes() for path in self.data.iterdir()}
        for arguments in ([], ["--yes"]):
            done = self.recover(*arguments)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("nothing is left to go on with", done.stderr)
            self.assertIn("`pawl restore FILE --data DIR`", done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertEqual({path.name: path.read_bytes() for path in self.data.iterdir()}, before)

    def test_every_snapshot_of_a_group_is_damaged(self):
        start_runs(self.daemon.client(), 0, 20)
        self.forget_old_segments()
        self.daemon.kill()
        snapshots = list(self.data.glob("snapshot-0001-*.snap")) or list(self.data.glob("*0001-*.snap"))
        self.assertTrue(snapshots, sorted(path.name for path in self.data.iterdir()))
        for path in snapshots:
            flip(path, path.stat().st_size // 2)
        log = self.refusal()
        self.assertIn("`pawl restore FILE --data DIR`", log)
        done = self.recover()
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("no snapshot of group 1 can be read", done.stderr)
        self.assertIn("`pawl restore FILE --data DIR`", done.stderr)

    def test_what_was_given_up_long_ago_is_not_missing(self):
        start_runs(self.daemon.client(), 0, 20)
        self.forget_old_segments()
        start_runs(self.daemon.client(), 20, 12)
        self.daemon.kill()
        first = segments_of(self.data)[0]
        self.assertGreater(int(first.name.split(".")[0], 16), 1)
        flip(first, frames(first)[len(frames(first)) // 2] + 30)  # nothing is known of what the frame held
        log = self.refusal()
        self.assertIn("missing: group", log)
        self.assertNotIn("entries 1 to", log)
        told = json.loads(self.recover("--json").stdout)
        self.assertRegex(told["since"], r"^20\d\d-")
        self.assertLess(told["entries"], 30, told)  # of the twelve runs, not of the twenty as well


    def test_a_snapshot_knows_the_time(self):
        start_runs(self.daemon.client(), 0, 20)
        self.forget_old_segments()
        begun = time.time()
        start_runs(self.daemon.client(), 20, 3)
        self.daemon.kill()
        first = segments_of(self.data)[0]
        flip(first, frames(first)[0] + 30)  # before it there is no entry
        log = self.refusal()
        self.assertIn("perhaps what came after entry", log)
        self.assertNotIn("after entry 0", log)
        told = json.loads(self.recover("--json").stdout)
        self.assertEqual(told["loses"], "cut")
        since = calendar.timegm(time.strptime(told["since"], "%Y-%m-%dT%H:%M:%SZ"))
        self.assertTrue(begun - 60 < since <= begun + 1, (told, begun))
        self.assertEqual(self.recover("--yes").returncode, 0)
        self.daemon.start()
        there = [self.daemon.client().get(f"/v1/runs/r{n}").status for n in range(23)]
        self.assertEqual(there, [200] * 20 + [404] * 3)


class Boxes(unittest.TestCase):
    pawl = None

    def in_front(self, scratch):
        """A command in front of each daemon's."""
        return []

    def setUp(self):
        scratch = pathlib.Path(suite.scratch_for(self))
        wrap = self.in_front(scratch)
        self.fleet = Fleet(self.pawl, scratch, extra=SMALL, wrap=lambda _: wrap)
        self.addCleanup(self.fleet.end)
        self.fleet.start()
        answer = self.fleet.client(1).request("PUT", "/v1/workflows/keeps", KEEPS.encode())
        self.assertEqual(answer.status, 201, answer)

    def wait(self, holds, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            logs = "\n".join(f"--- box {b}\n{d.log_end()}" for b, d in self.fleet.boxes.items())
            self.assertLess(time.monotonic(), deadline, f"{what} after {seconds} s\n{logs}")
            time.sleep(0.05)  # between two looks; nothing relies on its length

    def whole(self, box):
        status = self.fleet.status(box)
        return bool(status) and status["ready"] and not any(group["rebuilding"] for group in status["groups"])

    def come_back(self, box, runs):
        self.fleet.boxes[box].spawn()
        self.wait(lambda: self.whole(box), f"box {box} to be whole again")
        self.fleet.wait_settled()
        client = self.fleet.client(box)
        for run in runs:
            self.assertIsNone(check_hash(client, run))

    def turn_bad_while_it_runs(self, damage, why):
        """Box 3 meets the damage done to a closed segment, stops since others vote, and its next start fetches what is missing."""
        start_runs(self.fleet.client(1), 0, 30)
        runs = [f"r{n}" for n in range(30)]
        self.fleet.wait_settled()
        box = self.fleet.boxes[3]
        damage(max(segments_of(box.data)[1:-1], key=lambda path: len(frames(path))))
        client = self.fleet.client(3)
        try:
            for run in runs:
                client.get(f"/v1/runs/{run}/history")
        except Unreachable:
            pass  # it went down before it answered
        self.assertEqual(box.process.wait(timeout=60), 1)
        self.assertIn("damaged, stopping", box.log_end())
        self.assertIn(why, box.log_end())
        start_runs(self.fleet.client(1), 30, 5)
        runs += [f"r{n}" for n in range(30, 35)]
        self.come_back(3, runs)
        self.assertIn("what is missing is fetched", box.log.read_text())
        self.check_equal(runs)

    def check_equal(self, runs):
        """With all boxes stopped, each journal gives every run the same hash."""
        hashes = {}
        for box, daemon in self.fleet.boxes.items():
            daemon.stop()
            verified = subprocess.run([self.pawl, "journal", "verify", str(daemon.data)], capture_output=True, text=True,
                                      timeout=60, check=False)
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
            journal = Journal(daemon.data)
            hashes[box] = {run.id: run.hash.hex() for run in journal.runs().values()}
        for run in runs:
            self.assertEqual({found.get(run) for found in hashes.values()}, {hashes[1][run]}, run)


class Three(Boxes):
    def test_a_byte_in_the_middle_of_a_segment(self):
        start_runs(self.fleet.client(1), 0, 30)
        self.fleet.boxes[3].kill()
        damage_payload(middle_of(self.fleet.boxes[3].data), 1)
        start_runs(self.fleet.client(1), 30, 5)
        runs = [f"r{n}" for n in range(35)]
        self.come_back(3, runs)
        self.assertIn("what is missing is fetched", self.fleet.boxes[3].log.read_text())
        # It has a vote, and leads: one of the others may go.
        self.fleet.boxes[1].kill()
        self.fleet.wait_settled([2, 3])
        start_runs(self.fleet.client(3), 35, 5)
        self.fleet.boxes[1].spawn()
        self.fleet.wait_settled()
        # And it starts again, as any box does.
        self.fleet.boxes[3].kill()
        self.come_back(3, runs)
        self.check_equal(runs + [f"r{n}" for n in range(35, 40)])

    def test_a_byte_turns_bad_on_a_running_box(self):
        self.turn_bad_while_it_runs(damage_largest, "a frame is damaged")

    def test_the_newest_vote_may_be_lost(self):
        start_runs(self.fleet.client(1), 0, 12)
        self.fleet.boxes[3].kill()
        newest = segments_of(self.fleet.boxes[3].data)[-1]
        flip(newest, frames(newest)[0] + 30)
        self.fleet.boxes[3].spawn()
        self.assertNotEqual(self.fleet.boxes[3].process.wait(timeout=60), 0)
        log = self.fleet.boxes[3].log_end()
        self.assertIn("pawl cluster remove --box 3", log)
        self.assertIn("pawl cluster add --box", log)
        self.assertNotIn("pawl recover", log)

    def test_what_no_other_box_has_is_refused_with_the_way_back(self):
        start_runs(self.fleet.client(1), 0, 6)
        box = self.fleet.boxes[3]
        box.kill()
        data = pathlib.Path(box.data)
        store = (data / "store").read_bytes()
        first = segments_of(data)[0]
        segment = first.read_bytes()
        foreign = bytearray(segment)
        foreign[16] ^= 1
        check = crc32c(bytes(foreign[12:64]))
        foreign[8:12] = check.to_bytes(4, "little")
        for path, content, said in ((data / "store", b"pawl store 2\nid ?\n", "is damaged"), (data / "store", None, "is missing"),
                                    (data / "rebuild-0001", b"PAWLRBLD" + bytes(84), "the file is damaged"),
                                    (first, bytes(foreign), "names another store")):
            with self.subTest(path=path.name, said=said):
                if content is None:
                    path.unlink()
                else:
                    path.write_bytes(content)
                box.spawn()
                self.assertNotEqual(box.process.wait(timeout=60), 0)
                log = box.log_end(1)
                self.assertIn(said, log)
                self.assertIn("pawl cluster remove --box 3", log)
                self.assertIn("pawl cluster add --box NUMBER", log)
                self.assertIn("empty data directory", log)
                (data / "store").write_bytes(store)
                first.write_bytes(segment)
                (data / "rebuild-0001").unlink(missing_ok=True)
        self.come_back(3, ["r0"])

    def test_a_header_and_a_snapshot(self):
        start_runs(self.fleet.client(1), 0, 320)
        self.fleet.boxes[2].stop()
        data = pathlib.Path(self.fleet.boxes[2].data)
        self.wait(lambda: list(data.glob("*.snap")), "snapshots")
        damaged = middle_of(data)
        flip(damaged, frames(damaged)[1] + 30)
        for snapshot in data.glob("*.snap"):
            flip(snapshot, snapshot.stat().st_size // 2)
        runs = [f"r{n}" for n in range(0, 320, 16)]
        self.come_back(2, runs)
        self.check_equal(runs)


def main():
    arguments = suite.arguments_with()
    LoneBox.pawl = Boxes.pawl = arguments.pawl
    suite.run([Alone, Recover, Three], arguments.only)


if __name__ == "__main__":
    main()
