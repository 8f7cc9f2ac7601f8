#!/usr/bin/env python3
"""kill -9 at random moments under eight clients and four workers; nothing acknowledged may be lost or doubled.

Every client starts runs, sends signals to them and asks again, with the same keys, until it is
answered; every worker completes tasks the same way. What was acknowledged is written down. After each
restart every run is read back: each acknowledged signal and completion has to be in it exactly once.
In the end each run's history is read too, and the hash in its envelope recomputed from it.
"""

import collections
import random
import sys
import tempfile
import threading
import time
import traceback

import suite
from client import Client, Unreachable, quote
from daemon import Daemon
from history import check_hash, history

ASK_AGAIN = {429, 503, 504}
PATIENCE_SECONDS = 60
WORKFLOW = """
dsl = 1
name = "storm"
start = "open"
[vars]
total = 0
seen = { type = "list", of = { type = "string" }, default = [] }
done = { type = "list", of = { type = "string" }, default = [] }
[signal.bump]
buffer = "1h"
[signal.bump.payload]
n = "int"
tag = "string"
[signal.work]
buffer = "1h"
[signal.work.payload]
n = "int"
tag = "string"
[signal.finish]
buffer = "1h"
[signal.finish.payload]
total = "int"
[retry.soon]
attempts = 1000
initial = "20ms"
max_interval = "200ms"

[state.open]
on.bump = { save.total = "= vars.total + signal.n", save.seen = "= vars.seen + [signal.tag]" }
on.work = { next = "working", save.total = "= vars.total + signal.n", save.seen = "= vars.seen + [signal.tag]" }
on.finish = [{ if = "signal.total == vars.total", next = "closed" }]  # offered again at every entry
[state.working]
task = "storm.work"
queue = "storm"
with = { run = "= run.id", total = "= vars.total" }
retry = "soon"
timeout = { attempt = "60s", heartbeat = "2s" }
on.bump = { save.total = "= vars.total + signal.n", save.seen = "= vars.seen + [signal.tag]" }
save.done = "= vars.done + [result.nonce]"
next = "open"
[state.closed]
end = "completed"
output = { total = "= vars.total" }
"""


class Run:
    """What the clients and workers were told about one run."""

    def __init__(self, uid):
        self.uid = uid
        self.seen = {}   # tag -> n, of acknowledged signals
        self.done = set()  # nonces of acknowledged completions
        self.closed = False


class Storm:
    def __init__(self, daemon, seed):
        self.daemon = daemon
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.runs = {}
        self.problems = []
        self.finishing = threading.Event()
        self.ending = threading.Event()
        self.counts = collections.Counter()
        self.survived = 0  # kills without a problem

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def insist(self, client, method, target, body=None, key=None):
        """The first answer that says something; the same request with the same key until then."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = client.request(method, target, body, key=key)
                if answer.status not in ASK_AGAIN:
                    return answer
            except Unreachable:
                pass
            with self.lock:
                self.counts["asked again"] += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {target}: no answer in {PATIENCE_SECONDS} s")
            time.sleep(0.01)

    def guarded(self, work, *arguments):
        try:
            work(*arguments)
        except Exception:
            self.problem(traceback.format_exc())

    # --- a client ---

    def client(self, number):
        client = Client(self.daemon.socket)
        choices = random.Random(self.random.random())
        count = 0
        while not self.finishing.is_set():
            count += 1
            self.one_run(client, f"storm-{number}-{count}", choices)

    def one_run(self, client, run, choices):
        answer = self.insist(client, "POST", "/v1/runs", {"workflow": "storm", "id": run, "input": {}}, f"start {run}")
        if answer.status != 201:
            raise AssertionError(f"start of {run}: {answer}")
        with self.lock:
            self.runs.setdefault(run, Run(None)).uid = answer.json["uid"]
            self.counts["starts"] += 1
        for number in range(choices.randint(5, 40)):
            name = "work" if choices.random() < 0.3 else "bump"
            self.signal(client, run, name, f"{run}.{number}", choices.randint(1, 9))
        total = sum(self.runs[run].seen.values())
        self.insist_200(client, "POST", f"/v1/runs/{run}/signals/finish", {"payload": {"total": total}}, f"finish {run}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.insist_200(client, "GET", f"/v1/runs/{run}/await?status=completed&wait=5s").json["reached"]:
            if time.monotonic() > deadline:
                raise AssertionError(f"{run} is not done in {PATIENCE_SECONDS} s: {client.get(f'/v1/runs/{run}')}")
        with self.lock:
            self.runs[run].closed = True

    def insist_200(self, client, *request):
        answer = self.insist(client, *request)
        if answer.status != 200:
            raise AssertionError(f"{request}: {answer}")
        return answer

    def signal(self, client, run, name, tag, number):
        body = {"payload": {"n": number, "tag": tag}, "dedupe_id": tag}
        self.insist_200(client, "POST", f"/v1/runs/{run}/signals/{name}", body, f"signal {tag}")
        with self.lock:
            self.runs[run].seen[tag] = number
            self.counts["signals"] += 1

    # --- a worker ---

    def worker(self, number):
        client = Client(self.daemon.socket)
        polls = 0
        while not self.ending.is_set():
            polls += 1
            answer = self.insist(client, "POST", "/v1/queues/storm/poll?wait=1s",
                                 {"worker": f"w{number}", "max": 4}, f"poll {number}.{polls}")
            if answer.status != 200:
                raise AssertionError(f"poll: {answer}")
            for task in answer.json["tasks"]:
                self.complete(client, task, f"{number}.{polls}.{task['attempt']}.{task['token'][-12:]}")

    def complete(self, client, task, nonce):
        answer = self.insist(client, "POST", f"/v1/tasks/{quote(task['token'])}/complete",
                             {"result": {"nonce": nonce}}, f"complete {nonce}")
        if answer.status == 200:
            with self.lock:
                self.runs_of(task).done.add(nonce)
                self.counts["completions"] += 1
        elif answer.status == 409:  # the lease was lost, and somebody else has it
            with self.lock:
                self.counts["completions refused"] += 1
        else:
            raise AssertionError(f"complete: {answer}")

    def runs_of(self, task):
        # A task can be handed out before its run's start has reached the client.
        return self.runs.setdefault(task["run"], Run(None))

    # --- what is checked ---

    def snapshot(self):
        with self.lock:
            return {name: (run.uid, dict(run.seen), set(run.done), run.closed) for name, run in self.runs.items()}

    def check(self, acknowledged):
        client = Client(self.daemon.socket)
        for name, (uid, seen, done, closed) in acknowledged.items():
            answer = self.insist(client, "GET", f"/v1/runs/{name}")
            if answer.status != 200:
                self.problem(f"{name} is lost: {answer}")
                continue
            envelope = answer.json
            tags, nonces = envelope["vars"]["seen"], envelope["vars"]["done"]
            if uid and envelope["uid"] != uid:
                self.problem(f"{name} is another run: {envelope['uid']} instead of {uid}")
            if closed and envelope["status"] != "completed":
                self.problem(f"{name} was completed and is {envelope['status']}")
            # A buffered signal is acknowledged, but not yet taken: a closed run has taken all.
            missing = [tag for tag in seen if tag not in tags] if closed else []
            missing += [nonce for nonce in done if nonce not in nonces]
            if missing or len(set(tags)) != len(tags) or len(set(nonces)) != len(nonces):
                self.problem(f"{name}: missing {missing}; seen {tags}; done {nonces}")
            if closed and envelope["vars"]["total"] != sum(seen.values()):
                self.problem(f"{name}: the total is {envelope['vars']['total']}, not {sum(seen.values())}")

    def check_received(self, acknowledged):
        """Signals of open runs too, taken or waiting, by the history's own events."""
        client = Client(self.daemon.socket)
        for name, (_, seen, _, closed) in acknowledged.items():
            if closed:
                continue
            try:
                received = collections.Counter(item.get("dedupe_id") for item in history(client, name)
                                               if item["type"] == "signal.received")
            except Unreachable:
                continue
            wrong = {tag: received[tag] for tag in seen if received[tag] != 1}
            if wrong:
                self.problem(f"{name}: acknowledged signals received so many times: {wrong}")

    def check_hashes(self, names):
        client = Client(self.daemon.socket)
        for name in names:
            wrong = check_hash(client, name)
            if wrong:
                self.problem(wrong)

    def kill_once(self):
        time.sleep(self.random.uniform(0.002, 0.4))  # the random moment
        if not self.daemon.alive():
            raise AssertionError(f"the daemon died by itself:\n{self.daemon.log_end()}")
        acknowledged = self.snapshot()
        self.daemon.kill()
        while self.random.random() < 0.15:  # and sometimes again, while it recovers
            self.daemon.spawn()
            time.sleep(self.random.uniform(0, 0.02))
            self.daemon.kill()
            self.counts["kills while recovering"] += 1
        self.daemon.start()
        self.check(acknowledged)
        self.check_received(acknowledged)
        open_runs = [name for name, (_, _, _, closed) in acknowledged.items() if not closed]
        self.check_hashes(open_runs)


def blow(storm, kills, clients, workers):
    """The storm itself; ends early at the first problem."""
    threads = [threading.Thread(target=storm.guarded, args=(storm.client, n), daemon=True) for n in range(clients)]
    hands = [threading.Thread(target=storm.guarded, args=(storm.worker, n), daemon=True) for n in range(workers)]
    for thread in threads + hands:
        thread.start()
    for number in range(kills):
        storm.kill_once()
        if storm.problems:
            print(f"after kill {number + 1} of {kills}:")
            break
        storm.survived += 1
    storm.finishing.set()
    for thread in threads:
        thread.join()
    storm.ending.set()
    for thread in hands:
        thread.join()


def main():
    arguments = suite.arguments_with(lambda parser: (
        parser.add_argument("--kills", type=int, default=200),
        parser.add_argument("--clients", type=int, default=8),
        parser.add_argument("--workers", type=int, default=4),
        parser.add_argument("--seed", type=int, default=None)))
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"repeat with: tests/black_box/storm_test.py --kills {arguments.kills} --seed {seed}")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch, Daemon(arguments.pawl, scratch) as daemon:
        storm = Storm(daemon, seed)
        answer = daemon.client().request("PUT", "/v1/workflows/storm", WORKFLOW.encode(),
                                         headers={"Content-Type": "application/toml"})
        if answer.status != 201:
            storm.problem(f"deploy: {answer}")
        else:
            storm.guarded(blow, storm, arguments.kills, arguments.clients, arguments.workers)
            passed += storm.survived
            for name, check in (("everything acknowledged", lambda: storm.check(storm.snapshot())),
                                ("every hash", lambda: storm.check_hashes(sorted(storm.runs))),
                                ("everything after a clean stop", lambda: (daemon.stop(), daemon.start(),
                                                                           storm.check(storm.snapshot())))):
                before = len(storm.problems)
                storm.guarded(check)
                if len(storm.problems) == before:
                    passed += 1
                else:
                    print(f"not there at the end: {name}")
        print(", ".join(f"{count} {name}" for name, count in sorted(storm.counts.items())), f", {daemon.starts} starts")
        for problem in storm.problems[:20]:
            print(problem)
        failed = len(storm.problems)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
