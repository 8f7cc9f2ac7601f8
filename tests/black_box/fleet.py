"""Several real daemons that are one cluster, on the loopback, each with its own data and socket."""

import os
import pathlib
import socket
import subprocess
import time

import suite
from daemon import Daemon

SETTLE_SECONDS = 30


def free_ports(count):
    """Ports nobody has now, for UDP and TCP."""
    held = []
    ports = []
    while len(ports) < count:
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held += [tcp, udp]
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        except OSError:
            continue
        ports.append(tcp.getsockname()[1])
    for one in held:
        one.close()
    return ports


class Fleet:
    """Boxes 1 to `count`; with a keyring unless `plain`. `extra`: more of their configuration."""

    def __init__(self, pawl, scratch, count=3, plain=False, addresses=None, wrap=None, extra=""):
        self.extra = extra
        self.pawl = str(pathlib.Path(pawl).resolve())
        self.scratch = pathlib.Path(scratch)
        addresses = addresses or [f"127.0.0.1:{port}" for port in free_ports(count)]
        self.peers = "".join(f'[[cluster.peer]]\nnode = {n + 1}\naddress = "{a}"\n' for n, a in enumerate(addresses))
        self.keyring = "" if plain else str(self.scratch / "keyring")
        if self.keyring and not os.path.exists(self.keyring):
            subprocess.run([self.pawl, "cluster", "init", "--keyring", self.keyring], check=True,
                           stdout=subprocess.DEVNULL)
        self.boxes = {}
        for n in range(1, count + 1):
            self.make_box(n, self.peers, wrap)

    def make_box(self, n, peers, wrap=None):
        place = self.scratch / f"box{n}"
        place.mkdir(exist_ok=True)
        config = place / "pawld.toml"
        config.write_text(f'schema = 1\n{self.extra}[cluster]\nnode = {n}\nkeyring = "{self.keyring}"\n{peers}')
        self.boxes[n] = Daemon(self.pawl, place, arguments=["--config", str(config)], wrap=wrap(n) if wrap else ())

    def add_box(self, n, through, *arguments):
        """`pawl cluster add` on one box, then the new one is set up as it says, and started."""
        address = f"127.0.0.1:{free_ports(1)[0]}"
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            answer = self.cli(through, "cluster", "add", "--box", str(n), "--address", address, *arguments)
            early = "being changed" in answer.stderr or "can't be changed yet" in answer.stderr
            if not early or time.monotonic() > deadline:
                break
            time.sleep(0.05)  # the change before is not done everywhere, or no box knows of all; any length will do
        assert answer.returncode == 0, answer
        assert f"node    = {n}" in answer.stdout and "founder = false" in answer.stdout, answer.stdout
        self.make_box(n, f'{self.peers}[[cluster.peer]]\nnode = {n}\naddress = "{address}"\nfounder = false\n')
        self.boxes[n].spawn()

    def cli(self, through, *arguments):
        return subprocess.run([self.pawl, *arguments, "--socket", self.boxes[through].socket], capture_output=True,
                              text=True, timeout=60)

    def wait_voters(self, n, voters):
        """Until box n sees exactly these voters, and no learner, in every group."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            seen = self.status(n)
            if seen and all(g["voters"] == voters and not g["learners"] and not g["changing"] for g in seen["groups"]):
                return
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- box {b}\n{d.log_end()}" for b, d in self.boxes.items())
                raise AssertionError(f"no voters {voters} after {SETTLE_SECONDS} s: {seen}\n{logs}")
            time.sleep(0.02)  # between two questions; nothing relies on its length

    def start(self):
        for box in self.boxes.values():
            box.spawn()
        self.wait_settled()

    def wait_settled(self, boxes=None):
        """Until these boxes (default: all) are ready and agree on who leads every group."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            seen = [self.status(n) for n in boxes or self.boxes]
            if all(s and s["ready"] for s in seen) and len({str(leaders(s)) for s in seen}) == 1:
                return leaders(seen[0])
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- box {n}\n{b.log_end()}" for n, b in self.boxes.items())
                raise AssertionError(f"no settled cluster after {SETTLE_SECONDS} s: {seen}\n{logs}")
            time.sleep(0.01)  # between two questions; nothing relies on its length

    def wait_linked(self):
        """Until every box sees every other one."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not all(s and all(row["linked"] for row in s["boxes"]) for s in map(self.status, self.boxes)):
            assert time.monotonic() < deadline, f"not all linked after {SETTLE_SECONDS} s"
            time.sleep(0.01)  # between two questions; nothing relies on its length

    def status(self, n):
        """GET /v1/cluster of a box; None if it does not answer."""
        try:
            client = self.boxes[n].client(timeout=5)
            answer = client.get("/v1/cluster")
            client.close()
            return answer.json if answer.status == 200 else None
        except (OSError, Exception):  # noqa: BLE001 - a box may be down at any moment
            return None

    def client(self, n, timeout=30):
        return self.boxes[n].client(timeout)

    def end(self):
        for box in self.boxes.values():
            if box.alive():
                box.kill()


def leaders(status):
    return {g["group"]: g["leader"] for g in status["groups"]}


def fleet_for(case, pawl=None, **options):
    """A fleet that runs until the test ends."""
    fleet = Fleet(pawl or case.pawl, suite.scratch_for(case), **options)
    case.addCleanup(fleet.end)
    fleet.start()
    return fleet
