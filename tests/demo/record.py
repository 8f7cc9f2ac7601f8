"""What the demo's clients were told: every acknowledged start and signal, and whether it is still there."""

import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "black_box"))
from client import Unreachable, quote  # noqa: E402
from history import check_hash, history  # noqa: E402

ASK_AGAIN = {429, 503, 504}  # busy, no leader, outcome unknown: the same request with the same key
PATIENCE_SECONDS = 45


class Lost(Exception):
    """Something acknowledged is gone, or an answer makes no sense."""


class Record:
    """Shared by all clients; its lock is held for moments only."""

    def __init__(self):
        self.lock = threading.Lock()
        self.starts = {}    # run -> uid
        self.signals = {}   # run -> [dedupe id]
        self.closed = {}    # run -> status
        self.unanswered = 0  # requests sent, no answer yet
        self.asked_again = 0

    def snapshot(self):
        with self.lock:
            return dict(self.starts), {run: list(ids) for run, ids in self.signals.items()}

    def acknowledged(self):
        with self.lock:
            return len(self.starts) + sum(len(ids) for ids in self.signals.values())


class Actor:
    """One client of the demo: its own connection, requests repeated until they are answered."""

    def __init__(self, record, client):
        self.record = record
        self.client = client

    def insist(self, method, target, body=None, key=None):
        """The first answer that says something; the daemon may die meanwhile, more than once."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self.record.lock:
                self.record.unanswered += 1
            try:
                answer = self.client.request(method, target, body, key=key)
                if answer.status not in ASK_AGAIN:
                    return answer
            except Unreachable:
                pass
            finally:
                with self.record.lock:
                    self.record.unanswered -= 1
            if time.monotonic() > deadline:
                raise Lost(f"{method} {target}: no answer in {PATIENCE_SECONDS} s")
            with self.record.lock:
                self.record.asked_again += 1
            time.sleep(0.02)

    def start(self, run, workflow, value):
        body = {"workflow": workflow, "id": run, "input": value}
        answer = self.insist("POST", "/v1/runs", body, key=f"start-{run}")
        if answer.status not in (200, 201):
            raise Lost(f"start of {run}: {answer}")
        with self.record.lock:
            self.record.starts[run] = answer.json["uid"]

    def signal(self, run, name, payload=None, may_be_late=False):
        """True once it is acknowledged; False where it may be late and was refused."""
        with self.record.lock:
            dedupe = f"{run}/{name}/{len(self.record.signals.get(run, ())) + 1}"
        body = {"dedupe_id": dedupe}
        if payload is not None:
            body["payload"] = payload
        answer = self.insist("POST", f"/v1/runs/{quote(run)}/signals/{name}", body, key=dedupe)
        if answer.status == 409 and may_be_late:
            return False
        if answer.status != 200:
            raise Lost(f"signal {name} to {run}: {answer}")
        with self.record.lock:
            self.record.signals.setdefault(run, []).append(dedupe)
        return True

    def until(self, run, holds):
        """Looks at the run until it is as wanted, or closed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = self.insist("GET", f"/v1/runs/{quote(run)}")
            if answer.status != 200:
                raise Lost(f"look at {run}: {answer}")
            if holds(answer.json) or answer.json.get("closed_at"):
                return
            time.sleep(0.05)
        raise Lost(f"{run} did not become what it should in {PATIENCE_SECONDS} s")

    def wait(self, run, what, value):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = self.insist("GET", f"/v1/runs/{quote(run)}/await?{what}={value}&wait=5s")
            if answer.status != 200:
                raise Lost(f"await of {run}: {answer}")
            if answer.json["reached"]:
                return answer.json["run"]
            if answer.json["run"].get("closed_at"):
                raise Lost(f"{run} is {answer.json['run']['status']}, not in {what} {value}")
        raise Lost(f"{run} did not reach {what} {value} in {PATIENCE_SECONDS} s; it is in {answer.json['run']['state']}")

    def reach(self, run, state):
        self.wait(run, "state", state)

    def close(self, run, status):
        envelope = self.wait(run, "status", status)
        with self.record.lock:
            self.record.closed[run] = status
        return envelope


def check_acknowledged(client, starts, signals):
    """What of these acknowledgements is missing or there twice; an empty list is what we promise."""
    wrong = []
    for run, uid in starts.items():
        answer = client.get(f"/v1/runs/{quote(run)}")
        if answer.status != 200:
            wrong.append(f"the start of {run} is lost: {answer}")
            continue
        if answer.json["uid"] != uid:
            wrong.append(f"{run} was started twice: {uid} and {answer.json['uid']}")
        received = [item.get("dedupe_id") for item in history(client, run) if item["type"] == "signal.received"]
        for dedupe in signals.get(run, ()):
            if received.count(dedupe) != 1:
                wrong.append(f"the signal {dedupe} is there {received.count(dedupe)} times")
    return wrong


class Histories:
    """Counts over the whole histories of all runs, for the table and the last checks."""

    def __init__(self, client, runs):
        self.events = self.transitions = self.handouts = self.steps = self.failures = 0
        self.wrong = []
        self.completed = {}  # idempotency key -> state, of completed steps
        for run in runs:
            self.add(run, history(client, run))
            problem = check_hash(client, run)
            if problem:
                self.wrong.append(problem)

    def add(self, run, items):
        self.events += len(items)
        keys, done = {}, []
        for item in items:
            kind = item["type"]
            self.transitions += kind == "state.entered"
            self.handouts += kind == "task.started"
            self.failures += kind == "task.failed"
            if kind == "task.scheduled":
                keys[item["step"]] = (item["key"], item["state"])
                self.steps += 1
            elif kind == "task.completed":
                done.append(item["step"])
        if [item["seq"] for item in items] != list(range(1, len(items) + 1)):
            self.wrong.append(f"{run}: its events are not numbered 1, 2, 3 ...")
        for step in set(done):
            if done.count(step) != 1:
                self.wrong.append(f"{run}: step {step} completed {done.count(step)} times")
            key, state = keys[step]
            self.completed[key] = state
