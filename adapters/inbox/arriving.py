"""An item that comes in piece by piece: in memory while it is small, then in a file of its desk; digested on the way.

Nothing of it has a name in the spool before it is whole.
"""

import hashlib
import io
from collections.abc import Callable
from typing import BinaryIO

from adapters.durable import Bytes
from adapters.inbox.desk import Desk, Kept
from adapters.inbox.spool import Name

IN_MEMORY = 576 * 1024  # bytes: a CT image of 512 × 512 pixels with its header


class Arriving:
    """``head``: bytes of the file before what comes in, which the digest does not count; given that digest, sealed.

    Both heads are of one length.
    """

    def __init__(self, desk: Desk, head: Callable[[str | None], bytes]) -> None:
        self._desk, self._head = desk, head
        self._hash = hashlib.sha256()
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: BinaryIO | None = None
        self.size = 0

    def write(self, data: Bytes) -> None:
        """Take the next bytes. Raises OSError where the disk is full or broken."""
        self._hash.update(data)
        self.size += len(data)
        if self._memory is not None:
            if self.size <= IN_MEMORY:
                self._memory.write(data)
                return
            self._file = self._desk.new_file()
            self._file.write(self._head(None))
            with self._memory.getbuffer() as so_far:
                self._file.write(so_far)
            self._memory = None
        if self._file is not None:
            self._file.write(data)

    def digest(self) -> str:
        """Hex of the SHA-256 of what came in."""
        return self._hash.hexdigest()

    def opened(self) -> tuple[BinaryIO, int]:
        """A stream over it, and where in it begins what came in. It is this object's: do not close it."""
        if self._file is not None:
            self._file.flush()
            return self._file, len(self._head(None))
        assert self._memory is not None
        return self._memory, 0

    def keep(self, name: Name) -> Kept:
        """Make it an item of the desk; see ``Desk.keep``. Raises OSError."""
        if self._file is not None:
            kept = self._desk.adopt(name, self._file)
            self._file = None
            return kept
        assert self._memory is not None
        with self._memory.getbuffer() as whole:
            return self._desk.keep_sealed(name, [self._head(name.digest), whole])

    def discard(self) -> None:
        """It is not kept, or was kept: give up what it takes."""
        self._memory = None
        if self._file is not None:
            self._desk.drop(self._file)
            self._file = None
