#!/usr/bin/env python3
"""`./dev demo`: five real workflows on one box that is killed with -9 on the way, and what came of it.

Starts the daemon in a scratch directory, deploys configs/examples, starts `pawl worker` for each,
plays some dozens of runs with eight clients, and kills the daemon several times while they are at it.
Every client asks again until it is answered, and writes down what was acknowledged. In the end that
record, the workers' ledger and the things they made are compared with the histories.
"""

import argparse
import os
import pathlib
import queue
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
sys.path.insert(0, str(ROOT / "tests" / "demo"))
from client import Client, Unreachable  # noqa: E402
from daemon import Daemon  # noqa: E402
from record import Actor, Histories, Lost, Record, check_acknowledged  # noqa: E402
import scenarios  # noqa: E402

EXAMPLES = pathlib.Path("configs/examples")
# queue -> (example, programs at once)
WORKERS = {"orders": ("order-fulfilment", 2), "billing": ("billing-retries", 2),
           "deploy": ("deployment-rollout", 2), "mail": ("approval-flow", 2), "import": ("data-import", 2)}
CLIENTS = 8
KILL_AT_SHARE = [0.25, 0.5, 0.75]  # of the scenarios' ends
WITHOUT_EFFECT = {"watch", "confirm"}  # states whose task only looks


class Stage:
    """The daemon, the workers and the flaky endpoint, and the end of all of them."""

    def __init__(self, pawl, scratch):
        self.scratch = scratch
        self.work = scratch / "work"
        self.daemon = Daemon(pawl, scratch)
        self.environment = {**os.environ, "PAWL_SOCKET": self.daemon.socket, "PAWL_EXAMPLE_DIR": str(self.work)}
        self.children = []

    def pawl(self, *arguments):
        answer = subprocess.run([self.daemon.pawl, *arguments], env=self.environment, capture_output=True, text=True)
        if answer.returncode != 0:
            raise Lost(f"pawl {' '.join(arguments)}: {answer.stdout}{answer.stderr}")

    def spawn(self, name, *command):
        with open(self.scratch / f"{name}.log", "wb") as log:
            self.children.append(subprocess.Popen([str(part) for part in command], env=self.environment,
                                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def set(self):
        self.work.mkdir(parents=True)
        stock = [f"{sku}={count}" for sku, count in scenarios.STOCK.items()]
        subprocess.run([str(EXAMPLES / "order-fulfilment" / "stock"), *stock], env=self.environment, check=True)
        self.spawn("endpoint", EXAMPLES / "billing-retries" / "endpoint")
        self.pawl("deploy", *(str(EXAMPLES / name / f"{name}.toml") for name, _ in WORKERS.values()))
        for name, (example, concurrency) in WORKERS.items():
            self.spawn(f"worker-{name}", self.daemon.pawl, "worker", "--queue", name, "--dir",
                       EXAMPLES / example / "workers", "--concurrency", str(concurrency), "--verbose")

    def strike(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self.daemon.alive():
            self.daemon.stop()


class Play:
    """The scenarios on their way through the clients' threads."""

    def __init__(self, record, socket):
        self.record = record
        self.left = queue.SimpleQueue()
        self.count = 0
        for scenario in scenarios.everything():
            self.left.put(scenario)
            self.count += 1
        self.ended = 0
        self.wrong = []
        self.threads = [threading.Thread(target=self.client, args=(socket,), daemon=True) for _ in range(CLIENTS)]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def client(self, socket):
        actor = Actor(self.record, Client(socket))
        while True:
            try:
                name, play = self.left.get_nowait()
            except queue.Empty:
                return
            try:
                play(actor)
            except Exception as error:  # a thread's end must be seen in the table
                self.wrong.append(f"{name}: {error}")
            with self.record.lock:
                self.ended += 1

    def done(self):
        return not any(thread.is_alive() for thread in self.threads)


class Kill:
    """One kill -9: what was under way at that moment, and how long it took to be ready again."""

    def __init__(self, stage, play, record):
        client = Client(stage.daemon.socket, timeout=5)
        try:
            queues = client.get("/v1/queues").json["items"]
            self.tasks = sum(item["in_flight"] for item in queues)
        except (Unreachable, KeyError, ValueError):
            self.tasks = 0
        self.starts, self.signals = record.snapshot()
        with record.lock:
            self.open = len(record.starts) - len(record.closed)
            self.unanswered = record.unanswered
        stage.daemon.kill()
        self.ready_ms = stage.daemon.start() * 1000
        client.close()
        # The clients are asking again while this looks for what they had been promised.
        self.wrong = check_acknowledged(Client(stage.daemon.socket), self.starts, self.signals)
        self.promised = len(self.starts) + sum(len(ids) for ids in self.signals.values())


def kill_on_the_way(stage, play, record, begun):
    kills = []
    for share in KILL_AT_SHARE:
        while play.ended < share * play.count and not play.done():
            if not stage.daemon.alive():
                raise Lost(f"the daemon died by itself:\n{stage.daemon.log_end()}")
            time.sleep(0.01)
        if play.done():
            break
        kill = Kill(stage, play, record)
        kills.append(kill)
        print(f"  {time.monotonic() - begun:5.1f} s  kill -9: {kill.open} runs open, {kill.tasks} tasks with workers, "
              f"{kill.unanswered} requests unanswered; ready again after {kill.ready_ms:.0f} ms", flush=True)
    for thread in play.threads:
        thread.join()
    return kills


def ledger(work):
    path = work / "ledger.tsv"
    return [line.split("\t")[0] for line in path.read_text().splitlines()] if path.exists() else []


def unicode_sum():
    """(rows, sum of the code points), computed here from the file and by nothing of the example's."""
    with open(scenarios.UNICODE_DATA, encoding="utf-8") as lines:
        codes = [int(line.split(";", 1)[0], 16) for line in lines]
    return len(codes), sum(codes)


def check_effects(work, counted):
    """What the workers did, looked at from outside."""
    wrong = []
    keys = ledger(work)
    wrong += [f"the effect of {key} was made {keys.count(key)} times" for key in sorted(set(keys)) if keys.count(key) > 1]
    wrong += [f"the step {key} ({state}) completed without its effect" for key, state in counted.completed.items()
              if state not in WITHOUT_EFFECT and key not in set(keys)]

    stock = sqlite3.connect(work / "stock.db")
    for sku, initial in scenarios.STOCK.items():
        left, = stock.execute("SELECT available FROM stock WHERE sku = ?", (sku,)).fetchone()
        taken, = stock.execute("SELECT coalesce(sum(quantity), 0) FROM reservation WHERE sku = ? AND NOT released",
                               (sku,)).fetchone()
        if left + taken != initial:
            wrong.append(f"of {initial} {sku}, {left} are left and {taken} are taken")
    sold = scenarios.ORDERS_PAID * 2 + scenarios.ORDERS_LARGE * 5
    if stock.execute("SELECT available FROM stock WHERE sku = 'tea'").fetchone() != (scenarios.STOCK["tea"] - sold,):
        wrong.append("the stock is not smaller by what was sold")

    invoices = [line.split("\t")[2] for line in (work / "charges.tsv").read_text().splitlines()]
    if len(invoices) != len(set(invoices)) or len(invoices) != scenarios.CHARGES + scenarios.CHARGES_DECLINED:
        wrong.append(f"{len(invoices)} charges for {len(set(invoices))} invoices")

    for service, target in scenarios.current_versions().items():
        for server in ("canary", "web-1", "web-2"):
            current = os.readlink(work / "servers" / server / service / "current")
            if current != target:
                wrong.append(f"{service} on {server} is {current}, not {target}")

    for number in range(1, scenarios.IMPORTS + 1):
        found = sqlite3.connect(work / f"unicode-{number}.db").execute(
            "SELECT count(*), sum(code) FROM character").fetchone()
        if found != unicode_sum():
            wrong.append(f"import-{number} has rows and sum {found}, the file {unicode_sum()}")
    return wrong


def table(rows):
    print()
    for name, value in rows:
        print(f"  {name:34} {value}")


def verdict(wrong):
    return "yes" if not wrong else f"NO: {len(wrong)}"


def show(record, play, kills, counted, wrong_lost, wrong_twice, seconds):
    closed = {}
    for status in record.closed.values():
        closed[status] = closed.get(status, 0) + 1
    endings = ", ".join(f"{count} {status}" for status, count in sorted(closed.items()))
    table([
        ("runs", f"{len(record.starts)} of 5 workflows ({endings})"),
        ("transitions", f"{counted.transitions} states entered, {counted.events} events"),
        ("tasks", f"{counted.steps} steps, {counted.handouts} handed out"),
        ("retries", f"{counted.handouts - counted.steps} by workers after {counted.failures} failed attempts, "
                    f"{record.asked_again} by clients"),
        ("kill -9", f"{len(kills)}, ready again after " + ", ".join(f"{kill.ready_ms:.0f} ms" for kill in kills)),
        ("in flight at the kills", f"{sum(k.open for k in kills)} runs, {sum(k.tasks for k in kills)} tasks, "
                                   f"{sum(k.unanswered for k in kills)} requests"),
        ("nothing acknowledged was lost", f"{verdict(wrong_lost)} ({record.acknowledged()} starts and signals, looked for "
                                          f"after every kill and at the end; {len(record.starts)} hashes recomputed)"),
        ("nothing was done twice", f"{verdict(wrong_twice)} ({counted.steps} steps against the workers' ledger, stock, "
                                   "charges, links and sums)"),
        ("time", f"{seconds:.1f} s"),
    ])
    for line in play.wrong + wrong_lost + wrong_twice:
        print(f"  WRONG: {line}")


def try_next(stage):
    print(f"""
Try next, in this terminal:

  {os.path.relpath(stage.daemon.pawl, ROOT)} serve --dev --data {stage.daemon.data} --socket {stage.daemon.socket} &
  export PAWL_SOCKET={stage.daemon.socket} PATH=$PWD/{os.path.relpath(os.path.dirname(stage.daemon.pawl), ROOT)}:$PATH
  pawl list                       # all of these runs are still there
  pawl show order-1
  pawl history order-1
  pawl start approval-flow --id mine --input '{{"title": "a chair", "cents": 25000, "approvers": ["ann"]}}'
  pawl queues

The examples and what to do with each: configs/examples/README.md""")


def perform(stage):
    print(f"starting a daemon, five workflows and their workers in {stage.scratch}", flush=True)
    stage.daemon.start()
    stage.set()
    record = Record()
    play = Play(record, stage.daemon.socket)
    begun = time.monotonic()
    play.begin()
    kills = kill_on_the_way(stage, play, record, begun)
    seconds = time.monotonic() - begun

    client = Client(stage.daemon.socket)
    wrong_lost = [line for kill in kills for line in kill.wrong] + check_acknowledged(client, *record.snapshot())
    counted = Histories(client, sorted(record.starts))
    wrong_lost += counted.wrong
    wrong_twice = check_effects(stage.work, counted)
    show(record, play, kills, counted, wrong_lost, wrong_twice, seconds)
    return not (play.wrong or wrong_lost or wrong_twice) and len(kills) == len(KILL_AT_SHARE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pawl", required=True, help="the binary")
    arguments = parser.parse_args()

    os.chdir(ROOT)  # a short path for the sockets, whose length is limited
    scratch = pathlib.Path("build/demo")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    stage = Stage(arguments.pawl, scratch)
    try:
        good = perform(stage)
    except (Lost, AssertionError, OSError, Unreachable) as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        good = False
    finally:
        stage.strike()
    if good:
        try_next(stage)
    else:
        print(f"\nThe logs are in {scratch}.", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
