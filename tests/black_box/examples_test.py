#!/usr/bin/env python3
"""The examples: `pawl check` accepts each, and their worker programs keep the contract without a daemon."""

import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import unittest

import suite

EXAMPLES = suite.ROOT / "configs" / "examples"
NAMES = ["order-fulfilment", "billing-retries", "deployment-rollout", "approval-flow", "data-import"]
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
        self.assertNotIn("never", answer.stdout.replace("ok   never", ""))

    def test_every_task_has_its_program(self):
        for name in NAMES:
            with self.subTest(name):
                text = (EXAMPLES / name / f"{name}.toml").read_text()
                wanted = {line.split('"')[1] for line in text.splitlines()
                          if line.startswith("task ") and "=" in line}
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


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Definitions.pawl = arguments.pawl
    suite.run([Definitions, Workers], arguments.only)
