#!/usr/bin/env python3
"""The recipes of docs/guide, done as they are written: each page in an empty directory, with a daemon of its own.

A page's blocks are executed in their order, after those of the README beside it, which start the box:

  ```toml, ```sh and ```python that begin with the name of a file ("# order.toml: ..."; behind "#!..." in the second
  line) are files, and executable if they begin with "#!". Other ```sh blocks are a terminal: a line "$ ..." is
  given to one shell that lasts for the page (it goes on in the next line behind a "\"), and what follows is what it
  prints, on stdout and stderr. "…" within a line stands for anything, alone on a line for any number of lines. A
  command that fails must say so: `... || echo failed`.
"""

import os
import pathlib
import re
import select
import signal
import subprocess
import time
import unittest

import suite
from fenced import ROOT, blocks

GUIDE = ROOT / "docs" / "guide"
COMMAND_SECONDS = 60
END_SECONDS = 10
RECIPES = 10
FILE_NAME = re.compile(r"^# ([\w./-]+)(?::|$)")


def file_name(block):
    """The name of the file that a block is, or None where it is none."""
    first = 1 if block.lines and block.lines[0].startswith("#!") else 0
    match = FILE_NAME.match(block.lines[first]) if len(block.lines) > first else None
    return match[1] if match else None


def dialogue(block):
    """[(line, command, the lines expected)] of a terminal's block."""
    steps, goes_on = [], False
    for number, line in enumerate(block.lines, block.line):
        if goes_on:
            steps[-1][1] += "\n" + line
            goes_on = line.endswith("\\")
        elif line.startswith("$ "):
            steps.append([number, line[2:], []])
            goes_on = line.endswith("\\")
        elif steps:
            steps[-1][2].append(line.rstrip())
        else:
            raise AssertionError(f"{block}: neither a file (`# NAME`) nor a command (`$ ...`)")
    return steps


def matches(expected, actual):
    """Whether lines are as a page says, which has "…" for what differs each time."""
    pattern = "".join("(?:.*\n)*" if line.strip() == "…" else
                      ".*".join(re.escape(part) for part in line.split("…")) + "\n" for line in expected)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in actual)) is not None


class Shell:
    """One `sh`, in a session of its own, so that all that it started can be ended with it."""

    def __init__(self, directory, program_directory):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PAWL_")}
        environment["PATH"] = f"{program_directory}:{environment['PATH']}"
        self.process = subprocess.Popen(["sh"], cwd=directory, env=environment, start_new_session=True, text=False,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.unread = b""

    def run(self, command):
        """(exit status, lines) of a command; its stdin is empty."""
        text = f"{{ {command}\n}} </dev/null\nprintf '\\n\\001%s\\n' $?\n"
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        deadline = time.monotonic() + COMMAND_SECONDS
        end = re.compile(rb"\n\x01(\d+)\n")
        while not (found := end.search(self.unread)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise AssertionError(f"`{command}` did not end within {COMMAND_SECONDS} s, or ended the shell; "
                                     f"it printed:\n{self.unread.decode(errors='replace')}")
            self.unread += more
        output, self.unread = self.unread[:found.start()], self.unread[found.end():]
        return int(found[1]), output.decode(errors="replace").splitlines()

    def members(self):
        """The processes of the shell's session: all that the page left running."""
        own = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue  # it ended meanwhile
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    own.append(int(entry.name))
        return own

    def end(self):
        """Ends the shell and what it started, first kindly."""
        deadline = time.monotonic() + END_SECONDS
        kind = signal.SIGTERM
        while own := self.members():
            for pid in own:
                try:
                    os.kill(pid, signal.SIGKILL if pid == self.process.pid else kind)
                except ProcessLookupError:
                    pass  # it ended meanwhile
            self.process.poll()
            if time.monotonic() > deadline:
                kind = signal.SIGKILL
            time.sleep(0.05)  # between two looks; nothing relies on its length
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def perform(page, directory, shell):
    """Executes the blocks of a page; the number of commands. AssertionError at the first that is not as it says."""
    commands = 0
    for block in blocks(page):
        name = file_name(block)
        if name:
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            path.chmod(0o755 if block.text.startswith("#!") else 0o644)
            continue
        if block.kind != "sh":
            raise AssertionError(f"{block}: a block that is no terminal (```sh) is a file and begins with its name")
        for line, command, expected in dialogue(block):
            status, actual = shell.run(command)
            if status != 0 or not matches(expected, actual):
                says = "\n".join(["expected:", *expected, f"exit status {status}, actual:", *actual])
                raise AssertionError(f"{pathlib.Path(page).name}:{line}: `{command}`\n{says}")
            commands += 1
    return commands


class Recipes(unittest.TestCase):
    pawl = ""

    def begin(self):
        """(directory, shell) for one page, with `pawl` in the shell's PATH."""
        scratch = pathlib.Path(suite.scratch_for(self))
        for name in ("bin", "work"):
            (scratch / name).mkdir()
        (scratch / "bin" / "pawl").symlink_to(self.pawl)
        shell = Shell(scratch / "work", scratch / "bin")
        self.addCleanup(shell.end)
        return scratch / "work", shell

    def recipe(self, page):
        directory, shell = self.begin()
        perform(GUIDE / "README.md", directory, shell)
        self.assertGreater(perform(page, directory, shell), 3, "a recipe has commands to follow")
        self.assertTrue(list(directory.glob("*.toml")), "a recipe has a definition")

    def test_the_index_has_every_recipe_once(self):
        linked = re.findall(r"\]\(([\w-]+\.md)\)", (GUIDE / "README.md").read_text(encoding="utf-8"))
        pages = sorted(path.name for path in GUIDE.glob("*.md") if path.name != "README.md")
        self.assertEqual(sorted(linked), pages)
        self.assertEqual(len(pages), RECIPES)


class TheRunner(unittest.TestCase):
    """That a page which is wrong is found: what it says, and how it ends."""

    def page(self, text):
        directory = pathlib.Path(suite.scratch_for(self))
        (directory / "page.md").write_text(text, encoding="utf-8")
        shell = Shell(directory, "/usr/bin")
        self.addCleanup(shell.end)
        return perform(directory / "page.md", directory, shell)

    def test_files_commands_and_what_varies(self):
        self.assertEqual(self.page("```sh\n#!/bin/sh\n# bin/greet: says hello\necho hello $1 $$\n```\ntext\n"
                                   "```toml\n# a.toml\nb = 1\n```\n"
                                   "```sh\n$ name=you\n$ bin/greet \\\n    $name\nhello you …\n$ cat a.toml\n# a.toml\nb = 1\n"
                                   "$ printf 'a\\nb\\nc\\nd'\na\n…\nd\n```\n"), 4)

    def test_other_output_is_found(self):
        for wrong in ("$ echo b\na\n", "$ echo a\n", "$ true\na\n", "$ printf 'a\\nb\\n'\na\n…\nc\n", "$ echo abc\na…d\n"):
            with self.assertRaisesRegex(AssertionError, r"page\.md:2: ", msg=wrong):
                self.page(f"```sh\n{wrong}```\n")

    def test_a_failure_is_found(self):
        with self.assertRaisesRegex(AssertionError, "exit status 3"):
            self.page("```sh\n$ sh -c 'exit 3'\n```\n")

    def test_blocks_that_are_nothing_are_found(self):
        for wrong in ("```toml\na = 1\n```\n", "```sh\necho a\n```\n", "```\n$ true\n```\n", "```sh\n$ true\n"):
            with self.assertRaises(AssertionError, msg=wrong):
                self.page(wrong)

    def test_what_a_page_started_ends_with_it(self):
        directory = suite.scratch_for(self)
        shell = Shell(directory, "/usr/bin")
        status, lines = shell.run("sleep 600 & echo $!")
        self.assertEqual(status, 0)
        self.assertIn(int(lines[0]), shell.members())
        shell.end()
        self.assertEqual(shell.members(), [])


def add_recipes():
    """A test for each page, named for it."""
    for page in sorted(GUIDE.glob("*.md")):
        if page.name != "README.md":
            name = "test_" + page.stem.replace("-", "_")
            setattr(Recipes, name, lambda self, page=page: self.recipe(page))


if __name__ == "__main__":
    arguments = suite.arguments_with()
    Recipes.pawl = str(pathlib.Path(arguments.pawl).resolve())
    add_recipes()
    suite.run([TheRunner, Recipes], arguments.only)
