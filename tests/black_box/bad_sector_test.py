#!/usr/bin/env python3
"""Sectors that can't be read any more (bad_sectors.py): met as changed bytes are (damage_test.py). A box alone says so and goes on, its start
names the command, and that gets past them; a box of three stops, and comes back by itself."""

import json
import pathlib
import unittest

import bad_sectors
import suite
from damage_test import Boxes, LoneBox, frames, middle_of, segments_of, start_runs
from history import check_hash

PAGE = 4096


def page_of_largest(path):
    """A page in the payload of the segment's largest frame."""
    data = path.read_bytes()
    largest = max(frames(path), key=lambda at: int.from_bytes(data[at + 12:at + 16], "little"))
    header = int.from_bytes(data[largest + 8:largest + 12], "little")
    return (largest + header + 5) // PAGE * PAGE


def break_page(bad, path, page):
    bad_sectors.add(bad, path, page, page + PAGE)


def with_bad_sectors(case, scratch):
    case.bad = scratch / "bad"
    case.bad.touch()
    return bad_sectors.wrap(case.bad)


@unittest.skipUnless(bad_sectors.can(), "this kernel hands no system call to another process")
class Alone(LoneBox):
    def in_front(self, scratch):
        return with_bad_sectors(self, scratch)

    def test_it_turns_bad_while_the_box_runs(self):
        client = self.daemon.client()
        start_runs(client, 0, 30)
        damaged = middle_of(self.data)
        break_page(self.bad, damaged, page_of_largest(damaged))
        histories = [client.get(f"/v1/runs/r{n}/history").status for n in range(30)]
        self.assertTrue(0 < histories.count(500) < 30, histories)
        self.assertEqual(histories.count(200) + histories.count(500), 30, histories)
        log = self.daemon.log_end()
        self.assertIn("damage was met", log)
        self.assertIn(f"{damaged.name}: the disk can't give bytes back", log)
        # Once or twice: two frames may have a part in the page.
        self.assertRegex(client.get("/metrics").data.decode(), r"\npawl_journal_damages_total [12]\n")
        start_runs(client, 30, 5)
        self.daemon.kill()
        self.assertIn(f"pawl recover --data {self.data}", self.refusal())

    def test_a_command_gets_past_it(self):
        start_runs(self.daemon.client(), 0, 40)
        self.daemon.kill()
        damaged = middle_of(self.data)
        break_page(self.bad, damaged, page_of_largest(damaged))
        self.assertIn(f"pawl recover --data {self.data}", self.refusal())
        told = json.loads(self.recover("--json").stdout)
        self.assertEqual((told["loses"], told["file"]), ("cut", str(damaged)))
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
        self.assertTrue((self.data / (damaged.name + ".damaged")).exists())

    def test_behind_the_end_of_the_journal_nothing_is_lost(self):
        start_runs(self.daemon.client(), 0, 5)
        self.daemon.kill()
        newest = segments_of(self.data)[-1]
        data = newest.read_bytes()
        behind = (len(data.rstrip(b"\0")) // PAGE + 1) * PAGE
        self.assertLess(behind, len(data))
        break_page(self.bad, newest, behind)
        self.assertIn(f"pawl recover --data {self.data}", self.refusal())
        self.assertIn("Nothing is lost with it", self.recover().stdout)
        self.assertEqual(self.recover("--yes").returncode, 0)
        self.daemon.start()
        for n in range(5):
            self.assertIsNone(check_hash(self.daemon.client(), f"r{n}"))

    def test_the_end_itself_may_be_lost(self):
        start_runs(self.daemon.client(), 0, 30)
        self.daemon.kill()
        newest = segments_of(self.data)[-1]
        last = frames(newest)[-1]
        bad_sectors.add(self.bad, newest, last // PAGE * PAGE, newest.stat().st_size)
        self.assertIn("perhaps what came after", self.refusal())
        told = json.loads(self.recover("--json").stdout)
        self.assertTrue(told["more_than_known"], told)
        self.assertEqual(self.recover("--yes").returncode, 0)
        self.daemon.start()
        self.assertEqual(self.daemon.client().get("/v1/runs/r0").status, 200)


@unittest.skipUnless(bad_sectors.can(), "this kernel hands no system call to another process")
class Three(Boxes):
    def in_front(self, scratch):
        return with_bad_sectors(self, scratch)

    def test_it_turns_bad_on_a_running_box(self):
        self.turn_bad_while_it_runs(lambda path: break_page(self.bad, path, page_of_largest(path)), "give bytes back")

    def test_a_start_meets_it_in_a_segment_and_in_snapshots(self):
        start_runs(self.fleet.client(1), 0, 320)
        self.fleet.boxes[2].stop()
        data = pathlib.Path(self.fleet.boxes[2].data)
        self.wait(lambda: list(data.glob("*.snap")), "snapshots")
        damaged = middle_of(data)
        break_page(self.bad, damaged, page_of_largest(damaged))
        for snapshot in data.glob("*.snap"):
            break_page(self.bad, snapshot, 0)
        runs = [f"r{n}" for n in range(0, 320, 16)]
        self.come_back(2, runs)
        self.check_equal(runs)


def main():
    arguments = suite.arguments_with()
    LoneBox.pawl = Boxes.pawl = arguments.pawl
    suite.run([Alone, Three], arguments.only)


if __name__ == "__main__":
    main()
