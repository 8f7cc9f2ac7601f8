"""One daemon with one run, `r`, of one workflow: what tests of its generations begin with."""

import unittest

from daemon import daemon_for
from history import chained_hash, history


class OneRun(unittest.TestCase):
    pawl = None
    workflow = ""  # its name
    text = ""

    def setUp(self):
        self.daemon = daemon_for(self)
        self.client = self.daemon.client()
        self.client.deploy(self.workflow, self.text)
        self.assertEqual(self.client.post("/v1/runs", {"workflow": self.workflow, "id": "r"}).status, 201)

    def restart(self):
        """By kill -9."""
        self.daemon.kill()
        self.daemon.start()
        self.client = self.daemon.client()

    def envelope(self):
        return self.client.get("/v1/runs/r").json

    def poll(self):
        return self.client.post("/v1/queues/q/poll?wait=5s", {"worker": "w", "max": 1}).json["tasks"][0]

    def check_hashes(self):
        """The run's history has every event, and is what the run says of it."""
        run = self.envelope()
        items = history(self.client, "r", fields="body")
        self.assertEqual([item["seq"] for item in items], list(range(1, run["seq"] + 1)))
        self.assertEqual(chained_hash(items), run["hash"])
