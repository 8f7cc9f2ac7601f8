#!/usr/bin/env python3
"""Plants one violation at a time in a small tidy tree: each rule has to find its own, and nothing else."""

import pathlib
import sys
import tempfile

import rules

TIDY = {
    "README.md": "# Pawl\n    ./dev demo\n    ./dev test\n[decisions](docs/one.md)\n",
    "docs/one.md": "# One\n",
    "dev": "cmd_demo() { :; }\ncmd_test() { :; }\n",
    "base/ids.h": "// Ids.\n#pragma once\n#include <cstdint>\n",
    "base/digest.cc": '#include "base/digest.h"\n#include <sodium.h>\n',
    "base/digest.h": "// Digests.\n#pragma once\n",
    "engine/run.h": '// Runs.\n#pragma once\n#include "base/ids.h"\n#include "dsl/value.h"\n',
    "engine/run.cc": '#include "engine/run.h"\n// a comment may say system("x") and TODAY\n'
                     'const char* text = "std::mutex and throw";\n'
                     "int sum(const std::map<int, int>& table) {\n  int n = 0;\n"
                     "  for (const auto& [key, value] : table) n += value;\n  return n;\n}\n",
    "dsl/value.h": "// Values.\n#pragma once\n",
    "daemon/disk_thread.cc": "#include <mutex>\nstd::mutex handover;\nstd::thread writer;\n",
    "daemon/http.cc": "#include <boost/beast/http/parser.hpp>\n#include <asio.hpp>\n",
    "tests/engine/run_test.cc": "#include <boost/test/unit_test.hpp>\n#include \"engine/run.h\"\n"
                                "std::mutex allowed_in_tests;\n",
}


def body(lines):
    return "int long_one(int x) {\n" + "  ++x;\n" * (lines - 2) + "}\n"


# (name, path, text, what the finding says)
PLANTED = [
    ("an upward include", "engine/up.cc", '#include "node/group.h"\n', "engine/ may include only"),
    ("a sibling's include", "raft/side.cc", '#include "log/format.h"\n', "raft/ may include only"),
    ("raft's inside in cli", "cli/show.cc", '#include "raft/raft.h"\n', "cli/ may include only"),
    ("a test's include", "engine/t.cc", '#include "tests/engine/fake.h"\n', "nothing includes tests/"),
    ("the daemon in node", "node/x.cc", '#include "daemon/http.h"\n', "node/ may include only"),
    ("asio outside daemon", "node/loop.cc", "#include <asio.hpp>\n", "includes asio.hpp: only"),
    ("asio in a header", "daemon/loop.h", "// Loop.\n#pragma once\n#include <asio.hpp>\n", "in a header"),
    ("rapidjson outside codecs", "cli/j.cc", "#include <rapidjson/document.h>\n", "only codecs/"),
    ("flatbuffers in a header", "codecs/e.h", "// E.\n#pragma once\n#include \"codecs/entry_generated.h\"\n",
     "in a header"),
    ("toml++ outside its unit", "engine/toml.cc", "#include <toml++/toml.h>\n", "only dsl/toml"),
    ("zstd outside compression", "log/writer.cc", "#include <zstd.h>\n", "only log/compression"),
    ("beast in cli", "cli/start.cc", "#include <boost/beast/http.hpp>\n", "only daemon/http"),
    ("CLI11 outside cli", "daemon/a.cc", "#include <CLI/CLI.hpp>\n", "only cli/"),
    ("sodium outside digest", "base/random.cc", "#include <sodium.h>\n", "only base/digest"),
    ("a test framework in a room", "dsl/t.cc", "#include <boost/test/unit_test.hpp>\n", "only tests/"),
    ("a long function", "dsl/long.cc", body(71), "a function of 71 lines"),
    ("a long member", "dsl/long2.cc", "namespace pawl {\nC::C(int x) : a_{1}, b_(2) {\n" + "  ++x;\n" * 80 +
     "}\n}\n", "a function of"),
    ("a long test", "tests/dsl/long_test.cc", "BOOST_AUTO_TEST_CASE(x) {\n" + "  f();\n" * 80 + "}\n",
     "a function of"),
    ("a long header", "dsl/wide.h", "// Wide.\n#pragma once\n" + "int x;\n" * 300, "a header has at most"),
    ("a header without a story", "dsl/mute.h", "#pragma once\n", "opens with its story"),
    ("a header without a guard", "dsl/open.h", "// Open.\n", "#pragma once"),
    ("a banned file name", "dsl/string_util.cc", "int x;\n", "is named `util`"),
    ("a banned folder name", "common/x.cc", "int x;\n", "is named `common`"),
    ("unfinished work", "dsl/w.cc", "// TO" + "DO: later\n", "finish it"),
    ("getpwnam", "daemon/p.cc", 'auto* p = getpwnam("pawl");\n', "needs NSS"),
    ("getaddrinfo", "cli/p.cc", "getaddrinfo(a, b, c, d);\n", "needs NSS"),
    ("system()", "cli/s.cc", 'int f() { return system("ls"); }\n', "runs no program"),
    ("std::rand", "log/r.cc", "int x = std::rand();\n", "base/random.h"),
    ("a thread in log", "log/t.cc", "std::thread t;\n", "threads live in daemon/"),
    ("a mutex in the loop", "daemon/event_loop.cc", "std::mutex m;\n", "only the two"),
    ("a clock in node", "node/c.cc", "auto t = std::chrono::steady_clock::now();\n", "time is an argument"),
    ("time(nullptr)", "engine/c.cc", "auto t = time(nullptr);\n", "time is an argument"),
    ("randomness in raft", "raft/c.cc", "std::random_device d;\n", "randomness is an argument"),
    ("I/O in dsl", "dsl/io.cc", "#include <fstream>\n", "no I/O"),
    ("a clock in rehearsal", "rehearsal/c.cc", "auto t = std::chrono::steady_clock::now();\n", "time is an argument"),
    ("pointer order", "engine/o.cc", "std::set<Run*> runs;\n", "orders by pointer"),
    ("hash iteration", "engine/h.cc",
     "void f() {\n  absl::flat_hash_map<int, int> seen;\n  for (auto& [k, v] : seen) g(k);\n}\n",
     "iterates over `seen`"),
    ("hash begin()", "node/h.cc",
     "struct S {\n  std::unordered_map<int, int> runs_;\n};\nvoid f(S& s) { g(s.runs_.begin()); }\n",
     "iterates over `runs_`"),
    ("an exception", "engine/e.cc", "void f() { throw 1; }\n", "does not throw"),
    ("assert", "engine/a.cc", "void f() { assert(true); }\n", "PAWL_CHECK"),
    ("std::format", "engine/f.cc", 'auto s = std::format("{}", 1);\n', "clang 14"),
    ("a singleton", "engine/i.cc", "auto& x = Engine::instance();\n", "main wires"),
    ("a dead link", "docs/two.md", "see [three](three.md)\n", "does not exist"),
    ("a README without the demo", "README.md", "./dev test\n", "does not show ./dev demo"),
    ("two units of toml++", "dsl/toml_b.cc", "#include <toml++/toml.h>\n", "one unit a room"),
]
EXTRA = {"two units of toml++": {"dsl/toml_a.cc": "#include <toml++/toml.h>\n"}}


def findings_of(files):
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "dev").chmod(0o755)
        return rules.check(root, sorted(files))


def main():
    passed = failed = 0
    clean = findings_of(TIDY)
    if clean:
        failed += 1
        print("the tidy tree has findings:", *clean, sep="\n  ")
    else:
        passed += 1
    for name, path, text, expected in PLANTED:
        found = findings_of({**TIDY, **EXTRA.get(name, {}), path: text})
        if len(found) == 1 and found[0].startswith(path + ":") and expected in found[0]:
            passed += 1
        else:
            failed += 1
            print(f"{name}: expected one finding in {path} with {expected!r}, got {found}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
