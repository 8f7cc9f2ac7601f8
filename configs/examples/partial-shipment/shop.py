"""The shop of the example: shelves, a till and parcels, in SQLite. What is done under one key is done once."""

import contextlib
import os
import sqlite3
import sys

CARD_LIMIT = 100_000  # cents; more than that is declined

SCHEMA = """
CREATE TABLE IF NOT EXISTS shelf (sku TEXT PRIMARY KEY, available INTEGER NOT NULL CHECK (available >= 0));
CREATE TABLE IF NOT EXISTS reservation (id TEXT PRIMARY KEY, sku TEXT NOT NULL, quantity INTEGER NOT NULL,
  released INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS charge (id TEXT PRIMARY KEY, order_id TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refund (key TEXT PRIMARY KEY, charge TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parcel (tracking TEXT PRIMARY KEY, sku TEXT NOT NULL, quantity INTEGER NOT NULL,
  recalled INTEGER NOT NULL DEFAULT 0);
"""


@contextlib.contextmanager
def transaction():
    """All of it or nothing; a database that is locked is worth another attempt."""
    try:
        database = sqlite3.connect(os.path.join(os.environ["PAWL_EXAMPLE_DIR"], "shop.db"), timeout=10,
                                   isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        print(error, file=sys.stderr)
        sys.exit(75)
