"""A run's history over the API, and its state hash computed from it (docs/log-format.md)."""

import base64
import hashlib

from client import quote

PAGE = 500


def history(client, run, until=None, fields=None):
    """All events of a run, oldest first, up to sequence number `until`."""
    items, after = [], 0
    while True:
        target = f"/v1/runs/{quote(run)}/history?after={after}&limit={PAGE}"
        if fields:
            target += f"&fields={fields}"
        answer = client.get(target)
        if answer.status != 200:
            raise AssertionError(f"history of {run}: {answer}")
        page = answer.json["items"]
        items += [item for item in page if until is None or item["seq"] <= until]
        if not page or not answer.json.get("next_cursor") and len(page) < PAGE:
            return items
        if until is not None and page[-1]["seq"] >= until:
            return items
        after = page[-1]["seq"]


def chained_hash(items):
    """hash' = BLAKE2b-256(hash || the event's canonical bytes), from 32 zero bytes, in hexadecimal."""
    state = bytes(32)
    if items and items[0]["type"] in ("run.continued", "run.renewed"):
        state = bytes.fromhex(items[0]["before_hash"])
    for item in items:
        state = hashlib.blake2b(state + base64.b64decode(item["body"]), digest_size=32).digest()
    return state.hex()


def check_hash(client, run):
    """None, or what is wrong: the envelope's hash against the one its history gives at the same seq."""
    envelope = client.get(f"/v1/runs/{quote(run)}").json
    items = history(client, run, until=envelope["seq"], fields="body")
    if not items or items[-1]["seq"] != envelope["seq"]:
        return f"{run}: the history ends at {items[-1]['seq'] if items else 0}, the envelope is at {envelope['seq']}"
    computed = chained_hash(items)
    if computed != envelope["hash"]:
        return f"{run}: the envelope's hash at {envelope['seq']} is {envelope['hash']}, the history's {computed}"
    return None
