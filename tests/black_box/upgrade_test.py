#!/usr/bin/env python3
"""Three real boxes are upgraded one after the other, from a build that does not know the roster's events.

The build before (tests/upgrade) is feature level 3: it neither writes nor reads what came after.
"""

import re
import threading
import time

import suite
from fleet import fleet_for
from tally import WORKFLOW, Tally


LEVEL = int(re.search(r"define PAWL_FEATURE_LEVEL (\d+)", (suite.ROOT / "base" / "feature_level.h").read_text()).group(1))


class Upgrade(Tally):
    pawl = None
    previous = None

    def setUp(self):
        self.fleet = fleet_for(self, self.previous)
        self.fleet.client(1).deploy("tally", WORKFLOW)

    def levels(self):
        return [self.fleet.client(n).get("/v1/version").json["feature_level"] for n in sorted(self.fleet.boxes)]

    def restart(self, n, pawl):
        self.assertEqual(self.fleet.boxes[n].stop(), 0)
        self.fleet.boxes[n].pawl = pawl
        self.fleet.boxes[n].spawn()
        self.fleet.wait_settled()

    def assert_no_roster(self):
        """No box has taken an event that the old ones could not read."""
        self.fleet.wait_linked()
        for n in self.fleet.boxes:
            self.assertEqual([row["store_known"] for row in self.fleet.status(n)["boxes"]], [False] * 3)
        refused = self.fleet.cli(2, "cluster", "add", "--box", "4", "--address", "127.0.0.1:1")
        self.assertNotEqual(refused.returncode, 0, refused)
        self.assertIn("can't be changed yet", refused.stderr)

    def wait_roster(self):
        deadline = time.monotonic() + 30
        while not all(row["store_known"] for n in self.fleet.boxes for row in self.fleet.status(n)["boxes"]):
            self.assertLess(time.monotonic(), deadline, "every store to be known everywhere")
            time.sleep(0.02)  # between two looks; nothing relies on its length

    def test_boxes_are_upgraded_one_after_the_other_and_rise_together(self):
        stop = threading.Event()
        self.addCleanup(stop.set)
        threads, taken, gaps = self.load([1, 2, 3], stop)
        self.assertEqual(self.levels(), [3, 3, 3])
        self.restart(1, self.pawl)
        self.restart(2, self.pawl)
        self.assertEqual(self.levels(), [LEVEL, LEVEL, 3])
        self.assert_no_roster()
        # There is a way back as long as one has not come.
        self.restart(1, self.previous)
        self.assertEqual(self.levels(), [3, LEVEL, 3])
        self.restart(3, self.pawl)
        self.assert_no_roster()
        self.restart(1, self.pawl)
        self.wait_roster()
        stop.set()
        for thread in threads:
            thread.join()
        self.check_taken(taken)
        print(f"  longest gap {max(gaps):.2f} s, {sum(map(len, taken.values()))} signals")

    def test_the_old_build_refuses_what_it_can_not_read_and_nothing_is_lost(self):
        self.start("r")
        for n in (1, 2, 3):
            self.restart(n, self.pawl)
        self.wait_roster()
        box = self.fleet.boxes[2]
        self.assertEqual(box.stop(), 0)
        box.pawl = self.previous
        box.spawn()
        self.assertEqual(box.process.wait(timeout=30), 1)
        self.assertIn("start a newer version of pawl on this store", box.log_end())
        box.pawl = self.pawl
        box.spawn()
        self.fleet.wait_settled()
        self.assertEqual(self.log_of("r", 2), [])


def main():
    arguments = suite.arguments_with(lambda parser: parser.add_argument("--previous", required=True))
    Upgrade.pawl = arguments.pawl
    Upgrade.previous = arguments.previous
    suite.run([Upgrade], arguments.only)


if __name__ == "__main__":
    main()
