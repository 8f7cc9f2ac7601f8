#!/usr/bin/env python3
"""Writes dsl/unicode_table.inc: categories and scripts of Unicode, for \\p{...} in patterns.

    python3 dsl/unicode_table.py [FOLDER] > dsl/unicode_table.inc

FOLDER holds UnicodeData.txt and Scripts.txt (Debian's package unicode-data). Each table is a row of
numbers, code point << 8 | class, which means: this class from here up to the next. Class 0 is none.
"""

import pathlib
import sys

LIMIT = 0x110000


def categories(folder):
    classes = ["Cn"] * LIMIT
    first = None
    for line in (folder / "UnicodeData.txt").read_text().splitlines():
        fields = line.split(";")
        code = int(fields[0], 16)
        if fields[1].endswith(", First>"):
            first = code
            continue
        for at in range(code if first is None else first, code + 1):
            classes[at] = fields[2]
        first = None
    return classes


def scripts(folder):
    classes = [""] * LIMIT
    for line in (folder / "Scripts.txt").read_text().splitlines():
        line = line.partition("#")[0]
        if not line.strip():
            continue
        span, name = (part.strip() for part in line.split(";"))
        first, _, last = span.partition("..")
        for at in range(int(first, 16), int(last or first, 16) + 1):
            classes[at] = name
    return classes


def table(name, classes, none):
    names = sorted(set(classes) - {none})
    number = {none: 0, **{known: i + 1 for i, known in enumerate(names)}}
    rows, last = [], None
    for at, known in enumerate(classes):
        if known != last:
            rows.append(at << 8 | number[known])
            last = known
    assert len(names) < 256
    print(f"constexpr char k{name}Names[] =")
    for known in names[:-1]:
        print(f'    "{known}\\0"')
    print(f'    "{names[-1]}\\0";')
    print(f"constexpr std::uint32_t k{name}[] = {{")
    for i in range(0, len(rows), 12):
        print("    " + ",".join(map(str, rows[i:i + 12])) + ",")
    print("};")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode")
    version = (folder / "Scripts.txt").read_text().splitlines()[0].split("-")[1].removesuffix(".txt")
    print(f"// Made by dsl/unicode_table.py from Unicode {version}; see dsl/unicode_class.cc.")
    table("Category", categories(folder), "Cn")
    table("Script", scripts(folder), "")


if __name__ == "__main__":
    main()
