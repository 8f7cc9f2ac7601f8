#!/usr/bin/env python3
"""Three real daemons: any box takes any request, any one may die, and what was acknowledged stays."""

import base64
import errno
import os
import shutil
import signal
import subprocess
import threading
import time

import suite
from fleet import fleet_for, leaders
from history import check_hash
from tally import WORKFLOW, Tally

class Cluster(Tally):
    pawl = None
    plain = False

    def setUp(self):
        self.fleet = fleet_for(self, plain=self.plain)
        self.fleet.client(1).deploy("tally", WORKFLOW)

    def test_any_box_takes_any_request_and_reads_what_another_wrote(self):
        for n in range(6):
            self.start(f"r{n}", box=n % 3 + 1)
        for n in range(30):
            run, box = f"r{n % 6}", n % 3 + 1
            answer = self.fleet.client(box).post(f"/v1/runs/{run}/signals/add", {"payload": {"n": n}})
            self.assertEqual(answer.status, 200, answer)
            for reader in self.fleet.boxes:
                self.assertEqual(self.log_of(run, reader)[-1], n)
        for box in self.fleet.boxes:
            self.assertEqual(self.fleet.client(box).get("/v1/runs/nobody").status, 404)
            self.assertEqual(self.fleet.client(box).post("/v1/runs", {"workflow": "no", "id": "x"}).status, 404)
            self.assertEqual(len(self.fleet.client(box).get("/v1/runs").json["items"]), 6)
            for n in range(6):
                check_hash(self.fleet.client(box), f"r{n}")

    def test_a_key_gives_the_same_answer_through_every_box(self):
        self.start("r")
        answers = [self.fleet.client(box).post("/v1/runs/r/signals/add", {"payload": {"n": 1}}, key="k1")
                   for box in (1, 2, 3, 1)]
        self.assertEqual({a.status for a in answers}, {200})
        self.assertEqual(len({a.data for a in answers}), 1)
        self.assertEqual(self.log_of("r", 2), [1])

    def test_workers_at_any_box_get_the_tasks_of_all(self):
        done = set()
        for n in range(12):
            self.start(f"r{n}", box=n % 3 + 1)
            self.assertEqual(self.fleet.client(1).post(f"/v1/runs/r{n}/signals/work", {}).status, 200)
        client = self.fleet.client(3)
        while len(done) < 12:
            tasks = client.post("/v1/queues/tally/poll?wait=10s", {"worker": "w", "max": 1}).json["tasks"]
            self.assertTrue(tasks, f"no task within 10 s after {len(done)}")
            self.assertNotIn(tasks[0]["run"], done)
            done.add(tasks[0]["run"])
            complete = f"/v1/tasks/{tasks[0]['token']}/complete"
            self.assertEqual(self.fleet.client(2).post(complete, {"result": 1}).status, 200)
        self.assertEqual(client.post("/v1/queues/tally/poll", {"worker": "w"}).json["tasks"], [])

    def test_a_killed_leader_is_replaced_and_nothing_is_lost(self):
        stop = threading.Event()
        threads, taken, gaps = self.load([1, 2, 3], stop)
        for victim in (1, 2, 3):
            self.fleet.boxes[victim].kill()
            self.fleet.wait_settled([n for n in self.fleet.boxes if n != victim])
            self.fleet.boxes[victim].spawn()
            self.fleet.wait_settled()
        stop.set()
        for thread in threads:
            thread.join()
        self.check_taken(taken)
        print(f"  longest gap with a killed box {max(gaps):.2f} s, {sum(map(len, taken.values()))} signals")

    def test_a_stopped_box_holds_nobody_up(self):
        stop = threading.Event()
        victim = 3
        threads, taken, gaps = self.load([1, 2], stop)
        self.fleet.boxes[victim].process.send_signal(signal.SIGSTOP)
        try:
            self.fleet.wait_settled([1, 2])
            before = sum(map(len, taken.values()))
            deadline = time.monotonic() + 20
            while sum(map(len, taken.values())) < before + 60:
                self.assertLess(time.monotonic(), deadline, "no progress without the stopped box")
                time.sleep(0.01)
        finally:
            self.fleet.boxes[victim].process.send_signal(signal.SIGCONT)
        self.fleet.wait_settled()
        stop.set()
        for thread in threads:
            thread.join()
        self.check_taken(taken)

    def test_restarts_one_after_the_other_under_load(self):
        stop = threading.Event()
        threads, taken, gaps = self.load([1, 2, 3], stop)
        for box in self.fleet.boxes.values():
            self.assertEqual(box.stop(), 0)
            box.spawn()
            self.fleet.wait_settled()
        stop.set()
        for thread in threads:
            thread.join()
        self.check_taken(taken)

    def test_without_a_majority_nothing_is_acknowledged(self):
        self.start("r")
        for box in (2, 3):
            self.fleet.boxes[box].kill()
        answer = self.fleet.client(1, timeout=40).post("/v1/runs/r/signals/add", {"payload": {"n": 1}})
        self.assertIn(answer.status, (503, 504), answer)
        self.assertEqual(self.fleet.client(1).get("/readyz").status, 503)
        self.assertEqual(self.fleet.client(1).get("/healthz").status, 200)
        self.fleet.boxes[2].spawn()
        self.fleet.wait_settled([1, 2])
        answer = self.fleet.client(2).post("/v1/runs/r/signals/add", {"payload": {"n": 2}})
        self.assertEqual(answer.status, 200, answer)

    def test_a_full_disk_of_one_box_stops_nobody(self):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        full = self.fleet.boxes[3]
        full.kill()
        place = full.scratch / "disk"
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "pawl-test", str(place)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"mount is not allowed here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], check=False)
        shutil.copytree(full.data, place / "data")
        full.data = place / "data"
        full.spawn()
        self.fleet.wait_settled()
        text = WORKFLOW.replace('name = "tally"', 'name = "notes"').replace('n = "int"', 'n = "int"\ntext = "string"')
        self.assertEqual(self.fleet.client(1).request("PUT", "/v1/workflows/notes", text.encode()).status, 201)
        runs = [f"full-{n}" for n in range(4)]
        for run in runs:
            self.assertEqual(self.fleet.client(1).post("/v1/runs", {"workflow": "notes", "id": run}).status, 201)
        filler = place / "filler"
        with open(filler, "wb", buffering=0) as out, self.assertRaises(OSError) as refused:
            while True:
                out.write(bytes(1 << 16))
        self.assertEqual(refused.exception.errno, errno.ENOSPC)
        client = self.fleet.client(1)

        def add(n):
            """Until it is taken: a leader may be the box whose disk is full, and hands that over."""
            deadline = time.monotonic() + 60
            text = base64.b64encode(os.urandom(30_000)).decode()  # what does not compress
            while True:
                answer = client.post(f"/v1/runs/{runs[n % 4]}/signals/add", {"payload": {"n": n, "text": text}},
                                     key=f"full-{n}")
                if answer.status == 200:
                    return
                self.assertIn(answer.status, (429, 503, 504, 507), answer)
                self.assertLess(time.monotonic(), deadline, answer)
                time.sleep(0.05)  # between two tries; nothing relies on its length

        count = 0
        while "disk: nearly full" not in full.log.read_text():
            self.assertLess(count, 3000, "a full disk took 120 MB")
            add(count)
            count += 1
        print(f"  a full disk took {count} signals", flush=True)
        for _ in range(600):  # 18 MB, more than the reserve and what the journal has
            add(count)
            count += 1
        self.assertIn("disk: full", full.log.read_text())
        self.assertTrue(full.alive())
        filler.unlink()
        subprocess.run(["mount", "-o", "remount,size=600m", str(place)], check=True)
        self.fleet.wait_settled()
        for k, run in enumerate(runs):
            self.assertEqual(self.log_of(run, 3), list(range(k, count, 4)))

    def test_an_operator_vouches_for_a_clock(self):
        for n in (1, 2, 3):
            answer = self.fleet.cli(n, "cluster", "time", "accept")
            self.assertEqual(answer.returncode, 0, answer)
            self.assertIn("The time of all runs", answer.stdout.replace("the time", "The time"))
        self.assertEqual(self.fleet.cli(1, "cluster", "time").returncode, 2)

    def test_a_leadership_is_handed_over(self):
        before = self.fleet.wait_settled()
        source = before[1]
        target = source % 3 + 1
        answer = self.fleet.client(source).post("/v1/cluster/transfer", {"to": target})
        self.assertEqual(answer.status, 200, answer)
        self.assertIn(1, answer.json["groups"])
        deadline = time.monotonic() + 10
        while leaders(self.fleet.status(target))[1] != target:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertEqual(self.fleet.client(source).post("/v1/cluster/transfer", {"to": source}).status, 400)
        self.assertEqual(self.fleet.client(source).post("/v1/cluster/transfer", {"to": 9}).status, 400)

    def test_a_box_of_other_founders_or_another_number_does_not_start(self):
        box = self.fleet.boxes[2]
        box.stop()
        as_it_was = (box.scratch / "pawld.toml").read_text()
        for change, said in ((("node = 2", "node = 3"), "belongs to box 2"), (None, "belongs to box 2")):
            config = box.scratch / "changed.toml"
            config.write_text(as_it_was.replace(*change, 1) if change else "schema = 1\n")
            done = subprocess.run([self.pawl, "serve", "--dev", "--data", str(box.data), "--socket", box.socket,
                                   "--config", str(config)], capture_output=True, text=True, timeout=30)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)


def main():
    arguments = suite.arguments_with()
    Cluster.pawl = arguments.pawl
    suite.run([Cluster], arguments.only)


if __name__ == "__main__":
    main()
