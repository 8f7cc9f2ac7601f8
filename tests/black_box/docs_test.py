#!/usr/bin/env python3
"""Every ```toml block of README.md and docs/ is what it says it is: `pawl` itself takes it. None is passed over.

What a block is follows from its keys at the root:

  dsl                a whole definition: `pawl check` takes it as it stands
  schema             a configuration of the daemon: it starts with it (or `pawl config check`, where there is one)
  test, a list       tests of a definition. If the page has the definition (blocks named "# NAME.toml" and
                     "# NAME.test.toml") they pass; else they are read beside one that has the names they use
  test, a table      a part of one test: the same, within a test
  keys of a state    a part of a state: within one, of a definition with the names it uses
  anything else      a part of a definition: with `dsl`, `name`, a state, and the names it uses

So a part may use states, signals, flows, policies and variables that it does not have; a whole definition may not.
"""

import json
import pathlib
import re
import subprocess
import time
import tomllib
import unittest

import suite
from client import Client, Unreachable
from fenced import ROOT, Block, blocks, blocks_of

STATE_KEYS = {"task", "sleep", "choose", "set", "raise", "end", "flow", "parallel", "map", "call", "send", "compensate",
              "continue", "queue", "with", "key", "retry", "timeout", "priority", "undo", "save", "next", "join", "as",
              "do", "concurrency", "batch", "tolerate", "keep", "id", "wait", "on_close", "on", "after", "every", "catch",
              "forget", "moves", "doc", "output", "error"}
ROOT_TABLES = ("task", "flow", "id")  # keys that are tables at the root, and none in a state
VERBS = {"task", "sleep", "choose", "raise", "end", "flow", "parallel", "map", "call", "send", "compensate", "continue"}
FILE_NAME = re.compile(r"# ([\w.-]+)\.toml(?:[: ]|\n)")
READY_SECONDS = 30


def pages():
    """README.md and what is below docs/, but for the decisions: those tell of their day, and stay as they were."""
    decisions = ROOT / "docs" / "decisions"
    return [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if decisions not in page.parents)]


def tables(value):
    """`value` and all tables within it, those of lists too."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tables(inner)


def texts(value):
    """All strings within `value`."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def under(tree, key, kind):
    """What stands under `key` anywhere in `tree`, if it is of this kind; each once, in order."""
    found = [table[key] for table in tables(tree) if isinstance(table.get(key), kind)]
    return list(dict.fromkeys(found)) if kind is str else found


def quoted(name):
    return json.dumps(name)


def states_lacking(machine):
    """States that a machine goes to and does not have; its flows are machines of their own."""
    own = {key: value for key, value in machine.items() if key != "flow"}
    wanted = under(own, "next", str) + [name for moves in under(own, "moves", list) for name in moves]
    wanted += [machine[key] for key in ("start", "on_error", "on_timeout", "on_cancel") if isinstance(machine.get(key), str)]
    return [name for name in dict.fromkeys(wanted) if name != "end" and name not in machine.get("state", {})]


def names_lacking(tree):
    """The tables, as TOML, that declare what `tree` uses and does not have."""
    flows = tree.get("flow", {}) if isinstance(tree.get("flow"), dict) else {}
    lines = []
    for name in states_lacking(tree):
        lines += [f"[state.{quoted(name)}]", 'end = "completed"']
    for flow, machine in flows.items():
        for name in states_lacking(machine):
            lines += [f"[flow.{quoted(flow)}.state.{quoted(name)}]", 'sleep = "1s"', 'next = "end"']
    for flow in under(tree, "flow", str):
        if flow not in flows:
            lines += [f"[flow.{quoted(flow)}.state.only]", 'sleep = "1s"', 'next = "end"']
    signals = [name for handlers in under(tree, "on", dict) for name in handlers]
    for name in dict.fromkeys(signals):
        if name not in tree.get("signal", {}):
            lines.append(f"[signal.{quoted(name)}]")
    for name in under(tree, "retry", str):
        if name != "default" and name not in (tree["retry"] if isinstance(tree.get("retry"), dict) else {}):
            lines += [f"[retry.{quoted(name)}]", "attempts = 3"]
    return lines + variables_lacking(tree)


def variables_lacking(tree):
    known = [name for key in ("set", "save", "vars") for table in under(tree, key, dict) for name in table]
    used = dict.fromkeys(name for text in texts(tree) for name in re.findall(r"\bvars\.(\w+)", text))
    lacking = [name for name in used if name not in known]
    if not lacking or "vars" in tree:
        return []  # a page that has [vars] has all of them
    return ["[vars]", *(f'{name} = "any"' for name in lacking)]


def is_state(tree):
    """Whether all keys are those of a state, and are used as there: a root's `timeout` is no table, its `retry` one of tables."""
    retry = tree.get("retry")
    of_root = (any(isinstance(tree.get(key), dict) for key in ROOT_TABLES) or isinstance(tree.get("timeout"), str) or
               isinstance(retry, dict) and all(isinstance(policy, dict) for policy in retry.values()))
    return set(tree) <= STATE_KEYS and not of_root


def whole_of_state(text, tree):
    """A definition whose first state is this part of one."""
    lines = ["dsl = 1", 'name = "part"', 'start = "here"', "[state.here]"]
    if not VERBS & set(tree) and "catch" in tree:
        lines += ['task = "work"', 'timeout.total = "1m"']  # something that may fail
    if (VERBS & set(tree) or "catch" in tree) and not {"next", "choose", "raise", "end"} & set(tree):
        lines.append('next = "end"')
    inner = "\n".join([*lines, text])
    return "\n".join([inner, *names_lacking(tomllib.loads(inner))])


def whole_of_part(text, tree):
    """A definition with this part of one: what a definition has to have, and is not there, is added."""
    lines = [f"{key} = {value}" for key, value in (("dsl", "1"), ("name", '"part"')) if key not in tree]
    states = list(tree.get("state", {})) if isinstance(tree.get("state"), dict) else []
    if "start" not in tree:
        lines.append(f"start = {quoted((states or ['begin'])[0])}")
    inner = "\n".join([*lines, text])
    return "\n".join([inner, *names_lacking(tomllib.loads(inner))])


def definition_for(tests):
    """A definition with the tasks, calls, signals and states that tests name."""
    answers = [table for table in under(tests, "task", dict)]
    types = dict.fromkeys(name for answer in answers for name in answer)
    told = [f"call = {quoted(name)}" for table in under(tests, "call", dict) for name in table]
    told += [f"send = {{ to = \"someone\", signal = {quoted(name)} }}" for table in under(tests, "send", dict) for name in table]
    signals = under(tests, "signal", str)
    expected = under(tests, "expect", dict)
    states = [name for table in expected for key in ("path", "visits") for name in table.get(key, ())]
    states += [table["state"] for table in expected if "state" in table] + under(tests, "move", str) + under(tests, "from", str)
    states = [name for name in dict.fromkeys(states) if name != "begin"]
    lines = ["dsl = 1", 'name = "part"', 'start = "begin"', "[signal.\"go\"]", "[state.begin]", "on.go = ["]
    lines += [f'  {{ if = "signal == {index}", next = {quoted(name)} }},' for index, name in enumerate(states)]
    lines += [f'  {{ if = "signal == {-1 - index}", next = "task_{index}" }},' for index in range(len(types))]
    lines += [f'  {{ if = "signal == \'{index}\'", next = "told_{index}" }},' for index in range(len(told))]
    lines += ['  { next = "end" },', "]"]
    for name in states:
        lines += [f"[state.{quoted(name)}]", 'end = "failed"']
    lines += [f"[signal.{quoted(name)}]" for name in signals if name != "go"]
    for index, name in enumerate(types):
        lines += [f"[state.task_{index}]", f"task = {quoted(name)}", 'timeout.total = "1h"', 'next = "end"']
    for index, verb in enumerate(told):
        lines += [f"[state.told_{index}]", verb, 'next = "end"']
    return "\n".join(lines) + "\n"


class Blocks(unittest.TestCase):
    pawl = ""

    def setUp(self):
        self.scratch = pathlib.Path(suite.scratch_for(self))

    def call(self, *arguments):
        answer = subprocess.run([self.pawl, *arguments], capture_output=True, text=True, cwd=self.scratch, env={})
        return answer.returncode, answer.stdout, answer.stderr

    def check(self, block, text):
        """A definition that is taken without an error."""
        (self.scratch / "part.toml").write_text(text, encoding="utf-8")
        _, out, err = self.call("--json", "check", "part.toml")
        answer = json.loads(out)
        wrong = [f"{block}: {item['message']}: {item.get('line_text', '')}" for item in answer["errors"]
                 if item["severity"] == "error"]
        if not answer["ok"] or wrong:
            raise AssertionError("\n".join([*wrong, err, "read as:", text]))

    def check_tests(self, block, text, page_blocks):
        """Tests that can be read, and pass where the page has their definition."""
        named = FILE_NAME.match(text)
        own = [other.text for other in page_blocks
               if named and (match := FILE_NAME.match(other.text)) and match[1] + ".test" == named[1]]
        (self.scratch / "part.toml").write_text(own[0] if own else definition_for(tomllib.loads(text)), encoding="utf-8")
        (self.scratch / "part.test.toml").write_text(text, encoding="utf-8")
        _, out, err = self.call("--json", "test", "part.toml")
        lines = [json.loads(line) for line in out.splitlines()]
        if not lines or any("errors" in line for line in lines) or own and lines[-1]["failed"]:
            raise AssertionError(f"{block}: {out}{err}read as:\n{text}")

    def check_configuration(self, block, text):
        """A configuration with which a daemon listens; `pawl config check` would need no daemon."""
        path = self.scratch / "pawld.toml"
        path.write_text(text, encoding="utf-8")
        if re.search(r"^  config\b", self.call("--help")[1], re.MULTILINE):
            status, out, err = self.call("config", "check", str(path))
            self.assertEqual(status, 0, f"{block}: {out}{err}")
            return
        socket = str(self.scratch / "s")
        with subprocess.Popen([self.pawl, "serve", "--config", str(path), "--data", str(self.scratch / "d"), "--socket", socket],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as daemon:
            try:
                deadline = time.monotonic() + READY_SECONDS
                while daemon.poll() is None and not self.listens(socket) and time.monotonic() < deadline:
                    time.sleep(0.02)  # between two questions; nothing relies on its length
                if daemon.poll() is not None or not self.listens(socket):
                    daemon.kill()
                    raise AssertionError(f"{block}: {daemon.stderr.read()}")
            finally:
                daemon.kill()

    def listens(self, socket):
        try:
            return Client(socket, timeout=5).get("/healthz").status == 200
        except Unreachable:
            return False

    def take(self, block, page_blocks=()):
        """AssertionError where the block is nothing that this pawl takes."""
        try:
            tree = tomllib.loads(block.text)
        except tomllib.TOMLDecodeError as wrong:
            raise AssertionError(f"{block}: {wrong}") from None
        if "dsl" in tree:
            self.check(block, block.text)
        elif "schema" in tree:
            self.check_configuration(block, block.text)
        elif isinstance(tree.get("test"), list):
            self.check_tests(block, block.text, page_blocks)
        elif isinstance(tree.get("test"), dict):
            expect = "" if "expect" in tree["test"] else '[test.expect]\nstatus = "running"\n'
            self.check_tests(block, f'[[test]]\nname = "part"\n{block.text}{expect}', ())
        elif is_state(tree):
            self.check(block, whole_of_state(block.text, tree))
        else:
            states = tree.get("state") or "start" in tree
            self.check(block, whole_of_part(block.text + ("" if states else '[state.begin]\nend = "completed"\n'), tree))

    def test_every_block_is_taken(self):
        for page in pages():
            of_page = blocks(page)
            for block in of_page:
                if block.kind == "toml":
                    with self.subTest(block=str(block)):
                        self.take(block, of_page)


class Planted(Blocks):
    """That what is wrong is found, in each kind of block."""

    test_every_block_is_taken = None

    def refused(self, text, why):
        with self.assertRaisesRegex(AssertionError, why, msg=text):
            self.take(Block("page.md", 1, "toml", text.splitlines()))

    def taken(self, text):
        self.take(Block("page.md", 1, "toml", text.splitlines()))

    def test_definitions(self):
        good = 'dsl = 1\nname = "a"\nstart = "b"\n[state.b]\nend = "completed"\n'
        self.taken(good)
        self.refused(good.replace('start = "b"', 'start = "c"'), "page.md:1: unknown state")
        self.refused(good + "= 1\n", "page.md:1: ")

    def test_parts_of_a_state(self):
        for good in ('on.go = { next = "there" }', 'task = "a"\nretry = "net"\ntimeout.total = "1s"', 'flow = "x"',
                     'after = [{ in = "= vars.late", next = "end" }]', 'catch = [{ next = "there" }]'):
            self.taken(good + "\n")
        self.refused('on.go = { nxt = "there" }\n', "nxt")
        self.refused('task = "a"\ntimeout.totl = "1s"\n', "totl")
        self.refused('every."30x" = { save.n = "= 1" }\n', "30x")

    def test_parts_of_a_definition(self):
        for good in ('[task."a"]\nqueue = "b"\n', "[retry.net]\nattempts = 2\n", 'timeout = "1d"\non_timeout = "late"\n',
                     "[flow.x]\nstart = \"a\"\n[flow.x.state.a]\nsleep = \"1s\"\nnext = \"b\"\n",
                     '[input]\na = "string"\n', '[state.a]\ntask = "x"\ntimeout.total = "1h"\nnext = "b"\n', "[id]\nreuse = \"reject\"\n"):
            self.taken(good)
        self.refused('[input]\na = "strng"\n', "strng")
        self.refused('[state.a]\nset.x = "= input."\nnext = "end"\n', "page.md:1: ")
        self.refused("[nothing]\na = 1\n", "nothing")

    def test_tests(self):
        good = '[[test]]\nname = "a"\n[[test.step]]\nsignal = "b"\n[test.expect]\npath = ["c"]\n'
        self.taken(good)
        self.refused(good.replace("signal", "signl"), "signl")
        self.taken('[test.task."x"]\nresult = 1\n')
        self.refused('[test.task."x"]\nreslt = 1\n', "reslt")

    def test_tests_of_a_definition_beside_them_must_pass(self):
        page = ('```toml\n# a.toml\ndsl = 1\nname = "a"\n[state.b]\nend = "completed"\n```\n'
                '```toml\n# a.test.toml: of it\n[[test]]\nname = "x"\n[test.expect]\nstatus = "%s"\n```\n')
        for status, passes in (("completed", True), ("failed", False)):
            both = blocks_of("page.md", page % status)
            if passes:
                self.take(both[1], both)
            else:
                with self.assertRaisesRegex(AssertionError, "page.md:9"):
                    self.take(both[1], both)

    def test_configurations(self):
        self.taken('schema = 1\n[log]\nlevel = "debug"\n')
        self.refused('schema = 1\n[log]\nlevl = "debug"\n', "levl")
        self.taken((ROOT / "configs" / "pawld.toml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Blocks.pawl = str(pathlib.Path(arguments.pawl).resolve())
    suite.run([Blocks, Planted], arguments.only)
