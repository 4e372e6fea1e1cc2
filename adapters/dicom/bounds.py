"""How much of one instance is read: what inflates without end, and what would not fit in memory, is refused.

Source: DICOM PS3.5 A.5 (deflated data sets).
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from adapters.dicom.completeness import Stream
from adapters.dicom.refusal import TooLarge, Unreadable

MIB = 1024 * 1024
CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True, kw_only=True)
class Most:
    """``inflated_mib``: of a deflated data set; ``header_mib``: of what is parsed, a header or a structured report.

    ``scratch``: the folder for a data set while it is inflated; None for the system's.
    """

    inflated_mib: int = 512
    header_mib: int = 16
    scratch: Path | None = None


UNBOUNDED = Most(inflated_mib=1 << 30, header_mib=1 << 30)


def inflated(stream: Stream, most: Most) -> tuple[IO[bytes], int]:
    """The rest of a stream inflated, in memory while it is small, else in a file; and its length. Raises Refused."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    folder = str(most.scratch) if most.scratch else None
    file: IO[bytes] = SpooledTemporaryFile(MIB, dir=folder)  # noqa: SIM115  the caller closes it
    try:
        size = 0
        while not inflater.eof and (data := inflater.unconsumed_tail or stream.read(CHUNK)):
            piece = inflater.decompress(data, CHUNK)
            size += len(piece)
            if size > most.inflated_mib * MIB:
                raise TooLarge(f"inflates to more than {most.inflated_mib} MiB (KRYPTON_DICOM_INFLATED_MIB)")
            file.write(piece)
    except zlib.error:
        file.close()
        raise Unreadable("broken: its deflated dataset cannot be inflated") from None
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, size


class Metered:
    """A stream of which no more than ``most.header_mib`` is read; passing over costs nothing."""

    def __init__(self, stream: Stream, most: Most) -> None:
        self._stream, self._most = stream, most
        self._left = most.header_mib * MIB
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = CHUNK, /) -> bytes:
        """Read the next bytes. Raises TooLarge."""
        self._left -= size
        if self._left < 0:
            raise TooLarge(f"more than {self._most.header_mib} MiB before the pixels (KRYPTON_DICOM_HEADER_MIB)")
        return self._stream.read(size)
