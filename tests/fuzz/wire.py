"""Requests over a socket, byte for byte, and what is heard: for targets that are HTTP servers of this process."""

import re
import select
import socket
from typing import Final

from tests.fuzz.frame import Wrong

ANSWERED_WITHIN_S: Final = 60.0
SILENCE_S: Final = 0.15
LONGEST_ANSWER: Final = 4 << 20
HEADERS: Final = (
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Expect: 100-continue",
    b"Host: \x00",
    b"X: " + b"y" * 70_000,
    b"Content-Type: \xff",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b": a",
    b"A",
    b" folded",
    b"Content-Encoding: gzip",
    b"Host: a",
)
"""Headers that some server does not expect."""


def heard(address: tuple[str, int], given: bytes, *, patient: bool = False) -> bytes:
    """The first answer, to its end. A request that is cut short is ended by us, for the server waits for the rest;
    not where we are ``patient``.
    """
    with socket.create_connection(address, ANSWERED_WITHIN_S) as wire:
        answer = bytearray()
        try:
            wire.sendall(given)
            if not select.select([wire], [], [], ANSWERED_WITHIN_S if patient else SILENCE_S)[0]:
                wire.shutdown(socket.SHUT_WR)
            while not _whole(answer) and (more := wire.recv(65_536)):
                answer += more
        except (ConnectionResetError, BrokenPipeError):
            pass
        except TimeoutError:
            raise Wrong("time: no answer, and no end of the connection") from None
    return bytes(answer)


def _whole(answer: bytearray) -> bool:
    """Whether an answer has come to the end that it states."""
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    stated = re.search(rb"\r\ncontent-length: ([0-9]{1,9})", head)
    return len(answer) > LONGEST_ANSWER or bool(stated and len(body) >= int(stated[1]))


def status_of(answer: bytes) -> int:
    """The status of an answer. Raises Wrong: it is no HTTP, or tells of a defect."""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise Wrong("answer: it is no HTTP")
    if b"Traceback" in answer:
        raise Wrong("answer: a traceback")
    status = int(words[1])
    if status >= 500:
        raise Wrong(f"status {status}: {body[:200]!r}")
    return status


def with_header(given: bytes, header: bytes, place: int) -> bytes:
    """The request with one header more, after so many lines at most."""
    head, _, body = given.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    lines.insert(1 + place % len(lines), header)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
