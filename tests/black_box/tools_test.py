#!/usr/bin/env python3
"""The definition's tools that mostly need no daemon: `pawl fmt` and what it does to files, `graph`, `check`."""

import json
import pathlib
import stat
import subprocess
import unittest

import suite
from daemon import Daemon

UNTIDY = '# Of a test.\nname = "x"\ndsl=1\n[state.a]\nend = "completed" # at once\n'
TIDY = '# Of a test.\ndsl  = 1\nname = "x"\n\n[state.a]\nend = "completed"  # at once\n'


class Tool(unittest.TestCase):
    pawl = ""

    def setUp(self):
        self.scratch = pathlib.Path(suite.scratch_for(self))

    def run_pawl(self, *arguments, stdin="", cwd=None):
        return subprocess.run([self.pawl, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              cwd=cwd or self.scratch)

    def write(self, name, text):
        path = self.scratch / name
        path.write_text(text)
        return path


class Fmt(Tool):
    def test_a_file_is_laid_out_in_place_and_keeps_its_mode(self):
        path = self.write("x.toml", UNTIDY)
        path.chmod(0o640)
        answer = self.run_pawl("fmt", path)
        self.assertEqual((answer.returncode, answer.stdout), (0, f"{path}\n"), answer.stderr)
        self.assertEqual(path.read_text(), TIDY)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        self.assertEqual([p.name for p in self.scratch.iterdir()], ["x.toml"])

    def test_what_is_laid_out_is_not_written_again(self):
        path = self.write("x.toml", TIDY)
        before = path.stat()
        answer = self.run_pawl("fmt", path)
        self.assertEqual((answer.returncode, answer.stdout), (0, ""), answer.stderr)
        self.assertEqual((path.stat().st_ino, path.stat().st_mtime_ns), (before.st_ino, before.st_mtime_ns))

    def test_a_link_goes_on_pointing_to_the_file(self):
        path = self.write("x.toml", UNTIDY)
        link = self.scratch / "link.toml"
        link.symlink_to(path.name)
        self.assertEqual(self.run_pawl("fmt", link).returncode, 0)
        self.assertTrue(link.is_symlink())
        self.assertEqual(path.read_text(), TIDY)

    def test_check_changes_nothing_and_shows_what_would_change(self):
        untidy, tidy = self.write("x.toml", UNTIDY), self.write("y.toml", TIDY)
        answer = self.run_pawl("fmt", "--check", untidy, tidy)
        self.assertEqual(answer.returncode, 1)
        self.assertIn(f"{untidy} is not formatted", answer.stderr)
        self.assertNotIn("y.toml", answer.stdout + answer.stderr)
        self.assertEqual(untidy.read_text(), UNTIDY)
        self.assertEqual(answer.stdout.splitlines()[0], f"--- {untidy}")
        self.assertEqual([line for line in answer.stdout.splitlines()[3:] if line[0] == "+"],
                         ["+dsl  = 1", "+", '+end = "completed"  # at once'])
        self.assertEqual(self.run_pawl("fmt", "--check", tidy).returncode, 0)

    def test_check_as_json(self):
        untidy, tidy = self.write("x.toml", UNTIDY), self.write("y.toml", TIDY)
        answer = self.run_pawl("--json", "fmt", "--check", untidy, tidy)
        self.assertEqual([json.loads(line) for line in answer.stdout.splitlines()],
                         [{"file": str(untidy), "changed": True}, {"file": str(tidy), "changed": False}])
        self.assertEqual(answer.returncode, 1)

    def test_a_dash_reads_stdin_and_writes_stdout(self):
        answer = self.run_pawl("fmt", "-", stdin=UNTIDY)
        self.assertEqual((answer.returncode, answer.stdout), (0, TIDY), answer.stderr)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_what_is_no_toml_is_left_alone(self):
        path, other = self.write("x.toml", 'name = "x\n'), self.write("y.toml", UNTIDY)
        answer = self.run_pawl("fmt", path, other)
        self.assertEqual(answer.returncode, 1)
        self.assertIn(f"{path}:1:10: error: this string is not closed on its line", answer.stderr)
        self.assertEqual(path.read_text(), 'name = "x\n')
        self.assertEqual(other.read_text(), TIDY)

    def test_the_order_of_a_test_file_is_kept(self):
        path = self.write("x.test.toml", '[[test]]\nname="a"\n[[test.step]]\nsignal="s"\n[test.expect]\nstatus="failed"\n')
        self.assertEqual(self.run_pawl("fmt", path).returncode, 0)
        self.assertEqual(path.read_text(), '[[test]]\nname = "a"\n\n[[test.step]]\nsignal = "s"\n\n'
                                           '[test.expect]\nstatus = "failed"\n')

    def test_a_file_that_is_not_there(self):
        answer = self.run_pawl("fmt", self.scratch / "none.toml")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("hint:", answer.stderr)


DEFINITION = """dsl = 1
name = "walk"
start = "a"
[signal.go]
[state.a]
on.go = { next = "b" }
[state.b]
end = "completed"
"""


class Graph(Tool):
    def test_a_file_in_each_format(self):
        path = self.write("x.toml", DEFINITION)
        mermaid = self.run_pawl("graph", path)
        self.assertEqual(mermaid.returncode, 0, mermaid.stderr)
        self.assertIn("  s0 --> s1 : on go\n", mermaid.stdout)
        self.assertEqual(mermaid.stdout, self.run_pawl("graph", path, "--format", "mermaid").stdout)
        dot = self.run_pawl("graph", path, "--format", "dot").stdout
        self.assertIn('  s0 -> s1 [label = "on go"];\n', dot)
        graph = json.loads(self.run_pawl("graph", path, "--format", "json").stdout)
        self.assertEqual(graph, json.loads(self.run_pawl("--json", "graph", path).stdout))
        self.assertEqual(graph["states"], ["a", "b"])
        self.assertEqual(graph["nodes"][1], {"name": "b", "what": "end completed", "ends": True, "flows": []})
        self.assertEqual(graph["edges"], [{"from": "", "to": "a", "label": "start"},
                                          {"from": "a", "to": "b", "label": "on go"}])

    def test_stdin(self):
        self.assertEqual(self.run_pawl("graph", "-", stdin=DEFINITION).stdout,
                         self.run_pawl("graph", self.write("x.toml", DEFINITION)).stdout)

    def test_what_is_refused(self):
        answer = self.run_pawl("graph", self.write("x.toml", DEFINITION.replace('"b"', '"c"')))
        self.assertEqual(answer.returncode, 1)
        self.assertIn("x.toml:6:18: error: unknown state `c`", answer.stderr)
        answer = self.run_pawl("graph", self.write("x.toml", DEFINITION), "--format", "png")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("hint: --format is mermaid, dot or json", answer.stderr)

    def test_what_the_daemon_runs(self):
        box = Daemon(self.pawl, self.scratch)
        self.addCleanup(box.kill)
        box.start()
        path = self.write("x.toml", DEFINITION)
        socket = ("--socket", box.socket)
        self.assertEqual(self.run_pawl(*socket, "deploy", path).returncode, 0)
        for form in ("mermaid", "dot"):
            asked = self.run_pawl(*socket, "graph", "walk", "--format", form)
            self.assertEqual(asked.stdout, self.run_pawl("graph", path, "--format", form).stdout, asked.stderr)
        self.assertEqual(json.loads(self.run_pawl(*socket, "--json", "graph", "walk", "--version", "1").stdout)["version"], 1)
        self.assertEqual(self.run_pawl(*socket, "graph", "wlak").returncode, 3)


class Check(Tool):
    def test_what_an_editor_needs(self):
        text = DEFINITION.replace('next = "b"', 'next = "é"')
        answer = self.run_pawl("--json", "check", "-", "--name", "walk.toml", stdin=text)
        self.assertEqual(answer.returncode, 1)
        said = json.loads(answer.stdout)
        self.assertEqual((said["file"], said["ok"], said["suppressed"]), ("walk.toml", False, 0))
        self.assertNotIn("hash", said)
        self.assertEqual(said["errors"][0], {
            "severity": "error", "file": "walk.toml", "line": 6, "column": 18, "length": 3, "end_line": 6,
            "end_column": 21, "message": "unknown state `é`", "hint": "declare it as a table [state.NAME]",
            "line_text": 'on.go = { next = "é" }'})

    def test_several_files_give_a_line_each(self):
        good, bad = self.write("good.toml", DEFINITION), self.write("bad.toml", "")
        answer = self.run_pawl("--json", "check", good, bad, "-", stdin=DEFINITION)
        self.assertEqual(answer.returncode, 1)
        said = [json.loads(line) for line in answer.stdout.splitlines()]
        self.assertEqual([(one["file"], one["ok"]) for one in said], [(str(good), True), (str(bad), False), ("stdin", True)])
        self.assertEqual((said[0]["name"], said[0]["hash"]), ("walk", said[2]["hash"]))
        self.assertEqual({(e["line"], e["column"], e["end_line"], e["end_column"]) for e in said[1]["errors"]}, {(0, 0, 0, 0)})

    def test_warnings_succeed(self):
        answer = self.run_pawl("--json", "check", self.write("x.toml", DEFINITION + "[signal.other]\n"))
        self.assertEqual(answer.returncode, 0)
        self.assertEqual([e["severity"] for e in json.loads(answer.stdout)["errors"]], ["warning"])

    def test_as_text(self):
        answer = self.run_pawl("check", "-", stdin=DEFINITION)
        self.assertEqual((answer.returncode, answer.stdout), (0, "stdin: ok: walk, 2 states\n"))


if __name__ == "__main__":
    options = suite.arguments_with()
    Tool.pawl = options.pawl
    suite.run([Fmt, Graph, Check], options.only)
