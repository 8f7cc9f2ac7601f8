#!/usr/bin/env python3
"""Three daemons in network namespaces of their own: links are cut and mended under them. Needs root."""

import os
import subprocess
import tempfile
import unittest

import suite
from fleet import Fleet
from tally import WORKFLOW
from history import check_hash

PORT = 7400


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


class Network:
    """A bridge in a namespace of its own, and one namespace a box, joined to it by a pair of interfaces."""

    def __init__(self, count):
        self.tag = f"pawl{os.getpid() % 10000}"
        self.count = count
        self.bridge = f"{self.tag}-b"
        ip("netns", "add", self.bridge)
        ip("-n", self.bridge, "link", "add", "br0", "type", "bridge")
        ip("-n", self.bridge, "link", "set", "br0", "up")
        for n in range(1, count + 1):
            space = self.space(n)
            ip("netns", "add", space)
            ip("link", "add", f"{self.tag}{n}", "netns", space, "type", "veth", "peer", "name", f"port{n}",
               "netns", self.bridge)
            ip("-n", self.bridge, "link", "set", f"port{n}", "master", "br0", "up")
            ip("-n", space, "addr", "add", f"10.77.0.{n}/24", "dev", f"{self.tag}{n}")
            ip("-n", space, "link", "set", f"{self.tag}{n}", "up")
            ip("-n", space, "link", "set", "lo", "up")

    def space(self, n):
        return f"{self.tag}-{n}"

    def addresses(self):
        return [f"10.77.0.{n}:{PORT}" for n in range(1, self.count + 1)]

    def wrap(self, n):
        return ["ip", "netns", "exec", self.space(n)]

    def cut(self, n):
        ip("-n", self.bridge, "link", "set", f"port{n}", "down")

    def mend(self, n):
        ip("-n", self.bridge, "link", "set", f"port{n}", "up")

    def end(self):
        for space in [self.bridge, *(self.space(n) for n in range(1, self.count + 1))]:
            ip("netns", "delete", space, check=False)


def namespaces_work():
    try:
        probe = f"pawlprobe{os.getpid()}"
        made = ip("netns", "add", probe, check=False).returncode == 0
        entered = made and ip("-n", probe, "link", "add", "br0", "type", "bridge", check=False).returncode == 0
        ip("netns", "delete", probe, check=False)
        return entered
    except OSError:
        return False


@unittest.skipUnless(namespaces_work(), "network namespaces need root, iproute2 and a root that is a mount")
class Partition(unittest.TestCase):
    pawl = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="pawl-partition-")
        self.addCleanup(scratch.cleanup)
        self.network = Network(3)
        self.addCleanup(self.network.end)
        self.fleet = Fleet(self.pawl, scratch.name, addresses=self.network.addresses(), wrap=self.network.wrap)
        self.addCleanup(self.fleet.end)
        self.fleet.start()
        answer = self.fleet.client(1).request("PUT", "/v1/workflows/tally", WORKFLOW.encode())
        self.assertEqual(answer.status, 201, answer)

    def add(self, box, run, n, timeout=30):
        return self.fleet.client(box, timeout).post(f"/v1/runs/{run}/signals/add", {"payload": {"n": n}}, key=f"{run}-{n}")

    def log_of(self, box, run):
        answer = self.fleet.client(box).get(f"/v1/runs/{run}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json["vars"]["log"]

    def test_a_leader_that_is_cut_off_is_replaced_and_joins_again(self):
        runs = [f"r{n}" for n in range(8)]
        for run in runs:
            self.assertEqual(self.fleet.client(1).post("/v1/runs", {"workflow": "tally", "id": run}).status, 201)
            self.assertEqual(self.add(1, run, 1).status, 200)
        for victim in self.fleet.boxes:
            others = [n for n in self.fleet.boxes if n != victim]
            self.network.cut(victim)
            # What the majority says counts; the box that is alone acknowledges nothing.
            for run in runs:
                answer = self.add(others[0], run, 10 + victim)
                self.assertEqual(answer.status, 200, answer)
            if victim == 1:  # once: it takes a whole deadline
                answer = self.add(victim, runs[0], 101, timeout=40)
                self.assertIn(answer.status, (503, 504), answer)
            self.network.mend(victim)
            self.fleet.wait_settled()
            for run in runs:
                logs = [self.log_of(box, run) for box in self.fleet.boxes]
                self.assertEqual(logs[0], logs[1])
                self.assertEqual(logs[0], logs[2])
                self.assertIn(10 + victim, logs[0])
                check_hash(self.fleet.client(victim), run)

    def test_links_that_flap_lose_nothing(self):
        self.assertEqual(self.fleet.client(1).post("/v1/runs", {"workflow": "tally", "id": "r"}).status, 201)
        for n in range(1, 13):
            flapping = n % 3 + 1
            self.network.cut(flapping)
            answer = self.add(flapping % 3 + 1, "r", n)
            self.assertEqual(answer.status, 200, answer)
            self.network.mend(flapping)
        self.fleet.wait_settled()
        for box in self.fleet.boxes:
            self.assertEqual(self.log_of(box, "r"), list(range(1, 13)))


def main():
    arguments = suite.arguments_with()
    Partition.pawl = arguments.pawl
    suite.run([Partition], arguments.only)


if __name__ == "__main__":
    main()
