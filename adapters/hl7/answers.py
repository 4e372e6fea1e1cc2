"""Writes the answer to a message: MSH, MSA, and ERR where something is to be said. Source: HL7 v2.5, 2.9.2.

It is of ASCII, for a sender reads it by its own character set; nothing of the message is in it but what MSH names. What
is answered to a query is in ``responses``.
"""

from datetime import datetime
from typing import Final
from uuid import uuid4

from adapters.hl7.er7 import written
from adapters.hl7.header import Header
from adapters.hl7.refusal import WORDS, Condition, Refused, Verdict

ERROR, INFORMATION = "E", "I"
VERSION: Final = "2.5"
MOST: Final = 199
"""Characters of a name from MSH that an answer repeats."""


def accepted(head: Header, now: datetime, told: str = "") -> bytes:
    """AA. ``told``: what the sender should know all the same, such as that a human decides."""
    lines = [_ack(head, now), msa(head, Verdict.ACCEPTED, told)]
    if told:
        lines.append(_err("", Condition.ACCEPTED, INFORMATION, "", told))
    return _bytes(lines)


def refused(head: Header, now: datetime, why: Refused) -> bytes:
    """AE or AR."""
    return _bytes([_ack(head, now), msa(head, why.verdict, str(why)), *errs(why)])


def msh(head: Header, now: datetime, kind: str, charset: str = "") -> str:
    """The header of an answer of that kind, which goes back where the message came from."""
    fields = (
        "MSH",
        "^~\\&",
        _told(head.receiving_application) or "KRYPTON",
        _told(head.receiving_facility),
        _told(head.application),
        _told(head.facility),
        now.strftime("%Y%m%d%H%M%S%z"),
        "",
        kind,
        uuid4().hex[:20],
        _told(head.processing) or "P",
        _told(head.version) or VERSION,
    )
    return "|".join((*fields, "", "", "", "", "", charset) if charset else fields)


def msa(head: Header, verdict: Verdict, text: str) -> str:
    """What became of the message."""
    return f"MSA|{verdict}|{_told(head.control_id)}|{written(text)}"


def errs(why: Refused) -> list[str]:
    """Why it is refused, once for each place."""
    return [_err(str(place), why.condition, ERROR, why.rule, str(why)) for place in why.places]


def _ack(head: Header, now: datetime) -> str:
    return msh(head, now, f"ACK^{_told(head.event)}^ACK" if head.event else "ACK")


def _err(place: str, condition: Condition, severity: str, rule: str, text: str) -> str:
    code = f"{int(condition)}^{WORDS[condition]}^HL70357"
    return f"ERR||{place}|{code}|{severity}|{rule}|||{written(text)}"


def _told(text: str) -> str:
    return written(text[:MOST])


def _bytes(lines: list[str]) -> bytes:
    return "".join(f"{line}\r" for line in lines).encode("ascii", errors="replace")
