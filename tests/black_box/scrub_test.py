#!/usr/bin/env python3
"""Deleted data leaves the disks: once DELETE answers 200 no file of any box has it, whatever was killed on the way; what is left can be read,
and gives its hash. A box that is away is waited for and named."""

import json
import os
import pathlib
import secrets
import shutil
import struct
import subprocess
import time
import unittest

import suite
from client import Unreachable
from daemon import Daemon
from fleet import Fleet
from history import check_hash
from journal_reader import DICTIONARY, Frame, crc32c, unpacked

EXTRA = """
[journal]
segment_bytes = 65536
scrub_pause = "PAUSE"
[store]
groups = 2
"""
SECRETIVE = """
dsl = 1
name = "secretive"
start = "wait"
[input]
name = "string"
[signal.tell]
[signal.tell.payload]
what = "string"
[signal.go]
[on.tell]
save.told = "= signal.what"
[state.wait]
on.go = { next = "done" }
[state.done]
end = "completed"
output = "= input.name + vars.told"
"""
WAIT_SECONDS = 90


def files_of(data):
    return [path for path in pathlib.Path(data).rglob("*") if path.is_file()]


def has_raw(data, marker):
    return [str(path) for path in files_of(data) if marker.encode() in path.read_bytes()]


def dump(pawl, data, scratch):
    """`pawl journal dump` of a copy of a stopped store."""
    copy = pathlib.Path(scratch) / "copy"
    shutil.copytree(data, copy)
    try:
        done = subprocess.run([pawl, "journal", "dump", str(copy)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
    finally:
        shutil.rmtree(copy)


def journal_files(data):
    """[(path, bytes, number, seed)] of segments and kept files."""
    found = []
    for path in files_of(data):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # given up meanwhile
        if content[:8] == b"PAWLJRNL":
            number, = struct.unpack_from("<Q", content, 32)
            found.append((path, content, number, crc32c(content[16:32] + struct.pack("<Q", number))))
    return found


def dictionaries_of(data):
    """[(what, bytes)] of those that files begin with."""
    found = []
    for path, content, number, seed in journal_files(data):
        first = Frame(content, 64, number, seed)
        if first.state == "whole" and first.flags & DICTIONARY:
            found.append((f"the dictionary of {path.name}", first.stored))
    return found


def contents_of(data):
    """[(what, bytes)]: every file as it is, and what is in each frame of every segment and kept file."""
    found = [(path.name, path.read_bytes()) for path in files_of(data)]
    for path, content, number, seed in journal_files(data):
        at, known = 64, {}
        while (frame := Frame(content, at, number, seed)).state == "whole":
            if frame.flags & DICTIONARY:
                known[frame.dictionary] = frame.stored
            elif frame.payload_bytes:
                found.append((f"{path.name}, frame at {at}", unpacked(frame, known)))
            at = frame.end
    return found


def pieces_of(text, size=8):
    return {text[at:at + size].encode() for at in range(len(text) - size + 1)}


def holders(contents_found, pieces):
    """Who has so much as one of the pieces."""
    return [what for what, content in contents_found if any(piece in content for piece in pieces)]


def delete(client, run):
    return client.request("DELETE", f"/v1/runs/{run}/data", json.dumps({"reason": "asked for"}).encode())


class Scrub(unittest.TestCase):
    def tell_all(self, client, run, markers):
        started = client.post("/v1/runs", {"workflow": "secretive", "id": run, "input": {"name": markers[0]}}, key=f"start-{run}")
        self.assertEqual(started.status, 201, started)
        for n, marker in enumerate(markers[1:]):
            told = client.post(f"/v1/runs/{run}/signals/tell", {"payload": {"what": marker}}, key=f"{run}-{n}")
            self.assertEqual(told.status, 200, told)
        closed = client.post(f"/v1/runs/{run}/signals/go", {})
        self.assertEqual(closed.json["status"], "completed", closed)

    def fill(self, client, count=40):
        for _ in range(count):
            self.filled = getattr(self, "filled", 0) + 1
            self.tell_all(client, f"fill-{self.filled}", [secrets.token_hex(3000), "x"])

    def wait_until(self, holds, what, logs):
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            self.assertLess(time.monotonic(), deadline, f"{what} after {WAIT_SECONDS} s\n{logs()}")
            time.sleep(0.05)  # between two looks; nothing relies on its length

    def check_gone(self, pawl, data, markers, scratch):
        for marker in markers:
            self.assertEqual(has_raw(data, marker), [])
        shown = dump(pawl, data, scratch)
        for marker in markers:
            self.assertNotIn(marker, shown)
        self.assertIn("run.data_deleted", shown)


class Lone(Scrub):
    pawl = None

    def setUp(self):
        self.scratch = suite.scratch_for(self)
        config = f"{self.scratch}/pawld.toml"
        pathlib.Path(config).write_text("schema = 1\n" + EXTRA.replace("PAUSE", "100ms"), encoding="utf-8")
        self.daemon = Daemon(self.pawl, self.scratch, arguments=["--config", config])
        self.addCleanup(lambda: self.daemon.alive() and self.daemon.kill())
        self.daemon.start()
        self.client = self.daemon.client()
        self.client.deploy("secretive", SECRETIVE)

    def again(self):
        self.daemon.start()
        self.client = self.daemon.client()

    def test_it_is_gone_and_the_history_holds(self):
        markers = [secrets.token_hex(30) for _ in range(60)]
        self.fill(self.client, 5)
        self.tell_all(self.client, "mine", markers)
        self.fill(self.client)
        self.daemon.kill()
        before = dump(self.pawl, self.daemon.data, self.scratch)
        self.assertTrue(all(marker in before for marker in markers))
        self.again()
        answer = delete(self.client, "mine")
        self.assertEqual((answer.status, answer.json["boxes"]), (202, [{"id": 1, "scrubbed": False}]), answer)
        # Killed in the middle of it, again and again.
        for n in range(12):
            time.sleep(0.02 * n)  # at another moment each time
            self.daemon.kill()
            self.again()
        self.wait_until(lambda: delete(self.client, "mine").status == 200, "not scrubbed", self.daemon.log_end)
        done = delete(self.client, "mine")
        self.assertEqual((done.json["bytes_on_disk"], done.json["boxes"]), (False, [{"id": 1, "scrubbed": True}]))
        for marker in markers:
            self.assertEqual(has_raw(self.daemon.data, marker), [])
        for life in range(3):
            run = self.client.get("/v1/runs/mine").json
            self.assertEqual((run["status"], run["boxes"]), ("data_deleted", [{"id": 1, "scrubbed": True}]))
            self.assertEqual(delete(self.client, "mine").status, 200)
            self.assertIsNone(check_hash(self.client, "mine"))
            told = [e for e in self.client.get("/v1/runs/mine/history?limit=500").json["items"] if "payload" in e]
            self.assertTrue(told and all(len(e["payload"]["scrubbed"]) == 64 for e in told), told[:2])
            self.assertIsNone(check_hash(self.client, "fill-3"))
            self.assertIsNone(check_hash(self.client, "fill-30"))
            self.daemon.kill() if life == 0 else self.daemon.stop()
            self.check_gone(self.pawl, self.daemon.data, markers, self.scratch)
            self.again()

    def test_no_dictionary_keeps_a_piece_of_it(self):
        """What a run's events repeat is what a dictionary is made of."""
        secret = secrets.token_urlsafe(90)
        pieces = pieces_of(secret)
        trained = False
        while not trained:
            self.assertLess(getattr(self, "filled", 0), 400, "no dictionary was trained from the secret")
            self.tell_all(self.client, f"mine-{getattr(self, 'filled', 0)}", [secret] * 12)
            self.fill(self.client, 4)
            if self.filled % 40 == 0:
                trained = bool(holders(dictionaries_of(self.daemon.data), pieces))
        mine = [run["id"] for run in self.client.items("/v1/runs") if run["id"].startswith("mine-")]
        for run in mine:
            self.assertIn(delete(self.client, run).status, (200, 202))
        for run in mine:
            self.wait_until(lambda: delete(self.client, run).status == 200, "not scrubbed", self.daemon.log_end)
        self.daemon.kill()
        self.assertEqual(holders(contents_of(self.daemon.data) + dictionaries_of(self.daemon.data), pieces), [])
        self.again()
        # The next dictionaries are trained from what came since.
        while not dictionaries_of(self.daemon.data):
            self.assertLess(self.filled, 1200, "no dictionary was trained again")
            self.fill(self.client, 40)
        self.daemon.kill()
        self.assertEqual(holders(contents_of(self.daemon.data) + dictionaries_of(self.daemon.data), pieces), [])

    def test_the_command_line_waits(self):
        self.tell_all(self.client, "mine", ["a secret", "another"])
        command = [self.pawl, "scrub", "mine", "--wait", "--timeout", "50s", "--socket", self.daemon.socket]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("mine: data_deleted", done.stdout)
        self.assertIn("box 1: scrubbed", done.stdout)
        as_json = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        self.assertEqual(json.loads(as_json.stdout)["boxes"], [{"id": 1, "scrubbed": True}])


class Three(Scrub):
    pawl = None

    def setUp(self):
        self.scratch = suite.scratch_for(self)
        self.said = None
        self.fleet = Fleet(self.pawl, self.scratch, extra=EXTRA.replace("PAUSE", "100ms"))
        self.addCleanup(self.fleet.end)
        self.fleet.start()
        answer = self.fleet.client(1).request("PUT", "/v1/workflows/secretive", SECRETIVE.encode())
        self.assertEqual(answer.status, 201, answer)

    def logs(self):
        return f"{self.said}\n" + "\n".join(f"--- box {n}\n{box.log_end()}" for n, box in self.fleet.boxes.items())

    def boxes_of(self, through, run):
        try:
            self.said = answer = delete(self.fleet.client(through, timeout=20), run)
        except Unreachable as why:
            self.said = why
            return None
        if answer.status not in (200, 202):
            return None
        scrubbed = {box["id"]: box["scrubbed"] for box in answer.json["boxes"]}
        self.assertEqual(answer.status, 200 if all(scrubbed.values()) else 202)
        return scrubbed

    def test_every_box_takes_it_off_its_disk_and_who_is_away_is_named(self):
        client = self.fleet.client(1)
        markers = [secrets.token_hex(30) for _ in range(40)]
        self.fill(client, 5)
        self.tell_all(client, "mine", markers)
        self.fill(client, 25)
        # Runs' data can be deleted once the boxes have told one another that all know how.
        newest = client.get("/v1/version").json["feature_level"]
        self.wait_until(lambda: all(group["feature_level"] == newest for group in self.fleet.status(1)["groups"]), "no level", self.logs)
        self.fleet.boxes[3].kill()
        self.wait_until(lambda: (self.fleet.status(1) or {"ready": False})["ready"], "no leader", self.logs)
        self.wait_until(lambda: self.boxes_of(1, "mine") is not None, "not deleted", self.logs)
        # One that works on it dies as well.
        self.fleet.boxes[2].kill()
        self.fleet.boxes[2].spawn()
        self.wait_until(lambda: self.boxes_of(1, "mine") == {1: True, 2: True, 3: False}, "two are not done", self.logs)
        for box in (1, 2):
            for marker in markers:
                self.assertEqual(has_raw(self.fleet.boxes[box].data, marker), [])
        self.assertTrue(has_raw(self.fleet.boxes[3].data, markers[0]) or
                        markers[0] in dump(self.pawl, self.fleet.boxes[3].data, self.scratch))
        self.fleet.boxes[3].spawn()
        self.wait_until(lambda: self.boxes_of(1, "mine") == {1: True, 2: True, 3: True}, "not all are done", self.logs)
        for box in (1, 2, 3):
            client = self.fleet.client(box)
            self.wait_until(lambda: self.boxes_of(box, "mine") == {1: True, 2: True, 3: True}, "one does not know", self.logs)
            self.wait_until(lambda: all(b["scrubbed"] for b in client.get("/v1/runs/mine").json["boxes"]), "one does not say", self.logs)
            self.assertIsNone(check_hash(client, "mine"))
            self.assertIsNone(check_hash(client, "fill-10"))
        for box in (1, 2, 3):
            self.assertEqual(self.fleet.boxes[box].stop(), 0)
        for box in (1, 2, 3):
            self.check_gone(self.pawl, self.fleet.boxes[box].data, markers, self.scratch)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Lone.pawl = arguments.pawl
    Three.pawl = arguments.pawl
    suite.run([Lone, Three], arguments.only)
