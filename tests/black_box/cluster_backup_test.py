#!/usr/bin/env python3
"""`pawl backup` on one box of three, under load, from one that lags, without a majority; what a restore makes of it: a box alone,
or the first one of a new cluster. Whatever any box acknowledged before the backup began is in it."""

import json
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import suite
from client import quote
from daemon import Daemon
from fleet import fleet_for, free_ports
from history import check_hash, history
from tally import WORKFLOW, Tally

class ClusterBackup(Tally):
    pawl = None

    def setUp(self):
        self.fleet = fleet_for(self)
        self.scratch = pathlib.Path(self.fleet.scratch)
        self.fleet.client(1).deploy("tally", WORKFLOW)
        self.file = self.scratch / "box.backup"
        deadline = time.monotonic() + 60
        while not all(row["store_known"] for row in self.fleet.status(1)["boxes"]):
            self.assertLess(time.monotonic(), deadline, "every store to be known")
            time.sleep(0.02)  # between two looks; nothing relies on its length

    def pawl_of(self, *arguments, box=None):
        socket = ["--socket", str(self.fleet.boxes[box].socket)] if box else []
        return subprocess.run([self.fleet.pawl, *map(str, arguments), *socket], capture_output=True, text=True, timeout=90)

    def backup(self, box, file=None, expect=0, through=None):
        done = self.pawl_of("backup", file or self.file, "--data", self.fleet.boxes[box].data, "--json", box=through or box)
        self.assertEqual(done.returncode, expect, done)
        return json.loads(done.stdout) if expect == 0 else done.stderr

    def restore(self, target, *arguments, file=None, expect=0):
        done = self.pawl_of("restore", file or self.file, "--data", target, "--json", *arguments)
        self.assertEqual(done.returncode, expect, done)
        return json.loads(done.stdout) if expect == 0 else done.stderr

    def restored_box(self, name, file=None):
        """A box alone on what a restore makes of the backup."""
        target = self.scratch / name
        told = self.restore(target, file=file)
        place = self.scratch / f"{name}-box"
        place.mkdir()
        daemon = Daemon(self.pawl, place, data=target)
        self.addCleanup(lambda: daemon.alive() and daemon.kill())
        daemon.start()
        return daemon, told

    def check_pins(self, client):
        """Every version that a group has runs of is pinned by it."""
        used = {(run["workflow"], run["version"], int(run["uid"].split("-")[0])) for run in client.items("/v1/runs")}
        deadline = time.monotonic() + 20
        for workflow, version, group in sorted(used):
            while True:
                answer = client.get(f"/v1/workflows/{workflow}/versions/{version}")
                self.assertEqual(answer.status, 200, (workflow, version, answer))
                if group in answer.json["pinned_by"]:
                    break
                self.assertLess(time.monotonic(), deadline, (workflow, version, group, answer.json["pinned_by"]))
                time.sleep(0.02)  # between two looks; nothing relies on its length

    def check_works_on(self, client):
        """New versions, runs of them in every group, and what was open can be signalled."""
        for n in range(2):
            client.deploy("tally", WORKFLOW + f'\n[history]\nmax_events = {500 + n}\n')
            for run in range(24):
                answer = client.post("/v1/runs", {"workflow": "tally", "id": f"after-{n}-{run}"})
                self.assertEqual(answer.status, 201, answer)
        self.check_pins(client)

    def test_a_backup_of_a_follower_under_load(self):
        stop = threading.Event()
        started = []

        def deploy():
            # A new version, and at once runs of it in all groups, through another box.
            for n in range(10_000):
                if stop.is_set():
                    return
                answer = self.fleet.client(n % 3 + 1).deploy("tally", WORKFLOW + f'\n[history]\nmax_events = {1000 + n}\n')
                for run in range(8):
                    name = f"v{n}-{run}"
                    answer = self.fleet.client((n + 1) % 3 + 1).post("/v1/runs", {"workflow": "tally", "id": name})
                    assert answer.status == 201, answer
                    started.append(name)
        threads, taken, _ = self.load([1, 2, 3], stop)
        threads.append(threading.Thread(target=deploy))
        threads[-1].start()
        cuts = []
        try:
            time.sleep(0.5)  # some work before the first one; any length will do
            for number in range(4):
                file = self.scratch / f"under-load-{number}"
                before = {run: len(values) for run, values in taken.items()}, len(started)
                self.backup(number % 3 + 1, file)
                cuts.append((file, *before))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.refused, [])
        live = self.fleet.client(1)
        whole = {run: history(live, run, fields="body") for run in taken}
        for number, (file, lengths, runs) in enumerate(cuts):
            daemon, told = self.restored_box(f"cut-{number}", file)
            self.assertEqual(told["backup_of_box"], number % 3 + 1)
            client = daemon.client()
            for run, length in lengths.items():
                log = client.get(f"/v1/runs/{run}").json["vars"]["log"]
                self.assertGreaterEqual(len(log), length, run)
                items = history(client, run, fields="body")
                self.assertEqual(items, whole[run][:len(items)], run)
                self.assertIsNone(check_hash(client, run))
            for name in started[:runs]:
                self.assertEqual(client.get(f"/v1/runs/{name}").status, 200, name)
                self.assertIsNone(check_hash(client, name))
            self.check_works_on(client)
            boxes = client.get("/v1/cluster").json
            self.assertEqual([row["node"] for row in boxes["boxes"]], [1])
            self.assertTrue(all(group["voters"] == [1] for group in boxes["groups"]), boxes)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.check_pins(daemon.client())
            # A backup of what was restored is one of a box alone.
            again = self.pawl_of("backup", f"{file}-again", "--data", daemon.data)
            self.assertEqual((again.returncode, again.stderr), (0, ""), again)
            self.assertEqual(daemon.stop(), 0)
        self.assertGreater(cuts[-1][2], cuts[0][2])

    def test_a_box_that_lags_waits_until_it_has_everything(self):
        process = self.fleet.boxes[3].process
        self.start("w0")
        process.send_signal(signal.SIGSTOP)
        try:
            for n in range(200):
                answer = self.fleet.client(1).post("/v1/runs/w0/signals/add", {"payload": {"n": n}})
                self.assertEqual(answer.status, 200, answer)
            for n in range(20):
                self.start(f"late-{n}")
        finally:
            process.send_signal(signal.SIGCONT)
        self.backup(3)
        daemon, _ = self.restored_box("lagged")
        self.assertEqual(daemon.client().get("/v1/runs/w0").json["vars"]["log"], list(range(200)))
        for n in range(20):
            self.assertEqual(daemon.client().get(f"/v1/runs/late-{n}").status, 200)

    def test_without_a_majority_it_is_refused_and_without_a_daemon_it_is_said(self):
        for n in range(10):
            self.start(f"r{n}")
        self.fleet.boxes[2].kill()
        self.fleet.boxes[3].kill()
        told = self.backup(1, expect=5)
        self.assertIn("no majority of the boxes", told)
        self.assertIn("hint: ", told)
        self.assertFalse(self.file.exists())
        # Another box's daemon does not speak for this one, and none at all is not asked.
        self.fleet.boxes[2].spawn()
        self.fleet.wait_settled([1, 2])
        self.assertIn("runs on another store", self.backup(1, expect=4, through=2))
        nobody = self.pawl_of("backup", self.file, "--data", self.fleet.boxes[1].data, "--socket", self.scratch / "none")
        self.assertEqual(nobody.returncode, 5, nobody)
        self.assertIn("--socket", nobody.stderr)
        self.fleet.boxes[1].kill()
        alone = self.pawl_of("backup", self.file, "--data", self.fleet.boxes[1].data)
        self.assertEqual(alone.returncode, 0, alone)
        self.assertIn("note: no daemon runs on this store", alone.stderr)
        daemon, _ = self.restored_box("alone")
        for n in range(10):
            self.assertEqual(daemon.client().get(f"/v1/runs/r{n}").status, 200)
        self.check_works_on(daemon.client())

    def make_box_4(self):
        """With a number never used, beside the founders' entries; whoever is added copies what it has."""
        address = f"127.0.0.1:{free_ports(1)[0]}"
        self.fleet.peers += f'[[cluster.peer]]\nnode = 4\naddress = "{address}"\nfounder = false\n'
        self.fleet.make_box(4, self.fleet.peers)

    def configured(self, node, peers):
        config = self.scratch / f"restored-{node}.toml"
        config.write_text(f'schema = 1\n[cluster]\nnode = {node}\nkeyring = "{self.fleet.keyring}"\n{peers}')
        return config

    def test_it_becomes_a_cluster_again_under_new_numbers(self):
        names = [f"r{n}" for n in range(12)]
        for name in names:
            self.start(name)
        self.backup(2)
        for box in (1, 2, 3):
            self.fleet.boxes[box].kill()
        known = self.configured(1, self.fleet.peers)
        told = self.restore(self.scratch / "no", "--config", known, expect=1)
        self.assertIn("4 is the next", told)
        self.assertFalse((self.scratch / "no").exists())

        self.make_box_4()
        config = self.fleet.boxes[4].arguments[1]
        told = self.restore(self.fleet.boxes[4].data, "--config", config)
        self.assertEqual((told["box"], told["backup_of_box"]), (4, 2))
        self.fleet.boxes[4].spawn()
        self.fleet.wait_voters(4, [4])
        for name in names:
            self.assertEqual(self.fleet.client(4).get(f"/v1/runs/{quote(name)}").status, 200)
        roster = {row["node"]: row["role"] for row in self.fleet.status(4)["boxes"]}
        self.assertEqual(roster, {1: "removed", 2: "removed", 3: "removed", 4: "voter"})
        self.check_works_on(self.fleet.client(4))
        self.fleet.add_box(5, 4)
        self.fleet.wait_voters(4, [4, 5])
        self.fleet.add_box(6, 4)
        self.fleet.wait_voters(6, [4, 5, 6])
        self.fleet.boxes[4].kill()
        self.fleet.wait_settled([5, 6])
        for name in names:
            self.assertEqual(self.fleet.client(5).get(f"/v1/runs/{quote(name)}").status, 200)
            self.assertIsNone(check_hash(self.fleet.client(6), name))
        self.start("at-last", box=6)

    def test_a_lone_store_becomes_a_clusters_first_box(self):
        place = self.scratch / "lone"
        place.mkdir()
        lone = Daemon(self.pawl, place)
        self.addCleanup(lambda: lone.alive() and lone.kill())
        lone.start()
        lone.client().deploy("tally", WORKFLOW)
        for n in range(12):
            self.assertEqual(lone.client().post("/v1/runs", {"workflow": "tally", "id": f"r{n}"}).status, 201)
        done = self.pawl_of("backup", self.file, "--data", lone.data)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        lone.kill()
        self.fleet.end()
        shutil.rmtree(self.fleet.boxes[1].data)
        self.make_box_4()
        self.restore(self.fleet.boxes[4].data, "--config", self.fleet.boxes[4].arguments[1])
        self.fleet.boxes[4].spawn()
        self.fleet.wait_voters(4, [4])
        self.fleet.add_box(5, 4)
        self.fleet.wait_voters(5, [4, 5])
        for n in range(12):
            self.assertEqual(self.fleet.client(5).get(f"/v1/runs/r{n}").status, 200)
            self.assertIsNone(check_hash(self.fleet.client(5), f"r{n}"))
        self.start("next", box=5)

    def test_a_cluster_of_nobody_else_is_said_to_be_a_box_alone(self):
        self.start("r")
        self.backup(2)
        self.fleet.end()
        address = f"127.0.0.1:{free_ports(1)[0]}"
        config = self.configured(9, f'[[cluster.peer]]\nnode = 9\naddress = "{address}"\n')
        nine = self.scratch / "nine"
        done = self.pawl_of("restore", self.file, "--data", nine, "--config", config)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("a box alone, to which no other can be added: [cluster] names nobody but box 9", done.stdout)
        self.assertIn(f"remove\n{nine}, and restore again", done.stdout)
        # As it says.
        shutil.rmtree(nine)
        self.fleet.peers = self.fleet.peers.split("[[cluster.peer]]\nnode = 2")[0]
        self.make_box_4()
        done = self.pawl_of("restore", self.file, "--data", self.fleet.boxes[4].data, "--config", self.fleet.boxes[4].arguments[1])
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("the only box of its cluster", done.stdout)
        self.fleet.boxes[4].spawn()
        self.fleet.wait_voters(4, [4])
        self.fleet.add_box(5, 4)
        self.fleet.wait_voters(5, [4, 5])
        self.assertEqual(self.fleet.client(5).get("/v1/runs/r").status, 200)

    def test_what_a_restore_made_is_backed_up_and_restored(self):
        """The log of a box that was its own only founder names that number, and no cluster."""
        names = [f"r{n}" for n in range(6)]
        for name in names:
            self.start(name)
        self.fleet.add_box(4, 1)
        self.fleet.wait_voters(1, [1, 2, 3, 4])
        self.backup(2)
        self.fleet.end()
        config = self.configured(9, f'[[cluster.peer]]\nnode = 9\naddress = "127.0.0.1:{free_ports(1)[0]}"\n')
        self.restore(self.scratch / "nine", "--config", config)
        again = self.scratch / "again.backup"
        done = self.pawl_of("backup", again, "--data", self.scratch / "nine")
        self.assertEqual(done.returncode, 0, done)
        daemon, _ = self.restored_box("second", file=again)
        for name in names:
            self.assertIsNone(check_hash(daemon.client(), name))
        self.check_works_on(daemon.client())


def main():
    arguments = suite.arguments_with()
    ClusterBackup.pawl = arguments.pawl
    suite.run([ClusterBackup], arguments.only)


if __name__ == "__main__":
    main()
