#!/usr/bin/env python3
"""Real daemons of one cluster: boxes are added, get votes, are removed, lose their disks."""

import shutil
import time
import unittest

import suite
from fleet import fleet_for
from tally import WORKFLOW


class Members(unittest.TestCase):
    pawl = None

    def setUp(self):
        self.fleet = fleet_for(self)
        self.fleet.client(1).deploy("tally", WORKFLOW)
        self.wait(lambda: all(row["store_known"] for row in self.rows(1).values()), "every store to be known")

    def wait(self, holds, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, f"{what} after {seconds} s")
            time.sleep(0.02)  # between two looks; nothing relies on its length

    def rows(self, n):
        return {row["node"]: row for row in self.fleet.status(n)["boxes"]}

    def start_runs(self, names, box):
        for name in names:
            answer = self.fleet.client(box).post("/v1/runs", {"workflow": "tally", "id": name})
            self.assertEqual(answer.status, 201, answer)

    def check_runs(self, names, box):
        for name in names:
            answer = self.fleet.client(box).get(f"/v1/runs/{name}")
            self.assertEqual(answer.status, 200, answer)

    def change(self, box, verb, number):
        """`pawl cluster VERB`, again while the change before it is not done everywhere."""
        for _ in range(200):
            answer = self.fleet.cli(box, "cluster", verb, "--box", str(number))
            if "change-under-way" not in answer.stderr and "being changed" not in answer.stderr:
                break
            time.sleep(0.05)  # nothing relies on its length
        self.assertEqual(answer.returncode, 0, answer)

    def test_three_boxes_become_four_and_three_others(self):
        names = [f"r{n}" for n in range(12)]
        self.start_runs(names, 1)
        self.fleet.add_box(4, 2)
        self.fleet.wait_voters(4, [1, 2, 3, 4])
        self.check_runs(names, 4)
        self.change(3, "remove", 1)
        self.fleet.wait_voters(4, [2, 3, 4])
        shown = self.fleet.cli(4, "cluster", "status")
        self.assertIn("removed", shown.stdout)
        more = [f"s{n}" for n in range(12)]
        self.start_runs(more, 4)
        refused = self.fleet.client(1).post("/v1/runs", {"workflow": "tally", "id": "late"})
        self.assertEqual(refused.status, 503, refused)
        self.assertIn("removed from the cluster", self.fleet.boxes[1].log_end())
        # Of the three that are left any one may die, and the removed one does not matter.
        self.fleet.boxes[1].kill()
        self.fleet.boxes[2].kill()
        self.fleet.wait_settled([3, 4])
        self.check_runs(names + more, 3)
        self.fleet.boxes[2].spawn()
        self.fleet.wait_settled([2, 3, 4])
        self.check_runs(names + more, 2)

    def test_a_learner_gets_its_vote_by_hand(self):
        self.fleet.add_box(4, 1, "--learner")
        self.wait(lambda: self.fleet.status(4) and self.rows(4).get(4, {}).get("role") == "learner", "a learner")
        self.wait(lambda: all(g["learners"] == [4] for g in self.fleet.status(1)["groups"]), "learning in all groups")
        self.wait(lambda: self.fleet.cli(1, "cluster", "promote", "--box", "4").returncode == 0, "a promotion")
        self.fleet.wait_voters(4, [1, 2, 3, 4])

    def test_a_box_without_its_disk_is_refused_and_comes_back_under_another_number(self):
        names = [f"r{n}" for n in range(6)]
        self.start_runs(names, 1)
        self.fleet.boxes[3].kill()
        shutil.rmtree(self.fleet.boxes[3].data)
        self.fleet.boxes[3].spawn()
        self.wait(lambda: "not the store that the number" in self.fleet.boxes[3].log_end(), "a refusal")
        self.fleet.wait_settled([1, 2])
        self.start_runs(["one-more"], 1)
        applied = [g["applied"] for g in self.fleet.status(3)["groups"]]
        self.assertEqual(set(applied), {0}, "it was sent nothing")
        self.fleet.boxes[3].kill()
        self.change(1, "remove", 3)
        self.fleet.wait_voters(1, [1, 2])
        again = self.fleet.cli(1, "cluster", "add", "--box", "3", "--address", "127.0.0.1:1")
        self.assertEqual(again.returncode != 0, True, again)
        self.assertIn("never used again", again.stderr)
        self.fleet.add_box(4, 2)
        self.fleet.wait_voters(4, [1, 2, 4])
        self.check_runs(names + ["one-more"], 4)

    def test_what_makes_no_sense_is_refused(self):
        client = self.fleet.client(2)
        for body, status in (({}, 400), ({"change": "add"}, 400), ({"change": "grow", "box": 4}, 400),
                             ({"change": "add", "box": 0, "address": "a:1"}, 400),
                             ({"change": "add", "box": 4, "address": "no port"}, 400),
                             ({"change": "remove", "box": 3, "address": "a:1"}, 400),
                             ({"change": "remove", "box": 9}, 409), ({"change": "promote", "box": 9}, 409)):
            answer = client.post("/v1/cluster/members", body)
            self.assertEqual(answer.status, status, (body, answer))
        self.assertEqual(client.post("/v1/cluster/members", {"change": "add", "box": 2, "address": "a:1"}).json,
                         {"box": 2, "changed": False})
        self.assertEqual(self.fleet.cli(1, "cluster", "add", "--box", "4").returncode, 2)


def main():
    arguments = suite.arguments_with()
    Members.pawl = arguments.pawl
    suite.run([Members], arguments.only)


if __name__ == "__main__":
    main()
