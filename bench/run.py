#!/usr/bin/env python3
"""`./dev bench`: durable transitions beside this machine's own ceiling, in one run; figures, no pass or fail.

One transition is a signal of 200 bytes that moves its run to another state, from HTTP request to answer,
fdatasync included; each connection has its own run. The ceiling is a bare epoll server that appends the
same bodies and syncs. Both are loaded by the same generator, in turns, so that drift falls on both.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
from client import Client  # noqa: E402
from daemon import Daemon  # noqa: E402

WORKFLOW = """
dsl = 1
name = "bench"
start = "ping"
[signal.go]
[signal.go.payload]
text = "string"
[state.ping]
on.go = { next = "pong" }
[state.pong]
on.go = { next = "ping" }
[signal.stop]
[on.stop]
next = "over"
[state.over]
end = "completed"
"""
# 200 bytes, 64 of them random: what an application sends is neither constant nor noise.
TEXT = ("order {word}{word} of customer {word}: 3 of sku-{word}, 1 of sku-{word}; address {word} street {word}, 4th floor; "
        "paid by card, token {word}; gift wrapping: no; deliver in the morning")
TEXT += "." * (200 - len(TEXT.replace("{word}", "x" * 8)))
PAYLOAD = json.dumps({"payload": {"text": TEXT}})
TICKS = os.sysconf("SC_CLK_TCK")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.processor())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def file_system(path):
    answer = subprocess.run(["df", "--output=source,fstype", str(path)], capture_output=True, text=True)
    return " ".join(answer.stdout.splitlines()[-1].split())


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def written_bytes(pid):
    """What the process has had written to the disk, in whole pages."""
    return int(re.search(r"^write_bytes: (\d+)", pathlib.Path(f"/proc/{pid}/io").read_text(), re.M)[1])


class Ceiling:
    """The bare server; counts its own syncs, which it tells when it ends."""

    name = "ceiling"

    def __init__(self, build, scratch):
        self.socket = str(scratch / "ceiling.sock")
        self.process = subprocess.Popen([build / "bench" / "http_ceiling", "--socket", self.socket, "--file",
                                         scratch / "ceiling.data"], stdout=subprocess.PIPE, text=True)
        while not pathlib.Path(self.socket).exists():
            time.sleep(0.01)
        self.target = "/append"
        self.pid = self.process.pid

    def counters(self):
        return {}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate()[0])


class Pawl:
    name = "pawl"

    def __init__(self, build, scratch, clients):
        self.daemon = Daemon(build / "cli" / "pawl", scratch)
        self.daemon.start()
        self.socket = self.daemon.socket
        self.target = "/v1/runs/bench-{client}/signals/go"
        self.pid = self.daemon.process.pid
        self.client = Client(self.socket)
        answer = self.client.request("PUT", "/v1/workflows/bench", WORKFLOW.encode())
        if answer.status not in (200, 201):
            raise SystemExit(f"bench: deploy: {answer}")
        for number in range(clients):
            answer = self.client.post("/v1/runs", {"workflow": "bench", "id": f"bench-{number}", "input": {}})
            if answer.status != 201:
                raise SystemExit(f"bench: start: {answer}")

    def counters(self):
        """Batches on the disk, and bytes written to make room."""
        text = self.client.get("/metrics").data.decode()
        names = {"syncs": "pawl_disk_batches_total", "zeros": "pawl_journal_zero_fill_bytes_total"}
        return {key: int(re.search(rf"^{name}(?:\{{[^}}]*\}})? (\d+)", text, re.M)[1]) for key, name in names.items()}

    def stop(self):
        self.daemon.stop()


def load(build, server, clients, seconds):
    """One measured run: the generator's figures, with CPU, syncs and bytes on the disk an operation; the zeros apart."""
    cpu, before, written = cpu_seconds(server.pid), server.counters(), written_bytes(server.pid)
    answer = subprocess.run([build / "bench" / "http_load", "--socket", server.socket, "--clients", str(clients),
                             "--seconds", str(seconds), "--warmup", "1", "--method", "POST", "--target",
                             server.target, "--body", PAYLOAD], capture_output=True, text=True)
    if not answer.stdout:
        raise SystemExit(f"bench: http_load: {answer.stderr}")
    figures = json.loads(answer.stdout)
    if answer.stderr:
        print(answer.stderr.strip(), file=sys.stderr)
    sent = max(1, figures["sent"])
    figures["server"] = server.name
    figures["cpu_us"] = (cpu_seconds(server.pid) - cpu) * 1e6 / sent
    after = server.counters()
    figures["syncs"] = (after["syncs"] - before["syncs"]) / sent if after else None
    figures["zeros"] = (after["zeros"] - before["zeros"]) / sent if after else None
    figures["bytes"] = (written_bytes(server.pid) - written) / sent - (figures["zeros"] or 0)
    return figures


def median(rows, key):
    values = [row[key] for row in rows if row[key] is not None]
    return statistics.median(values) if values else None


def number(value, form):
    return format(value, form) if value is not None else "-"


def print_transitions(rows, counts):
    print(f"\n{'clients':>8} {'server':>8} {'ops/s':>9} {'p50 us':>7} {'p99 us':>7} {'CPU us':>7} {'syncs':>7} "
          f"{'bytes':>6} {'zeros':>6} {'share':>6}")
    for clients in counts:
        ceiling = median([r for r in rows if r["clients"] == clients and r["server"] == "ceiling"], "ops_per_s")
        for name in ("ceiling", "pawl"):
            chosen = [row for row in rows if row["clients"] == clients and row["server"] == name]
            ops = median(chosen, "ops_per_s")
            print(f"{clients:8} {name:>8} {ops:9.0f} {median(chosen, 'p50_us'):7.0f} {median(chosen, 'p99_us'):7.0f} "
                  f"{median(chosen, 'cpu_us'):7.1f} {number(median(chosen, 'syncs'), '7.3f'):>7} "
                  f"{median(chosen, 'bytes'):6.0f} {number(median(chosen, 'zeros'), '6.0f'):>6} {ops / ceiling:6.2f}")


def measure_start(build, scratch):
    """(milliseconds from exec to ready on an empty store, idle KiB), medians of five."""
    times, sizes = [], []
    for attempt in range(5):
        place = scratch / f"empty-{attempt}"
        place.mkdir()
        daemon = Daemon(build / "cli" / "pawl", place)
        times.append(daemon.start() * 1000)
        sizes.append(daemon.memory_kib())
        daemon.stop()
    return statistics.median(times), statistics.median(sizes)


def measure_recovery(pawl, clients):
    """(events, seconds from exec to ready) after kill -9 of the store that the load has filled."""
    events = sum(pawl.client.get(f"/v1/runs/bench-{number}").json["seq"] for number in range(clients))
    pawl.daemon.kill()
    return events, pawl.daemon.start()


def stripped_size(path):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, path], check=True)
        return os.path.getsize(stripped.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", default="build/bench", help="on the disk that is measured")
    parser.add_argument("--out", help="append the figures as lines of JSON")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    build = pathlib.Path(arguments.build)
    counts = [int(part) for part in arguments.clients.split(",")]
    scratch = pathlib.Path(arguments.scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)

    print(f"{machine()}; {file_system(scratch)}; {arguments.rounds} rounds of {arguments.seconds:g} s, medians")
    ready_ms, idle_kib = measure_start(build, scratch)
    ceiling, pawl = Ceiling(build, scratch), Pawl(build, scratch, max(counts))
    rows = []
    for _ in range(arguments.rounds):
        for clients in counts:
            for server in (ceiling, pawl):
                rows.append(load(build, server, clients, arguments.seconds))
    print_transitions(rows, counts)
    totals = ceiling.stop()
    events, seconds = measure_recovery(pawl, max(counts))
    pawl.stop()

    print(f"\nceiling: {totals['syncs'] / max(1, totals['requests']):.3f} syncs a request over the whole run")
    print(f"start to ready, empty: {ready_ms:.1f} ms; resident when idle: {idle_kib / 1024:.1f} MiB")
    print(f"recovery after kill -9: {events} events in {seconds * 1000:.0f} ms, {events / seconds:.0f} events/s")
    print(f"stripped binary: {stripped_size(build / 'cli' / 'pawl') / 2**20:.2f} MiB")
    if arguments.out:
        with open(arguments.out, "a", encoding="utf-8") as out:
            out.writelines(json.dumps({"machine": machine(), **row}) + "\n" for row in rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
