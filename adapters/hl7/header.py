"""Reads MSH: who sends what, under which message id; and whether it is a message that is taken at all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.hl7.er7 import segments
from adapters.hl7.refusal import Condition, rejected

LONGEST_ID: Final = 199
VERSION: Final = "2."
PROCESSING: Final = frozenset({"", "P", "T", "D"})
REAL: Final = frozenset({"", "P"})


@dataclass(frozen=True)
class Header:
    """What the answer needs of MSH. ``kind``, ``event``: ADT and A28. Each is empty where it is not said."""

    application: str
    facility: str
    receiving_application: str
    receiving_facility: str
    kind: str
    event: str
    control_id: str
    processing: str
    version: str
    charsets: list[str]


def written_in(codec: str, head: Header) -> Header:
    """The header as it is written in the message's character set, for an answer that is written in it too."""
    each: dict[str, Any] = {
        name: said.encode("iso8859-1").decode(codec, "replace")
        for name, said in vars(head).items()
        if isinstance(said, str)
    }
    return replace(head, **each)


def header(raw: bytes) -> Header | None:
    """MSH as it is written, before its character set is known; None where the message has none to answer to."""
    line = raw.split(b"\r", 1)[0].split(b"\n", 1)[0].decode("iso8859-1")
    if not line.startswith("MSH"):
        return None
    (msh, *_) = segments(line, "iso8859-1")
    return Header(
        application=msh.value(3),
        facility=msh.value(4),
        receiving_application=msh.value(5),
        receiving_facility=msh.value(6),
        kind=msh.value(9, 1),
        event=msh.value(9, 2),
        control_id=msh.value(10),
        processing=msh.value(11),
        version=msh.value(12),
        charsets=[each.part(1) for each in msh.values(18)],
    )


def refuse_unfit(head: Header, events: Mapping[str, Collection[str]], *, real_only: bool) -> None:
    """Raises Refused where the message is of no kind that is taken. ``events``: those of each kind; ``real_only``: none
    of tests and training.
    """
    if head.kind not in events:
        raise rejected(9, Condition.UNSUPPORTED_TYPE, f"only messages of type {', '.join(sorted(events))} are taken")
    if head.event not in events[head.kind]:
        taken = ", ".join(sorted(events[head.kind]))
        raise rejected(9, Condition.UNSUPPORTED_EVENT, f"of {head.kind} these events are taken: {taken}")
    if not head.control_id:
        raise rejected(
            10, Condition.FIELD_MISSING, "the message has no id: repeated, it could not be told from another"
        )
    if len(head.control_id) > LONGEST_ID:
        raise rejected(10, Condition.DATA_TYPE, f"a message id has at most {LONGEST_ID} characters")
    if not head.version.startswith(VERSION):
        raise rejected(12, Condition.UNSUPPORTED_VERSION, "messages of HL7 version 2 are taken, such as 2.5")
    if head.processing not in (REAL if real_only else PROCESSING):
        raise rejected(
            11,
            Condition.UNSUPPORTED_PROCESSING,
            "real patients alone are taken here (P): send training and tests elsewhere",
        )
