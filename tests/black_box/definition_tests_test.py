#!/usr/bin/env python3
"""`pawl test` as people call it: which files it finds, what it prints, how it exits. Needs no daemon."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import suite

DEFINITION = """
dsl = 1
name = "greet"
start = "ask"
[signal.name]
[state.ask]
on.name = { next = "hello", save.who = "= signal" }
after."1h" = { next = "bored" }
[state.hello]
end = "completed"
output = "= vars.who"
[state.bored]
end = "cancelled"
"""
TESTS = """
[[test]]
name = "somebody says a name"
[[test.step]]
signal = "name"
with = "ann"
[test.expect]
output = "%s"
[[test]]
name = "nobody does"
[[test.step]]
advance = "1h"
[test.expect]
status = "cancelled"
"""


class Tests(unittest.TestCase):
    pawl = ""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        self.write("good/greet.toml", DEFINITION)
        self.write("good/greet.test.toml", TESTS % "ann")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def call(self, *arguments):
        """(exit status, stdout, stderr); without a daemon, and with no socket to look for one at."""
        answer = subprocess.run([self.pawl, "test", *arguments], capture_output=True, text=True, cwd=self.root, env={})
        return answer.returncode, answer.stdout, answer.stderr

    def test_a_definition_its_tests_and_their_directory_are_the_same(self):
        expected = "good/greet.test.toml\nok   somebody says a name\nok   nobody does\n2 passed, 0 failed\n"
        for path in ("good/greet.toml", "good/greet.test.toml", "good", "."):
            self.assertEqual(self.call(path), (0, expected if path != "." else "./" + expected, ""), path)
        twice = self.call("good", "good/greet.toml")
        self.assertEqual(twice, (0, expected, ""))

    def test_what_differs_is_shown_and_fails(self):
        self.write("good/greet.test.toml", TESTS % "bob")
        status, out, err = self.call("good")
        self.assertEqual((status, err), (1, ""))
        self.assertIn('FAIL somebody says a name\n  at the end, line 7: output\n      expected: "bob"\n'
                      '      actual:   "ann"\n  what happened:\n', out)
        self.assertIn("signal.received fate=taken name=name", out)
        self.assertTrue(out.endswith("ok   nobody does\n1 passed, 1 failed\n"), out)

    def test_filter_and_verbose(self):
        status, out, _ = self.call("--filter", "nobody", "--verbose", "good")
        self.assertEqual(status, 0)
        self.assertIn("+1h          timer.fired     kind=after", out)
        self.assertNotIn("somebody", out)
        self.assertTrue(out.endswith("1 passed, 0 failed\n"))
        status, out, err = self.call("--filter", "nothing like it", "good")
        self.assertEqual(status, 1)
        self.assertIn('no test\'s name contains "nothing like it"', err)

    def test_coverage(self):
        status, out, _ = self.call("--coverage", "--filter", "nobody", "good")
        self.assertEqual(status, 0)
        self.assertIn("greet: 2 of 3 states, 2 of 3 transitions\n  never entered: hello\n"
                      "  never taken: ask -> hello (on name)\n", out)
        self.assertIn("greet: 3 of 3 states, 3 of 3 transitions\n2 passed", self.call("--coverage", "good")[1])

    def test_json_is_an_object_a_line(self):
        self.write("good/greet.test.toml", TESTS % "bob")
        status, out, _ = self.call("--json", "--coverage", "good")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(status, 1)
        self.assertEqual([(line.get("name"), line.get("ok")) for line in lines],
                         [("somebody says a name", False), ("nobody does", True), (None, None), (None, None)])
        self.assertEqual(lines[0]["failures"],
                         [{"at": "the end, line 7", "what": "output", "expected": "bob", "actual": "ann"}])
        self.assertEqual(lines[0]["history"][-1]["type"], "run.closed")
        self.assertNotIn("history", lines[1])
        self.assertEqual(lines[2]["transitions"], {"of": 3, "missed": []})
        self.assertEqual(lines[3], {"passed": 1, "failed": 1})

    def test_a_file_with_mistakes_is_a_failed_test(self):
        self.write("good/other.toml", DEFINITION.replace('next = "bored"', 'next = "bord"'))
        self.write("good/other.test.toml", TESTS % "ann")
        self.write("good/third.toml", DEFINITION)
        self.write("good/third.test.toml", "[[test]]\nnam = 1\nexpect.state = 'ask'")
        self.write("good/void.toml", DEFINITION)
        self.write("good/void.test.toml", bytes(range(256)))
        status, out, _ = self.call("good")
        self.assertEqual(status, 1)
        self.assertIn('good/other.toml:8:23: error: unknown state `bord`', out)
        self.assertIn("good/third.test.toml:2:1: error: unknown key `nam` in a test\n  nam = 1\n  ^~~\n"
                      "  hint: did you mean `name`?\n", out)
        self.assertIn("good/void.test.toml:", out)
        self.assertTrue(out.endswith("2 passed, 3 failed\n"), out)
        lines = [json.loads(line) for line in self.call("--json", "good/third.toml")[1].splitlines()]
        self.assertEqual((lines[0]["ok"], lines[0]["errors"][0]["line"]), (False, 1))

    def test_what_is_not_there_is_said(self):
        self.write("empty/readme", "")
        self.write("alone/x.test.toml", TESTS % "ann")
        self.write("bare/x.toml", DEFINITION)
        for path, status, what in (("nowhere", 2, "nowhere: No such file"), ("empty", 2, "no NAME.test.toml is below"),
                                   ("empty/readme", 2, "neither NAME.test.toml nor NAME.toml"),
                                   ("alone", 2, "alone/x.toml"), ("bare/x.toml", 2, "bare/x.test.toml")):
            code, out, err = self.call(path)
            self.assertEqual((code, out), (status, ""), (path, err))
            self.assertIn(what, err)

    def test_values_do_nothing_to_a_terminal(self):
        self.write("good/greet.test.toml", TESTS % "bob\\u001b[31m")
        self.assertNotIn("\x1b", self.call("good")[1])


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Tests.pawl = str(pathlib.Path(arguments.pawl).resolve())
    suite.run([Tests], arguments.only)
