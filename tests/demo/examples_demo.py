#!/usr/bin/env python3
"""`./dev demo --examples`: the tests of all examples, played in virtual time, and one of them live.

The one is partial-shipment: orders of which some lines are not in stock or break on the way, or whose card is declined. The
daemon is killed with -9 among them. In the end shelves, till and parcels are looked at from outside: what was not sent was
paid back and put back, everything once."""

import argparse
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "black_box"))
sys.path.insert(0, str(ROOT / "tests" / "demo"))
from client import Unreachable  # noqa: E402
from demo import Stage  # noqa: E402
from record import Lost  # noqa: E402

EXAMPLES = pathlib.Path("configs/examples")
EXAMPLE = EXAMPLES / "partial-shipment"
SHELVES = {"tea": 40, "kettle": 0, "fragile-cup": 40}
ORDERS = 12
WAIT_SECONDS = 40


def order_of(number):
    """What is ordered, and what is to come of it: the run's status, and the cents that stay in the till."""
    lines = [{"sku": "tea", "quantity": 2, "cents": 500}, {"sku": "kettle", "quantity": 1, "cents": 4000}]
    if number % 3 == 1:
        lines.append({"sku": "fragile-cup", "quantity": 4, "cents": 300})  # breaks: paid back by itself
    if number % 3 == 2:
        return [{"sku": "tea", "quantity": 1, "cents": 200_000}], "failed", 0  # more than any card has
    return lines, "completed", 1000


class Play:
    def __init__(self, stage):
        self.stage = stage
        self.expected = {}

    def play_tests(self):
        begun = time.monotonic()
        done = subprocess.run([self.stage.daemon.pawl, "test", str(EXAMPLES)], capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        for line in lines:
            if line.endswith(".test.toml"):
                print(f"  {line}")
        print(f"  {lines[-1] if lines else done.stderr} in {time.monotonic() - begun:.1f} s: days of waiting, no daemon", flush=True)
        if done.returncode != 0:
            raise Lost(done.stdout + done.stderr)

    def begin(self):
        self.stage.daemon.start()
        self.stage.work.mkdir(parents=True)
        shelves = [f"{sku}={count}" for sku, count in SHELVES.items()]
        subprocess.run([str(EXAMPLE / "shelves"), *shelves], env=self.stage.environment, check=True)
        self.stage.pawl("deploy", str(EXAMPLE / "partial-shipment.toml"))
        self.stage.spawn("worker", self.stage.daemon.pawl, "worker", "--queue", "shipment", "--dir", EXAMPLE / "workers",
                         "--concurrency", "3")

    def start(self, number):
        run = f"order-{number}"
        lines, status, cents = order_of(number)
        self.expected[run] = (status, cents)
        self.stage.pawl("start", "partial-shipment", "--id", run, "--key", run,
                        "--input", json.dumps({"order": run, "lines": lines}))

    def closed(self):
        try:
            runs = self.stage.daemon.client(5).get("/v1/runs?limit=500").json["items"]
        except Unreachable:
            return {}
        return {run["id"]: run["status"] for run in runs if run["status"] in ("completed", "failed")}

    def wait_closed(self, count):
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self.closed()) < count:
            if time.monotonic() > deadline:
                raise Lost(f"{len(self.closed())} of {count} orders came to an end")
            time.sleep(0.02)  # between two questions; nothing relies on its length
        return self.closed()

    def kill(self):
        closed = len(self.closed())
        self.stage.daemon.kill()
        ready = self.stage.daemon.start() * 1000
        print(f"  kill -9: {closed} of {ORDERS} orders closed, {ORDERS - closed} under way; ready again after {ready:.0f} ms",
              flush=True)


def check(stage, expected, closed):
    """What is wrong with the shop, looked at from outside."""
    wrong = [f"{run} is {closed.get(run)}, not {status}" for run, (status, _) in expected.items() if closed.get(run) != status]
    shop = sqlite3.connect(stage.work / "shop.db")
    one = lambda query, *values: shop.execute(query, values).fetchone()[0]
    for run, (_, cents) in expected.items():
        left = one("SELECT coalesce(sum(cents), 0) FROM charge WHERE order_id = ?", run) - one(
            "SELECT coalesce(sum(cents), 0) FROM refund WHERE charge IN (SELECT id FROM charge WHERE order_id = ?)", run)
        if left != cents:
            wrong.append(f"the till has {left} cents of {run}, not {cents}")
    for sku, initial in SHELVES.items():
        sent = one("SELECT coalesce(sum(quantity), 0) FROM parcel WHERE sku = ? AND NOT recalled", sku)
        left = one("SELECT available FROM shelf WHERE sku = ?", sku)
        if left + sent != initial:
            wrong.append(f"of {initial} {sku} {left} are left and {sent} were sent")
    return wrong


def perform(stage):
    play = Play(stage)
    print("the tests of all examples", flush=True)
    play.play_tests()
    print(f"\npartial-shipment, live: {ORDERS} orders in {stage.scratch}", flush=True)
    play.begin()
    for number in range(ORDERS):
        play.start(number)
    for share in (1, ORDERS // 2):
        play.wait_closed(share)
        play.kill()
    closed = play.wait_closed(ORDERS)
    shown = subprocess.run([stage.daemon.pawl, "show", "order-1"], env=stage.environment, capture_output=True, text=True, check=True)
    print("\n  $ pawl show order-1\n" + "".join(f"  {line}\n" for line in shown.stdout.splitlines()))
    wrong = check(stage, play.expected, closed)
    endings = sorted(closed.values())
    print(f"  {ORDERS} orders: {endings.count('completed')} shipped as far as they could be, {endings.count('failed')} taken back; "
          f"shelves, till and parcels agree: {'yes' if not wrong else 'NO'}")
    for line in wrong:
        print(f"  WRONG: {line}")
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pawl", required=True, help="the binary")
    arguments = parser.parse_args()
    os.chdir(ROOT)  # a short path for the sockets, whose length is limited
    scratch = pathlib.Path("build/demo-examples")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    stage = Stage(arguments.pawl, scratch)
    good = False
    try:
        good = perform(stage)
    except (Lost, AssertionError, OSError, Unreachable, subprocess.CalledProcessError) as error:
        print(f"the demo failed: {error}", file=sys.stderr)
    finally:
        stage.strike()
    if not good:
        print(f"\nThe logs are in {scratch}.", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
