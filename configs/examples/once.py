"""Imported by the example workers that are written in Python: the same as once.sh, see there."""

import json
import os
import sys

SCRATCH = os.environ["PAWL_EXAMPLE_DIR"]
KEY = os.environ["PAWL_IDEMPOTENCY_KEY"]
EFFECTS = os.path.join(SCRATCH, "effects")


def step_input():
    return json.load(sys.stdin)


def fail(kind, message):
    """Whether that is tried again is for the definition's retry policy to say."""
    json.dump({"type": kind, "message": message}, sys.stdout)
    sys.exit(1)


def answer_if_done():
    """Ends the step with the kept result if an earlier attempt did the work."""
    try:
        with open(os.path.join(EFFECTS, KEY), encoding="utf-8") as kept:
            sys.stdout.write(kept.read())
            sys.exit(0)
    except FileNotFoundError:
        pass


def answer(result):
    """Keeps the result under the key, with one line in the ledger, and prints it."""
    os.makedirs(EFFECTS, exist_ok=True)
    place = os.path.join(EFFECTS, KEY)
    temporary = os.path.join(EFFECTS, f".{KEY}.{os.getpid()}")
    with open(temporary, "w", encoding="utf-8") as out:
        json.dump(result, out)
    try:
        os.link(temporary, place)
        with open(os.path.join(SCRATCH, "ledger.tsv"), "a", encoding="utf-8") as ledger:
            ledger.write(f"{KEY}\t{os.environ['PAWL_RUN']}\t{os.path.basename(sys.argv[0])}\n")
    except FileExistsError:
        pass
    os.unlink(temporary)
    with open(place, encoding="utf-8") as kept:
        sys.stdout.write(kept.read())
