#!/usr/bin/env python3
"""What the release binary is: static, small, and able to say its version with no library around."""

import shutil
import subprocess
import tempfile
import unittest

import suite

STRIPPED_BYTES_MAX = 7 * 1024 * 1024  # decision 0001


class Binary(unittest.TestCase):
    pawl = ""

    def test_it_is_statically_linked(self):
        answer = subprocess.run(["ldd", self.pawl], capture_output=True, text=True)
        self.assertIn("statically linked", answer.stdout + answer.stderr)

    def test_it_is_position_independent(self):
        with open(self.pawl, "rb") as program:
            header = program.read(18)
        self.assertEqual(header[:4], b"\x7fELF")
        self.assertEqual(int.from_bytes(header[16:18], "little"), 3, "an ELF type of ET_DYN")

    def test_it_stays_small(self):
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, self.pawl], check=True)
            with open(stripped.name, "rb") as program:
                size = program.seek(0, 2)
        self.assertLessEqual(size, STRIPPED_BYTES_MAX)

    def test_it_runs_with_an_empty_environment(self):
        answer = subprocess.run([self.pawl, "--help"], capture_output=True, text=True, env={})
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("serve", answer.stdout)

    def test_what_a_command_line_is_wrong_in_is_caught(self):
        """The one library that throws, in a binary without most of the tables for unwinding."""
        for line in (["no-such-command"], ["start"], ["start", "w", "--no-such-option"], ["worker", "--queue"],
                     ["worker", "--queue", "q", "--parallel", "many", "--", "true"],
                     ["worker", "--queue", "q", "--parallel", "1000000000", "--", "true"], ["--socket"],
                     ["serve", "--data"], ["serve", "extra"]):
            answer = subprocess.run([self.pawl, *line], capture_output=True, text=True)
            self.assertEqual(answer.returncode, 2, (line, answer))
            self.assertIn("hint: ", answer.stderr, line)
        for line in (["--help"], ["--version"], ["start", "--help"], ["serve", "--help"]):
            answer = subprocess.run([self.pawl, *line], capture_output=True, text=True)
            self.assertEqual((answer.returncode, answer.stderr), (0, ""), line)

    def test_pawld_is_serve(self):
        with tempfile.TemporaryDirectory() as scratch:
            link = f"{scratch}/pawld"
            shutil.copy(self.pawl, link)
            answer = subprocess.run([link, "--help"], capture_output=True, text=True)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertIn("--data", answer.stdout)


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Binary.pawl = arguments.pawl
    suite.run([Binary], arguments.only)
