"""The real binary as a child process: started, killed with -9, started again on the same data."""

import os
import pathlib
import signal
import subprocess
import time

import suite
from client import Client, Unreachable

READY_SECONDS = 30


class Daemon:
    """`pawl serve --dev` on a data directory and a socket below `scratch`."""

    def __init__(self, pawl, scratch, data=None, arguments=(), environment=None, wrap=()):
        self.pawl = str(pathlib.Path(pawl).resolve())
        self.scratch = pathlib.Path(scratch)
        self.data = pathlib.Path(data) if data else self.scratch / "data"
        self.socket = str(self.scratch / "pawl.sock")
        self.log = self.scratch / "daemon.log"
        self.arguments = list(arguments)
        self.wrap = list(wrap)  # a command in front, as `ip netns exec NAME`
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.starts = 0

    def spawn(self):
        self.starts += 1
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrap, self.pawl, "serve", "--dev", "--data", str(self.data), "--socket", self.socket, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)

    def start(self):
        """Returns when /readyz says so; the seconds that took."""
        begun = time.monotonic()
        self.spawn()
        self.wait_ready()
        return time.monotonic() - begun

    def wait_ready(self):
        client = Client(self.socket, timeout=5)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log_end()}")
            try:
                if client.get("/readyz").status == 200:
                    client.close()
                    return
            except Unreachable:
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"not ready after {READY_SECONDS} s:\n{self.log_end()}")
            time.sleep(0.005)  # between two questions; nothing relies on its length

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=20):
        """A clean stop by SIGTERM; the exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.terminate()
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {seconds} s of SIGTERM:\n{self.log_end()}") from None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def client(self, timeout=30):
        return Client(self.socket, timeout)

    def log_end(self, lines=30):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def memory_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.alive():
            self.kill() if kind else self.stop()


def daemon_for(case, **options):
    """A daemon that runs until the test ends, or until that stops it."""
    daemon = Daemon(case.pawl, suite.scratch_for(case), **options)
    case.addCleanup(lambda: daemon.alive() and daemon.kill())
    daemon.start()
    return daemon
