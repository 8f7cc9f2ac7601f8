#!/usr/bin/env python3
"""The examples: `pawl check` accepts each, and their worker programs keep the contract without a daemon."""

import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import time
import unittest

import suite
from daemon import Daemon

EXAMPLES = suite.ROOT / "configs" / "examples"
NAMES = ["order-fulfilment", "billing-retries", "deployment-rollout", "approval-flow", "data-import",
         "dunning", "batched-rollout", "chunked-import", "partial-shipment", "singleton-job"]
UNICODE_DATA = "/usr/share/unicode/UnicodeData.txt"


class Definitions(unittest.TestCase):
    pawl = ""

    def test_pawl_check_accepts_them_without_a_warning(self):
        for name in NAMES:
            with self.subTest(name):
                answer = subprocess.run([self.pawl, "check", str(EXAMPLES / name / f"{name}.toml")],
                                        capture_output=True, text=True)
                output = answer.stdout + answer.stderr
                self.assertEqual(answer.returncode, 0, output)
                self.assertNotIn("warning:", output)

    def test_their_tests_pass_and_take_every_transition(self):
        answer = subprocess.run([self.pawl, "test", "--coverage", str(EXAMPLES)], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertEqual(answer.stdout.count(".test.toml\n"), len(NAMES))
        self.assertNotIn("\n  never ", answer.stdout)

    def test_they_are_laid_out_as_pawl_fmt_writes_them(self):
        files = [str(path) for path in sorted(EXAMPLES.glob("*/*.toml"))]
        self.assertEqual(len(files), 2 * len(NAMES))
        answer = subprocess.run([self.pawl, "fmt", "--check", *files], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_every_task_has_its_program(self):
        for name in NAMES:
            with self.subTest(name):
                text = (EXAMPLES / name / f"{name}.toml").read_text()
                wanted = set(re.findall(r'\btask\s*=\s*"([^"]+)"', text))
                present = {path.name for path in (EXAMPLES / name / "workers").iterdir()}
                self.assertEqual(wanted, present)
                for path in (EXAMPLES / name / "workers").iterdir():
                    self.assertTrue(os.access(path, os.X_OK), path)


class Workers(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.scratch = pathlib.Path(self.directory.name)
        self.environment = {**os.environ, "PAWL_EXAMPLE_DIR": str(self.scratch)}
        self.addCleanup(self.directory.cleanup)

    def step(self, program, value, key):
        """(exit status, what it printed as JSON) of one hand-out."""
        answer = subprocess.run([str(EXAMPLES / program)], input=json.dumps(value), capture_output=True,
                                text=True, env={**self.environment, "PAWL_IDEMPOTENCY_KEY": key, "PAWL_RUN": "r-1"})
        self.assertTrue(answer.stdout.strip() or answer.returncode == 75, answer.stderr)
        return answer.returncode, json.loads(answer.stdout) if answer.stdout.strip() else None

    def ledger(self):
        path = self.scratch / "ledger.tsv"
        return [line.split("\t")[0] for line in path.read_text().splitlines()] if path.exists() else []

    def test_an_order_is_reserved_once_and_released(self):
        subprocess.run([str(EXAMPLES / "order-fulfilment/stock"), "tea=10"], check=True, env=self.environment)
        reserve = "order-fulfilment/workers/inventory.reserve"
        order = {"order": "o-1", "sku": "tea", "quantity": 4}
        for _ in range(3):
            self.assertEqual(self.step(reserve, order, "k1"), (0, {"reservation": "o-1/tea"}))
        (self.scratch / "effects" / "k1").unlink()  # as if the program had died before it kept its result
        self.assertEqual(self.step(reserve, order, "k1")[0], 0)
        stock = sqlite3.connect(self.scratch / "stock.db")
        self.assertEqual(stock.execute("SELECT available FROM stock").fetchone(), (6,))
        status, error = self.step(reserve, {"order": "o-2", "sku": "tea", "quantity": 7}, "k2")
        self.assertEqual((status, error["type"]), (1, "stock.out"))
        release = "order-fulfilment/workers/inventory.release"
        self.step(release, {"order": "o-1"}, "k3")
        self.step(release, {"order": "o-1"}, "k4")
        self.assertEqual(stock.execute("SELECT available FROM stock").fetchone(), (10,))

    def test_a_name_that_leaves_the_directory_is_refused(self):
        status, error = self.step("order-fulfilment/workers/order.pack",
                                  {"order": "../../x", "sku": "a", "quantity": 1}, "k1")
        self.assertEqual((status, error["type"]), (1, "example.name"))

    def test_an_endpoint_that_fails_charges_once(self):
        with subprocess.Popen([str(EXAMPLES / "billing-retries/endpoint")], env=self.environment) as endpoint:
            try:
                deadline = time.monotonic() + 10
                while not (self.scratch / "billing.sock").exists() and time.monotonic() < deadline:
                    time.sleep(0.01)
                charge = "billing-retries/workers/billing.charge"
                order = {"invoice": "i-1", "cents": 500, "card": "good"}
                attempts = [self.step(charge, order, "k1") for _ in range(3)]
                self.assertEqual([status for status, _ in attempts], [1, 1, 0], attempts)
                self.assertEqual(attempts[0][1]["type"], "billing.unavailable")
                self.assertEqual(attempts[1][1]["type"], "billing.unreachable")
                self.assertEqual(attempts[2][1], {"charge": "ch-1"})
                declined = self.step(charge, {**order, "card": "declined-1"}, "k2")
                self.assertEqual(declined[1]["type"], "card.declined")
                self.assertEqual(len((self.scratch / "charges.tsv").read_text().splitlines()), 1)
            finally:
                endpoint.terminate()

    def test_a_release_is_switched_and_switched_back(self):
        stage, switch, check = (f"deployment-rollout/workers/deploy.{part}" for part in ("stage", "switch", "check"))
        for version, healthy in (("1.0", True), ("1.1", False)):
            release = {"service": "shop", "version": version}
            self.assertEqual(self.step(stage, {**release, "healthy": healthy}, f"s{version}")[0], 0)
            self.assertEqual(self.step(switch, {**release, "servers": "all"}, f"w{version}")[0], 0)
            status, answer = self.step(check, {**release, "servers": "all"}, f"c{version}")
            self.assertEqual(status, 0 if healthy else 1, answer)
        current = lambda server: os.readlink(self.scratch / "servers" / server / "shop" / "current")
        for key in ("back", "again"):
            self.step(switch, {"service": "shop", "version": "1.1", "servers": "back"}, key)
            self.assertEqual([current(server) for server in ("canary", "web-1", "web-2")], ["releases/1.0"] * 3)

    def test_going_back_leaves_servers_alone_that_were_not_switched(self):
        stage, switch = (f"deployment-rollout/workers/deploy.{part}" for part in ("stage", "switch"))
        for version, servers in (("1.0", "all"), ("1.1", "canary")):
            self.step(stage, {"service": "shop", "version": version, "healthy": True}, f"s{version}")
            self.step(switch, {"service": "shop", "version": version, "servers": servers}, f"w{version}")
        self.step(switch, {"service": "shop", "version": "1.1", "servers": "back"}, "back")
        for server in ("canary", "web-1", "web-2"):
            self.assertEqual(os.readlink(self.scratch / "servers" / server / "shop" / "current"), "releases/1.0")

    def test_a_message_is_delivered_once(self):
        for _ in range(2):
            self.step("approval-flow/workers/mail.send", {"to": "ann", "subject": "hello", "level": 0}, "k1")
        self.assertEqual(len(list((self.scratch / "mail/ann/new").iterdir())), 1)
        self.assertEqual(self.ledger(), ["k1"])

    def test_a_table_is_loaded_in_chunks_and_verified(self):
        lines = pathlib.Path(UNICODE_DATA).read_text().splitlines(keepends=True)[:300]
        source = self.scratch / "table.txt"
        source.write_text("".join(lines) + "rubbish;line\n")
        base = {"file": str(source), "database": "t"}
        _, prepared = self.step("data-import/workers/import.prepare", base, "p")
        self.assertEqual(prepared["rows"], 301)
        chunk = "data-import/workers/import.chunk"
        read = rejected = 0
        for key, first in (("a", 0), ("b", 200), ("b again", 200)):
            status, answer = self.step(chunk, {**base, "first": first, "count": 200}, key)
            self.assertEqual(status, 0)
            if "again" not in key:
                read, rejected = read + answer["read"], rejected + answer["rejected"]
        self.assertEqual((read, rejected), (301, 1))
        verify = "data-import/workers/import.verify"
        _, answer = self.step(verify, {**base, "sha256": prepared["sha256"]}, "v")
        self.assertEqual(answer, {"rows": 300, "sum": sum(int(line.split(";")[0], 16) for line in lines)})
        sqlite3.connect(self.scratch / "t.db", isolation_level=None).execute("DELETE FROM character WHERE line = 7")
        status, answer = self.step(verify, {**base, "sha256": prepared["sha256"]}, "v2")
        self.assertEqual((status, answer["type"]), (1, "import.mismatch"))

    def test_a_card_is_charged_once_and_reminded_of_by_letter(self):
        subprocess.run([str(EXAMPLES / "dunning/cards"), "good=5000"], check=True, env=self.environment)
        charge = "dunning/workers/card.charge"
        order = {"invoice": "i-1", "card": "good", "cents": 2000}
        for _ in range(3):
            self.assertEqual(self.step(charge, order, "k1"), (0, {"charge": "k1"}))
        (self.scratch / "effects" / "k1").unlink()  # as if the program had died before it kept its result
        self.assertEqual(self.step(charge, order, "k1"), (0, {"charge": "k1"}))
        cards = sqlite3.connect(self.scratch / "cards.db")
        self.assertEqual(cards.execute("SELECT cents FROM card").fetchone(), (3000,))
        for card, cents in (("good", 3001), ("unknown", 1)):
            status, error = self.step(charge, {"invoice": "i-2", "card": card, "cents": cents}, "k2")
            self.assertEqual((status, error["type"]), (1, "card.declined"))
        for key in ("k3", "k4"):
            self.step("dunning/workers/mail.send",
                      {"to": "customer", "about": "card.declined", "invoice": "i-2", "time": 1}, key)
        self.assertEqual([path.name for path in (self.scratch / "letters/customer").iterdir()],
                         ["i-2-1-card.declined.txt"])

    def test_a_box_gets_back_what_it_had_before_the_run(self):
        install, restore, health = (f"batched-rollout/workers/box.{part}" for part in ("install", "restore", "health"))
        for box in ("b1", "b2", "b3"):
            (self.scratch / "boxes" / box).mkdir(parents=True)
        release = lambda box: (self.scratch / "boxes" / box / "release")
        release("b1").write_text("1.9\n")
        release("b3").write_text("1.8\n")
        self.assertEqual(self.step(health, {"box": "b2"}, "h0"), (0, {"healthy": False}))
        for box in ("b1", "b2"):
            for key in ("first", "again"):  # another key: nothing of the first attempt is remembered
                self.assertEqual(self.step(install, {"box": box, "release": "2.0"}, f"{key}-{box}")[0], 0)
            self.assertEqual(release(box).read_text(), "2.0\n")
        self.assertEqual(self.step(health, {"box": "b1"}, "h1"), (0, {"healthy": True}))
        (self.scratch / "boxes/b1/sick").touch()
        self.assertEqual(self.step(health, {"box": "b1"}, "h2"), (0, {"healthy": False}))
        for key in ("back", "again"):
            for box in ("b1", "b2", "b3"):  # of b3 the run has not come to anything
                self.assertEqual(self.step(restore, {"box": box}, f"{key}-r-{box}")[0], 0)
            self.assertEqual(release("b1").read_text(), "1.9\n")
            self.assertFalse(release("b2").exists())
            self.assertEqual(release("b3").read_text(), "1.8\n")
        status, error = self.step(install, {"box": "b4", "release": "2.0"}, "k9")
        self.assertEqual((status, error["type"]), (1, "box.unknown"))

    def test_chunks_are_loaded_once_or_put_aside(self):
        source = self.scratch / "numbers"
        source.mkdir()
        (source / "a").write_text("1\n2\n3\n")
        (source / "b").write_text("4\nfive\n")
        self.assertEqual(self.step("chunked-import/workers/import.list", {"source": "numbers"}, "l"),
                         (0, {"chunks": ["a", "b"]}))
        load = "chunked-import/workers/import.load"
        for key in ("k1", "k2"):
            self.assertEqual(self.step(load, {"source": "numbers", "chunk": "a", "number": 0}, key), (0, {"rows": 3}))
        status, error = self.step(load, {"source": "numbers", "chunk": "b", "number": 1}, "k3")
        self.assertEqual((status, error["type"]), (1, "import.malformed"))
        numbers = sqlite3.connect(self.scratch / "numbers.db")
        self.assertEqual(numbers.execute("SELECT count(*), sum(value) FROM number").fetchone(), (3, 6))
        letter = {"source": "numbers", "chunk": "b", "why": error["type"]}
        self.assertEqual(self.step("chunked-import/workers/import.dead_letter", letter, "k4")[0], 0)
        letters = self.scratch / "dead-letters/numbers"
        self.assertEqual((letters / "b").read_text(), "4\nfive\n")
        self.assertEqual((letters / "b.why").read_text(), "import.malformed\n")
        self.assertEqual(self.step("chunked-import/workers/import.list", {"source": "none"}, "n")[1]["type"],
                         "import.source")

    def test_an_order_is_shipped_paid_back_and_undone_once(self):
        subprocess.run([str(EXAMPLES / "partial-shipment/shelves"), "tea=10"], check=True, env=self.environment)
        worker = lambda name, value, key: self.step(f"partial-shipment/workers/{name}", value, key)

        def twice(name, value, key):
            first = worker(name, value, key)
            self.assertEqual(first[0], 0, first)
            (self.scratch / "effects" / key).unlink()  # it died before it kept its result
            self.assertEqual(worker(name, value, key), first)

        twice("stock.reserve", {"sku": "tea", "quantity": 4}, "k1")
        self.assertEqual(worker("stock.reserve", {"sku": "tea", "quantity": 7}, "k2")[1]["type"], "stock.out")
        twice("card.charge", {"order": "o-1", "cents": 5000}, "k3")
        self.assertEqual(worker("card.charge", {"order": "o-1", "cents": 100_001}, "k4")[1]["type"], "card.declined")
        twice("parcel.send", {"sku": "tea", "quantity": 4}, "k5")
        self.assertEqual(worker("parcel.send", {"sku": "fragile-cup", "quantity": 1}, "k6")[1]["type"],
                         "parcel.damaged")
        twice("card.refund", {"charge": "k3", "sku": "tea", "cents": 1500}, "k7")
        twice("card.refund", {"charge": "k3"}, "k8")  # what is left of it
        self.assertEqual(worker("card.refund", {"charge": "none"}, "k9")[1]["type"], "refund.unknown")
        twice("parcel.recall", {"tracking": "k5"}, "k10")
        self.assertEqual(worker("stock.release", {"sku": "tea", "id": "k1"}, "k11"), (0, {"released": 1}))
        self.assertEqual(worker("stock.release", {"sku": "tea", "id": "k1"}, "k12"), (0, {"released": 0}))
        shop = sqlite3.connect(self.scratch / "shop.db")
        self.assertEqual(shop.execute("SELECT available FROM shelf").fetchall(), [(10,)])
        self.assertEqual(shop.execute("SELECT cents FROM refund ORDER BY cents").fetchall(), [(1500,), (3500,)])
        self.assertEqual(shop.execute("SELECT quantity, recalled FROM parcel").fetchall(), [(4, 1)])


class Whole(unittest.TestCase):
    """Whole runs on a daemon, with the programs of their workers."""
    pawl = ""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = pathlib.Path(directory.name)
        self.work = self.scratch / "work"
        self.work.mkdir()
        self.daemon = Daemon(self.pawl, self.scratch)
        self.daemon.start()
        self.addCleanup(self.daemon.stop)
        self.environment = {**os.environ, "PAWL_SOCKET": self.daemon.socket, "PAWL_EXAMPLE_DIR": str(self.work)}

    def call(self, *command, status=0):
        answer = subprocess.run([str(part) for part in command], env=self.environment, capture_output=True, text=True,
                                timeout=60)
        self.assertEqual(answer.returncode, status, f"{command}: {answer.stdout}{answer.stderr}")
        return answer.stdout

    def begin(self, name, queue):
        self.call(self.pawl, "deploy", EXAMPLES / name / f"{name}.toml")
        log = open(self.scratch / "worker.log", "wb")
        self.addCleanup(log.close)
        worker = subprocess.Popen([self.pawl, "worker", "--queue", queue, "--dir", EXAMPLES / name / "workers",
                                   "--concurrency", "4"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log)
        self.addCleanup(worker.wait, 15)
        self.addCleanup(worker.terminate)

    def run_to_end(self, name, run, value, status=0):
        """What the run is in the end; `status` is that of `pawl start --wait`."""
        self.call(self.pawl, "start", name, "--id", run, "--wait", "--input", json.dumps(value), status=status)
        return json.loads(self.call(self.pawl, "show", run, "--json"))

    def test_a_card_is_replaced_and_charged(self):
        self.call(EXAMPLES / "dunning/cards", "empty=0", "good=5000")
        self.begin("dunning", "dunning")
        self.call(self.pawl, "start", "dunning", "--id", "i-1", "--input",
                  json.dumps({"invoice": "i-1", "card": "empty", "cents": 1999}))
        self.call(self.pawl, "await", "i-1", "--state", "patience")
        self.call(self.pawl, "signal", "i-1", "new_card", json.dumps({"card": "good"}))
        self.call(self.pawl, "await", "i-1", "--status", "closed")
        run = json.loads(self.call(self.pawl, "show", "i-1", "--json"))
        self.assertEqual((run["status"], run["output"]), ("completed", {"tries": 2}))
        self.assertEqual(len(list((self.work / "letters/customer").iterdir())), 1)
        self.assertIn("the same", self.call(self.pawl, "replay", "i-1"))

    def test_all_chunks_but_one_are_imported(self):
        source = self.work / "numbers"
        source.mkdir()
        for chunk in range(20):
            (source / f"part-{chunk:02}").write_text("".join(f"{100 * chunk + line}\n" for line in range(100)))
        (source / "part-99").write_text("rubbish\n")
        self.begin("chunked-import", "chunks")
        run = self.run_to_end("chunked-import", "numbers", {"source": "numbers"})
        self.assertEqual(run["output"], {"rows": 2000, "chunks": 21, "bad": ["part-99"]})
        numbers = sqlite3.connect(self.work / "numbers.db")
        self.assertEqual(numbers.execute("SELECT count(*), sum(value) FROM number").fetchone(), (2000, 1999000))
        self.assertEqual((self.work / "dead-letters/numbers/part-99.why").read_text(), "import.malformed\n")
        self.assertIn("the same", self.call(self.pawl, "replay", "numbers"))

    def test_an_order_is_shipped_as_far_as_it_can_be(self):
        self.call(EXAMPLES / "partial-shipment/shelves", "tea=10", "kettle=0", "fragile-cup=4")
        self.begin("partial-shipment", "shipment")
        run = self.run_to_end("partial-shipment", "o-1", {"order": "o-1", "lines": [
            {"sku": "tea", "quantity": 2, "cents": 500}, {"sku": "kettle", "quantity": 1, "cents": 4000},
            {"sku": "fragile-cup", "quantity": 4, "cents": 300}]})
        self.assertEqual((len(run["output"]["sent"]), run["output"]["missing"]), (1, ["kettle", "fragile-cup"]))
        shop = sqlite3.connect(self.work / "shop.db")
        shelves = lambda: dict(shop.execute("SELECT sku, available FROM shelf").fetchall())
        self.assertEqual(shelves(), {"tea": 8, "kettle": 0, "fragile-cup": 4})
        self.assertEqual(shop.execute("SELECT cents FROM charge").fetchall(), [(2200,)])
        self.assertEqual(shop.execute("SELECT cents FROM refund").fetchall(), [(1200,)])
        run = self.run_to_end("partial-shipment", "o-2", {"order": "o-2", "lines": [
            {"sku": "tea", "quantity": 1, "cents": 200000}]}, status=1)
        self.assertEqual(run["error"]["type"], "order.taken_back")
        self.assertEqual(shelves()["tea"], 8)
        self.assertIn("the same", self.call(self.pawl, "replay", "o-2"))


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Definitions.pawl = Whole.pawl = arguments.pawl
    suite.run([Definitions, Workers, Whole], arguments.only)
