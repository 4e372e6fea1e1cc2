"""A set of uuids on disk, so that a check of a long file finds duplicate numbers without using memory."""

import sqlite3
from uuid import UUID


class Seen:
    """A set of uuids in a temporary file, deleted with the process."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # "": SQLite's own temporary file, without a name
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, *ids: UUID) -> None:
        """Ids that are not there yet."""
        self._database.executemany("INSERT INTO seen VALUES (?)", [(each.bytes,) for each in ids])

    def has(self, one: UUID) -> bool:
        """Whether it was added."""
        return bool(self._database.execute("SELECT 1 FROM seen WHERE id = ?", (one.bytes,)).fetchone())

    def close(self) -> None:
        """Delete the file."""
        self._database.close()
