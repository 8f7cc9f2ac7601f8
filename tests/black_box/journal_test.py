#!/usr/bin/env python3
"""The journal from outside: `pawl journal`, and a second reader that knows docs/log-format.md alone, must agree with each
other and with the API, over a store with real work in it, kills and snapshots; and both must find damage."""

import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import unittest

import suite
from client import Unreachable, quote
from daemon import Daemon
from history import history
from journal_reader import Damaged, Journal, dictionaries_in, read_snapshot

SEGMENT_BYTES = 65536
WORKFLOWS = {
    "values": """
dsl = 1
name = "values"
start = "wait"
[history]
max_events = 25
[input]
text = "string"
number = "int"
real = "number"
list = { type = "list", of = { type = "string" }, default = [] }
[vars]
seen = { type = "list", of = { type = "int" }, default = [] }
when = { type = "timestamp", default = "2026-01-02T03:04:05.678Z" }
long = { type = "duration", default = "90m" }
[signal.add]
[signal.add.payload]
n = "int"
[signal.go]
buffer = "1h"
[state.wait]
on.add = { save.seen = "= vars.seen + [signal.n]" }
on.go = { next = "done" }
after = [{ in = "1h", next = "late" }]
[state.late]
end = "failed"
error = { type = "too.late", message = "nobody came" }
[state.done]
end = "completed"
output = { text = "= input.text + '!'", number = "= input.number * 1000000007", real = "= input.real / 3.0", seen = "= vars.seen", map = { a = 1, b = [true, false] } }
""",
    "tasks": """
dsl = 1
name = "tasks"
start = "one"
[history]
max_events = 10
[signal.note]
buffer = "1h"
[retry.twice]
attempts = 2
initial = "10ms"
[state.one]
task = "work"
queue = "work"
with = { run = "= run.id" }
retry = "twice"
timeout = { attempt = "60s", heartbeat = "20s" }
next = "nap"
[state.nap]
sleep = "1ms"
next = "two"
[state.two]
on.note = { next = "done" }
[state.done]
end = "completed"
""",
}


def run(pawl, *arguments):
    done = subprocess.run([pawl, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def digest_of(directory):
    state = hashlib.sha256()
    for path in sorted(pathlib.Path(directory).iterdir()):
        state.update(f"{path.name} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
    return state.hexdigest()


class Store:
    """A daemon with small segments, and work for it."""

    def __init__(self, pawl, scratch):
        config = pathlib.Path(scratch) / "pawld.toml"
        config.write_text(f"schema = 1\n[journal]\nsegment_bytes = {SEGMENT_BYTES}\n")
        self.daemon = Daemon(pawl, scratch, arguments=["--config", str(config)])
        self.daemon.start()
        for name, text in WORKFLOWS.items():
            answer = self.daemon.client().request("PUT", f"/v1/workflows/{name}", text.encode())
            assert answer.status == 201, answer.data
        self.runs = self.rounds = 0

    def work(self, count, text_bytes=200):
        """Starts runs and takes them to different ends, with everything that leaves events."""
        client = self.daemon.client()
        for _ in range(count):
            number = self.runs = self.runs + 1
            sample = {"text": f"é{number} " + "x" * text_bytes, "number": number * 7, "real": number / 7,
                      "list": ["a", "b" * (number % 5)]}
            started = client.post("/v1/runs", {"workflow": "values", "id": f"run/{number}", "input": sample,
                                               "tags": {"n": str(number)}}, key=f"start-{number}")
            assert started.status == 201, started
            path = f"/v1/runs/{quote(f'run/{number}')}"
            for n in range(number % 4):
                assert client.post(path + "/signals/add", {"payload": {"n": n}}).status == 200
            if number % 5 == 0:
                assert client.post(path + "/pause", {"reason": "look"}).status == 200
                assert client.post(path + "/resume", {}).status == 200
            if number % 3:
                assert client.post(path + "/signals/go", {}).status == 200
            elif number % 2:
                assert client.post(path + "/terminate", {"reason": "enough"}).status == 200
            self.task(client, number)

    def task(self, client, number):
        path = f"/v1/runs/task-{number}"
        started = client.post("/v1/runs", {"workflow": "tasks", "id": f"task-{number}"})
        assert started.status == 201, started
        assert client.post(path + "/signals/note", {}).status == 200
        if number % 7 == 0:
            assert client.post(path + "/cancel", {"reason": "not now"}).status == 200
            return
        for attempt in (1, 2):
            tasks = client.post("/v1/queues/work/poll?wait=5s", {"worker": "w", "max": 1}).json["tasks"]
            assert tasks, f"task-{number} is not handed out"
            token = tasks[0]["token"]
            if number % 4 == 0 or number % 2 and attempt == 1:
                error = {"type": "card.refused", "message": "no", "data": {"attempt": attempt}}
                assert client.post(f"/v1/tasks/{token}/fail", error).status == 200
            else:
                assert client.post(f"/v1/tasks/{token}/complete", {"result": {"sum": 1.5}}).status == 200
                return
        assert client.get(path + "/await?status=running&wait=0s").status == 200
        if number % 8 == 0:
            assert client.post(path + "/retry", {"reason": "again"}).status == 200
            token = client.post("/v1/queues/work/poll?wait=5s", {"worker": "w", "max": 1}).json["tasks"][0]["token"]
            assert client.post(f"/v1/tasks/{token}/heartbeat", {"details": {"at": 1}}).status == 200
            assert client.post(f"/v1/tasks/{token}/complete", {"result": None}).status == 200

    def batches(self):
        """A verb on many runs that takes, one that is refused, and one that is stopped."""
        client = self.daemon.client()
        for number, body in ((1, {"verb": "signal", "args": {"signal": "add", "payload": {"n": 5}}, "reason": "more",
                                  "filter": {"id_prefix": "run/", "started_after": "2020-01-01T00:00:00Z"}}),
                             (2, {"verb": "move", "args": {"from": "x", "to": "y", "vars": {"a": 1}},
                                  "filter": {"workflow": "values", "tags": {"n": "2"}}}),
                             (3, {"verb": "terminate", "rate": 1, "filter": {"workflow": "tasks"}})):
            answer = client.post("/v1/batches", body)
            assert (answer.status, answer.json["batch"]) == (201, number), answer
        assert client.request("DELETE", "/v1/batches/3", {"reason": "no"}).status == 200
        while any(batch["status"] in ("running", "stopping") for batch in client.get("/v1/batches").json["items"]):
            pass

    def namespaces(self):
        client = self.daemon.client()
        assert client.request("PUT", "/v1/namespaces/gone", {"max_runs": 0, "reason": "no"}).status == 201
        assert client.request("PUT", "/v1/namespaces/kept", {"max_payload_bytes": 1 << 40, "starts_per_second": 7}).status == 201
        assert client.request("DELETE", "/v1/namespaces/gone").status == 200

    def subscriptions(self):
        client = self.daemon.client()
        assert client.request("PUT", "/v1/subscriptions/out", {"max_lag": "90s"}).status == 201
        assert client.request("PUT", "/v1/subscriptions/gone", {"after": "oldest"}).status == 201
        lines = client.request("GET", "/v1/events?subscription=gone").data.decode().splitlines()
        assert client.post("/v1/subscriptions/gone/ack", json.loads(lines[-1])).status == 200
        for name in ("out", "gone"):  # they would hold the journal
            assert client.request("DELETE", f"/v1/subscriptions/{name}").status == 200

    def many_signals(self, count):
        """Small entries by several clients at once: what a dictionary is trained from."""
        self.rounds += 1

        def send(number, round=self.rounds):
            client = self.daemon.client()
            name = f"many-{round}-{number}"
            started = client.post("/v1/runs", {"workflow": "values", "id": name, "input": {"text": "many", "number": number, "real": 1}})
            assert started.status == 201, started
            for n in range(count):
                assert client.post(f"/v1/runs/{name}/signals/add", {"payload": {"n": n}}).status == 200
        threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def kill_under_load(self):
        """kill -9 while clients are at work, and a start on what is left."""
        stop = threading.Event()

        def signal_on():
            client, n = self.daemon.client(), 0
            while not stop.is_set():
                try:
                    client.post(f"/v1/runs/{quote('run/3')}/signals/add", {"payload": {"n": n}})
                    n += 1
                    if n == 40:
                        stop.set()
                except Unreachable:
                    return
        threads = [threading.Thread(target=signal_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        stop.wait(30)
        self.daemon.kill()
        for thread in threads:
            thread.join()
        self.daemon.start()


def read_all(client):
    """Every run's envelope and history, by uid."""
    found = {}
    for item in client.items("/v1/runs"):
        envelope = client.get(f"/v1/runs/{quote(item['id'])}").json
        found[envelope["uid"]] = (envelope, history(client, item["id"]))
    return found


class Agreement(unittest.TestCase):
    pawl = None

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="pawl-journal-")
        cls.store = Store(cls.pawl, cls.scratch.name)
        cls.store.work(24)
        cls.store.many_signals(160)
        cls.store.batches()
        cls.store.subscriptions()
        cls.store.namespaces()
        for _ in range(3):
            cls.store.kill_under_load()
            cls.store.work(6)
        cls.store.work(40, text_bytes=12_000)  # a clean stop takes snapshots once there is 1 MiB
        cls.store.daemon.stop()
        cls.store.daemon.start()
        cls.store.work(30, text_bytes=12_000)
        cls.store.work(10)
        cls.data = str(cls.store.daemon.data)
        # A pass over deleted data drops what a dictionary was to be made of, and whole segments with theirs. It may begin at any
        # moment, but once a minute.
        for _ in range(10):
            cls.store.many_signals(40)
            client = cls.store.daemon.client()
            cls.api, before = read_all(client), None
            while cls.api != before:  # a run may still be continuing as new
                cls.api, before = read_all(client), cls.api
            cls.store.daemon.kill()
            if dictionaries_in(cls.data) > 0:
                break
            cls.store.daemon.start()
            cls.store.many_signals(160)
        else:
            raise AssertionError("no segment begins with a dictionary, whatever is written")
        cls.before = digest_of(cls.data)
        cls.journal = Journal(cls.data)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def tearDown(self):
        self.assertEqual(digest_of(self.data), self.before, "the tools change nothing")

    def test_the_second_reader_agrees_with_dump(self):
        status, out, err = run(self.pawl, "journal", "dump", self.data)
        self.assertEqual((status, err), (0, ""))
        lines = out.splitlines()
        self.assertEqual(len(lines), len(self.journal.entries))
        kinds = set()
        for line, entry in zip(lines, self.journal.entries):
            self.assertEqual(json.loads(line), entry.json())
            kinds |= {event["type"] for event, _ in entry.events}
        self.assertGreaterEqual(len(kinds), 19, sorted(kinds))
        self.assertIn("run.continued", kinds)
        print(f"agreed on {len(lines)} entries with {len(kinds)} kinds of events, "
              f"{self.journal.compressed} of {self.journal.frames} frames compressed, {self.journal.dictionaries} dictionaries")
        self.assertGreater(self.journal.compressed, 0)
        self.assertGreater(self.journal.dictionaries, 0)

    def test_the_second_reader_agrees_with_the_api(self):
        runs = self.journal.runs()
        self.assertEqual(set(runs), set(self.api))
        for uid, (envelope, items) in self.api.items():
            with self.subTest(run=envelope["id"]):
                self.assertEqual(runs[uid].id, envelope["id"])
                self.assertEqual(len(runs[uid].events), envelope["seq"])
                self.assertEqual(runs[uid].hash.hex(), envelope["hash"])
                self.assertEqual(runs[uid].events, items)
        print(f"agreed on {len(runs)} runs with {sum(len(run.events) for run in runs.values())} events")

    def test_the_second_reader_agrees_with_inspect(self):
        status, out, err = run(self.pawl, "journal", "inspect", "--data", self.data, "--json")
        self.assertEqual((status, err), (0, ""))
        seen = json.loads(out)
        self.assertEqual(seen["store"], self.journal.store.hex())
        self.assertEqual(seen["oldest_segment"], self.journal.oldest)
        self.assertEqual(seen["torn_bytes"], self.journal.torn_bytes)
        keys = ("segment", "file_bytes", "used_bytes", "feature_level", "recycled")
        self.assertEqual([{key: segment[key] for key in keys} for segment in seen["segments"]],
                         [{key: segment[key] for key in keys} for segment in self.journal.segments])
        self.assertGreaterEqual(len(seen["segments"]), 5)
        for group in seen["groups"]:
            self.assertEqual(self.journal.states.get(group["group"]), (group["term"], group["vote"]))
            entries = [entry for entry in self.journal.entries if entry.group == group["group"]]
            self.assertEqual(len(entries), group["entries"])
            self.assertEqual(max(entry.index for entry in entries), group["last"])
        self.assertGreaterEqual(len(seen["snapshots"]), 1)
        for snapshot in seen["snapshots"]:
            read = read_snapshot(pathlib.Path(self.data) / snapshot["file"])
            self.assertTrue(snapshot["whole"])
            self.assertEqual((read["group"], read["index"], read["term"], len(read["contents"]), read["store"]),
                             (snapshot["group"], snapshot["index"], snapshot["term"], snapshot["bytes"], self.journal.store))
        self.assertEqual(seen["findings"], [])
        status, out, _ = run(self.pawl, "journal", "inspect", self.data)
        self.assertEqual(status, 0)
        self.assertIn(seen["segments"][0]["file"], out)

    def test_verify_recomputes_the_hashes(self):
        status, out, err = run(self.pawl, "journal", "verify", self.data, "--json")
        self.assertEqual((status, err), (0, ""))
        seen = json.loads(out)
        runs = self.journal.runs()
        self.assertEqual(seen["runs"], len(runs))
        self.assertEqual(seen["events"], sum(len(one.events) for one in runs.values()))
        self.assertEqual(seen["entries_headless"], 0)
        self.assertGreater(seen["runs_compared"], 50)
        self.assertEqual(seen["damages"], 0)

    def test_dump_filters(self):
        entries = [entry.json() for entry in self.journal.entries]
        uid, (envelope, _) = next((uid, run) for uid, run in self.api.items() if run[0]["seq"] > 4)
        group = int(uid.split("-")[0], 16)
        for arguments, wanted in (
                (["--group", str(group)], lambda entry: entry["group"] == group),
                (["--run", uid], lambda entry: entry.get("run") == uid),
                (["--run", envelope["id"]], lambda entry: entry.get("run") == uid),
                (["--group", "0", "--from", "2", "--to", "4"], lambda entry: entry["group"] == 0 and 2 <= entry["index"] <= 4)):
            with self.subTest(arguments=arguments):
                status, out, err = run(self.pawl, "journal", "dump", "--data", self.data, *arguments)
                self.assertEqual((status, err), (0, ""))
                expected = [entry for entry in entries if wanted(entry)]
                self.assertGreater(len(expected), 0)
                self.assertEqual([json.loads(line) for line in out.splitlines()], expected)

    def test_refusals(self):
        empty = pathlib.Path(self.scratch.name) / "empty"
        empty.mkdir()
        for arguments, expected in (
                (["verify", str(empty)], 3), (["verify", str(empty / "no")], 3), (["frob", self.data], 2),
                (["inspect", self.data, "--group", "1"], 2), (["dump", self.data, "--group", "x"], 2),
                (["verify", self.data, "--data", self.data], 2)):
            with self.subTest(arguments=arguments):
                status, out, err = run(self.pawl, "journal", *arguments)
                self.assertEqual((status, out), (expected, ""), err)
                self.assertIn("pawl: ", err)
        empty.rmdir()

    # --- damage ---

    def copy(self):
        target = pathlib.Path(self.scratch.name) / "copy"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.data, target)
        self.addCleanup(shutil.rmtree, target, True)
        return target

    def check_found(self, data, name):
        """Both readers find it, in that file, and the daemon's own tools say where and what to do."""
        status, out, err = run(self.pawl, "journal", "verify", str(data), "--json")
        seen = json.loads(out)
        self.assertEqual(status, 1, out)
        self.assertIn("hint: ", err)
        first = seen["findings"][0]
        self.assertEqual(pathlib.Path(first["file"]).name, name)
        self.assertGreater(len(first["remedy"]), 20)
        return seen

    def test_flipped_bytes_are_found_by_both(self):
        chance = random.Random(5)
        data = self.copy()
        for segment in self.journal.segments[:-1]:
            path = data / f"{segment['segment']:016x}.seg"
            whole = path.read_bytes()
            for _ in range(2):
                at = chance.randrange(segment["used_bytes"])
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1:])
                with self.subTest(file=path.name, byte=at):
                    seen = self.check_found(data, path.name)
                    self.assertLessEqual(seen["findings"][0]["offset"], at)
                    with self.assertRaises(Damaged) as found:
                        Journal(data)
                    self.assertEqual(pathlib.Path(found.exception.file).name, path.name)
                path.write_bytes(whole)

    def test_all_damage_is_listed_at_once(self):
        data = self.copy()
        for segment in self.journal.segments[1:4]:
            path = data / f"{segment['segment']:016x}.seg"
            whole = bytearray(path.read_bytes())
            whole[segment["used_bytes"] // 2] ^= 4
            path.write_bytes(whole)
        snapshot = sorted(data.glob("*.snap"))[0]
        whole = bytearray(snapshot.read_bytes())
        whole[100] ^= 1
        snapshot.write_bytes(whole)
        seen = self.check_found(data, f"{self.journal.segments[1]['segment']:016x}.seg")
        files = {pathlib.Path(finding["file"]).name for finding in seen["findings"]}
        wanted = {f"{segment['segment']:016x}.seg" for segment in self.journal.segments[1:4]} | {snapshot.name}
        self.assertLessEqual(wanted, files)  # and where a run's lost events are missed
        status, out, _ = run(self.pawl, "journal", "verify", str(data))
        self.assertEqual(status, 1)
        for name in files:
            self.assertIn(name, out)
        with self.assertRaises(Damaged):
            read_snapshot(snapshot)

    def test_missing_files_are_found(self):
        for gone in (self.journal.segments[0], self.journal.segments[3]):
            data = self.copy()
            (data / f"{gone['segment']:016x}.seg").unlink()
            self.check_found(data, f"{gone['segment']:016x}.seg")
            with self.assertRaises(Damaged):
                Journal(data)
        data = self.copy()
        (data / "store").unlink()
        self.check_found(data, "store")

    def test_a_torn_tail_is_no_damage(self):
        data = self.copy()
        last = self.journal.segments[-1]
        path = data / f"{last['segment']:016x}.seg"
        whole = bytearray(path.read_bytes())
        whole[last["used_bytes"]:last["used_bytes"] + 40] = b"PwrF" + b"half written frame, never synced ...."
        path.write_bytes(whole)
        status, out, _ = run(self.pawl, "journal", "verify", str(data), "--json")
        self.assertEqual(status, 0, out)
        self.assertGreaterEqual(json.loads(out)["torn_bytes"], 40)
        self.assertEqual(Journal(data).torn_bytes, json.loads(out)["torn_bytes"])


class BesideADaemon(unittest.TestCase):
    pawl = None

    def test_a_running_daemon_is_looked_at(self):
        with tempfile.TemporaryDirectory(prefix="pawl-journal-") as scratch:
            store = Store(self.pawl, scratch)
            self.addCleanup(store.daemon.kill)
            store.work(3)
            stop = threading.Event()
            done = [0, 0, 0]

            def write(place):
                client, n = store.daemon.client(), 0
                while not stop.is_set():
                    sample = {"text": "x" * 3000, "number": n, "real": 0.5}
                    assert client.post("/v1/runs", {"workflow": "values", "input": sample}).status == 201
                    n += 1
                    done[place] = n
            threads = [threading.Thread(target=write, args=(place,)) for place in range(len(done))]
            for thread in threads:
                thread.start()
            try:
                look = 0
                while look < 8 or sum(done) <= 50:
                    look += 1
                    self.assertLess(look, 300, f"{sum(done)} runs were started meanwhile")
                    for verb in ("verify", "inspect", "dump"):
                        status, out, err = run(self.pawl, "journal", verb, str(store.daemon.data), "--json")
                        self.assertEqual(status, 0, f"{verb} {look}: {err} {out[-2000:] if verb != 'dump' else ''}")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(store.daemon.stop(), 0)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    for case in (Agreement, BesideADaemon):
        case.pawl = arguments.pawl
    suite.run([Agreement, BesideADaemon], arguments.only)
