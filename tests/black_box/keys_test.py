#!/usr/bin/env python3
"""Real daemons of one cluster whose keyring is rotated: under load, with a box away, broken off by kill -9."""

import os
import pathlib
import random
import shutil
import stat
import subprocess
import threading
import time
import unittest

import suite
from fleet import fleet_for
from tally import WORKFLOW


class Keys(unittest.TestCase):
    pawl = None

    def make(self, **options):
        fleet = fleet_for(self, **options)
        fleet.client(1).deploy("tally", WORKFLOW)
        return fleet

    def held(self, fleet, n):
        """{box: {key: state}} as box n hears it."""
        answer = fleet.client(n).get("/v1/cluster/keys")
        self.assertEqual(answer.status, 200, answer)
        return {row["node"]: {k["key"]: k["state"] for k in row["keys"]} for row in answer.json["boxes"]}

    def rotate(self, fleet, n):
        answer = fleet.client(n).post("/v1/cluster/keys/rotate", {})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_under_load_and_over_restarts(self):
        fleet = self.make()
        before = pathlib.Path(fleet.keyring).read_text()
        stop = threading.Event()
        failed = []
        done = []

        def load(box):
            client = fleet.client(box)
            n = 0
            while not stop.is_set():
                answer = client.post("/v1/runs", {"workflow": "tally", "id": f"k{box}-{n}"})
                (done if answer.status == 201 else failed).append(answer)
                n += 1

        threads = [threading.Thread(target=load, args=(box,)) for box in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for rotation in range(4):
            self.rotate(fleet, rotation % 3 + 1)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertGreater(len(done), 20)
        expected = {1: "retired", 2: "retired", 3: "retired", 4: "retired", 5: "active"}
        self.assertEqual(self.held(fleet, 2), {box: expected for box in (1, 2, 3)})
        # The file it began with is as it was; each box has its own now, for nobody else to read.
        self.assertEqual(pathlib.Path(fleet.keyring).read_text(), before)
        for box in fleet.boxes.values():
            self.assertEqual(stat.S_IMODE(os.stat(pathlib.Path(box.data) / "keyring").st_mode), 0o600)
        for n in (1, 2, 3):
            fleet.boxes[n].kill()
            fleet.boxes[n].spawn()
            fleet.wait_settled()
        shown = fleet.cli(3, "cluster", "keys")
        self.assertEqual(shown.returncode, 0, shown)
        self.assertEqual(shown.stdout.count("active"), 3, shown.stdout)
        # No secret is in what is shown or logged.
        secret = [line for line in (pathlib.Path(fleet.boxes[1].data) / "keyring").read_text().splitlines()
                  if line.startswith("key 5")][0].split()[-1]
        self.assertEqual(len(secret), 64)
        self.assertNotIn(secret, shown.stdout)
        for box in fleet.boxes.values():
            self.assertNotIn(secret, box.log_end())

    def test_a_box_that_is_away_stops_it_and_the_next_one_goes_on(self):
        fleet = self.make()
        fleet.boxes[3].kill()
        answer = fleet.client(1).post("/v1/cluster/keys/rotate", {})
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.json["type"], "rotation-stopped")
        self.assertIn("box 3 did not confirm", answer.json["detail"])
        again = fleet.client(2).get("/v1/cluster/keys")
        self.assertEqual(again.json["missing"], [3], again)
        self.assertEqual(fleet.client(1).post("/v1/runs", {"workflow": "tally", "id": "one"}).status, 201)
        fleet.boxes[3].spawn()
        fleet.wait_settled()
        self.rotate(fleet, 2)
        states = self.held(fleet, 1)
        self.assertEqual(len({str(s) for s in states.values()}), 1, states)
        self.assertEqual(list(states[1].values()).count("active"), 1)
        self.assertNotIn("installed", states[1].values())

    def test_broken_off_by_kill(self):
        fleet = self.make()
        chance = random.Random(5)
        for n in range(6):
            box = n % 3 + 1
            process = subprocess.Popen([fleet.pawl, "cluster", "keys", "rotate", "--socket", fleet.boxes[box].socket],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.03)  # any moment will do
            victim = chance.choice([1, 2, 3])
            fleet.boxes[victim].kill()
            fleet.boxes[victim].spawn()
            process.wait(timeout=60)
            fleet.wait_settled()
        self.rotate(fleet, 2)
        states = self.held(fleet, 1)
        self.assertEqual(len({str(s) for s in states.values()}), 1, states)
        self.assertNotIn("installed", states[1].values())
        self.assertEqual(fleet.client(3).post("/v1/runs", {"workflow": "tally", "id": "end"}).status, 201)

    def test_a_new_box_needs_the_keyring_of_now(self):
        fleet = self.make()
        answer = fleet.cli(1, "cluster", "keys", "rotate")
        self.assertEqual(answer.returncode, 0, answer)
        self.assertIn("Every box uses key 2 alone", answer.stdout)
        shutil.copy(pathlib.Path(fleet.boxes[2].data) / "keyring", fleet.scratch / "keyring-of-now")
        old, fleet.keyring = fleet.keyring, str(fleet.scratch / "keyring-of-now")
        fleet.add_box(4, 1)
        fleet.wait_voters(4, [1, 2, 3, 4])
        self.rotate(fleet, 4)
        self.assertEqual({str(s) for s in self.held(fleet, 2).values()},
                         {str({1: "retired", 2: "retired", 3: "active"})})
        # Who has the first file alone is nobody any more.
        fleet.boxes[4].kill()
        os.remove(pathlib.Path(fleet.boxes[4].data) / "keyring")
        config = pathlib.Path(fleet.scratch) / "box4" / "pawld.toml"
        config.write_text(config.read_text().replace(fleet.keyring, old))
        fleet.boxes[4].spawn()
        deadline = time.monotonic() + 10
        while fleet.status(4) is None:
            self.assertLess(time.monotonic(), deadline, fleet.boxes[4].log_end())
            time.sleep(0.02)  # between two questions; nothing relies on its length
        self.assertEqual(self.client_boxes_linked(fleet, 4), [])

    def client_boxes_linked(self, fleet, n):
        deadline = time.monotonic() + 2  # in which links that work have long been up
        linked = []
        while time.monotonic() < deadline and not linked:
            status = fleet.status(n)
            linked = [b["node"] for b in status["boxes"] if b["linked"] and not b["self"]]
            time.sleep(0.05)
        return linked

    def test_without_a_keyring_there_is_nothing_to_rotate(self):
        fleet = self.make(plain=True)
        answer = fleet.client(1).post("/v1/cluster/keys/rotate", {})
        self.assertEqual((answer.status, answer.json["type"]), (409, "no-keyring"))
        self.assertEqual(fleet.cli(1, "cluster", "keys").returncode, 4)
        self.assertEqual(fleet.cli(1, "cluster", "keys", "eat").returncode, 2)


def main():
    arguments = suite.arguments_with()
    Keys.pawl = arguments.pawl
    suite.run([Keys], arguments.only)


if __name__ == "__main__":
    main()
