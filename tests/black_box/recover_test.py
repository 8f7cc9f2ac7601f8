#!/usr/bin/env python3
"""Two of three real boxes are lost for good; `pawl cluster recover` lets the third go on."""

import json
import os
import pty
import shutil
import subprocess
import time
import unittest

import suite
from fleet import fleet_for
from tally import WORKFLOW

SENTENCE = "box 1 goes on without boxes 2 and 3"
NOBODY = 65534


class Recover(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.fleet = fleet_for(self)
        self.scratch = self.fleet.scratch
        self.fleet.client(1).deploy("tally", WORKFLOW)
        deadline = time.monotonic() + 30
        while not all(row["store_known"] for row in self.fleet.status(1)["boxes"]):
            self.assertLess(time.monotonic(), deadline, "every store to be known")
            time.sleep(0.02)  # between two looks; nothing relies on its length

    def start_runs(self, names, box=1):
        for name in names:
            answer = self.fleet.client(box).post("/v1/runs", {"workflow": "tally", "id": name})
            self.assertEqual(answer.status, 201, answer)

    def check_runs(self, names, box=1):
        for name in names:
            answer = self.fleet.client(box).get(f"/v1/runs/{name}")
            self.assertEqual(answer.status, 200, answer)

    def lose(self, *boxes):
        for n in boxes:
            self.fleet.boxes[n].kill()
            shutil.rmtree(self.fleet.boxes[n].data)

    def recover(self, *arguments, data=None):
        return subprocess.run([self.fleet.pawl, "cluster", "recover", "--data", data or self.fleet.boxes[1].data,
                               *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    def test_one_box_goes_on_and_becomes_three_again(self):
        names = [f"r{n}" for n in range(12)]
        self.start_runs(names)
        self.lose(2, 3)
        running = self.recover("--in-words", SENTENCE)
        self.assertEqual(running.returncode, 1, running)
        self.assertIn("another pawl runs on", running.stderr)
        self.fleet.boxes[1].kill()

        shown = self.recover()
        self.assertEqual(shown.returncode, 2, shown)
        self.assertIn(f'--in-words "{SENTENCE}"', shown.stderr)
        for word in ("GROUP", "WRITTEN", "1,2,3", "is lost", "Delete their data directories"):
            self.assertIn(word, shown.stdout)
        wrong = self.recover("--in-words", "yes")
        self.assertEqual(wrong.returncode, 4, wrong)
        self.assertIn("nothing was changed", wrong.stderr)
        as_json = self.recover("--json")
        self.assertEqual(as_json.returncode, 2, as_json)
        seen = json.loads(as_json.stdout)
        self.assertEqual((seen["box"], seen["lost"], seen["sentence"], seen["recovered"]), (1, [2, 3], SENTENCE, False))
        self.assertEqual([g["voters"] for g in seen["groups"]], [[1, 2, 3]] * 9)
        self.assertTrue(all(g["last"] >= g["committed"] > 0 and g["written"].endswith("Z") for g in seen["groups"]), seen)

        done = self.recover("--in-words", SENTENCE)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("keys rotate", done.stdout)
        again = self.recover("--in-words", SENTENCE)
        self.assertEqual(again.returncode, 0, again)
        self.assertIn("is the only box of its cluster already", again.stdout)

        self.fleet.boxes[1].spawn()
        self.fleet.wait_voters(1, [1])
        self.check_runs(names)
        self.start_runs(["after"])
        self.fleet.boxes[1].kill()
        self.fleet.boxes[1].spawn()
        self.fleet.wait_voters(1, [1])
        rotated = self.fleet.cli(1, "cluster", "keys", "rotate")
        self.assertEqual(rotated.returncode, 0, rotated)
        # As it says: a box that is added now needs the ring of the data directory.
        shutil.copy(os.path.join(self.fleet.boxes[1].data, "keyring"), self.fleet.keyring)
        self.fleet.add_box(4, 1)
        self.fleet.wait_voters(1, [1, 4])
        self.fleet.add_box(5, 1)
        self.fleet.wait_voters(5, [1, 4, 5])
        self.fleet.boxes[1].kill()
        self.fleet.wait_settled([4, 5])
        self.check_runs([*names, "after"], 5)
        self.start_runs(["at-last"], 4)

    def test_the_sentence_is_asked_for_on_a_terminal(self):
        try:
            os.close(pty.openpty()[0])
        except OSError as none:
            self.skipTest(f"no terminal to be had: {none}")
        self.start_runs(["r"])
        self.lose(2, 3)
        self.fleet.boxes[1].kill()
        for said, status in ((b"no\n", 4), (SENTENCE.encode() + b"\n", 0)):
            ours, theirs = pty.openpty()
            process = subprocess.Popen([self.fleet.pawl, "cluster", "recover", "--data", self.fleet.boxes[1].data],
                                       stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            os.write(ours, said)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, status, (out, err))
            self.assertIn(f"type: {SENTENCE}", out)
            os.close(ours)
            os.close(theirs)
        self.fleet.boxes[1].spawn()
        self.fleet.wait_voters(1, [1])
        self.check_runs(["r"])

    def test_what_can_not_be_recovered_says_why(self):
        absent = self.recover(data=os.path.join(self.scratch, "nothing"))
        self.assertEqual(absent.returncode, 1, absent)
        self.assertIn("there is no store in", absent.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "nothing")))
        place = os.path.join(self.scratch, "alone")
        os.mkdir(place)
        with open(os.path.join(place, "store"), "w", encoding="ascii") as file:
            file.write(f"pawl store 1\nid {'0' * 31}1\ngroups 8\n")
        alone = self.recover(data=place)
        self.assertEqual(alone.returncode, 1, alone)
        self.assertIn("made by this box alone", alone.stderr)
        removed = self.fleet.cli(1, "cluster", "remove", "--box", "3")
        self.assertEqual(removed.returncode, 0, removed)
        deadline = time.monotonic() + 30
        while "removed from the cluster" not in self.fleet.boxes[3].log_end():
            self.assertLess(time.monotonic(), deadline, "box 3 to hear that it was removed")
            time.sleep(0.02)  # between two looks; nothing relies on its length
        # To be told is one thing, to have it on the disk another: the groups let it go one by one.
        while all(3 in group["voters"] for group in self.fleet.status(3)["groups"]):
            self.assertLess(time.monotonic(), deadline, "a group of box 3 to let it go")
            time.sleep(0.02)  # between two looks; nothing relies on its length
        self.assertEqual(self.fleet.boxes[3].stop(), 0)
        gone = self.recover(data=self.fleet.boxes[3].data)
        self.assertEqual(gone.returncode, 1, gone)
        self.assertIn("box 3 was removed from the cluster", gone.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, which then acts as the directory's owner")
    def test_root_acts_as_the_owner_of_the_directory(self):
        self.start_runs(["r"])
        self.lose(2, 3)
        self.fleet.boxes[1].kill()
        data = self.fleet.boxes[1].data
        os.chmod(self.scratch, 0o711)
        os.chmod(os.path.dirname(data), 0o711)
        for path in (data, *(os.path.join(data, name) for name in os.listdir(data))):
            os.chown(path, NOBODY, NOBODY)
        done = self.recover("--in-words", SENTENCE)
        self.assertEqual(done.returncode, 0, done)
        owners = {name: os.stat(os.path.join(data, name)).st_uid for name in os.listdir(data)}
        self.assertEqual(set(owners.values()), {NOBODY}, owners)


def main():
    arguments = suite.arguments_with()
    Recover.pawl = arguments.pawl
    suite.run([Recover], arguments.only)


if __name__ == "__main__":
    main()
