#!/usr/bin/env python3
"""Writes dsl/zone_table.inc: the time zones of this machine's tzdata, as the language knows them.

    python3 dsl/zone_table.py > dsl/zone_table.inc

Run it with a new tzdata, and review the diff. Only differences from UTC are kept, and those from 1970
on: before, the tz database promises little (zones are told apart by what they did since). What a zone's
rule for the years to come says anyway is left out. dsl/zone.cc says how the tables are read.
"""

import calendar
import collections
import datetime
import re
import struct
import sys
import zoneinfo

SKIPPED = ("localtime", "posixrules", "Factory")
QUARTER = 900
BACK = 0x8000
NAME = re.compile(r"<[^>]+>|[A-Za-z]+")
RULE = re.compile(r",M(\d+)\.(\d+)\.(\d+)")


def find(name):
    for folder in zoneinfo.TZPATH:
        try:
            with open(f"{folder}/{name}", "rb") as file:
                return file.read()
        except OSError:
            continue
    sys.exit(f"no {name} in {zoneinfo.TZPATH}")


def read(name):
    """(offset before the first transition, [(moment, offset)], the rule's text) of a TZif file (RFC 8536)."""
    data = find(name)

    def sizes(at):
        isut, isstd, leap, times, types, chars = struct.unpack(">6l", data[at + 20:at + 44])
        return times, types, chars, leap, isstd + isut

    times, types, chars, leap, flags = sizes(0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + flags
    times, types, chars, leap, flags = sizes(at)
    at += 44
    moments = struct.unpack(f">{times}q", data[at:at + 8 * times])
    at += 8 * times
    kinds = data[at:at + times]
    at += times
    offsets = [struct.unpack(">l", data[at + 6 * i:at + 6 * i + 4])[0] for i in range(types)]
    at += types * 6 + chars + leap * 12 + flags
    return offsets[0], [(t, offsets[k]) for t, k in zip(moments, kinds)], data[at:].strip().decode()


def take_seconds(text):
    match = re.match(r"([+-]?)(\d+)(?::(\d+))?(?::(\d+))?", text)
    seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60 + int(match[4] or 0)
    return (-seconds if match[1] == "-" else seconds), text[match.end():]


def take_change(text):
    match = RULE.match(text)
    text, seconds = text[match.end():], 7200
    if text.startswith("/"):
        seconds, text = take_seconds(text[1:])
    return (int(match[1]), int(match[2]), int(match[3]), seconds), text


def rule_of(text):
    """(standard offset, summer offset, its begin, its end) of a POSIX TZ text; no summer: twice the same."""
    west, text = take_seconds(text[NAME.match(text).end():])
    standard = -west
    if not text:
        return standard, standard, (1, 1, 0, 0), (1, 1, 0, 0)
    text = text[NAME.match(text).end():]
    summer = standard + 3600
    if not text.startswith(","):
        west, text = take_seconds(text)
        summer = -west
    begin, text = take_change(text)
    end, text = take_change(text)
    assert not text
    return standard, summer, begin, end


def moment_of(change, year):
    month, week, weekday, seconds = change
    first = (datetime.date(year, month, 1).weekday() + 1) % 7
    day = 1 + (weekday - first) % 7 + (week - 1) * 7
    while day > calendar.monthrange(year, month)[1]:
        day -= 7
    return (datetime.date(year, month, day) - datetime.date(1970, 1, 1)).days * 86400 + seconds


def shorten(before, transitions, rule):
    """(offset in 1970, [(moment, offset)] since): no two of the same offset, nothing that the rule says."""
    offset, kept = before, []
    for moment, to in transitions:
        if to == offset:
            continue
        offset = to
        if moment <= 0:
            before = to
        else:
            kept.append((moment, to))
    standard, summer, begin, end = rule
    if standard != summer:
        said = sorted(m for year in range(1970, 2038)
                      for m in (moment_of(begin, year) - standard, moment_of(end, year) - summer) if m > 0)
        # The last one stays: the rule holds from it on.
        while len(kept) > 1 and kept[-1][0] == said[-1] and kept[-2][0] == said[-2]:
            kept.pop()
            said.pop()
    return before, tuple(kept), rule


def words_of(before, transitions):
    words, offsets, moment = [before // 30 & 0xffff], [before, before], 0
    for at, offset in transitions:
        delta, moment = at - moment, at
        back = offset == offsets[-2]
        flag = BACK if back else 0
        if delta % QUARTER == 0 and delta // QUARTER < BACK:
            words.append(flag | delta // QUARTER)
        else:
            words += [flag, delta >> 16, delta & 0xffff]
        if not back:
            assert offset % 30 == 0, offset
            words.append(offset // 30 & 0xffff)
        offsets.append(offset)
    return words


def main():
    names = sorted(name for name in zoneinfo.available_timezones() if name not in SKIPPED)
    zones = collections.OrderedDict()
    for name in names:
        before, transitions, text = read(name)
        zones.setdefault(shorten(before, transitions, rule_of(text)), []).append(name)
    rules = sorted({rule for _, _, rule in zones})
    index = {name: i for i, known in enumerate(zones.values()) for name in known}
    text_at, text = [], ""
    for name in names:
        text_at.append(len(text))
        text += name + "\0"
    out = ["// Made by dsl/zone_table.py from tzdata (public domain); see dsl/zone.cc."]
    out.append("constexpr char kNames[] =")
    out += [f'    "{name}\\0"' for name in names[:-1]] + [f'    "{names[-1]}\\0";']
    out.append("constexpr std::uint16_t kNameAt[] = {" + ",".join(map(str, text_at)) + "};")
    out.append("constexpr std::uint16_t kZoneOfName[] = {" + ",".join(str(index[n]) for n in names) + "};")
    out.append("constexpr Rule kRules[] = {")
    for standard, summer, *changes in rules:
        parts = ", ".join("{%d, %d, %d, %d}" % change for change in changes)
        out.append(f"    {{{standard}, {summer}, {parts}}},")
    out.append("};")
    begins, lines = [], []
    count = 0
    for (before, transitions, rule), known in zones.items():
        words = words_of(before, transitions)
        begins.append((count, rules.index(rule)))
        count += len(words)
        lines.append("    " + ",".join(map(str, words)) + f",  // {known[0]}")
    assert count < 0x10000 and len(text) < 0x10000 and len(rules) < 0x100
    out.append("constexpr Zone kZones[] = {")
    out += ["    {%d, %d}," % begin for begin in begins] + ["    {%d, 0}," % count, "};"]
    out += ["constexpr std::uint16_t kWords[] = {", *lines, "};"]
    print("\n".join(out))


if __name__ == "__main__":
    main()
