#!/usr/bin/env python3
"""`pawl schema` says what the parser says, as far as a schema can: it takes every definition that the
parser takes, and no unknown key. PAWL_REWRITE=1 writes configs/pawl.schema.json anew."""

import json
import os
import subprocess
import tomllib
import unittest

import suite
from json_schema import Validator

SHIPPED = suite.ROOT / "configs" / "pawl.schema.json"


def script_cases():
    """(file, title, definition, what is said about it) of tests/scripts/dsl, those without escapes."""
    for path in sorted((suite.ROOT / "tests" / "scripts" / "dsl").glob("*.txt")):
        for case in path.read_text().split("\n===\n"):
            if "\n--- definition\n" in case:
                title, rest = case.split("\n--- definition\n", 1)
                definition, said = rest.split("--- expect\n", 1)
                yield path.name, title.strip(), definition, said


def engine_definitions():
    for path in sorted((suite.ROOT / "tests" / "scripts" / "engine").glob("*.txt")):
        for block in path.read_text().split("\n\n"):
            lines = block.split("\n")
            while lines and lines[0].startswith("#"):
                lines.pop(0)
            if lines and lines[0] == "define" and "----\nok" in block:
                yield path.name, "\n".join(lines[1:lines.index("----")])


def page_definitions():
    for path in sorted((suite.ROOT / "docs").glob("**/*.md")):
        for block in path.read_text().split("```toml\n")[1:]:
            text = block.split("```", 1)[0]
            if text.lstrip().startswith("dsl"):
                yield path.name, text


class Schema(unittest.TestCase):
    pawl = ""

    @classmethod
    def setUpClass(cls):
        cls.printed = subprocess.run([cls.pawl, "schema"], capture_output=True, text=True, check=True).stdout
        if os.environ.get("PAWL_REWRITE"):
            SHIPPED.write_text(cls.printed)
        cls.schema = json.loads(cls.printed)
        cls.validator = Validator(cls.schema)

    def test_the_shipped_file_is_what_the_program_prints(self):
        self.assertEqual(SHIPPED.read_text(), self.printed)

    def test_it_is_draft_07_and_every_reference_leads_somewhere(self):
        self.assertEqual(self.schema["$schema"], "http://json-schema.org/draft-07/schema#")
        used = set()

        def walk(schema):
            if isinstance(schema, dict):
                if "$ref" in schema:
                    self.assertEqual(list(schema), ["$ref"])  # draft-07 looks at nothing beside it
                    used.add(schema["$ref"])
                    self.validator.resolve(schema["$ref"])
                for value in schema.values():
                    walk(value)
            elif isinstance(schema, list):
                for value in schema:
                    walk(value)

        walk(self.schema)
        self.assertEqual({reference.rsplit("/", 1)[1] for reference in used} | {"payload"},
                         set(self.schema["definitions"]))

    def test_what_the_parser_takes_it_takes(self):
        taken = 0
        for file, title, definition, said in script_cases():
            if said.endswith("accepted"):
                with self.subTest(f"{file}: {title}"):
                    self.assertEqual(self.validator.mistakes(tomllib.loads(definition)), [])
                    taken += 1
        for file, definition in [*engine_definitions(), *page_definitions()]:
            with self.subTest(file):
                self.assertEqual(self.validator.mistakes(tomllib.loads(definition)), [])
                taken += 1
        self.assertGreater(taken, 40)

    def test_it_takes_the_examples(self):
        paths = sorted(path for path in (suite.ROOT / "configs" / "examples").glob("*/*.toml") if ".test." not in path.name)
        self.assertGreaterEqual(len(paths), 5)
        for path in paths:
            with self.subTest(path.name):
                self.assertEqual(self.validator.mistakes(tomllib.loads(path.read_text())), [])

    def test_unknown_keys_it_refuses(self):
        refused = 0
        for file, title, definition, said in script_cases():
            if "error: unknown key `" in said:
                with self.subTest(f"{file}: {title}"):
                    self.assertNotEqual(self.validator.mistakes(tomllib.loads(definition)), [])
                    refused += 1
        self.assertGreater(refused, 5)

    def test_two_verbs_and_wrong_values_it_refuses(self):
        base = 'dsl = 1\nname = "x"\n[signal.s]\n[state.a]\nnext = "end"\n'
        self.assertEqual(self.validator.mistakes(tomllib.loads(base + 'task = "t"')), [])
        for line in ('task = "t"\nsleep = "1m"', 'end = "done"', 'sleep = 5', 'sleep = "soon"', "choose = []",
                     'after."soon" = { next = "end" }', "on.s = 5", 'catch = [ { errors = ["*"] } ]',
                     'moves = "a"', 'timeout = "5m"', "priority = 1.5", 'save = "x"', 'undo.with = 1'):
            with self.subTest(line):
                self.assertNotEqual(self.validator.mistakes(tomllib.loads(base + line)), [])


if __name__ == "__main__":
    options = suite.arguments_with()
    Schema.pawl = options.pawl
    suite.run([Schema], options.only)
