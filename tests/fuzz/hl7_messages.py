"""HL7 connections, byte for byte: each message is answered, or its connection ended; what is refused wrote nothing.

A query writes nothing but the record that it was asked, and no answer names somebody who was erased.
"""

import logging
import re
import socket
from collections.abc import Sequence
from random import Random
from typing import Final

from adapters.hl7.assigners import oid_of
from adapters.hl7.charsets import decoded
from adapters.hl7.er7 import segments
from adapters.hl7.header import header
from adapters.hl7.mllp import END, START, Bounds
from adapters.hl7.refusal import Refused
from adapters.hl7.server import Server, Slots
from domain.aggregates.identity import Identity
from tests.fakes import hl7
from tests.fakes.hl7 import MATRICULE, NIR, SITE, message, mrg, pid
from tests.fuzz.frame import Wrong
from tests.fuzz.mutate import LONGEST, havoc, odd_text

ANSWERED_WITHIN_S: Final = 60.0
WHOLE: Final = {
    "name": "LE GOFF^ANNE^ANNE MARIE^^^^L~FICTIVE^ANNE^^^^^D",
    "f3": f"{MATRICULE}^^^{NIR}^INS~1^^^{SITE}^PI~{hl7.OTHERS_NUMBER}~{hl7.VISIT}",
    "f11": "1 RUE^^VILLE^^75001^FRA^H~^^^^^^BDL^^63220",
    "f32": "QUAL",
}
CHARSETS: Final = (
    "",
    "8859/1",
    "8859/15",
    "UNICODE UTF-8",
    "UTF-8",
    "ASCII",
    "UNICODE UTF-16",
    "8859/99",
    "~",
    "\\F\\",
)
EVENTS: Final = (
    *(f"ADT^{event}" for event in ("A01", "A04", "A05", "A28", "A08", "A31", "A40", "A24", "A37", "A47", "A03", "")),
    *("ADT^A40^ADT_A39", "QBP^Q22^QBP_Q21", "QBP^Q23^QBP_Q21", "QBP^Q21", "QCN^J01^QCN_J01", "ACK^A28", "ORU^R01"),
)
QUERIES: Final = (
    ("QBP^Q23", "QPD|IHE PIX Query|t1|1^^^CHB^PI", "RCP|I"),
    ("QBP^Q23", f"QPD|IHE PIX Query|t1|2^^^CHB&{oid_of(SITE)}&ISO|^^^CHB~^^^&1.2.250.1.213.1.4.10&ISO", "RCP|I"),
    ("QBP^Q23", f"QPD|IHE PIX Query|t1|{MATRICULE}^^^{NIR}^INS|", "RCP|I"),
    ("QBP^Q23", "QPD|IHE PIX Query|t1|4^^^CHB^PI|^^^NONE", "RCP|I"),
    ("QBP^Q22", "QPD|IHE PDQ Query|t2|@PID.5.1.1^FICTIVE~@PID.7^1950~@PID.8^F", "RCP|I|2^RD"),
    ("QBP^Q22", "QPD|IHE PDQ Query|t2|@PID.5^FIC*^MARIE|||||^^^CHB", "RCP|I|1^RD", f"DSC|{'0' * 16}{'a' * 32}|I"),
    ("QBP^Q22", "QPD|IHE PDQ Query|t2|@PID.3.1^1~@PID.3.4.1^CHB~@PID.3.4.3^ISO", "RCP|I"),
    ("QCN^J01", "QID|t2|IHE PDQ Query"),
)
ERASED: Final = b"QXVMARK"
MARKS: Final = (
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\r",
    b"\n",
    b"\x0b",
    b"\x1c",
    b"\x1c\r",
    b"\0",
    b"\xff",
    b'""',
    b"MSH|",
)


def framed(raw: bytes) -> bytes:
    """As MLLP sends it."""
    return START + raw + END


class Hl7Messages:
    """See the module."""

    name = "hl7"

    def __init__(self) -> None:
        self._ledger = hl7.Ledger()
        desk = hl7.desk(self._ledger)
        for number in ("1", "2", "3"):
            assert desk.answer(message("A28", f"known {number}", pid(number)))
        assert desk.answer(message("A28", "erased", pid("4", name=f"FICTIVE^{ERASED.decode()}^^^^^L")))
        self._ledger.memory_vault.destroy(str(Identity.create_id(self._ledger.ids, SITE, "4")))
        self._server = Server("127.0.0.1", 0, desk.answer, Bounds(most=100_000), Slots())
        self._server.start()
        self._broken = Broken()
        logging.getLogger("adapters.hl7").addHandler(self._broken)

    def seeds(self) -> Sequence[bytes]:
        """Every event that is taken."""
        groups = [
            *((event, pid("1")) for event in ("A01", "A04", "A05", "A28", "A08", "A31")),
            *((event, pid(**WHOLE) + "\rZFD|||||INSI|20260105") for event in ("A28", "A31")),
            *(("A40", f"{pid(kept)}\r{mrg(gone)}") for kept, gone in (("1", "2"), ("2", "1"), ("1", "1"), ("9", "3"))),
            *((event, f"{pid('1')}\r{pid('3')}") for event in ("A24", "A37")),
            *(("A47", f"{pid('7')}\r{gone}") for gone in (mrg("1"), f"MRG|{WHOLE['f3']}")),
        ]
        each = [message(event, f"seed {n}", rest) for n, (event, rest) in enumerate(groups)]
        each += [message("A28", f"query {n}", *rest, f9=kind) for n, (kind, *rest) in enumerate(QUERIES)]
        return [*(framed(one) for one in each), b"".join(framed(one) for one in (*each[:4], *each[-4:]))]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """A field, a segment, a mark, the character set, the event, the frame, or the bytes."""
        text = given.strip(START + END).decode(errors="surrogateescape")  # bytes stay bytes, however often it is done
        lines = text.split("\r")
        at = random.randrange(len(lines))
        match random.randrange(8):
            case 0 | 1:
                fields = lines[at].split("|")
                fields[random.randrange(len(fields))] = odd_text(random)[:70_000]
                lines[at] = "|".join(fields)
            case 2:
                parts = re.split(r"([|^~&])", lines[at])
                parts[random.randrange(len(parts))] = odd_text(random)[:200]
                lines[at] = "".join(parts)
            case 3:
                lines.insert(random.randrange(len(lines) + 1), lines.pop(at) if random.random() < 0.5 else lines[at])
            case 4:
                lines = field_changed(lines, 17, random.choice(CHARSETS))
            case 5:
                lines = field_changed(lines, 8, random.choice(EVENTS))
            case 6:
                raw, where = bytearray(given), random.randrange(len(given) + 1)
                raw[where:where] = random.choice(MARKS)
                return bytes(raw)
            case _:
                return havoc(given, other, random)
        if random.random() < 0.8:  # an id that was used would be refused before anything else is looked at
            lines = field_changed(lines, 9, f"m{random.randrange(10**12)}")
        return framed("\r".join(lines).encode(errors="surrogateescape")[:LONGEST])

    def answer(self, given: bytes) -> str:
        """Say it on a connection of its own; then others are still answered."""
        head = self._ledger.recorder.max_notification_id()
        came = self._exchange(given)
        answers = [told(one) for one in came]
        if self._broken.said:
            raise Wrong(self._broken.said.pop())
        wrote = self._wrote(head or 0)
        if wrote and not any(answer.endswith("AA") for answer in answers):
            raise Wrong("what was refused was written")
        if b"ADT" not in given and any(not topic.startswith("access.") for topic in wrote):
            raise Wrong("a query wrote more than that it was asked")
        if ERASED not in given and any(ERASED in one for one in came):
            raise Wrong("an answer names somebody who was erased")
        if [told(one) for one in self._exchange(framed(message("A28", "known 1", pid("1"))))] != ["AA"]:
            raise Wrong("nobody else is answered any more")
        return " ".join(answers) or "closed"

    def _wrote(self, head: int) -> list[str]:
        found = self._ledger.recorder.select_notifications(head, 100, inclusive_of_start=False)
        return [stored.topic for stored in found]

    def _exchange(self, said: bytes) -> list[bytes]:
        came = b""
        with socket.create_connection(("127.0.0.1", self._server.port), ANSWERED_WITHIN_S) as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65_536):
                came += more
        return came.split(END)[:-1]

    def close(self) -> None:
        """Stop the server."""
        logging.getLogger("adapters.hl7").removeHandler(self._broken)
        self._server.stop()


class Broken(logging.Handler):
    """Notes each message that was not answered for an error of the service."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        self.said.append(record.getMessage())


def told(answer: bytes) -> str:
    """The verdict of an answer, with place and kind of an error. Raises Wrong where it is none."""
    head = header(answer[1:]) if answer.startswith(START) else None
    if head is None:
        raise Wrong("what came back is no answer")
    try:
        each = {segment.name: segment for segment in segments(*decoded(answer[1:], head.charsets))}
    except Refused as unfit:
        raise Wrong(f"an answer cannot be read: {unfit}") from None
    verdict = each["MSA"].value(1)
    if "QAK" in each and verdict != {"OK": "AA", "NF": "AA"}.get(each["QAK"].value(2), each["QAK"].value(2)):
        raise Wrong("a query is answered in two ways at once")
    kind = "found " if "PID" in each else "none " if "QAK" in each else ""
    if verdict == "AA":
        return kind + verdict
    err = each["ERR"]
    if not (verdict in ("AE", "AR") and err.value(2) and err.value(3).isdigit()) or "PID" in each:
        raise Wrong(f"{verdict} says neither where nor what")
    return f"{verdict}:{err.value(2)}-{err.value(2, 3)}-{err.value(2, 5)}:{err.value(3)}"


def field_changed(lines: list[str], field: int, value: str) -> list[str]:
    """Another value in the first line."""
    fields = lines[0].split("|") + [""] * 18
    fields[field] = value
    return ["|".join(fields), *lines[1:]]
