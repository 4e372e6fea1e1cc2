"""Reads a multipart body while it comes in: each part goes on piece by piece, and nothing is held but its headers.

What lies before the first part and after the last is passed over. Source: RFC 2046 5.1, RFC 2387.
"""

from collections.abc import Callable, Mapping
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final, Protocol

LONGEST_BOUNDARY: Final = 70
"""RFC 2046 5.1.1."""
LONGEST_HEADERS: Final = 16_384
LONGEST_PREAMBLE: Final = 65_536
LONGEST_PADDING: Final = 64
_LINE: Final = b"\r\n"


class Malformed(Exception):
    """A body that is no multipart body, or ends before it is closed. ``str``: what is wrong with it."""


class Part(Protocol):
    """Where a part goes."""

    def write(self, data: memoryview) -> None:
        """The next bytes, valid during the call."""

    def end(self) -> None:
        """It is whole."""

    def discard(self) -> None:
        """It does not come whole."""


Begin = Callable[[Mapping[str, str]], Part]
"""Called with the headers of a part, by name in lower case."""


class Multipart:
    """Call ``feed`` with the pieces of a body, then ``end``; or ``discard``. ``parts``: how many have begun."""

    def __init__(self, boundary: bytes, begin: Begin) -> None:
        self._delimiter, self._begin = _LINE + b"--" + boundary, begin
        self._rest = _LINE  # the first delimiter may be the first line
        self._passed = self.parts = 0
        self._part: Part | None = None
        self._step: Callable[[bytes, int], int | None] = self._before

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises Malformed, and what a part raises.

        What was read is not copied at each step: a body of nothing but delimiters would cost the square of its length.
        """
        data, self._rest = self._rest + data if self._rest else data, b""
        at: int | None = 0
        while at is not None:
            at = self._step(data, at)

    def end(self) -> None:
        """No more comes. Raises Malformed: its last delimiter has not come."""
        if self._step != self._after:
            self.discard()
            raise Malformed(f"it ends within part {self.parts}" if self.parts else "it holds no part")

    def discard(self) -> None:
        """Give up the part that is coming in."""
        if self._part:
            self._part.discard()
            self._part = None

    def _wait(self, data: bytes, at: int) -> None:
        """What is there from here on is looked at again when more has come."""
        self._rest = data[at:]

    def _before(self, data: bytes, at: int) -> int | None:
        """Before the first delimiter."""
        found = data.find(self._delimiter, at)
        if found < 0:
            known = max(at, len(data) - len(self._delimiter))
            self._passed += known - at
            if self._passed > LONGEST_PREAMBLE:
                raise Malformed("the boundary that its Content-Type names is not in it")
            self._wait(data, known)
            return None
        self._step = self._mark
        return found

    def _within(self, data: bytes, at: int) -> int | None:
        """In the body of a part, which ends before the next delimiter."""
        assert self._part
        found = data.find(self._delimiter, at)
        known = found if found >= 0 else len(data) - _begun(data, at, self._delimiter)
        if known > at:
            self._part.write(memoryview(data)[at:known])
        if found < 0:
            self._wait(data, known)
            return None
        self._step = self._mark
        return found

    def _mark(self, data: bytes, at: int) -> int | None:
        """At a delimiter, if it is one: it ends the body, or its line ends; else these bytes are the part's own."""
        end = at + len(self._delimiter)
        after = data[end : end + LONGEST_PADDING + len(_LINE)]
        if after[:2] == b"--":
            self._close()
            self._step = self._after
            return end
        line, found, _ = after.partition(_LINE)
        if found and not line.strip(b" \t"):
            self._close()
            self._step = self._headers
            return end + len(line)
        if not found and len(after) < LONGEST_PADDING + len(_LINE) and not line.strip(b" \t-\r"):
            self._wait(data, at)  # it cannot be told yet
            return None
        if self._part:
            self._part.write(memoryview(data)[at : at + len(_LINE)])
        self._step = self._within if self._part else self._before
        return at + len(_LINE)

    def _close(self) -> None:
        if self._part:
            part, self._part = self._part, None
            part.end()

    def _headers(self, data: bytes, at: int) -> int | None:
        """After a delimiter's line, from the end of that line on: until an empty line."""
        end = data.find(_LINE * 2, at, at + LONGEST_HEADERS + 2 * len(_LINE))
        if end < 0:
            if len(data) - at > LONGEST_HEADERS:
                raise Malformed(f"the headers of part {self.parts + 1} have no end")
            self._wait(data, at)
            return None
        self.parts += 1
        self._part = self._begin(_named(data[at + len(_LINE) : end]))
        self._step = self._first
        return end + len(_LINE)

    def _first(self, data: bytes, at: int) -> int | None:
        """At the empty line before the body of a part: where the body is empty, that line is the delimiter's."""
        if len(data) - at < len(self._delimiter) and self._delimiter.startswith(data[at:]):
            self._wait(data, at)
            return None
        if data.startswith(self._delimiter, at):
            self._step = self._mark
            return at
        self._step = self._within
        return at + len(_LINE)

    def _after(self, _: bytes, __: int) -> int | None:
        """After the last delimiter."""
        return None


def _begun(data: bytes, at: int, delimiter: bytes) -> int:
    """How many bytes at the end of the data, from a place on, may begin a delimiter."""
    tail = data[max(at, len(data) - len(delimiter) + 1) :]
    at = tail.find(b"\r")
    while at >= 0:
        if delimiter.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(b"\r", at + 1)
    return 0


def _named(lines: bytes) -> dict[str, str]:
    """The headers of a part."""
    found = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """A media type in lower case and its parameters, whose values may be in quotes, as a Content-Type header has it;
    of parameters that cannot be read none.
    """
    message = Message()
    message["content-type"] = value
    try:
        parameters = message.get_params(failobj=[])
        said = {name: collapse_rfc2231_value(one).strip() for name, one in parameters[1:]}
    except (TypeError, ValueError):  # pieces of a value (RFC 2231) that do not fit together, or in no known encoding
        said = {}
    return message.get_content_type(), said
