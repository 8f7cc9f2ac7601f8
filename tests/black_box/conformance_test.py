#!/usr/bin/env python3
"""What `./dev conformance` says of cases that hold, that do not, and that are none."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

ONE = {"file": "lists", "section": "index", "name": "first", "expr": "[7, 8][0]", "value": {"int": "7"}}


def case(**changes):
    return json.dumps({**ONE, **changes})


class Conformance(unittest.TestCase):
    pawl = ""

    def program(self):
        return [pathlib.Path(self.pawl).resolve().parent.parent / "tests" / "dsl" / "cel_conformance"]

    def run_lines(self, *lines, command=None):
        """(status, lines of output) for a file in another directory, named relative to it."""
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
            answer = subprocess.run([*(command or self.program()), "cases.jsonl"], cwd=folder,
                                    capture_output=True, text=True)
        return answer.returncode, answer.stdout.splitlines()

    def test_groups_are_counted(self):
        dev = [ROOT / "dev", "conformance"]
        status, lines = self.run_lines(case(), case(file="basic", expr="x", bindings={"x": {"int": "7"}}), "",
                                       case(expr="[7][1]", value=None).replace('"value": null', '"error": true'), command=dev)
        self.assertEqual(lines, ["basic: 1 passed, 0 failed", "lists: 2 passed, 0 failed", "3 passed, 0 failed"])
        self.assertEqual(status, 0)

    def test_a_failure_says_what_was_expected_and_what_came(self):
        status, lines = self.run_lines(case(), case(name="second", expr="[7, 8][1]"), case(name="third", expr="[][0]"))
        self.assertEqual(lines[0:4], ["FAIL lists/index/second", "     [7, 8][1]", "     expected 7", "     got 8"])
        self.assertEqual(lines[4:8], ["FAIL lists/index/third", "     [][0]", "     expected 7",
                                      "     got error: index 0 is out of range of a list of 0"])
        self.assertEqual(lines[8:], ["lists: 1 passed, 2 failed", "1 passed, 2 failed"])
        self.assertEqual(status, 1)

    def test_kinds_are_told_apart(self):
        for value in ({"uint": "7"}, {"double": "7"}, {"string": "7"}, {"list": [{"int": "7"}]}, {"null": None}):
            status, lines = self.run_lines(case(value=value))
            self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"), value)

    def test_a_value_where_an_error_is_wanted_fails(self):
        status, lines = self.run_lines(case(value=None).replace('"value": null', '"error": true'))
        self.assertEqual(lines[2:4], ["     expected an error", "     got 7"])
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))

    def test_what_is_no_case_fails_and_the_rest_goes_on(self):
        status, lines = self.run_lines("rubbish", case(value={"enum": "1"}), case(value={"int": "x"}), "[1]", case(expr=1), case())
        self.assertEqual(sum(line.endswith(": this is no case") for line in lines), 5)
        self.assertEqual((status, lines[-1]), (1, "1 passed, 5 failed"))

    def test_no_cases_are_no_success(self):
        self.assertEqual(self.run_lines("")[0], 2)
        answer = subprocess.run([*self.program(), "/nowhere"], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 2)
        self.assertIn("can't read /nowhere", answer.stderr)

    def test_the_specification_holds_without_the_languages_additions(self):
        for expression in ("1 + 1.0", "duration('1d')"):
            status, _ = self.run_lines(case(expr=expression, value=None).replace('"value": null', '"error": true'))
            self.assertEqual(status, 0, expression)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Conformance.pawl = arguments.pawl
    suite.run([Conformance], arguments.only)
