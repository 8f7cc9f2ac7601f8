"""A second reader of Pawl's journal, written from docs/log-format.md alone, with Python's standard library and zstd's
command line tool. It shares no code with the first, so that what both say is what the page says.

    journal = Journal(directory)      reads and checks everything; Damaged names file and offset
    journal.entries                   Entry objects in the order of the journal
    journal.runs()                    {"g-i": Run}: events, chained hash, from the entries that count
    entry.json()                      what `pawl journal dump` prints of it, as Python values
"""

import base64
import datetime
import hashlib
import math
import os
import pathlib
import re
import struct
import subprocess
import tempfile

# --- checksums -----------------------------------------------------------------------------------


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC = _crc_table()


def crc32c(data, seed=0):
    value = seed ^ 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ CRC[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def blake2b(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


class Damaged(Exception):
    def __init__(self, file, offset, what):
        super().__init__(f"{file}, offset {offset}: {what}")
        self.file, self.offset, self.what = str(file), offset, what


class Malformed(Exception):
    pass


# --- bytes ---------------------------------------------------------------------------------------


def varint_bytes(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag_bytes(number):
    return varint_bytes((number << 1 ^ number >> 63) & 0xFFFFFFFFFFFFFFFF)


class Cursor:
    """Reads from bytes; nothing is read past their end."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Malformed(f"{size} bytes wanted, {len(self.data) - self.at} are left")
        self.at += size
        return self.data[self.at - size:self.at]

    def u8(self):
        return self.take(1)[0]

    def boolean(self):
        value = self.u8()
        if value > 1:
            raise Malformed(f"{value} is no bool")
        return value == 1

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if value >= 1 << 64 or shift > 70 or (byte == 0 and shift > 7):
            raise Malformed("a varint is too large or too long")
        return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def string(self):
        return self.take(self.varint())

    def text(self):
        return self.string().decode()

    def done(self):
        return self.at == len(self.data)

    def finish(self):
        if not self.done():
            raise Malformed(f"{len(self.data) - self.at} bytes are left over")


# --- values --------------------------------------------------------------------------------------


def rfc3339(seconds, nanos):
    text = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    text = text.rjust(19, "0")  # strftime does not pad the year
    fraction = f"{nanos:09d}".rstrip("0")
    if fraction:
        text += "." + fraction.ljust((len(fraction) + 2) // 3 * 3, "0")
    return text + "Z"


def time_json(ms):
    return rfc3339(ms // 1000, ms % 1000 * 1_000_000)


def integer_json(number):
    return number if abs(number) <= 1 << 53 else str(number)


def value_json(cursor):
    """One value as JSON says it: what JSON has no word for is a string."""
    kind = cursor.u8()
    if kind == 0:
        return None
    if kind == 1:
        return cursor.boolean()
    if kind == 2:
        return integer_json(cursor.zigzag())
    if kind == 3:
        return integer_json(cursor.varint())
    if kind == 4:
        number = struct.unpack("<d", cursor.take(8))[0]
        if math.isnan(number):
            return "NaN"
        return number if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")
    if kind == 5:
        return cursor.text()
    if kind == 6:
        return base64.b64encode(cursor.string()).decode()
    if kind == 7:
        return [value_json(cursor) for _ in range(cursor.varint())]
    if kind == 8:
        pairs = [(value_json(cursor), value_json(cursor)) for _ in range(cursor.varint())]
        return {key if isinstance(key, str) else str(key).lower() if isinstance(key, bool) else str(key): value
                for key, value in pairs}
    if kind == 9:
        seconds = cursor.zigzag()
        return rfc3339(seconds, cursor.varint())
    if kind == 10:
        seconds, nanos = cursor.zigzag(), cursor.zigzag()
        sign = "-" if seconds < 0 or nanos < 0 else ""
        fraction = f"{abs(nanos):09d}".rstrip("0")
        return f"{sign}{abs(seconds)}{'.' + fraction if fraction else ''}s"
    raise Malformed(f"a value of the unknown kind {kind}")


# --- events --------------------------------------------------------------------------------------

WORDS = {
    "STATUS": "scheduled running paused completed failed cancelled terminated data_deleted",
    "CAUSE": "start next signal timer caught on_error on_timeout on_cancel move",
    "TIMER": "start run_timeout root_after root_every after every sleep task_queue task_attempt task_total "
             "task_retry incident_again signal_expiry gather",
    "ROLE": "state handler undo",
    "STAGE": "step entry verb result signal timer history gather leave",
    "END": "retried left",
    "FATE": "taken buffered held",
    "OUTCOME": "completed failed lease_lost",
    "STEP": "queued backoff started incident held withdrawn limited",
    "FRAME": "flow branch item",
    "FLOWEND": "completed failed cancelled",
    "CALL": "asked accepted cancelling",
    "RENEWAL": "history continued migrated reset",
}
WORDS = {name: words.split() for name, words in WORDS.items()}

TIMERS = "timers list of timer"
KINDS = {
    1: ("run.started", f"group, index, id string, workflow string, version, definition digest, generation, salt salt, "
                       f"input payload, vars list of named, tags list of tag, actor actor, start_at optional time, {TIMERS}"),
    2: ("run.activated", TIMERS),
    3: ("state.entered", f"frame, state string, visit, cause CAUSE, detail string, vars list of named, {TIMERS}"),
    4: ("vars.set", "frame, vars list of named"),
    5: ("timers.armed", TIMERS),
    6: ("signal.received", f"number, name string, payload payload, dedupe_id string, actor actor, fate FATE, {TIMERS}"),
    7: ("signal.taken", "number"),
    8: ("signal.buffered", f"number, {TIMERS}"),
    9: ("signal.expired", "number"),
    10: ("timer.fired", "timer, kind TIMER, next_at optional time"),
    11: ("task.scheduled", f"step, frame, role ROLE, state string, handler string, firing, task string, queue string, "
                           f"key string, priority zigzag, input payload, lease_ms zigzag, heartbeat bool, "
                           f"queue_ms optional zigzag, attempt_ms optional zigzag, {TIMERS}"),
    12: ("task.started", f"step, attempt, worker string, poll_key string, lease_ms zigzag, {TIMERS}"),
    13: ("task.returned", f"step, attempt, {TIMERS}"),
    14: ("task.completed", "step, attempt, result payload, actor actor"),
    15: ("task.failed", f"step, attempt, error error, reported bool, actor actor, retry_at optional time, {TIMERS}"),
    16: ("task.requeued", f"step, fresh bool, {TIMERS}"),
    17: ("task.progress", "step, attempt, details payload"),
    18: ("task.released", "step"),
    19: ("outcome.held", "step, attempt, outcome OUTCOME, result payload, error error, retryable optional bool, "
                         "actor actor"),
    20: ("error.raised", "frame, error error"),
    21: ("incident.opened", f"incident, frame, stage STAGE, step, error error, name string, kept payload, actor actor, "
                            f"timer_kind optional TIMER, timer_owner, {TIMERS}"),
    22: ("incident.closed", "incident, how END, reason string, actor actor"),
    23: ("run.paused", "reason string, actor actor"),
    24: ("run.resumed", "reason string, actor actor"),
    25: ("run.cancel_requested", "reason string, actor actor"),
    26: ("run.moved", "frame, from string, to string, reason string, actor actor"),
    27: ("run.closed", "status STATUS, output payload, error optional error, reason string, actor actor"),
    28: ("run.data_deleted", "reason string, actor actor"),
    29: ("run.continued", "generation, before, before_hash digest, identity identity, status STATUS, paused_from STATUS, "
                          "started_at time, start_at optional time, on_error_taken bool, on_timeout_taken bool, "
                          "on_cancel_taken bool, frames list of frame, visits list of visit, armed list of timer, "
                          "steps list of step, incidents list of incident, signals list of waiting, held list of held, "
                          "outcomes list of outcome, seen list of seen, last_step, last_timer, last_incident, last_signal"),
    30: ("flow.entered", "frame, parent, role FRAME, name string, index, machine string, path string, keeps_result "
                         "bool, vars list of named"),
    31: ("flow.left", "frame, how FLOWEND, result payload, error optional error"),
    32: ("parallel.started", "frame, count, join"),
    33: ("map.started", "frame, items payload, count, most, batch, tolerate"),
    34: ("map.retried", "frame"),
    35: ("result.kept", "frame, result payload"),
    36: ("undo.recorded", "undo, frame, place string, name string, step, task string, queue string, key string, input "
                          "payload"),
    37: ("undos.forgotten", "undos list of varint"),
    38: ("call.started", "call, frame, state string, workflow string, to, run string, input payload, wait bool, "
                         "cancels bool"),
    39: ("call.accepted", "call, group, index"),
    40: ("call.ended", "call, status optional STATUS, output payload, error optional error"),
    41: ("signal.sent", "call, frame, state string, to, run string, name string, payload payload"),
    42: ("signal.answered", "call, error optional error"),
    43: ("run.called", "group, index, run string, call, depth, wait bool"),
    44: ("run.renewed", "generation, before, before_hash digest, why RENEWAL, reason string, actor actor, identity "
                        "identity, status STATUS, paused_from STATUS, started_at time, start_at optional time, "
                        "on_error_taken bool, on_timeout_taken bool, on_cancel_taken bool, frames list of frame, "
                        "visits list of visit, armed list of timer, steps list of step, incidents list of incident, "
                        "signals list of waiting, held list of held, outcomes list of outcome, seen list of seen, "
                        "last_step, last_timer, last_incident, last_signal, inner list of inner, gathers list of "
                        "gather, undos list of undo, calls list of call, caller optional caller, last_frame, "
                        "last_undo, last_call"),
    45: ("call.held", "call, status optional STATUS, output payload, error optional error"),
    46: ("caller.told", "call"),
    47: ("run.reset", "to"),
    48: ("task.limited", "step, permit, limits list of limit"),
    49: ("permit.granted", "permit"),
    50: ("permit.returned", "permit"),
    51: ("permits.carried", "tasks list of limited, spares list of spare, last"),
}
STRUCTS = {
    "limit": "limit string, key string, concurrency, rate, window_ms zigzag",
    "limited": "step, limits list of limit, first, granted",
    "spare": "permit, limit string, key string",
    "timer": "timer, kind TIMER, frame, owner, fire_at time, interval_ms zigzag",
    "identity": "group, index, id string, workflow string, version, definition digest, salt salt, input payload, "
                "tags list of tag, started_by actor",
    "frame": "path string, state string, visit, entered_at time, entered_seq, vars list of named",
    "visit": "path string, name string, count",
    "step": "id, frame, role ROLE, status STEP, state string, handler string, type string, queue string, key string, "
            "priority zigzag, input payload, progress payload, lease_ms zigzag, heartbeat bool, queue_ms optional zigzag, "
            "attempt_ms optional zigzag, scheduled_at time, queued_at time, started_at time, attempt, not_counted, "
            "worker string, poll_key string",
    "incident": "id, frame, stage STAGE, step, state string, error error, since time, name string, kept payload, "
                "actor actor, timer_kind TIMER, timer_owner",
    "waiting": "number, name string, payload payload, actor actor, at time, seq, held bool",
    "held": "step, attempt, outcome OUTCOME, result payload, error error, retryable optional bool, actor actor, at time, "
            "seq",
    "outcome": "step, attempt, failed bool, seq, ordinal, digest digest, error_type string, at time",
    "seen": "id hash, at time",
    "inner": "id, parent, role FRAME, name string, index, machine string, keeps_result bool, result payload, frame "
             "frame, visits list of visit",
    "gathered": "index, failed bool, result payload, error error",
    "gather": "frame, map bool, items payload, count, next, again list of varint, open, completed, failed, most, "
              "batch, tolerate, join, gathered list of gathered",
    "undo": "id, frame, place string, name string, waits_for, since, runs, task string, queue string, key string, "
            "input payload",
    "call": "id, frame, state string, is_signal bool, to, run string, name string, input payload, wait bool, cancels "
            "bool, status CALL, child, held bool, held_status optional STATUS, held_output payload, held_error "
            "optional error",
    "caller": "group, index, run string, call, depth, wait bool, told bool",
}
ABSENT = object()  # what is left out of an event's JSON


class EventReader:
    """Reads stored events; beside its JSON each gets its hashed form."""

    def __init__(self, stored, first_seq, time_ms, salt):
        self.cursor, self.seq, self.time_ms, self.salt = Cursor(stored), first_seq, time_ms, salt
        self.hashed = bytearray()
        self.ordinal = 0

    def events(self):
        found = []
        while not self.cursor.done():
            kind = self.raw(self.cursor.varint)
            if kind not in KINDS:
                raise Malformed(f"an event of the unknown kind {kind}")
            self.hashed += varint_bytes(self.seq) + zigzag_bytes(self.time_ms)
            self.ordinal = 0
            name, fields = KINDS[kind]
            shown = {"seq": self.seq, "at": time_json(self.time_ms), "type": name, **self.struct(fields)}
            found.append((shown, bytes(self.hashed)))
            self.hashed.clear()
            self.seq += 1
        return found

    def raw(self, read):
        """What `read` reads is hashed as it stands."""
        begin = self.cursor.at
        value = read()
        self.hashed += self.cursor.data[begin:self.cursor.at]
        return value

    def struct(self, fields):
        shown = {}
        for field in fields.split(", "):
            field, _, what = field.partition(" ")
            value = self.field(what)
            if value is not ABSENT:
                shown[field] = value
        return shown

    def field(self, what):
        if what in STRUCTS:
            return self.struct(STRUCTS[what])
        if what.startswith("optional "):
            return self.field(what[len("optional "):]) if self.raw(self.cursor.boolean) else ABSENT
        if what.startswith("list of "):
            items = [self.field(what[len("list of "):]) for _ in range(self.raw(self.cursor.varint))]
            if not items:
                return ABSENT
            return dict(items) if what in ("list of named", "list of tag") else items
        if what in WORDS:
            number = self.raw(self.cursor.varint)
            if number >= len(WORDS[what]):
                raise Malformed(f"{number} is no {what}")
            return WORDS[what][number]
        return getattr(self, "read_" + (what or "varint"))()

    def read_varint(self):
        return integer_json(self.raw(self.cursor.varint))

    def read_zigzag(self):
        return integer_json(self.raw(self.cursor.zigzag))

    def read_bool(self):
        return self.raw(self.cursor.boolean)

    def read_string(self):
        return self.raw(self.cursor.text)

    def read_time(self):
        return time_json(self.raw(self.cursor.zigzag))

    def read_digest(self):
        return self.raw(lambda: self.cursor.take(32)).hex()

    def read_salt(self):
        self.salt = self.cursor.take(16)
        return ABSENT

    def read_hash(self):
        return self.raw(lambda: self.cursor.take(16)).hex()

    def read_named(self):
        return self.read_string(), self.read_payload()

    def read_tag(self):
        return self.read_string(), self.read_string()

    def read_actor(self):
        box, uid = self.read_varint(), self.read_varint()
        gids = [self.read_varint() for _ in range(self.raw(self.cursor.varint))]
        return {"box": box, "uid": uid, "gids": gids} if box != 0 else ABSENT

    def read_error(self):
        kind, detail = self.read_string(), self.read_payload()
        if detail is None or "scrubbed" in detail:
            return {"type": kind, "detail": detail} if detail else {"type": kind, "message": ""}
        data = {"data": detail["data"]} if detail.get("data") is not None else {}
        return {"type": kind, "message": detail.get("message", ""), **data}

    def read_payload(self):
        ordinal, self.ordinal = self.ordinal, self.ordinal + 1
        length = self.raw(self.cursor.varint)
        if length == 0:
            return None
        flags = self.cursor.u8()
        if flags == 3:
            digest = self.cursor.take(32)
            self.hashed += digest
            return {"scrubbed": digest.hex()}
        if flags != 0:
            raise Malformed(f"a payload has the flags {flags}")
        encoded = self.cursor.take(length)
        if self.salt is None:
            self.hashed = bytearray()  # of a run whose beginning is not here: no hash
        else:
            self.hashed += blake2b(encoded, self.salt + struct.pack("<QI", self.seq, ordinal))
        value = Cursor(encoded)
        shown = value_json(value)
        value.finish()
        return shown


# --- entries -------------------------------------------------------------------------------------


class Table:
    """A FlatBuffers table."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - self.number("<i", at)
        self.vtable_bytes = self.number("<H", self.vtable)

    def number(self, form, at):
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise Malformed("a table points outside of its entry")
        return struct.unpack_from(form, self.data, at)[0]

    def place(self, field):
        slot = 4 + 2 * field
        if slot + 2 > self.vtable_bytes:
            return 0
        offset = self.number("<H", self.vtable + slot)
        return self.at + offset if offset else 0

    def get(self, field, form):
        place = self.place(field)
        return self.number(form, place) if place else 0

    def follow(self, place):
        return place + self.number("<I", place)

    def bytes(self, field):
        place = self.place(field)
        if not place:
            return b""
        at = self.follow(place)
        size = self.number("<I", at)
        if at + 4 + size > len(self.data):
            raise Malformed("a table's bytes go past their entry")
        return self.data[at + 4:at + 4 + size]

    def table(self, field):
        place = self.place(field)
        return Table(self.data, self.follow(place)) if place else None

    def tables(self, field):
        place = self.place(field)
        if not place:
            return []
        at = self.follow(place)
        return [Table(self.data, self.follow(at + 4 + 4 * n)) for n in range(self.number("<I", at))]


def message_json(table):
    if table.get(2, "<B") != 1:
        raise Malformed("a message of an unknown kind")
    return {"number": integer_json(table.get(1, "<Q")), "kind": "pin", "name": table.bytes(3).decode(),
            "version": table.get(4, "<I")}


def answer_json(table):
    shown = {}
    if table.bytes(0):
        shown = {"key": table.bytes(0).decode(), "request": table.bytes(1).hex()}
    else:
        shown = {"process": integer_json(table.get(4, "<Q")), "number": integer_json(table.get(5, "<Q")),
                 "open_from": integer_json(table.get(6, "<Q"))}
    return {**shown, "status": table.get(2, "<H"), "body": table.bytes(3).decode()}


def actor_fields(cursor):
    at, box, uid = cursor.zigzag(), cursor.varint(), cursor.varint()
    gids = [cursor.varint() for _ in range(cursor.varint())]
    return {"at": time_json(at), **({"actor": {"box": box, "uid": uid, "gids": gids}} if box else {})}


BATCH_VERBS = ("cancel", "terminate", "pause", "resume", "retry", "signal", "move")


def batch_spec(cursor):
    optional = lambda read: read() if cursor.boolean() else None
    chosen = {name: optional(cursor.text) for name in ("workflow", "status", "state", "id_prefix")}
    for name in ("started_after", "started_before", "closed_after", "closed_before"):
        chosen[name] = optional(lambda: time_json(cursor.zigzag()))
    chosen = {name: value for name, value in chosen.items() if value is not None}
    tags = dict((cursor.text(), cursor.text()) for _ in range(cursor.varint()))
    if tags:
        chosen["tags"] = tags
    verb = BATCH_VERBS[cursor.u8()]
    signal, start, end, value, reason = cursor.text(), cursor.text(), cursor.text(), cursor.string(), cursor.text()
    given = {}
    if verb in ("signal", "move"):
        given = {"signal": signal} if verb == "signal" else {"from": start, "to": end}
        if value:
            inner = Cursor(value)
            given["payload" if verb == "signal" else "vars"] = value_json(inner)
            inner.finish()
    return {"verb": verb, "args": given, "filter": chosen, "reason": reason, "rate": cursor.varint()}


def batch_counts(cursor):
    counts = {name: integer_json(cursor.varint()) for name in ("changed", "unchanged", "refused")}
    refusals = []
    for _ in range(cursor.varint()):
        uid = f"{cursor.varint():x}-{cursor.varint():x}"
        refusals.append({"run": cursor.text(), "uid": uid, "type": cursor.text(), "detail": cursor.text()})
    return {**counts, "refusals": refusals}


def place_text(cursor):
    return "1-" + ".".join(f"{cursor.varint():x}" for _ in range(cursor.varint()))


def steps_json(data):
    cursor, steps = Cursor(data), []
    while not cursor.done():
        steps.append({"batch": cursor.varint(), "what": ("met", "done", "forget")[cursor.u8()],
                      "through": integer_json(cursor.varint()), **batch_counts(cursor)})
    return steps


def change_json(cursor):
    kind = cursor.varint()
    if kind == 1:
        return {"type": "version.stored", "name": cursor.text(), "version": cursor.varint(), "text": cursor.text(),
                "hash": cursor.take(32).hex(), "revision": cursor.text(), **actor_fields(cursor)}
    if kind == 2:
        return {"type": "default.changed", "name": cursor.text(), "version": cursor.varint(),
                "reason": cursor.text(), **actor_fields(cursor)}
    if kind == 3:
        return {"type": "version.pinned", "group": cursor.varint(), "name": cursor.text(), "version": cursor.varint()}
    if kind in (4, 5):
        return {"type": {4: "queue.paused", 5: "queue.resumed"}[kind], "queue": cursor.text(),
                "reason": cursor.text(), **actor_fields(cursor)}
    if kind == 6:
        return {"type": "boxes.founded", "boxes": [cursor.varint() for _ in range(cursor.varint())]}
    if kind == 7:
        return {"type": "box.added", "box": cursor.varint(), "address": cursor.text(), "promote": cursor.boolean(),
                **actor_fields(cursor)}
    if kind in (8, 9):
        return {"type": {8: "box.promoted", 9: "box.removed"}[kind], "box": cursor.varint(), **actor_fields(cursor)}
    if kind == 10:
        return {"type": "box.known", "box": cursor.varint(), "store": cursor.take(16).hex()}
    if kind == 20:
        return {"type": "batch.begun", "batch": cursor.varint(), **batch_spec(cursor),
                "through": [cursor.varint() for _ in range(cursor.varint())], "matching": cursor.varint(),
                **actor_fields(cursor)}
    if kind == 21:
        return {"type": "batch.part_done", "batch": cursor.varint(), "group": cursor.varint(), **batch_counts(cursor),
                "at": time_json(cursor.zigzag())}
    if kind == 22:
        return {"type": "batch.stopped", "batch": cursor.varint(), "reason": cursor.text(), **actor_fields(cursor)}
    if 25 <= kind <= 28:
        shown = {"type": "subscription." + ("put", "acked", "lost", "deleted")[kind - 25], "name": cursor.text()}
        if kind <= 26:
            shown["cursor"] = place_text(cursor)
        if kind == 25:
            shown["whole"] = place_text(cursor)
            lag = cursor.zigzag()
            shown["max_lag"] = f"{lag // 1000}s" if lag % 1000 == 0 else f"{lag}ms"
        return {**shown, **(actor_fields(cursor) if kind in (25, 28) else {"at": time_json(cursor.zigzag())})}
    if 31 <= kind <= 33:
        shown = {"type": "namespace.put", "name": cursor.text()}
        if kind == 31:
            for bound in ("max_runs", "max_payload_bytes", "starts_per_second"):
                number = cursor.varint()
                if number:
                    shown[bound] = number - 1
            return {**shown, "reason": cursor.text(), **actor_fields(cursor)}
        if kind == 32:
            shown["type"] = "namespace.gone" if cursor.boolean() else "namespace.ending"
            return {**shown, **actor_fields(cursor)}
        return {**shown, "type": "namespace.shared",
                "shares": [{"runs": cursor.varint(), "payload_bytes": cursor.varint()} for _ in range(cursor.varint())]}
    raise Malformed(f"a change of the catalog of the unknown kind {kind}")


def rate_text(rate, window_ms):
    for unit, name in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")):
        if window_ms % unit == 0:
            return f"{rate}/{window_ms // unit}{name}"


def limit_changes_json(data):
    cursor, changes = Cursor(data), []
    while not cursor.done():
        what = ("waits", "granted", "gone")[cursor.u8()]
        shown = {"limit": cursor.text(), "key": cursor.text(), "what": what}
        shown |= {"uid": f"{cursor.varint():x}-{cursor.varint():x}", "permit": cursor.varint()}
        if what != "gone":
            concurrency, rate, window_ms = cursor.varint(), cursor.varint(), cursor.varint()
            cursor.zigzag()  # the priority
            run = cursor.text()
            shown |= {"run": run} if run else {}
            shown |= {"concurrency": concurrency} if concurrency else {}
            shown |= {"rate": rate_text(rate, window_ms)} if rate else {}
        changes.append(shown)
    return changes


def members_json(data):
    cursor = Cursor(data)
    if cursor.u8() != 1:
        raise Malformed("a membership of an unknown format")
    members = {name: [cursor.varint() for _ in range(cursor.varint())]
               for name in ("voters", "outgoing", "learners", "learners_next")}
    cursor.finish()
    return members


def forgotten(data, numbers):
    """Runs, each as the distance of its index from the one before, and what else is said of each."""
    cursor, run, found = Cursor(data), 0, []
    while not cursor.done():
        distance = cursor.varint()
        if distance == 0:
            raise Malformed("a run is forgotten twice")
        run += distance
        found.append((run, *(cursor.varint() for _ in range(numbers - 1))))
    return found


class Entry:
    def __init__(self, group, term, index, segment, offset, data):
        self.group, self.term, self.index = group, term, index
        self.segment, self.offset, self.data = segment, offset, data
        self.replaced = False
        self.level = self.time_ms = self.run = self.previous = self.first_seq = 0
        self.stored = b""
        self.events = []  # (JSON, hashed form), once the salt of the run is known
        if data:
            root = Table(data, struct.unpack_from("<I", data, 0)[0])
            self.table = root
            self.level, self.time_ms, self.run = root.get(0, "<H"), root.get(1, "<q"), root.get(2, "<Q")
            self.previous, self.first_seq, self.stored = root.get(3, "<Q"), root.get(4, "<Q"), root.bytes(5)

    @property
    def begins_generation(self):
        return self.previous == 0

    @property
    def uid(self):
        return f"{self.group:x}-{self.run:x}"

    def json(self):
        shown = {"group": self.group, "index": self.index, "term": self.term, "segment": self.segment,
                 "offset": self.offset}
        if self.replaced:
            shown["replaced"] = True
        if not self.data:
            return {**shown, "noop": True}
        table = self.table
        shown |= {"at": time_json(self.time_ms), "level": self.level}
        if table.get(14, "<Q"):
            shown["committed"] = table.get(14, "<Q")
        if self.run:
            shown["run"] = self.uid
        if self.previous:
            shown["previous"] = self.previous
        if self.events:
            shown["events"] = [event for event, _ in self.events]
        if table.tables(6):
            shown["answers"] = [answer_json(answer) for answer in table.tables(6)]
        if table.tables(7):
            shown["sends"] = [{"to": send.get(0, "<H"), **message_json(send)} for send in table.tables(7)]
        if table.table(9):
            shown["receive"] = {"from": table.get(8, "<H"), **message_json(table.table(9))}
        if table.get(11, "<Q"):
            shown["ack"] = {"to": table.get(10, "<H"), "through": integer_json(table.get(11, "<Q"))}
        if table.bytes(12):
            cursor, shown["catalog"] = Cursor(table.bytes(12)), []
            while not cursor.done():
                shown["catalog"].append(change_json(cursor))
        if table.bytes(18):
            shown["batches"] = steps_json(table.bytes(18))
        if table.bytes(19):
            shown["limits"] = limit_changes_json(table.bytes(19))
        if table.get(13, "<H"):
            shown["raise_level"] = table.get(13, "<H")
        if table.bytes(15):
            shown["members"] = members_json(table.bytes(15))
        if table.bytes(16):
            shown["forgets"] = [f"{self.group:x}-{run:x}" for run, in forgotten(table.bytes(16), 1)]
        if table.bytes(17):
            shown["forgets_generations"] = [{"run": f"{self.group:x}-{run:x}", "through": through}
                                            for run, through in forgotten(table.bytes(17), 2)]
        return shown


class Run:
    def __init__(self, uid, run_id, salt):
        self.uid, self.id, self.salt = uid, run_id, salt
        self.events = []
        self.hash = bytes(32)
        self.seq = self.newest = 0


# --- the journal ---------------------------------------------------------------------------------

SEAL, DICTIONARY, LOST = 1, 2, 8


def padded(size):
    return (size + 7) // 8 * 8


class Frame:
    """A frame's header; None fields where it is none."""

    def __init__(self, data, at, segment, seed):
        fixed = data[at:at + 72]
        self.at, self.state = at, "none"
        if len(fixed) < 4 or fixed[:4] != b"PwrF":
            return
        self.state = "bad header"
        if len(fixed) < 72:
            return
        (_, crc, self.header_bytes, self.payload_bytes, self.payload_crc, self.codec, self.flags, states, number, offset,
         self.raw_bytes, mark_segment, mark_offset, self.file_bytes, self.oldest, ranges, self.dictionary) = struct.unpack(
             "<IIIIIBBHQIIQIIQII", fixed)
        self.mark = (mark_segment, mark_offset)
        if (number, offset) != (segment, at) or self.header_bytes < 72 or self.header_bytes % 8 or ranges > 4096:
            return
        if self.header_bytes > 128 << 10 or self.payload_bytes > 8 << 20 or self.raw_bytes > 8 << 20:
            return
        header = data[at:at + self.header_bytes]
        if len(header) < self.header_bytes or crc32c(header[8:], seed) != crc:
            return
        lists = Cursor(header[72:])
        self.ranges = [[lists.varint() for _ in range(4)] for _ in range(ranges)]
        self.states = [[lists.varint() for _ in range(3)] for _ in range(states)]
        self.end = at + padded(self.header_bytes + self.payload_bytes)
        self.state = "bad payload"
        stored = data[at + self.header_bytes:self.end]
        if len(stored) == self.end - at - self.header_bytes and crc32c(stored, seed) == self.payload_crc:
            self.state, self.stored = "whole", stored[:self.payload_bytes]


def unpacked(frame, dictionaries):
    """The payload before compression."""
    if frame.codec == 0:
        return frame.stored
    if frame.codec != 1:
        raise Malformed(f"the codec {frame.codec} is unknown")
    command = ["zstd", "--decompress", "--stdout", "--quiet"]
    with tempfile.TemporaryDirectory() as scratch:
        if frame.dictionary:
            path = pathlib.Path(scratch) / "dictionary"
            path.write_bytes(dictionaries[frame.dictionary])
            command += ["-D", str(path)]
        done = subprocess.run(command, input=frame.stored, capture_output=True, check=False)
    if done.returncode != 0 or len(done.stdout) != frame.raw_bytes:
        raise Malformed(f"zstd: {done.stderr.decode()}{len(done.stdout)} bytes, {frame.raw_bytes} were to come")
    return done.stdout


KEPT_BASE, KEPT, INDEX = 1 << 32, 2, 4


def dictionaries_in(directory):
    """How many segments of a store begin with a dictionary, by the flags of their first frame; nothing is verified."""
    heads = (path.open("rb").read(64 + 72)[64:] for path in pathlib.Path(directory).glob("[0-9a-f]" * 16 + ".seg"))
    return sum(len(head) == 72 and head[:4] == b"PwrF" and bool(head[21] & DICTIONARY) for head in heads)


class Journal:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.entries, self.states = [], {}
        self.segments, self.frames, self.torn_bytes = [], 0, 0
        self.compressed = self.dictionaries = 0
        self.end = self.oldest = None
        self.lost = []  # (file, offset, bytes) of frames that stand for damaged ones
        self.begins = {}  # by group: how many entries had been read when its log last began anew
        numbers = self.segment_numbers()
        self.store = self.path(numbers[0]).read_bytes()[16:32]
        self.rebuilds = self.read_rebuilds()
        for number in numbers:
            self.read_segment(number, number == numbers[0], number == numbers[-1])
        if self.oldest < numbers[0]:
            raise Damaged(self.path(numbers[0] - 1), 0, "the segment is missing")
        self.find_replaced()
        self.read_kept_files()
        self.read_events()

    def path(self, number):
        kept = number > KEPT_BASE
        return self.directory / f"{'kept-' if kept else ''}{number - (KEPT_BASE if kept else 0):016x}.seg"

    def read_rebuilds(self):
        """{group: what the journal has of it before (segment, offset), and older kept files have, is void}"""
        rebuilds = {}
        for name in os.listdir(self.directory):
            if not re.fullmatch("rebuild-[0-9a-f]{4}", name):
                continue
            data = (self.directory / name).read_bytes()
            if len(data) != 92 or data[:8] != b"PAWLRBLD" or crc32c(data[12:]) != struct.unpack_from("<I", data, 8)[0]:
                raise Damaged(name, 0, "the file is damaged")
            version, store, group, _, segment, offset, kept_from, _, _, _, _ = struct.unpack("<I16sHHQQQQQQQ", data[12:])
            if version != 1 or store != self.store or int(name[8:], 16) != group:
                raise Damaged(name, 12, "it is of another store or group")
            rebuilds[group] = {"until": (segment, offset), "kept_from": kept_from}
        return rebuilds

    def is_void_at(self, group, segment, offset):
        rebuild = self.rebuilds.get(group)
        return rebuild is not None and (segment, offset) < rebuild["until"]

    def read_kept_files(self):
        """What kept files speak for stands in them and nowhere else."""
        pattern = re.compile("kept-([0-9a-f]{16})[.]seg")
        found = [pattern.fullmatch(name) for name in os.listdir(self.directory)]
        files = [self.read_kept_file(KEPT_BASE + int(match[1], 16)) for match in found if match]
        useless = {number for file in files for number in file["replaces"]}
        self.kept = sorted((file for file in files if file["number"] not in useless), key=lambda file: -file["number"])
        entries = []
        for file in reversed(self.kept):
            entries += [entry for entry in file["entries"] if self.holder(entry) is file]
        self.entries = entries + [entry for entry in self.entries if self.holder(entry) is None]

    def holder(self, entry):
        """The file that counts for the entry, or None: the span that goes on furthest, then an installed one, then the newest."""
        found, best = None, None
        for file in self.kept:
            begin, end, installed = file["spans"].get(entry.group, (0, 0, 0))
            if begin < entry.index <= end and (found is None or (end, installed) > best):
                found, best = file, (end, installed)
        return found

    def read_kept_file(self, number):
        path = self.path(number)
        data = path.read_bytes()
        _, flags = self.read_header(path, data, number)
        if flags != KEPT:
            raise Damaged(path, 44, "it is no kept file")
        seed = crc32c(self.store + struct.pack("<Q", number))
        index_at, crc, magic = struct.unpack("<II8s", data[-16:])
        if magic != b"PAWLKEND" or crc != crc32c(data[-16:-12], seed):
            raise Damaged(path, len(data) - 16, "the end is damaged")
        mine, self.entries, frames = self.entries, [], self.frames
        at, dictionaries = 64, {}
        while at < index_at:
            frame = Frame(data, at, number, seed)
            if frame.state != "whole":
                raise Damaged(path, at, "a frame is damaged")
            self.take_frame(path, number, frame, dictionaries)
            at = frame.end
        entries, self.entries, self.frames = self.entries, mine, frames
        index = Frame(data, index_at, number, seed)
        if at != index_at or index.state != "whole" or index.flags != INDEX or index.end != len(data) - 16:
            raise Damaged(path, index_at, "the index is damaged")
        cursor = Cursor(index.stored)
        count, runs = cursor.varint(), cursor.varint()
        spans = {}
        for _ in range(cursor.varint()):
            group, begin, end, flags = (cursor.varint() for _ in range(4))
            if group not in self.rebuilds or number >= self.rebuilds[group]["kept_from"]:
                spans[group] = (begin, end, flags & 1)
        replaces = [KEPT_BASE + cursor.varint() for _ in range(cursor.varint())]
        if count != len(entries):
            raise Damaged(path, index_at, "the index counts other entries")
        self.check_places(path, index_at, cursor, entries)
        return {"number": number, "entries": entries, "runs": runs, "spans": spans, "replaces": replaces}

    @staticmethod
    def check_places(path, index_at, cursor, entries):
        """Each entry is found in the frame that the index says."""
        frames, at = [], 0
        for n in range(cursor.varint()):
            at = cursor.varint() if n == 0 else at + frames[-1][1]
            frames.append((at, cursor.varint()))
        anchors = {}
        while not cursor.done():
            group, first, frame, mine = cursor.varint(), 0, 0, []
            for _ in range(cursor.varint()):
                first, frame = first + cursor.varint(), frame + cursor.varint()
                mine.append((first, frames[frame][0]))
            anchors[group] = mine
        newest = {(entry.group, entry.index): entry.offset for entry in entries}
        for (group, index), offset in newest.items():
            places = [place for first, place in anchors.get(group, []) if first <= index]
            if not places or places[-1] != offset:
                raise Damaged(path, index_at, f"entry {index} of group {group} is not where the index says")

    def segment_numbers(self):
        names = [name for name in os.listdir(self.directory) if len(name) == 20 and name.endswith(".seg")]
        numbers = sorted(int(name[:16], 16) for name in names)
        if not numbers:
            raise Damaged(self.directory, 0, "there are no segments")
        run = [numbers[-1]]
        while run[0] - 1 in numbers:
            run.insert(0, run[0] - 1)
        return run

    def read_header(self, path, data, number):
        header = data[:64]
        if len(header) < 64 or header[:8] != b"PAWLJRNL" or crc32c(header[12:]) != struct.unpack_from("<I", header, 8)[0]:
            raise Damaged(path, 0, "the segment header is damaged")
        version, store, named, level, flags, _ = struct.unpack("<I16sQIII", header[12:52])
        if version != 1:
            raise Damaged(path, 12, f"the format version is {version}")
        if store != self.store:
            raise Damaged(path, 16, "it names another store")
        if named != number:
            raise Damaged(path, 32, f"it names segment {named:x}")
        return level, flags

    def read_segment(self, number, first, last):
        path = self.path(number)
        data = path.read_bytes()
        level, flags = self.read_header(path, data, number)
        seed = crc32c(self.store + struct.pack("<Q", number))
        at, frames, head, dictionaries = 64, 0, True, {}
        while True:
            frame = Frame(data, at, number, seed)
            if frame.state != "whole":
                break
            if len(data) < frame.file_bytes:
                raise Damaged(path, len(data), f"cut short, {frame.file_bytes} bytes were promised")
            if frame.flags & SEAL:
                break
            if head and not first and frame.mark != self.end:
                raise Damaged(self.path(self.end[0]), self.end[1], "a frame is damaged or missing")
            self.take_frame(path, number, frame, dictionaries)
            head, at, frames = False, frame.end, frames + 1
        if head:
            raise Damaged(path, 64, "the segment's first frame is damaged")
        self.end = (number, at)
        self.segments.append({"segment": number, "file_bytes": len(data), "used_bytes": at, "frames": frames,
                              "feature_level": level, "recycled": bool(flags & 1)})
        if last:
            self.judge_tail(path, data, at, number, seed, frame, bool(flags & 1))

    def judge_tail(self, path, data, at, number, seed, frame, recycled):
        if frame.state == "whole":
            raise Damaged(self.path(number + 1), 0, "the segment is missing, the one before is sealed")
        for later in range(at + 8, len(data) - 71, 8):
            if data[later:later + 4] == b"PwrF" and Frame(data, later, number, seed).state in ("whole", "bad payload"):
                raise Damaged(path, at, f"a frame is damaged, a later one begins at {later}")
        if recycled:
            self.torn_bytes = 0 if frame.state == "none" else min(72, len(data) - at)
            return
        self.torn_bytes = len(data[at:].rstrip(b"\0"))

    def take_frame(self, path, number, frame, dictionaries):
        self.frames += 1
        self.oldest = frame.oldest
        for group, term, vote in frame.states:
            self.states[group] = (term, vote)
        for group, _, _, count in frame.ranges:
            if count == 0 and not self.is_void_at(group, number, frame.at):
                self.begins[group] = len(self.entries)
        if frame.flags & LOST:
            self.lost.append((str(path), frame.at, frame.end - frame.at))
            return
        if frame.flags & DICTIONARY:
            dictionaries[frame.dictionary] = frame.stored
            self.dictionaries += 1
            return
        self.compressed += frame.codec != 0
        try:
            cursor = Cursor(unpacked(frame, dictionaries))
            seen = [0] * len(frame.ranges)
            for _ in range(sum(count for _, _, _, count in frame.ranges)):
                which, data = cursor.varint(), cursor.string()
                group, term, begin, count = frame.ranges[which]
                if seen[which] == count:
                    raise Malformed("a range has more entries than its count")
                if not self.is_void_at(group, number, frame.at):
                    self.entries.append(Entry(group, term, begin + seen[which], number, frame.at, data))
                seen[which] += 1
            cursor.finish()
        except (Malformed, IndexError, KeyError, struct.error) as wrong:
            raise Damaged(path, frame.at, f"a frame's contents: {wrong}") from wrong

    def find_replaced(self):
        """An entry makes void all earlier ones of its group with its index or a higher one; a log that begins anew all."""
        least = {}
        for at in reversed(range(len(self.entries))):
            entry = self.entries[at]
            entry.replaced = entry.index >= least.get(entry.group, 1 << 64) or at < self.begins.get(entry.group, 0)
            least[entry.group] = min(entry.index, least.get(entry.group, 1 << 64))

    def read_events(self):
        salts = {}
        for entry in self.entries:
            if not entry.stored:
                continue
            reader = EventReader(entry.stored, entry.first_seq, entry.time_ms, salts.get((entry.group, entry.run)))
            try:
                entry.events = reader.events()
            except (Malformed, UnicodeDecodeError) as wrong:
                raise Damaged(self.path(entry.segment), entry.offset, f"entry {entry.index} of group {entry.group}: {wrong}") from wrong
            if entry.begins_generation:
                salts[entry.group, entry.run] = reader.salt

    def runs(self):
        runs = {}
        for entry in self.entries:
            if entry.replaced or not entry.events:
                continue
            first = entry.events[0][0]
            if entry.first_seq == 1:
                runs[entry.uid] = Run(entry.uid, first["id"], None)
            run = runs.get(entry.uid)
            if first["type"] in ("run.continued", "run.renewed"):
                if run is None:  # the generations before are not in this journal
                    run = runs[entry.uid] = Run(entry.uid, first["identity"]["id"], None)
                    run.seq, run.hash = first["before"], bytes.fromhex(first["before_hash"])
                if (first["before"], first["before_hash"]) != (run.seq, run.hash.hex()):
                    raise Damaged(self.path(entry.segment), entry.offset,
                                  f"entry {entry.index} of group {entry.group} begins a generation with what the one "
                                  "before did not end on")
                run.newest = 0
            if run is None:
                continue  # it began before this journal
            if entry.previous != run.newest or entry.first_seq != run.seq + 1:
                raise Damaged(self.path(entry.segment), entry.offset,
                              f"entry {entry.index} of group {entry.group} does not follow the run's entry before")
            for event, hashed in entry.events:
                run.events.append(event)
                run.seq = event["seq"]
                run.hash = blake2b(run.hash + hashed)
            run.newest = entry.index
        return runs


def read_snapshot(path):
    """Checks all of a snapshot file; its group, index and contents."""
    data = pathlib.Path(path).read_bytes()
    header = data[:72]
    if len(header) < 72 or header[:8] != b"PAWLSNAP" or crc32c(header[12:]) != struct.unpack_from("<I", header, 8)[0]:
        raise Damaged(path, 0, "the snapshot header is damaged")
    version, store, group, _, level, index, term = struct.unpack("<I16sHHIQQ", header[12:56])
    if version != 1:
        raise Damaged(path, 12, f"the format version is {version}")
    crc, digest, at, contents = crc32c(header), blake2b(header), 72, []
    while True:
        if len(data) < at + 8:
            raise Damaged(path, at, "the file ends too early")
        length, expected = struct.unpack_from("<II", data, at)
        if length == 0:
            break
        chunk = data[at + 8:at + 8 + length]
        crc = crc32c(chunk, crc)
        if length > 262_144 or len(chunk) < length or crc != expected:
            raise Damaged(path, at + 8, "a chunk is damaged")
        digest = blake2b(digest + chunk)
        contents.append(chunk)
        at += 8 + length
    footer = data[at + 8:]
    if len(footer) != 40 or crc32c(footer, crc) != expected:
        raise Damaged(path, at, "the footer is damaged")
    size, whole = struct.unpack("<Q32s", footer)
    contents = b"".join(contents)
    if size != len(contents) or whole != digest:
        raise Damaged(path, at, "the whole-file hash is wrong")
    return {"store": store, "group": group, "index": index, "term": term, "level": level, "contents": contents}
