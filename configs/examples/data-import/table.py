"""The table of the example: how a line is validated and transformed, and how SQLite is spoken to."""

import os
import subprocess

FIELDS = 15
CATEGORIES = set("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split())

SCHEMA = """
CREATE TABLE IF NOT EXISTS character (
  line INTEGER PRIMARY KEY, code INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, category TEXT NOT NULL,
  combining INTEGER NOT NULL, upper INTEGER, lower INTEGER);
CREATE TABLE IF NOT EXISTS chunk (first INTEGER PRIMARY KEY, read INTEGER NOT NULL, rejected INTEGER NOT NULL);
"""


def database(name):
    if "/" in name or name.startswith("."):
        raise ValueError(f"not a plain name: {name}")
    return os.path.join(os.environ["PAWL_EXAMPLE_DIR"], name + ".db")


def sqlite(path, script):
    """Runs a script with the sqlite3 tool; one failed statement fails it all."""
    answer = subprocess.run(["sqlite3", "-bail", "-batch", "-cmd", ".timeout 10000", path], input=script,
                            capture_output=True, text=True)
    if answer.returncode != 0:
        raise OSError(answer.stderr.strip())
    return answer.stdout.strip()


def hexadecimal(text):
    return int(text, 16) if text else None


def transform(line):
    """(code, name, category, combining, upper, lower) of a line; ValueError says what is wrong with it."""
    fields = line.rstrip("\n").split(";")
    if len(fields) != FIELDS:
        raise ValueError(f"{len(fields)} fields instead of {FIELDS}")
    code = hexadecimal(fields[0])
    if code is None or code > 0x10FFFF:
        raise ValueError(f"no code point: {fields[0]!r}")
    if fields[2] not in CATEGORIES:
        raise ValueError(f"no category: {fields[2]!r}")
    return code, fields[1], fields[2], int(fields[3]), hexadecimal(fields[12]), hexadecimal(fields[13])


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
