"""Runs that carry a payload, and are forgotten soon after their end or kept for long: what fills a disk and makes room on it again."""

import base64
import os

DEFINITION = """
dsl = 1
name = "NAME"
start = "wait"
[input]
blob = "string"
[retention]
closed = "RETENTION"
[signal.go]
[state.wait]
on.go = { next = "end" }
"""


def deploy(client, short, long="30d"):
    """Workflows `short` and `long`, whose runs end with the signal `go`."""
    for name, retention in (("short", short), ("long", long)):
        client.deploy(name, DEFINITION.replace("NAME", name).replace("RETENTION", retention))


def start_and_end(client, workflow, run, blob_bytes):
    """The two answers; the payload can't be compressed below that many bytes."""
    blob = base64.b64encode(os.urandom(blob_bytes)).decode()
    started = client.post("/v1/runs", {"workflow": workflow, "id": run, "input": {"blob": blob}})
    return started, client.post(f"/v1/runs/{run}/signals/go", {})
