#!/usr/bin/env python3
"""Every message of the language's parser and checker has a case in tests/scripts that shows it.

What is a message: a string literal with a blank between words, in the files that read and check
definitions and expressions. Adjacent literals are one. Those that only guard what a file can't
reach are listed here, each with its reason. Ends with "N passed, N failed", one a file.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

SOURCES = ["canonical", "check*", "compile", "definition*", "diagnostic*", "format*", "lexer", "literal*",
           "macros", "parse*", "regex*", "schema", "suggest", "toml*", "cron*"]

# Of what is never shown: why.
UNREACHABLE = {
    "the expression is not UTF-8": "a file that is not is refused as a whole",
    "the pattern is not UTF-8": "the same",
    "Error while parsing": "cut off the library's messages",
    "unescaped control characters": "replaced by a message of ours",
    "is a type": "such a constant is refused before it meets a schema",
    "is an optional": "the same",
    "this file can't be laid out without changing what it says": "shown by format_test.cc",
    "it may be too large once laid out: at most ": "the same",
    ", must be a map": "the type is looked at before the fields",
}

TOKEN = re.compile(r"//[^\n]*|^#[^\n]*|R\"([^()\\ ]*)\((?P<raw>.*?)\)\1\"|\"(?P<text>(?:[^\"\\\n]|\\.)*)\""
                   r"|\d[\w']*|'(?:[^'\\\n]|\\.)+'|(?P<blank>\s+)|.", re.DOTALL | re.MULTILINE)


def literals(source):
    """(line, text) of each string literal, those that follow one another joined."""
    parts, begun, line = None, 0, 1
    for token in TOKEN.finditer(source):
        raw, text = token["raw"], token["text"]
        if raw is not None or text is not None:
            if parts is None:
                parts, begun = "", line
            parts += raw if raw is not None else text.encode().decode("unicode_escape").encode("latin1").decode()
        elif token["blank"] is None and not token[0].startswith("//"):
            if parts is not None:
                yield begun, parts
            parts = None
        line += token[0].count("\n")


def is_message(text):
    return re.search(r"[a-z]{2}", text) is not None and " " in text.strip()


def main():
    shown = "".join(path.read_text() for path in sorted((ROOT / "tests/scripts").glob("dsl/*.txt")) +
                    sorted((ROOT / "tests/scripts").glob("cel/*.txt")))
    files = sorted({path for name in SOURCES for path in (ROOT / "dsl").glob(name + ".cc")})
    failed = 0
    for path in files:
        missing = [(line, text) for line, text in literals(path.read_text())
                   if is_message(text) and text not in shown and text not in UNREACHABLE]
        for line, text in missing:
            print(f"{path.relative_to(ROOT)}:{line}: no case in tests/scripts/dsl shows {text!r}")
        failed += bool(missing)
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed or len(files) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
